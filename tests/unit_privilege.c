// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flaws that were published for instruction emulators of hypervisors, a case for
 * each class: privilege, and where control goes. Each fails if the check it is about
 * is taken away.
 */
#include "emu_mach.h"

#define NOT_CANONICAL	0x0000800000000000ull

struct code {
	unsigned int len;
	const char *bytes;
};

#define CODE_OF(s)	{ sizeof(s) - 1, s }

/* Programs ran these: CVE-2014-7155 (HLT LGDT LIDT LMSW), CVE-2009-3722 (MOV DR). */
static bool privilege_of_system_instructions(void)
{
	static const struct code insns[] = {
		CODE_OF("\xf4"), CODE_OF("\x0f\x01\x13"), CODE_OF("\x0f\x01\x1b"),
		CODE_OF("\x0f\x01\xf0"), CODE_OF("\x0f\x06"), CODE_OF("\x0f\x20\xc0"),
		CODE_OF("\x0f\x22\xd8"), CODE_OF("\x0f\x21\xf8"), CODE_OF("\x0f\x23\xf8"),
		CODE_OF("\x0f\x01\x3b"), CODE_OF("\x0f\x08"), CODE_OF("\x0f\x09"),
		CODE_OF("\x0f\x30"), CODE_OF("\x0f\x32"), CODE_OF("\x0f\x35"),
	};
	static const u8 modes[] = { EMU_MODE_PROT16, EMU_MODE_PROT32, EMU_MODE_PROT64,
				    EMU_MODE_VM86 };
	unsigned int i, j;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		for (j = 0; j < ARRAY_SIZE(insns); j++) {
			struct mach *m = mach_new(modes[i]);

			m->c.cpl = 3;
			m->c.rip = 0x9000;
			m->sysenter[0] = SEL_CODE0;
			CHECK(mach_fault(m, mach_exec(m, insns[j].bytes, insns[j].len), VEC_GP, 0));
		}
	}
	return ok;
}

/* Descriptors were loaded in modes that have none. */
static bool no_descriptors_in_virtual_8086_mode(void)
{
	static const struct code insns[] = {
		CODE_OF("\x0f\x00\xc0"), CODE_OF("\x0f\x00\xc8"), CODE_OF("\x0f\x00\xd0"),
		CODE_OF("\x0f\x00\xd8"), CODE_OF("\x0f\x00\xe0"), CODE_OF("\x0f\x02\xc0"),
		CODE_OF("\x0f\x03\xc0"), CODE_OF("\x63\xc0"),
	};
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(insns); i++) {
		struct mach *m = mach_new(EMU_MODE_VM86);

		m->c.cpl = 3;
		CHECK(mach_fault(m, mach_exec(m, insns[i].bytes, insns[i].len), VEC_UD, 0));
		m = mach_new(EMU_MODE_REAL);
		CHECK(mach_fault(m, mach_exec(m, insns[i].bytes, insns[i].len), VEC_UD, 0));
	}
	return ok;
}

/* Ports were open to programs: CVE-2010-0306. IOPL 3 does not open them in virtual-8086 mode. */
static bool ports_in_virtual_8086_mode(void)
{
	struct mach *m = mach_new(EMU_MODE_VM86);
	bool ok = true;

	m->c.cpl = 3;
	m->c.rflags |= FL_IOPL;
	m->seg[X86_SEG_TR] = (struct x86_segment){ .type = 11, .present = true, .base = TSS_BASE,
						   .limit = 0x67 };
	mach_put(m, TSS_BASE + 102, 0xffff, 2);
	CHECK(mach_fault(m, EXEC(m, "\xe4\x60"), VEC_GP, 0) && !m->nr_done);
	return ok;
}

/* Memory was reached with the hypervisor's rights, not the program's: CVE-2010-0298. */
static bool programs_reach_user_memory_only(void)
{
	struct mach *m = mach_at_cpl_3(EMU_MODE_PROT32);
	bool ok = true;

	m->c.gpr[RBX] = STACK0 - 16;
	CHECK(mach_fault(m, EXEC(m, "\x8b\x03"), VEC_PF, 5));
	CHECK(mach_fault(m, EXEC(m, "\x89\x03"), VEC_PF, 7));
	return ok;
}

