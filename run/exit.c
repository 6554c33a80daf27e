// SPDX-License-Identifier: GPL-2.0-only
/*
 * VM exits, by basic exit reason (SDM 3D appendix C). A handler answers 1 to go
 * on in the guest, 0 with kvm_run filled to go to user space, or -errno.
 */
#include <linux/sched.h>
#include <asm/cpu.h>
#include <asm/msr.h>
#include <asm/trapnr.h>
#include "bus.h"
#include "cpuid.h"
#include "events.h"
#include "io.h"
#include "irqchip.h"
#include "kick.h"
#include "mmu.h"
#include "regs.h"
#include "run.h"
#include "trace.h"
#include "vmx/internal.h"
#include "vmx/qual.h"

static u64 exit_qual(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_EXIT_QUAL))
		vmx_cache_reg(vcpu, KVM_REG_EXIT_QUAL);
	return vcpu->vmx.exit_qual;
}

/**
 * kvm_debug_exit - KVM_EXIT_DEBUG
 * @vcpu: loaded vCPU with a debugger outside
 * @exception: DB_VECTOR or BP_VECTOR
 * @dr6: what the debugger is shown of it
 *
 * Return: 0
 */
int kvm_debug_exit(struct kvm_vcpu *vcpu, u32 exception, u64 dr6)
{
	struct kvm_debug_exit_arch *d = &vcpu->run->debug.arch;

	/* A step's own shadow ends with it. */
	vmx_set_interrupt_shadow(vcpu, vmx_interrupt_shadow(vcpu));
	vcpu->run->exit_reason = KVM_EXIT_DEBUG;
	d->exception = exception;
	d->pc = kvm_linear_rip(vcpu);
	d->dr6 = dr6;
	d->dr7 = kvm_dr7_in_force(vcpu);
	return 0;
}

/**
 * kvm_advance_rip - the instruction at RIP has been done, outside the CPU
 * @vcpu: loaded vCPU
 * @rip: where it goes on
 *
 * Return: 1, or 0 for a debugger's single step.
 */
int kvm_advance_rip(struct kvm_vcpu *vcpu, u64 rip)
{
	kvm_rip_write(vcpu, rip);
	vcpu->regs.skipped = true;
	if (vcpu->debug.flags & KVM_GUESTDBG_SINGLESTEP)
		return kvm_debug_exit(vcpu, DB_VECTOR, DR6_BS | DR6_RESET);
	if (kvm_rflags_read(vcpu) & X86_EFLAGS_TF)
		kvm_queue_exception_p(vcpu, DB_VECTOR, DR6_BS);
	return 1;
}

int kvm_skip_instruction(struct kvm_vcpu *vcpu)
{
	return kvm_advance_rip(vcpu, vmx_next_rip(vcpu));
}

/** kvm_inject_gp - #GP(0) for the guest; 1, to go on there with it */
int kvm_inject_gp(struct kvm_vcpu *vcpu)
{
	kvm_queue_exception_e(vcpu, GP_VECTOR, 0);
	return 1;
}

static int inject_ud(struct kvm_vcpu *vcpu)
{
	kvm_queue_exception(vcpu, UD_VECTOR);
	return 1;
}

/* @fault: 1 where the write is not allowed */
static int skip_or_gp(struct kvm_vcpu *vcpu, int fault)
{
	return fault ? kvm_inject_gp(vcpu) : kvm_skip_instruction(vcpu);
}

static int internal_error(struct kvm_vcpu *vcpu, u32 suberror, const u64 *data, int n)
{
	struct kvm_run *run = vcpu->run;
	int i;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = n;
	for (i = 0; i < n; i++)
		run->internal.data[i] = data[i];
	return 0;
}

static int unexpected_exit(struct kvm_vcpu *vcpu)
{
	const u64 data[] = { vcpu->vmx.exit_reason, vcpu->kick.cpu };

	return internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, data, 2);
}

