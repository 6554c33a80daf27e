/* SPDX-License-Identifier: GPL-2.0-only */
/* The vCPU object and what vcpu/ offers the other folders. */
#ifndef KVMX_VCPU_H
#define KVMX_VCPU_H

#include <linux/bits.h>
#include <linux/cpumask.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <asm/fpu/types.h>
#include "async_pf.h"
#include "emulate.h"
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

/* vcpu->mode: the kick protocol, see Documentation/locking.rst. */
enum {
	OUTSIDE_GUEST_MODE,
	IN_GUEST_MODE,
	EXITING_GUEST_MODE,
};

/* Events in architectural terms. At most one of the injected ones is on its way in. */
struct kvm_events {
	struct {
		bool pending, injected;
		u8 vector;
		bool has_error, has_payload;
		u32 error_code;
		u64 payload;
	} exc;
	struct {
		bool injected;
		bool soft;
		u8 vector;
	} intr;
	int extint;			/* KVM_INTERRUPT's vector, not yet injected; -1 none */
	u8 nmi_pending;			/* 0 to 2 */
	bool nmi_injected;
	bool triple_fault;
	u8 soft_insn_len;		/* length of the INT n/INT3/INTO being delivered */
};

/* A device access of the instruction being emulated, see vcpu/io.c. */
#define KVM_IO_LOG_MAX	EMU_MAX_ACCESSES

struct kvm_io_entry {
	u64 addr;
	u8 data[8];
	u16 len;		/* of port strings up to a page */
	bool write;
};

enum kvm_io_pending {
	KVM_IO_NONE,
	KVM_IO_FAST_IN,		/* an IN: the answer goes to RAX */
	KVM_IO_FAST_OUT,	/* an OUT: go past it */
	KVM_IO_STEP,		/* an OUT that is over: report the debugger's step */
	KVM_IO_EMULATE,		/* log[done] is with user space; then emulate again */
};

/* Where a page of linear addresses is, for as long as one instruction lasts. */
struct kvm_io_page {
	bool known;
	bool device;		/* the CPU found no memory there for such an access */
	u64 la_page;
	gpa_t gpa_page;
};

struct kvm_io_state {
	u8 done;		/* accesses in the log that are answered */
	u8 next;		/* the one the running emulation asks for next */
	bool posted;		/* log[done] is a write, and the emulation went on */
	bool out;		/* kvm_run is filled */
	bool halt;		/* the instruction was a HLT */
	u8 pending;		/* enum kvm_io_pending: what the next KVM_RUN does first */
	bool placed;		/* pending, and linear_rip says where: kvm_io_note_place() */
	u64 linear_rip;		/* where the pending instruction is */
	u32 pio_size;
	/* The last of reads and of writes; at first the exit's own. */
	struct kvm_io_page tr[2];
	u8 cpl;			/* at which they are good */
	struct kvm_io_entry log[KVM_IO_LOG_MAX];	/* accesses of this instruction, in order */
};

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

/* --- registers: vmx/ reads lazily --- */
static inline bool kvm_reg_is_avail(const struct kvm_vcpu *vcpu, int reg)
{
	return vcpu->regs_avail & (1u << reg);
}

static inline u64 kvm_rip_read(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_RIP))
		vmx_cache_reg(vcpu, KVM_REG_RIP);
	return vcpu->rip;
}

static inline void kvm_rip_write(struct kvm_vcpu *vcpu, u64 val)
{
	vcpu->rip = val;
	vcpu->regs_avail |= 1u << KVM_REG_RIP;
	vcpu->regs_dirty |= 1u << KVM_REG_RIP;
}

static inline u64 kvm_rsp_read(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_RSP))
		vmx_cache_reg(vcpu, KVM_REG_RSP);
	return vcpu->regs[KVM_REG_RSP];
}

static inline u64 kvm_gpr_read(struct kvm_vcpu *vcpu, int reg)
{
	return reg == KVM_REG_RSP ? kvm_rsp_read(vcpu) : vcpu->regs[reg];
}

static inline void kvm_gpr_write(struct kvm_vcpu *vcpu, int reg, u64 val)
{
	vcpu->regs[reg] = val;
	if (reg == KVM_REG_RSP) {
		vcpu->regs_avail |= 1u << KVM_REG_RSP;
		vcpu->regs_dirty |= 1u << KVM_REG_RSP;
	}
}

/* Where the instruction at RIP is. */
static inline u64 kvm_linear_rip(struct kvm_vcpu *vcpu)
{
	u64 la = vmx_segment_base(vcpu, EMU_SEG_CS) + kvm_rip_read(vcpu);

	return vcpu->efer & EFER_LMA ? la : (u32)la;
}