/* SGDT, SIDT wrote to supervisor pages for programs: CVE-2018-10853. */
static bool descriptor_tables_are_stored_with_the_programs_rights(void)
{
	struct mach *m = mach_at_cpl_3(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RBX] = STACK0 - 16;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x01\x03"), VEC_PF, 7));
	CHECK(mach_fault(m, EXEC(m, "\x0f\x01\x0b"), VEC_PF, 7));
	return ok;
}

/* Far branches entered inner code: CVE-2014-8595. */
static bool privilege_of_far_branches(void)
{
	struct mach *m = mach_at_cpl_3(EMU_MODE_PROT32);
	bool ok = true;

	CHECK(mach_fault(m, EXEC(m, "\xea\0\0\0\0\x08\0"), VEC_GP, SEL_CODE0));
	CHECK(mach_fault(m, EXEC(m, "\x9a\0\0\0\0\x08\0"), VEC_GP, SEL_CODE0));
	CHECK(mach_fault(m, EXEC(m, "\xea\0\0\0\0\x0b\0"), VEC_GP, SEL_CODE0));
	mach_put(m, STACK - 8, CODE, 4);
	mach_put(m, STACK - 4, SEL_CODE0, 4);
	m->c.gpr[RSP] = STACK - 8;
	CHECK(mach_fault(m, EXEC(m, "\xcb"), VEC_GP, SEL_CODE0));
	CHECK(m->c.cpl == 3 && m->seg[X86_SEG_CS].selector == SEL_CODE3);
	/* Data is no code. */
	CHECK(mach_fault(m, EXEC(m, "\xea\0\0\0\0\x23\0"), VEC_GP, SEL_DATA3));
	return ok;
}

/* IRET went inwards, and into virtual-8086 mode without the right to. */
static bool iret_does_not_raise_privilege(void)
{
	struct mach *m = mach_at_cpl_3(EMU_MODE_PROT32);
	bool ok = true;

	mach_put(m, STACK - 12, CODE, 4);
	mach_put(m, STACK - 8, SEL_CODE0, 4);
	mach_put(m, STACK - 4, FL_FIXED, 4);
	m->c.gpr[RSP] = STACK - 12;
	CHECK(mach_fault(m, EXEC(m, "\xcf"), VEC_GP, SEL_CODE0));
	mach_put(m, STACK - 8, SEL_CODE3 | 3, 4);
	mach_put(m, STACK - 4, FL_FIXED | FL_VM | FL_IOPL | FL_IF, 4);
	CHECK(EXEC(m, "\xcf") == EMU_OK && m->c.mode == EMU_MODE_PROT32 && m->c.cpl == 3);
	CHECK(!(m->c.rflags & (FL_VM | FL_IOPL | FL_IF)));
	mach_put(m, m->c.gpr[RSP], FL_FIXED | FL_VM | FL_IOPL | FL_IF, 4);
	CHECK(EXEC(m, "\x9d") == EMU_OK && !(m->c.rflags & (FL_VM | FL_IOPL | FL_IF)));
	return ok;
}

/* INT n by ring 3 through gates of DPL 0: CVE-2014-7156. */
static bool software_interrupts_need_the_gates_dpl(void)
{
	struct mach *m = mach_at_cpl_3(EMU_MODE_PROT32);
	bool ok = true;

	mach_gate(m, true, 0x80 * 8, SEL_CODE0, CODE, 0x8e, 0);
	CHECK(mach_fault(m, EXEC(m, "\xcd\x80"), VEC_GP, 0x80 * 8 + 2) && m->c.cpl == 3);
	mach_gate(m, true, 3 * 8, SEL_CODE0, CODE, 0x8e, 0);
	CHECK(mach_fault(m, EXEC(m, "\xcc"), VEC_GP, 3 * 8 + 2));
	return ok;
}

/* RIP left the canonical half, and VM entry failed: CVE-2014-3647. */
static bool branches_stay_canonical(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RAX] = NOT_CANONICAL;
	CHECK(mach_fault(m, EXEC(m, "\xff\xe0"), VEC_GP, 0) && m->c.rip == CODE);
	CHECK(mach_fault(m, EXEC(m, "\xff\xd0"), VEC_GP, 0) && m->c.gpr[RSP] == STACK);
	mach_put(m, STACK - 8, NOT_CANONICAL, 8);
	m->c.gpr[RSP] = STACK - 8;
	CHECK(mach_fault(m, EXEC(m, "\xc3"), VEC_GP, 0) && m->c.gpr[RSP] == STACK - 8);
	m->c.gpr[RBX] = DATA;
	mach_put(m, DATA, NOT_CANONICAL, 8);
	mach_put(m, DATA + 8, SEL_CODE0, 2);
	CHECK(mach_fault(m, EXEC(m, "\x48\xff\x2b"), VEC_GP, 0));
	return ok;
}

