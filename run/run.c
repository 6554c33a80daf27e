// SPDX-License-Identifier: GPL-2.0-only
/* KVM_RUN: the loop around the guest, its requests, and what kvm_run shows afterwards. */
#include <linux/context_tracking.h>
#include <linux/entry-kvm.h>
#include <linux/sched/signal.h>
#include <linux/vtime.h>
#include <asm/fpu/api.h>
#include "compat/compat.h"
#include "compat/host_work.h"
#include "events.h"
#include "io.h"
#include "ioctl.h"
#include "irqchip.h"
#include "kick.h"
#include "mmu.h"
#include "regs.h"
#include "run.h"
#include "state.h"
#include "trace.h"
#include "vcpu.h"

/* By user space that has the 8259s, while the vCPU's LINT0 takes what they have. */
static bool interrupt_window_wanted(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->run->request_interrupt_window) && !kvm_irqchip_full(vcpu->kvm) &&
	       (!vcpu->apic || kvm_apic_accepts_extint(vcpu));
}

static void scan_ioapic(struct kvm_vcpu *vcpu)
{
	u64 vectors[4] = {};

	kvm_ioapic_eoi_vectors(vcpu, vectors);
	memcpy(vcpu->apic->eoi_vectors, vectors, sizeof(vectors));
	vmx_set_eoi_exit_bitmap(vcpu, vectors);
}

/* What comes seldom: clocks, routes, user space's settings. 1 go on, 0 exit. */
static int handle_rare_requests(struct kvm_vcpu *vcpu)
{
	vcpu->mem.host_data = true;
	if (kvm_check_request(vcpu, KVM_REQ_INTERCEPTS)) {
		vmx_update_intercepts(vcpu);
		if (vcpu->apic)
			kvm_apic_timer_to_cpu(vcpu);
	}
	if (kvm_check_request(vcpu, KVM_REQ_MASTERCLOCK))
		kvm_pv_masterclock_update(vcpu->kvm);
	if (kvm_check_request(vcpu, KVM_REQ_CLOCK))
		kvm_pv_clock_update(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_STEAL))
		kvm_pv_steal_update(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_APF_READY))
		kvm_async_pf_deliver(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_DIRTY_RING) && kvm_ring_must_exit(vcpu)) {
		vcpu->run->exit_reason = KVM_EXIT_DIRTY_RING_FULL;
		return 0;
	}
	if (!vcpu->apic)
		return 1;
	if (kvm_check_request(vcpu, KVM_REQ_APICV))
		kvm_apicv_update(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_SCAN_IOAPIC))
		scan_ioapic(vcpu);
	if (kvm_check_request(vcpu, KVM_REQ_UNHALT))
		vcpu->pv.unhalted = true;
	if (kvm_check_request(vcpu, KVM_REQ_REPORT_TPR)) {
		kvm_vapic_report(vcpu);
		return 0;
	}
	if (kvm_check_request(vcpu, KVM_REQ_IOAPIC_EOI_EXIT)) {
		vcpu->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
		vcpu->run->eoi.vector = vcpu->apic->eoi_exit_vector;
		return 0;
	}
	return 1;
}

#define EVENT_REQUESTS	(BIT(KVM_REQ_EVENT) | BIT(KVM_REQ_TRIPLE_FAULT) | BIT(KVM_REQ_VM_DEAD) | \
			 BIT(KVM_REQ_TSC))

/* 1 go on; 2 there is nothing to run; 0 exit; <0 errno */
static int handle_requests(struct kvm_vcpu *vcpu)
{
	if (kvm_check_request(vcpu, KVM_REQ_VM_DEAD))
		return -EIO;
	if (kvm_check_request(vcpu, KVM_REQ_TRIPLE_FAULT)) {
		vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return 0;
	}
	if (kvm_check_request(vcpu, KVM_REQ_TSC))
		kvm_tsc_reload(vcpu);
	if ((READ_ONCE(vcpu->kick.requests) & ~EVENT_REQUESTS) && !handle_rare_requests(vcpu))
		return 0;
	if (vcpu->apic && READ_ONCE(vcpu->apic->events)) {
		kvm_accept_init_sipi(vcpu);
		/* An INIT may have stopped it: the run loop waits. */
		if (vcpu->halt.mp_state != KVM_MP_STATE_RUNNABLE)
			return 2;
	}
	if (kvm_check_request(vcpu, KVM_REQ_EVENT)) {
		kvm_inject_events(vcpu);
		if (kvm_check_request(vcpu, KVM_REQ_TRIPLE_FAULT)) {
			vmx_cancel_injection(vcpu);
			vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
			return 0;
		}
	}
	return 1;
}

