// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arithmetic of guest clocks, include/timescale.h: against exact results, and a
 * clock that is set anew again and again while guests read it.
 */
#include <stdbool.h>
#include <stdio.h>
#include "ktap.h"
#include "timescale.h"

typedef unsigned __int128 u128;

#define RANDOM_CASES	200000
#define YEAR_SECONDS	(366ull * 24 * 3600)

static const u32 frequencies[] = {
	1, 2, 3, 999, 1000, 32768, 79999, 80000, 999999, 1000000, 1000001, 1048576,
	2097152, 2345678, 2400000, 2893432, 3000000, 3999999, 4000000, 4194304, 5300000,
	16777216, 500000000, 4095999999u, 4096000000u, 0x7fffffff, 0x80000000, 0xffffffff,
};

#define NR_FREQUENCIES	((unsigned int)(sizeof(frequencies) / sizeof(*frequencies)))

static struct rng random_numbers;

static u64 rnd(void)
{
	return rng_next(&random_numbers);
}

/* A number of any length in bits. */
static u64 rnd_wide(void)
{
	return rnd() >> (rnd() % 64);
}

static u32 rnd_khz(void)
{
	u32 khz = rnd_wide();

	return khz ? khz : 1;
}

/* Says what went wrong, once. */
static bool report(bool ok, const char *what, u64 a, u64 b, u64 got)
{
	if (!ok)
		printf("# %s: %llu %llu gives %llu\n", what, (unsigned long long)a,
		       (unsigned long long)b, (unsigned long long)got);
	return ok;
}

static bool ratio_exact(u32 khz, u32 host)
{
	u128 exact = ((u128)khz << KVM_TSC_FRACTION) / host;
	u64 want = exact >> 64 ? 0 : exact;
	u64 got = kvm_tsc_ratio(khz, host);

	return report(got == want, "ratio", khz, host, got);
}

static bool test_ratio(void)
{
	unsigned int i, j;

	for (i = 0; i < NR_FREQUENCIES; i++)
		for (j = 0; j < NR_FREQUENCIES; j++)
			if (!ratio_exact(frequencies[i], frequencies[j]))
				return false;
	for (i = 0; i < RANDOM_CASES; i++)
		if (!ratio_exact(rnd_khz(), rnd_khz()))
			return false;
	return true;
}

/* The same product from halves of 32 bits. */
static u64 scale_by_halves(u64 tsc, u64 ratio)
{
	u64 al = (u32)tsc, ah = tsc >> 32, bl = (u32)ratio, bh = ratio >> 32;
	u64 low = al * bl, mid1 = ah * bl, mid2 = al * bh, high = ah * bh;
	u64 mid = (low >> 32) + (u32)mid1 + (u32)mid2;

	high += (mid1 >> 32) + (mid2 >> 32) + (mid >> 32);
	low = (mid << 32) | (u32)low;
	return high << 16 | low >> 48;
}

static bool test_scale(void)
{
	unsigned int i;

	for (i = 0; i < RANDOM_CASES; i++) {
		u64 tsc = rnd_wide(), ratio = rnd_wide();
		u64 got = kvm_tsc_scale(tsc, ratio);

		if (!report(got == scale_by_halves(tsc, ratio), "scale", tsc, ratio, got) ||
		    !report(kvm_tsc_scale(tsc, KVM_TSC_RATIO_ONE) == tsc, "one", tsc, 0, 0))
			return false;
	}
	return true;
}

/* As near to 10^6 / khz as 32 significant bits come, but for the 44 places in between. */
static bool rate_exact(u32 khz)
{
	struct kvm_clock_rate r = kvm_clock_rate(khz);
	u128 exact = (u128)1000000 << (32 - r.shift);
	u128 got = (u128)r.mul * khz;
	u128 error = got > exact ? got - exact : exact - got;
	/* In units of the last place: a half, and what lies behind the 44th place. */
	u128 slack = r.shift + 12 > 0 ? (u128)khz >> (r.shift + 12) : khz;

	return report(r.mul >> 31, "not normalized", khz, r.mul, r.shift) &&
	       report(2 * error <= khz + 2 * slack + 2, "rate", khz, r.mul, r.shift);
}

static bool test_rate(void)
{
	unsigned int i;

	for (i = 0; i < NR_FREQUENCIES; i++)
		if (!rate_exact(frequencies[i]))
			return false;
	for (i = 1; i < RANDOM_CASES; i++)
		if (!rate_exact(i) || !rate_exact(rnd_khz()))
			return false;
	return true;
}

