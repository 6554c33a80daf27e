// SPDX-License-Identifier: GPL-2.0-only
/*
 * The forced-emulation prefix: with the module parameter force_emulation_prefix, UD2
 * and the letters "kvm" send the instruction behind them to the emulator, in every
 * mode and ring and across pages; without the parameter or without all five bytes
 * #UD is #UD. That an instruction was emulated is seen from one that the CPU knows and
 * the emulator does not: it becomes #UD.
 */
#include "fep.h"
#include "machine.h"

/* AESENC %xmm1, %xmm0; the same bytes in every mode. */
#define AESENC ".byte 0x66, 0x0f, 0x38, 0xdc, 0xc1\n"
#define FEATURE_AES KVM_X86_CPU_FEATURE(0x1, 0, ECX, 25)
#define CR4_OSFXSR 0x200UL

GUEST_CODE(aes16, 16, FEP AESENC);
GUEST_CODE(aes32, 32, FEP AESENC);
GUEST_CODE(aes64, 64, FEP AESENC);
GUEST_CODE(add16, 16, FEP "add $5, %eax\n inc %ebx\n");
GUEST_CODE(add32, 32, FEP "add $5, %eax\n inc %ebx\n");
GUEST_CODE(add64, 64, FEP "add $5, %rax\n inc %rbx\n");
GUEST_CODE(jump64, 64, FEP "jmp 1f\n inc %rbx\n 1: inc %rcx\n");
GUEST_CODE(load64, 64, FEP "mov 0x60000, %rax\n");
GUEST_CODE(twice64, 64, FEP FEP "nop\n");
GUEST_CODE(mov_ss32, 32, FEP "mov %eax, %ss\n nop\n nop\n");
GUEST_CODE(mov_ss64, 64, FEP "mov %eax, %ss\n nop\n nop\n");
GUEST_CODE(mov_ss_both64, 64, FEP "mov %eax, %ss\n" FEP "nop\n nop\n");
GUEST_CODE(mov_ss_cpuid64, 64, FEP "mov %eax, %ss\n cpuid\n nop\n");
GUEST_CODE(pop_ss32, 32, FEP "pop %ss\n nop\n nop\n");
GUEST_CODE(sti32, 32, FEP "sti\n nop\n nop\n");
GUEST_CODE(sti64, 64, FEP "sti\n nop\n nop\n");
GUEST_CODE(sti_popf64, 64, "sti\n" FEP "popf\n nop\n nop\n");
GUEST_CODE(near64, 64, ".byte 0x0f, 0x0b, 0x6b, 0x76, 0x6e\n");

static const struct width {
	enum mode mode;
	const uint8_t *aes, *aes_end, *add, *add_end;
} widths[] = {
	{ MODE_REAL, aes16, aes16_end, add16, add16_end },
	{ MODE_PROT16, aes16, aes16_end, add16, add16_end },
	{ MODE_PROT32, aes32, aes32_end, add32, add32_end },
	{ MODE_LONG, aes64, aes64_end, add64, add64_end },
};

static struct machine *load(enum mode mode, const uint8_t *code, const uint8_t *end)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;

	machine_load(m, G_CODE, code, end);
	machine_mode(m, mode);
	s = get_sregs(m);
	s.cr4 |= CR4_OSFXSR;
	set_sregs(m, &s);
	return m;
}

/* The instruction behind the prefix goes to the emulator, which has no AESENC; the CPU has. */
static void reaches_emulator(const void *arg)
{
	const struct width *w = arg;
	struct machine *m;
	struct kvm_regs r;
	struct event e;

	need_fep("1");
	m = load(w->mode, w->aes, w->aes_end);
	if (!cpu_has(m, FEATURE_AES))
		test_skip("no AES instructions on this CPU");
	r = get_regs(m);
	e = expect_event(m, UD_VECTOR);
	CHECK_EQ(e.ip, r.rip + FEP_LEN);
	/* The bare instruction runs. */
	return_to(m, &e, e.ip);
	expect_hlt(m);
}

static void executes(const void *arg)
{
	const struct width *w = arg;
	struct machine *m;
	struct kvm_regs r;
	uint64_t at;

	need_fep("1");
	m = load(w->mode, w->add, w->add_end);
	r = get_regs(m);
	at = r.rip;
	r.rax = 37;
	r.rbx = 1;
	set_regs(m, &r);
	expect_hlt(m);
	r = get_regs(m);
	CHECK_EQ(r.rax, 42);
	CHECK_EQ(r.rbx, 2);
	CHECK_EQ(r.rip, at + (w->add_end - w->add) + 1);
	CHECK_EQ(r.rflags & FLAG_RF, 0);
}

