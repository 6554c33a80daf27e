// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU on another CPU keeps writing to a page while user space takes the page away or begins
 * to log it. Once that call has returned no write lands in the page unseen: each CPU has left
 * the translations it had from before, and has got none in the course of the change.
 *
 * The guest writes with interrupts off and lets them in now and then. Where interrupts of the
 * host wait for that (Documentation/lab.rst), it writes for long after it was kicked, and a kick
 * that is not waited for shows at once. The page is the last of many, so that a flush at the
 * beginning of the change leaves the guest time to come back to it.
 */
#include <sched.h>
#include <sys/mman.h>

#include "machine.h"

#define SLOT 7
#define AT 0x800000
#define PAGES 512
#define SIZE (PAGES * 4096ULL)
#define LAST (AT + SIZE - 4096)
#define G_STOP 0x30000
#define G_FILL 0x31000		/* a new number: write to all pages first */
#define G_FILLED 0x31008	/* the last one that was obeyed */
#define WRITES 20000		/* to the last page, until interrupts are let in */
#define ROUNDS 3
#define LOOKS 2000

/*
 * Writes to every page if asked to, then many times to the last, lets the host's interrupts in,
 * and begins anew.
 */
GUEST_CODE(writer, 64,
	   "cli\n"
	   "1: mov " S(G_FILL) ", %rax\n"
	   "cmp %rax, " S(G_FILLED) "\n"
	   "je 3f\n"
	   "mov $" S(AT) ", %rdi\n"
	   "2: mov %r8, 8(%rdi)\n"
	   "add $4096, %rdi\n"
	   "cmp $" S(LAST) ", %rdi\n"
	   "jbe 2b\n"
	   "mov %rax, " S(G_FILLED) "\n"
	   "3: mov $" S(WRITES) ", %esi\n"
	   "4: inc %r8\n"
	   "mov %r8, " S(LAST) "\n"
	   "dec %esi\n"
	   "jnz 4b\n"
	   "sti\n nop\n cli\n"
	   "cmpq $0, " S(G_STOP) "\n"
	   "je 1b\n"
	   "hlt\n");

static struct {
	struct machine *m;
	pthread_t thread;
	uint64_t *mem;
	volatile uint64_t stopped;	/* times that KVM_RUN ended at the page taken away */
	volatile uint64_t go_on;	/* how many of those may run again */
	volatile int error;
} t;

/* What ends KVM_RUN besides HLT is that the page is not there: it waits for its return. */
static void *vcpu_main(void *arg)
{
	pin(1);
	for (;;) {
		int err = try_run(t.m->vcpu);

		if (err == EINTR)
			continue;
		if (!err && t.m->run->exit_reason == KVM_EXIT_HLT)
			return NULL;
		if (err != EFAULT && (err || t.m->run->exit_reason != KVM_EXIT_MMIO)) {
			t.error = err ?: -1;
			return NULL;
		}
		t.stopped++;
		while (t.go_on < t.stopped)
			sched_yield();
	}
}

static volatile uint64_t *counter(void)
{
	return t.mem + (LAST - AT) / 8;
}

static void start(uint32_t flags)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		test_skip("one CPU: no vCPU runs beside this");
	pin(0);
	t.m = machine_new();
	t.mem = anon_mem(SIZE);
	CHECK_OK(madvise(t.mem, SIZE, MADV_NOHUGEPAGE));
	set_slot(t.m, SLOT, flags, AT, SIZE, t.mem);
	machine_start(t.m, MODE_LONG, writer);
	CHECK(!pthread_create(&t.thread, NULL, vcpu_main, NULL), "pthread_create");
}

static void finish(void)
{
	*(volatile uint64_t *)guest_mem(t.m, G_STOP) = 1;
	pthread_join(t.thread, NULL);
	CHECK(!t.error, "KVM_RUN: %d, %s", t.error, exit_name(t.m->run->exit_reason));
}

