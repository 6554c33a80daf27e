// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator against VT-x: system instructions, port I/O, page faults, alignment
 * and single steps, executed by the CPU and behind the forced-emulation prefix.
 */
#include "twin.h"

#define GPA_BITS	0x0010000000000000ULL
#define NONCANONICAL	0x0000800000000000ULL

static void with_de(struct machine *m, struct kvm_regs *r, struct kvm_sregs *s)
{
	s->cr4 |= X86_CR4_DE;
}

static void with_tsd(struct machine *m, struct kvm_regs *r, struct kvm_sregs *s)
{
	s->cr4 |= X86_CR4_TSD;
}

static void with_ts(struct machine *m, struct kvm_regs *r, struct kvm_sregs *s)
{
	s->cr0 |= CR0_TS;
}

static void with_osxsave(struct machine *m, struct kvm_regs *r, struct kvm_sregs *s)
{
	s->cr4 |= X86_CR4_OSXSAVE;
}

static void with_fsgsbase(struct machine *m, struct kvm_regs *r, struct kvm_sregs *s)
{
	uint32_t eax, ebx, ecx, edx;

	/* Without the feature the instructions are #UD, in both twins. */
	cpuid(7, &eax, &ebx, &ecx, &edx);
	if (ebx & 1)
		s->cr4 |= X86_CR4_FSGSBASE;
}

static void with_strings(struct machine *m, struct kvm_regs *r, struct kvm_sregs *s)
{
	r->rsi = TW_DATA + 2;
	r->rdi = TW_DATA + 0x40;
	if (m->mode == MODE_REAL) {
		r->rsi = 2;
		r->rdi = 0x40;
	}
}

