// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables of ioctls, as they stand in the sources, and how the dispatcher finds an
 * entry in them: vm/ioctl.c.
 */
#include <stdio.h>
#include "compat/compat.h"
#include "uapi/kvm_guest_memfd.h"
#include "ktap.h"
#include "device.h"
#include "state.h"
#include "stats.h"

/* What a table has besides its handlers. */
#undef KVM_IOCTL
#define KVM_IOCTL(_cmd, _fn, _flags, _cap) \
	{ .cmd = (_cmd), .flags = (_flags), .cap = (_cap), .name = #_cmd }
#ifndef CONFIG_COMPAT
#define CONFIG_COMPAT
#define KVM_X86_SET_MSR_FILTER_COMPAT	_IOW(KVMIO, 0xc6, u8[0x84])
#endif
#include "ioctl-tables.h"

/* The dispatcher's file has KVM_CHECK_EXTENSION too. */
const struct kvm_cap_table kvm_caps_vm, kvm_caps_vcpu, kvm_caps_memslot, kvm_caps_state,
	kvm_caps_coalesced, kvm_caps_irqfd, kvm_caps_ioeventfd, kvm_caps_device, kvm_caps_irqchip,
	kvm_caps_tsc, kvm_caps_pv, kvm_caps_stats;

#define TABLE(_array)	{ .entry = _array, .count = ARRAY_SIZE(_array) }

static struct kvm_ioctl_table tables[] = {
	TABLE(dev_ioctls), TABLE(vm_ioctls), TABLE(vcpu_ioctls),
};

static bool fail(const struct kvm_ioctl *e, const char *what)
{
	printf("# %s: %s\n", e->name, what);
	return false;
}

/* Entries of one number stand together, or the module does not load. */
static bool indexed(void)
{
	unsigned int t;

	for (t = 0; t < ARRAY_SIZE(tables); t++)
		if (kvm_ioctl_index(&tables[t]))
			return fail(&tables[t].entry[0], "its table is out of order");
	return true;
}

static bool each_found(void)
{
	unsigned int t, i;

	for (t = 0; t < ARRAY_SIZE(tables); t++)
		for (i = 0; i < tables[t].count; i++) {
			const struct kvm_ioctl *e = &tables[t].entry[i];

			if (kvm_ioctl_find(&tables[t], e->cmd) != e)
				return fail(e, "not found, or twice in the table");
		}
	return true;
}

static bool others_not_found(void)
{
	unsigned int t, i, bit;

	for (t = 0; t < ARRAY_SIZE(tables); t++)
		for (i = 0; i < tables[t].count; i++)
			for (bit = 0; bit < 32; bit++) {
				u32 cmd = tables[t].entry[i].cmd ^ 1u << bit;
				const struct kvm_ioctl *e = kvm_ioctl_find(&tables[t], cmd);

				if (e && e->cmd != cmd)
					return fail(e, "found for another command");
			}
	return true;
}

/* What the flags say of the argument is possible with what the command says of it. */
static bool flags_agree(const struct kvm_ioctl *e)
{
	bool in = _IOC_DIR(e->cmd) & _IOC_WRITE, out = _IOC_DIR(e->cmd) & _IOC_READ;

	if ((e->flags & KVM_IOC_IN) && (in || !out))
		return fail(e, "KVM_IOC_IN");
	if ((e->flags & (KVM_IOC_OUT_E2BIG | KVM_IOC_NOCOPYOUT)) && !out)
		return fail(e, "nothing is copied out");
	if ((e->flags & KVM_IOC_VALUE) && (e->flags & KVM_IOC_TAIL))
		return fail(e, "a tail behind a value");
	if (_IOC_TYPE(e->cmd) != KVMIO)
		return fail(e, "not one of KVM's");
	return true;
}

static bool flags(void)
{
	unsigned int t, i;

	for (t = 0; t < ARRAY_SIZE(tables); t++)
		for (i = 0; i < tables[t].count; i++)
			if (!flags_agree(&tables[t].entry[i]))
				return false;
	return true;
}

/* Two of a number with another between them are refused. */
static bool disorder(void)
{
	static const struct kvm_ioctl mixed[] = {
		{ .cmd = KVM_RUN, .name = "a" }, { .cmd = KVM_GET_REGS, .name = "b" },
		{ .cmd = _IOR(KVMIO, _IOC_NR(KVM_RUN), u64), .name = "c" },
	};
	static struct kvm_ioctl_table t = TABLE(mixed);

	return kvm_ioctl_index(&t) == -EINVAL;
}

static const struct {
	const char *name;
	bool (*run)(void);
} tests[] = {
	{ "entries of one number stand together", indexed },
	{ "each entry is found", each_found },
	{ "what is not in the table is not", others_not_found },
	{ "flags agree with the command", flags },
	{ "a table out of order is refused", disorder },
};

int main(void)
{
	unsigned int i;

	ktap_start(ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		ktap_result(tests[i].run(), tests[i].name);
	return ktap_end();
}
