// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm-intel.ko: the name under which distributions load kvm and tools look for
 * its parameters. Everything is in kvm.ko; this module shows the parameters in
 * force there, and hands on the ones it is given.
 */
#define pr_fmt(fmt) "kvm_intel: " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <asm/cpu_device_id.h>
#include "params.h"

static struct kvmx_params want;
static bool want_any;

/* The field of @where that @kp, which names one of want, stands for. */
static struct kernel_param field_of(struct kvmx_params *where, const struct kernel_param *kp)
{
	struct kernel_param field = *kp;

	field.arg = (void *)where + (kp->arg - (void *)&want);
	return field;
}

/* Parameters are parsed before the init function, and writable at no other time. */
static struct kernel_param first_want(const struct kernel_param *kp)
{
	if (!want_any)
		want = kvmx_params;
	want_any = true;
	return field_of(&want, kp);
}

static int set_bool(const char *val, const struct kernel_param *kp)
{
	struct kernel_param field = first_want(kp);

	return param_set_bool(val, &field);
}

static int get_bool(char *buf, const struct kernel_param *kp)
{
	struct kernel_param field = field_of(&kvmx_params, kp);

	return param_get_bool(buf, &field);
}

static int set_uint(const char *val, const struct kernel_param *kp)
{
	struct kernel_param field = first_want(kp);

	return param_set_uint(val, &field);
}

static int get_uint(char *buf, const struct kernel_param *kp)
{
	struct kernel_param field = field_of(&kvmx_params, kp);

	return param_get_uint(buf, &field);
}

static const struct kernel_param_ops bool_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = set_bool,
	.get = get_bool,
};

static const struct kernel_param_ops uint_ops = {
	.set = set_uint,
	.get = get_uint,
};

#define MIRROR(name, type)						\
	module_param_cb(name, &type##_ops, &want.name, 0444);		\
	__MODULE_PARM_TYPE(name, #type);				\
	MODULE_PARM_DESC(name, "As in kvm.ko; see Documentation/parameters.rst")

MIRROR(ept, bool);
MIRROR(unrestricted_guest, bool);
MIRROR(vpid, bool);
MIRROR(eptad, bool);
MIRROR(pml, bool);
MIRROR(vnmi, bool);
MIRROR(preemption_timer, bool);
MIRROR(ple_gap, uint);
MIRROR(ple_window, uint);
MIRROR(nested, bool);
MIRROR(enable_apicv, bool);
MIRROR(enable_ipiv, bool);
MIRROR(flexpriority, bool);
MIRROR(fasteoi, bool);
MIRROR(emulate_invalid_guest_state, bool);

/* vmentry_l1d_flush: the one that can be changed later as well. */
static int want_l1d = -1;
static bool ready;

static int set_l1d_flush(const char *val, const struct kernel_param *kp)
{
	int asked = vmx_l1d_parse(val);

	if (asked < 0 || ready)
		return asked < 0 ? asked : vmx_l1d_ask(asked);
	want_l1d = asked;
	return 0;
}

static const struct kernel_param_ops l1d_flush_ops = {
	.set = set_l1d_flush,
	.get = vmx_l1d_get,
};

module_param_cb(vmentry_l1d_flush, &l1d_flush_ops, NULL, 0644);
MODULE_PARM_DESC(vmentry_l1d_flush, "As in kvm.ko; see Documentation/parameters.rst");

static int __init kvm_intel_init(void)
{
	int ret = want_any ? kvmx_params_change(&want) : 0;

	if (ret == -EBUSY)
		pr_err("a VM is running: parameters can be given when none is\n");
	if (!ret && want_l1d >= 0)
		ret = vmx_l1d_ask(want_l1d);
	/* What l1tf=full,force has settled is no reason to refuse the module. */
	if (ret == -EPERM)
		ret = 0;
	ready = !ret;
	return ret;
}
module_init(kvm_intel_init);

static void __exit kvm_intel_exit(void)
{
}
module_exit(kvm_intel_exit);

static const struct x86_cpu_id kvm_intel_cpus[] = {
	X86_MATCH_FEATURE(X86_FEATURE_VMX, NULL),
	{}
};
MODULE_DEVICE_TABLE(x86cpu, kvm_intel_cpus);

MODULE_DESCRIPTION("kvmx: the kvm_intel name and its parameters, for kvm.ko");
MODULE_LICENSE("GPL");
