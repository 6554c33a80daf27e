// SPDX-License-Identifier: GPL-2.0-only
/*
 * One counter of the 8254 (Intel order number 231164): where it stands at a pulse,
 * computed from where it was loaded.
 */
#include <linux/bits.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/time64.h>
#include "pit.h"

/* Interrupts come no faster, whatever the guest asks for: 200 us. */
#define MIN_PERIOD	239

u64 pit_ns_to_pulse(u64 ns)
{
	return mul_u64_u32_div(ns, KVM_PIT_HZ, NSEC_PER_SEC);
}

/* The first nanosecond of a pulse, so that there and back is the same. */
u64 pit_pulse_to_ns(u64 pulse)
{
	u64 ns = mul_u64_u32_div(pulse, NSEC_PER_SEC, KVM_PIT_HZ);

	return pit_ns_to_pulse(ns) < pulse ? ns + 1 : ns;
}

/* Pulses of a written count. */
u32 pit_pulses(const struct pit_counter *c, u32 raw)
{
	if (!c->bcd)
		return raw;
	if (raw == 0x10000)
		return 10000;
	return (raw >> 12) * 1000 + (raw >> 8 & 15) * 100 + (raw >> 4 & 15) * 10 + (raw & 15);
}

static u32 to_bcd(u32 v)
{
	return v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
}

static bool periodic(const struct pit_counter *c)
{
	return c->mode == 2 || c->mode == 3;
}

/* Modes that begin with the rise of the gate and not with the count. */
static bool by_trigger(const struct pit_counter *c)
{
	return c->mode == 1 || c->mode == 5;
}

static u64 elapsed(const struct pit_counter *c, u64 now)
{
	if (by_trigger(c))
		return c->triggered ? now - c->start : 0;
	return c->gate ? now - c->start : c->held;
}

/* In mode 3, for how long OUT is high. */
static u32 high_pulses(u32 n)
{
	return (n + 1) / 2;
}

/* When a count written now takes over: the end of the period, or of half of one. */
static u64 take_over(const struct pit_counter *c, u64 now)
{
	u32 n = pit_pulses(c, c->count), p = (now - c->start) % n;

	return now - p + (c->mode == 3 && p < high_pulses(n) ? high_pulses(n) : n);
}

/* The count that waited is in force if its time has come. */
void pit_settle(struct pit_counter *c, u64 now)
{
	bool half;

	if (!c->next || !periodic(c) || !c->gate || now < c->next_at)
		return;
	half = (c->next_at - c->start) % pit_pulses(c, c->count);
	c->count = c->next;
	c->next = 0;
	c->start = c->next_at;
	/* It goes on with the low half. */
	if (half)
		c->start -= high_pulses(pit_pulses(c, c->count));
}

bool pit_out(const struct pit_counter *c, u64 now)
{
	u64 d = elapsed(c, now);
	u32 n = pit_pulses(c, c->count);

	if (!n)
		return c->mode != 0;
	switch (c->mode) {
	case 0:
		return d >= n;
	case 1:
		return !c->triggered || d >= n;
	case 2:
		return !c->gate || d % n != n - 1;
	case 3:
		return !c->gate || d % n < high_pulses(n);
	case 4:
		return d != n;
	case 5:
		return !c->triggered || d != n;
	}
	return true;
}

/* What the counting element holds. */
static u16 counting(const struct pit_counter *c, u64 now)
{
	u32 n = pit_pulses(c, c->count), round = c->bcd ? 10000 : 0x10000, v;
	u64 d = elapsed(c, now);

	if (!n)
		return 0;
	if (c->mode == 2) {
		v = n - d % n;
	} else if (c->mode == 3) {
		v = d % n;
		if (v >= high_pulses(n))
			v -= high_pulses(n);
		v = (n & ~1u) - 2 * v;
	} else {
		v = n + round - d % round;
	}
	return c->bcd ? to_bcd(v) : v;
}

static void load_count(struct pit_counter *c, u32 raw, u64 now)
{
	if (!raw)
		raw = 0x10000;
	if (c->count && ((periodic(c) && c->gate) || (by_trigger(c) && c->triggered))) {
		c->next = raw;
		if (periodic(c))
			c->next_at = take_over(c, now);
		return;
	}
	c->count = raw;
	c->next = 0;
	c->start = now;
	c->held = 0;
}

void pit_write_count(struct pit_counter *c, u8 val, u64 now)
{
	switch (c->write_state) {
	case RW_MSB:
		load_count(c, val << 8, now);
		break;
	case RW_WORD:
		c->write_latch = val;
		c->write_state = RW_WORD_HIGH;
		/* The first byte stops it. */
		if (c->mode == 0)
			c->count = 0;
		break;
	case RW_WORD_HIGH:
		c->write_state = RW_WORD;
		load_count(c, val << 8 | c->write_latch, now);
		break;
	default:
		load_count(c, val, now);
	}
}

static u8 read_latch(struct pit_counter *c)
{
	u8 state = c->count_latched;

	c->count_latched = state == RW_WORD ? RW_MSB : 0;
	return state == RW_MSB || state == RW_WORD_HIGH ? c->latch >> 8 : c->latch;
}

