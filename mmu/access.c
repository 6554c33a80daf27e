// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest physical memory for the module itself, through the user addresses of
 * the slots; current->mm is kvm->mm. Everything is read once.
 */
#include <linux/highmem.h>
#include <linux/uaccess.h>
#include "internal.h"
#include "vcpu.h"

/* The slot of @gpa, and how many of @len bytes from there lie in its page. */
static const struct kvm_memslot *gpa_slot(struct kvm_vcpu *vcpu, gpa_t gpa, bool write,
					  unsigned long *len, unsigned long *hva)
{
	const struct kvm_memslot *slot = kvm_vcpu_memslot(vcpu, gpa >> PAGE_SHIFT);

	if (!slot || (write && (slot->flags & KVM_MEM_READONLY)))
		return NULL;
	*hva = kvm_slot_hva(slot, gpa >> PAGE_SHIFT) + offset_in_page(gpa);
	*len = min_t(unsigned long, *len, PAGE_SIZE - offset_in_page(gpa));
	return slot;
}

/* What an instruction moves at once is moved at once here: other CPUs may look. */
#define READ_USER(_type, _hva, _buf) ({						\
	_type __v;								\
	int __r = get_user(__v, (_type __user *)(_hva));			\
										\
	if (!__r)								\
		memcpy(_buf, &__v, sizeof(__v));				\
	__r;									\
})

#define WRITE_USER(_type, _hva, _buf) ({					\
	_type __v;								\
										\
	memcpy(&__v, _buf, sizeof(__v));					\
	put_user(__v, (_type __user *)(_hva));					\
})

static int read_hva(unsigned long hva, void *buf, unsigned long len)
{
	switch (len) {
	case 2:
		return READ_USER(u16, hva, buf);
	case 4:
		return READ_USER(u32, hva, buf);
	case 8:
		return READ_USER(u64, hva, buf);
	default:
		return copy_from_user(buf, (void __user *)hva, len) ? -EFAULT : 0;
	}
}

static int write_hva(unsigned long hva, const void *buf, unsigned long len)
{
	switch (len) {
	case 2:
		return WRITE_USER(u16, hva, buf);
	case 4:
		return WRITE_USER(u32, hva, buf);
	case 8:
		return WRITE_USER(u64, hva, buf);
	default:
		return copy_to_user((void __user *)hva, buf, len) ? -EFAULT : 0;
	}
}

/**
 * kvm_read_guest - read guest physical memory
 * @vcpu: the vCPU, own thread; kvm->srcu held
 * @gpa: from there
 * @buf: to here
 * @len: bytes; may cross pages and slots. 2, 4 and 8 aligned ones are read at once.
 *
 * Return: 0 or -EFAULT.
 */
int kvm_read_guest(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned long len)
{
	while (len) {
		unsigned long n = len, hva;

		if (!gpa_slot(vcpu, gpa, false, &n, &hva) || read_hva(hva, buf, n))
			return -EFAULT;
		gpa += n;
		buf += n;
		len -= n;
	}
	return 0;
}

/**
 * kvm_write_guest - write guest physical memory and mark it dirty
 * @vcpu: the vCPU, own thread; kvm->srcu held
 * @gpa: to there
 * @buf: from here
 * @len: bytes; may cross pages and slots
 *
 * Return: 0 or -EFAULT; then part of it may be written.
 */
int kvm_write_guest(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, unsigned long len)
{
	while (len) {
		const struct kvm_memslot *slot;
		unsigned long n = len, hva;
		int r;

		slot = gpa_slot(vcpu, gpa, true, &n, &hva);
		if (!slot)
			return -EFAULT;
		r = write_hva(hva, buf, n);
		/* Also after a failure, which may have come in the middle. */
		kvm_slot_mark_dirty(vcpu, slot, gpa >> PAGE_SHIFT);
		if (r)
			return r;
		gpa += n;
		buf += n;
		len -= n;
	}
	return 0;
}

