// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET_LAPIC and KVM_SET_LAPIC at any point change nothing that can be seen;
 * and a fuzzer over all that a guest and user space can write.
 */
#include "lapic_test.h"

/* Divisible by every divisor of the timer's clock: counts are exact. */
#define TIME_STEP	128

/* --- the same things done to several VMs --- */

enum op {
	OP_WRITE, OP_READ, OP_POST, OP_DELIVER, OP_EOI, OP_TIME, OP_DEADLINE, OP_MODE, OP_OWNER,
	OP_LATE, NR_OPS,
};

struct step {
	enum op op;
	u32 reg;
	u64 val;
};

static const u32 liked[] = {
	LAPIC_LVT_TIMER, LAPIC_TMICT, LAPIC_TMICT, LAPIC_TDCR, LAPIC_SVR, LAPIC_TPR, LAPIC_ICR,
	LAPIC_LVT_ERROR,
};

static u64 random_value(struct rng *r, u32 reg)
{
	/* Counts below min_timer_period_us are not exact when periodic. */
	if (reg == LAPIC_TMICT)
		return rng_chance(r, 90) ? 200000 + rng_below(r, 4000) * 50 : 0;
	switch (rng_chance(r, 70) ? reg : 0) {
	case LAPIC_SVR:
		return rng_chance(r, 85) ? 0x1ff : 0xff;
	case LAPIC_LVT_TIMER:
		return rng_below(r, 3) << 17 | 0xe0 | rng_chance(r, 10) << 16;
	case LAPIC_LVT_ERROR:
		return 0xd0;
	case LAPIC_TPR:
		return rng_chance(r, 60) ? 0 : rng_below(r, 256);
	case LAPIC_ICR:
		return 0x40000 | rng_below(r, 256);
	}
	return rng_chance(r, 50) ? rng_next(r) : 1ull << rng_below(r, 64);
}

static struct step random_step(struct rng *r)
{
	struct step s = { .op = rng_below(r, NR_OPS) };

	switch (s.op) {
	case OP_WRITE:
	case OP_READ:
		s.reg = rng_chance(r, 60) ? liked[rng_below(r, ARRAY_SIZE(liked))] :
					    rng_below(r, 64) * 16;
		s.val = random_value(r, s.reg);
		break;
	case OP_POST:
		s.reg = rng_chance(r, 95) ? 16 + rng_below(r, 240) : rng_below(r, 256);
		s.val = rng_chance(r, 30);
		break;
	case OP_TIME:
	case OP_LATE:
		s.val = rng_below(r, rng_chance(r, 20) ? 100000 : 1000) * TIME_STEP;
		break;
	case OP_DEADLINE:
		s.val = rng_chance(r, 10) ? rng_next(r) : rng_below(r, 200000);
		break;
	case OP_MODE:
		s.val = rng_chance(r, 90) ? rng_below(r, 2) + 1 : 0;
		break;
	default:
		s.val = rng_below(r, 2);
	}
	return s;
}

/* What can be seen of it, as a number. */
static u64 do_step(struct kvm_vcpu *v, const struct step *s, u64 now)
{
	u64 val = 0;
	bool ok;

	switch (s->op) {
	case OP_WRITE:
		ok = wr(v, s->reg, s->val);
		return ok;
	case OP_READ:
		ok = rd(v, s->reg, &val);
		return val * 2 + ok;
	case OP_POST:
		return kvm_apic_post(v, s->reg, s->val);
	case OP_DELIVER:
		return deliver_next(v);
	case OP_EOI:
		kvm_apic_take_pir(v);
		wr(v, LAPIC_EOI, 0);
		return seen(v)->eois;
	case OP_DEADLINE:
		kvm_apic_set_tsc_deadline(v, s->val < 200000 ? now * 2 + s->val : s->val);
		return 0;
	case OP_MODE:
		if (s->val == 0) {
			set_mode(v, false, false);
			set_mode(v, true, false);
		} else if (s->val == 2 || !kvm_apic_x2apic(v)) {
			set_mode(v, true, s->val == 2);
		}
		return 0;
	case OP_OWNER:
		if (s->val)
			kvm_apic_timer_to_cpu(v);
		else
			kvm_apic_timer_to_hrtimer(v);
		return 0;
	default:
		return 0;
	}
}

