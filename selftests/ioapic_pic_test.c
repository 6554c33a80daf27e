// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O APIC and 8259s: edge and level, remote IRR, masks, destinations, ExtINT by LINT0,
 * the priorities and end-of-interrupt commands of the 8259, routes of both at once.
 */
#include "agent.h"

static struct pc *make(int nr)
{
	struct pc *pc = pc_new(CHIPS_KERNEL, nr);
	struct cpu *c = &pc->cpu[0];

	/* The 8259s out of the way. */
	cpu_outb(c, 0x21, 0xff);
	cpu_outb(c, 0xa1, 0xff);
	return pc;
}

static void registers(const void *arg)
{
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];
	uint32_t version = ioapic_read(c, 1);
	int pin;

	CHECK_EQ(version >> 16 & 0xff, 23);
	CHECK((version & 0xff) >= 0x11, "version 0x%x", version);
	for (pin = 0; pin < 24; pin++)
		CHECK(ioapic_rte(c, pin) & RTE_MASKED, "pin %d: 0x%x", pin, ioapic_rte(c, pin));
	ioapic_route(c, 5, 0xab, 0x1a95a | RTE_REMOTE_IRR | 0x1000);
	/* Delivery status and remote IRR are not the guest's to write. */
	CHECK_EQ(ioapic_rte(c, 5), (0x1a95a | RTE_MASKED) & ~(RTE_REMOTE_IRR | 0x1000));
	CHECK_EQ(ioapic_read(c, 0x11 + 10), 0xab000000);
	ioapic_write(c, 0, 0x07000000);
	CHECK_EQ(ioapic_read(c, 0), 0x07000000);
	CHECK_EQ(cpu_read32(c, IOAPIC_PAGE), 0);
	ioapic_write(c, 1, 0);
	CHECK_EQ(ioapic_read(c, 1), version);
	/* Registers that are not there. */
	ioapic_write(c, 0x40, 0x12345678);
	ioapic_write(c, 0xff, 0x12345678);
	CHECK_EQ(ioapic_rte(c, 5) & 0xff, 0x5a);
}

static void edge(const void *arg)
{
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];

	ioapic_route(c, 4, 0, 0x54);
	irq_line(pc, 4, 1);
	CHECK_EQ(cpu_window(c), 0x54);
	CHECK(!apic_bit(c, R_TMR, 0x54), "an edge in TMR");
	CHECK_EQ(ioapic_rte(c, 4) & RTE_REMOTE_IRR, 0);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);	/* still high: no other edge */
	irq_line(pc, 4, 1);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	irq_line(pc, 4, 0);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	irq_line(pc, 4, 1);
	irq_line(pc, 4, 0);
	CHECK_EQ(cpu_window(c), 0x54);		/* a pulse is enough */
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

static void level(const void *arg)
{
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];
	int i;

	ioapic_route(c, 10, 0, RTE_LEVEL | 0x6a);
	irq_line(pc, 10, 1);
	CHECK(ioapic_rte(c, 10) & RTE_REMOTE_IRR, "no remote IRR");
	CHECK_EQ(cpu_window(c), 0x6a);
	CHECK(apic_bit(c, R_TMR, 0x6a), "a level, not in TMR");
	for (i = 0; i < 5; i++) {
		CHECK(ioapic_rte(c, 10) & RTE_REMOTE_IRR, "no remote IRR");
		apic_eoi(c);			/* the line is high: once more */
		CHECK_EQ(cpu_iret(c), 0x6a);
	}
	irq_line(pc, 10, 0);
	CHECK(ioapic_rte(c, 10) & RTE_REMOTE_IRR, "remote IRR ends with the EOI");
	apic_eoi(c);
	CHECK_EQ(ioapic_rte(c, 10) & RTE_REMOTE_IRR, 0);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	/* Down before it is taken: it was accepted, and comes. */
	irq_line(pc, 10, 1);
	irq_line(pc, 10, 0);
	CHECK_EQ(cpu_window(c), 0x6a);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	CHECK_EQ(ioapic_rte(c, 10) & RTE_REMOTE_IRR, 0);
}

