// SPDX-License-Identifier: GPL-2.0-only
/* The module parameters: declaration, judgement, change through kvm_intel.ko. */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/errno.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include "params.h"
#include "vmx.h"

struct kvmx_params kvmx_params = {
	.ept = true,
	.unrestricted_guest = true,
	.vnmi = true,
	.vpid = true,
	.eptad = true,
	.pml = true,
	.flexpriority = true,
	.enable_apicv = true,
	.preemption_timer = true,
	.ple_gap = 128,
	.ple_window = 4096,
};
EXPORT_SYMBOL_GPL(kvmx_params);

module_param_named(ept, kvmx_params.ept, bool, 0444);
MODULE_PARM_DESC(ept, "Extended page tables; needed, 0 refuses the module");
module_param_named(unrestricted_guest, kvmx_params.unrestricted_guest, bool, 0444);
MODULE_PARM_DESC(unrestricted_guest, "Unrestricted guest; needed, 0 refuses the module");
module_param_named(vnmi, kvmx_params.vnmi, bool, 0444);
MODULE_PARM_DESC(vnmi, "Virtual NMIs; needed, 0 refuses the module");
module_param_named(vpid, kvmx_params.vpid, bool, 0444);
MODULE_PARM_DESC(vpid, "Tag TLB entries with the vCPU (default: where the CPU can)");
module_param_named(eptad, kvmx_params.eptad, bool, 0444);
MODULE_PARM_DESC(eptad, "Accessed and dirty bits in EPT (default: where the CPU can)");
module_param_named(pml, kvmx_params.pml, bool, 0444);
MODULE_PARM_DESC(pml, "The CPU logs written pages (default: where it can)");
module_param_named(flexpriority, kvmx_params.flexpriority, bool, 0444);
MODULE_PARM_DESC(flexpriority, "Virtualize the xAPIC's page (default: where the CPU can)");
module_param_named(enable_apicv, kvmx_params.enable_apicv, bool, 0444);
MODULE_PARM_DESC(enable_apicv, "The CPU delivers virtual interrupts (default: where it can)");
module_param_named(preemption_timer, kvmx_params.preemption_timer, bool, 0444);
MODULE_PARM_DESC(preemption_timer, "TSC-deadline timers by the VMX-preemption timer (default: where the CPU can)");
module_param_named(ple_gap, kvmx_params.ple_gap, uint, 0444);
MODULE_PARM_DESC(ple_gap, "PAUSE-loop exiting: most TSC ticks between two PAUSEs of a loop, 0 off");
module_param_named(ple_window, kvmx_params.ple_window, uint, 0444);
MODULE_PARM_DESC(ple_window, "PAUSE-loop exiting: TSC ticks a loop may last, 0 off");

/* Read at each #UD and when a VMCS is set up. */
int kvmx_force_emulation_prefix;
module_param_named(force_emulation_prefix, kvmx_force_emulation_prefix, int, 0644);
MODULE_PARM_DESC(force_emulation_prefix,
		 "Emulate what stands behind UD2 \"kvm\"; 2 clears RFLAGS.RF for it");

static DEFINE_MUTEX(kvmx_params_lock);
static unsigned int kvmx_params_holders;
/* As asked for, before the CPU had its say. */
static struct kvmx_params asked;

static void not_available(bool *param, const char *name)
{
	if (*param)
		pr_warn("parameter %s=1: not available, left off\n", name);
	*param = false;
}

int kvmx_params_check(void)
{
	struct kvmx_params *p = &kvmx_params;
	const char *needed = !p->ept ? "ept" : !p->unrestricted_guest ? "unrestricted_guest" :
			     !p->vnmi ? "vnmi" : NULL;

	if (needed) {
		pr_err("parameter %s=0: kvmx cannot run guests without it\n", needed);
		return -EOPNOTSUPP;
	}
	asked = *p;
	not_available(&p->nested, "nested");
	not_available(&p->enable_ipiv, "enable_ipiv");
	not_available(&p->fasteoi, "fasteoi");
	not_available(&p->emulate_invalid_guest_state, "emulate_invalid_guest_state");
	return 0;
}

void kvmx_params_hold(void)
{
	mutex_lock(&kvmx_params_lock);
	kvmx_params_holders++;
	mutex_unlock(&kvmx_params_lock);
}

void kvmx_params_release(void)
{
	mutex_lock(&kvmx_params_lock);
	kvmx_params_holders--;
	mutex_unlock(&kvmx_params_lock);
}

int kvmx_params_change(const struct kvmx_params *want)
{
	struct kvmx_params before;
	int ret = -EBUSY;

	mutex_lock(&kvmx_params_lock);
	if (kvmx_params_holders)
		goto out;
	before = asked;
	kvmx_params = *want;
	ret = vmx_setup();
	if (ret) {
		kvmx_params = before;
		if (vmx_setup())
			pr_err("the former parameters no longer work\n");
	}
out:
	mutex_unlock(&kvmx_params_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(kvmx_params_change);
