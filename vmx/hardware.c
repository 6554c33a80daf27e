// SPDX-License-Identifier: GPL-2.0-only
/* VMX on and off, per CPU (SDM 3C 24.7). */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <asm/perf_event.h>
#include <asm/tlbflush.h>
#include "internal.h"

struct vmcs_region {
	u32 revision;
	u32 abort;
	u8 data[];
};

static DEFINE_PER_CPU(struct vmcs_region *, vmxon_region);
static DEFINE_PER_CPU(bool, vmx_is_on);

void vmx_write_failed(unsigned long field, unsigned long val)
{
	pr_warn_ratelimited("VMWRITE of %#lx to field %#lx failed, error %u\n", val, field,
			    vmcs_read32(VM_INSTRUCTION_ERROR));
}

struct vmcs_region *vmx_region_alloc(int cpu, gfp_t gfp)
{
	int node = cpu < 0 ? NUMA_NO_NODE : cpu_to_node(cpu);
	struct page *page = alloc_pages_node(node, gfp | __GFP_ZERO, 0);
	struct vmcs_region *region;

	if (!page)
		return NULL;
	region = page_address(page);
	region->revision = vmx_caps.revision;
	return region;
}

void vmx_region_free(struct vmcs_region *region)
{
	free_page((unsigned long)region);
}

/**
 * vmx_percpu_alloc - what every CPU has while the module is loaded
 *
 * Context: module load, before any VM.
 * Return: 0, or -ENOMEM with nothing allocated and no handler set.
 */
int __init vmx_percpu_alloc(void)
{
	int r = vmx_user_return_init(), cpu;

	for_each_possible_cpu(cpu) {
		if (r)
			break;
		kvm_vmcs_percpu_init(cpu);
		per_cpu(vmxon_region, cpu) = vmx_region_alloc(cpu, GFP_KERNEL);
		if (!per_cpu(vmxon_region, cpu))
			r = -ENOMEM;
	}
	vmx_posted_init();
	if (r)
		vmx_percpu_free();
	return r;
}

/** vmx_percpu_free - undo vmx_percpu_alloc(); no VM is left */
void vmx_percpu_free(void)
{
	int cpu;

	vmx_posted_exit();
	vmx_user_return_exit();
	for_each_possible_cpu(cpu) {
		if (per_cpu(vmxon_region, cpu))
			vmx_region_free(per_cpu(vmxon_region, cpu));
		per_cpu(vmxon_region, cpu) = NULL;
	}
}

static int vmxon(phys_addr_t pa)
{
	asm goto("1: vmxon %0\n"
		 "jbe %l[fail]\n"
		 _ASM_EXTABLE(1b, %l[fail])
		 : : "m" (pa) : "cc", "memory" : fail);
	return 0;
fail:
	return -EIO;
}

/**
 * vmx_hardware_enable - VMXON on this CPU
 *
 * Context: interrupts off.
 * Return: 0; -EBUSY if VMX is on already; -EIO if VMXON fails.
 */
int vmx_hardware_enable(void)
{
	if (__this_cpu_read(vmx_is_on))
		return 0;
	if (__read_cr4() & X86_CR4_VMXE)
		return -EBUSY;
	intel_pt_handle_vmx(1);
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
	if (vmxon(__pa(__this_cpu_read(vmxon_region)))) {
		cr4_clear_bits_irqsoff(X86_CR4_VMXE);
		intel_pt_handle_vmx(0);
		return -EIO;
	}
	__this_cpu_write(vmx_is_on, true);
	invept(VMX_EPT_EXTENT_GLOBAL, 0);
	return 0;
}

static void vmxoff(void)
{
	asm volatile("1: vmxoff\n2:\n" _ASM_EXTABLE(1b, 2b) : : : "cc", "memory");
}

/**
 * vmx_hardware_disable - every VMCS of this CPU cleared, then VMXOFF
 *
 * Context: interrupts off.
 */
void vmx_hardware_disable(void)
{
	vmx_user_return_cpu_off();
	vmx_posted_cpu_off();
	if (!__this_cpu_read(vmx_is_on))
		return;
	kvm_vmcs_clear_local(false);
	__this_cpu_write(vmx_is_on, false);
	vmxoff();
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
	intel_pt_handle_vmx(0);
}

/*
 * A crash or an emergency restart, perhaps in an NMI: the memory image must
 * hold every VMCS, and INIT is blocked while VMX is on.
 */
void vmx_emergency_disable(void)
{
	if (!__this_cpu_read(vmx_is_on))
		return;
	__this_cpu_write(vmx_is_on, false);
	kvm_vmcs_clear_local(true);
	vmxoff();
	__write_cr4(__read_cr4() & ~X86_CR4_VMXE);
}