/* Two pins with one vector: an EOI is for both. */
static void shared_vector(const void *arg)
{
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];

	ioapic_route(c, 10, 0, RTE_LEVEL | 0x6a);
	ioapic_route(c, 11, 0, RTE_LEVEL | 0x6a);
	irq_line(pc, 10, 1);
	irq_line(pc, 11, 1);
	CHECK_EQ(cpu_window(c), 0x6a);
	irq_line(pc, 10, 0);
	apic_eoi(c);
	CHECK_EQ(ioapic_rte(c, 10) & RTE_REMOTE_IRR, 0);
	CHECK_EQ(cpu_iret(c), 0x6a);
	irq_line(pc, 11, 0);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

static void masked(const void *arg)
{
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];

	ioapic_route(c, 10, 0, RTE_MASKED | RTE_LEVEL | 0x6a);
	irq_line(pc, 10, 1);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	ioapic_write(c, 0x10 + 20, RTE_LEVEL | 0x6a);
	CHECK_EQ(cpu_window(c), 0x6a);
	/* Masked in the handler: the EOI ends it, unmasking asks again. */
	ioapic_write(c, 0x10 + 20, RTE_MASKED | RTE_LEVEL | 0x6a);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	CHECK_EQ(ioapic_rte(c, 10) & RTE_REMOTE_IRR, 0);
	ioapic_write(c, 0x10 + 20, RTE_LEVEL | 0x6a);
	CHECK_EQ(cpu_window(c), 0x6a);
	irq_line(pc, 10, 0);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

static void line_status(const void *arg)
{
	struct pc *pc = make(1);
	struct cpu *c = &pc->cpu[0];

	need_cap(KVM_CAP_IRQ_INJECT_STATUS, "KVM_CAP_IRQ_INJECT_STATUS");
	ioapic_route(c, 20, 0, RTE_LEVEL | 0x6a);
	CHECK_EQ(irq_line_status(pc, 20, 1), 1);
	CHECK(irq_line_status(pc, 20, 1) <= 0, "delivered twice");
	CHECK_EQ(cpu_window(c), 0x6a);
	irq_line_status(pc, 20, 0);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

static void delivery_modes(const void *arg)
{
	struct pc *pc = make(2);
	struct cpu *c = &pc->cpu[0];
	int hits = 0, i;

	/* NMI; then to the other vCPU; then to every one. */
	ioapic_route(c, 3, 0, M_NMI | 0x99);
	irq_line(pc, 3, 1);
	CHECK_EQ(cpu_window(c), NMI_VECTOR);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	ioapic_route(c, 4, 1, 0x54);
	irq_line(pc, 4, 1);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	CHECK_EQ(cpu_window(&pc->cpu[1]), 0x54);
	apic_eoi(&pc->cpu[1]);
	CHECK_EQ(cpu_iret(&pc->cpu[1]), CPU_DONE);
	ioapic_route(c, 5, 0xff, 0x55);
	irq_line(pc, 5, 1);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(cpu_window(&pc->cpu[i]), 0x55);
		apic_eoi(&pc->cpu[i]);
		CHECK_EQ(cpu_iret(&pc->cpu[i]), CPU_DONE);
	}
	/* Lowest priority among both, by logical destination: exactly one. */
	for (i = 0; i < 2; i++)
		apic_write(&pc->cpu[i], R_LDR, 1u << (24 + i));
	ioapic_route(c, 6, 3, 0x800 | M_LOWEST | 0x56);
	irq_line(pc, 6, 1);
	for (i = 0; i < 2; i++) {
		int got = cpu_window(&pc->cpu[i]);

		CHECK(got == 0x56 || got == CPU_DONE, "%d", got);
		hits += got == 0x56;
	}
	CHECK_EQ(hits, 1);
}

/* --- 8259 ------------------------------------------------------------------ */

/* LINT0 as ExtINT, as firmware leaves it. */
static struct pc *make_pic(void)
{
	struct pc *pc = pc_new(CHIPS_KERNEL, 1);
	struct cpu *c = &pc->cpu[0];

	apic_write(c, R_LVT0, M_EXTINT);
	pic_init(c, 0x20);
	return pc;
}

