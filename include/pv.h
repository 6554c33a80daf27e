/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest that knows it is one may use: clocks and flags in its memory,
 * MSRs 0x4b564d00 and up, hypercalls. The kernel's Documentation/virt/kvm/x86/
 * {msr,cpuid,hypercalls}.rst.
 */
#ifndef KVMX_PV_H
#define KVMX_PV_H

#include <linux/ktime.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct kvm;
struct kvm_vcpu;
struct kvm_ioctl_args;
struct kvm_cap_table;
struct kvm_enable_cap;

/* The VM's clock; owned by pv/. */
struct kvm_pv_vm {
	raw_spinlock_t lock;
	s64 clock_offset;		/* kvmclock = host boot time + this, ns */
	u64 master_ns, master_tsc;	/* one reading of the host's clock for all vCPUs */
	bool master_valid;
	u64 wall_clock_gpa;
	bool migration_control;
	u64 hypercall_exits;		/* bits 1 << KVM_HC_*, KVM_CAP_EXIT_HYPERCALL */
};

/* One vCPU's; owned by pv/. */
struct kvm_pv_vcpu {
	u64 system_time_msr, steal_msr, eoi_msr;
	u64 poll_control_msr, migration_msr;
	u32 clock_version, steal_version;
	u64 steal_seen;			/* the host's run delay at the last write, ns */
	bool enforce_cpuid;		/* KVM_CAP_ENFORCE_PV_FEATURE_CPUID */
	bool unhalted;			/* KVM_HC_KICK_CPU came before the HLT */
	bool clock_stopped;		/* KVM_KVMCLOCK_CTRL: tell the guest at the next update */
	bool eoi_set;			/* the PV EOI flag is up in guest memory */
	bool preempted_shown;		/* the preempted flag is up in guest memory */
	u32 features;			/* CPUID 0x40000001 EAX that the guest was given */
};

/* --- pv/clock.c, pv/steal.c, pv/msr.c, pv/eoi.c, pv/hypercall.c --- */
void kvm_pv_init_vm(struct kvm *kvm);
int kvm_pv_module_init(void);		/* the host's time-of-day notifier */
void kvm_pv_module_exit(void);
void kvm_pv_reset(struct kvm_vcpu *vcpu, bool init_event);
/* CPUID was set: @features is EAX of 0x40000001, 0 without the leaf. */
void kvm_pv_cpuid_changed(struct kvm_vcpu *vcpu);
/* 0 done, 1 #GP, -ENOENT not one of these. kvm->srcu held, vCPU loaded. */
int kvm_pv_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host);
int kvm_pv_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host);
/* KVM_REQ_CLOCK, KVM_REQ_MASTERCLOCK, KVM_REQ_STEAL; kvm->srcu held, may sleep. */
void kvm_pv_clock_update(struct kvm_vcpu *vcpu);
void kvm_pv_masterclock_update(struct kvm *kvm);
void kvm_pv_steal_update(struct kvm_vcpu *vcpu);
/* vcpu_load() and vcpu_put(): preemption off, atomic. */
void kvm_pv_load(struct kvm_vcpu *vcpu, int cpu);
void kvm_pv_put(struct kvm_vcpu *vcpu);
/*
 * PV EOI, only where the CPU does not virtualize EOI. Before entry with one
 * interrupt in service that nobody else waits for: the flag goes up. After the
 * exit: if the guest took it down, that was the EOI.
 */
void kvm_pv_eoi_offer(struct kvm_vcpu *vcpu);
void kvm_pv_eoi_collect(struct kvm_vcpu *vcpu);
/*
 * A hypercall with arguments cut to 32 bits outside 64-bit code; CPL 0. The
 * answer for RAX; *@exit set where KVM_RUN must return with KVM_EXIT_HYPERCALL.
 * May sleep; kvm->srcu held.
 */
unsigned long kvm_pv_hypercall(struct kvm_vcpu *vcpu, unsigned long nr, const u64 args[4],
			       bool wide, bool *exit);

long kvm_vm_ioctl_get_clock(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_set_clock(struct kvm_ioctl_args *a);
/* vCPU: KVM_IOCTL(KVM_KVMCLOCK_CTRL, kvm_vcpu_ioctl_kvmclock_ctrl, 0, KVM_CAP_KVMCLOCK_CTRL) */
long kvm_vcpu_ioctl_kvmclock_ctrl(struct kvm_ioctl_args *a);
/* Of a VM or a vCPU; -EINVAL for what is not here. */
long kvm_pv_enable_cap(struct kvm *kvm, const struct kvm_enable_cap *cap);
long kvm_pv_vcpu_enable_cap(struct kvm_vcpu *vcpu, const struct kvm_enable_cap *cap);

/* MSRs of this folder that a saved guest needs, for KVM_GET_MSR_INDEX_LIST. */
extern const u32 kvm_pv_msrs[];
extern const unsigned int kvm_pv_nr_msrs;
extern const struct kvm_cap_table kvm_caps_pv;

#endif
