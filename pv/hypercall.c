// SPDX-License-Identifier: GPL-2.0-only
/* Hypercalls that reach other vCPUs, guest memory or user space; the kernel's hypercalls.rst. */
#include <linux/kvm_para.h>
#include <asm/apicdef.h>
#include <asm/kvm_para.h>
#include "compat/compat.h"
#include "irqchip.h"
#include "kick.h"
#include "mmu.h"
#include "state.h"
#include "vcpu.h"

#define MAP_ATTRIBUTES	GENMASK_ULL(4, 0)
/* SDM 3A 11.6.1; the hypercall's own bitmap says which vCPUs are meant. */
#define ICR_LOGICAL	BIT(11)
#define ICR_SHORTHAND	GENMASK(19, 18)

/* The guest's CPUID has it, or need not: KVM_CAP_ENFORCE_PV_FEATURE_CPUID. */
static bool announced(const struct kvm_vcpu *vcpu, unsigned long nr)
{
	switch (nr) {
	case KVM_HC_KICK_CPU:
		return kvm_pv_may_use(vcpu, KVM_FEATURE_PV_UNHALT);
	case KVM_HC_SEND_IPI:
		return kvm_pv_may_use(vcpu, KVM_FEATURE_PV_SEND_IPI);
	case KVM_HC_SCHED_YIELD:
		return kvm_pv_may_use(vcpu, KVM_FEATURE_PV_SCHED_YIELD);
	case KVM_HC_MAP_GPA_RANGE:
		return vcpu->kvm->pv.hypercall_exits & BIT_ULL(KVM_HC_MAP_GPA_RANGE);
	default:
		return true;
	}
}

/* The halted vCPU goes on; one that is about to halt will not. */
static unsigned long kick_cpu(struct kvm_vcpu *vcpu, u64 apic_id)
{
	struct kvm_vcpu *target = apic_id >> 32 ? NULL : kvm_get_vcpu_by_id(vcpu->kvm, apic_id);

	if (target && target != vcpu && target->apic) {
		kvm_make_request(target, KVM_REQ_UNHALT);
		kvm_vcpu_kick(target);
	}
	return 0;
}

static unsigned long sched_yield(struct kvm_vcpu *vcpu, u64 apic_id)
{
	struct kvm_vcpu *target = apic_id >> 32 ? NULL : kvm_get_vcpu_by_id(vcpu->kvm, apic_id);

	if (target && target != vcpu && READ_ONCE(target->kick.preempted))
		kvm_vcpu_yield_to(target);
	return 0;
}

/* The vCPUs whose ids count from @first, a bit each. How many took it. */
static unsigned long send_to(struct kvm_vcpu *vcpu, struct kvm_apic_msg *msg, u64 first, u64 bits)
{
	unsigned long count = 0;

	for (; bits; bits &= bits - 1) {
		u64 id = first + __ffs64(bits);

		msg->dest = id;
		/* To an xAPIC, FFH is the broadcast: no vCPU has it as its id. */
		if (id == 0xff && !kvm_apic_x2apic(vcpu))
			continue;
		if (id < KVM_MAX_VCPU_IDS && kvm_apic_deliver(vcpu->kvm, vcpu, msg) >= 0)
			count++;
	}
	return count;
}

static unsigned long send_ipi(struct kvm_vcpu *vcpu, const u64 args[4], bool wide)
{
	const u64 icr = args[3];
	struct kvm_apic_msg msg = {
		.vector = icr & APIC_VECTOR_MASK,
		.mode = (icr & APIC_MODE_MASK) >> 8,
		.assert = icr & APIC_INT_ASSERT,
		.level = icr & APIC_INT_LEVELTRIG,
	};

	if (!vcpu->apic)
		return -KVM_EOPNOTSUPP;
	if ((icr & (ICR_LOGICAL | ICR_SHORTHAND)) ||
	    (msg.mode != KVM_DM_FIXED && msg.mode != KVM_DM_NMI))
		return -KVM_EINVAL;
	/* No id is as large, and the sum must not wrap. */
	if (args[2] >> 32)
		return 0;
	return send_to(vcpu, &msg, args[2], args[0]) +
	       send_to(vcpu, &msg, args[2] + (wide ? 64 : 32), args[1]);
}

static unsigned long clock_pairing(struct kvm_vcpu *vcpu, u64 gpa, u64 type)
{
	struct kvm_clock_pairing pair = { };
	u64 ns, tsc;
	u32 nsec;

	if (type != KVM_CLOCK_PAIRING_WALLCLOCK || !kvm_pv_real_time(&ns, &tsc))
		return -KVM_EOPNOTSUPP;
	pair.sec = div_u64_rem(ns, NSEC_PER_SEC, &nsec);
	pair.nsec = nsec;
	pair.tsc = kvm_guest_tsc_at(vcpu, tsc);
	return kvm_write_guest(vcpu, gpa, &pair, sizeof(pair)) ? -KVM_EFAULT : 0;
}

static unsigned long map_gpa_range(struct kvm_vcpu *vcpu, const u64 args[4], bool wide, bool *exit)
{
	const u64 gpa = args[0], npages = args[1], limit = ~vcpu->cpuid.reserved_gpa_bits;
	struct kvm_run *run = vcpu->run;

	/* Emulated instructions cannot wait for an answer. */
	if (!exit)
		return -KVM_ENOSYS;
	if (offset_in_page(gpa) || !npages || gpa > limit ||
	    npages > (limit + 1 - gpa) >> PAGE_SHIFT || (args[2] & ~MAP_ATTRIBUTES))
		return -KVM_EINVAL;
	run->exit_reason = KVM_EXIT_HYPERCALL;
	memset(&run->hypercall, 0, sizeof(run->hypercall));
	run->hypercall.nr = KVM_HC_MAP_GPA_RANGE;
	run->hypercall.args[0] = gpa;
	run->hypercall.args[1] = npages;
	run->hypercall.args[2] = args[2];
	kvmx_hypercall_wide(run, wide);
	*exit = true;
	return 0;
}

unsigned long kvm_pv_hypercall(struct kvm_vcpu *vcpu, unsigned long nr, const u64 args[4],
			       bool wide, bool *exit)
{
	if (!announced(vcpu, nr))
		return -KVM_ENOSYS;
	switch (nr) {
	case KVM_HC_KICK_CPU:
		return kick_cpu(vcpu, args[1]);
	case KVM_HC_CLOCK_PAIRING:
		return clock_pairing(vcpu, args[0], args[1]);
	case KVM_HC_SEND_IPI:
		return send_ipi(vcpu, args, wide);
	case KVM_HC_SCHED_YIELD:
		return sched_yield(vcpu, args[0]);
	case KVM_HC_MAP_GPA_RANGE:
		return map_gpa_range(vcpu, args, wide, exit);
	default:
		return -KVM_ENOSYS;
	}
}