/* Control and debug registers. DR8 to DR15 are left out: Bochs takes them for DR0 to DR7. */
static const struct twin control[] = {
	{ INSN("mov rax, cr0", "\x0f\x20\xc0") },
	{ INSN("mov rax, cr2", "\x0f\x20\xd0") },
	{ INSN("mov rax, cr3", "\x0f\x20\xd8") },
	{ INSN("mov rax, cr4", "\x0f\x20\xe0") },
	{ INSN("mov rax, cr8", "\x44\x0f\x20\xc0") },
	{ INSN("mov rax, cr1", "\x0f\x20\xc8") },
	{ INSN("mov rax, cr5", "\x0f\x20\xe8") },
	{ INSN("lock mov rax, cr0", "\xf0\x0f\x20\xc0") },
	{ INSN("mov cr0, rax: TS", "\x0f\x22\xc0"), .ax = 0x8001003b },
	{ INSN("mov cr0, rax: AM", "\x0f\x22\xc0"), .ax = 0x80050033 },
	{ INSN("mov cr0, rax: no PG", "\x0f\x22\xc0"), .ax = 0x00010033 },
	{ INSN("mov cr0, rax: no PE", "\x0f\x22\xc0"), .ax = 0x80010032 },
	{ INSN("mov cr0, rax: bit 32", "\x0f\x22\xc0"), .ax = 0x180010033 },
	{ INSN("mov cr0, rax: NW", "\x0f\x22\xc0"), .ax = 0xa0010033 },
	{ INSN("mov cr0, rax: CD", "\x0f\x22\xc0"), .ax = 0xc0010033 },
	{ INSN("mov cr0, rax: memory form", "\x0f\x22\x00"), .ax = 0x8001003b },
	{ INSN("mov cr2, rax", "\x0f\x22\xd0"), .ax = 0x123456789abcdef0 },
	{ INSN("mov cr3, rax", "\x0f\x22\xd8"), .ax = G_PML4 },
	{ INSN("mov cr3, rax: reserved", "\x0f\x22\xd8"), .ax = G_PML4 | GPA_BITS },
	{ INSN("mov cr4, rax: PGE", "\x0f\x22\xe0"), .ax = 0x2a0 },
	{ INSN("mov cr4, rax: no PAE", "\x0f\x22\xe0"), .ax = 0x200 },
	{ INSN("mov cr4, rax: reserved", "\x0f\x22\xe0"), .ax = 0x80000220 },
	{ INSN("mov cr8, rax", "\x44\x0f\x22\xc0"), .ax = 5 },
	{ INSN("mov cr8, rax: reserved", "\x44\x0f\x22\xc0"), .ax = 0x10 },
	{ INSN("clts", "\x0f\x06"), .prep = with_ts },
	{ INSN("lmsw ax: TS", "\x0f\x01\xf0"), .ax = 0x3b },
	{ INSN("lmsw ax: no PE", "\x0f\x01\xf0"), .ax = 0x32 },
	{ INSN("lmsw [rbx]", "\x0f\x01\x33"), .data = { 0xffff } },
	{ INSN("smsw eax", "\x0f\x01\xe0"), .ax = ~0ULL },
	{ INSN("smsw ax", "\x66\x0f\x01\xe0"), .ax = ~0ULL },
	{ INSN("smsw rax", "\x48\x0f\x01\xe0"), .ax = ~0ULL },
	{ INSN("smsw [rbx]", "\x0f\x01\x23"), .data = { ~0ULL } },
	{ INSN("mov rax, dr0", "\x0f\x21\xc0") },
	{ INSN("mov rax, dr4", "\x0f\x21\xe0") },
	/* In ring 3 the SDM does not say which fault comes first. */
	{ INSN("mov rax, dr4: DE", "\x0f\x21\xe0"), .flags = TW_R0, .prep = with_de },
	{ INSN("mov rax, dr6", "\x0f\x21\xf0") },
	{ INSN("mov rax, dr7", "\x0f\x21\xf8") },
	{ INSN("mov dr0, rax", "\x0f\x23\xc0"), .ax = 0x123456789abcdef0 },
	{ INSN("mov dr3, rax", "\x0f\x23\xd8"), .ax = 0x98765 },
	{ INSN("mov dr6, rax", "\x0f\x23\xf0"), .ax = 0x4001 },
	{ INSN("mov dr6, rax: upper half", "\x0f\x23\xf0"), .ax = 0x100000000 },
	{ INSN("mov dr7, rax", "\x0f\x23\xf8"), .ax = 0x300 },
	{ INSN("mov dr7, rax: upper half", "\x0f\x23\xf8"), .ax = 0x100000400 },
	{ INSN("mov dr5, rax: DE", "\x0f\x23\xe8"), .flags = TW_R0, .ax = 0x400,
	  .prep = with_de },
	{ INSN("xgetbv", "\x0f\x01\xd0"), .prep = with_osxsave, .ax = ~0ULL, .dx = ~0ULL },
	{ INSN("xgetbv: no OSXSAVE", "\x0f\x01\xd0") },
	{ INSN("xgetbv: no such", "\x0f\x01\xd0"), .prep = with_osxsave, .cx = 5 },
	{ INSN("xsetbv: 3", "\x0f\x01\xd1"), .prep = with_osxsave, .ax = 3 },
	{ INSN("xsetbv: 0", "\x0f\x01\xd1"), .prep = with_osxsave },
	{ INSN("xsetbv: AVX alone", "\x0f\x01\xd1"), .prep = with_osxsave, .ax = 5 },
	{ INSN("xsetbv: no such", "\x0f\x01\xd1"), .prep = with_osxsave, .ax = 1, .cx = 1 },
};

#define TABLE(limit, base) { (limit) | (uint64_t)(base) << 16, (uint64_t)(base) >> 48 }

