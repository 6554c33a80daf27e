// SPDX-License-Identifier: GPL-2.0-only
/* What this CPU's VMX offers, and which of it kvmx uses (SDM 3D, appendix A). */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/printk.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include "errata.h"
#include "internal.h"
#include "params.h"

struct vmx_caps vmx_caps;

enum { PIN, PROC, PROC2, EXIT, ENTRY, NR_CONTROLS };

struct control {
	u32 msr, true_msr;
	u32 required, optional;
};

static const struct control controls[NR_CONTROLS] = {
	[PIN] = {
		MSR_IA32_VMX_PINBASED_CTLS, MSR_IA32_VMX_TRUE_PINBASED_CTLS,
		PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING | PIN_BASED_VIRTUAL_NMIS,
		PIN_BASED_POSTED_INTR | PIN_BASED_VMX_PREEMPTION_TIMER,
	},
	[PROC] = {
		MSR_IA32_VMX_PROCBASED_CTLS, MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
		CPU_BASED_HLT_EXITING | CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING |
		CPU_BASED_UNCOND_IO_EXITING | CPU_BASED_MOV_DR_EXITING |
		CPU_BASED_USE_TSC_OFFSETTING | CPU_BASED_MWAIT_EXITING |
		CPU_BASED_MONITOR_EXITING | CPU_BASED_RDPMC_EXITING |
		CPU_BASED_USE_MSR_BITMAPS | CPU_BASED_ACTIVATE_SECONDARY_CONTROLS,
		CPU_BASED_TPR_SHADOW,
	},
	[PROC2] = {
		MSR_IA32_VMX_PROCBASED_CTLS2, MSR_IA32_VMX_PROCBASED_CTLS2,
		SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_UNRESTRICTED_GUEST,
		SECONDARY_EXEC_ENABLE_VPID | SECONDARY_EXEC_ENABLE_RDTSCP |
		SECONDARY_EXEC_WBINVD_EXITING | SECONDARY_EXEC_ENABLE_INVPCID |
		SECONDARY_EXEC_PAUSE_LOOP_EXITING | VMX_XSAVES_CONTROL | VMX_APIC_CONTROLS |
		SECONDARY_EXEC_TSC_SCALING | SECONDARY_EXEC_ENABLE_PML,
	},
	[EXIT] = {
		MSR_IA32_VMX_EXIT_CTLS, MSR_IA32_VMX_TRUE_EXIT_CTLS,
		VM_EXIT_SAVE_DEBUG_CONTROLS | VM_EXIT_HOST_ADDR_SPACE_SIZE |
		VM_EXIT_SAVE_IA32_PAT | VM_EXIT_LOAD_IA32_PAT | VM_EXIT_LOAD_IA32_EFER,
		VM_EXIT_ACK_INTR_ON_EXIT | VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL,
	},
	[ENTRY] = {
		MSR_IA32_VMX_ENTRY_CTLS, MSR_IA32_VMX_TRUE_ENTRY_CTLS,
		VM_ENTRY_LOAD_DEBUG_CONTROLS | VM_ENTRY_LOAD_IA32_PAT | VM_ENTRY_LOAD_IA32_EFER,
		VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL,
	},
};

static const struct {
	u8 set;
	u32 bit;
	const char *name;
} required_names[] = {
	{ PIN, PIN_BASED_EXT_INTR_MASK, "external-interrupt exiting" },
	{ PIN, PIN_BASED_NMI_EXITING, "NMI exiting" },
	{ PIN, PIN_BASED_VIRTUAL_NMIS, "virtual NMIs" },
	{ PROC, CPU_BASED_USE_MSR_BITMAPS, "MSR bitmaps" },
	{ PROC, CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, "secondary controls" },
	{ PROC2, SECONDARY_EXEC_ENABLE_EPT, "EPT" },
	{ PROC2, SECONDARY_EXEC_UNRESTRICTED_GUEST, "unrestricted guest" },
	{ EXIT, VM_EXIT_LOAD_IA32_EFER, "load IA32_EFER on exit" },
	{ EXIT, VM_EXIT_LOAD_IA32_PAT, "load IA32_PAT on exit" },
	{ ENTRY, VM_ENTRY_LOAD_IA32_EFER, "load IA32_EFER on entry" },
	{ ENTRY, VM_ENTRY_LOAD_IA32_PAT, "load IA32_PAT on entry" },
};

static const char *missing_name(int set, u32 missing)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(required_names); i++)
		if (required_names[i].set == set && (required_names[i].bit & missing))
			return required_names[i].name;
	return "a basic execution control";
}

