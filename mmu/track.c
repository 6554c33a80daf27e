// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write tracking in EPT: a logged page is small, and cannot be written unseen. All is done
 * under the read side of mmu.lock, beside faults: entries change by atomic operations, and a
 * page that was writable stays mapped. Documentation/mmu.rst has the rules.
 */
#include <linux/log2.h>
#include <linux/sched.h>
#include "internal.h"
#include "kick.h"
#include "vmx.h"

struct track {
	struct kvm *kvm;
	u64 *spare;		/* a table to put in the place of a large page, or NULL */
	bool changed;		/* CPUs may hold what is no longer in the tables */
};

/* The parts of the large page @entry, one level down from @level, with its rights. */
static void fill_table(u64 *table, u64 entry, int level)
{
	u64 step = ept_pages(level - 1) << PAGE_SHIFT;
	int i;

	if (level == 2)
		entry &= ~EPT_LARGE;
	for (i = 0; i < 512; i++)
		table[i] = entry + i * step;
}

/* Cuts a large page up. The entry may have changed meanwhile: the caller looks again. */
static bool split(struct track *t, u64 *entryp, u64 entry, int level)
{
	if (!t->spare)
		return false;
	fill_table(t->spare, entry, level);
	if (cmpxchg64(entryp, entry, __pa(t->spare) | EPT_RWX) == entry) {
		t->spare = NULL;
		t->changed = true;
	}
	return true;
}

/*
 * Without PML a write faults and sets the page's bit. With it the CPU logs a write where it sets
 * the dirty bit; what that bit said is handed on to the host's page. That stays the guest's
 * meanwhile: the notifier's zap waits for the read side. The CPU may set accessed and dirty bits at
 * any time.
 */
static void track_leaf(struct track *t, u64 *entryp)
{
	int bit = t->kvm->mmu.pml ? ilog2(EPT_DIRTY) : ilog2(EPT_WRITE);
	u64 entry = READ_ONCE(*entryp);

	if (!ept_present(entry) || !test_and_clear_bit(bit, (unsigned long *)entryp))
		return;
	if (t->kvm->mmu.pml && (entry & EPT_PAGE))
		set_page_dirty(pfn_to_page(ept_pfn(entry)));
	t->changed = true;
}

/* Tracks [gfn, end). Returns where it stopped for want of a table, or @end. */
static gfn_t track_run(struct track *t, gfn_t gfn, gfn_t end)
{
	u64 *table = t->kvm->mmu.root;
	int level = EPT_LEVELS;

	lockdep_assert_held_read(&t->kvm->mmu.lock);
	while (gfn < end) {
		u64 *entryp = &table[ept_index(gfn, level)];
		u64 entry = READ_ONCE(*entryp);

		if (level > 1 && ept_present(entry)) {
			if (ept_is_leaf(entry, level)) {
				if (!split(t, entryp, entry, level))
					return gfn;
			} else {
				table = ept_table(entry);
				level--;
			}
			continue;
		}
		if (level == 1)
			track_leaf(t, entryp);
		gfn = (gfn | (ept_pages(level) - 1)) + 1;
		if (level < EPT_LEVELS && !ept_index(gfn, level)) {
			table = t->kvm->mmu.root;
			level = EPT_LEVELS;
		}
	}
	return end;
}

/* The lock is let go for a new table. Without memory for one the large page is dropped. */
static void track_range(struct track *t, gfn_t gfn, gfn_t end)
{
	struct kvm *kvm = t->kvm;

	while ((gfn = track_run(t, gfn, end)) < end) {
		read_unlock(&kvm->mmu.lock);
		ept_keep_limit(kvm);
		t->spare = ept_table_alloc(kvm);
		if (!t->spare)
			kvm_mmu_zap_gfn_range(kvm, gfn, gfn + 1);
		cond_resched();
		read_lock(&kvm->mmu.lock);
	}
}

static void track_end(struct track *t)
{
	ept_table_free(t->kvm, t->spare);
	if (t->changed)
		kvm_flush_remote_tlbs(t->kvm);
}

