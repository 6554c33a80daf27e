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

/* Indices of vcpu->regs.gpr are the CPU's encodings; then what lives in the VMCS. */
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

/*
 * Who touches a member, or all members of a struct:
 *	[c] set when the vCPU is made, and then only read
 *	[o] its own thread, the one in an ioctl that holds @mutex; no other
 *	[x] likewise, and also by that thread with interrupts off, between two entries
 *	[a] any thread: written by the one that the comment names, READ_ONCE() and atomic
 *	    operations elsewhere
 */

/* General registers as the guest has them, or as the next entry is to find them. [x] */
struct kvm_vcpu_regs {
	u64 gpr[KVM_NR_GPRS];
	u64 rip, rflags;
	u32 avail, dirty;		/* bits of enum kvm_reg */
	bool skipped;			/* RIP, since the last exit: the VMCS has a stale shadow */
};

/* Control registers. [o] */
struct kvm_vcpu_cr {
	u64 cr0, cr2, cr3, cr4, cr8, efer;
	u64 cr0_guest_owned, cr4_guest_owned;
	u64 pdptrs[4];
};

/* [o] */
struct kvm_vcpu_fpu {
	struct fpu_guest guest;
	u64 xcr0, xss;
	u32 pkru;
	bool loaded;
};

/* Debug registers, and what a debugger in user space wants. [o] */
struct kvm_vcpu_debug {
	u64 dr[4], dr6, dr7;
	u32 flags;			/* KVM_GUESTDBG_* */
	u64 user_dr[8];
};

/* How other threads reach the vCPU: Documentation/locking.rst. [a] */
struct kvm_vcpu_kick {
	int mode;			/* own thread; any thread turns IN into EXITING */
	unsigned long requests;		/* bits of enum kvm_request: any thread */
	int cpu;			/* where it was loaded last: own thread */
	bool preempted;			/* scheduled out inside an ioctl: own thread */
	struct pid __rcu *pid;		/* the thread that runs it: own thread */
	struct rcuwait wait;		/* blocked in HLT, or waits to be started */
};

/* KVM_SET_CPUID2's, and what is derived from it; vcpu/cpuid.c. [o] */
struct kvm_vcpu_cpuid {
	struct kvm_cpuid_entry2 *entry;
	int nent;
	struct kvm_cpuid_cache *cache;
	u8 maxphyaddr;
	u64 reserved_gpa_bits;		/* bits of a physical address beyond maxphyaddr */
	u64 cr4_reserved;		/* CR4 bits the guest's CPUID does not have */
	u64 xcr0_supported;		/* XCR0 bits the guest may set */
	u32 features[8];		/* enum kvm_cpuid_feature bits, see cpuid.h */
};

/* MSRs that are only storage. [o], but for apic_base, which other vCPUs' IPIs read [a] */
struct kvm_vcpu_msr {
	u64 apic_base;
	u64 misc_enable;
	u64 tsc_aux;
	u64 pat;
	u64 platform_info, misc_features_enables;
	u64 arch_capabilities, perf_capabilities;
	u64 feature_control;
	u64 smbase, smi_count;
	u64 spec_ctrl, hwcr, power_ctl;
	u64 ucode_rev;
};

/* [o] */
struct kvm_vcpu_mtrr {
	u64 def_type, fixed[11], var[16];
};

/* Guest TSC = (host TSC * ratio >> 48) + offset. Own thread writes. [a] */
struct kvm_vcpu_tsc {
	u64 offset, ratio, adjust;
	u32 khz;
};

/* [o] */
struct kvm_vcpu_mce {
	u64 cap, status, ctl;
	u64 *banks;			/* ctl, status, addr, misc of each */
	u64 *ctl2;			/* of each, behind those */
};

/* What the file descriptor has for user space. [o], @pages and @pio_data [c] */
struct kvm_vcpu_user {
	struct page *pages[KVM_VCPU_MMAP_PAGES];
	void *pio_data;
	bool sigset_active;
	sigset_t sigset;
};

/* [o] */
struct kvm_vcpu_halt {
	u32 mp_state;
	u32 poll_ns;
};

