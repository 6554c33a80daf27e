// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm_init() with each of its steps failing in turn: what the steps before it took is given
 * back, once, and the next load starts from nothing. kvm_main.c is run as it is; the functions
 * it calls in other folders, which the Makefile copies out of their files, are the real ones as
 * far as they take something: caches, workqueues, pages, notifiers, handlers.
 */
#include <kernel.h>
#include "async_pf.h"
#include "compat/compat.h"
#include "complaint.h"
#include "ioctl.h"
#include "irqfd.h"
#include "ktap.h"
#include "mmu.h"
#include "params.h"
#include "pv.h"
#include "state.h"
#include "vcpu.h"
#include "vmx.h"

/* --- what is taken, and what fails --- */

#define CPUS		2
#define MAX_HELD	64
#define MAX_STEPS	64

static struct { const char *what; const void *p; } held[MAX_HELD];
static int nr_held;
static int step, fail_at;		/* the step of this number fails; 0: none */
static int error;			/* with this */
static const char *steps[MAX_STEPS + 1];

static int count(const char *what)
{
	int i, n = 0;

	for (i = 0; i < nr_held; i++)
		n += !strcmp(held[i].what, what);
	return n;
}

/* A step that may fail, with @err then. */
static int may_fail(const char *what, int err)
{
	SHIM_CHECK(step < MAX_STEPS);
	steps[++step] = what;
	if (step != fail_at)
		return 0;
	error = err;
	return err;
}

static void take(const char *what, const void *p)
{
	SHIM_CHECK(nr_held < MAX_HELD);
	held[nr_held].what = what;
	held[nr_held++].p = p;
}

static void give_back(const char *what, const void *p)
{
	int i;

	for (i = nr_held - 1; i >= 0; i--) {
		if (strcmp(held[i].what, what) || held[i].p != p)
			continue;
		held[i] = held[--nr_held];
		return;
	}
	right(false, "%s is given back and was not taken", what);
}

/* One of a kind: a notifier, a handler, a device. */
static int take_one(const char *what, const void *p, int err)
{
	int r = may_fail(what, err);

	right(!count(what), "%s is there already", what);
	if (!r)
		take(what, p);
	return r;
}

static void *allocate(const char *what)
{
	void *p;

	if (may_fail(what, -ENOMEM))
		return NULL;
	p = calloc(1, PAGE_SIZE);
	SHIM_CHECK(p);
	take(what, p);
	return p;
}

static void release(const char *what, void *p)
{
	give_back(what, p);
	free(p);
}

/* --- the kernel --- */

#define kmem_cache_create(name, ...)	allocate("cache " name)
#define KMEM_CACHE(type, flags)		allocate("cache " #type)
#define alloc_workqueue(name, ...)	allocate("workqueue " name)
#define alloc_percpu(type)		allocate("per-CPU " #type)
#define alloc_pages_node(node, gfp, order)	((void)(node), allocate("VMXON region"))
#define page_address(page)		((void *)(page))
#define free_percpu(p)			release_if("per-CPU struct user_return", p)
#undef free_page
#define free_page(p)			release("VMXON region", (void *)(p))

static void release_if(const char *what, void *p)
{
	if (p)
		release(what, p);
}

/* The name of what is at @p, which is taken. */
static const char *name_of(const void *p)
{
	int i;

	for (i = 0; i < nr_held; i++)
		if (held[i].p == p)
			return held[i].what;
	return "what is not held";
}

#define kmem_cache_destroy(p)		do { if (p) release(name_of(p), p); } while (0)
#define destroy_workqueue(p)		release(name_of(p), p)

#define NUMA_NO_NODE			(-1)
#define cpu_to_node(cpu)		((void)(cpu), 0)
#define SLAB_ACCOUNT			0
#define WQ_UNBOUND			0
#define WQ_UNBOUND_MAX_ACTIVE		0
#define DEFINE_PER_CPU(type, name)	__typeof__(type) name[CPUS]
#define per_cpu(name, cpu)		((name)[cpu])
#define per_cpu_ptr(p, cpu)		(&(*(p))[cpu])
#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < CPUS; (cpu)++)
#define cpus_read_lock()		((void)0)
#define cpus_read_unlock()		((void)0)

struct notifier_block { int (*notifier_call)(struct notifier_block *, unsigned long, void *); };
struct syscore_ops { int (*suspend)(void); void (*resume)(void); };
struct syscore { const void *ops; };
struct file_operations { void *owner, *unlocked_ioctl, *compat_ioctl, *llseek; };
struct miscdevice { int minor; const char *name; const struct file_operations *fops; };
struct kmem_cache;
struct workqueue_struct;

