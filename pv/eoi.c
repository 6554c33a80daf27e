// SPDX-License-Identifier: GPL-2.0-only
/*
 * PV EOI: a flag in guest memory stands in for the write to the APIC's EOI
 * register. The kernel's Documentation/virt/kvm/x86/msr.rst, MSR_KVM_EOI_EN.
 */
#include <linux/bitops.h>
#include <asm/kvm_para.h>
#include "irqchip.h"
#include "mmu.h"
#include "trace_irq.h"
#include "vcpu.h"

static int set_flag(struct kvm_vcpu *vcpu, u8 flag)
{
	return kvm_write_guest(vcpu, vcpu->pv.eoi_msr & ~(u64)KVM_PV_EOI_ENABLED, &flag, 1);
}

/* Its EOI has no other effect: no interrupt waits behind it, no I/O APIC or irqfd hears of it. */
static bool eoi_is_silent(struct kvm_vcpu *vcpu)
{
	int vector = kvm_apic_highest_isr(vcpu);

	if (vector < 0 || kvm_apic_pir_pending(vcpu) || kvm_apic_highest_irr(vcpu) >= 0)
		return false;
	return !(vcpu->apic->eoi_vectors[vector / 64] & BIT_ULL(vector % 64));
}

/**
 * kvm_pv_eoi_changed - MSR_KVM_PV_EOI_EN has another value
 * @vcpu: the vCPU, its mutex held
 *
 * A flag that is up at the old place counts no more.
 */
void kvm_pv_eoi_changed(struct kvm_vcpu *vcpu)
{
	vcpu->pv.eoi_set = false;
	kvm_set_entry_needs(vcpu, KVM_ENTRY_PV_EOI,
			    vcpu->apic && (vcpu->pv.eoi_msr & KVM_PV_EOI_ENABLED));
}

/**
 * kvm_pv_eoi_offer - before entry: the guest may end its interrupt by the flag
 * @vcpu: loaded vCPU with KVM_ENTRY_PV_EOI; kvm->srcu held
 *
 * Context: may sleep.
 */
void kvm_pv_eoi_offer(struct kvm_vcpu *vcpu)
{
	if (vmx_apicv_active(vcpu))
		return;
	if (eoi_is_silent(vcpu) && !set_flag(vcpu, 1))
		vcpu->pv.eoi_set = true;
}

/**
 * kvm_pv_eoi_collect - after an exit: did the guest do so?
 * @vcpu: loaded vCPU; kvm->srcu held
 *
 * If not, the flag goes down: by the next entry another interrupt may be in service.
 *
 * Context: may sleep.
 */
void kvm_pv_eoi_collect(struct kvm_vcpu *vcpu)
{
	u64 gpa = vcpu->pv.eoi_msr & ~(u64)KVM_PV_EOI_ENABLED;
	u8 flag;

	if (likely(!vcpu->pv.eoi_set))
		return;
	vcpu->pv.eoi_set = false;
	if (kvm_read_guest(vcpu, gpa, &flag, 1))
		return;
	if (flag & KVM_PV_EOI_MASK) {
		set_flag(vcpu, flag & ~KVM_PV_EOI_MASK);
		return;
	}
	trace_kvm_pv_eoi(vcpu->vcpu_id, kvm_apic_highest_isr(vcpu));
	kvm_apic_eoi(vcpu);
}
