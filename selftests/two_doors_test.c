// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers have two doors, ioctl and guest. What comes in by one is there by the other, and
 * for the guest's own instructions, at once: RDTSCP, SYSCALL, FS and GS, not RDMSR alone.
 */
#include "guest.h"

enum kind { MSR, CR0, CR2, CR3, CR4, CR8, DR0, DR1, DR2, DR3, DR7, XCR0 };
enum command { GET, SET };

/* @first and @second: values; with @flip, bits to change in the one that is there. */
struct reg {
	const char *name;
	enum kind kind;
	uint32_t msr;
	bool flip;
	uint64_t first, second;
	uint64_t (*use)(void);		/* what an instruction makes of it */
};

static volatile enum command command;
static const struct reg *volatile current;
static volatile uint64_t value, used, first_word[2], second_word[2];

/* Bases are used to read the word there, which is its own address. */
static uint64_t use_fs(void)
{
	uint64_t v;

	asm volatile("mov %%fs:0, %0" : "=r"(v));
	return v;
}

static uint64_t use_gs(void)
{
	uint64_t v;

	asm volatile("mov %%gs:0, %0" : "=r"(v));
	return v;
}

static uint64_t use_kernel_gs(void)
{
	uint64_t v;

	asm volatile("swapgs\n mov %%gs:0, %0\n swapgs" : "=r"(v));
	return v;
}

static uint64_t use_tsc_aux(void)
{
	uint32_t a, d, c;

	asm volatile("rdtscp" : "=a"(a), "=d"(d), "=c"(c));
	return c;
}

extern const uint8_t entry_1[], entry_2[];
asm(".pushsection .text\n"
    "entry_1: lea entry_1(%rip), %rax\n jmp *%rcx\n"
    "entry_2: lea entry_2(%rip), %rax\n jmp *%rcx\n.popsection");

static uint64_t use_lstar(void)
{
	uint64_t v;

	wrmsr(MSR_STAR, (uint64_t)SEL_CODE64 << 32);
	asm volatile("syscall" : "=a"(v) : : "rcx", "r11", "memory");
	return v;
}

static uint64_t xgetbv0(void)
{
	uint32_t a, d;

	asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return a;
}

#define GET_REG(r) ({ uint64_t v_; asm volatile("mov %%" r ", %0" : "=r"(v_)); v_; })
#define SET_REG(r, v) asm volatile("mov %0, %%" r : : "r"(v) : "memory")

#define CASES(X) X(CR0, "cr0") X(CR2, "cr2") X(CR3, "cr3") X(CR4, "cr4") X(CR8, "cr8") \
	X(DR0, "dr0") X(DR1, "dr1") X(DR2, "dr2") X(DR3, "dr3") X(DR7, "dr7")

static uint64_t guest_get(const struct reg *r)
{
#define X(k, n) if (r->kind == k) return GET_REG(n);
	CASES(X)
#undef X
	return r->kind == MSR ? rdmsr(r->msr) : xgetbv0();
}

static void guest_set(const struct reg *r, uint64_t v)
{
#define X(k, n) if (r->kind == k) SET_REG(n, v);
	CASES(X)
#undef X
	if (r->kind == MSR)
		wrmsr(r->msr, v);
	else if (r->kind == XCR0)
		asm volatile("xsetbv" : : "a"((uint32_t)v), "d"(0), "c"(0));
}

static void guest_main(uint64_t arg)
{
	for (;;) {
		if (command == SET)
			guest_set(current, value);
		value = guest_get(current);
		used = current->use ? current->use() : value;
		guest_sync(0);
	}
}

static uint64_t *in_sregs(struct kvm_sregs *s, enum kind k)
{
	return k == CR0 ? (uint64_t *)&s->cr0 : k == CR2 ? (uint64_t *)&s->cr2 :
	       k == CR3 ? (uint64_t *)&s->cr3 : k == CR4 ? (uint64_t *)&s->cr4 :
	       k == CR8 ? (uint64_t *)&s->cr8 : NULL;
}

