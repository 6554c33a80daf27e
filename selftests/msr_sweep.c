// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints what every MSR answers: to KVM_GET_MSRS and KVM_SET_MSRS, and to RDMSR and WRMSR
 * of guests of either vendor. Two listings, of two modules or kernels, are for diff;
 * Documentation/msrs.rst has what differs and why.
 */
#include "msr_sweep.h"
#define MAX_RANGE 0x2000

static struct msr_answer answers[MAX_RANGE];

static void print(const char *who, uint32_t index, const struct msr_answer *a)
{
	if (!a->reads && !a->writes)
		return;
	printf("%s %08x", who, index);
	if (a->reads && index == MSR_IA32_TSC)
		printf(" r=time");
	else if (a->reads)
		printf(" r=%llx", (unsigned long long)a->value);
	if (a->writes)
		printf(" w");
	if (a->taken)
		printf(" takes=%llx keeps=%llx", (unsigned long long)a->taken,
		       (unsigned long long)a->kept);
	printf("\n");
}

static void print_index_list(int kvm, unsigned long request, const char *name)
{
	struct kvm_msr_list *l = calloc(1, sizeof(*l) + 1024 * 4);
	int i;

	l->nmsrs = 1024;
	CHECK_OK(ioctl(kvm, request, l));
	for (i = 0; i < l->nmsrs; i++)
		printf("%s %08x\n", name, l->indices[i]);
	free(l);
}

static void print_features(struct guest *g)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = { };
	uint32_t i;

	for (i = 0; i < MAX_RANGE; i++) {
		msr.head.nmsrs = 1;
		msr.entry.index = i;
		if (ioctl(g->m->vm->kvm_fd, KVM_GET_MSRS, &msr) == 1)
			printf("feature %08x r=%llx\n", i, (unsigned long long)msr.entry.data);
	}
}

/* Each sweep has a new guest, so that values set by one do not change the next. */
static void print_sweep(const char *name, bool amd, enum sweep_door door)
{
	struct guest *g = sweep_guest(amd);
	uint32_t i, n;
	int r;

	for (r = 0; r < nr_sweep_ranges; r++) {
		n = sweep_ranges[r].last - sweep_ranges[r].first + 1;
		sweep(g, door, true, sweep_ranges[r].first, n, answers);
		for (i = 0; i < n; i++)
			print(name, sweep_ranges[r].first + i, &answers[i]);
	}
	machine_free(g->m);
}

static void print_lists(void)
{
	struct guest *g = sweep_guest(false);
	int kvm = g->m->vm->kvm_fd;

	print_index_list(kvm, KVM_GET_MSR_INDEX_LIST, "index");
	print_index_list(kvm, KVM_GET_MSR_FEATURE_INDEX_LIST, "feature-index");
	print_features(g);
	machine_free(g->m);
}

int main(void)
{
	static const char *const names[2][2] = {
		{ "user", "guest" }, { "user-amd", "guest-amd" },
	};
	int amd, door;

	print_lists();
	for (amd = 0; amd < 2; amd++)
		for (door = SWEEP_HOST; door <= SWEEP_GUEST; door++)
			print_sweep(names[amd][door], amd, door);
	return 0;
}
