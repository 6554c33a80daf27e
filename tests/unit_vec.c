// SPDX-License-Identifier: GPL-2.0-only
/*
 * Elements of vectors: which bytes of a device are touched, masks, faults halfway, and
 * what switches the registers off.
 */
#include "emu_mach.h"

struct code {
	unsigned int len;
	const char *bytes;
};

#define CODE_OF(s)	{ sizeof(s) - 1, s }

/* With RBX at a device, or at RAM; registers and memory filled with what tells places apart. */
static struct mach *machine(enum emu_mode mode, u64 rbx, bool wait)
{
	struct mach *m = mach_new(mode);
	unsigned int i;

	for (i = 0; i < sizeof(m->vec); i++)
		m->vec[i / 32][i % 32] = i;
	for (i = 0; i < 8; i++)
		m->fx.st[i].mant = 0x0706050403020100 + i * 0x1010101010101010;
	for (i = 0; i < 0x100; i++)
		m->mem[rbx + i] = ~i;
	m->c.gpr[RBX] = rbx;
	m->c.gpr[RDI] = rbx;
	m->wait = wait;
	return m;
}

/* Makes register @reg the mask @mask of elements of @size bytes. */
static void set_mask(struct mach *m, unsigned int reg, u32 mask, unsigned int size)
{
	unsigned int i;

	memset(m->vec[reg], 0x7f, 32);
	for (i = 0; i < 32 / size; i++)
		if (mask >> i & 1)
			m->vec[reg][(i + 1) * size - 1] = 0x80;
}

static bool devices_see_the_element_alone(void)
{
	static const struct {
		struct code code;
		u8 kind, len;
	} insns[] = {
		{ CODE_OF("\x66\x0f\x3a\x14\x0b\x05"), DEV_WRITE, 1 },		/* pextrb */
		{ CODE_OF("\x66\x0f\x3a\x15\x0b\x05"), DEV_WRITE, 2 },		/* pextrw */
		{ CODE_OF("\x66\x0f\x3a\x16\x0b\x05"), DEV_WRITE, 4 },		/* pextrd */
		{ CODE_OF("\x66\x48\x0f\x3a\x16\x0b\x05"), DEV_WRITE, 8 },	/* pextrq */
		{ CODE_OF("\x66\x0f\x3a\x17\x0b\x05"), DEV_WRITE, 4 },		/* extractps */
		{ CODE_OF("\xc4\xe3\x7d\x19\x0b\x01"), DEV_WRITE, 16 },	/* vextractf128 */
		{ CODE_OF("\xc4\xe3\x7d\x39\x0b\x01"), DEV_WRITE, 16 },	/* vextracti128 */
		{ CODE_OF("\x66\x0f\x3a\x20\x0b\x05"), DEV_READ, 1 },		/* pinsrb */
		{ CODE_OF("\x0f\xc4\x0b\x05"), DEV_READ, 2 },			/* pinsrw */
		{ CODE_OF("\x66\x0f\xc4\x0b\x05"), DEV_READ, 2 },
		{ CODE_OF("\x66\x0f\x3a\x22\x0b\x05"), DEV_READ, 4 },		/* pinsrd */
		{ CODE_OF("\x66\x48\x0f\x3a\x22\x0b\x05"), DEV_READ, 8 },	/* pinsrq */
		{ CODE_OF("\x66\x0f\x3a\x21\x0b\xf5"), DEV_READ, 4 },		/* insertps */
		{ CODE_OF("\xc4\xe3\x6d\x18\x0b\x01"), DEV_READ, 16 },		/* vinsertf128 */
		{ CODE_OF("\xc4\xe3\x6d\x38\x0b\x01"), DEV_READ, 16 },		/* vinserti128 */
		{ CODE_OF("\xf2\x0f\x12\x0b"), DEV_READ, 8 },			/* movddup */
		{ CODE_OF("\xc5\xff\x12\x0b"), DEV_READ, 32 },
		{ CODE_OF("\xf3\x0f\x12\x0b"), DEV_READ, 16 },			/* movsldup */
		{ CODE_OF("\xc5\xfe\x16\x0b"), DEV_READ, 32 },			/* movshdup */
		{ CODE_OF("\x66\x0f\x38\x20\x0b"), DEV_READ, 8 },		/* pmovsxbw */
		{ CODE_OF("\x66\x0f\x38\x21\x0b"), DEV_READ, 4 },		/* pmovsxbd */
		{ CODE_OF("\x66\x0f\x38\x32\x0b"), DEV_READ, 2 },		/* pmovzxbq */
		{ CODE_OF("\xc4\xe2\x7d\x32\x0b"), DEV_READ, 4 },
		{ CODE_OF("\xc4\xe2\x7d\x35\x0b"), DEV_READ, 16 },		/* pmovzxdq */
		{ CODE_OF("\xc4\xe2\x7d\x18\x0b"), DEV_READ, 4 },		/* vbroadcastss */
		{ CODE_OF("\xc4\xe2\x7d\x19\x0b"), DEV_READ, 8 },		/* vbroadcastsd */
		{ CODE_OF("\xc4\xe2\x7d\x5a\x0b"), DEV_READ, 16 },		/* vbroadcasti128 */
		{ CODE_OF("\xc4\xe2\x7d\x78\x0b"), DEV_READ, 1 },		/* vpbroadcastb */
		{ CODE_OF("\xc4\xe2\x79\x79\x0b"), DEV_READ, 2 },		/* vpbroadcastw */
	};
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(insns); i++) {
		struct mach *m = machine(EMU_MODE_PROT64, DEVICE_BASE, true);

		CHECK(mach_exec(m, insns[i].code.bytes, insns[i].code.len) == EMU_OK);
		CHECK(m->nr_done == 1 && m->waits == 1 && !m->broken);
		CHECK(m->done[0].kind == insns[i].kind && m->done[0].len == insns[i].len);
		CHECK(m->done[0].addr == DEVICE_BASE);
	}
	return ok;
}

