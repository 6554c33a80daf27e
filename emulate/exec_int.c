// SPDX-License-Identifier: GPL-2.0-only
/*
 * Software interrupts through the interrupt vector table or the IDT, and IRET,
 * SDM vol. 3A chapter 6 and 20.
 */
#include "internal.h"

#define GATE_TASK	5
#define GATE_16		8	/* the bit that tells 32-bit (and 64-bit) gates from 16-bit ones */
#define GATE_TRAP	1
#define IDT_BIT		2

enum emu_status emu_inject_real(struct emu_ctxt *c, u8 vector, u64 next_rip)
{
	u64 saved = c->gpr[RSP];
	struct x86_segment cs;
	struct x86_table idt;
	enum emu_status st;
	u16 entry[2];

	c->ops->get_idt(c, &idt);
	if (vector * 4 + 3 > idt.limit)
		return emu_raise(c, VEC_GP, 0);
	st = emu_sys_read(c, idt.base + vector * 4, entry, sizeof(entry));
	if (st == EMU_OK)
		st = emu_push(c, c->rflags, 2);
	c->ops->get_segment(c, X86_SEG_CS, &cs);
	if (st == EMU_OK)
		st = emu_push(c, cs.selector, 2);
	if (st == EMU_OK)
		st = emu_push(c, next_rip, 2);
	if (st != EMU_OK) {
		c->gpr[RSP] = saved;
		return st;
	}
	emu_real_segment(c, X86_SEG_CS, entry[1], &cs);
	c->ops->set_segment(c, X86_SEG_CS, &cs);
	c->rip = entry[0];
	c->rflags &= ~(FL_IF | FL_TF | FL_AC | FL_RF);
	return EMU_OK;
}

/* A gate of the IDT and what it leads to. */
struct gate {
	struct emu_raw_desc raw;
	struct x86_segment g;		/* type, dpl and present are those of the gate */
	struct x86_segment cs;
	u32 error;			/* the error code that names the gate */
	u64 off;
	unsigned int size;		/* of what is pushed */
	bool inner;
};

static enum emu_status read_gate(struct emu_ctxt *c, u8 vector, struct gate *g)
{
	unsigned int len = c->long_mode_active ? 16 : 8;
	struct x86_table idt;
	enum emu_status st;
	bool known;

	memset(g, 0, sizeof(*g));
	g->error = vector * 8 | IDT_BIT;
	c->ops->get_idt(c, &idt);
	if ((vector + 1) * len - 1 > idt.limit)
		return emu_raise(c, VEC_GP, g->error);
	st = emu_sys_read(c, idt.base + vector * len, &g->raw, len);
	if (st != EMU_OK)
		return st;
	emu_unpack_desc(0, &g->raw, &g->g);
	known = (g->g.type & 6) == 6;
	if (c->long_mode_active)
		known = known && g->g.type & GATE_16;
	else
		known = known || g->g.type == GATE_TASK;
	if (g->g.s || !known || g->g.dpl < c->cpl)
		return emu_raise(c, VEC_GP, g->error);
	if (!g->g.present)
		return emu_raise(c, VEC_NP, g->error);
	g->off = g->raw.lo & 0xffff;
	if (g->g.type & GATE_16)
		g->off |= g->raw.hi & 0xffff0000;
	if (c->long_mode_active)
		g->off |= (u64)g->raw.base_hi << 32;
	g->size = c->long_mode_active ? 8 : g->g.type & GATE_16 ? 4 : 2;
	return EMU_OK;
}

static enum emu_status check_gate_code(struct emu_ctxt *c, struct gate *g)
{
	u16 sel = g->raw.lo >> 16;
	struct emu_raw_desc r;
	enum emu_status st;

	st = emu_read_code(c, sel, &r, &g->cs);
	if (st != EMU_OK)
		return st;
	g->inner = !(g->cs.type & 4) && g->cs.dpl < c->cpl;
	if (g->cs.dpl > c->cpl || (c->long_mode_active && !g->cs.l) ||
	    (c->mode == EMU_MODE_VM86 && (!g->inner || g->cs.dpl)))
		return emu_raise(c, VEC_GP, sel & ~3);
	return emu_check_code(c, sel, &r, &g->cs, g->off);
}

