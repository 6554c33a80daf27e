// SPDX-License-Identifier: GPL-2.0-only
/*
 * How KVM_RUN ends without the guest's doing: signals, KVM_SET_SIGNAL_MASK and
 * immediate_exit. Proves that it returns EINTR when it should and only then, that a
 * pending exit is completed first, and that no guest work is lost or done twice.
 */
#include <sched.h>
#include <signal.h>
#include <sys/time.h>

#include "machine.h"

#define G_COUNT 0x30000

static volatile int handled;

static void on_signal(int sig)
{
	handled++;
}

static void catch_signal(int sig)
{
	struct sigaction sa = { .sa_handler = on_signal };

	CHECK_OK(sigaction(sig, &sa, NULL));
}

static void block_signal(int sig, bool block)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_OK(sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL));
}

/* Kernel's sigset_t: 64 bits. */
static int set_mask(struct machine *m, uint64_t blocked)
{
	struct {
		struct kvm_signal_mask head;
		uint8_t set[8];
	} mask = { .head.len = 8 };

	memcpy(mask.set, &blocked, 8);
	return ioctl(m->vcpu->fd, KVM_SET_SIGNAL_MASK, &mask);
}

GUEST_CODE(spin, 64, "sti\n 1: incq " S(G_COUNT) "\n jmp 1b\n");
GUEST_CODE(count, 64,
	   "sti\n mov $3000000, %ecx\n xor %eax, %eax\n"
	   "1: add %rcx, %rax\n dec %ecx\n jnz 1b\n hlt\n");
GUEST_CODE(simple, 64, "nop\n hlt\n");

static void immediate_exit(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, simple);
	m->run->immediate_exit = 1;
	CHECK_EQ(try_run(m->vcpu), EINTR);
	CHECK_EQ(get_regs(m).rip, G_CODE);
	CHECK_EQ(try_run(m->vcpu), EINTR);
	CHECK_EQ(get_regs(m).rip, G_CODE);
	m->run->immediate_exit = 0;
	expect_hlt(m);
}

/* Asked for in a signal handler, there is no race: the next KVM_RUN returns. */
static struct kvm_run *handler_run;

static void ask_exit(int sig)
{
	handler_run->immediate_exit = 1;
	handled++;
}

static void immediate_exit_from_handler(const void *arg)
{
	struct machine *m = machine_new();
	struct sigaction sa = { .sa_handler = ask_exit };
	struct itimerval it = { .it_value.tv_usec = 20000 };

	handler_run = m->run;
	CHECK_OK(sigaction(SIGUSR1, &sa, NULL));
	sa.sa_handler = ask_exit;
	CHECK_OK(sigaction(SIGVTALRM, &sa, NULL));
	CHECK_OK(sigaction(SIGPROF, &sa, NULL));
	machine_start(m, MODE_LONG, spin);
	CHECK_OK(setitimer(ITIMER_PROF, &it, NULL));
	CHECK_EQ(try_run(m->vcpu), EINTR);
	CHECK_EQ(handled, 1);
	CHECK_EQ(try_run(m->vcpu), EINTR);
	CHECK_EQ(m->run->immediate_exit, 1);
}

static void signal_ends_run(const void *arg)
{
	struct machine *m = machine_new();
	struct itimerval it = { .it_value.tv_usec = 20000 };
	volatile uint64_t *p = guest_mem(m, G_COUNT);
	uint64_t before;

	catch_signal(SIGPROF);
	machine_start(m, MODE_LONG, spin);
	CHECK_OK(setitimer(ITIMER_PROF, &it, NULL));
	CHECK_EQ(try_run(m->vcpu), EINTR);
	CHECK_EQ(m->run->exit_reason, KVM_EXIT_INTR);
	CHECK_EQ(handled, 1);
	CHECK(*p > 0, "the guest did not run");
	/* It goes on from where it was. */
	before = *p;
	CHECK_OK(setitimer(ITIMER_PROF, &it, NULL));
	CHECK_EQ(try_run(m->vcpu), EINTR);
	CHECK_EQ(handled, 2);
	CHECK(*p > before, "the guest did not go on");
	CHECK(get_regs(m).rflags & FLAG_IF, "IF lost");
}

/* A pending signal is noticed before the guest is entered at all. */
static void pending_signal(const void *arg)
{
	struct machine *m = machine_new();

	catch_signal(SIGUSR1);
	machine_start(m, MODE_LONG, simple);
	CHECK_OK(set_mask(m, 0));
	block_signal(SIGUSR1, true);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(try_run(m->vcpu), EINTR);
	CHECK_EQ(get_regs(m).rip, G_CODE);
	/* It was not consumed: it stays pending as long as it is blocked outside. */
	CHECK_EQ(handled, 0);
	CHECK_EQ(try_run(m->vcpu), EINTR);
	CHECK_EQ(handled, 0);
	block_signal(SIGUSR1, false);
	CHECK_EQ(handled, 1);
	expect_hlt(m);
}

