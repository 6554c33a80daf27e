// SPDX-License-Identifier: GPL-2.0-only
/*
 * What has no place in a guest: a dirty log that is too long for one go, whose reader is
 * killed or has no room for it, which CPUs write their caches back for a guest, and the memory
 * types of its pages.
 */
#include <ioctl.h>
#include <mmu.h>
#include <vcpu.h>
#include "../compat/compat.h"
#include "../mmu/internal.h"
#include "ktap.h"

#define CPUS	8
#define WORDS	40000ul		/* of the log */

static bool failed;

#define EXPECT(a, b)							\
	do {								\
		u64 _a = (u64)(a), _b = (u64)(b);			\
									\
		if (_a != _b && !failed) {				\
			printf("# %s:%d: %s is 0x%llx, not 0x%llx\n", __FILE__, __LINE__, #a, \
			       (unsigned long long)_a, (unsigned long long)_b); \
			failed = true;					\
		}							\
	} while (0)

/* --- what surrounds the code --- */

static struct kvm_memslot *the_slot;
static u64 protected;		/* pages */
static unsigned int flushes, asked, killed_at;
static unsigned int taken_after;	/* rescheds */

bool shim_being_killed(void)
{
	return killed_at && ++asked >= killed_at;
}

struct kvm_memslot *kvm_id_to_memslot(struct kvm *kvm, u32 id)
{
	SHIM_CHECK(kvm->slots_lock.held);
	return id ? NULL : the_slot;
}

void kvm_mmu_track_pages(struct kvm *kvm, const struct kvm_memslot *slot, unsigned long first,
			 const unsigned long *bits, unsigned long n)
{
	unsigned long i;

	SHIM_CHECK(kvm->slots_lock.held && !(first % 64));
	for (i = 0; i < n; i++) {
		/* The bit is taken before the permission. */
		SHIM_CHECK(!(slot->dirty_bitmap[first / 64 + i] & bits[i]));
		protected += __builtin_popcountl(bits[i]);
	}
}

/* What the CPU has logged, and where the kick that waits for it brings it. */
static u64 cpu_log[512];
static unsigned int cpu_logged;
static struct kvm_vcpu logging_vcpu;

unsigned int vmx_pml_take(struct kvm_vcpu *vcpu, const u64 **gpas)
{
	unsigned int n = cpu_logged;

	*gpas = cpu_log;
	cpu_logged = 0;
	return n;
}

void kvm_mark_page_dirty(struct kvm_vcpu *vcpu, gfn_t gfn)
{
	SHIM_CHECK(vcpu == &logging_vcpu);
	the_slot->dirty_bitmap[gfn / 64] |= 1ul << gfn % 64;
}

void kvm_kick_all_and_wait(struct kvm *kvm)
{
	SHIM_CHECK(kvm->mmu.pml);
	kvm_log_cpu_writes(&logging_vcpu);
}

void kvm_flush_remote_tlbs(struct kvm *kvm)
{
	flushes++;
	taken_after = shim_rescheds;
}

void on_each_cpu_mask(const unsigned long *mask, void (*fn)(void *), void *arg, bool wait)
{
	int here = shim_this_cpu;

	SHIM_CHECK(shim_atomic && wait);
	for (shim_this_cpu = 0; shim_this_cpu < CPUS; shim_this_cpu++)
		if (mask[0] & 1ul << shim_this_cpu)
			fn(arg);
	shim_this_cpu = here;
}

/* --- the dirty log --- */

static struct kvm kvm;
static struct kvm_memslot slot;
static unsigned long bitmap[2 * WORDS], before[WORDS], out[WORDS];
static u64 dirty_pages;

static void log_new(void)
{
	struct rng rng = { 1 };
	unsigned long i;

	memset(bitmap, 0, sizeof(bitmap));
	for (i = 0; i < 1000; i++)
		bitmap[rng_below(&rng, WORDS)] |= 1ul << rng_below(&rng, 64);
	memcpy(before, bitmap, sizeof(before));
	memset(out, 0xee, sizeof(out));
	for (i = 0, dirty_pages = 0; i < WORDS; i++)
		dirty_pages += __builtin_popcountl(bitmap[i]);
	slot = (struct kvm_memslot) { .npages = WORDS * 64, .dirty_bitmap = bitmap };
	the_slot = &slot;
	protected = 0;
	flushes = asked = killed_at = shim_rescheds = 0;
	shim_user_end = out + WORDS;
}

