// SPDX-License-Identifier: GPL-2.0-only
/* Destinations and delivery modes: SDM 3A 11.6, 11.11.1, 11.12.10; INIT and SIPI 9.4. */
#include "lapic_test.h"

/* --- the rules again, read from the manual rather than from the code --- */

struct dest {
	u32 id;
	bool logical;
	u8 shorthand;
	struct kvm_vcpu *from;
};

static bool xapic_logical(struct kvm_vcpu *v, u8 mda)
{
	u8 ldr = lapic_get(v->apic, LAPIC_LDR) >> 24;

	if (mda == 0xff)
		return true;
	/* Flat: any bit in common. Cluster: the same cluster, and any bit of four. */
	if (lapic_get(v->apic, LAPIC_DFR) >> 28 == 0xf)
		return mda & ldr;
	return (mda & 0xf0) == (ldr & 0xf0) && (mda & ldr & 0xf);
}

static bool x2apic_logical(struct kvm_vcpu *v, u32 dest)
{
	u32 cluster = v->vcpu_id / 16, member = v->vcpu_id % 16;

	return dest == ~0u || (dest >> 16 == cluster && (dest & (1u << member)));
}

static bool meant(struct vm *vm, struct kvm_vcpu *v, const struct dest *d)
{
	bool x2 = kvm_apic_x2apic(v), wide;

	if (!kvm_apic_hw_enabled(v))
		return false;
	if (d->shorthand)
		return d->shorthand == 2 || (v == d->from) == (d->shorthand == 1);
	/* How wide the field is, so what "all ones" is. */
	wide = d->from ? kvm_apic_x2apic(d->from) : d->id > 0xff;
	if (wide ? d->id == ~0u : d->id == 0xff) {
		if (wide || d->from || !x2 || !vm->kvm.irq.no_broadcast_quirk)
			return true;
	}
	if (d->logical) {
		if (x2)
			return d->id != ~0u && x2apic_logical(v, d->id);
		return d->id < 0xff && xapic_logical(v, d->id);
	}
	if (x2)
		return d->id == v->vcpu_id;
	return d->id == lapic_get(v->apic, LAPIC_ID) >> 24 ||
	       (d->id > 0xff && d->id == v->vcpu_id);
}

/* --- random machines --- */

enum kind { XAPIC_FLAT, XAPIC_CLUSTER, XAPIC_WILD, X2APIC, MIXED, NR_KINDS };

static struct vm *machine(struct rng *r, enum kind kind)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);
	int i, n = 1 + rng_below(r, 20), id = rng_chance(r, 30) ? 245 : 0;

	vm->kvm.irq.no_broadcast_quirk = rng_chance(r, 50);
	for (i = 0; i < n; i++, id += 1 + rng_below(r, kind == XAPIC_FLAT ? 1 : 7)) {
		struct kvm_vcpu *v = vm_add(vm, id);

		if (kind == X2APIC || (kind == MIXED && rng_chance(r, 50))) {
			set_mode(v, true, true);
		} else if (kind == XAPIC_FLAT) {
			wr(v, LAPIC_LDR, 1u << (24 + i % 8));
		} else if (kind == XAPIC_CLUSTER) {
			wr(v, LAPIC_DFR, 0);
			wr(v, LAPIC_LDR, (u32)(i / 4) << 28 | 1u << (24 + i % 4));
		} else {
			wr(v, LAPIC_DFR, rng_chance(r, 50) ? 0 : ~0u);
			wr(v, LAPIC_LDR, rng_next(r));
			if (rng_chance(r, 30))
				wr(v, LAPIC_ID, rng_next(r));
		}
		if (rng_chance(r, 90))
			soft_enable(v);
		if (rng_chance(r, 3))
			set_mode(v, false, false);
	}
	/* In some rounds the allocation of the map fails. */
	if (rng_chance(r, 10)) {
		shim_fail_alloc = 1;
		kvm_apic_map_changed(&vm->kvm);
		SHIM_CHECK(!vm->kvm.irq.map);
	}
	return vm;
}

