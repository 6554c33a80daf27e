// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debugging a guest from outside, register access through kvm_run, and address
 * translation: KVM_SET_GUEST_DEBUG (single step, software and hardware breakpoints,
 * watchpoints), kvm_valid_regs and kvm_dirty_regs, KVM_TRANSLATE in every paging mode.
 */
#include "machine.h"

GUEST_CODE(steps, 64,
	   "xor %eax, %eax\n"			/* 0 */
	   "inc %eax\n"				/* 2 */
	   "cpuid\n"				/* 4: leaves the guest */
	   "out %al, $0x10\n"			/* 6: leaves to user space */
	   "mov %eax, 0x30000\n"		/* 8 */
	   "step_end: hlt\n");
GUEST_LABEL(step_end);

static void set_debug(struct machine *m, uint32_t control)
{
	struct kvm_guest_debug d = { .control = control };

	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_GUEST_DEBUG, &d));
}

/* Each instruction once, those that exit included. */
static void single_step(const void *arg)
{
	static const uint8_t stops[] = { 2, 4, 6, 8, 15 };
	struct machine *m = machine_new();
	int i;

	machine_start(m, MODE_LONG, steps);
	set_debug(m, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP);
	for (i = 0; i < ARRAY_LEN(stops); i++) {
		HERE();
		if (run_vcpu(m->vcpu) == KVM_EXIT_IO)
			run_vcpu(m->vcpu);
		CHECK(m->run->exit_reason == KVM_EXIT_DEBUG, "stop %d: %s", i,
		      exit_name(m->run->exit_reason));
		/* A single step is a trap: the exit's RIP is behind the instruction. */
		if (!i && get_regs(m).rip == G_CODE)
			test_skip("the CPU reports a step with the RIP before it (Bochs 2.7)");
		CHECK_EQ(get_regs(m).rip, G_CODE + stops[i]);
		CHECK_EQ(m->run->debug.arch.pc, G_CODE + stops[i]);
		CHECK_EQ(m->run->debug.arch.exception, DB_VECTOR);
		CHECK_EQ(m->run->debug.arch.dr6 & 1 << 14, 1 << 14);
		/* The guest's flags do not show it. */
		CHECK_EQ(get_regs(m).rflags & FLAG_TF, 0);
	}
	set_debug(m, 0);
	expect_hlt(m);
}

GUEST_CODE(sti_out, 64, "sti\n out %al, $0x10\n nop\n nop\n");
GUEST_CODE(nops, 64, "nop\n nop\n nop\n");

static void set_tf(struct machine *m)
{
	struct kvm_regs r = get_regs(m);

	r.rflags |= FLAG_TF;
	set_regs(m, &r);
}

/* User space sets TF where the shadow of STI has just ended. */
static void trap_after_shadow(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, sti_out);
	expect_exit(m, KVM_EXIT_IO);
	complete_exit(m->vcpu);
	set_tf(m);
	CHECK_EQ(expect_event(m, DB_VECTOR).ip, G_CODE + 1 + 2 + 1);
}

/* A shadow that user space sets, with TF before or after it: the CPU takes both. */
static void trap_in_shadow(const void *arg)
{
	struct kvm_vcpu_events e;
	struct machine *m;
	int tf_first;

	for (tf_first = 0; tf_first < 2; tf_first++) {
		m = machine_new();
		machine_start(m, MODE_LONG, nops);
		if (tf_first)
			set_tf(m);
		vcpu_events_get(m->vcpu, &e);
		e.flags = KVM_VCPUEVENT_VALID_SHADOW;
		e.interrupt.shadow = KVM_X86_SHADOW_INT_MOV_SS;
		vcpu_events_set(m->vcpu, &e);
		if (!tf_first)
			set_tf(m);
		CHECK_EQ(expect_event(m, DB_VECTOR).ip, G_CODE + 1);
		machine_free(m);
	}
}

GUEST_CODE(int3_code, 64, "nop\n int3\n after_int3: hlt\n");
GUEST_LABEL(after_int3);

