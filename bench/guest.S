/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest.h"

#define TSC_DEADLINE	0x6e0		/* IA32_TSC_DEADLINE */
#define X2APIC_EOI	0x80b
#define X2APIC_SVR	0x80f
#define X2APIC_ICR	0x830
#define X2APIC_LVTT	0x832
#define X2APIC_SELF_IPI	0x83f
#define LVTT_DEADLINE	0x40000
#define SVR_ENABLE	0x100

	/* RDTSC into RAX. */
	.macro	tsc
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	.endm

	/* Three instructions and the WRMSR. */
	.macro	write_msr msr, low, high=0
	mov	$\msr, %ecx
	mov	$\low, %eax
	mov	$\high, %edx
	wrmsr
	.endm

	.macro	entry name
	.globl	guest_\name
	.balign	64
guest_\name:
	.endm

	.macro	done
	out	%al, $PORT_DONE
	ud2
	.endm

	.macro	loop name, body
	entry	\name
	mov	%rdi, %r15
	tsc
	mov	%rax, %r14
1:
	\body
	dec	%r15
	jnz	1b
	tsc
	sub	%r14, %rax
	done
	.endm

	/*
	 * A loop whose turns end with VECTOR_COUNT: @body leaves in R8 the time from
	 * which it counts; R14 sums up.
	 */
	.macro	counted name, body
	entry	\name
	mov	%rdi, %r15
	xor	%r14d, %r14d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	sti
1:
	mov	%r13, %rbx
	\body
2:
	cmp	%r13, %rbx
	je	2b
	sub	%r8, %r10
	add	%r10, %r14
	dec	%r15
	jnz	1b
	cli
	mov	%r14, %rax
	done
	.endm

	.macro	from_now
	tsc
	mov	%rax, %r8
	.endm

	/* R8 is the deadline. */
	.macro	arm ticks
	tsc
	add	$\ticks, %rax
	mov	%rax, %r8
	mov	%rax, %rdx
	shr	$32, %rdx
	mov	$TSC_DEADLINE, %ecx
	wrmsr
	.endm

	.macro	arm_and_halt
	cli
	arm	HALT_DEADLINE
	sti
	hlt
	.endm

	.macro	self_ipi
	from_now
	write_msr X2APIC_SELF_IPI, VECTOR_COUNT
	.endm

	.macro	past
	from_now
	write_msr TSC_DEADLINE, 1
	.endm

	/* As many instructions as with WRMSR. */
	.macro	out_irqfd
	from_now
	nop
	nop
	nop
	out	%al, $PORT_IRQFD
	.endm

	.macro	out_line
	from_now
	out	%al, $PORT_LINE
	.endm

	/* The prefix under which kvm emulates an instruction that the CPU could do. */
	.macro	emulated
	ud2
	.ascii	"kvm"
	.endm

	.macro	emulated_store
	emulated
	mov	%eax, (%rsi)
	.endm

	.macro	emulated_copy
	mov	$COPY_BYTES, %ecx
	lea	0x1000(%rsi), %rdi
	emulated
	rep movsb
	sub	$COPY_BYTES, %rsi
	.endm

	.macro	wait_for_ready
1:
	pause
	cmpl	$0, SHARED_READY
	je	1b
	.endm

	.macro	delay
	mov	%rsi, %rcx
3:
	dec	%rcx
	jnz	3b
	.endm

	/* The other vCPU ends its loop. */
	.macro	stop_other
	movl	$1, SHARED_STOP
	write_msr X2APIC_ICR, VECTOR_TELL, 1
	.endm

	.set	port_device, PORT_DEVICE
	.set	port_pit, PORT_PIT
	.set	far_step, FAR_STEP
	.set	near_deadline, NEAR_DEADLINE

	.section .rodata
	.globl	guest_start, guest_end
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
	loop	touch_far, "movb $1, (%rsi); add $far_step, %rsi"
	loop	emulated_store, emulated_store
	loop	emulated_copy, emulated_copy
	loop	out_pit, "xor %eax, %eax; out %al, $port_pit"	/* latch counter 0 */
	loop	arm, "mov $0x6e0, %ecx; xor %eax, %eax; mov %esi, %edx; wrmsr"

	/* What two readings cost, the three instructions of write_msr between them included. */
	entry	pair
	mov	%rdi, %r15
	xor	%r14d, %r14d
1:
	from_now
	nop
	nop
	nop
	tsc
	sub	%r8, %rax
	add	%rax, %r14
	dec	%r15
	jnz	1b
	mov	%r14, %rax
	done

	entry	apic_on
	write_msr X2APIC_SVR, SVR_ENABLE|VECTOR_SPURIOUS
	write_msr X2APIC_LVTT, LVTT_DEADLINE|VECTOR_COUNT
	done

	entry	disarm
	write_msr TSC_DEADLINE, 0
	done

	counted	self_ipi, self_ipi
	counted	past, past
	counted	near, "arm near_deadline"
	counted	halt_timer, arm_and_halt
	counted	irqfd, out_irqfd
	counted	line, out_line

	/* IPIs to the other vCPU, until it has told of each. */
	entry	send
	mov	%rdi, %r15
	xor	%r14d, %r14d
	wait_for_ready
1:
	delay
	mov	SHARED_TOLD, %ebx
	from_now
	write_msr X2APIC_ICR, VECTOR_TELL, 1
2:
	cmp	%ebx, SHARED_TOLD
	je	2b
	tsc
	sub	%r8, %rax
	add	%rax, %r14
	dec	%r15
	jnz	1b
	stop_other
	mov	%r14, %rax
	done

	/* IPIs to the other vCPU, until its own IPI has come. */
	entry	send_and_wait
	mov	%rdi, %r15
	xor	%r14d, %r14d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	wait_for_ready
	sti
1:
	delay
	mov	%r13, %rbx
	from_now
	write_msr X2APIC_ICR, VECTOR_ANSWER, 1
2:
	cmp	%r13, %rbx
	je	2b
	sub	%r8, %r10
	add	%r10, %r14
	dec	%r15
	jnz	1b
	cli
	stop_other
	mov	%r14, %rax
	done

	/* The other vCPU: runs, or halts, until it is stopped. */
	entry	spin
	write_msr X2APIC_SVR, SVR_ENABLE|VECTOR_SPURIOUS
	movl	$1, SHARED_READY
	sti
1:
	cmpl	$0, SHARED_STOP
	je	1b
	cli
	done

	entry	sleep
	write_msr X2APIC_SVR, SVR_ENABLE|VECTOR_SPURIOUS
	movl	$1, SHARED_READY
1:
	cli
	cmpl	$0, SHARED_STOP
	jne	2f
	sti
	hlt
	jmp	1b
2:
	done

	/* R10 is when the interrupt came, R13 counts, R12 sums up what EOIs cost. */
	entry	count
	tsc
	mov	%rax, %r10
	tsc
	mov	%rax, %r9
	write_msr X2APIC_EOI, 0
	tsc
	sub	%r9, %rax
	add	%rax, %r12
	inc	%r13
	iretq

	entry	tell
	incl	SHARED_TOLD
	write_msr X2APIC_EOI, 0
	iretq

	entry	answer
	write_msr X2APIC_ICR, VECTOR_COUNT
	write_msr X2APIC_EOI, 0
	iretq

	entry	handler
	iretq
guest_end:

	.section .note.GNU-stack, "", @progbits
