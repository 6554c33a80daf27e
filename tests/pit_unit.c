// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254 against its data sheet: each mode pulse by pulse against pit_model.c,
 * reads and latches, interrupts, re-injection, state saved at any point,
 * and whatever a guest may write.
 */
#include "../irqchip/pit.h"
#include "chips.h"
#include "pit_model.h"

/* --- what surrounds the chip --- */

static int irq_answer = 1;	/* what kvm_set_irq() says */
static u64 irqs, irq_times[4096];

static u64 pulse_now(void)
{
	return pit_ns_to_pulse(shim_now);
}

int kvm_set_irq(struct kvm *kvm, int source, u32 gsi, int level)
{
	SHIM_CHECK(source == KVM_PIT_SOURCE && !gsi);
	if (level) {
		kvm->irq.reserved_pins++;	/* counts, as nothing else uses it here */
		irq_times[irqs % ARRAY_SIZE(irq_times)] = pulse_now();
		irqs++;
	}
	return level ? irq_answer : 1;
}

static struct kvm_irq_ack_notifier *notifier;

void kvm_register_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n)
{
	SHIM_CHECK(!n->gsi);
	notifier = n;
}

void kvm_unregister_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *n)
{
	SHIM_CHECK(notifier == n);
	notifier = NULL;
}

static void set_reinject(struct kvm *kvm, bool on)
{
	struct kvm_reinject_control c = { .pit_reinject = on };

	EXPECT(call(kvm, kvm_vm_ioctl_reinject_control, &c), 0);
}

static struct kvm *pit_new(void)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct kvm *kvm = vm_new();

	kvm->irq.mode = KVM_IRQCHIP_KERNEL;
	EXPECT(call(kvm, kvm_vm_ioctl_create_pit2, &config), 0);
	set_reinject(kvm, false);
	irqs = 0;
	irq_answer = 1;
	return kvm;
}

static void pit_end(struct kvm *kvm)
{
	kvm_pit_stop(kvm);
	kvm_pit_destroy(kvm);
	vm_free(kvm);
}

static void run_pulses(u64 n)
{
	shim_run_to(pit_pulse_to_ns(pulse_now() + n));
}

static void control(struct kvm *kvm, int n, int rw, int mode, bool bcd)
{
	port_out(kvm, 0x43, n << 6 | rw << 4 | mode << 1 | bcd);
}

static void count_word(struct kvm *kvm, int n, u16 val)
{
	port_out(kvm, 0x40 + n, val);
	port_out(kvm, 0x40 + n, val >> 8);
}

static u16 read_word(struct kvm *kvm, int n)
{
	u8 low = port_in(kvm, 0x40 + n);

	return low | port_in(kvm, 0x40 + n) << 8;
}

static u16 latched(struct kvm *kvm, int n)
{
	port_out(kvm, 0x43, n << 6);
	return read_word(kvm, n);
}

static u8 status(struct kvm *kvm, int n)
{
	port_out(kvm, 0x43, 0xe0 | 2 << n);
	return port_in(kvm, 0x40 + n);
}

/* --- against the model --- */

/* Counter 2 and its model do the same for @steps; after each they are compared. */
static void against_model(struct rng *r, int mode, bool bcd, int steps)
{
	struct kvm *kvm = pit_new();
	struct pit_model m = { };
	int i;

	pit_model_gate(&m, true);
	port_out(kvm, 0x61, 1);
	control(kvm, 2, 3, mode, bcd);
	pit_model_program(&m, mode, bcd);
	for (i = 0; i < steps && !test_failed; i++) {
		u32 n = 2 + rng_below(r, rng_chance(r, 30) ? 9990 : 12), k;

		switch (rng_below(r, 6)) {
		case 0:
			count_word(kvm, 2, bcd ? pit_model_bcd(n) : n);
			pit_model_count(&m, n);
			break;
		case 1:
			port_out(kvm, 0x61, !m.gate);
			pit_model_gate(&m, !m.gate);
			break;
		default:
			n = rng_below(r, rng_chance(r, 10) ? 70000 : 9);
			run_pulses(n);
			for (k = 0; k < n; k++)
				pit_model_pulse(&m);
		}
		EXPECT(!!(port_in(kvm, 0x61) & 0x20), m.out);
		if (!m.cr)
			continue;
		EXPECT(latched(kvm, 2), pit_model_read(&m));
		EXPECT(status(kvm, 2), m.out << 7 | m.null << 6 | 0x30 | mode << 1 | bcd);
		if (test_failed)
			printf("# mode %d, bcd %d, step %d\n", mode, bcd, i);
	}
	pit_end(kvm);
}

