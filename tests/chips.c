// SPDX-License-Identifier: GPL-2.0-only
/* The VM of the tests of the chips: devices on its buses. */
#include <bus.h>
#include "chips.h"

#define MAX_RANGES	16

struct range {
	struct kvm *kvm;
	enum kvm_bus_id bus;
	u64 addr;
	int len;
	struct kvm_io_device *dev;
};

static struct range ranges[MAX_RANGES];
bool test_failed;

int kvm_bus_register(struct kvm *kvm, enum kvm_bus_id bus, gpa_t addr, int len,
		     struct kvm_io_device *dev)
{
	int i;

	SHIM_CHECK(kvm->slots_lock.held);
	for (i = 0; i < MAX_RANGES; i++) {
		if (!ranges[i].dev) {
			ranges[i] = (struct range) { kvm, bus, addr, len, dev };
			return 0;
		}
	}
	return -ENOSPC;
}

int kvm_bus_unregister(struct kvm *kvm, enum kvm_bus_id bus, struct kvm_io_device *dev)
{
	int i, r = -ENOENT;

	SHIM_CHECK(kvm->slots_lock.held);
	for (i = 0; i < MAX_RANGES; i++) {
		if (ranges[i].dev == dev && ranges[i].bus == bus) {
			ranges[i].dev = NULL;
			r = 0;
		}
	}
	return r;
}

static struct kvm_io_device *find(struct kvm *kvm, enum kvm_bus_id bus, u64 addr, int len)
{
	int i;

	for (i = 0; i < MAX_RANGES; i++)
		if (ranges[i].dev && ranges[i].kvm == kvm && ranges[i].bus == bus &&
		    addr >= ranges[i].addr && addr + len <= ranges[i].addr + ranges[i].len)
			return ranges[i].dev;
	return NULL;
}

u64 bus_read(struct kvm *kvm, enum kvm_bus_id bus, u64 addr, int len)
{
	struct kvm_io_device *dev = find(kvm, bus, addr, len);
	u64 val = 0;
	u8 *copy;

	if (!dev)
		return ~0ull;
	/* So that a byte too many is noticed. */
	copy = malloc(len);
	if (dev->ops->read(NULL, dev, addr, len, copy))
		val = ~0ull;
	else
		memcpy(&val, copy, len);
	free(copy);
	return val;
}

bool bus_write(struct kvm *kvm, enum kvm_bus_id bus, u64 addr, int len, u64 val)
{
	struct kvm_io_device *dev = find(kvm, bus, addr, len);
	u8 *copy;
	int r;

	if (!dev)
		return false;
	copy = malloc(len);
	memcpy(copy, &val, len);
	r = dev->ops->write(NULL, dev, addr, len, copy);
	free(copy);
	return !r;
}

struct kvm *vm_new(void)
{
	struct kvm *kvm = calloc(1, sizeof(*kvm));

	mutex_init(&kvm->lock);
	mutex_init(&kvm->slots_lock);
	return kvm;
}

/* Its devices go as at the end of a VM, without being asked. */
void vm_free(struct kvm *kvm)
{
	int i;

	for (i = 0; i < MAX_RANGES; i++)
		if (ranges[i].kvm == kvm)
			ranges[i].dev = NULL;
	free(kvm);
}

void run_test(void (*test)(void), const char *name)
{
	shim_reset();
	/* The host has been up for an hour. */
	shim_now = 3600ull * NSEC_PER_SEC;
	memset(ranges, 0, sizeof(ranges));
	test_failed = false;
	test();
	ktap_result(!test_failed, name);
}
