// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty rings: each page that is written has an entry, once, until it is reset; a ring that is
 * full stops its vCPU and loses nothing; what user space writes to the shared pages harms nobody
 * but itself; a copy kept up to date by the rings alone equals the memory of a guest that never
 * stopped writing.
 */
#include "machine.h"

#define SLOT 7
#define AT 0x800000
#define PAGES 2048
#define SIZE (PAGES * 4096ULL)
#define ENTRIES 1024
#define RING (ENTRIES * sizeof(struct kvm_dirty_gfn))
#define OFFSET (KVM_DIRTY_LOG_PAGE_OFFSET * 4096)

GUEST_CODE(by_ins, 64, "mov $0x60, %edx\n mov %rbx, %rdi\n insb\n hlt\n");

static struct kvm_dirty_gfn *ring;
static uint8_t *mem;
static uint32_t next;			/* the entry to be harvested next */
static uint8_t seen[PAGES];		/* entries a page had */

static void start_rings(struct machine *m)
{
	if (vm_check_cap(m->vm, KVM_CAP_DIRTY_LOG_RING) <= 0)
		test_skip("KVM_CAP_DIRTY_LOG_RING is not offered");
	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, RING));
	machine_add_vcpu(m, kvm_get_supported_cpuid());
	ring = mmap(NULL, RING, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu->fd, OFFSET);
	CHECK(ring != MAP_FAILED, "mmap: %s", strerror(errno));
	next = 0;
	memset(seen, 0, sizeof(seen));
	machine_start(m, MODE_LONG, page_writer);
}

static struct machine *ring_machine(uint32_t flags)
{
	struct machine *m = machine_new_novcpu();

	start_rings(m);
	mem = anon_mem(SIZE);
	set_slot(m, SLOT, flags, AT, SIZE, mem);
	return m;
}

/* Takes what is there; @copy, if any, gets the pages after the reset. */
static int harvest(struct machine *m, uint8_t *copy)
{
	static uint64_t pages[ENTRIES];
	int n = 0, i;

	for (;; next++, n++) {
		struct kvm_dirty_gfn *e = &ring[next % ENTRIES];

		if (__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) != KVM_DIRTY_GFN_F_DIRTY)
			break;
		CHECK(n < ENTRIES, "more entries than the ring has");
		CHECK_EQ(e->slot, SLOT);
		CHECK(e->offset < PAGES, "page %llu", (unsigned long long)e->offset);
		pages[n] = e->offset;
		seen[e->offset]++;
		__atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
	}
	CHECK_EQ(ioctl(m->vm->fd, KVM_RESET_DIRTY_RINGS, 0), n);
	for (i = 0; copy && i < n; i++)
		memcpy(copy + pages[i] * 4096, mem + pages[i] * 4096, 4096);
	return n;
}

static void capability(const void *arg)
{
	struct machine *m = machine_new_novcpu();
	uint32_t cap = KVM_CAP_DIRTY_LOG_RING;
	int fd = m->vm->fd, max = vm_check_cap(m->vm, cap);

	CHECK_EQ(max, 65536 * sizeof(struct kvm_dirty_gfn));
	CHECK_EQ(vm_check_cap(m->vm, KVM_CAP_DIRTY_LOG_RING_ACQ_REL), max);
	CHECK_ERRNO(enable_cap(fd, cap, 0), EINVAL);
	CHECK_ERRNO(enable_cap(fd, cap, RING + 4096), EINVAL);
	CHECK_ERRNO(enable_cap(fd, cap, 2048), EINVAL);
	CHECK_ERRNO(enable_cap(fd, cap, 2 * max), E2BIG);
	CHECK_ERRNO(ioctl(fd, KVM_RESET_DIRTY_RINGS, 0), EINVAL);
	CHECK_OK(enable_cap(fd, cap, RING));
	CHECK_ERRNO(enable_cap(fd, cap, RING), EINVAL);
	m = machine_new();
	CHECK_ERRNO(enable_cap(m->vm->fd, cap, RING), EINVAL);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, m->vcpu->fd, OFFSET) != MAP_FAILED ||
	      errno == EINVAL, "%s", strerror(errno));
}