static struct dest destination(struct rng *r, struct vm *vm)
{
	struct kvm_vcpu *v = vm->vcpu[rng_below(r, vm->n)];
	struct dest d = { .logical = rng_chance(r, 60) };

	if (rng_chance(r, 50))
		d.from = vm->vcpu[rng_below(r, vm->n)];
	if (d.from && rng_chance(r, 30))
		d.shorthand = 1 + rng_below(r, 3);
	switch (rng_below(r, 5)) {
	case 0:
		d.id = v->vcpu_id;
		break;
	case 1:
		d.id = rng_below(r, 0x120);
		break;
	case 2:
		d.id = rng_chance(r, 50) ? 0xff : ~0u;
		break;
	case 3:
		d.id = (v->vcpu_id / 16) << 16 | rng_below(r, 0x10000);
		break;
	case 4:
		d.id = rng_next(r);
		break;
	}
	if (d.from && !kvm_apic_x2apic(d.from))
		d.id &= 0xff;
	return d;
}

static struct kvm_apic_msg message(const struct dest *d, u8 mode, u8 vector)
{
	return (struct kvm_apic_msg) {
		.vector = vector, .mode = mode, .shorthand = d->shorthand, .logical = d->logical,
		.assert = true, .dest = d->id,
	};
}

static void drain(struct vm *vm)
{
	int i;

	for (i = 0; i < vm->n; i++) {
		kvm_apic_take_pir(vm->vcpu[i]);
		memset(vm->vcpu[i]->apic->page + LAPIC_IRR, 0, 0x80);
	}
}

static void say(struct vm *vm, const struct dest *d, struct kvm_vcpu *v)
{
	printf("# to %#x %s shorthand %u from %d: vCPU id %#x base %#llx ID %#x LDR %#x DFR %#x\n",
	       d->id, d->logical ? "logical" : "physical", d->shorthand,
	       d->from ? d->from->vcpu_id : -1, v->vcpu_id, (unsigned long long)v->msr.apic_base,
	       lapic_get(v->apic, LAPIC_ID), lapic_get(v->apic, LAPIC_LDR),
	       lapic_get(v->apic, LAPIC_DFR));
}

static void fixed_once(struct vm *vm, const struct dest *d)
{
	struct kvm_apic_msg msg = message(d, KVM_DM_FIXED, 0x40);
	struct kvm_vcpu *only = NULL;
	int i, r, want = -1, all = 0;

	r = kvm_apic_deliver(&vm->kvm, d->from, &msg);
	for (i = 0; i < vm->n; i++) {
		struct kvm_vcpu *v = vm->vcpu[i];
		bool m = meant(vm, v, d);

		if (m != kvm_apic_match(v, d->from, d->shorthand, d->id, d->logical) ||
		    (m && v->apic->sw_enabled) != requested(v, 0x40)) {
			say(vm, d, v);
			EXPECT(false);
		}
		if (m && v->apic->sw_enabled)
			want = max(want, 0) + 1;
		if (m) {
			only = v;
			all++;
		}
	}
	if (!d->from)
		EXPECT(kvm_apic_only_target(&vm->kvm, &msg) == (all == 1 ? only : NULL));
	EXPECT_EQ(r, want);
	/* All of them have it already. */
	if (!d->from)
		EXPECT_EQ(kvm_apic_deliver(&vm->kvm, NULL, &msg), min(want, 0));
	drain(vm);
}

static void destinations(enum kind kind)
{
	struct rng r = { 77 + kind };
	int m, i;

	for (m = 0; m < 300 && test_ok; m++) {
		struct vm *vm = machine(&r, kind);

		for (i = 0; i < 60 && test_ok; i++) {
			struct dest d = destination(&r, vm);

			fixed_once(vm, &d);
		}
		vm_free(vm);
	}
}

static void dest_flat(void) { destinations(XAPIC_FLAT); }
static void dest_cluster(void) { destinations(XAPIC_CLUSTER); }
static void dest_wild(void) { destinations(XAPIC_WILD); }
static void dest_x2apic(void) { destinations(X2APIC); }
static void dest_mixed(void) { destinations(MIXED); }