/* The guest writes to the last page, and each page has its translation. */
static void wait_until_it_writes(void)
{
	volatile uint64_t *fill = guest_mem(t.m, G_FILL);

	++*fill;
	t.go_on = t.stopped;
	thread_wait_for(guest_mem(t.m, G_FILLED), *fill);
	thread_wait_for(counter(), *counter() + 1);
}

/* Is the page written to from here on, as far as one can see in a while? */
static bool written(void)
{
	uint64_t from = *counter();
	int i;

	for (i = 0; i < LOOKS; i++) {
		if (*counter() != from)
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

/* @take has returned: nothing is written; the guest finds the page gone, and goes on by @give. */
static void take_and_give(void (*take)(void), void (*give)(void))
{
	int i;

	start(0);
	for (i = 0; i < ROUNDS; i++) {
		wait_until_it_writes();
		take();
		CHECK(!written(), "round %d: a write after the page was taken away", i);
		thread_wait_for(&t.stopped, i + 1);
		give();
	}
	t.go_on = t.stopped;
	finish();
}

static void delete_slot(void)
{
	set_slot(t.m, SLOT, 0, AT, 0, t.mem);
}

static void create_slot(void)
{
	set_slot(t.m, SLOT, 0, AT, SIZE, t.mem);
}

static void slot_deleted(const void *arg)
{
	take_and_give(delete_slot, create_slot);
}

static void move_slot(void)
{
	set_slot(t.m, SLOT, 0, AT + 2 * SIZE, SIZE, t.mem);
}

static void slot_moved(const void *arg)
{
	take_and_give(move_slot, create_slot);
}

static void protect(void)
{
	CHECK_OK(mprotect(t.mem, SIZE, PROT_READ));
}

static void unprotect(void)
{
	CHECK_OK(mprotect(t.mem, SIZE, PROT_READ | PROT_WRITE));
}

/*
 * The host has its own translations to flush here, which makes the other CPU exit: what shows is
 * a translation that outlives exits, as it does nested and on a real CPU.
 */
static void memory_protected(const void *arg)
{
	take_and_give(protect, unprotect);
}

static bool last_is_dirty(void)
{
	uint64_t log[PAGES / 64];

	kvm_vm_get_dirty_log(t.m->vm, SLOT, log);
	return log[PAGES / 64 - 1] >> 63;
}

static void need_faults(void)
{
	char c = 'N';
	FILE *f = fopen("/sys/module/kvm_intel/parameters/pml", "r");

	if (f) {
		if (fscanf(f, "%c", &c) != 1)
			c = 'N';
		fclose(f);
	}
	if (c == 'Y')
		test_skip("the CPU logs writes by itself (PML), none needs to fault");
}

/* A write after the log was switched on is in the log. */
static void log_switched_on(const void *arg)
{
	int i;

	need_faults();
	start(0);
	for (i = 0; i < ROUNDS; i++) {
		wait_until_it_writes();
		set_slot(t.m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, SIZE, t.mem);
		if (written())
			CHECK(last_is_dirty(), "round %d: a write is not in the log", i);
		set_slot(t.m, SLOT, 0, AT, SIZE, t.mem);
	}
	finish();
}

/* A write after the log was taken is in the next one. */
static void log_taken(const void *arg)
{
	int i;

	need_faults();
	start(KVM_MEM_LOG_DIRTY_PAGES);
	for (i = 0; i < ROUNDS; i++) {
		wait_until_it_writes();
		CHECK(last_is_dirty(), "round %d: the page is not in the log", i);
		if (written())
			CHECK(last_is_dirty(), "round %d: a write is not in the log", i);
	}
	finish();
}

int main(int argc, char **argv)
{
	TEST(slot_deleted);
	TEST(slot_moved);
	TEST(memory_protected);
	TEST(log_switched_on);
	TEST(log_taken);
	return run_tests(argc, argv);
}
