// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steal time: what a vCPU waits for its CPU, and the flag that says it is not running,
 * by which other vCPUs ask for a flush of its TLB. Both vCPUs share one CPU of the host.
 */
#include <linux/kvm_para.h>
#include <sched.h>
#include <time.h>

#include "guest.h"

#define PAGES 40
#define G_WINDOW 0x7f000		/* the page that is remapped */
#define G_PAGES 0x200000		/* page k holds k */
#define MS 1000000ULL

static volatile struct kvm_steal_time __attribute__((aligned(64))) area[2];
static volatile uint64_t stop, spins[2], seen_preempted, seq, flushes;

static void spinner(uint64_t i)
{
	wrmsr(MSR_KVM_STEAL_TIME, (uintptr_t)&area[i] | KVM_MSR_ENABLED);
	guest_sti();
	while (!stop) {
		spins[i]++;
		if (area[!i].preempted & KVM_VCPU_PREEMPTED)
			seen_preempted |= 1 << i;
		G_CHECK(!(area[i].preempted & KVM_VCPU_PREEMPTED));
	}
	guest_sync(0);
}

static struct guest *prepare(void (*fn)(uint64_t), void (*fn2)(uint64_t))
{
	struct guest *g = guest_new(fn2 ? 2 : 1, CHIP_NONE);

	need_feature(g, KVM_FEATURE_STEAL_TIME);
	pin(0);
	guest_code(g, 0, fn, 0);
	if (fn2)
		guest_code(g, 1, fn2, 1);
	return g;
}

/* Of two that spin on one CPU, each loses about half of the time. */
static void shared_cpu(const void *arg)
{
	struct guest *g = prepare(spinner, spinner);
	uint64_t t = host_ns(CLOCK_MONOTONIC), took, steal;
	int i;

	guest_start(g, 0);
	guest_start(g, 1);
	usleep(300000);
	stop = 1;
	for (i = 0; i < 2; i++)
		guest_join(g, i);
	took = host_ns(CLOCK_MONOTONIC) - t;
	for (i = 0; i < 2; i++) {
		CHECK(area[i].version && !(area[i].version & 1), "version %u",
		      area[i].version);
		CHECK_EQ(area[i].flags, 0);
		steal = area[i].steal;
		CHECK(spins[i], "vCPU %d did not run", i);
		CHECK(steal > took / 5 && steal < took, "vCPU %d: %llu of %llu ns", i,
		      (unsigned long long)steal, (unsigned long long)took);
	}
	/* Each has seen the other one not running. */
	CHECK_EQ(seen_preempted, 3);
}

static void turns(uint64_t i)
{
	volatile int k;

	wrmsr(MSR_KVM_STEAL_TIME, (uintptr_t)&area[i] | KVM_MSR_ENABLED);
	for (;;) {
		for (k = 0; k < 1000; k++)
			;
		guest_sync(0);
	}
}

/* Time for which user space does not run it is not stolen. */
static void idle(const void *arg)
{
	struct guest *g = prepare(turns, NULL);
	int i;

	guest_run(g, 0);
	for (i = 0; i < 20; i++) {
		usleep(10000);
		guest_run(g, 0);
	}
	CHECK(area[0].steal < 50 * MS, "%llu ns", (unsigned long long)area[0].steal);
	CHECK_EQ(area[0].version & 1, 0);
}

static volatile uint8_t fault;
static volatile uint64_t value;

static void write_msr(uint64_t arg)
{
	for (;;) {
		fault = guest_wrmsr(MSR_KVM_STEAL_TIME, value);
		guest_sync(0);
	}
}

static uint8_t write_value(struct guest *g, uint64_t v)
{
	value = v;
	guest_run(g, 0);
	return fault;
}

