// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers have two doors, ioctl and guest. What comes in by one is there by the other, and
 * for the guest's own instructions, at once: RDTSCP, SYSCALL, FS and GS, not RDMSR alone.
 */
#include "guest.h"
#include "state_dump.h"
#include "uses.h"

/* There with bits 8 and 10 of IA32_MCG_CAP. */
#define MCG_CTL		0x17b
#define MC0_CTL2	0x280

enum kind {
	MSR, CR0, CR2, CR3, CR4, CR8, DR0, DR1, DR2, DR3, DR6, DR7, XCR0,
	APIC,			/* a register of the local APIC; others by KVM_SET_LAPIC */
	FS, GS,			/* the base by KVM_SET_SREGS, the guest by WRMSR */
	FCW, MXCSR,		/* by KVM_SET_FPU and KVM_SET_XSAVE */
};

/* Rows without an instruction share a guest by this. */
static const char *const groups[] = {
	[MSR] = "msrs", [CR0 ... CR8] = "control", [DR0 ... DR7] = "debug", [XCR0] = "xcr0",
	[APIC] = "apic", [FS ... GS] = "bases", [FCW ... MXCSR] = "fpu",
};

enum command { GET, SET, TRY };

/*
 * @first and @second: values; with @flip, bits to change in the one that is there. @index: of an
 * MSR or a register of the APIC, and of others up to @last at distances of @step.
 */
struct reg {
	const char *name;
	enum kind kind;
	uint32_t index;
	bool flip;
	uint64_t first, second;
	uint64_t (*use)(void);		/* what an instruction makes of it */
	uint64_t mask;			/* the bits that it shows; 0: all */
	uint32_t last, step;
};

static volatile enum command command;
static const struct reg *volatile current;
static volatile uint32_t index_now;
static volatile uint64_t value, used, first_word[2], second_word[2];

static uint64_t xgetbv0(void)
{
	uint32_t a, d;

	asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return a;
}

#define GET_REG(r) ({ uint64_t v_; asm volatile("mov %%" r ", %0" : "=r"(v_)); v_; })
#define SET_REG(r, v) asm volatile("mov %0, %%" r : : "r"(v) : "memory")

#define CASES(X) X(CR0, "cr0") X(CR2, "cr2") X(CR3, "cr3") X(CR4, "cr4") X(CR8, "cr8") \
	X(DR0, "dr0") X(DR1, "dr1") X(DR2, "dr2") X(DR3, "dr3") X(DR6, "dr6") X(DR7, "dr7")

#define APIC_REG(r) (*(volatile uint32_t *)(0xfee00000UL + (r)))

static uint64_t guest_get(const struct reg *r)
{
	uint64_t val = 0;
	uint32_t v = 0;

	switch (r->kind) {
#define X(k, n) case k: val = GET_REG(n); break;
	CASES(X)
#undef X
	case MSR:
		return rdmsr(index_now);
	case FS:
		return rdmsr(MSR_FS_BASE);
	case GS:
		return rdmsr(MSR_GS_BASE);
	case APIC:
		return APIC_REG(index_now);
	case FCW:
		asm volatile("fnstcw %0" : "+m"(v));
		return v;
	case MXCSR:
		asm volatile("stmxcsr %0" : "+m"(v));
		return v;
	default:
		return xgetbv0();
	}
	return val;
}

static void guest_set(const struct reg *r, uint64_t v)
{
	uint32_t low = v;

#define X(k, n) if (r->kind == k) SET_REG(n, v);
	CASES(X)
#undef X
	switch (r->kind) {
	case MSR:
		wrmsr(index_now, v);
		break;
	case FS:
		wrmsr(MSR_FS_BASE, v);
		break;
	case GS:
		wrmsr(MSR_GS_BASE, v);
		break;
	case APIC:
		APIC_REG(index_now) = low;
		break;
	case FCW:
		asm volatile("fldcw %0" : : "m"(low));
		break;
	case MXCSR:
		asm volatile("ldmxcsr %0" : : "m"(low));
		break;
	case XCR0:
		asm volatile("xsetbv" : : "a"(low), "d"(0), "c"(0));
		break;
	default:
		break;
	}
}

