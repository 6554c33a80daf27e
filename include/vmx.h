/* SPDX-License-Identifier: GPL-2.0-only */
/* What vmx/ offers: the CPU behind one interface. No other folder touches a VMCS. */
#ifndef KVMX_VMX_H
#define KVMX_VMX_H

#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include "x86.h"

struct kvm;
struct kvm_vcpu;
struct vmcs_region;
struct vmx_msr_areas;

/* What entry.S needs of a VMCS; offsets in vmx/entry.h. */
struct vmx_entry {
	u64 host_rsp;			/* as the VMCS has it */
	u32 host_spec, guest_spec;	/* IA32_SPEC_CTRL, if @spec */
	u16 launched;
	bool spec;
};

/**
 * struct kvm_vmcs - one VMCS with what the CPU does not tell of it
 *
 * Nothing assumes that a vCPU has only one.
 */
struct kvm_vmcs {
	struct vmcs_region *region;
	phys_addr_t pa;
	int cpu;			/* where it is active, -1 if clear */
	struct vmx_entry entry_args;
	struct list_head link;		/* in the list of its CPU */
	/* Shadows of fields written often or read back. */
	u32 pin, proc, proc2, entry, exit;
	u32 exception_bitmap;
	u64 host_fs_base;
	u16 host_fs_sel, host_gs_sel, host_ldt_sel, host_ds_sel, host_es_sel;
	u64 host_cr3, host_cr4;
	u64 guest_efer;
	/* Of the host's performance monitoring, vmx/perf.c. */
	bool perf_switched;		/* there is something to switch, */
	struct vmx_msr_areas *areas;	/* MSRs that entries and exits load, */
	u32 nr_switched;		/* how many, as the VMCS has it */
	u64 guest_perf_ctrl, host_perf_ctrl;	/* IA32_PERF_GLOBAL_CTRL, likewise */
	u64 held_debugctl;		/* the host's bits in the guest's IA32_DEBUGCTL */
};

struct kvm_vmx {
	struct kvm_vmcs vmcs01;
	struct kvm_vmcs *vmcs;		/* the one in use */
	u16 vpid;
	unsigned long *msr_bitmap;
	struct x86_segment seg[X86_NR_SEGS];
	u32 seg_avail;			/* bits of enum x86_seg */
	u32 idt_vectoring;
	u64 exit_qual;
	u32 exit_intr_info;
	u32 exit_reason;
	bool entry_failed;		/* VMLAUNCH or VMRESUME itself */
	bool handled;			/* the last exit needs nothing more */
	bool event_entered;		/* this entry carried an injected event */
	bool guest_state_loaded;	/* host FS/GS, user-return MSRs and XCR0 are the guest's */
	u64 guest_kernel_gs_base, host_kernel_gs_base;
	u64 host_debugctl;
	bool debugctl_at_once;		/* an exit restores it, not only the end of a turn */
	u32 nmis_seen;			/* the CPU's NMIs when perf was asked */
	u32 host_pkru;
	/* User-return MSRs: the guest's values. */
	u64 star, lstar, cstar, sfmask;
	u64 guest_tf;			/* RFLAGS.TF of the guest while a debugger steps it */
	bool apicv;			/* the CPU delivers interrupts by itself */
	u8 tpr_threshold;		/* as the VMCS has it */
	u64 *pml;			/* what the CPU logs, VMX_PML_ENTRIES gpas; vmx/pml.c */
	/* Posted interrupts of devices, vmx/posted.c. */
	bool blocked;			/* its thread is about to sleep */
	int wakeup_cpu;			/* on whose list it is, or -1; under that list's lock */
	struct list_head wakeup_link;
};

/* What was found of the CPU; read-only after kvm_arch_hardware_setup(). */
struct vmx_caps {
	u32 revision;
	u32 pin, proc, proc2, entry, exit;	/* the controls in use */
	u64 misc;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	bool ept_ad, ept_1g, ept_2m, vpid, invvpid_addr, xsaves, ple, tsc_scaling;
	bool pml;			/* with ept_ad */
	bool tpr_shadow, apic_accesses, x2apic_mode;
	bool apicv;			/* register virtualization and virtual-interrupt delivery */
	bool posted;			/* posted interrupts; exits acknowledge the host's */
	bool perf_ctrl;			/* entries and exits load IA32_PERF_GLOBAL_CTRL */
	bool preemption_timer;
	u8 preemption_shift;		/* it counts once in 1 << this TSC ticks */
};

