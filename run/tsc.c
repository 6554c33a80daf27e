// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who writes the guest's time-stamp counter: the guest by IA32_TSC and IA32_TSC_ADJUST, user
 * space by these, KVM_SET_TSC_KHZ and KVM_VCPU_TSC_OFFSET. SDM 3B 17.17.
 */
#include <linux/math64.h>
#include <linux/uaccess.h>
#include <asm/msr.h>
#include <asm/tsc.h>
#include "irqchip.h"
#include "kick.h"
#include "msr.h"
#include "state.h"
#include "trace_pv.h"

/* What a guest does not notice: as much as NTP may make of the host's frequency. */
#define TOLERANCE_PPM	250

/* --- frequency --- */

static bool near_host(u32 khz)
{
	u32 slack = div_u64((u64)tsc_khz * TOLERANCE_PPM, 1000000);

	return khz + (u64)slack >= tsc_khz && khz <= tsc_khz + (u64)slack;
}

/* The multiplier for @khz, 0 if this CPU cannot count so. */
static u64 ratio_for(u32 khz)
{
	if (khz == tsc_khz || (!vmx_caps.tsc_scaling && near_host(khz)))
		return KVM_TSC_RATIO_ONE;
	return vmx_caps.tsc_scaling ? kvm_tsc_ratio(khz, tsc_khz) : 0;
}

/* 0 is the host's own frequency; 0 if it cannot be had. */
static u32 frequency_asked(unsigned long khz)
{
	if (!khz)
		return tsc_khz;
	return khz > INT_MAX || !ratio_for(khz) ? 0 : khz;
}

/**
 * kvm_tsc_init_vcpu - a new vCPU counts at the VM's frequency
 * @vcpu: the vCPU, before its first reset
 */
void kvm_tsc_init_vcpu(struct kvm_vcpu *vcpu)
{
	u32 khz = READ_ONCE(vcpu->kvm->settings.default_tsc_khz);

	vcpu->tsc.khz = khz;
	vcpu->tsc.ratio = ratio_for(khz);
}

/** kvm_vcpu_ioctl_set_tsc_khz - KVM_SET_TSC_KHZ on a vCPU, whose TSC goes on at the new rate */
long kvm_vcpu_ioctl_set_tsc_khz(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	u64 now = kvm_read_guest_tsc(vcpu);
	u32 khz = frequency_asked(a->raw);

	if (!khz)
		return -EINVAL;
	if (vcpu->apic)
		kvm_apic_timer_tsc_changes(vcpu);
	vcpu->tsc.khz = khz;
	WRITE_ONCE(vcpu->tsc.ratio, ratio_for(khz));
	kvm_synchronize_tsc(vcpu, now);
	return 0;
}

/** kvm_vcpu_ioctl_get_tsc_khz - KVM_GET_TSC_KHZ on a vCPU */
long kvm_vcpu_ioctl_get_tsc_khz(struct kvm_ioctl_args *a)
{
	return check_tsc_unstable() ? -EIO : a->vcpu->tsc.khz;
}

/** kvm_vm_ioctl_set_tsc_khz - KVM_SET_TSC_KHZ on a VM: for vCPUs to come */
long kvm_vm_ioctl_set_tsc_khz(struct kvm_ioctl_args *a)
{
	u32 khz = frequency_asked(a->raw);

	if (!khz)
		return -EINVAL;
	WRITE_ONCE(a->kvm->settings.default_tsc_khz, khz);
	return 0;
}

/** kvm_vm_ioctl_get_tsc_khz - KVM_GET_TSC_KHZ on a VM */
long kvm_vm_ioctl_get_tsc_khz(struct kvm_ioctl_args *a)
{
	return check_tsc_unstable() ? -EIO : a->kvm->settings.default_tsc_khz;
}

/* --- value --- */

/** kvm_tsc_reload - KVM_REQ_TSC: what follows from vcpu->tsc_offset */
void kvm_tsc_reload(struct kvm_vcpu *vcpu)
{
	vmx_set_tsc_offset(vcpu);
	if (vcpu->apic)
		kvm_apic_timer_tsc_changed(vcpu);
}

static void set_tsc_offset(struct kvm_vcpu *vcpu, u64 offset)
{
	trace_kvm_write_tsc_offset(vcpu->vcpu_id, vcpu->tsc.offset, offset);
	WRITE_ONCE(vcpu->tsc.offset, offset);
	kvm_tsc_reload(vcpu);
	/* kvmclock counts from the new value, and may no longer be the same for all vCPUs. */
	kvm_make_request(vcpu, KVM_REQ_MASTERCLOCK);
	kvm_make_request(vcpu, KVM_REQ_CLOCK);
}