static void mappings(const void *arg)
{
	struct machine *m = ring_machine(0);
	int fd = m->vcpu->fd, rw = PROT_READ | PROT_WRITE;

	CHECK(mmap(NULL, RING, rw, MAP_PRIVATE, fd, OFFSET) == MAP_FAILED && errno == EINVAL,
	      "a private mapping");
	CHECK(mmap(NULL, RING, rw | PROT_EXEC, MAP_SHARED, fd, OFFSET) == MAP_FAILED &&
	      errno == EINVAL, "an executable mapping");
	CHECK(mmap(NULL, 65 * 4096, rw, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL,
	      "a private mapping that ends in the ring");
	CHECK_EQ(ring[ENTRIES - 1].flags, 0);
}

static void each_page_once(const void *arg)
{
	struct machine *m = ring_machine(KVM_MEM_LOG_DIRTY_PAGES);
	uint64_t bits[PAGES / 64];
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = bits };
	struct kvm_clear_dirty_log clear = { .slot = SLOT, .dirty_bitmap = bits };
	int i;

	touch_pages(m, AT + 0x3123, 10, 0x7000);
	/* Still in the ring, so no second time. */
	touch_pages(m, AT + 0x3123, 10, 0x7000);
	CHECK_EQ(harvest(m, NULL), 10);
	for (i = 0; i < 10; i++)
		CHECK_EQ(seen[3 + 7 * i], 1);
	CHECK_EQ(harvest(m, NULL), 0);
	touch_pages(m, AT + 0x3123, 3, 0x7000);
	CHECK_EQ(harvest(m, NULL), 3);
	touch_pages(m, AT, 2, SIZE - 1);
	CHECK_EQ(harvest(m, NULL), 2);
	CHECK_EQ(seen[0] + seen[PAGES - 1], 2);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_GET_DIRTY_LOG, &log), ENXIO);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_CLEAR_DIRTY_LOG, &clear), ENXIO);
	/* Off and on again begins anew. */
	touch_pages(m, AT, 5, 0x1000);
	set_slot(m, SLOT, 0, AT, SIZE, mem);
	touch_pages(m, AT, 20, 0x1000);
	CHECK_EQ(harvest(m, NULL), 5);
	set_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, SIZE, mem);
	touch_pages(m, AT + 0x1000, 2, 0x1000);
	CHECK_EQ(harvest(m, NULL), 2);
}

/* A log that began before the rings, with all its bits set and a copy of them taken. */
static void log_before_rings(const void *arg)
{
	struct machine *m = machine_new_novcpu();
	uint64_t bits[PAGES / 64];
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = bits };
	int i;

	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
			    KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET));
	mem = anon_mem(SIZE);
	set_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, SIZE, mem);
	CHECK_OK(ioctl(m->vm->fd, KVM_GET_DIRTY_LOG, &log));
	CHECK_EQ(bits[0], ~0ULL);
	start_rings(m);
	for (i = 0; i < 2; i++) {
		touch_pages(m, AT + 0x5000, 3, 0x1000);
		CHECK_EQ(harvest(m, NULL), 3);
	}
	CHECK_EQ(seen[5] + seen[6] + seen[7], 6);
}

static void by_kvm(const void *arg)
{
	struct machine *m = ring_machine(KVM_MEM_LOG_DIRTY_PAGES);

	machine_load(m, G_CODE, by_ins, by_ins_end);
	prepare_writes(m, AT + 0x9000, 0, 0);
	expect_in(m, 0x60, 1, 0x77);
	expect_hlt(m);
	CHECK_EQ(mem[0x9000], 0x77);
	CHECK_EQ(harvest(m, NULL), 1);
	CHECK_EQ(seen[9], 1);
}

/* Nothing runs until there is room; the guest then goes on where it was. */
static void full(const void *arg)
{
	struct machine *m = ring_machine(KVM_MEM_LOG_DIRTY_PAGES);
	int exits = 0, r, i, n;

	prepare_writes(m, AT, PAGES, 0x1000);
	while ((r = run_vcpu(m->vcpu)) == KVM_EXIT_DIRTY_RING_FULL) {
		uint64_t at = get_regs(m).rbx;

		CHECK_EQ(run_vcpu(m->vcpu), KVM_EXIT_DIRTY_RING_FULL);
		CHECK_EQ(get_regs(m).rbx, at);
		n = harvest(m, NULL);
		CHECK(n >= ENTRIES / 4 && n <= ENTRIES, "%d entries", n);
		exits++;
	}
	CHECK_EQ(r, KVM_EXIT_HLT);
	CHECK(exits >= 2 && exits <= 8, "%d exits", exits);
	harvest(m, NULL);
	for (i = 0; i < PAGES; i++)
		CHECK(seen[i], "page %d", i);
}

/*
 * A ring that is full to its last entry: kvmclock is written before each entry to the guest, and
 * user space puts it into another page each time. What finds no room is in the ring later.
 */
