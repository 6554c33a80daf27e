// SPDX-License-Identifier: GPL-2.0-only
/* Guest registers that live in the VMCS: lazily read, written when they change. */
#include <asm/desc.h>
#include <asm/tlbflush.h>
#include "internal.h"
#include "regs.h"

#define AR_UNUSABLE	BIT(16)

/* Field encodings of the eight segment registers differ by two from one to the next. */
static const struct {
	u16 selector, base, limit, ar;
} seg_field[X86_NR_SEGS] = {
#define SEG(_s) [X86_SEG_##_s] = { GUEST_##_s##_SELECTOR, GUEST_##_s##_BASE, \
				   GUEST_##_s##_LIMIT, GUEST_##_s##_AR_BYTES }
	SEG(ES), SEG(CS), SEG(SS), SEG(DS), SEG(FS), SEG(GS), SEG(TR), SEG(LDTR),
#undef SEG
};

static u64 merge_owned(u64 shadow, u64 hw, u64 owned)
{
	return (shadow & ~owned) | (hw & owned);
}

/**
 * vmx_cache_reg - read a register from the VMCS into the vCPU
 * @vcpu: loaded vCPU
 * @reg: enum kvm_reg
 */
void vmx_cache_reg(struct kvm_vcpu *vcpu, int reg)
{
	vcpu->regs.avail |= 1u << reg;
	switch (reg) {
	case KVM_REG_RSP:
		vcpu->regs.gpr[KVM_REG_RSP] = vmcs_readl(GUEST_RSP);
		break;
	case KVM_REG_RIP:
		vcpu->regs.rip = vmcs_readl(GUEST_RIP);
		break;
	case KVM_REG_RFLAGS:
		vcpu->regs.rflags = vmcs_readl(GUEST_RFLAGS);
		/* The debugger's TF is not the guest's. */
		if (unlikely(vcpu->debug.flags & KVM_GUESTDBG_SINGLESTEP))
			vcpu->regs.rflags = (vcpu->regs.rflags & ~X86_EFLAGS_TF) |
					    vcpu->vmx.guest_tf;
		break;
	case KVM_REG_CR0:
		vcpu->cr.cr0 = merge_owned(vcpu->cr.cr0, vmcs_readl(GUEST_CR0),
					   vcpu->cr.cr0_guest_owned);
		break;
	case KVM_REG_CR3:
		vcpu->cr.cr3 = vmcs_readl(GUEST_CR3);
		break;
	case KVM_REG_CR4:
		vcpu->cr.cr4 = merge_owned(vcpu->cr.cr4, vmcs_readl(GUEST_CR4),
					   vcpu->cr.cr4_guest_owned);
		break;
	case KVM_REG_EXIT_INTR_INFO:
		vcpu->vmx.exit_intr_info = vmcs_read32(VM_EXIT_INTR_INFO);
		break;
	case KVM_REG_EXIT_QUAL:
		vcpu->vmx.exit_qual = vmcs_readl(EXIT_QUALIFICATION);
		break;
	}
}

/* SDM 3C table 25-2. */
static u32 pack_ar(const struct x86_segment *s)
{
	/* The CPL is in SS.DPL, whatever else SS is. */
	if (s->unusable || !s->present)
		return AR_UNUSABLE | s->dpl << 5;
	return s->type | s->s << 4 | s->dpl << 5 | s->present << 7 | s->avl << 12 | s->l << 13 |
	       s->db << 14 | s->g << 15;
}

static void unpack_ar(struct x86_segment *s, u32 ar)
{
	s->unusable = ar & AR_UNUSABLE;
	s->type = ar & 15;
	s->s = ar & BIT(4);
	s->dpl = (ar >> 5) & 3;
	s->present = (ar & BIT(7)) && !s->unusable;
	s->avl = ar & BIT(12);
	s->l = ar & BIT(13);
	s->db = ar & BIT(14);
	s->g = ar & BIT(15);
}

