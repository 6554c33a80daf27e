// SPDX-License-Identifier: GPL-2.0-only
/*
 * All state of a vCPU that ioctls give, after its creation, after an INIT and after a SIPI,
 * against one table: SDM 3A, table 10-1 and 11.4.7. Documentation/reset.rst says where the
 * kernel's kvm has reasons not to follow it.
 */
#include <stdarg.h>

#include "guest.h"
#include "state_dump.h"

enum who { ALL, BSP, AP };
/* What INIT makes of it: as after creation, as before it, or a value of its own. */
enum after { SAME, KEPT, VALUE };

/*
 * The first row whose name matches counts; a name that ends in '*' is a beginning. What has no
 * row is 0, and 0 again after INIT. @ignore: bits that are the CPU's or the kvm's to choose.
 */
struct row {
	const char *name;
	uint64_t created;
	enum after after;
	enum who who;
	uint64_t init;
	uint64_t ignore;
};

#define ANY	~0ULL
#define CODE	0x9b		/* present, read, accessed */
#define DATA	0x93
#define LDT	0x82
#define BUSY	0x8b		/* TSS */

static const struct row rows[] = {
	/* The first processor runs, the others wait for INIT and SIPI. */
	{ "mp_state", KVM_MP_STATE_RUNNABLE, SAME, BSP },
	{ "mp_state", KVM_MP_STATE_UNINITIALIZED, VALUE, AP, KVM_MP_STATE_INIT_RECEIVED },
	{ "rip", 0xfff0 },
	{ "rflags", 2 },
	/* The signature, which is that of CPUID once there is one: see want_after_init(). */
	{ "rdx", 0x600 },
	{ "cs.sel", 0xf000 }, { "cs.base", 0xffff0000 }, { "cs.limit", 0xffff }, { "cs.ar", CODE },
	{ "ds.limit", 0xffff }, { "ds.ar", DATA }, { "es.limit", 0xffff }, { "es.ar", DATA },
	{ "fs.limit", 0xffff }, { "fs.ar", DATA }, { "gs.limit", 0xffff }, { "gs.ar", DATA },
	{ "ss.limit", 0xffff }, { "ss.ar", DATA }, { "tr.limit", 0xffff }, { "tr.ar", BUSY },
	{ "ldt.limit", 0xffff }, { "ldt.ar", LDT },
	{ "gdt.limit", 0xffff }, { "idt.limit", 0xffff },
	/* INIT leaves CD and NW: the guest had set CD. */
	{ "cr0", CR0_CD | CR0_NW | CR0_ET, VALUE, ALL, CR0_CD | CR0_ET },
	{ "events.flags", KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW },
	{ "dr6", 0xffff0ff0 },
	{ "dr7", 0x400 },
	/* As after FNINIT; INIT leaves all of it, and XCR0. */
	{ "fpu.fcw", 0x37f, KEPT },
	{ "fpu.mxcsr", 0, KEPT, .ignore = 0x1f80 },
	{ "fpu.*", 0, KEPT },
	{ "xsave+000", 0x37f, KEPT },
	{ "xsave+018", 0xffff00001f80, KEPT },
	{ "xsave+1d0", 0, KEPT, .ignore = ANY },	/* which components this kvm has */
	{ "xsave*", 0, KEPT },
	{ "xcr0", 1, KEPT },
	{ "apic_base", 0xfee00900, KEPT, BSP },
	{ "apic_base", 0xfee00800, KEPT, AP },
	{ "apic.020", 0, KEPT, BSP },
	{ "apic.020", 1 << 24, KEPT, AP },
	{ "apic.030", 0x50014, KEPT },
	{ "apic.0d0", 0 },	/* an x2APIC's follows from its ID: see want_after_init() */
	{ "apic.0e0", 0xffffffff },
	{ "apic.0f0", 0xff },
	{ "apic.320", 0x10000 }, { "apic.330", 0x10000 }, { "apic.340", 0x10000 },
	/* LINT0 of the first processor is ExtINT and not masked, as firmware would set it. */
	{ "apic.350", 0x700, SAME, BSP },
	{ "apic.350", 0x10000, SAME, AP },
	{ "apic.360", 0x10000 }, { "apic.370", 0x10000 },
	/* INIT ends what kvm writes to guest memory: that was another kernel's. */
	{ "msr.12", 0 }, { "msr.4b564d01", 0 },
	{ "msr.4b564d02", 0 }, { "msr.4b564d03", 0 }, { "msr.4b564d04", 0 }, { "msr.4b564d06", 0 },
	{ "msr.4b564d05", 1, KEPT },
	{ "msr.4b564d08", 1, KEPT },
	/* The timer's LVT entry says one-shot. */
	{ "msr.6e0", 0 },
	{ "msr.1b", 0xfee00900, KEPT, BSP },
	{ "msr.1b", 0xfee00800, KEPT, AP },
	{ "msr.8b", 0x100000000, KEPT },
	{ "msr.9e", 0x30000, KEPT },
	{ "msr.ce", 0x80000000, KEPT },
	{ "msr.fe", 0x508, KEPT },
	{ "msr.10a", 0, KEPT, .ignore = ANY },
	{ "msr.179", 0x20, KEPT },
	{ "msr.1a0", 0x1800, KEPT, .ignore = 1 },
	{ "msr.277", 0x7040600070406, KEPT },
	{ "msr.*", 0, KEPT },
	{ "tsc_khz", 0, KEPT, .ignore = ANY },
};

