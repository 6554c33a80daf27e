// SPDX-License-Identifier: GPL-2.0-only
/* The ioctls about MSRs. Documentation/virt/kvm/api.rst, 4.3, 4.18, 4.19. */
#include <linux/mm.h>
#include <linux/uaccess.h>
#include "msr.h"
#include "run.h"
#include "state.h"

/* As many MSRs one call may ask for. */
#define MAX_IO_MSRS	256

static long give_list(struct kvm_ioctl_args *a, const u32 *list, u32 n)
{
	struct kvm_msr_list *head = a->data;
	u32 room = head->nmsrs;

	head->nmsrs = n;
	if (room < n)
		return -E2BIG;
	return copy_to_user(a->tail, list, n * sizeof(*list)) ? -EFAULT : 0;
}

/** kvm_dev_ioctl_get_msr_index_list - KVM_GET_MSR_INDEX_LIST */
long kvm_dev_ioctl_get_msr_index_list(struct kvm_ioctl_args *a)
{
	const u32 *list;
	unsigned int n = kvm_msr_saved_list(&list);

	return give_list(a, list, n);
}

/** kvm_dev_ioctl_get_msr_feature_index_list - KVM_GET_MSR_FEATURE_INDEX_LIST */
long kvm_dev_ioctl_get_msr_feature_index_list(struct kvm_ioctl_args *a)
{
	const u32 *list;
	unsigned int n = kvm_msr_feature_list(&list);

	return give_list(a, list, n);
}

/* A feature MSR: what a new vCPU may have at most. 0, or 1 if it is none. */
static int get_feature(u32 index, u64 *val)
{
	const struct kvm_msr_row *row = kvm_msr_find(index);

	if (!row || !row->feature)
		return 1;
	*val = row->feature();
	return 0;
}

/* The entries that follow the head; NULL and *@err if they cannot be had. */
static struct kvm_msr_entry *take_entries(struct kvm_ioctl_args *a, u32 *n, long *err)
{
	const struct kvm_msrs *head = a->data;
	struct kvm_msr_entry *ent;
	size_t size;

	*n = head->nmsrs;
	*err = -E2BIG;
	if (*n >= MAX_IO_MSRS)
		return NULL;
	size = *n * sizeof(*ent);
	ent = kvmalloc(size, GFP_KERNEL);
	*err = -ENOMEM;
	if (!ent)
		return NULL;
	if (!copy_from_user(ent, a->tail, size))
		return ent;
	kvfree(ent);
	*err = -EFAULT;
	return NULL;
}

/* @done of @n entries have been read. */
static long give_entries(struct kvm_ioctl_args *a, struct kvm_msr_entry *ent, u32 n, u32 done)
{
	long r = done;

	if (copy_to_user(a->tail, ent, n * sizeof(*ent)))
		r = -EFAULT;
	kvfree(ent);
	return r;
}

/** kvm_ioctl_get_msrs - KVM_GET_MSRS: a vCPU's, or on /dev/kvm the feature MSRs */
long kvm_ioctl_get_msrs(struct kvm_ioctl_args *a)
{
	struct kvm_msr_entry *ent;
	u32 i, n;
	long err;

	ent = take_entries(a, &n, &err);
	if (!ent)
		return err;
	for (i = 0; i < n; i++)
		if (a->vcpu ? kvm_get_msr(a->vcpu, ent[i].index, &ent[i].data, true) :
			      get_feature(ent[i].index, &ent[i].data))
			break;
	return give_entries(a, ent, n, i);
}

/** kvm_vcpu_ioctl_set_msrs - KVM_SET_MSRS */
long kvm_vcpu_ioctl_set_msrs(struct kvm_ioctl_args *a)
{
	struct kvm_msr_entry *ent;
	u32 i, n;
	long err;
	int idx;

	ent = take_entries(a, &n, &err);
	if (!ent)
		return err;
	/* Some are addresses in the guest's memory. */
	idx = srcu_read_lock(&a->kvm->srcu);
	for (i = 0; i < n; i++)
		if (kvm_set_msr(a->vcpu, ent[i].index, ent[i].data, true))
			break;
	srcu_read_unlock(&a->kvm->srcu, idx);
	kvfree(ent);
	return i;
}
