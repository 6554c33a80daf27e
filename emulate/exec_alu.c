// SPDX-License-Identifier: GPL-2.0-only
/*
 * Integer arithmetic: addition and its kin, shifts, multiplication, division,
 * bit operations, decimal adjustment, compare and exchange.
 *
 * What leaves something undefined is done by the CPU, see native.c. Of the decimal
 * adjustments, which a 64-bit kernel cannot execute, undefined flags get the values that
 * Intel CPUs give them, where those are regular.
 */
#include "internal.h"

static bool msb(u64 val, unsigned int size)
{
	return val >> (size * 8 - 1) & 1;
}

static u64 parity(u64 val)
{
	val ^= val >> 4;
	return 0x9669 >> (val & 15) & 1 ? FL_PF : 0;
}

/* SF, ZF and PF of a result. */
static u64 result_flags(u64 val, unsigned int size)
{
	u64 flags = parity(val);

	if (msb(val, size))
		flags |= FL_SF;
	if (!(val & emu_mask(size)))
		flags |= FL_ZF;
	return flags;
}

static void set_flags(struct emu_exec *x, u64 mask, u64 flags)
{
	x->flags = (x->flags & ~mask) | (flags & mask);
}

/* Has the CPU do it: the new value of @a, and all flags. */
static u64 native(struct emu_exec *x, enum emu_native_op op, u64 a, u64 b, u64 c)
{
	struct emu_native n = { .a = a, .b = b, .c = c, .flags = x->flags };

	emu_native(op, x->op[0].size, &n);
	x->flags = n.flags;
	return n.a;
}

static u64 add(u64 a, u64 b, bool carry, unsigned int size, u64 *flags)
{
	u64 r = (a + b + carry) & emu_mask(size);
	u64 carries = (a & b) | ((a | b) & ~r);

	*flags = result_flags(r, size);
	if (msb(carries, size))
		*flags |= FL_CF;
	if (msb((a ^ r) & (b ^ r), size))
		*flags |= FL_OF;
	*flags |= (a ^ b ^ r) & FL_AF;
	return r;
}

static u64 sub(u64 a, u64 b, bool borrow, unsigned int size, u64 *flags)
{
	u64 r = (a - b - borrow) & emu_mask(size);
	u64 borrows = (~a & b) | ((~a | b) & r);

	*flags = result_flags(r, size);
	if (msb(borrows, size))
		*flags |= FL_CF;
	if (msb((a ^ b) & (a ^ r), size))
		*flags |= FL_OF;
	*flags |= (a ^ b ^ r) & FL_AF;
	return r;
}

/* The flags of a comparison of @a with @b, for CMPS and SCAS as well. */
u64 emu_compare(u64 flags, u64 a, u64 b, unsigned int size)
{
	u64 f;

	sub(a, b, false, size, &f);
	return (flags & ~FL_ARITH) | f;
}

/* ADD OR ADC SBB AND SUB XOR CMP: aux has the number of SDM table A-6, group 1. */
enum emu_status ex_alu(struct emu_exec *x)
{
	unsigned int size = x->op[0].size;
	u64 a = x->op[0].val, b = x->op[1].val & emu_mask(size), f = 0, r = 0;
	bool carry = x->flags & FL_CF;

	switch (x->d->aux) {
	case 0:
		r = add(a, b, false, size, &f);
		break;
	case 2:
		r = add(a, b, carry, size, &f);
		break;
	case 3:
		r = sub(a, b, carry, size, &f);
		break;
	case 5:
	case 7:
		r = sub(a, b, false, size, &f);
		break;
	case 1:
		x->op[0].val = native(x, EMU_OR, a, b, 0);
		return EMU_OK;
	case 4:
		x->op[0].val = native(x, EMU_AND, a, b, 0);
		return EMU_OK;
	case 6:
		x->op[0].val = native(x, EMU_XOR, a, b, 0);
		return EMU_OK;
	}
	x->op[0].val = r;
	set_flags(x, FL_ARITH, f);
	return EMU_OK;
}

enum emu_status ex_test(struct emu_exec *x)
{
	native(x, EMU_TEST, x->op[0].val, x->op[1].val, 0);
	return EMU_OK;
}

