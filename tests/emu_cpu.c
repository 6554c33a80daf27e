// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator against the CPU: instructions made from the decode tables run in
 * a child process and in the emulator, from the same registers and memory, and
 * must leave the same registers, flags, memory, or fault.
 *
 * emu_cpu [-n CASES] [-s SEED] [-c CASE] [-l] [-u]
 *	-c	only this case, with everything about it printed
 *	-l	list the table entries and how often each was run
 *	-u	compare flags the SDM leaves undefined, too
 */
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>
#include "emu_case.h"

static u64 seed = 1;
static bool strict, verbose;

/* A test case and the emulator's answer to it, before the CPU has run it. */
struct expectation {
	struct tcase t;
	u64 flags_mask;
	bool loose;		/* the destination register is undefined as well */
	u16 leaf;
	u64 index;
};

static struct expectation expected[BATCH];
static struct batch *batch;
static unsigned long failures, restarts;

/* Entries that cannot run in a user process here, and why. */
static const struct {
	const char *name;
	emu_exec_fn exec;
	const char *why;
} excluded[] = {
	{ NULL, ex_int, "goes through the system's IDT" },
	{ NULL, ex_int3, "goes through the system's IDT" },
	{ NULL, ex_into, "goes through the system's IDT" },
	{ NULL, ex_int1, "goes through the system's IDT" },
	{ NULL, ex_iret, "changes the code segment" },
	{ NULL, ex_retf, "changes the code segment" },
	{ NULL, ex_callf, "changes the code segment" },
	{ NULL, ex_jmpf, "changes the code segment" },
	{ NULL, ex_lds, "changes a segment register" },
	{ NULL, ex_pop_seg, "changes a segment register" },
	{ NULL, ex_mov_to_seg, "changes a segment register" },
	{ NULL, ex_fsgsbase, "changes a base that the C library needs" },
	{ NULL, ex_lar, "reads the system's descriptor table" },
	{ NULL, ex_verr, "reads the system's descriptor table" },
	{ NULL, ex_sgdt, "answered by the kernel where UMIP is on" },
	{ NULL, ex_smsw, "answered by the kernel where UMIP is on" },
	{ NULL, ex_sldt, "answered by the kernel where UMIP is on" },
	{ NULL, ex_rdtsc, "differs from run to run" },
	{ NULL, ex_rdpmc, "depends on the kernel's setting of CR4.PCE" },
	{ NULL, ex_vmcall, "goes to a hypervisor" },
	{ "clwb", NULL, "not on every CPU" },
	{ "clflushopt", NULL, "not on every CPU" },
};

static const char *why_excluded(const struct emu_desc *d)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(excluded); i++) {
		if (excluded[i].exec ? excluded[i].exec == d->exec
				     : !strcmp(excluded[i].name, d->name))
			return excluded[i].why;
	}
	return NULL;
}

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

/* What the SDM leaves undefined after this instruction, given its operands. */
static u64 undefined_flags(const struct emu_ctxt *c, const struct tcase *t, bool *loose)
{
	const struct emu_insn *in = &c->insn;
	const struct emu_desc *d = in->desc;
	unsigned int size = emu_size(c, OP_SZ(d->op[0]), in->modrm < 0xc0);
	unsigned int count;
	emu_exec_fn f = d->exec;

	*loose = false;
	if (f == ex_shift || f == ex_shld) {
		u16 op = d->op[f == ex_shift ? 1 : 2];

		count = OP_AM(op) == AM_ONE ? 1 : OP_AM(op) == AM_CL ? t->in.gpr[RCX] : in->imm;
		count &= size == 8 ? 63 : 31;
		if (!count)
			return 0;
		if (f == ex_shld && count > size * 8) {
			*loose = true;
			return FL_ARITH;
		}
		return (count > 1 ? FL_OF : 0) |
		       (f == ex_shld || d->aux >= 4 ? FL_AF : 0) |
		       (count >= size * 8 && d->aux >= 4 && d->aux < 7 ? FL_CF : 0);
	}
	if (f == ex_mul || f == ex_imul1 || f == ex_imul)
		return FL_SF | FL_ZF | FL_AF | FL_PF;
	if (f == ex_div || f == ex_idiv)
		return FL_ARITH;
	if (f == ex_test || (f == ex_alu && (d->aux == 1 || d->aux == 4 || d->aux == 6)))
		return FL_AF;
	if (f == ex_bt)
		return FL_OF | FL_SF | FL_AF | FL_PF;
	if (f == ex_bsf || f == ex_bsr)
		return FL_ARITH & ~FL_ZF;
	if (f == ex_tzcnt || f == ex_lzcnt)
		return FL_OF | FL_SF | FL_PF | FL_AF;
	if (f == ex_bcd)
		return d->aux < 2 ? FL_OF : FL_OF | FL_SF | FL_ZF | FL_PF;
	if (f == ex_aam || f == ex_aad)
		return FL_OF | FL_AF | FL_CF;
	*loose = f == ex_bswap && size == 2;
	return 0;
}

