// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which guest pages are private: KVM_SET_MEMORY_ATTRIBUTES. Ranges of guest frames are in a
 * maple tree, which faults read under RCU, and which changes under slots_lock. What is in the
 * tree is private, and no two ranges of it touch.
 */
#include <linux/maple_tree.h>
#include "guest_memfd.h"
#include "internal.h"
#include "ioctl.h"
#include "uapi/kvm_guest_memfd.h"

/* KVM_MEMORY_ATTRIBUTE_* that the memory of @kvm can have, or without @kvm that of any VM. */
static u64 supported(const struct kvm *kvm)
{
	return !kvm || kvm->mmu.private_mem ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0;
}

int kvm_cap_memory_attributes(struct kvm *kvm)
{
	return supported(kvm);
}

bool kvm_gfn_is_private(struct kvm *kvm, gfn_t gfn)
{
	return kvm->mmu.private_mem && mtree_load(&kvm->mmu.attributes, gfn);
}

/**
 * kvm_gfns_are_shared - is no page of a range private?
 * @kvm: the VM; read side of mmu.lock held until what depends on the answer is mapped
 * @first: first gfn
 * @last: last gfn
 *
 * A change that comes meanwhile is in the tree before it waits for the lock, and then zaps.
 */
bool kvm_gfns_are_shared(struct kvm *kvm, gfn_t first, gfn_t last)
{
	unsigned long index = first;

	return !kvm->mmu.private_mem || !mt_find(&kvm->mmu.attributes, &index, last);
}

/* The private range that @gfn is in; false if it is in none. slots_lock held. */
static bool private_range(struct kvm *kvm, gfn_t gfn, gfn_t *first, gfn_t *last)
{
	MA_STATE(mas, &kvm->mmu.attributes, gfn, gfn);
	bool found;

	rcu_read_lock();
	found = mas_walk(&mas);
	if (found) {
		*first = mas.index;
		*last = mas.last;
	}
	rcu_read_unlock();
	return found;
}

static int store(struct kvm *kvm, gfn_t first, gfn_t last, bool private)
{
	void *entry = private ? xa_mk_value(KVM_MEMORY_ATTRIBUTE_PRIVATE) : NULL;
	gfn_t from, to;

	if (private) {
		/* With the ranges that it touches it is one. */
		if (first && private_range(kvm, first - 1, &from, &to))
			first = from;
		if (private_range(kvm, last + 1, &from, &to))
			last = to;
	}
	return mtree_store_range(&kvm->mmu.attributes, first, last, entry, GFP_KERNEL_ACCOUNT);
}

static bool range_is(struct kvm *kvm, gfn_t first, gfn_t last, bool private)
{
	unsigned long index = first;
	gfn_t from, to;

	if (!private)
		return !mt_find(&kvm->mmu.attributes, &index, last);
	return private_range(kvm, first, &from, &to) && to >= last;
}

/*
 * A fault that looked the old attribute up finds another attributes_seq under mmu.lock and
 * starts again, or has mapped its page before, which is dropped here.
 */
static void drop_mappings(struct kvm *kvm, gfn_t first, gfn_t last)
{
	write_lock(&kvm->mmu.lock);
	/* Pairs with smp_rmb() in handle_fault(): who sees the count finds the new attribute. */
	smp_store_release(&kvm->mmu.attributes_seq, kvm->mmu.attributes_seq + 1);
	ept_zap(kvm, first, last + 1, true);
	write_unlock(&kvm->mmu.lock);
}

static int set_attributes(struct kvm *kvm, gfn_t first, gfn_t last, bool private)
{
	int r = 0;

	mutex_lock(&kvm->slots_lock);
	if (!range_is(kvm, first, last, private)) {
		r = store(kvm, first, last, private);
		if (!r) {
			drop_mappings(kvm, first, last);
			/* What is remembered of user addresses was for shared pages. */
			smp_store_release(&kvm->slots.gen, kvm->slots.gen + 1);
		}
	}
	mutex_unlock(&kvm->slots_lock);
	return r;
}

/**
 * kvm_vm_ioctl_set_memory_attributes - KVM_SET_MEMORY_ATTRIBUTES
 * @a: struct kvm_memory_attributes
 *
 * Return: 0; -EINVAL for a range, flag or attribute that cannot be, -ENOMEM: nothing changed.
 */
long kvm_vm_ioctl_set_memory_attributes(struct kvm_ioctl_args *a)
{
	const struct kvm_memory_attributes *attr = a->data;
	u64 end = attr->address + attr->size;

	if (attr->flags || (attr->attributes & ~supported(a->kvm)) ||
	    end <= attr->address || !PAGE_ALIGNED(attr->address | attr->size))
		return -EINVAL;
	return set_attributes(a->kvm, attr->address >> PAGE_SHIFT, (end >> PAGE_SHIFT) - 1,
			      attr->attributes);
}

void kvm_attributes_init(struct kvm *kvm)
{
	mt_init_flags(&kvm->mmu.attributes, MT_FLAGS_USE_RCU);
}

/* No vCPU is left. */
void kvm_attributes_free(struct kvm *kvm)
{
	mtree_destroy(&kvm->mmu.attributes);
}
