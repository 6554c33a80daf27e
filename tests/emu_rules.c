// SPDX-License-Identifier: GPL-2.0-only
/*
 * What cannot be compared, and why: instructions that this CPU lacks, results
 * that the SDM leaves undefined, and what depends on more than the instruction.
 */
#include "emu_case.h"

/* Is @word one of the words of @list? */
static bool among(const char *list, const char *word)
{
	size_t n = strlen(word);
	const char *p = list;

	while ((p = strstr(p, word))) {
		if ((p == list || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
		p += n;
	}
	return false;
}

/* --- instructions that are not on every CPU ------------------------------------ */

enum { R_EAX, R_EBX, R_ECX, R_EDX };

struct feature {
	const char *name, *insns;
	u32 leaf, subleaf;
	u8 reg, bit;
};

static const struct feature features[] = {
	{ "CLFSH", "clflush", 1, 0, R_EDX, 19 },
	{ "CLFLUSHOPT", "clflushopt", 7, 0, R_EBX, 23 },
	{ "CLWB", "clwb", 7, 0, R_EBX, 24 },
	{ "MOVBE", "movbe", 1, 0, R_ECX, 22 },
	{ "POPCNT", "popcnt", 1, 0, R_ECX, 23 },
	{ "BMI1", "tzcnt andn bextr blsi blsr blsmsk", 7, 0, R_EBX, 3 },
	{ "BMI2", "bzhi mulx pdep pext rorx sarx shlx shrx", 7, 0, R_EBX, 8 },
	{ "ADX", "adcx adox", 7, 0, R_EBX, 19 },
	{ "LZCNT", "lzcnt", 0x80000001, 0, R_ECX, 5 },
	{ "SSE3", "lddqu movddup movsldup movshdup fisttp", 1, 0, R_ECX, 0 },
	{ "SSE4.1", "movntdqa pextrb pextrd extractps pinsrb pinsrd insertps", 1, 0, R_ECX, 19 },
	{ "SSE4.1", "pmovsxbw pmovsxbd pmovsxbq pmovsxwd pmovsxwq pmovsxdq", 1, 0, R_ECX, 19 },
	{ "SSE4.1", "pmovzxbw pmovzxbd pmovzxbq pmovzxwd pmovzxwq pmovzxdq", 1, 0, R_ECX, 19 },
	{ "SSE4.2", "crc32", 1, 0, R_ECX, 20 },
	{ "AVX", "vbroadcastf128 vextractf128 vinsertf128", 1, 0, R_ECX, 28 },
	{ "AVX", "vmaskmovps vmaskmovpd vzeroupper", 1, 0, R_ECX, 28 },
	{ "AVX2", "vbroadcastss vbroadcastsd vbroadcasti128 vpmaskmov", 7, 0, R_EBX, 5 },
	{ "AVX2", "vpbroadcastb vpbroadcastw vpbroadcastd vpbroadcastq", 7, 0, R_EBX, 5 },
	{ "AVX2", "vextracti128 vinserti128", 7, 0, R_EBX, 5 },
	{ "RDTSCP", "rdtscp", 0x80000001, 0, R_EDX, 27 },
	{ "RDPID", "rdpid", 7, 0, R_ECX, 22 },
	{ "RDRAND", "rdrand", 1, 0, R_ECX, 30 },
	{ "RDSEED", "rdseed", 7, 0, R_EBX, 18 },
	{ "OSXSAVE", "xgetbv xsetbv xsave xrstor", 1, 0, R_ECX, 27 },
	{ "LAHF64", "lahf sahf", 0x80000001, 0, R_ECX, 0 },
	{ "SMAP", "clac stac", 7, 0, R_EBX, 20 },
};

static const struct feature
	avx2 = { "AVX2", "", 7, 0, R_EBX, 5 },
	cx16 = { "CX16", "", 1, 0, R_ECX, 13 },
	late_dp = { "FDP_EXCPTN_ONLY", "", 7, 0, R_EBX, 6 };

static bool has(const struct feature *f)
{
	u32 r[4];

	host_cpuid(f->leaf, f->subleaf, r);
	return r[f->reg] >> f->bit & 1;
}

/* The system may have left the registers of AVX switched off. */
static bool usable(const struct feature *f)
{
	return has(f) && (host.avx || strncmp(f->name, "AVX", 3));
}

const char *missing_feature(const struct leaf *l)
{
	/* Once: CPUID is slow under a hypervisor. */
	static const char *answer[MAX_LEAVES];
	unsigned int n = l - leaves, i;

	if (!answer[n]) {
		answer[n] = "";
		for (i = 0; i < ARRAY_SIZE(features); i++)
			if (among(features[i].insns, l->desc->name) && !usable(&features[i]))
				answer[n] = features[i].name;
	}
	return answer[n][0] ? answer[n] : NULL;
}

/* Forms of an instruction that need more than the others. */
bool lacks_encoding(const struct emu_ctxt *c)
{
	static s8 has_avx = -1, has_avx2, has_cx16;
	const struct emu_insn *in = &c->insn;
	const struct emu_desc *d = in->desc;

	if (has_avx < 0) {
		has_avx = host.avx;
		has_avx2 = usable(&avx2);
		has_cx16 = has(&cx16);
	}
	if (in->vex && d && d->flags & D_SSE && !has_avx)
		return true;
	if (in->vex && in->vex_l && !has_avx2)
		return true;
	return d && d->exec == ex_cmpxchg8b && in->rex & 8 && !has_cx16;
}

/* --- instructions that do not come back ------------------------------------------ */

/*
 * Why an instruction is run with LOCK in front, where it faults, and not
 * without; what it does is compared in a guest.
 */
const char *only_locked(const struct emu_desc *d)
{
	if (among("syscall sysenter", d->name))
		return "a system call";
	if (among("vmcall vmmcall", d->name))
		return "a hypercall if there is a hypervisor";
	if (host.rdpmc && among("rdpmc", d->name))
		return "programs may read performance counters here";
	if (among("rdrand rdseed", d->name))
		return "a random number";
	return NULL;
}

#define FSW_ES		0x80	/* an x87 exception is pending */

/* --- what depends on more than the instruction ------------------------------------- */

static bool wraps_flat_segment(const struct emu_ctxt *c, const struct tcase *t)
{
	return t->place != PLACE_64 && (t->vector == VEC_GP || t->vector == VEC_SS) &&
	       (c->insn.mem_off > 0xffffffc0 || (u32)t->in.gpr[RSI] > 0xffffffc0 ||
		(u32)t->in.gpr[RDI] > 0xffffffc0 ||
		(u32)(t->in.gpr[RBP] - 0x80) > 0xffffff40);
}

static bool is_memory(const struct emu_insn *in)
{
	return in->has_modrm && in->modrm < 0xc0;
}

/*
 * A locked access across two cache lines: the kernel may punish it with a delay, so
 * there are few of them.
 */
static bool splits_lock(const struct emu_insn *in, const struct tcase *t)
{
	const struct emu_desc *d = in->desc;
	bool locked = in->lock || d->flags & D_XLOCK;

	return locked && t->vector == COMPLETED && is_memory(in) &&
	       (in->mem_off & 63) > 56 && t->win_in[0];
}

static bool changes_width(const struct tcase *t)
{
	return (t->place == PLACE_64) != (t->out.sel[X86_SEG_CS] == SEL_USER64);
}

/* --- what is by the vendor ------------------------------------------------------------ */

/*
 * The emulator does what Intel's CPUs do, since kvmx runs on no others. Where the
 * manual of the other vendor (AMD64 Architecture Programmer's Manual) says something
 * else, or its CPUs were seen to do something else, a case is run there and not
 * compared.
 */

/* Faults of far transfers: which of the checks comes first, with what error code. */
static bool far_fault(const struct emu_insn *in, const struct emu_desc *d,
		      const struct tcase *t)
{
	u64 at = t->in.gpr[RSP] % 4096;

	if (d->exec == ex_callf || d->exec == ex_jmpf)
		return t->vector != COMPLETED;
	/* The outer stack pointer may be read as well. */
	return (d->exec == ex_retf || d->exec == ex_iret) &&
	       (t->vector != COMPLETED || at + 5 * in->op_bytes + (u16)in->imm > 4096);
}

static bool vector_misaligned(const struct emu_insn *in, const struct emu_desc *d,
			      const struct tcase *t)
{
	return t->in.rflags & FL_AC && d->flags & D_SSE &&
	       is_memory(in);
}

static bool vector_order(const struct emu_insn *in, const struct emu_desc *d,
			 const struct tcase *t)
{
	return t->vector != COMPLETED && (d->exec == ex_fxsave || d->exec == ex_fxrstor ||
					  d->exec == ex_maskmov || d->exec == ex_vmaskmov);
}

static bool fst_with_exception(const struct emu_insn *in, const struct emu_desc *d,
			       const struct tcase *t)
{
	return d->exec == ex_fst &&
	       ((const struct emu_fx *)t->out.fx)->sw & FSW_ES;
}

static bool push_of_segment(const struct emu_insn *in, const struct emu_desc *d,
			    const struct tcase *t)
{
	return d->exec == ex_push_seg && in->op_bytes > 2;
}

/* Where it matters that more than a selector is read. */
static bool pop_of_segment(const struct emu_insn *in, const struct emu_desc *d,
			   const struct tcase *t)
{
	return d->exec == ex_pop_seg && in->op_bytes > 2 &&
	       (t->vector != COMPLETED || t->in.rflags & FL_AC ||
		t->in.gpr[RSP] % 4096 + in->op_bytes > 4096);
}

static bool register_of_prefetch(const struct emu_insn *in, const struct emu_desc *d,
				 const struct tcase *t)
{
	return !strcmp(d->name, "prefetchw") &&
	       in->modrm >= 0xc0;
}

static bool two_faults(const struct emu_insn *in, const struct emu_desc *d,
		       const struct tcase *t)
{
	emu_exec_fn f = d->exec;

	return t->vector != COMPLETED && (f == ex_cmps || f == ex_bound);
}

static bool short_movsxd(const struct emu_insn *in, const struct emu_desc *d,
			 const struct tcase *t)
{
	return !strcmp(d->name, "movsxd") &&
	       in->op_bytes == 2 && is_memory(in);
}

static bool vex_w_outside_64(const struct emu_insn *in, const struct emu_desc *d,
			     const struct tcase *t)
{
	emu_exec_fn f = d->exec;

	return in->vex && t->place != PLACE_64 && (f == ex_pextr || f == ex_pinsr);
}

static bool locked_system(const struct emu_insn *in, const struct emu_desc *d,
			  const struct tcase *t)
{
	emu_exec_fn f = d->exec;

	return in->lock && (f == ex_mov_to_cr || f == ex_mov_from_cr || f == ex_verr);
}

static bool repeated_loop(const struct emu_insn *in, const struct emu_desc *d,
			  const struct tcase *t)
{
	return d->exec == ex_loop && in->rep;
}

static bool pause_with_rex(const struct emu_insn *in, const struct emu_desc *d,
			   const struct tcase *t)
{
	return in->opcode == 0x90 && in->rex & 1 && in->rep == 0xf3;
}

static bool int1(const struct emu_insn *in, const struct emu_desc *d,
		 const struct tcase *t)
{
	return d->exec == ex_int1;
}

static bool width_changed(const struct emu_insn *in, const struct emu_desc *d,
			  const struct tcase *t)
{
	return changes_width(t);
}

static bool size_in_64(const struct emu_insn *in, const struct emu_desc *d,
		       const struct tcase *t)
{
	if (t->place != PLACE_64)
		return false;
	if (d->flags & D_F64 && in->opsize_prefix)
		return true;
	return in->rex & 8 && (d->exec == ex_lds || d->exec == ex_jmpf || d->exec == ex_callf);
}

static const struct {
	bool (*is)(const struct emu_insn *in, const struct emu_desc *d, const struct tcase *t);
	const char *apm;
} vendor_rules[] = {
	{ far_fault, "far transfers: the order of their checks is the implementation's" },
	{ vector_misaligned, "alignment checking sees every unaligned reference, MOVDQU's too" },
	{ vector_order, "FXSAVE, FXRSTOR, MASKMOVQ and VMASKMOV look at memory in another order" },
	{ fst_with_exception, "an FST with an unmasked exception looks at its operand in memory" },
	{ push_of_segment, "PUSH of a segment register zero-extends it to the operand size" },
	{ pop_of_segment, "POP of a segment register reads as many bytes as the operand size" },
	{ register_of_prefetch, "PREFETCHW is #UD with a register operand" },
	{ two_faults, "CMPS and BOUND: which of two words is read first, and whether both are" },
	{ short_movsxd, "MOVSXD with 66h reads 32 bits" },
	{ vex_w_outside_64, "PEXTRD and PINSRD with VEX.W = 1 are #UD outside 64-bit mode" },
	{ locked_system, "LOCK MOV CR0 is MOV CR8; LOCK VERR and VERW are not #UD" },
	{ repeated_loop, "repeat prefixes with LOOPcc are reserved" },
	{ pause_with_rex, "90h with REX.B is XCHG r8, rAX, with F3h in front as well" },
	{ int1, "the #DB of INT1 is intercepted before the instruction ends, under a hypervisor" },
	{ width_changed, "the stack of far transfers between compatibility and 64-bit mode" },
	{ size_in_64, "in 64-bit mode, branches obey 66h, and far pointers have no 64-bit offset" },
};

static unsigned int vendor_cases[ARRAY_SIZE(vendor_rules)];

bool by_vendor(const struct emu_ctxt *c, const struct tcase *t)
{
	const struct emu_desc *d = c->insn.desc;
	unsigned int i;

	for (i = 0; !host.intel && d && i < ARRAY_SIZE(vendor_rules); i++) {
		if (vendor_rules[i].is(&c->insn, d, t)) {
			vendor_cases[i]++;
			return true;
		}
	}
	return false;
}

void print_by_vendor(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vendor_rules); i++)
		if (vendor_cases[i])
			printf("# by vendor, run and not compared: %u cases: %s\n",
			       vendor_cases[i], vendor_rules[i].apm);
}

