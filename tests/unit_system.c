// SPDX-License-Identifier: GPL-2.0-only
/*
 * System instructions, privilege, and what decode refuses.
 */
#include "emu_mach.h"

static bool privileged_entries_fault_at_cpl_3(void)
{
	unsigned int i, n = 0;
	bool ok = true;

	for (i = 0; i < nr_leaves; i++) {
		struct mach *m = mach_new(EMU_MODE_PROT64);
		u8 code[16] = { 0 };
		unsigned int len = 0;

		if (!(leaves[i].desc->flags & D_PRIV) || !leaves[i].map)
			continue;
		code[len++] = 0x0f;
		code[len++] = leaves[i].opcode;
		code[len] = leaves[i].mod == 1 || leaves[i].desc->flags & D_MOD3 ? 0xc0 : 0x03;
		code[len] |= leaves[i].reg > 0 ? leaves[i].reg << 3 : 0;
		code[len] |= leaves[i].rm > 0 ? leaves[i].rm : 0;
		m->c.cpl = 3;
		m->c.gpr[RBX] = DATA;
		CHECK(mach_fault(m, mach_exec(m, code, 16), VEC_GP, 0));
		if (!ok) {
			printf("# %s\n", leaf_name(&leaves[i]));
			return false;
		}
		n++;
	}
	CHECK(n >= 15);
	return ok;
}

static bool umip_hides_tables(void)
{
	static const char *const codes[] = { "\x0f\x01\x03", "\x0f\x01\x0b", "\x0f\x01\xe0",
					     "\x0f\x00\xc0", "\x0f\x00\xc8" };
	struct mach *m = mach_new(EMU_MODE_PROT64);
	unsigned int i;
	bool ok = true;

	m->c.cpl = 3;
	m->c.gpr[RBX] = DATA;
	for (i = 0; i < 5; i++) {
		m->cr[4] &= ~CR4_UMIP;
		CHECK(mach_exec(m, codes[i], 3) == EMU_OK);
		m->cr[4] |= CR4_UMIP;
		CHECK(mach_fault(m, mach_exec(m, codes[i], 3), VEC_GP, 0));
	}
	return ok;
}

static bool descriptor_table_registers(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	m->c.gpr[RBX] = DATA;
	mach_put(m, DATA, 0x1122334455667788, 8);
	CHECK(EXEC(m, "\x0f\x01\x1b") == EMU_OK);			/* lidt */
	CHECK(m->idt.limit == 0x7788 && m->idt.base == 0x33445566);
	CHECK(EXEC(m, "\x66\x0f\x01\x13") == EMU_OK);			/* lgdt, 24 bits */
	CHECK(m->gdt.limit == 0x7788 && m->gdt.base == 0x445566);
	CHECK(EXEC(m, "\x0f\x01\x4b\x10") == EMU_OK);			/* sidt */
	CHECK(mach_get(m, DATA + 16, 6) == 0x334455667788 && !m->mem[DATA + 22]);
	m = mach_new(EMU_MODE_PROT64);
	m->c.gpr[RBX] = DATA;
	mach_put(m, DATA, 0x33, 2);
	mach_put(m, DATA + 2, 0xffff800000001000, 8);
	CHECK(EXEC(m, "\x0f\x01\x13") == EMU_OK && m->gdt.base == 0xffff800000001000);
	CHECK(EXEC(m, "\x0f\x01\x43\x20") == EMU_OK);			/* sgdt */
	CHECK(!memcmp(m->mem + DATA, m->mem + DATA + 32, 10));
	mach_put(m, DATA + 2, 0x0000800000000000, 8);
	CHECK(mach_fault(m, EXEC(m, "\x0f\x01\x13"), VEC_GP, 0));
	return ok;
}

