// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buses: which device in the kernel answers an access. Readers hold kvm->srcu
 * and see an array that is replaced whole when a device comes; one that goes is
 * crossed out in it, which needs no memory. Ranges that overlap make a cluster;
 * clusters are sorted by address, the ranges in one by age.
 */
#include <linux/slab.h>
#include <linux/sort.h>
#include "bus.h"
#include "vcpu.h"

#define BUS_MAX_RANGES	8192

struct bus_range {
	gpa_t cluster;			/* where the first range of its cluster begins */
	gpa_t start;
	u64 size;			/* 0: an access of any length at @start */
	u64 age;
	struct kvm_io_device *dev;	/* NULL: crossed out */
	unsigned int first;		/* index of the cluster's first */
};

struct kvm_io_bus {
	struct rcu_head rcu;
	u64 next_age;
	unsigned int count;
	struct bus_range range[];
};

static bool range_has(const struct bus_range *r, gpa_t addr, unsigned int len)
{
	u64 off = addr - r->start;

	return r->size ? off < r->size && len <= r->size - off : !off;
}

/* The last range whose cluster begins at or below @addr, or the first of all. */
static const struct bus_range *find_range(const struct kvm_io_bus *bus, gpa_t addr)
{
	const struct bus_range *r = bus->range;
	unsigned int n = bus->count;

	while (n > 1) {
		unsigned int half = n / 2;

		r += r[half].cluster <= addr ? half : 0;
		n -= half;
	}
	return r;
}

static __always_inline int ask(struct kvm_vcpu *vcpu, enum kvm_bus_id id,
			       gpa_t addr, int len, void *in, const void *out, bool atomic)
{
	struct kvm *kvm = vcpu->kvm;
	const struct kvm_io_bus *bus = srcu_dereference(kvm->buses[id], &kvm->srcu);
	const struct bus_range *last, *r;

	if (!bus)
		return -EOPNOTSUPP;
	last = find_range(bus, addr);
	for (r = &bus->range[last->first]; r <= last; r++) {
		struct kvm_io_device *dev = READ_ONCE(r->dev);

		if (!range_has(r, addr, len) || !dev)
			continue;
		if (atomic && !dev->ops->atomic)
			break;
		if (in && dev->ops->read && !dev->ops->read(vcpu, dev, addr, len, in))
			return 0;
		if (!in && dev->ops->write && !dev->ops->write(vcpu, dev, addr, len, out))
			return 0;
	}
	return -EOPNOTSUPP;
}

/**
 * kvm_bus_read - ask the devices of an address for its value
 * @vcpu: loaded vCPU, kvm->srcu held
 * @id: bus
 * @addr: guest physical address or port
 * @len: 1, 2, 4 or 8
 * @val: answer goes here
 *
 * Return: 0, or -EOPNOTSUPP where no device answers.
 */
int kvm_bus_read(struct kvm_vcpu *vcpu, enum kvm_bus_id id, gpa_t addr, int len, void *val)
{
	return ask(vcpu, id, addr, len, val, NULL, false);
}

/**
 * kvm_bus_write - offer a write to the devices of an address
 * @vcpu: loaded vCPU, kvm->srcu held
 * @id: bus
 * @addr: guest physical address or port
 * @len: 1, 2, 4 or 8; 0 on KVM_FAST_MMIO_BUS
 * @val: what
 *
 * Return: 0, or -EOPNOTSUPP where no device takes it.
 */
int kvm_bus_write(struct kvm_vcpu *vcpu, enum kvm_bus_id id, gpa_t addr, int len,
		  const void *val)
{
	return ask(vcpu, id, addr, len, NULL, val, false);
}

/**
 * kvm_bus_write_atomic - offer a write to devices that take it in any context
 * @vcpu: loaded vCPU, kvm->srcu not held
 * @id: bus
 * @addr: guest physical address or port
 * @len: 1, 2, 4 or 8; 0 on KVM_FAST_MMIO_BUS
 * @val: what
 *
 * Context: interrupts off.
 * Return: false if none of them took it before one that may sleep had to be asked.
 */
