// SPDX-License-Identifier: GPL-2.0-only
/* The timer of the local APIC, SDM 3A 11.5.4: neither lost nor early. */
#include "lapic_test.h"
#include "state.h"

#define VECTOR	0xec
#define PERIODIC	LVT_TIMER_PERIODIC
#define DEADLINE	LVT_TIMER_DEADLINE

static struct vm *one(struct kvm_vcpu **v, u32 lvtt)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);

	*v = vm_add(vm, 0);
	soft_enable(*v);
	wr(*v, LAPIC_LVT_TIMER, lvtt | VECTOR);
	return vm;
}

/* Delivered now? With its EOI. */
static bool came(struct kvm_vcpu *v)
{
	int vector = deliver_next(v);

	if (vector >= 0)
		wr(v, LAPIC_EOI, 0);
	return vector == VECTOR;
}

/* Nothing until just before @at, and then once. */
static void expect_at(struct kvm_vcpu *v, u64 at)
{
	SHIM_CHECK(at > shim_now);
	shim_run_to(at - 1);
	EXPECT(!came(v));
	shim_run_to(at);
	EXPECT(came(v));
	EXPECT(!came(v));
}

static const struct {
	u32 tdcr, divide;
} dividers[] = {
	{ 0x0, 2 }, { 0x1, 4 }, { 0x2, 8 }, { 0x3, 16 }, { 0x8, 32 }, { 0x9, 64 }, { 0xa, 128 },
	{ 0xb, 1 },
};

static void one_shot(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dividers); i++) {
		struct kvm_vcpu *v;
		struct vm *vm = one(&v, 0);
		u64 start = 1000, span = 5000ull * dividers[i].divide;

		shim_run_to(start);
		wr(v, LAPIC_TDCR, dividers[i].tdcr);
		wr(v, LAPIC_TMICT, 5000);
		EXPECT_EQ(get(v, LAPIC_TMCCT), 5000);
		shim_run_to(start + span / 2);
		EXPECT_EQ(get(v, LAPIC_TMCCT), 2500);
		expect_at(v, start + span);
		EXPECT_EQ(get(v, LAPIC_TMCCT), 0);
		EXPECT_EQ(get(v, LAPIC_TMICT), 5000);
		shim_run_to(start + 10 * span);
		EXPECT(!came(v));
		/* 0 stops it. */
		wr(v, LAPIC_TMICT, 5000);
		wr(v, LAPIC_TMICT, 0);
		shim_run_to(shim_now + 2 * span);
		EXPECT(!came(v));
		vm_free(vm);
	}
}

/* KVM_CAP_X86_APIC_BUS_CYCLES_NS */
static void bus_clock(void)
{
	static const u32 bus_ns[] = { 1, 40, KVM_APIC_BUS_NS_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bus_ns); i++) {
		struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);
		struct kvm_vcpu *v;

		vm->kvm.irq.apic_bus_ns = bus_ns[i];
		v = vm_add(vm, 0);
		soft_enable(v);
		wr(v, LAPIC_LVT_TIMER, VECTOR);
		wr(v, LAPIC_TDCR, 0xa);
		wr(v, LAPIC_TMICT, ~0u);
		EXPECT_EQ(get(v, LAPIC_TMCCT), ~0u);
		expect_at(v, 0xffffffffull * 128 * bus_ns[i]);
		vm_free(vm);
	}
}

static void periodic(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v, PERIODIC);
	u64 start, period = 1000000;
	int i;

	wr(v, LAPIC_TDCR, 0xb);
	shim_run_to(777);
	start = shim_now;
	wr(v, LAPIC_TMICT, period);
	for (i = 1; i < 100; i++)
		expect_at(v, start + i * period);
	shim_run_to(shim_now + period / 4);
	EXPECT_EQ(get(v, LAPIC_TMCCT), period * 3 / 4);
	/* A host that is late for several: one interrupt, and the phase is kept. */
	shim_now += 10 * period;
	EXPECT_EQ(get(v, LAPIC_TMCCT), period * 3 / 4);
	shim_run_to(shim_now);
	EXPECT(came(v));
	EXPECT(!came(v));
	expect_at(v, start + 110 * period);
	/* To one-shot: the count goes on, and ends. */
	wr(v, LAPIC_LVT_TIMER, VECTOR);
	expect_at(v, start + 111 * period);
	shim_run_to(shim_now + 5 * period);
	EXPECT(!came(v));
	/* And back: what is over stays so, until a count is written. */
	wr(v, LAPIC_LVT_TIMER, PERIODIC | VECTOR);
	EXPECT_EQ(get(v, LAPIC_TMCCT), 0);
	EXPECT_EQ(get(v, LAPIC_TMICT), period);
	shim_run_to(shim_now + 5 * period);
	EXPECT(!came(v));
	start = shim_now;
	wr(v, LAPIC_TMICT, period);
	expect_at(v, start + period);
	expect_at(v, start + 2 * period);
	vm_free(vm);
}

