// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts that the IOMMU posts into a vCPU's PIR: whom it notifies of them, by
 * the control word of the descriptor (VT-d 5.2.3). Documentation/interrupts.rst.
 *
 * In the guest the notification vector makes the CPU take the PIR. Where it
 * would not, because the vCPU is blocked or its APIC is not virtualized, the wake-up
 * vector comes instead, and its handler looks through the list of that CPU.
 */
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <asm/apic.h>
#include <asm/irq.h>
#include <asm/irq_remapping.h>
#include <asm/irq_vectors.h>
#include "internal.h"
#include "irqchip.h"
#include "kick.h"

#define PI_NV_SHIFT		16
#define PI_NDST_SHIFT		32
/* The local APIC's id where the host does not use x2APIC mode: bits 15:8 of NDST. */
#define NDST_XAPIC_SHIFT	8

/* vCPUs that the wake-up vector on one CPU may be for; the lock is taken in its handler. */
struct wakeup_list {
	raw_spinlock_t lock;
	struct list_head vcpus;
};

static DEFINE_PER_CPU(struct wakeup_list, wakeup_list);

/* Hard interrupt, or this CPU goes: vCPUs that wait and have a request look at it. */
static void tell(struct kvm_vcpu *vcpu)
{
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	kvm_vcpu_kick(vcpu);
}

static void on_wakeup_vector(void)
{
	struct wakeup_list *l = this_cpu_ptr(&wakeup_list);
	struct kvm_vcpu *vcpu;

	raw_spin_lock(&l->lock);
	list_for_each_entry(vcpu, &l->vcpus, vmx.wakeup_link)
		if (kvm_apic_pir_pending(vcpu))
			tell(vcpu);
	raw_spin_unlock(&l->lock);
}

void __init vmx_posted_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct wakeup_list *l = per_cpu_ptr(&wakeup_list, cpu);

		raw_spin_lock_init(&l->lock);
		INIT_LIST_HEAD(&l->vcpus);
	}
	/* Whether interrupts are posted may change with a parameter while the module is loaded. */
	kvm_set_posted_intr_wakeup_handler(on_wakeup_vector);
}

/* Returns when the handler does not run any more. */
void vmx_posted_exit(void)
{
	kvm_set_posted_intr_wakeup_handler(NULL);
}

/**
 * vmx_posted_cpu_off - no notification reaches this CPU any more
 *
 * Those that wait for one look around, and wait elsewhere.
 *
 * Context: interrupts off.
 */
void vmx_posted_cpu_off(void)
{
	struct wakeup_list *l = this_cpu_ptr(&wakeup_list);
	struct kvm_vcpu *vcpu, *next;

	raw_spin_lock(&l->lock);
	list_for_each_entry_safe(vcpu, next, &l->vcpus, vmx.wakeup_link) {
		list_del(&vcpu->vmx.wakeup_link);
		WRITE_ONCE(vcpu->vmx.wakeup_cpu, -1);
		tell(vcpu);
	}
	raw_spin_unlock(&l->lock);
}

/* Off the list it is on; a CPU that goes may take it off meanwhile. */
static void leave_list(struct kvm_vcpu *vcpu)
{
	struct kvm_vmx *vmx = &vcpu->vmx;
	int cpu = READ_ONCE(vmx->wakeup_cpu);
	struct wakeup_list *l;
	unsigned long flags;

	if (cpu < 0)
		return;
	l = per_cpu_ptr(&wakeup_list, cpu);
	raw_spin_lock_irqsave(&l->lock, flags);
	if (vmx->wakeup_cpu == cpu) {
		list_del(&vmx->wakeup_link);
		WRITE_ONCE(vmx->wakeup_cpu, -1);
	}
	raw_spin_unlock_irqrestore(&l->lock, flags);
}

static void join_list(struct kvm_vcpu *vcpu, int cpu)
{
	struct wakeup_list *l = per_cpu_ptr(&wakeup_list, cpu);
	struct kvm_vmx *vmx = &vcpu->vmx;
	unsigned long flags;

	if (READ_ONCE(vmx->wakeup_cpu) == cpu)
		return;
	leave_list(vcpu);
	raw_spin_lock_irqsave(&l->lock, flags);
	list_add_tail(&vmx->wakeup_link, &l->vcpus);
	WRITE_ONCE(vmx->wakeup_cpu, cpu);
	raw_spin_unlock_irqrestore(&l->lock, flags);
}

