// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data movement: MOV and its conditional, extending and swapping relatives,
 * the stack instructions, the flags.
 */
#include "internal.h"

/* MOV, MOVZX, MOVNTI: operands are zero-extended when they are read. */
enum emu_status ex_mov(struct emu_exec *x)
{
	x->op[0].val = x->op[1].val;
	return EMU_OK;
}

enum emu_status ex_movsx(struct emu_exec *x)
{
	x->op[0].val = emu_sext(x->op[1].val, x->op[1].size);
	return EMU_OK;
}

/* A 32-bit destination loses its upper half even if the condition is false. */
enum emu_status ex_cmov(struct emu_exec *x)
{
	if (emu_condition(x->flags, x->in->opcode))
		x->op[0].val = x->op[1].val;
	return EMU_OK;
}

enum emu_status ex_setcc(struct emu_exec *x)
{
	x->op[0].val = emu_condition(x->flags, x->in->opcode);
	return EMU_OK;
}

enum emu_status ex_lea(struct emu_exec *x)
{
	x->op[0].val = x->in->mem_off;
	return EMU_OK;
}

enum emu_status ex_movbe(struct emu_exec *x)
{
	u64 val = x->op[1].val, r = 0;
	unsigned int i;

	for (i = 0; i < x->op[0].size; i++)
		r = r << 8 | ((val >> (i * 8)) & 0xff);
	x->op[0].val = r;
	return EMU_OK;
}

/* CBW CWDE CDQE */
enum emu_status ex_cbw(struct emu_exec *x)
{
	x->op[0].val = emu_sext(x->op[0].val, x->op[0].size / 2);
	return EMU_OK;
}

/* CWD CDQ CQO */
enum emu_status ex_cwd(struct emu_exec *x)
{
	x->op[0].val = emu_sext(x->op[1].val, x->op[1].size) < 0 ? ~0ull : 0;
	return EMU_OK;
}

enum emu_status ex_xlat(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	int seg = x->in->seg_override >= 0 ? x->in->seg_override : X86_SEG_DS;
	u64 off = (c->gpr[RBX] + (c->gpr[RAX] & 0xff)) & emu_mask(x->in->ad_bytes);

	return emu_mem_read(c, seg, off, &x->op[0].val, 1);
}

#define AH_FLAGS	(FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF)

enum emu_status ex_lahf(struct emu_exec *x)
{
	u64 ah = (x->flags & AH_FLAGS) | FL_FIXED;

	x->c->gpr[RAX] = (x->c->gpr[RAX] & ~0xff00ull) | ah << 8;
	return EMU_OK;
}

enum emu_status ex_sahf(struct emu_exec *x)
{
	x->flags = (x->flags & ~AH_FLAGS) | ((x->c->gpr[RAX] >> 8) & AH_FLAGS);
	return EMU_OK;
}

/* CLC STC CMC by opcode, CLD STD. */
enum emu_status ex_flag(struct emu_exec *x)
{
	u64 flag = x->in->opcode >= 0xfc ? FL_DF : FL_CF;

	if (x->in->opcode == 0xf5)
		x->flags ^= flag;
	else if (x->in->opcode & 1)
		x->flags |= flag;
	else
		x->flags &= ~flag;
	return EMU_OK;
}

/* IF or, where CR4 offers it to code below IOPL, VIF: the flag that CLI and STI work on. */
static u64 interrupt_flag(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	u64 cr4;

	if (c->mode == EMU_MODE_VM86 ? emu_iopl(c) == 3 : c->cpl <= emu_iopl(c))
		return FL_IF;
	cr4 = c->ops->get_cr(c, 4);
	if (c->mode == EMU_MODE_VM86)
		return cr4 & CR4_VME ? FL_VIF : 0;
	return cr4 & CR4_PVI && c->cpl == 3 ? FL_VIF : 0;
}

enum emu_status ex_cli(struct emu_exec *x)
{
	u64 flag = interrupt_flag(x);

