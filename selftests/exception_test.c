// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions. Every vector the guest itself can raise arrives with the right error code
 * and return address; events whose delivery meets an EPT violation, MMIO, or a page
 * fault are neither lost nor delivered twice, and escalate to #DF and triple fault as
 * the SDM has it; events put in by KVM_SET_VCPU_EVENTS are delivered; the payload
 * capability shows an exception before its side effects.
 */
#include "machine.h"

GUEST_CODE(ex_de, 64, "xor %ecx, %ecx\n mov $1, %eax\n f_de: div %ecx\n hlt\n");
GUEST_CODE(ex_de2, 64, "mov $0x80, %ecx\n mov $0x8000, %eax\n f_de2: div %cl\n hlt\n");
GUEST_CODE(ex_db, 64, "pushf\n orq $0x100, (%rsp)\n popf\n nop\n f_db: nop\n hlt\n");
GUEST_CODE(ex_icebp, 64, ".byte 0xf1\n f_icebp: hlt\n");
GUEST_CODE(ex_bp, 64, "int3\n f_bp: hlt\n");
GUEST_CODE(ex_int, 64, "int $0x80\n f_int: hlt\n");
GUEST_CODE(ex_ud, 64, "nop\n f_ud: ud2\n hlt\n");
GUEST_CODE(ex_ud2, 64, "f_lock: .byte 0xf0, 0x89, 0x03\n hlt\n");
GUEST_CODE(ex_nm, 64, "mov %cr0, %rax\n or $8, %eax\n mov %rax, %cr0\n f_nm: fninit\n hlt\n");
GUEST_CODE(ex_np, 64, "mov $" S(SEL_FREE) ", %eax\n f_np: mov %eax, %ds\n hlt\n");
GUEST_CODE(ex_ss, 64, "movabs $0x800000000100, %rbp\n f_ss: mov (%rbp), %eax\n hlt\n");
GUEST_CODE(ex_gp, 64, "mov $0x9c, %eax\n f_gp: mov %rax, %cr4\n hlt\n");
GUEST_CODE(ex_gp2, 64, "mov $0xfff8, %eax\n f_gp2: mov %eax, %ds\n hlt\n");
GUEST_CODE(ex_gp3, 64, "f_gp3: int $0x81\n hlt\n");
GUEST_CODE(ex_pf, 64, "f_pf: mov %eax, 0x60000\n hlt\n");
GUEST_CODE(ex_mf, 64,
	   "fninit\n movw $0x0340, 0x30000\n fldcw 0x30000\n"
	   "fld1\n fldz\n fdivrp\n f_mf: fwait\n hlt\n");
GUEST_CODE(ex_ac, 64, "f_ac: mov 0x30001, %eax\n hlt\n");
GUEST_CODE(ex_xm, 64,
	   "mov %cr4, %rax\n or $0x400, %eax\n mov %rax, %cr4\n"
	   "movl $0x1d80, 0x30000\n ldmxcsr 0x30000\n"
	   "xorps %xmm0, %xmm0\n movl $0x3f800000, 0x30000\n movss 0x30000, %xmm1\n"
	   "f_xm: divss %xmm0, %xmm1\n hlt\n");
GUEST_LABEL(f_de);
GUEST_LABEL(f_de2);
GUEST_LABEL(f_db);
GUEST_LABEL(f_icebp);
GUEST_LABEL(f_bp);
GUEST_LABEL(f_int);
GUEST_LABEL(f_ud);
GUEST_LABEL(f_lock);
GUEST_LABEL(f_nm);
GUEST_LABEL(f_np);
GUEST_LABEL(f_ss);
GUEST_LABEL(f_gp);
GUEST_LABEL(f_gp2);
GUEST_LABEL(f_gp3);
GUEST_LABEL(f_pf);
GUEST_LABEL(f_mf);
GUEST_LABEL(f_ac);
GUEST_LABEL(f_xm);

