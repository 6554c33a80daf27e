/* SPDX-License-Identifier: GPL-2.0-only */
/* The 8254 and port 0x61. */
#ifndef KVMX_PIT_H
#define KVMX_PIT_H

#include "irqchip.h"

#define KVM_PIT_HZ	1193182

/* Its timer is off for good; may sleep. */
void kvm_pit_stop(struct kvm *kvm);
/* On no bus any more. */
void kvm_pit_destroy(struct kvm *kvm);

#endif
