// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices: port I/O and memory that is not RAM, with accesses that have to be
 * waited for at every place.
 */
#include "emu_mach.h"

static bool in_and_out_of_each_size(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->wait = true;
	m->c.gpr[RAX] = 0xffffffffffffffff;
	m->c.gpr[RDX] = 0xffff03f8;
	m->port_next = 0x11;
	CHECK(EXEC(m, "\xec") == EMU_OK && m->c.gpr[RAX] == 0xffffffffffffff11);
	CHECK(EXEC(m, "\x66\xed") == EMU_OK && m->c.gpr[RAX] == 0xffffffffffff1312);
	CHECK(EXEC(m, "\xed") == EMU_OK && m->c.gpr[RAX] == 0x17161514);
	CHECK(EXEC(m, "\x48\xe5\x80") == EMU_OK && m->c.gpr[RAX] == 0x1b1a1918);
	CHECK(EXEC(m, "\xe6\xfe") == EMU_OK && EXEC(m, "\x66\xef") == EMU_OK);
	CHECK(EXEC(m, "\xef") == EMU_OK);
	CHECK(m->nr_done == 7 && m->waits == 7 && !m->broken);
	CHECK(m->done[0].addr == 0x3f8 && m->done[0].len == 1 && m->done[3].addr == 0x80);
	CHECK(m->done[4].kind == DEV_OUT && m->done[4].addr == 0xfe && m->done[4].data[0] == 0x18);
	CHECK(m->done[5].len == 2 && m->done[6].len == 4);
	return ok;
}

static bool ports_need_iopl_or_bitmap(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	enum emu_status st;
	bool ok = true;

	m->c.cpl = 3;
	st = EXEC(m, "\xe4\x60");
	CHECK(mach_fault(m, st, VEC_GP, 0));		/* no bitmap: its offset is too large */
	m->c.rflags |= FL_IOPL;
	CHECK(EXEC(m, "\xe4\x60") == EMU_OK);
	m->c.rflags &= ~FL_IOPL;
	mach_put(m, TSS_BASE + 102, 0x68, 2);
	memset(m->mem + TSS_BASE + 0x68, 0xff, 0x2001);
	m->mem[TSS_BASE + 0x68 + 0x60 / 8] = 0xfe;	/* port 60 */
	CHECK(EXEC(m, "\xe4\x60") == EMU_OK);
	st = EXEC(m, "\x66\xe5\x60");			/* 60 and 61 */
	CHECK(mach_fault(m, st, VEC_GP, 0));
	m->mem[TSS_BASE + 0x68 + 0x6f / 8] = 0x7f;
	m->mem[TSS_BASE + 0x69 + 0x6f / 8] = 0xf8;	/* 6f to 72, across bytes */
	CHECK(EXEC(m, "\xe5\x6f") == EMU_OK);
	m->seg[X86_SEG_TR].limit = 0x68 + 0x60 / 8;	/* the byte after must be in the limit */
	st = EXEC(m, "\xe4\x60");
	CHECK(mach_fault(m, st, VEC_GP, 0));
	st = EXEC(m, "\x6c");
	CHECK(mach_fault(m, st, VEC_GP, 0));
	CHECK(m->nr_done == 3);
	return ok;
}

static bool rep_ins_goes_in_batches(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	unsigned int calls, i;
	bool ok = true;

	m->wait = true;
	m->c.gpr[RCX] = 256;
	m->c.gpr[RDI] = DATA + 0xf00;
	m->c.gpr[RDX] = 0x1f0;
	CHECK(mach_finish(m, "\x66\xf3\x6d", 3, &calls) == EMU_OK && !m->broken);
	CHECK(m->c.gpr[RCX] == 0 && m->c.gpr[RDI] == DATA + 0x1100);
	CHECK(m->nr_done == 2 && calls == 2);		/* one to the end of the page */
	CHECK(m->done[0].len == 0x100 && m->done[1].len == 0x100);
	for (i = 0; i < 512; i++)
		CHECK(m->mem[DATA + 0xf00 + i] == (u8)i);
	return ok;
}

