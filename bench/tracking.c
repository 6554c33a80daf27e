// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it costs to know which pages a guest has written: by KVM_GET_DIRTY_LOG, by
 * KVM_CLEAR_DIRTY_LOG, by dirty rings. The slot is of 1 GiB, as that of a fuzzer that puts
 * a snapshot back, and most of it was never touched.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>
#include "guest.h"
#include "machine.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#ifndef KVM_CAP_DIRTY_LOG_RING_ACQ_REL
#define KVM_CAP_DIRTY_LOG_RING_ACQ_REL	223
#endif

#define SLOT			1
#define SLOT_BYTES		(1ul << 30)
#define SLOT_PAGES		(SLOT_BYTES >> 12)
#define NEAR_PAGES		512ul	/* what one page table maps */
#define ROUNDS			16
#define RING_ENTRIES		4096ul

static unsigned long bitmap[SLOT_PAGES / 64];

/* Shortest time so far. */
struct least {
	uint64_t guest, host, both;
};

static const struct least most = { ~0ull, ~0ull, ~0ull };

static void take(struct least *least, uint64_t guest, uint64_t host)
{
	least->guest = guest < least->guest ? guest : least->guest;
	least->host = host < least->host ? host : least->host;
	least->both = guest + host < least->both ? guest + host : least->both;
}

static uint64_t touch_near(struct machine *m)
{
	return guest_loop(m, guest_touch_small, NEAR_PAGES, GUEST_SMALL);
}

static uint64_t touch_far(struct machine *m)
{
	return guest_loop(m, guest_touch_far, FAR_PAGES, GUEST_SMALL);
}

static uint64_t touch_none(struct machine *m)
{
	(void)m;
	return 0;
}

static uint64_t get_log(struct machine *m)
{
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = bitmap };
	uint64_t start = __rdtsc();

	must(ioctl(m->vm, KVM_GET_DIRTY_LOG, &log), "KVM_GET_DIRTY_LOG");
	return __rdtsc() - start;
}

/* All of the slot in one go, with the bitmap that KVM_GET_DIRTY_LOG gave. */
static uint64_t clear_log(struct machine *m)
{
	struct kvm_clear_dirty_log log = {
		.slot = SLOT, .num_pages = SLOT_PAGES, .dirty_bitmap = bitmap,
	};
	uint64_t start = __rdtsc();

	must(ioctl(m->vm, KVM_CLEAR_DIRTY_LOG, &log), "KVM_CLEAR_DIRTY_LOG");
	return __rdtsc() - start;
}

static unsigned long logged(void)
{
	unsigned long n = 0;

	for (size_t i = 0; i < SLOT_PAGES / 64; i++)
		n += __builtin_popcountl(bitmap[i]);
	return n;
}

/* Pages are written and the log is taken, which must have those and no others. */
static struct least rounds(struct machine *m, uint64_t (*touch)(struct machine *m),
			   unsigned long pages)
{
	struct least least = most;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t guest = touch(m), host = get_log(m);

		if (logged() != pages)
			errx(1, "%lu pages in the log, %lu written", logged(), pages);
		take(&least, guest, host);
	}
	return least;
}

/* Between get and clear nothing is protected anew, so only clear makes a round. */
static struct least clear_rounds(struct machine *m, uint64_t (*touch)(struct machine *m),
				 unsigned long pages, uint64_t *get)
{
	struct least least = most;

	*get = ~0ull;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t guest = touch(m), host = get_log(m);

		if (logged() != pages)
			errx(1, "%lu pages in the log, %lu written", logged(), pages);
		*get = host < *get ? host : *get;
		take(&least, guest, clear_log(m));
	}
	return least;
}

/* kvm-intel's or, of kvmx, kvm's: does the CPU write the log (page-modification logging)? */
static bool pml(void)
{
	static const char * const names[] = {
		"/sys/module/kvm_intel/parameters/pml", "/sys/module/kvm/parameters/pml",
	};
	bool on = false;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !on; i++) {
		FILE *f = fopen(names[i], "r");

		on = f && fgetc(f) == 'Y';
		if (f)
			fclose(f);
	}
	return on;
}

static uint8_t *make_tracked(struct machine *m, uint32_t flags)
{
	uint8_t *p = reserve(SLOT_BYTES, MADV_NOHUGEPAGE);

	make_machine(m, false);
	/* The host has what the guest will write. */
	memset(p, 0, NEAR_PAGES << 12);
	for (int i = 0; i < FAR_PAGES; i++)
		p[i * FAR_STEP] = 0;
	set_slot(m, SLOT, GUEST_SMALL, SLOT_BYTES, p, flags);
	return p;
}

static void log_rows(void)
{
	struct least none, near, far;
	struct machine m = { 0 };
	uint64_t first;
	uint8_t *p;

	p = make_tracked(&m, KVM_MEM_LOG_DIRTY_PAGES);
	first = touch_near(&m);
	touch_far(&m);
	get_log(&m);
	none = rounds(&m, touch_none, 0);
	near = rounds(&m, touch_near, NEAR_PAGES);
	far = rounds(&m, touch_far, FAR_PAGES);
	print("first write to a page, log on", (double)first / NEAR_PAGES);
	print("write to a page whose log was taken", (double)near.guest / NEAR_PAGES);
	print("KVM_GET_DIRTY_LOG, 1 GiB, no page dirty", none.host);
	print("KVM_GET_DIRTY_LOG, 1 GiB, 20 pages dirty", far.host);
	print("KVM_GET_DIRTY_LOG, each of 512 dirty pages",
	      (double)(near.host - none.host) / NEAR_PAGES);
	print("20 pages written and the log taken", far.both);
	end_machine(&m);
	munmap(p, SLOT_BYTES);
}

