/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSRs as tables: a row says what RDMSR and WRMSR do, which CPUID bit makes the MSR exist and
 * whether it is state to save. The tables are with what they are about; kvm_msr_tables of
 * run/msr.c has them all. Documentation/msrs.rst.
 */
#ifndef KVMX_MSR_H
#define KVMX_MSR_H

#include "cpuid.h"

/* What is read where a row has neither get() nor a field. */
enum kvm_msr_read {
	KVM_MSR_READ_VALUE,		/* @value */
	KVM_MSR_READ_GP,		/* nothing: it can only be written */
	KVM_MSR_READ_NONE,		/* as if there were no such MSR */
};

/* What a write does where a row has no set(). */
enum kvm_msr_write {
	KVM_MSR_WRITE_GP,
	KVM_MSR_WRITE_IGNORED,
	KVM_MSR_WRITE_OWN_VALUE,	/* @value is taken, others are #GP */
	KVM_MSR_WRITE_RESTORED,		/* likewise, and from user space alone, that saved it */
	KVM_MSR_WRITE_STORED,		/* any value goes into the field */
	KVM_MSR_WRITE_HOST,		/* likewise, and from user space alone */
	KVM_MSR_WRITE_NONE,		/* as if there were no such MSR */
};

/* State to save: in KVM_GET_MSR_INDEX_LIST, if @offered says so. */
#define KVM_MSR_SAVED		BIT(0)
/* User space alone reaches it: #GP for a guest; or no such MSR for a guest. */
#define KVM_MSR_HOST_ONLY	BIT(1)
#define KVM_MSR_HIDDEN		BIT(2)
/* KVM_X86_SET_MSR_FILTER says nothing about it. */
#define KVM_MSR_UNFILTERED	BIT(3)

#define KVM_MSR_FIELD(member) \
	.offset = offsetof(struct kvm_vcpu, member) + \
		  BUILD_BUG_ON_ZERO(sizeof_field(struct kvm_vcpu, member) != sizeof(u64))
#define KVM_MSR_NEED(feature)	((feature) + 1)

/*
 * @get and @set: vCPU loaded, for a guest (or @host: for user space); kvm->srcu held for @set. 0,
 * 1 for #GP, -ENOENT if this vCPU has no such MSR; then nothing has changed.
 */
struct kvm_msr_row {
	u32 first, last;		/* @last 0: one MSR */
	int (*get)(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host);
	int (*set)(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host);
	bool (*offered)(void);		/* can this host give it to a guest; NULL: every host can */
	/* A feature MSR, of KVM_GET_MSR_FEATURE_INDEX_LIST: what a guest may have at most. */
	u64 (*feature)(void);
	u64 value;
	u16 offset;			/* KVM_MSR_FIELD(): of the u64 that holds it; 0: none */
	/* Without them a guest has #GP: either of the first two; KVM_FEATURE_*. KVM_MSR_NEED() */
	u8 needs[2], needs_pv;
	u8 read : 4, write : 4;
	u8 flags;			/* KVM_MSR_* */
	u8 feature_place;		/* in the list, from 1 */
};

struct kvm_msr_table {
	const struct kvm_msr_row *row;
	unsigned int count;
};

#define KVM_MSR_TABLE(_name, _rows) \
	const struct kvm_msr_table _name = { .row = (_rows), .count = ARRAY_SIZE(_rows) }

/* --- vcpu/msr_table.c --- */
/* @tables: all of them; saved MSRs are listed in their order. -EINVAL if rows overlap. */
int kvm_msr_index(const struct kvm_msr_table *const *tables, unsigned int count);
/* NULL if there is no such MSR. Any context. */
const struct kvm_msr_row *kvm_msr_find(u32 index);
/* The two lists; the number of MSRs in @list. */
unsigned int kvm_msr_saved_list(const u32 **list);
unsigned int kvm_msr_feature_list(const u32 **list);

/* --- vcpu/msr.c --- */
extern const struct kvm_msr_table kvm_msrs_vcpu;

/* --- vcpu/msr_model.c --- */
extern const struct kvm_msr_table kvm_msrs_model;
/* Power-up. */
void kvm_msr_model_reset(struct kvm_vcpu *vcpu);

/* --- vcpu/msr_const.c --- */
extern const struct kvm_msr_table kvm_msrs_const;

/* --- vcpu/mtrr.c --- */
extern const struct kvm_msr_table kvm_msrs_mtrr;

/* --- vcpu/mce.c --- */
extern const struct kvm_msr_table kvm_msrs_mce;

/* --- vmx/msr.c --- */
extern const struct kvm_msr_table kvm_msrs_vmx;

/* --- irqchip/msr.c --- */
extern const struct kvm_msr_table kvm_msrs_apic;

/* --- pv/msr.c --- */
extern const struct kvm_msr_table kvm_msrs_pv;

/* --- async_pf/async_pf.c --- */
extern const struct kvm_msr_table kvm_msrs_async_pf;

/* --- run/tsc.c --- */
extern const struct kvm_msr_table kvm_msrs_tsc;

/* --- run/msr.c --- */
/* After vmx_setup() and kvm_cpuid_module_init(). */
int kvm_msr_module_init(void);

#endif
