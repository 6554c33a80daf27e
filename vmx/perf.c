// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's performance monitoring while a guest runs: what perf wants to stop there, or to
 * run only there, and the host's IA32_DEBUGCTL (SDM 3C 25.7.2, 25.8.2, 27.4, 28.6).
 *
 * perf_guest_get_msrs() names MSRs with the values that host and guest are to have, those in
 * force on this CPU. They change by perf's code that runs here: in a system call or a switch of
 * tasks, in an interrupt, or in an NMI. vmx_perf_prepare() is called after each of these.
 */
#include <linux/build_bug.h>
#include <linux/hardirq.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>
#include <asm/perf_event.h>
#include "compat/perf.h"
#include "fields.h"
#include "internal.h"

static_assert(VMX_MAX_SWITCHED >= X86_PMC_IDX_MAX);

/*
 * These count only where user space runs, or a debugger steps: not between two entries, so that
 * they are restored when the guest's turn ends. All others are restored after each exit.
 */
#define DEBUGCTL_OF_USERS	(DEBUGCTLMSR_BTF | DEBUGCTLMSR_BUS_LOCK_DETECT | \
				 DEBUGCTLMSR_RTM_DEBUG)

/* In force in the guest, too, and not seen by it: an SMI there is the host's. */
#define DEBUGCTL_HELD		DEBUGCTLMSR_FREEZE_IN_SMM

/* What to do for perf's list; the rest of it is in the areas. */
struct plan {
	u32 nr;				/* of MSRs in the areas */
	bool by_control;		/* IA32_PERF_GLOBAL_CTRL, with these values */
	u64 guest_ctrl, host_ctrl;
	bool stop_pebs;			/* by WRMSR as well, before each entry */
};

/*
 * IA32_DS_AREA and PEBS_DATA_CFG say where PEBS and BTS write and what. The guest has neither:
 * the counters of PEBS stand still there, and DEBUGCTL.BTS is clear. So the host's values stay,
 * while some kernels name 0 for the guest as soon as there is an event.
 */
static bool stays(u32 msr)
{
	return msr == MSR_IA32_DS_AREA || msr == MSR_PEBS_DATA_CFG;
}

/*
 * PEBS writes its record some time after the counter's overflow, to a linear address: on a CPU
 * for which perf names PEBS_ENABLE that can be the guest's. The entry's list comes too late
 * for what is under way, but also clears what an NMI enables behind the WRMSR.
 */
static void make_plan(const struct perf_guest_switch_msr *msr, int nr, bool have_control,
		      struct vmx_msr_areas *areas, struct plan *p)
{
	int i;

	*p = (struct plan) {};
	for (i = 0; i < nr; i++) {
		if (msr[i].host == msr[i].guest || stays(msr[i].msr))
			continue;
		if (msr[i].msr == MSR_CORE_PERF_GLOBAL_CTRL && have_control) {
			p->by_control = true;
			p->guest_ctrl = msr[i].guest;
			p->host_ctrl = msr[i].host;
			continue;
		}
		if (p->nr == VMX_MAX_SWITCHED)
			break;
		if (msr[i].msr == MSR_IA32_PEBS_ENABLE && !msr[i].guest)
			p->stop_pebs = true;
		areas->entry[p->nr] = (struct vmx_msr_slot) { msr[i].msr, 0, msr[i].guest };
		areas->exit[p->nr] = (struct vmx_msr_slot) { msr[i].msr, 0, msr[i].host };
		p->nr++;
	}
}

static void load_by_control(struct kvm_vcpu *vcpu, const struct plan *p)
{
	struct kvm_vmcs *v = vcpu->vmx.vmcs;

	if (!p->by_control) {
		vmx_entry_clear(vcpu, VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL);
		vmx_exit_clear(vcpu, VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL);
		return;
	}
	if (v->guest_perf_ctrl != p->guest_ctrl) {
		v->guest_perf_ctrl = p->guest_ctrl;
		vmcs_write64(GUEST_IA32_PERF_GLOBAL_CTRL, p->guest_ctrl);
	}
	if (v->host_perf_ctrl != p->host_ctrl) {
		v->host_perf_ctrl = p->host_ctrl;
		vmcs_write64(HOST_IA32_PERF_GLOBAL_CTRL, p->host_ctrl);
	}
	vmx_entry_set(vcpu, VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL);
	vmx_exit_set(vcpu, VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL);
}

