/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module parameters, with the names and types of the kernel's own kvm-intel.
 * Documentation/parameters.rst says what each does.
 */
#ifndef KVMX_PARAMS_H
#define KVMX_PARAMS_H

#include <linux/types.h>

struct kernel_param;

/**
 * struct kvmx_params - what is in force
 *
 * Before vmx_setup() a field holds what was asked for, after it what is used:
 * vmx_setup() clears what this CPU cannot do.
 */
struct kvmx_params {
	bool ept, unrestricted_guest, vnmi;	/* needed: 0 refuses the module */
	bool vpid, eptad;
	uint ple_gap, ple_window;	/* either 0: no PAUSE-loop exiting */
	bool flexpriority, enable_apicv, preemption_timer;
	/* kvmx does without these: they read as N, and asking for one says so in the log. */
	bool nested, pml, enable_ipiv, fasteoi;
	bool emulate_invalid_guest_state;
};

/* --- vmx/params.c --- */
extern struct kvmx_params kvmx_params;
extern int kvmx_force_emulation_prefix;	/* force_emulation_prefix, which can be changed any time */

/**
 * kvmx_params_check - judge what was asked for; vmx_setup() calls it first
 *
 * Return: 0, or -EOPNOTSUPP with one line in the log when a parameter takes away
 * what kvmx cannot do without.
 */
int kvmx_params_check(void);

/**
 * kvmx_params_hold - keep the parameters from changing: a VM is made
 * kvmx_params_release - the VM is gone
 */
void kvmx_params_hold(void);
void kvmx_params_release(void);

/**
 * kvmx_params_change - parameters given to kvm_intel.ko, after kvm.ko is set up
 * @want: what is asked for; may be what is in force
 *
 * Sets the hardware up again, and as it was before when that fails.
 *
 * Return: 0, -EBUSY while a VM exists, or what vmx_setup() says.
 */
int kvmx_params_change(const struct kvmx_params *want);

/* --- vmx/l1d.c: vmentry_l1d_flush, which can be changed any time --- */
int vmx_l1d_parse(const char *val);
int vmx_l1d_ask(int want);
int vmx_l1d_get(char *buf, const struct kernel_param *kp);

#endif
