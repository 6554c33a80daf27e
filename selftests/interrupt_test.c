// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts from user space: KVM_INTERRUPT, the interrupt window, the flags kvm_run
 * reports, STI and MOV SS shadows, HLT and its end, CR8 and the task priority, and
 * KVM_NMI with its own window. Proves that each event is delivered once, at an
 * instruction boundary that allows it, with the right return address.
 */
#include "machine.h"

static int inject(struct machine *m, uint32_t vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	return ioctl(m->vcpu->fd, KVM_INTERRUPT, &irq);
}

static void set_flags(struct machine *m, uint64_t flags)
{
	struct kvm_regs r = get_regs(m);

	r.rflags = flags | 2;
	set_regs(m, &r);
}

GUEST_CODE(sti_code, 64,
	   "out %al, $0x10\n"
	   "sti\n"
	   "nop\n"
	   "window: nop\n"
	   "hlt\n");
GUEST_LABEL(window);

/* The window opens one instruction after STI, and not before. */
static void window_after_sti(const void *arg)
{
	struct machine *m = machine_new();
	struct event e;

	machine_start(m, MODE_LONG, sti_code);
	m->run->request_interrupt_window = 1;
	expect_out(m, 0x10, 1, 0);
	CHECK_EQ(m->run->if_flag, 0);
	CHECK_EQ(m->run->ready_for_interrupt_injection, 0);
	expect_exit(m, KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(m->run->if_flag, 1);
	CHECK_EQ(m->run->ready_for_interrupt_injection, 1);
	CHECK_EQ(get_regs(m).rip, G_CODE + (window - sti_code));
	m->run->request_interrupt_window = 0;
	CHECK_OK(inject(m, 0x30));
	e = expect_event(m, 0x30);
	CHECK_EQ(e.ip, G_CODE + (window - sti_code));
	CHECK_EQ(e.flags & FLAG_IF, FLAG_IF);
	CHECK_EQ(m->run->if_flag, 0);
	return_to(m, &e, e.ip);
	expect_hlt(m);
	CHECK_EQ(m->run->if_flag, 1);
}

GUEST_CODE(sti_cli, 64, "sti\n cli\n sti\n cli\n nop\n hlt\n");

/* STI directly followed by CLI never opens the window. */
static void no_window_between_sti_and_cli(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, sti_cli);
	m->run->request_interrupt_window = 1;
	expect_hlt(m);
}

GUEST_CODE(nops, 64, "nop\n nop\n nop\n hlt\n");

static void window_already_open(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, nops);
	set_flags(m, FLAG_IF);
	m->run->request_interrupt_window = 1;
	expect_exit(m, KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(m->run->ready_for_interrupt_injection, 1);
	CHECK(get_regs(m).rip <= G_CODE + 1, "ran 0x%llx", get_regs(m).rip);
	m->run->request_interrupt_window = 0;
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rip, G_CODE + 4);
}

/* An interrupt shadow set by state restore is honoured for one instruction. */
static void shadow_from_events(const void *arg)
{
	static const uint8_t shadows[] = {
		KVM_X86_SHADOW_INT_MOV_SS, KVM_X86_SHADOW_INT_STI,
	};
	int i;

	for (i = 0; i < ARRAY_LEN(shadows); i++) {
		struct machine *m = machine_new();
		struct kvm_vcpu_events ev;

		machine_start(m, MODE_LONG, nops);
		set_flags(m, FLAG_IF);
		CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
		CHECK(ev.flags & KVM_VCPUEVENT_VALID_SHADOW, "shadow not reported");
		ev.flags = KVM_VCPUEVENT_VALID_SHADOW;
		ev.interrupt.shadow = shadows[i];
		CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_VCPU_EVENTS, &ev));
		CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
		CHECK_EQ(ev.interrupt.shadow, shadows[i]);
		m->run->request_interrupt_window = 1;
		expect_exit(m, KVM_EXIT_IRQ_WINDOW_OPEN);
		CHECK_EQ(get_regs(m).rip, G_CODE + 1);
		CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
		CHECK_EQ(ev.interrupt.shadow, 0);
		machine_free(m);
	}
}

GUEST_CODE(sti_hlt, 64, "sti\n hlt\n hlt\n hlt\n");

