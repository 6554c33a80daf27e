/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands in for the kernel's decompressor in the lab's boot image: the
 * kernel is unpacked on the host, which saves the emulator a thousand million
 * instructions. The real-mode part of the image jumps here in flat 32-bit
 * mode, %esi pointing to boot_params (Documentation/arch/x86/boot.rst). The
 * kernel behind this page is moved to where it is linked, and entered at
 * startup_64 in long mode with the first 4 GiB mapped one to one.
 *
 * LOAD: where the boot loader puts this; IMAGE_SIZE: bytes of the kernel, a
 * multiple of 4; TARGET: where it belongs, above LOAD; ENTRY: where it starts.
 */

#define CR0_PG		0x80000000
#define CR4_PAE		0x20
#define MSR_EFER	0xc0000080
#define EFER_LME	0x100

#define BOOT_CS		0x10
#define BOOT_DS		0x18

/* Present, writable, accessed, dirty; and the same for a 2 MiB page. */
#define TABLE		0x63
#define LARGE_PAGE	0xe3

	.section .text
	.code32
	.globl	start
start:
	cli
	movl	%esi, %ebx
	/* The target is above and may overlap: from the end down. */
	std
	movl	$(LOAD + (image - start) + IMAGE_SIZE - 4), %esi
	movl	$(TARGET + IMAGE_SIZE - 4), %edi
	movl	$(IMAGE_SIZE / 4), %ecx
	rep movsl
	cld

	lgdt	gdt_pointer
	movl	%cr4, %eax
	orl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$pml4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$CR0_PG, %eax
	movl	%eax, %cr0
	ljmp	$BOOT_CS, $long_mode

	.code64
long_mode:
	movl	$BOOT_DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%ebx, %esi
	movl	$ENTRY, %eax
	jmp	*%rax

	.balign	8
gdt:
	.quad	0
	.quad	0
	.quad	0x00af9a000000ffff	/* BOOT_CS: 64-bit code */
	.quad	0x00cf92000000ffff	/* BOOT_DS */
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	gdt

	.balign	4096
pml4:
	.quad	pdpt + TABLE
	.fill	511, 8, 0
pdpt:
	.quad	pd + TABLE
	.quad	pd + 0x1000 + TABLE
	.quad	pd + 0x2000 + TABLE
	.quad	pd + 0x3000 + TABLE
	.fill	508, 8, 0
pd:
	.set	page, 0
	.rept	2048
	.quad	page + LARGE_PAGE
	.set	page, page + 0x200000
	.endr
image:
