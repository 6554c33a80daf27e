// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entering the guest. Exits that need neither interrupts nor sleep are handled
 * in the loop here; the others are left to kvm_handle_exit().
 */
#include <linux/build_bug.h>
#include <linux/context_tracking.h>
#include <linux/entry-kvm.h>
#include <linux/hardirq.h>
#include <linux/hw_breakpoint.h>
#include <asm/apicdef.h>
#include <asm/debugreg.h>
#include <asm/fpu/xcr.h>
#include <asm/mmu_context.h>
#include <asm/mshyperv.h>
#include <asm/nospec-branch.h>
#include <asm/spec-ctrl.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include "bus.h"
#include "compat/mce.h"
#include "cpuid.h"
#include "events.h"
#include "irqchip.h"
#include "kick.h"
#include "regs.h"
#include "run.h"
#include "trace.h"
#include "vmx/entry.h"
#include "vmx/internal.h"
#include "vmx/qual.h"

int vmx_enter_asm(u64 *regs, struct vmx_entry *e);

#define GPRS_AVAIL	(((1u << KVM_NR_GPRS) - 1) & ~(1u << KVM_REG_RSP))

static_assert(offsetof(struct vmx_entry, host_rsp) == VMX_ENTRY_HOST_RSP);
static_assert(offsetof(struct vmx_entry, host_spec) == VMX_ENTRY_HOST_SPEC);
static_assert(offsetof(struct vmx_entry, guest_spec) == VMX_ENTRY_GUEST_SPEC);
static_assert(offsetof(struct vmx_entry, launched) == VMX_ENTRY_LAUNCHED);
static_assert(offsetof(struct vmx_entry, spec) == VMX_ENTRY_SPEC);
static_assert(VMX_FIELD_HOST_RSP == HOST_RSP);

/*
 * On a CPU with MMIO stale data, a guest that reaches a device's registers can read what the
 * host left in the fill buffers. The kernel says if this CPU is one, and clears them by VERW.
 */
static void clear_stale_data(const struct kvm_vcpu *vcpu)
{
	if (static_branch_unlikely(&mmio_stale_data_clear) &&
	    READ_ONCE(vcpu->kvm->assigned_files))
		x86_clear_cpu_buffers();
}

/* CR3 and CR4 of the host follow the task; SDM 3C 27.5 loads them at every exit. */
static void write_task_host_state(struct kvm_vmcs *v)
{
	u64 cr3 = __get_current_cr3_fast();
	u64 cr4 = cr4_read_shadow();

	if (v->host_cr3 != cr3) {
		v->host_cr3 = cr3;
		vmcs_writel(HOST_CR3, cr3);
	}
	if (v->host_cr4 != cr4) {
		v->host_cr4 = cr4;
		vmcs_writel(HOST_CR4, cr4);
	}
}

static bool guest_breakpoints(const struct kvm_vcpu *vcpu, const u64 **dr)
{
	if (vcpu->debug.flags & KVM_GUESTDBG_USE_HW_BP) {
		*dr = vcpu->debug.user_dr;
		return true;
	}
	*dr = vcpu->debug.dr;
	return vcpu->debug.dr7 & DR_GLOBAL_ENABLE_MASK || vcpu->debug.dr7 & DR_LOCAL_ENABLE_MASK;
}

/* Every MOV DR exits, so these never come back changed. */
static void load_breakpoints(struct kvm_vcpu *vcpu)
{
	const u64 *dr;

	if (likely(!guest_breakpoints(vcpu, &dr)))
		return;
	set_debugreg(0, 7);
	set_debugreg(dr[0], 0);
	set_debugreg(dr[1], 1);
	set_debugreg(dr[2], 2);
	set_debugreg(dr[3], 3);
}

