/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of the kernel as irqchip/ is written against, for one thread of a user
 * program: locks only check that they are used in pairs, RCU frees at once, and
 * high-resolution timers follow shim_now. Every <linux/...> and <asm/...> header
 * that is not user space's own leads here (see ../Makefile).
 */
#ifndef KVMX_SHIM_KERNEL_H
#define KVMX_SHIM_KERNEL_H

#include_next <asm/processor-flags.h>
#include_next <linux/types.h>
#include_next <linux/version.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/ioctl.h>
#include <signal.h>

/* --- tracepoints --- */
#define TP_PROTO(...)		__VA_ARGS__
#define TRACE_EVENT(name, proto, ...) \
	static inline void trace_##name(proto) { }
#define DECLARE_EVENT_CLASS(...)
#define DEFINE_EVENT(class, name, proto, ...) \
	static inline void trace_##name(proto) { }

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef u64 phys_addr_t, gpa_t, gfn_t, hpa_t;
typedef u32 gfp_t;
typedef u64 kvm_pfn_t;
typedef s64 ktime_t;

/* --- annotations --- */
#define __force
#define __user
#define __rcu
#define __percpu
#define __init
#define __exit
#define __aligned(n)		__attribute__((aligned(n)))
#define __must_hold(x)
#define __acquires(x)
#define __releases(x)
#define __acquire(x)		((void)0)
#define __release(x)		((void)0)
#define __maybe_unused		__attribute__((unused))
#define __printf(a, b)		__attribute__((format(printf, a, b)))
#define noinline		__attribute__((noinline))
#define fallthrough		__attribute__((fallthrough))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define EXPORT_SYMBOL_GPL(s)
#define module_param(n, t, p)
#define module_param_named(n, v, t, p)
#define MODULE_PARM_DESC(n, d)
#define THIS_MODULE		NULL
#define lockdep_assert_held(l)	SHIM_CHECK((l)->held)
#define lockdep_assert_irqs_disabled()	((void)0)
#define might_sleep()		SHIM_CHECK(!shim_atomic)
#define static_assert(e, ...)	_Static_assert(e, #e)
#define BUILD_BUG_ON(e)		_Static_assert(!(e), #e)

/* A rule of the kernel was broken by the code under test. */
#define SHIM_CHECK(cond)						\
	do {								\
		if (!(cond)) {						\
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();					\
		}							\
	} while (0)

#define WARN_ON(c)		({ SHIM_CHECK(!(c)); false; })
#define WARN_ON_ONCE(c)		WARN_ON(c)
#define BUG_ON(c)		WARN_ON(c)
#define pr_err(...)		printf("# " __VA_ARGS__)
#define pr_err_ratelimited(...)	pr_err(__VA_ARGS__)
#define pr_warn(...)		pr_err(__VA_ARGS__)
#define pr_warn_ratelimited(...)	pr_err(__VA_ARGS__)
#define pr_debug(...)		((void)0)

