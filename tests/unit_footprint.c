// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much memory an instruction touches, counted in what a device would be asked: pieces
 * of 8 bytes at most that lie in one page. The log of run/io.c has room for
 * EMU_MAX_ACCESSES of them, and what does not fit would fail when half of it is done.
 */
#include "emu_mach.h"

#define EDGE	(DATA + 0x3000)		/* a page begins */

struct place {
	const char *name;
	enum emu_mode mode;
	bool user;
};

static const struct place places[] = {
	{ "real", EMU_MODE_REAL, false }, { "vm86", EMU_MODE_VM86, true },
	{ "16-bit", EMU_MODE_PROT16, false }, { "32-bit", EMU_MODE_PROT32, false },
	{ "32-bit, ring 3", EMU_MODE_PROT32, true }, { "64-bit", EMU_MODE_PROT64, false },
	{ "64-bit, ring 3", EMU_MODE_PROT64, true },
};

/* A machine all of whose memory is a device. */
static struct mach *machine(enum emu_mode mode, bool user)
{
	struct mach *m = user && mode != EMU_MODE_VM86 ? mach_at_cpl_3(mode) : mach_new(mode);
	unsigned int i;

	if (mode == EMU_MODE_VM86) {
		m->c.cpl = 3;
		m->c.rflags |= FL_VM | FL_IOPL;
	}
	for (i = 0; emu_protected(&m->c) && i < 255; i++)
		mach_gate(m, true, i * (m->c.long_mode_active ? 16 : 8), SEL_CODE0, CODE, 0xee, 0);
	m->fx.mxcsr = 0x1f80;
	memset(m->vec, 0xff, sizeof(m->vec));
	m->room = EMU_MAX_ACCESSES;
	return m;
}

/* Places that are in two pages, more often than not. */
static u64 pick_edge(struct rng *r, const struct gen_target *t)
{
	u64 at = EDGE + 0x1000 * rng_below(r, 4) - rng_below(r, rng_chance(r, 50) ? 16 : 300);

	return t->is16 ? at & 0xffff : at;
}

static enum emu_status run_generated(const struct leaf *l, const struct place *p, struct rng *r,
				     struct mach *m)
{
	struct gen_target g = { .is64 = emu_is64(&m->c), .is16 = p->mode != EMU_MODE_PROT32 &&
				!emu_is64(&m->c), .rip = m->c.rip, .pick = pick_edge };
	enum emu_status st;
	u8 bytes[32];

	generate(r, l, &g, bytes);
	memcpy(m->c.gpr, g.gpr, sizeof(g.gpr));
	memcpy(m->mem + m->seg[X86_SEG_CS].base + m->c.rip, bytes, EMU_MAX_INSN);
	st = emu_decode(&m->c, NULL, 0);
	return st == EMU_OK ? emu_execute(&m->c) : st;
}

/* The log is full only for task switches, which do not even begin to fill it. */
static bool every_entry_fits(void)
{
	struct rng r = { .state = 3 };
	unsigned int i, k, n, most = 0;
	const struct leaf *where = NULL;
	bool ok = true;

	for (i = 0; i < nr_leaves; i++) {
		for (n = 0; n < 8 * ARRAY_SIZE(places) && ok; n++) {
			const struct place *p = &places[n % ARRAY_SIZE(places)];
			struct mach *m = machine(p->mode, p->user);

			CHECK(run_generated(&leaves[i], p, &r, m) != EMU_IO);
			if (!ok)
				printf("# %s, %s: %u pieces\n", leaf_name(&leaves[i]), p->name,
				       m->touched);
			/* REP takes what room there is. */
			k = m->c.insn.rep && leaves[i].desc->flags & D_REP ? 0 : m->touched;
			if (k > most) {
				most = k;
				where = &leaves[i];
			}
		}
	}
	if (where)
		printf("# met: %u pieces, %s\n", most, leaf_name(where));
	CHECK(most > 60 && most <= EMU_MAX_ACCESSES);
	return ok;
}

/* An entry of a descriptor table at DATA. */
static void put_entry(struct mach *m, u16 sel, u32 lo, u32 hi)
{
	mach_put(m, m->gdt.base + (sel & ~7), lo, 4);
	mach_put(m, m->gdt.base + (sel & ~7) + 4, hi, 4);
}

/* Pointer, descriptors of gate, code and stack, TSS, both stacks: each in two pages. */
static bool most_is_a_far_call(void)
{
	struct mach *m = machine(EMU_MODE_PROT32, true);
	const u16 gate = 0xff8, code = 0x1ff8, data = 0x2ff8;
	const u64 pointer = EDGE + 0x1ffe, inner = EDGE + 0x1000;
	bool ok = true;

	m->gdt = (struct x86_table){ DATA - 0x8000 + 4, 0xffff };
	put_entry(m, gate, (u32)code << 16 | 0x4321, 0xec1f);
	put_entry(m, code, 0xffff, 0x00cf9a00);
	put_entry(m, data, 0xffff, 0x00cf9200);
	m->seg[X86_SEG_TR].base = 0x7000 - 6;
	mach_put(m, 0x7000 - 2, inner + 70, 4);
	mach_put(m, 0x7000 + 2, data, 2);
	mach_put(m, pointer + 4, gate, 2);
	m->c.gpr[RBX] = pointer;
	m->c.gpr[RSP] = EDGE - 62;
	CHECK(EXEC(m, "\xff\x1b") == EMU_OK && m->c.cpl == 0 && m->c.rip == 0x4321);
	CHECK(m->c.gpr[RSP] == inner + 70 - 35 * 4);
	CHECK(m->touched == EMU_MAX_ACCESSES && EMU_MAX_ACCESSES % 2 == 0);
	return ok;
}

