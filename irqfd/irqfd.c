// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eventfds that raise interrupts, Documentation/virt/kvm/api.rst 4.75. The
 * function that an eventfd calls when it is signalled delivers the interrupt.
 */
#include <linux/file.h>
#include <linux/slab.h>
#include "ioctl.h"
#include "internal.h"

static struct workqueue_struct *cleanup_wq;

/* A line is raised until the guest acknowledges it; anything else is one event. */
static void inject(struct kvm_irqfd_entry *e)
{
	if (e->resampler) {
		kvm_set_irq(e->kvm, KVM_IRQFD_RESAMPLE_SOURCE, e->gsi, 1);
	} else {
		kvm_set_irq(e->kvm, KVM_USERSPACE_IRQ_SOURCE, e->gsi, 1);
		kvm_set_irq(e->kvm, KVM_USERSPACE_IRQ_SOURCE, e->gsi, 0);
	}
}

/* The eventfd's lock is held, interrupts are off. */
static void signalled(struct kvm_irqfd_entry *e)
{
	struct kvm_irq_msi msi;
	unsigned int seq;
	bool has_msi;
	int idx;

	/* Who changes the routes waits for what goes by the old ones. */
	idx = srcu_read_lock(&e->kvm->irq.srcu);
	do {
		seq = read_seqcount_begin(&e->msi_seq);
		has_msi = e->has_msi;
		msi = e->msi;
	} while (read_seqcount_retry(&e->msi_seq, seq));
	if (has_msi)
		kvm_set_msi(e->kvm, msi.addr, msi.data);
	else
		inject(e);
	srcu_read_unlock(&e->kvm->irq.srcu, idx);
}

/*
 * The eventfd wakes its waiters: its lock is held, interrupts are off. A return of 1 says that this
 * waiter, an exclusive one, has taken the signal: those behind it are not woken.
 */
static int wake_up_irqfd(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct kvm_irqfd_entry *e = container_of(wait, struct kvm_irqfd_entry, wait);
	struct kvm_irqfds *irqfds = &e->kvm->irqfds;
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	u64 count;
	int taken = 0;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(e->eventfd, &count);
		signalled(e);
		taken = 1;
	}
	if (events & EPOLLHUP) {
		spin_lock_irqsave(&irqfds->lock, flags);
		if (!list_empty(&e->link)) {
			list_del_init(&e->link);
			queue_work(cleanup_wq, &e->shutdown);
		}
		spin_unlock_irqrestore(&irqfds->lock, flags);
	}
	return taken;
}

static void start_waiting(struct file *file, wait_queue_head_t *head, poll_table *poll)
{
	struct kvm_irqfd_entry *e = container_of(poll, struct kvm_irqfd_entry, poll);

	add_wait_queue_priority(head, &e->wait);
}

static void look_up_route(struct kvm_irqfd_entry *e)
{
	struct kvm_irq_msi msi = { };
	bool has_msi = kvm_msi_route(e->kvm, e->gsi, &msi);

	write_seqcount_begin(&e->msi_seq);
	e->has_msi = has_msi;
	e->msi = msi;
	write_seqcount_end(&e->msi_seq);
}

/**
 * kvm_irqfd_routing_changed - the new routes are in force
 * @kvm: the VM, irq.lock held
 */
void kvm_irqfd_routing_changed(struct kvm *kvm)
{
	struct kvm_irqfd_entry *e;

	spin_lock_irq(&kvm->irqfds.lock);
	list_for_each_entry(e, &kvm->irqfds.items, link) {
		look_up_route(e);
		kvm_bypass_route_changed(e);
	}
	spin_unlock_irq(&kvm->irqfds.lock);
}

/* @e is on no list: when it returns, no interrupt of its comes any more. */
static void take_apart(struct kvm_irqfd_entry *e)
{
	u64 count;

	/* After this the wake-up does not run and will not. */
	eventfd_ctx_remove_wait_queue(e->eventfd, &e->wait, &count);
	kvm_bypass_unregister(e);
	if (e->resampler) {
		kvm_resampler_leave(e);
		eventfd_ctx_put(e->resamplefd);
	}
	eventfd_ctx_put(e->eventfd);
	kfree(e);
}

static void shutdown_work(struct work_struct *work)
{
	struct kvm_irqfd_entry *e = container_of(work, struct kvm_irqfd_entry, shutdown);
	struct kvm_irqfds *irqfds = &e->kvm->irqfds;

	mutex_lock(&irqfds->assign_lock);
	take_apart(e);
	mutex_unlock(&irqfds->assign_lock);
}

/* Off the list with one that @eventfd raises at @gsi, or, without @eventfd, with any. */
static struct kvm_irqfd_entry *take_off(struct kvm_irqfds *irqfds, struct eventfd_ctx *eventfd,
					u32 gsi)
{
	struct kvm_irqfd_entry *e, *found = NULL;

	spin_lock_irq(&irqfds->lock);
	list_for_each_entry(e, &irqfds->items, link) {
		if (!eventfd || (e->eventfd == eventfd && e->gsi == gsi)) {
			list_del_init(&e->link);
			found = e;
			break;
		}
	}
	spin_unlock_irq(&irqfds->lock);
	return found;
}

static void deassign(struct kvm *kvm, struct eventfd_ctx *eventfd, u32 gsi)
{
	struct kvm_irqfds *irqfds = &kvm->irqfds;
	struct kvm_irqfd_entry *e;

	mutex_lock(&irqfds->assign_lock);
	while ((e = take_off(irqfds, eventfd, gsi)))
		take_apart(e);
	mutex_unlock(&irqfds->assign_lock);
}

