// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs, CPUID bits and capabilities of what guests may know of their host. The
 * kernel's Documentation/virt/kvm/x86/{msr,cpuid}.rst.
 */
#include <linux/kvm_para.h>
#include <linux/sched/stat.h>
#include <linux/string.h>
#include <asm/kvm_para.h>
#include "ioctl.h"
#include "kick.h"
#include "msr.h"
#include "vcpu.h"

#define EOI_RESERVED		BIT_ULL(1)
#define CLOCK_RESERVED		BIT_ULL(1)	/* the address has an alignment of 4 */
#define WALL_CLOCK_RESERVED	GENMASK_ULL(1, 0)

/* --- CPUID --- */

u32 kvm_pv_features(void)
{
	u32 bits = BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_NOP_IO_DELAY) |
		   BIT(KVM_FEATURE_CLOCKSOURCE2) | BIT(KVM_FEATURE_PV_EOI) |
		   BIT(KVM_FEATURE_PV_UNHALT) | BIT(KVM_FEATURE_PV_SEND_IPI) |
		   BIT(KVM_FEATURE_POLL_CONTROL) | BIT(KVM_FEATURE_PV_SCHED_YIELD) |
		   BIT(KVM_FEATURE_ASYNC_PF) | BIT(KVM_FEATURE_ASYNC_PF_INT) |
		   BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT);

	if (sched_info_on())
		bits |= BIT(KVM_FEATURE_STEAL_TIME) | BIT(KVM_FEATURE_PV_TLB_FLUSH);
	return bits;
}

bool kvm_pv_may_use(const struct kvm_vcpu *vcpu, unsigned int feature)
{
	return !vcpu->pv.enforce_cpuid || (vcpu->pv.features & BIT(feature));
}

/*
 * The leaf KVM_CPUID_FEATURES, NULL if there is none. kvm's leaves may stand 256 or more
 * after where they usually are, behind another hypervisor's.
 */
static struct kvm_cpuid_entry2 *features_leaf(struct kvm_cpuid_entry2 *ent, int nent)
{
	u32 base = 0;
	int i;

	for (i = 0; i < nent && !base; i++) {
		const u32 name[3] = { ent[i].ebx, ent[i].ecx, ent[i].edx };

		if ((ent[i].function & 0xffff00ff) == KVM_CPUID_SIGNATURE &&
		    !memcmp(name, KVM_SIGNATURE, sizeof(name)))
			base = ent[i].function;
	}
	for (i = 0; i < nent && base; i++)
		if (ent[i].function == base + KVM_CPUID_FEATURES - KVM_CPUID_SIGNATURE)
			return &ent[i];
	return NULL;
}

void kvm_pv_trim_cpuid(struct kvm *kvm, struct kvm_cpuid_entry2 *ent, int nent)
{
	struct kvm_cpuid_entry2 *leaf = features_leaf(ent, nent);

	/* A HLT that does not exit is not ended by a hypercall. */
	if (leaf && (READ_ONCE(kvm->settings.disabled_exits) & KVM_X86_DISABLE_EXITS_HLT))
		leaf->eax &= ~BIT(KVM_FEATURE_PV_UNHALT);
}

void kvm_pv_cpuid_changed(struct kvm_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *leaf = features_leaf(vcpu->cpuid.entry, vcpu->cpuid.nent);

	vcpu->pv.features = leaf ? leaf->eax : 0;
}

/* --- MSRs --- */

static int get_wall_clock(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	*val = vcpu->kvm->pv.wall_clock_gpa;
	return 0;
}

static int set_wall_clock(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (val & WALL_CLOCK_RESERVED)
		return 1;
	vcpu->kvm->pv.wall_clock_gpa = val;
	kvm_pv_write_wall_clock(vcpu, val);
	return 0;
}

static int set_system_time(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if ((val & KVM_MSR_ENABLED) && (val & CLOCK_RESERVED))
		return 1;
	vcpu->pv.system_time_msr = val;
	kvm_make_request(vcpu, KVM_REQ_CLOCK);
	return 0;
}

static int set_steal_time(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (val & (sched_info_on() ? KVM_STEAL_RESERVED_MASK : ~0ull))
		return 1;
	vcpu->pv.steal_msr = val;
	vcpu->pv.steal_thread = NULL;
	vcpu->pv.preempted_shown = false;
	kvm_make_request(vcpu, KVM_REQ_STEAL);
	return 0;
}

static int set_pv_eoi(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (val & EOI_RESERVED)
		return 1;
	vcpu->pv.eoi_msr = val;
	kvm_pv_eoi_changed(vcpu);
	return 0;
}

static int set_poll_control(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (val & ~1ull)
		return 1;
	vcpu->pv.poll_control_msr = val;
	return 0;
}

/* Announced by user space alone, which wants to know what the guest writes. */
static bool may_migrate(const struct kvm_vcpu *vcpu, bool host)
{
	return host || (vcpu->pv.features & BIT(KVM_FEATURE_MIGRATION_CONTROL));
}

