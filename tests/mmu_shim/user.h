/* SPDX-License-Identifier: GPL-2.0-only */
/* User memory as the kernel reaches it: guest memory is the model's, the rest this program's. */
#ifndef KVMX_MMU_USER_H
#define KVMX_MMU_USER_H

/* 0, or -EFAULT where the process has no such memory. */
int host_user_read(unsigned long hva, void *buf, unsigned long len);
int host_user_write(unsigned long hva, const void *buf, unsigned long len);
/* 0 done, 1 memory differs, -EFAULT. */
int host_user_cmpxchg(unsigned long hva, void *old, const void *new, unsigned long len);

#define TASK_SIZE_MAX		((1ul << 47) - 4096)
#define access_ok(p, n)		((unsigned long)(p) + (n) <= TASK_SIZE_MAX)
#define get_user(v, p)		host_user_read((unsigned long)(p), &(v), sizeof(v))
#define put_user(v, p)	({ __typeof__(*(p)) _v = (v);	\
			   host_user_write((unsigned long)(p), &_v, sizeof(_v)); })
#define __try_cmpxchg_user(p, old, new, label)	({ __typeof__(*(p)) _n = (new);	\
	host_user_cmpxchg((unsigned long)(p), old, &_n, sizeof(_n)); })
#define copy_from_user(to, from, n)	\
	(host_user_read((unsigned long)(from), to, n) ? (n) : 0)
#define copy_to_user(to, from, n)	\
	(host_user_write((unsigned long)(to), from, n) ? (n) : 0)

#endif
