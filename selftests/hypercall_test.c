// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: who may make them, what each does, which come out to user space. Numbers and
 * errors are those of <linux/kvm_para.h>.
 */
#include <linux/kvm_para.h>
#include <time.h>

#include "guest.h"

#define VEC 0x60
#define FAILED(e) ((uint64_t)-(e))
#define EXIT_RANGE (1ULL << KVM_HC_MAP_GPA_RANGE)

static volatile uint64_t args[5], result, count[256], ready, stop, halts, t0, t1;
static volatile struct kvm_clock_pairing pairing;

/* The call in @args, again for each run; nothing but RAX changes. */
static void caller(uint64_t arg)
{
	uint64_t a, b, c, d, s, di = 0x1111, r8 = 0x2222;

	for (;;) {
		a = args[0];
		b = args[1];
		c = args[2];
		d = args[3];
		s = args[4];
		t0 = rdtsc();
		asm volatile("mov %6, %%r8\n vmcall\n mov %%r8, %6"
			     : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(s), "+D"(di), "+r"(r8)
			     : : "r8", "memory");
		t1 = rdtsc();
		G_CHECK_EQ(b, args[1]);
		G_CHECK_EQ(c, args[2]);
		G_CHECK_EQ(d, args[3]);
		G_CHECK_EQ(s, args[4]);
		G_CHECK_EQ(di, 0x1111);
		G_CHECK_EQ(r8, 0x2222);
		result = a;
		guest_sync(0);
	}
}

static void prepare_call(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	args[0] = nr;
	args[1] = a;
	args[2] = b;
	args[3] = c;
	args[4] = d;
}

static uint64_t call(struct guest *g, uint64_t nr, uint64_t a, uint64_t b, uint64_t c,
		     uint64_t d)
{
	prepare_call(nr, a, b, c, d);
	guest_run(g, 0);
	return result;
}

static struct guest *prepare(enum guest_chip chip)
{
	struct guest *g = guest_new(1, chip);

	guest_code(g, 0, caller, 0);
	return g;
}

static void unknown(const void *arg)
{
	struct guest *g = prepare(CHIP_NONE);
	static const uint64_t nr[] = {
		0, 2, 3, 99, 1000, ~0ULL, 1ULL << 32 | KVM_HC_VAPIC_POLL_IRQ,
	};
	int i;

	for (i = 0; i < ARRAY_LEN(nr); i++)
		CHECK_EQ(call(g, nr[i], 1, 2, 3, 4), FAILED(KVM_ENOSYS));
	CHECK_EQ(call(g, KVM_HC_VAPIC_POLL_IRQ, 1, 2, 3, 4), 0);
	CHECK_EQ(g->v[0].exits, 0);
}

/* Outside of 64-bit code the upper halves of the registers are ignored. */
GUEST_CODE(call32, 32, "vmcall\n outl %eax, $0x10\n jmp call32\n");

static void in_32_bits(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	machine_start(m, MODE_PROT32, call32);
	r = get_regs(m);
	r.rax = KVM_HC_VAPIC_POLL_IRQ;
	set_regs(m, &r);
	expect_out(m, 0x10, 4, 0);
	r = get_regs(m);
	r.rax = 77;
	set_regs(m, &r);
	expect_out(m, 0x10, 4, -KVM_ENOSYS);
}

GUEST_CODE(call_ring3, 64,
	   "mov $" S(SEL_UDATA) ", %eax\n push %rax\n push %rsp\n pushfq\n"
	   "push $" S(SEL_UCODE64) "\n lea 1f(%rip), %rax\n push %rax\n"
	   "orq $0x3000, 16(%rsp)\n iretq\n"
	   "1: mov $1, %eax\n vmcall\n out %eax, $0x10\n jmp 1b\n");

static void in_ring_3(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, call_ring3);
	expect_out(m, 0x10, 4, -KVM_EPERM);
	expect_out(m, 0x10, 4, -KVM_EPERM);
}

/* Halts with interrupts off: only a kick wakes it. */
static void sleeper(uint64_t arg)
{
	guest_x2apic();
	if (arg)
		guest_sync(0);
	ready = 1;
	while (!stop) {
		asm volatile("cli\n hlt" : : : "memory");
		halts++;
	}
	guest_sync(0);
}

static void kick(const void *arg)
{
	struct guest *g = guest_new(2, CHIP_FULL);
	int i;

	need_feature(g, KVM_FEATURE_PV_UNHALT);
	guest_code(g, 0, caller, 0);
	guest_code(g, 1, sleeper, 0);
	guest_start(g, 1);
	thread_wait_for(&ready, 1);
	usleep(20000);
	CHECK_EQ(halts, 0);
	for (i = 1; i <= 100; i++) {
		CHECK_EQ(call(g, KVM_HC_KICK_CPU, 0, 1, 0, 0), 0);
		thread_wait_for(&halts, i);
	}
	/* An APIC ID that no vCPU has, and a vCPU that does not halt. */
	CHECK_EQ(call(g, KVM_HC_KICK_CPU, 0, 77, 0, 0), 0);
	usleep(20000);
	CHECK_EQ(halts, 100);
	stop = 1;
	call(g, KVM_HC_KICK_CPU, 0, 1, 0, 0);
	guest_join(g, 1);
}

