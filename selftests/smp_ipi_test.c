// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts from vCPU to vCPU: a destination reaches those it means and no others; then
 * storms and races, where what the architecture promises to count is counted.
 */
#include "agent.h"

/* Exactly the vCPUs in @mask have @vector. */
static void check_targets(struct pc *pc, int vector, unsigned int mask)
{
	int i, got;

	for (i = 0; i < pc->nr; i++) {
		got = cpu_window(&pc->cpu[i]);
		if (!(mask >> i & 1)) {
			CHECK(got == CPU_DONE, "vCPU %d, not meant, got 0x%x", i, got);
			continue;
		}
		CHECK(got == vector, "vCPU %d got %d, not 0x%x", i, got, vector);
		if (vector != NMI_VECTOR)
			apic_eoi(&pc->cpu[i]);
		CHECK_EQ(cpu_iret(&pc->cpu[i]), CPU_DONE);
	}
}

static void physical(const void *arg)
{
	struct pc *pc = pc_in_mode(arg, 4);
	uint32_t all = *(const bool *)arg ? 0xffffffff : 0xff;
	int from, to;

	for (from = 0; from < 4; from++) {
		for (to = 0; to < 4; to++) {
			apic_send(&pc->cpu[from], to, 0x40 + to);
			check_targets(pc, 0x40 + to, 1 << to);
		}
	}
	apic_send(&pc->cpu[2], 77, 0x50);
	check_targets(pc, 0x50, 0);
	apic_send(&pc->cpu[2], all, 0x51);
	check_targets(pc, 0x51, 0xf);
}

static void shorthands(const void *arg)
{
	struct pc *pc = pc_in_mode(arg, 4);
	int from;

	for (from = 0; from < 4; from++) {
		apic_send(&pc->cpu[from], 0, ICR_ALL | 0x60);
		check_targets(pc, 0x60, 0xf);
		apic_send(&pc->cpu[from], from, ICR_OTHERS | 0x61);
		check_targets(pc, 0x61, 0xf & ~(1 << from));
		apic_send(&pc->cpu[from], 3, ICR_SELF | 0x62);
		check_targets(pc, 0x62, 1 << from);
		apic_send(&pc->cpu[from], 0, ICR_OTHERS | M_NMI);
		check_targets(pc, NMI_VECTOR, 0xf & ~(1 << from));
	}
}

static void logical_flat(const void *arg)
{
	struct pc *pc = pc_in_mode(&in_x1, 4);
	int i;

	for (i = 0; i < 4; i++)
		apic_write(&pc->cpu[i], R_LDR, 1u << (24 + i));
	for (i = 0; i < 16; i++) {
		apic_send(&pc->cpu[1], i, ICR_LOGICAL | 0x70);
		check_targets(pc, 0x70, i);
	}
	apic_send(&pc->cpu[1], 0xff, ICR_LOGICAL | 0x71);
	check_targets(pc, 0x71, 0xf);
	apic_write(&pc->cpu[2], R_LDR, 0);
	apic_send(&pc->cpu[1], 0x04, ICR_LOGICAL | 0x73);
	check_targets(pc, 0x73, 0);
}

/* An LDR with several bits is reached by each of them. */
static void logical_several_bits(const void *arg)
{
	struct pc *pc = pc_in_mode(&in_x1, 2);
	int i;

	apic_write(&pc->cpu[0], R_LDR, 0x01000000);
	apic_write(&pc->cpu[1], R_LDR, 0x46000000);
	for (i = 1; i < 8; i++) {
		bool meant = 0x46 >> i & 1;

		apic_send(&pc->cpu[0], 1u << i, ICR_LOGICAL | 0x72);
		if (meant && !apic_bit(&pc->cpu[1], R_IRR, 0x72))
			test_skip("this kvm takes LDRs of one bit only");
		check_targets(pc, 0x72, meant << 1);
	}
}

