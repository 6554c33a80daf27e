// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steal time: how long the vCPU wanted to run and could not, and whether it runs
 * now. The kernel's Documentation/virt/kvm/x86/msr.rst, MSR_KVM_STEAL_TIME.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <asm/kvm_para.h>
#include "kick.h"
#include "mmu.h"
#include "vcpu.h"

/* The guest's other vCPUs may change the flags meanwhile, but why so often? */
#define MAX_TRIES	4

/* How long this thread has waited for a CPU, ns. */
static u64 run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

/* What is new of it since the last time. */
static u64 stolen(struct kvm_pv_vcpu *pv)
{
	u64 delay = run_delay(), new = delay - pv->steal_seen;

	if (pv->steal_thread != current)
		new = 0;
	pv->steal_thread = current;
	pv->steal_seen = delay;
	return new;
}

/* 0 or -EFAULT with the vCPU's flags, which are then down; -EAGAIN while others change them. */
static int write_steal(struct kvm_steal_time __user *st, u64 more, u8 *flags)
{
	u32 version;
	u64 steal;
	int tries;
	u8 old;

	if (!user_access_begin(st, sizeof(*st)))
		return -EFAULT;
	unsafe_get_user(old, &st->preempted, fault);
	/* A vCPU that asks for a TLB flush by a flag needs to know that it came before this. */
	for (tries = 0; old; tries++) {
		if (unsafe_try_cmpxchg_user(&st->preempted, &old, (u8)0, fault))
			break;
		if (tries == MAX_TRIES)
			goto busy;
	}
	*flags = old;
	unsafe_get_user(version, &st->version, fault);
	unsafe_get_user(steal, &st->steal, fault);
	version = (version + 1) | 1;
	unsafe_put_user(version, &st->version, fault);
	/* The new time is seen with the odd version or the one after it, */
	smp_wmb();
	steal += more;
	unsafe_put_user(steal, &st->steal, fault);
	/* and the one after it with the new time. */
	smp_wmb();
	version++;
	unsafe_put_user(version, &st->version, fault);
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
busy:
	user_access_end();
	return -EAGAIN;
}

/* Its 64 bytes, aligned, are in one page. Asked by the scheduler's hook too: none is remembered. */
static const struct kvm_memslot *steal_slot(struct kvm_vcpu *vcpu,
					    struct kvm_steal_time __user **st)
{
	u64 gpa = vcpu->pv.steal_msr & KVM_STEAL_VALID_BITS;
	const struct kvm_memslot *slot = kvm_gfn_to_memslot(vcpu->kvm, gpa >> PAGE_SHIFT);

	if (!slot || (slot->flags & KVM_MEM_READONLY))
		return NULL;
	*st = (void __user *)(kvm_slot_hva(slot, gpa >> PAGE_SHIFT) + offset_in_page(gpa));
	return slot;
}

/**
 * kvm_pv_steal_update - the vCPU runs again: write its steal time
 * @vcpu: loaded vCPU, own thread; kvm->srcu held
 *
 * Context: may sleep.
 */
void kvm_pv_steal_update(struct kvm_vcpu *vcpu)
{
	struct kvm_steal_time __user *st;
	const struct kvm_memslot *slot;
	u8 flags = 0;
	u64 more;
	int r;

	if (!(vcpu->pv.steal_msr & KVM_MSR_ENABLED))
		return;
	slot = steal_slot(vcpu, &st);
	if (!slot)
		return;
	more = stolen(&vcpu->pv);
	r = write_steal(st, more, &flags);
	kvm_slot_mark_dirty(vcpu, slot, vcpu->pv.steal_msr >> PAGE_SHIFT);
	if (!r || flags)
		vcpu->pv.preempted_shown = false;
	if (r)
		vcpu->pv.steal_seen -= more;
	if (r == -EAGAIN)
		kvm_make_request(vcpu, KVM_REQ_STEAL);
	if ((flags & KVM_VCPU_FLUSH_TLB) && kvm_pv_may_use(vcpu, KVM_FEATURE_PV_TLB_FLUSH))
		vmx_flush_guest_tlb(vcpu);
}

static void show_preempted(struct kvm_vcpu *vcpu)
{
	static const u8 preempted = KVM_VCPU_PREEMPTED;
	struct kvm_steal_time __user *st;
	const struct kvm_memslot *slot;
	int idx;

	/* The thread may be on its way out, without the memory of the VM. */
	if (current->mm != vcpu->kvm->mm)
		return;
	idx = srcu_read_lock(&vcpu->kvm->srcu);
	slot = steal_slot(vcpu, &st);
	/* A page that is not there now is not waited for: others will send an IPI. */
	if (slot && !copy_to_user_nofault(&st->preempted, &preempted, sizeof(preempted))) {
		kvm_slot_mark_dirty(vcpu, slot, vcpu->pv.steal_msr >> PAGE_SHIFT);
		vcpu->pv.preempted_shown = true;
		vcpu->stat.preemption_reported++;
	}
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
}

/**
 * kvm_pv_load - the vCPU comes to a CPU
 * @vcpu: the vCPU
 * @cpu: where it is now
 *
 * Context: atomic.
 */
void kvm_pv_load(struct kvm_vcpu *vcpu, int cpu)
{
	if (vcpu->pv.steal_msr & KVM_MSR_ENABLED)
		kvm_make_request(vcpu, KVM_REQ_STEAL);
	/* Without a clock for all, each page is right for its CPU, and not for long. */
	if ((vcpu->pv.system_time_msr & KVM_MSR_ENABLED) &&
	    !READ_ONCE(vcpu->kvm->pv.master_valid) &&
	    (cpu != vcpu->pv.clock_cpu || time_after(jiffies, vcpu->pv.clock_written + HZ)))
		kvm_make_request(vcpu, KVM_REQ_CLOCK);
}

/**
 * kvm_pv_put - the vCPU does not run for now
 * @vcpu: the vCPU
 *
 * Context: atomic, the scheduler's lock may be held.
 */
void kvm_pv_put(struct kvm_vcpu *vcpu)
{
	if ((vcpu->pv.steal_msr & KVM_MSR_ENABLED) && !vcpu->pv.preempted_shown)
		show_preempted(vcpu);
}
