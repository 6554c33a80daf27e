// SPDX-License-Identifier: GPL-2.0-only
/* The guest's instructions that show what a register holds, without reading it. */
#include "guest.h"
#include "uses.h"

/* To use a segment base is to read the word at it; each such word holds its own address. */
uint64_t use_fs(void)
{
	uint64_t v;

	asm volatile("mov %%fs:0, %0" : "=r"(v));
	return v;
}

uint64_t use_gs(void)
{
	uint64_t v;

	asm volatile("mov %%gs:0, %0" : "=r"(v));
	return v;
}

uint64_t use_kernel_gs(void)
{
	uint64_t v;

	asm volatile("swapgs\n mov %%gs:0, %0\n swapgs" : "=r"(v));
	return v;
}

uint64_t use_tsc_aux(void)
{
	uint32_t a, d, c;

	asm volatile("rdtscp" : "=a"(a), "=d"(d), "=c"(c));
	return c;
}

asm(".pushsection .text\n.globl entry_1, entry_2\n"
	"entry_1: lea entry_1(%rip), %rax\n jmp *%rcx\n"
	"entry_2: lea entry_2(%rip), %rax\n jmp *%rcx\n.popsection");

uint64_t use_lstar(void)
{
	uint64_t v;

	wrmsr(MSR_STAR, (uint64_t)SEL_CODE64 << 32);
	asm volatile("syscall" : "=a"(v) : : "rcx", "r11", "memory");
	return v;
}

static uint32_t cpuid_bit(uint32_t leaf, char reg, int bit)
{
	uint32_t a = leaf, b, c = 0, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (reg == 'b' ? b : reg == 'c' ? c : d) >> bit & 1;
}

uint64_t use_osxsave(void)
{
	return cpuid_bit(1, 'c', 27) ? X86_CR4_OSXSAVE : 0;
}

uint64_t use_mwait(void)
{
	return cpuid_bit(1, 'c', 3) ? 1 << 18 : 0;
}

uint64_t use_apic_on(void)
{
	return cpuid_bit(1, 'd', 9) ? MSR_IA32_APICBASE_ENABLE : 0;
}

/* The size of what XSAVE writes: more than x87, SSE and the header. */
uint64_t use_avx_size(void)
{
	uint32_t a = 0xd, b, c = 0, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return b > 0x240 ? 4 : 0;
}

/* The vector of the fault that an instruction has, 0 without. */
#define FAULT(insn, ...)						\
	({								\
		register uint64_t v_ asm("r11");			\
									\
		asm volatile(GUEST_TRY(insn) : "=&r"(v_)			\
			     : [magic] "i"(GUEST_TRY_MAGIC), ##__VA_ARGS__ \
			     : "r10", "rax", "memory");			\
		v_;							\
	})

uint64_t use_wp(void)
{
	asm volatile("invlpg (%0)" : : "r"(USE_AT) : "memory");
	return FAULT("movb $0, (%[at])", [at] "r"(USE_AT)) ? CR0_WP : 0;
}

/* NX is a reserved bit where EFER has no NX. */
uint64_t use_nx(void)
{
	asm volatile("invlpg (%0)" : : "r"(USE_AT) : "memory");
	return FAULT("movb (%[at]), %%al", [at] "r"(USE_AT)) ? 0 : EFER_NX_BIT;
}

uint64_t use_sce(void)
{
	wrmsr(MSR_STAR, (uint64_t)SEL_CODE64 << 32);
	wrmsr(MSR_LSTAR, (uintptr_t)entry_1);
	return FAULT("syscall\n xor %%r11d, %%r11d", "c"(0)) ? 0 : EFER_SCE_BIT;
}

uint64_t use_de(void)
{
	return FAULT("mov %%dr4, %%rax") ? X86_CR4_DE : 0;
}

uint64_t use_fsgsbase(void)
{
	return FAULT("rdfsbase %%rax") ? 0 : X86_CR4_FSGSBASE;
}

static volatile bool hit;

void use_on_db(struct guest_frame *f)
{
	hit = true;
}

/* L0 of DR7: a watched byte is read. */
uint64_t use_watch(void)
{
	hit = false;
	asm volatile("mov %0, %%dr0\n movb (%0), %%al\n nop" : : "r"(USE_AT) : "rax");
	return hit ? 1 : 0;
}

uint64_t use_tpr(void)
{
	uint64_t v;

	asm volatile("mov %%cr8, %0" : "=r"(v));
	return v << 4;
}