/* The stack that the gate's frame goes on. */
static enum emu_status gate_stack(struct emu_ctxt *c, const struct gate *g, struct emu_stack *k)
{
	unsigned int ist = c->long_mode_active ? g->raw.hi & 7 : 0;
	enum emu_status st = EMU_OK;

	if (g->inner || ist) {
		st = emu_inner_stack(c, g->inner ? g->cs.dpl : c->cpl, ist, k);
	} else {
		memset(k, 0, sizeof(*k));
		c->ops->get_segment(c, X86_SEG_SS, &k->ss);
		k->sp = c->gpr[RSP];
		k->cpl = c->cpl;
		k->width = c->long_mode_active ? 8 : k->ss.db ? 4 : 2;
	}
	if (c->long_mode_active)
		k->sp &= ~15ull;
	return st;
}

static enum emu_status push_frame(struct emu_exec *x, const struct gate *g, struct emu_stack *k)
{
	static const u8 vm86_segs[] = { X86_SEG_GS, X86_SEG_FS, X86_SEG_DS, X86_SEG_ES };
	struct emu_ctxt *c = x->c;
	struct x86_segment s;
	enum emu_status st = EMU_OK;
	unsigned int i;

	for (i = 0; c->mode == EMU_MODE_VM86 && st == EMU_OK && i < 4; i++) {
		c->ops->get_segment(c, vm86_segs[i], &s);
		st = emu_stack_push(c, k, s.selector, g->size);
	}
	if (st == EMU_OK && (g->inner || c->long_mode_active)) {
		c->ops->get_segment(c, X86_SEG_SS, &s);
		st = emu_stack_push(c, k, s.selector, g->size);
		if (st == EMU_OK)
			st = emu_stack_push(c, k, c->gpr[RSP], g->size);
	}
	c->ops->get_segment(c, X86_SEG_CS, &s);
	if (st == EMU_OK)
		st = emu_stack_push(c, k, x->flags, g->size);
	if (st == EMU_OK)
		st = emu_stack_push(c, k, s.selector, g->size);
	return st == EMU_OK ? emu_stack_push(c, k, x->next_rip, g->size) : st;
}

static void drop_vm86_segments(struct emu_ctxt *c)
{
	static const u8 segs[] = { X86_SEG_ES, X86_SEG_DS, X86_SEG_FS, X86_SEG_GS };
	const struct x86_segment none = { .unusable = true };
	unsigned int i;

	for (i = 0; i < sizeof(segs); i++)
		c->ops->set_segment(c, segs[i], &none);
}

static enum emu_status through_idt(struct emu_exec *x, u8 vector)
{
	struct emu_ctxt *c = x->c;
	struct emu_stack k;
	enum emu_status st;
	struct gate g;

	st = read_gate(c, vector, &g);
	if (st != EMU_OK)
		return st;
	if (g.g.type == GATE_TASK)
		return emu_switch_in_exec(x, g.raw.lo >> 16, vector, 3);
	st = check_gate_code(c, &g);
	if (st == EMU_OK)
		st = gate_stack(c, &g, &k);
	if (st == EMU_OK)
		st = push_frame(x, &g, &k);
	if (st != EMU_OK)
		return st;
	if (c->mode == EMU_MODE_VM86)
		drop_vm86_segments(c);
	if (g.inner)
		c->ops->set_segment(c, X86_SEG_SS, &k.ss);
	emu_reg_set(c, RSP, k.width, k.sp);
	emu_enter_code(x, &g.cs, g.off, k.cpl);
	x->flags &= ~(FL_TF | FL_NT | FL_RF | FL_VM);
	if (!(g.g.type & GATE_TRAP))
		x->flags &= ~FL_IF;
	return EMU_OK;
}

static enum emu_status interrupt(struct emu_exec *x, u8 vector)
{
	struct emu_ctxt *c = x->c;
	enum emu_status st;

	if (c->mode != EMU_MODE_REAL)
		return through_idt(x, vector);
	st = emu_inject_real(c, vector, x->next_rip);
	if (st == EMU_OK) {
		x->next_rip = c->rip;
		x->flags = c->rflags;
	}
	return st;
}

