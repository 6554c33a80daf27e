// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of VMX in the guest, which no guest has: its header alone. VMMs save and restore
 * it without asking for KVM_CAP_NESTED_STATE, which says how large it can be at most.
 */
#include <linux/kernel.h>
#include "ioctl.h"
#include "state.h"

/* Not in VMX operation, and no current VMCS. */
#define NO_ADDRESS	(~0ULL)

/**
 * kvm_vcpu_ioctl_get_nested_state - KVM_GET_NESTED_STATE
 * @a: struct kvm_nested_state; @size says how much there is room for, and how much it takes
 *
 * Return: 0, -E2BIG.
 */
long kvm_vcpu_ioctl_get_nested_state(struct kvm_ioctl_args *a)
{
	struct kvm_nested_state *s = a->data;
	bool fits = s->size >= sizeof(*s);

	s->size = sizeof(*s);
	if (!fits)
		return -E2BIG;
	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	s->format = KVM_STATE_NESTED_FORMAT_VMX;
	s->hdr.vmx.vmxon_pa = NO_ADDRESS;
	s->hdr.vmx.vmcs12_pa = NO_ADDRESS;
	return 0;
}

/**
 * kvm_vcpu_ioctl_set_nested_state - KVM_SET_NESTED_STATE: nothing changes, but it is checked
 * @a: struct kvm_nested_state
 *
 * Return: 0, -EINVAL for any other state than that of KVM_GET_NESTED_STATE.
 */
long kvm_vcpu_ioctl_set_nested_state(struct kvm_ioctl_args *a)
{
	const struct kvm_nested_state *s = a->data;

	if (s->size < sizeof(*s) || s->flags || s->format != KVM_STATE_NESTED_FORMAT_VMX ||
	    s->hdr.vmx.vmxon_pa != NO_ADDRESS || s->hdr.vmx.vmcs12_pa != NO_ADDRESS ||
	    s->hdr.vmx.smm.flags || (s->hdr.vmx.flags & ~KVM_STATE_VMX_PREEMPTION_TIMER_DEADLINE))
		return -EINVAL;
	return 0;
}