/* Where the CPU writes the log, its buffer is full now and then: an exit is in the figures. */
void pml_rows(void)
{
	struct least none, near, far;
	struct machine m = { 0 };
	uint8_t *p;

	if (!pml()) {
		fprintf(stderr, "bench: no rows for PML: the module parameter pml is off\n");
		return;
	}
	p = make_tracked(&m, KVM_MEM_LOG_DIRTY_PAGES);
	touch_near(&m);
	touch_far(&m);
	get_log(&m);
	none = rounds(&m, touch_none, 0);
	near = rounds(&m, touch_near, NEAR_PAGES);
	far = rounds(&m, touch_far, FAR_PAGES);
	print("PML: write to a page, logged by the CPU", (double)near.guest / NEAR_PAGES);
	print("PML: KVM_GET_DIRTY_LOG, 1 GiB, no page dirty", none.host);
	print("PML: 512 pages written and the log taken, each",
	      (double)(near.both - none.host) / NEAR_PAGES);
	print("PML: 20 pages written and the log taken", far.both);
	end_machine(&m);
	munmap(p, SLOT_BYTES);
}

static void clear_rows(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 1 } };
	struct machine m = { .cap = &cap };
	struct least none, near, far;
	uint64_t get;
	uint8_t *p;

	if (!HAVE(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, "KVM_CLEAR_DIRTY_LOG"))
		return;
	p = make_tracked(&m, KVM_MEM_LOG_DIRTY_PAGES);
	touch_near(&m);
	touch_far(&m);
	get_log(&m);
	clear_log(&m);
	none = clear_rounds(&m, touch_none, 0, &get);
	print("KVM_GET_DIRTY_LOG without clearing, 1 GiB", get);
	near = clear_rounds(&m, touch_near, NEAR_PAGES, &get);
	far = clear_rounds(&m, touch_far, FAR_PAGES, &get);
	print("KVM_CLEAR_DIRTY_LOG, 1 GiB, no page dirty", none.host);
	print("KVM_CLEAR_DIRTY_LOG, 1 GiB, 20 pages dirty", far.host);
	print("KVM_CLEAR_DIRTY_LOG, each of 512 dirty pages",
	      (double)(near.host - none.host) / NEAR_PAGES);
	end_machine(&m);
	munmap(p, SLOT_BYTES);
}

/* User space takes the entries from @*next on and gives them back; how many there were. */
static unsigned long harvest(struct machine *m, struct kvm_dirty_gfn *ring, uint64_t *next)
{
	unsigned long n = 0;
	long reset;

	for (;; n++, ++*next) {
		struct kvm_dirty_gfn *gfn = &ring[*next % RING_ENTRIES];

		if (!(__atomic_load_n(&gfn->flags, __ATOMIC_ACQUIRE) & KVM_DIRTY_GFN_F_DIRTY))
			break;
		__atomic_store_n(&gfn->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
	}
	reset = must(ioctl(m->vm, KVM_RESET_DIRTY_RINGS, 0), "KVM_RESET_DIRTY_RINGS");
	if ((unsigned long)reset != n)
		errx(1, "KVM_RESET_DIRTY_RINGS: %ld, of %lu", reset, n);
	return n;
}

static struct least ring_rounds(struct machine *m, struct kvm_dirty_gfn *ring, uint64_t *next,
				uint64_t (*touch)(struct machine *m), unsigned long pages)
{
	struct least least = most;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t guest = touch(m), start = __rdtsc();
		unsigned long n = harvest(m, ring, next);

		/* The guest's stack and code are in a slot that is not logged. */
		if (n != pages)
			errx(1, "%lu entries in the ring, %lu pages written", n, pages);
		take(&least, guest, __rdtsc() - start);
	}
	return least;
}

static void ring_rows(void)
{
	size_t size = RING_ENTRIES * sizeof(struct kvm_dirty_gfn);
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .args = { size },
	};
	struct machine m = { .cap = &cap };
	struct least near, far;
	struct kvm_dirty_gfn *ring;
	uint64_t next = 0;
	uint8_t *p;

	if (!HAVE(KVM_CAP_DIRTY_LOG_RING_ACQ_REL, "dirty rings"))
		return;
	p = make_tracked(&m, KVM_MEM_LOG_DIRTY_PAGES);
	ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m.cpu[0].fd,
		    KVM_DIRTY_LOG_PAGE_OFFSET * 4096L);
	if (ring == MAP_FAILED)
		err(1, "mmap of the dirty ring");
	touch_near(&m);
	touch_far(&m);
	harvest(&m, ring, &next);
	near = ring_rounds(&m, ring, &next, touch_near, NEAR_PAGES);
	far = ring_rounds(&m, ring, &next, touch_far, FAR_PAGES);
	print("write to a page, into the dirty ring", (double)near.guest / NEAR_PAGES);
	print("dirty ring, harvest and reset, each of 512", (double)near.host / NEAR_PAGES);
	print("20 pages written, the ring harvested", far.both);
	munmap(ring, size);
	end_machine(&m);
	munmap(p, SLOT_BYTES);
}

void tracking_rows(void)
{
	log_rows();
	clear_rows();
	ring_rows();
}