/* Is there a value that @index takes and keeps? */
static bool guest_changes(uint32_t index)
{
	static const uint64_t bits[] = { 1, 0x1000, 0x40000, 1 << 6, ~0ULL };
	uint64_t old, now;
	int i;

	if (guest_rdmsr(index, &old))
		return false;
	for (i = 0; i < ARRAY_LEN(bits); i++) {
		if (guest_wrmsr(index, old ^ bits[i]))
			continue;
		if (!guest_rdmsr(index, &now) && now != old) {
			guest_wrmsr(index, old);
			return true;
		}
	}
	return false;
}

static void guest_main(uint64_t arg)
{
	for (;;) {
		if (command == TRY) {
			value = guest_changes(index_now);
		} else {
			if (command == SET)
				guest_set(current, value);
			value = guest_get(current);
			used = current->use ? current->use() : value;
		}
		guest_sync(0);
	}
}

static uint64_t *in_sregs(struct kvm_sregs *s, enum kind k)
{
	return k == CR0 ? (uint64_t *)&s->cr0 : k == CR2 ? (uint64_t *)&s->cr2 :
	       k == CR3 ? (uint64_t *)&s->cr3 : k == CR4 ? (uint64_t *)&s->cr4 :
	       k == CR8 ? (uint64_t *)&s->cr8 : k == FS ? (uint64_t *)&s->fs.base :
	       (uint64_t *)&s->gs.base;
}

static uint64_t in_out_fpu(struct guest *g, const struct reg *r, bool set, uint64_t v)
{
	static struct kvm_xsave x;
	int fd = g->m->vcpu->fd;
	struct kvm_fpu f;

	CHECK_OK(ioctl(fd, KVM_GET_FPU, &f));
	CHECK_OK(ioctl(fd, KVM_GET_XSAVE, &x));
	if (set && r->kind == FCW) {
		f.fcw = v;
		CHECK_OK(ioctl(fd, KVM_SET_FPU, &f));
	} else if (set) {
		x.region[6] = v;
		x.region[128] |= 2;	/* SSE is in the image */
		CHECK_OK(ioctl(fd, KVM_SET_XSAVE, &x));
	}
	return r->kind == FCW ? f.fcw : x.region[6];
}

static uint64_t in_out_lapic(struct guest *g, bool set, uint32_t v)
{
	struct kvm_lapic_state l;
	uint32_t *reg = (uint32_t *)(l.regs + index_now);

	CHECK_OK(ioctl(g->m->vcpu->fd, KVM_GET_LAPIC, &l));
	if (set) {
		*reg = v;
		CHECK_OK(ioctl(g->m->vcpu->fd, KVM_SET_LAPIC, &l));
	}
	return *reg;
}

static uint64_t in_out_debugregs(struct guest *g, const struct reg *r, bool set, uint64_t v)
{
	struct kvm_debugregs d;
	__u64 *at = r->kind == DR7 ? &d.dr7 : r->kind == DR6 ? &d.dr6 : &d.db[r->kind - DR0];

	CHECK_OK(ioctl(g->m->vcpu->fd, KVM_GET_DEBUGREGS, &d));
	if (set) {
		*at = v;
		CHECK_OK(ioctl(g->m->vcpu->fd, KVM_SET_DEBUGREGS, &d));
	}
	return *at;
}

/* By ioctl; what was there, or @v if it was @set. */
static uint64_t in_out(struct guest *g, const struct reg *r, bool set, uint64_t v)
{
	struct kvm_sregs s = get_sregs(g->m);
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs[0].value = v };

	switch (r->kind) {
	case MSR:
		if (set)
			set_msr(g->m, index_now, v);
		return get_msr(g->m, index_now);
	case XCR0:
		if (set)
			CHECK_OK(ioctl(g->m->vcpu->fd, KVM_SET_XCRS, &x));
		CHECK_OK(ioctl(g->m->vcpu->fd, KVM_GET_XCRS, &x));
		return x.xcrs[0].value;
	case APIC:
		return in_out_lapic(g, set, v);
	case FCW:
	case MXCSR:
		return in_out_fpu(g, r, set, v);
	case DR0 ... DR7:
		return in_out_debugregs(g, r, set, v);
	default:
		if (set) {
			*in_sregs(&s, r->kind) = v;
			set_sregs(g->m, &s);
		}
		return *in_sregs(&s, r->kind);
	}
}

