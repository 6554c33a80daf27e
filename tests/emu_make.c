// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes cases: a table entry, a place to run it in, registers and memory that
 * suit it. Everything follows from the seed and the number of the case.
 */
#include "emu_case.h"

/* Offsets near the windows, their ends, and what lies around them. */
static u64 pick(struct rng *r, const struct gen_target *t)
{
	u64 la;

	switch (rng_below(r, 20)) {
	case 0:
		la = RO_BASE + rng_below(r, RO_BYTES);
		break;
	case 1:
		la = DATA_BASE + DATA_BYTES + rng_below(r, 0x100);
		break;
	case 2:
		if (t->is64)
			return rng_chance(r, 50) ? rng_next(r) | 1ull << 63 :
						   0xffff800000000000 + rng_below(r, 0x100000);
		la = DATA_BASE + rng_below(r, 0x10000);
		break;
	case 3:
	case 4:
	case 5:
		la = WIN1 + rng_below(r, WIN1_BYTES);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		la = (WIN0 + 64 + rng_below(r, 128)) & ~15ull;
		break;
	default:
		la = WIN0 + 64 + rng_below(r, 128);
	}
	return t->is64 ? la : (la - t->base) & 0xffffffff;
}

static void random_bytes(struct rng *r, u8 *p, unsigned int n)
{
	for (; n >= 8; n -= 8, p += 8) {
		u64 v = rng_next(r);

		memcpy(p, &v, 8);
	}
}

/* ES, CS, SS, DS, FS, GS of the places. A null FS only where its base is not used. */
static const u16 place_sels[NR_PLACES][NR_SELS] = {
	[PLACE_64] = { SEL_DATA, SEL_USER64, SEL_DATA, SEL_DATA, LDT_SEL(LDT_LIMITED),
		       LDT_SEL(LDT_DATA16) },
	[PLACE_32] = { SEL_DATA, SEL_USER32, SEL_DATA, SEL_DATA, 0, LDT_SEL(LDT_LIMITED) },
	[PLACE_32_SEGS] = { LDT_SEL(LDT_DOWN), LDT_SEL(LDT_CODE32), LDT_SEL(LDT_STACK32),
			    LDT_SEL(LDT_LIMITED), 0, LDT_SEL(LDT_RO) },
	[PLACE_16] = { LDT_SEL(LDT_LIMITED), LDT_SEL(LDT_CODE16), LDT_SEL(LDT_DATA16),
		       LDT_SEL(LDT_DATA16), 0, LDT_SEL(LDT_RO) },
};

/* Sometimes other segments with the same base. */
static void set_place(struct rng *r, struct tcase *t)
{
	static const u16 data[] = {
		LDT_SEL(LDT_DATA16), LDT_SEL(LDT_LIMITED), LDT_SEL(LDT_DOWN), LDT_SEL(LDT_RO),
		LDT_SEL(LDT_STACK32), LDT_SEL(LDT_DOWN16), LDT_SEL(LDT_PAGES), 0, SEL_DATA,
	};
	static const u16 stack[] = {
		LDT_SEL(LDT_DATA16), LDT_SEL(LDT_LIMITED), LDT_SEL(LDT_DOWN),
		LDT_SEL(LDT_STACK32), LDT_SEL(LDT_DOWN16), LDT_SEL(LDT_PAGES),
	};
	static const u8 segs[] = { X86_SEG_ES, X86_SEG_DS, X86_SEG_FS, X86_SEG_GS };
	unsigned int i;

	memcpy(t->in.sel, place_sels[t->place], sizeof(t->in.sel));
	if (!host.ldt) {
		t->in.sel[X86_SEG_FS] = 0;
		t->in.sel[X86_SEG_GS] = t->place == PLACE_64 ? 0 : SEL_DATA;
		return;
	}
	for (i = 0; i < ARRAY_SIZE(segs); i++)
		if (rng_chance(r, 8))
			t->in.sel[segs[i]] = data[rng_below(r, ARRAY_SIZE(data) -
							    (t->place == PLACE_64 ? 2 : 0))];
	if (t->place > PLACE_32 && rng_chance(r, 20))
		t->in.sel[X86_SEG_SS] = stack[rng_below(r, ARRAY_SIZE(stack))];
}

static u64 segment_base(const struct tcase *t, enum x86_seg seg)
{
	struct x86_segment s;

	model_segment(seg, t->in.sel[seg], &s);
	return t->place == PLACE_64 && seg < X86_SEG_FS ? 0 : s.base;
}

