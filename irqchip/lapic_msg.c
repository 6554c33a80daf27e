// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt messages: which vCPUs are the destination (SDM 3A 11.6.2, 11.12.10) and what each
 * does with it. A map from destination to vCPU is built whenever an APIC's id or mode changes;
 * for a destination that the map has no answer for, each vCPU is asked.
 */
#include <linux/cpumask.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include "events.h"
#include "kick.h"
#include "lapic.h"
#include "trace_irq.h"

/* Logical destinations of xAPICs: 8 bits, or 15 clusters of 4 bits. */
#define NR_CLUSTERS	16
#define CLUSTER_BITS	8
#define X2APIC_CLUSTER	16

enum logical_model { LOGICAL_NONE, LOGICAL_FLAT, LOGICAL_CLUSTER, LOGICAL_X2APIC, LOGICAL_ASK };

struct kvm_apic_map {
	struct rcu_head rcu;
	u8 model;			/* enum logical_model */
	bool ask_physical;		/* ids are not unique */
	u32 size;			/* of @phys, whole clusters of x2APICs */
	struct kvm_vcpu *logical[NR_CLUSTERS][CLUSTER_BITS];
	struct kvm_vcpu *phys[];	/* by APIC id */
};

/* --- the rules --- */

static bool may_broadcast(struct kvm_vcpu *from, u32 dest)
{
	if (from)
		return dest == (kvm_apic_x2apic(from) ? X2APIC_BROADCAST : LAPIC_BROADCAST);
	return dest == X2APIC_BROADCAST || dest == LAPIC_BROADCAST;
}

/* Its owner may be in lapic_publish(): each field is read once. */
static struct kvm_apic_public read_public(const struct kvm_lapic *apic)
{
	const struct kvm_apic_public *p = &apic->public;

	return (struct kvm_apic_public){
		.id = READ_ONCE(p->id), .ldr = READ_ONCE(p->ldr), .on = READ_ONCE(p->on),
		.x2apic = READ_ONCE(p->x2apic), .cluster = READ_ONCE(p->cluster),
		.moved = READ_ONCE(p->moved),
	};
}

/* To all APICs. A device's 0xff means the x2APICs too unless user space said otherwise. */
static bool is_broadcast(struct kvm *kvm, const struct kvm_apic_public *to, struct kvm_vcpu *from,
			 u32 dest)
{
	if (!may_broadcast(from, dest))
		return false;
	return from || dest == X2APIC_BROADCAST || !to->x2apic || !kvm->irq.no_broadcast_quirk;
}

static bool match_physical(struct kvm_vcpu *vcpu, const struct kvm_apic_public *to, u32 dest)
{
	if (to->x2apic)
		return dest == to->id;
	/* A vCPU whose id the xAPIC cannot hold is reached by it nevertheless, to be started. */
	return dest == to->id || (dest > LAPIC_BROADCAST && dest == (u32)vcpu->vcpu_id);
}

static bool match_logical(const struct kvm_apic_public *to, u32 dest)
{
	if (to->x2apic)
		return dest >> 16 == to->ldr >> 16 && (dest & to->ldr & 0xffff);
	if (dest >= LAPIC_BROADCAST)
		return false;
	if (!to->cluster)
		return dest & to->ldr;
	return dest >> 4 == to->ldr >> 4 && (dest & to->ldr & 15);
}

/**
 * kvm_apic_match - is a vCPU among the destinations of a message?
 * @vcpu: vCPU with a local APIC
 * @from: who sends, NULL for a device
 * @shorthand: of the ICR: 0 none, 1 self, 2 all, 3 all but self
 * @dest: destination field
 * @logical: logical rather than physical
 *
 * Context: any.
 */
bool kvm_apic_match(struct kvm_vcpu *vcpu, struct kvm_vcpu *from, u8 shorthand, u32 dest,
		    bool logical)
{
	const struct kvm_apic_public to = read_public(vcpu->apic);

	if (!to.on)
		return false;
	switch (shorthand) {
	case 1:
		return vcpu == from;
	case 2:
		return true;
	case 3:
		return vcpu != from;
	}
	if (is_broadcast(vcpu->kvm, &to, from, dest))
		return true;
	return logical ? match_logical(&to, dest) : match_physical(vcpu, &to, dest);
}

