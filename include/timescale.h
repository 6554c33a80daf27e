/* SPDX-License-Identifier: GPL-2.0-only */
/* The arithmetic of guest clocks. Knows nothing of the kernel: tests use it, too. */
#ifndef KVMX_TIMESCALE_H
#define KVMX_TIMESCALE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int64_t s64;
#endif

/* SDM 3C 26.6.5: the TSC multiplier is a fixed-point number. */
#define KVM_TSC_FRACTION	48
#define KVM_TSC_RATIO_ONE	(1ull << KVM_TSC_FRACTION)

/* As in struct pvclock_vcpu_time_info: ns = (ticks << shift) * mul >> 32 */
struct kvm_clock_rate {
	u32 mul;
	s8 shift;
};

/**
 * kvm_tsc_ratio - the multiplier that makes a TSC of @khz of one of @host_khz, rounded down
 * @khz: not 0
 * @host_khz: not 0
 *
 * Return: 0 if no multiplier is as large.
 */
static inline u64 kvm_tsc_ratio(u32 khz, u32 host_khz)
{
	u64 whole = khz / host_khz, rest = khz % host_khz, high, low;

	if (whole >> (64 - KVM_TSC_FRACTION))
		return 0;
	/* Long division, digits of 32 and 16 bits. */
	high = (rest << 32) / host_khz;
	rest = (rest << 32) % host_khz;
	low = (rest << 16) / host_khz;
	return whole << KVM_TSC_FRACTION | high << 16 | low;
}

/* What the CPU does with a ratio in RDTSC. */
static inline u64 kvm_tsc_scale(u64 tsc, u64 ratio)
{
	return (__uint128_t)tsc * ratio >> KVM_TSC_FRACTION;
}

/**
 * kvm_clock_rate - how a guest turns ticks of @khz into nanoseconds
 * @khz: not 0
 *
 * One tick is 10^6 / khz ns. @mul has its highest bit set, so it is as exact as
 * 32 bits can be.
 */
static inline struct kvm_clock_rate kvm_clock_rate(u32 khz)
{
	/* 44 binary places; between 2^31 and 2^64. */
	u64 tick = (1000000ull << 44) / khz;
	int drop = 32 - __builtin_clzll(tick);
	u64 mul = tick;

	if (drop > 0) {
		mul = (tick >> drop) + (tick >> (drop - 1) & 1);
		if (mul >> 32) {
			mul >>= 1;
			drop++;
		}
	}
	return (struct kvm_clock_rate){ .mul = mul, .shift = drop - 12 };
}

static inline u64 kvm_ticks_to_ns(u64 ticks, struct kvm_clock_rate r)
{
	ticks = r.shift < 0 ? ticks >> -r.shift : ticks << r.shift;
	return (__uint128_t)ticks * r.mul >> 32;
}

/* A clock that was @ns at host TSC @tsc and goes on with a TSC of @ratio at @rate. */
struct kvm_clock_anchor {
	u64 ns, tsc, ratio;
	struct kvm_clock_rate rate;
};

/* What a guest reads from a page with @a, to the bit. A time before @a is that of @a. */
static inline u64 kvm_clock_at(const struct kvm_clock_anchor *a, u64 tsc)
{
	u64 ticks = kvm_tsc_scale(tsc, a->ratio) - kvm_tsc_scale(a->tsc, a->ratio);

	return a->ns + kvm_ticks_to_ns((s64)ticks < 0 ? 0 : ticks, a->rate);
}

#endif