/* SYSRET faulted in the kernel with the program's stack: CVE-2012-0217. */
static bool sysret_checks_before_it_returns(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->star[0] = 0x001b000800000000;
	m->c.gpr[RCX] = NOT_CANONICAL;
	m->c.gpr[11] = ~0ull;
	CHECK(mach_fault(m, EXEC(m, "\x48\x0f\x07"), VEC_GP, 0) && !m->c.cpl);
	m->c.gpr[RCX] = 0x1234500001111;
	CHECK(EXEC(m, "\x0f\x07") == EMU_OK && m->c.rip == 0x00001111);
	CHECK(m->c.cpl == 3 && m->c.mode == EMU_MODE_PROT32 && m->c.rflags == 0x3c7fd7);
	CHECK(m->seg[X86_SEG_CS].selector == 0x1b && m->seg[X86_SEG_SS].selector == 0x23);
	m = mach_new(EMU_MODE_PROT64);
	m->star[0] = 0x001b000800000000;
	m->c.gpr[RCX] = CODE;
	CHECK(EXEC(m, "\x48\x0f\x07") == EMU_OK && m->c.mode == EMU_MODE_PROT64);
	CHECK(m->seg[X86_SEG_CS].selector == 0x2b && m->seg[X86_SEG_SS].dpl == 3);
	CHECK(mach_fault(m, EXEC(m, "\x48\x0f\x07"), VEC_GP, 0));	/* CPL 3 now */
	return ok;
}

/* SYSCALL in 32-bit code, and without EFER.SCE: CVE-2012-0045. */
static bool syscall_needs_64_bit_mode(void)
{
	struct mach *m = mach_at_cpl_3(EMU_MODE_PROT32);
	bool ok = true;

	m->efer = EFER_SCE;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x05"), VEC_UD, 0));
	CHECK(mach_fault(m, EXEC(m, "\x0f\x07"), VEC_UD, 0));
	m = mach_at_cpl_3(EMU_MODE_PROT64);
	m->efer &= ~EFER_SCE;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x05"), VEC_UD, 0));
	CHECK(mach_fault(m, EXEC(m, "\x0f\x07"), VEC_UD, 0));
	return ok;
}

/* On CPUs of AMD's: from compatibility mode to CSTAR, from 32-bit code to STAR's low half. */
static bool syscall_of_another_vendor(void)
{
	struct mach *m = mach_at_cpl_3(EMU_MODE_PROT32);
	bool ok = true;

	m->c.vendor_amd = true;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x05"), VEC_UD, 0));	/* no EFER.SCE */
	m->efer = EFER_SCE;
	m->star[0] = 0x001b000b00000000 | (CODE + 0x200);
	m->star[2] = CODE + 0x100;
	m->star[3] = FL_CF;
	m->c.rflags |= FL_IF | FL_CF;
	CHECK(EXEC(m, "\x0f\x05") == EMU_OK && m->c.rip == CODE + 0x200 && !m->c.cpl);
	CHECK(m->c.gpr[RCX] == CODE + 2 && m->c.rflags == (FL_FIXED | FL_CF));
	CHECK(m->c.mode == EMU_MODE_PROT32 && m->seg[X86_SEG_CS].selector == 8);
	CHECK(EXEC(m, "\x0f\x07") == EMU_OK && m->c.rip == CODE + 2 && m->c.cpl == 3);
	CHECK(m->c.rflags & FL_IF && m->seg[X86_SEG_CS].selector == 0x1b);
	CHECK(mach_fault(m, EXEC(m, "\x0f\x07"), VEC_GP, 0));

	m->c.long_mode_active = true;
	CHECK(EXEC(m, "\x0f\x05") == EMU_OK && m->c.rip == CODE + 0x100);
	CHECK(m->c.mode == EMU_MODE_PROT64 && m->c.gpr[RCX] == CODE + 4);
	CHECK(m->c.gpr[11] == (FL_FIXED | FL_IF | FL_CF) && m->c.rflags == (FL_FIXED | FL_IF));
	m = mach_new(EMU_MODE_REAL);
	m->c.vendor_amd = true;
	m->efer = EFER_SCE;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x05"), VEC_UD, 0));
	return ok;
}

