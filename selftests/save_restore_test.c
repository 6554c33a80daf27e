// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM stopped in the middle of everything is copied into a new one by the ioctls a VMM
 * migrates with, and goes on there: interrupts requested and in service, remote IRR, timers
 * that count, NMIs, vCPUs that wait to be started.
 */
#include <stdio.h>
#include <time.h>

#include "agent.h"

#define VEC	0x90
#define MS	1000000u

static void copy_msrs(int from, int to)
{
	struct { struct kvm_msr_list head; uint32_t index[600]; } list = { };
	struct { struct kvm_msrs head; struct kvm_msr_entry entry; } msr = { };
	int kvm = open_kvm_dev_path_or_exit(), i;

	list.head.nmsrs = ARRAY_LEN(list.index);
	CHECK_OK(ioctl(kvm, KVM_GET_MSR_INDEX_LIST, &list));
	close(kvm);
	for (i = 0; i < list.head.nmsrs; i++) {
		/* It refers to the local APIC, which is not there yet. */
		if (list.index[i] == MSR_DEADLINE)
			continue;
		msr.head.nmsrs = 1;
		msr.entry.index = list.index[i];
		if (ioctl(from, KVM_GET_MSRS, &msr) != 1)
			continue;
		CHECK(ioctl(to, KVM_SET_MSRS, &msr) == 1 || !msr.entry.data,
		      "MSR 0x%x cannot be set to 0x%llx", list.index[i], msr.entry.data);
	}
}

static void copy_deadline(int from, int to)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry entry; } msr = {
		.head.nmsrs = 1, .entry.index = MSR_DEADLINE,
	};

	if (ioctl(from, KVM_GET_MSRS, &msr) == 1)
		CHECK_EQ(ioctl(to, KVM_SET_MSRS, &msr), 1);
}

#define COPY(from, to, get, set, type)				\
	do {							\
		type state_ = { };				\
								\
		CHECK_OK(ioctl(from, get, &state_));		\
		CHECK_OK(ioctl(to, set, &state_));		\
	} while (0)

static void copy_vcpu(int a, int b)
{
	COPY(a, b, KVM_GET_SREGS, KVM_SET_SREGS, struct kvm_sregs);
	COPY(a, b, KVM_GET_REGS, KVM_SET_REGS, struct kvm_regs);
	COPY(a, b, KVM_GET_XSAVE, KVM_SET_XSAVE, struct kvm_xsave);
	COPY(a, b, KVM_GET_XCRS, KVM_SET_XCRS, struct kvm_xcrs);
	copy_msrs(a, b);
	COPY(a, b, KVM_GET_LAPIC, KVM_SET_LAPIC, struct kvm_lapic_state);
	copy_deadline(a, b);
	COPY(a, b, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, struct kvm_vcpu_events);
	COPY(a, b, KVM_GET_MP_STATE, KVM_SET_MP_STATE, struct kvm_mp_state);
	COPY(a, b, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, struct kvm_debugregs);
}

static struct pc *make(enum chips chips, int nr)
{
	struct kvm_pit_config config = { };
	struct pc *pc = pc_new_bare(chips);

	if (chips == CHIPS_KERNEL)
		CHECK_OK(ioctl(pc->vm_fd, KVM_CREATE_PIT2, &config));
	pc_add_cpus(pc, nr);
	return pc;
}

/* A machine with vCPU 0 ready; others as they are created. */
static struct pc *make_ready(enum chips chips, int nr)
{
	struct pc *pc = make(chips, nr);

	cpu_prepare(&pc->cpu[0]);
	apic_write(&pc->cpu[0], R_SPIV, 0x1ff);
	apic_write(&pc->cpu[0], R_LVT0, M_EXTINT | LVT_MASKED);
	return pc;
}

static struct pc *copied(struct pc *a, enum chips chips)
{
	struct pc *b = make(chips, a->nr);
	uint32_t chip, state;
	int i;