/* An event was being delivered, and what stopped it cannot be done and redone. */
static int delivery_error(struct kvm_vcpu *vcpu)
{
	const u64 data[] = {
		vcpu->vmx.idt_vectoring, vcpu->vmx.exit_reason, exit_qual(vcpu),
		vmcs_read64(GUEST_PHYSICAL_ADDRESS), vcpu->kick.cpu,
	};

	return internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV, data, ARRAY_SIZE(data));
}

static int fail_entry(struct kvm_vcpu *vcpu, u64 reason)
{
	struct kvm_run *run = vcpu->run;

	vmx_explain_failed_entry(vcpu, reason);
	vmx_cancel_injection(vcpu);
	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = reason;
	run->fail_entry.cpu = vcpu->kick.cpu;
	return 0;
}

static int handle_db(struct kvm_vcpu *vcpu)
{
	/* The qualification has the DR6 bits that became true; DR6 itself is unchanged. */
	u64 dr6 = exit_qual(vcpu);

	if (vcpu->debug.flags & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP))
		return kvm_debug_exit(vcpu, DB_VECTOR, dr6 | DR6_RESET);
	if ((vcpu->vmx.exit_intr_info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION)
		kvm_rip_write(vcpu, vmx_next_rip(vcpu));
	/* It may have been taken in the shadow, and is no longer pending. */
	vmx_match_pending_step(vcpu);
	kvm_queue_exception_p(vcpu, DB_VECTOR, dr6);
	return 1;
}

static int handle_bp(struct kvm_vcpu *vcpu)
{
	/* The breakpoint is the debugger's; RIP stays at it. */
	vcpu->events.soft_insn_len = vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
	return kvm_debug_exit(vcpu, BP_VECTOR, 0);
}

/* Not the guest's own alignment check: the host watches for split locks. */
static bool is_split_lock(struct kvm_vcpu *vcpu)
{
	return boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT) &&
	       !(vmx_cpl(vcpu) == 3 && (kvm_cr0_read(vcpu) & X86_CR0_AM) &&
		 (kvm_rflags_read(vcpu) & X86_EFLAGS_AC));
}

static int handle_ac(struct kvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (!is_split_lock(vcpu)) {
		kvm_queue_exception_e(vcpu, AC_VECTOR, 0);
		return 1;
	}
	/* The host lets it pass, more slowly, or wants the task gone. */
	if (handle_guest_split_lock(kvm_rip_read(vcpu)))
		return 1;
	run->exit_reason = KVM_EXIT_EXCEPTION;
	run->ex.exception = AC_VECTOR;
	run->ex.error_code = 0;
	return 0;
}

static int handle_exception(struct kvm_vcpu *vcpu)
{
	u32 info;

	if (!kvm_reg_is_avail(vcpu, KVM_REG_EXIT_INTR_INFO))
		vmx_cache_reg(vcpu, KVM_REG_EXIT_INTR_INFO);
	info = vcpu->vmx.exit_intr_info;
	/* The fault of an IRET had already unblocked NMIs (SDM 3C 28.2.2). */
	if ((info & INTR_INFO_UNBLOCK_NMI) && !(vcpu->vmx.idt_vectoring & INTR_INFO_VALID_MASK) &&
	    (info & INTR_INFO_VECTOR_MASK) != DF_VECTOR)
		vmx_set_nmi_masked(vcpu, true);
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR)
		return 1;
	switch (info & INTR_INFO_VECTOR_MASK) {
	case MC_VECTOR:
		return 1;
	case DB_VECTOR:
		return handle_db(vcpu);
	case BP_VECTOR:
		return handle_bp(vcpu);
	case AC_VECTOR:
		return handle_ac(vcpu);
	case UD_VECTOR:
		return kvm_handle_ud(vcpu);
	}
	if (info & INTR_INFO_DELIVER_CODE_MASK)
		kvm_queue_exception_e(vcpu, info & INTR_INFO_VECTOR_MASK,
				      vmcs_read32(VM_EXIT_INTR_ERROR_CODE));
	else
		kvm_queue_exception(vcpu, info & INTR_INFO_VECTOR_MASK);
	return 1;
}

