// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator against the CPU: instructions made from the decode tables run in
 * a child process and in the emulator, from the same registers and memory, and
 * must leave the same registers, flags, memory, or fault.
 *
 * emu_cpu [-n CASES] [-s SEED] [-c CASE] [-l] [-u]
 *	-c	only this case, with everything about it printed
 *	-l	list the table entries and how often each was run
 *	-u	compare the flags, too, that are undefined and not the CPU's
 *	-L	as on a machine where modify_ldt() makes nothing that loads
 */
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>
#include "emu_case.h"

/* The sanitizers make each case slow. */
#ifdef __SANITIZE_ADDRESS__
#define NR_CASES	100000
#else
#define NR_CASES	1500000
#endif

static struct cases cases = { .nr = NR_CASES, .seed = 1 };
static bool strict, verbose;

static struct expectation expected[BATCH];
static struct batch *batch;
static unsigned long failures, restarts;
static unsigned int differences[MAX_LEAVES];

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
	printf("#     es cs ss ds fs gs %x %x %x %x %x %x bases %llx %llx\n", t->out.sel[0],
	       t->out.sel[1], t->out.sel[2], t->out.sel[3], t->out.sel[4], t->out.sel[5],
	       (unsigned long long)t->out.fs_base, (unsigned long long)t->out.gs_base);
	if (t->vec) {
		const struct emu_fx *fx = (const struct emu_fx *)t->out.fx;

		printf("#     cw %04x sw %04x tags %02x op %03x ip %llx dp %llx mxcsr %x st0 %04x %llx\n",
		       fx->cw, fx->sw, fx->tags, fx->op, (unsigned long long)fx->ip,
		       (unsigned long long)fx->dp, fx->mxcsr, fx->st[0].se,
		       (unsigned long long)fx->st[0].mant);
	}
	for (i = 0; i < 16; i++)
		printf("%s%-3s %016llx%s", i % 4 ? " " : "#     ", names[i],
		       (unsigned long long)t->out.gpr[i], i % 4 == 3 ? "\n" : "");
}

static void print_bytes(const struct tcase *t)
{
	unsigned int i;

	printf("#   bytes");
	for (i = 0; i < 15; i++)
		printf(" %02x", t->bytes[i]);
	printf("\n");
}

