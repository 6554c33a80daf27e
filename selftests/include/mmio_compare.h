/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs the same instructions on memory (where the CPU executes them) and on MMIO
 * (where kvm has to) and compares everything that comes out.
 */
#ifndef KVMX_MMIO_COMPARE_H
#define KVMX_MMIO_COMPARE_H

#include "machine.h"

/* The operand page pair: memory or MMIO, at the same address for both runs. */
#define G_OPERAND	0x800000
#define OPERAND_SIZE	0x2000
#define OPERAND_AT	(G_OPERAND + 0x100)

/* Vector registers are loaded from here before and stored there after. */
#define G_VEC_IN	0x40100
#define G_VEC_OUT	0x40000

struct insn {
	const char *name, *text;
	const uint8_t *code, *end;
	int reads, writes;	/* bytes of MMIO, -1: not checked */
};

/* One X-macro line per instruction: X(id, text, reads, writes). */
#define INSN_CODE(id, text, ...) GUEST_CODE(code_##id, 64, text "\nhlt\n");
#define INSN_ENTRY(id, text, ...) { #id, text, code_##id, code_##id##_end, __VA_ARGS__ },

struct insn_list {
	const char *name;
	const struct insn *insns;
	int nr;
	/*
	 * kvm may decline these with KVM_INTERNAL_ERROR_EMULATION, before the first access;
	 * what it executes must still be right.
	 */
	bool may_decline;
	int nr_starts;		/* of the sets of starting values; 0: all */
};

/* A subtest for each of the lists, and the whole of main() after that. */
int compare_lists(const struct insn_list *lists, int nr, int argc, char **argv);

#endif
