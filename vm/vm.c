// SPDX-License-Identifier: GPL-2.0-only
/* The VM: its life, its file descriptor, its ioctls. */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <asm/tsc.h>
#include "bus.h"
#include "compat/compat.h"
#include "device.h"
#include "guest_memfd.h"
#include "ioctl.h"
#include "irqchip.h"
#include "mmu.h"
#include "params.h"
#include "state.h"
#include "stats.h"
#include "uapi/kvm_guest_memfd.h"
#include "vcpu.h"

/**
 * kvm_get_kvm - take a reference
 * @kvm: a VM the caller has a reference to
 */
void kvm_get_kvm(struct kvm *kvm)
{
	refcount_inc(&kvm->users);
}

/**
 * kvm_get_kvm_safe - take a reference unless the VM is being destroyed
 * @kvm: the VM; vfio has a pointer without a reference
 */
bool kvm_get_kvm_safe(struct kvm *kvm)
{
	return refcount_inc_not_zero(&kvm->users);
}
EXPORT_SYMBOL_GPL(kvm_get_kvm_safe);

/* KVM_CAP_VM_TYPES: what KVM_CREATE_VM takes, a bit for each. */
#define VM_TYPES	(BIT(KVM_X86_DEFAULT_VM) | BIT(KVM_X86_SW_PROTECTED_VM))

/* What needs no undoing but the memory's own, and the reference to the address space. */
static struct kvm *vm_alloc(unsigned long type)
{
	struct kvm *kvm = kvzalloc(sizeof(*kvm), GFP_KERNEL_ACCOUNT);

	if (!kvm)
		return NULL;
	refcount_set(&kvm->users, 1);
	mutex_init(&kvm->lock);
	mutex_init(&kvm->slots_lock);
	xa_init(&kvm->vcpus.by_idx);
	kvm->settings.max_vcpu_ids = KVM_MAX_VCPU_IDS;
	kvm->creator = task_pid_nr(current);
	kvm->mmu.private_mem = type == KVM_X86_SW_PROTECTED_VM;
	kvm->settings.default_tsc_khz = tsc_khz;
	mmgrab(current->mm);
	kvm->mm = current->mm;
	return kvm;
}

static struct kvm *kvm_create_vm(unsigned long type)
{
	struct kvm *kvm;
	int r = -ENOMEM;

	if (type >= BITS_PER_LONG || !(BIT(type) & VM_TYPES))
		return ERR_PTR(-EINVAL);
	kvm = vm_alloc(type);
	if (!kvm)
		return ERR_PTR(-ENOMEM);
	if (init_srcu_struct(&kvm->srcu))
		goto out_mm;
	r = kvm_irq_init_vm(kvm);
	if (r)
		goto out_srcu;
	r = kvm_memslots_init(kvm);
	if (r)
		goto out_irq;
	kvmx_params_hold();
	r = kvm_hardware_get();
	if (r)
		goto out_slots;
	r = kvm_mmu_init_vm(kvm);
	if (r)
		goto out_hardware;
	r = kvm_coalesced_mmio_init(kvm);
	if (r)
		goto out_mmu;
	INIT_LIST_HEAD(&kvm->devices);
	kvm_irqfd_init_vm(kvm);
	kvm_pv_init_vm(kvm);
	preempt_notifier_inc();
	vmx_l1d_warn();
	return kvm;

out_mmu:
	kvm_mmu_release_vm(kvm);
	kvm_mmu_destroy_vm(kvm);
out_hardware:
	kvm_hardware_put();
out_slots:
	kvmx_params_release();
	kvm_memslots_free(kvm);
out_irq:
	kvm_irq_free_vm(kvm);
out_srcu:
	cleanup_srcu_struct(&kvm->srcu);
out_mm:
	mmdrop(kvm->mm);
	kvfree(kvm);
	return ERR_PTR(r);
}

static void kvm_destroy_vm(struct kvm *kvm)
{
	struct mm_struct *mm = kvm->mm;

	/* No callback of the host's memory management after this. */
	kvm_mmu_release_vm(kvm);
	kvm_irq_stop_vm(kvm);
	kvm_pv_free_vm(kvm);
	kvm_destroy_vcpus(kvm);
	kvm_bus_free(kvm);
	kvm_ioeventfd_free(kvm);
	kvm_irq_free_vm(kvm);
	kvm_coalesced_mmio_free(kvm);
	kvm_msr_filter_free(kvm);
	kvm_mmu_destroy_vm(kvm);
	if (kvm->irq.access_page)
		__free_page(kvm->irq.access_page);
	kvm_memslots_free(kvm);
	cleanup_srcu_struct(&kvm->srcu);
	preempt_notifier_dec();
	kvm_hardware_put();
	kvmx_params_release();
	kvfree(kvm);
	mmdrop(mm);
}

