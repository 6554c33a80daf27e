/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest that knows it is one may use: clocks and flags in its memory,
 * MSRs 0x4b564d00 and up, hypercalls. The kernel's Documentation/virt/kvm/x86/
 * {msr,cpuid,hypercalls}.rst.
 */
#ifndef KVMX_PV_H
#define KVMX_PV_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include "timescale.h"

struct kvm;
struct kvm_vcpu;
struct kvm_cpuid_entry2;
struct kvm_ioctl_args;
struct kvm_cap_table;
struct kvm_enable_cap;

/* The VM's clock and settings; owned by pv/. */
struct kvm_pv_vm {
	struct list_head link;		/* all VMs */
	spinlock_t lock;		/* writers of the clock, readers of several fields */
	/*
	 * While the host keeps time by its TSC, so does the VM: @master says the time, and every
	 * guest page says the same, so all of them agree to the nanosecond.
	 */
	bool master_valid;
	bool in_step;			/* the vCPUs' TSCs are equal */
	struct kvm_clock_anchor master;
	s64 clock_offset;		/* otherwise kvmclock is the host's boot time + this, ns */

	u64 wall_clock_gpa;
	u64 hypercall_exits;		/* bits 1 << KVM_HC_*, KVM_CAP_EXIT_HYPERCALL */
};

/* One vCPU's; owned by pv/. */
struct kvm_pv_vcpu {
	u64 system_time_msr, steal_msr, eoi_msr;
	u64 poll_control_msr, migration_msr;
	u64 steal_seen;			/* @steal_thread's run delay at the last write, ns */
	const void *steal_thread;
	unsigned long clock_written;	/* jiffies */
	int clock_cpu;			/* where the clock page was written */
	u32 features;			/* EAX of the guest's CPUID leaf KVM_CPUID_FEATURES */
	bool enforce_cpuid;		/* KVM_CAP_ENFORCE_PV_FEATURE_CPUID */
	bool unhalted;			/* KVM_HC_KICK_CPU came before the HLT */
	bool clock_stopped;		/* KVM_KVMCLOCK_CTRL: tell the guest at the next update */
	bool eoi_set;			/* the PV EOI flag is up in guest memory */
	bool preempted_shown;		/* the preempted flag is up in guest memory */
};

/* --- pv/clock.c --- */
int kvm_pv_module_init(void);
void kvm_pv_module_exit(void);
void kvm_pv_init_vm(struct kvm *kvm);
void kvm_pv_free_vm(struct kvm *kvm);
/* KVM_REQ_CLOCK, KVM_REQ_MASTERCLOCK; kvm->srcu held, may sleep. */
void kvm_pv_clock_update(struct kvm_vcpu *vcpu);
void kvm_pv_masterclock_update(struct kvm *kvm);
/* MSR_KVM_WALL_CLOCK was written. */
void kvm_pv_write_wall_clock(struct kvm_vcpu *vcpu, u64 gpa);
/* The host's real time (ns) at host TSC *@tsc; false if the host does not keep time by the TSC. */
bool kvm_pv_real_time(u64 *ns, u64 *tsc);
long kvm_vm_ioctl_get_clock(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_set_clock(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_kvmclock_ctrl(struct kvm_ioctl_args *a);

/* --- pv/steal.c --- */
/* KVM_REQ_STEAL; kvm->srcu held, may sleep. */
void kvm_pv_steal_update(struct kvm_vcpu *vcpu);
/* A page of the guest follows where the vCPU is; else these two need not be called. */
static inline bool kvm_pv_follows(const struct kvm_pv_vcpu *pv)
{
	return pv->steal_msr || pv->system_time_msr;
}

/* vcpu_load() and vcpu_put(): preemption off, atomic. */
void kvm_pv_load(struct kvm_vcpu *vcpu, int cpu);
void kvm_pv_put(struct kvm_vcpu *vcpu);

/* --- pv/msr.c --- */
void kvm_pv_reset(struct kvm_vcpu *vcpu, bool init_event);
/* Takes from a CPUID that user space sets what this VM cannot have. */
void kvm_pv_trim_cpuid(struct kvm *kvm, struct kvm_cpuid_entry2 *ent, int nent);
/* vcpu->cpuid was set. */
void kvm_pv_cpuid_changed(struct kvm_vcpu *vcpu);
/* EAX of KVM_CPUID_FEATURES as KVM_GET_SUPPORTED_CPUID shows it. */
u32 kvm_pv_features(void);
/* May the guest use @feature (KVM_FEATURE_*)? */
bool kvm_pv_may_use(const struct kvm_vcpu *vcpu, unsigned int feature);
/* Of a VM or a vCPU; -EINVAL for what is not here. */
long kvm_pv_enable_cap(struct kvm *kvm, const struct kvm_enable_cap *cap);
long kvm_vcpu_ioctl_enable_cap(struct kvm_ioctl_args *a);

extern const struct kvm_cap_table kvm_caps_pv;

/* --- pv/eoi.c --- */
/*
 * PV EOI, only where the CPU does not virtualize EOI. Before an entry the flag goes up, if an
 * interrupt is in service whose EOI concerns only the APIC. After the exit, or without one: if
 * the guest took it down, that was the EOI. kvm->srcu held, may sleep.
 */
void kvm_pv_eoi_changed(struct kvm_vcpu *vcpu);
void kvm_pv_eoi_offer(struct kvm_vcpu *vcpu);
void kvm_pv_eoi_collect(struct kvm_vcpu *vcpu);

/* --- pv/hypercall.c --- */
/*
 * A hypercall with number and arguments cut to 32 bits outside 64-bit code (@wide); CPL 0.
 * The answer for RAX; *@exit set where KVM_RUN must return with KVM_EXIT_HYPERCALL.
 * May sleep; kvm->srcu held.
 */
unsigned long kvm_pv_hypercall(struct kvm_vcpu *vcpu, unsigned long nr, const u64 args[4],
			       bool wide, bool *exit);

#endif