/* --- vmx/caps.c --- */
extern struct vmx_caps vmx_caps;
int vmx_setup(void);			/* read capabilities, choose controls */
int vmx_check_cpu(void);		/* this CPU offers the same; any context */
const char *vmx_feature_line(char *buf, size_t len);

/* --- vmx/hardware.c --- */
int vmx_hardware_enable(void);		/* VMXON on this CPU; interrupts off */
void vmx_hardware_disable(void);	/* VMCLEAR all, VMXOFF; interrupts off */
void vmx_emergency_disable(void);	/* crash or reboot: VMX off on this CPU, any context */
int vmx_percpu_alloc(void);
void vmx_percpu_free(void);

/* --- vmx/power.c --- */
extern u64 kvm_host_xcr0, kvm_host_xss;	/* the host's XCR0 and IA32_XSS */
int vmx_check_all_cpus(void);
int vmx_power_init(void);
void vmx_power_exit(void);
/* VMX on while there is a VM. */
int kvm_hardware_get(void);
void kvm_hardware_put(void);

/* --- vmx/pml.c --- */
#define VMX_PML_ENTRIES	512
int vmx_pml_create(struct kvm_vcpu *vcpu);
void vmx_pml_free(struct kvm_vcpu *vcpu);
void vmx_pml_init(struct kvm_vcpu *vcpu);
void vmx_pml_update(struct kvm_vcpu *vcpu);
unsigned int vmx_pml_take(struct kvm_vcpu *vcpu, const u64 **gpas);

/* --- vmx/l1d.c --- */
int vmx_l1d_init(void);
void vmx_l1d_exit(void);
void vmx_l1d_warn(void);

/* --- vmx/vcpu.c --- */
int vmx_vcpu_create(struct kvm_vcpu *vcpu);
void vmx_vcpu_free(struct kvm_vcpu *vcpu);
void vmx_write_initial_controls(struct kvm_vcpu *vcpu);
void vmx_vcpu_reset(struct kvm_vcpu *vcpu, bool init_event);
/* True if it was on another CPU. */
bool vmx_vcpu_load(struct kvm_vcpu *vcpu, int cpu);
void vmx_vcpu_put(struct kvm_vcpu *vcpu);
void vmx_cpuid_changed(struct kvm_vcpu *vcpu);
/* The VM's disabled_exits, or what kvm_msr_allowed() says, changed; kvm->srcu is held. */
void vmx_update_intercepts(struct kvm_vcpu *vcpu);
void vmx_update_exception_bitmap(struct kvm_vcpu *vcpu);
void vmx_set_tsc_offset(struct kvm_vcpu *vcpu);
void vmx_flush_guest_tlb(struct kvm_vcpu *vcpu);	/* INVVPID */
void vmx_flush_gva(struct kvm_vcpu *vcpu, u64 la);
/* EPT of @kvm on this CPU; preemption off. */
void vmx_flush_ept(struct kvm *kvm);

