// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that tell what CPU it is, and those of its model: what it suffers from, and what is done
 * against that. SDM 4. What sets one returns 0, or 1 for #GP.
 */
#include <linux/kernel.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include "compat/compat.h"
#include "msr.h"

#define PLATFORM_CPUID_FAULT	BIT_ULL(31)
/* A number that no microcode has; what it means is known to nobody but us. */
#define UCODE_REV_DEFAULT	(0x1ull << 32)
#define HWCR_STORED		(BIT_ULL(18) | BIT_ULL(24))
#define HWCR_IGNORED		(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8))

/* IA32_ARCH_CAPABILITIES: what stays true in a guest. */
#define ARCH_CAP_PASSED	(ARCH_CAP_RDCL_NO | ARCH_CAP_RSBA | ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | \
			 ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO | \
			 ARCH_CAP_TAA_NO | ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | \
			 ARCH_CAP_PSDP_NO | ARCH_CAP_FB_CLEAR | ARCH_CAP_RRSBA | ARCH_CAP_BHI_NO | \
			 ARCH_CAP_PBRSB_NO | ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO | \
			 ARCH_CAP_RFDS_CLEAR | ARCH_CAP_ITS_NO)

/* What the host kernel knows of a CPU that does not say it itself. */
static u64 known_safe(void)
{
	u64 val = 0;

	if (!boot_cpu_has_bug(X86_BUG_CPU_MELTDOWN))
		val |= ARCH_CAP_RDCL_NO;
	if (!boot_cpu_has_bug(X86_BUG_SPEC_STORE_BYPASS))
		val |= ARCH_CAP_SSB_NO;
	if (!boot_cpu_has_bug(X86_BUG_MDS))
		val |= ARCH_CAP_MDS_NO;
	if (!boot_cpu_has_bug(X86_BUG_GDS))
		val |= ARCH_CAP_GDS_NO;
	if (!boot_cpu_has_bug(X86_BUG_RFDS))
		val |= ARCH_CAP_RFDS_NO;
	if (!boot_cpu_has_bug(X86_BUG_ITS))
		val |= ARCH_CAP_ITS_NO;
	return val;
}

/*
 * Every guest has the register, so that it need not guess from the model in its CPUID. The
 * size of the pages that the CPU fetches by is EPT's, and nx_huge_pages sees to it.
 */
static u64 guest_arch_capabilities(void)
{
	u64 val = 0, passed = ARCH_CAP_PASSED;

	if (kvm_host_offers(KVM_F_SPEC_CTRL))
		passed |= ARCH_CAP_IBRS_ALL;
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl_safe(MSR_IA32_ARCH_CAPABILITIES, &val);
	return (val & passed) | known_safe() | ARCH_CAP_PSCHANGE_MC_NO;
}

static u64 guest_perf_capabilities(void)
{
	return 0;
}

static u64 guest_ucode_rev(void)
{
	u64 val;

	return rdmsrl_safe(MSR_IA32_UCODE_REV, &val) ? UCODE_REV_DEFAULT : val;
}

static u64 guest_platform_info(void)
{
	return PLATFORM_CPUID_FAULT;
}

static int get_platform_info(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	if (!host && vcpu->kvm->settings.platform_info_hidden)
		return 1;
	*val = vcpu->msr.platform_info;
	return 0;
}

static int set_platform_info(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (!host)
		return 1;
	/* CPUID faulting that is in use cannot go away. */
	if (!(val & PLATFORM_CPUID_FAULT) &&
	    (vcpu->msr.misc_features_enables & MSR_MISC_FEATURES_ENABLES_CPUID_FAULT))
		return 1;
	vcpu->msr.platform_info = val;
	return 0;
}

static int set_misc_features(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (val & ~MSR_MISC_FEATURES_ENABLES_CPUID_FAULT)
		return 1;
	if (val && !(vcpu->msr.platform_info & PLATFORM_CPUID_FAULT))
		return 1;
	vcpu->msr.misc_features_enables = val;
	return 0;
}

/* The bits of IA32_SPEC_CTRL and what announces them. */
static const struct {
	enum kvm_cpuid_feature f;
	u64 bits;
} spec_ctrl_bits[] = {
	{ KVM_F_SPEC_CTRL, SPEC_CTRL_IBRS },
	{ KVM_F_STIBP, SPEC_CTRL_STIBP },
	{ KVM_F_SSBD, SPEC_CTRL_SSBD },
	{ KVM_F_IPRED_CTRL, BIT(3) | BIT(4) },
	{ KVM_F_RRSBA_CTRL, BIT(5) | BIT(6) },
	{ KVM_F_PSFD, BIT(7) },
	{ KVM_F_DDPD_U, BIT(8) },
	{ KVM_F_BHI_CTRL, BIT(10) },
};

/* The bits this vCPU may set; 0 where it has no such register. */
static u64 spec_ctrl_allowed(const struct kvm_vcpu *vcpu, bool host)
{
	u64 allowed = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(spec_ctrl_bits); i++)
		if (kvm_host_offers(spec_ctrl_bits[i].f) &&
		    (host || kvm_guest_has(vcpu, spec_ctrl_bits[i].f)))
			allowed |= spec_ctrl_bits[i].bits;
	return allowed;
}

static int set_spec_ctrl(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	u64 allowed = spec_ctrl_allowed(vcpu, host);

	if (!allowed || (val & ~allowed))
		return 1;
	vcpu->msr.spec_ctrl = val;
	return 0;
}

static int get_spec_ctrl(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	if (!host && !spec_ctrl_allowed(vcpu, host))
		return 1;
	*val = vcpu->msr.spec_ctrl;
	return 0;
}

