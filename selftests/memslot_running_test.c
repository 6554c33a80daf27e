// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots changed while a vCPU runs. The guest loads from a slot in a loop with
 * interrupts on; whatever user space does to the slot, a load gives either a value the
 * slot had or an MMIO exit, and after a call has returned, never the state before it.
 */
#include <signal.h>

#include "guest.h"

#define SLOT 7
#define AT 0x800000
#define G_SEQ 0x30000		/* the number that the guest is to acknowledge */
#define G_ACK 0x31000
#define G_LOADS 0x31008
#define G_VALUE 0x31010		/* loaded after it saw the request */
#define MMIO_VALUE 0xffffffffffff0000ULL
#define ROUNDS 40

/*
 * Loads [AT] for ever. A new number in SEQ is answered with the value loaded after it
 * was seen; -1 ends it.
 */
GUEST_CODE(loader, 64,
	   "sti\n"
	   "1: mov " S(G_SEQ) ", %rax\n"
	   "mov " S(AT) ", %rcx\n"
	   "incq " S(G_LOADS) "\n"
	   "cmp " S(G_ACK) ", %rax\n"
	   "je 1b\n"
	   "mov %rcx, " S(G_VALUE) "\n"
	   "mov %rax, " S(G_ACK) "\n"
	   "cmp $-1, %rax\n"
	   "jne 1b\n"
	   "cli\n hlt\n");

static volatile uint64_t *word(struct machine *m, uint64_t gpa)
{
	return guest_mem(m, gpa);
}

static bool give_mmio(struct machine *m)
{
	uint64_t v = MMIO_VALUE;

	if (m->run->exit_reason != KVM_EXIT_MMIO || m->run->mmio.phys_addr != AT)
		return false;
	memcpy(m->run->mmio.data, &v, 8);
	return true;
}

static struct machine *start(struct vcpu_thread *t, uint64_t *mem)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, loader);
	if (mem)
		set_slot(m, SLOT, 0, AT, 0x1000, mem);
	thread_start(t, m, give_mmio);
	thread_wait_for(word(m, G_LOADS), 1);
	return m;
}

/* The value a load gives that began after this call. */
static uint64_t loaded_now(struct machine *m)
{
	uint64_t seq = *word(m, G_SEQ) + 1;

	*word(m, G_SEQ) = seq;
	thread_wait_for(word(m, G_ACK), seq);
	return *word(m, G_VALUE);
}

static void finish(struct vcpu_thread *t)
{
	*word(t->m, G_SEQ) = -1ULL;
	thread_join(t);
	CHECK_EQ(t->m->run->exit_reason, KVM_EXIT_HLT);
}

static void delete_and_create(const void *arg)
{
	struct vcpu_thread t;
	uint64_t *a = anon_mem(0x1000), *b = anon_mem(0x1000);
	struct machine *m = start(&t, a);
	int i;

	*a = 0xa;
	*b = 0xb;
	for (i = 0; i < ROUNDS; i++) {
		CHECK_EQ(loaded_now(m), 0xa);
		set_slot(m, SLOT, 0, AT, 0, a);
		CHECK_EQ(loaded_now(m), MMIO_VALUE);
		set_slot(m, SLOT, 0, AT, 0x1000, b);
		CHECK_EQ(loaded_now(m), 0xb);
		set_slot(m, SLOT, 0, AT, 0, b);
		set_slot(m, SLOT, 0, AT, 0x1000, a);
	}
	finish(&t);
}

static void move_away_and_back(const void *arg)
{
	struct vcpu_thread t;
	uint64_t *a = anon_mem(0x2000);
	struct machine *m = start(&t, a);
	int i;

	a[0] = 0xa;
	for (i = 0; i < ROUNDS; i++) {
		CHECK_EQ(loaded_now(m), 0xa);
		set_slot(m, SLOT, 0, AT + 0x10000, 0x1000, a);
		CHECK_EQ(loaded_now(m), MMIO_VALUE);
		set_slot(m, SLOT, 0, AT, 0x1000, a);
	}
	finish(&t);
}

/* Two slots trade places under the guest. */
static void exchange(const void *arg)
{
	struct vcpu_thread t;
	uint64_t *a = anon_mem(0x1000), *b = anon_mem(0x1000);
	struct machine *m = start(&t, a);
	int i;

	*a = 0xa;
	*b = 0xb;
	set_slot(m, SLOT + 1, 0, AT + 0x10000, 0x1000, b);
	for (i = 0; i < ROUNDS; i++) {
		uint32_t in = SLOT + (i & 1), out = SLOT + !(i & 1);
		uint64_t *in_mem = i & 1 ? b : a, *out_mem = i & 1 ? a : b;

		CHECK_EQ(loaded_now(m), *in_mem);
		set_slot(m, in, 0, AT + 0x20000, 0x1000, in_mem);
		set_slot(m, out, 0, AT, 0x1000, out_mem);
		CHECK_EQ(loaded_now(m), *out_mem);
		set_slot(m, in, 0, AT + 0x10000, 0x1000, in_mem);
	}
	finish(&t);
}

