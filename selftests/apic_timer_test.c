// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer: one-shot, periodic and TSC-deadline, while the guest runs,
 * while it halts and while no KVM_RUN is under way. Every expiry comes once, and none comes
 * before the guest's own TSC has reached it.
 */
#include <time.h>

#include "agent.h"

#define VEC	0x90
#define MS	1000000u		/* ticks at divide 1: the bus clock is 1 GHz */
#define PORT_END 0xe2
#define LATE_MS	20		/* a busy host may take as long to run the vCPU */
#define PERIOD_MS 25

static uint64_t khz;

static struct pc *make(void)
{
	struct pc *pc = pc_new(CHIPS_KERNEL, 1);

	khz = CHECK_OK(ioctl(pc->cpu[0].vcpu->fd, KVM_GET_TSC_KHZ, 0));
	return pc;
}

static struct pc *make_deadline(void)
{
	struct pc *pc = make();

	need_cap(KVM_CAP_TSC_DEADLINE_TIMER, "KVM_CAP_TSC_DEADLINE_TIMER");
	apic_write(&pc->cpu[0], R_LVTT, LVT_DEADLINE | VEC);
	return pc;
}

/* In TSC ticks; the clocks of host and guest may differ by 1/256 and 20 us. */
static void check_elapsed(uint64_t tsc, uint64_t ns)
{
	uint64_t want = ns * khz / 1000000, late = LATE_MS * khz;

	CHECK(tsc + want / 256 + khz / 50 >= want, "%llu ticks of %llu: too early",
	      (unsigned long long)tsc, (unsigned long long)want);
	CHECK(tsc <= want + want / 256 + late, "%llu ticks of %llu: too late",
	      (unsigned long long)tsc, (unsigned long long)want);
}

