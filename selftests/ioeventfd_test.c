// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest writes that signal an eventfd and do not leave the kernel. The guest carries out
 * a list of accesses; each either counts on an eventfd or comes out as an exit, and
 * the sum is exact.
 */
#include <fcntl.h>

#include "guest.h"

#define PORT 0x1000
#define MMIO_AT (G_MMIO + 0x1000)
#define MANY 200
#define MATCH KVM_IOEVENTFD_FLAG_DATAMATCH
#define PIO KVM_IOEVENTFD_FLAG_PIO
#define DEASSIGN KVM_IOEVENTFD_FLAG_DEASSIGN

struct access {
	uint64_t addr, value;
	uint8_t len;
	bool pio, read;
};

static struct access list[2 * MANY];
static volatile int nr_list;
static volatile uint64_t writes, stop;

static void mmio_access(const struct access *a)
{
	if (a->read)
		*(volatile uint32_t *)a->addr;
	else if (a->len == 1)
		*(volatile uint8_t *)a->addr = a->value;
	else if (a->len == 2)
		*(volatile uint16_t *)a->addr = a->value;
	else if (a->len == 4)
		*(volatile uint32_t *)a->addr = a->value;
	else
		*(volatile uint64_t *)a->addr = a->value;
}

static void pio_access(const struct access *a)
{
	uint16_t port = a->addr;
	uint32_t v = a->value;

	if (a->read)
		asm volatile("inl %1, %0" : "=a"(v) : "d"(port));
	else if (a->len == 1)
		asm volatile("outb %b0, %1" : : "a"(v), "d"(port));
	else if (a->len == 2)
		asm volatile("outw %w0, %1" : : "a"(v), "d"(port));
	else
		asm volatile("outl %0, %1" : : "a"(v), "d"(port));
}

static void do_list(uint64_t arg)
{
	int i;

	for (;;) {
		for (i = 0; i < nr_list; i++) {
			if (list[i].pio)
				pio_access(&list[i]);
			else
				mmio_access(&list[i]);
		}
		guest_sync(0);
	}
}

static void add(bool pio, uint64_t addr, int len, uint64_t value)
{
	list[nr_list++] = (struct access) {
		.pio = pio, .addr = addr, .len = len, .value = value,
	};
}

/* Exits are counted by guest_run(); all of them are writes that no ioeventfd took. */
static bool count_exit(struct guest_vcpu *v)
{
	int reason = v->vcpu->run->exit_reason;

	return reason == KVM_EXIT_MMIO || reason == KVM_EXIT_IO;
}

static struct guest *prepare(void)
{
	struct guest *g = guest_new(1, CHIP_NONE);

	need_cap(g, KVM_CAP_IOEVENTFD);
	g->on_exit = count_exit;
	guest_code(g, 0, do_list, 0);
	return g;
}

/* One write; true if it stayed in the kernel. */
static bool taken(struct guest *g, bool pio, uint64_t addr, int len, uint64_t value)
{
	uint64_t before = g->v[0].exits;

	nr_list = 0;
	add(pio, addr, len, value);
	guest_run(g, 0);
	CHECK(g->v[0].exits - before <= 1, "%d exits", (int)(g->v[0].exits - before));
	return g->v[0].exits == before;
}

struct where {
	bool pio;
	uint64_t addr;
	uint32_t flags;
	int max;
};

static const struct where port = { true, PORT, PIO, 4 };
static const struct where mmio = { false, MMIO_AT, 0, 8 };

/* An eventfd of one length takes writes of that length at that address, no others. */
static void lengths(const void *arg)
{
	const struct where *w = arg;
	struct guest *g = prepare();
	int len, l, fd = event_new();

	for (len = 1; len <= w->max; len *= 2) {
		CHECK_OK(guest_ioeventfd(g, fd, w->addr, len, w->flags, 0));
		for (l = 1; l <= w->max; l *= 2) {
			CHECK_EQ(taken(g, w->pio, w->addr, l, 0x5a), l == len);
			CHECK_EQ(event_take(fd), l == len);
		}
		CHECK(!taken(g, w->pio, w->addr + 1, len, 0), "one byte on");
		CHECK(!taken(g, w->pio, w->addr - len, len, 0), "before it");
		CHECK_OK(guest_ioeventfd(g, fd, w->addr, len, w->flags | DEASSIGN, 0));
		CHECK(!taken(g, w->pio, w->addr, len, 0), "after it was taken away");
		CHECK_EQ(event_take(fd), 0);
	}
}

