// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator against VT-x: far transfers, gates, software interrupts, IRET, task
 * switches, fast system calls and segment loads, in every mode.
 */
#include "twin.h"

#define FAR32(sel)	{ TW_TARGET | (uint64_t)(sel) << 32 }
#define FAR64(sel)	{ TW_TARGET, sel }
#define FAR16(seg)	{ (seg) << 16 | 0x1000 }
#define FLAGS		0x2
#define FLAGS_IF	0x202

/* INT n through gates of every kind but that of a task, and INT3. */
#define INTERRUPTS \
	{ INSN("int 60", "\xcd\x60") }, \
	{ INSN("int 61: trap gate", "\xcd\x61") }, \
	{ INSN("int 63: absent", "\xcd\x63") }, \
	{ INSN("int 64: call gate", "\xcd\x64") }, \
	{ INSN("int 65: 16 bits", "\xcd\x65") }, \
	{ INSN("int 66: conforming", "\xcd\x66") }, \
	{ INSN("int 67: ring 3", "\xcd\x67") }, \
	{ INSN("int 30: ring 0", "\xcd\x30") }, \
	{ INSN("int3", "\xcc") }

static const struct twin far_long[] = {
	{ INSN("call: code", "\xff\x1b"), .data = FAR32(SEL_CODE64) },
	{ INSN("call: compatibility", "\xff\x1b"), .data = FAR32(SEL_CODE32) },
	{ INSN("call: conforming", "\xff\x1b"), .data = FAR32(SEL_CONF) },
	{ INSN("call: ring 3", "\xff\x1b"), .data = FAR32(SEL_UCODE64) },
	{ INSN("call: ring 3, compatibility", "\xff\x1b"), .data = FAR32(SEL_UCODE32) },
	{ INSN("call: LDT", "\xff\x1b"), .data = FAR32(7) },
	{ INSN("call: data", "\xff\x1b"), .data = FAR32(SEL_DATA) },
	{ INSN("call: null", "\xff\x1b"), .data = FAR32(0) },
	{ INSN("call: absent", "\xff\x1b"), .data = FAR32(SEL_NP_CODE) },
	{ INSN("call: past the limit", "\xff\x1b"), .data = FAR32(0x7f8) },
	{ INSN("call: TSS", "\xff\x1b"), .data = FAR32(SEL_TSS2) },
	{ INSN("call: gate", "\xff\x1b"), .data = FAR32(SEL_GATE0 | 3) },
	{ INSN("call: gate to conforming", "\xff\x1b"), .data = FAR32(SEL_GATE_CONF | 3) },
	{ INSN("call: absent gate", "\xff\x1b"), .data = FAR32(SEL_GATE_NP | 3) },
	{ INSN("callq: code", "\x48\xff\x1b"), .data = FAR64(SEL_CODE64) },
	{ INSN("callw: code", "\x66\xff\x1b"), .data = FAR16(SEL_CODE64) },
	{ INSN("jmp: code", "\xff\x2b"), .data = FAR32(SEL_CODE64) },
	{ INSN("jmp: ring 3", "\xff\x2b"), .data = FAR32(SEL_UCODE64) },
	{ INSN("jmp: conforming", "\xff\x2b"), .data = FAR32(SEL_CONF) },
	{ INSN("jmp: gate", "\xff\x2b"), .data = FAR32(SEL_GATE0 | 3) },
	{ INSN("jmp: gate to conforming", "\xff\x2b"), .data = FAR32(SEL_GATE_CONF | 3) },
	{ INSN("jmp: compatibility", "\xff\x2b"), .data = FAR32(SEL_CODE32) },
	{ INSN("retfq: same", "\x48\xcb"), .stack = { TW_TARGET, SEL_CODE64 } },
	{ INSN("retfq: ring 3", "\x48\xcb"),
	  .stack = { TW_TARGET, SEL_UCODE64, TW_STACK, SEL_UDATA } },
	{ INSN("retfq: compatibility", "\x48\xcb"),
	  .stack = { TW_TARGET, SEL_UCODE32, TW_STACK, SEL_UDATA } },
	{ INSN("retfq: null SS", "\x48\xcb"), .stack = { TW_TARGET, SEL_UCODE64, TW_STACK } },
	{ INSN("retfq: SS of ring 0", "\x48\xcb"),
	  .stack = { TW_TARGET, SEL_UCODE64, TW_STACK, SEL_DATA } },
	{ INSN("retfq: not canonical", "\x48\xcb"), .stack = { 1ULL << 47, SEL_CODE64 } },
	{ INSN("retfq 16", "\x48\xca\x10\x00"),
	  .stack = { TW_TARGET, SEL_UCODE64, 0, 0, TW_STACK, SEL_UDATA } },
	{ INSN("retf: absent", "\xcb"), .word = 4, .stack = { TW_TARGET, SEL_NP_CODE } },
	{ INSN("iretq: same", "\x48\xcf"),
	  .stack = { TW_TARGET, SEL_CODE64, FLAGS_IF, TW_STACK, SEL_DATA } },
	{ INSN("iretq: null SS", "\x48\xcf"), .stack = { TW_TARGET, SEL_CODE64, FLAGS, TW_STACK } },
	{ INSN("iretq: ring 3", "\x48\xcf"),
	  .stack = { TW_TARGET, SEL_UCODE64, 0x3202, TW_STACK, SEL_UDATA } },
	{ INSN("iretq: ring 3, null SS", "\x48\xcf"),
	  .stack = { TW_TARGET, SEL_UCODE64, FLAGS, TW_STACK, 3 } },
	{ INSN("iretq: compatibility", "\x48\xcf"),
	  .stack = { TW_TARGET, SEL_UCODE32, FLAGS, TW_STACK, SEL_UDATA } },
	{ INSN("iretq: not canonical", "\x48\xcf"),
	  .stack = { 1ULL << 47, SEL_CODE64, FLAGS, TW_STACK, SEL_DATA } },
	{ INSN("iretq: all flags", "\x48\xcf"),
	  .stack = { TW_TARGET, SEL_CODE64, 0x277ed7 & ~0x100, TW_STACK, SEL_DATA } },
	/* From ring 3, where Bochs leaves RSP alone. */
	{ INSN("iretd: ring 3", "\xcf"), .word = 4, .flags = TW_R0,
	  .stack = { TW_TARGET, SEL_UCODE32, FLAGS, TW_STACK, SEL_UDATA } },
	{ INSN("iretq: NT", "\x48\xcf"), .flags = TW_NT,
	  .stack = { TW_TARGET, SEL_CODE64, FLAGS, TW_STACK, SEL_DATA } },
	INTERRUPTS,
	{ INSN("int 62: task gate", "\xcd\x62") },
	{ INSN("mov ds: null", "\x8e\xd8"), .ax = 3 },
	{ INSN("mov ds: ring 0", "\x8e\xd8"), .ax = SEL_DATA },
	{ INSN("mov ds: absent", "\x8e\xd8"), .ax = SEL_NP_DATA },
	{ INSN("mov ds: read-only", "\x8e\xd8"), .ax = SEL_RO_DATA },
	{ INSN("mov es: TSS", "\x8e\xc0"), .ax = SEL_TSS2 },
	{ INSN("mov ss", "\x8e\xd0"), .ax = SEL_DATA },
	{ INSN("mov ss: null", "\x8e\xd0") },
	{ INSN("mov ss: absent", "\x8e\xd0"), .ax = SEL_NP_DATA },
	{ INSN("mov ss: read-only", "\x8e\xd0"), .ax = SEL_RO_DATA },
	{ INSN("mov fs: LDT", "\x8e\xe0"), .ax = 15 },
	{ INSN("lss", "\x0f\xb2\x03"), .data = FAR32(SEL_DATA) },
	{ INSN("lgs", "\x0f\xb5\x03"), .data = FAR32(SEL_UDATA) },
};

