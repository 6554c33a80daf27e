/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asynchronous page faults: while the host reads a page, the guest runs
 * something else. The kernel's Documentation/virt/kvm/x86/msr.rst, MSR_KVM_ASYNC_PF_*;
 * Documentation/async_pf.rst.
 */
#ifndef KVMX_ASYNC_PF_H
#define KVMX_ASYNC_PF_H

#include <linux/list.h>
#include <linux/types.h>

struct kvm_vcpu;

#define KVM_ASYNC_PF_MAX	64	/* under way for a VM, fewer when there are many */

/* Of one vCPU, for its thread; owned by async_pf/. */
struct kvm_async_pf_vcpu {
	struct list_head queue;		/* of struct async_pf, in the order of the faults */
	u32 last_number;		/* of the tokens */
	u64 en_msr;			/* MSR_KVM_ASYNC_PF_EN */
	u64 int_msr;			/* MSR_KVM_ASYNC_PF_INT: the vector */
	bool ready_shown;		/* a token is in guest memory, not acknowledged */
	bool wake_all;			/* the guest is to stop waiting for any token */
};

/* --- async_pf/async_pf.c --- */
int kvm_async_pf_init(void);
void kvm_async_pf_exit(void);
void kvm_async_pf_create(struct kvm_vcpu *vcpu);
void kvm_async_pf_destroy(struct kvm_vcpu *vcpu);
void kvm_async_pf_reset(struct kvm_vcpu *vcpu);
bool kvm_async_pf_possible(struct kvm_vcpu *vcpu);
bool kvm_async_pf_start(struct kvm_vcpu *vcpu, u64 gpa, unsigned long hva, bool write);
void kvm_async_pf_deliver(struct kvm_vcpu *vcpu);

#endif