/* Where the instruction is: often so that it runs into an unmapped page, or the limit. */
static u64 code_address(struct rng *r, enum place p)
{
	if (rng_chance(r, 15))
		return CODE_BASE + CODE_BYTES - 1 - rng_below(r, 15);
	if (p == PLACE_32_SEGS)
		return CODE_BASE + (rng_chance(r, 15) ? 0x17f1 : 16) + rng_below(r, 15);
	return CODE_BASE + 16 + rng_below(r, 4096 + 2048);
}

/* --- operands that only some instructions have a use for ---------------------- */

/* Selectors of every kind; for code mostly those that can be code. */
static u16 pick_selector(struct rng *r, bool code)
{
	static const u16 codes[] = { SEL_USER64, SEL_USER32, LDT_SEL(LDT_CODE16),
				     LDT_SEL(LDT_CODE32) };
	static const u16 gdt[] = { 0, 1, 2, 3, 0x10, 0x18, SEL_DATA, 0x2a, 0x43, 0x53, 0x7b, 0x83 };

	if (code && rng_chance(r, 60))
		return codes[rng_below(r, ARRAY_SIZE(codes))];
	switch (rng_below(r, 8)) {
	case 0:
		return rng_next(r);
	case 1:
		return gdt[rng_below(r, ARRAY_SIZE(gdt))];
	case 2:
		return (LDT_SEL(rng_below(r, NR_LDT + 1)) & ~3) | rng_below(r, 4);
	default:
		return LDT_SEL(rng_below(r, NR_LDT));
	}
}

/* An offset for code in @sel. */
static u64 pick_target(struct rng *r, u16 sel, unsigned int size)
{
	u64 off = rng_below(r, CODE_BYTES);

	if (!(sel & 4))
		off += CODE_BASE;
	switch (rng_below(r, 10)) {
	case 0:
		return rng_edge(r) & emu_mask(size);
	case 1:
		return size == 8 ? off | 1ull << (47 + rng_below(r, 16)) : off;
	}
	return off & emu_mask(size);
}

/* Puts a value into the memory of the case, as far as it is in a window. */
static void plant(struct tcase *t, u64 la, u64 val, unsigned int len)
{
	for (; len--; la++, val >>= 8) {
		if (la - WIN0 < WIN0_BYTES)
			t->win_in[la - WIN0] = val;
		else if (la - WIN1 < WIN1_BYTES)
			t->win_in[WIN0_BYTES + la - WIN1] = val;
	}
}

static u64 stack_address(const struct tcase *t, const struct emu_ctxt *c)
{
	struct x86_segment ss;
	unsigned int width = 8;

	if (t->place != PLACE_64) {
		model_segment(X86_SEG_SS, t->in.sel[X86_SEG_SS], &ss);
		width = ss.db ? 4 : 2;
	}
	return model_linear(c, X86_SEG_SS, t->in.gpr[RSP] & emu_mask(width));
}

/* What a far return finds: offset, selector, flags of IRET, stack. */
static void plant_frame(struct rng *r, struct tcase *t, const struct emu_ctxt *c, bool iret)
{
	unsigned int size = c->insn.op_bytes;
	u64 la = stack_address(t, c);
	u16 sel = pick_selector(r, true);
	u64 flags = FL_FIXED | FL_IF | FL_TF | (rng_next(r) & (FL_ARITH | FL_DF));

	/* AC may be heeded by what is popped after it. */
	if (rng_chance(r, 20))
		flags |= rng_next(r) & (FL_ID | FL_IOPL | FL_NT | FL_VM | FL_RF | FL_VIF |
					(la % size ? 0 : FL_AC));
	plant(t, la, pick_target(r, sel, size), size);
	plant(t, la + size, sel | (size == 2 ? 0 : rng_next(r) << 16), size);
	if (!iret)
		return;
	plant(t, la + 2 * size, flags, size);
	plant(t, la + 3 * size, WIN0 + rng_below(r, WIN0_BYTES), size);
	plant(t, la + 4 * size, rng_chance(r, 60) ? SEL_DATA : pick_selector(r, false), size);
}

/* An operand of r/m: in its register or in its place in memory. */
static void plant_operand(struct tcase *t, const struct emu_ctxt *c, u64 val, unsigned int size)
{
	const struct emu_insn *in = &c->insn;
	unsigned int reg = (in->modrm & 7) | (in->rex & 1) << 3;

	if (in->modrm < 0xc0)
		plant(t, model_linear(c, in->mem_seg, in->mem_off), val, size);
	else
		t->in.gpr[reg] = (t->in.gpr[reg] & ~emu_mask(size)) | (val & emu_mask(size));
}

