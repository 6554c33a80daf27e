// SPDX-License-Identifier: GPL-2.0-only
/* VMX on over all CPUs while there are VMs: CPU hotplug, suspend, reboot and crash follow. */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/cpu.h>
#include <linux/mutex.h>
#include <linux/reboot.h>
#include <asm/fpu/xcr.h>
#include <asm/reboot.h>
#include "internal.h"

u64 kvm_host_xcr0, kvm_host_xss;

static DEFINE_MUTEX(hardware_lock);	/* inside cpus_read_lock(): what follows */
static unsigned int hardware_users;
static bool rebooting;

/*
 * Looks at this CPU once more: since the module was loaded a parameter may have chosen other
 * controls, on one CPU.
 */
static void enable_cpu(void *failed)
{
	int r = vmx_check_cpu();

	if (!r)
		r = vmx_hardware_enable();
	if (r)
		atomic_set(failed, r);
}

static void disable_cpu(void *unused)
{
	vmx_hardware_disable();
}

/**
 * kvm_hardware_get - a VM needs VMX: the first one turns it on everywhere
 *
 * Context: may sleep.
 * Return: 0, -EBUSY if another hypervisor has VMX, -EIO.
 */
int kvm_hardware_get(void)
{
	atomic_t failed = ATOMIC_INIT(0);

	cpus_read_lock();
	mutex_lock(&hardware_lock);
	if (rebooting)
		atomic_set(&failed, -EIO);
	else if (!hardware_users)
		on_each_cpu(enable_cpu, &failed, 1);
	if (!atomic_read(&failed))
		hardware_users++;
	else if (!hardware_users)
		on_each_cpu(disable_cpu, NULL, 1);
	mutex_unlock(&hardware_lock);
	cpus_read_unlock();
	return atomic_read(&failed);
}

/** kvm_hardware_put - a VM is gone: the last one turns VMX off everywhere */
void kvm_hardware_put(void)
{
	cpus_read_lock();
	mutex_lock(&hardware_lock);
	if (!--hardware_users)
		on_each_cpu(disable_cpu, NULL, 1);
	mutex_unlock(&hardware_lock);
	cpus_read_unlock();
}

/* Hotplug holds cpus_lock for writing, so hardware_users does not change here. */
static int cpu_comes(unsigned int cpu)
{
	unsigned long flags;
	int r = 0;

	local_irq_save(flags);
	r = vmx_check_cpu();
	if (!r && hardware_users && !rebooting)
		r = vmx_hardware_enable();
	if (r)
		pr_err("CPU%u cannot run guests (%d)\n", cpu, r);
	local_irq_restore(flags);
	return kvmx_cpuhp_may_fail ? r : 0;
}

static int cpu_goes(unsigned int cpu)
{
	unsigned long flags;

	local_irq_save(flags);
	vmx_hardware_disable();
	local_irq_restore(flags);
	return 0;
}

/* Suspend: only this CPU is left, interrupts are off. */
static int suspend(void)
{
	vmx_hardware_disable();
	return 0;
}

static void resume(void)
{
	if (hardware_users && vmx_hardware_enable())
		pr_err("VMX cannot be turned on again after suspend\n");
}

KVMX_SYSCORE(suspend, resume);

static int on_reboot(struct notifier_block *nb, unsigned long val, void *data)
{
	/* Some firmware hangs when it finds VMX on. The locks: no CPU is in the middle of VMXON. */
	cpus_read_lock();
	mutex_lock(&hardware_lock);
	rebooting = true;
	on_each_cpu(disable_cpu, NULL, 1);
	mutex_unlock(&hardware_lock);
	cpus_read_unlock();
	return NOTIFY_OK;
}

static struct notifier_block reboot_nb = { .notifier_call = on_reboot };

static void __init check_cpu(void *result)
{
	int r = vmx_check_cpu();

	if (r)
		atomic_set(result, r);
}

/**
 * vmx_check_all_cpus - every online CPU must offer what was chosen on this one
 *
 * Context: module load.
 * Return: 0, or what vmx_check_cpu() says of the worst.
 */
int __init vmx_check_all_cpus(void)
{
	atomic_t result = ATOMIC_INIT(0);

	on_each_cpu(check_cpu, &result, 1);
	if (atomic_read(&result))
		pr_err("the CPUs differ in what VMX offers\n");
	return atomic_read(&result);
}

/**
 * vmx_power_init - from now on CPUs that come, suspend, reboot and crash are seen
 *
 * Return: 0, or an error of cpuhp_setup_state().
 */
int __init vmx_power_init(void)
{
	int r;

	if (boot_cpu_has(X86_FEATURE_XSAVE))
		kvm_host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, kvm_host_xss);
	r = cpuhp_setup_state_nocalls(KVMX_CPUHP_STATE, "kvm/cpu:online", cpu_comes, cpu_goes);
	if (r < 0)
		return r;
	register_reboot_notifier(&reboot_nb);
	kvmx_syscore_register();
	cpu_emergency_register_virt_callback(vmx_emergency_disable);
	return 0;
}

/** vmx_power_exit - undo vmx_power_init() */
void vmx_power_exit(void)
{
	cpu_emergency_unregister_virt_callback(vmx_emergency_disable);
	kvmx_syscore_unregister();
	unregister_reboot_notifier(&reboot_nb);
	cpuhp_remove_state_nocalls(KVMX_CPUHP_STATE);
}
