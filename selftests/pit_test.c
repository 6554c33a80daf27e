// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254: channel 0's interrupts by way of the 8259 and of the I/O APIC, counters as
 * the guest reads them, channel 2 with port 0x61, KVM_REINJECT_CONTROL.
 */
#include <time.h>

#include "agent.h"

#define PIT_HZ	1193182ull

static uint64_t khz;

static struct pc *make(uint32_t flags)
{
	struct kvm_pit_config config = { .flags = flags };
	struct pc *pc = pc_new_bare(CHIPS_KERNEL);
	struct cpu *c = &pc->cpu[0];

	need_cap(KVM_CAP_PIT2, "KVM_CAP_PIT2");
	CHECK_OK(ioctl(pc->vm_fd, KVM_CREATE_PIT2, &config));
	pc_add_cpus(pc, 1);
	cpu_prepare(c);
	apic_write(c, R_SPIV, 0x1ff);
	pic_init(c, 0x20);
	cpu_outb(c, 0x21, 0xff);
	cpu_outb(c, 0xa1, 0xff);
	khz = CHECK_OK(ioctl(c->vcpu->fd, KVM_GET_TSC_KHZ, 0));
	return pc;
}

static void program(struct cpu *c, int channel, int mode, uint16_t count)
{
	cpu_outb(c, 0x43, channel << 6 | 0x30 | mode << 1);
	cpu_outb(c, 0x40 + channel, count);
	cpu_outb(c, 0x40 + channel, count >> 8);
}

static uint16_t latched(struct cpu *c, int channel)
{
	uint8_t low;

	cpu_outb(c, 0x43, channel << 6);
	low = cpu_inb(c, 0x40 + channel);
	return low | cpu_inb(c, 0x40 + channel) << 8;
}

static uint64_t ticks(uint64_t tsc)
{
	return tsc * PIT_HZ / (khz * 1000);
}

static void use_pic(struct cpu *c)
{
	apic_write(c, R_LVT0, M_EXTINT);
	cpu_outb(c, 0x21, 0xfe);
}