static bool rep_ins_loses_no_input(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	enum emu_status st;
	unsigned int calls;
	bool ok = true;

	m->c.gpr[RCX] = 4;
	m->c.gpr[RDI] = DATA + 0xffe;
	m->absent = DATA + 0x1000;
	st = mach_finish(m, "\x66\xf3\x6d", 3, &calls);
	CHECK(mach_fault(m, st, VEC_PF, 2) && m->c.fault.cr2 == DATA + 0x1000);
	CHECK(m->nr_done == 1 && m->c.gpr[RCX] == 3 && m->c.gpr[RDI] == DATA + 0x1000);
	CHECK(m->port_next == 2);
	/* An element that crosses into the absent page. */
	m->c.gpr[RDI] = DATA + 0xfff;
	st = mach_finish(m, "\x66\xf3\x6d", 3, &calls);
	CHECK(mach_fault(m, st, VEC_PF, 2) && m->c.fault.cr2 == DATA + 0x1000);
	CHECK(m->port_next == 2);
	return ok;
}

static bool rep_outs_and_ins_downwards(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	unsigned int calls;
	bool ok = true;

	m->wait = true;
	strcpy((char *)m->mem + DATA, "hello");
	m->c.gpr[RCX] = 5;
	m->c.gpr[RSI] = DATA;
	m->c.gpr[RDX] = 0xe9;
	CHECK(mach_finish(m, "\xf3\x6e", 2, &calls) == EMU_OK && calls == 1 && !m->broken);
	CHECK(m->nr_done == 1 && m->done[0].len == 5 && !memcmp(m->done[0].data, "hello", 5));
	CHECK(m->c.gpr[RSI] == DATA + 5 && m->c.gpr[RCX] == 0);
	m->c.rflags |= FL_DF;
	m->c.gpr[RCX] = 3;
	m->c.gpr[RDI] = DATA + 8;
	m->nr_done = 0;
	CHECK(mach_finish(m, "\xf3\x6d", 2, &calls) == EMU_OK && calls == 3 && !m->broken);
	CHECK(m->nr_done == 3 && m->c.gpr[RDI] == DATA - 4);
	CHECK(mach_get(m, DATA + 8, 4) == 0x03020100 && mach_get(m, DATA + 4, 4) == 0x07060504);
	CHECK(mach_get(m, DATA, 4) == 0x0b0a0908);
	return ok;
}

static bool rep_stops_at_16_bit_wrap(void)
{
	struct mach *m = mach_new(EMU_MODE_REAL);
	unsigned int calls;
	bool ok = true;

	m->c.gpr[RCX] = 6;
	m->c.gpr[RDI] = 0xfffc;
	CHECK(mach_finish(m, "\xf3\x6d", 2, &calls) == EMU_OK);
	CHECK(m->c.gpr[RDI] == 8 && m->c.gpr[RCX] == 0);
	CHECK(mach_get(m, 0xfffc, 4) == 0x03020100 && mach_get(m, 0, 4) == 0x07060504);
	return ok;
}

/* RAM to device, device to RAM, device to device, all in the middle of things. */
static bool rep_movs_with_devices(void)
{
	static const u64 from[3] = { DATA, DEVICE_BASE, DEVICE_BASE };
	static const u64 to[3] = { DEVICE_BASE + 0x800, DATA + 0x800, DEVICE_BASE + 0x800 };
	static const unsigned int accesses[3] = { 8, 8, 16 };
	unsigned int calls, i, j;
	bool ok = true;

	for (i = 0; i < 3; i++) {
		struct mach *m = mach_new(EMU_MODE_PROT64);

		for (j = 0; j < 32; j++)
			m->mem[from[i] + j] = j + 1;
		m->wait = true;
		m->c.gpr[RCX] = 8;
		m->c.gpr[RSI] = from[i];
		m->c.gpr[RDI] = to[i];
		CHECK(mach_finish(m, "\xf3\xa5", 2, &calls) == EMU_OK && !m->broken);
		CHECK(m->nr_done == accesses[i] && m->waits == accesses[i]);
		CHECK(m->c.gpr[RCX] == 0 && m->c.gpr[RSI] == from[i] + 32);
		CHECK(!memcmp(m->mem + from[i], m->mem + to[i], 32));
	}
	return ok;
}

