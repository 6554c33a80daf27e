/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID as the guest sees it. */
#ifndef KVMX_CPUID_H
#define KVMX_CPUID_H

#include "vcpu.h"

/* The guest features that change what kvmx does; bits of vcpu->guest_features. */
enum kvm_cpuid_feature {
	KVM_F_XSAVE, KVM_F_XSAVES, KVM_F_PCID, KVM_F_SMEP, KVM_F_SMAP, KVM_F_PKU, KVM_F_UMIP,
	KVM_F_FSGSBASE, KVM_F_LA57, KVM_F_RDTSCP, KVM_F_RDPID, KVM_F_INVPCID, KVM_F_NX, KVM_F_LM,
	KVM_F_SYSCALL, KVM_F_GBPAGES, KVM_F_TSC_ADJUST, KVM_F_TSC_DEADLINE, KVM_F_X2APIC,
	KVM_F_MONITOR, KVM_F_MCE, KVM_F_MCA, KVM_F_MTRR, KVM_F_PAT, KVM_F_SPEC_CTRL, KVM_F_IBPB,
	KVM_F_ARCH_CAPABILITIES, KVM_F_PDCM, KVM_F_XFD, KVM_F_RTM, KVM_F_OSXSAVE_HINT, KVM_F_FXSR_OPT,
	KVM_NR_FEATURES,
};

static inline bool kvm_guest_has(const struct kvm_vcpu *vcpu, enum kvm_cpuid_feature f)
{
	return vcpu->guest_features[f / 32] & (1u << (f % 32));
}

/* --- vcpu/cpuid.c --- */
/* Runs with interrupts off in the exit path: no lock, no allocation, bounded. */
void kvm_cpuid(struct kvm_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
/* The guest changed CR4.OSXSAVE/PKE, XCR0, XSS or MISC_ENABLE: refresh what CPUID shows of it. */
void kvm_cpuid_refresh(struct kvm_vcpu *vcpu);
void kvm_cpuid_free(struct kvm_vcpu *vcpu);
/* CR4 bits and XCR0 bits the module can give to any guest on this host. */
u64 kvm_supported_cr4(void);
u64 kvm_supported_xcr0(void);
int kvm_cpuid_module_init(void);

#endif