/* Guest memory as this vCPU last saw it. [x] */
struct kvm_vcpu_mem {
	u64 tlb_gen;			/* kvm->mmu.tlb_gen seen at the last flush */
	cpumask_var_t ran_on;		/* CPUs, since the last WBINVD */
	struct kvm_fetch_walk fetch_walk;
	struct kvm_memslot *slot;	/* found last, as of slot_gen: kvm_vcpu_memslot() */
	u64 slot_gen;			/* kvm->slots.gen then */
	bool host_data;			/* of others may be in L1D: flush it before the entry */
};

/* Its dirty ring, mmu/ring.c; the indices count up for ever. */
struct kvm_ring {
	struct kvm_dirty_gfn *entries;	/* NULL: no rings [c]; user space writes to them */
	u32 head;			/* the next to be made: own thread */
	u32 tail;			/* the next to be given back; under slots_lock */
};

/* The thread that has it loaded. [o] */
struct kvm_vcpu_load {
	struct preempt_notifier preempt_notifier;
	int srcu_idx;			/* of kvm->srcu, in KVM_RUN */
	bool ran_once;
};

/*
 * An instruction that waits for user space's answer to the exit in kvm_run: what the next KVM_RUN
 * does first. run/complete.c. [o]
 */
struct kvm_completion {
	int (*complete)(struct kvm_vcpu *vcpu);	/* NULL: nothing waits. 1 go on, 0 exit, <0 errno */
	u64 linear_rip;			/* where the instruction is, if @placed */
	bool placed;			/* user space may have moved the vCPU since */
};

/*
 * What each entry takes beside the entry itself, in vcpu->entry_needs. The code whose state asks
 * for it sets the bit and clears it; without any bit an entry costs one look at the word.
 */
#define KVM_ENTRY_PV_EOI	BIT(0)	/* the guest has a flag for EOI in its memory */
#define KVM_ENTRY_VAPIC		BIT(1)	/* or a copy of its TPR */
#define KVM_ENTRY_DEBUG		BIT(2)	/* a debugger in user space follows each instruction */
#define KVM_ENTRY_PML		BIT(3)	/* the CPU logs what it writes */

struct kvm_vcpu {
	/* Hot: touched in every exit. */
	struct kvm_vcpu_regs regs;
	struct kvm_vcpu_kick kick;
	struct kvm_vmx vmx;		/* [x]; apicv and what vmx/posted.c has: [a] */
	struct kvm *kvm;		/* [c] */
	struct kvm_run *run;		/* [c]; user space writes to it at any time */
	struct kvm_events events;	/* [x] */
	struct kvm_vcpu_cr cr;
	struct kvm_vcpu_mem mem;
	u32 entry_needs;		/* [o] */
	struct kvm_lapic *apic;		/* [c]; NULL where the VM has no irqchip in the kernel */

	int vcpu_id, vcpu_idx;		/* [c] */
	struct mutex mutex;		/* KVM_RUN and every ioctl that is not asynchronous */
	struct kvm_vcpu_load load;
	struct kvm_ring ring;		/* [a] */
	struct kvm_vcpu_user user;
	struct kvm_vcpu_halt halt;
	struct kvm_vcpu_cpuid cpuid;
	struct kvm_vcpu_fpu fpu;
	struct kvm_vcpu_debug debug;
	struct kvm_vcpu_msr msr;
	struct kvm_vcpu_mtrr mtrr;
	struct kvm_vcpu_tsc tsc;
	struct kvm_vcpu_mce mce;
	struct kvm_pv_vcpu pv;		/* [o] */
	struct kvm_async_pf_vcpu apf;	/* [o] */
	struct kvm_completion completion;	/* [o] */
	struct kvm_io_state io;		/* [o] */
	struct emu_ctxt emu;		/* [o] */
	struct kvm_vcpu_stat stat;	/* own thread writes [a] */
};

/* Own thread, and not inside kvm_enter_guest(). */
static inline void kvm_set_entry_needs(struct kvm_vcpu *vcpu, u32 bit, bool needed)
{
	vcpu->entry_needs = needed ? vcpu->entry_needs | bit : vcpu->entry_needs & ~bit;
}

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
