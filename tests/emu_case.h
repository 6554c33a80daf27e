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
#define WIN0_BYTES	768u
#define WIN1		(DATA_BASE + DATA_BYTES - 128)
#define WIN1_BYTES	128u
#define WIN_BYTES	(WIN0_BYTES + WIN1_BYTES)

/* Segments of the local descriptor table, by index; the last one is not filled in. */
enum {
	LDT_CODE16, LDT_DATA16, LDT_LIMITED, LDT_DOWN, LDT_RO, LDT_STACK32, LDT_XONLY, LDT_DOWN16,
	LDT_PAGES, LDT_CODE32, LDT_ABSENT, LDT_ABSENT_CODE, LDT_ABSENT_CONF, LDT_EMPTY, NR_LDT
};

#define LDT_SEL(i)	((i) << 3 | 7)
#define SEL_USER64	0x33	/* Linux's code segment of 64-bit programs */
#define SEL_USER32	0x23	/* ... and of 32-bit programs */
#define SEL_DATA	0x2b	/* ... and their data */

/* The places: code segment and data segments. */
enum place { PLACE_64, PLACE_32, PLACE_32_SEGS, PLACE_16, NR_PLACES };

#define COMPLETED	0xff
#define NR_SELS		6	/* ES to GS */

/* The image of FXSAVE without the vector registers. */
#define FX_USED		160

struct cpu_state {
	u64 gpr[16];
	u64 rip, rflags;
	u16 sel[NR_SELS];
	u64 fs_base, gs_base;	/* compared in 64-bit mode */
	u8 vec[16][32];
	u8 fx[FX_USED] __attribute__((aligned(16)));
};

struct tcase {
	u8 place;
	bool vec;		/* x87, MMX and vector registers matter */
	bool undo;		/* memory is not compared: the child takes back its changes */
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

/* A case and the emulator's answer to it, before the CPU has run it. */
struct expectation {
	struct tcase t;
	u64 flags_mask;		/* flags that are compared */
	u64 undefined;		/* those that are not compared as the SDM leaves them undefined */
	u32 free_regs;		/* registers that are not */
	u64 free_bits;		/* ... in these bits */
	bool free_bases;	/* ... nor the bases of FS and GS */
	bool free_dp;		/* ... nor the x87 data pointer */
	bool any_order;		/* several reads or writes: the first to fault may be any */
	bool vendor;		/* run and not compared: another vendor's CPU */
	bool kernel;		/* #GP(0) that the kernel answers itself: UMIP */
	u16 leaf;
	u64 index;
	struct emu_insn insn;
};

/* What this machine is like, found out once. */
struct host {
	bool intel, amd, umip, fsgsbase, osxsave, avx, rdpmc;
	bool compat;		/* the kernel has a code segment for 32-bit programs */
	bool ldt;		/* what modify_ldt() makes loads; native_start() finds out */
	u64 cr0;
	struct x86_table gdt, idt;
	u32 tsc_aux;
	struct {
		u32 access, limit;	/* as LAR and LSL answer; 0: not for CPL 3 */
	} desc[16];
};

extern struct host host;
void find_host(void);

/* EAX to EDX of CPUID; nothing above the CPU's largest leaf. */
static inline void host_cpuid(u32 leaf, u32 subleaf, u32 *r)
{
	u32 max = 0;

	asm volatile("cpuid" : "=a" (max) : "0" (leaf & 0x80000000) : "ebx", "ecx", "edx");
	memset(r, 0, 16);
	if (leaf <= max)
		asm volatile("cpuid" : "=a" (r[0]), "=b" (r[1]), "=c" (r[2]), "=d" (r[3])
			     : "0" (leaf), "2" (subleaf));
}

extern const struct x86_segment ldt_segments[NR_LDT];

/*
 * The child process. native_start() says why not, or NULL; native_run() runs
 * the batch and returns false if the child died (batch->done cases are good).
 */
const char *native_start(struct batch *b, const u8 *data, const u8 *ro);
/* From now on modify_ldt() says yes and does nothing, as on some machines. */
bool native_without_ldt(void);
bool native_run(struct batch *b);
void native_stop(void);
/* The data memory of the child. */
const u8 *native_data(void);

/* The model: runs @t in the emulator. False if it left the known address space. */
bool model_run(struct tcase *t, enum emu_status *st, struct emu_ctxt *c);
/* Decodes only. */
enum emu_status model_decode(struct tcase *t, struct emu_ctxt *c);
/* The linear address of @off in @seg, before any check. */
u64 model_linear(const struct emu_ctxt *c, unsigned int seg, u64 off);
void model_segment(enum x86_seg seg, u16 sel, struct x86_segment *s);
/* Takes back what the last case stored. */
void model_undo(void);
extern u8 model_data[DATA_BYTES], model_ro[RO_BYTES];
/* What the CPU makes of a state of x87. */
void model_fx(u8 *fx);

/* The kernel's side of the model: descriptor tables, the way into the kernel and out. */
void system_init(void);
u8 *system_memory(u64 la);
bool system_entered(const struct emu_ctxt *c);
void system_leave(struct emu_ctxt *c, struct tcase *t);
void system_descriptor(u16 sel, struct x86_segment *s);

/* emu_make.c: makes case @index; false if it cannot be used. */
bool make_case(struct expectation *e, u64 seed, u64 index);
/* Can this machine run code there? */
bool place_usable(enum place p);

/* emu_rules.c: what the CPU lacks, what cannot be compared and why. */
const char *missing_feature(const struct leaf *l);
const char *only_locked(const struct emu_desc *d);
bool lacks_encoding(const struct emu_ctxt *c);
bool unspecified(const struct emu_ctxt *c, const struct tcase *t);
/* Is the answer to it, which this CPU may run, the vendor's? On Intel's CPUs never. */
bool by_vendor(const struct emu_ctxt *c, const struct tcase *t);
void print_by_vendor(void);
void undefined_results(const struct emu_ctxt *c, struct expectation *e);
void print_undefined(void);

#endif
