// SPDX-License-Identifier: GPL-2.0-only
/* The emulator's callbacks on a vCPU: registers, ports, MSRs and what else it asks for. */
#include <linux/kernel.h>
#include <asm/trapnr.h>
#include "cpuid.h"
#include "emulate_ops.h"
#include "io.h"
#include "irqchip.h"
#include "mmu.h"
#include "regs.h"
#include "run.h"
#include "state.h"
#include "vcpu.h"

static enum emu_status fault(struct emu_ctxt *c, u8 vector, bool has_error, u32 error_code)
{
	c->fault = (struct x86_fault){
		.vector = vector, .has_error = has_error, .error_code = error_code,
	};
	return EMU_FAULT;
}

static enum emu_status gp_if(struct emu_ctxt *c, int bad)
{
	return bad ? fault(c, GP_VECTOR, true, 0) : EMU_OK;
}

static enum emu_status op_pio_in(struct emu_ctxt *c, u16 port, unsigned int size, void *buf,
				 unsigned int count)
{
	return kvm_io_pio_in(vcpu_of(c), port, size, buf, count);
}

static enum emu_status op_pio_out(struct emu_ctxt *c, u16 port, unsigned int size, const void *buf,
				  unsigned int count)
{
	return kvm_io_pio_out(vcpu_of(c), port, size, buf, count);
}

static void op_get_segment(struct emu_ctxt *c, enum x86_seg seg, struct x86_segment *s)
{
	vmx_get_segment(vcpu_of(c), seg, s);
}

static void op_set_segment(struct emu_ctxt *c, enum x86_seg seg, const struct x86_segment *s)
{
	vmx_set_segment(vcpu_of(c), seg, s);
}

static void op_get_gdt(struct emu_ctxt *c, struct x86_table *t)
{
	vmx_get_gdt(vcpu_of(c), t);
}

static void op_set_gdt(struct emu_ctxt *c, const struct x86_table *t)
{
	vmx_set_gdt(vcpu_of(c), t);
}

static void op_get_idt(struct emu_ctxt *c, struct x86_table *t)
{
	vmx_get_idt(vcpu_of(c), t);
}

static void op_set_idt(struct emu_ctxt *c, const struct x86_table *t)
{
	vmx_set_idt(vcpu_of(c), t);
}

static u64 op_get_cr(struct emu_ctxt *c, int cr)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);

	switch (cr) {
	case 0:
		return kvm_cr0_read(vcpu);
	case 2:
		return vcpu->cr.cr2;
	case 3:
		return kvm_cr3_read(vcpu);
	case 4:
		return kvm_cr4_read(vcpu);
	}
	return kvm_get_cr8(vcpu);
}

static enum emu_status op_set_cr(struct emu_ctxt *c, int cr, u64 val)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);

	kvm_forget_translations(vcpu);
	switch (cr) {
	case 0:
		return gp_if(c, kvm_set_cr0(vcpu, val));
	case 2:
		vcpu->cr.cr2 = val;
		return EMU_OK;
	case 3:
		return gp_if(c, kvm_set_cr3(vcpu, val));
	case 4:
		return gp_if(c, kvm_set_cr4(vcpu, val));
	}
	return gp_if(c, kvm_set_cr8(vcpu, val));
}

static u64 op_get_dr(struct emu_ctxt *c, int dr)
{
	return kvm_get_dr(vcpu_of(c), dr);
}

static enum emu_status op_set_dr(struct emu_ctxt *c, int dr, u64 val)
{
	return gp_if(c, kvm_set_dr(vcpu_of(c), dr, val));
}

static enum emu_status msr_status(struct emu_ctxt *c, enum kvm_msr_answer answer,
				  int (*complete)(struct kvm_vcpu *vcpu))
{
	if (answer != KVM_MSR_TO_USER)
		return gp_if(c, answer == KVM_MSR_GP);
	kvm_complete_later(vcpu_of(c), complete);
	return EMU_IO;
}

