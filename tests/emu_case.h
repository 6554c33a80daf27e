/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One instruction to be run on the CPU and in the emulator: the place it runs
 * in, the state before, the state after.
 */
#ifndef KVMX_EMU_CASE_H
#define KVMX_EMU_CASE_H

#include "emu_test.h"

/*
 * The address space of a case, the same in the child process and in the model:
 * code, null, data with two windows that are set for each case (one across a
 * page boundary, one that ends where nothing is mapped), a read-only page.
 */
#define CODE_BASE	0x10000000ull
#define CODE_BYTES	0x2000u
#define DATA_BASE	0x20000000ull
#define DATA_BYTES	0x3000u
#define RO_BASE		0x20005000ull
#define RO_BYTES	0x1000u
#define SPACE_END	0x20020000ull
#define WIN0		(DATA_BASE + 0xf80)
#define WIN0_BYTES	256u
#define WIN1		(DATA_BASE + DATA_BYTES - 128)
#define WIN1_BYTES	128u
#define WIN_BYTES	(WIN0_BYTES + WIN1_BYTES)

/* Segments of the local descriptor table, by index. */
enum { LDT_CODE16, LDT_DATA16, LDT_LIMITED, LDT_DOWN, LDT_RO, LDT_STACK32, LDT_XONLY, NR_LDT };
#define LDT_SEL(i)	((i) << 3 | 7)

/* The places: code segment and data segments. */
enum place { PLACE_64, PLACE_32, PLACE_32_SEGS, PLACE_16, NR_PLACES };

#define COMPLETED	0xff
#define USED_FLAGS	(FL_ARITH | FL_DF | FL_AC)

struct cpu_state {
	u64 gpr[16];
	u64 rip, rflags;
	u8 vec[16][32];
	u64 mmx[8];
};

struct tcase {
	u8 place;
	bool vec;		/* vector and MMX registers matter */
	u8 bytes[16];
	u64 code;		/* linear address of the instruction */
	struct cpu_state in, out;
	u8 win_in[WIN_BYTES], win_out[WIN_BYTES];
	u8 vector;
	u32 error;
	u64 cr2;
};

#define BATCH	2048

struct batch {
	unsigned int n, done;
	struct tcase c[BATCH];
};

u16 place_selector(enum place p, enum emu_seg seg);
void ldt_segment(unsigned int index, struct emu_segment *s);

/*
 * The child process. native_start() says why not, or NULL; native_run() runs
 * the batch and returns false if the child died (batch->done cases are good).
 */
const char *native_start(struct batch *b, const u8 *data, const u8 *ro);
bool native_run(struct batch *b);
void native_stop(void);
/* The data memory of the child. */
const u8 *native_data(void);

/* The model: runs @t in the emulator. False if it left the known address space. */
bool model_run(struct tcase *t, enum emu_status *st, struct emu_ctxt *c);
/* Takes back what the last case stored. */
void model_undo(void);
extern u8 model_data[DATA_BYTES], model_ro[RO_BYTES];

#endif