static bool task_and_ldt_registers(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	m->c.gpr[RAX] = SEL_TSS2;
	CHECK(EXEC(m, "\x0f\x00\xd8") == EMU_OK);			/* ltr */
	CHECK(m->seg[X86_SEG_TR].base == TSS2_BASE && m->seg[X86_SEG_TR].type == 11);
	CHECK(m->mem[GDT_BASE + SEL_TSS2 + 5] == 0x8b);
	CHECK(mach_fault(m, EXEC(m, "\x0f\x00\xd8"), VEC_GP, SEL_TSS2));	/* busy now */
	CHECK(mach_fault(m, EXEC(m, "\x0f\x00\xd0"), VEC_GP, SEL_TSS2));	/* no LDT */
	CHECK(EXEC(m, "\x0f\x00\xc9") == EMU_OK && m->c.gpr[RCX] == SEL_TSS2);	/* str ecx */
	m->c.gpr[RAX] = 0;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x00\xd8"), VEC_GP, 0));
	CHECK(EXEC(m, "\x0f\x00\xd0") == EMU_OK && m->seg[X86_SEG_LDTR].unusable);
	m->c.gpr[RAX] = SEL_LDT;
	m->mem[GDT_BASE + SEL_LDT + 5] = 0x02;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x00\xd0"), VEC_NP, SEL_LDT));
	m->c.gpr[RAX] = 0xc;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x00\xd0"), VEC_GP, 0xc));
	m = mach_new(EMU_MODE_PROT64);
	mach_desc(m, SEL_TSS2, 0xffff800000005000, 0x67, 0x89, 0);
	m->c.gpr[RAX] = SEL_TSS2;
	CHECK(EXEC(m, "\x0f\x00\xd8") == EMU_OK);
	CHECK(m->seg[X86_SEG_TR].base == 0xffff800000005000);
	return ok;
}

static bool questions_about_descriptors(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	m->c.gpr[RAX] = SEL_DATA0;
	CHECK(EXEC(m, "\x0f\x02\xc8") == EMU_OK && m->c.rflags & FL_ZF);	/* lar ecx,eax */
	CHECK(m->c.gpr[RCX] == 0xcf9300);
	CHECK(EXEC(m, "\x0f\x03\xc8") == EMU_OK && m->c.gpr[RCX] == 0xffffffff);	/* lsl */
	CHECK(EXEC(m, "\x0f\x00\xe8") == EMU_OK && m->c.rflags & FL_ZF);	/* verw */
	m->c.gpr[RAX] = SEL_CODE0;
	CHECK(EXEC(m, "\x0f\x00\xe0") == EMU_OK && m->c.rflags & FL_ZF);	/* verr */
	CHECK(EXEC(m, "\x0f\x00\xe8") == EMU_OK && !(m->c.rflags & FL_ZF));
	m->c.cpl = 3;
	m->c.gpr[RCX] = 5;
	CHECK(EXEC(m, "\x0f\x02\xc8") == EMU_OK && !(m->c.rflags & FL_ZF));
	CHECK(m->c.gpr[RCX] == 5);
	m->c.gpr[RAX] = 0xfff8;
	CHECK(EXEC(m, "\x0f\x03\xc8") == EMU_OK && !(m->c.rflags & FL_ZF));
	m->c.gpr[RAX] = SEL_TSS;
	m->c.cpl = 0;
	CHECK(EXEC(m, "\x0f\x03\xc8") == EMU_OK && m->c.gpr[RCX] == 0xfff);
	CHECK(EXEC(m, "\x0f\x00\xe0") == EMU_OK && !(m->c.rflags & FL_ZF));
	m = mach_new(EMU_MODE_REAL);
	CHECK(mach_fault(m, EXEC(m, "\x0f\x02\xc8"), VEC_UD, 0));
	CHECK(mach_fault(m, EXEC(m, "\x0f\x00\xd8"), VEC_UD, 0));
	return ok;
}

