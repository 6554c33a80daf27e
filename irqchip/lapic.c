// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC of a vCPU: its life, its PIR, and how an interrupt goes from
 * IRR to ISR and to its EOI. SDM 3A 11.8; Documentation/interrupts.rst.
 */
#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "cpuid.h"
#include "events.h"
#include "kick.h"
#include "lapic.h"
#include "state.h"
#include "trace_irq.h"

#define VERSION_XAPIC		0x14u
#define LAST_LVT_CMCI		6
#define MCG_CMCI		BIT(10)

/* The highest bit of ISR, TMR or IRR, or -1. */
static int highest(struct kvm_lapic *apic, u32 base)
{
	const u32 *word = lapic_regp(apic, base);
	int i;

	/* In every interrupt, more than once. */
#pragma GCC unroll 8
	for (i = 7; i >= 0; i--)
		if (word[i * 4])
			return i * 32 + __fls(word[i * 4]);
	return -1;
}

bool lapic_has_cmci(const struct kvm_vcpu *vcpu)
{
	return vcpu->mce.cap & MCG_CMCI;
}

static u32 lapic_last_lvt(struct kvm_lapic *apic)
{
	return lapic_get(apic, LAPIC_VERSION) >> 16 & 0xff;
}

void lapic_set_version(struct kvm_vcpu *vcpu)
{
	u32 last_lvt = lapic_has_cmci(vcpu) ? LAST_LVT_CMCI : LAST_LVT_CMCI - 1;
	u32 version = VERSION_XAPIC | last_lvt << 16;

	/* The I/O APIC in the kernel has no EOI register (version 0x11). */
	if (kvm_guest_has(vcpu, KVM_F_X2APIC) && kvm_irqchip_split(vcpu->kvm))
		version |= VERSION_DIRECTED_EOI;
	lapic_set(vcpu->apic, LAPIC_VERSION, version);
}

/**
 * kvm_apic_features_changed - CPUID or the machine-check banks of the vCPU changed
 * @vcpu: vCPU, mutex held; with a local APIC or not
 */
void kvm_apic_features_changed(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->apic;
	u32 before;

	if (!apic)
		return;
	before = lapic_last_lvt(apic);
	lapic_set_version(vcpu);
	/* New, the entry is as after a reset. */
	if (before < LAST_LVT_CMCI && lapic_has_cmci(vcpu))
		lapic_set(apic, LAPIC_LVT_CMCI, LVT_MASKED);
}

void lapic_publish(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->apic;
	struct kvm_apic_public now = {
		.on = kvm_apic_hw_enabled(vcpu),
		.x2apic = kvm_apic_x2apic(vcpu),
		.cluster = lapic_get(apic, LAPIC_DFR) != DFR_FLAT,
		.ldr = lapic_get(apic, LAPIC_LDR),
		.id = lapic_get(apic, LAPIC_ID),
		.moved = (vcpu->msr.apic_base & ~(u64)(PAGE_SIZE - 1)) != LAPIC_DEFAULT_BASE,
	};

	if (!now.x2apic) {
		now.id >>= 24;
		now.ldr >>= 24;
	}
	if (!memcmp(&now, &apic->public, sizeof(now)))
		return;
	/*
	 * Other threads read at the same time, field by field, and may find a mixture of old and
	 * new: a message, and another vCPU that builds the map, which bounds what it takes. The
	 * map that follows here is built from the new ones.
	 */
	WRITE_ONCE(apic->public.id, now.id);
	WRITE_ONCE(apic->public.ldr, now.ldr);
	WRITE_ONCE(apic->public.on, now.on);
	WRITE_ONCE(apic->public.x2apic, now.x2apic);
	WRITE_ONCE(apic->public.cluster, now.cluster);
	WRITE_ONCE(apic->public.moved, now.moved);
	kvm_apic_map_changed(vcpu->kvm);
}

/**
 * kvm_apic_create - give a new vCPU a local APIC, where the VM has an irqchip
 * @vcpu: vCPU not yet known to the VM
 *
 * Return: 0 or -ENOMEM.
 */
int kvm_apic_create(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic;

	if (!kvm_irqchip_in_kernel(vcpu->kvm))
		return 0;
	apic = kzalloc(sizeof(*apic), GFP_KERNEL_ACCOUNT);
	if (!apic)
		return -ENOMEM;
	apic->page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!apic->page) {
		kfree(apic);
		return -ENOMEM;
	}
	apic->vcpu = vcpu;
	/* The IOMMU sends no notifications until the vCPU is loaded. */
	apic->pi_desc.control = KVM_PI_SN;
	vcpu->apic = apic;
	kvm_apic_timer_create(vcpu);
	return 0;
}

