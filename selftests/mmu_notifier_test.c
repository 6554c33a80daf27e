// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's memory management under a guest: user memory is dropped, replaced,
 * protected, unmapped, forked, truncated and collapsed, and the guest sees what a
 * thread of the process would see. What a thread would take a signal for, KVM_RUN
 * returns as EFAULT, and works again once the cause is gone.
 */
#include <sys/wait.h>

#include "machine.h"

#define SLOT 7
#define AT 0x800000
#define PAGES 1024
#define SIZE (PAGES * 4096ULL)

/* Loads [RSI] into RCX, then stores RAX to [RBX]. */
GUEST_CODE(load_store, 64, "mov (%rsi), %rcx\n mov %rax, (%rbx)\n hlt\n");

static struct machine *notifier_machine(void *mem, uint64_t size)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, load_store);
	set_slot(m, SLOT, 0, AT, size, mem);
	return m;
}

static void prepare(struct machine *m, uint64_t load, uint64_t store, uint64_t value)
{
	struct kvm_regs r = get_regs(m);

	r.rip = G_CODE;
	r.rsi = load;
	r.rbx = store;
	r.rax = value;
	set_regs(m, &r);
}

/* Loads from AT + @load and stores @value to AT + @store; gives what was loaded. */
static uint64_t access_guest(struct machine *m, uint64_t load, uint64_t store,
			     uint64_t value)
{
	prepare(m, AT + load, AT + store, value);
	expect_hlt_(m);
	return get_regs(m).rcx;
}

#define access_guest(m, l, s, v) (HERE(), access_guest(m, l, s, v))

static void dont_need(const void *arg)
{
	uint8_t *mem = anon_mem(SIZE);
	struct machine *m = notifier_machine(mem, SIZE);
	int i;

	for (i = 1; i < 8; i++) {
		uint64_t page = i * 0x3000;

		access_guest(m, page, page, 0x1000 + i);
		CHECK_EQ(access_guest(m, page, page + 8, 1), 0x1000 + i);
		CHECK_OK(madvise(mem + page, 4096, MADV_DONTNEED));
		CHECK_EQ(access_guest(m, page, page + 8, 2), 0);
		CHECK_EQ(*(uint64_t *)(mem + page + 8), 2);
	}
}