static bool control_and_debug_registers(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RAX] = 0x1234567890;
	CHECK(EXEC(m, "\x0f\x22\xd8") == EMU_OK && m->cr[3] == 0x1234567890);
	CHECK(EXEC(m, "\x0f\x20\xd9") == EMU_OK && m->c.gpr[RCX] == 0x1234567890);
	m->c.gpr[RAX] = 5;
	CHECK(EXEC(m, "\x44\x0f\x22\xc0") == EMU_OK && m->cr[8] == 5);
	CHECK(mach_fault(m, EXEC(m, "\x0f\x20\xc8"), VEC_UD, 0));		/* CR1 */
	CHECK(mach_fault(m, EXEC(m, "\x0f\x20\xe8"), VEC_UD, 0));		/* CR5 */
	CHECK(mach_fault(m, EXEC(m, "\x44\x0f\x20\xc8"), VEC_UD, 0));		/* CR9 */
	CHECK(EXEC(m, "\x0f\x23\x00") == EMU_OK && m->dr[0] == 5);	/* mod is ignored */
	CHECK(m->c.rip == CODE + 3 * 3 + 4);
	CHECK(EXEC(m, "\x0f\x23\xe0") == EMU_OK && m->dr[6] == 5);		/* DR4 is DR6 */
	m->cr[4] |= 8;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x23\xe0"), VEC_UD, 0));
	m->dr[7] = 0x2000;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x21\xc0"), VEC_DB, 0) && m->c.fault.cr2 == 0x2000);
	CHECK(EXEC(m, "\x0f\x06") == EMU_OK && !(m->cr[0] & CR0_TS));
	m->cr[0] |= CR0_TS | CR0_PE;
	m->c.gpr[RAX] = 0xfff0 | CR0_MP;
	CHECK(EXEC(m, "\x0f\x01\xf0") == EMU_OK);				/* lmsw */
	CHECK((m->cr[0] & 15) == (CR0_PE | CR0_MP));
	m->c.gpr[RAX] = ~0ull;
	CHECK(EXEC(m, "\x66\x0f\x01\xe0") == EMU_OK);
	CHECK(m->c.gpr[RAX] == (~0xffffull | (m->cr[0] & 0xffff)));
	return ok;
}

static bool msrs_and_counters(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->msr_index = 0x123;
	m->c.gpr[RCX] = 0xffffffff00000123;
	m->c.gpr[RAX] = 0xdddddddd11112222;
	m->c.gpr[RDX] = 0xdddddddd33334444;
	CHECK(EXEC(m, "\x0f\x30") == EMU_OK && m->msr_value == 0x3333444411112222);
	m->msr_value++;
	CHECK(EXEC(m, "\x0f\x32") == EMU_OK && m->c.gpr[RAX] == 0x11112223);
	CHECK(m->c.gpr[RDX] == 0x33334444);
	m->c.gpr[RCX] = 0x124;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x32"), VEC_GP, 0) && m->c.gpr[RAX] == 0x11112223);
	CHECK(EXEC(m, "\x0f\x31") == EMU_OK && m->c.gpr[RAX] == 6 && m->c.gpr[RDX] == 5);
	CHECK(EXEC(m, "\x0f\x01\xf9") == EMU_OK && m->c.gpr[RCX] == 77);
	m->c.gpr[RCX] = 3;
	CHECK(EXEC(m, "\x0f\x33") == EMU_OK && m->c.gpr[RAX] == 5 && m->c.gpr[RDX] == 1);
	m->c.cpl = 3;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x33"), VEC_GP, 0));
	m->cr[4] |= CR4_PCE;
	CHECK(EXEC(m, "\x0f\x33") == EMU_OK && EXEC(m, "\x0f\x31") == EMU_OK);
	m->cr[4] |= CR4_TSD;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x31"), VEC_GP, 0));
	m->c.gpr[RAX] = 100;
	m->c.gpr[RCX] = 200;
	CHECK(EXEC(m, "\x0f\xa2") == EMU_OK && m->c.gpr[RAX] == 10 && m->c.gpr[RBX] == 101);
	CHECK(m->c.gpr[RCX] == 20 && m->c.gpr[RDX] == 202);
	return ok;
}

