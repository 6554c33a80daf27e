// SPDX-License-Identifier: GPL-2.0-only
/* The emulator on a vCPU: what it starts from, and what becomes of its answers. */
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/trapnr.h>
#include "emulate_ops.h"
#include "events.h"
#include "io.h"
#include "mmu.h"
#include "regs.h"
#include "run.h"
#include "trace.h"
#include "vcpu.h"

static enum emu_mode mode_of(struct kvm_vcpu *vcpu)
{
	struct x86_segment cs;

	if (vmx_is_64bit_mode(vcpu))
		return EMU_MODE_PROT64;
	if (!(kvm_cr0_read(vcpu) & X86_CR0_PE))
		return EMU_MODE_REAL;
	if (kvm_rflags_read(vcpu) & X86_EFLAGS_VM)
		return EMU_MODE_VM86;
	vmx_get_segment(vcpu, X86_SEG_CS, &cs);
	return cs.db ? EMU_MODE_PROT32 : EMU_MODE_PROT16;
}

void kvm_emu_set_up(struct kvm_vcpu *vcpu)
{
	struct emu_ctxt *c = &vcpu->emu;

	c->ops = &kvm_emu_ops;
	c->priv = vcpu;
	c->mode = mode_of(vcpu);
	c->cpl = vmx_cpl(vcpu);
	vcpu->io.cpl = c->cpl;
	c->long_mode_active = vcpu->cr.efer & EFER_LMA;
	kvm_rsp_read(vcpu);
	memcpy(c->gpr, vcpu->regs.gpr, sizeof(c->gpr));
	c->rip = kvm_rip_read(vcpu);
	c->rflags = kvm_rflags_read(vcpu);
}

/* The instruction's effects on the registers become the vCPU's. */
static void commit_regs(struct kvm_vcpu *vcpu)
{
	struct emu_ctxt *c = &vcpu->emu;

	kvm_gpr_write(vcpu, KVM_REG_RSP, c->gpr[KVM_REG_RSP]);
	memcpy(vcpu->regs.gpr, c->gpr, sizeof(c->gpr));
	if (c->rflags != vcpu->regs.rflags)
		vmx_set_rflags(vcpu, c->rflags);
	kvm_rip_write(vcpu, c->rip);
}

/* INT3, INT n, INTO */
static bool is_software_interrupt(const struct emu_ctxt *c)
{
	return !c->insn.map && c->insn.opcode >= 0xcc && c->insn.opcode <= 0xce;
}

static int finish_ok(struct kvm_vcpu *vcpu)
{
	struct emu_ctxt *c = &vcpu->emu;
	u64 flags = kvm_rflags_read(vcpu);
	bool step;

	/* TF counts as it was before, but for SYSCALL, SYSRET and INT as they leave it. */
	if (is_insn(c, OPCODE_SYSCALL) || is_insn(c, OPCODE_SYSRET) || is_software_interrupt(c))
		flags = c->rflags;
	step = flags & X86_EFLAGS_TF;
	/* A trap between two elements of a string shows RF. A trap also ends the shadow of STI. */
	if (step && c->more)
		c->rflags |= X86_EFLAGS_RF;
	commit_regs(vcpu);
	if (c->unblock_nmi)
		vmx_set_nmi_masked(vcpu, false);
	if (c->block_mov_ss)
		vmx_set_interrupt_shadow(vcpu, KVM_X86_SHADOW_INT_MOV_SS);
	else if (c->block_sti && !step)
		vmx_set_interrupt_shadow(vcpu, KVM_X86_SHADOW_INT_STI);
	else if (c->rflags & X86_EFLAGS_TF)
		/* A shadow left over would bring the trap before the next instruction. */
		vmx_set_interrupt_shadow(vcpu, 0);
	else
		vcpu->regs.skipped = true;
	if (c->fault.trap)
		kvm_queue_fault(vcpu, &c->fault);
	else if (step && !c->block_mov_ss)
		kvm_queue_exception_p(vcpu, DB_VECTOR, DR6_BS);
	if (vcpu->io.out) {
		if (vcpu->io.deferred)
			return 0;
		/* A read for an element that REP has not come to: the next call asks again. */
		vcpu->io.out = false;
	}
	if (vcpu->debug.flags & KVM_GUESTDBG_SINGLESTEP)
		return kvm_debug_exit(vcpu, DB_VECTOR, DR6_BS | DR6_RESET);
	return vcpu->io.halt ? kvm_vcpu_halt(vcpu) : 1;
}