static bool must_not_enter(struct kvm_vcpu *vcpu)
{
	return kvm_request_pending(vcpu) || xfer_to_guest_mode_work_pending();
}

static void restore_fpu_if_stale(void)
{
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
}

/* The timer tick that ended the guest's turn is accounted to it: interrupts come in first. */
static void leave_guest_accounting(void)
{
	if (vtime_accounting_enabled_this_cpu()) {
		vtime_guest_exit(current);
		local_irq_enable();
	} else {
		local_irq_enable();
		current->flags &= ~PF_VCPU;
	}
}

static void enter_guest_accounting(void)
{
	if (vtime_accounting_enabled_this_cpu())
		vtime_guest_enter(current);
	else
		current->flags |= PF_VCPU;
}

/* What features put into guest memory before an entry; kvm->srcu held. */
static void prepare_entry(struct kvm_vcpu *vcpu)
{
	if (vcpu->entry_needs & KVM_ENTRY_PV_EOI)
		kvm_pv_eoi_offer(vcpu);
	if (vcpu->entry_needs & KVM_ENTRY_VAPIC)
		kvm_vapic_to_guest(vcpu);
}

/* What the guest has made of it, before the exit is handled. */
static void collect_after_exit(struct kvm_vcpu *vcpu)
{
	if (vcpu->entry_needs & KVM_ENTRY_PV_EOI)
		kvm_pv_eoi_collect(vcpu);
	if (vcpu->entry_needs & KVM_ENTRY_VAPIC)
		kvm_vapic_from_guest(vcpu);
}

/* Before the mode says that the guest was left: who waits for that finds the log complete. */
static noinline void log_cpu_writes(struct kvm_vcpu *vcpu)
{
	int idx = srcu_read_lock(&vcpu->kvm->srcu);

	kvm_log_cpu_writes(vcpu);
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
}

static int enter_guest(struct kvm_vcpu *vcpu)
	__must_hold(&vcpu->kvm->srcu)
{
	int r;

	if (kvm_request_pending(vcpu)) {
		r = handle_requests(vcpu);
		if (r != 1)
			return r;
	}
	if (interrupt_window_wanted(vcpu) && !kvm_ready_for_interrupt(vcpu))
		vmx_open_interrupt_window(vcpu);

	if (vcpu->entry_needs)
		prepare_entry(vcpu);
	preempt_disable();
	vmx_prepare_switch(vcpu);
	local_irq_disable();
	srcu_read_unlock(&vcpu->kvm->srcu, vcpu->load.srcu_idx);
	/*
	 * Another thread makes its request, then reads the mode. Either it reads this one, and
	 * sends an IPI, or its request is seen below. Likewise for the TLB generation.
	 */
	smp_store_mb(vcpu->kick.mode, IN_GUEST_MODE);
	if (must_not_enter(vcpu)) {
		/* A thread that reads this sends no IPI: its request is seen at the next turn. */
		smp_store_release(&vcpu->kick.mode, OUTSIDE_GUEST_MODE);
		local_irq_enable();
		preempt_enable();
		vcpu->load.srcu_idx = srcu_read_lock(&vcpu->kvm->srcu);
		vmx_cancel_injection(vcpu);
		kvm_pv_eoi_collect(vcpu);
		return 1;
	}
	restore_fpu_if_stale();
	enter_guest_accounting();
	kvm_enter_guest(vcpu);
	if (vcpu->entry_needs & KVM_ENTRY_PML)
		log_cpu_writes(vcpu);
	/* For a thread that waits until the guest has left: the guest's accesses are all before. */
	smp_store_release(&vcpu->kick.mode, OUTSIDE_GUEST_MODE);
	kvm_handle_host_events(vcpu);
	leave_guest_accounting();
	preempt_enable();
	vcpu->load.srcu_idx = srcu_read_lock(&vcpu->kvm->srcu);
	if (vcpu->entry_needs)
		collect_after_exit(vcpu);
	return kvm_handle_exit(vcpu);
}