static void check(struct guest *g, const struct reg *r, uint64_t want)
{
	uint64_t mask = r->mask ? r->mask : ~0ULL;

	guest_run(g, 0);
	CHECK(value == want && (used & mask) == (want & mask) &&
	      in_out(g, r, false, 0) == want,
	      "%s %x: %llx, the guest reads %llx and finds %llx, user space reads %llx",
	      r->name, index_now,
	      (unsigned long long)want, (unsigned long long)value, (unsigned long long)used,
	      (unsigned long long)in_out(g, r, false, 0));
}

static void one_register(struct guest *g, const struct reg *r)
{
	uint64_t first = r->first, second = r->second, old = in_out(g, r, false, 0);
	int i;

	if (r->flip) {
		first ^= old;
		second ^= old;
	}
	for (i = 0; i < 2; i++) {
		in_out(g, r, true, first);
		command = GET;
		check(g, r, first);
		value = second;
		command = SET;
		check(g, r, second);
		value = first;
		check(g, r, first);
	}
}

/* CPUID shows MONITOR as MISC_ENABLE has it. */
static void follow_mwait(struct guest *g)
{
	need_cap(g, KVM_CAP_DISABLE_QUIRKS2);
	CHECK_OK(enable_cap(g->fd, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT));
}

/* All banks, and what can be controlled of them. */
static void set_up_mce(struct guest *g)
{
	uint64_t cap = 32 | 1 << 8 | 1 << 10, supported = 0;

	CHECK_OK(ioctl(g->m->vm->kvm_fd, KVM_X86_GET_MCE_CAP_SUPPORTED, &supported));
	if (~supported & cap & ~0xffULL)
		test_skip("no CMCI in this kvm");
	CHECK_OK(ioctl(g->m->vcpu->fd, KVM_X86_SETUP_MCE, &cap));
}

/* 6.1's keeps the bit of HWCR that is cleared. */
static bool can_clear(struct guest *g, const struct reg *r)
{
	if (r->kind != MSR || r->index != MSR_K7_HWCR)
		return true;
	set_msr(g->m, r->index, r->second);
	set_msr(g->m, r->index, 0);
	return !get_msr(g->m, r->index);
}

/* Out of its initial state: the kernel's kvm sets what is in there, and leaves it at that. */
static void use_x87(struct guest *g)
{
	value = 0x77f;
	command = SET;
	guest_run(g, 0);
}

/* The features that the instructions of a row need. */
static void prepare(struct guest *g, const struct reg *r)
{
	struct kvm_sregs s = get_sregs(g->m);

	if (r->kind == XCR0 || r->use == use_osxsave) {
		if (!cpu_has(g->m, X86_FEATURE_XSAVE))
			test_skip("no XSAVE on this CPU");
		if (r->kind == XCR0)
			s.cr4 |= X86_CR4_OSXSAVE;
	}
	if (r->use == use_avx_size && !cpu_has(g->m, KVM_X86_CPU_FEATURE(1, 0, ECX, 28)))
		test_skip("no AVX on this CPU");
	if (r->use == use_tsc_aux && !cpu_has(g->m, X86_FEATURE_RDTSCP))
		test_skip("no RDTSCP on this CPU");
	if (r->use == use_fsgsbase && !cpu_has(g->m, KVM_X86_CPU_FEATURE(7, 0, EBX, 0)))
		test_skip("no FSGSBASE on this CPU");
	if (r->use == use_lstar)
		s.efer |= EFER_SCE_BIT;
	if (r->kind == MXCSR)
		s.cr4 |= X86_CR4_OSFXSR;
	if (r->index == MCG_CTL || r->index == MC0_CTL2)
		set_up_mce(g);
	if (r->use == use_mwait)
		follow_mwait(g);
	if (r->use == use_wp)
		*guest_pte(g->m, USE_AT) &= ~PTE_W;
	if (r->use == use_nx)
		*guest_pte(g->m, USE_AT) |= PTE_NX;
	/* Its bits are ignored unless software has enabled the APIC. */
	if (r->kind == APIC && r->index != APIC_SPIV) {
		index_now = APIC_SPIV;
		in_out_lapic(g, true, 0x1ff);
	}
	set_sregs(g->m, &s);
	if (r->kind == FCW)
		use_x87(g);
}

static void both_doors(struct guest *g, const struct reg *r)
{
	uint32_t i = r->index;

	if (!can_clear(g, r)) {
		test_note("%s is left out: this kvm does not clear what is cleared", r->name);
		return;
	}
	current = r;
	prepare(g, r);
	do {
		index_now = i;
		one_register(g, r);
		i += r->step;
	} while (r->step && i <= r->last);
}