/* Not registers but clocks; Hyper-V's where this kvm has them. */
static const char *const clocks[] = { "msr.10", "msr.400000*" };

/* What the guest below has changed before the INIT: what INIT resets, and what it leaves. */
static const char *const changed[] = {
	"r*", "cs.sel", "cs.limit", "cs.ar", "ds.sel", "ds.limit", "ds.ar", "es.sel", "fs.sel",
	"fs.base", "gs.sel", "gs.base", "ss.sel", "ss.limit", "tr.sel", "tr.base", "tr.limit",
	"ldt.sel", "ldt.base", "ldt.limit", "gdt.*", "idt.*", "cr0", "cr2", "cr3", "cr4", "cr8",
	"efer", "nmi.masked", "nmi.pending", "dr0", "dr1", "dr2", "dr3", "dr6", "dr7",
	"fpu.fcw", "fpu.fsw", "fpu.ftwx", "fpu.st+000", "fpu.xmm+000", "xsave+000", "xsave+018",
	"xsave+020", "xsave+0a0", "xcr0",
	"apic.080", "apic.0a0", "apic.0f0", "apic.130", "apic.220", "apic.300", "apic.320",
	"apic.330", "apic.340", "apic.350", "apic.360", "apic.370", "apic.3e0",
	"msr.11", "msr.12", "msr.3a", "msr.3b", "msr.48", "msr.140", "msr.174", "msr.175", "msr.176",
	"msr.17a", "msr.1a0", "msr.1fc", "msr.2*", "msr.400", "msr.404", "msr.c000008*",
	"msr.c0000102", "msr.c0000103", "msr.c0010015", "msr.4b564d00", "msr.4b564d01",
	"msr.4b564d02", "msr.4b564d03", "msr.4b564d04", "msr.4b564d05", "msr.4b564d06",
};

static bool matches(const char *pattern, const char *name)
{
	while (*pattern && *pattern == *name) {
		pattern++;
		name++;
	}
	return *pattern == '*' || *pattern == *name;
}

static const struct row *row_of(const char *name, enum who who)
{
	static const struct row zero;
	const struct row *r;

	for (r = rows; r < rows + ARRAY_LEN(rows); r++)
		if (matches(r->name, name) && (r->who == ALL || r->who == who))
			return r;
	return &zero;
}

static bool one_of(const char *const *list, int n, const char *name)
{
	int i;

	for (i = 0; i < n; i++)
		if (matches(list[i], name))
			return true;
	return false;
}

#define IN(list, name) one_of(list, ARRAY_LEN(list), name)

/* All that differs is listed before the test fails. */
static int wrong;

