// SPDX-License-Identifier: GPL-2.0-only
/* The ioctls about CPUID. Documentation/virt/kvm/api.rst, 4.20, 4.46, 4.88. */
#include <linux/mm.h>
#include <linux/uaccess.h>
#include "cpuid.h"
#include "irqchip.h"
#include "state.h"

#define MAX_ENTRIES	256

static size_t entries_size(int n)
{
	return n * sizeof(struct kvm_cpuid_entry2);
}

/* Tells user space how many entries there are, and the entries if it has room for them. */
static long give_entries(struct kvm_ioctl_args *a, const struct kvm_cpuid_entry2 *ent, int n)
{
	struct kvm_cpuid2 *head = a->data;
	u32 room = head->nent;

	head->nent = n;
	if (room < n)
		return -E2BIG;
	return copy_to_user(a->tail, ent, entries_size(n)) ? -EFAULT : 0;
}

/** kvm_dev_ioctl_get_supported_cpuid - KVM_GET_SUPPORTED_CPUID */
long kvm_dev_ioctl_get_supported_cpuid(struct kvm_ioctl_args *a)
{
	struct kvm_cpuid_entry2 *ent;
	long r;

	ent = kvcalloc(MAX_ENTRIES, sizeof(*ent), GFP_KERNEL);
	if (!ent)
		return -ENOMEM;
	r = kvm_cpuid_supported(ent, MAX_ENTRIES, kvm_pv_features());
	if (r >= 0)
		r = give_entries(a, ent, r);
	kvfree(ent);
	return r;
}

/**
 * kvm_dev_ioctl_get_emulated_cpuid - KVM_GET_EMULATED_CPUID
 * @a: arguments
 *
 * No feature the CPU lacks is emulated: the leaves where such a feature would be are
 * there, and empty.
 */
long kvm_dev_ioctl_get_emulated_cpuid(struct kvm_ioctl_args *a)
{
	static const struct kvm_cpuid_entry2 ent[] = {
		{ .function = 0, .eax = 7 },
		{ .function = 1 },
		{ .function = 7, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX },
	};

	return give_entries(a, ent, ARRAY_SIZE(ent));
}

/* @ent is the vCPU's afterwards, unless this fails. */
static long set_cpuid(struct kvm_vcpu *vcpu, struct kvm_cpuid_entry2 *ent, int nent)
{
	int r;

	kvm_pv_trim_cpuid(vcpu->kvm, ent, nent);
	r = kvm_cpuid_set(vcpu, ent, nent);
	if (r <= 0)
		return r;
	kvm_pv_cpuid_changed(vcpu);
	kvm_apic_features_changed(vcpu);
	return 0;
}

/** kvm_vcpu_ioctl_set_cpuid - KVM_SET_CPUID: entries without subleaves */
long kvm_vcpu_ioctl_set_cpuid(struct kvm_ioctl_args *a)
{
	const struct kvm_cpuid *head = a->data;
	struct kvm_cpuid_entry *old;
	struct kvm_cpuid_entry2 *ent;
	u32 i, n = head->nent;
	long r = -ENOMEM;

	if (n > MAX_ENTRIES)
		return -E2BIG;
	old = kvmalloc_array(n, sizeof(*old), GFP_KERNEL);
	ent = kvmalloc_array(n, sizeof(*ent), GFP_KERNEL_ACCOUNT);
	if (!old || !ent)
		goto out;
	r = -EFAULT;
	if (copy_from_user(old, a->tail, n * sizeof(*old)))
		goto out;
	for (i = 0; i < n; i++)
		ent[i] = (struct kvm_cpuid_entry2) {
			.function = old[i].function,
			.eax = old[i].eax, .ebx = old[i].ebx,
			.ecx = old[i].ecx, .edx = old[i].edx,
		};
	r = set_cpuid(a->vcpu, ent, n);
	if (!r)
		ent = NULL;
out:
	kvfree(ent);
	kvfree(old);
	return r;
}

/** kvm_vcpu_ioctl_set_cpuid2 - KVM_SET_CPUID2 */
long kvm_vcpu_ioctl_set_cpuid2(struct kvm_ioctl_args *a)
{
	const struct kvm_cpuid2 *head = a->data;
	struct kvm_cpuid_entry2 *ent;
	u32 n = head->nent;
	long r;

	if (n > MAX_ENTRIES)
		return -E2BIG;
	ent = kvmalloc_array(n, sizeof(*ent), GFP_KERNEL_ACCOUNT);
	if (!ent)
		return -ENOMEM;
	r = copy_from_user(ent, a->tail, entries_size(n)) ? -EFAULT : 0;
	if (!r)
		r = set_cpuid(a->vcpu, ent, n);
	if (r)
		kvfree(ent);
	return r;
}

/** kvm_vcpu_ioctl_get_cpuid2 - KVM_GET_CPUID2: as the guest sees it now */
long kvm_vcpu_ioctl_get_cpuid2(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	struct kvm_cpuid_entry2 *ent;
	int i, n = vcpu->cpuid.nent;
	long r;

	ent = kvmalloc_array(n, sizeof(*ent), GFP_KERNEL);
	if (!ent)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		ent[i] = vcpu->cpuid.entry[i];
		kvm_cpuid_current(vcpu, &ent[i]);
	}
	r = give_entries(a, ent, n);
	kvfree(ent);
	return r;
}