/* A kick that comes before the HLT is not lost. */
static void kick_first(const void *arg)
{
	struct guest *g = guest_new(2, CHIP_FULL);

	need_feature(g, KVM_FEATURE_PV_UNHALT);
	guest_code(g, 0, caller, 0);
	guest_code(g, 1, sleeper, 1);
	guest_run(g, 1);
	CHECK_EQ(call(g, KVM_HC_KICK_CPU, 0, 1, 0, 0), 0);
	guest_start(g, 1);
	thread_wait_for(&halts, 1);
	usleep(20000);
	CHECK_EQ(halts, 1);
}

static void on_irq(struct guest_frame *f)
{
	__atomic_fetch_add(&count[f->vector], 1, __ATOMIC_SEQ_CST);
	guest_eoi();
}

static volatile uint64_t per_vcpu[8];

static void taker(uint64_t i)
{
	guest_x2apic();
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		guest_wait_irq();
		per_vcpu[i]++;
	}
}

static const uint32_t ids[] = { 0, 1, 2, 33, 65, 100, 128 };

/* vCPU 0 sends; the other vCPUs, whose ids are above, receive. */
static struct guest *prepare_ipi(void)
{
	struct guest *g = guest_new_novcpu(CHIP_FULL);
	int i;

	need_feature(g, KVM_FEATURE_PV_SEND_IPI);
	guest_handlers[VEC] = on_irq;
	for (i = 0; i < ARRAY_LEN(ids); i++) {
		guest_add_vcpu(g, ids[i]);
		if (!i)
			continue;
		guest_code(g, i, taker, i);
		guest_start(g, i);
		thread_wait_for(&ready, i);
	}
	return g;
}

/* A receiver is done when it says so itself, some time after its handler has counted. */
static void wait_takers(uint32_t who, uint64_t each)
{
	int i;

	for (i = 1; i < ARRAY_LEN(ids); i++)
		if (who & 1 << i)
			thread_wait_for(&per_vcpu[i], each);
}

/* Each receiver in @who has @each interrupts, @n in all, and no more come. */
static void expect_ipis(uint64_t n, uint32_t who, uint64_t each)
{
	int i;

	wait_takers(who, each);
	usleep(10000);
	CHECK_EQ(count[VEC], n);
	for (i = 1; i < ARRAY_LEN(ids); i++)
		CHECK_EQ(per_vcpu[i], who & 1 << i ? each : 0);
}

static void ipi_64(const void *arg)
{
	const uint32_t who = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 6;
	struct guest *g = prepare_ipi();
	int i;

	guest_code(g, 0, caller, 0);
	for (i = 1; i <= 20; i++) {
		/* Ids 1 (bit 0), 2, 65 (bit 64), 100 and 128 (bit 127); 33 is left out. */
		CHECK_EQ(call(g, KVM_HC_SEND_IPI, 3, 1ULL | 1ULL << 35 | 1ULL << 63, 1, VEC),
			 5);
		wait_takers(who, i);
	}
	expect_ipis(100, who, 20);
	/* The result counts only the IDs that some vCPU has. */
	CHECK_EQ(call(g, KVM_HC_SEND_IPI, 1 | 1 << 7, 0, 33, VEC), 1);
	wait_takers(1 << 3, 1);
	CHECK_EQ(count[VEC], 101);
	CHECK_EQ(call(g, KVM_HC_SEND_IPI, ~0ULL, ~0ULL, 5000, VEC), 0);
	CHECK_EQ(call(g, KVM_HC_SEND_IPI, 0, 0, 1, VEC), 0);
	CHECK_EQ(g->v[0].exits, 0);
}

static void ipi_32(const void *arg)
{
	struct guest *g = prepare_ipi();
	struct kvm_regs r;

	machine_load(g->m, G_CODE, call32, call32_end);
	vcpu_mode(g->m, g->v[0].vcpu, MODE_PROT32);
	r = get_regs(g->m);
	r.rax = KVM_HC_SEND_IPI;
	r.rbx = 3;
	r.rcx = 1;		/* bit 32: id 33 */
	r.rdx = 1;
	r.rsi = VEC;
	set_regs(g->m, &r);
	expect_out(g->m, 0x10, 4, 3);
	expect_ipis(3, 1 << 1 | 1 << 2 | 1 << 3, 1);
}

static void yield(const void *arg)
{
	struct guest *g = guest_new(2, CHIP_FULL);

	need_feature(g, KVM_FEATURE_PV_SCHED_YIELD);
	guest_code(g, 0, caller, 0);
	CHECK_EQ(call(g, KVM_HC_SCHED_YIELD, 1, 0, 0, 0), 0);
	CHECK_EQ(call(g, KVM_HC_SCHED_YIELD, 0, 0, 0, 0), 0);
	CHECK_EQ(call(g, KVM_HC_SCHED_YIELD, 1000, 0, 0, 0), 0);
	CHECK_EQ(call(g, KVM_HC_SCHED_YIELD, ~0ULL, 0, 0, 0), 0);
}

