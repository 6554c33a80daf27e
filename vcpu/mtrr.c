// SPDX-License-Identifier: GPL-2.0-only
/*
 * MTRRs: kept and validated as the CPU does. Guest memory is mapped write-back
 * whatever they say. SDM 3A, 11.11.
 */
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <asm/msr-index.h>
#include <asm/mtrr.h>
#include "msr.h"

#define NR_VARIABLE	8
#define MTRR_CAP	(NR_VARIABLE | BIT(8) /* fixed ranges */ | BIT(10) /* write-combining */)
#define MTRR_VALID	BIT_ULL(11)	/* of IA32_MTRR_PHYSMASKn */
#define DEF_TYPE_BITS	0xcffull	/* E, FE, type */

/* The fixed-range registers in the order of vcpu->mtrr_fixed; -1: not one. */
static int fixed_index(u32 index)
{
	switch (index) {
	case MSR_MTRRfix64K_00000:
		return 0;
	case MSR_MTRRfix16K_80000:
	case MSR_MTRRfix16K_A0000:
		return 1 + index - MSR_MTRRfix16K_80000;
	case MSR_MTRRfix4K_C0000 ... MSR_MTRRfix4K_F8000:
		return 3 + index - MSR_MTRRfix4K_C0000;
	default:
		return -1;
	}
}

/* Of an MSR in the table, but for the capability. */
static u64 *mtrr_slot(struct kvm_vcpu *vcpu, u32 index)
{
	int i = fixed_index(index);
	u32 var = index - MTRRphysBase_MSR(0);

	if (i >= 0)
		return &vcpu->mtrr.fixed[array_index_nospec(i, ARRAY_SIZE(vcpu->mtrr.fixed))];
	if (index == MSR_MTRRdefType)
		return &vcpu->mtrr.def_type;
	return &vcpu->mtrr.var[array_index_nospec(var, 2 * NR_VARIABLE)];
}

/* UC, WC, WT, WP, WB. */
static bool mtrr_type_valid(u8 type)
{
	return type < 8 && (BIT(type) & 0x73);
}

static bool mtrr_valid(const struct kvm_vcpu *vcpu, u32 index, u64 val)
{
	u64 reserved = vcpu->cpuid.reserved_gpa_bits;
	int i;

	if (fixed_index(index) >= 0) {
		for (i = 0; i < 64; i += 8)
			if (!mtrr_type_valid(val >> i))
				return false;
		return true;
	}
	if (index == MSR_MTRRdefType)
		return !(val & ~DEF_TYPE_BITS) && mtrr_type_valid(val);
	if (index & 1)
		return !(val & (reserved | (GENMASK_ULL(11, 0) & ~MTRR_VALID)));
	return !(val & (reserved | GENMASK_ULL(11, 8))) && mtrr_type_valid(val);
}

static int get_mtrr(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	*val = *mtrr_slot(vcpu, index);
	return 0;
}

static int set_mtrr(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (!mtrr_valid(vcpu, index, val))
		return 1;
	*mtrr_slot(vcpu, index) = val;
	return 0;
}

#define MTRRS(...)	{ __VA_ARGS__, .get = get_mtrr, .set = set_mtrr, .flags = KVM_MSR_SAVED }

static const struct kvm_msr_row rows[] = {
	MTRRS(MSR_MTRRdefType),
	MTRRS(MSR_MTRRfix64K_00000),
	MTRRS(MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000),
	MTRRS(MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_F8000),
	MTRRS(MTRRphysBase_MSR(0), MTRRphysMask_MSR(NR_VARIABLE - 1)),
	{ MSR_MTRRcap, .value = MTRR_CAP },
};

KVM_MSR_TABLE(kvm_msrs_mtrr, rows);