void vmx_get_segment(struct kvm_vcpu *vcpu, enum x86_seg seg, struct x86_segment *s)
{
	struct kvm_vmx *vmx = &vcpu->vmx;

	if (!(vmx->seg_avail & (1u << seg))) {
		struct x86_segment *c = &vmx->seg[seg];

		c->selector = vmcs_read16(seg_field[seg].selector);
		c->base = vmcs_readl(seg_field[seg].base);
		c->limit = vmcs_read32(seg_field[seg].limit);
		unpack_ar(c, vmcs_read32(seg_field[seg].ar));
		vmx->seg_avail |= 1u << seg;
	}
	*s = vmx->seg[seg];
}

u64 vmx_segment_base(struct kvm_vcpu *vcpu, enum x86_seg seg)
{
	if (vcpu->vmx.seg_avail & (1u << seg))
		return vcpu->vmx.seg[seg].base;
	return vmcs_readl(seg_field[seg].base);
}

void vmx_set_segment(struct kvm_vcpu *vcpu, enum x86_seg seg, const struct x86_segment *s)
{
	u32 ar = pack_ar(s);

	/* User space may hand in segments never loaded; the CPU wants them accessed. */
	if (seg != X86_SEG_LDTR && !(ar & AR_UNUSABLE))
		ar |= 1;
	vmcs_write16(seg_field[seg].selector, s->selector);
	vmcs_writel(seg_field[seg].base, s->base);
	vmcs_write32(seg_field[seg].limit, s->limit);
	vmcs_write32(seg_field[seg].ar, ar);
	vcpu->vmx.seg[seg] = *s;
	vcpu->vmx.seg[seg].unusable = ar & AR_UNUSABLE;
	vcpu->vmx.seg_avail |= 1u << seg;
}

/* SS.DPL is the CPL, 0 in real mode and 3 in virtual-8086 mode (SDM 3C 25.4.1). */
int vmx_cpl(struct kvm_vcpu *vcpu)
{
	return vmcs_read32(GUEST_SS_AR_BYTES) >> 5 & 3;
}

/* 64-bit code: elsewhere registers have 32 bits. */
bool vmx_is_64bit_mode(struct kvm_vcpu *vcpu)
{
	return (vcpu->cr.efer & EFER_LMA) && (vmcs_read32(GUEST_CS_AR_BYTES) & BIT(13));
}

void vmx_get_gdt(struct kvm_vcpu *vcpu, struct x86_table *t)
{
	t->base = vmcs_readl(GUEST_GDTR_BASE);
	t->limit = vmcs_read32(GUEST_GDTR_LIMIT);
}

void vmx_set_gdt(struct kvm_vcpu *vcpu, const struct x86_table *t)
{
	vmcs_writel(GUEST_GDTR_BASE, t->base);
	vmcs_write32(GUEST_GDTR_LIMIT, t->limit);
}

void vmx_get_idt(struct kvm_vcpu *vcpu, struct x86_table *t)
{
	t->base = vmcs_readl(GUEST_IDTR_BASE);
	t->limit = vmcs_read32(GUEST_IDTR_LIMIT);
}

void vmx_set_idt(struct kvm_vcpu *vcpu, const struct x86_table *t)
{
	vmcs_writel(GUEST_IDTR_BASE, t->base);
	vmcs_write32(GUEST_IDTR_LIMIT, t->limit);
}

void vmx_set_rflags(struct kvm_vcpu *vcpu, u64 rflags)
{
	u64 old = kvm_rflags_read(vcpu);

	/* The CPU refuses the shadow of an STI, stale or not, without IF (SDM 3C 27.3.1.5). */
	if ((old & ~rflags) & X86_EFLAGS_IF)
		vmx_set_interrupt_shadow(vcpu,
					 vmx_interrupt_shadow(vcpu) & ~KVM_X86_SHADOW_INT_STI);
	vcpu->regs.rflags = rflags | X86_EFLAGS_FIXED;
	vcpu->regs.avail |= 1u << KVM_REG_RFLAGS;
	vcpu->vmx.guest_tf = rflags & X86_EFLAGS_TF;
	if (unlikely(vcpu->debug.flags & KVM_GUESTDBG_SINGLESTEP))
		vmcs_writel(GUEST_RFLAGS, vcpu->regs.rflags | X86_EFLAGS_TF);
	else
		vmcs_writel(GUEST_RFLAGS, vcpu->regs.rflags);
	if (unlikely((old ^ rflags) & X86_EFLAGS_TF))
		vmx_match_pending_step(vcpu);
}

