// SPDX-License-Identifier: GPL-2.0-only
/* The opcodes after 0F 38 and 0F 3A, after SDM vol. 2D appendix A. A missing entry is #UD. */
#include "tables.h"

/* Moves of vectors that there are by VEX alone. */
#define VONLY	(D_SSE | D_VEX | D_ONLYVEX | D_VEXW0)

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
