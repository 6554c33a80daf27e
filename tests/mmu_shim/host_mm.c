// SPDX-License-Identifier: GPL-2.0-only
/* The host's memory of the model, and what the host does to it. */
#include <kernel.h>
#include <compat/pfnmap.h>
#include "host_internal.h"

struct host_pte host_pte[MODEL_PAGES];
struct host_vma host_vma[MODEL_BLOCKS];
int host_live_tables;
u64 host_stamp, host_changes;
struct cpuinfo boot_cpu_data = { .x86_phys_bits = 46 };

struct page pool[POOL_PAGES];
enum block_state block_state[POOL_BLOCKS];
static unsigned int block_used[POOL_BLOCKS], next_small;
struct mmu_notifier *notifier;

/* --- pages --- */

struct page *pfn_to_page(u64 pfn)
{
	SHIM_CHECK(pfn >= FIRST_PFN && pfn < FIRST_PFN + POOL_PAGES);
	return &pool[pfn - FIRST_PFN];
}

u64 page_to_pfn(struct page *page)
{
	SHIM_CHECK(page >= pool && page < pool + POOL_PAGES);
	return FIRST_PFN + (page - pool);
}

static u64 page_take(unsigned int n)
{
	block_used[n / 512]++;
	pool[n] = (struct page) { };
	return FIRST_PFN + n;
}

u64 small_alloc(void)
{
	unsigned int i, n, b;

	for (i = 0; i < POOL_PAGES; i++) {
		n = next_small++ % POOL_PAGES;
		if (block_state[n / 512] == BLOCK_SMALL && !pool[n].maps && !pool[n].refs)
			return page_take(n);
		if (block_state[n / 512] != BLOCK_SMALL)
			next_small |= 511, next_small++;
	}
	for (b = 1; b < POOL_BLOCKS; b++) {
		if (block_state[b] == BLOCK_FREE) {
			block_state[b] = BLOCK_SMALL;
			return page_take(b * 512 + below(512));
		}
	}
	return 0;
}

/* 512 pages; 0 if there is no such block. */
u64 huge_alloc(void)
{
	unsigned int b, i;

	for (b = 1; b < POOL_BLOCKS; b++) {
		if (block_state[b] != BLOCK_FREE)
			continue;
		block_state[b] = BLOCK_HUGE;
		for (i = 0; i < 512; i++)
			page_take(b * 512 + i);
		return FIRST_PFN + b * 512;
	}
	return 0;
}

void page_free_if_unused(struct page *page)
{
	unsigned int b = (page - pool) / 512;

	SHIM_CHECK(page->maps >= 0 && page->refs >= 0);
	if (page->maps || page->refs || !b)
		return;
	page->content = ~0ull;
	if (!--block_used[b])
		block_state[b] = BLOCK_FREE;
}

void put_page(struct page *page)
{
	SHIM_CHECK(page->refs > 0);
	page->refs--;
	page_free_if_unused(page);
}

/* Of a huge page, the whole is dirty. */
void set_page_dirty(struct page *page)
{
	unsigned int b = (page - pool) / 512, i;

	MODEL_CHECK(page->maps || page->refs, "a page that is free is marked dirty");
	if (block_state[b] != BLOCK_HUGE) {
		page->dirty = true;
		return;
	}
	for (i = 0; i < 512; i++)
		pool[b * 512 + i].dirty = true;
}

/* --- user addresses --- */

void map_pte(unsigned int i, u64 pfn, bool writable)
{
	struct host_pte *p = &host_pte[i];

	pfn_to_page(pfn)->maps++;
	p->pfn = pfn;
	p->writable = writable && host_vma[i / 512].writable;
	p->io = host_vma[i / 512].io;
	p->swapped = false;
}

void unmap_pte(unsigned int i)
{
	struct host_pte *p = &host_pte[i];

	if (p->pfn) {
		struct page *page = pfn_to_page(p->pfn);

		page->maps--;
		page_free_if_unused(page);
	}
	p->pfn = 0;
	p->writable = false;
	p->huge = false;
	p->io = false;
}

