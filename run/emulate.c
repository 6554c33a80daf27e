// SPDX-License-Identifier: GPL-2.0-only
/* The emulator's callbacks on a vCPU, and what becomes of its answers. */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>
#include <asm/trapnr.h>
#include "cpuid.h"
#include "events.h"
#include "io.h"
#include "irqchip.h"
#include "mmu.h"
#include "params.h"
#include "regs.h"
#include "run.h"
#include "state.h"
#include "trace.h"
#include "vcpu.h"

#define FORCED_CLEARS_RF	2
#define FORCED_PREFIX_LEN	5

static struct kvm_vcpu *vcpu_of(struct emu_ctxt *c)
{
	return c->priv;
}

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

/*
 * An instruction that changes the privilege level reaches for the inner stack with
 * the new one, before the CPU has it. Not inlined: most accesses are known without a
 * walk, and its variables would cost each of them stack and saved registers.
 */
static noinline enum emu_status walk(struct emu_ctxt *c, u64 la, u32 acc, gpa_t *gpa)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);
	struct kvm_io_page *tr = &vcpu->io.tr[!!(acc & X86_ACC_WRITE)];
	bool keep = c->cpl == vcpu->io.cpl && !(acc & ~X86_ACC_WRITE);
	enum emu_status s;

	if (c->cpl != vcpu->io.cpl && !(acc & X86_ACC_SYSTEM))
		acc |= c->cpl == 3 ? KVM_WALK_USER : X86_ACC_SYSTEM;
	/* A TSS or descriptor table on a device is nothing the architecture has. */
	if (c->switching)
		kvm_io_refuse(vcpu);
	s = kvm_walk_guest(vcpu, la, acc, gpa, &c->fault);
	if (s == EMU_OK && keep) {
		tr->known = true;
		tr->device = false;
		tr->la_page = la & PAGE_MASK;
		tr->gpa_page = *gpa & PAGE_MASK;
	}
	return s;
}

static enum emu_status translate(struct emu_ctxt *c, u64 la, u32 acc, gpa_t *gpa)
{
	const struct kvm_io_state *io = &vcpu_of(c)->io;
	const struct kvm_io_page *tr = &io->tr[!!(acc & X86_ACC_WRITE)];

	if (tr->known && (la & PAGE_MASK) == tr->la_page && !(acc & ~X86_ACC_WRITE) &&
	    c->cpl == io->cpl) {
		*gpa = tr->gpa_page | (la & ~PAGE_MASK);
		return EMU_OK;
	}
	return walk(c, la, acc, gpa);
}

/* No use looking for memory again where the CPU just found none. */
static bool known_device(const struct kvm_io_state *io, gpa_t gpa, bool write)
{
	return io->tr[write].known && io->tr[write].device &&
	       (gpa & PAGE_MASK) == io->tr[write].gpa_page;
}

/* An access of up to 64 bytes lies in two pages at most; both translate before one is touched. */
struct span {
	unsigned int n;
	struct { gpa_t gpa; unsigned int len; } part[2];
};

static enum emu_status make_span(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc,
				 struct span *sp)
{
	unsigned int first = min_t(unsigned int, len, PAGE_SIZE - (la & ~PAGE_MASK));
	enum emu_status s;

	sp->n = first == len ? 1 : 2;
	sp->part[0].len = first;
	sp->part[1].len = len - first;
	s = translate(c, la, acc, &sp->part[0].gpa);
	if (s != EMU_OK || sp->n == 1)
		return s;
	la += first;
	if (c->mode != EMU_MODE_PROT64)
		la = (u32)la;
	return translate(c, la, acc, &sp->part[1].gpa);
}

static enum emu_status read_page(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len)
{
	if (!known_device(&vcpu->io, gpa, false) && !kvm_read_guest(vcpu->kvm, gpa, buf, len))
		return EMU_OK;
	return kvm_io_read(vcpu, gpa, buf, len);
}

