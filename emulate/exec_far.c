// SPDX-License-Identifier: GPL-2.0-only
/*
 * Far control transfer: JMP, CALL and RET between segments, call gates, and
 * the loading of far pointers.
 */
#include "internal.h"

#define GATE_PARAMS	31u

/* Offset first, then the selector, from memory or from the instruction. */
static enum emu_status far_pointer(struct emu_exec *x, const struct emu_opnd *o, u64 *off, u64 *sel)
{
	unsigned int size = x->in->op_bytes;
	enum emu_status st;

	if (o->kind == OPND_IMM) {
		*off = x->in->imm;
		*sel = x->in->imm2;
		return EMU_OK;
	}
	st = emu_mem_read(x->c, x->in->mem_seg, x->in->mem_off, off, size);
	if (st == EMU_OK)
		st = emu_mem_read(x->c, x->in->mem_seg,
				  (x->in->mem_off + size) & emu_mask(x->in->ad_bytes), sel, 2);
	return st;
}

/* LES LDS LSS LFS LGS */
enum emu_status ex_lds(struct emu_exec *x)
{
	enum emu_status st;
	u64 off, sel;

	st = far_pointer(x, &x->op[1], &off, &sel);
	if (st == EMU_OK)
		st = emu_load_segment(x->c, x->d->aux, sel);
	if (st == EMU_OK)
		emu_reg_set(x->c, x->op[0].reg, x->op[0].size, off);
	return st;
}

/* What a code segment must be like apart from privilege. */
static enum emu_status check_code(struct emu_ctxt *c, u16 sel, struct x86_segment *cs)
{
	if (!cs->present)
		return emu_raise(c, VEC_NP, sel & ~3);
	if (!c->long_mode_active)
		cs->l = false;
	return cs->l && cs->db ? emu_raise(c, VEC_GP, sel & ~3) : EMU_OK;
}

/* May control go to @off in @cs? If so, it is marked accessed. */
static enum emu_status check_target(struct emu_ctxt *c, u16 sel, struct emu_raw_desc *r,
				    struct x86_segment *cs, u64 off)
{
	if (cs->l ? !emu_canonical(c, off) : (u32)off > cs->limit)
		return emu_raise(c, VEC_GP, 0);
	cs->type |= EMU_DESC_ACCESSED;
	return emu_desc_set_type(c, sel, r, EMU_DESC_ACCESSED, 0);
}

/* Both. */
enum emu_status emu_check_code(struct emu_ctxt *c, u16 sel, struct emu_raw_desc *r,
			       struct x86_segment *cs, u64 off)
{
	enum emu_status st = check_code(c, sel, cs);

	return st == EMU_OK ? check_target(c, sel, r, cs, off) : st;
}

/* Reads the descriptor of a code segment. */
enum emu_status emu_read_code(struct emu_ctxt *c, u16 sel, struct emu_raw_desc *r,
			      struct x86_segment *cs)
{
	enum emu_status st;

	if (!(sel & ~3))
		return emu_raise(c, VEC_GP, 0);
	st = emu_read_desc(c, sel, r, VEC_GP);
	if (st != EMU_OK)
		return st;
	emu_unpack_desc(sel, r, cs);
	if (!cs->s || !(cs->type & 8))
		return emu_raise(c, VEC_GP, sel & ~3);
	return EMU_OK;
}

static enum emu_mode code_mode(const struct x86_segment *cs)
{
	if (cs->l)
		return EMU_MODE_PROT64;
	return cs->db ? EMU_MODE_PROT32 : EMU_MODE_PROT16;
}

/* Loads CS in protected mode, and what follows from it. */
void emu_set_code(struct emu_ctxt *c, const struct x86_segment *cs, u8 cpl)
{
	c->ops->set_segment(c, X86_SEG_CS, cs);
	c->cpl = cpl;
	c->mode = code_mode(cs);
}

/* Control goes to @off in @cs at privilege @cpl: nothing can fail any more. */
void emu_enter_code(struct emu_exec *x, struct x86_segment *cs, u64 off, u8 cpl)
{
	cs->selector = (cs->selector & ~3) | cpl;
	emu_set_code(x->c, cs, cpl);
	x->next_rip = cs->l ? off : (u32)off;
}

static enum emu_status push_return(struct emu_exec *x, unsigned int size)
{
	struct x86_segment cs;
	enum emu_status st;

	x->c->ops->get_segment(x->c, X86_SEG_CS, &cs);
	st = emu_push(x->c, cs.selector, size);
	return st == EMU_OK ? emu_push(x->c, x->next_rip, size) : st;
}

