// SPDX-License-Identifier: GPL-2.0-only
/* MSRs that live in the VMCS or on the CPU, and the bitmap of those that exit (SDM 3C 25.6.9). */
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include "internal.h"
#include "msr.h"
#include "state.h"

/* What a CPU without branch records and block stepping can do without. */
#define DEBUGCTL_IGNORED	(BIT_ULL(0) | BIT_ULL(1))

void vmx_msr_bitmap_allow(unsigned long *bitmap, u32 msr, bool read, bool write)
{
	u32 bit = msr & 0x1fff;

	/* Four 1 KiB maps: read low, read high, write low, write high. */
	if (msr >= 0xc0000000)
		bit += 0x400 * 8;
	if (read)
		__clear_bit(bit, bitmap);
	if (write)
		__clear_bit(bit + 0x800 * 8, bitmap);
}

void vmx_msr_bitmap_init(struct kvm_vcpu *vcpu)
{
	static const u32 both[] = {
		MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
		MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	};
	static const u32 residency[] = {
		MSR_CORE_C1_RES, MSR_CORE_C3_RESIDENCY, MSR_CORE_C6_RESIDENCY,
		MSR_CORE_C7_RESIDENCY,
	};
	unsigned long *bitmap = vcpu->vmx.msr_bitmap;
	int i;

	memset(bitmap, 0xff, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(both); i++)
		vmx_msr_bitmap_allow(bitmap, both[i], kvm_msr_allowed(vcpu, both[i], false),
				     kvm_msr_allowed(vcpu, both[i], true));
	vmx_msr_bitmap_allow(bitmap, MSR_IA32_TSC, kvm_msr_allowed(vcpu, MSR_IA32_TSC, false),
			     false);
	if (vcpu->kvm->settings.disabled_exits & KVM_X86_DISABLE_EXITS_CSTATE)
		for (i = 0; i < ARRAY_SIZE(residency); i++)
			vmx_msr_bitmap_allow(bitmap, residency[i], true, false);
	if (vcpu->apic)
		vmx_apicv_msr_bitmap(vcpu);
}

/* --- what they may hold --- */

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

/* UC, WC, WT, WP, WB, UC-. */
static bool pat_valid(u64 pat)
{
	int i;

	for (i = 0; i < 64; i += 8)
		if ((u8)(pat >> i) >= 8 || !(BIT((u8)(pat >> i)) & 0xf3))
			return false;
	return true;
}

/* --- reading and writing --- */

/* While the guest's state is on the CPU, the CPU's value is the true one. */
static u64 read_kernel_gs_base(struct kvm_vcpu *vcpu)
{
	preempt_disable();
	if (vcpu->vmx.guest_state_loaded)
		rdmsrl(MSR_KERNEL_GS_BASE, vcpu->vmx.guest_kernel_gs_base);
	preempt_enable();
	return vcpu->vmx.guest_kernel_gs_base;
}

static void write_kernel_gs_base(struct kvm_vcpu *vcpu, u64 val)
{
	preempt_disable();
	vcpu->vmx.guest_kernel_gs_base = val;
	if (vcpu->vmx.guest_state_loaded)
		wrmsrl(MSR_KERNEL_GS_BASE, val);
	preempt_enable();
}

static int get_kernel_gs_base(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	*val = read_kernel_gs_base(vcpu);
	return 0;
}

static int set_kernel_gs_base(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (!is_canonical(vcpu, val))
		return 1;
	write_kernel_gs_base(vcpu, val);
	return 0;
}

static int get_base(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	*val = vmcs_readl(index == MSR_FS_BASE ? GUEST_FS_BASE : GUEST_GS_BASE);
	return 0;
}

static int set_base(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	bool fs = index == MSR_FS_BASE;

	if (!is_canonical(vcpu, val))
		return 1;
	vmcs_writel(fs ? GUEST_FS_BASE : GUEST_GS_BASE, val);
	vcpu->vmx.seg_avail &= ~(1u << (fs ? X86_SEG_FS : X86_SEG_GS));
	return 0;
}