#define NOTIFY_OK			1
#define CPUHP_AP_KVM_ONLINE		1
#define CPUHP_AP_KVM_STARTING		1
#define KVM_MINOR			232
#define compat_ptr_ioctl		NULL
#define noop_llseek			NULL
#define boot_cpu_has(feature)		0
#define xgetbv(which)			0
#define rdmsrl(msr, val)		((val) = 0)
#undef pr_err
#define pr_err(...)			((void)0)
#define pr_info(...)			snprintf((char [256]) { }, 256, __VA_ARGS__)
#define DEFINE_MUTEX(name)		struct mutex name
#define module_init(fn)
#define module_exit(fn)
#define MODULE_AUTHOR(s)
#define MODULE_DESCRIPTION(s)
#define MODULE_LICENSE(s)
#define MODULE_VERSION(s)
#define MODULE_ALIAS(s)
#define MODULE_ALIAS_MISCDEV(minor)

/* Its argument may be a void pointer. */
#undef atomic_set
static void atomic_set(atomic_t *a, int val)
{
	a->counter = val;
}

static void on_each_cpu(void (*fn)(void *), void *arg, bool wait)
{
	int cpu;

	for (cpu = 0; cpu < CPUS; cpu++)
		fn(arg);
}

/* From here on a CPU that comes may run VMXON: all that it takes is there. */
static int cpuhp_setup_state_nocalls(int state, const char *name, int (*up)(unsigned int),
				     int (*down)(unsigned int))
{
	right(count("VMXON region") == CPUS && count("per-CPU struct user_return") == 1,
	      "CPUs may come before they are prepared");
	return take_one("CPU hotplug", NULL, -ENOSPC);
}

static void cpuhp_remove_state_nocalls(int state)
{
	right(count("VMXON region") == CPUS && count("per-CPU struct user_return") == 1,
	      "CPUs may come when nothing is prepared any more");
	give_back("CPU hotplug", NULL);
}

/* These do not fail. */
#define register_reboot_notifier(nb)	take("reboot notifier", nb)
#define unregister_reboot_notifier(nb)	give_back("reboot notifier", nb)
#define register_syscore(ops)		take("suspend", ops)
#define unregister_syscore(ops)		give_back("suspend", ops)
#define register_syscore_ops(ops)	take("suspend", ops)
#define unregister_syscore_ops(ops)	give_back("suspend", ops)
#define cpu_emergency_register_virt_callback(fn)	take("emergency callback", fn)
#define cpu_emergency_unregister_virt_callback(fn)	give_back("emergency callback", fn)

static const void *wakeup_handler;

static void kvm_set_posted_intr_wakeup_handler(void (*handler)(void))
{
	right(!handler || !wakeup_handler, "the wake-up handler is set twice");
	wakeup_handler = handler;
}

static int pvclock_gtod_register_notifier(struct notifier_block *nb)
{
	return take_one("clock notifier", nb, -EEXIST);
}

static void pvclock_gtod_unregister_notifier(struct notifier_block *nb)
{
	give_back("clock notifier", nb);
}

/* The last step: when /dev/kvm can be opened, all other steps are done. */
static int misc_register(struct miscdevice *dev)
{
	return take_one("/dev/kvm", dev, -EBUSY);
}

static int at_deregister;		/* steps' things held when the device goes */

static void misc_deregister(struct miscdevice *dev)
{
	at_deregister = nr_held;
	give_back("/dev/kvm", dev);
}

/* --- what kvm_init() calls in other folders --- */

struct vmx_caps vmx_caps;
static struct workqueue_struct *cleanup_wq, *async_pf_workers;
static struct kmem_cache *vcpu_cache, *async_pf_cache;
static struct kvm_ioctl_table vcpu_table, vm_table, device_table;
static struct notifier_block host_clock_nb;
static struct work_struct tell_work;
struct user_return;
static struct user_return *user_return;

struct vmcs_region { u32 revision; };
struct wakeup_list { raw_spinlock_t lock; struct list_head vcpus; };
static DEFINE_PER_CPU(struct vmcs_region *, vmxon_region);
static DEFINE_PER_CPU(struct wakeup_list, wakeup_list);

#define irq_work_sync(work)	((void)0)

static void on_wakeup_vector(void)
{
}

int kvm_ioctl_index(struct kvm_ioctl_table *t)
{
	return may_fail("ioctl table", -EINVAL);
}

