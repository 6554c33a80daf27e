// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254 of a PC (Intel order number 231164) and the part of port 0x61 that
 * belongs to it. Time is the number of the CLK pulse, counted from the host's
 * boot; a counter is where it stands by when it was loaded. Counter 0 drives
 * GSI 0 from an hrtimer.
 */
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "bus.h"
#include "ioctl.h"
#include "pit.h"

#define PORT_COUNTERS	0x40
#define PORT_CONTROL	0x43
#define PORT_SPEAKER	0x61

/* Port 0x61. */
#define SPEAKER_GATE	BIT(0)
#define SPEAKER_DATA	BIT(1)
#define SPEAKER_REFRESH	BIT(4)
#define SPEAKER_OUT	BIT(5)

#define MODE_NONE	0xff	/* no control word yet */
/* Interrupts come no faster, whatever the guest asks for: 200 us. */
#define MIN_PERIOD	239
/* After this long, an interrupt that was never acknowledged is taken for lost: 1/8 s. */
#define LOST		(KVM_PIT_HZ / 8)

/* Which byte comes next; the first three are the control word's RW field as well. */
enum { RW_LSB = 1, RW_MSB, RW_WORD, RW_WORD_HIGH };

struct counter {
	u64 start;		/* pulse at which it was loaded, or triggered */
	u64 held;		/* pulses counted when the gate closed */
	u64 next_at;		/* when @next takes over, in modes 2 and 3 */
	u32 count;		/* as written, 0x10000 for 0; 0 none since the control word */
	u32 next;		/* written while it counts; 0 none */
	u16 latch;
	u8 count_latched;	/* RW_*: what of @latch is to be read; 0 not latched */
	bool status_latched;
	u8 status;
	u8 read_state, write_state, write_latch, rw_mode;
	u8 mode;
	bool bcd, gate;
	bool triggered;		/* modes 1 and 5 */
};

struct kvm_pit {
	raw_spinlock_t lock;
	struct kvm *kvm;
	struct counter counter[3];
	bool speaker_on, hpet_legacy;
	struct hrtimer timer;
	u64 due;		/* pulse of the next interrupt; 0 none */
	/* Re-injection: ticks are kept until the guest has taken the one before. */
	bool reinject;
	bool waiting;		/* for an acknowledgment */
	u64 injected_at;
	u64 ticks;		/* not yet injected */
	struct kvm_irq_ack_notifier ack;
	struct kvm_io_device dev, speaker_dev;
};

static u64 ns_to_pulse(u64 ns)
{
	return mul_u64_u32_div(ns, KVM_PIT_HZ, NSEC_PER_SEC);
}

/* The first nanosecond of a pulse, so that there and back is the same. */
static u64 pulse_to_ns(u64 pulse)
{
	u64 ns = mul_u64_u32_div(pulse, NSEC_PER_SEC, KVM_PIT_HZ);

	return ns_to_pulse(ns) < pulse ? ns + 1 : ns;
}

static u64 now_pulse(void)
{
	return ns_to_pulse(ktime_get_ns());
}

/* --- one counter --- */

/* Pulses of a written count. */
static u32 pulses(const struct counter *c, u32 raw)
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

static bool periodic(const struct counter *c)
{
	return c->mode == 2 || c->mode == 3;
}

/* Modes that begin with the rise of the gate and not with the count. */
static bool by_trigger(const struct counter *c)
{
	return c->mode == 1 || c->mode == 5;
}

static u64 elapsed(const struct counter *c, u64 now)
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
static u64 take_over(const struct counter *c, u64 now)
{
	u32 n = pulses(c, c->count), p = (now - c->start) % n;

	return now - p + (c->mode == 3 && p < high_pulses(n) ? high_pulses(n) : n);
}

/* The count that waited is in force if its time has come. */
static void settle(struct counter *c, u64 now)
{
	bool half;

	if (!c->next || !periodic(c) || !c->gate || now < c->next_at)
		return;
	half = (c->next_at - c->start) % pulses(c, c->count);
	c->count = c->next;
	c->next = 0;
	c->start = c->next_at;
	/* It goes on with the low half. */
	if (half)
		c->start -= high_pulses(pulses(c, c->count));
}