/* --- numbers --- */
#define BIT(n)			(1ul << (n))
#define BIT_ULL(n)		(1ull << (n))
#define GENMASK(h, l)		((~0ul << (l)) & (~0ul >> (63 - (h))))
#define GENMASK_ULL(h, l)	((~0ull << (l)) & (~0ull >> (63 - (h))))
#define BITS_PER_LONG		64
#define BITS_TO_LONGS(n)	(((n) + 63) / 64)
#define DECLARE_BITMAP(n, b)	unsigned long n[BITS_TO_LONGS(b)]
#define U8_MAX			((u8)~0)
#define U16_MAX			((u16)~0)
#define U32_MAX			((u32)~0)
#define U64_MAX			((u64)~0)
#define S64_MAX			((s64)(U64_MAX >> 1))
#define PAGE_SHIFT		12
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define PAGE_SIZE		4096ul
/* Of a physical address that is the address itself. */
#define __va(pa)		((void *)(unsigned long)(pa))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define offsetofend(t, m)	(offsetof(t, m) + sizeof(((t *)0)->m))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define roundup(n, d)		(((n) + (d) - 1) / (d) * (d))
#define ALIGN(x, a)		(((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define min(a, b)	({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define max(a, b)	({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })
#define min_t(t, a, b)		min((t)(a), (t)(b))
#define max_t(t, a, b)		max((t)(a), (t)(b))
#define clamp(x, lo, hi)	min(max(x, lo), hi)
#define clamp_t(t, x, lo, hi)	clamp((t)(x), (t)(lo), (t)(hi))
#define swap(a, b)	do { __typeof__(a) _t = (a); (a) = (b); (b) = _t; } while (0)
#define lower_32_bits(n)	((u32)(n))
#define upper_32_bits(n)	((u32)((u64)(n) >> 32))
#define container_of(p, t, m)	((t *)((char *)(p) - offsetof(t, m)))
#define struct_size(p, m, n)	(sizeof(*(p)) + sizeof((p)->m[0]) * (n))
#define flex_array_size(p, m, n)	(sizeof((p)->m[0]) * (n))
#define array_index_nospec(i, n)	(i)
#define check_add_overflow(a, b, d)	__builtin_add_overflow(a, b, d)
#define check_mul_overflow(a, b, d)	__builtin_mul_overflow(a, b, d)

static inline int fls(u32 v) { return v ? 32 - __builtin_clz(v) : 0; }
static inline int fls64(u64 v) { return v ? 64 - __builtin_clzll(v) : 0; }
static inline unsigned long __fls(unsigned long v) { return 63 - __builtin_clzl(v); }
static inline unsigned long __ffs(unsigned long v) { return __builtin_ctzl(v); }
static inline int ilog2(u64 v) { return fls64(v) - 1; }
static inline bool is_power_of_2(unsigned long n) { return n && !(n & (n - 1)); }
#define hweight8(v)		__builtin_popcount((u8)(v))
#define hweight16(v)		__builtin_popcount((u16)(v))
#define hweight32(v)		__builtin_popcount((u32)(v))
#define hweight64(v)		__builtin_popcountll(v)
#define hweight_long(v)		__builtin_popcountl(v)

/* The CPU faults where the quotient does not fit. */
static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 c)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	SHIM_CHECK(product >> 64 < c);
	return product / c;
}

static inline u64 mul_u64_u32_div(u64 a, u32 b, u32 c) { return mul_u64_u64_div_u64(a, b, c); }
static inline u64 mul_u64_u64_shr(u64 a, u64 b, unsigned int s)
{
	return (unsigned __int128)a * b >> s;
}

static inline u64 div_u64(u64 a, u32 b) { return a / b; }
static inline u64 div64_u64(u64 a, u64 b) { return a / b; }
static inline s64 div_s64(s64 a, s32 b) { return a / b; }
static inline u64 div64_u64_rem(u64 a, u64 b, u64 *rem) { *rem = a % b; return a / b; }
static inline u64 div_u64_rem(u64 a, u32 b, u32 *rem) { *rem = a % b; return a / b; }
#define do_div(n, d)	({ u32 _r = (n) % (d); (n) /= (d); _r; })

/* --- bits and atomics --- */
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define barrier()		__asm__ __volatile__("" ::: "memory")
#define smp_mb()		barrier()
#define smp_rmb()		barrier()
#define smp_wmb()		barrier()
#define smp_mb__after_atomic()	barrier()
#define smp_mb__before_atomic()	barrier()
#define smp_load_acquire(p)	READ_ONCE(*(p))
#define smp_store_release(p, v)	WRITE_ONCE(*(p), v)
#define smp_store_mb(x, v)	WRITE_ONCE(x, v)
#define xchg(p, v)	({ __typeof__(*(p)) _o = *(p); *(p) = (v); _o; })
#define cmpxchg(p, o, n) \
	({ __typeof__(*(p)) _o = *(p); if (_o == (o)) *(p) = (n); _o; })
#define try_cmpxchg(p, o, n) \
	({ __typeof__(*(p)) _c = cmpxchg(p, *(o), n); bool _ok = _c == *(o); *(o) = _c; _ok; })
