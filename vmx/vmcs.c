// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMCS objects: on which CPU each is active, loading and clearing (SDM 3C 25.11).
 *
 * A VMCS is active on at most one CPU, and is in the list of that CPU, which is
 * changed only there and with interrupts off.
 */
#include <linux/bitmap.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <asm/nospec-branch.h>
#include <asm/spec-ctrl.h>
#include "fields.h"
#include "internal.h"

/*
 * What a page held before it became a VMCS region is not the CPU's to make good: its launch
 * state is what VMCLEAR makes it, and a field is what was written to it. A page of zeros hides
 * that one or the other is missing, as long as the CPU's format has zeros for it.
 */
static bool vmcs_poison;
module_param(vmcs_poison, bool, 0444);
MODULE_PARM_DESC(vmcs_poison, "For tests: new VMCS regions hold a pattern, not zeros");

#define VMCS_POISON	0xa5

static DEFINE_PER_CPU(struct list_head, active_vmcs);
static DEFINE_PER_CPU(struct kvm_vmcs *, current_vmcs);

static DEFINE_SPINLOCK(vpid_lock);
static DECLARE_BITMAP(vpids_used, 1 << 16);

static void vmclear(phys_addr_t pa)
{
	asm volatile("1: vmclear %0\n2:\n" _ASM_EXTABLE(1b, 2b) : : "m" (pa) : "cc", "memory");
}

static void vmptrld(phys_addr_t pa)
{
	asm volatile("1: vmptrld %0\n2:\n" _ASM_EXTABLE(1b, 2b) : : "m" (pa) : "cc", "memory");
}

void __init kvm_vmcs_percpu_init(int cpu)
{
	INIT_LIST_HEAD(&per_cpu(active_vmcs, cpu));
	per_cpu(current_vmcs, cpu) = NULL;
}

/* What kmalloc() gives of a power of two is aligned to it. */
static_assert(sizeof(struct vmx_msr_areas) == 2048);

static void free_memory(struct kvm_vmcs *v)
{
	kfree(v->areas);
	v->areas = NULL;
	if (v->region)
		vmx_region_free(v->region);
	v->region = NULL;
}

/**
 * kvm_vmcs_init - a new VMCS, clear
 * @v: zeroed VMCS object
 *
 * VMCLEAR comes before the first VMPTRLD and VMLAUNCH of a region (SDM 3C 25.11.3). It may be
 * done on any CPU, and leaves the VMCS active on none.
 *
 * Context: VMX is on, as a VM exists.
 * Return: 0 or -ENOMEM.
 */
int kvm_vmcs_init(struct kvm_vmcs *v)
{
	v->region = vmx_region_alloc(-1, GFP_KERNEL_ACCOUNT);
	v->areas = kzalloc(sizeof(*v->areas), GFP_KERNEL_ACCOUNT);
	if (!v->region || !v->areas) {
		free_memory(v);
		return -ENOMEM;
	}
	v->pa = __pa(v->region);
	if (vmcs_poison)
		memset((void *)v->region + sizeof(u32), VMCS_POISON, PAGE_SIZE - sizeof(u32));
	vmclear(v->pa);
	v->cpu = -1;
	v->entry_args.launched = false;
	INIT_LIST_HEAD(&v->link);
	return 0;
}

static void clear_here(void *data)
{
	struct kvm_vmcs *v = data;

	/* Another path, CPU offline say, may have come first. */
	if (v->cpu != raw_smp_processor_id())
		return;
	vmclear(v->pa);
	if (__this_cpu_read(current_vmcs) == v)
		__this_cpu_write(current_vmcs, NULL);
	list_del(&v->link);
	v->entry_args.launched = false;
	/* Another CPU that reads -1, and makes it active there, sees it out of this list. */
	smp_store_release(&v->cpu, -1);
}

/**
 * kvm_vmcs_clear - make @v inactive, wherever it is
 * @v: VMCS object that no vCPU is using now
 *
 * Context: interrupts on. Waits for the other CPU.
 */
void kvm_vmcs_clear(struct kvm_vmcs *v)
{
	/* -1 is seen only with the VMCS clear. */
	int cpu = smp_load_acquire(&v->cpu);

	if (cpu >= 0)
		smp_call_function_single(cpu, clear_here, v, 1);
}

/* All of this CPU. In an emergency the list may be half changed and is only read. */
void kvm_vmcs_clear_local(bool emergency)
{
	struct kvm_vmcs *v, *next;

	list_for_each_entry_safe(v, next, this_cpu_ptr(&active_vmcs), link) {
		if (emergency)
			vmclear(v->pa);
		else
			clear_here(v);
	}
}

void kvm_vmcs_free(struct kvm_vmcs *v)
{
	if (!v->region)
		return;
	kvm_vmcs_clear(v);
	free_memory(v);
}

/**
 * kvm_vmcs_load - make @v the current VMCS of this CPU
 * @v: VMCS object
 * @cpu: this CPU
 *
 * Context: preemption off, interrupts on.
 */
void kvm_vmcs_load(struct kvm_vmcs *v, int cpu)
{
	if (v->cpu != cpu) {
		unsigned long flags;

		kvm_vmcs_clear(v);
		local_irq_save(flags);
		list_add(&v->link, this_cpu_ptr(&active_vmcs));
		v->cpu = cpu;
		local_irq_restore(flags);
	}
	if (__this_cpu_read(current_vmcs) != v) {
		__this_cpu_write(current_vmcs, v);
		vmptrld(v->pa);
		/* Branch history of another vCPU on this CPU. */
		indirect_branch_prediction_barrier();
	}
}

/* 0 is the host's. When they run out, vCPUs share 0 and are flushed at every switch. */
u16 vmx_vpid_alloc(void)
{
	unsigned long vpid;

	if (!vmx_caps.vpid)
		return 0;
	spin_lock(&vpid_lock);
	vpid = find_next_zero_bit(vpids_used, 1 << 16, 1);
	if (vpid < 1 << 16)
		__set_bit(vpid, vpids_used);
	else
		vpid = 0;
	spin_unlock(&vpid_lock);
	return vpid;
}

void vmx_vpid_free(u16 vpid)
{
	if (!vpid)
		return;
	spin_lock(&vpid_lock);
	__clear_bit(vpid, vpids_used);
	spin_unlock(&vpid_lock);
}
