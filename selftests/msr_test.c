// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers: the index lists, KVM_GET_MSRS and KVM_SET_MSRS with their
 * partial counts, round trips, values that must be refused, and what RDMSR and WRMSR in
 * the guest do, #GP on the unknown included.
 */
#include "machine.h"

#define MAX_MSRS 512

struct index_list {
	struct kvm_msr_list head;
	uint32_t indices[MAX_MSRS];
};

struct msrs {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[MAX_MSRS];
};

static const struct which {
	const char *name;
	unsigned long request;
} lists[] = {
	{ "index_list", KVM_GET_MSR_INDEX_LIST },
	{ "feature_list", KVM_GET_MSR_FEATURE_INDEX_LIST },
};

static void list_sizes(const void *arg)
{
	const struct which *w = arg;
	struct machine *m = machine_new();
	struct index_list *l = calloc(1, sizeof(*l)), *k = calloc(1, sizeof(*k));
	int kvm = m->vm->kvm_fd;
	uint32_t n;

	/* Too small: E2BIG, and the number that would do. */
	CHECK_ERRNO(ioctl(kvm, w->request, l), E2BIG);
	n = l->head.nmsrs;
	CHECK(n > 0 && n < MAX_MSRS, "%u", n);
	k->head.nmsrs = n - 1;
	CHECK_ERRNO(ioctl(kvm, w->request, k), E2BIG);
	CHECK_EQ(k->head.nmsrs, n);
	k->head.nmsrs = n;
	CHECK_OK(ioctl(kvm, w->request, k));
	CHECK_EQ(k->head.nmsrs, n);
	l->head.nmsrs = MAX_MSRS;
	CHECK_OK(ioctl(kvm, w->request, l));
	CHECK_EQ(l->head.nmsrs, n);
	CHECK(!memcmp(l->indices, k->indices, n * 4), "lists differ");
	CHECK_EQ(l->indices[n], 0);
	CHECK_ERRNO(ioctl(kvm, w->request, NULL), EFAULT);
}

/* Everything in the list can be read, and what was read can be written back. */
static void whole_list_round_trip(const void *arg)
{
	struct machine *m = machine_new();
	struct index_list *l = calloc(1, sizeof(*l));
	int i, n = 0;

	l->head.nmsrs = MAX_MSRS;
	CHECK_OK(ioctl(m->vm->kvm_fd, KVM_GET_MSR_INDEX_LIST, l));
	for (i = 0; i < l->head.nmsrs; i++) {
		struct {
			struct kvm_msrs head;
			struct kvm_msr_entry entry;
		} e = { .head.nmsrs = 1, .entry.index = l->indices[i] };

		if (CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_MSRS, &e)) != 1) {
			/* A list is of the system; this vCPU's CPUID may lack one. */
			test_note("MSR 0x%x is listed, but not readable", l->indices[i]);
			continue;
		}
		n++;
		/* Paravirtual interrupts need a local APIC, which is not in the kernel. */
		if (l->indices[i] >> 8 == 0x4b564d)
			continue;
		CHECK(CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_MSRS, &e)) == 1,
		      "MSR 0x%x refuses its own value 0x%llx", l->indices[i], e.entry.data);
	}
	CHECK(n * 10 >= l->head.nmsrs * 9, "only %d of %u readable", n, l->head.nmsrs);
}

static void essential_indices(const void *arg)
{
	static const uint32_t need[] = {
		MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
		MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_KERNEL_GS_BASE,
		MSR_IA32_TSC, MSR_IA32_CR_PAT,
	};
	struct machine *m = machine_new();
	struct index_list *l = calloc(1, sizeof(*l));
	int i, j;

	l->head.nmsrs = MAX_MSRS;
	CHECK_OK(ioctl(m->vm->kvm_fd, KVM_GET_MSR_INDEX_LIST, l));
	for (i = 0; i < ARRAY_LEN(need); i++) {
		for (j = 0; j < l->head.nmsrs && l->indices[j] != need[i]; j++)
			;
		CHECK(j < l->head.nmsrs, "MSR 0x%x is not listed", need[i]);
	}
}

/* KVM_GET_MSRS on the system's fd reads the feature MSRs. */
static void feature_msrs(const void *arg)
{
	struct machine *m = machine_new();
	struct index_list *l = calloc(1, sizeof(*l));
	struct msrs *v = calloc(1, sizeof(*v));
	int i;

	l->head.nmsrs = MAX_MSRS;
	CHECK_OK(ioctl(m->vm->kvm_fd, KVM_GET_MSR_FEATURE_INDEX_LIST, l));
	v->head.nmsrs = l->head.nmsrs;
	for (i = 0; i < l->head.nmsrs; i++)
		v->entries[i].index = l->indices[i];
	CHECK_EQ(CHECK_OK(ioctl(m->vm->kvm_fd, KVM_GET_MSRS, v)), l->head.nmsrs);
	v->entries[0].index = 0x12345678;
	CHECK_EQ(CHECK_OK(ioctl(m->vm->kvm_fd, KVM_GET_MSRS, v)), 0);
}

