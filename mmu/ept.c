// SPDX-License-Identifier: GPL-2.0-only
/*
 * EPT tables: making entries, and walks over ranges that drop or age them. Documentation/mmu.rst has the rules.
 */
#include <linux/cpu.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include "compat/compat.h"
#include "internal.h"
#include "ioctl.h"
#include "kick.h"
#include "vmx.h"

/*
 * On some CPUs an instruction fetch through a large page whose size changes can
 * stop the machine (iTLB multihit), so there large pages are not executable: a
 * fetch gets small ones.
 */
enum { NX_OFF, NX_FORCE, NX_AUTO, NX_NEVER };
static const char * const nx_names[] = { "off", "force", "auto", "never" };
static int nx_huge_pages_param = NX_AUTO;
bool nx_huge_pages;
/* What sysfs says of it, arch/x86/kernel/cpu/bugs.c. */
extern bool itlb_multihit_kvm_mitigation;

static int nx_huge_pages_set(const char *val, const struct kernel_param *kp)
{
	int n = sysfs_match_string(nx_names, val);
	bool on;

	if (n < 0) {
		if (kstrtobool(val, &on))
			return -EINVAL;
		n = on ? NX_FORCE : NX_OFF;
	}
	nx_huge_pages_param = n;
	return 0;
}

static const struct kernel_param_ops nx_huge_pages_ops = {
	.set = nx_huge_pages_set,
	.get = param_get_bool,
};

module_param_cb(nx_huge_pages, &nx_huge_pages_ops, &nx_huge_pages, 0444);
MODULE_PARM_DESC(nx_huge_pages, "large pages are not executable: off, force, auto, never");

enum ept_op { EPT_OP_ZAP, EPT_OP_AGE, EPT_OP_TEST };

/* A walk over [start, end). */
struct ept_range {
	struct kvm *kvm;
	gfn_t start, end;
	enum ept_op op;
	unsigned int budget;		/* entries to look at before the caller may yield */
	bool flush;			/* CPUs may hold what is no longer in the tables */
	bool zapped, young;
	struct list_head unlinked;	/* tables to free after the flush */
};

#define EPT_BUDGET	4096

/**
 * ept_table_alloc - an empty table for ept_map()
 * @kvm: the VM
 *
 * Return: the table, charged to the caller's memory cgroup, or NULL.
 */
u64 *ept_table_alloc(struct kvm *kvm)
{
	u64 *table = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

	if (table)
		atomic_long_inc(&kvm->mmu.pages);
	return table;
}

void ept_table_free(struct kvm *kvm, u64 *table)
{
	if (!table)
		return;
	atomic_long_dec(&kvm->mmu.pages);
	free_page((unsigned long)table);
}

/* Puts the spare table below an empty entry; false if there is none. */
static bool link_table(u64 *entryp, u64 *entry, u64 **spare)
{
	u64 new;

	if (!*spare)
		return false;
	new = __pa(*spare) | EPT_RWX;
	*entry = cmpxchg64(entryp, 0, new);
	if (!*entry) {
		*entry = new;
		*spare = NULL;
	}
	return true;
}

static u64 leaf_entry(const struct ept_map *map, int level)
{
	u64 pfn = map->pfn & ~(ept_pages(level) - 1);
	u64 entry = pfn << PAGE_SHIFT | map->bits;

	if (level > 1) {
		entry |= EPT_LARGE;
		if (nx_huge_pages)
			entry &= ~EPT_EXEC;
	}
	return entry;
}

/* Puts @new over @old at a leaf: first mapping, or more rights to the same page. */
static int set_leaf(u64 *entryp, u64 old, u64 new)
{
	const u64 rights = EPT_RWX | EPT_HOST_WRITE;

	if (ept_present(old)) {
		if (ept_pfn(old) != ept_pfn(new))
			return -EEXIST;
		if ((old & new & rights) == (new & rights))
			return 0;
		new |= old;
	}
	return cmpxchg64(entryp, old, new) == old ? 0 : -EAGAIN;
}

/**
 * ept_map - map one guest page, as part of a large one where @map allows
 * @kvm: the VM; read side of mmu.lock held
 * @map: what to map
 * @spare: a table to use, NULL when it is in use
 *
 * Return: 0 mapped; -ENOMEM a table is needed; -EAGAIN another CPU changed the
 * entry; -EEXIST something else is mapped there, which must be zapped first.
 */
