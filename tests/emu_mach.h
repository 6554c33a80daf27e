/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small machine around the emulator: memory, segments, control registers,
 * and devices whose answers have to be waited for.
 */
#ifndef KVMX_EMU_MACH_H
#define KVMX_EMU_MACH_H

#include "emu_test.h"

#define MACH_BYTES	0x80000u
#define DEVICE_BASE	0x70000u	/* memory that is a device, up to the end */

/* Where tests put things. */
#define GDT_BASE	0x1000u
#define IDT_BASE	0x2000u
#define LDT_BASE	0x3000u
#define TSS_BASE	0x4000u
#define TSS2_BASE	0x5000u
#define STACK0		0x8000u		/* top of the stack of CPL 0 */
#define SUPER_END	0x8000u		/* below: supervisor pages */
#define CODE		0x10000u
#define DATA		0x20000u
#define STACK		0x30000u	/* top of the stack */

enum { DEV_READ, DEV_WRITE, DEV_IN, DEV_OUT };

struct dev_access {
	u8 kind;
	u64 addr;
	unsigned int len;
	u8 data[1024];
};

struct mach {
	struct emu_ctxt c;
	struct x86_segment seg[X86_NR_SEGS];
	struct x86_table gdt, idt;
	u64 cr[9], dr[8], efer, xcr0;
	u64 sysenter[3];		/* CS, ESP, EIP */
	u64 star[4];			/* STAR, LSTAR, CSTAR, FMASK */
	u64 msr_value;
	u32 msr_index;
	u8 vec[16][32];
	struct emu_fx fx;
	u64 absent, read_only;		/* addresses of pages */
	/* Devices. */
	bool wait;			/* the first time, each access is EMU_IO */
	struct dev_access log[64];	/* what happened in the current instruction */
	unsigned int answered, pos, waits;
	bool asked;			/* for an answer that is not there yet */
	unsigned int room;		/* all memory is a device with such a log; 0: it is not */
	unsigned int touched;		/* pieces of memory, in the last run */
	struct dev_access done[64];	/* ... in those that are finished */
	unsigned int nr_done;
	u8 port_next;			/* what the next port reads as */
	/* What was seen. */
	unsigned int cmpxchgs, write_reads, halts, hypercalls, wbinvds;
	u64 invlpg, xcr_written;
	bool broken;			/* a contract of the interface was not kept */
	u8 mem[MACH_BYTES];
};

struct mach *mach_new(enum emu_mode mode);
/* In protected mode, with the segments of a program. */
struct mach *mach_at_cpl_3(enum emu_mode mode);

/* Puts @len bytes of code at cs:rip, decodes and executes until EMU_IO is answered. */
enum emu_status mach_exec(struct mach *m, const void *code, unsigned int len);
/* The same, going on while a REP is not finished; counts the calls. */
enum emu_status mach_finish(struct mach *m, const void *code, unsigned int len,
			    unsigned int *calls);
#define EXEC(m, s)	mach_exec(m, s, sizeof(s) - 1)

/* Descriptors in the GDT: code or data of @access at @base, limit in bytes or pages. */
void mach_desc(struct mach *m, u16 sel, u64 base, u32 limit, u8 access, u8 flags);
/* A gate in the GDT (@sel) or IDT (@sel = vector * 8, @idt). */
void mach_gate(struct mach *m, bool idt, u16 at, u16 sel, u64 off, u8 access, u8 count);
/* Loads a segment register from the GDT without checks. */
void mach_load(struct mach *m, enum x86_seg seg, u16 sel);

u64 mach_get(struct mach *m, u64 la, unsigned int len);
void mach_put(struct mach *m, u64 la, u64 val, unsigned int len);

/* Is it this fault, or an exception after completion? */
bool mach_trap(struct mach *m, enum emu_status st, u8 vector, u32 error);
bool mach_fault(struct mach *m, enum emu_status st, u8 vector, u32 error);

/* Selectors that mach_new() sets up in protected mode. */
#define SEL_CODE0	0x08
#define SEL_DATA0	0x10
#define SEL_CODE3	0x18
#define SEL_DATA3	0x20
#define SEL_CONF	0x28	/* conforming, DPL 0 */
#define SEL_ABSENT	0x30	/* data, not present */
#define SEL_RO		0x38
#define SEL_TSS		0x40
#define SEL_TSS2	0x50
#define SEL_LDT		0x60
#define SEL_GATE	0x70
#define SEL_CODE16	0x80
#define SEL_FREE	0x90

#define RUN(test)	ktap_result(test(), #test)

/* Notes the line of the first check of a test that failed. */
#define CHECK(cond) do { \
	if (!(cond)) { \
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
		ok = false; \
	} \
} while (0)

/* How often an entry has run to EMU_OK on a machine. */
void count_success(const void *desc);

void unit_real(void);
void unit_io(void);
void unit_far(void);
void unit_system(void);
void unit_task(void);
void unit_privilege(void);
void unit_flaws(void);
void unit_vec(void);
void unit_footprint(void);
void unit_native(void);

#endif