static void registration(const void *arg)
{
	struct guest *g = prepare(write_msr, NULL);
	uint64_t at = (uintptr_t)&area[0];
	uint32_t version;

	CHECK_EQ(write_value(g, at | 2 | 1), GP_VECTOR);
	CHECK_EQ(write_value(g, at | 0x20 | 1), GP_VECTOR);
	CHECK_EQ(area[0].version, 0);
	CHECK_EQ(write_value(g, at | 1), 0);
	CHECK_EQ(vcpu_msr_get(g->v[0].vcpu, MSR_KVM_STEAL_TIME), at | 1);
	CHECK(area[0].version, "not written");
	/* Switched off: kvm writes to the memory no more. */
	CHECK_EQ(write_value(g, at), 0);
	version = area[0].version;
	usleep(20000);
	guest_run(g, 0);
	CHECK_EQ(area[0].version, version);
	CHECK_EQ(area[0].preempted, 0);
	/* Where no memory is, nothing happens and the guest goes on. */
	value = G_MMIO | 1;
	guest_run(g, 0);
	guest_run(g, 0);
	value = 0x7fffffffffc0ULL | 1;
	guest_run(g, 0);
	CHECK_EQ(write_value(g, at | 1), 0);
	CHECK(area[0].version != version, "not written after a bad address");
}

/* --- TLB flush of a vCPU that is not running ------------------------------- */

/* Reads through the window; never sees less than what was announced before. */
static void window_reader(uint64_t i)
{
	uint64_t s, v;

	wrmsr(MSR_KVM_STEAL_TIME, (uintptr_t)&area[i] | KVM_MSR_ENABLED);
	guest_sti();
	while (!stop) {
		s = seq;
		v = *(volatile uint64_t *)G_WINDOW;
		if (v < s || v > s + 1)
			guest_fail(__FILE__, __LINE__, "stale translation", v, s);
		spins[i]++;
	}
	guest_sync(0);
}

/*
 * Remaps the window while the reader is preempted and asks for a flush at its next
 * entry. Only where that is accepted, the new page is announced.
 */
static void window_mapper(uint64_t i)
{
	volatile uint64_t *pte = (uint64_t *)(uintptr_t)G_PT + (G_WINDOW >> 12);
	uint8_t want;
	uint64_t ran;

	wrmsr(MSR_KVM_STEAL_TIME, (uintptr_t)&area[i] | KVM_MSR_ENABLED);
	guest_sti();
	while (seq < PAGES - 1) {
		if (area[!i].preempted != KVM_VCPU_PREEMPTED) {
			guest_pause();
			continue;
		}
		*pte = (G_PAGES + ((seq + 1) << 12)) | PTE_P | PTE_W | PTE_U;
		want = KVM_VCPU_PREEMPTED;
		if (__atomic_compare_exchange_n(&area[!i].preempted, &want,
						KVM_VCPU_PREEMPTED | KVM_VCPU_FLUSH_TLB,
						false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			seq++;
			flushes++;
			/* It runs before the next one. */
			for (ran = spins[!i]; ran == spins[!i];)
				guest_pause();
		}
	}
	stop = 1;
	guest_sync(0);
}

static void tlb_flush(const void *arg)
{
	struct guest *g = prepare(window_reader, window_mapper);
	uint64_t *page;
	int k;

	need_feature(g, KVM_FEATURE_PV_TLB_FLUSH);
	for (k = 0; k < PAGES; k++) {
		page = guest_mem(g->m, G_PAGES + k * 0x1000);
		*page = k;
	}
	*guest_pte(g->m, G_WINDOW) = G_PAGES | PTE_P | PTE_W | PTE_U;
	guest_start(g, 0);
	thread_wait_for(&spins[0], 1);
	guest_start(g, 1);
	guest_join(g, 1);
	guest_join(g, 0);
	CHECK_EQ(flushes, PAGES - 1);
	CHECK(!(area[0].preempted & KVM_VCPU_FLUSH_TLB), "the request is still there");
}

int main(int argc, char **argv)
{
	TEST(shared_cpu);
	TEST(idle);
	TEST(registration);
	TEST(tlb_flush);
	return run_tests(argc, argv);
}