/*
 * The bits in no guest's hands are shadowed: what the guest reads is the
 * shadow's, what the CPU runs with has what VMX fixes. PE and PG are free with
 * unrestricted guest; CD and NW are not changed by VM entry.
 */
void vmx_set_cr0(struct kvm_vcpu *vcpu, u64 cr0)
{
	u64 fixed = vmx_caps.cr0_fixed0 & ~(X86_CR0_PE | X86_CR0_PG);
	u64 hw = (cr0 | fixed) & ~(X86_CR0_CD | X86_CR0_NW) & vmx_caps.cr0_fixed1;

	vcpu->cr.cr0 = cr0;
	vcpu->cr.cr0_guest_owned = VMX_CR0_GUEST_OWNED & ~fixed;
	vcpu->regs.avail |= 1u << KVM_REG_CR0;
	vmcs_writel(CR0_GUEST_HOST_MASK, ~vcpu->cr.cr0_guest_owned);
	vmcs_writel(CR0_READ_SHADOW, cr0);
	vmcs_writel(GUEST_CR0, hw);
}

void vmx_set_cr3(struct kvm_vcpu *vcpu, u64 cr3)
{
	vcpu->cr.cr3 = cr3;
	vcpu->regs.avail |= 1u << KVM_REG_CR3;
	vmcs_writel(GUEST_CR3, cr3);
}

void vmx_set_cr4(struct kvm_vcpu *vcpu, u64 cr4)
{
	vcpu->cr.cr4 = cr4;
	vcpu->regs.avail |= 1u << KVM_REG_CR4;
	vmcs_writel(CR4_GUEST_HOST_MASK, ~vcpu->cr.cr4_guest_owned);
	vmcs_writel(CR4_READ_SHADOW, cr4);
	/* A machine check is the host's: without MCE on the CPU it would shut the host down. */
	vmcs_writel(GUEST_CR4, (cr4 & ~X86_CR4_MCE) | (cr4_read_shadow() & X86_CR4_MCE) |
		    vmx_caps.cr4_fixed0);
}

void vmx_set_efer(struct kvm_vcpu *vcpu, u64 efer)
{
	vcpu->cr.efer = efer;
	vmcs_write64(GUEST_IA32_EFER, efer);
	if (efer & EFER_LMA)
		vmx_entry_set(vcpu, VM_ENTRY_IA32E_MODE);
	else
		vmx_entry_clear(vcpu, VM_ENTRY_IA32E_MODE);
}

/* With EPT the PDPTEs of PAE paging are registers of the VMCS (SDM 3C 25.4.2). */
void vmx_write_pdptrs(struct kvm_vcpu *vcpu)
{
	int i;

	for (i = 0; i < 4; i++)
		vmcs_write64(GUEST_PDPTR0 + 2 * i, vcpu->cr.pdptrs[i]);
}

void vmx_read_pdptrs(struct kvm_vcpu *vcpu)
{
	int i;

	if (!kvm_in_pae_paging(vcpu))
		return;
	for (i = 0; i < 4; i++)
		vcpu->cr.pdptrs[i] = vmcs_read64(GUEST_PDPTR0 + 2 * i);
}

/* A debugger's breakpoints outside the guest take the place of the guest's own. */
void vmx_set_dr7(struct kvm_vcpu *vcpu)
{
	u64 dr7 = kvm_dr7_in_force(vcpu);

	vmcs_writel(GUEST_DR7, dr7);
}

/* Outside 64-bit code the instruction pointer has 32 bits. */
u64 vmx_wrap_rip(struct kvm_vcpu *vcpu, u64 rip, u64 next)
{
	return vmx_is_64bit_mode(vcpu) ? next : (u32)next;
}
