// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_CAP_X86_DISABLE_EXITS: what it refuses, and that the guest's instructions then do in
 * the guest what they did in the kernel.
 */
#include "agent.h"

static int disable(int fd, uint64_t which)
{
	return enable_cap(fd, KVM_CAP_X86_DISABLE_EXITS, which);
}

static uint64_t allowed(void)
{
	need_irqchip();
	need_cap(KVM_CAP_X86_DISABLE_EXITS, "KVM_CAP_X86_DISABLE_EXITS");
	return kvm_check_cap(KVM_CAP_X86_DISABLE_EXITS);
}

static struct pc *make(uint64_t which)
{
	struct pc *pc;

	if (!(allowed() & which))
		test_skip("KVM_CAP_X86_DISABLE_EXITS has no 0x%llx", (unsigned long long)which);
	pc = pc_new_bare(CHIPS_KERNEL);
	CHECK_OK(disable(pc->vm_fd, which));
	pc_add_cpus(pc, 1);
	if (which == KVM_X86_DISABLE_EXITS_MWAIT) {
		vcpu_get_cpuid_entry(pc->cpu[0].vcpu, 1)->ecx |= 1u << 3;
		vcpu_set_cpuid(pc->cpu[0].vcpu);
	}
	cpu_prepare(&pc->cpu[0]);
	apic_write(&pc->cpu[0], R_SPIV, 0x1ff);
	return pc;
}

static void arguments(const void *arg)
{
	uint64_t all = allowed();
	struct machine *m = machine_new_novcpu();

	CHECK(all & KVM_X86_DISABLE_EXITS_HLT, "0x%llx", (unsigned long long)all);
	CHECK(all & KVM_X86_DISABLE_EXITS_PAUSE, "0x%llx", (unsigned long long)all);
	CHECK_ERRNO(disable(m->vm->fd, 1 << 10), EINVAL);
	CHECK_ERRNO(disable(m->vm->fd, all | 1ull << 63), EINVAL);
	CHECK_OK(disable(m->vm->fd, 0));
	CHECK_OK(disable(m->vm->fd, all));
	CHECK_OK(disable(m->vm->fd, all));
}

/* Until an interrupt comes: what the host handles meanwhile may end an emulated CPU's HLT. */
static uint64_t halt_long(struct cpu *c)
{
	uint64_t got;
	int i;

	for (i = 0; i < 1000; i++) {
		got = cpu_halt(c);
		if (got != CPU_DONE)
			break;
	}
	return got;
}

/* The CPU itself halts; a timer and a message from outside end that. */
static void halts(const void *arg)
{
	struct pc *pc = make(KVM_X86_DISABLE_EXITS_HLT);
	struct cpu *c = &pc->cpu[0];
	int i;

	apic_write(c, R_LVTT, 0x60);
	apic_write(c, R_TDCR, 0xb);
	for (i = 0; i < 10; i++) {
		apic_write(c, R_TMICT, 1000000);
		CHECK_EQ(halt_long(c), 0x60);
		apic_eoi(c);
		CHECK_EQ(cpu_iret(c), CPU_DONE);
	}
	signal_msi(pc, 0, 0x70);
	CHECK_EQ(halt_long(c), 0x70);
}

GUEST_CODE(halt_loop, 64, "1: sti\n hlt\n jmp 1b\n");

/* A signal ends KVM_RUN of a vCPU that halts in the guest; its MP state stays RUNNABLE. */
static void hlt_and_signal(const void *arg)
{
	struct pc *pc = make(KVM_X86_DISABLE_EXITS_HLT);
	struct cpu_thread t;

	machine_load(pc->m, 0x30000, halt_loop, halt_loop_end);
	cpu_goto(&pc->cpu[0], 0x30000, 0);
	cpu_thread_start(&t, &pc->cpu[0]);
	usleep(100000);
	cpu_thread_stop(&t);
	CHECK_EQ(mp_state(&pc->cpu[0]), KVM_MP_STATE_RUNNABLE);
}

/* For a vCPU that has run already. */
static void later(const void *arg)
{
	struct pc *pc;
	struct cpu *c;

	allowed();
	pc = pc_new(CHIPS_KERNEL, 1);
	c = &pc->cpu[0];
	apic_write(c, R_LVTT, 0x60);
	apic_write(c, R_TDCR, 0xb);
	if (disable(pc->vm_fd, KVM_X86_DISABLE_EXITS_HLT) < 0) {
		CHECK_EQ(errno, EINVAL);
		test_skip("refused once there is a vCPU");
	}
	apic_write(c, R_TMICT, 1000000);
	CHECK_EQ(halt_long(c), 0x60);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

/* A PAUSE loop goes through, with or without. */
static void pause_loop(const void *arg)
{
	struct pc *pc = make(KVM_X86_DISABLE_EXITS_PAUSE);

	CHECK_EQ(cpu_spin(&pc->cpu[0], 1000000), CPU_DONE);
}

GUEST_CODE(mwait, 64,
	   "sti\n 1: mov $0x31000, %eax\n xor %ecx, %ecx\n xor %edx, %edx\n monitor\n"
	   "xor %eax, %eax\n xor %ecx, %ecx\n mwait\n incq 0x31100\n jmp 1b\n");

/* MONITOR and MWAIT are the CPU's; an interrupt ends the wait, other things may. */
static void monitor_mwait(const void *arg)
{
	struct pc *pc = make(KVM_X86_DISABLE_EXITS_MWAIT);
	struct cpu *c = &pc->cpu[0];
	int i;

	apic_write(c, R_LVTT, 0x60);
	apic_write(c, R_TDCR, 0xb);
	apic_write(c, R_TMICT, 5000000);
	machine_load(pc->m, 0x30000, mwait, mwait_end);
	cpu_goto(c, 0x30000, 0);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(i ? cpu_iret(c) : cpu_resume(c), 0x60);
		apic_write(c, R_TMICT, 5000000);
		apic_eoi(c);
	}
	CHECK(*(uint64_t *)guest_mem(pc->m, 0x31100) >= 2, "MWAIT never ended");
}

/* The core's residency counters can be read. */
static void cstate_msrs(const void *arg)
{
	static const uint32_t msrs[] = { 0x3fc, 0x3fd, 0x3fe };
	struct pc *pc = make(KVM_X86_DISABLE_EXITS_CSTATE);
	uint64_t v;
	int i;

	for (i = 0; i < ARRAY_LEN(msrs); i++) {
		int got = cpu_try_rdmsr(&pc->cpu[0], msrs[i], &v);

		if (got == GP_VECTOR)
			test_skip("this CPU has no MSR 0x%x", msrs[i]);
		CHECK_EQ(got, CPU_DONE);
	}
}

int main(int argc, char **argv)
{
	TEST(arguments);
	TEST(halts);
	TEST(hlt_and_signal);
	TEST(later);
	TEST(pause_loop);
	TEST(monitor_mwait);
	TEST(cstate_msrs);
	return run_tests(argc, argv);
}
