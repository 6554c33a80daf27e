// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults: the pages under way, and what the guest is told of
 * them. Documentation/async_pf.rst.
 */
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <asm/kvm_para.h>
#include "events.h"
#include "irqchip.h"
#include "kick.h"
#include "mmu.h"
#include "msr.h"
#include "trace_pv.h"
#include "vcpu.h"

/*
 * Pages under way for all VMs together: workers, and none waits for another. A VM may have as
 * many as are left, so there is always one left for the next.
 */
#define UNDER_WAY_MAX	512

#define TOKEN_WAKE_ALL	(~0u)
#define TOKEN_NUMBERS	0xffffe		/* 1 to this; the vCPU's id is in the lower 12 bits */

#define FLAGS_OFFSET	offsetof(struct kvm_vcpu_pv_apf_data, flags)
#define TOKEN_OFFSET	offsetof(struct kvm_vcpu_pv_apf_data, token)

#define EN_RESERVED	(GENMASK_ULL(5, 4) | KVM_ASYNC_PF_DELIVERY_AS_PF_VMEXIT)
#define EN_DELIVERS	(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT)

struct async_pf {
	struct work_struct work;
	struct list_head link;		/* in vcpu->apf.queue */
	struct kvm_vcpu *vcpu;		/* NULL when it is gone; under async_pf_lock */
	bool finished;			/* the worker is through; under async_pf_lock */
	bool forgotten;			/* the guest is not to hear of it */
	bool write;
	u32 token;
	u64 gpa;
	unsigned long hva;
	struct mm_struct *mm;		/* pinned by mm_count */
};

static struct kmem_cache *async_pf_cache;
static struct workqueue_struct *async_pf_workers;
static atomic_t under_way;
/* A worker finishes, or a vCPU goes. */
static DEFINE_SPINLOCK(async_pf_lock);

int __init kvm_async_pf_init(void)
{
	async_pf_cache = KMEM_CACHE(async_pf, 0);
	if (!async_pf_cache)
		return -ENOMEM;
	async_pf_workers = alloc_workqueue("kvm_async_pf", WQ_UNBOUND, WQ_UNBOUND_MAX_ACTIVE);
	if (async_pf_workers)
		return 0;
	kmem_cache_destroy(async_pf_cache);
	return -ENOMEM;
}

/* Each page under way holds the module; here only the end of its worker may be left. */
void kvm_async_pf_exit(void)
{
	destroy_workqueue(async_pf_workers);
	kmem_cache_destroy(async_pf_cache);
}

/* The worker: no guest waits for this thread, which may sleep as long as the page takes. */
static void bring_in(struct work_struct *work)
{
	struct async_pf *pf = container_of(work, struct async_pf, work);
	struct mm_struct *mm = pf->mm;
	struct kvm_vcpu *vcpu;
	bool unlocked = false;

	/* A page that cannot be had is the guest's next, ordinary fault to find out. */
	if (READ_ONCE(pf->vcpu) && mmget_not_zero(mm)) {
		mmap_read_lock(mm);
		fixup_user_fault(mm, pf->hva, pf->write ? FAULT_FLAG_WRITE : 0, &unlocked);
		mmap_read_unlock(mm);
		mmput(mm);
		trace_kvm_async_pf_completed(pf->hva, pf->gpa);
	}
	spin_lock(&async_pf_lock);
	vcpu = pf->vcpu;
	if (vcpu) {
		/* From here on the vCPU may free it. */
		smp_store_release(&pf->finished, true);
		kvm_make_request(vcpu, KVM_REQ_APF_READY);
		kvm_vcpu_kick(vcpu);
	}
	spin_unlock(&async_pf_lock);
	if (!vcpu)
		kmem_cache_free(async_pf_cache, pf);
	mmdrop(mm);
	atomic_dec(&under_way);
	module_put(THIS_MODULE);
}

void kvm_async_pf_create(struct kvm_vcpu *vcpu)
{
	INIT_LIST_HEAD(&vcpu->apf.queue);
}

/**
 * kvm_async_pf_destroy - the vCPU goes; its pages come without it
 * @vcpu: a vCPU that no thread runs any more
 *
 * Waits for no worker: what the worker waits for may be a thread that waits for us.
 */
void kvm_async_pf_destroy(struct kvm_vcpu *vcpu)
{
	struct async_pf *pf, *next;

	spin_lock(&async_pf_lock);
	list_for_each_entry_safe(pf, next, &vcpu->apf.queue, link) {
		if (pf->finished)
			kmem_cache_free(async_pf_cache, pf);
		else
			pf->vcpu = NULL;
	}
	spin_unlock(&async_pf_lock);
}