/*
 * Pushes the return address of a call to @off in @cs. A fault of the stack comes
 * before that of a bad target, and between compatibility and 64-bit mode the
 * stack is already that of the new mode.
 */
static enum emu_status push_call(struct emu_exec *x, u16 sel, struct emu_raw_desc *r,
				 struct x86_segment *cs, u64 off, unsigned int size)
{
	enum emu_status st = check_target(x->c, sel, r, cs, off), stack;

	x->c->mode = code_mode(cs);
	if (st == EMU_OK)
		return push_return(x, size);
	stack = emu_probe_stack(x->c, -(s64)size, size);
	if (stack == EMU_OK)
		stack = emu_probe_stack(x->c, -2 * (s64)size, size);
	return stack == EMU_OK ? check_target(x->c, sel, r, cs, off) : stack;
}

static enum emu_status far_real(struct emu_exec *x, u16 sel, u64 off, bool call)
{
	struct emu_ctxt *c = x->c;
	enum emu_status st = EMU_OK;
	struct x86_segment cs;

	emu_real_segment(c, X86_SEG_CS, sel, &cs);
	if (off > cs.limit)
		return emu_raise(c, VEC_GP, 0);
	if (call)
		st = push_return(x, x->in->op_bytes);
	if (st != EMU_OK)
		return st;
	c->ops->set_segment(c, X86_SEG_CS, &cs);
	x->next_rip = off;
	return EMU_OK;
}

/* The stack of privilege level @dpl, from the TSS; in long mode possibly of @ist. */
enum emu_status emu_inner_stack(struct emu_ctxt *c, u8 dpl, unsigned int ist, struct emu_stack *k)
{
	bool wide = c->long_mode_active, small;
	struct x86_segment tr;
	enum emu_status st;
	u32 off, ptr;
	u16 sel = 0;

	memset(k, 0, sizeof(*k));
	c->ops->get_segment(c, X86_SEG_TR, &tr);
	small = !(tr.type & 8);
	ptr = wide ? 8 : small ? 2 : 4;
	if (wide)
		off = ist ? 28 + 8 * ist : 4u + 8 * dpl;
	else
		off = small ? 2u + 4 * dpl : 4u + 8 * dpl;
	if (off + ptr + (wide ? 0 : 2) - 1 > tr.limit)
		return emu_raise(c, VEC_TS, tr.selector & ~3);
	st = emu_sys_read(c, tr.base + off, &k->sp, ptr);
	if (st == EMU_OK && !wide)
		st = emu_sys_read(c, tr.base + off + ptr, &sel, 2);
	if (st != EMU_OK)
		return st;
	k->cpl = dpl;
	if (wide) {
		k->width = 8;
		k->ss.selector = dpl;
		k->ss.dpl = dpl;
		k->ss.unusable = true;
		return EMU_OK;
	}
	st = emu_check_segment(c, X86_SEG_SS, sel, dpl, VEC_TS, &k->ss);
	k->width = k->ss.db ? 4 : 2;
	return st;
}

/* Pushes on a stack that is not the current one yet, with its privilege. */
enum emu_status emu_stack_push(struct emu_ctxt *c, struct emu_stack *k, u64 val, unsigned int size)
{
	u64 sp = (k->sp - size) & emu_mask(k->width), la = sp;
	u8 cpl = c->cpl;
	enum emu_status st;

	if (k->width == 8) {
		if (!emu_canonical(c, sp) || !emu_canonical(c, sp + size - 1))
			return emu_raise(c, VEC_SS, 0);
	} else {
		if (!emu_in_limit(&k->ss, sp, size))
			return emu_raise(c, VEC_SS, k->ss.selector & ~3);
		la = (k->ss.base + sp) & 0xffffffff;
	}
	c->cpl = k->cpl;
	st = c->ops->write(c, la, &val, size, X86_ACC_WRITE);
	c->cpl = cpl;
	if (st == EMU_OK)
		k->sp = sp;
	return st;
}

void emu_enter_stack(struct emu_ctxt *c, const struct emu_stack *k)
{
	c->ops->set_segment(c, X86_SEG_SS, &k->ss);
	emu_reg_set(c, RSP, k->width, k->sp);
}

/* A call through a gate to a more privileged level: new stack, parameters copied. */
static enum emu_status call_inner(struct emu_exec *x, u8 dpl, unsigned int size, unsigned int count,
				  struct emu_stack *k)
{
	struct emu_ctxt *c = x->c;
	unsigned int width = emu_stack_bytes(c), i;
	struct x86_segment ss, cs;
	enum emu_status st;
	u64 val;

