/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The API as tables: one for each kind of file descriptor, one dispatcher, and
 * tables of capabilities beside what they announce. Documentation/api.rst.
 */
#ifndef KVMX_IOCTL_H
#define KVMX_IOCTL_H

#include "kvmx.h"

struct kvm_ioctl_args {
	struct kvm *kvm;		/* NULL on /dev/kvm */
	struct kvm_vcpu *vcpu;		/* NULL but on a vCPU */
	struct file *file;
	void *data;			/* the kernel's copy of the argument's _IOC_SIZE bytes */
	unsigned long raw;		/* the argument as given */
	void __user *tail;		/* KVM_IOC_TAIL: user address behind the fixed part */
};

/* @raw is a value, not a pointer; nothing is copied. */
#define KVM_IOC_VALUE		(1u << 0)
/* A variable part follows; the handler copies it, and nothing else does. */
#define KVM_IOC_TAIL		(1u << 1)
/* The fixed part is copied out although the handler failed with -E2BIG. */
#define KVM_IOC_OUT_E2BIG	(1u << 2)
/* vCPU: runs without vcpu->mutex and without vcpu_load() (asynchronous by the API). */
#define KVM_IOC_ASYNC		(1u << 3)
/* vCPU: under vcpu->mutex but the VMCS need not be loaded. */
#define KVM_IOC_NOLOAD		(1u << 4)
/* The handler copies out by itself (a large struct written in place, or nothing). */
#define KVM_IOC_NOCOPYOUT	(1u << 5)

/* The argument may be a null pointer; @data is NULL then. */
#define KVM_IOC_NULL_OK		(1u << 6)
/* Copied in, although the number of this ioctl says out (KVM_SET_IRQCHIP, KVM_SET_PIT). */
#define KVM_IOC_IN		(1u << 7)

struct kvm_ioctl {
	u32 cmd;
	u32 flags;
	long (*fn)(struct kvm_ioctl_args *a);
	u32 cap;			/* the capability that announces it, 0: always there */
	const char *name;
};

#define KVM_IOCTL(_cmd, _fn, _flags, _cap) \
	{ .cmd = (_cmd), .fn = (_fn), .flags = (_flags), .cap = (_cap), .name = #_cmd }

struct kvm_ioctl_table {
	const struct kvm_ioctl *entry;
	unsigned int count;
	u16 index[256];			/* by _IOC_NR: 1 + first entry; made by kvm_ioctl_index() */
};

/* Capabilities: a value, or a function where it depends on the host or the VM. */
struct kvm_cap {
	u32 cap;
	int value;
	int (*fn)(struct kvm *kvm);	/* @kvm NULL on /dev/kvm */
};

struct kvm_cap_table {
	const struct kvm_cap *entry;
	unsigned int count;
};

#define KVM_CAP_TABLE(_name, _array) \
	const struct kvm_cap_table _name = { .entry = (_array), .count = ARRAY_SIZE(_array) }

/* --- vm/ioctl.c --- */
int kvm_ioctl_index(struct kvm_ioctl_table *t);
const struct kvm_ioctl *kvm_ioctl_find(const struct kvm_ioctl_table *t, unsigned int cmd);
long kvm_ioctl_dispatch(const struct kvm_ioctl *e, struct kvm_ioctl_args *a);
int kvm_check_extension(struct kvm *kvm, u32 cap);

/* --- vm/vm.c --- */
extern const struct kvm_cap_table kvm_caps_vm;

/* --- vm/vcpu.c --- */
extern const struct kvm_cap_table kvm_caps_vcpu;

/* --- bus/coalesced.c --- */
extern const struct kvm_cap_table kvm_caps_coalesced;
long kvm_vm_ioctl_register_coalesced(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_unregister_coalesced(struct kvm_ioctl_args *a);

/* --- vcpu/events.c --- */
long kvm_vcpu_ioctl_interrupt(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_nmi(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_get_vcpu_events(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_vcpu_events(struct kvm_ioctl_args *a);

/* --- run/run.c --- */
long kvm_vcpu_ioctl_run(struct kvm_ioctl_args *a);

/* --- run/regs.c --- */
long kvm_vcpu_ioctl_get_regs(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_regs(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_get_sregs(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_sregs(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_get_sregs2(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_sregs2(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_get_debugregs(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_debugregs(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_guest_debug(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_translate(struct kvm_ioctl_args *a);

#endif
