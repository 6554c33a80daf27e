// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random instruction bytes in front of callbacks that answer anything: under
 * the sanitizers nothing is read or written out of bounds, the instruction
 * stays within 15 bytes, and the number of callbacks is bounded.
 *
 * emu_fuzz [-n CASES] [-s SEED] [-c CASE]
 * emu_fuzz -o DIR	writes an input for each table entry
 *
 * With -DGUIDED a target of libFuzzer and AFL++; its input is a seed of 8 bytes for
 * what the callbacks answer, and the instruction.
 */
#include <unistd.h>
#include "emu_test.h"

/* 4096 elements of a few callbacks each, and segments for all of them. */
#define MOST_CALLBACKS	100000u

struct hostile {
	struct rng r;
	unsigned int calls;
	unsigned int refusals;	/* callbacks in a hundred that do not answer EMU_OK */
	const char *broken;
};

static void note(struct hostile *h, const char *what)
{
	if (!h->broken)
		h->broken = what;
}

static struct rng *called(struct emu_ctxt *c)
{
	struct hostile *h = c->priv;

	if (++h->calls > MOST_CALLBACKS)
		note(h, "too many callbacks");
	return &h->r;
}

static enum emu_status any_status(struct emu_ctxt *c)
{
	struct rng *r = called(c);

	if (!rng_chance(r, ((struct hostile *)c->priv)->refusals))
		return EMU_OK;
	c->fault.vector = rng_below(r, 32);
	c->fault.error_code = rng_next(r);
	return 1 + rng_below(r, 4);
}

static void any_bytes(struct emu_ctxt *c, void *buf, unsigned int len)
{
	struct hostile *h = c->priv;
	u64 val = rng_edge(&h->r);
	u8 *p = buf;
	unsigned int i;

	for (i = 0; i < len; i++)
		p[i] = val >> (i % 8 * 8);
}

static volatile u8 sink;

/* Reads all that the emulator says is there. */
static void look_at(const void *buf, unsigned int len)
{
	const u8 *p = buf;

	while (len--)
		sink ^= *p++;
}

static enum emu_status do_fetch(struct emu_ctxt *c, u64 la, void *buf, unsigned int len)
{
	struct hostile *h = c->priv;

	if (!len || len > EMU_MAX_INSN || la / 4096 != (la + len - 1) / 4096)
		note(h, "fetch of a bad length");
	any_bytes(c, buf, len);
	return any_status(c);
}

static enum emu_status do_read(struct emu_ctxt *c, u64 la, void *buf, unsigned int len, u32 acc)
{
	if (!len || len > 64)
		note(c->priv, "read of a bad length");
	any_bytes(c, buf, len);
	return any_status(c);
}

static enum emu_status do_write(struct emu_ctxt *c, u64 la, const void *buf, unsigned int len,
				u32 acc)
{
	if (!len || len > 64)
		note(c->priv, "write of a bad length");
	look_at(buf, len);
	return any_status(c);
}

static enum emu_status do_cmpxchg(struct emu_ctxt *c, u64 la, const void *old, const void *new,
				  unsigned int len)
{
	if (len != 1 && len != 2 && len != 4 && len != 8 && len != 16)
		note(c->priv, "cmpxchg of a bad length");
	look_at(old, len);
	look_at(new, len);
	return any_status(c);
}

static enum emu_status do_probe(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc)
{
	if (!len || len > 4096 || la / 4096 != (la + len - 1) / 4096)
		note(c->priv, "probe of a bad length");
	c->probed_device = rng_chance(&((struct hostile *)c->priv)->r, 30);
	return any_status(c);
}

static enum emu_status do_in(struct emu_ctxt *c, u16 port, unsigned int size, void *buf,
			     unsigned int count)
{
	if ((size != 1 && size != 2 && size != 4) || !count || size * count > 4096)
		note(c->priv, "port input of a bad length");
	any_bytes(c, buf, size * count);
	return any_status(c);
}

static enum emu_status do_out(struct emu_ctxt *c, u16 port, unsigned int size, const void *buf,
			      unsigned int count)
{
	if ((size != 1 && size != 2 && size != 4) || !count || size * count > 4096)
		note(c->priv, "port output of a bad length");
	look_at(buf, size * count);
	return any_status(c);
}

