// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET_LAPIC and KVM_SET_LAPIC: the APIC page as user space keeps it. What is
 * on its way (PIR, running count) is in it, and the ICR of an x2APIC has its
 * upper half in ICR2.
 */
#include <linux/string.h>
#include "ioctl.h"
#include "kick.h"
#include "lapic.h"

static_assert(KVM_APIC_REG_SIZE == LAPIC_REGS_END);

static u32 state_get(const struct kvm_lapic_state *s, u32 reg)
{
	u32 val;

	memcpy(&val, s->regs + reg, sizeof(val));
	return val;
}

static void state_set(struct kvm_lapic_state *s, u32 reg, u32 val)
{
	memcpy(s->regs + reg, &val, sizeof(val));
}

/* An x2APIC's id in the xAPIC's format: user space did not ask for 32 bits. */
static bool id_is_short(struct kvm_vcpu *vcpu)
{
	return kvm_apic_x2apic(vcpu) && !vcpu->kvm->irq.x2apic_ids;
}

/* What the CPU has taken from the PIR by itself has left no mark in TMR. */
static void complete_tmr(struct kvm_lapic *apic)
{
	int i;

	for (i = 0; i < 8; i++) {
		u32 begun = lapic_get(apic, LAPIC_IRR + i * 16) |
			    lapic_get(apic, LAPIC_ISR + i * 16);
		u32 level = READ_ONCE(apic->pir_level[i / 2]) >> (i % 2 * 32);
		u32 *tmr = lapic_regp(apic, LAPIC_TMR + i * 16);

		WRITE_ONCE(*tmr, (*tmr & ~begun) | (level & begun));
	}
}

/* The modes of what the new page has begun; others may be about to post the rest. */
static void take_modes(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->apic;
	int v;

	for (v = 0; v < 256; v++)
		if (lapic_test(apic, LAPIC_IRR, v) || lapic_test(apic, LAPIC_ISR, v))
			kvm_apic_set_level(vcpu, v, lapic_test(apic, LAPIC_TMR, v));
}

/**
 * kvm_vcpu_ioctl_get_lapic - KVM_GET_LAPIC
 * @a: vCPU, loaded
 *
 * Return: 0, or -EINVAL without a local APIC in the kernel.
 */
long kvm_vcpu_ioctl_get_lapic(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	struct kvm_lapic *apic = vcpu->apic;
	struct kvm_lapic_state *s = a->data;
	u32 count;

	if (!apic)
		return -EINVAL;
	/* An interrupt of the timer is in the count or in IRR, not in both. */
	lapic_timer_pause(vcpu);
	count = lapic_timer_count(vcpu);
	kvm_apic_take_pir(vcpu);
	lapic_timer_resume(vcpu);
	complete_tmr(apic);
	lapic_update_ppr(apic);
	memcpy(s->regs, apic->page, sizeof(s->regs));
	state_set(s, LAPIC_TMCCT, count);
	if (id_is_short(vcpu))
		state_set(s, LAPIC_ID, lapic_get(apic, LAPIC_ID) << 24);
	kvm_apicv_sync(vcpu);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return 0;
}

/**
 * kvm_vcpu_ioctl_set_lapic - KVM_SET_LAPIC
 * @a: vCPU, loaded
 *
 * Return: 0; -EINVAL without a local APIC in the kernel, or where the id of an
 * x2APIC is said to be another.
 */
long kvm_vcpu_ioctl_set_lapic(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	struct kvm_lapic *apic = vcpu->apic;
	const struct kvm_lapic_state *s = a->data;
	bool x2apic = kvm_apic_x2apic(vcpu);
	u64 deadline;

	if (!apic || (x2apic && vcpu->kvm->irq.x2apic_ids &&
		      state_get(s, LAPIC_ID) != (u32)vcpu->vcpu_id))
		return -EINVAL;
	lapic_timer_pause(vcpu);
	/* IA32_TSC_DEADLINE is not of this state, and stands while its interrupt is on its way. */
	deadline = kvm_apic_get_tsc_deadline(vcpu);
	/* What else is on its way belongs to the state that ends here. */
	kvm_apic_take_pir(vcpu);
	memcpy(apic->page, s->regs, sizeof(s->regs));
	lapic_set_version(vcpu);
	if (x2apic) {
		lapic_set(apic, LAPIC_ID, vcpu->vcpu_id);
		lapic_set(apic, LAPIC_LDR, x2apic_ldr(vcpu->vcpu_id));
	}
	take_modes(vcpu);
	lapic_svr_changed(vcpu);
	lapic_timer_restore(vcpu, lapic_get(apic, LAPIC_TMCCT), deadline);
	lapic_set(apic, LAPIC_TMCCT, 0);
	lapic_update_ppr(apic);
	lapic_publish(vcpu);
	kvm_apicv_update(vcpu);
	kvm_apicv_sync(vcpu);
	kvm_make_request(vcpu, KVM_REQ_SCAN_IOAPIC);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return 0;
}