/* Both ways, elements of both sizes; VEX.W counts in every mode. */
static bool masked_moves_of_a_device(void)
{
	static const struct {
		struct code code;
		u8 mode, size, count;
	} insns[] = {
		{ CODE_OF("\xc4\xe2\x6d\x2c\x0b"), EMU_MODE_PROT64, 4, 8 },	/* vmaskmovps */
		{ CODE_OF("\xc4\xe2\x69\x2c\x0b"), EMU_MODE_PROT32, 4, 4 },
		{ CODE_OF("\xc4\xe2\x6d\x2d\x0b"), EMU_MODE_PROT64, 8, 4 },	/* vmaskmovpd */
		{ CODE_OF("\xc4\xe2\x6d\x8c\x0b"), EMU_MODE_PROT32, 4, 8 },	/* vpmaskmovd */
		{ CODE_OF("\xc4\xe2\xed\x8c\x0b"), EMU_MODE_PROT32, 8, 4 },	/* vpmaskmovq */
	};
	unsigned int i, k, n;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(insns); i++) {
		struct mach *m = machine(insns[i].mode, DEVICE_BASE, true);
		unsigned int size = insns[i].size, count = insns[i].count;
		u8 store[5];

		set_mask(m, 2, 0x2a, size);
		CHECK(mach_exec(m, insns[i].code.bytes, 5) == EMU_OK && !m->broken);
		CHECK(m->nr_done == (count == 8 ? 3 : 2) && m->waits == m->nr_done);
		for (k = 0, n = 0; k < 32; k++)
			CHECK(m->vec[1][k] == (k / size < count && 0x2a >> k / size & 1 ? (u8)~k
											: 0));
		for (k = 0; k < m->nr_done; k++)
			CHECK(m->done[k].kind == DEV_READ && m->done[k].len == size &&
			      m->done[k].addr == DEVICE_BASE + (2 * k + 1) * size);

		m = machine(insns[i].mode, DEVICE_BASE, true);
		memcpy(store, insns[i].code.bytes, 5);
		store[3] += 2;
		set_mask(m, 2, 0x15, size);
		CHECK(mach_exec(m, store, 5) == EMU_OK && !m->broken);
		n = count == 8 ? 3 : 2;
		CHECK(m->nr_done == n && m->done[n - 1].kind == DEV_WRITE);
		CHECK(m->done[n - 1].len == size);
		for (k = 0; k < 40; k++)
			CHECK(m->mem[DEVICE_BASE + k] ==
			      (k / size < count && 0x15 >> k / size & 1 ? 32 + k : (u8)~k));
	}
	return ok;
}

