/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's state as user space reads and writes it: CPUID, MSRs, FPU, machine
 * checks. One handler for each ioctl; the tables of vm/ and kvm_main.c have them.
 */
#ifndef KVMX_STATE_H
#define KVMX_STATE_H

#include <linux/compat.h>
#include "cpuid.h"
#include "ioctl.h"

enum kvm_cpuid_reg { KVM_CPUID_EAX, KVM_CPUID_EBX, KVM_CPUID_ECX, KVM_CPUID_EDX };

/* Where CPUID shows a feature. */
struct kvm_feature_place {
	u32 function, index;
	enum kvm_cpuid_reg reg;
	u32 mask;
};

struct kvm_cr4_feature {
	enum kvm_cpuid_feature feature;
	u64 bit;
};

#define KVM_NR_CR4_FEATURES	8

/* --- vcpu/cpuid_table.c --- */
extern const struct kvm_feature_place kvm_feature_places[KVM_NR_FEATURES];
extern const struct kvm_cr4_feature kvm_cr4_features[KVM_NR_CR4_FEATURES];

/* --- vm/cpuid_ioctl.c --- */
long kvm_dev_ioctl_get_supported_cpuid(struct kvm_ioctl_args *a);
long kvm_dev_ioctl_get_emulated_cpuid(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_cpuid(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_cpuid2(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_get_cpuid2(struct kvm_ioctl_args *a);

/* --- vcpu/cpuid.c --- */
/* Takes over @ent (kvmalloc'ed) unless it fails. */
int kvm_cpuid_set(struct kvm_vcpu *vcpu, struct kvm_cpuid_entry2 *ent, int nent);
/* @e as the guest sees it now. */
void kvm_cpuid_current(struct kvm_vcpu *vcpu, struct kvm_cpuid_entry2 *e);

/* --- vm/nested_state.c --- */
long kvm_vcpu_ioctl_get_nested_state(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_nested_state(struct kvm_ioctl_args *a);

/* --- vcpu/fpu.c --- */
long kvm_vcpu_ioctl_get_fpu(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_fpu(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_get_xsave(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_get_xsave2(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_xsave(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_get_xcrs(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_xcrs(struct kvm_ioctl_args *a);
long kvm_dev_ioctl_get_device_attr(struct kvm_ioctl_args *a);
long kvm_dev_ioctl_has_device_attr(struct kvm_ioctl_args *a);

/* --- vm/msr_ioctl.c: the handlers of KVM_GET_MSRS and KVM_SET_MSRS return a count --- */
long kvm_dev_ioctl_get_msr_index_list(struct kvm_ioctl_args *a);
long kvm_dev_ioctl_get_msr_feature_index_list(struct kvm_ioctl_args *a);
long kvm_ioctl_get_msrs(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_msrs(struct kvm_ioctl_args *a);

/* --- run/msr.c --- */
/* MSRs at power-up (@init_event false) and after INIT. */
void kvm_msr_reset(struct kvm_vcpu *vcpu, bool init_event);

/* --- vcpu/tsc.c --- */
u64 kvm_read_guest_tsc(struct kvm_vcpu *vcpu);
u64 kvm_guest_tsc_at(const struct kvm_vcpu *vcpu, u64 host_tsc);
u64 kvm_guest_ticks_to_host(const struct kvm_vcpu *vcpu, u64 ticks);
u32 kvm_tsc_ticks_khz(const struct kvm_vcpu *vcpu);
void kvm_tsc_host_set_back(struct kvm_vcpu *vcpu, u64 from, u64 to);

/* --- run/tsc.c --- */
void kvm_tsc_init_vcpu(struct kvm_vcpu *vcpu);
void kvm_tsc_reload(struct kvm_vcpu *vcpu);
/* The guest's TSC becomes @val, unless other vCPUs' already run beside it: then theirs. */
void kvm_synchronize_tsc(struct kvm_vcpu *vcpu, u64 val);
long kvm_vcpu_ioctl_set_tsc_khz(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_get_tsc_khz(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_set_tsc_khz(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_get_tsc_khz(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_has_device_attr(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_get_device_attr(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_device_attr(struct kvm_ioctl_args *a);
extern const struct kvm_cap_table kvm_caps_tsc;

/* --- vcpu/msr_filter.c --- */
long kvm_vm_ioctl_set_msr_filter(struct kvm_ioctl_args *a);
#ifdef CONFIG_COMPAT
/* The same of 32-bit user space, where struct kvm_msr_filter has another layout. */
struct kvm_compat_msr_filter {
	u32 flags;
	struct {
		u32 flags, nmsrs, base;
		compat_uptr_t bitmap;
	} ranges[KVM_MSR_FILTER_MAX_RANGES];
};

#define KVM_X86_SET_MSR_FILTER_COMPAT	_IOW(KVMIO, 0xc6, struct kvm_compat_msr_filter)
long kvm_vm_compat_set_msr_filter(struct kvm_ioctl_args *a);
#endif
void kvm_msr_filter_free(struct kvm *kvm);
bool kvm_msr_allowed(struct kvm_vcpu *vcpu, u32 index, bool write);

/* --- vm/enable_cap.c --- */
long kvm_vm_ioctl_enable_cap(struct kvm_ioctl_args *a);
int kvm_cap_quirks(struct kvm *kvm);
/* KVM_X86_DISABLE_EXITS_* that this host can do. */
int kvm_cap_disable_exits(struct kvm *kvm);

/* --- vcpu/mce.c --- */
#define KVM_MCE_BANKS	32	/* at most */
int kvm_mce_create(struct kvm_vcpu *vcpu);
void kvm_mce_destroy(struct kvm_vcpu *vcpu);
long kvm_dev_ioctl_get_mce_cap(struct kvm_ioctl_args *a);
int kvm_mce_setup(struct kvm_vcpu *vcpu, u64 cap);
int kvm_mce_report(struct kvm_vcpu *vcpu, const struct kvm_x86_mce *mce);

/* --- vm/mce_ioctl.c --- */
long kvm_vcpu_ioctl_setup_mce(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_mce(struct kvm_ioctl_args *a);

/* --- vm/state_caps.c --- */
/* What all of the above announces. */
extern const struct kvm_cap_table kvm_caps_state;

#endif
