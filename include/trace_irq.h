/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of the interrupt controllers; like trace.h an interface: names,
 * fields and their order are those of /sys/kernel/tracing/events/kvm/ of Linux.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm
#undef TRACE_SYSTEM_VAR
#define TRACE_SYSTEM_VAR kvm_irq

#if !defined(KVMX_TRACE_IRQ_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVMX_TRACE_IRQ_H

#include <linux/tracepoint.h>
#include <linux/types.h>

/* kvm_apic's rw. */
#define KVM_TRACE_APIC_READ	0
#define KVM_TRACE_APIC_WRITE	1

/* Delivery modes by their number in a redirection entry, a message and the ICR. */
#define kvm_trace_delivery_mode(mode) \
	__print_symbolic((mode) & 7, { 0, "Fixed" }, { 1, "LowPrio" }, { 2, "SMI" }, \
			 { 3, "Res3" }, { 4, "NMI" }, { 5, "INIT" }, { 6, "SIPI" }, \
			 { 7, "ExtINT" })

#define kvm_trace_irqchip(chip) \
	__print_symbolic(chip, { 0, "PIC master" }, { 1, "PIC slave" }, { 2, "IOAPIC" })

#define kvm_trace_apic_register(reg) \
	__print_symbolic(reg, { 0x20, "APIC_ID" }, { 0x30, "APIC_LVR" }, \
			 { 0x80, "APIC_TASKPRI" }, { 0x90, "APIC_ARBPRI" }, \
			 { 0xa0, "APIC_PROCPRI" }, { 0xb0, "APIC_EOI" }, { 0xd0, "APIC_LDR" }, \
			 { 0xe0, "APIC_DFR" }, { 0xf0, "APIC_SPIV" }, { 0x100, "APIC_ISR" }, \
			 { 0x180, "APIC_TMR" }, { 0x200, "APIC_IRR" }, { 0x280, "APIC_ESR" }, \
			 { 0x2f0, "APIC_LVTCMCI" }, { 0x300, "APIC_ICR" }, { 0x310, "APIC_ICR2" }, \
			 { 0x320, "APIC_LVTT" }, { 0x330, "APIC_LVTTHMR" }, \
			 { 0x340, "APIC_LVTPC" }, { 0x350, "APIC_LVT0" }, { 0x360, "APIC_LVT1" }, \
			 { 0x370, "APIC_LVTERR" }, { 0x380, "APIC_TMICT" }, \
			 { 0x390, "APIC_TMCCT" }, { 0x3e0, "APIC_TDCR" }, \
			 { 0x3f0, "APIC_SELF_IPI" })

TRACE_EVENT(kvm_set_irq,
	TP_PROTO(unsigned int gsi, int level, int irq_source_id),
	TP_ARGS(gsi, level, irq_source_id),

	TP_STRUCT__entry(
		__field(unsigned int, gsi)
		__field(int, level)
		__field(int, irq_source_id)
	),

	TP_fast_assign(
		__entry->gsi = gsi;
		__entry->level = level;
		__entry->irq_source_id = irq_source_id;
	),

	TP_printk("gsi %u level %d source %d", __entry->gsi, __entry->level,
		  __entry->irq_source_id)
);

TRACE_EVENT(kvm_pic_set_irq,
	TP_PROTO(__u8 chip, __u8 pin, __u8 elcr, __u8 imr, bool coalesced),
	TP_ARGS(chip, pin, elcr, imr, coalesced),

	TP_STRUCT__entry(
		__field(__u8, chip)
		__field(__u8, pin)
		__field(__u8, elcr)
		__field(__u8, imr)
		__field(bool, coalesced)
	),

	TP_fast_assign(
		__entry->chip = chip;
		__entry->pin = pin;
		__entry->elcr = elcr;
		__entry->imr = imr;
		__entry->coalesced = coalesced;
	),

	TP_printk("chip %u pin %u (%s%s)%s", __entry->chip, __entry->pin,
		  __entry->elcr >> __entry->pin & 1 ? "level" : "edge",
		  __entry->imr >> __entry->pin & 1 ? "|masked" : "",
		  __entry->coalesced ? " (coalesced)" : "")
);

