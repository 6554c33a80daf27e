// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flaws that were published for instruction emulators of hypervisors, a case for
 * each class: decoding, operands, devices, tasks. Each fails if the check it is about
 * is taken away.
 */
#include "emu_mach.h"

#define NOT_CANONICAL	0x0000800000000000ull

struct code {
	unsigned int len;
	const char *bytes;
};

#define CODE_OF(s)	{ sizeof(s) - 1, s }

/* The operand size prefix let CMPXCHG8B write what was on the stack: CVE-2016-9932. */
static bool cmpxchg8b_has_one_size(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	memset(m->mem + DATA, 0x11, 32);
	m->c.gpr[RBX] = DATA;
	m->c.gpr[RSI] = DATA;
	m->c.gpr[RAX] = 0x11111111;
	m->c.gpr[RDX] = 0x11111111;
	CHECK(EXEC(m, "\x66\x0f\xc7\x0e") == EMU_OK && m->c.rflags & FL_ZF);
	CHECK(mach_get(m, DATA, 8) == DATA && mach_get(m, DATA + 8, 8) == 0x1111111111111111);
	return ok;
}

/* CMPXCHG16B of any address, where the CPU faults. */
static bool cmpxchg16b_is_aligned(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RSI] = DATA + 8;
	CHECK(mach_fault(m, EXEC(m, "\x48\x0f\xc7\x0e"), VEC_GP, 0));
	m->c.gpr[RSI] = DATA + 16;
	CHECK(EXEC(m, "\x48\x0f\xc7\x0e") == EMU_OK);
	return ok;
}

/* A bit offset of 64 bits reached elsewhere: CVE-2016-9383. */
static bool bit_offsets_of_64_bits(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RBX] = DATA - 0x40000000ull;
	m->c.gpr[RAX] = 0x40000000ull * 8 + 3;
	CHECK(EXEC(m, "\x48\x0f\xab\x03") == EMU_OK && m->mem[DATA] == 8);
	m->c.gpr[RBX] = DATA + 0x40000000ull;
	m->c.gpr[RAX] = -0x40000000ull * 8 + 1;
	CHECK(EXEC(m, "\x48\x0f\xab\x03") == EMU_OK && m->mem[DATA] == 10);
	return ok;
}

/* The instruction pointer was cut to 32 bits, or was not: CVE-2016-7093. */
static bool instruction_pointer_has_the_modes_size(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	CHECK(EXEC(m, "\x66\xeb\x10") == EMU_OK && m->c.rip == CODE + 0x13);
	m = mach_new(EMU_MODE_PROT32);
	CHECK(EXEC(m, "\x66\xeb\x10") == EMU_OK && m->c.rip == 0x13);
	m = mach_new(EMU_MODE_PROT16);
	m->c.rip = 0x20;
	CHECK(EXEC(m, "\xeb\x80") == EMU_OK && m->c.rip == 0xffa2);
	return ok;
}

/* CR0.TS and CR0.EM were forgotten: CVE-2016-7777. */
static bool vector_state_that_is_not_there(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RBX] = DATA;
	m->cr[0] |= CR0_TS;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x28\x03"), VEC_NM, 0));
	CHECK(mach_fault(m, EXEC(m, "\x0f\x6e\x03"), VEC_NM, 0));
	m->cr[0] = (m->cr[0] & ~CR0_TS) | CR0_EM;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x28\x03"), VEC_UD, 0));
	CHECK(mach_fault(m, EXEC(m, "\x0f\x6e\x03"), VEC_UD, 0));
	return ok;
}

/* What an instruction had left, as that it goes on, was taken for the next one's. */
static bool failed_decoding_leaves_nothing(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RSI] = DATA;
	m->c.gpr[RDI] = DATA + 0x2000;
	m->c.gpr[RCX] = 0x1800;
	CHECK(EXEC(m, "\xf3\xa4") == EMU_OK && m->c.more);
	CHECK(mach_fault(m, EXEC(m, "\x0f\x0b"), VEC_UD, 0) && !m->c.more);
	return ok;
}

