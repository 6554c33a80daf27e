/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside vmx/: VMCS access, and what its files share. Of other folders run/enter.c and
 * run/exit.c include it, for what the VMCS says of an exit.
 */
#ifndef KVMX_VMX_INTERNAL_H
#define KVMX_VMX_INTERNAL_H

#include <linux/bits.h>
#include <linux/jump_label.h>
#include <asm/asm.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>
#include "compat/compat.h"
#include "regs.h"
#include "vmx.h"

/* CR0 and CR4 bits that a guest may change without an exit (SDM 3C 25.6.6). */
#define VMX_CR0_GUEST_OWNED	(X86_CR0_TS | X86_CR0_EM | X86_CR0_MP | X86_CR0_WP | X86_CR0_AM)
#define VMX_CR4_GUEST_OWNED	(X86_CR4_PVI | X86_CR4_DE | X86_CR4_PCE | X86_CR4_OSFXSR | \
				 X86_CR4_OSXMMEXCPT | X86_CR4_PGE | X86_CR4_TSD | X86_CR4_FSGSBASE)

/* Secondary controls that follow the mode of the local APIC. */
#define VMX_APIC_CONTROLS	(SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES | \
				 SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE | \
				 SECONDARY_EXEC_APIC_REGISTER_VIRT | \
				 SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)

/*
 * VMX is turned off behind the vCPUs' back only while the machine goes down:
 * the #UD of a VMX instruction is then passed over.
 */
static __always_inline unsigned long vmcs_readl(unsigned long field)
{
	unsigned long val;

	asm volatile("1: vmread %1, %0\n2:\n"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_ZERO_REG, %0)
		     : "=r" (val) : "r" (field) : "cc");
	return val;
}

static __always_inline u64 vmcs_read64(unsigned long field)
{
	return vmcs_readl(field);
}

static __always_inline u32 vmcs_read32(unsigned long field)
{
	return vmcs_readl(field);
}

static __always_inline u16 vmcs_read16(unsigned long field)
{
	return vmcs_readl(field);
}

/* --- hardware.c --- */
void vmx_write_failed(unsigned long field, unsigned long val);
struct vmcs_region *vmx_region_alloc(int cpu, gfp_t gfp);
void vmx_region_free(struct vmcs_region *region);

static __always_inline void vmcs_writel(unsigned long field, unsigned long val)
{
	asm goto("1: vmwrite %1, %0\n"
		 "jbe %l[fail]\n"
		 _ASM_EXTABLE(1b, %l[gone])
		 : : "r" (field), "rm" (val) : "cc" : fail, gone);
	return;
fail:
	vmx_write_failed(field, val);
gone:
	return;
}

static __always_inline void vmcs_write64(unsigned long field, u64 val)
{
	vmcs_writel(field, val);
}

static __always_inline void vmcs_write32(unsigned long field, u32 val)
{
	vmcs_writel(field, val);
}

static __always_inline void vmcs_write16(unsigned long field, u16 val)
{
	vmcs_writel(field, val);
}

