// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest in real mode: proves that the unrestricted guest runs 16-bit code with
 * real-mode segmentation, takes interrupts through the vector table, and that the
 * reset state is the architectural one.
 */
#include "machine.h"

GUEST_CODE(arith, 16,
	   "mov $0x1234, %ax\n"
	   "add $0x1111, %ax\n"
	   "mov %ax, 0x10\n"
	   "mov $0xdeadbeef, %ebx\n"
	   "mov %ebx, 0x20\n"
	   "push %ax\n"
	   "pop %cx\n"
	   "out %ax, $0x80\n"
	   "hlt\n");

static void arithmetic(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	machine_start(m, MODE_REAL, arith);
	expect_out(m, 0x80, 2, 0x2345);
	expect_hlt(m);
	CHECK_EQ(*(uint16_t *)guest_mem(m, G_DATA + 0x10), 0x2345);
	CHECK_EQ(*(uint32_t *)guest_mem(m, G_DATA + 0x20), 0xdeadbeef);
	r = get_regs(m);
	CHECK_EQ(r.rcx & 0xffff, 0x2345);
	CHECK_EQ(r.rbx, 0xdeadbeef);
	CHECK_EQ(r.rsp, G_STACK - G_STACK_BASE);
}

/* SDM vol. 3, table "IA-32 and Intel 64 processor states following power-up". */
static void reset_state(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s = get_sregs(m);
	struct kvm_regs r = get_regs(m);

	CHECK_EQ(r.rip, 0xfff0);
	CHECK_EQ(r.rflags, 2);
	CHECK_EQ(s.cs.selector, 0xf000);
	CHECK_EQ(s.cs.base, 0xffff0000);
	CHECK_EQ(s.cs.limit, 0xffff);
	CHECK_EQ(s.cr0, CR0_CD | CR0_NW | CR0_ET);
	CHECK_EQ(s.cr2, 0);
	CHECK_EQ(s.cr3, 0);
	CHECK_EQ(s.cr4, 0);
	CHECK_EQ(s.efer, 0);
	CHECK_EQ(s.ds.base, 0);
	CHECK_EQ(s.ds.limit, 0xffff);
	CHECK_EQ(s.ss.base, 0);
	CHECK_EQ(s.idt.base, 0);
	CHECK_EQ(s.idt.limit, 0xffff);
	CHECK_EQ(s.gdt.base, 0);
	CHECK_EQ(s.gdt.limit, 0xffff);
	CHECK_EQ(s.ldt.base, 0);
	CHECK_EQ(s.tr.base, 0);
}

GUEST_CODE(reset_code, 16, "mov $0x5a, %al\n out %al, $0x80\n hlt\n");

/* A machine whose first instruction is the one at the reset vector. */
static void reset_vector(const void *arg)
{
	struct machine *m = machine_new();
	uint8_t *rom = anon_mem(0x10000);

	set_slot(m, 2, 0, 0xffff0000, 0x10000, rom);
	memcpy(rom + 0xfff0, reset_code, reset_code_end - reset_code);
	m->mode = MODE_REAL;
	expect_out(m, 0x80, 1, 0x5a);
	expect_hlt(m);
	CHECK_EQ(get_sregs(m).cs.base, 0xffff0000);
}

GUEST_CODE(far_jump, 16,
	   "ljmp $0x1100, $0\n"
	   ".org far_jump + 0x1000\n"
	   "mov %cs, %ax\n"
	   "out %ax, $0x80\n"
	   "hlt\n");

static void far_jump_reloads_base(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_REAL, far_jump);
	expect_out(m, 0x80, 2, 0x1100);
	expect_hlt(m);
	CHECK_EQ(get_sregs(m).cs.base, 0x11000);
}

GUEST_CODE(segments, 16,
	   "mov $0x3000, %ax\n"
	   "mov %ax, %es\n"
	   "movl $0x11223344, %es:0x40\n"
	   "mov $0x2fff, %ax\n"
	   "mov %ax, %ds\n"
	   "movl 0x50, %eax\n"		/* the same place */
	   "out %eax, $0x80\n"
	   "hlt\n");

static void segment_arithmetic(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_REAL, segments);
	expect_out(m, 0x80, 4, 0x11223344);
	expect_hlt(m);
	CHECK_EQ(get_sregs(m).es.base, 0x30000);
	CHECK_EQ(get_sregs(m).ds.base, 0x2fff0);
	CHECK_EQ(*(uint32_t *)guest_mem(m, 0x30040), 0x11223344);
}

GUEST_CODE(soft_int, 16,
	   "mov $0x77, %al\n"
	   "int $0x21\n"
	   "out %al, $0x80\n"
	   "hlt\n");
GUEST_CODE(int_handler, 16, "inc %al\n iret\n");

static void software_interrupt(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_REAL, soft_int);
	machine_load(m, G_DATA, int_handler, int_handler_end);
	*(uint32_t *)guest_mem(m, 0x21 * 4) = REAL_DATA_SEG << 16;
	expect_out(m, 0x80, 1, 0x78);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rsp, G_STACK - G_STACK_BASE);
}

