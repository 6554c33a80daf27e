// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of an application processor: INIT and SIPI, KVM_MP_STATE as it is seen and set
 * from outside, HLT in the kernel and what ends it, and as many vCPUs as there may be.
 */
#include <sys/resource.h>
#include <time.h>

#include "agent.h"

#define AP_CODE		0x30000
#define SIPI_VECTOR	(AP_CODE >> 12)
#define PORT_AP		0x40e		/* no device has it */

/* Where an AP begins: tells where it is, then halts for good. */
GUEST_CODE(ap_start, 16,
	   "mov $" S(PORT_AP) ", %dx\n mov %cs, %ax\n out %ax, %dx\n"
	   "incw %cs:0x100\n 1: cli\n hlt\n jmp 1b\n");

static struct pc *make(int nr)
{
	struct pc *pc = pc_new_bare(CHIPS_KERNEL);

	pc_add_cpus(pc, nr);
	cpu_prepare(&pc->cpu[0]);
	apic_write(&pc->cpu[0], R_SPIV, 0x1ff);
	machine_load(pc->m, AP_CODE, ap_start, ap_start_end);
	return pc;
}

static void init_sipi(struct pc *pc, uint32_t dest)
{
	apic_send(&pc->cpu[0], dest, M_INIT | ICR_ASSERT | ICR_LEVEL);
	apic_send(&pc->cpu[0], dest, M_INIT | ICR_LEVEL);	/* de-assert: nothing */
	apic_send(&pc->cpu[0], dest, M_SIPI | SIPI_VECTOR);
}

static void expect_ap_start(struct cpu *c)
{
	HERE();
	CHECK_EQ(cpu_resume(c), CPU_EXIT);
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_IO);
	CHECK_EQ(c->run->io.port, PORT_AP);
	CHECK_EQ(*(uint16_t *)((uint8_t *)c->run + c->run->io.data_offset), AP_CODE >> 4);
}

