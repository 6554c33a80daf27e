// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmx/caps.c on real CPUs: CPUID and the VMX capability MSRs come from a file of dumps, named
 * by CPUS=, with lines of "cpu cpuid leaf subleaf eax ebx ecx edx" or "cpu msr number value"
 * between tabs. -t prints which CPU gets which feature, as a table of reStructuredText.
 */
#include <kernel.h>
#include <ctype.h>
#include "ktap.h"

/* The numbers of SDM 3C 25.6 to 25.8 and 3D appendix A. */
enum {
	PIN_BASED_EXT_INTR_MASK = BIT(0), PIN_BASED_NMI_EXITING = BIT(3),
	PIN_BASED_VIRTUAL_NMIS = BIT(5), PIN_BASED_VMX_PREEMPTION_TIMER = BIT(6),
	PIN_BASED_POSTED_INTR = BIT(7),
	CPU_BASED_USE_TSC_OFFSETTING = BIT(3), CPU_BASED_HLT_EXITING = BIT(7),
	CPU_BASED_INVLPG_EXITING = BIT(9), CPU_BASED_MWAIT_EXITING = BIT(10),
	CPU_BASED_RDPMC_EXITING = BIT(11), CPU_BASED_CR3_LOAD_EXITING = BIT(15),
	CPU_BASED_CR3_STORE_EXITING = BIT(16), CPU_BASED_CR8_LOAD_EXITING = BIT(19),
	CPU_BASED_CR8_STORE_EXITING = BIT(20), CPU_BASED_TPR_SHADOW = BIT(21),
	CPU_BASED_MOV_DR_EXITING = BIT(23), CPU_BASED_UNCOND_IO_EXITING = BIT(24),
	CPU_BASED_USE_MSR_BITMAPS = BIT(28), CPU_BASED_MONITOR_EXITING = BIT(29),
	SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES = BIT(0), SECONDARY_EXEC_ENABLE_EPT = BIT(1),
	SECONDARY_EXEC_ENABLE_RDTSCP = BIT(3), SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE = BIT(4),
	SECONDARY_EXEC_ENABLE_VPID = BIT(5), SECONDARY_EXEC_WBINVD_EXITING = BIT(6),
	SECONDARY_EXEC_UNRESTRICTED_GUEST = BIT(7), SECONDARY_EXEC_APIC_REGISTER_VIRT = BIT(8),
	SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY = BIT(9), SECONDARY_EXEC_PAUSE_LOOP_EXITING = BIT(10),
	SECONDARY_EXEC_ENABLE_INVPCID = BIT(12), VMX_XSAVES_CONTROL = BIT(20),
	SECONDARY_EXEC_TSC_SCALING = BIT(25),
	VM_EXIT_SAVE_DEBUG_CONTROLS = BIT(2), VM_EXIT_HOST_ADDR_SPACE_SIZE = BIT(9),
	VM_EXIT_ACK_INTR_ON_EXIT = BIT(15), VM_EXIT_SAVE_IA32_PAT = BIT(18),
	VM_EXIT_LOAD_IA32_PAT = BIT(19), VM_EXIT_LOAD_IA32_EFER = BIT(21),
	VM_ENTRY_LOAD_DEBUG_CONTROLS = BIT(2), VM_ENTRY_IA32E_MODE = BIT(9),
	VM_ENTRY_LOAD_IA32_PAT = BIT(14), VM_ENTRY_LOAD_IA32_EFER = BIT(15),
	VMX_EPT_PAGE_WALK_4_BIT = BIT(6), VMX_EPTP_WB_BIT = BIT(14), VMX_EPT_2MB_PAGE_BIT = BIT(16),
	VMX_EPT_1GB_PAGE_BIT = BIT(17), VMX_EPT_INVEPT_BIT = BIT(20), VMX_EPT_AD_BIT = BIT(21),
	VMX_EPT_EXTENT_CONTEXT_BIT = BIT(25), VMX_EPT_EXTENT_GLOBAL_BIT = BIT(26),
	VMX_VPID_INVVPID_BIT = BIT(0), VMX_VPID_EXTENT_INDIVIDUAL_ADDR_BIT = BIT(8),
	VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT = BIT(9),
	MSR_IA32_FEAT_CTL = 0x3a, MSR_IA32_VMX_BASIC = 0x480, MSR_IA32_VMX_PINBASED_CTLS,
	MSR_IA32_VMX_PROCBASED_CTLS, MSR_IA32_VMX_EXIT_CTLS, MSR_IA32_VMX_ENTRY_CTLS,
	MSR_IA32_VMX_MISC, MSR_IA32_VMX_CR0_FIXED0, MSR_IA32_VMX_CR0_FIXED1,
	MSR_IA32_VMX_CR4_FIXED0, MSR_IA32_VMX_CR4_FIXED1, MSR_IA32_VMX_PROCBASED_CTLS2 = 0x48b,
	MSR_IA32_VMX_EPT_VPID_CAP, MSR_IA32_VMX_TRUE_PINBASED_CTLS,
	MSR_IA32_VMX_TRUE_PROCBASED_CTLS, MSR_IA32_VMX_TRUE_EXIT_CTLS,
	MSR_IA32_VMX_TRUE_ENTRY_CTLS, LAST_MSR = MSR_IA32_VMX_TRUE_ENTRY_CTLS,
};

