// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR: which MSRs a guest has, what they may hold. SDM 4.
 *
 * The functions return 0, or 1 (KVM_MSR_UNKNOWN for an MSR that does not
 * exist) where the guest gets #GP(0) and user space an MSR less than it asked
 * for; then nothing has changed.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <asm/apicdef.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/fpu/types.h>
#include <asm/msr.h>
#include "compat/compat.h"
#include "irqchip.h"
#include "regs.h"
#include "run.h"
#include "state.h"

static bool ignore_msrs;
module_param(ignore_msrs, bool, 0644);
MODULE_PARM_DESC(ignore_msrs, "Unknown MSRs read as 0 and take any write, instead of #GP");
static bool report_ignored_msrs = true;
module_param(report_ignored_msrs, bool, 0644);
MODULE_PARM_DESC(report_ignored_msrs, "Log accesses that ignore_msrs let through");

#define FEAT_CTL_BITS		FEAT_CTL_LOCKED
#define PLATFORM_CPUID_FAULT	BIT_ULL(31)
#define APIC_BASE_RESERVED	(GENMASK_ULL(7, 0) | BIT_ULL(9))
/* A number that no microcode has; what it means is known to nobody but us. */
#define UCODE_REV_DEFAULT	(0x1ull << 32)
#define PAT_RESET		0x0007040600070406ull	/* SDM 3A, 11.12.4 */
#define HWCR_STORED		(BIT_ULL(18) | BIT_ULL(24))
#define HWCR_IGNORED		(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8))
/* What a CPU without branch records and block stepping can do without. */
#define DEBUGCTL_IGNORED	(BIT_ULL(0) | BIT_ULL(1))

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

/**
 * kvm_get_msr_feature - a feature MSR as KVM_GET_MSRS on /dev/kvm shows it
 * @index: MSR
 * @val: receives what a guest may have at most
 *
 * Return: 0, or 1 if the MSR is not a feature MSR.
 */
int kvm_get_msr_feature(u32 index, u64 *val)
{
	switch (index) {
	case MSR_IA32_ARCH_CAPABILITIES:
		*val = guest_arch_capabilities();
		return 0;
	case MSR_IA32_PERF_CAPABILITIES:
		*val = 0;
		return 0;
	case MSR_IA32_UCODE_REV:
		if (rdmsrl_safe(MSR_IA32_UCODE_REV, val))
			*val = UCODE_REV_DEFAULT;
		return 0;
	case MSR_PLATFORM_INFO:
		*val = PLATFORM_CPUID_FAULT;
		return 0;
	default:
		return 1;
	}
}

/* --- registers with rules of their own --- */

/**
 * kvm_set_apic_base - IA32_APIC_BASE
 * @vcpu: the vCPU
 * @val: the new value
 * @host: user space writes, which may go from any mode of the APIC to any
 */
int kvm_set_apic_base(struct kvm_vcpu *vcpu, u64 val, bool host)
{
	const u64 mode = X86_APIC_BASE_ENABLE | X86_APIC_BASE_X2APIC;
	u64 reserved = vcpu->cpuid.reserved_gpa_bits | APIC_BASE_RESERVED;
	u64 from = vcpu->msr.apic_base & mode, to = val & mode, old;

	if (!kvm_guest_has(vcpu, KVM_F_X2APIC))
		reserved |= X86_APIC_BASE_X2APIC;
	if ((val & reserved) || to == X86_APIC_BASE_X2APIC)
		return 1;
	/* SDM 3A, 10.12.5: x2APIC is left by way of disabled, and entered from xAPIC. */
	if (!host && ((from == mode && to == X86_APIC_BASE_ENABLE) || (!from && to == mode)))
		return 1;
	old = vcpu->msr.apic_base;
	vcpu->msr.apic_base = val;
	kvm_cpuid_refresh(vcpu);
	if (vcpu->apic && old != val)
		kvm_apic_base_changed(vcpu, old);
	return 0;
}

