// SPDX-License-Identifier: GPL-2.0-only
/* The dispatcher of the ioctl tables, and KVM_CHECK_EXTENSION over the capability tables. */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "device.h"
#include "ioctl.h"
#include "irqchip.h"
#include "mmu.h"
#include "state.h"
#include "stats.h"

/* Fixed parts up to this size are copied to the stack. */
#define STACK_ARG	512

/**
 * kvm_ioctl_index - make the table's index by number; entries of one number stand together
 * @t: table
 *
 * Return: 0, or -EINVAL for a table out of order.
 */
int __init kvm_ioctl_index(struct kvm_ioctl_table *t)
{
	unsigned int i;

	for (i = 0; i < t->count; i++) {
		u8 nr = _IOC_NR(t->entry[i].cmd);

		if (i && _IOC_NR(t->entry[i - 1].cmd) == nr)
			continue;
		if (t->index[nr])
			return -EINVAL;
		t->index[nr] = i + 1;
	}
	return 0;
}

const struct kvm_ioctl *kvm_ioctl_find(const struct kvm_ioctl_table *t, unsigned int cmd)
{
	u8 nr = _IOC_NR(cmd);
	unsigned int i = t->index[nr];

	for (; i && i <= t->count && _IOC_NR(t->entry[i - 1].cmd) == nr; i++)
		if (t->entry[i - 1].cmd == cmd)
			return &t->entry[array_index_nospec(i - 1, t->count)];
	return NULL;
}

static long call_with_copy(const struct kvm_ioctl *e, struct kvm_ioctl_args *a, void *copy)
{
	void __user *arg = (void __user *)a->raw;
	unsigned int size = _IOC_SIZE(e->cmd);
	bool in = (_IOC_DIR(e->cmd) & _IOC_WRITE) || (e->flags & KVM_IOC_IN);
	bool out = (_IOC_DIR(e->cmd) & _IOC_READ) && !(e->flags & KVM_IOC_IN);
	long r;

	if (in) {
		if (copy_from_user(copy, arg, size))
			return -EFAULT;
	} else {
		memset(copy, 0, size);
	}
	a->data = copy;
	a->tail = arg + size;
	r = e->fn(a);
	if (!out || (e->flags & KVM_IOC_NOCOPYOUT))
		return r;
	if (r < 0 && !(r == -E2BIG && (e->flags & KVM_IOC_OUT_E2BIG)))
		return r;
	return copy_to_user(arg, copy, size) ? -EFAULT : r;
}

/**
 * kvm_ioctl_dispatch - copy the argument in, call the handler, copy the answer out
 * @e: table entry
 * @a: everything but data and tail filled in
 *
 * Return: the handler's answer, -EFAULT, -ENOMEM.
 */
long kvm_ioctl_dispatch(const struct kvm_ioctl *e, struct kvm_ioctl_args *a)
{
	unsigned int size = _IOC_SIZE(e->cmd);
	u64 stack[STACK_ARG / sizeof(u64)];
	void *copy;
	long r;

	if ((e->flags & KVM_IOC_VALUE) || !size)
		return e->fn(a);
	if ((e->flags & KVM_IOC_NULL_OK) && !a->raw)
		return e->fn(a);
	if (size <= sizeof(stack))
		return call_with_copy(e, a, stack);
	copy = kmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!copy)
		return -ENOMEM;
	r = call_with_copy(e, a, copy);
	kfree(copy);
	return r;
}

static const struct kvm_cap_table *const cap_tables[] = {
	&kvm_caps_vm, &kvm_caps_vcpu, &kvm_caps_memslot, &kvm_caps_state, &kvm_caps_coalesced,
	&kvm_caps_irqfd, &kvm_caps_ioeventfd, &kvm_caps_device, &kvm_caps_irqchip,
	&kvm_caps_tsc, &kvm_caps_pv, &kvm_caps_stats,
};

/**
 * kvm_check_extension - KVM_CHECK_EXTENSION
 * @kvm: the VM asked, or NULL for /dev/kvm
 * @cap: KVM_CAP_*
 *
 * Return: the capability's value, 0 if it is not there.
 */
int kvm_check_extension(struct kvm *kvm, u32 cap)
{
	unsigned int t, i;

	for (t = 0; t < ARRAY_SIZE(cap_tables); t++) {
		for (i = 0; i < cap_tables[t]->count; i++) {
			const struct kvm_cap *c = &cap_tables[t]->entry[i];

			if (c->cap == cap)
				return c->fn ? c->fn(kvm) : c->value;
		}
	}
	return 0;
}