/* One of those that are meant, of the lowest class of task priority. */
static void lowest_priority(void)
{
	struct rng r = { 5 };
	int m, i, k;

	for (m = 0; m < 300 && test_ok; m++) {
		struct vm *vm = machine(&r, rng_below(&r, NR_KINDS));

		for (k = 0; k < vm->n; k++)
			if (kvm_apic_hw_enabled(vm->vcpu[k]) && rng_chance(&r, 50))
				wr(vm->vcpu[k], LAPIC_TPR, rng_below(&r, 3) << 4);
		for (i = 0; i < 60 && test_ok; i++) {
			struct dest d = destination(&r, vm);
			struct kvm_apic_msg msg = message(&d, KVM_DM_LOWEST, 0x55);
			int best = 256, got = 0, n = 0, result;

			if (d.shorthand == 1)
				continue;
			/* A redirection hint is the same. */
			if (rng_chance(&r, 50)) {
				msg.mode = KVM_DM_FIXED;
				msg.redirect = true;
			}
			for (k = 0; k < vm->n; k++) {
				struct kvm_vcpu *v = vm->vcpu[k];

				if (meant(vm, v, &d) && v->apic->sw_enabled) {
					n++;
					best = min(best, (int)lapic_get(v->apic, LAPIC_TPR) >> 4);
				}
			}
			result = kvm_apic_deliver(&vm->kvm, d.from, &msg);
			EXPECT_EQ(result, n ? 1 : -1);
			for (k = 0; k < vm->n; k++) {
				struct kvm_vcpu *v = vm->vcpu[k];

				if (!requested(v, 0x55))
					continue;
				got++;
				EXPECT(meant(vm, v, &d));
				EXPECT_EQ(lapic_get(v->apic, LAPIC_TPR) >> 4, best);
			}
			EXPECT_EQ(got, !!n);
			drain(vm);
		}
		vm_free(vm);
	}
}

/* Equals take turns. */
static void lowest_is_fair(void)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);
	struct kvm_apic_msg msg = {
		.mode = KVM_DM_LOWEST, .vector = 0x60, .logical = true, .dest = 0x3b,
	};
	int i, k, got[6] = { 0 };

	for (i = 0; i < 6; i++) {
		struct kvm_vcpu *v = vm_add(vm, i);

		soft_enable(v);
		wr(v, LAPIC_LDR, 1u << (24 + i));
	}
	for (i = 0; i < 500; i++) {
		kvm_apic_deliver(&vm->kvm, NULL, &msg);
		for (k = 0; k < 6; k++)
			got[k] += requested(vm->vcpu[k], 0x60);
		drain(vm);
	}
	for (k = 0; k < 6; k++)
		EXPECT_EQ(got[k], k == 2 ? 0 : 100);
	vm_free(vm);
}

/* ICR, SDM 3A 11.6.1. */
static void send(struct kvm_vcpu *v, u64 icr)
{
	if (kvm_apic_x2apic(v)) {
		EXPECT(wr(v, LAPIC_ICR, icr));
	} else {
		wr(v, LAPIC_ICR2, icr >> 32 << 24);
		wr(v, LAPIC_ICR, icr);
	}
}

