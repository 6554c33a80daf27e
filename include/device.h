/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices with a file descriptor of their own: KVM_CREATE_DEVICE. */
#ifndef KVMX_DEVICE_H
#define KVMX_DEVICE_H

#include "kvmx.h"

struct kvm_ioctl_args;
struct kvm_cap_table;
struct kvm_device;

/**
 * struct kvm_device_ops - a kind of device
 * @name: of its files
 * @single: a VM has at most one
 * @create: sets @dev->priv
 * @destroy: its file is closed
 * @set_attr: KVM_SET_DEVICE_ATTR
 * @has_attr: 0, or -ENXIO
 */
struct kvm_device_ops {
	const char *name;
	bool single;
	int (*create)(struct kvm_device *dev);
	void (*destroy)(struct kvm_device *dev);
	int (*set_attr)(struct kvm_device *dev, const struct kvm_device_attr *attr);
	int (*has_attr)(struct kvm_device *dev, const struct kvm_device_attr *attr);
};

struct kvm_device {
	struct kvm *kvm;
	const struct kvm_device_ops *ops;
	struct list_head link;		/* kvm->devices, under kvm->lock */
	void *priv;
};

/* --- vm/device.c --- */
int kvm_device_module_init(void);
long kvm_vm_ioctl_create_device(struct kvm_ioctl_args *a);

extern const struct kvm_cap_table kvm_caps_device;

/* --- vm/vfio.c --- */
extern const struct kvm_device_ops kvm_vfio_ops;

#endif
