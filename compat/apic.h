/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernels' own kvm let a guest do to its local APIC, and their tests look for. */
#ifndef KVMX_COMPAT_APIC_H
#define KVMX_COMPAT_APIC_H

#include <linux/kvm.h>
#include <linux/version.h>

/* Of a later header. */
#ifndef KVM_CAP_X86_APIC_BUS_CYCLES_NS
#define KVM_CAP_X86_APIC_BUS_CYCLES_NS	237
#endif

/* Bits of an x2APIC's ICR that fault if set, SDM 3A figure 11-28; older series ignore them. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define KVMX_ICR_RESERVED	0xfff32000u
#else
#define KVMX_ICR_RESERVED	0u
#endif

#endif
