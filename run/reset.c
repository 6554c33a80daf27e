// SPDX-License-Identifier: GPL-2.0-only
/* Power-up, INIT and SIPI: SDM 3A table 10-1 and 9.4.4; Documentation/reset.rst. */
#include <asm/processor-flags.h>
#include "cpuid.h"
#include "events.h"
#include "irqchip.h"
#include "regs.h"
#include "run.h"
#include "state.h"
#include "vcpu.h"

/**
 * kvm_vcpu_reset - the registers of power-up, or of INIT
 * @vcpu: loaded vCPU
 * @init_event: INIT rather than power-up
 */
void kvm_vcpu_reset(struct kvm_vcpu *vcpu, bool init_event)
{
	u64 cache = X86_CR0_CD | X86_CR0_NW;

	/* INIT leaves the caches as they are (SDM 3A table 9-1). */
	if (init_event)
		cache &= kvm_cr0_read(vcpu);
	memset(vcpu->regs.gpr, 0, sizeof(vcpu->regs.gpr));
	vcpu->regs.gpr[KVM_REG_RDX] = kvm_cpuid_signature(vcpu) ?: 0x600;
	kvm_gpr_write(vcpu, KVM_REG_RSP, 0);
	kvm_rip_write(vcpu, 0xfff0);
	vmx_set_rflags(vcpu, X86_EFLAGS_FIXED);
	kvm_events_reset(vcpu);
	memset(vcpu->debug.dr, 0, sizeof(vcpu->debug.dr));
	vcpu->debug.dr6 = DR6_RESET;
	vcpu->debug.dr7 = DR7_RESET;
	vcpu->cr.cr2 = 0;
	vcpu->cr.cr8 = 0;
	kvm_msr_reset(vcpu, init_event);
	kvm_pv_reset(vcpu, init_event);
	kvm_async_pf_reset(vcpu);
	kvm_fpu_reset(vcpu, init_event);
	vmx_set_efer(vcpu, 0);
	vmx_set_cr0(vcpu, cache | X86_CR0_ET);
	vmx_set_cr3(vcpu, 0);
	vmx_set_cr4(vcpu, 0);
	vmx_vcpu_reset(vcpu, init_event);
	if (vcpu->apic) {
		kvm_apic_reset(vcpu, init_event);
		kvm_apicv_update(vcpu);
	}
	kvm_cpuid_refresh(vcpu);
}

/* --- INIT and SIPI --- */

static void start_at(struct kvm_vcpu *vcpu, u8 vector)
{
	struct x86_segment cs;

	vmx_get_segment(vcpu, X86_SEG_CS, &cs);
	cs.selector = vector << 8;
	cs.base = vector << 12;
	vmx_set_segment(vcpu, X86_SEG_CS, &cs);
	kvm_rip_write(vcpu, 0);
	vcpu->halt.mp_state = KVM_MP_STATE_RUNNABLE;
}

/**
 * kvm_accept_init_sipi - INIT and SIPI that wait for a vCPU
 * @vcpu: loaded vCPU with a local APIC
 */
void kvm_accept_init_sipi(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->apic;

	if (test_and_clear_bit(KVM_APIC_INIT, &apic->events)) {
		kvm_vcpu_reset(vcpu, true);
		vcpu->halt.mp_state = vcpu->msr.apic_base & X86_APIC_BASE_BSP ?
				      KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_INIT_RECEIVED;
	}
	if (test_and_clear_bit(KVM_APIC_SIPI, &apic->events)) {
		u8 vector = READ_ONCE(apic->sipi_vector);

		if (vcpu->halt.mp_state == KVM_MP_STATE_INIT_RECEIVED)
			start_at(vcpu, vector);
	}
}
