// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmx/perf.c between a perf, a CPU and a VMCS that are made here: what each entry and exit loads
 * for what perf names, and what becomes of the host's IA32_DEBUGCTL.
 */
#include <kernel.h>
#include "ktap.h"

/* SDM 4, table 2-2; SDM 3C 25.7, 25.8; SDM 3D appendix B. */
#define MSR_IA32_DEBUGCTLMSR			0x1d9
#define MSR_CORE_PERF_GLOBAL_CTRL		0x38f
#define MSR_IA32_PEBS_ENABLE			0x3f1
#define MSR_PEBS_DATA_CFG			0x3f2
#define MSR_IA32_DS_AREA			0x600
#define DEBUGCTLMSR_LBR				BIT(0)
#define DEBUGCTLMSR_BTF				BIT(1)
#define DEBUGCTLMSR_BUS_LOCK_DETECT		BIT(2)
#define DEBUGCTLMSR_FREEZE_IN_SMM		BIT(14)
#define DEBUGCTLMSR_RTM_DEBUG			BIT(15)
#define VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL	BIT(12)
#define VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL	BIT(13)
#define VM_EXIT_MSR_LOAD_COUNT			0x4010
#define VM_ENTRY_MSR_LOAD_COUNT			0x4014
#define VM_EXIT_MSR_LOAD_ADDR			0x2008
#define VM_ENTRY_MSR_LOAD_ADDR			0x200a
#define GUEST_IA32_DEBUGCTL			0x2802
#define GUEST_IA32_PERF_GLOBAL_CTRL		0x2808
#define HOST_IA32_PERF_GLOBAL_CTRL		0x2c04
#define X86_PMC_IDX_MAX				64

struct perf_guest_switch_msr {
	unsigned int msr;
	u64 host, guest;
};

/* --- the CPU --- */
static u64 field[0x7000];		/* of the VMCS, by encoding */
static int vmwrites, wrmsrs;
static u64 debugctl, pebs_enable;
static struct { unsigned int __nmi_count; } irq_stat;

static void fake_wrmsr(u32 msr, u64 val)
{
	SHIM_CHECK(msr == MSR_IA32_PEBS_ENABLE);
	pebs_enable = val;
	wrmsrs++;
}

static void vmcs_write64(unsigned long f, u64 val)
{
	field[f] = val;
	vmwrites++;
}

#define vmcs_write32(f, val)	vmcs_write64(f, val)
#define vmcs_read64(f)		(field[f])
#define wrmsrl(msr, val)	fake_wrmsr(msr, val)
#define get_debugctlmsr()	debugctl
#define update_debugctlmsr(val)	(debugctl = (val))
#undef this_cpu_read
#define this_cpu_read(var)	(var)
#undef barrier
#define barrier()		((void)0)
#undef __pa
#define __pa(p)			((u64)(unsigned long)(p))

#include <vcpu.h>
#include <vmx.h>

#define CONTROL(name)								\
static void vmx_##name##_set(struct kvm_vcpu *vcpu, u32 bits)			\
{										\
	vmwrites += (vcpu->vmx.vmcs->name & bits) != bits;			\
	vcpu->vmx.vmcs->name |= bits;						\
}										\
static void vmx_##name##_clear(struct kvm_vcpu *vcpu, u32 bits)			\
{										\
	vmwrites += (vcpu->vmx.vmcs->name & bits) != 0;				\
	vcpu->vmx.vmcs->name &= ~bits;						\
}

CONTROL(entry)
CONTROL(exit)

/* --- perf --- */
static struct perf_guest_switch_msr list[100];
static int listed;			/* -1: there is no PMU */
static bool nmi_meanwhile;

static struct perf_guest_switch_msr *perf_guest_get_msrs(int *nr, void *pmu)
{
	SHIM_CHECK(pmu);
	if (nmi_meanwhile)
		irq_stat.__nmi_count++;
	if (listed < 0)
		return NULL;
	*nr = listed;
	return list;
}

#define KVMX_VMX_INTERNAL_H
#include "../vmx/perf.c"

struct vmx_caps vmx_caps;
struct kvm_pmu { int unused; };
struct kvm_pmu kvmx_no_pmu;

/* --- the tests --- */
static struct kvm_vcpu *vcpu;
static struct kvm_vmcs *v;