static bool rep_movs_stops_at_pages(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RCX] = 0x2000;
	m->c.gpr[RSI] = DATA + 0xff0;
	m->c.gpr[RDI] = DATA + 0x4100;
	CHECK(EXEC(m, "\xf3\xa4") == EMU_OK && m->c.more && m->c.rip == CODE);
	CHECK(m->c.gpr[RCX] == 0x2000 - 0x10);
	CHECK(EXEC(m, "\xf3\xa4") == EMU_OK && m->c.gpr[RDI] == DATA + 0x5000);
	m->c.rflags |= FL_TF;
	m->c.gpr[RCX] = 3;
	CHECK(EXEC(m, "\xf3\xa4") == EMU_OK && m->c.more && m->c.gpr[RCX] == 2);
	m->c.gpr[RCX] = 0;
	CHECK(EXEC(m, "\xf3\xa4") == EMU_OK && !m->c.more && m->c.rip == CODE + 2);
	return ok;
}

static bool rep_movs_faults_in_the_middle(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	enum emu_status st;
	bool ok = true;

	m->c.gpr[RCX] = 5;
	m->c.gpr[RSI] = DATA;
	m->c.gpr[RDI] = DATA + 0xff8;
	m->absent = DATA + 0x1000;
	CHECK(EXEC(m, "\xf3\xa5") == EMU_OK && m->c.more && m->c.gpr[RCX] == 3);
	st = EXEC(m, "\xf3\xa5");
	CHECK(mach_fault(m, st, VEC_PF, 2) && m->c.gpr[RCX] == 3 && m->c.rip == CODE);
	return ok;
}

static bool scas_and_cmps_end_by_flag(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	unsigned int calls;
	bool ok = true;

	strcpy((char *)m->mem + DATA, "string");
	m->c.gpr[RCX] = ~0u;
	m->c.gpr[RDI] = DATA;
	m->c.gpr[RAX] = 0;
	CHECK(mach_finish(m, "\xf2\xae", 2, &calls) == EMU_OK);
	CHECK(m->c.gpr[RDI] == DATA + 7 && m->c.rflags & FL_ZF);
	strcpy((char *)m->mem + DATA + 0x100, "strong");
	m->c.gpr[RCX] = 7;
	m->c.gpr[RSI] = DATA;
	m->c.gpr[RDI] = DATA + 0x100;
	CHECK(mach_finish(m, "\xf3\xa6", 2, &calls) == EMU_OK);
	CHECK(m->c.gpr[RCX] == 3 && !(m->c.rflags & FL_ZF) && m->c.rflags & FL_CF);
	return ok;
}

static bool locked_and_unlocked_writes(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RBX] = DATA;
	m->c.gpr[RAX] = 5;
	CHECK(EXEC(m, "\x01\x03") == EMU_OK && !m->cmpxchgs && m->write_reads == 1);
	CHECK(EXEC(m, "\xf0\x01\x03") == EMU_OK && m->cmpxchgs == 1 && m->write_reads == 2);
	CHECK(EXEC(m, "\x87\x03") == EMU_OK && m->cmpxchgs == 2);	/* xchg */
	CHECK(m->c.gpr[RAX] == 10 && mach_get(m, DATA, 8) == 5);
	CHECK(EXEC(m, "\xf0\x0f\xc7\x0b") == EMU_OK && m->cmpxchgs == 3);	/* cmpxchg8b */
	CHECK(!(m->c.rflags & FL_ZF) && m->c.gpr[RAX] == 5);
	CHECK(EXEC(m, "\xf0\x0f\xba\x2b\x07") == EMU_OK && m->cmpxchgs == 4);	/* bts */
	CHECK(mach_get(m, DATA, 1) == 0x85 && !m->broken);
	return ok;
}

