// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers of the local APIC as the guest reaches them: by the xAPIC's
 * window (SDM 3A 11.4.1), by the x2APIC's MSRs (11.12.1), and after the CPU has
 * stored into the APIC page itself (SDM 3C 30.4.3.3).
 */
#include <linux/string.h>
#include <asm/msr-index.h>
#include "compat/apic.h"
#include "cpuid.h"
#include "kick.h"
#include "lapic.h"
#include "trace_irq.h"

#define X2APIC_FIRST		0x800u
#define X2APIC_MSR(reg)		(X2APIC_FIRST + ((reg) >> 4))
#define WINDOW_MASK		0xfffull

#define REG(offset)		BIT_ULL((offset) >> 4)
#define REGS(first, last)	GENMASK_ULL((last) >> 4, (first) >> 4)

/* What there is in both modes, but for CMCI; then what only an xAPIC has. */
#define COMMON	(REGS(LAPIC_ID, LAPIC_VERSION) | REG(LAPIC_TPR) | REG(LAPIC_PPR) | \
		 REG(LAPIC_LDR) | REG(LAPIC_SVR) | REGS(LAPIC_ISR, LAPIC_ESR) | REG(LAPIC_ICR) | \
		 REGS(LAPIC_LVT_TIMER, LAPIC_TMCCT) | REG(LAPIC_TDCR))
#define XAPIC	(COMMON | REG(LAPIC_APR) | REGS(LAPIC_EOI, LAPIC_RRD) | REG(LAPIC_DFR) | \
		 REG(LAPIC_ICR2))
#define X2APIC_WRITABLE	(REG(LAPIC_TPR) | REG(LAPIC_EOI) | REG(LAPIC_SVR) | REG(LAPIC_ESR) | \
			 REG(LAPIC_ICR) | REGS(LAPIC_LVT_TIMER, LAPIC_TMICT) | \
			 REG(LAPIC_TDCR) | REG(LAPIC_SELF_IPI))

static bool one_of(struct kvm_vcpu *vcpu, u64 regs, u32 reg)
{
	if (lapic_has_cmci(vcpu))
		regs |= REG(LAPIC_LVT_CMCI);
	return regs & REG(reg);
}

/* Bits of a register that mean something to this guest; the read-only ones too. */
static u32 meaningful(struct kvm_vcpu *vcpu, u32 reg)
{
	switch (reg) {
	case LAPIC_TPR:
	case LAPIC_SELF_IPI:
		return 0xff;
	case LAPIC_EOI:
	case LAPIC_ESR:
		return 0;
	case LAPIC_SVR:
		return 0xff | SVR_ENABLED |
		       (lapic_get(vcpu->apic, LAPIC_VERSION) & VERSION_DIRECTED_EOI ?
			SVR_NO_BROADCAST : 0);
	case LAPIC_LVT_TIMER:
		return LVT_VECTOR | LVT_SEND_PENDING | LVT_MASKED | LVT_TIMER_PERIODIC |
		       (kvm_guest_has(vcpu, KVM_F_TSC_DEADLINE) ? LVT_TIMER_DEADLINE : 0);
	case LAPIC_LVT_CMCI:
	case LAPIC_LVT_THERMAL:
	case LAPIC_LVT_PERF:
		return LVT_VECTOR | LVT_MODE | LVT_SEND_PENDING | LVT_MASKED;
	case LAPIC_LVT_LINT0:
	case LAPIC_LVT_LINT1:
		return LVT_VECTOR | LVT_MODE | LVT_SEND_PENDING | LVT_POLARITY | LVT_REMOTE_IRR |
		       LVT_LEVEL | LVT_MASKED;
	case LAPIC_LVT_ERROR:
		return LVT_VECTOR | LVT_SEND_PENDING | LVT_MASKED;
	case LAPIC_TDCR:
		return 0xb;
	}
	return ~0u;
}

/* --- ICR --- */

