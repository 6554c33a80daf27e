// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSIs: the routes from an interrupt's number to pins and messages, and those
 * who want to know when it was acknowledged. Readers hold irq.srcu, writers irq.lock.
 */
#include <linux/nospec.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/srcu.h>
#include <linux/string.h>
#include "ioapic.h"
#include "ioctl.h"
#include "irqfd.h"
#include "pic.h"
#include "routing.h"
#include "trace_irq.h"

#define NR_CHIPS	3
#define NO_GSI		0xffff

struct irq_route {
	u8 type;			/* KVM_IRQ_ROUTING_* */
	u8 chip, pin;
	struct kvm_irq_msi msi;
};

struct kvm_irq_table {
	u32 nr_gsis;
	u16 *first;		/* by GSI: routes end where the next one's begin; nr_gsis + 1 */
	u16 gsi_of[NR_CHIPS][KVM_IOAPIC_PINS];	/* the other way round; NO_GSI */
	struct irq_route route[];
};

static const u8 chip_pins[NR_CHIPS] = { 8, 8, KVM_IOAPIC_PINS };

static struct kvm_irq_table *irq_table(struct kvm *kvm)
{
	return srcu_dereference(kvm->irq.table, &kvm->irq.srcu);
}

/* The routes of @gsi are [*route, result). irq.srcu is read. */
static const struct irq_route *routes(struct kvm *kvm, u32 gsi, const struct irq_route **route)
{
	const struct kvm_irq_table *t = irq_table(kvm);

	*route = NULL;
	if (!t || gsi >= t->nr_gsis)
		return NULL;
	gsi = array_index_nospec(gsi, t->nr_gsis);
	*route = &t->route[t->first[gsi]];
	return &t->route[t->first[gsi + 1]];
}

void kvm_msi_to_msg(struct kvm *kvm, u64 addr, u32 data, struct kvm_apic_msg *msg)
{
	*msg = (struct kvm_apic_msg) {
		.vector = data,
		.mode = data >> 8 & 7,
		.logical = addr & BIT(2),
		.redirect = addr & BIT(3),
		/* Bit 14 matters only where the trigger mode is level. */
		.assert = true,
		.level = data & BIT(15),
		.dest = addr >> 12 & 0xff,
	};
	if (READ_ONCE(kvm->irq.x2apic_ids))
		msg->dest |= addr >> 32 & 0xffffff00;
}

/**
 * kvm_set_msi - deliver a message as a device would write it
 * @kvm: VM with APICs in the kernel
 * @addr: address
 * @data: data
 *
 * Context: any.
 * Return: how many vCPUs took it, 0 if all had it already, -1 without a target.
 */
int kvm_set_msi(struct kvm *kvm, u64 addr, u32 data)
{
	struct kvm_apic_msg msg;

	trace_kvm_msi_set_irq(addr, data);
	kvm_msi_to_msg(kvm, addr, data, &msg);
	return kvm_apic_deliver(kvm, NULL, &msg);
}

static int set_route(struct kvm *kvm, const struct irq_route *r, int source, int level)
{
	if (r->type == KVM_IRQ_ROUTING_MSI)
		return level ? kvm_set_msi(kvm, r->msi.addr, r->msi.data) : KVM_IRQ_NO_TARGET;
	if (r->chip == KVM_IRQCHIP_IOAPIC)
		return kvm_ioapic_set_irq(kvm, r->pin, source, level);
	return kvm_pic_set_irq(kvm, r->chip * 8 + r->pin, source, level);
}

/**
 * kvm_set_irq - an interrupt line goes up or down
 * @kvm: VM
 * @source: who holds it, KVM_*_SOURCE
 * @gsi: its number
 * @level: 0 or 1
 *
 * Context: any.
 * Return: the sum over the routes: -1 no target, 0 coalesced, else how many took it.
 */
int kvm_set_irq(struct kvm *kvm, int source, u32 gsi, int level)
{
	const struct irq_route *r, *end;
	int sum = KVM_IRQ_NO_TARGET, idx;

	trace_kvm_set_irq(gsi, level, source);
	idx = srcu_read_lock(&kvm->irq.srcu);
	end = routes(kvm, gsi, &r);
	for (; r < end; r++) {
		int n = set_route(kvm, r, source, level);

		if (n >= 0)
			sum = max(sum, 0) + n;
	}
	srcu_read_unlock(&kvm->irq.srcu, idx);
	return sum;
}