/**
 * kvm_apic_destroy - undo kvm_apic_create()
 * @vcpu: vCPU to which no thread and no device sends interrupts any more
 */
void kvm_apic_destroy(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->apic;

	if (!apic)
		return;
	kvm_apic_timer_destroy(vcpu);
	vcpu->apic = NULL;
	free_page((unsigned long)apic->page);
	kfree(apic);
}

static void clear_pir(struct kvm_lapic *apic)
{
	int i;

	clear_bit(KVM_PI_ON_BIT, (unsigned long *)&apic->pi_desc.control);
	for (i = 0; i < 4; i++)
		xchg(&apic->pi_desc.pir[i], 0);
}

/* ID and LDR of the mode the APIC is in now, SDM 3A 11.12.5.1. */
static void reset_id(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->apic;
	u32 id = vcpu->vcpu_id;

	if (kvm_apic_x2apic(vcpu)) {
		lapic_set(apic, LAPIC_ID, id);
		lapic_set(apic, LAPIC_LDR, x2apic_ldr(id));
	} else {
		lapic_set(apic, LAPIC_ID, id << 24);
		lapic_set(apic, LAPIC_LDR, 0);
	}
}

/**
 * kvm_apic_reset - power-up, or INIT
 * @vcpu: loaded vCPU with or without a local APIC, its IA32_APIC_BASE already reset
 * @init_event: INIT, which leaves the ID alone (SDM 3A 11.4.7.3)
 */
void kvm_apic_reset(struct kvm_vcpu *vcpu, bool init_event)
{
	struct kvm_lapic *apic = vcpu->apic;
	u32 id, reg;

	if (!apic)
		return;
	lapic_timer_reset(vcpu);
	clear_pir(apic);
	id = lapic_get(apic, LAPIC_ID);
	memset(apic->page, 0, LAPIC_REGS_END);
	reset_id(vcpu);
	if (init_event)
		lapic_set(apic, LAPIC_ID, id);
	lapic_set_version(vcpu);
	lapic_set(apic, LAPIC_DFR, DFR_FLAT);
	lapic_set(apic, LAPIC_SVR, 0xff);
	for (reg = LAPIC_LVT_TIMER; reg <= LAPIC_LVT_ERROR; reg += 16)
		lapic_set(apic, reg, LVT_MASKED);
	if (lapic_has_cmci(vcpu))
		lapic_set(apic, LAPIC_LVT_CMCI, LVT_MASKED);
	/* The 8259 reaches the boot processor before the guest has set up its APIC. */
	if (vcpu->vcpu_id == vcpu->kvm->settings.boot_cpu_id &&
	    !kvm_quirk_off(vcpu->kvm, KVM_X86_QUIRK_LINT0_REENABLED))
		lapic_set(apic, LAPIC_LVT_LINT0, KVM_DM_EXTINT << 8);
	apic->esr = 0;
	lapic_timer_lvt_written(vcpu);
	lapic_svr_changed(vcpu);
	lapic_publish(vcpu);
	kvm_apicv_sync(vcpu);
}

/* --- the PIR --- */

static void set_level(struct kvm_lapic *apic, u8 vector, bool level)
{
	if (test_bit(vector, (unsigned long *)apic->pir_level) == level)
		return;
	if (level)
		set_bit(vector, (unsigned long *)apic->pir_level);
	else
		clear_bit(vector, (unsigned long *)apic->pir_level);
}

void kvm_apic_set_level(struct kvm_vcpu *vcpu, u8 vector, bool level)
{
	set_level(vcpu->apic, vector, level);
}

/* For any thread: the page of @vcpu may change meanwhile. */
static bool post(struct kvm_lapic *apic, u8 vector, bool level)
{
	set_level(apic, vector, level);
	return !test_and_set_bit(vector, (unsigned long *)apic->pi_desc.pir);
}

/* Straight into the page, edge-triggered; owner only. */
static void request(struct kvm_lapic *apic, u8 vector)
{
	set_level(apic, vector, false);
	lapic_mark(apic, LAPIC_IRR, vector, true);
	lapic_mark(apic, LAPIC_TMR, vector, false);
}

