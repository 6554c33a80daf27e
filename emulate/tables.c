// SPDX-License-Identifier: GPL-2.0-only
/*
 * The opcode maps, after SDM vol. 2D appendix A. An entry is not there: #UD.
 */
#include "internal.h"

/* Operands by the SDM's names. */
enum {
	Eb = OP(E, B), Ew = OP(E, W), Ev = OP(E, V), Ez = OP(E, F), Ey = OP(E, Y), Er = OP(E, R),
	Gb = OP(G, B), Gw = OP(G, W), Gv = OP(G, V), Gy = OP(G, Y),
	Mb = OP(M, B), Mw = OP(M, W), Md = OP(M, D), Mq = OP(M, Q), Mv = OP(M, V), My = OP(M, Y),
	Mp = OP(M, P), Mx = OP(M, X), Mc = OP(M, C), Ms = OP(M, T), Rn = OP(R, N),
	Ry = OP(R, Y),
	Zb = OP(Z, B), Zv = OP(Z, V), AL = OP(ACC, B), AX = OP(ACC, W), eAX = OP(ACC, F),
	rAX = OP(ACC, V), rDX = OP(DX, V), CL = OP(CL, B), DX = OP(DX, W), One = OP(ONE, B),
	Ib = OP(I, B), Iw = OP(I, W), Iz = OP(I, F), Iv = OP(I, V), Ib2 = OP(I2, B),
	Jb = OP(J, B), Jz = OP(J, F), Ap = OP(AP, P), Ob = OP(O, B), Ov = OP(O, V),
	Sw = OP(S, W), Cn = OP(C, N), Dn = OP(D, N),
	Vx = OP(V, X), Vo = OP(V, O), Wx = OP(W, X), Wd = OP(W, D), Wq = OP(W, Q), Ho = OP(H, O),
	Wb = OP(W, B), Ww = OP(W, W), Wo = OP(W, O),
	Wx2 = OP(W, X2), Wx4 = OP(W, X4), Wx8 = OP(W, X8), Wxq = OP(W, XQ),
	Uo = OP(U, O), Ux = OP(U, X), Hx = OP(H, X), Mo = OP(M, O),
	Pq = OP(P, Q), Qq = OP(Q, Q), Nq = OP(N, Q), By = OP(B, Y),
	Gd = OP(G, D), Ed = OP(E, D), Erb = OP(E, RB), Erw = OP(E, RW),
	NB = OP(NONE, B), NV = OP(NONE, V), NF = OP(NONE, F),
};

#define I0(n, h, a, f)			{ .name = n, .exec = ex_##h, .kind = DESC_INSN, \
					  .aux = a, .flags = f }
#define I1(n, h, a, f, p)		{ .name = n, .exec = ex_##h, .kind = DESC_INSN, \
					  .aux = a, .flags = f, .op = { p } }
#define I2(n, h, a, f, p, q)		{ .name = n, .exec = ex_##h, .kind = DESC_INSN, \
					  .aux = a, .flags = f, .op = { p, q } }
#define I3(n, h, a, f, p, q, r)		{ .name = n, .exec = ex_##h, .kind = DESC_INSN, \
					  .aux = a, .flags = f, .op = { p, q, r } }
#define FAIL(n)				{ .name = n, .kind = DESC_FAIL }
#define GROUP(k, t)			{ .table = t, .kind = DESC_##k }

#define LRW	(D_RW | D_LOCK)

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

static const struct emu_desc group8[8] = {
	[4] = I2("bt", bt, 4, D_R0 | D_ADDR, Ev, Ib),
	I2("bts", bt, 5, D_R0 | D_ADDR | D_LOCK, Ev, Ib),
	I2("btr", bt, 6, D_R0 | D_ADDR | D_LOCK, Ev, Ib),
	I2("btc", bt, 7, D_R0 | D_ADDR | D_LOCK, Ev, Ib),
};

static const struct emu_desc group9[2][8] = {
	{ [1] = I1("cmpxchg8b", cmpxchg8b, 0, D_ADDR | D_LOCK, Mc),
	  [3] = FAIL("xrstors"), FAIL("xsavec"), FAIL("xsaves") },
	{ [6] = FAIL("rdrand"), FAIL("rdseed") },
};

static const struct emu_desc group9_mod[2] = { GROUP(REG, group9[0]), GROUP(REG, group9[1]) };

static const struct emu_desc group11[2][8] = {
	{ I2("mov", mov, 0, D_W0, Eb, Ib), [7] = FAIL("xabort") },
	{ I2("mov", mov, 0, D_W0, Ev, Iz), [7] = FAIL("xbegin") },
};