bool kvm_msi_route(struct kvm *kvm, u32 gsi, struct kvm_irq_msi *msi)
{
	const struct irq_route *r, *end;
	bool found;
	int idx;

	idx = srcu_read_lock(&kvm->irq.srcu);
	end = routes(kvm, gsi, &r);
	/* A message is the only route of its GSI. */
	found = r < end && r->type == KVM_IRQ_ROUTING_MSI;
	if (found)
		*msi = r->msi;
	srcu_read_unlock(&kvm->irq.srcu, idx);
	return found;
}

/* --- acknowledgments --- */

/* The GSI of a chip's pin, or NO_GSI. irq.srcu is read. */
static u16 gsi_of(struct kvm *kvm, u32 chip, u32 pin)
{
	const struct kvm_irq_table *t = irq_table(kvm);

	return t ? t->gsi_of[chip][pin] : NO_GSI;
}

#define for_each_notifier(n, kvm) \
	hlist_for_each_entry_srcu(n, &(kvm)->irq.ack_notifiers, link, \
				  srcu_read_lock_held(&(kvm)->irq.srcu))

void kvm_notify_acked_irq(struct kvm *kvm, u32 chip, u32 pin)
{
	int idx = srcu_read_lock(&kvm->irq.srcu);
	u16 gsi = gsi_of(kvm, chip, pin);
	struct kvm_irq_ack_notifier *n;

	trace_kvm_ack_irq(chip, pin);
	for_each_notifier(n, kvm)
		if (gsi != NO_GSI && n->gsi == gsi)
			n->acked(n);
	srcu_read_unlock(&kvm->irq.srcu, idx);
}

bool kvm_irq_has_notifier(struct kvm *kvm, u32 chip, u32 pin)
{
	int idx = srcu_read_lock(&kvm->irq.srcu);
	u16 gsi = gsi_of(kvm, chip, pin);
	struct kvm_irq_ack_notifier *n;
	bool found = false;

	for_each_notifier(n, kvm)
		if (gsi != NO_GSI && n->gsi == gsi)
			found = true;
	srcu_read_unlock(&kvm->irq.srcu, idx);
	return found;
}

void kvm_register_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n)
{
	mutex_lock(&kvm->irq.lock);
	hlist_add_head_rcu(&n->link, &kvm->irq.ack_notifiers);
	mutex_unlock(&kvm->irq.lock);
	kvm_make_scan_ioapic_request(kvm);
}

/* @n is not called any more when this returns. */
void kvm_unregister_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n)
{
	mutex_lock(&kvm->irq.lock);
	hlist_del_init_rcu(&n->link);
	mutex_unlock(&kvm->irq.lock);
	synchronize_srcu(&kvm->irq.srcu);
	kvm_make_scan_ioapic_request(kvm);
}

void kvm_routing_scan(struct kvm_vcpu *vcpu, u32 gsis, u64 bitmap[4])
{
	int idx = srcu_read_lock(&vcpu->kvm->irq.srcu);
	const struct kvm_irq_table *t = irq_table(vcpu->kvm);
	const struct irq_route *r, *end;

	if (t) {
		r = t->route;
		end = t->route + t->first[min(gsis, t->nr_gsis)];
		for (; r < end; r++) {
			struct kvm_apic_msg msg;

			kvm_msi_to_msg(vcpu->kvm, r->msi.addr, r->msi.data, &msg);
			if (r->type == KVM_IRQ_ROUTING_MSI && msg.level &&
			    kvm_ioapic_eoi_comes(vcpu, &msg))
				bitmap[msg.vector / 64] |= BIT_ULL(msg.vector % 64);
		}
	}
	srcu_read_unlock(&vcpu->kvm->irq.srcu, idx);
}

/* --- changes --- */

static bool entry_valid(struct kvm *kvm, enum kvm_irqchip_mode mode,
			const struct kvm_irq_routing_entry *e)
{
	u32 chip;

	if (e->gsi >= KVM_MAX_IRQ_ROUTES || e->flags)
		return false;
	switch (e->type) {
	case KVM_IRQ_ROUTING_MSI:
		return !kvm->irq.x2apic_ids || !(e->u.msi.address_hi & 0xff);
	case KVM_IRQ_ROUTING_IRQCHIP:
		if (mode != KVM_IRQCHIP_KERNEL || e->u.irqchip.irqchip >= NR_CHIPS)
			return false;
		chip = array_index_nospec(e->u.irqchip.irqchip, NR_CHIPS);
		return e->u.irqchip.pin < chip_pins[chip];
	}
	return false;
}

