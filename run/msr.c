// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR: which MSRs a guest has, what they may hold. SDM 4. The tables say it.
 *
 * The functions return 0, or 1 (KVM_MSR_UNKNOWN for an MSR that does not
 * exist) where the guest gets #GP(0) and user space an MSR less than it asked
 * for; then nothing has changed.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include "irqchip.h"
#include "msr.h"
#include "run.h"
#include "state.h"

static bool ignore_msrs;
module_param(ignore_msrs, bool, 0644);
MODULE_PARM_DESC(ignore_msrs, "Unknown MSRs read as 0 and take any write, instead of #GP");
static bool report_ignored_msrs = true;
module_param(report_ignored_msrs, bool, 0644);
MODULE_PARM_DESC(report_ignored_msrs, "Log accesses that ignore_msrs let through");

#define PAT_RESET		0x0007040600070406ull	/* SDM 3A, 11.12.4 */

/*
 * What there is to save is listed, and so restored by many, in this order. Some need another
 * before them: the TSC before its deadline, ASYNC_PF_INT before ASYNC_PF_EN.
 */
static const struct kvm_msr_table *const kvm_msr_tables[] = {
	&kvm_msrs_vmx, &kvm_msrs_tsc, &kvm_msrs_apic, &kvm_msrs_vcpu, &kvm_msrs_mce,
	&kvm_msrs_model, &kvm_msrs_mtrr, &kvm_msrs_async_pf, &kvm_msrs_pv, &kvm_msrs_const,
};

/** kvm_msr_module_init - index the tables; 0, or -EINVAL if two rows have one MSR */
int __init kvm_msr_module_init(void)
{
	return kvm_msr_index(kvm_msr_tables, ARRAY_SIZE(kvm_msr_tables));
}

static noinline int get_unknown(u32 index, u64 *val, bool host)
{
	if (!ignore_msrs)
		return KVM_MSR_UNKNOWN;
	if (report_ignored_msrs && !host)
		pr_info_ratelimited("ignored rdmsr: 0x%x\n", index);
	*val = 0;
	return 0;
}

static noinline int set_unknown(u32 index, u64 val, bool host)
{
	if (!ignore_msrs)
		return KVM_MSR_UNKNOWN;
	if (report_ignored_msrs && !host)
		pr_info_ratelimited("ignored wrmsr: 0x%x data 0x%llx\n", index, val);
	return 0;
}

/* Is CPUID without what makes the MSR exist? */
static bool guest_lacks(const struct kvm_vcpu *vcpu, const struct kvm_msr_row *row)
{
	if (row->needs[0] && !kvm_guest_has(vcpu, row->needs[0] - 1) &&
	    !(row->needs[1] && kvm_guest_has(vcpu, row->needs[1] - 1)))
		return true;
	return row->needs_pv && !kvm_pv_may_use(vcpu, row->needs_pv - 1);
}

/* 0 if it may go on, 1 for #GP, -ENOENT if there is nothing for a guest. */
static inline int may_access(const struct kvm_vcpu *vcpu, const struct kvm_msr_row *row, bool host)
{
	if (host)
		return 0;
	if (unlikely(row->flags & (KVM_MSR_HIDDEN | KVM_MSR_HOST_ONLY)))
		return row->flags & KVM_MSR_HIDDEN ? -ENOENT : 1;
	return (row->needs[0] || row->needs_pv) && guest_lacks(vcpu, row);
}

static u64 *field(struct kvm_vcpu *vcpu, const struct kvm_msr_row *row)
{
	return (u64 *)((u8 *)vcpu + row->offset);
}

static int read_row(struct kvm_vcpu *vcpu, const struct kvm_msr_row *row, u32 index, u64 *val,
		    bool host)
{
	int r = may_access(vcpu, row, host);

	if (r)
		return r;
	if (row->offset) {
		*val = *field(vcpu, row);
		return 0;
	}
	if (row->get)
		return row->get(vcpu, index, val, host);
	if (row->read == KVM_MSR_READ_GP)
		return 1;
	if (row->read == KVM_MSR_READ_NONE)
		return -ENOENT;
	*val = row->value;
	return 0;
}

static int write_row(struct kvm_vcpu *vcpu, const struct kvm_msr_row *row, u32 index, u64 val,
		     bool host)
{
	int r = may_access(vcpu, row, host);

	if (r)
		return r;
	if (row->set)
		return row->set(vcpu, index, val, host);
	switch (row->write) {
	case KVM_MSR_WRITE_IGNORED:
		return 0;
	case KVM_MSR_WRITE_OWN_VALUE:
		return val != row->value;
	case KVM_MSR_WRITE_RESTORED:
		return !host || val != row->value;
	case KVM_MSR_WRITE_HOST:
		if (!host)
			return 1;
		fallthrough;
	case KVM_MSR_WRITE_STORED:
		*field(vcpu, row) = val;
		return 0;
	case KVM_MSR_WRITE_NONE:
		return -ENOENT;
	default:
		return 1;
	}
}

/* Registers of its x2APIC come most often: they go past the table, where no vCPU has them. */
static bool is_x2apic_register(const struct kvm_vcpu *vcpu, u32 index)
{
	return index - APIC_BASE_MSR <= 0xff && vcpu->apic;
}

/**
 * kvm_get_msr - RDMSR
 * @vcpu: the vCPU, loaded
 * @index: MSR
 * @val: receives it
 * @host: user space reads
 */
int kvm_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	const struct kvm_msr_row *row;
	int r;

	if (is_x2apic_register(vcpu, index))
		return kvm_apic_msr_read(vcpu, index, val, host);
	row = kvm_msr_find(index);
	r = row ? read_row(vcpu, row, index, val, host) : -ENOENT;
	return r == -ENOENT ? get_unknown(index, val, host) : r;
}

/**
 * kvm_set_msr - WRMSR
 * @vcpu: the vCPU, loaded
 * @index: MSR
 * @val: value
 * @host: user space writes, which may also set what a guest can only read
 */
int kvm_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	const struct kvm_msr_row *row;
	int r;

	if (is_x2apic_register(vcpu, index))
		return kvm_apic_msr_write(vcpu, index, val, host);
	row = kvm_msr_find(index);
	r = row ? write_row(vcpu, row, index, val, host) : -ENOENT;
	return r == -ENOENT ? set_unknown(index, val, host) : r;
}

/**
 * kvm_msr_reset - power-up and INIT, SDM 3A, table 9-1 and the MSRs' own pages
 * @vcpu: the vCPU
 * @init_event: INIT, which leaves most MSRs alone
 */
void kvm_msr_reset(struct kvm_vcpu *vcpu, bool init_event)
{
	bool bsp = vcpu->vcpu_id == vcpu->kvm->settings.boot_cpu_id;

	if (init_event)
		return;
	vcpu->msr.apic_base = APIC_DEFAULT_PHYS_BASE | X86_APIC_BASE_ENABLE |
			  (bsp ? X86_APIC_BASE_BSP : 0);
	vcpu->msr.misc_enable = MSR_IA32_MISC_ENABLE_FAST_STRING |
			    MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL;
	vcpu->msr.feature_control = 0;
	kvm_msr_model_reset(vcpu);
	vcpu->msr.tsc_aux = 0;
	vcpu->tsc.adjust = 0;
	vcpu->msr.pat = PAT_RESET;
	vcpu->mtrr.def_type = 0;
	memset(vcpu->mtrr.fixed, 0, sizeof(vcpu->mtrr.fixed));
	memset(vcpu->mtrr.var, 0, sizeof(vcpu->mtrr.var));
	kvm_synchronize_tsc(vcpu, 0);
}