/* Clusters 0 and 1 of two vCPUs each, SDM 3A 11.6.2.2. */
static void logical_cluster(const void *arg)
{
	struct pc *pc = pc_in_mode(&in_x1, 4);
	int i;

	for (i = 0; i < 4; i++) {
		apic_write(&pc->cpu[i], R_DFR, 0x0fffffff);
		apic_write(&pc->cpu[i], R_LDR, (i / 2) << 28 | 1u << (24 + i % 2));
	}
	apic_send(&pc->cpu[0], 0x01, ICR_LOGICAL | 0x70);
	check_targets(pc, 0x70, 1 << 0);
	apic_send(&pc->cpu[0], 0x03, ICR_LOGICAL | 0x71);
	check_targets(pc, 0x71, 3);
	apic_send(&pc->cpu[0], 0x12, ICR_LOGICAL | 0x72);
	check_targets(pc, 0x72, 1 << 3);
	apic_send(&pc->cpu[0], 0x1f, ICR_LOGICAL | 0x73);
	check_targets(pc, 0x73, 0xc);
	apic_send(&pc->cpu[0], 0x2f, ICR_LOGICAL | 0x74);
	check_targets(pc, 0x74, 0);
	apic_send(&pc->cpu[0], 0xff, ICR_LOGICAL | 0x75);
	check_targets(pc, 0x75, 0xf);
}

static void logical_x2apic(const void *arg)
{
	struct pc *pc = pc_in_mode(&in_x2, 4);
	int i;

	for (i = 0; i < 16; i++) {
		apic_send(&pc->cpu[3], i, ICR_LOGICAL | 0x70);
		check_targets(pc, 0x70, i);
	}
	apic_send(&pc->cpu[3], 0x0001000f, ICR_LOGICAL | 0x71);
	check_targets(pc, 0x71, 0);
	apic_send(&pc->cpu[3], 0xffffffff, ICR_LOGICAL | 0x72);
	check_targets(pc, 0x72, 0xf);
}

/* Exactly one of those addressed takes it; the SDM does not say which. */
static void lowest_priority(const void *arg)
{
	struct pc *pc = pc_in_mode(arg, 4);
	int i, round, hits;

	for (i = 0; !*(const bool *)arg && i < 4; i++)
		apic_write(&pc->cpu[i], R_LDR, 1u << (24 + i));
	for (round = 1; round < 16; round++) {
		apic_send(&pc->cpu[0], round, ICR_LOGICAL | M_LOWEST | 0x80);
		for (hits = 0, i = 0; i < 4; i++) {
			if (cpu_window(&pc->cpu[i]) == CPU_DONE)
				continue;
			CHECK(round >> i & 1, "vCPU %d of 0x%x", i, round);
			apic_eoi(&pc->cpu[i]);
			CHECK_EQ(cpu_iret(&pc->cpu[i]), CPU_DONE);
			hits++;
		}
		CHECK(hits == 1, "%d of 0x%x took it", hits, round);
	}
}

/* --- in threads ------------------------------------------------------------ */

#define G_AT(i)		(0x30000 + (i) * 0x400)
#define PORT_END	0xe2
#define G_STOP		0x37000
#define VEC		0x90

/*
 * RBX times: sends RBP (an ICR) to RSI and waits until the count at RDI is one more; the
 * receiver's handler counts. R9 is where the ICR is: 0 the xAPIC page, else x2APIC.
 */
GUEST_CODE(ping, 64,
	   "sti\n 1: mov (%rdi), %r12\n inc %r12\n"
	   "test %r9, %r9\n jnz 2f\n"
	   "mov %esi, %eax\n shl $24, %eax\n mov $0xfee00310, %edx\n mov %eax, (%rdx)\n"
	   "mov $0xfee00300, %edx\n mov %ebp, (%rdx)\n jmp 3f\n"
	   "2: mov $0x830, %ecx\n mov %ebp, %eax\n mov %esi, %edx\n wrmsr\n"
	   "3: pause\n cmp %r12, (%rdi)\n jb 3b\n ja 4f\n"
	   "dec %rbx\n jnz 1b\n"
	   "4: cli\n out %al, $" S(PORT_END) "\n");
/* Halts, runs a little, halts again; ends when G_STOP is set. */
GUEST_CODE(sleeper, 64,
	   "1: cli\n cmpq $0, " S(G_STOP) "\n jne 2f\n sti\n hlt\n jmp 1b\n"
	   "2: out %al, $" S(PORT_END) "\n");
/* Never halts. */
GUEST_CODE(runner, 64,
	   "1: sti\n pause\n cmpq $0, " S(G_STOP) "\n je 1b\n cli\n out %al, $" S(PORT_END) "\n");

