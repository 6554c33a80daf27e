// SPDX-License-Identifier: GPL-2.0-only
/* The one-byte opcodes, after SDM vol. 2D appendix A. An entry that is missing is #UD. */
#include "tables.h"

static const struct emu_desc group1[4][8] = {
#define GROUP1(dst, src, f) { \
	I2("add", alu, 0, LRW | (f), dst, src), I2("or", alu, 1, LRW | (f), dst, src), \
	I2("adc", alu, 2, LRW | (f), dst, src), I2("sbb", alu, 3, LRW | (f), dst, src), \
	I2("and", alu, 4, LRW | (f), dst, src), I2("sub", alu, 5, LRW | (f), dst, src), \
	I2("xor", alu, 6, LRW | (f), dst, src), I2("cmp", alu, 7, D_R0 | (f), dst, src) }
	GROUP1(Eb, Ib, 0), GROUP1(Ev, Iz, 0), GROUP1(Eb, Ib, D_NO64), GROUP1(Ev, Ib, 0),
};

static const struct emu_desc group1a[8] = {
	I1("pop", pop, 0, D_ADDR | D_D64, Ev),
};

static const struct emu_desc group2[6][8] = {
#define GROUP2(dst, count) { \
	I2("rol", shift, 0, D_RW, dst, count), I2("ror", shift, 1, D_RW, dst, count), \
	I2("rcl", shift, 2, D_RW, dst, count), I2("rcr", shift, 3, D_RW, dst, count), \
	I2("shl", shift, 4, D_RW, dst, count), I2("shr", shift, 5, D_RW, dst, count), \
	I2("sal", shift, 6, D_RW, dst, count), I2("sar", shift, 7, D_RW, dst, count) }
	GROUP2(Eb, Ib), GROUP2(Ev, Ib), GROUP2(Eb, One), GROUP2(Ev, One),
	GROUP2(Eb, CL), GROUP2(Ev, CL),
};

static const struct emu_desc group3[2][8] = {
#define GROUP3(dst, imm) { \
	I2("test", test, 0, D_R0, dst, imm), I2("test", test, 0, D_R0, dst, imm), \
	I1("not", not, 0, LRW, dst), I1("neg", neg, 0, LRW, dst), \
	I1("mul", mul, 0, D_R0, dst), I1("imul", imul1, 0, D_R0, dst), \
	I1("div", div, 0, D_R0, dst), I1("idiv", idiv, 0, D_R0, dst) }
	GROUP3(Eb, Ib), GROUP3(Ev, Iz),
};

static const struct emu_desc group4[8] = {
	I1("inc", inc, 0, LRW, Eb), I1("dec", dec, 0, LRW, Eb),
};

static const struct emu_desc group5[8] = {
	I1("inc", inc, 0, LRW, Ev), I1("dec", dec, 0, LRW, Ev),
	I1("call", call_ind, 0, D_R0 | D_F64, Ev), I1("callf", callf, 0, D_ADDR, Mp),
	I1("jmp", jmp_ind, 0, D_R0 | D_F64, Ev), I1("jmpf", jmpf, 0, D_ADDR, Mp),
	I1("push", push, 0, D_R0 | D_D64, Ev),
};

static const struct emu_desc group11[2][8] = {
	{ I2("mov", mov, 0, D_W0, Eb, Ib), [7] = FAIL("xabort") },
	{ I2("mov", mov, 0, D_W0, Ev, Iz), [7] = FAIL("xbegin") },
};

static const struct emu_desc op_63[2] = {
	I2("arpl", arpl, 0, D_R0 | D_PROT, Ew, Gw), I2("movsxd", movsx, 0, D_W0, Gv, Ez),
};

/* x87: loads and stores, with the format in aux, and control. */
#define FLD(n, format)	I1(n, fld, format, D_X87 | D_WAIT | D_ADDR, Mb)
#define FST(n, format)	I1(n, fst, format, D_X87 | D_WAIT | D_ADDR, Mb)
#define FPOP		0x10
#define FTRUNC		0x30

/* FLD of a single is the instruction that the kernel's selftests expect not to be done. */
static const struct emu_desc op_d9_mem[8] = {
	FAIL("fld"), [2] = FST("fst", 0), FST("fstp", 0 | FPOP), FAIL("fldenv"),
	I1("fldcw", fldcw, 0, D_X87 | D_WAIT | D_R0, Mw), FAIL("fnstenv"),
	I1("fnstcw", fnstcw, 0, D_X87 | D_W0, Mw),
};