static int set_misc_enable(struct kvm_vcpu *vcpu, u64 val, bool host)
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

static int set_feature_control(struct kvm_vcpu *vcpu, u64 val, bool host)
{
	if ((val & ~FEAT_CTL_BITS) || (!host && (vcpu->msr.feature_control & FEAT_CTL_LOCKED)))
		return 1;
	vcpu->msr.feature_control = val;
	return 0;
}

static int set_platform_info(struct kvm_vcpu *vcpu, u64 val, bool host)
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

static int set_misc_features(struct kvm_vcpu *vcpu, u64 val)
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

static int set_spec_ctrl(struct kvm_vcpu *vcpu, u64 val, bool host)
{
	u64 allowed = spec_ctrl_allowed(vcpu, host);

	if (!allowed || (val & ~allowed))
		return 1;
	vcpu->msr.spec_ctrl = val;
	return 0;
}

/* Write-only commands that the host's CPU carries out: bit 0 or nothing. */
static int do_command(u32 index, u64 val, bool guest_has, bool host_has)
{
	if (!guest_has || !host_has || (val & ~1ull))
		return 1;
	if (val)
		wrmsrl(index, val);
	return 0;
}

/*
 * For an MSR it is the CPU's width that counts, not that of the paging in use. The value gets
 * into the host's own MSR or into the VMCS: user space may claim LA57 in the guest's CPUID, but
 * what the host's CPU refuses would leave the host's value there for the guest to see.
 */
static u64 to_canonical(const struct kvm_vcpu *vcpu, u64 la)
{
	bool wide = boot_cpu_has(X86_FEATURE_LA57) && kvm_guest_has(vcpu, KVM_F_LA57);
	int width = wide ? 57 : 48;

	return (s64)(la << (64 - width)) >> (64 - width);
}

static bool is_canonical(const struct kvm_vcpu *vcpu, u64 la)
{
	return to_canonical(vcpu, la) == la;
}

/* What vmx_set_msr() stores was allowed here. */
static bool vmx_value_valid(const struct kvm_vcpu *vcpu, u32 index, u64 val)
{
	switch (index) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
	case MSR_LSTAR:
	case MSR_CSTAR:
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
		return is_canonical(vcpu, val);
	case MSR_SYSCALL_MASK:
		return !(val >> 32);
	case MSR_IA32_CR_PAT:
		return kvm_pat_valid(val);
	case MSR_IA32_DEBUGCTLMSR:
		return !val;
	default:
		return true;
	}
}

/* --- what there is not --- */

static int get_unknown(u32 index, u64 *val, bool host)
{
	if (!ignore_msrs)
		return KVM_MSR_UNKNOWN;
	if (report_ignored_msrs && !host)
		pr_info_ratelimited("ignored rdmsr: 0x%x\n", index);
	*val = 0;
	return 0;
}

static int set_unknown(u32 index, u64 val, bool host)
{
	if (!ignore_msrs)
		return KVM_MSR_UNKNOWN;
	if (report_ignored_msrs && !host)
		pr_info_ratelimited("ignored wrmsr: 0x%x data 0x%llx\n", index, val);
	return 0;
}

/* --- the local APIC's --- */

/*
 * CPUID has TSC_DEADLINE only if user space adds it, to KVM_GET_SUPPORTED_CPUID's. Without
 * it the timer has no such mode, and with a timer the MSR is there, reads 0 and takes all.
 */
static bool no_tsc_deadline(struct kvm_vcpu *vcpu, bool host)
{
	return !host && !vcpu->apic && !kvm_guest_has(vcpu, KVM_F_TSC_DEADLINE);
}

static int get_tsc_deadline(struct kvm_vcpu *vcpu, u64 *val, bool host)
{
	if (no_tsc_deadline(vcpu, host))
		return 1;
	*val = vcpu->apic ? kvm_apic_get_tsc_deadline(vcpu) : 0;
	return 0;
}

