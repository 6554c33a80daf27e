// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to control registers and EFER by the guest: what is allowed takes effect, what
 * the SDM forbids is #GP and changes nothing; user space reads what the guest reads.
 * Also XSETBV, and MOV to and from the debug registers.
 */
#include "machine.h"

/* RAX is the value; the write, then a read back into RCX. */
GUEST_CODE(write_cr0, 64, "mov %rax, %cr0\n mov %cr0, %rcx\n hlt\n");
GUEST_CODE(write_cr3, 64, "mov %rax, %cr3\n mov %cr3, %rcx\n hlt\n");
GUEST_CODE(write_cr4, 64, "mov %rax, %cr4\n mov %cr4, %rcx\n hlt\n");
GUEST_CODE(set_efer, 64,
	   "mov %rax, %rdx\n shr $32, %rdx\n mov $0xc0000080, %ecx\n wrmsr\n"
	   "rdmsr\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, %rcx\n hlt\n");
GUEST_CODE(write_cr0_32, 32, "mov %eax, %cr0\n mov %cr0, %ecx\n hlt\n");
GUEST_CODE(write_cr4_32, 32, "mov %eax, %cr4\n mov %cr4, %ecx\n hlt\n");

enum reg { CR0, CR3, CR4, EFER, CR0_32, CR4_32 };

#define CR0_LONG (CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_ET | CR0_PE)
#define CR4_LONG (X86_CR4_PAE | X86_CR4_OSFXSR)
#define EFER_LONG (EFER_LME_BIT | EFER_LMA_BIT | EFER_NX_BIT | EFER_SCE_BIT)

static const struct cr_case {
	const char *name;
	enum reg reg;
	uint64_t value;
	bool gp;
	uint64_t result;	/* what reads back, 0: the value itself */
} cases[] = {
	{ "cr0_same", CR0, CR0_LONG },
	{ "cr0_ts_em_am", CR0, CR0_LONG | CR0_TS | CR0_AM },
	{ "cr0_cache_disable", CR0, CR0_LONG | CR0_CD },
	{ "cr0_no_wp", CR0, CR0_LONG & ~CR0_WP },
	{ "cr0_et_is_fixed", CR0, CR0_LONG & ~CR0_ET, false, CR0_LONG },
	{ "cr0_ne_clear", CR0, CR0_LONG & ~CR0_NE },
	{ "cr0_nw_without_cd", CR0, CR0_LONG | CR0_NW, true },
	{ "cr0_pg_without_pe", CR0, CR0_LONG & ~CR0_PE, true },
	{ "cr0_upper_half", CR0, CR0_LONG | 1ULL << 32, true },
	{ "cr3_same", CR3, G_PML4 },
	{ "cr3_cache_bits", CR3, G_PML4 | 0x18 },
	{ "cr3_beyond_maxphyaddr", CR3, G_PML4 | 1ULL << 52, true },
	{ "cr4_same", CR4, CR4_LONG },
	{ "cr4_pge_pse_tsd", CR4, CR4_LONG | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_TSD },
	{ "cr4_de_mce_pce", CR4, CR4_LONG | X86_CR4_DE | X86_CR4_MCE | X86_CR4_PCE },
	{ "cr4_clear_pae", CR4, X86_CR4_OSFXSR, true },
	{ "cr4_reserved_15", CR4, CR4_LONG | 1 << 15, true },
	{ "cr4_reserved_63", CR4, CR4_LONG | 1ULL << 63, true },
	{ "cr4_smxe", CR4, CR4_LONG | X86_CR4_SMXE, true },
	{ "efer_same", EFER, EFER_LONG },
	{ "efer_no_nx", EFER, EFER_LONG & ~EFER_NX_BIT },
	{ "efer_no_sce", EFER, EFER_LONG & ~EFER_SCE_BIT },
	{ "efer_lma_is_read_only", EFER, EFER_LONG & ~EFER_LMA_BIT, false, EFER_LONG },
	{ "efer_clear_lme_while_paging", EFER, EFER_LONG & ~EFER_LME_BIT, true },
	{ "efer_reserved_1", EFER, EFER_LONG | 2, true },
	{ "efer_reserved_63", EFER, EFER_LONG | 1ULL << 63, true },
	{ "cr0_32_mp_ts", CR0_32, CR0_PE | CR0_ET | CR0_MP | CR0_TS },
	{ "cr0_32_pg_without_pe", CR0_32, CR0_PG | CR0_ET, true },
	{ "cr0_32_nw_without_cd", CR0_32, CR0_PE | CR0_ET | CR0_NW, true },
	{ "cr4_32_pae", CR4_32, X86_CR4_PAE },
	{ "cr4_32_reserved", CR4_32, 1U << 31, true },
	{ "cr4_32_pcide", CR4_32, X86_CR4_PCIDE, true },
};

