/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupts and I/O events over eventfds. */
#ifndef KVMX_IRQFD_H
#define KVMX_IRQFD_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

struct kvm;
struct kvm_ioctl_args;
struct kvm_cap_table;

/* Of one VM; owned by irqfd/. */
struct kvm_irqfds {
	struct mutex assign_lock;	/* irqfds come and go; resamplers */
	spinlock_t lock;		/* items and their routes; inside eventfds' locks */
	struct list_head items;
	struct list_head resamplers;
	struct list_head ioeventfds;	/* under slots_lock */
};

/* --- irqfd/irqfd.c --- */
int kvm_irqfd_init(void);
void kvm_irqfd_exit(void);

void kvm_irqfd_init_vm(struct kvm *kvm);
/* The VM's file is closed: every irqfd goes; may sleep. */
void kvm_irqfd_release_vm(struct kvm *kvm);
/* Routes have changed, irq.lock held: irqfds look theirs up again. */
void kvm_irqfd_routing_changed(struct kvm *kvm);
long kvm_vm_ioctl_irqfd(struct kvm_ioctl_args *a);
extern const struct kvm_cap_table kvm_caps_irqfd;

/* --- irqfd/ioeventfd.c --- */
/* The VM ends, its buses are gone. */
void kvm_ioeventfd_free(struct kvm *kvm);
long kvm_vm_ioctl_ioeventfd(struct kvm_ioctl_args *a);
extern const struct kvm_cap_table kvm_caps_ioeventfd;

/* --- irqfd/bypass.c --- */
/* Who a message goes to may have changed, irq.map_lock held. */
void kvm_irqfd_targets_changed(struct kvm *kvm);

#endif
