/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests to a vCPU, kicks and wake-ups; the protocol is in Documentation/locking.rst. */
#ifndef KVMX_KICK_H
#define KVMX_KICK_H

#include "vcpu.h"

/* Requests to a vCPU: bits of vcpu->requests. */
enum kvm_request {
	KVM_REQ_EVENT,			/* something may be deliverable */
	KVM_REQ_TRIPLE_FAULT,
	KVM_REQ_VM_DEAD,
	KVM_REQ_TSC,			/* the TSC offset changed */
	KVM_REQ_INTERCEPTS,		/* which instructions and MSRs exit */
	KVM_REQ_CLOCK,			/* write the vCPU's kvmclock page */
	KVM_REQ_MASTERCLOCK,		/* compute the VM's clock anew, then each vCPU's page */
	KVM_REQ_STEAL,			/* write the steal time */
	KVM_REQ_APF_READY,		/* a page the guest waits for is there */
	KVM_REQ_SCAN_IOAPIC,		/* which EOIs exit */
	KVM_REQ_APICV,			/* what inhibits APIC virtualization changed */
	KVM_REQ_UNHALT,			/* KVM_HC_KICK_CPU */
	KVM_REQ_REPORT_TPR,		/* user space hears of an access to TPR */
	KVM_REQ_DIRTY_RING,		/* the dirty ring may be full: user space makes room */
	KVM_REQ_IOAPIC_EOI_EXIT,	/* split irqchip: user space hears of an EOI */
};

/* vcpu->mode: the kick protocol, see Documentation/locking.rst. */
enum {
	OUTSIDE_GUEST_MODE,
	IN_GUEST_MODE,
	EXITING_GUEST_MODE,
};

static inline bool kvm_request_pending(const struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->kick.requests);
}

static inline bool kvm_check_request(struct kvm_vcpu *vcpu, enum kvm_request req)
{
	if (!test_bit(req, &vcpu->kick.requests))
		return false;
	clear_bit(req, &vcpu->kick.requests);
	/* What the requester wrote before the bit is seen after this. */
	smp_mb__after_atomic();
	return true;
}

static inline void kvm_make_request(struct kvm_vcpu *vcpu, enum kvm_request req)
{
	/* A vCPU that sees the bit sees what was written before. */
	smp_wmb();
	set_bit(req, &vcpu->kick.requests);
}

/* --- vcpu/kick.c --- */
void kvm_vcpu_kick(struct kvm_vcpu *vcpu);
/* Wakes a blocked vCPU; any context. True if it was blocked. */
bool kvm_vcpu_wake_up(struct kvm_vcpu *vcpu);
/* Every vCPU of @kvm gets @req; those in guest mode leave it. */
void kvm_make_all_cpus_request(struct kvm *kvm, enum kvm_request req);
/* Returns when no vCPU of @kvm is still in the guest entry it was in at the call. */
void kvm_kick_all_and_wait(struct kvm *kvm);
/* By its id (the APIC id), or NULL. */
struct kvm_vcpu *kvm_get_vcpu_by_id(struct kvm *kvm, u32 id);
void kvm_vcpu_note_thread(struct kvm_vcpu *vcpu);
void kvm_vcpu_on_spin(struct kvm_vcpu *vcpu);
/* Gives its CPU to @target's thread if that was preempted; KVM_HC_SCHED_YIELD. */
bool kvm_vcpu_yield_to(struct kvm_vcpu *target);

#endif
