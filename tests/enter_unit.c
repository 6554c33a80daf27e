// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decisions of run/enter.c. What of an exit is the host's: a machine check reaches the kernel's
 * handler with a frame of user space and never by INT 18, an NMI goes through its gate, an
 * interrupt that the exit acknowledged through its own; INT faults here, and is seen. When
 * SPEC_CTRL is written, buffers are cleared, and an IBPB is asked for.
 */
#include <kernel.h>
#include <ucontext.h>
#include "ktap.h"

#define CONFIG_X86_MCE		1
#define __USER_CS		0x33

struct pt_regs { unsigned long ip, cs, flags, sp, ss; };

static int machine_checks, nmis, other_ints, interrupts[256];
static struct pt_regs frame;

static void do_machine_check(struct pt_regs *regs)
{
	machine_checks++;
	frame = *regs;
}

#include <compat/mce.h>

/* SDM 3C 25.9.2 and appendix C. */
enum {
	EXIT_REASON_EXCEPTION_NMI = 0, EXIT_REASON_EXTERNAL_INTERRUPT = 1, EXIT_REASON_HLT = 12,
	EXIT_REASON_MCE_DURING_VMENTRY = 41, MC_VECTOR = 18,
};

#define INTR_INFO_VECTOR_MASK		0xffu
#define INTR_INFO_INTR_TYPE_MASK	0x700u
#define INTR_INFO_VALID_MASK		0x80000000u
#define INTR_TYPE_NMI_INTR		0x200u
#define INTR_TYPE_HARD_EXCEPTION	0x300u
#define INTR_TYPE_EXT_INTR		0x000u

struct vmx_entry {
	u32 host_spec, guest_spec;
	bool spec;
};

struct kvm_vmcs { struct vmx_entry entry_args; };
struct kvm { unsigned int assigned_files; };

struct kvm_vmx {
	struct kvm_vmcs *vmcs;
	bool entry_failed;
	u32 exit_reason, exit_intr_info;
};

struct kvm_vcpu {
	struct kvm_vmx vmx;
	struct kvm *kvm;
	struct { u64 spec_ctrl; } msr;
};

enum { KVM_REG_EXIT_INTR_INFO };
static struct { bool posted; } vmx_caps;
static u32 info_of_exit;
static void (*vmx_host_interrupt[256])(void);

static void vmx_cache_reg(struct kvm_vcpu *vcpu, int reg)
{
	vcpu->vmx.exit_intr_info = info_of_exit;
}

enum { X86_FEATURE_MSR_SPEC_CTRL, X86_FEATURE_KERNEL_IBRS, X86_FEATURE_IBPB_EXIT_TO_USER };
static bool cpu_features[3], mmio_stale_data_clear, x86_ibpb_exit_to_user;
static u64 x86_spec_ctrl_current;
static int clearings;
#define cpu_feature_enabled(f)		cpu_features[f]
#define this_cpu_read(v)		(v)
#define this_cpu_write(v, val)		((void)((v) = (val)))
#define static_branch_unlikely(k)	(*(k))
#define x86_clear_cpu_buffers()		((void)clearings++)

#include <enter-parts.h>

static void interrupt_0x50(void)
{
	interrupts[0x50]++;
}

