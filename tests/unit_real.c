// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real and virtual-8086 mode.
 */
#include "emu_mach.h"

static bool real_mode_addresses_through_segments(void)
{
	struct mach *m = mach_new(EMU_MODE_REAL);
	bool ok = true;

	m->c.gpr[RBX] = 0x12340010;
	m->c.gpr[RSI] = 0xfff5;
	m->c.gpr[RBP] = 0x20;
	mach_put(m, DATA + 5, 0xbeef, 2);
	mach_put(m, 0x20020, 0xcafe, 2);
	CHECK(EXEC(m, "\x8b\x00") == EMU_OK);		/* mov ax,[bx+si], wraps at 64 KiB */
	CHECK((u16)m->c.gpr[RAX] == 0xbeef && m->c.rip == 0x102);
	CHECK(EXEC(m, "\x8b\x46\x00") == EMU_OK);	/* mov ax,[bp], in SS */
	CHECK((u16)m->c.gpr[RAX] == 0xcafe);
	mach_put(m, 5, 0x1111, 2);
	CHECK(EXEC(m, "\x26\x8b\x00") == EMU_OK);	/* mov ax,es:[bx+si] */
	CHECK((u16)m->c.gpr[RAX] == 0x1111);
	mach_put(m, DATA + 0x8010, 0x22223333, 4);
	m->c.gpr[RBX] = 0x10;
	CHECK(EXEC(m, "\x67\x66\x8b\x83\x00\x80\x00\x00") == EMU_OK);
	CHECK(m->c.gpr[RAX] == 0x22223333);
	return ok;
}

static bool real_mode_limit_faults_have_no_error_code(void)
{
	struct mach *m = mach_new(EMU_MODE_REAL);
	enum emu_status st;
	bool ok = true;

	m->c.gpr[RSI] = 0xffff;
	st = EXEC(m, "\x8b\x04");			/* mov ax,[si] */
	CHECK(mach_fault(m, st, VEC_GP, 0) && !m->c.fault.has_error);
	m->c.gpr[RBP] = 0xffff;
	st = EXEC(m, "\x8b\x46\x00");			/* mov ax,[bp] */
	CHECK(mach_fault(m, st, VEC_SS, 0) && !m->c.fault.has_error);
	m->c.gpr[RSP] = 1;
	st = EXEC(m, "\x50");				/* push ax */
	CHECK(mach_fault(m, st, VEC_SS, 0) && m->c.gpr[RSP] == 1);
	CHECK(EXEC(m, "\x8a\x04") == EMU_OK);		/* the last byte is in the limit */
	m->c.rip = 0xffff;
	m->mem[CODE + 0xffff] = 0x8b;
	st = emu_decode(&m->c, NULL, 0);		/* the rest of the instruction is not */
	CHECK(mach_fault(m, st, VEC_GP, 0));
	return ok;
}

static bool real_mode_keeps_large_limits(void)
{
	struct mach *m = mach_new(EMU_MODE_REAL);
	bool ok = true;

	m->seg[X86_SEG_DS].limit = 0xffffffff;
	m->c.gpr[RBX] = 0x40000;
	m->c.gpr[RAX] = 0x2000;
	mach_put(m, 0x60000, 0x5678, 2);
	CHECK(EXEC(m, "\x8e\xd8") == EMU_OK);		/* mov ds,ax */
	CHECK(m->seg[X86_SEG_DS].base == 0x20000 && m->seg[X86_SEG_DS].selector == 0x2000);
	CHECK(EXEC(m, "\x67\x8b\x03") == EMU_OK);	/* mov ax,[ebx] */
	CHECK((u16)m->c.gpr[RAX] == 0x5678);
	return ok;
}

static bool real_mode_32_bit_code_segment(void)
{
	struct mach *m = mach_new(EMU_MODE_REAL);
	bool ok = true;

	m->seg[X86_SEG_CS].db = true;
	CHECK(EXEC(m, "\xb8\x78\x56\x34\x12") == EMU_OK);
	CHECK(m->c.gpr[RAX] == 0x12345678 && m->c.rip == 0x105);
	return ok;
}

