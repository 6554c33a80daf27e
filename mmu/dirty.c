// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log of a memory slot, handed to user space.
 *
 * A bit is set with or after the EPT entry's write permission, under one hold of
 * the read side of mmu.lock, or after a write through the user address. Here the
 * bit is taken first and the permission after: a fault in between leaves a bit for
 * the next time, or a page that faults again, or both.
 */
#include <linux/compat.h>
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include "ioctl.h"
#include "kick.h"
#include "mmu.h"
#include "vmx.h"

/* Words of the bitmap between two looks at whether to go on: the log of 128 MiB. */
#define DIRTY_STEP	512

/* A bitmap may have 2^31 bits. Whether to go on with step @i. */
static bool dirty_pause(unsigned long i)
{
	if (i % DIRTY_STEP)
		return true;
	cond_resched();
	return !fatal_signal_pending(current);
}

/* Words of the step that begins at word @i of @n. */
static unsigned long step_words(unsigned long i, unsigned long n)
{
	return min_t(unsigned long, n - i, DIRTY_STEP);
}

/**
 * kvm_log_cpu_writes - what the CPU has logged by itself goes into the slots' logs
 * @vcpu: loaded vCPU, own thread; kvm->srcu held
 *
 * Context: interrupts may be off.
 */
void kvm_log_cpu_writes(struct kvm_vcpu *vcpu)
{
	const u64 *gpa;
	unsigned int n = vmx_pml_take(vcpu, &gpa);

	while (n--)
		kvm_mark_page_dirty(vcpu, *gpa++ >> PAGE_SHIFT);
}

/* What the CPUs log is in the slots' logs when they have left the guest (run/run.c). */
void kvm_collect_cpu_writes(struct kvm *kvm)
{
	if (kvm->mmu.pml)
		kvm_kick_all_and_wait(kvm);
}

/* Takes the bits of words @i to @end into @to, and tracks their pages; false if there is none. */
static bool take_words(struct kvm *kvm, const struct kvm_memslot *slot, unsigned long *to,
		       unsigned long i, unsigned long end)
{
	unsigned long *log = slot->dirty_bitmap, run;
	bool any = false;

	while (i < end) {
		to[i] = READ_ONCE(log[i]);
		if (likely(!to[i])) {
			i++;
			continue;
		}
		for (run = i; i < end && READ_ONCE(log[i]); i++)
			to[i] = xchg(&log[i], 0);
		kvm_mmu_track_pages(kvm, slot, run * BITS_PER_LONG, to + run, i - run);
		any = true;
	}
	return any;
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

	for (i = 0; i < n && dirty_pause(i); i += step_words(i, n))
		any |= take_words(kvm, slot, to, i, i + step_words(i, n));
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
	unsigned long i;

	for (i = 0; i < n; i += DIRTY_STEP) {
		if (!dirty_pause(i))
			return -EINTR;
		if (copy_to_user(to + i * sizeof(long), from + i,
				 step_words(i, n) * sizeof(long)))
			return -EFAULT;
	}
	return 0;
}

/* The slot of a log; slots_lock is taken, and kept if there is one. */
static struct kvm_memslot *lock_logged(struct kvm *kvm, u32 id)
{
	struct kvm_memslot *slot;

	if (kvm->settings.ring_entries)
		return ERR_PTR(-ENXIO);
	if ((id >> 16) >= KVM_NR_ADDRESS_SPACES || (id & 0xffff) >= KVM_USER_MEM_SLOTS)
		return ERR_PTR(-EINVAL);
	if (mutex_lock_killable(&kvm->slots_lock))
		return ERR_PTR(-EINTR);
	slot = kvm_id_to_memslot(kvm, id);
	if (slot && slot->dirty_bitmap)
		return slot;
	mutex_unlock(&kvm->slots_lock);
	return ERR_PTR(-ENOENT);
}

/**
 * kvm_get_dirty_log - copy out and clear the dirty bitmap of a slot
 * @kvm: the VM
 * @log: as of KVM_GET_DIRTY_LOG
 *
 * With KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE it is only copied.
 *
 * Return: 0, -EINVAL (no such id), -ENOENT (no slot, or not logged), -ENXIO (rings), -EFAULT, or
 * -EINTR if the process is being killed; on failure no bit is lost.
 */