/* TF of the program stepped the kernel's first instruction: CVE-2016-10013, CVE-2017-7518. */
static bool syscall_masks_flags(void)
{
	struct mach *m = mach_at_cpl_3(EMU_MODE_PROT64);
	bool ok = true;

	m->star[0] = 0x001b000b00000000;
	m->star[1] = CODE + 0x100;
	m->star[3] = FL_TF | FL_IF;
	m->c.rflags |= FL_TF | FL_IF | FL_CF;
	CHECK(EXEC(m, "\x0f\x05") == EMU_OK && m->c.rip == CODE + 0x100 && !m->c.cpl);
	CHECK(m->c.rflags == (FL_FIXED | FL_CF) && m->c.gpr[RCX] == CODE + 2);
	CHECK(m->c.gpr[11] == (FL_FIXED | FL_CF | FL_TF | FL_IF));
	CHECK(m->seg[X86_SEG_CS].selector == 8 && m->seg[X86_SEG_CS].l);
	CHECK(m->seg[X86_SEG_SS].selector == 0x10 && !m->seg[X86_SEG_SS].dpl);
	return ok;
}

/* SYSENTER with IA32_SYSENTER_CS never written: CVE-2015-0239. */
static bool sysenter_needs_its_msrs(void)
{
	struct mach *m = mach_at_cpl_3(EMU_MODE_PROT16);
	bool ok = true;

	m->c.rip = 0x9000;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x34"), VEC_GP, 0));
	m->sysenter[0] = 3;		/* null, whatever the RPL */
	CHECK(mach_fault(m, EXEC(m, "\x0f\x34"), VEC_GP, 0) && m->c.cpl == 3);
	m->sysenter[0] = SEL_CODE0 | 3;
	m->sysenter[1] = STACK0;
	m->sysenter[2] = CODE + 0x100;
	m->c.rflags |= FL_IF;
	CHECK(EXEC(m, "\x0f\x34") == EMU_OK && m->c.rip == CODE + 0x100 && !m->c.cpl);
	CHECK(m->c.mode == EMU_MODE_PROT32 && m->c.gpr[RSP] == STACK0 && !(m->c.rflags & FL_IF));
	CHECK(m->seg[X86_SEG_CS].selector == 8 && m->seg[X86_SEG_SS].selector == 0x10);
	m = mach_new(EMU_MODE_REAL);
	m->sysenter[0] = SEL_CODE0;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x34"), VEC_GP, 0));
	return ok;
}

/* SYSEXIT to addresses that are not canonical. */
static bool sysexit_checks_before_it_returns(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RCX] = STACK;
	m->c.gpr[RDX] = CODE;
	CHECK(mach_fault(m, EXEC(m, "\x48\x0f\x35"), VEC_GP, 0));
	m->sysenter[0] = 8;
	m->c.gpr[RDX] = NOT_CANONICAL;
	CHECK(mach_fault(m, EXEC(m, "\x48\x0f\x35"), VEC_GP, 0) && !m->c.cpl);
	m->c.gpr[RDX] = CODE;
	m->c.gpr[RCX] = NOT_CANONICAL;
	CHECK(mach_fault(m, EXEC(m, "\x48\x0f\x35"), VEC_GP, 0) && !m->c.cpl);
	m->c.gpr[RCX] = STACK;
	CHECK(EXEC(m, "\x48\x0f\x35") == EMU_OK && m->c.cpl == 3 && m->c.rip == CODE);
	CHECK(m->seg[X86_SEG_CS].selector == 0x2b && m->seg[X86_SEG_SS].selector == 0x33);
	return ok;
}

