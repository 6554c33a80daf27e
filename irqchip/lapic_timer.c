// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timer of the local APIC, SDM 3A 11.5.4: one-shot and periodic counts of the
 * bus clock, and the TSC deadline. An hrtimer puts the vector into the PIR; for
 * a deadline of a running vCPU the VMX-preemption timer may take its place.
 *
 * The owner of the APIC page changes the timer; the hrtimer's function only reads
 * it, posts, and sets @fired. The owner stops it before it changes what that reads.
 */
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <asm/tsc.h>
#include "lapic.h"
#include "params.h"
#include "state.h"
#include "trace_irq.h"

#define YEAR_SECONDS	(365 * 24 * 3600ull)
#define TIMER_MODE	HRTIMER_MODE_ABS_PINNED_HARD

static unsigned int min_timer_period_us = 200;
module_param(min_timer_period_us, uint, 0644);
MODULE_PARM_DESC(min_timer_period_us, "Shortest period of a guest's periodic APIC timer");

static bool is_deadline(const struct kvm_apic_timer *t)
{
	return t->lvtt & LVT_TIMER_DEADLINE;
}

static bool is_periodic(const struct kvm_apic_timer *t)
{
	return (t->lvtt & LVT_TIMER_MODE) == LVT_TIMER_PERIODIC;
}

static u64 tick_ns(const struct kvm_apic_timer *t)
{
	return (u64)t->bus_ns << t->divide;
}

/* TDCR bits 3, 1, 0: divide by 2, 4, ... 128, 1 (SDM 3A figure 11-10). */
static u8 divide_shift(u32 tdcr)
{
	return (((tdcr & 3) | (tdcr >> 1 & 4)) + 1) & 7;
}

/* The owner finds that the time has come. */
static void expire(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	t->fired = true;
	if (!(t->lvtt & LVT_MASKED))
		lapic_post_self(vcpu, t->lvtt & LVT_VECTOR);
}

/* Guest TSC ticks up to the deadline, 0 if it is past. */
static u64 ticks_left(struct kvm_vcpu *vcpu)
{
	u64 deadline = READ_ONCE(vcpu->apic->timer.tsc_deadline);
	u64 now = kvm_read_guest_tsc(vcpu);

	return deadline > now ? deadline - now : 0;
}

/* Host TSC ticks up to the deadline, rounded down; what is beyond a year is looked at then. */
static u64 host_ticks_left(struct kvm_vcpu *vcpu)
{
	u64 year = tsc_khz * 1000ull * YEAR_SECONDS;

	return min(kvm_guest_ticks_to_host(vcpu, ticks_left(vcpu)), year);
}

/* Rounded up: nothing comes early. */
static ktime_t ktime_after_ticks(u64 ticks)
{
	return ktime_add_ns(ktime_get(), mul_u64_u64_div_u64(ticks, 1000000, tsc_khz) + 1);
}

static enum hrtimer_restart timer_fn(struct hrtimer *hrtimer)
{
	struct kvm_apic_timer *t = container_of(hrtimer, struct kvm_apic_timer, hrtimer);
	struct kvm_vcpu *vcpu = container_of(t, struct kvm_lapic, timer)->vcpu;
	u32 lvtt;

	/* The host's clock is steered, the TSC is not. */
	if (is_deadline(t) && ticks_left(vcpu)) {
		hrtimer_set_expires(hrtimer, ktime_after_ticks(host_ticks_left(vcpu)));
		return HRTIMER_RESTART;
	}
	lvtt = READ_ONCE(t->lvtt);
	WRITE_ONCE(t->fired, true);
	/* A vCPU that has taken the interrupt also sees @fired. */
	smp_wmb();
	if (!(lvtt & LVT_MASKED))
		kvm_apic_post(vcpu, lvtt & LVT_VECTOR, false);
	if (!is_periodic(t))
		return HRTIMER_NORESTART;
	hrtimer_forward_now(hrtimer, ns_to_ktime(t->period_ns));
	return HRTIMER_RESTART;
}

/* Afterwards timer_fn() does not run, and @expires is what it would have been. */
static void stop(struct kvm_apic_timer *t)
{
	t->host_deadline = 0;
	if (!t->queued)
		return;
	hrtimer_cancel(&t->hrtimer);
	t->queued = false;
	t->expires = hrtimer_get_expires(&t->hrtimer);
}

static void start(struct kvm_apic_timer *t, ktime_t expires)
{
	t->expires = expires;
	t->queued = true;
	hrtimer_start(&t->hrtimer, expires, TIMER_MODE);
}