/* They stay in the queue, and count, until they are through. */
static void forget_all(struct kvm_vcpu *vcpu)
{
	struct kvm_async_pf_vcpu *apf = &vcpu->apf;
	struct async_pf *pf;

	list_for_each_entry(pf, &apf->queue, link)
		pf->forgotten = true;
	apf->ready_shown = false;
	apf->wake_all = false;
	if (!list_empty(&apf->queue))
		kvm_make_request(vcpu, KVM_REQ_APF_READY);
}

/**
 * kvm_async_pf_reset - power-up or INIT: the guest waits for nothing
 * @vcpu: loaded vCPU
 */
void kvm_async_pf_reset(struct kvm_vcpu *vcpu)
{
	vcpu->apf.en_msr = 0;
	vcpu->apf.int_msr = 0;
	forget_all(vcpu);
}

static u64 area(const struct kvm_vcpu *vcpu)
{
	return vcpu->apf.en_msr & GENMASK_ULL(63, 6);
}

/**
 * kvm_async_pf_possible - can the guest be told now that a page is missing?
 * @vcpu: loaded vCPU, in the exit of the access
 */
bool kvm_async_pf_possible(struct kvm_vcpu *vcpu)
{
	const struct kvm_events *e = &vcpu->events;

	if ((vcpu->apf.en_msr & EN_DELIVERS) != EN_DELIVERS || !vcpu->apic)
		return false;
	if (!(vcpu->apf.en_msr & KVM_ASYNC_PF_SEND_ALWAYS) && !vmx_cpl(vcpu))
		return false;
	return !e->exc.pending && !e->exc.injected && !e->nmi_injected && !e->intr.injected &&
	       vmx_interrupt_allowed(vcpu);
}

static bool is_on_its_way(struct kvm_vcpu *vcpu, u64 gpa)
{
	struct async_pf *pf;

	list_for_each_entry(pf, &vcpu->apf.queue, link)
		if (pf->gpa >> PAGE_SHIFT == gpa >> PAGE_SHIFT && !pf->forgotten)
			return true;
	return false;
}

/* The guest has taken the last "not present", and hears of the next by the #PF to come. */
static bool show_missing(struct kvm_vcpu *vcpu)
{
	u64 gpa = area(vcpu) + FLAGS_OFFSET;
	u32 flags;

	if (kvm_read_guest(vcpu, gpa, &flags, sizeof(flags)) || flags)
		return false;
	flags = KVM_PV_REASON_PAGE_NOT_PRESENT;
	return !kvm_write_guest(vcpu, gpa, &flags, sizeof(flags));
}

/* May a VM have @own pages under way, of @all? */
static bool within_share(int own, int all)
{
	return own <= KVM_ASYNC_PF_MAX && own - 1 <= UNDER_WAY_MAX - all;
}

static struct async_pf *new_item(struct kvm *kvm)
{
	int own = atomic_inc_return(&kvm->async_pfs), all = atomic_inc_return(&under_way);
	struct async_pf *pf = NULL;

	if (within_share(own, all))
		pf = kmem_cache_zalloc(async_pf_cache, GFP_KERNEL_ACCOUNT);
	if (!pf) {
		atomic_dec(&under_way);
		atomic_dec(&kvm->async_pfs);
	}
	return pf;
}

static void drop_item(struct kvm *kvm, struct async_pf *pf)
{
	kmem_cache_free(async_pf_cache, pf);
	atomic_dec(&under_way);
	atomic_dec(&kvm->async_pfs);
}

/**
 * kvm_async_pf_start - a page is not in memory: read it aside
 * @vcpu: loaded vCPU for which kvm_async_pf_possible() holds; kvm->srcu held
 * @gpa: the guest's address
 * @hva: the host's
 * @write: it will be written to
 *
 * Return: a #PF with a token is queued, run on; false: wait for the page.
 */
bool kvm_async_pf_start(struct kvm_vcpu *vcpu, u64 gpa, unsigned long hva, bool write)
{
	struct kvm_async_pf_vcpu *apf = &vcpu->apf;
	struct async_pf *pf;

	trace_kvm_try_async_get_page(gpa, gpa >> PAGE_SHIFT);
	if (is_on_its_way(vcpu, gpa)) {
		trace_kvm_async_pf_repeated_fault(gpa, gpa >> PAGE_SHIFT);
		return false;
	}
	pf = new_item(vcpu->kvm);
	if (!pf)
		return false;
	if (!show_missing(vcpu)) {
		drop_item(vcpu->kvm, pf);
		return false;
	}
	apf->last_number = apf->last_number % TOKEN_NUMBERS + 1;
	INIT_WORK(&pf->work, bring_in);
	pf->vcpu = vcpu;
	pf->token = apf->last_number << 12 | (vcpu->vcpu_id & 0xfff);
	pf->gpa = gpa;
	pf->hva = hva;
	pf->write = write;
	pf->mm = vcpu->kvm->mm;
	mmgrab(pf->mm);
	__module_get(THIS_MODULE);
	list_add_tail(&pf->link, &apf->queue);
	trace_kvm_async_pf_not_present(pf->token, gpa);
	kvm_queue_page_fault(vcpu, pf->token, 0);
	queue_work(async_pf_workers, &pf->work);
	return true;
}

