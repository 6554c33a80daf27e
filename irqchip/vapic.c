// SPDX-License-Identifier: GPL-2.0-only
/*
 * Task priority without exits for 32-bit guests: user space patches the guest to use
 * a copy of TPR in its memory, and asks to hear where the guest reaches for the real
 * one. KVM_CAP_VAPIC: KVM_SET_VAPIC_ADDR, KVM_TPR_ACCESS_REPORTING.
 */
#include "ioctl.h"
#include "kick.h"
#include "lapic.h"
#include "mmu.h"
#include "regs.h"

/* The copy: TPR, the class in service, 0, the highest request. */
struct vapic {
	u8 tpr, isr, zero, irr;
};

/**
 * kvm_vapic_to_guest - before an entry: what the guest compares with its priority
 * @vcpu: loaded vCPU with KVM_ENTRY_VAPIC; kvm->srcu held
 */
void kvm_vapic_to_guest(struct kvm_vcpu *vcpu)
{
	int isr = kvm_apic_highest_isr(vcpu), irr = kvm_apic_highest_irr(vcpu);
	const struct vapic copy = {
		.tpr = lapic_get(vcpu->apic, LAPIC_TPR),
		.isr = isr < 0 ? 0 : isr & 0xf0,
		.irr = max(irr, 0),
	};

	/* Memory that is gone is the guest's affair. */
	kvm_write_guest(vcpu, vcpu->apic->vapic_addr, &copy, sizeof(copy));
	vcpu->apic->vapic_tpr = copy.tpr;
}

/** kvm_vapic_from_guest - after an exit: the guest may have changed its priority */
void kvm_vapic_from_guest(struct kvm_vcpu *vcpu)
{
	struct vapic copy;

	if (kvm_read_guest(vcpu, vcpu->apic->vapic_addr, &copy, sizeof(copy)) ||
	    copy.tpr == vcpu->apic->vapic_tpr)
		return;
	lapic_set(vcpu->apic, LAPIC_TPR, copy.tpr);
	lapic_update_ppr(vcpu->apic);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
}

long kvm_vcpu_ioctl_set_vapic_addr(struct kvm_ioctl_args *a)
{
	const struct kvm_vapic_addr *in = a->data;
	struct kvm_vcpu *vcpu = a->vcpu;
	bool there = true;
	int idx;

	if (!vcpu->apic)
		return -EINVAL;
	if (in->vapic_addr) {
		idx = srcu_read_lock(&a->kvm->srcu);
		there = kvm_gpa_is_memory(vcpu, in->vapic_addr, true);
		srcu_read_unlock(&a->kvm->srcu, idx);
	}
	if (!there)
		return -EINVAL;
	vcpu->apic->vapic_addr = in->vapic_addr;
	kvm_set_entry_needs(vcpu, KVM_ENTRY_VAPIC, in->vapic_addr);
	return 0;
}

long kvm_vcpu_ioctl_tpr_access_reporting(struct kvm_ioctl_args *a)
{
	const struct kvm_tpr_access_ctl *in = a->data;

	if (in->flags)
		return -EINVAL;
	if (a->vcpu->apic)
		a->vcpu->apic->report_tpr = in->enabled;
	return 0;
}

/* The access is done; KVM_RUN returns before the next instruction. */
void lapic_report_tpr(struct kvm_vcpu *vcpu, bool write)
{
	struct kvm_lapic *apic = vcpu->apic;

	if (likely(!apic->report_tpr))
		return;
	apic->reported_rip = kvm_rip_read(vcpu);
	apic->reported_write = write;
	kvm_make_request(vcpu, KVM_REQ_REPORT_TPR);
}

/** kvm_vapic_report - KVM_REQ_REPORT_TPR: fill kvm_run */
void kvm_vapic_report(struct kvm_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_TPR_ACCESS;
	vcpu->run->tpr_access.rip = vcpu->apic->reported_rip;
	vcpu->run->tpr_access.is_write = vcpu->apic->reported_write;
}
