// SPDX-License-Identifier: GPL-2.0-only
/* The rules of check.c on the current VMCS: before each entry if asked for, after a failed one. */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <asm/apicdef.h>
#include <asm/processor.h>
#include "check.h"
#include "internal.h"
#include "irqchip.h"

DEFINE_STATIC_KEY_FALSE(vmx_check_on);
static bool vmcs_check;

static int set_vmcs_check(const char *val, const struct kernel_param *kp)
{
	int r = param_set_bool(val, kp);

	if (r)
		return r;
	if (vmcs_check)
		static_branch_enable(&vmx_check_on);
	else
		static_branch_disable(&vmx_check_on);
	return 0;
}

static const struct kernel_param_ops vmcs_check_ops = {
	.set = set_vmcs_check,
	.get = param_get_bool,
};

module_param_cb(vmcs_check, &vmcs_check_ops, &vmcs_check, 0644);
MODULE_PARM_DESC(vmcs_check, "For tests: check the SDM's rules of VM entry before each");

static const struct {
	const char *name;
	u16 encoding;
} fields[VF_NR] = {
#define FIELD(_name, _encoding) { #_name, _encoding },
	VMX_FIELDS(FIELD)
#undef FIELD
};

/* fields.h is right where the kernel's header has the same. */
#define SAME(_name, _kernel) \
	static_assert(VMX_ENCODING_##_name == (int)(_kernel))
#define FIELD(_name, _encoding) VMX_ENCODING_##_name = (_encoding),
enum { VMX_FIELDS(FIELD) };
#undef FIELD
SAME(PROC2, SECONDARY_VM_EXEC_CONTROL);
SAME(ENTRY_INFO, VM_ENTRY_INTR_INFO_FIELD);
SAME(HOST_TR_SEL, HOST_TR_SELECTOR);
SAME(HOST_IDTR_BASE, HOST_IDTR_BASE);
SAME(TR_AR, GUEST_TR_AR_BYTES);
SAME(LDTR_BASE, GUEST_LDTR_BASE);
SAME(GDTR_LIMIT, GUEST_GDTR_LIMIT);
SAME(PENDING_DBG, GUEST_PENDING_DBG_EXCEPTIONS);
SAME(PDPTE3, GUEST_PDPTR3);

static struct vmx_limits limits;
static bool limits_known;

/*
 * The counters, general and fixed, by CPUID leaf 0AH, and the metrics of the top-down method.
 * The cores of a hybrid CPU have not all the same ones, and so no bit is held against it.
 */
static u64 perf_ctrl_bits(void)
{
	u32 eax, ebx, ecx, edx, fixed;
	u64 caps = 0;

	if (cpuid_edx(7) & BIT(15))
		return ~0ull;
	if (cpuid_eax(0) < 0xa)
		return 0;
	cpuid(0xa, &eax, &ebx, &ecx, &edx);
	fixed = BIT_ULL(edx & 31) - 1;
	if ((eax & 0xff) >= 5)
		fixed |= ecx;
	if (cpuid_ecx(1) & BIT(15))
		rdmsrl(MSR_IA32_PERF_CAPABILITIES, caps);
	return (BIT_ULL(min(eax >> 8 & 0xff, 31u)) - 1) | (u64)fixed << 32 |
	       (caps & BIT_ULL(15) ? BIT_ULL(48) : 0);
}

/* The same on every CPU, so that it does not matter who comes first, or twice. */
static void read_limits(void)
{
	struct vmx_limits l = {};
	u64 basic;
	bool exact;

	rdmsrl(MSR_IA32_VMX_BASIC, basic);
	exact = basic & BIT_ULL(55);
	l.any_error_code = basic & BIT_ULL(56);
	rdmsrl(exact ? MSR_IA32_VMX_TRUE_PINBASED_CTLS : MSR_IA32_VMX_PINBASED_CTLS, l.pin);
	rdmsrl(exact ? MSR_IA32_VMX_TRUE_PROCBASED_CTLS : MSR_IA32_VMX_PROCBASED_CTLS, l.proc);
	rdmsrl(exact ? MSR_IA32_VMX_TRUE_EXIT_CTLS : MSR_IA32_VMX_EXIT_CTLS, l.exit);
	rdmsrl(exact ? MSR_IA32_VMX_TRUE_ENTRY_CTLS : MSR_IA32_VMX_ENTRY_CTLS, l.entry);
	rdmsrl(MSR_IA32_VMX_PROCBASED_CTLS2, l.proc2);
	rdmsrl(MSR_IA32_VMX_EPT_VPID_CAP, l.ept_vpid);
	l.misc = vmx_caps.misc;
	l.cr0_fixed0 = vmx_caps.cr0_fixed0;
	l.cr0_fixed1 = vmx_caps.cr0_fixed1;
	l.cr4_fixed0 = vmx_caps.cr4_fixed0;
	l.cr4_fixed1 = vmx_caps.cr4_fixed1;
	l.perf_ctrl = perf_ctrl_bits();
	l.phys_bits = cpuid_eax(0x80000008);
	l.linear_bits = cpuid_ecx(7) & BIT(16) ? 57 : 48;
	l.bus_lock_detect = cpuid_ecx(7) & BIT(24);
	limits = l;
	/* Pairs with read_state(). */
	smp_store_release(&limits_known, true);
}

/* A field that this CPU does not have reads as 0. */
static u64 read_field(unsigned long field)
{
	unsigned long val = 0;

	asm volatile("1: vmread %1, %0\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : "+r" (val) : "r" (field) : "cc");
	return val;
}

static void read_state(struct kvm_vcpu *vcpu, struct vmx_state *s)
{
	int i;

	/* Pairs with the release in read_limits(): the limits are there once this is set. */
	if (!smp_load_acquire(&limits_known))
		read_limits();
	s->lim = &limits;
	s->areas = vcpu->vmx.vmcs->areas;
	for (i = 0; i < VF_NR; i++)
		s->f[i] = read_field(fields[i].encoding);
	s->vtpr = vcpu->apic ? READ_ONCE(*((u8 *)vcpu->apic->page + APIC_TASKPRI)) : 0;
}

/* User space can ask for a state that the CPU refuses; all else is a fault of this module. */
static void log_broken(struct kvm_vcpu *vcpu, const struct vmx_state *s)
{
	unsigned int i;

	for (i = vmx_broken_rule(s, 0); i < vmx_nr_rules; i = vmx_broken_rule(s, i + 1)) {
		const struct vmx_rule *r = &vmx_rules[i];

		if (r->by_user)
			pr_info_ratelimited("vCPU %d: the CPU refuses this guest state, SDM %s: %s\n",
					    vcpu->vcpu_id, r->section, r->text);
		else
			pr_warn_ratelimited("vCPU %d: VM-entry rule broken, SDM %s: %s\n",
					    vcpu->vcpu_id, r->section, r->text);
	}
}

/**
 * vmx_check_entry - does the SDM allow the entry that comes?
 * @vcpu: loaded vCPU, about to enter; if vmx_check_on
 *
 * Context: interrupts may be off.
 */
void vmx_check_entry(struct kvm_vcpu *vcpu)
{
	struct vmx_state s;

	read_state(vcpu, &s);
	log_broken(vcpu, &s);
}

/**
 * vmx_explain_failed_entry - the rule that a failed entry broke, and the fields, for the log
 * @vcpu: loaded vCPU; what the VMCS says of the failure has been read
 * @reason: the VM-instruction error, or the exit reason
 */
void vmx_explain_failed_entry(struct kvm_vcpu *vcpu, u32 reason)
{
	static DEFINE_RATELIMIT_STATE(limit, 10 * HZ, 1);
	struct vmx_state s;
	char line[120];
	int i, n = 0;

	ratelimit_set_flags(&limit, RATELIMIT_MSG_ON_RELEASE);
	if (!__ratelimit(&limit))
		return;
	read_state(vcpu, &s);
	pr_info("vCPU %d: VM entry failed, %#x\n", vcpu->vcpu_id, reason);
	log_broken(vcpu, &s);
	for (i = 0; i < VF_NR; i++) {
		/* Anybody can provoke this; where the host's kernel lies stays out of the log. */
		if (i >= VF_HOST_CR0 && i <= VF_HOST_RIP && !vmcs_check)
			continue;
		n += scnprintf(line + n, sizeof(line) - n, " %s=%llx", fields[i].name, s.f[i]);
		if (i + 1 == VF_NR || n > 75) {
			pr_info("vmcs:%s\n", line);
			n = 0;
		}
	}
}
