/* SPDX-License-Identifier: GPL-2.0-only */
/* All state of a vCPU that ioctls give, as a list of names and values. */
#ifndef KVMX_STATE_DUMP_H
#define KVMX_STATE_DUMP_H

#include "machine.h"

#define STATE_MAX 1200
#define STATE_MAX_MSRS 400

struct state_item {
	char name[24];
	uint64_t value;
};

struct state {
	int nr;
	struct state_item item[STATE_MAX];
};

/*
 * KVM_GET_MP_STATE first, which takes an INIT or a SIPI that waits; with @apic also
 * KVM_GET_LAPIC. The same order of names each time for one kind of VM.
 */
void state_dump(struct kvm_vcpu *vcpu, bool apic, struct state *s);
/* The MSRs of it: the index list, and others that every vCPU has. */
int state_msrs(uint32_t *msrs, int max);
/* The value of an item that must be there. */
uint64_t state_get(const struct state *s, const char *name);

#endif