static uint64_t host_get(struct guest *g, const struct reg *r)
{
	struct kvm_sregs s = get_sregs(g->m);
	struct kvm_debugregs d;
	struct kvm_xcrs x;

	if (r->kind == MSR)
		return get_msr(g->m, r->msr);
	if (in_sregs(&s, r->kind))
		return *in_sregs(&s, r->kind);
	if (r->kind == XCR0) {
		CHECK_OK(ioctl(g->m->vcpu->fd, KVM_GET_XCRS, &x));
		return x.xcrs[0].value;
	}
	CHECK_OK(ioctl(g->m->vcpu->fd, KVM_GET_DEBUGREGS, &d));
	return r->kind == DR7 ? d.dr7 : d.db[r->kind - DR0];
}

static void host_set(struct guest *g, const struct reg *r, uint64_t v)
{
	struct kvm_sregs s = get_sregs(g->m);
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs[0].value = v };
	struct kvm_debugregs d;

	if (r->kind == MSR) {
		set_msr(g->m, r->msr, v);
	} else if (in_sregs(&s, r->kind)) {
		*in_sregs(&s, r->kind) = v;
		set_sregs(g->m, &s);
	} else if (r->kind == XCR0) {
		CHECK_OK(ioctl(g->m->vcpu->fd, KVM_SET_XCRS, &x));
	} else {
		CHECK_OK(ioctl(g->m->vcpu->fd, KVM_GET_DEBUGREGS, &d));
		*(r->kind == DR7 ? &d.dr7 : &d.db[r->kind - DR0]) = v;
		CHECK_OK(ioctl(g->m->vcpu->fd, KVM_SET_DEBUGREGS, &d));
	}
}

static void check(struct guest *g, const struct reg *r, uint64_t want)
{
	guest_run(g, 0);
	CHECK_EQ(value, want);
	CHECK_EQ(used, want);
	CHECK_EQ(host_get(g, r), want);
}

static void both_doors(const void *arg)
{
	const struct reg *r = arg;
	struct guest *g = guest_new(1, CHIP_FULL);
	uint64_t first = r->first, second = r->second;
	struct kvm_sregs s;
	int i;

	first_word[0] = (uintptr_t)first_word;
	second_word[0] = (uintptr_t)second_word;
	guest_code(g, 0, guest_main, 0);
	if (r->kind == XCR0) {
		if (!cpu_has(g->m, X86_FEATURE_XSAVE))
			test_skip("no XSAVE on this CPU");
		s = get_sregs(g->m);
		s.cr4 |= X86_CR4_OSXSAVE;
		set_sregs(g->m, &s);
	}
	if (r->use == use_tsc_aux && !cpu_has(g->m, X86_FEATURE_RDTSCP))
		test_skip("no RDTSCP on this CPU");
	if (r->use == use_lstar) {
		s = get_sregs(g->m);
		s.efer |= EFER_SCE_BIT;
		set_sregs(g->m, &s);
	}
	if (r->flip) {
		first = host_get(g, r) ^ r->first;
		second = host_get(g, r) ^ r->second;
	}
	current = r;
	for (i = 0; i < 2; i++) {
		host_set(g, r, first);
		command = GET;
		check(g, r, first);
		value = second;
		command = SET;
		check(g, r, second);
		value = first;
		check(g, r, first);
	}
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
	{ "cr0", CR0, 0, true, CR0_AM, CR0_TS },
	{ "cr2", CR2, 0, false, 0x1000, 0xffff800000000000 },
	{ "cr3", CR3, 0, true, 0x8, 0x10 },
	{ "cr4", CR4, 0, true, X86_CR4_DE, X86_CR4_PGE },
	{ "cr8", CR8, 0, false, 5, 9 },
	{ "dr0", DR0, 0, false, 0x1234, 0xffff800000000000 },
	{ "dr1", DR1, 0, false, 0x1234, 0xffff800000000000 },
	{ "dr2", DR2, 0, false, 0x1234, 0xffff800000000000 },
	{ "dr3", DR3, 0, false, 0x1234, 0xffff800000000000 },
	{ "dr7", DR7, 0, false, 0x10400, 0x500 },
	{ "xcr0", XCR0, 0, false, 1, 3 },
};

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(regs); i++)
		add_test(both_doors, &regs[i], "%s", regs[i].name);
	return run_tests(argc, argv);
}