static const struct raised {
	const char *name;
	const uint8_t *code, *at;
	int vector;
	uint32_t error;
} raised[] = {
	{ "divide_by_zero", ex_de, f_de, DE_VECTOR, 0 },
	{ "divide_overflow", ex_de2, f_de2, DE_VECTOR, 0 },
	{ "single_step", ex_db, f_db, DB_VECTOR, 0 },
	{ "icebp", ex_icebp, f_icebp, DB_VECTOR, 0 },
	{ "int3", ex_bp, f_bp, BP_VECTOR, 0 },
	{ "int_n", ex_int, f_int, 0x80, 0 },
	{ "ud2", ex_ud, f_ud, UD_VECTOR, 0 },
	{ "lock_mov", ex_ud2, f_lock, UD_VECTOR, 0 },
	{ "fpu_with_ts", ex_nm, f_nm, NM_VECTOR, 0 },
	{ "not_present_segment", ex_np, f_np, NP_VECTOR, SEL_FREE },
	{ "stack_non_canonical", ex_ss, f_ss, SS_VECTOR, 0 },
	{ "cr4_clear_pae", ex_gp, f_gp, GP_VECTOR, 0 },
	{ "selector_beyond_gdt", ex_gp2, f_gp2, GP_VECTOR, 0xfff8 },
	{ "int_without_gate", ex_gp3, f_gp3, GP_VECTOR, 0x81 * 8 + 2 },
	{ "page_fault", ex_pf, f_pf, PF_VECTOR, 2 },
	{ "x87_error", ex_mf, f_mf, MF_VECTOR, 0 },
	{ "simd_error", ex_xm, f_xm, XM_VECTOR, 0 },
};

static void from_guest(const void *arg)
{
	const struct raised *c = arg;
	struct machine *m = machine_new();
	struct event e;

	machine_load(m, G_CODE, c->code, c->code + 64);
	machine_mode(m, MODE_LONG);
	((uint64_t *)guest_mem(m, G_GDT))[SEL_FREE / 8] = 0x00cf13000000ffffULL;
	((uint64_t *)guest_mem(m, G_IDT))[2 * 0x81] = 0;
	*guest_pte(m, 0x60000) = 0;
	e = expect_event(m, c->vector);
	CHECK_EQ(e.ip, G_CODE + (c->at - c->code));
	CHECK_EQ(e.error, c->error);
	CHECK_EQ(e.cs, SEL_CODE64);
	if (c->vector == PF_VECTOR)
		CHECK_EQ(get_sregs(m).cr2, 0x60000);
	/* Faults push RF. */
	if (e.has_error || c->vector == DE_VECTOR || c->vector == UD_VECTOR)
		CHECK_EQ(e.flags & FLAG_RF, FLAG_RF);
}

/* Alignment check: ring 3, CR0.AM and EFLAGS.AC. */
static void alignment_check(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;
	struct kvm_regs r;
	struct event e;

	machine_start(m, MODE_LONG, ex_ac);
	s = get_sregs(m);
	s.cr0 |= CR0_AM;
	set_sregs(m, &s);
	machine_ring3(m);
	r = get_regs(m);
	r.rflags |= FLAG_AC;
	set_regs(m, &r);
	e = expect_event(m, AC_VECTOR);
	CHECK_EQ(e.error, 0);
	CHECK_EQ(e.ip, G_CODE);
}

/* --- events whose delivery runs into something ----------------------------- */

#define G_NEW_STACK 0x800000

/* The stack the handler gets lies in memory no EPT entry maps yet. */
static void stack_first_touch(const void *arg)
{
	struct machine *m = machine_new();
	uint8_t *stack = anon_mem(0x2000);
	struct kvm_regs r;
	struct event e;

	machine_start(m, MODE_LONG, ex_ud);
	set_slot(m, 5, 0, G_NEW_STACK, 0x2000, stack);
	r = get_regs(m);
	r.rsp = G_NEW_STACK + 0x1000;
	set_regs(m, &r);
	HERE();
	CHECK_EQ(run_vcpu(m->vcpu), KVM_EXIT_HLT);
	CHECK_EQ(get_regs(m).rip, STUB_END(UD_VECTOR));
	CHECK_EQ(get_regs(m).rsp, G_NEW_STACK + 0x1000 - 40);
	memcpy(&e.ip, stack + 0x1000 - 40, 8);
	CHECK_EQ(e.ip, G_CODE + (f_ud - ex_ud));
}