static void patch(struct tcase *t, unsigned int at, u64 val, unsigned int len)
{
	for (; len-- && at < sizeof(t->bytes); val >>= 8)
		t->bytes[at++] = val;
}

static void plant_pointer(struct rng *r, struct tcase *t, const struct emu_ctxt *c, bool code)
{
	const struct emu_insn *in = &c->insn;
	unsigned int size = in->op_bytes;
	u16 sel = pick_selector(r, code);
	u64 off = pick_target(r, sel, size);

	if (!in->has_modrm) {
		patch(t, in->len - size - 2, off, size);
		patch(t, in->len - 2, sel, 2);
	} else if (in->modrm < 0xc0) {
		plant(t, model_linear(c, in->mem_seg, in->mem_off), off, size);
		plant(t, model_linear(c, in->mem_seg, in->mem_off) + size, sel, 2);
	}
}

/*
 * The instruction behind runs before the single step: MOV SS delays it, and the
 * kernel loses it where it executes an instruction itself.
 */
static bool step_is_late(const struct emu_desc *d)
{
	return d->exec == ex_pop_seg || d->exec == ex_mov_to_seg ||
	       (d->flags & D_UMIP && host.umip);
}

/* What CMPXCHG compares with, so that it finds it; low and high around BOUND's index. */
static void plant_match(struct rng *r, struct tcase *t, const struct emu_ctxt *c, emu_exec_fn f)
{
	const struct emu_insn *in = &c->insn;
	const struct emu_desc *d = in->desc;
	unsigned int size = emu_size(c, OP_SZ(d->op[0]), true);
	u64 la = model_linear(c, in->mem_seg, in->mem_off);

	if (f == ex_cmpxchg) {
		plant_operand(t, c, t->in.gpr[RAX], size);
	} else if (in->modrm < 0xc0 && f == ex_cmpxchg8b) {
		plant(t, la, t->in.gpr[RAX], size / 2);
		plant(t, la + size / 2, t->in.gpr[RDX], size / 2);
	} else if (in->modrm < 0xc0) {
		u64 index = t->in.gpr[(in->modrm >> 3) & 7];

		plant(t, la, index - rng_below(r, 2), size);
		plant(t, la + size, index + rng_below(r, 3) - 1, size);
	}
}

/* A double near what that format can hold, or no number at all. */
static u64 pick_double(struct rng *r)
{
	const unsigned int frac = 52, exp = 11;
	u64 max = emu_low_bits(exp), e = rng_next(r) & max, f = rng_next(r) & emu_low_bits(frac);

	switch (rng_below(r, 5)) {
	case 0:
		e = 0;
		break;
	case 1:
		e = max;
		break;
	case 2:
		e = (rng_chance(r, 50) ? max - 3 : 0) + rng_below(r, 4);
		break;
	}
	if (rng_chance(r, 30))
		f &= emu_low_bits(frac) << rng_below(r, frac + 1);
	return rng_below(r, 2) << (frac + exp) | e << frac | f;
}

/* A register that is exact, a little off, at the limits, or not a number for some format. */
static struct emu_fx_reg pick_f80(struct rng *r)
{
	static const u16 limits[] = { 16383 - 1074, 16383 - 1022, 16383 - 149, 16383 - 126, 16383,
				      16383 + 15, 16383 + 31, 16383 + 63, 16383 + 127,
				      16383 + 1023 };
	struct emu_fx_reg reg = { .mant = rng_next(r) | 1ull << 63 };

	reg.se = limits[rng_below(r, ARRAY_SIZE(limits))] + rng_below(r, 5) - 2;
	switch (rng_below(r, 8)) {
	case 0:
		reg.mant = rng_edge(r);
		reg.se = rng_chance(r, 50) ? 0 : 0x7fff;
		break;
	case 1:
		reg.mant = rng_edge(r);
		reg.se = rng_next(r);
		break;
	case 2:
		reg.se = 16383 + rng_below(r, 64);
		reg.mant &= ~0ull << rng_below(r, 64);
		reg.mant |= rng_below(r, 2) << rng_below(r, 64);
		break;
	case 3:
		reg.mant = ~0ull << rng_below(r, 64);
		break;
	}
	reg.se |= rng_below(r, 2) << 15;
	return reg;
}