/*
 * The bit of INT @vector in the redirection bitmap, which ends where the I/O
 * permission bitmap begins: SDM vol. 3B, 21.3.3.
 */
static enum emu_status goes_to_idt(struct emu_ctxt *c, u8 vector, bool *yes)
{
	struct x86_segment tr;
	enum emu_status st;
	u16 base;
	u8 bits;
	u32 off;

	c->ops->get_segment(c, X86_SEG_TR, &tr);
	if (tr.unusable || !(tr.type & 8) || tr.limit < 103)
		return emu_raise(c, VEC_GP, 0);
	st = emu_sys_read(c, tr.base + 102, &base, 2);
	if (st != EMU_OK)
		return st;
	off = base + vector / 8;
	if (off < 32 || off - 32 > tr.limit)
		return emu_raise(c, VEC_GP, 0);
	st = emu_sys_read(c, tr.base + off - 32, &bits, 1);
	*yes = bits >> (vector & 7) & 1;
	return st;
}

/* To the 8086 program's own handler, with VIF for IF below IOPL 3. */
static enum emu_status redirect(struct emu_exec *x, u8 vector)
{
	struct emu_ctxt *c = x->c;
	bool virtual = emu_iopl(c) < 3;
	u64 flags = x->flags;
	struct x86_segment cs;
	enum emu_status st;
	u16 entry[2];

	if (virtual)
		flags = (flags & ~FL_IF) | FL_IOPL | (flags & FL_VIF ? FL_IF : 0);
	st = emu_sys_read(c, vector * 4, entry, sizeof(entry));
	if (st == EMU_OK)
		st = emu_push(c, flags, 2);
	c->ops->get_segment(c, X86_SEG_CS, &cs);
	if (st == EMU_OK)
		st = emu_push(c, cs.selector, 2);
	if (st == EMU_OK)
		st = emu_push(c, x->next_rip, 2);
	if (st != EMU_OK)
		return st;
	emu_real_segment(c, X86_SEG_CS, entry[1], &cs);
	c->ops->set_segment(c, X86_SEG_CS, &cs);
	x->next_rip = entry[0];
	x->flags &= ~(FL_TF | (virtual ? FL_VIF : FL_IF));
	return EMU_OK;
}

/* INT n: in virtual-8086 mode only at IOPL 3, unless CR4.VME redirects it. */
enum emu_status ex_int(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	u8 vector = x->op[0].val;
	bool idt = true;

	if (c->mode == EMU_MODE_VM86) {
		enum emu_status st = EMU_OK;

		if (c->ops->get_cr(c, 4) & CR4_VME)
			st = goes_to_idt(c, vector, &idt);
		if (st != EMU_OK)
			return st;
		if (!idt)
			return redirect(x, vector);
		if (emu_iopl(c) < 3)
			return emu_raise(c, VEC_GP, 0);
	}
	return interrupt(x, vector);
}

enum emu_status ex_int3(struct emu_exec *x)
{
	return interrupt(x, VEC_BP);
}

enum emu_status ex_into(struct emu_exec *x)
{
	return x->flags & FL_OF ? interrupt(x, VEC_OF) : EMU_OK;
}

/* Merges the flags that IRET popped, as privilege allows. */
static void restore_flags(struct emu_exec *x, u64 val, u8 cpl)
{
	u64 mask = FL_ARITH | FL_TF | FL_DF | FL_NT | FL_RF | FL_AC | FL_ID;

	if (x->c->mode == EMU_MODE_VM86 || cpl <= emu_iopl(x->c))
		mask |= FL_IF;
	if (!cpl) {
		mask |= FL_IOPL;
		if (x->c->mode != EMU_MODE_REAL)
			mask |= FL_VIF | FL_VIP;
	}
	mask &= emu_mask(x->in->op_bytes);
	x->flags = (x->flags & ~(mask | FL_RF)) | (val & mask);
	x->keep_rf = true;
}

