// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET_STATS_FD: a file with a header, an id, descriptors and the values of a VM's or a
 * vCPU's counters. Documentation/virt/kvm/api.rst of the kernel, 4.133.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "ioctl.h"
#include "stats.h"
#include "vcpu.h"

#define FLAGS(_type, _unit)	(KVM_STATS_TYPE_##_type | KVM_STATS_UNIT_##_unit | \
				 KVM_STATS_BASE_POW10)
#define COUNT	FLAGS(CUMULATIVE, NONE), 0
#define NS	FLAGS(CUMULATIVE, SECONDS), -9
#define FLAG	FLAGS(INSTANT, BOOLEAN), 0
#define LEVEL	FLAGS(INSTANT, NONE), 0

struct stat_row {
	const char *name;
	u32 flags;
	s16 exponent;
};

#define ROW(_name, ...)	{ #_name, __VA_ARGS__ },

static const struct stat_row vcpu_stats[] = {
	KVM_VCPU_STATS(ROW)
};

static_assert(sizeof(struct kvm_vcpu_stat) == ARRAY_SIZE(vcpu_stats) * sizeof(u64));

static const struct stat_row vm_stats[] = {
	ROW(remote_tlb_flush, COUNT)
	ROW(mmu_tables, LEVEL)
};

/* struct kvm_stats_desc with its name; headers do not agree on how long that is. */
struct stat_desc {
	__u32 flags;
	__s16 exponent;
	__u16 size;
	__u32 offset;
	__u32 bucket_size;
	char name[KVM_STATS_NAME_SIZE];
};

static_assert(offsetof(struct stat_desc, name) == offsetof(struct kvm_stats_desc, name));

/* The file as it is read. */
struct image {
	struct kvm_stats_header header;
	char id[KVM_STATS_NAME_SIZE];
	struct stat_desc desc[];
	/* Then the values. */
};

static ssize_t read_image(const struct kvm *kvm, const struct kvm_vcpu *vcpu, char __user *buf,
			  size_t len, loff_t *pos)
{
	const struct stat_row *stats = vcpu ? vcpu_stats : vm_stats;
	u32 n = vcpu ? ARRAY_SIZE(vcpu_stats) : ARRAY_SIZE(vm_stats), i;
	struct image *im;
	size_t size = struct_size(im, desc, n);
	u64 *values;
	ssize_t r;

	im = kzalloc(size + n * sizeof(u64), GFP_KERNEL_ACCOUNT);
	if (!im)
		return -ENOMEM;
	values = (void *)im + size;
	im->header.name_size = KVM_STATS_NAME_SIZE;
	im->header.num_desc = n;
	im->header.id_offset = offsetof(struct image, id);
	im->header.desc_offset = offsetof(struct image, desc);
	im->header.data_offset = size;
	if (vcpu)
		snprintf(im->id, sizeof(im->id), "kvm-%d/vcpu-%d", kvm->creator, vcpu->vcpu_id);
	else
		snprintf(im->id, sizeof(im->id), "kvm-%d", kvm->creator);
	for (i = 0; i < n; i++) {
		im->desc[i].flags = stats[i].flags;
		im->desc[i].exponent = stats[i].exponent;
		im->desc[i].size = 1;
		im->desc[i].offset = i * sizeof(u64);
		strscpy(im->desc[i].name, stats[i].name, KVM_STATS_NAME_SIZE);
		if (vcpu)
			values[i] = READ_ONCE(((const u64 *)&vcpu->stat)[i]);
	}
	if (!vcpu) {
		values[0] = atomic64_read(&kvm->mmu.tlb_gen);
		values[1] = atomic_long_read(&kvm->mmu.pages);
	}
	r = simple_read_from_buffer(buf, len, pos, im, size + n * sizeof(u64));
	kfree(im);
	return r;
}

static ssize_t vm_stats_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	return read_image(file->private_data, NULL, buf, len, pos);
}

static ssize_t vcpu_stats_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	const struct kvm_vcpu *vcpu = file->private_data;

	return read_image(vcpu->kvm, vcpu, buf, len, pos);
}

static int vm_stats_release(struct inode *inode, struct file *file)
{
	kvm_put_kvm(file->private_data);
	return 0;
}

static int vcpu_stats_release(struct inode *inode, struct file *file)
{
	struct kvm_vcpu *vcpu = file->private_data;

	kvm_put_kvm(vcpu->kvm);
	return 0;
}

static const struct file_operations vm_stats_fops = {
	.owner = THIS_MODULE,
	.read = vm_stats_read,
	.release = vm_stats_release,
	.llseek = default_llseek,
};

static const struct file_operations vcpu_stats_fops = {
	.owner = THIS_MODULE,
	.read = vcpu_stats_read,
	.release = vcpu_stats_release,
	.llseek = default_llseek,
};

/* @what lives as long as @kvm, to which the file has a reference. */
static long open_stats(struct kvm *kvm, const char *name, const struct file_operations *fops,
		       void *what)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		return fd;
	file = anon_inode_getfile(name, fops, what, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	/* It has positions, unlike most files of this kind. */
	file->f_mode |= FMODE_PREAD | FMODE_LSEEK;
	kvm_get_kvm(kvm);
	fd_install(fd, file);
	return fd;
}

/** kvm_vm_ioctl_get_stats_fd - KVM_GET_STATS_FD of a VM */
long kvm_vm_ioctl_get_stats_fd(struct kvm_ioctl_args *a)
{
	return open_stats(a->kvm, "kvm-vm-stats", &vm_stats_fops, a->kvm);
}

/** kvm_vcpu_ioctl_get_stats_fd - KVM_GET_STATS_FD of a vCPU, which may be running */
long kvm_vcpu_ioctl_get_stats_fd(struct kvm_ioctl_args *a)
{
	return open_stats(a->kvm, "kvm-vcpu-stats", &vcpu_stats_fops, a->vcpu);
}

static const struct kvm_cap caps[] = {
	{ KVM_CAP_BINARY_STATS_FD, 1 },
};

KVM_CAP_TABLE(kvm_caps_stats, caps);
