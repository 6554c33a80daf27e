// SPDX-License-Identifier: GPL-2.0-only
/* The time-stamp counter: offset, writes, TSC_ADJUST, rate, the same on all vCPUs. */
#include <time.h>

#include "guest.h"

#define MSR_TSC 0x10
#define MSR_ADJUST 0x3b
#define NR 3

static volatile uint64_t value, wrote, before, after, stop, last, turns[NR];

static void reader(uint64_t arg)
{
	for (;;) {
		asm volatile("lfence" : : : "memory");
		value = rdtsc();
		guest_sync(0);
	}
}

static struct guest *prepare(int nr)
{
	struct guest *g = guest_new(nr, CHIP_NONE);
	int i;

	for (i = 0; i < nr; i++)
		guest_code(g, i, reader, 0);
	return g;
}

static struct kvm_device_attr offset_attr(uint64_t *offset)
{
	return (struct kvm_device_attr) {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)offset,
	};
}

static uint64_t get_offset(struct guest *g, int i)
{
	uint64_t offset = 0xdead;
	struct kvm_device_attr a = offset_attr(&offset);

	if (ioctl(g->v[i].vcpu->fd, KVM_HAS_DEVICE_ATTR, &a))
		test_skip("this kvm does not have KVM_VCPU_TSC_OFFSET");
	CHECK_OK(ioctl(g->v[i].vcpu->fd, KVM_GET_DEVICE_ATTR, &a));
	return offset;
}

static void set_offset(struct guest *g, int i, uint64_t offset)
{
	struct kvm_device_attr a = offset_attr(&offset);

	CHECK_OK(ioctl(g->v[i].vcpu->fd, KVM_SET_DEVICE_ATTR, &a));
}

/* The guest's counter is the host's plus @offset. */
static void check_offset(struct guest *g, int i, uint64_t offset)
{
	uint64_t t0 = rdtsc(), t1;

	guest_run(g, i);
	t1 = rdtsc();
	CHECK(value - offset - t0 <= t1 - t0, "0x%llx with offset 0x%llx, host 0x%llx..0x%llx",
	      (unsigned long long)value, (unsigned long long)offset, (unsigned long long)t0,
	      (unsigned long long)t1);
}

static void offset(const void *arg)
{
	static const uint64_t some[] = { 0, 1, 1ULL << 40, -1ULL << 33, 1ULL << 63, 12345 };
	struct guest *g = prepare(2);
	uint64_t other = get_offset(g, 1);
	int i;

	check_offset(g, 0, get_offset(g, 0));
	for (i = 0; i < ARRAY_LEN(some); i++) {
		set_offset(g, 0, some[i]);
		CHECK_EQ(get_offset(g, 0), some[i]);
		check_offset(g, 0, some[i]);
		CHECK_EQ(get_offset(g, 1), other);
		check_offset(g, 1, other);
	}
}

static void offset_errors(const void *arg)
{
	struct guest *g = prepare(1);
	uint64_t o = get_offset(g, 0);
	struct kvm_device_attr a = offset_attr(&o), bad = a;
	int fd = g->v[0].vcpu->fd;

	bad.addr = 8;
	CHECK_ERRNO(ioctl(fd, KVM_GET_DEVICE_ATTR, &bad), EFAULT);
	CHECK_ERRNO(ioctl(fd, KVM_SET_DEVICE_ATTR, &bad), EFAULT);
	bad = a;
	bad.attr = 1;
	CHECK_ERRNO(ioctl(fd, KVM_HAS_DEVICE_ATTR, &bad), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_GET_DEVICE_ATTR, &bad), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_SET_DEVICE_ATTR, &bad), ENXIO);
	bad = a;
	bad.group = 7;
	CHECK_ERRNO(ioctl(fd, KVM_HAS_DEVICE_ATTR, &bad), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_SET_DEVICE_ATTR, &bad), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_SET_DEVICE_ATTR, (void *)8), EFAULT);
	CHECK_EQ(get_offset(g, 0), o);
}

/* Created at different times, they count alike. */
static void created_alike(const void *arg)
{
	struct guest *g = guest_new_novcpu(CHIP_NONE);
	int i;

	for (i = 0; i < NR; i++) {
		guest_add_vcpu(g, i);
		usleep(20000);
	}
	for (i = 1; i < NR; i++)
		CHECK_EQ(get_offset(g, i), get_offset(g, 0));
}

