// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests in 16-bit and 32-bit protected mode: segmentation with bases, limits and
 * privilege, two-level and PAE paging, gates and stack switches, virtual-8086 mode.
 */
#include "machine.h"

GUEST_CODE(seg16, 16,
	   "mov $0x1234, %ax\n mov %ax, 0x10\n"
	   "push %ax\n pop %bx\n"
	   "movl $0xabcdef01, %eax\n mov %eax, %es:0x20\n"
	   "out %eax, $0x80\n hlt\n");

static void prot16_segments(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_PROT16, seg16);
	expect_out(m, 0x80, 4, 0xabcdef01);
	expect_hlt(m);
	CHECK_EQ(*(uint16_t *)guest_mem(m, G_DATA + 0x10), 0x1234);
	CHECK_EQ(*(uint32_t *)guest_mem(m, G_DATA + 0x20), 0xabcdef01);
	CHECK_EQ(get_regs(m).rbx, 0x1234);
	CHECK_EQ(*(uint16_t *)guest_mem(m, G_STACK - 2), 0x1234);
}

GUEST_CODE(flat32, 32,
	   "mov $0x11223344, %eax\n push %eax\n pop %ebx\n"
	   "mov %ebx, 0x200000\n lea 4(%ebx,%eax,2), %ecx\n"
	   "out %eax, $0x80\n hlt\n");

static void prot32_flat(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_PROT32, flat32);
	expect_out(m, 0x80, 4, 0x11223344);
	expect_hlt(m);
	CHECK_EQ(*(uint32_t *)guest_mem(m, 0x200000), 0x11223344);
	CHECK_EQ(get_regs(m).rcx, 0x11223344 * 3 + 4);
}

/* --- segment faults -------------------------------------------------------- */

GUEST_CODE(load_ds, 32, "mov %ebx, %ds\n mov (%ecx), %al\n hlt\n");
GUEST_CODE(store_ds, 32, "mov %ebx, %ds\n mov %al, (%ecx)\n hlt\n");
GUEST_CODE(load_ss, 32, "mov %ebx, %ss\n hlt\n");
GUEST_CODE(jump_far, 32, "push %ebx\n push $" S(G_CODE) "\n lret\n hlt\n");
GUEST_CODE(load_tr, 32, "ltr %bx\n hlt\n");
GUEST_CODE(load_ldt, 32, "lldt %bx\n hlt\n");

#define SEL SEL_FREE
static const struct seg_case {
	const char *name;
	const uint8_t *code;
	uint64_t descriptor;
	uint32_t selector, offset;
	int vector, error;
} seg_cases[] = {
	/* base, limit, access written out as descriptor words */
	{ "limit", load_ds, 0x00409300000000ffULL, SEL, 0x100, GP_VECTOR, 0 },
	{ "limit_ok", load_ds, 0x00409302000000ffULL, SEL, 0xff, -1, 0 },
	{ "expand_down", load_ds, 0x00409700000000ffULL, SEL, 0xff, GP_VECTOR, 0 },
	{ "read_only", store_ds, 0x00c09100000000ffULL, SEL, 0, GP_VECTOR, 0 },
	{ "execute_only", load_ds, 0x00c09900000000ffULL, SEL, 0, GP_VECTOR, SEL },
	{ "not_present", load_ds, 0x00c01300000000ffULL, SEL, 0, NP_VECTOR, SEL },
	{ "system_type", load_ds, 0x0000890000000067ULL, SEL, 0, GP_VECTOR, SEL },
	{ "beyond_table", load_ds, 0, GDT_ENTRIES * 8, 0, GP_VECTOR, GDT_ENTRIES * 8 },
	{ "null_use", load_ds, 0, 0, 0, GP_VECTOR, 0 },
	{ "ldt_missing", load_ds, 0, 4, 0, GP_VECTOR, 4 },
	{ "ss_null", load_ss, 0, 0, 0, GP_VECTOR, 0 },
	{ "ss_not_present", load_ss, 0x00c01300000000ffULL, SEL, 0, SS_VECTOR, SEL },
	{ "ss_rpl", load_ss, 0x00c09300000000ffULL, SEL | 3, 0, GP_VECTOR, SEL },
	{ "cs_data", jump_far, 0x00c093000000ffffULL, SEL, 0, GP_VECTOR, SEL },
	{ "cs_not_present", jump_far, 0x00c01b000000ffffULL, SEL, 0, NP_VECTOR, SEL },
	{ "tr_busy", load_tr, 0x00008b0000000067ULL, SEL, 0, GP_VECTOR, SEL },
	{ "tr_not_present", load_tr, 0x0000090000000067ULL, SEL, 0, NP_VECTOR, SEL },
	{ "tr_ok", load_tr, 0x0000890038000067ULL, SEL, 0, -1, 0 },
	{ "ldt_type", load_ldt, 0x0000890000000067ULL, SEL, 0, GP_VECTOR, SEL },
	{ "ldt_ok", load_ldt, 0x000082020000001fULL, SEL, 0, -1, 0 },
};