/* --- the map --- */

static void map_physical(struct kvm_apic_map *map, struct kvm_vcpu *vcpu, u32 id)
{
	if (map->phys[id] && map->phys[id] != vcpu)
		map->ask_physical = true;
	map->phys[id] = vcpu;
}

static void map_logical(struct kvm_apic_map *map, struct kvm_vcpu *vcpu,
			const struct kvm_apic_public *p)
{
	u8 model = p->x2apic ? LOGICAL_X2APIC : p->cluster ? LOGICAL_CLUSTER : LOGICAL_FLAT;
	/* 8 bits of an xAPIC: that of an x2APIC may be there already, see lapic_publish(). */
	u32 cluster = 0, bits = (u8)p->ldr;
	struct kvm_vcpu **entry;

	/* An x2APIC's logical id follows from its physical one. */
	if (!p->x2apic) {
		if (p->cluster) {
			cluster = bits >> 4;
			bits &= 15;
		}
		entry = &map->logical[cluster][bits ? __ffs(bits) : 0];
		if (hweight8(bits) > 1 || (bits && *entry))
			model = LOGICAL_ASK;
		if (bits)
			*entry = vcpu;
	}
	if (map->model == LOGICAL_NONE)
		map->model = model;
	else if (map->model != model)
		map->model = LOGICAL_ASK;
}

static u32 map_size(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	u32 last = LAPIC_BROADCAST;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		last = max_t(u32, last, vcpu->vcpu_id);
	/* What one x2APIC logical id names, 16 of them, is in the table or is not. */
	return roundup(last + 1, X2APIC_CLUSTER);
}

static void fill_map(struct kvm *kvm, struct kvm_apic_map *map, unsigned long *inhibits)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		const struct kvm_apic_public p = read_public(vcpu->apic);

		if (!p.on)
			continue;
		if (p.moved)
			*inhibits |= BIT(KVM_APICV_APIC_BASE);
		if (p.id != (p.x2apic ? vcpu->vcpu_id : vcpu->vcpu_id & 0xff))
			*inhibits |= BIT(KVM_APICV_APIC_ID);
		if (!map || p.id >= map->size || vcpu->vcpu_id >= map->size)
			continue;
		map_physical(map, vcpu, p.id);
		if (!p.x2apic && vcpu->vcpu_id > LAPIC_BROADCAST)
			map_physical(map, vcpu, vcpu->vcpu_id);
		map_logical(map, vcpu, &p);
	}
}

/**
 * kvm_apic_map_changed - an id, LDR, DFR or mode changed, or a vCPU came
 * @kvm: VM with local APICs
 *
 * Without memory for a map there is none, and each vCPU is asked.
 *
 * Context: may sleep.
 */
void kvm_apic_map_changed(struct kvm *kvm)
{
	struct kvm_apic_map *map, *old;
	unsigned long inhibits = 0;
	unsigned int why;
	u32 size;

	/* The change comes before the flag: the thread that clears the flag sees the change. */
	atomic_set(&kvm->irq.map_stale, 1);
	mutex_lock(&kvm->irq.map_lock);
	if (!atomic_xchg(&kvm->irq.map_stale, 0))
		goto out;
	size = map_size(kvm);
	map = kvzalloc(struct_size(map, phys, size), GFP_KERNEL_ACCOUNT);
	if (map)
		map->size = size;
	fill_map(kvm, map, &inhibits);
	old = rcu_replace_pointer(kvm->irq.map, map, lockdep_is_held(&kvm->irq.map_lock));
	if (old)
		kvfree_rcu(old, rcu);
	for (why = KVM_APICV_APIC_ID; why <= KVM_APICV_APIC_BASE; why++)
		kvm_apicv_inhibit(kvm, why, inhibits & BIT(why));
	kvm_irqfd_targets_changed(kvm);
	/* The I/O APIC's entries may mean others now. */
	kvm_make_all_cpus_request(kvm, KVM_REQ_SCAN_IOAPIC);
out:
	mutex_unlock(&kvm->irq.map_lock);
}

