// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts what operations of a guest cost, on nothing but <linux/kvm.h>: prints
 * "operation TAB ticks". In the lab the TSC counts instructions, so there the
 * figures are instructions, exact and repeatable.
 *
 * An operation is done in batches, and the cheapest batch counts: it is one that
 * no timer tick of the host fell into. What the loop itself costs is taken off.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
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

#define TURNS		50
#define BATCHES		24
#define SMALL_PAGES	512ul		/* of one batch: what one page table maps */
#define SMALL_BATCHES	8
#define LARGE_PAGES	4ul
#define LARGE_BATCHES	4
#define SMALL_BYTES	(SMALL_PAGES * SMALL_BATCHES << 12)
#define LARGE_BYTES	(LARGE_PAGES * LARGE_BATCHES << 21)

struct machine {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	uint8_t *low, *small, *large;
	uint64_t loop;			/* what an empty loop of TURNS costs */
};

static long must(long ret, const char *what)
{
	if (ret < 0)
		err(1, "%s", what);
	return ret;
}

/* Memory of the guest, present in the host; @advice says in which pages. */
static uint8_t *memory(struct machine *m, uint32_t slot, uint64_t gpa, size_t size, int advice)
{
	uint8_t *raw = mmap(NULL, size + (2ul << 20), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *p = (uint8_t *)(((uintptr_t)raw + (2ul << 20) - 1) & -(2ul << 20));
	struct kvm_userspace_memory_region r = {
		.slot = slot, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (uintptr_t)p,
	};

	if (raw == MAP_FAILED)
		err(1, "mmap of %zu bytes", size);
	madvise(p, size, advice);
	memset(p, 0, size);
	must(ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &r), "KVM_SET_USER_MEMORY_REGION");
	return p;
}

/* The guest sees its 4 GiB where they are, in pages of 2 MiB. */
static void make_tables(struct machine *m)
{
	uint64_t *t = (uint64_t *)(m->low + GUEST_TABLES);
	uint64_t *gdt = (uint64_t *)(m->low + GUEST_GDT);
	uint64_t *gate = (uint64_t *)(m->low + GUEST_IDT + VECTOR * 16);
	uint64_t handler = GUEST_CODE + (guest_handler - guest_start);

	t[0] = (GUEST_TABLES + 0x1000) | 3;
	for (int i = 0; i < 4; i++)
		t[512 + i] = (GUEST_TABLES + 0x2000 + i * 0x1000) | 3;
	for (uint64_t i = 0; i < 2048; i++)
		t[1024 + i] = i << 21 | 0x83;
	gdt[1] = 0x00af9b000000ffffull;
	gdt[2] = 0x00cf93000000ffffull;
	gate[0] = (handler & 0xffff) | 8 << 16 | 0x8eull << 40 | (handler >> 16 & 0xffff) << 48;
	gate[1] = handler >> 32;
	memcpy(m->low + GUEST_CODE, guest_start, guest_end - guest_start);
}