/* The page is needed for something else; what it has is what the disk gives back later. */
void swap_out(unsigned int i)
{
	struct page *page = pfn_to_page(host_pte[i].pfn);

	if (page->dirty)
		page->clean = page->content;
	page->dirty = false;
	MODEL_CHECK(page->clean == host_pte[i].truth,
		    "user page %u: a write is lost, the page was not marked dirty", i);
	host_pte[i].swap = page->clean;
	unmap_pte(i);
	host_pte[i].swapped = true;
}

void invalidate_start(struct mmu_notifier_range *r, unsigned int from, unsigned int to)
{
	unsigned int i;

	*r = (struct mmu_notifier_range) {
		.start = MODEL_HVA + from * PAGE_SIZE,
		.end = MODEL_HVA + to * PAGE_SIZE,
		.blockable = chance(80),
	};
	if (notifier) {
		shim_atomic += !r->blockable;
		notifier->ops->invalidate_range_start(notifier, r);
		shim_atomic -= !r->blockable;
	}
	for (i = from; i < to; i++)
		host_pte[i].invalid++;
	fiber_preempt();
}

void invalidate_end(const struct mmu_notifier_range *r)
{
	unsigned int i;

	fiber_preempt();
	for (i = host_index(r->start); i < host_index(r->end); i++)
		host_pte[i].invalid--;
	if (notifier)
		notifier->ops->invalidate_range_end(notifier, r);
}

/* The block of page @i is no longer mapped as one. */
void split_huge(unsigned int i)
{
	unsigned int from = i & ~511u, k;
	struct mmu_notifier_range r;

	if (!host_pte[i].huge)
		return;
	invalidate_start(&r, from, from + 512);
	if (host_pte[i].huge) {
		block_state[(host_pte[from].pfn - FIRST_PFN) / 512] = BLOCK_SMALL;
		for (k = from; k < from + 512; k++)
			host_pte[k].huge = false;
	}
	invalidate_end(&r);
}

static void copy_on_write(unsigned int i)
{
	struct host_pte *p = &host_pte[i];
	struct mmu_notifier_range r;
	u64 pfn;

	split_huge(i);
	invalidate_start(&r, i, i + 1);
	if (p->pfn && !p->writable && !p->huge && !p->io && host_vma[i / 512].writable) {
		pfn = small_alloc();
		SHIM_CHECK(pfn);
		pfn_to_page(pfn)->content = pfn_to_page(p->pfn)->content;
		pfn_to_page(pfn)->dirty = true;
		unmap_pte(i);
		map_pte(i, pfn, true);
	}
	invalidate_end(&r);
}

static void fill_block(unsigned int i)
{
	unsigned int from = i & ~511u, k;
	u64 pfn = huge_alloc();

	for (k = 0; pfn && k < 512; k++) {
		pfn_to_page(pfn + k)->dirty = true;
		map_pte(from + k, pfn + k, true);
		host_pte[from + k].huge = true;
	}
}

static bool block_empty(unsigned int i)
{
	unsigned int from = i & ~511u, k;

	for (k = from; k < from + 512; k++)
		if (host_pte[k].pfn || host_pte[k].swapped || host_pte[k].poisoned ||
		    host_pte[k].truth)
			return false;
	return true;
}

/* Nothing is mapped at @i. */
static void fault_empty(unsigned int i, bool write)
{
	struct host_pte *p = &host_pte[i];
	u64 pfn;

	if (!p->swapped && chance(40) && block_empty(i) && !host_vma[i / 512].io)
		fill_block(i);
	if (p->pfn)
		return;
	if (!write && !p->swapped && !host_vma[i / 512].io) {
		map_pte(i, ZERO_PFN, false);
		return;
	}
	pfn = small_alloc();
	SHIM_CHECK(pfn);
	pfn_to_page(pfn)->content = p->swapped ? p->swap : p->truth;
	pfn_to_page(pfn)->clean = pfn_to_page(pfn)->content;
	pfn_to_page(pfn)->dirty = write || !p->swapped;
	map_pte(i, pfn, write || chance(50));
}

static void make_writable(unsigned int i)
{
	unsigned int from = host_pte[i].huge ? i & ~511u : i, k;
	unsigned int to = host_pte[i].huge ? from + 512 : i + 1;

	for (k = from; k < to; k++) {
		if (pfn_to_page(host_pte[k].pfn)->maps > 1 || host_pte[k].pfn == ZERO_PFN) {
			copy_on_write(i);
			return;
		}
	}
	for (k = from; k < to; k++) {
		host_pte[k].writable = true;
		pfn_to_page(host_pte[k].pfn)->dirty = true;
	}
}