static void random_fx(struct rng *r, struct emu_fx *fx)
{
	unsigned int i;

	fx->cw = rng_chance(r, 50) ? 0x37f : rng_next(r) & 0x1f7f;
	/* Mostly nothing to report. */
	fx->sw = rng_next(r) & 0x7f7f;
	if (rng_chance(r, 85))
		fx->sw &= ~0x3f | fx->cw;
	if (fx->sw & ~fx->cw & 0x3f)
		fx->sw |= 0x8080;
	fx->tags = rng_chance(r, 30) ? rng_next(r) : rng_chance(r, 50) ? 0x0f : 0xf0;
	fx->op = rng_next(r) & 0x7ff;
	fx->ip = rng_next(r) & 0x7fffffffffff;
	fx->dp = rng_next(r) & 0x7fffffffffff;
	fx->mxcsr = 0x1f80 | (rng_next(r) & 0x603f);
	for (i = 0; i < 8; i++)
		fx->st[i] = pick_f80(r);
}

/* What the memory operand of a load of x87 state or of a number is. */
static void plant_fpu(struct rng *r, struct tcase *t, const struct emu_ctxt *c, emu_exec_fn f)
{
	u64 la = model_linear(c, c->insn.mem_seg, c->insn.mem_off);
	unsigned int aux = ((const struct emu_desc *)c->insn.desc)->aux, i;
	struct emu_fx fx;

	if (c->insn.modrm >= 0xc0 || rng_chance(r, 10))
		return;
	if (f == ex_fld && aux == 1) {
		plant(t, la, pick_double(r), 8);
	} else if (f == ex_mxcsr) {
		plant(t, la, rng_next(r) & 0xffff, 4);
	} else if (f == ex_fxrstor) {
		random_fx(r, &fx);
		fx.mxcsr = rng_next(r) & 0xffff;
		for (i = 0; i < FX_USED; i++)
			plant(t, la + i, ((u8 *)&fx)[i], 1);
	}
}

/* Masks that select little. */
static void plant_mask(struct rng *r, struct tcase *t, const struct emu_ctxt *c)
{
	const struct emu_operand *mask = &c->insn.op[1];
	unsigned int i;

	for (i = 0; mask->kind == OPND_VEC && i < sizeof(t->in.vec[0]); i++)
		if (rng_chance(r, 80))
			t->in.vec[mask->reg][i] &= 0x7f;
}

/* Instructions that ask for more than numbers. */
static void suit(struct rng *r, struct tcase *t, const struct emu_ctxt *c)
{
	const struct emu_insn *in = &c->insn;
	emu_exec_fn f = ((const struct emu_desc *)in->desc)->exec;

	if (f == ex_retf || f == ex_iret)
		plant_frame(r, t, c, f == ex_iret);
	else if (f == ex_jmpf || f == ex_callf || f == ex_lds)
		plant_pointer(r, t, c, f != ex_lds);
	else if (f == ex_pop_seg)
		plant(t, stack_address(t, c), pick_selector(r, false), 2);
	else if (f == ex_mov_to_seg || f == ex_lar || f == ex_verr || f == ex_arpl)
		plant_operand(t, c, pick_selector(r, false), 2);
	else if (f == ex_fsgsbase && rng_chance(r, 70))
		plant_operand(t, c, rng_edge(r) & 0x7fffffffffff, 8);
	else if ((f == ex_cmpxchg || f == ex_cmpxchg8b || f == ex_bound) && rng_chance(r, 50))
		plant_match(r, t, c, f);
	else if (f == ex_fld || f == ex_fxrstor || f == ex_mxcsr)
		plant_fpu(r, t, c, f);
	else if ((f == ex_vmaskmov || f == ex_maskmov) && rng_chance(r, 50))
		plant_mask(r, t, c);
	/* The system call of old. */
	else if (f == ex_int && t->bytes[in->len - 1] == 0x80)
		t->bytes[in->len - 1] = 0x81;
	if (step_is_late(in->desc) && in->len < sizeof(t->bytes))
		t->bytes[in->len] = 0x90;
}

static bool uses_fpu(const struct emu_desc *d)
{
	return d->flags & (D_SSE | D_MMX | D_X87) || d->exec == ex_fwait ||
	       d->exec == ex_fxsave || d->exec == ex_fxrstor;
}