int kvm_handle_interrupt_window(struct kvm_vcpu *vcpu)
{
	vcpu->stat.irq_window_exits++;
	vmx_proc_clear(vcpu, CPU_BASED_INTR_WINDOW_EXITING);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return 1;
}

static int handle_nmi_window(struct kvm_vcpu *vcpu)
{
	vcpu->stat.nmi_window_exits++;
	vmx_proc_clear(vcpu, CPU_BASED_NMI_WINDOW_EXITING);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return 1;
}

void kvm_emulate_cpuid(struct kvm_vcpu *vcpu)
{
	u32 eax = vcpu->regs.gpr[KVM_REG_RAX], ecx = vcpu->regs.gpr[KVM_REG_RCX];
	u32 ebx, edx;

	kvm_cpuid(vcpu, &eax, &ebx, &ecx, &edx);
	vcpu->regs.gpr[KVM_REG_RAX] = eax;
	vcpu->regs.gpr[KVM_REG_RBX] = ebx;
	vcpu->regs.gpr[KVM_REG_RCX] = ecx;
	vcpu->regs.gpr[KVM_REG_RDX] = edx;
}

static int handle_cpuid(struct kvm_vcpu *vcpu)
{
	if (kvm_cpuid_faults(vcpu))
		return kvm_inject_gp(vcpu);
	kvm_emulate_cpuid(vcpu);
	return kvm_skip_instruction(vcpu);
}

static int handle_hlt(struct kvm_vcpu *vcpu)
{
	if (!kvm_skip_instruction(vcpu))
		return 0;
	/* A pending trap comes before the halt. */
	if (vcpu->events.exc.pending)
		return 1;
	return kvm_vcpu_halt(vcpu);
}

static int handle_task_switch(struct kvm_vcpu *vcpu)
{
	struct kvm_events *e = &vcpu->events;
	u32 vectoring = vcpu->vmx.idt_vectoring;
	u32 type = vectoring & INTR_INFO_INTR_TYPE_MASK;
	u64 qual = exit_qual(vcpu);
	int source = FIELD_GET(QUAL_TASK_SOURCE, qual), vector = -1;
	bool hard_event = false, has_error = false;
	u32 error_code = 0;

	if (source == QUAL_TASK_GATE && (vectoring & INTR_INFO_VALID_MASK)) {
		vector = vectoring & INTR_INFO_VECTOR_MASK;
		hard_event = type == INTR_TYPE_EXT_INTR || type == INTR_TYPE_NMI_INTR ||
			     type == INTR_TYPE_HARD_EXCEPTION;
		has_error = type == INTR_TYPE_HARD_EXCEPTION && e->exc.has_error;
		error_code = e->exc.error_code;
		/* The switch is the event's delivery. */
		e->exc.injected = false;
		e->intr.injected = false;
		if (e->nmi_injected)
			vmx_set_nmi_masked(vcpu, true);
		e->nmi_injected = false;
	}
	/* The old task goes on after the instruction that switched. */
	if (!hard_event)
		kvm_rip_write(vcpu, vmx_next_rip(vcpu));
	return kvm_task_switch(vcpu, FIELD_GET(QUAL_TASK_TSS, qual),
			       type == INTR_TYPE_SOFT_INTR ? vector : -1, source, has_error,
			       error_code);
}

static int handle_mov_to_cr(struct kvm_vcpu *vcpu, int cr, u64 val)
{
	u8 old = kvm_get_cr8(vcpu);

	trace_kvm_cr(1, cr, val);
	switch (cr) {
	case 0:
		return skip_or_gp(vcpu, kvm_set_cr0(vcpu, val));
	case 3:
		return skip_or_gp(vcpu, kvm_set_cr3(vcpu, val));
	case 4:
		return skip_or_gp(vcpu, kvm_set_cr4(vcpu, val));
	case 8:
		if (kvm_set_cr8(vcpu, val))
			return kvm_inject_gp(vcpu);
		if (!kvm_skip_instruction(vcpu))
			return 0;
		if (vcpu->apic) {
			kvm_make_request(vcpu, KVM_REQ_EVENT);
			return 1;
		}
		if (vcpu->cr.cr8 >= old)
			return 1;
		/* A lower TPR may let an interrupt of user space's APIC in. */
		vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
		return 0;
	}
	return unexpected_exit(vcpu);
}

