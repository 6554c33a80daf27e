// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC and the CPU that virtualizes it: what the CPU must know, and when it may not. */
#include "kick.h"
#include "lapic.h"
#include "mmu.h"
#include "trace.h"
#include "trace_irq.h"

/**
 * kvm_apicv_update - the APIC's mode, or what inhibits its virtualization, changed
 * @vcpu: loaded vCPU with a local APIC
 */
void kvm_apicv_update(struct kvm_vcpu *vcpu)
{
	const gfn_t window = LAPIC_DEFAULT_BASE >> PAGE_SHIFT;

	/* What the CPU does not watch would be memory to the guest. */
	if (vmx_apicv_update(vcpu))
		kvm_mmu_zap_gfn_range(vcpu->kvm, window, window + 1);
}

/**
 * kvm_apicv_inhibit - a reason not to virtualize a VM's APICs comes or goes
 * @kvm: the VM
 * @why: enum kvm_apicv_inhibit
 * @on: it comes
 *
 * Every vCPU follows before it enters the guest again.
 */
void kvm_apicv_inhibit(struct kvm *kvm, unsigned int why, bool on)
{
	bool changed = on ? !test_and_set_bit(why, &kvm->irq.apicv_inhibits) :
			    test_and_clear_bit(why, &kvm->irq.apicv_inhibits);

	if (!changed)
		return;
	trace_kvm_apicv_inhibit_changed(why, on, READ_ONCE(kvm->irq.apicv_inhibits));
	kvm_make_all_cpus_request(kvm, KVM_REQ_APICV);
}
