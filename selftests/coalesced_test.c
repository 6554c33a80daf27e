// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced writes: what a guest writes to a zone waits in a ring that user space shares.
 * Wrong indices that user space puts into the ring harm only its own VM.
 */
#include <sched.h>

#include "guest.h"

#define ZONE (G_MMIO + 0x2000)
#define PORT 0x1100
#define BATCH 20

static volatile uint64_t stop, writes;

static void writer(uint64_t pio)
{
	uint32_t n = 0;
	int i;

	guest_sti();
	while (!stop) {
		for (i = 0; i < BATCH; i++, n++, writes++) {
			if (pio)
				asm volatile("outl %0, %1" : : "a"(n), "d"((uint16_t)PORT));
			else
				*(volatile uint32_t *)(uintptr_t)(ZONE + i * 4) = n;
		}
		guest_sync(1);
	}
	guest_sync(0);
}

static struct kvm_coalesced_mmio_ring *ring;
static uint32_t max;

static bool count_exit(struct guest_vcpu *v)
{
	int reason = v->vcpu->run->exit_reason;

	return reason == KVM_EXIT_MMIO || reason == KVM_EXIT_IO;
}

static struct guest *prepare(bool pio)
{
	struct guest *g = guest_new(1, CHIP_NONE);
	struct kvm_coalesced_mmio_zone z = {
		.addr = pio ? PORT : ZONE, .size = pio ? 4 : 0x1000, .pio = pio,
	};
	int page = need_cap(g, KVM_CAP_COALESCED_MMIO);

	if (pio)
		need_cap(g, KVM_CAP_COALESCED_PIO);
	ring = (void *)((char *)g->v[0].vcpu->run + page * getpagesize());
	max = (getpagesize() - sizeof(*ring)) / sizeof(ring->coalesced_mmio[0]);
	CHECK_OK(ioctl(g->fd, KVM_REGISTER_COALESCED_MMIO, &z));
	g->on_exit = count_exit;
	guest_code(g, 0, writer, pio);
	return g;
}

/* In order, until the ring is full; then writes come out, and none is lost. */
static void collected(const void *arg)
{
	bool pio = *(const bool *)arg;
	struct guest *g = prepare(pio);
	uint32_t want = 0, held = 0, round;

	for (round = 0; round < 30; round++) {
		uint64_t out = g->v[0].exits;

		guest_run(g, 0);
		held += BATCH - (g->v[0].exits - out);
		CHECK_EQ((ring->last + max - ring->first) % max, held);
		if (g->v[0].exits == out)
			continue;
		/* The distribution's kvm takes it for full when it is half full. */
		CHECK(held >= max / 2 && held < max, "full with %u of %u", held, max);
		while (ring->first != ring->last) {
			struct kvm_coalesced_mmio *e = &ring->coalesced_mmio[ring->first];

			CHECK_EQ(e->len, 4);
			CHECK_EQ(e->phys_addr, pio ? PORT : ZONE + want % BATCH * 4);
			CHECK_EQ(*(uint32_t *)e->data, want);
			CHECK_EQ(e->pio, pio);
			want++;
			ring->first = (ring->first + 1) % max;
		}
		want += g->v[0].exits - out;
		held = 0;
	}
}

/* An empty ring is filled from where it is empty. */
static void anywhere(const void *arg)
{
	bool pio = *(const bool *)arg;
	struct guest *g = prepare(pio);
	const uint32_t starts[] = { 0, 1, max / 2, max - 1, 0 };
	uint32_t want = 0;
	int i, j;

	for (i = 0; i < ARRAY_LEN(starts); i++) {
		ring->first = starts[i];
		ring->last = starts[i];
		guest_run(g, 0);
		CHECK_EQ(ring->first, starts[i]);
		CHECK_EQ(ring->last, (starts[i] + BATCH) % max);
		for (j = 0; j < BATCH; j++, want++) {
			struct kvm_coalesced_mmio *e =
				&ring->coalesced_mmio[(starts[i] + j) % max];

			CHECK_EQ(*(uint32_t *)e->data, want);
		}
	}
}

static const uint32_t garbage[] = {
	~0u, 1u << 31, 0x7fffffff, 170, 169, 168, 171, 1000, 65536, 4096, 0x10000000,
};

/* Any indices: each write ends in the ring or as an exit. */
static void bad_indices(const void *arg)
{
	struct guest *g = prepare(*(const bool *)arg);
	int i, j;

	for (i = 0; i < ARRAY_LEN(garbage); i++) {
		for (j = 0; j < ARRAY_LEN(garbage); j++) {
			uint64_t out = g->v[0].exits;

			ring->first = garbage[i];
			ring->last = garbage[j];
			guest_run(g, 0);
			CHECK(g->v[0].exits - out <= BATCH, "more exits than writes");
		}
	}
	/* A kvm may keep the index of the next entry itself or take it from the ring. */
	ring->first = 0;
	ring->last = 0;
	guest_run(g, 0);
	ring->first = ring->last;
	guest_run(g, 0);
	CHECK_EQ((ring->last + max - ring->first) % max, BATCH);
}

static void *spoil(void *arg)
{
	uint32_t r = 1;

	while (!stop) {
		r = r * 1664525 + 1013904223;
		ring->last = garbage[r >> 16 & 7];
		ring->first = garbage[r >> 20 & 7];
		if (r & 1 << 28)
			ring->last = r >> 24 & 127;
		sched_yield();
	}
	return NULL;
}

/* The same while the guest writes. */
static void spoilt(const void *arg)
{
	struct guest *g = prepare(*(const bool *)arg);
	pthread_t t;

	CHECK(!pthread_create(&t, NULL, spoil, NULL), "pthread_create");
	while (writes < 2000) {
		guest_run(g, 0);
		sched_yield();
	}
	stop = 1;
	pthread_join(t, NULL);
	CHECK(g->v[0].exits <= writes, "more exits than writes");
}

int main(int argc, char **argv)
{
	static const bool pio = true, mmio;

	add_test(collected, &mmio, "collected, MMIO");
	add_test(collected, &pio, "collected, port");
	add_test(anywhere, &mmio, "anywhere, MMIO");
	add_test(anywhere, &pio, "anywhere, port");
	add_test(bad_indices, &mmio, "bad_indices, MMIO");
	add_test(bad_indices, &pio, "bad_indices, port");
	add_test(spoilt, &mmio, "spoilt, MMIO");
	add_test(spoilt, &pio, "spoilt, port");
	return run_tests(argc, argv);
}
