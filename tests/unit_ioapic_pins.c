// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC's registers, pins, acknowledgments and EOI exits: the data sheet's cases one
 * by one.
 */
#include "ioapic_test.h"
#include "../irqchip/pic.h"

void registers(void)
{
	struct kvm *kvm = full_new();
	int pin;

	EXPECT(window(kvm, 0), 0);
	EXPECT(window(kvm, 1), 0x170011);
	for (pin = 0; pin < 24; pin++) {
		EXPECT(low_of(kvm, pin), MASKED);
		set_window(kvm, 0x10 + pin * 2, 0xffffffff);
		set_window(kvm, 0x11 + pin * 2, 0xffffffff);
		EXPECT(low_of(kvm, pin), 0x1afff);
		EXPECT(window(kvm, 0x11 + pin * 2), 0xff000000);
	}
	set_window(kvm, 0, 0xffffffff);
	EXPECT(window(kvm, 0), 0x0f000000);
	EXPECT(window(kvm, 2), 0x0f000000);
	set_window(kvm, 1, 0);
	EXPECT(window(kvm, 1), 0x170011);
	set_window(kvm, 0x40, 0xffffffff);
	set_window(kvm, 0xff, 0xffffffff);
	EXPECT(window(kvm, 0x40), 0);
	EXPECT(bus_read(kvm, KVM_MMIO_BUS, 0xfec00000, 1), 0x40);
	EXPECT(bus_read(kvm, KVM_MMIO_BUS, 0xfec00020, 4), 0);
	bus_write(kvm, KVM_MMIO_BUS, 0xfec00000, 1, 1);
	EXPECT(bus_read(kvm, KVM_MMIO_BUS, 0xfec00010, 8), 0x170011);
	EXPECT(bus_read(kvm, KVM_MMIO_BUS, 0xfec00100, 4), ~0ull);
	vm_end(kvm);
}

void edge(void)
{
	struct kvm *kvm = full_new();

	/* GSI 20 leads to the I/O APIC alone. */
	EXPECT(line(kvm, 20, 1), -1ull);
	entry(kvm, 20, 1, 0x41);		/* unmasked: the edge is lost */
	EXPECT(deliveries, 0);
	EXPECT(line(kvm, 20, 1), 0);
	line(kvm, 20, 0);
	EXPECT(line(kvm, 20, 1), 1);
	EXPECT(last.level, false);
	EXPECT(take(kvm, 0, 0x41), false);
	line(kvm, 20, 0);
	EXPECT(line(kvm, 20, 1), 0);		/* IRR has it already */
	EXPECT(take(kvm, 1, 0x41), true);
	EXPECT(low_of(kvm, 20) & RIRR, 0);
	eoi(kvm, 1, 0x41);
	EXPECT(deliveries, 2);
	/* To both vCPUs; and to an ID that none has. */
	entry(kvm, 20, 3, LOGICAL | 0x42);
	line(kvm, 20, 0);
	EXPECT(line(kvm, 20, 1), 2);
	entry(kvm, 20, 9, 0x43);
	line(kvm, 20, 0);
	EXPECT(line(kvm, 20, 1), -1ull);
	/* The delivery mode is handed on. */
	entry(kvm, 20, 0, 0x400);
	line(kvm, 20, 0);
	line(kvm, 20, 1);
	EXPECT(last.mode, KVM_DM_NMI);
	/* An NMI is an edge even where the entry says level. */
	line(kvm, 20, 0);
	entry(kvm, 20, 0, LEVEL | 0x400);
	deliveries = 0;
	line(kvm, 20, 1);
	line(kvm, 20, 1);
	EXPECT(last.level, false);
	EXPECT(low_of(kvm, 20) & RIRR, 0);
	set_window(kvm, 0x11, 0);
	eoi(kvm, 0, 0);
	EXPECT(deliveries, 1);
	vm_end(kvm);
}

