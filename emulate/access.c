// SPDX-License-Identifier: GPL-2.0-only
/*
 * How handlers reach things: faults, registers, memory through segments with
 * the checks of SDM vol. 3A 5.3 to 5.5, the stack, branch targets, I/O ports.
 */
#include "internal.h"

/* Notes exception @vector, with @error_code if it has one. */
enum emu_status emu_raise(struct emu_ctxt *c, u8 vector, u32 error_code)
{
	bool has_error = vector == VEC_DF || vector == VEC_AC ||
			 (vector >= VEC_TS && vector <= VEC_PF);

	memset(&c->fault, 0, sizeof(c->fault));
	c->fault.vector = vector;
	if (has_error && c->mode != EMU_MODE_REAL) {
		c->fault.has_error = true;
		c->fault.error_code = error_code;
	}
	return EMU_FAULT;
}

bool emu_canonical(struct emu_ctxt *c, u64 la)
{
	if ((u64)emu_sext(la, 6) == la)
		return true;
	return c->ops->get_cr(c, 4) & CR4_LA57 && (u64)((s64)(la << 7) >> 7) == la;
}

/* Are the @len bytes at @off inside the limit, for either direction of growth? */
bool emu_in_limit(const struct x86_segment *s, u64 off, unsigned int len)
{
	u64 last = off + len - 1;

	if (s->s && (s->type & 0xc) == 4)
		return off > s->limit && last <= (s->db ? 0xffffffff : 0xffff);
	return last <= s->limit;
}

/* The linear address of @len bytes at @off in @seg; a fault if they may not be accessed so. */
enum emu_status emu_linear(struct emu_ctxt *c, int seg, u64 off, unsigned int len, u32 acc,
			   u64 *la)
{
	u8 vector = seg == X86_SEG_SS ? VEC_SS : VEC_GP;
	struct x86_segment s;

	if (emu_is64(c)) {
		*la = off;
		if (seg == X86_SEG_FS || seg == X86_SEG_GS) {
			c->ops->get_segment(c, seg, &s);
			*la += s.base;
		}
		if (!emu_canonical(c, *la) || !emu_canonical(c, *la + len - 1))
			return emu_raise(c, vector, 0);
		return EMU_OK;
	}
	c->ops->get_segment(c, seg, &s);
	off &= 0xffffffff;
	*la = (s.base + off) & 0xffffffff;
	if (emu_protected(c)) {
		if (s.unusable)
			return emu_raise(c, vector, 0);
		if (acc & X86_ACC_WRITE ? (s.type & 10) != 2 : (s.type & 10) == 8)
			return emu_raise(c, VEC_GP, 0);
	}
	if (!emu_in_limit(&s, off, len))
		return emu_raise(c, vector, 0);
	return EMU_OK;
}

enum emu_status emu_align_check(struct emu_ctxt *c, u64 la, unsigned int size)
{
	if (size > 8 || !(la & (size - 1)) || c->cpl != 3 || !(c->rflags & FL_AC))
		return EMU_OK;
	if (!(c->ops->get_cr(c, 0) & CR0_AM))
		return EMU_OK;
	return emu_raise(c, VEC_AC, 0);
}

u64 emu_reg_get(const struct emu_ctxt *c, unsigned int reg, unsigned int size)
{
	return c->gpr[reg] & emu_mask(size);
}

/* A 32-bit result clears the upper half, smaller ones leave the rest alone. */
void emu_reg_set(struct emu_ctxt *c, unsigned int reg, unsigned int size, u64 val)
{
	u64 mask = emu_mask(size);

	if (size >= 4)
		c->gpr[reg] = val & mask;
	else
		c->gpr[reg] = (c->gpr[reg] & ~mask) | (val & mask);
}

enum emu_status emu_mem_read(struct emu_ctxt *c, int seg, u64 off, u64 *val, unsigned int size)
{
	enum emu_status st;
	u64 la;

	st = emu_linear(c, seg, off, size, 0, &la);
	if (st == EMU_OK)
		st = emu_align_check(c, la, size);
	if (st != EMU_OK)
		return st;
	*val = 0;
	return c->ops->read(c, la, val, size, 0);
}

enum emu_status emu_mem_write(struct emu_ctxt *c, int seg, u64 off, u64 val, unsigned int size)
{
	enum emu_status st;
	u64 la;

	st = emu_linear(c, seg, off, size, X86_ACC_WRITE, &la);
	if (st == EMU_OK)
		st = emu_align_check(c, la, size);
	if (st != EMU_OK)
		return st;
	return c->ops->write(c, la, &val, size, X86_ACC_WRITE);
}

/* Is all of an operand in memory, which may cross a page, accessible? */
enum emu_status emu_probe(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc)
{
	unsigned int first = 4096 - la % 4096;
	enum emu_status st;

	if (len <= first)
		return c->ops->probe(c, la, len, acc);
	st = c->ops->probe(c, la, first, acc);
	return st == EMU_OK ? c->ops->probe(c, la + first, len - first, acc) : st;
}

/* Could @size bytes be written at the stack pointer plus @delta? */
enum emu_status emu_probe_stack(struct emu_ctxt *c, s64 delta, unsigned int size)
{
	u64 sp = (c->gpr[RSP] + delta) & emu_mask(emu_stack_bytes(c));
	enum emu_status st;
	u64 la;

