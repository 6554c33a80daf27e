// SPDX-License-Identifier: GPL-2.0-only
/*
 * What guests ask for because their CPU model has it, and what every other number answers:
 * the table below against RDMSR and WRMSR of guests of both vendors. msr_sweep prints it
 * all; Documentation/msrs.rst has the reasons.
 */
#include "msr_sweep.h"

#define ALL (~0ULL)

/* @taken: bits whose change is accepted; nothing is kept of them. */
static const struct constant {
	uint32_t index;
	uint64_t value;
	bool writes;
	uint64_t taken;
} constants[] = {
	{ 0x17, 0 },
	{ 0x2a, 0 },
	{ 0x2c, 1 << 24 },
	{ 0x34, 0 },
	{ 0xc1, 0, true, ALL },
	{ 0xc2, 0, true, ALL },
	{ 0xcd, 3 },
	{ 0x11e, 0xbe702111, true, ALL },
	{ 0x186, 0, true, ALL },
	{ 0x187, 0, true, ALL },
	{ 0x198, 1000 | 4ULL << 40 },
	{ 0x199, 0 },
	{ 0x606, 0 },
	{ 0x611, 0 },
	{ 0x619, 0 },
	{ 0x639, 0 },
	{ 0x641, 0 },
	{ 0xc0010000, 0, true, ALL },
	{ 0xc0010007, 0, true, ALL },
	{ 0xc0010010, 0 },
	{ 0xc001001b, 0x20000000, true, ALL },
	{ 0xc001001f, 0, true, ALL },
	{ 0xc0010055, 0 },
	{ 0xc0010058, 0, true },
	{ 0xc0010112, 0 },
	{ 0xc0010113, 0 },
	{ 0xc0010117, 0, true, ALL },
	{ 0xc0011022, 0, true, ALL },
	{ 0xc0011023, 0, true, ALL },
	{ 0xc001102a, 0, true, ALL },
	{ 0xc001102c, 0, true, ALL },
};

static const bool vendors[] = { false, true };

static void constant(const void *arg)
{
	const struct constant *c;
	struct msr_answer a;
	struct guest *g = sweep_guest(*(const bool *)arg);

	for (c = constants; c < constants + ARRAY_LEN(constants); c++) {
		sweep(g, SWEEP_GUEST, true, c->index, 1, &a);
		CHECK(a.reads && a.value == c->value, "MSR 0x%x: %s, 0x%llx", c->index,
		      a.reads ? "read" : "#GP", (unsigned long long)a.value);
		CHECK(a.writes == c->writes && a.taken == c->taken && !a.kept,
		      "MSR 0x%x: write %s, takes 0x%llx, keeps 0x%llx", c->index,
		      a.writes ? "accepted" : "refused", (unsigned long long)a.taken,
		      (unsigned long long)a.kept);
	}
}

/* Numbers of no MSR: #GP for the guest, and KVM_GET/SET_MSRS return 0. */
static void holes(const void *arg)
{
	static const struct msr_range ranges[] = {
		{ 0x18, 0x19 }, { 0x4d, 0x78 }, { 0x720, 0x7ff }, { 0x1000, 0x103f },
		{ 0xc0000200, 0xc000023f }, { 0xc0010300, 0xc001033f },
		{ 0xc0011100, 0xc001113f },
	};
	static struct msr_answer a[256];
	struct guest *g = sweep_guest(false);
	int r, door, i, n;

	for (r = 0; r < ARRAY_LEN(ranges); r++) {
		n = ranges[r].last - ranges[r].first + 1;
		for (door = SWEEP_HOST; door <= SWEEP_GUEST; door++) {
			sweep(g, door, true, ranges[r].first, n, a);
			for (i = 0; i < n; i++)
				CHECK(!a[i].reads && !a[i].writes, "MSR 0x%x by %s",
				      ranges[r].first + i, door ? "the guest" : "user space");
		}
	}
}