static bool spec_ctrl_offered(void)
{
	return kvm_host_offers(KVM_F_SPEC_CTRL) || kvm_host_offers(KVM_F_SSBD);
}

/* Write-only commands that the host's CPU carries out: bit 0 or nothing. */
static int do_command(u32 index, u64 val, bool host_has)
{
	if (!host_has || (val & ~1ull))
		return 1;
	if (val)
		wrmsrl(index, val);
	return 0;
}

static int set_pred_cmd(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	return do_command(index, val, boot_cpu_has(X86_FEATURE_IBPB));
}

static int set_flush_cmd(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	return do_command(index, val, kvm_host_offers(KVM_F_FLUSH_L1D));
}

/* SDM 3A, 9.11.7.1: a guest clears it before CPUID loads it. */
static int set_ucode_rev(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (host)
		vcpu->msr.ucode_rev = val;
	return 0;
}

/* Without a PMU there is no capability to have. */
static int set_perf_capabilities(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	return !host || val;
}

static int set_hwcr(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (val & ~(HWCR_STORED | HWCR_IGNORED))
		return 1;
	vcpu->msr.hwcr = val & HWCR_STORED;
	return 0;
}

static const struct kvm_msr_row rows[] = {
	{ MSR_IA32_SMBASE, KVM_MSR_FIELD(msr.smbase), .write = KVM_MSR_WRITE_HOST,
	  .flags = KVM_MSR_SAVED | KVM_MSR_HOST_ONLY },
	/* Before the next, which it allows. */
	{ MSR_PLATFORM_INFO, .get = get_platform_info, .set = set_platform_info,
	  .flags = KVM_MSR_SAVED, .feature = guest_platform_info, .feature_place = 4 },
	{ MSR_MISC_FEATURES_ENABLES, KVM_MSR_FIELD(msr.misc_features_enables),
	  .set = set_misc_features, .flags = KVM_MSR_SAVED },
	{ MSR_IA32_UCODE_REV, KVM_MSR_FIELD(msr.ucode_rev), .set = set_ucode_rev,
	  .flags = KVM_MSR_SAVED, .feature = guest_ucode_rev, .feature_place = 1 },
	{ MSR_IA32_ARCH_CAPABILITIES, KVM_MSR_FIELD(msr.arch_capabilities),
	  .write = KVM_MSR_WRITE_HOST, .flags = KVM_MSR_SAVED,
	  .needs = { KVM_MSR_NEED(KVM_F_ARCH_CAPABILITIES) },
	  .feature = guest_arch_capabilities, .feature_place = 2 },
	/* Any bit of it makes it exist. */
	{ MSR_IA32_SPEC_CTRL, .get = get_spec_ctrl, .set = set_spec_ctrl, .flags = KVM_MSR_SAVED,
	  .offered = spec_ctrl_offered },
	{ MSR_K7_HWCR, KVM_MSR_FIELD(msr.hwcr), .set = set_hwcr, .flags = KVM_MSR_SAVED },
	{ MSR_IA32_POWER_CTL, KVM_MSR_FIELD(msr.power_ctl), .write = KVM_MSR_WRITE_STORED,
	  .flags = KVM_MSR_SAVED },
	{ MSR_IA32_PERF_CAPABILITIES, KVM_MSR_FIELD(msr.perf_capabilities),
	  .set = set_perf_capabilities, .flags = KVM_MSR_SAVED,
	  .needs = { KVM_MSR_NEED(KVM_F_PDCM) },
	  .feature = guest_perf_capabilities, .feature_place = 3 },
	{ MSR_SMI_COUNT, KVM_MSR_FIELD(msr.smi_count), .write = KVM_MSR_WRITE_HOST,
	  .flags = KVM_MSR_SAVED },
	{ MSR_IA32_PRED_CMD, .read = KVM_MSR_READ_GP, .set = set_pred_cmd,
	  .needs = { KVM_MSR_NEED(KVM_F_SPEC_CTRL), KVM_MSR_NEED(KVM_F_IBPB) } },
	{ MSR_IA32_FLUSH_CMD, .read = KVM_MSR_READ_GP, .set = set_flush_cmd,
	  .needs = { KVM_MSR_NEED(KVM_F_FLUSH_L1D) } },
	{ MSR_IA32_UCODE_WRITE, .read = KVM_MSR_READ_GP, .write = KVM_MSR_WRITE_IGNORED },
	{ MSR_AMD64_PATCH_LOADER, .read = KVM_MSR_READ_NONE, .write = KVM_MSR_WRITE_IGNORED },
};

KVM_MSR_TABLE(kvm_msrs_model, rows);

/**
 * kvm_msr_model_reset - power-up
 * @vcpu: the vCPU
 */
void kvm_msr_model_reset(struct kvm_vcpu *vcpu)
{
	vcpu->msr.misc_features_enables = 0;
	/* What the CPU is able to: all that there is, or all that user space will set. */
	vcpu->msr.perf_capabilities = 0;
	if (!kvm_quirk_off(vcpu->kvm, KVM_X86_QUIRK_STUFF_FEATURE_MSRS)) {
		vcpu->msr.platform_info = PLATFORM_CPUID_FAULT;
		vcpu->msr.arch_capabilities = guest_arch_capabilities();
		vcpu->msr.ucode_rev = UCODE_REV_DEFAULT;
	}
	vcpu->msr.smbase = 0x30000;
	vcpu->msr.smi_count = 0;
	vcpu->msr.spec_ctrl = 0;
	vcpu->msr.hwcr = 0;
	vcpu->msr.power_ctl = 0;
}
