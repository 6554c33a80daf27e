// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87: loads and stores of every format but packed decimal, and control. They
 * work on the image of FXSAVE, so no x87 instruction runs here, which could
 * raise the guest's own exceptions. The MMX registers are the same image's.
 */
#include "internal.h"

#define FSW_IE		0x0001
#define FSW_DE		0x0002
#define FSW_OE		0x0008
#define FSW_UE		0x0010
#define FSW_PE		0x0020
#define FSW_EXCEPTIONS	0x003f
#define FSW_SF		0x0040
#define FSW_ES		0x0080
#define FSW_C1		0x0200
#define FSW_TOP		0x3800
#define FSW_B		0x8000
#define FCW_INIT	0x037f
#define FCW_FIXED	0x0040		/* reads as 1 */
#define FCW_BITS	0x1f3f

#define EXP_MAX		0x7fff
#define EXP_BIAS	16383
#define TOP_BIT		(1ull << 63)	/* the integer bit of a mantissa */
#define QUIET_BIT	(1ull << 62)	/* tells quiet from signaling NaNs */

/* Formats in memory, aux & 7 of a table entry; fraction and exponent of the real ones. */
enum { F32, F64, F80, I16, I32, I64 };

static const struct format {
	u8 bytes, frac, exp;
} formats[] = {
	[F32] = { 4, 23, 8 }, [F64] = { 8, 52, 11 }, [F80] = { 10 }, [I16] = { 2 }, [I32] = { 4 },
	[I64] = { 8 },
};

#define AUX_POP		0x10
#define AUX_TRUNCATE	0x20

static const struct format *format_of(const struct emu_exec *x)
{
	return &formats[x->d->aux & 7];
}

/* --- the register stack ------------------------------------------------------------ */

static unsigned int top(const struct emu_fx *fx)
{
	return (fx->sw & FSW_TOP) >> 11;
}

/* The image has the stack in its order; registers stay where they are when the top moves. */
static void set_top(struct emu_fx *fx, unsigned int to)
{
	struct emu_fx_reg old[8];
	unsigned int by = to - top(fx), i;

	memcpy(old, fx->st, sizeof(old));
	for (i = 0; i < 8; i++)
		fx->st[i] = old[(i + by) & 7];
	fx->sw = (fx->sw & ~FSW_TOP) | (to & 7) << 11;
}

static bool occupied(const struct emu_fx *fx, unsigned int reg)
{
	return fx->tags >> (reg & 7) & 1;
}

static void push(struct emu_fx *fx, u64 mant, u16 se)
{
	set_top(fx, top(fx) - 1);
	fx->tags |= 1 << top(fx);
	fx->st[0].mant = mant;
	fx->st[0].se = se;
}

static void pop(struct emu_fx *fx)
{
	fx->tags &= ~(1 << top(fx));
	set_top(fx, top(fx) + 1);
}

/* Notes exceptions; false if one is not masked. */
static bool except(struct emu_fx *fx, u16 what)
{
	fx->sw |= what;
	if (!(what & ~fx->cw & FSW_EXCEPTIONS))
		return true;
	fx->sw |= FSW_ES | FSW_B;
	return false;
}

/* The pointers of an instruction that is no control instruction. */
static void set_pointers(const struct emu_exec *x, struct emu_fx *fx)
{
	fx->ip = x->c->rip;
	fx->dp = x->in->mem_off;
	if (fx->sw & FSW_ES)
		fx->op = (x->in->opcode & 7) << 8 | x->in->modrm;
}

/* --- formats ----------------------------------------------------------------------- */

struct rounded {
	u64 val;
	bool inexact, up;
};

enum { TO_NEAREST, DOWN, UP, TO_ZERO };

static unsigned int rounding(const struct emu_fx *fx)
{
	return fx->cw >> 10 & 3;
}

/* @mant without its low @shift bits, any number; its top bit is set if that is below 65. */
static struct rounded round_off(u64 mant, unsigned int shift, bool neg, unsigned int how)
{
	u64 lost = 0;
	struct rounded r = { .val = shift < 64 ? mant >> shift : 0 };

