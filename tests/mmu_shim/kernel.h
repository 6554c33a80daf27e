/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel as mmu/ sees it, for the model: what ../shim/kernel.h has, with locks that threads
 * of fiber.h wait for, atomic operations between which another thread can run, and the host's
 * memory of host_mm.h.
 */
#ifndef KVMX_MMU_SHIM_KERNEL_H
#define KVMX_MMU_SHIM_KERNEL_H

#define rwlock_t		shim_rwlock_t
#define srcu_struct		shim_srcu_struct
#define mmu_notifier		shim_mmu_notifier
#define interval_tree_node	shim_interval_tree_node
#define rb_root_cached		shim_rb_root_cached
#include_next <kernel.h>
#undef rwlock_t
#undef srcu_struct
#undef mmu_notifier
#undef interval_tree_node
#undef rb_root_cached
#include "fiber.h"

#undef SHIM_CHECK
#define SHIM_CHECK(cond)	MODEL_CHECK(cond, "%s", #cond)

/* --- atomic operations: another thread can run before each --- */
#undef READ_ONCE
#undef WRITE_ONCE
#undef xchg
#undef cmpxchg
#undef test_and_clear_bit
#undef set_bit
#undef atomic_long_or
#undef atomic_long_fetch_andnot
#undef memchr_inv
#define READ_ONCE(x)	({ fiber_preempt(); *(const volatile __typeof__(x) *)&(x); })
#define WRITE_ONCE(x, v)						\
	do {								\
		__typeof__(x) _v = (v);					\
		fiber_preempt();					\
		*(volatile __typeof__(x) *)&(x) = _v;			\
	} while (0)
#define xchg(p, v)	({ fiber_preempt(); __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); })
#define cmpxchg(p, o, n) ({						\
	__typeof__(*(p)) _o, _old = (o), _new = (n);			\
									\
	fiber_preempt();						\
	_o = *(p);							\
	if (_o == _old)							\
		*(p) = _new;						\
	_o;								\
})
#define cmpxchg64	cmpxchg
#define cmpxchg64_relaxed	cmpxchg
#define test_and_clear_bit(n, p)	({ fiber_preempt(); __test_and_clear_bit(n, p); })
#define set_bit(n, p)			do { fiber_preempt(); __set_bit(n, p); } while (0)
#define atomic_long_or(v, a)	do { fiber_preempt(); (a)->counter |= (v); } while (0)
#define atomic_long_fetch_andnot(v, a)	({			\
	long _v = (v), _o;					\
								\
	fiber_preempt();					\
	_o = (a)->counter;					\
	(a)->counter &= ~_v;					\
	_o;							\
})
#define atomic_long_inc		atomic_inc
#define atomic_long_dec		atomic_dec
#define atomic_long_add		atomic_add
#define atomic_long_sub		atomic_sub
#define atomic_long_set		atomic_set
#define atomic64_inc_return(a)	({ fiber_preempt(); ++(a)->counter; })

static inline void *memchr_inv(const void *p, int c, size_t n)
{
	const unsigned char *b = p;

	for (; n; n--, b++)
		if (*b != (unsigned char)c)
			return (void *)b;
	return NULL;
}

static inline unsigned long find_next_zero_bit(const unsigned long *p, unsigned long n,
					       unsigned long i)
{
	while (i < n && test_bit(i, p))
		i++;
	return i < n ? i : n;
}

static inline void bitmap_set(unsigned long *p, unsigned long from, unsigned long n)
{
	for (; n; n--)
		__set_bit(from++, p);
}

#define for_each_set_bitrange(b, e, p, n)					\
	for ((b) = find_next_bit(p, n, 0), (e) = find_next_zero_bit(p, n, (b) + 1);	\
	     (b) < (n);								\
	     (b) = find_next_bit(p, n, (e) + 1), (e) = find_next_zero_bit(p, n, (b) + 1))

/* --- locks --- */
typedef struct model_rwlock {
	bool held;			/* by whomever */
	struct fiber *writer;
	int readers;
} rwlock_t;

#define rwlock_init(l)	(*(l) = (rwlock_t) { })
#define lockdep_assert_held_write(l)	SHIM_CHECK((l)->writer == fiber_current)
#define lockdep_assert_held_read(l)	SHIM_CHECK(fiber_current->reads)

void read_lock(rwlock_t *l);
void read_unlock(rwlock_t *l);
void write_lock(rwlock_t *l);
void write_unlock(rwlock_t *l);
bool need_resched(void);
#define rwlock_needbreak(l)	need_resched()
int cond_resched_rwlock_write(rwlock_t *l);
int cond_resched_rwlock_read(rwlock_t *l);