static void replaced_by_other_mapping(const void *arg)
{
	uint64_t *mem = anon_mem(SIZE);
	struct machine *m = notifier_machine(mem, SIZE);
	uint64_t i;

	for (i = 1; i < 20; i++) {
		access_guest(m, 0, 8, 77);
		CHECK(mmap(mem, 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == mem, "mmap");
		mem[0] = i;
		CHECK_EQ(access_guest(m, 0, 16, i), i);
		CHECK_EQ(mem[2], i);
		CHECK_EQ(mem[1], 0);
	}
}

static void unmap_and_map_again(const void *arg)
{
	uint64_t *mem = anon_mem(0x10000);
	struct machine *m = notifier_machine(mem, 0x10000);

	access_guest(m, 0x1000, 0x1000, 5);
	CHECK_OK(munmap((uint8_t *)mem + 0x1000, 0x1000));
	prepare(m, AT + 0x1000, AT, 1);
	CHECK_EQ(try_run(m->vcpu), EFAULT);
	CHECK_EQ(try_run(m->vcpu), EFAULT);
	CHECK_EQ(get_regs(m).rip, G_CODE);
	/* Pages beside the hole are untouched. */
	access_guest(m, 0, 0x2000, 6);
	CHECK(mmap((uint8_t *)mem + 0x1000, 0x1000, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED, "mmap");
	CHECK_EQ(access_guest(m, 0x1000, 0x1000, 7), 0);
	CHECK_EQ(mem[0x1000 / 8], 7);
}

static void protect(const void *arg)
{
	uint64_t *mem = anon_mem(0x4000);
	struct machine *m = notifier_machine(mem, 0x4000);

	access_guest(m, 0, 0, 9);
	CHECK_OK(mprotect(mem, 4096, PROT_READ));
	CHECK_EQ(access_guest(m, 0, 0x1000, 1), 9);	/* reads go on */
	prepare(m, AT, AT, 2);
	CHECK_EQ(try_run(m->vcpu), EFAULT);
	CHECK_EQ(mem[0], 9);
	CHECK_OK(mprotect(mem, 4096, PROT_NONE));
	prepare(m, AT, AT + 0x1000, 3);
	CHECK_EQ(try_run(m->vcpu), EFAULT);
	CHECK_OK(mprotect(mem, 4096, PROT_READ | PROT_WRITE));
	CHECK_EQ(access_guest(m, 0, 0, 4), 9);
	CHECK_EQ(mem[0], 4);
}

/* After fork the child has a copy; the guest stays with the parent's memory. */
static void fork_copies(const void *arg)
{
	volatile uint64_t *mem = anon_mem(0x4000);
	struct machine *m = notifier_machine((void *)mem, 0x4000);
	int status, go[2];
	pid_t child;
	char c;

	access_guest(m, 0, 0, 1);
	CHECK_OK(pipe(go));
	child = CHECK_OK(fork());
	if (!child) {
		mem[1] = 99;			/* its own copy */
		if (read(go[0], &c, 1) != 1)
			_exit(2);
		_exit(mem[0] == 1 && mem[2] == 0 ? 0 : 1);
	}
	CHECK_EQ(access_guest(m, 0, 0, 2), 1);
	CHECK_EQ(access_guest(m, 8, 16, 3), 0);
	CHECK_EQ(mem[0], 2);
	CHECK_EQ(mem[2], 3);
	CHECK_EQ(write(go[1], "x", 1), 1);
	CHECK_OK(waitpid(child, &status, 0));
	CHECK(!status, "the child saw the guest's writes");
	CHECK_EQ(access_guest(m, 0, 0, 4), 2);
	CHECK_EQ(mem[0], 4);
}

/* Memory the host reads first (zero page, page cache) and the guest writes later. */
static void copy_on_write(const void *arg)
{
	uint64_t *mem = anon_mem(0x4000);
	struct machine *m = notifier_machine(mem, 0x4000);

	CHECK_EQ(mem[0], 0);			/* maps the zero page */
	CHECK_EQ(access_guest(m, 0, 0x1000, 1), 0);
	CHECK_EQ(access_guest(m, 0, 0, 0x55), 0);
	CHECK_EQ(mem[0], 0x55);
	CHECK_EQ(access_guest(m, 0, 8, 1), 0x55);
	mem[0] = 0x66;
	CHECK_EQ(access_guest(m, 0, 8, 1), 0x66);
}

static int memory_file(uint64_t size)
{
	int fd = CHECK_OK(memfd_create("guest", 0));

	CHECK_OK(ftruncate(fd, size));
	return fd;
}

static void shared_file(const void *arg)
{
	int fd = memory_file(0x4000);
	uint64_t *a = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint64_t *b = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct machine *m;

	CHECK(a != MAP_FAILED && b != MAP_FAILED, "mmap");
	m = notifier_machine(a, 0x4000);
	access_guest(m, 0, 0x1000, 0x77);
	CHECK_EQ(b[0x1000 / 8], 0x77);
	b[1] = 0x88;
	CHECK_EQ(access_guest(m, 8, 0x2000, 1), 0x88);
	/* Truncated away, it is EFAULT; grown again, it is zero. */
	CHECK_OK(ftruncate(fd, 0));
	prepare(m, AT + 8, AT + 0x2000, 1);
	CHECK_EQ(try_run(m->vcpu), EFAULT);
	CHECK_OK(ftruncate(fd, 0x4000));
	CHECK_EQ(access_guest(m, 8, 0x2000, 2), 0);
	CHECK_EQ(b[0x2000 / 8], 2);
	/* A hole punched under the guest. */
	CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0x2000, 0x1000));
	CHECK_EQ(access_guest(m, 0x2000, 0x2000, 3), 0);
	CHECK_EQ(b[0x2000 / 8], 3);
}

