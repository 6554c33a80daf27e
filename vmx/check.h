/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What VM entry checks (SDM 3C 27.2, 27.3), as rules on a copy of the fields. Knows
 * nothing of the CPU it runs on.
 */
#ifndef KVMX_VMX_CHECK_H
#define KVMX_VMX_CHECK_H

#include <linux/types.h>
#include "fields.h"

/**
 * struct vmx_limits - what the rules ask of the CPU
 *
 * Of the controls' capability MSRs the low half is what must be one, the high half what may be.
 */
struct vmx_limits {
	u64 pin, proc, proc2, exit, entry;
	u64 misc, ept_vpid;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u64 perf_ctrl;			/* bits that IA32_PERF_GLOBAL_CTRL has */
	u8 phys_bits, linear_bits;
	bool bus_lock_detect;
	bool any_error_code;		/* an exception's error code is not checked */
};

struct vmx_state {
	const struct vmx_limits *lim;
	u64 f[VF_NR];
	const struct vmx_msr_areas *areas;	/* NULL: both counts are 0 */
	u8 vtpr;			/* of the virtual-APIC page */
};

struct vmx_rule {
	const char *name;		/* for tests */
	const char *section;		/* of the SDM */
	const char *text;		/* what must be so */
	bool by_user;			/* what user space sets may break it */
	bool (*holds)(const struct vmx_state *s);
};

extern const struct vmx_rule vmx_rules[];
extern const unsigned int vmx_nr_rules;

/* The first broken rule from number @from on, or vmx_nr_rules. */
unsigned int vmx_broken_rule(const struct vmx_state *s, unsigned int from);

#endif