static u64 segment_base(enum place p)
{
	u16 sel = place_selector(p, EMU_SEG_DS);
	struct emu_segment s = { 0 };

	if (p != PLACE_64 && sel & 4)
		ldt_segment(sel >> 3, &s);
	return s.base;
}

static void random_bytes(struct rng *r, u8 *p, unsigned int n)
{
	while (n--)
		*p++ = rng_next(r);
}

/* Where the instruction is: often so that it runs into an unmapped page. */
static u64 code_address(struct rng *r)
{
	if (rng_chance(r, 15))
		return CODE_BASE + CODE_BYTES - 1 - rng_below(r, 15);
	return CODE_BASE + 16 + rng_below(r, 4096 + 2048);
}

/*
 * Bytes that turned out to be another instruction, which is excluded. What the
 * SDM leaves to the implementation: an access that wraps at the end of a
 * segment of 4 GiB. What CPUs do differently from their description: MOVBE with
 * both 66 and REX.W does not check alignment, and minds an SS override.
 */
static bool unspecified(const struct emu_ctxt *c, const struct tcase *t)
{
	const struct emu_insn *in = &c->insn;

	if (in->desc && why_excluded(in->desc))
		return true;
	if (in->desc && ((const struct emu_desc *)in->desc)->exec == ex_movbe &&
	    in->opsize_prefix && in->rex & 8)
		return true;
	return t->place == PLACE_32 && (t->vector == VEC_GP || t->vector == VEC_SS) &&
	       (in->mem_off > 0xffffffc0 || (u32)t->in.gpr[RSI] > 0xffffffc0 ||
		(u32)t->in.gpr[RDI] > 0xffffffc0 ||
		(u32)(t->in.gpr[RBP] - 0x80) > 0xffffff40);
}

/* Makes case @index; false if this one cannot be used. */
static bool make_case(struct expectation *e, u64 index)
{
	struct rng r = { .state = seed * 0x2545f4914f6cdd1dull + index * 0x9e3779b97f4a7c15ull };
	struct gen_target g = { .pick = pick };
	struct tcase *t = &e->t;
	struct emu_ctxt c;
	enum emu_status st;
	struct leaf *l;
	u8 bytes[32];

	rng_next(&r);
	e->leaf = index % nr_leaves;
	e->index = index;
	l = &leaves[e->leaf];
	if (why_excluded(l->desc))
		return false;
	memset(t, 0, sizeof(*t));
	t->place = rng_chance(&r, 55) ? PLACE_64 : 1 + rng_below(&r, NR_PLACES - 1);
	if (l->desc->flags & D_ONLY64)
		t->place = PLACE_64;
	else if (t->place == PLACE_64 && l->desc->flags & D_NO64 && rng_chance(&r, 90))
		t->place = 1 + rng_below(&r, NR_PLACES - 1);
	t->code = code_address(&r);
	g.is64 = t->place == PLACE_64;
	g.is16 = t->place == PLACE_16;
	g.rip = t->code - (g.is16 ? CODE_BASE : 0);
	g.base = segment_base(t->place);
	random_bytes(&r, t->win_in, WIN_BYTES);
	generate(&r, l, &g, bytes);
	memcpy(t->bytes, bytes, 16);
	memcpy(t->in.gpr, g.gpr, sizeof(g.gpr));
	t->in.rip = g.rip;
	t->in.rflags = FL_FIXED | FL_IF | FL_TF | (rng_next(&r) & FL_ARITH) |
		       (rng_chance(&r, 30) ? FL_DF : 0) | (rng_chance(&r, 10) ? FL_AC : 0);
	t->vec = l->desc->flags & (D_SSE | D_MMX);
	if (t->vec) {
		random_bytes(&r, t->in.vec[0], sizeof(t->in.vec));
		random_bytes(&r, (u8 *)t->in.mmx, sizeof(t->in.mmx));
		if (!g.is64)
			memset(t->in.vec[8], 0, sizeof(t->in.vec) / 2);
	}
	batch->c[batch->n] = *t;
	if (!model_run(t, &st, &c))
		return false;
	if (unspecified(&c, t)) {
		model_undo();
		return false;
	}
	e->flags_mask = USED_FLAGS;
	e->loose = false;
	if (c.insn.desc && st == EMU_OK)
		e->flags_mask &= ~undefined_flags(&c, t, &e->loose);
	if (strict)
		e->flags_mask = USED_FLAGS;
	return true;
}