/* The same value is written to one vCPU after the other: kvm makes their TSCs agree. */
static void written_alike(const void *arg)
{
	struct guest *g = prepare(NR);
	int i, round;

	for (round = 1; round < 4; round++) {
		uint64_t v = round * 1000000000000ULL;

		for (i = 0; i < NR; i++) {
			CHECK_EQ(vcpu_msr_set(g->v[i].vcpu, MSR_TSC, v), 1);
			usleep(3000);
		}
		for (i = 1; i < NR; i++)
			CHECK_EQ(get_offset(g, i), get_offset(g, 0));
		guest_run(g, 0);
		CHECK(value >= v && value - v < 10000000000ULL, "0x%llx after 0x%llx",
		      (unsigned long long)value, (unsigned long long)v);
	}
	/* A value far from the other vCPUs' is set as it is. */
	vcpu_msr_set(g->v[1].vcpu, MSR_TSC, 5);
	CHECK(get_offset(g, 1) != get_offset(g, 0), "not written");
	guest_run(g, 1);
	CHECK(value < 10000000000ULL, "0x%llx", (unsigned long long)value);
}

static void writer(uint64_t msr)
{
	for (;;) {
		before = rdtsc();
		wrmsr(msr, wrote);
		after = rdtsc();
		value = rdmsr(MSR_ADJUST);
		guest_sync(0);
	}
}

static void guest_writes_tsc(const void *arg)
{
	struct guest *g = prepare(2);
	uint64_t o1 = get_offset(g, 1), o0 = get_offset(g, 0);

	guest_code(g, 0, writer, MSR_TSC);
	wrote = 1ULL << 50;
	guest_run(g, 0);
	CHECK(after >= wrote && after - wrote < 100000000, "0x%llx",
	      (unsigned long long)after);
	/* TSC_ADJUST follows by as much (SDM 3B, TSC adjustment). */
	CHECK_EQ(value, get_offset(g, 0) - o0);
	CHECK_EQ(get_offset(g, 1), o1);
	check_offset(g, 1, o1);
}

static void guest_writes_adjust(const void *arg)
{
	struct guest *g = prepare(2);
	uint64_t o0 = get_offset(g, 0), o1 = get_offset(g, 1);

	guest_code(g, 0, writer, MSR_ADJUST);
	wrote = 1ULL << 45;
	guest_run(g, 0);
	CHECK_EQ(value, wrote);
	CHECK_EQ(get_offset(g, 0), o0 + wrote);
	CHECK(after - before >= wrote && after - before < wrote + 100000000, "0x%llx",
	      (unsigned long long)(after - before));
	wrote = -(1ULL << 20);
	guest_run(g, 0);
	CHECK_EQ(get_offset(g, 0), o0 - (1ULL << 20));
	CHECK_EQ(get_offset(g, 1), o1);
	/* If user space writes TSC_ADJUST, only that value changes. */
	CHECK_EQ(vcpu_msr_set(g->v[0].vcpu, MSR_ADJUST, 0x1234), 1);
	CHECK_EQ(vcpu_msr_get(g->v[0].vcpu, MSR_ADJUST), 0x1234);
	CHECK_EQ(get_offset(g, 0), o0 - (1ULL << 20));
}

/* Read in turns, by vCPUs that run at once. */
static void racer(uint64_t i)
{
	uint64_t seen, t;

	guest_sti();
	while (!stop) {
		seen = __atomic_load_n(&last, __ATOMIC_SEQ_CST);
		asm volatile("lfence" : : : "memory");
		t = rdtsc();
		if (t < seen)
			guest_fail(__FILE__, __LINE__, "TSC went back", seen, t);
		while (t > seen &&
		       !__atomic_compare_exchange_n(&last, &seen, t, false, __ATOMIC_SEQ_CST,
						    __ATOMIC_SEQ_CST))
			;
		if (++turns[i] % 64 == 0)
			guest_sync(1);
	}
	guest_sync(0);
}

static void monotonic(const void *arg)
{
	struct guest *g = prepare(NR);
	int i;

	for (i = 0; i < NR; i++)
		guest_code(g, i, racer, i);
	guest_start_race(g, NR);
	for (i = 0; i < 30; i++)
		thread_wait_for(&turns[i % NR], turns[i % NR] + 200);
	stop = 1;
	guest_join_race(g, NR);
}