#define cpu_relax()		((void)0)

static inline bool test_bit(long n, const volatile void *p)
{
	return ((const volatile unsigned long *)p)[n / 64] >> (n % 64) & 1;
}

static inline void __set_bit(long n, volatile void *p)
{
	((volatile unsigned long *)p)[n / 64] |= 1ul << (n % 64);
}

static inline void __clear_bit(long n, volatile void *p)
{
	((volatile unsigned long *)p)[n / 64] &= ~(1ul << (n % 64));
}

static inline bool __test_and_set_bit(long n, volatile void *p)
{
	bool was = test_bit(n, p);

	__set_bit(n, p);
	return was;
}

static inline bool __test_and_clear_bit(long n, volatile void *p)
{
	bool was = test_bit(n, p);

	__clear_bit(n, p);
	return was;
}

#define set_bit			__set_bit
#define clear_bit		__clear_bit
#define test_and_set_bit	__test_and_set_bit
#define test_and_clear_bit	__test_and_clear_bit
#define __assign_bit(n, p, v)	((v) ? __set_bit(n, p) : __clear_bit(n, p))
#define assign_bit		__assign_bit

static inline unsigned long find_next_bit(const unsigned long *p, unsigned long n, unsigned long i)
{
	while (i < n && !test_bit(i, p))
		i++;
	return i < n ? i : n;
}

#define find_first_bit(p, n)	find_next_bit(p, n, 0)
#define for_each_set_bit(i, p, n) \
	for ((i) = find_first_bit(p, n); (i) < (n); (i) = find_next_bit(p, n, (i) + 1))

static inline void bitmap_zero(unsigned long *p, unsigned int n)
{
	memset(p, 0, BITS_TO_LONGS(n) * 8);
}

typedef struct { int counter; } atomic_t;
typedef struct { s64 counter; } atomic64_t;
typedef struct { long counter; } atomic_long_t;
typedef struct { atomic_t refs; } refcount_t;

#define ATOMIC_INIT(v)		{ (v) }
#define atomic_read(a)		READ_ONCE((a)->counter)
#define atomic_set(a, v)	WRITE_ONCE((a)->counter, v)
#define atomic_inc(a)		((void)((a)->counter++))
#define atomic_dec(a)		((void)((a)->counter--))
#define atomic_add(v, a)	((void)((a)->counter += (v)))
#define atomic_sub(v, a)	((void)((a)->counter -= (v)))
#define atomic_inc_return(a)	(++(a)->counter)
#define atomic_dec_return(a)	(--(a)->counter)
#define atomic_add_return(v, a)	((a)->counter += (v))
#define atomic_fetch_inc(a)	((a)->counter++)
#define atomic_fetch_add(v, a)	({ int _o = (a)->counter; (a)->counter += (v); _o; })
#define atomic_xchg(a, v)	xchg(&(a)->counter, v)
#define atomic_cmpxchg(a, o, n)	cmpxchg(&(a)->counter, o, n)
#define atomic_dec_and_test(a)	(--(a)->counter == 0)
#define atomic_add_unless(a, v, u) \
	({ bool _d = (a)->counter != (u); if (_d) (a)->counter += (v); _d; })
#define atomic64_read		atomic_read
#define atomic64_set		atomic_set
#define atomic64_inc		atomic_inc
#define atomic_long_read	atomic_read
#define atomic_long_or(v, a)	((void)((a)->counter |= (v)))
#define atomic_long_fetch_andnot(v, a) \
	({ long __old = (a)->counter; (a)->counter &= ~(v); __old; })

/* --- locks: no second thread, but each is taken once and let go once --- */
extern int shim_atomic;		/* spin locks held, interrupts or preemption off */

struct shim_lock { bool held; };
typedef struct shim_lock spinlock_t, raw_spinlock_t, rwlock_t;
struct mutex { bool held; };
struct rw_semaphore { bool held; };
struct srcu_struct { int readers; };