/* Descriptor table registers, and questions about descriptors. */
static const struct twin tables[] = {
	{ INSN("lgdt", "\x0f\x01\x13"), .data = TABLE(0xf7, G_GDT) },
	{ INSN("lgdt: not canonical", "\x0f\x01\x13"), .data = TABLE(0xf7, NONCANONICAL) },
	{ INSN("lgdt: register", "\x0f\x01\xd7") },
	{ INSN("lidt", "\x0f\x01\x1b"), .data = TABLE(0xffe, G_IDT) },
	{ INSN("lidt: not canonical", "\x0f\x01\x1b"), .data = TABLE(0xfff, NONCANONICAL) },
	{ INSN("sgdt", "\x0f\x01\x03") },
	{ INSN("sidt with 66", "\x66\x0f\x01\x0b"), .data = { ~0ULL, ~0ULL } },
	{ INSN("sldt eax", "\x0f\x00\xc0"), .ax = ~0ULL },
	{ INSN("sldt [rbx]", "\x0f\x00\x03"), .data = { ~0ULL } },
	{ INSN("str rax", "\x48\x0f\x00\xc8"), .ax = ~0ULL },
	{ INSN("str ax", "\x66\x0f\x00\xc8"), .ax = ~0ULL },
	{ INSN("lldt", "\x0f\x00\xd0"), .ax = SEL_LDT },
	{ INSN("lldt: null", "\x0f\x00\xd0"), .ax = 3 },
	{ INSN("lldt: data", "\x0f\x00\xd0"), .ax = SEL_DATA },
	{ INSN("lldt: TSS", "\x0f\x00\xd0"), .ax = SEL_TSS2 },
	{ INSN("lldt: in the LDT", "\x0f\x00\xd0"), .ax = 4 },
	{ INSN("lldt: past the limit", "\x0f\x00\xd0"), .ax = 0x7f8 },
	{ INSN("lldt [rbx]", "\x0f\x00\x13"), .data = { SEL_LDT } },
	{ INSN("ltr", "\x0f\x00\xd8"), .ax = SEL_TSS2 },
	{ INSN("ltr: busy", "\x0f\x00\xd8"), .ax = SEL_TSS },
	{ INSN("ltr: LDT", "\x0f\x00\xd8"), .ax = SEL_LDT },
	{ INSN("ltr: absent", "\x0f\x00\xd8"), .ax = SEL_NP_TSS },
	{ INSN("ltr: null", "\x0f\x00\xd8") },
	{ INSN("lar: code", "\x0f\x02\xc1"), .cx = SEL_CODE64 },
	{ INSN("lar: conforming", "\x0f\x02\xc1"), .cx = SEL_CONF | 3 },
	{ INSN("lar: ring 1", "\x0f\x02\xc1"), .cx = SEL_CODE1 | 1 },
	{ INSN("lar: LDT", "\x0f\x02\xc1"), .cx = SEL_LDT },
	{ INSN("lar: TSS", "\x0f\x02\xc1"), .cx = SEL_TSS2 },
	{ INSN("lar: call gate", "\x0f\x02\xc1"), .cx = SEL_GATE0 | 3 },
	{ INSN("lar: nothing", "\x0f\x02\xc1"), .cx = 0x7f8 },
	{ INSN("lsl: data", "\x0f\x03\xc1"), .cx = SEL_DATA },
	{ INSN("lsl: TSS", "\x0f\x03\xc1"), .cx = SEL_TSS2 },
	{ INSN("lsl: call gate", "\x0f\x03\xc1"), .cx = SEL_GATE0 | 3 },
	{ INSN("verr: read-only", "\x0f\x00\xe1"), .cx = SEL_RO_DATA },
	{ INSN("verw: read-only", "\x0f\x00\xe9"), .cx = SEL_RO_DATA },
	{ INSN("verr: ring 3", "\x0f\x00\xe1"), .cx = SEL_UCODE64 },
	{ INSN("verw: TSS", "\x0f\x00\xe9"), .cx = SEL_TSS2 },
};

