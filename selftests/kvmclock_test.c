// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's clock: its structure in guest memory, its rate, that it never goes back on
 * any of several vCPUs, and the host's hold of it.
 */
#include <time.h>

#include "guest.h"

#define WALL_OLD 0x11
#define SYSTEM_OLD 0x12
#define WALL_NEW 0x4b564d00
#define SYSTEM_NEW 0x4b564d01
#define STABLE 1
#define STOPPED 2
#define NR 4
#define SECOND 1000000000ULL

struct clock {
	uint32_t version, pad0;
	uint64_t tsc, ns;
	uint32_t mul;
	int8_t shift;
	uint8_t flags, pad[2];
} __attribute__((aligned(64)));

static volatile struct clock clocks[NR];
static volatile struct { uint32_t version, sec, nsec; } wall;
static volatile uint64_t now[NR], last, stop, rounds[NR], wall_at;
static volatile uint32_t msr;

/* What Documentation/virt/kvm/x86/msr.rst tells a guest to do. */
static uint64_t read_clock(int i)
{
	volatile struct clock *c = &clocks[i];
	uint32_t version;
	uint64_t d, ns;

	do {
		version = c->version;
		asm volatile("lfence" : : : "memory");
		d = rdtsc() - c->tsc;
		d = c->shift < 0 ? d >> -c->shift : d << c->shift;
		ns = (__uint128_t)d * c->mul >> 32;
		ns += c->ns;
		asm volatile("" : : : "memory");
	} while (version & 1 || version != c->version);
	return ns;
}

/* Registers once, then one reading for each guest_sync(). */
static void reader(uint64_t i)
{
	wrmsr(msr, (uintptr_t)&clocks[i] | 1);
	for (;;) {
		now[i] = read_clock(i);
		guest_sync(0);
	}
}

static struct guest *prepare(int nr)
{
	struct guest *g = guest_new(nr, CHIP_NONE);
	int i;

	need_cap(g, KVM_CAP_ADJUST_CLOCK);
	msr = SYSTEM_NEW;
	for (i = 0; i < nr; i++)
		guest_code(g, i, reader, i);
	return g;
}

static uint64_t guest_now(struct guest *g, int i)
{
	guest_run(g, i);
	return now[i];
}

static struct kvm_clock_data get_clock(struct guest *g)
{
	struct kvm_clock_data d = { 0 };

	CHECK_OK(ioctl(g->fd, KVM_GET_CLOCK, &d));
	return d;
}

static void set_clock(struct guest *g, uint64_t ns, uint32_t flags, uint64_t realtime)
{
	struct kvm_clock_data d = { .clock = ns, .flags = flags, .realtime = realtime };

	CHECK_OK(ioctl(g->fd, KVM_SET_CLOCK, &d));
}

static void registered(const void *arg)
{
	struct guest *g = prepare(1);
	struct clock c;
	uint64_t a, b;

	msr = *(const uint32_t *)arg;
	a = guest_now(g, 0);
	b = guest_now(g, 0);
	CHECK(b > a && b - a < SECOND, "%llu, then %llu", (unsigned long long)a,
	      (unsigned long long)b);
	c = clocks[0];
	CHECK(c.version && !(c.version & 1), "version %u", c.version);
	CHECK(c.mul && !(c.flags & ~STABLE), "mul %u flags %u", c.mul, c.flags);
	CHECK_EQ(vcpu_msr_get(g->v[0].vcpu, msr), (uintptr_t)&clocks[0] | 1);
	/* Bit 0 clear: the structure is the guest's again. */
	CHECK_EQ(vcpu_msr_set(g->v[0].vcpu, msr, 0), 1);
	memset((void *)&clocks[0], 0, sizeof(clocks[0]));
	set_clock(g, 77 * SECOND, 0, 0);
	guest_run(g, 0);
	CHECK_EQ(clocks[0].version, 0);
	CHECK_EQ(clocks[0].mul, 0);
}

static void ask_wall(uint64_t arg)
{
	wrmsr(SYSTEM_NEW, (uintptr_t)&clocks[0] | 1);
	wrmsr(arg, (uintptr_t)&wall);
	wall_at = read_clock(0);
	guest_sync(0);
}

