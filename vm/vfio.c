// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kvm-vfio device: which files of vfio the VM uses. It tells vfio which VM
 * that is, and the VM whether the devices behind it see its memory through the
 * caches. vfio is found by name, and only while one of its files is in use.
 * Documentation/virt/kvm/devices/vfio.rst.
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat/events.h"
#include "device.h"
#include "mmu.h"

struct vfio_entry {
	struct list_head link;
	struct file *file;
	bool noncoherent;
};

struct vfio_device_files {
	struct mutex lock;		/* of the list */
	struct list_head files;
};

static bool is_vfio(struct file *file)
{
	typeof(kvmx_vfio_file_is_valid) *fn = symbol_get(kvmx_vfio_file_is_valid);
	bool yes;

	if (!fn)
		return false;
	yes = fn(file);
	symbol_put(kvmx_vfio_file_is_valid);
	return yes;
}

static bool enforces_coherency(struct file *file)
{
	typeof(vfio_file_enforced_coherent) *fn = symbol_get(vfio_file_enforced_coherent);
	bool yes;

	if (!fn)
		return false;
	yes = fn(file);
	symbol_put(vfio_file_enforced_coherent);
	return yes;
}

static void set_kvm(struct file *file, struct kvm *kvm)
{
	typeof(vfio_file_set_kvm) *fn = symbol_get(vfio_file_set_kvm);

	if (!fn)
		return;
	fn(file, kvm);
	symbol_put(vfio_file_set_kvm);
}

static struct vfio_entry *find(struct vfio_device_files *v, const struct file *file)
{
	struct vfio_entry *e;

	list_for_each_entry(e, &v->files, link)
		if (e->file == file)
			return e;
	return NULL;
}

/* Takes the reference to @file over where it returns 0. */
static int add(struct kvm *kvm, struct vfio_device_files *v, struct file *file)
{
	struct vfio_entry *e;

	if (!is_vfio(file))
		return -EINVAL;
	if (find(v, file))
		return -EEXIST;
	e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return -ENOMEM;
	e->file = file;
	list_add_tail(&e->link, &v->files);
	set_kvm(file, kvm);
	WRITE_ONCE(kvm->assigned_files, kvm->assigned_files + 1);
	e->noncoherent = !enforces_coherency(file);
	if (e->noncoherent)
		kvm_mmu_noncoherent_dma(kvm, 1);
	return 0;
}

static void del(struct kvm *kvm, struct vfio_entry *e)
{
	list_del(&e->link);
	WRITE_ONCE(kvm->assigned_files, kvm->assigned_files - 1);
	if (e->noncoherent)
		kvm_mmu_noncoherent_dma(kvm, -1);
	set_kvm(e->file, NULL);
	fput(e->file);
	kfree(e);
}

static int vfio_set(struct kvm_device *dev, const struct kvm_device_attr *attr)
{
	struct vfio_device_files *v = dev->priv;
	struct vfio_entry *e;
	struct file *file;
	int r = -ENOENT;
	s32 fd;

	if (get_user(fd, (s32 __user *)attr->addr))
		return -EFAULT;
	file = fget(fd);
	if (!file)
		return -EBADF;
	mutex_lock(&v->lock);
	if (attr->attr == KVM_DEV_VFIO_GROUP_ADD) {
		r = add(dev->kvm, v, file);
	} else {
		e = find(v, file);
		if (e) {
			del(dev->kvm, e);
			r = 0;
		}
	}
	mutex_unlock(&v->lock);
	if (r || attr->attr != KVM_DEV_VFIO_GROUP_ADD)
		fput(file);
	return r;
}

static int vfio_has_attr(struct kvm_device *dev, const struct kvm_device_attr *attr)
{
	if (attr->group != KVM_DEV_VFIO_GROUP)
		return -ENXIO;
	return attr->attr == KVM_DEV_VFIO_GROUP_ADD || attr->attr == KVM_DEV_VFIO_GROUP_DEL ?
	       0 : -ENXIO;
}

static int vfio_set_attr(struct kvm_device *dev, const struct kvm_device_attr *attr)
{
	int r = vfio_has_attr(dev, attr);

	return r ? r : vfio_set(dev, attr);
}

static int vfio_create(struct kvm_device *dev)
{
	struct vfio_device_files *v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);

	if (!v)
		return -ENOMEM;
	mutex_init(&v->lock);
	INIT_LIST_HEAD(&v->files);
	dev->priv = v;
	return 0;
}

static void vfio_destroy(struct kvm_device *dev)
{
	struct vfio_device_files *v = dev->priv;
	struct vfio_entry *e, *next;

	list_for_each_entry_safe(e, next, &v->files, link)
		del(dev->kvm, e);
	kfree(v);
}

const struct kvm_device_ops kvm_vfio_ops = {
	.name = "kvm-vfio",
	.single = true,
	.create = vfio_create,
	.destroy = vfio_destroy,
	.set_attr = vfio_set_attr,
	.has_attr = vfio_has_attr,
};
