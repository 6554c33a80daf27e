// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvmclock: the VM's clock, the pages that show it to the guest, KVM_GET_CLOCK and
 * KVM_SET_CLOCK. Documentation/time.rst.
 */
#include <linux/clocksource.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/pvclock_gtod.h>
#include <linux/timekeeper_internal.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include <asm/kvm_para.h>
#include <asm/msr.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>
#include "compat/compat.h"
#include "ioctl.h"
#include "kick.h"
#include "mmu.h"
#include "state.h"
#include "trace_pv.h"
#include "vcpu.h"

#define CLOCK_FLAGS	(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

static LIST_HEAD(all_vms);
static DEFINE_MUTEX(all_vms_lock);

/* --- the host's clock --- */

static bool host_counts_tsc;

static void tell_vms(struct work_struct *unused)
{
	struct kvm *kvm;

	mutex_lock(&all_vms_lock);
	list_for_each_entry(kvm, &all_vms, pv.link)
		kvm_make_all_cpus_request(kvm, KVM_REQ_MASTERCLOCK);
	mutex_unlock(&all_vms_lock);
}

static DECLARE_WORK(tell_work, tell_vms);

static void queue_tell_work(struct irq_work *unused)
{
	schedule_work(&tell_work);
}

static DEFINE_IRQ_WORK(tell_irq_work, queue_tell_work);

/* Under the timekeeper's lock, where no work may be queued. */
static int host_clock_updated(struct notifier_block *nb, unsigned long was_set, void *timekeeper)
{
	const struct timekeeper *tk = timekeeper;
	bool tsc = tk->tkr_mono.clock->vdso_clock_mode == VDSO_CLOCKMODE_TSC;

	if (tsc != READ_ONCE(host_counts_tsc)) {
		WRITE_ONCE(host_counts_tsc, tsc);
		irq_work_queue(&tell_irq_work);
	}
	return 0;
}

static struct notifier_block host_clock_nb = { .notifier_call = host_clock_updated };

/**
 * kvm_pv_real_time - the host's real time, and the TSC at that moment
 * @ns: receives the time
 * @tsc: receives the host's TSC
 *
 * Return: @tsc is good: the host keeps time by its TSC.
 */
bool kvm_pv_real_time(u64 *ns, u64 *tsc)
{
	struct system_time_snapshot now;

	ktime_get_snapshot(&now);
	*ns = ktime_to_ns(now.real);
	*tsc = now.cycles;
	/* After the snapshot: one of another clock comes after the notifier's write. */
	smp_rmb();
	return READ_ONCE(host_counts_tsc) && !check_tsc_unstable();
}

/* --- the VM's clock; pv.lock held --- */

/* @tsc_good: @tsc is now, and the host's clock counts it. */
static u64 clock_at(const struct kvm_pv_vm *pv, u64 tsc, bool tsc_good)
{
	if (!pv->master_valid)
		return ktime_get_boottime_ns() + pv->clock_offset;
	return kvm_clock_at(&pv->master, tsc_good ? tsc : rdtsc_ordered());
}

static void set_clock(struct kvm_pv_vm *pv, u64 ns, u64 tsc, bool tsc_good)
{
	pv->master_valid = tsc_good;
	pv->master.ns = ns;
	pv->master.tsc = tsc;
	pv->clock_offset = ns - ktime_get_boottime_ns();
}

void kvm_pv_init_vm(struct kvm *kvm)
{
	struct kvm_pv_vm *pv = &kvm->pv;
	u64 real, tsc;
	bool good;

	spin_lock_init(&pv->lock);
	pv->master.ratio = KVM_TSC_RATIO_ONE;
	pv->master.rate = kvm_clock_rate(tsc_khz);
	good = kvm_pv_real_time(&real, &tsc);
	set_clock(pv, 0, tsc, good);
	mutex_lock(&all_vms_lock);
	list_add(&pv->link, &all_vms);
	mutex_unlock(&all_vms_lock);
}

void kvm_pv_free_vm(struct kvm *kvm)
{
	mutex_lock(&all_vms_lock);
	list_del(&kvm->pv.link);
	mutex_unlock(&all_vms_lock);
}

/* --- the host sleeps: one CPU, interrupts off, so no thread changes the list of VMs --- */

static u64 tsc_at_suspend;

static int suspend(void)
{
	struct kvm *kvm;

	tsc_at_suspend = rdtsc();
	list_for_each_entry(kvm, &all_vms, pv.link) {
		struct kvm_pv_vm *pv = &kvm->pv;

		/* The host's clocks may have drifted apart since the anchor was taken. */
		spin_lock(&pv->lock);
		pv->clock_offset = clock_at(pv, tsc_at_suspend, true) - ktime_get_boottime_ns();
		spin_unlock(&pv->lock);
	}
	return 0;
}