static void clock_pairing(const void *arg)
{
	struct guest *g = prepare(CHIP_NONE);
	struct timespec a, b;
	uint64_t r;

	clock_gettime(CLOCK_REALTIME, &a);
	r = call(g, KVM_HC_CLOCK_PAIRING, (uintptr_t)&pairing, KVM_CLOCK_PAIRING_WALLCLOCK,
		 0, 0);
	clock_gettime(CLOCK_REALTIME, &b);
	if (r == FAILED(KVM_ENOSYS))
		test_skip("this kvm does not have KVM_HC_CLOCK_PAIRING");
	if (r == FAILED(KVM_EOPNOTSUPP))
		test_skip("the host's clock is not the TSC");
	CHECK_EQ(r, 0);
	CHECK(pairing.tsc >= t0 && pairing.tsc <= t1, "TSC");
	CHECK(pairing.nsec >= 0 && pairing.nsec < 1000000000, "nsec");
	CHECK(pairing.sec >= a.tv_sec && pairing.sec <= b.tv_sec, "sec");
	CHECK_EQ(pairing.flags, 0);
	CHECK_EQ(call(g, KVM_HC_CLOCK_PAIRING, (uintptr_t)&pairing, 1, 0, 0),
		 FAILED(KVM_EOPNOTSUPP));
	CHECK_EQ(call(g, KVM_HC_CLOCK_PAIRING, G_MMIO, 0, 0, 0), FAILED(KVM_EFAULT));
}

static int enable_exits(struct guest *g, uint64_t mask)
{
	return enable_cap(g->fd, KVM_CAP_EXIT_HYPERCALL, mask);
}

/* Answers as user space would; anything else fails the test. */
static bool answer(struct guest_vcpu *v)
{
	struct kvm_run *run = v->vcpu->run;

	if (run->exit_reason != KVM_EXIT_HYPERCALL)
		return false;
	CHECK_EQ(run->hypercall.nr, KVM_HC_MAP_GPA_RANGE);
	CHECK_EQ(run->hypercall.args[0], args[1]);
	CHECK_EQ(run->hypercall.args[1], args[2]);
	CHECK_EQ(run->hypercall.args[2], args[3]);
	run->hypercall.ret = 0x1234;
	return true;
}

static void to_user_space(const void *arg)
{
	struct guest *g = prepare(CHIP_NONE);
	uint64_t mask = need_cap(g, KVM_CAP_EXIT_HYPERCALL);

	g->on_exit = answer;
	CHECK(mask & EXIT_RANGE, "0x%llx", (unsigned long long)mask);
	CHECK_EQ(call(g, KVM_HC_MAP_GPA_RANGE, HIGH_BASE, 1, 0, 0), FAILED(KVM_ENOSYS));
	CHECK_ERRNO(enable_exits(g, ~mask), EINVAL);
	CHECK_ERRNO(enable_exits(g, EXIT_RANGE | 1), EINVAL);
	CHECK_OK(enable_exits(g, EXIT_RANGE));
	CHECK_EQ(g->v[0].exits, 0);
	CHECK_EQ(call(g, KVM_HC_MAP_GPA_RANGE, HIGH_BASE, 1, 0, 0), 0x1234);
	CHECK_EQ(call(g, KVM_HC_MAP_GPA_RANGE, HIGH_BASE, 77, 0x10, 0), 0x1234);
	CHECK_EQ(g->v[0].exits, 2);
	/* Invalid arguments are refused in the kernel, without an exit. */
	CHECK_EQ(call(g, KVM_HC_MAP_GPA_RANGE, HIGH_BASE + 1, 1, 0, 0), FAILED(KVM_EINVAL));
	CHECK_EQ(call(g, KVM_HC_MAP_GPA_RANGE, HIGH_BASE, 0, 0, 0), FAILED(KVM_EINVAL));
	CHECK_EQ(call(g, KVM_HC_MAP_GPA_RANGE, HIGH_BASE, ~0ULL, 0, 0), FAILED(KVM_EINVAL));
	CHECK_EQ(g->v[0].exits, 2);
	CHECK_OK(enable_exits(g, 0));
	CHECK_EQ(call(g, KVM_HC_MAP_GPA_RANGE, HIGH_BASE, 1, 0, 0), FAILED(KVM_ENOSYS));
}

int main(int argc, char **argv)
{
	TEST(unknown);
	TEST(in_32_bits);
	TEST(in_ring_3);
	TEST(kick);
	TEST(kick_first);
	TEST(ipi_64);
	TEST(ipi_32);
	TEST(yield);
	TEST(clock_pairing);
	TEST(to_user_space);
	return run_tests(argc, argv);
}
