/* SPDX-License-Identifier: GPL-2.0-only */
/* eventfd_signal() and vfio's test of a file differ between kernels. */
#ifndef KVMX_COMPAT_EVENTS_H
#define KVMX_COMPAT_EVENTS_H

#include <linux/eventfd.h>
#include <linux/version.h>
#include <linux/vfio.h>

static inline void kvmx_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* Since 6.6 a file of vfio may be a device as well as a group. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define kvmx_vfio_file_is_valid	vfio_file_is_valid
#else
#define kvmx_vfio_file_is_valid	vfio_file_is_group
#endif

#endif
