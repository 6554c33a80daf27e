// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced MMIO and PIO: writes to registered zones go to a ring that user
 * space reads later, and make no exit. Documentation/virt/kvm/api.rst 4.35.
 */
#include <linux/gfp.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "bus.h"
#include "ioctl.h"

struct coalesced_zone {
	struct list_head link;
	struct kvm_coalesced_mmio_zone range;
};

#define MAX_ZONES	256
#define RING_ENTRIES	KVM_COALESCED_MMIO_MAX

int kvm_coalesced_mmio_init(struct kvm *kvm)
{
	mutex_init(&kvm->coalesced.lock);
	spin_lock_init(&kvm->coalesced.ring_lock);
	INIT_LIST_HEAD(&kvm->coalesced.zones);
	kvm->coalesced.ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return kvm->coalesced.ring ? 0 : -ENOMEM;
}

void kvm_coalesced_mmio_free(struct kvm *kvm)
{
	struct coalesced_zone *z, *next;

	list_for_each_entry_safe(z, next, &kvm->coalesced.zones, link)
		kfree(z);
	free_page((unsigned long)kvm->coalesced.ring);
}

static bool in_zone(const struct kvm_coalesced_mmio_zone *r, u64 addr, unsigned int len, bool pio)
{
	return r->pio == pio && addr >= r->addr && addr - r->addr <= r->size &&
	       len <= r->size - (addr - r->addr);
}

static bool find_zone(struct kvm *kvm, u64 addr, unsigned int len, bool pio)
{
	struct coalesced_zone *z;

	list_for_each_entry_srcu(z, &kvm->coalesced.zones, link, srcu_read_lock_held(&kvm->srcu))
		if (in_zone(&z->range, addr, len, pio))
			return true;
	return false;
}

/* User space may have written anything anywhere: each index is read once, and checked. */
static bool push(struct kvm *kvm, u64 addr, unsigned int len, const void *data, bool pio)
{
	struct kvm_coalesced_mmio_ring *ring = kvm->coalesced.ring;
	struct kvm_coalesced_mmio *slot;
	u32 last = READ_ONCE(ring->last), next;

	if (last >= RING_ENTRIES)
		return false;
	next = (last + 1) % RING_ENTRIES;
	/* One entry stays free, to tell a full ring from an empty one. */
	if (next == READ_ONCE(ring->first))
		return false;
	slot = &ring->coalesced_mmio[array_index_nospec(last, RING_ENTRIES)];
	slot->phys_addr = addr;
	slot->len = len;
	slot->pio = pio;
	memcpy(slot->data, data, len);
	/* The entry is there before the index says so. */
	smp_store_release(&ring->last, next);
	return true;
}

/**
 * kvm_coalesced_write - put a write into the ring, if its zone is registered
 * @kvm: VM, kvm->srcu held
 * @addr: guest physical address, or port
 * @len: 1 to 8 bytes
 * @data: the bytes
 * @pio: a port
 *
 * Return: false if it must go to user space by itself, a full ring included.
 */
bool kvm_coalesced_write(struct kvm *kvm, u64 addr, unsigned int len, const void *data, bool pio)
{
	bool done;

	if (likely(list_empty(&kvm->coalesced.zones)) || !find_zone(kvm, addr, len, pio))
		return false;
	spin_lock(&kvm->coalesced.ring_lock);
	done = push(kvm, addr, len, data, pio);
	spin_unlock(&kvm->coalesced.ring_lock);
	return done;
}

long kvm_vm_ioctl_register_coalesced(struct kvm_ioctl_args *a)
{
	const struct kvm_coalesced_mmio_zone *range = a->data;
	struct kvm *kvm = a->kvm;
	struct coalesced_zone *z;
	int r = 0;

	if (range->pio > 1)
		return -EINVAL;
	z = kzalloc(sizeof(*z), GFP_KERNEL_ACCOUNT);
	if (!z)
		return -ENOMEM;
	z->range = *range;
	mutex_lock(&kvm->coalesced.lock);
	if (kvm->coalesced.count == MAX_ZONES) {
		r = -ENOSPC;
		kfree(z);
	} else {
		kvm->coalesced.count++;
		list_add_tail_rcu(&z->link, &kvm->coalesced.zones);
	}
	mutex_unlock(&kvm->coalesced.lock);
	return r;
}

/* Every zone that holds the whole range goes. */
long kvm_vm_ioctl_unregister_coalesced(struct kvm_ioctl_args *a)
{
	const struct kvm_coalesced_mmio_zone *range = a->data;
	struct kvm *kvm = a->kvm;
	struct coalesced_zone *z, *next;

	if (range->pio > 1)
		return -EINVAL;
	mutex_lock(&kvm->coalesced.lock);
	list_for_each_entry_safe(z, next, &kvm->coalesced.zones, link) {
		if (!in_zone(&z->range, range->addr, range->size, range->pio))
			continue;
		list_del_rcu(&z->link);
		/* A reader may still be on it: the link stays whole until they are gone. */
		synchronize_srcu_expedited(&kvm->srcu);
		kvm->coalesced.count--;
		kfree(z);
	}
	mutex_unlock(&kvm->coalesced.lock);
	return 0;
}

static const struct kvm_cap caps[] = {
	{ KVM_CAP_COALESCED_MMIO, KVM_COALESCED_PAGE },
	{ KVM_CAP_COALESCED_PIO, 1 },
};

KVM_CAP_TABLE(kvm_caps_coalesced, caps);
