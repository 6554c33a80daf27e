/* SPDX-License-Identifier: GPL-2.0-only */
/* Two 8259s as a PC has them: the slave's output is the master's input 2. */
#ifndef KVMX_PIC_H
#define KVMX_PIC_H

#include "irqchip.h"

int kvm_pic_create(struct kvm *kvm);
/* From the buses, if the rest of the interrupt controllers cannot be made. */
void kvm_pic_unregister(struct kvm *kvm);
/* On no bus any more. */
void kvm_pic_destroy(struct kvm *kvm);
/* @pin 0 to 15; what KVM_IRQ_LINE_STATUS says. Any context. */
int kvm_pic_set_irq(struct kvm *kvm, unsigned int pin, int source, int level);
void kvm_pic_get_state(struct kvm *kvm, unsigned int chip, struct kvm_pic_state *s);
void kvm_pic_set_state(struct kvm *kvm, unsigned int chip, const struct kvm_pic_state *s);

#endif
