/* SPDX-License-Identifier: GPL-2.0-only */
/* The naive reference of mmu_model: slots as user space knows them, and what was written. */
#ifndef KVMX_MMU_REF_H
#define KVMX_MMU_REF_H

#include "mmu_model.h"

#define REF_SLOTS	12
/* What EPT has at the xAPIC's window. */
#define APIC_PFN	0x100001ull

struct ref_at {
	bool valid;
	gfn_t gfn;
	u64 npages;
	unsigned int page;		/* number of the user page behind @gfn */
	u32 flags;
};

/* While an ioctl changes a slot, @next counts as well as @now. */
struct ref_slot {
	bool busy, changing;
	struct ref_at now, next;
	u64 version;			/* counts changes */
	/* The dirty log, all by the count of host_stamp. */
	u64 wrote[MODEL_PAGES];		/* last write that has ended */
	u64 tried[MODEL_PAGES];		/* last time a write was under way */
	u64 since[MODEL_PAGES];		/* when it last was taken out of the log, or later */
	u64 seen[MODEL_PAGES];		/* what user space knows of the page */
};

/* What was so when something began. */
struct ref_moment {
	gfn_t gfn;
	const struct ref_slot *slot;	/* that has @gfn and is not being changed, or NULL */
	u64 version, host_changes;
	bool alone;			/* no other slot comes or goes */
};

extern struct ref_slot ref_slot[REF_SLOTS];

void ref_init(void);
void ref_count_step(void);
void ref_begin(struct ref_moment *m, gfn_t gfn);
/* All the time since then, memory that can be accessed so. */
bool ref_was_memory(const struct ref_moment *m, bool write);
bool ref_was_mapped(const struct ref_moment *m, bool write);
bool ref_is_memory(gfn_t gfn);
void ref_attempt(gfn_t gfn);
/* The module wrote to user page @page for @gfn, at @stamp. */
void ref_wrote(gfn_t gfn, u64 stamp, unsigned int page);
void ref_get_log(void);
void ref_clear_log(void);
void ref_change_slot(bool may_fail);
void ref_check_idle(void);
/* Every vCPU reaches pages of every slot. */
void ref_touch(void (*access)(struct cpu *c, gfn_t gfn, enum access a));
void ref_delete_all(void);

#endif