static enum emu_status write_page(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf,
				  unsigned int len)
{
	if (!known_device(&vcpu->io, gpa, true) && !kvm_write_guest(vcpu->kvm, gpa, buf, len))
		return EMU_OK;
	return kvm_io_write(vcpu, gpa, buf, len);
}

/* Either way, apart for what it has on the stack. */
static noinline enum emu_status access_span(struct emu_ctxt *c, u64 la, void *to, const void *from,
					    unsigned int len, u32 acc)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);
	unsigned int i, n, done = 0;
	struct span sp;
	enum emu_status s = make_span(c, la, len, acc, &sp);

	for (i = 0; s == EMU_OK && i < sp.n; i++, done += n) {
		n = sp.part[i].len;
		s = to ? read_page(vcpu, sp.part[i].gpa, to + done, n)
		       : write_page(vcpu, sp.part[i].gpa, from + done, n);
	}
	return s;
}

static bool in_one_page(u64 la, unsigned int len)
{
	return (la & ~PAGE_MASK) + len <= PAGE_SIZE;
}

static enum emu_status op_read(struct emu_ctxt *c, u64 la, void *buf, unsigned int len, u32 acc)
{
	enum emu_status s;
	gpa_t gpa;

	if (!in_one_page(la, len))
		return access_span(c, la, buf, NULL, len, acc);
	s = translate(c, la, acc, &gpa);
	return s == EMU_OK ? read_page(vcpu_of(c), gpa, buf, len) : s;
}

static enum emu_status op_write(struct emu_ctxt *c, u64 la, const void *buf, unsigned int len,
				u32 acc)
{
	enum emu_status s;
	gpa_t gpa;

	acc |= X86_ACC_WRITE;
	if (!in_one_page(la, len))
		return access_span(c, la, NULL, buf, len, acc);
	s = translate(c, la, acc, &gpa);
	return s == EMU_OK ? write_page(vcpu_of(c), gpa, buf, len) : s;
}

static enum emu_status op_fetch(struct emu_ctxt *c, u64 la, void *buf, unsigned int len)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);
	struct span sp;
	enum emu_status s = make_span(c, la, len, X86_ACC_FETCH, &sp);
	/* @buf may be in the vCPU object, which is not for copies from user space. */
	u8 bytes[EMU_MAX_INSN], *to = bytes;
	unsigned int i;

	for (i = 0; s == EMU_OK && i < sp.n; i++) {
		/* Instructions are not fetched from devices. */
		if (kvm_read_guest(vcpu->kvm, sp.part[i].gpa, to, sp.part[i].len))
			s = EMU_FAIL;
		to += sp.part[i].len;
	}
	if (s == EMU_OK)
		memcpy(buf, bytes, len);
	return s;
}

static enum emu_status op_cmpxchg(struct emu_ctxt *c, u64 la, const void *old, const void *new,
				  unsigned int len)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);
	struct span sp;
	enum emu_status s = make_span(c, la, len, X86_ACC_WRITE, &sp);

	if (s != EMU_OK)
		return s;
	/* A device or a split lock: no other bus master is held off. */
	if (sp.n == 1 && !(la & (len - 1))) {
		switch (kvm_cmpxchg_guest(vcpu->kvm, sp.part[0].gpa, old, new, len)) {
		case 0:
			return EMU_OK;
		case -EAGAIN:
			return EMU_RETRY;
		}
	}
	return op_write(c, la, new, len, 0);
}

static enum emu_status op_probe(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc)
{
	struct span sp;
	enum emu_status s = make_span(c, la, len, acc, &sp);