enum emu_status ex_not(struct emu_exec *x)
{
	x->op[0].val = ~x->op[0].val;
	return EMU_OK;
}

enum emu_status ex_neg(struct emu_exec *x)
{
	u64 f;

	x->op[0].val = sub(0, x->op[0].val, false, x->op[0].size, &f);
	set_flags(x, FL_ARITH, f);
	return EMU_OK;
}

enum emu_status ex_inc(struct emu_exec *x)
{
	u64 f;

	x->op[0].val = add(x->op[0].val, 1, false, x->op[0].size, &f);
	set_flags(x, FL_ARITH & ~FL_CF, f);
	return EMU_OK;
}

enum emu_status ex_dec(struct emu_exec *x)
{
	u64 f;

	x->op[0].val = sub(x->op[0].val, 1, false, x->op[0].size, &f);
	set_flags(x, FL_ARITH & ~FL_CF, f);
	return EMU_OK;
}

/* ROL ROR RCL RCR SHL SHR SHL SAR: group 2. */
enum emu_status ex_shift(struct emu_exec *x)
{
	x->op[0].val = native(x, x->d->aux, x->op[0].val, 0, x->op[1].val);
	return EMU_OK;
}

/* SHLD and SHRD: the window slides over destination and source. */
enum emu_status ex_shld(struct emu_exec *x)
{
	x->op[0].val = native(x, x->d->aux, x->op[0].val, x->op[1].val, x->op[2].val);
	return EMU_OK;
}

/* Multiplies or divides AX, or rDX:rAX. */
static enum emu_status double_width(struct emu_exec *x, enum emu_native_op op)
{
	struct emu_ctxt *c = x->c;
	unsigned int size = x->op[0].size;
	struct emu_native n = { .a = c->gpr[RAX], .b = c->gpr[RDX], .c = x->op[0].val,
				.flags = x->flags };

	emu_native(op, size, &n);
	x->flags = n.flags;
	c->gpr[RAX] = n.a;
	c->gpr[RDX] = n.b;
	return EMU_OK;
}

enum emu_status ex_mul(struct emu_exec *x)
{
	return double_width(x, EMU_MUL);
}

enum emu_status ex_imul1(struct emu_exec *x)
{
	return double_width(x, EMU_IMUL1);
}

/* IMUL of two (aux 0) or three operands. */
enum emu_status ex_imul(struct emu_exec *x)
{
	unsigned int first = x->d->aux ? 1 : 0;

	x->op[0].val = native(x, EMU_IMUL, x->op[first].val, x->op[first + 1].val, 0);
	return EMU_OK;
}

static enum emu_status divide_error(struct emu_exec *x)
{
	return emu_raise(x->c, VEC_DE, 0);
}

/* @hi:@lo by @d, where hi < d, so the quotient fits. */
static u64 divide_128(u64 hi, u64 lo, u64 d)
{
	u64 q;

	asm("divq %3" : "=a" (q), "+d" (hi) : "0" (lo), "r" (d) : "cc");
	return q;
}

/* The dividend of IDIV as a 128-bit number. */
static void dividend(const struct emu_exec *x, u64 *hi, u64 *lo)
{
	unsigned int size = x->op[0].size;

	*lo = x->c->gpr[RAX];
	*hi = x->c->gpr[RDX];
	if (size == 8)
		return;
	if (size > 1)
		*lo = (*lo & emu_mask(size)) | *hi << size * 8;
	*lo = emu_sext(*lo, size * 2);
	*hi = (s64)*lo < 0 ? ~0ull : 0;
}

enum emu_status ex_div(struct emu_exec *x)
{
	unsigned int size = x->op[0].size;
	u64 high = emu_reg_get(x->c, RDX, size);

	if (size == 1)
		high = emu_reg_get(x->c, RAX, 2) >> 8;
	/* Division by 0, or a quotient that does not fit. */
	if (high >= x->op[0].val)
		return divide_error(x);
	return double_width(x, EMU_DIV);
}

enum emu_status ex_idiv(struct emu_exec *x)
{
	unsigned int size = x->op[0].size;
	s64 divisor = emu_sext(x->op[0].val, size);
	u64 d = divisor < 0 ? -(u64)divisor : (u64)divisor;
	u64 hi, lo, q, limit = emu_mask(size) >> 1;
	bool negative;

