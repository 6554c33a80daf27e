/* SPDX-License-Identifier: GPL-2.0-only */
/* An irqfd, as the files of irqfd/ share it. */
#ifndef KVMX_IRQFD_INTERNAL_H
#define KVMX_IRQFD_INTERNAL_H

#include <linux/eventfd.h>
#include <linux/irqbypass.h>
#include <linux/poll.h>
#include <linux/seqlock.h>
#include <linux/workqueue.h>
#include "irqchip.h"

struct kvm_resampler;

/**
 * struct kvm_irqfd_entry - an eventfd that stands for an interrupt line or message
 *
 * On irqfds.items from its assignment until somebody takes it off under
 * irqfds.lock; who did takes it apart.
 */
struct kvm_irqfd_entry {
	struct kvm *kvm;
	struct list_head link;
	struct eventfd_ctx *eventfd;
	wait_queue_entry_t wait;
	poll_table poll;
	u32 gsi;
	/* Where the GSI leads if that is one message; written under irqfds.lock. */
	seqcount_spinlock_t msi_seq;
	bool has_msi;
	struct kvm_irq_msi msi;
	struct work_struct shutdown;	/* the file was closed */
	/* Level-triggered with KVM_IRQFD_FLAG_RESAMPLE; else NULL. */
	struct kvm_resampler *resampler;
	struct list_head resampler_link;
	struct eventfd_ctx *resamplefd;
	/* The device's interrupt posted to a vCPU, bypass.c; under irqfds.lock. */
	struct irq_bypass_consumer consumer;
	bool bypass;			/* @consumer is registered; under assign_lock */
	struct irq_bypass_producer *producer;
	struct kvm_vcpu *posted_vcpu;	/* where to, or NULL */
	u8 posted_vector;
};

/* --- resample.c: irqfds.assign_lock held --- */
int kvm_resampler_join(struct kvm_irqfd_entry *e);
void kvm_resampler_leave(struct kvm_irqfd_entry *e);

/* --- bypass.c --- */
void kvm_bypass_register(struct kvm_irqfd_entry *e);
void kvm_bypass_unregister(struct kvm_irqfd_entry *e);
void kvm_bypass_route_changed(struct kvm_irqfd_entry *e);

#endif
