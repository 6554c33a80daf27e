// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic that leaves flags undefined: they are those of the CPU in use. All of it is
 * compared in emu_cpu; here is what was found to differ, and what the emulator does where
 * the CPU has no such instruction.
 */
#include "emu_mach.h"

static u64 cpu_flags_of_imul(u16 a, u16 b, u64 flags)
{
	u64 out;

	asm volatile("lea -128(%%rsp), %%rsp\n\tpush %[in]\n\tpopfq\n\timul %[b], %[a]\n\t"
		     "pushfq\n\tpop %[out]\n\tlea 128(%%rsp), %%rsp"
		     : [out] "=&r" (out), [a] "+&r" (a) : [b] "r" (b), [in] "r" (flags) : "cc");
	return out & FL_ARITH;
}

/* 0 times 0 left ZF set when it was executed, and clear when it was emulated. */
static bool product_of_zeros(void)
{
	static const u16 factors[] = { 0, 1, 2, 0x7fff, 0x8000, 0xffff, 0x1234 };
	struct mach *m = mach_new(EMU_MODE_PROT64);
	unsigned int i, k;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(factors) * ARRAY_SIZE(factors); i++) {
		for (k = 0; k < 2; k++) {
			u64 flags = FL_FIXED | (k ? FL_ARITH : 0);
			u16 a = factors[i / ARRAY_SIZE(factors)];
			u16 b = factors[i % ARRAY_SIZE(factors)];

			m->c.rip = CODE;
			m->c.gpr[RCX] = a;
			m->c.gpr[RBX] = b;
			m->c.rflags = flags | FL_DF;
			CHECK(EXEC(m, "\x66\x0f\xaf\xcb") == EMU_OK);
			CHECK((m->c.rflags & FL_ARITH) == cpu_flags_of_imul(a, b, flags));
			CHECK((m->c.rflags & ~FL_ARITH) == (FL_FIXED | FL_DF));
			CHECK((u16)m->c.gpr[RCX] == (u16)(a * b));
		}
	}
	return ok;
}

/* The quotient fits, just, and does not: the check comes before the CPU divides. */
static bool quotients_at_the_limit(void)
{
	static const struct {
		const char *code;
		unsigned int len;
		u64 ax, dx, by;
		bool fits;
	} cases[] = {
		{ "\xf6\xf3", 2, 0x01ff, 0, 2, true },
		{ "\xf6\xf3", 2, 0x0200, 0, 2, false },
		{ "\xf6\xfb", 2, 0xff00, 0, 2, true },		/* -128 */
		{ "\xf6\xfb", 2, 0xfefe, 0, 2, false },		/* -129 */
		{ "\xf6\xfb", 2, 0x00ff, 0, 2, true },
		{ "\xf6\xfb", 2, 0x0100, 0, 2, false },
		{ "\x66\xf7\xf3", 3, 0xffff, 6, 7, true },
		{ "\x66\xf7\xf3", 3, 0, 7, 7, false },
		{ "\x66\xf7\xfb", 3, 0x8000, 0xffff, 0xffff, false },
		{ "\xf7\xfb", 2, 0x80000000, 0xffffffff, 1, true },
		{ "\xf7\xfb", 2, 0x80000000, 0xffffffff, 0xffffffff, false },
		{ "\xf7\xf3", 2, 0, 0, 0, false },
		{ "\x48\xf7\xf3", 3, ~0ull, ~0ull - 1, ~0ull, true },
		{ "\x48\xf7\xf3", 3, ~0ull, ~0ull, ~0ull, false },
		{ "\x48\xf7\xfb", 3, 1ull << 63, ~0ull, 1, true },
		{ "\x48\xf7\xfb", 3, 1ull << 63, ~0ull, ~0ull, false },
		{ "\x48\xf7\xfb", 3, 0, 1ull << 63, 1ull << 63, false },
		{ "\x48\xf7\xfb", 3, 0, 1ull << 62, 1ull << 63, true },
		{ "\x48\xf7\xfb", 3, ~0ull, ~0ull, 0, false },
	};
	struct mach *m = mach_new(EMU_MODE_PROT64);
	enum emu_status st;
	bool ok = true;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		m->c.rip = CODE;
		m->c.gpr[RAX] = cases[i].ax;
		m->c.gpr[RDX] = cases[i].dx;
		m->c.gpr[RBX] = cases[i].by;
		st = mach_exec(m, cases[i].code, cases[i].len);
		if (cases[i].fits)
			CHECK(st == EMU_OK);
		else
			CHECK(mach_fault(m, st, VEC_DE, 0) && m->c.gpr[RAX] == cases[i].ax);
		if (!ok) {
			printf("# case %u\n", i);
			break;
		}
	}
	return ok;
}

/* This machine has no cpu_has(): ECX by EBX, flags that the SDM defines. */
static bool bit_manipulation_without_the_cpu(void)
{
	static const struct {
		const char *code;
		u64 bx, cx, result, flags;
	} cases[] = {
		{ "\xc4\xe2\x60\xf2\xc1", 0xff, 0xf0f, 0xf00, 0 },		/* andn */
		{ "\xc4\xe2\x60\xf2\xc1", ~0ull, 5, 0, FL_ZF },
		{ "\xc4\xe2\x60\xf2\xc1", 0, 0x80000000, 0x80000000, FL_SF },
		{ "\xc4\xe2\x60\xf7\xc1", 0x0804, 0x12345678, 0x67, 0 },	/* bextr */
		{ "\xc4\xe2\x60\xf7\xc1", 0x0820, 0x12345678, 0, FL_ZF },
		{ "\xc4\xe2\x60\xf7\xc1", 0xff00, 0x12345678, 0x12345678, 0 },
		{ "\xc4\xe2\x60\xf5\xc1", 8, 0x12345678, 0x78, 0 },		/* bzhi */
		{ "\xc4\xe2\x60\xf5\xc1", 32, 0x92345678, 0x92345678, FL_CF | FL_SF },
		{ "\xc4\xe2\x60\xf5\xc1", 0, 0x92345678, 0, FL_ZF },
		{ "\xc4\xe2\x78\xf3\xc9", 0, 0x18, 0x10, 0 },			/* blsr */
		{ "\xc4\xe2\x78\xf3\xc9", 0, 0, 0, FL_CF | FL_ZF },
		{ "\xc4\xe2\x78\xf3\xd1", 0, 0x18, 0xf, 0 },			/* blsmsk */
		{ "\xc4\xe2\x78\xf3\xd1", 0, 0, 0xffffffff, FL_CF | FL_SF },
		{ "\xc4\xe2\x78\xf3\xd9", 0, 0x18, 8, FL_CF },			/* blsi */
		{ "\xc4\xe2\x78\xf3\xd9", 0, 0, 0, FL_ZF },
	};
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		m->c.rip = CODE;
		m->c.rflags = FL_FIXED | FL_ARITH;
		m->c.gpr[RBX] = cases[i].bx;
		m->c.gpr[RCX] = cases[i].cx;
		CHECK(mach_exec(m, cases[i].code, 5) == EMU_OK);
		CHECK(m->c.gpr[RAX] == cases[i].result);
		CHECK((m->c.rflags & (FL_CF | FL_ZF | FL_SF | FL_OF)) == cases[i].flags);
		if (!ok) {
			printf("# case %u: %llx\n", i, (unsigned long long)m->c.gpr[RAX]);
			break;
		}
	}
	return ok;
}

void unit_native(void)
{
	RUN(product_of_zeros);
	RUN(quotients_at_the_limit);
	RUN(bit_manipulation_without_the_cpu);
}
