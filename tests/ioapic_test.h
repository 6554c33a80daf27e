/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM with the interrupt controllers and two local APICs without CPUs, and what its tests do. */
#ifndef KVMX_IOAPIC_TEST_H
#define KVMX_IOAPIC_TEST_H

#include <ioctl.h>
#include "../irqchip/ioapic.h"
#include "../irqchip/lapic.h"
#include "chips.h"

#define LEVEL		0x8000u
#define MASKED		0x10000u
#define RIRR		0x4000u
#define LOGICAL		0x800u
#define MSI(dest)	(0xfee00000u | (dest) << 12)

/* The message that was delivered last, and how many were to the VM of the test. */
extern struct kvm_apic_msg last;
extern u64 deliveries;
/* How often the vCPUs were asked to look at the I/O APIC, and how often under its lock. */
extern u64 scans, locked_scans;
/* How often irqfds were told that the routes are new. */
extern u64 routing_changes;

/* A VM without interrupt controllers or vCPUs; with both. */
struct kvm *bare_new(void);
struct kvm *full_new(void);
void add_cpus(struct kvm *kvm);
void vm_end(struct kvm *kvm);
struct kvm_vcpu *cpu(struct kvm *kvm, int i);
long enable(struct kvm *kvm, u32 cap, u64 arg);

/* The local APIC of CPU @i takes @vector, false if it is not requested; and ends it. */
bool take(struct kvm *kvm, int i, u8 vector);
void eoi(struct kvm *kvm, int i, u8 vector);
/* Whether CPU @i is to exit at the EOI of @vector. */
bool wanted(struct kvm *kvm, int i, u8 vector);

/* Registers of the I/O APIC; a whole redirection entry, and the low half of one. */
u32 window(struct kvm *kvm, u8 reg);
void set_window(struct kvm *kvm, u8 reg, u32 val);
void entry(struct kvm *kvm, int pin, u8 dest, u32 low);
u32 low_of(struct kvm *kvm, int pin);

/* What KVM_IRQ_LINE does. */
int line(struct kvm *kvm, u32 gsi, int level);
struct kvm_irq_routing_entry to_chip(u32 gsi, u32 chip, u32 pin);
struct kvm_irq_routing_entry to_msi(u32 gsi, u32 hi, u32 lo, u32 data);
long set_routes(struct kvm *kvm, struct kvm_irq_routing_entry *e, u32 nr, u32 flags);

/* unit_ioapic_pins.c */
void registers(void);
void edge(void);
void level(void);
void sources(void);
void notifiers(void);
void storm(void);
void eoi_vectors(void);

/* unit_ioapic_routes.c */
void default_routes(void);
void bad_routes(void);
void messages(void);
void split(void);

/* unit_ioapic_state.c */
void errors(void);
void no_memory(void);
void state_at_any_point(void);
void fuzz(void);

#endif
