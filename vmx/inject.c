// SPDX-License-Identifier: GPL-2.0-only
/* Events into the guest, and what an exit left of them (SDM 3C 25.8.3, 28.2.4). */
#include <asm/trapnr.h>
#include "internal.h"
#include "kick.h"
#include "regs.h"
#include "trace.h"

u32 vmx_interrupt_shadow(struct kvm_vcpu *vcpu)
{
	u32 info, shadow = 0;

	if (vcpu->regs.skipped)
		return 0;
	info = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	if (info & GUEST_INTR_STATE_STI)
		shadow |= KVM_X86_SHADOW_INT_STI;
	if (info & GUEST_INTR_STATE_MOV_SS)
		shadow |= KVM_X86_SHADOW_INT_MOV_SS;
	return shadow;
}

/*
 * In the shadow of STI or MOV SS, and when halted, the CPU wants the trap of a single step
 * pending exactly if TF is set (SDM 3C 27.3.1.5; a guest never has BTF). After MOV SS it then
 * comes behind the next instruction, as it should, after STI at once.
 */
void vmx_match_pending_step(struct kvm_vcpu *vcpu)
{
	u32 info = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	u64 old, pending;

	if (vcpu->regs.skipped) {
		vmx_set_interrupt_shadow(vcpu, 0);
		return;
	}
	if (!(info & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)) &&
	    (!(vcpu->kvm->settings.disabled_exits & KVM_X86_DISABLE_EXITS_HLT) ||
	     vmcs_read32(GUEST_ACTIVITY_STATE) != GUEST_ACTIVITY_HLT))
		return;
	old = vmcs_readl(GUEST_PENDING_DBG_EXCEPTIONS);
	pending = vmcs_readl(GUEST_RFLAGS) & X86_EFLAGS_TF ? old | DR6_BS : old & ~DR6_BS;
	if (pending != old)
		vmcs_writel(GUEST_PENDING_DBG_EXCEPTIONS, pending);
}

/* The instruction in the shadow is done, and who did it sees to the trap of a single step. */
static void drop_pending_step(void)
{
	u64 pending = vmcs_readl(GUEST_PENDING_DBG_EXCEPTIONS);

	if (pending & DR6_BS)
		vmcs_writel(GUEST_PENDING_DBG_EXCEPTIONS, pending & ~DR6_BS);
}

void vmx_set_interrupt_shadow(struct kvm_vcpu *vcpu, u32 shadow)
{
	u32 old = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	u32 info = old & ~(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);

	/* With TF the CPU would want the step's trap pending, and a debugger has had that. */
	if (vcpu->debug.flags & KVM_GUESTDBG_SINGLESTEP)
		shadow = 0;
	/* The CPU refuses both at once. */
	if (shadow & KVM_X86_SHADOW_INT_MOV_SS)
		info |= GUEST_INTR_STATE_MOV_SS;
	else if (shadow & KVM_X86_SHADOW_INT_STI)
		info |= GUEST_INTR_STATE_STI;
	vcpu->regs.skipped = false;
	if (info != old) {
		vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, info);
		if (info & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS))
			vmx_match_pending_step(vcpu);
		else
			drop_pending_step();
	}
}

/* An instruction done here leaves its shadow in the VMCS; make that true before it matters. */
static void drop_stale_shadow(struct kvm_vcpu *vcpu)
{
	if (vcpu->regs.skipped)
		vmx_set_interrupt_shadow(vcpu, 0);
}

bool vmx_interrupt_allowed(struct kvm_vcpu *vcpu)
{
	return (kvm_rflags_read(vcpu) & X86_EFLAGS_IF) &&
	       !(vcpu->debug.flags & KVM_GUESTDBG_BLOCKIRQ) && !vmx_interrupt_shadow(vcpu);
}

bool vmx_nmi_masked(struct kvm_vcpu *vcpu)
{
	return vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_NMI;
}

void vmx_set_nmi_masked(struct kvm_vcpu *vcpu, bool masked)
{
	u32 old = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	u32 info = masked ? old | GUEST_INTR_STATE_NMI : old & ~GUEST_INTR_STATE_NMI;

	if (info != old)
		vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, info);
}

bool vmx_nmi_allowed(struct kvm_vcpu *vcpu)
{
	return !vmx_nmi_masked(vcpu) && !(vcpu->debug.flags & KVM_GUESTDBG_BLOCKIRQ) &&
	       !vmx_interrupt_shadow(vcpu);
}

static void inject(struct kvm_vcpu *vcpu, u32 info)
{
	drop_stale_shadow(vcpu);
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, info | INTR_INFO_VALID_MASK);
	/* The CPU refuses an event for a halted guest that would not wake it. */
	if (vcpu->kvm->settings.disabled_exits & KVM_X86_DISABLE_EXITS_HLT)
		vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vcpu->vmx.event_entered = true;
}