	if (shift > 64)
		lost = 1;
	else if (shift)
		lost = shift == 64 ? mant : mant << (64 - shift);
	r.inexact = lost;
	if (how == TO_NEAREST)
		r.up = lost > TOP_BIT || (lost == TOP_BIT && r.val & 1);
	else if (how != TO_ZERO)
		r.up = lost && neg == (how == DOWN);
	r.val += r.up;
	return r;
}

/* An inexact result is stored even if that exception is not masked. */
static void note_inexact(struct emu_fx *fx, const struct rounded *r)
{
	if (r->up)
		fx->sw |= FSW_C1;
	if (r->inexact)
		except(fx, FSW_PE);
}

static u64 infinity(const struct format *f)
{
	return emu_low_bits(f->exp) << f->frac;
}

static u64 sign_bit(const struct format *f)
{
	return 1ull << (8 * f->bytes - 1);
}

/* What stands for no result: a NaN, or the most negative integer. */
static u64 indefinite(const struct format *f)
{
	return f->frac ? sign_bit(f) | infinity(f) | 1ull << (f->frac - 1) : sign_bit(f);
}

/*
 * A single or double to the register format; false if an exception keeps it out, which
 * that of a denormal does not.
 */
static bool from_real(struct emu_fx *fx, const struct format *f, u64 val, u64 *mant, u16 *se)
{
	unsigned int exp = (val & ~sign_bit(f)) >> f->frac, shift;

	*se = val & sign_bit(f) ? 0x8000 : 0;
	*mant = val << (63 - f->frac) & ~TOP_BIT;
	if (exp == emu_low_bits(f->exp)) {
		*se |= EXP_MAX;
		if (*mant && !(*mant & QUIET_BIT) && !except(fx, FSW_IE))
			return false;
		*mant |= *mant ? TOP_BIT | QUIET_BIT : TOP_BIT;
		return true;
	}
	if (!exp && !*mant)
		return true;
	*se |= exp + EXP_BIAS - emu_low_bits(f->exp - 1);
	if (exp) {
		*mant |= TOP_BIT;
		return true;
	}
	shift = __builtin_clzll(*mant);
	*mant <<= shift;
	*se -= shift - 1;
	except(fx, FSW_DE);
	return true;
}

static void from_integer(s64 val, u64 *mant, u16 *se)
{
	unsigned int shift;

	*mant = val < 0 ? 0 - (u64)val : (u64)val;
	*se = val < 0 ? 0x8000 : 0;
	if (!val)
		return;
	shift = __builtin_clzll(*mant);
	*mant <<= shift;
	*se |= EXP_BIAS + 63 - shift;
}

/* Infinity, NaN, and unnormal encodings, which no CPU since the 80387 produces. */
static bool special_to_real(struct emu_fx *fx, const struct format *f, u64 *out)
{
	u64 mant = fx->st[0].mant;

	*out = indefinite(f);
	if (!(mant & TOP_BIT))
		return except(fx, FSW_IE);
	*out = (fx->st[0].se & 0x8000 ? sign_bit(f) : 0) | infinity(f);
	if (!(mant << 1))
		return true;
	*out |= (mant | QUIET_BIT) << 1 >> (64 - f->frac);
	return mant & QUIET_BIT || except(fx, FSW_IE);
}

/* ST(0) as a single or double; false if an exception keeps it from being stored. */
static bool to_real(struct emu_fx *fx, const struct format *f, u64 *out)
{
	unsigned int exp = fx->st[0].se & EXP_MAX, how = rounding(fx), shift = 63 - f->frac;
	int e = (exp ? exp : 1) - EXP_BIAS, e_max = emu_low_bits(f->exp - 1), e_min = 1 - e_max;
	bool neg = fx->st[0].se & 0x8000;
	u64 mant = fx->st[0].mant, sign = neg ? sign_bit(f) : 0;
	struct rounded r;
	int carry;

	if (exp == EXP_MAX || (exp && !(mant & TOP_BIT)))
		return special_to_real(fx, f, out);
	*out = sign;
	if (!mant)
		return true;
	e -= __builtin_clzll(mant);
	mant <<= __builtin_clzll(mant);
	r = round_off(mant, shift, neg, how);
	carry = r.val >> (f->frac + 1);
	if (e + carry > e_max) {
		if (!except(fx, FSW_OE))
			return false;
		r.up = how == TO_NEAREST || (how != TO_ZERO && neg == (how == DOWN));
		r.inexact = true;
		*out |= infinity(f) - !r.up;
	} else if (e + carry < e_min) {
		if (!(fx->cw & FSW_UE))
			return except(fx, FSW_UE);
		r = round_off(mant, shift + (e_min - e), neg, how);
		if (r.inexact)
			except(fx, FSW_UE);
		*out |= r.val;
	} else {
		/* The integer bit adds the one that the exponent still lacks. */
		*out |= ((u64)(e - e_min) << f->frac) + r.val;
	}
	note_inexact(fx, &r);
	return true;
}

