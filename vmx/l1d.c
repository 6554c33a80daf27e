// SPDX-License-Identifier: GPL-2.0-only
/*
 * L1 Terminal Fault: a guest on such a CPU reads whatever of the host's memory is in the L1
 * data cache. So the cache is flushed before VM entry, as the kernel's
 * Documentation/admin-guide/hw-vuln/l1tf.rst has it: always, or when host data may be in it.
 */
#define pr_fmt(fmt) "kvm: " fmt

#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/jump_label.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched/smt.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <asm/cpufeature.h>
#include <asm/hardirq.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/vmx.h>
#include "internal.h"
#include "params.h"

DEFINE_STATIC_KEY_FALSE(vmx_l1d_on);
static DEFINE_STATIC_KEY_FALSE(l1d_cond);

/* What may be asked for. */
static const char * const names[] = {
	[VMENTER_L1D_FLUSH_AUTO] = "auto",
	[VMENTER_L1D_FLUSH_NEVER] = "never",
	[VMENTER_L1D_FLUSH_COND] = "cond",
	[VMENTER_L1D_FLUSH_ALWAYS] = "always",
};

/* Changed under l1d_lock. In force is what the kernel was told. */
static DEFINE_MUTEX(l1d_lock);
static enum vmx_l1d_flush_state asked = VMENTER_L1D_FLUSH_AUTO;
static enum vmx_l1d_flush_state in_force = VMENTER_L1D_FLUSH_AUTO;
static bool set_up;

/* Twice the cache, so that any replacement throws out all that was in it. */
#define BUFFER_ORDER	4
#define BUFFER_SIZE	(PAGE_SIZE << BUFFER_ORDER)
static u8 *buffer;

/* Is the CPU affected, and does neither it nor a hypervisor below flush at VM entry? */
static bool flush_required(bool bug, u64 arch_capabilities)
{
	return bug && !(arch_capabilities & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH);
}

/* @boot: l1tf= of the kernel's command line. @want: of the module's parameter. */
static enum vmx_l1d_flush_state choose(bool required, enum l1tf_mitigations boot,
				       enum vmx_l1d_flush_state want)
{
	if (!required)
		return VMENTER_L1D_FLUSH_NOT_REQUIRED;
	if (boot == L1TF_MITIGATION_FULL_FORCE)
		return VMENTER_L1D_FLUSH_ALWAYS;
	if (want != VMENTER_L1D_FLUSH_AUTO)
		return want;
	if (boot == L1TF_MITIGATION_OFF)
		return VMENTER_L1D_FLUSH_NEVER;
	return boot == L1TF_MITIGATION_FULL ? VMENTER_L1D_FLUSH_ALWAYS : VMENTER_L1D_FLUSH_COND;
}

/* l1tf= asks for a line in the log when a VM is made on a CPU that leaks. */
static bool warning_wanted(enum vmx_l1d_flush_state state, enum l1tf_mitigations boot)
{
	return state != VMENTER_L1D_FLUSH_NOT_REQUIRED &&
	       (boot == L1TF_MITIGATION_FLUSH || boot == L1TF_MITIGATION_FLUSH_NOSMT ||
		boot == L1TF_MITIGATION_FULL);
}

static bool cpu_requires_flush(void)
{
	u64 caps = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, caps);
	return flush_required(boot_cpu_has_bug(X86_BUG_L1TF), caps);
}

/*
 * Where the CPU has no command for it. Each page has its own contents: in a virtual machine
 * equal pages may be merged into one, which would not fill the cache.
 */
