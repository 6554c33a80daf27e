// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots. Readers see, under kvm->srcu, an array of pointers sorted by
 * guest address that is never changed but replaced; so are the slots in it.
 * Writers hold slots_lock. Documentation/mmu.rst.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "ioctl.h"
#include "mmu.h"

#define KVM_MEMSLOT_MAX_PAGES	((1UL << 31) - 1)
#define KVM_MEMSLOT_FLAGS	(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)

struct kvm_memslots {
	unsigned int count;
	unsigned int hint;		/* the slot that answered last */
	struct kvm_memslot *slot[];	/* by base_gfn */
};

static bool slot_has(const struct kvm_memslot *slot, gfn_t gfn)
{
	return gfn >= slot->base_gfn && gfn - slot->base_gfn < slot->npages;
}

/* How many slots begin at or below @gfn: the only one that can hold it is the last of them. */
static unsigned int slots_below(const struct kvm_memslots *slots, gfn_t gfn)
{
	unsigned int lo = 0, hi = slots->count;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (slots->slot[mid]->base_gfn <= gfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/**
 * kvm_gfn_to_memslot - the slot that backs a guest page
 * @kvm: the VM
 * @gfn: guest frame number
 *
 * Return: the slot, valid while kvm->srcu or slots_lock is held, or NULL.
 */
struct kvm_memslot *kvm_gfn_to_memslot(struct kvm *kvm, gfn_t gfn)
{
	struct kvm_memslots *slots = srcu_dereference_check(kvm->memslots[0], &kvm->srcu,
							    lockdep_is_held(&kvm->slots_lock));
	unsigned int i = READ_ONCE(slots->hint);

	if (i < slots->count && slot_has(slots->slot[i], gfn))
		return slots->slot[i];
	i = slots_below(slots, gfn);
	if (!i || !slot_has(slots->slot[i - 1], gfn))
		return NULL;
	WRITE_ONCE(slots->hint, i - 1);
	return slots->slot[i - 1];
}

struct kvm_memslot *kvm_id_to_memslot(struct kvm *kvm, u32 id)
{
	lockdep_assert_held(&kvm->slots_lock);
	return xa_load(&kvm->memslot_ids, id);
}

static struct kvm_memslots *slots_alloc(unsigned int count)
{
	struct kvm_memslots *slots;

	slots = kvmalloc(struct_size(slots, slot, count), GFP_KERNEL_ACCOUNT);
	if (slots) {
		slots->count = count;
		slots->hint = 0;
	}
	return slots;
}

/* A copy of @from without @remove and with @add; either may be NULL. */
static struct kvm_memslots *slots_copy(const struct kvm_memslots *from,
				       const struct kvm_memslot *remove, struct kvm_memslot *add)
{
	struct kvm_memslots *to = slots_alloc(from->count - !!remove + !!add);
	unsigned int n = from->count, i;

	if (!to)
		return NULL;
	if (remove) {
		n--;
		i = slots_below(from, remove->base_gfn) - 1;
		memcpy(to->slot, from->slot, i * sizeof(to->slot[0]));
		memcpy(to->slot + i, from->slot + i + 1, (n - i) * sizeof(to->slot[0]));
	} else {
		memcpy(to->slot, from->slot, n * sizeof(to->slot[0]));
	}
	if (add) {
		to->count = n;
		i = slots_below(to, add->base_gfn);
		memmove(to->slot + i + 1, to->slot + i, (n - i) * sizeof(to->slot[0]));
		to->slot[i] = add;
		to->count = n + 1;
	}
	return to;
}

static struct kvm_memslots *slots_of(struct kvm *kvm, u16 as_id)
{
	return rcu_dereference_protected(kvm->memslots[as_id], lockdep_is_held(&kvm->slots_lock));
}

/* When this returns nobody looks at the array that was there, or holds a slot only it had. */
static void slots_publish(struct kvm *kvm, u16 as_id, struct kvm_memslots *new)
{
	struct kvm_memslots *old = slots_of(kvm, as_id);

	rcu_assign_pointer(kvm->memslots[as_id], new);
	synchronize_srcu_expedited(&kvm->srcu);
	kvfree(old);
}

/* Does a slot other than @but have a page of [base, base + npages)? */
static bool slots_overlap(const struct kvm_memslots *slots, gfn_t base, unsigned long npages,
			  const struct kvm_memslot *but)
{
	unsigned int i = slots_below(slots, base + npages - 1);

	/* At most one of those that overlap is @but, and they are side by side. */
	for (; i; i--) {
		const struct kvm_memslot *slot = slots->slot[i - 1];

		if (slot == but)
			continue;
		return slot->base_gfn + slot->npages > base;
	}
	return false;
}

static void slot_free(struct kvm_memslot *slot)
{
	if (slot)
		kvfree(slot->dirty_bitmap);
	kfree(slot);
}

static int slot_alloc_bitmap(struct kvm_memslot *slot)
{
	/* The second half is where KVM_GET_DIRTY_LOG takes its copy. */
	slot->dirty_bitmap = kvcalloc(2 * BITS_TO_LONGS(slot->npages), sizeof(long),
				      GFP_KERNEL_ACCOUNT);
	return slot->dirty_bitmap ? 0 : -ENOMEM;
}

static struct kvm_memslot *slot_alloc(const struct kvm_userspace_memory_region *mem)
{
	struct kvm_memslot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);

	if (!slot)
		return NULL;
	slot->base_gfn = mem->guest_phys_addr >> PAGE_SHIFT;
	slot->npages = mem->memory_size >> PAGE_SHIFT;
	slot->hva = mem->userspace_addr;
	slot->flags = mem->flags;
	slot->id = mem->slot;
	slot->as_id = mem->slot >> 16;
	slot->hva_node.start = slot->hva;
	slot->hva_node.last = slot->hva + mem->memory_size - 1;
	return slot;
}

static int slot_create(struct kvm *kvm, const struct kvm_userspace_memory_region *mem)
{
	struct kvm_memslots *old = slots_of(kvm, mem->slot >> 16), *new;
	struct kvm_memslot *slot;
	int r = -ENOMEM;

	if (slots_overlap(old, mem->guest_phys_addr >> PAGE_SHIFT, mem->memory_size >> PAGE_SHIFT,
			  NULL))
		return -EEXIST;
	slot = slot_alloc(mem);
	if (!slot)
		return -ENOMEM;
	if ((mem->flags & KVM_MEM_LOG_DIRTY_PAGES) && slot_alloc_bitmap(slot))
		goto free_slot;
	new = slots_copy(old, NULL, slot);
	if (!new)
		goto free_slot;
	r = xa_err(xa_store(&kvm->memslot_ids, mem->slot, slot, GFP_KERNEL_ACCOUNT));
	if (r)
		goto free_array;
	kvm_mmu_add_slot(kvm, slot);
	slots_publish(kvm, slot->as_id, new);
	return 0;

free_array:
	kvfree(new);
free_slot:
	slot_free(slot);
	return r;
}

static int slot_delete(struct kvm *kvm, struct kvm_memslot *slot)
{
	struct kvm_memslots *new = slots_copy(slots_of(kvm, slot->as_id), slot, NULL);

	if (!new)
		return -ENOMEM;
	xa_erase(&kvm->memslot_ids, (u32)slot->as_id << 16 | slot->id);
	slots_publish(kvm, slot->as_id, new);
	/* No fault that found the slot is under way, so what is zapped stays so. */
	kvm_mmu_remove_slot(kvm, slot);
	slot_free(slot);
	return 0;
}

/* The successor of a slot: @mem may say another place and other flags. */
static struct kvm_memslot *slot_successor(const struct kvm_memslot *old,
					  const struct kvm_userspace_memory_region *mem)
{
	struct kvm_memslot *slot = slot_alloc(mem);

	if (!slot || !(mem->flags & KVM_MEM_LOG_DIRTY_PAGES))
		return slot;
	slot->dirty_bitmap = old->dirty_bitmap;
	if (!slot->dirty_bitmap && slot_alloc_bitmap(slot)) {
		kfree(slot);
		return NULL;
	}
	return slot;
}

/* The bitmap goes to whoever @keep says has it too. */
static void slot_free_but(struct kvm_memslot *slot, const struct kvm_memslot *keep)
{
	if (slot && slot->dirty_bitmap == keep->dirty_bitmap)
		slot->dirty_bitmap = NULL;
	slot_free(slot);
}

/* In between the guest has no memory at either place, as if deleted and made anew. */
static int slot_move(struct kvm *kvm, struct kvm_memslot *old,
		     const struct kvm_userspace_memory_region *mem)
{
	struct kvm_memslots *slots = slots_of(kvm, old->as_id), *without, *with = NULL;
	struct kvm_memslot *slot;

	if (slots_overlap(slots, mem->guest_phys_addr >> PAGE_SHIFT, old->npages, old))
		return -EEXIST;
	slot = slot_successor(old, mem);
	if (!slot)
		return -ENOMEM;
	without = slots_copy(slots, old, NULL);
	if (without)
		with = slots_copy(without, NULL, slot);
	if (!with) {
		kvfree(without);
		slot_free_but(slot, old);
		return -ENOMEM;
	}
	slots_publish(kvm, old->as_id, without);
	kvm_mmu_remove_slot(kvm, old);
	kvm_mmu_add_slot(kvm, slot);
	xa_store(&kvm->memslot_ids, mem->slot, slot, GFP_KERNEL_ACCOUNT);
	slots_publish(kvm, old->as_id, with);
	slot_free_but(old, slot);
	return 0;
}

static int slot_set_flags(struct kvm *kvm, struct kvm_memslot *old,
			  const struct kvm_userspace_memory_region *mem)
{
	struct kvm_memslot *slot = slot_successor(old, mem);
	struct kvm_memslots *new;

	if (!slot)
		return -ENOMEM;
	new = slots_copy(slots_of(kvm, old->as_id), old, slot);
	if (!new) {
		slot_free_but(slot, old);
		return -ENOMEM;
	}
	kvm_mmu_replace_slot(kvm, old, slot);
	/* The entry is there, so this needs no memory. */
	xa_store(&kvm->memslot_ids, mem->slot, slot, GFP_KERNEL_ACCOUNT);
	slots_publish(kvm, old->as_id, new);
	if (slot->dirty_bitmap) {
		/* Faults made writable what they found in the old slot; no more from here on. */
		kvm_mmu_slot_write_protect(kvm, slot);
	} else {
		/* Small pages become large again as they are touched. */
		kvm_mmu_zap_gfn_range(kvm, slot->base_gfn, slot->base_gfn + slot->npages);
	}
	slot_free_but(old, slot);
	return 0;
}

static int slot_change(struct kvm *kvm, struct kvm_memslot *slot,
		       const struct kvm_userspace_memory_region *mem)
{
	if (slot->npages != mem->memory_size >> PAGE_SHIFT || slot->hva != mem->userspace_addr ||
	    ((slot->flags ^ mem->flags) & KVM_MEM_READONLY))
		return -EINVAL;
	if (slot->base_gfn != mem->guest_phys_addr >> PAGE_SHIFT)
		return slot_move(kvm, slot, mem);
	if (slot->flags != mem->flags)
		return slot_set_flags(kvm, slot, mem);
	return 0;
}

static bool region_valid(const struct kvm_userspace_memory_region *mem)
{
	u64 gpa = mem->guest_phys_addr, size = mem->memory_size, hva = mem->userspace_addr;

	if ((mem->slot >> 16) >= KVM_NR_ADDRESS_SPACES ||
	    (mem->slot & 0xffff) >= KVM_USER_MEM_SLOTS + KVM_NR_PRIVATE_SLOTS ||
	    (mem->flags & ~KVM_MEMSLOT_FLAGS))
		return false;
	if (!PAGE_ALIGNED(gpa | size | hva) || size >> PAGE_SHIFT > KVM_MEMSLOT_MAX_PAGES)
		return false;
	if (!size)
		return true;
	return hva + size > hva && hva + size <= TASK_SIZE_MAX &&
	       access_ok((void __user *)hva, size) &&
	       gpa + size > gpa && (gpa + size) >> PAGE_SHIFT <= kvm_mmu_gfn_limit();
}

/**
 * kvm_set_memory_region - create, move, delete a slot or change its flags
 * @kvm: the VM
 * @mem: as of KVM_SET_USER_MEMORY_REGION; the id may be a private one
 *
 * Return: 0, -EINVAL, -EEXIST (overlap) or -ENOMEM; on failure nothing changed.
 */
int kvm_set_memory_region(struct kvm *kvm, const struct kvm_userspace_memory_region *mem)
{
	struct kvm_memslot *slot;
	int r;

	if (!region_valid(mem))
		return -EINVAL;
	mutex_lock(&kvm->slots_lock);
	slot = kvm_id_to_memslot(kvm, mem->slot);
	if (slot)
		r = mem->memory_size ? slot_change(kvm, slot, mem) : slot_delete(kvm, slot);
	else
		r = mem->memory_size ? slot_create(kvm, mem) : -EINVAL;
	mutex_unlock(&kvm->slots_lock);
	return r;
}

long kvm_vm_ioctl_set_memory_region(struct kvm_ioctl_args *a)
{
	const struct kvm_userspace_memory_region *mem = a->data;

	if ((mem->slot & 0xffff) >= KVM_USER_MEM_SLOTS)
		return -EINVAL;
	return kvm_set_memory_region(a->kvm, mem);
}

static const struct kvm_cap memslot_caps[] = {
	{ .cap = KVM_CAP_USER_MEMORY, .value = 1 },
	{ .cap = KVM_CAP_NR_MEMSLOTS, .value = KVM_USER_MEM_SLOTS },
	{ .cap = KVM_CAP_DESTROY_MEMORY_REGION_WORKS, .value = 1 },
	{ .cap = KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, .value = 1 },
	{ .cap = KVM_CAP_READONLY_MEM, .value = 1 },
	{ .cap = KVM_CAP_SYNC_MMU, .value = 1 },
	{ .cap = KVM_CAP_MULTI_ADDRESS_SPACE, .value = KVM_NR_ADDRESS_SPACES },
};

KVM_CAP_TABLE(kvm_caps_memslot, memslot_caps);

/**
 * kvm_memslots_init - the empty arrays of a new VM
 * @kvm: the VM
 *
 * Return: 0 or -ENOMEM.
 */
int kvm_memslots_init(struct kvm *kvm)
{
	int i;

	xa_init(&kvm->memslot_ids);
	for (i = 0; i < KVM_NR_ADDRESS_SPACES; i++) {
		struct kvm_memslots *slots = slots_alloc(0);

		if (!slots) {
			kvm_memslots_free(kvm);
			return -ENOMEM;
		}
		RCU_INIT_POINTER(kvm->memslots[i], slots);
	}
	return 0;
}

/**
 * kvm_memslots_free - drop all slots of a VM that nobody uses any more
 * @kvm: the VM, with no vCPU, and no notifier
 */
void kvm_memslots_free(struct kvm *kvm)
{
	struct kvm_memslot *slot;
	unsigned long id;
	int i;

	xa_for_each(&kvm->memslot_ids, id, slot)
		slot_free(slot);
	xa_destroy(&kvm->memslot_ids);
	for (i = 0; i < KVM_NR_ADDRESS_SPACES; i++) {
		kvfree(rcu_dereference_protected(kvm->memslots[i], 1));
		RCU_INIT_POINTER(kvm->memslots[i], NULL);
	}
}
