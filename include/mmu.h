/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory: memory slots, EPT, dirty tracking, access by address, and the
 * walk of the guest's own page tables.
 */
#ifndef KVMX_MMU_H
#define KVMX_MMU_H

#include <linux/nospec.h>
#include "emulate.h"
#include "kvmx.h"
#include "vcpu.h"

struct kvm_ioctl_args;
struct kvm_cap_table;
struct kvm_gmem;

/* --- mmu/memslot.c --- */
int kvm_memslots_init(struct kvm *kvm);
void kvm_memslots_free(struct kvm *kvm);
/* Needs kvm->srcu or slots_lock. NULL if no slot has @gfn. */
struct kvm_memslot *kvm_gfn_to_memslot(struct kvm *kvm, gfn_t gfn);
/* Needs kvm->srcu. By the vCPU's thread, which remembers the slot for the next time. */
struct kvm_memslot *kvm_vcpu_memslot(struct kvm_vcpu *vcpu, gfn_t gfn);
/*
 * KVM_SET_USER_MEMORY_REGION; takes slots_lock. @gmem: with KVM_MEM_GUEST_MEMFD, from page @first.
 */
int kvm_set_memory_region(struct kvm *kvm, const struct kvm_userspace_memory_region *mem,
			  struct kvm_gmem *gmem, pgoff_t first);
long kvm_vm_ioctl_set_memory_region(struct kvm_ioctl_args *a);
extern const struct kvm_cap_table kvm_caps_memslot;
/* The slot with @id (as_id << 16 | id) or NULL; slots_lock held. */
struct kvm_memslot *kvm_id_to_memslot(struct kvm *kvm, u32 id);

/* User address of @gfn, which is in @slot. */
static inline unsigned long kvm_slot_hva(const struct kvm_memslot *slot, gfn_t gfn)
{
	return slot->hva + array_index_nospec(gfn - slot->base_gfn, slot->npages) * PAGE_SIZE;
}

/* --- mmu/ring.c --- */
#define KVM_DIRTY_RING_RSVD_ENTRIES	64
#define KVM_DIRTY_RING_SIZE_MAX		(65536 * sizeof(struct kvm_dirty_gfn))
long kvm_enable_dirty_ring(struct kvm *kvm, u64 size);
int kvm_ring_create(struct kvm_vcpu *vcpu);
void kvm_ring_free(struct kvm_vcpu *vcpu);
struct page *kvm_ring_page(struct kvm_vcpu *vcpu, unsigned long pgoff);
void kvm_ring_log(struct kvm_vcpu *vcpu, const struct kvm_memslot *slot, unsigned long offset);
bool kvm_ring_must_exit(struct kvm_vcpu *vcpu);
long kvm_vm_ioctl_reset_dirty_rings(struct kvm_ioctl_args *a);

/*
 * @vcpu: the own thread's. A full barrier on x86: what was written to the page before is seen with
 * the bit, or with the ring's entry.
 */
static inline void kvm_slot_mark_dirty(struct kvm_vcpu *vcpu, const struct kvm_memslot *slot,
				       gfn_t gfn)
{
	unsigned long offset;

	if (!slot->dirty_bitmap)
		return;
	offset = array_index_nospec(gfn - slot->base_gfn, slot->npages);
	if (vcpu->ring.entries)
		kvm_ring_log(vcpu, slot, offset);
	else
		set_bit(offset, slot->dirty_bitmap);
}