/**
 * kvm_put_kvm - give a reference back; the last one destroys the VM
 * @kvm: the VM
 *
 * Context: may sleep.
 */
void kvm_put_kvm(struct kvm *kvm)
{
	if (refcount_dec_and_test(&kvm->users))
		kvm_destroy_vm(kvm);
}
EXPORT_SYMBOL_GPL(kvm_put_kvm);

static long ioctl_create_vcpu(struct kvm_ioctl_args *a)
{
	return a->raw >> 32 ? -EINVAL : kvm_vm_ioctl_create_vcpu(a->kvm, a->raw);
}

static long ioctl_check_extension(struct kvm_ioctl_args *a)
{
	return kvm_check_extension(a->kvm, a->raw);
}

/* Three pages below 4 GiB; unrestricted guests need no TSS there, so it is only kept. */
static long ioctl_set_tss_addr(struct kvm_ioctl_args *a)
{
	if (a->raw > (u32)(-3 * PAGE_SIZE))
		return -EINVAL;
	a->kvm->settings.tss_addr = a->raw;
	return 0;
}

static long ioctl_set_identity_map_addr(struct kvm_ioctl_args *a)
{
	struct kvm *kvm = a->kvm;
	long r = 0;

	mutex_lock(&kvm->lock);
	if (kvm->vcpus.created)
		r = -EINVAL;
	else
		kvm->settings.identity_map_addr = *(u64 *)a->data;
	mutex_unlock(&kvm->lock);
	return r;
}

static long ioctl_set_boot_cpu_id(struct kvm_ioctl_args *a)
{
	struct kvm *kvm = a->kvm;
	long r = 0;

	mutex_lock(&kvm->lock);
	if (a->raw >= kvm->settings.max_vcpu_ids)
		r = -EINVAL;
	else if (kvm->vcpus.created)
		r = -EBUSY;
	else
		kvm->settings.boot_cpu_id = a->raw;
	mutex_unlock(&kvm->lock);
	return r;
}