#undef mutex_lock
#undef mutex_unlock
#define mutex_lock(l)	do { might_sleep(); fiber_wait(!(l)->held); (l)->held = true; } while (0)
#define mutex_unlock(l)	do { SHIM_CHECK((l)->held); (l)->held = false; } while (0)
#undef cond_resched
#define cond_resched()	do { might_sleep(); fiber_preempt(); } while (0)

#define mmap_read_lock(mm)	do { might_sleep(); fiber_preempt(); } while (0)
#define mmap_read_unlock(mm)	((void)(mm))

struct srcu_struct { int readers[2], now; };
#undef srcu_read_lock
#undef srcu_read_unlock
#undef srcu_read_lock_held
#undef synchronize_srcu
#undef srcu_dereference
#undef srcu_dereference_check
int srcu_read_lock(struct srcu_struct *s);
void srcu_read_unlock(struct srcu_struct *s, int idx);
void synchronize_srcu(struct srcu_struct *s);
#define srcu_read_lock_held(s)		(fiber_current->srcu > 0)
#define srcu_dereference(p, s)		({ SHIM_CHECK(srcu_read_lock_held(s)); READ_ONCE(p); })
#define srcu_dereference_check(p, s, c)	\
	({ SHIM_CHECK(!fiber_current || srcu_read_lock_held(s) || (c)); READ_ONCE(p); })

/* The other end of a speculated bound: in order, the index is within it. */
#undef array_index_nospec
#define array_index_nospec(i, n)	({ SHIM_CHECK((i) < (n)); (i); })

/* --- collections --- */
struct interval_tree_node {
	unsigned long start, last;
	struct interval_tree_node *next;
	bool in;
};

struct rb_root_cached { struct interval_tree_node *first; };
#define RB_ROOT_CACHED	((struct rb_root_cached) { NULL })
void interval_tree_insert(struct interval_tree_node *node, struct rb_root_cached *root);
void interval_tree_remove(struct interval_tree_node *node, struct rb_root_cached *root);
struct interval_tree_node *interval_tree_iter_first(struct rb_root_cached *root,
						    unsigned long start, unsigned long last);
struct interval_tree_node *interval_tree_iter_next(struct interval_tree_node *node,
						   unsigned long start, unsigned long last);

#define xa_init(xa)		memset(xa, 0, sizeof(*(xa)))
#define xa_destroy(xa)		((void)(xa))
#define xa_err(p)		((int)(IS_ERR(p) ? PTR_ERR(p) : 0))
#define xa_for_each(xa, i, p)	\
	for ((i) = 0; (i) < SHIM_XA_MAX; (i)++)	\
		if (((p) = (xa)->slot[i]))
void *xa_store(struct xarray *xa, unsigned long i, void *p, gfp_t gfp);
#define xa_erase(xa, i)		((void)((xa)->slot[i] = NULL))

/* --- parameters and the CPU --- */
#define APIC_DEFAULT_PHYS_BASE	0xfee00000
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)
#define PAGE_ALIGN(n)		ALIGN(n, PAGE_SIZE)
#define __vmalloc(n, f)		shim_alloc(n, f)
#define vfree(p)		free(p)
#define vmalloc_to_page(p)	((struct page *)(p))
#define PAGE_ALIGNED(p)		IS_ALIGNED((unsigned long)(p), PAGE_SIZE)
struct kernel_param { int unused; };
struct kernel_param_ops {
	int (*set)(const char *val, const struct kernel_param *kp);
	int (*get)(char *buffer, const struct kernel_param *kp);
};
static inline int param_get_bool(char *buffer, const struct kernel_param *kp) { return 0; }
static inline int kstrtobool(const char *s, bool *res) { return -EINVAL; }
static inline int match_string_in(const char * const *names, size_t n, const char *s)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(names[i], s))
			return i;
	return -EINVAL;
}
#define sysfs_match_string(names, s)	match_string_in(names, ARRAY_SIZE(names), s)
#define module_param_cb(name, ops, arg, perm)	\
	static const struct kernel_param_ops *const param_##name __maybe_unused = (ops)
#define boot_cpu_has(f)		false
#define boot_cpu_has_bug(b)	false
#define cpu_mitigations_off()	false
struct cpuinfo { u8 x86_phys_bits; };
extern struct cpuinfo boot_cpu_data;

/* --- tasks --- */
extern bool model_signal;
#define current			fiber_current
/* Threads are CPUs as well: one waits for the other's spin lock. */
#undef spin_lock
#define spin_lock(l)		do { fiber_wait(!(l)->held); SHIM_LOCK(l); } while (0)
#define hash_ptr(p, bits)	((p)->index & ((1u << (bits)) - 1))
#define signal_pending(t)	model_signal
#define send_sig_mceerr(code, addr, shift, t)	((void)(addr), (t)->broken = true)

#include "host_mm.h"
#include "user.h"

#endif