	dividend(x, &hi, &lo);
	negative = (s64)hi < 0;
	if (negative) {
		lo = -lo;
		hi = ~hi + !lo;
	}
	if (hi >= d)
		return divide_error(x);
	q = divide_128(hi, lo, d);
	if (q > limit + (divisor < 0 ? !negative : negative))
		return divide_error(x);
	return double_width(x, EMU_IDIV);
}

enum emu_status ex_xchg(struct emu_exec *x)
{
	u64 val = x->op[0].val;

	x->op[0].val = x->op[1].val;
	x->op[1].val = val;
	return EMU_OK;
}

enum emu_status ex_xadd(struct emu_exec *x)
{
	u64 val = x->op[0].val, f;

	x->op[0].val = add(val, x->op[1].val, false, x->op[0].size, &f);
	x->op[1].val = val;
	set_flags(x, FL_ARITH, f);
	return EMU_OK;
}

enum emu_status ex_cmpxchg(struct emu_exec *x)
{
	unsigned int size = x->op[0].size;
	u64 acc = emu_reg_get(x->c, RAX, size);

	x->flags = emu_compare(x->flags, acc, x->op[0].val, size);
	if (x->flags & FL_ZF) {
		x->op[0].val = x->op[1].val;
		return EMU_OK;
	}
	emu_reg_set(x->c, RAX, size, x->op[0].val);
	/* Memory is written back, a register is not: its upper half stays. */
	if (x->op[0].kind == OPND_REG)
		x->op[0].kind = OPND_NONE;
	return EMU_OK;
}

/* CMPXCHG8B and CMPXCHG16B. A store of the old value follows a failed comparison. */
enum emu_status ex_cmpxchg8b(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	unsigned int half = x->op[0].size / 2, i;
	u64 old[2] = { 0 }, new[2], la;
	u8 obuf[16], nbuf[16];
	enum emu_status st;

	st = emu_linear(c, x->in->mem_seg, x->in->mem_off, 2 * half, X86_ACC_WRITE, &la);
	/* Misalignment is #GP even where the segment check would be #SS. */
	if (half == 8 && la & 15)
		st = emu_raise(c, VEC_GP, 0);
	if (st == EMU_OK)
		st = emu_align_check(c, la, 2 * half);
	if (st == EMU_OK)
		st = c->ops->read(c, la, obuf, 2 * half, X86_ACC_WRITE);
	if (st != EMU_OK)
		return st;
	for (i = 0; i < 2; i++)
		memcpy(&old[i], obuf + i * half, half);
	new[0] = emu_reg_get(c, RBX, half);
	new[1] = emu_reg_get(c, RCX, half);
	if (old[0] == emu_reg_get(c, RAX, half) && old[1] == emu_reg_get(c, RDX, half)) {
		x->flags |= FL_ZF;
	} else {
		x->flags &= ~FL_ZF;
		memcpy(new, old, sizeof(new));
	}
	for (i = 0; i < 2; i++)
		memcpy(nbuf + i * half, &new[i], half);
	if (x->lock)
		st = c->ops->cmpxchg(c, la, obuf, nbuf, 2 * half);
	else
		st = c->ops->write(c, la, nbuf, 2 * half, X86_ACC_WRITE);
	if (st == EMU_OK && !(x->flags & FL_ZF))
		for (i = 0; i < 2; i++)
			emu_reg_set(c, i ? RDX : RAX, half, old[i]);
	return st;
}

