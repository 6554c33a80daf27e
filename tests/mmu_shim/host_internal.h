/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the host's memory of the model and what the host does to it. */
#ifndef KVMX_MMU_HOST_INTERNAL_H
#define KVMX_MMU_HOST_INTERNAL_H

#define POOL_BLOCKS	(4 * MODEL_BLOCKS)
#define POOL_PAGES	(POOL_BLOCKS * 512)
#define FIRST_PFN	0x100000ull		/* a multiple of 512 */
#define ZERO_PFN	FIRST_PFN

enum block_state { BLOCK_FREE, BLOCK_HUGE, BLOCK_SMALL };

extern struct page pool[POOL_PAGES];
extern enum block_state block_state[POOL_BLOCKS];
extern struct mmu_notifier *notifier;

static inline u64 below(u64 n)
{
	return rng_below(&fiber_rng, n);
}

static inline bool chance(unsigned int percent)
{
	return rng_chance(&fiber_rng, percent);
}

/* --- host_mm.c --- */
u64 small_alloc(void);
/* 512 pages; 0 if there is no such block. */
u64 huge_alloc(void);
void page_free_if_unused(struct page *page);
void map_pte(unsigned int i, u64 pfn, bool writable);
void unmap_pte(unsigned int i);
/* The page is needed for something else; what it has is what the disk gives back later. */
void swap_out(unsigned int i);
/* Of the user pages [from, to). */
void invalidate_start(struct mmu_notifier_range *r, unsigned int from, unsigned int to);
void invalidate_end(const struct mmu_notifier_range *r);
/* The block of page @i is no longer mapped as one. */
void split_huge(unsigned int i);

/* --- host_ops.c --- */
void host_ops_init(void);

#endif