static void start(bool controls)
{
	static struct kvm_vcpu one;
	static struct vmx_msr_areas areas __aligned(16);

	memset(&one, 0, sizeof(one));
	memset(&areas, 0xa5, sizeof(areas));
	memset(field, 0, sizeof(field));
	vcpu = &one;
	v = &one.vmx.vmcs01;
	vcpu->vmx.vmcs = v;
	v->areas = &areas;
	v->entry = 0xd1ff;
	v->exit = 0x2beffb;
	vmx_caps.perf_ctrl = controls;
	irq_stat.__nmi_count = 7;
	listed = 0;
	nmi_meanwhile = false;
	debugctl = 0;
	pebs_enable = 0;
	vmx_perf_init(v);
	vmwrites = 0;
	wrmsrs = 0;
}

static void name_msr(u32 msr, u64 host, u64 guest)
{
	list[listed++] = (struct perf_guest_switch_msr) { msr, host, guest };
}

/* The next entry asks perf again. */
static bool asks_again(void)
{
	return vcpu->vmx.nmis_seen != irq_stat.__nmi_count;
}

static u32 counts(void)
{
	return field[VM_ENTRY_MSR_LOAD_COUNT] << 16 | field[VM_EXIT_MSR_LOAD_COUNT];
}

static bool slot_is(int i, u32 msr, u64 guest, u64 host)
{
	const struct vmx_msr_slot *in = &v->areas->entry[i], *out = &v->areas->exit[i];

	return in->index == msr && !in->reserved && in->value == guest &&
	       out->index == msr && !out->reserved && out->value == host;
}

static bool controls_on(void)
{
	bool in = v->entry & VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL;
	bool out = v->exit & VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL;

	SHIM_CHECK(in == out);
	return in;
}

static void no_events(void)
{
	bool ok;

	start(true);
	listed = -1;
	vmx_perf_prepare(vcpu);
	ok = !vmwrites && !wrmsrs && !asks_again();
	listed = 0;
	name_msr(MSR_CORE_PERF_GLOBAL_CTRL, 0x70000000f, 0x70000000f);
	name_msr(MSR_IA32_PEBS_ENABLE, 0, 0);
	vmx_perf_prepare(vcpu);
	ktap_result(ok && !vmwrites && !wrmsrs && !asks_again() && !controls_on(),
		    "without an event, nothing is written");
	irq_stat.__nmi_count++;
	ok = asks_again();
	vmx_perf_prepare(vcpu);
	ok = ok && !asks_again();
	nmi_meanwhile = true;
	vmx_perf_prepare(vcpu);
	ktap_result(ok && asks_again(), "perf is asked after an NMI, and after one while asked");
}

static void by_controls(void)
{
	bool ok;

	start(true);
	name_msr(MSR_CORE_PERF_GLOBAL_CTRL, 0x70000000f, 0x70000000e);
	vmx_perf_prepare(vcpu);
	ok = controls_on() && field[GUEST_IA32_PERF_GLOBAL_CTRL] == 0x70000000e &&
	     field[HOST_IA32_PERF_GLOBAL_CTRL] == 0x70000000f && !counts() && !asks_again();
	vmwrites = 0;
	vmx_perf_prepare(vcpu);
	ktap_result(ok && !vmwrites, "PERF_GLOBAL_CTRL is loaded by the controls, written once");
	list[0].guest = list[0].host;
	vmx_perf_prepare(vcpu);
	ok = !controls_on();
	list[0].guest = 0xc;
	vmx_perf_prepare(vcpu);
	ktap_result(ok && controls_on() && field[GUEST_IA32_PERF_GLOBAL_CTRL] == 0xc,
		    "the controls are on while an event asks for them");
}

static void by_areas(void)
{
	bool ok;

	start(false);
	ok = field[VM_ENTRY_MSR_LOAD_ADDR] == __pa(v->areas->entry) &&
	     field[VM_EXIT_MSR_LOAD_ADDR] == __pa(v->areas->exit) &&
	     !(field[VM_ENTRY_MSR_LOAD_ADDR] & 15) && !(field[VM_EXIT_MSR_LOAD_ADDR] & 15);
	name_msr(0x186, 0x4300c0, 0x4300c0);
	name_msr(MSR_CORE_PERF_GLOBAL_CTRL, 0xf, 0xe);
	name_msr(0x187, 0x4300c0, 0x300c0);
	vmx_perf_prepare(vcpu);
	ktap_result(ok && !controls_on() && counts() == 0x20002 &&
		    slot_is(0, MSR_CORE_PERF_GLOBAL_CTRL, 0xe, 0xf) &&
		    slot_is(1, 0x187, 0x300c0, 0x4300c0) && !asks_again(),
		    "other MSRs, and without the controls this one, by the areas");
	listed = 0;
	vmx_perf_prepare(vcpu);
	ktap_result(!counts(), "the areas are empty when the event is gone");
}

