/* SPDX-License-Identifier: GPL-2.0-only */
/* Host page-table lookups and GUP flags that differ between kernels. */
#ifndef KVMX_COMPAT_PFNMAP_H
#define KVMX_COMPAT_PFNMAP_H

#include <linux/mm.h>
#include <linux/version.h>

/* A vCPU that waits for a page (userfaultfd) must let go for any signal, where GUP can. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define KVMX_FOLL_INTERRUPTIBLE	FOLL_INTERRUPTIBLE
#else
#define KVMX_FOLL_INTERRUPTIBLE	0
#endif

/* NUMA hinting faults are taken as the process itself would. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define KVMX_FOLL_NUMA		FOLL_HONOR_NUMA_FAULT
#else
#define KVMX_FOLL_NUMA		0
#endif

/**
 * struct kvmx_pfnmap - what a VM_IO or VM_PFNMAP mapping has at an address
 * @pfn: the page frame
 * @writable: user space may write
 * @cached: the host maps it write-back
 */
struct kvmx_pfnmap {
	unsigned long pfn;
	bool writable, cached;
};

/* Entry 0 and 4 of the PAT, which neither bit selects anything else of, are write-back. */
static inline bool kvmx_prot_cached(unsigned long prot)
{
	return !(prot & (_PAGE_PCD | _PAGE_PWT));
}

/* mmap_lock held. 0, or negative if nothing is mapped there. */
static inline int kvmx_follow_pfnmap(struct vm_area_struct *vma, unsigned long addr,
				     struct kvmx_pfnmap *map)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	int r = follow_pfnmap_start(&args);

	if (r)
		return r;
	map->pfn = args.pfn;
	map->writable = args.writable;
	map->cached = kvmx_prot_cached(pgprot_val(args.pgprot));
	follow_pfnmap_end(&args);
#else
	spinlock_t *lock;	/* of the page table that holds the entry */
	pte_t *ptep, pte;
	int r = follow_pte(vma->vm_mm, addr, &ptep, &lock);

	if (r)
		return r;
	__acquire(lock);
	pte = *ptep;
	map->pfn = pte_pfn(pte);
	map->writable = pte_write(pte);
	map->cached = kvmx_prot_cached(pte_flags(pte));
	pte_unmap_unlock(ptep, lock);
#endif
	return 0;
}

#endif