static void take(struct cpu *c)
{
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

static void one_shot(const void *arg)
{
	static const uint8_t codes[] = { 0xb, 0, 1, 2, 3, 8, 9, 0xa };
	struct pc *pc = make();
	struct cpu *c = &pc->cpu[0];
	int i;

	need_quick(c, QUICK_US);
	apic_write(c, R_LVTT, VEC);
	for (i = 0; i < ARRAY_LEN(codes); i++) {
		uint32_t n = (10 * MS) >> i, now;
		uint64_t t;

		apic_write(c, R_TMICT, 0);
		apic_write(c, R_TDCR, codes[i]);
		CHECK_EQ(apic_read(c, R_TDCR), codes[i]);
		t = cpu_rdtsc(c);
		apic_write(c, R_TMICT, n);
		now = apic_read(c, R_TMCCT);
		CHECK(now && now <= n, "count 0x%x of 0x%x", now, n);
		CHECK(apic_read(c, R_TMCCT) <= now, "counts up");
		CHECK_EQ(cpu_halt(c), VEC);
		check_elapsed(cpu_rdtsc(c) - t, 10000000);
		CHECK_EQ(apic_read(c, R_TMCCT), 0);
		CHECK_EQ(apic_read(c, R_TMICT), n);
		take(c);
	}
	CHECK_EQ(cpu_wait_tsc(c, cpu_rdtsc(c) + 15 * khz), CPU_DONE);
}

static void periodic(const void *arg)
{
	struct pc *pc = make();
	struct cpu *c = &pc->cpu[0];
	uint64_t t;
	int i;

	need_quick(c, QUICK_US);
	apic_write(c, R_TDCR, 0xb);
	apic_write(c, R_LVTT, LVT_PERIODIC | VEC);
	t = cpu_rdtsc(c);
	apic_write(c, R_TMICT, PERIOD_MS * MS);
	for (i = 1; i <= 20; i++) {
		CHECK_EQ(cpu_halt(c), VEC);
		check_elapsed(cpu_rdtsc(c) - t, i * PERIOD_MS * 1000000ull);
		CHECK(apic_read(c, R_TMCCT) <= PERIOD_MS * MS, "count 0x%x",
		      apic_read(c, R_TMCCT));
		take(c);
	}
	apic_write(c, R_TMICT, 0);		/* stops it */
	CHECK_EQ(apic_read(c, R_TMCCT), 0);
	CHECK_EQ(cpu_wait_tsc(c, cpu_rdtsc(c) + 2 * PERIOD_MS * khz), CPU_DONE);
}

/* Expiry ends a guest that computes, not only one that sleeps. */
static void while_running(const void *arg)
{
	struct pc *pc = make();
	struct cpu *c = &pc->cpu[0];
	uint64_t t;
	int i;

	need_quick(c, QUICK_US);
	apic_write(c, R_TDCR, 0xb);
	apic_write(c, R_LVTT, VEC);
	for (i = 1; i <= 10; i++) {
		t = cpu_rdtsc(c);
		apic_write(c, R_TMICT, i * MS);
		CHECK_EQ(cpu_wait_tsc(c, t + 2000 * khz), VEC);
		check_elapsed(cpu_rdtsc(c) - t, i * 1000000ull);
		apic_eoi(c);
	}
}

/* Masked it expires without effect. */
static void masked(const void *arg)
{
	struct pc *pc = make();
	struct cpu *c = &pc->cpu[0];
	int got;

	apic_write(c, R_TDCR, 0xb);
	apic_write(c, R_LVTT, LVT_MASKED | VEC);
	apic_write(c, R_TMICT, MS);
	CHECK_EQ(cpu_wait_tsc(c, cpu_rdtsc(c) + 3 * khz), CPU_DONE);
	CHECK_EQ(apic_read(c, R_TMCCT), 0);
	apic_write(c, R_LVTT, VEC);
	got = cpu_wait_tsc(c, cpu_rdtsc(c) + 3 * khz);
	if (got == VEC)
		test_skip("this kvm delivers a masked expiry when it is unmasked");
	CHECK_EQ(got, CPU_DONE);
}

/* A one-shot count that is over does not begin again because the LVT says periodic. */
static void over_then_periodic(const void *arg)
{
	struct pc *pc = make();
	struct cpu *c = &pc->cpu[0];

	need_quick(c, QUICK_US);
	apic_write(c, R_TDCR, 0xb);
	apic_write(c, R_LVTT, VEC);
	apic_write(c, R_TMICT, MS);
	CHECK_EQ(cpu_halt(c), VEC);
	take(c);
	apic_write(c, R_LVTT, LVT_PERIODIC | VEC);
	CHECK_EQ(apic_read(c, R_TMCCT), 0);
	CHECK_EQ(apic_read(c, R_TMICT), MS);
	CHECK_EQ(cpu_wait_tsc(c, cpu_rdtsc(c) + 3 * khz), CPU_DONE);
	apic_write(c, R_TMICT, MS);
	CHECK_EQ(cpu_halt(c), VEC);
}

/* A new count starts from the beginning; a mask does not stop a periodic timer. */
static void restarted(const void *arg)
{
	struct pc *pc = make();
	struct cpu *c = &pc->cpu[0];
	uint64_t t;

	need_quick(c, QUICK_US);
	apic_write(c, R_TDCR, 0xb);
	apic_write(c, R_LVTT, VEC);
	apic_write(c, R_TMICT, 50 * MS);
	CHECK_EQ(cpu_wait_tsc(c, cpu_rdtsc(c) + 30 * khz), CPU_DONE);
	t = cpu_rdtsc(c);
	apic_write(c, R_TMICT, 50 * MS);
	CHECK_EQ(cpu_halt(c), VEC);
	check_elapsed(cpu_rdtsc(c) - t, 50000000);
	take(c);
	apic_write(c, R_LVTT, LVT_PERIODIC | VEC);
	apic_write(c, R_TMICT, MS);
	CHECK_EQ(cpu_halt(c), VEC);
	take(c);
	apic_write(c, R_LVTT, LVT_MASKED | LVT_PERIODIC | VEC);
	cpu_wait_tsc(c, cpu_rdtsc(c) + khz / 100);
	CHECK_EQ(cpu_wait_tsc(c, cpu_rdtsc(c) + 4 * khz), CPU_DONE);
	apic_write(c, R_LVTT, LVT_PERIODIC | VEC);
	CHECK_EQ(cpu_halt(c), VEC);
}

/* --- TSC deadline ---------------------------------------------------------- */

static void deadline(const void *arg)
{
	struct pc *pc = make_deadline();
	struct cpu *c = &pc->cpu[0];
	uint64_t at, now;
	int i;

	need_quick(c, QUICK_US);
	CHECK_EQ(cpu_rdmsr(c, MSR_DEADLINE), 0);
	for (i = 0; i < 20; i++) {
		at = cpu_rdtsc(c) + (i + 1) * khz / 2;
		cpu_wrmsr(c, MSR_DEADLINE, at);
		if (i & 1) {
			CHECK_EQ(cpu_rdmsr(c, MSR_DEADLINE), at);
			CHECK_EQ(get_msr(pc->m, MSR_DEADLINE), at);
		}
		CHECK_EQ(i & 2 ? cpu_wait_tsc(c, ~0ull) : cpu_halt(c), VEC);
		now = cpu_rdtsc(c);
		CHECK(now >= at, "%llu ticks early", (unsigned long long)(at - now));
		CHECK(now < at + LATE_MS * khz, "%llu ticks late", (unsigned long long)(now - at));
		CHECK_EQ(cpu_rdmsr(c, MSR_DEADLINE), 0);
		apic_eoi(c);
	}
}

static void deadline_in_the_past(const void *arg)
{
	struct pc *pc = make_deadline();
	struct cpu *c = &pc->cpu[0];
	int i;

	for (i = 0; i < 10; i++) {
		cpu_wrmsr(c, MSR_DEADLINE, i & 1 ? 1 : cpu_rdtsc(c) - 1);
		CHECK_EQ(i & 2 ? cpu_spin(c, 100000) : cpu_halt(c), VEC);
		CHECK_EQ(cpu_rdmsr(c, MSR_DEADLINE), 0);
		apic_eoi(c);
	}
}

static void deadline_disarmed(const void *arg)
{
	struct pc *pc = make_deadline();
	struct cpu *c = &pc->cpu[0];
	uint64_t t;

	t = cpu_rdtsc(c);
	cpu_wrmsr(c, MSR_DEADLINE, t + 10 * khz);
	cpu_wrmsr(c, MSR_DEADLINE, 0);
	CHECK_EQ(cpu_wait_tsc(c, t + 20 * khz), CPU_DONE);
	/* A later one takes the place of an earlier one. */
	t = cpu_rdtsc(c);
	cpu_wrmsr(c, MSR_DEADLINE, t + 10 * khz);
	cpu_wrmsr(c, MSR_DEADLINE, t + 40 * khz);
	CHECK_EQ(cpu_wait_tsc(c, t + 30 * khz), CPU_DONE);
	CHECK_EQ(cpu_halt(c), VEC);
	CHECK(cpu_rdtsc(c) >= t + 40 * khz, "too early");
	take(c);
	/* Leaving the mode disarms; the count register is without effect in it. */
	t = cpu_rdtsc(c);
	cpu_wrmsr(c, MSR_DEADLINE, t + 10 * khz);
	apic_write(c, R_LVTT, VEC);
	CHECK_EQ(cpu_rdmsr(c, MSR_DEADLINE), 0);
	cpu_wrmsr(c, MSR_DEADLINE, t + 10 * khz);
	CHECK_EQ(cpu_wait_tsc(c, t + 20 * khz), CPU_DONE);
	apic_write(c, R_LVTT, LVT_DEADLINE | VEC);
	apic_write(c, R_TDCR, 0xb);
	apic_write(c, R_TMICT, MS);
	CHECK_EQ(apic_read(c, R_TMCCT), 0);
	CHECK_EQ(cpu_wait_tsc(c, cpu_rdtsc(c) + 3 * khz), CPU_DONE);
}

/* Expired while no KVM_RUN was under way: delivered by the next. */
static void while_stopped(const void *arg)
{
	struct timespec ms20 = { .tv_nsec = 20000000 };
	struct pc *pc = make();
	struct cpu *c = &pc->cpu[0];

	need_quick(c, QUICK_US);
	apic_write(c, R_TDCR, 0xb);
	apic_write(c, R_LVTT, VEC);
	apic_write(c, R_TMICT, 5 * MS);
	nanosleep(&ms20, NULL);
	CHECK_EQ(cpu_window(c), VEC);
	take(c);
	apic_write(c, R_LVTT, LVT_PERIODIC | VEC);
	apic_write(c, R_TMICT, 5 * MS);
	nanosleep(&ms20, NULL);
	CHECK_EQ(cpu_window(c), VEC);
	apic_write(c, R_TMICT, 0);
	take(c);
	if (kvm_check_cap(KVM_CAP_TSC_DEADLINE_TIMER) <= 0)
		return;
	apic_write(c, R_LVTT, LVT_DEADLINE | VEC);
	cpu_wrmsr(c, MSR_DEADLINE, cpu_rdtsc(c) + 5 * khz);
	nanosleep(&ms20, NULL);
	CHECK_EQ(cpu_window(c), VEC);
	take(c);
}

/*
 * RBX deadlines, RSI ticks away and RDI more each time, waited for by HLT or (R9) by a
 * loop. The handler counts in R10, and in R11 those that came before their time (R8).
 */
GUEST_CODE(short_timers, 64,
	   "xor %r10d, %r10d\n xor %r11d, %r11d\n xor %r12d, %r12d\n"
	   "1: inc %r12\n"
	   "rdtsc\n shl $32, %rdx\n or %rdx, %rax\n add %rsi, %rax\n mov %rax, %r8\n"
	   "mov %rax, %rdx\n shr $32, %rdx\n mov $0x6e0, %ecx\n wrmsr\n"
	   "test %r9, %r9\n jnz 3f\n"
	   "2: cli\n cmp %r12, %r10\n je 4f\n sti\n hlt\n jmp 2b\n"
	   "3: sti\n pause\n cmp %r12, %r10\n jne 3b\n"
	   "4: cli\n add %rdi, %rsi\n dec %rbx\n jnz 1b\n"
	   "out %al, $" S(PORT_END) "\n");
GUEST_CODE(stamp, 64,
	   "push %rax\n push %rdx\n rdtsc\n shl $32, %rdx\n or %rdx, %rax\n"
	   "cmp %r8, %rax\n adc $0, %r11\n inc %r10\n"
	   "mov $0xfee000b0, %eax\n movl $0, (%rax)\n"
	   "pop %rdx\n pop %rax\n iretq\n");

struct short_case {
	const char *name;
	uint64_t first, step;
	bool spin;
	int turns;
};

static const struct short_case short_cases[] = {
	{ "none_away_hlt", 0, 0, false, 200 },
	{ "none_away_loop", 0, 0, true, 200 },
	{ "short_hlt", 0, 37, false, 300 },
	{ "short_loop", 0, 37, true, 300 },
	{ "medium_hlt", 10000, 301, false, 200 },
	{ "medium_loop", 10000, 301, true, 200 },
};

static void many_short(const void *arg)
{
	const struct short_case *sc = arg;
	struct pc *pc = make_deadline();
	struct cpu *c = &pc->cpu[0];
	uint64_t *idt = guest_mem(pc->m, G_IDT);
	struct kvm_regs r;

	machine_load(pc->m, 0x30000, short_timers, short_timers_end);
	machine_load(pc->m, 0x31000, stamp, stamp_end);
	idt[2 * VEC] = 0x1000 | (uint64_t)SEL_CODE64 << 16 | 0x8eULL << 40 | 3ULL << 48;
	cpu_goto(c, 0x30000, sc->turns);
	r = cpu_regs(c);
	r.rsi = sc->first;
	r.rdi = sc->step;
	r.r9 = sc->spin;
	cpu_set_regs(c, &r);
	CHECK_EQ(cpu_resume(c), CPU_EXIT);
	CHECK(c->run->exit_reason == KVM_EXIT_IO && c->run->io.port == PORT_END, "%s",
	      exit_name(c->run->exit_reason));
	r = cpu_regs(c);
	CHECK_EQ(r.r10, sc->turns);
	CHECK_EQ(r.r11, 0);
}

int main(int argc, char **argv)
{
	int i;

	TEST(one_shot);
	TEST(periodic);
	TEST(while_running);
	TEST(masked);
	TEST(over_then_periodic);
	TEST(restarted);
	TEST(deadline);
	TEST(deadline_in_the_past);
	TEST(deadline_disarmed);
	TEST(while_stopped);
	for (i = 0; i < ARRAY_LEN(short_cases); i++)
		add_test(many_short, &short_cases[i], "many_%s", short_cases[i].name);
	return run_tests(argc, argv);
}
