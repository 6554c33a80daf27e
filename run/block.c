// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU that has nothing to run: halted, or not started yet. It looks out for
 * events for a while and then sleeps. Documentation/virt/kvm/halt-polling.rst of
 * the kernel.
 */
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include "events.h"
#include "irqchip.h"
#include "kick.h"
#include "mmu.h"
#include "run.h"
#include "state.h"
#include "trace.h"
#include "vcpu.h"

static unsigned int halt_poll_ns = 200000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "Longest time a halted vCPU keeps its CPU looking for events, ns");
static unsigned int halt_poll_ns_grow = 2;
module_param(halt_poll_ns_grow, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow, "Factor by which that time grows, 0 never");
static unsigned int halt_poll_ns_grow_start = 10000;
module_param(halt_poll_ns_grow_start, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow_start, "Where growing starts, ns");
static unsigned int halt_poll_ns_shrink;
module_param(halt_poll_ns_shrink, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_shrink, "Divisor by which that time shrinks, 0 at once to nothing");

/**
 * kvm_vcpu_has_events - can something be delivered that ends a halt?
 * @vcpu: loaded vCPU, own thread
 *
 * Context: does not sleep.
 */
bool kvm_vcpu_has_events(struct kvm_vcpu *vcpu)
{
	const struct kvm_events *e = &vcpu->events;

	if (e->exc.pending || e->exc.injected || e->nmi_injected ||
	    (e->intr.injected && vmx_interrupt_allowed(vcpu)) ||
	    test_bit(KVM_REQ_TRIPLE_FAULT, &vcpu->kick.requests))
		return true;
	if ((e->nmi_pending || atomic_read(&vcpu->events.nmi_queued)) && vmx_nmi_allowed(vcpu))
		return true;
	if (!vcpu->apic)
		return e->extint >= 0 && vmx_interrupt_allowed(vcpu);
	if (READ_ONCE(vcpu->apic->events) || vcpu->pv.unhalted ||
	    test_bit(KVM_REQ_UNHALT, &vcpu->kick.requests))
		return true;
	return vmx_interrupt_allowed(vcpu) && kvm_interrupt_pending(vcpu);
}

/* Something calls it out of the wait, whatever comes of it. */
static bool must_look(struct kvm_vcpu *vcpu)
{
	if (signal_pending(current) || test_bit(KVM_REQ_VM_DEAD, &vcpu->kick.requests))
		return true;
	if (vcpu->halt.mp_state != KVM_MP_STATE_HALTED)
		return READ_ONCE(vcpu->apic->events);
	return test_bit(KVM_REQ_APF_READY, &vcpu->kick.requests) || kvm_vcpu_has_events(vcpu);
}

static u32 poll_limit(const struct kvm_vcpu *vcpu)
{
	const struct kvm *kvm = vcpu->kvm;

	/* The guest looks out by itself. */
	if (!(vcpu->pv.poll_control_msr & 1))
		return 0;
	return READ_ONCE(kvm->settings.halt_poll_set) ? READ_ONCE(kvm->settings.halt_poll_ns) :
					       READ_ONCE(halt_poll_ns);
}

static u32 grown(u32 ns, u32 limit)
{
	u32 factor = READ_ONCE(halt_poll_ns_grow);
	u64 want = factor ? max_t(u64, (u64)ns * factor, READ_ONCE(halt_poll_ns_grow_start)) : ns;

	return min_t(u64, want, limit);
}

static u32 shrunk(u32 ns)
{
	u32 divisor = READ_ONCE(halt_poll_ns_shrink);

	ns = divisor ? ns / divisor : 0;
	return ns < READ_ONCE(halt_poll_ns_grow_start) ? 0 : ns;
}

/* Would a longer look-out have spared the sleep, or was it in vain? */
static void adapt_poll(struct kvm_vcpu *vcpu, u64 waited_ns)
{
	u32 limit = poll_limit(vcpu), ns = vcpu->halt.poll_ns;

	if (waited_ns <= ns)
		ns = min(ns, limit);
	else if (waited_ns > limit)
		ns = shrunk(ns);
	else
		ns = grown(ns, limit);
	if (ns != vcpu->halt.poll_ns)
		trace_kvm_halt_poll_ns(ns > vcpu->halt.poll_ns, vcpu->vcpu_id, ns,
				       vcpu->halt.poll_ns);
	vcpu->halt.poll_ns = ns;
}