static void dump(const char *who, const struct tcase *t)
{
	static const char names[16][4] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
					   "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };
	unsigned int i;

	printf("#   %s: ", who);
	if (t->vector == COMPLETED)
		printf("completed");
	else
		printf("vector %u error %#x cr2 %#llx", t->vector, t->error,
		       (unsigned long long)t->cr2);
	printf(" rip %llx flags %llx\n", (unsigned long long)t->out.rip,
	       (unsigned long long)t->out.rflags);
	for (i = 0; i < 16; i++)
		printf("%s%-3s %016llx%s", i % 4 ? " " : "#     ", names[i],
		       (unsigned long long)t->out.gpr[i], i % 4 == 3 ? "\n" : "");
}

static void report(const struct expectation *e, const struct tcase *cpu, const char *what)
{
	static const char *const places[] = { "64-bit", "32-bit", "32-bit, segments", "16-bit" };
	const struct tcase *t = &e->t;
	struct tcase before = *t;
	unsigned int i;

	if (failures++ >= 20 && !verbose)
		return;
	printf("# case %llu: %s: %s differs (%s); again: emu_cpu -s %llu -c %llu\n#   bytes",
	       (unsigned long long)e->index, leaf_name(&leaves[e->leaf]), what, places[t->place],
	       (unsigned long long)seed, (unsigned long long)e->index);
	for (i = 0; i < 15; i++)
		printf(" %02x", t->bytes[i]);
	printf("\n");
	before.out = before.in;
	before.vector = COMPLETED;
	dump("before", &before);
	dump("emulator", t);
	if (cpu)
		dump("CPU", cpu);
	for (i = 0; cpu && i < WIN_BYTES; i++)
		if (t->win_out[i] != cpu->win_out[i])
			printf("#     memory %llx: was %02x, emulator %02x, CPU %02x\n",
			       (unsigned long long)(i < WIN0_BYTES ? WIN0 + i :
						    WIN1 + i - WIN0_BYTES),
			       t->win_in[i], t->win_out[i], cpu->win_out[i]);
}

static const char *difference(const struct expectation *e, const struct tcase *cpu)
{
	const struct tcase *t = &e->t;
	const struct emu_desc *d = leaves[e->leaf].desc;
	u64 mask = t->place == PLACE_64 ? ~0ull : 0xffffffff;
	unsigned int regs = t->place == PLACE_64 ? 16 : 8, i;

	/*
	 * A fault leaves POPA with some registers popped, and a fault or a count
	 * of zero the registers of string instructions with 32-bit addresses
	 * without their upper halves.
	 */
	if (t->vector != COMPLETED && d->exec == ex_popa)
		regs = 0;
	if (d->flags & D_REP && (t->vector != COMPLETED || !(u32)t->in.gpr[RCX]))
		mask = 0xffffffff;

	if (t->vector != cpu->vector)
		return "outcome";
	if (t->error != cpu->error)
		return "error code";
	if (t->cr2 != cpu->cr2)
		return "fault address";
	if (t->out.rip != cpu->out.rip)
		return "rip";
	for (i = 0; i < regs && !e->loose; i++)
		if ((t->out.gpr[i] ^ cpu->out.gpr[i]) & mask)
			return "register";
	if ((t->out.rflags ^ cpu->out.rflags) & e->flags_mask)
		return "flags";
	if (t->vector == COMPLETED && !e->loose && memcmp(t->win_out, cpu->win_out, WIN_BYTES))
		return "memory";
	if (t->vec && (memcmp(t->out.vec, cpu->out.vec, sizeof(t->out.vec)) ||
		       memcmp(t->out.mmx, cpu->out.mmx, sizeof(t->out.mmx))))
		return "vector register";
	return NULL;
}

