// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots. Readers see, under kvm->srcu, an array of pointers sorted by
 * guest address that is never changed but replaced; so are the slots in it. It
 * is cut into blocks, and of those a new array takes over what is the same.
 * Writers hold slots_lock. Documentation/mmu.rst.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat/compat.h"
#include "guest_memfd.h"
#include "ioctl.h"
#include "mmu.h"
#include "uapi/kvm_guest_memfd.h"
#include "vcpu.h"

#define KVM_MEMSLOT_MAX_PAGES	((1UL << 31) - 1)

/* A block is 2 KiB. */
#define SLOT_BLOCK_MAX		254

struct slot_block {
	unsigned int refs;		/* arrays that have it; under slots_lock */
	unsigned int count;		/* never 0 */
	struct kvm_memslot *slot[SLOT_BLOCK_MAX];	/* by base_gfn */
};

struct kvm_memslots {
	unsigned int count;
	struct slot_span {
		gfn_t base;		/* of the first slot in the block */
		struct slot_block *block;
	} span[];
};

static bool slot_has(const struct kvm_memslot *slot, gfn_t gfn)
{
	return gfn >= slot->base_gfn && gfn - slot->base_gfn < slot->npages;
}

/* How many blocks begin at or below @gfn. */
static unsigned int spans_below(const struct kvm_memslots *slots, gfn_t gfn)
{
	unsigned int lo = 0, hi = slots->count;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (slots->span[mid].base <= gfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* How many slots of the block begin at or below @gfn. */
static unsigned int slots_below(const struct slot_block *block, gfn_t gfn)
{
	unsigned int lo = 0, hi = block->count;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (block->slot[mid]->base_gfn <= gfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The last slot that begins at or below @gfn: the only one that can hold it. */
static struct kvm_memslot *slot_below(const struct kvm_memslots *slots, gfn_t gfn)
{
	unsigned int i = spans_below(slots, gfn);
	const struct slot_block *block;

	if (!i)
		return NULL;
	block = slots->span[i - 1].block;
	return block->slot[slots_below(block, gfn) - 1];
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
	struct kvm_memslots *slots = srcu_dereference_check(kvm->slots.set[0], &kvm->srcu,
							    lockdep_is_held(&kvm->slots_lock));
	struct kvm_memslot *slot = slot_below(slots, gfn);

	return slot && slot_has(slot, gfn) ? slot : NULL;
}

/**
 * kvm_vcpu_memslot - the same for a vCPU, quick where its last look-up was in the same slot
 * @vcpu: the vCPU, own thread or vcpu->mutex held; not from the scheduler's hooks
 * @gfn: guest frame number
 *
 * What is remembered counts while kvm->slots.gen is the same. The number is read before the array,
 * so the slot is in the array of that publication or of a later one. It is freed after a
 * publication without it, whose number comes before its grace period: a reader that still sees the
 * old number is one of those waited for.
 *
 * Return: the slot, valid while kvm->srcu is held, or NULL.
 */
struct kvm_memslot *kvm_vcpu_memslot(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	/* Pairs with the release in slots_publish(): the array is not older than the number. */
	u64 gen = smp_load_acquire(&vcpu->kvm->slots.gen);
	struct kvm_memslot *slot = vcpu->mem.slot;

	if (slot && vcpu->mem.slot_gen == gen && slot_has(slot, gfn))
		return slot;
	slot = kvm_gfn_to_memslot(vcpu->kvm, gfn);
	if (slot) {
		vcpu->mem.slot = slot;
		vcpu->mem.slot_gen = gen;
	}
	return slot;
}

struct kvm_memslot *kvm_id_to_memslot(struct kvm *kvm, u32 id)
{
	lockdep_assert_held(&kvm->slots_lock);
	return xa_load(&kvm->slots.by_id, id);
}

static void block_put(struct slot_block *block)
{
	if (block && !--block->refs)
		kfree(block);
}

static void slots_free(struct kvm_memslots *slots)
{
	unsigned int i;

	for (i = 0; slots && i < slots->count; i++)
		block_put(slots->span[i].block);
	kvfree(slots);
}

static struct kvm_memslots *slots_alloc(unsigned int count)
{
	struct kvm_memslots *slots;

	slots = kvmalloc(struct_size(slots, span, count), GFP_KERNEL_ACCOUNT);
	if (slots)
		slots->count = count;
	return slots;
}

static void span_set(struct slot_span *span, struct slot_block *block)
{
	block->refs++;
	span->base = block->slot[0]->base_gfn;
	span->block = block;
}

/* A copy of @from with the @n blocks at @new in place of the @old ones at @i. */
static struct kvm_memslots *slots_splice(const struct kvm_memslots *from, unsigned int i,
					 unsigned int old, struct slot_block **new, unsigned int n)
{
	struct kvm_memslots *to = slots_alloc(from->count - old + n);
	unsigned int k;

	if (!to)
		return NULL;
	for (k = 0; k < i; k++)
		span_set(&to->span[k], from->span[k].block);
	for (k = 0; k < n; k++)
		span_set(&to->span[i + k], new[k]);
	for (k = i + old; k < from->count; k++)
		span_set(&to->span[k - old + n], from->span[k].block);
	return to;
}

/* Slots @first to @limit of those that @block has with @add as number @pos; one reference. */
static struct slot_block *block_with(const struct slot_block *block, unsigned int pos,
				     struct kvm_memslot *add, unsigned int first,
				     unsigned int limit)
{
	struct slot_block *new = kmalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	unsigned int i;

	if (!new)
		return NULL;
	for (i = first; i < limit; i++)
		new->slot[i - first] = i < pos ? block->slot[i] :
				       i == pos ? add : block->slot[i - 1];
	new->count = limit - first;
	new->refs = 1;
	return new;
}

static struct kvm_memslots *slots_with(const struct kvm_memslots *from, struct kvm_memslot *add)
{
	static const struct slot_block none;
	unsigned int i = spans_below(from, add->base_gfn), pos, total, cut, n;
	const struct slot_block *block = &none;
	struct slot_block *new[2] = { };
	struct kvm_memslots *to = NULL;

	i -= !!i;
	if (from->count)
		block = from->span[i].block;
	pos = slots_below(block, add->base_gfn);
	total = block->count + 1;
	/* A full block makes two; slots that come in order leave full ones behind. */
	n = total > SLOT_BLOCK_MAX ? 2 : 1;
	cut = n == 1 ? total : pos == block->count ? pos : total / 2;
	new[0] = block_with(block, pos, add, 0, cut);
	if (n == 2)
		new[1] = block_with(block, pos, add, cut, total);
	if (new[0] && (n == 1 || new[1]))
		to = slots_splice(from, i, !!from->count, new, n);
	block_put(new[0]);
	block_put(new[1]);
	return to;
}

static struct kvm_memslots *slots_without(const struct kvm_memslots *from,
					  const struct kvm_memslot *remove)
{
	unsigned int i = spans_below(from, remove->base_gfn) - 1, pos;
	const struct slot_block *block = from->span[i].block;
	struct kvm_memslots *to;
	struct slot_block *new;

	if (block->count == 1)
		return slots_splice(from, i, 1, NULL, 0);
	new = kmalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	pos = slots_below(block, remove->base_gfn) - 1;
	memcpy(new->slot, block->slot, pos * sizeof(new->slot[0]));
	memcpy(new->slot + pos, block->slot + pos + 1,
	       (block->count - 1 - pos) * sizeof(new->slot[0]));
	new->count = block->count - 1;
	new->refs = 1;
	to = slots_splice(from, i, 1, &new, 1);
	block_put(new);
	return to;
}

static struct kvm_memslots *slots_exchange(const struct kvm_memslots *from,
					   const struct kvm_memslot *remove,
					   struct kvm_memslot *add)
{
	struct kvm_memslots *without = slots_without(from, remove), *to = NULL;

	if (without)
		to = slots_with(without, add);
	slots_free(without);
	return to;
}

static struct kvm_memslots *slots_of(struct kvm *kvm, u16 as_id)
{
	return rcu_dereference_protected(kvm->slots.set[as_id], lockdep_is_held(&kvm->slots_lock));
}

/* On return no reader under kvm->srcu has the old array, or a slot that only it had. */
static void slots_publish(struct kvm *kvm, u16 as_id, struct kvm_memslots *new)
{
	struct kvm_memslots *old = slots_of(kvm, as_id);

	rcu_assign_pointer(kvm->slots.set[as_id], new);
	/* After the array: a reader of the new count finds the new slots. */
	smp_store_release(&kvm->slots.gen, kvm->slots.gen + 1);
	synchronize_srcu_expedited(&kvm->srcu);
	slots_free(old);
}

/* Does a slot other than @but have a page of [base, base + npages)? */
static bool slots_overlap(const struct kvm_memslots *slots, gfn_t base, unsigned long npages,
			  const struct kvm_memslot *but)
{
	const struct kvm_memslot *slot = slot_below(slots, base + npages - 1);

	if (slot && slot == but)
		slot = slot->base_gfn ? slot_below(slots, slot->base_gfn - 1) : NULL;
	return slot && slot->base_gfn + slot->npages > base;
}

static void slot_free(struct kvm *kvm, struct kvm_memslot *slot)
{
	if (slot && slot->gmem)
		kvm_gmem_unbind(kvm, slot);
	if (slot && slot->dirty_bitmap) {
		kvfree(slot->dirty_bitmap);
		kvm_mmu_log_ends(kvm);
	}
	kfree(slot);
}

static int slot_alloc_bitmap(struct kvm *kvm, struct kvm_memslot *slot)
{
	/* The second half is where KVM_GET_DIRTY_LOG takes its copy. */
	slot->dirty_bitmap = kvcalloc(2 * BITS_TO_LONGS(slot->npages), sizeof(long),
				      GFP_KERNEL_ACCOUNT);
	if (!slot->dirty_bitmap)
		return -ENOMEM;
	if (kvm_log_starts_full(kvm))
		bitmap_set(slot->dirty_bitmap, 0, slot->npages);
	kvm_mmu_log_begins(kvm);
	return 0;
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

static int slot_create(struct kvm *kvm, const struct kvm_userspace_memory_region *mem,
		       struct kvm_gmem *gmem, pgoff_t first)
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
	if (gmem) {
		r = kvm_gmem_bind(gmem, slot, first);
		if (r)
			goto free_slot;
		r = -ENOMEM;
	}
	if ((mem->flags & KVM_MEM_LOG_DIRTY_PAGES) && slot_alloc_bitmap(kvm, slot))
		goto free_slot;
	new = slots_with(old, slot);
	if (!new)
		goto free_slot;
	r = xa_err(xa_store(&kvm->slots.by_id, mem->slot, slot, GFP_KERNEL_ACCOUNT));
	if (r)
		goto free_array;
	kvm_mmu_add_slot(kvm, slot);
	slots_publish(kvm, slot->as_id, new);
	kvm_mmu_slot_visible(kvm, slot);
	return 0;

free_array:
	slots_free(new);
free_slot:
	slot_free(kvm, slot);
	return r;
}

static int slot_delete(struct kvm *kvm, struct kvm_memslot *slot)
{
	struct kvm_memslots *new = slots_without(slots_of(kvm, slot->as_id), slot);

	if (!new)
		return -ENOMEM;
	xa_erase(&kvm->slots.by_id, (u32)slot->as_id << 16 | slot->id);
	slots_publish(kvm, slot->as_id, new);
	/* No fault that found the slot is under way, so what is zapped stays so. */
	kvm_mmu_remove_slot(kvm, slot);
	slot_free(kvm, slot);
	return 0;
}

/* The successor of a slot: @mem may say another place and other flags. */
static struct kvm_memslot *slot_successor(struct kvm *kvm, const struct kvm_memslot *old,
					  const struct kvm_userspace_memory_region *mem)
{
	struct kvm_memslot *slot = slot_alloc(mem);

	if (!slot || !(mem->flags & KVM_MEM_LOG_DIRTY_PAGES))
		return slot;
	slot->dirty_bitmap = old->dirty_bitmap;
	if (!slot->dirty_bitmap && slot_alloc_bitmap(kvm, slot)) {
		kfree(slot);
		return NULL;
	}
	return slot;
}

/* Frees @slot, which no look-up finds. A dirty bitmap that @keep has as well stays for @keep. */
static void slot_free_but(struct kvm *kvm, struct kvm_memslot *slot, const struct kvm_memslot *keep)
{
	if (slot && slot->dirty_bitmap == keep->dirty_bitmap)
		slot->dirty_bitmap = NULL;
	slot_free(kvm, slot);
}

/* In between the guest has no memory at either place, as if deleted and made anew. */
static int slot_move(struct kvm *kvm, struct kvm_memslot *old,
		     const struct kvm_userspace_memory_region *mem)
{
	struct kvm_memslots *slots = slots_of(kvm, old->as_id), *without, *with = NULL;
	struct kvm_memslot *slot;

	if (slots_overlap(slots, mem->guest_phys_addr >> PAGE_SHIFT, old->npages, old))
		return -EEXIST;
	slot = slot_successor(kvm, old, mem);
	if (!slot)
		return -ENOMEM;
	without = slots_without(slots, old);
	if (without)
		with = slots_with(without, slot);
	if (!with) {
		slots_free(without);
		slot_free_but(kvm, slot, old);
		return -ENOMEM;
	}
	/* What CPUs have logged at the old place is of this slot, until they leave the guest. */
	WRITE_ONCE(kvm->slots.moving, old);
	slots_publish(kvm, old->as_id, without);
	kvm_mmu_remove_slot(kvm, old);
	kvm_collect_cpu_writes(kvm);
	WRITE_ONCE(kvm->slots.moving, NULL);
	kvm_mmu_add_slot(kvm, slot);
	xa_store(&kvm->slots.by_id, mem->slot, slot, GFP_KERNEL_ACCOUNT);
	slots_publish(kvm, old->as_id, with);
	kvm_mmu_slot_visible(kvm, slot);
	slot_free_but(kvm, old, slot);
	return 0;
}

static int slot_set_flags(struct kvm *kvm, struct kvm_memslot *old,
			  const struct kvm_userspace_memory_region *mem)
{
	struct kvm_memslot *slot = slot_successor(kvm, old, mem);
	struct kvm_memslots *new;

	if (!slot)
		return -ENOMEM;
	new = slots_exchange(slots_of(kvm, old->as_id), old, slot);
	if (!new) {
		slot_free_but(kvm, slot, old);
		return -ENOMEM;
	}
	kvm_mmu_replace_slot(kvm, old, slot);
	/* The entry is there, so this needs no memory. */
	xa_store(&kvm->slots.by_id, mem->slot, slot, GFP_KERNEL_ACCOUNT);
	slots_publish(kvm, old->as_id, new);
	/* Faults made writable what they found in the old slot; no more from here on. */
	if (!slot->dirty_bitmap)
		kvm_mmu_untrack_slot(kvm, slot);
	else if (!kvm_log_starts_full(kvm))
		kvm_mmu_track_slot(kvm, slot);
	slot_free_but(kvm, old, slot);
	return 0;
}

static int slot_change(struct kvm *kvm, struct kvm_memslot *slot,
		       const struct kvm_userspace_memory_region *mem)
{
	if (slot->npages != mem->memory_size >> PAGE_SHIFT || slot->hva != mem->userspace_addr ||
	    ((slot->flags ^ mem->flags) & KVM_MEM_READONLY) ||
	    ((slot->flags | mem->flags) & KVM_MEM_GUEST_MEMFD))
		return -EINVAL;
	if (slot->base_gfn != mem->guest_phys_addr >> PAGE_SHIFT)
		return slot_move(kvm, slot, mem);
	if (slot->flags != mem->flags)
		return slot_set_flags(kvm, slot, mem);
	return 0;
}

static u32 valid_flags(const struct kvm *kvm, u32 flags)
{
	/* Neither logged nor read-only. */
	if ((flags & KVM_MEM_GUEST_MEMFD) && kvm->mmu.private_mem)
		return KVM_MEM_GUEST_MEMFD;
	return KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY;
}

static bool region_valid(const struct kvm *kvm, const struct kvm_userspace_memory_region *mem)
{
	u64 gpa = mem->guest_phys_addr, size = mem->memory_size, hva = mem->userspace_addr;

	if ((mem->slot >> 16) >= KVM_NR_ADDRESS_SPACES ||
	    (mem->slot & 0xffff) >= KVM_USER_MEM_SLOTS + KVM_NR_PRIVATE_SLOTS ||
	    (mem->flags & ~valid_flags(kvm, mem->flags)))
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
 * @gmem: for a new slot with KVM_MEM_GUEST_MEMFD, else NULL: the file's memory, which has the range
 * @first: page of @gmem that is the slot's first
 *
 * Return: 0, -EINVAL, -EEXIST (overlap) or -ENOMEM; on failure nothing changed.
 */
int kvm_set_memory_region(struct kvm *kvm, const struct kvm_userspace_memory_region *mem,
			  struct kvm_gmem *gmem, pgoff_t first)
{
	struct kvm_memslot *slot;
	int r;

	if (!region_valid(kvm, mem))
		return -EINVAL;
	mutex_lock(&kvm->slots_lock);
	slot = kvm_id_to_memslot(kvm, mem->slot);
	if (slot)
		r = mem->memory_size ? slot_change(kvm, slot, mem) : slot_delete(kvm, slot);
	else
		r = mem->memory_size ? slot_create(kvm, mem, gmem, first) : -EINVAL;
	mutex_unlock(&kvm->slots_lock);
	return r;
}

long kvm_vm_ioctl_set_memory_region(struct kvm_ioctl_args *a)
{
	const struct kvm_userspace_memory_region *mem = a->data;

	if ((mem->slot & 0xffff) >= KVM_USER_MEM_SLOTS || (mem->flags & KVM_MEM_GUEST_MEMFD))
		return -EINVAL;
	return kvm_set_memory_region(a->kvm, mem, NULL, 0);
}

static const struct kvm_cap memslot_caps[] = {
	{ .cap = KVM_CAP_USER_MEMORY, .value = 1 },
	{ .cap = KVM_CAP_USER_MEMORY2, .value = 1 },
	{ .cap = KVM_CAP_NR_MEMSLOTS, .value = KVM_USER_MEM_SLOTS },
	{ .cap = KVM_CAP_DESTROY_MEMORY_REGION_WORKS, .value = 1 },
	{ .cap = KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, .value = 1 },
	{ .cap = KVM_CAP_READONLY_MEM, .value = 1 },
	{ .cap = KVM_CAP_SYNC_MMU, .value = 1 },
	{ .cap = KVM_CAP_DIRTY_LOG_RING, .value = KVM_DIRTY_RING_SIZE_MAX },
	{ .cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .value = KVM_DIRTY_RING_SIZE_MAX },
	{ .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
	  .value = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET },
	{ .cap = KVM_CAP_MMU_SHADOW_CACHE_CONTROL, .value = 1 },
	{ .cap = KVM_CAP_PRE_FAULT_MEMORY, .value = 1 },
	{ .cap = KVM_CAP_MEMORY_FAULT_INFO, .value = 1 },
	{ .cap = KVM_CAP_MEMORY_ATTRIBUTES, .fn = kvm_cap_memory_attributes },
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

	xa_init(&kvm->slots.by_id);
	for (i = 0; i < KVM_NR_ADDRESS_SPACES; i++) {
		struct kvm_memslots *slots = slots_alloc(0);

		if (!slots) {
			kvm_memslots_free(kvm);
			return -ENOMEM;
		}
		RCU_INIT_POINTER(kvm->slots.set[i], slots);
	}
	return 0;
}

/**
 * kvm_memslots_free - drop all slots of a VM that ends
 * @kvm: the VM, with no vCPU, and no notifier
 */
void kvm_memslots_free(struct kvm *kvm)
{
	struct kvm_memslot *slot;
	unsigned long id;
	int i;

	xa_for_each(&kvm->slots.by_id, id, slot)
		slot_free(kvm, slot);
	xa_destroy(&kvm->slots.by_id);
	for (i = 0; i < KVM_NR_ADDRESS_SPACES; i++) {
		slots_free(rcu_dereference_protected(kvm->slots.set[i], 1));
		RCU_INIT_POINTER(kvm->slots.set[i], NULL);
	}
}
