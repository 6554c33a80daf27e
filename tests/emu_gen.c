// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions from the decode tables: what entries there are, random encodings
 * of one, and which of the random cases are to be run.
 */
#include "emu_test.h"

struct leaf leaves[MAX_LEAVES];
unsigned int nr_leaves;

u64 rng_edge(struct rng *r)
{
	static const u64 some[] = {
		0, 1, 2, 3, 7, 8, 0x0f, 0x10, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff,
		0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
		0x8000000000000000, 0x8000000000000001, ~0ull, ~1ull, ~0x7full, ~0x7fffull,
		~0x7fffffffull, 0x0123456789abcdef,
	};

	switch (rng_below(r, 6)) {
	case 0:
	case 1:
		return some[rng_below(r, ARRAY_SIZE(some))];
	case 2:
		return 1ull << rng_below(r, 64);
	case 3:
		return rng_below(r, 256);
	case 4:
		return (s64)(s32)rng_next(r);
	default:
		return rng_next(r);
	}
}

static void add_leaf(const struct emu_desc *d, const struct leaf *path, bool all)
{
	if (d->kind == DESC_UNDEF || (d->kind == DESC_FAIL && !all))
		return;
	if (nr_leaves == MAX_LEAVES)
		abort();
	leaves[nr_leaves] = *path;
	leaves[nr_leaves++].desc = d;
}

static void walk(const struct emu_desc *d, struct leaf path, bool all)
{
	unsigned int n = 0, i;
	s8 *field = NULL;

	switch (d->kind) {
	case DESC_REG:
		field = &path.reg;
		n = 8;
		break;
	case DESC_MOD:
		field = &path.mod;
		n = 2;
		break;
	case DESC_RM:
		field = &path.rm;
		n = 8;
		break;
	case DESC_PFX:
		field = &path.pfx;
		n = 4;
		break;
	case DESC_M64:
		field = &path.m64;
		n = 2;
		break;
	case DESC_VEX:
		field = &path.vex;
		n = 2;
		break;
	default:
		add_leaf(d, &path, all);
		return;
	}
	for (i = 0; i < n; i++) {
		*field = i;
		walk(&d->table[i], path, all);
	}
}

void find_leaves(bool all)
{
	static const struct emu_desc *const maps[] = {
		emu_map_1, emu_map_0f, emu_map_0f38, emu_map_0f3a
	};
	struct leaf path = { .reg = -1, .mod = -1, .rm = -1, .pfx = -1, .m64 = -1,
			     .vex = -1 };
	unsigned int map, opcode;

	nr_leaves = 0;
	for (map = 0; map < 4; map++) {
		for (opcode = 0; opcode < 256; opcode++) {
			path.map = map;
			path.opcode = opcode;
			walk(&maps[map][opcode], path, all);
		}
	}
}

const char *leaf_name(const struct leaf *l)
{
	static const char *const maps[] = { "", "0f ", "0f38 ", "0f3a " };
	static const char *const pfx[] = { "np ", "66 ", "f3 ", "f2 " };
	static char buf[80];
	int n;

	n = snprintf(buf, sizeof(buf), "%s%s%s%02x", l->vex > 0 ? "vex " : "",
		     l->pfx >= 0 ? pfx[l->pfx] : "", maps[l->map], l->opcode);
	if (l->reg >= 0)
		n += snprintf(buf + n, sizeof(buf) - n, " /%d", l->reg);
	if (l->mod >= 0)
		n += snprintf(buf + n, sizeof(buf) - n, "%s", l->mod ? " reg" : " mem");
	if (l->rm >= 0)
		n += snprintf(buf + n, sizeof(buf) - n, " rm%d", l->rm);
	snprintf(buf + n, sizeof(buf) - n, " %s", l->desc->name);
	return buf;
}

bool leaf_has_modrm(const struct leaf *l)
{
	return l->reg >= 0 || l->mod >= 0 || l->rm >= 0 || emu_has_modrm(l->desc);
}

static bool only_register(const struct leaf *l)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		unsigned int am = OP_AM(l->desc->op[i]);

		if (am == AM_R || am == AM_N || am == AM_U)
			return true;
	}
	return l->mod == 1;
}

static bool only_memory(const struct leaf *l)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		if (OP_AM(l->desc->op[i]) == AM_M)
			return true;
	return l->mod == 0;
}