	c->ops->get_segment(c, X86_SEG_SS, &ss);
	c->ops->get_segment(c, X86_SEG_CS, &cs);
	st = emu_inner_stack(c, dpl, 0, k);
	if (st == EMU_OK)
		st = emu_stack_push(c, k, ss.selector, size);
	if (st == EMU_OK)
		st = emu_stack_push(c, k, c->gpr[RSP], size);
	for (i = count; i-- > 0 && st == EMU_OK;) {
		u64 sp = (c->gpr[RSP] + i * size) & emu_mask(width);

		st = emu_mem_read(c, X86_SEG_SS, sp, &val, size);
		if (st == EMU_OK)
			st = emu_stack_push(c, k, val, size);
	}
	if (st == EMU_OK)
		st = emu_stack_push(c, k, cs.selector, size);
	return st == EMU_OK ? emu_stack_push(c, k, x->next_rip, size) : st;
}

static enum emu_status call_gate(struct emu_exec *x, u16 sel, const struct emu_raw_desc *gate,
				 const struct x86_segment *g, bool call)
{
	struct emu_ctxt *c = x->c;
	bool wide = c->long_mode_active, inner, conforming;
	unsigned int size = wide ? 8 : g->type == 4 ? 2 : 4;
	u64 off = (gate->lo & 0xffff) | (size > 2 ? gate->hi & 0xffff0000 : 0);
	u16 csel = gate->lo >> 16;
	struct emu_raw_desc r;
	struct x86_segment cs;
	struct emu_stack k;
	enum emu_status st;

	if (g->dpl < c->cpl || g->dpl < (sel & 3) ||
	    (wide && (g->type == 4 || gate->zero & 0x1f00)))
		return emu_raise(c, VEC_GP, sel & ~3);
	if (!g->present)
		return emu_raise(c, VEC_NP, sel & ~3);
	if (wide)
		off |= (u64)gate->base_hi << 32;
	st = emu_read_code(c, csel, &r, &cs);
	if (st != EMU_OK)
		return st;
	conforming = cs.type & 4;
	if (cs.dpl > c->cpl || (!call && !conforming && cs.dpl != c->cpl) || (wide && !cs.l))
		return emu_raise(c, VEC_GP, csel & ~3);
	inner = call && !conforming && cs.dpl < c->cpl;
	st = check_code(c, csel, &cs);
	if (st == EMU_OK && (inner || !call))
		st = check_target(c, csel, &r, &cs, off);
	if (st != EMU_OK)
		return st;
	if (inner)
		st = call_inner(x, cs.dpl, size, wide ? 0 : gate->hi & GATE_PARAMS, &k);
	else if (call)
		st = push_call(x, csel, &r, &cs, off, size);
	if (st != EMU_OK)
		return st;
	if (inner)
		emu_enter_stack(c, &k);
	emu_enter_code(x, &cs, off, inner ? cs.dpl : c->cpl);
	return EMU_OK;
}

/* A jump or call to a TSS, directly or (type 5) through a task gate. */
static enum emu_status task(struct emu_exec *x, u16 sel, const struct emu_raw_desc *r,
			    const struct x86_segment *s, bool call)
{
	struct emu_ctxt *c = x->c;

	if (s->dpl < c->cpl || s->dpl < (sel & 3))
		return emu_raise(c, VEC_GP, sel & ~3);
	if (s->type == 5) {
		if (!s->present)
			return emu_raise(c, VEC_NP, sel & ~3);
		sel = r->lo >> 16;
	}
	return emu_switch_in_exec(x, sel, -1, call ? 0 : 2);
}

static enum emu_status far_transfer(struct emu_exec *x, bool call)
{
	struct emu_ctxt *c = x->c;
	struct emu_raw_desc r;
	struct x86_segment s;
	enum emu_status st;
	u64 off, sel;

	st = far_pointer(x, &x->op[0], &off, &sel);
	if (st != EMU_OK)
		return st;
	if (!emu_protected(c))
		return far_real(x, sel, off, call);
	if (!(sel & ~3ull))
		return emu_raise(c, VEC_GP, 0);
	st = emu_read_desc(c, sel, &r, VEC_GP);
	if (st != EMU_OK)
		return st;
	emu_unpack_desc(sel, &r, &s);
	if (!s.s) {
		if (s.type == 4 || s.type == 12)
			return call_gate(x, sel, &r, &s, call);
		if (!c->long_mode_active && (s.type == 1 || s.type == 9 || s.type == 5))
			return task(x, sel, &r, &s, call);
		return emu_raise(c, VEC_GP, sel & ~3);
	}
	if (!(s.type & 8) || (s.type & 4 ? s.dpl > c->cpl : s.dpl != c->cpl || (sel & 3) > c->cpl))
		return emu_raise(c, VEC_GP, sel & ~3);
	st = check_code(c, sel, &s);
	if (st == EMU_OK)
		st = call ? push_call(x, sel, &r, &s, off, x->in->op_bytes) :
			    check_target(c, sel, &r, &s, off);
	if (st == EMU_OK)
		emu_enter_code(x, &s, off, c->cpl);
	return st;
}

