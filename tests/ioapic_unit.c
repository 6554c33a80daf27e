// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O APIC, routes and the ioctls of the interrupt controllers, with two local
 * APICs that are no more than IRR and ISR: the data sheet's cases, state saved at
 * any point, memory that runs out, and whatever a guest or user space may do.
 */
#include <ioctl.h>
#include "../irqchip/ioapic.h"
#include "../irqchip/lapic.h"
#include "../irqchip/pic.h"
#include "../irqchip/pit.h"
#include "../irqchip/routing.h"
#include "chips.h"

#define LEVEL		0x8000u
#define MASKED		0x10000u
#define RIRR		0x4000u
#define LOGICAL		0x800u
#define MSI(dest)	(0xfee00000u | (dest) << 12)

/* --- what surrounds the chips --- */

static struct kvm_apic_msg last;	/* what was delivered last */
static u64 deliveries, scans, locked_scans, acks[24], routing_changes;

bool kvm_apic_accepts_extint(struct kvm_vcpu *vcpu)
{
	return !vcpu->vcpu_idx;
}

void kvm_vcpu_kick(struct kvm_vcpu *vcpu)
{
}

void kvm_make_all_cpus_request(struct kvm *kvm, enum kvm_request req)
{
	SHIM_CHECK(req == KVM_REQ_SCAN_IOAPIC);
	scans++;
	locked_scans += !!shim_atomic;
}

void kvm_irqfd_routing_changed(struct kvm *kvm)
{
	SHIM_CHECK(kvm->irq.lock.held);
	routing_changes++;
}

bool kvm_apic_match(struct kvm_vcpu *vcpu, struct kvm_vcpu *from, u8 shorthand, u32 dest,
		    bool logical)
{
	if (dest == 0xff)
		return true;
	return logical ? dest & 1 << vcpu->vcpu_idx : dest == vcpu->vcpu_idx;
}

int kvm_apic_deliver(struct kvm *kvm, struct kvm_vcpu *from, const struct kvm_apic_msg *msg)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;
	int n = -1;

	SHIM_CHECK(!from && !msg->shorthand && msg->assert);
	last = *msg;
	deliveries++;
	kvm_for_each_vcpu(i, vcpu, kvm) {
		if (!kvm_apic_match(vcpu, NULL, 0, msg->dest, msg->logical))
			continue;
		n = max(n, 0);
		if (lapic_test(vcpu->apic, LAPIC_IRR, msg->vector))
			continue;
		lapic_mark(vcpu->apic, LAPIC_IRR, msg->vector, true);
		n++;
	}
	return n;
}

static struct kvm_vcpu *cpu(struct kvm *kvm, int i)
{
	return kvm->vcpus.slot[i];
}

/* Takes @vector; false if it is not requested. */
static bool take(struct kvm *kvm, int i, u8 vector)
{
	struct kvm_lapic *apic = cpu(kvm, i)->apic;

	if (!lapic_test(apic, LAPIC_IRR, vector))
		return false;
	lapic_mark(apic, LAPIC_IRR, vector, false);
	lapic_mark(apic, LAPIC_ISR, vector, true);
	return true;
}

static void eoi(struct kvm *kvm, int i, u8 vector)
{
	lapic_mark(cpu(kvm, i)->apic, LAPIC_ISR, vector, false);
	kvm_ioapic_eoi(cpu(kvm, i), vector);
}

static long call(struct kvm *kvm, long (*fn)(struct kvm_ioctl_args *a), void *data)
{
	struct kvm_ioctl_args a = { .kvm = kvm, .data = data };

	return fn(&a);
}

static long enable(struct kvm *kvm, u32 cap, u64 arg)
{
	struct kvm_enable_cap c = { .cap = cap, .args[0] = arg };

	return kvm_irq_enable_cap(kvm, &c);
}

static struct kvm *bare_new(void)
{
	struct kvm *kvm = vm_new();

