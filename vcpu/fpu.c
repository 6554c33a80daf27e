// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's x87, SSE and XSAVE state. The host kernel keeps the registers;
 * what is here is their life and their way to user space.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include "regs.h"
#include "state.h"
#include "trace.h"

#define FCW_INIT	0x037f	/* FNINIT; also what XRSTOR makes of an unused state */
#define MXCSR_INIT	0x1f80

/**
 * kvm_fpu_create - the registers of a new vCPU
 * @vcpu: the vCPU
 *
 * Return: 0 or -ENOMEM.
 */
int kvm_fpu_create(struct kvm_vcpu *vcpu)
{
	if (!fpu_alloc_guest_fpstate(&vcpu->fpu.guest))
		return -ENOMEM;
	kvm_fpu_reset(vcpu, false);
	return 0;
}

/** kvm_fpu_destroy - undo kvm_fpu_create(); may be called without it */
void kvm_fpu_destroy(struct kvm_vcpu *vcpu)
{
	if (vcpu->fpu.guest.fpstate)
		fpu_free_guest_fpstate(&vcpu->fpu.guest);
}

static struct fxregs_state *fx_of(struct kvm_vcpu *vcpu)
{
	return &vcpu->fpu.guest.fpstate->regs.fxsave;
}

/* Components whose registers are in the image; the others are in their initial state. */
static u64 *in_use(struct kvm_vcpu *vcpu)
{
	return &vcpu->fpu.guest.fpstate->regs.xsave.header.xfeatures;
}

static void init_x87(struct fxregs_state *fx)
{
	memset(fx->st_space, 0, sizeof(fx->st_space));
	fx->cwd = FCW_INIT;
	fx->twd = 0;
	fx->swd = 0;
	fx->fop = 0;
	fx->rip = 0;
	fx->rdp = 0;
}

static void init_sse(struct fxregs_state *fx)
{
	fx->mxcsr = MXCSR_INIT;
	memset(fx->xmm_space, 0, sizeof(fx->xmm_space));
}

/**
 * kvm_fpu_reset - power-up or INIT
 * @vcpu: the vCPU; may be inside KVM_RUN with its registers loaded
 * @init_event: INIT, which leaves the registers, XCR0 and XSS alone
 *
 * After power-up x87 is not as in the SDM (3A, table 10-1), where FCW is 40H and no register
 * is empty, but as after FNINIT, with no component in use: a VMM may start a guest in 64-bit
 * mode without KVM_SET_FPU, and its guest has no FNINIT to begin with.
 */
void kvm_fpu_reset(struct kvm_vcpu *vcpu, bool init_event)
{
	struct fxregs_state *fx = fx_of(vcpu);
	bool loaded = vcpu->fpu.loaded;

	if (init_event)
		return;
	if (loaded)
		kvm_fpu_put(vcpu);
	init_x87(fx);
	init_sse(fx);
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		*in_use(vcpu) = 0;
	vcpu->fpu.xcr0 = XFEATURE_MASK_FP;
	vcpu->fpu.xss = 0;
	vcpu->fpu.pkru = 0;
	kvm_cpuid_refresh(vcpu);
	if (loaded)
		kvm_fpu_load(vcpu);
}

/** kvm_fpu_load - the guest's registers into the CPU; user space's are kept */
void kvm_fpu_load(struct kvm_vcpu *vcpu)
{
	fpu_swap_kvm_fpstate(&vcpu->fpu.guest, true);
	vcpu->fpu.loaded = true;
	trace_kvm_fpu(1);
}

/** kvm_fpu_put - user space's registers back */
void kvm_fpu_put(struct kvm_vcpu *vcpu)
{
	vcpu->fpu.loaded = false;
	fpu_swap_kvm_fpstate(&vcpu->fpu.guest, false);
	trace_kvm_fpu(0);
}

/* Components that the image holds; the others are in their initial state. */
static u64 held(struct kvm_vcpu *vcpu)
{
	return boot_cpu_has(X86_FEATURE_XSAVE) ? *in_use(vcpu) : XFEATURE_MASK_FPSSE;
}

/* AVX in use keeps MXCSR in the image as well. */
static u32 read_mxcsr(struct kvm_vcpu *vcpu)
{
	return held(vcpu) & (XFEATURE_MASK_SSE | XFEATURE_MASK_YMM) ? fx_of(vcpu)->mxcsr :
								      MXCSR_INIT;
}

static void read_legacy(struct kvm_vcpu *vcpu, struct fxregs_state *fx)
{
	u64 used = held(vcpu);

	*fx = *fx_of(vcpu);
	if (!(used & XFEATURE_MASK_FP))
		init_x87(fx);
	if (!(used & XFEATURE_MASK_SSE))
		memset(fx->xmm_space, 0, sizeof(fx->xmm_space));
	fx->mxcsr = read_mxcsr(vcpu);
}

/** kvm_vcpu_ioctl_get_fpu - KVM_GET_FPU */
long kvm_vcpu_ioctl_get_fpu(struct kvm_ioctl_args *a)
{
	struct kvm_fpu *fpu = a->data;
	struct fxregs_state fx;

	read_legacy(a->vcpu, &fx);
	memset(fpu, 0, sizeof(*fpu));
	memcpy(fpu->fpr, fx.st_space, sizeof(fpu->fpr));
	memcpy(fpu->xmm, fx.xmm_space, sizeof(fpu->xmm));
	fpu->fcw = fx.cwd;
	fpu->fsw = fx.swd;
	fpu->ftwx = fx.twd;
	fpu->last_opcode = fx.fop;
	fpu->last_ip = fx.rip;
	fpu->last_dp = fx.rdp;
	fpu->mxcsr = fx.mxcsr;
	return 0;
}

