// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: exactly the pages that were written since the last look are reported,
 * whether the guest wrote them or kvm did on its behalf; looking resets the log; logging
 * can be turned on and off with memory already in use, large pages included; a copy kept
 * up to date by the log alone equals the memory of a guest that never stopped writing.
 */
#include "machine.h"

#define SLOT 7
#define AT 0x800000
#define PAGES 1024
#define SIZE (PAGES * 4096ULL)

GUEST_CODE(reader, 64,
	   "1: mov (%rbx), %al\n add %rdx, %rbx\n loop 1b\n hlt\n");

static uint64_t log_bits[PAGES / 64];

static int get_log(struct machine *m, uint32_t slot, void *bits)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bits };

	return ioctl(m->vm->fd, KVM_GET_DIRTY_LOG, &log);
}

static int fetch_log(struct machine *m)
{
	int i, n = 0;

	memset(log_bits, 0xff, sizeof(log_bits));
	CHECK_OK(get_log(m, SLOT, log_bits));
	for (i = 0; i < PAGES / 64; i++)
		n += __builtin_popcountll(log_bits[i]);
	return n;
}

static bool logged(int page)
{
	return log_bits[page / 64] >> page % 64 & 1;
}

static struct machine *log_machine(uint32_t flags, uint8_t **mem)
{
	struct machine *m = machine_new();

	*mem = anon_mem(SIZE);
	machine_start(m, MODE_LONG, page_writer);
	set_slot(m, SLOT, flags, AT, SIZE, *mem);
	return m;
}

static void exact_pages(const void *arg)
{
	uint8_t *mem;
	struct machine *m = log_machine(KVM_MEM_LOG_DIRTY_PAGES, &mem);
	int i;

	CHECK_EQ(fetch_log(m), 0);
	touch_pages(m, AT + 0x3123, 10, 0x7000);
	CHECK_EQ(fetch_log(m), 10);
	for (i = 0; i < 10; i++)
		CHECK(logged(3 + 7 * i), "page %d", 3 + 7 * i);
	/* Looking has reset it, and the same pages count again. */
	CHECK_EQ(fetch_log(m), 0);
	touch_pages(m, AT + 0x3123, 1, 0);
	CHECK_EQ(fetch_log(m), 1);
	CHECK(logged(3), "page 3");
	/* First and last page. */
	touch_pages(m, AT, 2, SIZE - 1);
	CHECK_EQ(fetch_log(m), 2);
	CHECK(logged(0) && logged(PAGES - 1), "ends");
}

static void reads_do_not_count(const void *arg)
{
	uint8_t *mem;
	struct machine *m = log_machine(KVM_MEM_LOG_DIRTY_PAGES, &mem);

	machine_load(m, G_CODE, reader, reader_end);
	touch_pages(m, AT, 64, 0x1000);
	CHECK_EQ(fetch_log(m), 0);
	/* Nor do writes by user space itself. */
	mem[0] = 1;
	mem[0x5000] = 1;
	CHECK_EQ(fetch_log(m), 0);
}

static void turned_on_later(const void *arg)
{
	uint8_t *mem;
	struct machine *m = log_machine(0, &mem);

	touch_pages(m, AT, PAGES, 0x1000);
	CHECK_ERRNO(get_log(m, SLOT, log_bits), ENOENT);
	set_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, SIZE, mem);
	CHECK_EQ(fetch_log(m), 0);
	touch_pages(m, AT + 0x4000, 3, 0x1000);
	CHECK_EQ(fetch_log(m), 3);
	CHECK(logged(4) && logged(5) && logged(6), "pages 4 to 6");
	set_slot(m, SLOT, 0, AT, SIZE, mem);
	CHECK_ERRNO(get_log(m, SLOT, log_bits), ENOENT);
	touch_pages(m, AT, PAGES, 0x1000);
	set_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, SIZE, mem);
	CHECK_EQ(fetch_log(m), 0);
}

/* A machine whose slot lies in large host pages, all touched by the guest. */
static struct machine *large_machine(uint8_t **mem)
{
	struct machine *m = machine_new();
	uint8_t *area = anon_mem(SIZE + (2 << 20));

	*mem = (uint8_t *)(((uintptr_t)area + (2 << 20) - 1) & ~((2UL << 20) - 1));
	madvise(*mem, SIZE, MADV_HUGEPAGE);
	memset(*mem, 0, SIZE);
	machine_start(m, MODE_LONG, page_writer);
	set_slot(m, SLOT, 0, AT, SIZE, *mem);
	touch_pages(m, AT, PAGES, 0x1000);
	return m;
}

