// SPDX-License-Identifier: GPL-2.0-only
/*
 * Execution of a decoded instruction: checks that hold for whole classes of
 * instructions, operands in, the handler, operands out.
 */
#include "internal.h"

static enum emu_status check_vector_state(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	u64 cr0 = c->ops->get_cr(c, 0);
	u64 cr4 = c->ops->get_cr(c, 4);

	if (x->in->vex) {
		if (!(cr4 & CR4_OSXSAVE))
			return emu_raise(c, VEC_UD, 0);
		if (c->ops->get_xcr && (c->ops->get_xcr(c, 0) & 6) != 6)
			return emu_raise(c, VEC_UD, 0);
	} else if (cr0 & CR0_EM || (x->d->flags & D_SSE && !(cr4 & CR4_OSFXSR))) {
		return emu_raise(c, VEC_UD, 0);
	}
	return cr0 & CR0_TS ? emu_raise(c, VEC_NM, 0) : EMU_OK;
}

static enum emu_status check_rights(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	u32 flags = x->d->flags;
	enum emu_status st = EMU_OK;

	if (flags & (D_SSE | D_MMX))
		st = check_vector_state(x);
	else if (flags & D_X87 && c->ops->get_cr(c, 0) & (CR0_EM | CR0_TS))
		st = emu_raise(c, VEC_NM, 0);
	if (st == EMU_OK && flags & (D_MMX | D_WAIT))
		st = emu_fpu_wait(c);
	if (st != EMU_OK)
		return st;
	if (flags & D_PRIV && c->cpl)
		return emu_raise(c, VEC_GP, 0);
	if (flags & D_UMIP && c->cpl && c->ops->get_cr(c, 4) & CR4_UMIP)
		return emu_raise(c, VEC_GP, 0);
	return EMU_OK;
}

/* Takes over what the decoder found out about the operands. */
static void set_operands(struct emu_exec *x)
{
	const struct emu_insn *in = x->in;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		const struct emu_operand *from = &in->op[i];
		struct emu_opnd *o = &x->op[i];

		o->kind = from->kind;
		o->reg = from->reg;
		o->size = from->size;
		o->high = from->high;
		if (from->kind == OPND_IMM)
			o->val = from->reg ? in->imm2 : in->imm;
	}
}

/* Handlers of vector moves, and those marked so, read and write memory themselves. */
static bool moves_itself(const struct emu_exec *x)
{
	return x->d->flags & (D_SSE | D_MMX | D_ADDR);
}

static bool must_be_aligned(const struct emu_exec *x)
{
	return x->d->flags & (x->in->vex ? D_ALIGN : D_ALIGN | D_ALIGN_SSE);
}

/* The linear address of a memory operand, and its value if it is read and fits. */
static enum emu_status load_memory(struct emu_exec *x, struct emu_opnd *o, bool rd, bool wr)
{
	struct emu_ctxt *c = x->c;
	u32 acc = wr ? X86_ACC_WRITE : 0;
	enum emu_status st;

	st = emu_linear(c, x->in->mem_seg, x->in->mem_off, o->size, acc, &o->la);
	/* Misalignment is #GP even where the segment check would be #SS. */
	if (must_be_aligned(x) && o->la & (o->size - 1))
		st = emu_raise(c, VEC_GP, 0);
	if (st == EMU_OK)
		st = emu_align_check(c, o->la, o->size);
	if (st != EMU_OK || !rd || moves_itself(x))
		return st;
	o->val = 0;
	st = c->ops->read(c, o->la, &o->val, o->size, acc);
	o->old = o->val;
	return st;
}

static enum emu_status load(struct emu_exec *x, unsigned int i)
{
	struct emu_opnd *o = &x->op[i];
	u32 flags = x->d->flags;
	bool rd = i || flags & D_R0;
	bool wr = (!i && flags & D_W0) || (i == 1 && flags & D_W1);

	if (o->kind == OPND_MEM && !(flags & D_ADDR))
		return load_memory(x, o, rd, wr);
	if (o->kind == OPND_REG && rd)
		o->val = (x->c->gpr[o->reg] >> (o->high * 8)) & emu_mask(o->size);
	return EMU_OK;
}

static void set_register(struct emu_ctxt *c, const struct emu_operand *o, u64 val)
{
	if (o->high)
		c->gpr[o->reg] = (c->gpr[o->reg] & ~0xff00ull) | (val & 0xff) << 8;
	else
		emu_reg_set(c, o->reg, o->size, val);
}

static enum emu_status store(struct emu_exec *x, unsigned int i)
{
	struct emu_opnd *o = &x->op[i];
	struct emu_ctxt *c = x->c;
	u64 old = o->old;

