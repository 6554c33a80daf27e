/* SPDX-License-Identifier: GPL-2.0-only */
/* The vCPU object. */
#ifndef KVMX_VCPU_H
#define KVMX_VCPU_H

#include <linux/bits.h>
#include <linux/cpumask.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <asm/fpu/types.h>
#include "async_pf.h"
#include "emulate.h"
#include "events.h"
#include "io.h"
#include "kvmx.h"
#include "pv.h"
#include "stats.h"
#include "vmx.h"

struct kvm_lapic;

/* Indices of vcpu->regs are the CPU's encodings; then what lives in the VMCS. */
enum kvm_reg {
	KVM_REG_RAX, KVM_REG_RCX, KVM_REG_RDX, KVM_REG_RBX,
	KVM_REG_RSP, KVM_REG_RBP, KVM_REG_RSI, KVM_REG_RDI,
	KVM_REG_R8, KVM_REG_R9, KVM_REG_R10, KVM_REG_R11,
	KVM_REG_R12, KVM_REG_R13, KVM_REG_R14, KVM_REG_R15,
	KVM_NR_GPRS,
	KVM_REG_RIP = KVM_NR_GPRS,
	KVM_REG_RFLAGS,
	KVM_REG_CR0,
	KVM_REG_CR3,
	KVM_REG_CR4,
	KVM_REG_EXIT_INTR_INFO,
	KVM_REG_EXIT_QUAL,
};

/* What KVM_SET_GUEST_DEBUG takes. */
#define KVM_GUESTDBG_KNOWN	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | \
				 KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP | \
				 KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP | \
				 KVM_GUESTDBG_BLOCKIRQ)

/* Debug registers, SDM 3B 17.2. */
#define DR6_BD		BIT_ULL(13)	/* an access while DR7.GD was set */
#define DR6_BS		BIT_ULL(14)	/* single step */
#define DR6_RTM		BIT_ULL(16)	/* 1: not in a transactional region */
#define DR6_RESET	0xffff0ff0ull
#define DR7_GD		BIT_ULL(13)
#define DR7_RESET	0x400ull

/* The last walk for an instruction fetch, see kvm_fetch_code(). */
struct kvm_fetch_walk {
	bool valid, user;
	u8 levels;
	u64 la_page, cr0, cr3, cr4, efer;
	u64 slots_gen;
	unsigned long code;		/* the page, in user space */
	unsigned long hva[5];
	u64 entry[5];
};

struct kvm_cpuid_cache;

struct kvm_vcpu {
	/* Hot: touched in every exit. */
	u64 regs[KVM_NR_GPRS];
	u64 rip, rflags;
	u32 regs_avail, regs_dirty;	/* bits of enum kvm_reg */
	int mode;
	unsigned long requests;
	bool insn_skipped;		/* since the last exit: the VMCS has a stale shadow */
	bool host_data;			/* of others may be in L1D: flush it before the entry */
	struct kvm_vmx vmx;
	struct kvm *kvm;
	struct kvm_run *run;
	int cpu;
	struct kvm_events events;
	atomic_t nmi_queued;		/* KVM_NMI and the like, from any thread */
	u64 cr0, cr2, cr3, cr4, cr8, efer;
	u64 cr0_guest_owned, cr4_guest_owned;
	u64 xcr0, xss;
	u32 pkru;
	u64 dr[4], dr6, dr7;
	u64 pdptrs[4];
	u64 tlb_gen;			/* kvm->mmu.tlb_gen seen at the last flush */
	cpumask_var_t ran_on;		/* CPUs, since the last WBINVD */

	/* Set by KVM_SET_CPUID2 and derived from it; vcpu/cpuid.c */
	struct kvm_cpuid_entry2 *cpuid;
	int cpuid_nent;
	struct kvm_cpuid_cache *cpuid_cache;
	u8 maxphyaddr;
	u64 reserved_gpa_bits;		/* bits of a physical address beyond maxphyaddr */
	u64 cr4_reserved;		/* CR4 bits the guest's CPUID does not have */
	u64 xcr0_supported;		/* XCR0 bits the guest may set */
	u32 guest_features[8];		/* enum kvm_cpuid_feature bits, see cpuid.h */

	struct fpu_guest guest_fpu;
	bool fpu_loaded;

	int vcpu_id, vcpu_idx;
	struct mutex mutex;		/* KVM_RUN and every ioctl that is not asynchronous */
	struct pid __rcu *pid;		/* the thread that runs it */
	struct preempt_notifier preempt_notifier;
	bool sigset_active;
	sigset_t sigset;
	int srcu_idx;
	struct page *pages[KVM_VCPU_MMAP_PAGES];
	void *pio_data;
	u32 mp_state;
	bool ran_once;
	bool preempted;			/* its thread was scheduled out inside an ioctl */

	struct kvm_lapic *apic;		/* NULL where the VM has no irqchip in the kernel */
	struct kvm_pv_vcpu pv;
	struct kvm_async_pf_vcpu apf;
	struct rcuwait wait;		/* blocked in HLT, or waits to be started */
	u32 halt_poll_ns;
	u8 eoi_exit_vector;		/* KVM_REQ_IOAPIC_EOI_EXIT */

	struct kvm_io_state io;
	struct emu_ctxt emu;
	struct kvm_fetch_walk fetch_walk;

	/* MSRs that are only storage. */
	u64 apic_base;
	u64 misc_enable;
	u64 tsc_aux, tsc_adjust;
	u64 mtrr_def_type, mtrr_fixed[11], mtrr_var[16];
	u64 pat;
	u64 platform_info, misc_features_enables;
	u64 arch_capabilities, perf_capabilities;
	u64 feature_control;
	u64 smbase, smi_count;
	u64 spec_ctrl, hwcr, power_ctl;
	u64 ucode_rev;
	u64 tsc_offset;			/* guest TSC = (host TSC * tsc_ratio >> 48) + tsc_offset */
	u64 tsc_ratio;
	u32 virtual_tsc_khz;
	struct {
		u64 cap, status, ctl;
		u64 *banks;		/* ctl, status, addr, misc of each */
		u64 *ctl2;		/* of each, behind those */
	} mce;
	u32 guest_debug;
	u64 guest_debug_dr[8];
	struct kvm_vcpu_stat stat;
	u32 msr_exit_reason;
	bool msr_exit_emulated;		/* the emulator met it, not the CPU */
};

/* --- vm/vcpu.c --- */
int kvm_vcpu_module_init(void);
void kvm_vcpu_module_exit(void);
long kvm_vm_ioctl_create_vcpu(struct kvm *kvm, u32 id);
void kvm_destroy_vcpus(struct kvm *kvm);

/* --- vcpu/wbinvd.c --- */
int kvm_wbinvd_create(struct kvm_vcpu *vcpu);
void kvm_wbinvd_destroy(struct kvm_vcpu *vcpu);
void kvm_wbinvd_ran_on(struct kvm_vcpu *vcpu, int cpu);
void kvm_wbinvd(struct kvm_vcpu *vcpu);

/* --- vcpu/fpu.c --- */
int kvm_fpu_create(struct kvm_vcpu *vcpu);
void kvm_fpu_destroy(struct kvm_vcpu *vcpu);
void kvm_fpu_reset(struct kvm_vcpu *vcpu, bool init_event);
void kvm_fpu_load(struct kvm_vcpu *vcpu);	/* guest's in, user space's saved */
void kvm_fpu_put(struct kvm_vcpu *vcpu);

#endif