static void pass_time(struct kvm_vcpu **v, int n, const struct step *s)
{
	int i;

	/* A late host's timers have not run yet. */
	if (s->op == OP_LATE)
		shim_now += s->val;
	else if (s->op == OP_TIME)
		shim_run_to(shim_now + s->val);
	else
		return;
	for (i = 0; i < n; i++)
		kvm_apic_timer_expired(v[i]);
}

static bool same(struct kvm_vcpu *a, struct kvm_vcpu *b)
{
	u64 x, y;
	u32 reg;

	/* What the host is late with comes first. */
	shim_run_to(shim_now);
	for (reg = LAPIC_ID; reg < LAPIC_REGS_END; reg += 16) {
		bool ra, rb;

		if (!kvm_apic_x2apic(a) && (reg == LAPIC_SELF_IPI || reg == 0x3a0 || reg == 0x3b0 ||
					    reg == 0x3c0 || reg == 0x3d0 ||
					    (reg >= 0x290 && reg <= 0x2f0) ||
					    (reg >= 0x40 && reg <= 0x70)))
			continue;
		ra = rd(a, reg, &x);
		rb = rd(b, reg, &y);
		if (ra != rb || x != y) {
			printf("# register %#x at %llu: %#llx, %#llx\n", reg,
			       (unsigned long long)shim_now, (unsigned long long)x,
			       (unsigned long long)y);
			return false;
		}
	}
	if (kvm_apic_pending(a) != kvm_apic_pending(b)) {
		printf("# pending: %d, %d\n", kvm_apic_pending(a), kvm_apic_pending(b));
		return false;
	}
	x = kvm_apic_get_tsc_deadline(a);
	y = kvm_apic_get_tsc_deadline(b);
	if (x != y)
		printf("# deadline: %#llx, %#llx\n", (unsigned long long)x, (unsigned long long)y);
	return x == y && kvm_apic_timer_host_deadline(a) == kvm_apic_timer_host_deadline(b);
}

/* Runs @steps steps on all of @v; after each with a look at what they answer. */
static void run_steps(struct rng *r, struct kvm_vcpu **v, int n, int steps)
{
	while (steps-- && test_ok) {
		struct step s = random_step(r);
		u64 first = do_step(v[0], &s, shim_now);
		int i;

		for (i = 1; i < n; i++) {
			if (do_step(v[i], &s, shim_now) != first) {
				printf("# op %d %#x %#llx answers differently\n", s.op, s.reg,
				       (unsigned long long)s.val);
				EXPECT(false);
			}
		}
		pass_time(v, n, &s);
	}
}

static void round_trip(struct kvm_vcpu *v)
{
	struct kvm_lapic_state s;

	EXPECT_EQ(get_lapic(v, &s), 0);
	EXPECT_EQ(set_lapic(v, &s), 0);
}

/* A one-shot count was over when it became periodic: a saved state has no place for that. */
static bool over_but_periodic(struct kvm_vcpu *v)
{
	return v->apic->timer.lvtt & LVT_TIMER_PERIODIC && !v->apic->timer.armed &&
	       get(v, LAPIC_TMICT);
}

/* Saved and put back in place, against one that was left alone. */
static void state_in_place(void)
{
	struct rng r = { 99 };
	int m, i;

	for (m = 0; m < 1500 && test_ok; m++) {
		struct vm *left = vm_new(KVM_IRQCHIP_KERNEL), *moved = vm_new(KVM_IRQCHIP_KERNEL);
		struct kvm_vcpu *v[2] = { vm_add(left, 5), vm_add(moved, 5) };

		left->kvm.irq.x2apic_ids = moved->kvm.irq.x2apic_ids = rng_chance(&r, 50);
		soft_enable(v[0]);
		soft_enable(v[1]);
		for (i = 0; i < 20 && test_ok; i++) {
			run_steps(&r, v, 2, rng_below(&r, 20));
			if (!over_but_periodic(v[1]))
				round_trip(v[1]);
			/* It has sent what the host is late with. */
			shim_run_to(shim_now);
			kvm_apic_timer_expired(v[0]);
			kvm_apic_timer_expired(v[1]);
			if (rng_chance(&r, 30))
				EXPECT(same(v[0], v[1]));
		}
		vm_free(left);
		vm_free(moved);
	}
}

