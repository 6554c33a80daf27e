// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user-mode CPU around the emulator: the memory and segments that the child
 * process has, and none of the rest, since CPL 3 gets none.
 */
#include "emu_case.h"

u8 model_data[DATA_BYTES], model_ro[RO_BYTES];

static struct tcase *now;
static struct cpu_state *regs;
static u8 code[CODE_BYTES];
static bool strayed;

static const struct emu_segment ldt[NR_LDT] = {
	[LDT_CODE16] = { .type = 0xb, .base = CODE_BASE, .limit = CODE_BYTES - 1 },
	[LDT_DATA16] = { .type = 3, .base = DATA_BASE, .limit = 0xffff },
	[LDT_LIMITED] = { .type = 3, .base = DATA_BASE, .limit = 0x1fff, .db = true },
	[LDT_DOWN] = { .type = 7, .base = DATA_BASE, .limit = 0xfff, .db = true },
	[LDT_RO] = { .type = 1, .base = DATA_BASE, .limit = 0x2fff, .db = true },
	[LDT_STACK32] = { .type = 3, .base = DATA_BASE, .limit = 0xfffff, .db = true },
	[LDT_XONLY] = { .type = 9, .base = DATA_BASE, .limit = 0xffff, .db = true },
};

void ldt_segment(unsigned int index, struct emu_segment *s)
{
	*s = ldt[index];
	s->selector = LDT_SEL(index);
	s->s = true;
	s->present = true;
	s->dpl = 3;
}

/* DS, ES, SS, CS, FS, GS of a place. FS is null: it is the C library's. */
u16 place_selector(enum place p, enum emu_seg seg)
{
	static const u16 sel[NR_PLACES][6] = {
		[PLACE_64] = { 0x2b, 0x33, 0x2b, 0x2b, 0, LDT_SEL(LDT_DATA16) },
		[PLACE_32] = { 0x2b, 0x23, 0x2b, 0x2b, 0, LDT_SEL(LDT_LIMITED) },
		[PLACE_32_SEGS] = { LDT_SEL(LDT_DOWN), 0x23, LDT_SEL(LDT_STACK32),
				    LDT_SEL(LDT_LIMITED), 0, LDT_SEL(LDT_RO) },
		[PLACE_16] = { LDT_SEL(LDT_LIMITED), LDT_SEL(LDT_CODE16), LDT_SEL(LDT_DATA16),
			       LDT_SEL(LDT_DATA16), 0, LDT_SEL(LDT_RO) },
	};

	return sel[p][seg];
}

static void get_segment(struct emu_ctxt *c, enum emu_seg seg, struct emu_segment *s)
{
	u16 sel;

	memset(s, 0, sizeof(*s));
	if (seg == EMU_SEG_TR) {
		*s = (struct emu_segment){ .selector = 0x40, .type = 11, .present = true,
					   .limit = 0x67 };
		return;
	}
	if (seg == EMU_SEG_LDTR) {
		*s = (struct emu_segment){ .selector = 0x50, .type = 2, .present = true,
					   .limit = NR_LDT * 8 - 1 };
		return;
	}
	/* The base of FS is the C library's. */
	if (seg == EMU_SEG_FS && now->place == PLACE_64)
		strayed = true;
	sel = place_selector(now->place, seg);
	if (sel & 4) {
		ldt_segment(sel >> 3, s);
		return;
	}
	s->selector = sel;
	s->unusable = !sel;
	s->limit = 0xffffffff;
	s->type = seg == EMU_SEG_CS ? 0xb : 3;
	s->s = true;
	s->present = true;
	s->dpl = 3;
	s->g = true;
	s->l = sel == 0x33;
	s->db = !s->l;
}

static void set_segment(struct emu_ctxt *c, enum emu_seg seg, const struct emu_segment *s)
{
	strayed = true;
}

static void get_table(struct emu_ctxt *c, struct emu_table *t)
{
	t->base = 0xfffffe0000001000;
	t->limit = 0x7f;
}

/* Where @la is in the model; NULL with @known if nothing is mapped there. */
static u8 *find(u64 la, bool write, bool *present, bool *known)
{
	static const struct {
		u64 base;
		u32 len;
		u8 *mem;
		bool writable;
	} map[] = {
		{ CODE_BASE, CODE_BYTES, code, false },
		{ DATA_BASE, DATA_BYTES, model_data, true },
		{ RO_BASE, RO_BYTES, model_ro, false },
	};
	unsigned int i;

	*present = false;
	*known = true;
	for (i = 0; i < 3; i++) {
		if (la - map[i].base < map[i].len) {
			*present = true;
			return write && !map[i].writable ? NULL : map[i].mem + (la - map[i].base);
		}
	}
	*known = la < 0x10000 || (la >= CODE_BASE && la < CODE_BASE + 0x10000) ||
		 (la >= DATA_BASE && la < SPACE_END);
	/* Linux reports the kernel's half as present. */
	if (la >= 0xffff800000000000 && la < 0xffffffff00000000) {
		*present = true;
		*known = true;
	}
	return NULL;
}

static enum emu_status access_memory(struct emu_ctxt *c, u64 la, void *buf, unsigned int len,
				     u32 acc, bool store)
{
	bool write = acc & EMU_ACC_WRITE, present, known;
	unsigned int i;
	u8 *p;

	if (acc & EMU_ACC_SYSTEM) {
		strayed = true;
		return EMU_FAIL;
	}
	for (i = 0; i < len; i++) {
		p = find(la + i, write, &present, &known);
		if (!known) {
			strayed = true;
			return EMU_FAIL;
		}
		if (!p) {
			c->fault = (struct emu_fault){
				.vector = VEC_PF, .has_error = true, .cr2 = la + i,
				.error_code = 4 | present | write << 1 |
					      !!(acc & EMU_ACC_FETCH) << 4,
			};
			return EMU_FAULT;
		}
	}
	for (i = 0; buf && i < len; i++) {
		p = find(la + i, write, &present, &known);
		if (store)
			*p = ((const u8 *)buf)[i];
		else
			((u8 *)buf)[i] = *p;
	}
	return EMU_OK;
}

