// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts by eventfd while everything about them changes: threads that signal, one
 * that assigns and takes away, one that changes the routes, guests that acknowledge.
 * Nothing is counted but that it goes on, that nothing comes after the end, and that
 * everything still works then.
 */
#include "guest.h"

#define NR_FDS 6
#define GSI 32
#define PIN 11
#define VEC 0x60
#define VEC_PIN 0x70
#define VEC_MARK 0x31
#define ROUNDS 300

static volatile uint64_t count[256], ready, stop;
static volatile bool quit;
static struct guest *g;
static int fds[NR_FDS], refds[NR_FDS];
static volatile uint64_t signals;

static void on_irq(struct guest_frame *f)
{
	__atomic_fetch_add(&count[f->vector], 1, __ATOMIC_SEQ_CST);
	guest_eoi();
}

static void taker(uint64_t arg)
{
	guest_x2apic();
	if (!arg) {
		guest_mask_pics();
		guest_ioapic_pin(PIN, VEC_PIN | 1 << 15, 0);
	}
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	while (!stop)
		guest_wait_irq();
	guest_sync(0);
}

static void *signaller(void *arg)
{
	unsigned int i = (uintptr_t)arg;

	while (!quit) {
		event_signal(fds[i++ % NR_FDS]);
		signals++;
		sched_yield();
	}
	return NULL;
}

static void *resampler(void *arg)
{
	unsigned int i = 0;

	while (!quit) {
		if (event_take(refds[i % NR_FDS]))
			event_signal(fds[i % NR_FDS]);
		i++;
		sched_yield();
	}
	return NULL;
}

static void routes(int turn)
{
	struct kvm_irq_routing_entry e[NR_FDS + 1];
	int i;

	for (i = 0; i < NR_FDS; i++)
		e[i] = msi_route(GSI + i, (i + turn) & 1, VEC + (i + turn) % 4);
	e[NR_FDS] = chip_route(PIN, KVM_IRQCHIP_IOAPIC, PIN);
	/* Every third table lacks some of them. */
	if (turn % 3 == 2)
		CHECK_OK(guest_set_routes(g, e + 2, NR_FDS - 1));
	else
		CHECK_OK(guest_set_routes(g, e, NR_FDS + 1));
}

static void *router(void *arg)
{
	int turn = 0;

	while (!quit) {
		routes(turn++);
		sched_yield();
	}
	return NULL;
}

static void prepare(void)
{
	int i;

	g = guest_new(2, CHIP_FULL);
	need_cap(g, KVM_CAP_IRQFD);
	need_cap(g, KVM_CAP_IRQFD_RESAMPLE);
	need_cap(g, KVM_CAP_IRQ_ROUTING);
	for (i = 0; i < 4; i++)
		guest_handlers[VEC + i] = on_irq;
	guest_handlers[VEC_PIN] = on_irq;
	guest_handlers[VEC_MARK] = on_irq;
	guest_take_last_vector();
	for (i = 0; i < 2; i++) {
		guest_code(g, i, taker, i);
		guest_start(g, i);
		thread_wait_for(&ready, i + 1);
	}
	for (i = 0; i < NR_FDS; i++) {
		fds[i] = event_new();
		refds[i] = event_new();
	}
	routes(0);
}

static void settle(void)
{
	uint64_t n;
	int i;

	for (i = 0; i < 2; i++) {
		n = count[VEC_MARK];
		guest_send_msi(g, i, VEC_MARK);
		thread_wait_for(&count[VEC_MARK], n + 1);
	}
}

static uint64_t all(void)
{
	return count[VEC] + count[VEC + 1] + count[VEC + 2] + count[VEC + 3] +
	       count[VEC_PIN];
}

/* Assigned and taken away at random; at the end nothing is. */
static void churn(bool level)
{
	bool on[NR_FDS] = { 0 };
	uint32_t r = 12345;
	int i, k;

	for (i = 0; i < ROUNDS; i++) {
		r = r * 1103515245 + 12345;
		k = (r >> 16) % NR_FDS;
		if (on[k])
			CHECK_OK(guest_irqfd(g, fds[k], level ? PIN : GSI + k,
					     KVM_IRQFD_FLAG_DEASSIGN));
		else if (level)
			CHECK_OK(guest_irqfd_resample(g, fds[k], PIN,
						      KVM_IRQFD_FLAG_RESAMPLE, refds[k]));
		else
			CHECK_OK(guest_irqfd(g, fds[k], GSI + k, 0));
		on[k] = !on[k];
		/* The others get their turns, however the host's scheduler sees it. */
		if (!level && i % 10 == 0)
			thread_wait_for(&signals, signals + NR_FDS);
		sched_yield();
	}
	for (k = 0; k < NR_FDS; k++)
		if (on[k])
			CHECK_OK(guest_irqfd(g, fds[k], level ? PIN : GSI + k,
					     KVM_IRQFD_FLAG_DEASSIGN));
}

static void finish(pthread_t *t, int nr)
{
	uint64_t n;
	int i;

	/* Nothing is assigned, and the signals go on. */
	settle();
	n = all();
	thread_wait_for(&signals, signals + 50);
	settle();
	CHECK_EQ(all(), n);
	quit = true;
	for (i = 0; i < nr; i++)
		pthread_join(t[i], NULL);
	CHECK(n >= ROUNDS / 10, "only %d interrupts", (int)n);
	routes(0);
	n = count[VEC];
	event_take(fds[0]);
	CHECK_OK(guest_irqfd(g, fds[0], GSI, 0));
	event_signal(fds[0]);
	thread_wait_for(&count[VEC], n + 1);
	stop = 1;
	for (i = 0; i < 2; i++) {
		guest_send_msi(g, i, VEC_MARK);
		guest_join(g, i);
		CHECK_EQ(g->v[i].exits, 0);
	}
}

static void msi(const void *arg)
{
	pthread_t t[3];
	int i;

	prepare();
	for (i = 0; i < 2; i++)
		CHECK(!pthread_create(&t[i], NULL, signaller, (void *)(uintptr_t)(3 * i)),
		      "pthread_create");
	CHECK(!pthread_create(&t[2], NULL, router, NULL), "pthread_create");
	churn(false);
	finish(t, 3);
}

static void level(const void *arg)
{
	pthread_t t[3];

	prepare();
	CHECK(!pthread_create(&t[0], NULL, signaller, NULL), "pthread_create");
	CHECK(!pthread_create(&t[1], NULL, resampler, NULL), "pthread_create");
	CHECK(!pthread_create(&t[2], NULL, router, NULL), "pthread_create");
	churn(true);
	finish(t, 3);
}

int main(int argc, char **argv)
{
	TEST(msi);
	TEST(level);
	return run_tests(argc, argv);
}