#define SHIM_LOCK(l)	do { SHIM_CHECK(!(l)->held); (l)->held = true; shim_atomic++; } while (0)
#define SHIM_UNLOCK(l)	do { SHIM_CHECK((l)->held); (l)->held = false; shim_atomic--; } while (0)
#define spin_lock_init(l)		((l)->held = false)
#define spin_lock(l)			SHIM_LOCK(l)
#define spin_unlock(l)			SHIM_UNLOCK(l)
#define spin_lock_irq(l)		SHIM_LOCK(l)
#define spin_unlock_irq(l)		SHIM_UNLOCK(l)
#define spin_lock_irqsave(l, f)		do { (f) = 0; SHIM_LOCK(l); } while (0)
#define spin_unlock_irqrestore(l, f)	do { (void)(f); SHIM_UNLOCK(l); } while (0)
#define raw_spin_lock_init		spin_lock_init
#define raw_spin_lock			spin_lock
#define raw_spin_unlock			spin_unlock
#define raw_spin_lock_irq		spin_lock_irq
#define raw_spin_unlock_irq		spin_unlock_irq
#define raw_spin_lock_irqsave		spin_lock_irqsave
#define raw_spin_unlock_irqrestore	spin_unlock_irqrestore
#define mutex_init(l)			((l)->held = false)
#define mutex_destroy(l)		SHIM_CHECK(!(l)->held)
#define mutex_lock(l)	do { might_sleep(); SHIM_CHECK(!(l)->held); (l)->held = true; } while (0)
#define mutex_unlock(l)	do { SHIM_CHECK((l)->held); (l)->held = false; } while (0)
#define mutex_lock_killable(l)	({ mutex_lock(l); 0; })
#define init_srcu_struct(s)		((s)->readers = 0)
#define cleanup_srcu_struct(s)		SHIM_CHECK(!(s)->readers)
#define srcu_read_lock(s)		((s)->readers++)
#define srcu_read_unlock(s, i)		do { (void)(i); (s)->readers--; } while (0)
#define srcu_read_lock_held(s)		((s)->readers > 0)
#define synchronize_srcu(s)		do { might_sleep(); SHIM_CHECK(!(s)->readers); } while (0)
#define synchronize_srcu_expedited	synchronize_srcu
#define preempt_disable()		((void)shim_atomic++)
#define preempt_enable()		((void)shim_atomic--)
#define local_irq_disable()		((void)shim_atomic++)
#define local_irq_enable()		((void)shim_atomic--)
#define local_irq_save(f)		do { (f) = 0; shim_atomic++; } while (0)
#define local_irq_restore(f)		do { (void)(f); shim_atomic--; } while (0)
#define irqs_disabled()			(shim_atomic > 0)
#define smp_processor_id()		0
#define raw_smp_processor_id()		0
#define get_cpu()			((void)shim_atomic++, shim_this_cpu)
#define put_cpu()			((void)shim_atomic--)
#define nr_cpu_ids			1u

/* --- tasks --- */
extern unsigned int shim_rescheds;
bool shim_being_killed(void);
#define cond_resched()			do { might_sleep(); shim_rescheds++; } while (0)
#define fatal_signal_pending(t)		shim_being_killed()
#define in_compat_syscall()		false
#define compat_ptr(p)			((void *)(unsigned long)(p))

/* --- CPUs --- */
typedef unsigned long cpumask_var_t[1];
extern int shim_this_cpu;
extern unsigned long shim_wbinvds;	/* CPUs that have done it */
void on_each_cpu_mask(const unsigned long *mask, void (*fn)(void *), void *arg, bool wait);
#define zalloc_cpumask_var(m, gfp)	((*(m))[0] = 0, true)
#define free_cpumask_var(m)		((void)(m))
#define cpumask_set_cpu(cpu, m)		((m)[0] |= 1ul << (cpu))
#define cpumask_clear(m)		((m)[0] = 0)
#define wbinvd()			((void)(shim_wbinvds |= 1ul << shim_this_cpu))