static const struct cr_code {
	enum mode mode;
	const uint8_t *code, *end;
} codes[] = {
	[CR0] = { MODE_LONG, write_cr0, write_cr0_end },
	[CR3] = { MODE_LONG, write_cr3, write_cr3_end },
	[CR4] = { MODE_LONG, write_cr4, write_cr4_end },
	[EFER] = { MODE_LONG, set_efer, set_efer_end },
	[CR0_32] = { MODE_PROT32, write_cr0_32, write_cr0_32_end },
	[CR4_32] = { MODE_PROT32, write_cr4_32, write_cr4_32_end },
};

static uint64_t from_sregs(struct machine *m, enum reg reg)
{
	struct kvm_sregs s = get_sregs(m);

	switch (reg) {
	case CR0:
	case CR0_32:
		return s.cr0;
	case CR3:
		return s.cr3;
	case EFER:
		return s.efer;
	default:
		return s.cr4;
	}
}

static void write_cr(const void *arg)
{
	const struct cr_case *c = arg;
	const struct cr_code *code = &codes[c->reg];
	struct machine *m = machine_new();
	uint64_t before, want = c->result ? c->result : c->value;
	struct kvm_regs r;
	struct event e;

	machine_load(m, G_CODE, code->code, code->end);
	machine_mode(m, code->mode);
	before = from_sregs(m, c->reg);
	r = get_regs(m);
	r.rax = c->value;
	set_regs(m, &r);
	if (c->gp) {
		e = expect_event(m, GP_VECTOR);
		CHECK_EQ(e.error, 0);
		CHECK_EQ(from_sregs(m, c->reg), before);
		return;
	}
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, want);
	CHECK_EQ(from_sregs(m, c->reg), want);
}

/* Bits the guest's CPUID does not have are reserved. */
static void cr4_follows_cpuid(const void *arg)
{
	static const struct { uint64_t bit; struct kvm_x86_cpu_feature f; } bits[] = {
		{ X86_CR4_SMEP, { 7, 0, KVM_CPUID_EBX, 7 } },
		{ X86_CR4_SMAP, { 7, 0, KVM_CPUID_EBX, 20 } },
		{ X86_CR4_FSGSBASE, { 7, 0, KVM_CPUID_EBX, 0 } },
		{ X86_CR4_UMIP, { 7, 0, KVM_CPUID_ECX, 2 } },
		{ X86_CR4_PKE, { 7, 0, KVM_CPUID_ECX, 3 } },
		{ X86_CR4_LA57, { 7, 0, KVM_CPUID_ECX, 16 } },
		{ X86_CR4_OSXSAVE, { 1, 0, KVM_CPUID_ECX, 26 } },
		{ X86_CR4_PCIDE, { 1, 0, KVM_CPUID_ECX, 17 } },
	};
	int i;

	for (i = 0; i < ARRAY_LEN(bits); i++) {
		struct machine *m = machine_new();
		struct kvm_regs r;
		bool has = cpu_has(m, bits[i].f);

		/* LA57 cannot change while paging is on, with LA57 in CPUID or without. */
		if (bits[i].bit == X86_CR4_LA57)
			has = false;
		machine_start(m, MODE_LONG, write_cr4);
		r = get_regs(m);
		r.rax = CR4_LONG | bits[i].bit;
		set_regs(m, &r);
		HERE();
		if (has) {
			/* On user pages, which all are, SMEP and SMAP would fault at once. */
			if (bits[i].bit & (X86_CR4_SMEP | X86_CR4_SMAP)) {
				uint64_t *pt = guest_mem(m, G_PT);
				int j;

				for (j = 0; j < 512; j++)
					pt[j] &= ~PTE_U;
			}
			expect_hlt_(m);
			CHECK_EQ(get_regs(m).rcx, CR4_LONG | bits[i].bit);
		} else {
			expect_event_(m, GP_VECTOR);
		}
		machine_free(m);
	}
}