GUEST_CODE(div_zero, 16, "xor %cx, %cx\n mov $5, %ax\n faulting: div %cx\n hlt\n");
GUEST_LABEL(faulting);

static void exception_through_ivt(const void *arg)
{
	struct machine *m = machine_new();
	struct event e;

	machine_start(m, MODE_REAL, div_zero);
	e = expect_event(m, DE_VECTOR);
	CHECK_EQ(e.cs, REAL_CODE_SEG);
	CHECK_EQ(e.ip, faulting - div_zero);
	CHECK_EQ(e.flags & FLAG_IF, 0);
}

GUEST_CODE(limit_gp, 16, "mov $0xffff, %bx\n mov (%bx), %ax\n hlt\n");
GUEST_CODE(limit_ss, 16, "mov $0xffff, %bp\n mov (%bp), %ax\n hlt\n");

/* A word access at offset 0xffff is beyond the limit: #GP, or #SS by way of SS. */
static void segment_limit(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_REAL, limit_gp);
	expect_event(m, GP_VECTOR);
	machine_start(m, MODE_REAL, limit_ss);
	expect_event(m, SS_VECTOR);
}

GUEST_CODE(big_real, 16, "movl (%ebx), %eax\n out %eax, $0x80\n hlt\n");

/* "Unreal" mode: a cached 4 GiB limit stays usable with PE clear. */
static void unreal_limit(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;
	struct kvm_regs r;

	machine_start(m, MODE_REAL, big_real);
	s = get_sregs(m);
	s.ds = make_segment(0, 0, ~0U, 0x8093);
	set_sregs(m, &s);
	r = get_regs(m);
	r.rbx = HIGH_BASE + 0x1234;
	set_regs(m, &r);
	*(uint32_t *)guest_mem(m, HIGH_BASE + 0x1234) = 0xcafef00d;
	expect_out(m, 0x80, 4, 0xcafef00d);
	expect_hlt(m);
}

GUEST_CODE(go_protected, 16,
	   "lgdtl %cs:0x100\n"
	   "mov %cr0, %eax\n"
	   "or $1, %al\n"
	   "mov %eax, %cr0\n"
	   "ljmpl $" S(SEL_CODE32) ", $" S(G_CODE) " + 0x80\n"
	   ".org go_protected + 0x80\n"
	   ".code32\n"
	   "mov $" S(SEL_DATA) ", %eax\n"
	   "mov %eax, %ds\n"
	   "mov 0x100000, %eax\n"
	   "out %eax, $0x80\n"
	   "mov %cr0, %eax\n"
	   "and $0xfe, %al\n"
	   "ljmp $" S(SEL_CODE16) ", $0xc0\n"
	   ".org go_protected + 0xc0\n"
	   ".code16\n"
	   "mov %eax, %cr0\n"
	   "ljmp $" S(REAL_CODE_SEG) ", $0xe0\n"
	   ".org go_protected + 0xe0\n"
	   "mov %cs, %ax\n"
	   "out %ax, $0x80\n"
	   "hlt\n"
	   ".org go_protected + 0x100\n"
	   ".word 0xff\n"
	   ".long " S(G_GDT) "\n");

/* The guest itself switches to protected mode and back. */
static void to_protected_and_back(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_REAL, go_protected);
	machine_tables(m, MODE_PROT32);
	*(uint32_t *)guest_mem(m, 0x100000) = 0x600df00d;
	expect_out(m, 0x80, 4, 0x600df00d);
	CHECK_EQ(get_sregs(m).cr0 & 1, 1);
	CHECK_EQ(get_sregs(m).cs.db, 1);
	expect_out(m, 0x80, 2, REAL_CODE_SEG);
	expect_hlt(m);
	CHECK_EQ(get_sregs(m).cr0 & 1, 0);
}

/* A page that no slot covers is MMIO for instruction fetch too: it cannot run. */
static void fetch_outside_memory(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs r;
	struct kvm_sregs s;

	machine_start(m, MODE_REAL, arith);
	s = get_sregs(m);
	s.cs = make_segment(0xc000, 0xc0000, 0xffff, ACC_CODE16);
	set_sregs(m, &s);
	r = get_regs(m);
	r.rip = 0;
	set_regs(m, &r);
	expect_exit(m, KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(m->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
	CHECK_EQ(get_regs(m).rip, 0);
}

int main(int argc, char **argv)
{
	TEST(reset_state);
	TEST(reset_vector);
	TEST(arithmetic);
	TEST(far_jump_reloads_base);
	TEST(segment_arithmetic);
	TEST(software_interrupt);
	TEST(exception_through_ivt);
	TEST(segment_limit);
	TEST(unreal_limit);
	TEST(to_protected_and_back);
	TEST(fetch_outside_memory);
	return run_tests(argc, argv);
}