#define rcu_read_lock()			((void)0)
#define rcu_read_unlock()		((void)0)
#define rcu_dereference(p)		READ_ONCE(p)
#define rcu_dereference_protected(p, c)	({ SHIM_CHECK(c); (p); })
#define srcu_dereference(p, s)		({ SHIM_CHECK((s)->readers > 0); (p); })
#define srcu_dereference_check(p, s, c)	({ SHIM_CHECK((s)->readers > 0 || (c)); (p); })
#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_assign_pointer(p, v)	WRITE_ONCE(p, v)
#define RCU_INIT_POINTER(p, v)		WRITE_ONCE(p, v)
#define rcu_replace_pointer(p, v, c) \
	({ __typeof__(p) _o = (p); SHIM_CHECK(c); (p) = (v); _o; })
#define kvfree_rcu(p, m)		free(p)
#define kvfree_rcu_mightsleep(p)	free(p)
#define kfree_rcu(p, m)			free(p)
#define synchronize_rcu()		might_sleep()
struct rcu_head { void *unused; };
#define lockdep_is_held(l)		((l)->held)

/* --- memory --- */
#define GFP_KERNEL		0
#define GFP_KERNEL_ACCOUNT	0
#define GFP_ATOMIC		1
#define __GFP_ZERO		2
extern int shim_fail_alloc;	/* > 0: the allocation of this number, counted down, fails */

static inline void *shim_alloc(size_t n, gfp_t flags)
{
	if (!(flags & GFP_ATOMIC))
		might_sleep();
	if (shim_fail_alloc > 0 && --shim_fail_alloc == 0)
		return NULL;
	return calloc(1, n);
}

#define kmalloc(n, f)		shim_alloc(n, f)
#define kzalloc(n, f)		shim_alloc(n, f)
#define kvmalloc(n, f)		shim_alloc(n, f)
#define kvzalloc(n, f)		shim_alloc(n, f)
#define kcalloc(n, s, f)	shim_alloc((n) * (s), f)
#define kmalloc_array(n, s, f)	shim_alloc((n) * (s), f)
#define kvcalloc(n, s, f)	shim_alloc((n) * (s), f)
#define kvmalloc_array(n, s, f)	shim_alloc((n) * (s), f)
#define kfree(p)		free(p)
#define kvfree(p)		free(p)

static inline unsigned long get_zeroed_page(gfp_t f)
{
	void *p;

	if ((shim_fail_alloc > 0 && --shim_fail_alloc == 0) || posix_memalign(&p, 4096, 4096))
		return 0;
	memset(p, 0, 4096);
	return (unsigned long)p;
}

static inline void *kmemdup(const void *p, size_t n, gfp_t f)
{
	void *q = shim_alloc(n, f);

	return q ? memcpy(q, p, n) : NULL;
}

static inline void *vmemdup_user(const void *p, size_t n)
{
	void *q = shim_alloc(n, 0);

	return q ? memcpy(q, p, n) : (void *)-ENOMEM;
}

#define array_size(n, s)	((n) * (s))
#define sort(p, n, s, c, f)	((n) ? qsort(p, n, s, c) : (void)0)
#define free_page(p)		free((void *)(p))
#define memzero_explicit(p, n)	memset(p, 0, n)

/* User memory that can be read ends here. */
extern void *shim_user_source_end;

static inline unsigned long copy_from_user(void *to, const void *from, unsigned long n)
{
	might_sleep();
	if (n > (unsigned long)shim_user_source_end - (unsigned long)from)
		return n;
	memcpy(to, from, n);
	return 0;
}

/* Where user memory that can be written ends. */
extern void *shim_user_end;

static inline unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	might_sleep();
	if (n > (unsigned long)shim_user_end - (unsigned long)to)
		return n;
	memcpy(to, from, n);
	return 0;
}

#define MAX_ERRNO	4095
#define IS_ERR(p)	((unsigned long)(p) >= (unsigned long)-MAX_ERRNO)
#define PTR_ERR(p)	((long)(p))
#define ERR_PTR(e)	((void *)(long)(e))

/* --- lists --- */
struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };

#define LIST_HEAD(n)		struct list_head n = { &n, &n }
#define INIT_LIST_HEAD(l)	((l)->next = (l)->prev = (l))
#define list_empty(l)		((l)->next == (l))
#define list_entry(p, t, m)	container_of(p, t, m)
#define list_for_each_entry(p, h, m)					\
	for (p = list_entry((h)->next, __typeof__(*p), m); &p->m != (h);	\
	     p = list_entry(p->m.next, __typeof__(*p), m))
#define list_for_each_entry_safe(p, n, h, m)				\
	for (p = list_entry((h)->next, __typeof__(*p), m),		\
	     n = list_entry(p->m.next, __typeof__(*p), m); &p->m != (h);	\
	     p = n, n = list_entry(n->m.next, __typeof__(*n), m))

static inline void list_add(struct list_head *n, struct list_head *h)
{
	n->next = h->next;
	n->prev = h;
	h->next->prev = n;
	h->next = n;
}

#define list_add_tail(n, h)	list_add(n, (h)->prev)

static inline void list_del(struct list_head *n)
{
	n->next->prev = n->prev;
	n->prev->next = n->next;
}

#define INIT_HLIST_HEAD(h)	((h)->first = NULL)
#define INIT_HLIST_NODE(n)	((n)->next = NULL, (n)->pprev = NULL)
#define hlist_empty(h)		(!(h)->first)
#define hlist_unhashed(n)	(!(n)->pprev)
#define hlist_entry_safe(p, t, m)	({ void *_p = (p); _p ? container_of(_p, t, m) : NULL; })
#define hlist_for_each_entry(p, h, m)					\
	for (p = hlist_entry_safe((h)->first, __typeof__(*p), m); p;	\
	     p = hlist_entry_safe(p->m.next, __typeof__(*p), m))
#define hlist_for_each_entry_rcu(p, h, m, ...)		hlist_for_each_entry(p, h, m)
#define hlist_for_each_entry_srcu(p, h, m, c)		hlist_for_each_entry(p, h, m)

static inline void hlist_add_head(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	if (n->next)
		n->next->pprev = &n->next;
	h->first = n;
	n->pprev = &h->first;
}

static inline void hlist_del(struct hlist_node *n)
{
	*n->pprev = n->next;
	if (n->next)
		n->next->pprev = n->pprev;
	n->pprev = NULL;
}

#define hlist_add_head_rcu	hlist_add_head
#define hlist_del_rcu		hlist_del
#define hlist_del_init_rcu	hlist_del

/* --- vCPUs of a VM: an array --- */
#define SHIM_XA_MAX	4096
struct xarray { void *slot[SHIM_XA_MAX]; };

static inline void *xa_load(struct xarray *xa, unsigned long i)
{
	return i < SHIM_XA_MAX ? xa->slot[i] : NULL;
}

/* --- time --- */
#define NSEC_PER_SEC	1000000000ll
#define NSEC_PER_MSEC	1000000ll
#define NSEC_PER_USEC	1000ll
#define KTIME_MAX	S64_MAX
#define CLOCK_MONOTONIC	1

extern u64 shim_now;		/* ns; what ktime_get() answers */
extern u64 shim_tsc_khz;	/* the TSC runs at this rate, from 0 at 0 */
#define tsc_khz		((u32)shim_tsc_khz)

static inline u64 rdtsc(void) { return mul_u64_u64_div_u64(shim_now, shim_tsc_khz, 1000000); }
#define rdtsc_ordered()		rdtsc()
static inline ktime_t ktime_get(void) { return shim_now; }
#define ktime_get_boottime()	ktime_get()
static inline u64 ktime_get_ns(void) { return shim_now; }
static inline ktime_t ktime_add(ktime_t a, ktime_t b) { return a + b; }
static inline ktime_t ktime_sub(ktime_t a, ktime_t b) { return a - b; }
static inline ktime_t ktime_add_ns(ktime_t a, u64 b) { return a + b; }
static inline ktime_t ktime_sub_ns(ktime_t a, u64 b) { return a - b; }
static inline s64 ktime_to_ns(ktime_t a) { return a; }
static inline ktime_t ns_to_ktime(u64 a) { return a; }
static inline bool ktime_after(ktime_t a, ktime_t b) { return a > b; }
static inline bool ktime_before(ktime_t a, ktime_t b) { return a < b; }

