// SPDX-License-Identifier: GPL-2.0-only
/* The capabilities that announce a vCPU's state. */
#include <linux/kernel.h>
#include "state.h"

static int cap_xcrs(struct kvm *kvm)
{
	return kvm_supported_xcr0() != 0;
}

static const struct kvm_cap caps[] = {
	{ .cap = KVM_CAP_EXT_CPUID, .value = 1 },
	{ .cap = KVM_CAP_EXT_EMUL_CPUID, .value = 1 },
	{ .cap = KVM_CAP_XSAVE, .value = 1 },
	/* No state beyond what fits in struct kvm_xsave is offered. */
	{ .cap = KVM_CAP_XSAVE2, .value = sizeof(struct kvm_xsave) },
	{ .cap = KVM_CAP_XCRS, .fn = cap_xcrs },
	{ .cap = KVM_CAP_SYS_ATTRIBUTES, .value = 1 },
	{ .cap = KVM_CAP_GET_MSR_FEATURES, .value = 1 },
	{ .cap = KVM_CAP_MSR_PLATFORM_INFO, .value = 1 },
	{ .cap = KVM_CAP_DISABLE_QUIRKS, .value = 1 },
	{ .cap = KVM_CAP_DISABLE_QUIRKS2, .fn = kvm_cap_quirks },
	{ .cap = KVM_CAP_X86_USER_SPACE_MSR, .value = 1 },
	{ .cap = KVM_CAP_X86_MSR_FILTER, .value = 1 },
	{ .cap = KVM_CAP_ASYNC_PF, .value = 1 },
	{ .cap = KVM_CAP_ASYNC_PF_INT, .value = 1 },
	{ .cap = KVM_CAP_MCE, .value = KVM_MCE_BANKS },
};

KVM_CAP_TABLE(kvm_caps_state, caps);