static void ipis(bool x2apic)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);
	struct kvm_vcpu *a, *b, *c;
	int i;

	for (i = 0; i < 3; i++) {
		vm_add(vm, i);
		if (x2apic)
			set_mode(vm->vcpu[i], true, true);
		soft_enable(vm->vcpu[i]);
	}
	a = vm->vcpu[0];
	b = vm->vcpu[1];
	c = vm->vcpu[2];
	/* A fixed interrupt is edge-triggered even with the trigger-mode bit set. */
	send(a, 1ull << 32 | 0xc080);
	EXPECT(requested(b, 0x80) && !requested(a, 0x80) && !requested(c, 0x80));
	kvm_apic_take_pir(b);
	EXPECT(!lapic_test(b->apic, LAPIC_TMR, 0x80));
	send(a, 0x40081);
	EXPECT(requested(a, 0x81) && !requested(b, 0x81));
	send(a, 0x80082);
	EXPECT(requested(a, 0x82) && requested(b, 0x82) && requested(c, 0x82));
	send(a, 0xc0083);
	EXPECT(!requested(a, 0x83) && requested(b, 0x83) && requested(c, 0x83));
	/* NMI has no vector and does not ask whether software enabled the APIC. */
	wr(b, LAPIC_SVR, 0xff);
	clear_seen(vm);
	send(a, 1ull << 32 | 0x4400);
	EXPECT_EQ(seen(b)->nmis, 1);
	EXPECT_EQ(seen(b)->kicks, 1);
	send(a, 0xc4400);
	EXPECT(seen(b)->nmis == 2 && seen(c)->nmis == 1 && seen(a)->nmis == 0);
	/* SMI, reserved, ExtINT: no vCPU gets them. */
	clear_seen(vm);
	send(a, 0xc4200);
	send(a, 0xc4300);
	send(a, 0xc4700);
	EXPECT(!seen(b)->kicks && !b->apic->events);
	/* INIT; its de-assertion means nothing; not to itself. */
	send(a, 1ull << 32 | 0xc500);
	EXPECT_EQ(b->apic->events, BIT(KVM_APIC_INIT));
	EXPECT_EQ(seen(b)->kicks, 1);
	send(a, 2ull << 32 | 0x8500);
	EXPECT_EQ(c->apic->events, 0);
	send(a, 0x44500);
	send(a, 0x84600);
	EXPECT_EQ(a->apic->events, 0);
	send(a, 1ull << 32 | 0x4612);
	EXPECT_EQ(b->apic->events, BIT(KVM_APIC_INIT) | BIT(KVM_APIC_SIPI));
	EXPECT_EQ(b->apic->sipi_vector, 0x12);
	/* An INIT after the SIPI cancels it. */
	send(a, 1ull << 32 | 0x4500);
	EXPECT_EQ(b->apic->events, BIT(KVM_APIC_INIT));
	vm_free(vm);
}

static void ipis_xapic(void) { ipis(false); }
static void ipis_x2apic(void) { ipis(true); }

/* SDM 3A 9.4.4.1 */
static void startup(void)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);
	struct kvm_vcpu *bsp = vm_add(vm, 0), *ap = vm_add(vm, 1);
	struct x86_segment cs;

	soft_enable(bsp);
	ap->halt.mp_state = KVM_MP_STATE_UNINITIALIZED;
	/* A SIPI before any INIT is ignored. */
	send(bsp, 1ull << 32 | 0x4699);
	kvm_accept_init_sipi(ap);
	EXPECT_EQ(ap->halt.mp_state, KVM_MP_STATE_UNINITIALIZED);
	send(bsp, 1ull << 32 | 0x4500);
	kvm_accept_init_sipi(ap);
	EXPECT_EQ(ap->halt.mp_state, KVM_MP_STATE_INIT_RECEIVED);
	EXPECT_EQ(seen(ap)->resets, 1);
	send(bsp, 1ull << 32 | 0x4609);
	kvm_accept_init_sipi(ap);
	EXPECT_EQ(ap->halt.mp_state, KVM_MP_STATE_RUNNABLE);
	vmx_get_segment(ap, X86_SEG_CS, &cs);
	EXPECT_EQ(cs.selector, 0x900);
	EXPECT_EQ(cs.base, 0x9000);
	EXPECT_EQ(ap->regs.rip, 0);
	/* The second SIPI of the usual sequence finds it running. */
	ap->regs.rip = 0x1234;
	send(bsp, 1ull << 32 | 0x460a);
	kvm_accept_init_sipi(ap);
	EXPECT_EQ(ap->regs.rip, 0x1234);
	/* INIT and SIPI together. */
	send(bsp, 1ull << 32 | 0x4500);
	send(bsp, 1ull << 32 | 0x460b);
	kvm_accept_init_sipi(ap);
	EXPECT_EQ(ap->halt.mp_state, KVM_MP_STATE_RUNNABLE);
	vmx_get_segment(ap, X86_SEG_CS, &cs);
	EXPECT_EQ(cs.base, 0xb000);
	/* The boot processor starts at its reset vector. */
	bsp->halt.mp_state = KVM_MP_STATE_HALTED;
	soft_enable(ap);
	send(ap, 0x4500);
	kvm_accept_init_sipi(bsp);
	EXPECT_EQ(bsp->halt.mp_state, KVM_MP_STATE_RUNNABLE);
	EXPECT_EQ(ap->apic->events, 0);
	vm_free(vm);
}