/* Each takes one thing or nothing, whatever the real one takes. */
int kvm_mmu_module_init(void) { return take_one("mmu", NULL, -ENOMEM); }
void kvm_mmu_module_exit(void) { give_back("mmu", NULL); }
int vmx_setup(void) { return may_fail("vmx_setup", -EOPNOTSUPP); }
int vmx_check_cpu(void) { return may_fail("vmx_check_cpu", -EIO); }
int kvm_cpuid_module_init(void) { return may_fail("kvm_cpuid_module_init", -ENOMEM); }
int kvm_msr_module_init(void) { return may_fail("kvm_msr_module_init", -EINVAL); }
int vmx_l1d_init(void) { return take_one("L1D flush", NULL, -ENOMEM); }
void vmx_l1d_exit(void) { give_back("L1D flush", NULL); }
void kvm_vmcs_percpu_init(int cpu) { }

/* No ioctl is called. */
static long no_ioctl(struct kvm_ioctl_args *a)
{
	return 0;
}

#define kvm_dev_ioctl_get_msr_index_list		no_ioctl
#define kvm_dev_ioctl_get_supported_cpuid		no_ioctl
#define kvm_dev_ioctl_get_emulated_cpuid		no_ioctl
#define kvm_dev_ioctl_get_msr_feature_index_list	no_ioctl
#define kvm_ioctl_get_msrs				no_ioctl
#define kvm_dev_ioctl_get_mce_cap			no_ioctl
#define kvm_dev_ioctl_get_device_attr			no_ioctl
#define kvm_dev_ioctl_has_device_attr			no_ioctl
/* The operations of pv/clock.c have the name that those of vmx/power.c have. */
#pragma push_macro("kvmx_syscore_register")
#pragma push_macro("kvmx_syscore_unregister")
#undef kvmx_syscore_register
#undef kvmx_syscore_unregister
#define kvmx_syscore_register()		take("suspend of the clocks", NULL)
#define kvmx_syscore_unregister()	give_back("suspend of the clocks", NULL)
#include "init-functions.h"
#pragma pop_macro("kvmx_syscore_register")
#pragma pop_macro("kvmx_syscore_unregister")

#define KVMX_VMX_INTERNAL_H		/* no VMCS here */
#include "../vmx/power.c"
#include "../kvm_main.c"

/* Not called: no VM is made here. */
int vmx_hardware_enable(void) { return 0; }
void vmx_hardware_disable(void) { }
void vmx_emergency_disable(void) { }
const char *vmx_feature_line(char *buf, size_t len) { return ""; }
int kvm_check_extension(struct kvm *kvm, u32 cap) { return 0; }
long kvm_dev_ioctl_create_vm(unsigned long type) { return 0; }
const struct kvm_ioctl *kvm_ioctl_find(const struct kvm_ioctl_table *t, unsigned int cmd)
{
	return NULL;
}

long kvm_ioctl_dispatch(const struct kvm_ioctl *e, struct kvm_ioctl_args *a)
{
	return 0;
}

/* --- the tests --- */

static int load_failing_at(int n)
{
	step = 0;
	fail_at = n;
	error = 0;
	wrong[0] = 0;
	return kvm_init();
}

static void all_is_given_back(void)
{
	right(!nr_held, "%s is left", nr_held ? held[0].what : "");
	right(!wakeup_handler, "the wake-up handler is left");
	/* The next case starts from nothing. */
	nr_held = 0;
	wakeup_handler = NULL;
}

static void report(const char *name)
{
	if (wrong[0])
		printf("# %s: %s\n", name, wrong);
	ktap_result(!wrong[0], name);
}

static void check_failure(int n)
{
	char name[80];
	int r = load_failing_at(n);

	right(r < 0 && r == error, "kvm_init() returns %d, not %d", r, error);
	/* A call of all CPUs goes on to the others. */
	right(step == n || !strcmp(steps[step], steps[n]), "kvm_init() goes on to %s", steps[step]);
	all_is_given_back();
	snprintf(name, sizeof(name), "step %d, %s, fails", n, steps[n]);
	report(name);
}

static void check_success(const char *name)
{
	int all;

	right(!load_failing_at(0), "kvm_init() fails");
	all = nr_held;
	right(wakeup_handler && all > 10, "only %d things are held", all);
	right(!strcmp(steps[step], "/dev/kvm"), "%s comes after /dev/kvm", steps[step]);
	kvm_exit();
	right(at_deregister == all, "something goes before /dev/kvm");
	all_is_given_back();
	report(name);
}

int main(void)
{
	int i, n;

	load_failing_at(0);
	n = step;
	kvm_exit();
	all_is_given_back();
	ktap_start(n + 2);
	check_success("load and unload");
	for (i = 1; i <= n; i++)
		check_failure(i);
	check_success("load after the failures");
	return ktap_end();
}
