// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC in the CPU: TPR shadow, APIC-register virtualization, virtual-interrupt
 * delivery, posted interrupts (SDM 3C chapter 30), and the VMX-preemption timer that
 * stands in for the APIC's (SDM 3C 26.5.1).
 */
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <asm/apicdef.h>
#include <asm/irq_vectors.h>
#include <asm/msr.h>
#include "compat/ipi.h"
#include "errata.h"
#include "internal.h"
#include "irqchip.h"
#include "kick.h"

bool vmx_apicv_active(struct kvm_vcpu *vcpu)
{
	return vcpu->vmx.apicv;
}

bool vmx_apic_window_virtualized(struct kvm_vcpu *vcpu)
{
	return vcpu->vmx.vmcs->proc2 & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
}

static bool apicv_wanted(const struct kvm_vcpu *vcpu)
{
	return vmx_caps.apicv && !READ_ONCE(vcpu->kvm->irq.apicv_inhibits) &&
	       kvm_apic_hw_enabled(vcpu);
}

static u32 wanted_controls(struct kvm_vcpu *vcpu, bool apicv)
{
	u32 want = 0;

	if (kvm_apic_x2apic(vcpu)) {
		if (vmx_caps.x2apic_mode)
			want |= SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
	} else if (kvm_apic_hw_enabled(vcpu) && vmx_caps.apic_accesses &&
		   (vcpu->msr.apic_base & PAGE_MASK & ~vcpu->cpuid.reserved_gpa_bits) ==
		   APIC_DEFAULT_PHYS_BASE) {
		want |= SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
	}
	if (apicv)
		want |= SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
	return want;
}

/* Registers that an x2APIC has and the page shows as they are. */
static const struct {
	u16 first, last;
} readable[] = {
	{ APIC_ID, APIC_LVR }, { APIC_TASKPRI, APIC_TASKPRI }, { APIC_PROCPRI, APIC_PROCPRI },
	{ APIC_LDR, APIC_LDR }, { APIC_SPIV, APIC_ESR }, { APIC_LVTT, APIC_TMICT },
	{ APIC_TDCR, APIC_TDCR },
};

/**
 * vmx_apicv_msr_bitmap - the x2APIC registers that the CPU answers by itself
 * @vcpu: vCPU with a local APIC
 *
 * Reads come from the APIC page, but for the count of the timer and the ICR, of
 * which the page has two halves. Writes: SDM 3C 30.5.
 */
void vmx_apicv_msr_bitmap(struct kvm_vcpu *vcpu)
{
	unsigned long *bitmap = vcpu->vmx.msr_bitmap;
	u32 on = vcpu->vmx.vmcs->proc2, reg;
	int i;

	/* A row of the bitmap: 0x800 to 0x8ff. */
	memset((void *)bitmap + 0x800 / 8, 0xff, 0x100 / 8);
	memset((void *)bitmap + 0x800 + 0x800 / 8, 0xff, 0x100 / 8);
	if (!(on & SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE))
		return;
	vmx_msr_bitmap_allow(bitmap, APIC_BASE_MSR + (APIC_TASKPRI >> 4), true, true);
	if (!(on & SECONDARY_EXEC_APIC_REGISTER_VIRT))
		return;
	for (i = 0; i < ARRAY_SIZE(readable); i++)
		for (reg = readable[i].first; reg <= readable[i].last; reg += 0x10)
			vmx_msr_bitmap_allow(bitmap, APIC_BASE_MSR + (reg >> 4), true, false);
	vmx_msr_bitmap_allow(bitmap, APIC_BASE_MSR + (APIC_EOI >> 4), false, true);
	vmx_msr_bitmap_allow(bitmap, APIC_BASE_MSR + (APIC_SELF_IPI >> 4), false, true);
}

/**
 * vmx_apicv_update - the APIC's mode, or what inhibits its virtualization, changed
 * @vcpu: loaded vCPU with a local APIC
 *
 * Return: the CPU no longer watches the xAPIC's window, which EPT must not map then.
 */
bool vmx_apicv_update(struct kvm_vcpu *vcpu)
{
	bool apicv = apicv_wanted(vcpu), window = vmx_apic_window_virtualized(vcpu), watched;
	u32 want;

	if (!vmx_caps.tpr_shadow)
		return false;
	want = wanted_controls(vcpu, apicv);
	vmx_proc2_set(vcpu, want);
	vmx_proc2_clear(vcpu, VMX_APIC_CONTROLS & ~want);
	watched = vmx_apic_window_virtualized(vcpu);
	/* The TLB may hold translations of when the CPU did not watch (SDM 3C 30.4.5). */
	if (!window && watched)
		vcpu->mem.tlb_gen = 0;
	if (vmx_caps.posted) {
		if (apicv)
			vmx_pin_set(vcpu, PIN_BASED_POSTED_INTR);
		else
			vmx_pin_clear(vcpu, PIN_BASED_POSTED_INTR);
	}
	if (apicv && !vcpu->vmx.apicv)
		vmx_set_eoi_exit_bitmap(vcpu, vcpu->apic->eoi_vectors);
	WRITE_ONCE(vcpu->vmx.apicv, apicv);
	vmx_apicv_msr_bitmap(vcpu);
	vmx_posted_update(vcpu);
	/* Interrupts wait elsewhere now: choose anew. */
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return window && !watched;
}