	EXPECT(kvm_irq_init_vm(kvm), 0);
	deliveries = 0;
	memset(acks, 0, sizeof(acks));
	return kvm;
}

static void add_cpus(struct kvm *kvm)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct kvm_vcpu *vcpu = calloc(1, sizeof(*vcpu));

		vcpu->apic = calloc(1, sizeof(*vcpu->apic));
		vcpu->apic->page = calloc(1, 4096);
		vcpu->kvm = kvm;
		vcpu->vcpu_idx = i;
		kvm->vcpus.slot[i] = vcpu;
	}
	kvm->created_vcpus = 2;
	atomic_set(&kvm->online_vcpus, 2);
}

static struct kvm *full_new(void)
{
	struct kvm *kvm = bare_new();

	EXPECT(call(kvm, kvm_vm_ioctl_create_irqchip, NULL), 0);
	add_cpus(kvm);
	return kvm;
}

static void vm_end(struct kvm *kvm)
{
	int i;

	kvm_irq_stop_vm(kvm);
	for (i = 0; i < 2; i++) {
		if (!cpu(kvm, i))
			continue;
		free(cpu(kvm, i)->apic->page);
		free(cpu(kvm, i)->apic);
		free(cpu(kvm, i));
	}
	kvm_irq_free_vm(kvm);
	vm_free(kvm);
}

static u32 window(struct kvm *kvm, u8 reg)
{
	bus_write(kvm, KVM_MMIO_BUS, 0xfec00000, 4, reg);
	return bus_read(kvm, KVM_MMIO_BUS, 0xfec00010, 4);
}

static void set_window(struct kvm *kvm, u8 reg, u32 val)
{
	bus_write(kvm, KVM_MMIO_BUS, 0xfec00000, 4, reg);
	bus_write(kvm, KVM_MMIO_BUS, 0xfec00010, 4, val);
}

static void entry(struct kvm *kvm, int pin, u8 dest, u32 low)
{
	set_window(kvm, 0x10 + pin * 2, MASKED);
	set_window(kvm, 0x11 + pin * 2, dest << 24);
	set_window(kvm, 0x10 + pin * 2, low);
}

static u32 low_of(struct kvm *kvm, int pin)
{
	return window(kvm, 0x10 + pin * 2);
}

static int line(struct kvm *kvm, u32 gsi, int level)
{
	return kvm_set_irq(kvm, KVM_USERSPACE_IRQ_SOURCE, gsi, level);
}

/* --- the I/O APIC --- */

static void registers(void)
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

static void edge(void)
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
	/* To both; and to nobody. */
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

static void level(void)
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

static void sources(void)
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

static struct kvm *notified;

static void lowers_line(struct kvm_irq_ack_notifier *n)
{
	SHIM_CHECK(!shim_atomic);
	acks[n->gsi]++;
	kvm_set_irq(notified, KVM_IRQFD_RESAMPLE_SOURCE, n->gsi, 0);
}

static void notifiers(void)
{
	struct kvm_irq_ack_notifier n = { .gsi = 20, .acked = lowers_line };
	struct kvm_irq_ack_notifier m = { .gsi = 5, .acked = lowers_line };
	struct kvm *kvm = full_new();
	u64 was;

	notified = kvm;
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

/* A device that cannot be silenced gets a rest, not a processor. */
static void storm(void)
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

static bool wanted(struct kvm *kvm, int i, u8 vector)
{
	u64 bitmap[4];

	kvm_ioapic_eoi_vectors(cpu(kvm, i), bitmap);
	return bitmap[vector / 64] >> vector % 64 & 1;
}

static void eoi_vectors(void)
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

/* --- routes --- */

static struct kvm_irq_routing_entry to_chip(u32 gsi, u32 chip, u32 pin)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { chip, pin },
	};
}

static struct kvm_irq_routing_entry to_msi(u32 gsi, u32 hi, u32 lo, u32 data)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_hi = hi, .address_lo = lo, .data = data },
	};
}