/* A reset takes IF away from a guest that is in the shadow of an STI, or has just left it. */
static void no_flag_no_shadow(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_vcpu_events ev;

	machine_start(m, MODE_LONG, sti_hlt);
	expect_hlt(m);
	set_flags(m, 0);
	expect_hlt(m);
	set_flags(m, FLAG_IF);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	ev.flags = KVM_VCPUEVENT_VALID_SHADOW;
	ev.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_VCPU_EVENTS, &ev));
	set_flags(m, 0);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	CHECK_EQ(ev.interrupt.shadow, 0);
	expect_hlt(m);
}

/* --- delivery -------------------------------------------------------------- */

GUEST_CODE(loop_out, 64,
	   "sti\n mov $200, %ecx\n"
	   "1: mov %ecx, %eax\n out %al, $0x10\n loop 1b\n"
	   "cli\n hlt\n");
/* Counts in [0x30000 + 8 * vector]; one copy for each vector. */
GUEST_CODE(counter, 64, "incq 0x30000\n iretq\n");

#define FIRST 0x20
#define VECTORS 16

static void install_counters(struct machine *m)
{
	uint64_t *idt = guest_mem(m, G_IDT);
	int i;

	for (i = 0; i < VECTORS; i++) {
		uint64_t at = 0x32000 + i * 32, gate;
		uint32_t word = 0x30000 + i * 8;

		machine_load(m, at, counter, counter_end);
		memcpy(guest_mem(m, at + 4), &word, 4);
		gate = (at & 0xffff) | (uint64_t)SEL_CODE64 << 16 | 0x8eULL << 40 |
		       at >> 16 << 48;
		idt[2 * (FIRST + i)] = gate;
	}
}

/* 100 interrupts of 16 vectors, between exits: none lost, none twice. */
static void every_one_once(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *counts = guest_mem(m, 0x30000);
	int outs = 0, injected = 0, i;

	machine_start(m, MODE_LONG, loop_out);
	install_counters(m);
	HERE();
	for (;;) {
		int reason = run_vcpu(m->vcpu);

		if (reason == KVM_EXIT_HLT)
			break;
		CHECK(reason == KVM_EXIT_IO, "%s", exit_name(reason));
		CHECK_EQ(*((uint8_t *)m->run + m->run->io.data_offset), 200 - outs);
		outs++;
		if (outs & 1 && m->run->ready_for_interrupt_injection) {
			CHECK_OK(inject(m, FIRST + injected % VECTORS));
			injected++;
		}
	}
	CHECK_EQ(outs, 200);
	CHECK_EQ(injected, 100);
	for (i = 0; i < VECTORS; i++)
		CHECK_EQ(counts[i], 100 / VECTORS + (i < 100 % VECTORS));
}

GUEST_CODE(halt_loop, 64, "sti\n 1: hlt\n inc %ebx\n jmp 1b\n");

/* HLT ends in user space; an interrupt continues behind it, KVM_RUN alone as well. */
static void halt_and_wake(const void *arg)
{
	struct machine *m = machine_new();
	struct event e;
	int i;

	machine_start(m, MODE_LONG, halt_loop);
	for (i = 0; i < 5; i++) {
		HERE();
		CHECK_EQ(run_vcpu(m->vcpu), KVM_EXIT_HLT);
		CHECK_EQ(get_regs(m).rip, G_CODE + 2);
		CHECK_EQ(get_regs(m).rbx, i);
		CHECK(m->run->ready_for_interrupt_injection, "not ready");
		CHECK_OK(inject(m, 0x40 + i));
		e = expect_event(m, 0x40 + i);
		CHECK_EQ(e.ip, G_CODE + 2);
		return_to(m, &e, e.ip);
	}
}

GUEST_CODE(port_in, 64, "sti\n nop\n in $0x10, %al\n after_in: hlt\n");
GUEST_LABEL(after_in);

/* Queued while an IN waits for its data: the IN completes first. */
static void pending_io_first(const void *arg)
{
	struct machine *m = machine_new();
	struct event e;

	machine_start(m, MODE_LONG, port_in);
	expect_in(m, 0x10, 1, 0x77);
	CHECK(m->run->ready_for_interrupt_injection, "not ready");
	CHECK_OK(inject(m, 0x31));
	e = expect_event(m, 0x31);
	CHECK_EQ(e.ip, G_CODE + (after_in - port_in));
	CHECK_EQ(get_regs(m).rax, 0x77);
}

