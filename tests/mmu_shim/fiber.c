// SPDX-License-Identifier: GPL-2.0-only
/* Threads of the model, each with a stack of its own. */
#include <sys/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fiber.h"

#define STACK_SIZE	(256 * 1024)
/* So many turns in which every thread only waited for another. */
#define TURNS_STUCK	200000

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#else
#define __sanitizer_start_switch_fiber(save, bottom, size)	((void)(save), (void)(bottom), (void)(size))
#define __sanitizer_finish_switch_fiber(save, bottom, size)	((void)(save), (void)(bottom), (void)(size))
#endif

extern int shim_atomic;

struct fiber *fiber_current;
struct rng fiber_rng;
int fiber_countdown;
uint64_t fiber_switches;
bool fiber_stop;
unsigned int fiber_grain = 4;

static struct fiber fibers[FIBERS_MAX];
static int nr_fibers, nr_done, nr_parked;
static bool gathering;
static unsigned int stuck;
static void *main_sp, *main_fake;
static const void *main_bottom;
static size_t main_size;

/* Saves the registers that a call preserves, and goes on where @to did so. */
void fiber_switch(void **save, void *to);
__asm__(".text\n"
	".globl fiber_switch\n"
	"fiber_switch:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n");

static void to_main(struct fiber *f)
{
	f->atomic = shim_atomic;
	shim_atomic = 0;
	fiber_current = NULL;
	__sanitizer_start_switch_fiber(f->done ? NULL : &f->fake_stack, main_bottom, main_size);
	fiber_switch(&f->sp, main_sp);
	__sanitizer_finish_switch_fiber(f->fake_stack, &main_bottom, &main_size);
}

static void resume(struct fiber *f)
{
	fiber_current = f;
	shim_atomic = f->atomic;
	fiber_switches++;
	/* Mostly a few steps, now and then a long way. */
	fiber_countdown = rng_below(&fiber_rng, fiber_grain);
	if (rng_chance(&fiber_rng, 3))
		fiber_countdown += rng_below(&fiber_rng, 40 * fiber_grain);
	__sanitizer_start_switch_fiber(&main_fake, f->stack, STACK_SIZE);
	fiber_switch(&main_sp, f->sp);
	__sanitizer_finish_switch_fiber(main_fake, NULL, NULL);
}

static void first_turn(void)
{
	struct fiber *f = fiber_current;

	__sanitizer_finish_switch_fiber(NULL, &main_bottom, &main_size);
	f->fn(f);
	MODEL_CHECK(!shim_atomic && !f->srcu && !f->reads && !f->writes, "a lock is left behind");
	f->done = true;
	to_main(f);
	abort();
}

void fiber_start(void (*fn)(struct fiber *f))
{
	struct fiber *f = &fibers[nr_fibers];
	void *stack = f->stack;
	void **sp;

	if (!stack) {
		stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (stack == MAP_FAILED)
			abort();
	}
	memset(f, 0, sizeof(*f));
	f->stack = stack;
	f->fn = fn;
	f->index = nr_fibers++;
	sp = (void **)((char *)stack + STACK_SIZE);
	*--sp = NULL;			/* where first_turn() would return to; aligns the stack */
	*--sp = first_turn;
	sp -= 6;
	memset(sp, 0, 6 * sizeof(*sp));
	f->sp = sp;
}

void fiber_yield(void)
{
	stuck = 0;
	/* Now and then for so long that others get through with all they do. */
	if (rng_chance(&fiber_rng, 4))
		fiber_current->sleeps = 1 + rng_below(&fiber_rng, 60);
	to_main(fiber_current);
}

void fiber_blocked(void)
{
	if (++stuck > TURNS_STUCK)
		model_fail(__FILE__, __LINE__, "every thread waits for another");
	to_main(fiber_current);
}

bool fiber_between(void)
{
	struct fiber *f = fiber_current;

	MODEL_CHECK(!shim_atomic && !f->srcu && !f->reads && !f->writes, "a lock is left behind");
	stuck = 0;
	if (gathering) {
		f->parked = true;
		nr_parked++;
		while (f->parked)
			to_main(f);
	} else {
		fiber_preempt();
	}
	return !fiber_stop;
}

void fiber_gather(void)
{
	gathering = true;
}

void fiber_show(void)
{
	int i;

	for (i = 0; i < nr_fibers; i++)
		printf("#   thread %d%s: %s%s%s\n", i, &fibers[i] == fiber_current ? ", this" : "",
		       fibers[i].doing ?: "", fibers[i].reads ? ", reads mmu.lock" : "",
		       fibers[i].writes ? ", has mmu.lock" : "");
}

void fiber_run(void (*all_parked)(void))
{
	nr_done = nr_parked = 0;
	stuck = 0;
	while (nr_done < nr_fibers) {
		struct fiber *f = &fibers[rng_below(&fiber_rng, nr_fibers)];
		int i;

		if (f->done || f->parked)
			continue;
		if (f->sleeps && f->sleeps--)
			continue;
		resume(f);
		nr_done += f->done;
		if (!gathering || nr_parked + nr_done < nr_fibers)
			continue;
		all_parked();
		gathering = false;
		nr_parked = 0;
		for (i = 0; i < nr_fibers; i++)
			fibers[i].parked = false;
	}
	nr_fibers = 0;
}