/* SYSRET and SYSEXIT take what STAR and SYSENTER_CS have. */
static const struct twin fast_calls[] = {
	{ INSN("syscall", "\x0f\x05") },
	{ INSN("sysretq", "\x48\x0f\x07"), .cx = TW_TARGET },
	{ INSN("sysretl", "\x0f\x07"), .cx = TW_TARGET },
	{ INSN("sysenter", "\x0f\x34") },
	{ INSN("sysexit", "\x0f\x35"), .dx = TW_TARGET, .cx = TW_STACK },
	{ INSN("sysexitq", "\x48\x0f\x35"), .dx = TW_TARGET, .cx = TW_STACK },
	{ INSN("sysexitq: not canonical", "\x48\x0f\x35"), .dx = 1ULL << 47, .cx = TW_STACK },
};

#define AP32(sel) "\x00\x10\x01\x00" sel

static const struct twin far_prot[] = {
	{ INSN("call: code", "\x9a" AP32("\x18\x00")) },
	{ INSN("call: conforming", "\x9a" AP32("\x60\x00")) },
	{ INSN("call: ring 3", "\x9a" AP32("\x23\x00")) },
	{ INSN("call: data", "\x9a" AP32("\x10\x00")) },
	{ INSN("call: absent", "\x9a" AP32("\x78\x00")) },
	{ INSN("call: gate", "\x9a" AP32("\xbb\x00")) },
	{ INSN("call: gate to ring 1", "\x9a" AP32("\xcb\x00")), .stack = { 0x1111, 0x2222 } },
	{ INSN("call: gate to conforming", "\x9a" AP32("\xdb\x00")) },
	{ INSN("call: absent gate", "\x9a" AP32("\xeb\x00")) },
	{ INSN("call: LDT", "\x9a" AP32("\x07\x00")) },
	{ INSN("call [ebx]: gate", "\xff\x1b"), .data = FAR32(SEL_GATE0 | 3) },
	{ INSN("jmp: code", "\xea" AP32("\x18\x00")) },
	{ INSN("jmp: gate", "\xea" AP32("\xbb\x00")) },
	{ INSN("jmp: past the limit", "\xea" AP32("\xf8\x07")) },
	{ INSN("retf: same", "\xcb"), .stack = { TW_TARGET, SEL_CODE32 } },
	{ INSN("retf: ring 3", "\xcb"), .stack = { TW_TARGET, SEL_UCODE32, TW_STACK, SEL_UDATA } },
	{ INSN("retf: ring 1", "\xca\x04\x00"),
	  .stack = { TW_TARGET, SEL_CODE1 | 1, 0, TW_STACK, SEL_DATA1 | 1 } },
	{ INSN("iret: same", "\xcf"), .stack = { TW_TARGET, SEL_CODE32, 0x3202 } },
	{ INSN("iret: ring 3", "\xcf"),
	  .stack = { TW_TARGET, SEL_UCODE32, 0x3202, TW_STACK, SEL_UDATA } },
	{ INSN("iret: ring 3, wrong SS", "\xcf"),
	  .stack = { TW_TARGET, SEL_UCODE32, 0x3202, TW_STACK, SEL_DATA } },
	{ INSN("iret: virtual-8086", "\xcf"), .flags = TW_R0,
	  .stack = { 0x1000, TW_CODE >> 4, 0x23202, 0x4000, TW_DATA >> 4, 0x1234, 0x2345, 0x3456,
		     0x4567 } },
	INTERRUPTS,
	{ INSN("into", "\xce"), .flags = TW_OF },
	{ INSN("into: not", "\xce") },
	{ INSN("pop ss", "\x17"), .stack = { SEL_DATA } },
	{ INSN("pop ds: absent", "\x1f"), .stack = { SEL_NP_DATA } },
	{ INSN("les", "\xc4\x03"), .data = FAR32(SEL_UDATA) },
	{ INSN("mov ss: ring 1", "\x8e\xd0"), .ax = SEL_DATA1 | 1 },
};

