// SPDX-License-Identifier: GPL-2.0-only
/* The guest's time-stamp counter as it counts: offset and scaling. SDM 3B 17.17, 3C 26.6.5. */
#include <linux/math64.h>
#include <asm/msr.h>
#include <asm/tsc.h>
#include "kick.h"
#include "state.h"

/** kvm_guest_tsc_at - the guest's TSC when the host's was, or will be, @host_tsc */
u64 kvm_guest_tsc_at(const struct kvm_vcpu *vcpu, u64 host_tsc)
{
	return kvm_tsc_scale(host_tsc, vcpu->tsc.ratio) + vcpu->tsc.offset;
}

/** kvm_read_guest_tsc - RDTSC as the guest would have it now */
u64 kvm_read_guest_tsc(struct kvm_vcpu *vcpu)
{
	return kvm_guest_tsc_at(vcpu, rdtsc());
}

/** kvm_guest_ticks_to_host - host ticks in which the guest's TSC advances by @ticks; saturates */
u64 kvm_guest_ticks_to_host(const struct kvm_vcpu *vcpu, u64 ticks)
{
	if (vcpu->tsc.ratio == KVM_TSC_RATIO_ONE)
		return ticks;
	if (ticks >> (64 - KVM_TSC_FRACTION) >= vcpu->tsc.ratio)
		return U64_MAX;
	return mul_u64_u64_div_u64(ticks, KVM_TSC_RATIO_ONE, vcpu->tsc.ratio);
}

/** kvm_tsc_ticks_khz - how fast the guest's TSC counts, whatever it was told */
u32 kvm_tsc_ticks_khz(const struct kvm_vcpu *vcpu)
{
	return vcpu->tsc.ratio == KVM_TSC_RATIO_ONE ? tsc_khz : vcpu->tsc.khz;
}

/**
 * kvm_tsc_host_set_back - the host's TSC has started again from a lower value
 * @vcpu: a vCPU that does not run
 * @from: what the host's TSC was
 * @to: what it is
 */
void kvm_tsc_host_set_back(struct kvm_vcpu *vcpu, u64 from, u64 to)
{
	WRITE_ONCE(vcpu->tsc.offset, vcpu->tsc.offset + kvm_tsc_scale(from, vcpu->tsc.ratio) -
				     kvm_tsc_scale(to, vcpu->tsc.ratio));
	kvm_make_request(vcpu, KVM_REQ_TSC);
}