static bool to_integer(struct emu_fx *fx, const struct format *f, bool truncate, u64 *out)
{
	unsigned int exp = fx->st[0].se & EXP_MAX;
	u64 mant = fx->st[0].mant;
	bool neg = fx->st[0].se & 0x8000;
	int e = (int)exp - EXP_BIAS;
	struct rounded r;

	*out = 0;
	if (!exp && !mant)
		return true;
	*out = indefinite(f);
	if (e > 63 || (exp && !(mant & TOP_BIT)))
		return except(fx, FSW_IE);
	r = round_off(mant, 63 - e, neg, truncate ? TO_ZERO : rounding(fx));
	if (r.val > sign_bit(f) - !neg)
		return except(fx, FSW_IE);
	*out = neg ? 0 - r.val : r.val;
	note_inexact(fx, &r);
	return true;
}

/* --- instructions ------------------------------------------------------------------ */

/* Is an exception of an earlier instruction still to be reported? */
enum emu_status emu_fpu_wait(struct emu_ctxt *c)
{
	struct emu_fx fx;

	c->ops->fxsave(c, &fx, true);
	return fx.sw & FSW_ES ? emu_raise(c, VEC_MF, 0) : EMU_OK;
}

static enum emu_status address(struct emu_exec *x, unsigned int size, u32 acc, u64 *la)
{
	enum emu_status st = emu_linear(x->c, x->in->mem_seg, x->in->mem_off, size, acc, la);

	return st == EMU_OK ? emu_align_check(x->c, *la, size > 8 ? 8 : size) : st;
}

/* FLD and FILD. */
enum emu_status ex_fld(struct emu_exec *x)
{
	const struct format *f = format_of(x);
	struct emu_ctxt *c = x->c;
	u8 buf[10] = { 0 };
	enum emu_status st;
	struct emu_fx fx;
	bool good = true;
	u64 la, mant;
	u16 se;

	st = address(x, f->bytes, 0, &la);
	if (st == EMU_OK)
		st = c->ops->read(c, la, buf, f->bytes, 0);
	if (st != EMU_OK)
		return st;
	memcpy(&mant, buf, 8);
	memcpy(&se, buf + 8, 2);
	c->ops->fxsave(c, &fx, true);
	fx.sw &= ~FSW_C1;
	if (occupied(&fx, top(&fx) - 1)) {
		good = except(&fx, FSW_IE | FSW_SF | FSW_C1);
		mant = TOP_BIT | QUIET_BIT;
		se = 0xffff;
	} else if (f->frac) {
		good = from_real(&fx, f, mant, &mant, &se);
	} else if (f->bytes <= 8) {
		from_integer(emu_sext(mant, f->bytes), &mant, &se);
	}
	if (good)
		push(&fx, mant, se);
	set_pointers(x, &fx);
	c->ops->fxrstor(c, &fx, true);
	return EMU_OK;
}

/* What FST, FIST, FISTTP and their like store, if they do. */
static bool stored_value(struct emu_fx *fx, const struct emu_exec *x, u8 *buf)
{
	const struct format *f = format_of(x);
	u64 val = fx->st[0].mant;
	u16 se = fx->st[0].se;
	bool good = true;

	if (!occupied(fx, top(fx))) {
		good = except(fx, FSW_IE | FSW_SF);
		val = f->bytes > 8 ? TOP_BIT | QUIET_BIT : indefinite(f);
		se = 0xffff;
	} else if (f->frac) {
		good = to_real(fx, f, &val);
	} else if (f->bytes <= 8) {
		good = to_integer(fx, f, x->d->aux & AUX_TRUNCATE, &val);
	}
	memcpy(buf, &val, 8);
	memcpy(buf + 8, &se, 2);
	return good;
}