static void software_breakpoint(const void *arg)
{
	struct machine *m = machine_new();
	struct event e;

	machine_start(m, MODE_LONG, int3_code);
	set_debug(m, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP);
	expect_exit(m, KVM_EXIT_DEBUG);
	CHECK_EQ(m->run->debug.arch.exception, BP_VECTOR);
	CHECK_EQ(m->run->debug.arch.pc, G_CODE + 1);
	CHECK_EQ(get_regs(m).rip, G_CODE + 1);
	/* Switched off, the instruction is the guest's own. */
	set_debug(m, 0);
	e = expect_event(m, BP_VECTOR);
	CHECK_EQ(e.ip, G_CODE + (after_int3 - int3_code));
}

static void hardware_breakpoint(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_guest_debug d = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
	};
	struct kvm_debugregs regs;

	machine_start(m, MODE_LONG, steps);
	d.arch.debugreg[0] = G_CODE + 4;
	d.arch.debugreg[7] = 0x402;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_GUEST_DEBUG, &d));
	expect_exit(m, KVM_EXIT_DEBUG);
	CHECK_EQ(m->run->debug.arch.exception, DB_VECTOR);
	CHECK_EQ(m->run->debug.arch.pc, G_CODE + 4);
	CHECK_EQ(m->run->debug.arch.dr6 & 0xf, 1);
	/* The guest's own debug registers are not touched. */
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_DEBUGREGS, &regs));
	CHECK_EQ(regs.db[0], 0);
	CHECK_EQ(regs.dr7, 0x400);
	set_debug(m, 0);
	expect_exit(m, KVM_EXIT_IO);
}

static void watchpoint(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_guest_debug d = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
	};

	machine_start(m, MODE_LONG, steps);
	d.arch.debugreg[1] = 0x30000;
	d.arch.debugreg[7] = 0x400 | 8 | 0xdULL << 20;	/* 4 bytes, writes */
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_GUEST_DEBUG, &d));
	expect_exit(m, KVM_EXIT_IO);
	expect_exit(m, KVM_EXIT_DEBUG);
	CHECK_EQ(m->run->debug.arch.dr6 & 0xf, 2);
	CHECK_EQ(m->run->debug.arch.pc, G_CODE + (step_end - steps));
	set_debug(m, 0);
	expect_hlt(m);
}

GUEST_CODE(reads_dr0, 64, "mov %dr0, %rax\n hlt\n");

/* DR7.GD of the debugger: each MOV to or from a debug register exits before it is executed. */
static void general_detect(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_guest_debug d = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
		.arch.debugreg[7] = 0x400 | 1 << 13,
	};

	machine_start(m, MODE_LONG, reads_dr0);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_GUEST_DEBUG, &d));
	expect_exit(m, KVM_EXIT_DEBUG);
	CHECK_EQ(m->run->debug.arch.exception, DB_VECTOR);
	CHECK_EQ(m->run->debug.arch.pc, G_CODE);
	CHECK_EQ(m->run->debug.arch.dr6, 0xffff0ff0 | 1 << 13);
	set_debug(m, 0);
	expect_hlt(m);
}

GUEST_CODE(outs, 64, "1: out %al, $0x10\n jmp 1b\n");

/* KVM_GUESTDBG_BLOCKIRQ holds interrupts back while the guest runs. */
static void events_blocked(const void *arg)
{
	struct machine *m = machine_new();
	int i;

	if (!(vm_check_cap(m->vm, KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ))
		test_skip("KVM_GUESTDBG_BLOCKIRQ is not offered");
	machine_start(m, MODE_LONG, outs);
	set_debug(m, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_BLOCKIRQ);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_NMI, NULL));
	for (i = 0; i < 3; i++)
		expect_out(m, 0x10, 1, 0);
	set_debug(m, 0);
	expect_event(m, NMI_VECTOR);
}

/* Exceptions put in by the debugger. */
static void injected(const void *arg)
{
	struct machine *m = machine_new();
	struct event e;

	machine_start(m, MODE_LONG, steps);
	set_debug(m, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB);
	expect_event(m, DB_VECTOR);
	/* A debugger injects #BP for an INT3 that it did not set itself. */
	machine_start(m, MODE_LONG, int3_code);
	set_debug(m, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP);
	expect_exit(m, KVM_EXIT_DEBUG);
	set_debug(m, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_INJECT_BP);
	e = expect_event(m, BP_VECTOR);
	CHECK_EQ(e.ip, G_CODE + (after_int3 - int3_code));
}