/* A guest that asks for 1 ns gets min_timer_period_us. */
static void shortest_period(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v, PERIODIC);
	int n = 0;

	wr(v, LAPIC_TDCR, 0xb);
	wr(v, LAPIC_TMICT, 1);
	EXPECT_EQ(get(v, LAPIC_TMCCT), 1);
	while (shim_now < NSEC_PER_SEC) {
		shim_run_to(shim_now + 1000);
		n += came(v);
	}
	EXPECT_EQ(n, 5000);
	vm_free(vm);
}

static void divide_while_counting(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v, 0);

	wr(v, LAPIC_TDCR, 0xb);
	wr(v, LAPIC_TMICT, 10000);
	shim_run_to(4000);
	wr(v, LAPIC_TDCR, 0x3);
	EXPECT_EQ(get(v, LAPIC_TMCCT), 6000);
	expect_at(v, 4000 + 6000 * 16);
	wr(v, LAPIC_TDCR, 0xb);
	shim_run_to(shim_now + 1000000);
	EXPECT(!came(v));
	vm_free(vm);
}

static void masked(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v, LVT_MASKED);

	wr(v, LAPIC_TDCR, 0xb);
	wr(v, LAPIC_TMICT, 10000);
	shim_run_to(5000);
	EXPECT_EQ(get(v, LAPIC_TMCCT), 5000);
	/* Unmasked in time; with another vector. */
	wr(v, LAPIC_LVT_TIMER, 0x99);
	shim_run_to(10000);
	EXPECT_EQ(deliver_next(v), 0x99);
	wr(v, LAPIC_EOI, 0);
	/* Masked when it expires: nothing, and nothing later. */
	wr(v, LAPIC_LVT_TIMER, LVT_MASKED | VECTOR);
	wr(v, LAPIC_TMICT, 10000);
	shim_run_to(30000);
	wr(v, LAPIC_LVT_TIMER, VECTOR);
	EXPECT(!came(v));
	shim_run_to(60000);
	EXPECT(!came(v));
	vm_free(vm);
}

/* 2 GHz: two ticks a nanosecond. */
static u64 tsc_at(struct kvm_vcpu *v, u64 ns)
{
	return ns * 2 + v->tsc.offset;
}

static void deadline_by(bool cpu)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v, DEADLINE);

	if (!cpu)
		kvm_apic_timer_to_hrtimer(v);
	v->tsc.offset = 0x123456789;
	shim_run_to(500);
	kvm_apic_set_tsc_deadline(v, tsc_at(v, 10000));
	EXPECT_EQ(kvm_apic_get_tsc_deadline(v), tsc_at(v, 10000));
	EXPECT_EQ(get(v, LAPIC_TMCCT), 0);
	if (cpu) {
		EXPECT_EQ(kvm_apic_timer_host_deadline(v), 20000);
		shim_run_to(9000);
		/* The count of the preemption timer ended a little early. */
		kvm_apic_timer_expired(v);
		EXPECT(!came(v));
		EXPECT_EQ(kvm_apic_timer_host_deadline(v), 20000);
		shim_run_to(10000);
		kvm_apic_timer_expired(v);
		EXPECT(came(v));
		EXPECT_EQ(kvm_apic_timer_host_deadline(v), 0);
	} else {
		EXPECT_EQ(kvm_apic_timer_host_deadline(v), 0);
		shim_run_to(9999);
		EXPECT(!came(v));
		shim_run_to(10002);
		EXPECT(came(v));
	}
	EXPECT_EQ(kvm_apic_get_tsc_deadline(v), 0);
	/* Past already: at once. */
	kvm_apic_set_tsc_deadline(v, 1);
	EXPECT(came(v));
	EXPECT_EQ(kvm_apic_get_tsc_deadline(v), 0);
	EXPECT_EQ(kvm_apic_timer_host_deadline(v), 0);
	/* Disarmed; and far away. */
	kvm_apic_set_tsc_deadline(v, tsc_at(v, 20000));
	kvm_apic_set_tsc_deadline(v, 0);
	shim_run_to(30000);
	kvm_apic_timer_expired(v);
	EXPECT(!came(v));
	kvm_apic_set_tsc_deadline(v, ~0ull);
	EXPECT_EQ(kvm_apic_get_tsc_deadline(v), ~0ull);
	EXPECT(!cpu || kvm_apic_timer_host_deadline(v) > rdtsc());
	shim_run_to(3 * 365 * 24 * 3600 * NSEC_PER_SEC);
	kvm_apic_timer_expired(v);
	EXPECT(!came(v));
	EXPECT_EQ(kvm_apic_get_tsc_deadline(v), ~0ull);
	vm_free(vm);
}

