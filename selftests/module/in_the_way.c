// SPDX-License-Identifier: GPL-2.0-only
/* Takes one of the things that kvm_init() asks the kernel for, so that it fails there. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/string.h>
#include "compat/compat.h"

static char *what = "misc";
module_param(what, charp, 0);
MODULE_PARM_DESC(what, "misc: the minor number of /dev/kvm; cpuhp: KVM's state of CPU hotplug");

static bool hotplug;

static const struct file_operations fops = { .owner = THIS_MODULE };

static struct miscdevice dev = {
	.minor = KVM_MINOR,
	.name = "in_the_way",
	.fops = &fops,
};

static int stay(unsigned int cpu)
{
	return 0;
}

static int __init in_the_way_init(void)
{
	hotplug = !strcmp(what, "cpuhp");
	if (!hotplug)
		return misc_register(&dev);
	return cpuhp_setup_state_nocalls(KVMX_CPUHP_STATE, "in_the_way", stay, stay);
}

static void __exit in_the_way_exit(void)
{
	if (hotplug)
		cpuhp_remove_state_nocalls(KVMX_CPUHP_STATE);
	else
		misc_deregister(&dev);
}

module_init(in_the_way_init);
module_exit(in_the_way_exit);
MODULE_DESCRIPTION("Has what kvm_init() wants");
MODULE_LICENSE("GPL");