static int handle_mov_from_cr(struct kvm_vcpu *vcpu, int cr, int reg)
{
	u64 val = cr == 3 ? kvm_cr3_read(vcpu) : kvm_get_cr8(vcpu);

	trace_kvm_cr(0, cr, val);
	kvm_gpr_write(vcpu, reg, val);
	return kvm_skip_instruction(vcpu);
}

static u64 gpr_in_mode(struct kvm_vcpu *vcpu, int reg)
{
	u64 val = kvm_gpr_read(vcpu, reg);

	return vmx_is_64bit_mode(vcpu) ? val : (u32)val;
}

#define LMSW_BITS	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS)

static int handle_cr(struct kvm_vcpu *vcpu)
{
	u64 qual = exit_qual(vcpu), cr0;
	int cr = FIELD_GET(QUAL_CR_NUMBER, qual), reg = FIELD_GET(QUAL_CR_GPR, qual);

	switch (FIELD_GET(QUAL_CR_ACCESS, qual)) {
	case QUAL_CR_MOV_TO:
		return handle_mov_to_cr(vcpu, cr, gpr_in_mode(vcpu, reg));
	case QUAL_CR_MOV_FROM:
		return handle_mov_from_cr(vcpu, cr, reg);
	case QUAL_CR_CLTS:
		cr0 = kvm_cr0_read(vcpu) & ~X86_CR0_TS;
		break;
	default:
		/* LMSW sets PE but never clears it. */
		cr0 = (kvm_cr0_read(vcpu) & ~(LMSW_BITS & ~X86_CR0_PE)) |
		      (FIELD_GET(QUAL_CR_LMSW_DATA, qual) & LMSW_BITS);
		break;
	}
	trace_kvm_cr(1, 0, cr0);
	return skip_or_gp(vcpu, kvm_set_cr0(vcpu, cr0));
}

static int handle_dr(struct kvm_vcpu *vcpu)
{
	u64 qual = exit_qual(vcpu);
	int dr = FIELD_GET(QUAL_DR_NUMBER, qual), reg = FIELD_GET(QUAL_DR_GPR, qual);
	u64 dr7 = kvm_dr7_in_force(vcpu);

	if ((dr == 4 || dr == 5) && (kvm_cr4_read(vcpu) & X86_CR4_DE))
		return inject_ud(vcpu);
	if (vmx_cpl(vcpu))
		return kvm_inject_gp(vcpu);
	if (dr7 & DR7_GD) {
		if (vcpu->debug.flags & KVM_GUESTDBG_USE_HW_BP)
			return kvm_debug_exit(vcpu, DB_VECTOR, DR6_BD | DR6_RESET);
		kvm_queue_exception_p(vcpu, DB_VECTOR, DR6_BD);
		return 1;
	}
	if (qual & QUAL_DR_MOV_FROM) {
		kvm_gpr_write(vcpu, reg, kvm_get_dr(vcpu, dr));
		return kvm_skip_instruction(vcpu);
	}
	return skip_or_gp(vcpu, kvm_set_dr(vcpu, dr, gpr_in_mode(vcpu, reg)));
}

static int handle_io(struct kvm_vcpu *vcpu)
{
	u64 qual = exit_qual(vcpu);

	vcpu->stat.io_exits++;
	if (qual & QUAL_IO_STRING)
		return kvm_emulate_instruction(vcpu, NULL, 0);
	return kvm_fast_pio(vcpu, FIELD_GET(QUAL_IO_PORT, qual), qual_io_size(qual),
			    qual & QUAL_IO_IN);
}

static int handle_rdmsr(struct kvm_vcpu *vcpu)
{
	return kvm_emulate_rdmsr(vcpu);
}

static int handle_wrmsr(struct kvm_vcpu *vcpu)
{
	return kvm_emulate_wrmsr(vcpu);
}