/* The mask of KVM_RUN blocks a signal that is open outside: delivered after return. */
static void mask_blocks(const void *arg)
{
	struct machine *m = machine_new();
	struct itimerval it = { .it_value.tv_usec = 2000 };
	int runs = 0;

	catch_signal(SIGPROF);
	CHECK_OK(set_mask(m, 1ULL << (SIGPROF - 1)));
	CHECK_OK(setitimer(ITIMER_PROF, &it, NULL));
	/* A fast CPU counts several times before the timer sees its time. */
	while (!handled && runs++ < 100) {
		machine_start(m, MODE_LONG, count);
		expect_hlt(m);
		CHECK_EQ(get_regs(m).rax, 3000000ULL * 3000001 / 2);
	}
	/* Without a mask it would have been EINTR; a null mask takes it away again. */
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_SIGNAL_MASK, NULL));
	machine_start(m, MODE_LONG, spin);
	it.it_value.tv_usec = 20000;
	CHECK_OK(setitimer(ITIMER_PROF, &it, NULL));
	CHECK_EQ(try_run(m->vcpu), EINTR);
	CHECK(handled >= 2, "%d signals", handled);
}

static void mask_errors(const void *arg)
{
	struct machine *m = machine_new();
	struct {
		struct kvm_signal_mask head;
		uint8_t set[16];
	} mask = { .head.len = 8 };
	static const uint32_t bad[] = { 0, 4, 7, 9, 16, 128, 0xffffffff };
	int i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		mask.head.len = bad[i];
		CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_SIGNAL_MASK, &mask), EINVAL);
	}
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_SIGNAL_MASK, (void *)-4096L), EFAULT);
	/* A failed call has set no mask: a signal ends KVM_RUN as before. */
	catch_signal(SIGPROF);
	machine_start(m, MODE_LONG, spin);
	CHECK_OK(setitimer(ITIMER_PROF, &(struct itimerval){ .it_value.tv_usec = 20000 },
			   NULL));
	CHECK_EQ(try_run(m->vcpu), EINTR);
}

/* Interrupted hundreds of times, the guest computes the same. */
static void many_signals(const void *arg)
{
	struct machine *m = machine_new();
	struct itimerval it = { .it_value.tv_usec = 500, .it_interval.tv_usec = 500 };
	int interrupted = 0, err;

	catch_signal(SIGALRM);
	machine_start(m, MODE_LONG, count);
	CHECK_OK(setitimer(ITIMER_REAL, &it, NULL));
	while ((err = try_run(m->vcpu)) == EINTR)
		interrupted++;
	CHECK_EQ(err, 0);
	CHECK_EQ(m->run->exit_reason, KVM_EXIT_HLT);
	CHECK_EQ(get_regs(m).rax, 3000000ULL * 3000001 / 2);
	CHECK(interrupted > 0, "never interrupted");
}

/* Another thread kicks a vCPU out of the guest. */
static void *kicked_main(void *arg)
{
	struct vcpu_thread *t = arg;

	t->error = try_run(t->m->vcpu);
	t->done = true;
	return NULL;
}

static void kick_from_thread(const void *arg)
{
	struct machine *m = machine_new();
	struct vcpu_thread t = { .m = m };
	int i;

	catch_signal(SIGUSR1);
	machine_start(m, MODE_LONG, spin);
	for (i = 0; i < 10; i++) {
		volatile uint64_t *p = guest_mem(m, G_COUNT);

		*p = 0;
		t.done = false;
		CHECK(!pthread_create(&t.thread, NULL, kicked_main, &t), "pthread_create");
		thread_wait_for(p, 10);
		CHECK(!t.done, "left by itself: %s", strerror(t.error));
		pthread_kill(t.thread, SIGUSR1);
		pthread_join(t.thread, NULL);
		CHECK_EQ(t.error, EINTR);
	}
}

/* immediate_exit set by another thread, and a kick, end a vCPU that is running. */
static void immediate_exit_and_kick(const void *arg)
{
	struct machine *m = machine_new();
	volatile uint64_t *p = guest_mem(m, G_COUNT);
	struct vcpu_thread t = { .m = m };

	catch_signal(SIGUSR1);
	machine_start(m, MODE_LONG, spin);
	CHECK(!pthread_create(&t.thread, NULL, kicked_main, &t), "pthread_create");
	thread_wait_for(p, 10);
	m->run->immediate_exit = 1;
	pthread_kill(t.thread, SIGUSR1);
	pthread_join(t.thread, NULL);
	CHECK_EQ(t.error, EINTR);
	CHECK_EQ(m->run->immediate_exit, 1);
	CHECK_EQ(try_run(m->vcpu), EINTR);
}

GUEST_CODE(port_in, 64, "in $0x10, %al\n in $0x11, %al\n hlt\n");

/* With a signal pending, the exit before is completed and then the call returns. */
static void completes_before_signal(const void *arg)
{
	struct machine *m = machine_new();

	catch_signal(SIGUSR1);
	machine_start(m, MODE_LONG, port_in);
	CHECK_OK(set_mask(m, 0));
	block_signal(SIGUSR1, true);
	expect_in(m, 0x10, 1, 0x5a);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(try_run(m->vcpu), EINTR);
	CHECK_EQ(get_regs(m).rax, 0x5a);
	CHECK_EQ(get_regs(m).rip, G_CODE + 2);
	block_signal(SIGUSR1, false);
	expect_in(m, 0x11, 1, 0x5b);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rax, 0x5b);
}

int main(int argc, char **argv)
{
	TEST(immediate_exit);
	TEST(immediate_exit_from_handler);
	TEST(signal_ends_run);
	TEST(pending_signal);
	TEST(mask_blocks);
	TEST(mask_errors);
	TEST(many_signals);
	TEST(kick_from_thread);
	TEST(immediate_exit_and_kick);
	TEST(completes_before_signal);
	return run_tests(argc, argv);
}
