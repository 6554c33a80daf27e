// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segment registers, far transfers, gates, interrupts and IRET in protected
 * and long mode.
 */
#include "emu_mach.h"

static enum emu_status load_ds(struct mach *m, u16 sel)
{
	m->c.gpr[RAX] = sel;
	return EXEC(m, "\x8e\xd8");
}

static enum emu_status load_ss(struct mach *m, u16 sel)
{
	m->c.gpr[RAX] = sel;
	return EXEC(m, "\x8e\xd0");
}

static bool data_segments_are_checked(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	mach_desc(m, SEL_FREE, 0x1000, 0xfff, 0x92, 0x4);	/* not accessed */
	CHECK(load_ds(m, SEL_FREE) == EMU_OK);
	CHECK(m->seg[X86_SEG_DS].base == 0x1000 && m->seg[X86_SEG_DS].limit == 0xfff);
	CHECK(m->seg[X86_SEG_DS].type == 3 && m->mem[GDT_BASE + SEL_FREE + 5] == 0x93);
	CHECK(load_ds(m, 3) == EMU_OK && m->seg[X86_SEG_DS].unusable);
	CHECK(mach_fault(m, EXEC(m, "\x8b\x03"), VEC_GP, 0));
	CHECK(mach_fault(m, load_ds(m, 0xffc), VEC_GP, 0xffc));	/* no LDT */
	m->gdt.limit = SEL_FREE + 6;
	CHECK(mach_fault(m, load_ds(m, SEL_FREE), VEC_GP, SEL_FREE));
	m->gdt.limit = 0xfff;
	CHECK(mach_fault(m, load_ds(m, SEL_ABSENT), VEC_NP, SEL_ABSENT));
	CHECK(mach_fault(m, load_ds(m, SEL_TSS), VEC_GP, SEL_TSS));
	CHECK(mach_fault(m, load_ds(m, SEL_DATA0 | 3), VEC_GP, SEL_DATA0));
	CHECK(load_ds(m, SEL_CODE0) == EMU_OK);			/* readable code */
	mach_desc(m, SEL_FREE, 0, 0xfff, 0x99, 0x4);
	CHECK(mach_fault(m, load_ds(m, SEL_FREE), VEC_GP, SEL_FREE));	/* execute-only */
	mach_load(m, X86_SEG_SS, SEL_DATA3 | 3);
	CHECK(mach_fault(m, load_ds(m, SEL_DATA0), VEC_GP, SEL_DATA0));
	CHECK(load_ds(m, SEL_DATA3 | 3) == EMU_OK && load_ds(m, SEL_CONF | 3) == EMU_OK);
	CHECK(load_ds(m, SEL_RO | 3) == EMU_OK);
	return ok;
}

static bool stack_segments_are_checked(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	CHECK(mach_fault(m, load_ss(m, 0), VEC_GP, 0));
	CHECK(mach_fault(m, load_ss(m, SEL_DATA3 | 3), VEC_GP, SEL_DATA3));
	CHECK(mach_fault(m, load_ss(m, SEL_DATA0 | 1), VEC_GP, SEL_DATA0));
	CHECK(mach_fault(m, load_ss(m, SEL_RO), VEC_GP, SEL_RO));
	CHECK(mach_fault(m, load_ss(m, SEL_CODE0), VEC_GP, SEL_CODE0));
	mach_desc(m, SEL_FREE, 0, 0xfff, 0x13, 0x4);
	CHECK(mach_fault(m, load_ss(m, SEL_FREE), VEC_SS, SEL_FREE) && !m->c.block_mov_ss);
	CHECK(load_ss(m, SEL_DATA0) == EMU_OK && m->c.block_mov_ss);
	m = mach_new(EMU_MODE_PROT64);
	CHECK(load_ss(m, 0) == EMU_OK && m->seg[X86_SEG_SS].unusable);
	m->c.cpl = 3;
	CHECK(mach_fault(m, load_ss(m, 3), VEC_GP, 0));
	return ok;
}

static bool ldt_segments(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	m->c.gpr[RAX] = SEL_LDT;
	CHECK(EXEC(m, "\x0f\x00\xd0") == EMU_OK && m->seg[X86_SEG_LDTR].base == LDT_BASE);
	memcpy(m->mem + LDT_BASE + 8, m->mem + GDT_BASE + SEL_DATA0, 8);
	CHECK(load_ds(m, 0xc) == EMU_OK && m->seg[X86_SEG_DS].selector == 0xc);
	CHECK(mach_fault(m, load_ds(m, 0x104), VEC_GP, 0x104));
	return ok;
}

