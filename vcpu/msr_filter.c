// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_X86_SET_MSR_FILTER: which MSRs a guest reaches. Documentation/virt/kvm/api.rst of the
 * kernel, 4.97.
 */
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>
#include "kick.h"
#include "msr.h"
#include "state.h"

#define MAX_BITMAP_BYTES	0x600
#define RANGE_FLAGS		(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)

struct msr_range {
	u32 flags, base, nmsrs;
	unsigned long *bitmap;
};

/* Replaced whole; readers hold kvm->srcu. */
struct kvm_msr_filter_set {
	bool deny;		/* what no range covers */
	int count;
	struct msr_range range[KVM_MSR_FILTER_MAX_RANGES];
};

static void free_filter(struct kvm_msr_filter_set *set)
{
	int i;

	if (!set)
		return;
	for (i = 0; i < set->count; i++)
		kfree(set->range[i].bitmap);
	kfree(set);
}

/**
 * kvm_msr_allowed - does the filter let a guest's access through
 * @vcpu: the vCPU; kvm->srcu is held
 * @index: MSR
 * @write: WRMSR
 */
bool kvm_msr_allowed(struct kvm_vcpu *vcpu, u32 index, bool write)
{
	const u32 kind = write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ;
	const struct kvm_msr_filter_set *set;
	const struct kvm_msr_row *row;
	int i;

	set = srcu_dereference(vcpu->kvm->settings.msr_filter, &vcpu->kvm->srcu);
	if (likely(!set))
		return true;
	row = kvm_msr_find(index);
	if (row && (row->flags & KVM_MSR_UNFILTERED))
		return true;
	for (i = 0; i < set->count; i++) {
		const struct msr_range *r = &set->range[i];
		u32 bit = index - r->base;

		if ((r->flags & kind) && bit < r->nmsrs)
			return test_bit(array_index_nospec(bit, r->nmsrs), r->bitmap);
	}
	return !set->deny;
}

static int take_range(struct kvm_msr_filter_set *set, const struct kvm_msr_filter_range *user)
{
	size_t bytes = DIV_ROUND_UP_ULL(user->nmsrs, BITS_PER_BYTE);
	unsigned long *bitmap;

	if (!user->nmsrs)
		return 0;
	if (!user->flags || bytes > MAX_BITMAP_BYTES)
		return -EINVAL;
	bitmap = kzalloc(round_up(bytes, sizeof(long)), GFP_KERNEL_ACCOUNT);
	if (!bitmap)
		return -ENOMEM;
	if (copy_from_user(bitmap, (const u8 __user *)user->bitmap, bytes)) {
		kfree(bitmap);
		return -EFAULT;
	}
	set->range[set->count++] = (struct msr_range) {
		.flags = user->flags, .base = user->base, .nmsrs = user->nmsrs,
		.bitmap = bitmap,
	};
	return 0;
}

static int build_filter(const struct kvm_msr_filter *user, struct kvm_msr_filter_set **result)
{
	struct kvm_msr_filter_set *set;
	int i, r = 0;

	*result = NULL;
	if (user->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
		if (user->ranges[i].flags & ~RANGE_FLAGS)
			return -EINVAL;
	set = kzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);
	if (!set)
		return -ENOMEM;
	set->deny = user->flags & KVM_MSR_FILTER_DEFAULT_DENY;
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES && !r; i++)
		r = take_range(set, &user->ranges[i]);
	if (!r && !set->count && set->deny)
		r = -EINVAL;
	if (r || !set->count)
		free_filter(set);
	else
		*result = set;
	return r;
}

static long set_filter(struct kvm *kvm, const struct kvm_msr_filter *user)
{
	struct kvm_msr_filter_set *set, *old;
	int r;

	r = build_filter(user, &set);
	if (r)
		return r;
	mutex_lock(&kvm->lock);
	old = rcu_replace_pointer(kvm->settings.msr_filter, set, lockdep_is_held(&kvm->lock));
	mutex_unlock(&kvm->lock);
	synchronize_srcu(&kvm->srcu);
	/* What the guest reaches without an exit depends on the filter. */
	kvm_make_all_cpus_request(kvm, KVM_REQ_INTERCEPTS);
	free_filter(old);
	return 0;
}

/** kvm_vm_ioctl_set_msr_filter - KVM_X86_SET_MSR_FILTER */
long kvm_vm_ioctl_set_msr_filter(struct kvm_ioctl_args *a)
{
	return set_filter(a->kvm, a->data);
}

#ifdef CONFIG_COMPAT
/** kvm_vm_compat_set_msr_filter - KVM_X86_SET_MSR_FILTER_COMPAT: pointers of 32 bits */
long kvm_vm_compat_set_msr_filter(struct kvm_ioctl_args *a)
{
	const struct kvm_compat_msr_filter *from = a->data;
	struct kvm_msr_filter to = { .flags = from->flags };
	int i;

	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
		to.ranges[i] = (struct kvm_msr_filter_range) {
			.flags = from->ranges[i].flags,
			.nmsrs = from->ranges[i].nmsrs,
			.base = from->ranges[i].base,
			.bitmap = (__force u8 *)compat_ptr(from->ranges[i].bitmap),
		};
	return set_filter(a->kvm, &to);
}
#endif

/**
 * kvm_msr_filter_free - the VM goes away
 * @kvm: the VM, with no vCPU left
 */
void kvm_msr_filter_free(struct kvm *kvm)
{
	free_filter(rcu_dereference_protected(kvm->settings.msr_filter, 1));
	RCU_INIT_POINTER(kvm->settings.msr_filter, NULL);
}
