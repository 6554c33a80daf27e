/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt controllers in the kernel: local APIC, I/O APIC, two 8259s, 8254, routing.
 *
 * A thread that has an interrupt for a vCPU sets it in that vCPU's PIR
 * (of struct kvm_pi_desc); only the vCPU's own thread, or who holds its mutex,
 * touches the APIC page.
 */
#ifndef KVMX_IRQCHIP_H
#define KVMX_IRQCHIP_H

#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include "kvmx.h"
#include "vcpu.h"

struct kvm_ioctl_args;
struct kvm_cap_table;

#define KVM_IOAPIC_PINS		24
#define KVM_PIC_PINS		16
/* A tick of the APIC timers' clock, ns: without KVM_CAP_X86_APIC_BUS_CYCLES_NS, and at most. */
#define KVM_APIC_BUS_NS		1
#define KVM_APIC_BUS_NS_MAX	(1u << 23)
/* Who holds an interrupt line up; a line is the OR of its sources. */
#define KVM_USERSPACE_IRQ_SOURCE	0
#define KVM_IRQFD_RESAMPLE_SOURCE	1
#define KVM_PIT_SOURCE			2

/* One interrupt message, SDM 3A 11.11 and 11.6.1. */
struct kvm_apic_msg {
	u8 vector;
	u8 mode;		/* KVM_DM_* */
	u8 shorthand;		/* 0 none, 1 self, 2 all, 3 all but self (SDM 3A 11.6.1) */
	bool logical;
	bool assert;
	bool level;		/* trigger mode */
	bool redirect;		/* MSI redirection hint: one of the destinations */
	u32 dest;
};

enum {
	KVM_DM_FIXED, KVM_DM_LOWEST, KVM_DM_SMI, KVM_DM_RESERVED,
	KVM_DM_NMI, KVM_DM_INIT, KVM_DM_SIPI, KVM_DM_EXTINT,
};

/* Where an MSI route leads. */
struct kvm_irq_msi {
	u64 addr;
	u32 data;
};

/*
 * What is requested of a vCPU and not yet on its APIC page; laid out as the
 * posted-interrupt descriptor of the CPU (SDM 3C 30.6) and of the IOMMU (VT-d 5.2.3).
 * A sender sets the bit in @pir and then ON (in @control); the owner clears ON and
 * then takes the bits. The rest of @control is for the IOMMU alone: vmx/posted.c.
 */
#define KVM_PI_ON_BIT		0
#define KVM_PI_ON		BIT_ULL(KVM_PI_ON_BIT)
#define KVM_PI_SN_BIT		1	/* suppress: the IOMMU sets neither ON nor notifies */
#define KVM_PI_SN		BIT_ULL(KVM_PI_SN_BIT)

struct kvm_pi_desc {
	u64 pir[4];
	u64 control;
	u64 reserved[3];
} __aligned(64);

struct kvm_apic_timer {
	struct hrtimer hrtimer;
	u64 tsc_deadline;	/* guest TSC; 0 disarmed */
	u64 host_deadline;	/* host TSC, while the VMX-preemption timer has it; else 0 */
	ktime_t expires;	/* of one-shot and periodic */
	u64 period_ns;
	u32 lvtt;		/* LVT entry, as the hrtimer's function sees it */
	u32 bus_ns;
	u8 divide;		/* 1 << this */
	bool armed;		/* one-shot or periodic counts, or a one-shot has */
	bool queued;		/* the hrtimer was started */
	bool fired;		/* the interrupt has been sent */
	bool on_cpu;		/* the VMX-preemption timer watches deadlines */
};

/* What other threads may know of a local APIC; its owner writes it, a field at a time. */
struct kvm_apic_public {
	u32 id, ldr;		/* of xAPICs their 8 bits */
	bool on;		/* by IA32_APIC_BASE */
	bool x2apic;
	bool cluster;		/* DFR of an xAPIC */
	bool moved;		/* the window is elsewhere */
};

struct kvm_lapic {
	struct kvm_pi_desc pi_desc;
	u64 pir_level[4];	/* trigger modes that go with @pi_desc.pir, IRR and ISR */
	void *page;
	struct kvm_vcpu *vcpu;
	struct kvm_apic_timer timer;
	struct kvm_apic_public public;
	bool sw_enabled;	/* SVR bit 8; read by any thread */
	u64 eoi_vectors[4];	/* whose EOI the I/O APIC or user space wants to know */
	unsigned long events;	/* bits KVM_APIC_INIT, KVM_APIC_SIPI; set by any thread */
	u8 sipi_vector;
	u8 eoi_exit_vector;	/* KVM_REQ_IOAPIC_EOI_EXIT */
	u32 esr;		/* errors not yet shown in ESR */
	u64 vapic_addr;		/* KVM_SET_VAPIC_ADDR, or 0 */
	u64 reported_rip;
	u8 vapic_tpr;		/* what the guest was last given in it */
	bool report_tpr, reported_write;
	int timer_cpu;		/* where vcpu_load() last saw to the timer */
};