/* An x87 exception that the guest had left pending was raised in the host, by FWAIT or MMX. */
static bool pending_x87_exception(void)
{
	static const char *const wait[] = { "\x9b", "\xdd\x03", "\xdd\x1b", "\xdb\x03", "\xdf\x3b",
					    "\xd9\x2b", "\x0f\x6e\x03", "\x0f\x7f\x03" };
	static const char *const go_on[] = { "\xd9\x3b", "\xdd\x3b", "\xdf\xe0", "\x0f\x28\x03" };
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;
	unsigned int i;

	m->c.gpr[RBX] = DATA;
	m->fx.sw = 0x8084;
	for (i = 0; i < ARRAY_SIZE(wait); i++)
		CHECK(mach_fault(m, mach_exec(m, wait[i], strlen(wait[i])), VEC_MF, 0) &&
		      m->fx.sw == 0x8084 && !m->fx.tags);
	for (i = 0; i < ARRAY_SIZE(go_on); i++)
		CHECK(mach_exec(m, go_on[i], strlen(go_on[i])) == EMU_OK);
	CHECK(EXEC(m, "\xdb\xe2") == EMU_OK && !m->fx.sw);
	/* What FLDCW unmasks is pending from then on. */
	m->fx.sw = 4;
	mach_put(m, DATA, 0x37b, 2);
	CHECK(EXEC(m, "\xd9\x2b") == EMU_OK && m->fx.sw == 0x8084 && m->fx.cw == 0x37b);
	/* The FPU is off: #NM comes before; FWAIT minds CR0.MP as well. */
	m->cr[0] |= CR0_TS | CR0_MP;
	for (i = 0; i < ARRAY_SIZE(wait); i++)
		CHECK(mach_fault(m, mach_exec(m, wait[i], strlen(wait[i])), VEC_NM, 0));
	m->cr[0] &= ~CR0_MP;
	CHECK(mach_fault(m, EXEC(m, "\x9b"), VEC_MF, 0));
	m->cr[0] = (m->cr[0] & ~CR0_TS) | CR0_EM;
	CHECK(mach_fault(m, EXEC(m, "\xdd\x03"), VEC_NM, 0));
	CHECK(mach_fault(m, EXEC(m, "\x9b"), VEC_MF, 0));
	return ok;
}

/* An x87 access changes nothing if its memory is not there, and a device sees it whole. */
static bool x87_and_its_memory(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->fx.cw = 0x37f;
	m->fx.tags = 1;
	m->fx.st[0] = (struct emu_fx_reg){ .mant = 1ull << 63, .se = 16383 };
	m->absent = DATA;
	m->c.gpr[RBX] = DATA;
	CHECK(mach_fault(m, EXEC(m, "\xdd\x1b"), VEC_PF, 2) && m->fx.tags == 1);
	CHECK(mach_fault(m, EXEC(m, "\xdd\x03"), VEC_PF, 0) && m->fx.tags == 1 && !m->fx.sw);
	m->c.gpr[RBX] = DEVICE_BASE;
	CHECK(EXEC(m, "\xdd\x1b") == EMU_OK && m->nr_done == 1 && m->done[0].len == 8);
	CHECK(mach_get(m, DEVICE_BASE, 8) == 0x3ff0000000000000 && m->fx.sw == 1 << 11);
	CHECK(EXEC(m, "\xdb\x2b") == EMU_OK && m->nr_done == 2 && m->done[1].len == 10);
	CHECK(m->fx.st[0].mant == 0x3ff0000000000000 && m->fx.tags == 1 && !m->fx.sw);
	return ok;
}

