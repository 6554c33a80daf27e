// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware task switches, SDM vol. 3A chapter 8.
 */
#include "internal.h"

#define TSS32_BYTES	104u
#define TSS16_BYTES	44u
#define TSS32_CR3	0x1c
#define TSS32_EIP	0x20
#define TSS32_LDT	0x60
#define TSS32_TRAP	0x64
#define TSS16_IP	0x0e
#define TSS16_LDT	0x2a
#define TYPE_BUSY	2u
#define TYPE_32		8u
#define CR0_PG		0x80000000ull
#define DR6_BT		0x00008000ull
#define DR7_LOCAL	0x00000155ull	/* L0 to L3 and LE */

enum { BY_CALL, BY_IRET, BY_JMP, BY_GATE };

/* The part of a TSS that a switch saves and loads, in the order of either layout. */
struct task_state {
	u32 ip, flags;
	u32 gpr[8];
	u16 seg[6];		/* by enum x86_seg; a 16-bit TSS has the first four */
	u16 ldt;
	u32 cr3;
	bool trap;
};

static u32 get(const u8 *p, unsigned int len)
{
	u32 val = 0;

	memcpy(&val, p, len);
	return val;
}

/* @p: the whole of a TSS. */
static void unpack(const u8 *p, bool wide, struct task_state *t)
{
	unsigned int len = wide ? 4 : 2, i;
	const u8 *q = p + (wide ? TSS32_EIP : TSS16_IP);

	memset(t, 0, sizeof(*t));
	t->ip = get(q, len);
	t->flags = get(q + len, len);
	q += 2 * len;
	for (i = 0; i < 8; i++)
		t->gpr[i] = get(q + i * len, len);
	q += 8 * len;
	for (i = 0; i < (wide ? 6 : 4); i++)
		t->seg[i] = get(q + i * len, 2);
	t->ldt = get(p + (wide ? TSS32_LDT : TSS16_LDT), 2);
	t->cr3 = wide ? get(p + TSS32_CR3, 4) : 0;
	t->trap = wide && p[TSS32_TRAP] & 1;
}

/* What goes to the old TSS: from the instruction pointer to the segments. */
static enum emu_status save(struct emu_ctxt *c, const struct x86_segment *tr, u64 flags)
{
	bool wide = tr->type & TYPE_32;
	unsigned int len = wide ? 4 : 2, n = 0, i;
	struct x86_segment s;
	u8 buf[64] = { 0 };
	u32 val[16];

	val[n++] = c->rip;
	val[n++] = flags;
	for (i = 0; i < 8; i++)
		val[n++] = c->gpr[i];
	for (i = 0; i < (wide ? 6 : 4); i++) {
		c->ops->get_segment(c, i, &s);
		val[n++] = s.selector;
	}
	for (i = 0; i < n; i++)
		memcpy(buf + i * len, &val[i], len);
	return emu_sys_write(c, tr->base + (wide ? TSS32_EIP : TSS16_IP), buf, n * len);
}

/* Is @sel a TSS that can be switched to? */
static enum emu_status find(struct emu_ctxt *c, u16 sel, int reason, u32 ext,
			    struct emu_raw_desc *r, struct x86_segment *s)
{
	u8 vector = reason == BY_IRET || reason == BY_GATE ? VEC_TS : VEC_GP;
	bool busy = reason == BY_IRET;
	enum emu_status st;

	if (sel & 4 || !(sel & ~3))
		return emu_raise(c, vector, (sel & ~3) | ext);
	st = emu_read_desc(c, sel, r, vector);
	if (st == EMU_FAULT && c->fault.vector == vector)
		c->fault.error_code |= ext;
	if (st != EMU_OK)
		return st;
	emu_unpack_desc(sel, r, s);
	if (s->s || (s->type & ~TYPE_32) != (busy ? 3 : 1))
		return emu_raise(c, vector, (sel & ~3) | ext);
	if (!s->present)
		return emu_raise(c, VEC_NP, (sel & ~3) | ext);
	if (s->limit < (s->type & TYPE_32 ? TSS32_BYTES : TSS16_BYTES) - 1)
		return emu_raise(c, VEC_TS, (sel & ~3) | ext);
	return EMU_OK;
}

