/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the local APIC share: its registers, SDM 3A chapter 11. */
#ifndef KVMX_LAPIC_H
#define KVMX_LAPIC_H

#include <linux/bits.h>
#include "irqchip.h"

/* Offsets in the xAPIC's window and in the APIC page, SDM 3A table 11-1. */
enum {
	LAPIC_ID = 0x20, LAPIC_VERSION = 0x30, LAPIC_TPR = 0x80, LAPIC_APR = 0x90,
	LAPIC_PPR = 0xa0, LAPIC_EOI = 0xb0, LAPIC_RRD = 0xc0, LAPIC_LDR = 0xd0, LAPIC_DFR = 0xe0,
	LAPIC_SVR = 0xf0, LAPIC_ISR = 0x100, LAPIC_TMR = 0x180, LAPIC_IRR = 0x200,
	LAPIC_ESR = 0x280, LAPIC_LVT_CMCI = 0x2f0, LAPIC_ICR = 0x300, LAPIC_ICR2 = 0x310,
	LAPIC_LVT_TIMER = 0x320, LAPIC_LVT_THERMAL = 0x330, LAPIC_LVT_PERF = 0x340,
	LAPIC_LVT_LINT0 = 0x350, LAPIC_LVT_LINT1 = 0x360, LAPIC_LVT_ERROR = 0x370,
	LAPIC_TMICT = 0x380, LAPIC_TMCCT = 0x390, LAPIC_TDCR = 0x3e0, LAPIC_SELF_IPI = 0x3f0,
	LAPIC_REGS_END = 0x400,
};

/* Where the window is after a reset. */
#define LAPIC_DEFAULT_BASE	0xfee00000ull

#define LAPIC_NR_REGS		(LAPIC_REGS_END / 16)

#define SVR_ENABLED		BIT(8)
#define SVR_NO_BROADCAST	BIT(12)
#define VERSION_DIRECTED_EOI	BIT(24)
#define DFR_CLUSTER		0x0fffffffu
#define DFR_FLAT		0xffffffffu

#define ICR_VECTOR		0xffu
#define ICR_MODE		0x700u
#define ICR_LOGICAL		BIT(11)
#define ICR_BUSY		BIT(12)
#define ICR_ASSERT		BIT(14)
#define ICR_LEVEL		BIT(15)
#define ICR_SHORTHAND		0xc0000u

#define LVT_VECTOR		0xffu
#define LVT_MODE		0x700u
#define LVT_SEND_PENDING	BIT(12)
#define LVT_POLARITY		BIT(13)
#define LVT_REMOTE_IRR		BIT(14)
#define LVT_LEVEL		BIT(15)
#define LVT_MASKED		BIT(16)
#define LVT_TIMER_PERIODIC	BIT(17)
#define LVT_TIMER_DEADLINE	BIT(18)
#define LVT_TIMER_MODE		(LVT_TIMER_PERIODIC | LVT_TIMER_DEADLINE)

/* ESR, SDM 3A 11.5.3. */
#define ESR_SEND_ILLEGAL	BIT(5)
#define ESR_RECEIVE_ILLEGAL	BIT(6)
#define ESR_ILLEGAL_REGISTER	BIT(7)

#define LAPIC_BROADCAST		0xffu
#define X2APIC_BROADCAST	0xffffffffu

static inline u32 *lapic_regp(struct kvm_lapic *apic, u32 reg)
{
	return apic->page + reg;
}

static inline u32 lapic_get(struct kvm_lapic *apic, u32 reg)
{
	return *lapic_regp(apic, reg);
}

static inline void lapic_set(struct kvm_lapic *apic, u32 reg, u32 val)
{
	WRITE_ONCE(*lapic_regp(apic, reg), val);
}

/* ISR, TMR, IRR: 8 registers of 32 vectors. */
static inline u32 *lapic_word(struct kvm_lapic *apic, u32 base, u8 vector)
{
	return lapic_regp(apic, base + (vector >> 5) * 16);
}

static inline bool lapic_test(struct kvm_lapic *apic, u32 base, u8 vector)
{
	return READ_ONCE(*lapic_word(apic, base, vector)) & BIT(vector & 31);
}

static inline void lapic_mark(struct kvm_lapic *apic, u32 base, u8 vector, bool on)
{
	u32 *word = lapic_word(apic, base, vector), bit = BIT(vector & 31);

	WRITE_ONCE(*word, on ? *word | bit : *word & ~bit);
}

/* The LDR of an x2APIC, SDM 3A 11.12.10.2. */
static inline u32 x2apic_ldr(u32 id)
{
	return id >> 4 << 16 | BIT(id & 15);
}

/* --- lapic.c --- */
/* What other threads may know of the APIC follows what is in the page. */
void lapic_publish(struct kvm_vcpu *vcpu);
/* The version register follows CPUID, the machine-check banks and the kind of irqchip. */
void lapic_set_version(struct kvm_vcpu *vcpu);
void lapic_post_self(struct kvm_vcpu *vcpu, u8 vector);
void lapic_update_ppr(struct kvm_lapic *apic);
void lapic_take_pir(struct kvm_vcpu *vcpu);
bool lapic_eoi_local(struct kvm_vcpu *vcpu);
/* An error for ESR; the error interrupt. Owner only. */
void lapic_error(struct kvm_vcpu *vcpu, u32 bit);
/* SVR was written: by software enabled or not. */
void lapic_svr_changed(struct kvm_vcpu *vcpu);
bool lapic_has_cmci(const struct kvm_vcpu *vcpu);

/* --- vapic.c --- */
/* The guest reached for TPR in the window. */
void lapic_report_tpr(struct kvm_vcpu *vcpu, bool write);

/* --- lapic_timer.c --- */
/* The page's LVTT, TMICT, TDCR have been written. */
void lapic_timer_lvt_written(struct kvm_vcpu *vcpu);
void lapic_timer_count_written(struct kvm_vcpu *vcpu);
void lapic_timer_divide_written(struct kvm_vcpu *vcpu);
u32 lapic_timer_count(struct kvm_vcpu *vcpu);
void lapic_timer_reset(struct kvm_vcpu *vcpu);
/* The count stands still: its interrupt has come, or has not begun. Until _resume(). */
void lapic_timer_pause(struct kvm_vcpu *vcpu);
void lapic_timer_resume(struct kvm_vcpu *vcpu);
/* The page is another; what is left of a count is @count, or there is @deadline as before. */
void lapic_timer_restore(struct kvm_vcpu *vcpu, u32 count, u64 deadline);

/* --- lapic_access.c --- */
void lapic_write(struct kvm_vcpu *vcpu, u32 reg, u32 val);
u32 lapic_read(struct kvm_vcpu *vcpu, u32 reg);

#endif