static int make_access_page(struct kvm *kvm)
{
	struct page *page;

	if (!vmx_caps.apic_accesses || READ_ONCE(kvm->irq.access_page))
		return 0;
	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	/* Another vCPU may be made at the same time. */
	if (cmpxchg(&kvm->irq.access_page, NULL, page))
		__free_page(page);
	return 0;
}

/**
 * vmx_apicv_init - the vCPU gets a local APIC
 * @vcpu: loaded vCPU, its APIC page made
 *
 * Return: 0 or -ENOMEM.
 */
int vmx_apicv_init(struct kvm_vcpu *vcpu)
{
	int r = make_access_page(vcpu->kvm);

	if (r || !vmx_caps.tpr_shadow)
		return r;
	vmcs_write64(VIRTUAL_APIC_PAGE_ADDR, __pa(vcpu->apic->page));
	vmcs_write32(TPR_THRESHOLD, 0);
	if (vmx_caps.apic_accesses)
		vmcs_write64(APIC_ACCESS_ADDR, page_to_phys(vcpu->kvm->irq.access_page));
	if (vmx_caps.apicv)
		vmcs_write16(GUEST_INTR_STATUS, 0);
	if (vmx_caps.posted) {
		vmcs_write16(POSTED_INTR_NV, POSTED_INTR_VECTOR);
		vmcs_write64(POSTED_INTR_DESC_ADDR, __pa(&vcpu->apic->pi_desc));
	}
	vmx_proc_clear(vcpu, CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING);
	vmx_proc_set(vcpu, CPU_BASED_TPR_SHADOW);
	return 0;
}

/**
 * vmx_set_tpr_threshold - the guest exits when it lowers TPR below a class of priority
 * @vcpu: loaded vCPU without virtual-interrupt delivery; interrupts may be off
 * @irr: the highest vector requested, or -1
 * @tpr: the class that TPR has
 */
void vmx_set_tpr_threshold(struct kvm_vcpu *vcpu, int irr, u8 tpr)
{
	int threshold = 0;

	if (!vmx_caps.tpr_shadow)
		return;
	/* Above TPR's class the CPU would refuse it: the interrupt waits for something else. */
	if (irr >= 0 && irr >> 4 <= tpr)
		threshold = irr >> 4;
	if (threshold != vcpu->vmx.tpr_threshold) {
		vcpu->vmx.tpr_threshold = threshold;
		vmcs_write32(TPR_THRESHOLD, threshold);
	}
}

/**
 * vmx_set_interrupt_status - RVI and SVI, SDM 3C 25.4.2
 * @vcpu: loaded vCPU with virtual-interrupt delivery; interrupts may be off
 * @irr: the highest vector requested, or -1
 * @isr: the highest vector in service, or -1
 */
void vmx_set_interrupt_status(struct kvm_vcpu *vcpu, int irr, int isr)
{
	u16 status = max(irr, 0) | max(isr, 0) << 8;

	if (vmcs_read16(GUEST_INTR_STATUS) != status)
		vmcs_write16(GUEST_INTR_STATUS, status);
}

void vmx_set_eoi_exit_bitmap(struct kvm_vcpu *vcpu, const u64 vectors[4])
{
	if (!vmx_caps.apicv)
		return;
	vmcs_write64(EOI_EXIT_BITMAP0, vectors[0]);
	vmcs_write64(EOI_EXIT_BITMAP1, vectors[1]);
	vmcs_write64(EOI_EXIT_BITMAP2, vectors[2]);
	vmcs_write64(EOI_EXIT_BITMAP3, vectors[3]);
}

/**
 * vmx_notify_pir - there is something new in a vCPU's PIR
 * @vcpu: any vCPU with a local APIC; ON is set
 *
 * Context: any.
 * Return: false if the caller must make KVM_REQ_EVENT and kick.
 */
bool vmx_notify_pir(struct kvm_vcpu *vcpu)
{
	int cpu;

	bool done = true;

	if (!READ_ONCE(vcpu->vmx.apicv))
		return false;
	/* ON was set by a locked instruction; the vCPU sets its mode and then looks at ON. */
	if (READ_ONCE(vcpu->kick.mode) == OUTSIDE_GUEST_MODE) {
		kvm_vcpu_wake_up(vcpu);
		return true;
	}
	/* On its own CPU it is between two entries, and looks before the next. */
	cpu = READ_ONCE(vcpu->kick.cpu);
	if (cpu != get_cpu()) {
		if (vmx_caps.posted)
			kvmx_send_ipi(cpu, POSTED_INTR_VECTOR);
		else
			done = false;
	}
	put_cpu();
	return done;
}

/**
 * vmx_arm_preemption_timer - the CPU is to watch the APIC timer's deadline
 * @vcpu: loaded vCPU with a local APIC
 * @deadline: host TSC
 *
 * The timer ticks whenever a bit of the TSC changes, so a value reaches the
 * deadline up to one tick early; handle_preemption_timer() looks at the clock.
 *
 * Context: interrupts off, before an entry.
 */
void vmx_arm_preemption_timer(struct kvm_vcpu *vcpu, u64 deadline)
{
	u64 now = rdtsc(), ticks = 0;

	if (deadline > now)
		ticks = vmx_preemption_ticks(deadline - now, vmx_caps.preemption_shift);
	vmcs_write32(VMX_PREEMPTION_TIMER_VALUE, ticks);
	vmx_pin_set(vcpu, PIN_BASED_VMX_PREEMPTION_TIMER);
}