static int set_tsc_deadline(struct kvm_vcpu *vcpu, u64 val, bool host)
{
	if (no_tsc_deadline(vcpu, host))
		return 1;
	if (vcpu->apic)
		kvm_apic_set_tsc_deadline(vcpu, val);
	return 0;
}

/* --- all of them --- */

/* Registers that are elsewhere: 0, 1 for #GP, or -ENOENT. */
static int get_elsewhere(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	int r;

	r = vmx_get_msr(vcpu, index, val);
	if (r == -ENOENT)
		r = kvm_mtrr_get_msr(vcpu, index, val);
	if (r == -ENOENT)
		r = kvm_mce_get_msr(vcpu, index, val, host);
	if (r == -ENOENT)
		r = kvm_pv_get_msr(vcpu, index, val, host);
	if (r == -ENOENT)
		r = kvm_async_pf_get_msr(vcpu, index, val, host);
	return r == -ENOENT ? kvm_const_get_msr(index, val, host) : r;
}

/* A register that is a field of the vCPU, and may be read. */
static u64 *stored(struct kvm_vcpu *vcpu, u32 index, bool host)
{
	switch (index) {
	case MSR_IA32_APICBASE:
		return &vcpu->msr.apic_base;
	case MSR_EFER:
		return &vcpu->cr.efer;
	case MSR_IA32_MISC_ENABLE:
		return &vcpu->msr.misc_enable;
	case MSR_IA32_FEAT_CTL:
		return &vcpu->msr.feature_control;
	case MSR_IA32_UCODE_REV:
		return &vcpu->msr.ucode_rev;
	case MSR_MISC_FEATURES_ENABLES:
		return &vcpu->msr.misc_features_enables;
	case MSR_K7_HWCR:
		return &vcpu->msr.hwcr;
	case MSR_IA32_POWER_CTL:
		return &vcpu->msr.power_ctl;
	case MSR_IA32_SMBASE:
		return host ? &vcpu->msr.smbase : NULL;
	case MSR_IA32_TSC_ADJUST:
		return host || kvm_guest_has(vcpu, KVM_F_TSC_ADJUST) ? &vcpu->tsc.adjust : NULL;
	case MSR_TSC_AUX:
		return host || kvm_guest_has(vcpu, KVM_F_RDTSCP) ||
		       kvm_guest_has(vcpu, KVM_F_RDPID) ? &vcpu->msr.tsc_aux : NULL;
	case MSR_IA32_XSS:
		return host || (kvm_host_offers(KVM_F_XSAVES) &&
				kvm_guest_has(vcpu, KVM_F_XSAVES)) ? &vcpu->fpu.xss : NULL;
	case MSR_IA32_ARCH_CAPABILITIES:
		return host || kvm_guest_has(vcpu, KVM_F_ARCH_CAPABILITIES) ?
		       &vcpu->msr.arch_capabilities : NULL;
	case MSR_IA32_PERF_CAPABILITIES:
		return host || kvm_guest_has(vcpu, KVM_F_PDCM) ? &vcpu->msr.perf_capabilities : NULL;
	case MSR_PLATFORM_INFO:
		return host || !vcpu->kvm->settings.platform_info_hidden ? &vcpu->msr.platform_info : NULL;
	case MSR_IA32_SPEC_CTRL:
		return host || spec_ctrl_allowed(vcpu, host) ? &vcpu->msr.spec_ctrl : NULL;
	case MSR_SMI_COUNT:
		return &vcpu->msr.smi_count;
	default:
		return NULL;
	}
}

/**
 * kvm_get_msr - RDMSR
 * @vcpu: the vCPU, loaded
 * @index: MSR
 * @val: receives it
 * @host: user space reads
 */
