// SPDX-License-Identifier: GPL-2.0-only
/*
 * What known clients of /dev/kvm demand when they start, asked as they ask it: the demands of
 * tests/clients.list. tests/contract holds the same list against the module's tables, where
 * neither the CPU nor a VM answers.
 */
#include <fcntl.h>

#include "machine.h"

enum ask { CAP, ENABLE, BARE, CPUID, MSR, ATTR, PARAM };
enum compare { MORE, EQUAL, LEAST, BITS };
enum state { THERE, LATER, NEVER };		/* in kvmx */

struct demand {
	const char *client, *text;
	enum ask ask;
	uint64_t number, index;		/* ATTR: group and attribute; CPUID: leaf and subleaf */
	enum compare compare;
	uint64_t value;
	enum state state;
	const char *parameter, *setting;
};

static const struct demand demands[] = {
#include "clients.h"
};

/* A client's VM, with nothing in it but one vCPU where that is what is asked. */
struct client {
	int vm, vcpu;
};

static bool compares(const struct demand *d, int64_t have)
{
	switch (d->compare) {
	case EQUAL:
		return have == (int64_t)d->value;
	case LEAST:
		return have >= (int64_t)d->value;
	case BITS:
		return have > 0 && (have & d->value) == d->value;
	default:
		return have > 0;
	}
}

static bool has_entry(uint64_t leaf, uint64_t subleaf)
{
	const struct kvm_cpuid2 *cpuid = kvm_get_supported_cpuid();
	unsigned int i;

	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == leaf && cpuid->entries[i].index == subleaf)
			return true;
	return false;
}

static bool takes_msr(int vcpu, const struct demand *d)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head.nmsrs = 1, .entry.index = d->number, .entry.data = d->value };

	return ioctl(vcpu, KVM_SET_MSRS, &msrs) == 1;
}

static bool is_set(const struct demand *d)
{
	char path[128], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/module/%s", d->parameter);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	text[strcspn(text, "\n")] = 0;
	return !strcmp(text, d->setting);
}

static bool met(const struct client *c, const struct demand *d)
{
	struct kvm_enable_cap cap = { .cap = d->number, .args[0] = d->value };
	struct kvm_device_attr attr = { .group = d->number, .attr = d->index };
	char zeros[4096] = {};

	switch (d->ask) {
	case CAP:
		return compares(d, ioctl(c->vm, KVM_CHECK_EXTENSION, d->number));
	case ENABLE:
		return !ioctl(c->vm, KVM_ENABLE_CAP, &cap);
	case BARE:
		return !ioctl(c->vm, d->number, zeros);
	case CPUID:
		return has_entry(d->number, d->index);
	case MSR:
		return takes_msr(c->vcpu, d);
	case ATTR:
		return !ioctl(c->vcpu, KVM_HAS_DEVICE_ATTR, &attr);
	default:
		return is_set(d);
	}
}

/* Each client has a VM of its own, as capabilities stay enabled. */
static void starts(const void *arg)
{
	int kvm = CHECK_OK(open("/dev/kvm", O_RDWR));
	bool kvmx = is_kvmx(), refused = false;
	struct client c;
	unsigned int i;

	c.vm = CHECK_OK(ioctl(kvm, KVM_CREATE_VM, 0));
	for (i = 0; i < ARRAY_LEN(demands); i++) {
		const struct demand *d = &demands[i];
		bool ok;

		/* What kvmx refuses on purpose, another kvm may take or not. */
		if (strcmp(d->client, arg) || (d->state == NEVER && !kvmx))
			continue;
		/* After what the client enables, in the order of the list. */
		c.vcpu = d->ask == MSR || d->ask == ATTR ?
			CHECK_OK(ioctl(c.vm, KVM_CREATE_VCPU, (long)i)) : -1;
		ok = met(&c, d);
		if (ok == (kvmx && d->state != THERE)) {
			test_note("%s: %s", d->text, ok ? "is there, and in the list as missing" :
							  "refused");
			refused = true;
		}
		if (c.vcpu >= 0)
			close(c.vcpu);
	}
	CHECK(!refused, "%s does not start", (const char *)arg);
}

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(demands); i++)
		if (!i || strcmp(demands[i].client, demands[i - 1].client))
			add_test(starts, demands[i].client, "%s", demands[i].client);
	return run_tests(argc, argv);
}