static int handle_xsetbv(struct kvm_vcpu *vcpu)
{
	u64 val = (u32)vcpu->regs.gpr[KVM_REG_RAX] | vcpu->regs.gpr[KVM_REG_RDX] << 32;

	if (vmx_cpl(vcpu))
		return kvm_inject_gp(vcpu);
	return skip_or_gp(vcpu, kvm_set_xcr(vcpu, vcpu->regs.gpr[KVM_REG_RCX], val));
}

/*
 * If the access was to the translation of a linear address, the emulator need not look for it
 * again. At CPL 3 it may be one that the CPU made as supervisor, and would give the user too much.
 */
static void keep_translation(struct kvm_vcpu *vcpu, u64 qual, gpa_t gpa)
{
	if (!(qual & QUAL_EPT_LINEAR) || !(qual & QUAL_EPT_TRANSLATED) || (qual & QUAL_EPT_FETCH) ||
	    vmx_cpl(vcpu) == 3)
		return;
	kvm_io_keep_device(&vcpu->io, vmcs_readl(GUEST_LINEAR_ADDRESS), gpa,
			   qual & QUAL_EPT_WRITE);
}

/* The CPU's log is full, and has been read (run/run.c): the write is made again. */
static int handle_pml_full(struct kvm_vcpu *vcpu)
{
	if (!(vcpu->vmx.idt_vectoring & INTR_INFO_VALID_MASK) &&
	    (exit_qual(vcpu) & QUAL_EPT_UNBLOCKED_NMI))
		vmx_set_nmi_masked(vcpu, true);
	return 1;
}

static int handle_ept_violation(struct kvm_vcpu *vcpu)
{
	u64 qual = exit_qual(vcpu);
	gpa_t gpa = vmcs_read64(GUEST_PHYSICAL_ADDRESS);
	bool vectoring = vcpu->vmx.idt_vectoring & INTR_INFO_VALID_MASK;
	u32 acc = 0;
	int r;

	if (!vectoring && (qual & QUAL_EPT_UNBLOCKED_NMI))
		vmx_set_nmi_masked(vcpu, true);
	if (qual & QUAL_EPT_WRITE)
		acc |= X86_ACC_WRITE;
	if (qual & QUAL_EPT_FETCH)
		acc |= X86_ACC_FETCH;
	trace_kvm_page_fault(vcpu, gpa, qual);
	vcpu->stat.pf_taken++;
	r = kvm_mmu_page_fault(vcpu, gpa, acc);
	if (r == KVM_FAULT_FIXED) {
		vcpu->stat.pf_fixed++;
		return 1;
	}
	if (r < 0)
		return r;
	if (vectoring)
		return delivery_error(vcpu);
	keep_translation(vcpu, qual, gpa);
	return kvm_emulate_instruction(vcpu, NULL, 0);
}

/* mmu/ has marked the page: some write in it needs no look at the instruction. */
static int handle_ept_misconfig(struct kvm_vcpu *vcpu)
{
	gpa_t gpa = vmcs_read64(GUEST_PHYSICAL_ADDRESS);

	if (vcpu->vmx.idt_vectoring & INTR_INFO_VALID_MASK)
		return delivery_error(vcpu);
	if (!kvm_bus_write(vcpu, KVM_FAST_MMIO_BUS, gpa, 0, NULL)) {
		trace_kvm_fast_mmio(gpa);
		return kvm_skip_instruction(vcpu);
	}
	return kvm_emulate_instruction(vcpu, NULL, 0);
}

/* The idle hints do nothing; user space may ask for #UD where CPUID does not have them. */
static int handle_mwait(struct kvm_vcpu *vcpu)
{
	if (kvm_quirk_off(vcpu->kvm, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS) &&
	    !kvm_guest_has(vcpu, KVM_F_MONITOR))
		return inject_ud(vcpu);
	return kvm_skip_instruction(vcpu);
}

static int handle_pause(struct kvm_vcpu *vcpu)
{
	kvm_vcpu_on_spin(vcpu);
	return kvm_skip_instruction(vcpu);
}

static int handle_invlpg(struct kvm_vcpu *vcpu)
{
	vmx_flush_guest_tlb(vcpu);
	return kvm_skip_instruction(vcpu);
}