static void debug_errors(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, steps);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_GUEST_DEBUG, NULL), EFAULT);
	/* Not while an exception is on its way. */
	{
		struct kvm_vcpu_events ev = { .exception.injected = 1,
					      .exception.nr = UD_VECTOR };
		struct kvm_guest_debug d = {
			.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB,
		};

		CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_VCPU_EVENTS, &ev));
		ev.exception.injected = 0;
		ev.exception.pending = 1;
		if (ioctl(m->vcpu->fd, KVM_SET_GUEST_DEBUG, &d) < 0)
			CHECK_EQ(errno, EBUSY);
	}
}

/* --- kvm_run.s.regs -------------------------------------------------------- */

#define ALL_SYNC (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)

GUEST_CODE(sync_code, 64, "1: inc %rbx\n out %al, $0x10\n jmp 1b\n");

static void sync_regs(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs r;
	struct kvm_sregs s;

	if ((vm_check_cap(m->vm, KVM_CAP_SYNC_REGS) & ALL_SYNC) != ALL_SYNC)
		test_skip("KVM_CAP_SYNC_REGS does not offer all three sets");
	machine_start(m, MODE_LONG, sync_code);
	m->run->kvm_valid_regs = ALL_SYNC;
	expect_out(m, 0x10, 1, 0);
	r = get_regs(m);
	s = get_sregs(m);
	CHECK(!memcmp(&r, &m->run->s.regs.regs, sizeof(r)), "REGS differ");
	CHECK(!memcmp(&s, &m->run->s.regs.sregs, sizeof(s)), "SREGS differ");
	CHECK_EQ(r.rbx, 1);
	/* Only what is marked dirty is taken in. */
	m->run->s.regs.regs.rbx = 100;
	expect_out(m, 0x10, 1, 0);
	CHECK_EQ(m->run->s.regs.regs.rbx, 2);
	m->run->s.regs.regs.rbx = 100;
	m->run->s.regs.sregs.cr2 = 0x1234;
	m->run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	expect_out(m, 0x10, 1, 0);
	CHECK_EQ(m->run->kvm_dirty_regs, 0);
	CHECK_EQ(m->run->s.regs.regs.rbx, 101);
	CHECK_EQ(get_sregs(m).cr2, 0x1234);
	/* kvm_valid_regs is 0: KVM_RUN does not write to kvm_run.s. */
	m->run->kvm_valid_regs = 0;
	m->run->s.regs.regs.rbx = 0xdead;
	expect_out(m, 0x10, 1, 0);
	CHECK_EQ(m->run->s.regs.regs.rbx, 0xdead);
	CHECK_EQ(get_regs(m).rbx, 102);
}

static void sync_regs_errors(const void *arg)
{
	struct machine *m = machine_new();

	if ((vm_check_cap(m->vm, KVM_CAP_SYNC_REGS) & ALL_SYNC) != ALL_SYNC)
		test_skip("KVM_CAP_SYNC_REGS does not offer all three sets");
	machine_start(m, MODE_LONG, sync_code);
	m->run->kvm_valid_regs = 1 << 30;
	CHECK_EQ(try_run(m->vcpu), EINVAL);
	m->run->kvm_valid_regs = 0;
	m->run->kvm_dirty_regs = 1 << 30;
	CHECK_EQ(try_run(m->vcpu), EINVAL);
	m->run->kvm_dirty_regs = 0;
	CHECK_EQ(get_regs(m).rip, G_CODE);
	/* Bad contents are refused like by KVM_SET_SREGS. */
	m->run->s.regs.sregs = get_sregs(m);
	m->run->s.regs.sregs.cr4 |= 1ULL << 30;
	m->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	CHECK_EQ(try_run(m->vcpu), EINVAL);
	m->run->kvm_dirty_regs = 0;
	expect_out(m, 0x10, 1, 0);
}

/* --- KVM_TRANSLATE --------------------------------------------------------- */

