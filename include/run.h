/* SPDX-License-Identifier: GPL-2.0-only */
/* What run/ offers: what happens inside KVM_RUN. */
#ifndef KVMX_RUN_H
#define KVMX_RUN_H

#include "emulate.h"
#include "vcpu.h"

struct kvm_enable_cap;

/* --- run/load.c --- */
void kvm_vcpu_load_init(struct kvm_vcpu *vcpu);
void vcpu_load(struct kvm_vcpu *vcpu);
void vcpu_put(struct kvm_vcpu *vcpu);

/* --- run/reset.c --- */
void kvm_vcpu_reset(struct kvm_vcpu *vcpu, bool init_event);
/* INIT and SIPI that wait for @vcpu, which has a local APIC: its own thread, with mp_state. */
void kvm_accept_init_sipi(struct kvm_vcpu *vcpu);

/* --- run/complete.c --- */
/* KVM_RUN begins with this where vcpu->completion.complete is set. 1 go on, 0 exit, <0 errno */
int kvm_complete(struct kvm_vcpu *vcpu);
/* User space is about to move the vCPU: if it does, what waits is forgotten. */
void kvm_note_place(struct kvm_vcpu *vcpu);

/*
 * The exit in kvm_run is one that user space answers: the next KVM_RUN begins with @complete, at
 * the instruction where the vCPU is now, and unless user space has moved it.
 */
static inline void kvm_complete_later(struct kvm_vcpu *vcpu,
				      int (*complete)(struct kvm_vcpu *vcpu))
{
	vcpu->completion.complete = complete;
}

/* --- run/enter.c --- */
/*
 * Interrupts off: enters the guest, and again after each exit that can be
 * handled with interrupts off; returns with interrupts off and the exit noted.
 */
void kvm_enter_guest(struct kvm_vcpu *vcpu);
/* Interrupts off, right after: hands host interrupts, NMIs, #MC of the exit to the host. */
void kvm_handle_host_events(struct kvm_vcpu *vcpu);

/* --- run/exit.c: 1 go on in the guest, 0 to user space (kvm_run filled), <0 errno --- */
int kvm_handle_exit(struct kvm_vcpu *vcpu);
/* The instruction at RIP is done: RIP, TF, shadow. 1, or 0 for a debugger's exit. */
int kvm_skip_instruction(struct kvm_vcpu *vcpu);
int kvm_advance_rip(struct kvm_vcpu *vcpu, u64 rip);
int kvm_inject_gp(struct kvm_vcpu *vcpu);
int kvm_debug_exit(struct kvm_vcpu *vcpu, u32 exception, u64 dr6);
int kvm_handle_preemption_timer(struct kvm_vcpu *vcpu);
int kvm_handle_interrupt_window(struct kvm_vcpu *vcpu);
void kvm_emulate_cpuid(struct kvm_vcpu *vcpu);

/* --- run/block.c --- */
/*
 * vcpu->mp_state is not RUNNABLE: waits until there is a reason to run. 1 go on
 * in the run loop, -EINTR a signal. kvm->srcu is let go meanwhile.
 */
int kvm_vcpu_block(struct kvm_vcpu *vcpu);
/* HLT: 1 go on (blocked at the next turn), 0 KVM_EXIT_HLT. */
int kvm_vcpu_halt(struct kvm_vcpu *vcpu);
/* An interrupt, NMI, INIT, ... can be delivered now. Own thread. */
bool kvm_vcpu_has_events(struct kvm_vcpu *vcpu);
long kvm_enable_halt_poll(struct kvm *kvm, const struct kvm_enable_cap *cap);

/* --- run/hypercall.c: false if it needs the slow path --- */
bool kvm_hypercall(struct kvm_vcpu *vcpu);
void kvm_hypercall_slow(struct kvm_vcpu *vcpu, bool *out);
int kvm_handle_vmcall(struct kvm_vcpu *vcpu);

/* --- run/regs.c --- */
int kvm_sync_regs_in(struct kvm_vcpu *vcpu);
void kvm_sync_regs_out(struct kvm_vcpu *vcpu);

/* --- run/msr.c: 0, or 1 where the guest gets #GP; KVM_MSR_UNKNOWN likewise --- */
#define KVM_MSR_UNKNOWN	2	/* there is no such MSR */
int kvm_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host);
int kvm_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host);

/* --- run/msr_exit.c: RDMSR and WRMSR of the guest --- */
enum kvm_msr_answer {
	KVM_MSR_DONE,
	KVM_MSR_GP,		/* the guest gets #GP(0) */
	KVM_MSR_TO_USER,	/* user space answers: kvm_run is filled */
};

enum kvm_msr_answer kvm_guest_rdmsr(struct kvm_vcpu *vcpu, u32 index, u64 *val);
enum kvm_msr_answer kvm_guest_wrmsr(struct kvm_vcpu *vcpu, u32 index, u64 val);
int kvm_emulate_rdmsr(struct kvm_vcpu *vcpu);
int kvm_emulate_wrmsr(struct kvm_vcpu *vcpu);
/* For kvm_complete_later(), where the emulator met the instruction. */
int kvm_complete_emulated_rdmsr(struct kvm_vcpu *vcpu);
int kvm_complete_emulated_wrmsr(struct kvm_vcpu *vcpu);

/* --- run/emulate.c: 1 go on in the guest, 0 exit to user space, <0 errno --- */
int kvm_emulate_instruction(struct kvm_vcpu *vcpu, const u8 *bytes, unsigned int len);
/* An answered access: emulate the instruction again. */
int kvm_emulate_again(struct kvm_vcpu *vcpu);
/* The RDMSR or WRMSR in the emulator is done: user space has answered. */
int kvm_emulated_by_user(struct kvm_vcpu *vcpu);
int kvm_task_switch(struct kvm_vcpu *vcpu, u16 selector, int idt_vector, int reason, bool has_error,
		    u32 error_code);

/* --- run/emulate_ud.c --- */
int kvm_handle_ud(struct kvm_vcpu *vcpu);

#endif