/* True: also before the entry that comes after the next. */
static noinline bool switch_msrs(struct kvm_vcpu *vcpu, const struct perf_guest_switch_msr *msr,
				 int nr)
{
	struct kvm_vmcs *v = vcpu->vmx.vmcs;
	struct plan p;

	make_plan(msr, nr, vmx_caps.perf_ctrl, v->areas, &p);
	load_by_control(vcpu, &p);
	if (v->nr_switched != p.nr) {
		v->nr_switched = p.nr;
		vmcs_write32(VM_ENTRY_MSR_LOAD_COUNT, p.nr);
		vmcs_write32(VM_EXIT_MSR_LOAD_COUNT, p.nr);
	}
	if (p.stop_pebs)
		wrmsrl(MSR_IA32_PEBS_ENABLE, 0);
	v->perf_switched = p.nr || p.by_control;
	return p.stop_pebs;
}

static bool names_some(const struct perf_guest_switch_msr *msr, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		if (msr[i].host != msr[i].guest && !stays(msr[i].msr))
			return true;
	return false;
}

/*
 * The first time in a turn the CPU has what the host wants. Later it has that but for the bits of
 * user space, unless something else was there to restore after each exit.
 */
static void read_debugctl(struct kvm_vcpu *vcpu)
{
	struct kvm_vmx *vmx = &vcpu->vmx;
	struct kvm_vmcs *v = vmx->vmcs;
	u64 host = get_debugctlmsr() | (vmx->host_debugctl & DEBUGCTL_OF_USERS);
	u64 held = host & DEBUGCTL_HELD;

	vmx->host_debugctl = host;
	vmx->debugctl_at_once = host & ~DEBUGCTL_OF_USERS;
	if (v->held_debugctl != held) {
		vmcs_write64(GUEST_IA32_DEBUGCTL,
			     (vmcs_read64(GUEST_IA32_DEBUGCTL) & ~DEBUGCTL_HELD) | held);
		v->held_debugctl = held;
	}
}

/**
 * vmx_perf_prepare - ask perf, and make the next entries and exits switch what it says
 * @vcpu: loaded vCPU, about to enter
 *
 * Context: interrupts off. An NMI that comes while this runs is noticed before the entry: its
 * number is read first.
 */
void vmx_perf_prepare(struct kvm_vcpu *vcpu)
{
	u32 nmis = this_cpu_read(irq_stat.__nmi_count);
	const struct perf_guest_switch_msr *msr;
	int nr = 0;

	barrier();
	read_debugctl(vcpu);
	/* NULL, and none, where there is no PMU that this concerns. */
	msr = perf_guest_get_msrs(&nr, &kvmx_no_pmu);
	/* The exit enables PEBS again, so every entry comes here. */
	if (unlikely(vcpu->vmx.vmcs->perf_switched || names_some(msr, nr)) &&
	    switch_msrs(vcpu, msr, nr))
		nmis--;
	vcpu->vmx.nmis_seen = nmis;
}

/* An exit clears IA32_DEBUGCTL (SDM 3C 28.5.1). */
void vmx_restore_debugctl(struct kvm_vmx *vmx)
{
	update_debugctlmsr(vmx->host_debugctl);
}

/* VMLAUNCH or VMRESUME failed, and there is no exit to bring back what a WRMSR has stopped. */
void vmx_perf_not_entered(struct kvm_vcpu *vcpu)
{
	const struct kvm_vmcs *v = vcpu->vmx.vmcs;
	u32 i;

	for (i = 0; i < v->nr_switched; i++)
		if (v->areas->exit[i].index == MSR_IA32_PEBS_ENABLE)
			wrmsrl(MSR_IA32_PEBS_ENABLE, v->areas->exit[i].value);
}

/* The current VMCS @v switches nothing yet. */
void vmx_perf_init(struct kvm_vmcs *v)
{
	v->perf_switched = false;
	v->nr_switched = 0;
	vmcs_write32(VM_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write32(VM_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write64(VM_ENTRY_MSR_LOAD_ADDR, __pa(v->areas->entry));
	vmcs_write64(VM_EXIT_MSR_LOAD_ADDR, __pa(v->areas->exit));
	v->guest_perf_ctrl = 0;
	v->host_perf_ctrl = 0;
	if (vmx_caps.perf_ctrl) {
		vmcs_write64(GUEST_IA32_PERF_GLOBAL_CTRL, 0);
		vmcs_write64(HOST_IA32_PERF_GLOBAL_CTRL, 0);
	}
}
