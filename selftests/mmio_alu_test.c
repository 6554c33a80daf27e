// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic and logic with an MMIO operand: each instruction is run on memory by the
 * CPU and on MMIO by kvm, from several starting values; registers, flags, memory, and
 * the number of bytes read from and written to the device must be what they should be.
 */
#include "mmio_compare.h"

/* Both directions, immediate forms and LOCK, at the four widths. */
#define ALU(X, op, u, wb)							\
	X(op##_mr8, #op "b %cl, (%rbx)", u, 1, (wb) * 1)			\
	X(op##_mr16, #op "w %cx, (%rbx)", u, 2, (wb) * 2)			\
	X(op##_mr32, #op "l %ecx, (%rbx)", u, 4, (wb) * 4)			\
	X(op##_mr64, #op "q %rcx, (%rbx)", u, 8, (wb) * 8)			\
	X(op##_rm8, #op "b (%rbx), %dh", u, 1, 0)				\
	X(op##_rm16, #op "w (%rbx), %ax", u, 2, 0)				\
	X(op##_rm32, #op "l (%rbx), %r9d", u, 4, 0)				\
	X(op##_rm64, #op "q (%rbx), %rax", u, 8, 0)				\
	X(op##_mi8, #op "b $0x81, (%rbx)", u, 1, (wb) * 1)			\
	X(op##_mi16, #op "w $0x7f80, (%rbx)", u, 2, (wb) * 2)			\
	X(op##_mi32, #op "l $0x80000001, (%rbx)", u, 4, (wb) * 4)		\
	X(op##_mi64, #op "q $-0x7fffffff, (%rbx)", u, 8, (wb) * 8)		\
	X(op##_ms64, #op "q $-1, (%rbx)", u, 8, (wb) * 8)

#define LOCKED(X, op, u)							\
	X(lk_##op##8, "lock " #op "b %cl, (%rbx)", u, -1, -1)			\
	X(lk_##op##32, "lock " #op "l %ecx, (%rbx)", u, -1, -1)			\
	X(lk_##op##64, "lock " #op "q %rcx, (%rbx)", u, -1, -1)

#define ADDSUB(X)								\
	ALU(X, add, UNDEF_NONE, 1) ALU(X, sub, UNDEF_NONE, 1)			\
	ALU(X, adc, UNDEF_NONE, 1) ALU(X, sbb, UNDEF_NONE, 1)			\
	ALU(X, cmp, UNDEF_NONE, 0)						\
	LOCKED(X, add, UNDEF_NONE) LOCKED(X, sub, UNDEF_NONE)
#define LOGIC(X)								\
	ALU(X, and, UNDEF_LOGIC, 1) ALU(X, or, UNDEF_LOGIC, 1)			\
	ALU(X, xor, UNDEF_LOGIC, 1)						\
	LOCKED(X, or, UNDEF_LOGIC) LOCKED(X, and, UNDEF_LOGIC)			\
	X(test_mr8, "testb %cl, (%rbx)", UNDEF_LOGIC, 1, 0)			\
	X(test_mr32, "testl %ecx, (%rbx)", UNDEF_LOGIC, 4, 0)			\
	X(test_mr64, "testq %rax, (%rbx)", UNDEF_LOGIC, 8, 0)			\
	X(test_mi8, "testb $0x81, (%rbx)", UNDEF_LOGIC, 1, 0)			\
	X(test_mi16, "testw $0x8001, (%rbx)", UNDEF_LOGIC, 2, 0)		\
	X(test_mi32, "testl $0x80000001, (%rbx)", UNDEF_LOGIC, 4, 0)

#define UNARY(X, op, u)								\
	X(op##_b, #op "b (%rbx)", u, 1, 1) X(op##_w, #op "w (%rbx)", u, 2, 2)	\
	X(op##_l, #op "l (%rbx)", u, 4, 4) X(op##_q, #op "q (%rbx)", u, 8, 8)
#define UNARIES(X)								\
	UNARY(X, inc, UNDEF_NONE) UNARY(X, dec, UNDEF_NONE)			\
	UNARY(X, not, UNDEF_NONE) UNARY(X, neg, UNDEF_NONE)			\
	X(lk_inc, "lock incl (%rbx)", UNDEF_NONE, -1, -1)			\
	X(lk_neg, "lock negq (%rbx)", UNDEF_NONE, -1, -1)

#define MULDIV1(X, op, u)							\
	X(op##_b, #op "b (%rbx)", u, 1, 0) X(op##_w, #op "w (%rbx)", u, 2, 0)	\
	X(op##_l, #op "l (%rbx)", u, 4, 0) X(op##_q, #op "q (%rbx)", u, 8, 0)
#define MULDIV(X)								\
	MULDIV1(X, mul, UNDEF_MUL) MULDIV1(X, imul, UNDEF_MUL)			\
	MULDIV1(X, div, UNDEF_DIV) MULDIV1(X, idiv, UNDEF_DIV)			\
	X(imul2_w, "imulw (%rbx), %cx", UNDEF_MUL, 2, 0)			\
	X(imul2_l, "imull (%rbx), %ecx", UNDEF_MUL, 4, 0)			\
	X(imul2_q, "imulq (%rbx), %rcx", UNDEF_MUL, 8, 0)			\
	X(imul3_l, "imull $1000000, (%rbx), %ecx", UNDEF_MUL, 4, 0)		\
	X(imul3_q, "imulq $-3, (%rbx), %rcx", UNDEF_MUL, 8, 0)

/* CL is 0..0x3f in the starting values, so OF is defined for counts of 1 alone. */
#define SHIFT(X, op)								\
	X(op##_1b, #op "b (%rbx)", UNDEF_SHIFT, 1, 1)				\
	X(op##_1w, #op "w (%rbx)", UNDEF_SHIFT, 2, 2)				\
	X(op##_1l, #op "l (%rbx)", UNDEF_SHIFT, 4, 4)				\
	X(op##_1q, #op "q (%rbx)", UNDEF_SHIFT, 8, 8)				\
	X(op##_5l, #op "l $5, (%rbx)", UNDEF_SHIFTN, 4, 4)			\
	X(op##_33q, #op "q $33, (%rbx)", UNDEF_SHIFTN, 8, 8)
#define SHIFT_CL(X, op)								\
	X(op##_cll, #op "l %cl, (%rbx)", UNDEF_SHIFTN, -1, -1)			\
	X(op##_clq, #op "q %cl, (%rbx)", UNDEF_SHIFTN, -1, -1)
#define SHIFTS(X)								\
	SHIFT(X, shl) SHIFT(X, shr) SHIFT(X, sar)				\
	SHIFT_CL(X, shl) SHIFT_CL(X, shr) SHIFT_CL(X, sar)			\
	X(shld_l, "shldl $4, %eax, (%rbx)", UNDEF_SHIFTN, 4, 4)			\
	X(shrd_q, "shrdq $12, %rax, (%rbx)", UNDEF_SHIFTN, 8, 8)		\
	X(shld_clq, "shldq %cl, %rdx, (%rbx)", UNDEF_SHIFTN, -1, -1)		\
	X(shrd_cll, "shrdl %cl, %edx, (%rbx)", UNDEF_SHIFTN, -1, -1)
#define ROTATES(X)								\
	SHIFT(X, rol) SHIFT(X, ror) SHIFT(X, rcl) SHIFT(X, rcr)			\
	SHIFT_CL(X, rol) SHIFT_CL(X, ror) SHIFT_CL(X, rcl) SHIFT_CL(X, rcr)

#define BITS1(X, op, wb)							\
	X(op##_il, #op "l $3, (%rbx)", UNDEF_BT, 4, (wb) * 4)			\
	X(op##_iw, #op "w $15, (%rbx)", UNDEF_BT, 2, (wb) * 2)			\
	X(op##_iq, #op "q $63, (%rbx)", UNDEF_BT, 8, (wb) * 8)			\
	X(op##_rl, #op "l %ecx, (%rbx)", UNDEF_BT, 4, (wb) * 4)			\
	X(op##_rw, #op "w %cx, (%rbx)", UNDEF_BT, 2, (wb) * 2)			\
	X(op##_rq, #op "q %rcx, (%rbx)", UNDEF_BT, 8, (wb) * 8)
/* Scans leave flags of a zero source undefined but for ZF; the register then too. */
#define BITS(X)									\
	BITS1(X, bt, 0) BITS1(X, bts, 1) BITS1(X, btr, 1) BITS1(X, btc, 1)	\
	X(lk_bts, "lock btsl $9, (%rbx)", UNDEF_BT, -1, -1)			\
	X(bsf_l, "orb $1, (%rbx)\n bsfl 0(%rbx), %ecx", UNDEF_BSF, 5, 1)	\
	X(bsr_q, "orb $1, (%rbx)\n bsrq 0(%rbx), %rcx", UNDEF_BSF, 9, 1)

ADDSUB(INSN_CODE)
LOGIC(INSN_CODE)
UNARIES(INSN_CODE)
MULDIV(INSN_CODE)
SHIFTS(INSN_CODE)
ROTATES(INSN_CODE)
BITS(INSN_CODE)

static const struct insn addsub[] = { ADDSUB(INSN_ENTRY) };
static const struct insn logic[] = { LOGIC(INSN_ENTRY) };
static const struct insn unaries[] = { UNARIES(INSN_ENTRY) };
static const struct insn muldiv[] = { MULDIV(INSN_ENTRY) };
static const struct insn shifts[] = { SHIFTS(INSN_ENTRY) };
static const struct insn rotates[] = { ROTATES(INSN_ENTRY) };
static const struct insn bits[] = { BITS(INSN_ENTRY) };

static const struct insn_list lists[] = {
	{ "add_sub_compare", addsub, ARRAY_LEN(addsub) },
	{ "logic_and_test", logic, ARRAY_LEN(logic) },
	{ "inc_dec_not_neg", unaries, ARRAY_LEN(unaries) },
	{ "multiply_divide", muldiv, ARRAY_LEN(muldiv) },
	{ "shifts", shifts, ARRAY_LEN(shifts) },
	{ "rotates", rotates, ARRAY_LEN(rotates) },
	{ "bit_operations", bits, ARRAY_LEN(bits) },
};

static void compare(const void *arg)
{
	compare_insns(arg);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(lists); i++)
		add_test(compare, &lists[i], "%s", lists[i].name);
	return run_tests(argc, argv);
}