/* A private file mapping: guest writes stay out of the file. */
static void private_file(const void *arg)
{
	int fd = memory_file(0x4000);
	uint64_t *a = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	uint64_t v = 0x31;
	struct machine *m;

	CHECK(a != MAP_FAILED, "mmap");
	m = notifier_machine(a, 0x4000);
	CHECK_EQ(pwrite(fd, &v, 8, 0), 8);
	CHECK_EQ(access_guest(m, 0, 8, 0x32), 0x31);
	CHECK_EQ(pread(fd, &v, 8, 8), 8);
	CHECK_EQ(v, 0);
	CHECK_EQ(a[1], 0x32);
}

/* 2 MiB pages: used, split by dropping one 4 KiB page, and whole again. */
static void large_pages(const void *arg)
{
	uint8_t *area = anon_mem(SIZE + (2 << 20)), *mem;
	struct machine *m;
	uint64_t i;

	mem = (uint8_t *)(((uintptr_t)area + (2 << 20) - 1) & ~((2UL << 20) - 1));
	madvise(mem, SIZE, MADV_HUGEPAGE);
	for (i = 0; i < PAGES; i++)
		*(uint64_t *)(mem + i * 4096) = i;
	m = notifier_machine(mem, SIZE);
	for (i = 0; i < PAGES; i += 37)
		CHECK_EQ(access_guest(m, i * 4096, i * 4096 + 8, i), i);
	CHECK_OK(madvise(mem + 0x5000, 4096, MADV_DONTNEED));
	CHECK_EQ(access_guest(m, 0x5000, 0x5008, 1), 0);
	CHECK_EQ(access_guest(m, 0x4000, 0x4008, 1), 4);
	CHECK_EQ(access_guest(m, 0x6000, 0x6008, 1), 6);
	CHECK_OK(madvise(mem, 2 << 20, MADV_DONTNEED));
	CHECK_EQ(access_guest(m, 0x7000, 0x7008, 1), 0);
	CHECK_EQ(access_guest(m, 0x200000, 0x200008, 1), 512);
}

