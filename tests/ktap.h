/* SPDX-License-Identifier: GPL-2.0-only */
/* What all test programs share: random numbers, KTAP output. */
#ifndef KVMX_KTAP_H
#define KVMX_KTAP_H

#include <emulate.h>

/* Random numbers that depend on nothing but the seed (splitmix64). */
struct rng {
	u64 state;
};

static inline u64 rng_next(struct rng *r)
{
	u64 z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline u64 rng_below(struct rng *r, u64 n)
{
	return rng_next(r) % n;
}

/* True @percent times in a hundred. */
static inline bool rng_chance(struct rng *r, unsigned int percent)
{
	return rng_below(r, 100) < percent;
}

/* KTAP */
extern unsigned int ktap_count, ktap_failed;

void ktap_start(unsigned int plan);
void ktap_result(bool ok, const char *name);
void ktap_skip(const char *name, const char *reason);
/* A program that can run nothing: its whole stream; the exit status. */
int ktap_skip_all(const char *name, const char *reason);
/* The totals line; the exit status of the program. */
int ktap_end(void);

#endif