/* What the emulator does not do: the supervisor's ends the run, a program's is its own fault. */
static int finish_fail(struct kvm_vcpu *vcpu)
{
	const struct emu_insn *insn = &vcpu->emu.insn;
	struct kvm_run *run = vcpu->run;

	vcpu->stat.insn_emulation_fail++;
	trace_kvm_emulate_insn(vcpu, 1);
	if (vmx_cpl(vcpu) && !vcpu->kvm->settings.exit_on_emulation_error) {
		kvm_queue_exception(vcpu, UD_VECTOR);
		return 1;
	}
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 3;
	run->emulation_failure.flags = 0;
	if (insn->fetched) {
		run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		run->emulation_failure.insn_size = insn->fetched;
		memset(run->emulation_failure.insn_bytes, 0x90,
		       sizeof(run->emulation_failure.insn_bytes));
		memcpy(run->emulation_failure.insn_bytes, insn->bytes, insn->fetched);
	}
	return 0;
}

int kvm_emu_finish(struct kvm_vcpu *vcpu, enum emu_status s)
{
	/* Set by op_get_msr() or op_set_msr(). */
	bool msr_out = vcpu->completion.complete;

	if (s != EMU_IO || msr_out || !vcpu->io.out)
		kvm_forget_translations(vcpu);
	switch (s) {
	case EMU_OK:
		trace_kvm_emulate_insn(vcpu, 0);
		return finish_ok(vcpu);
	case EMU_FAULT:
		kvm_queue_fault(vcpu, &vcpu->emu.fault);
		return 1;
	case EMU_RETRY:
		return 1;
	case EMU_IO:
		if (msr_out)
			return 0;
		/* Nothing out: a device was refused. */
		if (!vcpu->io.out)
			return finish_fail(vcpu);
		kvm_complete_later(vcpu, kvm_complete_emulated_io);
		return 0;
	case EMU_FAIL:
		break;
	}
	return finish_fail(vcpu);
}

/**
 * kvm_emulate_instruction - emulate the instruction at RIP
 * @vcpu: loaded vCPU, kvm->srcu held
 * @bytes: what is known of it, or NULL
 * @len: how many bytes that is
 *
 * Return: 1 to go on, 0 to user space with kvm_run filled.
 */
int kvm_emulate_instruction(struct kvm_vcpu *vcpu, const u8 *bytes, unsigned int len)
{
	u8 fetched[EMU_MAX_INSN];
	enum emu_status s;

	kvm_io_begin(vcpu);
	if (!bytes) {
		/* What fails is left to the decoder. */
		len = kvm_fetch_code(vcpu, kvm_linear_rip(vcpu), fetched);
		bytes = fetched;
	}
	kvm_emu_set_up(vcpu);
	s = emu_decode(&vcpu->emu, bytes, len);
	return s == EMU_OK ? kvm_emu_execute(vcpu) : kvm_emu_finish(vcpu, s);
}

/* What was decoded the first time is executed again, whatever memory holds by now. */
int kvm_emulate_again(struct kvm_vcpu *vcpu)
{
	vcpu->io.next = 0;
	vcpu->io.deferred = false;
	vcpu->io.out = false;
	kvm_emu_set_up(vcpu);
	return kvm_emu_execute(vcpu);
}

int kvm_emulated_by_user(struct kvm_vcpu *vcpu)
{
	struct emu_ctxt *c = &vcpu->emu;
	u64 next = kvm_rip_read(vcpu) + c->insn.len;

	c->waited = false;
	return kvm_advance_rip(vcpu, c->mode == EMU_MODE_PROT64 ? next : (u32)next);
}

/**
 * kvm_task_switch - a hardware task switch that exited
 * @vcpu: loaded vCPU; RIP is where the old task goes on
 * @selector: of the new task's TSS
 * @idt_vector: vector of the software interrupt whose gate it was, or -1
 * @reason: 0 CALL, 1 IRET, 2 JMP, 3 gate in the IDT
 * @has_error: the event has an error code for the new task's stack
 * @error_code: that code
 *
 * Return: 1 to go on, 0 to user space.
 */
int kvm_task_switch(struct kvm_vcpu *vcpu, u16 selector, int idt_vector, int reason, bool has_error,
		    u32 error_code)
{
	enum emu_status s;

	kvm_io_begin(vcpu);
	kvm_emu_set_up(vcpu);
	memset(&vcpu->emu.insn, 0, sizeof(vcpu->emu.insn));
	s = emu_task_switch(&vcpu->emu, selector, idt_vector, reason, has_error, error_code);
	return kvm_emu_finish(vcpu, s);
}
