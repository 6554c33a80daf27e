// SPDX-License-Identifier: GPL-2.0-only
/* Routes of GSIs, messages, and the split irqchip. */
#include "ioapic_test.h"

void default_routes(void)
{
	struct kvm *kvm = full_new();
	u8 pin;

	for (pin = 0; pin < 24; pin++)
		entry(kvm, pin, 0, 0x40 + pin);
	for (pin = 0; pin < 24; pin++) {
		/* Both chips take those below 16, but for 2, the cascade of the 8259s. */
		EXPECT(line(kvm, pin, 1), pin < 16 && pin != 2 ? 2 : 1);
		EXPECT(take(kvm, 0, 0x40 + pin), true);
	}
	EXPECT(line(kvm, 24, 1), -1ull);
	EXPECT(line(kvm, ~0u, 1), -1ull);
	vm_end(kvm);
}

void bad_routes(void)
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

void messages(void)
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
	EXPECT(line(kvm, 4093, 1), -1ull);	/* logical 0: no vCPU */
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

void split(void)
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