/* The count returned is the number done before the first that cannot be. */
static void partial_counts(const void *arg)
{
	struct machine *m = machine_new();
	struct msrs *v = calloc(1, sizeof(*v));

	v->head.nmsrs = 4;
	v->entries[0].index = MSR_LSTAR;
	v->entries[0].data = 0x1000;
	v->entries[1].index = MSR_CSTAR;
	v->entries[1].data = 0x2000;
	v->entries[2].index = 0x12345678;
	v->entries[3].index = MSR_STAR;
	v->entries[3].data = 0x3000;
	CHECK_EQ(CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_MSRS, v)), 2);
	CHECK_EQ(get_msr(m, MSR_LSTAR), 0x1000);
	CHECK_EQ(get_msr(m, MSR_CSTAR), 0x2000);
	CHECK_EQ(get_msr(m, MSR_STAR), 0);
	v->entries[0].data = 0;
	v->entries[1].data = 0;
	v->entries[3].data = 0x77;
	CHECK_EQ(CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_MSRS, v)), 2);
	CHECK_EQ(v->entries[0].data, 0x1000);
	CHECK_EQ(v->entries[1].data, 0x2000);
	CHECK_EQ(v->entries[3].data, 0x77);
	v->head.nmsrs = 0;
	CHECK_EQ(CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_MSRS, v)), 0);
	CHECK_EQ(CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_MSRS, v)), 0);
}

static void call_errors(const void *arg)
{
	struct machine *m = machine_new();
	struct msrs *v = calloc(1, sizeof(*v));

	v->head.nmsrs = 256;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_MSRS, v), E2BIG);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_MSRS, v), E2BIG);
	v->head.nmsrs = 0xffffffff;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_MSRS, v), E2BIG);
	CHECK_ERRNO(ioctl(m->vm->kvm_fd, KVM_GET_MSRS, v), E2BIG);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_MSRS, NULL), EFAULT);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_MSRS, NULL), EFAULT);
	CHECK_ERRNO(ioctl(m->vm->kvm_fd, KVM_GET_MSRS, NULL), EFAULT);
}

/* --- values ---------------------------------------------------------------- */

static const struct value_case {
	uint32_t index;
	uint64_t value;
	bool refused;
} values[] = {
	{ MSR_STAR, 0x0023001000000000 },
	{ MSR_LSTAR, 0xffffffff81000000 },
	{ MSR_LSTAR, 0x0100000000000000, true },	/* non-canonical, with LA57 too */
	{ MSR_CSTAR, 0xffff800000001000 },
	{ MSR_CSTAR, 0x0900000000000000, true },
	{ MSR_SYSCALL_MASK, 0x47700 },
	{ MSR_KERNEL_GS_BASE, 0xffff888012340000 },
	{ MSR_KERNEL_GS_BASE, 0x8000000000000000, true },
	{ MSR_FS_BASE, 0x7ffff7d8a740 },
	{ MSR_FS_BASE, 0x0800000000000000, true },
	{ MSR_GS_BASE, 0xffff888000000000 },
	{ MSR_IA32_SYSENTER_CS, 0x10 },
	{ MSR_IA32_SYSENTER_ESP, 0xfffffe0000002200 },
	{ MSR_IA32_SYSENTER_EIP, 0xffffffff81001000 },
	{ MSR_IA32_CR_PAT, 0x0007040600070406 },
	{ MSR_IA32_CR_PAT, 0x0000000000000002, true },	/* type 2 is reserved */
	{ MSR_IA32_CR_PAT, 0x0800000000000006, true },
	{ MSR_MTRRdefType, 0xc06 },
	{ MSR_MTRRdefType, 0xc02, true },		/* type 2 is reserved */
	{ MSR_MTRRdefType, 0x1000000000c06, true },
	{ MSR_MTRRfix64K_00000, 0x0606060606060606 },
	{ MSR_MTRRfix64K_00000, 0x0606060606060602, true },
	{ 0x200, 0x80000006 },				/* MTRR_PHYSBASE0 */
	{ 0x12345678, 0, true },
	{ 0xc0011111, 0, true },
};

static void value(const void *arg)
{
	const struct value_case *c = arg;
	struct machine *m = machine_new();
	int n = CHECK_OK(try_set_msr(m, c->index, c->value));

	if (c->refused) {
		CHECK_EQ(n, 0);
		return;
	}
	CHECK_EQ(n, 1);
	CHECK_EQ(get_msr(m, c->index), c->value);
}

/* --- the guest's own accesses ---------------------------------------------- */