static void any_length(const void *arg)
{
	const struct where *w = arg;
	struct guest *g = prepare();
	int l, i, fd = event_new();

	need_cap(g, KVM_CAP_IOEVENTFD_ANY_LENGTH);
	CHECK_OK(guest_ioeventfd(g, fd, w->addr, 0, w->flags, 0));
	for (l = 1; l <= w->max; l *= 2) {
		nr_list = 0;
		for (i = 0; i < 50; i++)
			add(w->pio, w->addr, l, i);
		guest_run(g, 0);
		CHECK_EQ(g->v[0].exits, 0);
		CHECK_EQ(event_take(fd), 50);
	}
	CHECK(!taken(g, w->pio, w->addr + 1, 1, 0), "one byte on");
	CHECK_OK(guest_ioeventfd(g, fd, w->addr, 0, w->flags | DEASSIGN, 0));
	CHECK(!taken(g, w->pio, w->addr, 1, 0), "after it was taken away");
}

static void datamatch(const void *arg)
{
	const struct where *w = arg;
	struct guest *g = prepare();
	uint64_t v = 0x8899aabbccddeeffULL;
	int len, fd = event_new(), fd2 = event_new();

	for (len = 1; len <= w->max; len *= 2) {
		uint64_t m = len == 8 ? v : v & ((1ULL << 8 * len) - 1);

		CHECK_OK(guest_ioeventfd(g, fd, w->addr, len, w->flags | MATCH, m));
		CHECK_OK(guest_ioeventfd(g, fd2, w->addr, len, w->flags | MATCH, m ^ 1));
		CHECK(taken(g, w->pio, w->addr, len, v), "the value, length %d", len);
		CHECK_EQ(event_take(fd), 1);
		CHECK_EQ(event_take(fd2), 0);
		CHECK(taken(g, w->pio, w->addr, len, v ^ 1), "the other, length %d", len);
		CHECK_EQ(event_take(fd), 0);
		CHECK_EQ(event_take(fd2), 1);
		CHECK(!taken(g, w->pio, w->addr, len, v ^ 2), "neither, length %d", len);
		CHECK(!taken(g, w->pio, w->addr, len, v ^ (1ULL << (8 * len - 1))),
		      "highest bit, length %d", len);
		CHECK_ERRNO(guest_ioeventfd(g, fd, w->addr, len, w->flags | MATCH | DEASSIGN,
					    m ^ 1), ENOENT);
		CHECK_OK(guest_ioeventfd(g, fd, w->addr, len, w->flags | MATCH | DEASSIGN, m));
		CHECK_OK(guest_ioeventfd(g, fd2, w->addr, len, w->flags | MATCH | DEASSIGN,
					 m ^ 1));
	}
}

static void collisions(const void *arg)
{
	const struct where *w = arg;
	struct guest *g = prepare();
	int fd = event_new(), fd2 = event_new();
	uint32_t f = w->flags;

	CHECK_OK(guest_ioeventfd(g, fd, w->addr, 2, f, 0));
	CHECK_ERRNO(guest_ioeventfd(g, fd2, w->addr, 2, f, 0), EEXIST);
	CHECK_ERRNO(guest_ioeventfd(g, fd, w->addr, 2, f, 0), EEXIST);
	CHECK_ERRNO(guest_ioeventfd(g, fd2, w->addr, 2, f | MATCH, 1), EEXIST);
	CHECK_OK(guest_ioeventfd(g, fd2, w->addr, 4, f, 0));
	CHECK_OK(guest_ioeventfd(g, fd2, w->addr, 1, f | MATCH, 1));
	CHECK_OK(guest_ioeventfd(g, fd2, w->addr, 1, f | MATCH, 2));
	CHECK_ERRNO(guest_ioeventfd(g, fd, w->addr, 1, f | MATCH, 2), EEXIST);
	CHECK_ERRNO(guest_ioeventfd(g, fd, w->addr, 1, f, 0), EEXIST);
	CHECK_ERRNO(guest_ioeventfd(g, fd, w->addr, 0, f, 0), EEXIST);
	/* The same place in the other space is another place. */
	CHECK_OK(guest_ioeventfd(g, fd, w->addr, 2, f ^ PIO, 0));
	CHECK(taken(g, w->pio, w->addr, 2, 0), "write of 2");
	CHECK_EQ(event_take(fd), 1);
	CHECK(taken(g, w->pio, w->addr, 4, 0), "write of 4");
	CHECK_EQ(event_take(fd2), 1);
}