/**
 * kvm_vcpu_ioctl_set_fpu - KVM_SET_FPU
 * @a: a struct kvm_fpu, whose mxcsr is not looked at: VMMs that only want another FCW clear
 *     the rest, and a guest with MXCSR 0 has no masked exception. KVM_SET_XSAVE sets it.
 */
long kvm_vcpu_ioctl_set_fpu(struct kvm_ioctl_args *a)
{
	struct fxregs_state *fx = fx_of(a->vcpu);
	const struct kvm_fpu *fpu = a->data;

	fx->mxcsr = read_mxcsr(a->vcpu);
	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fpu->xmm));
	fx->cwd = fpu->fcw;
	fx->swd = fpu->fsw;
	fx->twd = fpu->ftwx;
	fx->fop = fpu->last_opcode;
	fx->rip = fpu->last_ip;
	fx->rdp = fpu->last_dp;
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		*in_use(a->vcpu) |= XFEATURE_MASK_FPSSE;
	return 0;
}

static void get_xsave(struct kvm_vcpu *vcpu, void *buf, unsigned int size)
{
	fpu_copy_guest_fpstate_to_uabi(&vcpu->fpu.guest, buf, size,
				       vcpu->cpuid.xcr0_supported | XFEATURE_MASK_FPSSE,
				       vcpu->fpu.pkru);
}

/** kvm_vcpu_ioctl_get_xsave - KVM_GET_XSAVE; -EINVAL where only KVM_GET_XSAVE2 will do */
long kvm_vcpu_ioctl_get_xsave(struct kvm_ioctl_args *a)
{
	if (a->vcpu->fpu.guest.uabi_size > sizeof(struct kvm_xsave))
		return -EINVAL;
	memset(a->data, 0, sizeof(struct kvm_xsave));
	get_xsave(a->vcpu, a->data, sizeof(struct kvm_xsave));
	return 0;
}

/** kvm_vcpu_ioctl_get_xsave2 - KVM_GET_XSAVE2 */
long kvm_vcpu_ioctl_get_xsave2(struct kvm_ioctl_args *a)
{
	unsigned int size = a->vcpu->fpu.guest.uabi_size;
	void *buf;
	long r;

	buf = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	get_xsave(a->vcpu, buf, size);
	r = copy_to_user((void __user *)a->raw, buf, size) ? -EFAULT : 0;
	kvfree(buf);
	return r;
}

/** kvm_vcpu_ioctl_set_xsave - KVM_SET_XSAVE; -EINVAL for state that no guest can have here */
long kvm_vcpu_ioctl_set_xsave(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	unsigned int size = vcpu->fpu.guest.uabi_size, head = sizeof(struct kvm_xsave);
	u64 xcr0 = kvm_supported_xcr0() | XFEATURE_MASK_FPSSE;
	void *buf;
	long r;

	if (size <= head)
		return fpu_copy_uabi_to_guest_fpstate(&vcpu->fpu.guest, a->data, xcr0,
						      &vcpu->fpu.pkru);
	buf = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	memcpy(buf, a->data, head);
	if (copy_from_user(buf + head, a->tail, size - head))
		r = -EFAULT;
	else
		r = fpu_copy_uabi_to_guest_fpstate(&vcpu->fpu.guest, buf, xcr0, &vcpu->fpu.pkru);
	kvfree(buf);
	return r;
}

/** kvm_vcpu_ioctl_get_xcrs - KVM_GET_XCRS */
long kvm_vcpu_ioctl_get_xcrs(struct kvm_ioctl_args *a)
{
	struct kvm_xcrs *x = a->data;

	memset(x, 0, sizeof(*x));
	if (!kvm_supported_xcr0())
		return 0;
	x->nr_xcrs = 1;
	x->xcrs[0].xcr = 0;
	x->xcrs[0].value = a->vcpu->fpu.xcr0;
	return 0;
}

/** kvm_vcpu_ioctl_set_xcrs - KVM_SET_XCRS; registers other than XCR0 are passed over */
long kvm_vcpu_ioctl_set_xcrs(struct kvm_ioctl_args *a)
{
	const struct kvm_xcrs *x = a->data;
	u32 i;

	if (!kvm_supported_xcr0() || x->nr_xcrs > KVM_MAX_XCRS || x->flags)
		return -EINVAL;
	for (i = 0; i < x->nr_xcrs; i++)
		if (x->xcrs[i].xcr == 0)
			return kvm_set_xcr(a->vcpu, 0, x->xcrs[i].value) ? -EINVAL : 0;
	return 0;
}

static bool known_attr(const struct kvm_device_attr *attr)
{
	return attr->group == 0 && attr->attr == KVM_X86_XCOMP_GUEST_SUPP;
}

/** kvm_dev_ioctl_get_device_attr - KVM_GET_DEVICE_ATTR on /dev/kvm: the XCR0 a guest may have */
long kvm_dev_ioctl_get_device_attr(struct kvm_ioctl_args *a)
{
	const struct kvm_device_attr *attr = a->data;

	if (!known_attr(attr))
		return -ENXIO;
	return put_user(kvm_supported_xcr0(), (u64 __user *)(unsigned long)attr->addr);
}

/** kvm_dev_ioctl_has_device_attr - KVM_HAS_DEVICE_ATTR on /dev/kvm */
long kvm_dev_ioctl_has_device_attr(struct kvm_ioctl_args *a)
{
	return known_attr(a->data) ? 0 : -ENXIO;
}