/* Into another VM, as a migration does it: base, page, then the deadline's MSR. */
static void state_migrated(void)
{
	struct rng r = { 4242 };
	int m;

	for (m = 0; m < 3000 && test_ok; m++) {
		struct vm *from = vm_new(KVM_IRQCHIP_KERNEL), *to = vm_new(KVM_IRQCHIP_KERNEL);
		struct kvm_vcpu *v[2] = { vm_add(from, 5), vm_add(to, 5) };
		struct kvm_lapic_state s;
		u64 deadline = 0;
		bool first = rng_chance(&r, 50);

		from->kvm.irq.x2apic_ids = to->kvm.irq.x2apic_ids = rng_chance(&r, 50);
		soft_enable(v[0]);
		run_steps(&r, v, 1, rng_below(&r, 60));
		if (over_but_periodic(v[0]))
			wr(v[0], LAPIC_TMICT, 0);
		/* Errors not yet shown have no place in the state. */
		wr(v[0], LAPIC_ESR, 0);
		if (first)
			deadline = kvm_apic_get_tsc_deadline(v[0]);
		get_lapic(v[0], &s);
		if (!first)
			deadline = kvm_apic_get_tsc_deadline(v[0]);
		set_mode(v[1], true, kvm_apic_x2apic(v[0]));
		if (v[0]->apic->timer.on_cpu)
			kvm_apic_timer_to_cpu(v[1]);
		else
			kvm_apic_timer_to_hrtimer(v[1]);
		EXPECT_EQ(set_lapic(v[1], &s), 0);
		kvm_apic_set_tsc_deadline(v[1], deadline);
		clear_seen(from);
		clear_seen(to);
		EXPECT(same(v[0], v[1]));
		run_steps(&r, v, 2, 60);
		EXPECT(same(v[0], v[1]));
		vm_free(from);
		vm_free(to);
	}
}

/* The form of the id: KVM_CAP_X2APIC_API. */
static void state_id(void)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);
	struct kvm_vcpu *v = vm_add(vm, 9);
	struct kvm_lapic_state s;
	u32 id;

	get_lapic(v, &s);
	EXPECT_EQ(state_reg(&s, LAPIC_ID), 9u << 24);
	/* Of an xAPIC it can be written. */
	id = 0x44000000;
	memcpy(s.regs + LAPIC_ID, &id, 4);
	EXPECT_EQ(set_lapic(v, &s), 0);
	EXPECT_EQ(get(v, LAPIC_ID), 0x44000000);
	EXPECT(kvm_apic_match(v, NULL, 0, 0x44, false));
	set_mode(v, true, true);
	get_lapic(v, &s);
	EXPECT_EQ(state_reg(&s, LAPIC_ID), 9u << 24);
	/* Read-only, and in this format ignored. */
	memcpy(s.regs + LAPIC_ID, &id, 4);
	EXPECT_EQ(set_lapic(v, &s), 0);
	EXPECT_EQ(get(v, LAPIC_ID), 9);
	vm->kvm.irq.x2apic_ids = true;
	get_lapic(v, &s);
	EXPECT_EQ(state_reg(&s, LAPIC_ID), 9);
	memcpy(s.regs + LAPIC_ID, &id, 4);
	wr(v, LAPIC_TPR, 0x50);
	EXPECT_EQ(set_lapic(v, &s), -EINVAL);
	EXPECT_EQ(get(v, LAPIC_TPR), 0x50);
	/* The ICR of an x2APIC, its upper half in ICR2. */
	EXPECT(wr(v, LAPIC_ICR, 0x1234567800004080));
	get_lapic(v, &s);
	EXPECT_EQ(state_reg(&s, LAPIC_ICR), 0x4080);
	EXPECT_EQ(state_reg(&s, LAPIC_ICR2), 0x12345678);
	vm_free(vm);
}

