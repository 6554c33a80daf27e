// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmx/l1d.c: what is done about L1 Terminal Fault, over every CPU, command line and parameter
 * there is; what the kernel is told; and each entry's flush. The static keys are variables
 * here, the CPU's command is counted, and the software's reads are seen by page faults.
 */
#include <kernel.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include "ktap.h"

enum vmx_l1d_flush_state {
	VMENTER_L1D_FLUSH_AUTO, VMENTER_L1D_FLUSH_NEVER, VMENTER_L1D_FLUSH_COND,
	VMENTER_L1D_FLUSH_ALWAYS, VMENTER_L1D_FLUSH_EPT_DISABLED, VMENTER_L1D_FLUSH_NOT_REQUIRED,
	NR_STATES,
};

enum l1tf_mitigations {
	L1TF_MITIGATION_OFF, L1TF_MITIGATION_FLUSH_NOWARN, L1TF_MITIGATION_FLUSH,
	L1TF_MITIGATION_FLUSH_NOSMT, L1TF_MITIGATION_FULL, L1TF_MITIGATION_FULL_FORCE, NR_BOOTS,
};

#define ARCH_CAP_RDCL_NO			BIT(0)
#define ARCH_CAP_SKIP_VMENTRY_L1DFLUSH		BIT(3)
#define MSR_IA32_ARCH_CAPABILITIES		0x10a
#define MSR_IA32_FLUSH_CMD			0x10b
#define L1D_FLUSH				BIT(0)

/* The machine. */
static enum vmx_l1d_flush_state l1tf_vmx_mitigation;
static enum l1tf_mitigations l1tf_mitigation;
static bool has_bug, has_caps, has_command, smt, irq_mark;
static u64 arch_caps;
static unsigned int commands, warnings;
static u8 *pages_made;

enum { X86_FEATURE_ARCH_CAPABILITIES, X86_FEATURE_FLUSH_L1D };
#define X86_BUG_L1TF			0
#define boot_cpu_has_bug(bug)		has_bug
#define boot_cpu_has(f)			((f) == X86_FEATURE_FLUSH_L1D ? has_command : has_caps)
#define static_cpu_has(f)		boot_cpu_has(f)
#define rdmsrl(msr, val)		((val) = arch_caps)
#define native_wrmsrl(msr, val)		((void)(commands += (msr) == MSR_IA32_FLUSH_CMD && \
							    (val) == L1D_FLUSH))
#define sched_smt_active()		smt
#define kvm_get_cpu_l1tf_flush_l1d()	irq_mark
#define kvm_clear_cpu_l1tf_flush_l1d()	((void)(irq_mark = false))
#define DEFINE_STATIC_KEY_FALSE(k)	bool k
#define static_branch_enable(k)		((void)(*(k) = true))
#define static_branch_disable(k)	((void)(*(k) = false))
#define static_branch_likely(k)		(*(k))
#define pr_warn_once(...)		((void)warnings++)
#define noinstr
#define DEFINE_MUTEX(m)			struct mutex m
struct kernel_param;
struct kernel_param_ops {
	int (*set)(const char *val, const struct kernel_param *kp);
	int (*get)(char *buf, const struct kernel_param *kp);
};

#define module_param_cb(n, ops, arg, mode) \
	static const struct kernel_param_ops *const param_ops = (ops)
#define sysfs_emit(buf, ...)		sprintf(buf, __VA_ARGS__)
#define sysfs_match_string(a, s)	match(a, ARRAY_SIZE(a), s)

/* With or without the line feed. */
static int match(const char *const *names, int nr, const char *s)
{
	size_t n = strlen(s);
	int i;

	n -= n && s[n - 1] == '\n';
	for (i = 0; i < nr; i++)
		if (strlen(names[i]) == n && !strncmp(names[i], s, n))
			return i;
	return -EINVAL;
}

