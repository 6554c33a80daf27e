// SPDX-License-Identifier: GPL-2.0-only
/* The file of guest_memfd: KVM_CREATE_GUEST_MEMFD, fallocate(), and the slots that map it. */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/module.h>
#include "compat/compat.h"
#include "compat/gmem.h"
#include "guest_memfd.h"
#include "ioctl.h"
#include "mmu.h"
#include "uapi/kvm_guest_memfd.h"

static int gmem_release(struct inode *inode, struct file *file)
{
	struct kvm_gmem *gmem = file->private_data;
	struct kvm *kvm = kvm_gmem_kvm(gmem);

	kvm_gmem_close(gmem);
	kvm_gmem_put(gmem);
	kvm_put_kvm(kvm);
	return 0;
}

static long gmem_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct kvm_gmem *gmem = file->private_data;
	loff_t size = i_size_read(file_inode(file));
	bool hole = mode & FALLOC_FL_PUNCH_HOLE;

	/* The size stays what it is. */
	if (!(mode & FALLOC_FL_KEEP_SIZE) ||
	    (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)))
		return -EOPNOTSUPP;
	if (!PAGE_ALIGNED(offset | len))
		return -EINVAL;
	if (offset >= size || len > size - offset) {
		if (!hole)
			return -EINVAL;
		/* Behind the end there is nothing to take away. */
		if (offset >= size)
			return 0;
		len = size - offset;
	}
	if (!hole)
		return kvm_gmem_allocate(gmem, offset >> PAGE_SHIFT,
					 (offset + len - 1) >> PAGE_SHIFT);
	kvm_gmem_punch_hole(gmem, offset >> PAGE_SHIFT, (offset + len - 1) >> PAGE_SHIFT);
	return 0;
}

static const struct file_operations gmem_fops = {
	.owner = THIS_MODULE,
	.release = gmem_release,
	.fallocate = gmem_fallocate,
};

/* Neither the size nor anything else of it is changed. */
static int gmem_setattr(struct kvmx_idmap *idmap, struct dentry *dentry, struct iattr *attr)
{
	return -EINVAL;
}

static const struct inode_operations gmem_iops = {
	.setattr = gmem_setattr,
};

static struct file *gmem_file(struct kvm *kvm, loff_t size, struct file *vm_file)
{
	struct kvm_gmem *gmem = kvm_gmem_new(kvm);
	struct inode *inode;
	struct file *file;

	if (!gmem)
		return ERR_PTR(-ENOMEM);
	file = kvmx_inode_getfile("[kvm-gmem]", &gmem_fops, gmem, O_RDWR, vm_file);
	if (IS_ERR(file)) {
		kvm_gmem_put(gmem);
		return file;
	}
	/* From here on gmem_release() gives both back. */
	kvm_get_kvm(kvm);
	inode = file_inode(file);
	inode->i_op = &gmem_iops;
	inode->i_mode |= S_IFREG;
	i_size_write(inode, size);
	kvm_gmem_set_inode(gmem, inode);
	return file;
}

/**
 * kvm_vm_ioctl_create_guest_memfd - KVM_CREATE_GUEST_MEMFD
 * @a: struct kvm_create_guest_memfd
 *
 * Any VM can have one; only one with private memory can map it.
 *
 * Return: a file descriptor; -EINVAL for a flag or a size that is not of whole pages; -EMFILE,
 * -ENFILE, -ENOMEM.
 */
long kvm_vm_ioctl_create_guest_memfd(struct kvm_ioctl_args *a)
{
	const struct kvm_create_guest_memfd *arg = a->data;
	struct file *file;
	int fd;

	if (arg->flags || !arg->size || arg->size > MAX_LFS_FILESIZE || !PAGE_ALIGNED(arg->size))
		return -EINVAL;
	fd = get_unused_fd_flags(0);
	if (fd < 0)
		return fd;
	file = gmem_file(a->kvm, arg->size, a->file);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

static int region_with_file(struct kvm *kvm, const struct kvm_userspace_memory_region2 *mem,
			    struct file *file)
{
	struct kvm_gmem *gmem = file->private_data;
	u64 offset = mem->guest_memfd_offset;
	loff_t size = i_size_read(file_inode(file));

	if (file->f_op != &gmem_fops || kvm_gmem_kvm(gmem) != kvm)
		return -EINVAL;
	if (!PAGE_ALIGNED(offset) || offset > size || mem->memory_size > size - offset)
		return -EINVAL;
	return kvm_set_memory_region(kvm, (const struct kvm_userspace_memory_region *)mem,
				     gmem, offset >> PAGE_SHIFT);
}

/**
 * kvm_vm_ioctl_set_memory_region2 - KVM_SET_USER_MEMORY_REGION2
 * @a: struct kvm_userspace_memory_region2, which begins as the shorter form does
 *
 * Return: as of kvm_set_memory_region(); -EBADF no such file; -EINVAL no file of guest_memfd of
 * this VM, or it has no such range.
 */
long kvm_vm_ioctl_set_memory_region2(struct kvm_ioctl_args *a)
{
	const struct kvm_userspace_memory_region2 *mem = a->data;
	struct file *file;
	long r;

	if ((mem->slot & 0xffff) >= KVM_USER_MEM_SLOTS)
		return -EINVAL;
	/* A slot is deleted without its file. */
	if (!(mem->flags & KVM_MEM_GUEST_MEMFD) || !mem->memory_size)
		return kvm_set_memory_region(a->kvm, a->data, NULL, 0);
	file = fget(mem->guest_memfd);
	if (!file)
		return -EBADF;
	r = region_with_file(a->kvm, mem, file);
	fput(file);
	return r;
}

int kvm_cap_guest_memfd(struct kvm *kvm)
{
	return !kvm || kvm->mmu.private_mem;
}