/* kvmclock counts the time asleep; the guest's TSC need not, but never goes back. */
static void resume(void)
{
	struct kvm_vcpu *vcpu;
	u64 tsc = rdtsc();
	struct kvm *kvm;
	unsigned long i;

	list_for_each_entry(kvm, &all_vms, pv.link) {
		struct kvm_pv_vm *pv = &kvm->pv;

		spin_lock(&pv->lock);
		set_clock(pv, ktime_get_boottime_ns() + pv->clock_offset, tsc, pv->master_valid);
		spin_unlock(&pv->lock);
		kvm_for_each_vcpu(i, vcpu, kvm) {
			if (tsc < tsc_at_suspend)
				kvm_tsc_host_set_back(vcpu, tsc_at_suspend, tsc);
			kvm_make_request(vcpu, KVM_REQ_CLOCK);
		}
	}
}

KVMX_SYSCORE(suspend, resume);

/**
 * kvm_pv_module_init - follow the host's clock, and its sleep
 *
 * After vmx_power_init(): this side of a suspend VMX is on.
 *
 * Return: 0, or an error of the notifier.
 */
int __init kvm_pv_module_init(void)
{
	int r = pvclock_gtod_register_notifier(&host_clock_nb);

	if (!r)
		kvmx_syscore_register();
	return r;
}

/** kvm_pv_module_exit - undo kvm_pv_module_init() */
void kvm_pv_module_exit(void)
{
	kvmx_syscore_unregister();
	pvclock_gtod_unregister_notifier(&host_clock_nb);
	irq_work_sync(&tell_irq_work);
	cancel_work_sync(&tell_work);
}

/* Do all vCPUs read the same TSC? @ratio and @khz are theirs, or the first one's. */
static bool vcpus_in_step(struct kvm *kvm, u64 *ratio, u32 *khz)
{
	struct kvm_vcpu *vcpu = kvm_get_vcpu(kvm, 0);
	unsigned long i;
	u64 offset;

	*ratio = vcpu ? READ_ONCE(vcpu->tsc.ratio) : KVM_TSC_RATIO_ONE;
	*khz = vcpu ? kvm_tsc_ticks_khz(vcpu) : tsc_khz;
	offset = vcpu ? READ_ONCE(vcpu->tsc.offset) : 0;
	kvm_for_each_vcpu(i, vcpu, kvm)
		if (READ_ONCE(vcpu->tsc.ratio) != *ratio || READ_ONCE(vcpu->tsc.offset) != offset)
			return false;
	return true;
}

/**
 * kvm_pv_masterclock_update - a TSC, or what the host's clock counts, has changed
 * @kvm: the VM
 *
 * The clock itself goes on evenly, whatever it is computed from.
 */
void kvm_pv_masterclock_update(struct kvm *kvm)
{
	struct kvm_pv_vm *pv = &kvm->pv;
	u64 ratio, real, tsc;
	bool in_step, good, changed;
	unsigned long flags;
	u32 khz;

	spin_lock_irqsave(&pv->lock, flags);
	/* In here: who changes a TSC asks for this update afterwards, and the last one is right. */
	in_step = vcpus_in_step(kvm, &ratio, &khz);
	good = kvm_pv_real_time(&real, &tsc);
	changed = in_step != pv->in_step;
	pv->in_step = in_step;
	if (good != pv->master_valid || ratio != pv->master.ratio) {
		set_clock(pv, clock_at(pv, tsc, good), tsc, good);
		pv->master.ratio = ratio;
		pv->master.rate = kvm_clock_rate(khz);
		changed = true;
	}
	spin_unlock_irqrestore(&pv->lock, flags);
	if (changed)
		kvm_make_all_cpus_request(kvm, KVM_REQ_CLOCK);
}

/* --- what the guest sees --- */

/*
 * Writes a clock at @gpa that starts with a version, which is odd meanwhile. The
 * version goes on from the one that is there, for the guest of a migrated VM may
 * be in the middle of reading. Where there is no memory nothing is written.
 */
static void write_versioned(struct kvm_vcpu *vcpu, u64 gpa, const void *data, size_t len)
{
	u32 version;

	if (kvm_read_guest(vcpu, gpa, &version, sizeof(version)))
		return;
	version = (version + 1) | 1;
	if (kvm_write_guest(vcpu, gpa, &version, sizeof(version)))
		return;
	/* A reader that sees any of the new data sees the odd version when it looks again, */
	smp_wmb();
	kvm_write_guest(vcpu, gpa + sizeof(version), data + sizeof(version), len - sizeof(version));
	/* and one that sees the even version sees all of the new data. */
	smp_wmb();
	version++;
	kvm_write_guest(vcpu, gpa, &version, sizeof(version));
}

/* The guest takes the flag down when it has seen it, and not before. */
static u8 stopped_flag(struct kvm_vcpu *vcpu, u64 gpa)
{
	u8 flags = 0;

	kvm_read_guest(vcpu, gpa + offsetof(struct pvclock_vcpu_time_info, flags), &flags, 1);
	flags &= PVCLOCK_GUEST_STOPPED;
	if (vcpu->pv.clock_stopped)
		flags |= PVCLOCK_GUEST_STOPPED;
	vcpu->pv.clock_stopped = false;
	return flags;
}

/**
 * kvm_pv_clock_update - write the vCPU's clock page
 * @vcpu: loaded vCPU; kvm->srcu held
 */
