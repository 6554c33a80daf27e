// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host takes pages away, and asks which are in use. Between start and end
 * of an invalidation no fault maps a page of its range, and a fault that looked
 * the page up before the end does not map it after. What hits no slot takes only
 * notifier_lock.
 */
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include "internal.h"
#include "vmx.h"

static struct kvm *notifier_kvm(struct mmu_notifier *mn)
{
	return container_of(mn, struct kvm, mmu.notifier);
}

/* The pages of @slot with a byte in the user addresses [start, end). */
static void slot_gfns(const struct kvm_memslot *slot, unsigned long start, unsigned long end,
		      gfn_t *first, gfn_t *limit)
{
	unsigned long from = max(start, slot->hva) - slot->hva;
	unsigned long to = min(end - 1, slot->hva_node.last) - slot->hva;

	*first = slot->base_gfn + (from >> PAGE_SHIFT);
	*limit = slot->base_gfn + (to >> PAGE_SHIFT) + 1;
}

#define for_each_slot_in(_node, _mmu, _start, _end)					\
	for (_node = interval_tree_iter_first(&(_mmu)->hva_tree, _start, (_end) - 1);	\
	     _node; _node = interval_tree_iter_next(_node, _start, (_end) - 1))

/* Whether anything was mapped. One flush for all slots, unless the lock is let go on the way. */
static bool zap_hva_range(struct kvm *kvm, unsigned long start, unsigned long end, bool yield)
{
	struct kvm_mmu *mmu = &kvm->mmu;
	struct interval_tree_node *node;
	struct ept_stale stale;
	unsigned long gen;
	gfn_t first, limit;

	ept_stale_init(&stale, kvm);
again:
	gen = mmu->hva_tree_gen;
	for_each_slot_in(node, mmu, start, end) {
		slot_gfns(container_of(node, struct kvm_memslot, hva_node), start, end,
			  &first, &limit);
		ept_zap_more(&stale, first, limit, yield);
		/* The lock was let go and @node may be gone; what is zapped is zapped. */
		if (gen != mmu->hva_tree_gen)
			goto again;
	}
	ept_flush(&stale);
	return stale.zapped;
}

/* Who calls start calls end, with the range on its stack: the thread finds its bucket again. */
static struct kvm_invalidations *my_bucket(struct kvm_mmu *mmu)
{
	return &mmu->notifier_busy[hash_ptr(current, ilog2(KVM_NOTIFIER_BUCKETS))];
}

static bool slot_in(struct kvm_mmu *mmu, const struct mmu_notifier_range *range)
{
	lockdep_assert_held(&mmu->notifier_lock);
	return interval_tree_iter_first(&mmu->hva_tree, range->start, range->end - 1);
}

static int notifier_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct kvm *kvm = notifier_kvm(mn);
	struct kvm_mmu *mmu = &kvm->mmu;
	struct kvm_invalidations *mine = my_bucket(mmu);
	bool hit;

	spin_lock(&mmu->notifier_lock);
	/* Counted whether a slot has the range or not: one may be made before the end. */
	if (!mine->count++) {
		mine->start = range->start;
		mine->end = range->end;
	} else {
		mine->start = min(mine->start, range->start);
		mine->end = max(mine->end, range->end);
	}
	WRITE_ONCE(mmu->notifier_active, mmu->notifier_active + 1);
	hit = slot_in(mmu, range);
	spin_unlock(&mmu->notifier_lock);
	if (!hit)
		return 0;
	write_lock(&mmu->lock);
	zap_hva_range(kvm, range->start, range->end, mmu_notifier_range_blockable(range));
	write_unlock(&mmu->lock);
	return 0;
}

static void notifier_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct kvm_mmu *mmu = &notifier_kvm(mn)->mmu;

	spin_lock(&mmu->notifier_lock);
	/* The slot of a fault under way is in the tree: without one in it no fault has to hear. */
	if (slot_in(mmu, range))
		WRITE_ONCE(mmu->notifier_seq, mmu->notifier_seq + 1);
	/* Who does not see the invalidation in progress any more sees the new sequence. */
	smp_wmb();
	my_bucket(mmu)->count--;
	WRITE_ONCE(mmu->notifier_active, mmu->notifier_active - 1);
	spin_unlock(&mmu->notifier_lock);
}

