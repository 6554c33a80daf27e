// SPDX-License-Identifier: GPL-2.0-only
/* Module init and exit, /dev/kvm. */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include "async_pf.h"
#include "compat/compat.h"
#include "cpuid.h"
#include "ioctl.h"
#include "irqfd.h"
#include "mmu.h"
#include "msr.h"
#include "pv.h"
#include "state.h"
#include "vcpu.h"
#include "vmx.h"

static long ioctl_get_api_version(struct kvm_ioctl_args *a)
{
	return a->raw ? -EINVAL : KVM_API_VERSION;
}

static long ioctl_create_vm(struct kvm_ioctl_args *a)
{
	return kvm_dev_ioctl_create_vm(a->raw);
}

static long ioctl_check_extension(struct kvm_ioctl_args *a)
{
	return kvm_check_extension(NULL, a->raw);
}

static long ioctl_get_vcpu_mmap_size(struct kvm_ioctl_args *a)
{
	return a->raw ? -EINVAL : KVM_VCPU_MMAP_PAGES * PAGE_SIZE;
}

static const struct kvm_ioctl dev_ioctls[] = {
	KVM_IOCTL(KVM_GET_API_VERSION, ioctl_get_api_version, KVM_IOC_VALUE, 0),
	KVM_IOCTL(KVM_CREATE_VM, ioctl_create_vm, KVM_IOC_VALUE, 0),
	KVM_IOCTL(KVM_GET_MSR_INDEX_LIST, kvm_dev_ioctl_get_msr_index_list,
		  KVM_IOC_TAIL | KVM_IOC_OUT_E2BIG, 0),
	KVM_IOCTL(KVM_CHECK_EXTENSION, ioctl_check_extension, KVM_IOC_VALUE, 0),
	KVM_IOCTL(KVM_GET_VCPU_MMAP_SIZE, ioctl_get_vcpu_mmap_size, KVM_IOC_VALUE, 0),
	KVM_IOCTL(KVM_GET_SUPPORTED_CPUID, kvm_dev_ioctl_get_supported_cpuid,
		  KVM_IOC_TAIL | KVM_IOC_OUT_E2BIG, KVM_CAP_EXT_CPUID),
	KVM_IOCTL(KVM_GET_EMULATED_CPUID, kvm_dev_ioctl_get_emulated_cpuid,
		  KVM_IOC_TAIL | KVM_IOC_OUT_E2BIG, KVM_CAP_EXT_EMUL_CPUID),
	KVM_IOCTL(KVM_GET_MSR_FEATURE_INDEX_LIST, kvm_dev_ioctl_get_msr_feature_index_list,
		  KVM_IOC_TAIL | KVM_IOC_OUT_E2BIG, KVM_CAP_GET_MSR_FEATURES),
	KVM_IOCTL(KVM_GET_MSRS, kvm_ioctl_get_msrs, KVM_IOC_TAIL, KVM_CAP_GET_MSR_FEATURES),
	KVM_IOCTL(KVM_X86_GET_MCE_CAP_SUPPORTED, kvm_dev_ioctl_get_mce_cap, 0, KVM_CAP_MCE),
	KVM_IOCTL(KVM_GET_DEVICE_ATTR, kvm_dev_ioctl_get_device_attr, 0, KVM_CAP_SYS_ATTRIBUTES),
	KVM_IOCTL(KVM_HAS_DEVICE_ATTR, kvm_dev_ioctl_has_device_attr, 0, KVM_CAP_SYS_ATTRIBUTES),
};

static struct kvm_ioctl_table dev_table = {
	.entry = dev_ioctls, .count = ARRAY_SIZE(dev_ioctls),
};

static long kvm_dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvm_ioctl_args a = { .file = file, .raw = arg };
	const struct kvm_ioctl *e = kvm_ioctl_find(&dev_table, cmd);

	return e ? kvm_ioctl_dispatch(e, &a) : -EINVAL;
}

static const struct file_operations kvm_dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = kvm_dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice kvm_dev = {
	.minor = KVM_MINOR,
	.name = "kvm",
	.fops = &kvm_dev_fops,
};

/* Caches and tables, and what of the host never changes. */
static int __init kvm_arch_init(void)
{
	int r = kvm_ioctl_index(&dev_table);

	if (!r)
		r = kvm_vm_module_init();
	if (!r)
		r = kvm_mmu_module_init();
	if (r)
		return r;
	r = kvm_vcpu_module_init();
	if (r)
		kvm_mmu_module_exit();
	return r;
}

static void kvm_arch_exit(void)
{
	kvm_vcpu_module_exit();
	kvm_mmu_module_exit();
}

static int __init kvm_arch_hardware_setup(void)
{
	int r = vmx_setup();

	if (r)
		return r;
	r = vmx_percpu_alloc();
	if (r)
		return r;
	r = kvm_cpuid_module_init();
	if (!r)
		r = kvm_msr_module_init();
	if (!r)
		r = vmx_l1d_init();
	if (r)
		vmx_percpu_free();
	return r;
}

static void kvm_arch_hardware_unsetup(void)
{
	vmx_l1d_exit();
	vmx_percpu_free();
}

static int __init kvm_init(void)
{
	char features[160];
	int r;

	r = kvm_arch_init();
	if (r)
		return r;
	r = kvm_irqfd_init();
	if (r)
		goto out_arch;
	r = kvm_arch_hardware_setup();
	if (r)
		goto out_irqfd;
	r = vmx_check_all_cpus();
	if (r)
		goto out_hardware;
	r = vmx_power_init();
	if (r)
		goto out_hardware;
	r = kvm_async_pf_init();
	if (r)
		goto out_notifiers;
	r = kvm_pv_module_init();
	if (r)
		goto out_async_pf;
	r = misc_register(&kvm_dev);
	if (r)
		goto out_pv;
	pr_info("kvmx %s, %s\n", KVMX_VERSION, vmx_feature_line(features, sizeof(features)));
	return 0;

out_pv:
	kvm_pv_module_exit();
out_async_pf:
	kvm_async_pf_exit();
out_notifiers:
	vmx_power_exit();
out_hardware:
	kvm_arch_hardware_unsetup();
out_irqfd:
	kvm_irqfd_exit();
out_arch:
	kvm_arch_exit();
	return r;
}

static void __exit kvm_exit(void)
{
	misc_deregister(&kvm_dev);
	kvm_pv_module_exit();
	kvm_async_pf_exit();
	vmx_power_exit();
	kvm_arch_hardware_unsetup();
	kvm_irqfd_exit();
	kvm_arch_exit();
}

module_init(kvm_init);
module_exit(kvm_exit);

MODULE_AUTHOR("kvmx");
MODULE_DESCRIPTION("/dev/kvm for Intel VT-x");
MODULE_LICENSE("GPL");
MODULE_VERSION(KVMX_VERSION);
MODULE_ALIAS_MISCDEV(KVM_MINOR);
MODULE_ALIAS("devname:kvm");