/* The low half of a capability MSR is what must be one, the high half what may be. */
static const char *choose_controls(u64 basic, u32 *out)
{
	int i;

	for (i = 0; i < NR_CONTROLS; i++) {
		const struct control *c = &controls[i];
		u32 must, may;

		if (i == PROC2 && !(out[PROC] & CPU_BASED_ACTIVATE_SECONDARY_CONTROLS))
			return "secondary controls";
		/* Bit 55: the TRUE MSRs exist and show which default-1 bits may be zero. */
		rdmsr(basic & BIT_ULL(55) ? c->true_msr : c->msr, must, may);
		if (c->required & ~may)
			return missing_name(i, c->required & ~may);
		out[i] = (c->required | c->optional | must) & may;
	}
	if (out[PROC] & (CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING |
			 CPU_BASED_INVLPG_EXITING))
		return "guest paging without exits";
	return NULL;
}

static const char *read_ept(struct vmx_caps *caps)
{
	u64 e;
	u32 v;

	rdmsrl(MSR_IA32_VMX_EPT_VPID_CAP, e);
	v = e >> 32;
	if (!(e & VMX_EPT_PAGE_WALK_4_BIT))
		return "4-level EPT";
	if (!(e & VMX_EPTP_WB_BIT))
		return "write-back EPT";
	if (!(e & VMX_EPT_INVEPT_BIT) || !(e & VMX_EPT_EXTENT_CONTEXT_BIT) ||
	    !(e & VMX_EPT_EXTENT_GLOBAL_BIT))
		return "INVEPT";
	caps->ept_2m = e & VMX_EPT_2MB_PAGE_BIT;
	caps->ept_1g = e & VMX_EPT_1GB_PAGE_BIT;
	caps->ept_ad = (e & VMX_EPT_AD_BIT) && kvmx_params.eptad;
	caps->vpid = (caps->proc2 & SECONDARY_EXEC_ENABLE_VPID) && kvmx_params.vpid &&
		     (v & VMX_VPID_INVVPID_BIT) && (v & VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT);
	caps->invvpid_addr = v & VMX_VPID_EXTENT_INDIVIDUAL_ADDR_BIT;
	if (!caps->vpid)
		caps->proc2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	return NULL;
}

/*
 * What of the local APIC the CPU does: @caps->pin, proc, proc2 and exit keep only the
 * controls in use, but those that follow the APIC's mode are off until
 * kvm_apicv_update() turns them on.
 */
static void read_apic_caps(struct vmx_caps *caps)
{
	const u32 apicv = SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
	u32 have = caps->proc2;

	caps->tpr_shadow = caps->proc & CPU_BASED_TPR_SHADOW;
	if (!caps->tpr_shadow)
		have = 0;
	caps->apic_accesses = (have & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES) &&
			      kvmx_params.flexpriority;
	caps->x2apic_mode = have & SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
	caps->apicv = caps->apic_accesses && caps->x2apic_mode && (have & apicv) == apicv &&
		      kvmx_params.enable_apicv;
	caps->posted = caps->apicv && (caps->pin & PIN_BASED_POSTED_INTR) &&
		       (caps->exit & VM_EXIT_ACK_INTR_ON_EXIT);
	caps->preemption_timer = (caps->pin & PIN_BASED_VMX_PREEMPTION_TIMER) &&
				 kvmx_params.preemption_timer &&
				 !vmx_preemption_timer_broken(cpuid_eax(1));
	caps->preemption_shift = caps->misc & 0x1f;
	if (!caps->posted)
		caps->exit &= ~VM_EXIT_ACK_INTR_ON_EXIT;
	caps->pin &= ~(PIN_BASED_POSTED_INTR | PIN_BASED_VMX_PREEMPTION_TIMER);
	caps->proc &= ~CPU_BASED_TPR_SHADOW;
	caps->proc2 &= ~VMX_APIC_CONTROLS;
}

/* The controls are on only while perf wants the guest to have another value, see perf.c. */
static void read_perf_caps(struct vmx_caps *caps)
{
	caps->perf_ctrl = (caps->exit & VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL) &&
			  (caps->entry & VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL) &&
			  !vmx_perf_ctrl_broken(cpuid_eax(1));
	caps->exit &= ~VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL;
	caps->entry &= ~VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL;
}

