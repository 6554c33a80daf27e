// SPDX-License-Identifier: GPL-2.0-only
/*
 * A CPU as the EPT tables see it: SDM 3C 29.3 (the walk, accessed and dirty flags) and 29.4 (what
 * it caches, and what makes it forget). It keeps every translation until it is told otherwise,
 * as a real one may.
 */
#include "mmu_model.h"

#define EPT_AD	(model_kvm.mmu.eptp & EPTP_AD)

static bool covers(gfn_t base, int level, gfn_t gfn)
{
	return (gfn & ~(ept_pages(level) - 1)) == base;
}

void cpu_flush(struct cpu *c)
{
	memset(c->tlb, 0, sizeof(c->tlb));
	memset(c->tables, 0, sizeof(c->tables));
}

static struct tlb_entry *tlb_find(struct cpu *c, gfn_t gfn)
{
	int i;

	for (i = 0; i < TLB_ENTRIES; i++)
		if (c->tlb[i].valid && covers(c->tlb[i].base, c->tlb[i].level, gfn))
			return &c->tlb[i];
	return NULL;
}

/* Of the tables on the way to @gfn one that is remembered, if the CPU uses it. */
static struct tlb_table *table_find(struct cpu *c, gfn_t gfn)
{
	struct tlb_table *t;
	int i;

	for (i = 0; i < TLB_TABLES; i++) {
		t = &c->tables[i];
		if (t->valid && covers(t->base, t->level + 1, gfn) && rng_chance(&fiber_rng, 50))
			return t;
	}
	return NULL;
}

/* An EPT violation drops what was cached for the address, 29.4.3.1. */
static void forget(struct cpu *c, gfn_t gfn)
{
	int i;

	for (i = 0; i < TLB_ENTRIES; i++)
		if (covers(c->tlb[i].base, c->tlb[i].level ?: 1, gfn))
			c->tlb[i].valid = false;
	for (i = 0; i < TLB_TABLES; i++)
		if (covers(c->tables[i].base, c->tables[i].level + 1, gfn))
			c->tables[i].valid = false;
}

static u64 needed(enum access a)
{
	return a == ACCESS_WRITE ? EPT_WRITE : a == ACCESS_FETCH ? EPT_EXEC : EPT_READ;
}

static void check_table(const u64 *table)
{
	MODEL_CHECK(virt_to_page(table)->table && virt_to_page(table)->live,
		    "a CPU walks a table that was freed");
}

/* 29.3.3.1; what is not there is no misconfiguration. */
static bool misconfigured(u64 e, int level)
{
	bool leaf = ept_is_leaf(e, level);
	unsigned int type = (e >> 3) & 7;

	if ((e & EPT_RWX) == EPT_WRITE || (e & EPT_RWX) == (EPT_WRITE | EPT_EXEC))
		return true;
	if (!leaf)
		return e & 0xf8;
	if (type == 2 || type == 3 || type == 7 || level == 4)
		return true;
	return level > 1 && (ept_pfn(e) & (ept_pages(level) - 1));
}

/*
 * One entry of a walk: read, and its flags set by a locked operation, which begins anew if the
 * entry is another by then.
 */
static u64 read_entry(struct cpu *c, gfn_t gfn, u64 *entryp, int level, u64 rights,
		      enum access a)
{
	for (;;) {
		u64 e = *entryp, new = e;

		fiber_preempt();
		if (!(e & EPT_RWX) || misconfigured(e, level))
			return e;
		if (ept_is_leaf(e, level)) {
			if (!(e & rights & needed(a)))
				return e;
			if (a == ACCESS_WRITE && EPT_AD)
				new |= EPT_DIRTY;
		}
		if (EPT_AD)
			new |= EPT_ACCESSED;
		if (new == e)
			return e;
		if (*entryp == e) {
			/* 29.3.6: page-modification logging. */
			if (c->pml_on && (new & ~e & EPT_DIRTY))
				c->pml[c->pml_used++] = gfn << PAGE_SHIFT;
			*entryp = new;
			return new;
		}
	}
}

static void remember_table(struct cpu *c, int level, gfn_t gfn, u64 *table, u64 rights)
{
	c->tables[rng_below(&fiber_rng, TLB_TABLES)] = (struct tlb_table) {
		.valid = true,
		.level = level,
		.base = gfn & ~(ept_pages(level + 1) - 1),
		.table = table,
		.rights = rights,
	};
}

static enum cpu_result walk(struct cpu *c, gfn_t gfn, enum access a, struct tlb_entry *to)
{
	u64 *table = __va(model_kvm.mmu.eptp & EPT_PFN_MASK), rights = EPT_RWX, e;
	struct tlb_table *t = table_find(c, gfn);
	int level = EPT_LEVELS;