static void set_sregs(struct machine *m)
{
	struct kvm_segment cs = { .limit = ~0u, .selector = 8, .type = 11, .present = 1,
				  .s = 1, .l = 1, .g = 1 };
	struct kvm_segment ds = { .limit = ~0u, .selector = 16, .type = 3, .present = 1,
				  .s = 1, .db = 1, .g = 1 };
	struct kvm_sregs s;

	must(ioctl(m->vcpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
	s.cs = cs;
	s.ds = s.es = s.ss = s.fs = s.gs = ds;
	s.gdt = (struct kvm_dtable){ .base = GUEST_GDT, .limit = 23 };
	s.idt = (struct kvm_dtable){ .base = GUEST_IDT, .limit = 0xfff };
	s.cr3 = GUEST_TABLES;
	s.cr4 = 0x20;			/* PAE */
	s.cr0 = 0x80010033;		/* PG WP NE ET MP PE */
	s.efer = 0x500;			/* LMA LME */
	must(ioctl(m->vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
}

static void set_cpuid(struct machine *m)
{
	enum { ENTRIES = 256 };
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + ENTRIES * sizeof(c->entries[0]));

	if (!c)
		err(1, "calloc");
	c->nent = ENTRIES;
	must(ioctl(m->kvm, KVM_GET_SUPPORTED_CPUID, c), "KVM_GET_SUPPORTED_CPUID");
	must(ioctl(m->vcpu, KVM_SET_CPUID2, c), "KVM_SET_CPUID2");
	free(c);
}

static void make_machine(struct machine *m)
{
	long size;

	m->kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	m->vm = must(ioctl(m->kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	must(ioctl(m->vm, KVM_SET_TSS_ADDR, 0xfffbd000), "KVM_SET_TSS_ADDR");
	m->low = memory(m, 0, 0, GUEST_LOW, MADV_NOHUGEPAGE);
	m->small = memory(m, 1, GUEST_SMALL, SMALL_BYTES, MADV_NOHUGEPAGE);
	m->large = memory(m, 2, GUEST_LARGE, LARGE_BYTES, MADV_HUGEPAGE);
	m->vcpu = must(ioctl(m->vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	size = must(ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	m->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	if (m->run == MAP_FAILED)
		err(1, "mmap of the vCPU");
	make_tables(m);
	set_cpuid(m);
	set_sregs(m);
}

/* Answers one exit; true when the loop is done. */
static bool answer(struct machine *m)
{
	struct kvm_interrupt irq = { .irq = VECTOR };

	switch (m->run->exit_reason) {
	case KVM_EXIT_IO:
		return m->run->io.port == PORT_DONE;
	case KVM_EXIT_MMIO:
		return false;
	case KVM_EXIT_HLT:
		must(ioctl(m->vcpu, KVM_INTERRUPT, &irq), "KVM_INTERRUPT");
		return false;
	default:
		errx(1, "exit %u, which no loop makes", m->run->exit_reason);
	}
}

/* The ticks that @turns of the loop @code take, as the guest counts them. */
static uint64_t guest_loop(struct machine *m, const char *code, uint64_t turns, uint64_t address)
{
	struct kvm_regs r = {
		.rip = GUEST_CODE + (code - guest_start), .rsp = GUEST_STACK, .rflags = 2,
		.rdi = turns, .rsi = address,
	};

	must(ioctl(m->vcpu, KVM_SET_REGS, &r), "KVM_SET_REGS");
	do {
		must(ioctl(m->vcpu, KVM_RUN, 0), "KVM_RUN");
	} while (!answer(m));
	must(ioctl(m->vcpu, KVM_GET_REGS, &r), "KVM_GET_REGS");
	/* The write to PORT_DONE completes when the vCPU is entered again. */
	m->run->immediate_exit = 1;
	if (ioctl(m->vcpu, KVM_RUN, 0) == 0 || errno != EINTR)
		err(1, "KVM_RUN with immediate_exit");
	m->run->immediate_exit = 0;
	return r.rax;
}

static uint64_t cheapest(struct machine *m, const char *code, uint64_t address)
{
	uint64_t best = ~0ull;

	for (int i = 0; i < BATCHES; i++) {
		uint64_t ticks = guest_loop(m, code, TURNS, address);

		best = ticks < best ? ticks : best;
	}
	return best;
}

static void print(const char *what, double ticks)
{
	printf("%s\t%.0f\n", what, ticks);
	fflush(stdout);
}

static void operation(struct machine *m, const char *what, const char *code, uint64_t address)
{
	print(what, (double)(cheapest(m, code, address) - m->loop) / TURNS);
}

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

/* KiB of this process in huge pages. */
static unsigned long huge_kb(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	unsigned long kb = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "AnonHugePages: %lu", &kb) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kb;
}

static void run_and_return(struct machine *m)
{
	uint64_t best = ~0ull;

	m->run->immediate_exit = 1;
	for (int i = 0; i < BATCHES; i++) {
		uint64_t start = __rdtsc(), ticks;

		for (int turn = 0; turn < TURNS; turn++)
			ioctl(m->vcpu, KVM_RUN, 0);
		ticks = __rdtsc() - start;
		best = ticks < best ? ticks : best;
	}
	m->run->immediate_exit = 0;
	print("KVM_RUN that returns at once", (double)best / TURNS);
}

int main(void)
{
	struct machine m = { 0 };

	make_machine(&m);
	m.loop = cheapest(&m, guest_nothing, 0);
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
	signal_operation(&m, "MMIO write to an eventfd, any length", guest_store, GUEST_DEVICE, 0, 0);
	operation(&m, "HLT and wake-up", guest_halt, 0);
	touch(&m, "first touch, 4 KiB page", guest_touch_small, GUEST_SMALL, SMALL_PAGES, 0x1000,
	      SMALL_BATCHES);
	if (huge_kb() >= LARGE_BYTES >> 10)
		touch(&m, "first touch, 2 MiB page", guest_touch_large, GUEST_LARGE, LARGE_PAGES,
		      0x200000, LARGE_BATCHES);
	else
		fprintf(stderr, "bench: no 2 MiB pages to touch: the host gives none\n");
	run_and_return(&m);
	return 0;
}
