// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page-modification logging (SDM 3C 29.3.6): the CPU notes in a page of the vCPU where it set a
 * dirty bit in EPT. The index counts down; past 0 the next such write exits instead.
 */
#include <linux/gfp.h>
#include "internal.h"

#define PML_LAST	(VMX_PML_ENTRIES - 1)

/**
 * vmx_pml_create - the page of a new vCPU
 * @vcpu: the vCPU
 *
 * Return: 0 or -ENOMEM.
 */
int vmx_pml_create(struct kvm_vcpu *vcpu)
{
	if (!vmx_caps.pml)
		return 0;
	vcpu->vmx.pml = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vcpu->vmx.pml ? 0 : -ENOMEM;
}

void vmx_pml_free(struct kvm_vcpu *vcpu)
{
	free_page((unsigned long)vcpu->vmx.pml);
}

/* Into a VMCS that is loaded; the control stays off. */
void vmx_pml_init(struct kvm_vcpu *vcpu)
{
	if (!vmx_caps.pml)
		return;
	vmcs_write64(PML_ADDRESS, __pa(vcpu->vmx.pml));
	vmcs_write16(GUEST_PML_INDEX, PML_LAST);
}

/* On while a slot of the VM is logged. Own thread, outside the guest. */
void vmx_pml_update(struct kvm_vcpu *vcpu)
{
	bool on = READ_ONCE(vcpu->kvm->mmu.pml);

	if (on)
		vmx_proc2_set(vcpu, SECONDARY_EXEC_ENABLE_PML);
	else
		vmx_proc2_clear(vcpu, SECONDARY_EXEC_ENABLE_PML);
	kvm_set_entry_needs(vcpu, KVM_ENTRY_PML, on);
}

/**
 * vmx_pml_take - what the CPU has logged since the last call
 * @vcpu: loaded vCPU
 * @gpas: set to the first of the entries, which stay until the next entry to the guest
 *
 * Return: how many there are.
 */
unsigned int vmx_pml_take(struct kvm_vcpu *vcpu, const u64 **gpas)
{
	u16 index = vmcs_read16(GUEST_PML_INDEX);
	unsigned int first = index <= PML_LAST ? index + 1 : 0;

	if (first == VMX_PML_ENTRIES)
		return 0;
	vmcs_write16(GUEST_PML_INDEX, PML_LAST);
	*gpas = vcpu->vmx.pml + first;
	return VMX_PML_ENTRIES - first;
}
