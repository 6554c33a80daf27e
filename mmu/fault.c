// SPDX-License-Identifier: GPL-2.0-only
/*
 * EPT violations: from the guest's page to the host's, and into the tables.
 */
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <asm/apicdef.h>
#include "bus.h"
#include "compat/compat.h"
#include "compat/pfnmap.h"
#include "guest_memfd.h"
#include "internal.h"
#include "ioctl.h"
#include "uapi/kvm_guest_memfd.h"
#include "vcpu.h"

struct kvm_page_fault {
	struct kvm *kvm;
	struct kvm_vcpu *vcpu;	/* that touched it; NULL if user space only wants it mapped */
	const struct kvm_memslot *slot;
	gfn_t gfn;
	unsigned long hva;
	bool write, fetch;
	bool prefetch;		/* no vCPU waits for it: not worth a wait */
	unsigned long seq;	/* of the notifier, from before the look-up */
	unsigned long attributes_seq, gmem_seq;	/* likewise */
	bool private;		/* the page is guest_memfd's */
	/* What was found. */
	struct page *page;	/* referenced; NULL for a page of a VM_IO or VM_PFNMAP mapping */
	u64 pfn;
	bool writable, cached;
	int level;		/* of the mapping, once it is there */
};

/* The size of the host's own mapping of @hva, as a level, if it maps @pfn there. */
static int host_level(struct mm_struct *mm, unsigned long hva, u64 pfn)
{
	unsigned long flags;
	int level = 1;
	pgd_t *pgdp, pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t pmd;

	/* Tables are not freed while interrupts are off: that takes an IPI or a grace period. */
	local_irq_save(flags);
	pgdp = pgd_offset(mm, hva);
	pgd = READ_ONCE(*pgdp);
	if (pgd_none(pgd))
		goto out;
	p4dp = p4d_offset_lockless(pgdp, pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pudp = pud_offset_lockless(p4dp, p4d, hva);
	pud = READ_ONCE(*pudp);
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_leaf(pud)) {
		if (pud_pfn(pud) + ((hva & ~PUD_MASK) >> PAGE_SHIFT) == pfn)
			level = 3;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset_lockless(pudp, pud, hva));
	if (!pmd_none(pmd) && pmd_present(pmd) && pmd_leaf(pmd) &&
	    pmd_pfn(pmd) + ((hva & ~PMD_MASK) >> PAGE_SHIFT) == pfn)
		level = 2;
out:
	local_irq_restore(flags);
	return level;
}

/**
 * ept_host_level - how large a mapping can be
 * @kvm: the VM; mmu.lock held, and no invalidation of the address under way
 * @slot: the slot
 * @gfn: guest frame number in it
 * @pfn: the page there
 *
 * Return: the largest level for the CPU, the host's own mapping, the slot's ends, and where the
 * two addresses agree.
 */
int ept_host_level(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t gfn, u64 pfn)
{
	unsigned long hva = kvm_slot_hva(slot, gfn);
	int level = host_level(kvm->mm, hva, pfn);

	if (level == 3 && !vmx_caps.ept_1g)
		level = 2;
	if (level == 2 && !vmx_caps.ept_2m)
		level = 1;
	for (; level > 1; level--) {
		gfn_t mask = ept_pages(level) - 1;

		if (!((gfn ^ (hva >> PAGE_SHIFT)) & mask) && (gfn & ~mask) >= slot->base_gfn &&
		    (gfn | mask) < slot->base_gfn + slot->npages &&
		    kvm_gfns_are_shared(kvm, gfn & ~mask, gfn | mask))
			break;
	}
	return level;
}

static int map_level(const struct kvm_page_fault *f)
{
	/* Each page is logged by itself; and of I/O memory only single pages are looked up. */
	if (f->slot->dirty_bitmap || !f->page || f->private || (f->fetch && nx_huge_pages))
		return 1;
	return ept_host_level(f->kvm, f->slot, f->gfn, f->pfn);
}