void kvm_pv_clock_update(struct kvm_vcpu *vcpu)
{
	const struct kvm_clock_rate rate = kvm_clock_rate(kvm_tsc_ticks_khz(vcpu));
	struct pvclock_vcpu_time_info page = {
		.tsc_to_system_mul = rate.mul, .tsc_shift = rate.shift,
	};
	struct kvm_pv_vm *pv = &vcpu->kvm->pv;
	u64 gpa = vcpu->pv.system_time_msr, tsc;
	unsigned long flags;

	if (!(gpa & KVM_MSR_ENABLED))
		return;
	gpa &= ~(u64)KVM_MSR_ENABLED;
	spin_lock_irqsave(&pv->lock, flags);
	vcpu->pv.clock_cpu = smp_processor_id();
	if (pv->master_valid) {
		tsc = pv->master.tsc;
		page.system_time = pv->master.ns;
		page.flags = pv->in_step ? PVCLOCK_TSC_STABLE_BIT : 0;
	} else {
		tsc = rdtsc_ordered();
		page.system_time = clock_at(pv, tsc, false);
	}
	spin_unlock_irqrestore(&pv->lock, flags);
	page.tsc_timestamp = kvm_guest_tsc_at(vcpu, tsc);
	page.flags |= stopped_flag(vcpu, gpa);
	vcpu->pv.clock_written = jiffies;
	trace_kvm_pvclock_update(vcpu->vcpu_id, &page);
	write_versioned(vcpu, gpa, &page, sizeof(page));
}

/**
 * kvm_pv_write_wall_clock - tell the guest when its kvmclock was zero
 * @vcpu: the vCPU that asks, own thread
 * @gpa: where, 0 nowhere
 */
void kvm_pv_write_wall_clock(struct kvm_vcpu *vcpu, u64 gpa)
{
	struct kvm *kvm = vcpu->kvm;
	struct pvclock_wall_clock wall = { };
	u64 real, tsc, ns;
	unsigned long flags;
	bool good;
	int idx;

	kvm->pv.wall_clock_gpa = gpa;
	if (!gpa)
		return;
	spin_lock_irqsave(&kvm->pv.lock, flags);
	good = kvm_pv_real_time(&real, &tsc);
	ns = clock_at(&kvm->pv, tsc, good);
	spin_unlock_irqrestore(&kvm->pv.lock, flags);
	real = ns < real ? real - ns : 0;
	wall.sec = div_u64_rem(real, NSEC_PER_SEC, &wall.nsec);
	idx = srcu_read_lock(&kvm->srcu);
	write_versioned(vcpu, gpa, &wall, sizeof(wall));
	srcu_read_unlock(&kvm->srcu, idx);
}

/* --- ioctls --- */

/** kvm_vm_ioctl_get_clock - KVM_GET_CLOCK */
long kvm_vm_ioctl_get_clock(struct kvm_ioctl_args *a)
{
	struct kvm_pv_vm *pv = &a->kvm->pv;
	struct kvm_clock_data *d = a->data;
	unsigned long flags;
	u64 real, tsc;
	bool good;

	spin_lock_irqsave(&pv->lock, flags);
	good = kvm_pv_real_time(&real, &tsc);
	d->clock = clock_at(pv, tsc, good);
	if (good && pv->master_valid) {
		d->flags = KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC;
		if (pv->in_step)
			d->flags |= KVM_CLOCK_TSC_STABLE;
		d->realtime = real;
		d->host_tsc = tsc;
	}
	spin_unlock_irqrestore(&pv->lock, flags);
	return 0;
}

/** kvm_vm_ioctl_set_clock - KVM_SET_CLOCK: -EINVAL for unknown flags */
long kvm_vm_ioctl_set_clock(struct kvm_ioctl_args *a)
{
	const struct kvm_clock_data *d = a->data;
	struct kvm_pv_vm *pv = &a->kvm->pv;
	u64 ns = d->clock, real, tsc;
	unsigned long flags;
	bool good;

	if (d->flags & ~(u32)CLOCK_FLAGS)
		return -EINVAL;
	spin_lock_irqsave(&pv->lock, flags);
	good = kvm_pv_real_time(&real, &tsc);
	/* What has passed since; a host whose clock is behind does not turn the guest's back. */
	if ((d->flags & KVM_CLOCK_REALTIME) && real > d->realtime)
		ns += real - d->realtime;
	set_clock(pv, ns, tsc, good);
	spin_unlock_irqrestore(&pv->lock, flags);
	kvm_make_all_cpus_request(a->kvm, KVM_REQ_CLOCK);
	return 0;
}

/** kvm_vcpu_ioctl_kvmclock_ctrl - KVM_KVMCLOCK_CTRL: -EINVAL if the guest has no clock page */
long kvm_vcpu_ioctl_kvmclock_ctrl(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;

	if (!(vcpu->pv.system_time_msr & KVM_MSR_ENABLED))
		return -EINVAL;
	vcpu->pv.clock_stopped = true;
	kvm_make_request(vcpu, KVM_REQ_CLOCK);
	return 0;
}
