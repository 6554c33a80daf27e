// SPDX-License-Identifier: GPL-2.0-only
/* Eventfds that raise interrupts, Documentation/virt/kvm/api.rst 4.75. */
#include <linux/errno.h>
#include <linux/workqueue.h>
#include "kvmx.h"

static struct workqueue_struct *cleanup_wq;

void kvm_irqfd_init_vm(struct kvm *kvm)
{
	struct kvm_irqfds *irqfds = &kvm->irqfds;

	mutex_init(&irqfds->assign_lock);
	spin_lock_init(&irqfds->lock);
	INIT_LIST_HEAD(&irqfds->items);
	INIT_LIST_HEAD(&irqfds->resamplers);
	INIT_LIST_HEAD(&irqfds->ioeventfds);
}

/* Nothing is cached of a route. */
void kvm_irqfd_routing_changed(struct kvm *kvm)
{
}

void kvm_irqfd_release_vm(struct kvm *kvm)
{
	flush_workqueue(cleanup_wq);
}

int kvm_irqfd_init(void)
{
	cleanup_wq = alloc_workqueue("kvm-irqfd-cleanup", 0, 0);
	return cleanup_wq ? 0 : -ENOMEM;
}

void kvm_irqfd_exit(void)
{
	destroy_workqueue(cleanup_wq);
}