static const struct emu_desc op_63[2] = {
	I2("arpl", arpl, 0, D_R0 | D_PROT, Ew, Gw), I2("movsxd", movsx, 0, D_W0, Gv, Ez),
};

static const struct emu_desc op_b8[4] = {
	[2] = I2("popcnt", popcnt, 0, D_W0, Gv, Ev),
};

static const struct emu_desc op_bc[4] = {
	I2("bsf", scan, EMU_BSF, 0, Gv, Ev), I2("bsf", scan, EMU_BSF, 0, Gv, Ev),
	I2("tzcnt", scan, EMU_TZCNT, 0, Gv, Ev), I2("bsf", scan, EMU_BSF, 0, Gv, Ev),
};

static const struct emu_desc op_bd[4] = {
	I2("bsr", scan, EMU_BSR, 0, Gv, Ev), I2("bsr", scan, EMU_BSR, 0, Gv, Ev),
	I2("lzcnt", scan, EMU_LZCNT, 0, Gv, Ev), I2("bsr", scan, EMU_BSR, 0, Gv, Ev),
};

static const struct emu_desc op_c3[4] = {
	I2("movnti", mov, 0, D_W0, My, Gy),
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
	[0x06] = I0("push", push_seg, EMU_SEG_ES, D_NO64), I0("pop", pop_seg, EMU_SEG_ES, D_NO64),
	[0x08] = I2("or", alu, 1, LRW, Eb, Gb), I2("or", alu, 1, LRW, Ev, Gv),
	I2("or", alu, 1, D_RW, Gb, Eb), I2("or", alu, 1, D_RW, Gv, Ev),
	I2("or", alu, 1, D_RW, AL, Ib), I2("or", alu, 1, D_RW, rAX, Iz),
	[0x0e] = I0("push", push_seg, EMU_SEG_CS, D_NO64),
	[0x10] = I2("adc", alu, 2, LRW, Eb, Gb), I2("adc", alu, 2, LRW, Ev, Gv),
	I2("adc", alu, 2, D_RW, Gb, Eb), I2("adc", alu, 2, D_RW, Gv, Ev),
	I2("adc", alu, 2, D_RW, AL, Ib), I2("adc", alu, 2, D_RW, rAX, Iz),
	[0x16] = I0("push", push_seg, EMU_SEG_SS, D_NO64), I0("pop", pop_seg, EMU_SEG_SS, D_NO64),
	[0x18] = I2("sbb", alu, 3, LRW, Eb, Gb), I2("sbb", alu, 3, LRW, Ev, Gv),
	I2("sbb", alu, 3, D_RW, Gb, Eb), I2("sbb", alu, 3, D_RW, Gv, Ev),
	I2("sbb", alu, 3, D_RW, AL, Ib), I2("sbb", alu, 3, D_RW, rAX, Iz),
	[0x1e] = I0("push", push_seg, EMU_SEG_DS, D_NO64), I0("pop", pop_seg, EMU_SEG_DS, D_NO64),
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
	I2("les", lds, EMU_SEG_ES, D_ADDR | D_NO64, Gv, Mp),
	I2("lds", lds, EMU_SEG_DS, D_ADDR | D_NO64, Gv, Mp),
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

static const struct emu_desc group6[8] = {
	I1("sldt", sldt, EMU_SEG_LDTR, D_W0 | D_PROT | D_UMIP, Er),
	I1("str", sldt, EMU_SEG_TR, D_W0 | D_PROT | D_UMIP, Er),
	I1("lldt", lldt, EMU_SEG_LDTR, D_R0 | D_PROT | D_PRIV, Ew),
	I1("ltr", lldt, EMU_SEG_TR, D_R0 | D_PROT | D_PRIV, Ew),
	I1("verr", verr, 0, D_R0 | D_PROT, Ew), I1("verw", verr, 1, D_R0 | D_PROT, Ew),
};

static const struct emu_desc group7_mem[8] = {
	I1("sgdt", sgdt, 0, D_ADDR | D_UMIP, Ms), I1("sidt", sgdt, 1, D_ADDR | D_UMIP, Ms),
	I1("lgdt", lgdt, 0, D_ADDR | D_PRIV, Ms), I1("lidt", lgdt, 1, D_ADDR | D_PRIV, Ms),
	I1("smsw", smsw, 0, D_W0 | D_UMIP, Er),
	[6] = I1("lmsw", lmsw, 0, D_R0 | D_PRIV, Ew), I1("invlpg", invlpg, 0, D_ADDR | D_PRIV, Mb),
};

static const struct emu_desc op_01_xcr[2][4] = {
	{ I0("xgetbv", xcr, 0, 0) }, { I0("xsetbv", xcr, 1, 0) },
};

static const struct emu_desc op_01[4][8] = {
	{ [1] = I0("vmcall", vmcall, 0, 0) },
	{ I0("monitor", monitor, 0, 0), I0("mwait", mwait, 0, 0),
	  I0("clac", stac, 0, 0), I0("stac", stac, 1, 0) },
	{ GROUP(PFX, op_01_xcr[0]), GROUP(PFX, op_01_xcr[1]), [5] = FAIL("xend"), FAIL("xtest") },
	{ I0("swapgs", swapgs, 0, D_PRIV | D_ONLY64), I0("rdtscp", rdtsc, 1, 0) },
};

static const struct emu_desc group7_reg[8] = {
	GROUP(RM, op_01[0]), GROUP(RM, op_01[1]), GROUP(RM, op_01[2]),
	[4] = I1("smsw", smsw, 0, D_W0 | D_UMIP, Er), FAIL("rdpkru"),
	I1("lmsw", lmsw, 0, D_R0 | D_PRIV, Ew), GROUP(RM, op_01[3]),
};

static const struct emu_desc group7[2] = { GROUP(REG, group7_mem), GROUP(REG, group7_reg) };

static const struct emu_desc group15_base[4][4] = {
	{ [2] = I1("rdfsbase", fsgsbase, 0, D_W0 | D_ONLY64, Ry) },
	{ [2] = I1("rdgsbase", fsgsbase, 0, D_W0 | D_ONLY64, Ry) },
	{ [2] = I1("wrfsbase", fsgsbase, 1, D_R0 | D_ONLY64, Ry) },
	{ [2] = I1("wrgsbase", fsgsbase, 1, D_R0 | D_ONLY64, Ry) },
};

static const struct emu_desc group15_flush[2][4] = {
	{ FAIL("xsaveopt"), I1("clwb", clflush, 0, D_ADDR, Mb) },
	{ I1("clflush", clflush, 0, D_ADDR, Mb), I1("clflushopt", clflush, 0, D_ADDR, Mb) },
};

static const struct emu_desc group15_fence[3][4] = {
	{ I0("lfence", nop, 0, 0), [2] = FAIL("incssp") },
	{ I0("mfence", nop, 0, 0), FAIL("tpause"), FAIL("umonitor"), FAIL("umwait") },
	{ I0("sfence", nop, 0, 0) },
};

static const struct emu_desc group15_state[4][4] = {
	{ I1("fxsave", fxsave, 0, D_ADDR, Mb) }, { I1("fxrstor", fxrstor, 0, D_ADDR, Mb) },
	{ I1("ldmxcsr", mxcsr, 1, D_SSE | D_VEX | D_VEX0 | D_R0, Md) },
	{ I1("stmxcsr", mxcsr, 0, D_SSE | D_VEX | D_VEX0 | D_W0, Md) },
};

static const struct emu_desc group15_mem[8] = {
	GROUP(PFX, group15_state[0]), GROUP(PFX, group15_state[1]),
	GROUP(PFX, group15_state[2]), GROUP(PFX, group15_state[3]),
	FAIL("xsave"), FAIL("xrstor"), GROUP(PFX, group15_flush[0]), GROUP(PFX, group15_flush[1]),
};

static const struct emu_desc group15_reg[8] = {
	GROUP(PFX, group15_base[0]), GROUP(PFX, group15_base[1]), GROUP(PFX, group15_base[2]),
	GROUP(PFX, group15_base[3]), [5] = GROUP(PFX, group15_fence[0]),
	GROUP(PFX, group15_fence[1]), GROUP(PFX, group15_fence[2]),
};

static const struct emu_desc group15[2] = { GROUP(REG, group15_mem), GROUP(REG, group15_reg) };

/* Moves of vectors: whole, scalar, halves, to and from general and MMX registers. */
#define VLOAD	(D_SSE | D_VEX)
#define VSTORE	(D_SSE | D_VEX | D_W0)
/* ... to the place that the immediate says; of VEX alone. */
#define VINSERT	(D_SSE | D_VEX | D_VEX0 | D_VVVV)
#define VONLY	(D_SSE | D_VEX | D_ONLYVEX | D_VEXW0)

static const struct emu_desc op_10[4] = {
	I2("movups", movv, 0, VLOAD, Vx, Wx), I2("movupd", movv, 0, VLOAD, Vx, Wx),
	I3("movss", movs_scalar, 4, VLOAD | D_HREG, Vo, Wd, Ho),
	I3("movsd", movs_scalar, 8, VLOAD | D_HREG, Vo, Wq, Ho),
};

static const struct emu_desc op_11[4] = {
	I2("movups", movv, 0, VSTORE, Wx, Vx), I2("movupd", movv, 0, VSTORE, Wx, Vx),
	I3("movss", movs_scalar, 4, VSTORE | D_HREG, Wd, Vo, Ho),
	I3("movsd", movs_scalar, 8, VSTORE | D_HREG, Wq, Vo, Ho),
};

static const struct emu_desc op_12_mod[2] = {
	I3("movlps", movh_load, 0, VLOAD | D_VEX0, Vo, Mq, Ho),
	I3("movhlps", movh_load, 2, VLOAD | D_VEX0, Vo, Wq, Ho),
};

static const struct emu_desc op_16_mod[2] = {
	I3("movhps", movh_load, 1, VLOAD | D_VEX0, Vo, Mq, Ho),
	I3("movlhps", movh_load, 1, VLOAD | D_VEX0, Vo, Wq, Ho),
};

static const struct emu_desc op_12[4] = {
	GROUP(MOD, op_12_mod), I3("movlpd", movh_load, 0, VLOAD | D_VEX0, Vo, Mq, Ho),
	I2("movsldup", movdup, 4, VLOAD | D_ALIGN_SSE, Vx, Wx),
	I2("movddup", movdup, 8, VLOAD, Vx, Wxq),
};

static const struct emu_desc op_13[4] = {
	I2("movlps", movh_store, 0, VSTORE | D_VEX0, Mq, Vo),
	I2("movlpd", movh_store, 0, VSTORE | D_VEX0, Mq, Vo),
};

static const struct emu_desc op_16[4] = {
	GROUP(MOD, op_16_mod), I3("movhpd", movh_load, 1, VLOAD | D_VEX0, Vo, Mq, Ho),
	I2("movshdup", movdup, 4 | 16, VLOAD | D_ALIGN_SSE, Vx, Wx),
};

static const struct emu_desc op_17[4] = {
	I2("movhps", movh_store, 1, VSTORE | D_VEX0, Mq, Vo),
	I2("movhpd", movh_store, 1, VSTORE | D_VEX0, Mq, Vo),
};

static const struct emu_desc op_28[4] = {
	I2("movaps", movv, 0, VLOAD | D_ALIGN, Vx, Wx),
	I2("movapd", movv, 0, VLOAD | D_ALIGN, Vx, Wx),
};

static const struct emu_desc op_29[4] = {
	I2("movaps", movv, 0, VSTORE | D_ALIGN, Wx, Vx),
	I2("movapd", movv, 0, VSTORE | D_ALIGN, Wx, Vx),
};

static const struct emu_desc op_2b[4] = {
	I2("movntps", movv, 0, VSTORE | D_ALIGN, Mx, Vx),
	I2("movntpd", movv, 0, VSTORE | D_ALIGN, Mx, Vx),
};

static const struct emu_desc op_50[4] = {
	I2("movmskps", movmsk, 4, VLOAD, Gd, Ux), I2("movmskpd", movmsk, 8, VLOAD, Gd, Ux),
};

static const struct emu_desc op_6e[4] = {
	I2("movd", movv, 0, D_MMX, Pq, Ey), I2("movd", movv, 0, VLOAD | D_VEX0, Vo, Ey),
};

static const struct emu_desc op_6f[4] = {
	I2("movq", movv, 0, D_MMX, Pq, Qq), I2("movdqa", movv, 0, VLOAD | D_ALIGN, Vx, Wx),
	I2("movdqu", movv, 0, VLOAD, Vx, Wx),
};

static const struct emu_desc op_77_vex[2] = {
	I0("emms", emms, 0, D_MMX), I0("vzeroupper", vzero, 0, VLOAD),
};

static const struct emu_desc op_77[4] = { GROUP(VEX, op_77_vex) };

static const struct emu_desc op_7e[4] = {
	I2("movd", movv, 0, D_MMX | D_W0, Ey, Pq), I2("movd", movv, 0, VSTORE | D_VEX0, Ey, Vo),
	I2("movq", movv, 0, VLOAD | D_VEX0, Vo, Wq),
};

static const struct emu_desc op_7f[4] = {
	I2("movq", movv, 0, D_MMX | D_W0, Qq, Pq), I2("movdqa", movv, 0, VSTORE | D_ALIGN, Wx, Vx),
	I2("movdqu", movv, 0, VSTORE, Wx, Vx),
};

static const struct emu_desc op_c4[4] = {
	I3("pinsrw", pinsr, 2, D_MMX, Pq, Erw, Ib), I3("pinsrw", pinsr, 2, VINSERT, Vo, Erw, Ib),
};

static const struct emu_desc op_c5[4] = {
	I3("pextrw", pextr, 2, D_MMX, Gd, Nq, Ib),
	I3("pextrw", pextr, 2, VLOAD | D_VEX0, Gd, Uo, Ib),
};

static const struct emu_desc op_d6_mod[2][2] = {
	{ [1] = I2("movq2dq", movv, 0, D_SSE | D_MMX, Vo, Qq) },
	{ [1] = I2("movdq2q", movv, 0, D_SSE | D_MMX, Pq, Wq) },
};

static const struct emu_desc op_d6[4] = {
	[1] = I2("movq", movv, 0, VSTORE | D_VEX0, Wq, Vo),
	GROUP(MOD, op_d6_mod[0]), GROUP(MOD, op_d6_mod[1]),
};

static const struct emu_desc op_d7[4] = {
	I2("pmovmskb", movmsk, 1, D_MMX, Gd, Nq), I2("pmovmskb", movmsk, 1, VLOAD, Gd, Ux),
};

static const struct emu_desc op_e7[4] = {
	I2("movntq", movv, 0, D_MMX | D_W0, Mq, Pq),
	I2("movntdq", movv, 0, VSTORE | D_ALIGN, Mx, Vx),
};

static const struct emu_desc op_f0[4] = {
	[3] = I2("lddqu", movv, 0, VLOAD, Vx, Mx),
};

static const struct emu_desc op_f7[4] = {
	I2("maskmovq", maskmov, 0, D_MMX, Pq, Nq),
	I2("maskmovdqu", maskmov, 0, VLOAD | D_VEX0, Vo, Uo),
};

const struct emu_desc emu_map_0f[256] = {
	[0x00] = GROUP(REG, group6), GROUP(MOD, group7),
	I2("lar", lar, 0, D_PROT, Gv, Ew), I2("lsl", lar, 1, D_PROT, Gv, Ew),
	[0x05] = I0("syscall", syscall, 0, D_PROT), I0("clts", clts, 0, D_PRIV),
	I0("sysret", sysret, 0, D_PROT),
	I0("invd", wbinvd, 0, D_PRIV), I0("wbinvd", wbinvd, 1, D_PRIV),
	[0x0d] = I1("prefetchw", nop, 0, D_ADDR, Ev),
	[0x10] = GROUP(PFX, op_10), GROUP(PFX, op_11), GROUP(PFX, op_12), GROUP(PFX, op_13),
	FAIL("unpcklps"), FAIL("unpckhps"), GROUP(PFX, op_16), GROUP(PFX, op_17),
	[0x18 ... 0x1f] = I1("nop", nop, 0, D_ADDR, Ev),
	[0x20] = I2("mov", mov_from_cr, 0, D_W0 | D_PRIV | D_MOD3, Rn, Cn),
	I2("mov", mov_from_dr, 0, D_W0 | D_PRIV | D_MOD3, Rn, Dn),
	I2("mov", mov_to_cr, 0, D_PRIV | D_MOD3, Cn, Rn),
	I2("mov", mov_to_dr, 0, D_PRIV | D_MOD3, Dn, Rn),
	[0x28] = GROUP(PFX, op_28), GROUP(PFX, op_29), FAIL("cvtpi2ps"), GROUP(PFX, op_2b),
	FAIL("cvttps2pi"), FAIL("cvtps2pi"), FAIL("ucomiss"), FAIL("comiss"),
	[0x30] = I0("wrmsr", wrmsr, 0, D_PRIV), I0("rdtsc", rdtsc, 0, 0),
	I0("rdmsr", rdmsr, 0, D_PRIV), I0("rdpmc", rdpmc, 0, 0),
	I0("sysenter", sysenter, 0, 0), I0("sysexit", sysexit, 0, D_PRIV), [0x37] = FAIL("getsec"),
	[0x40 ... 0x4f] = I2("cmov", cmov, 0, D_RW, Gv, Ev),
	[0x50] = GROUP(PFX, op_50),
	[0x51 ... 0x6d] = FAIL("sse"),
	[0x6e] = GROUP(PFX, op_6e), GROUP(PFX, op_6f),
	[0x70 ... 0x76] = FAIL("sse"),
	[0x77] = GROUP(PFX, op_77),
	[0x7c ... 0x7d] = FAIL("sse"),
	[0x7e] = GROUP(PFX, op_7e), GROUP(PFX, op_7f),
	[0x80 ... 0x8f] = I1("jcc", jcc, 0, D_F64, Jz),
	[0x90 ... 0x9f] = I1("setcc", setcc, 0, D_W0, Eb),
	[0xa0] = I0("push", push_seg, EMU_SEG_FS, D_D64), I0("pop", pop_seg, EMU_SEG_FS, D_D64),
	I0("cpuid", cpuid, 0, 0), I2("bt", bt, 4, D_R0 | D_ADDR, Ev, Gv),
	I3("shld", shld, EMU_SHLD, D_RW, Ev, Gv, Ib), I3("shld", shld, EMU_SHLD, D_RW, Ev, Gv, CL),
	[0xa8] = I0("push", push_seg, EMU_SEG_GS, D_D64), I0("pop", pop_seg, EMU_SEG_GS, D_D64),
	[0xab] = I2("bts", bt, 5, D_R0 | D_ADDR | D_LOCK, Ev, Gv),
	I3("shrd", shld, EMU_SHRD, D_RW, Ev, Gv, Ib), I3("shrd", shld, EMU_SHRD, D_RW, Ev, Gv, CL),
	GROUP(MOD, group15), I2("imul", imul, 0, D_RW, Gv, Ev),
	I2("cmpxchg", cmpxchg, 0, LRW, Eb, Gb), I2("cmpxchg", cmpxchg, 0, LRW, Ev, Gv),
	I2("lss", lds, EMU_SEG_SS, D_ADDR, Gv, Mp),
	I2("btr", bt, 6, D_R0 | D_ADDR | D_LOCK, Ev, Gv),
	I2("lfs", lds, EMU_SEG_FS, D_ADDR, Gv, Mp), I2("lgs", lds, EMU_SEG_GS, D_ADDR, Gv, Mp),
	I2("movzx", mov, 0, D_W0, Gv, Eb), I2("movzx", mov, 0, D_W0, Gv, Ew),
	[0xb8] = GROUP(PFX, op_b8),
	[0xba] = GROUP(REG, group8), I2("btc", bt, 7, D_R0 | D_ADDR | D_LOCK, Ev, Gv),
	GROUP(PFX, op_bc), GROUP(PFX, op_bd),
	I2("movsx", movsx, 0, D_W0, Gv, Eb), I2("movsx", movsx, 0, D_W0, Gv, Ew),
	I2("xadd", xadd, 0, LRW | D_W1, Eb, Gb), I2("xadd", xadd, 0, LRW | D_W1, Ev, Gv),
	FAIL("cmpps"), GROUP(PFX, op_c3), GROUP(PFX, op_c4), GROUP(PFX, op_c5), FAIL("shufps"),
	GROUP(MOD, group9_mod),
	[0xc8 ... 0xcf] = I1("bswap", bswap, 0, D_RW, Zv),
	[0xd0 ... 0xd5] = FAIL("sse"),
	[0xd6] = GROUP(PFX, op_d6),
	[0xd7] = GROUP(PFX, op_d7),
	[0xd8 ... 0xe6] = FAIL("sse"),
	[0xe7] = GROUP(PFX, op_e7),
	[0xe8 ... 0xef] = FAIL("sse"),
	[0xf0] = GROUP(PFX, op_f0),
	[0xf1 ... 0xf6] = FAIL("sse"),
	[0xf7] = GROUP(PFX, op_f7),
	[0xf8 ... 0xfe] = FAIL("sse"),
};

static const struct emu_desc op_38_18[3][4] = {
	{ [1] = I2("vbroadcastss", broadcast, 4, VONLY, Vx, Wd) },
	{ [1] = I2("vbroadcastsd", broadcast, 8, VONLY | D_VEX1, Vx, Wq) },
	{ [1] = I2("vbroadcastf128", broadcast, 16, VONLY | D_VEX1, Vx, Mo) },
};

/* aux: bytes of the source's elements, of the destination's, signed. */
static const struct emu_desc op_38_20[2][6][4] = {
#define PMOVX1(name, from, to, sign, src) \
	{ [1] = I2(name, pmovx, (from) | (to) << 3 | (sign) << 7, VLOAD, Vx, src) }
#define PMOVX(name, sign) { \
	PMOVX1(name "bw", 1, 2, sign, Wx2), PMOVX1(name "bd", 1, 4, sign, Wx4), \
	PMOVX1(name "bq", 1, 8, sign, Wx8), PMOVX1(name "wd", 2, 4, sign, Wx2), \
	PMOVX1(name "wq", 2, 8, sign, Wx4), PMOVX1(name "dq", 4, 8, sign, Wx2) }
	PMOVX("pmovsx", 1), PMOVX("pmovzx", 0),
};