/* Segment registers took what the descriptor forbids: CVE-2010-0419. */
static bool segment_loads_obey_descriptors(void)
{
	struct mach *m = mach_at_cpl_3(EMU_MODE_PROT32);
	bool ok = true;

	m->c.gpr[RAX] = SEL_DATA0 | 3;
	CHECK(mach_fault(m, EXEC(m, "\x8e\xd8"), VEC_GP, SEL_DATA0));
	CHECK(mach_fault(m, EXEC(m, "\x8e\xd0"), VEC_GP, SEL_DATA0));
	m->c.gpr[RAX] = SEL_TSS;
	CHECK(mach_fault(m, EXEC(m, "\x8e\xc0"), VEC_GP, SEL_TSS));
	m->c.gpr[RAX] = 0x1000;
	CHECK(mach_fault(m, EXEC(m, "\x8e\xe0"), VEC_GP, 0x1000));
	m->c.gpr[RAX] = SEL_CODE3 | 3;
	CHECK(mach_fault(m, EXEC(m, "\x8e\xd0"), VEC_GP, SEL_CODE3));
	m->c.gpr[RAX] = 4;		/* no LDT is loaded */
	CHECK(mach_fault(m, EXEC(m, "\x8e\xd8"), VEC_GP, 4));
	return ok;
}

/* A null selector in SS made VM entry fail: CVE-2017-2583. */
static bool null_in_ss(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	CHECK(mach_fault(m, EXEC(m, "\x8e\xd0"), VEC_GP, 0));
	m = mach_at_cpl_3(EMU_MODE_PROT64);
	m->c.gpr[RAX] = 3;
	CHECK(mach_fault(m, EXEC(m, "\x8e\xd0"), VEC_GP, 0));
	m = mach_new(EMU_MODE_PROT64);
	CHECK(EXEC(m, "\x8e\xd0") == EMU_OK);
	CHECK(m->seg[X86_SEG_SS].unusable && !m->seg[X86_SEG_SS].dpl);
	m->c.gpr[RAX] = 1;
	CHECK(mach_fault(m, EXEC(m, "\x8e\xd0"), VEC_GP, 0));
	return ok;
}

/* Null segments were used as if they were good: CVE-2016-9386. */
static bool null_segments_are_unusable(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	m->c.gpr[RBX] = DATA;
	m->c.gpr[RBP] = DATA;
	m->seg[X86_SEG_DS].unusable = true;
	CHECK(mach_fault(m, EXEC(m, "\x8b\x03"), VEC_GP, 0));
	m->seg[X86_SEG_SS].unusable = true;
	CHECK(mach_fault(m, EXEC(m, "\x8b\x45\x00"), VEC_SS, 0));
	return ok;
}

/* CS was left half changed by a far jump that failed: CVE-2016-9756. */
static bool failed_far_jump_leaves_cs(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	struct x86_segment cs = m->seg[X86_SEG_CS];
	bool ok = true;

	mach_desc(m, SEL_FREE, 0, 0xfff, 0x9b, 4);
	CHECK(mach_fault(m, EXEC(m, "\xea\x00\x10\x00\x00\x90\x00"), VEC_GP, 0));
	CHECK(!memcmp(&cs, &m->seg[X86_SEG_CS], sizeof(cs)) && m->c.rip == CODE);
	m->absent = STACK - 0x1000;
	CHECK(mach_fault(m, EXEC(m, "\x9a\x00\x00\x00\x00\x90\x00"), VEC_PF, 2));
	CHECK(!memcmp(&cs, &m->seg[X86_SEG_CS], sizeof(cs)) && m->c.rip == CODE);
	return ok;
}

void unit_privilege(void)
{
	RUN(privilege_of_system_instructions);
	RUN(no_descriptors_in_virtual_8086_mode);
	RUN(ports_in_virtual_8086_mode);
	RUN(programs_reach_user_memory_only);
	RUN(descriptor_tables_are_stored_with_the_programs_rights);
	RUN(privilege_of_far_branches);
	RUN(iret_does_not_raise_privilege);
	RUN(software_interrupts_need_the_gates_dpl);
	RUN(branches_stay_canonical);
	RUN(sysret_checks_before_it_returns);
	RUN(syscall_needs_64_bit_mode);
	RUN(syscall_of_another_vendor);
	RUN(syscall_masks_flags);
	RUN(sysenter_needs_its_msrs);
	RUN(sysexit_checks_before_it_returns);
	RUN(segment_loads_obey_descriptors);
	RUN(null_in_ss);
	RUN(null_segments_are_unusable);
	RUN(failed_far_jump_leaves_cs);
}