static bool out(const struct counter *c, u64 now)
{
	u64 d = elapsed(c, now);
	u32 n = pulses(c, c->count);

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
static u16 counting(const struct counter *c, u64 now)
{
	u32 n = pulses(c, c->count), round = c->bcd ? 10000 : 0x10000, v;
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

static void load_count(struct counter *c, u32 raw, u64 now)
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

static void write_count(struct counter *c, u8 val, u64 now)
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

static u8 read_latch(struct counter *c)
{
	u8 state = c->count_latched;

	c->count_latched = state == RW_WORD ? RW_MSB : 0;
	return state == RW_MSB || state == RW_WORD_HIGH ? c->latch >> 8 : c->latch;
}

static u8 read_count(struct counter *c, u64 now)
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
static void latch_count(struct counter *c, u64 now)
{
	if (c->count_latched)
		return;
	c->latch = counting(c, now);
	c->count_latched = c->rw_mode ?: RW_LSB;
}

static void latch_status(struct counter *c, u64 now)
{
	if (c->status_latched)
		return;
	c->status = out(c, now) << 7 | (!c->count || c->next) << 6 | c->rw_mode << 4 |
		    (c->mode & 7) << 1 | c->bcd;
	c->status_latched = true;
}

/* A control word: a new beginning, the count is still to come. */
static void program(struct counter *c, u8 val)
{
	u8 mode = val >> 1 & 7;

	*c = (struct counter) {
		.mode = mode > 5 ? mode & 3 : mode,
		.bcd = val & 1,
		.rw_mode = val >> 4 & 3,
		.gate = c->gate,
	};
	c->read_state = c->rw_mode;
	c->write_state = c->rw_mode;
}

static void set_gate(struct counter *c, bool gate, u64 now)
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

/* The first pulse after @now at which OUT rises, 0 if it does not. */
static u64 next_rise(const struct counter *c, u64 now)
{
	struct counter then = *c;
	u64 rise;
	u32 n;

	settle(&then, now);
	n = pulses(&then, then.count);
	if (!n)
		return 0;
	switch (then.mode) {
	case 0:
	case 4:
		rise = then.start + n + (then.mode == 4);
		return rise > now ? rise : 0;
	case 2:
	case 3:
		rise = now - (now - then.start) % n + n;
		if (!then.next || then.next_at == rise)
			return rise;
		/* The low half is of the new count. */
		return then.next_at + pulses(&then, then.next) / 2;
	}
	return 0;
}

/* --- interrupts of counter 0 --- */

static void inject(struct kvm_pit *pit, u64 now)
{
	int r = kvm_set_irq(pit->kvm, KVM_PIT_SOURCE, 0, 1, false);

	kvm_set_irq(pit->kvm, KVM_PIT_SOURCE, 0, 0, false);
	/* What is masked everywhere is not acknowledged. */
	pit->waiting = r >= 0;
	pit->injected_at = now;
}

static void tick(struct kvm_pit *pit, u64 count, u64 now)
{
	if (!pit->reinject) {
		inject(pit, now);
		return;
	}
	pit->ticks += count;
	if (pit->waiting && now - pit->injected_at < LOST)
		return;
	pit->ticks--;
	inject(pit, now);
}

static void forget_ticks(struct kvm_pit *pit)
{
	pit->ticks = 0;
	pit->waiting = false;
}

/* Interrupts that are due by @now; then finds out when the next is. */
static void run_until(struct kvm_pit *pit, u64 now)
{
	struct counter *c = &pit->counter[0];
	u64 count = 1, next;
	u32 n;

	if (!pit->due || now < pit->due)
		return;
	next = next_rise(c, pit->due);
	settle(c, now);
	n = pulses(c, c->count);
	if (next && next <= now) {
		if (n >= MIN_PERIOD)
			count += (now - next) / n + 1;
		next = next_rise(c, now);
	}
	if (next && next - pit->due < MIN_PERIOD)
		next = max(pit->due + MIN_PERIOD, next);
	pit->due = next;
	tick(pit, count, now);
}

/* Counter 0 was written: its interrupt comes at another time. */
static void arm(struct kvm_pit *pit, u64 now)
{
	pit->due = pit->hpet_legacy ? 0 : next_rise(&pit->counter[0], now);
	if (pit->due)
		hrtimer_start(&pit->timer, ns_to_ktime(pulse_to_ns(pit->due)), HRTIMER_MODE_ABS);
	else
		hrtimer_try_to_cancel(&pit->timer);
}

static enum hrtimer_restart timer_fires(struct hrtimer *timer)
{
	struct kvm_pit *pit = container_of(timer, struct kvm_pit, timer);
	enum hrtimer_restart r = HRTIMER_NORESTART;
	unsigned long flags;

	raw_spin_lock_irqsave(&pit->lock, flags);
	run_until(pit, now_pulse());
	/* Somebody may have started it again before this function got the lock. */
	if (pit->due && !hrtimer_is_queued(timer)) {
		hrtimer_set_expires(timer, ns_to_ktime(pulse_to_ns(pit->due)));
		r = HRTIMER_RESTART;
	}
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return r;
}

static void acked(struct kvm_irq_ack_notifier *n)
{
	struct kvm_pit *pit = container_of(n, struct kvm_pit, ack);
	unsigned long flags;

	raw_spin_lock_irqsave(&pit->lock, flags);
	pit->waiting = false;
	if (pit->ticks) {
		pit->ticks--;
		inject(pit, now_pulse());
	}
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

/* --- ports --- */

static u64 pit_lock(struct kvm_pit *pit, unsigned long *flags)
{
	unsigned int i;
	u64 now;

	raw_spin_lock_irqsave(&pit->lock, *flags);
	now = now_pulse();
	run_until(pit, now);
	for (i = 0; i < 3; i++)
		settle(&pit->counter[i], now);
	return now;
}

static void pit_unlock(struct kvm_pit *pit, unsigned long flags)
{
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

static void write_control(struct kvm_pit *pit, u8 val, u64 now)
{
	unsigned int i;

	if (val >> 6 < 3) {
		struct counter *c = &pit->counter[array_index_nospec(val >> 6, 3)];

		if (val & 0x30)
			program(c, val);
		else
			latch_count(c, now);
		return;
	}
	/* Read-back. */
	for (i = 0; i < 3; i++) {
		if (!(val & BIT(i + 1)))
			continue;
		if (!(val & BIT(5)))
			latch_count(&pit->counter[i], now);
		if (!(val & BIT(4)))
			latch_status(&pit->counter[i], now);
	}
}

/* A wide access is one to each of the bytes. */
static int pit_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		     const void *val)
{
	struct kvm_pit *pit = container_of(dev, struct kvm_pit, dev);
	const u8 *byte = val;
	unsigned long flags;
	bool changed = false;
	u64 now;
	int i;

	now = pit_lock(pit, &flags);
	for (i = 0; i < len; i++, addr++) {
		if (addr == PORT_CONTROL) {
			write_control(pit, byte[i], now);
			changed |= byte[i] < 0x40 && byte[i] & 0x30;
		} else {
			write_count(&pit->counter[array_index_nospec(addr & 3, 3)], byte[i], now);
			changed |= addr == PORT_COUNTERS;
		}
	}
	if (changed)
		arm(pit, now);
	pit_unlock(pit, flags);
	return 0;
}

static int pit_read(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		    void *val)
{
	struct kvm_pit *pit = container_of(dev, struct kvm_pit, dev);
	unsigned long flags;
	u8 *byte = val;
	u64 now;
	int i;

	now = pit_lock(pit, &flags);
	for (i = 0; i < len; i++, addr++)
		byte[i] = addr == PORT_CONTROL ? 0 :
			  read_count(&pit->counter[array_index_nospec(addr & 3, 3)], now);
	pit_unlock(pit, flags);
	return 0;
}

static int speaker_read(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
			void *val)
{
	struct kvm_pit *pit = container_of(dev, struct kvm_pit, speaker_dev);
	const struct counter *c = &pit->counter[2];
	unsigned long flags;
	u64 now;

	now = pit_lock(pit, &flags);
	/* Memory is refreshed every 15 us, 18 pulses, and the bit changes each time. */
	*(u8 *)val = (c->gate ? SPEAKER_GATE : 0) | (pit->speaker_on ? SPEAKER_DATA : 0) |
		     (now / 18 & 1 ? SPEAKER_REFRESH : 0) | (out(c, now) ? SPEAKER_OUT : 0);
	pit_unlock(pit, flags);
	return 0;
}

static int speaker_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
			 const void *val)
{
	struct kvm_pit *pit = container_of(dev, struct kvm_pit, speaker_dev);
	unsigned long flags;
	u8 byte = *(u8 *)val;
	u64 now;

	now = pit_lock(pit, &flags);
	set_gate(&pit->counter[2], byte & SPEAKER_GATE, now);
	pit->speaker_on = byte & SPEAKER_DATA;
	pit_unlock(pit, flags);
	return 0;
}

static const struct kvm_io_ops pit_ops = { .read = pit_read, .write = pit_write };
static const struct kvm_io_ops speaker_ops = { .read = speaker_read, .write = speaker_write };

/* --- state --- */

static void save_counter(const struct counter *c, struct kvm_pit_channel_state *s, u64 now)
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
		s->count_load_time = pulse_to_ns(now - elapsed(c, now));
}

static bool state_valid(const struct kvm_pit_channel_state *s)
{
	return s->count <= 0x10000 && (s->mode <= 5 || s->mode == MODE_NONE) && s->rw_mode <= 3 &&
	       s->read_state <= RW_WORD_HIGH && s->write_state <= RW_WORD_HIGH &&
	       s->count_latched <= RW_WORD_HIGH;
}

static void restore_counter(struct counter *c, const struct kvm_pit_channel_state *s, u32 next,
			    u64 now)
{
	/* A time that cannot be: it begins now. */
	bool known = s->count_load_time > 0 && ns_to_pulse(s->count_load_time) <= now;

	*c = (struct counter) {
		.start = known ? ns_to_pulse(s->count_load_time) : now,
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

static void get_state(struct kvm_pit *pit, struct kvm_pit_state2 *s)
{
	unsigned long flags;
	unsigned int i;
	u64 now;

	memset(s, 0, sizeof(*s));
	now = pit_lock(pit, &flags);
	for (i = 0; i < 3; i++) {
		save_counter(&pit->counter[i], &s->channels[i], now);
		s->reserved[i] = pit->counter[i].next;
	}
	s->flags = (pit->hpet_legacy ? KVM_PIT_FLAGS_HPET_LEGACY : 0) |
		   (pit->speaker_on ? KVM_PIT_FLAGS_SPEAKER_DATA_ON : 0);
	pit_unlock(pit, flags);
}

static long set_state(struct kvm_pit *pit, const struct kvm_pit_state2 *s)
{
	unsigned long flags;
	unsigned int i;
	u64 now;

	for (i = 0; i < 3; i++)
		if (!state_valid(&s->channels[i]))
			return -EINVAL;
	now = pit_lock(pit, &flags);
	for (i = 0; i < 3; i++)
		restore_counter(&pit->counter[i], &s->channels[i], s->reserved[i], now);
	pit->hpet_legacy = s->flags & KVM_PIT_FLAGS_HPET_LEGACY;
	pit->speaker_on = s->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	forget_ticks(pit);
	arm(pit, now);
	pit_unlock(pit, flags);
	return 0;
}

/* --- life --- */

static int register_ports(struct kvm *kvm, struct kvm_pit *pit, bool speaker)
{
	int r;

	mutex_lock(&kvm->slots_lock);
	r = kvm_bus_register(kvm, KVM_PIO_BUS, PORT_COUNTERS, 4, &pit->dev);
	if (!r && speaker) {
		r = kvm_bus_register(kvm, KVM_PIO_BUS, PORT_SPEAKER, 1, &pit->speaker_dev);
		if (r)
			kvm_bus_unregister(kvm, KVM_PIO_BUS, &pit->dev);
	}
	mutex_unlock(&kvm->slots_lock);
	return r;
}

/* kvm->lock held. */
static int pit_create(struct kvm *kvm, u32 flags)
{
	struct kvm_pit *pit = kzalloc(sizeof(*pit), GFP_KERNEL_ACCOUNT);
	unsigned int i;
	int r;

	if (!pit)
		return -ENOMEM;
	raw_spin_lock_init(&pit->lock);
	pit->kvm = kvm;
	for (i = 0; i < 3; i++)
		pit->counter[i] = (struct counter) {
			.mode = MODE_NONE, .count = 0x10000, .gate = i != 2, .start = now_pulse(),
		};
	hrtimer_init(&pit->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	pit->timer.function = timer_fires;
	pit->reinject = true;
	pit->ack.acked = acked;
	pit->dev.ops = &pit_ops;
	pit->speaker_dev.ops = &speaker_ops;
	r = register_ports(kvm, pit, flags & KVM_PIT_SPEAKER_DUMMY);
	if (r) {
		kfree(pit);
		return r;
	}
	kvm_register_irq_ack_notifier(kvm, &pit->ack);
	smp_store_release(&kvm->irq.pit, pit);
	return 0;
}

void kvm_pit_stop(struct kvm *kvm)
{
	struct kvm_pit *pit = kvm->irq.pit;
	unsigned long flags;

	raw_spin_lock_irqsave(&pit->lock, flags);
	pit->due = 0;
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	hrtimer_cancel(&pit->timer);
}

void kvm_pit_destroy(struct kvm *kvm)
{
	kfree(kvm->irq.pit);
	kvm->irq.pit = NULL;
}

static long create(struct kvm *kvm, u32 flags)
{
	long r;

	mutex_lock(&kvm->lock);
	if (kvm->irq.pit)
		r = -EEXIST;
	else if (!kvm_irqchip_full(kvm))
		r = -ENOENT;
	else
		r = pit_create(kvm, flags);
	mutex_unlock(&kvm->lock);
	return r;
}

static struct kvm_pit *pit_of(struct kvm *kvm)
{
	return smp_load_acquire(&kvm->irq.pit);
}

/**
 * kvm_vm_ioctl_create_pit - KVM_CREATE_PIT: an 8254 with its speaker port
 * @a: no argument
 *
 * Return: 0, -EEXIST, -ENOENT without the other chips, -ENOMEM, -ENOSPC.
 */
long kvm_vm_ioctl_create_pit(struct kvm_ioctl_args *a)
{
	return create(a->kvm, KVM_PIT_SPEAKER_DUMMY);
}

/**
 * kvm_vm_ioctl_create_pit2 - KVM_CREATE_PIT2
 * @a: struct kvm_pit_config
 *
 * Return: 0, -EEXIST, -ENOENT without the other chips, -ENOMEM, -ENOSPC.
 */
long kvm_vm_ioctl_create_pit2(struct kvm_ioctl_args *a)
{
	const struct kvm_pit_config *config = a->data;

	return create(a->kvm, config->flags);
}

/**
 * kvm_vm_ioctl_get_pit2 - KVM_GET_PIT2
 * @a: struct kvm_pit_state2
 *
 * Return: 0, -ENXIO without an 8254.
 */
long kvm_vm_ioctl_get_pit2(struct kvm_ioctl_args *a)
{
	struct kvm_pit *pit = pit_of(a->kvm);

	if (!pit)
		return -ENXIO;
	get_state(pit, a->data);
	return 0;
}

/**
 * kvm_vm_ioctl_set_pit2 - KVM_SET_PIT2
 * @a: struct kvm_pit_state2; count_load_time is the host's CLOCK_MONOTONIC in ns
 *
 * Return: 0, -ENXIO without an 8254, -EINVAL for a state that it cannot be in.
 */
long kvm_vm_ioctl_set_pit2(struct kvm_ioctl_args *a)
{
	struct kvm_pit *pit = pit_of(a->kvm);

	return pit ? set_state(pit, a->data) : -ENXIO;
}

/**
 * kvm_vm_ioctl_get_pit - KVM_GET_PIT
 * @a: struct kvm_pit_state
 *
 * Return: 0, -ENXIO without an 8254.
 */
long kvm_vm_ioctl_get_pit(struct kvm_ioctl_args *a)
{
	struct kvm_pit *pit = pit_of(a->kvm);
	struct kvm_pit_state2 s;

	if (!pit)
		return -ENXIO;
	get_state(pit, &s);
	memcpy(a->data, s.channels, sizeof(s.channels));
	return 0;
}

/**
 * kvm_vm_ioctl_set_pit - KVM_SET_PIT: the counters, and nothing else changes
 * @a: struct kvm_pit_state
 *
 * Return: 0, -ENXIO without an 8254, -EINVAL for a state that it cannot be in.
 */
long kvm_vm_ioctl_set_pit(struct kvm_ioctl_args *a)
{
	struct kvm_pit *pit = pit_of(a->kvm);
	struct kvm_pit_state2 s;

	if (!pit)
		return -ENXIO;
	get_state(pit, &s);
	memset(s.reserved, 0, sizeof(s.reserved));
	memcpy(s.channels, a->data, sizeof(s.channels));
	return set_state(pit, &s);
}

/**
 * kvm_vm_ioctl_reinject_control - KVM_REINJECT_CONTROL
 * @a: struct kvm_reinject_control
 *
 * Return: 0, -ENXIO without an 8254.
 */
long kvm_vm_ioctl_reinject_control(struct kvm_ioctl_args *a)
{
	const struct kvm_reinject_control *control = a->data;
	struct kvm_pit *pit = pit_of(a->kvm);
	bool on = control->pit_reinject;
	unsigned long flags;

	if (!pit)
		return -ENXIO;
	mutex_lock(&a->kvm->lock);
	if (on != pit->reinject) {
		if (on)
			kvm_register_irq_ack_notifier(a->kvm, &pit->ack);
		else
			kvm_unregister_irq_ack_notifier(a->kvm, &pit->ack);
		pit_lock(pit, &flags);
		pit->reinject = on;
		forget_ticks(pit);
		pit_unlock(pit, flags);
	}
	mutex_unlock(&a->kvm->lock);
	return 0;
}