enum emu_status ex_jmpf(struct emu_exec *x)
{
	return far_transfer(x, false);
}

enum emu_status ex_callf(struct emu_exec *x)
{
	return far_transfer(x, true);
}

/* After a return to less privilege, data segments that it may not have are emptied. */
static void drop_segments(struct emu_ctxt *c, u8 cpl)
{
	static const u8 segs[] = { X86_SEG_ES, X86_SEG_DS, X86_SEG_FS, X86_SEG_GS };
	struct x86_segment s;
	unsigned int i;

	for (i = 0; i < sizeof(segs); i++) {
		c->ops->get_segment(c, segs[i], &s);
		if (s.unusable || (s.type & 12) == 12 || s.dpl >= cpl)
			continue;
		s.selector = 0;
		s.unusable = true;
		c->ops->set_segment(c, segs[i], &s);
	}
}

static enum emu_status return_stack(struct emu_exec *x, u16 sel, const struct x86_segment *cs,
				    u8 cpl, struct x86_segment *ss)
{
	if (sel & ~3)
		return emu_check_segment(x->c, X86_SEG_SS, sel, cpl, VEC_GP, ss);
	if (!cs->l || cpl == 3 || sel != cpl)
		return emu_raise(x->c, VEC_GP, 0);
	memset(ss, 0, sizeof(*ss));
	ss->selector = sel;
	ss->dpl = cpl;
	ss->unusable = true;
	return EMU_OK;
}

/*
 * Returns to @sel:@off, in protected mode, for RETF and IRET; a new stack
 * pointer follows on the stack if the privilege changes, or if @stack.
 * @release bytes of parameters are on both stacks.
 */
enum emu_status emu_far_return(struct emu_exec *x, u16 sel, u64 off, bool stack, u16 release)
{
	struct emu_ctxt *c = x->c;
	u8 cpl = sel & 3, old = c->cpl;
	struct x86_segment cs, ss;
	struct emu_raw_desc r;
	enum emu_status st;
	u64 sp, ssel;

	st = emu_read_code(c, sel, &r, &cs);
	if (st != EMU_OK)
		return st;
	if (cpl < old || (cs.type & 4 ? cs.dpl > cpl : cs.dpl != cpl))
		return emu_raise(c, VEC_GP, sel & ~3);
	st = check_code(c, sel, &cs);
	if (st != EMU_OK)
		return st;
	if (cpl == old && !stack) {
		st = check_target(c, sel, &r, &cs, off);
		if (st != EMU_OK)
			return st;
		emu_enter_code(x, &cs, off, cpl);
		emu_move_sp(c, release);
		return EMU_OK;
	}
	emu_move_sp(c, release);
	st = emu_pop(c, &sp, x->in->op_bytes);
	if (st == EMU_OK)
		st = emu_pop_selector(c, &ssel, x->in->op_bytes);
	if (st == EMU_OK)
		st = return_stack(x, ssel, &cs, cpl, &ss);
	if (st == EMU_OK)
		st = check_target(c, sel, &r, &cs, off);
	if (st != EMU_OK)
		return st;
	c->ops->set_segment(c, X86_SEG_SS, &ss);
	emu_reg_set(c, RSP, cs.l ? 8 : ss.db ? 4 : 2, sp + release);
	emu_enter_code(x, &cs, off, cpl);
	if (cpl != old)
		drop_segments(c, cpl);
	return EMU_OK;
}

enum emu_status ex_retf(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	unsigned int size = x->in->op_bytes;
	u16 release = x->op[0].val;
	enum emu_status st;
	u64 off, sel;

	/* The selector comes first. */
	emu_move_sp(c, size);
	st = emu_pop(c, &sel, 2);
	emu_move_sp(c, -(s64)size - 2);
	if (st == EMU_OK)
		st = emu_pop(c, &off, size);
	emu_move_sp(c, size);
	if (st != EMU_OK)
		return st;
	if (emu_protected(c))
		return emu_far_return(x, sel, off, false, release);
	st = far_real(x, sel, off, false);
	if (st == EMU_OK)
		emu_move_sp(c, release);
	return st;
}
