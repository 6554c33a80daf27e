/* SPDX-License-Identifier: GPL-2.0-only */
/* What answers guest accesses in the kernel: devices on three buses of a VM. */
#ifndef KVMX_BUS_H
#define KVMX_BUS_H

#include "kvmx.h"

struct kvm_vcpu;
struct kvm_io_device;

/**
 * struct kvm_io_ops - what a device does
 * @read: 0 with @val filled, or -EOPNOTSUPP: not this device's, ask the next; may be NULL
 * @write: the same for a write; may be NULL
 * @release: the bus forgets the device; may be NULL
 * @atomic: @write sleeps nowhere and may be called with interrupts off
 *
 * @vcpu is the vCPU that asks, loaded; kvm->srcu is held; may sleep. @addr is a
 * guest physical address or a port; @len 1, 2, 4 or 8 bytes, 0 on KVM_FAST_MMIO_BUS.
 */
struct kvm_io_ops {
	int (*read)(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		    void *val);
	int (*write)(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		     const void *val);
	void (*release)(struct kvm_io_device *dev);
	bool atomic;
};

struct kvm_io_device {
	const struct kvm_io_ops *ops;
};

/* --- bus/bus.c --- */
/* The VM ends: releases what is still registered. */
void kvm_bus_free(struct kvm *kvm);
/*
 * kvm->slots_lock held. Ranges may overlap: the devices of an address are asked
 * in the order of their registration. A device may have several ranges; @len 0 stands
 * for accesses of any length at @addr. -ENOSPC beyond 8192 ranges, -ENOMEM.
 */
int kvm_bus_register(struct kvm *kvm, enum kvm_bus_id bus, gpa_t addr, int len,
		     struct kvm_io_device *dev);
/*
 * kvm->slots_lock held. All ranges of @dev on that bus go; when it returns no vCPU is
 * inside @dev, and @dev->ops->release was called. -ENOENT if it has none there.
 */
int kvm_bus_unregister(struct kvm *kvm, enum kvm_bus_id bus, struct kvm_io_device *dev);
/* kvm->srcu held. Does a range begin in the page of @addr? */
bool kvm_bus_has_page(struct kvm *kvm, enum kvm_bus_id bus, gpa_t addr);
/* kvm->srcu held. 0, or -EOPNOTSUPP where no device answers. */
int kvm_bus_read(struct kvm_vcpu *vcpu, enum kvm_bus_id bus, gpa_t addr, int len, void *val);
int kvm_bus_write(struct kvm_vcpu *vcpu, enum kvm_bus_id bus, gpa_t addr, int len,
		  const void *val);
/* With interrupts off, kvm->srcu not held: false if kvm_bus_write() must ask. */
bool kvm_bus_write_atomic(struct kvm_vcpu *vcpu, enum kvm_bus_id bus, gpa_t addr, int len,
			  const void *val);

/* --- bus/coalesced.c --- */
int kvm_coalesced_mmio_init(struct kvm *kvm);
void kvm_coalesced_mmio_free(struct kvm *kvm);
bool kvm_coalesced_write(struct kvm *kvm, u64 addr, unsigned int len, const void *data, bool pio);

#endif