static long set_routes(struct kvm *kvm, struct kvm_irq_routing_entry *e, u32 nr, u32 flags)
{
	struct kvm_irq_routing head = { .nr = nr, .flags = flags };
	struct kvm_ioctl_args a = { .kvm = kvm, .data = &head, .tail = e };

	return kvm_vm_ioctl_set_gsi_routing(&a);
}

static void default_routes(void)
{
	struct kvm *kvm = full_new();
	u8 pin;

	for (pin = 0; pin < 24; pin++)
		entry(kvm, pin, 0, 0x40 + pin);
	for (pin = 0; pin < 24; pin++) {
		/* Both chips take those below 16; nobody's is the cascade. */
		EXPECT(line(kvm, pin, 1), pin < 16 && pin != 2 ? 2 : 1);
		EXPECT(take(kvm, 0, 0x40 + pin), true);
	}
	EXPECT(line(kvm, 24, 1), -1ull);
	EXPECT(line(kvm, ~0u, 1), -1ull);
	vm_end(kvm);
}

static void bad_routes(void)
{
	struct kvm_irq_routing_entry e[4096 + 1];
	struct kvm *kvm = bare_new();
	u64 was;
	u32 i;

	e[0] = to_msi(0, 0, MSI(0), 0x30);
	EXPECT(set_routes(kvm, e, 1, 0), -EINVAL);
	EXPECT(line(kvm, 0, 1), -1ull);
	EXPECT(call(kvm, kvm_vm_ioctl_create_irqchip, NULL), 0);
	add_cpus(kvm);
	was = routing_changes;
	EXPECT(set_routes(kvm, e, 1, 1), -EINVAL);
	for (i = 0; i <= 4096; i++)
		e[i] = to_msi(i, 0, MSI(0), 0x30);
	EXPECT(set_routes(kvm, e, 4097, 0), -EINVAL);
	e[4095].gsi = 4096;
	EXPECT(set_routes(kvm, e, 4096, 0), -EINVAL);
	e[4095].gsi = 17;
	EXPECT(set_routes(kvm, e, 4096, 0), -EINVAL);
	e[0].flags = KVM_MSI_VALID_DEVID;
	EXPECT(set_routes(kvm, e, 1, 0), -EINVAL);
	e[0] = to_chip(0, 3, 0);
	EXPECT(set_routes(kvm, e, 1, 0), -EINVAL);
	e[0] = to_chip(0, KVM_IRQCHIP_IOAPIC, 24);
	EXPECT(set_routes(kvm, e, 1, 0), -EINVAL);
	e[0] = to_chip(0, KVM_IRQCHIP_PIC_SLAVE, 8);
	EXPECT(set_routes(kvm, e, 1, 0), -EINVAL);
	e[0].flags = 1;
	e[0].u.irqchip.pin = 0;
	EXPECT(set_routes(kvm, e, 1, 0), -EINVAL);
	e[0] = to_chip(0, KVM_IRQCHIP_IOAPIC, 1);
	e[0].type = KVM_IRQ_ROUTING_HV_SINT;
	EXPECT(set_routes(kvm, e, 1, 0), -EINVAL);
	/* One pin of a chip, and nothing beside a message. */
	e[0] = to_chip(7, KVM_IRQCHIP_IOAPIC, 1);
	e[1] = to_chip(8, KVM_IRQCHIP_IOAPIC, 3);
	e[2] = to_chip(7, KVM_IRQCHIP_IOAPIC, 2);
	EXPECT(set_routes(kvm, e, 3, 0), -EINVAL);
	e[2] = to_msi(7, 0, MSI(0), 0x30);
	EXPECT(set_routes(kvm, e, 3, 0), -EINVAL);
	e[0] = to_msi(7, 0, MSI(1), 0x30);
	EXPECT(set_routes(kvm, e, 3, 0), -EINVAL);
	shim_fail_alloc = 2;
	EXPECT(set_routes(kvm, e, 2, 0), -ENOMEM);
	shim_fail_alloc = 1;
	EXPECT(set_routes(kvm, e, 2, 0), -ENOMEM);
	/* The routes of the beginning are still there. */
	EXPECT(routing_changes, was);
	entry(kvm, 20, 0, 0x51);
	EXPECT(line(kvm, 20, 1), 1);
	EXPECT(set_routes(kvm, e, 0, 0), 0);
	EXPECT(line(kvm, 20, 1), -1ull);
	EXPECT(routing_changes, was + 1);
	vm_end(kvm);
}