/* Reserved bits of MXCSR made the host fault when it loaded the registers. */
static bool mxcsr_has_no_reserved_bits(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RBX] = DATA;
	m->fx.mxcsr = 0x1f80;
	mach_put(m, DATA, 0x10000, 4);
	CHECK(mach_fault(m, EXEC(m, "\x0f\xae\x13"), VEC_GP, 0) && m->fx.mxcsr == 0x1f80);
	mach_put(m, DATA, 0xffbf, 4);
	CHECK(EXEC(m, "\x0f\xae\x13") == EMU_OK && m->fx.mxcsr == 0xffbf);
	CHECK(EXEC(m, "\x0f\xae\x5b\x10") == EMU_OK && mach_get(m, DATA + 16, 8) == 0xffbf);
	mach_put(m, DATA + 24, 0x80000000, 4);
	m->fx.cw = 7;
	CHECK(mach_fault(m, EXEC(m, "\x0f\xae\x0b"), VEC_GP, 0) && m->fx.cw == 7);
	return ok;
}

/* FXSAVE and FXRSTOR went past the program's rights and showed the stack: CVE-2017-2584. */
static bool fxsave_image(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	memset(&m->fx, 0x22, sizeof(m->fx));
	memset(m->mem + DATA, 0x33, 512);
	m->c.gpr[RBX] = DATA + 8;
	CHECK(mach_fault(m, EXEC(m, "\x0f\xae\x03"), VEC_GP, 0));
	m->c.gpr[RBX] = DATA;
	CHECK(EXEC(m, "\x0f\xae\x03") == EMU_OK);
	CHECK(m->mem[DATA + 415] == 0x22 && m->mem[DATA + 416] == 0x33);
	mach_put(m, DATA + 24, 0x1f80, 4);
	m->mem[DATA] = 0x44;
	CHECK(EXEC(m, "\x0f\xae\x0b") == EMU_OK && (u8)m->fx.cw == 0x44);
	m->cr[0] |= CR0_TS;
	CHECK(mach_fault(m, EXEC(m, "\x0f\xae\x03"), VEC_NM, 0));
	m = mach_at_cpl_3(EMU_MODE_PROT32);
	memset(&m->fx, 0x22, sizeof(m->fx));
	m->c.gpr[RBX] = STACK0 - 512;
	CHECK(mach_fault(m, EXEC(m, "\x0f\xae\x03"), VEC_PF, 7));
	CHECK(mach_fault(m, EXEC(m, "\x0f\xae\x0b"), VEC_PF, 5));
	m->c.gpr[RBX] = DATA;
	m->absent = DATA + 0x1000;
	CHECK(EXEC(m, "\x0f\xae\x03") == EMU_OK && m->mem[DATA + 287] == 0x22);
	CHECK(!m->mem[DATA + 288]);
	return ok;
}

/* INT n of virtual-8086 mode goes where the bitmap says, with no more rights than IOPL gives. */
static bool redirected_interrupts(void)
{
	struct mach *m = mach_new(EMU_MODE_VM86);
	bool ok = true;

	m->c.cpl = 3;
	m->cr[4] |= CR4_VME;
	m->seg[X86_SEG_TR] = (struct x86_segment){ .type = 11, .present = true, .base = TSS_BASE,
						   .limit = 0x88 };
	mach_put(m, TSS_BASE + 102, 0x88, 2);
	mach_put(m, 0x21 * 4, 0x12340056, 4);
	m->c.rflags |= FL_VIF | FL_TF;
	m->c.rip = 0x100;
	CHECK(EXEC(m, "\xcd\x21") == EMU_OK && m->c.rip == 0x56);
	CHECK(m->seg[X86_SEG_CS].selector == 0x1234 && m->c.mode == EMU_MODE_VM86);
	CHECK(!(m->c.rflags & (FL_VIF | FL_TF)) && m->c.gpr[RSP] == 0xfefa);
	CHECK(mach_get(m, 0x20000 + 0xfefa, 2) == 0x102);
	CHECK(mach_get(m, 0x20000 + 0xfefe, 2) == (FL_FIXED | FL_TF | FL_IF | FL_IOPL));
	m->mem[TSS_BASE + 0x68 + 4] = 2;
	CHECK(mach_fault(m, EXEC(m, "\xcd\x21"), VEC_GP, 0));
	mach_put(m, TSS_BASE + 102, 0xffff, 2);
	CHECK(mach_fault(m, EXEC(m, "\xcd\x21"), VEC_GP, 0));
	return ok;
}

