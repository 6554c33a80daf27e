// SPDX-License-Identifier: GPL-2.0-only
/* The ioctls about MSRs. Documentation/virt/kvm/api.rst, 4.3, 4.18, 4.19. */
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <asm/msr-index.h>
#include "run.h"
#include "state.h"

/* As many MSRs one call may ask for. */
#define MAX_IO_MSRS	256

/* What a guest's state consists of; EFER, APIC_BASE, FS and GS base are in KVM_GET_SREGS. */
static const u32 saved_msrs[] = {
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_KERNEL_GS_BASE,
	MSR_IA32_CR_PAT, MSR_IA32_TSC, MSR_IA32_TSC_ADJUST, MSR_IA32_TSC_DEADLINE, MSR_TSC_AUX,
	MSR_IA32_MISC_ENABLE, MSR_IA32_FEAT_CTL, MSR_IA32_MCG_STATUS, MSR_IA32_MCG_CTL,
	MSR_IA32_SMBASE, MSR_PLATFORM_INFO, MSR_MISC_FEATURES_ENABLES, MSR_IA32_UCODE_REV,
	MSR_IA32_ARCH_CAPABILITIES, MSR_IA32_SPEC_CTRL, MSR_K7_HWCR, MSR_IA32_POWER_CTL,
	MSR_IA32_PERF_CAPABILITIES, MSR_SMI_COUNT,
	MSR_MTRRdefType, MSR_MTRRfix64K_00000, MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000,
	MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_C8000, MSR_MTRRfix4K_D0000, MSR_MTRRfix4K_D8000,
	MSR_MTRRfix4K_E0000, MSR_MTRRfix4K_E8000, MSR_MTRRfix4K_F0000, MSR_MTRRfix4K_F8000,
	0x200, 0x201, 0x202, 0x203, 0x204, 0x205, 0x206, 0x207,
	0x208, 0x209, 0x20a, 0x20b, 0x20c, 0x20d, 0x20e, 0x20f,
	MSR_KVM_ASYNC_PF_INT, MSR_KVM_ASYNC_PF_EN, MSR_KVM_ASYNC_PF_ACK,
};

static const u32 feature_msrs[] = {
	MSR_IA32_UCODE_REV, MSR_IA32_ARCH_CAPABILITIES, MSR_IA32_PERF_CAPABILITIES,
	MSR_PLATFORM_INFO,
};

/* Not every host can give a guest every one of saved_msrs. */
static bool offered(u32 index)
{
	switch (index) {
	case MSR_TSC_AUX:
		return kvm_host_offers(KVM_F_RDTSCP) || kvm_host_offers(KVM_F_RDPID);
	case MSR_IA32_SPEC_CTRL:
		return kvm_host_offers(KVM_F_SPEC_CTRL) || kvm_host_offers(KVM_F_SSBD);
	default:
		return true;
	}
}

static long give_list(struct kvm_ioctl_args *a, const u32 *list, u32 n)
{
	struct kvm_msr_list *head = a->data;
	u32 room = head->nmsrs;

	head->nmsrs = n;
	if (room < n)
		return -E2BIG;
	return copy_to_user(a->tail, list, n * sizeof(*list)) ? -EFAULT : 0;
}

/** kvm_dev_ioctl_get_msr_index_list - KVM_GET_MSR_INDEX_LIST */
long kvm_dev_ioctl_get_msr_index_list(struct kvm_ioctl_args *a)
{
	u32 list[ARRAY_SIZE(saved_msrs) + KVM_PV_NR_MSRS], n = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(saved_msrs); i++)
		if (offered(saved_msrs[i]))
			list[n++] = saved_msrs[i];
	memcpy(list + n, kvm_pv_msrs, sizeof(kvm_pv_msrs));
	n += KVM_PV_NR_MSRS;
	return give_list(a, list, n);
}

/** kvm_dev_ioctl_get_msr_feature_index_list - KVM_GET_MSR_FEATURE_INDEX_LIST */
long kvm_dev_ioctl_get_msr_feature_index_list(struct kvm_ioctl_args *a)
{
	return give_list(a, feature_msrs, ARRAY_SIZE(feature_msrs));
}

/* The entries that follow the head; NULL and *@err if they cannot be had. */
static struct kvm_msr_entry *take_entries(struct kvm_ioctl_args *a, u32 *n, long *err)
{
	const struct kvm_msrs *head = a->data;
	struct kvm_msr_entry *ent;
	size_t size;

	*n = head->nmsrs;
	*err = -E2BIG;
	if (*n >= MAX_IO_MSRS)
		return NULL;
	size = *n * sizeof(*ent);
	ent = kvmalloc(size, GFP_KERNEL);
	*err = -ENOMEM;
	if (!ent)
		return NULL;
	if (!copy_from_user(ent, a->tail, size))
		return ent;
	kvfree(ent);
	*err = -EFAULT;
	return NULL;
}

/* @done of @n entries have been read. */
static long give_entries(struct kvm_ioctl_args *a, struct kvm_msr_entry *ent, u32 n, u32 done)
{
	long r = done;

	if (copy_to_user(a->tail, ent, n * sizeof(*ent)))
		r = -EFAULT;
	kvfree(ent);
	return r;
}

/** kvm_ioctl_get_msrs - KVM_GET_MSRS: a vCPU's, or on /dev/kvm the feature MSRs */
long kvm_ioctl_get_msrs(struct kvm_ioctl_args *a)
{
	struct kvm_msr_entry *ent;
	u32 i, n;
	long err;

	ent = take_entries(a, &n, &err);
	if (!ent)
		return err;
	for (i = 0; i < n; i++)
		if (a->vcpu ? kvm_get_msr(a->vcpu, ent[i].index, &ent[i].data, true) :
			      kvm_get_msr_feature(ent[i].index, &ent[i].data))
			break;
	return give_entries(a, ent, n, i);
}

/** kvm_vcpu_ioctl_set_msrs - KVM_SET_MSRS */
long kvm_vcpu_ioctl_set_msrs(struct kvm_ioctl_args *a)
{
	struct kvm_msr_entry *ent;
	u32 i, n;
	long err;
	int idx;

	ent = take_entries(a, &n, &err);
	if (!ent)
		return err;
	/* Some are addresses in the guest's memory. */
	idx = srcu_read_lock(&a->kvm->srcu);
	for (i = 0; i < n; i++)
		if (kvm_set_msr(a->vcpu, ent[i].index, ent[i].data, true))
			break;
	srcu_read_unlock(&a->kvm->srcu, idx);
	kvfree(ent);
	return i;
}
