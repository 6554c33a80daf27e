/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, an interface to perf kvm, trace-cmd and kvm_stat: names, fields
 * and their order are those of /sys/kernel/tracing/events/kvm/ of Linux.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

#if !defined(KVMX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVMX_TRACE_H

#include <linux/tracepoint.h>
#include <asm/vmx.h>
#include "regs.h"

/* The value of field isa: 1 is VMX. */
#define KVM_ISA_VMX	1

/* kvm_pio's rw. */
#define KVM_TRACE_PIO_IN	0
#define KVM_TRACE_PIO_OUT	1

/* kvm_mmio's type. */
#define KVM_TRACE_MMIO_READ_UNSATISFIED	0
#define KVM_TRACE_MMIO_READ		1
#define KVM_TRACE_MMIO_WRITE		2

/* kvm_emulate_insn's flags. */
#define KVM_EMUL_INSN_F_CR0_PE		(1 << 0)
#define KVM_EMUL_INSN_F_EFL_VM		(1 << 1)
#define KVM_EMUL_INSN_F_CS_D		(1 << 2)
#define KVM_EMUL_INSN_F_CS_L		(1 << 3)

#ifndef KVMX_TRACE_HELPERS
#define KVMX_TRACE_HELPERS

/* --- vmx/trace.c --- */
/* What the VMCS says of the exit, for the event kvm_exit. */
void vmx_trace_exit(struct kvm_vcpu *vcpu, u64 *info1, u64 *info2, u32 *intr_info,
		    u32 *error_code);

static inline u8 kvm_trace_mode(enum emu_mode mode)
{
	switch (mode) {
	case EMU_MODE_VM86:
		return KVM_EMUL_INSN_F_CR0_PE | KVM_EMUL_INSN_F_EFL_VM;
	case EMU_MODE_PROT16:
		return KVM_EMUL_INSN_F_CR0_PE;
	case EMU_MODE_PROT32:
		return KVM_EMUL_INSN_F_CR0_PE | KVM_EMUL_INSN_F_CS_D;
	case EMU_MODE_PROT64:
		return KVM_EMUL_INSN_F_CR0_PE | KVM_EMUL_INSN_F_CS_L;
	default:
		return 0;
	}
}

/* The first of @count values of @size bytes, of which the event has room for 4. */
static inline u32 kvm_trace_first(const void *data, unsigned int size)
{
	u32 val = 0;

	memcpy(&val, data, min_t(unsigned int, size, sizeof(val)));
	return val;
}

static inline u64 kvm_trace_value(const void *data, unsigned int size)
{
	u64 val = 0;

	if (data)
		memcpy(&val, data, min_t(unsigned int, size, sizeof(val)));
	return val;
}
#endif

TRACE_EVENT(kvm_vcpu_wakeup,
	TP_PROTO(__u64 ns, bool waited, bool valid),
	TP_ARGS(ns, waited, valid),

	TP_STRUCT__entry(
		__field(__u64, ns)
		__field(bool, waited)
		__field(bool, valid)
	),

	TP_fast_assign(
		__entry->ns = ns;
		__entry->waited = waited;
		__entry->valid = valid;
	),

	TP_printk("%s time %lld ns, polling %s", __entry->waited ? "wait" : "poll", __entry->ns,
		  __entry->valid ? "valid" : "invalid")
);

TRACE_EVENT(kvm_halt_poll_ns,
	TP_PROTO(bool grow, unsigned int vcpu_id, unsigned int new, unsigned int old),
	TP_ARGS(grow, vcpu_id, new, old),

	TP_STRUCT__entry(
		__field(bool, grow)
		__field(unsigned int, vcpu_id)
		__field(unsigned int, new)
		__field(unsigned int, old)
	),

	TP_fast_assign(
		__entry->grow = grow;
		__entry->vcpu_id = vcpu_id;
		__entry->new = new;
		__entry->old = old;
	),

	TP_printk("vcpu %u: halt_poll_ns %u (%s %u)", __entry->vcpu_id, __entry->new,
		  __entry->grow ? "grow" : "shrink", __entry->old)
);

TRACE_EVENT(kvm_entry,
	TP_PROTO(struct kvm_vcpu *vcpu),
	TP_ARGS(vcpu),

	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned long, rip)
		__field(bool, immediate_exit)
	),

	TP_fast_assign(
		__entry->vcpu_id = vcpu->vcpu_id;
		__entry->rip = kvm_rip_read(vcpu);
		/* No entry is made only to leave the guest at once. */
		__entry->immediate_exit = false;
	),

	TP_printk("vcpu %u, rip 0x%lx%s", __entry->vcpu_id, __entry->rip,
		  __entry->immediate_exit ? "[immediate exit]" : "")
);