/* True if something came while others did not want the CPU. */
static bool poll(struct kvm_vcpu *vcpu, ktime_t start)
{
	ktime_t end = ktime_add_ns(start, min(vcpu->halt.poll_ns, poll_limit(vcpu)));
	ktime_t begun = ktime_get(), now = begun;
	bool found;

	if (!ktime_before(now, end))
		return false;
	vcpu->stat.halt_attempted_poll++;
	do {
		found = must_look(vcpu);
		if (found || need_resched())
			break;
		cpu_relax();
		now = ktime_get();
	} while (ktime_before(now, end));
	if (found) {
		vcpu->stat.halt_successful_poll++;
		vcpu->stat.halt_poll_success_ns += ktime_to_ns(ktime_sub(now, begun));
	} else {
		vcpu->stat.halt_poll_fail_ns += ktime_to_ns(ktime_sub(now, begun));
	}
	return found;
}

static void sleep_until_called(struct kvm_vcpu *vcpu)
{
	ktime_t begun = ktime_get();

	WRITE_ONCE(vcpu->stat.blocking, 1);
	prepare_to_rcuwait(&vcpu->kick.wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		vmx_posted_block(vcpu, true);
		if (must_look(vcpu))
			break;
		schedule();
	}
	finish_rcuwait(&vcpu->kick.wait);
	vmx_posted_block(vcpu, false);
	WRITE_ONCE(vcpu->stat.blocking, 0);
	if (vcpu->halt.mp_state == KVM_MP_STATE_HALTED)
		vcpu->stat.halt_wait_ns += ktime_to_ns(ktime_sub(ktime_get(), begun));
}

/* mp_state after the wait; true if there is something to run. */
static bool look(struct kvm_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->apic->events))
		kvm_accept_init_sipi(vcpu);
	if (vcpu->halt.mp_state != KVM_MP_STATE_HALTED)
		return vcpu->halt.mp_state == KVM_MP_STATE_RUNNABLE;
	if (kvm_check_request(vcpu, KVM_REQ_APF_READY))
		kvm_async_pf_deliver(vcpu);
	if (!kvm_vcpu_has_events(vcpu))
		return false;
	kvm_check_request(vcpu, KVM_REQ_UNHALT);
	vcpu->pv.unhalted = false;
	vcpu->halt.mp_state = KVM_MP_STATE_RUNNABLE;
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return true;
}

/**
 * kvm_vcpu_block - wait until the vCPU has something to run
 * @vcpu: loaded vCPU with a local APIC, mp_state other than RUNNABLE; kvm->srcu held
 *
 * Context: may sleep; lets kvm->srcu go meanwhile.
 * Return: 1 runnable, -EINTR a signal, -EIO the VM is dead.
 */
int kvm_vcpu_block(struct kvm_vcpu *vcpu)
	__must_hold(&vcpu->kvm->srcu)
{
	ktime_t start = ktime_get();
	bool halted = vcpu->halt.mp_state == KVM_MP_STATE_HALTED, polled;
	u64 waited;

	while (!look(vcpu)) {
		if (signal_pending(current)) {
			vcpu->run->exit_reason = KVM_EXIT_INTR;
			return -EINTR;
		}
		if (test_bit(KVM_REQ_VM_DEAD, &vcpu->kick.requests))
			return -EIO;
		kvm_apic_timer_to_hrtimer(vcpu);
		srcu_read_unlock(&vcpu->kvm->srcu, vcpu->load.srcu_idx);
		polled = halted && poll(vcpu, start);
		if (!polled)
			sleep_until_called(vcpu);
		vcpu->load.srcu_idx = srcu_read_lock(&vcpu->kvm->srcu);
		kvm_apic_timer_to_cpu(vcpu);
		waited = ktime_to_ns(ktime_sub(ktime_get(), start));
		trace_kvm_vcpu_wakeup(waited, !polled, true);
		if (halted)
			adapt_poll(vcpu, waited);
	}
	vcpu->stat.halt_wakeup += halted;
	return 1;
}

/**
 * kvm_vcpu_halt - HLT was executed, and RIP is behind it
 * @vcpu: loaded vCPU
 *
 * Return: 1 to go on in the run loop, where a local APIC in the kernel waits;
 * 0 with KVM_EXIT_HLT.
 */
int kvm_vcpu_halt(struct kvm_vcpu *vcpu)
{
	vcpu->stat.halt_exits++;
	if (!vcpu->apic) {
		vcpu->run->exit_reason = KVM_EXIT_HLT;
		return 0;
	}
	vcpu->halt.mp_state = KVM_MP_STATE_HALTED;
	return 1;
}

/* KVM_CAP_HALT_POLL of a VM. */
long kvm_enable_halt_poll(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (cap->flags || cap->args[0] != (u32)cap->args[0])
		return -EINVAL;
	WRITE_ONCE(kvm->settings.halt_poll_ns, cap->args[0]);
	/* A reader that sees the switch sees the time. */
	smp_wmb();
	WRITE_ONCE(kvm->settings.halt_poll_set, true);
	return 0;
}
