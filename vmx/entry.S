/* SPDX-License-Identifier: GPL-2.0-only */
/* The way into the guest and out of it. */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>
#include "entry.h"

	.section .noinstr.text, "ax"

/*
 * int vmx_enter_asm(u64 *regs, struct vmx_entry *e)
 *
 * @regs: RAX to R15 in the CPU's order; RSP is in the VMCS and passed over.
 * Interrupts off. Returns 0 after a VM exit, 1 if VMLAUNCH or VMRESUME failed.
 */
SYM_FUNC_START(vmx_enter_asm)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rsi
	push	%rdi

	/* The exit comes back with the stack as it is now. */
	cmp	%rsp, VMX_ENTRY_HOST_RSP(%rsi)
	je	.Lrsp_known
	mov	%rsp, VMX_ENTRY_HOST_RSP(%rsi)
	mov	$VMX_FIELD_HOST_RSP, %eax
	vmwrite	%rsp, %rax
.Lrsp_known:

	cmpb	$0, VMX_ENTRY_SPEC(%rsi)
	je	.Lspec_in
	mov	VMX_ENTRY_GUEST_SPEC(%rsi), %eax
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	xor	%edx, %edx
	wrmsr
.Lspec_in:

	/* CF says whether it was launched: what follows leaves CF alone. */
	btw	$0, VMX_ENTRY_LAUNCHED(%rsi)

	mov	8*0(%rdi), %rax
	mov	8*1(%rdi), %rcx
	mov	8*2(%rdi), %rdx
	mov	8*3(%rdi), %rbx
	mov	8*5(%rdi), %rbp
	mov	8*6(%rdi), %rsi
	mov	8*8(%rdi), %r8
	mov	8*9(%rdi), %r9
	mov	8*10(%rdi), %r10
	mov	8*11(%rdi), %r11
	mov	8*12(%rdi), %r12
	mov	8*13(%rdi), %r13
	mov	8*14(%rdi), %r14
	mov	8*15(%rdi), %r15
	mov	8*7(%rdi), %rdi

	CLEAR_CPU_BUFFERS
	UNWIND_HINT_SAVE
	jc	.Lresume
.Llaunch:
	vmlaunch
	jmp	.Lfailed
.Lresume:
	vmresume
	jmp	.Lfailed
	_ASM_EXTABLE(.Llaunch, .Lfailed)
	_ASM_EXTABLE(.Lresume, .Lfailed)

SYM_INNER_LABEL(vmx_exit_point, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ANNOTATE_NOENDBR
	push	%rdi
	mov	8(%rsp), %rdi
	mov	%rax, 8*0(%rdi)
	mov	%rcx, 8*1(%rdi)
	mov	%rdx, 8*2(%rdi)
	mov	%rbx, 8*3(%rdi)
	mov	%rbp, 8*5(%rdi)
	mov	%rsi, 8*6(%rdi)
	mov	%r8,  8*8(%rdi)
	mov	%r9,  8*9(%rdi)
	mov	%r10, 8*10(%rdi)
	mov	%r11, 8*11(%rdi)
	mov	%r12, 8*12(%rdi)
	mov	%r13, 8*13(%rdi)
	mov	%r14, 8*14(%rdi)
	mov	%r15, 8*15(%rdi)
	pop	%rax
	mov	%rax, 8*7(%rdi)

	/* No guest value is left for a speculated path to use. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	FILL_RETURN_BUFFER %_ASM_CX, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
	xor	%ebx, %ebx
	jmp	.Lout

.Lfailed:
	mov	$1, %ebx
.Lout:
	pop	%rdi
	pop	%rsi
	cmpb	$0, VMX_ENTRY_SPEC(%rsi)
	je	.Lspec_out
	mov	VMX_ENTRY_HOST_SPEC(%rsi), %eax
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	xor	%edx, %edx
	wrmsr
.Lspec_out:
	/* Whichever way the branch above was predicted, nothing runs ahead of the host's value. */
	lfence
	/* The first RET of the host is in here, the first indirect branch comes later. */
	CLEAR_BRANCH_HISTORY_VMEXIT
	mov	%ebx, %eax
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET
SYM_FUNC_END(vmx_enter_asm)

/* An external interrupt that the VM exit took from the host's APIC, by its gate. */
.macro HOST_INTERRUPT vector
SYM_FUNC_START_LOCAL(vmx_host_interrupt_\vector)
	ANNOTATE_NOENDBR
	int	$\vector
	RET
SYM_FUNC_END(vmx_host_interrupt_\vector)
	.pushsection .rodata
	.quad	vmx_host_interrupt_\vector
	.popsection
.endm

	.pushsection .rodata
	.balign	8
SYM_DATA_START(vmx_host_interrupt)
	.popsection
.altmacro
.set vector, 0
.rept 256
	HOST_INTERRUPT %vector
	.set vector, vector + 1
.endr
.noaltmacro
	.pushsection .rodata
SYM_DATA_END(vmx_host_interrupt)
	.popsection