static void report(const struct expectation *e, const struct tcase *cpu, const char *what)
{
	static const char *const places[] = { "64-bit", "32-bit", "32-bit, segments", "16-bit" };
	const struct tcase *t = &e->t;
	struct tcase before = *t;
	unsigned int i;

	differences[e->leaf]++;
	if (failures++ >= 20 && !verbose)
		return;
	printf("# case %llu: %s: %s differs (%s); again: make test-emulator SEED=%#llx CASE=%llu\n",
	       (unsigned long long)e->index, leaf_name(&leaves[e->leaf]), what,
	       places[t->place], (unsigned long long)cases.seed, (unsigned long long)e->index);
	print_bytes(t);
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

/* The kernel emulated what UMIP forbids: with a result, or with the fault of its own store. */
static const char *kernel_difference(const struct expectation *e, const struct tcase *cpu)
{
	u64 after = cpu->out.rip - e->t.in.rip - e->insn.len;

	/* With the NOP behind it or without. */
	if (cpu->vector == COMPLETED ? after > 1 : cpu->out.rip != e->t.in.rip)
		return "rip";
	return NULL;
}

/* On its way back to CPL 3 the kernel makes every null selector 0. */
static u16 selector(u16 sel)
{
	return sel & ~3 ? sel : 0;
}

static const char *register_difference(const struct expectation *e, const struct tcase *cpu)
{
	const struct tcase *t = &e->t;
	const struct emu_desc *d = leaves[e->leaf].desc;
	u64 mask = ~0ull;
	unsigned int regs = t->place == PLACE_64 ? 16 : 8, i;

	/*
	 * A fault leaves POPA with some registers popped, and a fault or a count
	 * of zero the registers of string instructions with 32-bit addresses
	 * without their upper halves.
	 */
	if (t->vector != COMPLETED && d->exec == ex_popa)
		return NULL;
	/* Outside 64-bit mode there are no upper halves. */
	if (t->out.sel[X86_SEG_CS] != SEL_USER64)
		mask = 0xffffffff;
	if (d->flags & D_REP && (t->vector != COMPLETED || !(u32)t->in.gpr[RCX]))
		mask = 0xffffffff;
	for (i = 0; i < regs; i++) {
		u64 bits = e->free_regs >> i & 1 ? mask & ~e->free_bits : mask;

		if ((t->out.gpr[i] ^ cpu->out.gpr[i]) & bits)
			return "register";
	}
	for (i = 0; i < NR_SELS; i++)
		if (selector(t->out.sel[i]) != selector(cpu->out.sel[i]))
			return "segment register";
	if (mask == ~0ull && host.fsgsbase && !e->free_bases &&
	    (t->out.fs_base != cpu->out.fs_base || t->out.gs_base != cpu->out.gs_base))
		return "segment base";
	return NULL;
}

static const char *fpu_difference(const struct expectation *e, const struct tcase *cpu)
{
	const struct emu_fx *a = (const struct emu_fx *)e->t.out.fx;
	const struct emu_fx *b = (const struct emu_fx *)cpu->out.fx;

	/* A fault may leave MMX with the stack's top moved already. */
	if (e->t.vector != COMPLETED && leaves[e->leaf].desc->flags & D_MMX)
		return NULL;
	if (memcmp(a->st, b->st, sizeof(a->st)) || a->tags != b->tags)
		return "x87 register";
	if (a->cw != b->cw || a->sw != b->sw || a->mxcsr != b->mxcsr)
		return "x87 control";
	/* Other vendors save them only if an exception is pending. */
	if (!host.intel)
		return NULL;
	if (a->ip != b->ip || a->op != b->op || (a->dp != b->dp && !e->free_dp))
		return "x87 pointer";
	return NULL;
}

/* Of several reads, one is misaligned and another outside of the segment. */
static bool either_faults(const struct expectation *e, u8 a, u8 b)
{
	return e->any_order && ((a == VEC_AC && (b == VEC_SS || b == VEC_GP)) ||
				(b == VEC_AC && (a == VEC_SS || a == VEC_GP)));
}

static const char *difference(const struct expectation *e, const struct tcase *cpu)
{
	const struct tcase *t = &e->t;
	const char *what;

	if (e->vendor)
		return NULL;
	if (e->kernel)
		return kernel_difference(e, cpu);
	if (t->vector != cpu->vector && !either_faults(e, t->vector, cpu->vector))
		return "outcome";
	if (t->error != cpu->error)
		return "error code";
	if (t->cr2 != cpu->cr2 && !(e->any_order && t->cr2 / 64 - cpu->cr2 / 64 + 1 <= 2))
		return "fault address";
	if (t->out.rip != cpu->out.rip)
		return "rip";
	what = register_difference(e, cpu);
	if (what)
		return what;
	if ((t->out.rflags ^ cpu->out.rflags) & e->flags_mask)
		return "flags";
	if (t->vector == COMPLETED && memcmp(t->win_out, cpu->win_out, WIN_BYTES))
		return "memory";
	if (t->vec && memcmp(t->out.vec, cpu->out.vec, sizeof(t->out.vec)))
		return "vector register";
	return t->vec ? fpu_difference(e, cpu) : NULL;
}

/* --- coverage ------------------------------------------------------------------ */

enum {
	SEEN_OP2 = 1 << 0, SEEN_OP4 = 1 << 1, SEEN_OP8 = 1 << 2, SEEN_AD2 = 1 << 3,
	SEEN_AD4 = 1 << 4, SEEN_AD8 = 1 << 5, SEEN_MEM = 1 << 6, SEEN_REG = 1 << 7,
	SEEN_SEG = 1 << 8, SEEN_LOCK = 1 << 9, SEEN_F2 = 1 << 10, SEEN_F3 = 1 << 11,
	SEEN_REX = 1 << 12, SEEN_LEGACY = 1 << 13, SEEN_VEX = 1 << 14, SEEN_VEX_L = 1 << 15,
};

static u32 seen_in(const struct expectation *e)
{
	const struct emu_insn *in = &e->insn;
	u32 seen = (in->op_bytes / 2 ? in->op_bytes == 8 ? SEEN_OP8 : in->op_bytes / 2 : 0) |
		   (in->ad_bytes == 8 ? SEEN_AD8 : in->ad_bytes == 4 ? SEEN_AD4 : SEEN_AD2);

	if (in->has_modrm)
		seen |= in->modrm < 0xc0 ? SEEN_MEM : SEEN_REG;
	seen |= (in->seg_override >= 0 ? SEEN_SEG : 0) | (in->lock ? SEEN_LOCK : 0) |
		(in->rep == 0xf2 ? SEEN_F2 : 0) | (in->rep == 0xf3 ? SEEN_F3 : 0) |
		(in->rex ? SEEN_REX : 0);
	return seen | (in->vex ? SEEN_VEX : SEEN_LEGACY) | (in->vex_l ? SEEN_VEX_L : 0);
}

/* What every entry is to be met with, given the modes that have it. */
static u32 wanted(const struct leaf *l)
{
	u32 f = l->desc->flags, want = SEEN_SEG | SEEN_LEGACY;

	want |= f & D_ONLY64 ? 0 : SEEN_AD2 | SEEN_OP2;
	want |= f & D_NO64 ? 0 : SEEN_AD8 | SEEN_OP8 | SEEN_REX;
	want |= SEEN_AD4 | SEEN_OP4;
	if (f & D_ONLY64 && f & D_F64)
		want &= ~SEEN_OP4;
	/* A register in BOUND, LDS and LES would be a vector prefix; MOVBE: see unspecified(). */
	if (leaf_has_modrm(l) && l->mod < 0)
		want |= SEEN_MEM | (f & D_NO64 && f & D_ADDR ? 0 : SEEN_REG);
	if (l->desc->exec == ex_movbe && l->pfx == 1)
		want &= ~SEEN_OP8;
	/* A mandatory 66h leaves the default's other size to code of 16 bits. */
	if (!place_usable(PLACE_16) && l->pfx >= 0)
		want &= l->pfx == 1 ? ~SEEN_OP4 : ~SEEN_OP2;
	if (f & D_LOCK || only_locked(l->desc))
		want |= SEEN_LOCK;
	if (f & D_REP)
		want |= SEEN_F2 | SEEN_F3;
	if (l->vex > 0)
		want &= ~SEEN_LEGACY;
	if (f & D_VEX)
		want |= SEEN_VEX | (f & D_VEX0 ? 0 : SEEN_VEX_L);
	return want;
}

static void count(const struct expectation *e)
{
	struct leaf *l = &leaves[e->leaf];

	l->cases++;
	l->done += e->t.vector == COMPLETED;
	l->seen |= seen_in(e);
}

/* Prints entries without a case, and of all what was not met; are there any? */
static bool coverage(bool list, bool sizes)
{
	unsigned int without = 0, absent = 0, partly = 0, run = 0, least = ~0u, i;

	for (i = 0; i < nr_leaves; i++) {
		const struct leaf *l = &leaves[i];
		const char *lacks = missing_feature(l);
		u32 open = wanted(l) & ~l->seen;

		if (list)
			printf("# %-36s %6u cases, %6u without fault, %6u not usable\n",
			       leaf_name(l), l->cases, l->done, l->skipped);
		if (lacks) {
			printf("# not on this CPU: %s (%s)\n", leaf_name(l), lacks);
			absent++;
			continue;
		}
		if (!l->cases) {
			printf("# without a case: %s\n", leaf_name(l));
			without++;
			continue;
		}
		if (sizes && open) {
			printf("# not met in all forms: %s (%#x)\n", leaf_name(l), open);
			partly++;
		}
		run += l->cases;
		if (l->cases < least)
			least = l->cases;
	}
	printf("# %u table entries, %u cases, at least %u each; entries without a case: %u\n",
	       nr_leaves - absent, run, without ? 0 : least, without);
	return !without && !partly;
}

/* What CPL 3 only sees fault; what these do is compared in a guest. */
static void print_only_faults(void)
{
	unsigned int n = 0, i;

	for (i = 0; i < nr_leaves; i++) {
		const struct leaf *l = &leaves[i];

		if (!l->cases || l->done)
			continue;
		if (!n)
			printf("# always fault here:");
		printf("%s%s", n++ % 6 ? ", " : "\n#   ", leaf_name(l));
	}
	printf("%s", n ? "\n" : "");
}

/* --- running ------------------------------------------------------------------- */

static void compare_batch(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		const char *what = difference(&expected[i], &batch->c[i]);

		count(&expected[i]);
		if (what) {
			report(&expected[i], &batch->c[i], what);
		} else if (verbose) {
			print_bytes(&expected[i].t);
			dump("both", &expected[i].t);
		}
	}
}