static void expect_end(struct cpu_thread *t)
{
	cpu_thread_join(t);
	CHECK(t->reason == KVM_EXIT_IO && t->c->run->io.port == PORT_END, "vCPU %d: exit %s",
	      t->c->vcpu->id, exit_name(t->reason));
}

static void start(struct pc *pc, struct cpu_thread *t, int cpu, const uint8_t *code,
		  const uint8_t *end)
{
	machine_load(pc->m, G_AT(cpu), code, end);
	cpu_thread_start(t, &pc->cpu[cpu]);
}

static void set_sender(struct pc *pc, int cpu, int rounds, uint32_t dest, uint32_t icr)
{
	struct kvm_regs r;

	cpu_goto(&pc->cpu[cpu], G_AT(cpu), rounds);
	r = cpu_regs(&pc->cpu[cpu]);
	r.rbp = icr;
	r.rsi = dest;
	r.rdi = G_COUNT(icr & 0xff);
	r.r9 = pc->cpu[cpu].x2apic;
	cpu_set_regs(&pc->cpu[cpu], &r);
}

struct ping_case {
	const char *name;
	bool x2apic, sleeps;
	int senders, rounds;
};

static const struct ping_case ping_cases[] = {
	{ "wake_xapic", false, true, 1, 300 },
	{ "wake_x2apic", true, true, 1, 300 },
	{ "running_xapic", false, false, 1, 30 },
	{ "running_x2apic", true, false, 1, 30 },
	{ "three_to_one", true, true, 3, 60 },
};

/* Each is waited for, so each counts; senders have a vector each. */
static void pings(const void *arg)
{
	const struct ping_case *pc_case = arg;
	struct pc *pc = pc_in_mode(&pc_case->x2apic, pc_case->senders + 1);
	int to = pc_case->senders, i;
	struct cpu_thread t[MAX_AGENTS];

	install_counter(pc, LAST_VECTOR, pc_case->x2apic);
	for (i = 0; i < to; i++) {
		install_counter(pc, VEC + i * 16, pc_case->x2apic);
		set_sender(pc, i, pc_case->rounds, to, VEC + i * 16);
	}
	cpu_goto(&pc->cpu[to], G_AT(to), 0);
	if (pc_case->sleeps)
		start(pc, &t[to], to, sleeper, sleeper_end);
	else
		start(pc, &t[to], to, runner, runner_end);
	for (i = 0; i < to; i++)
		start(pc, &t[i], i, ping, ping_end);
	for (i = 0; i < to; i++) {
		expect_end(&t[i]);
		CHECK_EQ(cpu_regs(&pc->cpu[i]).rbx, 0);
		CHECK_EQ(*count_of(pc, VEC + i * 16), pc_case->rounds);
	}
	*(volatile uint64_t *)guest_mem(pc->m, G_STOP) = 1;
	signal_msi(pc, to, VEC);
	expect_end(&t[to]);
}

/* Each vCPU sends to all others without waiting: at most as many arrive, and the last does. */
GUEST_CODE(storm, 64,
	   "sti\n"
	   "1: lock incq (%rdi)\n"			/* asked for */
	   "mov $0x830, %ecx\n mov %ebp, %eax\n mov %esi, %edx\n wrmsr\n"
	   "dec %rbx\n jnz 1b\n"
	   "2: pause\n cmpq $0, " S(G_STOP) "\n je 2b\n"
	   "cli\n out %al, $" S(PORT_END) "\n");
#define G_SEEN		0x36000
/* What has been asked for is copied to G_SEEN: after the last IPI that is all of it. */
GUEST_CODE(storm_handler, 64,
	   "push %rax\n push %rcx\n push %rdx\n"
	   "lock incq " S(G_COUNT(VEC)) "\n"
	   "xor %eax, %eax\n xor %edx, %edx\n mov $0x80b, %ecx\n wrmsr\n"
	   "mov " S(G_SEEN) " + 64, %rax\n mov %rax, " S(G_SEEN) "\n"
	   "pop %rdx\n pop %rcx\n pop %rax\n iretq\n");