/**
 * kvm_apic_post - request an interrupt of a vCPU
 * @vcpu: vCPU with a local APIC
 * @vector: the vector
 * @level: its trigger mode
 *
 * Context: any.
 * Return: false if it was requested already and not begun, or the APIC is
 * switched off by software.
 */
bool kvm_apic_post(struct kvm_vcpu *vcpu, u8 vector, bool level)
{
	struct kvm_lapic *apic = vcpu->apic;
	bool waits;

	if (!READ_ONCE(apic->sw_enabled))
		return false;
	waits = lapic_test(apic, LAPIC_IRR, vector);
	if (!post(apic, vector, level))
		return false;
	/* The thread that sets ON notifies the vCPU, which clears ON before it takes the bits. */
	if (!test_and_set_bit(KVM_PI_ON_BIT, (unsigned long *)&apic->pi_desc.control) &&
	    !vmx_notify_pir(vcpu)) {
		kvm_make_request(vcpu, KVM_REQ_EVENT);
		kvm_vcpu_kick(vcpu);
	}
	return !waits;
}

/* The vCPU's own thread posts to itself: it needs no notification. */
void lapic_post_self(struct kvm_vcpu *vcpu, u8 vector)
{
	struct kvm_lapic *apic = vcpu->apic;

	if (!apic->sw_enabled)
		return;
	if (vmx_apicv_active(vcpu)) {
		post(apic, vector, false);
		set_bit(KVM_PI_ON_BIT, (unsigned long *)&apic->pi_desc.control);
	} else if (vector < 16) {
		lapic_error(vcpu, ESR_RECEIVE_ILLEGAL);
	} else {
		request(apic, vector);
		kvm_make_request(vcpu, KVM_REQ_EVENT);
	}
}

static void take_word(struct kvm_lapic *apic, int word, u32 bits, u32 level)
{
	u32 *irr = lapic_regp(apic, LAPIC_IRR + word * 16);
	u32 *tmr = lapic_regp(apic, LAPIC_TMR + word * 16);

	WRITE_ONCE(*irr, *irr | bits);
	WRITE_ONCE(*tmr, (*tmr & ~bits) | (level & bits));
}

/**
 * kvm_apic_take_pir - from the PIR to IRR and TMR
 * @vcpu: vCPU with a local APIC, mutex held
 *
 * Context: any, for the vCPU's own thread; interrupts may be off.
 * Return: whether there was any.
 */
bool kvm_apic_take_pir(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->apic;
	bool illegal = false;
	u64 any = 0;
	int i;

	if (!kvm_apic_pir_pending(vcpu))
		return false;
	clear_bit(KVM_PI_ON_BIT, (unsigned long *)&apic->pi_desc.control);
	/* Bits set before ON are seen from here on; later ones come with another ON. */
	smp_mb__after_atomic();
	for (i = 0; i < 4; i++) {
		u64 bits, level;

		if (!READ_ONCE(apic->pi_desc.pir[i]))
			continue;
		bits = xchg(&apic->pi_desc.pir[i], 0);
		level = READ_ONCE(apic->pir_level[i]);
		any |= bits;
		if (i == 0 && (bits & 0xffff)) {
			illegal = true;
			bits &= ~0xffffull;
		}
		take_word(apic, i * 2, bits, level);
		take_word(apic, i * 2 + 1, bits >> 32, level >> 32);
	}
	/* Vectors 0 to 15 are the CPU's own (SDM 3A 11.5.2). */
	if (illegal)
		lapic_error(vcpu, ESR_RECEIVE_ILLEGAL);
	return any;
}

/* --- priorities, SDM 3A 11.8.3.1 --- */

static u32 ppr(struct kvm_lapic *apic)
{
	int isr = highest(apic, LAPIC_ISR);
	u32 tpr = lapic_get(apic, LAPIC_TPR) & 0xff;
	u32 serving = isr < 0 ? 0 : isr & 0xf0;

	return (tpr & 0xf0) >= serving ? tpr : serving;
}

/* For the guest and user space to read: it follows from TPR and ISR, as the CPU has it. */
void lapic_update_ppr(struct kvm_lapic *apic)
{
	lapic_set(apic, LAPIC_PPR, ppr(apic));
}

int kvm_apic_highest_irr(struct kvm_vcpu *vcpu)
{
	return highest(vcpu->apic, LAPIC_IRR);
}

int kvm_apic_highest_isr(struct kvm_vcpu *vcpu)
{
	return highest(vcpu->apic, LAPIC_ISR);
}

