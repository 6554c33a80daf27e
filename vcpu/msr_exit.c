// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR exits: the filter of user space, and user space's answer for
 * MSRs it wants to see. Documentation/virt/kvm/api.rst, 4.97 and 7.21.
 */
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/trapnr.h>
#include "compat/compat.h"
#include "mmu.h"
#include "state.h"
#include "trace.h"

#define MAX_BITMAP_BYTES	0x600
#define RANGE_FLAGS		(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)
#define EXIT_REASONS		(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | \
				 KVM_MSR_EXIT_REASON_FILTER)
#define X2APIC_FIRST		0x800
#define X2APIC_LAST		0x8ff

struct msr_range {
	u32 flags, base, nmsrs;
	unsigned long *bitmap;
};

/* Replaced whole; readers hold kvm->srcu. */
struct kvm_msr_filter_set {
	bool deny;		/* what no range covers */
	int count;
	struct msr_range range[KVM_MSR_FILTER_MAX_RANGES];
};

/* --- the filter --- */

static void free_filter(struct kvm_msr_filter_set *set)
{
	int i;

	if (!set)
		return;
	for (i = 0; i < set->count; i++)
		kfree(set->range[i].bitmap);
	kfree(set);
}

/**
 * kvm_msr_allowed - does the filter let a guest's access through
 * @vcpu: the vCPU; kvm->srcu is held
 * @index: MSR
 * @write: WRMSR
 */
bool kvm_msr_allowed(struct kvm_vcpu *vcpu, u32 index, bool write)
{
	const u32 kind = write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ;
	const struct kvm_msr_filter_set *set;
	int i;

	set = srcu_dereference(vcpu->kvm->msr_filter, &vcpu->kvm->srcu);
	if (likely(!set) || (index >= X2APIC_FIRST && index <= X2APIC_LAST))
		return true;
	for (i = 0; i < set->count; i++) {
		const struct msr_range *r = &set->range[i];
		u32 bit = index - r->base;

		if ((r->flags & kind) && bit < r->nmsrs)
			return test_bit(array_index_nospec(bit, r->nmsrs), r->bitmap);
	}
	return !set->deny;
}

static int take_range(struct kvm_msr_filter_set *set, const struct kvm_msr_filter_range *user)
{
	size_t bytes = DIV_ROUND_UP_ULL(user->nmsrs, BITS_PER_BYTE);
	unsigned long *bitmap;

	if (!user->nmsrs)
		return 0;
	if (!user->flags || bytes > MAX_BITMAP_BYTES)
		return -EINVAL;
	bitmap = kzalloc(round_up(bytes, sizeof(long)), GFP_KERNEL_ACCOUNT);
	if (!bitmap)
		return -ENOMEM;
	if (copy_from_user(bitmap, (const u8 __user *)user->bitmap, bytes)) {
		kfree(bitmap);
		return -EFAULT;
	}
	set->range[set->count++] = (struct msr_range) {
		.flags = user->flags, .base = user->base, .nmsrs = user->nmsrs,
		.bitmap = bitmap,
	};
	return 0;
}

static int build_filter(const struct kvm_msr_filter *user, struct kvm_msr_filter_set **result)
{
	struct kvm_msr_filter_set *set;
	int i, r = 0;

	*result = NULL;
	if (user->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
		if (user->ranges[i].flags & ~RANGE_FLAGS)
			return -EINVAL;
	set = kzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);
	if (!set)
		return -ENOMEM;
	set->deny = user->flags & KVM_MSR_FILTER_DEFAULT_DENY;
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES && !r; i++)
		r = take_range(set, &user->ranges[i]);
	if (!r && !set->count && set->deny)
		r = -EINVAL;
	if (r || !set->count)
		free_filter(set);
	else
		*result = set;
	return r;
}

static long set_filter(struct kvm *kvm, const struct kvm_msr_filter *user)
{
	struct kvm_msr_filter_set *set, *old;
	int r;

	r = build_filter(user, &set);
	if (r)
		return r;
	mutex_lock(&kvm->lock);
	old = rcu_replace_pointer(kvm->msr_filter, set, lockdep_is_held(&kvm->lock));
	mutex_unlock(&kvm->lock);
	synchronize_srcu(&kvm->srcu);
	/* What the guest reaches without an exit depends on the filter. */
	kvm_make_all_cpus_request(kvm, KVM_REQ_FEWER_EXITS);
	free_filter(old);
	return 0;
}

