// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifetimes. File descriptors closed in any order, mappings kept beyond them, processes
 * that fork, execute another program, end or are killed with vCPUs live and running,
 * KVM calls from a process that does not own the VM, and the limits of the vCPU mapping.
 * What must not happen shows in the kernel log or in the next machine that does not work.
 */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "machine.h"

GUEST_CODE(spin, 64, "sti\n 1: incq 0x30000\n jmp 1b\n");
GUEST_CODE(nops, 64, "nop\n out %al, $0x10\n hlt\n");

/* A fresh machine from nothing: the module is still in order. */
static void check_alive(void)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, nops);
	expect_out(m, 0x10, 1, 0);
	expect_hlt(m);
	machine_free(m);
}

enum part { KVM_FD, VM_FD, VCPU_FD, RUN_MAP, MEMORY, NR_PARTS };

static void drop(struct machine *m, enum part p)
{
	switch (p) {
	case KVM_FD:
		CHECK_OK(close(m->vm->kvm_fd));
		break;
	case VM_FD:
		CHECK_OK(close(m->vm->fd));
		break;
	case VCPU_FD:
		CHECK_OK(close(m->vcpu->fd));
		break;
	case RUN_MAP:
		CHECK_OK(munmap(m->run, 0x1000));
		break;
	case MEMORY:
		CHECK_OK(munmap(m->low, LOW_SIZE));
		break;
	default:
		break;
	}
}

/* All 120 orders of taking a machine apart. */
static void every_order(const void *arg)
{
	int order[NR_PARTS], i, j, n = 0, code;

	for (code = 0; code < 3125; code++) {
		int c = code, seen = 0;
		struct machine *m;

		for (i = 0; i < NR_PARTS; i++, c /= 5) {
			order[i] = c % 5;
			seen |= 1 << order[i];
		}
		if (seen != (1 << NR_PARTS) - 1)
			continue;
		m = machine_new();
		machine_start(m, MODE_LONG, nops);
		expect_out(m, 0x10, 1, 0);
		for (j = 0; j < NR_PARTS; j++)
			drop(m, order[j]);
		munmap((uint8_t *)m->run + 0x1000, 0x2000);
		munmap(m->high, HIGH_SIZE);
		n++;
	}
	CHECK_EQ(n, 120);
	check_alive();
}

/* The vCPU keeps its VM: with every other descriptor gone it still runs. */
static void vcpu_outlives_vm_fd(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, nops);
	CHECK_OK(close(m->vm->fd));
	CHECK_OK(close(m->vm->kvm_fd));
	expect_out(m, 0x10, 1, 0);
	expect_hlt(m);
}

/* The mapping of kvm_run stays valid memory when the vCPU's descriptor is closed. */
static void mapping_outlives_fd(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, nops);
	expect_out(m, 0x10, 1, 0);
	CHECK_OK(close(m->vcpu->fd));
	CHECK_OK(close(m->vm->fd));
	CHECK_EQ(m->run->exit_reason, KVM_EXIT_IO);
	m->run->immediate_exit = 1;
	check_alive();
	CHECK_EQ(m->run->immediate_exit, 1);
}

/* --- the mapping ----------------------------------------------------------- */

static sig_atomic_t bus_errors;

static void on_bus(int sig)
{
	bus_errors++;
	_exit(7);
}

static void mapping_limits(const void *arg)
{
	struct machine *m = machine_new();
	int size = CHECK_OK(ioctl(m->vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0)), status;
	volatile uint8_t *p;
	pid_t child;
	long i;

	CHECK_EQ(size % 4096, 0);
	for (i = 0; i < size; i += 4096)
		((volatile uint8_t *)m->run)[i]++;
	/* Mapping more is possible; touching what is not there is SIGBUS. */
	p = mmap(NULL, size + 0x10000, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu->fd, 0);
	if (p == MAP_FAILED)
		return;
	child = CHECK_OK(fork());
	if (!child) {
		signal(SIGBUS, on_bus);
		p[size + 0x8000] = 1;
		_exit(0);
	}
	CHECK_OK(waitpid(child, &status, 0));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "status 0x%x", status);
}

