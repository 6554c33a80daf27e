// SPDX-License-Identifier: GPL-2.0-only
/*
 * A perf for perf_test: while this is loaded, perf wants an MSR switched, one that a guest reads
 * without an exit and that no host needs while a vCPU is on its CPU.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <asm/msr-index.h>
#include <asm/perf_event.h>
#include "fake_perf.h"

static bool event = true;
module_param(event, bool, 0644);
MODULE_PARM_DESC(event, "The values of host and guest differ");

static struct perf_guest_switch_msr list[] = {
	/* Of these the values are the same: nothing to switch. */
	{ .msr = MSR_CORE_PERF_GLOBAL_CTRL, .host = 7, .guest = 7 },
	{ .msr = MSR_KERNEL_GS_BASE, .host = FAKE_PERF_HOST },
};

static struct perf_guest_switch_msr *named(int *nr, void *data)
{
	list[1].guest = READ_ONCE(event) ? FAKE_PERF_GUEST : list[1].host;
	*nr = ARRAY_SIZE(list);
	return list;
}

static int go_there(struct kprobe *p, struct pt_regs *regs)
{
	instruction_pointer_set(regs, (unsigned long)named);
	return 1;
}

NOKPROBE_SYMBOL(go_there);

/* A kprobe with a post_handler is not optimized: its pre_handler may change RIP. */
static void never(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe asked = {
	.symbol_name = "perf_guest_get_msrs",
	.pre_handler = go_there,
	.post_handler = never,
};

static int __init fake_init(void)
{
	return register_kprobe(&asked);
}

static void __exit fake_exit(void)
{
	unregister_kprobe(&asked);
}

module_init(fake_init);
module_exit(fake_exit);

MODULE_DESCRIPTION("An event that makes perf name an MSR, for tests");
MODULE_LICENSE("GPL");
