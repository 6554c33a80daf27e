/* SPDX-License-Identifier: GPL-2.0-only */
/* What CPUs do otherwise than the SDM says. */
#ifndef KVMX_VMX_ERRATA_H
#define KVMX_VMX_ERRATA_H

#include <linux/types.h>

#define VMX_PREEMPTION_TICKS_MAX	(1u << 25)

bool vmx_preemption_timer_broken(u32 signature);
bool vmx_perf_ctrl_broken(u32 signature);
u32 vmx_preemption_ticks(u64 tsc, u8 shift);

#endif