bool kvm_bus_write_atomic(struct kvm_vcpu *vcpu, enum kvm_bus_id id, gpa_t addr, int len,
			  const void *val)
{
	struct kvm *kvm = vcpu->kvm;
	int idx, r;

	if (!rcu_access_pointer(kvm->buses[id]))
		return false;
	idx = srcu_read_lock(&kvm->srcu);
	r = ask(vcpu, id, addr, len, NULL, val, true);
	srcu_read_unlock(&kvm->srcu, idx);
	return !r;
}

bool kvm_bus_has_page(struct kvm *kvm, enum kvm_bus_id id, gpa_t addr)
{
	const struct kvm_io_bus *bus = srcu_dereference(kvm->buses[id], &kvm->srcu);
	const struct bus_range *r;

	if (!bus)
		return false;
	for (r = find_range(bus, addr | ~PAGE_MASK); r >= bus->range; r--) {
		if (r->start >> PAGE_SHIFT < addr >> PAGE_SHIFT)
			break;
		if (r->start >> PAGE_SHIFT == addr >> PAGE_SHIFT && READ_ONCE(r->dev))
			return true;
	}
	return false;
}

static int cmp_start(const void *a, const void *b)
{
	const struct bus_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int cmp_cluster_age(const void *a, const void *b)
{
	const struct bus_range *x = a, *y = b;

	if (x->cluster != y->cluster)
		return x->cluster < y->cluster ? -1 : 1;
	return x->age < y->age ? -1 : x->age > y->age;
}

static gpa_t last_of(const struct bus_range *r)
{
	return r->start + (r->size ? r->size - 1 : 0);
}

static void make_clusters(struct kvm_io_bus *bus)
{
	struct bus_range *r = bus->range;
	gpa_t last = 0;
	unsigned int i;

	sort(r, bus->count, sizeof(*r), cmp_start, NULL);
	for (i = 0; i < bus->count; i++) {
		gpa_t end = last_of(&r[i]);
		bool inside = i && r[i].start <= last;

		r[i].cluster = inside ? r[i - 1].cluster : r[i].start;
		last = inside ? max(last, end) : end;
	}
	sort(r, bus->count, sizeof(*r), cmp_cluster_age, NULL);
	for (i = 0; i < bus->count; i++)
		r[i].first = i && r[i].cluster == r[i - 1].cluster ? r[i - 1].first : i;
}

/*
 * @bus becomes @old and @add, which is the youngest. The clusters of @old that @add overlaps
 * lie side by side and make one with it. All else stays as it was sorted, so that a VM with
 * many devices pays a copy for each, not a sort.
 */
static void insert_range(struct kvm_io_bus *bus, const struct kvm_io_bus *old,
			 struct bus_range *add)
{
	const struct bus_range *r = old->range;
	unsigned int from = 0, to = 0, clusters = 0, i, next;

	for (i = 0; i < old->count && r[i].cluster <= last_of(add); i = next) {
		gpa_t last = 0;

		for (next = i; next < old->count && r[next].first == i; next++)
			last = max(last, last_of(&r[next]));
		to = next;
		if (last < add->start)
			from = next;
		else
			clusters++;
	}
	add->cluster = clusters ? min(add->start, r[from].cluster) : add->start;
	memcpy(bus->range, r, to * sizeof(*r));
	bus->range[to] = *add;
	memcpy(&bus->range[to + 1], &r[to], (old->count - to) * sizeof(*r));
	for (i = from; i <= to; i++) {
		bus->range[i].cluster = add->cluster;
		bus->range[i].first = from;
	}
	for (i = to + 1; i < bus->count; i++)
		bus->range[i].first++;
	if (clusters > 1)
		sort(&bus->range[from], to + 1 - from, sizeof(*r), cmp_cluster_age, NULL);
}

static struct kvm_io_bus *bus_of(struct kvm *kvm, enum kvm_bus_id id)
{
	return rcu_dereference_protected(kvm->buses[id], lockdep_is_held(&kvm->slots_lock));
}

static void bus_free_rcu(struct rcu_head *head)
{
	kvfree(container_of(head, struct kvm_io_bus, rcu));
}

/**
 * kvm_bus_register - a device answers a range from now on
 * @kvm: the VM, slots_lock held
 * @id: bus
 * @addr: first address or port
 * @len: of the range; 0: accesses of any length at @addr
 * @dev: the device; may have more than one range
 *
 * Return: 0, -EINVAL where the range wraps, -ENOSPC beyond 8192 ranges, -ENOMEM.
 */
int kvm_bus_register(struct kvm *kvm, enum kvm_bus_id id, gpa_t addr, int len,
		     struct kvm_io_device *dev)
{
	struct kvm_io_bus *old = bus_of(kvm, id), *new;
	struct bus_range add = { .start = addr, .size = len, .dev = dev };
	unsigned int i, n = 0, had = old ? old->count : 0;

	if (len < 0 || addr + len < addr)
		return -EINVAL;
	for (i = 0; i < had; i++)
		n += !!old->range[i].dev;
	if (n == BUS_MAX_RANGES)
		return -ENOSPC;
	new = kvmalloc(struct_size(new, range, n + 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->count = n + 1;
	new->next_age = (old ? old->next_age : 0) + 1;
	add.age = new->next_age;
	if (had && n == had) {
		insert_range(new, old, &add);
	} else {
		for (i = 0, n = 0; i < had; i++)
			if (old->range[i].dev)
				new->range[n++] = old->range[i];
		new->range[n] = add;
		make_clusters(new);
	}
	rcu_assign_pointer(kvm->buses[id], new);
	if (old)
		call_srcu(&kvm->srcu, &old->rcu, bus_free_rcu);
	return 0;
}

/* How many ranges of the bus were @dev's. */
static unsigned int cross_out(struct kvm_io_bus *bus, struct kvm_io_device *dev)
{
	unsigned int i, n = 0;

	for (i = 0; bus && i < bus->count; i++) {
		if (bus->range[i].dev != dev)
			continue;
		WRITE_ONCE(bus->range[i].dev, NULL);
		n++;
	}
	return n;
}

static void release(struct kvm_io_device *dev)
{
	if (dev->ops->release)
		dev->ops->release(dev);
}

/**
 * kvm_bus_unregister - a device leaves a bus, with all its ranges there
 * @kvm: the VM, slots_lock held
 * @id: bus
 * @dev: the device
 *
 * When it returns, no vCPU is inside the device, and it was released.
 *
 * Return: 0, or -ENOENT if it is not on this bus.
 */
int kvm_bus_unregister(struct kvm *kvm, enum kvm_bus_id id, struct kvm_io_device *dev)
{
	if (!cross_out(bus_of(kvm, id), dev))
		return -ENOENT;
	synchronize_srcu_expedited(&kvm->srcu);
	release(dev);
	return 0;
}

/**
 * kvm_bus_free - the VM ends: release what is still registered
 * @kvm: the VM, which no vCPU has any more
 */
void kvm_bus_free(struct kvm *kvm)
{
	int id;

	for (id = 0; id < KVM_NR_BUSES; id++) {
		struct kvm_io_bus *bus = rcu_dereference_protected(kvm->buses[id], 1);
		unsigned int i;

		for (i = 0; bus && i < bus->count; i++) {
			struct kvm_io_device *dev = bus->range[i].dev;

			if (!dev)
				continue;
			cross_out(bus, dev);
			release(dev);
		}
		RCU_INIT_POINTER(kvm->buses[id], NULL);
		kvfree(bus);
	}
	/* Arrays that were replaced may still wait. */
	srcu_barrier(&kvm->srcu);
}
