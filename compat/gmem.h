/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the kernels differ in files without a name and in their pages. */
#ifndef KVMX_COMPAT_GMEM_H
#define KVMX_COMPAT_GMEM_H

#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/version.h>

/* The page of @mapping at @index, made if it is not there, locked, with a reference. */
static inline struct folio *kvmx_grab_folio(struct address_space *mapping, pgoff_t index)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	return filemap_grab_folio(mapping, index);
#else
	struct folio *folio = __filemap_get_folio(mapping, index,
						  FGP_LOCK | FGP_ACCESSED | FGP_CREAT,
						  mapping_gfp_mask(mapping));

	return folio ? folio : ERR_PTR(-ENOMEM);
#endif
}

static inline void kvmx_mapping_set_inaccessible(struct address_space *mapping)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	mapping_set_inaccessible(mapping);
#else
	mapping_set_unevictable(mapping);
#endif
}

/* _fn(mapping, index) is told of a page whose memory is broken, as an operation of a mapping. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define KVMX_ERROR_REMOVE(_fn)							\
static int _fn##_op(struct address_space *mapping, struct folio *folio)	\
{										\
	return _fn(mapping, folio->index);					\
}
#define KVMX_ERROR_REMOVE_OP(_fn)	.error_remove_folio = _fn##_op
#else
#define KVMX_ERROR_REMOVE(_fn)							\
static int _fn##_op(struct address_space *mapping, struct page *page)		\
{										\
	return _fn(mapping, page->index);					\
}
#define KVMX_ERROR_REMOVE_OP(_fn)	.error_remove_page = _fn##_op
#endif

/* What the operations of an inode are told of the mount. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define kvmx_idmap	mnt_idmap
#else
#define kvmx_idmap	user_namespace
#endif

/* A file with an inode of its own; @like is one of the same kind, a VM's for instance. */
static inline struct file *kvmx_inode_getfile(const char *name, const struct file_operations *fops,
					      void *priv, int flags, struct file *like)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	return anon_inode_create_getfile(name, fops, priv, flags, NULL);
#else
	struct vfsmount *mnt = like->f_path.mnt;
	struct inode *inode;
	struct file *file;

	if (!try_module_get(fops->owner))
		return ERR_PTR(-ENOENT);
	inode = anon_inode_make_secure_inode(mnt->mnt_sb, name, NULL);
	if (IS_ERR(inode)) {
		module_put(fops->owner);
		return ERR_CAST(inode);
	}
	file = alloc_file_pseudo(inode, mnt, name, flags & (O_ACCMODE | O_NONBLOCK), fops);
	if (IS_ERR(file)) {
		iput(inode);
		module_put(fops->owner);
		return file;
	}
	file->private_data = priv;
	return file;
#endif
}

#endif