enum emu_status ex_fst(struct emu_exec *x)
{
	const struct format *f = format_of(x);
	struct emu_ctxt *c = x->c;
	enum emu_status st;
	struct emu_fx fx;
	u8 buf[10];
	u64 la;

	c->ops->fxsave(c, &fx, true);
	fx.sw &= ~FSW_C1;
	/* An exception that is not masked is raised before the address is looked at. */
	if (stored_value(&fx, x, buf)) {
		st = address(x, f->bytes, X86_ACC_WRITE, &la);
		if (st == EMU_OK)
			st = c->ops->write(c, la, buf, f->bytes, X86_ACC_WRITE);
		if (st != EMU_OK)
			return st;
		if (x->d->aux & AUX_POP)
			pop(&fx);
	}
	set_pointers(x, &fx);
	c->ops->fxrstor(c, &fx, true);
	return EMU_OK;
}

/* FNSTCW, and FNSTSW with aux 1. */
enum emu_status ex_fnstcw(struct emu_exec *x)
{
	struct emu_fx fx;

	x->c->ops->fxsave(x->c, &fx, true);
	x->op[0].val = x->d->aux ? fx.sw : fx.cw;
	return EMU_OK;
}

/* What it unmasks is reported by the next instruction that waits. */
enum emu_status ex_fldcw(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	struct emu_fx fx;

	c->ops->fxsave(c, &fx, true);
	fx.cw = (x->op[0].val & FCW_BITS) | FCW_FIXED;
	fx.sw &= ~(FSW_ES | FSW_B);
	except(&fx, fx.sw & FSW_EXCEPTIONS);
	c->ops->fxrstor(c, &fx, true);
	return EMU_OK;
}

enum emu_status ex_fnclex(struct emu_exec *x)
{
	struct emu_fx fx;

	x->c->ops->fxsave(x->c, &fx, true);
	fx.sw &= ~(FSW_EXCEPTIONS | FSW_SF | FSW_ES | FSW_B);
	x->c->ops->fxrstor(x->c, &fx, true);
	return EMU_OK;
}

/* The registers are empty then, but not cleared. */
enum emu_status ex_fninit(struct emu_exec *x)
{
	struct emu_fx fx;

	x->c->ops->fxsave(x->c, &fx, true);
	set_top(&fx, 0);
	fx.cw = FCW_INIT;
	fx.sw = 0;
	fx.tags = 0;
	fx.op = 0;
	fx.ip = 0;
	fx.dp = 0;
	x->c->ops->fxrstor(x->c, &fx, true);
	return EMU_OK;
}

enum emu_status ex_fwait(struct emu_exec *x)
{
	u64 cr0 = x->c->ops->get_cr(x->c, 0);

	if (cr0 & CR0_MP && cr0 & CR0_TS)
		return emu_raise(x->c, VEC_NM, 0);
	return emu_fpu_wait(x->c);
}

/* --- MMX registers ------------------------------------------------------------------ */

static struct emu_fx_reg *mmx(struct emu_fx *fx, unsigned int reg)
{
	return &fx->st[(reg - top(fx)) & 7];
}

u64 emu_mmx_get(struct emu_ctxt *c, unsigned int reg)
{
	struct emu_fx fx;

	c->ops->fxsave(c, &fx, true);
	return mmx(&fx, reg)->mant;
}

void emu_mmx_set(struct emu_ctxt *c, unsigned int reg, u64 val)
{
	struct emu_fx fx;

	c->ops->fxsave(c, &fx, true);
	mmx(&fx, reg)->mant = val;
	mmx(&fx, reg)->se = 0xffff;
	c->ops->fxrstor(c, &fx, true);
}

/* What every MMX instruction does besides; EMMS leaves the registers empty. */
void emu_mmx_done(struct emu_exec *x)
{
	struct emu_fx fx;

	x->c->ops->fxsave(x->c, &fx, true);
	set_top(&fx, 0);
	fx.tags = x->d->exec == ex_emms ? 0 : 0xff;
	x->c->ops->fxrstor(x->c, &fx, true);
}

/* Does nothing else. */
enum emu_status ex_emms(struct emu_exec *x)
{
	return EMU_OK;
}