int ept_map(struct kvm *kvm, const struct ept_map *map, u64 **spare)
{
	u64 *table = kvm->mmu.root;
	int level;

	for (level = EPT_LEVELS; ; level--) {
		u64 *entryp = &table[ept_index(map->gfn, level)];
		u64 entry = READ_ONCE(*entryp);

		/* Where smaller pages are mapped already, another one joins them. */
		if (level <= map->level && (!entry || ept_is_leaf(entry, level)))
			return set_leaf(entryp, entry, leaf_entry(map, level));
		if (!entry && !link_table(entryp, &entry, spare))
			return -ENOMEM;
		if (ept_is_leaf(entry, level))
			return -EEXIST;
		table = ept_table(entry);
	}
}

/**
 * ept_fast_page_fault - is the access allowed, or can it be by the entry alone?
 * @kvm: the VM; read side of mmu.lock held
 * @gfn: guest frame number
 * @want: EPT_READ, EPT_WRITE, EPT_EXEC
 * @may_write: write permission taken for the dirty log's sake may be given back
 *
 * Return: true if the guest can go on.
 */
bool ept_fast_page_fault(struct kvm *kvm, gfn_t gfn, u64 want, bool may_write)
{
	u64 *table = kvm->mmu.root, *entryp, entry;
	int level;

	for (level = EPT_LEVELS; ; level--) {
		entryp = &table[ept_index(gfn, level)];
		entry = READ_ONCE(*entryp);
		if (!ept_present(entry))
			return false;
		if (ept_is_leaf(entry, level))
			break;
		table = ept_table(entry);
	}
	if ((entry & want) == want)
		return true;
	if (!may_write || level > 1 || !(entry & EPT_HOST_WRITE) || (want & ~entry) != EPT_WRITE)
		return false;
	return cmpxchg64(entryp, entry, entry | EPT_WRITE | EPT_DIRTY) == entry;
}

/*
 * While an entry is there the host maps the page too (the notifier zaps before
 * the host unmaps), so the struct page cannot go away under this.
 */
static void leaf_zap(struct ept_range *r, u64 *entryp)
{
	u64 old = xchg(entryp, 0);

	if ((old & (EPT_PAGE | EPT_DIRTY)) == (EPT_PAGE | EPT_DIRTY))
		set_page_dirty(pfn_to_page(ept_pfn(old)));
	r->flush = true;
	r->zapped = true;
}

static void leaf_op(struct ept_range *r, u64 *entryp, u64 entry)
{
	if (!ept_present(entry)) {
		if (r->op == EPT_OP_ZAP)
			WRITE_ONCE(*entryp, 0);
		return;
	}
	switch (r->op) {
	case EPT_OP_ZAP:
		leaf_zap(r, entryp);
		break;
	case EPT_OP_AGE:
		/* As on the host's own tables, no flush: the bit is a hint. */
		if (test_and_clear_bit(ilog2(EPT_ACCESSED), (unsigned long *)entryp))
			r->young = true;
		break;
	case EPT_OP_TEST:
		if (!vmx_caps.ept_ad || (entry & EPT_ACCESSED))
			r->young = true;
		break;
	}
}

/* An empty table that lies wholly in the range goes; CPUs may hold it until the flush. */
static void unlink_table(struct ept_range *r, u64 *entryp, gfn_t base, int level)
{
	u64 *table = ept_table(*entryp);

	if (base < r->start || base + ept_pages(level) > r->end || memchr_inv(table, 0, PAGE_SIZE))
		return;
	WRITE_ONCE(*entryp, 0);
	list_add(&virt_to_page(table)->lru, &r->unlinked);
	r->flush = true;
}

/* The part [gfn, end) below one table; returns where the budget ended it, or @end. */
static gfn_t walk_table(struct ept_range *r, u64 *table, int level, gfn_t gfn, gfn_t end)
{
	while (gfn < end && r->budget) {
		gfn_t base = gfn & ~(ept_pages(level) - 1);
		gfn_t next = min(base + ept_pages(level), end);
		u64 *entryp = &table[ept_index(gfn, level)];
		u64 entry = READ_ONCE(*entryp);

		if (entry) {
			r->budget--;
			if (ept_is_leaf(entry, level)) {
				leaf_op(r, entryp, entry);
			} else {
				gfn_t stop = walk_table(r, ept_table(entry), level - 1, gfn, next);

				if (stop < next)
					return stop;
				if (r->op == EPT_OP_ZAP)
					unlink_table(r, entryp, base, level);
			}
		}
		gfn = next;
	}
	return gfn;
}

static void range_init(struct ept_range *r, struct kvm *kvm, gfn_t start, gfn_t end, enum ept_op op)
{
	r->kvm = kvm;
	r->start = start;
	r->end = min_t(gfn_t, end, 1ULL << EPT_GFN_BITS);
	r->op = op;
	r->budget = UINT_MAX;
	r->flush = false;
	r->zapped = false;
	r->young = false;
	INIT_LIST_HEAD(&r->unlinked);
}

