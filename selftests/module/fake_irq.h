/* SPDX-License-Identifier: GPL-2.0-only */
/* What fake_irq.ko can be told: ioctls of /dev/fake_irq. */
#ifndef KVMX_FAKE_IRQ_H
#define KVMX_FAKE_IRQ_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* What became of the interrupt of this file. */
struct fake_irq_state {
	__u64 descriptor;	/* physical address of where it is posted to, or 0 */
	__u64 control;		/* the descriptor's control word */
	__u32 vector;
	__u32 posted;		/* how often it was given a vCPU, */
	__u32 returned;		/* and taken back */
	__s32 cpu;		/* whose id control's destination is; -1 none */
};

/* The device gives its interrupt to the eventfd, and takes it back. */
#define FAKE_IRQ_ATTACH		_IOW('f', 1, __s32)
#define FAKE_IRQ_DETACH		_IO('f', 2)
/* The device's interrupt: 1 if it was posted, 0 if the host has it. */
#define FAKE_IRQ_RAISE		_IO('f', 3)
#define FAKE_IRQ_STATE		_IOR('f', 4, struct fake_irq_state)
/* The IOMMU of this device cannot post. */
#define FAKE_IRQ_REFUSE		_IOW('f', 5, __s32)

#endif