static void storms(const void *arg)
{
	const int rounds = 500;
	struct pc *pc = pc_in_mode(&in_x2, 4);
	volatile uint64_t *seen = guest_mem(pc->m, G_SEEN);
	uint64_t *idt = guest_mem(pc->m, G_IDT);
	struct cpu_thread t[4];
	int i;

	install_counter(pc, LAST_VECTOR, true);
	machine_load(pc->m, 0x3f000, storm_handler, storm_handler_end);
	idt[2 * VEC] = 0xf000 | (uint64_t)SEL_CODE64 << 16 | 0x8eULL << 40 | 3ULL << 48;
	for (i = 0; i < 4; i++) {
		struct kvm_regs r;

		set_sender(pc, i, rounds, 0, ICR_OTHERS | VEC);
		r = cpu_regs(&pc->cpu[i]);
		r.rdi = G_SEEN + 64;
		cpu_set_regs(&pc->cpu[i], &r);
	}
	for (i = 0; i < 4; i++)
		start(pc, &t[i], i, storm, storm_end);
	thread_wait_for(seen, 4 * rounds);
	seen[(G_STOP - G_SEEN) / 8] = 1;
	for (i = 0; i < 4; i++)
		expect_end(&t[i]);
	CHECK_EQ(seen[0], 4 * rounds);
	CHECK(*count_of(pc, VEC) <= 3 * 4 * rounds && *count_of(pc, VEC) >= 3,
	      "%llu interrupts", (unsigned long long)*count_of(pc, VEC));
}

/* KVM_SIGNAL_MSI from a thread of the host against a guest that halts and wakes. */
static void host_to_halted(const void *arg)
{
	struct pc *pc = pc_in_mode(&in_x2, 1);
	volatile uint64_t *count = count_of(pc, VEC);
	struct cpu_thread t;
	int i;

	install_counter(pc, LAST_VECTOR, true);
	install_counter(pc, VEC, true);
	cpu_goto(&pc->cpu[0], G_AT(0), 0);
	start(pc, &t, 0, sleeper, sleeper_end);
	for (i = 1; i <= 500; i++) {
		CHECK_EQ(signal_msi(pc, 0, VEC), 1);
		thread_wait_for(count, i);
		CHECK_EQ(*count, i);
	}
	*(volatile uint64_t *)guest_mem(pc->m, G_STOP) = 1;
	signal_msi(pc, 0, VEC);
	expect_end(&t);
}

/* NMIs to one that halts: each wakes it; it is back in HLT before the next is sent. */
GUEST_CODE(nmi_sleeper, 64, "1: hlt\n cmpq $0, " S(G_STOP) "\n je 1b\n out %al, $" S(PORT_END) "\n");
GUEST_CODE(nmi_handler, 64, "lock incq " S(G_COUNT(2)) "\n iretq\n");

static void nmis_to_halted(const void *arg)
{
	struct pc *pc = pc_in_mode(&in_x2, 2);
	uint64_t *idt = guest_mem(pc->m, G_IDT);
	struct cpu_thread t;
	int i;

	machine_load(pc->m, 0x3f000, nmi_handler, nmi_handler_end);
	idt[2 * NMI_VECTOR] = 0xf000 | (uint64_t)SEL_CODE64 << 16 | 0x8eULL << 40 | 3ULL << 48;
	cpu_goto(&pc->cpu[1], G_AT(1), 0);
	start(pc, &t, 1, nmi_sleeper, nmi_sleeper_end);
	for (i = 1; i <= 200; i++) {
		apic_send(&pc->cpu[0], 1, M_NMI);
		thread_wait_for(count_of(pc, NMI_VECTOR), i);
	}
	*(volatile uint64_t *)guest_mem(pc->m, G_STOP) = 1;
	apic_send(&pc->cpu[0], 1, M_NMI);
	expect_end(&t);
}

int main(int argc, char **argv)
{
	int i;

	TEST_IN_BOTH_MODES(physical);
	TEST_IN_BOTH_MODES(shorthands);
	TEST(logical_flat);
	TEST(logical_several_bits);
	TEST(logical_cluster);
	TEST(logical_x2apic);
	TEST_IN_BOTH_MODES(lowest_priority);
	for (i = 0; i < ARRAY_LEN(ping_cases); i++)
		add_test(pings, &ping_cases[i], "pings_%s", ping_cases[i].name);
	TEST(storms);
	TEST(host_to_halted);
	TEST(nmis_to_halted);
	return run_tests(argc, argv);
}