/**
 * kvm_synchronize_tsc - a vCPU starts, or user space writes its TSC
 * @vcpu: the vCPU
 * @val: the value asked for
 *
 * User space gives the vCPUs of a VM their values one after the other, and
 * guests need them equal to the tick. So a value within a second of another
 * vCPU's TSC, or zero, means that TSC.
 */
void kvm_synchronize_tsc(struct kvm_vcpu *vcpu, u64 val)
{
	u64 now = kvm_tsc_scale(rdtsc(), vcpu->tsc.ratio);
	u64 offset = val - now, second = (u64)vcpu->tsc.khz * 1000;
	struct kvm_vcpu *other;
	unsigned long i;

	kvm_for_each_vcpu(i, other, vcpu->kvm) {
		u64 theirs = READ_ONCE(other->tsc.offset);

		if (other == vcpu || READ_ONCE(other->tsc.ratio) != vcpu->tsc.ratio)
			continue;
		if (val == 0 || theirs - offset + second <= 2 * second) {
			offset = theirs;
			break;
		}
	}
	set_tsc_offset(vcpu, offset);
}

/* SDM 3B, 17.17.3: a guest that writes either changes both by as much. */
static void guest_sets_tsc(struct kvm_vcpu *vcpu, u64 val)
{
	u64 delta = val - kvm_read_guest_tsc(vcpu);

	vcpu->tsc.adjust += delta;
	set_tsc_offset(vcpu, vcpu->tsc.offset + delta);
}

static int get_tsc(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	*val = kvm_read_guest_tsc(vcpu);
	return 0;
}

static int set_tsc(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (host)
		kvm_synchronize_tsc(vcpu, val);
	else
		guest_sets_tsc(vcpu, val);
	return 0;
}

/* User space writes what the guest has written before. */
static int set_tsc_adjust(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (!host)
		set_tsc_offset(vcpu, vcpu->tsc.offset + val - vcpu->tsc.adjust);
	vcpu->tsc.adjust = val;
	return 0;
}

static const struct kvm_msr_row rows[] = {
	{ MSR_IA32_TSC, .get = get_tsc, .set = set_tsc, .flags = KVM_MSR_SAVED },
	{ MSR_IA32_TSC_ADJUST, KVM_MSR_FIELD(tsc.adjust), .set = set_tsc_adjust,
	  .needs = { KVM_MSR_NEED(KVM_F_TSC_ADJUST) }, .flags = KVM_MSR_SAVED },
};

KVM_MSR_TABLE(kvm_msrs_tsc, rows);

/* --- attributes of a vCPU: Documentation/virt/kvm/devices/vcpu.rst of the kernel --- */

static u64 __user *attr_place(const struct kvm_device_attr *attr)
{
	if (attr->group != KVM_VCPU_TSC_CTRL || attr->attr != KVM_VCPU_TSC_OFFSET)
		return (__force u64 __user *)ERR_PTR(-ENXIO);
	return u64_to_user_ptr(attr->addr);
}

/** kvm_vcpu_ioctl_has_device_attr - KVM_HAS_DEVICE_ATTR on a vCPU */
long kvm_vcpu_ioctl_has_device_attr(struct kvm_ioctl_args *a)
{
	return IS_ERR(attr_place(a->data)) ? -ENXIO : 0;
}

/** kvm_vcpu_ioctl_get_device_attr - KVM_GET_DEVICE_ATTR on a vCPU */
long kvm_vcpu_ioctl_get_device_attr(struct kvm_ioctl_args *a)
{
	u64 __user *place = attr_place(a->data);

	if (IS_ERR(place))
		return -ENXIO;
	return put_user(a->vcpu->tsc.offset, place);
}

/** kvm_vcpu_ioctl_set_device_attr - KVM_SET_DEVICE_ATTR on a vCPU: whatever others have */
long kvm_vcpu_ioctl_set_device_attr(struct kvm_ioctl_args *a)
{
	u64 __user *place = attr_place(a->data);
	u64 offset;

	if (IS_ERR(place))
		return -ENXIO;
	if (get_user(offset, place))
		return -EFAULT;
	set_tsc_offset(a->vcpu, offset);
	return 0;
}

static int cap_scaling(struct kvm *kvm)
{
	return vmx_caps.tsc_scaling;
}

static const struct kvm_cap caps[] = {
	{ KVM_CAP_GET_TSC_KHZ, 1 },
	{ KVM_CAP_TSC_CONTROL, .fn = cap_scaling },
	{ KVM_CAP_VM_TSC_CONTROL, .fn = cap_scaling },
	{ KVM_CAP_VCPU_ATTRIBUTES, 1 },
};

KVM_CAP_TABLE(kvm_caps_tsc, caps);