#define CPU_BASED_ACTIVATE_SECONDARY_CONTROLS	BIT(31)
#define FEAT_CTL_LOCKED				BIT(0)
#define FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX	BIT(2)
#define VMX_APIC_CONTROLS			(BIT(0) | BIT(4) | BIT(8) | BIT(9))

struct cpu {
	char name[48];
	u32 signature, ecx1;
	u64 msr[LAST_MSR - MSR_IA32_VMX_BASIC + 1];
};

static struct cpu cpus[512];
static int nr_cpus;
static const struct cpu *cpu;		/* caps.c runs on this one */
static char said[256];			/* what it has logged last */

static u64 cpu_msr(u32 msr)
{
	if (msr == MSR_IA32_FEAT_CTL)
		return FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;
	return cpu->msr[msr - MSR_IA32_VMX_BASIC];
}

#undef pr_err
#define pr_err(...)		snprintf(said, sizeof(said), __VA_ARGS__)
#define rdmsrl(msr, val)	((val) = cpu_msr(msr))
#define rdmsr(msr, low, high)	((low) = (u32)cpu_msr(msr), (high) = cpu_msr(msr) >> 32)
#define cpuid_eax(leaf)		(cpu->signature)
#define cpuid_ecx(leaf)		(cpu->ecx1)
#define this_cpu_has(feature)	1
#define __read_cr4()		0ul
#ifndef X86_CR4_VMXE
#define X86_CR4_VMXE		BIT(13)
#endif
#ifndef scnprintf
#define scnprintf		snprintf
#endif
#define KVMX_VMX_INTERNAL_H	/* the instructions are not needed here */
#include <vmx.h>
#include <params.h>
#include "../vmx/caps.c"

struct kvmx_params kvmx_params;

int kvmx_params_check(void)
{
	return 0;
}

/* A fresh load of the module on @c. */
static int load(const struct cpu *c)
{
	cpu = c;
	said[0] = 0;
	kvmx_params = (struct kvmx_params) {
		.ept = true, .unrestricted_guest = true, .vnmi = true, .vpid = true, .eptad = true,
		.flexpriority = true, .enable_apicv = true, .preemption_timer = true,
		.ple_gap = 128, .ple_window = 4096,
	};
	return vmx_setup();
}

static struct cpu *find(const char *name)
{
	int i;

	for (i = 0; i < nr_cpus; i++)
		if (!strcmp(cpus[i].name, name))
			return &cpus[i];
	if (nr_cpus == ARRAY_SIZE(cpus))
		return NULL;
	snprintf(cpus[nr_cpus].name, sizeof(cpus[0].name), "%s", name);
	return &cpus[nr_cpus++];
}

