// SPDX-License-Identifier: GPL-2.0-only
/* Guests written in C: what runs in the guest. */
#include "guest.h"

void (*volatile guest_handlers[256])(struct guest_frame *f);
volatile struct guest_failure guest_failure;
void guest_dispatch(struct guest_frame *f);

/* Sixteen bytes for each vector, then what they have in common. */
asm(".pushsection .text\n.globl guest_vectors\n"
	".balign 16\nguest_vectors:\n.set v, 0\n"
	".rept 256\n.balign 16\n"
	".if !(v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21)\npushq $0\n.endif\n"
	"pushq $v\njmp guest_entry\n.set v, v + 1\n.endr\n"
	"guest_entry:\n"
	"push %rax\npush %rbx\npush %rcx\npush %rdx\npush %rsi\npush %rdi\npush %rbp\n"
	"push %r8\npush %r9\npush %r10\npush %r11\npush %r12\npush %r13\npush %r14\npush %r15\n"
	"cld\nmov %rsp, %rdi\nmov %rsp, %rbx\n"
	"sub $512, %rsp\nand $-16, %rsp\nfxsave (%rsp)\n"
	"call guest_dispatch\n"
	"fxrstor (%rsp)\nmov %rbx, %rsp\n"
	"pop %r15\npop %r14\npop %r13\npop %r12\npop %r11\npop %r10\npop %r9\npop %r8\n"
	"pop %rbp\npop %rdi\npop %rsi\npop %rdx\npop %rcx\npop %rbx\npop %rax\n"
	"add $16, %rsp\niretq\n.popsection");

void guest_fail(const char *file, int line, const char *what, uint64_t a, uint64_t b)
{
	guest_failure.file = file;
	guest_failure.line = line;
	guest_failure.what = what;
	guest_failure.a = a;
	guest_failure.b = b;
	for (;;)
		guest_out(GUEST_PORT_FAIL, 0);
}

void guest_dispatch(struct guest_frame *f)
{
	if (guest_handlers[f->vector]) {
		guest_handlers[f->vector](f);
	} else if (f->vector < 32 && f->r11 == GUEST_TRY_MAGIC) {
		f->ip = f->r10;
		f->r11 = f->vector;
	} else {
		guest_fail("the guest", f->vector, "unexpected vector", f->ip, f->error);
	}
}

uint8_t guest_wrmsr(uint32_t msr, uint64_t value)
{
	register uint64_t fault asm("r11");

	asm volatile(GUEST_TRY("wrmsr")
		     : "=r"(fault)
		     : [magic] "i"(GUEST_TRY_MAGIC), "c"(msr), "a"((uint32_t)value),
		       "d"((uint32_t)(value >> 32))
		     : "r10", "memory");
	return fault;
}

uint8_t guest_rdmsr(uint32_t msr, uint64_t *value)
{
	register uint64_t fault asm("r11");
	uint32_t lo = 0, hi = 0;

	asm volatile(GUEST_TRY("rdmsr")
		     : "=r"(fault), "+a"(lo), "+d"(hi)
		     : [magic] "i"(GUEST_TRY_MAGIC), "c"(msr)
		     : "r10", "memory");
	*value = (uint64_t)hi << 32 | lo;
	return fault;
}

static void on_last_vector(struct guest_frame *f)
{
	guest_eoi();
}

void guest_take_last_vector(void)
{
	guest_handlers[255] = on_last_vector;
}

void guest_touch(void)
{
	volatile uint64_t stack[640];

	stack[0] = *(volatile uint64_t *)G_IDT;
	stack[1] = *(volatile uint64_t *)G_GDT;
	stack[639] = stack[0];
}

void guest_x2apic(void)
{
	guest_touch();
	wrmsr(MSR_IA32_APICBASE, rdmsr(MSR_IA32_APICBASE) | MSR_IA32_APICBASE_ENABLE |
	      X2APIC_ENABLE);
	guest_apic_write(APIC_SPIV, APIC_SPIV_APIC_ENABLED | 0xff);
}