static void messages(void)
{
	struct kvm_irq_routing_entry e[4096];
	struct kvm *kvm = full_new();
	struct kvm_irq_msi msi;
	u32 i;

	for (i = 0; i < 4096; i++)
		e[i] = to_msi(4095 - i, i, MSI(i & 1) | 4, 0x30 + i % 0xc0);
	EXPECT(set_routes(kvm, e, 4096, 0), 0);
	for (i = 0; i < 4096; i++) {
		EXPECT(kvm_msi_route(kvm, 4095 - i, &msi), true);
		EXPECT(msi.addr, (u64)i << 32 | MSI(i & 1) | 4);
		EXPECT(msi.data, 0x30 + i % 0xc0);
	}
	EXPECT(kvm_msi_route(kvm, 4096, &msi), false);
	EXPECT(line(kvm, 4094, 1), 1);
	EXPECT(last.vector, 0x31);
	EXPECT(last.logical, true);
	EXPECT(last.dest, 1);
	EXPECT(line(kvm, 4094, 0), -1ull);
	EXPECT(line(kvm, 4093, 1), -1ull);	/* logical 0: nobody */
	EXPECT(line(kvm, 4092, 1), 1);
	EXPECT(last.vector, 0x33);
	e[0] = to_chip(3, KVM_IRQCHIP_IOAPIC, 3);
	EXPECT(set_routes(kvm, e, 1, 0), 0);
	EXPECT(kvm_msi_route(kvm, 3, &msi), false);
	EXPECT(kvm_msi_route(kvm, 4, &msi), false);
	/* SDM 3A 11.11. */
	kvm_set_msi(kvm, 0xabcdef00fee12008ull, 0xc7a5);
	EXPECT(last.vector, 0xa5);
	EXPECT(last.mode, KVM_DM_EXTINT);
	EXPECT(last.level, true);
	EXPECT(last.redirect, true);
	EXPECT(last.logical, false);
	EXPECT(last.dest, 0x12);
	EXPECT(enable(kvm, KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS), 0);
	kvm_set_msi(kvm, 0xabcdef00fee12008ull, 0x30);
	EXPECT(last.dest, 0xabcdef12);
	e[0] = to_msi(3, 0x101, MSI(0), 0x30);
	EXPECT(set_routes(kvm, e, 1, 0), -EINVAL);
	e[0] = to_msi(3, 0x100, MSI(0), 0x30);
	EXPECT(set_routes(kvm, e, 1, 0), 0);
	vm_end(kvm);
}