/* What lay behind an operand on the stack went out to the device: CVE-2017-17741. */
static bool devices_get_the_operand_alone(void)
{
	static const struct code insns[] = {
		CODE_OF("\x88\x03"), CODE_OF("\x66\x89\x03"), CODE_OF("\x89\x03"),
		CODE_OF("\x48\x89\x03"), CODE_OF("\x0f\x11\x03"), CODE_OF("\xc5\xfc\x11\x03"),
		CODE_OF("\x0f\x7f\x03"), CODE_OF("\x0f\x7e\x03"), CODE_OF("\x0f\xc3\x03"),
		CODE_OF("\x0f\x95\x03"), CODE_OF("\xaa"), CODE_OF("\x66\xab"),
	};
	static const u8 len[] = { 1, 2, 4, 8, 16, 32, 8, 4, 4, 1, 1, 2 };
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(insns); i++) {
		struct mach *m = mach_new(EMU_MODE_PROT64);

		m->c.gpr[RBX] = DEVICE_BASE;
		m->c.gpr[RDI] = DEVICE_BASE;
		CHECK(mach_exec(m, insns[i].bytes, insns[i].len) == EMU_OK);
		CHECK(m->nr_done == 1 && m->done[0].len == len[i]);
	}
	return ok;
}

/* A program kept the host in a string instruction for as long as it liked. */
static bool string_instructions_end(void)
{
	static const struct code insns[] = {
		CODE_OF("\xf3\xa4"), CODE_OF("\xf3\xaa"), CODE_OF("\xf3\xac"), CODE_OF("\xf3\xae"),
		CODE_OF("\xf3\xa6"), CODE_OF("\xf3\x6c"), CODE_OF("\xf3\x6e"),
	};
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(insns); i++) {
		struct mach *m = mach_new(EMU_MODE_PROT64);

		m->c.gpr[RCX] = ~0ull;
		m->c.gpr[RSI] = DATA;
		m->c.gpr[RDI] = DATA + 0x1000;
		CHECK(mach_exec(m, insns[i].bytes, insns[i].len) == EMU_OK && m->c.more);
		CHECK(~0ull - m->c.gpr[RCX] <= 4096 && m->c.rip == CODE);
		m->c.gpr[RCX] = 0;
		m->c.gpr[RSI] = NOT_CANONICAL;
		m->c.gpr[RDI] = NOT_CANONICAL;
		CHECK(mach_exec(m, insns[i].bytes, insns[i].len) == EMU_OK && !m->c.more);
	}
	return ok;
}

/* LOCK where it means nothing. */
static bool lock_is_refused(void)
{
	static const struct code insns[] = {
		CODE_OF("\xf0\x90"), CODE_OF("\xf0\x8b\x03"), CODE_OF("\xf0\x03\x03"),
		CODE_OF("\xf0\x01\xc3"), CODE_OF("\xf0\x39\x03"), CODE_OF("\xf0\xd1\x03"),
		CODE_OF("\xf0\x0f\xa3\x03"), CODE_OF("\xf0\xa4"), CODE_OF("\xf0\xff\x33"),
		CODE_OF("\xf0\x87\xc3"), CODE_OF("\xf0\x0f\xc7\xc9"), CODE_OF("\xf0\xf7\x23"),
	};
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(insns); i++) {
		struct mach *m = mach_new(EMU_MODE_PROT64);

		m->c.gpr[RBX] = DATA;
		CHECK(mach_fault(m, mach_exec(m, insns[i].bytes, insns[i].len), VEC_UD, 0));
	}
	return ok;
}

