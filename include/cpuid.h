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
	KVM_F_ARCH_CAPABILITIES, KVM_F_PDCM, KVM_F_XFD, KVM_F_RTM, KVM_F_OSXSAVE_HINT,
	KVM_F_FXSR_OPT,
	KVM_F_SSE3, KVM_F_FLUSH_L1D, KVM_F_VMX, KVM_F_HYPERVISOR, KVM_F_STIBP, KVM_F_SSBD,
	KVM_F_PSFD, KVM_F_IPRED_CTRL, KVM_F_RRSBA_CTRL, KVM_F_DDPD_U, KVM_F_BHI_CTRL,
	KVM_NR_FEATURES,
};

static inline bool kvm_guest_has(const struct kvm_vcpu *vcpu, enum kvm_cpuid_feature f)
{
	return vcpu->cpuid.features[f / 32] & (1u << (f % 32));
}

/* One answer of CPUID. */
struct kvm_cpuid_leaf {
	u32 eax, ebx, ecx, edx;
};

/* --- vcpu/cpuid.c --- */
/* A new vCPU, before KVM_SET_CPUID2: CPUID answers zeros, CR4 may be all the host offers. */
void kvm_cpuid_init_vcpu(struct kvm_vcpu *vcpu);
/* Runs with interrupts off in the exit path: no lock, no allocation, bounded. */
void kvm_cpuid(struct kvm_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
/* Family, model and stepping; 0 before user space has set them. */
u32 kvm_cpuid_signature(const struct kvm_vcpu *vcpu);
/*
 * Something that CPUID shows changed: CR4.OSXSAVE/PKE, XCR0, XSS, APIC_BASE,
 * MISC_ENABLE. The setters in vcpu/cr.c, vcpu/msr.c and irqchip/msr.c call it.
 */
void kvm_cpuid_refresh(struct kvm_vcpu *vcpu);
void kvm_cpuid_free(struct kvm_vcpu *vcpu);

/* CPUID must fault (#GP) at this privilege level: MSR_MISC_FEATURES_ENABLES. */
static inline bool kvm_cpuid_faults(struct kvm_vcpu *vcpu)
{
	return unlikely(vcpu->msr.misc_features_enables & 1) && vmx_cpl(vcpu) > 0;
}

/* --- vcpu/cpuid_table.c --- */
/* CR4 bits and XCR0 bits the module can give to any guest on this host. */
u64 kvm_supported_cr4(void);
u64 kvm_supported_xcr0(void);
/* After vmx_setup(). */
int kvm_cpuid_module_init(void);
/* Fills @ent with what any guest may be given; the number of entries or -E2BIG. */
int kvm_cpuid_supported(struct kvm_cpuid_entry2 *ent, int max, u32 pv_features);
/* The register image XSAVE (@compact: XSAVEC, XSAVES) needs for the components @features. */
u32 kvm_xstate_size(u64 features, bool compact);
/* The host has it and kvmx can give it to a guest. */
bool kvm_host_offers(enum kvm_cpuid_feature f);

#endif
