// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segment descriptors and the loading of segment registers, SDM vol. 3A 3.4
 * and 5.
 */
#include "internal.h"

#define SEL_RPL		3u
#define SEL_LDT		4u
#define HI_TYPE_SHIFT	8

/* The linear address of the descriptor that @sel names. */
static enum emu_status locate(struct emu_ctxt *c, u16 sel, unsigned int len, u8 vector, u64 *la)
{
	u64 off = sel & ~7u;

	if (sel & SEL_LDT) {
		struct x86_segment ldt;

		c->ops->get_segment(c, X86_SEG_LDTR, &ldt);
		if (ldt.unusable || off + len - 1 > ldt.limit)
			return emu_raise(c, vector, sel & ~SEL_RPL);
		*la = ldt.base + off;
	} else {
		struct x86_table gdt;

		c->ops->get_gdt(c, &gdt);
		if (off + len - 1 > gdt.limit)
			return emu_raise(c, vector, sel & ~SEL_RPL);
		*la = gdt.base + off;
	}
	return EMU_OK;
}

static bool is_system(const struct emu_raw_desc *r)
{
	return !(r->hi & 1u << 12);
}

/* Reads the descriptor of @sel: 8 bytes, or 16 of a system descriptor in long mode. */
enum emu_status emu_read_desc(struct emu_ctxt *c, u16 sel, struct emu_raw_desc *r, u8 vector)
{
	enum emu_status st;
	u64 la;

	memset(r, 0, sizeof(*r));
	st = locate(c, sel, 8, vector, &la);
	if (st == EMU_OK)
		st = emu_sys_read(c, la, r, 8);
	if (st != EMU_OK || !c->long_mode_active || !is_system(r))
		return st;
	st = locate(c, sel, 16, vector, &la);
	if (st == EMU_OK)
		st = emu_sys_read(c, la, r, 16);
	return st;
}

void emu_unpack_desc(u16 sel, const struct emu_raw_desc *r, struct x86_segment *s)
{
	memset(s, 0, sizeof(*s));
	s->selector = sel;
	s->base = r->lo >> 16 | (r->hi & 0xff) << 16 | (r->hi & 0xff000000);
	s->limit = (r->lo & 0xffff) | (r->hi & 0xf0000);
	s->type = (r->hi >> HI_TYPE_SHIFT) & 15;
	s->s = r->hi >> 12 & 1;
	s->dpl = r->hi >> 13 & 3;
	s->present = r->hi >> 15 & 1;
	s->avl = r->hi >> 20 & 1;
	s->l = r->hi >> 21 & 1;
	s->db = r->hi >> 22 & 1;
	s->g = r->hi >> 23 & 1;
	if (s->g)
		s->limit = s->limit << 12 | 0xfff;
	if (is_system(r))
		s->base |= (u64)r->base_hi << 32;
}

/* Sets and clears type bits of a descriptor in memory: accessed, busy. */
enum emu_status emu_desc_set_type(struct emu_ctxt *c, u16 sel, struct emu_raw_desc *r, u32 set,
				  u32 clear)
{
	u32 hi = (r->hi & ~(clear << HI_TYPE_SHIFT)) | set << HI_TYPE_SHIFT;
	enum emu_status st;
	u8 access = hi >> 8;
	u64 la;

	if (hi == r->hi)
		return EMU_OK;
	r->hi = hi;
	st = locate(c, sel, 8, VEC_GP, &la);
	return st == EMU_OK ? emu_sys_write(c, la + 5, &access, 1) : st;
}

/* A segment as real and virtual-8086 mode load it. In real mode the limit stays. */
void emu_real_segment(struct emu_ctxt *c, int seg, u16 sel, struct x86_segment *s)
{
	c->ops->get_segment(c, seg, s);
	s->selector = sel;
	s->base = (u64)sel << 4;
	s->type = 3;
	s->s = true;
	s->present = true;
	s->unusable = false;
	s->dpl = 0;
	if (c->mode == EMU_MODE_REAL)
		return;
	s->dpl = 3;
	s->limit = 0xffff;
	s->g = false;
	s->db = false;
	s->l = false;
}

static bool data_allowed(const struct x86_segment *s, u16 sel, u8 cpl)
{
	if (!s->s || (s->type & 10) == 8)
		return false;
	if ((s->type & 12) == 12)
		return true;
	return (sel & SEL_RPL) <= s->dpl && cpl <= s->dpl;
}

/*
 * Checks a selector for a data or stack segment register at privilege @cpl,
 * and marks the descriptor accessed. Faults carry @vector (#GP, or #TS in a
 * task switch), absence has its own.
 */
enum emu_status emu_check_segment(struct emu_ctxt *c, int seg, u16 sel, u8 cpl, u8 vector,
				  struct x86_segment *s)
{
	struct emu_raw_desc r;
	enum emu_status st;

	if (!(sel & ~SEL_RPL)) {
		if (seg == X86_SEG_SS && (!emu_is64(c) || cpl == 3 || (sel & SEL_RPL) != cpl))
			return emu_raise(c, vector, 0);
		memset(s, 0, sizeof(*s));
		s->selector = sel;
		s->dpl = seg == X86_SEG_SS ? cpl : 0;
		s->unusable = true;
		return EMU_OK;
	}
	st = emu_read_desc(c, sel, &r, vector);
	if (st != EMU_OK)
		return st;
	emu_unpack_desc(sel, &r, s);
	if (seg == X86_SEG_SS) {
		if (!s->s || (s->type & 10) != 2 || s->dpl != cpl || (sel & SEL_RPL) != cpl)
			return emu_raise(c, vector, sel & ~SEL_RPL);
	} else if (!data_allowed(s, sel, cpl)) {
		return emu_raise(c, vector, sel & ~SEL_RPL);
	}
	if (!s->present)
		return emu_raise(c, seg == X86_SEG_SS ? VEC_SS : VEC_NP, sel & ~SEL_RPL);
	s->type |= EMU_DESC_ACCESSED;
	return emu_desc_set_type(c, sel, &r, EMU_DESC_ACCESSED, 0);
}

/* Loads ES, SS, DS, FS or GS as MOV and POP do. */
enum emu_status emu_load_segment(struct emu_ctxt *c, int seg, u16 sel)
{
	enum emu_status st = EMU_OK;
	struct x86_segment s;

	if (!emu_protected(c))
		emu_real_segment(c, seg, sel, &s);
	else
		st = emu_check_segment(c, seg, sel, c->cpl, VEC_GP, &s);
	if (st == EMU_OK)
		c->ops->set_segment(c, seg, &s);
	return st;
}