/* Who touched the page gets the signal; who only asked for it to be mapped, the error. */
static int hwpoison(const struct kvm_page_fault *f)
{
	if (!f->vcpu)
		return -EHWPOISON;
	send_sig_mceerr(BUS_MCEERR_AR, (void __user *)f->hva, PAGE_SHIFT, current);
	return KVM_FAULT_FIXED;
}

/* A mapping without pages to refer to: device memory, or what a driver put there. */
static int find_pfnmap(struct kvm_page_fault *f)
{
	struct mm_struct *mm = f->kvm->mm;
	struct vm_area_struct *vma;
	struct kvmx_pfnmap map;
	bool unlocked = false;
	int r = -EFAULT;

	mmap_read_lock(mm);
	vma = find_vma(mm, f->hva);
	if (!vma || f->hva < vma->vm_start || !(vma->vm_flags & (VM_IO | VM_PFNMAP)) ||
	    !(vma->vm_flags & (f->write ? VM_WRITE : VM_READ)))
		goto out;
	if (kvmx_follow_pfnmap(vma, f->hva, &map) || (f->write && !map.writable)) {
		/* After the host's own fault the guest tries again. */
		r = fixup_user_fault(mm, f->hva, f->write ? FAULT_FLAG_WRITE : 0, &unlocked);
		if (!r)
			r = -EAGAIN;
		goto out;
	}
	f->pfn = map.pfn;
	f->writable = map.writable && (vma->vm_flags & VM_WRITE);
	f->cached = map.cached;
	r = 0;
out:
	mmap_read_unlock(mm);
	return r;
}

/*
 * The host page. A page that is only read is not made writable, which would
 * break its sharing (COW, KSM, the zero page); if it is writable already, it is
 * mapped so. 0 or a negative errno.
 */
static int find_page(struct kvm_page_fault *f)
{
	unsigned int flags = FOLL_HWPOISON | KVMX_FOLL_INTERRUPTIBLE | KVMX_FOLL_NUMA |
			     (f->write ? FOLL_WRITE : 0);
	long n;

	f->cached = true;
	f->writable = true;
	if (!(f->slot->flags & KVM_MEM_READONLY) &&
	    get_user_pages_fast_only(f->hva, 1, FOLL_WRITE | KVMX_FOLL_NUMA, &f->page) == 1)
		goto found;
	f->writable = f->write;
	if (f->prefetch || (f->vcpu && kvm_async_pf_possible(f->vcpu))) {
		n = get_user_pages_unlocked(f->hva, 1, &f->page, flags | FOLL_NOWAIT);
		if (n == 1)
			goto found;
		f->page = NULL;
		if (f->prefetch ||
		    (!n && kvm_async_pf_start(f->vcpu, (gpa_t)f->gfn << PAGE_SHIFT, f->hva,
					      f->write)))
			return -EAGAIN;
	}
	n = get_user_pages_unlocked(f->hva, 1, &f->page, flags);
	if (n == 1)
		goto found;
	f->page = NULL;
	if (n == -EFAULT)
		return find_pfnmap(f);
	return n ? n : -EAGAIN;
found:
	f->pfn = page_to_pfn(f->page);
	return 0;
}

/* The page of a private frame: 0, or an error that is not worth another try but for -EINTR. */
static int find_private(struct kvm_page_fault *f)
{
	struct page *page;

	if (!f->slot->gmem)
		return -EFAULT;
	page = kvm_gmem_get_page(f->slot, f->gfn, &f->gmem_seq);
	if (IS_ERR(page))
		return PTR_ERR(page);
	f->page = page;
	f->pfn = page_to_pfn(page);
	f->writable = true;
	f->cached = true;
	return 0;
}

/* Read side of mmu.lock: is what was found out of date? */
static bool must_retry(const struct kvm_page_fault *f)
{
	if (f->attributes_seq != f->kvm->mmu.attributes_seq)
		return true;
	if (f->private)
		return kvm_gmem_retry(f->slot, f->gmem_seq);
	return kvm_notifier_retry(f->kvm, f->seq, f->hva);
}

