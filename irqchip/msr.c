// SPDX-License-Identifier: GPL-2.0-only
/* The MSRs of the local APIC. SDM 3A, 11.4.4, 11.5.4.1 and 11.12. */
#include <linux/kernel.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include "irqchip.h"
#include "msr.h"

#define APIC_BASE_RESERVED	(GENMASK_ULL(7, 0) | BIT_ULL(9))

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

static int set_apic_base(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	return kvm_set_apic_base(vcpu, val, host);
}

/*
 * CPUID has TSC_DEADLINE only if user space adds it, to KVM_GET_SUPPORTED_CPUID's. Without
 * it the timer has no such mode, and with a timer the MSR is there, reads 0 and takes all.
 */
static bool no_tsc_deadline(struct kvm_vcpu *vcpu, bool host)
{
	return !host && !vcpu->apic && !kvm_guest_has(vcpu, KVM_F_TSC_DEADLINE);
}

static int get_tsc_deadline(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	if (no_tsc_deadline(vcpu, host))
		return 1;
	*val = vcpu->apic ? kvm_apic_get_tsc_deadline(vcpu) : 0;
	return 0;
}

static int set_tsc_deadline(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (no_tsc_deadline(vcpu, host))
		return 1;
	if (vcpu->apic)
		kvm_apic_set_tsc_deadline(vcpu, val);
	return 0;
}

static const struct kvm_msr_row rows[] = {
	{ MSR_IA32_TSC_DEADLINE, .get = get_tsc_deadline, .set = set_tsc_deadline,
	  .flags = KVM_MSR_SAVED },
	/* KVM_GET_SREGS has it. */
	{ MSR_IA32_APICBASE, KVM_MSR_FIELD(msr.apic_base), .set = set_apic_base },
	/* A vCPU that has a local APIC has these in run/msr.c, and KVM_GET_LAPIC saves them. */
	{ APIC_BASE_MSR, APIC_BASE_MSR + 0xff, .read = KVM_MSR_READ_NONE,
	  .write = KVM_MSR_WRITE_NONE, .flags = KVM_MSR_UNFILTERED },
};

KVM_MSR_TABLE(kvm_msrs_apic, rows);