/* State of the instruction before was used for the next: CVE-2012-3432. */
static bool nothing_is_left_of_the_instruction_before(void)
{
	static const u8 inc[] = "\x48\xff\xc0";		/* DEC EAX outside of 64-bit mode */
	struct mach *m = mach_new(EMU_MODE_PROT64);
	struct emu_ctxt *c = &m->c;
	bool ok = true;

	CHECK(emu_decode(c, inc, 3) == EMU_OK && emu_execute(c) == EMU_OK && c->gpr[RAX] == 1);
	CHECK(emu_decode(c, inc, 3) == EMU_OK && emu_execute(c) == EMU_OK && c->gpr[RAX] == 2);
	c->mode = EMU_MODE_PROT32;
	CHECK(emu_decode(c, inc, 3) == EMU_OK && c->insn.len == 1);
	CHECK(emu_execute(c) == EMU_OK && c->gpr[RAX] == 1);
	/* After bytes that are no instruction, and after fewer bytes. */
	CHECK(mach_fault(m, emu_decode(c, (const u8 *)"\x0f\x0b", 2), VEC_UD, 0));
	CHECK(!c->insn.complete);
	CHECK(emu_decode(c, (const u8 *)"\x48", 1) == EMU_OK && c->insn.len == 1);
	/* The address is that of the registers as they are. */
	c->gpr[RBX] = DATA;
	CHECK(emu_decode(c, (const u8 *)"\x89\x03", 2) == EMU_OK && emu_execute(c) == EMU_OK);
	c->gpr[RBX] = DATA + 4;
	CHECK(emu_decode(c, (const u8 *)"\x89\x03", 2) == EMU_OK && emu_execute(c) == EMU_OK);
	CHECK(mach_get(m, DATA + 4, 4) == 1);
	/* A trap, a shadow, a REP that goes on are of their instruction. */
	CHECK(EXEC(m, "\xf1") == EMU_OK && c->fault.trap);
	CHECK(EXEC(m, "\x90") == EMU_OK && !c->fault.trap);
	CHECK(EXEC(m, "\xfb") == EMU_OK && c->block_sti);
	CHECK(EXEC(m, "\x90") == EMU_OK && !c->block_sti);
	return ok;
}

/* Another CPU replaced the instruction after it had been checked. */
static bool instruction_is_read_once(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	memcpy(m->mem + CODE, "\xff\xc0", 2);
	CHECK(emu_decode(&m->c, NULL, 0) == EMU_OK);
	memcpy(m->mem + CODE, "\xff\xc8", 2);
	m->absent = CODE;
	CHECK(emu_execute(&m->c) == EMU_OK && m->c.gpr[RAX] == 1);
	return ok;
}

/* A segment override in front of an instruction without memory operand: CVE-2015-2151. */
static bool override_without_memory(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	m->seg[X86_SEG_FS].unusable = true;
	m->c.gpr[RCX] = 5;
	CHECK(EXEC(m, "\x64\x89\xc8") == EMU_OK && m->c.gpr[RAX] == 5);
	CHECK(EXEC(m, "\x64\x87\xc8") == EMU_OK && m->c.gpr[RCX] == 5 && !m->nr_done);
	return ok;
}

/* RIP-relative operands were computed without the immediate: CVE-2014-8480. */
static bool rip_relative_from_the_end(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	CHECK(EXEC(m, "\xc7\x05\x00\x01\x00\x00\x78\x56\x34\x12") == EMU_OK);
	CHECK(mach_get(m, CODE + 0x10a, 4) == 0x12345678);
	return ok;
}

/* ModRM of opcodes that are undefined led nowhere: CVE-2016-8630. */
static bool undefined_opcodes_with_modrm(void)
{
	static const struct code insns[] = {
		CODE_OF("\x0f\xba\x03"), CODE_OF("\x8f\xc8"), CODE_OF("\xfe\xd0"),
		CODE_OF("\xff\xf8"), CODE_OF("\xc6\x08"), CODE_OF("\x0f\x01\xc8\x0f\xff"),
		CODE_OF("\x0f\xc7\xc0"), CODE_OF("\x0f\x00\xf0"), CODE_OF("\xc4\xe2\xf8\xf3\xc0"),
		CODE_OF("\x0f\x38\xf2\x03"), CODE_OF("\x8e\xf8"), CODE_OF("\x0f\x22\xc8"),
		CODE_OF("\x8d\xc0"), CODE_OF("\xc4\xe2\xfc\xf2\xc0"),
	};
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(insns); i++) {
		struct mach *m = mach_new(EMU_MODE_PROT64);
		enum emu_status st;

		m->c.gpr[RBX] = DATA;
		m->c.cpl = i == 5 ? 3 : 0;	/* MONITOR */
		st = mach_exec(m, insns[i].bytes, insns[i].len);
		CHECK(mach_fault(m, st, VEC_UD, 0));
	}
	return ok;
}