static void range_flush(struct ept_range *r)
{
	struct page *page, *next;

	if (!r->flush)
		return;
	kvm_flush_remote_tlbs(r->kvm);
	r->flush = false;
	list_for_each_entry_safe(page, next, &r->unlinked, lru) {
		list_del(&page->lru);
		ept_table_free(r->kvm, page_address(page));
	}
}

/*
 * The flush comes before the lock is let go even for a moment: who takes it
 * next and finds nothing mapped concludes that no CPU reaches the page.
 */
static void range_walk_write(struct ept_range *r, bool yield)
{
	rwlock_t *lock = &r->kvm->mmu.lock;
	gfn_t gfn = r->start;

	lockdep_assert_held_write(lock);
	for (;;) {
		r->budget = EPT_BUDGET;
		gfn = walk_table(r, r->kvm->mmu.root, EPT_LEVELS, gfn, r->end);
		if (gfn >= r->end)
			break;
		if (yield && (need_resched() || rwlock_needbreak(lock))) {
			range_flush(r);
			cond_resched_rwlock_write(lock);
		}
	}
	range_flush(r);
}

/**
 * ept_zap - drop every mapping of [start, end)
 * @kvm: the VM; write side of mmu.lock held
 * @start: first gfn
 * @end: the one after the last
 * @yield: the lock may be dropped and taken again on the way
 *
 * Return: whether anything was mapped. No CPU reaches the pages any more.
 */
bool ept_zap(struct kvm *kvm, gfn_t start, gfn_t end, bool yield)
{
	struct ept_range r;

	range_init(&r, kvm, start, end, EPT_OP_ZAP);
	range_walk_write(&r, yield);
	return r.zapped;
}

/**
 * ept_age - were the pages of [start, end) touched?
 * @kvm: the VM; mmu.lock held, the write side to @clear without accessed bits
 * @start: first gfn
 * @end: the one after the last
 * @clear: forget it
 *
 * On a CPU without accessed bits what is mapped counts as touched, and is
 * forgotten by being unmapped.
 */
bool ept_age(struct kvm *kvm, gfn_t start, gfn_t end, bool clear)
{
	struct ept_range r;

	if (clear && !vmx_caps.ept_ad)
		return ept_zap(kvm, start, end, false);
	range_init(&r, kvm, start, end, clear ? EPT_OP_AGE : EPT_OP_TEST);
	walk_table(&r, kvm->mmu.root, EPT_LEVELS, start, r.end);
	return r.young;
}

void kvm_mmu_zap_gfn_range(struct kvm *kvm, gfn_t start, gfn_t end)
{
	write_lock(&kvm->mmu.lock);
	ept_zap(kvm, start, end, true);
	write_unlock(&kvm->mmu.lock);
}

void kvm_mmu_zap_all(struct kvm *kvm)
{
	kvm_mmu_zap_gfn_range(kvm, 0, 1ULL << EPT_GFN_BITS);
}

void kvm_mmu_slot_visible(struct kvm *kvm, const struct kvm_memslot *slot)
{
	if (READ_ONCE(kvm->mmu.outside_slots))
		kvm_mmu_zap_gfn_range(kvm, slot->base_gfn, slot->base_gfn + slot->npages);
}

void kvm_mmu_add_slot(struct kvm *kvm, struct kvm_memslot *slot)
{
	write_lock(&kvm->mmu.lock);
	interval_tree_insert(&slot->hva_node, &kvm->mmu.hva_tree);
	kvm->mmu.hva_tree_gen++;
	write_unlock(&kvm->mmu.lock);
}

void kvm_mmu_remove_slot(struct kvm *kvm, struct kvm_memslot *slot)
{
	gfn_t start = slot->base_gfn, end = start + slot->npages;

	if (!kvm_quirk_off(kvm, KVM_X86_QUIRK_SLOT_ZAP_ALL)) {
		start = 0;
		end = 1ULL << EPT_GFN_BITS;
	}
	write_lock(&kvm->mmu.lock);
	ept_zap(kvm, start, end, true);
	interval_tree_remove(&slot->hva_node, &kvm->mmu.hva_tree);
	kvm->mmu.hva_tree_gen++;
	write_unlock(&kvm->mmu.lock);
}

void kvm_mmu_replace_slot(struct kvm *kvm, struct kvm_memslot *old, struct kvm_memslot *new)
{
	write_lock(&kvm->mmu.lock);
	interval_tree_remove(&old->hva_node, &kvm->mmu.hva_tree);
	interval_tree_insert(&new->hva_node, &kvm->mmu.hva_tree);
	kvm->mmu.hva_tree_gen++;
	write_unlock(&kvm->mmu.lock);
}

