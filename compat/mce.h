/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine check that ended the guest's turn, for kernels with a handler and without. */
#ifndef KVMX_COMPAT_MCE_H
#define KVMX_COMPAT_MCE_H

#include <asm/mce.h>
#include <asm/ptrace.h>
#include <asm/segment.h>

/*
 * The handler sees a frame of user space: what the error hit is the guest's, so one that
 * can be recovered from costs this task and not the host. A kernel without a handler has
 * CR4.MCE clear and gate 18 empty; its CPU shuts down before this is reached.
 *
 * Context: interrupts off.
 */
static inline void kvmx_host_machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = { .cs = __USER_CS, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#endif
}

#endif
