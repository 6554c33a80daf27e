// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots while the guest is stopped: create, delete, move, change of flags,
 * read-only slots, aliases, many slots; every documented error, and that a call that
 * fails leaves the old state in force.
 */
#include <x86intrin.h>

#include "machine.h"

#define SLOT 7
#define AT 0x800000

/* Since 6.12: where slots go, only what they had is unmapped. */
#define SLOT_ZAP_ALL (1 << 7)

/* Stores RAX to [RBX], loads [RSI] into RCX. */
GUEST_CODE(touch, 64, "mov %rax, (%rbx)\n mov (%rsi), %rcx\n hlt\n");

static struct machine *touch_machine(void)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, touch);
	return m;
}

static void set_touch(struct machine *m, uint64_t store, uint64_t value, uint64_t load)
{
	struct kvm_regs r = get_regs(m);

	r.rip = G_CODE;
	r.rbx = store;
	r.rax = value;
	r.rsi = load;
	r.rcx = 0;
	set_regs(m, &r);
}

/* True if both addresses are memory; stores @value and loads it back. */
static void check_ram(struct machine *m, uint64_t gpa, uint64_t value)
{
	set_touch(m, gpa, value, gpa);
	expect_hlt_(m);
	CHECK_EQ(get_regs(m).rcx, value);
}

static void check_mmio(struct machine *m, uint64_t gpa)
{
	set_touch(m, gpa, 0x1234, gpa);
	expect_mmio_write_(m, gpa, 8, 0x1234);
	expect_mmio_read_(m, gpa, 8, 0x5678);
	expect_hlt_(m);
	CHECK_EQ(get_regs(m).rcx, 0x5678);
}

#define check_ram(m, g, v) (HERE(), check_ram(m, g, v))
#define check_mmio(m, g) (HERE(), check_mmio(m, g))

static void create_delete(const void *arg)
{
	struct machine *m = touch_machine();
	uint64_t *mem = anon_mem(0x4000);

	check_mmio(m, AT);
	set_slot(m, SLOT, 0, AT, 0x4000, mem);
	check_ram(m, AT, 0xaaaa);
	CHECK_EQ(mem[0], 0xaaaa);
	check_ram(m, AT + 0x3ff8, 0xbbbb);
	CHECK_EQ(mem[0x3ff8 / 8], 0xbbbb);
	check_mmio(m, AT + 0x4000);
	check_mmio(m, AT - 8);
	set_slot(m, SLOT, 0, AT, 0, mem);
	check_mmio(m, AT);
	CHECK_EQ(mem[0], 0xaaaa);
	/* The number and the address are free again, with other memory. */
	set_slot(m, SLOT, 0, AT, 0x1000, mem + 0x2000 / 8);
	check_ram(m, AT, 0xcccc);
	CHECK_EQ(mem[0x2000 / 8], 0xcccc);
	check_mmio(m, AT + 0x1000);
}

static void move(const void *arg)
{
	struct machine *m = touch_machine();
	uint64_t *mem = anon_mem(0x2000);

	set_slot(m, SLOT, 0, AT, 0x2000, mem);
	check_ram(m, AT, 1);
	set_slot(m, SLOT, 0, AT + 0x100000, 0x2000, mem);
	check_mmio(m, AT);
	set_touch(m, AT + 0x100008, 2, AT + 0x100000);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 1);
	CHECK_EQ(mem[1], 2);
	/* Onto a range that overlaps its own old one. */
	set_slot(m, SLOT, 0, AT + 0x101000, 0x2000, mem);
	check_mmio(m, AT + 0x100000);
	set_touch(m, AT + 0x101010, 3, AT + 0x101000);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 1);
	CHECK_EQ(mem[2], 3);
}

static void keep_other_mappings(struct machine *m)
{
	if (vm_check_cap(m->vm, KVM_CAP_DISABLE_QUIRKS2) & SLOT_ZAP_ALL)
		CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_DISABLE_QUIRKS2, SLOT_ZAP_ALL));
}