static int compare(const void *a, const void *b)
{
	const struct kvm_irq_routing_entry *x = a, *y = b;

	if (x->gsi != y->gsi)
		return x->gsi < y->gsi ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return x->u.irqchip.irqchip < y->u.irqchip.irqchip ? -1 :
	       x->u.irqchip.irqchip > y->u.irqchip.irqchip;
}

/* A GSI leads to one message, or to one pin of each chip at most; @entries are sorted. */
static bool entries_valid(struct kvm *kvm, enum kvm_irqchip_mode mode,
			  const struct kvm_irq_routing_entry *entries, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		const struct kvm_irq_routing_entry *e = &entries[i];

		if (!entry_valid(kvm, mode, e))
			return false;
		if (i && e[-1].gsi == e->gsi &&
		    (e->type == KVM_IRQ_ROUTING_MSI || e[-1].type == KVM_IRQ_ROUTING_MSI ||
		     e[-1].u.irqchip.irqchip == e->u.irqchip.irqchip))
			return false;
	}
	return true;
}

static void make_route(struct kvm_irq_table *t, struct irq_route *r,
		       const struct kvm_irq_routing_entry *e)
{
	r->type = e->type;
	if (e->type == KVM_IRQ_ROUTING_MSI) {
		r->msi.addr = (u64)e->u.msi.address_hi << 32 | e->u.msi.address_lo;
		r->msi.data = e->u.msi.data;
		return;
	}
	r->chip = array_index_nospec(e->u.irqchip.irqchip, NR_CHIPS);
	r->pin = array_index_nospec(e->u.irqchip.pin, chip_pins[r->chip]);
	t->gsi_of[r->chip][r->pin] = e->gsi;
}

/* A table with the sorted and valid @entries. */
static struct kvm_irq_table *make_table(const struct kvm_irq_routing_entry *entries, u32 nr)
{
	u32 nr_gsis = nr ? entries[nr - 1].gsi + 1 : 0, gsi, i = 0;
	struct kvm_irq_table *t;

	t = kvzalloc(struct_size(t, route, nr) + (nr_gsis + 1) * sizeof(*t->first),
		     GFP_KERNEL_ACCOUNT);
	if (!t)
		return NULL;
	t->nr_gsis = nr_gsis;
	t->first = (u16 *)&t->route[nr];
	memset(t->gsi_of, 0xff, sizeof(t->gsi_of));
	for (gsi = 0; gsi < nr_gsis; gsi++) {
		t->first[gsi] = i;
		for (; i < nr && entries[i].gsi == gsi; i++)
			make_route(t, &t->route[i], &entries[i]);
	}
	t->first[nr_gsis] = i;
	return t;
}

int kvm_routing_set(struct kvm *kvm, enum kvm_irqchip_mode mode,
		    struct kvm_irq_routing_entry *entries, u32 nr)
{
	struct kvm_irq_table *new, *old;

	sort(entries, nr, sizeof(*entries), compare, NULL);
	if (!entries_valid(kvm, mode, entries, nr))
		return -EINVAL;
	new = make_table(entries, nr);
	if (!new)
		return -ENOMEM;
	mutex_lock(&kvm->irq.lock);
	old = rcu_replace_pointer(kvm->irq.table, new, lockdep_is_held(&kvm->irq.lock));
	kvm_irqfd_routing_changed(kvm);
	mutex_unlock(&kvm->irq.lock);
	kvm_make_scan_ioapic_request(kvm);
	synchronize_srcu_expedited(&kvm->irq.srcu);
	kvfree(old);
	return 0;
}

void kvm_routing_free(struct kvm *kvm)
{
	kvfree(rcu_access_pointer(kvm->irq.table));
	RCU_INIT_POINTER(kvm->irq.table, NULL);
}

/**
 * kvm_vm_ioctl_set_gsi_routing - KVM_SET_GSI_ROUTING
 * @a: struct kvm_irq_routing
 *
 * Return: 0, -EINVAL, -EFAULT, -ENOMEM.
 */
long kvm_vm_ioctl_set_gsi_routing(struct kvm_ioctl_args *a)
{
	const struct kvm_irq_routing *r = a->data;
	struct kvm_irq_routing_entry *entries = NULL;
	long ret;

	if (!kvm_irqchip_in_kernel(a->kvm) || r->nr > KVM_MAX_IRQ_ROUTES || r->flags)
		return -EINVAL;
	if (r->nr) {
		entries = vmemdup_user(a->tail, array_size(sizeof(*entries), r->nr));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	ret = kvm_routing_set(a->kvm, a->kvm->irq.mode, entries, r->nr);
	kvfree(entries);
	return ret;
}