static bool segment_access_rules(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	m->c.gpr[RBX] = 0x1000;
	mach_load(m, X86_SEG_DS, SEL_RO);
	CHECK(EXEC(m, "\x8b\x03") == EMU_OK);
	CHECK(mach_fault(m, EXEC(m, "\x89\x03"), VEC_GP, 0));
	CHECK(mach_fault(m, EXEC(m, "\x2e\x89\x03"), VEC_GP, 0));
	mach_desc(m, SEL_FREE, 0, 0xfff, 0x97, 0x4);		/* expand-down */
	mach_load(m, X86_SEG_DS, SEL_FREE);
	CHECK(EXEC(m, "\x8b\x03") == EMU_OK);
	m->c.gpr[RBX] = 0xffd;
	CHECK(mach_fault(m, EXEC(m, "\x8b\x03"), VEC_GP, 0));
	m->c.gpr[RBX] = 0x10000;
	m->seg[X86_SEG_DS].db = false;
	CHECK(mach_fault(m, EXEC(m, "\x8b\x03"), VEC_GP, 0));
	return ok;
}

static bool far_pointers_are_loaded(void)
{
	static const struct {
		const char *code;
		u8 len, seg;
	} loads[] = {
		{ "\xc4\x13", 2, X86_SEG_ES }, { "\xc5\x13", 2, X86_SEG_DS },
		{ "\x0f\xb2\x13", 3, X86_SEG_SS }, { "\x0f\xb4\x13", 3, X86_SEG_FS },
		{ "\x0f\xb5\x13", 3, X86_SEG_GS },
	};
	unsigned int i;
	bool ok = true;

	for (i = 0; i < 5; i++) {
		struct mach *m = mach_new(EMU_MODE_PROT32);

		mach_desc(m, SEL_FREE, 0x5000, 0xfffff, 0x93, 0xc);
		mach_put(m, DATA, 0x12345678, 4);
		mach_put(m, DATA + 4, SEL_FREE, 2);
		m->c.gpr[RBX] = DATA;
		CHECK(mach_exec(m, loads[i].code, loads[i].len) == EMU_OK);
		CHECK(m->c.gpr[RDX] == 0x12345678 && m->seg[loads[i].seg].base == 0x5000);
		mach_load(m, X86_SEG_DS, SEL_DATA0);
		mach_put(m, DATA, 1, 4);
		mach_put(m, DATA + 4, SEL_ABSENT | 1, 2);
		CHECK(mach_exec(m, loads[i].code, loads[i].len) == EMU_FAULT);
		CHECK(m->c.gpr[RDX] == 0x12345678 && m->seg[loads[i].seg].selector != SEL_ABSENT);
	}
	return ok;
}

static bool selectors_on_the_stack(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	enum emu_status st;
	bool ok = true;

	mach_desc(m, SEL_FREE, 0x5000, 0xfffff, 0x93, 0xc);
	mach_load(m, X86_SEG_ES, SEL_FREE);
	mach_put(m, STACK - 4, 0xdddddddd, 4);
	CHECK(EXEC(m, "\x06") == EMU_OK && m->c.gpr[RSP] == STACK - 4);	/* push es */
	CHECK(mach_get(m, STACK - 4, 4) == (0xdddd0000 | SEL_FREE));
	CHECK(EXEC(m, "\x1f") == EMU_OK && m->seg[X86_SEG_DS].base == 0x5000);
	CHECK(EXEC(m, "\x1e") == EMU_OK && EXEC(m, "\x07") == EMU_OK);
	CHECK(EXEC(m, "\x0e") == EMU_OK && mach_get(m, STACK - 4, 2) == SEL_CODE0);
	CHECK(EXEC(m, "\x0f\xa9") == EMU_OK && m->seg[X86_SEG_GS].selector == SEL_CODE0);
	CHECK(EXEC(m, "\x16") == EMU_OK && EXEC(m, "\x0f\xa1") == EMU_OK);
	CHECK(m->seg[X86_SEG_FS].selector == SEL_DATA0 && m->c.gpr[RSP] == STACK);
	mach_put(m, STACK, SEL_ABSENT, 4);
	st = EXEC(m, "\x07");
	CHECK(mach_fault(m, st, VEC_NP, SEL_ABSENT) && m->c.gpr[RSP] == STACK);
	m = mach_new(EMU_MODE_PROT64);
	mach_put(m, STACK, SEL_DATA0, 8);
	CHECK(EXEC(m, "\x0f\xa9") == EMU_OK && m->c.gpr[RSP] == STACK + 8);
	return ok;
}

