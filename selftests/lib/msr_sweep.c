// SPDX-License-Identifier: GPL-2.0-only
/* Asks for every MSR of a range, by ioctl or in the guest. */
#include "msr_sweep.h"

#define BATCH 512

const struct msr_range sweep_ranges[] = {
	{ 0, 0x1fff }, { 0x40000000, 0x400001ff }, { 0xc0000000, 0xc0001fff },
	{ 0xc0010000, 0xc0011fff },
};

const int nr_sweep_ranges = ARRAY_LEN(sweep_ranges);

static struct msr_answer shared[BATCH];
static volatile bool with_writes;
static volatile int how_many;
static volatile uint32_t asked;			/* for the message if the guest is lost */

static bool host_read(struct guest *g, uint32_t index, uint64_t *value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = { .head.nmsrs = 1, .entry.index = index };

	if (ioctl(g->m->vcpu->fd, KVM_GET_MSRS, &msr) != 1)
		return false;
	*value = msr.entry.data;
	return true;
}

/* @g: NULL in the guest. */
static bool msr_read(struct guest *g, uint32_t index, uint64_t *value)
{
	return g ? host_read(g, index, value) : !guest_rdmsr(index, value);
}

static bool msr_write(struct guest *g, uint32_t index, uint64_t value)
{
	return g ? vcpu_msr_set(g->m->vcpu, index, value) == 1 : !guest_wrmsr(index, value);
}

/* Changes after which the guest could not go on; other tests have them. */
static bool leave_alone(bool guest, uint32_t index)
{
	switch (index) {
	case MSR_IA32_TSC:
	case 0x11:			/* clocks of old guests: addresses that kvm writes to */
	case 0x12:
		return true;
	case MSR_IA32_APICBASE:		/* from x2APIC mode the guest cannot go back */
		return guest;
	default:
		return false;
	}
}

static void ask(struct guest *g, bool writes, uint32_t index, struct msr_answer *a)
{
	uint64_t now;
	int bit;

	a->value = 0;
	a->taken = 0;
	a->kept = 0;
	a->writes = false;
	a->reads = msr_read(g, index, &a->value);
	if (!a->reads)
		a->value = 0;
	if (!writes)
		return;
	a->writes = msr_write(g, index, a->value);
	if ((!a->reads && !a->writes) || leave_alone(!g, index))
		return;
	for (bit = 0; bit < 64; bit++) {
		if (!msr_write(g, index, a->value ^ 1ULL << bit))
			continue;
		a->taken |= 1ULL << bit;
		if (a->reads && msr_read(g, index, &now) && (now ^ a->value) & 1ULL << bit)
			a->kept |= 1ULL << bit;
		msr_write(g, index, a->value);
	}
}

static void guest_sweep(uint64_t first)
{
	int i;

	for (i = 0; i < how_many; i++) {
		asked = first + i;
		ask(NULL, with_writes, first + i, &shared[i]);
	}
	guest_sync(0);
}

/* Some of Hyper-V's registers tell user space: it has nothing to do about them. */
static bool go_on(struct guest_vcpu *v)
{
	if (v->vcpu->run->exit_reason == KVM_EXIT_SYSTEM_EVENT ||
	    v->vcpu->run->exit_reason == KVM_EXIT_HYPERV)
		return true;
	test_note("the guest was at MSR 0x%x", asked);
	return false;
}

void sweep(struct guest *g, enum sweep_door door, bool writes, uint32_t first, int n,
	   struct msr_answer *answers)
{
	int i, part;

	for (i = 0; i < n; i += part) {
		part = n - i < BATCH ? n - i : BATCH;
		with_writes = writes;
		how_many = part;
		if (door == SWEEP_GUEST) {
			guest_code(g, 0, guest_sweep, first + i);
			guest_run(g, 0);
			memcpy(answers + i, shared, part * sizeof(*answers));
			continue;
		}
		for (part = 0; part < BATCH && i + part < n; part++)
			ask(g, writes, first + i + part, &answers[i + part]);
	}
}

static void name_vendor(struct kvm_cpuid_entry2 *e)
{
	e->ebx = 0x68747541;
	e->edx = 0x69746e65;
	e->ecx = 0x444d4163;
}

static const struct kvm_cpuid2 *amd_cpuid(const struct kvm_cpuid2 *from)
{
	size_t size = sizeof(*from) + from->nent * sizeof(from->entries[0]);
	struct kvm_cpuid2 *c = malloc(size);
	int i;

	CHECK(c, "out of memory");
	memcpy(c, from, size);
	for (i = 0; i < c->nent; i++) {
		if (c->entries[i].function == 0 || c->entries[i].function == 0x80000000)
			name_vendor(&c->entries[i]);
		if (c->entries[i].function == 1 || c->entries[i].function == 0x80000001)
			c->entries[i].eax = 0x00800f12;		/* family 17h */
	}
	return c;
}

struct guest *sweep_guest(bool amd)
{
	struct guest *g = guest_new_novcpu(CHIP_FULL);

	if (amd)
		g->cpuid = amd_cpuid(g->cpuid);
	g->on_exit = go_on;
	guest_add_vcpu(g, 0);
	return g;
}