/* Interrupts from user space through a stack and IDT dropped by the host each time. */
static void injected_through_cold_memory(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_interrupt irq = { .irq = 0x60 };
	int i;

	for (i = 0; i < 20; i++) {
		struct kvm_regs r;
		struct event e;

		machine_start(m, MODE_LONG, ex_ud);
		r = get_regs(m);
		r.rflags |= FLAG_IF;
		set_regs(m, &r);
		CHECK_OK(madvise(m->low + 0x8e000, 0x1000, MADV_DONTNEED));
		CHECK_OK(madvise(m->low + G_DATA, 0x1000, MADV_DONTNEED));
		/* The IDT moves to a page that is new to the EPT. */
		memcpy(guest_mem(m, G_DATA), guest_mem(m, G_IDT), 0x1000);
		{
			struct kvm_sregs s = get_sregs(m);

			s.idt.base = G_DATA;
			set_sregs(m, &s);
		}
		CHECK_OK(ioctl(m->vcpu->fd, KVM_INTERRUPT, &irq));
		e = expect_event(m, 0x60);
		CHECK_EQ(e.ip, G_CODE);
		return_to(m, &e, e.ip);
		e = expect_event(m, UD_VECTOR);
	}
}

/* A #UD whose handler's stack page is not present in the guest: #PF, then #DF, both on it. */
static struct machine *broken_stack(bool df_has_ist)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	machine_start(m, MODE_LONG, ex_ud);
	*guest_pte(m, 0x60000) = 0;
	r = get_regs(m);
	r.rsp = 0x61000;
	set_regs(m, &r);
	if (df_has_ist) {
		*(uint64_t *)guest_mem(m, G_TSS + 36) = G_ISTACK;
		((uint64_t *)guest_mem(m, G_IDT))[2 * DF_VECTOR] |= 1ULL << 32;
	}
	return m;
}

static void double_fault(const void *arg)
{
	struct machine *m = broken_stack(true);
	struct event e = expect_event(m, DF_VECTOR);

	CHECK_EQ(e.error, 0);
	CHECK_EQ(e.sp, 0x61000);
	CHECK_EQ(get_sregs(m).cr2, 0x60ff8);
	CHECK_EQ(get_regs(m).rsp, G_ISTACK - 48);
}

static void triple_fault(const void *arg)
{
	struct machine *m = broken_stack(false);

	expect_shutdown(m);
}

/* A page fault during the delivery of an interrupt is a page fault; the interrupt waits. */
static void fault_during_interrupt(const void *arg)
{
	struct machine *m = broken_stack(true);
	struct kvm_interrupt irq = { .irq = 0x61 };
	uint64_t *idt = guest_mem(m, G_IDT);
	struct kvm_regs r = get_regs(m);
	struct event e;

	idt[2 * PF_VECTOR] |= 1ULL << 32;
	r.rflags |= FLAG_IF;
	set_regs(m, &r);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_INTERRUPT, &irq));
	e = expect_event(m, PF_VECTOR);
	CHECK_EQ(e.ip, G_CODE);
	CHECK_EQ(e.error, 2);
	CHECK_EQ(e.flags & FLAG_IF, FLAG_IF);
	CHECK_EQ(get_sregs(m).cr2, 0x60ff8);
	/* The external interrupt is gone, as its acknowledge would be on hardware. */
	*guest_pte(m, 0x60000) = 0x60000 | PTE_P | PTE_W;
	return_to(m, &e, e.ip);
	expect_event(m, UD_VECTOR);
}

