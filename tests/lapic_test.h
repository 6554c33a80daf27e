/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM of local APICs without CPUs, and what its tests do with it. */
#ifndef KVMX_LAPIC_TEST_H
#define KVMX_LAPIC_TEST_H

#include "../irqchip/lapic.h"
#include "cpuid.h"
#include "ioctl.h"
#include "kick.h"
#include "ktap.h"
#include "regs.h"
#include "run.h"

#define MAX_VCPUS	40

/* What the local APIC told the rest of the module about a vCPU since clear_seen(). */
struct seen {
	unsigned int kicks, nmis, resets, eois;
	u8 eoi[16];
};

struct vm {
	struct kvm kvm;
	int n;
	struct kvm_vcpu *vcpu[MAX_VCPUS];
	struct seen seen[MAX_VCPUS];
	unsigned int apicv_requests;
};

/* What vmx_apicv_active() and vmx_notify_pir() return. */
extern bool test_apicv, test_posted;

struct vm *vm_new(enum kvm_irqchip_mode mode);
void vm_free(struct vm *vm);
/* With all CPUID features of interest. */
struct kvm_vcpu *vm_add(struct vm *vm, u32 id);
void clear_seen(struct vm *vm);
struct seen *seen(struct kvm_vcpu *v);

/* IA32_APIC_BASE as WRMSR does it. */
void set_mode(struct kvm_vcpu *v, bool on, bool x2apic);
/* A register by the access of the mode; false for #GP. */
bool wr(struct kvm_vcpu *v, u32 reg, u64 val);
bool rd(struct kvm_vcpu *v, u32 reg, u64 *val);
/* As above, where it cannot fail. */
u64 get(struct kvm_vcpu *v, u32 reg);
/* SVR: the APIC is on. */
void soft_enable(struct kvm_vcpu *v);
/* As the run loop: takes the PIR, and the vector that would be delivered, or -1. */
int deliver_next(struct kvm_vcpu *v);
/* In IRR or on its way there. */
bool requested(struct kvm_vcpu *v, u8 vector);
long get_lapic(struct kvm_vcpu *v, struct kvm_lapic_state *s);
long set_lapic(struct kvm_vcpu *v, const struct kvm_lapic_state *s);
u32 state_reg(const struct kvm_lapic_state *s, u32 reg);

/* Fails the test in which it is, once. */
extern bool test_ok;
#define EXPECT(cond)							\
	do {								\
		if (!(cond) && test_ok) {				\
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			test_ok = false;				\
		}							\
	} while (0)
#define EXPECT_EQ(a, b)							\
	do {								\
		unsigned long long _x = (a), _y = (b);			\
									\
		if (_x != _y && test_ok) {				\
			printf("# %s:%d: %s is %#llx, not %#llx\n",		\
			       __FILE__, __LINE__, #a, _x, _y);			\
			test_ok = false;				\
		}							\
	} while (0)

struct test {
	const char *name;
	void (*fn)(void);
};

extern const struct test regs_tests[], msg_tests[], timer_tests[], state_tests[];

#endif
