// SPDX-License-Identifier: GPL-2.0-only
/*
 * Task switches, after SDM vol. 3A 8.3.
 */
#include "emu_mach.h"

#define SEL_TSS16	0x98
#define TSS16_BASE	0x6000u
#define NEW_STACK	0x2c000u
#define NEW_CODE	0x14000u

/* A 32-bit TSS with something in each field. */
static void fill_tss32(struct mach *m, u64 tss)
{
	static const u16 segs[6] = { SEL_DATA0, SEL_CODE0, SEL_DATA0, SEL_DATA0, 0, SEL_DATA0 };
	unsigned int i;

	mach_put(m, tss + 0x1c, 0x77000, 4);
	mach_put(m, tss + 0x20, NEW_CODE, 4);
	mach_put(m, tss + 0x24, FL_FIXED | FL_CF, 4);
	for (i = 0; i < 8; i++)
		mach_put(m, tss + 0x28 + 4 * i, i == RSP ? NEW_STACK : 0x11110000 + i, 4);
	for (i = 0; i < 6; i++)
		mach_put(m, tss + 0x48 + 4 * i, segs[i], 4);
	mach_put(m, tss + 0x60, 0, 4);
	mach_put(m, tss + 0x64, 0, 4);
}

static void fill_tss16(struct mach *m, u64 tss)
{
	static const u16 segs[4] = { SEL_DATA0, SEL_CODE0, SEL_DATA0, SEL_DATA0 };
	unsigned int i;

	mach_put(m, tss + 14, 0x4000, 2);
	mach_put(m, tss + 16, FL_FIXED | FL_ZF, 2);
	for (i = 0; i < 8; i++)
		mach_put(m, tss + 18 + 2 * i, 0x2200 + i, 2);
	for (i = 0; i < 4; i++)
		mach_put(m, tss + 34 + 2 * i, segs[i], 2);
	mach_put(m, tss + 42, 0, 2);
}

static struct mach *with_tasks(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	unsigned int i;

	mach_desc(m, SEL_TSS16, TSS16_BASE, 0x2b, 0x81, 0);
	fill_tss32(m, TSS2_BASE);
	fill_tss16(m, TSS16_BASE);
	for (i = 0; i < 8; i++)
		if (i != RSP)
			m->c.gpr[i] = 0x99990000 + i;
	m->cr[3] = 0x55000;
	m->dr[7] = 0x5ff;
	return m;
}

static u8 access_byte(struct mach *m, u16 sel)
{
	return m->mem[GDT_BASE + sel + 5];
}

static bool in_second_task(struct mach *m)
{
	bool ok = true;
	unsigned int i;

	CHECK(m->c.rip == NEW_CODE && m->cr[3] == 0x77000 && m->cr[0] & CR0_TS);
	for (i = 0; i < 8; i++)
		CHECK(m->c.gpr[i] == (i == RSP ? NEW_STACK : 0x11110000 + i));
	CHECK(m->seg[X86_SEG_TR].selector == SEL_TSS2 && m->seg[X86_SEG_TR].type == 11);
	CHECK(m->seg[X86_SEG_CS].selector == SEL_CODE0 && m->seg[X86_SEG_FS].unusable);
	CHECK(m->seg[X86_SEG_GS].selector == SEL_DATA0 && !m->seg[X86_SEG_GS].unusable);
	CHECK(m->seg[X86_SEG_LDTR].unusable && access_byte(m, SEL_TSS2) == 0x8b);
	CHECK(!(m->dr[7] & 0x155) && m->dr[7] & 0xaa);
	return ok;
}

static bool old_task_is_saved(struct mach *m, u32 eip, u32 flags)
{
	bool ok = true;
	unsigned int i;

	CHECK(mach_get(m, TSS_BASE + 0x20, 4) == eip && mach_get(m, TSS_BASE + 0x24, 4) == flags);
	for (i = 0; i < 8; i++)
		CHECK(mach_get(m, TSS_BASE + 0x28 + 4 * i, 4) ==
		      (i == RSP ? STACK : 0x99990000 + i));
	CHECK(mach_get(m, TSS_BASE + 0x4c, 4) == SEL_CODE0);
	CHECK(mach_get(m, TSS_BASE + 0x48, 4) == SEL_DATA0);
	return ok;
}

static bool task_switch_by_jump(void)
{
	struct mach *m = with_tasks();
	bool ok = true;

	CHECK(EXEC(m, "\xea\0\0\0\0\x50\0") == EMU_OK);
	CHECK(in_second_task(m) && old_task_is_saved(m, CODE + 7, FL_FIXED));
	CHECK(m->c.rflags == (FL_FIXED | FL_CF) && access_byte(m, SEL_TSS) == 0x89);
	CHECK(mach_get(m, TSS2_BASE, 2) == 0);
	return ok;
}