static void get_segment(struct emu_ctxt *c, enum x86_seg seg, struct x86_segment *s)
{
	struct rng *r = called(c);

	if (seg >= X86_NR_SEGS)
		note(c->priv, "no such segment");
	memset(s, 0, sizeof(*s));
	s->selector = rng_next(r);
	s->type = rng_below(r, 16);
	s->dpl = rng_below(r, 4);
	s->s = rng_chance(r, 90);
	s->present = rng_chance(r, 90);
	s->l = rng_chance(r, 50);
	s->db = rng_chance(r, 50);
	s->unusable = rng_chance(r, 5);
	s->limit = rng_chance(r, 60) ? 0xffffffff : rng_edge(r);
	s->base = rng_chance(r, 60) ? 0 : rng_edge(r);
	if (seg == X86_SEG_TR && rng_chance(r, 80))
		s->type = 11;
}

static void set_segment(struct emu_ctxt *c, enum x86_seg seg, const struct x86_segment *s)
{
	called(c);
	if (seg >= X86_NR_SEGS)
		note(c->priv, "no such segment");
	look_at(s, sizeof(*s));
}

static void get_table(struct emu_ctxt *c, struct x86_table *t)
{
	t->base = rng_edge(called(c));
	t->limit = rng_chance(called(c), 80) ? 0xffff : rng_next(called(c));
}

static void set_table(struct emu_ctxt *c, const struct x86_table *t)
{
	called(c);
}

static u64 get_cr(struct emu_ctxt *c, int cr)
{
	if (cr != 0 && cr != 2 && cr != 3 && cr != 4 && cr != 8)
		note(c->priv, "no such control register");
	return rng_chance(called(c), 60) ? CR4_OSFXSR | CR4_OSXSAVE | CR0_PE : rng_next(called(c));
}

static enum emu_status set_cr(struct emu_ctxt *c, int cr, u64 val)
{
	if (cr != 0 && cr != 2 && cr != 3 && cr != 4 && cr != 8)
		note(c->priv, "no such control register");
	return any_status(c);
}

static u64 get_dr(struct emu_ctxt *c, int dr)
{
	if (dr < 0 || dr > 7 || dr == 4 || dr == 5)
		note(c->priv, "no such debug register");
	return rng_edge(called(c));
}

static enum emu_status set_dr(struct emu_ctxt *c, int dr, u64 val)
{
	get_dr(c, dr);
	return any_status(c);
}

static enum emu_status get_msr(struct emu_ctxt *c, u32 msr, u64 *val)
{
	*val = rng_edge(called(c));
	return any_status(c);
}

static enum emu_status set_msr(struct emu_ctxt *c, u32 msr, u64 val)
{
	return any_status(c);
}

static u64 get_efer(struct emu_ctxt *c)
{
	return rng_next(called(c));
}

static u64 get_xcr(struct emu_ctxt *c, u32 index)
{
	return rng_chance(called(c), 80) ? 7 : rng_next(called(c));
}

static u64 rdtsc(struct emu_ctxt *c, u32 *aux)
{
	*aux = 0;
	return rng_next(called(c));
}

static void cpuid(struct emu_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	*eax = rng_next(called(c));
}

static enum emu_status invlpg(struct emu_ctxt *c, u64 la)
{
	return any_status(c);
}

static void get_vec(struct emu_ctxt *c, int reg, void *buf, unsigned int len)
{
	if (reg < 0 || reg > 15 || (len != 8 && len != 16 && len != 32))
		note(c->priv, "no such vector register");
	any_bytes(c, buf, len);
}

static void set_vec(struct emu_ctxt *c, int reg, const void *buf, unsigned int len)
{
	if (reg < 0 || reg > 15 || (len != 8 && len != 16 && len != 32))
		note(c->priv, "no such vector register");
	look_at(buf, len);
}

static void fxsave(struct emu_ctxt *c, struct emu_fx *fx, bool wide)
{
	any_bytes(c, fx, sizeof(*fx));
	any_bytes(c, &fx->st[0], sizeof(fx->st[0]));
	fx->mxcsr &= 0xffff;
	/* Mostly without a pending exception. */
	if (rng_chance(called(c), 80))
		fx->sw &= 0x7f7f;
}

static void fxrstor(struct emu_ctxt *c, const struct emu_fx *fx, bool wide)
{
	called(c);
	if (fx->mxcsr >> 16)
		note(c->priv, "reserved bits of MXCSR");
	look_at(fx, sizeof(*fx));
}

