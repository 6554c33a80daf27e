/* SPDX-License-Identifier: GPL-2.0-only */
/* Asynchronous page faults. */
#ifndef KVMX_ASYNC_PF_H
#define KVMX_ASYNC_PF_H

int kvm_async_pf_init(void);
void kvm_async_pf_exit(void);

#endif