/*
 * Linux on a CPU of another vendor takes a fault of compatibility mode above 4 GiB
 * for an old CPU's flaw and repeats the instruction, for ever.
 */
static bool linux_repeats(const struct emu_insn *in, const struct tcase *t)
{
	const struct emu_desc *d = in->desc;

	return !host.intel && t->place != PLACE_64 &&
	       (t->vector != COMPLETED || changes_width(t)) &&
	       (d->exec == ex_callf || d->exec == ex_retf || d->exec == ex_iret);
}

/* --- what the SDM leaves open ------------------------------------------------------------ */

/*
 * What the SDM leaves to the implementation: an access that wraps at the end of
 * a segment of 4 GiB; #AC or #GP for a misaligned FXSAVE; a far return from
 * compatibility to 64-bit mode that releases 64 KiB and more. What CPUs do
 * differently from their description: MOVBE with both 66 and REX.W does not check
 * alignment, and minds an SS override.
 */
bool unspecified(const struct emu_ctxt *c, const struct tcase *t)
{
	const struct emu_insn *in = &c->insn;
	const struct emu_desc *d = in->desc;

	if (wraps_flat_segment(c, t))
		return true;
	/* How much of what is undefined because of VEX, or behind it, is fetched before. */
	if (!d)
		return (in->vex || in->opcode == 0xc4 || in->opcode == 0xc5) &&
		       (t->code + EMU_MAX_INSN > CODE_BASE + CODE_BYTES ||
			t->place == PLACE_32_SEGS);
	if (splits_lock(in, t))
		return true;
	if (t->in.rflags & FL_AC && (t->vector == VEC_GP || t->vector == VEC_AC) &&
	    (d->exec == ex_fxsave || d->exec == ex_fxrstor))
		return true;
	if (d->exec == ex_movbe && in->opsize_prefix && in->rex & 8)
		return true;
	/* A system call after all. */
	if ((d->exec == ex_int && in->imm == 0x80) || (only_locked(d) && !in->lock))
		return true;
	if (linux_repeats(in, t))
		return true;
	return changes_width(t) && d->exec == ex_retf && in->imm > 0xfff0;
}