static void __printf(2, 3) report(const struct state_item *i, const char *fmt, ...)
{
	char buf[80];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	test_note("%s is 0x%llx%s", i->name, (unsigned long long)i->value, buf);
	wrong++;
}

static void compare(const struct state_item *i, uint64_t want, const char *when)
{
	if (i->value != want && !IN(clocks, i->name))
		report(i, " %s, not 0x%llx", when, (unsigned long long)want);
}

struct kind {
	const char *name;
	enum guest_chip chip;
	int id;
	bool x2apic;
};

static enum who who_is(const struct kind *k)
{
	return k->id ? AP : BSP;
}

static void created(const void *arg)
{
	const struct kind *k = arg;
	struct guest *g = guest_new_novcpu(k->chip);
	struct kvm_vcpu *vcpu = __vm_vcpu_add(g->m->vm, k->id);
	static struct state s;
	const struct row *r;
	uint64_t want;
	int i;

	state_dump(vcpu, k->chip != CHIP_NONE, &s);
	for (i = 0; i < s.nr; i++) {
		r = row_of(s.item[i].name, who_is(k));
		want = r->created ^ ((s.item[i].value ^ r->created) & r->ignore);
		/* Without a local APIC here nothing keeps an AP from running. */
		if (k->chip == CHIP_NONE && !strcmp(s.item[i].name, "mp_state"))
			want = KVM_MP_STATE_RUNNABLE;
		compare(&s.item[i], want, "after creation");
	}
	CHECK(!wrong, "%d differ", wrong);
}

/* --- the guest --- */

struct special {
	uint32_t msr;
	uint64_t value;		/* 0: leave it alone */
};

static const struct special specials[] = {
	{ 0x10, 0 },
	{ 0x1b, 0 },
	{ 0x11, G_DATA + 0x1000 },
	{ 0x12, G_DATA + 0x2001 },
	{ 0x4b564d00, G_DATA + 0x1000 },
	{ 0x4b564d01, G_DATA + 0x2001 },
	/* Without its interrupt: with IF 0 the lab may deliver one (lab.rst). */
	{ 0x4b564d02, G_DATA + 0x3001 },
	{ 0x4b564d03, G_DATA + 0x4001 },
	{ 0x4b564d04, G_DATA + 0x5001 },
	{ 0x4b564d06, 0xef },
	{ 0x1a0, 0x1808 },
	{ 0x6e0, 1ULL << 60 },
	{ 0x2ff, 0xc06 },
};

static volatile uint32_t msrs[STATE_MAX_MSRS];
static volatile int nr_msrs, own_id;
static uint32_t signature;		/* CPUID.1:EAX */
static volatile bool use_x2apic, has_avx, has_xsave;

#define ISR_VECTOR 0x61
#define IRR_VECTOR 0x52
#define SIPI_VECTOR 0x33
#define LVT_MASKED 0x10000
#define LVT_PERIODIC 0x20000
#define LVT_DEADLINE 0x40000

static void apic_wr(uint32_t reg, uint32_t value)
{
	if (use_x2apic)
		guest_apic_write(reg, value);
	else
		*(volatile uint32_t *)(0xfee00000UL + reg) = value;
}

static void send_ipi(uint32_t dest, uint32_t low)
{
	if (use_x2apic) {
		guest_apic_write(APIC_ICR, (uint64_t)dest << 32 | low);
	} else {
		apic_wr(APIC_ICR2, dest << 24);
		apic_wr(APIC_ICR, low);
	}
}

static void change_apic(void)
{
	static const uint16_t lvts[] = { 0x330, 0x340, 0x350, 0x360, 0x370 };
	int i;

	guest_touch();
	apic_wr(APIC_SPIV, APIC_SPIV_APIC_ENABLED | 0x1ef);
	for (i = 0; i < ARRAY_LEN(lvts); i++)
		apic_wr(lvts[i], LVT_MASKED | (0x30 + i));
	apic_wr(0x3e0, 0xb);
	if (use_x2apic) {
		apic_wr(0x320, LVT_MASKED | LVT_DEADLINE | 0x33);
	} else {
		apic_wr(0x320, LVT_MASKED | LVT_PERIODIC | 0x33);
		apic_wr(0x380, 0xffffffff);
	}
	send_ipi(0, 0x40000 | ISR_VECTOR);
	guest_sti();
	guest_cli();
	if (!use_x2apic) {
		apic_wr(0xd0, 0x3000000);
		apic_wr(0xe0, 0x0fffffff);
	}
	send_ipi(0, 0x40000 | IRR_VECTOR);
}