int kvm_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	const u64 *field = stored(vcpu, index, host);
	int r;

	if (field) {
		*val = *field;
		return 0;
	}
	switch (index) {
	case MSR_IA32_TSC:
		*val = kvm_read_guest_tsc(vcpu);
		return 0;
	case MSR_IA32_TSC_DEADLINE:
		return get_tsc_deadline(vcpu, val, host);
	case APIC_BASE_MSR ... APIC_BASE_MSR + 0xff:
		if (vcpu->apic)
			return kvm_apic_msr_read(vcpu, index, val, host);
		break;
	case MSR_IA32_PERF_STATUS:
		/* A current state, not zero: some guests divide by it. */
		*val = 1000 | 4ull << 40;
		return 0;
	case MSR_FSB_FREQ:
		*val = 3;
		return 0;
	case MSR_EBC_FREQUENCY_ID:
		*val = 1 << 24;
		return 0;
	/* The fields that this guest may not read. */
	case MSR_IA32_SMBASE:
	case MSR_IA32_TSC_ADJUST:
	case MSR_TSC_AUX:
	case MSR_IA32_XSS:
	case MSR_IA32_ARCH_CAPABILITIES:
	case MSR_IA32_PERF_CAPABILITIES:
	case MSR_PLATFORM_INFO:
	case MSR_IA32_SPEC_CTRL:
	/* Write-only. */
	case MSR_IA32_PRED_CMD:
	case MSR_IA32_FLUSH_CMD:
	case MSR_IA32_UCODE_WRITE:
		return 1;
	}
	r = get_elsewhere(vcpu, index, val, host);
	return r == -ENOENT ? get_unknown(index, val, host) : r;
}

static int set_elsewhere(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	int r;

	if (index == MSR_IA32_DEBUGCTLMSR)
		val &= ~DEBUGCTL_IGNORED;
	/* A guest of AMD's kind, saved elsewhere, may have any value in these. */
	if (host && (index == MSR_IA32_SYSENTER_ESP || index == MSR_IA32_SYSENTER_EIP))
		val = to_canonical(vcpu, val);
	if (!vmx_value_valid(vcpu, index, val))
		return 1;
	r = vmx_set_msr(vcpu, index, val);
	if (r == -ENOENT)
		r = kvm_mtrr_set_msr(vcpu, index, val);
	if (r == -ENOENT)
		r = kvm_mce_set_msr(vcpu, index, val, host);
	if (r == -ENOENT)
		r = kvm_pv_set_msr(vcpu, index, val, host);
	if (r == -ENOENT)
		r = kvm_async_pf_set_msr(vcpu, index, val, host);
	return r == -ENOENT ? kvm_const_set_msr(index, val, host) : r;
}

static int set_tsc_aux(struct kvm_vcpu *vcpu, u64 val, bool host)
{
	/* AMD's CPUs ignore what Intel's refuse. */
	if (vcpu->emu.vendor_amd)
		val = (u32)val;
	if (!stored(vcpu, MSR_TSC_AUX, host) || (val >> 32))
		return 1;
	/* The guest reads it by RDTSCP and RDPID, which do not exit. */
	return vmx_set_msr(vcpu, MSR_TSC_AUX, val);
}

/**
 * kvm_set_msr - WRMSR
 * @vcpu: the vCPU, loaded
 * @index: MSR
 * @val: value
 * @host: user space writes, which may also set what a guest can only read
 */