/* A task switch into virtual-8086 mode loaded descriptors: CVE-2016-9382. */
static bool task_switch_to_virtual_8086_mode(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	unsigned int i;
	bool ok = true;

	mach_put(m, TSS2_BASE + 0x20, 0x100, 4);
	mach_put(m, TSS2_BASE + 0x24, FL_FIXED | FL_VM, 4);
	for (i = 0; i < 6; i++)
		mach_put(m, TSS2_BASE + 0x48 + 4 * i, 0x1230 + i, 2);
	CHECK(EXEC(m, "\xea\0\0\0\0\x50\0") == EMU_OK && !m->c.fault.trap);
	CHECK(m->c.mode == EMU_MODE_VM86 && m->c.cpl == 3);
	for (i = 0; i < 6; i++)
		CHECK(m->seg[i].base == (0x1230 + i) * 16 && m->seg[i].limit == 0xffff &&
		      m->seg[i].dpl == 3);
	return ok;
}

/* Busy tasks, selectors of no task, back links to tasks that are not busy, selectors of no LDT. */
static bool task_switch_checks_types(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	enum emu_status st;
	bool ok = true;

	CHECK(mach_fault(m, EXEC(m, "\xea\0\0\0\0\x40\0"), VEC_GP, SEL_TSS));
	m->c.rflags |= FL_NT;
	mach_put(m, TSS_BASE, SEL_TSS2, 2);
	CHECK(mach_fault(m, EXEC(m, "\xcf"), VEC_TS, SEL_TSS2));
	mach_put(m, TSS_BASE, SEL_DATA0, 2);
	CHECK(mach_fault(m, EXEC(m, "\xcf"), VEC_TS, SEL_DATA0));
	m->c.rflags &= ~FL_NT;
	mach_put(m, TSS2_BASE + 0x60, SEL_TSS, 2);
	mach_put(m, TSS2_BASE + 0x4c, SEL_CODE0, 2);
	st = EXEC(m, "\xea\0\0\0\0\x50\0");
	CHECK(mach_trap(m, st, VEC_TS, SEL_TSS) && m->seg[X86_SEG_LDTR].unusable);
	return ok;
}

/* LLDT and LTR of descriptors of another type, and from the LDT. */
static bool system_registers_check_types(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	static const u8 bad_ldt[] = { SEL_DATA0, SEL_TSS2, SEL_LDT | 4 };
	static const u8 bad_tr[] = { SEL_DATA0, SEL_LDT, SEL_TSS, SEL_TSS2 | 4, 0 };
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(bad_ldt); i++) {
		m->c.gpr[RAX] = bad_ldt[i];
		CHECK(mach_fault(m, EXEC(m, "\x0f\x00\xd0"), VEC_GP, bad_ldt[i]));
	}
	for (i = 0; i < ARRAY_SIZE(bad_tr); i++) {
		m->c.gpr[RAX] = bad_tr[i];
		CHECK(mach_fault(m, EXEC(m, "\x0f\x00\xd8"), VEC_GP, bad_tr[i]));
	}
	return ok;
}

/* ENTER had changed the stack pointer when a frame pointer faulted. */
static bool enter_faults_halfway(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	m->c.gpr[RBP] = DATA + 0x1004;
	m->absent = DATA;
	CHECK(mach_fault(m, EXEC(m, "\xc8\x10\x00\x04"), VEC_PF, 0));
	CHECK(m->c.gpr[RSP] == STACK && m->c.gpr[RBP] == DATA + 0x1004 && m->c.rip == CODE);
	return ok;
}