/* Ranges that touch, overlap and lie apart, in every order: each is found. */
static void overlap(const void *arg)
{
	static const struct {
		int off, len;
	} ranges[] = { { 0, 4 }, { 3, 2 }, { 4, 4 }, { 10, 4 } };
	const struct where *w = arg;
	struct guest *g = prepare();
	int fd[4], i, n, k;

	nr_list = 0;
	for (i = 0; i < 4; i++) {
		fd[i] = event_new();
		add(w->pio, w->addr + ranges[i].off, ranges[i].len, 0);
	}
	/* The orders of four as the numbers of base four without a digit twice. */
	for (n = 0; n < 256; n++) {
		int order[] = { n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6 };

		if ((1 << order[0] | 1 << order[1] | 1 << order[2] | 1 << order[3]) != 15)
			continue;
		for (k = 0; k < 4; k++) {
			i = order[k];
			CHECK_OK(guest_ioeventfd(g, fd[i], w->addr + ranges[i].off, ranges[i].len,
						 w->flags, 0));
			guest_run(g, 0);
			for (i = 0; i < 4; i++)
				CHECK(event_take(fd[order[i]]) == (i <= k), "order %#x, %d there: %d",
				      n, k + 1, order[i]);
		}
		for (k = 0; k < 4; k++)
			CHECK_OK(guest_ioeventfd(g, fd[k], w->addr + ranges[k].off, ranges[k].len,
						 w->flags | DEASSIGN, 0));
	}
}

/* What was written before a read is there when the read comes out. */
static void order(const void *arg)
{
	const struct where *w = arg;
	struct guest *g = guest_new(1, CHIP_NONE);
	int i, fd = event_new();

	need_cap(g, KVM_CAP_IOEVENTFD);
	CHECK_OK(guest_ioeventfd(g, fd, w->addr, 4, w->flags, 0));
	nr_list = 0;
	for (i = 0; i < 20; i++) {
		add(w->pio, w->addr, 4, i);
		add(w->pio, w->addr + 8, 4, 0);
		list[nr_list - 1].read = true;
	}
	guest_code(g, 0, do_list, 0);
	for (i = 0; i < 20; i++) {
		if (w->pio)
			expect_in(g->m, w->addr + 8, 4, 0);
		else
			expect_mmio_read(g->m, w->addr + 8, 4, 0);
		CHECK_EQ(event_take(fd), 1);
	}
}

static void reads_are_not_taken(const void *arg)
{
	const struct where *w = arg;
	struct guest *g = prepare();
	int fd = event_new();

	CHECK_OK(guest_ioeventfd(g, fd, w->addr, 4, w->flags, 0));
	nr_list = 0;
	add(w->pio, w->addr, 4, 0);
	list[0].read = true;
	guest_run(g, 0);
	CHECK_EQ(g->v[0].exits, 1);
	CHECK_EQ(event_take(fd), 0);
}

static void many(const void *arg)
{
	const struct where *w = arg;
	struct guest *g = prepare();
	int fd[MANY], i;

	nr_list = 0;
	for (i = 0; i < MANY; i++) {
		fd[i] = event_new();
		CHECK_OK(guest_ioeventfd(g, fd[i], w->addr + 4 * (i * 7 % MANY), 4,
					 w->flags, 0));
		add(w->pio, w->addr + 4 * i, 4, i);
	}
	guest_run(g, 0);
	guest_run(g, 0);
	CHECK_EQ(g->v[0].exits, 0);
	for (i = 0; i < MANY; i++)
		CHECK_EQ(event_take(fd[i]), 2);
	for (i = 0; i < MANY; i += 2)
		CHECK_OK(guest_ioeventfd(g, fd[i], w->addr + 4 * (i * 7 % MANY), 4,
					 w->flags | DEASSIGN, 0));
	guest_run(g, 0);
	CHECK_EQ(g->v[0].exits, MANY / 2);
	for (i = 0; i < MANY; i++)
		CHECK_EQ(event_take(fd[i]), i & 1);
}

/* REP OUTS: each element is a write. */
static void outs(uint64_t arg)
{
	static const uint8_t bytes[16] = { 1, 2, 3 };
	const uint8_t *p = bytes;
	uint64_t n = 16;

	asm volatile("rep outsb" : "+S"(p), "+c"(n) : "d"((uint16_t)PORT) : "memory");
	guest_sync(n);
}

static void string(const void *arg)
{
	struct guest *g = prepare();
	int fd = event_new();

	CHECK_OK(guest_ioeventfd(g, fd, PORT, 1, PIO, 0));
	guest_code(g, 0, outs, 0);
	CHECK_EQ(guest_run(g, 0), 0);
	CHECK_EQ(g->v[0].exits, 0);
	CHECK_EQ(event_take(fd), 16);
}

static void writer(uint64_t arg)
{
	struct access a = list[arg];

	guest_sti();
	while (!stop) {
		if (a.pio)
			pio_access(&a);
		else
			mmio_access(&a);
		__atomic_fetch_add(&writes, 1, __ATOMIC_SEQ_CST);
	}
	guest_sync(0);
}

