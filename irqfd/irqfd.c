// SPDX-License-Identifier: GPL-2.0-only
/* The workqueue on which eventfds that user space closed are taken apart. */
#include <linux/errno.h>
#include <linux/workqueue.h>
#include "irqfd.h"

static struct workqueue_struct *cleanup_wq;

int kvm_irqfd_init(void)
{
	cleanup_wq = alloc_workqueue("kvm-irqfd-cleanup", 0, 0);
	return cleanup_wq ? 0 : -ENOMEM;
}

void kvm_irqfd_exit(void)
{
	destroy_workqueue(cleanup_wq);
}
