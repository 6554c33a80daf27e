// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that has given its interrupt to an eventfd (vfio) is a producer of
 * <linux/irqbypass.h>, an irqfd of that eventfd the consumer. Once they have met, the
 * IOMMU posts the interrupt to the vCPU that the irqfd's message goes to, if that is
 * always the same one; else the interrupt comes to the host, which signals the
 * eventfd. An interrupt goes one way or the other, so nothing has to be quiesced for
 * a change.
 */
#include <linux/irq.h>
#include <linux/module.h>
#include <asm/irq_remapping.h>
#include "internal.h"
#include "trace_irq.h"

/* Where an interrupt is posted to. */
struct target {
	struct kvm_vcpu *vcpu;		/* NULL: nowhere */
	u8 vector;
};

static struct target find_target(struct kvm_irqfd_entry *e)
{
	struct target t = { };
	struct kvm_apic_msg msg;

	if (!e->has_msi)
		return t;
	kvm_msi_to_msg(e->kvm, e->msi.addr, e->msi.data, &msg);
	/* The PIR takes edges, and of vectors those that are an interrupt's. */
	if ((msg.mode != KVM_DM_FIXED && msg.mode != KVM_DM_LOWEST) || msg.level || msg.vector < 16)
		return t;
	t.vcpu = kvm_apic_only_target(e->kvm, &msg);
	t.vector = msg.vector;
	return t;
}

/* Not every interrupt has an IOMMU that can. */
static bool begin_posting(struct kvm_irqfd_entry *e, struct target t)
{
	struct vcpu_data data = {
		.pi_desc_addr = __pa(&t.vcpu->apic->pi_desc), .vector = t.vector,
	};

	kvm_apic_set_level(t.vcpu, t.vector, false);
	if (irq_set_vcpu_affinity(e->producer->irq, &data))
		return false;
	trace_kvm_pi_irte_update(e->producer->irq, t.vcpu->vcpu_id, e->gsi, t.vector,
				 data.pi_desc_addr, true);
	return true;
}

static void end_posting(struct kvm_irqfd_entry *e)
{
	struct kvm_vcpu *vcpu = e->posted_vcpu;

	irq_set_vcpu_affinity(e->producer->irq, NULL);
	trace_kvm_pi_irte_update(e->producer->irq, vcpu->vcpu_id, e->gsi, e->posted_vector,
				 __pa(&vcpu->apic->pi_desc), false);
}

/* irqfds.lock held. */
static void post_to(struct kvm_irqfd_entry *e, struct target t)
{
	if (t.vcpu == e->posted_vcpu && (!t.vcpu || t.vector == e->posted_vector))
		return;
	if (t.vcpu && !begin_posting(e, t))
		t.vcpu = NULL;
	if (!t.vcpu && e->posted_vcpu)
		end_posting(e);
	e->posted_vcpu = t.vcpu;
	e->posted_vector = t.vector;
}

/**
 * kvm_bypass_route_changed - the irqfd's message, or who it goes to, may be another
 * @e: an irqfd; irqfds.lock held
 */
void kvm_bypass_route_changed(struct kvm_irqfd_entry *e)
{
	if (e->producer)
		post_to(e, find_target(e));
}

/**
 * kvm_irqfd_targets_changed - the map from destinations to vCPUs is another
 * @kvm: the VM
 */
void kvm_irqfd_targets_changed(struct kvm *kvm)
{
	struct kvm_irqfd_entry *e;

	if (!READ_ONCE(kvm->irq.posting))
		return;
	spin_lock_irq(&kvm->irqfds.lock);
	list_for_each_entry(e, &kvm->irqfds.items, link)
		kvm_bypass_route_changed(e);
	spin_unlock_irq(&kvm->irqfds.lock);
}

static int add_producer(struct irq_bypass_consumer *c, struct irq_bypass_producer *p)
{
	struct kvm_irqfd_entry *e = container_of(c, struct kvm_irqfd_entry, consumer);

	vmx_posted_start(e->kvm);
	spin_lock_irq(&e->kvm->irqfds.lock);
	e->producer = p;
	kvm_bypass_route_changed(e);
	spin_unlock_irq(&e->kvm->irqfds.lock);
	return 0;
}

/* The IOMMU has let go of the PIR when this returns. */
static void del_producer(struct irq_bypass_consumer *c, struct irq_bypass_producer *p)
{
	struct kvm_irqfd_entry *e = container_of(c, struct kvm_irqfd_entry, consumer);

	spin_lock_irq(&e->kvm->irqfds.lock);
	post_to(e, (struct target) { });
	e->producer = NULL;
	spin_unlock_irq(&e->kvm->irqfds.lock);
}

/**
 * kvm_bypass_register - a producer may come for the irqfd's eventfd, or is there
 * @e: an irqfd that works; irqfds.assign_lock held
 *
 * Without irqbypass.ko there is no producer: a module that registers one needs it, and loads it.
 * An eventfd has one consumer; a second irqfd of it, in another VM, is signalled by the host.
 */
void kvm_bypass_register(struct kvm_irqfd_entry *e)
{
	typeof(irq_bypass_register_consumer) *fn;

	if (!vmx_can_post())
		return;
	fn = symbol_get(irq_bypass_register_consumer);
	if (!fn)
		return;
	e->consumer.token = e->eventfd;
	e->consumer.add_producer = add_producer;
	e->consumer.del_producer = del_producer;
	e->bypass = !fn(&e->consumer);
	symbol_put(irq_bypass_register_consumer);
}

/**
 * kvm_bypass_unregister - the irqfd goes
 * @e: an irqfd; irqfds.assign_lock held
 */
void kvm_bypass_unregister(struct kvm_irqfd_entry *e)
{
	typeof(irq_bypass_unregister_consumer) *fn;

	if (!e->bypass)
		return;
	/* A registered consumer holds the module. */
	fn = symbol_get(irq_bypass_unregister_consumer);
	if (WARN_ON_ONCE(!fn))
		return;
	fn(&e->consumer);
	symbol_put(irq_bypass_unregister_consumer);
}
