// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest in long mode: 64-bit code, page tables with 4 KiB, 2 MiB and 1 GiB pages and
 * every page-fault error code, rings 0 and 3, SYSCALL and SYSRET, FS/GS bases and SWAPGS,
 * compatibility mode, CPUID, and the way there from real mode by the guest's own hand.
 */
#include "machine.h"

GUEST_CODE(arith, 64,
	   "movabs $0x0123456789abcdef, %rax\n"
	   "mov %rax, %r15\n"
	   "imul $3, %r15, %r14\n"
	   "add %r14, %r15\n"
	   "mov %r15, 0x20000\n"
	   "push %r15\n pop %rcx\n"
	   "shr $32, %r15\n mov %r15d, %eax\n"
	   "out %eax, $0x80\n hlt\n");

static void arithmetic(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, arith);
	expect_out(m, 0x80, 4, 0x0123456789abcdefULL * 4 >> 32);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0x0123456789abcdefULL * 4);
	CHECK_EQ(*(uint64_t *)guest_mem(m, 0x20000), 0x0123456789abcdefULL * 4);
	CHECK_EQ(get_regs(m).rsp, G_STACK);
}

GUEST_CODE(call_user, 64,
	   "mov $" S(SEL_UDATA) ", %eax\n push %rax\n"
	   "push $" S(G_STACK_BASE) " + 0x1000\n"
	   "push $2\n"
	   "push $" S(SEL_UCODE64) "\n"
	   "lea user(%rip), %rax\n push %rax\n"
	   "iretq\n"
	   "user: mov %cs, %edi\n"
	   "mov $7, %ebx\n"
	   "syscall\n"
	   "1: mov %cs, %esi\n"
	   "cli\n"			/* #GP in ring 3 */
	   "kernel: mov %cs, %eax\n"
	   "out %eax, $0x80\n"
	   "inc %ebx\n"
	   "sysretq\n");
GUEST_LABEL(kernel);

/* Ring 0 to 3 by IRETQ, to 0 by SYSCALL, to 3 by SYSRETQ, to 0 by a fault. */
static void rings(const void *arg)
{
	struct machine *m = machine_new();
	struct event e;
	struct kvm_regs r;

	machine_start(m, MODE_LONG, call_user);
	set_msr(m, MSR_STAR, (uint64_t)SEL_CODE64 << 32 | (uint64_t)SEL_UCODE32 << 48);
	set_msr(m, MSR_LSTAR, G_CODE + (kernel - call_user));
	set_msr(m, MSR_SYSCALL_MASK, FLAG_IF | FLAG_TF);
	expect_out(m, 0x80, 4, SEL_CODE64);
	CHECK_EQ(get_sregs(m).cs.dpl, 0);
	e = expect_event(m, GP_VECTOR);
	CHECK_EQ(e.cs, SEL_UCODE64);
	CHECK_EQ(e.ss, SEL_UDATA);
	CHECK_EQ(e.sp, G_STACK_BASE + 0x1000);
	r = get_regs(m);
	CHECK_EQ(r.rdi, SEL_UCODE64);
	CHECK_EQ(r.rsi, SEL_UCODE64);
	CHECK_EQ(r.rbx, 8);
	CHECK_EQ(get_sregs(m).ss.selector, 0);
}

/* --- paging ---------------------------------------------------------------- */

/* One instruction per access kind; the address is in RBX. */
GUEST_CODE(pf_read, 64, "mov (%rbx), %al\n hlt\n");
GUEST_CODE(pf_write, 64, "mov %al, (%rbx)\n hlt\n");
GUEST_CODE(pf_exec, 64, "jmp *%rbx\n hlt\n");

#define AT 0x30000
#define RWU (PTE_P | PTE_W | PTE_U)

