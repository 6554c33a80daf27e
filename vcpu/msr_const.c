// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that hold one value for ever: those that a CPU of the guest's model has, that its
 * kernel asks for without being told by CPUID, and that have nothing to do in a guest.
 * Documentation/msrs.rst says how they were found.
 */
#include <linux/kernel.h>
#include <asm/msr-index.h>
#include "msr.h"

static const struct kvm_msr_row rows[] = {
	{ MSR_IA32_PLATFORM_ID },
	{ MSR_IA32_EBL_CR_POWERON },
	/* Performance counters of a CPU that counts nothing. */
	{ MSR_P6_PERFCTR0, MSR_P6_PERFCTR1, .write = KVM_MSR_WRITE_IGNORED },
	/* The L2 cache is there, on, and of no remarkable latency. */
	{ MSR_IA32_BBL_CR_CTL3, .write = KVM_MSR_WRITE_IGNORED, .value = 0xbe702111 },
	{ MSR_P6_EVNTSEL0, MSR_P6_EVNTSEL1, .write = KVM_MSR_WRITE_IGNORED },
	{ MSR_IA32_PERF_CTL },
	/* Without AMX nothing is disabled. A guest does not see them. */
	{ MSR_IA32_XFD, MSR_IA32_XFD_ERR, .write = KVM_MSR_WRITE_OWN_VALUE,
	  .flags = KVM_MSR_HIDDEN },
	/* Nothing is recorded. */
	{ MSR_IA32_LASTBRANCHFROMIP, MSR_IA32_LASTINTTOIP, .write = KVM_MSR_WRITE_RESTORED },
	{ MSR_RAPL_POWER_UNIT },
	{ MSR_PKG_ENERGY_STATUS },
	{ MSR_DRAM_ENERGY_STATUS },
	{ MSR_PP0_ENERGY_STATUS },
	{ MSR_PP1_ENERGY_STATUS },
	/* Other vendors' CPU models are run here, too. */
	{ MSR_K7_EVNTSEL0, MSR_K7_PERFCTR3, .write = KVM_MSR_WRITE_IGNORED },
	{ MSR_AMD64_SYSCFG },
	{ MSR_K7_CLK_CTL, .write = KVM_MSR_WRITE_IGNORED, .value = 0x20000000 },
	{ MSR_AMD64_NB_CFG, .write = KVM_MSR_WRITE_IGNORED },
	{ MSR_K8_INT_PENDING_MSG },
	{ MSR_FAM10H_MMIO_CONF_BASE, .write = KVM_MSR_WRITE_OWN_VALUE },
	{ MSR_K8_TSEG_ADDR, MSR_K8_TSEG_MASK },
	{ MSR_VM_HSAVE_PA, .write = KVM_MSR_WRITE_IGNORED },
	{ MSR_AMD64_DC_CFG, MSR_AMD64_TW_CFG, .write = KVM_MSR_WRITE_IGNORED },
	{ MSR_AMD64_BU_CFG2, .write = KVM_MSR_WRITE_IGNORED },
	{ MSR_F15H_EX_CFG, .write = KVM_MSR_WRITE_IGNORED },
	/* A current state, not zero: some guests divide by it. */
	{ MSR_IA32_PERF_STATUS, .value = 1000 | 4ull << 40, .write = KVM_MSR_WRITE_NONE },
	{ MSR_FSB_FREQ, .value = 3, .write = KVM_MSR_WRITE_NONE },
	{ MSR_EBC_FREQUENCY_ID, .value = 1 << 24, .write = KVM_MSR_WRITE_NONE },
};

KVM_MSR_TABLE(kvm_msrs_const, rows);
