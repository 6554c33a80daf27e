// SPDX-License-Identifier: GPL-2.0-only
/* For the size of struct kvm_pmu: nothing else here sees this header of the kernel. */
#include <linux/kvm_host.h>
#include "perf.h"

struct kvm_pmu kvmx_no_pmu;