/** kvm_apic_map_free - the VM ends, and no thread sends interrupts in it any more */
void kvm_apic_map_free(struct kvm *kvm)
{
	kvfree(rcu_dereference_protected(kvm->irq.map, true));
	RCU_INIT_POINTER(kvm->irq.map, NULL);
}

/* --- delivery --- */

/* One message on its way: what has become of it, and the best for lowest priority. */
struct delivery {
	const struct kvm_apic_msg *msg;
	struct kvm_vcpu *from;
	bool one;			/* of the destinations only one takes it */
	u32 turn;			/* whose turn it is among equals */
	int result;
	struct kvm_vcpu *best;
	u32 best_rank;
	bool probe;			/* nothing is delivered: @best is one of @matches */
	u32 matches;
};

static void wake(struct kvm_vcpu *vcpu)
{
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	kvm_vcpu_kick(vcpu);
}

/* SDM 3A 9.4: INIT forgets a SIPI that came before it. */
static void post_event(struct kvm_vcpu *vcpu, int event, u8 vector)
{
	struct kvm_lapic *apic = vcpu->apic;

	if (event == KVM_APIC_INIT)
		clear_bit(KVM_APIC_SIPI, &apic->events);
	else
		WRITE_ONCE(apic->sipi_vector, vector);
	/* The vector before the bit. */
	smp_wmb();
	set_bit(event, &apic->events);
	wake(vcpu);
}

static void trace_accepted(u32 id, bool apicv, const struct kvm_apic_msg *msg)
{
	if (apicv)
		trace_kvm_apicv_accept_irq(id, msg->mode, msg->level, msg->vector);
	else
		trace_kvm_apic_accept_irq(id, msg->mode, msg->level, msg->vector);
}

/* 1 taken, 0 it had it already, -1 not taken. */
static int take_message(struct kvm_vcpu *vcpu, struct kvm_vcpu *from,
			const struct kvm_apic_msg *msg)
{
	switch (msg->mode) {
	case KVM_DM_FIXED:
	case KVM_DM_LOWEST:
		if (!READ_ONCE(vcpu->apic->sw_enabled))
			return -1;
		trace_accepted(vcpu->vcpu_id, vmx_apicv_active(vcpu), msg);
		if (vcpu != from)
			return kvm_apic_post(vcpu, msg->vector, msg->level);
		lapic_post_self(vcpu, msg->vector);
		return 1;
	case KVM_DM_NMI:
		kvm_queue_nmi(vcpu);
		kvm_vcpu_kick(vcpu);
		return 1;
	case KVM_DM_INIT:
		/* INIT level de-assert synchronizes arbitration ids, which nothing uses. */
		if (msg->level && !msg->assert)
			return -1;
		post_event(vcpu, KVM_APIC_INIT, 0);
		return 1;
	case KVM_DM_SIPI:
		post_event(vcpu, KVM_APIC_SIPI, msg->vector);
		return 1;
	case KVM_DM_EXTINT:
		/* The vCPU asks the 8259s. */
		wake(vcpu);
		return 1;
	}
	return -1;
}

static void add_result(struct delivery *d, int r)
{
	if (r >= 0)
		d->result = max(d->result, 0) + r;
}

/* Lowest class of task priority first; among equals whose turn it is. */
static void consider(struct delivery *d, struct kvm_vcpu *vcpu)
{
	u32 tpr, rank;

	if (d->probe) {
		d->best = vcpu;
		d->matches++;
		return;
	}
	if (!d->one) {
		add_result(d, take_message(vcpu, d->from, d->msg));
		return;
	}
	if (!READ_ONCE(vcpu->apic->sw_enabled))
		return;
	tpr = READ_ONCE(*lapic_regp(vcpu->apic, LAPIC_TPR)) & 0xf0;
	rank = tpr << 16 | ((vcpu->vcpu_idx - d->turn) & 0xffff);
	if (!d->best || rank < d->best_rank) {
		d->best = vcpu;
		d->best_rank = rank;
	}
}

static void ask_each(struct kvm *kvm, struct delivery *d)
{
	const struct kvm_apic_msg *msg = d->msg;
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		if (kvm_apic_match(vcpu, d->from, msg->shorthand, msg->dest, msg->logical))
			consider(d, vcpu);
}