/* What would be wrong for the kernel's own use of the FPU: only while interrupts are off. */
static void load_xstate_controls(struct kvm_vcpu *vcpu)
{
	if (vcpu->cr.cr4 & X86_CR4_OSXSAVE) {
		if (vcpu->fpu.xcr0 != kvm_host_xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->fpu.xcr0);
		if (vmx_caps.xsaves && vcpu->fpu.xss != kvm_host_xss)
			wrmsrl(MSR_IA32_XSS, vcpu->fpu.xss);
	}
	if (cpu_feature_enabled(X86_FEATURE_OSPKE) &&
	    ((vcpu->cr.cr4 & X86_CR4_PKE) || (vcpu->fpu.xcr0 & XFEATURE_MASK_PKRU))) {
		vcpu->vmx.host_pkru = rdpkru();
		if (vcpu->vmx.host_pkru != vcpu->fpu.pkru)
			wrpkru(vcpu->fpu.pkru);
	}
}

static void restore_xstate_controls(struct kvm_vcpu *vcpu)
{
	if (cpu_feature_enabled(X86_FEATURE_OSPKE) &&
	    ((vcpu->cr.cr4 & X86_CR4_PKE) || (vcpu->fpu.xcr0 & XFEATURE_MASK_PKRU))) {
		vcpu->fpu.pkru = rdpkru();
		if (vcpu->vmx.host_pkru != vcpu->fpu.pkru)
			wrpkru(vcpu->vmx.host_pkru);
	}
	if (vcpu->cr.cr4 & X86_CR4_OSXSAVE) {
		if (vcpu->fpu.xcr0 != kvm_host_xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, kvm_host_xcr0);
		if (vmx_caps.xsaves && vcpu->fpu.xss != kvm_host_xss)
			wrmsrl(MSR_IA32_XSS, kvm_host_xss);
	}
}

static void choose_spec_ctrl(struct kvm_vcpu *vcpu)
{
	struct vmx_entry *e = &vcpu->vmx.vmcs->entry_args;

	e->spec = false;
	if (!cpu_feature_enabled(X86_FEATURE_MSR_SPEC_CTRL))
		return;
	e->host_spec = this_cpu_read(x86_spec_ctrl_current);
	e->guest_spec = vcpu->msr.spec_ctrl;
	/* Legacy IBRS protects from what ran before only when it is written anew. */
	e->spec = e->host_spec != e->guest_spec || cpu_feature_enabled(X86_FEATURE_KERNEL_IBRS);
}

/*
 * User space must not run on what the guest taught the branch predictors: the kernel
 * puts an IBPB before it. Interrupts are off, so no other task can come between.
 */
static void ask_for_ibpb(void)
{
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
}

/* Whatever ran on this CPU since the last turn may have started or stopped events. */
static void forget_perf(struct kvm_vmx *vmx)
{
	vmx->nmis_seen = this_cpu_read(irq_stat.__nmi_count) - 1;
	vmx->host_debugctl = 0;
}

/*
 * While interrupts are off, only an NMI changes what perf wants; an event that another CPU
 * starts comes by an IPI, and so with an exit that ends the turn.
 */
static void ask_perf(struct kvm_vcpu *vcpu)
{
	if (unlikely(READ_ONCE(vcpu->vmx.nmis_seen) != this_cpu_read(irq_stat.__nmi_count)))
		vmx_perf_prepare(vcpu);
}

static noinstr int enter_once(struct kvm_vcpu *vcpu)
{
	int failed;

	context_tracking_guest_enter();
	if (static_branch_unlikely(&vmx_l1d_on))
		vmx_l1d_flush(vcpu);
	failed = vmx_enter_asm(vcpu->regs.gpr, &vcpu->vmx.vmcs->entry_args);
	context_tracking_guest_exit();
	return failed;
}

static void write_dirty_regs(struct kvm_vcpu *vcpu)
{
	if (vcpu->regs.dirty & (1u << KVM_REG_RIP))
		vmcs_writel(GUEST_RIP, vcpu->regs.rip);
	if (vcpu->regs.dirty & (1u << KVM_REG_RSP))
		vmcs_writel(GUEST_RSP, vcpu->regs.gpr[KVM_REG_RSP]);
	vcpu->regs.dirty = 0;
}

