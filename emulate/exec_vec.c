// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves between vector registers, MMX registers and memory. They compute
 * nothing: bytes go from here to there, and a destination register keeps or
 * clears what is above them.
 */
#include "internal.h"

#define VEC_BYTES	32

/* The value of operand @o, @len bytes of it; memory addresses have been checked. */
static enum emu_status get(struct emu_exec *x, const struct emu_opnd *o, void *buf,
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
		val = c->ops->get_mmx(c, o->reg);
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

static enum emu_status put(struct emu_exec *x, const struct emu_opnd *o, const void *buf,
			   unsigned int len)
{
	struct emu_ctxt *c = x->c;
	u64 val = 0;

	if (o->kind == OPND_MEM)
		return c->ops->write(c, o->la, buf, len, EMU_ACC_WRITE);
	if (o->kind == OPND_VEC) {
		put_vec(x, o->reg, buf);
		return EMU_OK;
	}
	memcpy(&val, buf, len < 8 ? len : 8);
	if (o->kind == OPND_MMX)
		c->ops->set_mmx(c, o->reg, val);
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

	st = get(x, &x->op[1], buf, len);
	memset(buf + len, 0, VEC_BYTES - len);
	return st == EMU_OK ? put(x, &x->op[0], buf, len) : st;
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

	st = get(x, &x->op[1], low, x->d->aux);
	if (st != EMU_OK)
		return st;
	if (regs)
		x->c->ops->get_vec(x->c, merge_source(x, x->op[0].reg), buf, 16);
	memcpy(buf, low, x->d->aux);
	return put(x, &x->op[0], buf, x->d->aux);
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

	st = get(x, &x->op[1], src, x->op[1].kind == OPND_VEC ? 16 : 8);
	if (st != EMU_OK)
		return st;
	x->c->ops->get_vec(x->c, merge_source(x, x->op[0].reg), buf, 16);
	memcpy(buf + to, src + from, 8);
	return put(x, &x->op[0], buf, 16);
}

/* The stores; aux 1: of the upper quadword. */
enum emu_status ex_movh_store(struct emu_exec *x)
{
	u8 buf[16];

	x->c->ops->get_vec(x->c, x->op[1].reg, buf, 16);
	return put(x, &x->op[0], buf + (x->d->aux ? 8 : 0), 8);
}