#define WORDS (uintptr_t)first_word, (uintptr_t)second_word

static const struct reg regs[] = {
	{ "tsc_aux", MSR, MSR_TSC_AUX, false, 10, 256, use_tsc_aux },
	{ "fs_base", MSR, MSR_FS_BASE, false, WORDS, use_fs },
	{ "gs_base", MSR, MSR_GS_BASE, false, WORDS, use_gs },
	{ "kernel_gs_base", MSR, MSR_KERNEL_GS_BASE, false, WORDS, use_kernel_gs },
	{ "lstar", MSR, MSR_LSTAR, false, (uintptr_t)entry_1, (uintptr_t)entry_2, use_lstar },
	{ "star", MSR, MSR_STAR, false, 0x8000000000, 0x23000800000000 },
	{ "cstar", MSR, MSR_CSTAR, false, 0x1000, 0x2000 },
	{ "fmask", MSR, MSR_SYSCALL_MASK, false, 0x200, 0x47700 },
	{ "sysenter_cs", MSR, MSR_IA32_SYSENTER_CS, false, 8, 0x18 },
	{ "sysenter_esp", MSR, MSR_IA32_SYSENTER_ESP, false, 0x1000, 0x2000 },
	{ "sysenter_eip", MSR, MSR_IA32_SYSENTER_EIP, false, 0x3000, 0x4000 },
	{ "pat", MSR, MSR_IA32_CR_PAT, false, 0x0007040600070406, 0x0606060606060606 },
	{ "efer", MSR, MSR_EFER, true, EFER_SCE_BIT, EFER_NX_BIT },
	{ "misc_enable", MSR, MSR_IA32_MISC_ENABLE, true, 1 << 3, 1 << 0 },
	{ "mtrr_def_type", MSR, MSR_MTRRdefType, false, 0xc06, 0x806 },
	{ "tsc_adjust", MSR, 0x3b, false, 0x1000, 0x2000000000 },
	{ "misc_features", MSR, 0x140, false, 1, 0 },
	{ "mcg_status", MSR, 0x17a, false, 5, 2 },
	{ "power_ctl", MSR, 0x1fc, false, 1, 0x100000 },
	{ "mtrr_base", MSR, 0x200, false, 6, 0x80000005, .last = 0x20e, .step = 2 },
	{ "mtrr_mask", MSR, 0x201, false, 0x800, 0x80000800, .last = 0x20f, .step = 2 },
	{ "mtrr_64k", MSR, 0x250, false, ~0xf9f9f9f9f9f9f9f9, 0x0505050505050505 },
	{ "mtrr_16k", MSR, 0x258, false, ~0xf9f9f9f9f9f9f9f9, 5, .last = 0x259, .step = 1 },
	{ "mtrr_4k", MSR, 0x268, false, ~0xf9f9f9f9f9f9f9f9, 5, .last = 0x26f, .step = 1 },
	{ "mcg_ctl", MSR, MCG_CTL, false, ~0ULL, 0 },
	{ "mc_ctl2", MSR, MC0_CTL2, false, 1 << 30, 1, .last = 0x29f, .step = 1 },
	{ "mc_ctl", MSR, 0x400, false, ~0ULL, 0, .last = 0x47c, .step = 4 },
	{ "mc_addr", MSR, 0x402, false, 0x1000, 0x2000, .last = 0x47e, .step = 4 },
	{ "mc_misc", MSR, 0x403, false, 0x1000, 0x2000, .last = 0x47f, .step = 4 },
	{ "hwcr", MSR, MSR_K7_HWCR, false, 0, 1 << 18 },
	{ "wall_clock", MSR, 0x4b564d00, false, USE_AT, USE_AT + 0x100 },
	{ "wall_clock_old", MSR, 0x11, false, USE_AT, USE_AT + 0x100 },
	{ "system_time", MSR, 0x4b564d01, false, USE_AT + 1, USE_AT + 0x100 },
	{ "system_time_old", MSR, 0x12, false, USE_AT + 1, USE_AT + 0x100 },
	{ "async_pf", MSR, 0x4b564d02, false, USE_AT + 1, USE_AT + 0x101 },
	{ "steal_time", MSR, 0x4b564d03, false, USE_AT + 1, USE_AT + 0x101 },
	{ "pv_eoi", MSR, 0x4b564d04, false, USE_AT + 1, USE_AT + 0x101 },
	{ "poll_control", MSR, 0x4b564d05, false, 0, 1 },
	{ "async_pf_int", MSR, 0x4b564d06, false, 0x50, 0x60 },
	{ "efer_nx", MSR, MSR_EFER, true, EFER_NX_BIT, 0, use_nx, EFER_NX_BIT },
	{ "efer_sce", MSR, MSR_EFER, true, EFER_SCE_BIT, 0, use_sce, EFER_SCE_BIT },
	{ "misc_enable_mwait", MSR, MSR_IA32_MISC_ENABLE, true, 1 << 18, 0, use_mwait, 1 << 18 },
	{ "apic_base", MSR, MSR_IA32_APICBASE, true, MSR_IA32_APICBASE_ENABLE, 0, use_apic_on,
	  MSR_IA32_APICBASE_ENABLE },
	{ "fs_base_sregs", FS, 0, false, WORDS, use_fs },
	{ "gs_base_sregs", GS, 0, false, WORDS, use_gs },
	{ "cr0", CR0, 0, true, CR0_AM, CR0_TS },
	{ "cr0_wp", CR0, 0, true, CR0_WP, 0, use_wp, CR0_WP },
	{ "cr2", CR2, 0, false, 0x1000, 0xffff800000000000 },
	{ "cr3", CR3, 0, true, 0x8, 0x10 },
	{ "cr4", CR4, 0, true, X86_CR4_MCE, X86_CR4_PGE },
	{ "cr4_de", CR4, 0, true, X86_CR4_DE, 0, use_de, X86_CR4_DE },
	{ "cr4_fsgsbase", CR4, 0, true, X86_CR4_FSGSBASE, 0, use_fsgsbase, X86_CR4_FSGSBASE },
	{ "cr4_osxsave", CR4, 0, true, X86_CR4_OSXSAVE, 0, use_osxsave, X86_CR4_OSXSAVE },
	{ "cr8", CR8, 0, false, 5, 9 },
	{ "dr0", DR0, 0, false, 0x1234, 0xffff800000000000 },
	{ "dr1", DR1, 0, false, 0x1234, 0xffff800000000000 },
	{ "dr2", DR2, 0, false, 0x1234, 0xffff800000000000 },
	{ "dr3", DR3, 0, false, 0x1234, 0xffff800000000000 },
	{ "dr6", DR6, 0, false, 0xffff0ff1, 0xffff4ff0 },
	{ "dr7", DR7, 0, false, 0x10400, 0x500 },
	{ "dr7_watch", DR7, 0, false, 0x30401, 0x30400, use_watch, 1 },
	{ "xcr0", XCR0, 0, false, 1, 3 },
	{ "xcr0_avx", XCR0, 0, false, 7, 3, use_avx_size, 4 },
	{ "fcw", FCW, 0, false, 0x27f, 0x67f },
	{ "mxcsr", MXCSR, 0, false, 0x1fa0, 0x9f80 },
	{ "apic_tpr", APIC, APIC_TASKPRI, false, 0x30, 0x50, use_tpr },
	{ "apic_ldr", APIC, 0xd0, false, 0x1000000, 0x2000000 },
	{ "apic_dfr", APIC, 0xe0, false, 0xfffffff, 0xffffffff },
	{ "apic_svr", APIC, APIC_SPIV, false, 0x1ff, 0x1ef },
	{ "apic_icr2", APIC, APIC_ICR2, false, 0x1000000, 0x2000000 },
	{ "apic_lvt", APIC, 0x320, false, 0x10040, 0x10050, .last = 0x370, .step = 0x10 },
	{ "apic_divisor", APIC, 0x3e0, false, 0xb, 3 },
};