/* BT BTS BTR BTC, aux 4 to 7 (group 8). A register's bit offset reaches beyond the operand. */
enum emu_status ex_bt(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	struct emu_opnd *o = &x->op[0];
	unsigned int bit = x->op[1].val & (o->size * 8 - 1);
	bool wr = x->d->aux != 4, reach = x->op[1].kind == OPND_REG;
	u32 acc = wr ? X86_ACC_WRITE : 0;
	enum emu_status st;
	u64 off;

	if (o->kind == OPND_MEM) {
		off = x->in->mem_off;
		if (reach) {
			s64 index = emu_sext(x->op[1].val, o->size);

			off += (index >> (o->size == 2 ? 4 : o->size == 4 ? 5 : 6)) * o->size;
		}
		off &= emu_mask(x->in->ad_bytes);
		st = emu_linear(c, x->in->mem_seg, off, o->size, acc, &o->la);
		if (st == EMU_OK)
			st = emu_align_check(c, o->la, o->size);
		if (st != EMU_OK)
			return st;
		o->val = 0;
		st = c->ops->read(c, o->la, &o->val, o->size, acc);
		if (st != EMU_OK)
			return st;
	}
	o->old = o->val;
	o->val = native(x, EMU_BT + x->d->aux - 4, o->val, bit, 0);
	if (!wr)
		return EMU_OK;
	if (o->kind == OPND_REG)
		emu_reg_set(c, o->reg, o->size, o->val);
	else if (x->lock)
		return c->ops->cmpxchg(c, o->la, &o->old, &o->val, o->size);
	else
		return c->ops->write(c, o->la, &o->val, o->size, X86_ACC_WRITE);
	return EMU_OK;
}

/* BSF BSR TZCNT LZCNT. For a source of zero the destination is what the CPU in use makes it. */
enum emu_status ex_scan(struct emu_exec *x)
{
	u64 *to = &x->c->gpr[x->op[0].reg];

	*to = native(x, x->d->aux, *to, x->op[1].val, 0);
	return EMU_OK;
}

enum emu_status ex_popcnt(struct emu_exec *x)
{
	u64 val = x->op[1].val, n = 0;

	for (; val; val &= val - 1)
		n++;
	x->op[0].val = n;
	set_flags(x, FL_ARITH, n ? 0 : FL_ZF);
	return EMU_OK;
}

/* DAA DAS AAA AAS, aux 0 to 3. */
enum emu_status ex_bcd(struct emu_exec *x)
{
	u64 ax = emu_reg_get(x->c, RAX, 2);
	u8 al = ax, old = ax, ah = ax >> 8;
	bool low = (al & 15) > 9 || x->flags & FL_AF;
	bool high = al > 0x99 || x->flags & FL_CF;
	int sign = x->d->aux & 1 ? -1 : 1;
	u64 f = low ? FL_AF : 0;

	if (x->d->aux < 2) {
		if (low)
			al += sign * 6;
		if (high)
			al += sign * 0x60;
		if (high || (x->d->aux == 1 && low && old < 6))
			f |= FL_CF;
		emu_reg_set(x->c, RAX, 1, al);
		set_flags(x, FL_ARITH, f | result_flags(al, 1));
		return EMU_OK;
	}
	if (low) {
		ax = x->d->aux == 2 ? ax + 0x106 : (u64)(ax - 6 - 0x100);
		al = ax;
		ah = ax >> 8;
		f |= FL_CF;
	}
	al &= 15;
	emu_reg_set(x->c, RAX, 2, al | ah << 8);
	set_flags(x, FL_ARITH, f | result_flags(al, 1));
	return EMU_OK;
}

enum emu_status ex_aam(struct emu_exec *x)
{
	u8 base = x->op[0].val, al = emu_reg_get(x->c, RAX, 1);

	if (!base)
		return divide_error(x);
	emu_reg_set(x->c, RAX, 2, (u64)(al / base) << 8 | al % base);
	set_flags(x, FL_ARITH, result_flags(al % base, 1));
	return EMU_OK;
}

enum emu_status ex_aad(struct emu_exec *x)
{
	u64 ax = emu_reg_get(x->c, RAX, 2);
	u8 al = ax + (ax >> 8) * x->op[0].val;

	emu_reg_set(x->c, RAX, 2, al);
	set_flags(x, FL_ARITH, result_flags(al, 1));
	return EMU_OK;
}

/* Of a 16-bit operand the result is undefined. */
enum emu_status ex_bswap(struct emu_exec *x)
{
	u64 val = x->op[0].val, r = 0;
	unsigned int i;

	if (x->op[0].size == 2) {
		x->op[0].val = native(x, EMU_BSWAP, val, 0, 0);
		return EMU_OK;
	}
	for (i = 0; i < x->op[0].size; i++)
		r = r << 8 | ((val >> (i * 8)) & 0xff);
	x->op[0].val = r;
	return EMU_OK;
}