void level(void)
{
	struct kvm *kvm = full_new();

	entry(kvm, 20, 0, LEVEL | 0x51);
	EXPECT(line(kvm, 20, 1), 1);
	EXPECT(low_of(kvm, 20), RIRR | LEVEL | 0x51);
	EXPECT(line(kvm, 20, 1), 0);
	EXPECT(deliveries, 1);
	EXPECT(take(kvm, 0, 0x51), true);
	eoi(kvm, 0, 0x51);			/* still up */
	EXPECT(low_of(kvm, 20), RIRR | LEVEL | 0x51);
	EXPECT(take(kvm, 0, 0x51), true);
	line(kvm, 20, 0);
	EXPECT(low_of(kvm, 20), RIRR | LEVEL | 0x51);
	eoi(kvm, 0, 0x51);
	EXPECT(low_of(kvm, 20), LEVEL | 0x51);
	EXPECT(take(kvm, 0, 0x51), false);
	/* Masked meanwhile: nothing until it is unmasked. */
	line(kvm, 20, 1);
	take(kvm, 0, 0x51);
	set_window(kvm, 0x38, MASKED | LEVEL | 0x51);
	eoi(kvm, 0, 0x51);
	EXPECT(low_of(kvm, 20), MASKED | LEVEL | 0x51);
	EXPECT(take(kvm, 0, 0x51), false);
	set_window(kvm, 0x38, LEVEL | 0x51);
	EXPECT(take(kvm, 0, 0x51), true);
	/* Remote IRR is not software's, but edge mode ends it. */
	set_window(kvm, 0x38, MASKED | LEVEL | 0x51);
	EXPECT(low_of(kvm, 20), MASKED | RIRR | LEVEL | 0x51);
	set_window(kvm, 0x38, MASKED | RIRR | 0x51);
	EXPECT(low_of(kvm, 20), MASKED | 0x51);
	line(kvm, 20, 0);
	/* The EOI register, as later chips have it. */
	set_window(kvm, 0x38, LEVEL | 0x51);
	line(kvm, 20, 1);
	line(kvm, 20, 0);
	EXPECT(low_of(kvm, 20) & RIRR, RIRR);
	bus_write(kvm, KVM_MMIO_BUS, 0xfec00040, 4, 0x51);
	EXPECT(low_of(kvm, 20) & RIRR, 0);
	/* Two pins of one vector: one interrupt, and the other's turn at its EOI. */
	entry(kvm, 21, 0, LEVEL | 0x61);
	entry(kvm, 22, 0, LEVEL | 0x61);
	EXPECT(line(kvm, 21, 1), 1);
	EXPECT(line(kvm, 22, 1), 0);
	take(kvm, 0, 0x61);
	line(kvm, 21, 0);
	eoi(kvm, 0, 0x61);
	EXPECT(take(kvm, 0, 0x61), true);
	line(kvm, 22, 0);
	eoi(kvm, 0, 0x61);
	EXPECT(take(kvm, 0, 0x61), false);
	vm_end(kvm);
}

void sources(void)
{
	struct kvm *kvm = full_new();

	entry(kvm, 20, 0, LEVEL | 0x51);
	kvm_set_irq(kvm, KVM_USERSPACE_IRQ_SOURCE, 20, 1);
	kvm_set_irq(kvm, KVM_IRQFD_RESAMPLE_SOURCE, 20, 1);
	take(kvm, 0, 0x51);
	kvm_set_irq(kvm, KVM_USERSPACE_IRQ_SOURCE, 20, 0);
	eoi(kvm, 0, 0x51);
	EXPECT(take(kvm, 0, 0x51), true);
	kvm_set_irq(kvm, KVM_IRQFD_RESAMPLE_SOURCE, 20, 0);
	eoi(kvm, 0, 0x51);
	EXPECT(take(kvm, 0, 0x51), false);
	vm_end(kvm);
}

static struct kvm *notified;	/* the VM whose line is lowered */
static u64 acks[24];		/* by GSI */

static void lowers_line(struct kvm_irq_ack_notifier *n)
{
	SHIM_CHECK(!shim_atomic);
	acks[n->gsi]++;
	kvm_set_irq(notified, KVM_IRQFD_RESAMPLE_SOURCE, n->gsi, 0);
}

void notifiers(void)
{
	struct kvm_irq_ack_notifier n = { .gsi = 20, .acked = lowers_line };
	struct kvm_irq_ack_notifier m = { .gsi = 5, .acked = lowers_line };
	struct kvm *kvm = full_new();
	u64 was;

	notified = kvm;
	memset(acks, 0, sizeof(acks));
	was = scans;
	kvm_register_irq_ack_notifier(kvm, &n);
	kvm_register_irq_ack_notifier(kvm, &m);
	EXPECT(scans, was + 2);
	EXPECT(kvm_irq_has_notifier(kvm, KVM_IRQCHIP_IOAPIC, 20), true);
	EXPECT(kvm_irq_has_notifier(kvm, KVM_IRQCHIP_PIC_MASTER, 5), true);
	EXPECT(kvm_irq_has_notifier(kvm, KVM_IRQCHIP_PIC_SLAVE, 5), false);
	/* It takes the level away in time: no second interrupt. */
	entry(kvm, 20, 0, LEVEL | 0x51);
	kvm_set_irq(kvm, KVM_IRQFD_RESAMPLE_SOURCE, 20, 1);
	take(kvm, 0, 0x51);
	eoi(kvm, 0, 0x51);
	EXPECT(acks[20], 1);
	EXPECT(take(kvm, 0, 0x51), false);
	/* Edges are acknowledged as well, and those of the 8259. */
	entry(kvm, 5, 0, 0x55);
	eoi(kvm, 0, 0x55);
	EXPECT(acks[5], 1);
	line(kvm, 5, 1);
	kvm_pic_ack(kvm);
	port_out(kvm, 0x20, 0x20);
	EXPECT(acks[5], 2);
	kvm_unregister_irq_ack_notifier(kvm, &n);
	kvm_unregister_irq_ack_notifier(kvm, &m);
	EXPECT(scans >= was + 4, true);
	eoi(kvm, 0, 0x51);
	EXPECT(acks[20], 1);
	vm_end(kvm);
}