static bool masked_bytes_of_a_device(void)
{
	struct mach *m = machine(EMU_MODE_PROT64, DEVICE_BASE, true);
	unsigned int k;
	bool ok = true;

	set_mask(m, 1, 0x8102, 1);
	CHECK(EXEC(m, "\x66\x0f\xf7\xc1") == EMU_OK && !m->broken && m->nr_done == 3);
	for (k = 0; k < 20; k++)
		CHECK(m->mem[DEVICE_BASE + k] == (k < 16 && 0x8102 >> k & 1 ? k : (u8)~k));
	m = machine(EMU_MODE_PROT64, DEVICE_BASE, true);
	m->fx.st[1].mant = 0x7f80007f00008000;
	CHECK(EXEC(m, "\x0f\xf7\xc1") == EMU_OK && !m->broken && m->nr_done == 2);
	CHECK(m->done[0].addr == DEVICE_BASE + 1 && m->done[1].addr == DEVICE_BASE + 6);
	CHECK(m->done[0].len == 1 && m->done[0].data[0] == 1 && m->done[1].data[0] == 6);
	m->fx.st[1].mant = 0;
	m->nr_done = 0;
	CHECK(EXEC(m, "\x0f\xf7\xc1") == EMU_OK && !m->nr_done);
	return ok;
}

/* What the mask leaves out may be anywhere; all that it selects is checked before the first. */
static bool masks_hide_faults(void)
{
	struct mach *m = machine(EMU_MODE_PROT64, DATA, false);
	enum emu_status st;
	unsigned int i;
	bool ok = true;

	m->absent = DATA + 0x1000;
	m->c.gpr[RBX] = DATA + 0xff0;
	memset(m->mem + DATA + 0xff0, 0x55, 32);
	set_mask(m, 2, 0x0f, 4);
	CHECK(EXEC(m, "\xc4\xe2\x6d\x2c\x0b") == EMU_OK && m->vec[1][15] == 0x55 && !m->vec[1][16]);
	CHECK(EXEC(m, "\xc4\xe2\x6d\x2e\x03") == EMU_OK && !m->mem[DATA + 0xff0]);
	set_mask(m, 2, 0x4f, 4);
	memset(m->mem + DATA + 0xff0, 0x55, 32);
	st = EXEC(m, "\xc4\xe2\x6d\x2c\x23");
	CHECK(mach_fault(m, st, VEC_PF, 0) && m->c.fault.cr2 == DATA + 0x1008);
	CHECK(m->vec[4][0] == 128);
	st = EXEC(m, "\xc4\xe2\x6d\x2e\x0b");
	CHECK(mach_fault(m, st, VEC_PF, 2) && m->c.fault.cr2 == DATA + 0x1008);
	for (i = 0; i < 32; i++)
		CHECK(m->mem[DATA + 0xff0 + i] == 0x55);
	set_mask(m, 2, 0, 4);
	m->c.gpr[RBX] = 1ull << 63;
	CHECK(EXEC(m, "\xc4\xe2\x6d\x2e\x0b") == EMU_OK);
	CHECK(EXEC(m, "\xc4\xe2\x6d\x8c\x0b") == EMU_OK && !m->vec[1][0] && !m->vec[1][31]);
	set_mask(m, 2, 0x80, 4);
	CHECK(mach_fault(m, EXEC(m, "\xc4\xe2\x6d\x8c\x0b"), VEC_GP, 0));
	/* A device before the page that is not there is left alone. */
	m->c.gpr[RBX] = DEVICE_BASE + 0xff0;
	m->absent = DEVICE_BASE + 0x1000;
	set_mask(m, 2, 0x11, 4);
	CHECK(mach_fault(m, EXEC(m, "\xc4\xe2\x6d\x8c\x0b"), VEC_PF, 0) && !m->nr_done);
	CHECK(mach_fault(m, EXEC(m, "\xc4\xe2\x6d\x8e\x0b"), VEC_PF, 2) && !m->nr_done);
	m->c.gpr[RDI] = DEVICE_BASE + 0xff5;
	set_mask(m, 1, 1, 1);
	CHECK(mach_fault(m, EXEC(m, "\x66\x0f\xf7\xc1"), VEC_PF, 2) && !m->nr_done);
	return ok;
}