/* An offset near the start of DATA, or the same in the device. */
static u64 pick_device(struct rng *r, const struct gen_target *t)
{
	return DEVICE_BASE + 0x1000 + (rng_below(r, 0x400) & ~15ull);
}

static void fill(struct mach *m, struct rng r)
{
	unsigned int i;

	for (i = 0; i < 0x2000; i++)
		m->mem[DEVICE_BASE + i] = rng_next(&r);
	for (i = 0; i < sizeof(m->vec); i++)
		m->vec[i / 32][i % 32] = rng_next(&r);
	for (i = 0; i < 8; i++)
		m->fx.st[i] = (struct emu_fx_reg){ .mant = rng_next(&r) | 1ull << 63,
						   .se = rng_next(&r) };
	m->fx.cw = 0x37f;
	m->fx.sw = rng_next(&r) & 0x7f00;
	m->fx.tags = rng_next(&r);
	m->fx.mxcsr = 0x1f80;
}

/* Runs instruction @bytes to its end; what it left is in @out. */
static enum emu_status run_on_device(const u8 *bytes, const struct gen_target *g, struct rng r,
				     bool wait, struct mach *out)
{
	struct mach *m = mach_new(g->is64 ? EMU_MODE_PROT64 : EMU_MODE_PROT32);
	enum emu_status st;
	unsigned int calls;

	fill(m, r);
	m->wait = wait;
	memcpy(m->c.gpr, g->gpr, sizeof(m->c.gpr));
	st = mach_finish(m, bytes, 15, &calls);
	*out = *m;
	return st;
}

/*
 * Every instruction that can use memory, with all its memory in a device: it
 * must not matter whether each access has to be waited for.
 */
static bool every_entry_restarts(void)
{
	static struct mach direct, waited;
	struct rng r = { .state = 1 };
	unsigned int i, n, with = 0;
	bool ok = true;

	for (i = 0; i < nr_leaves; i++) {
		for (n = 0; n < 20 && ok; n++) {
			struct gen_target g = { .is64 = n & 1, .rip = CODE, .pick = pick_device };
			enum emu_status st1, st2;
			u8 bytes[32];

			generate(&r, &leaves[i], &g, bytes);
			if (leaves[i].desc->flags & D_REP)
				g.gpr[RCX] &= 15;
			st1 = run_on_device(bytes, &g, r, false, &direct);
			st2 = run_on_device(bytes, &g, r, true, &waited);
			with += waited.waits != 0;
			CHECK(st1 == st2 && !waited.broken && !direct.broken);
			CHECK(!memcmp(direct.c.gpr, waited.c.gpr, sizeof(direct.c.gpr)));
			CHECK(direct.c.rip == waited.c.rip && direct.c.rflags == waited.c.rflags);
			CHECK(!memcmp(direct.vec, waited.vec, sizeof(direct.vec)));
			CHECK(!memcmp(&direct.fx, &waited.fx, sizeof(direct.fx)));
			CHECK(!memcmp(direct.mem + DATA, waited.mem + DATA, MACH_BYTES - DATA));
			CHECK(st1 != EMU_OK || direct.nr_done == waited.nr_done);
		}
		if (!ok) {
			printf("# %s\n", leaf_name(&leaves[i]));
			break;
		}
	}
	printf("# %u instructions waited for a device\n", with);
	CHECK(with > 1000);
	return ok;
}

void unit_io(void)
{
	RUN(in_and_out_of_each_size);
	RUN(ports_need_iopl_or_bitmap);
	RUN(rep_ins_goes_in_batches);
	RUN(rep_ins_loses_no_input);
	RUN(rep_outs_and_ins_downwards);
	RUN(rep_stops_at_16_bit_wrap);
	RUN(rep_movs_with_devices);
	RUN(rep_movs_stops_at_pages);
	RUN(rep_movs_faults_in_the_middle);
	RUN(scas_and_cmps_end_by_flag);
	RUN(locked_and_unlocked_writes);
	RUN(every_entry_restarts);
}