static void pic_eoi(struct cpu *c, int irq)
{
	if (irq >= 8)
		cpu_outb(c, 0xa0, 0x20);
	cpu_outb(c, 0x20, 0x20);
}

static uint8_t pic_isr(struct cpu *c, uint16_t port)
{
	cpu_outb(c, port, 0x0b);
	return cpu_inb(c, port);
}

static uint8_t pic_irr(struct cpu *c, uint16_t port)
{
	cpu_outb(c, port, 0x0a);
	return cpu_inb(c, port);
}

static void pic_every_line(const void *arg)
{
	struct pc *pc = make_pic();
	struct cpu *c = &pc->cpu[0];
	int irq;

	for (irq = 0; irq < 16; irq++) {
		if (irq == 2)
			continue;
		irq_line(pc, irq, 1);
		CHECK_EQ(cpu_window(c), 0x20 + irq);
		CHECK_EQ(pic_isr(c, irq < 8 ? 0x20 : 0xa0), 1 << (irq & 7));
		if (irq >= 8)
			CHECK_EQ(pic_isr(c, 0x20), 4);
		CHECK_EQ(apic_read(c, R_ISR + 0x10), 0);	/* not the APIC's interrupt */
		CHECK_EQ(cpu_window(c), CPU_DONE);
		irq_line(pc, irq, 0);
		pic_eoi(c, irq);
		CHECK_EQ(pic_isr(c, 0x20), 0);
		CHECK_EQ(cpu_iret(c), CPU_DONE);
	}
}

static void pic_priorities(const void *arg)
{
	struct pc *pc = make_pic();
	struct cpu *c = &pc->cpu[0];

	irq_line(pc, 4, 1);
	irq_line(pc, 1, 1);
	irq_line(pc, 9, 1);
	CHECK_EQ(pic_irr(c, 0x20), 0x16);
	CHECK_EQ(pic_irr(c, 0xa0), 0x02);
	CHECK_EQ(cpu_window(c), 0x21);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	irq_line(pc, 0, 1);			/* higher: interrupts the handler */
	CHECK_EQ(cpu_window(c), 0x20);
	pic_eoi(c, 0);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	pic_eoi(c, 1);
	CHECK_EQ(cpu_iret(c), 0x29);
	pic_eoi(c, 9);
	CHECK_EQ(cpu_iret(c), 0x24);
	cpu_outb(c, 0x20, 0x60 | 4);		/* specific EOI */
	CHECK_EQ(pic_isr(c, 0x20), 0);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	/* Rotate so that 4 is lowest: 5 comes before 3. */
	irq_line(pc, 3, 0);
	cpu_outb(c, 0x20, 0xc0 | 4);
	irq_line(pc, 3, 1);
	irq_line(pc, 5, 1);
	CHECK_EQ(cpu_window(c), 0x25);
	pic_eoi(c, 5);
	CHECK_EQ(cpu_iret(c), 0x23);
}

static void pic_masks(const void *arg)
{
	struct pc *pc = make_pic();
	struct cpu *c = &pc->cpu[0];

	cpu_outb(c, 0x21, 0x02);
	CHECK_EQ(cpu_inb(c, 0x21), 0x02);
	irq_line(pc, 1, 1);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	CHECK_EQ(pic_irr(c, 0x20), 0x02);
	cpu_outb(c, 0x21, 0);
	CHECK_EQ(cpu_window(c), 0x21);
	pic_eoi(c, 1);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	/* LINT0 masked: the 8259s are cut off, not emptied. */
	irq_line(pc, 1, 0);
	apic_write(c, R_LVT0, M_EXTINT | LVT_MASKED);
	irq_line(pc, 1, 1);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	apic_write(c, R_LVT0, M_EXTINT);
	CHECK_EQ(cpu_window(c), 0x21);
	pic_eoi(c, 1);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	/* TPR does not hold ExtINT back. */
	irq_line(pc, 1, 0);
	apic_write(c, R_TPR, 0xf0);
	irq_line(pc, 1, 1);
	CHECK_EQ(cpu_window(c), 0x21);
}