	if (t) {
		table = t->table;
		rights = t->rights;
		level = t->level;
	}
	for (;; level--) {
		check_table(table);
		e = read_entry(c, gfn, &table[ept_index(gfn, level)], level, rights, a);
		if (!(e & EPT_RWX))
			return CPU_VIOLATION;
		if (misconfigured(e, level))
			return CPU_MISCONFIG;
		rights &= e;
		if (ept_is_leaf(e, level))
			break;
		table = ept_table(e);
		remember_table(c, level - 1, gfn, table, rights);
	}
	if (!(rights & needed(a)))
		return CPU_VIOLATION;
	*to = (struct tlb_entry) {
		.valid = true,
		.dirty = !EPT_AD || (e & EPT_DIRTY),
		.level = level,
		.base = gfn & ~(ept_pages(level) - 1),
		.pfn = ept_pfn(e),
		.rights = rights,
	};
	return CPU_DONE;
}

static enum cpu_result translate(struct cpu *c, gfn_t gfn, enum access a, struct tlb_entry *to)
{
	struct tlb_entry *hit = tlb_find(c, gfn);
	enum cpu_result r;

	/* A write through what is not known as dirty walks again; so may any access. */
	if (hit && (hit->rights & needed(a)) && (a != ACCESS_WRITE || hit->dirty) &&
	    !rng_chance(&fiber_rng, 3)) {
		*to = *hit;
		return CPU_DONE;
	}
	if (hit && !(hit->rights & needed(a)) && rng_chance(&fiber_rng, 50)) {
		forget(c, gfn);
		return CPU_VIOLATION;
	}
	r = walk(c, gfn, a, to);
	if (r == CPU_VIOLATION)
		forget(c, gfn);
	if (r != CPU_DONE)
		return r;
	hit = tlb_find(c, gfn);
	*(hit ?: &c->tlb[rng_below(&fiber_rng, TLB_ENTRIES)]) = *to;
	return r;
}

enum cpu_result cpu_access(struct cpu *c, gfn_t gfn, enum access a)
{
	struct tlb_entry e;
	enum cpu_result r = translate(c, gfn, a, &e);

	if (r == CPU_DONE) {
		fiber_preempt();
		model_accessed(gfn, e.pfn + (gfn - e.base), a, e.level);
	}
	return r;
}

void cpu_speculate(struct cpu *c, gfn_t gfn)
{
	struct tlb_entry e;

	if (walk(c, gfn, ACCESS_READ, &e) == CPU_DONE)
		*(tlb_find(c, gfn) ?: &c->tlb[rng_below(&fiber_rng, TLB_ENTRIES)]) = e;
}

struct look {
	gfn_t start, end;
	void (*leaf)(gfn_t gfn, u64 entry, int level, void *arg);
	void *arg;
};

static int look_table(const struct look *l, u64 *table, int level, gfn_t base)
{
	int i, n = 1;

	check_table(table);
	for (i = 0; i < 512; i++) {
		gfn_t gfn = base + i * ept_pages(level);
		u64 e = table[i];

		if (!(e & EPT_RWX) || gfn >= l->end || gfn + ept_pages(level) <= l->start)
			continue;
		if (ept_is_leaf(e, level) || misconfigured(e, level))
			l->leaf(gfn, e, level, l->arg);
		else
			n += look_table(l, ept_table(e), level - 1, gfn);
	}
	return n;
}

int ept_look(gfn_t start, gfn_t end, void (*leaf)(gfn_t gfn, u64 entry, int level, void *arg),
	     void *arg)
{
	const struct look l = { start, end, leaf, arg };

	return look_table(&l, model_kvm.mmu.root, EPT_LEVELS, 0);
}

unsigned int vmx_pml_take(struct kvm_vcpu *vcpu, const u64 **gpas)
{
	struct cpu *c = container_of(vcpu, struct cpu, vcpu);
	unsigned int n = c->pml_used;

	*gpas = c->pml;
	c->pml_used = 0;
	return n;
}

void kvm_make_all_cpus_request(struct kvm *kvm, enum kvm_request req)
{
	int i;

	for (i = 0; i < atomic_read(&kvm->vcpus.online); i++) {
		kvm_make_request(&model_cpu[i].vcpu, req);
		if (model_cpu[i].vcpu.kick.mode == IN_GUEST_MODE)
			model_cpu[i].vcpu.kick.mode = EXITING_GUEST_MODE;
	}
}

/* --- vcpu/kick.c: all leave the guest entry that they are in --- */

void kvm_kick_all_and_wait(struct kvm *kvm)
{
	u64 entries[CPUS];
	int i, n = atomic_read(&kvm->vcpus.online);

	for (i = 0; i < n; i++) {
		struct kvm_vcpu *v = &model_cpu[i].vcpu;

		entries[i] = ~0ull;
		fiber_preempt();
		if (v->kick.mode == OUTSIDE_GUEST_MODE)
			continue;
		v->kick.mode = EXITING_GUEST_MODE;
		entries[i] = model_cpu[i].entries;
	}
	for (i = 0; i < n; i++)
		fiber_wait(entries[i] == ~0ull || model_cpu[i].entries != entries[i] ||
			   model_cpu[i].vcpu.kick.mode == OUTSIDE_GUEST_MODE);
}