static void as_many_as_there_is_room(void)
{
	int i;

	start(true);
	for (i = 0; i < 100; i++)
		name_msr(0x1000 + i, 1, 0);
	vmx_perf_prepare(vcpu);
	ktap_result(counts() == 0x400040 && slot_is(63, 0x103f, 0, 1),
		    "no more than there is room for");
}

static void pebs(void)
{
	bool ok;

	start(true);
	pebs_enable = 1;
	name_msr(MSR_CORE_PERF_GLOBAL_CTRL, 0xf, 0xe);
	name_msr(MSR_IA32_PEBS_ENABLE, 1, 0);
	vmx_perf_prepare(vcpu);
	ok = wrmsrs == 1 && !pebs_enable && slot_is(0, MSR_IA32_PEBS_ENABLE, 0, 1);
	/* As the exit leaves it. */
	pebs_enable = 1;
	ok = ok && asks_again();
	vmx_perf_prepare(vcpu);
	ktap_result(ok && wrmsrs == 2 && !pebs_enable,
		    "PEBS is stopped by WRMSR before each entry, and by the area");
	vmx_perf_not_entered(vcpu);
	ktap_result(pebs_enable == 1, "a failed entry brings PEBS back");
	list[1].host = 0;
	vmx_perf_prepare(vcpu);
	wrmsrs = 0;
	vmx_perf_not_entered(vcpu);
	ktap_result(!wrmsrs && !asks_again(), "without PEBS there is nothing to stop");
	start(true);
	name_msr(MSR_IA32_DS_AREA, 0xfffffe0000000000, 0);
	name_msr(MSR_PEBS_DATA_CFG, 8, 0);
	vmx_perf_prepare(vcpu);
	ktap_result(!counts() && !vmwrites, "where PEBS writes to stays the host's");
}

static void host_debugctl(void)
{
	const u64 of_users = DEBUGCTLMSR_BTF | DEBUGCTLMSR_BUS_LOCK_DETECT;
	bool ok;

	start(true);
	debugctl = of_users;
	vmx_perf_prepare(vcpu);
	ktap_result(vcpu->vmx.host_debugctl == of_users && !vcpu->vmx.debugctl_at_once && !vmwrites,
		    "BTF and bus locks come back at the end of the turn");
	/* The exit has cleared it, and an NMI has come. */
	debugctl = 0;
	vmx_perf_prepare(vcpu);
	ok = vcpu->vmx.host_debugctl == of_users;
	debugctl = DEBUGCTLMSR_LBR;
	vmx_perf_prepare(vcpu);
	ktap_result(ok && vcpu->vmx.host_debugctl == (of_users | DEBUGCTLMSR_LBR) &&
		    vcpu->vmx.debugctl_at_once,
		    "what an NMI makes of it is kept, and with it the bits of user space");
	debugctl = of_users;
	vmx_perf_prepare(vcpu);
	ktap_result(vcpu->vmx.host_debugctl == of_users && !vcpu->vmx.debugctl_at_once,
		    "branch records that an NMI stops stay stopped");
}

static void freeze_in_smm(void)
{
	bool ok;

	start(true);
	field[GUEST_IA32_DEBUGCTL] = DEBUGCTLMSR_BTF;
	debugctl = DEBUGCTLMSR_FREEZE_IN_SMM | DEBUGCTLMSR_LBR;
	vmx_perf_prepare(vcpu);
	ok = field[GUEST_IA32_DEBUGCTL] == (DEBUGCTLMSR_BTF | DEBUGCTLMSR_FREEZE_IN_SMM) &&
	     vcpu->vmx.host_debugctl == debugctl && vcpu->vmx.debugctl_at_once &&
	     v->held_debugctl == DEBUGCTLMSR_FREEZE_IN_SMM;
	debugctl = 0;
	vmx_restore_debugctl(&vcpu->vmx);
	ok = ok && debugctl == (DEBUGCTLMSR_FREEZE_IN_SMM | DEBUGCTLMSR_LBR);
	vmwrites = 0;
	vmx_perf_prepare(vcpu);
	ktap_result(ok && !vmwrites, "FREEZE_IN_SMM, and only that, is in force in the guest");
	debugctl = 0;
	vmx_perf_prepare(vcpu);
	ktap_result(field[GUEST_IA32_DEBUGCTL] == DEBUGCTLMSR_BTF && !v->held_debugctl,
		    "and no longer when it is not in the host");
}

int main(void)
{
	ktap_start(16);
	no_events();
	by_controls();
	by_areas();
	as_many_as_there_is_room();
	pebs();
	host_debugctl();
	freeze_in_smm();
	return ktap_end();
}