/* The bits of @mask are consecutive entries of @table. */
static void consider_table(struct delivery *d, struct kvm_vcpu **table, unsigned long mask)
{
	for (; mask; mask &= mask - 1) {
		struct kvm_vcpu *vcpu = table[__ffs(mask)];

		if (vcpu)
			consider(d, vcpu);
	}
}

/*
 * False for LOGICAL_ASK, where the APICs' models differ or two have a bit in common: each vCPU is
 * asked, by the SDM's rules.
 */
static bool use_map_logical(struct kvm_apic_map *map, struct delivery *d, u32 dest)
{
	u32 first;

	switch (map->model) {
	case LOGICAL_NONE:
		return true;
	case LOGICAL_FLAT:
		if (dest < LAPIC_BROADCAST) {
			dest = array_index_nospec(dest, LAPIC_BROADCAST);
			consider_table(d, map->logical[0], dest);
		}
		return true;
	case LOGICAL_CLUSTER:
		if (dest < LAPIC_BROADCAST) {
			dest = array_index_nospec(dest, LAPIC_BROADCAST);
			consider_table(d, map->logical[dest >> 4], dest & 15);
		}
		return true;
	case LOGICAL_X2APIC:
		first = (dest >> 16) * X2APIC_CLUSTER;
		if (first < map->size) {
			first = array_index_nospec(first, map->size);
			consider_table(d, map->phys + first, dest & 0xffff);
		}
		return true;
	}
	return false;
}

static bool use_map(struct kvm *kvm, struct delivery *d)
{
	struct kvm_apic_map *map = rcu_dereference(kvm->irq.map);
	u32 dest = d->msg->dest;

	if (!map || d->msg->shorthand || may_broadcast(d->from, dest))
		return false;
	if (d->msg->logical)
		return use_map_logical(map, d, dest);
	if (map->ask_physical)
		return false;
	if (dest < map->size) {
		struct kvm_vcpu *vcpu = map->phys[array_index_nospec(dest, map->size)];

		if (vcpu)
			consider(d, vcpu);
	}
	return true;
}

/**
 * kvm_apic_deliver - an interrupt message on the bus
 * @kvm: the VM
 * @from: the vCPU whose APIC sends it, which this is the thread of; NULL for a device
 * @msg: the message
 *
 * Context: any.
 * Return: the number of vCPUs that took it, 0 if all had it already, -1 without a
 * target. What a vCPU sends itself it takes.
 */
int kvm_apic_deliver(struct kvm *kvm, struct kvm_vcpu *from, const struct kvm_apic_msg *msg)
{
	struct delivery d = { .msg = msg, .from = from, .result = KVM_IRQ_NO_TARGET };

	if (msg->shorthand == 1) {
		add_result(&d, take_message(from, from, msg));
		return d.result;
	}
	d.one = msg->mode == KVM_DM_LOWEST || (msg->redirect && msg->mode == KVM_DM_FIXED);
	if (d.one)
		d.turn = atomic_read(&kvm->irq.lowest_turn);
	rcu_read_lock();
	if (!use_map(kvm, &d))
		ask_each(kvm, &d);
	rcu_read_unlock();
	if (d.best) {
		atomic_set(&kvm->irq.lowest_turn, d.best->vcpu_idx + 1);
		add_result(&d, take_message(d.best, from, msg));
	}
	return d.result;
}

/**
 * kvm_apic_only_target - the one vCPU that every such message goes to
 * @kvm: the VM
 * @msg: a device's message with a vector: fixed or lowest priority
 *
 * Context: any.
 * Return: the vCPU, for as long as the map does not change; NULL if there is none,
 * or more than one.
 */
struct kvm_vcpu *kvm_apic_only_target(struct kvm *kvm, const struct kvm_apic_msg *msg)
{
	struct delivery d = { .msg = msg, .probe = true };

	rcu_read_lock();
	if (!use_map(kvm, &d))
		ask_each(kvm, &d);
	rcu_read_unlock();
	return d.matches == 1 ? d.best : NULL;
}