static void wall_clock(const void *arg)
{
	struct guest *g = prepare(1);
	uint64_t t0, t1, t;

	guest_code(g, 0, ask_wall, *(const uint32_t *)arg);
	t0 = host_ns(CLOCK_REALTIME);
	guest_run(g, 0);
	t1 = host_ns(CLOCK_REALTIME);
	t = wall.sec * SECOND + wall.nsec + wall_at;
	CHECK(wall.version && !(wall.version & 1), "version %u", wall.version);
	CHECK(wall.nsec < SECOND, "%u ns", wall.nsec);
	/* The host takes wall and monotonic time one after the other. */
	CHECK(t + 1000000 > t0 && t < t1 + 1000000, "%llu, not in %llu..%llu",
	      (unsigned long long)t, (unsigned long long)t0, (unsigned long long)t1);
	CHECK_EQ(vcpu_msr_get(g->v[0].vcpu, *(const uint32_t *)arg), (uintptr_t)&wall);
}

/* No vCPU reads less than what any has read before. */
static void racer(uint64_t i)
{
	uint64_t t, seen;

	wrmsr(SYSTEM_NEW, (uintptr_t)&clocks[i] | 1);
	guest_sti();
	while (!stop) {
		seen = __atomic_load_n(&last, __ATOMIC_SEQ_CST);
		t = read_clock(i);
		if (t < seen)
			guest_fail(__FILE__, __LINE__, "time went back", seen, t);
		while (t > seen &&
		       !__atomic_compare_exchange_n(&last, &seen, t, false, __ATOMIC_SEQ_CST,
						    __ATOMIC_SEQ_CST))
			;
		rounds[i]++;
		/* With fewer CPUs than vCPUs, the others can run meanwhile. */
		if (rounds[i] % 64 == 0)
			guest_sync(1);
	}
	guest_sync(0);
}

/* @arg: what the host does meanwhile. */
static void monotonic(const void *arg)
{
	void (*meanwhile)(struct guest *g, int turn) = arg;
	struct guest *g = prepare(NR);
	int i;

	for (i = 0; i < NR; i++)
		guest_code(g, i, racer, i);
	guest_start_race(g, NR);
	for (i = 0; i < 50; i++) {
		meanwhile(g, i);
		thread_wait_for(&rounds[i % NR], rounds[i % NR] + 100);
	}
	if (get_clock(g).flags & KVM_CLOCK_TSC_STABLE)
		CHECK(clocks[1].flags & STABLE, "flags %u", clocks[1].flags);
	stop = 1;
	guest_join_race(g, NR);
}

static void nothing(struct guest *g, int turn)
{
}

static void asks(struct guest *g, int turn)
{
	uint64_t seen = last;
	struct kvm_clock_data d = get_clock(g);

	if (d.flags & KVM_CLOCK_TSC_STABLE)
		CHECK(d.clock >= seen, "%llu after %llu", (unsigned long long)d.clock,
		      (unsigned long long)seen);
}

static void sets_forward(struct guest *g, int turn)
{
	set_clock(g, (turn + 1) * 100 * SECOND, 0, 0);
}

static void get(const void *arg)
{
	struct guest *g = prepare(2);
	uint32_t known = ioctl(g->fd, KVM_CHECK_EXTENSION, KVM_CAP_ADJUST_CLOCK);
	int i;

	guest_run(g, 0);
	guest_run(g, 1);
	for (i = 0; i < 20; i++) {
		uint64_t t0 = host_ns(CLOCK_REALTIME), c0 = rdtsc(), t;
		struct kvm_clock_data d = get_clock(g), e;
		uint64_t c1 = rdtsc(), t1 = host_ns(CLOCK_REALTIME);

		CHECK(!(d.flags & ~known), "flags 0x%x, known 0x%x", d.flags, known);
		if (d.flags & KVM_CLOCK_REALTIME)
			CHECK(d.realtime >= t0 && d.realtime <= t1, "realtime");
		if (d.flags & KVM_CLOCK_HOST_TSC)
			CHECK(d.host_tsc >= c0 && d.host_tsc <= c1, "host_tsc");
		t = guest_now(g, i & 1);
		e = get_clock(g);
		/* They may differ by a microsecond, as each rounds for itself. */
		CHECK(t + 1000 > d.clock && t < e.clock + 1000, "%llu not in %llu..%llu",
		      (unsigned long long)t, (unsigned long long)d.clock,
		      (unsigned long long)e.clock);
	}
}