static bool read_cpus(const char *file)
{
	unsigned int leaf, sub, eax, ebx, ecx, msr;
	char line[256], name[48];
	unsigned long long val;
	FILE *f = fopen(file, "r");
	struct cpu *c;

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (*line == '#' || sscanf(line, "%47s", name) != 1)
			continue;
		c = find(name);
		if (!c)
			break;
		if (sscanf(line, "%*s cpuid %x %x %x %x %x", &leaf, &sub, &eax, &ebx, &ecx) == 5 &&
		    leaf == 1) {
			c->signature = eax;
			/* Firmware hides VMX when it is off; the MSRs are of the CPU. */
			c->ecx1 = ecx | BIT(5);
		} else if (sscanf(line, "%*s msr %x %llx", &msr, &val) == 2 &&
			   msr >= MSR_IA32_VMX_BASIC && msr <= LAST_MSR) {
			c->msr[msr - MSR_IA32_VMX_BASIC] = val;
		}
	}
	fclose(f);
	return true;
}

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
	       obeys(MSR_IA32_VMX_TRUE_EXIT_CTLS, MSR_IA32_VMX_EXIT_CTLS, c->exit, c->exit) &&
	       obeys(MSR_IA32_VMX_TRUE_ENTRY_CTLS, MSR_IA32_VMX_ENTRY_CTLS, c->entry,
		     c->entry | VM_ENTRY_IA32E_MODE);
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
	ok = controls_obey() && apicv_whole && !vmx_check_cpu();
	if (!ok)
		printf("# %s: pin %x proc %x proc2 %x exit %x entry %x, %s", c->name, vmx_caps.pin,
		       vmx_caps.proc, vmx_caps.proc2, vmx_caps.exit, vmx_caps.entry, said);
	ktap_result(ok, c->name);
}

/* CPUs of one kind, the cores of a hybrid one among them: what is set up on one runs on all. */
static void check_alike(u32 signature)
{
	bool ok = true;
	int i, j;

	for (i = 0; i < nr_cpus; i++) {
		for (j = 0; j < nr_cpus; j++) {
			if (cpus[i].signature != signature || cpus[j].signature != signature)
				continue;
			load(&cpus[i]);
			cpu = &cpus[j];
			if (!vmx_check_cpu())
				continue;
			printf("# %s after %s: %s", cpus[j].name, cpus[i].name, said);
			ok = false;
		}
	}
	ktap_result(ok, "Alder Lake's cores");
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
	ktap_result(other_core(c, MSR_IA32_VMX_CR4_FIXED1, 0, BIT(20)) == -EIO,
		    "a core without a bit of CR4");
	ktap_result(refused(c, SECONDARY_EXEC_UNRESTRICTED_GUEST, "unrestricted guest") &&
		    refused(c, SECONDARY_EXEC_ENABLE_EPT, "EPT"),
		    "a CPU that lacks what is needed");
}

static void print_table(void)
{
	char features[160];
	int i;

	printf(".. list-table::\n   :header-rows: 1\n\n   * - CPU\n     - kvmx\n");
	for (i = 0; i < nr_cpus; i++) {
		const char *line = said;

		if (!load(&cpus[i]))
			line = vmx_feature_line(features, sizeof(features));
		printf("   * - %s\n     - %.*s\n", cpus[i].name, (int)strcspn(line, "\n"), line);
	}
}

int main(int argc, char **argv)
{
	const char *file = getenv("CPUS");
	const struct cpu *newest = NULL;
	int i;

	if (!read_cpus(file ? file : "../../shared/cpus.tsv") || !nr_cpus) {
		ktap_start(1);
		ktap_skip("real CPUs", "no file of CPUs, name one by CPUS=");
		return ktap_end();
	}
	if (argc > 1 && !strcmp(argv[1], "-t")) {
		print_table();
		return 0;
	}
	for (i = 0; i < nr_cpus; i++)
		if (!load(&cpus[i]) && vmx_caps.posted && vmx_caps.tsc_scaling &&
		    (cpu_msr(MSR_IA32_VMX_CR4_FIXED1) & BIT(20)))
			newest = &cpus[i];
	ktap_start(nr_cpus + 1 + (newest ? 6 : 0));
	for (i = 0; i < nr_cpus; i++)
		check_one(&cpus[i]);
	check_alike(0x90672);
	if (newest)
		check_hybrid(newest);
	return ktap_end();
}