static void deadline_hrtimer(void) { deadline_by(false); }
static void deadline_cpu(void) { deadline_by(true); }

/* The guest may take the CPU where the preemption timer stops, from the start or from now on. */
static void deadline_mwait(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v, DEADLINE);

	kvm_apic_set_tsc_deadline(v, 200000);
	EXPECT_EQ(kvm_apic_timer_host_deadline(v), 200000);
	v->kvm->settings.disabled_exits = KVM_X86_DISABLE_EXITS_HLT;
	kvm_apic_timer_to_cpu(v);
	EXPECT_EQ(kvm_apic_timer_host_deadline(v), 200000);
	v->kvm->settings.disabled_exits = KVM_X86_DISABLE_EXITS_MWAIT;
	kvm_apic_timer_to_cpu(v);
	EXPECT_EQ(kvm_apic_timer_host_deadline(v), 0);
	EXPECT(v->apic->timer.hrtimer.active);
	shim_run_to(100002);
	EXPECT(came(v));
	kvm_apic_set_tsc_deadline(v, 300000);
	EXPECT_EQ(kvm_apic_timer_host_deadline(v), 0);
	EXPECT(v->apic->timer.hrtimer.active);
	vm_free(vm);
}

/* The timer moves to the hrtimer and back, to another CPU, and the TSC jumps. */
static void deadline_hand_over(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v, DEADLINE);

	kvm_apic_set_tsc_deadline(v, 200000);
	EXPECT(!v->apic->timer.hrtimer.active);
	kvm_apic_timer_to_hrtimer(v);
	EXPECT_EQ(kvm_apic_timer_host_deadline(v), 0);
	EXPECT(v->apic->timer.hrtimer.active);
	kvm_apic_timer_migrate(v);
	EXPECT(v->apic->timer.hrtimer.active);
	kvm_apic_timer_to_cpu(v);
	EXPECT(!v->apic->timer.hrtimer.active);
	EXPECT_EQ(kvm_apic_timer_host_deadline(v), 200000);
	v->tsc.offset = 100000;
	kvm_apic_timer_tsc_changed(v);
	EXPECT_EQ(kvm_apic_timer_host_deadline(v), 100000);
	kvm_apic_timer_to_hrtimer(v);
	shim_run_to(49999);
	EXPECT(!came(v));
	shim_run_to(50002);
	EXPECT(came(v));
	/* The deadline has passed when the hrtimer takes over: one interrupt, at once. */
	kvm_apic_set_tsc_deadline(v, 250000);
	kvm_apic_timer_to_cpu(v);
	shim_run_to(80000);
	kvm_apic_timer_to_hrtimer(v);
	EXPECT(came(v));
	kvm_apic_timer_to_cpu(v);
	kvm_apic_timer_to_hrtimer(v);
	shim_run_to(200000);
	EXPECT(!came(v));
	vm_free(vm);
}

/* Between the deadline and counts nothing is carried over. */
static void deadline_mode_changes(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v, 0);

	wr(v, LAPIC_TDCR, 0xb);
	kvm_apic_set_tsc_deadline(v, 1);
	EXPECT(!came(v));
	EXPECT_EQ(kvm_apic_get_tsc_deadline(v), 0);
	wr(v, LAPIC_TMICT, 10000);
	wr(v, LAPIC_LVT_TIMER, DEADLINE | VECTOR);
	shim_run_to(20000);
	EXPECT(!came(v));
	wr(v, LAPIC_TMICT, 100);
	EXPECT_EQ(get(v, LAPIC_TMICT), 0);
	shim_run_to(30000);
	EXPECT(!came(v));
	kvm_apic_set_tsc_deadline(v, 100000);
	wr(v, LAPIC_LVT_TIMER, PERIODIC | VECTOR);
	EXPECT_EQ(kvm_apic_get_tsc_deadline(v), 0);
	wr(v, LAPIC_LVT_TIMER, DEADLINE | VECTOR);
	EXPECT_EQ(kvm_apic_get_tsc_deadline(v), 0);
	shim_run_to(1000000);
	kvm_apic_timer_expired(v);
	EXPECT(!came(v));
	vm_free(vm);
}