/* KVM_RUN ends instead of delivering an exception for ever. */
static void expect_no_delivery(struct machine *m)
{
	int reason;

	HERE();
	reason = run_vcpu(m->vcpu);
	CHECK(reason == KVM_EXIT_INTERNAL_ERROR || reason == KVM_EXIT_SHUTDOWN, "%s",
	      exit_name(reason));
	if (reason == KVM_EXIT_INTERNAL_ERROR)
		CHECK(m->run->internal.suberror == KVM_INTERNAL_ERROR_DELIVERY_EV ||
		      m->run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION,
		      "suberror %u", m->run->internal.suberror);
}

/* The IDT lies where no memory is: delivery cannot be done, and it is no silent loop. */
static void idt_in_mmio(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;

	machine_start(m, MODE_LONG, ex_ud);
	s = get_sregs(m);
	s.idt.base = G_MMIO;
	set_sregs(m, &s);
	expect_no_delivery(m);
}

/* The same with the stack. */
static void stack_in_mmio(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	machine_start(m, MODE_LONG, ex_ud);
	r = get_regs(m);
	r.rsp = G_MMIO + 0x1000;
	set_regs(m, &r);
	expect_no_delivery(m);
}

/* A zero-limit IDT: any exception is a triple fault. */
static void empty_idt(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;

	machine_start(m, MODE_LONG, ex_ud);
	s = get_sregs(m);
	s.idt.limit = 0;
	set_sregs(m, &s);
	expect_shutdown(m);
	/* After the shutdown user space still reads the state before the fault. */
	CHECK_EQ(get_regs(m).rip, G_CODE + 1);
}

/* A software interrupt whose delivery is interrupted by an EPT violation is repeated. */
static void soft_interrupt_first_touch(const void *arg)
{
	static const struct { const uint8_t *code; int vector; uint64_t ip; } c[] = {
		{ ex_int, 0x80, 2 }, { ex_bp, BP_VECTOR, 1 }, { ex_icebp, DB_VECTOR, 1 },
	};
	int i;

	for (i = 0; i < ARRAY_LEN(c); i++) {
		struct machine *m = machine_new();
		uint8_t *stack = anon_mem(0x2000);
		struct kvm_regs r;
		uint64_t ip;

		machine_load(m, G_CODE, c[i].code, c[i].code + 8);
		machine_mode(m, MODE_LONG);
		set_slot(m, 5, 0, G_NEW_STACK, 0x2000, stack);
		r = get_regs(m);
		r.rsp = G_NEW_STACK + 0x1000;
		set_regs(m, &r);
		HERE();
		CHECK_EQ(run_vcpu(m->vcpu), KVM_EXIT_HLT);
		CHECK_EQ(get_regs(m).rip, STUB_END(c[i].vector));
		memcpy(&ip, stack + 0x1000 - 40, 8);
		CHECK_EQ(ip, G_CODE + c[i].ip);
		machine_free(m);
	}
}

/* --- events set by user space ---------------------------------------------- */

static void set_events(struct machine *m, const struct kvm_vcpu_events *ev)
{
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_VCPU_EVENTS, ev));
}

GUEST_CODE(nops, 64, "nop\n nop\n hlt\n");

static void injected_exception(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_vcpu_events ev = { 0 };
	struct event e;

	machine_start(m, MODE_LONG, nops);
	ev.exception.injected = 1;
	ev.exception.nr = GP_VECTOR;
	ev.exception.has_error_code = 1;
	ev.exception.error_code = 0x1238;
	set_events(m, &ev);
	memset(&ev, 0, sizeof(ev));
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	CHECK_EQ(ev.exception.injected, 1);
	CHECK_EQ(ev.exception.nr, GP_VECTOR);
	CHECK_EQ(ev.exception.error_code, 0x1238);
	e = expect_event(m, GP_VECTOR);
	CHECK_EQ(e.error, 0x1238);
	CHECK_EQ(e.ip, G_CODE);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	CHECK_EQ(ev.exception.injected, 0);
}