	memcpy(b->m->low, a->m->low, LOW_SIZE);
	memcpy(b->m->high, a->m->high, HIGH_SIZE);
	for (i = 0; i < a->nr; i++) {
		copy_vcpu(a->cpu[i].vcpu->fd, b->cpu[i].vcpu->fd);
		b->cpu[i].x2apic = a->cpu[i].x2apic;
	}
	if (chips == CHIPS_KERNEL) {
		for (chip = 0; chip < KVM_NR_IRQCHIPS; chip++) {
			struct kvm_irqchip s = { .chip_id = chip };

			CHECK_OK(ioctl(a->vm_fd, KVM_GET_IRQCHIP, &s));
			CHECK_OK(ioctl(b->vm_fd, KVM_SET_IRQCHIP, &s));
		}
		COPY(a->vm_fd, b->vm_fd, KVM_GET_PIT2, KVM_SET_PIT2, struct kvm_pit_state2);
	}
	pc_free(a);
	/* One that halts would wait, and nothing comes while it is touched. */
	state = mp_state(&b->cpu[0]);
	CHECK_OK(try_set_mp_state(&b->cpu[0], KVM_MP_STATE_RUNNABLE));
	cpu_touch(&b->cpu[0]);
	CHECK_OK(try_set_mp_state(&b->cpu[0], state));
	return b;
}

/* Three requested, two in service, a task priority. */
static void requested_and_in_service(const void *arg)
{
	struct pc *pc = make_ready(CHIPS_KERNEL, 1);
	struct cpu *c = &pc->cpu[0];

	if (*(const bool *)arg)
		apic_to_x2(c);
	apic_send(c, 0, ICR_SELF | 0x45);
	CHECK_EQ(cpu_window(c), 0x45);
	apic_send(c, 0, ICR_SELF | 0x71);
	CHECK_EQ(cpu_window(c), 0x71);
	apic_send(c, 0, ICR_SELF | 0x46);
	apic_send(c, 0, ICR_SELF | 0x39);
	apic_send(c, 0, ICR_SELF | 0x82);
	apic_write(c, R_TPR, 0x85);
	pc = copied(pc, CHIPS_KERNEL);
	c = &pc->cpu[0];
	CHECK_EQ(apic_read(c, R_TPR), 0x85);
	CHECK_EQ(apic_read(c, R_PPR), 0x85);
	CHECK_EQ(cpu_cr8(c), 8);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	apic_write(c, R_TPR, 0);
	CHECK_EQ(apic_read(c, R_PPR), 0x70);
	CHECK_EQ(cpu_window(c), 0x82);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	apic_eoi(c);				/* 0x71 */
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	CHECK_EQ(apic_read(c, R_PPR), 0x40);
	apic_eoi(c);				/* 0x45 */
	CHECK_EQ(cpu_iret(c), 0x46);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), 0x39);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

/* A level-triggered interrupt in service with its line up, and one that waits. */
static void level_triggered(const void *arg)
{
	struct pc *pc = make_ready(CHIPS_KERNEL, 1);
	struct cpu *c = &pc->cpu[0];

	ioapic_route(c, 10, 0, RTE_LEVEL | 0x6a);
	ioapic_route(c, 11, 0, RTE_LEVEL | 0x5b);
	irq_line(pc, 10, 1);
	CHECK_EQ(cpu_window(c), 0x6a);
	irq_line(pc, 11, 1);
	pc = copied(pc, CHIPS_KERNEL);
	c = &pc->cpu[0];
	CHECK(ioapic_rte(c, 10) & RTE_REMOTE_IRR, "remote IRR of pin 10 is gone");
	CHECK(apic_bit(c, R_TMR, 0x6a), "TMR is gone");
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), 0x6a);		/* the line is still up */
	irq_line(pc, 10, 0);
	apic_eoi(c);
	CHECK_EQ(ioapic_rte(c, 10) & RTE_REMOTE_IRR, 0);
	CHECK_EQ(cpu_iret(c), 0x5b);
	irq_line(pc, 11, 0);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	CHECK_EQ(ioapic_rte(c, 11) & RTE_REMOTE_IRR, 0);
}