/* A level that each EOI finds high again is delayed, so that it does not keep a CPU busy. */
void storm(void)
{
	struct kvm *kvm = full_new();
	u64 i;

	entry(kvm, 20, 0, LEVEL | 0x51);
	line(kvm, 20, 1);
	for (i = 0; take(kvm, 0, 0x51) && i < 100000; i++)
		eoi(kvm, 0, 0x51);
	EXPECT(i, 5000);
	EXPECT(line(kvm, 20, 1), 0);
	EXPECT(take(kvm, 0, 0x51), false);
	shim_run_work();
	EXPECT(take(kvm, 0, 0x51), true);
	eoi(kvm, 0, 0x51);
	EXPECT(take(kvm, 0, 0x51), true);
	/* Once more; down and up is another matter, and it is delayed no longer. */
	for (i = 0; i < 100000; i++) {
		eoi(kvm, 0, 0x51);
		if (!take(kvm, 0, 0x51))
			break;
	}
	EXPECT(i, 4998);
	line(kvm, 20, 0);
	line(kvm, 20, 1);
	EXPECT(take(kvm, 0, 0x51), true);
	set_window(kvm, 0x38, MASKED | LEVEL | 0x51);
	eoi(kvm, 0, 0x51);
	set_window(kvm, 0x38, LEVEL | 0x51);
	EXPECT(take(kvm, 0, 0x51), true);
	/* The work may still wait when the VM ends. */
	vm_end(kvm);
	shim_run_work();
}

void eoi_vectors(void)
{
	struct kvm_irq_ack_notifier n = { .gsi = 21, .acked = lowers_line };
	struct kvm *kvm = full_new();
	u64 bitmap[4], was = scans, locked = locked_scans;
	struct kvm_ioapic_state state;

	notified = kvm;
	entry(kvm, 20, 0, LEVEL | 0x51);
	EXPECT(scans > was, true);
	/* No interrupt by the new entry comes between it and the request. */
	EXPECT(locked_scans - locked, scans - was);
	kvm_ioapic_get_state(kvm, &state);
	kvm_ioapic_set_state(kvm, &state);
	EXPECT(locked_scans - locked, scans - was);
	entry(kvm, 21, 1, 0xc2);
	EXPECT(wanted(kvm, 0, 0x51), true);
	EXPECT(wanted(kvm, 1, 0x51), false);
	EXPECT(wanted(kvm, 1, 0xc2), false);
	kvm_register_irq_ack_notifier(kvm, &n);
	EXPECT(wanted(kvm, 1, 0xc2), true);
	EXPECT(wanted(kvm, 0, 0xc2), false);
	kvm_ioapic_eoi_vectors(cpu(kvm, 0), bitmap);
	EXPECT(bitmap[1], 1ull << 17);
	EXPECT(bitmap[0] | bitmap[2] | bitmap[3], 0);
	/* In service here, and for another now: its end is still awaited. */
	line(kvm, 20, 1);
	take(kvm, 0, 0x51);
	set_window(kvm, 0x39, 1 << 24);
	EXPECT(wanted(kvm, 0, 0x51), true);
	EXPECT(wanted(kvm, 1, 0x51), true);
	line(kvm, 20, 0);
	eoi(kvm, 0, 0x51);
	EXPECT(wanted(kvm, 0, 0x51), false);
	line(kvm, 21, 1);
	take(kvm, 1, 0xc2);
	set_window(kvm, 0x3b, 0);
	EXPECT(wanted(kvm, 1, 0xc2), true);
	eoi(kvm, 1, 0xc2);
	EXPECT(wanted(kvm, 1, 0xc2), false);
	/* The vCPUs know of it before a level that waited is delivered. */
	entry(kvm, 20, 0, MASKED | LEVEL | 0x51);
	line(kvm, 20, 1);
	deliveries = 0;
	was = scans;
	set_window(kvm, 0x38, LEVEL | 0x51);
	EXPECT(deliveries, 1);
	EXPECT(scans, was + 1);
	kvm_unregister_irq_ack_notifier(kvm, &n);
	vm_end(kvm);
}