/* Which vectors and shorthands go together: SDM 3A tables 11-3 and 11-4. */
static void send_ipi(struct kvm_vcpu *vcpu, u32 icr, u32 dest)
{
	const struct kvm_apic_msg msg = {
		.vector = icr & ICR_VECTOR,
		.mode = (icr & ICR_MODE) >> 8,
		.shorthand = (icr & ICR_SHORTHAND) >> 18,
		.logical = icr & ICR_LOGICAL,
		.assert = icr & ICR_ASSERT,
		/* Fixed interrupts are edge-triggered whatever it says. */
		.level = ((icr & ICR_MODE) >> 8) == KVM_DM_INIT && (icr & ICR_LEVEL),
		.dest = dest,
	};

	switch (msg.mode) {
	case KVM_DM_FIXED:
	case KVM_DM_LOWEST:
		if (msg.vector < 16) {
			lapic_error(vcpu, ESR_SEND_ILLEGAL);
			return;
		}
		break;
	case KVM_DM_INIT:
	case KVM_DM_SIPI:
		if (msg.shorthand == 1 || msg.shorthand == 2)
			return;
		break;
	case KVM_DM_NMI:
		break;
	default:
		return;
	}
	trace_kvm_apic_ipi(icr, dest);
	kvm_apic_deliver(vcpu->kvm, vcpu, &msg);
}

static void write_icr(struct kvm_vcpu *vcpu, u32 icr, u32 high)
{
	struct kvm_lapic *apic = vcpu->apic;

	/* Sent at once: never busy. */
	icr &= ~(u32)ICR_BUSY;
	lapic_set(apic, LAPIC_ICR2, high);
	lapic_set(apic, LAPIC_ICR, icr);
	send_ipi(vcpu, icr, kvm_apic_x2apic(vcpu) ? high : high >> 24);
}

/* --- registers --- */

static void write_svr(struct kvm_vcpu *vcpu, u32 val)
{
	struct kvm_lapic *apic = vcpu->apic;
	u32 reg;

	lapic_set(apic, LAPIC_SVR, val);
	if (!(val & SVR_ENABLED)) {
		for (reg = LAPIC_LVT_TIMER; reg <= LAPIC_LVT_ERROR; reg += 16)
			lapic_set(apic, reg, lapic_get(apic, reg) | LVT_MASKED);
		if (lapic_has_cmci(vcpu))
			lapic_set(apic, LAPIC_LVT_CMCI,
				  lapic_get(apic, LAPIC_LVT_CMCI) | LVT_MASKED);
		lapic_timer_lvt_written(vcpu);
	}
	lapic_svr_changed(vcpu);
}

static void write_lvt(struct kvm_vcpu *vcpu, u32 reg, u32 val)
{
	struct kvm_lapic *apic = vcpu->apic;

	val &= ~(u32)(LVT_SEND_PENDING | LVT_REMOTE_IRR);
	if (!apic->sw_enabled)
		val |= LVT_MASKED;
	/* Bits 18:17 both set is reserved. */
	if (reg == LAPIC_LVT_TIMER && (val & LVT_TIMER_DEADLINE))
		val &= ~(u32)LVT_TIMER_PERIODIC;
	lapic_set(apic, reg, val);
	if (reg == LAPIC_LVT_TIMER)
		lapic_timer_lvt_written(vcpu);
	else if (reg == LAPIC_LVT_LINT0)
		kvm_make_request(vcpu, KVM_REQ_EVENT);
}

static void write_tpr(struct kvm_vcpu *vcpu, u32 val)
{
	lapic_set(vcpu->apic, LAPIC_TPR, val);
	if (kvm_apic_highest_irr(vcpu) >= 0)
		kvm_make_request(vcpu, KVM_REQ_EVENT);
}

/* A register that the guest may write in the APIC's mode; @val has what it means. */
void lapic_write(struct kvm_vcpu *vcpu, u32 reg, u32 val)
{
	struct kvm_lapic *apic = vcpu->apic;

	trace_kvm_apic(KVM_TRACE_APIC_WRITE, reg, val);
	val &= meaningful(vcpu, reg);
	switch (reg) {
	case LAPIC_ID:
	case LAPIC_LDR:
		lapic_set(apic, reg, val & 0xff000000);
		lapic_publish(vcpu);
		break;
	case LAPIC_DFR:
		lapic_set(apic, reg, val | DFR_CLUSTER);
		lapic_publish(vcpu);
		break;
	case LAPIC_TPR:
		write_tpr(vcpu, val);
		break;
	case LAPIC_EOI:
		lapic_set(apic, reg, 0);
		kvm_apic_eoi(vcpu);
		break;
	case LAPIC_SVR:
		write_svr(vcpu, val);
		break;
	case LAPIC_ESR:
		lapic_set(apic, reg, apic->esr);
		apic->esr = 0;
		break;
	case LAPIC_ICR:
		write_icr(vcpu, val, lapic_get(apic, LAPIC_ICR2));
		break;
	case LAPIC_ICR2:
		lapic_set(apic, reg, val & 0xff000000);
		break;
	case LAPIC_LVT_CMCI:
	case LAPIC_LVT_TIMER ... LAPIC_LVT_ERROR:
		write_lvt(vcpu, reg, val);
		break;
	case LAPIC_TMICT:
		lapic_set(apic, reg, val);
		lapic_timer_count_written(vcpu);
		break;
	case LAPIC_TDCR:
		lapic_set(apic, reg, val);
		lapic_timer_divide_written(vcpu);
		break;
	case LAPIC_SELF_IPI:
		send_ipi(vcpu, 1 << 18 | val, 0);
		break;
	}
}