static void pic(const void *arg)
{
	struct pc *pc = make_ready(CHIPS_KERNEL, 1);
	struct cpu *c = &pc->cpu[0];

	apic_write(c, R_LVT0, M_EXTINT);
	pic_init(c, 0x20);
	irq_line(pc, 5, 1);
	CHECK_EQ(cpu_window(c), 0x25);
	irq_line(pc, 9, 1);			/* higher than 5 */
	irq_line(pc, 6, 1);
	pc = copied(pc, CHIPS_KERNEL);
	c = &pc->cpu[0];
	CHECK_EQ(cpu_window(c), 0x29);
	cpu_outb(c, 0xa0, 0x20);
	cpu_outb(c, 0x20, 0x20);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	cpu_outb(c, 0x20, 0x20);
	CHECK_EQ(cpu_iret(c), 0x26);
}

/* --- timers ---------------------------------------------------------------- */

static uint64_t khz_of(struct cpu *c)
{
	return CHECK_OK(ioctl(c->vcpu->fd, KVM_GET_TSC_KHZ, 0));
}

static void one_shot(const void *arg)
{
	struct pc *pc = make_ready(CHIPS_KERNEL, 1);
	struct cpu *c = &pc->cpu[0];
	uint32_t left;
	uint64_t t;

	apic_write(c, R_TDCR, 0xb);
	apic_write(c, R_LVTT, VEC);
	apic_write(c, R_TMICT, 1000 * MS);
	cpu_wait_tsc(c, cpu_rdtsc(c) + 20 * khz_of(c));
	pc = copied(pc, CHIPS_KERNEL);
	c = &pc->cpu[0];
	CHECK_EQ(apic_read(c, R_TMICT), 1000 * MS);
	t = cpu_rdtsc(c);
	left = apic_read(c, R_TMCCT);
	CHECK(left > 300 * MS && left <= 980 * MS, "%u left", left);
	CHECK_EQ(cpu_halt(c), VEC);
	t = (cpu_rdtsc(c) - t) * 1000 / (khz_of(c) / 1000);
	CHECK(t + MS / 2 > left && t < left + 20 * MS, "%llu ns, not %u", (unsigned long long)t,
	      left);
}

static void periodic(const void *arg)
{
	struct pc *pc = make_ready(CHIPS_KERNEL, 1);
	struct cpu *c = &pc->cpu[0];
	uint64_t t;
	int i;

	apic_write(c, R_TDCR, 0xb);
	apic_write(c, R_LVTT, LVT_PERIODIC | VEC);
	apic_write(c, R_TMICT, 10 * MS);
	CHECK_EQ(cpu_halt(c), VEC);
	pc = copied(pc, CHIPS_KERNEL);		/* in the handler */
	c = &pc->cpu[0];
	apic_eoi(c);
	/* What came due before it was copied, and a period that ended in this moment. */
	for (i = 0; cpu_iret(c) == VEC; i++) {
		CHECK(i < 2, "periods of 10 ms follow each other at once");
		apic_eoi(c);
	}
	CHECK_EQ(cpu_halt(c), VEC);
	t = cpu_rdtsc(c);
	for (i = 0; i < 5; i++) {
		apic_eoi(c);
		CHECK_EQ(cpu_iret(c), CPU_DONE);
		CHECK_EQ(cpu_halt(c), VEC);
	}
	t = (cpu_rdtsc(c) - t) * 1000 / (khz_of(c) / 1000);
	/* Either end may be late by most of a period. */
	CHECK(t > 41 * MS && t < 59 * MS, "5 periods of 10 ms took %llu ns",
	      (unsigned long long)t);
}