/* There is no user access of 16 bytes, so the page is taken hold of. */
static int cmpxchg16(unsigned long hva, const void *old, const void *new)
{
	u64 cmp[2], with[2];
	struct page *page;
	void *va;
	bool done;

	if (pin_user_pages_fast(hva, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	memcpy(cmp, old, sizeof(cmp));
	memcpy(with, new, sizeof(with));
	va = kmap_local_page(page);
	asm volatile("lock cmpxchg16b %[mem]"
		     : "=@ccz" (done),
		       [mem] "+m" (*(unsigned __int128 *)(va + offset_in_page(hva))),
		       "+a" (cmp[0]), "+d" (cmp[1])
		     : "b" (with[0]), "c" (with[1])
		     : "memory");
	kunmap_local(va);
	if (done)
		set_page_dirty_lock(page);
	unpin_user_page(page);
	return done ? 0 : 1;
}

#define CMPXCHG_USER(_type, _hva, _old, _new, _label) ({			\
	_type __o, __n;								\
										\
	memcpy(&__o, _old, sizeof(__o));					\
	memcpy(&__n, _new, sizeof(__n));					\
	__try_cmpxchg_user((_type __user *)(_hva), &__o, __n, _label);		\
})

/* 0 done, 1 memory differs, -EFAULT. */
static int cmpxchg_hva(unsigned long hva, const void *old, const void *new, unsigned int len)
{
	switch (len) {
	case 1:
		return CMPXCHG_USER(u8, hva, old, new, fault1);
	case 2:
		return CMPXCHG_USER(u16, hva, old, new, fault2);
	case 4:
		return CMPXCHG_USER(u32, hva, old, new, fault4);
	case 8:
		return CMPXCHG_USER(u64, hva, old, new, fault8);
	case 16:
		return cmpxchg16(hva, old, new);
	default:
		return -EFAULT;
	}
}

/**
 * kvm_cmpxchg_guest - compare and exchange in guest physical memory
 * @vcpu: the vCPU, own thread; kvm->srcu held
 * @gpa: naturally aligned
 * @old: what must be there
 * @new: what is then written
 * @len: 1, 2, 4, 8 or 16
 *
 * Return: 0 done, -EAGAIN memory differs, -EFAULT no memory or not aligned.
 */
int kvm_cmpxchg_guest(struct kvm_vcpu *vcpu, gpa_t gpa, const void *old, const void *new,
		      unsigned int len)
{
	const struct kvm_memslot *slot;
	unsigned long n = len, hva;
	int r;

	if (!len || (gpa & (len - 1)))
		return -EFAULT;
	slot = gpa_slot(vcpu, gpa, true, &n, &hva);
	if (!slot)
		return -EFAULT;
	r = cmpxchg_hva(hva, old, new, len);
	if (!r)
		kvm_slot_mark_dirty(vcpu, slot, gpa >> PAGE_SHIFT);
	return r > 0 ? -EAGAIN : r;
}

bool kvm_gpa_is_memory(struct kvm_vcpu *vcpu, gpa_t gpa, bool write)
{
	const struct kvm_memslot *slot = kvm_vcpu_memslot(vcpu, gpa >> PAGE_SHIFT);

	return slot && !(write && (slot->flags & KVM_MEM_READONLY));
}

/* A slot that is being moved is found nowhere, and has its log all the same. */
void kvm_mark_page_dirty(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	const struct kvm_memslot *slot = kvm_vcpu_memslot(vcpu, gfn);

	if (!slot) {
		/* Pairs with the publication in slot_move(). */
		smp_rmb();
		slot = READ_ONCE(vcpu->kvm->slots.moving);
		if (!slot || gfn < slot->base_gfn || gfn - slot->base_gfn >= slot->npages)
			return;
	}
	kvm_slot_mark_dirty(vcpu, slot, gfn);
}
