/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every part of kvmx shares: the VM object and its reference, memory slots as the other
 * parts see them.
 */
#ifndef KVMX_KVMX_H
#define KVMX_KVMX_H

#include <linux/hashtable.h>
#include <linux/interval_tree.h>
#include <linux/kvm.h>
#include <linux/kvm_types.h>
#include <linux/list.h>
#include <linux/maple_tree.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/srcu.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include "irqfd.h"
#include "pv.h"

#define KVMX_VERSION		"0.1"

#define KVM_MAX_VCPUS		1024
#define KVM_MAX_VCPU_IDS	4096
#define KVM_MAX_IRQ_ROUTES	4096
#define KVM_USER_MEM_SLOTS	32764
/* Slots the module makes for itself (TSS, identity map) have ids above the user's. */
#define KVM_NR_PRIVATE_SLOTS	3
#define KVM_NR_ADDRESS_SPACES	1

/* Pages of a vCPU fd's mapping, in order: kvm_run, PIO data, coalesced MMIO ring. */
#define KVM_RUN_PAGE		0
#define KVM_PIO_PAGE		1
#define KVM_COALESCED_PAGE	2
#define KVM_VCPU_MMAP_PAGES	3

struct kvm_vcpu;
struct kvm_memslots;
struct kvm_irq_table;
struct kvm_apic_map;
struct kvm_io_bus;
struct kvm_coalesced_mmio_ring;
struct kvm_gmem;

/**
 * struct kvm_memslot - one range of guest physical memory
 *
 * Immutable once published but for the dirty bitmap's bits; a change publishes
 * a new copy.
 */
struct kvm_memslot {
	gfn_t base_gfn;
	unsigned long npages;
	unsigned long hva;		/* user address of base_gfn */
	u32 flags;			/* KVM_MEM_* */
	u16 id;				/* within its address space */
	u16 as_id;
	unsigned long *dirty_bitmap;	/* NULL, or npages bits twice: KVM_GET_DIRTY_LOG */
	struct interval_tree_node hva_node;	/* in kvm->mmu.hva_tree, while EPT may map it */
	struct kvm_gmem *gmem;		/* KVM_MEM_GUEST_MEMFD: where its private pages are */
	struct interval_tree_node gmem_node;	/* pages of @gmem */
};

/* Invalidations by the host that are in progress, of the threads that share the bucket. */
#define KVM_NOTIFIER_BUCKETS	16
struct kvm_invalidations {
	unsigned int count;
	unsigned long start, end;	/* has them all, if there are any */
};

/* EPT of one VM; owned by mmu/. */
struct kvm_mmu {
	rwlock_t lock;
	u64 *root;			/* level-4 table */
	u64 eptp;
	atomic64_t tlb_gen;		/* bumped with every change that must reach the TLBs */
	atomic_long_t pages;		/* tables in use, charged to the VM */
	unsigned long pages_limit;	/* KVM_SET_NR_MMU_PAGES; 0: none */
	unsigned int logged;		/* slots with a log; under slots_lock */
	bool pml;			/* there is one, and vCPUs' CPUs log writes [s] */
	bool ring_overflow;		/* pages of the log found every ring full [a] */
	bool outside_slots;		/* some entry is a device's, or the xAPIC's window */
	unsigned int noncoherent;	/* devices that bypass the caches; under lock */
	spinlock_t notifier_lock;	/* inside lock: what follows */
	unsigned int notifier_active;	/* invalidations between start and end */
	unsigned long notifier_seq;	/* counts ends of those that met a slot */
	struct kvm_invalidations notifier_busy[KVM_NOTIFIER_BUCKETS];
	/* Slots by user address, for the notifier; changed under notifier_lock and lock. */
	struct rb_root_cached hva_tree;
	unsigned long hva_tree_gen;
	struct mmu_notifier notifier;
	bool private_mem;		/* KVM_X86_SW_PROTECTED_VM [c] */
	struct maple_tree attributes;	/* private gfns; slots_lock; faults read under RCU */
	unsigned long attributes_seq;	/* counts changes of them; under lock */
};

enum kvm_bus_id { KVM_MMIO_BUS, KVM_PIO_BUS, KVM_FAST_MMIO_BUS, KVM_NR_BUSES };

/* Once made, an interrupt controller stays: the mode changes at most once. */
enum kvm_irqchip_mode { KVM_IRQCHIP_NONE, KVM_IRQCHIP_KERNEL, KVM_IRQCHIP_SPLIT };

/* Interrupts of one VM; owned by irqchip/. */
struct kvm_irq {
	enum kvm_irqchip_mode mode;	/* written under kvm->lock, read with acquire */
	struct mutex lock;		/* changes of routes and notifiers */
	struct srcu_struct srcu;	/* readers of both */
	struct kvm_irq_table __rcu *table;
	struct hlist_head ack_notifiers;
	struct kvm_pic *pic;
	struct kvm_ioapic *ioapic;
	struct kvm_pit *pit;
	struct kvm_apic_map __rcu *map;
	struct mutex map_lock;		/* changes of the map */
	atomic_t map_stale;
	atomic_t lowest_turn;		/* vCPU index: who of equals is next (lowest priority) */
	u32 reserved_pins;		/* of a split irqchip's I/O APIC in user space */
	u32 apic_bus_ns;		/* a tick of the local APICs' timers */
	bool x2apic_ids;		/* KVM_X2APIC_API_USE_32BIT_IDS */
	bool no_broadcast_quirk;	/* KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK */
	struct page *access_page;	/* what EPT has at the xAPIC's window; the CPU watches it */
	unsigned long apicv_inhibits;	/* bits of enum kvm_apicv_inhibit */
	bool posting;			/* devices' interrupts are, or were, posted to vCPUs */
};

