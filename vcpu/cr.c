// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the architecture allows to be written to control registers, EFER, XCR0
 * and debug registers, and what follows from it. SDM 3A, 2.5, 2.6, 4.1, 17.2.
 *
 * The functions return 0, or 1 where the guest gets #GP(0); then nothing has
 * changed.
 */
#include <linux/kernel.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/fpu/types.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include "cpuid.h"
#include "irqchip.h"
#include "mmu.h"
#include "regs.h"
#include "state.h"

#define CR0_BITS	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | \
			 X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | \
			 X86_CR0_PG)
#define CR3_PCID	0xfffull
#define CR3_NO_FLUSH	BIT_ULL(63)

/* DR6: bits that can be 0 and 1; bits that read as 1; DR7 likewise. */
#define DR6_FREE	0x0000e00full
#define DR6_ONES	0xffff0ff0ull
#define DR6_NO_RTM	BIT_ULL(16)	/* 1: not in a transactional region */
#define DR7_FREE	0xffff23ffull
#define DR7_ONES	0x00000400ull
#define DR7_RTM_ENABLE	BIT_ULL(11)

static bool is_64bit_code(struct kvm_vcpu *vcpu)
{
	struct x86_segment cs;

	if (!(vcpu->cr.efer & EFER_LMA))
		return false;
	vmx_get_segment(vcpu, X86_SEG_CS, &cs);
	return cs.l;
}

/* IA-32e mode is not entered from 64-bit code, nor with the TSS of an 80286. */
static bool may_enter_long_mode(struct kvm_vcpu *vcpu, u64 cr4)
{
	struct x86_segment cs, tr;

	vmx_get_segment(vcpu, X86_SEG_CS, &cs);
	vmx_get_segment(vcpu, X86_SEG_TR, &tr);
	return (cr4 & X86_CR4_PAE) && !cs.l && tr.type > 3;
}

/* Paging that takes its top level from four registers. */
/* The page-directory-pointer entries at @cr3 become the registers; false: #GP. */
static bool load_pdptrs(struct kvm_vcpu *vcpu, u64 cr3)
{
	if (!kvm_load_pdptrs(vcpu, cr3))
		return false;
	vmx_write_pdptrs(vcpu);
	return true;
}

static bool cr0_valid(u64 cr0)
{
	if (cr0 >> 32)
		return false;
	if ((cr0 & X86_CR0_NW) && !(cr0 & X86_CR0_CD))
		return false;
	return !(cr0 & X86_CR0_PG) || (cr0 & X86_CR0_PE);
}

/**
 * kvm_set_cr0 - MOV to CR0, LMSW
 * @vcpu: the vCPU
 * @val: the new value
 */
int kvm_set_cr0(struct kvm_vcpu *vcpu, u64 val)
{
	u64 old = kvm_cr0_read(vcpu), cr4 = kvm_cr4_read(vcpu), efer = vcpu->cr.efer;
	u64 changed;

	if (!cr0_valid(val))
		return 1;
	val = (val & CR0_BITS) | X86_CR0_ET;
	changed = val ^ old;

	if ((changed & X86_CR0_PG) && (val & X86_CR0_PG) && (efer & EFER_LME)) {
		if (!may_enter_long_mode(vcpu, cr4))
			return 1;
		efer |= EFER_LMA;
	}
	if (!(val & X86_CR0_PG)) {
		if (is_64bit_code(vcpu) || (cr4 & X86_CR4_PCIDE))
			return 1;
		efer &= ~EFER_LMA;
	}
	if (kvm_pae_paging(val, cr4, efer) && (changed & (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)) &&
	    !load_pdptrs(vcpu, kvm_cr3_read(vcpu)))
		return 1;

	vmx_set_cr0(vcpu, val);
	if (efer != vcpu->cr.efer)
		vmx_set_efer(vcpu, efer);
	if (unlikely(changed & X86_CR0_CD) && kvm_mmu_cd_counts(vcpu->kvm))
		kvm_mmu_zap_all(vcpu->kvm);
	/* SDM 3A, 4.10.4.1; turning paging on may find mappings of before it was turned off. */
	if (changed & X86_CR0_PG)
		vmx_flush_guest_tlb(vcpu);
	return 0;
}

