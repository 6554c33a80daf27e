/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the kernels kvmx builds for differ in names. */
#ifndef KVMX_COMPAT_H
#define KVMX_COMPAT_H

#include <linux/cpuhotplug.h>
#include <linux/kvm.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>
#include <asm/vmx.h>

#ifdef SECONDARY_EXEC_ENABLE_XSAVES
#define VMX_XSAVES_CONTROL	SECONDARY_EXEC_ENABLE_XSAVES
#else
#define VMX_XSAVES_CONTROL	SECONDARY_EXEC_XSAVES
#endif

/* Of a later header; the fields it shares with KVM_SET_USER_MEMORY_REGION come first. */
#ifndef KVM_SET_USER_MEMORY_REGION2
struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};

#define KVM_SET_USER_MEMORY_REGION2 _IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#define KVM_CAP_USER_MEMORY2	231
#endif

/* Likewise. */
#ifndef KVM_PRE_FAULT_MEMORY
struct kvm_pre_fault_memory {
	__u64 gpa;
	__u64 size;
	__u64 flags;
	__u64 padding[5];
};

#define KVM_PRE_FAULT_MEMORY	_IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#define KVM_CAP_PRE_FAULT_MEMORY	236
#endif

/* Likewise. */
#ifndef KVM_CAP_VM_TYPES
#define KVM_CAP_VM_TYPES	235
#define KVM_X86_DEFAULT_VM	0
#endif

/* Likewise, each by itself: bits of KVM_CAP_DISABLE_QUIRKS2. */
#ifndef KVM_X86_QUIRK_SLOT_ZAP_ALL
#define KVM_X86_QUIRK_SLOT_ZAP_ALL		BIT(7)
#endif
#ifndef KVM_X86_QUIRK_STUFF_FEATURE_MSRS
#define KVM_X86_QUIRK_STUFF_FEATURE_MSRS	BIT(8)
#endif
#ifndef KVM_X86_QUIRK_IGNORE_GUEST_PAT
#define KVM_X86_QUIRK_IGNORE_GUEST_PAT		BIT(9)
#endif

/* KVM_CAP_DISABLE_QUIRKS2 once replaced what was turned off; its users count on either. */
#define kvmx_quirk_calls_add_up	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0))

/* The hotplug state in which no task runs any more (or yet) on the CPU. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define KVMX_CPUHP_STATE	CPUHP_AP_KVM_ONLINE
#define kvmx_cpuhp_may_fail	true
#else
#define KVMX_CPUHP_STATE	CPUHP_AP_KVM_STARTING
#define kvmx_cpuhp_may_fail	false
#endif

/* Some kernels rename in struct kvm_run what user space may change at any time. */
#ifdef HINT_UNSAFE_IN_KVM
#define kvmx_immediate_exit	immediate_exit__unsafe
#else
#define kvmx_immediate_exit	immediate_exit
#endif

/* Some have a bit of KVM_EXIT_HYPERCALL's flags for what was a field. */
#ifdef KVM_EXIT_HYPERCALL_LONG_MODE
#define kvmx_hypercall_wide(_run, _wide)	\
	((_run)->hypercall.flags = (_wide) ? KVM_EXIT_HYPERCALL_LONG_MODE : 0)
#else
#define kvmx_hypercall_wide(_run, _wide)	((_run)->hypercall.longmode = (_wide))
#endif

/* Suspend and resume hooks: one object, kvmx_syscore, with kvmx_syscore_{,un}register(). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 58)
#define KVMX_SYSCORE(_suspend, _resume)					\
static int kvmx_syscore_suspend(void *data) { return _suspend(); }	\
static void kvmx_syscore_resume(void *data) { _resume(); }		\
static const struct syscore_ops kvmx_syscore_ops = {			\
	.suspend = kvmx_syscore_suspend,				\
	.resume = kvmx_syscore_resume,					\
};									\
static struct syscore kvmx_syscore = { .ops = &kvmx_syscore_ops }
#define kvmx_syscore_register()		register_syscore(&kvmx_syscore)
#define kvmx_syscore_unregister()	unregister_syscore(&kvmx_syscore)
#else
#define KVMX_SYSCORE(_suspend, _resume)					\
static struct syscore_ops kvmx_syscore_ops = {				\
	.suspend = _suspend,						\
	.resume = _resume,						\
}
#define kvmx_syscore_register()		register_syscore_ops(&kvmx_syscore_ops)
#define kvmx_syscore_unregister()	unregister_syscore_ops(&kvmx_syscore_ops)
#endif

#endif