/* Settings of user space: written under kvm->lock, or before there is a vCPU. [s] */
struct kvm_settings {
	u64 boot_cpu_id;
	u32 max_vcpu_ids;
	bool max_vcpu_ids_set;
	unsigned long tss_addr;
	u64 identity_map_addr;
	u32 default_tsc_khz;
	u32 ring_entries;		/* of each vCPU's dirty ring, a power of two; 0: none [s] */
	u64 manual_log;			/* KVM_DIRTY_LOG_*: KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 */
	bool exception_payload;
	bool triple_fault_event;
	bool exit_on_emulation_error;
	u64 disabled_quirks;
	u64 user_space_msr_mask;	/* KVM_MSR_EXIT_REASON_* */
	struct kvm_msr_filter_set __rcu *msr_filter;	/* readers: srcu */
	u32 halt_poll_ns;		/* KVM_CAP_HALT_POLL, if set */
	bool halt_poll_set;
	u32 disabled_exits;		/* KVM_X86_DISABLE_EXITS_* */
	bool platform_info_hidden;	/* from the guest: KVM_CAP_MSR_PLATFORM_INFO */
};

/* Memory slots: changed under slots_lock, read under srcu. */
struct kvm_slots {
	struct kvm_memslots __rcu *set[KVM_NR_ADDRESS_SPACES];
	u64 gen;			/* counts publications */
	const struct kvm_memslot *moving;	/* the slot that is at neither place, or NULL */
	struct xarray by_id;		/* as_id << 16 | id; under slots_lock */
};

/* vCPUs: one that is there stays until the VM ends. */
struct kvm_vcpus {
	struct xarray by_idx;		/* in the order of creation */
	int created;			/* under kvm->lock */
	atomic_t online;		/* a reader of the count finds the vCPUs [a] */
};

/* Coalesced MMIO: bus/coalesced.c. */
struct kvm_coalesced {
	struct mutex lock;		/* changes of the zones */
	struct list_head zones;		/* readers: srcu */
	struct kvm_coalesced_mmio_ring *ring;	/* [c]; user space writes to it at any time */
	spinlock_t ring_lock;		/* writers of the ring */
	unsigned int count;		/* of the zones */
};

/*
 * A member says which lock it is under, or
 *	[c] set when the VM is made, and then only read
 *	[s] read without a lock: READ_ONCE() where a vCPU may run
 *	[a] any thread, by atomic operations
 * What a folder owns has its rules in the struct of that folder.
 */
struct kvm {
	struct mm_struct *mm;		/* [c] */
	refcount_t users;		/* [a] */
	struct mutex lock;		/* vCPU creation and VM-wide settings */
	struct mutex slots_lock;	/* changes of the memory slots and of the buses */
	struct srcu_struct srcu;	/* readers of slots, buses, zones and the MSR filter */
	pid_t creator;			/* as user space tells VMs apart [c] */
	bool dead;			/* KVM_RUN and ioctls answer -EIO [s] */

	struct kvm_slots slots;
	struct kvm_mmu mmu;
	struct kvm_vcpus vcpus;
	struct kvm_settings settings;
	struct kvm_coalesced coalesced;
	struct kvm_io_bus __rcu *buses[KVM_NR_BUSES];	/* slots_lock; readers: srcu */
	struct kvm_irq irq;
	struct kvm_irqfds irqfds;
	struct kvm_pv_vm pv;
	atomic_t async_pfs;		/* pages under way for the guest [a] */
	struct list_head devices;	/* KVM_CREATE_DEVICE; under lock */
	unsigned int assigned_files;	/* VFIO's, whose MMIO the guest reaches; under lock [s] */
};

/* --- vm/vm.c --- */
int kvm_vm_module_init(void);
long kvm_dev_ioctl_create_vm(unsigned long type);
void kvm_get_kvm(struct kvm *kvm);
bool kvm_get_kvm_safe(struct kvm *kvm);
void kvm_put_kvm(struct kvm *kvm);

/* User space has turned it off (KVM_CAP_DISABLE_QUIRKS2). */
static inline bool kvm_quirk_off(const struct kvm *kvm, u64 quirk)
{
	return READ_ONCE(kvm->settings.disabled_quirks) & quirk;
}

/* A vCPU by its index, NULL for one that is not there or is being made. */
static inline struct kvm_vcpu *kvm_get_vcpu(struct kvm *kvm, unsigned long index)
{
	if (index >= (unsigned int)atomic_read(&kvm->vcpus.online))
		return NULL;
	/* Pairs with the barrier before the count went up. */
	smp_rmb();
	return xa_load(&kvm->vcpus.by_idx, index);
}

#define kvm_for_each_vcpu(index, vcpu, kvm) \
	for ((index) = 0; ((vcpu) = kvm_get_vcpu(kvm, index)); (index)++)

#endif