static void deadline(const void *arg)
{
	struct pc *pc = make_ready(CHIPS_KERNEL, 1);
	struct cpu *c = &pc->cpu[0];
	uint64_t at, now;

	need_cap(KVM_CAP_TSC_DEADLINE_TIMER, "KVM_CAP_TSC_DEADLINE_TIMER");
	apic_write(c, R_LVTT, LVT_DEADLINE | VEC);
	at = cpu_rdtsc(c) + 1000 * khz_of(c);
	cpu_wrmsr(c, MSR_DEADLINE, at);
	pc = copied(pc, CHIPS_KERNEL);
	c = &pc->cpu[0];
	CHECK_EQ(cpu_rdmsr(c, MSR_DEADLINE), at);
	CHECK_EQ(cpu_halt(c), VEC);
	now = cpu_rdtsc(c);
	CHECK(now >= at && now < at + 20 * khz_of(c), "at %llu, not %llu",
	      (unsigned long long)now, (unsigned long long)at);
	CHECK_EQ(cpu_rdmsr(c, MSR_DEADLINE), 0);
}

static void pit(const void *arg)
{
	struct pc *pc = make_ready(CHIPS_KERNEL, 1);
	struct cpu *c = &pc->cpu[0];
	int i, got = CPU_DONE;

	apic_write(c, R_LVT0, M_EXTINT);
	pic_init(c, 0x20);
	cpu_outb(c, 0x21, 0xfe);
	cpu_outb(c, 0x43, 0x34);
	cpu_outb(c, 0x40, 11932 & 0xff);
	cpu_outb(c, 0x40, 11932 >> 8);
	for (i = 0; i < 6; i++) {
		/* Those that are overdue after the copy come one behind the other. */
		if (got == CPU_DONE)
			got = cpu_halt(c);
		CHECK_EQ(got, 0x20);
		if (i == 2) {
			pc = copied(pc, CHIPS_KERNEL);
			c = &pc->cpu[0];
		}
		cpu_outb(c, 0x20, 0x20);
		got = cpu_iret(c);
	}
}

/* --- events and states ----------------------------------------------------- */