static const struct pf_case {
	const char *name;
	const uint8_t *code;
	uint64_t pte;
	bool user;
	int error;		/* -1: no fault */
} pf_cases[] = {
	{ "read_not_present", pf_read, 0, false, 0 },
	{ "write_not_present", pf_write, 0, false, 2 },
	{ "fetch_not_present", pf_exec, 0, false, 0x10 },
	{ "user_read_not_present", pf_read, 0, true, 4 },
	{ "user_write_not_present", pf_write, 0, true, 6 },
	{ "user_fetch_not_present", pf_exec, 0, true, 0x14 },
	{ "write_read_only", pf_write, AT | PTE_P | PTE_U, false, 3 },
	{ "user_write_read_only", pf_write, AT | PTE_P | PTE_U, true, 7 },
	{ "user_read_supervisor", pf_read, AT | PTE_P | PTE_W, true, 5 },
	{ "user_fetch_supervisor", pf_exec, AT | PTE_P | PTE_W, true, 0x15 },
	{ "fetch_no_execute", pf_exec, AT | RWU | PTE_NX, false, 0x11 },
	{ "reserved_bit", pf_read, AT | RWU | 1ULL << 51, false, 9 },
	{ "user_write_reserved_bit", pf_write, AT | RWU | 1ULL << 51, true, 0xf },
	{ "read_no_execute", pf_read, AT | RWU | PTE_NX, false, -1 },
	{ "write_allowed", pf_write, AT | RWU, true, -1 },
};

static void page_fault(const void *arg)
{
	const struct pf_case *c = arg;
	struct machine *m = machine_new();
	struct kvm_regs r;
	struct event e;

	if ((c->pte & 1ULL << 51) && m->vm->pa_bits > 51)
		test_skip("no reserved physical address bit on this CPU");
	machine_load(m, G_CODE, c->code, c->code + 4);
	machine_mode(m, MODE_LONG);
	*guest_pte(m, AT) = c->pte;
	r = get_regs(m);
	r.rbx = AT + 0x123;
	set_regs(m, &r);
	if (c->user)
		machine_ring3(m);
	if (c->error < 0) {
		HERE();
		CHECK_EQ(run_vcpu(m->vcpu), KVM_EXIT_HLT);
		/* Ring 3 cannot halt: #GP at the instruction behind. */
		CHECK(!at_event(m, &e) || e.vector == GP_VECTOR, "vector %d", e.vector);
		CHECK(*guest_pte(m, AT) & PTE_A, "not marked accessed");
		CHECK_EQ(!!(*guest_pte(m, AT) & PTE_D), c->code == pf_write);
		return;
	}
	e = expect_event(m, PF_VECTOR);
	CHECK_EQ(e.error, c->error);
	CHECK_EQ(get_sregs(m).cr2, AT + 0x123);
	CHECK_EQ(e.ip, c->code == pf_exec ? AT + 0x123 : G_CODE);
	CHECK_EQ(*guest_pte(m, AT) & PTE_D, 0);
}

/* With CR0.WP clear, ring 0 writes through a read-only mapping. */
static void write_protect_off(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;
	struct kvm_regs r;

	machine_start(m, MODE_LONG, pf_write);
	*guest_pte(m, AT) = AT | PTE_P;
	s = get_sregs(m);
	s.cr0 &= ~CR0_WP;
	set_sregs(m, &s);
	r = get_regs(m);
	r.rbx = AT;
	r.rax = 0x99;
	set_regs(m, &r);
	expect_hlt(m);
	CHECK_EQ(*(uint8_t *)guest_mem(m, AT), 0x99);
}

GUEST_CODE(map_sizes, 64,
	   "mov 0x21000, %eax\n out %eax, $0x80\n"
	   "mov 0x300010, %eax\n out %eax, $0x80\n"
	   "movabs $0x4000300010, %rbx\n mov (%rbx), %eax\n out %eax, $0x80\n hlt\n");

static void page_sizes(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *pdpt;

	if (!cpu_has(m, X86_FEATURE_GBPAGES))
		test_note("no 1 GiB pages on this CPU: mapped with 2 MiB instead");
	machine_start(m, MODE_LONG, map_sizes);
	pdpt = guest_mem(m, G_PDPT);
	pdpt[0x100] = cpu_has(m, X86_FEATURE_GBPAGES) ? RWU | PTE_PS : pdpt[0];
	*guest_pte(m, 0x21000) = 0x22000 | RWU;
	*(uint32_t *)guest_mem(m, 0x22000) = 0x4444;
	*(uint32_t *)guest_mem(m, 0x300010) = 0x2222;
	expect_out(m, 0x80, 4, 0x4444);
	expect_out(m, 0x80, 4, 0x2222);
	expect_out(m, 0x80, 4, 0x2222);
	expect_hlt(m);
}

