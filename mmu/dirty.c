// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log of a memory slot, handed to user space.
 *
 * A bit is set under the read side of mmu.lock together with the EPT entry's
 * write permission, or after a write through the user address. Here the bit is
 * taken first and the permission after, under the write side: a fault in
 * between leaves a bit for the next time or a page that faults again.
 */
#include <linux/compat.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include "ioctl.h"
#include "mmu.h"

/* Words of the bitmap between two looks at whether to go on: the log of 128 MiB. */
#define DIRTY_STEP	512

/* A bitmap may have 2^31 bits. */
static bool dirty_pause(unsigned long i)
{
	if (i % DIRTY_STEP)
		return true;
	cond_resched();
	return !fatal_signal_pending(current);
}

/*
 * Takes the bits of one slot into the second half of its bitmap, and the write permissions
 * with them. Returns the words that are done: fewer than all if the process is being killed.
 */
static unsigned long dirty_take(struct kvm *kvm, const struct kvm_memslot *slot,
				unsigned long *to)
{
	unsigned long i, n = BITS_TO_LONGS(slot->npages);
	bool any = false;

	for (i = 0; i < n && dirty_pause(i); i++) {
		to[i] = 0;
		if (!READ_ONCE(slot->dirty_bitmap[i]))
			continue;
		to[i] = xchg(&slot->dirty_bitmap[i], 0);
		kvm_mmu_write_protect_masked(kvm, slot, i * BITS_PER_LONG, to[i]);
		any = true;
	}
	/* User space reads the pages after this: no CPU may write them unseen by then. */
	if (any)
		kvm_flush_remote_tlbs(kvm);
	return i;
}

/* Another process that shares the address space may live on, so this one goes to the end. */
static void dirty_give_back(const struct kvm_memslot *slot, const unsigned long *from,
			    unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++) {
		dirty_pause(i);
		if (from[i])
			atomic_long_or(from[i], (atomic_long_t *)&slot->dirty_bitmap[i]);
	}
}

/* In parts, since one copy of all would go on for long whatever happens. */
static int dirty_copy_out(void __user *to, const unsigned long *from, unsigned long n)
{
	unsigned long i, len;

	for (i = 0; i < n; i += DIRTY_STEP) {
		if (!dirty_pause(i))
			return -EINTR;
		len = min_t(unsigned long, n - i, DIRTY_STEP) * sizeof(long);
		if (copy_to_user(to + i * sizeof(long), from + i, len))
			return -EFAULT;
	}
	return 0;
}

/**
 * kvm_get_dirty_log - copy out and clear the dirty bitmap of a slot
 * @kvm: the VM
 * @log: as of KVM_GET_DIRTY_LOG
 *
 * Return: 0, -EINVAL (no such id), -ENOENT (no slot, or not logged), -EFAULT, or
 * -EINTR if the process is being killed; on failure no bit is lost.
 */
int kvm_get_dirty_log(struct kvm *kvm, const struct kvm_dirty_log *log)
{
	struct kvm_memslot *slot;
	unsigned long *copy, n, taken;
	int r;

	if ((log->slot >> 16) >= KVM_NR_ADDRESS_SPACES ||
	    (log->slot & 0xffff) >= KVM_USER_MEM_SLOTS)
		return -EINVAL;
	if (mutex_lock_killable(&kvm->slots_lock))
		return -EINTR;
	slot = kvm_id_to_memslot(kvm, log->slot);
	if (!slot || !slot->dirty_bitmap) {
		r = -ENOENT;
		goto unlock;
	}
	n = BITS_TO_LONGS(slot->npages);
	copy = slot->dirty_bitmap + n;
	taken = dirty_take(kvm, slot, copy);
	r = taken == n ? dirty_copy_out(log->dirty_bitmap, copy, n) : -EINTR;
	if (r)
		dirty_give_back(slot, copy, taken);
unlock:
	mutex_unlock(&kvm->slots_lock);
	return r;
}

long kvm_vm_ioctl_get_dirty_log(struct kvm_ioctl_args *a)
{
	struct kvm_dirty_log *log = a->data;

	/* A 32-bit caller writes half of the pointer. */
	if (in_compat_syscall())
		log->dirty_bitmap = compat_ptr((uintptr_t)log->dirty_bitmap);
	return kvm_get_dirty_log(a->kvm, log);
}