static const struct emu_desc op_38_2a[4] = {
	[1] = I2("movntdqa", movv, 0, VLOAD | D_ALIGN, Vx, Mx),
};

/* aux: bytes of an element; 0: VEX.W says. */
static const struct emu_desc op_38_2c[4][4] = {
	{ [1] = I3("vmaskmovps", vmaskmov, 4, VONLY | D_ADDR, Vx, Hx, Mx) },
	{ [1] = I3("vmaskmovpd", vmaskmov, 8, VONLY | D_ADDR, Vx, Hx, Mx) },
	{ [1] = I3("vmaskmovps", vmaskmov, 4, VONLY | D_ADDR | D_W0, Mx, Hx, Vx) },
	{ [1] = I3("vmaskmovpd", vmaskmov, 8, VONLY | D_ADDR | D_W0, Mx, Hx, Vx) },
};

static const struct emu_desc op_38_58[3][4] = {
	{ [1] = I2("vpbroadcastd", broadcast, 4, VONLY, Vx, Wd) },
	{ [1] = I2("vpbroadcastq", broadcast, 8, VONLY, Vx, Wq) },
	{ [1] = I2("vbroadcasti128", broadcast, 16, VONLY | D_VEX1, Vx, Mo) },
};

static const struct emu_desc op_38_78[2][4] = {
	{ [1] = I2("vpbroadcastb", broadcast, 1, VONLY, Vx, Wb) },
	{ [1] = I2("vpbroadcastw", broadcast, 2, VONLY, Vx, Ww) },
};