static void split(void)
{
	struct kvm *kvm = bare_new();
	struct kvm_irq_routing_entry e[3];
	struct kvm_irqchip chip = { };
	struct kvm_irq_level l = { .irq = 1, .level = 1 };

	EXPECT(enable(kvm, KVM_CAP_SPLIT_IRQCHIP, 4097), -EINVAL);
	EXPECT(enable(kvm, KVM_CAP_SPLIT_IRQCHIP, 2), 0);
	EXPECT(enable(kvm, KVM_CAP_SPLIT_IRQCHIP, 2), -EEXIST);
	EXPECT(call(kvm, kvm_vm_ioctl_create_irqchip, NULL), -EEXIST);
	EXPECT(call(kvm, kvm_vm_ioctl_get_irqchip, &chip), -ENXIO);
	EXPECT(call(kvm, kvm_vm_ioctl_set_irqchip, &chip), -ENXIO);
	EXPECT(kvm_pic_output(kvm), false);
	add_cpus(kvm);
	EXPECT(bus_read(kvm, KVM_PIO_BUS, 0x20, 1), ~0ull);
	EXPECT(bus_read(kvm, KVM_MMIO_BUS, 0xfec00000, 4), ~0ull);
	EXPECT(line(kvm, 1, 1), -1ull);
	e[0] = to_chip(0, KVM_IRQCHIP_IOAPIC, 0);
	EXPECT(set_routes(kvm, e, 1, 0), -EINVAL);
	/* EOIs of levels at the reserved pins are wanted, others not. */
	e[0] = to_msi(0, 0, MSI(0), 0x8071);
	e[1] = to_msi(1, 0, MSI(0), 0x72);
	e[2] = to_msi(2, 0, MSI(0), 0x8073);
	EXPECT(set_routes(kvm, e, 3, 0), 0);
	EXPECT(wanted(kvm, 0, 0x71), true);
	EXPECT(wanted(kvm, 1, 0x71), false);
	EXPECT(wanted(kvm, 0, 0x72), false);
	EXPECT(wanted(kvm, 0, 0x73), false);
	EXPECT(call(kvm, kvm_vm_ioctl_irq_line_status, &l), 0);
	EXPECT(l.status, 1);
	vm_end(kvm);
}

/* --- creation and state --- */

static void errors(void)
{
	struct kvm *kvm = bare_new();
	struct kvm_irqchip chip = { .chip_id = 3 };
	struct kvm_irq_level l = { };
	struct kvm_msi msi = { .address_lo = MSI(0), .data = 0x30 };

	EXPECT(call(kvm, kvm_vm_ioctl_get_irqchip, &chip), -ENXIO);
	EXPECT(call(kvm, kvm_vm_ioctl_set_irqchip, &chip), -ENXIO);
	EXPECT(call(kvm, kvm_vm_ioctl_irq_line, &l), -ENXIO);
	EXPECT(call(kvm, kvm_vm_ioctl_irq_line_status, &l), -ENXIO);
	EXPECT(call(kvm, kvm_vm_ioctl_signal_msi, &msi), -EINVAL);
	EXPECT(enable(kvm, KVM_CAP_X2APIC_API, 4), -EINVAL);
	EXPECT(kvm->irq.x2apic_ids, false);
	EXPECT(enable(kvm, KVM_CAP_X2APIC_API, 3), 0);
	EXPECT(kvm->irq.x2apic_ids && kvm->irq.no_broadcast_quirk, true);
	EXPECT(enable(kvm, KVM_CAP_IRQCHIP, 0), -EINVAL);
	kvm->created_vcpus = 1;
	EXPECT(call(kvm, kvm_vm_ioctl_create_irqchip, NULL), -EINVAL);
	EXPECT(enable(kvm, KVM_CAP_SPLIT_IRQCHIP, 0), -EEXIST);
	kvm->created_vcpus = 0;
	EXPECT(call(kvm, kvm_vm_ioctl_create_irqchip, NULL), 0);
	EXPECT(call(kvm, kvm_vm_ioctl_create_irqchip, NULL), -EEXIST);
	EXPECT(enable(kvm, KVM_CAP_SPLIT_IRQCHIP, 0), -EEXIST);
	EXPECT(call(kvm, kvm_vm_ioctl_get_irqchip, &chip), -EINVAL);
	EXPECT(call(kvm, kvm_vm_ioctl_set_irqchip, &chip), -EINVAL);
	EXPECT(call(kvm, kvm_vm_ioctl_signal_msi, &msi), 0);
	add_cpus(kvm);
	EXPECT(call(kvm, kvm_vm_ioctl_signal_msi, &msi), 1);
	EXPECT(call(kvm, kvm_vm_ioctl_signal_msi, &msi), 0);
	msi.flags = KVM_MSI_VALID_DEVID;
	EXPECT(call(kvm, kvm_vm_ioctl_signal_msi, &msi), -EINVAL);
	msi.flags = 0;
	msi.address_hi = 0x80;
	EXPECT(call(kvm, kvm_vm_ioctl_signal_msi, &msi), -EINVAL);
	vm_end(kvm);
}

