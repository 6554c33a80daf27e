/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVMX_HOST_WORK_H
#define KVMX_HOST_WORK_H

int kvmx_host_work(void);

#endif