static enum emu_status do_fetch(struct emu_ctxt *c, u64 la, void *buf, unsigned int len)
{
	return access_memory(c, la, buf, len, EMU_ACC_FETCH, false);
}

static enum emu_status do_read(struct emu_ctxt *c, u64 la, void *buf, unsigned int len, u32 acc)
{
	return access_memory(c, la, buf, len, acc, false);
}

static enum emu_status do_write(struct emu_ctxt *c, u64 la, const void *buf, unsigned int len,
				u32 acc)
{
	return access_memory(c, la, (void *)buf, len, acc | EMU_ACC_WRITE, true);
}

static enum emu_status do_cmpxchg(struct emu_ctxt *c, u64 la, const void *old, const void *new,
				  unsigned int len)
{
	u8 cur[16];
	enum emu_status st = do_read(c, la, cur, len, EMU_ACC_WRITE);

	if (st != EMU_OK)
		return st;
	if (memcmp(cur, old, len))
		return EMU_RETRY;
	return do_write(c, la, new, len, EMU_ACC_WRITE);
}

static enum emu_status do_probe(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc)
{
	return access_memory(c, la, NULL, len, acc, false);
}

static u64 get_cr(struct emu_ctxt *c, int cr)
{
	switch (cr) {
	case 0:
		return 0x80050033;
	case 4:
		return CR4_OSFXSR | CR4_OSXSAVE;
	}
	return 0;
}

static u64 get_xcr(struct emu_ctxt *c, u32 index)
{
	u32 lo, hi;

	asm volatile("xgetbv" : "=a" (lo), "=d" (hi) : "c" (0));
	return lo | (u64)hi << 32;
}

static void do_cpuid(struct emu_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	asm volatile("cpuid" : "+a" (*eax), "=b" (*ebx), "+c" (*ecx), "=d" (*edx));
}

static void get_vec(struct emu_ctxt *c, int reg, void *buf, unsigned int len)
{
	memcpy(buf, regs->vec[reg], len);
}

static void set_vec(struct emu_ctxt *c, int reg, const void *buf, unsigned int len)
{
	memcpy(regs->vec[reg], buf, len);
}

static u64 get_mmx(struct emu_ctxt *c, int reg)
{
	return regs->mmx[reg];
}

static void set_mmx(struct emu_ctxt *c, int reg, u64 val)
{
	regs->mmx[reg] = val;
}

static const struct emu_ops ops = {
	.fetch = do_fetch, .read = do_read, .write = do_write, .cmpxchg = do_cmpxchg,
	.probe = do_probe, .get_segment = get_segment, .set_segment = set_segment,
	.get_gdt = get_table, .get_idt = get_table, .get_cr = get_cr, .get_xcr = get_xcr,
	.cpuid = do_cpuid, .get_vec = get_vec, .set_vec = set_vec, .get_mmx = get_mmx,
	.set_mmx = set_mmx,
};

static void copy_windows(u8 *to0, u8 *to1, const u8 *from0, const u8 *from1)
{
	memcpy(to0, from0, WIN0_BYTES);
	memcpy(to1, from1, WIN1_BYTES);
}

static u8 before[DATA_BYTES];

void model_undo(void)
{
	memcpy(model_data, before, sizeof(before));
}

bool model_run(struct tcase *t, enum emu_status *st, struct emu_ctxt *c)
{
	static const u8 modes[NR_PLACES] = { EMU_MODE_PROT64, EMU_MODE_PROT32, EMU_MODE_PROT32,
					     EMU_MODE_PROT16 };
	u8 *win0 = model_data + (WIN0 - DATA_BASE), *win1 = model_data + (WIN1 - DATA_BASE);
	unsigned int room = CODE_BASE + CODE_BYTES - t->code;

	now = t;
	t->out = t->in;
	regs = &t->out;
	strayed = false;
	memcpy(before, model_data, sizeof(before));
	memset(code, 0xcc, sizeof(code));
	memcpy(code + (t->code - CODE_BASE), t->bytes, room < 16 ? room : 16);
	copy_windows(win0, win1, t->win_in, t->win_in + WIN0_BYTES);

	memset(c, 0, sizeof(*c));
	c->ops = &ops;
	c->mode = modes[t->place];
	c->cpl = 3;
	c->long_mode_active = true;
	c->vendor_intel = true;
	memcpy(c->gpr, t->in.gpr, sizeof(c->gpr));
	c->rip = t->in.rip;
	c->rflags = t->in.rflags;

	*st = emu_decode(c, NULL, 0);
	if (*st == EMU_OK)
		*st = emu_execute(c);
	t->vector = *st == EMU_FAULT ? c->fault.vector : COMPLETED;
	t->error = c->fault.has_error ? c->fault.error_code : 0;
	t->cr2 = t->vector == VEC_PF ? c->fault.cr2 : 0;
	memcpy(t->out.gpr, c->gpr, sizeof(c->gpr));
	t->out.rip = c->rip;
	t->out.rflags = c->rflags;
	copy_windows(t->win_out, t->win_out + WIN0_BYTES, win0, win1);
	/* What a faulting instruction had stored already is nobody's business. */
	if (*st != EMU_OK && *st != EMU_FAULT)
		strayed = true;
	if (strayed || *st == EMU_FAULT)
		model_undo();
	return !strayed;
}