static enum emu_status jump(struct mach *m, u16 sel, u32 off)
{
	u8 code[7] = { 0xea, off, off >> 8, off >> 16, off >> 24, sel, sel >> 8 };

	return mach_exec(m, code, 7);
}

static bool far_jumps_are_checked(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	CHECK(jump(m, SEL_CODE0, CODE + 0x100) == EMU_OK && m->c.rip == CODE + 0x100);
	CHECK(mach_fault(m, jump(m, 3, 0), VEC_GP, 0));
	CHECK(mach_fault(m, jump(m, SEL_DATA0, 0), VEC_GP, SEL_DATA0));
	CHECK(mach_fault(m, jump(m, SEL_CODE3 | 3, 0), VEC_GP, SEL_CODE3));
	CHECK(mach_fault(m, jump(m, SEL_CODE0 | 3, 0), VEC_GP, SEL_CODE0));
	CHECK(mach_fault(m, jump(m, SEL_LDT, 0), VEC_GP, SEL_LDT));
	CHECK(mach_fault(m, jump(m, SEL_CODE16, 0x10000), VEC_GP, 0));
	mach_desc(m, SEL_FREE, 0, 0xfffff, 0x1b, 0xc);
	CHECK(mach_fault(m, jump(m, SEL_FREE, 0), VEC_NP, SEL_FREE));
	m->c.cpl = 3;
	CHECK(jump(m, SEL_CONF, CODE) == EMU_OK && m->c.cpl == 3);
	CHECK(m->seg[X86_SEG_CS].selector == (SEL_CONF | 3));
	m = mach_new(EMU_MODE_PROT64);
	mach_desc(m, SEL_FREE, 0, 0xfffff, 0x9b, 0xe);		/* both L and D */
	mach_put(m, DATA, (u64)SEL_FREE << 32, 8);
	m->c.gpr[RBX] = DATA;
	CHECK(mach_fault(m, EXEC(m, "\xff\x2b"), VEC_GP, SEL_FREE));
	CHECK(mach_fault(m, EXEC(m, "\xea"), VEC_UD, 0));
	return ok;
}

static bool far_call_and_return(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	CHECK(EXEC(m, "\x9a\x00\x02\x01\x00\x08\x00") == EMU_OK);	/* call 8:10200 */
	CHECK(m->c.rip == 0x10200 && m->c.gpr[RSP] == STACK - 8);
	CHECK(mach_get(m, STACK - 8, 4) == CODE + 7 && mach_get(m, STACK - 4, 4) == SEL_CODE0);
	CHECK(EXEC(m, "\xcb") == EMU_OK && m->c.rip == CODE + 7 && m->c.gpr[RSP] == STACK);
	m->c.gpr[RBX] = DATA;
	mach_put(m, DATA, CODE + 0x300, 4);
	mach_put(m, DATA + 4, SEL_CODE0, 2);
	CHECK(EXEC(m, "\xff\x1b") == EMU_OK && m->c.rip == CODE + 0x300);
	CHECK(mach_get(m, STACK - 8, 4) == CODE + 9);
	mach_put(m, STACK - 4, SEL_DATA0, 4);
	m->c.gpr[RSP] = STACK - 8;
	CHECK(mach_fault(m, EXEC(m, "\xcb"), VEC_GP, SEL_DATA0) && m->c.gpr[RSP] == STACK - 8);
	mach_put(m, STACK - 4, 0, 4);
	CHECK(mach_fault(m, EXEC(m, "\xcb"), VEC_GP, 0));
	m->c.cpl = 3;
	mach_put(m, STACK - 4, SEL_CODE0, 4);
	CHECK(mach_fault(m, EXEC(m, "\xcb"), VEC_GP, SEL_CODE0));
	return ok;
}

static struct mach *user_mode(enum emu_mode mode)
{
	struct mach *m = mach_new(mode);

	mach_load(m, X86_SEG_CS, SEL_CODE3 | 3);
	mach_load(m, X86_SEG_SS, SEL_DATA3 | 3);
	mach_load(m, X86_SEG_DS, SEL_DATA3 | 3);
	return m;
}

