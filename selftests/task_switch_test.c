// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware task switches in 32-bit protected mode. VT-x leaves them all to software:
 * far jump and call to a TSS, through a task gate, IRET from a nested task, and a task
 * gate in the IDT for an exception. Proves that the outgoing state is saved, the incoming
 * one loaded, busy bits, NT, TS and back link are kept, and that a bad TSS is the right
 * fault.
 */
#include "machine.h"

#define SEL_TSS2 0x60
#define SEL_GATE 0x68
#define TSS2 0x30000
#define TASK2 0x31000

struct tss32 {
	uint16_t link, r0;
	uint32_t esp0;
	uint16_t ss0, r1;
	uint32_t esp1;
	uint16_t ss1, r2;
	uint32_t esp2;
	uint16_t ss2, r3;
	uint32_t cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
	uint16_t es, r4, cs, r5, ss, r6, ds, r7, fs, r8, gs, r9, ldt, r10, trap, io_base;
};

GUEST_CODE(jump_tss, 32, "mov $0x11, %eax\n ljmp $" S(SEL_TSS2) ", $0\n jumped: hlt\n");
GUEST_CODE(call_tss, 32, "mov $0x11, %eax\n lcall $" S(SEL_TSS2) ", $0\n"
	   "called: out %eax, $0x20\n hlt\n");
GUEST_CODE(call_gate, 32, "mov $0x11, %eax\n lcall $" S(SEL_GATE) ", $0\n"
	   "out %eax, $0x20\n hlt\n");
GUEST_CODE(raise_ud, 32, "mov $0x11, %eax\n ud_at: ud2\n hlt\n");
GUEST_CODE(use_int, 32, "mov $0x11, %eax\n int $0x50\n int_ret: out %eax, $0x20\n hlt\n");
GUEST_CODE(interrupted, 32, "nop\n nop\n hlt\n");
GUEST_LABEL(jumped);
GUEST_LABEL(called);
GUEST_LABEL(ud_at);
GUEST_LABEL(int_ret);

/* The second task shows what it was given, then halts or returns. */
GUEST_CODE(task_halt, 32, "out %eax, $0x10\n hlt\n");
GUEST_CODE(task_iret, 32, "out %eax, $0x10\n mov $0x99, %eax\n iret\n");

static struct tss32 *tss_at(struct machine *m, uint64_t gpa)
{
	return guest_mem(m, gpa);
}

static struct machine *task_machine(const uint8_t *code, const uint8_t *end,
				    const uint8_t *task, const uint8_t *task_end)
{
	struct machine *m = machine_new();
	struct tss32 *t = tss_at(m, TSS2);
	uint64_t *gdt = guest_mem(m, G_GDT);

	machine_load(m, G_CODE, code, end);
	machine_load(m, TASK2, task, task_end);
	machine_mode(m, MODE_PROT32);
	gdt[SEL_TSS2 / 8] = gdt_entry(TSS2, 0x67, 0x89);
	gdt[SEL_GATE / 8] = (uint64_t)SEL_TSS2 << 16 | 0x85ULL << 40;
	memset(t, 0, sizeof(*t));
	t->eip = TASK2;
	t->eflags = 2;
	t->eax = 0x22;
	t->ebx = 0xb0b0b0b0;
	t->edi = 0xd1d1d1d1;
	t->esp = G_ISTACK;
	t->cs = SEL_CODE32;
	t->ds = SEL_DATA;
	t->es = SEL_DATA;
	t->fs = SEL_DATA;
	t->gs = SEL_DATA;
	t->ss = SEL_DATA;
	t->io_base = 0x68;
	return m;
}

#define TASKS(code, task) task_machine(code, code##_end, task, task##_end)

static int tss_type(struct machine *m, uint16_t sel)
{
	return ((uint64_t *)guest_mem(m, G_GDT))[sel / 8] >> 40 & 0xf;
}