/* The guest has read the last token, and by the interrupt hears of this one. */
static bool show_ready(struct kvm_vcpu *vcpu, u32 token)
{
	struct kvm_async_pf_vcpu *apf = &vcpu->apf;
	u64 gpa = area(vcpu) + TOKEN_OFFSET;
	u32 old;

	if ((apf->en_msr & EN_DELIVERS) != EN_DELIVERS || !vcpu->apic || apf->ready_shown ||
	    kvm_read_guest(vcpu, gpa, &old, sizeof(old)) || old ||
	    kvm_write_guest(vcpu, gpa, &token, sizeof(token)))
		return false;
	apf->ready_shown = true;
	kvm_apic_post(vcpu, apf->int_msr & KVM_ASYNC_PF_VEC_MASK, false);
	return true;
}

/**
 * kvm_async_pf_deliver - KVM_REQ_APF_READY: tell the guest of a page that came
 * @vcpu: loaded vCPU; kvm->srcu held
 *
 * Context: may sleep.
 */
void kvm_async_pf_deliver(struct kvm_vcpu *vcpu)
{
	struct kvm_async_pf_vcpu *apf = &vcpu->apf;
	struct async_pf *pf, *next;

	if (apf->wake_all && show_ready(vcpu, TOKEN_WAKE_ALL))
		apf->wake_all = false;
	list_for_each_entry_safe(pf, next, &apf->queue, link) {
		/* Pairs with the worker: it does not touch it any more. */
		if (!smp_load_acquire(&pf->finished))
			continue;
		if (!pf->forgotten) {
			if (!show_ready(vcpu, pf->token))
				continue;
			trace_kvm_async_pf_ready(pf->token, pf->gpa);
			kvm_mmu_prefetch(vcpu, pf->gpa, pf->write);
		}
		list_del(&pf->link);
		atomic_dec(&vcpu->kvm->async_pfs);
		kmem_cache_free(async_pf_cache, pf);
	}
}

static int set_enable(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	struct kvm_async_pf_vcpu *apf = &vcpu->apf;
	u64 gpa = val & GENMASK_ULL(63, 6);

	if (val & EN_RESERVED)
		return 1;
	if ((val & KVM_ASYNC_PF_DELIVERY_AS_INT) && !host &&
	    !kvm_pv_may_use(vcpu, KVM_FEATURE_ASYNC_PF_INT))
		return 1;
	if (!vcpu->apic)
		return val ? 1 : 0;
	if ((val & EN_DELIVERS) == EN_DELIVERS &&
	    !kvm_vcpu_memslot(vcpu, gpa >> PAGE_SHIFT))
		return 1;
	forget_all(vcpu);
	apf->en_msr = val;
	/* Tasks of the guest that still wait, here or from another host, are woken by this. */
	apf->wake_all = (val & EN_DELIVERS) == EN_DELIVERS;
	if (apf->wake_all)
		kvm_make_request(vcpu, KVM_REQ_APF_READY);
	return 0;
}

static int set_vector(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if ((val & ~(u64)KVM_ASYNC_PF_VEC_MASK) || (val && !vcpu->apic))
		return 1;
	vcpu->apf.int_msr = val;
	return 0;
}

static int set_ack(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (val & 1) {
		vcpu->apf.ready_shown = false;
		kvm_make_request(vcpu, KVM_REQ_APF_READY);
	}
	return 0;
}

static const struct kvm_msr_row rows[] = {
	/* Before the next, which switches on. */
	{ MSR_KVM_ASYNC_PF_INT, KVM_MSR_FIELD(apf.int_msr), .set = set_vector,
	  .needs_pv = KVM_MSR_NEED(KVM_FEATURE_ASYNC_PF_INT), .flags = KVM_MSR_SAVED },
	{ MSR_KVM_ASYNC_PF_EN, KVM_MSR_FIELD(apf.en_msr), .set = set_enable,
	  .needs_pv = KVM_MSR_NEED(KVM_FEATURE_ASYNC_PF), .flags = KVM_MSR_SAVED },
	{ MSR_KVM_ASYNC_PF_ACK, .set = set_ack,
	  .needs_pv = KVM_MSR_NEED(KVM_FEATURE_ASYNC_PF_INT), .flags = KVM_MSR_SAVED },
};

KVM_MSR_TABLE(kvm_msrs_async_pf, rows);
