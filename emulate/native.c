// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic that the CPU in use does itself, with the guest's operands and flags: what the
 * SDM leaves undefined of the result and the flags then comes out as if the guest had
 * executed the instruction. Operands are in registers and a division has been checked, so
 * nothing here faults.
 */
#include "internal.h"

typedef void (*native_fn)(struct emu_native *n);

#define LOW_FLAGS	(FL_ARITH & ~FL_OF)

/* The flags as LAHF and SETO leave them in AX. */
static u64 pack(u64 flags)
{
	return (flags & LOW_FLAGS) << 8 | (flags & FL_OF ? 1 : 0);
}

static u64 unpack(u64 flags, u64 ax)
{
	return (flags & ~FL_ARITH) | (ax >> 8 & LOW_FLAGS) | (ax & 1 ? FL_OF : 0);
}

/* An addition of 127 overflows if AL was 1. Between this and LAHF only @text touches flags. */
#define FLAGS_IN	"addb $0x7f, %%al\n\tsahf\n\t"
#define FLAGS_OUT	"\n\tlahf\n\tseto %%al"

/* Up to three operands: a, b, and c, which is a count in CL for those that want one. */
#define EXEC(text)								\
	asm volatile(FLAGS_IN text FLAGS_OUT					\
		     : "+&a" (n->flags), [a] "+r" (n->a)			\
		     : [b] "r" (n->b), [c] "c" (n->c) : "cc")

/* RAX is a, RDX is b, the operand c. */
#define EXEC_AX(text)								\
	asm volatile(FLAGS_IN "mov %[a], %%rax\n\t" text "\n\tmov %%rax, %[a]" FLAGS_OUT \
		     : "+&a" (n->flags), "+&d" (n->b), [a] "+&r" (n->a)		\
		     : [c] "r" (n->c) : "cc")

/* Operands by the letter of their size as an operand of asm has it. */
#define ONE(insn, k)	insn " %" #k "[c]"
#define TWO(insn, k)	insn " %" #k "[b], %" #k "[a]"
#define THREE(insn, k)	insn " %" #k "[c], %" #k "[b], %" #k "[a]"
#define SHIFT(insn, k)	insn " %%cl, %" #k "[a]"
#define SHIFT2(insn, k)	insn " %%cl, %" #k "[b], %" #k "[a]"

#define FN(id, insn, exec, form, k) \
	static void id##_##k(struct emu_native *n) { exec(form(insn, k)); }
#define FN_KQ(id, insn, exec, form) \
	FN(id, insn, exec, form, k) FN(id, insn, exec, form, q)
#define FN_WKQ(id, insn, exec, form) \
	FN(id, insn, exec, form, w) FN_KQ(id, insn, exec, form)
#define FN_BWKQ(id, insn, exec, form) \
	FN(id, insn, exec, form, b) FN_WKQ(id, insn, exec, form)

FN_BWKQ(do_or, "or", EXEC, TWO)
FN_BWKQ(do_and, "and", EXEC, TWO)
FN_BWKQ(do_xor, "xor", EXEC, TWO)
FN_BWKQ(do_test, "test", EXEC, TWO)
FN_BWKQ(do_rol, "rol", EXEC, SHIFT)
FN_BWKQ(do_ror, "ror", EXEC, SHIFT)
FN_BWKQ(do_rcl, "rcl", EXEC, SHIFT)
FN_BWKQ(do_rcr, "rcr", EXEC, SHIFT)
FN_BWKQ(do_shl, "shl", EXEC, SHIFT)
FN_BWKQ(do_shr, "shr", EXEC, SHIFT)
FN_BWKQ(do_sar, "sar", EXEC, SHIFT)
FN_WKQ(do_shld, "shld", EXEC, SHIFT2)
FN_WKQ(do_shrd, "shrd", EXEC, SHIFT2)
FN_BWKQ(do_mul, "mul", EXEC_AX, ONE)
FN_BWKQ(do_imul1, "imul", EXEC_AX, ONE)
FN_BWKQ(do_div, "div", EXEC_AX, ONE)
FN_BWKQ(do_idiv, "idiv", EXEC_AX, ONE)
FN_WKQ(do_imul, "imul", EXEC, TWO)
FN_WKQ(do_bt, "bt", EXEC, TWO)
FN_WKQ(do_bts, "bts", EXEC, TWO)
FN_WKQ(do_btr, "btr", EXEC, TWO)
FN_WKQ(do_btc, "btc", EXEC, TWO)
FN_WKQ(do_bsf, "bsf", EXEC, TWO)
FN_WKQ(do_bsr, "bsr", EXEC, TWO)
FN_WKQ(do_tzcnt, "tzcnt", EXEC, TWO)
FN_WKQ(do_lzcnt, "lzcnt", EXEC, TWO)
FN_KQ(do_andn, "andn", EXEC, THREE)
FN_KQ(do_bextr, "bextr", EXEC, THREE)
FN_KQ(do_bzhi, "bzhi", EXEC, THREE)
FN_KQ(do_blsr, "blsr", EXEC, TWO)
FN_KQ(do_blsmsk, "blsmsk", EXEC, TWO)
FN_KQ(do_blsi, "blsi", EXEC, TWO)