static const struct emu_desc op_38_8c[4] = {
	[1] = I3("vpmaskmov", vmaskmov, 0, (VONLY & ~D_VEXW0) | D_ADDR, Vx, Hx, Mx),
};

static const struct emu_desc op_38_8e[4] = {
	[1] = I3("vpmaskmov", vmaskmov, 0, (VONLY & ~D_VEXW0) | D_ADDR | D_W0, Mx, Hx, Vx),
};

static const struct emu_desc op_38_f0[4] = {
	I2("movbe", movbe, 0, D_W0, Gv, Mv), I2("movbe", movbe, 0, D_W0, Gv, Mv),
	[3] = I2("crc32", crc32, 0, D_RW, Gy, Eb),
};

static const struct emu_desc op_38_f1[4] = {
	I2("movbe", movbe, 0, D_W0, Mv, Gv), I2("movbe", movbe, 0, D_W0, Mv, Gv),
	[3] = I2("crc32", crc32, 0, D_RW, Gy, Ev),
};

#define VEXG	(D_VEX | D_VEX0 | D_ONLYVEX | D_W0)

static const struct emu_desc op_38_f2[4] = {
	I3("andn", andn, 0, VEXG, Gy, By, Ey),
};

static const struct emu_desc group17[8] = {
	[1] = I2("blsr", bls, EMU_BLSR, VEXG, By, Ey), I2("blsmsk", bls, EMU_BLSMSK, VEXG, By, Ey),
	I2("blsi", bls, EMU_BLSI, VEXG, By, Ey),
};