/* Comes and goes under two guests that write: each write counts once, here or there. */
static void under_load(const void *arg)
{
	const struct where *w = arg;
	struct guest *g = guest_new(2, CHIP_NONE);
	uint64_t sum = 0;
	int i, fd = event_new();

	need_cap(g, KVM_CAP_IOEVENTFD);
	g->on_exit = count_exit;
	nr_list = 0;
	add(w->pio, w->addr, 4, 1);
	for (i = 0; i < 2; i++) {
		guest_code(g, i, writer, 0);
		guest_start(g, i);
	}
	for (i = 0; i < 60; i++) {
		uint32_t len = i & 1 ? 4 : 0;

		CHECK_OK(guest_ioeventfd(g, fd, w->addr, len, w->flags, 0));
		thread_wait_for(&writes, writes + 20);
		CHECK_OK(guest_ioeventfd(g, fd, w->addr, len, w->flags | DEASSIGN, 0));
		sum += event_take(fd);
		thread_wait_for(&writes, writes + 20);
		CHECK_EQ(event_take(fd), 0);
	}
	stop = 1;
	guest_join(g, 0);
	guest_join(g, 1);
	CHECK(sum >= 60, "%d signals", (int)sum);
	CHECK_EQ(sum + g->v[0].exits + g->v[1].exits, writes);
}

static void errors(const void *arg)
{
	struct guest *g = prepare();
	int fd = event_new(), file = CHECK_OK(open("/proc/self/exe", O_RDONLY));
	static const int bad_len[] = { 3, 5, 6, 7, 9, 16, -1 };
	int i;

	for (i = 0; i < ARRAY_LEN(bad_len); i++)
		CHECK_ERRNO(guest_ioeventfd(g, fd, PORT, bad_len[i], PIO, 0), EINVAL);
	CHECK_ERRNO(guest_ioeventfd(g, fd, PORT, 0, PIO | MATCH, 0), EINVAL);
	CHECK_ERRNO(guest_ioeventfd(g, fd, PORT, 4, KVM_IOEVENTFD_VALID_FLAG_MASK + 1, 0),
		    EINVAL);
	CHECK_ERRNO(guest_ioeventfd(g, fd, PORT, 4, 1u << 31, 0), EINVAL);
	CHECK_ERRNO(guest_ioeventfd(g, fd, ~0ULL - 2, 4, 0, 0), EINVAL);
	CHECK_ERRNO(guest_ioeventfd(g, -1, PORT, 4, PIO, 0), EBADF);
	CHECK_ERRNO(guest_ioeventfd(g, file, PORT, 4, PIO, 0), EINVAL);
	CHECK_ERRNO(guest_ioeventfd(g, fd, PORT, 4, PIO | DEASSIGN, 0), ENOENT);
	CHECK_ERRNO(guest_ioeventfd(g, -1, PORT, 4, PIO | DEASSIGN, 0), EBADF);
	CHECK_ERRNO(ioctl(g->fd, KVM_IOEVENTFD, (void *)8), EFAULT);
	CHECK_OK(guest_ioeventfd(g, fd, PORT, 4, PIO, 0));
	CHECK_ERRNO(guest_ioeventfd(g, fd, PORT, 2, PIO | DEASSIGN, 0), ENOENT);
	CHECK_ERRNO(guest_ioeventfd(g, event_new(), PORT, 4, PIO | DEASSIGN, 0), ENOENT);
	CHECK_ERRNO(guest_ioeventfd(g, fd, PORT, 4, DEASSIGN, 0), ENOENT);
	/* Eventfds are bounded by file descriptors alone, and one may serve often. */
	for (i = 0; i < 1200; i++)
		CHECK_OK(guest_ioeventfd(g, fd, MMIO_AT + 8 * i, 4, 0, 0));
}

/* User space has closed the eventfd: the guest's writes still do not exit. */
static void closed(const void *arg)
{
	struct guest *g = prepare();
	int fd = event_new();

	CHECK_OK(guest_ioeventfd(g, fd, PORT, 4, PIO, 0));
	close(fd);
	CHECK(taken(g, true, PORT, 4, 0), "closed eventfd");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(const void *arg);
	} both[] = {
		{ "lengths", lengths }, { "any_length", any_length },
		{ "datamatch", datamatch }, { "collisions", collisions },
		{ "overlap", overlap }, { "order", order },
		{ "reads_are_not_taken", reads_are_not_taken },
		{ "many", many }, { "under_load", under_load },
	};
	int i;

	for (i = 0; i < ARRAY_LEN(both); i++) {
		add_test(both[i].fn, &port, "%s, port", both[i].name);
		add_test(both[i].fn, &mmio, "%s, MMIO", both[i].name);
	}
	TEST(string);
	TEST(errors);
	TEST(closed);
	return run_tests(argc, argv);
}