/**
 * kvm_mmu_track_pages - writes to some pages of a slot are seen from now on
 * @kvm: the VM
 * @slot: the slot, which is logged
 * @first: its page that the first bit stands for
 * @bits: which pages; none beyond the end of the slot
 * @n: words
 *
 * The caller has cleared the pages' bits in the log before, and flushes after the last call.
 *
 * Context: slots_lock held; may sleep.
 */
void kvm_mmu_track_pages(struct kvm *kvm, const struct kvm_memslot *slot, unsigned long first,
			 const unsigned long *bits, unsigned long n)
{
	struct track t = { .kvm = kvm };
	gfn_t base = slot->base_gfn + first;
	unsigned int from, to;
	unsigned long i;

	read_lock(&kvm->mmu.lock);
	for (i = 0; i < n; i++, base += BITS_PER_LONG) {
		if (!bits[i])
			continue;
		for_each_set_bitrange(from, to, &bits[i], BITS_PER_LONG)
			track_range(&t, base + from, base + to);
		cond_resched_rwlock_read(&kvm->mmu.lock);
	}
	read_unlock(&kvm->mmu.lock);
	ept_table_free(kvm, t.spare);
}

/* Pages that are walked without a look at whether another thread wants the lock. */
#define TRACK_STEP	(1UL << 15)

/**
 * kvm_mmu_track_slot - writes to any page of a slot are seen from now on
 * @kvm: the VM
 * @slot: the slot; no fault finds another one there, or one that is not logged
 *
 * Context: slots_lock held; may sleep.
 */
void kvm_mmu_track_slot(struct kvm *kvm, const struct kvm_memslot *slot)
{
	gfn_t gfn = slot->base_gfn, end = gfn + slot->npages, next;
	struct track t = { .kvm = kvm };

	read_lock(&kvm->mmu.lock);
	for (; gfn < end; gfn = next) {
		next = min(end, gfn + TRACK_STEP);
		track_range(&t, gfn, next);
		cond_resched_rwlock_read(&kvm->mmu.lock);
	}
	read_unlock(&kvm->mmu.lock);
	track_end(&t);
}

/**
 * kvm_mmu_log_begins - a slot gets a log
 * @kvm: the VM
 *
 * With the first, vCPUs begin to use PML. When this returns none is in the guest without it.
 *
 * Context: slots_lock held; no look-up finds the slot with its log yet.
 */
void kvm_mmu_log_begins(struct kvm *kvm)
{
	if (kvm->mmu.logged++ || !vmx_caps.pml)
		return;
	WRITE_ONCE(kvm->mmu.pml, true);
	/* Before the vCPUs are counted: one that is not asked here asks itself, and sees it. */
	smp_mb();
	kvm_make_all_cpus_request(kvm, KVM_REQ_INTERCEPTS);
	kvm_kick_all_and_wait(kvm);
}

/**
 * kvm_mmu_log_ends - a slot's log is gone
 * @kvm: the VM
 *
 * Context: slots_lock held; no look-up finds the slot with its log any more.
 */
void kvm_mmu_log_ends(struct kvm *kvm)
{
	if (--kvm->mmu.logged || !vmx_caps.pml)
		return;
	WRITE_ONCE(kvm->mmu.pml, false);
	kvm_make_all_cpus_request(kvm, KVM_REQ_INTERCEPTS);
}

/* --- the end of it --- */

struct untrack {
	struct kvm *kvm;
	const struct kvm_memslot *slot;
	struct list_head unlinked;	/* tables to free after the flush */
};

/* The first mapped page of a level-1 table, as an index, or 512. */
static int first_present(const u64 *table)
{
	int i;

	for (i = 0; i < 512 && !ept_present(READ_ONCE(table[i])); i++)
		;
	return i;
}

/* Has a page of the table been written, or can it still be until the flush? */
static bool maybe_written(const u64 *table)
{
	int i;

	for (i = 0; i < 512; i++)
		if (ept_present(table[i]) && (READ_ONCE(table[i]) & (EPT_WRITE | EPT_DIRTY)))
			return true;
	return false;
}

/*
 * Puts a large page in the place of a table of small ones, if the host has a large one there.
 * What is found of the host's stays so: its changes wait for the lock, unless one has begun.
 */
