// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty rings (KVM_CAP_DIRTY_LOG_RING): each vCPU tells in a ring of its own, in pages shared
 * with user space, what was written. A slot's bitmap has a bit for each page that some ring names
 * and that was not reset yet, so no page takes a second entry. The second half of the bitmap has
 * those that found a ring full: the next vCPU with room names them.
 *
 * User space writes to the entries at any time. What is read from one is read once, and believed
 * no more than an argument; the indices are only here. Documentation/mmu.rst.
 */
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>
#include "ioctl.h"
#include "kick.h"
#include "mmu.h"
#include "vmx.h"

/* A ring counts as full while one run of the guest could still write this many pages. */
static u32 ring_reserve(void)
{
	return KVM_DIRTY_RING_RSVD_ENTRIES + (vmx_caps.pml ? VMX_PML_ENTRIES : 0);
}

static u32 ring_used(const struct kvm_vcpu *vcpu)
{
	/* Pairs with the release in ring_reset(): the entry is free again. */
	return vcpu->ring.head - smp_load_acquire(&vcpu->ring.tail);
}

static u32 ring_size(const struct kvm *kvm)
{
	return kvm->settings.ring_entries;
}

/*
 * Own thread. False if the ring has no room. The scheduler's hook writes steal time, and so comes
 * here as well: not in the middle of it.
 */
static bool ring_push(struct kvm_vcpu *vcpu, const struct kvm_memslot *slot, u64 offset)
{
	u32 used, size = ring_size(vcpu->kvm);
	struct kvm_ring *ring = &vcpu->ring;
	struct kvm_dirty_gfn *e;

	preempt_disable();
	used = ring_used(vcpu);
	if (used < size) {
		e = &ring->entries[ring->head & (size - 1)];
		WRITE_ONCE(e->slot, (u32)slot->as_id << 16 | slot->id);
		WRITE_ONCE(e->offset, offset);
		/* First: a reset by who has seen the flag finds the entry in bounds. */
		WRITE_ONCE(ring->head, ring->head + 1);
		/* User space that sees the flag sees the entry. */
		smp_store_release(&e->flags, KVM_DIRTY_GFN_F_DIRTY);
	}
	preempt_enable();
	if (used + 1 >= size - ring_reserve())
		kvm_make_request(vcpu, KVM_REQ_DIRTY_RING);
	return used < size;
}

/**
 * kvm_ring_log - a page of a logged slot was, or will be, written
 * @vcpu: on whose behalf
 * @slot: the slot
 * @offset: the page, from the slot's first; in bounds
 *
 * Context: the vCPU's own thread; any lock may be held, interrupts may be off.
 */
void kvm_ring_log(struct kvm_vcpu *vcpu, const struct kvm_memslot *slot, unsigned long offset)
{
	if (test_and_set_bit(offset, slot->dirty_bitmap) || ring_push(vcpu, slot, offset))
		return;
	set_bit(offset, slot->dirty_bitmap + BITS_TO_LONGS(slot->npages));
	/* After the bit: who takes the flag finds it. */
	smp_store_release(&vcpu->kvm->mmu.ring_overflow, true);
}

/* Moves what found no room into this vCPU's ring; false if it found none here either. */
static bool name_words(struct kvm_vcpu *vcpu, const struct kvm_memslot *slot)
{
	unsigned long n = BITS_TO_LONGS(slot->npages), i, *over = slot->dirty_bitmap + n, bit;

	for (i = 0; i < n; i++) {
		while (READ_ONCE(over[i])) {
			bit = i * BITS_PER_LONG + __ffs(READ_ONCE(over[i]));
			if (!test_and_clear_bit(bit, over))
				continue;
			if (!ring_push(vcpu, slot, bit)) {
				set_bit(bit, over);
				return false;
			}
		}
		if (!(i % 512))
			cond_resched();
	}
	return true;
}