/* The slot is the last that was looked up, and the next exit is for its place as well. */
static void gone_at_once(const void *arg)
{
	struct machine *m = touch_machine();
	uint64_t *mem = anon_mem(0x2000);

	keep_other_mappings(m);
	check_mmio(m, AT);
	set_slot(m, SLOT, 0, AT, 0x1000, mem);
	check_ram(m, AT, 1);
	set_slot(m, SLOT, 0, AT, 0, mem);
	check_mmio(m, AT);
	set_slot(m, SLOT, 0, AT, 0x1000, mem);
	check_ram(m, AT, 2);
	set_slot(m, SLOT, 0, AT, 0, mem);
	set_slot(m, SLOT + 1, 0, AT, 0x1000, mem + 0x1000 / 8);
	check_ram(m, AT, 3);
	CHECK_EQ(mem[0], 2);
	CHECK_EQ(mem[0x1000 / 8], 3);
}

static void aliases(const void *arg)
{
	struct machine *m = touch_machine();
	uint64_t *mem = anon_mem(0x1000);

	set_slot(m, SLOT, 0, AT, 0x1000, mem);
	set_slot(m, SLOT + 1, 0, AT + 0x10000, 0x1000, mem);
	set_touch(m, AT + 8, 0x77, AT + 0x10008);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0x77);
}

/* --- read-only ------------------------------------------------------------- */

GUEST_CODE(rom_code, 64,
	   "mov (%rbx), %rax\n"
	   "mov %ecx, 8(%rbx)\n"
	   "add %ecx, 16(%rbx)\n"
	   "mov %rbx, %rsp\n"
	   "push %rcx\n"
	   "hlt\n");

static void read_only(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *mem = anon_mem(0x2000);
	struct kvm_regs r;

	if (vm_check_cap(m->vm, KVM_CAP_READONLY_MEM) <= 0)
		test_fail(__FILE__, __LINE__, "KVM_CAP_READONLY_MEM is not there");
	machine_start(m, MODE_LONG, rom_code);
	set_slot(m, SLOT, KVM_MEM_READONLY, AT, 0x2000, mem);
	mem[0x200] = 0x1122;
	mem[0x202] = 5;
	r = get_regs(m);
	r.rbx = AT + 0x1000;
	r.rcx = 0x99;
	set_regs(m, &r);
	expect_mmio_write(m, AT + 0x1008, 4, 0x99);
	CHECK_EQ(get_regs(m).rax, 0x1122);
	expect_mmio_write(m, AT + 0x1010, 4, 0x9e);
	expect_mmio_write(m, AT + 0xff8, 8, 0x99);
	expect_hlt(m);
	CHECK_EQ(mem[0x201], 0);
	CHECK_EQ(mem[0x202], 5);
	CHECK_EQ(mem[0x1ff], 0);
}

/* Code runs from a read-only slot. */
static void execute_read_only(const void *arg)
{
	struct machine *m = machine_new();
	uint8_t *mem = anon_mem(0x1000);
	struct kvm_regs r;

	machine_start(m, MODE_LONG, touch);
	memcpy(mem, touch, touch_end - touch);
	set_slot(m, SLOT, KVM_MEM_READONLY, AT, 0x1000, mem);
	set_touch(m, 0x30000, 4, 0x30000);
	r = get_regs(m);
	r.rip = AT;
	set_regs(m, &r);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 4);
}

/* A read-only slot may stand on memory that user space maps read-only. */
static void read_only_mapping(const void *arg)
{
	struct machine *m = touch_machine();
	uint64_t *mem = anon_mem(0x1000);

	mem[0] = 0x42;
	CHECK_OK(mprotect(mem, 0x1000, PROT_READ));
	set_slot(m, SLOT, KVM_MEM_READONLY, AT, 0x1000, mem);
	set_touch(m, AT + 8, 1, AT);
	expect_mmio_write(m, AT + 8, 8, 1);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0x42);
}

/* --- flags ----------------------------------------------------------------- */

