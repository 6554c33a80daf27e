// SPDX-License-Identifier: GPL-2.0-only
/*
 * The opcode maps, after SDM vol. 2D appendix A. An entry is not there: #UD.
 */
#include "internal.h"

/* Operands by the SDM's names. */
enum {
	Eb = OP(E, B), Ew = OP(E, W), Ed = OP(E, D), Ev = OP(E, V), Ef = OP(E, F), Ey = OP(E, Y),
	Er = OP(E, R), Gb = OP(G, B), Gv = OP(G, V), Gy = OP(G, Y), Gw = OP(G, W),
	Mb = OP(M, B), Mw = OP(M, W), Mv = OP(M, V), My = OP(M, Y), Mp = OP(M, P),
	Mq = OP(M, Q), Mx = OP(M, X), Mc = OP(M, C), Ms = OP(M, T), Md = OP(M, D),
	Rv = OP(R, V), Rn = OP(R, N), Ry = OP(R, Y),
	Zb = OP(Z, B), Zv = OP(Z, V), AL = OP(ACC, B), AX = OP(ACC, W), rAX = OP(ACC, V),
	eAX = OP(ACC, F), rDX = OP(DX, V), CL = OP(CL, B), DX = OP(DX, W), One = OP(ONE, B),
	Ib = OP(I, B), Iw = OP(I, W), Iz = OP(I, F), Iv = OP(I, V), Ib2 = OP(I2, B),
	Jb = OP(J, B), Jz = OP(J, F), Ap = OP(AP, P), Ob = OP(O, B), Ov = OP(O, V),
	Sw = OP(S, W), Cn = OP(C, N), Dn = OP(D, N),
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
	I1("call", call_ind, 0, D_R0 | D_F64, Ev), FAIL("callf"),
	I1("jmp", jmp_ind, 0, D_R0 | D_F64, Ev), FAIL("jmpf"),
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
	FAIL("arpl"), I2("movsxd", movsx, 0, D_W0, Gv, Ef),
};

static const struct emu_desc op_b8[4] = {
	[2] = I2("popcnt", popcnt, 0, D_W0, Gv, Ev),
};

static const struct emu_desc op_bc[4] = {
	I2("bsf", bsf, 0, 0, Gv, Ev), I2("bsf", bsf, 0, 0, Gv, Ev),
	I2("tzcnt", tzcnt, 0, D_W0, Gv, Ev), I2("bsf", bsf, 0, 0, Gv, Ev),
};

static const struct emu_desc op_bd[4] = {
	I2("bsr", bsr, 0, 0, Gv, Ev), I2("bsr", bsr, 0, 0, Gv, Ev),
	I2("lzcnt", lzcnt, 0, D_W0, Gv, Ev), I2("bsr", bsr, 0, 0, Gv, Ev),
};

static const struct emu_desc op_c3[4] = {
	I2("movnti", mov, 0, D_W0, My, Gy),
};

#define ALU6(n, a, f) \
	I2(n, alu, a, f, Eb, Gb), I2(n, alu, a, f, Ev, Gv), \
	I2(n, alu, a, (f) & ~D_LOCK, Gb, Eb), I2(n, alu, a, (f) & ~D_LOCK, Gv, Ev), \
	I2(n, alu, a, (f) & ~D_LOCK, AL, Ib), I2(n, alu, a, (f) & ~D_LOCK, rAX, Iz)

const struct emu_desc emu_map_1[256] = {
	[0x00] = ALU6("add", 0, LRW),
	[0x06] = I0("push", push_seg, EMU_SEG_ES, D_NO64), I0("pop", pop_seg, EMU_SEG_ES, D_NO64),
	[0x08] = ALU6("or", 1, LRW),
	[0x0e] = I0("push", push_seg, EMU_SEG_CS, D_NO64),
	[0x10] = ALU6("adc", 2, LRW),
	[0x16] = I0("push", push_seg, EMU_SEG_SS, D_NO64), I0("pop", pop_seg, EMU_SEG_SS, D_NO64),
	[0x18] = ALU6("sbb", 3, LRW),
	[0x1e] = I0("push", push_seg, EMU_SEG_DS, D_NO64), I0("pop", pop_seg, EMU_SEG_DS, D_NO64),
	[0x20] = ALU6("and", 4, LRW),
	[0x27] = I0("daa", bcd, 0, D_NO64),
	[0x28] = ALU6("sub", 5, LRW),
	[0x2f] = I0("das", bcd, 1, D_NO64),
	[0x30] = ALU6("xor", 6, LRW),
	[0x37] = I0("aaa", bcd, 2, D_NO64),
	[0x38] = ALU6("cmp", 7, D_R0),
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
	[0x90 ... 0x97] = I2("xchg", xchg, 0, D_RW | D_W1, Zv, rAX),
	[0x98] = I1("cbw", cbw, 0, D_RW, rAX), I2("cwd", cwd, 0, D_W0, rDX, rAX),
	[0x9a] = FAIL("callf"), FAIL("fwait"),
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
	FAIL("les"), FAIL("lds"), GROUP(REG, group11[0]), GROUP(REG, group11[1]),
	[0xc8] = I2("enter", enter, 0, D_D64, Iw, Ib2), I0("leave", leave, 0, D_D64),
	FAIL("retf"), FAIL("retf"), FAIL("int3"), FAIL("int"), FAIL("into"), FAIL("iret"),
	[0xd0] = GROUP(REG, group2[2]), GROUP(REG, group2[3]), GROUP(REG, group2[4]),
	GROUP(REG, group2[5]),
	[0xd4] = I1("aam", aam, 0, D_NO64, Ib), I1("aad", aad, 0, D_NO64, Ib),
	FAIL("salc"), I1("xlat", xlat, 0, D_W0, AL),
	[0xd8 ... 0xdf] = FAIL("fpu"),
	[0xe0] = I1("loopne", loop, 0, D_F64, Jb), I1("loope", loop, 0, D_F64, Jb),
	I1("loop", loop, 0, D_F64, Jb), I1("jcxz", jcxz, 0, D_F64, Jb),
	I2("in", in, 0, D_W0, AL, Ib), I2("in", in, 0, D_W0, eAX, Ib),
	I2("out", out, 0, D_R0, Ib, AL), I2("out", out, 0, D_R0, Ib, eAX),
	[0xe8] = I1("call", call, 0, D_F64, Jz), I1("jmp", jmp, 0, D_F64, Jz),
	FAIL("jmpf"), I1("jmp", jmp, 0, D_F64, Jb),
	I2("in", in, 0, D_W0, AL, DX), I2("in", in, 0, D_W0, eAX, DX),
	I2("out", out, 0, D_R0, DX, AL), I2("out", out, 0, D_R0, DX, eAX),
	[0xf1] = FAIL("int1"),
	[0xf4] = FAIL("hlt"), I0("cmc", flag, 0, 0), GROUP(REG, group3[0]), GROUP(REG, group3[1]),
	I0("clc", flag, 0, 0), I0("stc", flag, 0, 0), I0("cli", cli, 0, 0), I0("sti", sti, 0, 0),
	I0("cld", flag, 0, 0), I0("std", flag, 0, 0), GROUP(REG, group4), GROUP(REG, group5),
};