static bool memory_strayed(void)
{
	const unsigned int w0 = WIN0 - DATA_BASE, after = w0 + WIN0_BYTES, w1 = WIN1 - DATA_BASE;

	return memcmp(native_data(), model_data, w0) ||
	       memcmp(native_data() + after, model_data + after, w1 - after);
}

/* Runs what has been collected; a child that died is replaced. */
static const char *flush(void)
{
	const char *why = NULL;

	if (!batch->n)
		return NULL;
	if (native_run(batch)) {
		compare_batch(batch->n);
		if (memory_strayed()) {
			printf("# memory elsewhere differs after the batch up to case %llu\n",
			       (unsigned long long)expected[batch->n - 1].index);
			failures++;
			memcpy(model_data, native_data(), DATA_BYTES);
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

static const char *run_cases(unsigned long *run)
{
	const char *why = NULL;
	u64 i;

	for (i = cases.first; i < cases.first + cases.nr && !why && restarts < 20; i++) {
		struct expectation *e = &expected[batch->n];

		if (!make_case(e, cases.seed, i)) {
			leaves[i % nr_leaves].skipped++;
			continue;
		}
		if (strict)
			e->flags_mask |= e->undefined;
		batch->c[batch->n] = e->t;
		++*run;
		if (++batch->n == BATCH)
			why = flush();
	}
	return why ? why : flush();
}

static void print_differences(void)
{
	unsigned int i;

	for (i = 0; i < nr_leaves; i++)
		if (differences[i])
			printf("# %u cases differ: %s\n", differences[i], leaf_name(&leaves[i]));
}

/* --- what this machine does not let us compare ------------------------------------ */

/* How many there are; with @print a skip for each. */
static unsigned int limits(bool print)
{
	const struct {
		bool here;
		const char *what, *why;
	} all[] = {
		{ !host.ldt, "16-bit code, limits and segments of other types",
		  "modify_ldt() makes nothing that loads on this machine" },
		{ !host.compat, "32-bit code", "this kernel has no code segment for it" },
		{ !host.fsgsbase, "bases of FS and GS", "FSGSBASE is not switched on here" },
		{ !host.avx, "AVX", "its registers are not switched on here" },
		{ host.umip, "results of SGDT, SIDT, SLDT, STR and SMSW",
		  "UMIP is on: the kernel answers" },
		{ !host.intel, "what is by the vendor (see above)", "no CPU of Intel's" },
	};
	unsigned int n = 0, i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		n += all[i].here;
		if (all[i].here && print)
			ktap_skip(all[i].what, all[i].why);
	}
	return n;
}

struct options {
	bool list, no_ldt;
};

static bool parse(struct options *o, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, CASE_OPTIONS "luL")) != -1) {
		if (opt == 'l')
			o->list = true;
		else if (opt == 'u')
			strict = true;
		else if (opt == 'L')
			o->no_ldt = true;
		else if (!case_option(&cases, opt, optarg))
			return false;
	}
	return true;
}

