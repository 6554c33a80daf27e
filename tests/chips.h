/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the chips share: VMs with buses, and ways to reach the devices on them. */
#ifndef KVMX_TEST_CHIPS_H
#define KVMX_TEST_CHIPS_H

#include <ioctl.h>
#include <irqchip.h>
#include "ktap.h"

struct kvm *vm_new(void);
void vm_free(struct kvm *kvm);
/* The ports and the window of @kvm's devices; ~0 or nothing where none answers. */
u64 bus_read(struct kvm *kvm, enum kvm_bus_id bus, u64 addr, int len);
bool bus_write(struct kvm *kvm, enum kvm_bus_id bus, u64 addr, int len, u64 val);

static inline u8 port_in(struct kvm *kvm, u16 port)
{
	return bus_read(kvm, KVM_PIO_BUS, port, 1);
}

static inline void port_out(struct kvm *kvm, u16 port, u8 val)
{
	bus_write(kvm, KVM_PIO_BUS, port, 1, val);
}

/* An ioctl of @kvm, of which @data is the argument. */
static inline long call(struct kvm *kvm, long (*fn)(struct kvm_ioctl_args *a), void *data)
{
	struct kvm_ioctl_args a = { .kvm = kvm, .data = data, .raw = (unsigned long)data };

	return fn(&a);
}

/* Expects that @a is @b; says where not, once in a test. */
#define EXPECT(a, b)							\
	do {								\
		u64 _a = (a), _b = (b);					\
									\
		if (_a != _b && !test_failed) {				\
			printf("# %s:%d: %s is 0x%llx, not 0x%llx\n", __FILE__, __LINE__, #a, \
			       (unsigned long long)_a, (unsigned long long)_b); \
			test_failed = true;				\
		}							\
	} while (0)

extern bool test_failed;

/* Runs a test on a new clock and reports it. */
void run_test(void (*test)(void), const char *name);
#define RUN(test)	run_test(test, #test)

#endif