static void jump(const void *arg)
{
	struct machine *m;
	struct kvm_regs r;

	need_fep("1");
	m = load(MODE_LONG, jump64, jump64_end);
	r = get_regs(m);
	r.rbx = 0;
	r.rcx = 0;
	set_regs(m, &r);
	expect_hlt(m);
	r = get_regs(m);
	CHECK_EQ(r.rbx, 0);
	CHECK_EQ(r.rcx, 1);
}

static void from_ring3(const void *arg)
{
	struct machine *m;
	struct kvm_regs r;
	struct event e;

	need_fep("1");
	m = load(MODE_LONG, add64, add64_end);
	machine_ring3(m);
	r = get_regs(m);
	r.rax = 1;
	set_regs(m, &r);
	/* Ring 3 may not execute HLT. */
	e = expect_event(m, GP_VECTOR);
	CHECK_EQ(e.ip, G_CODE + (add64_end - add64));
	CHECK_EQ(get_regs(m).rax, 6);
}

/* Prefix and instruction in two pages, cut at every place. */
static void across_pages(const void *arg)
{
	struct machine *m;
	struct kvm_regs r;
	int before_cut;

	need_fep("1");
	m = load(MODE_LONG, add64, add64_end);
	for (before_cut = 1; before_cut <= add64_end - add64; before_cut++) {
		uint64_t at = G_CODE + 0x1000 - before_cut;

		machine_load(m, at, add64, add64_end);
		r = get_regs(m);
		r.rip = at;
		r.rax = 0;
		set_regs(m, &r);
		expect_hlt(m);
		CHECK_EQ(get_regs(m).rax, 5);
	}
}

/* A fault of the emulated instruction is at the instruction, not at the prefix. */
static void fault(const void *arg)
{
	struct machine *m;
	struct event e;

	need_fep("1");
	m = load(MODE_LONG, load64, load64_end);
	*guest_pte(m, 0x60000) = 0;
	e = expect_event(m, PF_VECTOR);
	CHECK_EQ(e.ip, G_CODE + FEP_LEN);
	CHECK_EQ(e.error, 0);
	CHECK_EQ(get_sregs(m).cr2, 0x60000);
}

static void expect_ud(struct machine *m, uint64_t ip)
{
	struct event e = expect_event(m, UD_VECTOR);

	CHECK_EQ(e.ip, ip);
	CHECK(!e.has_error, "#UD with an error code");
	CHECK_EQ(e.flags & FLAG_RF, FLAG_RF);
}

/* The second prefix is UD2, for the emulator as well. */
static void prefix_of_prefix(const void *arg)
{
	need_fep("1");
	expect_ud(load(MODE_LONG, twice64, twice64_end), G_CODE + FEP_LEN);
}

static void parameter_off(const void *arg)
{
	const struct width *w = arg;
	struct machine *m;
	uint64_t at;

	need_fep("0");
	m = load(w->mode, w->add, w->add_end);
	at = get_regs(m).rip;
	CHECK_EQ(expect_event(m, UD_VECTOR).ip, at);
}

/* The parameter is cleared while a vCPU exists, and counts from then on. */
static void switched_off(const void *arg)
{
	struct machine *m;
	struct kvm_regs r;

	need_fep("1");
	m = load(MODE_LONG, add64, add64_end);
	expect_hlt(m);
	CHECK(fep_set("0"), "not written");
	r = get_regs(m);
	r.rip = G_CODE;
	set_regs(m, &r);
	expect_ud(m, G_CODE);
}

static void one_byte_wrong(const void *arg)
{
	need_fep("1");
	expect_ud(load(MODE_LONG, near64, near64_end), G_CODE);
}

/* The prefix is cut off by a page that the guest does not map: #UD, and no page fault. */
static void cut_off(const void *arg)
{
	struct machine *m;
	struct kvm_regs r;

	need_fep("1");
	m = load(MODE_LONG, add64, add64_end);
	machine_load(m, 0x60ffd, add64, add64_end);
	*guest_pte(m, 0x61000) = 0;
	r = get_regs(m);
	r.rip = 0x60ffd;
	set_regs(m, &r);
	expect_ud(m, 0x60ffd);
}

