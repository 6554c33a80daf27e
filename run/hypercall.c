// SPDX-License-Identifier: GPL-2.0-only
/* VMCALL: Documentation/virt/kvm/x86/hypercalls.rst of the kernel. */
#include <linux/kvm_para.h>
#include "regs.h"
#include "run.h"
#include "trace.h"
#include "vcpu.h"

struct call {
	unsigned long nr;
	u64 args[4];
	bool wide;		/* of 64-bit code; else everything has 32 bits */
};

static struct call get_call(struct kvm_vcpu *vcpu)
{
	const u64 *regs = vcpu->regs.gpr;
	struct call c;
	u64 mask;

	c.wide = vmx_is_64bit_mode(vcpu);
	mask = c.wide ? ~0ull : U32_MAX;
	c.nr = regs[KVM_REG_RAX] & mask;
	c.args[0] = regs[KVM_REG_RBX] & mask;
	c.args[1] = regs[KVM_REG_RCX] & mask;
	c.args[2] = regs[KVM_REG_RDX] & mask;
	c.args[3] = regs[KVM_REG_RSI] & mask;
	return c;
}

static void give_answer(struct kvm_vcpu *vcpu, bool wide, u64 answer)
{
	vcpu->regs.gpr[KVM_REG_RAX] = wide ? answer : (u32)answer;
}

static bool needs_more(unsigned long nr)
{
	return nr == KVM_HC_KICK_CPU || (nr >= KVM_HC_CLOCK_PAIRING && nr <= KVM_HC_MAP_GPA_RANGE);
}

/* What is answered at once. */
static unsigned long answer_now(struct kvm_vcpu *vcpu, const struct call *c)
{
	trace_kvm_hypercall(c->nr, c->args[0], c->args[1], c->args[2], c->args[3]);
	if (vmx_cpl(vcpu))
		return -KVM_EPERM;
	/* The exit was all that was asked for. */
	return c->nr == KVM_HC_VAPIC_POLL_IRQ ? 0 : -KVM_ENOSYS;
}

/**
 * kvm_hypercall - the guest's VMCALL: number in RAX, arguments in RBX, RCX, RDX, RSI
 * @vcpu: loaded vCPU
 *
 * Context: any, interrupts may be off.
 * Return: true, with the answer in RAX; false where it takes kvm_handle_vmcall().
 */
bool kvm_hypercall(struct kvm_vcpu *vcpu)
{
	struct call c = get_call(vcpu);

	if (needs_more(c.nr))
		return false;
	vcpu->stat.hypercalls++;
	give_answer(vcpu, c.wide, answer_now(vcpu, &c));
	return true;
}

/**
 * kvm_hypercall_slow - the same for all numbers
 * @vcpu: loaded vCPU; kvm->srcu held
 * @out: set where user space has to answer; NULL where it cannot be asked
 *
 * Context: may sleep.
 */
void kvm_hypercall_slow(struct kvm_vcpu *vcpu, bool *out)
{
	struct call c = get_call(vcpu);
	unsigned long answer;

	vcpu->stat.hypercalls++;
	if (!needs_more(c.nr) || vmx_cpl(vcpu)) {
		answer = answer_now(vcpu, &c);
	} else {
		trace_kvm_hypercall(c.nr, c.args[0], c.args[1], c.args[2], c.args[3]);
		answer = kvm_pv_hypercall(vcpu, c.nr, c.args, c.wide, out);
	}
	if (!out || !*out)
		give_answer(vcpu, c.wide, answer);
}

/* User space has answered KVM_EXIT_HYPERCALL. */
static int complete_hypercall(struct kvm_vcpu *vcpu)
{
	give_answer(vcpu, get_call(vcpu).wide, READ_ONCE(vcpu->run->hypercall.ret));
	return kvm_skip_instruction(vcpu);
}

/**
 * kvm_handle_vmcall - the exit of a VMCALL
 * @vcpu: loaded vCPU; kvm->srcu held
 *
 * Return: 1 to go on in the guest, 0 to go to user space.
 */
int kvm_handle_vmcall(struct kvm_vcpu *vcpu)
{
	bool out = false;

	kvm_hypercall_slow(vcpu, &out);
	if (!out)
		return kvm_skip_instruction(vcpu);
	kvm_complete_later(vcpu, complete_hypercall);
	return 0;
}
