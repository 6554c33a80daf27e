/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of time and of asynchronous page faults; like trace.h an interface:
 * names, fields and their order are those of /sys/kernel/tracing/events/kvm/ of Linux.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm
#undef TRACE_SYSTEM_VAR
#define TRACE_SYSTEM_VAR kvm_pv

#if !defined(KVMX_TRACE_PV_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVMX_TRACE_PV_H

#include <linux/tracepoint.h>
#include <asm/pvclock.h>

TRACE_EVENT(kvm_write_tsc_offset,
	TP_PROTO(unsigned int vcpu_id, __u64 previous_tsc_offset, __u64 next_tsc_offset),
	TP_ARGS(vcpu_id, previous_tsc_offset, next_tsc_offset),

	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(__u64, previous_tsc_offset)
		__field(__u64, next_tsc_offset)
	),

	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->previous_tsc_offset = previous_tsc_offset;
		__entry->next_tsc_offset = next_tsc_offset;
	),

	TP_printk("vcpu=%u prev=%llu next=%llu", __entry->vcpu_id, __entry->previous_tsc_offset,
		  __entry->next_tsc_offset)
);

/* @clock as the guest sees it, but for the version. */
TRACE_EVENT(kvm_pvclock_update,
	TP_PROTO(unsigned int vcpu_id, const struct pvclock_vcpu_time_info *clock),
	TP_ARGS(vcpu_id, clock),

	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(__u32, version)
		__field(__u64, tsc_timestamp)
		__field(__u64, system_time)
		__field(__u32, tsc_to_system_mul)
		__field(__s8, tsc_shift)
		__field(__u8, flags)
	),

	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->version = clock->version;
		__entry->tsc_timestamp = clock->tsc_timestamp;
		__entry->system_time = clock->system_time;
		__entry->tsc_to_system_mul = clock->tsc_to_system_mul;
		__entry->tsc_shift = clock->tsc_shift;
		__entry->flags = clock->flags;
	),

	TP_printk("vcpu_id %u, pvclock { version %u, tsc_timestamp 0x%llx, system_time 0x%llx, tsc_to_system_mul 0x%x, tsc_shift %d, flags 0x%x }",
		  __entry->vcpu_id, __entry->version, __entry->tsc_timestamp,
		  __entry->system_time, __entry->tsc_to_system_mul, __entry->tsc_shift,
		  __entry->flags)
);

DECLARE_EVENT_CLASS(kvm_async_pf_token,
	TP_PROTO(__u64 token, __u64 gva),
	TP_ARGS(token, gva),

	TP_STRUCT__entry(
		__field(__u64, token)
		__field(__u64, gva)
	),

	TP_fast_assign(
		__entry->token = token;
		__entry->gva = gva;
	),

	TP_printk("token %#llx gva %#llx", __entry->token, __entry->gva)
);

DEFINE_EVENT(kvm_async_pf_token, kvm_async_pf_not_present,
	TP_PROTO(__u64 token, __u64 gva),
	TP_ARGS(token, gva)
);

DEFINE_EVENT(kvm_async_pf_token, kvm_async_pf_ready,
	TP_PROTO(__u64 token, __u64 gva),
	TP_ARGS(token, gva)
);

DECLARE_EVENT_CLASS(kvm_async_pf_page,
	TP_PROTO(__u64 gva, u64 gfn),
	TP_ARGS(gva, gfn),

	TP_STRUCT__entry(
		__field(__u64, gva)
		__field(u64, gfn)
	),

	TP_fast_assign(
		__entry->gva = gva;
		__entry->gfn = gfn;
	),

	TP_printk("gva = %#llx, gfn = %#llx", __entry->gva, __entry->gfn)
);

DEFINE_EVENT(kvm_async_pf_page, kvm_try_async_get_page,
	TP_PROTO(__u64 gva, u64 gfn),
	TP_ARGS(gva, gfn)
);

/* The page is under way already. */
DEFINE_EVENT(kvm_async_pf_page, kvm_async_pf_repeated_fault,
	TP_PROTO(__u64 gva, u64 gfn),
	TP_ARGS(gva, gfn)
);

TRACE_EVENT(kvm_async_pf_completed,
	TP_PROTO(unsigned long address, u64 gva),
	TP_ARGS(address, gva),

	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(u64, gva)
	),

	TP_fast_assign(
		__entry->address = address;
		__entry->gva = gva;
	),

	TP_printk("gva %#llx address %#lx", __entry->gva, __entry->address)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_pv
#include <trace/define_trace.h>