/**
 * kvm_flush_remote_tlbs - make running vCPUs forget what EPT said before
 * @kvm: the VM; may be called with mmu.lock held, never with interrupts off
 *
 * A vCPU announces IN_GUEST_MODE, passes a full barrier, and then compares its
 * tlb_gen with the VM's. Here the entries are changed, the generation raised,
 * a full barrier passed, and then the modes are read. So of each vCPU either
 * its entry is seen here and it is kicked, or it sees the new generation and
 * does INVEPT, which comes after the changes, before it enters.
 */
void kvm_flush_remote_tlbs(struct kvm *kvm)
{
	/* Returning a value, it is a full barrier. */
	atomic64_inc_return(&kvm->mmu.tlb_gen);
	kvm_kick_all_and_wait(kvm);
}

/* Fewer would not hold what one instruction of each vCPU touches. */
#define MIN_PAGES	64

/**
 * ept_keep_limit - before one more table: all go if there are too many
 * @kvm: the VM
 */
void ept_keep_limit(struct kvm *kvm)
{
	unsigned long limit = READ_ONCE(kvm->mmu.pages_limit);

	if (!limit)
		return;
	limit = max(limit, (unsigned long)MIN_PAGES * atomic_read(&kvm->vcpus.online));
	if (atomic_long_read(&kvm->mmu.pages) >= limit)
		kvm_mmu_zap_all(kvm);
}

long kvm_vm_ioctl_set_nr_mmu_pages(struct kvm_ioctl_args *a)
{
	if (a->raw < MIN_PAGES || a->raw > INT_MAX)
		return -EINVAL;
	WRITE_ONCE(a->kvm->mmu.pages_limit, a->raw);
	ept_keep_limit(a->kvm);
	return 0;
}

long kvm_vm_ioctl_get_nr_mmu_pages(struct kvm_ioctl_args *a)
{
	return READ_ONCE(a->kvm->mmu.pages_limit);
}

void kvm_mmu_noncoherent_dma(struct kvm *kvm, int n)
{
	write_lock(&kvm->mmu.lock);
	kvm->mmu.noncoherent += n;
	/* Memory types change. */
	ept_zap(kvm, 0, 1ULL << EPT_GFN_BITS, true);
	write_unlock(&kvm->mmu.lock);
}

gfn_t kvm_mmu_gfn_limit(void)
{
	return 1ULL << min(EPT_GFN_BITS, boot_cpu_data.x86_phys_bits - PAGE_SHIFT);
}

/**
 * kvm_mmu_init_vm - an empty EPT and the notifier of a new VM
 * @kvm: the VM; current->mm is its mm
 *
 * Return: 0 or a negative errno.
 */
int kvm_mmu_init_vm(struct kvm *kvm)
{
	struct kvm_mmu *mmu = &kvm->mmu;
	int r;

	rwlock_init(&mmu->lock);
	mmu->hva_tree = RB_ROOT_CACHED;
	/* A new vCPU has generation 0: the first entry flushes what an earlier VM left. */
	atomic64_set(&mmu->tlb_gen, 1);
	mmu->root = ept_table_alloc(kvm);
	if (!mmu->root)
		return -ENOMEM;
	mmu->eptp = __pa(mmu->root) | EPTP_WB | EPTP_LEVELS | (vmx_caps.ept_ad ? EPTP_AD : 0);
	r = kvm_notifier_register(kvm);
	if (r) {
		ept_table_free(kvm, mmu->root);
		mmu->root = NULL;
	}
	return r;
}

void kvm_mmu_release_vm(struct kvm *kvm)
{
	/* Calls notifier_release() unless the address space is gone: everything is zapped. */
	kvm_notifier_unregister(kvm);
}

/* No vCPU is left, so since kvm_mmu_release_vm() the root is all there is. */
void kvm_mmu_destroy_vm(struct kvm *kvm)
{
	ept_table_free(kvm, kvm->mmu.root);
	kvm->mmu.root = NULL;
}

int __init kvm_mmu_module_init(void)
{
	if (nx_huge_pages_param == NX_AUTO)
		nx_huge_pages = boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) && !cpu_mitigations_off();
	else
		nx_huge_pages = nx_huge_pages_param == NX_FORCE;
	itlb_multihit_kvm_mitigation = nx_huge_pages;
	return 0;
}

void kvm_mmu_module_exit(void)
{
	mmu_notifier_synchronize();
	itlb_multihit_kvm_mitigation = false;
}