static void states(const void *arg)
{
	struct pc *pc = make(2);
	struct cpu *ap = &pc->cpu[1];
	struct kvm_sregs s;

	CHECK_EQ(mp_state(&pc->cpu[0]), KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(mp_state(ap), KVM_MP_STATE_UNINITIALIZED);
	/* A vCPU ignores a SIPI before its first INIT. */
	apic_send(&pc->cpu[0], 1, M_SIPI | SIPI_VECTOR);
	CHECK_EQ(mp_state(ap), KVM_MP_STATE_UNINITIALIZED);
	apic_send(&pc->cpu[0], 1, M_INIT | ICR_ASSERT | ICR_LEVEL);
	CHECK_EQ(mp_state(ap), KVM_MP_STATE_INIT_RECEIVED);
	apic_send(&pc->cpu[0], 1, M_INIT | ICR_LEVEL);
	CHECK_EQ(mp_state(ap), KVM_MP_STATE_INIT_RECEIVED);
	apic_send(&pc->cpu[0], 1, M_SIPI | SIPI_VECTOR);
	CHECK_EQ(mp_state(ap), KVM_MP_STATE_RUNNABLE);
	CHECK_OK(ioctl(ap->vcpu->fd, KVM_GET_SREGS, &s));
	CHECK_EQ(s.cs.base, AP_CODE);
	CHECK_EQ(s.cs.selector, AP_CODE >> 4);
	CHECK_EQ(cpu_regs(ap).rip, 0);
	expect_ap_start(ap);
	/* A vCPU that runs ignores a second SIPI. */
	complete_exit(ap->vcpu);
	apic_send(&pc->cpu[0], 1, M_SIPI | 0x31);
	CHECK_EQ(mp_state(ap), KVM_MP_STATE_RUNNABLE);
	CHECK_OK(ioctl(ap->vcpu->fd, KVM_GET_SREGS, &s));
	CHECK_EQ(s.cs.base, AP_CODE);
}

/* INIT takes a running vCPU back to the beginning; what INIT keeps is kept. */
static void init_again(const void *arg)
{
	struct pc *pc = make(2);
	struct cpu *ap = &pc->cpu[1];
	struct kvm_regs r = { .rflags = 2, .rax = 0x1234, .rbx = 0x5678, .rip = 0x9999 };
	struct kvm_sregs s;

	cpu_prepare(ap);
	apic_write(ap, R_SPIV, 0x1ff);
	apic_write(ap, R_TPR, 0x70);
	cpu_wrmsr(ap, 0xc0000102, 0xabcdef);	/* KERNEL_GS_BASE */
	cpu_set_regs(ap, &r);
	init_sipi(pc, 1);
	CHECK_EQ(mp_state(ap), KVM_MP_STATE_RUNNABLE);
	CHECK_OK(ioctl(ap->vcpu->fd, KVM_GET_SREGS, &s));
	CHECK_EQ(s.cr0, CR0_ET);		/* CD and NW, both 0 before, stay */
	CHECK_EQ(s.cr3, 0);
	CHECK_EQ(s.cr4, 0);
	CHECK_EQ(s.efer, 0);
	CHECK_EQ(s.apic_base, APIC_PAGE | APICBASE_EN);
	CHECK_EQ(s.idt.limit, 0xffff);
	CHECK_EQ(s.ss.base, 0);
	CHECK_EQ(cpu_regs(ap).rflags, 2);
	CHECK_EQ(cpu_regs(ap).rip, 0);
	CHECK_EQ(cpu_regs(ap).rbx, 0);
	CHECK_EQ(lapic_reg(ap, R_SPIV), 0xff);
	CHECK_EQ(lapic_reg(ap, R_TPR), 0);
	CHECK_EQ(lapic_reg(ap, R_ID), 1u << 24);
	expect_ap_start(ap);
}

/* The AP's thread waits in KVM_RUN from the beginning, as QEMU's does. */
static void started_in_kvm_run(const void *arg)
{
	struct pc *pc = make(4);
	volatile uint16_t *count = guest_mem(pc->m, AP_CODE + 0x100);
	struct cpu_thread t[4];
	int i;

	for (i = 1; i < 4; i++)
		cpu_thread_start(&t[i], &pc->cpu[i]);
	for (i = 1; i < 4; i++) {
		init_sipi(pc, i);
		cpu_thread_join(&t[i]);
		CHECK_EQ(t[i].reason, KVM_EXIT_IO);
		CHECK_EQ(pc->cpu[i].run->io.port, PORT_AP);
	}
	for (i = 1; i < 4; i++) {
		cpu_thread_start(&t[i], &pc->cpu[i]);
		while (*count != i)
			sched_yield();
	}
	/* All of them in CLI; HLT. A second INIT, SIPI by shorthand starts them again. */
	apic_send(&pc->cpu[0], 0, ICR_OTHERS | M_INIT | ICR_ASSERT | ICR_LEVEL);
	apic_send(&pc->cpu[0], 0, ICR_OTHERS | M_SIPI | SIPI_VECTOR);
	for (i = 1; i < 4; i++) {
		cpu_thread_join(&t[i]);
		CHECK_EQ(pc->cpu[i].run->io.port, PORT_AP);
	}
	CHECK_EQ(*count, 3);
}

/* No SIPI comes: KVM_RUN waits for one, and a signal ends the wait. */
static void waits_uninitialized(const void *arg)
{
	struct timespec ms100 = { .tv_nsec = 100000000 };
	struct pc *pc = make(2);
	struct cpu_thread t;

	cpu_thread_start(&t, &pc->cpu[1]);
	nanosleep(&ms100, NULL);
	cpu_thread_stop(&t);
	CHECK_EQ(mp_state(&pc->cpu[1]), KVM_MP_STATE_UNINITIALIZED);
}

/* --- HLT ------------------------------------------------------------------- */

GUEST_CODE(halt_if1, 64, "1: sti\n hlt\n cli\n incq 0x31000\n jmp 1b\n");
GUEST_CODE(halt_if0, 64, "cli\n 1: hlt\n incq 0x31000\n jmp 1b\n");

static volatile uint64_t *start_halted(struct pc *pc, struct cpu_thread *t, const uint8_t *code,
				       const uint8_t *end)
{
	machine_load(pc->m, AP_CODE, code, end);
	cpu_prepare(&pc->cpu[1]);
	apic_write(&pc->cpu[1], R_SPIV, 0x1ff);
	install_counter(pc, 0x50, false);
	cpu_goto(&pc->cpu[1], AP_CODE, 0);
	cpu_thread_start(t, &pc->cpu[1]);
	return guest_mem(pc->m, 0x31000);
}

/* Seen from outside as HALTED; goes on halting when run again. */
static void halted_state(const void *arg)
{
	struct timespec ms100 = { .tv_nsec = 100000000 };
	struct pc *pc = make(2);
	struct cpu_thread t;
	volatile uint64_t *woken = start_halted(pc, &t, halt_if1, halt_if1_end);
	int i;

	for (i = 0; i < 5; i++) {
		nanosleep(&ms100, NULL);
		cpu_thread_stop(&t);
		CHECK_EQ(mp_state(&pc->cpu[1]), KVM_MP_STATE_HALTED);
		CHECK_EQ(*woken, i);
		cpu_thread_start(&t, &pc->cpu[1]);
		apic_send(&pc->cpu[0], 1, 0x50);
		thread_wait_for(woken, i + 1);
	}
	CHECK_EQ(*count_of(pc, 0x50), 5);
	nanosleep(&ms100, NULL);
	cpu_thread_stop(&t);
	/* Declared runnable, it does not halt at this HLT any more. */
	CHECK_EQ(mp_state(&pc->cpu[1]), KVM_MP_STATE_HALTED);
	CHECK_OK(try_set_mp_state(&pc->cpu[1], KVM_MP_STATE_RUNNABLE));
	cpu_thread_start(&t, &pc->cpu[1]);
	thread_wait_for(woken, 6);
	cpu_thread_stop(&t);
}

/* With IF clear an interrupt does not wake it; an NMI does. */
static void halted_without_if(const void *arg)
{
	struct timespec ms100 = { .tv_nsec = 100000000 };
	struct pc *pc = make(2);
	struct cpu_thread t;
	volatile uint64_t *woken = start_halted(pc, &t, halt_if0, halt_if0_end);

	nanosleep(&ms100, NULL);
	apic_send(&pc->cpu[0], 1, 0x50);
	nanosleep(&ms100, NULL);
	need_if_respected(pc);
	CHECK_EQ(*woken, 0);
	apic_send(&pc->cpu[0], 1, M_NMI);
	cpu_thread_join(&t);
	CHECK_EQ(t.reason, KVM_EXIT_IO);
	CHECK_EQ(pc->cpu[1].run->io.port, PORT_EVENT);
	CHECK_EQ(*((uint8_t *)pc->cpu[1].run + pc->cpu[1].run->io.data_offset), NMI_VECTOR);
	cpu_thread_start(&t, &pc->cpu[1]);		/* IRETs from the stub */
	thread_wait_for(woken, 1);
	nanosleep(&ms100, NULL);
	cpu_thread_stop(&t);
	CHECK_EQ(*woken, 1);
	CHECK_EQ(*count_of(pc, 0x50), 0);
	CHECK_EQ(mp_state(&pc->cpu[1]), KVM_MP_STATE_HALTED);
}

/* --- KVM_SET_MP_STATE ------------------------------------------------------ */

static void set_states(const void *arg)
{
	static const uint32_t good[] = {
		KVM_MP_STATE_HALTED, KVM_MP_STATE_INIT_RECEIVED, KVM_MP_STATE_UNINITIALIZED,
		KVM_MP_STATE_RUNNABLE,
	};
	struct pc *pc = make(2);
	struct cpu *ap = &pc->cpu[1];
	int i;

	for (i = 0; i < ARRAY_LEN(good); i++) {
		CHECK_OK(try_set_mp_state(ap, good[i]));
		CHECK_EQ(mp_state(ap), good[i]);
	}
	CHECK_ERRNO(try_set_mp_state(ap, KVM_MP_STATE_STOPPED), EINVAL);
	CHECK_ERRNO(try_set_mp_state(ap, KVM_MP_STATE_SUSPENDED), EINVAL);
	CHECK_ERRNO(try_set_mp_state(ap, 0xffffffff), EINVAL);
	CHECK_EQ(mp_state(ap), KVM_MP_STATE_RUNNABLE);
	/* Put into INIT_RECEIVED by hand, a SIPI starts it. */
	CHECK_OK(try_set_mp_state(ap, KVM_MP_STATE_INIT_RECEIVED));
	apic_send(&pc->cpu[0], 1, M_SIPI | SIPI_VECTOR);
	expect_ap_start(ap);
}

/* --- many ------------------------------------------------------------------ */

static void ids_beyond_255(const void *arg)
{
	static const uint32_t ids[] = { 0, 255, 256, 1023 };
	struct pc *pc;
	int i, j;

	need_irqchip();
	if (kvm_check_cap(KVM_CAP_MAX_VCPU_ID) < 1024)
		test_skip("vCPU ids up to %d", kvm_check_cap(KVM_CAP_MAX_VCPU_ID));
	pc = pc_new_bare(CHIPS_KERNEL);
	CHECK_OK(enable_cap(pc->vm_fd, KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS |
			    KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK));
	for (i = 0; i < ARRAY_LEN(ids); i++) {
		struct cpu *c = pc_add_cpu(pc, ids[i]);

		cpu_prepare(c);
		apic_to_x2(c);
		apic_write(c, R_SPIV, 0x1ff);
		CHECK_EQ(apic_read(c, R_ID), ids[i]);
		CHECK_EQ(apic_read(c, R_LDR), (ids[i] >> 4) << 16 | 1u << (ids[i] & 15));
	}
	for (i = 0; i < ARRAY_LEN(ids); i++) {
		struct cpu *to = &pc->cpu[i];

		apic_send(&pc->cpu[3 - i], ids[i], 0x40 + i);
		CHECK_EQ(cpu_window(to), 0x40 + i);
		apic_eoi(to);
		CHECK_EQ(cpu_iret(to), CPU_DONE);
		CHECK_EQ(signal_msi(pc, ids[i], 0x60 + i), 1);
		CHECK_EQ(cpu_window(to), 0x60 + i);
		apic_eoi(to);
		CHECK_EQ(cpu_iret(to), CPU_DONE);
		/* By its place in its cluster. */
		apic_send(&pc->cpu[0], apic_read(to, R_LDR), ICR_LOGICAL | 0x80);
		for (j = 0; j < ARRAY_LEN(ids); j++)
			CHECK_EQ(cpu_window(&pc->cpu[j]), j == i ? 0x80 : CPU_DONE);
		apic_eoi(to);
		CHECK_EQ(cpu_iret(to), CPU_DONE);
	}
	apic_send(&pc->cpu[0], 0xffffffff, 0x90);
	for (j = 0; j < ARRAY_LEN(ids); j++)
		CHECK_EQ(cpu_window(&pc->cpu[j]), 0x90);
}

static void as_many_as_possible(const void *arg)
{
	struct rlimit files = { .rlim_cur = 4096, .rlim_max = 4096 };
	struct pc *pc = pc_new_bare(CHIPS_KERNEL);
	int max = kvm_check_cap(KVM_CAP_MAX_VCPUS), i, fd, last = -1;
	struct kvm_mp_state s;

	CHECK(max >= 1024, "KVM_CAP_MAX_VCPUS is %d", max);
	if (max > 1024)
		test_skip("%d vCPUs take too long", max);
	setrlimit(RLIMIT_NOFILE, &files);
	for (i = 0; i < max; i++) {
		fd = ioctl(pc->vm_fd, KVM_CREATE_VCPU, i);
		CHECK(fd >= 0, "vCPU %d: %s", i, strerror(errno));
		last = fd;
	}
	CHECK(ioctl(pc->vm_fd, KVM_CREATE_VCPU, max) < 0, "vCPU %d of %d", max, max);
	CHECK_EQ(errno, EINVAL);
	CHECK_OK(ioctl(last, KVM_GET_MP_STATE, &s));
	CHECK_EQ(s.mp_state, KVM_MP_STATE_UNINITIALIZED);
}

int main(int argc, char **argv)
{
	TEST(states);
	TEST(init_again);
	TEST(started_in_kvm_run);
	TEST(waits_uninitialized);
	TEST(halted_state);
	TEST(halted_without_if);
	TEST(set_states);
	TEST(ids_beyond_255);
	TEST(as_many_as_possible);
	return run_tests(argc, argv);
}
