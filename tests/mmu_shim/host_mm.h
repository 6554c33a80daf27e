/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's memory management, as far as a hypervisor sees it: a process with MODEL_BLOCKS
 * times 2 MiB of user addresses, what each page of them maps, and what the host does to it
 * beside the guest. The content of a page is one word; @truth is what the word has to be.
 */
#ifndef KVMX_MMU_HOST_MM_H
#define KVMX_MMU_HOST_MM_H

#define MODEL_BLOCKS	8u
#define MODEL_PAGES	(MODEL_BLOCKS * 512u)
#define MODEL_HVA	0x7f0000000000ul
#define MODEL_HVA_END	(MODEL_HVA + MODEL_PAGES * PAGE_SIZE)

/* Either of the host's memory, or, with a table behind it, of EPT. */
struct page {
	struct list_head lru;
	int refs;			/* held by get_page() and its kin */
	int maps;			/* user addresses that map it */
	bool table;
	bool live;			/* a table that is in use */
	bool dirty;			/* the host knows that it is not as on disk */
	u64 content, clean;		/* now, and on disk */
};

/* What user address number i maps. */
struct host_pte {
	u64 pfn;			/* 0: nothing */
	bool writable, huge, io;
	bool swapped, poisoned;
	u64 swap;			/* content, if @swapped */
	u64 truth;			/* content that user space has to find */
	int invalid;			/* invalidations between their start and their end */
};

struct host_vma { bool mapped, writable, io; };	/* of 2 MiB */

extern struct host_pte host_pte[MODEL_PAGES];
extern struct host_vma host_vma[MODEL_BLOCKS];
extern int host_live_tables;

void host_init(void);
/* Checks that nothing is held, and forgets all. */
void host_exit(void);
/* Something at random: reclaim, COW, KSM, migration, collapse, aging, ... */
void host_do_something(void);
/* The page that all look at more than at others, mostly. */
unsigned int host_pick(void);
/* By the tables: was a page of [start, end) touched? Given by who knows them. */
extern bool (*host_young)(unsigned long start, unsigned long end);
/* User space, or the kernel for it, touches page @i. 0 or -EFAULT. */
int host_fault(unsigned int i, bool write);
u64 host_content(unsigned int i);
struct page *host_page(u64 pfn);
static inline unsigned int host_index(unsigned long hva)
{
	return (hva - MODEL_HVA) / PAGE_SIZE;
}

/* The guest wrote @content through a page that it has mapped. */
void host_guest_wrote(unsigned int i, u64 content);
extern u64 host_stamp;			/* counts contents and writes */
extern u64 host_changes;		/* counts what makes an access of user space fail */

/* --- pages --- */
struct page *pfn_to_page(u64 pfn);
u64 page_to_pfn(struct page *page);
void put_page(struct page *page);
void set_page_dirty(struct page *page);
#define virt_to_page(p)		((struct page *)((char *)(p) + PAGE_SIZE))
#define page_address(page)	((void *)((char *)(page) - PAGE_SIZE))
#define __pa(p)			((u64)(unsigned long)(p))
#undef get_zeroed_page
#undef free_page
#define get_zeroed_page(f)	host_table_alloc(f)
#define free_page(p)		host_table_free(p)
unsigned long host_table_alloc(gfp_t f);
void host_table_free(unsigned long table);

/* --- looking pages up --- */
#define FOLL_WRITE	1
#define FOLL_HWPOISON	2
#define FOLL_NOWAIT	4
#define VM_READ		1
#define VM_WRITE	2
#define VM_IO		4
#define VM_PFNMAP	8
#define FAULT_FLAG_WRITE	1
#ifndef EHWPOISON
#define EHWPOISON	133
#endif
struct mm_struct { int unused; };
struct vm_area_struct { unsigned long vm_start, vm_end, vm_flags; };
long get_user_pages_unlocked(unsigned long hva, long n, struct page **page, unsigned int flags);
int get_user_pages_fast_only(unsigned long hva, int n, unsigned int flags, struct page **page);
struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long hva);
int fixup_user_fault(struct mm_struct *mm, unsigned long hva, unsigned int flags, bool *unlocked);

/* Not modelled: CMPXCHG16B of an emulated instruction. */
#define pin_user_pages_fast(hva, n, flags, page)	((void)(page), -EFAULT)
#define unpin_user_page(page)		((void)(page))
#define set_page_dirty_lock(page)	((void)(page))
#define kmap_local_page(page)		((void *)(page))
#define kunmap_local(p)			((void)(p))

/* The host's page tables have two levels here that count: the others always lead on. */
typedef struct { u64 v; } pgd_t, p4d_t, pud_t, pmd_t;
#define PUD_MASK	(~((1ul << 30) - 1))
#define PMD_MASK	(~((1ul << 21) - 1))
#define pgd_offset(mm, hva)		(&(pgd_t) { hva })
#define p4d_offset_lockless(p, v, hva)	(&(p4d_t) { hva })
#define pud_offset_lockless(p, v, hva)	(&(pud_t) { hva })
#define pmd_offset_lockless(p, v, hva)	(&(pmd_t) { hva })
#define pgd_none(e)	((void)(e), false)
#define p4d_none(e)	((void)(e), false)
#define p4d_present(e)	((void)(e), true)
#define pud_none(e)	((void)(e), false)
#define pud_present(e)	true
#define pud_leaf(e)	false
#define pud_pfn(e)	(e).v
bool pmd_none(pmd_t pmd);
bool pmd_leaf(pmd_t pmd);
u64 pmd_pfn(pmd_t pmd);
#define pmd_present(e)	(!pmd_none(e))

/* --- the notifier --- */
struct mmu_notifier;
struct mmu_notifier_range { unsigned long start, end; bool blockable; };
#define mmu_notifier_range_blockable(r)	((r)->blockable)
struct mmu_notifier_ops {
	int (*invalidate_range_start)(struct mmu_notifier *mn,
				      const struct mmu_notifier_range *range);
	void (*invalidate_range_end)(struct mmu_notifier *mn,
				     const struct mmu_notifier_range *range);
	int (*clear_flush_young)(struct mmu_notifier *mn, struct mm_struct *mm,
				 unsigned long start, unsigned long end);
	int (*clear_young)(struct mmu_notifier *mn, struct mm_struct *mm,
			   unsigned long start, unsigned long end);
	int (*test_young)(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long hva);
	void (*release)(struct mmu_notifier *mn, struct mm_struct *mm);
};

struct mmu_notifier { const struct mmu_notifier_ops *ops; };

int mmu_notifier_register(struct mmu_notifier *mn, struct mm_struct *mm);
void mmu_notifier_unregister(struct mmu_notifier *mn, struct mm_struct *mm);
#define mmu_notifier_synchronize()	((void)0)

#endif