/* #DB after a load of SS came on the kernel's stack: CVE-2018-8897. */
static bool loads_of_ss_hold_traps_back(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	m->c.gpr[RAX] = SEL_DATA0;
	CHECK(EXEC(m, "\x8e\xd0") == EMU_OK && m->c.block_mov_ss);
	CHECK(EXEC(m, "\x8e\xd8") == EMU_OK && !m->c.block_mov_ss);
	mach_put(m, m->c.gpr[RSP], SEL_DATA0, 4);
	CHECK(EXEC(m, "\x17") == EMU_OK && m->c.block_mov_ss);
	m->c.gpr[RAX] = SEL_CODE0;
	CHECK(mach_fault(m, EXEC(m, "\x8e\xd0"), VEC_GP, SEL_CODE0) && !m->c.block_mov_ss);
	return ok;
}

/* The end of an operand was outside of the segment, or wrapped around. */
static bool limits_hold_for_the_last_byte(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT32);
	bool ok = true;

	m->seg[X86_SEG_DS].limit = 0xffff;
	m->c.gpr[RBX] = 0xfffd;
	CHECK(mach_fault(m, EXEC(m, "\x8b\x03"), VEC_GP, 0));
	m->c.gpr[RBX] = 0xffffffff;
	CHECK(mach_fault(m, EXEC(m, "\x66\x8b\x03"), VEC_GP, 0));
	m->seg[X86_SEG_DS].type = 7;	/* grows downwards */
	CHECK(mach_fault(m, EXEC(m, "\x66\x8b\x03"), VEC_GP, 0));
	m->c.gpr[RBX] = 0xffff;
	CHECK(mach_fault(m, EXEC(m, "\x8b\x03"), VEC_GP, 0));
	return ok;
}

/* Half of a store was done when the other page faulted. */
static bool stores_across_pages_are_whole(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	enum emu_status st;
	bool ok = true;

	m->absent = DATA + 0x1000;
	m->c.gpr[RBX] = DATA + 0xffc;
	m->c.gpr[RAX] = ~0ull;
	st = EXEC(m, "\x48\x89\x03");
	CHECK(mach_fault(m, st, VEC_PF, 2) && m->c.fault.cr2 == DATA + 0x1000);
	CHECK(!mach_get(m, DATA + 0xffc, 4));
	return ok;
}

/* Bases that are not canonical made VM entry fail: CVE-2014-3610. */
static bool bases_are_canonical(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RAX] = NOT_CANONICAL;
	CHECK(mach_fault(m, EXEC(m, "\xf3\x48\x0f\xae\xd0"), VEC_GP, 0));
	CHECK(mach_fault(m, EXEC(m, "\xf3\x48\x0f\xae\xd8"), VEC_GP, 0));
	m->c.gpr[RBX] = DATA;
	mach_put(m, DATA + 2, NOT_CANONICAL, 8);
	CHECK(mach_fault(m, EXEC(m, "\x0f\x01\x13"), VEC_GP, 0) && m->gdt.base == GDT_BASE);
	CHECK(mach_fault(m, EXEC(m, "\x0f\x01\x1b"), VEC_GP, 0) && m->idt.base == IDT_BASE);
	return ok;
}

/* #AC was never raised, or in every ring. */
static bool alignment_is_checked_for_programs(void)
{
	struct mach *m = mach_at_cpl_3(EMU_MODE_PROT32);
	bool ok = true;

	m->cr[0] |= CR0_AM;
	m->c.rflags |= FL_AC;
	m->c.gpr[RBX] = DATA + 1;
	CHECK(mach_fault(m, EXEC(m, "\x8b\x03"), VEC_AC, 0));
	CHECK(mach_fault(m, EXEC(m, "\x89\x03"), VEC_AC, 0));
	CHECK(EXEC(m, "\x8a\x03") == EMU_OK);
	m->c.gpr[RSP] = STACK - 2;
	CHECK(mach_fault(m, EXEC(m, "\x50"), VEC_AC, 0));
	m = mach_new(EMU_MODE_PROT32);
	m->cr[0] |= CR0_AM;
	m->c.rflags |= FL_AC;
	m->c.gpr[RBX] = DATA + 1;
	CHECK(EXEC(m, "\x8b\x03") == EMU_OK);
	return ok;
}

