// SPDX-License-Identifier: GPL-2.0-only
/*
 * MTRRs and PAT: kept and validated as the CPU does. Guest memory is mapped
 * write-back whatever they say. SDM 3A, 11.11 and 11.12.
 */
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <asm/msr-index.h>
#include <asm/mtrr.h>
#include "state.h"

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

static u64 *mtrr_slot(struct kvm_vcpu *vcpu, u32 index)
{
	int i = fixed_index(index);
	u32 var = index - MTRRphysBase_MSR(0);

	if (i >= 0)
		return &vcpu->mtrr.fixed[array_index_nospec(i, ARRAY_SIZE(vcpu->mtrr.fixed))];
	if (index == MSR_MTRRdefType)
		return &vcpu->mtrr.def_type;
	if (var < 2 * NR_VARIABLE)
		return &vcpu->mtrr.var[array_index_nospec(var, 2 * NR_VARIABLE)];
	return NULL;
}

/* UC, WC, WT, WP, WB. */
static bool mtrr_type_valid(u8 type)
{
	return type < 8 && (BIT(type) & 0x73);
}

/* Those and UC-. */
static bool pat_type_valid(u8 type)
{
	return type < 8 && (BIT(type) & 0xf3);
}

/**
 * kvm_pat_valid - may IA32_PAT hold this
 * @pat: eight memory types
 */
bool kvm_pat_valid(u64 pat)
{
	int i;

	for (i = 0; i < 64; i += 8)
		if (!pat_type_valid(pat >> i))
			return false;
	return true;
}

static bool mtrr_valid(const struct kvm_vcpu *vcpu, u32 index, u64 val)
{
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
		return !(val & (vcpu->cpuid.reserved_gpa_bits | (GENMASK_ULL(11, 0) & ~MTRR_VALID)));
	return !(val & (vcpu->cpuid.reserved_gpa_bits | GENMASK_ULL(11, 8))) && mtrr_type_valid(val);
}

/**
 * kvm_mtrr_get_msr - RDMSR of an MTRR
 * @vcpu: the vCPU
 * @index: MSR
 * @val: receives it
 *
 * Return: 0, or -ENOENT if the MSR is none.
 */
int kvm_mtrr_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *val)
{
	const u64 *slot = mtrr_slot(vcpu, index);

	if (index == MSR_MTRRcap)
		*val = MTRR_CAP;
	else if (slot)
		*val = *slot;
	else
		return -ENOENT;
	return 0;
}

/**
 * kvm_mtrr_set_msr - WRMSR of an MTRR
 * @vcpu: the vCPU
 * @index: MSR
 * @val: value
 *
 * Return: 0, 1 for #GP, or -ENOENT if the MSR is none.
 */
int kvm_mtrr_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 val)
{
	u64 *slot = mtrr_slot(vcpu, index);

	if (index == MSR_MTRRcap)
		return 1;
	if (!slot)
		return -ENOENT;
	if (!mtrr_valid(vcpu, index, val))
		return 1;
	*slot = val;
	return 0;
}
