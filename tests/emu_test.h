/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the emulator's test programs share: the list of decode table entries and
 * instruction generation.
 */
#ifndef KVMX_EMU_TEST_H
#define KVMX_EMU_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include "../emulate/internal.h"
#include "ktap.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* A number of the kind that shows mistakes: small, all ones, one bit, a limit, or any. */
u64 rng_edge(struct rng *r);

/* The callback of struct emu_ops. */
static inline bool this_cpu_has(struct emu_ctxt *c, enum emu_feature f)
{
	return f == EMU_BMI1 ? __builtin_cpu_supports("bmi") : __builtin_cpu_supports("bmi2");
}

/* An entry of the decode tables and what bytes lead to it; -1: anything does. */
struct leaf {
	const struct emu_desc *desc;
	u8 map, opcode;
	s8 reg, mod, rm, pfx, m64, vex;	/* mod: 0 memory, 1 register */
	unsigned int cases, done, skipped;	/* run; run to the end; not usable */
	u32 seen;		/* sizes, prefixes and operands that were met */
};

#define MAX_LEAVES	2048

extern struct leaf leaves[MAX_LEAVES];
extern unsigned int nr_leaves;

/* Fills leaves[] from the tables: instructions, and the other kinds if @all. */
void find_leaves(bool all);
/* "0f ba /5 btr" */
const char *leaf_name(const struct leaf *l);
bool leaf_has_modrm(const struct leaf *l);

/* Which random cases a program runs. */
struct cases {
	u64 seed, first, nr;
	bool only;		/* one, which is named */
};

/* The options that say so; false if @opt of getopt() is none of them. */
#define CASE_OPTIONS	"n:s:c:"
bool case_option(struct cases *cases, int opt, const char *arg);

/* The registers and memory that addresses of a generated instruction should meet. */
struct gen_target {
	bool is64, is16;
	u64 rip;
	u64 base;		/* of the data segments */
	u64 gpr[16];
	/* An offset that is good to point at. */
	u64 (*pick)(struct rng *r, const struct gen_target *t);
};

/*
 * Makes an instruction of @l in @bytes (room for 32) and registers that let it
 * reach memory. Returns how many bytes were written, at least those it needs.
 */
unsigned int generate(struct rng *r, const struct leaf *l, struct gen_target *t, u8 *bytes);

#endif