static bool task_switch_by_call_and_back(void)
{
	struct mach *m = with_tasks();
	bool ok = true;

	mach_put(m, TSS_BASE + 0x1c, 0x55000, 4);	/* CR3 is not saved */
	CHECK(EXEC(m, "\x9a\0\0\0\0\x50\0") == EMU_OK);
	CHECK(in_second_task(m) && old_task_is_saved(m, CODE + 7, FL_FIXED));
	CHECK(m->c.rflags == (FL_FIXED | FL_CF | FL_NT) && access_byte(m, SEL_TSS) == 0x8b);
	CHECK(mach_get(m, TSS2_BASE, 2) == SEL_TSS);
	m->c.gpr[RAX] = 0x4444;
	CHECK(EXEC(m, "\xcf") == EMU_OK);		/* iret with NT: back */
	CHECK(m->c.rip == CODE + 7 && m->seg[X86_SEG_TR].selector == SEL_TSS);
	CHECK(m->c.gpr[RAX] == 0x99990000 && m->c.gpr[RSP] == STACK && m->cr[3] == 0x55000);
	CHECK(access_byte(m, SEL_TSS2) == 0x89 && access_byte(m, SEL_TSS) == 0x8b);
	CHECK(mach_get(m, TSS2_BASE + 0x28, 4) == 0x4444);
	CHECK(mach_get(m, TSS2_BASE + 0x24, 4) == (FL_FIXED | FL_CF));	/* NT cleared */
	CHECK(mach_get(m, TSS2_BASE + 0x20, 4) == NEW_CODE + 1);
	return ok;
}

static bool task_switch_by_task_gates(void)
{
	struct mach *m = with_tasks();
	bool ok = true;

	mach_gate(m, false, SEL_GATE, SEL_TSS2, 0, 0x85, 0);
	CHECK(EXEC(m, "\xea\0\0\0\0\x70\0") == EMU_OK && in_second_task(m));
	m = with_tasks();
	mach_gate(m, true, 0x80 * 8, SEL_TSS2, 0, 0x85, 0);
	CHECK(EXEC(m, "\xcd\x80") == EMU_OK && in_second_task(m));
	CHECK(old_task_is_saved(m, CODE + 2, FL_FIXED) && m->c.rflags & FL_NT);
	m = with_tasks();
	CHECK(emu_task_switch(&m->c, SEL_TSS2, -1, 3, true, 0xabcd) == EMU_OK);
	CHECK(m->c.gpr[RSP] == NEW_STACK - 4 && mach_get(m, NEW_STACK - 4, 4) == 0xabcd);
	CHECK(old_task_is_saved(m, CODE, FL_FIXED) && mach_get(m, TSS2_BASE, 2) == SEL_TSS);
	return ok;
}

static bool task_switch_to_16_bit_tss_and_back(void)
{
	struct mach *m = with_tasks();
	bool ok = true;

	CHECK(emu_task_switch(&m->c, SEL_TSS16, -1, 0, false, 0) == EMU_OK);
	CHECK(m->c.rip == 0x4000 && m->c.gpr[RBX] == (0x99990000 | 0x2203));
	CHECK(m->c.rflags == (FL_FIXED | FL_ZF | FL_NT) && m->seg[X86_SEG_TR].type == 3);
	CHECK(m->seg[X86_SEG_DS].selector == SEL_DATA0 && m->seg[X86_SEG_GS].unusable);
	CHECK(mach_get(m, TSS16_BASE, 2) == SEL_TSS && m->cr[3] == 0x55000);
	CHECK(old_task_is_saved(m, CODE, FL_FIXED));
	m->c.gpr[RSI] = 0xabcd1234;
	CHECK(emu_task_switch(&m->c, SEL_TSS, -1, 1, false, 0) == EMU_OK);
	CHECK(mach_get(m, TSS16_BASE + 30, 2) == 0x1234);
	CHECK(mach_get(m, TSS16_BASE + 14, 2) == 0x4000);
	CHECK(mach_get(m, TSS16_BASE + 16, 2) == (FL_FIXED | FL_ZF));
	CHECK(access_byte(m, SEL_TSS16) == 0x81 && m->c.rip == CODE);
	return ok;
}

static bool task_switch_to_vm86(void)
{
	struct mach *m = with_tasks();
	bool ok = true;

	mach_put(m, TSS2_BASE + 0x20, 0x123, 4);
	mach_put(m, TSS2_BASE + 0x24, FL_FIXED | FL_VM, 4);
	mach_put(m, TSS2_BASE + 0x4c, 0x2345, 4);
	CHECK(emu_task_switch(&m->c, SEL_TSS2, -1, 2, false, 0) == EMU_OK);
	CHECK(m->c.mode == EMU_MODE_VM86 && m->c.cpl == 3);
	CHECK(m->seg[X86_SEG_CS].base == 0x23450 && m->seg[X86_SEG_CS].limit == 0xffff);
	CHECK(m->seg[X86_SEG_DS].base == SEL_DATA0 << 4);
	return ok;
}

