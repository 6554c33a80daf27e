// SPDX-License-Identifier: GPL-2.0-only
/* The VMX side of a vCPU: creation, controls, host state, load and put. */
#include <linux/sched.h>
#include <asm/cpu_entry_area.h>
#include <asm/desc.h>
#include <asm/fpu/xcr.h>
#include <asm/mmu_context.h>
#include "cpuid.h"
#include "internal.h"
#include "params.h"
#include "regs.h"

void vmx_update_exception_bitmap(struct kvm_vcpu *vcpu)
{
	/*
	 * #MC is the host's. A #DB or #AC whose delivery raises itself again never
	 * ends in the CPU, so both are delivered from here.
	 */
	u32 bits = BIT(MC_VECTOR) | BIT(DB_VECTOR) | BIT(AC_VECTOR);

	if ((vcpu->debug.flags & (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP)) ==
	    (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP))
		bits |= BIT(BP_VECTOR);
	if (READ_ONCE(kvmx_force_emulation_prefix) ||
	    !kvm_quirk_off(vcpu->kvm, KVM_X86_QUIRK_FIX_HYPERCALL_INSN))
		bits |= BIT(UD_VECTOR);
	if (vcpu->vmx.vmcs->exception_bitmap != bits) {
		vcpu->vmx.vmcs->exception_bitmap = bits;
		vmcs_write32(EXCEPTION_BITMAP, bits);
	}
}