static bool real_mode_far_transfers(void)
{
	struct mach *m = mach_new(EMU_MODE_REAL);
	enum emu_status st;
	bool ok = true;

	CHECK(EXEC(m, "\xea\x34\x12\x00\x30") == EMU_OK);	/* jmp 3000:1234 */
	CHECK(m->seg[X86_SEG_CS].base == 0x30000 && m->c.rip == 0x1234);
	CHECK(EXEC(m, "\x9a\x78\x06\x00\x40") == EMU_OK);	/* call 4000:0678 */
	CHECK(m->seg[X86_SEG_CS].selector == 0x4000 && m->c.rip == 0x678);
	CHECK(mach_get(m, 0x20000 + 0xfefc, 4) == 0x30001239 && m->c.gpr[RSP] == 0xfefc);
	CHECK(EXEC(m, "\xca\x06\x00") == EMU_OK);		/* retf 6 */
	CHECK(m->c.rip == 0x1239 && m->c.gpr[RSP] == 0xff06);
	mach_put(m, DATA + 0x10, 0x55556666, 4);
	CHECK(EXEC(m, "\xff\x2e\x10\x00") == EMU_OK);		/* jmp far [10] */
	CHECK(m->c.rip == 0x6666 && m->seg[X86_SEG_CS].base == 0x55550);
	st = EXEC(m, "\x66\xea\x00\x00\x01\x00\x00\x30");	/* beyond the limit */
	CHECK(mach_fault(m, st, VEC_GP, 0) && m->seg[X86_SEG_CS].base == 0x55550);
	mach_put(m, DATA + 0x20, 0x12340042, 4);
	CHECK(EXEC(m, "\xc4\x1e\x20\x00") == EMU_OK);		/* les bx,[20] */
	CHECK((u16)m->c.gpr[RBX] == 0x42 && m->seg[X86_SEG_ES].base == 0x12340);
	return ok;
}

static bool real_mode_interrupts(void)
{
	struct mach *m = mach_new(EMU_MODE_REAL);
	enum emu_status st;
	bool ok = true;

	mach_put(m, 0x21 * 4, 0x33330044, 4);
	m->c.rflags = FL_FIXED | FL_IF | FL_TF | FL_CF | FL_AC;
	CHECK(EXEC(m, "\xcd\x21") == EMU_OK);
	CHECK(m->c.rip == 0x44 && m->seg[X86_SEG_CS].base == 0x33330);
	CHECK(m->c.rflags == (FL_FIXED | FL_CF) && m->c.gpr[RSP] == 0xfefa);
	CHECK(mach_get(m, 0x2fefa, 2) == 0x102 && mach_get(m, 0x2fefc, 2) == CODE >> 4);
	CHECK(mach_get(m, 0x2fefe, 2) == (FL_FIXED | FL_IF | FL_TF | FL_CF));
	CHECK(EXEC(m, "\xcf") == EMU_OK && m->c.unblock_nmi);
	CHECK(m->c.rip == 0x102 && m->seg[X86_SEG_CS].base == CODE && m->c.gpr[RSP] == 0xff00);
	CHECK(m->c.rflags == (FL_FIXED | FL_IF | FL_TF | FL_CF));

	m->idt.limit = 0x21 * 4 + 2;
	st = EXEC(m, "\xcd\x21");
	CHECK(mach_fault(m, st, VEC_GP, 0) && m->c.gpr[RSP] == 0xff00);
	mach_put(m, 3 * 4, 0x44440055, 4);
	CHECK(emu_inject_real(&m->c, 3, 0x777) == EMU_OK);
	CHECK(m->c.rip == 0x55 && mach_get(m, 0x2fefa, 2) == 0x777);
	m->c.rflags |= FL_OF;
	mach_put(m, 4 * 4, 0x55550066, 4);
	CHECK(EXEC(m, "\xce") == EMU_OK && m->c.rip == 0x66);	/* into */
	m->c.rflags &= ~FL_OF;
	CHECK(EXEC(m, "\xce") == EMU_OK && m->c.rip == 0x67);
	m->idt.limit = 0x3ff;
	m->c.gpr[RSP] = 3;			/* the second push does not fit */
	st = EXEC(m, "\xcc");
	CHECK(mach_fault(m, st, VEC_SS, 0) && m->c.gpr[RSP] == 3);
	return ok;
}