int kvm_get_dirty_log(struct kvm *kvm, const struct kvm_dirty_log *log)
{
	struct kvm_memslot *slot = lock_logged(kvm, log->slot);
	unsigned long *copy, n, taken;
	int r;

	if (IS_ERR(slot))
		return PTR_ERR(slot);
	kvm_collect_cpu_writes(kvm);
	n = BITS_TO_LONGS(slot->npages);
	copy = slot->dirty_bitmap + n;
	if (READ_ONCE(kvm->settings.manual_log)) {
		r = dirty_copy_out(log->dirty_bitmap, slot->dirty_bitmap, n);
	} else {
		taken = dirty_take(kvm, slot, copy);
		r = taken == n ? dirty_copy_out(log->dirty_bitmap, copy, n) : -EINTR;
		if (r)
			dirty_give_back(slot, copy, taken);
	}
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

/* In parts, like dirty_copy_out(). */
static int dirty_copy_in(unsigned long *to, const void __user *from, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i += DIRTY_STEP) {
		if (!dirty_pause(i))
			return -EINTR;
		if (copy_from_user(to + i, from + i * sizeof(long),
				   step_words(i, n) * sizeof(long)))
			return -EFAULT;
	}
	return 0;
}

/*
 * Clears the bits of words @i to @end of the log that @mask has, and tracks their pages; @first is
 * the log's word that mask[0] is for. False if none was set: none is beyond the slot's end.
 */
static bool clear_words(struct kvm *kvm, const struct kvm_memslot *slot, unsigned long *mask,
			unsigned long first, unsigned long i, unsigned long end)
{
	atomic_long_t *log = (atomic_long_t *)slot->dirty_bitmap + first;
	unsigned long run, any = 0;

	while (i < end) {
		if (!mask[i]) {
			i++;
			continue;
		}
		for (run = i; i < end && mask[i]; i++)
			any |= mask[i] &= atomic_long_fetch_andnot(mask[i], &log[i]);
		kvm_mmu_track_pages(kvm, slot, (first + run) * BITS_PER_LONG, mask + run,
				    i - run);
	}
	return any;
}

/* Another process that shares the address space may live on: whatever is cleared is tracked. */
static void dirty_clear(struct kvm *kvm, const struct kvm_memslot *slot, unsigned long *mask,
			unsigned long first, unsigned long n)
{
	bool any = false;
	unsigned long i;

	for (i = 0; i < n; i += step_words(i, n)) {
		dirty_pause(i);
		any |= clear_words(kvm, slot, mask, first, i, i + step_words(i, n));
	}
	if (any)
		kvm_flush_remote_tlbs(kvm);
}

/* Whole words, but for the end of the slot. */
static bool clear_valid(const struct kvm_clear_dirty_log *log, const struct kvm_memslot *slot)
{
	return !(log->first_page % BITS_PER_LONG) && log->first_page <= slot->npages &&
	       log->num_pages <= slot->npages - log->first_page &&
	       (!(log->num_pages % BITS_PER_LONG) ||
		log->num_pages == slot->npages - log->first_page);
}

/**
 * kvm_vm_ioctl_clear_dirty_log - KVM_CLEAR_DIRTY_LOG
 * @a: struct kvm_clear_dirty_log
 *
 * The pages of the bitmap's bits count as unwritten, and writes to them are seen from now on.
 *
 * Return: 0; -EINVAL no such id or pages; -ENOENT no slot, or not logged; -ENXIO rings; -EFAULT, or
 * -EINTR if the process is being killed, with nothing changed.
 */
long kvm_vm_ioctl_clear_dirty_log(struct kvm_ioctl_args *a)
{
	const struct kvm_clear_dirty_log *log = a->data;
	struct kvm_memslot *slot = lock_logged(a->kvm, log->slot);
	const void __user *from = log->dirty_bitmap;
	unsigned long *mask, n;
	int r = -EINVAL;

	if (IS_ERR(slot))
		return PTR_ERR(slot);
	if (in_compat_syscall())
		from = compat_ptr((uintptr_t)from);
	if (clear_valid(log, slot)) {
		mask = slot->dirty_bitmap + BITS_TO_LONGS(slot->npages);
		n = BITS_TO_LONGS(log->num_pages);
		r = dirty_copy_in(mask, from, n);
		if (!r)
			dirty_clear(a->kvm, slot, mask, log->first_page / BITS_PER_LONG, n);
	}
	mutex_unlock(&a->kvm->slots_lock);
	return r;
}

long kvm_enable_manual_log(struct kvm *kvm, u64 flags)
{
	const u64 all = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET;

	if (flags & ~all || (flags && !(flags & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)))
		return -EINVAL;
	/* A change of a slot's flags looks twice. */
	mutex_lock(&kvm->slots_lock);
	WRITE_ONCE(kvm->settings.manual_log, flags);
	mutex_unlock(&kvm->slots_lock);
	return 0;
}