	if (!flag)
		return emu_raise(x->c, VEC_GP, 0);
	x->flags &= ~flag;
	return EMU_OK;
}

enum emu_status ex_sti(struct emu_exec *x)
{
	u64 flag = interrupt_flag(x);

	if (!flag || (flag == FL_VIF && x->flags & FL_VIP))
		return emu_raise(x->c, VEC_GP, 0);
	x->c->block_sti = flag == FL_IF && !(x->flags & FL_IF);
	x->flags |= flag;
	return EMU_OK;
}

enum emu_status ex_nop(struct emu_exec *x)
{
	return EMU_OK;
}

/*
 * Opcode 90 is no exchange, so RAX keeps its upper half, unless REX.B makes it
 * one with R8; but F3 makes it PAUSE.
 */
enum emu_status ex_nop_xchg(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	unsigned int size = x->in->op_bytes;
	u64 rax = c->gpr[RAX];

	if (x->in->rex & 1 && x->in->rep != 0xf3) {
		emu_reg_set(c, RAX, size, c->gpr[8]);
		emu_reg_set(c, 8, size, rax);
	}
	return EMU_OK;
}

enum emu_status ex_push(struct emu_exec *x)
{
	return emu_push(x->c, x->op[0].val, x->in->op_bytes);
}

/* Pushed with 32 bits, a selector leaves the upper two bytes of its place as they were. */
static enum emu_status push_selector(struct emu_exec *x, unsigned int seg)
{
	struct emu_ctxt *c = x->c;
	struct x86_segment s;

	c->ops->get_segment(c, seg, &s);
	if (x->in->op_bytes != 4)
		return emu_push(c, s.selector, x->in->op_bytes);
	emu_move_sp(c, -2);
	return emu_push(c, s.selector, 2);
}

enum emu_status ex_push_seg(struct emu_exec *x)
{
	return push_selector(x, x->d->aux);
}

/* The address of a memory destination is computed after the stack pointer has moved. */
enum emu_status ex_pop(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	struct emu_opnd *o = &x->op[0];
	enum emu_status st;
	u64 val;

	st = emu_pop(c, &val, o->size);
	if (st != EMU_OK)
		return st;
	if (o->kind == OPND_MEM)
		return emu_mem_write(c, x->in->mem_seg, emu_effective_address(c), val, o->size);
	emu_reg_set(c, o->reg, o->size, val);
	return EMU_OK;
}

static enum emu_status load_selector(struct emu_exec *x, unsigned int seg, u16 sel)
{
	if (seg == X86_SEG_SS)
		x->c->block_mov_ss = true;
	return emu_load_segment(x->c, seg, sel);
}

enum emu_status ex_pop_seg(struct emu_exec *x)
{
	enum emu_status st;
	u64 sel;

	st = emu_pop_selector(x->c, &sel, x->in->op_bytes);
	return st == EMU_OK ? load_selector(x, x->d->aux, sel) : st;
}

enum emu_status ex_mov_from_seg(struct emu_exec *x)
{
	struct x86_segment s;

	x->c->ops->get_segment(x->c, x->op[1].reg, &s);
	x->op[0].val = s.selector;
	return EMU_OK;
}

enum emu_status ex_mov_to_seg(struct emu_exec *x)
{
	return load_selector(x, x->op[0].reg, x->op[1].val);
}

enum emu_status ex_pusha(struct emu_exec *x)
{
	u64 sp = x->c->gpr[RSP];
	enum emu_status st = EMU_OK;
	unsigned int reg;

	for (reg = RAX; reg <= RDI && st == EMU_OK; reg++)
		st = emu_push(x->c, reg == RSP ? sp : x->c->gpr[reg], x->in->op_bytes);
	return st;
}

enum emu_status ex_popa(struct emu_exec *x)
{
	unsigned int size = x->in->op_bytes, reg;
	enum emu_status st;
	u64 val;