/* Until its interrupt is in the page the deadline stands, so no order of saving loses it. */
static void deadline_saved(void)
{
	struct kvm_lapic_state s;
	struct kvm_vcpu *v;
	struct vm *vm = one(&v, DEADLINE);
	u32 irr = LAPIC_IRR + VECTOR / 32 * 16;

	kvm_apic_timer_to_hrtimer(v);
	kvm_apic_set_tsc_deadline(v, 20000);
	get_lapic(v, &s);
	EXPECT(!(state_reg(&s, irr) & BIT(VECTOR % 32)));
	shim_run_to(50000);
	EXPECT_EQ(kvm_apic_get_tsc_deadline(v), 20000);
	get_lapic(v, &s);
	EXPECT(state_reg(&s, irr) & BIT(VECTOR % 32));
	EXPECT_EQ(kvm_apic_get_tsc_deadline(v), 0);
	/* Restored before the deadline is: it stays armed; the page does not disarm it. */
	EXPECT(came(v));
	kvm_apic_set_tsc_deadline(v, 200000);
	get_lapic(v, &s);
	set_lapic(v, &s);
	EXPECT_EQ(kvm_apic_get_tsc_deadline(v), 200000);
	shim_run_to(100002);
	EXPECT(came(v));
	vm_free(vm);
}

/* Where the host's clock is steered the hrtimer looks at the TSC before it sends. */
static void deadline_slow_tsc(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v, DEADLINE);
	u64 khz = shim_tsc_khz;

	kvm_apic_timer_to_hrtimer(v);
	kvm_apic_set_tsc_deadline(v, 2000000);
	shim_tsc_khz = khz * 9 / 10;
	shim_run_to(1000010);
	EXPECT(!came(v));
	shim_run_to(1111100);
	EXPECT(!came(v));
	shim_run_to(1120000);
	EXPECT(came(v));
	shim_tsc_khz = khz;
	vm_free(vm);
}

/* TSC scaling: the guest's ticks are neither a multiple nor a part of the host's. */
static void deadline_scaled(void)
{
	static const u64 ratio[] = {
		KVM_TSC_RATIO_ONE / 3, KVM_TSC_RATIO_ONE * 7 / 5, KVM_TSC_RATIO_ONE * 5 - 1,
	};
	struct kvm_vcpu *v;
	struct vm *vm = one(&v, DEADLINE);
	struct rng r = { 8 };
	int i;

	for (i = 0; i < 3000; i++) {
		bool cpu = rng_chance(&r, 50);
		u64 deadline;

		v->tsc.ratio = ratio[i % ARRAY_SIZE(ratio)];
		if (cpu)
			kvm_apic_timer_to_cpu(v);
		else
			kvm_apic_timer_to_hrtimer(v);
		deadline = kvm_read_guest_tsc(v) + 1 + rng_below(&r, 5000);
		kvm_apic_set_tsc_deadline(v, deadline);
		while (test_ok) {
			bool due;

			if (cpu && rdtsc() >= kvm_apic_timer_host_deadline(v))
				kvm_apic_timer_expired(v);
			due = kvm_read_guest_tsc(v) >= deadline;
			if (came(v)) {
				EXPECT(due);
				break;
			}
			/* At most two nanoseconds late. */
			EXPECT(!due || kvm_read_guest_tsc(v) - deadline < 25);
			shim_run_to(shim_now + 1);
		}
	}
	vm_free(vm);
}

/* Software-disabled: masked, and so lost; INIT stops it. */
static void stopped(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v, PERIODIC);

	wr(v, LAPIC_TDCR, 0xb);
	wr(v, LAPIC_TMICT, 1000000);
	wr(v, LAPIC_SVR, 0xff);
	shim_run_to(1500000);
	soft_enable(v);
	EXPECT(!came(v));
	wr(v, LAPIC_LVT_TIMER, PERIODIC | VECTOR);
	expect_at(v, 2000000);
	kvm_apic_reset(v, true);
	soft_enable(v);
	wr(v, LAPIC_LVT_TIMER, PERIODIC | VECTOR);
	shim_run_to(10000000);
	EXPECT(!came(v));
	EXPECT_EQ(get(v, LAPIC_TMCCT), 0);
	vm_free(vm);
}

const struct test timer_tests[] = {
	{ "timer_one_shot", one_shot },
	{ "timer_bus_clock", bus_clock },
	{ "timer_periodic", periodic },
	{ "timer_shortest_period", shortest_period },
	{ "timer_divide_while_counting", divide_while_counting },
	{ "timer_masked", masked },
	{ "deadline_hrtimer", deadline_hrtimer },
	{ "deadline_cpu", deadline_cpu },
	{ "deadline_hand_over", deadline_hand_over },
	{ "deadline_mwait", deadline_mwait },
	{ "deadline_mode_changes", deadline_mode_changes },
	{ "deadline_saved", deadline_saved },
	{ "deadline_slow_tsc", deadline_slow_tsc },
	{ "deadline_scaled", deadline_scaled },
	{ "timer_stopped", stopped },
	{ }
};