const struct emu_desc emu_map_0f[256] = {
	[0x0d] = I1("prefetchw", nop, 0, D_ADDR, Ev),
	[0x18 ... 0x1f] = I1("nop", nop, 0, D_ADDR, Ev),
	[0x40 ... 0x4f] = I2("cmov", cmov, 0, D_RW, Gv, Ev),
	[0x80 ... 0x8f] = I1("jcc", jcc, 0, D_F64, Jz),
	[0x90 ... 0x9f] = I1("setcc", setcc, 0, D_W0, Eb),
	[0xa0] = I0("push", push_seg, EMU_SEG_FS, D_D64), I0("pop", pop_seg, EMU_SEG_FS, D_D64),
	FAIL("cpuid"), I2("bt", bt, 4, D_R0 | D_ADDR, Ev, Gv),
	I3("shld", shld, 0, D_RW, Ev, Gv, Ib), I3("shld", shld, 0, D_RW, Ev, Gv, CL),
	[0xa8] = I0("push", push_seg, EMU_SEG_GS, D_D64), I0("pop", pop_seg, EMU_SEG_GS, D_D64),
	[0xab] = I2("bts", bt, 5, D_R0 | D_ADDR | D_LOCK, Ev, Gv),
	I3("shrd", shld, 1, D_RW, Ev, Gv, Ib), I3("shrd", shld, 1, D_RW, Ev, Gv, CL),
	[0xaf] = I2("imul", imul, 0, D_RW, Gv, Ev),
	[0xb0] = I2("cmpxchg", cmpxchg, 0, LRW, Eb, Gb), I2("cmpxchg", cmpxchg, 0, LRW, Ev, Gv),
	FAIL("lss"), I2("btr", bt, 6, D_R0 | D_ADDR | D_LOCK, Ev, Gv), FAIL("lfs"), FAIL("lgs"),
	I2("movzx", mov, 0, D_W0, Gv, Eb), I2("movzx", mov, 0, D_W0, Gv, Ew),
	[0xb8] = GROUP(PFX, op_b8),
	[0xba] = GROUP(REG, group8), I2("btc", bt, 7, D_R0 | D_ADDR | D_LOCK, Ev, Gv),
	GROUP(PFX, op_bc), GROUP(PFX, op_bd),
	I2("movsx", movsx, 0, D_W0, Gv, Eb), I2("movsx", movsx, 0, D_W0, Gv, Ew),
	[0xc0] = I2("xadd", xadd, 0, LRW | D_W1, Eb, Gb), I2("xadd", xadd, 0, LRW | D_W1, Ev, Gv),
	[0xc3] = GROUP(PFX, op_c3),
	[0xc7] = GROUP(MOD, group9_mod),
	[0xc8 ... 0xcf] = I1("bswap", bswap, 0, D_RW, Zv),
};

static const struct emu_desc op_38f0[4] = {
	I2("movbe", movbe, 0, D_W0, Gv, Mv), I2("movbe", movbe, 0, D_W0, Gv, Mv),
	FAIL("crc32"), FAIL("crc32"),
};

static const struct emu_desc op_38f1[4] = {
	I2("movbe", movbe, 0, D_W0, Mv, Gv), I2("movbe", movbe, 0, D_W0, Mv, Gv),
	FAIL("crc32"), FAIL("crc32"),
};

const struct emu_desc emu_map_0f38[256] = {
	[0xf0] = GROUP(PFX, op_38f0), GROUP(PFX, op_38f1),
};

const struct emu_desc emu_map_0f3a[256] = {
};
