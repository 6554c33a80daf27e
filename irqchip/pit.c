// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254 of a PC and the part of port 0x61 that belongs to it. Counter 0 drives
 * GSI 0 from an hrtimer.
 */
#include <linux/hrtimer.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
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

/* After this long, an interrupt that was never acknowledged is taken for lost: 1/8 s. */
#define LOST		(KVM_PIT_HZ / 8)

struct kvm_pit {
	raw_spinlock_t lock;
	struct kvm *kvm;
	struct pit_counter counter[3];
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

static u64 now_pulse(void)
{
	return pit_ns_to_pulse(ktime_get_ns());
}

/* --- interrupts of counter 0 --- */

static void inject(struct kvm_pit *pit, u64 now)
{
	int r = kvm_set_irq(pit->kvm, KVM_PIT_SOURCE, 0, 1);

	kvm_set_irq(pit->kvm, KVM_PIT_SOURCE, 0, 0);
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
	struct pit_counter *c = &pit->counter[0];
	u64 count = 1, next;

	if (!pit->due || now < pit->due)
		return;
	next = pit_next_rise(c, pit->due);
	pit_settle(c, now);
	if (next && next <= now) {
		count += (now - next) / pit_period(pit_pulses(c, c->count)) + 1;
		next = pit_next_rise(c, now);
	}
	pit->due = next;
	tick(pit, count, now);
}

/* Counter 0 was written: its interrupt comes at another time. */
static void arm(struct kvm_pit *pit, u64 now)
{
	pit->due = pit->hpet_legacy ? 0 : pit_next_rise(&pit->counter[0], now);
	if (!pit->due)
		hrtimer_try_to_cancel(&pit->timer);
	else
		hrtimer_start(&pit->timer, ns_to_ktime(pit_pulse_to_ns(pit->due)),
			      HRTIMER_MODE_ABS);
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
		hrtimer_set_expires(timer, ns_to_ktime(pit_pulse_to_ns(pit->due)));
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
	__acquires(&pit->lock)
{
	unsigned int i;
	u64 now;

	raw_spin_lock_irqsave(&pit->lock, *flags);
	now = now_pulse();
	run_until(pit, now);
	for (i = 0; i < 3; i++)
		pit_settle(&pit->counter[i], now);
	return now;
}

static void pit_unlock(struct kvm_pit *pit, unsigned long flags)
	__releases(&pit->lock)
{
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

static void write_control(struct kvm_pit *pit, u8 val, u64 now)
{
	unsigned int i;

	if (val >> 6 < 3) {
		struct pit_counter *c = &pit->counter[array_index_nospec(val >> 6, 3)];

		if (val & 0x30)
			pit_program(c, val);
		else
			pit_latch_count(c, now);
		return;
	}
	/* Read-back. */
	for (i = 0; i < 3; i++) {
		if (!(val & BIT(i + 1)))
			continue;
		if (!(val & BIT(5)))
			pit_latch_count(&pit->counter[i], now);
		if (!(val & BIT(4)))
			pit_latch_status(&pit->counter[i], now);
	}
}

static struct pit_counter *counter_of(struct kvm_pit *pit, gpa_t port)
{
	return &pit->counter[array_index_nospec(port & 3, 3)];
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
			pit_write_count(counter_of(pit, addr), byte[i], now);
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
		byte[i] = addr == PORT_CONTROL ? 0 : pit_read_count(counter_of(pit, addr), now);
	pit_unlock(pit, flags);
	return 0;
}

static int speaker_read(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
			void *val)
{
	struct kvm_pit *pit = container_of(dev, struct kvm_pit, speaker_dev);
	const struct pit_counter *c = &pit->counter[2];
	unsigned long flags;
	u64 now;

	now = pit_lock(pit, &flags);
	/* Memory is refreshed every 15 us, 18 pulses, and the bit changes each time. */
	*(u8 *)val = (c->gate ? SPEAKER_GATE : 0) | (pit->speaker_on ? SPEAKER_DATA : 0) |
		     (now / 18 & 1 ? SPEAKER_REFRESH : 0) | (pit_out(c, now) ? SPEAKER_OUT : 0);
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
	pit_set_gate(&pit->counter[2], byte & SPEAKER_GATE, now);
	pit->speaker_on = byte & SPEAKER_DATA;
	pit_unlock(pit, flags);
	return 0;
}

static const struct kvm_io_ops pit_ops = { .read = pit_read, .write = pit_write };
static const struct kvm_io_ops speaker_ops = { .read = speaker_read, .write = speaker_write };

/* --- state --- */

static void get_state(struct kvm_pit *pit, struct kvm_pit_state2 *s)
{
	unsigned long flags;
	unsigned int i;
	u64 now;

	memset(s, 0, sizeof(*s));
	now = pit_lock(pit, &flags);
	for (i = 0; i < 3; i++) {
		pit_save_counter(&pit->counter[i], &s->channels[i], now);
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
		if (!pit_state_valid(&s->channels[i]))
			return -EINVAL;
	now = pit_lock(pit, &flags);
	for (i = 0; i < 3; i++)
		pit_restore_counter(&pit->counter[i], &s->channels[i], s->reserved[i], now);
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
		pit->counter[i] = (struct pit_counter) {
			.mode = PIT_MODE_NONE,
			.count = 0x10000,
			.gate = i != 2,
			.start = now_pulse(),
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
	/* pit_of() sees it whole. */
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
	/* Pairs with pit_create(). */
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

static void set_reinject(struct kvm *kvm, struct kvm_pit *pit, bool on)
{
	unsigned long flags;

	mutex_lock(&kvm->lock);
	if (on != pit->reinject) {
		if (on)
			kvm_register_irq_ack_notifier(kvm, &pit->ack);
		else
			kvm_unregister_irq_ack_notifier(kvm, &pit->ack);
		pit_lock(pit, &flags);
		pit->reinject = on;
		forget_ticks(pit);
		pit_unlock(pit, flags);
	}
	mutex_unlock(&kvm->lock);
}

/**
 * kvm_vm_ioctl_reinject_control - KVM_REINJECT_CONTROL
 * @a: address of struct kvm_reinject_control, which the ioctl's number says nothing of
 *
 * Return: 0, -EFAULT, -ENXIO without an 8254.
 */
long kvm_vm_ioctl_reinject_control(struct kvm_ioctl_args *a)
{
	struct kvm_pit *pit = pit_of(a->kvm);
	struct kvm_reinject_control control;

	if (copy_from_user(&control, (void __user *)a->raw, sizeof(control)))
		return -EFAULT;
	if (!pit)
		return -ENXIO;
	set_reinject(a->kvm, pit, control.pit_reinject);
	return 0;
}