/* Notifications go to @vector of @cpu from now on; ON is the IOMMU's and the senders'. */
static void notify_at(struct kvm_pi_desc *pi, int cpu, u8 vector)
{
	u64 dest = (u64)cpu_physical_id(cpu) << (x2apic_mode ? 0 : NDST_XAPIC_SHIFT);
	u64 old = READ_ONCE(pi->control), new;

	do {
		new = dest << PI_NDST_SHIFT | (u64)vector << PI_NV_SHIFT | (old & KVM_PI_ON);
	} while (!try_cmpxchg(&pi->control, &old, new));
}

/**
 * vmx_posted_load - what the IOMMU posts is notified to this CPU
 * @vcpu: loaded vCPU of a VM with irq.posting, or one that is being loaded
 *
 * Context: preemption off.
 */
void vmx_posted_load(struct kvm_vcpu *vcpu)
{
	struct kvm_vmx *vmx = &vcpu->vmx;
	int cpu = smp_processor_id();
	struct kvm_pi_desc *pi;

	if (!vcpu->apic)
		return;
	pi = &vcpu->apic->pi_desc;
	if (vmx->blocked || !vmx->apicv) {
		join_list(vcpu, cpu);
		notify_at(pi, cpu, POSTED_INTR_WAKEUP_VECTOR);
	} else {
		notify_at(pi, cpu, POSTED_INTR_VECTOR);
		leave_list(vcpu);
	}
	/* What was posted in silence did not set ON. */
	if (pi->pir[0] | pi->pir[1] | pi->pir[2] | pi->pir[3])
		set_bit(KVM_PI_ON_BIT, (unsigned long *)&pi->control);
	if (kvm_apic_pir_pending(vcpu))
		kvm_make_request(vcpu, KVM_REQ_EVENT);
}

/**
 * vmx_posted_put - the vCPU leaves its CPU
 * @vcpu: vCPU of a VM with irq.posting
 *
 * When it is scheduled out it looks around when it comes back, so it need not hear of
 * what is posted; unless it is on a list. Others leave their list, and look when they are
 * loaded again.
 *
 * Context: preemption off; the run queue may be locked if vcpu->preempted.
 */
void vmx_posted_put(struct kvm_vcpu *vcpu)
{
	if (!vcpu->apic)
		return;
	if (vcpu->kick.preempted && READ_ONCE(vcpu->vmx.wakeup_cpu) >= 0)
		return;
	set_bit(KVM_PI_SN_BIT, (unsigned long *)&vcpu->apic->pi_desc.control);
	leave_list(vcpu);
}

/**
 * vmx_posted_update - vcpu->vmx.blocked or vmx.apicv may have changed
 * @vcpu: loaded vCPU
 */
void vmx_posted_update(struct kvm_vcpu *vcpu)
{
	if (likely(!READ_ONCE(vcpu->kvm->irq.posting)))
		return;
	preempt_disable();
	vmx_posted_load(vcpu);
	preempt_enable();
}

/**
 * vmx_posted_block - the vCPU's thread is about to sleep, or does so no longer
 * @vcpu: loaded vCPU with a local APIC
 * @blocked: it is about to
 *
 * Before each look at what could end the sleep: what is posted after that wakes it.
 */
void vmx_posted_block(struct kvm_vcpu *vcpu, bool blocked)
{
	vcpu->vmx.blocked = blocked;
	vmx_posted_update(vcpu);
}

/**
 * vmx_can_post - can devices' interrupts be posted to vCPUs?
 *
 * It takes a CPU and an IOMMU that do it.
 */
bool vmx_can_post(void)
{
	return vmx_caps.posted && irq_remapping_cap(IRQ_POSTING_CAP);
}

/**
 * vmx_posted_start - the first interrupt of a device is going to be posted to a VM
 * @kvm: the VM
 *
 * Its vCPUs say where they are from here on, whatever becomes of the device. What is
 * posted before a vCPU has heard of it is seen when it does.
 */
void vmx_posted_start(struct kvm *kvm)
{
	if (READ_ONCE(kvm->irq.posting))
		return;
	WRITE_ONCE(kvm->irq.posting, true);
	kvm_make_all_cpus_request(kvm, KVM_REQ_APICV);
}