int host_fault(unsigned int i, bool write)
{
	struct host_pte *p = &host_pte[i];

	for (;;) {
		const struct host_vma *vma = &host_vma[i / 512];

		fiber_preempt();
		if (!vma->mapped || p->poisoned || (write && !vma->writable))
			return -EFAULT;
		if (!p->pfn)
			fault_empty(i, write);
		else if (write && !p->writable)
			make_writable(i);
		else
			return 0;
	}
}

u64 host_content(unsigned int i)
{
	return pfn_to_page(host_pte[i].pfn)->content;
}

struct page *host_page(u64 pfn)
{
	return pfn_to_page(pfn);
}

void host_guest_wrote(unsigned int i, u64 content)
{
	pfn_to_page(host_pte[i].pfn)->content = content;
	host_pte[i].truth = content;
}

static bool in_model(unsigned long hva)
{
	return hva >= MODEL_HVA && hva < MODEL_HVA_END;
}

int host_user_read(unsigned long hva, void *buf, unsigned long len)
{
	u64 content;

	might_sleep();
	fiber_preempt();
	if (!in_model(hva)) {
		memcpy(buf, (void *)hva, len);
		return 0;
	}
	if (host_fault(host_index(hva), false))
		return -EFAULT;
	content = host_content(host_index(hva));
	memset(buf, 0, len);
	memcpy(buf, &content, min(len, sizeof(content)));
	return 0;
}

int host_user_write(unsigned long hva, const void *buf, unsigned long len)
{
	unsigned int i = host_index(hva);
	u64 content = 0;

	might_sleep();
	fiber_preempt();
	if (!in_model(hva)) {
		if (chance(2))
			return -EFAULT;
		memcpy((void *)hva, buf, len);
		return 0;
	}
	if (host_fault(i, true))
		return -EFAULT;
	memcpy(&content, buf, min(len, sizeof(content)));
	host_guest_wrote(i, content);
	pfn_to_page(host_pte[i].pfn)->dirty = true;
	fiber_current->stamp = ++host_stamp;
	fiber_current->wrote = i;
	return 0;
}

int host_user_cmpxchg(unsigned long hva, void *old, const void *new, unsigned long len)
{
	unsigned int i = host_index(hva);
	u64 content;

	might_sleep();
	if (!in_model(hva) || host_fault(i, true))
		return -EFAULT;
	content = host_content(i);
	if (memcmp(&content, old, len)) {
		memcpy(old, &content, len);
		return 1;
	}
	memcpy(&content, new, len);
	host_guest_wrote(i, content);
	pfn_to_page(host_pte[i].pfn)->dirty = true;
	fiber_current->stamp = ++host_stamp;
	fiber_current->wrote = i;
	return 0;
}

/* --- looking pages up --- */

static bool get_page(unsigned int i, unsigned int flags, struct page **page)
{
	struct host_pte *p = &host_pte[i];

	if (!p->pfn || p->io || ((flags & FOLL_WRITE) && !p->writable))
		return false;
	*page = pfn_to_page(p->pfn);
	(*page)->refs++;
	return true;
}

int get_user_pages_fast_only(unsigned long hva, int n, unsigned int flags, struct page **page)
{
	SHIM_CHECK(in_model(hva) && n == 1);
	fiber_preempt();
	return get_page(host_index(hva), flags, page);
}

long get_user_pages_unlocked(unsigned long hva, long n, struct page **page, unsigned int flags)
{
	unsigned int i = host_index(hva);
	long r = 1;

	SHIM_CHECK(in_model(hva) && n == 1);
	might_sleep();
	for (;;) {
		fiber_preempt();
		if (host_vma[i / 512].io || !host_vma[i / 512].mapped)
			r = -EFAULT;
		else if (host_pte[i].poisoned)
			r = flags & FOLL_HWPOISON ? -EHWPOISON : -EFAULT;
		else if (get_page(i, flags, page))
			r = 1;
		else if ((flags & FOLL_NOWAIT) && host_pte[i].swapped)
			r = 0;
		else if (!host_fault(i, flags & FOLL_WRITE))
			continue;
		else if (host_pte[i].poisoned)
			continue;
		else
			r = -EFAULT;
		fiber_preempt();
		return r;
	}
}

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long hva)
{
	static struct vm_area_struct vma;
	unsigned int b = host_index(hva) / 512;

	if (!host_vma[b].mapped)
		return NULL;
	vma.vm_start = MODEL_HVA + b * PAGE_SIZE * 512;
	vma.vm_end = vma.vm_start + PAGE_SIZE * 512;
	vma.vm_flags = VM_READ | (host_vma[b].writable ? VM_WRITE : 0) |
		       (host_vma[b].io ? VM_PFNMAP : 0);
	return &vma;
}