/* MSRs, CPUID, counters, caches. */
static const struct twin msrs[] = {
	{ INSN("rdmsr: EFER", "\x0f\x32"), .cx = 0xc0000080, .ax = ~0ULL, .dx = ~0ULL },
	{ INSN("rdmsr: KERNEL_GS_BASE", "\x0f\x32"), .cx = 0xc0000102 },
	{ INSN("rdmsr: PAT", "\x0f\x32"), .cx = 0x277 },
	{ INSN("rdmsr: upper half of RCX", "\x0f\x32"), .cx = 0xffffffff00000174 },
	{ INSN("wrmsr: FS_BASE", "\x0f\x30"), .cx = 0xc0000100, .ax = 0x1000, .dx = 0x7fff },
	{ INSN("wrmsr: FS_BASE, not canonical", "\x0f\x30"), .cx = 0xc0000100, .dx = 0x8000 },
	{ INSN("wrmsr: LSTAR", "\x0f\x30"), .cx = 0xc0000082, .ax = 0xffff8888, .dx = ~0ULL },
	{ INSN("wrmsr: EFER, no SCE", "\x0f\x30"), .cx = 0xc0000080, .ax = 0xd00 },
	{ INSN("wrmsr: EFER, no LME", "\x0f\x30"), .cx = 0xc0000080, .ax = 0xc01 },
	{ INSN("wrmsr: EFER, reserved", "\x0f\x30"), .cx = 0xc0000080, .ax = 0xd03 },
	{ INSN("wrmsr: SYSENTER_EIP", "\x0f\x30"), .cx = 0x176, .ax = 0x4321 },
	{ INSN("swapgs", "\x0f\x01\xf8") },
	{ INSN("rdfsbase", "\xf3\x48\x0f\xae\xc0"), .prep = with_fsgsbase },
	{ INSN("wrgsbase", "\xf3\x48\x0f\xae\xd8"), .prep = with_fsgsbase, .ax = 0x1234567 },
	{ INSN("wrgsbase: not canonical", "\xf3\x48\x0f\xae\xd8"), .prep = with_fsgsbase,
	  .ax = NONCANONICAL },
	{ INSN("wrfsbase: off", "\xf3\x48\x0f\xae\xd0"), .ax = 0x1234567 },
	{ INSN("cpuid 0", "\x0f\xa2") },
	{ INSN("cpuid 1", "\x0f\xa2"), .ax = 0xffffffff00000001 },
	{ INSN("cpuid 7", "\x0f\xa2"), .ax = 7 },
	{ INSN("cpuid 80000008", "\x0f\xa2"), .ax = 0x80000008 },
	{ INSN("cpuid 40000000", "\x0f\xa2"), .ax = 0x40000000 },
	{ INSN("rdtsc", "\x0f\x31"), .flags = TW_NO_AX },
	{ INSN("rdtsc: TSD", "\x0f\x31"), .flags = TW_R3, .prep = with_tsd },
	{ INSN("rdtscp", "\x0f\x01\xf9"), .flags = TW_NO_AX },
	{ INSN("rdtscp: TSD", "\x0f\x01\xf9"), .flags = TW_R3, .prep = with_tsd },
	{ INSN("rdpmc: ring 3", "\x0f\x33"), .flags = TW_R3 },
	{ INSN("invlpg", "\x0f\x01\x3b") },
	{ INSN("invlpg: not canonical", "\x0f\x01\x3b"), .bx = NONCANONICAL },
	{ INSN("wbinvd", "\x0f\x09") },
	{ INSN("clflush", "\x0f\xae\x3b") },
	{ INSN("clflush: absent", "\x0f\xae\x3b"), .bx = TW_ABSENT },
	{ INSN("hlt", "\xf4") },
	{ INSN("ud2", "\x0f\x0b") },
	{ INSN("vmcall", "\x0f\x01\xc1"), .ax = 0x1000 },
};

