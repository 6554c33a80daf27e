/* SPDX-License-Identifier: GPL-2.0-only */
/* What MSR_KERNEL_GS_BASE is while fake_perf.ko is loaded: behind each entry, and each exit. */
#ifndef KVMX_FAKE_PERF_H
#define KVMX_FAKE_PERF_H

#define FAKE_PERF_GUEST	0x1234000
#define FAKE_PERF_HOST	0x5678000

#endif
