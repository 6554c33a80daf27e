// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of guest_memfd: pages of a file that user space can neither map nor read, and the slots
 * that map them. vm/guest_memfd.c has the file. Documentation/mmu.rst, locking.rst.
 */
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "compat/gmem.h"
#include "guest_memfd.h"
#include "internal.h"

/**
 * struct kvm_gmem - the memory of one file
 *
 * Referenced by the file and by each slot that maps it. What a slot still has after the file is
 * closed is the object alone: its pages are gone, and @inode and @kvm are not touched any more,
 * but for the lock of the VM that the slot itself belongs to.
 */
struct kvm_gmem {
	struct kvm *kvm;		/* the file has a reference [c] */
	struct inode *inode;		/* [c] */
	refcount_t refs;		/* [a] */
	/* write: pages are taken away. read: pages are looked up, and made */
	struct rw_semaphore lock;
	bool closed;			/* under lock */
	/* Under kvm->mmu.lock: */
	struct rb_root_cached slots;	/* by page of the file; no two overlap */
	unsigned long slots_gen;
	unsigned long seq;		/* counts what took pages away */
};

struct kvm_gmem *kvm_gmem_new(struct kvm *kvm)
{
	struct kvm_gmem *gmem = kzalloc(sizeof(*gmem), GFP_KERNEL_ACCOUNT);

	if (!gmem)
		return NULL;
	gmem->kvm = kvm;
	refcount_set(&gmem->refs, 1);
	init_rwsem(&gmem->lock);
	gmem->slots = RB_ROOT_CACHED;
	return gmem;
}

void kvm_gmem_put(struct kvm_gmem *gmem)
{
	if (refcount_dec_and_test(&gmem->refs))
		kfree(gmem);
}

struct kvm *kvm_gmem_kvm(const struct kvm_gmem *gmem)
{
	return gmem->kvm;
}

/* No fault maps a page that was looked up before, and no CPU reaches a page of the range. */
static void unmap_range(struct kvm_gmem *gmem, pgoff_t first, pgoff_t last)
{
	struct kvm *kvm = gmem->kvm;
	struct interval_tree_node *node;
	unsigned long gen;

	write_lock(&kvm->mmu.lock);
	WRITE_ONCE(gmem->seq, gmem->seq + 1);
again:
	gen = gmem->slots_gen;
	for (node = interval_tree_iter_first(&gmem->slots, first, last); node;
	     node = interval_tree_iter_next(node, first, last)) {
		struct kvm_memslot *slot = container_of(node, struct kvm_memslot, gmem_node);
		gfn_t from = slot->base_gfn + max(first, node->start) - node->start;
		gfn_t to = slot->base_gfn + min(last, node->last) - node->start;

		ept_zap(kvm, from, to + 1, true);
		/* The lock was let go and @node may be gone; what is zapped stays so. */
		if (gen != gmem->slots_gen)
			goto again;
	}
	write_unlock(&kvm->mmu.lock);
}

static void take_away(struct kvm_gmem *gmem, pgoff_t first, pgoff_t last)
{
	unmap_range(gmem, first, last);
	truncate_inode_pages_range(gmem->inode->i_mapping, (loff_t)first << PAGE_SHIFT,
				   ((loff_t)last << PAGE_SHIFT) | ~PAGE_MASK);
}

/**
 * kvm_gmem_punch_hole - give the memory of a range back
 * @gmem: the memory; its file is open
 * @first: first page
 * @last: last page
 */
void kvm_gmem_punch_hole(struct kvm_gmem *gmem, pgoff_t first, pgoff_t last)
{
	down_write(&gmem->lock);
	take_away(gmem, first, last);
	up_write(&gmem->lock);
}

/**
 * kvm_gmem_close - the file is closed: all memory goes
 * @gmem: the memory; faults of slots that still map it fail from now on
 */
void kvm_gmem_close(struct kvm_gmem *gmem)
{
	down_write(&gmem->lock);
	gmem->closed = true;
	take_away(gmem, 0, (i_size_read(gmem->inode) - 1) >> PAGE_SHIFT);
	up_write(&gmem->lock);
}

/* The page, zeroed if it is new, with a reference. */
static struct page *get_page_at(struct kvm_gmem *gmem, pgoff_t index)
{
	struct folio *folio = kvmx_grab_folio(gmem->inode->i_mapping, index);

	if (IS_ERR(folio))
		return ERR_CAST(folio);
	if (!folio_test_uptodate(folio)) {
		clear_highpage(folio_page(folio, 0));
		/* A clean page is one that may be dropped. */
		folio_mark_dirty(folio);
		folio_mark_uptodate(folio);
	}
	folio_unlock(folio);
	return folio_page(folio, 0);
}

/**
 * kvm_gmem_allocate - have memory for a range
 * @gmem: the memory; its file is open
 * @first: first page
 * @last: last page
 *
 * Return: 0; -EINTR a signal is pending; -ENOMEM. Then part of it is there.
 */