/* An access to the xAPIC's window that the CPU does not virtualize. */
static int handle_apic_access(struct kvm_vcpu *vcpu)
{
	if (vcpu->vmx.idt_vectoring & INTR_INFO_VALID_MASK)
		return delivery_error(vcpu);
	return kvm_emulate_instruction(vcpu, NULL, 0);
}

/* The instruction is done, and the value is on the page. */
static int handle_apic_write(struct kvm_vcpu *vcpu)
{
	kvm_apic_written(vcpu, exit_qual(vcpu) & QUAL_APIC_REGISTER);
	return 1;
}

static int handle_eoi_induced(struct kvm_vcpu *vcpu)
{
	kvm_apic_eoi_virtualized(vcpu, exit_qual(vcpu) & QUAL_EOI_VECTOR);
	return 1;
}

static int handle_tpr_below_threshold(struct kvm_vcpu *vcpu)
{
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return 1;
}

int kvm_handle_preemption_timer(struct kvm_vcpu *vcpu)
{
	u64 deadline = kvm_apic_timer_host_deadline(vcpu);

	if (deadline && rdtsc() >= deadline)
		kvm_apic_timer_expired(vcpu);
	return 1;
}

static int handle_triple_fault(struct kvm_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return 0;
}

static int handle_reason(struct kvm_vcpu *vcpu, u16 reason)
{
	switch (reason) {
	case EXIT_REASON_EXTERNAL_INTERRUPT:
		vcpu->stat.irq_exits++;
		return 1;
	case EXIT_REASON_INIT_SIGNAL:
	case EXIT_REASON_MCE_DURING_VMENTRY:
		return 1;
	case EXIT_REASON_EPT_VIOLATION:
		return handle_ept_violation(vcpu);
	case EXIT_REASON_EPT_MISCONFIG:
		return handle_ept_misconfig(vcpu);
	case EXIT_REASON_IO_INSTRUCTION:
		return handle_io(vcpu);
	case EXIT_REASON_MSR_WRITE:
		return handle_wrmsr(vcpu);
	case EXIT_REASON_MSR_READ:
		return handle_rdmsr(vcpu);
	case EXIT_REASON_HLT:
		return handle_hlt(vcpu);
	case EXIT_REASON_EXCEPTION_NMI:
		return handle_exception(vcpu);
	case EXIT_REASON_INTERRUPT_WINDOW:
		return kvm_handle_interrupt_window(vcpu);
	case EXIT_REASON_NMI_WINDOW:
		return handle_nmi_window(vcpu);
	case EXIT_REASON_APIC_WRITE:
		return handle_apic_write(vcpu);
	case EXIT_REASON_EOI_INDUCED:
		return handle_eoi_induced(vcpu);
	case EXIT_REASON_APIC_ACCESS:
		return handle_apic_access(vcpu);
	case EXIT_REASON_TPR_BELOW_THRESHOLD:
		return handle_tpr_below_threshold(vcpu);
	case EXIT_REASON_PREEMPTION_TIMER:
		return kvm_handle_preemption_timer(vcpu);
	case EXIT_REASON_CPUID:
		return handle_cpuid(vcpu);
	case EXIT_REASON_VMCALL:
		return kvm_handle_vmcall(vcpu);
	case EXIT_REASON_CR_ACCESS:
		return handle_cr(vcpu);
	case EXIT_REASON_DR_ACCESS:
		return handle_dr(vcpu);
	case EXIT_REASON_PAUSE_INSTRUCTION:
		return handle_pause(vcpu);
	case EXIT_REASON_TRIPLE_FAULT:
		return handle_triple_fault(vcpu);
	case EXIT_REASON_TASK_SWITCH:
		return handle_task_switch(vcpu);
	case EXIT_REASON_PML_FULL:
		return handle_pml_full(vcpu);
	case EXIT_REASON_XSETBV:
		return handle_xsetbv(vcpu);
	case EXIT_REASON_INVLPG:
		return handle_invlpg(vcpu);
	case EXIT_REASON_RDPMC:
		/* The guest has no counters. */
		return kvm_inject_gp(vcpu);
	case EXIT_REASON_INVD:
	case EXIT_REASON_WBINVD:
		kvm_wbinvd(vcpu);
		return kvm_skip_instruction(vcpu);
	case EXIT_REASON_MONITOR_INSTRUCTION:
	case EXIT_REASON_MWAIT_INSTRUCTION:
		return handle_mwait(vcpu);
	case EXIT_REASON_VMCLEAR:
	case EXIT_REASON_VMLAUNCH:
	case EXIT_REASON_VMPTRLD:
	case EXIT_REASON_VMPTRST:
	case EXIT_REASON_VMREAD:
	case EXIT_REASON_VMRESUME:
	case EXIT_REASON_VMWRITE:
	case EXIT_REASON_VMOFF:
	case EXIT_REASON_VMON:
	case EXIT_REASON_INVEPT:
	case EXIT_REASON_INVVPID:
	case EXIT_REASON_VMFUNC:
	case EXIT_REASON_ENCLS:
	case EXIT_REASON_RDTSCP:
	case EXIT_REASON_INVPCID:
	case EXIT_REASON_XSAVES:
	case EXIT_REASON_XRSTORS:
	case EXIT_REASON_UMWAIT:
	case EXIT_REASON_TPAUSE:
		return inject_ud(vcpu);
	}
	return unexpected_exit(vcpu);
}