static void modes_pulse_by_pulse(void)
{
	struct rng r = { 1 };
	int mode, i;

	for (mode = 0; mode < 6; mode++)
		for (i = 0; i < 40 && !test_failed; i++)
			against_model(&r, mode, i & 1, 60);
}

/* --- the data sheet's cases --- */

static void counts_of_zero(void)
{
	struct kvm *kvm = pit_new();

	control(kvm, 0, 3, 2, false);
	count_word(kvm, 0, 0);
	run_pulses(1);
	EXPECT(latched(kvm, 0), 0xffff);
	run_pulses(65534);
	EXPECT(status(kvm, 0) >> 7, 0);
	run_pulses(1);
	EXPECT(latched(kvm, 0), 0);
	EXPECT(status(kvm, 0) >> 7, 1);
	control(kvm, 0, 3, 2, true);
	count_word(kvm, 0, 0);
	run_pulses(1);
	EXPECT(latched(kvm, 0), 0x9999);
	run_pulses(9999);
	EXPECT(latched(kvm, 0), 0);
	pit_end(kvm);
}

static void bytes_and_words(void)
{
	struct kvm *kvm = pit_new();

	control(kvm, 0, 1, 0, false);
	port_out(kvm, 0x40, 0x80);
	run_pulses(3);
	EXPECT(port_in(kvm, 0x40), 0x7d);
	EXPECT(port_in(kvm, 0x40), 0x7d);
	control(kvm, 0, 2, 0, false);
	port_out(kvm, 0x40, 0x80);
	run_pulses(1);
	EXPECT(port_in(kvm, 0x40), 0x7f);
	EXPECT(port_in(kvm, 0x40), 0x7f);
	port_out(kvm, 0x43, 0);
	EXPECT(port_in(kvm, 0x40), 0x7f);
	/* Low byte, high byte; reads and writes do not disturb each other. */
	control(kvm, 0, 3, 0, false);
	port_out(kvm, 0x40, 0x34);
	EXPECT(status(kvm, 0), 0x70);
	port_out(kvm, 0x40, 0x12);
	EXPECT(port_in(kvm, 0x40), 0x34);
	port_out(kvm, 0x40, 0x78);
	EXPECT(port_in(kvm, 0x40), 0);
	port_out(kvm, 0x40, 0x56);
	EXPECT(latched(kvm, 0), 0x5678);
	/* A wide access is one to each port. */
	bus_write(kvm, KVM_PIO_BUS, 0x42, 2, 0xb000);
	EXPECT(status(kvm, 2) & 0x3f, 0x30);
	bus_write(kvm, KVM_PIO_BUS, 0x40, 4, 0x10ff0000);
	EXPECT(status(kvm, 0) & 0x3f, 0x10);
	EXPECT(bus_read(kvm, KVM_PIO_BUS, 0x43, 1), 0);
	EXPECT(bus_read(kvm, KVM_PIO_BUS, 0x43, 2), ~0ull);
	pit_end(kvm);
}

static void latches(void)
{
	struct kvm *kvm = pit_new();
	int n;

	for (n = 0; n < 3; n++) {
		control(kvm, n, 3, 0, false);
		count_word(kvm, n, 0x4000);
	}
	port_out(kvm, 0x61, 1);
	port_out(kvm, 0x43, 0x40);
	run_pulses(0x10);
	port_out(kvm, 0x43, 0x40);			/* the second is ignored */
	EXPECT(port_in(kvm, 0x41), 0x00);
	run_pulses(0x10);
	EXPECT(port_in(kvm, 0x41), 0x40);
	EXPECT(read_word(kvm, 1), 0x3fe0);
	/* Read-back: both of 0 and 2; the status comes first. */
	port_out(kvm, 0x43, 0xc0 | 2 | 8);
	run_pulses(5);
	port_out(kvm, 0x43, 0xc0 | 2);
	EXPECT(port_in(kvm, 0x40), 0x30);
	EXPECT(read_word(kvm, 0), 0x3fe0);
	EXPECT(read_word(kvm, 0), 0x3fdb);
	EXPECT(port_in(kvm, 0x42), 0x30);
	EXPECT(read_word(kvm, 2), 0x3fe0);
	/* Counts only, of 1. */
	port_out(kvm, 0x43, 0xd0 | 4);
	run_pulses(1);
	EXPECT(read_word(kvm, 1), 0x3fdb);
	/* A control word forgets what was latched. */
	port_out(kvm, 0x43, 0xc0 | 4);
	control(kvm, 1, 3, 2, false);
	EXPECT(read_word(kvm, 1), 0);
	EXPECT(status(kvm, 1), 0xf4);
	pit_end(kvm);
}

