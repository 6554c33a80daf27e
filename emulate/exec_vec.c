// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves between vector registers, MMX registers and memory. They compute
 * nothing: bytes go from here to there, and a destination register keeps or
 * clears what is above them.
 */
#include "internal.h"

#define MXCSR_RESERVED	0xffff0000u
#define FX_BYTES	512
#define FX_XMM8		288	/* where 16 registers have what 8 do not */
#define FX_END		416	/* behind it the image is software's */
#define FX_CHUNK	32	/* FX_XMM8 and FX_END are multiples */

/* The value of operand @o, @len bytes of it; memory addresses have been checked. */
enum emu_status emu_vec_get(struct emu_exec *x, const struct emu_opnd *o, void *buf,
			    unsigned int len)
{
	struct emu_ctxt *c = x->c;
	u64 val;

	switch (o->kind) {
	case OPND_MEM:
		return c->ops->read(c, o->la, buf, len, 0);
	case OPND_VEC:
		c->ops->get_vec(c, o->reg, buf, len < 8 ? 8 : len);
		return EMU_OK;
	case OPND_MMX:
		val = emu_mmx_get(c, o->reg);
		break;
	default:
		val = c->gpr[o->reg];
	}
	memcpy(buf, &val, len);
	return EMU_OK;
}

/* Legacy SSE leaves the upper half of a YMM register alone, VEX clears it. */
static void put_vec(struct emu_exec *x, unsigned int reg, const void *buf)
{
	x->c->ops->set_vec(x->c, reg, buf, x->in->vex ? VEC_BYTES : 16);
}

enum emu_status emu_vec_put(struct emu_exec *x, const struct emu_opnd *o, const void *buf,
			    unsigned int len)
{
	struct emu_ctxt *c = x->c;
	u64 val = 0;

	if (o->kind == OPND_MEM)
		return c->ops->write(c, o->la, buf, len, X86_ACC_WRITE);
	if (o->kind == OPND_VEC) {
		put_vec(x, o->reg, buf);
		return EMU_OK;
	}
	memcpy(&val, buf, len < 8 ? len : 8);
	if (o->kind == OPND_MMX)
		emu_mmx_set(c, o->reg, val);
	else
		emu_reg_set(c, o->reg, o->size, val);
	return EMU_OK;
}

/* Whole registers; MOVD and MOVQ, which clear the rest of a vector register. */
enum emu_status ex_movv(struct emu_exec *x)
{
	unsigned int len = x->op[0].size < x->op[1].size ? x->op[0].size : x->op[1].size;
	u8 buf[VEC_BYTES] = { 0 };
	enum emu_status st;

	st = emu_vec_get(x, &x->op[1], buf, len);
	memset(buf + len, 0, VEC_BYTES - len);
	return st == EMU_OK ? emu_vec_put(x, &x->op[0], buf, len) : st;
}

/* The register whose other elements the destination takes over. */
static unsigned int merge_source(const struct emu_exec *x, unsigned int reg)
{
	return x->in->vex ? x->in->vex_vvvv : reg;
}

/*
 * MOVSS and MOVSD, aux bytes: a load clears the rest of the register, a move
 * between registers merges.
 */
enum emu_status ex_movs_scalar(struct emu_exec *x)
{
	bool regs = x->op[0].kind == OPND_VEC && x->op[1].kind == OPND_VEC;
	u8 buf[VEC_BYTES] = { 0 }, low[VEC_BYTES];
	enum emu_status st;

	st = emu_vec_get(x, &x->op[1], low, x->d->aux);
	if (st != EMU_OK)
		return st;
	if (regs)
		x->c->ops->get_vec(x->c, merge_source(x, x->op[0].reg), buf, 16);
	memcpy(buf, low, x->d->aux);
	return emu_vec_put(x, &x->op[0], buf, x->d->aux);
}

/*
 * MOVLPS MOVLPD MOVHPS MOVHPD MOVHLPS MOVLHPS, loads. Bit 0 of aux: to the
 * upper quadword; bit 1: from the upper quadword of a register.
 */
