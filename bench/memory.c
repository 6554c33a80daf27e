// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it costs to change slots, with few and with many of them, and to take mapped memory
 * away; and how much memory of the kernel a VM takes up.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>
#include "guest.h"
#include "machine.h"

/* Slots of one page, with a hole of one page after each. */
#define FIRST_SLOT		8
#define SLOTS_BASE		0x100000000ul
#define SLOTS_STEP		0x2000ul
#define SLOT_ROUNDS		8

#define ZAP_BYTES		(256ul << 20)
#define ZAP_PAGES		(ZAP_BYTES >> 12)
#define ZAP_ROUNDS		2

#define TABLES_BYTES		(2ul << 30)
#define LOG_BYTES		(128ul << 30)
#define VMS			64
#define VCPUS			128

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- slots --- */

/* Ticks of one KVM_SET_USER_MEMORY_REGION: slot @i, @shift bytes past its place. */
static uint64_t set_page(struct machine *m, const uint8_t *p, int i, size_t size, int shift,
			 uint32_t flags)
{
	uint64_t start = __rdtsc();

	set_slot(m, FIRST_SLOT + i, SLOTS_BASE + i * SLOTS_STEP + shift, size, p + i * 4096ul,
		 flags);
	return __rdtsc() - start;
}

static void print_slots(const char *what, int slots, uint64_t ticks)
{
	char line[80];

	snprintf(line, sizeof(line), "slot %s, beside %d", what, slots);
	print(line, ticks);
}

/* Each change is made to a slot in the middle. */
static void slot_rows(int slots)
{
	uint64_t made = ~0ull, gone = ~0ull, moved = ~0ull, on = ~0ull, off = ~0ull;
	uint8_t *p = reserve(slots * 4096ul, MADV_NOHUGEPAGE);
	struct machine m = { 0 };
	int i = slots / 2;

	make_machine(&m, false);
	for (int k = 0; k < slots; k++)
		set_page(&m, p, k, 4096, 0, 0);
	for (int k = 0; k < SLOT_ROUNDS; k++) {
		on = least(on, set_page(&m, p, i, 4096, 0, KVM_MEM_LOG_DIRTY_PAGES));
		off = least(off, set_page(&m, p, i, 4096, 0, 0));
		moved = least(moved, set_page(&m, p, i, 4096, 0x1000, 0));
		gone = least(gone, set_page(&m, p, i, 0, 0, 0));
		made = least(made, set_page(&m, p, i, 4096, 0, 0));
	}
	print_slots("made", slots, made);
	print_slots("deleted", slots, gone);
	print_slots("moved", slots, moved);
	print_slots("with a log from now on", slots, on);
	print_slots("without a log from now on", slots, off);
	end_machine(&m);
	munmap(p, slots * 4096ul);
}

/* --- taking memory away --- */

/* Ticks of madvise() alone, of memory that the host has, and with @code the guest too. */
static uint64_t drop(struct machine *m, uint8_t *p, const char *code, uint64_t pages)
{
	uint64_t best = ~0ull, start;

	for (int i = 0; i < ZAP_ROUNDS; i++) {
		memset(p, 0, ZAP_BYTES);
		if (code)
			guest_loop(m, code, pages, GUEST_SMALL);
		start = __rdtsc();
		must(madvise(p, ZAP_BYTES, MADV_DONTNEED), "madvise");
		best = least(best, __rdtsc() - start);
	}
	return best;
}

/* What the same costs where the guest has not touched it is the host's, and taken off. */
static void zap_row(const char *what, int advice, const char *code, uint64_t pages)
{
	uint8_t *p = reserve(ZAP_BYTES, advice);
	struct machine m = { 0 };
	uint64_t host;

	make_machine(&m, false);
	set_slot(&m, 1, GUEST_SMALL, ZAP_BYTES, p, 0);
	memset(p, 0, ZAP_BYTES);
	if (advice == MADV_HUGEPAGE && huge_kb() < ZAP_BYTES >> 10) {
		fprintf(stderr, "bench: no row for %s: the host gives no such pages\n", what);
	} else {
		host = drop(&m, p, NULL, 0);
		print(what, ((double)drop(&m, p, code, pages) - host) / pages);
	}
	end_machine(&m);
	munmap(p, ZAP_BYTES);
}

