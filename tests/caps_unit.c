// SPDX-License-Identifier: GPL-2.0-only
/* vmx/caps.c on real CPUs, see host_cpu.h. */
#include "host_cpu.h"
#include "ktap.h"

/* What is in use at its least (@on) and at its most: the first must be had, the second may. */
static bool obeys(u32 true_msr, u32 msr, u32 least, u32 most)
{
	u64 can = cpu_msr(cpu->msr[0] & BIT_ULL(55) ? true_msr : msr);

	return !((u32)can & ~least) && !(most & ~(can >> 32));
}

static bool controls_obey(void)
{
	const struct vmx_caps *c = &vmx_caps;
	u32 apic = (c->apic_accesses ? SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES : 0) |
		   (c->x2apic_mode ? SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE : 0) |
		   (c->apicv ? SECONDARY_EXEC_APIC_REGISTER_VIRT |
			       SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY : 0);

	return obeys(MSR_IA32_VMX_TRUE_PINBASED_CTLS, MSR_IA32_VMX_PINBASED_CTLS, c->pin, c->pin |
		     (c->posted ? PIN_BASED_POSTED_INTR : 0) |
		     (c->preemption_timer ? PIN_BASED_VMX_PREEMPTION_TIMER : 0)) &&
	       obeys(MSR_IA32_VMX_TRUE_PROCBASED_CTLS, MSR_IA32_VMX_PROCBASED_CTLS, c->proc,
		     c->proc | (c->tpr_shadow ? CPU_BASED_TPR_SHADOW : 0)) &&
	       obeys(MSR_IA32_VMX_PROCBASED_CTLS2, MSR_IA32_VMX_PROCBASED_CTLS2, c->proc2,
		     c->proc2 | apic) &&
	       obeys(MSR_IA32_VMX_TRUE_EXIT_CTLS, MSR_IA32_VMX_EXIT_CTLS, c->exit, c->exit |
		     (c->perf_ctrl ? VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL : 0)) &&
	       obeys(MSR_IA32_VMX_TRUE_ENTRY_CTLS, MSR_IA32_VMX_ENTRY_CTLS, c->entry,
		     c->entry | VM_ENTRY_IA32E_MODE |
		     (c->perf_ctrl ? VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL : 0));
}

/*
 * IA32_PERF_GLOBAL_CTRL is loaded by the controls where the CPU has both and they work, and they
 * are off until perf wants it. What the host traces by Processor Trace shows the guest.
 */
static bool monitoring_is_right(void)
{
	const struct vmx_caps *c = &vmx_caps;
	bool have = (cpu_msr(MSR_IA32_VMX_EXIT_CTLS) >> 32 & VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL) &&
		    (cpu_msr(MSR_IA32_VMX_ENTRY_CTLS) >> 32 & VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL);
	u32 signature = cpu_cpuid(1, 0).eax;
	u32 model = (signature >> 4 & 15) | (signature >> 12 & 0xf0);
	bool broken = model == 26 || model == 30 || model == 37 || model == 44 || model == 46;

	return c->perf_ctrl == (have && !broken) &&
	       !(c->exit & (VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL | VM_EXIT_PT_CONCEAL_PIP)) &&
	       !(c->entry & (VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL | VM_ENTRY_PT_CONCEAL_PIP)) &&
	       !(c->proc2 & SECONDARY_EXEC_PT_CONCEAL_VMX);
}

/* A refusal is true if the CPU has no unrestricted guest, the only thing a CPU with EPT lacks. */
static bool refusal_is_true(void)
{
	u32 may = cpu_msr(MSR_IA32_VMX_PROCBASED_CTLS2) >> 32;

	return (strstr(said, "unrestricted guest") && !(may & SECONDARY_EXEC_UNRESTRICTED_GUEST)) ||
	       (strstr(said, "EPT") && !(may & SECONDARY_EXEC_ENABLE_EPT));
}

static void check_one(const struct cpu *c)
{
	bool apicv_whole = true, ok;
	u32 may;

	if (load(c)) {
		ok = refusal_is_true();
		printf("# %s: %s", c->name, said);
		ktap_result(ok, c->name);
		return;
	}
	may = cpu_msr(MSR_IA32_VMX_PROCBASED_CTLS2) >> 32;
	/* No real CPU has virtual-interrupt delivery without posted interrupts. */
	if (may & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)
		apicv_whole = vmx_caps.apicv && vmx_caps.posted;
	ok = controls_obey() && monitoring_is_right() && apicv_whole && !vmx_check_cpu();
	if (!ok)
		printf("# %s: pin %x proc %x proc2 %x exit %x entry %x, %s", c->name, vmx_caps.pin,
		       vmx_caps.proc, vmx_caps.proc2, vmx_caps.exit, vmx_caps.entry, said);
	ktap_result(ok, c->name);
}