/** kvm_vm_ioctl_set_msr_filter - KVM_X86_SET_MSR_FILTER */
long kvm_vm_ioctl_set_msr_filter(struct kvm_ioctl_args *a)
{
	return set_filter(a->kvm, a->data);
}

#ifdef CONFIG_COMPAT
/** kvm_vm_compat_set_msr_filter - KVM_X86_SET_MSR_FILTER_COMPAT: pointers of 32 bits */
long kvm_vm_compat_set_msr_filter(struct kvm_ioctl_args *a)
{
	const struct kvm_compat_msr_filter *from = a->data;
	struct kvm_msr_filter to = { .flags = from->flags };
	int i;

	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
		to.ranges[i] = (struct kvm_msr_filter_range) {
			.flags = from->ranges[i].flags,
			.nmsrs = from->ranges[i].nmsrs,
			.base = from->ranges[i].base,
			.bitmap = (__force u8 *)compat_ptr(from->ranges[i].bitmap),
		};
	return set_filter(a->kvm, &to);
}
#endif

/**
 * kvm_msr_filter_free - the VM goes away
 * @kvm: the VM, with no vCPU left
 */
void kvm_msr_filter_free(struct kvm *kvm)
{
	free_filter(rcu_dereference_protected(kvm->msr_filter, 1));
	RCU_INIT_POINTER(kvm->msr_filter, NULL);
}

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
static void disable_quirks(struct kvm *kvm, u64 quirks)
{
	u64 changed;

	mutex_lock(&kvm->lock);
	if (kvmx_quirk_calls_add_up)
		quirks |= kvm->disabled_quirks;
	changed = quirks ^ kvm->disabled_quirks;
	WRITE_ONCE(kvm->disabled_quirks, quirks);
	mutex_unlock(&kvm->lock);
	/* They are in the memory types of what is mapped. */
	if (changed & (KVM_X86_QUIRK_IGNORE_GUEST_PAT | KVM_X86_QUIRK_CD_NW_CLEARED))
		kvm_mmu_zap_all(kvm);
}

/**
 * kvm_state_enable_cap - KVM_ENABLE_CAP on a VM, for capabilities about MSRs and quirks
 * @kvm: the VM
 * @cap: what to enable
 *
 * Return: 0, or -EINVAL for a bad argument or another capability.
 */
long kvm_state_enable_cap(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	switch (cap->cap) {
	case KVM_CAP_DISABLE_QUIRKS2:
		if (cap->args[0] & ~supported_quirks())
			return -EINVAL;
		disable_quirks(kvm, cap->args[0]);
		return 0;
	case KVM_CAP_DISABLE_QUIRKS:
		/* Whoever uses this cannot know which there are. */
		disable_quirks(kvm, cap->args[0] & supported_quirks());
		return 0;
	case KVM_CAP_X86_USER_SPACE_MSR:
		if (cap->args[0] & ~(u64)EXIT_REASONS)
			return -EINVAL;
		kvm->user_space_msr_mask = cap->args[0];
		return 0;
	case KVM_CAP_MSR_PLATFORM_INFO:
		kvm->platform_info_hidden = !cap->args[0];
		return 0;
	default:
		return -EINVAL;
	}
}

/* --- the exits --- */

static int inject_gp(struct kvm_vcpu *vcpu)
{
	kvm_queue_exception_e(vcpu, X86_TRAP_GP, 0);
	return 1;
}

/* User space sees a failed access if it wants to; else it is #GP for the guest. */
static enum emu_status refuse(struct kvm_vcpu *vcpu, u32 exit_reason, u64 why, u32 index, u64 data)
{
	struct kvm_run *run = vcpu->run;

	if (!(vcpu->kvm->user_space_msr_mask & why))
		return EMU_FAULT;
	run->exit_reason = exit_reason;
	memset(&run->msr, 0, sizeof(run->msr));
	run->msr.reason = why;
	run->msr.index = index;
	run->msr.data = data;
	vcpu->msr_exit_reason = exit_reason;
	vcpu->msr_exit_emulated = false;
	vcpu->io.linear_rip = kvm_linear_rip(vcpu);
	return EMU_IO;
}

static u64 why_refused(int r)
{
	return r == KVM_MSR_UNKNOWN ? KVM_MSR_EXIT_REASON_UNKNOWN : KVM_MSR_EXIT_REASON_INVAL;
}

