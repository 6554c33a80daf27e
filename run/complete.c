// SPDX-License-Identifier: GPL-2.0-only
/* Instructions that wait for user space's answer: ports, MMIO, MSRs, hypercalls. */
#include "io.h"
#include "regs.h"
#include "run.h"
#include "vcpu.h"

/**
 * kvm_note_place - user space is about to move the vCPU
 * @vcpu: loaded vCPU, its mutex held
 *
 * Called before an ioctl, or the registers in kvm_run, change RIP or CS. A VMM that leaves the
 * registers alone does not pay for the reads of the VMCS here.
 */
void kvm_note_place(struct kvm_vcpu *vcpu)
{
	struct kvm_completion *c = &vcpu->completion;

	if (c->complete && !c->placed) {
		c->linear_rip = kvm_linear_rip(vcpu);
		c->placed = true;
	}
}

/* Whether the vCPU is elsewhere now, after a reset for instance. */
static noinline bool was_moved(struct kvm_vcpu *vcpu)
{
	vcpu->completion.placed = false;
	if (kvm_linear_rip(vcpu) == vcpu->completion.linear_rip)
		return false;
	kvm_forget_translations(vcpu);
	return true;
}

/**
 * kvm_complete - user space has answered: finish the instruction that waits
 * @vcpu: loaded vCPU, vcpu->completion.complete set; kvm->srcu held
 *
 * If user space has moved the vCPU elsewhere, there is nothing to finish: it goes on there.
 *
 * Return: 1 to go on, 0 to user space with kvm_run filled, -errno.
 */
int kvm_complete(struct kvm_vcpu *vcpu)
{
	int (*complete)(struct kvm_vcpu *vcpu) = vcpu->completion.complete;

	vcpu->completion.complete = NULL;
	if (unlikely(vcpu->completion.placed) && was_moved(vcpu))
		return 1;
	return complete(vcpu);
}