/* mremap moves the pages elsewhere: the slot's address is empty then. */
static void moved_away(const void *arg)
{
	uint8_t *mem = anon_mem(0x4000), *to = anon_mem(0x4000);
	struct machine *m = notifier_machine(mem, 0x4000);

	access_guest(m, 0, 0, 0x123);
	CHECK(mremap(mem, 0x4000, 0x4000, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to, "mremap");
	prepare(m, AT, AT, 1);
	CHECK_EQ(try_run(m->vcpu), EFAULT);
	CHECK_EQ(*(uint64_t *)to, 0x123);
	CHECK(mremap(to, 0x4000, 0x4000, MREMAP_MAYMOVE | MREMAP_FIXED, mem) == mem, "mremap");
	CHECK_EQ(access_guest(m, 0, 8, 1), 0x123);
}

#define ALIASES 64

/* A page in many slots goes from all at once. */
static void many_aliases(const void *arg)
{
	uint64_t *mem = anon_mem(0x2000), flushes;
	struct machine *m = notifier_machine(mem, 0x1000);
	uint64_t i, turn;

	for (i = 1; i < ALIASES; i++)
		set_slot(m, SLOT + i, 0, AT + i * 0x2000, 0x1000, mem);
	for (turn = 0; turn < 3; turn++) {
		for (i = 0; i < ALIASES; i++)
			CHECK_EQ(access_guest(m, i * 0x2000, i * 0x2000, i + 1), i);
		flushes = vm_stat(m->vm, "remote_tlb_flush");
		CHECK_OK(madvise(mem, 4096, MADV_DONTNEED));
		flushes = vm_stat(m->vm, "remote_tlb_flush") - flushes;
		CHECK(flushes < ALIASES / 4, "%lu flushes for %d slots", flushes, ALIASES);
	}
	/* And its neighbour, which no slot has, from none. */
	access_guest(m, 0, 0, 77);
	flushes = vm_stat(m->vm, "remote_tlb_flush");
	CHECK_OK(munmap(mem + 0x1000 / 8, 4096));
	CHECK_EQ(access_guest(m, 0x2000, 0x2000, 78), 77);
	CHECK_EQ(vm_stat(m->vm, "remote_tlb_flush"), flushes);
}

/* --- a running guest ------------------------------------------------------- */

#define G_SEQ 0x30000
#define G_ACK 0x31000
#define G_VALUE 0x31008

GUEST_CODE(loader, 64,
	   "sti\n"
	   "1: mov " S(G_SEQ) ", %rax\n"
	   "mov " S(AT) ", %rcx\n"
	   "cmp " S(G_ACK) ", %rax\n je 1b\n"
	   "mov %rcx, " S(G_VALUE) "\n"
	   "mov %rax, " S(G_ACK) "\n"
	   "cmp $-1, %rax\n jne 1b\n"
	   "cli\n hlt\n");

static uint64_t loaded_now(struct machine *m)
{
	volatile uint64_t *seq = guest_mem(m, G_SEQ), *ack = guest_mem(m, G_ACK);

	++*seq;
	thread_wait_for(ack, *seq);
	return ack[1];
}

/* After madvise or mmap has returned, no load may give the old page's content. */
static void running_guest(const void *arg)
{
	uint64_t *mem = anon_mem(0x4000), i;
	struct machine *m = notifier_machine(mem, 0x4000);
	struct vcpu_thread t;

	machine_load(m, G_CODE, loader, loader_end);
	thread_start(&t, m, NULL);
	for (i = 1; i < 60; i++) {
		mem[0] = i;
		CHECK_EQ(loaded_now(m), i);
		if (i & 1) {
			CHECK_OK(madvise(mem, 4096, MADV_DONTNEED));
			CHECK_EQ(loaded_now(m), 0);
		} else {
			CHECK(mmap(mem, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == mem,
			      "mmap");
			mem[0] = 1000 + i;
			CHECK_EQ(loaded_now(m), 1000 + i);
		}
	}
	*(volatile uint64_t *)guest_mem(m, G_SEQ) = -1ULL;
	thread_join(&t);
}

/* fork while it runs: the parent's writes must still reach the guest. */
static void running_fork(const void *arg)
{
	uint64_t *mem = anon_mem(0x4000), i;
	struct machine *m = notifier_machine(mem, 0x4000);
	struct vcpu_thread t;
	int status;

	machine_load(m, G_CODE, loader, loader_end);
	thread_start(&t, m, NULL);
	for (i = 1; i < 6; i++) {
		pid_t child;

		mem[0] = i;
		CHECK_EQ(loaded_now(m), i);
		child = CHECK_OK(fork());
		if (!child) {
			mem[0] = 12345;
			_exit(0);
		}
		mem[0] = 100 + i;
		CHECK_EQ(loaded_now(m), 100 + i);
		CHECK_OK(waitpid(child, &status, 0));
	}
	*(volatile uint64_t *)guest_mem(m, G_SEQ) = -1ULL;
	thread_join(&t);
}

int main(int argc, char **argv)
{
	TEST(dont_need);
	TEST(replaced_by_other_mapping);
	TEST(unmap_and_map_again);
	TEST(protect);
	TEST(fork_copies);
	TEST(copy_on_write);
	TEST(shared_file);
	TEST(private_file);
	TEST(large_pages);
	TEST(moved_away);
	TEST(many_aliases);
	TEST(running_guest);
	TEST(running_fork);
	return run_tests(argc, argv);
}
