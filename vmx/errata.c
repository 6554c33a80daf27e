// SPDX-License-Identifier: GPL-2.0-only
/* What CPUs do otherwise than the SDM says, by Intel's specification updates. */
#include <linux/kernel.h>
#include "errata.h"

/*
 * "VMX-Preemption Timer Does Not Count Down at the Rate Specified": CPUID.1:EAX with the
 * document and the erratum.
 */
static const u32 wrong_rate[] = {
	0x106a0, 0x106a1,	/* 321333, AAM126 */
	0x106a4, 0x106a5,	/* 320836, AAJ124; 321333, AAM126; 321321, AAD174 */
	0x106e5,		/* 322373, AAO95; 322166, AAN92; 320767, AAP86 */
	0x206e6,		/* 323344, BA86 */
	0x20652,		/* 323056, AAX65; 322814, AAT59; 322911, AAU65 */
	0x20655,		/* 322911, AAU65 */
	0x306a8,		/* Xeon E3-1220 v2 */
};

/**
 * vmx_preemption_timer_broken - is this CPU's preemption timer one that counts wrong?
 * @signature: CPUID.1:EAX
 */
bool vmx_preemption_timer_broken(u32 signature)
{
	int i;

	/* Bits 15:14 and 31:28 are reserved. */
	signature &= 0x0fff3fff;
	for (i = 0; i < ARRAY_SIZE(wrong_rate); i++)
		if (wrong_rate[i] == signature)
			return true;
	return false;
}

/*
 * "VM Exit May Incorrectly Clear IA32_PERF_GLOBAL_CTRL [34:32]": of the control that loads it.
 * All steppings, so CPUID.1:EAX without that.
 */
static const u32 clears_fixed_counters[] = {
	0x106a0,		/* AAK155 */
	0x106e0,		/* AAP115 */
	0x20650,		/* AAT100 */
	0x206c0,		/* BC86, AAY89, BD102 */
	0x206e0,		/* BA97 */
};

/**
 * vmx_perf_ctrl_broken - does an exit that loads IA32_PERF_GLOBAL_CTRL stop the fixed counters?
 * @signature: CPUID.1:EAX
 */
bool vmx_perf_ctrl_broken(u32 signature)
{
	int i;

	signature &= 0x0fff3ff0;
	for (i = 0; i < ARRAY_SIZE(clears_fixed_counters); i++)
		if (clears_fixed_counters[i] == signature)
			return true;
	return false;
}

/**
 * vmx_preemption_ticks - what the preemption timer is set to
 * @tsc: TSC ticks until the deadline
 * @shift: it counts once in 1 << this of them
 *
 * "VMX-Preemption Timer May Expire Earlier With Certain Large Timer Values" (793902, EMR158):
 * not with values of at most 2^25, with which it ends early in any case, and is set again.
 */
u32 vmx_preemption_ticks(u64 tsc, u8 shift)
{
	return min_t(u64, tsc >> shift, VMX_PREEMPTION_TICKS_MAX - 1) + 1;
}