/* EPT violations of a touch of every page. */
static int faults_of(struct machine *m)
{
	int before = vcpu_stat(m->vcpu, "pf_fixed");

	touch_pages(m, AT, PAGES, 0x1000);
	return vcpu_stat(m->vcpu, "pf_fixed") - before;
}

/* Large host pages are logged by the 4 KiB page all the same. */
static void large_pages(const void *arg)
{
	uint8_t *mem;
	struct machine *m = large_machine(&mem);

	set_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, SIZE, mem);
	touch_pages(m, AT + 0x5000, 2, 0x100000);
	CHECK_EQ(fetch_log(m), 2);
	CHECK(logged(5) && logged(0x105), "pages");
	touch_pages(m, AT + 0x6000, 1, 0);
	CHECK_EQ(fetch_log(m), 1);
	set_slot(m, SLOT, 0, AT, SIZE, mem);
	touch_pages(m, AT, PAGES, 0x1000);
	CHECK_EQ(mem[0x7000], 0x5a);
}

/* Logging cuts large pages up, and makes them large again, with all of it mapped. */
static void stays_mapped(const void *arg)
{
	uint8_t *mem;
	struct machine *m = large_machine(&mem);

	set_slot(m, SLOT, 0, AT, 0, mem);
	set_slot(m, SLOT, 0, AT, SIZE, mem);
	if (faults_of(m) > 8)
		test_skip("the host has no large page for this");
	set_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, SIZE, mem);
	machine_load(m, G_CODE, reader, reader_end);
	CHECK(faults_of(m) <= 2, "a page in a large one was not there any more");
	machine_load(m, G_CODE, page_writer, page_writer_end);
	touch_pages(m, AT, PAGES, 0x1000);
	CHECK_EQ(fetch_log(m), PAGES);
	set_slot(m, SLOT, 0, AT, SIZE, mem);
	CHECK(faults_of(m) <= 8, "pages stayed small, or write-protected");
	set_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, SIZE, mem);
	touch_pages(m, AT + 0x5000, 2, 0x1000);
	CHECK_EQ(fetch_log(m), 2);
}

/* Small pages that were written, read and neither; off again all can be written. */
static void off_again(const void *arg)
{
	uint8_t *mem;
	struct machine *m = log_machine(KVM_MEM_LOG_DIRTY_PAGES, &mem);

	madvise(mem, SIZE, MADV_NOHUGEPAGE);
	touch_pages(m, AT, PAGES / 2, 0x1000);
	CHECK_EQ(fetch_log(m), PAGES / 2);
	set_slot(m, SLOT, 0, AT, SIZE, mem);
	touch_pages(m, AT, PAGES, 0x1000);
	CHECK_EQ(mem[0x1000], 0x5a);
	CHECK_EQ(mem[SIZE - 4096], 0x5a);
	set_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, SIZE, mem);
	CHECK_EQ(fetch_log(m), 0);
	touch_pages(m, AT, PAGES, 0x1000);
	CHECK_EQ(fetch_log(m), PAGES);
}

/* --- writes that kvm makes for the guest ----------------------------------- */

GUEST_CODE(by_ins, 64, "mov $0x60, %edx\n mov %rbx, %rdi\n insb\n hlt\n");
GUEST_CODE(by_movs, 64, "mov $" S(G_MMIO) ", %esi\n mov %rbx, %rdi\n movsl\n hlt\n");
GUEST_CODE(by_pop, 64, "mov $" S(G_MMIO) ", %esp\n pop (%rbx)\n hlt\n");
GUEST_CODE(by_push, 64, "mov $" S(G_MMIO) ", %eax\n lea 8(%rbx), %rsp\n push (%rax)\n hlt\n");

static const struct by_kvm {
	const char *name;
	const uint8_t *code, *end;
} by_kvm[] = {
	{ "ins", by_ins, by_ins_end },
	{ "movs_from_mmio", by_movs, by_movs_end },
	{ "pop_from_mmio", by_pop, by_pop_end },
	{ "push_from_mmio", by_push, by_push_end },
};

static void write_by_kvm(const void *arg)
{
	const struct by_kvm *c = arg;
	uint8_t *mem;
	struct machine *m = log_machine(KVM_MEM_LOG_DIRTY_PAGES, &mem);
	struct kvm_regs r;

	machine_load(m, G_CODE, c->code, c->end);
	r = get_regs(m);
	r.rbx = AT + 0x9100;
	set_regs(m, &r);
	HERE();
	while (run_vcpu(m->vcpu) != KVM_EXIT_HLT) {
		if (m->run->exit_reason == KVM_EXIT_IO)
			*((uint8_t *)m->run + m->run->io.data_offset) = 0x77;
		else if (m->run->exit_reason == KVM_EXIT_MMIO)
			memset(m->run->mmio.data, 0x77, 8);
		else
			test_fail(__FILE__, __LINE__, "%s", exit_name(m->run->exit_reason));
	}
	CHECK_EQ(mem[0x9100], 0x77);
	CHECK_EQ(fetch_log(m), 1);
	CHECK(logged(9), "page 9");
}