enum hrtimer_restart { HRTIMER_NORESTART, HRTIMER_RESTART };
enum hrtimer_mode {
	HRTIMER_MODE_ABS, HRTIMER_MODE_REL, HRTIMER_MODE_PINNED, HRTIMER_MODE_SOFT = 4,
	HRTIMER_MODE_HARD = 8,
	HRTIMER_MODE_ABS_PINNED = HRTIMER_MODE_ABS | HRTIMER_MODE_PINNED,
	HRTIMER_MODE_ABS_HARD = HRTIMER_MODE_ABS | HRTIMER_MODE_HARD,
	HRTIMER_MODE_ABS_PINNED_HARD = HRTIMER_MODE_ABS_PINNED | HRTIMER_MODE_HARD,
};

struct hrtimer {
	enum hrtimer_restart (*function)(struct hrtimer *t);
	ktime_t expires;
	bool active;
	struct hrtimer *next;	/* all that were started and not cancelled */
};

extern struct hrtimer *shim_timers;
/* Timers expire in their order up to @ns, and it is @ns then. */
void shim_run_to(u64 ns);
/* Forgets all timers; for a new test. */
void shim_reset(void);

void hrtimer_init(struct hrtimer *t, int clock, enum hrtimer_mode mode);
void hrtimer_start(struct hrtimer *t, ktime_t at, enum hrtimer_mode mode);
int hrtimer_cancel(struct hrtimer *t);
#define hrtimer_try_to_cancel	hrtimer_cancel
#define hrtimer_start_expires(t, mode)	hrtimer_start(t, (t)->expires, mode)
#define hrtimer_restart(t)		hrtimer_start_expires(t, HRTIMER_MODE_ABS)
#define hrtimer_active(t)		((t)->active)
#define hrtimer_is_queued(t)		((t)->active)
#define hrtimer_get_expires(t)		((t)->expires)
#define hrtimer_set_expires(t, v)	((void)((t)->expires = (v)))
#define hrtimer_add_expires_ns(t, v)	((void)((t)->expires += (v)))
#define hrtimer_get_remaining(t)	((t)->expires - (ktime_t)shim_now)
#define hrtimer_cb_get_time(t)		ktime_get()
u64 hrtimer_forward(struct hrtimer *t, ktime_t now, ktime_t period);
#define hrtimer_forward_now(t, period)	hrtimer_forward(t, ktime_get(), period)

/* --- work: done when shim_run_work() is called --- */
struct work_struct {
	void (*func)(struct work_struct *w);
	struct work_struct *next;
	bool queued;
};

#define INIT_WORK(w, f)		do { (w)->func = (f); (w)->queued = false; } while (0)
bool shim_queue_work(struct work_struct *w);
#define schedule_work(w)	shim_queue_work(w)
#define queue_work(q, w)	shim_queue_work(w)
bool cancel_work_sync(struct work_struct *w);
void shim_run_work(void);
#define flush_work(w)		shim_run_work()

struct delayed_work { struct work_struct work; };

#define INIT_DELAYED_WORK(w, f)		INIT_WORK(&(w)->work, f)
#define system_wq			NULL
#define msecs_to_jiffies(ms)		(ms)
#define queue_delayed_work(q, w, delay)	shim_queue_work(&(w)->work)
#define cancel_delayed_work_sync(w)	cancel_work_sync(&(w)->work)

/* --- what the headers of kvmx name and irqchip/ does not use --- */
#define EFER_LMA	BIT(10)
#define MSR_IA32_TSC_DEADLINE	0x6e0
#define CLOCK_MONOTONIC	1
struct fpu_guest { int unused; };
struct preempt_notifier { int unused; };
struct rcuwait { int unused; };
struct mmu_notifier { int unused; };
struct interval_tree_node { int unused; };
struct maple_tree { int unused; };
typedef unsigned long pgoff_t;
struct rb_root_cached { int unused; };
struct page;
struct pid;
struct file;

#endif