static u64 cr3_reserved(const struct kvm_vcpu *vcpu)
{
	return vcpu->cpuid.reserved_gpa_bits;
}

/**
 * kvm_set_cr3 - MOV to CR3
 * @vcpu: the vCPU
 * @val: the new value
 */
int kvm_set_cr3(struct kvm_vcpu *vcpu, u64 val)
{
	u64 cr0 = kvm_cr0_read(vcpu), cr4 = kvm_cr4_read(vcpu);
	bool flush = true;

	if (vcpu->cr.efer & EFER_LMA) {
		if ((cr4 & X86_CR4_PCIDE) && (val & CR3_NO_FLUSH)) {
			val &= ~CR3_NO_FLUSH;
			flush = false;
		}
		if (val & cr3_reserved(vcpu))
			return 1;
	} else {
		val &= GENMASK_ULL(31, 0);
	}
	if (kvm_pae_paging(cr0, cr4, vcpu->cr.efer) && !load_pdptrs(vcpu, val))
		return 1;
	vmx_set_cr3(vcpu, val);
	if (flush)
		vmx_flush_guest_tlb(vcpu);
	return 0;
}

/**
 * kvm_cr4_valid - has the guest every feature whose bit is set
 * @vcpu: the vCPU
 * @cr4: a value for CR4
 */
bool kvm_cr4_valid(struct kvm_vcpu *vcpu, u64 cr4)
{
	return !(cr4 & vcpu->cpuid.cr4_reserved);
}

/**
 * kvm_set_cr4 - MOV to CR4
 * @vcpu: the vCPU
 * @val: the new value
 */
int kvm_set_cr4(struct kvm_vcpu *vcpu, u64 val)
{
	const u64 pdptr_bits = X86_CR4_PGE | X86_CR4_PSE | X86_CR4_PAE | X86_CR4_SMEP;
	u64 old = kvm_cr4_read(vcpu), changed = val ^ old;

	if (!kvm_cr4_valid(vcpu, val))
		return 1;
	if ((vcpu->cr.efer & EFER_LMA) &&
	    (!(val & X86_CR4_PAE) || (changed & X86_CR4_LA57)))
		return 1;
	if ((changed & val & X86_CR4_PCIDE) &&
	    (!(vcpu->cr.efer & EFER_LMA) || (kvm_cr3_read(vcpu) & CR3_PCID)))
		return 1;
	if (kvm_pae_paging(kvm_cr0_read(vcpu), val, vcpu->cr.efer) && (changed & pdptr_bits) &&
	    !load_pdptrs(vcpu, kvm_cr3_read(vcpu)))
		return 1;

	vmx_set_cr4(vcpu, val);
	/* SDM 3A, 4.10.4.1. */
	if ((changed & (X86_CR4_PGE | X86_CR4_PAE | X86_CR4_PSE)) ||
	    (changed & old & X86_CR4_PCIDE) || (changed & val & X86_CR4_SMEP))
		vmx_flush_guest_tlb(vcpu);
	if (changed & (X86_CR4_OSXSAVE | X86_CR4_PKE))
		kvm_cpuid_refresh(vcpu);
	return 0;
}

/* EFER bits this guest may set; user space may set what any guest here may. */
static u64 efer_allowed(const struct kvm_vcpu *vcpu, bool host)
{
	static const struct {
		enum kvm_cpuid_feature f;
		u64 bits;
	} by_feature[] = {
		{ KVM_F_SYSCALL, EFER_SCE },
		{ KVM_F_NX, EFER_NX },
		{ KVM_F_LM, EFER_LME | EFER_LMA },
	};
	u64 allowed = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(by_feature); i++)
		if (host ? kvm_host_offers(by_feature[i].f) : kvm_guest_has(vcpu, by_feature[i].f))
			allowed |= by_feature[i].bits;
	return allowed;
}

/**
 * kvm_set_efer - WRMSR to IA32_EFER
 * @vcpu: the vCPU
 * @val: the new value; LMA in it does not count
 * @host: user space writes
 */
