// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that hold one value for ever: those that a CPU of the guest's model has, that its
 * kernel asks for without being told by CPUID, and that have nothing to do in a guest.
 * Documentation/msrs.rst says how they were found.
 */
#include <linux/kernel.h>
#include <asm/msr-index.h>
#include "state.h"

/* RESTORED: user space that has saved the value may bring it back. */
enum msr_writes { READ_ONLY, IGNORED, OWN_VALUE, RESTORED };

static const struct {
	u32 first, last;
	enum msr_writes writes;
	bool host;			/* for user space only */
	u64 value;
} constants[] = {
	{ MSR_IA32_PLATFORM_ID, MSR_IA32_PLATFORM_ID },
	{ MSR_IA32_EBL_CR_POWERON, MSR_IA32_EBL_CR_POWERON },
	/* Performance counters of a CPU that counts nothing. */
	{ MSR_P6_PERFCTR0, MSR_P6_PERFCTR1, IGNORED },
	/* The L2 cache is there, on, and of no remarkable latency. */
	{ MSR_IA32_BBL_CR_CTL3, MSR_IA32_BBL_CR_CTL3, IGNORED, false, 0xbe702111 },
	{ MSR_P6_EVNTSEL0, MSR_P6_EVNTSEL1, IGNORED },
	{ MSR_IA32_PERF_CTL, MSR_IA32_PERF_CTL },
	/* Without AMX nothing is disabled. */
	{ MSR_IA32_XFD, MSR_IA32_XFD_ERR, OWN_VALUE, true },
	/* Nothing is recorded. */
	{ MSR_IA32_LASTBRANCHFROMIP, MSR_IA32_LASTINTTOIP, RESTORED },
	{ MSR_RAPL_POWER_UNIT, MSR_RAPL_POWER_UNIT },
	{ MSR_PKG_ENERGY_STATUS, MSR_PKG_ENERGY_STATUS },
	{ MSR_DRAM_ENERGY_STATUS, MSR_DRAM_ENERGY_STATUS },
	{ MSR_PP0_ENERGY_STATUS, MSR_PP0_ENERGY_STATUS },
	{ MSR_PP1_ENERGY_STATUS, MSR_PP1_ENERGY_STATUS },
	/* Other vendors' CPU models are run here, too. */
	{ MSR_K7_EVNTSEL0, MSR_K7_PERFCTR3, IGNORED },
	{ MSR_AMD64_SYSCFG, MSR_AMD64_SYSCFG },
	{ MSR_K7_CLK_CTL, MSR_K7_CLK_CTL, IGNORED, false, 0x20000000 },
	{ MSR_AMD64_NB_CFG, MSR_AMD64_NB_CFG, IGNORED },
	{ MSR_K8_INT_PENDING_MSG, MSR_K8_INT_PENDING_MSG },
	{ MSR_FAM10H_MMIO_CONF_BASE, MSR_FAM10H_MMIO_CONF_BASE, OWN_VALUE },
	{ MSR_K8_TSEG_ADDR, MSR_K8_TSEG_MASK },
	{ MSR_VM_HSAVE_PA, MSR_VM_HSAVE_PA, IGNORED },
	{ MSR_AMD64_DC_CFG, MSR_AMD64_TW_CFG, IGNORED },
	{ MSR_AMD64_BU_CFG2, MSR_AMD64_BU_CFG2, IGNORED },
	{ MSR_F15H_EX_CFG, MSR_F15H_EX_CFG, IGNORED },
};

static int find(u32 index, bool host)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(constants); i++)
		if (index >= constants[i].first && index <= constants[i].last)
			return host || !constants[i].host ? i : -ENOENT;
	return -ENOENT;
}

/**
 * kvm_const_get_msr - RDMSR of a constant
 * @index: MSR
 * @val: receives it
 * @host: user space reads
 *
 * Return: 0, or -ENOENT if the MSR is none.
 */
int kvm_const_get_msr(u32 index, u64 *val, bool host)
{
	int i = find(index, host);

	if (i < 0)
		return i;
	*val = constants[i].value;
	return 0;
}

/**
 * kvm_const_set_msr - WRMSR of a constant, which changes nothing
 * @index: MSR
 * @val: value
 * @host: user space writes
 *
 * Return: 0, 1 for #GP, or -ENOENT if the MSR is none.
 */
int kvm_const_set_msr(u32 index, u64 val, bool host)
{
	int i = find(index, host);

	if (i < 0)
		return i;
	switch (constants[i].writes) {
	case IGNORED:
		return 0;
	case OWN_VALUE:
		return val != constants[i].value;
	case RESTORED:
		return !host || val != constants[i].value;
	default:
		return 1;
	}
}
