/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside mmu/: the format of EPT entries, and what its files share. */
#ifndef KVMX_MMU_INTERNAL_H
#define KVMX_MMU_INTERNAL_H

#include <linux/bits.h>
#include <linux/mm.h>
#include "mmu.h"

/* EPT entries, SDM 3C 29.3.2. */
#define EPT_READ	BIT_ULL(0)
#define EPT_WRITE	BIT_ULL(1)
#define EPT_EXEC	BIT_ULL(2)
#define EPT_RWX		(EPT_READ | EPT_WRITE | EPT_EXEC)
#define EPT_MT_UC	(0ULL << 3)
#define EPT_MT_WB	(6ULL << 3)
#define EPT_IPAT	BIT_ULL(6)
#define EPT_LARGE	BIT_ULL(7)
#define EPT_ACCESSED	BIT_ULL(8)
/* Set with EPT_WRITE where the CPU does not set it, so it always says: perhaps written. */
#define EPT_DIRTY	BIT_ULL(9)
#define EPT_PFN_MASK	GENMASK_ULL(51, 12)
/* Bits the CPU ignores: user space may write the page; the page has a struct page. */
#define EPT_HOST_WRITE	BIT_ULL(52)
#define EPT_PAGE	BIT_ULL(53)
/*
 * No memory here, and a device that needs no look at the instruction. Writable
 * but not readable is a misconfiguration (SDM 3C 29.3.3.1), which no CPU caches.
 */
#define EPT_MMIO	(EPT_WRITE | BIT_ULL(54))

/* EPTP, SDM 3C 25.6.11: memory type WB, page-walk length 4. */
#define EPTP_WB		6ULL
#define EPTP_LEVELS	(3ULL << 3)
#define EPTP_AD		BIT_ULL(6)

#define EPT_LEVELS	4
#define EPT_GFN_BITS	36

/* Pages behind one entry of a table at @level; level 1 holds 4 KiB pages. */
static inline gfn_t ept_pages(int level)
{
	return 1ULL << ((level - 1) * 9);
}

static inline unsigned int ept_index(gfn_t gfn, int level)
{
	return (gfn >> ((level - 1) * 9)) & 511;
}

static inline bool ept_is_leaf(u64 entry, int level)
{
	return level == 1 || (entry & EPT_LARGE);
}

/* Whatever is mapped can be read. */
static inline bool ept_present(u64 entry)
{
	return entry & EPT_READ;
}

static inline u64 *ept_table(u64 entry)
{
	return __va(entry & EPT_PFN_MASK);
}

static inline u64 ept_pfn(u64 entry)
{
	return (entry & EPT_PFN_MASK) >> PAGE_SHIFT;
}

/* What a fault wants mapped: @pfn is that of @gfn itself. */
struct ept_map {
	gfn_t gfn;
	u64 pfn;
	u64 bits;		/* rights, memory type, software bits */
	int level;		/* the largest it may be; then, what it is */
};

/* --- ept.c --- */
/* Large pages are not executable. */
extern bool nx_huge_pages;

u64 *ept_table_alloc(struct kvm *kvm);
void ept_table_free(struct kvm *kvm, u64 *table);
void ept_keep_limit(struct kvm *kvm);

/* The read side of mmu.lock. ept_age() can @clear where the CPU has accessed bits. */
int ept_map(struct kvm *kvm, struct ept_map *map, u64 **spare);
int ept_fast_page_fault(struct kvm *kvm, gfn_t gfn, u64 want, bool may_write);
bool ept_age(struct kvm *kvm, gfn_t start, gfn_t end, bool clear);

/* What was taken out of the tables and CPUs may still hold. */
struct ept_stale {
	struct kvm *kvm;
	bool flush;			/* there is such a thing */
	bool zapped;			/* an entry was dropped, flushed or not */
	struct list_head tables;	/* to free after the flush */
};

/* The write side; ept_flush() is called before it is let go, as these do themselves to @yield. */
void ept_stale_init(struct ept_stale *stale, struct kvm *kvm);
void ept_zap_more(struct ept_stale *stale, gfn_t start, gfn_t end, bool yield);
void ept_flush(struct ept_stale *stale);
/* All three. */
void ept_zap(struct kvm *kvm, gfn_t start, gfn_t end, bool yield);

/* --- fault.c --- */
/*
 * The level of the largest mapping that the host's own mapping of @pfn at @gfn and the slot's ends
 * allow. mmu.lock held: with it the answer holds.
 */
int ept_host_level(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t gfn, u64 pfn);

/* --- memtype.c --- */
u64 ept_memory_type(struct kvm *kvm, struct kvm_vcpu *vcpu, bool cached);

/* --- notifier.c --- */
int kvm_notifier_register(struct kvm *kvm);
void kvm_notifier_unregister(struct kvm *kvm);
/* Read side of mmu.lock: was the page found at @hva since @seq was read taken away? */
bool kvm_notifier_retry(struct kvm *kvm, unsigned long seq, unsigned long hva);

#endif