/**
 * kvm_guest_rdmsr - what RDMSR of the guest does
 * @vcpu: the vCPU; kvm->srcu is held
 * @index: MSR
 * @val: its value
 *
 * Return: EMU_OK; EMU_FAULT for #GP(0); EMU_IO if user space answers, with kvm_run filled.
 */
enum emu_status kvm_guest_rdmsr(struct kvm_vcpu *vcpu, u32 index, u64 *val)
{
	int r;

	*val = 0;
	if (!kvm_msr_allowed(vcpu, index, false)) {
		trace_kvm_msr(0, index, 0, true);
		return refuse(vcpu, KVM_EXIT_X86_RDMSR, KVM_MSR_EXIT_REASON_FILTER, index, 0);
	}
	r = kvm_get_msr(vcpu, index, val, false);
	trace_kvm_msr(0, index, *val, r);
	return r ? refuse(vcpu, KVM_EXIT_X86_RDMSR, why_refused(r), index, 0) : EMU_OK;
}

/**
 * kvm_guest_wrmsr - what WRMSR of the guest does
 * @vcpu: the vCPU; kvm->srcu is held
 * @index: MSR
 * @val: new value
 *
 * Return: as kvm_guest_rdmsr().
 */
enum emu_status kvm_guest_wrmsr(struct kvm_vcpu *vcpu, u32 index, u64 val)
{
	int r;

	if (!kvm_msr_allowed(vcpu, index, true)) {
		trace_kvm_msr(1, index, val, true);
		return refuse(vcpu, KVM_EXIT_X86_WRMSR, KVM_MSR_EXIT_REASON_FILTER, index, val);
	}
	r = kvm_set_msr(vcpu, index, val, false);
	trace_kvm_msr(1, index, val, r);
	return r ? refuse(vcpu, KVM_EXIT_X86_WRMSR, why_refused(r), index, val) : EMU_OK;
}

static void give_result(struct kvm_vcpu *vcpu, u64 val)
{
	kvm_gpr_write(vcpu, KVM_REG_RAX, (u32)val);
	kvm_gpr_write(vcpu, KVM_REG_RDX, val >> 32);
}

/* 1 to go on in the guest, 0 to go to user space. */
static int finish(struct kvm_vcpu *vcpu, enum emu_status s)
{
	if (s == EMU_FAULT)
		return inject_gp(vcpu);
	return s == EMU_OK ? vmx_skip_instruction(vcpu) : 0;
}

/**
 * kvm_emulate_rdmsr - the guest executed RDMSR
 * @vcpu: the vCPU; kvm->srcu is held
 *
 * Return: 1 to go on in the guest, 0 to go to user space.
 */
int kvm_emulate_rdmsr(struct kvm_vcpu *vcpu)
{
	enum emu_status s;
	u64 val;

	s = kvm_guest_rdmsr(vcpu, kvm_gpr_read(vcpu, KVM_REG_RCX), &val);
	if (s == EMU_OK)
		give_result(vcpu, val);
	return finish(vcpu, s);
}

/**
 * kvm_emulate_wrmsr - the guest executed WRMSR
 * @vcpu: the vCPU; kvm->srcu is held
 *
 * Return: 1 to go on in the guest, 0 to go to user space.
 */
int kvm_emulate_wrmsr(struct kvm_vcpu *vcpu)
{
	u64 val = (u32)kvm_gpr_read(vcpu, KVM_REG_RAX) | kvm_gpr_read(vcpu, KVM_REG_RDX) << 32;

	return finish(vcpu, kvm_guest_wrmsr(vcpu, kvm_gpr_read(vcpu, KVM_REG_RCX), val));
}

/**
 * kvm_complete_msr - user space has answered KVM_EXIT_X86_RDMSR or _WRMSR
 * @vcpu: the vCPU, vcpu->msr_exit_reason set
 *
 * Return: 1 to go on in the guest, 0 to go to user space.
 */
int kvm_complete_msr(struct kvm_vcpu *vcpu)
{
	u32 exit = vcpu->msr_exit_reason;

	vcpu->msr_exit_reason = 0;
	/* User space has set other registers: the access is forgotten. */
	if (kvm_linear_rip(vcpu) != vcpu->io.linear_rip)
		return 1;
	if (READ_ONCE(vcpu->run->msr.error))
		return inject_gp(vcpu);
	if (exit == KVM_EXIT_X86_RDMSR)
		give_result(vcpu, READ_ONCE(vcpu->run->msr.data));
	return vcpu->msr_exit_emulated ? kvm_emulated_by_user(vcpu) : vmx_skip_instruction(vcpu);
}