#define kvm_trace_reason(isa, reason)						\
	(isa == KVM_ISA_VMX) ?							\
	__print_symbolic(reason & 0xffff, VMX_EXIT_REASONS) : "",		\
	(isa == KVM_ISA_VMX && reason & ~0xffff) ? " " : "",			\
	(isa == KVM_ISA_VMX) ?							\
	__print_flags(reason & ~0xffff, " ", VMX_EXIT_REASON_FLAGS) : ""

TRACE_EVENT(kvm_exit,
	TP_PROTO(struct kvm_vcpu *vcpu, u32 exit_reason),
	TP_ARGS(vcpu, exit_reason),

	TP_STRUCT__entry(
		__field(unsigned int, exit_reason)
		__field(unsigned long, guest_rip)
		__field(u32, isa)
		__field(u64, info1)
		__field(u64, info2)
		__field(u32, intr_info)
		__field(u32, error_code)
		__field(unsigned int, vcpu_id)
	),

	TP_fast_assign(
		__entry->exit_reason = exit_reason;
		__entry->guest_rip = kvm_rip_read(vcpu);
		__entry->isa = KVM_ISA_VMX;
		__entry->vcpu_id = vcpu->vcpu_id;
		vmx_trace_exit(vcpu, &__entry->info1, &__entry->info2,
			       &__entry->intr_info, &__entry->error_code);
	),

	TP_printk("vcpu %u reason %s%s%s rip 0x%lx info1 0x%016llx info2 0x%016llx intr_info 0x%08x error_code 0x%08x",
		  __entry->vcpu_id, kvm_trace_reason(__entry->isa, __entry->exit_reason),
		  __entry->guest_rip, __entry->info1, __entry->info2,
		  __entry->intr_info, __entry->error_code)
);

/* Port I/O: @data holds @count values of @size bytes. */
TRACE_EVENT(kvm_pio,
	TP_PROTO(unsigned int rw, unsigned int port, unsigned int size, unsigned int count,
		 const void *data),
	TP_ARGS(rw, port, size, count, data),

	TP_STRUCT__entry(
		__field(unsigned int, rw)
		__field(unsigned int, port)
		__field(unsigned int, size)
		__field(unsigned int, count)
		__field(unsigned int, val)
	),

	TP_fast_assign(
		__entry->rw = rw;
		__entry->port = port;
		__entry->size = size;
		__entry->count = count;
		__entry->val = kvm_trace_first(data, size);
	),

	TP_printk("pio_%s at 0x%x size %d count %d val 0x%x %s",
		  __entry->rw ? "write" : "read", __entry->port, __entry->size,
		  __entry->count, __entry->val, __entry->count > 1 ? "(...)" : "")
);

/* @data is NULL where no answer is known yet. */
TRACE_EVENT(kvm_mmio,
	TP_PROTO(int type, int len, u64 gpa, const void *data),
	TP_ARGS(type, len, gpa, data),

	TP_STRUCT__entry(
		__field(u32, type)
		__field(u32, len)
		__field(u64, gpa)
		__field(u64, val)
	),

	TP_fast_assign(
		__entry->type = type;
		__entry->len = len;
		__entry->gpa = gpa;
		__entry->val = kvm_trace_value(data, len);
	),

	TP_printk("mmio %s len %u gpa 0x%llx val 0x%llx",
		  __print_symbolic(__entry->type,
				   { KVM_TRACE_MMIO_READ_UNSATISFIED, "unsatisfied-read" },
				   { KVM_TRACE_MMIO_READ, "read" },
				   { KVM_TRACE_MMIO_WRITE, "write" }),
		  __entry->len, __entry->gpa, __entry->val)
);

/* A write in a page where only its place matters, to an ioeventfd of any length. */
TRACE_EVENT(kvm_fast_mmio,
	TP_PROTO(u64 gpa),
	TP_ARGS(gpa),

	TP_STRUCT__entry(
		__field(u64, gpa)
	),

	TP_fast_assign(
		__entry->gpa = gpa;
	),

	TP_printk("fast mmio at gpa 0x%llx", __entry->gpa)
);

TRACE_EVENT(kvm_cpuid,
	TP_PROTO(unsigned int function, unsigned int index, unsigned long rax,
		 unsigned long rbx, unsigned long rcx, unsigned long rdx, bool found,
		 bool used_max_basic),
	TP_ARGS(function, index, rax, rbx, rcx, rdx, found, used_max_basic),

	TP_STRUCT__entry(
		__field(unsigned int, function)
		__field(unsigned int, index)
		__field(unsigned long, rax)
		__field(unsigned long, rbx)
		__field(unsigned long, rcx)
		__field(unsigned long, rdx)
		__field(bool, found)
		__field(bool, used_max_basic)
	),

	TP_fast_assign(
		__entry->function = function;
		__entry->index = index;
		__entry->rax = rax;
		__entry->rbx = rbx;
		__entry->rcx = rcx;
		__entry->rdx = rdx;
		__entry->found = found;
		__entry->used_max_basic = used_max_basic;
	),

	TP_printk("func %x idx %x rax %lx rbx %lx rcx %lx rdx %lx, cpuid entry %s%s",
		  __entry->function, __entry->index, __entry->rax, __entry->rbx,
		  __entry->rcx, __entry->rdx, __entry->found ? "found" : "not found",
		  __entry->used_max_basic ? ", used max basic" : "")
);

