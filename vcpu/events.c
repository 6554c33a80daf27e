// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions, interrupts and NMIs on their way into the guest, kept in
 * architectural terms: pending is not yet begun, injected is begun and must
 * arrive. KVM_GET/SET_VCPU_EVENTS, KVM_INTERRUPT, KVM_NMI.
 */
#include <asm/trapnr.h>
#include "events.h"
#include "irqchip.h"
#include "kick.h"
#include "state.h"
#include "vcpu.h"

/* SDM 3A table 6-5. */
enum fault_class { BENIGN, CONTRIBUTORY, PAGE_FAULT };

static enum fault_class classify(u8 vector)
{
	switch (vector) {
	case DE_VECTOR:
	case TS_VECTOR:
	case NP_VECTOR:
	case SS_VECTOR:
	case GP_VECTOR:
		return CONTRIBUTORY;
	case PF_VECTOR:
		return PAGE_FAULT;
	}
	return BENIGN;
}

static bool makes_double_fault(u8 first, u8 second)
{
	enum fault_class a = classify(first), b = classify(second);

	return (a == CONTRIBUTORY && b == CONTRIBUTORY) || (a == PAGE_FAULT && b != BENIGN);
}

static void queue(struct kvm_vcpu *vcpu, u8 vector, bool has_error, u32 error_code,
		  bool has_payload, u64 payload)
{
	struct kvm_events *e = &vcpu->events;

	kvm_make_request(vcpu, KVM_REQ_EVENT);
	if (e->exc.injected || e->exc.pending) {
		u8 first = e->exc.vector;

		if (first == DF_VECTOR) {
			e->exc.injected = false;
			e->exc.pending = false;
			kvm_make_request(vcpu, KVM_REQ_TRIPLE_FAULT);
			return;
		}
		if (makes_double_fault(first, vector)) {
			/* CR2 of a page fault stays visible to the handler. */
			if (has_payload && vector == PF_VECTOR)
				vcpu->cr.cr2 = payload;
			vector = DF_VECTOR;
			has_error = true;
			error_code = 0;
			has_payload = false;
		}
		/* Otherwise the later comes first; the earlier happens again by itself. */
		e->exc.injected = false;
	}
	e->exc.pending = true;
	e->exc.vector = vector;
	e->exc.has_error = has_error;
	e->exc.error_code = error_code;
	e->exc.has_payload = has_payload;
	e->exc.payload = payload;
}

/**
 * kvm_queue_exception - an exception without error code for the guest
 * @vcpu: vCPU, mutex held
 * @vector: 0 to 31
 */
void kvm_queue_exception(struct kvm_vcpu *vcpu, u8 vector)
{
	queue(vcpu, vector, false, 0, false, 0);
}

void kvm_queue_exception_e(struct kvm_vcpu *vcpu, u8 vector, u32 error_code)
{
	queue(vcpu, vector, true, error_code, false, 0);
}

/**
 * kvm_queue_exception_p - a #DB, with the DR6 bits it sets
 * @vcpu: vCPU, mutex held
 * @vector: DB_VECTOR
 * @payload: bits as in the exit qualification of a #DB
 */
void kvm_queue_exception_p(struct kvm_vcpu *vcpu, u8 vector, u64 payload)
{
	queue(vcpu, vector, false, 0, true, payload);
}

void kvm_queue_page_fault(struct kvm_vcpu *vcpu, u64 cr2, u32 error_code)
{
	queue(vcpu, PF_VECTOR, true, error_code, true, cr2);
}

void kvm_queue_fault(struct kvm_vcpu *vcpu, const struct x86_fault *f)
{
	if (f->vector == PF_VECTOR) {
		/* As the CPU's own (SDM 3A 4.10.4.1): the handler only writes the entry. */
		vmx_flush_gva(vcpu, f->cr2);
		kvm_queue_page_fault(vcpu, f->cr2, f->error_code);
	} else if (f->vector == DB_VECTOR) {
		kvm_queue_exception_p(vcpu, DB_VECTOR, f->cr2);
	} else {
		queue(vcpu, f->vector, f->has_error, f->error_code, false, 0);
	}
}

/* The payload takes effect: CR2, or DR6 and DR7 (SDM 3B 17.2.3, 17.2.4). */
void kvm_deliver_payload(struct kvm_vcpu *vcpu)
{
	struct kvm_events *e = &vcpu->events;

	if (!e->exc.has_payload)
		return;
	e->exc.has_payload = false;
	if (e->exc.vector == PF_VECTOR) {
		vcpu->cr.cr2 = e->exc.payload;
		return;
	}
	if (e->exc.vector != DB_VECTOR)
		return;
	vcpu->debug.dr6 &= ~0xfull;
	/* Bit 16 is set unless the trap was in a transaction, and the payload has it inverted. */
	vcpu->debug.dr6 |= DR6_RTM;
	vcpu->debug.dr6 |= e->exc.payload;
	vcpu->debug.dr6 ^= e->exc.payload & DR6_RTM;
	vcpu->debug.dr7 &= ~DR7_GD;
	vmx_set_dr7(vcpu);
}

/* NMIs merge: one being handled and one waiting is all there is (SDM 3A 6.7.1). */
static unsigned int nmi_limit(struct kvm_vcpu *vcpu)
{
	return vmx_nmi_masked(vcpu) || vcpu->events.nmi_injected ? 1 : 2;
}

void kvm_collect_nmis(struct kvm_vcpu *vcpu)
{
	struct kvm_events *e = &vcpu->events;
	unsigned int queued = atomic_xchg(&vcpu->events.nmi_queued, 0);

	if (queued)
		e->nmi_pending = min(e->nmi_pending + queued, nmi_limit(vcpu));
}