static u32 signature_of(const struct cpu *c)
{
	cpu = c;
	return cpu_cpuid(1, 0).eax;
}

/* SDM 2A, CPUID: leaf 7 EDX bit 15. Firmware may have one kind of core switched off. */
static bool has_two_kinds_of_core(const struct cpu *c)
{
	cpu = c;
	return cpu_cpuid(7, 0).edx & BIT(15);
}

/* Cores of a hybrid CPU, by dumps of machines of one model: what is set up on one runs on all. */
static void check_alike(void)
{
	int i, j, pairs = 0;
	bool ok = true;

	for (i = 0; i < nr_cpus; i++) {
		for (j = 0; j < nr_cpus; j++) {
			if (i == j || signature_of(&cpus[i]) != signature_of(&cpus[j]) ||
			    !has_two_kinds_of_core(&cpus[i]))
				continue;
			pairs++;
			load(&cpus[i]);
			cpu = &cpus[j];
			if (!vmx_check_cpu())
				continue;
			printf("# %s after %s: %s", cpus[j].name, cpus[i].name, said);
			ok = false;
		}
	}
	printf("# %d pairs of cores\n", pairs);
	ktap_result(ok, "cores of hybrid CPUs");
}

/* A core that is @c but for @bits of @msr, in a machine that was set up on @c. */
static int other_core(const struct cpu *c, u32 msr, u64 set, u64 clear)
{
	struct cpu other = *c;
	int r;

	load(c);
	other.msr[msr - MSR_IA32_VMX_BASIC] |= set;
	other.msr[msr - MSR_IA32_VMX_BASIC] &= ~clear;
	cpu = &other;
	r = vmx_check_cpu();
	cpu = c;
	return r;
}

/* @c without a secondary control that kvmx needs: refused, by its name. */
static bool refused(const struct cpu *c, u32 control, const char *name)
{
	struct cpu lesser = *c;
	bool ok;

	lesser.msr[MSR_IA32_VMX_PROCBASED_CTLS2 - MSR_IA32_VMX_BASIC] &= ~((u64)control << 32);
	ok = load(&lesser) == -EOPNOTSUPP && strstr(said, name) && refusal_is_true();
	cpu = c;
	return ok;
}

static void check_hybrid(const struct cpu *c)
{
	const u64 unused = (u64)BIT(22) << 32;		/* mode-based execute control */
	const u64 ept = (u64)SECONDARY_EXEC_ENABLE_VPID << 32;
	const u64 perf_ctrl = (u64)VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL << 32;

	ktap_result(!other_core(c, MSR_IA32_VMX_PROCBASED_CTLS2, 0, unused) &&
		    !other_core(c, MSR_IA32_VMX_PROCBASED_CTLS2, unused, 0) &&
		    !other_core(c, MSR_IA32_VMX_MISC, BIT(30), BIT(14)),
		    "a core that differs in what is not used");
	ktap_result(other_core(c, MSR_IA32_VMX_PROCBASED_CTLS2, 0, ept) == -EIO &&
		    strstr(said, "secondary controls"), "a core without a control in use");
	ktap_result(other_core(c, MSR_IA32_VMX_TRUE_PROCBASED_CTLS, BIT(12), 0) == -EIO &&
		    strstr(said, "primary controls"), "a core that demands a control");
	ktap_result(other_core(c, MSR_IA32_VMX_BASIC, 0, 1) == -EIO ||
		    other_core(c, MSR_IA32_VMX_BASIC, 1, 0) == -EIO, "a core with another VMCS");
	ktap_result(other_core(c, MSR_IA32_VMX_TRUE_EXIT_CTLS, 0, perf_ctrl) == -EIO &&
		    strstr(said, "VM-exit controls"), "a core that does not load PERF_GLOBAL_CTRL");
	ktap_result(other_core(c, MSR_IA32_VMX_CR4_FIXED1, 0, BIT(20)) == -EIO,
		    "a core without a bit of CR4");
	ktap_result(refused(c, SECONDARY_EXEC_UNRESTRICTED_GUEST, "unrestricted guest") &&
		    refused(c, SECONDARY_EXEC_ENABLE_EPT, "EPT"),
		    "a CPU that lacks what is needed");
}

int main(void)
{
	const struct cpu *newest = NULL;
	int i;

	if (!read_cpus())
		return ktap_skip_all("real CPUs", "no file of CPUs, name one by CPUS=");
	for (i = 0; i < nr_cpus; i++)
		if (!load(&cpus[i]) && vmx_caps.posted && vmx_caps.tsc_scaling &&
		    (cpu_msr(MSR_IA32_VMX_CR4_FIXED1) & BIT(20)))
			newest = &cpus[i];
	ktap_start(nr_cpus + 1 + (newest ? 7 : 0));
	for (i = 0; i < nr_cpus; i++)
		check_one(&cpus[i]);
	check_alike();
	if (newest)
		check_hybrid(newest);
	return ktap_end();
}
