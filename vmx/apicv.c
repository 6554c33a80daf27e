// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC is software's alone: no TPR shadow, no virtual-interrupt delivery. */
#include "irqchip.h"

bool vmx_apicv_active(struct kvm_vcpu *vcpu)
{
	return false;
}

void vmx_apicv_update(struct kvm_vcpu *vcpu)
{
}

void vmx_apicv_sync(struct kvm_vcpu *vcpu)
{
}

void vmx_set_eoi_exit_bitmap(struct kvm_vcpu *vcpu, const u64 vectors[4])
{
}

bool vmx_notify_mail(struct kvm_vcpu *vcpu)
{
	return false;
}