/* The parts of the host state that are the same on every CPU and in every task. */
static void write_constant_host_state(struct kvm_vcpu *vcpu)
{
	u64 msr;

	vmcs_writel(HOST_CR0, read_cr0());
	vmcs_write16(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write16(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write16(HOST_DS_SELECTOR, 0);
	vmcs_write16(HOST_ES_SELECTOR, 0);
	vmcs_write16(HOST_FS_SELECTOR, 0);
	vmcs_write16(HOST_GS_SELECTOR, 0);
	/* As its shadow has it. */
	vmcs_writel(HOST_FS_BASE, 0);
	vmcs_write16(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	rdmsrl(MSR_IA32_SYSENTER_CS, msr);
	vmcs_write32(HOST_IA32_SYSENTER_CS, msr);
	rdmsrl(MSR_IA32_SYSENTER_EIP, msr);
	vmcs_writel(HOST_IA32_SYSENTER_EIP, msr);
	rdmsrl(MSR_IA32_CR_PAT, msr);
	vmcs_write64(HOST_IA32_PAT, msr);
	rdmsrl(MSR_EFER, msr);
	vmcs_write64(HOST_IA32_EFER, msr);
	vmcs_writel(HOST_RIP, (unsigned long)vmx_exit_point);
}

static void write_cpu_host_state(int cpu)
{
	struct desc_ptr idt;
	u64 msr;

	vmcs_writel(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	vmcs_writel(HOST_GDTR_BASE, (unsigned long)get_current_gdt_ro());
	store_idt(&idt);
	vmcs_writel(HOST_IDTR_BASE, idt.address);
	rdmsrl(MSR_IA32_SYSENTER_ESP, msr);
	vmcs_writel(HOST_IA32_SYSENTER_ESP, msr);
	vmcs_writel(HOST_GS_BASE, cpu_kernelmode_gs_base(cpu));
}

/* KVM_CAP_X86_DISABLE_EXITS: what the guest does without an exit. */
static void keep_in_guest(struct kvm_vcpu *vcpu)
{
	u32 exits = READ_ONCE(vcpu->kvm->settings.disabled_exits);

	if (exits & KVM_X86_DISABLE_EXITS_HLT)
		vmx_proc_clear(vcpu, CPU_BASED_HLT_EXITING);
	if (exits & KVM_X86_DISABLE_EXITS_MWAIT)
		vmx_proc_clear(vcpu, CPU_BASED_MWAIT_EXITING | CPU_BASED_MONITOR_EXITING);
	if (exits & KVM_X86_DISABLE_EXITS_PAUSE)
		vmx_proc2_clear(vcpu, SECONDARY_EXEC_PAUSE_LOOP_EXITING);
}

/* KVM_REQ_INTERCEPTS. Own thread. */
void vmx_update_intercepts(struct kvm_vcpu *vcpu)
{
	keep_in_guest(vcpu);
	vmx_msr_bitmap_init(vcpu);
	vmx_pml_update(vcpu);
}

/**
 * vmx_write_initial_controls - fill a VMCS
 * @vcpu: loaded vCPU
 */
void vmx_write_initial_controls(struct kvm_vcpu *vcpu)
{
	struct kvm_vmx *vmx = &vcpu->vmx;
	struct kvm_vmcs *v = vmx->vmcs;

	v->pin = vmx_caps.pin;
	v->proc = vmx_caps.proc;
	v->proc2 = vmx_caps.proc2 & ~SECONDARY_EXEC_ENABLE_PML;
	v->exit = vmx_caps.exit;
	v->entry = vmx_caps.entry;
	if (!vmx->vpid)
		v->proc2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	vmcs_write32(PIN_BASED_VM_EXEC_CONTROL, v->pin);
	vmcs_write32(CPU_BASED_VM_EXEC_CONTROL, v->proc);
	vmcs_write32(SECONDARY_VM_EXEC_CONTROL, v->proc2);
	vmcs_write32(VM_EXIT_CONTROLS, v->exit);
	vmcs_write32(VM_ENTRY_CONTROLS, v->entry);
	keep_in_guest(vcpu);
	if (vmx->vpid)
		vmcs_write16(VIRTUAL_PROCESSOR_ID, vmx->vpid);
	vmcs_write64(EPT_POINTER, vcpu->kvm->mmu.eptp);
	vmcs_write64(MSR_BITMAP, __pa(vmx->msr_bitmap));
	vmx_pml_init(vcpu);
	vmcs_write64(VMCS_LINK_POINTER, ~0ull);
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write32(CR3_TARGET_COUNT, 0);
	vmcs_write32(VM_EXIT_MSR_STORE_COUNT, 0);
	vmx_perf_init(v);
	if (vmx_caps.xsaves)
		vmcs_write64(XSS_EXIT_BITMAP, 0);
	if (vmx_caps.ple) {
		vmcs_write32(PLE_GAP, kvmx_params.ple_gap);
		vmcs_write32(PLE_WINDOW, kvmx_params.ple_window);
	}
	v->exception_bitmap = 0;
	vmcs_write32(EXCEPTION_BITMAP, 0);
	vmx_update_exception_bitmap(vcpu);
	write_constant_host_state(vcpu);
}

int vmx_vcpu_create(struct kvm_vcpu *vcpu)
{
	struct kvm_vmx *vmx = &vcpu->vmx;
	int r = kvm_vmcs_init(&vmx->vmcs01), srcu_idx;

	if (r)
		return r;
	vmx->vmcs = &vmx->vmcs01;
	vmx->wakeup_cpu = -1;
	vmx->msr_bitmap = (unsigned long *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->msr_bitmap || vmx_pml_create(vcpu)) {
		free_page((unsigned long)vmx->msr_bitmap);
		kvm_vmcs_free(&vmx->vmcs01);
		return -ENOMEM;
	}
	vmx->vpid = vmx_vpid_alloc();
	srcu_idx = srcu_read_lock(&vcpu->kvm->srcu);
	vmx_msr_bitmap_init(vcpu);
	srcu_read_unlock(&vcpu->kvm->srcu, srcu_idx);
	return 0;
}

void vmx_vcpu_free(struct kvm_vcpu *vcpu)
{
	kvm_vmcs_free(&vcpu->vmx.vmcs01);
	free_page((unsigned long)vcpu->vmx.msr_bitmap);
	vmx_pml_free(vcpu);
	vmx_vpid_free(vcpu->vmx.vpid);
}

/* SDM 3A table 10-1: what power-up and INIT leave. */
void vmx_vcpu_reset(struct kvm_vcpu *vcpu, bool init_event)
{
	static const struct x86_segment data = {
		.type = 3, .s = true, .present = true, .limit = 0xffff,
	};
	struct x86_segment s = data;
	const struct x86_table dt = { .base = 0, .limit = 0xffff };
	struct kvm_vmx *vmx = &vcpu->vmx;
	int i;

	vmx->seg_avail = 0;
	for (i = X86_SEG_ES; i <= X86_SEG_GS; i++)
		vmx_set_segment(vcpu, i, &data);
	s.selector = 0xf000;
	s.base = 0xffff0000;
	s.type = 0xb;
	vmx_set_segment(vcpu, X86_SEG_CS, &s);
	s = (struct x86_segment){ .type = 11, .present = true, .limit = 0xffff };
	vmx_set_segment(vcpu, X86_SEG_TR, &s);
	s.type = 2;
	vmx_set_segment(vcpu, X86_SEG_LDTR, &s);
	vmx_set_gdt(vcpu, &dt);
	vmx_set_idt(vcpu, &dt);

	vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmcs_writel(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	if (!init_event) {
		vmcs_write32(GUEST_SYSENTER_CS, 0);
		vmcs_writel(GUEST_SYSENTER_ESP, 0);
		vmcs_writel(GUEST_SYSENTER_EIP, 0);
		vmcs_write64(GUEST_IA32_DEBUGCTL, vmx->vmcs->held_debugctl);
		vmcs_write64(GUEST_IA32_PAT, vcpu->msr.pat);
		vmx->star = 0;
		vmx->lstar = 0;
		vmx->cstar = 0;
		vmx->sfmask = 0;
		vmx->guest_kernel_gs_base = 0;
		vmx_set_tsc_offset(vcpu);
	}
	vmx->event_entered = false;
	vmx->idt_vectoring = 0;
	vmx_set_dr7(vcpu);
	vmx_update_exception_bitmap(vcpu);
	vmx_flush_guest_tlb(vcpu);
}

/**
 * vmx_vcpu_load - the VMCS of a vCPU becomes current
 * @vcpu: the vCPU
 * @cpu: this CPU
 *
 * Context: preemption off.
 * Return: it was on another CPU before.
 */
bool vmx_vcpu_load(struct kvm_vcpu *vcpu, int cpu)
{
	struct kvm_vmcs *v = vcpu->vmx.vmcs;
	bool moved = v->cpu != cpu;

	kvm_vmcs_load(v, cpu);
	/* Other threads, or this one in user space, ran here. */
	vcpu->mem.host_data = true;
	if (moved) {
		write_cpu_host_state(cpu);
		/* What this CPU's TLBs still hold of the guest is of another time. */
		vcpu->mem.tlb_gen = 0;
	}
	if (unlikely(READ_ONCE(vcpu->kvm->irq.posting)))
		vmx_posted_load(vcpu);
	return moved;
}

void vmx_vcpu_put(struct kvm_vcpu *vcpu)
{
	vmx_unload_guest_state(vcpu);
	if (unlikely(READ_ONCE(vcpu->kvm->irq.posting)))
		vmx_posted_put(vcpu);
}

/**
 * vmx_cpuid_changed - secondary controls that follow the guest's CPUID
 * @vcpu: vCPU whose CPUID was set
 *
 * Context: vCPU loaded.
 */
void vmx_cpuid_changed(struct kvm_vcpu *vcpu)
{
	const struct { u32 bit; bool on; } follow[] = {
		{ SECONDARY_EXEC_ENABLE_RDTSCP,
		  kvm_guest_has(vcpu, KVM_F_RDTSCP) || kvm_guest_has(vcpu, KVM_F_RDPID) },
		{ SECONDARY_EXEC_ENABLE_INVPCID, kvm_guest_has(vcpu, KVM_F_INVPCID) },
		{ VMX_XSAVES_CONTROL, kvm_guest_has(vcpu, KVM_F_XSAVES) },
	};
	u64 owned = VMX_CR4_GUEST_OWNED & ~vcpu->cpuid.cr4_reserved;
	int i;

	for (i = 0; i < ARRAY_SIZE(follow); i++) {
		if (follow[i].on)
			vmx_proc2_set(vcpu, follow[i].bit & vmx_caps.proc2);
		else
			vmx_proc2_clear(vcpu, follow[i].bit);
	}
	if (owned != vcpu->cr.cr4_guest_owned) {
		u64 cr4 = kvm_cr4_read(vcpu);

		vcpu->cr.cr4_guest_owned = owned;
		vmx_set_cr4(vcpu, cr4);
	}
}

/**
 * vmx_flush_guest_tlb - the guest flushes, or kvmx for it
 * @vcpu: loaded vCPU
 *
 * Linear mappings of this vCPU, global ones too, and the upper levels of its tables. So INVLPG
 * ends here as well: it drops the upper levels for every address (SDM 3A 4.10.4.1), INVVPID of
 * an address those of that address (SDM 3C 29.4.3.1).
 */
void vmx_flush_guest_tlb(struct kvm_vcpu *vcpu)
{
	if (vcpu->vmx.vpid)
		invvpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, vcpu->vmx.vpid, 0);
}

/**
 * vmx_flush_gva - the translation of one address, as a page fault drops it
 * @vcpu: loaded vCPU
 * @la: linear address
 *
 * A CPU may lack INVVPID of one address; that of the whole context serves as well.
 */
void vmx_flush_gva(struct kvm_vcpu *vcpu, u64 la)
{
	if (vcpu->vmx.vpid && vmx_caps.invvpid_addr)
		invvpid(VMX_VPID_EXTENT_INDIVIDUAL_ADDR, vcpu->vmx.vpid, la);
	else
		vmx_flush_guest_tlb(vcpu);
}

void vmx_flush_ept(struct kvm *kvm)
{
	invept(VMX_EPT_EXTENT_CONTEXT, kvm->mmu.eptp);
}

void vmx_set_tsc_offset(struct kvm_vcpu *vcpu)
{
	vmcs_write64(TSC_OFFSET, vcpu->tsc.offset);
	if (vmx_caps.tsc_scaling)
		vmcs_write64(TSC_MULTIPLIER, vcpu->tsc.ratio);
}