/* A stopped timer in deadline mode, if it is armed. */
static void start_deadline(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	if (!t->tsc_deadline || t->fired)
		return;
	if (!ticks_left(vcpu))
		expire(vcpu);
	else if (t->on_cpu)
		t->host_deadline = rdtsc() + host_ticks_left(vcpu);
	else
		start(t, ktime_after_ticks(host_ticks_left(vcpu)));
}

/* A guest cannot have periods as short as it likes: its clock goes slower then. */
static u64 period_of(const struct kvm_apic_timer *t, u32 initial)
{
	u64 ns = initial * tick_ns(t);

	return is_periodic(t) ? max(ns, min_timer_period_us * 1000ull) : ns;
}

/* A stopped timer in another mode counts from @count. */
static void start_count(struct kvm_vcpu *vcpu, u32 count)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;
	u32 initial = lapic_get(vcpu->apic, LAPIC_TMICT);

	t->armed = count && initial;
	t->fired = false;
	if (!t->armed)
		return;
	t->period_ns = period_of(t, initial);
	start(t, ktime_add_ns(ktime_get(), mul_u64_u64_div_u64(t->period_ns, count, initial)));
}

/* Nanoseconds to the next expiry of a one-shot or periodic count, 0 if there is none. */
static u64 count_ns(struct kvm_apic_timer *t)
{
	s64 left;

	if (!t->armed)
		return 0;
	left = ktime_to_ns(ktime_sub(t->expires, ktime_get()));
	if (left > 0)
		return left;
	if (!is_periodic(t))
		return 0;
	return t->period_ns - (u64)-left % t->period_ns;
}

/* TMCCT */
u32 lapic_timer_count(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;
	u64 left;

	if (is_deadline(t))
		return 0;
	left = count_ns(t);
	if (!left)
		return 0;
	/* Rounded up: it is 0 when the time has come. */
	return mul_u64_u64_div_u64(left - 1, lapic_get(vcpu->apic, LAPIC_TMICT), t->period_ns) + 1;
}

void lapic_timer_pause(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	stop(t);
	/* What the host is late with comes now. */
	if (is_deadline(t)) {
		if (t->tsc_deadline && !t->fired && !ticks_left(vcpu))
			expire(vcpu);
		return;
	}
	if (!t->armed || (t->fired && !is_periodic(t)) || ktime_after(t->expires, ktime_get()))
		return;
	expire(vcpu);
	if (is_periodic(t))
		t->expires = ktime_add_ns(ktime_get(), count_ns(t));
}

void lapic_timer_resume(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	if (is_deadline(t))
		start_deadline(vcpu);
	else if (t->armed && (is_periodic(t) || !t->fired))
		start(t, t->expires);
}

void lapic_timer_count_written(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	if (is_deadline(t)) {
		lapic_set(vcpu->apic, LAPIC_TMICT, 0);
		return;
	}
	stop(t);
	start_count(vcpu, lapic_get(vcpu->apic, LAPIC_TMICT));
}

/* What is left of a count goes on at the new rate. */
void lapic_timer_divide_written(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;
	u8 divide = divide_shift(lapic_get(vcpu->apic, LAPIC_TDCR));
	u32 count;

	if (divide == t->divide)
		return;
	lapic_timer_pause(vcpu);
	count = lapic_timer_count(vcpu);
	t->divide = divide;
	if (is_deadline(t))
		lapic_timer_resume(vcpu);
	else
		start_count(vcpu, count);
}

void lapic_timer_lvt_written(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;
	u32 lvtt = lapic_get(vcpu->apic, LAPIC_LVT_TIMER), count;
	u32 changed = (lvtt ^ t->lvtt) & LVT_TIMER_MODE;

	if (!changed) {
		WRITE_ONCE(t->lvtt, lvtt);
		return;
	}
	lapic_timer_pause(vcpu);
	count = lapic_timer_count(vcpu);
	t->lvtt = lvtt;
	if (changed & LVT_TIMER_DEADLINE) {
		/* Between the deadline and a count nothing is carried over. */
		t->armed = false;
		t->fired = false;
		t->tsc_deadline = 0;
		lapic_set(vcpu->apic, LAPIC_TMICT, 0);
	} else {
		/* A one-shot count that is over does not begin again by becoming periodic. */
		start_count(vcpu, count);
	}
}

void lapic_timer_restore(struct kvm_vcpu *vcpu, u32 count, u64 deadline)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;
	u32 initial = lapic_get(vcpu->apic, LAPIC_TMICT);

	stop(t);
	t->lvtt = lapic_get(vcpu->apic, LAPIC_LVT_TIMER);
	t->divide = divide_shift(lapic_get(vcpu->apic, LAPIC_TDCR));
	if (is_deadline(t)) {
		t->armed = false;
		t->fired = !deadline;
		t->tsc_deadline = deadline;
		start_deadline(vcpu);
		return;
	}
	t->tsc_deadline = 0;
	/*
	 * Saved when it had counted down and was about to load it again, or when it had been over
	 * as a one-shot: the state does not tell, and a period too many does less harm than none.
	 */
	if (!count && is_periodic(t))
		count = initial;
	start_count(vcpu, min(count, initial));
	/* A one-shot count that is over stays so. */
	t->fired = !t->armed;
}