static void set_state(struct rng *r, struct tcase *t, const struct leaf *l,
		      const struct gen_target *g)
{
	unsigned int i;

	memcpy(t->in.gpr, g->gpr, sizeof(g->gpr));
	t->in.rip = g->rip;
	t->in.rflags = FL_FIXED | FL_IF | FL_TF | (rng_next(r) & FL_ARITH) |
		       (rng_chance(r, 30) ? FL_DF : 0) | (rng_chance(r, 10) ? FL_AC : 0);
	t->vec = uses_fpu(l->desc);
	if (!t->vec)
		return;
	random_bytes(r, t->in.vec[0], sizeof(t->in.vec));
	for (i = 0; i < ARRAY_SIZE(t->in.vec) && !host.avx; i++)
		memset(t->in.vec[i] + 16, 0, 16);
	random_fx(r, (struct emu_fx *)t->in.fx);
	model_fx(t->in.fx);
	if (!g->is64)
		memset(t->in.vec[8], 0, sizeof(t->in.vec) / 2);
}

bool place_usable(enum place p)
{
	return p == PLACE_64 || (p == PLACE_32 ? host.compat : host.ldt);
}

static enum place outside_64(struct rng *r)
{
	enum place p = 1 + rng_below(r, NR_PLACES - 1);

	if (!place_usable(p))
		p = PLACE_32;
	return place_usable(p) ? p : PLACE_64;
}

static void choose_place(struct rng *r, struct tcase *t, const struct emu_desc *d)
{
	t->place = rng_chance(r, 55) ? PLACE_64 : outside_64(r);
	if (d->flags & D_ONLY64)
		t->place = PLACE_64;
	else if (t->place == PLACE_64 && d->flags & D_NO64 && rng_chance(r, 90))
		t->place = outside_64(r);
	t->code = code_address(r, t->place);
	/* Room for a NOP behind it; what 64-bit mode makes of other opcodes is undefined. */
	if (t->code > CODE_BASE + 0x17e0 &&
	    (step_is_late(d) || (t->place == PLACE_64 && d->flags & D_NO64)))
		t->code = CODE_BASE + 0x17e0;
	set_place(r, t);
}

static void generate_bytes(struct rng *r, struct tcase *t, const struct leaf *l,
			   struct gen_target *g)
{
	u8 bytes[33];

	generate(r, l, g, bytes + 1);
	/* What would leave for the kernel only shows how it faults. */
	bytes[0] = 0xf0;
	memcpy(t->bytes, bytes + !only_locked(l->desc), 16);
}

bool make_case(struct expectation *e, u64 seed, u64 index)
{
	struct rng r = { .state = seed * 0x2545f4914f6cdd1dull + index * 0x9e3779b97f4a7c15ull };
	struct gen_target g = { .pick = pick };
	struct tcase *t = &e->t;
	struct emu_ctxt c;
	enum emu_status st;
	struct leaf *l;

	rng_next(&r);
	memset(e, 0, sizeof(*e));
	e->leaf = index % nr_leaves;
	e->index = index;
	l = &leaves[e->leaf];
	if (missing_feature(l))
		return false;
	choose_place(&r, t, l->desc);
	g.is64 = t->place == PLACE_64;
	g.is16 = t->place == PLACE_16;
	g.base = segment_base(t, X86_SEG_DS);
	g.rip = t->code - segment_base(t, X86_SEG_CS);
	random_bytes(&r, t->win_in, WIN_BYTES);
	/* Strings that go on being equal. */
	if (l->desc->flags & D_REP && rng_chance(&r, 50))
		memset(t->win_in, 0, WIN_BYTES - rng_below(&r, WIN_BYTES));
	generate_bytes(&r, t, l, &g);
	set_state(&r, t, l, &g);
	t->undo = l->desc->flags & D_UMIP && host.umip;
	if (model_decode(t, &c) == EMU_OK) {
		/* Prefixes of 64-bit mode made another instruction of it. */
		if (c.insn.desc != l->desc &&
		    (step_is_late(c.insn.desc) || (uses_fpu(c.insn.desc) && !t->vec)))
			return false;
		suit(&r, t, &c);
	}
	if (!model_run(t, &st, &c))
		return false;
	if (lacks_encoding(&c) || unspecified(&c, t)) {
		model_undo();
		return false;
	}
	e->vendor = by_vendor(&c, t);
	e->insn = c.insn;
	e->flags_mask = FL_ARITH | FL_DF | FL_AC | FL_NT | FL_ID | FL_TF | FL_IF | FL_IOPL;
	undefined_results(&c, e);
	if (e->vendor) {
		t->undo = true;
		model_undo();
	}
	return true;
}
