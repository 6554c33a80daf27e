/* SPDX-License-Identifier: GPL-2.0-only */
/* What each MSR answers, to user space and to a guest. */
#ifndef KVMX_MSR_SWEEP_H
#define KVMX_MSR_SWEEP_H

#include "guest.h"

enum sweep_door { SWEEP_HOST, SWEEP_GUEST };

/* All zero: neither read nor written, KVM_GET/SET_MSRS return 0 or the guest has #GP. */
struct msr_answer {
	bool reads;
	bool writes;		/* the value that was read, 0 where none could be */
	uint64_t value;
	uint64_t taken;		/* bits whose change is accepted */
	uint64_t kept;		/* bits that then read as changed */
};

struct msr_range {
	uint32_t first, last;
};

/* All that a CPU model may have. */
extern const struct msr_range sweep_ranges[];
extern const int nr_sweep_ranges;

/* A guest with all interrupt controllers in the kernel; "AuthenticAMD" if @amd. */
struct guest *sweep_guest(bool amd);
/* Asks for @first to @first + @n - 1; @writes: by WRMSR as well. */
void sweep(struct guest *g, enum sweep_door door, bool writes, uint32_t first, int n,
	   struct msr_answer *answers);

#endif