static void change_flags(const void *arg)
{
	struct machine *m = touch_machine();
	uint64_t *mem = anon_mem(0x1000);

	set_slot(m, SLOT, 0, AT, 0x1000, mem);
	check_ram(m, AT, 1);
	set_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, 0x1000, mem);
	check_ram(m, AT, 2);
	set_slot(m, SLOT, 0, AT, 0x1000, mem);
	check_ram(m, AT, 3);
	/* The same again is no error. */
	set_slot(m, SLOT, 0, AT, 0x1000, mem);
	check_ram(m, AT, 4);
	/* Read-only is decided at creation. */
	CHECK_ERRNO(try_slot(m, SLOT, KVM_MEM_READONLY, AT, 0x1000, mem), EINVAL);
	check_ram(m, AT, 5);
}

/* --- errors ---------------------------------------------------------------- */

static const struct bad_slot {
	const char *name;
	uint32_t slot, flags;
	uint64_t gpa, size;
	int64_t hva_offset;
	int error;
} bad_slots[] = {
	{ "size_unaligned", 9, 0, 0x900000, 0x1800, 0, EINVAL },
	{ "gpa_unaligned", 9, 0, 0x900800, 0x1000, 0, EINVAL },
	{ "hva_unaligned", 9, 0, 0x900000, 0x1000, 0x800, EINVAL },
	{ "gpa_wraps", 9, 0, 0xfffffffffffff000, 0x2000, 0, EINVAL },
	{ "unknown_flag", 9, 1U << 31, 0x900000, 0x1000, 0, EINVAL },
	{ "slot_number", 0x7fff, 0, 0x900000, 0x1000, 0, EINVAL },
	{ "address_space", 0x7fff0000, 0, 0x900000, 0x1000, 0, EINVAL },
	{ "delete_missing", 9, 0, 0x900000, 0, 0, EINVAL },
	{ "overlap_all", 9, 0, AT, 0x4000, 0, EEXIST },
	{ "overlap_start", 9, 0, AT - 0x1000, 0x2000, 0, EEXIST },
	{ "overlap_end", 9, 0, AT + 0x3000, 0x2000, 0, EEXIST },
	{ "overlap_inside", 9, 0, AT + 0x1000, 0x1000, 0, EEXIST },
	{ "overlap_around", 9, 0, AT - 0x2000, 0x8000, 0, EEXIST },
	{ "resize", SLOT, 0, AT, 0x2000, 0, EINVAL },
	{ "change_hva", SLOT, 0, AT, 0x4000, 0x1000, EINVAL },
	{ "move_onto_other", SLOT, 0, 0x1000, 0x4000, 0, EEXIST },
	{ "too_many_pages", 9, 0, 0x1000000, 0x80000000000, 0, EINVAL },
};

static void bad_slot(const void *arg)
{
	const struct bad_slot *c = arg;
	struct machine *m = touch_machine();
	uint8_t *mem = anon_mem(0x10000);

	set_slot(m, SLOT, 0, AT, 0x4000, mem);
	check_ram(m, AT, 1);
	CHECK_ERRNO(try_slot(m, c->slot, c->flags, c->gpa, c->size, mem + c->hva_offset),
		    c->error);
	/* Everything is as it was. */
	check_ram(m, AT, 2);
	check_ram(m, AT + 0x3ff8, 3);
	CHECK_EQ(*(uint64_t *)mem, 2);
	check_mmio(m, 0x900000);
	check_mmio(m, AT - 0x1000);
}

static void bad_addresses(const void *arg)
{
	struct machine *m = touch_machine();
	void *mem = anon_mem(0x1000);

	CHECK_ERRNO(try_slot(m, SLOT, 0, AT, 0x1000, (void *)0xffff888000000000), EINVAL);
	CHECK_ERRNO(try_slot(m, SLOT, 0, AT, 0x2000, (void *)0x7fffffffe000 + 0x1000), EINVAL);
	CHECK_ERRNO(try_slot(m, SLOT, 0, 1ULL << 52, 0x1000, mem), EINVAL);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_SET_USER_MEMORY_REGION, NULL), EFAULT);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_SET_USER_MEMORY_REGION, (void *)-4096L), EFAULT);
	check_mmio(m, AT);
}