static const struct kvm_ioctl vm_ioctls[] = {
	KVM_IOCTL(KVM_CHECK_EXTENSION, ioctl_check_extension, KVM_IOC_VALUE,
		  KVM_CAP_CHECK_EXTENSION_VM),
	KVM_IOCTL(KVM_CREATE_VCPU, ioctl_create_vcpu, KVM_IOC_VALUE, 0),
	KVM_IOCTL(KVM_SET_NR_MMU_PAGES, kvm_vm_ioctl_set_nr_mmu_pages, KVM_IOC_VALUE,
		  KVM_CAP_MMU_SHADOW_CACHE_CONTROL),
	KVM_IOCTL(KVM_GET_NR_MMU_PAGES, kvm_vm_ioctl_get_nr_mmu_pages, KVM_IOC_VALUE,
		  KVM_CAP_MMU_SHADOW_CACHE_CONTROL),
	KVM_IOCTL(KVM_GET_DIRTY_LOG, kvm_vm_ioctl_get_dirty_log, 0, 0),
	KVM_IOCTL(KVM_RESET_DIRTY_RINGS, kvm_vm_ioctl_reset_dirty_rings, KVM_IOC_VALUE,
		  KVM_CAP_DIRTY_LOG_RING),
	KVM_IOCTL(KVM_CLEAR_DIRTY_LOG, kvm_vm_ioctl_clear_dirty_log, 0,
		  KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2),
	KVM_IOCTL(KVM_SET_USER_MEMORY_REGION, kvm_vm_ioctl_set_memory_region, 0,
		  KVM_CAP_USER_MEMORY),
	KVM_IOCTL(KVM_SET_USER_MEMORY_REGION2, kvm_vm_ioctl_set_memory_region2, 0,
		  KVM_CAP_USER_MEMORY2),
	KVM_IOCTL(KVM_SET_MEMORY_ATTRIBUTES, kvm_vm_ioctl_set_memory_attributes, 0,
		  KVM_CAP_MEMORY_ATTRIBUTES),
	KVM_IOCTL(KVM_CREATE_GUEST_MEMFD, kvm_vm_ioctl_create_guest_memfd, KVM_IOC_NOCOPYOUT,
		  KVM_CAP_GUEST_MEMFD),
	KVM_IOCTL(KVM_SET_TSS_ADDR, ioctl_set_tss_addr, KVM_IOC_VALUE, KVM_CAP_SET_TSS_ADDR),
	KVM_IOCTL(KVM_SET_IDENTITY_MAP_ADDR, ioctl_set_identity_map_addr, 0,
		  KVM_CAP_SET_IDENTITY_MAP_ADDR),
	KVM_IOCTL(KVM_IRQ_LINE_STATUS, kvm_vm_ioctl_irq_line_status, 0,
		  KVM_CAP_IRQ_INJECT_STATUS),
	KVM_IOCTL(KVM_REGISTER_COALESCED_MMIO, kvm_vm_ioctl_register_coalesced, 0,
		  KVM_CAP_COALESCED_MMIO),
	KVM_IOCTL(KVM_UNREGISTER_COALESCED_MMIO, kvm_vm_ioctl_unregister_coalesced, 0,
		  KVM_CAP_COALESCED_MMIO),
	KVM_IOCTL(KVM_CREATE_IRQCHIP, kvm_vm_ioctl_create_irqchip, KVM_IOC_VALUE, KVM_CAP_IRQCHIP),
	KVM_IOCTL(KVM_GET_IRQCHIP, kvm_vm_ioctl_get_irqchip, 0, KVM_CAP_IRQCHIP),
	KVM_IOCTL(KVM_SET_IRQCHIP, kvm_vm_ioctl_set_irqchip, KVM_IOC_IN, KVM_CAP_IRQCHIP),
	KVM_IOCTL(KVM_IRQ_LINE, kvm_vm_ioctl_irq_line, 0, KVM_CAP_IRQCHIP),
	KVM_IOCTL(KVM_SET_GSI_ROUTING, kvm_vm_ioctl_set_gsi_routing, KVM_IOC_TAIL,
		  KVM_CAP_IRQ_ROUTING),
	KVM_IOCTL(KVM_SIGNAL_MSI, kvm_vm_ioctl_signal_msi, 0, KVM_CAP_SIGNAL_MSI),
	KVM_IOCTL(KVM_CREATE_PIT, kvm_vm_ioctl_create_pit, KVM_IOC_VALUE, KVM_CAP_PIT),
	KVM_IOCTL(KVM_CREATE_PIT2, kvm_vm_ioctl_create_pit2, 0, KVM_CAP_PIT2),
	KVM_IOCTL(KVM_GET_PIT, kvm_vm_ioctl_get_pit, 0, KVM_CAP_PIT),
	KVM_IOCTL(KVM_SET_PIT, kvm_vm_ioctl_set_pit, KVM_IOC_IN, KVM_CAP_PIT),
	KVM_IOCTL(KVM_GET_PIT2, kvm_vm_ioctl_get_pit2, 0, KVM_CAP_PIT_STATE2),
	KVM_IOCTL(KVM_SET_PIT2, kvm_vm_ioctl_set_pit2, 0, KVM_CAP_PIT_STATE2),
	KVM_IOCTL(KVM_REINJECT_CONTROL, kvm_vm_ioctl_reinject_control, KVM_IOC_TAIL,
		  KVM_CAP_REINJECT_CONTROL),
	KVM_IOCTL(KVM_SET_BOOT_CPU_ID, ioctl_set_boot_cpu_id, KVM_IOC_VALUE,
		  KVM_CAP_SET_BOOT_CPU_ID),
	KVM_IOCTL(KVM_IRQFD, kvm_vm_ioctl_irqfd, 0, KVM_CAP_IRQFD),
	KVM_IOCTL(KVM_IOEVENTFD, kvm_vm_ioctl_ioeventfd, 0, KVM_CAP_IOEVENTFD),
	KVM_IOCTL(KVM_CREATE_DEVICE, kvm_vm_ioctl_create_device, 0, KVM_CAP_DEVICE_CTRL),
	KVM_IOCTL(KVM_SET_CLOCK, kvm_vm_ioctl_set_clock, 0, KVM_CAP_ADJUST_CLOCK),
	KVM_IOCTL(KVM_GET_CLOCK, kvm_vm_ioctl_get_clock, 0, KVM_CAP_ADJUST_CLOCK),
	KVM_IOCTL(KVM_SET_TSC_KHZ, kvm_vm_ioctl_set_tsc_khz, KVM_IOC_VALUE, KVM_CAP_VM_TSC_CONTROL),
	KVM_IOCTL(KVM_ENABLE_CAP, kvm_vm_ioctl_enable_cap, 0, KVM_CAP_ENABLE_CAP_VM),
	KVM_IOCTL(KVM_GET_TSC_KHZ, kvm_vm_ioctl_get_tsc_khz, KVM_IOC_VALUE, KVM_CAP_VM_TSC_CONTROL),
	KVM_IOCTL(KVM_GET_STATS_FD, kvm_vm_ioctl_get_stats_fd, KVM_IOC_VALUE,
		  KVM_CAP_BINARY_STATS_FD),
	KVM_IOCTL(KVM_X86_SET_MSR_FILTER, kvm_vm_ioctl_set_msr_filter, 0, KVM_CAP_X86_MSR_FILTER),
#ifdef CONFIG_COMPAT
	KVM_IOCTL(KVM_X86_SET_MSR_FILTER_COMPAT, kvm_vm_compat_set_msr_filter, 0,
		  KVM_CAP_X86_MSR_FILTER),
#endif
};