	for (reg = 8; reg-- > 0;) {
		st = emu_pop(x->c, &val, size);
		if (st != EMU_OK)
			return st;
		if (reg != RSP)
			emu_reg_set(x->c, reg, size, val);
	}
	return EMU_OK;
}

/* In virtual-8086 mode below IOPL 3, PUSHF and POPF work on VIF if CR4.VME is set. */
static bool flags_virtual(struct emu_exec *x)
{
	return x->c->mode == EMU_MODE_VM86 && emu_iopl(x->c) < 3;
}

static bool vme_helps(struct emu_exec *x)
{
	return x->in->op_bytes == 2 && x->c->ops->get_cr(x->c, 4) & CR4_VME;
}

enum emu_status ex_pushf(struct emu_exec *x)
{
	u64 flags = x->flags & ~(FL_VM | FL_RF);

	if (flags_virtual(x)) {
		if (!vme_helps(x))
			return emu_raise(x->c, VEC_GP, 0);
		flags = (flags & ~FL_IF) | FL_IOPL | (flags & FL_VIF ? FL_IF : 0);
	}
	return emu_push(x->c, flags, x->in->op_bytes);
}

enum emu_status ex_popf(struct emu_exec *x)
{
	u64 mask = FL_ARITH | FL_TF | FL_DF | FL_NT | FL_AC | FL_ID;
	struct emu_ctxt *c = x->c;
	enum emu_status st;
	u64 val;

	if (flags_virtual(x) && !vme_helps(x))
		return emu_raise(c, VEC_GP, 0);
	st = emu_pop(c, &val, x->in->op_bytes);
	if (st != EMU_OK)
		return st;
	if (flags_virtual(x)) {
		if (val & FL_TF || (val & FL_IF && x->flags & FL_VIP))
			return emu_raise(c, VEC_GP, 0);
		x->flags = (x->flags & ~FL_VIF) | (val & FL_IF ? FL_VIF : 0);
	} else if (c->mode == EMU_MODE_VM86 || c->cpl <= emu_iopl(c)) {
		mask |= FL_IF;
	}
	if (c->cpl == 0)
		mask |= FL_IOPL;
	mask &= emu_mask(x->in->op_bytes);
	x->flags = (x->flags & ~mask) | (val & mask);
	return EMU_OK;
}

/* Copies the frame pointers of the enclosing levels, then adds the new one. */
static enum emu_status enter_levels(struct emu_exec *x, unsigned int level, u64 frame)
{
	struct emu_ctxt *c = x->c;
	unsigned int size = x->in->op_bytes;
	u64 mask = emu_mask(emu_stack_bytes(c)), val, bp = c->gpr[RBP];
	enum emu_status st;

	while (--level) {
		bp -= size;
		st = emu_mem_read(c, X86_SEG_SS, bp & mask, &val, size);
		if (st == EMU_OK)
			st = emu_push(c, val, size);
		if (st != EMU_OK)
			return st;
	}
	return emu_push(c, frame, size);
}

enum emu_status ex_enter(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	unsigned int level = x->op[1].val & 31;
	enum emu_status st;
	u64 frame;

	st = emu_push(c, c->gpr[RBP], x->in->op_bytes);
	if (st != EMU_OK)
		return st;
	frame = c->gpr[RSP];
	if (level) {
		st = enter_levels(x, level, frame);
		if (st != EMU_OK)
			return st;
	}
	emu_move_sp(c, -(s64)(x->op[0].val & 0xffff));
	emu_reg_set(c, RBP, x->in->op_bytes, frame);
	/* The new top of the stack must be writable, although nothing is written. */
	return emu_probe_stack(c, 0, x->in->op_bytes);
}

enum emu_status ex_leave(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	enum emu_status st;
	u64 val;

	emu_reg_set(c, RSP, emu_stack_bytes(c), c->gpr[RBP]);
	st = emu_pop(c, &val, x->in->op_bytes);
	if (st == EMU_OK)
		emu_reg_set(c, RBP, x->in->op_bytes, val);
	return st;
}