static void check_translate(struct machine *m, uint64_t va, bool valid, uint64_t pa)
{
	struct kvm_translation t = { .linear_address = va };

	CHECK_OK(ioctl(m->vcpu->fd, KVM_TRANSLATE, &t));
	if (!!t.valid != valid || (valid && t.physical_address != pa))
		test_fail(here_file, here_line, "0x%llx: valid %d, 0x%llx",
			  (unsigned long long)va, t.valid, t.physical_address);
}

#define check_translate(m, v, ok, p) (HERE(), check_translate(m, v, ok, p))

static void translate_no_paging(const void *arg)
{
	struct machine *m = machine_new();

	machine_mode(m, MODE_PROT32);
	check_translate(m, 0x12345, true, 0x12345);
	check_translate(m, 0xdeadbeef, true, 0xdeadbeef);
}

static void translate_long(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t flags = PTE_P | PTE_W | PTE_U, *pt;

	machine_mode(m, MODE_LONG);
	pt = guest_mem(m, G_PT);
	*guest_pte(m, 0x30000) = 0x7654000 | flags;
	*guest_pte(m, 0x31000) = 0;
	((uint64_t *)guest_mem(m, G_PDPT))[8] = 0x40000000 | flags | PTE_PS;
	check_translate(m, 0x30123, true, 0x7654123);
	check_translate(m, 0x31123, false, 0);
	check_translate(m, 0x30123456, true, 0x30123456);	/* 2 MiB */
	if (cpu_has(m, X86_FEATURE_GBPAGES))
		check_translate(m, 0x212345678, true, 0x52345678);
	check_translate(m, 0x8000000000, false, 0);
	/* Asking is no write. */
	CHECK_EQ(pt[0x30] & PTE_D, 0);
}

static void translate_pae(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *pdpt, *pd;
	struct kvm_sregs s;

	machine_mode(m, MODE_PROT32);
	pdpt = guest_mem(m, 0x40000);
	pd = guest_mem(m, 0x41000);
	pdpt[3] = 0x41001;
	pd[0] = 0x600083;
	pd[1] = 0x42003;
	((uint64_t *)guest_mem(m, 0x42000))[5] = 0x123456003;
	s = get_sregs(m);
	s.cr3 = 0x40000;
	s.cr4 |= X86_CR4_PAE;
	s.cr0 |= CR0_PG;
	set_sregs(m, &s);
	check_translate(m, 0xc0012345, true, 0x612345);
	check_translate(m, 0xc0205678, true, 0x123456678);
	check_translate(m, 0xc0206678, false, 0);
	check_translate(m, 0x1000, false, 0);
}

static void translate_two_level(const void *arg)
{
	struct machine *m = machine_new();
	uint32_t *pd;
	struct kvm_sregs s;

	machine_mode(m, MODE_PROT32);
	pd = guest_mem(m, 0x40000);
	pd[0x300] = 0x00c00083;
	pd[0x301] = 0x41003;
	((uint32_t *)guest_mem(m, 0x41000))[7] = 0x777003;
	s = get_sregs(m);
	s.cr3 = 0x40000;
	s.cr4 |= X86_CR4_PSE;
	s.cr0 |= CR0_PG;
	set_sregs(m, &s);
	check_translate(m, 0xc0212345, true, 0xe12345);
	check_translate(m, 0xc0407abc, true, 0x777abc);
	check_translate(m, 0xc0408abc, false, 0);
	check_translate(m, 0, false, 0);
}

static void translate_errors(const void *arg)
{
	struct machine *m = machine_new();

	machine_mode(m, MODE_LONG);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_TRANSLATE, NULL), EFAULT);
}

int main(int argc, char **argv)
{
	TEST(single_step);
	TEST(trap_after_shadow);
	TEST(trap_in_shadow);
	TEST(software_breakpoint);
	TEST(hardware_breakpoint);
	TEST(watchpoint);
	TEST(general_detect);
	TEST(events_blocked);
	TEST(injected);
	TEST(debug_errors);
	TEST(sync_regs);
	TEST(sync_regs_errors);
	TEST(translate_no_paging);
	TEST(translate_long);
	TEST(translate_pae);
	TEST(translate_two_level);
	TEST(translate_errors);
	return run_tests(argc, argv);
}
