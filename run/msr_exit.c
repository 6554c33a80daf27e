// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR of the guest, and user space's answer for MSRs it wants to see: the kernel's
 * Documentation/virt/kvm/api.rst, 7.21.
 */
#include "regs.h"
#include "run.h"
#include "state.h"
#include "trace.h"

/* User space sees a failed access if it wants to; else it is #GP for the guest. */
static enum kvm_msr_answer refuse(struct kvm_vcpu *vcpu, u32 exit_reason, u64 why, u32 index,
				  u64 data)
{
	struct kvm_run *run = vcpu->run;

	if (!(vcpu->kvm->settings.user_space_msr_mask & why))
		return KVM_MSR_GP;
	run->exit_reason = exit_reason;
	memset(&run->msr, 0, sizeof(run->msr));
	run->msr.reason = why;
	run->msr.index = index;
	run->msr.data = data;
	return KVM_MSR_TO_USER;
}

static u64 why_refused(int r)
{
	return r == KVM_MSR_UNKNOWN ? KVM_MSR_EXIT_REASON_UNKNOWN : KVM_MSR_EXIT_REASON_INVAL;
}

/**
 * kvm_guest_rdmsr - what RDMSR of the guest does
 * @vcpu: the vCPU; kvm->srcu is held
 * @index: MSR
 * @val: its value
 *
 * Return: how it ends. For KVM_MSR_TO_USER the caller says what completes the instruction.
 */
enum kvm_msr_answer kvm_guest_rdmsr(struct kvm_vcpu *vcpu, u32 index, u64 *val)
{
	int r;

	*val = 0;
	if (!kvm_msr_allowed(vcpu, index, false)) {
		trace_kvm_msr(0, index, 0, true);
		return refuse(vcpu, KVM_EXIT_X86_RDMSR, KVM_MSR_EXIT_REASON_FILTER, index, 0);
	}
	r = kvm_get_msr(vcpu, index, val, false);
	trace_kvm_msr(0, index, *val, r);
	return r ? refuse(vcpu, KVM_EXIT_X86_RDMSR, why_refused(r), index, 0) : KVM_MSR_DONE;
}

/**
 * kvm_guest_wrmsr - what WRMSR of the guest does
 * @vcpu: the vCPU; kvm->srcu is held
 * @index: MSR
 * @val: new value
 *
 * Return: as kvm_guest_rdmsr().
 */
enum kvm_msr_answer kvm_guest_wrmsr(struct kvm_vcpu *vcpu, u32 index, u64 val)
{
	int r;

	if (!kvm_msr_allowed(vcpu, index, true)) {
		trace_kvm_msr(1, index, val, true);
		return refuse(vcpu, KVM_EXIT_X86_WRMSR, KVM_MSR_EXIT_REASON_FILTER, index, val);
	}
	r = kvm_set_msr(vcpu, index, val, false);
	trace_kvm_msr(1, index, val, r);
	return r ? refuse(vcpu, KVM_EXIT_X86_WRMSR, why_refused(r), index, val) :
		   KVM_MSR_DONE;
}

static void give_result(struct kvm_vcpu *vcpu, u64 val)
{
	kvm_gpr_write(vcpu, KVM_REG_RAX, (u32)val);
	kvm_gpr_write(vcpu, KVM_REG_RDX, val >> 32);
}

/* User space has answered: true if it made the access, else the guest has #GP. */
static bool user_has_done_it(struct kvm_vcpu *vcpu)
{
	if (!READ_ONCE(vcpu->run->msr.error))
		return true;
	kvm_inject_gp(vcpu);
	return false;
}

static bool user_has_read(struct kvm_vcpu *vcpu)
{
	if (!user_has_done_it(vcpu))
		return false;
	give_result(vcpu, READ_ONCE(vcpu->run->msr.data));
	return true;
}

static int complete_rdmsr(struct kvm_vcpu *vcpu)
{
	return user_has_read(vcpu) ? kvm_skip_instruction(vcpu) : 1;
}

static int complete_wrmsr(struct kvm_vcpu *vcpu)
{
	return user_has_done_it(vcpu) ? kvm_skip_instruction(vcpu) : 1;
}

/* The same for an instruction that the emulator met. */
int kvm_complete_emulated_rdmsr(struct kvm_vcpu *vcpu)
{
	return user_has_read(vcpu) ? kvm_emulated_by_user(vcpu) : 1;
}

int kvm_complete_emulated_wrmsr(struct kvm_vcpu *vcpu)
{
	return user_has_done_it(vcpu) ? kvm_emulated_by_user(vcpu) : 1;
}

/* 1 to go on in the guest, 0 to go to user space, whose answer @complete takes. */
static int finish(struct kvm_vcpu *vcpu, enum kvm_msr_answer answer,
		  int (*complete)(struct kvm_vcpu *vcpu))
{
	if (answer == KVM_MSR_GP)
		return kvm_inject_gp(vcpu);
	if (answer == KVM_MSR_DONE)
		return kvm_skip_instruction(vcpu);
	kvm_complete_later(vcpu, complete);
	return 0;
}

/**
 * kvm_emulate_rdmsr - the guest executed RDMSR
 * @vcpu: the vCPU; kvm->srcu is held
 *
 * Return: 1 to go on in the guest, 0 to go to user space.
 */
int kvm_emulate_rdmsr(struct kvm_vcpu *vcpu)
{
	enum kvm_msr_answer answer;
	u64 val;

	answer = kvm_guest_rdmsr(vcpu, kvm_gpr_read(vcpu, KVM_REG_RCX), &val);
	if (answer == KVM_MSR_DONE)
		give_result(vcpu, val);
	return finish(vcpu, answer, complete_rdmsr);
}

/**
 * kvm_emulate_wrmsr - the guest executed WRMSR
 * @vcpu: the vCPU; kvm->srcu is held
 *
 * Return: 1 to go on in the guest, 0 to go to user space.
 */
int kvm_emulate_wrmsr(struct kvm_vcpu *vcpu)
{
	u64 val = (u32)kvm_gpr_read(vcpu, KVM_REG_RAX) | kvm_gpr_read(vcpu, KVM_REG_RDX) << 32;

	return finish(vcpu, kvm_guest_wrmsr(vcpu, kvm_gpr_read(vcpu, KVM_REG_RCX), val),
		      complete_wrmsr);
}