/* ExtINT by an I/O APIC makes the vCPU ask the 8259s. */
static void extint(void)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);
	struct kvm_vcpu *v = vm_add(vm, 0);
	struct kvm_apic_msg msg = { .mode = KVM_DM_EXTINT };

	v->kick.requests = 0;
	EXPECT_EQ(kvm_apic_deliver(&vm->kvm, NULL, &msg), 1);
	EXPECT(v->kick.requests & BIT(KVM_REQ_EVENT));
	EXPECT_EQ(seen(v)->kicks, 1);
	msg.mode = KVM_DM_SMI;
	EXPECT_EQ(kvm_apic_deliver(&vm->kvm, NULL, &msg), -1);
	vm_free(vm);
}

/* A vCPU that joins is found, and a change is seen at once. */
static void map_follows(void)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);
	struct kvm_apic_msg msg = { .vector = 0x70, .dest = 4000 };
	struct kvm_vcpu *v;

	v = vm_add(vm, 0);
	soft_enable(v);
	EXPECT_EQ(kvm_apic_deliver(&vm->kvm, NULL, &msg), -1);
	v = vm_add(vm, 4000);
	set_mode(v, true, true);
	soft_enable(v);
	EXPECT_EQ(kvm_apic_deliver(&vm->kvm, NULL, &msg), 1);
	/* One vCPU is in the last cluster of the map, and 15 places are empty. */
	msg = (struct kvm_apic_msg) {
		.vector = 0x71, .logical = true, .dest = 250u << 16 | 0xffff,
	};
	EXPECT_EQ(kvm_apic_deliver(&vm->kvm, NULL, &msg), 1);
	msg.dest = 0xfffeffff;
	EXPECT_EQ(kvm_apic_deliver(&vm->kvm, NULL, &msg), -1);
	vm_free(vm);
}

/*
 * Another vCPU builds the map while this one goes from one mode to the other: of its public
 * fields any may be old or new. The sanitizers see what is written beside the map.
 */
static void map_of_a_mixture(void)
{
	const struct kvm_apic_public from = {
		.id = 17, .ldr = 0xf1, .on = true, .cluster = true,
	}, to = {
		.id = 0x1001, .ldr = x2apic_ldr(0x1001), .on = true, .x2apic = true, .moved = true,
	};
	struct vm *vm = vm_new(KVM_IRQCHIP_SPLIT);
	struct kvm_vcpu *v, *other;
	unsigned int new;

	other = vm_add(vm, 0);
	v = vm_add(vm, 17);
	for (new = 0; new < 64; new++) {
		v->apic->public = (struct kvm_apic_public) {
			.id = new & 1 ? to.id : from.id, .ldr = new & 2 ? to.ldr : from.ldr,
			.on = new & 4 ? to.on : from.on,
			.x2apic = new & 8 ? to.x2apic : from.x2apic,
			.cluster = new & 16 ? to.cluster : from.cluster,
			.moved = new & 32 ? to.moved : from.moved,
		};
		kvm_apic_map_changed(other->kvm);
	}
	EXPECT(rcu_access_pointer(vm->kvm.irq.map));
	vm_free(vm);
}

const struct test msg_tests[] = {
	{ "destinations_flat", dest_flat },
	{ "destinations_cluster", dest_cluster },
	{ "destinations_any_ldr", dest_wild },
	{ "destinations_x2apic", dest_x2apic },
	{ "destinations_mixed", dest_mixed },
	{ "lowest_priority", lowest_priority },
	{ "lowest_is_fair", lowest_is_fair },
	{ "ipis_xapic", ipis_xapic },
	{ "ipis_x2apic", ipis_x2apic },
	{ "startup", startup },
	{ "extint", extint },
	{ "map_follows", map_follows },
	{ "map_of_a_mixture", map_of_a_mixture },
	{ }
};