void vmx_inject_exception(struct kvm_vcpu *vcpu, bool again)
{
	const struct kvm_events *e = &vcpu->events;
	u32 info = e->exc.vector;

	/* Real mode delivers no error code, and the CPU refuses one there. */
	if (e->exc.has_error && (kvm_cr0_read(vcpu) & X86_CR0_PE)) {
		vmcs_write32(VM_ENTRY_EXCEPTION_ERROR_CODE, e->exc.error_code);
		info |= INTR_INFO_DELIVER_CODE_MASK;
	}
	if (e->exc.vector == BP_VECTOR || e->exc.vector == OF_VECTOR) {
		vmcs_write32(VM_ENTRY_INSTRUCTION_LEN, e->soft_insn_len ?: 1);
		info |= INTR_TYPE_SOFT_EXCEPTION;
	} else {
		info |= INTR_TYPE_HARD_EXCEPTION;
	}
	trace_kvm_inj_exception(e->exc.vector, e->exc.has_error, e->exc.error_code,
				again);
	inject(vcpu, info);
}

void vmx_inject_interrupt(struct kvm_vcpu *vcpu)
{
	const struct kvm_events *e = &vcpu->events;
	u32 info = e->intr.vector;

	trace_kvm_inj_virq(e->intr.vector, e->intr.soft, false);
	if (e->intr.soft) {
		/* User space gives none: INT n. */
		vmcs_write32(VM_ENTRY_INSTRUCTION_LEN, e->soft_insn_len ?: 2);
		info |= INTR_TYPE_SOFT_INTR;
	} else {
		info |= INTR_TYPE_EXT_INTR;
	}
	inject(vcpu, info);
}

void vmx_inject_nmi(struct kvm_vcpu *vcpu)
{
	inject(vcpu, INTR_TYPE_NMI_INTR | X86_TRAP_NMI);
}

/* An event chosen for this entry, which will not happen: it stays "injected". */
void vmx_cancel_injection(struct kvm_vcpu *vcpu)
{
	if (!vcpu->vmx.event_entered)
		return;
	vcpu->vmx.event_entered = false;
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
}

/* What a debugger holds back is looked at again when the debugger changes its mind. */
static bool windows_useless(struct kvm_vcpu *vcpu)
{
	return vcpu->debug.flags & KVM_GUESTDBG_BLOCKIRQ;
}

void vmx_open_interrupt_window(struct kvm_vcpu *vcpu)
{
	if (windows_useless(vcpu))
		return;
	drop_stale_shadow(vcpu);
	vmx_proc_set(vcpu, CPU_BASED_INTR_WINDOW_EXITING);
}

void vmx_open_nmi_window(struct kvm_vcpu *vcpu)
{
	if (windows_useless(vcpu))
		return;
	drop_stale_shadow(vcpu);
	/* Blocked by STI rather than by an NMI: interrupt windows open after STI as well. */
	if (vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_STI)
		vmx_proc_set(vcpu, CPU_BASED_INTR_WINDOW_EXITING);
	else
		vmx_proc_set(vcpu, CPU_BASED_NMI_WINDOW_EXITING);
}

static void note_exception(struct kvm_events *e, u32 info)
{
	e->exc.injected = true;
	e->exc.vector = info & INTR_INFO_VECTOR_MASK;
	e->exc.has_payload = false;
	e->exc.has_error = info & INTR_INFO_DELIVER_CODE_MASK;
	e->exc.error_code = e->exc.has_error ? vmcs_read32(IDT_VECTORING_ERROR_CODE) : 0;
}

/* What the entry carried has been delivered. */
void vmx_event_arrived(struct kvm_vcpu *vcpu)
{
	struct kvm_events *e = &vcpu->events;

	vcpu->vmx.event_entered = false;
	e->exc.injected = false;
	e->intr.injected = false;
	e->nmi_injected = false;
}

/**
 * vmx_complete_events - after an exit: what was delivered is gone, what was on
 * its way in is "injected" again
 * @vcpu: vCPU that left the guest; vmx.idt_vectoring is read
 */
void vmx_complete_events(struct kvm_vcpu *vcpu)
{
	struct kvm_events *e = &vcpu->events;
	u32 info = vcpu->vmx.idt_vectoring;

	if (vcpu->vmx.event_entered)
		vmx_event_arrived(vcpu);
	if (!(info & INTR_INFO_VALID_MASK))
		return;

	kvm_make_request(vcpu, KVM_REQ_EVENT);
	switch (info & INTR_INFO_INTR_TYPE_MASK) {
	case INTR_TYPE_NMI_INTR:
		e->nmi_injected = true;
		/* Its delivery blocked NMIs; entry with it needs them unblocked. */
		vmx_set_nmi_masked(vcpu, false);
		break;
	case INTR_TYPE_SOFT_EXCEPTION:
	case INTR_TYPE_PRIV_SW_EXCEPTION:
		e->soft_insn_len = vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
		fallthrough;
	case INTR_TYPE_HARD_EXCEPTION:
		note_exception(e, info);
		break;
	case INTR_TYPE_SOFT_INTR:
		e->soft_insn_len = vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
		fallthrough;
	case INTR_TYPE_EXT_INTR:
		e->intr.injected = true;
		e->intr.soft = (info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_SOFT_INTR;
		e->intr.vector = info & INTR_INFO_VECTOR_MASK;
		break;
	}
}