/* An eventfd raises one interrupt of a VM. */
static int put_on(struct kvm_irqfd_entry *e)
{
	struct kvm_irqfds *irqfds = &e->kvm->irqfds;
	struct kvm_irqfd_entry *other;
	int r = 0;

	spin_lock_irq(&irqfds->lock);
	list_for_each_entry(other, &irqfds->items, link)
		if (other->eventfd == e->eventfd)
			r = -EBUSY;
	if (!r) {
		look_up_route(e);
		list_add_tail(&e->link, &irqfds->items);
	}
	spin_unlock_irq(&irqfds->lock);
	return r;
}

static struct kvm_irqfd_entry *new_entry(struct kvm *kvm, u32 gsi)
{
	struct kvm_irqfd_entry *e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);

	if (!e)
		return NULL;
	e->kvm = kvm;
	e->gsi = gsi;
	seqcount_spinlock_init(&e->msi_seq, &kvm->irqfds.lock);
	INIT_WORK(&e->shutdown, shutdown_work);
	init_waitqueue_func_entry(&e->wait, wake_up_irqfd);
	init_poll_funcptr(&e->poll, start_waiting);
	return e;
}

/* irqfds.assign_lock held; @file cannot be closed meanwhile. */
static int start(struct kvm_irqfd_entry *e, struct file *file)
{
	int r = e->resamplefd ? kvm_resampler_join(e) : 0;

	if (r)
		return r;
	r = put_on(e);
	if (r) {
		if (e->resampler)
			kvm_resampler_leave(e);
		return r;
	}
	/* What was signalled before is an interrupt as well. */
	if (vfs_poll(file, &e->poll) & EPOLLIN)
		inject(e);
	kvm_bypass_register(e);
	return 0;
}

static int assign_file(struct kvm *kvm, const struct kvm_irqfd *args, struct file *file)
{
	struct kvm_irqfd_entry *e = new_entry(kvm, args->gsi);
	struct eventfd_ctx *ctx;
	int r;

	if (!e)
		return -ENOMEM;
	ctx = eventfd_ctx_fileget(file);
	r = PTR_ERR_OR_ZERO(ctx);
	if (r)
		goto free_entry;
	e->eventfd = ctx;
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		ctx = eventfd_ctx_fdget(args->resamplefd);
		r = PTR_ERR_OR_ZERO(ctx);
		if (r)
			goto put_eventfd;
		e->resamplefd = ctx;
	}
	mutex_lock(&kvm->irqfds.assign_lock);
	r = start(e, file);
	mutex_unlock(&kvm->irqfds.assign_lock);
	if (!r)
		return 0;
	if (e->resamplefd)
		eventfd_ctx_put(e->resamplefd);
put_eventfd:
	eventfd_ctx_put(e->eventfd);
free_entry:
	kfree(e);
	return r;
}

static int assign(struct kvm *kvm, const struct kvm_irqfd *args)
{
	struct file *file;
	int r;

	if (!kvm_irqchip_in_kernel(kvm))
		return -EINVAL;
	/* Only the chips in the kernel say when an interrupt is acknowledged. */
	if ((args->flags & KVM_IRQFD_FLAG_RESAMPLE) && !kvm_irqchip_full(kvm))
		return -EINVAL;
	file = fget(args->fd);
	if (!file)
		return -EBADF;
	r = assign_file(kvm, args, file);
	fput(file);
	return r;
}

/**
 * kvm_vm_ioctl_irqfd - KVM_IRQFD
 * @a: struct kvm_irqfd
 *
 * Return: 0, also for the removal of what is not there; -EINVAL, -EBADF, -EBUSY
 * (the eventfd has an interrupt already), -ENOMEM.
 */
long kvm_vm_ioctl_irqfd(struct kvm_ioctl_args *a)
{
	const struct kvm_irqfd *args = a->data;
	struct eventfd_ctx *eventfd;

	if (args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	if (!(args->flags & KVM_IRQFD_FLAG_DEASSIGN))
		return assign(a->kvm, args);
	eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	deassign(a->kvm, eventfd, args->gsi);
	eventfd_ctx_put(eventfd);
	return 0;
}

void kvm_irqfd_init_vm(struct kvm *kvm)
{
	struct kvm_irqfds *irqfds = &kvm->irqfds;

	mutex_init(&irqfds->assign_lock);
	spin_lock_init(&irqfds->lock);
	INIT_LIST_HEAD(&irqfds->items);
	INIT_LIST_HEAD(&irqfds->resamplers);
	INIT_LIST_HEAD(&irqfds->ioeventfds);
}

/**
 * kvm_irqfd_release_vm - the VM's file is closed: no irqfd is left
 * @kvm: the VM
 */
void kvm_irqfd_release_vm(struct kvm *kvm)
{
	deassign(kvm, NULL, 0);
	/* Those whose own file was closed first. */
	flush_workqueue(cleanup_wq);
}

int __init kvm_irqfd_init(void)
{
	cleanup_wq = alloc_workqueue("kvm-irqfd-cleanup", 0, 0);
	return cleanup_wq ? 0 : -ENOMEM;
}

void kvm_irqfd_exit(void)
{
	destroy_workqueue(cleanup_wq);
}

static const struct kvm_cap caps[] = {
	{ KVM_CAP_IRQFD, 1 },
	{ KVM_CAP_IRQFD_RESAMPLE, 1 },
};

KVM_CAP_TABLE(kvm_caps_irqfd, caps);