/* --- vmx/regs.c --- */
/* Fills vcpu->... from the VMCS and marks it available. */
void vmx_cache_reg(struct kvm_vcpu *vcpu, int reg);
void vmx_get_segment(struct kvm_vcpu *vcpu, enum x86_seg seg, struct x86_segment *s);
void vmx_set_segment(struct kvm_vcpu *vcpu, enum x86_seg seg, const struct x86_segment *s);
u64 vmx_segment_base(struct kvm_vcpu *vcpu, enum x86_seg seg);
int vmx_cpl(struct kvm_vcpu *vcpu);
bool vmx_is_64bit_mode(struct kvm_vcpu *vcpu);
void vmx_get_gdt(struct kvm_vcpu *vcpu, struct x86_table *t);
void vmx_set_gdt(struct kvm_vcpu *vcpu, const struct x86_table *t);
void vmx_get_idt(struct kvm_vcpu *vcpu, struct x86_table *t);
void vmx_set_idt(struct kvm_vcpu *vcpu, const struct x86_table *t);
void vmx_set_rflags(struct kvm_vcpu *vcpu, u64 rflags);
/* Values that passed vcpu/cr.c; the caller has refreshed nothing yet. */
void vmx_set_cr0(struct kvm_vcpu *vcpu, u64 cr0);
void vmx_set_cr3(struct kvm_vcpu *vcpu, u64 cr3);
void vmx_set_cr4(struct kvm_vcpu *vcpu, u64 cr4);
void vmx_set_efer(struct kvm_vcpu *vcpu, u64 efer);
void vmx_write_pdptrs(struct kvm_vcpu *vcpu);
void vmx_read_pdptrs(struct kvm_vcpu *vcpu);
void vmx_set_dr7(struct kvm_vcpu *vcpu);

/* --- vmx/inject.c --- */
/* KVM_X86_SHADOW_INT_* */
u32 vmx_interrupt_shadow(struct kvm_vcpu *vcpu);
void vmx_set_interrupt_shadow(struct kvm_vcpu *vcpu, u32 shadow);
bool vmx_interrupt_allowed(struct kvm_vcpu *vcpu);
bool vmx_nmi_allowed(struct kvm_vcpu *vcpu);
bool vmx_nmi_masked(struct kvm_vcpu *vcpu);
void vmx_set_nmi_masked(struct kvm_vcpu *vcpu, bool masked);
/* Each writes the VM-entry interruption-information field from vcpu->events. */
void vmx_inject_exception(struct kvm_vcpu *vcpu, bool again);
void vmx_inject_interrupt(struct kvm_vcpu *vcpu);
void vmx_inject_nmi(struct kvm_vcpu *vcpu);
void vmx_cancel_injection(struct kvm_vcpu *vcpu);
void vmx_open_interrupt_window(struct kvm_vcpu *vcpu);
void vmx_open_nmi_window(struct kvm_vcpu *vcpu);

/* --- vmx/apicv.c: the vCPU has a local APIC; loaded --- */
int vmx_apicv_init(struct kvm_vcpu *vcpu);
/* The CPU delivers interrupts and does EOIs by itself for this vCPU. */
bool vmx_apicv_active(struct kvm_vcpu *vcpu);
/*
 * The APIC's mode, or what inhibits its virtualization, changed: controls, MSR bitmap. True
 * where the xAPIC's window is watched no longer.
 */
bool vmx_apicv_update(struct kvm_vcpu *vcpu);
/* The page kvm->irq.access_page is to be where the xAPIC's window is. */
bool vmx_apic_window_virtualized(struct kvm_vcpu *vcpu);
/* IRR or ISR of the page were written other than by the CPU: RVI and SVI, or a threshold. */
void vmx_set_interrupt_status(struct kvm_vcpu *vcpu, int irr, int isr);
void vmx_set_tpr_threshold(struct kvm_vcpu *vcpu, int irr, u8 tpr);
void vmx_set_eoi_exit_bitmap(struct kvm_vcpu *vcpu, const u64 vectors[4]);
/*
 * A request is in @vcpu's PIR, any thread: interrupt it in guest mode so that
 * the CPU takes it, or wake it. False: the caller makes KVM_REQ_EVENT and kicks.
 */
bool vmx_notify_pir(struct kvm_vcpu *vcpu);

/* --- vmx/posted.c: interrupts of devices, posted by the IOMMU --- */
bool vmx_can_post(void);
void vmx_posted_start(struct kvm *kvm);
void vmx_posted_block(struct kvm_vcpu *vcpu, bool blocked);

/* --- vmx/msr.c --- */
void vmx_set_tsc_aux(struct kvm_vcpu *vcpu, u64 val);

/* --- vmx/switch.c --- */
/* Preemption off: the host's lazily switched state becomes the guest's. */
void vmx_prepare_switch(struct kvm_vcpu *vcpu);

#endif
