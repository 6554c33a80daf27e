// SPDX-License-Identifier: GPL-2.0-only
/* What the host does to the memory of the model beside the guest. */
#include <kernel.h>
#include "host_internal.h"

bool (*host_young)(unsigned long start, unsigned long end);

static u64 child_pfn[MODEL_PAGES];		/* what a forked process maps */
static bool forked;
static unsigned int hot;

static unsigned int pick(void)
{
	if (chance(2))
		hot = below(MODEL_PAGES - 8);
	return chance(60) ? hot + below(8) : below(MODEL_PAGES);
}

unsigned int host_pick(void)
{
	return pick();
}

enum host_op { HOST_UNMAP, HOST_SWAP, HOST_MIGRATE, HOST_CLEAN, HOST_PROTECT, HOST_POISON };

static void change_page(unsigned int i, enum host_op op)
{
	struct host_pte *p = &host_pte[i];
	struct page *page = p->pfn ? pfn_to_page(p->pfn) : NULL;
	u64 pfn;

	switch (op) {
	case HOST_UNMAP:
		host_changes += p->poisoned;
		unmap_pte(i);
		p->swapped = false;
		p->poisoned = false;
		p->truth = 0;
		break;
	case HOST_SWAP:
		if (page && !p->io && !page->refs && p->pfn != ZERO_PFN)
			swap_out(i);
		break;
	case HOST_MIGRATE:
		/* Who holds a reference has looked the page up and may yet write to it. */
		if (!page || p->io || page->refs || page->maps > 1 || p->pfn == ZERO_PFN)
			break;
		pfn = small_alloc();
		if (!pfn)
			break;
		pfn_to_page(pfn)->content = page->content;
		pfn_to_page(pfn)->clean = page->clean;
		pfn_to_page(pfn)->dirty = page->dirty;
		bool writable = p->writable;
		unmap_pte(i);
		map_pte(i, pfn, writable);
		break;
	case HOST_CLEAN:
		if (page && !p->io && !page->refs && page->maps == 1 && page->dirty) {
			page->clean = page->content;
			page->dirty = false;
		}
		break;
	case HOST_PROTECT:
		p->writable = false;
		break;
	case HOST_POISON:
		host_changes++;
		unmap_pte(i);
		p->poisoned = true;
		p->truth = 0;
		p->swapped = false;
		break;
	}
}

static void change(enum host_op op)
{
	unsigned int from = pick(), to = from + 1, i;
	struct mmu_notifier_range r;

	if (op != HOST_POISON) {
		if (chance(10))
			to = from + 1 + below(600);
		else if (chance(40))
			to = from + 1 + below(8);
		to = min(to, MODEL_PAGES);
	}
	for (i = from; i < to; i++)
		split_huge(i);
	invalidate_start(&r, from, to);
	for (i = from; i < to; i++)
		if (!host_pte[i].huge)
			change_page(i, op);
	invalidate_end(&r);
}

/* All small pages of a block become one huge one. */
static void collapse(void)
{
	unsigned int from = pick() & ~511u, i;
	struct mmu_notifier_range r;
	u64 pfn = 0;

	invalidate_start(&r, from, from + 512);
	for (i = from; i < from + 512; i++) {
		const struct host_pte *p = &host_pte[i];

		if (p->huge || p->swapped || p->poisoned || p->io)
			goto out;
		if (p->pfn && p->pfn != ZERO_PFN &&
		    (pfn_to_page(p->pfn)->refs || pfn_to_page(p->pfn)->maps > 1))
			goto out;
	}
	if (host_vma[from / 512].mapped && !host_vma[from / 512].io)
		pfn = huge_alloc();
	if (!pfn)
		goto out;
	for (i = 0; i < 512; i++) {
		pfn_to_page(pfn + i)->content = host_pte[from + i].truth;
		pfn_to_page(pfn + i)->dirty = true;
		unmap_pte(from + i);
		map_pte(from + i, pfn + i, true);
		host_pte[from + i].huge = true;
	}
out:
	invalidate_end(&r);
}