static bool call_gate_changes_the_stack(void)
{
	struct mach *m = user_mode(EMU_MODE_PROT32);
	bool ok = true;

	mach_gate(m, false, SEL_GATE, SEL_CODE0, 0x12345, 0xec, 2);
	mach_put(m, STACK - 8, 0xaaaa1111, 4);
	mach_put(m, STACK - 4, 0xbbbb2222, 4);
	m->c.gpr[RSP] = STACK - 8;
	CHECK(EXEC(m, "\x9a\x00\x00\x00\x00\x73\x00") == EMU_OK);
	CHECK(m->c.cpl == 0 && m->c.rip == 0x12345 && m->seg[X86_SEG_CS].selector == SEL_CODE0);
	CHECK(m->seg[X86_SEG_SS].selector == SEL_DATA0 && m->c.gpr[RSP] == STACK0 - 24);
	CHECK(mach_get(m, STACK0 - 24, 8) == ((u64)(SEL_CODE3 | 3) << 32 | (CODE + 7)));
	CHECK(mach_get(m, STACK0 - 16, 8) == 0xbbbb2222aaaa1111);
	CHECK(mach_get(m, STACK0 - 8, 8) == ((u64)(SEL_DATA3 | 3) << 32 | (STACK - 8)));
	mach_load(m, X86_SEG_ES, SEL_DATA0);
	CHECK(EXEC(m, "\xca\x08\x00") == EMU_OK);		/* retf 8 */
	CHECK(m->c.cpl == 3 && m->c.rip == CODE + 7 && m->c.gpr[RSP] == STACK);
	CHECK(m->seg[X86_SEG_SS].selector == (SEL_DATA3 | 3) && m->seg[X86_SEG_ES].unusable);
	CHECK(!m->seg[X86_SEG_DS].unusable);
	return ok;
}

static bool call_gates_are_checked(void)
{
	struct mach *m = user_mode(EMU_MODE_PROT32);
	bool ok = true;

	mach_gate(m, false, SEL_GATE, SEL_CODE0, 0x12345, 0x8c, 0);	/* DPL 0 */
	CHECK(mach_fault(m, jump(m, SEL_GATE | 3, 0), VEC_GP, SEL_GATE));
	mach_gate(m, false, SEL_GATE, SEL_CODE0, 0x12345, 0x6c, 0);	/* absent */
	CHECK(mach_fault(m, jump(m, SEL_GATE | 3, 0), VEC_NP, SEL_GATE));
	mach_gate(m, false, SEL_GATE, SEL_CODE0, 0x12345, 0xec, 0);
	CHECK(mach_fault(m, jump(m, SEL_GATE | 3, 0), VEC_GP, SEL_CODE0));	/* no jump inward */
	mach_gate(m, false, SEL_GATE, SEL_CODE3, 0x12345, 0xec, 0);
	CHECK(jump(m, SEL_GATE | 3, 0) == EMU_OK && m->c.rip == 0x12345);
	mach_gate(m, false, SEL_GATE, SEL_CODE0, 0x12345, 0xec, 0);
	mach_put(m, TSS_BASE + 8, SEL_DATA3, 4);
	CHECK(mach_fault(m, EXEC(m, "\x9a\0\0\0\0\x73\0"), VEC_TS, SEL_DATA3));
	mach_put(m, TSS_BASE + 8, 0, 4);
	CHECK(mach_fault(m, EXEC(m, "\x9a\0\0\0\0\x73\0"), VEC_TS, 0));
	m->seg[X86_SEG_TR].limit = 8;
	CHECK(mach_fault(m, EXEC(m, "\x9a\0\0\0\0\x73\0"), VEC_TS, SEL_TSS));
	CHECK(m->c.cpl == 3);
	return ok;
}

static bool interrupt_gates_32(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	m->c.rflags = FL_FIXED | FL_IF | FL_TF | FL_NT;
	mach_gate(m, true, 0x80 * 8, SEL_CODE0, 0x23456, 0xee, 0);
	CHECK(EXEC(m, "\xcd\x80") == EMU_OK);
	CHECK(m->c.rip == 0x23456 && m->c.rflags == FL_FIXED && m->c.gpr[RSP] == STACK - 12);
	CHECK(mach_get(m, STACK - 12, 8) == ((u64)SEL_CODE0 << 32 | (CODE + 2)));
	CHECK(mach_get(m, STACK - 4, 4) == (FL_FIXED | FL_IF | FL_TF | FL_NT));
	mach_put(m, STACK - 4, FL_FIXED | FL_IF, 4);
	CHECK(EXEC(m, "\xcf") == EMU_OK && m->c.rip == CODE + 2 && m->c.gpr[RSP] == STACK);
	CHECK(m->c.rflags == (FL_FIXED | FL_IF));
	mach_gate(m, true, VEC_BP * 8, SEL_CODE0, 0x13456, 0x8f, 0);
	CHECK(EXEC(m, "\xcc") == EMU_OK && m->c.rip == 0x13456);
	m->c.rip = CODE;
	mach_gate(m, true, 0x80 * 8, SEL_CODE0, 0x3456, 0xef, 0);	/* trap: IF stays */
	CHECK(EXEC(m, "\xcd\x80") == EMU_OK && m->c.rflags & FL_IF);
	mach_gate(m, true, 0x80 * 8, SEL_CODE0, 0x9993456, 0xe6, 0);	/* 16 bits */
	m->c.gpr[RSP] = STACK;
	CHECK(EXEC(m, "\xcd\x80") == EMU_OK && m->c.rip == 0x3456 && m->c.gpr[RSP] == STACK - 6);
	return ok;
}

