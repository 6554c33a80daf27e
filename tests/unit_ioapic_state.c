// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creation and state of the interrupt controllers: errors, memory that runs out, state saved
 * at any point, and whatever a guest or user space may do.
 */
#include "ioapic_test.h"

void errors(void)
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
	kvm->vcpus.created = 1;
	EXPECT(call(kvm, kvm_vm_ioctl_create_irqchip, NULL), -EINVAL);
	EXPECT(enable(kvm, KVM_CAP_SPLIT_IRQCHIP, 0), -EEXIST);
	kvm->vcpus.created = 0;
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
void no_memory(void)
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

void state_at_any_point(void)
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

void fuzz(void)
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