/* IA32_ARCH_CAPABILITIES has the bits that hold on every host, the same wherever it is read. */
static void arch_capabilities(const void *arg)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = { .head.nmsrs = 1, .entry.index = MSR_IA32_ARCH_CAPABILITIES };
	struct guest *g = sweep_guest(false);
	struct msr_answer a;
	int i;

	for (i = 0; i < g->cpuid->nent; i++)
		if (g->cpuid->entries[i].function == 7 && !g->cpuid->entries[i].index)
			CHECK(g->cpuid->entries[i].edx & 1u << 29, "not in CPUID");
	CHECK_EQ(CHECK_OK(ioctl(g->m->vm->kvm_fd, KVM_GET_MSRS, &msr)), 1);
	/* Bit 6: a change of a page's size is no danger. */
	CHECK(msr.entry.data & 1 << 6, "0x%llx", msr.entry.data);
	sweep(g, SWEEP_GUEST, true, MSR_IA32_ARCH_CAPABILITIES, 1, &a);
	CHECK(a.reads && !a.writes, "reads %d, writes %d", a.reads, a.writes);
	CHECK_EQ(a.value, msr.entry.data);
}

/* AMD's CPUs ignore the upper half of TSC_AUX, Intel's refuse it; RDTSCP shows the lower. */
static void tsc_aux_by_vendor(const void *arg)
{
	const bool amd = *(const bool *)arg;
	struct guest *g = sweep_guest(amd);
	struct msr_answer a;

	sweep(g, SWEEP_GUEST, true, MSR_TSC_AUX, 1, &a);
	if (!a.reads)
		test_skip("no RDTSCP on this CPU");
	CHECK_EQ(a.taken, amd ? ALL : 0xffffffff);
	CHECK_EQ(a.kept, 0xffffffff);
}

/* Registers that only user space sees, or only user space sets. */
static void user_space_only(const void *arg)
{
	struct guest *g = sweep_guest(false);
	struct msr_answer a;

	sweep(g, SWEEP_HOST, true, 0x34, 1, &a);	/* SMI_COUNT */
	CHECK(a.reads && a.writes && a.kept == ALL, "SMI_COUNT keeps 0x%llx",
	      (unsigned long long)a.kept);
	sweep(g, SWEEP_HOST, true, MSR_IA32_XFD, 1, &a);
	CHECK(a.reads && a.writes, "XFD: reads %d, writes %d", a.reads, a.writes);
	sweep(g, SWEEP_HOST, true, MSR_IA32_XSS, 1, &a);
	CHECK(a.reads && a.writes, "XSS: reads %d, writes %d", a.reads, a.writes);
	/* A guest with an AMD CPU may have had any address here. */
	sweep(g, SWEEP_HOST, true, MSR_IA32_SYSENTER_EIP, 1, &a);
	CHECK_EQ(a.taken, ALL);
	CHECK_EQ(a.kept & 0x00007fffffffffff, 0x00007fffffffffff);
}

/*
 * Branch records and single steps on branches are not there: the bits of DEBUGCTL are taken,
 * since guests set them unasked, and not kept; the records read as 0, and user space may
 * restore that.
 */
static void branch_records(const void *arg)
{
	struct guest *g = sweep_guest(*(const bool *)arg);
	struct msr_answer a[4];
	int door, i;

	for (door = SWEEP_HOST; door <= SWEEP_GUEST; door++) {
		sweep(g, door, true, MSR_IA32_DEBUGCTLMSR, 1, a);
		CHECK(a[0].reads && a[0].writes && !a[0].value, "DEBUGCTL of %d", door);
		CHECK_EQ(a[0].taken, 3);
		CHECK_EQ(a[0].kept, 0);
	}
	sweep(g, SWEEP_GUEST, true, MSR_IA32_LASTBRANCHFROMIP, ARRAY_LEN(a), a);
	for (i = 0; i < ARRAY_LEN(a); i++)
		CHECK(a[i].reads && !a[i].value && !a[i].writes && !a[i].taken, "record %d", i);
	sweep(g, SWEEP_HOST, true, MSR_IA32_LASTBRANCHFROMIP, ARRAY_LEN(a), a);
	for (i = 0; i < ARRAY_LEN(a); i++) {
		CHECK(a[i].reads && !a[i].value && !a[i].taken, "record %d", i);
		if (!a[i].writes)
			test_skip("this kvm refuses the value that it shows (6.1 does)");
	}
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(vendors); i++) {
		add_test(constant, &vendors[i], "constant_%s", vendors[i] ? "amd" : "intel");
		add_test(branch_records, &vendors[i], "branch_records_%s",
			 vendors[i] ? "amd" : "intel");
		add_test(tsc_aux_by_vendor, &vendors[i], "tsc_aux_%s",
			 vendors[i] ? "amd" : "intel");
	}
	TEST(holes);
	TEST(arch_capabilities);
	TEST(user_space_only);
	return run_tests(argc, argv);
}