static int get_sysenter(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	if (index == MSR_IA32_SYSENTER_CS)
		*val = vmcs_read32(GUEST_SYSENTER_CS);
	else
		*val = vmcs_readl(index == MSR_IA32_SYSENTER_ESP ? GUEST_SYSENTER_ESP :
				  GUEST_SYSENTER_EIP);
	return 0;
}

static int set_sysenter(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (index == MSR_IA32_SYSENTER_CS) {
		vmcs_write32(GUEST_SYSENTER_CS, val);
		return 0;
	}
	/* A guest of AMD's kind, saved elsewhere, may have any value in these. */
	if (host)
		val = to_canonical(vcpu, val);
	if (!is_canonical(vcpu, val))
		return 1;
	vmcs_writel(index == MSR_IA32_SYSENTER_ESP ? GUEST_SYSENTER_ESP : GUEST_SYSENTER_EIP, val);
	return 0;
}

static int get_debugctl(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	*val = vmcs_read64(GUEST_IA32_DEBUGCTL) & ~vcpu->vmx.vmcs->held_debugctl;
	return 0;
}

static int set_debugctl(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (val & ~DEBUGCTL_IGNORED)
		return 1;
	vmcs_write64(GUEST_IA32_DEBUGCTL, vcpu->vmx.vmcs->held_debugctl);
	return 0;
}

static int set_pat(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (!pat_valid(val))
		return 1;
	vcpu->msr.pat = val;
	vmcs_write64(GUEST_IA32_PAT, val);
	return 0;
}

/* The user-return MSRs are put on the CPU at the next entry. */
static void store(struct kvm_vcpu *vcpu, u64 *where, u64 val)
{
	preempt_disable();
	*where = val;
	vmx_unload_guest_state(vcpu);
	preempt_enable();
}

static int set_star(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	store(vcpu, &vcpu->vmx.star, val);
	return 0;
}

static int set_lstar(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (!is_canonical(vcpu, val))
		return 1;
	store(vcpu, &vcpu->vmx.lstar, val);
	return 0;
}

static int set_cstar(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (!is_canonical(vcpu, val))
		return 1;
	vcpu->vmx.cstar = val;
	return 0;
}

static int set_fmask(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (val >> 32)
		return 1;
	store(vcpu, &vcpu->vmx.sfmask, val);
	return 0;
}

/**
 * vmx_set_tsc_aux - the guest's IA32_TSC_AUX becomes @val
 * @vcpu: loaded vCPU
 * @val: value, 32 bits
 */
void vmx_set_tsc_aux(struct kvm_vcpu *vcpu, u64 val)
{
	store(vcpu, &vcpu->msr.tsc_aux, val);
}

static const struct kvm_msr_row rows[] = {
	{ MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_EIP, get_sysenter, set_sysenter,
	  .flags = KVM_MSR_SAVED },
	{ MSR_STAR, KVM_MSR_FIELD(vmx.star), .set = set_star, .flags = KVM_MSR_SAVED },
	{ MSR_LSTAR, KVM_MSR_FIELD(vmx.lstar), .set = set_lstar, .flags = KVM_MSR_SAVED },
	{ MSR_CSTAR, KVM_MSR_FIELD(vmx.cstar), .set = set_cstar, .flags = KVM_MSR_SAVED },
	{ MSR_SYSCALL_MASK, KVM_MSR_FIELD(vmx.sfmask), .set = set_fmask, .flags = KVM_MSR_SAVED },
	{ MSR_KERNEL_GS_BASE, .get = get_kernel_gs_base, .set = set_kernel_gs_base,
	  .flags = KVM_MSR_SAVED },
	{ MSR_IA32_CR_PAT, KVM_MSR_FIELD(msr.pat), .set = set_pat, .flags = KVM_MSR_SAVED },
	/* KVM_GET_SREGS has these. */
	{ MSR_FS_BASE, MSR_GS_BASE, get_base, set_base },
	/* Holds nothing to save. */
	{ MSR_IA32_DEBUGCTLMSR, .get = get_debugctl, .set = set_debugctl },
};

KVM_MSR_TABLE(kvm_msrs_vmx, rows);
