/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's side of the bench: 64-bit code at GUEST_CODE, one loop for each operation. */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

#define GUEST_TABLES	0x1000	/* PML4, PDPT, four page directories: 4 GiB, identity */
#define GUEST_GDT	0x8000
#define GUEST_IDT	0x9000
#define GUEST_SHARED	0xa000	/* words of both vCPUs: */
#define SHARED_TOLD	0xa000	/* interrupts that VECTOR_TELL told of */
#define SHARED_STOP	0xa040	/* the other vCPU is to end its loop */
#define SHARED_READY	0xa080	/* the other vCPU is in its loop */
#define GUEST_CODE	0x10000
#define GUEST_STACK	0x1ff000	/* of the first vCPU, of the second 0x1000 below */
#define GUEST_FREE	0x100000
#define GUEST_LOW	0x200000	/* bytes of memory at 0 */
#define COPY_BYTES	512		/* of an emulated REP MOVSB: all at once everywhere */
#define GUEST_SMALL	0x40000000	/* memory of 4 KiB pages */
#define GUEST_LARGE	0x80000000	/* memory of 2 MiB pages */
#define GUEST_DEVICE	0xd0000000	/* nothing is here: MMIO */

#define FAR_PAGES	20	/* so many pages, FAR_STEP bytes apart, in 1 GiB */
#define FAR_STEP	0x3000000

#define PORT_DEVICE	0x80
#define PORT_PIT	0x43
#define PORT_IRQFD	0xe1	/* ioeventfd that is an irqfd as well */
#define PORT_LINE	0xe2	/* user space pulses the line of IOAPIC_PIN */
#define PORT_DONE	0xf4
#define IOAPIC_PIN	10

#define VECTOR		0x20
#define VECTOR_COUNT	0x40	/* takes times and counts */
#define VECTOR_TELL	0x41	/* counts in SHARED_TOLD */
#define VECTOR_ANSWER	0x42	/* sends VECTOR_COUNT to the first vCPU */
#define VECTOR_SPURIOUS	0xff

/* From arming a timer to its deadline, in ticks: more than arming takes, and than polling. */
#define NEAR_DEADLINE	20000
#define HALT_DEADLINE	200000

#ifndef __ASSEMBLER__
/*
 * A loop is entered with RDI turns to make and RSI an argument. At its end RAX is
 * the TSC's difference over all turns, and a write to PORT_DONE says so.
 */
extern const char guest_start[], guest_end[];
extern const char guest_nothing[], guest_pair[];
extern const char guest_cpuid_first[], guest_cpuid_last[], guest_vmcall[];
extern const char guest_rdmsr[], guest_wrmsr[];
extern const char guest_outb[], guest_inb[], guest_store[], guest_load[], guest_halt[];
extern const char guest_touch_small[], guest_touch_large[], guest_touch_far[], guest_handler[];
extern const char guest_out_pit[], guest_arm[];
extern const char guest_emulated_store[], guest_emulated_copy[];
/* Interrupts: RAX is the sum of times to the handler, R12 that of the EOIs. */
extern const char guest_apic_on[], guest_disarm[];
extern const char guest_self_ipi[], guest_past[], guest_near[], guest_halt_timer[];
extern const char guest_irqfd[], guest_line[];
/* Two vCPUs: RSI is how long the sender waits before each turn. */
extern const char guest_send[], guest_send_and_wait[], guest_spin[], guest_sleep[];
extern const char guest_count[], guest_tell[], guest_answer[];
#endif

#endif
