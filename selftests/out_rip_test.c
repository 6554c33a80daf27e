// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where RIP is while user space has the access of an IN or an OUT: on the instruction, which the
 * next KVM_RUN completes unless user space has moved the vCPU. An OUT to port 7Eh is over before
 * its exit as long as KVM_X86_QUIRK_OUT_7E_INC_RIP is on, and string instructions, which are
 * emulated, are when they write.
 */
#include "machine.h"

GUEST_CODE(out_imm, 64, "sti\n out_imm_at: out %al, $0x10\n out_imm_next: hlt\n");
GUEST_LABEL(out_imm_at);
GUEST_LABEL(out_imm_next);
GUEST_CODE(out_dx, 64, "mov $0x10, %dx\n out_dx_at: out %eax, %dx\n out_dx_next: hlt\n");
GUEST_LABEL(out_dx_at);
GUEST_LABEL(out_dx_next);
GUEST_CODE(out_7e, 64, "nop\n out_7e_at: out %al, $0x7e\n out_7e_next: hlt\n");
GUEST_LABEL(out_7e_at);
GUEST_LABEL(out_7e_next);
GUEST_CODE(out_7e_dx, 64, "mov $0x7e, %dx\n out_7e_dx_at: out %ax, %dx\n out_7e_dx_next: hlt\n");
GUEST_LABEL(out_7e_dx_at);
GUEST_LABEL(out_7e_dx_next);
GUEST_CODE(in_7e, 64, "nop\n in_7e_at: in $0x7e, %al\n in_7e_next: hlt\n");
GUEST_LABEL(in_7e_at);
GUEST_LABEL(in_7e_next);
GUEST_CODE(outs, 64, "mov $0x7e, %dx\n mov $" S(G_DATA) ", %esi\n"
	   "outs_at: outsb\n outs_next: hlt\n");
GUEST_LABEL(outs_at);
GUEST_LABEL(outs_next);
GUEST_CODE(ins, 64, "mov $0x10, %dx\n mov $" S(G_DATA) ", %edi\n"
	   "ins_at: insb\n ins_next: hlt\n");
GUEST_LABEL(ins_at);
GUEST_LABEL(ins_next);

enum behind { NEVER, QUIRK, ALWAYS };

static const struct access {
	const char *name;
	const uint8_t *code, *end, *at, *next;
	uint16_t port;
	enum behind behind;	/* when RIP is behind the instruction at the exit */
} accesses[] = {
#define ACCESS(name, port, behind) \
	{ #name, name, name##_end, name##_at, name##_next, port, behind }
	ACCESS(out_imm, 0x10, NEVER),
	ACCESS(out_dx, 0x10, NEVER),
	ACCESS(out_7e, 0x7e, QUIRK),
	ACCESS(out_7e_dx, 0x7e, QUIRK),
	ACCESS(in_7e, 0x7e, NEVER),
	ACCESS(outs, 0x7e, ALWAYS),
	ACCESS(ins, 0x10, NEVER),
};

#define ELSEWHERE	(G_CODE + 0x200)

static void turn_off(struct machine *m, uint64_t quirks)
{
	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_DISABLE_QUIRKS2, quirks));
}

/* In long mode, with HLT at ELSEWHERE. */
static struct machine *ready(const struct access *a)
{
	struct machine *m = machine_new();

	machine_load(m, G_CODE, a->code, a->end);
	machine_mode(m, MODE_LONG);
	memset(guest_mem(m, ELSEWHERE), 0xf4, 16);
	m->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	return m;
}

static struct machine *at_access(const struct access *a)
{
	struct machine *m = ready(a);

	expect_exit(m, KVM_EXIT_IO);
	CHECK_EQ(m->run->io.port, a->port);
	return m;
}

static uint64_t gpa_of(const struct access *a, const uint8_t *label)
{
	return G_CODE + (label - a->code);
}

static void check_rip(struct machine *m, uint64_t rip)
{
	CHECK_EQ(get_regs(m).rip, rip);
	CHECK_EQ(m->run->s.regs.regs.rip, rip);
}

/* KVM_GET_REGS and kvm_run agree, at the exit and after immediate_exit. */
static void shown(const void *arg)
{
	const struct access *a = arg;
	struct machine *m;
	int off;

	for (off = 0; off < 2; off++) {
		bool behind = a->behind == ALWAYS || (a->behind == QUIRK && !off);

		m = ready(a);
		if (off)
			turn_off(m, KVM_X86_QUIRK_OUT_7E_INC_RIP);
		expect_exit(m, KVM_EXIT_IO);
		check_rip(m, gpa_of(a, behind ? a->next : a->at));
		complete_exit(m->vcpu);
		check_rip(m, gpa_of(a, a->next));
		/* Completed once, and not again. */
		complete_exit(m->vcpu);
		check_rip(m, gpa_of(a, a->next));
		expect_hlt(m);
		CHECK_EQ(get_regs(m).rip, gpa_of(a, a->next) + 1);
		machine_free(m);
	}
}

/* Other state that user space sets does not end the access; the STI shadow ends with the OUT. */
static void rip_set_to_itself(const void *arg)
{
	struct machine *m = at_access(&accesses[0]);
	struct kvm_vcpu_events events;
	struct kvm_regs r = get_regs(m);
	struct kvm_sregs s = get_sregs(m);

	vcpu_events_get(m->vcpu, &events);
	CHECK(events.interrupt.shadow, "the shadow of STI is over before its instruction");
	r.rbx = 0x1234;
	set_regs(m, &r);
	set_sregs(m, &s);
	complete_exit(m->vcpu);
	r = get_regs(m);
	CHECK_EQ(r.rip, gpa_of(&accesses[0], out_imm_next));
	CHECK_EQ(r.rbx, 0x1234);
	vcpu_events_get(m->vcpu, &events);
	CHECK_EQ(events.interrupt.shadow, 0);
	expect_hlt(m);
}

/* If user space has moved RIP, the next KVM_RUN adds no instruction length to it. */
static void rip_moved(const void *arg)
{
	const struct access *a = &accesses[0];
	const uint64_t to[] = { ELSEWHERE, gpa_of(a, a->next), gpa_of(a, a->at) + 1 };
	struct kvm_regs r;
	struct machine *m;
	int i;

	for (i = 0; i < ARRAY_LEN(to); i++) {
		m = at_access(a);
		r = get_regs(m);
		r.rip = to[i];
		set_regs(m, &r);
		complete_exit(m->vcpu);
		check_rip(m, to[i]);
		machine_free(m);
	}
	m = at_access(a);
	m->run->s.regs.regs.rip = ELSEWHERE;
	m->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rip, ELSEWHERE + 1);
}

/* Whether the vCPU was moved is told by the linear address, CS.base + RIP. */
static void code_segment_moved(const void *arg)
{
	const struct access *a = &accesses[1];
	struct machine *m = at_access(a);
	struct kvm_sregs s = get_sregs(m);
	struct kvm_regs r;

	s.cs = make_segment(SEL_CODE32, 0x100, ~0U, ACC_CODE32);
	set_sregs(m, &s);
	complete_exit(m->vcpu);
	CHECK_EQ(get_regs(m).rip, gpa_of(a, a->at));
	machine_free(m);

	m = at_access(a);
	set_sregs(m, &s);
	r = get_regs(m);
	r.rip -= 0x100;
	set_regs(m, &r);
	complete_exit(m->vcpu);
	CHECK_EQ(get_regs(m).rip, gpa_of(a, a->next) - 0x100);
}

/* Away and back again: the access is still the same one. */
static void rip_moved_back(const void *arg)
{
	const struct access *a = &accesses[0];
	struct machine *m = at_access(a);
	struct kvm_regs r = get_regs(m);
	uint64_t rip = r.rip;

	r.rip = ELSEWHERE;
	set_regs(m, &r);
	r.rip = rip;
	set_regs(m, &r);
	complete_exit(m->vcpu);
	check_rip(m, gpa_of(a, a->next));
}