/* Fills @caps from this CPU. Returns what is missing, or NULL. */
static const char *read_caps(struct vmx_caps *caps)
{
	u32 ctl[NR_CONTROLS] = {};
	const char *missing;
	u64 basic;

	memset(caps, 0, sizeof(*caps));
	rdmsrl(MSR_IA32_VMX_BASIC, basic);
	caps->revision = basic & GENMASK(30, 0);
	/* Bits 44:32 size, 53:50 memory type (6: write-back). */
	if (((basic >> 32) & 0x1fff) > PAGE_SIZE || ((basic >> 50) & 15) != 6)
		return "a write-back VMCS of at most a page";
	missing = choose_controls(basic, ctl);
	if (missing)
		return missing;
	caps->pin = ctl[PIN];
	caps->proc = ctl[PROC];
	caps->proc2 = ctl[PROC2];
	caps->exit = ctl[EXIT];
	caps->entry = ctl[ENTRY] & ~VM_ENTRY_IA32E_MODE;
	if (!kvmx_params.ple_gap || !kvmx_params.ple_window)
		caps->proc2 &= ~SECONDARY_EXEC_PAUSE_LOOP_EXITING;
	caps->ple = caps->proc2 & SECONDARY_EXEC_PAUSE_LOOP_EXITING;
	caps->xsaves = caps->proc2 & VMX_XSAVES_CONTROL;
	caps->tsc_scaling = caps->proc2 & SECONDARY_EXEC_TSC_SCALING;
	missing = read_ept(caps);
	if (missing)
		return missing;
	/*
	 * What it logs is that it sets a dirty bit. Hybrid CPUs (CPUID.7:EDX[15]) lost it by an
	 * update of their microcode, so those that still have it are not to be trusted.
	 */
	caps->pml = caps->ept_ad && (caps->proc2 & SECONDARY_EXEC_ENABLE_PML) &&
		    kvmx_params.pml && !(cpuid_edx(7) & BIT(15));
	if (!caps->pml)
		caps->proc2 &= ~SECONDARY_EXEC_ENABLE_PML;
	rdmsrl(MSR_IA32_VMX_MISC, caps->misc);
	read_apic_caps(caps);
	read_perf_caps(caps);
	rdmsrl(MSR_IA32_VMX_CR0_FIXED0, caps->cr0_fixed0);
	rdmsrl(MSR_IA32_VMX_CR0_FIXED1, caps->cr0_fixed1);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED0, caps->cr4_fixed0);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED1, caps->cr4_fixed1);
	return NULL;
}

/* The reason why VMX cannot be used on this CPU at all, and in @err the errno. */
static const char *vmx_unusable(int *err)
{
	u64 feat;

	*err = -EOPNOTSUPP;
	if (!(cpuid_ecx(1) & BIT(5)))
		return "this CPU has no VMX";
	rdmsrl(MSR_IA32_FEAT_CTL, feat);
	if (!(feat & FEAT_CTL_LOCKED) || !(feat & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX) ||
	    !this_cpu_has(X86_FEATURE_MSR_IA32_FEAT_CTL))
		return "VMX is switched off by the firmware";
	if (__read_cr4() & X86_CR4_VMXE) {
		*err = -EBUSY;
		return "another hypervisor is using VMX";
	}
	return NULL;
}

/**
 * vmx_setup - read the VMX capabilities and choose the controls in use
 *
 * Context: module load; may sleep.
 * Return: 0; -EOPNOTSUPP with one line in the log that names what is missing;
 * -EBUSY if VMX is in use by somebody else.
 */
int vmx_setup(void)
{
	const char *unusable, *missing = NULL;
	int err = kvmx_params_check();

	if (err)
		return err;
	preempt_disable();
	unusable = vmx_unusable(&err);
	if (!unusable)
		missing = read_caps(&vmx_caps);
	preempt_enable();
	if (unusable) {
		pr_err("%s\n", unusable);
		return err;
	}
	if (missing) {
		pr_err("this CPU lacks a required VMX feature: %s\n", missing);
		return -EOPNOTSUPP;
	}
	kvmx_params.vpid = vmx_caps.vpid;
	kvmx_params.eptad = vmx_caps.ept_ad;
	kvmx_params.pml = vmx_caps.pml;
	kvmx_params.flexpriority = vmx_caps.apic_accesses;
	kvmx_params.enable_apicv = vmx_caps.apicv;
	kvmx_params.preemption_timer = vmx_caps.preemption_timer;
	if (!vmx_caps.ple)
		kvmx_params.ple_gap = 0;
	return 0;
}

/* Can controls @always be on, @sometimes be on as well, and all others be off here? */
static bool controls_allowed(u64 basic, int set, u32 always, u32 sometimes)
{
	const struct control *c = &controls[set];
	u32 must, may;

	rdmsr(basic & BIT_ULL(55) ? c->true_msr : c->msr, must, may);
	return !(must & ~always) && !((always | sometimes) & ~may);
}