static void jump(const void *arg)
{
	struct machine *m = TASKS(jump_tss, task_halt);
	struct tss32 *old = tss_at(m, G_TSS);
	struct kvm_sregs s;
	struct kvm_regs r;

	expect_out(m, 0x10, 4, 0x22);
	/* Saved: the address behind the jump, registers, segments. */
	CHECK_EQ(old->eip, G_CODE + (jumped - jump_tss));
	CHECK_EQ(old->eax, 0x11);
	CHECK_EQ(old->esp, G_STACK);
	CHECK_EQ(old->cs, SEL_CODE32);
	CHECK_EQ(old->ss, SEL_DATA);
	CHECK_EQ(old->eflags & 2, 2);
	/* Loaded. */
	r = get_regs(m);
	CHECK_EQ(r.rbx, 0xb0b0b0b0);
	CHECK_EQ(r.rdi, 0xd1d1d1d1);
	CHECK_EQ(r.rsp, G_ISTACK);
	s = get_sregs(m);
	CHECK_EQ(s.tr.selector, SEL_TSS2);
	CHECK_EQ(s.tr.base, TSS2);
	CHECK_EQ(s.tr.type, 0xb);
	CHECK_EQ(s.cr0 & CR0_TS, CR0_TS);
	/* A jump hands the busy bit over, and nests nothing. */
	CHECK_EQ(tss_type(m, SEL_TSS), 9);
	CHECK_EQ(tss_type(m, SEL_TSS2), 0xb);
	CHECK_EQ(r.rflags & 1 << 14, 0);
	expect_hlt(m);
}

static void check_nested(struct machine *m)
{
	expect_out_(m, 0x10, 4, 0x22);
	CHECK_EQ(tss_at(m, TSS2)->link, SEL_TSS);
	CHECK_EQ(tss_type(m, SEL_TSS), 0xb);
	CHECK_EQ(tss_type(m, SEL_TSS2), 0xb);
	CHECK_EQ(get_regs(m).rflags & 1 << 14, 1 << 14);
}

static void check_returned(struct machine *m)
{
	struct kvm_sregs s;

	expect_out_(m, 0x20, 4, 0x11);
	s = get_sregs(m);
	CHECK_EQ(s.tr.selector, SEL_TSS);
	CHECK_EQ(tss_type(m, SEL_TSS), 0xb);
	CHECK_EQ(tss_type(m, SEL_TSS2), 9);
	CHECK_EQ(get_regs(m).rflags & 1 << 14, 0);
	/* The task that returned was saved in its turn. */
	CHECK_EQ(tss_at(m, TSS2)->eax, 0x99);
	CHECK_EQ(tss_at(m, TSS2)->eflags & 1 << 14, 0);
	expect_hlt_(m);
}

static void call_and_return(const void *arg)
{
	struct machine *m = TASKS(call_tss, task_iret);

	HERE();
	check_nested(m);
	CHECK_EQ(tss_at(m, G_TSS)->eip, G_CODE + (called - call_tss));
	check_returned(m);
}

static void through_gdt_gate(const void *arg)
{
	struct machine *m = TASKS(call_gate, task_iret);

	HERE();
	check_nested(m);
	check_returned(m);
}

static void idt_task_gate(struct machine *m, int vector)
{
	((uint64_t *)guest_mem(m, G_IDT))[vector] = (uint64_t)SEL_TSS2 << 16 | 0x85ULL << 40;
}

/* INT n by way of a task gate: the return address is behind the instruction. */
static void software_interrupt(const void *arg)
{
	struct machine *m = TASKS(use_int, task_iret);

	idt_task_gate(m, 0x50);
	HERE();
	check_nested(m);
	CHECK_EQ(tss_at(m, G_TSS)->eip, G_CODE + (int_ret - use_int));
	check_returned(m);
}

