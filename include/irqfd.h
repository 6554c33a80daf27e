/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupts and I/O events over eventfds. */
#ifndef KVMX_IRQFD_H
#define KVMX_IRQFD_H

int kvm_irqfd_init(void);
void kvm_irqfd_exit(void);

#endif