/* MASKMOVDQU takes a segment override and the address size, and wraps between quadwords. */
static bool masked_bytes_have_segments(void)
{
	struct mach *m = machine(EMU_MODE_REAL, DATA, false);
	bool ok = true;

	m->cr[4] = CR4_OSFXSR;
	m->seg[X86_SEG_FS].base = DATA + 0x10000;
	m->c.gpr[RDI] = 0xabcd0010;
	set_mask(m, 1, 1, 1);
	CHECK(EXEC(m, "\x64\x66\x0f\xf7\xe1") == EMU_OK && m->mem[DATA + 0x10010] == 128);
	m->c.gpr[RDI] = 0xfff8;
	set_mask(m, 1, 0x101, 1);
	CHECK(EXEC(m, "\x66\x0f\xf7\xe1") == EMU_OK);
	CHECK(m->mem[DATA + 0xfff8] == 128 && m->mem[DATA] == 136);
	m->c.gpr[RDI] = 0xfff9;
	CHECK(mach_fault(m, EXEC(m, "\x66\x0f\xf7\xe1"), VEC_GP, 0));
	return ok;
}

static const struct code legacy[] = {
	CODE_OF("\xf2\x0f\x12\x0b"), CODE_OF("\xf3\x0f\x16\x0b"), CODE_OF("\x66\x0f\x3a\x14\xc8\1"),
	CODE_OF("\x66\x0f\x3a\x22\xc8\1"), CODE_OF("\x66\x0f\x3a\x21\xc8\1"),
	CODE_OF("\x66\x0f\x38\x20\xc8"), CODE_OF("\x66\x0f\xf7\xc8"), CODE_OF("\x66\x0f\xd7\xc8"),
	CODE_OF("\x66\x0f\xc5\xc8\1"), CODE_OF("\x66\x0f\xc4\xc8\1"),
};

static const struct code mmx[] = {
	CODE_OF("\x0f\xc4\xc8\1"), CODE_OF("\x0f\xc5\xc8\1"), CODE_OF("\x0f\xd7\xc8"),
	CODE_OF("\x0f\xf7\xc8"), CODE_OF("\x0f\x77"),
};

static const struct code vex[] = {
	CODE_OF("\xc5\xff\x12\x0b"), CODE_OF("\xc4\xe3\x79\x14\xc8\1"),
	CODE_OF("\xc4\xe3\x69\x22\xc8\1"), CODE_OF("\xc4\xe2\x7d\x20\xc8"),
	CODE_OF("\xc4\xe2\x7d\x18\x0b"), CODE_OF("\xc4\xe2\x7d\x78\xc8"),
	CODE_OF("\xc4\xe3\x7d\x39\xc8\1"), CODE_OF("\xc4\xe3\x6d\x18\xc8\1"),
	CODE_OF("\xc4\xe2\x6d\x2c\x0b"), CODE_OF("\xc4\xe2\x6d\x8e\x0b"),
	CODE_OF("\xc5\xf9\xf7\xc8"), CODE_OF("\xc5\xfd\xd7\xc8"), CODE_OF("\xc5\xf8\x77"),
	CODE_OF("\xc5\xfc\x77"),
};