/* The CPU's own writes: accessed and dirty bits in the guest's page tables. */
static void page_table_bits(const void *arg)
{
	uint8_t *mem;
	struct machine *m = log_machine(KVM_MEM_LOG_DIRTY_PAGES, &mem);
	uint64_t *pt = (uint64_t *)mem;
	int i, n;

	/* The tables for the first 2 MiB move into the logged slot. */
	memcpy(pt, guest_mem(m, G_PT), 4096);
	for (i = 0; i < 512; i++)
		pt[i] &= ~(PTE_A | PTE_D);
	((uint64_t *)guest_mem(m, G_PD))[0] = AT | PTE_P | PTE_W | PTE_U;
	CHECK_EQ(fetch_log(m), 0);
	touch_pages(m, 0x30000, 1, 0);
	CHECK_EQ(pt[0x30] & (PTE_A | PTE_D), PTE_A | PTE_D);
	n = fetch_log(m);
	if (!n) {
		/* An ordinary write there exits: EPT has protected the page all the time. */
		touch_pages(m, AT + 0xff8, 1, 0);
		CHECK_EQ(fetch_log(m), 1);
		test_skip("the CPU wrote A and D bits past EPT (Bochs without EPT's own)");
	}
	CHECK_EQ(n, 1);
	CHECK(logged(0), "page 0");
}

/* --- a guest that goes on writing ------------------------------------------ */

#define LIVE_PAGES 64
#define G_STOP 0x30000

/* Counts up in a page of 64, by a step coprime to 64, until told to stop. */
GUEST_CODE(live, 64,
	   "sti\n xor %ecx, %ecx\n"
	   "1: mov %rcx, %rax\n imul $37, %rax, %rax\n and $63, %eax\n shl $12, %rax\n"
	   "incq " S(AT) "(%rax)\n"
	   "inc %rcx\n mov %rcx, " S(G_STOP) " + 8\n"
	   "cmpq $0, " S(G_STOP) "\n je 1b\n"
	   "cli\n hlt\n");

static void copy_logged(uint8_t *copy, const uint8_t *mem)
{
	int i;

	for (i = 0; i < LIVE_PAGES; i++)
		if (logged(i))
			memcpy(copy + i * 4096, mem + i * 4096, 4096);
}

/* One round: what was written since the last is copied, after it is tracked again. */
static void by_get(struct machine *m)
{
	fetch_log(m);
}

static int clear_log(struct machine *m, uint32_t first, uint32_t num, void *bits)
{
	struct kvm_clear_dirty_log c = {
		.slot = SLOT, .first_page = first, .num_pages = num, .dirty_bitmap = bits,
	};

	return ioctl(m->vm->fd, KVM_CLEAR_DIRTY_LOG, &c);
}

static void by_clear(struct machine *m)
{
	int i;

	fetch_log(m);
	for (i = 0; i < PAGES; i += 64)
		CHECK_OK(clear_log(m, i, 64, log_bits + i / 64));
}

struct live_case {
	const char *name;
	uint64_t manual;		/* KVM_DIRTY_LOG_* */
	void (*round)(struct machine *m);
};

static const struct live_case live_cases[] = {
	{ "live_copy", 0, by_get },
	{ "live_copy_clear", 1, by_clear },
	{ "live_copy_clear_initially_set", 3, by_clear },
};

static void live_copy(const void *arg)
{
	const struct live_case *c = arg;
	uint8_t *mem, *copy = anon_mem(LIVE_PAGES * 4096);
	struct machine *m = log_machine(0, &mem);
	volatile uint64_t *stop = guest_mem(m, G_STOP);
	struct vcpu_thread t;
	uint64_t sum = 0;
	int i;

	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, c->manual));
	machine_load(m, G_CODE, live, live_end);
	thread_start(&t, m, NULL);
	thread_wait_for(stop + 1, 100);
	set_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, SIZE, mem);
	memcpy(copy, mem, LIVE_PAGES * 4096);
	for (i = 0; i < 30; i++) {
		c->round(m);
		copy_logged(copy, mem);
		thread_wait_for(stop + 1, stop[1] + 20);
	}
	*stop = 1;
	thread_join(&t);
	c->round(m);
	copy_logged(copy, mem);
	for (i = 0; i < LIVE_PAGES; i++) {
		CHECK(!memcmp(copy + i * 4096, mem + i * 4096, 4096), "page %d", i);
		sum += *(uint64_t *)(mem + i * 4096);
	}
	/* And no write of the guest was lost on the way. */
	CHECK_EQ(sum, stop[1]);
}