/* The interrupt flag and its relatives. */
static const struct twin flags[] = {
	{ INSN("cli", "\xfa") },
	{ INSN("sti", "\xfb") },
	{ INSN("pushf", "\x9c") },
	{ INSN("pushfw", "\x66\x9c") },
	{ INSN("popf: everything", "\x9d"), .stack = { 0x3f7ed7 & ~0x100 } },
	{ INSN("popf: VM, RF", "\x9d"), .stack = { 0x30002 } },
	{ INSN("popf: IF", "\x9d"), .stack = { 0x202 } },
	{ INSN("popfw: IF, IOPL", "\x66\x9d"), .stack = { 0x3202 } },
	{ INSN("popf: nothing", "\x9d"), .stack = { 2 } },
};

/* Ports 0x70 to 0x7f are open in the bitmap. */
static const struct twin ports[] = {
	{ INSN("in al, 70", "\xe4\x70"), .ax = ~0ULL },
	{ INSN("in eax, 7c", "\xe5\x7c"), .ax = ~0ULL },
	{ INSN("in eax, 7d", "\xe5\x7d") },
	{ INSN("in ax, dx", "\x66\xed"), .dx = 0x7e, .ax = ~0ULL },
	{ INSN("in ax, dx: one too many", "\x66\xed"), .dx = 0x7f },
	{ INSN("in al, dx: closed", "\xec"), .dx = 0x80 },
	{ INSN("in al, dx: past the TSS", "\xec"), .dx = 0xffff },
	{ INSN("out 71, al", "\xe6\x71"), .ax = 0x1234 },
	{ INSN("out dx, eax", "\xef"), .dx = 0x74, .ax = 0x12345678 },
	{ INSN("out dx, eax: closed", "\xef"), .dx = 0x6e, .ax = 0x12345678 },
	{ INSN("insb", "\x6c"), .dx = 0x70, .prep = with_strings },
	{ INSN("insd: closed", "\x6d"), .dx = 0x90, .prep = with_strings },
	{ INSN("outsw", "\x66\x6f"), .dx = 0x70, .prep = with_strings,
	  .data = { 0x1234567890abcd } },
	{ INSN("rep outsb", "\xf3\x6e"), .dx = 0x70, .cx = 1, .prep = with_strings },
	{ INSN("rep insb: none", "\xf3\x6c"), .dx = 0x70, .prep = with_strings },
};

/* Pages without some right, and addresses that are not canonical. */
static const struct twin faults[] = {
	{ INSN("load", "\x48\x8b\x03"), .bx = TW_ABSENT },
	{ INSN("load: supervisor", "\x48\x8b\x03"), .bx = TW_SUPER },
	{ INSN("load: into the absent page", "\x48\x8b\x03"), .bx = TW_ABSENT - 3 },
	{ INSN("load: out of the absent page", "\x48\x8b\x03"), .bx = TW_ABSENT + 0xffd },
	{ INSN("store", "\x48\x89\x03"), .bx = TW_ABSENT },
	{ INSN("store: read-only", "\x48\x89\x03"), .bx = TW_READONLY },
	{ INSN("store: into the read-only page", "\x48\x89\x03"), .bx = TW_READONLY - 1 },
	{ INSN("add: read-only", "\x01\x03"), .bx = TW_READONLY },
	{ INSN("lock add: read-only", "\xf0\x01\x03"), .bx = TW_READONLY },
	{ INSN("cmp: read-only", "\x39\x03"), .bx = TW_READONLY },
	{ INSN("cmpxchg: read-only", "\x0f\xb1\x0b"), .bx = TW_READONLY },
	{ INSN("bts: read-only", "\x0f\xab\x0b"), .bx = TW_READONLY },
	{ INSN("load: no execution", "\x48\x8b\x03"), .bx = TW_NOEXEC },
	{ INSN("jmp: no execution", "\xff\xe3"), .bx = TW_NOEXEC },
	{ INSN("jmp: absent", "\xff\xe3"), .bx = TW_ABSENT },
	{ INSN("call [rbx]: absent", "\xff\x13"), .data = { TW_ABSENT } },
	{ INSN("call: stack absent", "\xff\xd3"), .bx = TW_TARGET, .sp = TW_ABSENT + 0x100 },
	{ INSN("push: stack read-only", "\x53"), .sp = TW_READONLY + 0x100 },
	{ INSN("pop [rbx]: read-only", "\x8f\x03"), .bx = TW_READONLY },
	{ INSN("ret: absent", "\xc3"), .sp = TW_ABSENT },
	{ INSN("load: not canonical", "\x48\x8b\x03"), .bx = NONCANONICAL },
	{ INSN("load: across the hole", "\x48\x8b\x03"), .bx = NONCANONICAL - 4 },
	{ INSN("load through rsp: not canonical", "\x48\x8b\x04\x24"), .sp = NONCANONICAL },
	{ INSN("push: not canonical", "\x53"), .sp = NONCANONICAL },
	{ INSN("jmp: not canonical", "\xff\xe3"), .bx = NONCANONICAL },
	{ INSN("movaps: not aligned", "\x0f\x28\x03"), .bx = TW_DATA + 8 },
	{ INSN("div: by 0", "\xf7\xf1") },
	{ INSN("div: too large", "\xf7\xf1"), .dx = 5, .cx = 5 },
	{ INSN("rep movsb: into the absent page", "\xf3\xa4"), .cx = 0, .prep = with_strings },
};

