// SPDX-License-Identifier: GPL-2.0-only
/* Timers and work items of the shim, on one thread and a clock the test moves. */
#include <kernel.h>

int shim_atomic, shim_fail_alloc, shim_this_cpu;
unsigned int shim_rescheds;
unsigned long shim_wbinvds;
void *shim_user_end = (void *)-1L;
void *shim_user_source_end = (void *)-1L;
u64 shim_now, shim_tsc_khz = 2000000;
struct hrtimer *shim_timers;
static struct work_struct *shim_works;

void hrtimer_init(struct hrtimer *t, int clock, enum hrtimer_mode mode)
{
	memset(t, 0, sizeof(*t));
}

static struct hrtimer **find_timer(struct hrtimer *t)
{
	struct hrtimer **p = &shim_timers;

	while (*p && *p != t)
		p = &(*p)->next;
	return p;
}

void hrtimer_start(struct hrtimer *t, ktime_t at, enum hrtimer_mode mode)
{
	SHIM_CHECK(t->function);
	t->expires = mode & HRTIMER_MODE_REL ? (ktime_t)shim_now + at : at;
	t->active = true;
	if (!*find_timer(t)) {
		t->next = shim_timers;
		shim_timers = t;
	}
}

int hrtimer_cancel(struct hrtimer *t)
{
	struct hrtimer **p = find_timer(t);
	int was = t->active;

	if (*p)
		*p = t->next;
	t->active = false;
	return was;
}

u64 hrtimer_forward(struct hrtimer *t, ktime_t now, ktime_t period)
{
	u64 n;

	SHIM_CHECK(period > 0);
	if (now < t->expires)
		return 0;
	n = (now - t->expires) / period + 1;
	t->expires += n * period;
	return n;
}

static struct hrtimer *first_timer(void)
{
	struct hrtimer *t, *first = NULL;

	for (t = shim_timers; t; t = t->next)
		if (t->active && (!first || t->expires < first->expires))
			first = t;
	return first;
}

void shim_run_to(u64 ns)
{
	for (;;) {
		struct hrtimer *t = first_timer();

		if (!t || t->expires > (ktime_t)ns)
			break;
		if (t->expires > (ktime_t)shim_now)
			shim_now = t->expires;
		t->active = false;
		shim_atomic++;
		if (t->function(t) == HRTIMER_RESTART)
			t->active = true;
		shim_atomic--;
	}
	shim_now = max(ns, shim_now);
}

void shim_reset(void)
{
	SHIM_CHECK(!shim_atomic);
	shim_timers = NULL;
	shim_works = NULL;
	shim_now = 0;
}

bool shim_queue_work(struct work_struct *w)
{
	if (w->queued)
		return false;
	w->queued = true;
	w->next = shim_works;
	shim_works = w;
	return true;
}

bool cancel_work_sync(struct work_struct *w)
{
	struct work_struct **p;

	might_sleep();
	for (p = &shim_works; *p; p = &(*p)->next) {
		if (*p == w) {
			*p = w->next;
			w->queued = false;
			return true;
		}
	}
	return false;
}

void shim_run_work(void)
{
	might_sleep();
	while (shim_works) {
		struct work_struct *w = shim_works;

		shim_works = w->next;
		w->queued = false;
		w->func(w);
	}
}