static bool interrupts_from_user_mode(void)
{
	struct mach *m = user_mode(EMU_MODE_PROT32);
	bool ok = true;

	mach_gate(m, true, 0x80 * 8, SEL_CODE0, 0x23456, 0xee, 0);
	m->c.rflags |= FL_IF;
	CHECK(EXEC(m, "\xcd\x80") == EMU_OK);
	CHECK(m->c.cpl == 0 && m->c.gpr[RSP] == STACK0 - 20);
	CHECK(m->seg[X86_SEG_SS].selector == SEL_DATA0);
	CHECK(mach_get(m, STACK0 - 8, 8) == ((u64)(SEL_DATA3 | 3) << 32 | STACK));
	mach_load(m, X86_SEG_DS, SEL_DATA0);
	CHECK(EXEC(m, "\xcf") == EMU_OK && m->c.cpl == 3 && m->c.gpr[RSP] == STACK);
	CHECK(m->c.rip == CODE + 2 && m->seg[X86_SEG_DS].unusable && m->c.rflags & FL_IF);
	/* IRET does not let CPL 3 change IF or IOPL. */
	mach_put(m, STACK - 12, CODE, 4);
	mach_put(m, STACK - 8, SEL_CODE3 | 3, 4);
	mach_put(m, STACK - 4, FL_IOPL | FL_CF, 4);
	m->c.gpr[RSP] = STACK - 12;
	CHECK(EXEC(m, "\xcf") == EMU_OK && m->c.rflags == (FL_FIXED | FL_IF | FL_CF));
	return ok;
}

static bool interrupt_gates_are_checked(void)
{
	struct mach *m = user_mode(EMU_MODE_PROT32);
	bool ok = true;

	mach_gate(m, true, 0x40 * 8, SEL_CODE0, 0x23456, 0x8e, 0);
	CHECK(mach_fault(m, EXEC(m, "\xcd\x40"), VEC_GP, 0x40 * 8 + 2));	/* DPL */
	mach_gate(m, true, 0x40 * 8, SEL_CODE0, 0x23456, 0x6e, 0);
	CHECK(mach_fault(m, EXEC(m, "\xcd\x40"), VEC_NP, 0x40 * 8 + 2));
	mach_gate(m, true, 0x40 * 8, SEL_CODE0, 0x23456, 0xec, 0);	/* a call gate */
	CHECK(mach_fault(m, EXEC(m, "\xcd\x40"), VEC_GP, 0x40 * 8 + 2));
	mach_gate(m, true, 0x40 * 8, 0, 0x23456, 0xee, 0);
	CHECK(mach_fault(m, EXEC(m, "\xcd\x40"), VEC_GP, 0));
	mach_gate(m, true, 0x40 * 8, SEL_DATA0, 0x23456, 0xee, 0);
	CHECK(mach_fault(m, EXEC(m, "\xcd\x40"), VEC_GP, SEL_DATA0));
	m->idt.limit = 0x40 * 8 + 6;
	CHECK(mach_fault(m, EXEC(m, "\xcd\x40"), VEC_GP, 0x40 * 8 + 2));
	CHECK(m->c.gpr[RSP] == STACK && m->c.rip == CODE && m->c.cpl == 3);
	return ok;
}