/*
 * User space is about to move the vCPU. If it is elsewhere at the next KVM_RUN, the access
 * that waits is forgotten; who leaves the registers alone pays nothing for that.
 */
static inline void kvm_io_note_place(struct kvm_vcpu *vcpu)
{
	if (vcpu->io.pending && !vcpu->io.placed) {
		vcpu->io.linear_rip = kvm_linear_rip(vcpu);
		vcpu->io.placed = true;
	}
}

static inline u64 kvm_rflags_read(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_RFLAGS))
		vmx_cache_reg(vcpu, KVM_REG_RFLAGS);
	return vcpu->rflags;
}

/* With the guest-owned bits as they are in the VMCS. */
static inline u64 kvm_cr0_read(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_CR0))
		vmx_cache_reg(vcpu, KVM_REG_CR0);
	return vcpu->cr0;
}

static inline u64 kvm_cr3_read(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_CR3))
		vmx_cache_reg(vcpu, KVM_REG_CR3);
	return vcpu->cr3;
}

static inline u64 kvm_cr4_read(struct kvm_vcpu *vcpu)
{
	if (!kvm_reg_is_avail(vcpu, KVM_REG_CR4))
		vmx_cache_reg(vcpu, KVM_REG_CR4);
	return vcpu->cr4;
}

/* Linear addresses go through PDPTEs, which are registers then. */
static inline bool kvm_pae_paging(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !(efer & EFER_LMA);
}

static inline bool kvm_in_pae_paging(struct kvm_vcpu *vcpu)
{
	return kvm_pae_paging(kvm_cr0_read(vcpu), kvm_cr4_read(vcpu), vcpu->efer);
}

static inline bool kvm_request_pending(const struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests);
}

static inline bool kvm_check_request(struct kvm_vcpu *vcpu, enum kvm_request req)
{
	if (!test_bit(req, &vcpu->requests))
		return false;
	clear_bit(req, &vcpu->requests);
	/* What the requester wrote before the bit is seen after this. */
	smp_mb__after_atomic();
	return true;
}

static inline void kvm_make_request(struct kvm_vcpu *vcpu, enum kvm_request req)
{
	/* What was written before is seen by whoever sees the bit. */
	smp_wmb();
	set_bit(req, &vcpu->requests);
}

/* --- vcpu/vcpu.c --- */
int kvm_vcpu_module_init(void);
void kvm_vcpu_module_exit(void);
long kvm_vm_ioctl_create_vcpu(struct kvm *kvm, u32 id);
void kvm_destroy_vcpus(struct kvm *kvm);
void vcpu_load(struct kvm_vcpu *vcpu);
void vcpu_put(struct kvm_vcpu *vcpu);
void kvm_vcpu_kick(struct kvm_vcpu *vcpu);
void kvm_vcpu_reset(struct kvm_vcpu *vcpu, bool init_event);
void kvm_vcpu_on_spin(struct kvm_vcpu *vcpu);
/* Gives its CPU to @target's thread if that was preempted; KVM_HC_SCHED_YIELD. */
bool kvm_vcpu_yield_to(struct kvm_vcpu *target);
/* Wakes a blocked vCPU; any context. True if it was blocked. */
bool kvm_vcpu_wake_up(struct kvm_vcpu *vcpu);
/* By its id (the APIC id), or NULL. */
struct kvm_vcpu *kvm_get_vcpu_by_id(struct kvm *kvm, u32 id);

/* --- vcpu/block.c --- */
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

void kvm_vcpu_note_thread(struct kvm_vcpu *vcpu);

/* --- vcpu/hypercall.c: false if it needs the slow path --- */
bool kvm_hypercall(struct kvm_vcpu *vcpu);
void kvm_hypercall_slow(struct kvm_vcpu *vcpu, bool *out);
int kvm_handle_vmcall(struct kvm_vcpu *vcpu);
/* KVM_RUN begins with this where vcpu->pv.hypercall_out is set. */
int kvm_complete_hypercall(struct kvm_vcpu *vcpu);

/* --- vcpu/events.c --- */
void kvm_queue_exception(struct kvm_vcpu *vcpu, u8 vector);
void kvm_queue_exception_e(struct kvm_vcpu *vcpu, u8 vector, u32 error_code);
void kvm_queue_exception_p(struct kvm_vcpu *vcpu, u8 vector, u64 payload);
void kvm_queue_page_fault(struct kvm_vcpu *vcpu, u64 cr2, u32 error_code);
/* What emulate/ and the walker report. */
void kvm_queue_fault(struct kvm_vcpu *vcpu, const struct emu_fault *f);
void kvm_queue_nmi(struct kvm_vcpu *vcpu);
void kvm_inject_events(struct kvm_vcpu *vcpu);
bool kvm_ready_for_interrupt(struct kvm_vcpu *vcpu);
/* An interrupt of any source waits that its controller would deliver now. Own thread. */
bool kvm_interrupt_pending(struct kvm_vcpu *vcpu);
void kvm_events_reset(struct kvm_vcpu *vcpu);

