/* SPDX-License-Identifier: GPL-2.0-only */
/* compat/pfnmap.h, for the model. */
#ifndef KVMX_COMPAT_PFNMAP_H
#define KVMX_COMPAT_PFNMAP_H

#include <linux/mm.h>

#define KVMX_FOLL_INTERRUPTIBLE	0
#define KVMX_FOLL_NUMA		0

struct kvmx_pfnmap {
	unsigned long pfn;
	bool writable, cached;
};

int kvmx_follow_pfnmap(struct vm_area_struct *vma, unsigned long addr, struct kvmx_pfnmap *map);

#endif