static const struct emu_desc op_38_f3[4] = { GROUP(REG, group17) };

static const struct emu_desc op_38_f5[4] = {
	I3("bzhi", bzhi, 0, VEXG, Gy, Ey, By),
	[2] = I3("pext", pext, 0, VEXG, Gy, By, Ey), I3("pdep", pdep, 0, VEXG, Gy, By, Ey),
};

static const struct emu_desc op_38_f6[4] = {
	[1] = I2("adcx", adx, 0, D_RW, Gy, Ey), I2("adox", adx, 1, D_RW, Gy, Ey),
	I3("mulx", mulx, 0, VEXG | D_W1, Gy, By, Ey),
};

static const struct emu_desc op_38_f7[4] = {
	I3("bextr", bextr, 0, VEXG, Gy, Ey, By), I3("shlx", shiftx, 1, VEXG, Gy, Ey, By),
	I3("sarx", shiftx, 2, VEXG, Gy, Ey, By), I3("shrx", shiftx, 3, VEXG, Gy, Ey, By),
};

/* aux: bytes of an element; 0: as the operand. */
static const struct emu_desc op_3a_14[4][4] = {
	{ [1] = I3("pextrb", pextr, 1, VSTORE | D_VEX0, Erb, Vo, Ib) },
	{ [1] = I3("pextrw", pextr, 2, VSTORE | D_VEX0, Erw, Vo, Ib) },
	{ [1] = I3("pextrd", pextr, 0, VSTORE | D_VEX0, Ey, Vo, Ib) },
	{ [1] = I3("extractps", pextr, 4, VSTORE | D_VEX0, Ed, Vo, Ib) },
};