static bool in_progress(struct kvm_mmu *mmu, unsigned long hva)
{
	const struct kvm_invalidations *b;
	bool yes = false;

	spin_lock(&mmu->notifier_lock);
	for (b = mmu->notifier_busy; b < mmu->notifier_busy + KVM_NOTIFIER_BUCKETS && !yes; b++)
		yes = b->count && hva >= b->start && hva < b->end;
	spin_unlock(&mmu->notifier_lock);
	return yes;
}

/**
 * kvm_notifier_retry - must the fault look the page up again?
 * @kvm: the VM; read side of mmu.lock held until the page is mapped
 * @seq: mmu.notifier_seq from before the look-up
 * @hva: the user address
 *
 * The invalidation that takes the page has three places to be: it has not
 * started, then it waits for the lock and zaps what is mapped now; it is in
 * progress, then @hva is in its range; or it has ended since @seq was read, and
 * the sequence differs. If it ended before, the look-up came after the host's
 * own change and did not find the page.
 */
bool kvm_notifier_retry(struct kvm *kvm, unsigned long seq, unsigned long hva)
{
	struct kvm_mmu *mmu = &kvm->mmu;

	lockdep_assert_held(&mmu->lock);
	if (READ_ONCE(mmu->notifier_active) && in_progress(mmu, hva))
		return true;
	/* Pairs with the barrier in notifier_end(). */
	smp_rmb();
	return READ_ONCE(mmu->notifier_seq) != seq;
}

static bool age_hva_range(struct kvm *kvm, unsigned long start, unsigned long end, bool clear)
{
	struct interval_tree_node *node;
	gfn_t first, limit;
	bool young = false;

	for_each_slot_in(node, &kvm->mmu, start, end) {
		slot_gfns(container_of(node, struct kvm_memslot, hva_node), start, end,
			  &first, &limit);
		young |= ept_age(kvm, first, limit, clear);
	}
	return young;
}

static int notifier_clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
				      unsigned long start, unsigned long end)
{
	struct kvm *kvm = notifier_kvm(mn);
	bool young;

	if (vmx_caps.ept_ad) {
		read_lock(&kvm->mmu.lock);
		young = age_hva_range(kvm, start, end, true);
		read_unlock(&kvm->mmu.lock);
	} else {
		write_lock(&kvm->mmu.lock);
		/* What is mapped counts as touched, and is forgotten by being unmapped. */
		young = zap_hva_range(kvm, start, end, false);
		write_unlock(&kvm->mmu.lock);
	}
	return young;
}

/* Must not cost a flush: without accessed bits it only looks. */
static int notifier_clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
				unsigned long start, unsigned long end)
{
	struct kvm *kvm = notifier_kvm(mn);
	bool young;

	read_lock(&kvm->mmu.lock);
	young = age_hva_range(kvm, start, end, vmx_caps.ept_ad);
	read_unlock(&kvm->mmu.lock);
	return young;
}

static int notifier_test_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long hva)
{
	struct kvm *kvm = notifier_kvm(mn);
	bool young;

	read_lock(&kvm->mmu.lock);
	young = age_hva_range(kvm, hva, hva + 1, false);
	read_unlock(&kvm->mmu.lock);
	return young;
}

/* The address space goes while the VM's file is still open elsewhere. */
static void notifier_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	kvm_mmu_zap_all(notifier_kvm(mn));
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start	= notifier_start,
	.invalidate_range_end	= notifier_end,
	.clear_flush_young	= notifier_clear_flush_young,
	.clear_young		= notifier_clear_young,
	.test_young		= notifier_test_young,
	.release		= notifier_release,
};

int kvm_notifier_register(struct kvm *kvm)
{
	kvm->mmu.notifier.ops = &notifier_ops;
	return mmu_notifier_register(&kvm->mmu.notifier, kvm->mm);
}

/* Waits for callbacks that run. */
void kvm_notifier_unregister(struct kvm *kvm)
{
	mmu_notifier_unregister(&kvm->mmu.notifier, kvm->mm);
}
