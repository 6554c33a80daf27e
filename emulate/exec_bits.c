// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bit manipulation, most of it VEX-encoded (SDM vol. 1, 5.1.16): BMI1, BMI2,
 * ADX, CRC32; and SALC.
 */
#include "internal.h"

/* CRC-32C, bits reversed. */
#define CRC32_POLY	0x82f63b78u

static unsigned int bits_of(const struct emu_exec *x)
{
	return x->op[0].size * 8;
}

/*
 * Has the CPU do @op if it has the instruction. If not the result is @val, SF and ZF are those of
 * @val, CF is @carry, and flags that the SDM leaves undefined are clear.
 */
static enum emu_status result(struct emu_exec *x, enum emu_native_op op, u64 val, bool carry)
{
	struct emu_native n = { .b = x->op[1].val, .c = x->op[2].val, .flags = x->flags };
	const struct emu_ops *ops = x->c->ops;
	u64 f = carry ? FL_CF : 0;

	if (ops->cpu_has && ops->cpu_has(x->c, op == EMU_BZHI ? EMU_BMI2 : EMU_BMI1)) {
		emu_native(op, x->op[0].size, &n);
		x->flags = n.flags;
		x->op[0].val = n.a;
		return EMU_OK;
	}
	val &= emu_mask(x->op[0].size);
	if (!val)
		f |= FL_ZF;
	if (val >> (bits_of(x) - 1) && op != EMU_BEXTR)
		f |= FL_SF;
	x->flags = (x->flags & ~FL_ARITH) | f;
	x->op[0].val = val;
	return EMU_OK;
}

enum emu_status ex_andn(struct emu_exec *x)
{
	return result(x, EMU_ANDN, ~x->op[1].val & x->op[2].val, false);
}

enum emu_status ex_bextr(struct emu_exec *x)
{
	unsigned int start = x->op[2].val & 0xff, len = x->op[2].val >> 8 & 0xff;
	u64 val = start < bits_of(x) ? x->op[1].val >> start : 0;

	if (len < 64)
		val &= (1ull << len) - 1;
	return result(x, EMU_BEXTR, val, false);
}

enum emu_status ex_bzhi(struct emu_exec *x)
{
	unsigned int n = x->op[2].val & 0xff;
	bool all = n >= bits_of(x);
	u64 val = x->op[1].val;

	return result(x, EMU_BZHI, all ? val : val & ((1ull << n) - 1), all);
}

enum emu_status ex_bls(struct emu_exec *x)
{
	u64 val = x->op[1].val;

	switch (x->d->aux) {
	case EMU_BLSR:
		return result(x, EMU_BLSR, val & (val - 1), !val);
	case EMU_BLSMSK:
		return result(x, EMU_BLSMSK, val ^ (val - 1), !val);
	default:
		return result(x, EMU_BLSI, val & -val, val);
	}
}

enum emu_status ex_pdep(struct emu_exec *x)
{
	u64 src = x->op[1].val, mask = x->op[2].val, val = 0;

	for (; mask; mask &= mask - 1, src >>= 1)
		if (src & 1)
			val |= mask & -mask;
	x->op[0].val = val;
	return EMU_OK;
}

enum emu_status ex_pext(struct emu_exec *x)
{
	u64 src = x->op[1].val, mask = x->op[2].val, val = 0, bit = 1;

	for (; mask; mask &= mask - 1, bit <<= 1)
		if (src & mask & -mask)
			val |= bit;
	x->op[0].val = val;
	return EMU_OK;
}

/* SHLX SARX SHRX, by the prefix 66, F3, F2; and RORX: no flags. */
enum emu_status ex_shiftx(struct emu_exec *x)
{
	unsigned int bits = bits_of(x), n = x->op[2].val & (bits - 1);
	u64 val = x->op[1].val;

	switch (x->d->aux) {
	case 1:
		x->op[0].val = val << n;
		break;
	case 2:
		x->op[0].val = emu_sext(val, x->op[0].size) >> n;
		break;
	case 3:
		x->op[0].val = val >> n;
		break;
	default:
		x->op[0].val = n ? val >> n | val << (bits - n) : val;
	}
	return EMU_OK;
}

/* If both destinations are the same register, it gets the upper half. */
enum emu_status ex_mulx(struct emu_exec *x)
{
	u64 a = emu_reg_get(x->c, RDX, x->op[0].size);
	__uint128_t p = (__uint128_t)a * x->op[2].val;

	x->op[1].val = p;
	x->op[0].val = p >> bits_of(x);
	return EMU_OK;
}

/* ADCX and ADOX: aux is the flag. */
enum emu_status ex_adx(struct emu_exec *x)
{
	u64 flag = x->d->aux ? FL_OF : FL_CF;
	__uint128_t sum = (__uint128_t)x->op[0].val + x->op[1].val + !!(x->flags & flag);

	x->op[0].val = sum;
	x->flags = (x->flags & ~flag) | (sum >> bits_of(x) ? flag : 0);
	return EMU_OK;
}

enum emu_status ex_crc32(struct emu_exec *x)
{
	u32 crc = x->op[0].val;
	unsigned int i, bit;

	for (i = 0; i < x->op[1].size; i++) {
		crc ^= x->op[1].val >> (8 * i) & 0xff;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ CRC32_POLY : crc >> 1;
	}
	x->op[0].val = crc;
	return EMU_OK;
}

enum emu_status ex_salc(struct emu_exec *x)
{
	x->op[0].val = x->flags & FL_CF ? 0xff : 0;
	return EMU_OK;
}
