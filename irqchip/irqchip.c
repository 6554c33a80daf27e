// SPDX-License-Identifier: GPL-2.0-only
/* A VM's interrupt controllers: made, read and written by user space. */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include "compat/apic.h"
#include "ioapic.h"
#include "ioctl.h"
#include "kick.h"
#include "pic.h"
#include "pit.h"
#include "routing.h"

#define X2APIC_API_FLAGS \
	(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)

/**
 * kvm_irq_init_vm - a new VM has no interrupt controllers, and may get some
 * @kvm: VM
 *
 * Return: 0, -ENOMEM.
 */
int kvm_irq_init_vm(struct kvm *kvm)
{
	mutex_init(&kvm->irq.lock);
	mutex_init(&kvm->irq.map_lock);
	INIT_HLIST_HEAD(&kvm->irq.ack_notifiers);
	kvm->irq.apic_bus_ns = KVM_APIC_BUS_NS;
	return init_srcu_struct(&kvm->irq.srcu);
}

/**
 * kvm_irq_stop_vm - no interrupt comes of itself any more
 * @kvm: VM without a file descriptor left
 *
 * Before the vCPUs go.
 *
 * Context: may sleep.
 */
void kvm_irq_stop_vm(struct kvm *kvm)
{
	if (kvm->irq.pit)
		kvm_pit_stop(kvm);
	if (kvm->irq.ioapic)
		kvm_ioapic_stop(kvm);
}

/**
 * kvm_irq_free_vm - the last of a VM's interrupt controllers
 * @kvm: VM without vCPUs and devices on buses
 */
void kvm_irq_free_vm(struct kvm *kvm)
{
	kvm_pit_destroy(kvm);
	kvm_ioapic_destroy(kvm);
	kvm_pic_destroy(kvm);
	kvm_routing_free(kvm);
	cleanup_srcu_struct(&kvm->irq.srcu);
}

void kvm_make_scan_ioapic_request(struct kvm *kvm)
{
	kvm_make_all_cpus_request(kvm, KVM_REQ_SCAN_IOAPIC);
}

void kvm_ioapic_eoi_vectors(struct kvm_vcpu *vcpu, u64 bitmap[4])
{
	memset(bitmap, 0, 4 * sizeof(*bitmap));
	if (kvm_irqchip_full(vcpu->kvm))
		kvm_ioapic_scan(vcpu, bitmap);
	else if (kvm_irqchip_split(vcpu->kvm))
		kvm_routing_scan(vcpu, vcpu->kvm->irq.reserved_pins, bitmap);
}