/* --- KVM_CLEAR_DIRTY_LOG --------------------------------------------------- */

static void manual_protect(const void *arg)
{
	uint64_t bits[PAGES / 64] = { 0 };
	struct machine *m;
	uint8_t *mem;

	m = log_machine(0, &mem);
	CHECK_EQ(vm_check_cap(m->vm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2), 3);
	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
			    KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE));
	set_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, SIZE, mem);
	touch_pages(m, AT, 3, 0x1000);
	CHECK_EQ(fetch_log(m), 3);
	/* Not reset by looking, but by asking. */
	CHECK_EQ(fetch_log(m), 3);
	bits[0] = 2;
	CHECK_OK(clear_log(m, 0, 64, bits));
	CHECK_EQ(fetch_log(m), 2);
	CHECK(logged(0) && logged(2), "pages 0 and 2");
	touch_pages(m, AT + 0x1000, 1, 0);
	CHECK_EQ(fetch_log(m), 3);
	CHECK_ERRNO(clear_log(m, 1, 64, bits), EINVAL);
	CHECK_ERRNO(clear_log(m, 0, 63, bits), EINVAL);
	CHECK_ERRNO(clear_log(m, PAGES, 64, bits), EINVAL);
	CHECK_EQ(fetch_log(m), 3);
}

/* A log that begins with all pages: each is tracked from when its bit is cleared on. */
static void initially_set(const void *arg)
{
	uint64_t bits[PAGES / 64] = { 0 };
	uint8_t *mem;
	struct machine *m = large_machine(&mem);

	CHECK_ERRNO(enable_cap(m->vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
			       KVM_DIRTY_LOG_INITIALLY_SET), EINVAL);
	CHECK_ERRNO(enable_cap(m->vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 7), EINVAL);
	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
			    KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET));
	set_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, SIZE, mem);
	CHECK_EQ(fetch_log(m), PAGES);
	/* Nothing is tracked yet, so nothing faults. */
	CHECK_EQ(faults_of(m), 0);
	/* Another clear of the same bits finds none. */
	bits[0] = 0x3c;
	CHECK_OK(clear_log(m, 0, 64, bits));
	CHECK_OK(clear_log(m, 0, PAGES, bits));
	CHECK_EQ(fetch_log(m), PAGES - 4);
	touch_pages(m, AT + 0x3000, 2, 0x1000);
	CHECK_EQ(fetch_log(m), PAGES - 2);
	CHECK(logged(3) && logged(4) && !logged(2) && !logged(5), "pages 2 to 5");
	memset(bits, 0xff, sizeof(bits));
	CHECK_OK(clear_log(m, 0, PAGES, bits));
	CHECK_EQ(fetch_log(m), 0);
	touch_pages(m, AT + 0x100000, 3, 0x1000);
	CHECK_EQ(fetch_log(m), 3);
}

static void errors(const void *arg)
{
	uint8_t *mem;
	struct machine *m = log_machine(KVM_MEM_LOG_DIRTY_PAGES, &mem);

	touch_pages(m, AT, 3, 0x1000);
	CHECK_ERRNO(get_log(m, 0x7fff, log_bits), EINVAL);
	CHECK_ERRNO(get_log(m, SLOT | 0x7fff0000, log_bits), EINVAL);
	CHECK_ERRNO(get_log(m, SLOT + 1, log_bits), ENOENT);
	CHECK_ERRNO(get_log(m, 0, log_bits), ENOENT);
	CHECK_ERRNO(get_log(m, SLOT, (void *)-4096L), EFAULT);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_GET_DIRTY_LOG, NULL), EFAULT);
}

int main(int argc, char **argv)
{
	int i;

	TEST(exact_pages);
	TEST(reads_do_not_count);
	TEST(turned_on_later);
	TEST(large_pages);
	TEST(stays_mapped);
	TEST(off_again);
	for (i = 0; i < ARRAY_LEN(by_kvm); i++)
		add_test(write_by_kvm, &by_kvm[i], "by_kvm_%s", by_kvm[i].name);
	TEST(page_table_bits);
	for (i = 0; i < ARRAY_LEN(live_cases); i++)
		add_test(live_copy, &live_cases[i], "%s", live_cases[i].name);
	TEST(manual_protect);
	TEST(initially_set);
	TEST(errors);
	return run_tests(argc, argv);
}