static const struct emu_ops ops = {
	.fetch = do_fetch, .read = do_read, .write = do_write, .cmpxchg = do_cmpxchg,
	.probe = do_probe, .pio_in = do_in, .pio_out = do_out,
	.get_segment = get_segment, .set_segment = set_segment,
	.get_gdt = get_table, .set_gdt = set_table, .get_idt = get_table, .set_idt = set_table,
	.get_cr = get_cr, .set_cr = set_cr, .get_dr = get_dr, .set_dr = set_dr,
	.get_msr = get_msr, .set_msr = set_msr, .get_efer = get_efer, .get_xcr = get_xcr,
	.set_xcr = set_msr, .rdpmc = get_msr, .rdtsc = rdtsc, .cpuid = cpuid,
	.halt = any_status, .invlpg = invlpg, .wbinvd = any_status, .hypercall = any_status,
	.get_vec = get_vec, .set_vec = set_vec, .fxsave = fxsave, .fxrstor = fxrstor,
	.cpu_has = this_cpu_has,
};

/* Nothing of this changes but by an instruction that succeeds. */
static bool same_registers(const struct emu_ctxt *a, const struct emu_ctxt *b)
{
	return !memcmp(a->gpr, b->gpr, sizeof(a->gpr)) && a->rip == b->rip &&
	       a->rflags == b->rflags && a->mode == b->mode && a->cpl == b->cpl;
}

/* Checks what holds for any outcome. */
static void check_outcome(struct hostile *h, const struct emu_ctxt *c,
			  const struct emu_ctxt *before, enum emu_status st)
{
	if (c->ops != before->ops || c->priv != before->priv ||
	    c->long_mode_active != before->long_mode_active)
		note(h, "what is the caller's changed");
	if (c->cpl > 3 || c->mode > EMU_MODE_PROT64)
		note(h, "a mode that is none");
	if ((unsigned int)st > EMU_FAIL)
		note(h, "a status that is none");
	if (c->insn.len > EMU_MAX_INSN || c->insn.fetched > EMU_MAX_INSN)
		note(h, "more than 15 bytes");
	if (st != EMU_OK && !same_registers(c, before))
		note(h, "registers changed without success");
	if (c->more && st != EMU_OK)
		note(h, "more of what failed");
}

static void set_up(struct hostile *h, struct emu_ctxt *c)
{
	unsigned int i;

	h->refusals = rng_below(&h->r, 3) * 3;
	c->mode = rng_below(&h->r, 5);
	c->long_mode_active = c->mode == EMU_MODE_PROT64 ||
			      (c->mode >= EMU_MODE_PROT16 && rng_chance(&h->r, 30));
	c->cpl = c->mode == EMU_MODE_REAL ? 0 : c->mode == EMU_MODE_VM86 ? 3 : rng_below(&h->r, 4);
	for (i = 0; i < 16; i++)
		c->gpr[i] = rng_edge(&h->r);
	c->rip = rng_edge(&h->r);
	c->rflags = rng_next(&h->r) & 0x3f7fd5;
}

/* Decodes, executes, and goes on with a REP; perhaps decodes the same again. */
static void decode_and_execute(struct hostile *h, struct emu_ctxt *c, const u8 *bytes,
			       unsigned int len)
{
	struct emu_ctxt before = *c;
	enum emu_status st;
	unsigned int i;

	st = emu_decode(c, bytes, len);
	check_outcome(h, c, &before, st);
	if (st == EMU_OK && !same_registers(c, &before))
		note(h, "decoding changed registers");
	for (i = 0; i < 3 && st == EMU_OK; i++) {
		before = *c;
		h->calls = 0;
		st = emu_execute(c);
		check_outcome(h, c, &before, st);
		if (!c->more)
			break;
		if (rng_chance(&h->r, 50))
			st = emu_decode(c, bytes, len);
	}
}