/*
 * Not on the way into the guest. Where the CPU delivers interrupts by itself it has to be told of
 * these before the next entry: that finds the PIR empty, and would not look further.
 */
void lapic_take_pir(struct kvm_vcpu *vcpu)
{
	if (kvm_apic_take_pir(vcpu) && vmx_apicv_active(vcpu))
		kvm_make_request(vcpu, KVM_REQ_EVENT);
}

/**
 * kvm_apic_pending - the vector that would be delivered now
 * @vcpu: vCPU with a local APIC, mutex held
 *
 * Return: the vector, or -1.
 */
int kvm_apic_pending(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->apic;
	int irr;

	lapic_take_pir(vcpu);
	if (!apic->sw_enabled)
		return -1;
	irr = highest(apic, LAPIC_IRR);
	return irr >= 0 && (irr & 0xf0) > (ppr(apic) & 0xf0) ? irr : -1;
}

/**
 * kvm_apic_ack - an interrupt is on its way in
 * @vcpu: vCPU with a local APIC, mutex held
 * @vector: what kvm_apic_pending() said
 */
void kvm_apic_ack(struct kvm_vcpu *vcpu, u8 vector)
{
	struct kvm_lapic *apic = vcpu->apic;

	lapic_mark(apic, LAPIC_IRR, vector, false);
	lapic_mark(apic, LAPIC_ISR, vector, true);
}

/* --- EOI, SDM 3A 11.8.5 --- */

static bool eoi_wanted(struct kvm_lapic *apic, u8 vector, bool level)
{
	if (level && (lapic_get(apic, LAPIC_SVR) & SVR_NO_BROADCAST))
		return false;
	return level || test_bit(vector, (unsigned long *)apic->eoi_vectors);
}

static void broadcast_eoi(struct kvm_vcpu *vcpu, u8 vector, bool level)
{
	if (!eoi_wanted(vcpu->apic, vector, level))
		return;
	if (kvm_irqchip_full(vcpu->kvm)) {
		kvm_ioapic_eoi(vcpu, vector);
	} else if (test_bit(vector, (unsigned long *)vcpu->apic->eoi_vectors)) {
		vcpu->apic->eoi_exit_vector = vector;
		kvm_make_request(vcpu, KVM_REQ_IOAPIC_EOI_EXIT);
	}
}

static void end(struct kvm_vcpu *vcpu, u8 vector)
{
	trace_kvm_eoi(vcpu->vcpu_id, vector);
	lapic_mark(vcpu->apic, LAPIC_ISR, vector, false);
	if (highest(vcpu->apic, LAPIC_IRR) >= 0)
		kvm_make_request(vcpu, KVM_REQ_EVENT);
}

/**
 * kvm_apic_eoi - the guest is done with the highest interrupt in service
 * @vcpu: vCPU with a local APIC, mutex held
 */
void kvm_apic_eoi(struct kvm_vcpu *vcpu)
{
	int isr = highest(vcpu->apic, LAPIC_ISR);

	if (isr < 0)
		return;
	end(vcpu, isr);
	if (vmx_apicv_active(vcpu))
		kvm_apicv_sync(vcpu);
	broadcast_eoi(vcpu, isr, lapic_test(vcpu->apic, LAPIC_TMR, isr));
}

/* An EOI that concerns only this APIC. False, and nothing done, if others hear of it. */
bool lapic_eoi_local(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->apic;
	int isr = highest(apic, LAPIC_ISR);

	if (isr < 0)
		return true;
	if (vmx_apicv_active(vcpu) || lapic_test(apic, LAPIC_TMR, isr) ||
	    test_bit(isr, (unsigned long *)apic->eoi_vectors))
		return false;
	end(vcpu, isr);
	return true;
}

/**
 * kvm_apic_eoi_virtualized - the CPU did an EOI that somebody wants to know of
 * @vcpu: loaded vCPU
 * @vector: the exit's vector
 */
void kvm_apic_eoi_virtualized(struct kvm_vcpu *vcpu, u8 vector)
{
	trace_kvm_eoi(vcpu->vcpu_id, vector);
	/* The CPU took it from the PIR and left TMR alone. */
	broadcast_eoi(vcpu, vector, test_bit(vector, (unsigned long *)vcpu->apic->pir_level));
}

/* --- TPR and the rest --- */

/**
 * kvm_set_cr8 - MOV to CR8: the task priority
 * @vcpu: the vCPU, with a local APIC or not
 * @val: the new value
 *
 * Return: 0, or 1 where the guest gets #GP.
 */