static bool odds_and_ends(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	CHECK(EXEC(m, "\xf4") == EMU_OK && m->halts == 1);
	CHECK(EXEC(m, "\x0f\x08") == EMU_OK && EXEC(m, "\x0f\x09") == EMU_OK && m->wbinvds == 2);
	CHECK(EXEC(m, "\x0f\x01\xc1") == EMU_OK && m->hypercalls == 1 && m->c.gpr[RAX] == 1234);
	m->c.gpr[RBX] = 0xffff888000001234;
	CHECK(EXEC(m, "\x0f\x01\x3b") == EMU_OK && m->invlpg == 0xffff888000001234);
	m->c.gpr[RBX] = 0x8000000000000000;
	CHECK(EXEC(m, "\x0f\x01\x3b") == EMU_OK && m->invlpg == 0xffff888000001234);
	m->c.gpr[RCX] = 0;
	m->c.gpr[RAX] = 7;
	m->c.gpr[RDX] = 1;
	CHECK(EXEC(m, "\x0f\x01\xd1") == EMU_OK && m->xcr_written == 0x100000007);
	CHECK(EXEC(m, "\x0f\x01\xd0") == EMU_OK && m->c.gpr[RAX] == 7 && !m->c.gpr[RDX]);
	m->msr_index = 0xc0000102;
	m->msr_value = 0xaaaa;
	m->seg[X86_SEG_GS].base = 0xbbbb;
	CHECK(EXEC(m, "\x0f\x01\xf8") == EMU_OK && m->seg[X86_SEG_GS].base == 0xaaaa);
	CHECK(m->msr_value == 0xbbbb);
	CHECK(EXEC(m, "\xf3\x48\x0f\xae\xc9") == EMU_OK && m->c.gpr[RCX] == 0xaaaa);
	m->c.gpr[RAX] = 0x7777;
	CHECK(EXEC(m, "\xf3\x48\x0f\xae\xd0") == EMU_OK && m->seg[X86_SEG_FS].base == 0x7777);
	m->c.gpr[RAX] = 1ull << 63;
	CHECK(mach_fault(m, EXEC(m, "\xf3\x48\x0f\xae\xd8"), VEC_GP, 0));
	m->cr[4] &= ~CR4_FSGSBASE;
	CHECK(mach_fault(m, EXEC(m, "\xf3\x48\x0f\xae\xd0"), VEC_UD, 0));
	CHECK(mach_fault(m, EXEC(m, "\x0f\x01\xcb"), VEC_UD, 0));
	m->cr[4] |= 1ull << 21;						/* SMAP */
	CHECK(EXEC(m, "\x0f\x01\xcb") == EMU_OK && m->c.rflags & FL_AC);
	CHECK(EXEC(m, "\x0f\x01\xca") == EMU_OK && !(m->c.rflags & FL_AC));
	CHECK(mach_trap(m, EXEC(m, "\xf1"), VEC_DB, 0) && !m->c.fault.cr2);
	return ok;
}

static bool vector_state_is_checked(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RBX] = DATA;
	CHECK(EXEC(m, "\x0f\x10\x03") == EMU_OK && EXEC(m, "\xc5\xf8\x10\x03") == EMU_OK);
	m->cr[0] |= CR0_TS;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x10\x03"), VEC_NM, 0));
	CHECK(mach_fault(m, EXEC(m, "\xc5\xf8\x10\x03"), VEC_NM, 0));
	CHECK(mach_fault(m, EXEC(m, "\x0f\x6f\x03"), VEC_NM, 0));
	m->cr[0] |= CR0_EM;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x10\x03"), VEC_UD, 0));
	CHECK(mach_fault(m, EXEC(m, "\x0f\x6f\x03"), VEC_UD, 0));
	m->cr[0] &= ~(CR0_EM | CR0_TS);
	m->xcr0 = 3;
	CHECK(mach_fault(m, EXEC(m, "\xc5\xf8\x10\x03"), VEC_UD, 0));
	m->xcr0 = 7;
	m->cr[4] &= ~(CR4_OSXSAVE | CR4_OSFXSR);
	CHECK(mach_fault(m, EXEC(m, "\xc5\xf8\x10\x03"), VEC_UD, 0));
	CHECK(mach_fault(m, EXEC(m, "\x0f\x10\x03"), VEC_UD, 0));
	m = mach_new(EMU_MODE_REAL);
	CHECK(mach_fault(m, EXEC(m, "\xc5\xf8\x10"), VEC_UD, 0));
	return ok;
}

static bool decode_refuses(void)
{
	static const u8 many[16] = { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
				     0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90 };
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	CHECK(mach_fault(m, EXEC(m, "\x0f\x0b"), VEC_UD, 0));
	CHECK(mach_fault(m, EXEC(m, "\xf0\x89\x03"), VEC_UD, 0));	/* lock mov */
	CHECK(mach_fault(m, EXEC(m, "\xf0\x01\xc0"), VEC_UD, 0));	/* lock add reg */
	CHECK(mach_fault(m, EXEC(m, "\x06"), VEC_UD, 0));
	CHECK(mach_fault(m, EXEC(m, "\x8e\xc8"), VEC_UD, 0));		/* mov cs */
	CHECK(mach_fault(m, EXEC(m, "\x66\xc5\xf8\x10\x03"), VEC_UD, 0));
	CHECK(mach_fault(m, mach_exec(m, many, 16), VEC_GP, 0));
	CHECK(mach_exec(m, many + 1, 15) == EMU_OK && m->c.insn.len == 15);
	m->c.rip = CODE;
	CHECK(EXEC(m, "\xd9\x03") == EMU_FAIL && m->c.rip == CODE);	/* fld */
	CHECK(EXEC(m, "\x0f\x58\xc0") == EMU_FAIL);			/* addps */
	CHECK(EXEC(m, "\x62\xf1\x7c\x48\x10\x03") == EMU_FAIL);		/* EVEX */
	m = mach_new(EMU_MODE_PROT32);
	CHECK(EXEC(m, "\x62\xc0") == EMU_FAIL);			/* no BOUND either */
	CHECK(EXEC(m, "\x06") == EMU_OK);
	return ok;
}