/* Memory as the switch leaves it: the old state, the link, the busy bits. */
static enum emu_status store_tasks(struct emu_ctxt *c, int reason, const struct x86_segment *old,
				   const struct x86_segment *new, struct emu_raw_desc *rnew)
{
	bool nested = reason == BY_CALL || reason == BY_GATE;
	u64 flags = c->rflags;
	struct emu_raw_desc rold;
	enum emu_status st;

	if (reason == BY_IRET)
		flags &= ~FL_NT;
	st = save(c, old, flags);
	if (st == EMU_OK && nested)
		st = emu_sys_write(c, new->base, &old->selector, 2);
	if (st == EMU_OK && !nested) {
		st = emu_read_desc(c, old->selector, &rold, VEC_TS);
		if (st == EMU_OK)
			st = emu_desc_set_type(c, old->selector, &rold, 0, TYPE_BUSY);
	}
	if (st == EMU_OK && reason != BY_IRET)
		st = emu_desc_set_type(c, new->selector, rnew, TYPE_BUSY, 0);
	return st;
}

static enum emu_status load_ldt(struct emu_ctxt *c, u16 sel)
{
	struct x86_segment s = { .selector = sel, .unusable = true };
	struct emu_raw_desc r;
	enum emu_status st;

	c->ops->set_segment(c, X86_SEG_LDTR, &s);
	if (!(sel & ~3))
		return EMU_OK;
	if (sel & 4)
		return emu_raise(c, VEC_TS, sel & ~3);
	st = emu_read_desc(c, sel, &r, VEC_TS);
	if (st != EMU_OK)
		return st;
	emu_unpack_desc(sel, &r, &s);
	if (s.s || s.type != 2 || !s.present)
		return emu_raise(c, VEC_TS, sel & ~3);
	c->ops->set_segment(c, X86_SEG_LDTR, &s);
	return EMU_OK;
}

static enum emu_status load_code(struct emu_ctxt *c, u16 sel)
{
	u8 cpl = sel & 3;
	struct emu_raw_desc r;
	struct x86_segment s;
	enum emu_status st;

	if (!(sel & ~3))
		return emu_raise(c, VEC_TS, 0);
	st = emu_read_desc(c, sel, &r, VEC_TS);
	if (st != EMU_OK)
		return st;
	emu_unpack_desc(sel, &r, &s);
	if (!s.s || !(s.type & 8) || (s.type & 4 ? s.dpl > cpl : s.dpl != cpl))
		return emu_raise(c, VEC_TS, sel & ~3);
	if (!s.present)
		return emu_raise(c, VEC_NP, sel & ~3);
	st = emu_desc_set_type(c, sel, &r, EMU_DESC_ACCESSED, 0);
	if (st != EMU_OK)
		return st;
	s.type |= EMU_DESC_ACCESSED;
	s.l = false;
	emu_set_code(c, &s, cpl);
	return EMU_OK;
}

static enum emu_status load_segments(struct emu_ctxt *c, const struct task_state *t)
{
	static const u8 order[] = { X86_SEG_SS, X86_SEG_ES, X86_SEG_DS, X86_SEG_FS, X86_SEG_GS };
	struct x86_segment s;
	enum emu_status st;
	unsigned int i;

	if (c->mode == EMU_MODE_VM86) {
		for (i = 0; i < 6; i++) {
			emu_real_segment(c, i, t->seg[i], &s);
			c->ops->set_segment(c, i, &s);
		}
		return EMU_OK;
	}
	st = load_code(c, t->seg[X86_SEG_CS]);
	for (i = 0; i < sizeof(order) && st == EMU_OK; i++) {
		st = emu_check_segment(c, order[i], t->seg[order[i]], c->cpl, VEC_TS, &s);
		if (st == EMU_OK)
			c->ops->set_segment(c, order[i], &s);
	}
	return st;
}

/* The selectors are loaded first of all, so that a fault is reported with them. */
static void load_selectors(struct emu_ctxt *c, const struct task_state *t)
{
	struct x86_segment s;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		c->ops->get_segment(c, i, &s);
		s.selector = t->seg[i];
		if (i != X86_SEG_CS && i != X86_SEG_SS)
			s.unusable = true;
		c->ops->set_segment(c, i, &s);
	}
}

