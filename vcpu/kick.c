// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests, kicks and wake-ups: how another thread has a vCPU look at something. And the other
 * way round: a vCPU that spins gives its CPU to another's thread. Documentation/locking.rst has
 * the proofs.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <trace/events/ipi.h>
#include "compat/compat.h"
#include "kick.h"
#include "vcpu.h"

/**
 * kvm_vcpu_wake_up - a blocked vCPU looks again whether there is something to do
 * @vcpu: the vCPU
 *
 * Context: any.
 * Return: it was blocked, and is woken.
 */
bool kvm_vcpu_wake_up(struct kvm_vcpu *vcpu)
{
	return rcuwait_wake_up(&vcpu->kick.wait);
}

/**
 * kvm_vcpu_kick - make a vCPU leave guest mode, to look at its requests
 * @vcpu: the vCPU
 *
 * One IPI, and only if it is in the guest: see Documentation/locking.rst.
 *
 * Context: any.
 */
void kvm_vcpu_kick(struct kvm_vcpu *vcpu)
{
	int cpu;

	if (kvm_vcpu_wake_up(vcpu))
		return;
	if (READ_ONCE(vcpu->kick.mode) != IN_GUEST_MODE)
		return;
	/*
	 * Interrupts are off in that mode: on the same CPU this is the vCPU's own thread, in
	 * the loop of kvm_enter_guest(), which looks at requests before it goes on.
	 */
	cpu = get_cpu();
	if (READ_ONCE(vcpu->kick.cpu) != cpu &&
	    cmpxchg(&vcpu->kick.mode, IN_GUEST_MODE, EXITING_GUEST_MODE) == IN_GUEST_MODE) {
		cpu = READ_ONCE(vcpu->kick.cpu);
		if ((unsigned int)cpu < nr_cpu_ids && cpu_online(cpu))
			smp_send_reschedule(cpu);
	}
	put_cpu();
}

void kvm_make_all_cpus_request(struct kvm *kvm, enum kvm_request req)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		kvm_make_request(vcpu, req);
		kvm_vcpu_kick(vcpu);
	}
}

static void ack_kick(void *unused)
{
}

/**
 * kvm_kick_all_and_wait - every vCPU leaves the guest entry it is in
 * @kvm: the VM
 *
 * What the caller wrote before is seen by each vCPU before it enters again.
 *
 * Context: interrupts on; spin locks may be held that no vCPU takes with
 * interrupts off.
 */
void kvm_kick_all_and_wait(struct kvm *kvm)
{
	static DEFINE_PER_CPU(struct cpumask, kick_mask);
	struct kvm_vcpu *vcpu;
	struct cpumask *mask;
	unsigned long i;
	int me;

	/* The caller's writes before the modes are read; pairs with the entry's barrier. */
	smp_mb();
	me = get_cpu();
	mask = this_cpu_ptr(&kick_mask);
	cpumask_clear(mask);
	kvm_for_each_vcpu(i, vcpu, kvm) {
		int cpu;

		if (READ_ONCE(vcpu->kick.mode) == OUTSIDE_GUEST_MODE)
			continue;
		cmpxchg(&vcpu->kick.mode, IN_GUEST_MODE, EXITING_GUEST_MODE);
		/* After the mode: a vCPU that has moved since has left that entry. */
		cpu = READ_ONCE(vcpu->kick.cpu);
		if (cpu >= 0 && cpu != me)
			cpumask_set_cpu(cpu, mask);
	}
	smp_call_function_many(mask, ack_kick, NULL, true);
	put_cpu();
}

struct kvm_vcpu *kvm_get_vcpu_by_id(struct kvm *kvm, u32 id)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	/* Mostly they are made in the order of their ids. */
	vcpu = id < KVM_MAX_VCPUS ? kvm_get_vcpu(kvm, id) : NULL;
	if (vcpu && vcpu->vcpu_id == id)
		return vcpu;
	kvm_for_each_vcpu(i, vcpu, kvm)
		if (vcpu->vcpu_id == id)
			return vcpu;
	return NULL;
}

/* --- threads --- */

/* The thread that directed yields are for. */
void kvm_vcpu_note_thread(struct kvm_vcpu *vcpu)
{
	struct pid *old = rcu_access_pointer(vcpu->kick.pid), *new;

	if (likely(old == task_pid(current)))
		return;
	new = get_task_pid(current, PIDTYPE_PID);
	rcu_assign_pointer(vcpu->kick.pid, new);
	if (old)
		synchronize_rcu();
	put_pid(old);
}

/**
 * kvm_vcpu_yield_to - give the CPU to a vCPU's thread
 * @vcpu: the vCPU
 *
 * Context: process context; may schedule.
 * Return: its thread was not running and goes next.
 */
bool kvm_vcpu_yield_to(struct kvm_vcpu *vcpu)
{
	struct task_struct *task;
	bool done = false;

	rcu_read_lock();
	task = get_pid_task(rcu_dereference(vcpu->kick.pid), PIDTYPE_PID);
	rcu_read_unlock();
	if (task) {
		done = yield_to(task, true) > 0;
		put_task_struct(task);
	}
	return done;
}

/**
 * kvm_vcpu_on_spin - the guest spins: let a vCPU of it run that was preempted
 * @me: the spinning vCPU
 *
 * Context: process context; may schedule.
 */
void kvm_vcpu_on_spin(struct kvm_vcpu *me)
{
	unsigned long n = atomic_read(&me->kvm->vcpus.online), i;

	for (i = 1; i < n; i++) {
		struct kvm_vcpu *v = kvm_get_vcpu(me->kvm, (me->vcpu_idx + i) % n);

		if (v && READ_ONCE(v->kick.preempted) && kvm_vcpu_yield_to(v))
			return;
	}
	cond_resched();
}