enum emu_status ex_movh_load(struct emu_exec *x)
{
	unsigned int to = x->d->aux & 1 ? 8 : 0, from = x->d->aux & 2 ? 8 : 0;
	u8 buf[VEC_BYTES] = { 0 }, src[VEC_BYTES];
	enum emu_status st;

	st = emu_vec_get(x, &x->op[1], src, x->op[1].kind == OPND_VEC ? 16 : 8);
	if (st != EMU_OK)
		return st;
	x->c->ops->get_vec(x->c, merge_source(x, x->op[0].reg), buf, 16);
	memcpy(buf + to, src + from, 8);
	return emu_vec_put(x, &x->op[0], buf, 16);
}

/* The stores; aux 1: of the upper quadword. */
enum emu_status ex_movh_store(struct emu_exec *x)
{
	u8 buf[16];

	x->c->ops->get_vec(x->c, x->op[1].reg, buf, 16);
	return emu_vec_put(x, &x->op[0], buf + (x->d->aux ? 8 : 0), 8);
}

/* STMXCSR, and LDMXCSR with aux 1. */
enum emu_status ex_mxcsr(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	enum emu_status st;
	struct emu_fx fx;
	u32 val;

	c->ops->fxsave(c, &fx, true);
	if (!x->d->aux)
		return emu_vec_put(x, &x->op[0], &fx.mxcsr, 4);
	st = emu_vec_get(x, &x->op[0], &val, 4);
	if (st != EMU_OK)
		return st;
	if (val & MXCSR_RESERVED)
		return emu_raise(c, VEC_GP, 0);
	fx.mxcsr = val;
	c->ops->fxrstor(c, &fx, true);
	return EMU_OK;
}

/*
 * What FXSAVE and FXRSTOR check, and how much of the image is theirs. CPUs look at its
 * first four bytes, its alignment, then the segment's limit, and at its end before the
 * rest; they may prefer #AC to #GP.
 */
static enum emu_status fx_image(struct emu_exec *x, u32 acc, u64 *la, unsigned int *len)
{
	struct emu_ctxt *c = x->c;
	enum emu_status st;

	if (c->ops->get_cr(c, 0) & (CR0_EM | CR0_TS))
		return emu_raise(c, VEC_NM, 0);
	st = emu_linear(c, x->in->mem_seg, x->in->mem_off, 4, acc, la);
	if (st == EMU_OK && *la & 15) {
		st = emu_align_check(c, *la, 4);
		if (st == EMU_OK)
			st = emu_raise(c, VEC_GP, 0);
	}
	if (st == EMU_OK)
		st = emu_linear(c, x->in->mem_seg, x->in->mem_off, FX_BYTES, acc, la);
	*len = emu_is64(c) ? FX_END : FX_XMM8;
	if (st == EMU_OK)
		st = emu_probe(c, *la + FX_BYTES - 1, 1, acc);
	return st == EMU_OK ? emu_probe(c, *la, FX_BYTES, acc) : st;
}

enum emu_status ex_fxsave(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	unsigned int len, done;
	enum emu_status st;
	struct emu_fx fx;
	u64 la;

	st = fx_image(x, X86_ACC_WRITE, &la, &len);
	if (st != EMU_OK)
		return st;
	c->ops->fxsave(c, &fx, x->in->rex & 8);
	for (done = 0; st == EMU_OK && done < len; done += FX_CHUNK)
		st = c->ops->write(c, la + done, (u8 *)&fx + done, FX_CHUNK, X86_ACC_WRITE);
	return st;
}

/* Registers that the mode does not have stay as they are. */
enum emu_status ex_fxrstor(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	unsigned int len, done;
	enum emu_status st;
	struct emu_fx fx;
	u64 la;

	st = fx_image(x, 0, &la, &len);
	if (st != EMU_OK)
		return st;
	c->ops->fxsave(c, &fx, x->in->rex & 8);
	for (done = 0; st == EMU_OK && done < len; done += FX_CHUNK)
		st = c->ops->read(c, la + done, (u8 *)&fx + done, FX_CHUNK, 0);
	if (st != EMU_OK)
		return st;
	if (fx.mxcsr & MXCSR_RESERVED)
		return emu_raise(c, VEC_GP, 0);
	c->ops->fxrstor(c, &fx, x->in->rex & 8);
	return EMU_OK;
}