static void segment(const void *arg)
{
	const struct seg_case *c = arg;
	struct machine *m = machine_new();
	struct kvm_regs r;
	struct event e;

	machine_load(m, G_CODE, c->code, c->code + 9);
	machine_mode(m, MODE_PROT32);
	((uint64_t *)guest_mem(m, G_GDT))[SEL / 8] = c->descriptor;
	r = get_regs(m);
	r.rbx = c->selector;
	r.rcx = c->offset;
	set_regs(m, &r);
	if (c->vector < 0) {
		expect_hlt(m);
		return;
	}
	e = expect_event(m, c->vector);
	CHECK_EQ(e.error, c->error);
	CHECK_EQ(e.cs, SEL_CODE32);
}

/* LTR marks the descriptor busy, and the accessed bit appears on a load. */
static void descriptor_updates(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *gdt;
	struct kvm_regs r;

	machine_start(m, MODE_PROT32, load_tr);
	gdt = guest_mem(m, G_GDT);
	gdt[SEL / 8] = 0x0000890038000067ULL;
	r = get_regs(m);
	r.rbx = SEL;
	set_regs(m, &r);
	expect_hlt(m);
	CHECK_EQ(gdt[SEL / 8] >> 40 & 0xf, 0xb);
	CHECK_EQ(get_sregs(m).tr.selector, SEL);
	CHECK_EQ(get_sregs(m).tr.base, 0x3800);
	CHECK_EQ(get_sregs(m).tr.type, 0xb);

	machine_start(m, MODE_PROT32, load_ds);
	gdt[SEL / 8] = 0x00c092000000ffffULL;
	r = get_regs(m);
	r.rbx = SEL;
	set_regs(m, &r);
	expect_hlt(m);
	CHECK_EQ(gdt[SEL / 8] >> 40 & 1, 1);
}

/* --- paging ---------------------------------------------------------------- */

GUEST_CODE(paging, 32,
	   "mov %ebx, %cr4\n mov %ecx, %cr3\n"
	   "mov %cr0, %eax\n or $0x80010000, %eax\n mov %eax, %cr0\n"
	   "mov 0x400010, %eax\n out %eax, $0x80\n"
	   "mov 0x800020, %eax\n out %eax, $0x80\n"
	   "mov %al, 0xc00000\n hlt\n");

static void check_paging(struct machine *m, uint32_t cr4)
{
	struct kvm_regs r;
	struct event e;

	r = get_regs(m);
	r.rbx = cr4;
	r.rcx = 0x40000;
	set_regs(m, &r);
	*(uint32_t *)guest_mem(m, 0x123010) = 0x51;
	*(uint32_t *)guest_mem(m, 0x20) = 0x52;
	expect_out(m, 0x80, 4, 0x51);
	CHECK_EQ(get_sregs(m).cr3, 0x40000);
	expect_out(m, 0x80, 4, 0x52);
	e = expect_event(m, PF_VECTOR);
	CHECK_EQ(e.error, 2);
	CHECK_EQ(get_sregs(m).cr2, 0xc00000);
}

static void two_level_paging(const void *arg)
{
	struct machine *m = machine_new();
	uint32_t *pd, *pt, i;

	machine_start(m, MODE_PROT32, paging);
	pd = guest_mem(m, 0x40000);
	pt = guest_mem(m, 0x41000);
	for (i = 0; i < 1024; i++)
		pt[i] = i << 12 | 7;
	pd[0] = 0x41000 | 7;
	pd[1] = 0x42000 | 7;
	((uint32_t *)guest_mem(m, 0x42000))[0] = 0x123000 | 7;
	pd[2] = 0x87;				/* 4 MiB page at 0 */
	check_paging(m, X86_CR4_PSE);
	CHECK_EQ(pd[2] & 0x60, 0x20);
	CHECK_EQ(((uint32_t *)guest_mem(m, 0x42000))[0] & 0x60, 0x20);
}

static void pae_paging(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *pdpt, *pd, *pt, i;

	machine_start(m, MODE_PROT32, paging);
	pdpt = guest_mem(m, 0x40000);
	pd = guest_mem(m, 0x41000);
	pt = guest_mem(m, 0x42000);
	pdpt[0] = 0x41000 | 1;
	for (i = 0; i < 512; i++)
		pt[i] = i << 12 | 7;
	pd[0] = 0x42000 | 7;
	pd[2] = 0x43000 | 7;
	((uint64_t *)guest_mem(m, 0x43000))[0] = 0x123000 | 7;
	pd[4] = 0x87;				/* 2 MiB page at 0 */
	check_paging(m, X86_CR4_PAE);
}