/* Stays in service. */
static void no_eoi(struct guest_frame *f)
{
}

static bool try_value(uint32_t msr, uint64_t old, uint64_t value)
{
	uint64_t now;

	return !guest_wrmsr(msr, value) && !guest_rdmsr(msr, &now) && now != old;
}

static void change_msr(uint32_t msr)
{
	uint64_t old;
	int i;

	for (i = 0; i < ARRAY_LEN(specials); i++) {
		if (specials[i].msr == msr) {
			if (specials[i].value)
				guest_wrmsr(msr, specials[i].value);
			return;
		}
	}
	if (guest_rdmsr(msr, &old))
		return;
	if (!try_value(msr, old, old ^ 1) && !try_value(msr, old, old ^ 0x1000) &&
	    !try_value(msr, old, old ^ 0x40000) && !try_value(msr, old, 0x0606060606060606))
		try_value(msr, old, ~old);
}

#define SET_CR(n, v) asm volatile("mov %0, %%cr" #n : : "r"((uint64_t)(v)) : "memory")
#define GET_CR(n) ({ uint64_t v_; asm volatile("mov %%cr" #n ", %0" : "=r"(v_)); v_; })
#define SET_DR(n, v) asm volatile("mov %0, %%dr" #n : : "r"((uint64_t)(v)) : "memory")
#define SET_SEG(n, v) asm volatile("mov %0, %%" #n : : "r"(v))

static void change_system(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) t;

	SET_SEG(ds, SEL_UDATA);
	SET_SEG(es, SEL_DATA16);
	SET_SEG(fs, SEL_UDATA);
	SET_SEG(gs, SEL_UDATA);
	wrmsr(MSR_FS_BASE, 0x1234);
	wrmsr(MSR_GS_BASE, 0x5678);
	asm volatile("lldt %w0" : : "r"(SEL_FREE));
	t.base = G_IDT;
	t.limit = 0xffe;
	asm volatile("lidt %0" : : "m"(t));
	SET_CR(0, GET_CR(0) | CR0_MP | CR0_NE | CR0_WP | CR0_AM | CR0_CD);
	SET_CR(2, 0x123456);
	SET_CR(3, GET_CR(3) | 8);
	SET_CR(4, GET_CR(4) | X86_CR4_PGE | X86_CR4_DE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT |
	       (has_xsave ? X86_CR4_OSXSAVE : 0));
	SET_DR(0, 0x1000);
	SET_DR(1, 0x2000);
	SET_DR(2, 0x3000);
	SET_DR(3, 0x4000);
	SET_DR(6, 0xffff4ff1);
	SET_DR(7, 0x10401);
	if (has_xsave)
		asm volatile("xsetbv" : : "a"(has_avx ? 7 : 3), "d"(0), "c"(0));
}

/* In the handler of an NMI: what is left is the FPU and the general registers. */
static void change_rest(struct guest_frame *f)
{
	static const uint32_t mxcsr = 0x1f81;
	static const uint16_t fcw = 0x27f;

	asm volatile("fninit\n fldcw %0\n fld1\n fldpi\n ldmxcsr %1" : : "m"(fcw), "m"(mxcsr));
	if (has_avx)
		asm volatile("vbroadcastss %0, %%ymm0\n vbroadcastss %0, %%ymm15" : : "m"(mxcsr));
	else
		asm volatile("movss %0, %%xmm0\n movss %0, %%xmm15" : : "m"(mxcsr));
	SET_CR(8, 5);
	/* One more, which waits. */
	send_ipi(own_id, 0x4000 | APIC_DM_NMI);
	asm volatile("mov $0x40fd7, %%eax\n and $~0x300, %%eax\n push %%rax\n"
		     "mov $1, %%rax\n mov $2, %%rbx\n mov $3, %%rcx\n mov $0x700, %%rdx\n"
		     "mov $4, %%rsi\n mov $5, %%rdi\n mov $6, %%rbp\n mov $8, %%r8\n"
		     "mov $9, %%r9\n mov $10, %%r10\n mov $11, %%r11\n mov $12, %%r12\n"
		     "mov $13, %%r13\n mov $14, %%r14\n mov $15, %%r15\n popf\n"
		     "out %%eax, (%%dx)\n 1: jmp 1b" : : : "memory");
	__builtin_unreachable();
}