static void zap_rows(void)
{
	zap_row("madvise of 256 MiB mapped by 4 KiB, each page", MADV_NOHUGEPAGE,
		guest_touch_small, ZAP_PAGES);
	zap_row("madvise of 256 MiB mapped by 2 MiB, each page", MADV_HUGEPAGE,
		guest_touch_large, ZAP_PAGES / 512);
}

/* --- what the kernel's side takes up --- */

/*
 * Free pages, those on the lists of each CPU included: the difference is all that was taken
 * in between, from whichever allocator.
 */
static long free_bytes(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	long pages = 0, n;
	char line[256];

	if (!f)
		err(1, "/proc/zoneinfo");
	/* What a grace period frees is free. */
	usleep(200000);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " pages free %ld", &n) == 1 ||
		    sscanf(line, " count: %ld", &n) == 1)
			pages += n;
	}
	fclose(f);
	return pages * 4096;
}

static void vm_size(int kvm)
{
	int vm[VMS];
	long before;

	/* One before: what is made once, or kept for the next, is not counted. */
	close(must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM"));
	before = free_bytes();
	for (int i = 0; i < VMS; i++)
		vm[i] = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	print("memory of a VM, KiB", (double)(before - free_bytes()) / VMS / 1024);
	for (int i = 0; i < VMS; i++)
		close(vm[i]);
}

static void vcpu_size(int kvm)
{
	int vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM"), vcpu[VCPUS];
	long before;

	must(ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000), "KVM_SET_TSS_ADDR");
	if (HAVE(KVM_CAP_IRQCHIP, "memory of a vCPU's APIC"))
		must(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	before = free_bytes();
	for (int i = 0; i < VCPUS; i++)
		vcpu[i] = must(ioctl(vm, KVM_CREATE_VCPU, i), "KVM_CREATE_VCPU");
	print("memory of a vCPU, KiB", (double)(before - free_bytes()) / VCPUS / 1024);
	for (int i = 0; i < VCPUS; i++)
		close(vcpu[i]);
	close(vm);
}

/*
 * A page in each 2 MiB is all that a table for 512 needs. 2 GiB, so that what is in stock
 * for faults to come counts for little.
 */
static void mapping_size(void)
{
	const uint64_t pages = TABLES_BYTES >> 21;
	uint8_t *p = reserve(TABLES_BYTES, MADV_NOHUGEPAGE);
	struct machine m = { 0 };
	long before;

	make_machine(&m, false);
	set_slot(&m, 1, GUEST_SMALL, TABLES_BYTES, p, 0);
	for (uint64_t i = 0; i < pages; i++)
		p[i << 21] = 0;
	before = free_bytes();
	guest_loop(&m, guest_touch_large, pages, GUEST_SMALL);
	print("memory to map 1 GiB by 4 KiB, KiB", (before - free_bytes()) / 2048.0);
	end_machine(&m);
	munmap(p, TABLES_BYTES);
}

/* Nothing is in that memory: it is only named. */
static void log_size(void)
{
	uint8_t *p = reserve(LOG_BYTES, MADV_NOHUGEPAGE);
	struct machine m = { 0 };
	long before;

	make_machine(&m, false);
	set_slot(&m, 1, SLOTS_BASE, LOG_BYTES, p, 0);
	before = free_bytes();
	set_slot(&m, 1, SLOTS_BASE, LOG_BYTES, p, KVM_MEM_LOG_DIRTY_PAGES);
	print("memory of the dirty log of 1 GiB, KiB",
	      (double)(before - free_bytes()) / 1024 / (LOG_BYTES >> 30));
	end_machine(&m);
	munmap(p, LOG_BYTES);
}

static void slots_size(void)
{
	enum { SLOTS = 10000 };
	uint8_t *p = reserve(SLOTS * 4096ul, MADV_NOHUGEPAGE);
	struct machine m = { 0 };
	long before;

	make_machine(&m, false);
	before = free_bytes();
	for (int i = 0; i < SLOTS; i++)
		set_page(&m, p, i, 4096, 0, 0);
	print("memory of a slot, one page, bytes", (double)(before - free_bytes()) / SLOTS);
	end_machine(&m);
	munmap(p, SLOTS * 4096ul);
}

void memory_rows(void)
{
	int kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");

	/* First, while little that was freed is kept for the next. */
	vm_size(kvm);
	vcpu_size(kvm);
	close(kvm);
	mapping_size();
	log_size();
	slots_size();
	zap_rows();
	slot_rows(10);
	slot_rows(10000);
}
