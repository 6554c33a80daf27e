// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU on a CPU, with its thread: loaded for an ioctl, switched out and in by the scheduler. */
#include <linux/preempt.h>
#include "irqchip.h"
#include "run.h"
#include "vcpu.h"

static void load_on(struct kvm_vcpu *vcpu, int cpu)
{
	if (vmx_vcpu_load(vcpu, cpu))
		kvm_wbinvd_ran_on(vcpu, cpu);
	if (vcpu->apic && vcpu->apic->timer_cpu != cpu) {
		vcpu->apic->timer_cpu = cpu;
		kvm_apic_timer_migrate(vcpu);
	}
	if (kvm_pv_follows(&vcpu->pv))
		kvm_pv_load(vcpu, cpu);
}

static __always_inline void leave(struct kvm_vcpu *vcpu)
{
	if (kvm_pv_follows(&vcpu->pv))
		kvm_pv_put(vcpu);
	vmx_vcpu_put(vcpu);
}

static void sched_in(struct preempt_notifier *pn, int cpu)
{
	struct kvm_vcpu *vcpu = container_of(pn, struct kvm_vcpu, load.preempt_notifier);

	WRITE_ONCE(vcpu->kick.cpu, cpu);
	WRITE_ONCE(vcpu->kick.preempted, false);
	load_on(vcpu, cpu);
}

static void sched_out(struct preempt_notifier *pn, struct task_struct *next)
{
	struct kvm_vcpu *vcpu = container_of(pn, struct kvm_vcpu, load.preempt_notifier);

	WRITE_ONCE(vcpu->kick.preempted, true);
	leave(vcpu);
}

static struct preempt_ops vcpu_preempt_ops = {
	.sched_in = sched_in,
	.sched_out = sched_out,
};

/**
 * kvm_vcpu_load_init - a new vCPU, before its first vcpu_load()
 * @vcpu: the vCPU
 */
void kvm_vcpu_load_init(struct kvm_vcpu *vcpu)
{
	preempt_notifier_init(&vcpu->load.preempt_notifier, &vcpu_preempt_ops);
}

/**
 * vcpu_load - this thread works with the vCPU: its VMCS is current wherever it runs
 * @vcpu: vCPU, mutex held
 *
 * Context: may sleep.
 */
void vcpu_load(struct kvm_vcpu *vcpu)
{
	int cpu = get_cpu();

	preempt_notifier_register(&vcpu->load.preempt_notifier);
	WRITE_ONCE(vcpu->kick.cpu, cpu);
	load_on(vcpu, cpu);
	put_cpu();
}

void vcpu_put(struct kvm_vcpu *vcpu)
{
	preempt_disable();
	leave(vcpu);
	preempt_notifier_unregister(&vcpu->load.preempt_notifier);
	preempt_enable();
}