static void flush_if_behind(struct kvm_vcpu *vcpu)
{
	u64 gen = atomic64_read(&vcpu->kvm->mmu.tlb_gen);

	if (unlikely(vcpu->mem.tlb_gen != gen)) {
		vcpu->mem.tlb_gen = gen;
		vmx_flush_ept(vcpu->kvm);
	}
}

static void note_exit(struct kvm_vcpu *vcpu, int failed)
{
	struct kvm_vmx *vmx = &vcpu->vmx;

	vcpu->regs.avail = GPRS_AVAIL;
	vmx->seg_avail = 0;
	vcpu->regs.skipped = false;
	if (unlikely(vmx->debugctl_at_once))
		vmx_restore_debugctl(vmx);
	if (unlikely(failed)) {
		vmx->entry_failed = true;
		vmx->exit_reason = 0;
		vmx_perf_not_entered(vcpu);
		return;
	}
	vmx->exit_reason = vmcs_read32(VM_EXIT_REASON);
	if (likely(!(vmx->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY)))
		vmx->vmcs->entry_args.launched = 1;
	trace_kvm_exit(vcpu, vmx->exit_reason);
}

/*
 * For exits that an instruction makes: an event that came with the entry has been delivered
 * before it. If a trap is due, the slow path sees to it.
 */
static bool fast_path_open(struct kvm_vcpu *vcpu)
{
	if (vcpu->vmx.event_entered)
		vmx_event_arrived(vcpu);
	return !vcpu->debug.flags && !(kvm_rflags_read(vcpu) & X86_EFLAGS_TF);
}

/* The shadow of an STI before this instruction is now stale, see vmx_interrupt_shadow(). */
static void fast_skip(struct kvm_vcpu *vcpu)
{
	kvm_rip_write(vcpu, vmx_next_rip(vcpu));
	vcpu->regs.skipped = true;
}

/*
 * A timer or an IPI of the guest's own APIC; a filter of MSRs is looked up elsewhere. To wake
 * another thread, or to set a timer of the host's, is to read the host's data.
 */
static bool fast_wrmsr(struct kvm_vcpu *vcpu)
{
	u32 index = vcpu->regs.gpr[KVM_REG_RCX];
	u64 val = (u32)vcpu->regs.gpr[KVM_REG_RAX] | vcpu->regs.gpr[KVM_REG_RDX] << 32;
	bool host_timer;

	if (!vcpu->apic || rcu_access_pointer(vcpu->kvm->settings.msr_filter))
		return false;
	host_timer = vcpu->apic->timer.queued;
	if (!kvm_apic_msr_write_fast(vcpu, index, val))
		return false;
	if (host_timer || vcpu->apic->timer.queued || index == APIC_BASE_MSR + (APIC_ICR >> 4))
		vcpu->mem.host_data = true;
	trace_kvm_msr(1, index, val, false);
	return true;
}

/* OUT to a port whose device, an eventfd say, takes it here and now, and may wake a thread. */
static bool fast_out(struct kvm_vcpu *vcpu)
{
	unsigned int size;
	u64 qual;
	u16 port;

	vmx_cache_reg(vcpu, KVM_REG_EXIT_QUAL);
	qual = vcpu->vmx.exit_qual;
	port = FIELD_GET(QUAL_IO_PORT, qual);
	size = qual_io_size(qual);
	if ((qual & (QUAL_IO_IN | QUAL_IO_STRING)) ||
	    !kvm_bus_write_atomic(vcpu, KVM_PIO_BUS, port, size, &vcpu->regs.gpr[KVM_REG_RAX]))
		return false;
	vcpu->mem.host_data = true;
	trace_kvm_pio(KVM_TRACE_PIO_OUT, port, size, 1, &vcpu->regs.gpr[KVM_REG_RAX]);
	return true;
}

