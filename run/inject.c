// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the next entry delivers: chosen from the events of the vCPU and from its interrupt
 * controllers, and which windows are opened for what has to wait.
 */
#include <asm/trapnr.h>
#include "events.h"
#include "irqchip.h"
#include "regs.h"
#include "state.h"
#include "vcpu.h"

static void begin_exception(struct kvm_vcpu *vcpu)
{
	struct kvm_events *e = &vcpu->events;

	kvm_deliver_payload(vcpu);
	e->exc.pending = false;
	e->exc.injected = true;
	/* A fault pushes RFLAGS with RF set: the instruction can be resumed past a breakpoint. */
	if (e->exc.vector != DB_VECTOR && e->exc.vector != BP_VECTOR &&
	    e->exc.vector != OF_VECTOR)
		vmx_set_rflags(vcpu, kvm_rflags_read(vcpu) | X86_EFLAGS_RF);
	vmx_inject_exception(vcpu, false);
}

/* The 8259s have one, and this vCPU's LINT0 takes it. */
static bool pic_interrupt_pending(struct kvm_vcpu *vcpu)
{
	return kvm_irqchip_full(vcpu->kvm) && kvm_pic_output(vcpu->kvm) &&
	       kvm_apic_accepts_extint(vcpu);
}

bool kvm_interrupt_pending(struct kvm_vcpu *vcpu)
{
	if (vcpu->events.extint >= 0)
		return true;
	return vcpu->apic && (pic_interrupt_pending(vcpu) || kvm_apic_pending(vcpu) >= 0);
}

/* One that the CPU does not deliver by itself waits; @vector: the local APIC's, or -1. */
static bool injection_due(struct kvm_vcpu *vcpu, int *vector)
{
	*vector = -1;
	if (vcpu->events.extint >= 0)
		return true;
	if (!vcpu->apic)
		return false;
	if (pic_interrupt_pending(vcpu))
		return true;
	if (!vmx_apicv_active(vcpu))
		*vector = kvm_apic_pending(vcpu);
	return *vector >= 0;
}

/* The controller hands it over; -1 if it has none any more. */
static int take_interrupt(struct kvm_vcpu *vcpu, int vector)
{
	struct kvm_events *e = &vcpu->events;

	if (vector >= 0) {
		kvm_apic_ack(vcpu, vector);
	} else if (e->extint >= 0) {
		vector = e->extint;
		e->extint = -1;
	} else if (pic_interrupt_pending(vcpu)) {
		vector = kvm_pic_ack(vcpu->kvm);
		/* In auto-EOI mode the interrupt ends here: a resampling irqfd may be woken. */
		vcpu->mem.host_data = true;
	}
	return vector;
}

static void inject_interrupt(struct kvm_vcpu *vcpu, bool busy)
{
	struct kvm_events *e = &vcpu->events;
	int vector;

	if (!injection_due(vcpu, &vector))
		return;
	if (!busy && vmx_interrupt_allowed(vcpu)) {
		vector = take_interrupt(vcpu, vector);
		if (vector >= 0) {
			e->intr.injected = true;
			e->intr.soft = false;
			e->intr.vector = vector;
			vcpu->stat.irq_injections++;
			vmx_inject_interrupt(vcpu);
		}
		if (!injection_due(vcpu, &vector))
			return;
	}
	vmx_open_interrupt_window(vcpu);
}

/**
 * kvm_inject_events - choose what the next entry delivers
 * @vcpu: loaded vCPU
 *
 * What had begun comes first, then a pending exception, then an NMI, then an
 * interrupt; windows are opened for what has to wait.
 */
void kvm_inject_events(struct kvm_vcpu *vcpu)
{
	struct kvm_events *e = &vcpu->events;
	bool busy = true, held;

	if (atomic_read(&e->nmi_queued))
		kvm_collect_nmis(vcpu);
	/* User space may have taken IF away, and the CPU refuses the interrupt then: it waits. */
	held = e->intr.injected && !e->intr.soft && !vmx_interrupt_allowed(vcpu);
	if (e->exc.injected)
		vmx_inject_exception(vcpu, true);
	else if (e->exc.pending)
		begin_exception(vcpu);
	else if (e->nmi_injected)
		vmx_inject_nmi(vcpu);
	else if (e->intr.injected && !held)
		vmx_inject_interrupt(vcpu);
	else
		busy = false;

	if (e->nmi_pending) {
		if (!busy && vmx_nmi_allowed(vcpu)) {
			e->nmi_pending--;
			e->nmi_injected = true;
			vcpu->stat.nmi_injections++;
			vmx_inject_nmi(vcpu);
			busy = true;
		}
		if (e->nmi_pending)
			vmx_open_nmi_window(vcpu);
	}
	if (held)
		vmx_open_interrupt_window(vcpu);
	else
		inject_interrupt(vcpu, busy);
	if (vcpu->apic)
		kvm_apicv_sync(vcpu);
}

/**
 * kvm_ready_for_interrupt - would KVM_INTERRUPT be taken at the next entry?
 * @vcpu: loaded vCPU
 */
bool kvm_ready_for_interrupt(struct kvm_vcpu *vcpu)
{
	const struct kvm_events *e = &vcpu->events;

	/* With a local APIC here, KVM_INTERRUPT is the 8259s' of user space. */
	if (vcpu->apic && (kvm_irqchip_full(vcpu->kvm) || !kvm_apic_accepts_extint(vcpu)))
		return false;
	return e->extint < 0 && !e->intr.injected && !e->exc.injected && !e->exc.pending &&
	       !e->nmi_injected && vmx_interrupt_allowed(vcpu);
}