static void set(const void *arg)
{
	struct guest *g = prepare(2);
	struct kvm_clock_data d;
	uint64_t t;
	int i;

	for (i = 0; i < 2; i++)
		guest_run(g, i);
	for (i = 1; i < 10; i++) {
		uint64_t at = (i & 1 ? 1000 : 5) * i * SECOND;

		set_clock(g, at, 0, 0);
		d = get_clock(g);
		CHECK(d.clock >= at && d.clock < at + SECOND, "%llu after set to %llu",
		      (unsigned long long)d.clock, (unsigned long long)at);
		t = guest_now(g, i & 1);
		CHECK(t + 1000 >= d.clock && t < at + SECOND, "the guest has %llu",
		      (unsigned long long)t);
	}
	/* Flags that GET returns are accepted and ignored. */
	set_clock(g, SECOND, KVM_CLOCK_TSC_STABLE, 0);
	d = get_clock(g);
	CHECK(d.clock >= SECOND && d.clock < 2 * SECOND, "%llu", (unsigned long long)d.clock);
}

static void set_by_realtime(const void *arg)
{
	struct guest *g = prepare(1);
	struct kvm_clock_data d;
	uint64_t t = host_ns(CLOCK_REALTIME);

	if (!(need_cap(g, KVM_CAP_ADJUST_CLOCK) & KVM_CLOCK_REALTIME))
		test_skip("no KVM_CLOCK_REALTIME");
	set_clock(g, 50 * SECOND, KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC, t - 10 * SECOND);
	d = get_clock(g);
	CHECK(d.clock >= 60 * SECOND && d.clock < 61 * SECOND, "%llu",
	      (unsigned long long)d.clock);
	set_clock(g, 50 * SECOND, KVM_CLOCK_REALTIME, t - 20 * SECOND);
	t = guest_now(g, 0);
	CHECK(t >= 70 * SECOND && t < 71 * SECOND, "%llu", (unsigned long long)t);
}

static void errors(const void *arg)
{
	struct guest *g = prepare(1);
	struct kvm_clock_data d = { .flags = 1 << 7 };

	CHECK_ERRNO(ioctl(g->fd, KVM_SET_CLOCK, &d), EINVAL);
	d.flags = 1;			/* not a flag of either call */
	CHECK_ERRNO(ioctl(g->fd, KVM_SET_CLOCK, &d), EINVAL);
	CHECK_ERRNO(ioctl(g->fd, KVM_SET_CLOCK, (void *)8), EFAULT);
	CHECK_ERRNO(ioctl(g->fd, KVM_GET_CLOCK, (void *)8), EFAULT);
	need_cap(g, KVM_CAP_KVMCLOCK_CTRL);
	CHECK_ERRNO(ioctl(g->v[0].vcpu->fd, KVM_KVMCLOCK_CTRL, 0), EINVAL);
}

static void paused(const void *arg)
{
	struct guest *g = prepare(2);

	need_cap(g, KVM_CAP_KVMCLOCK_CTRL);
	guest_run(g, 0);
	guest_run(g, 1);
	CHECK(!(clocks[0].flags & STOPPED), "stopped before the call");
	CHECK_OK(ioctl(g->v[0].vcpu->fd, KVM_KVMCLOCK_CTRL, 0));
	guest_run(g, 0);
	guest_run(g, 1);
	CHECK(clocks[0].flags & STOPPED, "flags %u", clocks[0].flags);
	CHECK(!(clocks[1].flags & STOPPED), "the other vCPU has it");
	/* It stays until the guest takes it, and does not come back. */
	set_clock(g, 9 * SECOND, 0, 0);
	guest_run(g, 0);
	CHECK(clocks[0].flags & STOPPED, "lost by an update");
	clocks[0].flags &= ~STOPPED;
	set_clock(g, 10 * SECOND, 0, 0);
	guest_run(g, 0);
	CHECK(!(clocks[0].flags & STOPPED), "came back");
}

