/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters that user space reads by KVM_GET_STATS_FD: the kernel's
 * Documentation/virt/kvm/api.rst, 4.133.
 */
#ifndef KVMX_STATS_H
#define KVMX_STATS_H

#include <linux/types.h>

struct kvm_ioctl_args;
struct kvm_cap_table;

/*
 * X(name, kind) for each of a vCPU's, in the order of the file: COUNT of events, NS of
 * time, FLAG of now. The vCPU's thread writes them; readers take no lock.
 */
#define KVM_VCPU_STATS(X) \
	X(exits, COUNT)			/* of the CPU, handled in whatever way */ \
	X(signal_exits, COUNT)		/* KVM_RUN ended by a signal */ \
	X(irq_exits, COUNT)		/* the host's interrupts */ \
	X(io_exits, COUNT)		/* IN and OUT */ \
	X(mmio_exits, COUNT)		/* a device access went to user space */ \
	X(request_irq_exits, COUNT)	/* user space had asked for an interrupt window */ \
	X(irq_window_exits, COUNT) \
	X(nmi_window_exits, COUNT) \
	X(irq_injections, COUNT)	/* not those the CPU delivers by itself */ \
	X(nmi_injections, COUNT) \
	X(pf_taken, COUNT)		/* EPT violations */ \
	X(pf_fixed, COUNT)		/* ... that were made good */ \
	X(insn_emulation, COUNT) \
	X(insn_emulation_fail, COUNT) \
	X(hypercalls, COUNT) \
	X(host_state_reload, COUNT) \
	X(l1d_flush, COUNT)		/* before VM entry, vmentry_l1d_flush */ \
	X(preemption_reported, COUNT)	/* the guest is told in its steal time */ \
	X(halt_exits, COUNT) \
	X(halt_attempted_poll, COUNT) \
	X(halt_successful_poll, COUNT) \
	X(halt_wakeup, COUNT)		/* out of a halt, polled or slept */ \
	X(halt_poll_success_ns, NS) \
	X(halt_poll_fail_ns, NS) \
	X(halt_wait_ns, NS)		/* asleep */ \
	X(blocking, FLAG)

#define KVM_STAT_FIELD(_name, ...)	u64 _name;
struct kvm_vcpu_stat {
	KVM_VCPU_STATS(KVM_STAT_FIELD)
};

/* --- vm/stats.c --- */
long kvm_vm_ioctl_get_stats_fd(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_get_stats_fd(struct kvm_ioctl_args *a);

extern const struct kvm_cap_table kvm_caps_stats;

#endif