u8 pit_read_count(struct pit_counter *c, u64 now)
{
	u16 v;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	if (c->count_latched)
		return read_latch(c);
	v = counting(c, now);
	switch (c->read_state) {
	case RW_WORD:
		c->read_state = RW_WORD_HIGH;
		return v;
	case RW_WORD_HIGH:
		c->read_state = RW_WORD;
		return v >> 8;
	case RW_MSB:
		return v >> 8;
	}
	return v;
}

/* A second latch command before the first is read does nothing. */
void pit_latch_count(struct pit_counter *c, u64 now)
{
	if (c->count_latched)
		return;
	c->latch = counting(c, now);
	c->count_latched = c->rw_mode ?: RW_LSB;
}

void pit_latch_status(struct pit_counter *c, u64 now)
{
	if (c->status_latched)
		return;
	c->status = pit_out(c, now) << 7 | (!c->count || c->next) << 6 | c->rw_mode << 4 |
		    (c->mode & 7) << 1 | c->bcd;
	c->status_latched = true;
}

/* A control word: a new beginning, the count is still to come. */
void pit_program(struct pit_counter *c, u8 val)
{
	u8 mode = val >> 1 & 7;

	*c = (struct pit_counter) {
		.mode = mode > 5 ? mode & 3 : mode,
		.bcd = val & 1,
		.rw_mode = val >> 4 & 3,
		.gate = c->gate,
	};
	c->read_state = c->rw_mode;
	c->write_state = c->rw_mode;
}

void pit_set_gate(struct pit_counter *c, bool gate, u64 now)
{
	if (c->gate == gate)
		return;
	if (!gate)
		c->held = elapsed(c, now);
	c->gate = gate;
	if (!gate)
		return;
	if (!periodic(c) && !by_trigger(c)) {
		c->start = now - c->held;
		return;
	}
	if (c->next)
		c->count = c->next;
	c->next = 0;
	c->start = now;
	c->triggered = by_trigger(c) && c->count;
}

/* Of interrupts: where OUT rises too often for the host, some are left out. */
u32 pit_period(u32 n)
{
	return n < MIN_PERIOD ? roundup(MIN_PERIOD, n) : n;
}

u64 pit_next_rise(const struct pit_counter *c, u64 now)
{
	struct pit_counter then = *c;
	u32 n, next;
	u64 rise;

	pit_settle(&then, now);
	n = pit_pulses(&then, then.count);
	if (!n)
		return 0;
	switch (then.mode) {
	case 0:
	case 4:
		rise = then.start + n + (then.mode == 4);
		return rise > now ? rise : 0;
	case 2:
	case 3:
		if (!then.next)
			return now - (now - then.start) % pit_period(n) + pit_period(n);
		if ((then.next_at - then.start) % n == 0)
			return then.next_at;
		/* The low half is of the new count, as if its high half had been. */
		next = pit_pulses(&then, then.next);
		return then.next_at - high_pulses(next) + pit_period(next);
	}
	return 0;
}

void pit_save_counter(const struct pit_counter *c, struct kvm_pit_channel_state *s, u64 now)
{
	*s = (struct kvm_pit_channel_state) {
		.count = c->count,
		.latched_count = c->latch,
		.count_latched = c->count_latched,
		.status_latched = c->status_latched,
		.status = c->status,
		.read_state = c->read_state,
		.write_state = c->write_state,
		.write_latch = c->write_latch,
		.rw_mode = c->rw_mode,
		.mode = c->mode,
		.bcd = c->bcd,
		.gate = c->gate,
	};
	if (c->count && (!by_trigger(c) || c->triggered))
		s->count_load_time = pit_pulse_to_ns(now - elapsed(c, now));
}

bool pit_state_valid(const struct kvm_pit_channel_state *s)
{
	return s->count <= 0x10000 && (s->mode <= 5 || s->mode == PIT_MODE_NONE) &&
	       s->rw_mode <= 3 && s->read_state <= RW_WORD_HIGH && s->write_state <= RW_WORD_HIGH &&
	       s->count_latched <= RW_WORD_HIGH;
}

void pit_restore_counter(struct pit_counter *c, const struct kvm_pit_channel_state *s,
			 u32 next, u64 now)
{
	/* A time that cannot be: it begins now. */
	bool known = s->count_load_time > 0 && pit_ns_to_pulse(s->count_load_time) <= now;

	*c = (struct pit_counter) {
		.start = known ? pit_ns_to_pulse(s->count_load_time) : now,
		.count = s->count,
		.latch = s->latched_count,
		.count_latched = s->count_latched,
		.status_latched = s->status_latched,
		.status = s->status,
		.read_state = s->read_state,
		.write_state = s->write_state,
		.write_latch = s->write_latch,
		.rw_mode = s->rw_mode,
		.mode = s->mode,
		.bcd = s->bcd,
		.gate = s->gate,
	};
	c->held = now - c->start;
	c->triggered = by_trigger(c) && c->count && s->count_load_time > 0;
	if (!c->count || next > 0x10000)
		return;
	c->next = next;
	if (next && periodic(c) && c->gate)
		c->next_at = take_over(c, now);
}