/* Why nothing can be run, or NULL. */
static const char *prepare(const struct options *o)
{
	struct rng r = { .state = 42 };
	const char *why;
	unsigned int i;
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);	/* CPUID answers for one CPU */
	find_host();
	find_leaves(false);
	for (i = 0; i < sizeof(model_data); i++)
		model_data[i] = rng_next(&r);
	for (i = 0; i < sizeof(model_ro); i++)
		model_ro[i] = rng_next(&r);
	batch = mmap(NULL, sizeof(*batch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (batch == MAP_FAILED)
		return "no memory";
	if (o->no_ldt && !native_without_ldt())
		return "no seccomp filter";
	why = native_start(batch, model_data, model_ro);
	system_init();
	return why;
}

/* Has anything run? */
static bool agree(const char *why)
{
	unsigned long run = 0;

	if (!why)
		why = run_cases(&run);
	if (!why)
		native_stop();
	print_differences();
	print_by_vendor();
	printf("# seed %#llx: %lu cases run, %lu differ\n", (unsigned long long)cases.seed, run,
	       failures);
	if (!run)
		printf("# not one case could be run: %s\n", why ? why : "none can be made");
	else if (why)
		printf("# stopped before the last case: %s\n", why);
	ktap_result(!why && !failures && run, "instructions agree with the CPU");
	return run;
}

int main(int argc, char **argv)
{
	struct options o = { };
	const char *why;
	bool ran;

	if (!parse(&o, argc, argv))
		return 2;
	why = prepare(&o);
	verbose = cases.only;
	ktap_start(verbose ? 1 : 2 + limits(false));
	ran = agree(why);
	if (!verbose) {
		if (ran)
			print_only_faults();
		if (o.list)
			print_undefined();
		ktap_result(ran && coverage(o.list, cases.nr >= 1000000),
			    "every table entry is reached");
		limits(true);
	}
	return ktap_end();
}