/* A fault: the return address is the instruction itself. */
static void exception(const void *arg)
{
	struct machine *m = TASKS(raise_ud, task_halt);

	idt_task_gate(m, UD_VECTOR);
	HERE();
	check_nested(m);
	CHECK_EQ(tss_at(m, G_TSS)->eip, G_CODE + (ud_at - raise_ud));
	expect_hlt(m);
}

/* A fault with an error code: it lies on the new task's stack. */
GUEST_CODE(raise_np, 32, "mov $0x11, %eax\n mov $0x70, %ecx\n mov %ecx, %ds\n hlt\n");

static void exception_with_error_code(const void *arg)
{
	struct machine *m = TASKS(raise_np, task_halt);

	((uint64_t *)guest_mem(m, G_GDT))[0x70 / 8] = 0x00cf13000000ffffULL;
	idt_task_gate(m, NP_VECTOR);
	HERE();
	check_nested(m);
	CHECK_EQ(get_regs(m).rsp, G_ISTACK - 4);
	CHECK_EQ(*(uint32_t *)guest_mem(m, G_ISTACK - 4), 0x70);
}

static void external_interrupt(const void *arg)
{
	struct machine *m = TASKS(interrupted, task_halt);
	struct kvm_interrupt irq = { .irq = 0x51 };
	struct kvm_regs r = get_regs(m);

	idt_task_gate(m, 0x51);
	r.rflags |= FLAG_IF;
	set_regs(m, &r);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_INTERRUPT, &irq));
	HERE();
	check_nested(m);
	CHECK_EQ(tss_at(m, G_TSS)->eip, G_CODE);
	CHECK_EQ(tss_at(m, G_TSS)->eflags & FLAG_IF, FLAG_IF);
	CHECK_EQ(get_regs(m).rflags & FLAG_IF, 0);
}

/* --- what must not work ---------------------------------------------------- */

static void tss_busy(struct machine *m)
{
	((uint64_t *)guest_mem(m, G_GDT))[SEL_TSS2 / 8] = gdt_entry(TSS2, 0x67, 0x8b);
}

static void tss_absent(struct machine *m)
{
	((uint64_t *)guest_mem(m, G_GDT))[SEL_TSS2 / 8] = gdt_entry(TSS2, 0x67, 0x09);
}

static void tss_short(struct machine *m)
{
	((uint64_t *)guest_mem(m, G_GDT))[SEL_TSS2 / 8] = gdt_entry(TSS2, 0x60, 0x89);
}

static void tss_dpl(struct machine *m)
{
	((uint64_t *)guest_mem(m, G_GDT))[SEL_TSS2 / 8] = gdt_entry(TSS2, 0x2b, 0x89);
}

static const struct bad_task {
	const char *name;
	void (*spoil)(struct machine *m);
	int vector;
	uint32_t error;
} bad_tasks[] = {
	{ "busy", tss_busy, GP_VECTOR, SEL_TSS2 },
	{ "not_present", tss_absent, NP_VECTOR, SEL_TSS2 },
	{ "limit", tss_short, TS_VECTOR, SEL_TSS2 },
	{ "limit_16_bit_size", tss_dpl, TS_VECTOR, SEL_TSS2 },
};

static void bad_task(const void *arg)
{
	const struct bad_task *c = arg;
	struct machine *m = TASKS(call_tss, task_halt);
	struct event e;

	c->spoil(m);
	e = expect_event(m, c->vector);
	CHECK_EQ(e.error, c->error);
}

int main(int argc, char **argv)
{
	int i;

	TEST(jump);
	TEST(call_and_return);
	TEST(through_gdt_gate);
	TEST(software_interrupt);
	TEST(exception);
	TEST(exception_with_error_code);
	TEST(external_interrupt);
	for (i = 0; i < ARRAY_LEN(bad_tasks); i++)
		add_test(bad_task, &bad_tasks[i], "bad_%s", bad_tasks[i].name);
	return run_tests(argc, argv);
}