/* Do all of @list end so: with exception @vector, or with none if it is 0? */
static bool all_end(const struct code *list, unsigned int n, u64 cr0, u64 cr4_off, u64 xcr0,
		    u8 vector)
{
	unsigned int i;
	bool ok = true;

	for (i = 0; i < n; i++) {
		struct mach *m = machine(EMU_MODE_PROT64, DATA, false);
		enum emu_status st;

		m->cr[0] |= cr0;
		m->cr[4] &= ~cr4_off;
		m->xcr0 = xcr0;
		st = mach_exec(m, list[i].bytes, list[i].len);
		CHECK(vector ? mach_fault(m, st, vector, 0) : st == EMU_OK);
		if (!ok) {
			printf("# number %u\n", i);
			break;
		}
	}
	return ok;
}

static bool elements_need_their_registers(void)
{
	const u64 sse = CR4_OSFXSR, avx = CR4_OSXSAVE;
	bool ok = true;

#define ALL_END(list, ...)	CHECK(all_end(list, ARRAY_SIZE(list), __VA_ARGS__))
	ALL_END(legacy, 0, avx, 1, 0);
	ALL_END(legacy, CR0_TS, 0, 7, VEC_NM);
	ALL_END(legacy, CR0_TS | CR0_EM, 0, 7, VEC_UD);
	ALL_END(legacy, CR0_TS, sse, 7, VEC_UD);
	ALL_END(mmx, 0, sse | avx, 1, 0);
	ALL_END(mmx, CR0_TS, 0, 7, VEC_NM);
	ALL_END(mmx, CR0_TS | CR0_EM, 0, 7, VEC_UD);
	ALL_END(vex, 0, 0, 7, 0);
	ALL_END(vex, CR0_TS, 0, 7, VEC_NM);
	ALL_END(vex, CR0_TS, avx, 7, VEC_UD);
	ALL_END(vex, CR0_TS, 0, 3, VEC_UD);
	ALL_END(vex, 0, 0, 1, VEC_UD);
	return ok;
}

static bool encodings_that_are_none(void)
{
	static const struct code undefined[] = {
		CODE_OF("\xc4\xe2\xfd\x18\x0b"),	/* vbroadcastss with W */
		CODE_OF("\xc4\xe2\x79\x19\x0b"),	/* vbroadcastsd without L */
		CODE_OF("\xc4\xe2\x7d\x1a\xc8"),	/* vbroadcastf128 of a register */
		CODE_OF("\xc4\xe2\x6d\x18\x0b"),	/* with vvvv */
		CODE_OF("\x66\x0f\x38\x18\x0b"),	/* without VEX */
		CODE_OF("\x66\x0f\x38\x8c\x0b"),
		CODE_OF("\x66\x0f\x3a\x19\x0b\1"),
		CODE_OF("\xc4\xe2\xed\x2c\x0b"),	/* vmaskmovps with W */
		CODE_OF("\xc4\xe2\x6d\x2c\xc8"),	/* of a register */
		CODE_OF("\xc4\xe3\x69\x18\x0b\1"),	/* vinsertf128 without L */
		CODE_OF("\xc4\xe3\x7d\x14\xc8\1"),	/* pextrb with L */
		CODE_OF("\xc4\xe3\x69\x14\xc8\1"),	/* with vvvv */
		CODE_OF("\xc4\xe3\x6d\x22\xc8\1"),	/* pinsrd with L */
		CODE_OF("\xc5\xfd\xf7\xc8"),		/* maskmovdqu with L */
		CODE_OF("\x66\x0f\xf7\x0b"),		/* to other memory */
		CODE_OF("\x66\x0f\xc5\x0b\1"),		/* pextrw of memory */
		CODE_OF("\x66\x0f\xd7\x0b"),		/* pmovmskb of memory */
		CODE_OF("\xf3\x0f\xc4\xc8\1"),		/* other prefixes */
		CODE_OF("\x0f\x38\x20\xc8"),
		CODE_OF("\xf0\x66\x0f\x3a\x14\x0b\1"),	/* LOCK */
		CODE_OF("\xf0\x0f\xf7\xc8"),
		CODE_OF("\xc5\xe8\x77"),		/* vzeroupper with vvvv */
		CODE_OF("\xc5\xf9\x77"),
	};
	bool ok = true;

	ALL_END(undefined, 0, 0, 7, VEC_UD);
	/* #UD before #NM, and before what memory has to say. */
	ALL_END(undefined, CR0_TS, 0, 7, VEC_UD);
	return ok;
}

