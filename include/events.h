/* SPDX-License-Identifier: GPL-2.0-only */
/* Exceptions, interrupts and NMIs on their way into the guest. */
#ifndef KVMX_EVENTS_H
#define KVMX_EVENTS_H

#include <linux/atomic.h>
#include <linux/types.h>

struct x86_fault;
struct kvm_vcpu;

/* Events in architectural terms. At most one of the injected ones is on its way in. */
struct kvm_events {
	struct {
		bool pending, injected;
		u8 vector;
		bool has_error, has_payload;
		u32 error_code;
		u64 payload;
	} exc;
	struct {
		bool injected;
		bool soft;
		u8 vector;
	} intr;
	int extint;			/* KVM_INTERRUPT's vector, not yet injected; -1 none */
	u8 nmi_pending;			/* 0 to 2 */
	bool nmi_injected;
	bool triple_fault;
	atomic_t nmi_queued;		/* KVM_NMI and the like, from any thread [a] */
	u8 soft_insn_len;		/* length of the INT n/INT3/INTO being delivered */
};

/* No exception, and no interrupt of user space, waits or is on its way in. */
static inline bool kvm_no_event_waits(const struct kvm_events *e)
{
	return !e->exc.pending && !e->exc.injected && e->extint < 0;
}

/* --- vcpu/events.c --- */
void kvm_queue_exception(struct kvm_vcpu *vcpu, u8 vector);
void kvm_queue_exception_e(struct kvm_vcpu *vcpu, u8 vector, u32 error_code);
void kvm_queue_exception_p(struct kvm_vcpu *vcpu, u8 vector, u64 payload);
void kvm_queue_page_fault(struct kvm_vcpu *vcpu, u64 cr2, u32 error_code);
/* What emulate/ and the walker report. */
void kvm_queue_fault(struct kvm_vcpu *vcpu, const struct x86_fault *f);
void kvm_queue_nmi(struct kvm_vcpu *vcpu);
/* The NMIs that other threads have queued become pending; own thread. */
void kvm_collect_nmis(struct kvm_vcpu *vcpu);
/* CR2, or DR6 and DR7, get what the pending exception has for them. */
void kvm_deliver_payload(struct kvm_vcpu *vcpu);
void kvm_events_reset(struct kvm_vcpu *vcpu);

/* --- run/inject.c --- */
void kvm_inject_events(struct kvm_vcpu *vcpu);
bool kvm_ready_for_interrupt(struct kvm_vcpu *vcpu);
/* An interrupt of any source waits that its controller would deliver now. Own thread. */
bool kvm_interrupt_pending(struct kvm_vcpu *vcpu);

#endif
