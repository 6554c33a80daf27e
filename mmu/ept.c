// SPDX-License-Identifier: GPL-2.0-only
/*
 * EPT tables: making entries, and walks over ranges that drop or age them.
 * Documentation/mmu.rst has the rules.
 */
#include <linux/cpu.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include "compat/compat.h"
#include "guest_memfd.h"
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
	enum ept_op op;
	unsigned int budget;		/* entries to look at before the caller may yield */
	struct ept_stale *stale;	/* EPT_OP_ZAP */
	bool young;
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
 * @map: what to map; says the level if it is mapped
 * @spare: a table to use, NULL when it is in use
 *
 * Return: 0 mapped; -ENOMEM a table is needed; -EAGAIN another CPU changed the
 * entry; -EEXIST something else is mapped there, which must be zapped first.
 */
int ept_map(struct kvm *kvm, struct ept_map *map, u64 **spare)
{
	u64 *table = kvm->mmu.root;
	int level;

	for (level = EPT_LEVELS; ; level--) {
		u64 *entryp = &table[ept_index(map->gfn, level)];
		u64 entry = READ_ONCE(*entryp);

		/* Where smaller pages are mapped already, another one joins them. */
		if (level <= map->level && (!entry || ept_is_leaf(entry, level))) {
			map->level = level;
			return set_leaf(entryp, entry, leaf_entry(map, level));
		}
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
 * Return: the level of the mapping if the guest can go on, or 0.
 */
int ept_fast_page_fault(struct kvm *kvm, gfn_t gfn, u64 want, bool may_write)
{
	u64 *table = kvm->mmu.root, *entryp, entry;
	int level;

	for (level = EPT_LEVELS; ; level--) {
		entryp = &table[ept_index(gfn, level)];
		entry = READ_ONCE(*entryp);
		if (!ept_present(entry))
			return 0;
		if (ept_is_leaf(entry, level))
			break;
		table = ept_table(entry);
	}
	if ((entry & want) == want)
		return level;
	if (!may_write || level > 1 || !(entry & EPT_HOST_WRITE) || (want & ~entry) != EPT_WRITE)
		return 0;
	return cmpxchg64(entryp, entry, entry | EPT_WRITE | EPT_DIRTY) == entry ? level : 0;
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
	r->stale->flush = true;
	r->stale->zapped = true;
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

/* A table that has become empty goes; CPUs may hold it until the flush. */
static void unlink_table(struct ept_stale *stale, u64 *entryp)
{
	u64 *table = ept_table(*entryp);

	if (memchr_inv(table, 0, PAGE_SIZE))
		return;
	WRITE_ONCE(*entryp, 0);
	list_add(&virt_to_page(table)->lru, &stale->tables);
	stale->flush = true;
}

/* The part [gfn, end) below one table; returns where the budget ended it, or @end. */
static gfn_t walk_table(struct ept_range *r, u64 *table, int level, gfn_t gfn, gfn_t end)
{
	while (gfn < end && r->budget) {
		gfn_t next = min((gfn | (ept_pages(level) - 1)) + 1, end);
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
					unlink_table(r->stale, entryp);
			}
		}
		gfn = next;
	}
	return gfn;
}

static gfn_t end_of_ept(gfn_t end)
{
	return min_t(gfn_t, end, 1ULL << EPT_GFN_BITS);
}

/**
 * ept_stale_init - nothing is taken out of the tables yet
 * @stale: of one thread; ept_flush() is called in the end
 * @kvm: the VM
 */
void ept_stale_init(struct ept_stale *stale, struct kvm *kvm)
{
	stale->kvm = kvm;
	stale->flush = false;
	stale->zapped = false;
	INIT_LIST_HEAD(&stale->tables);
}

/**
 * ept_flush - no CPU reaches what was taken out of the tables
 * @stale: what that is; write side of mmu.lock held since
 */
void ept_flush(struct ept_stale *stale)
{
	struct page *page, *next;

	if (!stale->flush)
		return;
	kvm_flush_remote_tlbs(stale->kvm);
	stale->flush = false;
	list_for_each_entry_safe(page, next, &stale->tables, lru) {
		list_del(&page->lru);
		ept_table_free(stale->kvm, page_address(page));
	}
}

/**
 * ept_zap_more - take every mapping of [start, end) out of the tables
 * @stale: what CPUs may hold from then on
 * @start: first gfn
 * @end: the one after the last
 * @yield: the lock may be dropped and taken again, on the way and in the end
 *
 * The flush comes before the lock is let go even for a moment: who takes it
 * next and finds nothing mapped concludes that no CPU reaches the page.
 */
void ept_zap_more(struct ept_stale *stale, gfn_t start, gfn_t end, bool yield)
{
	struct ept_range r = { .op = EPT_OP_ZAP, .stale = stale };
	struct kvm_mmu *mmu = &stale->kvm->mmu;

	lockdep_assert_held_write(&mmu->lock);
	end = end_of_ept(end);
	do {
		r.budget = EPT_BUDGET;
		start = walk_table(&r, mmu->root, EPT_LEVELS, start, end);
		if (yield && (need_resched() || rwlock_needbreak(&mmu->lock))) {
			ept_flush(stale);
			cond_resched_rwlock_write(&mmu->lock);
		}
	} while (start < end);
}

/**
 * ept_zap - drop every mapping of [start, end): no CPU reaches the pages any more
 * @kvm: the VM; write side of mmu.lock held
 * @start: first gfn
 * @end: the one after the last
 * @yield: the lock may be dropped and taken again on the way
 */
void ept_zap(struct kvm *kvm, gfn_t start, gfn_t end, bool yield)
{
	struct ept_stale stale;

	ept_stale_init(&stale, kvm);
	ept_zap_more(&stale, start, end, yield);
	ept_flush(&stale);
}

/**
 * ept_age - were the pages of [start, end) touched?
 * @kvm: the VM; mmu.lock held
 * @start: first gfn
 * @end: the one after the last
 * @clear: forget it; the CPU has accessed bits
 *
 * Return: whether they were; on a CPU without accessed bits whether they are mapped.
 */
bool ept_age(struct kvm *kvm, gfn_t start, gfn_t end, bool clear)
{
	struct ept_range r = { .op = clear ? EPT_OP_AGE : EPT_OP_TEST, .budget = UINT_MAX };

	walk_table(&r, kvm->mmu.root, EPT_LEVELS, start, end_of_ept(end));
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

/* In one go: no invalidation finds neither. The notifier looks under either of the locks. */
static void change_hva_tree(struct kvm_mmu *mmu, struct kvm_memslot *out, struct kvm_memslot *in)
{
	lockdep_assert_held_write(&mmu->lock);
	spin_lock(&mmu->notifier_lock);
	if (out)
		interval_tree_remove(&out->hva_node, &mmu->hva_tree);
	if (in)
		interval_tree_insert(&in->hva_node, &mmu->hva_tree);
	spin_unlock(&mmu->notifier_lock);
	mmu->hva_tree_gen++;
}

void kvm_mmu_add_slot(struct kvm *kvm, struct kvm_memslot *slot)
{
	write_lock(&kvm->mmu.lock);
	change_hva_tree(&kvm->mmu, NULL, slot);
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
	change_hva_tree(&kvm->mmu, slot, NULL);
	write_unlock(&kvm->mmu.lock);
}

void kvm_mmu_replace_slot(struct kvm *kvm, struct kvm_memslot *old, struct kvm_memslot *new)
{
	write_lock(&kvm->mmu.lock);
	change_hva_tree(&kvm->mmu, old, new);
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
	spin_lock_init(&mmu->notifier_lock);
	mmu->hva_tree = RB_ROOT_CACHED;
	kvm_attributes_init(kvm);
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
	kvm_attributes_free(kvm);
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