/* --- mmu/dirty.c --- */
int kvm_get_dirty_log(struct kvm *kvm, const struct kvm_dirty_log *log);
long kvm_vm_ioctl_get_dirty_log(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_clear_dirty_log(struct kvm_ioctl_args *a);
void kvm_log_cpu_writes(struct kvm_vcpu *vcpu);
/* What CPUs have logged so far is in the slots' logs on return. */
void kvm_collect_cpu_writes(struct kvm *kvm);
/* KVM_ENABLE_CAP of KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2. */
long kvm_enable_manual_log(struct kvm *kvm, u64 flags);
/* All pages of a new log count as written; kvm_mmu_track_slot() is not called. */
static inline bool kvm_log_starts_full(const struct kvm *kvm)
{
	return (READ_ONCE(kvm->settings.manual_log) & KVM_DIRTY_LOG_INITIALLY_SET) &&
	       !kvm->settings.ring_entries;
}

/* --- mmu/ept.c --- */
long kvm_vm_ioctl_set_nr_mmu_pages(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_get_nr_mmu_pages(struct kvm_ioctl_args *a);
int kvm_mmu_module_init(void);
void kvm_mmu_module_exit(void);
/* EPT and the mmu_notifier of a new VM (current->mm is kvm->mm). */
int kvm_mmu_init_vm(struct kvm *kvm);
/* Unregisters the notifier: no callback runs after it. Then kvm_mmu_destroy_vm(). */
void kvm_mmu_release_vm(struct kvm *kvm);
void kvm_mmu_destroy_vm(struct kvm *kvm);
/* Drops every mapping of [start, end) and makes running vCPUs forget them. */
void kvm_mmu_zap_gfn_range(struct kvm *kvm, gfn_t start, gfn_t end);
void kvm_mmu_zap_all(struct kvm *kvm);
/* The memory types of new entries depend on CR0.CD; those of old ones are of before. */
static inline bool kvm_mmu_cd_counts(const struct kvm *kvm)
{
	return READ_ONCE(kvm->mmu.noncoherent) &&
	       kvm_quirk_off(kvm, KVM_X86_QUIRK_CD_NW_CLEARED);
}

/* The notifier follows @slot from now on. */
void kvm_mmu_add_slot(struct kvm *kvm, struct kvm_memslot *slot);
/* Every look-up finds @slot from now on: no fault maps anything else at its pages any more. */
void kvm_mmu_slot_visible(struct kvm *kvm, const struct kvm_memslot *slot);
/* Drops its mappings; no look-up finds it, so no fault makes new ones. The notifier forgets it. */
void kvm_mmu_remove_slot(struct kvm *kvm, struct kvm_memslot *slot);
/* @new takes the place of @old, which has the same pages at the same addresses. */
void kvm_mmu_replace_slot(struct kvm *kvm, struct kvm_memslot *old, struct kvm_memslot *new);
/* @n more (or, negative, fewer) devices reach guest memory past the caches. */
void kvm_mmu_noncoherent_dma(struct kvm *kvm, int n);
/* First gfn that EPT cannot map on this CPU. */
gfn_t kvm_mmu_gfn_limit(void);
/* After write protection and zaps: bump tlb_gen, kick vCPUs that run. */
void kvm_flush_remote_tlbs(struct kvm *kvm);

/* --- mmu/track.c --- */
/* Writes to pages of a slot are seen from now on; the caller of the first flushes. */
void kvm_mmu_track_pages(struct kvm *kvm, const struct kvm_memslot *slot, unsigned long first,
			 const unsigned long *bits, unsigned long n);
void kvm_mmu_track_slot(struct kvm *kvm, const struct kvm_memslot *slot);
void kvm_mmu_untrack_slot(struct kvm *kvm, const struct kvm_memslot *slot);
void kvm_mmu_log_begins(struct kvm *kvm);
void kvm_mmu_log_ends(struct kvm *kvm);

/* --- mmu/fault.c --- */
long kvm_vcpu_ioctl_pre_fault_memory(struct kvm_ioctl_args *a);

enum kvm_fault_result {
	KVM_FAULT_FIXED,	/* run the guest again */
	KVM_FAULT_MMIO,		/* no memory there (or read-only and written): emulate */
	/* or a negative errno for KVM_RUN */
};

/* One EPT violation. Sleeps; kvm->srcu held for reading. */
int kvm_mmu_page_fault(struct kvm_vcpu *vcpu, gpa_t gpa, u32 acc /* X86_ACC_*; 0 is a read */);
/* A page that will be touched is probably in memory: mapped if it takes no wait. */
void kvm_mmu_prefetch(struct kvm_vcpu *vcpu, gpa_t gpa, bool write);

/* --- mmu/access.c --- */
/*
 * Guest physical memory through the slots, by a vCPU's own thread; @gpa + @len may cross
 * pages and slots. kvm->srcu held; may sleep. 0, or -EFAULT if any byte has no memory.
 * Writes mark pages dirty.
 */
int kvm_read_guest(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned long len);
int kvm_write_guest(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, unsigned long len);
/* @len 1, 2, 4, 8 or 16, naturally aligned. 0 done, -EAGAIN memory differs, -EFAULT none. */
int kvm_cmpxchg_guest(struct kvm_vcpu *vcpu, gpa_t gpa, const void *old, const void *new,
		      unsigned int len);
/* Is @gpa backed by a slot that can be read / written (@write)? */
bool kvm_gpa_is_memory(struct kvm_vcpu *vcpu, gpa_t gpa, bool write);
void kvm_mark_page_dirty(struct kvm_vcpu *vcpu, gfn_t gfn);

/* --- mmu/walk.c --- */
/*
 * Guest linear to guest physical through the guest's page tables, with the
 * rules for @acc (X86_ACC_*) at the vCPU's present CPL and control registers;
 * sets accessed and dirty bits as the CPU does. @f is filled on EMU_FAULT (#PF).
 * Paging off: gpa = la. kvm->srcu held, may sleep.
 * KVM_WALK_USER: as CPL 3. KVM_WALK_NO_AD: only look (KVM_TRANSLATE), which
 * changes nothing and asks for no right.
 */
#define KVM_WALK_USER	(1u << 8)
#define KVM_WALK_NO_AD	(1u << 9)
enum emu_status kvm_walk_guest(struct kvm_vcpu *vcpu, u64 la, u32 acc, gpa_t *gpa,
			       struct x86_fault *f);
unsigned int kvm_fetch_code(struct kvm_vcpu *vcpu, u64 la, u8 *buf);
/* Loads the four PAE PDPTEs at CR3 into vcpu->pdptrs; false if one is invalid (#GP). */
bool kvm_load_pdptrs(struct kvm_vcpu *vcpu, u64 cr3);

#endif