/* --- XSETBV ---------------------------------------------------------------- */

GUEST_CODE(xsetbv_code, 64, "xsetbv\n xor %ecx, %ecx\n xgetbv\n hlt\n");

static const struct xcr_case {
	const char *name;
	uint32_t index;
	uint64_t value;
	bool gp;
} xcr_cases[] = {
	{ "x87", 0, 1 },
	{ "x87_sse", 0, 3 },
	{ "x87_sse_avx", 0, 7 },
	{ "zero", 0, 0, true },
	{ "no_x87", 0, 2, true },
	{ "avx_without_sse", 0, 5, true },
	{ "reserved_62", 0, 1 | 1ULL << 62, true },
	{ "index_1", 1, 1, true },
};

static struct machine *xsetbv_machine(void)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;

	if (!cpu_has(m, X86_FEATURE_XSAVE))
		test_skip("no XSAVE in the supported CPUID");
	machine_start(m, MODE_LONG, xsetbv_code);
	s = get_sregs(m);
	s.cr4 |= X86_CR4_OSXSAVE;
	set_sregs(m, &s);
	return m;
}

static void xcr(const void *arg)
{
	const struct xcr_case *c = arg;
	struct machine *m = xsetbv_machine();
	struct kvm_xcrs x;
	struct kvm_regs r = get_regs(m);

	r.rcx = c->index;
	r.rax = (uint32_t)c->value;
	r.rdx = c->value >> 32;
	set_regs(m, &r);
	if (c->gp) {
		struct event e = expect_event(m, GP_VECTOR);

		CHECK_EQ(e.error, 0);
		CHECK_EQ(e.ip, G_CODE);
	} else {
		expect_hlt(m);
		CHECK_EQ(get_regs(m).rax, c->value);
	}
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_XCRS, &x));
	CHECK_EQ(x.nr_xcrs, 1);
	CHECK_EQ(x.xcrs[0].xcr, 0);
	CHECK_EQ(x.xcrs[0].value, c->gp ? 1 : c->value);
}

static void xsetbv_ring3_and_off(const void *arg)
{
	struct machine *m = xsetbv_machine();
	struct kvm_regs r = get_regs(m);

	r.rax = 1;
	set_regs(m, &r);
	machine_ring3(m);
	expect_event(m, GP_VECTOR);
	/* With OSXSAVE clear it does not exist. */
	machine_start(m, MODE_LONG, xsetbv_code);
	expect_event(m, UD_VECTOR);
}

/* CPUID.OSXSAVE and the XSAVE area size follow CR4 and XCR0. */
GUEST_CODE(osxsave, 64, "mov $1, %eax\n cpuid\n mov %ecx, %esi\n"
	   "mov $0xd, %eax\n xor %ecx, %ecx\n cpuid\n hlt\n");

static void cpuid_follows_state(const void *arg)
{
	struct machine *m = xsetbv_machine();
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs[0].value = 3 };
	struct kvm_regs r;

	machine_load(m, G_CODE, osxsave, osxsave_end);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_XCRS, &x));
	expect_hlt(m);
	CHECK(get_regs(m).rsi & 1 << 27, "OSXSAVE is not shown");
	CHECK_EQ(get_regs(m).rbx, 576);
	x.xcrs[0].value = 7;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_XCRS, &x));
	r = get_regs(m);
	r.rip = G_CODE;
	set_regs(m, &r);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rbx, 832);
	machine_mode(m, MODE_LONG);
	expect_hlt(m);
	CHECK(!(get_regs(m).rsi & 1 << 27), "OSXSAVE is still shown");
}

/* --- debug registers ------------------------------------------------------- */