/* Two pages of the same content become one, which none may write to. */
static void merge(void)
{
	unsigned int i = pick(), k = pick();
	struct host_pte *a = &host_pte[i], *b = &host_pte[k];
	struct mmu_notifier_range r;

	if (i == k || !a->pfn || !b->pfn || a->io || b->io || host_content(i) != host_content(k))
		return;
	split_huge(i);
	split_huge(k);
	invalidate_start(&r, k, k + 1);
	if (!b->huge)
		b->writable = false;
	invalidate_end(&r);
	invalidate_start(&r, i, i + 1);
	if (a->pfn && b->pfn && a->pfn != b->pfn && !a->huge && !b->huge && !b->writable &&
	    !a->io && !b->io && !pfn_to_page(a->pfn)->refs && !pfn_to_page(b->pfn)->refs &&
	    a->pfn != ZERO_PFN && host_content(i) == host_content(k)) {
		u64 pfn = b->pfn;

		pfn_to_page(pfn)->dirty = true;
		unmap_pte(i);
		map_pte(i, pfn, false);
	}
	invalidate_end(&r);
}

/* A child that has all the same pages, until it ends. */
static void fork_or_end(void)
{
	struct mmu_notifier_range r;
	bool fork = !forked;
	unsigned int i;

	forked = fork;
	if (fork)
		invalidate_start(&r, 0, MODEL_PAGES);
	for (i = 0; i < MODEL_PAGES; i++) {
		if (child_pfn[i]) {
			pfn_to_page(child_pfn[i])->maps--;
			page_free_if_unused(pfn_to_page(child_pfn[i]));
			child_pfn[i] = 0;
		} else if (fork && host_pte[i].pfn && !host_pte[i].io) {
			child_pfn[i] = host_pte[i].pfn;
			pfn_to_page(child_pfn[i])->maps++;
			host_pte[i].writable = false;
		}
	}
	if (fork)
		invalidate_end(&r);
}

/* munmap() and mmap() of a block, as memory, read-only memory, or a device's. */
static void remap(void)
{
	unsigned int b = below(MODEL_BLOCKS), i;
	struct mmu_notifier_range r;

	host_changes++;
	invalidate_start(&r, b * 512, b * 512 + 512);
	host_changes++;
	if (host_pte[b * 512].huge)
		block_state[(host_pte[b * 512].pfn - FIRST_PFN) / 512] = BLOCK_SMALL;
	for (i = b * 512; i < b * 512 + 512; i++)
		change_page(i, HOST_UNMAP);
	host_vma[b] = (struct host_vma) {
		.mapped = chance(95),
		.writable = chance(90),
		.io = chance(10),
	};
	invalidate_end(&r);
}

/* With no other thread in between, the answer is what the tables say. */
static void age(void)
{
	unsigned int from = pick(), to = chance(70) ? from + 1 : min(from + 600, MODEL_PAGES);
	unsigned long start = MODEL_HVA + from * PAGE_SIZE, end = MODEL_HVA + to * PAGE_SIZE;
	u64 switches = fiber_switches;
	bool was, is;

	fiber_countdown = INT_MAX;
	was = host_young(start, end);
	switch (notifier ? below(3) : 3) {
	case 0:
		is = notifier->ops->clear_flush_young(notifier, NULL, start, end);
		break;
	case 1:
		is = notifier->ops->clear_young(notifier, NULL, start, end);
		break;
	case 2:
		is = notifier->ops->test_young(notifier, NULL, start);
		was = switches == fiber_switches ? host_young(start, start + PAGE_SIZE) : is;
		break;
	default:
		return;
	}
	MODEL_CHECK(switches != fiber_switches || was == is,
		    "user pages %u to %u: %syoung by the tables, %syoung by the answer", from, to,
		    was ? "" : "not ", is ? "" : "not ");
	fiber_countdown = 0;
}

void host_do_something(void)
{
	unsigned int what = below(100);
	static const u64 zero;

	if (what < 40)
		change(below(HOST_PROTECT + 1));
	else if (what < 60)
		age();
	else if (what < 70)
		collapse();
	else if (what < 80)
		merge();
	else if (what < 82)
		change(HOST_POISON);
	else if (what < 84)
		remap();
	else if (what < 86)
		fork_or_end();
	else if (what < 90)
		split_huge(pick());
	else if (what < 95)
		host_user_write(MODEL_HVA + pick() * PAGE_SIZE, &host_stamp, 8);
	else
		host_user_write(MODEL_HVA + pick() * PAGE_SIZE, &zero, 8);
}

void host_ops_init(void)
{
	memset(child_pfn, 0, sizeof(child_pfn));
	forked = false;
	hot = below(MODEL_PAGES - 8);
}
