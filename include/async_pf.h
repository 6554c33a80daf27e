/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asynchronous page faults: while the host reads a page, the guest runs
 * something else. The kernel's Documentation/virt/kvm/x86/msr.rst, MSR_KVM_ASYNC_PF_*.
 */
#ifndef KVMX_ASYNC_PF_H
#define KVMX_ASYNC_PF_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct kvm_vcpu;

#define KVM_ASYNC_PF_MAX	64	/* under way per vCPU */

/* Of one vCPU; owned by async_pf/. */
struct kvm_async_pf_vcpu {
	spinlock_t lock;
	struct list_head queue;		/* under way, for this vCPU's thread */
	struct list_head done;		/* under lock */
	int count;
	u32 next_token;
	u64 en_msr;			/* MSR_KVM_ASYNC_PF_EN */
	u64 int_msr;			/* MSR_KVM_ASYNC_PF_INT: the vector */
	bool ready_shown;		/* a page-ready token is in guest memory, not acknowledged */
};

int kvm_async_pf_init(void);
void kvm_async_pf_exit(void);
void kvm_async_pf_create(struct kvm_vcpu *vcpu);
/* Cancels what is under way and forgets what is done; may sleep. Reset, MSR off, vCPU gone. */
void kvm_async_pf_clear(struct kvm_vcpu *vcpu);

/* The guest can be told now that a page is missing: its MSRs, CPL, IF, pending events. */
bool kvm_async_pf_possible(struct kvm_vcpu *vcpu);
/*
 * The page at @hva is not in memory: read it aside. True: a fault with a token
 * is queued (or the vCPU halts until the page is there), run on.
 */
bool kvm_async_pf_start(struct kvm_vcpu *vcpu, u64 gpa, unsigned long hva);
/* KVM_REQ_APF_READY, and before each block: tell the guest of a page that came. */
void kvm_async_pf_deliver(struct kvm_vcpu *vcpu);
/* A halted vCPU has a page to hear of. */
bool kvm_async_pf_has_news(struct kvm_vcpu *vcpu);
/* 0 done, 1 #GP, -ENOENT not one of these. */
int kvm_async_pf_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host);
int kvm_async_pf_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host);

#endif