/* What of @used, a CPU's choice, is not so on this CPU, of which @here was read? NULL: nothing. */
static const char *first_difference(const struct vmx_caps *used, const struct vmx_caps *here)
{
	u32 pin = (used->posted ? PIN_BASED_POSTED_INTR : 0) |
		  (used->preemption_timer ? PIN_BASED_VMX_PREEMPTION_TIMER : 0);
	/* No guest has SMXE, which firmware may switch off. */
	u64 cr4 = used->cr4_fixed1 & ~(u64)X86_CR4_SMXE;
	u64 basic;

	rdmsrl(MSR_IA32_VMX_BASIC, basic);
	if (used->revision != here->revision)
		return "the VMCS revision";
	if (!controls_allowed(basic, PIN, used->pin, pin))
		return "pin-based controls";
	if (!controls_allowed(basic, PROC, used->proc, used->tpr_shadow ? CPU_BASED_TPR_SHADOW : 0))
		return "primary controls";
	/* Those that follow the APIC's mode have flags of their own. */
	if (!controls_allowed(basic, PROC2, used->proc2, 0))
		return "secondary controls";
	if (!controls_allowed(basic, EXIT, used->exit,
			      used->perf_ctrl ? VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL : 0))
		return "VM-exit controls";
	if (!controls_allowed(basic, ENTRY, used->entry, VM_ENTRY_IA32E_MODE |
			      (used->perf_ctrl ? VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL : 0)))
		return "VM-entry controls";
	if ((used->apic_accesses && !here->apic_accesses) ||
	    (used->x2apic_mode && !here->x2apic_mode) || (used->apicv && !here->apicv))
		return "APIC virtualization";
	if ((used->ept_ad && !here->ept_ad) || (used->ept_2m && !here->ept_2m) ||
	    (used->ept_1g && !here->ept_1g))
		return "EPT";
	if ((used->vpid && !here->vpid) || (used->invvpid_addr && !here->invvpid_addr))
		return "INVVPID";
	if (used->preemption_timer && (!here->preemption_timer ||
				       used->preemption_shift != here->preemption_shift))
		return "the preemption timer";
	if ((here->cr0_fixed0 & ~used->cr0_fixed0) || (used->cr0_fixed1 & ~here->cr0_fixed1) ||
	    (here->cr4_fixed0 & ~used->cr4_fixed0) || (cr4 & ~here->cr4_fixed1))
		return "the fixed bits of CR0 and CR4";
	return NULL;
}

/**
 * vmx_check_cpu - does this CPU offer what vmx_setup() chose?
 *
 * The cores of a hybrid CPU may offer more than that, each something else. A line in
 * the log says what is missing.
 *
 * Context: any, preemption off.
 * Return: 0, -EBUSY, -EOPNOTSUPP or -EIO.
 */
int vmx_check_cpu(void)
{
	struct vmx_caps here;
	const char *why;
	int err;

	why = vmx_unusable(&err);
	if (!why) {
		err = -EIO;
		why = read_caps(&here);
	}
	if (!why)
		why = first_difference(&vmx_caps, &here);
	if (!why)
		return 0;
	pr_err_ratelimited("CPU%d differs from what is in use: %s\n", smp_processor_id(), why);
	return err;
}

/**
 * vmx_feature_line - the optional features in use and those missing, for the log
 * @buf: text goes here
 * @len: its size in bytes
 *
 * Return: @buf
 */
const char * __init vmx_feature_line(char *buf, size_t len)
{
	const struct { const char *name; bool used; } f[] = {
		{ "vpid", vmx_caps.vpid },
		{ "eptad", vmx_caps.ept_ad },
		{ "pml", vmx_caps.pml },
		{ "ept_2m", vmx_caps.ept_2m },
		{ "ept_1g", vmx_caps.ept_1g },
		{ "ple", vmx_caps.ple },
		{ "rdtscp", vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_RDTSCP },
		{ "invpcid", vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_INVPCID },
		{ "xsaves", vmx_caps.xsaves },
		{ "flexpriority", vmx_caps.apic_accesses },
		{ "apicv", vmx_caps.apicv },
		{ "posted", vmx_caps.posted },
		{ "preemption_timer", vmx_caps.preemption_timer },
		{ "tsc_scaling", vmx_caps.tsc_scaling },
		{ "perf_global_ctrl", vmx_caps.perf_ctrl },
	};
	size_t n = 0;
	int i, pass;

	for (pass = 1; pass >= 0; pass--) {
		n += scnprintf(buf + n, len - n, pass ? "uses" : "; without");
		for (i = 0; i < ARRAY_SIZE(f); i++)
			if (f[i].used == pass)
				n += scnprintf(buf + n, len - n, " %s", f[i].name);
	}
	return buf;
}