TRACE_EVENT(kvm_ioapic_set_irq,
	TP_PROTO(__u64 e, int pin, bool coalesced),
	TP_ARGS(e, pin, coalesced),

	TP_STRUCT__entry(
		__field(__u64, e)
		__field(int, pin)
		__field(bool, coalesced)
	),

	TP_fast_assign(
		__entry->e = e;
		__entry->pin = pin;
		__entry->coalesced = coalesced;
	),

	TP_printk("pin %u dst %x vec %u (%s|%s|%s%s)%s", __entry->pin, (u8)(__entry->e >> 56),
		  (u8)__entry->e, kvm_trace_delivery_mode(__entry->e >> 8),
		  __entry->e & (1 << 11) ? "logical" : "physical",
		  __entry->e & (1 << 15) ? "level" : "edge",
		  __entry->e & (1 << 16) ? "|masked" : "",
		  __entry->coalesced ? " (coalesced)" : "")
);

/* The level that a storm of unserved interrupts held back goes out. */
TRACE_EVENT(kvm_ioapic_delayed_eoi_inj,
	TP_PROTO(__u64 e),
	TP_ARGS(e),

	TP_STRUCT__entry(
		__field(__u64, e)
	),

	TP_fast_assign(
		__entry->e = e;
	),

	TP_printk("dst %x vec %u (%s|%s|%s%s)", (u8)(__entry->e >> 56), (u8)__entry->e,
		  kvm_trace_delivery_mode(__entry->e >> 8),
		  __entry->e & (1 << 11) ? "logical" : "physical",
		  __entry->e & (1 << 15) ? "level" : "edge",
		  __entry->e & (1 << 16) ? "|masked" : "")
);

TRACE_EVENT(kvm_msi_set_irq,
	TP_PROTO(__u64 address, __u64 data),
	TP_ARGS(address, data),

	TP_STRUCT__entry(
		__field(__u64, address)
		__field(__u64, data)
	),

	TP_fast_assign(
		__entry->address = address;
		__entry->data = data;
	),

	TP_printk("dst %llx vec %u (%s|%s|%s%s)",
		  (u8)(__entry->address >> 12) | (__entry->address >> 32 & 0xffffff00),
		  (u8)__entry->data, kvm_trace_delivery_mode(__entry->data >> 8),
		  __entry->address & (1 << 2) ? "logical" : "physical",
		  __entry->data & (1 << 15) ? "level" : "edge",
		  __entry->address & (1 << 3) ? "|rh" : "")
);

TRACE_EVENT(kvm_ack_irq,
	TP_PROTO(unsigned int irqchip, unsigned int pin),
	TP_ARGS(irqchip, pin),

	TP_STRUCT__entry(
		__field(unsigned int, irqchip)
		__field(unsigned int, pin)
	),

	TP_fast_assign(
		__entry->irqchip = irqchip;
		__entry->pin = pin;
	),

	TP_printk("irqchip %s pin %u", kvm_trace_irqchip(__entry->irqchip), __entry->pin)
);

/* @rw: KVM_TRACE_APIC_*; @reg: offset in the xAPIC's page. */
TRACE_EVENT(kvm_apic,
	TP_PROTO(unsigned int rw, unsigned int reg, u64 val),
	TP_ARGS(rw, reg, val),

	TP_STRUCT__entry(
		__field(unsigned int, rw)
		__field(unsigned int, reg)
		__field(u64, val)
	),

	TP_fast_assign(
		__entry->rw = rw;
		__entry->reg = reg;
		__entry->val = val;
	),

	TP_printk("apic_%s %s = 0x%llx", __entry->rw ? "write" : "read",
		  kvm_trace_apic_register(__entry->reg), __entry->val)
);

TRACE_EVENT(kvm_apic_ipi,
	TP_PROTO(__u32 icr_low, __u32 dest_id),
	TP_ARGS(icr_low, dest_id),

	TP_STRUCT__entry(
		__field(__u32, icr_low)
		__field(__u32, dest_id)
	),

	TP_fast_assign(
		__entry->icr_low = icr_low;
		__entry->dest_id = dest_id;
	),

	TP_printk("dst %x vec %u (%s|%s|%s|%s|%s)", __entry->dest_id, (u8)__entry->icr_low,
		  kvm_trace_delivery_mode(__entry->icr_low >> 8),
		  __entry->icr_low & (1 << 11) ? "logical" : "physical",
		  __entry->icr_low & (1 << 14) ? "assert" : "de-assert",
		  __entry->icr_low & (1 << 15) ? "level" : "edge",
		  __print_symbolic(__entry->icr_low >> 18 & 3, { 0, "dst" }, { 1, "self" },
				   { 2, "all" }, { 3, "all-but-self" }))
);