enum { KVM_APIC_INIT, KVM_APIC_SIPI };

/* How an ioctl or an irqfd learns what became of an interrupt. */
enum { KVM_IRQ_NO_TARGET = -1, KVM_IRQ_COALESCED = 0, KVM_IRQ_DELIVERED = 1 };

/* Why the CPU may not virtualize this VM's APICs, bits of irq.apicv_inhibits. */
enum kvm_apicv_inhibit {
	KVM_APICV_DEBUG,	/* KVM_GUESTDBG_BLOCKIRQ holds interrupts back */
	KVM_APICV_APIC_ID,	/* an xAPIC id is not the vCPU's id */
	KVM_APICV_APIC_BASE,	/* the window is not at its usual place */
};

static inline enum kvm_irqchip_mode kvm_irqchip_mode(const struct kvm *kvm)
{
	/* Pairs with publish() in irqchip/irqchip.c: a reader of the mode finds the chips. */
	return smp_load_acquire(&kvm->irq.mode);
}

static inline bool kvm_irqchip_in_kernel(const struct kvm *kvm)
{
	return kvm_irqchip_mode(kvm) != KVM_IRQCHIP_NONE;
}

static inline bool kvm_irqchip_full(const struct kvm *kvm)
{
	return kvm_irqchip_mode(kvm) == KVM_IRQCHIP_KERNEL;
}

static inline bool kvm_irqchip_split(const struct kvm *kvm)
{
	return kvm_irqchip_mode(kvm) == KVM_IRQCHIP_SPLIT;
}

/* --- irqchip/lapic.c: the local APIC of a vCPU --- */
int kvm_apic_create(struct kvm_vcpu *vcpu);
void kvm_apic_destroy(struct kvm_vcpu *vcpu);
void kvm_apic_reset(struct kvm_vcpu *vcpu, bool init_event);
/* CPUID or the machine-check banks of the vCPU changed: the version register. */
void kvm_apic_features_changed(struct kvm_vcpu *vcpu);

/*
 * The APIC page: registers at their xAPIC offsets, 4 bytes each 16 bytes apart,
 * as the CPU's virtual-APIC page has them.
 */
static inline u32 kvm_apic_reg(const struct kvm_vcpu *vcpu, u32 offset)
{
	return *(const u32 *)(vcpu->apic->page + offset);
}

static inline bool kvm_apic_hw_enabled(const struct kvm_vcpu *vcpu)
{
	return vcpu->msr.apic_base & X86_APIC_BASE_ENABLE;
}

static inline bool kvm_apic_x2apic(const struct kvm_vcpu *vcpu)
{
	const u64 x2apic = X86_APIC_BASE_ENABLE | X86_APIC_BASE_X2APIC;

	return (vcpu->msr.apic_base & x2apic) == x2apic;
}

/* Anything in the PIR, for the run loop and for blocked vCPUs; any context. */
static inline bool kvm_apic_pir_pending(const struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->apic->pi_desc.control) & KVM_PI_ON;
}

/*
 * From any thread and context: @vector is requested of @vcpu, which is kicked or
 * woken. False if it was requested already and not yet taken (coalesced), or
 * its APIC is switched off by software.
 */
bool kvm_apic_post(struct kvm_vcpu *vcpu, u8 vector, bool level);
/* The trigger mode of @vector, for when it is posted without one; any thread. */
void kvm_apic_set_level(struct kvm_vcpu *vcpu, u8 vector, bool level);
/* Corrected machine-check interrupt: the vCPU's LVT entry for it. */
void kvm_apic_cmci(struct kvm_vcpu *vcpu);
/* PIR to IRR. Owner of the page only; interrupts may be off. True if there was any. */
bool kvm_apic_take_pir(struct kvm_vcpu *vcpu);
/* The vector that would be delivered now (IRR above PPR), or -1. The PIR is taken first. */
int kvm_apic_pending(struct kvm_vcpu *vcpu);
/* The highest vector of IRR or of ISR, or -1, with no regard to priorities. */
int kvm_apic_highest_irr(struct kvm_vcpu *vcpu);
int kvm_apic_highest_isr(struct kvm_vcpu *vcpu);
/* It is on its way in: IRR to ISR, PPR. */
void kvm_apic_ack(struct kvm_vcpu *vcpu, u8 vector);
/* The guest is done with the highest in service: ISR, PPR, I/O APIC, resample. */
void kvm_apic_eoi(struct kvm_vcpu *vcpu);
/* The CPU has done the EOI of @vector itself, and its bit of the EOI-exit bitmap was set. */
void kvm_apic_eoi_virtualized(struct kvm_vcpu *vcpu, u8 vector);
/* IRR, ISR or TPR of the page were written other than by the CPU that virtualizes it. */
void kvm_apicv_sync(struct kvm_vcpu *vcpu);
/* CR8: bits 7:4 of TPR, with a local APIC or not; 1 where the guest gets #GP. */
int kvm_set_cr8(struct kvm_vcpu *vcpu, u64 val);
u8 kvm_get_cr8(struct kvm_vcpu *vcpu);
/* IA32_APIC_BASE has changed from @old: mode, address, id. */
void kvm_apic_base_changed(struct kvm_vcpu *vcpu, u64 old);
/* LINT0 takes the 8259's interrupt at this vCPU. */
bool kvm_apic_accepts_extint(struct kvm_vcpu *vcpu);