static void compare_batch(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		const char *what = difference(&expected[i], &batch->c[i]);

		if (what)
			report(&expected[i], &batch->c[i], what);
		else if (verbose)
			dump("both", &expected[i].t);
		leaves[expected[i].leaf].cases++;
	}
}

/* Runs what has been collected; a child that died is replaced. */
static const char *flush(void)
{
	const char *why = NULL;

	if (!batch->n)
		return NULL;
	if (native_run(batch)) {
		compare_batch(batch->n);
		if (memcmp(native_data(), model_data, WIN0 - DATA_BASE) ||
		    memcmp(native_data() + (WIN0 - DATA_BASE) + WIN0_BYTES,
			   model_data + (WIN0 - DATA_BASE) + WIN0_BYTES,
			   WIN1 - WIN0 - WIN0_BYTES)) {
			printf("# memory elsewhere differs after the batch up to case %llu\n",
			       (unsigned long long)expected[batch->n - 1].index);
			failures++;
		}
	} else {
		compare_batch(batch->done);
		report(&expected[batch->done], NULL, "the child died: outcome");
		restarts++;
		native_stop();
		why = native_start(batch, model_data, model_ro);
	}
	batch->n = 0;
	return why;
}

static const char *run_cases(u64 first, u64 count, unsigned long *run)
{
	const char *why = NULL;
	u64 i;

	for (i = first; i < first + count && !why && restarts < 20; i++) {
		if (!make_case(&expected[batch->n], i)) {
			leaves[i % nr_leaves].skipped++;
			continue;
		}
		++*run;
		if (++batch->n == BATCH)
			why = flush();
	}
	return why ? why : flush();
}

static bool coverage(bool list)
{
	bool ok = true;
	unsigned int i;

	for (i = 0; i < nr_leaves; i++) {
		const char *why = why_excluded(leaves[i].desc);

		if (list)
			printf("# %-40s %6u run, %6u not usable; %s\n", leaf_name(&leaves[i]),
			       leaves[i].cases, leaves[i].skipped, why ?: "compared");
		if (why || leaves[i].cases)
			continue;
		printf("# no case: %s\n", leaf_name(&leaves[i]));
		ok = false;
	}
	return ok;
}

static void print_summary(void)
{
	unsigned int run = 0, out = 0, least = ~0u, i;

	for (i = 0; i < nr_leaves; i++) {
		if (why_excluded(leaves[i].desc)) {
			out++;
			continue;
		}
		run++;
		if (leaves[i].cases < least)
			least = leaves[i].cases;
	}
	printf("# %u table entries run, each at least %u times; %u left to other tests\n", run,
	       least, out);
}

int main(int argc, char **argv)
{
	unsigned long cases = 400000, run = 0;
	struct rng r = { .state = 42 };
	bool list = false;
	s64 only = -1;
	const char *why;
	cpu_set_t cpu;
	int opt;

	while ((opt = getopt(argc, argv, "n:s:c:lu")) != -1) {
		if (opt == 'n')
			cases = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (opt == 'c')
			only = strtoll(optarg, NULL, 0);
		else if (opt == 'l')
			list = true;
		else if (opt == 'u')
			strict = true;
		else
			return 2;
	}
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);	/* CPUID answers for one CPU */
	find_leaves(false);
	random_bytes(&r, model_data, sizeof(model_data));
	random_bytes(&r, model_ro, sizeof(model_ro));
	batch = mmap(NULL, sizeof(*batch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (batch == MAP_FAILED)
		return 2;
	ktap_start(only < 0 ? 2 : 1);
	why = native_start(batch, model_data, model_ro);
	if (!why) {
		verbose = only >= 0;
		why = run_cases(only >= 0 ? only : 0, only >= 0 ? 1 : cases, &run);
		native_stop();
	}
	if (why) {
		ktap_skip("instructions agree with the CPU", why);
		if (only < 0)
			ktap_skip("every table entry is reached", why);
		return ktap_end();
	}
	printf("# seed %llu: %lu cases run, %lu differ\n", (unsigned long long)seed, run, failures);
	ktap_result(!failures && run, "instructions agree with the CPU");
	if (only < 0) {
		print_summary();
		ktap_result(coverage(list), "every table entry is reached");
	}
	return ktap_end();
}