static struct guest *make(void)
{
	struct guest *g = guest_new(1, CHIP_FULL);

	first_word[0] = (uintptr_t)first_word;
	second_word[0] = (uintptr_t)second_word;
	guest_handlers[DB_VECTOR] = use_on_db;
	guest_code(g, 0, guest_main, 0);
	return g;
}

/* A row whose registers are used by an instruction gets a guest of its own... */
static void with_use(const void *arg)
{
	both_doors(make(), arg);
}

/* ... and the others of a group share one. */
static void group(const void *arg)
{
	const struct reg *first = arg, *r;
	struct guest *g = make();

	for (r = first; r < regs + ARRAY_LEN(regs); r++)
		if (groups[r->kind] == groups[first->kind] && !r->use)
			both_doors(g, r);
}

static bool group_seen(const struct reg *r)
{
	const struct reg *before;

	for (before = regs; before < r; before++)
		if (groups[before->kind] == groups[r->kind] && !before->use)
			return true;
	return false;
}

/* MSRs from @first to @last, if that is given, at distances of @step. */
struct msrs {
	uint32_t first, last, step;
};

/* Not in the table, whose rows set a value and set it back: the tests named have these. */
static const struct msrs elsewhere[] = {
	{ MSR_IA32_TSC },		/* goes on; tsc_test */
	{ 0x3a },			/* written once, then locked; msr_test */
	{ MSR_IA32_TSC_DEADLINE },	/* with the timer in that mode alone; apic_timer_test */
	{ 0x4b564d07 },			/* a command; pv_msr_test */
	{ 0x48 },			/* the bits that CPUID has; msr_test */
};