/* --- irqchip/lapic_virt.c: the CPU virtualizes it --- */
void kvm_apicv_update(struct kvm_vcpu *vcpu);
/* @why holds, or no longer; an enum kvm_apicv_inhibit. May be called from any thread. */
void kvm_apicv_inhibit(struct kvm *kvm, unsigned int why, bool on);

/* --- irqchip/lapic_access.c --- */
/* x2APIC registers 0x800 to 0x8ff, of the guest or (@host) of user space: 0, 1 for #GP. */
int kvm_apic_msr_read(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host);
int kvm_apic_msr_write(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host);
/*
 * Fast path, interrupts off: a WRMSR to ICR, TPR, EOI, SELF_IPI, TMICT or
 * IA32_TSC_DEADLINE that needs no lock that sleeps. False: take the slow path.
 */
bool kvm_apic_msr_write_fast(struct kvm_vcpu *vcpu, u32 index, u64 val);
/* The xAPIC window: 0, or -EOPNOTSUPP where it is not there (disabled, x2APIC, elsewhere). */
int kvm_apic_mmio_read(struct kvm_vcpu *vcpu, gpa_t gpa, int len, void *val);
int kvm_apic_mmio_write(struct kvm_vcpu *vcpu, gpa_t gpa, int len, const void *val);
/* APIC-write exit: the CPU has stored at @offset of the page; do what the write means. */
void kvm_apic_written(struct kvm_vcpu *vcpu, u32 offset);

/* --- irqchip/msr.c --- */
/* IA32_APIC_BASE, also from KVM_SET_SREGS; 0, or 1 if @val is not a legal value. */
int kvm_set_apic_base(struct kvm_vcpu *vcpu, u64 val, bool host);

/* --- irqchip/lapic_timer.c --- */
void kvm_apic_timer_create(struct kvm_vcpu *vcpu);
void kvm_apic_timer_destroy(struct kvm_vcpu *vcpu);
u64 kvm_apic_get_tsc_deadline(struct kvm_vcpu *vcpu);
void kvm_apic_set_tsc_deadline(struct kvm_vcpu *vcpu, u64 deadline);
/* The guest's TSC jumps or changes its rate: no deadline is watched before and behind it. */
void kvm_apic_timer_tsc_changes(struct kvm_vcpu *vcpu);
void kvm_apic_timer_tsc_changed(struct kvm_vcpu *vcpu);
/* vcpu_load() on another CPU: the timer follows. */
void kvm_apic_timer_migrate(struct kvm_vcpu *vcpu);
/*
 * While the vCPU runs, the VMX-preemption timer may stand in for the hrtimer. Host TSC
 * at which the timer expires, or 0 if it is not armed or the hrtimer has it.
 */
u64 kvm_apic_timer_host_deadline(struct kvm_vcpu *vcpu);
/* The preemption timer has expired, interrupts may be off: post the vector. */
void kvm_apic_timer_expired(struct kvm_vcpu *vcpu);
/* About to block (hrtimer takes over) and back. */
void kvm_apic_timer_to_hrtimer(struct kvm_vcpu *vcpu);
void kvm_apic_timer_to_cpu(struct kvm_vcpu *vcpu);

/* --- irqchip/lapic_msg.c: which vCPUs are meant --- */
/*
 * Delivers @msg; @from is the sending vCPU (shorthands), or NULL. Any context.
 * The number of vCPUs that took it, 0 if all had it already, -1 without a target.
 */
int kvm_apic_deliver(struct kvm *kvm, struct kvm_vcpu *from, const struct kvm_apic_msg *msg);
/*
 * The one vCPU that every @msg of a device goes to, or NULL; @msg is an interrupt with
 * a vector. As long as the map does not change.
 */