GUEST_CODE(real_spin, 16, "sti\n nop\n out %al, $0x10\n hlt\n");

static void real_mode(const void *arg)
{
	struct machine *m = machine_new();
	struct event e;

	machine_start(m, MODE_REAL, real_spin);
	expect_out(m, 0x10, 1, 0);
	CHECK_OK(inject(m, 8));
	e = expect_event(m, 8);
	CHECK_EQ(e.cs, REAL_CODE_SEG);
	CHECK_EQ(e.ip, 4);
	return_to(m, &e, e.ip);
	expect_hlt(m);
}

/* The documentation has EEXIST for a second one; replacing the first is accepted too. */
static void second_interrupt(const void *arg)
{
	struct machine *m = machine_new();
	int r;

	machine_start(m, MODE_LONG, nops);
	set_flags(m, FLAG_IF);
	CHECK_OK(inject(m, 0x41));
	r = inject(m, 0x42);
	if (r < 0)
		CHECK_EQ(errno, EEXIST);
	expect_event(m, r < 0 ? 0x41 : 0x42);
}

static void interrupt_errors(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, nops);
	set_flags(m, FLAG_IF);
	CHECK_ERRNO(inject(m, 256), EINVAL);
	CHECK_ERRNO(inject(m, 0xffffffff), EINVAL);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_INTERRUPT, NULL), EFAULT);
	expect_hlt(m);
}

/* A queued interrupt shows in KVM_GET_VCPU_EVENTS and can be moved to another vCPU. */
static void queued_is_state(const void *arg)
{
	struct machine *m = machine_new(), *to = machine_new();
	struct kvm_vcpu_events ev;

	machine_start(m, MODE_LONG, nops);
	set_flags(m, FLAG_IF);
	CHECK_OK(inject(m, 0x66));
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	CHECK_EQ(ev.interrupt.injected, 1);
	CHECK_EQ(ev.interrupt.nr, 0x66);
	CHECK_EQ(ev.interrupt.soft, 0);

	machine_start(to, MODE_LONG, nops);
	set_flags(to, FLAG_IF);
	CHECK_OK(ioctl(to->vcpu->fd, KVM_SET_VCPU_EVENTS, &ev));
	expect_event(to, 0x66);
	CHECK_OK(ioctl(to->vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	CHECK_EQ(ev.interrupt.injected, 0);
}

/* --- NMI ------------------------------------------------------------------- */

static void nmi(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_vcpu_events ev;
	struct event e;

	machine_start(m, MODE_LONG, nops);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_NMI, NULL));
	e = expect_event(m, NMI_VECTOR);		/* IF is clear: NMI does not ask */
	CHECK_EQ(e.ip, G_CODE);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	CHECK_EQ(ev.nmi.masked, 1);
	CHECK_EQ(ev.nmi.pending, 0);
	CHECK_EQ(ev.nmi.injected, 0);
}

GUEST_CODE(nmi_handler, 64, "incq 0x30000\n out %al, $0x11\n nop\n iretq\n");

static void install_nmi_handler(struct machine *m)
{
	uint64_t *idt = guest_mem(m, G_IDT);

	machine_load(m, 0x32000, nmi_handler, nmi_handler_end);
	idt[2 * NMI_VECTOR] = 0x2000 | (uint64_t)SEL_CODE64 << 16 | 0x8eULL << 40 | 3ULL << 48;
}

/* A second NMI waits for the IRET of the first; a third merges into it. */
static void nmi_blocked_until_iret(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *count = guest_mem(m, 0x30000);

	machine_start(m, MODE_LONG, nops);
	install_nmi_handler(m);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_NMI, NULL));
	expect_out(m, 0x11, 1, 0);
	CHECK_EQ(*count, 1);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_NMI, NULL));
	expect_out(m, 0x11, 1, 0);
	CHECK_EQ(*count, 2);
	expect_hlt(m);
	CHECK_EQ(*count, 2);
	CHECK_EQ(get_regs(m).rip, G_CODE + 4);
}

/* NMI and interrupt at once: both arrive, the NMI first. */
static void nmi_and_interrupt(const void *arg)
{
	struct machine *m = machine_new();
	struct event e;

	machine_start(m, MODE_LONG, nops);
	set_flags(m, FLAG_IF);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_NMI, NULL));
	e = expect_event(m, NMI_VECTOR);
	CHECK(!m->run->ready_for_interrupt_injection, "IF is clear in the handler");
	return_to(m, &e, e.ip);
	CHECK_OK(inject(m, 0x50));
	e = expect_event(m, 0x50);
	CHECK_EQ(e.ip, G_CODE);
}

/* --- task priority --------------------------------------------------------- */

GUEST_CODE(read_cr8, 64, "mov %cr8, %rax\n out %eax, $0x10\n hlt\n");
GUEST_CODE(lower_cr8, 64, "mov $3, %eax\n mov %rax, %cr8\n after_cr8: mov %cr8, %rcx\n hlt\n");
GUEST_LABEL(after_cr8);
GUEST_CODE(raise_cr8, 64, "mov $9, %eax\n mov %rax, %cr8\n mov %cr8, %rcx\n hlt\n");
GUEST_CODE(bad_cr8, 64, "mov $16, %eax\n mov %rax, %cr8\n hlt\n");

static void cr8_from_user_space(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, read_cr8);
	m->run->cr8 = 11;
	expect_out(m, 0x10, 4, 11);
	CHECK_EQ(m->run->cr8, 11);
	CHECK_EQ(get_sregs(m).cr8, 11);
	expect_hlt(m);
	/* Too large a value is refused. */
	machine_start(m, MODE_LONG, read_cr8);
	m->run->cr8 = 16;
	CHECK_EQ(try_run(m->vcpu), EINVAL);
	m->run->cr8 = 2;
	expect_out(m, 0x10, 4, 2);
}

/* Lowering the priority may make an interrupt deliverable: user space is told. */
static void lowered_tpr_exits(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, lower_cr8);
	m->run->cr8 = 10;
	expect_exit(m, KVM_EXIT_SET_TPR);
	CHECK_EQ(m->run->cr8, 3);
	CHECK_EQ(get_regs(m).rip, G_CODE + (after_cr8 - lower_cr8));
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 3);
}

static void raised_tpr(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, raise_cr8);
	m->run->cr8 = 1;
	HERE();
	if (run_vcpu(m->vcpu) == KVM_EXIT_SET_TPR) {
		CHECK_EQ(m->run->cr8, 9);
		run_vcpu(m->vcpu);
	}
	CHECK_EQ(m->run->exit_reason, KVM_EXIT_HLT);
	CHECK_EQ(m->run->cr8, 9);
	CHECK_EQ(get_regs(m).rcx, 9);
}

static void reserved_cr8_bits(const void *arg)
{
	struct machine *m = machine_new();
	struct event e;

	machine_start(m, MODE_LONG, bad_cr8);
	m->run->cr8 = 5;
	e = expect_event(m, GP_VECTOR);
	CHECK_EQ(e.error, 0);
	CHECK_EQ(m->run->cr8, 5);
}

/* kvm_run.apic_base follows the MSR. */
static void apic_base(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;

	machine_start(m, MODE_LONG, nops);
	expect_hlt(m);
	s = get_sregs(m);
	CHECK_EQ(m->run->apic_base, s.apic_base);
	CHECK_EQ(get_msr(m, MSR_IA32_APICBASE), s.apic_base);
	CHECK_EQ(s.apic_base & 0xfffff000, 0xfee00000);
}

int main(int argc, char **argv)
{
	TEST(window_after_sti);
	TEST(no_window_between_sti_and_cli);
	TEST(window_already_open);
	TEST(shadow_from_events);
	TEST(no_flag_no_shadow);
	TEST(every_one_once);
	TEST(halt_and_wake);
	TEST(pending_io_first);
	TEST(real_mode);
	TEST(second_interrupt);
	TEST(interrupt_errors);
	TEST(queued_is_state);
	TEST(nmi);
	TEST(nmi_blocked_until_iret);
	TEST(nmi_and_interrupt);
	TEST(cr8_from_user_space);
	TEST(lowered_tpr_exits);
	TEST(raised_tpr);
	TEST(reserved_cr8_bits);
	TEST(apic_base);
	return run_tests(argc, argv);
}