static void guest_access(const void *arg)
{
	static const uint32_t indices[] = {
		MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_KERNEL_GS_BASE,
		MSR_FS_BASE, MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP,
		MSR_IA32_SYSENTER_EIP,
	};
	struct machine *m = machine_new();
	struct kvm_regs r;
	int i;

	for (i = 0; i < ARRAY_LEN(indices); i++) {
		uint64_t v = 0x12345678 + i * 0x1010;

		start_wrmsr(m, indices[i], v);
		expect_hlt(m);
		CHECK_EQ(get_msr(m, indices[i]), v);
		set_msr(m, indices[i], v + 0x100);
		start_rdmsr(m, indices[i]);
		if (indices[i] == MSR_FS_BASE)
			set_msr(m, indices[i], v + 0x100);
		expect_hlt(m);
		r = get_regs(m);
		CHECK_EQ(r.rax, v + 0x100);
		CHECK_EQ(r.rdx, 0);
	}
}

static const struct gp_case {
	const char *name;
	bool write;
	uint32_t index;
	uint64_t value;
} gp_cases[] = {
	{ "read_unknown", false, 0x12345678, 0 },
	{ "write_unknown", true, 0x12345678, 0 },
	{ "read_unknown_low", false, 0x1ff0, 0 },
	{ "read_unknown_high", false, 0xc0011fff, 0 },
	{ "write_non_canonical_lstar", true, MSR_LSTAR, 0x8000000000000000 },
	{ "write_non_canonical_fs_base", true, MSR_FS_BASE, 0x0800000000000000 },
	{ "write_pat_reserved", true, MSR_IA32_CR_PAT, 2 },
	{ "write_mtrrcap", true, 0xfe, 0x508 },
	{ "write_efer_reserved", true, MSR_EFER, EFER_LME_BIT | EFER_LMA_BIT | 2 },
	{ "write_apic_base_reserved", true, MSR_IA32_APICBASE, 0xfee00000 | 1 },
};

static void guest_gp(const void *arg)
{
	const struct gp_case *c = arg;
	struct machine *m = machine_new();
	struct event e;

	if (c->write)
		start_wrmsr(m, c->index, c->value);
	else
		start_rdmsr(m, c->index);
	e = expect_event(m, GP_VECTOR);
	CHECK_EQ(e.error, 0);
	CHECK_EQ(e.ip, G_CODE);
}

/* The time-stamp counter as an MSR: a write moves it, and it goes on from there. */
static void guest_writes_tsc(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t v = 0x1234567800000000, now;

	start_wrmsr(m, MSR_IA32_TSC, v);
	expect_hlt(m);
	now = get_msr(m, MSR_IA32_TSC);
	CHECK(now >= v && now - v < 1ULL << 36, "0x%llx", (unsigned long long)now);
}

static void tsc_khz(const void *arg)
{
	struct machine *m = machine_new();
	long khz = CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_TSC_KHZ, 0));

	CHECK(khz > 1000, "%ld kHz", khz);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_TSC_KHZ, khz));
	CHECK_EQ(ioctl(m->vcpu->fd, KVM_GET_TSC_KHZ, 0), khz);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_TSC_KHZ, 0));
	CHECK_EQ(ioctl(m->vcpu->fd, KVM_GET_TSC_KHZ, 0), khz);
}

/* --- MSR exits to user space ----------------------------------------------- */

static void unknown_to_user_space(const void *arg)
{
	struct machine *m = machine_new();
	struct event e;

	if (vm_check_cap(m->vm, KVM_CAP_X86_USER_SPACE_MSR) <= 0)
		test_skip("KVM_CAP_X86_USER_SPACE_MSR is not offered");
	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_UNKNOWN));
	start_rdmsr(m, 0x12345678);
	expect_exit(m, KVM_EXIT_X86_RDMSR);
	CHECK_EQ(m->run->msr.index, 0x12345678);
	CHECK_EQ(m->run->msr.reason, KVM_MSR_EXIT_REASON_UNKNOWN);
	m->run->msr.error = 0;
	m->run->msr.data = 0x1122334455667788;
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rax, 0x55667788);
	CHECK_EQ(get_regs(m).rdx, 0x11223344);

	start_wrmsr(m, 0x12345678, 0xaabbccdd00112233);
	expect_exit(m, KVM_EXIT_X86_WRMSR);
	CHECK_EQ(m->run->msr.data, 0xaabbccdd00112233);
	m->run->msr.error = 1;
	e = expect_event(m, GP_VECTOR);
	CHECK_EQ(e.ip, G_CODE);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(lists); i++)
		add_test(list_sizes, &lists[i], "sizes_%s", lists[i].name);
	TEST(whole_list_round_trip);
	TEST(essential_indices);
	TEST(feature_msrs);
	TEST(partial_counts);
	TEST(call_errors);
	for (i = 0; i < ARRAY_LEN(values); i++)
		add_test(value, &values[i], "%s_%x_%llx", values[i].refused ? "refuse" :
			 "keep", values[i].index, (unsigned long long)values[i].value);
	TEST(guest_access);
	for (i = 0; i < ARRAY_LEN(gp_cases); i++)
		add_test(guest_gp, &gp_cases[i], "gp_%s", gp_cases[i].name);
	TEST(guest_writes_tsc);
	TEST(tsc_khz);
	TEST(unknown_to_user_space);
	return run_tests(argc, argv);
}