static void injected_nmi(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_vcpu_events ev = { 0 };

	machine_start(m, MODE_LONG, nops);
	ev.nmi.masked = 1;
	set_events(m, &ev);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	CHECK_EQ(ev.nmi.masked, 1);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_NMI, NULL));
	expect_hlt(m);				/* masked: it waits */
	memset(&ev, 0, sizeof(ev));
	ev.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	ev.nmi.pending = 1;
	machine_start(m, MODE_LONG, nops);
	set_events(m, &ev);
	expect_event(m, NMI_VECTOR);
}

static void bad_events(const void *arg)
{
	static const struct { size_t at; uint8_t value; } bad[] = {
		{ offsetof(struct kvm_vcpu_events, exception.nr), 32 },
		{ offsetof(struct kvm_vcpu_events, exception.nr), NMI_VECTOR },
	};
	struct machine *m = machine_new();
	struct kvm_vcpu_events ev, before, after;
	int i;

	machine_start(m, MODE_LONG, nops);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &before));
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		memset(&ev, 0, sizeof(ev));
		ev.exception.injected = 1;
		((uint8_t *)&ev)[bad[i].at] = bad[i].value;
		CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_VCPU_EVENTS, &ev), EINVAL);
	}
	memset(&ev, 0, sizeof(ev));
	ev.flags = 1U << 31;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_VCPU_EVENTS, &ev), EINVAL);
	/* Not without the capabilities that give these fields a meaning. */
	ev.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_VCPU_EVENTS, &ev), EINVAL);
	ev.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_VCPU_EVENTS, &ev), EINVAL);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_VCPU_EVENTS, NULL), EFAULT);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, NULL), EFAULT);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &after));
	CHECK(!memcmp(&before, &after, sizeof(before)), "a refused call changed events");
	expect_hlt(m);
}

/* With the payload capability, a pending #PF carries CR2 beside it, not in it. */
static void payload(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_vcpu_events ev = { 0 };
	struct kvm_sregs s;
	struct event e;

	if (vm_check_cap(m->vm, KVM_CAP_EXCEPTION_PAYLOAD) <= 0)
		test_skip("KVM_CAP_EXCEPTION_PAYLOAD is not offered");
	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_EXCEPTION_PAYLOAD, 1));
	machine_start(m, MODE_LONG, nops);
	s = get_sregs(m);
	s.cr2 = 0x1111;
	set_sregs(m, &s);
	ev.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	ev.exception.pending = 1;
	ev.exception.nr = PF_VECTOR;
	ev.exception.has_error_code = 1;
	ev.exception.error_code = 2;
	ev.exception_has_payload = 1;
	ev.exception_payload = 0xabc123;
	set_events(m, &ev);
	CHECK_EQ(get_sregs(m).cr2, 0x1111);
	memset(&ev, 0, sizeof(ev));
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	CHECK(ev.flags & KVM_VCPUEVENT_VALID_PAYLOAD, "payload not reported");
	CHECK_EQ(ev.exception.pending, 1);
	CHECK_EQ(ev.exception.injected, 0);
	CHECK_EQ(ev.exception_has_payload, 1);
	CHECK_EQ(ev.exception_payload, 0xabc123);
	e = expect_event(m, PF_VECTOR);
	CHECK_EQ(e.error, 2);
	CHECK_EQ(get_sregs(m).cr2, 0xabc123);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(raised); i++)
		add_test(from_guest, &raised[i], "raised_%s", raised[i].name);
	TEST(alignment_check);
	TEST(stack_first_touch);
	TEST(injected_through_cold_memory);
	TEST(double_fault);
	TEST(triple_fault);
	TEST(fault_during_interrupt);
	TEST(idt_in_mmio);
	TEST(stack_in_mmio);
	TEST(empty_idt);
	TEST(soft_interrupt_first_touch);
	TEST(injected_exception);
	TEST(injected_nmi);
	TEST(bad_events);
	TEST(payload);
	return run_tests(argc, argv);
}
