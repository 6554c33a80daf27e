// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices and an IOMMU for posting_test: each open file of /dev/fake_irq is a device
 * with one interrupt, which it gives to an eventfd as vfio does. The interrupt's chip
 * takes the vCPU's descriptor and posts to it by the rules of VT-d 5.2.3.
 */
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/irq.h>
#include <linux/irqbypass.h>
#include <linux/irqdesc.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/irq_remapping.h>
#include "compat/ipi.h"
#include "fake_irq.h"

#define ON	BIT_ULL(0)
#define SN	BIT_ULL(1)

static bool posts = true;
module_param(posts, bool, 0644);
MODULE_PARM_DESC(posts, "The kernel takes the IOMMU for one that posts interrupts");

struct descriptor {
	u64 pir[4];
	u64 control;
};

struct fake_irq {
	struct mutex lock;		/* of the device's owner */
	struct irq_bypass_producer producer;
	struct eventfd_ctx *eventfd;	/* NULL: not attached */
	raw_spinlock_t entry_lock;	/* what follows: the IOMMU's entry */
	struct fake_irq_state state;
	bool refuses;
};

static struct descriptor *descriptor(const struct fake_irq *f)
{
	return f->state.descriptor ? phys_to_virt(f->state.descriptor) : NULL;
}

static int set_vcpu_affinity(struct irq_data *d, void *info)
{
	struct fake_irq *f = irq_data_get_irq_chip_data(d);
	struct vcpu_data *data = info;
	int r = 0;

	raw_spin_lock(&f->entry_lock);
	if (!data) {
		f->state.descriptor = 0;
		f->state.returned++;
	} else if (f->refuses) {
		r = -EIO;
	} else {
		f->state.descriptor = data->pi_desc_addr;
		f->state.vector = data->vector;
		f->state.posted++;
	}
	raw_spin_unlock(&f->entry_lock);
	return r;
}

static struct irq_chip chip = {
	.name = "fake_irq",
	.irq_set_vcpu_affinity = set_vcpu_affinity,
};

static int cpu_of(u64 control)
{
	u32 dest = control >> 32;
	int cpu;

	for_each_online_cpu(cpu)
		if (cpu_physical_id(cpu) == (x2apic_mode ? dest : dest >> 8))
			return cpu;
	return -1;
}

static bool post(struct fake_irq *f)
{
	struct descriptor *d;
	unsigned long flags;
	u64 old, new;

	/* entry_lock: a change of the entry waits for interrupts that use the old one. */
	raw_spin_lock_irqsave(&f->entry_lock, flags);
	d = descriptor(f);
	if (!d) {
		raw_spin_unlock_irqrestore(&f->entry_lock, flags);
		return false;
	}
	set_bit(f->state.vector, (unsigned long *)d->pir);
	old = READ_ONCE(d->control);
	do {
		new = old & SN ? old : old | ON;
	} while (!try_cmpxchg(&d->control, &old, new));
	if (!(old & (ON | SN)) && cpu_of(old) >= 0)
		kvmx_send_ipi(cpu_of(old), old >> 16 & 0xff);
	raw_spin_unlock_irqrestore(&f->entry_lock, flags);
	return true;
}

static struct fake_irq_state state_of(struct fake_irq *f)
{
	struct fake_irq_state s;
	unsigned long flags;

	raw_spin_lock_irqsave(&f->entry_lock, flags);
	s = f->state;
	s.control = descriptor(f) ? READ_ONCE(descriptor(f)->control) : 0;
	s.cpu = descriptor(f) ? cpu_of(s.control) : -1;
	raw_spin_unlock_irqrestore(&f->entry_lock, flags);
	return s;
}

static int attach(struct fake_irq *f, int fd)
{
	struct eventfd_ctx *ctx;
	int r;

	if (f->eventfd)
		return -EBUSY;
	ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	f->producer.token = ctx;
	r = irq_bypass_register_producer(&f->producer);
	if (r) {
		eventfd_ctx_put(ctx);
		return r;
	}
	f->eventfd = ctx;
	return 0;
}

static void detach(struct fake_irq *f)
{
	if (!f->eventfd)
		return;
	irq_bypass_unregister_producer(&f->producer);
	eventfd_ctx_put(f->eventfd);
	f->eventfd = NULL;
}

static long locked_ioctl(struct fake_irq *f, unsigned int cmd, void __user *arg)
{
	struct fake_irq_state s;
	s32 value = 0;

	if (_IOC_DIR(cmd) == _IOC_WRITE && get_user(value, (s32 __user *)arg))
		return -EFAULT;
	switch (cmd) {
	case FAKE_IRQ_ATTACH:
		return attach(f, value);
	case FAKE_IRQ_DETACH:
		detach(f);
		return 0;
	case FAKE_IRQ_RAISE:
		return post(f);
	case FAKE_IRQ_STATE:
		s = state_of(f);
		return copy_to_user(arg, &s, sizeof(s)) ? -EFAULT : 0;
	case FAKE_IRQ_REFUSE:
		f->refuses = value;
		return 0;
	}
	return -ENOTTY;
}

static long fake_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct fake_irq *f = file->private_data;
	long r;

	mutex_lock(&f->lock);
	r = locked_ioctl(f, cmd, (void __user *)arg);
	mutex_unlock(&f->lock);
	return r;
}

static int fake_open(struct inode *inode, struct file *file)
{
	struct fake_irq *f = kzalloc(sizeof(*f), GFP_KERNEL);
	int irq;

	if (!f)
		return -ENOMEM;
	irq = irq_alloc_desc(NUMA_NO_NODE);
	if (irq < 0) {
		kfree(f);
		return irq;
	}
	mutex_init(&f->lock);
	raw_spin_lock_init(&f->entry_lock);
	irq_set_chip_and_handler(irq, &chip, handle_simple_irq);
	irq_set_chip_data(irq, f);
	f->producer.irq = irq;
	file->private_data = f;
	return 0;
}

static int fake_release(struct inode *inode, struct file *file)
{
	struct fake_irq *f = file->private_data;

	detach(f);
	irq_free_desc(f->producer.irq);
	kfree(f);
	return 0;
}

static const struct file_operations fops = {
	.owner = THIS_MODULE,
	.open = fake_open,
	.release = fake_release,
	.unlocked_ioctl = fake_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "fake_irq",
	.fops = &fops,
};

static int on_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (posts)
		regs_set_return_value(regs, 1);
	return 0;
}

static struct kretprobe remapping_cap = {
	.kp.symbol_name = "irq_remapping_cap",
	.handler = on_return,
	.maxactive = 16,
};

static int __init fake_init(void)
{
	int r = register_kretprobe(&remapping_cap);

	if (r)
		return r;
	r = misc_register(&device);
	if (r)
		unregister_kretprobe(&remapping_cap);
	return r;
}

static void __exit fake_exit(void)
{
	misc_deregister(&device);
	unregister_kretprobe(&remapping_cap);
}

module_init(fake_init);
module_exit(fake_exit);

MODULE_DESCRIPTION("Interrupts to post, for tests");
MODULE_LICENSE("GPL");
