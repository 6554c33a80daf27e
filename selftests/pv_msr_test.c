// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSRs of a paravirtual guest: end of interrupt by memory, polling and migration
 * control, asynchronous page faults; which of them are there by CPUID.
 */
#include <linux/kvm_para.h>

#include "guest.h"

#define VEC 0x60
#define VEC_LOW 0x50
#define CAP_ENFORCE KVM_CAP_ENFORCE_PV_FEATURE_CPUID

static volatile uint64_t count[256], without_eoi, ready, stop, value;
static volatile uint32_t eoi_flag;
static volatile uint32_t index_;
static volatile uint8_t fault;

static void leaves(const void *arg)
{
	const struct kvm_cpuid2 *cpuid = kvm_get_supported_cpuid();
	int i, found = 0;

	for (i = 0; i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == KVM_CPUID_SIGNATURE) {
			CHECK_EQ(e->eax, KVM_CPUID_FEATURES);
			CHECK(!memcmp(&e->ebx, "KVMK", 4), "EBX");
			CHECK(!memcmp(&e->ecx, "VMKV", 4), "ECX");
			CHECK(!memcmp(&e->edx, "M\0\0\0", 4), "EDX");
			found |= 1;
		} else if (e->function == KVM_CPUID_FEATURES) {
			CHECK_EQ(e->ebx, 0);
			CHECK_EQ(e->ecx, 0);
			/* The old and the new clock go together. */
			CHECK_EQ(!!(e->eax & 1 << KVM_FEATURE_CLOCKSOURCE),
				 !!(e->eax & 1 << KVM_FEATURE_CLOCKSOURCE2));
			found |= 2;
		}
	}
	if (!found)
		test_skip("this kvm has no paravirtual features");
	CHECK_EQ(found, 3);
}

/* What has to be saved with a guest. */
static void msr_list(const void *arg)
{
	static const struct { int feature; uint32_t msr; } want[] = {
		{ KVM_FEATURE_CLOCKSOURCE, MSR_KVM_SYSTEM_TIME },
		{ KVM_FEATURE_CLOCKSOURCE, MSR_KVM_WALL_CLOCK },
		{ KVM_FEATURE_CLOCKSOURCE2, MSR_KVM_SYSTEM_TIME_NEW },
		{ KVM_FEATURE_CLOCKSOURCE2, MSR_KVM_WALL_CLOCK_NEW },
		{ KVM_FEATURE_ASYNC_PF, MSR_KVM_ASYNC_PF_EN },
		{ KVM_FEATURE_ASYNC_PF_INT, MSR_KVM_ASYNC_PF_INT },
		{ KVM_FEATURE_STEAL_TIME, MSR_KVM_STEAL_TIME },
		{ KVM_FEATURE_PV_EOI, MSR_KVM_PV_EOI_EN },
		{ KVM_FEATURE_POLL_CONTROL, MSR_KVM_POLL_CONTROL },
	};
	uint32_t have = pv_features(kvm_get_supported_cpuid());
	int i;

	if (!have)
		test_skip("this kvm has no paravirtual features");
	for (i = 0; i < ARRAY_LEN(want); i++)
		if (have & 1u << want[i].feature)
			CHECK(kvm_msr_is_in_save_restore_list(want[i].msr),
			      "MSR 0x%x is not in the list", want[i].msr);
}

/* --- end of interrupt ------------------------------------------------------ */

/* Both ways are open to the guest; the bit says which is enough. */
static void on_irq(struct guest_frame *f)
{
	bool skip;

	count[f->vector]++;
	asm volatile("btrl $0, %1" : "=@ccc"(skip), "+m"(eoi_flag) : : "memory");
	if (skip)
		without_eoi++;
	else
		guest_eoi();
}

static void taker(uint64_t arg)
{
	guest_x2apic();
	wrmsr(MSR_KVM_PV_EOI_EN, (uintptr_t)&eoi_flag | KVM_PV_EOI_ENABLED);
	ready = 1;
	while (!stop)
		guest_wait_irq();
	guest_sync(0);
}

