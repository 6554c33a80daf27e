// SPDX-License-Identifier: GPL-2.0-only
/* The ioctls about machine checks. The kernel's Documentation/virt/kvm/api.rst, 4.105 and 4.106. */
#include "irqchip.h"
#include "state.h"

/** kvm_vcpu_ioctl_setup_mce - KVM_X86_SETUP_MCE */
long kvm_vcpu_ioctl_setup_mce(struct kvm_ioctl_args *a)
{
	int r = kvm_mce_setup(a->vcpu, *(u64 *)a->data);

	if (!r)
		kvm_apic_features_changed(a->vcpu);
	return r;
}

/** kvm_vcpu_ioctl_set_mce - KVM_X86_SET_MCE */
long kvm_vcpu_ioctl_set_mce(struct kvm_ioctl_args *a)
{
	int r = kvm_mce_report(a->vcpu, a->data);

	if (r > 0 && a->vcpu->apic)
		kvm_apic_cmci(a->vcpu);
	return min(r, 0);
}
