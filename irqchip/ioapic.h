/* SPDX-License-Identifier: GPL-2.0-only */
/* The I/O APIC: an 82093AA with 24 pins. */
#ifndef KVMX_IOAPIC_H
#define KVMX_IOAPIC_H

#include "irqchip.h"

int kvm_ioapic_create(struct kvm *kvm);
/* Nothing is delivered on its own any more; may sleep. */
void kvm_ioapic_stop(struct kvm *kvm);
/* From the bus, if the rest of the interrupt controllers cannot be made. */
void kvm_ioapic_unregister(struct kvm *kvm);
/* On no bus any more. */
void kvm_ioapic_destroy(struct kvm *kvm);
/* What KVM_IRQ_LINE_STATUS says. Any context. */
int kvm_ioapic_set_irq(struct kvm *kvm, unsigned int pin, int source, int level);
void kvm_ioapic_get_state(struct kvm *kvm, struct kvm_ioapic_state *s);
void kvm_ioapic_set_state(struct kvm *kvm, const struct kvm_ioapic_state *s);
/* The pins' part of kvm_ioapic_eoi_vectors(). */
void kvm_ioapic_scan(struct kvm_vcpu *vcpu, u64 bitmap[4]);
/* @vcpu, whose APIC page the caller owns, may do the EOI of @msg, now or after the next. */
bool kvm_ioapic_eoi_comes(struct kvm_vcpu *vcpu, const struct kvm_apic_msg *msg);

#endif