static void name_overflow(struct kvm_vcpu *vcpu)
{
	struct kvm *kvm = vcpu->kvm;
	struct kvm_memslot *slot;
	unsigned long id;

	if (!xchg(&kvm->mmu.ring_overflow, false))
		return;
	/* A slot that is taken out meanwhile is freed after kvm->srcu is let go. */
	xa_for_each(&kvm->slots.by_id, id, slot) {
		if (slot->dirty_bitmap && !name_words(vcpu, slot)) {
			WRITE_ONCE(kvm->mmu.ring_overflow, true);
			return;
		}
	}
}

/**
 * kvm_ring_must_exit - KVM_REQ_DIRTY_RING: has user space to make room first?
 * @vcpu: own thread; kvm->srcu held
 *
 * Return: true for KVM_EXIT_DIRTY_RING_FULL; the request stays.
 */
bool kvm_ring_must_exit(struct kvm_vcpu *vcpu)
{
	u32 limit = ring_size(vcpu->kvm) - ring_reserve();

	if (ring_used(vcpu) < limit && READ_ONCE(vcpu->kvm->mmu.ring_overflow))
		name_overflow(vcpu);
	if (ring_used(vcpu) < limit)
		return false;
	kvm_make_request(vcpu, KVM_REQ_DIRTY_RING);
	return true;
}

/* --- KVM_RESET_DIRTY_RINGS --- */

/* Pages of one word of a slot's bitmap, to be tracked together. */
struct reset {
	struct kvm *kvm;
	struct kvm_memslot *slot;	/* NULL: none yet */
	unsigned long word, mask;
	bool any;
};

static void reset_tracked(struct reset *r)
{
	atomic_long_t *word;

	if (!r->slot || !r->mask)
		return;
	word = (atomic_long_t *)&r->slot->dirty_bitmap[r->word];
	/* The bit first, then the permission: as in mmu/dirty.c. */
	r->mask &= atomic_long_fetch_andnot(r->mask, word);
	kvm_mmu_track_pages(r->kvm, r->slot, r->word * BITS_PER_LONG, &r->mask, 1);
	r->mask = 0;
	r->any = true;
}

/* Says user space, so there may be no such page. */
static void reset_page(struct reset *r, u32 id, u64 offset)
{
	struct kvm_memslot *slot = kvm_id_to_memslot(r->kvm, id);

	if (!slot || !slot->dirty_bitmap || offset >= slot->npages)
		return;
	offset = array_index_nospec(offset, slot->npages);
	if (slot != r->slot || offset / BITS_PER_LONG != r->word) {
		reset_tracked(r);
		r->slot = slot;
		r->word = offset / BITS_PER_LONG;
	}
	r->mask |= BIT(offset % BITS_PER_LONG);
}

static bool reset_pause(u32 i)
{
	if (i % 512)
		return true;
	cond_resched();
	return !fatal_signal_pending(current);
}

/* How many entries user space has given back, from the oldest on without a gap. */
static int ring_reset(struct reset *r, struct kvm_vcpu *vcpu)
{
	struct kvm_ring *ring = &vcpu->ring;
	u32 head = READ_ONCE(ring->head), tail = ring->tail, first = tail;

	for (; tail != head && reset_pause(tail); tail++) {
		struct kvm_dirty_gfn *e = &ring->entries[tail & (ring_size(r->kvm) - 1)];

		/* Nothing of the entry is read before the flag. */
		if (!(smp_load_acquire(&e->flags) & KVM_DIRTY_GFN_F_RESET))
			break;
		reset_page(r, READ_ONCE(e->slot), READ_ONCE(e->offset));
		WRITE_ONCE(e->flags, 0);
	}
	/* The vCPU may use the entries again, pairs with ring_used(). */
	smp_store_release(&ring->tail, tail);
	return tail - first;
}

/**
 * kvm_vm_ioctl_reset_dirty_rings - KVM_RESET_DIRTY_RINGS
 * @a: no argument
 *
 * Writes to the pages of all entries that user space has marked are seen from now on.
 *
 * Return: how many entries are free again; -EINVAL without rings; -EINTR.
 */