static const struct emu_desc op_db_mem[8] = {
	FLD("fild", 4), FST("fisttp", 4 | FTRUNC), FST("fist", 4), FST("fistp", 4 | FPOP),
	[5] = FLD("fld", 2), [7] = FST("fstp", 2 | FPOP),
};

static const struct emu_desc op_dd_mem[8] = {
	FLD("fld", 1), FST("fisttp", 5 | FTRUNC), FST("fst", 1), FST("fstp", 1 | FPOP),
	FAIL("frstor"), [6] = FAIL("fnsave"), I1("fnstsw", fnstcw, 1, D_X87 | D_W0, Mw),
};

static const struct emu_desc op_df_mem[8] = {
	FLD("fild", 3), FST("fisttp", 3 | FTRUNC), FST("fist", 3), FST("fistp", 3 | FPOP),
	FAIL("fbld"), FLD("fild", 5), FAIL("fbstp"), FST("fistp", 5 | FPOP),
};

static const struct emu_desc op_db_e0[8] = {
	[0 ... 1] = FAIL("fpu"),
	[2] = I0("fnclex", fnclex, 0, D_X87), I0("fninit", fninit, 0, D_X87), FAIL("fpu"),
};

static const struct emu_desc op_df_e0[8] = {
	I1("fnstsw", fnstcw, 1, D_X87 | D_W0, AX),
};

static const struct emu_desc op_db_reg[8] = {
	[0 ... 3] = FAIL("fpu"), [4] = GROUP(RM, op_db_e0), [5 ... 7] = FAIL("fpu"),
};

static const struct emu_desc op_df_reg[8] = {
	[0 ... 3] = FAIL("fpu"), [4] = GROUP(RM, op_df_e0), [5 ... 7] = FAIL("fpu"),
};

static const struct emu_desc op_d9[2] = { GROUP(REG, op_d9_mem), FAIL("fpu") };
static const struct emu_desc op_db[2] = { GROUP(REG, op_db_mem), GROUP(REG, op_db_reg) };
static const struct emu_desc op_dd[2] = { GROUP(REG, op_dd_mem), FAIL("fpu") };
static const struct emu_desc op_df[2] = { GROUP(REG, op_df_mem), GROUP(REG, op_df_reg) };