static void on_fault(int sig, siginfo_t *info, void *ctx)
{
	greg_t *rip = &((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP];
	const u8 *code = (const u8 *)*rip;

	/* INT n */
	if (code[0] != 0xcd)
		abort();
	if (code[1] == 2)
		nmis++;
	else
		other_ints++;
	*rip += 2;
}

/* After an exit: so many machine checks, NMIs and interrupts of vector 50h. */
static void check(const char *name, u32 reason, u32 info, bool failed, int mc, int nmi, int irq)
{
	struct kvm_vcpu vcpu = { .vmx = { .entry_failed = failed, .exit_reason = reason } };
	bool user;

	machine_checks = 0;
	nmis = 0;
	interrupts[0x50] = 0;
	other_ints = 0;
	frame.cs = 0;
	info_of_exit = info;
	kvm_handle_host_events(&vcpu);
	user = (frame.cs & 3) == 3 && (frame.flags & X86_EFLAGS_IF);
	ktap_result(machine_checks == mc && nmis == nmi && interrupts[0x50] == irq && !other_ints &&
		    (!mc || user), name);
}

/* Without the MSR never, with the kernel's IBRS always, else where the values differ. */
static bool spec_ctrl(void)
{
	struct kvm_vmcs vmcs = {};
	struct kvm_vcpu vcpu = { .vmx.vmcs = &vmcs };
	unsigned int bits;
	bool ok = true;

	for (bits = 0; bits < 16; bits++) {
		cpu_features[X86_FEATURE_MSR_SPEC_CTRL] = bits & 1;
		cpu_features[X86_FEATURE_KERNEL_IBRS] = bits & 2;
		x86_spec_ctrl_current = bits & 4 ? 5 : 0;
		vcpu.msr.spec_ctrl = bits & 8 ? 5 : 0;
		vmcs.entry_args.spec = true;
		choose_spec_ctrl(&vcpu);
		ok &= vmcs.entry_args.spec ==
		      ((bits & 1) && ((bits & 2) || !(bits & 4) != !(bits & 8)));
		if (vmcs.entry_args.spec)
			ok &= vmcs.entry_args.host_spec == x86_spec_ctrl_current &&
			      vmcs.entry_args.guest_spec == vcpu.msr.spec_ctrl;
	}
	return ok;
}

/* For a VM with a device of the host's, on a CPU that has the flaw. */
static bool stale_data(void)
{
	struct kvm kvm;
	struct kvm_vcpu vcpu = { .kvm = &kvm };
	unsigned int bits;
	bool ok = true;

	for (bits = 0; bits < 4; bits++) {
		mmio_stale_data_clear = bits & 1;
		kvm.assigned_files = bits & 2;
		clearings = 0;
		clear_stale_data(&vcpu);
		ok &= clearings == (bits == 3);
	}
	return ok;
}

static bool ibpb(void)
{
	bool ok;

	x86_ibpb_exit_to_user = false;
	ask_for_ibpb();
	ok = !x86_ibpb_exit_to_user;
	cpu_features[X86_FEATURE_IBPB_EXIT_TO_USER] = true;
	ask_for_ibpb();
	return ok && x86_ibpb_exit_to_user;
}

int main(void)
{
	const u32 valid = INTR_INFO_VALID_MASK, exc = valid | INTR_TYPE_HARD_EXCEPTION;
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	vmx_host_interrupt[0x50] = interrupt_0x50;
	ktap_start(14);
	check("a machine check of the guest", EXIT_REASON_EXCEPTION_NMI, exc | 18, false, 1, 0, 0);
	check("one during the entry", EXIT_REASON_MCE_DURING_VMENTRY, 0, false, 1, 0, 0);
	check("a failed entry", EXIT_REASON_MCE_DURING_VMENTRY | BIT(31), 0, false, 1, 0, 0);
	check("an NMI", EXIT_REASON_EXCEPTION_NMI, valid | INTR_TYPE_NMI_INTR | 2, false, 0, 1, 0);
	check("an exception of the guest", EXIT_REASON_EXCEPTION_NMI, exc | 14, false, 0, 0, 0);
	check("an exit of another kind", EXIT_REASON_HLT, exc | 18, false, 0, 0, 0);
	check("an interrupt that waits", EXIT_REASON_EXTERNAL_INTERRUPT,
	      valid | INTR_TYPE_EXT_INTR | 0x50, false, 0, 0, 0);
	vmx_caps.posted = true;
	check("an interrupt that was acknowledged", EXIT_REASON_EXTERNAL_INTERRUPT,
	      valid | INTR_TYPE_EXT_INTR | 0x50, false, 0, 0, 1);
	check("a machine check all the same", EXIT_REASON_EXCEPTION_NMI, exc | 18, false, 1, 0, 0);
	check("no entry, no machine check", EXIT_REASON_EXCEPTION_NMI, exc | 18, true, 0, 0, 0);
	check("no entry, no machine check during it", EXIT_REASON_MCE_DURING_VMENTRY, 0, true, 0, 0,
	      0);
	ktap_result(spec_ctrl(), "SPEC_CTRL");
	ktap_result(stale_data(), "MMIO stale data");
	ktap_result(ibpb(), "IBPB before user space");
	return ktap_end();
}
