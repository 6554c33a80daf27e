// SPDX-License-Identifier: GPL-2.0-only
/* Hypercalls: Documentation/virt/kvm/x86/hypercalls.rst of the kernel. */
#include <linux/kvm_para.h>
#include "trace.h"
#include "vcpu.h"

static unsigned long do_hypercall(unsigned long nr)
{
	switch (nr) {
	case KVM_HC_VAPIC_POLL_IRQ:
		/* The exit was all that was asked for. */
		return 0;
	}
	return -KVM_ENOSYS;
}

/**
 * kvm_hypercall - the guest's VMCALL: number in RAX, arguments in RBX, RCX, RDX, RSI
 * @vcpu: loaded vCPU
 *
 * Context: any, interrupts may be off.
 * Return: true, with the answer in RAX; false where it must be called again with
 * interrupts on (which no hypercall of today needs).
 */
bool kvm_hypercall(struct kvm_vcpu *vcpu)
{
	struct emu_segment cs;
	u64 *regs = vcpu->regs;
	unsigned long ret;
	bool wide;

	vmx_get_segment(vcpu, EMU_SEG_CS, &cs);
	wide = (vcpu->efer & EFER_LMA) && cs.l;
	if (wide)
		trace_kvm_hypercall(regs[KVM_REG_RAX], regs[KVM_REG_RBX], regs[KVM_REG_RCX],
				    regs[KVM_REG_RDX], regs[KVM_REG_RSI]);
	else
		trace_kvm_hypercall((u32)regs[KVM_REG_RAX], (u32)regs[KVM_REG_RBX],
				    (u32)regs[KVM_REG_RCX], (u32)regs[KVM_REG_RDX],
				    (u32)regs[KVM_REG_RSI]);
	ret = vmx_cpl(vcpu) ? -KVM_EPERM :
	      do_hypercall(wide ? regs[KVM_REG_RAX] : (u32)regs[KVM_REG_RAX]);
	regs[KVM_REG_RAX] = wide ? ret : (u32)ret;
	return true;
}
