/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An instruction twice from the same state: executed by the CPU, and by kvm's
 * emulator behind the forced-emulation prefix. Everything a guest could see must
 * come out the same: registers, segments with their hidden parts, control
 * registers, memory with the frames on its stacks, exits to user space.
 */
#ifndef KVMX_TWIN_H
#define KVMX_TWIN_H

#include "machine.h"

/* The guest's memory that is compared. Machine's tables are in it. */
#define TWIN_BYTES	0x28000
#define TW_CODE		0x10000		/* the prefix; 5 bytes on, the instruction */
#define TW_INSN		(TW_CODE + 5)
#define TW_TARGET	0x11000		/* full of HLT: for jumps */
#define TW_DATA		0x20000		/* RBX points there */
#define TW_LDT		0x21000
#define TW_TSS2		0x22000
#define TW_STACK	0x24800		/* the initial stack pointer */
#define TW_STACK0	0x26800		/* of ring 0, from the TSS */
#define TW_STACK1	0x27800		/* of ring 1 */
/* Pages with other rights, in long mode; their contents are not compared. */
#define TW_ABSENT	0x30000
#define TW_READONLY	0x31000
#define TW_SUPER	0x32000
#define TW_NOEXEC	0x33000
#define TW_PLAIN	0x34000

/* Descriptors besides machine.h's. */
enum {
	SEL_CONF = SEL_FREE,	/* conforming code of ring 0 */
	SEL_CODE1 = 0x68,	/* code and data of ring 1, to be used with RPL 1 */
	SEL_DATA1 = 0x70,
	SEL_NP_CODE = 0x78,	/* not present */
	SEL_NP_DATA = 0x80,
	SEL_RO_DATA = 0x88,
	SEL_LDT = 0x90,		/* two entries in long mode */
	SEL_TSS2 = 0xa0,	/* available, likewise */
	SEL_TASK_GATE = 0xb0,
	SEL_GATE0 = 0xb8,	/* call gate of ring 3 to ring 0, likewise */
	SEL_GATE1 = 0xc8,	/* ... to ring 1, two parameters */
	SEL_GATE_CONF = 0xd8,	/* ... to the conforming segment */
	SEL_GATE_NP = 0xe8,	/* not present */
	SEL_NP_TSS = 0xf8,
};

enum twin_env { TW_REAL, TW_VM86, TW_PROT16, TW_PROT32, TW_LONG, TW_COMPAT };

#define TW_R3		(1u << 0)	/* in ring 3 */
#define TW_BOTH		(1u << 1)	/* in ring 0, then in ring 3 */
#define TW_IOPL		(1u << 2)	/* IOPL 3 */
#define TW_TF		(1u << 3)	/* single step */
#define TW_NT		(1u << 4)
#define TW_AC		(1u << 5)	/* alignment check */
#define TW_VME		(1u << 6)	/* CR4.VME, CR4.PVI */
#define TW_NO_AX	(1u << 7)	/* RAX and RDX are not compared */
#define TW_OF		(1u << 8)
#define TW_R0		(1u << 9)	/* in ring 0 only, whatever the group says */

/* What a case needs; zeros are left out. */
struct twin {
	const char *name, *code;
	unsigned int len;
	uint32_t flags;
	uint64_t ax, cx, dx, bx, sp;
	uint64_t data[2];		/* at TW_DATA */
	uint64_t stack[9];		/* at the stack pointer */
	uint8_t word;			/* ... in pieces of so many bytes; 0: as the mode has it */
	void (*prep)(struct machine *m, struct kvm_regs *r, struct kvm_sregs *s);
};

#define INSN(text, bytes) .name = text, .code = bytes, .len = sizeof(bytes) - 1

struct twin_group {
	const char *name;
	enum twin_env env;
	uint32_t flags;			/* for all of them */
	const struct twin *cases;
	unsigned int nr;
};

#define TWIN_GROUP(n, e, f, c) \
	{ .name = n, .env = e, .flags = f, .cases = c, .nr = ARRAY_LEN(c) }

/* A gate for the IDT or GDT; @type as in a descriptor's access byte. */
void twin_gate(struct machine *m, uint64_t at, uint16_t sel, uint64_t off, uint8_t type,
	       uint8_t params);
/* One subtest for each group; the exit status for main(). */
int twin_main(int argc, char **argv, const struct twin_group *groups, unsigned int nr);

#endif