/* SDM 3C 31.3: type 1 single context, 2 all contexts; 0, of INVVPID, individual address. */
static __always_inline void invept(unsigned long type, u64 eptp)
{
	struct { u64 eptp, reserved; } desc = { eptp, 0 };

	asm volatile("1: invept %0, %1\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : : "m" (desc), "r" (type) : "cc", "memory");
}

static __always_inline void invvpid(unsigned long type, u16 vpid, u64 la)
{
	struct { u64 vpid, la; } desc = { vpid, la };

	asm volatile("1: invvpid %0, %1\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : : "m" (desc), "r" (type) : "cc", "memory");
}

/* The controls have shadows: a write happens only when the value changes. */
#define VMX_CONTROL(_name, _field)						\
static inline void vmx_##_name##_set(struct kvm_vcpu *vcpu, u32 bits)		\
{										\
	struct kvm_vmcs *v = vcpu->vmx.vmcs;					\
										\
	if ((v->_name & bits) != bits) {					\
		v->_name |= bits;						\
		vmcs_write32(_field, v->_name);					\
	}									\
}										\
static inline void vmx_##_name##_clear(struct kvm_vcpu *vcpu, u32 bits)	\
{										\
	struct kvm_vmcs *v = vcpu->vmx.vmcs;					\
										\
	if (v->_name & bits) {							\
		v->_name &= ~bits;						\
		vmcs_write32(_field, v->_name);					\
	}									\
}

VMX_CONTROL(pin, PIN_BASED_VM_EXEC_CONTROL)
VMX_CONTROL(proc, CPU_BASED_VM_EXEC_CONTROL)
VMX_CONTROL(proc2, SECONDARY_VM_EXEC_CONTROL)
VMX_CONTROL(entry, VM_ENTRY_CONTROLS)
VMX_CONTROL(exit, VM_EXIT_CONTROLS)

/* --- entry.S --- */
/* Host interrupts by vector, from 0 on: as if the interrupt came now. */
extern void (*const vmx_host_interrupt[256])(void);
extern const char vmx_exit_point[];

/* --- regs.c --- */
u64 vmx_wrap_rip(struct kvm_vcpu *vcpu, u64 rip, u64 next);

/* Where the instruction that exited ends; in 32-bit code and below EIP wraps. */
static inline u64 vmx_next_rip(struct kvm_vcpu *vcpu)
{
	u64 rip = kvm_rip_read(vcpu);
	u64 next = rip + vmcs_read32(VM_EXIT_INSTRUCTION_LEN);

	if (unlikely((rip ^ next) >> 31))
		next = vmx_wrap_rip(vcpu, rip, next);
	return next;
}

/* --- vmcs.c --- */
int kvm_vmcs_init(struct kvm_vmcs *v);
void kvm_vmcs_free(struct kvm_vmcs *v);
void kvm_vmcs_load(struct kvm_vmcs *v, int cpu);
void kvm_vmcs_clear(struct kvm_vmcs *v);
void kvm_vmcs_percpu_init(int cpu);
void kvm_vmcs_clear_local(bool emergency);
u16 vmx_vpid_alloc(void);
void vmx_vpid_free(u16 vpid);

/* --- switch.c --- */
int vmx_user_return_init(void);
void vmx_user_return_exit(void);
void vmx_user_return_cpu_off(void);
void vmx_unload_guest_state(struct kvm_vcpu *vcpu);

/* --- posted.c: VMs with irq.posting --- */
void vmx_posted_init(void);
void vmx_posted_exit(void);
void vmx_posted_cpu_off(void);
void vmx_posted_load(struct kvm_vcpu *vcpu);
void vmx_posted_put(struct kvm_vcpu *vcpu);
void vmx_posted_update(struct kvm_vcpu *vcpu);

/* --- msr.c --- */
void vmx_msr_bitmap_init(struct kvm_vcpu *vcpu);
void vmx_msr_bitmap_allow(unsigned long *bitmap, u32 msr, bool read, bool write);

/* --- apicv.c --- */
/* At the vCPU's creation, and what of the MSR bitmap follows the APIC. */
void vmx_apicv_msr_bitmap(struct kvm_vcpu *vcpu);
/* Before an entry, interrupts off: the preemption timer. */
void vmx_arm_preemption_timer(struct kvm_vcpu *vcpu, u64 deadline);

/* --- check_vmcs.c --- */
DECLARE_STATIC_KEY_FALSE(vmx_check_on);
void vmx_check_entry(struct kvm_vcpu *vcpu);
void vmx_explain_failed_entry(struct kvm_vcpu *vcpu, u32 reason);

/* --- l1d.c --- */
DECLARE_STATIC_KEY_FALSE(vmx_l1d_on);
void vmx_l1d_flush(struct kvm_vcpu *vcpu);

/* --- perf.c: at the VMCS's creation, and before each entry with interrupts off --- */
void vmx_perf_init(struct kvm_vmcs *v);
void vmx_perf_prepare(struct kvm_vcpu *vcpu);
void vmx_perf_not_entered(struct kvm_vcpu *vcpu);
void vmx_restore_debugctl(struct kvm_vmx *vmx);

/* --- inject.c --- */
void vmx_match_pending_step(struct kvm_vcpu *vcpu);
void vmx_event_arrived(struct kvm_vcpu *vcpu);
void vmx_complete_events(struct kvm_vcpu *vcpu);

#endif