static const struct emu_desc op_3a_18[2][4] = {
	{ [1] = I3("vinsertf128", pinsr, 16, VONLY | D_VEX1 | D_VVVV, Vx, Wo, Ib) },
	{ [1] = I3("vextractf128", pextr, 16, VONLY | D_VEX1 | D_W0, Wo, Vx, Ib) },
};

static const struct emu_desc op_3a_20[3][4] = {
	{ [1] = I3("pinsrb", pinsr, 1, VINSERT, Vo, Erb, Ib) },
	{ [1] = I3("insertps", insertps, 0, VINSERT, Vo, Wd, Ib) },
	{ [1] = I3("pinsrd", pinsr, 0, VINSERT, Vo, Ey, Ib) },
};

static const struct emu_desc op_3a_38[2][4] = {
	{ [1] = I3("vinserti128", pinsr, 16, VONLY | D_VEX1 | D_VVVV, Vx, Wo, Ib) },
	{ [1] = I3("vextracti128", pextr, 16, VONLY | D_VEX1 | D_W0, Wo, Vx, Ib) },
};

static const struct emu_desc op_3a_f0[4] = {
	[3] = I3("rorx", shiftx, 0, VEXG, Gy, Ey, Ib),
};

const struct emu_desc emu_map_0f38[256] = {
	[0x00 ... 0x10] = FAIL("sse"),
	[0x13 ... 0x17] = FAIL("sse"),
	[0x18] = GROUP(PFX, op_38_18[0]), GROUP(PFX, op_38_18[1]), GROUP(PFX, op_38_18[2]),
	[0x1c ... 0x1e] = FAIL("sse"),
	[0x20] = GROUP(PFX, op_38_20[0][0]), GROUP(PFX, op_38_20[0][1]),
	GROUP(PFX, op_38_20[0][2]), GROUP(PFX, op_38_20[0][3]), GROUP(PFX, op_38_20[0][4]),
	GROUP(PFX, op_38_20[0][5]),
	[0x28 ... 0x29] = FAIL("sse"),
	[0x2a] = GROUP(PFX, op_38_2a), FAIL("sse"),
	GROUP(PFX, op_38_2c[0]), GROUP(PFX, op_38_2c[1]), GROUP(PFX, op_38_2c[2]),
	GROUP(PFX, op_38_2c[3]),
	[0x30] = GROUP(PFX, op_38_20[1][0]), GROUP(PFX, op_38_20[1][1]),
	GROUP(PFX, op_38_20[1][2]), GROUP(PFX, op_38_20[1][3]), GROUP(PFX, op_38_20[1][4]),
	GROUP(PFX, op_38_20[1][5]),
	[0x36 ... 0x41] = FAIL("sse"),
	[0x45 ... 0x47] = FAIL("sse"),
	[0x50 ... 0x53] = FAIL("vnni"),
	[0x58] = GROUP(PFX, op_38_58[0]), GROUP(PFX, op_38_58[1]), GROUP(PFX, op_38_58[2]),
	[0x78] = GROUP(PFX, op_38_78[0]), GROUP(PFX, op_38_78[1]),
	[0x82] = FAIL("invpcid"),
	[0x8c] = GROUP(PFX, op_38_8c), [0x8e] = GROUP(PFX, op_38_8e),
	[0x90 ... 0xbf] = FAIL("fma"),
	[0xc8 ... 0xcf] = FAIL("sha"),
	[0xdb ... 0xdf] = FAIL("aes"),
	[0xf0] = GROUP(PFX, op_38_f0), GROUP(PFX, op_38_f1),
	[0xf2] = GROUP(PFX, op_38_f2), GROUP(PFX, op_38_f3),
	[0xf5] = GROUP(PFX, op_38_f5), GROUP(PFX, op_38_f6), GROUP(PFX, op_38_f7),
	FAIL("movdir64b"), FAIL("movdiri"),
};

const struct emu_desc emu_map_0f3a[256] = {
	[0x00 ... 0x0f] = FAIL("sse"),
	[0x14] = GROUP(PFX, op_3a_14[0]), GROUP(PFX, op_3a_14[1]), GROUP(PFX, op_3a_14[2]),
	GROUP(PFX, op_3a_14[3]), GROUP(PFX, op_3a_18[0]), GROUP(PFX, op_3a_18[1]),
	[0x1d] = FAIL("vcvtps2ph"),
	[0x20] = GROUP(PFX, op_3a_20[0]), GROUP(PFX, op_3a_20[1]), GROUP(PFX, op_3a_20[2]),
	[0x30 ... 0x33] = FAIL("kshift"),
	[0x38] = GROUP(PFX, op_3a_38[0]), GROUP(PFX, op_3a_38[1]),
	[0x40 ... 0x4c] = FAIL("sse"),
	[0x60 ... 0x63] = FAIL("pcmpstr"),
	[0xcc ... 0xdf] = FAIL("sha"),
	[0xf0] = GROUP(PFX, op_3a_f0),
};