static int run_loop(struct kvm_vcpu *vcpu)
{
	int r;

	for (;;) {
		r = likely(vcpu->halt.mp_state == KVM_MP_STATE_RUNNABLE) ? enter_guest(vcpu) :
								      kvm_vcpu_block(vcpu);
		/* A signal may also end the wait for a page. */
		if (r == -EINTR) {
			vcpu->run->exit_reason = KVM_EXIT_INTR;
			vcpu->stat.signal_exits++;
		}
		if (r <= 0)
			return r;
		if (interrupt_window_wanted(vcpu) && kvm_ready_for_interrupt(vcpu)) {
			vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
			vcpu->stat.request_irq_exits++;
			return 0;
		}
		if (__xfer_to_guest_mode_work_pending()) {
			srcu_read_unlock(&vcpu->kvm->srcu, vcpu->load.srcu_idx);
			r = kvmx_host_work();
			vcpu->mem.host_data = true;
			vcpu->load.srcu_idx = srcu_read_lock(&vcpu->kvm->srcu);
			if (r) {
				vcpu->run->exit_reason = KVM_EXIT_INTR;
				vcpu->stat.signal_exits++;
				return r;
			}
		}
	}
}

static void fill_run(struct kvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->if_flag = !!(kvm_rflags_read(vcpu) & X86_EFLAGS_IF);
	run->flags = 0;
	run->cr8 = kvm_get_cr8(vcpu);
	run->apic_base = vcpu->msr.apic_base;
	run->ready_for_interrupt_injection = kvm_ready_for_interrupt(vcpu);
}

static bool sync_regs_valid(const struct kvm_run *run)
{
	return !((READ_ONCE(run->kvm_valid_regs) | READ_ONCE(run->kvm_dirty_regs)) &
		 ~(u64)KVM_SYNC_X86_VALID_FIELDS);
}

/* 0 to enter the guest, else KVM_RUN's answer. */
static int before_guest(struct kvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	int r;

	if (READ_ONCE(run->kvm_dirty_regs)) {
		r = kvm_sync_regs_in(vcpu);
		if (r)
			return r;
	}
	if (!vcpu->apic && kvm_set_cr8(vcpu, READ_ONCE(run->cr8)))
		return -EINVAL;
	if (vcpu->completion.complete) {
		r = kvm_complete(vcpu);
		if (r <= 0)
			return r ?: 1;
	}
	return 0;
}

static void deliver_signal_mask(struct kvm_vcpu *vcpu)
{
	if (vcpu->user.sigset_active)
		sigprocmask(SIG_SETMASK, &vcpu->user.sigset, &current->real_blocked);
}

static void take_signal_mask_back(struct kvm_vcpu *vcpu)
{
	if (vcpu->user.sigset_active) {
		sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
		sigemptyset(&current->real_blocked);
	}
}

/**
 * kvm_vcpu_ioctl_run - KVM_RUN
 * @a: vCPU, loaded, its mutex held
 *
 * Return: 0 with kvm_run filled; -EINTR for a signal or immediate_exit; -EINVAL,
 * -EFAULT, -EIO.
 */
long kvm_vcpu_ioctl_run(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	struct kvm_run *run = vcpu->run;
	bool fpu;
	int r;

	if (a->raw)
		return -EINVAL;
	kvm_vcpu_note_thread(vcpu);
	if (!sync_regs_valid(run))
		return -EINVAL;
	deliver_signal_mask(vcpu);
	run->flags = 0;
	/*
	 * A run that only looks at immediate_exit touches no vector register, unless the
	 * emulator goes on first.
	 */
	fpu = !READ_ONCE(run->kvmx_immediate_exit) ||
	      vcpu->completion.complete == kvm_complete_emulated_io;
	if (fpu)
		kvm_fpu_load(vcpu);
	vcpu->load.srcu_idx = srcu_read_lock(&vcpu->kvm->srcu);
	r = before_guest(vcpu);
	if (!r) {
		if (!fpu || READ_ONCE(run->kvmx_immediate_exit)) {
			/* What the last exit left in kvm_run stays readable. */
			r = -EINTR;
		} else {
			vcpu->load.ran_once = true;
			r = run_loop(vcpu);
		}
	} else if (r > 0) {
		r = 0;
	}
	fill_run(vcpu);
	if (READ_ONCE(run->kvm_valid_regs))
		kvm_sync_regs_out(vcpu);
	srcu_read_unlock(&vcpu->kvm->srcu, vcpu->load.srcu_idx);
	if (fpu)
		kvm_fpu_put(vcpu);
	take_signal_mask_back(vcpu);
	trace_kvm_userspace_exit(run->exit_reason, r);
	return r;
}