/* The write of an instruction, or of an event on its way in. */
static bool fast_mmio(struct kvm_vcpu *vcpu)
{
	gpa_t gpa;

	if ((vmcs_read32(IDT_VECTORING_INFO_FIELD) & INTR_INFO_VALID_MASK) ||
	    !fast_path_open(vcpu))
		return false;
	gpa = vmcs_read64(GUEST_PHYSICAL_ADDRESS);
	if (!kvm_bus_write_atomic(vcpu, KVM_FAST_MMIO_BUS, gpa, 0, NULL))
		return false;
	vcpu->mem.host_data = true;
	trace_kvm_fast_mmio(gpa);
	return true;
}

static bool handle_fast(struct kvm_vcpu *vcpu)
{
	switch (vcpu->vmx.exit_reason) {
	case EXIT_REASON_CPUID:
		if (!fast_path_open(vcpu) || kvm_cpuid_faults(vcpu))
			return false;
		kvm_emulate_cpuid(vcpu);
		break;
	case EXIT_REASON_VMCALL:
		if (!fast_path_open(vcpu) || !kvm_hypercall(vcpu))
			return false;
		break;
	case EXIT_REASON_MSR_WRITE:
		if (!fast_path_open(vcpu) || !fast_wrmsr(vcpu))
			return false;
		break;
	case EXIT_REASON_IO_INSTRUCTION:
		if (!fast_path_open(vcpu) || !fast_out(vcpu))
			return false;
		break;
	case EXIT_REASON_EPT_MISCONFIG:
		if (!fast_mmio(vcpu))
			return false;
		break;
	case EXIT_REASON_INTERRUPT_WINDOW:
		if (vcpu->vmx.event_entered)
			vmx_event_arrived(vcpu);
		return kvm_handle_interrupt_window(vcpu);
	case EXIT_REASON_PREEMPTION_TIMER:
		return !vcpu->vmx.event_entered && kvm_handle_preemption_timer(vcpu);
	default:
		return false;
	}
	fast_skip(vcpu);
	return true;
}

/* Without a kick, a request or work for the host the guest goes on. */
static bool may_go_on(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->kick.mode) == IN_GUEST_MODE && !kvm_request_pending(vcpu) &&
	       !__xfer_to_guest_mode_work_pending();
}

/*
 * The one request is to look for interrupts, the local APIC is where to look for them, and no
 * feature has work to do at each entry, in guest memory or for a debugger.
 */
static bool only_apic_interrupts(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->kick.requests) == BIT(KVM_REQ_EVENT) && !vcpu->entry_needs &&
	       vcpu->apic && !READ_ONCE(vcpu->apic->events) && !vcpu->vmx.event_entered &&
	       kvm_no_event_waits(&vcpu->events) && !kvm_pic_output(vcpu->kvm);
}

/* True: go on, maybe with an interrupt. */
static bool inject_and_go_on(struct kvm_vcpu *vcpu)
{
	if (!only_apic_interrupts(vcpu) || READ_ONCE(vcpu->run->request_interrupt_window))
		return false;
	kvm_check_request(vcpu, KVM_REQ_EVENT);
	kvm_inject_events(vcpu);
	if (may_go_on(vcpu))
		return true;
	vmx_cancel_injection(vcpu);
	return false;
}

/*
 * What came into the PIR since the mode was set was put there by this vCPU
 * itself, or a notification follows it.
 */
static void take_pir(struct kvm_vcpu *vcpu)
{
	if (vcpu->vmx.apicv && kvm_apic_pir_pending(vcpu)) {
		kvm_apic_take_pir(vcpu);
		kvm_apicv_sync(vcpu);
	}
}