/* A year at most: half a second per 2^31 seconds is wrong, and what the shift loses. */
static bool test_ns(void)
{
	unsigned int i;

	for (i = 0; i < RANDOM_CASES; i++) {
		u32 khz = 10000 + rnd() % 10000000;
		u64 ticks = rnd_wide() % (khz * 1000 * YEAR_SECONDS);
		struct kvm_clock_rate r = kvm_clock_rate(khz);
		u128 exact = (u128)ticks * 1000000 / khz;
		u64 got = kvm_ticks_to_ns(ticks, r);
		u64 slack = (exact >> 31) + (r.shift < 0 ? (1u << -r.shift) : 0) + 2;
		u64 error = got > exact ? got - exact : exact - got;

		if (!report(error <= slack, "ns", khz, ticks, got))
			return false;
	}
	return true;
}

/* --- a guest's page, and how it is read: msr.rst of the kernel --- */

struct page {
	u64 tsc_timestamp, system_time;
	u32 mul;
	s8 shift;
};

static u64 guest_reads(const struct page *p, u64 tsc)
{
	u64 time = tsc - p->tsc_timestamp;

	if (p->shift >= 0)
		time <<= p->shift;
	else
		time >>= -p->shift;
	return (u64)(((u128)time * p->mul) >> 32) + p->system_time;
}

/* What a vCPU whose TSC is @offset off is shown. */
static struct page page_of(const struct kvm_clock_anchor *a, u64 offset)
{
	return (struct page){
		.tsc_timestamp = kvm_tsc_scale(a->tsc, a->ratio) + offset,
		.system_time = a->ns, .mul = a->rate.mul, .shift = a->rate.shift,
	};
}

static void change_rate(struct kvm_clock_anchor *a, u32 host)
{
	u32 khz = 50000 + rnd() % 5000000;

	if (rnd() % 2)
		khz = host;
	a->ratio = kvm_tsc_ratio(khz, host);
	a->rate = kvm_clock_rate(khz);
}

/* Guests of several TSC offsets agree with the host; setting the clock never takes it back. */
static bool test_updates(void)
{
	const u32 host = 2893432;
	u64 offsets[3] = { 0, rnd(), -(u64)123456789 }, tsc = rnd() >> 8, last = 0;
	struct kvm_clock_anchor a = { .tsc = tsc };
	unsigned int i, v;

	change_rate(&a, host);
	for (i = 0; i < RANDOM_CASES; i++) {
		u64 now;

		tsc += rnd() >> (24 + rnd() % 40);
		now = kvm_clock_at(&a, tsc);
		for (v = 0; v < 3; v++) {
			struct page p = page_of(&a, offsets[v]);
			u64 guest = guest_reads(&p, kvm_tsc_scale(tsc, a.ratio) + offsets[v]);

			if (!report(guest == now, "guest and host", guest, now, v))
				return false;
		}
		if (!report(now >= last, "backwards", last, now, i))
			return false;
		last = now;
		if (rnd() % 4)
			continue;
		a.ns = now;
		a.tsc = tsc;
		change_rate(&a, host);
		if (!report(kvm_clock_at(&a, tsc) == now, "jump", now, kvm_clock_at(&a, tsc), i))
			return false;
	}
	return true;
}

/* A TSC read before the clock was set, on another CPU. */
static bool test_early(void)
{
	struct kvm_clock_anchor a = {
		.ns = 1000, .tsc = 5000, .ratio = KVM_TSC_RATIO_ONE,
		.rate = kvm_clock_rate(1000000),
	};

	return kvm_clock_at(&a, 4999) == 1000 && kvm_clock_at(&a, 5000) == 1000 &&
	       kvm_clock_at(&a, 5001) == 1001;
}

int main(void)
{
	ktap_start(6);
	ktap_result(test_ratio(), "TSC ratio, against 128 bits");
	ktap_result(test_scale(), "scaled TSC, against products of halves");
	ktap_result(test_rate(), "multiplier and shift, against 128 bits");
	ktap_result(test_ns(), "nanoseconds, against 128 bits");
	ktap_result(test_updates(), "guests agree and never go back over updates");
	ktap_result(test_early(), "a TSC from before");
	return ktap_end();
}