static u64 leaf_bits(const struct kvm_page_fault *f)
{
	u64 bits = EPT_READ | EPT_EXEC;

	if (f->vcpu)
		bits |= EPT_ACCESSED;
	bits |= ept_memory_type(f->kvm, f->vcpu, f->cached);
	/* A page of guest_memfd is not written back, and dirty already. */
	if (f->page && !f->private)
		bits |= EPT_PAGE;
	if (f->writable && !(f->slot->flags & KVM_MEM_READONLY)) {
		bits |= EPT_HOST_WRITE;
		if (f->write || !f->slot->dirty_bitmap || f->kvm->mmu.pml)
			bits |= EPT_WRITE;
		/* A dirty bit that is set already is none that PML has to log. */
		if (f->write || ((bits & EPT_WRITE) && !vmx_caps.ept_ad) ||
		    (f->kvm->mmu.pml && !f->slot->dirty_bitmap))
			bits |= EPT_DIRTY;
	}
	return bits;
}

/* Read side of mmu.lock, from the check to the dirty bit. */
static int map_page(struct kvm_page_fault *f, u64 **spare)
{
	struct ept_map map = { .gfn = f->gfn, .pfn = f->pfn };
	int r = -EAGAIN;

	read_lock(&f->kvm->mmu.lock);
	if (must_retry(f))
		goto out;
	map.bits = leaf_bits(f);
	map.level = map_level(f);
	r = ept_map(f->kvm, &map, spare);
	f->level = map.level;
	if (!r && f->write)
		kvm_slot_mark_dirty(f->vcpu, f->slot, f->gfn);
out:
	read_unlock(&f->kvm->mmu.lock);
	return r;
}

/* Each level may lack its table, and nothing is allocated under the lock. */
static bool more_tables(struct kvm *kvm, u64 **spare)
{
	ept_keep_limit(kvm);
	*spare = ept_table_alloc(kvm);
	return *spare;
}

static int handle_fault(struct kvm_page_fault *f)
{
	u64 *spare = NULL;
	int r;

	f->seq = READ_ONCE(f->kvm->mmu.notifier_seq);
	f->attributes_seq = READ_ONCE(f->kvm->mmu.attributes_seq);
	/*
	 * The sequences first, then the host's tables and the attributes: notifier_end() comes
	 * after their change, as the release in drop_mappings() does.
	 */
	smp_rmb();
	f->private = kvm_gfn_is_private(f->kvm, f->gfn);
	r = f->private ? find_private(f) : find_page(f);
	if (r == -EHWPOISON && !f->private)
		return hwpoison(f);
	if (r)
		return r;
	while ((r = map_page(f, &spare)) == -ENOMEM && more_tables(f->kvm, &spare))
		;
	ept_table_free(f->kvm, spare);
	if (f->page)
		put_page(f->page);
	if (r == -EEXIST) {
		kvm_mmu_zap_gfn_range(f->kvm, f->gfn, f->gfn + 1);
		r = -EAGAIN;
	}
	return r;
}

static bool fast_page_fault(struct kvm_page_fault *f)
{
	u64 want = f->write ? EPT_WRITE : f->fetch ? EPT_EXEC : EPT_READ;

	read_lock(&f->kvm->mmu.lock);
	f->level = ept_fast_page_fault(f->kvm, f->gfn, want, true);
	/* Under the same lock as the write permission, see mmu/dirty.c. */
	if (f->level && f->write)
		kvm_slot_mark_dirty(f->vcpu, f->slot, f->gfn);
	read_unlock(&f->kvm->mmu.lock);
	return f->level;
}

/*
 * The xAPIC's window of a vCPU whose CPU virtualizes it: the page is only an
 * address that the CPU watches, the same for all vCPUs.
 */