/* Nor in the table: this guest can change none of them, or not so that it can read it. */
static const struct msrs one_door[] = {
	{ 0x34 },			/* counts SMIs; msr_sweep_test */
	{ 0x49 },			/* a command, if CPUID has it; msr_sweep */
	{ 0x8b },			/* a guest's write asks for it; quirk_test */
	{ 0x9e },			/* a guest reads it in SMM; msr_sweep */
	{ 0xce },			/* user space says what CPU it is; quirk_test */
	{ 0x10a },			/* likewise; msr_sweep_test */
	{ 0x10b },			/* a command, if CPUID has it; msr_sweep */
	{ 0x1d9 },			/* what is taken is not kept; msr_sweep_test */
	{ 0x345 },			/* what the PMU has; quirk_test */
	{ 0x401, 0x47d, 4 },		/* a guest may only write 0; ioctl_test */
	{ MSR_IA32_XSS },		/* no bit is offered; msr_sweep_test */
	{ 0x4b564d08 },			/* the bit of CPUID is user space's to give; pv_msr_test */
};

static bool is_among(const struct msrs *m, uint32_t index)
{
	uint32_t last = m->last ?: m->first, step = m->step ?: 1;

	return index >= m->first && index <= last && !((index - m->first) % step);
}

static bool in_table(uint32_t index)
{
	const struct reg *r;
	int i;

	for (i = 0; i < ARRAY_LEN(elsewhere); i++)
		if (is_among(elsewhere + i, index))
			return true;
	for (r = regs; r < regs + ARRAY_LEN(regs); r++)
		if (r->kind == MSR &&
		    is_among(&(struct msrs) { r->index, r->last, r->step }, index))
			return true;
	return false;
}

static bool can_change(struct guest *g, uint32_t index)
{
	command = TRY;
	index_now = index;
	guest_run(g, 0);
	return value;
}

static struct guest *trier(void)
{
	struct guest *g = guest_new(1, CHIP_FULL);

	guest_code(g, 0, guest_main, 0);
	return g;
}

/* What a guest can change and what there is to save has a row. */
static void complete(const void *arg)
{
	struct guest *g = trier();
	uint32_t list[STATE_MAX_MSRS];
	int i, n = state_msrs(list, STATE_MAX_MSRS), missing = 0;

	for (i = 0; i < n; i++)
		if (!in_table(list[i]) && can_change(g, list[i])) {
			test_note("MSR 0x%x can be changed and has no row", list[i]);
			missing++;
		}
	CHECK(!missing, "%d", missing);
}

/* There is a reason not to have these in the table. */
static void closed(const void *arg)
{
	struct guest *g = trier();
	const struct msrs *m;
	uint32_t i;

	for (m = one_door; m < one_door + ARRAY_LEN(one_door); m++)
		for (i = m->first; i <= (m->last ?: m->first); i += m->step ?: 1)
			CHECK(!can_change(g, i), "MSR 0x%x can be changed", i);
}

int main(int argc, char **argv)
{
	const struct reg *r;

	for (r = regs; r < regs + ARRAY_LEN(regs); r++) {
		if (r->use)
			add_test(with_use, r, "%s", r->name);
		else if (!group_seen(r))
			add_test(group, r, "%s", groups[r->kind]);
	}
	TEST(complete);
	TEST(closed);
	return run_tests(argc, argv);
}
