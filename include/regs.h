/* SPDX-License-Identifier: GPL-2.0-only */
/* A vCPU's registers: read from the VMCS when they are asked for, written before the entry. */
#ifndef KVMX_REGS_H
#define KVMX_REGS_H

#include <asm/processor-flags.h>
#include "vcpu.h"
#include "vmx.h"

static inline bool kvm_reg_is_avail(const struct kvm_vcpu *vcpu, int reg)
{
	return vcpu->regs.avail & (1u << reg);
}

static inline u64 kvm_rip_read(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_RIP))
		vmx_cache_reg(vcpu, KVM_REG_RIP);
	return vcpu->regs.rip;
}

static inline void kvm_rip_write(struct kvm_vcpu *vcpu, u64 val)
{
	vcpu->regs.rip = val;
	vcpu->regs.avail |= 1u << KVM_REG_RIP;
	vcpu->regs.dirty |= 1u << KVM_REG_RIP;
}

static inline u64 kvm_rsp_read(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_RSP))
		vmx_cache_reg(vcpu, KVM_REG_RSP);
	return vcpu->regs.gpr[KVM_REG_RSP];
}

static inline u64 kvm_gpr_read(struct kvm_vcpu *vcpu, int reg)
{
	return reg == KVM_REG_RSP ? kvm_rsp_read(vcpu) : vcpu->regs.gpr[reg];
}

static inline void kvm_gpr_write(struct kvm_vcpu *vcpu, int reg, u64 val)
{
	vcpu->regs.gpr[reg] = val;
	if (reg == KVM_REG_RSP) {
		vcpu->regs.avail |= 1u << KVM_REG_RSP;
		vcpu->regs.dirty |= 1u << KVM_REG_RSP;
	}
}

/* Where the instruction at RIP is. */
static inline u64 kvm_linear_rip(struct kvm_vcpu *vcpu)
{
	u64 la = vmx_segment_base(vcpu, X86_SEG_CS) + kvm_rip_read(vcpu);

	return vcpu->cr.efer & EFER_LMA ? la : (u32)la;
}

static inline u64 kvm_rflags_read(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_RFLAGS))
		vmx_cache_reg(vcpu, KVM_REG_RFLAGS);
	return vcpu->regs.rflags;
}

/* With the guest-owned bits as they are in the VMCS. */
static inline u64 kvm_cr0_read(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_CR0))
		vmx_cache_reg(vcpu, KVM_REG_CR0);
	return vcpu->cr.cr0;
}

static inline u64 kvm_cr3_read(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_CR3))
		vmx_cache_reg(vcpu, KVM_REG_CR3);
	return vcpu->cr.cr3;
}

static inline u64 kvm_cr4_read(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_CR4))
		vmx_cache_reg(vcpu, KVM_REG_CR4);
	return vcpu->cr.cr4;
}

/* Breakpoints are the guest's, or those of a debugger in user space. */
static inline u64 kvm_dr7_in_force(const struct kvm_vcpu *vcpu)
{
	return vcpu->debug.flags & KVM_GUESTDBG_USE_HW_BP ? vcpu->debug.user_dr[7] :
							    vcpu->debug.dr7;
}

/* Linear addresses go through PDPTEs, which are registers then. */
static inline bool kvm_pae_paging(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !(efer & EFER_LMA);
}

static inline bool kvm_in_pae_paging(struct kvm_vcpu *vcpu)
{
	return kvm_pae_paging(kvm_cr0_read(vcpu), kvm_cr4_read(vcpu), vcpu->cr.efer);
}

/* --- vcpu/cr.c: the architecture's rules for writes; 0, or 1 where the guest gets #GP --- */
int kvm_set_cr0(struct kvm_vcpu *vcpu, u64 val);
int kvm_set_cr3(struct kvm_vcpu *vcpu, u64 val);
int kvm_set_cr4(struct kvm_vcpu *vcpu, u64 val);
int kvm_set_efer(struct kvm_vcpu *vcpu, u64 val, bool host);
int kvm_set_xcr(struct kvm_vcpu *vcpu, u32 index, u64 val);
int kvm_set_dr(struct kvm_vcpu *vcpu, int dr, u64 val);
u64 kvm_get_dr(struct kvm_vcpu *vcpu, int dr);
bool kvm_cr4_valid(struct kvm_vcpu *vcpu, u64 cr4);
bool kvm_sregs_valid(struct kvm_vcpu *vcpu, const struct kvm_sregs *sregs);

#endif