/* --- what the SDM calls undefined ---------------------------------------------------- */

/*
 * The emulator has the CPU in use do what leaves something undefined, so that is compared.
 * Here is what it cannot do so: the decimal adjustments are no instructions of 64-bit code,
 * and LAR answers from a descriptor table.
 */
#define LIMIT_BITS	0x000f0000ull

static const struct {
	const char *insns;
	u64 flags, result;
	const char *sdm;
} undefined[] = {
	{ "daa das", FL_OF, 0, "the OF flag is undefined" },
	{ "aaa aas", FL_OF | FL_SF | FL_ZF | FL_PF, 0,
	  "the OF, SF, ZF, and PF flags are undefined" },
	{ "aam aad", FL_OF | FL_AF | FL_CF, 0, "the OF, AF, and CF flags are undefined" },
	{ "lar", 0, LIMIT_BITS, "bits 19:16 of the result (the limit's) are undefined" },
};

static bool sets_dp_late(void)
{
	static s8 late = -1;

	if (late < 0)
		late = has(&late_dp);
	return late;
}

/* What is not compared of a case that the emulator has run. */
void undefined_results(const struct emu_ctxt *c, struct expectation *e)
{
	const struct emu_insn *in = &c->insn;
	const struct emu_desc *d = in->desc;
	unsigned int i;

	if (!d)
		return;
	e->kernel = d->flags & D_UMIP && host.umip && e->t.vector == VEC_GP && !e->t.error;
	e->any_order = d->exec == ex_retf || d->exec == ex_iret || d->exec == ex_lds ||
		       d->exec == ex_jmpf || d->exec == ex_callf ||
		       (d->exec == ex_vmaskmov && d->flags & D_W0);
	if (e->t.vector != COMPLETED)
		return;
	for (i = 0; i < ARRAY_SIZE(undefined); i++) {
		if (!among(undefined[i].insns, d->name))
			continue;
		e->undefined = undefined[i].flags;
		if (undefined[i].result)
			e->free_regs |= 1u << (((in->modrm >> 3) & 7) | (in->rex & 4) << 1);
		e->free_bits = undefined[i].result;
	}
	e->flags_mask &= ~e->undefined;
	if (d->exec == ex_rdtsc) {
		e->free_regs |= 1 << RAX | 1 << RDX;
		e->free_bits = 0xffffffff;
	}
	/* Later CPUs set it only if an exception is not masked. */
	e->free_dp = d->flags & D_X87 && sets_dp_late() &&
		     !(((const struct emu_fx *)e->t.out.fx)->sw & FSW_ES);
	/* An iteration that is not the last: other vendors have set the flags by then. */
	if (!host.intel && (d->exec == ex_cmps || d->exec == ex_scas) &&
	    e->t.out.rip == e->t.in.rip)
		e->flags_mask &= ~FL_ARITH;
	/* Whether a null selector clears the base is up to the vendor. */
	e->free_bases = !host.intel || !host.fsgsbase;
}

void print_undefined(void)
{
	unsigned int i;

	printf("# not compared, in the words of the SDM:\n");
	for (i = 0; i < ARRAY_SIZE(undefined); i++)
		printf("#   %s: %s\n", undefined[i].insns, undefined[i].sdm);
}
