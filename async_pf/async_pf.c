// SPDX-License-Identifier: GPL-2.0-only
/* The cache of asynchronous page faults under way. */
#include <linux/slab.h>
#include "async_pf.h"

struct async_pf {
	struct list_head link;
	u64 gpa;
};

static struct kmem_cache *async_pf_cache;

int kvm_async_pf_init(void)
{
	async_pf_cache = KMEM_CACHE(async_pf, 0);
	return async_pf_cache ? 0 : -ENOMEM;
}

void kvm_async_pf_exit(void)
{
	kmem_cache_destroy(async_pf_cache);
}