	if (s == EMU_OK)
		c->probed_device = !kvm_gpa_is_memory(vcpu_of(c)->kvm, sp.part[0].gpa,
						      acc & X86_ACC_WRITE);
	return s;
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

/* In the two-byte map; instructions other than RDMSR and WRMSR reach MSRs without the filter. */
#define OPCODE_SYSCALL	0x05
#define OPCODE_SYSRET	0x07
#define OPCODE_WRMSR	0x30
#define OPCODE_RDMSR	0x32

static bool is_insn(const struct emu_ctxt *c, u8 opcode)
{
	return c->insn.map == 1 && c->insn.opcode == opcode;
}

static enum emu_status msr_status(struct emu_ctxt *c, enum emu_status s,
				  int (*complete)(struct kvm_vcpu *vcpu))
{
	if (s == EMU_FAULT)
		return fault(c, GP_VECTOR, true, 0);
	if (s == EMU_IO)
		kvm_complete_later(vcpu_of(c), complete);
	return s;
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

static const struct emu_ops vcpu_emu_ops = {
	.fetch = op_fetch,
	.read = op_read,
	.write = op_write,
	.cmpxchg = op_cmpxchg,
	.probe = op_probe,
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

static void set_up(struct kvm_vcpu *vcpu)
{
	struct emu_ctxt *c = &vcpu->emu;

	c->ops = &vcpu_emu_ops;
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

static int finish(struct kvm_vcpu *vcpu, enum emu_status s)
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

static int execute(struct kvm_vcpu *vcpu)
{
	enum emu_status s = emu_execute(&vcpu->emu);

	vcpu->stat.insn_emulation++;
	return finish(vcpu, s);
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
	set_up(vcpu);
	s = emu_decode(&vcpu->emu, bytes, len);
	return s == EMU_OK ? execute(vcpu) : finish(vcpu, s);
}

/* DR6 bits of the breakpoints on the instruction at RIP; *@debugger: they are its own. */
static u64 code_breakpoints(struct kvm_vcpu *vcpu, bool *debugger)
{
	const u64 *dr = vcpu->debug.dr;
	u64 la = kvm_linear_rip(vcpu), dr7 = vcpu->debug.dr7, hit = 0;
	int i;

	*debugger = vcpu->debug.flags & KVM_GUESTDBG_USE_HW_BP;
	if (*debugger) {
		dr = vcpu->debug.user_dr;
		dr7 = vcpu->debug.user_dr[7];
	}
	if (kvm_rflags_read(vcpu) & X86_EFLAGS_RF)
		return 0;
	for (i = 0; i < 4; i++)
		if ((dr7 >> 2 * i & 3) && !(dr7 >> (16 + 4 * i) & 15) && dr[i] == la)
			hit |= BIT_ULL(i);
	return hit;
}

/*
 * VMMCALL, by a guest that takes this for the other vendor's CPU: it becomes VMCALL, if the
 * guest may write there, and is executed again.
 */
static bool fix_hypercall(struct kvm_vcpu *vcpu)
{
	static const u8 vmmcall[] = { 0x0f, 0x01, 0xd9 };
	u64 la = kvm_linear_rip(vcpu);
	u8 bytes[sizeof(vmmcall)];
	const u8 vmcall = 0xc1;
	struct span sp;

	if (kvm_quirk_off(vcpu->kvm, KVM_X86_QUIRK_FIX_HYPERCALL_INSN) ||
	    op_fetch(&vcpu->emu, la, bytes, sizeof(bytes)) != EMU_OK ||
	    memcmp(bytes, vmmcall, sizeof(bytes)) ||
	    make_span(&vcpu->emu, la, sizeof(bytes), X86_ACC_WRITE, &sp) != EMU_OK)
		return false;
	/* Only the last byte differs. */
	return !kvm_write_guest(vcpu->kvm, sp.part[sp.n - 1].gpa + sp.part[sp.n - 1].len - 1,
				&vmcall, 1);
}

static bool at_forced_prefix(struct kvm_vcpu *vcpu)
{
	static const u8 prefix[FORCED_PREFIX_LEN] = { 0x0f, 0x0b, 'k', 'v', 'm' };
	u64 la = kvm_linear_rip(vcpu);
	u8 bytes[EMU_MAX_INSN];

	if (!READ_ONCE(kvmx_force_emulation_prefix))
		return false;
	/* It may reach into the next page. */
	if (kvm_fetch_code(vcpu, la, bytes) < sizeof(prefix) &&
	    op_fetch(&vcpu->emu, la, bytes, sizeof(prefix)) != EMU_OK)
		return false;
	return !memcmp(bytes, prefix, sizeof(prefix));
}

/* The exit has set RF, which hides breakpoints on what follows unless the parameter clears it. */
static int emulate_forced(struct kvm_vcpu *vcpu)
{
	u8 bytes[EMU_MAX_INSN];
	enum emu_status s;
	bool debugger;
	u64 hit, rip = kvm_rip_read(vcpu) + FORCED_PREFIX_LEN;

	kvm_rip_write(vcpu, vcpu->emu.mode == EMU_MODE_PROT64 ? rip : (u32)rip);
	if (READ_ONCE(kvmx_force_emulation_prefix) & FORCED_CLEARS_RF)
		vmx_set_rflags(vcpu, kvm_rflags_read(vcpu) & ~X86_EFLAGS_RF);
	hit = code_breakpoints(vcpu, &debugger);
	if (hit && debugger)
		return kvm_debug_exit(vcpu, DB_VECTOR, hit | DR6_RESET);
	if (hit) {
		kvm_queue_exception_p(vcpu, DB_VECTOR, hit);
		return 1;
	}
	kvm_io_begin(vcpu);
	/* The rest is as kvm_handle_ud() has set it up. */
	vcpu->emu.rip = kvm_rip_read(vcpu);
	vcpu->emu.rflags = kvm_rflags_read(vcpu);
	s = emu_decode(&vcpu->emu, bytes, kvm_fetch_code(vcpu, kvm_linear_rip(vcpu), bytes));
	if (s == EMU_FAIL) {
		kvm_queue_exception(vcpu, UD_VECTOR);
		return 1;
	}
	return s == EMU_OK ? execute(vcpu) : finish(vcpu, s);
}

/* SYSCALL or SYSRET outside of 64-bit mode, which the CPU that the guest sees has there. */
static bool is_other_vendors(struct kvm_vcpu *vcpu)
{
	u8 bytes[2];

	return vcpu->emu.vendor_amd && vcpu->emu.mode != EMU_MODE_PROT64 &&
	       op_fetch(&vcpu->emu, kvm_linear_rip(vcpu), bytes, sizeof(bytes)) == EMU_OK &&
	       bytes[0] == 0x0f && (bytes[1] == OPCODE_SYSCALL || bytes[1] == OPCODE_SYSRET);
}

/**
 * kvm_handle_ud - #UD of the guest
 * @vcpu: loaded vCPU, kvm->srcu held
 *
 * It may be the forced-emulation prefix, UD2 and "kvm", or a hypercall or system call of
 * another kind of CPU. All else, and what the emulator does not do, is #UD.
 *
 * Return: 1 to go on, 0 to user space.
 */
int kvm_handle_ud(struct kvm_vcpu *vcpu)
{
	set_up(vcpu);
	if (at_forced_prefix(vcpu))
		return emulate_forced(vcpu);
	if (is_other_vendors(vcpu))
		return kvm_emulate_instruction(vcpu, NULL, 0);
	if (!fix_hypercall(vcpu))
		kvm_queue_exception(vcpu, UD_VECTOR);
	return 1;
}

/* What was decoded the first time is executed again, whatever memory holds by now. */
int kvm_emulate_again(struct kvm_vcpu *vcpu)
{
	vcpu->io.next = 0;
	vcpu->io.deferred = false;
	vcpu->io.out = false;
	set_up(vcpu);
	return execute(vcpu);
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
	set_up(vcpu);
	memset(&vcpu->emu.insn, 0, sizeof(vcpu->emu.insn));
	s = emu_task_switch(&vcpu->emu, selector, idt_vector, reason, has_error, error_code);
	return finish(vcpu, s);
}
