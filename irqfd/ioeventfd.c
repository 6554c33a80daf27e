// SPDX-License-Identifier: GPL-2.0-only
/* Eventfds that guest writes signal, Documentation/virt/kvm/api.rst 4.59. */
#include <linux/slab.h>
#include "bus.h"
#include "compat/events.h"
#include "ioctl.h"

#define IOEVENTFD_FLAGS \
	(KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN)

struct ioeventfd {
	struct kvm_io_device dev;
	struct eventfd_ctx *eventfd;
	gpa_t addr;
	u32 len;		/* 0: any */
	bool pio;
	bool wildcard;		/* any value; else @datamatch */
	u64 datamatch;
	struct list_head link;	/* kvm->irqfds.ioeventfds */
};

static u64 value_of(const void *val, int len)
{
	switch (len) {
	case 1:
		return *(const u8 *)val;
	case 2:
		return *(const u16 *)val;
	case 4:
		return *(const u32 *)val;
	default:
		return *(const u64 *)val;
	}
}

static int ioeventfd_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
			   const void *val)
{
	struct ioeventfd *p = container_of(dev, struct ioeventfd, dev);

	if (addr != p->addr || (p->len && len != p->len))
		return -EOPNOTSUPP;
	if (!p->wildcard && value_of(val, len) != p->datamatch)
		return -EOPNOTSUPP;
	kvmx_eventfd_signal(p->eventfd);
	return 0;
}

static const struct kvm_io_ops ioeventfd_ops = {
	.write = ioeventfd_write,
	.atomic = !IS_ENABLED(CONFIG_PREEMPT_RT),
};

static void ioeventfd_free(struct ioeventfd *p)
{
	eventfd_ctx_put(p->eventfd);
	kfree(p);
}

/* Would one write be meant for both? */
static bool collide(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->pio == b->pio && a->addr == b->addr &&
	       (!a->len || !b->len || a->len == b->len) &&
	       (a->wildcard || b->wildcard || a->datamatch == b->datamatch);
}

/* A write to guest memory address @p may skip what finds out its length and value. */
static bool is_fast(const struct ioeventfd *p)
{
	return !p->pio && !p->len;
}

static int ioeventfd_register(struct kvm *kvm, struct ioeventfd *p)
{
	enum kvm_bus_id bus = p->pio ? KVM_PIO_BUS : KVM_MMIO_BUS;
	struct ioeventfd *other;
	int r;

	list_for_each_entry(other, &kvm->irqfds.ioeventfds, link)
		if (collide(p, other))
			return -EEXIST;
	r = kvm_bus_register(kvm, bus, p->addr, p->len, &p->dev);
	if (r)
		return r;
	if (is_fast(p)) {
		r = kvm_bus_register(kvm, KVM_FAST_MMIO_BUS, p->addr, 0, &p->dev);
		if (r) {
			kvm_bus_unregister(kvm, bus, &p->dev);
			return r;
		}
	}
	list_add_tail(&p->link, &kvm->irqfds.ioeventfds);
	return 0;
}

static void ioeventfd_unregister(struct kvm *kvm, struct ioeventfd *p)
{
	list_del(&p->link);
	if (is_fast(p))
		kvm_bus_unregister(kvm, KVM_FAST_MMIO_BUS, &p->dev);
	kvm_bus_unregister(kvm, p->pio ? KVM_PIO_BUS : KVM_MMIO_BUS, &p->dev);
}

static bool args_valid(const struct kvm_ioeventfd *args)
{
	if (args->flags & ~IOEVENTFD_FLAGS)
		return false;
	if (args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN)
		return true;
	/* A value without a length is none. */
	return args->len <= 8 && !(args->len & (args->len - 1)) &&
	       args->addr + args->len >= args->addr &&
	       (args->len || !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH));
}

static int ioeventfd_assign(struct kvm *kvm, const struct kvm_ioeventfd *args,
			    struct eventfd_ctx *eventfd)
{
	struct ioeventfd *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	int r;

	if (!p)
		return -ENOMEM;
	p->dev.ops = &ioeventfd_ops;
	p->eventfd = eventfd;
	p->addr = args->addr;
	p->len = args->len;
	p->pio = args->flags & KVM_IOEVENTFD_FLAG_PIO;
	p->wildcard = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);
	p->datamatch = args->datamatch;
	mutex_lock(&kvm->slots_lock);
	r = ioeventfd_register(kvm, p);
	mutex_unlock(&kvm->slots_lock);
	if (r)
		kfree(p);
	return r;
}

static int ioeventfd_deassign(struct kvm *kvm, const struct kvm_ioeventfd *args,
			      struct eventfd_ctx *eventfd)
{
	bool wildcard = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);
	bool pio = args->flags & KVM_IOEVENTFD_FLAG_PIO;
	struct ioeventfd *p, *found = NULL;

	mutex_lock(&kvm->slots_lock);
	list_for_each_entry(p, &kvm->irqfds.ioeventfds, link) {
		if (p->eventfd == eventfd && p->pio == pio && p->addr == args->addr &&
		    p->len == args->len && p->wildcard == wildcard &&
		    (wildcard || p->datamatch == args->datamatch)) {
			found = p;
			ioeventfd_unregister(kvm, p);
			break;
		}
	}
	mutex_unlock(&kvm->slots_lock);
	if (!found)
		return -ENOENT;
	ioeventfd_free(found);
	return 0;
}

/**
 * kvm_vm_ioctl_ioeventfd - KVM_IOEVENTFD
 * @a: struct kvm_ioeventfd
 *
 * Return: 0; -EINVAL, -EBADF, -EEXIST (a write could be meant for two), -ENOENT,
 * -ENOSPC, -ENOMEM.
 */
long kvm_vm_ioctl_ioeventfd(struct kvm_ioctl_args *a)
{
	const struct kvm_ioeventfd *args = a->data;
	struct eventfd_ctx *eventfd;
	int r;

	if (!args_valid(args))
		return -EINVAL;
	eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	if (!(args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN)) {
		r = ioeventfd_assign(a->kvm, args, eventfd);
		if (!r)
			return 0;
	} else {
		r = ioeventfd_deassign(a->kvm, args, eventfd);
	}
	eventfd_ctx_put(eventfd);
	return r;
}

/**
 * kvm_ioeventfd_free - the VM ends
 * @kvm: the VM, after kvm_bus_free()
 */
void kvm_ioeventfd_free(struct kvm *kvm)
{
	struct ioeventfd *p, *next;

	list_for_each_entry_safe(p, next, &kvm->irqfds.ioeventfds, link)
		ioeventfd_free(p);
}

static const struct kvm_cap caps[] = {
	{ KVM_CAP_IOEVENTFD, 1 },
	{ KVM_CAP_IOEVENTFD_NO_LENGTH, 1 },
	{ KVM_CAP_IOEVENTFD_ANY_LENGTH, 1 },
};

KVM_CAP_TABLE(kvm_caps_ioeventfd, caps);
