// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest cannot see from its flags whether an instruction was emulated: arithmetic between
 * registers is executed, then emulated behind the forced-emulation prefix, from the same
 * operands and flags. All registers and flags must be equal, with those that the SDM leaves
 * undefined.
 */
#include "fep.h"
#include "machine.h"

#define FLAGS_ARITH (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define G_SETS	0x30000		/* where the operands are */
#define G_OUT	0x40000		/* where what comes out goes, executed and emulated */

/* The operation is done on RAX or RDX:RAX, with RBX and CL. */
#define LOGIC(X)								\
	X("and %bl, %al") X("and %bx, %ax") X("and %ebx, %eax") X("and %rbx, %rax")	\
	X("or %bl, %al") X("or %bx, %ax") X("or %ebx, %eax") X("or %rbx, %rax")		\
	X("xor %bl, %al") X("xor %bx, %ax") X("xor %ebx, %eax") X("xor %rbx, %rax")	\
	X("test %bl, %al") X("test %bx, %ax") X("test %ebx, %eax") X("test %rbx, %rax")	\
	X("and $-8, %eax") X("test $1, %rax")
#define MULTIPLY(X)								\
	X("mul %bl") X("mul %bx") X("mul %ebx") X("mul %rbx")			\
	X("imul %bl") X("imul %bx") X("imul %ebx") X("imul %rbx")		\
	X("imul %bx, %ax") X("imul %ebx, %eax") X("imul %rbx, %rax")		\
	X("imul $-3, %bx, %ax") X("imul $1000, %ebx, %eax") X("imul $7, %rbx, %rax")
/* R8 to R11 are large enough; AH is cleared. */
#define DIVIDE(X)								\
	X("div %r8b") X("div %r9w") X("div %r10d") X("div %r11")		\
	X("idiv %r8b") X("idiv %r9w") X("idiv %r10d") X("idiv %r11")