TRACE_EVENT(kvm_msr,
	TP_PROTO(unsigned int write, u32 ecx, u64 data, bool exception),
	TP_ARGS(write, ecx, data, exception),

	TP_STRUCT__entry(
		__field(unsigned int, write)
		__field(u32, ecx)
		__field(u64, data)
		__field(u8, exception)
	),

	TP_fast_assign(
		__entry->write = write;
		__entry->ecx = ecx;
		__entry->data = data;
		__entry->exception = exception;
	),

	TP_printk("msr_%s %x = 0x%llx%s", __entry->write ? "write" : "read",
		  __entry->ecx, __entry->data, __entry->exception ? " (#GP)" : "")
);

/* @rw 1 is a write. */
TRACE_EVENT(kvm_cr,
	TP_PROTO(unsigned int rw, unsigned int cr, unsigned long val),
	TP_ARGS(rw, cr, val),

	TP_STRUCT__entry(
		__field(unsigned int, rw)
		__field(unsigned int, cr)
		__field(unsigned long, val)
	),

	TP_fast_assign(
		__entry->rw = rw;
		__entry->cr = cr;
		__entry->val = val;
	),

	TP_printk("cr_%s %x = 0x%lx", __entry->rw ? "write" : "read", __entry->cr,
		  __entry->val)
);

TRACE_EVENT(kvm_page_fault,
	TP_PROTO(struct kvm_vcpu *vcpu, u64 fault_address, u64 error_code),
	TP_ARGS(vcpu, fault_address, error_code),

	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned long, guest_rip)
		__field(u64, fault_address)
		__field(u64, error_code)
	),

	TP_fast_assign(
		__entry->vcpu_id = vcpu->vcpu_id;
		__entry->guest_rip = kvm_rip_read(vcpu);
		__entry->fault_address = fault_address;
		__entry->error_code = error_code;
	),

	TP_printk("vcpu %u rip 0x%lx address 0x%016llx error_code 0x%llx",
		  __entry->vcpu_id, __entry->guest_rip, __entry->fault_address,
		  __entry->error_code)
);

TRACE_EVENT(kvm_inj_exception,
	TP_PROTO(unsigned int exception, bool has_error, unsigned int error_code,
		 bool reinjected),
	TP_ARGS(exception, has_error, error_code, reinjected),

	TP_STRUCT__entry(
		__field(u8, exception)
		__field(u8, has_error)
		__field(u32, error_code)
		__field(bool, reinjected)
	),

	TP_fast_assign(
		__entry->exception = exception;
		__entry->has_error = has_error;
		__entry->error_code = error_code;
		__entry->reinjected = reinjected;
	),

	TP_printk("%s%s%s%s%s",
		  __print_symbolic(__entry->exception,
				   { 0, "#DE" }, { 1, "#DB" }, { 3, "#BP" }, { 4, "#OF" },
				   { 5, "#BR" }, { 6, "#UD" }, { 7, "#NM" }, { 8, "#DF" },
				   { 10, "#TS" }, { 11, "#NP" }, { 12, "#SS" }, { 13, "#GP" },
				   { 14, "#PF" }, { 16, "#MF" }, { 17, "#AC" }, { 18, "#MC" }),
		  !__entry->has_error ? "" : " (",
		  !__entry->has_error ? "" : __print_symbolic(__entry->error_code, { }),
		  !__entry->has_error ? "" : ")",
		  __entry->reinjected ? " [reinjected]" : "")
);

TRACE_EVENT(kvm_inj_virq,
	TP_PROTO(unsigned int vector, bool soft, bool reinjected),
	TP_ARGS(vector, soft, reinjected),

	TP_STRUCT__entry(
		__field(unsigned int, vector)
		__field(bool, soft)
		__field(bool, reinjected)
	),

	TP_fast_assign(
		__entry->vector = vector;
		__entry->soft = soft;
		__entry->reinjected = reinjected;
	),

	TP_printk("%s 0x%x%s", __entry->soft ? "Soft/INTn" : "IRQ", __entry->vector,
		  __entry->reinjected ? " [reinjected]" : "")
);