static void overflow(const void *arg)
{
	struct machine *m = ring_machine(KVM_MEM_LOG_DIRTY_PAGES);
	int i, n, limit;

	if (!is_kvmx())
		test_skip("the kernel's kvm warns in its log of a ring that is overrun");
	prepare_writes(m, AT, PAGES, 0x1000);
	CHECK_EQ(run_vcpu(m->vcpu), KVM_EXIT_DIRTY_RING_FULL);
	limit = (get_regs(m).rbx - AT) / 4096;
	for (i = limit + 100; i < limit + 800; i++) {
		set_msr(m, 0x4b564d01, AT + i * 4096ULL + 1);
		CHECK_EQ(run_vcpu(m->vcpu), KVM_EXIT_DIRTY_RING_FULL);
	}
	set_msr(m, 0x4b564d01, 0);
	CHECK_EQ(harvest(m, NULL), ENTRIES);
	while ((n = run_vcpu(m->vcpu)) == KVM_EXIT_DIRTY_RING_FULL)
		harvest(m, NULL);
	CHECK_EQ(n, KVM_EXIT_HLT);
	harvest(m, NULL);
	for (i = 0; i < PAGES; i++)
		CHECK(seen[i], "page %d", i);
}

/* Entries that were never made, and entries that say what no slot has. */
static void hostile(const void *arg)
{
	struct machine *m = ring_machine(KVM_MEM_LOG_DIRTY_PAGES);
	static const struct kvm_dirty_gfn bad[] = {
		{ 2, SLOT, PAGES }, { 2, SLOT, ~0ULL }, { 2, SLOT + 1, 0 }, { 2, ~0u, 0 },
		{ 3, SLOT | 1 << 16, 0 }, { ~0u, SLOT, 1ULL << 63 }, { 2, 0, 0 },
	};
	int i, n = ARRAY_LEN(bad);

	if (!is_kvmx())
		test_skip("the kernel's kvm believes entries that it has not made");
	for (i = 0; i < ENTRIES; i++)
		ring[i].flags = KVM_DIRTY_GFN_F_RESET;
	CHECK_EQ(ioctl(m->vm->fd, KVM_RESET_DIRTY_RINGS, 0), 0);
	touch_pages(m, AT, n, 0x1000);
	for (i = 0; i < n; i++)
		ring[i] = bad[i];
	CHECK_EQ(ioctl(m->vm->fd, KVM_RESET_DIRTY_RINGS, 0), n);
	CHECK_EQ(ioctl(m->vm->fd, KVM_RESET_DIRTY_RINGS, 0), 0);
	for (i = 0; i < ENTRIES; i++)
		ring[i].flags = 0;
	/* A gap ends the harvest. */
	touch_pages(m, AT + 0x100000, 4, 0x1000);
	ring[n].flags = ring[n + 1].flags = ring[n + 3].flags = KVM_DIRTY_GFN_F_RESET;
	CHECK_EQ(ioctl(m->vm->fd, KVM_RESET_DIRTY_RINGS, 0), 2);
	ring[n + 2].flags = KVM_DIRTY_GFN_F_RESET;
	CHECK_EQ(ioctl(m->vm->fd, KVM_RESET_DIRTY_RINGS, 0), 2);
}

/* Counts up in pages in turn until user space says stop, which it does in a page of its own. */
#define G_STOP 0x30000
#define LIVE_PAGES 256
GUEST_CODE(live, 64,
	   "sti\n xor %ecx, %ecx\n"
	   "1: mov %ecx, %eax\n imul $77, %eax, %eax\n and $" S(LIVE_PAGES) " - 1, %eax\n"
	   "shl $12, %eax\n incq " S(AT) "(%rax)\n"
	   "inc %rcx\n mov %rcx, " S(G_STOP) " + 8\n"
	   "cmpq $0, " S(G_STOP) "\n je 1b\n cli\n hlt\n");

static void live_copy(const void *arg)
{
	struct machine *m = ring_machine(KVM_MEM_LOG_DIRTY_PAGES);
	volatile uint64_t *stop = guest_mem(m, G_STOP);
	uint8_t *copy = anon_mem(SIZE);
	struct vcpu_thread t;
	uint64_t sum = 0;
	int i;

	machine_load(m, G_CODE, live, live_end);
	prepare_writes(m, 0, 0, 0);
	thread_start(&t, m, NULL);
	for (i = 0; i < 30; i++) {
		thread_wait_for(stop + 1, stop[1] + 100);
		harvest(m, copy);
	}
	*stop = 1;
	thread_join(&t);
	harvest(m, copy);
	for (i = 0; i < LIVE_PAGES; i++) {
		CHECK(!memcmp(copy + i * 4096, mem + i * 4096, 4096), "page %d", i);
		sum += *(uint64_t *)(mem + i * 4096);
	}
	CHECK_EQ(sum, stop[1]);
}

int main(int argc, char **argv)
{
	TEST(capability);
	TEST(mappings);
	TEST(each_page_once);
	TEST(log_before_rings);
	TEST(by_kvm);
	TEST(full);
	TEST(overflow);
	TEST(hostile);
	TEST(live_copy);
	return run_tests(argc, argv);
}
