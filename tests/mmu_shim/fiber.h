/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads of the model: one at a time runs, and which one is next is drawn from the seed. A
 * thread can be interrupted at each fiber_preempt(), which stands in locks, atomic operations
 * and whatever else of the kernel the code under test calls.
 */
#ifndef KVMX_MMU_FIBER_H
#define KVMX_MMU_FIBER_H

#include <stdbool.h>
#include <stdint.h>
#include "../ktap.h"

#define FIBERS_MAX	12

struct fiber {
	void *sp;
	void *stack;
	void *fake_stack;		/* of the address sanitizer */
	void (*fn)(struct fiber *f);
	int index;
	bool done;
	bool parked;			/* between two operations, until the others are as well */
	unsigned int sleeps;		/* turns that it lets others have */
	/* What the kernel keeps for a thread. */
	int atomic;			/* spin locks, interrupts and preemption off */
	int srcu;			/* sections of kvm->srcu */
	bool reads, writes;		/* mmu.lock, by side */
	bool broken;			/* got the signal of memory that is broken */
	const char *doing;
	uint64_t stamp;			/* of its last write through a user address, */
	unsigned int wrote;		/* and the user page */
};

extern struct fiber *fiber_current;	/* NULL in main() */
extern struct rng fiber_rng;
extern int fiber_countdown;
extern uint64_t fiber_switches;
extern bool fiber_stop;			/* threads end after what they are doing */
extern unsigned int fiber_grain;	/* one in so many points changes threads */

void fiber_start(void (*fn)(struct fiber *f));
/* Until all have ended; @all_parked is called when fiber_gather() has had its way. */
void fiber_run(void (*all_parked)(void));
void fiber_yield(void);
/* Another thread has to do something first. */
void fiber_blocked(void);
/* Stays here until all others have come here too, if that is wanted; false: it is to end. */
bool fiber_between(void);
/* All threads go to fiber_between(). */
void fiber_gather(void);
/* Prints what each thread is at. */
void fiber_show(void);

static inline void fiber_preempt(void)
{
	if (--fiber_countdown < 0 && fiber_current)
		fiber_yield();
}

#define fiber_wait(cond)		\
	do {				\
		fiber_preempt();	\
		while (!(cond))		\
			fiber_blocked();	\
	} while (0)

/* Says what is wrong, with the seed and the step, and ends the program. */
void model_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));
#define MODEL_CHECK(cond, ...) \
	do { if (!(cond)) model_fail(__FILE__, __LINE__, __VA_ARGS__); } while (0)

#endif
