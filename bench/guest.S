/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest.h"

	/* RDTSC into RAX. */
	.macro	tsc
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	.endm

	.macro	loop name, body
	.globl	guest_\name
	.balign	64
guest_\name:
	mov	%rdi, %r15
	tsc
	mov	%rax, %r14
1:
	\body
	dec	%r15
	jnz	1b
	tsc
	sub	%r14, %rax
	out	%al, $PORT_DONE
	ud2
	.endm

	.set	port_device, PORT_DEVICE

	.section .rodata
	.globl	guest_start, guest_end, guest_handler
	.balign	64
guest_start:
	loop	nothing, "nop"
	loop	cpuid_first, "xor %eax, %eax; cpuid"
	loop	cpuid_last, "mov $0x80000008, %eax; cpuid"
	loop	vmcall, "mov $0x7fff, %eax; vmcall"
	loop	rdmsr, "mov $0x277, %ecx; rdmsr"
	loop	wrmsr, "mov $0x277, %ecx; mov $0x00070406, %eax; mov %eax, %edx; wrmsr"
	loop	outb, "out %al, $port_device"
	loop	inb, "in $port_device, %al"
	loop	store, "mov %eax, (%rsi)"
	loop	load, "mov (%rsi), %eax"
	loop	halt, "sti; hlt"
	loop	touch_small, "movb $1, (%rsi); add $0x1000, %rsi"
	loop	touch_large, "movb $1, (%rsi); add $0x200000, %rsi"
guest_handler:
	iretq
guest_end:

	.section .note.GNU-stack, "", @progbits