int kvm_set_efer(struct kvm_vcpu *vcpu, u64 val, bool host)
{
	u64 old = vcpu->cr.efer;

	if (val & ~efer_allowed(vcpu, host))
		return 1;
	if (!host && (kvm_cr0_read(vcpu) & X86_CR0_PG) && ((val ^ old) & EFER_LME))
		return 1;
	val = (val & ~EFER_LMA) | (old & EFER_LMA);
	if (val != old)
		vmx_set_efer(vcpu, val);
	return 0;
}

static bool xcr0_valid(const struct kvm_vcpu *vcpu, u64 val)
{
	const u64 avx512 = XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 | XFEATURE_MASK_Hi16_ZMM;

	if (!(val & XFEATURE_MASK_FP))
		return false;
	if ((val & XFEATURE_MASK_YMM) && !(val & XFEATURE_MASK_SSE))
		return false;
	if ((val & avx512) && ((val & avx512) != avx512 || !(val & XFEATURE_MASK_YMM)))
		return false;
	/* Component 0 cannot be missing, whatever CPUID says. */
	return !(val & ~(vcpu->cpuid.xcr0_supported | XFEATURE_MASK_FP));
}

/**
 * kvm_set_xcr - XSETBV; the privilege level has been checked
 * @vcpu: the vCPU
 * @index: the register
 * @val: the new value
 */
int kvm_set_xcr(struct kvm_vcpu *vcpu, u32 index, u64 val)
{
	if (index != 0 || !xcr0_valid(vcpu, val))
		return 1;
	if (vcpu->fpu.xcr0 == val)
		return 0;
	vcpu->fpu.xcr0 = val;
	kvm_cpuid_refresh(vcpu);
	return 0;
}

/**
 * kvm_set_dr - MOV to a debug register
 * @vcpu: the vCPU
 * @dr: 0 to 7; with CR4.DE the caller has answered 4 and 5 with #UD
 * @val: the new value
 */
int kvm_set_dr(struct kvm_vcpu *vcpu, int dr, u64 val)
{
	bool rtm = kvm_guest_has(vcpu, KVM_F_RTM);

	switch (dr) {
	case 0 ... 3:
		vcpu->debug.dr[dr] = val;
		return 0;
	case 4:
	case 6:
		if (val >> 32)
			return 1;
		vcpu->debug.dr6 = DR6_ONES | (val & DR6_FREE);
		if (!rtm || (val & DR6_NO_RTM))
			vcpu->debug.dr6 |= DR6_NO_RTM;
		else
			vcpu->debug.dr6 &= ~DR6_NO_RTM;
		return 0;
	default:
		if (val >> 32)
			return 1;
		vcpu->debug.dr7 = DR7_ONES | (val & (DR7_FREE | (rtm ? DR7_RTM_ENABLE : 0)));
		vmx_set_dr7(vcpu);
		return 0;
	}
}

/**
 * kvm_get_dr - MOV from a debug register
 * @vcpu: the vCPU
 * @dr: 0 to 7; with CR4.DE the caller has answered 4 and 5 with #UD
 */
u64 kvm_get_dr(struct kvm_vcpu *vcpu, int dr)
{
	switch (dr) {
	case 0 ... 3:
		return vcpu->debug.dr[dr];
	case 4:
	case 6:
		return vcpu->debug.dr6;
	default:
		return vcpu->debug.dr7;
	}
}

/**
 * kvm_sregs_valid - may KVM_SET_SREGS set these together
 * @vcpu: the vCPU
 * @sregs: what user space asks for
 *
 * IA32_APIC_BASE is kvm_set_apic_base()'s to judge.
 */
bool kvm_sregs_valid(struct kvm_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	if (!cr0_valid(sregs->cr0) || !kvm_cr4_valid(vcpu, sregs->cr4))
		return false;
	if (sregs->efer & ~efer_allowed(vcpu, true))
		return false;
	if (sregs->cr8 & ~0xfull)
		return false;
	if ((sregs->efer & EFER_LME) && (sregs->cr0 & X86_CR0_PG))
		return (sregs->cr4 & X86_CR4_PAE) && (sregs->efer & EFER_LMA) &&
		       !(sregs->cr3 & cr3_reserved(vcpu));
	/* Outside IA-32e mode there is no 64-bit code. */
	return !(sregs->efer & EFER_LMA) && !sregs->cs.l;
}