int kvm_set_cr8(struct kvm_vcpu *vcpu, u64 val)
{
	if (val & ~0xfull)
		return 1;
	if (vcpu->apic)
		lapic_write(vcpu, LAPIC_TPR, val << 4);
	else
		vcpu->cr.cr8 = val;
	return 0;
}

static u8 tpr_class(struct kvm_lapic *apic)
{
	return lapic_get(apic, LAPIC_TPR) >> 4 & 15;
}

/** kvm_get_cr8 - the task priority, 0 to 15, of a vCPU with a local APIC or not */
u8 kvm_get_cr8(struct kvm_vcpu *vcpu)
{
	return vcpu->apic ? tpr_class(vcpu->apic) : vcpu->cr.cr8;
}

/**
 * kvm_apicv_sync - what the CPU must know of IRR, ISR and TPR of the APIC page
 * @vcpu: loaded vCPU with a local APIC; interrupts may be off
 */
void kvm_apicv_sync(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->apic;
	int irr = highest(apic, LAPIC_IRR);

	if (vcpu->vmx.apicv)
		vmx_set_interrupt_status(vcpu, irr, highest(apic, LAPIC_ISR));
	else if (irr >= 0 || vcpu->vmx.tpr_threshold)
		vmx_set_tpr_threshold(vcpu, irr, tpr_class(apic));
}

/**
 * kvm_apic_accepts_extint - does LINT0 bring the 8259's interrupts here?
 * @vcpu: vCPU with a local APIC
 *
 * Context: any.
 */
bool kvm_apic_accepts_extint(struct kvm_vcpu *vcpu)
{
	u32 lint0 = READ_ONCE(*lapic_regp(vcpu->apic, LAPIC_LVT_LINT0));

	if (!kvm_apic_hw_enabled(vcpu))
		return true;
	return !(lint0 & LVT_MASKED) && (lint0 & LVT_MODE) == KVM_DM_EXTINT << 8;
}

void lapic_error(struct kvm_vcpu *vcpu, u32 bit)
{
	struct kvm_lapic *apic = vcpu->apic;
	u32 lvt = lapic_get(apic, LAPIC_LVT_ERROR), before = apic->esr;

	apic->esr |= bit;
	/* The interrupt comes once until software writes ESR (SDM 3A 11.5.3). */
	if (before || !apic->sw_enabled || (lvt & LVT_MASKED) || (lvt & LVT_VECTOR) < 16)
		return;
	request(apic, lvt & LVT_VECTOR);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
}

/**
 * kvm_apic_cmci - a machine-check bank has something to report
 * @vcpu: loaded vCPU with a local APIC
 */
void kvm_apic_cmci(struct kvm_vcpu *vcpu)
{
	u32 lvt = lapic_get(vcpu->apic, LAPIC_LVT_CMCI);

	if (!kvm_apic_hw_enabled(vcpu) || (lvt & LVT_MASKED))
		return;
	if ((lvt & LVT_MODE) == KVM_DM_NMI << 8)
		kvm_queue_nmi(vcpu);
	else if ((lvt & LVT_MODE) == KVM_DM_FIXED << 8)
		lapic_post_self(vcpu, lvt & LVT_VECTOR);
}

/* SDM 3A 11.4.7.2: nothing fixed is taken, all LVT entries are masked. */
void lapic_svr_changed(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->apic;
	bool on = lapic_get(apic, LAPIC_SVR) & SVR_ENABLED;

	if (on == apic->sw_enabled)
		return;
	WRITE_ONCE(apic->sw_enabled, on);
	if (on)
		kvm_make_request(vcpu, KVM_REQ_EVENT);
}

/**
 * kvm_apic_base_changed - IA32_APIC_BASE was written
 * @vcpu: loaded vCPU with a local APIC
 * @old: the former value
 */
void kvm_apic_base_changed(struct kvm_vcpu *vcpu, u64 old)
{
	u64 changed = vcpu->msr.apic_base ^ old;

	if (!changed)
		return;
	/* Switched off it forgets all, SDM 3A 11.4.3. */
	if ((changed & X86_APIC_BASE_ENABLE) && !kvm_apic_hw_enabled(vcpu))
		kvm_apic_reset(vcpu, false);
	else if (changed & (X86_APIC_BASE_ENABLE | X86_APIC_BASE_X2APIC))
		reset_id(vcpu);
	lapic_publish(vcpu);
	kvm_apicv_update(vcpu);
	kvm_apicv_sync(vcpu);
}