#define SHIFT(X, op)								\
	X(#op " %cl, %al") X(#op " %cl, %ax") X(#op " %cl, %eax") X(#op " %cl, %rax")	\
	X(#op " %bl") X(#op " %bx") X(#op " %ebx") X(#op " $5, %ax") X(#op " $33, %rax")
#define DOUBLE(X, op)								\
	X(#op " %cl, %bx, %ax") X(#op " %cl, %ebx, %eax") X(#op " %cl, %rbx, %rax")	\
	X(#op " $4, %ebx, %eax") X(#op " $17, %bx, %ax")
#define SHIFTS(X)								\
	SHIFT(X, shl) SHIFT(X, shr) SHIFT(X, sar) DOUBLE(X, shld) DOUBLE(X, shrd)
#define ROTATES(X)								\
	SHIFT(X, rol) SHIFT(X, ror) SHIFT(X, rcl) SHIFT(X, rcr)
#define TEST_BIT(X, op)								\
	X(#op " %cx, %ax") X(#op " %ecx, %eax") X(#op " %rcx, %rax") X(#op " $3, %eax")
#define BITS(X)									\
	TEST_BIT(X, bt) TEST_BIT(X, bts) TEST_BIT(X, btr) TEST_BIT(X, btc)	\
	X("bsf %bx, %ax") X("bsf %ebx, %eax") X("bsf %rbx, %rax")		\
	X("bsr %bx, %ax") X("bsr %ebx, %eax") X("bsr %rbx, %rax")		\
	X(".byte 0x66, 0x0f, 0xc8 # bswap %ax")

/* Operands of an operation, and what it leaves. */
struct set {
	uint64_t rax, rcx, rdx, rbx, rflags;
};

#define SIZE_OF_SET 40
_Static_assert(sizeof(struct set) == SIZE_OF_SET, "the guest counts in it");

static const struct set sets[] = {
	{ 0, 0, 0, 0, 2 },
	{ 0, 0, 0, 0, 2 | FLAGS_ARITH },
	{ ~0ULL, 33, 0, 1, 2 | FLAG_CF },
	{ 0x8000000080008080, 17, 0, 0x8000000080008080, 2 | FLAG_OF | FLAG_AF },
	{ 0x7fffffff7fff7f7f, 0x1f, 1, 0x7fffffff7fff7f7f, 2 | FLAG_ZF },
	{ 0x123456789abcdef0, 4, 2, 0xfedcba9876543210, 2 | FLAG_SF | FLAG_PF },
	{ 0x5a, 1, 0, ~0ULL, 2 | FLAG_AF | FLAG_CF },
};

/* RSI: a set, RDI: where to. The return address is below what is pushed. */
#define ONE(prefix, text)							\
	"mov (%rsi), %rax\n mov 8(%rsi), %rcx\n mov 16(%rsi), %rdx\n"		\
	"mov 24(%rsi), %rbx\n pushq 32(%rsi)\n popfq\n"				\
	prefix text "\n"							\
	"mov %rax, (%rdi)\n mov %rcx, 8(%rdi)\n mov %rdx, 16(%rdi)\n"		\
	"mov %rbx, 24(%rdi)\n pushfq\n popq 32(%rdi)\n"				\
	"lea " S(SIZE_OF_SET) "(%rdi), %rdi\n"
#define BOTH(text)	ONE("", text) ONE(FEP, text)

/* All operations on one set. */
GUEST_CODE(logic_code, 64, LOGIC(BOTH));
GUEST_CODE(multiply_code, 64, MULTIPLY(BOTH));
GUEST_CODE(divide_code, 64, DIVIDE(BOTH));
GUEST_CODE(shifts_code, 64, SHIFTS(BOTH));
GUEST_CODE(rotates_code, 64, ROTATES(BOTH));
GUEST_CODE(bits_code, 64, BITS(BOTH));

#define NAME(text)	text,
static const char *const logic_names[] = { LOGIC(NAME) };
static const char *const multiply_names[] = { MULTIPLY(NAME) };
static const char *const divide_names[] = { DIVIDE(NAME) };
static const char *const shifts_names[] = { SHIFTS(NAME) };
static const char *const rotates_names[] = { ROTATES(NAME) };
static const char *const bits_names[] = { BITS(NAME) };

static const struct group {
	const char *name;
	const uint8_t *code, *end;
	const char *const *insns;
	unsigned int nr;
} groups[] = {
#define GROUP(g) { #g, g##_code, g##_code_end, g##_names, ARRAY_LEN(g##_names) }
	GROUP(logic), GROUP(multiply), GROUP(divide), GROUP(shifts), GROUP(rotates), GROUP(bits),
};

static void run_set(struct machine *m, const struct group *g, const struct set *s)
{
	struct set *in = guest_mem(m, G_SETS);
	struct kvm_regs r = get_regs(m);

	*in = *s;
	if (g->code == divide_code)
		in->rax &= ~0xff00ULL;
	memset(guest_mem(m, G_OUT), 0xee, 2 * g->nr * sizeof(*s));
	r.rip = G_CODE;
	r.rsi = G_SETS;
	r.rdi = G_OUT;
	r.r8 = 0x7f;
	r.r9 = 0x7fff;
	r.r10 = 0x7fffffff;
	r.r11 = 0x7fffffffffffffff;
	set_regs(m, &r);
	expect_hlt(m);
}

/* Returns how many operations differ. */
static int compare(struct machine *m, const struct group *g, unsigned int set)
{
	const struct set *out = guest_mem(m, G_OUT);
	unsigned int i;
	int bad = 0;

	for (i = 0; i < g->nr; i++) {
		const struct set *cpu = &out[2 * i], *emu = cpu + 1;

		if (!memcmp(cpu, emu, sizeof(*cpu)))
			continue;
		bad++;
		test_note("%s, set %u: CPU rax %llx rdx %llx flags %llx, emulated %llx %llx %llx",
			  g->insns[i], set, (unsigned long long)cpu->rax,
			  (unsigned long long)cpu->rdx, (unsigned long long)cpu->rflags,
			  (unsigned long long)emu->rax, (unsigned long long)emu->rdx,
			  (unsigned long long)emu->rflags);
	}
	return bad;
}

static void same(const void *arg)
{
	const struct group *g = arg;
	struct machine *m;
	unsigned int i;
	int bad = 0;

	need_fep("1");
	m = machine_new();
	machine_load(m, G_CODE, g->code, g->end);
	machine_mode(m, MODE_LONG);
	for (i = 0; i < ARRAY_LEN(sets); i++) {
		run_set(m, g, &sets[i]);
		bad += compare(m, g, i);
	}
	CHECK(!bad, "%d differences", bad);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(groups); i++)
		add_test(same, &groups[i], "%s", groups[i].name);
	return fep_run_tests(argc, argv);
}