static void pv_eoi(const void *arg)
{
	struct guest *g = guest_new(1, CHIP_FULL);
	char apicv = '?';
	FILE *f;
	int i;

	need_feature(g, KVM_FEATURE_PV_EOI);
	guest_handlers[VEC] = on_irq;
	guest_handlers[VEC_LOW] = on_irq;
	guest_code(g, 0, taker, 0);
	guest_start(g, 0);
	thread_wait_for(&ready, 1);
	for (i = 1; i <= 100; i++) {
		guest_send_msi(g, 0, VEC);
		thread_wait_for(&count[VEC], i);
	}
	/* With another that waits, both come. */
	for (i = 1; i <= 100; i++) {
		guest_send_msi(g, 0, VEC_LOW);
		guest_send_msi(g, 0, VEC);
		thread_wait_for(&count[VEC_LOW], i);
		thread_wait_for(&count[VEC], 100 + i);
	}
	stop = 1;
	guest_send_msi(g, 0, VEC);
	guest_join(g, 0);
	CHECK_EQ(count[VEC], 201);
	CHECK_EQ(count[VEC_LOW], 100);
	CHECK_EQ(g->v[0].exits, 0);
	CHECK_EQ(vcpu_msr_get(g->v[0].vcpu, MSR_KVM_PV_EOI_EN), (uintptr_t)&eoi_flag | 1);
	/* Where the CPU does not do it, memory does. */
	f = fopen("/sys/module/kvm_intel/parameters/enable_apicv", "r");
	if (f && fread(&apicv, 1, 1, f) == 1 && apicv == 'N')
		CHECK(without_eoi, "never without an EOI");
}

static void try_msr(uint64_t arg)
{
	for (;;) {
		fault = arg ? guest_rdmsr(index_, (uint64_t *)&value) :
			      guest_wrmsr(index_, value);
		guest_sync(0);
	}
}

/* The vector of the guest's own access, 0 if it went well. */
static uint8_t guest_writes(struct guest *g, uint32_t msr, uint64_t v)
{
	guest_code(g, 0, try_msr, 0);
	index_ = msr;
	value = v;
	guest_run(g, 0);
	return fault;
}

static uint8_t guest_reads(struct guest *g, uint32_t msr)
{
	guest_code(g, 0, try_msr, 1);
	index_ = msr;
	guest_run(g, 0);
	return fault;
}

static void pv_eoi_errors(const void *arg)
{
	struct guest *g = guest_new(1, CHIP_FULL);

	need_feature(g, KVM_FEATURE_PV_EOI);
	CHECK_EQ(guest_writes(g, MSR_KVM_PV_EOI_EN, ((uintptr_t)&eoi_flag + 2) | 1), GP_VECTOR);
	CHECK_EQ(guest_writes(g, MSR_KVM_PV_EOI_EN, (uintptr_t)&eoi_flag | 1), 0);
	CHECK_EQ(guest_reads(g, MSR_KVM_PV_EOI_EN), 0);
	CHECK_EQ(value, (uintptr_t)&eoi_flag | 1);
	CHECK_EQ(guest_writes(g, MSR_KVM_PV_EOI_EN, 0), 0);
	CHECK_EQ(eoi_flag, 0);
}

/* --- control --------------------------------------------------------------- */

static void poll_control(const void *arg)
{
	struct guest *g = guest_new(1, CHIP_FULL);

	need_feature(g, KVM_FEATURE_POLL_CONTROL);
	CHECK_EQ(guest_reads(g, MSR_KVM_POLL_CONTROL), 0);
	CHECK_EQ(value, 1);
	CHECK_EQ(guest_writes(g, MSR_KVM_POLL_CONTROL, 0), 0);
	CHECK_EQ(guest_reads(g, MSR_KVM_POLL_CONTROL), 0);
	CHECK_EQ(value, 0);
	CHECK_EQ(vcpu_msr_get(g->v[0].vcpu, MSR_KVM_POLL_CONTROL), 0);
	CHECK_EQ(guest_writes(g, MSR_KVM_POLL_CONTROL, 2), GP_VECTOR);
	CHECK_EQ(guest_writes(g, MSR_KVM_POLL_CONTROL, 1ULL << 63 | 1), GP_VECTOR);
	CHECK_EQ(vcpu_msr_set(g->v[0].vcpu, MSR_KVM_POLL_CONTROL, 1), 1);
	CHECK_EQ(guest_reads(g, MSR_KVM_POLL_CONTROL), 0);
	CHECK_EQ(value, 1);
}