static int map_apic_window(struct kvm_vcpu *vcpu)
{
	struct kvm *kvm = vcpu->kvm;
	struct ept_map map = {
		.gfn = APIC_DEFAULT_PHYS_BASE >> PAGE_SHIFT,
		.pfn = page_to_pfn(kvm->irq.access_page),
		.bits = EPT_READ | EPT_WRITE | EPT_ACCESSED | EPT_DIRTY | EPT_MT_WB | EPT_IPAT,
		.level = 1,
	};
	u64 *spare = NULL;
	int r;

	/* A thread that makes a slot here waits until kvm->srcu is let go, and then sees this. */
	WRITE_ONCE(kvm->mmu.outside_slots, true);
	for (;;) {
		read_lock(&kvm->mmu.lock);
		r = ept_map(kvm, &map, &spare);
		read_unlock(&kvm->mmu.lock);
		if (r != -ENOMEM)
			break;
		spare = ept_table_alloc(kvm);
		if (!spare)
			break;
	}
	ept_table_free(kvm, spare);
	return r == -ENOMEM ? r : KVM_FAULT_FIXED;
}

/*
 * The guest's next write in this page exits by misconfiguration. Only pages with a
 * device that takes a write unseen are marked: each marked page costs tables, and
 * others need the qualification of a violation.
 */
static noinline void mark_mmio(struct kvm *kvm, gfn_t gfn)
{
	struct ept_map map = { .gfn = gfn, .bits = EPT_MMIO, .level = 1 };
	u64 *spare = NULL;
	int r;

	if (gfn >> EPT_GFN_BITS)
		return;
	/* A thread that makes a slot here waits until kvm->srcu is let go, and then sees this. */
	WRITE_ONCE(kvm->mmu.outside_slots, true);
	do {
		read_lock(&kvm->mmu.lock);
		r = ept_map(kvm, &map, &spare);
		read_unlock(&kvm->mmu.lock);
	} while (r == -ENOMEM && more_tables(kvm, &spare));
	ept_table_free(kvm, spare);
}

/* KVM_RUN fails with @error, and kvm_run says where: KVM_CAP_MEMORY_FAULT_INFO. */
static int memory_fault(struct kvm_vcpu *vcpu, gfn_t gfn, bool private, int error)
{
	struct kvmx_memory_fault *fault = kvmx_run_memory_fault(vcpu->run);

	vcpu->run->exit_reason = KVM_EXIT_MEMORY_FAULT;
	fault->flags = private ? KVM_MEMORY_EXIT_FLAG_PRIVATE : 0;
	fault->gpa = (gpa_t)gfn << PAGE_SHIFT;
	fault->size = PAGE_SIZE;
	return error;
}

/* Apart, for what it has on the stack. */
static noinline int fault_in_slot(struct kvm_vcpu *vcpu, struct kvm_memslot *slot, gfn_t gfn,
				  u32 acc)
{
	struct kvm_page_fault f = {
		.kvm = vcpu->kvm,
		.vcpu = vcpu,
		.gfn = gfn,
		.write = acc & X86_ACC_WRITE,
		.fetch = acc & X86_ACC_FETCH,
		.slot = slot,
	};
	int r;

	f.hva = kvm_slot_hva(f.slot, f.gfn);
	if (fast_page_fault(&f))
		return KVM_FAULT_FIXED;
	r = handle_fault(&f);
	if (r == -EFAULT || r == -EHWPOISON)
		return memory_fault(vcpu, gfn, f.private, r);
	return r == -EAGAIN ? KVM_FAULT_FIXED : r;
}

/**
 * kvm_mmu_page_fault - the guest touched a page that EPT does not give it
 * @vcpu: the vCPU; kvm->srcu held for reading
 * @gpa: guest physical address
 * @acc: X86_ACC_WRITE, X86_ACC_FETCH or 0
 *
 * Return: KVM_FAULT_FIXED run the guest again (the page is there, or the host
 * is about to change it); KVM_FAULT_MMIO no memory for such an access; -EINTR a
 * signal came while waiting; -EFAULT user space has nothing there, and kvm_run
 * says where (KVM_EXIT_MEMORY_FAULT); -ENOMEM.
 */