static bool alignment_without_vex(void)
{
	struct mach *m = machine(EMU_MODE_PROT64, DATA, false);
	bool ok = true;

	m->c.gpr[RBX] = DATA + 8;
	CHECK(mach_fault(m, EXEC(m, "\xf3\x0f\x12\x0b"), VEC_GP, 0));
	CHECK(mach_fault(m, EXEC(m, "\xf3\x0f\x16\x0b"), VEC_GP, 0));
	CHECK(EXEC(m, "\xc5\xfa\x12\x0b") == EMU_OK && m->vec[1][4] == m->mem[DATA + 8]);
	m->c.gpr[RBX] = DATA + 1;
	CHECK(EXEC(m, "\x66\x0f\x38\x20\x0b") == EMU_OK && EXEC(m, "\xf2\x0f\x12\x0b") == EMU_OK);
	m = mach_at_cpl_3(EMU_MODE_PROT64);
	m->cr[0] |= CR0_AM;
	m->c.rflags |= FL_AC;
	m->c.gpr[RBX] = DATA + 1;
	m->c.gpr[RDI] = DATA + 1;
	set_mask(m, 2, 1, 4);
	CHECK(mach_fault(m, EXEC(m, "\x66\x0f\x38\x20\x0b"), VEC_AC, 0));
	CHECK(mach_fault(m, EXEC(m, "\x66\x0f\x3a\x15\x0b\0"), VEC_AC, 0));
	CHECK(mach_fault(m, EXEC(m, "\x66\x0f\xf7\xc1"), VEC_AC, 0));
	CHECK(EXEC(m, "\x66\x0f\x3a\x14\x0b\0") == EMU_OK);
	CHECK(EXEC(m, "\xc4\xe2\x6d\x2c\x0b") == EMU_OK);
	return ok;
}

/* Legacy forms keep the upper half of a register, VEX clears it, of those that the mode has. */
static bool upper_halves(void)
{
	struct mach *m = machine(EMU_MODE_PROT64, DATA, false);
	unsigned int i;
	bool ok = true;

	CHECK(EXEC(m, "\x66\x0f\x38\x30\xca") == EMU_OK && m->vec[1][16] == 48);
	CHECK(EXEC(m, "\x66\x0f\xc4\xc8\1") == EMU_OK && m->vec[1][31] == 63);
	CHECK(EXEC(m, "\xc5\xe9\xc4\xc8\1") == EMU_OK && m->vec[1][4] == 68 && !m->vec[1][16]);
	CHECK(EXEC(m, "\xc4\xe3\x7d\x19\xd9\1") == EMU_OK && m->vec[1][0] == 112);
	CHECK(!m->vec[1][16]);
	for (i = 0; i < 4; i++) {
		bool all = i & 1, is64 = i & 2;

		m = machine(is64 ? EMU_MODE_PROT64 : EMU_MODE_PROT32, DATA, false);
		CHECK((all ? EXEC(m, "\xc5\xfc\x77") : EXEC(m, "\xc5\xf8\x77")) == EMU_OK);
		CHECK(m->vec[7][1] == (all ? 0 : 225) && !m->vec[7][31]);
		CHECK(m->vec[15][1] == (is64 && all ? 0 : 225));
		CHECK(m->vec[15][31] == (is64 ? 0 : 255));
	}
	return ok;
}

void unit_vec(void)
{
	RUN(devices_see_the_element_alone);
	RUN(masked_moves_of_a_device);
	RUN(masked_bytes_of_a_device);
	RUN(masks_hide_faults);
	RUN(masked_bytes_have_segments);
	RUN(elements_need_their_registers);
	RUN(encodings_that_are_none);
	RUN(alignment_without_vex);
	RUN(upper_halves);
}