/* From a CPL 0 handler back to virtual-8086 mode: nine doublewords on the stack. */
static enum emu_status iret_to_vm86(struct emu_exec *x, u64 ip, u64 cs, u64 flags)
{
	static const u8 segs[] = { X86_SEG_SS, X86_SEG_ES, X86_SEG_DS, X86_SEG_FS, X86_SEG_GS };
	struct emu_ctxt *c = x->c;
	u64 val[6] = { 0 };		/* ESP, then the selectors */
	struct x86_segment s;
	enum emu_status st;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		st = emu_pop(c, &val[i], 4);
		if (st != EMU_OK)
			return st;
	}
	if (ip > 0xffff)
		return emu_raise(c, VEC_GP, 0);
	c->mode = EMU_MODE_VM86;
	c->cpl = 3;
	for (i = 0; i < sizeof(segs); i++) {
		emu_real_segment(c, segs[i], val[i + 1], &s);
		c->ops->set_segment(c, segs[i], &s);
	}
	emu_real_segment(c, X86_SEG_CS, cs, &s);
	c->ops->set_segment(c, X86_SEG_CS, &s);
	c->gpr[RSP] = val[0];
	x->next_rip = ip;
	x->keep_rf = true;
	x->flags = (flags & FL_ALL) | FL_FIXED;
	return EMU_OK;
}

/* With CR4.VME, a 16-bit IRET below IOPL 3 restores VIF in place of IF. */
static enum emu_status iret_vme(struct emu_exec *x, u64 flags)
{
	u64 mask = FL_ARITH | FL_TF | FL_DF | FL_NT;

	if (x->in->op_bytes != 2 || !(x->c->ops->get_cr(x->c, 4) & CR4_VME) || flags & FL_TF ||
	    (flags & FL_IF && x->flags & FL_VIP))
		return emu_raise(x->c, VEC_GP, 0);
	x->flags = (x->flags & ~(mask | FL_VIF | FL_RF)) | (flags & mask) |
		   (flags & FL_IF ? FL_VIF : 0);
	return EMU_OK;
}

static enum emu_status iret_real(struct emu_exec *x, u64 ip, u64 sel, u64 flags)
{
	struct emu_ctxt *c = x->c;
	enum emu_status st;
	struct x86_segment cs;

	emu_real_segment(c, X86_SEG_CS, sel, &cs);
	if (ip > cs.limit)
		return emu_raise(c, VEC_GP, 0);
	if (c->mode == EMU_MODE_VM86 && emu_iopl(c) < 3) {
		st = iret_vme(x, flags);
		if (st != EMU_OK)
			return st;
	} else {
		restore_flags(x, flags, c->cpl);
	}
	c->ops->set_segment(c, X86_SEG_CS, &cs);
	x->next_rip = ip;
	return EMU_OK;
}

static enum emu_status iret_task(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	struct x86_segment tr;
	enum emu_status st;
	u16 link;

	if (c->long_mode_active)
		return emu_raise(c, VEC_GP, 0);
	c->ops->get_segment(c, X86_SEG_TR, &tr);
	c->switching = true;
	st = emu_sys_read(c, tr.base, &link, 2);
	return st == EMU_OK ? emu_switch_in_exec(x, link, -1, 1) : st;
}

enum emu_status ex_iret(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	unsigned int size = x->in->op_bytes, i;
	u8 cpl = c->cpl;
	enum emu_status st;
	u64 frame[3];		/* IP, CS, FLAGS */

	c->unblock_nmi = true;
	if (emu_protected(c) && x->flags & FL_NT)
		return iret_task(x);
	if (c->mode == EMU_MODE_VM86 && emu_iopl(c) < 3 && !(c->ops->get_cr(c, 4) & CR4_VME))
		return emu_raise(c, VEC_GP, 0);
	for (i = 0; i < 3; i++) {
		st = i == 1 ? emu_pop_selector(c, &frame[i], size) : emu_pop(c, &frame[i], size);
		if (st != EMU_OK)
			return st;
	}
	if (!emu_protected(c))
		return iret_real(x, frame[0], frame[1], frame[2]);
	if (size == 4 && frame[2] & FL_VM && !cpl && !c->long_mode_active)
		return iret_to_vm86(x, frame[0], frame[1], frame[2]);
	st = emu_far_return(x, frame[1], frame[0], emu_is64(c), 0);
	if (st == EMU_OK)
		restore_flags(x, frame[2], cpl);
	return st;
}
