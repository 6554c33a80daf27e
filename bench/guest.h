/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's side of the bench: 64-bit code at GUEST_CODE, one loop for each operation. */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

#define GUEST_TABLES	0x1000ul	/* PML4, PDPT, four page directories: 4 GiB, identity */
#define GUEST_GDT	0x8000ul
#define GUEST_IDT	0x9000ul
#define GUEST_CODE	0x10000ul
#define GUEST_STACK	0x1ff000ul
#define GUEST_LOW	0x200000ul	/* bytes of memory at 0 */
#define GUEST_SMALL	0x40000000ul	/* memory of 4 KiB pages */
#define GUEST_LARGE	0x80000000ul	/* memory of 2 MiB pages */
#define GUEST_DEVICE	0xd0000000ul	/* nothing is here: MMIO */

#define PORT_DEVICE	0x80
#define PORT_DONE	0xf4
#define VECTOR		0x20

#ifndef __ASSEMBLER__
/*
 * A loop is entered with RDI turns to make and RSI an address. At its end RAX is
 * the TSC's difference over all turns, and a write to PORT_DONE says so.
 */
extern const char guest_start[], guest_end[];
extern const char guest_nothing[], guest_cpuid_first[], guest_cpuid_last[], guest_vmcall[];
extern const char guest_rdmsr[], guest_wrmsr[];
extern const char guest_outb[], guest_inb[], guest_store[], guest_load[], guest_halt[];
extern const char guest_touch_small[], guest_touch_large[], guest_handler[];
#endif

#endif
