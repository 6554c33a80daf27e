// SPDX-License-Identifier: GPL-2.0-only
/*
 * The split irqchip: local APICs in the kernel, I/O APIC and 8259s in user space. Level
 * triggered interrupts by MSI routes end with KVM_EXIT_IOAPIC_EOI, the 8259's interrupt is
 * KVM_INTERRUPT, and kvm_run says when it can be taken.
 */
#include "agent.h"

#define PINS	24

static struct pc *make(int nr)
{
	return pc_new(CHIPS_SPLIT, nr);
}

struct pin {
	uint8_t vector, dest;
	bool level;
};

/* GSIs 0 to @nr - 1 lead to what an I/O APIC in user space would send. */
static void set_pins(struct pc *pc, const struct pin *pins, int nr)
{
	struct kvm_irq_routing *t;
	int i;

	t = calloc(1, sizeof(*t) + nr * sizeof(t->entries[0]));
	CHECK(t, "out of memory");
	t->nr = nr;
	for (i = 0; i < nr; i++) {
		t->entries[i].gsi = i;
		t->entries[i].type = KVM_IRQ_ROUTING_MSI;
		t->entries[i].u.msi.address_lo = APIC_PAGE | pins[i].dest << 12;
		t->entries[i].u.msi.data = pins[i].vector | (pins[i].level ? 0xc000 : 0);
	}
	CHECK_OK(ioctl(pc->vm_fd, KVM_SET_GSI_ROUTING, t));
	free(t);
}

/* The EOI of a level-triggered vector exits to user space, once. */
static void eoi_exits(const void *arg)
{
	static const struct pin pins[] = {
		{ 0x31, 0, false }, { 0x62, 0, true }, { 0x73, 0, true },
	};
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];
	int i;

	set_pins(pc, pins, ARRAY_LEN(pins));
	for (i = 0; i < 3; i++) {
		irq_line(pc, i, 1);
		CHECK_EQ(cpu_window(c), pins[i].vector);
		CHECK(apic_bit(c, R_TMR, pins[i].vector) == pins[i].level, "TMR of pin %d", i);
		if (!pins[i].level) {
			apic_eoi(c);
		} else {
			CHECK_EQ(cpu_try_write32(c, APIC_PAGE + R_EOI, 0), CPU_EXIT);
			CHECK_EQ(c->run->exit_reason, KVM_EXIT_IOAPIC_EOI);
			CHECK_EQ(c->run->eoi.vector, pins[i].vector);
			CHECK(!apic_bit(c, R_ISR, pins[i].vector), "still in service");
		}
		CHECK_EQ(cpu_iret(c), CPU_DONE);
	}
}

/* apic_bit() above resumed the vCPU behind the EOI; here the order is the guest's own. */
static void eoi_by_x2apic(const void *arg)
{
	static const struct pin pins[] = { { 0x62, 0, true } };
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];
	int i;

	apic_to_x2(c);
	set_pins(pc, pins, 1);
	for (i = 0; i < 10; i++) {
		irq_line(pc, 0, 1);
		CHECK_EQ(cpu_halt(c), 0x62);
		CHECK_EQ(cpu_try_wrmsr(c, MSR_X2APIC(R_EOI), 0), CPU_EXIT);
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_IOAPIC_EOI);
		CHECK_EQ(c->run->eoi.vector, 0x62);
		CHECK_EQ(cpu_resume(c), CPU_DONE);
		CHECK_EQ(cpu_iret(c), CPU_DONE);
	}
}

/* Only EOIs of routes of the reserved pins exit, and only on the vCPUs they lead to. */
static void who_is_told(const void *arg)
{
	struct pin pins[PINS + 1] = { };
	struct pc *pc = make(2);
	int i;

	need_cap(KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING");
	pins[3] = (struct pin) { 0x53, 1, true };
	pins[PINS] = (struct pin) { 0x64, 0, true };
	for (i = 0; i < PINS; i++)
		if (i != 3)
			pins[i].vector = 0x40;
	set_pins(pc, pins, ARRAY_LEN(pins));
	irq_line(pc, 3, 1);
	CHECK_EQ(cpu_window(&pc->cpu[0]), CPU_DONE);
	CHECK_EQ(cpu_window(&pc->cpu[1]), 0x53);
	CHECK_EQ(cpu_try_write32(&pc->cpu[1], APIC_PAGE + R_EOI, 0), CPU_EXIT);
	CHECK_EQ(pc->cpu[1].run->exit_reason, KVM_EXIT_IOAPIC_EOI);
	/* Beyond the pins: an MSI like any other. */
	irq_line(pc, PINS, 1);
	CHECK_EQ(cpu_window(&pc->cpu[0]), 0x64);
	apic_eoi(&pc->cpu[0]);
	CHECK_EQ(cpu_iret(&pc->cpu[0]), CPU_DONE);
}

/* A pin leads elsewhere while its interrupt is in service: its EOI is still told. */
static void rerouted_in_service(const void *arg)
{
	struct pin pin = { 0x53, 1, true };
	struct pc *pc = make(2);
	struct cpu *c = &pc->cpu[1];
	int got;

	set_pins(pc, &pin, 1);
	irq_line(pc, 0, 1);
	CHECK_EQ(cpu_window(c), 0x53);
	pin.dest = 0;
	set_pins(pc, &pin, 1);
	got = cpu_try_write32(c, APIC_PAGE + R_EOI, 0);
	if (got == CPU_DONE)
		test_skip("this kvm tells EOIs of the present routes only");
	CHECK_EQ(got, CPU_EXIT);
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_IOAPIC_EOI);
	CHECK_EQ(c->run->eoi.vector, 0x53);
}