/* User memory that is not there yet is found out at the access, not at the call. */
static void unmapped_memory(const void *arg)
{
	struct machine *m = touch_machine();
	uint8_t *mem = anon_mem(0x2000);

	CHECK_OK(munmap(mem, 0x2000));
	set_slot(m, SLOT, 0, AT, 0x2000, mem);
	set_touch(m, AT, 1, AT);
	CHECK_EQ(try_run(m->vcpu), EFAULT);
	CHECK_EQ(get_regs(m).rip, G_CODE);
	CHECK(mmap(mem, 0x2000, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == mem, "mmap");
	expect_hlt(m);
	CHECK_EQ(*(uint64_t *)mem, 1);
}

/* --- memory ahead of its use --------------------------------------------- */

#ifndef KVM_PRE_FAULT_MEMORY
struct kvm_pre_fault_memory {
	__u64 gpa, size, flags, padding[5];
};

#define KVM_PRE_FAULT_MEMORY _IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#define KVM_CAP_PRE_FAULT_MEMORY 236
#endif

static void pre_fault(struct machine *m, uint64_t gpa, uint64_t size)
{
	struct kvm_pre_fault_memory r = { .gpa = gpa, .size = size };

	if (vm_check_cap(m->vm, KVM_CAP_PRE_FAULT_MEMORY) <= 0)
		test_skip("KVM_CAP_PRE_FAULT_MEMORY is not offered");
	while (r.size)
		CHECK_OK(ioctl(m->vcpu->fd, KVM_PRE_FAULT_MEMORY, &r));
	CHECK_EQ(r.gpa, gpa + size);
}

#define LARGE_SIZE (4 << 20)

/* Ticks for memory that is mapped already, in pages as large as @advice lets it have. */
static uint64_t pre_fault_ticks(int advice)
{
	uint8_t *area = anon_mem(LARGE_SIZE + (2 << 20)), *mem;
	struct machine *m = touch_machine();
	uint64_t best = -1, t;
	int i;

	mem = (uint8_t *)(((uintptr_t)area + (2 << 20) - 1) & ~((2UL << 20) - 1));
	CHECK_OK(madvise(mem, LARGE_SIZE, advice));
	for (i = 0; i < LARGE_SIZE; i += 4096)
		mem[i] = 1;
	set_slot(m, SLOT, 0, AT, LARGE_SIZE, mem);
	/* In pieces that begin and end within large pages. */
	pre_fault(m, AT + 0x5000, 0x1000);
	pre_fault(m, AT + 0x1000, LARGE_SIZE - 0x2000);
	pre_fault(m, AT, LARGE_SIZE);
	for (i = 0; i < 3; i++) {
		t = __rdtsc();
		pre_fault(m, AT, LARGE_SIZE);
		t = __rdtsc() - t;
		best = t < best ? t : best;
	}
	/* All of it is there. */
	check_ram(m, AT + LARGE_SIZE - 0x1000, 7);
	CHECK_EQ(mem[LARGE_SIZE - 0x1000], 7);
	return best;
}

/* A large page is one step. */
static void pre_fault_steps(const void *arg)
{
	uint64_t large, small;

	if (access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK))
		test_skip("no transparent huge pages");
	small = pre_fault_ticks(MADV_NOHUGEPAGE);
	large = pre_fault_ticks(MADV_HUGEPAGE);
	CHECK(large * 8 < small, "%lu ticks for 1024 pages, %lu for two large ones", small, large);
}

/* --- many ------------------------------------------------------------------ */

#define MANY_BASE 0x40000000

