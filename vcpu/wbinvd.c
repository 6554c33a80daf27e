// SPDX-License-Identifier: GPL-2.0-only
/*
 * WBINVD and INVD of the guest. They matter only to a device that reaches guest memory past
 * the caches. What a vCPU has written is then in the caches of the CPUs where it ran since its
 * last WBINVD, and what other vCPUs have written is theirs to write back: so those CPUs
 * flush, and the rest of the host is left alone.
 */
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/smp.h>
#include <asm/special_insns.h>
#include "mmu.h"
#include "vcpu.h"

int kvm_wbinvd_create(struct kvm_vcpu *vcpu)
{
	return zalloc_cpumask_var(&vcpu->mem.ran_on, GFP_KERNEL_ACCOUNT) ? 0 : -ENOMEM;
}

void kvm_wbinvd_destroy(struct kvm_vcpu *vcpu)
{
	free_cpumask_var(vcpu->mem.ran_on);
}

/**
 * kvm_wbinvd_ran_on - the vCPU is about to run on a CPU where it was not just before
 * @vcpu: the vCPU
 * @cpu: this CPU
 *
 * Also without such a device, which may come later.
 */
void kvm_wbinvd_ran_on(struct kvm_vcpu *vcpu, int cpu)
{
	cpumask_set_cpu(cpu, vcpu->mem.ran_on);
}

static void write_back(void *unused)
{
	wbinvd();
}

/**
 * kvm_wbinvd - the guest executes WBINVD or INVD
 * @vcpu: loaded vCPU, own thread
 *
 * Context: interrupts on.
 */
void kvm_wbinvd(struct kvm_vcpu *vcpu)
{
	int cpu;

	if (!READ_ONCE(vcpu->kvm->mmu.noncoherent))
		return;
	/* Nor does it move between the flush and the note that all is flushed. */
	cpu = get_cpu();
	on_each_cpu_mask(vcpu->mem.ran_on, write_back, NULL, true);
	cpumask_clear(vcpu->mem.ran_on);
	cpumask_set_cpu(cpu, vcpu->mem.ran_on);
	put_cpu();
}