/* Spurious-vector register bit 12: the guest writes the I/O APIC's EOI itself. */
static void suppressed_broadcast(const void *arg)
{
	static const struct pin pins[] = { { 0x62, 0, true } };
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];

	if (!(apic_read(c, R_VERSION) & 1u << 24))
		test_skip("no suppression of EOI broadcasts");
	set_pins(pc, pins, 1);
	apic_write(c, R_SPIV, 0x11ff);
	irq_line(pc, 0, 1);
	CHECK_EQ(cpu_window(c), 0x62);
	if (cpu_try_write32(c, APIC_PAGE + R_EOI, 0) == CPU_EXIT)
		test_skip("this kvm tells suppressed EOIs as well");
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

/* --- the 8259 in user space ------------------------------------------------ */

static int interrupt(struct cpu *c, uint32_t vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	return ioctl(c->vcpu->fd, KVM_INTERRUPT, &irq);
}

static void extint(const void *arg)
{
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];

	apic_write(c, R_LVT0, M_EXTINT);
	CHECK_ERRNO(interrupt(c, 256), EINVAL);
	CHECK_OK(interrupt(c, 0x21));
	CHECK_ERRNO(interrupt(c, 0x22), EEXIST);
	CHECK_EQ(cpu_window(c), 0x21);
	CHECK(!apic_bit(c, R_ISR, 0x21), "the APIC has it in service");
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	/* TPR does not hold it back, and it comes before an interrupt of the local APIC. */
	apic_write(c, R_TPR, 0xf0);
	CHECK_OK(interrupt(c, 0x22));
	CHECK_EQ(cpu_window(c), 0x22);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	apic_write(c, R_TPR, 0);
	CHECK_OK(interrupt(c, 0x23));
	apic_send(c, 0, ICR_SELF | 0x99);
	CHECK_EQ(cpu_window(c), 0x23);
	CHECK_EQ(cpu_window(c), 0x99);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	/* It ends a HLT. */
	CHECK_OK(interrupt(c, 0x24));
	CHECK_EQ(cpu_halt(c), 0x24);
}

/* LINT0 masked: the vCPU does not take it, and does not ask for it. */
static void extint_masked(const void *arg)
{
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];

	apic_write(c, R_LVT0, M_EXTINT | LVT_MASKED);
	c->run->request_interrupt_window = 1;
	CHECK_EQ(cpu_spin(c, 1000), CPU_DONE);
	CHECK_EQ(c->run->ready_for_interrupt_injection, 0);
	apic_write(c, R_LVT0, M_EXTINT);
	CHECK_EQ(cpu_spin(c, 1000), CPU_EXIT);
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(c->run->ready_for_interrupt_injection, 1);
	CHECK_EQ(c->run->if_flag, 1);
	c->run->request_interrupt_window = 0;
	CHECK_OK(interrupt(c, 0x21));
	CHECK_EQ(cpu_resume(c), 0x21);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

static void window(const void *arg)
{
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];
	int i;

	apic_write(c, R_LVT0, M_EXTINT);
	for (i = 0; i < 20; i++) {
		c->run->request_interrupt_window = 1;
		CHECK_EQ(cpu_window(c), CPU_EXIT);
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_IRQ_WINDOW_OPEN);
		CHECK_EQ(c->run->ready_for_interrupt_injection, 1);
		c->run->request_interrupt_window = 0;
		CHECK_OK(interrupt(c, 0x20 + i));
		CHECK_EQ(cpu_resume(c), 0x20 + i);
		CHECK_EQ(cpu_iret(c), CPU_DONE);
	}
}

/* CR8 and HLT stay in the kernel. */
static void no_exits(const void *arg)
{
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];

	cpu_set_cr8(c, 9);
	cpu_set_cr8(c, 3);
	CHECK_EQ(cpu_cr8(c), 3);
	CHECK_EQ(c->run->cr8, 3);
	CHECK_EQ(apic_read(c, R_TPR), 0x30);
	signal_msi(pc, 0, 0x45);
	CHECK_EQ(cpu_halt(c), 0x45);
}

int main(int argc, char **argv)
{
	TEST(eoi_exits);
	TEST(eoi_by_x2apic);
	TEST(who_is_told);
	TEST(rerouted_in_service);
	TEST(suppressed_broadcast);
	TEST(extint);
	TEST(extint_masked);
	TEST(window);
	TEST(no_exits);
	return run_tests(argc, argv);
}