/* The instruction in vcpu->emu, after emu_decode(). */
TRACE_EVENT(kvm_emulate_insn,
	TP_PROTO(struct kvm_vcpu *vcpu, bool failed),
	TP_ARGS(vcpu, failed),

	TP_STRUCT__entry(
		__field(__u64, rip)
		__field(__u32, csbase)
		__field(__u8, len)
		__array(__u8, insn, 15)
		__field(__u8, flags)
		__field(__u8, failed)
	),

	TP_fast_assign(
		__entry->csbase = vmx_segment_base(vcpu, X86_SEG_CS);
		__entry->len = min_t(u8, vcpu->emu.insn.fetched, 15);
		__entry->rip = vcpu->emu.rip;
		memcpy(__entry->insn, vcpu->emu.insn.bytes, 15);
		__entry->flags = kvm_trace_mode(vcpu->emu.mode);
		__entry->failed = failed;
	),

	TP_printk("%x:%llx:%s (%s)%s", __entry->csbase, __entry->rip,
		  __print_hex(__entry->insn, __entry->len),
		  __print_symbolic(__entry->flags,
				   { 0, "real" },
				   { KVM_EMUL_INSN_F_CR0_PE | KVM_EMUL_INSN_F_EFL_VM, "vm16" },
				   { KVM_EMUL_INSN_F_CR0_PE, "prot16" },
				   { KVM_EMUL_INSN_F_CR0_PE | KVM_EMUL_INSN_F_CS_D, "prot32" },
				   { KVM_EMUL_INSN_F_CR0_PE | KVM_EMUL_INSN_F_CS_L, "prot64" }),
		  __entry->failed ? " failed" : "")
);

#define KVM_EXIT_NAME(x)	{ KVM_EXIT_##x, "KVM_EXIT_" #x }
#define KVM_EXIT_NAMES								\
	KVM_EXIT_NAME(UNKNOWN), KVM_EXIT_NAME(EXCEPTION), KVM_EXIT_NAME(IO),	\
	KVM_EXIT_NAME(HYPERCALL), KVM_EXIT_NAME(DEBUG), KVM_EXIT_NAME(HLT),	\
	KVM_EXIT_NAME(MMIO), KVM_EXIT_NAME(IRQ_WINDOW_OPEN),			\
	KVM_EXIT_NAME(SHUTDOWN), KVM_EXIT_NAME(FAIL_ENTRY),			\
	KVM_EXIT_NAME(INTR), KVM_EXIT_NAME(SET_TPR),				\
	KVM_EXIT_NAME(TPR_ACCESS), KVM_EXIT_NAME(NMI),				\
	KVM_EXIT_NAME(INTERNAL_ERROR), KVM_EXIT_NAME(SYSTEM_EVENT),		\
	KVM_EXIT_NAME(IOAPIC_EOI), KVM_EXIT_NAME(HYPERV),			\
	KVM_EXIT_NAME(X86_RDMSR), KVM_EXIT_NAME(X86_WRMSR)

TRACE_EVENT(kvm_userspace_exit,
	TP_PROTO(__u32 reason, int errno),
	TP_ARGS(reason, errno),

	TP_STRUCT__entry(
		__field(__u32, reason)
		__field(int, errno)
	),

	TP_fast_assign(
		__entry->reason = reason;
		__entry->errno = errno;
	),

	TP_printk("reason %s (%d)",
		  __entry->errno < 0 ?
		  (__entry->errno == -EINTR ? "restart" : "error") :
		  __print_symbolic(__entry->reason, KVM_EXIT_NAMES),
		  __entry->errno < 0 ? -__entry->errno : __entry->reason)
);

TRACE_EVENT(kvm_hypercall,
	TP_PROTO(unsigned long nr, unsigned long a0, unsigned long a1, unsigned long a2,
		 unsigned long a3),
	TP_ARGS(nr, a0, a1, a2, a3),

	TP_STRUCT__entry(
		__field(unsigned long, nr)
		__field(unsigned long, a0)
		__field(unsigned long, a1)
		__field(unsigned long, a2)
		__field(unsigned long, a3)
	),

	TP_fast_assign(
		__entry->nr = nr;
		__entry->a0 = a0;
		__entry->a1 = a1;
		__entry->a2 = a2;
		__entry->a3 = a3;
	),

	TP_printk("nr 0x%lx a0 0x%lx a1 0x%lx a2 0x%lx a3 0x%lx", __entry->nr, __entry->a0,
		  __entry->a1, __entry->a2, __entry->a3)
);

/* The guest's FPU registers: @load 1 into the CPU, 0 out of it. */
TRACE_EVENT(kvm_fpu,
	TP_PROTO(int load),
	TP_ARGS(load),

	TP_STRUCT__entry(
		__field(u32, load)
	),

	TP_fast_assign(
		__entry->load = load;
	),

	TP_printk("%s", __print_symbolic(__entry->load, { 0, "unload" }, { 1, "load" }))
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