/* Two mappings show the same page. */
static void mapped_twice(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_run *second = mmap(NULL, 0x3000, PROT_READ | PROT_WRITE, MAP_SHARED,
				      m->vcpu->fd, 0);

	CHECK(second != MAP_FAILED, "mmap");
	machine_start(m, MODE_LONG, nops);
	expect_out(m, 0x10, 1, 0);
	CHECK_EQ(second->exit_reason, KVM_EXIT_IO);
	second->immediate_exit = 1;
	CHECK_EQ(try_run(m->vcpu), EINTR);
	second->immediate_exit = 0;
	expect_hlt(m);
}

/* --- other processes ------------------------------------------------------- */

/* Only the address space that created a VM may use it: ioctls from others get EIO. */
static void calls_from_a_child(const void *arg)
{
	struct machine *m = machine_new();
	int status;
	pid_t child;

	machine_start(m, MODE_LONG, nops);
	child = CHECK_OK(fork());
	if (!child) {
		struct kvm_regs r;
		struct kvm_sregs s;

		CHECK_EQ(try_run(m->vcpu), EIO);
		CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_REGS, &r), EIO);
		CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_SREGS, &s), EIO);
		CHECK_ERRNO(ioctl(m->vm->fd, KVM_CREATE_VCPU, 5), EIO);
		CHECK_ERRNO(try_slot(m, 0, 0, 0, 0, m->low), EIO);
		_exit(0);
	}
	CHECK_OK(waitpid(child, &status, 0));
	CHECK_EQ(status, 0);
	expect_out(m, 0x10, 1, 0);
	expect_hlt(m);
}

/* The child keeps the descriptors open when the parent has long ended. */
static void child_outlives_owner(const void *arg)
{
	int sync[2], status;
	pid_t owner;
	char c;

	CHECK_OK(pipe(sync));
	owner = CHECK_OK(fork());
	if (!owner) {
		struct machine *m = machine_new();

		machine_start(m, MODE_LONG, nops);
		expect_out(m, 0x10, 1, 0);
		if (!fork()) {
			usleep(50000);
			if (try_run(m->vcpu) != EIO || close(m->vcpu->fd) ||
			    close(m->vm->fd) || write(sync[1], "x", 1) != 1)
				_exit(1);
			_exit(0);
		}
		_exit(0);
	}
	CHECK_OK(waitpid(owner, &status, 0));
	CHECK_EQ(status, 0);
	CHECK_OK(close(sync[1]));
	CHECK_EQ(read(sync[0], &c, 1), 1);
	check_alive();
}

static void *run_forever(void *arg)
{
	struct machine *m = arg;

	for (;;)
		try_run(m->vcpu);
	return NULL;
}

static struct machine *start_spinning(void)
{
	struct machine *m = machine_new();
	pthread_t t;

	machine_start(m, MODE_LONG, spin);
	CHECK(!pthread_create(&t, NULL, run_forever, m), "pthread_create");
	thread_wait_for((uint64_t *)guest_mem(m, 0x30000), 10);
	return m;
}

/* Ways for a process to end while its vCPU is in the guest. */
static const char *const ends[] = { "exit", "killed", "exec", "segfault" };

static void ends_while_running(const void *arg)
{
	const char *how = arg;
	int i, status;

	for (i = 0; i < 5; i++) {
		pid_t child = CHECK_OK(fork());

		if (!child) {
			start_spinning();
			if (!strcmp(how, "exit"))
				_exit(0);
			if (!strcmp(how, "killed"))
				kill(getpid(), SIGKILL);
			if (!strcmp(how, "exec"))
				execl("/bin/true", "true", NULL);
			raise(SIGSEGV);
			_exit(1);
		}
		CHECK_OK(waitpid(child, &status, 0));
		if (!strcmp(how, "exit") || !strcmp(how, "exec"))
			CHECK_EQ(status, 0);
		else
			CHECK(WIFSIGNALED(status), "status 0x%x", status);
	}
	check_alive();
}

