/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Guest memory that user space cannot map, and what goes with it, as <linux/kvm.h> of 6.12 has
 * it: kvmx offers it on older kernels as well, by the same numbers.
 */
#ifndef KVMX_UAPI_GUEST_MEMFD_H
#define KVMX_UAPI_GUEST_MEMFD_H

#include <linux/kvm.h>

#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT		39
#define KVM_MEMORY_EXIT_FLAG_PRIVATE	(1ULL << 3)
#define KVM_CAP_MEMORY_FAULT_INFO	232
#endif

#ifndef KVM_SET_MEMORY_ATTRIBUTES
struct kvm_memory_attributes {
	__u64 address;
	__u64 size;
	__u64 attributes;
	__u64 flags;
};

#define KVM_SET_MEMORY_ATTRIBUTES	_IOW(KVMIO, 0xd2, struct kvm_memory_attributes)
#define KVM_MEMORY_ATTRIBUTE_PRIVATE	(1ULL << 3)
#define KVM_CAP_MEMORY_ATTRIBUTES	233
#endif

#ifndef KVM_CREATE_GUEST_MEMFD
struct kvm_create_guest_memfd {
	__u64 size;
	__u64 flags;
	__u64 reserved[6];
};

#define KVM_CREATE_GUEST_MEMFD		_IOWR(KVMIO, 0xd4, struct kvm_create_guest_memfd)
#define KVM_MEM_GUEST_MEMFD		(1UL << 2)
#define KVM_CAP_GUEST_MEMFD		234
#endif

#ifndef KVM_X86_SW_PROTECTED_VM
#define KVM_X86_SW_PROTECTED_VM		1
#endif

/* What KVM_EXIT_MEMORY_FAULT says, memory_fault in the union of struct kvm_run. */
struct kvmx_memory_fault {
	__u64 flags;
	__u64 gpa;
	__u64 size;
};

#define kvmx_run_memory_fault(run)	((struct kvmx_memory_fault *)(run)->padding)

#endif
