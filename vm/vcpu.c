// SPDX-License-Identifier: GPL-2.0-only
/* The vCPU: its life, its file descriptor, loading on a CPU and kicking off it. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat/compat.h"
#include "cpuid.h"
#include "ioctl.h"
#include "irqchip.h"
#include "kick.h"
#include "mmu.h"
#include "run.h"
#include "state.h"
#include "stats.h"
#include "vcpu.h"

static struct kmem_cache *vcpu_cache;

static void free_pages_of(struct kvm_vcpu *vcpu)
{
	if (vcpu->user.pages[KVM_RUN_PAGE])
		__free_page(vcpu->user.pages[KVM_RUN_PAGE]);
	if (vcpu->user.pages[KVM_PIO_PAGE])
		__free_page(vcpu->user.pages[KVM_PIO_PAGE]);
}

static int alloc_pages_of(struct kvm_vcpu *vcpu)
{
	vcpu->user.pages[KVM_RUN_PAGE] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	vcpu->user.pages[KVM_PIO_PAGE] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	/* The VM's, and freed with it. */
	vcpu->user.pages[KVM_COALESCED_PAGE] = virt_to_page(vcpu->kvm->coalesced.ring);
	if (!vcpu->user.pages[KVM_RUN_PAGE] || !vcpu->user.pages[KVM_PIO_PAGE])
		return -ENOMEM;
	vcpu->run = page_address(vcpu->user.pages[KVM_RUN_PAGE]);
	vcpu->user.pio_data = page_address(vcpu->user.pages[KVM_PIO_PAGE]);
	return 0;
}

static void vcpu_free(struct kvm_vcpu *vcpu)
{
	kvm_async_pf_destroy(vcpu);
	if (vcpu->apic)
		kvm_apic_destroy(vcpu);
	if (vcpu->vmx.vmcs01.region)
		vmx_vcpu_free(vcpu);
	kvm_mce_destroy(vcpu);
	kvm_fpu_destroy(vcpu);
	kvm_wbinvd_destroy(vcpu);
	kvm_cpuid_free(vcpu);
	put_pid(rcu_dereference_protected(vcpu->kick.pid, true));
	kvm_ring_free(vcpu);
	free_pages_of(vcpu);
	kmem_cache_free(vcpu_cache, vcpu);
}

static struct kvm_vcpu *vcpu_alloc(struct kvm *kvm, u32 id)
{
	struct kvm_vcpu *vcpu = kmem_cache_zalloc(vcpu_cache, GFP_KERNEL_ACCOUNT);
	int r;

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->kvm = kvm;
	vcpu->vcpu_id = id;
	vcpu->kick.cpu = -1;
	/* With local APICs here all but the first wait for a SIPI. */
	vcpu->halt.mp_state = kvm_irqchip_in_kernel(kvm) && id != kvm->settings.boot_cpu_id ?
			 KVM_MP_STATE_UNINITIALIZED : KVM_MP_STATE_RUNNABLE;
	rcuwait_init(&vcpu->kick.wait);
	kvm_async_pf_create(vcpu);
	kvm_tsc_init_vcpu(vcpu);
	mutex_init(&vcpu->mutex);
	kvm_vcpu_load_init(vcpu);
	r = alloc_pages_of(vcpu);
	if (!r)
		r = kvm_ring_create(vcpu);
	if (!r)
		r = kvm_wbinvd_create(vcpu);
	if (!r)
		r = kvm_fpu_create(vcpu);
	if (!r)
		r = kvm_mce_create(vcpu);
	if (!r)
		r = vmx_vcpu_create(vcpu);
	if (!r && kvm_irqchip_in_kernel(kvm))
		r = kvm_apic_create(vcpu);
	if (r) {
		vcpu_free(vcpu);
		return ERR_PTR(r);
	}
	vcpu_load(vcpu);
	vmx_write_initial_controls(vcpu);
	if (vcpu->apic)
		r = vmx_apicv_init(vcpu);
	if (r) {
		vcpu_put(vcpu);
		vcpu_free(vcpu);
		return ERR_PTR(r);
	}
	kvm_cpuid_init_vcpu(vcpu);
	kvm_vcpu_reset(vcpu, false);
	vcpu_put(vcpu);
	return vcpu;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct kvm_vcpu *vcpu = file->private_data;

	kvm_put_kvm(vcpu->kvm);
	return 0;
}