static void many_slots(const void *arg)
{
	struct machine *m = touch_machine();
	int nr = vm_check_cap(m->vm, KVM_CAP_NR_MEMSLOTS), i;
	uint8_t *mem = anon_mem(0x2000);
	static const int probes[] = { 2, 3, 1000, 16384, 32762, 32763 };

	CHECK(nr >= 32764, "KVM_CAP_NR_MEMSLOTS is %d", nr);
	CHECK_ERRNO(try_slot(m, nr, 0, MANY_BASE, 0x1000, mem), EINVAL);
	/* One page each, every second page of the address space, of two pages in turn. */
	for (i = 2; i < 32764; i++)
		if (try_slot(m, i, 0, MANY_BASE + i * 0x2000ULL, 0x1000,
			     mem + (i & 1) * 0x1000))
			test_fail(__FILE__, __LINE__, "slot %d: %s", i, strerror(errno));
	for (i = 0; i < ARRAY_LEN(probes); i++) {
		uint64_t gpa = MANY_BASE + probes[i] * 0x2000ULL;

		check_ram(m, gpa, probes[i]);
		CHECK_EQ(*(uint64_t *)(mem + (probes[i] & 1) * 0x1000), probes[i]);
		check_mmio(m, gpa + 0x1000);
	}
	set_slot(m, 16384, 0, 0, 0, mem);
	check_mmio(m, MANY_BASE + 16384 * 0x2000ULL);
	check_ram(m, MANY_BASE + 16385 * 0x2000ULL, 7);
}

#define STEP (2 << 20)
#define TABLES_ROUNDS 1000
#define TABLES_MORE 8

/* One page at a time, each where no table is yet: tables go when they become empty. */
static void tables_are_freed(const void *arg)
{
	struct machine *m = touch_machine();
	uint64_t *mem = anon_mem(0x1000), before, now;
	int i;

	keep_other_mappings(m);
	check_ram(m, G_DATA, 0);
	before = vm_stat(m->vm, "mmu_tables");
	for (i = 0; i < TABLES_ROUNDS; i++) {
		uint64_t at = MANY_BASE + (uint64_t)i * STEP;

		set_slot(m, SLOT, 0, at, 0x1000, mem);
		/* Page tables of the guest reach 4 GiB; memory ahead of its use needs none. */
		pre_fault(m, at, 0x1000);
		set_slot(m, SLOT, 0, at, 0, mem);
		now = vm_stat(m->vm, "mmu_tables");
		if (now > before + TABLES_MORE)
			test_fail(__FILE__, __LINE__, "%lu tables after %d slots, %lu before",
				  now, i + 1, before);
	}
}

/* The longer form, without a guest_memfd. */
static void region2(const void *arg)
{
	struct {
		struct kvm_userspace_memory_region shared;
		uint64_t guest_memfd[16];
	} r = { .shared = { .slot = SLOT, .guest_phys_addr = AT, .memory_size = 0x1000 } };
	const unsigned long cmd = _IOW(KVMIO, 0x49, r);
	struct machine *m = touch_machine();
	uint64_t *mem = anon_mem(0x1000);

	if (ioctl(m->vm->fd, KVM_CHECK_EXTENSION, 231) <= 0)
		test_skip("KVM_CAP_USER_MEMORY2 is not offered");
	r.shared.userspace_addr = (uintptr_t)mem;
	r.shared.flags = 4;
	CHECK_ERRNO(ioctl(m->vm->fd, cmd, &r), EINVAL);
	r.shared.flags = 0;
	CHECK_OK(ioctl(m->vm->fd, cmd, &r));
	check_ram(m, AT, 0x77);
	CHECK_EQ(mem[0], 0x77);
	/* The same slot for both forms. */
	set_slot(m, SLOT, 0, AT, 0, mem);
	check_mmio(m, AT);
	CHECK_ERRNO(ioctl(m->vm->fd, cmd, NULL), EFAULT);
}

int main(int argc, char **argv)
{
	int i;

	TEST(create_delete);
	TEST(move);
	TEST(gone_at_once);
	TEST(aliases);
	TEST(read_only);
	TEST(execute_read_only);
	TEST(read_only_mapping);
	TEST(change_flags);
	for (i = 0; i < ARRAY_LEN(bad_slots); i++)
		add_test(bad_slot, &bad_slots[i], "error_%s", bad_slots[i].name);
	TEST(bad_addresses);
	TEST(unmapped_memory);
	TEST(many_slots);
	TEST(tables_are_freed);
	TEST(pre_fault_steps);
	TEST(region2);
	return run_tests(argc, argv);
}
