// SPDX-License-Identifier: GPL-2.0-only
/*
 * Level-triggered irqfds. Those of one GSI share a source of its line and are
 * all told when the guest acknowledges the interrupt, which lowers the line.
 */
#include <linux/rculist.h>
#include <linux/slab.h>
#include "compat/events.h"
#include "internal.h"

struct kvm_resampler {
	struct kvm *kvm;
	struct list_head link;
	struct list_head irqfds;	/* assign_lock; readers: irq.srcu */
	struct kvm_irq_ack_notifier notifier;
};

static void lower(struct kvm_resampler *r)
{
	kvm_set_irq(r->kvm, KVM_IRQFD_RESAMPLE_SOURCE, r->notifier.gsi, 0);
}

/* First the line, then the users: one that has more to say raises it again. */
static void acked(struct kvm_irq_ack_notifier *n)
{
	struct kvm_resampler *r = container_of(n, struct kvm_resampler, notifier);
	struct kvm_irqfd_entry *e;

	lower(r);
	list_for_each_entry_srcu(e, &r->irqfds, resampler_link,
				 srcu_read_lock_held(&r->kvm->irq.srcu))
		kvmx_eventfd_signal(e->resamplefd);
}

static struct kvm_resampler *find_or_make(struct kvm *kvm, u32 gsi)
{
	struct kvm_resampler *r;

	list_for_each_entry(r, &kvm->irqfds.resamplers, link)
		if (r->notifier.gsi == gsi)
			return r;
	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return NULL;
	r->kvm = kvm;
	INIT_LIST_HEAD(&r->irqfds);
	r->notifier.gsi = gsi;
	r->notifier.acked = acked;
	list_add(&r->link, &kvm->irqfds.resamplers);
	kvm_register_irq_ack_notifier(kvm, &r->notifier);
	return r;
}

/**
 * kvm_resampler_join - @e's GSI becomes level-triggered for it
 * @e: an irqfd with a resamplefd; irqfds.assign_lock held
 *
 * Return: 0 or -ENOMEM.
 */
int kvm_resampler_join(struct kvm_irqfd_entry *e)
{
	e->resampler = find_or_make(e->kvm, e->gsi);
	if (!e->resampler)
		return -ENOMEM;
	list_add_rcu(&e->resampler_link, &e->resampler->irqfds);
	return 0;
}

/**
 * kvm_resampler_leave - @e's resamplefd is signalled no more once this returns
 * @e: an irqfd that joined; irqfds.assign_lock held
 *
 * With the last irqfd of a GSI its line is let go.
 */
void kvm_resampler_leave(struct kvm_irqfd_entry *e)
{
	struct kvm_resampler *r = e->resampler;

	list_del_rcu(&e->resampler_link);
	synchronize_srcu(&e->kvm->irq.srcu);
	if (list_empty(&r->irqfds)) {
		kvm_unregister_irq_ack_notifier(e->kvm, &r->notifier);
		lower(r);
		list_del(&r->link);
		kfree(r);
	}
}