static void watch_deadline(struct kvm_vcpu *vcpu, u64 host_tsc)
{
	if (host_tsc)
		vmx_arm_preemption_timer(vcpu, host_tsc);
	else
		vmx_pin_clear(vcpu, PIN_BASED_VMX_PREEMPTION_TIMER);
}

/**
 * kvm_enter_guest - run the guest until an exit that needs interrupts or more
 * @vcpu: loaded vCPU in IN_GUEST_MODE
 *
 * Context: interrupts off; returns so. The exit is noted in vcpu->vmx.
 */
void kvm_enter_guest(struct kvm_vcpu *vcpu)
{
	u64 entries = 0;

	write_task_host_state(vcpu->vmx.vmcs);
	load_breakpoints(vcpu);
	load_xstate_controls(vcpu);
	choose_spec_ctrl(vcpu);
	if (vcpu->cr.cr2 != native_read_cr2())
		native_write_cr2(vcpu->cr.cr2);
	vcpu->vmx.entry_failed = false;
	forget_perf(&vcpu->vmx);
	do {
		ask_perf(vcpu);
		take_pir(vcpu);
		/* What the CPU delivers by itself would wait behind a stale shadow. */
		if (vcpu->vmx.apicv && vcpu->regs.skipped)
			vmx_set_interrupt_shadow(vcpu, 0);
		flush_if_behind(vcpu);
		write_dirty_regs(vcpu);
		if (vcpu->apic)
			watch_deadline(vcpu, vcpu->apic->timer.host_deadline);
		if (static_branch_unlikely(&vmx_check_on))
			vmx_check_entry(vcpu);
		trace_kvm_entry(vcpu);
		clear_stale_data(vcpu);
		note_exit(vcpu, enter_once(vcpu));
		entries++;
		vcpu->vmx.handled = handle_fast(vcpu);
	} while (vcpu->vmx.handled && (may_go_on(vcpu) || inject_and_go_on(vcpu)));
	ask_for_ibpb();
	vcpu->stat.exits += entries;
	vcpu->cr.cr2 = native_read_cr2();
	restore_xstate_controls(vcpu);
	if (vcpu->vmx.host_debugctl && !vcpu->vmx.debugctl_at_once)
		vmx_restore_debugctl(&vcpu->vmx);
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
}

/**
 * kvm_handle_host_events - what ended the guest's turn and is the host's to handle
 * @vcpu: vCPU that just left the guest
 *
 * External interrupts come in when interrupts go on, unless the exit has
 * acknowledged them, as posted interrupts need it. An NMI has been taken by the
 * exit, and stays blocked until an IRET: the host's handler runs through its gate.
 * A machine check is handed to the kernel's handler as one of user space.
 *
 * Context: interrupts off.
 */
void kvm_handle_host_events(struct kvm_vcpu *vcpu)
{
	struct kvm_vmx *vmx = &vcpu->vmx;
	u16 basic = vmx->exit_reason;

	if (vmx->entry_failed)
		return;
	if (basic == EXIT_REASON_MCE_DURING_VMENTRY) {
		kvmx_host_machine_check();
		return;
	}
	if (basic == EXIT_REASON_EXTERNAL_INTERRUPT && vmx_caps.posted) {
		vmx_cache_reg(vcpu, KVM_REG_EXIT_INTR_INFO);
		vmx_host_interrupt[vcpu->vmx.exit_intr_info & INTR_INFO_VECTOR_MASK]();
		return;
	}
	if (basic != EXIT_REASON_EXCEPTION_NMI)
		return;
	vmx_cache_reg(vcpu, KVM_REG_EXIT_INTR_INFO);
	if ((vmx->exit_intr_info & (INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK)) ==
	    (INTR_INFO_VALID_MASK | INTR_TYPE_NMI_INTR))
		asm volatile("int $2");
	else if ((vmx->exit_intr_info & INTR_INFO_VECTOR_MASK) == MC_VECTOR)
		kvmx_host_machine_check();
}