static int log_get(void)
{
	const struct kvm_dirty_log log = { .dirty_bitmap = out };
	int r = kvm_get_dirty_log(&kvm, &log);

	EXPECT(kvm.slots_lock.held, false);
	return r;
}

static void nothing_lost(void)
{
	EXPECT(memcmp(bitmap, before, sizeof(before)), 0);
}

static void log_whole(void)
{
	log_new();
	EXPECT(log_get(), 0);
	EXPECT(memcmp(out, before, sizeof(out)), 0);
	EXPECT(protected, dirty_pages);
	EXPECT(flushes, 1);
	EXPECT(log_get(), 0);
	EXPECT(out[0] | out[WORDS - 1] | memcmp(out, out + 1, sizeof(out) - 8), 0);
	EXPECT(flushes, 1);
}

/* Taking, copying and giving back reschedule at least once for each 128 MiB. */
static void log_reschedules(void)
{
	log_new();
	log_get();
	EXPECT(taken_after >= WORDS / 512, true);
	EXPECT(shim_rescheds - taken_after >= WORDS / 512, true);
	log_new();
	shim_user_end = out + WORDS - 1;
	EXPECT(log_get(), (u64)-EFAULT);
	EXPECT(shim_rescheds - taken_after >= 2 * (WORDS / 512), true);
}

/* The buffer of user space ends at various places, after none or some of the log. */
static void log_no_room(void)
{
	static const unsigned long room[] = { 0, 1, 511, 512, 513, 1024, WORDS / 2, WORDS - 1 };
	unsigned int i;

	for (i = 0; i < sizeof(room) / sizeof(*room); i++) {
		log_new();
		shim_user_end = out + room[i];
		EXPECT(log_get(), (u64)-EFAULT);
		nothing_lost();
		EXPECT(flushes, 1);
	}
}

/* A fatal signal ends the call at its next check; the bits it has not copied stay in the log. */
static void log_killed(void)
{
	unsigned int at;

	for (at = 1; at < 150; at += 7) {
		log_new();
		killed_at = at;
		EXPECT(log_get(), (u64)-EINTR);
		nothing_lost();
		/* If pages of words that were taken are write-protected, the TLBs were flushed. */
		EXPECT(flushes, protected ? 1 : 0);
		killed_at = 0;
		EXPECT(log_get(), 0);
		EXPECT(memcmp(out, before, sizeof(out)), 0);
	}
}

/* What CPUs have logged up to the call is in its answer, be it looked at or taken. */
static void log_of_cpus(void)
{
	unsigned int manual, i;

	for (manual = 0; manual < 2; manual++) {
		log_new();
		kvm.mmu.pml = true;
		kvm.settings.manual_log = manual;
		for (cpu_logged = 0; cpu_logged < 512; cpu_logged++)
			cpu_log[cpu_logged] = (u64)cpu_logged * 77 << 12 | 0xabc;
		EXPECT(log_get(), 0);
		EXPECT(cpu_logged, 0);
		for (i = 0; i < 512; i++)
			if (!(out[i * 77 / 64] >> i * 77 % 64 & 1))
				EXPECT(i, 512);
		kvm.settings.manual_log = 0;
		kvm.mmu.pml = false;
	}
}

/* --- bits that user space clears itself --- */

static long log_clear(u32 first, u32 num, unsigned long *mask)
{
	struct kvm_clear_dirty_log log = {
		.first_page = first, .num_pages = num, .dirty_bitmap = mask,
	};
	struct kvm_ioctl_args a = { .kvm = &kvm, .data = &log };
	long r = kvm_vm_ioctl_clear_dirty_log(&a);

	EXPECT(kvm.slots_lock.held, false);
	return r;
}