	if (x->d->flags & (D_SSE | D_MMX))
		return EMU_OK;
	if (o->kind == OPND_REG) {
		set_register(c, &x->in->op[i], o->val);
		return EMU_OK;
	}
	if (o->kind != OPND_MEM || x->d->flags & D_ADDR)
		return EMU_OK;
	if (x->lock)
		return c->ops->cmpxchg(c, o->la, &old, &o->val, o->size);
	return c->ops->write(c, o->la, &o->val, o->size, X86_ACC_WRITE);
}

/* Memory first: a store that does not succeed leaves the registers alone. */
static enum emu_status store_all(struct emu_exec *x)
{
	bool wr[2] = { x->d->flags & D_W0, x->d->flags & D_W1 };
	enum emu_status st = EMU_OK;
	unsigned int i;

	for (i = 0; i < 2 && st == EMU_OK; i++)
		if (wr[i] && x->op[i].kind == OPND_MEM)
			st = store(x, i);
	/* XADD of a register with itself: the sum, the first operand, stays. */
	for (i = 2; i-- > 0 && st == EMU_OK;)
		if (wr[i] && x->op[i].kind != OPND_MEM)
			st = store(x, i);
	return st;
}

static enum emu_status run(struct emu_exec *x)
{
	enum emu_status st = check_rights(x);
	unsigned int i;

	/* Operands have no gaps in the table. */
	set_operands(x);
	for (i = 0; i < 3 && x->d->op[i] && st == EMU_OK; i++)
		st = load(x, i);
	if (st == EMU_OK)
		st = x->d->exec(x);
	if (st == EMU_OK)
		st = store_all(x);
	if (st == EMU_OK && x->d->flags & D_MMX)
		emu_mmx_done(x);
	return st;
}

static enum emu_status general(struct emu_ctxt *c)
{
	struct emu_exec x = {
		.c = c,
		.in = &c->insn,
		.d = c->insn.desc,
		.next_rip = c->rip + c->insn.len,
		.waited = c->waited,
		.flags = c->rflags,
	};
	u8 cpl = c->cpl, mode = c->mode;
	u64 saved[16];
	enum emu_status st;

	memcpy(saved, c->gpr, sizeof(saved));
	if (!emu_is64(c))
		x.next_rip &= 0xffffffff;
	x.lock = c->insn.lock || x.d->flags & D_XLOCK;

	st = run(&x);
	if (st != EMU_OK) {
		memcpy(c->gpr, saved, sizeof(saved));
		c->cpl = cpl;
		c->mode = mode;
		c->block_sti = false;
		c->block_mov_ss = false;
		c->more = false;
		c->unblock_nmi = false;
		return st;
	}
	if (c->more)
		x.next_rip = c->rip;
	else if (!x.keep_rf)
		x.flags &= ~FL_RF;
	c->rip = x.next_rip;
	c->rflags = x.flags;
	return st;
}

/*
 * MOV between memory and a register or immediate, which is what most accesses of
 * devices are: general() with all but the essence left out.
 */
static enum emu_status quick_move(struct emu_ctxt *c)
{
	const struct emu_insn *in = &c->insn;
	const struct emu_operand *to = &in->op[0], *from = &in->op[1];
	bool write = to->kind == OPND_MEM;
	unsigned int size = write ? to->size : from->size;
	u32 acc = write ? X86_ACC_WRITE : 0;
	enum emu_status st;
	u64 la, val = 0;

	st = emu_linear(c, in->mem_seg, in->mem_off, size, acc, &la);
	if (st == EMU_OK)
		st = emu_align_check(c, la, size);
	if (st != EMU_OK)
		return st;
	if (write) {
		val = from->kind == OPND_REG ? c->gpr[from->reg] >> (from->high * 8) : in->imm;
		st = c->ops->write(c, la, &val, size, acc);
	} else {
		st = c->ops->read(c, la, &val, size, acc);
	}
	if (st != EMU_OK)
		return st;
	if (!write)
		set_register(c, to, val);
	c->rip += in->len;
	if (!emu_is64(c))
		c->rip &= 0xffffffff;
	c->rflags &= ~FL_RF;
	return EMU_OK;
}

enum emu_status emu_execute(struct emu_ctxt *c)
{
	const struct emu_insn *in = &c->insn;
	const struct emu_desc *d = in->desc;
	enum emu_status st;

	emu_clear_results(c);
	if (d->exec == ex_mov && (in->op[0].kind == OPND_MEM || in->op[1].kind == OPND_MEM))
		st = quick_move(c);
	else
		st = general(c);
	c->waited = st == EMU_IO;
	return st;
}