int kvm_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	int r;

	switch (index) {
	case MSR_EFER:
		return kvm_set_efer(vcpu, val, host);
	case MSR_IA32_TSC:
		return kvm_set_tsc_msr(vcpu, val, host);
	case MSR_IA32_TSC_ADJUST:
		return kvm_set_tsc_adjust_msr(vcpu, val, host);
	case MSR_IA32_TSC_DEADLINE:
		return set_tsc_deadline(vcpu, val, host);
	case APIC_BASE_MSR ... APIC_BASE_MSR + 0xff:
		if (vcpu->apic)
			return kvm_apic_msr_write(vcpu, index, val, host);
		break;
	case MSR_TSC_AUX:
		return set_tsc_aux(vcpu, val, host);
	case MSR_IA32_APICBASE:
		return kvm_set_apic_base(vcpu, val, host);
	case MSR_IA32_MISC_ENABLE:
		return set_misc_enable(vcpu, val, host);
	case MSR_IA32_FEAT_CTL:
		return set_feature_control(vcpu, val, host);
	case MSR_PLATFORM_INFO:
		return set_platform_info(vcpu, val, host);
	case MSR_MISC_FEATURES_ENABLES:
		return set_misc_features(vcpu, val);
	case MSR_IA32_SPEC_CTRL:
		return set_spec_ctrl(vcpu, val, host);
	case MSR_IA32_PRED_CMD:
		return do_command(index, val, host || kvm_guest_has(vcpu, KVM_F_SPEC_CTRL) ||
				  kvm_guest_has(vcpu, KVM_F_IBPB), boot_cpu_has(X86_FEATURE_IBPB));
	case MSR_IA32_FLUSH_CMD:
		return do_command(index, val, host || kvm_guest_has(vcpu, KVM_F_FLUSH_L1D),
				  kvm_host_offers(KVM_F_FLUSH_L1D));
	case MSR_IA32_XSS:
		/* No supervisor state is offered. */
		return !stored(vcpu, index, host) || val;
	case MSR_IA32_UCODE_REV:
		/* SDM 3A, 9.11.7.1: a guest clears it before CPUID loads it. */
		if (host)
			vcpu->msr.ucode_rev = val;
		return 0;
	case MSR_IA32_UCODE_WRITE:
	case MSR_AMD64_PATCH_LOADER:
		return 0;
	case MSR_IA32_POWER_CTL:
		vcpu->msr.power_ctl = val;
		return 0;
	case MSR_IA32_SMBASE:
		if (!host)
			return 1;
		vcpu->msr.smbase = val;
		return 0;
	case MSR_SMI_COUNT:
		if (!host)
			return 1;
		vcpu->msr.smi_count = val;
		return 0;
	case MSR_IA32_ARCH_CAPABILITIES:
		if (!host)
			return 1;
		vcpu->msr.arch_capabilities = val;
		return 0;
	case MSR_IA32_PERF_CAPABILITIES:
		/* Without a PMU there is no capability to have. */
		return !host || val;
	case MSR_K7_HWCR:
		if (val & ~(HWCR_STORED | HWCR_IGNORED))
			return 1;
		vcpu->msr.hwcr = val & HWCR_STORED;
		return 0;
	}
	r = set_elsewhere(vcpu, index, val, host);
	return r == -ENOENT ? set_unknown(index, val, host) : r;
}

/**
 * kvm_msr_reset - power-up and INIT, SDM 3A, table 9-1 and the MSRs' own pages
 * @vcpu: the vCPU
 * @init_event: INIT, which leaves most MSRs alone
 */
void kvm_msr_reset(struct kvm_vcpu *vcpu, bool init_event)
{
	bool bsp = vcpu->vcpu_id == vcpu->kvm->settings.boot_cpu_id;

	vcpu->cr.cr8 = 0;
	if (init_event)
		return;
	vcpu->msr.apic_base = APIC_DEFAULT_PHYS_BASE | X86_APIC_BASE_ENABLE |
			  (bsp ? X86_APIC_BASE_BSP : 0);
	vcpu->msr.misc_enable = MSR_IA32_MISC_ENABLE_FAST_STRING |
			    MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL;
	vcpu->msr.misc_features_enables = 0;
	vcpu->msr.feature_control = 0;
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
	vcpu->msr.tsc_aux = 0;
	vcpu->tsc.adjust = 0;
	vcpu->msr.pat = PAT_RESET;
	vcpu->mtrr.def_type = 0;
	memset(vcpu->mtrr.fixed, 0, sizeof(vcpu->mtrr.fixed));
	memset(vcpu->mtrr.var, 0, sizeof(vcpu->mtrr.var));
	kvm_synchronize_tsc(vcpu, 0);
	kvm_cpuid_refresh(vcpu);
}
