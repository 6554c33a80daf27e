/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel's perf is asked with. */
#ifndef KVMX_COMPAT_PERF_H
#define KVMX_COMPAT_PERF_H

struct kvm_pmu;

/*
 * The PMU of a guest that has none, for perf_guest_get_msrs(): 6.12 looks into it on CPUs
 * whose PEBS works with EPT, and 6.1 does where it is given.
 */
extern struct kvm_pmu kvmx_no_pmu;

#endif