static void speaker(void)
{
	struct kvm *kvm = pit_new();
	struct kvm_pit_state2 s;
	int i, toggles = 0;
	u8 was = port_in(kvm, 0x61);

	EXPECT(was & 3, 0);
	port_out(kvm, 0x61, 0xff);
	EXPECT(port_in(kvm, 0x61) & ~0x30, 3);
	EXPECT(call(kvm, kvm_vm_ioctl_get_pit2, &s), 0);
	EXPECT(s.flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	EXPECT(s.channels[2].gate, 1);
	for (i = 0; i < 180; i++) {
		u8 now;

		run_pulses(1);
		now = port_in(kvm, 0x61);
		toggles += (now ^ was) >> 4 & 1;
		was = now;
	}
	EXPECT(toggles, 10);
	EXPECT(bus_read(kvm, KVM_PIO_BUS, 0x60, 1), ~0ull);
	pit_end(kvm);
}

/* --- interrupts --- */

static void interrupts(void)
{
	struct kvm *kvm = pit_new();
	u64 begin;
	u32 i;

	control(kvm, 0, 3, 2, false);
	EXPECT(irqs, 0);
	begin = pulse_now();
	count_word(kvm, 0, 1000);
	run_pulses(999);
	EXPECT(irqs, 0);
	run_pulses(1000 * 1000);
	EXPECT(irqs, 1000);
	/* No drift: every one in its pulse. */
	for (i = 0; i < 1000; i++)
		EXPECT(irq_times[i], begin + (i + 1) * 1000);
	/* A new count begins when this period ends. */
	count_word(kvm, 0, 5000);
	run_pulses(1);
	EXPECT(irqs, 1001);
	run_pulses(4999);
	EXPECT(irqs, 1001);
	run_pulses(1);
	EXPECT(irqs, 1002);
	/* Mode 0 once, after the control word nothing. */
	control(kvm, 0, 3, 0, false);
	run_pulses(20000);
	EXPECT(irqs, 1002);
	count_word(kvm, 0, 300);
	run_pulses(299);
	EXPECT(irqs, 1002);
	run_pulses(200000);
	EXPECT(irqs, 1003);
	/* Mode 4: OUT rises after its pulse. Mode 1: no gate, no trigger. */
	control(kvm, 0, 3, 4, false);
	count_word(kvm, 0, 300);
	run_pulses(300);
	EXPECT(irqs, 1003);
	run_pulses(1);
	EXPECT(irqs, 1004);
	control(kvm, 0, 3, 1, false);
	count_word(kvm, 0, 300);
	run_pulses(1000000);
	EXPECT(irqs, 1004);
	pit_end(kvm);
}

/* A period shorter than the least one is stretched to it, so that it costs the host no more. */
static void shortest_period(void)
{
	struct kvm *kvm = pit_new();

	control(kvm, 0, 3, 2, false);
	count_word(kvm, 0, 1);
	run_pulses(239 * 100);
	EXPECT(irqs >= 99 && irqs <= 101, true);
	control(kvm, 0, 3, 3, false);
	irqs = 0;
	count_word(kvm, 0, 2);
	run_pulses(239 * 100);
	EXPECT(irqs >= 99 && irqs <= 101, true);
	pit_end(kvm);
}

/* The host was late: without re-injection the ticks it missed are dropped. */
static void late_host(void)
{
	struct kvm *kvm = pit_new();

	control(kvm, 0, 3, 2, false);
	count_word(kvm, 0, 1000);
	shim_now = pit_pulse_to_ns(pulse_now() + 10500);
	shim_run_to(shim_now);
	EXPECT(irqs, 1);
	run_pulses(499);
	EXPECT(irqs, 1);
	run_pulses(1);
	EXPECT(irqs, 2);
	/* A tick that is due is delivered even if the guest writes to the 8254 first. */
	shim_now = pit_pulse_to_ns(pulse_now() + 1000);
	control(kvm, 0, 3, 2, false);
	EXPECT(irqs, 3);
	pit_end(kvm);
}

static void reinjection(void)
{
	struct kvm *kvm = pit_new();
	int i;

	set_reinject(kvm, true);
	control(kvm, 0, 3, 2, false);
	count_word(kvm, 0, 1000);
	run_pulses(10000);
	EXPECT(irqs, 1);
	for (i = 2; i <= 10; i++) {
		notifier->acked(notifier);
		EXPECT(irqs, i);
	}
	notifier->acked(notifier);
	EXPECT(irqs, 10);
	run_pulses(1000);
	EXPECT(irqs, 11);
	/* If the acknowledgment never comes, the next tick is delivered after a while. */
	run_pulses(150000);
	EXPECT(irqs, 12);
	/* Masked: no acknowledgment is awaited, and no tick is kept for later. */
	notifier->acked(notifier);
	set_reinject(kvm, false);
	set_reinject(kvm, true);
	irq_answer = -1;
	irqs = 0;
	run_pulses(5000);
	EXPECT(irqs, 5);
	irq_answer = 1;
	run_pulses(1000);
	EXPECT(irqs, 6);
	notifier->acked(notifier);
	EXPECT(irqs, 6);
	set_reinject(kvm, false);
	EXPECT(!!notifier, false);
	pit_end(kvm);
}

static void hpet_legacy(void)
{
	struct kvm *kvm = pit_new();
	struct kvm_pit_state2 s;

	control(kvm, 0, 3, 2, false);
	count_word(kvm, 0, 1000);
	EXPECT(call(kvm, kvm_vm_ioctl_get_pit2, &s), 0);
	EXPECT(s.flags, 0);
	s.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	EXPECT(call(kvm, kvm_vm_ioctl_set_pit2, &s), 0);
	run_pulses(10000);
	EXPECT(irqs, 0);
	EXPECT(latched(kvm, 0), 1000);
	control(kvm, 0, 3, 2, false);
	count_word(kvm, 0, 500);
	run_pulses(10000);
	EXPECT(irqs, 0);
	EXPECT(call(kvm, kvm_vm_ioctl_get_pit2, &s), 0);
	EXPECT(s.flags, KVM_PIT_FLAGS_HPET_LEGACY);
	s.flags = 0;
	EXPECT(call(kvm, kvm_vm_ioctl_set_pit2, &s), 0);
	run_pulses(500);
	EXPECT(irqs, 1);
	pit_end(kvm);
}

/* --- state --- */

static void errors(void)
{
	struct kvm_pit_config config = { };
	struct kvm *kvm = vm_new();
	struct kvm_pit_state2 s = { }, before, after;
	struct kvm_pit_state old = { };

	EXPECT(call(kvm, kvm_vm_ioctl_get_pit, &old), -ENXIO);
	EXPECT(call(kvm, kvm_vm_ioctl_set_pit, &old), -ENXIO);
	EXPECT(call(kvm, kvm_vm_ioctl_get_pit2, &s), -ENXIO);
	EXPECT(call(kvm, kvm_vm_ioctl_set_pit2, &s), -ENXIO);
	EXPECT(call(kvm, kvm_vm_ioctl_reinject_control, &s), -ENXIO);
	EXPECT(call(kvm, kvm_vm_ioctl_create_pit2, &config), -ENOENT);
	kvm->irq.mode = KVM_IRQCHIP_SPLIT;
	EXPECT(call(kvm, kvm_vm_ioctl_create_pit, NULL), -ENOENT);
	kvm->irq.mode = KVM_IRQCHIP_KERNEL;
	shim_fail_alloc = 1;
	EXPECT(call(kvm, kvm_vm_ioctl_create_pit2, &config), -ENOMEM);
	EXPECT(call(kvm, kvm_vm_ioctl_create_pit2, &config), 0);
	EXPECT(call(kvm, kvm_vm_ioctl_create_pit2, &config), -EEXIST);
	EXPECT(call(kvm, kvm_vm_ioctl_create_pit, NULL), -EEXIST);
	EXPECT(bus_read(kvm, KVM_PIO_BUS, 0x61, 1), ~0ull);
	control(kvm, 0, 3, 2, false);
	count_word(kvm, 0, 0x1234);
	call(kvm, kvm_vm_ioctl_get_pit2, &before);
	s = before;
	s.channels[1].count = 0x10001;
	EXPECT(call(kvm, kvm_vm_ioctl_set_pit2, &s), -EINVAL);
	s = before;
	s.channels[2].mode = 6;
	EXPECT(call(kvm, kvm_vm_ioctl_set_pit2, &s), -EINVAL);
	s = before;
	s.channels[2].read_state = 5;
	EXPECT(call(kvm, kvm_vm_ioctl_set_pit2, &s), -EINVAL);
	call(kvm, kvm_vm_ioctl_get_pit2, &after);
	EXPECT(memcmp(&before, &after, sizeof(before)), 0);
	/* KVM_SET_PIT leaves the flags alone. */
	s = before;
	s.flags = KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	EXPECT(call(kvm, kvm_vm_ioctl_set_pit2, &s), 0);
	EXPECT(call(kvm, kvm_vm_ioctl_get_pit, &old), 0);
	old.channels[0].count = 0x4321;
	EXPECT(call(kvm, kvm_vm_ioctl_set_pit, &old), 0);
	call(kvm, kvm_vm_ioctl_get_pit2, &after);
	EXPECT(after.flags, s.flags);
	EXPECT(after.channels[0].count, 0x4321);
	/* A load time of the future means now. */
	s = before;
	s.channels[0].count_load_time = shim_now + NSEC_PER_SEC;
	EXPECT(call(kvm, kvm_vm_ioctl_set_pit2, &s), 0);
	EXPECT(latched(kvm, 0), 0x1234);
	pit_end(kvm);
}

/* Anything a guest may do; the answer of reads. */
static u64 random_access(struct rng *r, struct kvm *kvm, struct rng *values)
{
	static const u16 ports[] = { 0x40, 0x41, 0x42, 0x42, 0x43, 0x43, 0x61 };
	u16 port = ports[rng_below(r, ARRAY_SIZE(ports))];
	int len = rng_chance(r, 90) ? 1 : 1 << rng_below(r, 3);
	u64 val = rng_next(values);

	if (rng_chance(r, 40))
		return bus_read(kvm, KVM_PIO_BUS, port, len);
	if (rng_chance(r, 50))
		val &= 0x0f0f0f0f;
	return bus_write(kvm, KVM_PIO_BUS, port, len, val);
}

static struct kvm *save_and_restore(struct kvm *kvm)
{
	struct kvm *copy = pit_new();
	struct kvm_pit_state2 s, again;

	EXPECT(call(kvm, kvm_vm_ioctl_get_pit2, &s), 0);
	EXPECT(call(copy, kvm_vm_ioctl_set_pit2, &s), 0);
	EXPECT(call(copy, kvm_vm_ioctl_get_pit2, &again), 0);
	EXPECT(memcmp(&s, &again, sizeof(s)), 0);
	copy->irq.reserved_pins = kvm->irq.reserved_pins;
	pit_end(kvm);
	return copy;
}

/* One VM is saved and restored again and again, the other is not: both answer the same. */
static void state_at_any_point(void)
{
	u64 seed, step;

	for (seed = 1; seed <= 200 && !test_failed; seed++) {
		struct kvm *a = pit_new(), *b = pit_new();
		struct rng r = { seed };

		for (step = 0; step < 300 && !test_failed; step++) {
			struct rng ra = r, rb = r, va = { step }, vb = { step };

			EXPECT(random_access(&ra, a, &va), random_access(&rb, b, &vb));
			if (rng_chance(&r, 30))
				b = save_and_restore(b);
			run_pulses(rng_below(&r, rng_chance(&r, 20) ? 100000 : 10));
			EXPECT(a->irq.reserved_pins, b->irq.reserved_pins);
		}
		if (test_failed)
			printf("# seed %llu, step %llu\n", (unsigned long long)seed,
			       (unsigned long long)step);
		pit_end(a);
		pit_end(b);
	}
}

/* No write, no state and no leap of time may break it. */
static void fuzz(void)
{
	u64 seed, step;

	for (seed = 1; seed <= 100; seed++) {
		struct kvm *kvm = pit_new();
		struct rng r = { seed };

		set_reinject(kvm, seed & 1);
		for (step = 0; step < 500; step++) {
			struct kvm_pit_state2 s;
			u32 i;

			random_access(&r, kvm, &r);
			if (rng_chance(&r, 5) && notifier)
				notifier->acked(notifier);
			if (rng_chance(&r, 10))
				shim_now += rng_next(&r) >> (24 + rng_below(&r, 32));
			if (rng_chance(&r, 10)) {
				call(kvm, kvm_vm_ioctl_get_pit2, &s);
				for (i = 0; i < 4; i++)
					((u8 *)&s)[rng_below(&r, sizeof(s))] = rng_next(&r);
				call(kvm, kvm_vm_ioctl_set_pit2, &s);
			}
			if (rng_chance(&r, 30))
				run_pulses(rng_below(&r, 5000));
		}
		pit_end(kvm);
	}
}

int main(void)
{
	ktap_start(13);
	RUN(modes_pulse_by_pulse);
	RUN(counts_of_zero);
	RUN(bytes_and_words);
	RUN(latches);
	RUN(speaker);
	RUN(interrupts);
	RUN(shortest_period);
	RUN(late_host);
	RUN(reinjection);
	RUN(hpet_legacy);
	RUN(errors);
	RUN(state_at_any_point);
	RUN(fuzz);
	return ktap_end();
}