/*
 * Exits whose handlers read nothing but this vCPU's registers, APIC and VMCS. What an interrupt
 * of the host read is known to the kernel, see vmx_l1d_flush().
 */
static bool touches_host_data(u16 reason)
{
	return reason != EXIT_REASON_EXTERNAL_INTERRUPT && reason != EXIT_REASON_CPUID &&
	       reason != EXIT_REASON_PREEMPTION_TIMER && reason != EXIT_REASON_INTERRUPT_WINDOW &&
	       reason != EXIT_REASON_NMI_WINDOW && reason != EXIT_REASON_TPR_BELOW_THRESHOLD &&
	       reason != EXIT_REASON_DR_ACCESS && reason != EXIT_REASON_INVLPG;
}

/* Exits in which an event may be in the middle of its delivery (SDM 3C 28.2.4). */
static bool may_interrupt_delivery(u16 reason)
{
	return reason == EXIT_REASON_EXCEPTION_NMI || reason == EXIT_REASON_EPT_VIOLATION ||
	       reason == EXIT_REASON_EPT_MISCONFIG ||
	       reason == EXIT_REASON_TASK_SWITCH || reason == EXIT_REASON_PML_FULL ||
	       reason == EXIT_REASON_APIC_ACCESS;
}

/**
 * kvm_handle_exit - handle the exit that kvm_enter_guest() noted
 * @vcpu: loaded vCPU
 *
 * Context: process context, interrupts on, kvm->srcu held; may sleep.
 * Return: 1 to go on, 0 to go to user space (kvm_run is filled), -errno.
 */
int kvm_handle_exit(struct kvm_vcpu *vcpu)
{
	struct kvm_vmx *vmx = &vcpu->vmx;
	u16 reason = vmx->exit_reason;

	if (vmx->handled)
		return 1;
	if (unlikely(vmx->entry_failed))
		return fail_entry(vcpu, vmcs_read32(VM_INSTRUCTION_ERROR));
	if (unlikely(vmx->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY))
		return reason == EXIT_REASON_MCE_DURING_VMENTRY ? 1 :
		       fail_entry(vcpu, vmx->exit_reason);
	vmx->idt_vectoring = vmcs_read32(IDT_VECTORING_INFO_FIELD);
	vmx_complete_events(vcpu);
	if (unlikely(vmx->idt_vectoring & INTR_INFO_VALID_MASK) &&
	    !may_interrupt_delivery(reason) &&
	    reason != EXIT_REASON_EXTERNAL_INTERRUPT && reason != EXIT_REASON_PREEMPTION_TIMER)
		return delivery_error(vcpu);
	if (touches_host_data(reason))
		vcpu->mem.host_data = true;
	return handle_reason(vcpu, reason);
}