GUEST_CODE(dr_code, 64,
	   "mov $0x1111, %eax\n mov %rax, %dr0\n"
	   "mov $0x2222, %eax\n mov %rax, %dr1\n"
	   "mov $0x3333, %eax\n mov %rax, %dr2\n"
	   "mov $0x4444, %eax\n mov %rax, %dr3\n"
	   "mov $0x400, %eax\n mov %rax, %dr7\n"
	   "mov %dr0, %rbx\n mov %dr1, %rcx\n mov %dr2, %rdx\n mov %dr3, %rsi\n"
	   "mov %dr6, %rdi\n mov %dr7, %rbp\n"
	   "hlt\n");

static void debug_registers(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_debugregs d;
	struct kvm_regs r;

	machine_start(m, MODE_LONG, dr_code);
	expect_hlt(m);
	r = get_regs(m);
	CHECK_EQ(r.rbx, 0x1111);
	CHECK_EQ(r.rcx, 0x2222);
	CHECK_EQ(r.rdx, 0x3333);
	CHECK_EQ(r.rsi, 0x4444);
	CHECK_EQ(r.rdi, 0xffff0ff0);
	CHECK_EQ(r.rbp, 0x400);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_DEBUGREGS, &d));
	CHECK_EQ(d.db[0], 0x1111);
	CHECK_EQ(d.db[3], 0x4444);
	CHECK_EQ(d.dr6, 0xffff0ff0);
	CHECK_EQ(d.dr7, 0x400);
}

/* A breakpoint the guest sets for itself arrives as its own #DB. */
GUEST_CODE(own_bp, 64,
	   "lea bp_here(%rip), %rax\n mov %rax, %dr0\n"
	   "mov $0x402, %eax\n mov %rax, %dr7\n"
	   "nop\n bp_here: nop\n hlt\n");
GUEST_LABEL(bp_here);

static void guests_own_breakpoint(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_debugregs d;
	struct event e;

	machine_start(m, MODE_LONG, own_bp);
	e = expect_event(m, DB_VECTOR);
	CHECK_EQ(e.ip, G_CODE + (bp_here - own_bp));
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_DEBUGREGS, &d));
	CHECK_EQ(d.dr6 & 0xf, 1);
}

/* DR4 and DR5 are DR6 and DR7, unless CR4.DE makes them #UD. */
GUEST_CODE(dr4, 64, "mov %dr4, %rax\n mov %dr5, %rcx\n hlt\n");

static void dr4_and_de(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;

	machine_start(m, MODE_LONG, dr4);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rax, 0xffff0ff0);
	CHECK_EQ(get_regs(m).rcx, 0x400);
	machine_start(m, MODE_LONG, dr4);
	s = get_sregs(m);
	s.cr4 |= X86_CR4_DE;
	set_sregs(m, &s);
	expect_event(m, UD_VECTOR);
}

/* DR7.GD: any debug register access is #DB, with DR6.BD, and clears GD. */
GUEST_CODE(dr_gd, 64, "mov $0x2400, %eax\n mov %rax, %dr7\n gd_here: mov %dr0, %rax\n hlt\n");
GUEST_LABEL(gd_here);

static void general_detect(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_debugregs d;
	struct event e;

	machine_start(m, MODE_LONG, dr_gd);
	e = expect_event(m, DB_VECTOR);
	CHECK_EQ(e.ip, G_CODE + (gd_here - dr_gd));
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_DEBUGREGS, &d));
	CHECK_EQ(d.dr6 & 1 << 13, 1 << 13);
	CHECK_EQ(d.dr7 & 1 << 13, 0);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(cases); i++)
		add_test(write_cr, &cases[i], "%s", cases[i].name);
	TEST(cr4_follows_cpuid);
	for (i = 0; i < ARRAY_LEN(xcr_cases); i++)
		add_test(xcr, &xcr_cases[i], "xsetbv_%s", xcr_cases[i].name);
	TEST(xsetbv_ring3_and_off);
	TEST(cpuid_follows_state);
	TEST(debug_registers);
	TEST(guests_own_breakpoint);
	TEST(dr4_and_de);
	TEST(general_detect);
	return run_tests(argc, argv);
}
