// SPDX-License-Identifier: GPL-2.0-only
/* The opcodes after 0F, after SDM vol. 2D appendix A. An entry that is missing is #UD. */
#include "tables.h"

static const struct emu_desc group6[8] = {
	I1("sldt", sldt, X86_SEG_LDTR, D_W0 | D_PROT | D_UMIP, Er),
	I1("str", sldt, X86_SEG_TR, D_W0 | D_PROT | D_UMIP, Er),
	I1("lldt", lldt, X86_SEG_LDTR, D_R0 | D_PROT | D_PRIV, Ew),
	I1("ltr", lldt, X86_SEG_TR, D_R0 | D_PROT | D_PRIV, Ew),
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
	[0xa0] = I0("push", push_seg, X86_SEG_FS, D_D64), I0("pop", pop_seg, X86_SEG_FS, D_D64),
	I0("cpuid", cpuid, 0, 0), I2("bt", bt, 4, D_R0 | D_ADDR, Ev, Gv),
	I3("shld", shld, EMU_SHLD, D_RW, Ev, Gv, Ib), I3("shld", shld, EMU_SHLD, D_RW, Ev, Gv, CL),
	[0xa8] = I0("push", push_seg, X86_SEG_GS, D_D64), I0("pop", pop_seg, X86_SEG_GS, D_D64),
	[0xab] = I2("bts", bt, 5, D_R0 | D_ADDR | D_LOCK, Ev, Gv),
	I3("shrd", shld, EMU_SHRD, D_RW, Ev, Gv, Ib), I3("shrd", shld, EMU_SHRD, D_RW, Ev, Gv, CL),
	GROUP(MOD, group15), I2("imul", imul, 0, D_RW, Gv, Ev),
	I2("cmpxchg", cmpxchg, 0, LRW, Eb, Gb), I2("cmpxchg", cmpxchg, 0, LRW, Ev, Gv),
	I2("lss", lds, X86_SEG_SS, D_ADDR, Gv, Mp),
	I2("btr", bt, 6, D_R0 | D_ADDR | D_LOCK, Ev, Gv),
	I2("lfs", lds, X86_SEG_FS, D_ADDR, Gv, Mp), I2("lgs", lds, X86_SEG_GS, D_ADDR, Gv, Mp),
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
