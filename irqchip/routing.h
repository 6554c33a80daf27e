/* SPDX-License-Identifier: GPL-2.0-only */
/* Which pins and messages a GSI leads to. */
#ifndef KVMX_ROUTING_H
#define KVMX_ROUTING_H

#include "irqchip.h"

/*
 * Sorts and validates @entries and publishes them in the place of the table there was.
 * kvm->irq.mode is @mode, or will be. -EINVAL, -ENOMEM.
 */
int kvm_routing_set(struct kvm *kvm, enum kvm_irqchip_mode mode,
		    struct kvm_irq_routing_entry *entries, u32 nr);
void kvm_routing_free(struct kvm *kvm);
/* The MSI routes of the GSIs below @gsis: @bitmap gets the vectors whose EOI user space awaits. */
void kvm_routing_scan(struct kvm_vcpu *vcpu, u32 gsis, u64 bitmap[4]);

#endif