/* MWAIT and MONITOR by programs, and with extensions that are not there. */
static bool monitor_and_mwait_are_the_supervisors(void)
{
	struct mach *m = mach_at_cpl_3(EMU_MODE_PROT64);
	bool ok = true;

	m->c.gpr[RAX] = DATA;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x01\xc8"), VEC_UD, 0));
	CHECK(mach_fault(m, EXEC(m, "\x0f\x01\xc9"), VEC_UD, 0));
	m = mach_new(EMU_MODE_PROT64);
	m->c.gpr[RAX] = DATA;
	CHECK(EXEC(m, "\x0f\x01\xc8") == EMU_OK && EXEC(m, "\x0f\x01\xc9") == EMU_OK);
	m->absent = DATA;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x01\xc8"), VEC_PF, 0));
	m->c.gpr[RCX] = 2;
	CHECK(mach_fault(m, EXEC(m, "\x0f\x01\xc8"), VEC_GP, 0));
	CHECK(mach_fault(m, EXEC(m, "\x0f\x01\xc9"), VEC_GP, 0));
	return ok;
}

/* An error message of many accesses ended INS to a device: each element goes by itself. */
static bool port_strings_with_devices(void)
{
	struct mach *m = mach_new(EMU_MODE_PROT64);
	unsigned int calls;
	bool ok = true;

	m->wait = true;
	m->c.gpr[RCX] = 25;
	m->c.gpr[RDI] = DEVICE_BASE;
	CHECK(mach_finish(m, "\xf3\x6d", 2, &calls) == EMU_OK && calls == 25 && !m->broken);
	CHECK(m->nr_done == 50 && m->done[1].kind == DEV_WRITE && m->done[1].len == 4);
	m->nr_done = 0;
	m->c.gpr[RCX] = 25;
	m->c.gpr[RSI] = DEVICE_BASE;
	CHECK(mach_finish(m, "\xf3\x6e", 2, &calls) == EMU_OK && calls == 25 && !m->broken);
	CHECK(m->nr_done == 50 && m->done[0].kind == DEV_READ && m->done[0].len == 1);
	return ok;
}

void unit_flaws(void)
{
	RUN(cmpxchg8b_has_one_size);
	RUN(cmpxchg16b_is_aligned);
	RUN(bit_offsets_of_64_bits);
	RUN(instruction_pointer_has_the_modes_size);
	RUN(vector_state_that_is_not_there);
	RUN(failed_decoding_leaves_nothing);
	RUN(pending_x87_exception);
	RUN(x87_and_its_memory);
	RUN(mxcsr_has_no_reserved_bits);
	RUN(fxsave_image);
	RUN(redirected_interrupts);
	RUN(devices_get_the_operand_alone);
	RUN(string_instructions_end);
	RUN(lock_is_refused);
	RUN(nothing_is_left_of_the_instruction_before);
	RUN(instruction_is_read_once);
	RUN(override_without_memory);
	RUN(rip_relative_from_the_end);
	RUN(undefined_opcodes_with_modrm);
	RUN(task_switch_to_virtual_8086_mode);
	RUN(task_switch_checks_types);
	RUN(system_registers_check_types);
	RUN(enter_faults_halfway);
	RUN(loads_of_ss_hold_traps_back);
	RUN(limits_hold_for_the_last_byte);
	RUN(stores_across_pages_are_whole);
	RUN(bases_are_canonical);
	RUN(alignment_is_checked_for_programs);
	RUN(monitor_and_mwait_are_the_supervisors);
	RUN(port_strings_with_devices);
}
