// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VM of the tests of I/O APIC, routes and ioctls of the interrupt controllers: its two
 * local APICs are no more than IRR and ISR. The tests are in unit_ioapic_*.c.
 */
#include "ioapic_test.h"
#include "../irqchip/pic.h"
#include "kick.h"

/* --- what surrounds the chips --- */

struct kvm_apic_msg last;
u64 deliveries, scans, locked_scans, routing_changes;

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

/* --- what the tests do --- */

struct kvm_vcpu *cpu(struct kvm *kvm, int i)
{
	return kvm->vcpus.by_idx.slot[i];
}

bool take(struct kvm *kvm, int i, u8 vector)
{
	struct kvm_lapic *apic = cpu(kvm, i)->apic;

	if (!lapic_test(apic, LAPIC_IRR, vector))
		return false;
	lapic_mark(apic, LAPIC_IRR, vector, false);
	lapic_mark(apic, LAPIC_ISR, vector, true);
	return true;
}

void eoi(struct kvm *kvm, int i, u8 vector)
{
	lapic_mark(cpu(kvm, i)->apic, LAPIC_ISR, vector, false);
	kvm_ioapic_eoi(cpu(kvm, i), vector);
}

long enable(struct kvm *kvm, u32 cap, u64 arg)
{
	struct kvm_enable_cap c = { .cap = cap, .args[0] = arg };

	return kvm_irq_enable_cap(kvm, &c);
}

struct kvm *bare_new(void)
{
	struct kvm *kvm = vm_new();

	EXPECT(kvm_irq_init_vm(kvm), 0);
	deliveries = 0;
	return kvm;
}

void add_cpus(struct kvm *kvm)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct kvm_vcpu *vcpu = calloc(1, sizeof(*vcpu));

		vcpu->apic = calloc(1, sizeof(*vcpu->apic));
		vcpu->apic->page = calloc(1, 4096);
		vcpu->kvm = kvm;
		vcpu->vcpu_idx = i;
		kvm->vcpus.by_idx.slot[i] = vcpu;
	}
	kvm->vcpus.created = 2;
	atomic_set(&kvm->vcpus.online, 2);
}

struct kvm *full_new(void)
{
	struct kvm *kvm = bare_new();

	EXPECT(call(kvm, kvm_vm_ioctl_create_irqchip, NULL), 0);
	add_cpus(kvm);
	return kvm;
}

void vm_end(struct kvm *kvm)
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

u32 window(struct kvm *kvm, u8 reg)
{
	bus_write(kvm, KVM_MMIO_BUS, 0xfec00000, 4, reg);
	return bus_read(kvm, KVM_MMIO_BUS, 0xfec00010, 4);
}

void set_window(struct kvm *kvm, u8 reg, u32 val)
{
	bus_write(kvm, KVM_MMIO_BUS, 0xfec00000, 4, reg);
	bus_write(kvm, KVM_MMIO_BUS, 0xfec00010, 4, val);
}

void entry(struct kvm *kvm, int pin, u8 dest, u32 low)
{
	set_window(kvm, 0x10 + pin * 2, MASKED);
	set_window(kvm, 0x11 + pin * 2, dest << 24);
	set_window(kvm, 0x10 + pin * 2, low);
}

u32 low_of(struct kvm *kvm, int pin)
{
	return window(kvm, 0x10 + pin * 2);
}

int line(struct kvm *kvm, u32 gsi, int level)
{
	return kvm_set_irq(kvm, KVM_USERSPACE_IRQ_SOURCE, gsi, level);
}

struct kvm_irq_routing_entry to_chip(u32 gsi, u32 chip, u32 pin)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { chip, pin },
	};
}

struct kvm_irq_routing_entry to_msi(u32 gsi, u32 hi, u32 lo, u32 data)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_hi = hi, .address_lo = lo, .data = data },
	};
}

long set_routes(struct kvm *kvm, struct kvm_irq_routing_entry *e, u32 nr, u32 flags)
{
	struct kvm_irq_routing head = { .nr = nr, .flags = flags };
	struct kvm_ioctl_args a = { .kvm = kvm, .data = &head, .tail = e };

	return kvm_vm_ioctl_set_gsi_routing(&a);
}

bool wanted(struct kvm *kvm, int i, u8 vector)
{
	u64 bitmap[4];

	kvm_ioapic_eoi_vectors(cpu(kvm, i), bitmap);
	return bitmap[vector / 64] >> vector % 64 & 1;
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