/* Looking only looks; clearing clears what is asked for and was set, and tracks just that. */
static void clear_by_mask(void)
{
	static unsigned long mask[WORDS], left[WORDS];
	struct rng rng = { 2 };
	unsigned long i;
	u64 cleared = 0;

	log_new();
	EXPECT(kvm_enable_manual_log(&kvm, 1), 0);
	EXPECT(log_get(), 0);
	EXPECT(memcmp(out, before, sizeof(out)), 0);
	nothing_lost();
	EXPECT(protected | flushes, 0);
	for (i = 0; i < WORDS; i++) {
		mask[i] = rng_next(&rng) & rng_next(&rng);
		left[i] = before[i];
		if (i >= 64 && i < WORDS - 64) {
			left[i] &= ~mask[i];
			cleared += __builtin_popcountl(before[i] & mask[i]);
		}
	}
	EXPECT(log_clear(64 * 64, (WORDS - 128) * 64, mask + 64), 0);
	EXPECT(memcmp(bitmap, left, sizeof(left)), 0);
	EXPECT(protected, cleared);
	EXPECT(flushes, 1);
	/* Once more: nothing is set any more. */
	EXPECT(log_clear(64 * 64, (WORDS - 128) * 64, mask + 64), 0);
	EXPECT(protected, cleared);
	EXPECT(flushes, 1);
	EXPECT(kvm_enable_manual_log(&kvm, 0), 0);
}

static void clear_refused(void)
{
	static unsigned long mask[WORDS];
	unsigned int at;

	memset(mask, 0xff, sizeof(mask));
	log_new();
	slot.npages -= 3;
	EXPECT(log_clear(1, 64, mask), (u64)-EINVAL);
	EXPECT(log_clear(0, 63, mask), (u64)-EINVAL);
	EXPECT(log_clear(0, WORDS * 64, mask), (u64)-EINVAL);
	EXPECT(log_clear(WORDS * 64, 0, mask), (u64)-EINVAL);
	EXPECT(log_clear((WORDS - 1) * 64, 60, mask), (u64)-EINVAL);
	EXPECT(log_clear((WORDS - 1) * 64, -64u, mask), (u64)-EINVAL);
	shim_user_source_end = mask + WORDS - 1;
	EXPECT(log_clear(0, WORDS * 64 - 3, mask), (u64)-EFAULT);
	shim_user_source_end = (void *)-1L;
	for (at = 1; at < 1 + WORDS / 512; at++) {
		asked = 0;
		killed_at = at;
		EXPECT(log_clear(0, WORDS * 64 - 3, mask), (u64)-EINTR);
	}
	killed_at = 0;
	nothing_lost();
	EXPECT(protected | flushes, 0);
	/* Bits of the mask beyond the end are nobody's. */
	memset(bitmap, 0, sizeof(bitmap));
	bitmap[WORDS - 1] = 1;
	EXPECT(log_clear((WORDS - 1) * 64, 61, mask + WORDS - 1), 0);
	EXPECT(protected, 1);
	EXPECT(bitmap[WORDS - 1], 0);
	EXPECT(kvm_enable_manual_log(&kvm, 4), (u64)-EINVAL);
	EXPECT(kvm_enable_manual_log(&kvm, 2), (u64)-EINVAL);
	EXPECT(kvm_enable_manual_log(&kvm, 3), 0);
	EXPECT(kvm_enable_manual_log(&kvm, 0), 0);
}

/* --- WBINVD --- */

static struct kvm_vcpu vcpu_a = { .kvm = &kvm }, vcpu_b = { .kvm = &kvm };

static void runs_on(struct kvm_vcpu *vcpu, int cpu)
{
	shim_this_cpu = cpu;
	kvm_wbinvd_ran_on(vcpu, cpu);
}

static u64 written_back(struct kvm_vcpu *vcpu)
{
	shim_wbinvds = 0;
	kvm_wbinvd(vcpu);
	EXPECT(shim_atomic, 0);
	return shim_wbinvds;
}