static const struct twin alignment[] = {
	{ INSN("load", "\x8b\x43\x01") },
	{ INSN("load: aligned", "\x8b\x43\x04") },
	{ INSN("store word", "\x66\x89\x43\x01") },
	{ INSN("load byte", "\x8a\x43\x01") },
	{ INSN("push", "\x53"), .sp = TW_STACK + 2 },
	{ INSN("cmpxchg16b", "\x48\x0f\xc7\x4b\x08") },
	{ INSN("movups", "\x0f\x10\x43\x01") },
	{ INSN("add", "\x48\x01\x43\x04") },
};

/* Without REP MOVSB: Bochs 2.7 shows no RF between two elements; 3.0 does. */
static const struct twin steps[] = {
	{ INSN("nop", "\x90") },
	{ INSN("mov", "\x48\x8b\x03") },
	{ INSN("push", "\x53") },
	{ INSN("pushf", "\x9c") },
	{ INSN("popf: no TF", "\x9d"), .stack = { 2 } },
	{ INSN("popf: TF", "\x9d"), .stack = { 0x102 } },
	{ INSN("jmp", "\xff\xe3"), .bx = TW_TARGET },
	{ INSN("rep stosb: one", "\xf3\xaa"), .cx = 1, .prep = with_strings },
	{ INSN("cpuid", "\x0f\xa2") },
	{ INSN("rdmsr", "\x0f\x32"), .cx = 0xc0000080 },
	{ INSN("mov rax, cr0", "\x0f\x20\xc0") },
	{ INSN("mov cr8, rax", "\x44\x0f\x22\xc0"), .ax = 3 },
	{ INSN("out", "\xe6\x71") },
	{ INSN("in", "\xe4\x71") },
	{ INSN("load: absent", "\x48\x8b\x03"), .bx = TW_ABSENT },
	{ INSN("int3", "\xcc") },
	{ INSN("int 60", "\xcd\x60") },
	{ INSN("iretq: TF", "\x48\xcf"),
	  .stack = { TW_TARGET, SEL_CODE64, 0x102, TW_STACK, SEL_DATA } },
};

/* A division by zero left the x87 exception flag set, and no #MF has reported it yet. */
static void with_x87_error(struct machine *m, struct kvm_regs *r, struct kvm_sregs *s)
{
	struct kvm_fpu fpu = { .fcw = 0x37b, .fsw = 0x8084, .mxcsr = 0x1f80 };

	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_FPU, &fpu));
}

static void with_x87_error_and_ts(struct machine *m, struct kvm_regs *r, struct kvm_sregs *s)
{
	with_x87_error(m, r, s);
	with_ts(m, r, s);
}

