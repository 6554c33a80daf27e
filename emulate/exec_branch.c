// SPDX-License-Identifier: GPL-2.0-only
/*
 * Near control transfer, and BOUND.
 */
#include "internal.h"

static enum emu_status relative(struct emu_exec *x)
{
	return emu_branch(x, x->next_rip + x->op[0].val, x->in->op_bytes);
}

enum emu_status ex_jcc(struct emu_exec *x)
{
	return emu_condition(x->flags, x->in->opcode) ? relative(x) : EMU_OK;
}

enum emu_status ex_jmp(struct emu_exec *x)
{
	return relative(x);
}

enum emu_status ex_jmp_ind(struct emu_exec *x)
{
	return emu_branch(x, x->op[0].val, x->in->op_bytes);
}

/* A fault of the stack comes before that of a bad target. */
static enum emu_status call(struct emu_exec *x, u64 target)
{
	unsigned int size = x->in->op_bytes;
	u64 ret = x->next_rip;
	enum emu_status st, stack;

	st = emu_branch(x, target, size);
	if (st == EMU_OK)
		return emu_push(x->c, ret, size);
	stack = emu_probe_stack(x->c, -(s64)size, size);
	return stack == EMU_OK ? emu_branch(x, target, size) : stack;
}

enum emu_status ex_call(struct emu_exec *x)
{
	return call(x, x->next_rip + x->op[0].val);
}

enum emu_status ex_call_ind(struct emu_exec *x)
{
	return call(x, x->op[0].val);
}

/* An immediate, if there is one, is released from the stack. */
enum emu_status ex_ret(struct emu_exec *x)
{
	enum emu_status st;
	u64 target;

	st = emu_pop(x->c, &target, x->in->op_bytes);
	if (st == EMU_OK)
		st = emu_branch(x, target, x->in->op_bytes);
	if (st == EMU_OK)
		emu_move_sp(x->c, x->op[0].val & 0xffff);
	return st;
}

/* LOOPNE LOOPE LOOP, by opcode. */
enum emu_status ex_loop(struct emu_exec *x)
{
	unsigned int width = x->in->ad_bytes;
	u64 left = (x->c->gpr[RCX] - 1) & emu_mask(width);
	bool zf = x->flags & FL_ZF;

	emu_reg_set(x->c, RCX, width, left);
	if (!left || (x->in->opcode < 0xe2 && zf != (x->in->opcode & 1)))
		return EMU_OK;
	return relative(x);
}

enum emu_status ex_jcxz(struct emu_exec *x)
{
	return emu_reg_get(x->c, RCX, x->in->ad_bytes) ? EMU_OK : relative(x);
}

enum emu_status ex_bound(struct emu_exec *x)
{
	unsigned int size = x->op[0].size;
	s64 index = emu_sext(x->op[0].val, size);
	enum emu_status st;
	u64 low, high;

	st = emu_mem_read(x->c, x->in->mem_seg, x->in->mem_off, &low, size);
	if (st == EMU_OK && index < emu_sext(low, size))
		return emu_raise(x->c, VEC_BR, 0);
	if (st == EMU_OK)
		st = emu_mem_read(x->c, x->in->mem_seg,
				  (x->in->mem_off + size) & emu_mask(x->in->ad_bytes), &high, size);
	if (st == EMU_OK && index > emu_sext(high, size))
		return emu_raise(x->c, VEC_BR, 0);
	return st;
}