static void wbinvd_where_it_ran(void)
{
	EXPECT(kvm_wbinvd_create(&vcpu_a), 0);
	EXPECT(kvm_wbinvd_create(&vcpu_b), 0);
	runs_on(&vcpu_b, 6);
	runs_on(&vcpu_a, 1);
	runs_on(&vcpu_a, 5);
	/* Every device sees the caches. */
	kvm.mmu.noncoherent = 0;
	EXPECT(written_back(&vcpu_a), 0);
	/* One does not: also what was written before it came. */
	kvm.mmu.noncoherent = 1;
	EXPECT(written_back(&vcpu_a), 1 << 1 | 1 << 5);
	/* Done there, but here it goes on writing. */
	EXPECT(written_back(&vcpu_a), 1 << 5);
	runs_on(&vcpu_a, 0);
	EXPECT(written_back(&vcpu_a), 1 << 0 | 1 << 5);
	EXPECT(written_back(&vcpu_a), 1 << 0);
	shim_this_cpu = 6;
	EXPECT(written_back(&vcpu_b), 1 << 6);
	kvm_wbinvd_destroy(&vcpu_a);
	kvm_wbinvd_destroy(&vcpu_b);
}

/* --- memory types --- */

void vmx_cache_reg(struct kvm_vcpu *vcpu, int reg)
{
	SHIM_CHECK(false);
}

/* CR0.CD of the vCPU that faults, what the VM has, and what its entries say. */
static void memory_types(void)
{
	const u64 pat = KVM_X86_QUIRK_IGNORE_GUEST_PAT, cd = KVM_X86_QUIRK_CD_NW_CLEARED;
	const struct {
		bool noncoherent, cd;
		u64 off, type;
	} t[] = {
		/* Every device sees the caches. */
		{ false, false, 0, EPT_MT_WB | EPT_IPAT },
		{ false, true, 0, EPT_MT_WB | EPT_IPAT },
		{ false, false, cd, EPT_MT_WB | EPT_IPAT },
		{ false, true, cd, EPT_MT_WB | EPT_IPAT },
		{ false, false, pat, EPT_MT_WB },
		{ false, true, pat | cd, EPT_MT_WB },
		/* One does not. */
		{ true, false, 0, EPT_MT_WB },
		{ true, true, 0, EPT_MT_WB },
		{ true, false, cd, EPT_MT_WB },
		{ true, true, cd, EPT_MT_UC | EPT_IPAT },
		{ true, false, pat | cd, EPT_MT_WB },
		{ true, true, pat | cd, EPT_MT_UC | EPT_IPAT },
	};
	unsigned int i;

	vcpu_a.regs.avail = 1u << KVM_REG_CR0;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		kvm.mmu.noncoherent = t[i].noncoherent;
		kvm.settings.disabled_quirks = t[i].off;
		vcpu_a.cr.cr0 = t[i].cd ? X86_CR0_CD : 0;
		EXPECT(ept_memory_type(&kvm, &vcpu_a, true), t[i].type);
		/* Whether CR0.CD of a vCPU is in the tables. */
		EXPECT(kvm_mmu_cd_counts(&kvm), t[i].noncoherent && (t[i].off & cd));
		/* A page that no vCPU touched, as in a prefetch: no CR0 counts. */
		EXPECT(ept_memory_type(&kvm, NULL, true),
		       EPT_MT_WB | (t[i].noncoherent || (t[i].off & pat) ? 0 : EPT_IPAT));
		EXPECT(ept_memory_type(&kvm, &vcpu_a, false), EPT_MT_UC);
	}
	kvm.mmu.noncoherent = 0;
	kvm.settings.disabled_quirks = 0;
}

static void run(void (*test)(void), const char *name)
{
	failed = false;
	test();
	ktap_result(!failed, name);
}

#define RUN(test)	run(test, #test)

int main(void)
{
	ktap_start(9);
	RUN(log_whole);
	RUN(log_reschedules);
	RUN(log_no_room);
	RUN(log_killed);
	RUN(log_of_cpus);
	RUN(clear_by_mask);
	RUN(clear_refused);
	RUN(wbinvd_where_it_ran);
	RUN(memory_types);
	return ktap_end();
}