/* exec keeps the descriptors open by default, but the memory of the VM is gone. */
static void exec_with_open_descriptors(const void *arg)
{
	int status;
	pid_t child = CHECK_OK(fork());

	if (!child) {
		struct machine *m = machine_new();

		machine_start(m, MODE_LONG, nops);
		expect_out(m, 0x10, 1, 0);
		execl("/bin/sleep", "sleep", "0.1", NULL);
		_exit(1);
	}
	CHECK_OK(waitpid(child, &status, 0));
	CHECK_EQ(status, 0);
	check_alive();
}

/* Memory unmapped while the vCPU uses it, and the descriptors closed under it. */
static void torn_down_while_running(const void *arg)
{
	struct machine *m = machine_new();
	struct vcpu_thread t;

	machine_start(m, MODE_LONG, spin);
	thread_start(&t, m, NULL);
	thread_wait_for((uint64_t *)guest_mem(m, 0x30000), 10);
	CHECK_OK(close(m->vm->fd));
	CHECK_OK(close(m->vm->kvm_fd));
	/* The vCPU's next access to its memory ends KVM_RUN. */
	CHECK_OK(munmap(m->low, LOW_SIZE));
	pthread_join(t.thread, NULL);
	CHECK(t.error == EFAULT || (!t.error && m->run->exit_reason != KVM_EXIT_HLT),
	      "error %d", t.error);
	check_alive();
}

/* Two threads, one vCPU: calls exclude one another. */
static void *poke(void *arg)
{
	struct machine *m = arg;
	int i;

	for (i = 0; i < 200; i++) {
		struct kvm_regs r;

		if (ioctl(m->vcpu->fd, KVM_GET_REGS, &r))
			return (void *)1;
	}
	return NULL;
}

GUEST_CODE(count_out, 64,
	   "mov $300, %ebx\n"
	   "1: mov %ebx, %eax\n out %eax, $0x10\n dec %ebx\n jnz 1b\n hlt\n");

static void two_threads(const void *arg)
{
	struct machine *m = machine_new();
	pthread_t t;
	void *r;
	int i;

	machine_start(m, MODE_LONG, count_out);
	CHECK(!pthread_create(&t, NULL, poke, m), "pthread_create");
	for (i = 300; i; i--)
		expect_out(m, 0x10, 4, i);
	expect_hlt(m);
	pthread_join(t, &r);
	CHECK(!r, "KVM_GET_REGS failed");
}

/* Many machines at once, and one after the other. */
static void many_machines(const void *arg)
{
	struct machine *m[12];
	int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_LEN(m); i++) {
			m[i] = machine_new();
			machine_start(m[i], MODE_LONG, nops);
		}
		for (i = 0; i < ARRAY_LEN(m); i++)
			expect_out(m[i], 0x10, 1, 0);
		for (i = ARRAY_LEN(m) - 1; i >= 0; i--)
			expect_hlt(m[i]);
		for (i = 0; i < ARRAY_LEN(m); i++)
			machine_free(m[(i * 5) % ARRAY_LEN(m)]);
	}
}

int main(int argc, char **argv)
{
	int i;

	TEST(every_order);
	TEST(vcpu_outlives_vm_fd);
	TEST(mapping_outlives_fd);
	TEST(mapping_limits);
	TEST(mapped_twice);
	TEST(calls_from_a_child);
	TEST(child_outlives_owner);
	for (i = 0; i < ARRAY_LEN(ends); i++)
		add_test(ends_while_running, ends[i], "running_and_%s", ends[i]);
	TEST(exec_with_open_descriptors);
	TEST(torn_down_while_running);
	TEST(two_threads);
	TEST(many_machines);
	return run_tests(argc, argv);
}
