// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic and logic with an MMIO operand: each instruction is run on memory by the
 * CPU and on MMIO by kvm, from several starting values; registers, flags, memory, and
 * the number of bytes read from and written to the device must be what they should be.
 */
#include "mmio_compare.h"

/* Both directions, immediate forms and LOCK, at the four widths. */
#define ALU(X, op, wb)								\
	X(op##_mr8, #op "b %cl, (%rbx)", 1, (wb) * 1)				\
	X(op##_mr16, #op "w %cx, (%rbx)", 2, (wb) * 2)				\
	X(op##_mr32, #op "l %ecx, (%rbx)", 4, (wb) * 4)				\
	X(op##_mr64, #op "q %rcx, (%rbx)", 8, (wb) * 8)				\
	X(op##_rm8, #op "b (%rbx), %dh", 1, 0)					\
	X(op##_rm16, #op "w (%rbx), %ax", 2, 0)					\
	X(op##_rm32, #op "l (%rbx), %r9d", 4, 0)				\
	X(op##_rm64, #op "q (%rbx), %rax", 8, 0)				\
	X(op##_mi8, #op "b $0x81, (%rbx)", 1, (wb) * 1)				\
	X(op##_mi16, #op "w $0x7f80, (%rbx)", 2, (wb) * 2)			\
	X(op##_mi32, #op "l $0x80000001, (%rbx)", 4, (wb) * 4)			\
	X(op##_mi64, #op "q $-0x7fffffff, (%rbx)", 8, (wb) * 8)			\
	X(op##_ms64, #op "q $-1, (%rbx)", 8, (wb) * 8)

#define LOCKED(X, op)								\
	X(lk_##op##8, "lock " #op "b %cl, (%rbx)", -1, -1)			\
	X(lk_##op##32, "lock " #op "l %ecx, (%rbx)", -1, -1)			\
	X(lk_##op##64, "lock " #op "q %rcx, (%rbx)", -1, -1)

#define ADDSUB(X)								\
	ALU(X, add, 1) ALU(X, sub, 1) ALU(X, adc, 1) ALU(X, sbb, 1) ALU(X, cmp, 0) \
	LOCKED(X, add) LOCKED(X, sub)
#define LOGIC(X)								\
	ALU(X, and, 1) ALU(X, or, 1) ALU(X, xor, 1)				\
	LOCKED(X, or) LOCKED(X, and)						\
	X(test_mr8, "testb %cl, (%rbx)", 1, 0)					\
	X(test_mr32, "testl %ecx, (%rbx)", 4, 0)				\
	X(test_mr64, "testq %rax, (%rbx)", 8, 0)				\
	X(test_mi8, "testb $0x81, (%rbx)", 1, 0)				\
	X(test_mi16, "testw $0x8001, (%rbx)", 2, 0)				\
	X(test_mi32, "testl $0x80000001, (%rbx)", 4, 0)

#define UNARY(X, op)								\
	X(op##_b, #op "b (%rbx)", 1, 1) X(op##_w, #op "w (%rbx)", 2, 2)		\
	X(op##_l, #op "l (%rbx)", 4, 4) X(op##_q, #op "q (%rbx)", 8, 8)
#define UNARIES(X)								\
	UNARY(X, inc) UNARY(X, dec) UNARY(X, not) UNARY(X, neg)			\
	X(lk_inc, "lock incl (%rbx)", -1, -1)					\
	X(lk_neg, "lock negq (%rbx)", -1, -1)

#define MULDIV1(X, op)								\
	X(op##_b, #op "b (%rbx)", 1, 0) X(op##_w, #op "w (%rbx)", 2, 0)		\
	X(op##_l, #op "l (%rbx)", 4, 0) X(op##_q, #op "q (%rbx)", 8, 0)
#define MULDIV(X)								\
	MULDIV1(X, mul) MULDIV1(X, imul) MULDIV1(X, div) MULDIV1(X, idiv)	\
	X(imul2_w, "imulw (%rbx), %cx", 2, 0)					\
	X(imul2_l, "imull (%rbx), %ecx", 4, 0)					\
	X(imul2_q, "imulq (%rbx), %rcx", 8, 0)					\
	X(imul3_l, "imull $1000000, (%rbx), %ecx", 4, 0)			\
	X(imul3_q, "imulq $-3, (%rbx), %rcx", 8, 0)

#define SHIFT(X, op)								\
	X(op##_1b, #op "b (%rbx)", 1, 1)					\
	X(op##_1w, #op "w (%rbx)", 2, 2)					\
	X(op##_1l, #op "l (%rbx)", 4, 4)					\
	X(op##_1q, #op "q (%rbx)", 8, 8)					\
	X(op##_5l, #op "l $5, (%rbx)", 4, 4)					\
	X(op##_33q, #op "q $33, (%rbx)", 8, 8)
#define SHIFT_CL(X, op)								\
	X(op##_cll, #op "l %cl, (%rbx)", -1, -1)				\
	X(op##_clq, #op "q %cl, (%rbx)", -1, -1)
#define SHIFTS(X)								\
	SHIFT(X, shl) SHIFT(X, shr) SHIFT(X, sar)				\
	SHIFT_CL(X, shl) SHIFT_CL(X, shr) SHIFT_CL(X, sar)			\
	X(shld_l, "shldl $4, %eax, (%rbx)", 4, 4)				\
	X(shrd_q, "shrdq $12, %rax, (%rbx)", 8, 8)				\
	X(shld_clq, "shldq %cl, %rdx, (%rbx)", -1, -1)				\
	X(shrd_cll, "shrdl %cl, %edx, (%rbx)", -1, -1)				\
	X(shld_clw, "shldw %cl, %dx, (%rbx)", -1, -1)				\
	X(shrd_clw, "shrdw %cl, %dx, (%rbx)", -1, -1)
#define ROTATES(X)								\
	SHIFT(X, rol) SHIFT(X, ror) SHIFT(X, rcl) SHIFT(X, rcr)			\
	SHIFT_CL(X, rol) SHIFT_CL(X, ror) SHIFT_CL(X, rcl) SHIFT_CL(X, rcr)

#define BITS1(X, op, wb)							\
	X(op##_il, #op "l $3, (%rbx)", 4, (wb) * 4)				\
	X(op##_iw, #op "w $15, (%rbx)", 2, (wb) * 2)				\
	X(op##_iq, #op "q $63, (%rbx)", 8, (wb) * 8)				\
	X(op##_rl, #op "l %ecx, (%rbx)", 4, (wb) * 4)				\
	X(op##_rw, #op "w %cx, (%rbx)", 2, (wb) * 2)				\
	X(op##_rq, #op "q %rcx, (%rbx)", 8, (wb) * 8)
#define BITS(X)									\
	BITS1(X, bt, 0) BITS1(X, bts, 1) BITS1(X, btr, 1) BITS1(X, btc, 1)	\
	X(lk_bts, "lock btsl $9, (%rbx)", -1, -1)				\
	X(bsf_l, "bsfl (%rbx), %ecx", 4, 0)					\
	X(bsr_q, "bsrq (%rbx), %rcx", 8, 0)					\
	X(bsr_w, "bsrw (%rbx), %cx", 2, 0)

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

int main(int argc, char **argv)
{
	return compare_lists(lists, ARRAY_LEN(lists), argc, argv);
}