/* What has been chosen about the encoding so far. */
struct encoding {
	u8 *p;
	unsigned int n;
	u8 rex;
	bool vex, small_address;
};

static void put(struct encoding *e, u8 b)
{
	e->p[e->n++] = b;
}

static void put_bytes(struct encoding *e, u64 val, unsigned int len)
{
	while (len--) {
		put(e, val);
		val >>= 8;
	}
}

static void put_prefixes(struct rng *r, const struct leaf *l, struct gen_target *t,
			 struct encoding *e)
{
	static const u8 segs[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
	bool rep = l->desc->flags & D_REP;

	if (rng_chance(r, 12))
		put(e, segs[rng_chance(r, 50) ? 5 : rng_below(r, 6)]);
	if (rng_chance(r, t->is16 || t->is64 ? 12 : 4)) {
		put(e, 0x67);
		e->small_address = !t->is64 && !t->is16;
	} else {
		e->small_address = t->is16;
	}
	if (e->vex)
		return;
	if (l->pfx < 0 ? rng_chance(r, 25) : l->pfx == 1)
		put(e, 0x66);
	if (l->pfx < 0 ? rng_chance(r, rep ? 70 : 3) : l->pfx >= 2)
		put(e, l->pfx == 2 || (l->pfx < 0 && rng_chance(r, 50)) ? 0xf3 : 0xf2);
	if (rng_chance(r, l->desc->flags & D_LOCK ? 20 : 1))
		put(e, 0xf0);
	if (t->is64 && rng_chance(r, 60)) {
		e->rex = 0x40 | rng_below(r, 16);
		put(e, e->rex);
	}
}

static void put_opcode(struct rng *r, const struct leaf *l, struct gen_target *t,
		       struct encoding *e)
{
	static const u8 escape[] = { 0, 0, 0x38, 0x3a };
	u8 pp = l->pfx < 0 ? rng_below(r, 4) : (u8)l->pfx;
	bool has_vvvv = l->desc->flags & D_VVVV;
	u8 vvvv = 0, last;
	unsigned int i;