static bool shadows_of_sti_and_mov_ss(void)
{
	struct mach *m = mach_new(EMU_MODE_REAL);
	bool ok = true;

	CHECK(EXEC(m, "\xfb") == EMU_OK && m->c.block_sti && m->c.rflags & FL_IF);
	CHECK(EXEC(m, "\xfb") == EMU_OK && !m->c.block_sti);	/* IF was set */
	CHECK(EXEC(m, "\xfa") == EMU_OK && !(m->c.rflags & FL_IF));
	m->c.gpr[RAX] = 0x2000;
	CHECK(EXEC(m, "\x8e\xd0") == EMU_OK && m->c.block_mov_ss);
	CHECK(EXEC(m, "\x16") == EMU_OK && !m->c.block_mov_ss);
	CHECK(EXEC(m, "\x17") == EMU_OK && m->c.block_mov_ss);
	CHECK(EXEC(m, "\x8e\xd8") == EMU_OK && !m->c.block_mov_ss);
	return ok;
}

static bool vm86_needs_iopl_3(void)
{
	static const char *const codes[] = { "\xfa", "\xfb", "\x9c", "\x9d", "\xcf", "\xcd\x21" };
	struct mach *m = mach_new(EMU_MODE_VM86);
	enum emu_status st;
	unsigned int i;
	bool ok = true;

	m->c.cpl = 3;
	for (i = 0; i < 6; i++) {
		m->c.rflags = FL_FIXED | FL_VM | 2ull << 12;
		st = mach_exec(m, codes[i], 2);
		CHECK(mach_fault(m, st, VEC_GP, 0) && m->c.fault.has_error);
		CHECK(m->c.gpr[RSP] == 0xff00 && m->c.rip == 0x100);
	}
	m->c.rflags = FL_FIXED | FL_VM | FL_IOPL;
	CHECK(EXEC(m, "\xfb") == EMU_OK && m->c.rflags & FL_IF && m->c.block_sti);
	mach_put(m, 0x20000 + 0xff00, 0xffff, 2);
	CHECK(EXEC(m, "\x9d") == EMU_OK);
	CHECK(m->c.rflags == (FL_FIXED | FL_VM | FL_IOPL | FL_ARITH | FL_TF | FL_IF | FL_DF |
			      FL_NT));
	return ok;
}

static bool vm86_with_vme_uses_vif(void)
{
	struct mach *m = mach_new(EMU_MODE_VM86);
	enum emu_status st;
	bool ok = true;

	m->c.cpl = 3;
	m->cr[4] |= CR4_VME;
	m->c.rflags = FL_FIXED | FL_VM | FL_IF;
	CHECK(EXEC(m, "\xfb") == EMU_OK && m->c.rflags == (FL_FIXED | FL_VM | FL_IF | FL_VIF));
	CHECK(!m->c.block_sti);
	CHECK(EXEC(m, "\x9c") == EMU_OK);
	CHECK(mach_get(m, 0x2fefe, 2) == (FL_FIXED | FL_IF | FL_IOPL));
	CHECK(EXEC(m, "\xfa") == EMU_OK && !(m->c.rflags & FL_VIF));
	CHECK(EXEC(m, "\x9d") == EMU_OK && m->c.rflags & FL_VIF && !(m->c.rflags & FL_IOPL));
	m->c.rflags |= FL_VIP;
	st = EXEC(m, "\xfb");
	CHECK(mach_fault(m, st, VEC_GP, 0));
	return ok;
}

static bool vm86_segments(void)
{
	struct mach *m = mach_new(EMU_MODE_VM86);
	bool ok = true;

	m->c.cpl = 3;
	m->c.gpr[RAX] = 0x1234;
	m->seg[X86_SEG_ES].limit = 0x7fff;
	CHECK(EXEC(m, "\x8e\xc0") == EMU_OK);
	CHECK(m->seg[X86_SEG_ES].base == 0x12340 && m->seg[X86_SEG_ES].limit == 0xffff);
	CHECK(m->seg[X86_SEG_ES].dpl == 3 && m->seg[X86_SEG_ES].type == 3);
	return ok;
}

void unit_real(void)
{
	RUN(real_mode_addresses_through_segments);
	RUN(real_mode_limit_faults_have_no_error_code);
	RUN(real_mode_keeps_large_limits);
	RUN(real_mode_32_bit_code_segment);
	RUN(real_mode_far_transfers);
	RUN(real_mode_interrupts);
	RUN(shadows_of_sti_and_mov_ss);
	RUN(vm86_needs_iopl_3);
	RUN(vm86_with_vme_uses_vif);
	RUN(vm86_segments);
}