static void dirty_flag_on_and_off(const void *arg)
{
	struct vcpu_thread t;
	uint64_t *a = anon_mem(0x1000);
	struct machine *m = start(&t, a);
	int i;

	for (i = 0; i < ROUNDS; i++) {
		set_slot(m, SLOT, i & 1 ? 0 : KVM_MEM_LOG_DIRTY_PAGES, AT, 0x1000, a);
		*a = i;
		CHECK_EQ(loaded_now(m), i);
	}
	finish(&t);
}

/* Other slots come and go; this one's loads never notice. */
static void unrelated_changes(const void *arg)
{
	struct vcpu_thread t;
	uint64_t *a = anon_mem(0x1000), *b = anon_mem(0x100000);
	struct machine *m = start(&t, a);
	int i;

	*a = 0xa;
	for (i = 0; i < ROUNDS; i++) {
		set_slot(m, SLOT + 1 + i % 4, 0, AT + 0x100000 * (1 + i % 4),
			 i & 4 ? 0 : 0x100000, b);
		CHECK_EQ(loaded_now(m), 0xa);
	}
	finish(&t);
}

/* --- where the xAPIC is ---------------------------------------------------- */

#define XAPIC 0xfee00000UL
#define IN_MEMORY 0x5107c0deU

static void xapic_reader(uint64_t x2apic)
{
	if (x2apic) {
		guest_x2apic();
		guest_sync(0);
	}
	for (;;)
		guest_sync(*(volatile uint32_t *)(XAPIC + APIC_LVR));
}

/*
 * A slot over the page of the xAPIC, whose accesses the CPU may virtualize. While the slot is
 * there the page is memory for all vCPUs, and afterwards the APIC again for all.
 */
static void over_the_xapic(const void *arg)
{
	struct guest *g = guest_new(2, CHIP_FULL);
	uint32_t *mem = anon_mem(0x1000), version;
	int r;

	mem[APIC_LVR / 4] = IN_MEMORY;
	guest_code(g, 0, xapic_reader, 0);
	guest_code(g, 1, xapic_reader, 1);
	CHECK_EQ(guest_run(g, 1), 0);
	version = guest_run(g, 0);
	r = try_slot(g->m, SLOT, 0, XAPIC, 0x1000, mem);
	if (r && errno == EEXIST)
		test_skip("this kvm has memory of its own at the xAPIC");
	CHECK(!r, "%s", strerror(errno));
	CHECK_EQ(guest_run(g, 1), IN_MEMORY);
	CHECK_EQ(guest_run(g, 0), IN_MEMORY);
	set_slot(g->m, SLOT, 0, XAPIC, 0, mem);
	CHECK_EQ(guest_run(g, 0), version);
}

static void nothing(int sig)
{
}

/* Code at the xAPIC, after the page was read as data too: an end, not an endless loop. */
static void executing_the_xapic(const void *arg)
{
	struct guest *g = guest_new(1, CHIP_FULL);
	struct sigaction on_alarm = { .sa_handler = nothing };
	struct kvm_regs r;
	int i, err;

	guest_code(g, 0, xapic_reader, 0);
	sigaction(SIGALRM, &on_alarm, NULL);
	for (i = 0; i < 2; i++) {
		if (i)
			guest_run(g, 0);
		r = get_regs(g->m);
		r.rip = XAPIC + 0x10;
		set_regs(g->m, &r);
		alarm(2);
		err = try_run(g->m->vcpu);
		alarm(0);
		CHECK(!err, "%s", strerror(err));
		CHECK(g->m->run->exit_reason == KVM_EXIT_INTERNAL_ERROR, "%s",
		      exit_name(g->m->run->exit_reason));
		CHECK_EQ(g->m->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
		if (get_regs(g->m).rip == XAPIC + 0x1000)
			test_skip("this kvm executes the xAPIC's page as memory");
		CHECK_EQ(get_regs(g->m).rip, XAPIC + 0x10);
		guest_code(g, 0, xapic_reader, 0);
	}
}

int main(int argc, char **argv)
{
	TEST(delete_and_create);
	TEST(move_away_and_back);
	TEST(exchange);
	TEST(dirty_flag_on_and_off);
	TEST(unrelated_changes);
	TEST(over_the_xapic);
	TEST(executing_the_xapic);
	return run_tests(argc, argv);
}
