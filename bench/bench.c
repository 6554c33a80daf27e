// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench [memory|pml|two]: counts what operations of a guest cost, on nothing but <linux/kvm.h>:
 * prints "operation TAB ticks". In the lab the TSC counts instructions, so there the
 * figures are instructions, exact and repeatable.
 *
 * An operation is done in batches, and the cheapest batch counts: it is one that
 * no timer tick of the host fell into. What the loop itself costs is taken off.
 * With "two" they are those between two vCPUs, for which the host needs two CPUs.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>
#include "guest.h"
#include "machine.h"

#define SMALL_PAGES	512ul		/* of one batch: what one page table maps */
#define SMALL_BATCHES	8
#define LARGE_PAGES	4ul
#define LARGE_BATCHES	4
#define SMALL_BYTES	(SMALL_PAGES * SMALL_BATCHES << 12)
#define LARGE_BYTES	(LARGE_PAGES * LARGE_BATCHES << 21)

/* The same loop, with an eventfd for the writes; @len 0: of any length. */
static void signal_operation(struct machine *m, const char *what, const char *code,
			     uint64_t address, uint32_t len, uint32_t flags)
{
	struct kvm_ioeventfd e = { .addr = address, .len = len, .flags = flags };

	e.fd = must(eventfd(0, EFD_CLOEXEC), "eventfd");
	must(ioctl(m->vm, KVM_IOEVENTFD, &e), "KVM_IOEVENTFD");
	operation(m, what, code, address);
	e.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	must(ioctl(m->vm, KVM_IOEVENTFD, &e), "KVM_IOEVENTFD");
	close(e.fd);
}

/* Each batch touches pages that were not touched before. */
static void touch(struct machine *m, const char *what, const char *code, uint64_t address,
		  uint64_t pages, uint64_t page_size, int batches)
{
	uint64_t best = ~0ull;

	for (int i = 0; i < batches; i++) {
		uint64_t ticks = guest_loop(m, code, pages, address);

		best = ticks < best ? ticks : best;
		address += pages * page_size;
	}
	print(what, (double)best / pages);
}

static void run_and_return(struct machine *m)
{
	uint64_t best = ~0ull;

	m->cpu[0].run->immediate_exit = 1;
	for (int i = 0; i < BATCHES; i++) {
		uint64_t start = __rdtsc(), ticks;

		for (int turn = 0; turn < TURNS; turn++)
			ioctl(m->cpu[0].fd, KVM_RUN, 0);
		ticks = __rdtsc() - start;
		best = ticks < best ? ticks : best;
	}
	m->cpu[0].run->immediate_exit = 0;
	print("KVM_RUN that returns at once", (double)best / TURNS);
}

/* The module emulates on request: module parameter force_emulation_prefix. */
static bool emulates(void)
{
	FILE *f = fopen("/sys/module/kvm/parameters/force_emulation_prefix", "r");
	int how = f ? fgetc(f) : EOF;

	if (f)
		fclose(f);
	return how == '1' || how == 'Y';
}

static void emulator_rows(struct machine *m)
{
	uint64_t ticks;

	if (!emulates()) {
		fprintf(stderr, "bench: no rows for the emulator: force_emulation_prefix is off\n");
		return;
	}
	operation(m, "MOV to memory, emulated", guest_emulated_store, GUEST_FREE);
	ticks = cheapest(m, guest_emulated_copy, GUEST_FREE) - m->loop;
	print("REP MOVSB, emulated, for each byte", (double)ticks / TURNS / COPY_BYTES);
}

static void exit_rows(void)
{
	struct machine m = { 0 };

	make_machine(&m, false);
	memory(&m, 1, GUEST_SMALL, SMALL_BYTES, MADV_NOHUGEPAGE);
	memory(&m, 2, GUEST_LARGE, LARGE_BYTES, MADV_HUGEPAGE);
	operation(&m, "CPUID, leaf 0", guest_cpuid_first, 0);
	operation(&m, "CPUID, leaf 0x80000008", guest_cpuid_last, 0);
	operation(&m, "VMCALL", guest_vmcall, 0);
	operation(&m, "RDMSR of PAT", guest_rdmsr, 0);
	operation(&m, "WRMSR of PAT", guest_wrmsr, 0);
	operation(&m, "port write", guest_outb, 0);
	operation(&m, "port read", guest_inb, 0);
	operation(&m, "MMIO write", guest_store, GUEST_DEVICE);
	operation(&m, "MMIO read", guest_load, GUEST_DEVICE);
	signal_operation(&m, "port write to an eventfd", guest_outb, PORT_DEVICE, 1,
			 KVM_IOEVENTFD_FLAG_PIO);
	signal_operation(&m, "MMIO write to an eventfd", guest_store, GUEST_DEVICE, 4, 0);
	signal_operation(&m, "MMIO write to an eventfd, any length", guest_store, GUEST_DEVICE,
			 0, 0);
	emulator_rows(&m);
	operation(&m, "HLT and wake-up", guest_halt, 0);
	touch(&m, "first touch, 4 KiB page", guest_touch_small, GUEST_SMALL, SMALL_PAGES, 0x1000,
	      SMALL_BATCHES);
	if (huge_kb() >= LARGE_BYTES >> 10)
		touch(&m, "first touch, 2 MiB page", guest_touch_large, GUEST_LARGE, LARGE_PAGES,
		      0x200000, LARGE_BATCHES);
	else
		fprintf(stderr, "bench: no 2 MiB pages to touch: the host gives none\n");
	run_and_return(&m);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "two")) {
		ipi_rows();
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "memory")) {
		tracking_rows();
		memory_rows();
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "pml")) {
		pml_rows();
		return 0;
	}
	exit_rows();
	interrupt_rows();
	return 0;
}