/* It goes as the host's time goes, and as the TSC by the guest's frequency. */
static void rate(const void *arg)
{
	struct guest *g = prepare(1);
	uint64_t khz = CHECK_OK(ioctl(g->v[0].vcpu->fd, KVM_GET_TSC_KHZ, 0));
	uint64_t t0, t1, h0, h1, h2, h3;
	double scale, want = 1e6 / khz;

	guest_run(g, 0);
	h0 = host_ns(CLOCK_MONOTONIC_RAW);
	t0 = guest_now(g, 0);
	h1 = host_ns(CLOCK_MONOTONIC_RAW);
	usleep(300000);
	h2 = host_ns(CLOCK_MONOTONIC_RAW);
	t1 = guest_now(g, 0);
	h3 = host_ns(CLOCK_MONOTONIC_RAW);
	CHECK(t1 - t0 + 2000 > h2 - h1 && t1 - t0 < h3 - h0 + 2000,
	      "%llu ns, not in %llu..%llu", (unsigned long long)(t1 - t0),
	      (unsigned long long)(h2 - h1), (unsigned long long)(h3 - h0));
	scale = clocks[0].mul / 4294967296.0;
	scale = clocks[0].shift < 0 ? scale / (1 << -clocks[0].shift) :
				      scale * (1 << clocks[0].shift);
	CHECK(scale > want * 0.99999 && scale < want * 1.00001, "%g ns per tick at %llu kHz",
	      scale, (unsigned long long)khz);
}

/* A second VM takes over; its guest does not see time go back. */
static void moved(const void *arg)
{
	struct guest *a = prepare(1), *b;
	struct kvm_clock_data d;
	uint64_t t0, t1;

	set_clock(a, 500 * SECOND, 0, 0);
	t0 = guest_now(a, 0);
	d = get_clock(a);
	b = prepare(1);
	set_clock(b, d.clock, d.flags & KVM_CLOCK_REALTIME, d.realtime);
	CHECK_EQ(vcpu_msr_set(b->v[0].vcpu, SYSTEM_NEW,
			      vcpu_msr_get(a->v[0].vcpu, SYSTEM_NEW)), 1);
	t1 = guest_now(b, 0);
	CHECK(t1 > t0 && t1 < t0 + 5 * SECOND, "%llu, then %llu", (unsigned long long)t0,
	      (unsigned long long)t1);
}

/* An address where no memory is: the guest goes on, and nothing else happens. */
static void bad_address(const void *arg)
{
	struct guest *g = prepare(1);

	guest_run(g, 0);
	vcpu_msr_set(g->v[0].vcpu, SYSTEM_NEW, 0x7ffff0000000ULL | 1);
	guest_run(g, 0);
	vcpu_msr_set(g->v[0].vcpu, SYSTEM_NEW, G_MMIO | 1);
	guest_run(g, 0);
	vcpu_msr_set(g->v[0].vcpu, WALL_NEW, G_MMIO);
	guest_run(g, 0);
	CHECK_EQ(vcpu_msr_set(g->v[0].vcpu, SYSTEM_NEW, (uintptr_t)&clocks[0] | 1), 1);
	guest_run(g, 0);
}

int main(int argc, char **argv)
{
	static const uint32_t system_old = SYSTEM_OLD, system_new = SYSTEM_NEW;
	static const uint32_t wall_old = WALL_OLD, wall_new = WALL_NEW;

	add_test(registered, &system_new, "registered");
	add_test(registered, &system_old, "registered by the old MSR");
	add_test(wall_clock, &wall_new, "wall_clock");
	add_test(wall_clock, &wall_old, "wall_clock by the old MSR");
	add_test(monotonic, nothing, "monotonic");
	add_test(monotonic, asks, "monotonic, asked by the host");
	add_test(monotonic, sets_forward, "monotonic, set forward by the host");
	TEST(get);
	TEST(set);
	TEST(set_by_realtime);
	TEST(errors);
	TEST(paused);
	TEST(rate);
	TEST(moved);
	TEST(bad_address);
	return run_tests(argc, argv);
}