static void nested(struct machine *m, struct kvm_regs *r, struct kvm_sregs *s)
{
	*(uint16_t *)guest_mem(m, G_TSS) = SEL_TSS2;
	*(uint8_t *)guest_mem(m, G_GDT + SEL_TSS2 + 5) |= 2;
}

static const struct twin tasks[] = {
	{ INSN("jmp: TSS", "\xea" AP32("\xa0\x00")) },
	{ INSN("call: TSS", "\x9a" AP32("\xa0\x00")) },
	{ INSN("jmp: task gate", "\xea" AP32("\xb3\x00")) },
	{ INSN("call: task gate", "\x9a" AP32("\xb3\x00")) },
	{ INSN("call: busy TSS", "\x9a" AP32("\x50\x00")) },
	{ INSN("call: absent TSS", "\x9a" AP32("\xf8\x00")) },
	{ INSN("int 62: task gate", "\xcd\x62") },
	{ INSN("iret: nested", "\xcf"), .flags = TW_NT, .prep = nested },
	{ INSN("iret: nested, not busy", "\xcf"), .flags = TW_NT },
};

static const struct twin real[] = {
	{ INSN("int 21", "\xcd\x21") },
	{ INSN("int3", "\xcc") },
	{ INSN("into", "\xce"), .flags = TW_OF },
	{ INSN("iret", "\xcf"), .stack = { 0x1000, TW_CODE >> 4, 0x7ed7 & ~0x100 } },
	{ INSN("iretd", "\x66\xcf"), .word = 4, .stack = { 0x1000, TW_CODE >> 4, 0x247602 } },
	{ INSN("call far", "\x9a\x00\x10\x00\x10") },
	{ INSN("call far [bx]", "\xff\x1f"), .data = FAR16(TW_CODE >> 4) },
	{ INSN("jmp far", "\xea\x00\x10\x00\x10") },
	{ INSN("retf 4", "\xca\x04\x00"), .stack = { 0x1000, TW_CODE >> 4 } },
	{ INSN("pushf", "\x9c") },
	{ INSN("popf", "\x9d"), .stack = { 0x7ed7 & ~0x100 } },
	{ INSN("cli", "\xfa") },
	{ INSN("sti", "\xfb") },
	{ INSN("mov ds, ax", "\x8e\xd8"), .ax = 0x1234 },
	{ INSN("mov ss, ax", "\x8e\xd0"), .ax = 0x2345 },
	{ INSN("les", "\xc4\x07"), .data = FAR16(0x4321) },
	{ INSN("mov eax, cr0", "\x0f\x20\xc0") },
	{ INSN("smsw ax", "\x0f\x01\xe0") },
	{ INSN("lmsw ax", "\x0f\x01\xf0"), .ax = 0xa },
	{ INSN("sgdt", "\x0f\x01\x07") },
	{ INSN("lidt", "\x0f\x01\x1f"), .data = { 0x03ff } },
	{ INSN("sldt", "\x0f\x00\xc0") },
	{ INSN("hlt", "\xf4") },
	{ INSN("load: past the limit", "\x8b\x07"), .bx = 0xffff },
	{ INSN("bound", "\x62\x07"), .ax = 5, .data = { 0x00030001 } },
	{ INSN("arpl", "\x63\xc0") },
	{ INSN("cpuid", "\x0f\xa2") },
};

static const struct twin_group groups[] = {
	TWIN_GROUP("far_long", TW_LONG, TW_BOTH, far_long),
	TWIN_GROUP("fast_calls", TW_LONG, TW_BOTH, fast_calls),
	TWIN_GROUP("far_compatibility", TW_COMPAT, TW_BOTH, far_prot),
	TWIN_GROUP("far_protected", TW_PROT32, TW_BOTH, far_prot),
	TWIN_GROUP("tasks", TW_PROT32, TW_BOTH, tasks),
	TWIN_GROUP("real", TW_REAL, 0, real),
	TWIN_GROUP("virtual_8086", TW_VM86, 0, real),
	TWIN_GROUP("virtual_8086_iopl", TW_VM86, TW_IOPL, real),
	TWIN_GROUP("protected_16", TW_PROT16, 0, real),
};

int main(int argc, char **argv)
{
	return twin_main(argc, argv, groups, ARRAY_LEN(groups));
}