/* One run from @seed; @bytes (at most 15) are given to the decoder, the rest it fetches. */
static const char *run(u64 seed, const u8 *bytes, unsigned int len)
{
	struct hostile h = { .r = { .state = seed } };
	struct emu_ctxt c = { .ops = &ops, .priv = &h };
	u8 *exact = NULL;

	set_up(&h, &c);
	if (rng_chance(&h.r, 10)) {
		emu_task_switch(&c, rng_next(&h.r), 3, rng_below(&h.r, 4),
				rng_chance(&h.r, 50), 0);
		return h.broken;
	}
	if (c.mode == EMU_MODE_REAL && rng_chance(&h.r, 5))
		emu_inject_real(&c, rng_next(&h.r), rng_next(&h.r));
	/* A buffer of its own, so that the sanitizer sees its end. */
	if (len) {
		exact = malloc(len);
		memcpy(exact, bytes, len);
	}
	decode_and_execute(&h, &c, exact, len);
	if (rng_chance(&h.r, 10))
		decode_and_execute(&h, &c, exact, len);
	free(exact);
	return h.broken;
}

#ifdef GUIDED
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const char *broken;
	u64 seed = 0;

	if (size < 8)
		return 0;
	memcpy(&seed, data, 8);
	broken = run(seed, data + 8, size - 8 < 15 ? size - 8 : 15);
	if (broken) {
		fprintf(stderr, "emu_fuzz: %s\n", broken);
		abort();
	}
	return 0;
}
#else
/* The opcode of @l, at @i; returns where it ends. */
static unsigned int put_opcode(u8 *bytes, unsigned int i, const struct leaf *l)
{
	if (l->map)
		bytes[i++] = 0x0f;
	if (l->map > 1)
		bytes[i++] = l->map == 2 ? 0x38 : 0x3a;
	bytes[i++] = l->opcode;
	if (l->reg >= 0)
		bytes[i] = (bytes[i] & 0xc7) | l->reg << 3;
	return i;
}

/* Most cases begin as an instruction of the tables. */
static const char *run_case(u64 seed, u64 index)
{
	struct rng r = { .state = seed ^ index * 0xd1342543de82ef95ull };
	unsigned int len = rng_below(&r, 16), i;
	u8 bytes[64] = { 0 };

	for (i = 0; i < 32; i++)
		bytes[i] = rng_next(&r);
	if (rng_chance(&r, 60)) {
		static const u8 start[] = { 0x0f, 0x0f, 0xf3, 0x66, 0xc5, 0xc4, 0x48, 0xf0 };
		struct leaf *l = &leaves[rng_below(&r, nr_leaves)];

		if (rng_chance(&r, 30))
			bytes[0] = start[rng_below(&r, 8)];
		put_opcode(bytes, rng_chance(&r, 30), l);
	}
	return run(rng_next(&r), bytes, len);
}

/* A file for each entry of the tables: seed, prefix, opcode, and bytes that may follow. */
static int write_corpus(const char *dir)
{
	static const u8 prefix[] = { 0, 0x66, 0xf3, 0xf2 };
	char name[4096];
	unsigned int i;

	for (i = 0; i < nr_leaves; i++) {
		const struct leaf *l = &leaves[i];
		u8 bytes[23] = { i, i >> 8 };
		bool prefixed = l->pfx > 0;
		FILE *f;

		bytes[8] = prefixed ? prefix[l->pfx] : 0;
		put_opcode(bytes, 8 + prefixed, l);
		snprintf(name, sizeof(name), "%s/%04u", dir, i);
		f = fopen(name, "w");
		if (!f || fwrite(bytes, sizeof(bytes), 1, f) != 1 || fclose(f)) {
			perror(name);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct cases cases = { .nr = 20000000, .seed = 1 };
	u64 i, nr = 0;
	const char *dir = NULL;
	const char *broken = NULL;
	int opt;

	while ((opt = getopt(argc, argv, CASE_OPTIONS "o:")) != -1) {
		if (opt == 'o')
			dir = optarg;
		else if (!case_option(&cases, opt, optarg))
			return 2;
	}
	find_leaves(true);
	if (dir)
		return write_corpus(dir);
	ktap_start(1);
	for (i = cases.first; i < cases.first + cases.nr && !broken; i++, nr++) {
		broken = run_case(cases.seed, i);
		if (broken)
			printf("# %s; again: emu_fuzz -s %llu -c %llu\n", broken,
			       (unsigned long long)cases.seed, (unsigned long long)i);
	}
	printf("# seed %llu: %llu cases\n", (unsigned long long)cases.seed,
	       (unsigned long long)nr);
	ktap_result(!broken, "random bytes and hostile callbacks");
	return ktap_end();
}
#endif