static enum emu_status op_get_msr(struct emu_ctxt *c, u32 msr, u64 *val)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);

	if (is_insn(c, OPCODE_RDMSR))
		return msr_status(c, kvm_guest_rdmsr(vcpu, msr, val),
				  kvm_complete_emulated_rdmsr);
	return gp_if(c, kvm_get_msr(vcpu, msr, val, false));
}

static enum emu_status op_set_msr(struct emu_ctxt *c, u32 msr, u64 val)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);

	if (is_insn(c, OPCODE_WRMSR))
		return msr_status(c, kvm_guest_wrmsr(vcpu, msr, val),
				  kvm_complete_emulated_wrmsr);
	return gp_if(c, kvm_set_msr(vcpu, msr, val, false));
}

static u64 op_get_efer(struct emu_ctxt *c)
{
	return vcpu_of(c)->cr.efer;
}

static u64 op_get_xcr(struct emu_ctxt *c, u32 index)
{
	return vcpu_of(c)->fpu.xcr0;
}

static enum emu_status op_set_xcr(struct emu_ctxt *c, u32 index, u64 val)
{
	return gp_if(c, kvm_set_xcr(vcpu_of(c), index, val));
}

static enum emu_status op_rdpmc(struct emu_ctxt *c, u32 index, u64 *val)
{
	return fault(c, GP_VECTOR, true, 0);
}

static u64 op_rdtsc(struct emu_ctxt *c, u32 *aux)
{
	if (aux)
		*aux = vcpu_of(c)->msr.tsc_aux;
	return kvm_read_guest_tsc(vcpu_of(c));
}

static void op_cpuid(struct emu_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	kvm_cpuid(vcpu_of(c), eax, ebx, ecx, edx);
}

static enum emu_status op_halt(struct emu_ctxt *c)
{
	vcpu_of(c)->io.halt = true;
	return EMU_OK;
}

static enum emu_status op_invlpg(struct emu_ctxt *c, u64 la)
{
	vmx_flush_guest_tlb(vcpu_of(c));
	return EMU_OK;
}

static enum emu_status op_wbinvd(struct emu_ctxt *c)
{
	kvm_wbinvd(vcpu_of(c));
	return EMU_OK;
}

static enum emu_status op_hypercall(struct emu_ctxt *c)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);

	/* The instruction has not touched a register yet. */
	kvm_hypercall_slow(vcpu, NULL);
	c->gpr[KVM_REG_RAX] = vcpu->regs.gpr[KVM_REG_RAX];
	return EMU_OK;
}

static bool op_cpu_has(struct emu_ctxt *c, enum emu_feature f)
{
	return f == EMU_BMI1 ? boot_cpu_has(X86_FEATURE_BMI1) : boot_cpu_has(X86_FEATURE_BMI2);
}

const struct emu_ops kvm_emu_ops = {
	.fetch = kvm_emu_fetch,
	.read = kvm_emu_read,
	.write = kvm_emu_write,
	.cmpxchg = kvm_emu_cmpxchg,
	.probe = kvm_emu_probe,
	.pio_in = op_pio_in,
	.pio_out = op_pio_out,
	.get_segment = op_get_segment,
	.set_segment = op_set_segment,
	.get_gdt = op_get_gdt,
	.set_gdt = op_set_gdt,
	.get_idt = op_get_idt,
	.set_idt = op_set_idt,
	.get_cr = op_get_cr,
	.set_cr = op_set_cr,
	.get_dr = op_get_dr,
	.set_dr = op_set_dr,
	.get_msr = op_get_msr,
	.set_msr = op_set_msr,
	.get_efer = op_get_efer,
	.get_xcr = op_get_xcr,
	.set_xcr = op_set_xcr,
	.rdpmc = op_rdpmc,
	.rdtsc = op_rdtsc,
	.cpuid = op_cpuid,
	.halt = op_halt,
	.invlpg = op_invlpg,
	.wbinvd = op_wbinvd,
	.hypercall = op_hypercall,
	.cpu_has = op_cpu_has,
	.get_vec = kvm_emu_get_vec,
	.set_vec = kvm_emu_set_vec,
	.fxsave = kvm_emu_fxsave,
	.fxrstor = kvm_emu_fxrstor,
};