/* What is undefined is as long as its neighbours: too long, or in an absent page, comes before. */
static bool undefined_has_a_length(void)
{
	static const struct {
		const char *bytes;
		unsigned int len;
	} whole[] = {
		{ "\xc7\x30\0\0\0\0", 6 }, { "\x66\xc7\x30\0\0", 5 }, { "\xc6\xc8\0", 3 },
		{ "\x0f\xba\xc0\0", 4 }, { "\x0f\x38\xfe\x80\0\0\0\0", 8 },
		{ "\x0f\x3a\xff\xc0\0", 5 }, { "\xfe\x10", 2 }, { "\x8f\x48\0", 3 },
	};
	struct mach *m = mach_new(EMU_MODE_PROT32);
	unsigned int i, n;
	u8 bytes[32];
	bool ok = true;

	/* Whether LDS is VEX is in the 16th byte. */
	memset(bytes, 0x3e, sizeof(bytes));
	bytes[14] = 0xc5;
	CHECK(mach_fault(m, mach_exec(m, bytes, 15), VEC_GP, 0));
	for (i = 0; i < ARRAY_SIZE(whole); i++) {
		n = EMU_MAX_INSN - whole[i].len;
		memset(bytes, 0x3e, sizeof(bytes));
		memcpy(bytes + n, whole[i].bytes, whole[i].len);
		CHECK(mach_fault(m, mach_exec(m, bytes, 15), VEC_UD, 0));
		memmove(bytes + 1, bytes, 16);
		CHECK(mach_fault(m, mach_exec(m, bytes, 16), VEC_GP, 0));
	}
	return ok;
}

static bool fetch_stays_in_pages_it_needs(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	enum emu_status st;
	bool ok = true;

	m->absent = CODE + 0x1000;
	m->c.rip = CODE + 0xffd;
	CHECK(mach_exec(m, "\x48\x01\xc0", 3) == EMU_OK);	/* ends with the page */
	m->c.rip = CODE + 0xffe;
	st = mach_exec(m, "\x48\x01", 2);
	CHECK(mach_fault(m, st, VEC_PF, 0x10) && m->c.fault.cr2 == CODE + 0x1000);
	m->c.cpl = 3;
	m->c.rip = 0x7ffe;
	m->mem[0x7ffe] = 0x90;
	st = emu_decode(&m->c, NULL, 0);
	CHECK(mach_fault(m, st, VEC_PF, 0x15) && m->c.fault.cr2 == 0x7ffe);
	m->c.rip = 0x800000000000;
	st = emu_decode(&m->c, NULL, 0);
	CHECK(mach_fault(m, st, VEC_GP, 0));
	/* Bytes given are not fetched again. */
	m->c.rip = CODE + 0x1000;
	CHECK(emu_decode(&m->c, (const u8 *)"\x90", 1) == EMU_OK && m->c.insn.len == 1);
	st = emu_decode(&m->c, (const u8 *)"\x48", 1);
	CHECK(mach_fault(m, st, VEC_PF, 0x14) && m->c.fault.cr2 == CODE + 0x1001);
	return ok;
}

void unit_system(void)
{
	RUN(privileged_entries_fault_at_cpl_3);
	RUN(umip_hides_tables);
	RUN(descriptor_table_registers);
	RUN(task_and_ldt_registers);
	RUN(questions_about_descriptors);
	RUN(control_and_debug_registers);
	RUN(msrs_and_counters);
	RUN(odds_and_ends);
	RUN(vector_state_is_checked);
	RUN(decode_refuses);
	RUN(undefined_has_a_length);
	RUN(fetch_stays_in_pages_it_needs);
}
