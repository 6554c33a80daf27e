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
#include <linux/uaccess.h>
#include "ioctl.h"
#include "mmu.h"

/* Takes the bits of one slot into the second half of its bitmap; false if there are none. */
static bool dirty_take(struct kvm *kvm, const struct kvm_memslot *slot, unsigned long *to)
{
	unsigned long i, n = BITS_TO_LONGS(slot->npages);
	bool any = false;

	for (i = 0; i < n; i++) {
		if (!(i % BITS_PER_LONG))
			cond_resched();
		to[i] = 0;
		if (!READ_ONCE(slot->dirty_bitmap[i]))
			continue;
		to[i] = xchg(&slot->dirty_bitmap[i], 0);
		kvm_mmu_write_protect_masked(kvm, slot, i * BITS_PER_LONG, to[i]);
		any = true;
	}
	return any;
}

static void dirty_give_back(const struct kvm_memslot *slot, const unsigned long *from)
{
	unsigned long bit;

	for_each_set_bit(bit, from, slot->npages)
		set_bit(bit, slot->dirty_bitmap);
}

/**
 * kvm_get_dirty_log - copy out and clear the dirty bitmap of a slot
 * @kvm: the VM
 * @log: as of KVM_GET_DIRTY_LOG
 *
 * Return: 0, -EINVAL (no such id), -ENOENT (no slot, or not logged) or -EFAULT;
 * on failure no bit is lost.
 */
int kvm_get_dirty_log(struct kvm *kvm, const struct kvm_dirty_log *log)
{
	struct kvm_memslot *slot;
	unsigned long *copy, n;
	int r = 0;

	if ((log->slot >> 16) >= KVM_NR_ADDRESS_SPACES ||
	    (log->slot & 0xffff) >= KVM_USER_MEM_SLOTS)
		return -EINVAL;
	mutex_lock(&kvm->slots_lock);
	slot = kvm_id_to_memslot(kvm, log->slot);
	if (!slot || !slot->dirty_bitmap) {
		r = -ENOENT;
		goto unlock;
	}
	n = BITS_TO_LONGS(slot->npages);
	copy = slot->dirty_bitmap + n;
	/* User space reads the pages after this: no CPU may write them unseen by then. */
	if (dirty_take(kvm, slot, copy))
		kvm_flush_remote_tlbs(kvm);
	if (copy_to_user(log->dirty_bitmap, copy, n * sizeof(long))) {
		dirty_give_back(slot, copy);
		r = -EFAULT;
	}
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