GUEST_CODE(remap, 64,
	   "mov (%rbx), %eax\n out %eax, $0x80\n"
	   "mov %rcx, (%rdx)\n"			/* the guest changes its own table */
	   "invlpg (%rbx)\n"
	   "mov (%rbx), %eax\n out %eax, $0x80\n"
	   "mov %rsi, (%rdx)\n"
	   "mov %cr3, %rax\n mov %rax, %cr3\n"
	   "mov (%rbx), %eax\n out %eax, $0x80\n"
	   "hlt\n");

static void remapping(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	machine_start(m, MODE_LONG, remap);
	r = get_regs(m);
	r.rbx = AT;
	r.rcx = 0x31000 | RWU;
	r.rsi = 0x32000 | RWU;
	r.rdx = G_PT + (AT >> 12) * 8;
	set_regs(m, &r);
	*(uint32_t *)guest_mem(m, AT) = 1;
	*(uint32_t *)guest_mem(m, 0x31000) = 2;
	*(uint32_t *)guest_mem(m, 0x32000) = 3;
	expect_out(m, 0x80, 4, 1);
	expect_out(m, 0x80, 4, 2);
	expect_out(m, 0x80, 4, 3);
	expect_hlt(m);
}

GUEST_CODE(noncanon, 64, "movabs $0x0000800000000000, %rbx\n mov (%rbx), %al\n hlt\n");
GUEST_CODE(noncanon_ss, 64, "movabs $0x0000800000000010, %rsp\n push %rax\n hlt\n");

static void non_canonical(const void *arg)
{
	struct machine *m = machine_new();
	struct event e;

	machine_start(m, MODE_LONG, noncanon);
	e = expect_event(m, GP_VECTOR);
	CHECK_EQ(e.error, 0);

	/* Through the stack it is #SS; an IST entry keeps the delivery possible. */
	machine_start(m, MODE_LONG, noncanon_ss);
	*(uint64_t *)guest_mem(m, G_TSS + 36) = G_ISTACK;
	((uint64_t *)guest_mem(m, G_IDT))[2 * SS_VECTOR] |= 1ULL << 32;
	e = expect_event(m, SS_VECTOR);
	CHECK_EQ(e.error, 0);
	CHECK_EQ(e.sp, 0x0000800000000010);
}

/* --- segments and MSRs ----------------------------------------------------- */

GUEST_CODE(swap_gs, 64,
	   "mov %gs:0, %eax\n out %eax, $0x80\n"
	   "swapgs\n"
	   "mov %gs:0, %eax\n out %eax, $0x80\n"
	   "mov $0xc0000100, %ecx\n xor %edx, %edx\n mov $0x33000, %eax\n wrmsr\n"
	   "mov %fs:0, %eax\n out %eax, $0x80\n"
	   "hlt\n");

static void fs_gs_bases(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;
	int i;

	machine_start(m, MODE_LONG, swap_gs);
	for (i = 0; i < 4; i++)
		*(uint32_t *)guest_mem(m, 0x30000 + i * 0x1000) = 0x100 + i;
	s = get_sregs(m);
	s.gs.base = 0x31000;
	set_sregs(m, &s);
	set_msr(m, MSR_KERNEL_GS_BASE, 0x32000);
	expect_out(m, 0x80, 4, 0x101);
	expect_out(m, 0x80, 4, 0x102);
	CHECK_EQ(get_sregs(m).gs.base, 0x32000);
	CHECK_EQ(get_msr(m, MSR_GS_BASE), 0x32000);
	CHECK_EQ(get_msr(m, MSR_KERNEL_GS_BASE), 0x31000);
	expect_out(m, 0x80, 4, 0x103);
	CHECK_EQ(get_sregs(m).fs.base, 0x33000);
	expect_hlt(m);
}

GUEST_CODE(compat, 64,
	   "ljmp *far(%rip)\n"
	   "far: .long " S(G_CODE) " + 0x40\n .word " S(SEL_CODE32) "\n"
	   ".org compat + 0x40\n"
	   ".code32\n"
	   "mov $" S(SEL_DATA) ", %eax\n mov %eax, %ss\n"
	   "mov $" S(G_STACK) ", %esp\n"
	   "push %eax\n"
	   "dec %eax\n"			/* would be a REX prefix in 64-bit code */
	   "out %eax, $0x80\n"
	   "ljmp $" S(SEL_CODE64) ", $" S(G_CODE) " + 0x80\n"
	   ".org compat + 0x80\n"
	   ".code64\n"
	   "mov %rsp, %rax\n out %eax, $0x80\n hlt\n");