static bool long_mode_interrupts(void)
{
	struct mach *m = user_mode(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RSP] = STACK - 5;
	mach_gate(m, true, 0x80 * 16, SEL_CODE0, 0x23456, 0xee, 0);
	CHECK(EXEC(m, "\xcd\x80") == EMU_OK && m->c.cpl == 0);
	CHECK(m->c.gpr[RSP] == STACK0 - 40 && m->seg[X86_SEG_SS].unusable);
	CHECK(mach_get(m, STACK0 - 8, 8) == (SEL_DATA3 | 3));
	CHECK(mach_get(m, STACK0 - 16, 8) == STACK - 5);
	CHECK(EXEC(m, "\x48\xcf") == EMU_OK && m->c.cpl == 3 && m->c.rip == CODE + 2);
	CHECK(m->c.gpr[RSP] == STACK - 5 && m->seg[X86_SEG_SS].selector == (SEL_DATA3 | 3));
	mach_gate(m, true, 0x80 * 16, SEL_CODE0, 0x23456, 0xee, 3);	/* IST 3 */
	mach_put(m, TSS_BASE + 28 + 24, 0x7008, 8);
	CHECK(EXEC(m, "\xcd\x80") == EMU_OK && m->c.gpr[RSP] == 0x7000 - 40);
	mach_gate(m, true, 0x80 * 16, SEL_CODE16, 0x23456, 0xee, 0);	/* not 64-bit code */
	CHECK(mach_fault(m, EXEC(m, "\xcd\x80"), VEC_GP, SEL_CODE16));
	/* At the same level the stack is aligned, and SS:RSP are pushed, too. */
	mach_gate(m, true, 0x80 * 16, SEL_CODE0, 0x23456, 0xee, 0);
	m->c.gpr[RSP] = STACK - 5;
	CHECK(EXEC(m, "\xcd\x80") == EMU_OK && m->c.gpr[RSP] == STACK - 16 - 40);
	m->c.rflags |= FL_NT;
	CHECK(mach_fault(m, EXEC(m, "\x48\xcf"), VEC_GP, 0));
	return ok;
}

static bool vm86_and_back(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	static const u32 frame[9] = { 0x100, 0x1000, FL_FIXED | FL_VM | FL_IOPL | FL_IF, 0xff00,
				      0x2000, 0x3000, 0x4000, 0x5000, 0x6000 };
	bool ok = true;

	memcpy(m->mem + STACK - 36, frame, 36);
	m->c.gpr[RSP] = STACK - 36;
	CHECK(EXEC(m, "\xcf") == EMU_OK);
	CHECK(m->c.mode == EMU_MODE_VM86 && m->c.cpl == 3 && m->c.rip == 0x100);
	CHECK(m->seg[X86_SEG_CS].base == CODE && m->seg[X86_SEG_SS].base == 0x20000);
	CHECK(m->seg[X86_SEG_ES].base == 0x30000 && m->seg[X86_SEG_GS].base == 0x60000);
	CHECK(m->c.gpr[RSP] == 0xff00 && m->c.rflags == frame[2]);
	mach_gate(m, true, 0x21 * 8, SEL_CODE0, 0x23456, 0xee, 0);
	CHECK(EXEC(m, "\xcd\x21") == EMU_OK);
	CHECK(m->c.cpl == 0 && m->c.rip == 0x23456 && !(m->c.rflags & FL_VM));
	CHECK(m->c.mode == EMU_MODE_PROT32);
	CHECK(m->c.gpr[RSP] == STACK0 - 36 && m->seg[X86_SEG_DS].unusable);
	CHECK(mach_get(m, STACK0 - 36, 4) == 0x102);
	CHECK(!memcmp(m->mem + STACK0 - 32, frame + 1, 32));
	/* The handler must be at CPL 0. */
	m->c.gpr[RSP] = STACK0 - 36;
	CHECK(EXEC(m, "\xcf") == EMU_OK && m->c.mode == EMU_MODE_VM86);
	mach_gate(m, true, 0x21 * 8, SEL_CONF, 0x23456, 0xee, 0);
	CHECK(mach_fault(m, EXEC(m, "\xcd\x21"), VEC_GP, SEL_CONF));
	return ok;
}

void unit_far(void)
{
	RUN(data_segments_are_checked);
	RUN(stack_segments_are_checked);
	RUN(ldt_segments);
	RUN(segment_access_rules);
	RUN(far_pointers_are_loaded);
	RUN(selectors_on_the_stack);
	RUN(far_jumps_are_checked);
	RUN(far_call_and_return);
	RUN(call_gate_changes_the_stack);
	RUN(call_gates_are_checked);
	RUN(interrupt_gates_32);
	RUN(interrupts_from_user_mode);
	RUN(interrupt_gates_are_checked);
	RUN(long_mode_interrupts);
	RUN(vm86_and_back);
}
