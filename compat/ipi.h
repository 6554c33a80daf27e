/* SPDX-License-Identifier: GPL-2.0-only */
/* An interrupt to one other CPU of the host, by vector. */
#ifndef KVMX_COMPAT_IPI_H
#define KVMX_COMPAT_IPI_H

#include <linux/cpumask.h>
#include <linux/version.h>
#include <asm/apic.h>

static inline void kvmx_send_ipi(int cpu, int vector)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	__apic_send_IPI_mask(cpumask_of(cpu), vector);
#else
	apic->send_IPI_mask(cpumask_of(cpu), vector);
#endif
}

#endif