static struct kvm_ioctl_table vm_table = {
	.entry = vm_ioctls, .count = ARRAY_SIZE(vm_ioctls),
};

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvm *kvm = file->private_data;
	struct kvm_ioctl_args a = { .kvm = kvm, .file = file, .raw = arg };
	const struct kvm_ioctl *e;

	if (kvm->mm != current->mm || READ_ONCE(kvm->dead))
		return -EIO;
	e = kvm_ioctl_find(&vm_table, cmd);
	return e ? kvm_ioctl_dispatch(e, &a) : -ENOTTY;
}

#ifdef CONFIG_COMPAT
static long vm_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return vm_ioctl(file, cmd, (unsigned long)compat_ptr(arg));
}
#endif

static int vm_release(struct inode *inode, struct file *file)
{
	struct kvm *kvm = file->private_data;

	kvm_irqfd_release_vm(kvm);
	kvm_put_kvm(kvm);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = vm_compat_ioctl,
#endif
	.llseek = noop_llseek,
};

/**
 * kvm_dev_ioctl_create_vm - KVM_CREATE_VM
 * @type: KVM_X86_DEFAULT_VM or KVM_X86_SW_PROTECTED_VM
 *
 * Return: file descriptor; -EINVAL, -ENOMEM, -EMFILE, -EBUSY, -EIO.
 */
long kvm_dev_ioctl_create_vm(unsigned long type)
{
	struct kvm *kvm = kvm_create_vm(type);
	int fd;

	if (IS_ERR(kvm))
		return PTR_ERR(kvm);
	fd = anon_inode_getfd("kvm-vm", &vm_fops, kvm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		kvm_put_kvm(kvm);
	return fd;
}

int __init kvm_vm_module_init(void)
{
	int r = kvm_ioctl_index(&vm_table);

	return r ? r : kvm_device_module_init();
}

static int recommended_vcpus(struct kvm *kvm)
{
	return min_t(int, num_online_cpus(), KVM_MAX_VCPUS);
}

static const struct kvm_cap caps[] = {
	{ KVM_CAP_CHECK_EXTENSION_VM, 1 },
	{ KVM_CAP_ENABLE_CAP_VM, 1 },
	{ KVM_CAP_NR_VCPUS, .fn = recommended_vcpus },
	{ KVM_CAP_MAX_VCPUS, KVM_MAX_VCPUS },
	{ KVM_CAP_MAX_VCPU_ID, KVM_MAX_VCPU_IDS },
	{ KVM_CAP_VM_TYPES, VM_TYPES },
	{ KVM_CAP_GUEST_MEMFD, .fn = kvm_cap_guest_memfd },
	{ KVM_CAP_SET_TSS_ADDR, 1 },
	{ KVM_CAP_SET_IDENTITY_MAP_ADDR, 1 },
	{ KVM_CAP_SET_BOOT_CPU_ID, 1 },
	{ KVM_CAP_PCI_SEGMENT, 1 },
	{ KVM_CAP_HALT_POLL, 1 },
	{ KVM_CAP_X86_DISABLE_EXITS, .fn = kvm_cap_disable_exits },
};

KVM_CAP_TABLE(kvm_caps_vm, caps);
