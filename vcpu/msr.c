// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs by which software sets up the CPU, and that are members of the vCPU. SDM 4. What sets one
 * returns 0, or 1 for #GP.
 */
#include <linux/kernel.h>
#include <asm/msr-index.h>
#include "msr.h"
#include "regs.h"
#include "state.h"

#define FEAT_CTL_BITS		FEAT_CTL_LOCKED

static int set_misc_enable(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	const u64 read_only = MSR_IA32_MISC_ENABLE_BTS_UNAVAIL |
			      MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL | MSR_IA32_MISC_ENABLE_EMON;
	u64 changed = val ^ vcpu->msr.misc_enable;

	if (!host)
		val = (val & ~read_only) | (vcpu->msr.misc_enable & read_only);
	/* MONITOR may be offered only beside SSE3. */
	if (kvm_quirk_off(vcpu->kvm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT) &&
	    (changed & MSR_IA32_MISC_ENABLE_MWAIT) && !kvm_guest_has(vcpu, KVM_F_SSE3))
		return 1;
	vcpu->msr.misc_enable = val;
	kvm_cpuid_refresh(vcpu);
	return 0;
}

static int set_feature_control(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if ((val & ~FEAT_CTL_BITS) || (!host && (vcpu->msr.feature_control & FEAT_CTL_LOCKED)))
		return 1;
	vcpu->msr.feature_control = val;
	return 0;
}

static int set_tsc_aux(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	/* AMD's CPUs ignore what Intel's refuse. */
	if (vcpu->emu.vendor_amd)
		val = (u32)val;
	if (val >> 32)
		return 1;
	/* The guest reads it by RDTSCP and RDPID, which do not exit. */
	vmx_set_tsc_aux(vcpu, val);
	return 0;
}

static bool tsc_aux_offered(void)
{
	return kvm_host_offers(KVM_F_RDTSCP) || kvm_host_offers(KVM_F_RDPID);
}

static int set_efer(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	return kvm_set_efer(vcpu, val, host);
}

static int get_xss(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	if (!host && !kvm_host_offers(KVM_F_XSAVES))
		return 1;
	*val = vcpu->fpu.xss;
	return 0;
}

/* No supervisor state is offered. */
static int set_xss(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	return val || (!host && !kvm_host_offers(KVM_F_XSAVES));
}

static const struct kvm_msr_row rows[] = {
	{ MSR_TSC_AUX, KVM_MSR_FIELD(msr.tsc_aux), .set = set_tsc_aux, .flags = KVM_MSR_SAVED,
	  .needs = { KVM_MSR_NEED(KVM_F_RDTSCP), KVM_MSR_NEED(KVM_F_RDPID) },
	  .offered = tsc_aux_offered },
	{ MSR_IA32_MISC_ENABLE, KVM_MSR_FIELD(msr.misc_enable), .set = set_misc_enable,
	  .flags = KVM_MSR_SAVED },
	{ MSR_IA32_FEAT_CTL, KVM_MSR_FIELD(msr.feature_control), .set = set_feature_control,
	  .flags = KVM_MSR_SAVED },
	/* KVM_GET_SREGS has it. */
	{ MSR_EFER, KVM_MSR_FIELD(cr.efer), .set = set_efer },
	{ MSR_IA32_XSS, .get = get_xss, .set = set_xss, .needs = { KVM_MSR_NEED(KVM_F_XSAVES) } },
};

KVM_MSR_TABLE(kvm_msrs_vcpu, rows);