/* Whichever allocation fails: nothing is left of the chips, and they can be made later. */
static void no_memory(void)
{
	struct kvm *kvm = bare_new();
	int i;

	for (i = 1;; i++) {
		long r;

		shim_fail_alloc = i;
		r = call(kvm, kvm_vm_ioctl_create_irqchip, NULL);
		if (!r)
			break;
		EXPECT(r, -ENOMEM);
		EXPECT(kvm_irqchip_in_kernel(kvm), false);
		EXPECT(bus_read(kvm, KVM_PIO_BUS, 0x20, 1), ~0ull);
		EXPECT(bus_read(kvm, KVM_MMIO_BUS, 0xfec00000, 4), ~0ull);
		EXPECT(!kvm->irq.pic && !kvm->irq.ioapic, true);
	}
	shim_fail_alloc = 0;
	EXPECT(i, 5);
	EXPECT(kvm_irqchip_full(kvm), true);
	vm_end(kvm);
	kvm = bare_new();
	shim_fail_alloc = 1;
	EXPECT(enable(kvm, KVM_CAP_SPLIT_IRQCHIP, 0), -ENOMEM);
	EXPECT(kvm_irqchip_in_kernel(kvm), false);
	EXPECT(enable(kvm, KVM_CAP_SPLIT_IRQCHIP, 0), 0);
	vm_end(kvm);
}

static u64 random_step(struct rng *r, struct kvm *kvm)
{
	static const u8 vectors[] = { 0x31, 0x32, 0xc1 };
	u8 vector = vectors[rng_below(r, 3)], i = rng_below(r, 2);
	u32 pin = 16 + rng_below(r, 4);
	u32 low = (u32)rng_next(r) & (LEVEL | LOGICAL | 0x3000);

	switch (rng_below(r, 6)) {
	case 0:
		if (rng_chance(r, 20))
			low |= MASKED;
		set_window(kvm, 0x10 + pin * 2, low | vector);
		return 0;
	case 1:
		set_window(kvm, 0x11 + pin * 2, rng_below(r, 4) << 24);
		return 0;
	case 2:
		return take(kvm, i, vector);
	case 3:
		if (lapic_test(cpu(kvm, i)->apic, LAPIC_ISR, vector))
			eoi(kvm, i, vector);
		return low_of(kvm, pin);
	default:
		return line(kvm, pin, rng_below(r, 2));
	}
}

/* The lines are who holds them; a new VM's holders say so again. */
static struct kvm *save_and_restore(struct kvm *kvm, u32 lines)
{
	struct kvm_irqchip s = { .chip_id = KVM_IRQCHIP_IOAPIC }, again = s;
	struct kvm *copy = full_new();
	u32 pin;
	int i;

	for (i = 0; i < 2; i++)
		memcpy(cpu(copy, i)->apic->page, cpu(kvm, i)->apic->page, 4096);
	EXPECT(call(kvm, kvm_vm_ioctl_get_irqchip, &s), 0);
	EXPECT(s.chip.ioapic.irr, lines);
	EXPECT(call(copy, kvm_vm_ioctl_set_irqchip, &s), 0);
	EXPECT(call(copy, kvm_vm_ioctl_get_irqchip, &again), 0);
	EXPECT(memcmp(&s, &again, sizeof(s)), 0);
	for (pin = 16; pin < 20; pin++)
		line(copy, pin, lines >> pin & 1);
	vm_end(kvm);
	return copy;
}

static bool same_apic(struct kvm_vcpu *a, struct kvm_vcpu *b)
{
	return !memcmp(a->apic->page, b->apic->page, 4096);
}

