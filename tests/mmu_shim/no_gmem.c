// SPDX-License-Identifier: GPL-2.0-only
/* The VMs of the model have no private memory: what mmu/ asks about it, and what it never may. */
#include <stdlib.h>
#include "guest_memfd.h"

bool kvm_gfn_is_private(struct kvm *kvm, gfn_t gfn)
{
	return false;
}

bool kvm_gfns_are_shared(struct kvm *kvm, gfn_t first, gfn_t last)
{
	return true;
}

int kvm_cap_memory_attributes(struct kvm *kvm)
{
	return 0;
}

void kvm_attributes_init(struct kvm *kvm)
{
}

void kvm_attributes_free(struct kvm *kvm)
{
}

int kvm_gmem_bind(struct kvm_gmem *gmem, struct kvm_memslot *slot, pgoff_t first)
{
	abort();
}

void kvm_gmem_unbind(struct kvm *kvm, struct kvm_memslot *slot)
{
	abort();
}

struct page *kvm_gmem_get_page(const struct kvm_memslot *slot, gfn_t gfn, unsigned long *seq)
{
	abort();
}

bool kvm_gmem_retry(const struct kvm_memslot *slot, unsigned long seq)
{
	abort();
}