int kvmx_follow_pfnmap(struct vm_area_struct *vma, unsigned long addr, struct kvmx_pfnmap *map)
{
	const struct host_pte *p = &host_pte[host_index(addr)];

	if (!p->pfn || !p->io)
		return -EINVAL;
	map->pfn = p->pfn;
	map->writable = p->writable;
	map->cached = p->pfn & 1;
	return 0;
}

int fixup_user_fault(struct mm_struct *mm, unsigned long hva, unsigned int flags, bool *unlocked)
{
	return host_fault(host_index(hva), flags & FAULT_FLAG_WRITE);
}

static struct host_pte *pte_of(pmd_t pmd)
{
	return &host_pte[host_index(pmd.v)];
}

bool pmd_none(pmd_t pmd)
{
	return !pte_of(pmd)->pfn && !pte_of(pmd)->huge;
}

bool pmd_leaf(pmd_t pmd)
{
	return pte_of(pmd)->huge;
}

/* Of the block's first page. */
u64 pmd_pfn(pmd_t pmd)
{
	return pte_of(pmd)->pfn & ~511ull;
}

int mmu_notifier_register(struct mmu_notifier *mn, struct mm_struct *mm)
{
	notifier = mn;
	return 0;
}

void mmu_notifier_unregister(struct mmu_notifier *mn, struct mm_struct *mm)
{
	SHIM_CHECK(mn == notifier);
	if (mn->ops->release)
		mn->ops->release(mn, mm);
	notifier = NULL;
}

/* --- tables of EPT; freed ones stay in sight for a while --- */

#define GRAVES	64
static void *grave[GRAVES];
static unsigned int next_grave;

unsigned long host_table_alloc(gfp_t f)
{
	char *table;

	might_sleep();
	if (shim_fail_alloc > 0 && --shim_fail_alloc == 0)
		return 0;
	table = aligned_alloc(PAGE_SIZE, 2 * PAGE_SIZE);
	SHIM_CHECK(table);
	memset(table, 0, 2 * PAGE_SIZE);
	virt_to_page(table)->table = true;
	virt_to_page(table)->live = true;
	host_live_tables++;
	return (unsigned long)table;
}

void host_table_free(unsigned long table)
{
	struct page *page = virt_to_page(table);

	MODEL_CHECK(page->table && page->live, "a table is freed twice");
	page->live = false;
	host_live_tables--;
	free(grave[next_grave]);
	grave[next_grave] = (void *)table;
	next_grave = (next_grave + 1) % GRAVES;
}

void host_init(void)
{
	unsigned int b;

	memset(host_pte, 0, sizeof(host_pte));
	memset(pool, 0, sizeof(pool));
	memset(block_state, 0, sizeof(block_state));
	memset(block_used, 0, sizeof(block_used));
	next_small = 0;
	host_stamp = 0;
	host_changes = 0;
	block_state[0] = BLOCK_HUGE;
	/* The zero page, and the one at the xAPIC's window. */
	pool[0].maps = 1;
	pool[1].maps = 1;
	for (b = 0; b < MODEL_BLOCKS; b++)
		host_vma[b] = (struct host_vma) { .mapped = true, .writable = true };
	host_ops_init();
}

void host_exit(void)
{
	unsigned int i;

	for (i = 0; i < POOL_PAGES; i++)
		MODEL_CHECK(!pool[i].refs, "a reference to a page is left");
	for (i = 0; i < GRAVES; i++) {
		free(grave[i]);
		grave[i] = NULL;
	}
	MODEL_CHECK(!host_live_tables, "%d tables are left", host_live_tables);
}