static int get_migration(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	if (!may_migrate(vcpu, host))
		return 1;
	*val = vcpu->pv.migration_msr;
	return 0;
}

static int set_migration(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (!may_migrate(vcpu, host) || (val & ~1ull))
		return 1;
	vcpu->pv.migration_msr = val;
	return 0;
}

#define SAVED_IF(_feature) \
	.needs_pv = KVM_MSR_NEED(KVM_FEATURE_##_feature), .flags = KVM_MSR_SAVED

static const struct kvm_msr_row rows[] = {
	{ MSR_KVM_WALL_CLOCK, .get = get_wall_clock, .set = set_wall_clock,
	  SAVED_IF(CLOCKSOURCE) },
	{ MSR_KVM_SYSTEM_TIME, KVM_MSR_FIELD(pv.system_time_msr), .set = set_system_time,
	  SAVED_IF(CLOCKSOURCE) },
	{ MSR_KVM_WALL_CLOCK_NEW, .get = get_wall_clock, .set = set_wall_clock,
	  SAVED_IF(CLOCKSOURCE2) },
	{ MSR_KVM_SYSTEM_TIME_NEW, KVM_MSR_FIELD(pv.system_time_msr), .set = set_system_time,
	  SAVED_IF(CLOCKSOURCE2) },
	{ MSR_KVM_STEAL_TIME, KVM_MSR_FIELD(pv.steal_msr), .set = set_steal_time,
	  SAVED_IF(STEAL_TIME) },
	{ MSR_KVM_PV_EOI_EN, KVM_MSR_FIELD(pv.eoi_msr), .set = set_pv_eoi, SAVED_IF(PV_EOI) },
	{ MSR_KVM_POLL_CONTROL, KVM_MSR_FIELD(pv.poll_control_msr), .set = set_poll_control,
	  SAVED_IF(POLL_CONTROL) },
	{ MSR_KVM_MIGRATION_CONTROL, .get = get_migration, .set = set_migration,
	  .flags = KVM_MSR_SAVED },
};

KVM_MSR_TABLE(kvm_msrs_pv, rows);

/**
 * kvm_pv_reset - power-up, or INIT: what the guest had set up is no more
 * @vcpu: loaded vCPU
 * @init_event: INIT
 */
void kvm_pv_reset(struct kvm_vcpu *vcpu, bool init_event)
{
	struct kvm_pv_vcpu *pv = &vcpu->pv;

	pv->system_time_msr = 0;
	pv->steal_msr = 0;
	pv->eoi_msr = 0;
	kvm_pv_eoi_changed(vcpu);
	pv->unhalted = false;
	pv->clock_stopped = false;
	if (init_event)
		return;
	pv->poll_control_msr = 1;
	/* No guest memory is encrypted. */
	pv->migration_msr = KVM_MIGRATION_READY;
}

/* --- capabilities --- */

static const u64 hypercalls_out = BIT_ULL(KVM_HC_MAP_GPA_RANGE);

/**
 * kvm_pv_enable_cap - KVM_ENABLE_CAP on a VM
 * @kvm: the VM
 * @cap: what to enable
 *
 * Return: 0, or -EINVAL for a bad argument or another capability.
 */
long kvm_pv_enable_cap(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (cap->cap != KVM_CAP_EXIT_HYPERCALL || (cap->args[0] & ~hypercalls_out))
		return -EINVAL;
	kvm->pv.hypercall_exits = cap->args[0];
	return 0;
}

/** kvm_vcpu_ioctl_enable_cap - KVM_ENABLE_CAP on a vCPU */
long kvm_vcpu_ioctl_enable_cap(struct kvm_ioctl_args *a)
{
	const struct kvm_enable_cap *cap = a->data;

	if (cap->flags || cap->cap != KVM_CAP_ENFORCE_PV_FEATURE_CPUID)
		return -EINVAL;
	a->vcpu->pv.enforce_cpuid = cap->args[0];
	return 0;
}

static int cap_clock(struct kvm *kvm)
{
	return KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC;
}

static int cap_steal(struct kvm *kvm)
{
	return sched_info_on();
}

static int cap_hypercalls(struct kvm *kvm)
{
	return hypercalls_out;
}

static const struct kvm_cap caps[] = {
	{ KVM_CAP_CLOCKSOURCE, 1 },
	{ KVM_CAP_NOP_IO_DELAY, 1 },
	{ KVM_CAP_ENABLE_CAP, 1 },
	{ KVM_CAP_ADJUST_CLOCK, .fn = cap_clock },
	{ KVM_CAP_KVMCLOCK_CTRL, 1 },
	{ KVM_CAP_STEAL_TIME, .fn = cap_steal },
	{ KVM_CAP_EXIT_HYPERCALL, .fn = cap_hypercalls },
	{ KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1 },
};

KVM_CAP_TABLE(kvm_caps_pv, caps);