/* BSWAP of AX, which assemblers do not know. */
static void do_bswap_w(struct emu_native *n)
{
	EXEC_AX(".byte 0x66, 0x0f, 0xc8");
}

#define ROW_KQ(id)	{ NULL, NULL, id##_k, id##_q }
#define ROW_WKQ(id)	{ NULL, id##_w, id##_k, id##_q }
#define ROW_BWKQ(id)	{ id##_b, id##_w, id##_k, id##_q }

/* By operation and size: 1, 2, 4, 8 bytes. */
static const native_fn natives[][4] = {
	[EMU_ROL] = ROW_BWKQ(do_rol),
	[EMU_ROR] = ROW_BWKQ(do_ror),
	[EMU_RCL] = ROW_BWKQ(do_rcl),
	[EMU_RCR] = ROW_BWKQ(do_rcr),
	[EMU_SHL] = ROW_BWKQ(do_shl),
	[EMU_SHR] = ROW_BWKQ(do_shr),
	[EMU_SAL] = ROW_BWKQ(do_shl),
	[EMU_SAR] = ROW_BWKQ(do_sar),
	[EMU_OR] = ROW_BWKQ(do_or),
	[EMU_AND] = ROW_BWKQ(do_and),
	[EMU_XOR] = ROW_BWKQ(do_xor),
	[EMU_TEST] = ROW_BWKQ(do_test),
	[EMU_SHLD] = ROW_WKQ(do_shld),
	[EMU_SHRD] = ROW_WKQ(do_shrd),
	[EMU_MUL] = ROW_BWKQ(do_mul),
	[EMU_IMUL1] = ROW_BWKQ(do_imul1),
	[EMU_DIV] = ROW_BWKQ(do_div),
	[EMU_IDIV] = ROW_BWKQ(do_idiv),
	[EMU_IMUL] = ROW_WKQ(do_imul),
	[EMU_BT] = ROW_WKQ(do_bt),
	[EMU_BTS] = ROW_WKQ(do_bts),
	[EMU_BTR] = ROW_WKQ(do_btr),
	[EMU_BTC] = ROW_WKQ(do_btc),
	[EMU_BSF] = ROW_WKQ(do_bsf),
	[EMU_BSR] = ROW_WKQ(do_bsr),
	[EMU_TZCNT] = ROW_WKQ(do_tzcnt),
	[EMU_LZCNT] = ROW_WKQ(do_lzcnt),
	[EMU_ANDN] = ROW_KQ(do_andn),
	[EMU_BEXTR] = ROW_KQ(do_bextr),
	[EMU_BZHI] = ROW_KQ(do_bzhi),
	[EMU_BLSR] = ROW_KQ(do_blsr),
	[EMU_BLSMSK] = ROW_KQ(do_blsmsk),
	[EMU_BLSI] = ROW_KQ(do_blsi),
	[EMU_BSWAP] = { NULL, do_bswap_w },
};

void emu_native(enum emu_native_op op, unsigned int size, struct emu_native *n)
{
	u64 flags = n->flags;

	n->flags = pack(flags);
	natives[op][size == 8 ? 3 : size >> 1](n);
	n->flags = unpack(flags, n->flags);
}