/* Faults of the old task: nothing has changed. */
static bool task_switch_is_checked_before(void)
{
	struct mach *m = with_tasks();
	struct emu_ctxt before = m->c;
	enum emu_status st;
	bool ok = true;

	st = emu_task_switch(&m->c, SEL_TSS, -1, 2, false, 0);		/* busy */
	CHECK(mach_fault(m, st, VEC_GP, SEL_TSS) && !m->c.fault.trap);
	st = emu_task_switch(&m->c, SEL_TSS2, -1, 1, false, 0);		/* not busy */
	CHECK(mach_fault(m, st, VEC_TS, SEL_TSS2));
	st = emu_task_switch(&m->c, SEL_DATA0, -1, 0, false, 0);
	CHECK(mach_fault(m, st, VEC_GP, SEL_DATA0));
	st = emu_task_switch(&m->c, SEL_TSS2 | 4, -1, 0, false, 0);
	CHECK(mach_fault(m, st, VEC_GP, SEL_TSS2 | 4));
	st = emu_task_switch(&m->c, 0x1000, -1, 3, false, 0);
	CHECK(mach_fault(m, st, VEC_TS, 0x1001));			/* EXT */
	mach_desc(m, SEL_TSS2, TSS2_BASE, 0x66, 0x89, 0);
	st = emu_task_switch(&m->c, SEL_TSS2, -1, 0, false, 0);
	CHECK(mach_fault(m, st, VEC_TS, SEL_TSS2));
	mach_desc(m, SEL_TSS2, TSS2_BASE, 0xfff, 0x09, 0);
	st = emu_task_switch(&m->c, SEL_TSS2, -1, 0, false, 0);
	CHECK(mach_fault(m, st, VEC_NP, SEL_TSS2));
	mach_desc(m, SEL_TSS2, 0x2a000, 0xfff, 0x89, 0);
	m->absent = 0x2a000;
	st = emu_task_switch(&m->c, SEL_TSS2, -1, 0, false, 0);
	CHECK(mach_fault(m, st, VEC_PF, 0) && !m->c.fault.trap);
	CHECK(!memcmp(before.gpr, m->c.gpr, sizeof(before.gpr)) && m->c.rip == CODE);
	CHECK(m->seg[X86_SEG_TR].selector == SEL_TSS && !(m->cr[0] & CR0_TS));
	m->c.cpl = 3;
	mach_desc(m, SEL_TSS2, TSS2_BASE, 0xfff, 0x89, 0);
	CHECK(mach_fault(m, EXEC(m, "\xea\0\0\0\0\x53\0"), VEC_GP, SEL_TSS2));	/* DPL */
	return ok;
}

/* Puts @val at @off of the new TSS and expects a fault in the new task. */
static bool fails_in_new_task(unsigned int off, u32 val, u8 vector, u32 error)
{
	struct mach *m = with_tasks();
	enum emu_status st;
	bool ok = true;

	mach_put(m, TSS2_BASE + off, val, 4);
	st = EXEC(m, "\xea\0\0\0\0\x50\0");
	CHECK(mach_trap(m, st, vector, error));
	CHECK(m->seg[X86_SEG_TR].selector == SEL_TSS2 && m->c.gpr[RBX] == 0x11110003);
	CHECK(access_byte(m, SEL_TSS2) == 0x8b && access_byte(m, SEL_TSS) == 0x89);
	return ok;
}

static bool task_switch_faults_in_the_new_task(void)
{
	bool ok = true;

	CHECK(fails_in_new_task(0x60, SEL_DATA0, VEC_TS, SEL_DATA0));	/* LDT */
	CHECK(fails_in_new_task(0x60, 0x1000, VEC_TS, 0x1000));
	CHECK(fails_in_new_task(0x4c, 0, VEC_TS, 0));			/* CS */
	CHECK(fails_in_new_task(0x4c, SEL_DATA0, VEC_TS, SEL_DATA0));
	CHECK(fails_in_new_task(0x4c, SEL_CODE3, VEC_TS, SEL_CODE3));
	CHECK(fails_in_new_task(0x50, 0, VEC_TS, 0));			/* SS */
	CHECK(fails_in_new_task(0x50, SEL_DATA3, VEC_TS, SEL_DATA3));
	CHECK(fails_in_new_task(0x54, SEL_ABSENT, VEC_NP, SEL_ABSENT));	/* DS */
	CHECK(fails_in_new_task(0x5c, SEL_LDT, VEC_TS, SEL_LDT));	/* GS */
	return ok;
}

static bool task_switch_debug_trap(void)
{
	struct mach *m = with_tasks();
	enum emu_status st;
	bool ok = true;

	mach_put(m, TSS2_BASE + 0x64, 1, 2);
	st = EXEC(m, "\xea\0\0\0\0\x50\0");
	CHECK(mach_trap(m, st, VEC_DB, 0) && m->c.fault.cr2 == 0x8000);
	CHECK(in_second_task(m));
	return ok;
}

void unit_task(void)
{
	RUN(task_switch_by_jump);
	RUN(task_switch_by_call_and_back);
	RUN(task_switch_by_task_gates);
	RUN(task_switch_to_16_bit_tss_and_back);
	RUN(task_switch_to_vm86);
	RUN(task_switch_is_checked_before);
	RUN(task_switch_faults_in_the_new_task);
	RUN(task_switch_debug_trap);
}
