// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which memory type the guest's memory has: an EPT entry names one, and says whether the guest's
 * PAT has a say as well (SDM 3C 29.3.7.2). MTRRs of the guest never have.
 */
#include "compat/compat.h"
#include "internal.h"
#include "regs.h"
#include "vcpu.h"

/*
 * The guest's PAT counts where a device does not see the caches, or where user space wants it:
 * then the CPU has to keep aliases of other types coherent itself.
 */
static bool pat_counts(struct kvm *kvm)
{
	return kvm->mmu.noncoherent || kvm_quirk_off(kvm, KVM_X86_QUIRK_IGNORE_GUEST_PAT);
}

/**
 * ept_memory_type - the memory type in the EPT entry of a page
 * @kvm: the VM; the read side of mmu.lock is held
 * @vcpu: that touched the page; NULL if user space only wants it mapped
 * @cached: for the host it is ordinary memory
 *
 * The caches of CR0.CD are the host's, and stay on. With a device that does not see them, what a
 * vCPU without caches writes has to pass them by; firmware that forgets to turn them on would
 * crawl then, and so user space has to ask for that.
 *
 * Return: EPT_MT_*, with EPT_IPAT where the guest has no say.
 */
u64 ept_memory_type(struct kvm *kvm, struct kvm_vcpu *vcpu, bool cached)
{
	if (!cached)
		return EPT_MT_UC;
	if (vcpu && kvm_mmu_cd_counts(kvm) && (kvm_cr0_read(vcpu) & X86_CR0_CD))
		return EPT_MT_UC | EPT_IPAT;
	return EPT_MT_WB | (pat_counts(kvm) ? 0 : EPT_IPAT);
}