/* --- vcpu/regs.c --- */
int kvm_sync_regs_in(struct kvm_vcpu *vcpu);
void kvm_sync_regs_out(struct kvm_vcpu *vcpu);

/* --- vcpu/msr_exit.c: RDMSR and WRMSR of the guest --- */
enum emu_status kvm_guest_rdmsr(struct kvm_vcpu *vcpu, u32 index, u64 *val);
enum emu_status kvm_guest_wrmsr(struct kvm_vcpu *vcpu, u32 index, u64 val);
int kvm_emulate_rdmsr(struct kvm_vcpu *vcpu);
int kvm_emulate_wrmsr(struct kvm_vcpu *vcpu);
/* KVM_RUN begins with this where vcpu->msr_exit_reason is not 0. */
int kvm_complete_msr(struct kvm_vcpu *vcpu);

static inline void kvm_forget_translations(struct kvm_vcpu *vcpu)
{
	vcpu->io.tr[0].known = false;
	vcpu->io.tr[1].known = false;
}

/* --- vcpu/io.c: device accesses of the emulator --- */
void kvm_io_begin(struct kvm_vcpu *vcpu);
void kvm_io_refuse(struct kvm_vcpu *vcpu);
enum emu_status kvm_io_read(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len);
enum emu_status kvm_io_write(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, unsigned int len);
enum emu_status kvm_io_pio_in(struct kvm_vcpu *vcpu, u16 port, unsigned int size, void *buf,
			      unsigned int count);
enum emu_status kvm_io_pio_out(struct kvm_vcpu *vcpu, u16 port, unsigned int size, const void *buf,
			       unsigned int count);
/* An answered access: emulate the instruction again. */
int kvm_emulate_again(struct kvm_vcpu *vcpu);

/* --- vcpu/emulate.c, vcpu/io.c: 1 go on in the guest, 0 exit to user space, <0 errno --- */
extern int kvm_force_emulation_prefix;	/* the module parameter */
int kvm_handle_ud(struct kvm_vcpu *vcpu);
int kvm_emulate_instruction(struct kvm_vcpu *vcpu, const u8 *bytes, unsigned int len);
/* The RDMSR or WRMSR in the emulator is done: user space has answered. */
int kvm_emulated_by_user(struct kvm_vcpu *vcpu);
int kvm_task_switch(struct kvm_vcpu *vcpu, u16 selector, int idt_vector, int reason, bool has_error,
		    u32 error_code);
int kvm_fast_pio(struct kvm_vcpu *vcpu, u16 port, unsigned int size, bool in);
int kvm_complete_io(struct kvm_vcpu *vcpu);

/* --- vcpu/emulate_vec.c --- */
void kvm_emu_get_vec(struct emu_ctxt *c, int reg, void *buf, unsigned int len);
void kvm_emu_set_vec(struct emu_ctxt *c, int reg, const void *buf, unsigned int len);
void kvm_emu_fxsave(struct emu_ctxt *c, struct emu_fx *fx, bool wide);
void kvm_emu_fxrstor(struct emu_ctxt *c, const struct emu_fx *fx, bool wide);

/* --- vcpu/cr.c: the architecture's rules for writes; 0, or 1 where the guest gets #GP --- */
int kvm_set_cr0(struct kvm_vcpu *vcpu, u64 val);
int kvm_set_cr3(struct kvm_vcpu *vcpu, u64 val);
int kvm_set_cr4(struct kvm_vcpu *vcpu, u64 val);
int kvm_set_cr8(struct kvm_vcpu *vcpu, u64 val);
u8 kvm_get_cr8(struct kvm_vcpu *vcpu);
int kvm_set_efer(struct kvm_vcpu *vcpu, u64 val, bool host);
int kvm_set_xcr(struct kvm_vcpu *vcpu, u32 index, u64 val);
int kvm_set_dr(struct kvm_vcpu *vcpu, int dr, u64 val);
u64 kvm_get_dr(struct kvm_vcpu *vcpu, int dr);
bool kvm_cr4_valid(struct kvm_vcpu *vcpu, u64 cr4);
bool kvm_sregs_valid(struct kvm_vcpu *vcpu, const struct kvm_sregs *sregs);

/* --- vcpu/msr.c: 0, or 1 where the guest gets #GP; KVM_MSR_UNKNOWN likewise --- */
#define KVM_MSR_UNKNOWN	2	/* there is no such MSR */
int kvm_get_msr(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host);
int kvm_set_msr(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host);

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