/* Accesses of some instructions, counted by hand: with no access across pages, and with one. */
static bool known_footprints(void)
{
	static const struct {
		enum emu_mode mode;
		u64 sp, bp, bx;
		const char *code;
		unsigned int len, pieces;
	} cases[] = {
		{ EMU_MODE_PROT64, 0, 0, EDGE, "\x0f\xae\x03", 3, 52 },		/* fxsave */
		{ EMU_MODE_PROT64, 0, 0, EDGE - 32, "\x0f\xae\x0b", 3, 52 },	/* fxrstor */
		{ EMU_MODE_PROT32, 0, 0, EDGE, "\x0f\xae\x03", 3, 36 },
		{ EMU_MODE_PROT64, EDGE, EDGE + 512, 0, "\xc8\x10\x00\x1f", 4, 62 },
		{ EMU_MODE_PROT64, EDGE + 66, EDGE + 0x1042, 0, "\xc8\x10\x00\x1f", 4, 64 },
		{ EMU_MODE_PROT32, EDGE, 0, 0, "\x60", 1, 8 },			/* pusha */
		{ EMU_MODE_PROT32, EDGE + 6, 0, 0, "\x60", 1, 9 },
		{ EMU_MODE_PROT32, EDGE - 6, 0, 0, "\x61", 1, 9 },		/* popa */
		{ EMU_MODE_PROT64, 0, 0, 0, "\x66\x0f\xf7\xc1", 4, 16 },	/* maskmovdqu */
	};
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mach *m = machine(cases[i].mode, false);

		m->c.gpr[RSP] = cases[i].sp;
		m->c.gpr[RBP] = cases[i].bp;
		m->c.gpr[RBX] = cases[i].bx;
		m->c.gpr[RDI] = EDGE - 3;
		CHECK(mach_exec(m, cases[i].code, cases[i].len) == EMU_OK);
		CHECK(m->touched == cases[i].pieces);
		if (!ok) {
			printf("# case %u: %u pieces\n", i, m->touched);
			break;
		}
	}
	return ok;
}

/* A device that answers at once lets REP go on until the log is full, between elements. */
static bool rep_ends_with_the_log(void)
{
	static const char *const code[] = { "\xf3\xa4", "\xf3\xaa", "\xf3\xac", "\xf3\xa6" };
	static const unsigned int per_element[] = { 2, 1, 1, 2 };
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(code); i++) {
		struct mach *m = machine(EMU_MODE_PROT64, false);
		unsigned int most = EMU_MAX_ACCESSES / per_element[i];

		m->c.gpr[RSI] = EDGE;
		m->c.gpr[RDI] = EDGE + 0x1000;
		m->c.gpr[RCX] = 200;
		CHECK(mach_exec(m, code[i], 2) == EMU_OK && m->c.more);
		CHECK(m->c.gpr[RCX] == 200 - most && m->c.rip == CODE);
		CHECK(mach_exec(m, code[i], 2) == EMU_OK && m->c.gpr[RCX] == 200 - 2 * most);
	}
	return ok;
}

/* The new task's state, the old one's, the link, or a descriptor is on a device. */
static bool task_switches_touch_no_device(void)
{
	unsigned int i;
	bool ok = true;

	for (i = 0; i < 4; i++) {
		struct mach *m = mach_new(EMU_MODE_PROT32);

		mach_put(m, TSS2_BASE + 0x4c, SEL_CODE0, 2);
		mach_put(m, TSS2_BASE + 0x50, SEL_DATA0, 2);
		if (i == 0)
			mach_desc(m, SEL_TSS2, DEVICE_BASE - 16, 0xfff, 0x89, 0);
		if (i == 1)
			m->seg[X86_SEG_TR].base = DEVICE_BASE + 8;
		if (i == 2) {
			mach_desc(m, SEL_LDT, DEVICE_BASE, 0xff, 0x82, 0);
			mach_put(m, TSS2_BASE + 0x60, SEL_LDT, 2);
			mach_put(m, TSS2_BASE + 0x48, 4, 2);	/* ES, from there */
		}
		if (i == 3) {
			memcpy(m->mem + DEVICE_BASE, m->mem + GDT_BASE, 0x1000);
			m->gdt.base = DEVICE_BASE;
		}
		CHECK(emu_task_switch(&m->c, SEL_TSS2, -1, 2, false, 0) == EMU_FAIL);
		CHECK(!m->nr_done && !m->c.switching);
	}
	return ok;
}

/* The link of IRET as well. */
static bool iret_to_a_task_touches_no_device(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	m->seg[X86_SEG_TR].base = DEVICE_BASE;
	m->c.rflags |= FL_NT;
	CHECK(EXEC(m, "\xcf") == EMU_FAIL && !m->nr_done);
	m->seg[X86_SEG_TR].base = TSS_BASE;
	m->c.rflags &= ~FL_NT;
	m->c.gpr[RBX] = DEVICE_BASE;
	CHECK(EXEC(m, "\x89\x03") == EMU_OK && m->nr_done == 1);
	return ok;
}

void unit_footprint(void)
{
	RUN(every_entry_fits);
	RUN(most_is_a_far_call);
	RUN(known_footprints);
	RUN(rep_ends_with_the_log);
	RUN(task_switches_touch_no_device);
	RUN(iret_to_a_task_touches_no_device);
}