long kvm_vm_ioctl_reset_dirty_rings(struct kvm_ioctl_args *a)
{
	struct reset r = { .kvm = a->kvm };
	struct kvm_vcpu *vcpu;
	unsigned long i;
	int n = 0;

	if (!ring_size(a->kvm))
		return -EINVAL;
	if (mutex_lock_killable(&a->kvm->slots_lock))
		return -EINTR;
	kvm_for_each_vcpu(i, vcpu, a->kvm)
		n += ring_reset(&r, vcpu);
	reset_tracked(&r);
	/* User space reads the pages after this. */
	if (r.any)
		kvm_flush_remote_tlbs(a->kvm);
	/* There is room now: any vCPU that runs names what found none. */
	if (n && READ_ONCE(a->kvm->mmu.ring_overflow))
		kvm_make_all_cpus_request(a->kvm, KVM_REQ_DIRTY_RING);
	mutex_unlock(&a->kvm->slots_lock);
	return n;
}

/* --- life --- */

/*
 * A log that began before the rings may be full, or have a copy in its second half. No vCPU has
 * mapped anything yet, so each page is tracked. slots_lock held.
 */
static void empty_logs(struct kvm *kvm)
{
	struct kvm_memslot *slot;
	unsigned long id;

	xa_for_each(&kvm->slots.by_id, id, slot)
		if (slot->dirty_bitmap)
			memset(slot->dirty_bitmap, 0,
			       2 * BITS_TO_LONGS(slot->npages) * sizeof(long));
}

/**
 * kvm_enable_dirty_ring - KVM_ENABLE_CAP of KVM_CAP_DIRTY_LOG_RING and its _ACQ_REL form
 * @kvm: the VM
 * @size: bytes of each vCPU's ring
 *
 * Return: 0; -EINVAL not a power of two, too small, rings are there, or a vCPU is; -E2BIG.
 */
long kvm_enable_dirty_ring(struct kvm *kvm, u64 size)
{
	long r = -EINVAL;

	if (!is_power_of_2(size) || size < PAGE_SIZE ||
	    size / sizeof(struct kvm_dirty_gfn) < ring_reserve())
		return -EINVAL;
	if (size > KVM_DIRTY_RING_SIZE_MAX)
		return -E2BIG;
	mutex_lock(&kvm->lock);
	mutex_lock(&kvm->slots_lock);
	if (!kvm->settings.ring_entries && !kvm->vcpus.created) {
		WRITE_ONCE(kvm->settings.ring_entries, size / sizeof(struct kvm_dirty_gfn));
		empty_logs(kvm);
		r = 0;
	}
	mutex_unlock(&kvm->slots_lock);
	mutex_unlock(&kvm->lock);
	return r;
}

int kvm_ring_create(struct kvm_vcpu *vcpu)
{
	u32 n = ring_size(vcpu->kvm);

	if (!n)
		return 0;
	vcpu->ring.entries = __vmalloc(n * sizeof(struct kvm_dirty_gfn),
				       GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	return vcpu->ring.entries ? 0 : -ENOMEM;
}

void kvm_ring_free(struct kvm_vcpu *vcpu)
{
	vfree(vcpu->ring.entries);
}

/* A page of the ring for a mapping of the vCPU's descriptor; NULL beyond it. */
struct page *kvm_ring_page(struct kvm_vcpu *vcpu, unsigned long pgoff)
{
	/* A whole number of pages, if any: kvm_enable_dirty_ring(). */
	unsigned long n = ring_size(vcpu->kvm) * sizeof(struct kvm_dirty_gfn) / PAGE_SIZE;

	if (pgoff < KVM_DIRTY_LOG_PAGE_OFFSET || pgoff - KVM_DIRTY_LOG_PAGE_OFFSET >= n)
		return NULL;
	pgoff = array_index_nospec(pgoff - KVM_DIRTY_LOG_PAGE_OFFSET, n);
	return vmalloc_to_page((void *)vcpu->ring.entries + pgoff * PAGE_SIZE);
}
