/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words for what the architecture has, for the module and for user programs: segments,
 * descriptor tables, faults, kinds of memory access.
 */
#ifndef KVMX_X86_H
#define KVMX_X86_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
#endif

/* Segment registers: the first six by the encoding of the CPU. */
enum x86_seg {
	X86_SEG_ES, X86_SEG_CS, X86_SEG_SS, X86_SEG_DS, X86_SEG_FS, X86_SEG_GS,
	X86_SEG_TR, X86_SEG_LDTR,
	X86_NR_SEGS,
};

/* A segment register with its hidden part; field meanings of SDM 3A, 3.4.5. */
struct x86_segment {
	u16 selector;
	u8 type;
	u8 dpl;
	bool s, present, avl, l, db, g;
	bool unusable;
	u32 limit;		/* in bytes, already scaled */
	u64 base;
};

/* GDTR or IDTR. */
struct x86_table {
	u64 base;
	u16 limit;
};

/* An exception that an instruction makes. */
struct x86_fault {
	u8 vector;
	bool has_error;
	bool trap;		/* report after the instruction (#DB) */
	u32 error_code;
	u64 cr2;		/* #PF: faulting address; #DB: the new DR6 bits */
};

/* How memory is touched; 0 is a read. */
#define X86_ACC_WRITE	(1u << 0)	/* will be written: the read of read-modify-write, too */
#define X86_ACC_FETCH	(1u << 1)
#define X86_ACC_SYSTEM	(1u << 2)	/* implicit supervisor access: descriptor tables, TSS */

/* IA32_APIC_BASE, SDM 3A 11.4.4. */
#define X86_APIC_BASE_BSP	(1ull << 8)
#define X86_APIC_BASE_X2APIC	(1ull << 10)
#define X86_APIC_BASE_ENABLE	(1ull << 11)

#endif