static void change_all(uint64_t arg)
{
	int i;

	if (use_x2apic)
		guest_x2apic();
	change_apic();
	change_system();
	for (i = 0; i < nr_msrs; i++)
		change_msr(msrs[i]);
	own_id = arg;
	send_ipi(own_id, 0x4000 | APIC_DM_NMI);
	for (i = 0; i < 10; i++)
		guest_pause();
	guest_fail(__FILE__, __LINE__, "no NMI", 0, 0);
}

static void send_init(uint64_t dest)
{
	if (use_x2apic)
		guest_x2apic();
	else
		apic_wr(APIC_SPIV, APIC_SPIV_APIC_ENABLED | 0xff);
	send_ipi(dest, 0xc000 | APIC_DM_INIT);
	send_ipi(dest, 0x8000 | APIC_DM_INIT);
	guest_sync(0);
	send_ipi(dest, APIC_DM_STARTUP | SIPI_VECTOR);
	guest_sync(0);
}

static void check_changed(const struct state *s, enum who who)
{
	int i;

	for (i = 0; i < s->nr; i++)
		if (IN(changed, s->item[i].name) &&
		    s->item[i].value == row_of(s->item[i].name, who)->created)
			report(&s->item[i], ", the guest has not changed it");
	CHECK(state_get(s, use_x2apic ? "msr.6e0" : "apic.380"), "the timer does not run");
	CHECK(!has_avx || state_get(s, "xsave+240"), "AVX is not in use");
}

static uint64_t want_after_init(const char *name, uint64_t before, enum who who)
{
	const struct row *r = row_of(name, who);

	if (!strcmp(name, "rdx"))
		return signature;
	if (use_x2apic && !strcmp(name, "apic.0d0"))
		return before;
	return r->after == SAME ? r->created : r->after == VALUE ? r->init : before;
}

static void check_init(const struct state *s, const struct state *before, enum who who)
{
	int i;

	for (i = 0; i < s->nr; i++)
		compare(&s->item[i], want_after_init(s->item[i].name, before->item[i].value, who),
			"after INIT");
}

/* The first processor does not wait for a SIPI, and ignores it. */
static void check_sipi(const struct state *s, const struct state *init, enum who who)
{
	static const struct state_item start[] = {
		{ "mp_state", KVM_MP_STATE_RUNNABLE }, { "rip", 0 },
		{ "cs.sel", SIPI_VECTOR << 8 }, { "cs.base", SIPI_VECTOR << 12 },
	};
	const struct state_item *i;
	uint64_t want;
	int j;

	for (i = s->item; i < s->item + s->nr; i++) {
		want = init->item[i - s->item].value;
		for (j = 0; j < ARRAY_LEN(start); j++)
			if (who == AP && !strcmp(i->name, start[j].name))
				want = start[j].value;
		compare(i, want, "after SIPI");
	}
}

/* As supported, and the timer's deadline, which user space has to add. */
static struct guest *make(enum guest_chip chip)
{
	struct guest *g = guest_new_novcpu(chip);
	size_t size = sizeof(*g->cpuid) + g->cpuid->nent * sizeof(g->cpuid->entries[0]);
	struct kvm_cpuid2 *c = malloc(size);
	uint64_t *gdt = guest_mem(g->m, G_GDT);
	uint32_t list[STATE_MAX_MSRS];
	int i;