static enum emu_status load_task(struct emu_ctxt *c, const struct task_state *t, bool wide,
				 int reason)
{
	enum emu_status st;
	unsigned int i;

	if (wide && c->ops->get_cr(c, 0) & CR0_PG) {
		st = c->ops->set_cr(c, 3, t->cr3);
		if (st != EMU_OK)
			return st;
	}
	st = c->ops->set_cr(c, 0, c->ops->get_cr(c, 0) | CR0_TS);
	if (st != EMU_OK)
		return st;
	c->rip = t->ip;
	c->rflags = (t->flags & FL_ALL) | FL_FIXED;
	if (reason == BY_CALL || reason == BY_GATE)
		c->rflags |= FL_NT;
	for (i = 0; i < 8; i++)
		c->gpr[i] = wide ? t->gpr[i] : (c->gpr[i] & 0xffff0000) | t->gpr[i];
	if (c->rflags & FL_VM) {
		c->mode = EMU_MODE_VM86;
		c->cpl = 3;
	} else {
		c->mode = EMU_MODE_PROT32;
		c->cpl = t->seg[X86_SEG_CS] & 3;
	}
	load_selectors(c, t);
	st = load_ldt(c, t->ldt);
	return st == EMU_OK ? load_segments(c, t) : st;
}

static enum emu_status start_task(struct emu_ctxt *c, const struct task_state *t, bool wide,
				  bool has_error, u32 error_code)
{
	struct x86_segment cs;
	enum emu_status st;

	if (has_error) {
		st = emu_push(c, error_code, wide ? 4 : 2);
		if (st != EMU_OK)
			return st;
	}
	c->ops->get_segment(c, X86_SEG_CS, &cs);
	if (c->rip > cs.limit)
		return emu_raise(c, VEC_GP, 0);
	st = c->ops->set_dr(c, 7, c->ops->get_dr(c, 7) & ~DR7_LOCAL);
	if (st == EMU_OK && t->trap) {
		st = emu_raise(c, VEC_DB, 0);
		c->fault.cr2 = DR6_BT;
	}
	return st;
}

static enum emu_status make_switch(struct emu_ctxt *c, u16 selector, int idt_vector, int reason,
				   bool has_error, u32 error_code)
{
	u32 ext = reason == BY_GATE && idt_vector < 0;
	struct x86_segment old, new;
	u8 buf[TSS32_BYTES] = { 0 };
	struct task_state t;
	struct emu_raw_desc r;
	enum emu_status st;
	bool wide;

	c->ops->get_segment(c, X86_SEG_TR, &old);
	st = find(c, selector, reason, ext, &r, &new);
	if (st != EMU_OK)
		return st;
	wide = new.type & TYPE_32;
	st = emu_sys_read(c, new.base, buf, wide ? TSS32_BYTES : TSS16_BYTES);
	if (st == EMU_OK)
		st = store_tasks(c, reason, &old, &new, &r);
	if (st != EMU_OK)
		return st;
	unpack(buf, wide, &t);
	new.type |= TYPE_BUSY;
	c->ops->set_segment(c, X86_SEG_TR, &new);
	st = load_task(c, &t, wide, reason);
	if (st == EMU_OK)
		st = start_task(c, &t, wide, has_error, error_code);
	if (st != EMU_FAULT)
		return st;
	/* The switch has been made: this is the new task's fault. */
	c->fault.trap = true;
	return EMU_OK;
}

/*
 * Half of the old task's state is gone when the new one's is loaded, so this cannot be
 * executed again when a device has answered.
 */
static enum emu_status task_switch(struct emu_ctxt *c, u16 selector, int idt_vector, int reason,
				   bool has_error, u32 error_code)
{
	enum emu_status st;

	c->switching = true;
	st = make_switch(c, selector, idt_vector, reason, has_error, error_code);
	c->switching = false;
	return st;
}

enum emu_status emu_task_switch(struct emu_ctxt *c, u16 selector, int idt_vector, int reason,
				bool has_error, u32 error_code)
{
	emu_clear_results(c);
	return task_switch(c, selector, idt_vector, reason, has_error, error_code);
}

/* A task switch as part of an instruction, which the old task resumes after. */
enum emu_status emu_switch_in_exec(struct emu_exec *x, u16 sel, int vector, int reason)
{
	struct emu_ctxt *c = x->c;
	u64 rip = c->rip, flags = c->rflags;
	enum emu_status st;

	c->rip = x->next_rip;
	c->rflags = x->flags & ~FL_RF;
	st = task_switch(c, sel, vector, reason, false, 0);
	if (st == EMU_OK) {
		x->next_rip = c->rip;
		x->flags = c->rflags;
		x->keep_rf = true;
	} else {
		c->rip = rip;
		c->rflags = flags;
	}
	return st;
}