/* INIT reaches a vCPU that user space asks for its state. */
static void init_moves(const void *arg)
{
	const struct access *a = &accesses[0];
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct machine *m = machine_new_novcpu();
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 5 << 8 | 1 << 14 };

	CHECK_OK(ioctl(m->vm->fd, KVM_CREATE_IRQCHIP, NULL));
	machine_add_vcpu(m, kvm_get_supported_cpuid());
	machine_load(m, G_CODE, a->code, a->end);
	machine_mode(m, MODE_LONG);
	expect_exit(m, KVM_EXIT_IO);
	if (!CHECK_OK(ioctl(m->vm->fd, KVM_SIGNAL_MSI, &msi)))
		test_skip("a message that is an INIT is not delivered");
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_MP_STATE, &mp));
	CHECK_EQ(get_regs(m).rip, 0xfff0);
	complete_exit(m->vcpu);
	CHECK_EQ(get_regs(m).rip, 0xfff0);
}

/* Code, stack and tables are there: Bochs 2.7 keeps a step pending from an EPT violation. */
static struct machine *warm(const struct access *a)
{
	struct machine *m = ready(a);
	struct kvm_regs r = get_regs(m), trap = r;

	*(uint8_t *)guest_mem(m, ELSEWHERE) = 0xcc;
	trap.rip = ELSEWHERE;
	set_regs(m, &trap);
	expect_event(m, BP_VECTOR);
	set_regs(m, &r);
	return m;
}

/* TF: the #DB comes when the OUT is over, for port 7Eh before the exit to user space. */
static void single_step_flag(const void *arg)
{
	static const int which[] = { 0, 2 };
	struct machine *m;
	struct kvm_regs r;
	struct event e;
	int i;

	for (i = 0; i < ARRAY_LEN(which); i++) {
		const struct access *a = &accesses[which[i]];

		m = warm(a);
		r = get_regs(m);
		r.rip = gpa_of(a, a->at);
		r.rflags |= FLAG_TF;
		set_regs(m, &r);
		expect_exit(m, KVM_EXIT_IO);
		e = expect_event(m, DB_VECTOR);
		CHECK_EQ(e.ip, gpa_of(a, a->next));
		machine_free(m);
	}
}

/* A debugger's step is told after the write, which is not lost. */
static void single_step_debugger(const void *arg)
{
	struct kvm_guest_debug d = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
	};
	struct machine *m;
	struct kvm_regs r;
	int i;

	for (i = 0; i < 4; i++) {
		const struct access *a = &accesses[i];

		m = warm(a);
		r = get_regs(m);
		r.rip = gpa_of(a, a->at);
		r.rdx = a->port;
		set_regs(m, &r);
		CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_GUEST_DEBUG, &d));
		run_vcpu(m->vcpu);
		if (a->behind == QUIRK && m->run->exit_reason == KVM_EXIT_DEBUG)
			test_skip("the step of an OUT to port 7Eh takes the place of its write");
		CHECK_EQ(m->run->exit_reason, KVM_EXIT_IO);
		CHECK_EQ(get_regs(m).rip, gpa_of(a, a->behind == QUIRK ? a->next : a->at));
		expect_exit(m, KVM_EXIT_DEBUG);
		CHECK_EQ(m->run->debug.arch.pc, gpa_of(a, a->next));
		CHECK_EQ(m->run->debug.arch.exception, DB_VECTOR);
		machine_free(m);
	}
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(accesses); i++)
		add_test(shown, &accesses[i], "shown_%s", accesses[i].name);
	TEST(rip_set_to_itself);
	TEST(rip_moved);
	TEST(code_segment_moved);
	TEST(rip_moved_back);
	TEST(init_moves);
	TEST(single_step_flag);
	TEST(single_step_debugger);
	return run_tests(argc, argv);
}
