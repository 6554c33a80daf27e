// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host state that stays the guest's between exits and is put back only when the
 * vCPU leaves the CPU (FS, GS, segment selectors) or the CPU returns to user
 * space (the syscall MSRs).
 */
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/user-return-notifier.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/mmu_context.h>
#include <asm/msr-index.h>
#include "cpuid.h"
#include "internal.h"

static const u32 user_return_msr[] = {
	MSR_STAR, MSR_LSTAR, MSR_SYSCALL_MASK, MSR_TSC_AUX,
};

#define NR_USER_RETURN	ARRAY_SIZE(user_return_msr)
#define TSC_AUX_SLOT	(NR_USER_RETURN - 1)

struct user_return {
	struct user_return_notifier urn;
	bool registered, known;
	u64 host[NR_USER_RETURN];
	u64 now[NR_USER_RETURN];
};

static struct user_return __percpu *user_return;

static void restore_user_return(struct user_return *ur)
{
	int i;

	for (i = 0; i < NR_USER_RETURN; i++) {
		if (ur->now[i] != ur->host[i]) {
			wrmsrl(user_return_msr[i], ur->host[i]);
			ur->now[i] = ur->host[i];
		}
	}
}

static void on_user_return(struct user_return_notifier *urn)
{
	struct user_return *ur = container_of(urn, struct user_return, urn);
	unsigned long flags;

	/* VMX may be going off on this CPU by IPI, which does the same. */
	local_irq_save(flags);
	if (ur->registered) {
		ur->registered = false;
		user_return_notifier_unregister(urn);
		restore_user_return(ur);
	}
	local_irq_restore(flags);
}

int __init vmx_user_return_init(void)
{
	user_return = alloc_percpu(struct user_return);
	return user_return ? 0 : -ENOMEM;
}

void vmx_user_return_exit(void)
{
	free_percpu(user_return);
	user_return = NULL;
}

/* Interrupts off. */
void vmx_user_return_cpu_off(void)
{
	struct user_return *ur = this_cpu_ptr(user_return);

	if (ur->registered)
		on_user_return(&ur->urn);
}

static void read_host_values(struct user_return *ur)
{
	int i;

	for (i = 0; i < NR_USER_RETURN; i++) {
		if (rdmsrl_safe(user_return_msr[i], &ur->host[i]))
			ur->host[i] = 0;
		ur->now[i] = ur->host[i];
	}
	ur->known = true;
}

static void load_user_return(struct kvm_vcpu *vcpu)
{
	struct user_return *ur = this_cpu_ptr(user_return);
	const u64 want[NR_USER_RETURN] = {
		vcpu->vmx.star, vcpu->vmx.lstar, vcpu->vmx.sfmask, vcpu->msr.tsc_aux,
	};
	bool tsc_aux = vcpu->vmx.vmcs->proc2 & SECONDARY_EXEC_ENABLE_RDTSCP;
	bool changed = false;
	unsigned long flags;
	int i;

	local_irq_save(flags);
	if (!ur->known)
		read_host_values(ur);
	for (i = 0; i < NR_USER_RETURN; i++) {
		if (ur->now[i] == want[i] || (i == TSC_AUX_SLOT && !tsc_aux))
			continue;
		wrmsrl(user_return_msr[i], want[i]);
		ur->now[i] = want[i];
		changed = true;
	}
	if (changed && !ur->registered) {
		ur->urn.on_user_return = on_user_return;
		user_return_notifier_register(&ur->urn);
		ur->registered = true;
	}
	local_irq_restore(flags);
}

static void write_host_segments(struct kvm_vcpu *vcpu)
{
	struct kvm_vmcs *v = vcpu->vmx.vmcs;
	u16 fs, gs, ldt = 0;
	u64 fs_base;

	current_save_fsgs();
	fs = current->thread.fsindex;
	gs = current->thread.gsindex;
	fs_base = current->thread.fsbase;
#ifdef CONFIG_MODIFY_LDT_SYSCALL
	store_ldt(ldt);
#endif
	v->host_ldt_sel = ldt;
	v->host_gs_sel = gs;
	v->host_fs_sel = fs;
	/* A VM exit can only load selectors of the GDT at RPL 0; others are put back later. */
	if (v->host_fs_base != fs_base) {
		v->host_fs_base = fs_base;
		vmcs_writel(HOST_FS_BASE, fs_base);
	}
	savesegment(ds, v->host_ds_sel);
	savesegment(es, v->host_es_sel);
}

/**
 * vmx_prepare_switch - before an entry: what is switched lazily becomes the guest's
 * @vcpu: loaded vCPU
 *
 * Context: preemption off.
 */
void vmx_prepare_switch(struct kvm_vcpu *vcpu)
{
	struct kvm_vmx *vmx = &vcpu->vmx;

	if (vmx->guest_state_loaded)
		return;
	vcpu->stat.host_state_reload++;
	write_host_segments(vcpu);
	vmx->host_kernel_gs_base = current->thread.gsbase;
	wrmsrl(MSR_KERNEL_GS_BASE, vmx->guest_kernel_gs_base);
	load_user_return(vcpu);
	vmx->guest_state_loaded = true;
}

/**
 * vmx_unload_guest_state - the host's FS, GS, DS, ES, LDT and KERNEL_GS_BASE back
 * @vcpu: loaded vCPU
 *
 * Context: preemption off.
 */
void vmx_unload_guest_state(struct kvm_vcpu *vcpu)
{
	struct kvm_vmx *vmx = &vcpu->vmx;
	struct kvm_vmcs *v = vmx->vmcs;
	unsigned long flags;

	if (!vmx->guest_state_loaded)
		return;
	vmx->guest_state_loaded = false;
	rdmsrl(MSR_KERNEL_GS_BASE, vmx->guest_kernel_gs_base);
	/* Loading a selector loads the base as well: the bases come after. */
	if (v->host_ldt_sel || v->host_gs_sel) {
		local_irq_save(flags);
		if (v->host_ldt_sel)
			asm volatile("lldt %0" : : "r" (v->host_ldt_sel));
		load_gs_index(v->host_gs_sel);
		local_irq_restore(flags);
	}
	if (v->host_fs_sel) {
		loadsegment(fs, v->host_fs_sel);
		wrmsrl(MSR_FS_BASE, v->host_fs_base);
	}
	if (v->host_ds_sel | v->host_es_sel) {
		loadsegment(ds, v->host_ds_sel);
		loadsegment(es, v->host_es_sel);
	}
	wrmsrl(MSR_KERNEL_GS_BASE, vmx->host_kernel_gs_base);
	/* The exit left the limit at 64 KiB, with no I/O bitmap behind the TSS's own. */
	invalidate_tss_limit();
	load_fixmap_gdt(raw_smp_processor_id());
}