	CHECK(c, "out of memory");
	memcpy(c, g->cpuid, size);
	for (i = 0; i < c->nent; i++) {
		if (c->entries[i].function == 1) {
			c->entries[i].ecx |= 1 << 24;
			signature = c->entries[i].eax;
		}
	}
	g->cpuid = c;
	guest_add_vcpu(g, 0);
	guest_add_vcpu(g, 1);
	gdt[SEL_FREE / 8] = gdt_entry(0x1000, 0xfff, ACC_LDT);
	gdt[SEL_FREE / 8 + 1] = 0;
	nr_msrs = state_msrs(list, STATE_MAX_MSRS);
	for (i = 0; i < nr_msrs; i++)
		msrs[i] = list[i];
	has_xsave = cpu_has(g->m, X86_FEATURE_XSAVE);
	has_avx = cpu_has(g->m, KVM_X86_CPU_FEATURE(1, 0, ECX, 28));
	return g;
}

static void after_init(const void *arg)
{
	const struct kind *k = arg;
	static struct state before, init, sipi;
	struct guest *g = make(k->chip);
	struct kvm_vcpu *vcpu = g->v[k->id].vcpu;

	use_x2apic = k->x2apic;
	guest_handlers[NMI_VECTOR] = change_rest;
	guest_handlers[ISR_VECTOR] = no_eoi;
	guest_code(g, k->id, change_all, k->id);
	guest_run(g, k->id);
	state_dump(vcpu, true, &before);
	check_changed(&before, who_is(k));

	guest_code(g, !k->id, send_init, k->id);
	guest_run(g, !k->id);
	state_dump(vcpu, true, &init);
	check_init(&init, &before, who_is(k));

	guest_run(g, !k->id);
	state_dump(vcpu, true, &sipi);
	check_sipi(&sipi, &init, who_is(k));
	CHECK(!wrong, "%d differ", wrong);
}

/* The LVT entry of CMCI comes with the banks, masked. */
static void cmci_entry(const void *arg)
{
	const struct kind *k = arg;
	struct guest *g = guest_new_novcpu(k->chip);
	struct kvm_vcpu *vcpu = __vm_vcpu_add(g->m->vm, k->id);
	uint64_t cap = 1 << 10 | 1 << 8 | 2, offered;
	static struct state s;

	CHECK_OK(ioctl(g->m->vm->kvm_fd, KVM_X86_GET_MCE_CAP_SUPPORTED, &offered));
	if (!(offered & 1 << 10))
		test_skip("this kvm has no CMCI");
	CHECK_OK(ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &cap));
	state_dump(vcpu, true, &s);
	CHECK_EQ(state_get(&s, "apic.030"), 0x60014);
	CHECK_EQ(state_get(&s, "apic.2f0"), LVT_MASKED);
	CHECK_EQ(state_get(&s, "msr.179"), cap);
	CHECK_EQ(state_get(&s, "msr.17b"), ~0ULL);
	CHECK_EQ(state_get(&s, "msr.400"), ~0ULL);
}

static const struct kind kinds[] = {
	{ "bsp_no_chip", CHIP_NONE, 0 },
	{ "bsp_split", CHIP_SPLIT, 0 },
	{ "bsp_full", CHIP_FULL, 0 },
	{ "ap_no_chip", CHIP_NONE, 1 },
	{ "ap_split", CHIP_SPLIT, 1 },
	{ "ap_full", CHIP_FULL, 1 },
	{ "bsp_split_x2apic", CHIP_SPLIT, 0, true },
	{ "bsp_full_x2apic", CHIP_FULL, 0, true },
	{ "ap_split_x2apic", CHIP_SPLIT, 1, true },
	{ "ap_full_x2apic", CHIP_FULL, 1, true },
};

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!kinds[i].x2apic)
			add_test(created, &kinds[i], "created_%s", kinds[i].name);
		if (kinds[i].chip != CHIP_NONE)
			add_test(after_init, &kinds[i], "init_%s", kinds[i].name);
	}
	add_test(cmci_entry, &kinds[2], "cmci_entry");
	return run_tests(argc, argv);
}