/* A count in the state is what is left, also when the host is late with its end. */
static void state_count(void)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);
	struct kvm_vcpu *v = vm_add(vm, 0);
	struct kvm_lapic_state s;

	soft_enable(v);
	wr(v, LAPIC_TDCR, 0xb);
	wr(v, LAPIC_LVT_TIMER, 0xec);
	wr(v, LAPIC_TMICT, 10000);
	shim_run_to(4000);
	get_lapic(v, &s);
	EXPECT_EQ(state_reg(&s, LAPIC_TMCCT), 6000);
	/* Restored a day later. */
	shim_run_to(4000 + 86400 * NSEC_PER_SEC);
	EXPECT_EQ(deliver_next(v), 0xec);
	set_lapic(v, &s);
	EXPECT_EQ(get(v, LAPIC_TMCCT), 6000);
	shim_run_to(shim_now + 5999);
	EXPECT_EQ(kvm_apic_pending(v), -1);
	shim_now += 2;
	get_lapic(v, &s);
	EXPECT_EQ(state_reg(&s, LAPIC_TMCCT), 0);
	EXPECT(state_reg(&s, LAPIC_IRR + 0x70) & BIT(0xec % 32));
	EXPECT_EQ(deliver_next(v), 0xec);
	wr(v, LAPIC_EOI, 0);
	shim_run_to(shim_now + 1000000);
	EXPECT_EQ(deliver_next(v), -1);
	vm_free(vm);
}

/* With posted interrupts the CPU moves requests to IRR and leaves TMR alone. */
static void state_posted(void)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);
	struct kvm_vcpu *v = vm_add(vm, 0);
	struct kvm_lapic_state s;

	soft_enable(v);
	test_apicv = test_posted = true;
	kvm_apic_post(v, 0x48, true);
	v->apic->pi_desc.control = 0;
	v->apic->pi_desc.pir[1] = 0;
	lapic_mark(v->apic, LAPIC_IRR, 0x48, true);
	get_lapic(v, &s);
	EXPECT_EQ(state_reg(&s, LAPIC_TMR + 0x20), BIT(8));
	set_lapic(v, &s);
	clear_seen(vm);
	kvm_apic_eoi_virtualized(v, 0x48);
	EXPECT_EQ(seen(v)->eois, 1);
	vm_free(vm);
}

/* A sender is between the mode and the request when the state is replaced. */
static void state_amid_post(void)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);
	struct kvm_vcpu *v = vm_add(vm, 0);
	struct kvm_lapic_state s;

	soft_enable(v);
	kvm_apic_post(v, 0x91, true);
	kvm_apic_post(v, 0x92, false);
	get_lapic(v, &s);
	EXPECT_EQ(deliver_next(v), 0x92);
	wr(v, LAPIC_EOI, 0);
	EXPECT_EQ(deliver_next(v), 0x91);
	wr(v, LAPIC_EOI, 0);
	clear_seen(vm);
	kvm_apic_set_level(v, 0x55, true);
	kvm_apic_set_level(v, 0x92, true);
	set_lapic(v, &s);
	set_bit(0x55, (unsigned long *)v->apic->pi_desc.pir);
	set_bit(KVM_PI_ON_BIT, (unsigned long *)&v->apic->pi_desc.control);
	EXPECT_EQ(deliver_next(v), 0x92);
	wr(v, LAPIC_EOI, 0);
	EXPECT_EQ(seen(v)->eois, 0);
	EXPECT_EQ(deliver_next(v), 0x91);
	wr(v, LAPIC_EOI, 0);
	EXPECT_EQ(seen(v)->eois, 1);
	EXPECT_EQ(deliver_next(v), 0x55);
	wr(v, LAPIC_EOI, 0);
	EXPECT_EQ(seen(v)->eois, 2);
	vm_free(vm);
}