struct kvm_vcpu *kvm_apic_only_target(struct kvm *kvm, const struct kvm_apic_msg *msg);
/* An id, LDR, DFR or mode changed, or a vCPU came: the map is built again. May sleep. */
void kvm_apic_map_changed(struct kvm *kvm);
void kvm_apic_map_free(struct kvm *kvm);
/* Is @vcpu among the destinations? */
bool kvm_apic_match(struct kvm_vcpu *vcpu, struct kvm_vcpu *from, u8 shorthand, u32 dest,
		    bool logical);

/* --- irqchip/routing.c --- */
/* MSI address and data, SDM 3A 11.11; bits 63:40 are of the destination with 32-bit ids. */
void kvm_msi_to_msg(struct kvm *kvm, u64 addr, u32 data, struct kvm_apic_msg *msg);

/*
 * @gsi gets @level (0 or 1) from @source. Sleeps nowhere; any context but that irq.srcu
 * is read. The sum over the routes: -1 no target, 0 coalesced, else how many took it.
 */
int kvm_set_irq(struct kvm *kvm, int source, u32 gsi, int level);
/* The one MSI route of @gsi, copied; false if it has none or others beside it. */
bool kvm_msi_route(struct kvm *kvm, u32 gsi, struct kvm_irq_msi *msi);
int kvm_set_msi(struct kvm *kvm, u64 addr, u32 data);

/*
 * Told when the guest acknowledges (EOI) an interrupt of a pin; under irq.srcu and,
 * for the chips, their spin lock is not held: may call kvm_set_irq().
 */
struct kvm_irq_ack_notifier {
	struct hlist_node link;
	u32 gsi;
	void (*acked)(struct kvm_irq_ack_notifier *n);
};

void kvm_register_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n);
void kvm_unregister_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n);
/* @chip KVM_IRQCHIP_*; @pin of it was acknowledged. */
void kvm_notify_acked_irq(struct kvm *kvm, u32 chip, u32 pin);
bool kvm_irq_has_notifier(struct kvm *kvm, u32 chip, u32 pin);
long kvm_vm_ioctl_set_gsi_routing(struct kvm_ioctl_args *a);

/* --- irqchip/vapic.c --- */
void kvm_vapic_to_guest(struct kvm_vcpu *vcpu);
void kvm_vapic_from_guest(struct kvm_vcpu *vcpu);
void kvm_vapic_report(struct kvm_vcpu *vcpu);
long kvm_vcpu_ioctl_set_vapic_addr(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_tpr_access_reporting(struct kvm_ioctl_args *a);

/* --- irqchip/lapic_state.c --- */
long kvm_vcpu_ioctl_get_lapic(struct kvm_ioctl_args *a);
long kvm_vcpu_ioctl_set_lapic(struct kvm_ioctl_args *a);

/* --- irqchip/irqchip.c --- */
int kvm_irq_init_vm(struct kvm *kvm);
/* Nothing is delivered by timers any more: before the vCPUs go, and free_vm after the buses. */
void kvm_irq_stop_vm(struct kvm *kvm);
void kvm_irq_free_vm(struct kvm *kvm);
/* The vectors whose EOI at @vcpu somebody wants to know of; 256 bits. */
void kvm_ioapic_eoi_vectors(struct kvm_vcpu *vcpu, u64 bitmap[4]);
/* Some pin or route changed: every vCPU asks kvm_ioapic_eoi_vectors() again. */
void kvm_make_scan_ioapic_request(struct kvm *kvm);

long kvm_vm_ioctl_create_irqchip(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_get_irqchip(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_set_irqchip(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_irq_line(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_irq_line_status(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_signal_msi(struct kvm_ioctl_args *a);
/* KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_X2APIC_API; -EINVAL for others. */
long kvm_irq_enable_cap(struct kvm *kvm, const struct kvm_enable_cap *cap);

extern const struct kvm_cap_table kvm_caps_irqchip;

/* --- irqchip/pic.c --- */
/* The 8259s have an interrupt for the boot processor; any context. */
bool kvm_pic_output(struct kvm *kvm);
/* INTA: the vector, and what the chips do on it. */
int kvm_pic_ack(struct kvm *kvm);

/* --- irqchip/ioapic.c --- */
/* EOI of @vector at @vcpu: level-triggered, or of kvm_ioapic_eoi_vectors(). A full irqchip. */
void kvm_ioapic_eoi(struct kvm_vcpu *vcpu, u8 vector);

/* --- irqchip/pit.c --- */
long kvm_vm_ioctl_create_pit(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_create_pit2(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_get_pit(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_set_pit(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_get_pit2(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_set_pit2(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_reinject_control(struct kvm_ioctl_args *a);

#endif