/* A message that a local APIC has taken: @dm its delivery mode, @tm 1 for level. */
DECLARE_EVENT_CLASS(kvm_accept_irq,
	TP_PROTO(__u32 apicid, __u16 dm, __u16 tm, __u8 vec),
	TP_ARGS(apicid, dm, tm, vec),

	TP_STRUCT__entry(
		__field(__u32, apicid)
		__field(__u16, dm)
		__field(__u16, tm)
		__field(__u8, vec)
	),

	TP_fast_assign(
		__entry->apicid = apicid;
		__entry->dm = dm << 8;
		__entry->tm = tm;
		__entry->vec = vec;
	),

	TP_printk("apicid %x vec %u (%s|%s)", __entry->apicid, __entry->vec,
		  kvm_trace_delivery_mode(__entry->dm >> 8), __entry->tm ? "level" : "edge")
);

DEFINE_EVENT(kvm_accept_irq, kvm_apic_accept_irq,
	TP_PROTO(__u32 apicid, __u16 dm, __u16 tm, __u8 vec),
	TP_ARGS(apicid, dm, tm, vec)
);

DEFINE_EVENT(kvm_accept_irq, kvm_apicv_accept_irq,
	TP_PROTO(__u32 apicid, __u16 dm, __u16 tm, __u8 vec),
	TP_ARGS(apicid, dm, tm, vec)
);

DECLARE_EVENT_CLASS(kvm_end_irq,
	TP_PROTO(__u32 apicid, int vector),
	TP_ARGS(apicid, vector),

	TP_STRUCT__entry(
		__field(__u32, apicid)
		__field(int, vector)
	),

	TP_fast_assign(
		__entry->apicid = apicid;
		__entry->vector = vector;
	),

	TP_printk("apicid %x vector %d", __entry->apicid, __entry->vector)
);

DEFINE_EVENT(kvm_end_irq, kvm_eoi,
	TP_PROTO(__u32 apicid, int vector),
	TP_ARGS(apicid, vector)
);

/* The guest has ended it by the flag in its memory. */
DEFINE_EVENT(kvm_end_irq, kvm_pv_eoi,
	TP_PROTO(__u32 apicid, int vector),
	TP_ARGS(apicid, vector)
);

/* @reason: KVM_APICV_*, a bit of @inhibits. */
TRACE_EVENT(kvm_apicv_inhibit_changed,
	TP_PROTO(int reason, bool set, unsigned long inhibits),
	TP_ARGS(reason, set, inhibits),

	TP_STRUCT__entry(
		__field(int, reason)
		__field(bool, set)
		__field(unsigned long, inhibits)
	),

	TP_fast_assign(
		__entry->reason = reason;
		__entry->set = set;
		__entry->inhibits = inhibits;
	),

	TP_printk("%s reason=%u, inhibits=0x%lx", __entry->set ? "set" : "cleared",
		  __entry->reason, __entry->inhibits)
);

/* Who keeps the deadline of the APIC's timer: the VMX-preemption timer, or an hrtimer. */
TRACE_EVENT(kvm_hv_timer_state,
	TP_PROTO(unsigned int vcpu_id, unsigned int hv_timer_in_use),
	TP_ARGS(vcpu_id, hv_timer_in_use),

	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned int, hv_timer_in_use)
	),

	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->hv_timer_in_use = hv_timer_in_use;
	),

	TP_printk("vcpu_id %x hv_timer %x", __entry->vcpu_id, __entry->hv_timer_in_use)
);

/* A device's interrupt is posted to a vCPU from now on, or no longer. */
TRACE_EVENT(kvm_pi_irte_update,
	TP_PROTO(unsigned int host_irq, unsigned int vcpu_id, unsigned int gsi, unsigned int gvec,
		 u64 pi_desc_addr, bool set),
	TP_ARGS(host_irq, vcpu_id, gsi, gvec, pi_desc_addr, set),

	TP_STRUCT__entry(
		__field(unsigned int, host_irq)
		__field(unsigned int, vcpu_id)
		__field(unsigned int, gsi)
		__field(unsigned int, gvec)
		__field(u64, pi_desc_addr)
		__field(bool, set)
	),

	TP_fast_assign(
		__entry->host_irq = host_irq;
		__entry->vcpu_id = vcpu_id;
		__entry->gsi = gsi;
		__entry->gvec = gvec;
		__entry->pi_desc_addr = pi_desc_addr;
		__entry->set = set;
	),

	TP_printk("PI is %s for irq %u, vcpu %u, gsi: 0x%x, gvec: 0x%x, pi_desc_addr: 0x%llx",
		  __entry->set ? "enabled and being updated" : "disabled", __entry->host_irq,
		  __entry->vcpu_id, __entry->gsi, __entry->gvec, __entry->pi_desc_addr)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_irq
#include <trace/define_trace.h>