void kvm_queue_nmi(struct kvm_vcpu *vcpu)
{
	atomic_inc(&vcpu->events.nmi_queued);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
}

void kvm_events_reset(struct kvm_vcpu *vcpu)
{
	memset(&vcpu->events, 0, sizeof(vcpu->events));
	vcpu->events.extint = -1;
	atomic_set(&vcpu->events.nmi_queued, 0);
}

/* KVM_INTERRUPT, without 8259s in the kernel. */
long kvm_vcpu_ioctl_interrupt(struct kvm_ioctl_args *a)
{
	const struct kvm_interrupt *irq = a->data;

	if (irq->irq >= KVM_NR_INTERRUPTS)
		return -EINVAL;
	if (kvm_irqchip_full(a->kvm))
		return -ENXIO;
	if (a->vcpu->events.extint >= 0 || a->vcpu->events.intr.injected)
		return -EEXIST;
	a->vcpu->events.extint = irq->irq;
	kvm_make_request(a->vcpu, KVM_REQ_EVENT);
	return 0;
}

long kvm_vcpu_ioctl_nmi(struct kvm_ioctl_args *a)
{
	kvm_queue_nmi(a->vcpu);
	return 0;
}

long kvm_vcpu_ioctl_get_vcpu_events(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	struct kvm_events *e = &vcpu->events;
	struct kvm_vcpu_events *out = a->data;

	memset(out, 0, sizeof(*out));
	kvm_collect_nmis(vcpu);
	/* User space that knows nothing of payloads sees what the CPU would show the handler. */
	if (!vcpu->kvm->settings.exception_payload && e->exc.pending)
		kvm_deliver_payload(vcpu);
	if (vcpu->kvm->settings.exception_payload) {
		out->exception.injected = e->exc.injected;
		out->exception.pending = e->exc.pending;
		out->exception_has_payload = e->exc.has_payload;
		out->exception_payload = e->exc.has_payload ? e->exc.payload : 0;
		out->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	} else {
		out->exception.injected = e->exc.injected || e->exc.pending;
	}
	out->exception.nr = e->exc.vector;
	out->exception.has_error_code = e->exc.has_error;
	out->exception.error_code = e->exc.error_code;
	/* Of two the one that has begun: its controller has let it go. */
	out->interrupt.injected = (e->intr.injected && !e->intr.soft) || e->extint >= 0;
	out->interrupt.nr = e->intr.injected && !e->intr.soft ? e->intr.vector :
			    max(e->extint, 0);
	out->interrupt.shadow = vmx_interrupt_shadow(vcpu);
	out->nmi.injected = e->nmi_injected;
	out->nmi.pending = e->nmi_pending;
	out->nmi.masked = vmx_nmi_masked(vcpu);
	out->flags |= KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	if (vcpu->kvm->settings.triple_fault_event) {
		out->triple_fault.pending = test_bit(KVM_REQ_TRIPLE_FAULT, &vcpu->kick.requests);
		out->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
	return 0;
}

static bool events_valid(struct kvm_vcpu *vcpu, const struct kvm_vcpu_events *in)
{
	const u32 known = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
			  KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM |
			  KVM_VCPUEVENT_VALID_PAYLOAD | KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	bool payload = in->flags & KVM_VCPUEVENT_VALID_PAYLOAD;

	if (in->flags & ~known)
		return false;
	if (payload && !vcpu->kvm->settings.exception_payload)
		return false;
	if ((in->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) &&
	    !vcpu->kvm->settings.triple_fault_event)
		return false;
	if ((in->exception.injected || (payload && in->exception.pending)) &&
	    (in->exception.nr > 31 || in->exception.nr == X86_TRAP_NMI))
		return false;
	/* There is no system management mode to be in. */
	if ((in->flags & KVM_VCPUEVENT_VALID_SMM) &&
	    (in->smi.smm || in->smi.smm_inside_nmi || in->smi.pending))
		return false;
	return true;
}

long kvm_vcpu_ioctl_set_vcpu_events(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	struct kvm_events *e = &vcpu->events;
	const struct kvm_vcpu_events *in = a->data;
	bool payload = in->flags & KVM_VCPUEVENT_VALID_PAYLOAD;

	if (!events_valid(vcpu, in))
		return -EINVAL;
	kvm_collect_nmis(vcpu);
	e->exc.injected = in->exception.injected;
	e->exc.pending = payload && in->exception.pending && !in->exception.injected;
	e->exc.vector = in->exception.nr;
	e->exc.has_error = in->exception.has_error_code;
	e->exc.error_code = in->exception.error_code;
	e->exc.has_payload = payload && in->exception_has_payload;
	e->exc.payload = payload ? in->exception_payload : 0;
	e->intr.injected = in->interrupt.injected;
	e->intr.vector = in->interrupt.nr;
	e->intr.soft = in->interrupt.soft;
	e->soft_insn_len = 0;
	e->extint = -1;
	if (in->flags & KVM_VCPUEVENT_VALID_SHADOW)
		vmx_set_interrupt_shadow(vcpu, in->interrupt.shadow);
	e->nmi_injected = in->nmi.injected;
	if (in->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		e->nmi_pending = min_t(u8, in->nmi.pending, 2);
	vmx_set_nmi_masked(vcpu, in->nmi.masked);
	if ((in->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR) && vcpu->apic)
		WRITE_ONCE(vcpu->apic->sipi_vector, in->sipi_vector);
	if (in->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) {
		if (in->triple_fault.pending)
			kvm_make_request(vcpu, KVM_REQ_TRIPLE_FAULT);
		else
			clear_bit(KVM_REQ_TRIPLE_FAULT, &vcpu->kick.requests);
	}
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return 0;
}