/* A breakpoint on the instruction is seen where bit 1 of the parameter clears RF. */
static void breakpoint(const void *arg)
{
	struct kvm_debugregs d = {
		.db = { G_CODE + FEP_LEN }, .dr6 = 0xffff0ff0, .dr7 = 0x402,
	};
	struct machine *m;

	need_fep("2");
	m = load(MODE_LONG, add64, add64_end);
	vcpu_debugregs_set(m->vcpu, &d);
	CHECK_EQ(expect_event(m, DB_VECTOR).ip, G_CODE + FEP_LEN);
	vcpu_debugregs_get(m->vcpu, &d);
	CHECK_EQ(d.dr6 & 0xf, 1);
}

/* Where the trap of a single step comes: the shadow of MOV SS holds it back, that of STI not. */
static const struct step {
	const char *name;
	enum mode mode;
	const uint8_t *code, *end;
	int at;
	int early;			/* where the distribution's kvm has it, or 0 */
	bool no_tf;			/* the instruction sets it itself */
} steps[] = {
	{ "mov_ss_32", MODE_PROT32, mov_ss32, mov_ss32_end, FEP_LEN + 2 + 1,
	  .early = FEP_LEN + 2 },
	{ "mov_ss_64", MODE_LONG, mov_ss64, mov_ss64_end, FEP_LEN + 2 + 1,
	  .early = FEP_LEN + 2 },
	{ "mov_ss_and_next", MODE_LONG, mov_ss_both64, mov_ss_both64_end, 2 * FEP_LEN + 2 + 1,
	  .early = FEP_LEN + 2 },
	{ "mov_ss_cpuid", MODE_LONG, mov_ss_cpuid64, mov_ss_cpuid64_end, FEP_LEN + 2 + 2,
	  .early = FEP_LEN + 2 },
	{ "pop_ss_32", MODE_PROT32, pop_ss32, pop_ss32_end, FEP_LEN + 1 + 1,
	  .early = FEP_LEN + 1 },
	{ "sti_32", MODE_PROT32, sti32, sti32_end, FEP_LEN + 1 },
	{ "sti_64", MODE_LONG, sti64, sti64_end, FEP_LEN + 1 },
	{ "popf_after_sti", MODE_LONG, sti_popf64, sti_popf64_end, 1 + FEP_LEN + 1 + 1,
	  .no_tf = true },
};

static void single_step(const void *arg)
{
	const struct step *t = arg;
	struct kvm_debugregs d;
	struct machine *m;
	struct kvm_regs r;
	struct event e;

	need_fep("1");
	m = load(t->mode, t->code, t->end);
	r = get_regs(m);
	r.rax = SEL_DATA;
	r.rflags |= t->no_tf ? 0 : FLAG_TF;
	*(uint64_t *)guest_mem(m, r.rsp) = t->no_tf ? FLAG_TF | FLAG_IF | 2 : SEL_DATA;
	set_regs(m, &r);
	e = expect_event(m, DB_VECTOR);
	if (!t->no_tf && e.ip == G_CODE)
		test_skip("the CPU reports a step with the RIP before it (Bochs 2.7)");
	if (t->early && e.ip == G_CODE + t->early && !is_kvmx())
		test_skip("this kvm's emulator traps right behind MOV SS");
	CHECK_EQ(e.ip, G_CODE + t->at);
	vcpu_debugregs_get(m->vcpu, &d);
	CHECK_EQ(d.dr6 & 1 << 14, 1 << 14);
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "real", "prot16", "prot32", "long" };
	int i;

	for (i = 0; i < ARRAY_LEN(widths); i++) {
		add_test(reaches_emulator, &widths[i], "reaches_emulator_%s", names[i]);
		add_test(executes, &widths[i], "executes_%s", names[i]);
		add_test(parameter_off, &widths[i], "parameter_off_%s", names[i]);
	}
	TEST(jump);
	TEST(from_ring3);
	TEST(across_pages);
	TEST(fault);
	TEST(prefix_of_prefix);
	TEST(switched_off);
	TEST(one_byte_wrong);
	TEST(cut_off);
	TEST(breakpoint);
	for (i = 0; i < ARRAY_LEN(steps); i++)
		add_test(single_step, &steps[i], "single_step_%s", steps[i].name);
	return fep_run_tests(argc, argv);
}
