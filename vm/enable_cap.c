// SPDX-License-Identifier: GPL-2.0-only
/* KVM_ENABLE_CAP on a VM: what user space can turn on and off. */
#include <linux/kernel.h>
#include <asm/cpufeature.h>
#include "compat/apic.h"
#include "compat/compat.h"
#include "ioctl.h"
#include "irqchip.h"
#include "kick.h"
#include "mmu.h"
#include "run.h"
#include "state.h"
#include "vcpu.h"

#define EXIT_REASONS		(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | \
				 KVM_MSR_EXIT_REASON_FILTER)

/* What KVM_CAP_DISABLE_QUIRKS2 can turn off. */
static u64 supported_quirks(void)
{
	u64 quirks = KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED |
		     KVM_X86_QUIRK_LAPIC_MMIO_HOLE | KVM_X86_QUIRK_OUT_7E_INC_RIP |
		     KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT | KVM_X86_QUIRK_FIX_HYPERCALL_INSN |
		     KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS | KVM_X86_QUIRK_SLOT_ZAP_ALL |
		     KVM_X86_QUIRK_STUFF_FEATURE_MSRS;

	/* Only such a CPU bears one page with several memory types. */
	if (boot_cpu_has(X86_FEATURE_SELFSNOOP))
		quirks |= KVM_X86_QUIRK_IGNORE_GUEST_PAT;
	return quirks;
}

int kvm_cap_quirks(struct kvm *kvm)
{
	return supported_quirks();
}

/* Whether the next call turns on again what this one turns off is each kernel's own. */
static long disable_quirks(struct kvm *kvm, u64 quirks)
{
	u64 changed;

	if (quirks & ~supported_quirks())
		return -EINVAL;
	mutex_lock(&kvm->lock);
	if (kvmx_quirk_calls_add_up)
		quirks |= kvm->settings.disabled_quirks;
	changed = quirks ^ kvm->settings.disabled_quirks;
	WRITE_ONCE(kvm->settings.disabled_quirks, quirks);
	mutex_unlock(&kvm->lock);
	/* They are in the memory types of what is mapped. */
	if (changed & (KVM_X86_QUIRK_IGNORE_GUEST_PAT | KVM_X86_QUIRK_CD_NW_CLEARED))
		kvm_mmu_zap_all(kvm);
	return 0;
}

/* A maximum that is the boot CPU's id is taken, as by the kernel: max_vcpuid_cap_test has it so. */
static long enable_max_vcpu_id(struct kvm *kvm, u64 max)
{
	struct kvm_settings *s = &kvm->settings;
	long r = -EINVAL;

	mutex_lock(&kvm->lock);
	if (max && max <= KVM_MAX_VCPU_IDS && max >= s->boot_cpu_id && !s->max_vcpu_ids_set &&
	    !kvm->vcpus.created) {
		s->max_vcpu_ids = max;
		s->max_vcpu_ids_set = true;
		r = 0;
	}
	mutex_unlock(&kvm->lock);
	return r;
}

/* KVM_X86_DISABLE_EXITS_* that this host can do. */
int kvm_cap_disable_exits(struct kvm *kvm)
{
	int can = KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE |
		  KVM_X86_DISABLE_EXITS_CSTATE;

	/* If its timer stops in deep states, or it misses wake-ups, a CPU keeps MWAIT to itself. */
	if (boot_cpu_has(X86_FEATURE_MWAIT) && boot_cpu_has(X86_FEATURE_ARAT) &&
	    !boot_cpu_has_bug(X86_BUG_MONITOR))
		can |= KVM_X86_DISABLE_EXITS_MWAIT;
	return can;
}

static long enable_disable_exits(struct kvm *kvm, u64 exits)
{
	u32 *disabled = &kvm->settings.disabled_exits;

	if (exits & ~KVM_X86_DISABLE_VALID_EXITS)
		return -EINVAL;
	mutex_lock(&kvm->lock);
	WRITE_ONCE(*disabled, *disabled | (exits & kvm_cap_disable_exits(kvm)));
	mutex_unlock(&kvm->lock);
	kvm_make_all_cpus_request(kvm, KVM_REQ_INTERCEPTS);
	return 0;
}

static long enable_switch(bool *where, u64 val)
{
	if (val > 1)
		return -EINVAL;
	*where = val;
	return 0;
}

/** kvm_vm_ioctl_enable_cap - KVM_ENABLE_CAP on a VM: -EINVAL for an argument or a capability */
long kvm_vm_ioctl_enable_cap(struct kvm_ioctl_args *a)
{
	const struct kvm_enable_cap *cap = a->data;
	struct kvm *kvm = a->kvm;

	if (cap->flags)
		return -EINVAL;
	switch (cap->cap) {
	case KVM_CAP_EXCEPTION_PAYLOAD:
		return enable_switch(&kvm->settings.exception_payload, cap->args[0]);
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
		return enable_switch(&kvm->settings.triple_fault_event, cap->args[0]);
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
		return enable_switch(&kvm->settings.exit_on_emulation_error, cap->args[0]);
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return kvm_enable_dirty_ring(kvm, cap->args[0]);
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return kvm_enable_manual_log(kvm, cap->args[0]);
	case KVM_CAP_HALT_POLL:
		return kvm_enable_halt_poll(kvm, cap);
	case KVM_CAP_X86_DISABLE_EXITS:
		return enable_disable_exits(kvm, cap->args[0]);
	case KVM_CAP_EXIT_HYPERCALL:
		return kvm_pv_enable_cap(kvm, cap);
	case KVM_CAP_MAX_VCPU_ID:
		return enable_max_vcpu_id(kvm, cap->args[0]);
	case KVM_CAP_SPLIT_IRQCHIP:
	case KVM_CAP_X2APIC_API:
	case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
		return kvm_irq_enable_cap(kvm, cap);
	case KVM_CAP_DISABLE_QUIRKS2:
		return disable_quirks(kvm, cap->args[0]);
	case KVM_CAP_DISABLE_QUIRKS:
		/* User space cannot ask which ones there are: others are passed over. */
		return disable_quirks(kvm, cap->args[0] & supported_quirks());
	case KVM_CAP_X86_USER_SPACE_MSR:
		if (cap->args[0] & ~(u64)EXIT_REASONS)
			return -EINVAL;
		kvm->settings.user_space_msr_mask = cap->args[0];
		return 0;
	case KVM_CAP_MSR_PLATFORM_INFO:
		kvm->settings.platform_info_hidden = !cap->args[0];
		return 0;
	}
	return -EINVAL;
}
