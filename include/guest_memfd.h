/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest memory that user space cannot reach, and who may see which page. Documentation/mmu.rst. */
#ifndef KVMX_GUEST_MEMFD_H
#define KVMX_GUEST_MEMFD_H

#include "kvmx.h"

struct inode;
struct kvm_gmem;
struct kvm_ioctl_args;

/* --- mmu/attributes.c --- */
/* Follows KVM_SET_MEMORY_ATTRIBUTES; a fault that depends on it reads attributes_seq first. */
bool kvm_gfn_is_private(struct kvm *kvm, gfn_t gfn);
bool kvm_gfns_are_shared(struct kvm *kvm, gfn_t first, gfn_t last);
int kvm_cap_memory_attributes(struct kvm *kvm);
long kvm_vm_ioctl_set_memory_attributes(struct kvm_ioctl_args *a);
void kvm_attributes_init(struct kvm *kvm);
void kvm_attributes_free(struct kvm *kvm);

/* --- mmu/guest_memfd.c --- */
/* Of no file yet; one reference. */
struct kvm_gmem *kvm_gmem_new(struct kvm *kvm);
void kvm_gmem_put(struct kvm_gmem *gmem);
void kvm_gmem_set_inode(struct kvm_gmem *gmem, struct inode *inode);
struct kvm *kvm_gmem_kvm(const struct kvm_gmem *gmem);
void kvm_gmem_close(struct kvm_gmem *gmem);
int kvm_gmem_allocate(struct kvm_gmem *gmem, pgoff_t first, pgoff_t last);
void kvm_gmem_punch_hole(struct kvm_gmem *gmem, pgoff_t first, pgoff_t last);
int kvm_gmem_bind(struct kvm_gmem *gmem, struct kvm_memslot *slot, pgoff_t first);
void kvm_gmem_unbind(struct kvm *kvm, struct kvm_memslot *slot);
struct page *kvm_gmem_get_page(const struct kvm_memslot *slot, gfn_t gfn, unsigned long *seq);
bool kvm_gmem_retry(const struct kvm_memslot *slot, unsigned long seq);

/* --- vm/guest_memfd.c --- */
int kvm_cap_guest_memfd(struct kvm *kvm);
long kvm_vm_ioctl_create_guest_memfd(struct kvm_ioctl_args *a);
long kvm_vm_ioctl_set_memory_region2(struct kvm_ioctl_args *a);

#endif
