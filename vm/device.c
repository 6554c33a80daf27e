// SPDX-License-Identifier: GPL-2.0-only
/* Devices with a file descriptor, which lives as long as the device. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "device.h"
#include "ioctl.h"

static struct kvm_device *device_of(struct kvm_ioctl_args *a)
{
	return a->file->private_data;
}

static long ioctl_set_attr(struct kvm_ioctl_args *a)
{
	return device_of(a)->ops->set_attr(device_of(a), a->data);
}

/* No device has anything to be read. */
static long ioctl_get_attr(struct kvm_ioctl_args *a)
{
	return -EPERM;
}

static long ioctl_has_attr(struct kvm_ioctl_args *a)
{
	return device_of(a)->ops->has_attr(device_of(a), a->data);
}

static const struct kvm_ioctl device_ioctls[] = {
	KVM_IOCTL(KVM_SET_DEVICE_ATTR, ioctl_set_attr, 0, KVM_CAP_DEVICE_CTRL),
	KVM_IOCTL(KVM_GET_DEVICE_ATTR, ioctl_get_attr, 0, KVM_CAP_DEVICE_CTRL),
	KVM_IOCTL(KVM_HAS_DEVICE_ATTR, ioctl_has_attr, 0, KVM_CAP_DEVICE_CTRL),
};

static struct kvm_ioctl_table device_table = {
	.entry = device_ioctls, .count = ARRAY_SIZE(device_ioctls),
};

int __init kvm_device_module_init(void)
{
	return kvm_ioctl_index(&device_table);
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvm_device *dev = file->private_data;
	struct kvm_ioctl_args a = { .kvm = dev->kvm, .file = file, .raw = arg };
	const struct kvm_ioctl *e;

	if (dev->kvm->mm != current->mm || READ_ONCE(dev->kvm->dead))
		return -EIO;
	e = kvm_ioctl_find(&device_table, cmd);
	return e ? kvm_ioctl_dispatch(e, &a) : -ENOTTY;
}

static void device_destroy(struct kvm_device *dev)
{
	struct kvm *kvm = dev->kvm;

	mutex_lock(&kvm->lock);
	list_del(&dev->link);
	mutex_unlock(&kvm->lock);
	dev->ops->destroy(dev);
	kfree(dev);
}

static int device_release(struct inode *inode, struct file *file)
{
	struct kvm_device *dev = file->private_data;
	struct kvm *kvm = dev->kvm;

	device_destroy(dev);
	kvm_put_kvm(kvm);
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static const struct kvm_device_ops *ops_of(u32 number)
{
	return number == KVM_DEV_TYPE_VFIO ? &kvm_vfio_ops : NULL;
}

/* kvm->lock held. */
static int device_add(struct kvm_device *dev)
{
	struct kvm_device *other;
	int r;

	list_for_each_entry(other, &dev->kvm->devices, link)
		if (other->ops == dev->ops && dev->ops->single)
			return -EBUSY;
	r = dev->ops->create(dev);
	if (!r)
		list_add(&dev->link, &dev->kvm->devices);
	return r;
}

/**
 * kvm_vm_ioctl_create_device - KVM_CREATE_DEVICE
 * @a: struct kvm_create_device
 *
 * Return: 0; -ENODEV no such type; -EINVAL; -EBUSY a VM has only one; -ENOMEM,
 * -EMFILE.
 */
long kvm_vm_ioctl_create_device(struct kvm_ioctl_args *a)
{
	struct kvm_create_device *args = a->data;
	const struct kvm_device_ops *ops = ops_of(args->type);
	struct kvm_device *dev;
	int r;

	if (!ops)
		return -ENODEV;
	if (args->flags & ~KVM_CREATE_DEVICE_TEST)
		return -EINVAL;
	if (args->flags)
		return 0;
	dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	if (!dev)
		return -ENOMEM;
	dev->kvm = a->kvm;
	dev->ops = ops;
	mutex_lock(&a->kvm->lock);
	r = device_add(dev);
	mutex_unlock(&a->kvm->lock);
	if (r) {
		kfree(dev);
		return r;
	}
	kvm_get_kvm(a->kvm);
	r = anon_inode_getfd(ops->name, &device_fops, dev, O_RDWR | O_CLOEXEC);
	if (r < 0) {
		device_destroy(dev);
		kvm_put_kvm(a->kvm);
		return r;
	}
	args->fd = r;
	return 0;
}

static const struct kvm_cap caps[] = {
	{ KVM_CAP_DEVICE_CTRL, 1 },
};

KVM_CAP_TABLE(kvm_caps_device, caps);