static int make_buffer(void)
{
	struct page *pages;
	int i;

	if (buffer || boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		return 0;
	pages = alloc_pages(GFP_KERNEL, BUFFER_ORDER);
	if (!pages)
		return -ENOMEM;
	buffer = page_address(pages);
	for (i = 0; i < 1 << BUFFER_ORDER; i++)
		memset(buffer + i * PAGE_SIZE, i + 1, PAGE_SIZE);
	return 0;
}

static void put_in_force(enum vmx_l1d_flush_state state)
{
	in_force = state;
	l1tf_vmx_mitigation = state;
	if (state == VMENTER_L1D_FLUSH_COND)
		static_branch_enable(&l1d_cond);
	else
		static_branch_disable(&l1d_cond);
	if (state == VMENTER_L1D_FLUSH_COND || state == VMENTER_L1D_FLUSH_ALWAYS)
		static_branch_enable(&vmx_l1d_on);
	else
		static_branch_disable(&vmx_l1d_on);
}

static int ask(enum vmx_l1d_flush_state want)
{
	enum vmx_l1d_flush_state state = choose(cpu_requires_flush(), l1tf_mitigation, want);
	int r = 0;

	if (state == VMENTER_L1D_FLUSH_COND || state == VMENTER_L1D_FLUSH_ALWAYS)
		r = make_buffer();
	if (r)
		return r;
	asked = want;
	put_in_force(state);
	return 0;
}

/**
 * vmx_l1d_init - flush as the parameter and the command line have it, and tell the kernel
 *
 * Context: module load, before any VM.
 * Return: 0 or -ENOMEM.
 */
int __init vmx_l1d_init(void)
{
	int r;

	mutex_lock(&l1d_lock);
	r = ask(asked);
	set_up = !r;
	mutex_unlock(&l1d_lock);
	return r;
}

/** vmx_l1d_exit - no VM is left: the kernel is told that this module flushes no more */
void vmx_l1d_exit(void)
{
	mutex_lock(&l1d_lock);
	set_up = false;
	put_in_force(VMENTER_L1D_FLUSH_AUTO);
	free_pages((unsigned long)buffer, BUFFER_ORDER);
	buffer = NULL;
	mutex_unlock(&l1d_lock);
}

/** vmx_l1d_warn - a VM is made: say once what this CPU leaks, where l1tf= wants it said */
void vmx_l1d_warn(void)
{
	enum vmx_l1d_flush_state state = READ_ONCE(in_force);

	if (!warning_wanted(state, l1tf_mitigation))
		return;
	if (sched_smt_active())
		pr_warn_once("this CPU has L1TF and SMT is on: a guest may read what the other thread of its core uses, see Documentation/admin-guide/hw-vuln/l1tf.rst\n");
	if (state == VMENTER_L1D_FLUSH_NEVER)
		pr_warn_once("this CPU has L1TF and vmentry_l1d_flush=never: a guest may read the host's memory, see Documentation/admin-guide/hw-vuln/l1tf.rst\n");
}

/**
 * vmx_l1d_parse - a value of vmentry_l1d_flush
 * @val: its text
 *
 * Return: for vmx_l1d_ask(), or -EINVAL.
 */
int vmx_l1d_parse(const char *val)
{
	return sysfs_match_string(names, val);
}
EXPORT_SYMBOL_GPL(vmx_l1d_parse);

/**
 * vmx_l1d_ask - the parameter is given
 * @want: what vmx_l1d_parse() made of it
 *
 * Return: 0; -EPERM where l1tf=full,force has settled it; -ENOMEM.
 */
int vmx_l1d_ask(int want)
{
	int r = 0;

	mutex_lock(&l1d_lock);
	if (!set_up)
		asked = want;
	else if (l1tf_mitigation == L1TF_MITIGATION_FULL_FORCE && cpu_requires_flush())
		r = want == VMENTER_L1D_FLUSH_ALWAYS ? 0 : -EPERM;
	else
		r = ask(want);
	mutex_unlock(&l1d_lock);
	return r;
}
EXPORT_SYMBOL_GPL(vmx_l1d_ask);

/**
 * vmx_l1d_get - vmentry_l1d_flush is read
 * @buf: of sysfs
 * @kp: the parameter, of either module
 *
 * What is in force is shown: "never" also where no flush is needed.
 *
 * Return: bytes written.
 */
int vmx_l1d_get(char *buf, const struct kernel_param *kp)
{
	enum vmx_l1d_flush_state state = READ_ONCE(in_force);

	return sysfs_emit(buf, "%s\n",
			  names[state < ARRAY_SIZE(names) ? state : VMENTER_L1D_FLUSH_NEVER]);
}
EXPORT_SYMBOL_GPL(vmx_l1d_get);

static int set_l1d_flush(const char *val, const struct kernel_param *kp)
{
	int want = vmx_l1d_parse(val);

	return want < 0 ? want : vmx_l1d_ask(want);
}

static const struct kernel_param_ops l1d_flush_ops = {
	.set = set_l1d_flush,
	.get = vmx_l1d_get,
};

module_param_cb(vmentry_l1d_flush, &l1d_flush_ops, NULL, 0644);
MODULE_PARM_DESC(vmentry_l1d_flush, "Flush the L1 data cache before VM entry: never, cond, always, auto");

/* The pages first: what their walks bring into the cache goes out with the rest. */
static noinstr void read_buffer(void)
{
	const u8 *end = buffer + BUFFER_SIZE;
	long at = -(long)BUFFER_SIZE;
	u32 byte;

	asm volatile("1:	movzbl	(%[end], %[at]), %[byte]\n"
		     "		add	%[page], %[at]\n"
		     "		jnz	1b\n"
		     "		lfence\n"
		     "		mov	%[start], %[at]\n"
		     "2:	movzbl	(%[end], %[at]), %[byte]\n"
		     "		add	%[line], %[at]\n"
		     "		jnz	2b\n"
		     "		lfence\n"
		     : [at] "+r" (at), [byte] "=&r" (byte)
		     : [end] "r" (end), [start] "i" (-(long)BUFFER_SIZE), [page] "i" (PAGE_SIZE),
		       [line] "i" (64)
		     : "cc", "memory");
}

/**
 * vmx_l1d_flush - flush this CPU's L1 data cache, if the guest must not see what is in it
 * @vcpu: loaded vCPU, about to enter; if vmx_l1d_on
 *
 * The kernel's interrupt handlers leave a mark of their own on the CPU.
 *
 * Context: interrupts off, the last before the entry.
 */
noinstr void vmx_l1d_flush(struct kvm_vcpu *vcpu)
{
	bool host_data = vcpu->mem.host_data || kvm_get_cpu_l1tf_flush_l1d();

	vcpu->mem.host_data = false;
	kvm_clear_cpu_l1tf_flush_l1d();
	if (static_branch_likely(&l1d_cond) && !host_data)
		return;
	vcpu->stat.l1d_flush++;
	if (static_cpu_has(X86_FEATURE_FLUSH_L1D))
		native_wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	else
		read_buffer();
}