/* The guest's counter against the host's clock. */
static void check_rate(struct guest *g, uint64_t khz)
{
	uint64_t h0 = host_ns(CLOCK_MONOTONIC_RAW), h1, h2, h3, v0;
	double lo, hi;

	guest_run(g, 0);
	h1 = host_ns(CLOCK_MONOTONIC_RAW);
	v0 = value;
	usleep(200000);
	h2 = host_ns(CLOCK_MONOTONIC_RAW);
	guest_run(g, 0);
	h3 = host_ns(CLOCK_MONOTONIC_RAW);
	lo = (h2 - h1) * (khz / 1e6) * 0.999;
	hi = (h3 - h0) * (khz / 1e6) * 1.001;
	CHECK(value - v0 > lo && value - v0 < hi, "%llu ticks, not in %.0f..%.0f",
	      (unsigned long long)(value - v0), lo, hi);
}

static void rate(const void *arg)
{
	struct guest *g = prepare(1);
	int fd = g->v[0].vcpu->fd;
	uint64_t khz;

	need_cap(g, KVM_CAP_GET_TSC_KHZ);
	khz = CHECK_OK(ioctl(fd, KVM_GET_TSC_KHZ, 0));
	CHECK(khz > 1000, "%llu kHz", (unsigned long long)khz);
	check_rate(g, khz);
	/* The rate that the TSC has may be set on any CPU. */
	CHECK_OK(ioctl(fd, KVM_SET_TSC_KHZ, khz));
	CHECK_EQ(ioctl(fd, KVM_GET_TSC_KHZ, 0), khz);
	check_rate(g, khz);
}

static void scaled(const void *arg)
{
	struct guest *g = prepare(1);
	int fd = g->v[0].vcpu->fd;
	uint64_t khz;

	if (ioctl(g->fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL) <= 0)
		test_skip("the CPU does not scale the TSC");
	khz = CHECK_OK(ioctl(fd, KVM_GET_TSC_KHZ, 0));
	CHECK_OK(ioctl(fd, KVM_SET_TSC_KHZ, khz * 2));
	CHECK_EQ(ioctl(fd, KVM_GET_TSC_KHZ, 0), khz * 2);
	check_rate(g, khz * 2);
	CHECK_ERRNO(ioctl(fd, KVM_SET_TSC_KHZ, 0xffffffffUL), EINVAL);
	CHECK_EQ(ioctl(fd, KVM_GET_TSC_KHZ, 0), khz * 2);
	CHECK_OK(ioctl(fd, KVM_SET_TSC_KHZ, khz * 2 / 3));
	check_rate(g, khz * 2 / 3);
	CHECK_OK(ioctl(fd, KVM_SET_TSC_KHZ, khz));
	check_rate(g, khz);
}

static void vm_rate(const void *arg)
{
	struct guest *g = guest_new_novcpu(CHIP_NONE);
	uint64_t khz;

	need_cap(g, KVM_CAP_VM_TSC_CONTROL);
	khz = CHECK_OK(ioctl(g->fd, KVM_GET_TSC_KHZ, 0));
	CHECK_OK(ioctl(g->fd, KVM_SET_TSC_KHZ, khz * 3 / 2));
	CHECK_EQ(ioctl(g->fd, KVM_GET_TSC_KHZ, 0), khz * 3 / 2);
	guest_add_vcpu(g, 0);
	guest_code(g, 0, reader, 0);
	CHECK_EQ(ioctl(g->v[0].vcpu->fd, KVM_GET_TSC_KHZ, 0), khz * 3 / 2);
	check_rate(g, khz * 3 / 2);
	CHECK_ERRNO(ioctl(g->fd, KVM_SET_TSC_KHZ, 0xffffffffUL), EINVAL);
}

int main(int argc, char **argv)
{
	TEST(offset);
	TEST(offset_errors);
	TEST(created_alike);
	TEST(written_alike);
	TEST(guest_writes_tsc);
	TEST(guest_writes_adjust);
	TEST(monotonic);
	TEST(rate);
	TEST(scaled);
	TEST(vm_rate);
	return run_tests(argc, argv);
}