void lapic_timer_reset(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	stop(t);
	t->lvtt = LVT_MASKED;
	t->divide = divide_shift(0);
	t->armed = false;
	t->fired = false;
	t->tsc_deadline = 0;
}

/* --- the deadline --- */

/**
 * kvm_apic_get_tsc_deadline - IA32_TSC_DEADLINE
 * @vcpu: vCPU with a local APIC, mutex held
 *
 * 0 once the interrupt is in the APIC page. Until then the deadline stands, so
 * that a state saved register by register has one or the other.
 */
u64 kvm_apic_get_tsc_deadline(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	if (!is_deadline(t))
		return 0;
	if (!READ_ONCE(t->fired))
		return t->tsc_deadline;
	/* Its function may be between the two. */
	stop(t);
	return test_bit(t->lvtt & LVT_VECTOR, (unsigned long *)vcpu->apic->pi_desc.pir) ?
	       t->tsc_deadline : 0;
}

/**
 * kvm_apic_set_tsc_deadline - a write to IA32_TSC_DEADLINE
 * @vcpu: vCPU with a local APIC, mutex held
 * @deadline: guest TSC; 0 disarms
 *
 * Context: the vCPU's own thread, interrupts may be off.
 */
void kvm_apic_set_tsc_deadline(struct kvm_vcpu *vcpu, u64 deadline)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	if (!is_deadline(t))
		return;
	stop(t);
	t->fired = false;
	t->tsc_deadline = deadline;
	start_deadline(vcpu);
}

void kvm_apic_timer_tsc_changes(struct kvm_vcpu *vcpu)
{
	if (is_deadline(&vcpu->apic->timer))
		stop(&vcpu->apic->timer);
}

void kvm_apic_timer_tsc_changed(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	if (!is_deadline(t) || !t->tsc_deadline)
		return;
	stop(t);
	start_deadline(vcpu);
}

/**
 * kvm_apic_timer_migrate - the vCPU goes to another CPU, and its timer with it
 * @vcpu: vCPU with a local APIC
 *
 * Context: preemption off.
 */
void kvm_apic_timer_migrate(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	if (t->queued && hrtimer_cancel(&t->hrtimer))
		hrtimer_start_expires(&t->hrtimer, TIMER_MODE);
}

u64 kvm_apic_timer_host_deadline(struct kvm_vcpu *vcpu)
{
	return vcpu->apic->timer.host_deadline;
}

void kvm_apic_timer_expired(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	if (t->host_deadline) {
		t->host_deadline = 0;
		start_deadline(vcpu);
	}
}

static void hand_over(struct kvm_vcpu *vcpu, bool on_cpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	if (t->on_cpu == on_cpu)
		return;
	t->on_cpu = on_cpu;
	if (!is_deadline(t))
		return;
	trace_kvm_hv_timer_state(vcpu->vcpu_id, on_cpu);
	stop(t);
	start_deadline(vcpu);
}

/* The preemption timer stops in C-states deeper than C2, where MWAIT may take the CPU. */
static bool cpu_can_watch(const struct kvm_vcpu *vcpu)
{
	return kvmx_params.preemption_timer &&
	       !(READ_ONCE(vcpu->kvm->settings.disabled_exits) & KVM_X86_DISABLE_EXITS_MWAIT);
}

/**
 * kvm_apic_timer_to_hrtimer - the vCPU is about to block
 * @vcpu: vCPU with a local APIC, own thread
 */
void kvm_apic_timer_to_hrtimer(struct kvm_vcpu *vcpu)
{
	hand_over(vcpu, false);
}

/**
 * kvm_apic_timer_to_cpu - the vCPU is about to run, or may do more without an exit
 * @vcpu: vCPU with a local APIC, own thread
 */
void kvm_apic_timer_to_cpu(struct kvm_vcpu *vcpu)
{
	hand_over(vcpu, cpu_can_watch(vcpu));
}

void kvm_apic_timer_create(struct kvm_vcpu *vcpu)
{
	struct kvm_apic_timer *t = &vcpu->apic->timer;

	hrtimer_init(&t->hrtimer, CLOCK_MONOTONIC, TIMER_MODE);
	t->hrtimer.function = timer_fn;
	t->bus_ns = vcpu->kvm->irq.apic_bus_ns;
	t->on_cpu = cpu_can_watch(vcpu);
}

void kvm_apic_timer_destroy(struct kvm_vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->apic->timer.hrtimer);
}