static volatile uint64_t migration_written;

static bool on_migration(struct guest_vcpu *v)
{
	struct kvm_run *run = v->vcpu->run;

	if (run->exit_reason != KVM_EXIT_X86_WRMSR ||
	    run->msr.index != MSR_KVM_MIGRATION_CONTROL)
		return false;
	migration_written = run->msr.data;
	run->msr.error = 0;
	return true;
}

/* The MSR is handled by user space, which sees writes by a filter, as api.rst says. */
static void migration_control(const void *arg)
{
	struct guest *g = guest_new(1, CHIP_NONE);
	uint8_t none = 0;
	struct kvm_msr_filter f = {
		.ranges[0] = { .flags = KVM_MSR_FILTER_WRITE, .nmsrs = 1,
			       .base = MSR_KVM_MIGRATION_CONTROL, .bitmap = &none },
	};

	need_cap(g, KVM_CAP_X86_MSR_FILTER);
	CHECK_OK(enable_cap(g->fd, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER));
	CHECK_OK(ioctl(g->fd, KVM_X86_SET_MSR_FILTER, &f));
	g->on_exit = on_migration;
	migration_written = 99;
	CHECK_EQ(guest_writes(g, MSR_KVM_MIGRATION_CONTROL, KVM_MIGRATION_READY), 0);
	CHECK_EQ(migration_written, KVM_MIGRATION_READY);
	CHECK_EQ(g->v[0].exits, 1);
}

/* --- asynchronous page faults: async_pf_test has the faults ------------------ */

#define APF_ON	(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_SEND_ALWAYS | KVM_ASYNC_PF_DELIVERY_AS_INT)

static volatile uint8_t apf_area[68] __attribute__((aligned(64)));

static struct guest *apf_guest(void)
{
	struct guest *g = guest_new(1, CHIP_FULL);

	need_cap(g, KVM_CAP_ASYNC_PF);
	need_cap(g, KVM_CAP_ASYNC_PF_INT);
	return g;
}

static void apf_errors(const void *arg)
{
	struct guest *g = apf_guest();
	struct kvm_vcpu *v = g->v[0].vcpu;
	uint64_t at = (uintptr_t)apf_area;

	CHECK_EQ(vcpu_msr_get(v, MSR_KVM_ASYNC_PF_EN), 0);
	CHECK_EQ(vcpu_msr_get(v, MSR_KVM_ASYNC_PF_INT), 0);
	CHECK_EQ(vcpu_msr_get(v, MSR_KVM_ASYNC_PF_ACK), 0);
	CHECK_EQ(vcpu_msr_set(v, MSR_KVM_ASYNC_PF_EN, at | APF_ON | 0x10), 0);
	CHECK_EQ(vcpu_msr_set(v, MSR_KVM_ASYNC_PF_EN, at | APF_ON | 0x20), 0);
	/* No memory there. */
	CHECK_EQ(vcpu_msr_set(v, MSR_KVM_ASYNC_PF_EN, 0xd0000000 | APF_ON), 0);
	CHECK_EQ(vcpu_msr_set(v, MSR_KVM_ASYNC_PF_INT, 0x100), 0);
	CHECK_EQ(vcpu_msr_set(v, MSR_KVM_ASYNC_PF_INT, 1ULL << 32 | VEC), 0);
	CHECK_EQ(vcpu_msr_set(v, MSR_KVM_ASYNC_PF_INT, VEC), 1);
	CHECK_EQ(vcpu_msr_set(v, MSR_KVM_ASYNC_PF_EN, at | APF_ON), 1);
	CHECK_EQ(vcpu_msr_set(v, MSR_KVM_ASYNC_PF_ACK, 1), 1);
	CHECK_EQ(vcpu_msr_get(v, MSR_KVM_ASYNC_PF_EN), at | APF_ON);
	CHECK_EQ(vcpu_msr_get(v, MSR_KVM_ASYNC_PF_INT), VEC);
	CHECK_EQ(vcpu_msr_get(v, MSR_KVM_ASYNC_PF_ACK), 0);
	CHECK_EQ(vcpu_msr_set(v, MSR_KVM_ASYNC_PF_EN, 0), 1);
}

