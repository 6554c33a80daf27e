// SPDX-License-Identifier: GPL-2.0-only
/* MSRs that live in the VMCS or on the CPU, and the bitmap of those that exit (SDM 3C 25.6.9). */
#include <asm/msr-index.h>
#include "internal.h"
#include "state.h"

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

/**
 * vmx_get_msr - an MSR kept in the VMCS or on the CPU
 * @vcpu: loaded vCPU
 * @index: MSR number
 * @val: its value goes here
 *
 * Return: 0, or -ENOENT if @index is not one of these.
 */
int vmx_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *val)
{
	switch (index) {
	case MSR_FS_BASE:
		*val = vmcs_readl(GUEST_FS_BASE);
		return 0;
	case MSR_GS_BASE:
		*val = vmcs_readl(GUEST_GS_BASE);
		return 0;
	case MSR_KERNEL_GS_BASE:
		*val = read_kernel_gs_base(vcpu);
		return 0;
	case MSR_IA32_SYSENTER_CS:
		*val = vmcs_read32(GUEST_SYSENTER_CS);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
		*val = vmcs_readl(GUEST_SYSENTER_ESP);
		return 0;
	case MSR_IA32_SYSENTER_EIP:
		*val = vmcs_readl(GUEST_SYSENTER_EIP);
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		*val = vmcs_read64(GUEST_IA32_DEBUGCTL) & ~vcpu->vmx.vmcs->held_debugctl;
		return 0;
	case MSR_IA32_CR_PAT:
		*val = vcpu->msr.pat;
		return 0;
	case MSR_STAR:
		*val = vcpu->vmx.star;
		return 0;
	case MSR_LSTAR:
		*val = vcpu->vmx.lstar;
		return 0;
	case MSR_CSTAR:
		*val = vcpu->vmx.cstar;
		return 0;
	case MSR_SYSCALL_MASK:
		*val = vcpu->vmx.sfmask;
		return 0;
	}
	return -ENOENT;
}

/* The user-return MSRs are put on the CPU at the next entry. */
static int store(struct kvm_vcpu *vcpu, u64 *where, u64 val)
{
	preempt_disable();
	*where = val;
	vmx_unload_guest_state(vcpu);
	preempt_enable();
	return 0;
}

/**
 * vmx_set_msr - write an MSR kept in the VMCS or on the CPU
 * @vcpu: loaded vCPU
 * @index: MSR number
 * @val: value, checked by the caller (canonical, reserved bits)
 *
 * Return: 0, or -ENOENT if @index is not one of these.
 */
int vmx_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 val)
{
	switch (index) {
	case MSR_FS_BASE:
		vmcs_writel(GUEST_FS_BASE, val);
		vcpu->vmx.seg_avail &= ~(1u << X86_SEG_FS);
		return 0;
	case MSR_GS_BASE:
		vmcs_writel(GUEST_GS_BASE, val);
		vcpu->vmx.seg_avail &= ~(1u << X86_SEG_GS);
		return 0;
	case MSR_KERNEL_GS_BASE:
		write_kernel_gs_base(vcpu, val);
		return 0;
	case MSR_IA32_SYSENTER_CS:
		vmcs_write32(GUEST_SYSENTER_CS, val);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
		vmcs_writel(GUEST_SYSENTER_ESP, val);
		return 0;
	case MSR_IA32_SYSENTER_EIP:
		vmcs_writel(GUEST_SYSENTER_EIP, val);
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		vmcs_write64(GUEST_IA32_DEBUGCTL, val | vcpu->vmx.vmcs->held_debugctl);
		return 0;
	case MSR_IA32_CR_PAT:
		vcpu->msr.pat = val;
		vmcs_write64(GUEST_IA32_PAT, val);
		return 0;
	case MSR_STAR:
		return store(vcpu, &vcpu->vmx.star, val);
	case MSR_LSTAR:
		return store(vcpu, &vcpu->vmx.lstar, val);
	case MSR_CSTAR:
		vcpu->vmx.cstar = val;
		return 0;
	case MSR_SYSCALL_MASK:
		return store(vcpu, &vcpu->vmx.sfmask, val);
	case MSR_TSC_AUX:
		return store(vcpu, &vcpu->msr.tsc_aux, val);
	}
	return -ENOENT;
}