	st = emu_linear(c, X86_SEG_SS, sp, size, X86_ACC_WRITE, &la);
	if (st == EMU_OK)
		st = emu_align_check(c, la, size);
	return st == EMU_OK ? emu_probe(c, la, size, X86_ACC_WRITE) : st;
}

static u64 system_address(struct emu_ctxt *c, u64 la)
{
	return c->long_mode_active ? la : la & 0xffffffff;
}

/* Descriptor tables and TSS; of any length. */
enum emu_status emu_sys_read(struct emu_ctxt *c, u64 la, void *buf, unsigned int len)
{
	enum emu_status st = EMU_OK;
	unsigned int done, n;

	for (done = 0; done < len && st == EMU_OK; done += n) {
		n = len - done < 64 ? len - done : 64;
		st = c->ops->read(c, system_address(c, la + done), (u8 *)buf + done, n,
				  X86_ACC_SYSTEM);
	}
	return st;
}

enum emu_status emu_sys_write(struct emu_ctxt *c, u64 la, const void *buf, unsigned int len)
{
	return c->ops->write(c, system_address(c, la), buf, len, X86_ACC_SYSTEM | X86_ACC_WRITE);
}

/* The width of the stack pointer: 2, 4 or 8. */
unsigned int emu_stack_bytes(struct emu_ctxt *c)
{
	struct x86_segment ss;

	if (emu_is64(c))
		return 8;
	c->ops->get_segment(c, X86_SEG_SS, &ss);
	return ss.db ? 4 : 2;
}

void emu_move_sp(struct emu_ctxt *c, s64 delta)
{
	emu_reg_set(c, RSP, emu_stack_bytes(c), c->gpr[RSP] + delta);
}

enum emu_status emu_push(struct emu_ctxt *c, u64 val, unsigned int size)
{
	unsigned int width = emu_stack_bytes(c);
	u64 sp = (c->gpr[RSP] - size) & emu_mask(width);
	enum emu_status st = emu_mem_write(c, X86_SEG_SS, sp, val, size);

	if (st == EMU_OK)
		emu_reg_set(c, RSP, width, sp);
	return st;
}

enum emu_status emu_pop(struct emu_ctxt *c, u64 *val, unsigned int size)
{
	unsigned int width = emu_stack_bytes(c);
	u64 sp = c->gpr[RSP] & emu_mask(width);
	enum emu_status st = emu_mem_read(c, X86_SEG_SS, sp, val, size);

	if (st == EMU_OK)
		emu_reg_set(c, RSP, width, sp + size);
	return st;
}

/* Of the place of a selector on the stack only two bytes are read. */
enum emu_status emu_pop_selector(struct emu_ctxt *c, u64 *sel, unsigned int size)
{
	enum emu_status st = emu_pop(c, sel, 2);

	if (st == EMU_OK)
		emu_move_sp(c, size - 2);
	return st;
}

/* Makes @target, of @size bytes, the next rip if the code segment has it. */
enum emu_status emu_branch(struct emu_exec *x, u64 target, unsigned int size)
{
	struct emu_ctxt *c = x->c;
	struct x86_segment cs;

	target &= emu_mask(size);
	if (emu_is64(c)) {
		if (!emu_canonical(c, target))
			return emu_raise(c, VEC_GP, 0);
	} else {
		c->ops->get_segment(c, X86_SEG_CS, &cs);
		if (target > cs.limit)
			return emu_raise(c, VEC_GP, 0);
	}
	x->next_rip = target;
	return EMU_OK;
}

/* The condition in the low four bits of Jcc, SETcc, CMOVcc. */
bool emu_condition(u64 flags, unsigned int cc)
{
	bool less = !(flags & FL_SF) != !(flags & FL_OF);
	bool yes = false;

	switch ((cc >> 1) & 7) {
	case 0:
		yes = flags & FL_OF;
		break;
	case 1:
		yes = flags & FL_CF;
		break;
	case 2:
		yes = flags & FL_ZF;
		break;
	case 3:
		yes = flags & (FL_CF | FL_ZF);
		break;
	case 4:
		yes = flags & FL_SF;
		break;
	case 5:
		yes = flags & FL_PF;
		break;
	case 6:
		yes = less;
		break;
	case 7:
		yes = less || flags & FL_ZF;
		break;
	}
	return yes != (cc & 1);
}

/* IOPL and, where that does not suffice, the I/O permission bitmap: SDM vol. 1, 19.5. */
enum emu_status emu_io_allowed(struct emu_ctxt *c, u16 port, unsigned int size)
{
	struct x86_segment tr;
	enum emu_status st;
	u16 base, bits;
	u32 off;

	if (c->mode == EMU_MODE_REAL || (c->mode != EMU_MODE_VM86 && c->cpl <= emu_iopl(c)))
		return EMU_OK;
	c->ops->get_segment(c, X86_SEG_TR, &tr);
	if (tr.unusable || (tr.type & 0xd) != 9 || tr.limit < 103)
		return emu_raise(c, VEC_GP, 0);
	st = emu_sys_read(c, tr.base + 102, &base, 2);
	if (st != EMU_OK)
		return st;
	off = base + port / 8;
	if (off + 1 > tr.limit)
		return emu_raise(c, VEC_GP, 0);
	st = emu_sys_read(c, tr.base + off, &bits, 2);
	if (st != EMU_OK)
		return st;
	if (bits >> (port & 7) & ((1u << size) - 1))
		return emu_raise(c, VEC_GP, 0);
	return EMU_OK;
}