/* ELCR at 0x4d0: level-triggered lines come again for as long as they are high. */
static void pic_level(const void *arg)
{
	struct pc *pc = make_pic();
	struct cpu *c = &pc->cpu[0];
	int got;

	cpu_outb(c, 0x4d1, 0x04);
	CHECK_EQ(cpu_inb(c, 0x4d1), 0x04);
	cpu_outb(c, 0x4d0, 0xff);
	CHECK_EQ(cpu_inb(c, 0x4d0), 0xf8);	/* 0, 1 and 2 are always edges */
	cpu_outb(c, 0x4d0, 0);
	irq_line(pc, 10, 1);
	CHECK_EQ(cpu_window(c), 0x2a);
	pic_eoi(c, 10);
	CHECK_EQ(cpu_iret(c), 0x2a);
	irq_line(pc, 10, 0);
	pic_eoi(c, 10);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	/* Withdrawn before INTA: nothing, or the spurious vector with nothing in service. */
	irq_line(pc, 10, 1);
	irq_line(pc, 10, 0);
	got = cpu_window(c);
	CHECK(got == CPU_DONE || got == 0x2f || got == 0x27, "vector 0x%x", got);
	CHECK_EQ(pic_isr(c, 0xa0), 0);
}

/* Automatic EOI: nothing stays in service. */
static void pic_auto_eoi(const void *arg)
{
	struct pc *pc = make_pic();
	struct cpu *c = &pc->cpu[0];

	cpu_outb(c, 0x20, 0x11);
	cpu_outb(c, 0x21, 0x40);
	cpu_outb(c, 0x21, 4);
	cpu_outb(c, 0x21, 3);
	cpu_outb(c, 0x21, 0);
	irq_line(pc, 5, 1);
	CHECK_EQ(cpu_window(c), 0x45);
	CHECK_EQ(pic_isr(c, 0x20), 0);
	irq_line(pc, 6, 1);
	CHECK_EQ(cpu_window(c), 0x46);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

/* Poll mode: the read after OCW3 acknowledges. */
static void pic_poll(const void *arg)
{
	struct pc *pc = make_pic();
	struct cpu *c = &pc->cpu[0];
	uint8_t got;

	apic_write(c, R_LVT0, M_EXTINT | LVT_MASKED);
	irq_line(pc, 3, 1);
	cpu_outb(c, 0x20, 0x0c);
	got = cpu_inb(c, 0x20);
	CHECK_EQ(cpu_inb(c, 0x21), 0);
	CHECK_EQ(got & 7, 3);
	if (!(got & 0x80))
		test_skip("this kvm's 8259 does not set bit 7 of the poll word");
	CHECK_EQ(pic_isr(c, 0x20), 8);
	CHECK_EQ(pic_irr(c, 0x20), 0);
}

/* GSIs below 16 lead to both chips: each delivers what it is set up for. */
static void both_chips(const void *arg)
{
	struct pc *pc = make_pic();
	struct cpu *c = &pc->cpu[0];

	ioapic_route(c, 7, 0, 0x77);
	irq_line(pc, 7, 1);
	CHECK_EQ(cpu_window(c), 0x27);		/* ExtINT first */
	CHECK_EQ(cpu_window(c), 0x77);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	pic_eoi(c, 7);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

/* HLT in the kernel ends with what either chip has. */
static void halt_wakes(const void *arg)
{
	struct pc *pc = make_pic();
	struct cpu *c = &pc->cpu[0];

	ioapic_route(c, 18, 0, 0x52);
	irq_line(pc, 18, 1);
	CHECK_EQ(cpu_halt(c), 0x52);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	irq_line(pc, 1, 1);
	CHECK_EQ(cpu_halt(c), 0x21);
	pic_eoi(c, 1);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

int main(int argc, char **argv)
{
	TEST(registers);
	TEST(edge);
	TEST(level);
	TEST(shared_vector);
	TEST(masked);
	TEST(line_status);
	TEST(delivery_modes);
	TEST(pic_every_line);
	TEST(pic_priorities);
	TEST(pic_masks);
	TEST(pic_level);
	TEST(pic_auto_eoi);
	TEST(pic_poll);
	TEST(both_chips);
	TEST(halt_wakes);
	return run_tests(argc, argv);
}