static void state_at_any_point(void)
{
	u64 seed, step;

	for (seed = 1; seed <= 200 && !test_failed; seed++) {
		struct kvm *a = full_new(), *b = full_new();
		struct rng r = { seed };

		for (step = 0; step < 300 && !test_failed; step++) {
			struct rng ra = r, rb = r;
			struct kvm_irqchip s = { .chip_id = KVM_IRQCHIP_IOAPIC };
			int i;

			EXPECT(random_step(&ra, a), random_step(&rb, b));
			for (i = 0; i < 2; i++)
				EXPECT(same_apic(cpu(a, i), cpu(b, i)), true);
			call(a, kvm_vm_ioctl_get_irqchip, &s);
			if (rng_chance(&r, 20))
				b = save_and_restore(b, s.chip.ioapic.irr);
		}
		if (test_failed)
			printf("# seed %llu, step %llu\n", (unsigned long long)seed,
			       (unsigned long long)step);
		vm_end(a);
		vm_end(b);
	}
}

static void fuzz_ioctls(struct rng *r, struct kvm *kvm)
{
	struct kvm_irq_routing_entry e[8];
	struct kvm_irqchip chip;
	u32 i;

	if (rng_chance(r, 50)) {
		for (i = 0; i < sizeof(chip); i++)
			((u8 *)&chip)[i] = rng_next(r);
		chip.chip_id = rng_below(r, 4);
		call(kvm, kvm_vm_ioctl_set_irqchip, &chip);
		call(kvm, kvm_vm_ioctl_get_irqchip, &chip);
		return;
	}
	for (i = 0; i < 8; i++) {
		u32 gsi = rng_below(r, 30);

		e[i] = rng_chance(r, 50) ? to_chip(gsi, rng_below(r, 3), rng_below(r, 8)) :
		       to_msi(gsi * 140, rng_next(r), rng_next(r), rng_next(r));
		if (rng_chance(r, 2))
			((u8 *)&e[i])[rng_below(r, sizeof(e[i]))] = rng_next(r);
	}
	set_routes(kvm, e, rng_below(r, 9), 0);
}

static void fuzz(void)
{
	u64 seed, step;

	for (seed = 1; seed <= 100; seed++) {
		struct kvm *kvm = full_new();
		struct rng r = { seed };
		u64 bitmap[4];

		for (step = 0; step < 1000; step++) {
			switch (rng_below(&r, 8)) {
			case 0:
				fuzz_ioctls(&r, kvm);
				break;
			case 1:
				kvm_ioapic_eoi_vectors(cpu(kvm, 0), bitmap);
				break;
			case 2:
				kvm_set_irq(kvm, rng_below(&r, 3), rng_below(&r, 30),
					    rng_below(&r, 2));
				break;
			case 3:
				kvm_ioapic_eoi(cpu(kvm, rng_below(&r, 2)), rng_next(&r));
				shim_run_work();
				break;
			case 4:
				bus_read(kvm, KVM_MMIO_BUS, 0xfec00000 + rng_below(&r, 0x100),
					 1 << rng_below(&r, 4));
				break;
			case 5:
				random_step(&r, kvm);
				break;
			default:
				bus_write(kvm, KVM_MMIO_BUS, 0xfec00000 + 0x10 * rng_below(&r, 5),
					  1 << rng_below(&r, 4), rng_next(&r));
			}
		}
		vm_end(kvm);
	}
}

int main(void)
{
	ktap_start(15);
	RUN(registers);
	RUN(edge);
	RUN(level);
	RUN(sources);
	RUN(notifiers);
	RUN(storm);
	RUN(eoi_vectors);
	RUN(default_routes);
	RUN(bad_routes);
	RUN(messages);
	RUN(split);
	RUN(errors);
	RUN(no_memory);
	RUN(state_at_any_point);
	RUN(fuzz);
	return ktap_end();
}