static bool collapse(struct untrack *u, u64 *entryp, gfn_t base)
{
	u64 *table = ept_table(READ_ONCE(*entryp)), entry;
	const struct kvm_memslot *slot = u->slot;
	int i = first_present(table);

	/* The table may have pages of other slots. */
	if (base < slot->base_gfn || base + ept_pages(2) > slot->base_gfn + slot->npages)
		return false;
	if (i == 512 || READ_ONCE(u->kvm->mmu.notifier_active))
		return false;
	entry = READ_ONCE(table[i]);
	/* As where a fault maps: of I/O memory only single pages. */
	if (!(entry & EPT_PAGE) || ept_host_level(u->kvm, slot, base + i, ept_pfn(entry)) < 2)
		return false;
	entry -= (u64)i << PAGE_SHIFT;
	entry |= EPT_LARGE | EPT_ACCESSED;
	if (entry & EPT_HOST_WRITE)
		entry |= EPT_WRITE | EPT_DIRTY;
	else if (maybe_written(table))
		entry |= EPT_DIRTY;
	if (nx_huge_pages)
		entry &= ~EPT_EXEC;
	WRITE_ONCE(*entryp, entry);
	list_add(&virt_to_page(table)->lru, &u->unlinked);
	return true;
}

/* Small pages get the permission back that was taken; more rights need no flush. */
static void give_back(u64 *table, unsigned int i, unsigned int end)
{
	for (; i < end; i++) {
		u64 entry = READ_ONCE(table[i]);

		/* Who loses this race to an accessed bit faults once more. */
		if (ept_present(entry) && (entry & EPT_HOST_WRITE) && !(entry & EPT_WRITE))
			cmpxchg64(&table[i], entry, entry | EPT_WRITE | EPT_DIRTY);
	}
}

static void untrack_flush(struct untrack *u)
{
	struct page *page, *next;

	if (list_empty(&u->unlinked))
		return;
	kvm_flush_remote_tlbs(u->kvm);
	list_for_each_entry_safe(page, next, &u->unlinked, lru) {
		list_del(&page->lru);
		ept_table_free(u->kvm, page_address(page));
	}
}

/* What is mapped at @gfn by one table of small pages; returns the gfn to go on with. */
static gfn_t untrack_step(struct untrack *u, gfn_t gfn, gfn_t end)
{
	u64 *table = u->kvm->mmu.root, *entryp;
	gfn_t next;
	int level;

	for (level = EPT_LEVELS; ; level--) {
		u64 entry;

		entryp = &table[ept_index(gfn, level)];
		entry = READ_ONCE(*entryp);
		next = (gfn | (ept_pages(level) - 1)) + 1;
		if (!ept_present(entry) || ept_is_leaf(entry, level))
			return next;
		table = ept_table(entry);
		if (level == 2)
			break;
	}
	if (!collapse(u, entryp, gfn & ~(ept_pages(2) - 1)))
		give_back(table, ept_index(gfn, 1), min(end, next) - gfn + ept_index(gfn, 1));
	return next;
}

/**
 * kvm_mmu_untrack_slot - writes to a slot need not be seen any more
 * @kvm: the VM
 * @slot: the slot, which is not logged; no fault finds the one that was
 *
 * All stays mapped: small pages become large where the host's are, or writable.
 *
 * Context: slots_lock held; may sleep.
 */
void kvm_mmu_untrack_slot(struct kvm *kvm, const struct kvm_memslot *slot)
{
	gfn_t gfn = slot->base_gfn, end = gfn + slot->npages;
	struct untrack u = { .kvm = kvm, .slot = slot };

	INIT_LIST_HEAD(&u.unlinked);
	write_lock(&kvm->mmu.lock);
	while (gfn < end) {
		gfn = untrack_step(&u, gfn, end);
		if (need_resched() || rwlock_needbreak(&kvm->mmu.lock)) {
			untrack_flush(&u);
			cond_resched_rwlock_write(&kvm->mmu.lock);
		}
	}
	untrack_flush(&u);
	write_unlock(&kvm->mmu.lock);
}