/* A reserved bit in a PDPTE is a #GP at the load of CR3, not a page fault later. */
static void pae_bad_pdpte(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *pdpt;
	struct kvm_regs r;
	struct event e;

	machine_start(m, MODE_PROT32, paging);
	pdpt = guest_mem(m, 0x40000);
	pdpt[0] = 0x41000 | 3;			/* bit 1 is reserved */
	r = get_regs(m);
	r.rbx = X86_CR4_PAE;
	r.rcx = 0x40000;
	set_regs(m, &r);
	e = expect_event(m, GP_VECTOR);
	CHECK_EQ(e.error, 0);
	CHECK_EQ(get_sregs(m).cr0 & CR0_PG, 0);
}

/* --- gates ----------------------------------------------------------------- */

GUEST_CODE(call_gate, 32,
	   "lcall $" S(SEL_FREE) ", $0\n"
	   "out %eax, $0x80\n hlt\n");
GUEST_CODE(gate_target, 32, "mov $0x77, %eax\n lret\n");

static void through_call_gate(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_PROT32, call_gate);
	machine_load(m, 0x30000, gate_target, gate_target_end);
	((uint64_t *)guest_mem(m, G_GDT))[SEL / 8] =
		(uint64_t)SEL_CODE32 << 16 | 0x8cULL << 40 | 3ULL << 48;
	expect_out(m, 0x80, 4, 0x77);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rsp, G_STACK);
}

GUEST_CODE(to_ring3, 32,
	   "push $" S(SEL_UDATA) "\n push $0x81000\n push $2\n"
	   "push $" S(SEL_UCODE32) "\n push $" S(G_CODE) " + 0x40\n iret\n"
	   ".org to_ring3 + 0x40\n"
	   "mov %cs, %edi\n int $0x30\n");

static void ring3_and_back(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *idt = guest_mem(m, G_IDT);
	struct event e;

	machine_start(m, MODE_PROT32, to_ring3);
	/* Gate 0x30 is not for ring 3: #GP with the IDT bit in the error code. */
	e = expect_event(m, GP_VECTOR);
	CHECK_EQ(e.error, 0x30 * 8 + 2);
	CHECK_EQ(e.cs, SEL_UCODE32);
	CHECK_EQ(e.ss, SEL_UDATA);
	CHECK_EQ(e.sp, 0x81000);
	CHECK_EQ(get_sregs(m).ss.selector, SEL_DATA);
	CHECK_EQ(get_regs(m).rdi, SEL_UCODE32);

	machine_start(m, MODE_PROT32, to_ring3);
	idt[0x30] |= 3ULL << 45;
	e = expect_event(m, 0x30);
	CHECK_EQ(e.cs, SEL_UCODE32);
	CHECK_EQ(e.ip, G_CODE + 0x44);
}

GUEST_CODE(to_v86, 32,
	   "push $0\n push $0\n push $0x2000\n push $0x2000\n"	/* gs fs ds es */
	   "push $0x8000\n push $0xf000\n"			/* ss esp */
	   "push $0x20002\n push $0x1000\n push $0x40\n"	/* VM, cs, eip */
	   "iret\n"
	   ".org to_v86 + 0x40\n"
	   ".code16\n"
	   "mov %ds, %ax\n mov %ax, 0x10\n mov $0x55, %bx\n cli\n");

/* In virtual-8086 mode with IOPL 0, CLI is #GP to the 32-bit handler. */
static void virtual_8086(const void *arg)
{
	struct machine *m = machine_new();
	uint32_t *frame;
	struct event e;

	machine_start(m, MODE_PROT32, to_v86);
	HERE();
	CHECK_EQ(run_vcpu(m->vcpu), KVM_EXIT_HLT);
	CHECK(at_event(m, &e), "not in a handler");
	CHECK_EQ(e.vector, GP_VECTOR);
	CHECK_EQ(e.error, 0);
	CHECK_EQ(e.cs, 0x1000);
	CHECK_EQ(e.flags & 0x20000, 0x20000);
	frame = guest_mem(m, get_regs(m).rsp);
	CHECK_EQ(frame[4], 0xf000);		/* ESP */
	CHECK_EQ(frame[5] & 0xffff, 0x8000);	/* SS */
	CHECK_EQ(frame[7] & 0xffff, 0x2000);	/* DS */
	CHECK_EQ(*(uint16_t *)guest_mem(m, 0x20010), 0x2000);
	CHECK_EQ(get_regs(m).rbx, 0x55);
	CHECK_EQ(get_sregs(m).cs.selector, SEL_CODE32);
}

int main(int argc, char **argv)
{
	int i;

	TEST(prot16_segments);
	TEST(prot32_flat);
	for (i = 0; i < ARRAY_LEN(seg_cases); i++)
		add_test(segment, &seg_cases[i], "segment_%s", seg_cases[i].name);
	TEST(descriptor_updates);
	TEST(two_level_paging);
	TEST(pae_paging);
	TEST(pae_bad_pdpte);
	TEST(through_call_gate);
	TEST(ring3_and_back);
	TEST(virtual_8086);
	return run_tests(argc, argv);
}