	if (!e->vex) {
		if (l->map)
			put(e, 0x0f);
		if (l->map > 1)
			put(e, escape[l->map]);
		put(e, l->opcode);
		return;
	}
	for (i = 0; i < 3; i++)
		has_vvvv |= OP_AM(l->desc->op[i]) == AM_H || OP_AM(l->desc->op[i]) == AM_B;
	if (has_vvvv)
		vvvv = t->is64 ? rng_below(r, 16) : rng_below(r, 8);
	if (rng_chance(r, 4))
		vvvv = rng_below(r, 8);
	last = (~vvvv & 15) << 3 | rng_chance(r, 40) << 2 | pp;
	e->rex = t->is64 ? 0x40 | rng_below(r, 8) : 0x40;
	if (l->map > 1 || e->rex & 3 || rng_chance(r, 30)) {
		bool w = rng_chance(r, 30);

		put(e, 0xc4);
		put(e, ((~e->rex & 7) << 5) | l->map);
		/* Outside of 64-bit mode the uppermost bit of vvvv names no register. */
		put(e, (last ^ (!t->is64 && rng_chance(r, 20) ? 0x40 : 0)) | w << 7);
	} else {
		put(e, 0xc5);
		put(e, last | (e->rex & 4 ? 0 : 0x80));
	}
	put(e, l->opcode);
}

static void put_address16(struct rng *r, struct gen_target *t, struct encoding *e, u8 modrm)
{
	static const u8 base[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
	unsigned int mod = modrm >> 6, rm = modrm & 7, bytes;
	u64 want = t->pick(r, t), disp;

	bytes = mod == 2 || (!mod && rm == 6) ? 2 : mod;
	disp = bytes == 1 ? (u64)(s8)rng_next(r) : bytes ? rng_next(r) & 0xffff : 0;
	put(e, modrm);
	if (!mod && rm == 6) {
		put_bytes(e, want, 2);
		return;
	}
	if (rm < 4)
		want -= t->gpr[rm & 1 ? RDI : RSI];
	t->gpr[base[rm]] = (want - disp) & 0xffff;
	put_bytes(e, disp, bytes);
}

/* The instruction's length is not known here; the caller's memory is wide enough. */
static void put_address32(struct rng *r, struct gen_target *t, struct encoding *e, u8 modrm)
{
	unsigned int mod = modrm >> 6, rm = modrm & 7, base = rm, index = 4, scale = 0, bytes;
	u64 want = t->pick(r, t), disp;

	put(e, modrm);
	if (rm == 4) {
		u8 sib = rng_next(r);

		put(e, sib);
		base = sib & 7;
		index = (sib >> 3 & 7) | (e->rex & 2) << 2;
		scale = sib >> 6;
	}
	bytes = mod == 2 || (!mod && base == 5) ? 4 : mod;
	disp = bytes == 1 ? (s64)(s8)rng_next(r) : bytes ? (s64)(s32)rng_next(r) >> 8 : 0;
	if (index != 4) {
		if (rng_chance(r, 70))
			t->gpr[index] = (s64)(s8)rng_next(r);
		want -= t->gpr[index] << scale;
	}
	if (!mod && base == 5) {
		if (rm != 4 && t->is64)
			want -= t->rip + e->n + 4;
		put_bytes(e, want, 4);
		return;
	}
	base |= (e->rex & 1) << 3;
	t->gpr[base] = base == index ? (want + (t->gpr[index] << scale) - disp) >> scale
				     : want - disp;
	if (!t->is64)
		t->gpr[base] &= 0xffffffff;
	put_bytes(e, disp, bytes);
}

static void put_modrm(struct rng *r, const struct leaf *l, struct gen_target *t,
		      struct encoding *e)
{
	u8 modrm = rng_next(r);
	bool mem = rng_chance(r, 60);

	/* Rarely the form that is undefined. */
	if (only_register(l) && !rng_chance(r, 3))
		mem = false;
	else if (only_memory(l) && !rng_chance(r, 3))
		mem = true;
	if (l->mod >= 0)
		mem = !l->mod;
	/* Of the VEX prefix's last byte and the LES that it would be. */
	if (!mem)
		modrm |= 0xc0;
	else if (modrm >= 0xc0)
		modrm -= (rng_below(r, 3) + 1) << 6;
	if (l->reg >= 0)
		modrm = (modrm & 0xc7) | l->reg << 3;
	if (l->rm >= 0)
		modrm = (modrm & 0xf8) | l->rm;
	if (!mem || l->desc->flags & D_MOD3)
		put(e, modrm);
	else if (e->small_address)
		put_address16(r, t, e, modrm);
	else
		put_address32(r, t, e, modrm);
}

static void set_registers(struct rng *r, struct gen_target *t)
{
	static const u8 pointers[] = { RBX, RSP, RBP, RSI, RDI };
	unsigned int i;

	for (i = 0; i < 16; i++)
		t->gpr[i] = rng_edge(r);
	for (i = 0; i < sizeof(pointers); i++)
		if (pointers[i] == RSP || rng_chance(r, 75))
			t->gpr[pointers[i]] = t->pick(r, t);
	if (rng_chance(r, 70))
		t->gpr[RCX] = rng_below(r, 40);
	if (!t->is64)
		for (i = 0; i < 16; i++)
			t->gpr[i] &= 0xffffffff;
}

unsigned int generate(struct rng *r, const struct leaf *l, struct gen_target *t, u8 *bytes)
{
	struct encoding e = { .p = bytes };
	bool moffs = OP_AM(l->desc->op[0]) == AM_O || OP_AM(l->desc->op[1]) == AM_O;

	set_registers(r, t);
	e.vex = l->desc->flags & D_VEX && rng_chance(r, l->desc->flags & D_ONLYVEX ? 95 : 45);
	if (l->vex >= 0)
		e.vex = l->vex;
	put_prefixes(r, l, t, &e);
	put_opcode(r, l, t, &e);
	if (leaf_has_modrm(l))
		put_modrm(r, l, t, &e);
	if (moffs)
		put_bytes(&e, t->pick(r, t), 8);
	/* Immediates, as many as may be wanted. */
	put_bytes(&e, rng_edge(r), 8);
	put_bytes(&e, rng_next(r), 4);
	return e.n;
}

bool case_option(struct cases *cases, int opt, const char *arg)
{
	switch (opt) {
	case 'n':
		if (!cases->only)
			cases->nr = strtoull(arg, NULL, 0);
		return true;
	case 's':
		cases->seed = strtoull(arg, NULL, 0);
		return true;
	case 'c':
		cases->first = strtoull(arg, NULL, 0);
		cases->nr = 1;
		cases->only = true;
		return true;
	}
	return false;
}
