/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of mmu_model share: the model CPU on one side, the reference on the other. */
#ifndef KVMX_MMU_MODEL_H
#define KVMX_MMU_MODEL_H

#include <kernel.h>
#include "../compat/compat.h"
#include "../mmu/internal.h"
#include "async_pf.h"
#include "bus.h"
#include "ioctl.h"
#include "kick.h"
#include "uapi/kvm_guest_memfd.h"
#include "vcpu.h"
#include "vmx.h"

#define CPUS	4

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

/* What the CPU remembers of an EPT leaf. */
struct tlb_entry {
	bool valid, dirty;
	int level;
	gfn_t base;
	u64 pfn, rights;
};

/* ... and of an entry that leads to a table. */
struct tlb_table {
	bool valid;
	int level;			/* of the entries in the table */
	gfn_t base;
	u64 *table;
	u64 rights;
};

#define TLB_ENTRIES	24
#define TLB_TABLES	8

struct cpu {
	struct kvm_vcpu vcpu;
	struct kvm_run run;
	struct tlb_entry tlb[TLB_ENTRIES];
	struct tlb_table tables[TLB_TABLES];
	u64 entries;			/* into the guest */
	bool pml_on;
	unsigned int pml_used;
	u64 pml[VMX_PML_ENTRIES];
	bool writing;			/* a write that is not done yet, to @target */
	gfn_t target;
};

enum cpu_result { CPU_DONE, CPU_VIOLATION, CPU_MISCONFIG };

extern struct kvm model_kvm;
extern struct cpu model_cpu[CPUS];

/* --- mmu_cpu.c --- */
void cpu_flush(struct cpu *c);
/* In guest mode. */
enum cpu_result cpu_access(struct cpu *c, gfn_t gfn, enum access a);
/* The CPU may load what it likes into its TLB. */
void cpu_speculate(struct cpu *c, gfn_t gfn);
/* Calls @leaf for each entry that maps something; returns how many tables there are. */
int ept_look(gfn_t start, gfn_t end, void (*leaf)(gfn_t gfn, u64 entry, int level, void *arg),
	     void *arg);

/* --- mmu_model.c --- */
/* The CPU reaches @pfn for @gfn: is that right, now? */
void model_accessed(gfn_t gfn, u64 pfn, enum access a, int level);
/* May a CPU keep this until its next access? NULL, or what is wrong. */
const char *model_mapping_wrong(gfn_t gfn, u64 pfn, bool write, bool unseen);
void model_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