int kvm_mmu_page_fault(struct kvm_vcpu *vcpu, gpa_t gpa, u32 acc)
{
	struct kvm *kvm = vcpu->kvm;
	gfn_t gfn = gpa >> PAGE_SHIFT;
	struct kvm_memslot *slot = kvm_vcpu_memslot(vcpu, gfn);

	if (kvm_gfn_is_private(kvm, gfn) && !(slot && slot->gmem))
		return memory_fault(vcpu, gfn, true, -EFAULT);
	if (!slot) {
		/* A device is not executed, as elsewhere. */
		if (gfn == APIC_DEFAULT_PHYS_BASE >> PAGE_SHIFT && !(acc & X86_ACC_FETCH) &&
		    vmx_apic_window_virtualized(vcpu))
			return map_apic_window(vcpu);
		/* CPUs give the instruction's length although the SDM does not promise it. */
		if (kvm_bus_has_page(kvm, KVM_FAST_MMIO_BUS, gpa) &&
		    !boot_cpu_has(X86_FEATURE_HYPERVISOR))
			mark_mmio(kvm, gfn);
		return KVM_FAULT_MMIO;
	}
	if ((acc & X86_ACC_WRITE) && (slot->flags & KVM_MEM_READONLY))
		return KVM_FAULT_MMIO;
	return fault_in_slot(vcpu, slot, gfn, acc);
}

/**
 * kvm_mmu_prefetch - a page the guest will touch is in memory, probably: map it
 * @vcpu: the vCPU; kvm->srcu held for reading
 * @gpa: guest physical address
 * @write: it will be written to
 */
void kvm_mmu_prefetch(struct kvm_vcpu *vcpu, gpa_t gpa, bool write)
{
	struct kvm_page_fault f = {
		.kvm = vcpu->kvm,
		.vcpu = vcpu,
		.gfn = gpa >> PAGE_SHIFT,
		.write = write,
		.prefetch = true,
	};

	f.slot = kvm_vcpu_memslot(vcpu, f.gfn);
	if (!f.slot || (write && (f.slot->flags & KVM_MEM_READONLY)))
		return;
	f.hva = kvm_slot_hva(f.slot, f.gfn);
	if (!fast_page_fault(&f))
		handle_fault(&f);
}

/*
 * As if the guest had read there. 0 and how many pages are mapped from there on, or an error of
 * KVM_PRE_FAULT_MEMORY.
 */
static int populate(struct kvm_vcpu *vcpu, gfn_t gfn, gfn_t *pages)
{
	struct kvm_page_fault f = { .kvm = vcpu->kvm, .gfn = gfn };
	int r;

	f.slot = kvm_vcpu_memslot(vcpu, gfn);
	if (!f.slot)
		return -ENOENT;
	f.hva = kvm_slot_hva(f.slot, gfn);
	do {
		if (signal_pending(current))
			return -EINTR;
		r = fast_page_fault(&f) ? 0 : handle_fault(&f);
		cond_resched();
	} while (r == -EAGAIN);
	if (!r)
		*pages = ept_pages(f.level) - (gfn & (ept_pages(f.level) - 1));
	return r;
}

/**
 * kvm_vcpu_ioctl_pre_fault_memory - KVM_PRE_FAULT_MEMORY
 * @a: struct kvm_pre_fault_memory, which tells afterwards what is left
 *
 * Return: 0 if a page or more was mapped; -EINVAL; -ENOENT no slot; -EINTR; -EFAULT;
 * -ENOMEM; -EHWPOISON the host's memory is broken there.
 */
long kvm_vcpu_ioctl_pre_fault_memory(struct kvm_ioctl_args *a)
{
	struct kvm_pre_fault_memory *range = a->data;
	struct kvm *kvm = a->kvm;
	u64 done = 0;
	gfn_t pages;
	int idx, r;

	if (range->flags || !range->size || !PAGE_ALIGNED(range->gpa | range->size) ||
	    range->gpa + range->size <= range->gpa)
		return -EINVAL;
	do {
		idx = srcu_read_lock(&kvm->srcu);
		r = populate(a->vcpu, (range->gpa + done) >> PAGE_SHIFT, &pages);
		srcu_read_unlock(&kvm->srcu, idx);
		if (r)
			break;
		/* What a large page has beyond the end does not count. */
		done = min(done + (pages << PAGE_SHIFT), range->size);
	} while (done < range->size);
	range->gpa += done;
	range->size -= done;
	return done ? 0 : r;
}