/* A register that there is. */
u32 lapic_read(struct kvm_vcpu *vcpu, u32 reg)
{
	u32 val;

	switch (reg) {
	case LAPIC_PPR:
		lapic_update_ppr(vcpu->apic);
		break;
	case LAPIC_TMR ... LAPIC_IRR + 0x70:
		lapic_take_pir(vcpu);
		break;
	}
	val = reg == LAPIC_TMCCT ? lapic_timer_count(vcpu) : lapic_get(vcpu->apic, reg);
	trace_kvm_apic(KVM_TRACE_APIC_READ, reg, val);
	return val;
}

/* --- the x2APIC's MSRs --- */

/**
 * kvm_apic_msr_read - RDMSR of 0x800 to 0x8ff
 * @vcpu: vCPU with a local APIC, mutex held
 * @index: the MSR
 * @val: receives it
 * @host: user space reads
 *
 * Return: 0, or 1 where the guest gets #GP.
 */
int kvm_apic_msr_read(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	u32 reg = (index - X2APIC_FIRST) << 4;

	if (!kvm_apic_x2apic(vcpu) || reg >= LAPIC_REGS_END || !one_of(vcpu, COMMON, reg))
		return 1;
	*val = lapic_read(vcpu, reg);
	if (reg == LAPIC_ICR)
		*val |= (u64)lapic_get(vcpu->apic, LAPIC_ICR2) << 32;
	return 0;
}

/**
 * kvm_apic_msr_write - WRMSR of 0x800 to 0x8ff
 * @vcpu: loaded vCPU with a local APIC
 * @index: the MSR
 * @val: the value
 * @host: user space writes
 *
 * Return: 0, or 1 where the guest gets #GP: no such register, or a reserved bit.
 */
int kvm_apic_msr_write(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	u32 reg = (index - X2APIC_FIRST) << 4;

	if (!kvm_apic_x2apic(vcpu) || reg >= LAPIC_REGS_END || !one_of(vcpu, X2APIC_WRITABLE, reg))
		return 1;
	if (reg == LAPIC_ICR) {
		if (val & KVMX_ICR_RESERVED)
			return 1;
		write_icr(vcpu, val, val >> 32);
		return 0;
	}
	if (val & ~(u64)meaningful(vcpu, reg))
		return 1;
	lapic_write(vcpu, reg, val);
	return 0;
}

/**
 * kvm_apic_msr_write_fast - WRMSR without the rest of the kernel
 * @vcpu: vCPU
 * @index: any MSR
 * @val: the value
 *
 * Context: the vCPU's own thread, interrupts off, kvm->srcu not held.
 * Return: false if the slow path must do it; nothing has happened then.
 */
bool kvm_apic_msr_write_fast(struct kvm_vcpu *vcpu, u32 index, u64 val)
{
	if (index == MSR_IA32_TSC_DEADLINE) {
		if (!kvm_guest_has(vcpu, KVM_F_TSC_DEADLINE))
			return false;
		kvm_apic_set_tsc_deadline(vcpu, val);
		return true;
	}
	if (!kvm_apic_x2apic(vcpu))
		return false;
	switch (index) {
	case X2APIC_MSR(LAPIC_ICR):
		/* Shorthands and broadcasts may be for a thousand vCPUs. */
		if ((val & (KVMX_ICR_RESERVED | ICR_SHORTHAND)) || val >> 32 == U32_MAX)
			return false;
		break;
	case X2APIC_MSR(LAPIC_EOI):
		/* The guest may have ended one by the flag, which is looked at elsewhere. */
		if (val || vcpu->pv.eoi_set || !lapic_eoi_local(vcpu))
			return false;
		trace_kvm_apic(KVM_TRACE_APIC_WRITE, LAPIC_EOI, 0);
		return true;
	case X2APIC_MSR(LAPIC_TPR):
	case X2APIC_MSR(LAPIC_SELF_IPI):
	case X2APIC_MSR(LAPIC_TMICT):
		break;
	default:
		return false;
	}
	return !kvm_apic_msr_write(vcpu, index, val, false);
}