static void with_em(struct machine *m, struct kvm_regs *r, struct kvm_sregs *s)
{
	with_x87_error(m, r, s);
	s->cr0 |= CR0_EM;
}

/* Which fault comes first; what the instructions do is compared on the host. */
static const struct twin x87[] = {
	{ INSN("fwait: pending", "\x9b"), .prep = with_x87_error },
	{ INSN("fld m64: pending", "\xdd\x03"), .prep = with_x87_error },
	{ INSN("fistp m32: pending", "\xdb\x1b"), .prep = with_x87_error },
	{ INSN("fldcw: pending", "\xd9\x2b"), .prep = with_x87_error },
	{ INSN("movd mm0, [rbx]: pending", "\x0f\x6e\x03"), .prep = with_x87_error },
	{ INSN("movq [rbx], mm0: pending", "\x0f\x7f\x03"), .prep = with_x87_error },
	{ INSN("movd eax, mm0: pending", "\x0f\x7e\xc0"), .prep = with_x87_error },
	{ INSN("movdq2q: pending", "\xf2\x0f\xd6\xc1"), .prep = with_x87_error },
	{ INSN("fld m64: pending, absent", "\xdd\x03"), .bx = TW_ABSENT, .prep = with_x87_error },
	{ INSN("fnstsw ax: pending", "\xdf\xe0"), .prep = with_x87_error },
	{ INSN("fnstcw: pending", "\xd9\x3b"), .prep = with_x87_error },
	{ INSN("fnclex: pending", "\xdb\xe2"), .prep = with_x87_error },
	{ INSN("fwait: TS", "\x9b"), .prep = with_x87_error_and_ts },
	{ INSN("fld m64: TS", "\xdd\x03"), .prep = with_x87_error_and_ts },
	{ INSN("fnstsw ax: TS", "\xdf\xe0"), .prep = with_x87_error_and_ts },
	{ INSN("movd mm0, [rbx]: TS", "\x0f\x6e\x03"), .prep = with_x87_error_and_ts },
	{ INSN("fxsave: TS", "\x0f\xae\x03"), .prep = with_x87_error_and_ts },
	{ INSN("fld m64: EM", "\xdd\x03"), .prep = with_em },
	{ INSN("fwait: EM", "\x9b"), .prep = with_em },
	{ INSN("movd mm0, [rbx]: EM", "\x0f\x6e\x03"), .prep = with_em },
	{ INSN("movups: EM", "\x0f\x10\x03"), .prep = with_em },
};

static const struct twin_group groups[] = {
	TWIN_GROUP("control", TW_LONG, TW_BOTH, control),
	TWIN_GROUP("tables", TW_LONG, TW_BOTH, tables),
	TWIN_GROUP("msrs", TW_LONG, TW_BOTH, msrs),
	TWIN_GROUP("flags", TW_LONG, TW_BOTH, flags),
	TWIN_GROUP("flags_iopl", TW_LONG, TW_R3 | TW_IOPL, flags),
	TWIN_GROUP("flags_pvi", TW_PROT32, TW_BOTH | TW_VME, flags),
	TWIN_GROUP("ports", TW_LONG, TW_BOTH, ports),
	TWIN_GROUP("ports_iopl", TW_PROT32, TW_R3 | TW_IOPL, ports),
	TWIN_GROUP("ports_real", TW_REAL, 0, ports),
	TWIN_GROUP("page_faults", TW_LONG, TW_BOTH, faults),
	TWIN_GROUP("alignment", TW_LONG, TW_BOTH | TW_AC, alignment),
	TWIN_GROUP("x87", TW_LONG, TW_BOTH, x87),
	TWIN_GROUP("single_step", TW_LONG, TW_TF, steps),
};

int main(int argc, char **argv)
{
	return twin_main(argc, argv, groups, ARRAY_LEN(groups));
}