/* In an NMI's handler, another one waiting. */
static void nmis(const void *arg)
{
	struct pc *pc = make_ready(CHIPS_KERNEL, 1);
	struct cpu *c = &pc->cpu[0];

	signal_msi(pc, 0, M_NMI);
	CHECK_EQ(cpu_window(c), NMI_VECTOR);
	signal_msi(pc, 0, M_NMI);
	pc = copied(pc, CHIPS_KERNEL);
	c = &pc->cpu[0];
	CHECK_EQ(cpu_window(c), CPU_DONE);	/* blocked */
	CHECK_EQ(cpu_iret(c), NMI_VECTOR);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

static void extint(const void *arg)
{
	struct kvm_interrupt irq = { .irq = 0x2b };
	struct pc *pc = make_ready(CHIPS_SPLIT, 1);

	apic_write(&pc->cpu[0], R_LVT0, M_EXTINT);
	CHECK_OK(ioctl(pc->cpu[0].vcpu->fd, KVM_INTERRUPT, &irq));
	apic_send(&pc->cpu[0], 0, ICR_SELF | 0x50);
	pc = copied(pc, CHIPS_SPLIT);
	/* One not yet accepted is the VMM's to give again. */
	if (ioctl(pc->cpu[0].vcpu->fd, KVM_INTERRUPT, &irq))
		CHECK_EQ(errno, EEXIST);
	CHECK_EQ(cpu_window(&pc->cpu[0]), 0x2b);
	CHECK_EQ(cpu_window(&pc->cpu[0]), 0x50);
}

GUEST_CODE(ap_start, 16, "mov $0x40e, %dx\n mov %cs, %ax\n out %ax, %dx\n");
GUEST_CODE(halts, 64, "sti\n hlt\n cli\n out %al, $0xe2\n");

/* One in each state; each goes on as it should. */
static void mp_states(const void *arg)
{
	struct pc *pc = make_ready(CHIPS_KERNEL, 4);
	struct cpu_thread t;
	int i;

	machine_load(pc->m, 0x30000, ap_start, ap_start_end);
	machine_load(pc->m, 0x31000, halts, halts_end);
	apic_send(&pc->cpu[0], 2, M_INIT | ICR_ASSERT | ICR_LEVEL);
	cpu_prepare(&pc->cpu[3]);
	apic_write(&pc->cpu[3], R_SPIV, 0x1ff);
	cpu_goto(&pc->cpu[3], 0x31000, 0);
	cpu_thread_start(&t, &pc->cpu[3]);
	usleep(100000);
	cpu_thread_stop(&t);
	pc = copied(pc, CHIPS_KERNEL);
	CHECK_EQ(mp_state(&pc->cpu[0]), KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(mp_state(&pc->cpu[1]), KVM_MP_STATE_UNINITIALIZED);
	CHECK_EQ(mp_state(&pc->cpu[2]), KVM_MP_STATE_INIT_RECEIVED);
	CHECK_EQ(mp_state(&pc->cpu[3]), KVM_MP_STATE_HALTED);
	apic_send(&pc->cpu[0], 1, M_INIT | ICR_ASSERT | ICR_LEVEL);
	apic_send(&pc->cpu[0], 0, ICR_OTHERS | M_SIPI | 0x30);
	for (i = 1; i <= 2; i++) {
		CHECK_EQ(cpu_resume(&pc->cpu[i]), CPU_EXIT);
		CHECK_EQ(pc->cpu[i].run->io.port, 0x40e);
	}
	cpu_thread_start(&t, &pc->cpu[3]);
	apic_send(&pc->cpu[0], 3, 0x55);
	cpu_thread_join(&t);
	CHECK_EQ(pc->cpu[3].run->io.port, PORT_EVENT);
}

/* --- at any point ---------------------------------------------------------- */

/* A timer re-arms itself from its handler; the loop checks what it adds up. */
GUEST_CODE(busy, 64,
	   "1: sti\n inc %r12\n lea (%r12,%r12), %rax\n mov %rax, 0x30800\n"
	   "mov 0x30800, %rbx\n shr $1, %rbx\n cmp %rbx, %r12\n jne 2f\n"
	   "test $0x3ff, %r12\n jnz 1b\n hlt\n jmp 1b\n"
	   "2: cli\n out %al, $0xe2\n");

static void at_any_point(const void *arg)
{
	struct pc *pc;
	uint64_t last = 0;
	struct cpu_thread t;
	int i;

	pc = make_ready(CHIPS_KERNEL, 1);
	apic_to_x2(&pc->cpu[0]);
	install_counter(pc, VEC, true);
	machine_load(pc->m, 0x30000, busy, busy_end);
	apic_write(&pc->cpu[0], R_TDCR, 0xb);
	apic_write(&pc->cpu[0], R_LVTT, LVT_PERIODIC | VEC);
	apic_write(&pc->cpu[0], R_TMICT, MS / 5);
	cpu_goto(&pc->cpu[0], 0x30000, 0);
	for (i = 0; i < 15; i++) {
		cpu_thread_start(&t, &pc->cpu[0]);
		thread_wait_for(count_of(pc, VEC), last + 5);
		cpu_thread_stop(&t);
		last = *count_of(pc, VEC);
		pc = copied(pc, CHIPS_KERNEL);
	}
}

int main(int argc, char **argv)
{
	TEST_IN_BOTH_MODES(requested_and_in_service);
	TEST(level_triggered);
	TEST(pic);
	TEST(one_shot);
	TEST(periodic);
	TEST(deadline);
	TEST(pit);
	TEST(nmis);
	TEST(extint);
	TEST(mp_states);
	TEST(at_any_point);
	return run_tests(argc, argv);
}