int kvm_gmem_allocate(struct kvm_gmem *gmem, pgoff_t first, pgoff_t last)
{
	pgoff_t index;

	for (index = first; index <= last; index++) {
		struct page *page;

		if (signal_pending(current))
			return -EINTR;
		down_read(&gmem->lock);
		page = get_page_at(gmem, index);
		up_read(&gmem->lock);
		if (IS_ERR(page))
			return PTR_ERR(page);
		put_page(page);
		cond_resched();
	}
	return 0;
}

/**
 * kvm_gmem_get_page - the page of a private guest frame
 * @slot: with KVM_MEM_GUEST_MEMFD; kvm->srcu held
 * @gfn: in @slot
 * @seq: what kvm_gmem_retry() compares
 *
 * Return: the page with a reference; -EFAULT the file is closed; -EHWPOISON; -ENOMEM; -EINTR.
 */
struct page *kvm_gmem_get_page(const struct kvm_memslot *slot, gfn_t gfn, unsigned long *seq)
{
	struct kvm_gmem *gmem = slot->gmem;
	unsigned long off = array_index_nospec(gfn - slot->base_gfn, slot->npages);
	struct page *page;

	if (down_read_killable(&gmem->lock))
		return ERR_PTR(-EINTR);
	*seq = READ_ONCE(gmem->seq);
	/* Pairs with the lock in unmap_range(): the sequence first, then the page and its flags. */
	smp_rmb();
	page = gmem->closed ? ERR_PTR(-EFAULT) : get_page_at(gmem, slot->gmem_node.start + off);
	up_read(&gmem->lock);
	if (!IS_ERR(page) && PageHWPoison(page)) {
		put_page(page);
		return ERR_PTR(-EHWPOISON);
	}
	return page;
}

/**
 * kvm_gmem_retry - must the page of a private frame be looked up again?
 * @slot: with KVM_MEM_GUEST_MEMFD; read side of mmu.lock held until the page is mapped
 * @seq: from kvm_gmem_get_page()
 */
bool kvm_gmem_retry(const struct kvm_memslot *slot, unsigned long seq)
{
	return slot->gmem->seq != seq;
}

/**
 * kvm_gmem_bind - a new slot maps a range of the memory
 * @gmem: the memory; the caller has its file
 * @slot: new, of the same VM, found by no look-up yet; slots_lock held
 * @first: page that is the slot's first
 *
 * Return: 0; -EEXIST another slot maps a part of it.
 */
int kvm_gmem_bind(struct kvm_gmem *gmem, struct kvm_memslot *slot, pgoff_t first)
{
	struct kvm *kvm = gmem->kvm;
	int r = -EEXIST;

	slot->gmem_node.start = first;
	slot->gmem_node.last = first + slot->npages - 1;
	write_lock(&kvm->mmu.lock);
	if (!interval_tree_iter_first(&gmem->slots, first, slot->gmem_node.last)) {
		interval_tree_insert(&slot->gmem_node, &gmem->slots);
		gmem->slots_gen++;
		refcount_inc(&gmem->refs);
		slot->gmem = gmem;
		r = 0;
	}
	write_unlock(&kvm->mmu.lock);
	return r;
}

/**
 * kvm_gmem_unbind - a slot with KVM_MEM_GUEST_MEMFD goes
 * @kvm: the VM
 * @slot: found by no look-up any more, and nothing of it is mapped
 */
void kvm_gmem_unbind(struct kvm *kvm, struct kvm_memslot *slot)
{
	struct kvm_gmem *gmem = slot->gmem;

	write_lock(&kvm->mmu.lock);
	interval_tree_remove(&slot->gmem_node, &gmem->slots);
	gmem->slots_gen++;
	write_unlock(&kvm->mmu.lock);
	kvm_gmem_put(gmem);
}

/* --- what the host's memory management may ask --- */

/* User space cannot be told of another place, and EPT maps this one. */
static int migrate_folio(struct address_space *mapping, struct folio *dst, struct folio *src,
			 enum migrate_mode mode)
{
	return -EBUSY;
}

/*
 * The guest's next access finds the mark at the page and fails with -EHWPOISON, until user space
 * punches a hole. The caller has locked the page, so @mapping's file is not closed before it lets
 * it go, and gmem->lock, under which pages are locked, must not be taken.
 */
static int page_is_broken(struct address_space *mapping, pgoff_t index)
{
	struct kvm_gmem *gmem = mapping->host->i_private;

	unmap_range(gmem, index, index);
	return -EBUSY;
}

KVMX_ERROR_REMOVE(page_is_broken)

static const struct address_space_operations gmem_aops = {
	.dirty_folio = noop_dirty_folio,
	.migrate_folio = migrate_folio,
	KVMX_ERROR_REMOVE_OP(page_is_broken),
};

/**
 * kvm_gmem_set_inode - the file that has the memory
 * @gmem: new
 * @inode: nobody else has it yet
 */
void kvm_gmem_set_inode(struct kvm_gmem *gmem, struct inode *inode)
{
	struct address_space *mapping = inode->i_mapping;

	gmem->inode = inode;
	inode->i_private = gmem;
	mapping->a_ops = &gmem_aops;
	/* Not movable, and never swapped out. */
	mapping_set_gfp_mask(mapping, GFP_HIGHUSER);
	kvmx_mapping_set_inaccessible(mapping);
}