/* The interrupt needs a local APIC in the kernel. */
static void apf_without_apic(const void *arg)
{
	struct machine *m = machine_new();

	if (ioctl(m->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_ASYNC_PF_INT) <= 0)
		test_skip("no KVM_CAP_ASYNC_PF_INT");
	CHECK_EQ(try_set_msr(m, MSR_KVM_ASYNC_PF_EN, G_DATA | APF_ON), 0);
	CHECK_EQ(try_set_msr(m, MSR_KVM_ASYNC_PF_EN, 0), 1);
}

static void apf_announced(const void *arg)
{
	static const uint32_t msrs[] = {
		MSR_KVM_ASYNC_PF_EN, MSR_KVM_ASYNC_PF_INT, MSR_KVM_ASYNC_PF_ACK
	};
	uint32_t have;
	int i;

	apf_guest();
	have = pv_features(kvm_get_supported_cpuid());
	CHECK(have & 1 << KVM_FEATURE_ASYNC_PF, "features 0x%x", have);
	CHECK(have & 1 << KVM_FEATURE_ASYNC_PF_INT, "features 0x%x", have);
	for (i = 0; i < ARRAY_LEN(msrs); i++)
		CHECK(kvm_msr_is_in_save_restore_list(msrs[i]), "0x%x is not in the list",
		      msrs[i]);
}

/* --- by CPUID -------------------------------------------------------------- */

static const struct by_feature {
	int feature;
	uint32_t msr;
	uint64_t good;		/* a value to write */
	bool hypercall;
} by_feature[] = {
	{ KVM_FEATURE_CLOCKSOURCE, MSR_KVM_SYSTEM_TIME },
	{ KVM_FEATURE_CLOCKSOURCE, MSR_KVM_WALL_CLOCK, G_DATA },
	{ KVM_FEATURE_CLOCKSOURCE2, MSR_KVM_SYSTEM_TIME_NEW },
	{ KVM_FEATURE_CLOCKSOURCE2, MSR_KVM_WALL_CLOCK_NEW, G_DATA },
	{ KVM_FEATURE_ASYNC_PF, MSR_KVM_ASYNC_PF_EN },
	{ KVM_FEATURE_ASYNC_PF_INT, MSR_KVM_ASYNC_PF_INT, 0x60 },
	{ KVM_FEATURE_STEAL_TIME, MSR_KVM_STEAL_TIME },
	{ KVM_FEATURE_PV_EOI, MSR_KVM_PV_EOI_EN },
	{ KVM_FEATURE_POLL_CONTROL, MSR_KVM_POLL_CONTROL, 1 },
	{ KVM_FEATURE_PV_UNHALT, KVM_HC_KICK_CPU, 0, true },
	{ KVM_FEATURE_PV_SEND_IPI, KVM_HC_SEND_IPI, 0, true },
	{ KVM_FEATURE_PV_SCHED_YIELD, KVM_HC_SCHED_YIELD, 0, true },
};

static void call_once(uint64_t nr)
{
	value = guest_hypercall(nr, 0, 0, 0, VEC);
	guest_sync(0);
}