const struct emu_desc emu_map_1[256] = {
	[0x00] = I2("add", alu, 0, LRW, Eb, Gb), I2("add", alu, 0, LRW, Ev, Gv),
	I2("add", alu, 0, D_RW, Gb, Eb), I2("add", alu, 0, D_RW, Gv, Ev),
	I2("add", alu, 0, D_RW, AL, Ib), I2("add", alu, 0, D_RW, rAX, Iz),
	[0x06] = I0("push", push_seg, X86_SEG_ES, D_NO64), I0("pop", pop_seg, X86_SEG_ES, D_NO64),
	[0x08] = I2("or", alu, 1, LRW, Eb, Gb), I2("or", alu, 1, LRW, Ev, Gv),
	I2("or", alu, 1, D_RW, Gb, Eb), I2("or", alu, 1, D_RW, Gv, Ev),
	I2("or", alu, 1, D_RW, AL, Ib), I2("or", alu, 1, D_RW, rAX, Iz),
	[0x0e] = I0("push", push_seg, X86_SEG_CS, D_NO64),
	[0x10] = I2("adc", alu, 2, LRW, Eb, Gb), I2("adc", alu, 2, LRW, Ev, Gv),
	I2("adc", alu, 2, D_RW, Gb, Eb), I2("adc", alu, 2, D_RW, Gv, Ev),
	I2("adc", alu, 2, D_RW, AL, Ib), I2("adc", alu, 2, D_RW, rAX, Iz),
	[0x16] = I0("push", push_seg, X86_SEG_SS, D_NO64), I0("pop", pop_seg, X86_SEG_SS, D_NO64),
	[0x18] = I2("sbb", alu, 3, LRW, Eb, Gb), I2("sbb", alu, 3, LRW, Ev, Gv),
	I2("sbb", alu, 3, D_RW, Gb, Eb), I2("sbb", alu, 3, D_RW, Gv, Ev),
	I2("sbb", alu, 3, D_RW, AL, Ib), I2("sbb", alu, 3, D_RW, rAX, Iz),
	[0x1e] = I0("push", push_seg, X86_SEG_DS, D_NO64), I0("pop", pop_seg, X86_SEG_DS, D_NO64),
	[0x20] = I2("and", alu, 4, LRW, Eb, Gb), I2("and", alu, 4, LRW, Ev, Gv),
	I2("and", alu, 4, D_RW, Gb, Eb), I2("and", alu, 4, D_RW, Gv, Ev),
	I2("and", alu, 4, D_RW, AL, Ib), I2("and", alu, 4, D_RW, rAX, Iz),
	[0x27] = I0("daa", bcd, 0, D_NO64),
	[0x28] = I2("sub", alu, 5, LRW, Eb, Gb), I2("sub", alu, 5, LRW, Ev, Gv),
	I2("sub", alu, 5, D_RW, Gb, Eb), I2("sub", alu, 5, D_RW, Gv, Ev),
	I2("sub", alu, 5, D_RW, AL, Ib), I2("sub", alu, 5, D_RW, rAX, Iz),
	[0x2f] = I0("das", bcd, 1, D_NO64),
	[0x30] = I2("xor", alu, 6, LRW, Eb, Gb), I2("xor", alu, 6, LRW, Ev, Gv),
	I2("xor", alu, 6, D_RW, Gb, Eb), I2("xor", alu, 6, D_RW, Gv, Ev),
	I2("xor", alu, 6, D_RW, AL, Ib), I2("xor", alu, 6, D_RW, rAX, Iz),
	[0x37] = I0("aaa", bcd, 2, D_NO64),
	[0x38] = I2("cmp", alu, 7, D_R0, Eb, Gb), I2("cmp", alu, 7, D_R0, Ev, Gv),
	I2("cmp", alu, 7, D_R0, Gb, Eb), I2("cmp", alu, 7, D_R0, Gv, Ev),
	I2("cmp", alu, 7, D_R0, AL, Ib), I2("cmp", alu, 7, D_R0, rAX, Iz),
	[0x3f] = I0("aas", bcd, 3, D_NO64),
	[0x40 ... 0x47] = I1("inc", inc, 0, D_RW | D_NO64, Zv),
	[0x48 ... 0x4f] = I1("dec", dec, 0, D_RW | D_NO64, Zv),
	[0x50 ... 0x57] = I1("push", push, 0, D_R0 | D_D64, Zv),
	[0x58 ... 0x5f] = I1("pop", pop, 0, D_D64, Zv),
	[0x60] = I0("pusha", pusha, 0, D_NO64), I0("popa", popa, 0, D_NO64),
	I2("bound", bound, 0, D_R0 | D_ADDR | D_NO64, Gv, Mv), GROUP(M64, op_63),
	[0x68] = I1("push", push, 0, D_R0 | D_D64, Iz),
	I3("imul", imul, 1, D_W0, Gv, Ev, Iz),
	I1("push", push, 0, D_R0 | D_D64, Ib),
	I3("imul", imul, 1, D_W0, Gv, Ev, Ib),
	[0x6c] = I1("ins", ins, 0, D_REP, NB), I1("ins", ins, 0, D_REP, NF),
	I1("outs", outs, 0, D_REP, NB), I1("outs", outs, 0, D_REP, NF),
	[0x70 ... 0x7f] = I1("jcc", jcc, 0, D_F64, Jb),
	[0x80] = GROUP(REG, group1[0]), GROUP(REG, group1[1]), GROUP(REG, group1[2]),
	GROUP(REG, group1[3]),
	[0x84] = I2("test", test, 0, D_R0, Eb, Gb), I2("test", test, 0, D_R0, Ev, Gv),
	I2("xchg", xchg, 0, LRW | D_W1 | D_XLOCK, Eb, Gb),
	I2("xchg", xchg, 0, LRW | D_W1 | D_XLOCK, Ev, Gv),
	[0x88] = I2("mov", mov, 0, D_W0, Eb, Gb), I2("mov", mov, 0, D_W0, Ev, Gv),
	I2("mov", mov, 0, D_W0, Gb, Eb), I2("mov", mov, 0, D_W0, Gv, Ev),
	I2("mov", mov_from_seg, 0, D_W0, Er, Sw), I2("lea", lea, 0, D_W0 | D_ADDR, Gv, Mv),
	I2("mov", mov_to_seg, 0, 0, Sw, Ew), GROUP(REG, group1a),
	[0x90] = I0("nop", nop_xchg, 0, 0),
	[0x91 ... 0x97] = I2("xchg", xchg, 0, D_RW | D_W1, Zv, rAX),
	[0x98] = I1("cbw", cbw, 0, D_RW, rAX), I2("cwd", cwd, 0, D_W0, rDX, rAX),
	[0x9a] = I1("callf", callf, 0, D_NO64, Ap), I0("fwait", fwait, 0, 0),
	[0x9c] = I0("pushf", pushf, 0, D_D64), I0("popf", popf, 0, D_D64),
	I0("sahf", sahf, 0, 0), I0("lahf", lahf, 0, 0),
	[0xa0] = I2("mov", mov, 0, D_W0, AL, Ob), I2("mov", mov, 0, D_W0, rAX, Ov),
	I2("mov", mov, 0, D_W0, Ob, AL), I2("mov", mov, 0, D_W0, Ov, rAX),
	[0xa4] = I1("movs", movs, 0, D_REP, NB), I1("movs", movs, 0, D_REP, NV),
	I1("cmps", cmps, 0, D_REP, NB), I1("cmps", cmps, 0, D_REP, NV),
	[0xa8] = I2("test", test, 0, D_R0, AL, Ib), I2("test", test, 0, D_R0, rAX, Iz),
	I1("stos", stos, 0, D_REP, NB), I1("stos", stos, 0, D_REP, NV),
	I1("lods", lods, 0, D_REP, NB), I1("lods", lods, 0, D_REP, NV),
	I1("scas", scas, 0, D_REP, NB), I1("scas", scas, 0, D_REP, NV),
	[0xb0 ... 0xb7] = I2("mov", mov, 0, D_W0, Zb, Ib),
	[0xb8 ... 0xbf] = I2("mov", mov, 0, D_W0, Zv, Iv),
	[0xc0] = GROUP(REG, group2[0]), GROUP(REG, group2[1]),
	I1("ret", ret, 0, D_F64, Iw), I0("ret", ret, 0, D_F64),
	I2("les", lds, X86_SEG_ES, D_ADDR | D_NO64, Gv, Mp),
	I2("lds", lds, X86_SEG_DS, D_ADDR | D_NO64, Gv, Mp),
	GROUP(REG, group11[0]), GROUP(REG, group11[1]),
	[0xc8] = I2("enter", enter, 0, D_D64, Iw, Ib2), I0("leave", leave, 0, D_D64),
	I1("retf", retf, 0, 0, Iw), I0("retf", retf, 0, 0),
	I0("int3", int3, 0, 0), I1("int", int, 0, 0, Ib),
	I0("into", into, 0, D_NO64), I0("iret", iret, 0, 0),
	[0xd0] = GROUP(REG, group2[2]), GROUP(REG, group2[3]), GROUP(REG, group2[4]),
	GROUP(REG, group2[5]),
	[0xd4] = I1("aam", aam, 0, D_NO64, Ib), I1("aad", aad, 0, D_NO64, Ib),
	I1("salc", salc, 0, D_W0 | D_NO64, AL), I1("xlat", xlat, 0, D_W0, AL),
	[0xd8] = FAIL("fpu"), GROUP(MOD, op_d9), FAIL("fpu"), GROUP(MOD, op_db),
	FAIL("fpu"), GROUP(MOD, op_dd), FAIL("fpu"), GROUP(MOD, op_df),
	[0xe0] = I1("loopne", loop, 0, D_F64, Jb), I1("loope", loop, 0, D_F64, Jb),
	I1("loop", loop, 0, D_F64, Jb), I1("jcxz", jcxz, 0, D_F64, Jb),
	I2("in", in, 0, D_W0, AL, Ib), I2("in", in, 0, D_W0, eAX, Ib),
	I2("out", out, 0, D_R0, Ib, AL), I2("out", out, 0, D_R0, Ib, eAX),
	[0xe8] = I1("call", call, 0, D_F64, Jz), I1("jmp", jmp, 0, D_F64, Jz),
	I1("jmpf", jmpf, 0, D_NO64, Ap), I1("jmp", jmp, 0, D_F64, Jb),
	I2("in", in, 0, D_W0, AL, DX), I2("in", in, 0, D_W0, eAX, DX),
	I2("out", out, 0, D_R0, DX, AL), I2("out", out, 0, D_R0, DX, eAX),
	[0xf1] = I0("int1", int1, 0, 0),
	[0xf4] = I0("hlt", hlt, 0, D_PRIV), I0("cmc", flag, 0, 0), GROUP(REG, group3[0]),
	GROUP(REG, group3[1]),
	I0("clc", flag, 0, 0), I0("stc", flag, 0, 0), I0("cli", cli, 0, 0), I0("sti", sti, 0, 0),
	I0("cld", flag, 0, 0), I0("std", flag, 0, 0), GROUP(REG, group4), GROUP(REG, group5),
};