static void take_pic(struct cpu *c)
{
	CHECK_EQ(cpu_halt(c), 0x20);
	cpu_outb(c, 0x20, 0x20);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

/* 40 periods of 2 ms take 80 ms. */
static void rate_by_pic(const void *arg)
{
	struct pc *pc = make(0);
	struct cpu *c = &pc->cpu[0];
	uint64_t t;
	int i;

	need_quick(c, QUICK_US);
	use_pic(c);
	program(c, 0, 2, 2386);
	t = cpu_rdtsc(c);
	for (i = 0; i < 40; i++)
		take_pic(c);
	t = ticks(cpu_rdtsc(c) - t);
	CHECK(t > 39 * 2386 && t < 43 * 2386, "40 periods of 2386 took %llu",
	      (unsigned long long)t);
}

static void square_wave_by_ioapic(const void *arg)
{
	struct kvm_reinject_control off = { .pit_reinject = 0 };
	struct pc *pc = make(0);
	struct cpu *c = &pc->cpu[0];
	uint64_t t;
	int i;

	need_quick(c, QUICK_US);
	CHECK_OK(ioctl(pc->vm_fd, KVM_REINJECT_CONTROL, &off));
	apic_write(c, R_LVT0, M_EXTINT | LVT_MASKED);
	ioapic_route(c, 0, 0, 0x50);
	program(c, 0, 3, 5000);
	t = cpu_rdtsc(c);
	for (i = 0; i < 20; i++) {
		CHECK_EQ(cpu_halt(c), 0x50);
		apic_eoi(c);
		CHECK_EQ(cpu_iret(c), CPU_DONE);
	}
	t = ticks(cpu_rdtsc(c) - t);
	CHECK(t > 19 * 5000 && t < 22 * 5000, "20 periods of 5000 took %llu",
	      (unsigned long long)t);
	/* Masked, it is silent; a new mode without a count stops it. */
	ioapic_route(c, 0, 0, 0x50 | RTE_MASKED);
	cpu_wait_tsc(c, cpu_rdtsc(c) + khz / 10);
	CHECK_EQ(cpu_wait_tsc(c, cpu_rdtsc(c) + 10 * khz), CPU_DONE);
}

static void one_shot(const void *arg)
{
	struct pc *pc = make(0);
	struct cpu *c = &pc->cpu[0];
	uint64_t t;
	int i;

	need_quick(c, QUICK_US);
	use_pic(c);
	for (i = 1; i <= 5; i++) {
		program(c, 0, 0, i * 2000);
		t = cpu_rdtsc(c);
		take_pic(c);
		t = ticks(cpu_rdtsc(c) - t);
		CHECK(t + 100 > i * 2000 && t < i * 2000 + 4000, "%d took %llu", i * 2000,
		      (unsigned long long)t);
	}
	CHECK_EQ(cpu_wait_tsc(c, cpu_rdtsc(c) + 15 * khz), CPU_DONE);
}

/* Reads: latch holds a value, the status byte says mode and null count. */
static void counters(const void *arg)
{
	struct pc *pc = make(0);
	struct cpu *c = &pc->cpu[0];
	uint16_t a, b;
	uint64_t t;
	uint8_t s;

	need_quick(c, QUICK_US);
	program(c, 0, 2, 0);			/* 65536 */
	t = cpu_rdtsc(c);
	a = latched(c, 0);
	cpu_wait_tsc(c, t + 5 * khz);
	b = latched(c, 0);
	t = ticks(cpu_rdtsc(c) - t);
	CHECK((uint16_t)(a - b) > 5000 && (uint16_t)(a - b) <= t + 2, "%u to %u in %llu", a, b,
	      (unsigned long long)t);
	/* Latched once, it does not move until both bytes are read. */
	cpu_outb(c, 0x43, 0);
	a = cpu_inb(c, 0x40);
	cpu_wait_tsc(c, cpu_rdtsc(c) + 2 * khz);
	cpu_outb(c, 0x43, 0);
	a |= cpu_inb(c, 0x40) << 8;
	CHECK((uint16_t)(b - a) < 2000, "%u after %u", a, b);
	/* Read-back of status and count together: status first. */
	cpu_outb(c, 0x43, 0xc2);
	s = cpu_inb(c, 0x40);
	CHECK_EQ(s & 0x3f, 0x34);
	cpu_inb(c, 0x40);
	cpu_inb(c, 0x40);
	/* Access by one byte only. */
	cpu_outb(c, 0x43, 0x14);		/* channel 0, low byte, mode 2 */
	cpu_outb(c, 0x40, 100);
	CHECK(cpu_inb(c, 0x40) <= 100, "more than it counts from");
	cpu_outb(c, 0x43, 0xe2);		/* status alone */
	CHECK_EQ(cpu_inb(c, 0x40) & 0x3f, 0x14);
}

static void channel_2(const void *arg)
{
	struct pc *pc = make(KVM_PIT_SPEAKER_DUMMY);
	struct cpu *c = &pc->cpu[0];
	uint16_t a;

	need_quick(c, QUICK_US);
	/* Gate off: it does not count. Gate on: OUT rises when mode 0 is done. */
	cpu_outb(c, 0x61, 0);
	CHECK_EQ(cpu_inb(c, 0x61) & 3, 0);
	cpu_outb(c, 0x61, 1);
	CHECK_EQ(cpu_inb(c, 0x61) & 3, 1);
	program(c, 2, 0, 20000);
	CHECK_EQ(cpu_inb(c, 0x61) & 0x20, 0);
	a = latched(c, 2);
	CHECK(a <= 20000 && a > 10000, "counts from 20000, is at %u", a);
	cpu_wait_tsc(c, cpu_rdtsc(c) + 10 * khz);
	CHECK_EQ(cpu_inb(c, 0x61) & 0x20, 0);
	cpu_wait_tsc(c, cpu_rdtsc(c) + 10 * khz);
	CHECK_EQ(cpu_inb(c, 0x61) & 0x20, 0x20);
	/* The speaker's bit is kept. */
	cpu_outb(c, 0x61, 3);
	CHECK_EQ(cpu_inb(c, 0x61) & 3, 3);
}

/* Without the flag port 0x61 is user space's. */
static void port_61_absent(const void *arg)
{
	struct pc *pc = make(0);
	struct cpu *c = &pc->cpu[0];

	CHECK_EQ(cpu_try_outb(c, 0x61, 1), CPU_EXIT);
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_IO);
	CHECK_EQ(c->run->io.port, 0x61);
	CHECK_EQ(cpu_resume(c), CPU_DONE);
	CHECK_EQ(cpu_try_outb(c, 0x44, 1), CPU_EXIT);
	CHECK_EQ(c->run->io.port, 0x44);
}

/* Periods the guest was stopped for are made up for, or not, as user space says. */
static void reinjection(const void *arg)
{
	struct timespec ms50 = { .tv_nsec = 50000000 };
	const bool on = *(const bool *)arg;
	struct kvm_reinject_control ctl = { .pit_reinject = on };
	struct pc *pc = make(0);
	struct cpu *c = &pc->cpu[0];
	int n = 0, got;

	need_quick(c, QUICK_US);
	CHECK_OK(ioctl(pc->vm_fd, KVM_REINJECT_CONTROL, &ctl));
	use_pic(c);
	program(c, 0, 2, 11932);		/* 10 ms */
	take_pic(c);
	nanosleep(&ms50, NULL);
	/* For one and a half periods: what is overdue, and one or two new ones. */
	for (got = cpu_wait_tsc(c, cpu_rdtsc(c) + 15 * khz); got != CPU_DONE; n++) {
		CHECK_EQ(got, 0x20);
		cpu_outb(c, 0x20, 0x20);
		got = cpu_iret(c);
		if (got != CPU_DONE)
			continue;
		got = cpu_wait_tsc(c, cpu_rdtsc(c) + 5 * khz);
	}
	if (on)
		CHECK(n >= 5 && n <= 9, "%d", n);
	else
		CHECK(n >= 1 && n <= 4, "%d", n);
}

int main(int argc, char **argv)
{
	static const bool on = true, off;

	TEST(rate_by_pic);
	TEST(square_wave_by_ioapic);
	TEST(one_shot);
	TEST(counters);
	TEST(channel_2);
	TEST(port_61_absent);
	add_test(reinjection, &on, "reinjection");
	add_test(reinjection, &off, "no_reinjection");
	return run_tests(argc, argv);
}