static bool works(struct guest *g, const struct by_feature *b)
{
	if (b->hypercall) {
		guest_code(g, 0, call_once, b->msr);
		guest_run(g, 0);
		return value != (uint64_t)-KVM_ENOSYS;
	}
	return !guest_writes(g, b->msr, b->good) && !guest_reads(g, b->msr);
}

static struct guest *with_features(uint32_t eax, bool enforce)
{
	struct guest *g = guest_new_novcpu(CHIP_FULL);
	size_t size = sizeof(*g->cpuid) + g->cpuid->nent * sizeof(g->cpuid->entries[0]);
	struct kvm_cpuid2 *cpuid = malloc(size);
	int i;

	CHECK(cpuid, "out of memory");
	memcpy(cpuid, g->cpuid, size);
	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == KVM_CPUID_FEATURES)
			cpuid->entries[i].eax = eax;
	g->cpuid = cpuid;
	guest_add_vcpu(g, 0);
	need_cap(g, KVM_CAP_ENFORCE_PV_FEATURE_CPUID);
	CHECK_OK(enable_cap(g->v[0].vcpu->fd, CAP_ENFORCE, enforce));
	return g;
}

static void enforced(const void *arg)
{
	uint32_t have = pv_features(kvm_get_supported_cpuid());
	struct guest *g;
	int bit, i;

	for (bit = 0; bit < 18; bit++) {
		if (!(have & 1u << bit))
			continue;
		g = with_features(1u << bit, true);
		for (i = 0; i < ARRAY_LEN(by_feature); i++) {
			if (!(have & 1u << by_feature[i].feature))
				continue;
			CHECK(works(g, &by_feature[i]) == (by_feature[i].feature == bit),
			      "0x%x with feature %d", by_feature[i].msr, bit);
		}
		kvm_vm_free(g->m->vm);
	}
}

static void apf_enforcing(uint64_t arg)
{
	uint64_t val;

	G_CHECK_EQ(guest_wrmsr(MSR_KVM_ASYNC_PF_INT, VEC), GP_VECTOR);
	G_CHECK_EQ(guest_wrmsr(MSR_KVM_ASYNC_PF_EN, (uintptr_t)apf_area | APF_ON), GP_VECTOR);
	G_CHECK_EQ(guest_wrmsr(MSR_KVM_ASYNC_PF_ACK, 1), GP_VECTOR);
	G_CHECK_EQ(guest_rdmsr(MSR_KVM_ASYNC_PF_EN, &val), GP_VECTOR);
	G_CHECK_EQ(guest_rdmsr(MSR_KVM_ASYNC_PF_INT, &val), GP_VECTOR);
	guest_sync(7);
}

/* Of all features only these two are missing. */
static void apf_enforced(const void *arg)
{
	uint32_t have = pv_features(kvm_get_supported_cpuid());
	uint32_t apf = 1u << KVM_FEATURE_ASYNC_PF | 1u << KVM_FEATURE_ASYNC_PF_INT;
	struct guest *g;

	apf_guest();
	g = with_features(have & ~apf, true);
	guest_code(g, 0, apf_enforcing, 0);
	CHECK_EQ(guest_run(g, 0), 7);
}

/* CPUID announces no feature, but without KVM_CAP_ENFORCE_PV_FEATURE_CPUID all work. */
static void not_enforced(const void *arg)
{
	uint32_t have = pv_features(kvm_get_supported_cpuid());
	struct guest *g = with_features(0, false);
	int i;

	for (i = 0; i < ARRAY_LEN(by_feature); i++)
		if (have & 1u << by_feature[i].feature)
			CHECK(works(g, &by_feature[i]), "0x%x", by_feature[i].msr);
}

int main(int argc, char **argv)
{
	TEST(leaves);
	TEST(msr_list);
	TEST(pv_eoi);
	TEST(pv_eoi_errors);
	TEST(poll_control);
	TEST(migration_control);
	TEST(apf_errors);
	TEST(apf_without_apic);
	TEST(apf_announced);
	TEST(enforced);
	TEST(apf_enforced);
	TEST(not_enforced);
	return run_tests(argc, argv);
}