/* GSIs 0 to 15 lead to both chips, the others to the I/O APIC. */
static int default_routes(struct kvm *kvm)
{
	struct kvm_irq_routing_entry *e;
	u32 gsi, n = 0;
	int r;

	e = kcalloc(KVM_IOAPIC_PINS + KVM_PIC_PINS, sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return -ENOMEM;
	for (gsi = 0; gsi < KVM_IOAPIC_PINS; gsi++) {
		e[n++] = (struct kvm_irq_routing_entry) {
			.gsi = gsi,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { KVM_IRQCHIP_IOAPIC, gsi },
		};
		if (gsi >= KVM_PIC_PINS)
			continue;
		e[n] = e[n - 1];
		e[n].u.irqchip.irqchip = gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;
		e[n++].u.irqchip.pin = gsi % 8;
	}
	r = kvm_routing_set(kvm, KVM_IRQCHIP_KERNEL, e, n);
	kfree(e);
	return r;
}

static void publish(struct kvm *kvm, enum kvm_irqchip_mode mode)
{
	/* The chips are complete: a thread that reads this mode may use them. */
	smp_store_release(&kvm->irq.mode, mode);
}

static int create_chips(struct kvm *kvm)
{
	int r = kvm_pic_create(kvm);

	if (r)
		return r;
	r = kvm_ioapic_create(kvm);
	if (r)
		goto out_pic;
	r = default_routes(kvm);
	if (r)
		goto out_ioapic;
	publish(kvm, KVM_IRQCHIP_KERNEL);
	return 0;

out_ioapic:
	kvm_ioapic_unregister(kvm);
	kvm_ioapic_destroy(kvm);
out_pic:
	kvm_pic_unregister(kvm);
	kvm_pic_destroy(kvm);
	return r;
}

/**
 * kvm_vm_ioctl_create_irqchip - KVM_CREATE_IRQCHIP
 * @a: no argument
 *
 * Return: 0, -EEXIST, -EINVAL if there are vCPUs, -ENOMEM, -ENOSPC.
 */
long kvm_vm_ioctl_create_irqchip(struct kvm_ioctl_args *a)
{
	struct kvm *kvm = a->kvm;
	long r;

	mutex_lock(&kvm->lock);
	if (kvm_irqchip_in_kernel(kvm))
		r = -EEXIST;
	else if (kvm->vcpus.created)
		r = -EINVAL;
	else
		r = create_chips(kvm);
	mutex_unlock(&kvm->lock);
	return r;
}

static long enable_split(struct kvm *kvm, u64 pins)
{
	long r = -EEXIST;

	if (pins > KVM_MAX_IRQ_ROUTES)
		return -EINVAL;
	mutex_lock(&kvm->lock);
	if (!kvm_irqchip_in_kernel(kvm) && !kvm->vcpus.created) {
		r = kvm_routing_set(kvm, KVM_IRQCHIP_SPLIT, NULL, 0);
		if (!r) {
			kvm->irq.reserved_pins = pins;
			publish(kvm, KVM_IRQCHIP_SPLIT);
		}
	}
	mutex_unlock(&kvm->lock);
	return r;
}

static long enable_x2apic_api(struct kvm *kvm, u64 flags)
{
	if (flags & ~X2APIC_API_FLAGS)
		return -EINVAL;
	if (flags & KVM_X2APIC_API_USE_32BIT_IDS)
		WRITE_ONCE(kvm->irq.x2apic_ids, true);
	if (flags & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
		WRITE_ONCE(kvm->irq.no_broadcast_quirk, true);
	return 0;
}

/* The longest count of an APIC timer must not exceed what the host's clock holds. */
static long set_apic_bus(struct kvm *kvm, u64 cycle_ns)
{
	long r = 0;

	if (!cycle_ns || cycle_ns > KVM_APIC_BUS_NS_MAX)
		return -EINVAL;
	mutex_lock(&kvm->lock);
	if (!kvm_irqchip_in_kernel(kvm))
		r = -ENXIO;
	else if (kvm->vcpus.created)
		r = -EINVAL;
	else
		kvm->irq.apic_bus_ns = cycle_ns;
	mutex_unlock(&kvm->lock);
	return r;
}

long kvm_irq_enable_cap(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	switch (cap->cap) {
	case KVM_CAP_SPLIT_IRQCHIP:
		return enable_split(kvm, cap->args[0]);
	case KVM_CAP_X2APIC_API:
		return enable_x2apic_api(kvm, cap->args[0]);
	case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
		return set_apic_bus(kvm, cap->args[0]);
	}
	return -EINVAL;
}

/**
 * kvm_vm_ioctl_get_irqchip - KVM_GET_IRQCHIP
 * @a: struct kvm_irqchip
 *
 * Return: 0, -ENXIO without the chips, -EINVAL for an unknown one.
 */
long kvm_vm_ioctl_get_irqchip(struct kvm_ioctl_args *a)
{
	struct kvm_irqchip *c = a->data;

	if (!kvm_irqchip_full(a->kvm))
		return -ENXIO;
	memset(&c->chip, 0, sizeof(c->chip));
	switch (c->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		kvm_pic_get_state(a->kvm, array_index_nospec(c->chip_id, 2), &c->chip.pic);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		kvm_ioapic_get_state(a->kvm, &c->chip.ioapic);
		return 0;
	}
	return -EINVAL;
}

/**
 * kvm_vm_ioctl_set_irqchip - KVM_SET_IRQCHIP
 * @a: struct kvm_irqchip
 *
 * Return: 0, -ENXIO without the chips, -EINVAL for an unknown one.
 */
long kvm_vm_ioctl_set_irqchip(struct kvm_ioctl_args *a)
{
	const struct kvm_irqchip *c = a->data;

	if (!kvm_irqchip_full(a->kvm))
		return -ENXIO;
	switch (c->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		kvm_pic_set_state(a->kvm, array_index_nospec(c->chip_id, 2), &c->chip.pic);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		kvm_ioapic_set_state(a->kvm, &c->chip.ioapic);
		return 0;
	}
	return -EINVAL;
}

/**
 * kvm_vm_ioctl_irq_line - KVM_IRQ_LINE
 * @a: struct kvm_irq_level
 *
 * Return: 0, -ENXIO without interrupt controllers.
 */
long kvm_vm_ioctl_irq_line(struct kvm_ioctl_args *a)
{
	const struct kvm_irq_level *l = a->data;

	if (!kvm_irqchip_in_kernel(a->kvm))
		return -ENXIO;
	kvm_set_irq(a->kvm, KVM_USERSPACE_IRQ_SOURCE, l->irq, !!l->level);
	return 0;
}

/**
 * kvm_vm_ioctl_irq_line_status - KVM_IRQ_LINE_STATUS
 * @a: struct kvm_irq_level; what became of it is written to its status
 *
 * Return: 0, -ENXIO without interrupt controllers.
 */
long kvm_vm_ioctl_irq_line_status(struct kvm_ioctl_args *a)
{
	struct kvm_irq_level *l = a->data;

	if (!kvm_irqchip_in_kernel(a->kvm))
		return -ENXIO;
	l->status = kvm_set_irq(a->kvm, KVM_USERSPACE_IRQ_SOURCE, l->irq, !!l->level);
	return 0;
}

/**
 * kvm_vm_ioctl_signal_msi - KVM_SIGNAL_MSI
 * @a: struct kvm_msi
 *
 * Return: how many took it, 0 if the guest blocked it; -EINVAL without APICs in the
 * kernel, or for what they cannot do.
 */
long kvm_vm_ioctl_signal_msi(struct kvm_ioctl_args *a)
{
	const struct kvm_msi *m = a->data;
	struct kvm *kvm = a->kvm;

	if (!kvm_irqchip_in_kernel(kvm) || m->flags)
		return -EINVAL;
	if (READ_ONCE(kvm->irq.x2apic_ids) && (m->address_hi & 0xff))
		return -EINVAL;
	/* What no APIC takes, the guest has blocked. */
	return max(kvm_set_msi(kvm, (u64)m->address_hi << 32 | m->address_lo, m->data), 0);
}

static const struct kvm_cap caps[] = {
	{ .cap = KVM_CAP_IRQCHIP, .value = 1 },
	{ .cap = KVM_CAP_IRQ_ROUTING, .value = KVM_MAX_IRQ_ROUTES },
	{ .cap = KVM_CAP_IRQ_INJECT_STATUS, .value = 1 },
	{ .cap = KVM_CAP_IOAPIC_POLARITY_IGNORED, .value = 1 },
	{ .cap = KVM_CAP_SIGNAL_MSI, .value = 1 },
	{ .cap = KVM_CAP_SPLIT_IRQCHIP, .value = 1 },
	{ .cap = KVM_CAP_X2APIC_API, .value = X2APIC_API_FLAGS },
	{ .cap = KVM_CAP_TSC_DEADLINE_TIMER, .value = 1 },
	{ .cap = KVM_CAP_X86_APIC_BUS_CYCLES_NS, .value = KVM_APIC_BUS_NS },
	{ .cap = KVM_CAP_PIT, .value = 1 },
	{ .cap = KVM_CAP_PIT2, .value = 1 },
	{ .cap = KVM_CAP_PIT_STATE2, .value = 1 },
	{ .cap = KVM_CAP_REINJECT_CONTROL, .value = 1 },
};

KVM_CAP_TABLE(kvm_caps_irqchip, caps);