static void *alloc_pages(gfp_t gfp, int order)
{
	if (shim_fail_alloc > 0 && --shim_fail_alloc == 0)
		return NULL;
	pages_made = mmap(NULL, PAGE_SIZE << order, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return pages_made;
}

static void free_pages(unsigned long addr, int order)
{
	if (addr)
		munmap((void *)addr, PAGE_SIZE << order);
	pages_made = NULL;
}

#define page_address(p)		((u8 *)(p))

#define KVMX_VMX_INTERNAL_H	/* VMX instructions are not needed here */
struct kvm_vcpu {
	struct { bool host_data; } mem;
	struct { u64 l1d_flush; } stat;
};

#include <params.h>
#include "../vmx/l1d.c"

static const char *const boots[] = {
	"off", "flush,nowarn", "flush", "flush,nosmt", "full", "full,force",
};

static const char *const states[] = {
	"auto", "never", "cond", "always", "EPT disabled", "not required",
};

/* The kernel's l1tf.rst in a table: what l1tf= of the row makes of the parameter. */
static const u8 expected[NR_BOOTS][4] = {
	/*		auto	never	cond	always */
	[L1TF_MITIGATION_OFF]		= { 1, 1, 2, 3 },
	[L1TF_MITIGATION_FLUSH_NOWARN]	= { 2, 1, 2, 3 },
	[L1TF_MITIGATION_FLUSH]		= { 2, 1, 2, 3 },
	[L1TF_MITIGATION_FLUSH_NOSMT]	= { 2, 1, 2, 3 },
	[L1TF_MITIGATION_FULL]		= { 3, 1, 2, 3 },
	[L1TF_MITIGATION_FULL_FORCE]	= { 3, 3, 3, 3 },
};

static const u8 expected_warning[NR_BOOTS] = { 0, 0, 1, 1, 1, 0 };

static bool in_force_is(enum vmx_l1d_flush_state want)
{
	bool on = want == VMENTER_L1D_FLUSH_COND || want == VMENTER_L1D_FLUSH_ALWAYS;
	char text[20];

	param_ops->get(text, NULL);
	return l1tf_vmx_mitigation == want && vmx_l1d_on == on &&
	       l1d_cond == (want == VMENTER_L1D_FLUSH_COND) &&
	       match(states, 4, text) == (want < 4 ? want : VMENTER_L1D_FLUSH_NEVER) &&
	       (!on || has_command || pages_made);
}

/* Loads the module with the parameter @i, or without where it is 0, then unloads it. */
static bool load(int i, enum vmx_l1d_flush_state want)
{
	bool ok;

	asked = VMENTER_L1D_FLUSH_AUTO;
	if (i && param_ops->set(states[i], NULL))
		return false;
	/* Nothing happens before the module is set up. */
	ok = l1tf_vmx_mitigation == VMENTER_L1D_FLUSH_AUTO && !vmx_l1d_init() && in_force_is(want);
	vmx_l1d_exit();
	return ok && l1tf_vmx_mitigation == VMENTER_L1D_FLUSH_AUTO && !vmx_l1d_on && !pages_made;
}

static void every_load(void)
{
	int boot, i, bits;
	char name[80];

	for (boot = 0; boot < NR_BOOTS; boot++) {
		for (i = 0; i < 4; i++) {
			bool ok = true;

			l1tf_mitigation = boot;
			for (bits = 0; bits < 16; bits++) {
				has_bug = bits & 1;
				has_caps = bits & 2;
				/* A CPU without IA32_ARCH_CAPABILITIES is not asked for it. */
				arch_caps = bits & 4 ? ARCH_CAP_SKIP_VMENTRY_L1DFLUSH : ~8ull;
				has_command = bits & 8;
				ok &= load(i, !has_bug || (has_caps && (bits & 4)) ?
					   VMENTER_L1D_FLUSH_NOT_REQUIRED : expected[boot][i]);
			}
			snprintf(name, sizeof(name), "l1tf=%s, vmentry_l1d_flush=%s", boots[boot],
				 states[i]);
			ktap_result(ok, name);
		}
	}
}

static void affected(enum l1tf_mitigations boot)
{
	has_bug = true;
	has_caps = false;
	has_command = false;
	l1tf_mitigation = boot;
	asked = VMENTER_L1D_FLUSH_AUTO;
}

/* From each mode to each other while the module is loaded, and nothing but full,force stays. */
static bool changes(enum l1tf_mitigations boot)
{
	bool forced = boot == L1TF_MITIGATION_FULL_FORCE, ok;
	int from, to;

	affected(boot);
	ok = !vmx_l1d_init();
	for (from = 0; from < 4; from++) {
		for (to = 0; to < 4; to++) {
			bool from_kept = forced && from != VMENTER_L1D_FLUSH_ALWAYS;
			bool to_kept = forced && to != VMENTER_L1D_FLUSH_ALWAYS;

			ok &= param_ops->set(states[from], NULL) == (from_kept ? -EPERM : 0) &&
			      in_force_is(expected[boot][from]) &&
			      param_ops->set(states[to], NULL) == (to_kept ? -EPERM : 0) &&
			      in_force_is(expected[boot][to]);
		}
	}
	vmx_l1d_exit();
	return ok;
}

static bool bad_values(void)
{
	static const char *const bad[] = { "", "Cond", "cond ", "conditional", "not required" };
	bool ok;
	int i;

	affected(L1TF_MITIGATION_FLUSH);
	ok = !vmx_l1d_init() && !param_ops->set("always\n", NULL);
	for (i = 0; i < (int)ARRAY_SIZE(bad); i++)
		ok &= param_ops->set(bad[i], NULL) == -EINVAL &&
		      in_force_is(VMENTER_L1D_FLUSH_ALWAYS);
	vmx_l1d_exit();
	return ok;
}

/* Where no flush is required any value is taken and none does anything. */
static bool healthy_cpu(void)
{
	bool ok;
	int i;

	affected(L1TF_MITIGATION_FULL_FORCE);
	has_bug = false;
	ok = !vmx_l1d_init();
	for (i = 0; i < 4; i++)
		ok &= !param_ops->set(states[i], NULL) &&
		      in_force_is(VMENTER_L1D_FLUSH_NOT_REQUIRED);
	vmx_l1d_exit();
	return ok;
}

static bool no_memory(void)
{
	bool ok;

	affected(L1TF_MITIGATION_FLUSH);
	shim_fail_alloc = 1;
	ok = vmx_l1d_init() == -ENOMEM && l1tf_vmx_mitigation == VMENTER_L1D_FLUSH_AUTO;
	/* What was in force stays. */
	param_ops->set("never", NULL);
	ok &= !vmx_l1d_init();
	shim_fail_alloc = 1;
	ok &= param_ops->set("cond", NULL) == -ENOMEM && in_force_is(VMENTER_L1D_FLUSH_NEVER) &&
	      asked == VMENTER_L1D_FLUSH_NEVER;
	shim_fail_alloc = 0;
	ok &= !param_ops->set("cond", NULL) && in_force_is(VMENTER_L1D_FLUSH_COND);
	vmx_l1d_exit();
	return ok;
}

/* A write of the parameter that was under way while the module was unloaded does nothing. */
static bool too_late(void)
{
	affected(L1TF_MITIGATION_FLUSH);
	vmx_l1d_init();
	vmx_l1d_exit();
	return !param_ops->set("always", NULL) && !vmx_l1d_on && !pages_made &&
	       l1tf_vmx_mitigation == VMENTER_L1D_FLUSH_AUTO;
}

/* One line for SMT and one for "never", where this l1tf= wants warnings. */
static bool warns(void)
{
	unsigned int boot, bits;
	bool ok = true;

	for (boot = 0; boot < NR_BOOTS; boot++) {
		for (bits = 0; bits < 8; bits++) {
			bool never = bits & 2;
			unsigned int want;

			affected(boot);
			smt = bits & 1;
			has_bug = !(bits & 4);
			vmx_l1d_init();
			if (never)
				param_ops->set("never", NULL);
			warnings = 0;
			vmx_l1d_warn();
			want = has_bug && expected_warning[boot] ? smt + never : 0;
			ok &= warnings == want;
			vmx_l1d_exit();
		}
	}
	return ok;
}

static bool flushed(struct kvm_vcpu *vcpu, bool data, bool mark)
{
	unsigned int before = commands;
	u64 count = vcpu->stat.l1d_flush;

	vcpu->mem.host_data = data;
	irq_mark = mark;
	vmx_l1d_flush(vcpu);
	return !vcpu->mem.host_data && !irq_mark && commands != before &&
	       commands - before == vcpu->stat.l1d_flush - count;
}

static bool conditional(void)
{
	struct kvm_vcpu vcpu = {};
	bool ok;

	affected(L1TF_MITIGATION_FLUSH);
	has_command = true;
	ok = !vmx_l1d_init() && !flushed(&vcpu, false, false) && flushed(&vcpu, true, false) &&
	     !flushed(&vcpu, false, false) && flushed(&vcpu, false, true) &&
	     flushed(&vcpu, true, true);
	ok &= !param_ops->set("always", NULL) && flushed(&vcpu, false, false) &&
	      flushed(&vcpu, true, true);
	vmx_l1d_exit();
	return ok && !pages_made;
}

/* Which pages were read, and how often the handler was needed. */
static u32 pages_read;
static u8 *watched;

static void on_fault(int sig, siginfo_t *info, void *ctx)
{
	unsigned long page = ((u8 *)info->si_addr - watched) / PAGE_SIZE;

	if (page > 15)
		_exit(9);
	pages_read |= 1u << page;
	mprotect(watched + page * PAGE_SIZE, PAGE_SIZE, PROT_READ);
}

/* Twice 32 KiB; every page, none equal to another. */
static bool by_software(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct kvm_vcpu vcpu = {};
	unsigned int before = commands;
	bool ok = true;
	int i, j;

	affected(L1TF_MITIGATION_FULL);
	vmx_l1d_init();
	watched = pages_made;
	for (i = 0; i < 16; i++)
		for (j = 0; j < i; j++)
			ok &= !!memcmp(watched + i * PAGE_SIZE, watched + j * PAGE_SIZE, PAGE_SIZE);
	sigaction(SIGSEGV, &sa, NULL);
	mprotect(watched, 16 * PAGE_SIZE, PROT_NONE);
	vmx_l1d_flush(&vcpu);
	signal(SIGSEGV, SIG_DFL);
	ok &= pages_read == 0xffff && vcpu.stat.l1d_flush == 1 && commands == before;
	mprotect(watched, 16 * PAGE_SIZE, PROT_READ | PROT_WRITE);
	vmx_l1d_exit();
	return ok;
}

int main(void)
{
	char name[60];
	int boot;

	ktap_start(NR_BOOTS * 4 + NR_BOOTS + 7);
	every_load();
	for (boot = 0; boot < NR_BOOTS; boot++) {
		snprintf(name, sizeof(name), "changed at run time, l1tf=%s", boots[boot]);
		ktap_result(changes(boot), name);
	}
	ktap_result(bad_values(), "bad values");
	ktap_result(healthy_cpu(), "a CPU without the flaw");
	ktap_result(no_memory(), "no memory for the buffer");
	ktap_result(too_late(), "a write after the end");
	ktap_result(warns(), "lines in the log");
	ktap_result(conditional(), "flush on condition and always");
	ktap_result(by_software(), "flush by reading a buffer");
	return ktap_end();
}