/* --- the xAPIC's window --- */

static bool in_window(struct kvm_vcpu *vcpu, gpa_t gpa, int len)
{
	u64 base = vcpu->msr.apic_base & ~WINDOW_MASK & ~vcpu->cpuid.reserved_gpa_bits;

	return kvm_apic_hw_enabled(vcpu) && gpa >= base && gpa - base <= WINDOW_MASK + 1 - len;
}

/* 0 an xAPIC's register, 1 a hole where an x2APIC is, or -EOPNOTSUPP. */
static int look_up(struct kvm_vcpu *vcpu, gpa_t gpa, int len)
{
	if (!in_window(vcpu, gpa, len))
		return -EOPNOTSUPP;
	if (!kvm_apic_x2apic(vcpu))
		return 0;
	return kvm_quirk_off(vcpu->kvm, KVM_X86_QUIRK_LAPIC_MMIO_HOLE) ? -EOPNOTSUPP : 1;
}

/**
 * kvm_apic_mmio_read - the guest reads in the APIC's window
 * @vcpu: vCPU with a local APIC, mutex held
 * @gpa: where
 * @len: 1, 2, 4 or 8
 * @val: receives @len bytes
 *
 * Return: 0, or -EOPNOTSUPP if the APIC is not there.
 */
int kvm_apic_mmio_read(struct kvm_vcpu *vcpu, gpa_t gpa, int len, void *val)
{
	u32 reg = gpa & 0xff0, at = gpa & 15;
	u32 line[8] = { 0 };
	int r = look_up(vcpu, gpa, len);

	if (r < 0)
		return r;
	if (r) {
		memset(val, 0xff, len);
		return 0;
	}
	if (reg == LAPIC_TPR)
		lapic_report_tpr(vcpu, false);
	if (reg < LAPIC_REGS_END && one_of(vcpu, XAPIC, reg))
		line[0] = lapic_read(vcpu, reg);
	else
		lapic_error(vcpu, ESR_ILLEGAL_REGISTER);
	/* Only the first 4 of 16 bytes are the register; the rest reads as zeros. */
	memcpy(val, (u8 *)line + at, len);
	return 0;
}

/**
 * kvm_apic_mmio_write - the guest writes in the APIC's window
 * @vcpu: loaded vCPU with a local APIC
 * @gpa: where
 * @len: 1, 2, 4 or 8; registers take 4 aligned bytes and nothing else
 * @val: @len bytes
 *
 * Return: 0, or -EOPNOTSUPP if the APIC is not there.
 */
int kvm_apic_mmio_write(struct kvm_vcpu *vcpu, gpa_t gpa, int len, const void *val)
{
	u32 reg = gpa & 0xff0, v;
	int r = look_up(vcpu, gpa, len);

	if (r)
		return min(r, 0);
	if (len != 4 || (gpa & 15))
		return 0;
	memcpy(&v, val, 4);
	if (reg == LAPIC_TPR)
		lapic_report_tpr(vcpu, true);
	if (reg < LAPIC_REGS_END && one_of(vcpu, XAPIC, reg))
		lapic_write(vcpu, reg, v);
	else
		lapic_error(vcpu, ESR_ILLEGAL_REGISTER);
	return 0;
}

/**
 * kvm_apic_written - the CPU has stored into the APIC page
 * @vcpu: loaded vCPU
 * @offset: where, from the exit qualification
 */
void kvm_apic_written(struct kvm_vcpu *vcpu, u32 offset)
{
	u32 reg = offset & 0xff0;

	if (reg >= LAPIC_REGS_END)
		return;
	if (kvm_apic_x2apic(vcpu)) {
		/* Of an x2APIC's registers the CPU stores into this one. */
		if (reg == LAPIC_SELF_IPI)
			lapic_write(vcpu, reg, lapic_get(vcpu->apic, reg));
	} else if (one_of(vcpu, XAPIC, reg)) {
		lapic_write(vcpu, reg, lapic_get(vcpu->apic, reg));
	}
}