static vm_fault_t vcpu_fault(struct vm_fault *vmf)
{
	struct kvm_vcpu *vcpu = vmf->vma->vm_file->private_data;

	if (vmf->pgoff < KVM_VCPU_MMAP_PAGES)
		vmf->page = vcpu->user.pages[array_index_nospec(vmf->pgoff, KVM_VCPU_MMAP_PAGES)];
	else
		vmf->page = kvm_ring_page(vcpu, vmf->pgoff);
	if (!vmf->page)
		return VM_FAULT_SIGBUS;
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kvm_vcpu *vcpu = file->private_data;

	/* A copy of the ring would show nothing new. */
	if (((vma->vm_flags & VM_EXEC) || !(vma->vm_flags & VM_SHARED)) &&
	    (kvm_ring_page(vcpu, vma->vm_pgoff) ||
	     kvm_ring_page(vcpu, vma->vm_pgoff + vma_pages(vma) - 1)))
		return -EINVAL;
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static long ioctl_set_signal_mask(struct kvm_ioctl_args *a)
{
	const struct kvm_signal_mask *m = a->data;
	struct kvm_vcpu *vcpu = a->vcpu;
	sigset_t set;

	if (!m) {
		vcpu->user.sigset_active = false;
		return 0;
	}
	if (m->len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, a->tail, sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->user.sigset = set;
	vcpu->user.sigset_active = true;
	return 0;
}

static long ioctl_get_mp_state(struct kvm_ioctl_args *a)
{
	struct kvm_mp_state *s = a->data;
	struct kvm_vcpu *vcpu = a->vcpu;

	if (vcpu->apic) {
		int idx = srcu_read_lock(&vcpu->kvm->srcu);

		/* An INIT or a SIPI moves it. */
		kvm_note_place(vcpu);
		kvm_accept_init_sipi(vcpu);
		srcu_read_unlock(&vcpu->kvm->srcu, idx);
	}
	s->mp_state = vcpu->halt.mp_state;
	/* A kick that came before the HLT ends it. */
	if (s->mp_state == KVM_MP_STATE_HALTED &&
	    (vcpu->pv.unhalted || test_bit(KVM_REQ_UNHALT, &vcpu->kick.requests)))
		s->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

/* Without a local APIC in the kernel a vCPU is always runnable. */
static long ioctl_set_mp_state(struct kvm_ioctl_args *a)
{
	const struct kvm_mp_state *s = a->data;
	struct kvm_vcpu *vcpu = a->vcpu;

	switch (s->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
	case KVM_MP_STATE_SIPI_RECEIVED:
		if (vcpu->apic)
			break;
		fallthrough;
	default:
		return -EINVAL;
	}
	vcpu->halt.mp_state = s->mp_state;
	if (s->mp_state == KVM_MP_STATE_SIPI_RECEIVED) {
		vcpu->halt.mp_state = KVM_MP_STATE_INIT_RECEIVED;
		set_bit(KVM_APIC_SIPI, &vcpu->apic->events);
	}
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return 0;
}

static const struct kvm_ioctl vcpu_ioctls[] = {
	KVM_IOCTL(KVM_RUN, kvm_vcpu_ioctl_run, KVM_IOC_VALUE, 0),
	KVM_IOCTL(KVM_GET_REGS, kvm_vcpu_ioctl_get_regs, 0, 0),
	KVM_IOCTL(KVM_SET_REGS, kvm_vcpu_ioctl_set_regs, 0, 0),
	KVM_IOCTL(KVM_GET_SREGS, kvm_vcpu_ioctl_get_sregs, 0, 0),
	KVM_IOCTL(KVM_SET_SREGS, kvm_vcpu_ioctl_set_sregs, 0, 0),
	KVM_IOCTL(KVM_TRANSLATE, kvm_vcpu_ioctl_translate, 0, 0),
	KVM_IOCTL(KVM_INTERRUPT, kvm_vcpu_ioctl_interrupt, 0, 0),
	KVM_IOCTL(KVM_GET_MSRS, kvm_ioctl_get_msrs, KVM_IOC_TAIL, 0),
	KVM_IOCTL(KVM_SET_MSRS, kvm_vcpu_ioctl_set_msrs, KVM_IOC_TAIL, 0),
	KVM_IOCTL(KVM_SET_CPUID, kvm_vcpu_ioctl_set_cpuid, KVM_IOC_TAIL, 0),
	KVM_IOCTL(KVM_SET_SIGNAL_MASK, ioctl_set_signal_mask,
		  KVM_IOC_NOLOAD | KVM_IOC_TAIL | KVM_IOC_NULL_OK, 0),
	KVM_IOCTL(KVM_GET_FPU, kvm_vcpu_ioctl_get_fpu, KVM_IOC_NOLOAD, 0),
	KVM_IOCTL(KVM_SET_FPU, kvm_vcpu_ioctl_set_fpu, KVM_IOC_NOLOAD, 0),
	KVM_IOCTL(KVM_SET_CPUID2, kvm_vcpu_ioctl_set_cpuid2, KVM_IOC_TAIL, KVM_CAP_EXT_CPUID),
	KVM_IOCTL(KVM_GET_CPUID2, kvm_vcpu_ioctl_get_cpuid2, KVM_IOC_TAIL, KVM_CAP_EXT_CPUID),
	KVM_IOCTL(KVM_GET_LAPIC, kvm_vcpu_ioctl_get_lapic, 0, KVM_CAP_IRQCHIP),
	KVM_IOCTL(KVM_SET_LAPIC, kvm_vcpu_ioctl_set_lapic, 0, KVM_CAP_IRQCHIP),
	KVM_IOCTL(KVM_TPR_ACCESS_REPORTING, kvm_vcpu_ioctl_tpr_access_reporting, 0, KVM_CAP_VAPIC),
	KVM_IOCTL(KVM_SET_VAPIC_ADDR, kvm_vcpu_ioctl_set_vapic_addr, 0, KVM_CAP_VAPIC),
	KVM_IOCTL(KVM_GET_MP_STATE, ioctl_get_mp_state, 0, KVM_CAP_MP_STATE),
	KVM_IOCTL(KVM_SET_MP_STATE, ioctl_set_mp_state, 0, KVM_CAP_MP_STATE),
	KVM_IOCTL(KVM_NMI, kvm_vcpu_ioctl_nmi, 0, KVM_CAP_USER_NMI),
	KVM_IOCTL(KVM_SET_GUEST_DEBUG, kvm_vcpu_ioctl_set_guest_debug, 0, KVM_CAP_SET_GUEST_DEBUG),
	KVM_IOCTL(KVM_X86_SETUP_MCE, kvm_vcpu_ioctl_setup_mce, KVM_IOC_NOLOAD, KVM_CAP_MCE),
	KVM_IOCTL(KVM_X86_SET_MCE, kvm_vcpu_ioctl_set_mce, 0, KVM_CAP_MCE),
	KVM_IOCTL(KVM_GET_VCPU_EVENTS, kvm_vcpu_ioctl_get_vcpu_events, 0, KVM_CAP_VCPU_EVENTS),
	KVM_IOCTL(KVM_SET_VCPU_EVENTS, kvm_vcpu_ioctl_set_vcpu_events, 0, KVM_CAP_VCPU_EVENTS),
	KVM_IOCTL(KVM_GET_DEBUGREGS, kvm_vcpu_ioctl_get_debugregs, 0, KVM_CAP_DEBUGREGS),
	KVM_IOCTL(KVM_SET_DEBUGREGS, kvm_vcpu_ioctl_set_debugregs, 0, KVM_CAP_DEBUGREGS),
	KVM_IOCTL(KVM_SET_TSC_KHZ, kvm_vcpu_ioctl_set_tsc_khz, KVM_IOC_VALUE, KVM_CAP_GET_TSC_KHZ),
	KVM_IOCTL(KVM_GET_TSC_KHZ, kvm_vcpu_ioctl_get_tsc_khz, KVM_IOC_VALUE, KVM_CAP_GET_TSC_KHZ),
	KVM_IOCTL(KVM_ENABLE_CAP, kvm_vcpu_ioctl_enable_cap, 0, KVM_CAP_ENABLE_CAP),
	KVM_IOCTL(KVM_GET_XSAVE, kvm_vcpu_ioctl_get_xsave, KVM_IOC_NOLOAD, KVM_CAP_XSAVE),
	KVM_IOCTL(KVM_SET_XSAVE, kvm_vcpu_ioctl_set_xsave, KVM_IOC_NOLOAD | KVM_IOC_TAIL,
		  KVM_CAP_XSAVE),
	KVM_IOCTL(KVM_GET_XCRS, kvm_vcpu_ioctl_get_xcrs, KVM_IOC_NOLOAD, KVM_CAP_XCRS),
	KVM_IOCTL(KVM_SET_XCRS, kvm_vcpu_ioctl_set_xcrs, 0, KVM_CAP_XCRS),
	KVM_IOCTL(KVM_GET_NESTED_STATE, kvm_vcpu_ioctl_get_nested_state,
		  KVM_IOC_NOLOAD | KVM_IOC_OUT_E2BIG, KVM_CAP_NESTED_STATE),
	KVM_IOCTL(KVM_SET_NESTED_STATE, kvm_vcpu_ioctl_set_nested_state, KVM_IOC_NOLOAD,
		  KVM_CAP_NESTED_STATE),
	KVM_IOCTL(KVM_GET_SREGS2, kvm_vcpu_ioctl_get_sregs2, 0, KVM_CAP_SREGS2),
	KVM_IOCTL(KVM_SET_SREGS2, kvm_vcpu_ioctl_set_sregs2, 0, KVM_CAP_SREGS2),
	KVM_IOCTL(KVM_GET_XSAVE2, kvm_vcpu_ioctl_get_xsave2, KVM_IOC_NOLOAD | KVM_IOC_NOCOPYOUT,
		  KVM_CAP_XSAVE2),
	KVM_IOCTL(KVM_GET_STATS_FD, kvm_vcpu_ioctl_get_stats_fd, KVM_IOC_VALUE | KVM_IOC_ASYNC,
		  KVM_CAP_BINARY_STATS_FD),
	KVM_IOCTL(KVM_PRE_FAULT_MEMORY, kvm_vcpu_ioctl_pre_fault_memory, KVM_IOC_NOLOAD,
		  KVM_CAP_PRE_FAULT_MEMORY),
	KVM_IOCTL(KVM_KVMCLOCK_CTRL, kvm_vcpu_ioctl_kvmclock_ctrl, 0, KVM_CAP_KVMCLOCK_CTRL),
	KVM_IOCTL(KVM_SET_DEVICE_ATTR, kvm_vcpu_ioctl_set_device_attr, 0, KVM_CAP_VCPU_ATTRIBUTES),
	KVM_IOCTL(KVM_GET_DEVICE_ATTR, kvm_vcpu_ioctl_get_device_attr, 0, KVM_CAP_VCPU_ATTRIBUTES),
	KVM_IOCTL(KVM_HAS_DEVICE_ATTR, kvm_vcpu_ioctl_has_device_attr, 0, KVM_CAP_VCPU_ATTRIBUTES),
};

static struct kvm_ioctl_table vcpu_table = {
	.entry = vcpu_ioctls, .count = ARRAY_SIZE(vcpu_ioctls),
};

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvm_vcpu *vcpu = file->private_data;
	struct kvm_ioctl_args a = {
		.kvm = vcpu->kvm, .vcpu = vcpu, .file = file, .raw = arg,
	};
	const struct kvm_ioctl *e;
	long r;

	if (vcpu->kvm->mm != current->mm || READ_ONCE(vcpu->kvm->dead))
		return -EIO;
	e = kvm_ioctl_find(&vcpu_table, cmd);
	if (!e)
		return -EINVAL;
	if (e->flags & KVM_IOC_ASYNC)
		return kvm_ioctl_dispatch(e, &a);
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	if (!(e->flags & KVM_IOC_NOLOAD))
		vcpu_load(vcpu);
	r = kvm_ioctl_dispatch(e, &a);
	if (!(e->flags & KVM_IOC_NOLOAD))
		vcpu_put(vcpu);
	mutex_unlock(&vcpu->mutex);
	return r;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};

static bool id_taken(struct kvm *kvm, u32 id)
{
	struct kvm_vcpu *v;
	unsigned long i;

	xa_for_each(&kvm->vcpus.by_idx, i, v)
		if (v->vcpu_id == id)
			return true;
	return false;
}

/* What was asked of all vCPUs while this one was being made. */
static void catch_up(struct kvm_vcpu *vcpu)
{
	kvm_make_request(vcpu, KVM_REQ_INTERCEPTS);
	if (!vcpu->apic)
		return;
	kvm_apic_map_changed(vcpu->kvm);
	kvm_make_request(vcpu, KVM_REQ_SCAN_IOAPIC);
	kvm_make_request(vcpu, KVM_REQ_APICV);
}

/*
 * kvm->lock held: the id is free and the vCPU gets its index and its file descriptor.
 * Other threads find it by the index only when nothing can fail any more. User space has the
 * descriptor only after that: by then a request to all vCPUs reaches this one too.
 */
static long publish(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	struct file *file;
	char name[32];
	int r, fd;

	if (id_taken(kvm, vcpu->vcpu_id))
		return -EEXIST;
	vcpu->vcpu_idx = atomic_read(&kvm->vcpus.online);
	r = xa_reserve(&kvm->vcpus.by_idx, vcpu->vcpu_idx, GFP_KERNEL_ACCOUNT);
	if (r)
		return r;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		r = fd;
		goto out_index;
	}
	snprintf(name, sizeof(name), "kvm-vcpu:%d", vcpu->vcpu_id);
	file = anon_inode_getfile(name, &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		r = PTR_ERR(file);
		goto out_fd;
	}
	kvm_get_kvm(kvm);
	/* The place is reserved. */
	xa_store(&kvm->vcpus.by_idx, vcpu->vcpu_idx, vcpu, GFP_KERNEL_ACCOUNT);
	/* A reader of the new count, as kvm_for_each_vcpu(), finds the entry. */
	smp_wmb();
	atomic_inc(&kvm->vcpus.online);
	catch_up(vcpu);
	fd_install(fd, file);
	return fd;

out_fd:
	put_unused_fd(fd);
out_index:
	xa_release(&kvm->vcpus.by_idx, vcpu->vcpu_idx);
	return r;
}

/**
 * kvm_vm_ioctl_create_vcpu - KVM_CREATE_VCPU
 * @kvm: the VM
 * @id: its vCPU id, the APIC id
 *
 * Return: file descriptor; -EINVAL, -EEXIST, -ENOMEM, -EMFILE.
 */
long kvm_vm_ioctl_create_vcpu(struct kvm *kvm, u32 id)
{
	struct kvm_vcpu *vcpu;
	long r;

	if (id >= kvm->settings.max_vcpu_ids)
		return -EINVAL;
	mutex_lock(&kvm->lock);
	if (kvm->vcpus.created >= KVM_MAX_VCPUS) {
		mutex_unlock(&kvm->lock);
		return -EINVAL;
	}
	kvm->vcpus.created++;
	mutex_unlock(&kvm->lock);

	vcpu = vcpu_alloc(kvm, id);
	r = PTR_ERR_OR_ZERO(vcpu);
	mutex_lock(&kvm->lock);
	if (!r) {
		r = publish(kvm, vcpu);
		if (r < 0)
			vcpu_free(vcpu);
	}
	if (r < 0)
		kvm->vcpus.created--;
	mutex_unlock(&kvm->lock);
	return r;
}

/* The last reference of the VM is gone: no file descriptor, no running vCPU. */
void kvm_destroy_vcpus(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	xa_for_each(&kvm->vcpus.by_idx, i, vcpu)
		vcpu_free(vcpu);
	xa_destroy(&kvm->vcpus.by_idx);
}

int __init kvm_vcpu_module_init(void)
{
	int r = kvm_ioctl_index(&vcpu_table);

	if (r)
		return r;
	vcpu_cache = kmem_cache_create("kvm_vcpu", sizeof(struct kvm_vcpu), __alignof__(u64[8]),
				       SLAB_ACCOUNT, NULL);
	return vcpu_cache ? 0 : -ENOMEM;
}

void kvm_vcpu_module_exit(void)
{
	kmem_cache_destroy(vcpu_cache);
}

/* A CPU that has TPR by itself reports no accesses to it. */
static int cap_vapic(struct kvm *kvm)
{
	return !vmx_caps.apic_accesses;
}

static const struct kvm_cap caps[] = {
	{ KVM_CAP_HLT, 1 },
	{ KVM_CAP_MP_STATE, 1 },
	{ KVM_CAP_INTERNAL_ERROR_DATA, 1 },
	{ KVM_CAP_LAST_CPU, 1 },
	{ KVM_CAP_VAPIC, .fn = cap_vapic },
	{ KVM_CAP_USER_NMI, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG2, KVM_GUESTDBG_KNOWN },
	{ KVM_CAP_VCPU_EVENTS, 1 },
	{ KVM_CAP_INTR_SHADOW, 1 },
	{ KVM_CAP_DEBUGREGS, 1 },
	{ KVM_CAP_SREGS2, 1 },
	/* The size that it can have; without VMX in guests it is the header's alone. */
	{ KVM_CAP_NESTED_STATE,
	  sizeof(struct kvm_nested_state) + sizeof(struct kvm_vmx_nested_state_data) },
	{ KVM_CAP_IMMEDIATE_EXIT, 1 },
	{ KVM_CAP_SYNC_REGS, KVM_SYNC_X86_VALID_FIELDS },
	{ KVM_CAP_X86_ROBUST_SINGLESTEP, 1 },
	{ KVM_CAP_EXCEPTION_PAYLOAD, 1 },
	{ KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1 },
	{ KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1 },
};

KVM_CAP_TABLE(kvm_caps_vcpu, caps);