/* An access of the guest or of user space to any register. */
static void fuzz_access(struct rng *r, struct kvm_vcpu *v, u64 val)
{
	struct kvm_lapic_state s;
	unsigned int k;

	switch (rng_below(r, 6)) {
	case 0:
		get_lapic(v, &s);
		for (k = rng_below(r, 64); k; k--)
			s.regs[rng_below(r, sizeof(s.regs))] = rng_next(r);
		set_lapic(v, &s);
		break;
	case 1:
		kvm_apic_mmio_write(v, 0xfee00000 + rng_below(r, 4096), 1 << rng_below(r, 4), &val);
		break;
	case 2:
		kvm_apic_mmio_read(v, 0xfee00000 + rng_below(r, 4096), 1 << rng_below(r, 4), &val);
		break;
	case 3:
		kvm_apic_msr_write(v, 0x800 + rng_below(r, 256), val, rng_chance(r, 50));
		break;
	case 4:
		kvm_apic_msr_read(v, 0x800 + rng_below(r, 256), &val, false);
		break;
	case 5:
		local_irq_disable();
		kvm_apic_msr_write_fast(v, rng_chance(r, 20) ? 0x6e0 : 0x800 + rng_below(r, 64),
					val);
		local_irq_enable();
		break;
	}
}

static void fuzz_message(struct kvm_vcpu *v, u64 val)
{
	struct kvm_apic_msg msg = {
		.vector = val, .mode = val >> 8 & 7, .shorthand = val >> 11 & 3,
		.logical = val & BIT(13), .assert = val & BIT(14), .level = val & BIT(15),
		.redirect = val & BIT(16), .dest = val >> 32,
	};

	kvm_apic_deliver(v->kvm, msg.shorthand ? v : NULL, &msg);
}

/* What happens to a vCPU otherwise. */
static void fuzz_event(struct rng *r, struct kvm_vcpu *v, u64 val)
{
	switch (rng_below(r, 6)) {
	case 0:
		fuzz_message(v, val);
		break;
	case 1:
		v->halt.mp_state = rng_below(r, 4);
		kvm_accept_init_sipi(v);
		break;
	case 2:
		lapic_set(v->apic, rng_below(r, 64) * 16, val);
		kvm_apic_written(v, rng_below(r, 256) * 16);
		break;
	case 3:
		shim_run_to(shim_now + rng_below(r, 10 * NSEC_PER_MSEC));
		kvm_apic_timer_expired(v);
		break;
	case 4:
		set_mode(v, val & 1, (val & 3) == 3);
		break;
	case 5:
		deliver_next(v);
		kvm_apic_eoi_virtualized(v, val);
		if (val & 0x100)
			kvm_apic_timer_to_hrtimer(v);
		else
			kvm_apic_timer_to_cpu(v);
		break;
	}
}

/* Any order of anything; the sanitizers and the shim's checks are the judges. */
static void fuzz(void)
{
	struct rng r = { 31337 };
	int m, i;

	for (m = 0; m < 400; m++) {
		struct vm *vm = vm_new(1 + rng_below(&r, 2));

		vm->kvm.irq.x2apic_ids = rng_chance(&r, 50);
		for (i = 0; i < 4; i++)
			vm_add(vm, i * 97);
		test_apicv = rng_chance(&r, 50);
		for (i = 0; i < 600; i++) {
			struct kvm_vcpu *v = vm->vcpu[rng_below(&r, 4)];
			u64 val = rng_next(&r);

			if (rng_chance(&r, 50))
				fuzz_access(&r, v, val);
			else
				fuzz_event(&r, v, val);
		}
		vm_free(vm);
	}
}

const struct test state_tests[] = {
	{ "state_id", state_id },
	{ "state_count", state_count },
	{ "state_posted", state_posted },
	{ "state_amid_post", state_amid_post },
	{ "state_in_place", state_in_place },
	{ "state_migrated", state_migrated },
	{ "fuzz", fuzz },
	{ }
};