static void compatibility_mode(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, compat);
	expect_out(m, 0x80, 4, SEL_DATA - 1);
	CHECK_EQ(get_sregs(m).cs.l, 0);
	CHECK_EQ(get_sregs(m).cs.db, 1);
	expect_out(m, 0x80, 4, G_STACK - 4);
	CHECK_EQ(get_sregs(m).cs.l, 1);
	expect_hlt(m);
}

GUEST_CODE(cpuid_code, 64,
	   "mov %edi, %eax\n mov %esi, %ecx\n cpuid\n hlt\n");

/* The guest reads what KVM_SET_CPUID2 gave, entry by entry. */
static void cpuid_as_set(const void *arg)
{
	struct machine *m = machine_new();
	const struct kvm_cpuid2 *c = m->vcpu->cpuid;
	int i;

	machine_mode(m, MODE_LONG);
	machine_load(m, G_CODE, cpuid_code, cpuid_code_end);
	for (i = 0; i < c->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &c->entries[i];
		struct kvm_regs r = get_regs(m);

		r.rip = G_CODE;
		r.rdi = e->function;
		r.rsi = e->index;
		r.rax = -1;
		r.rbx = -1;
		r.rdx = -1;
		set_regs(m, &r);
		expect_hlt(m);
		r = get_regs(m);
		/* These report processor state as well as what was set. */
		if (e->function == 1) {
			CHECK_EQ(r.rax, e->eax);
			CHECK_EQ(r.rcx & ~(1U << 27 | 1 << 3), e->ecx & ~(1U << 27 | 1 << 3));
			continue;
		}
		if (e->function == 0xd || e->function == 7 || e->function == 0x40000001)
			continue;
		CHECK(r.rax == e->eax && r.rbx == e->ebx && r.rcx == e->ecx &&
		      r.rdx == e->edx, "leaf 0x%x.%x: %llx %llx %llx %llx", e->function,
		      e->index, r.rax, r.rbx, r.rcx, r.rdx);
	}
}

GUEST_CODE(from_real, 16,
	   "lgdtl %cs:0x1f0\n"
	   "lidtl %cs:0x1f8\n"
	   "mov %cr4, %eax\n or $0x20, %eax\n mov %eax, %cr4\n"
	   "mov $" S(G_PML4) ", %eax\n mov %eax, %cr3\n"
	   "mov $0xc0000080, %ecx\n rdmsr\n or $0x100, %eax\n wrmsr\n"
	   "mov %cr0, %eax\n or $0x80000001, %eax\n mov %eax, %cr0\n"
	   "ljmpl $" S(SEL_CODE64) ", $" S(G_CODE) " + 0x80\n"
	   ".org from_real + 0x80\n"
	   ".code64\n"
	   "mov $0xc0000080, %ecx\n rdmsr\n"
	   "out %eax, $0x80\n"
	   "mov $" S(SEL_DATA) ", %eax\n mov %eax, %ss\n mov $" S(G_STACK) ", %rsp\n"
	   "ud2\n"
	   ".org from_real + 0x1f0\n"
	   ".word 0xff\n .long " S(G_GDT) "\n"
	   ".org from_real + 0x1f8\n"
	   ".word 0xfff\n .long " S(G_IDT) "\n");

static void from_real_mode(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;

	machine_start(m, MODE_REAL, from_real);
	machine_tables(m, MODE_LONG);
	expect_out(m, 0x80, 4, EFER_LME_BIT | EFER_LMA_BIT);
	s = get_sregs(m);
	CHECK_EQ(s.efer, EFER_LME_BIT | EFER_LMA_BIT);
	CHECK_EQ(s.cs.l, 1);
	CHECK_EQ(s.cr0 & (CR0_PE | CR0_PG), CR0_PE | CR0_PG);
	m->mode = MODE_LONG;
	expect_event(m, UD_VECTOR);
}

int main(int argc, char **argv)
{
	int i;

	TEST(arithmetic);
	TEST(rings);
	for (i = 0; i < ARRAY_LEN(pf_cases); i++)
		add_test(page_fault, &pf_cases[i], "page_fault_%s", pf_cases[i].name);
	TEST(write_protect_off);
	TEST(page_sizes);
	TEST(remapping);
	TEST(non_canonical);
	TEST(fs_gs_bases);
	TEST(compatibility_mode);
	TEST(cpuid_as_set);
	TEST(from_real_mode);
	return run_tests(argc, argv);
}
