// SPDX-License-Identifier: GPL-2.0-only
/* A VM with one or two vCPUs in 64-bit mode, and how it runs a loop. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "guest.h"
#include "machine.h"

#define CPUID1_X2APIC		(1u << 21)
#define CPUID1_TSC_DEADLINE	(1u << 24)
#define APIC_BASE		0xfee00000ul
#define APIC_BASE_BSP		(1ul << 8)
#define APIC_BASE_X2APIC	(3ul << 10)

long must(long ret, const char *what)
{
	if (ret < 0)
		err(1, "%s", what);
	return ret;
}

void print(const char *what, double ticks)
{
	printf("%s\t%.0f\n", what, ticks);
	fflush(stdout);
}

bool have(int cap, const char *name, const char *rows)
{
	int kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	bool yes = ioctl(kvm, KVM_CHECK_EXTENSION, cap) > 0;

	close(kvm);
	if (!yes)
		fprintf(stderr, "bench: no rows for %s: there is no %s\n", rows, name);
	return yes;
}

unsigned long huge_kb(void)
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

uint8_t *reserve(size_t size, int advice)
{
	uint8_t *raw = mmap(NULL, size + (2ul << 20), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *p = (uint8_t *)(((uintptr_t)raw + (2ul << 20) - 1) & -(2ul << 20));

	if (raw == MAP_FAILED)
		err(1, "mmap of %zu bytes", size);
	madvise(p, size, advice);
	return p;
}

void set_slot(struct machine *m, uint32_t slot, uint64_t gpa, size_t size, const uint8_t *p,
	      uint32_t flags)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (uintptr_t)p,
	};

	must(ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &r), "KVM_SET_USER_MEMORY_REGION");
}

uint8_t *memory(struct machine *m, uint32_t slot, uint64_t gpa, size_t size, int advice)
{
	uint8_t *p = reserve(size, advice);

	memset(p, 0, size);
	set_slot(m, slot, gpa, size, p, 0);
	return p;
}

static void set_gate(struct machine *m, int vector, const char *code)
{
	uint64_t *gate = (uint64_t *)(m->low + GUEST_IDT + vector * 16);
	uint64_t handler = GUEST_CODE + (code - guest_start);

	gate[0] = (handler & 0xffff) | 8 << 16 | 0x8eull << 40 | (handler >> 16 & 0xffff) << 48;
	gate[1] = handler >> 32;
}

/* The guest sees its 4 GiB where they are, in pages of 2 MiB. */
static void make_tables(struct machine *m)
{
	uint64_t *t = (uint64_t *)(m->low + GUEST_TABLES);
	uint64_t *gdt = (uint64_t *)(m->low + GUEST_GDT);

	t[0] = (GUEST_TABLES + 0x1000) | 3;
	for (int i = 0; i < 4; i++)
		t[512 + i] = (GUEST_TABLES + 0x2000 + i * 0x1000) | 3;
	for (uint64_t i = 0; i < 2048; i++)
		t[1024 + i] = i << 21 | 0x83;
	gdt[1] = 0x00af9b000000ffffull;
	gdt[2] = 0x00cf93000000ffffull;
	set_gate(m, VECTOR, guest_handler);
	set_gate(m, VECTOR_SPURIOUS, guest_handler);
	set_gate(m, VECTOR_COUNT, guest_count);
	set_gate(m, VECTOR_TELL, guest_tell);
	set_gate(m, VECTOR_ANSWER, guest_answer);
	memcpy(m->low + GUEST_CODE, guest_start, guest_end - guest_start);
}

static void set_sregs(struct machine *m, int id)
{
	struct kvm_segment cs = { .limit = ~0u, .selector = 8, .type = 11, .present = 1,
				  .s = 1, .l = 1, .g = 1 };
	struct kvm_segment ds = { .limit = ~0u, .selector = 16, .type = 3, .present = 1,
				  .s = 1, .db = 1, .g = 1 };
	struct kvm_sregs s;

	must(ioctl(m->cpu[id].fd, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
	s.cs = cs;
	s.ds = s.es = s.ss = s.fs = s.gs = ds;
	s.gdt = (struct kvm_dtable){ .base = GUEST_GDT, .limit = 23 };
	s.idt = (struct kvm_dtable){ .base = GUEST_IDT, .limit = 0xfff };
	s.cr3 = GUEST_TABLES;
	s.cr4 = 0x20;			/* PAE */
	s.cr0 = 0x80010033;		/* PG WP NE ET MP PE */
	s.efer = 0x500;			/* LMA LME */
	if (m->irqchip)
		s.apic_base = APIC_BASE | APIC_BASE_X2APIC | (id ? 0 : APIC_BASE_BSP);
	must(ioctl(m->cpu[id].fd, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
}

static void set_cpuid(struct machine *m, int id)
{
	enum { ENTRIES = 256 };
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + ENTRIES * sizeof(c->entries[0]));

	if (!c)
		err(1, "calloc");
	c->nent = ENTRIES;
	must(ioctl(m->kvm, KVM_GET_SUPPORTED_CPUID, c), "KVM_GET_SUPPORTED_CPUID");
	for (uint32_t i = 0; m->irqchip && i < c->nent; i++) {
		if (c->entries[i].function == 1)
			c->entries[i].ecx |= CPUID1_X2APIC | CPUID1_TSC_DEADLINE;
	}
	must(ioctl(m->cpu[id].fd, KVM_SET_CPUID2, c), "KVM_SET_CPUID2");
	free(c);
}

void make_vcpu(struct machine *m, int id)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct vcpu *cpu = &m->cpu[id];
	long size;

	cpu->id = id;
	cpu->fd = must(ioctl(m->vm, KVM_CREATE_VCPU, id), "KVM_CREATE_VCPU");
	size = must(ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	cpu->run_size = size;
	cpu->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
	if (cpu->run == MAP_FAILED)
		err(1, "mmap of the vCPU");
	set_cpuid(m, id);
	set_sregs(m, id);
	if (m->irqchip)
		must(ioctl(cpu->fd, KVM_SET_MP_STATE, &runnable), "KVM_SET_MP_STATE");
}

void make_machine(struct machine *m, bool irqchip)
{
	struct kvm_pit_config pit = { 0 };

	m->irqchip = irqchip;
	m->kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	m->vm = must(ioctl(m->kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	if (m->cap)
		must(ioctl(m->vm, KVM_ENABLE_CAP, m->cap), "KVM_ENABLE_CAP");
	must(ioctl(m->vm, KVM_SET_TSS_ADDR, 0xfffbd000), "KVM_SET_TSS_ADDR");
	if (irqchip) {
		must(ioctl(m->vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
		must(ioctl(m->vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
	}
	m->low = memory(m, 0, 0, GUEST_LOW, MADV_NOHUGEPAGE);
	make_tables(m);
	make_vcpu(m, 0);
	m->loop = cheapest(m, guest_nothing, 0);
	m->pair = cheapest(m, guest_pair, 0);
}

void end_machine(struct machine *m)
{
	for (int i = 0; i < 2; i++) {
		if (!m->cpu[i].run)
			continue;
		munmap(m->cpu[i].run, m->cpu[i].run_size);
		close(m->cpu[i].fd);
	}
	close(m->vm);
	close(m->kvm);
	munmap(m->low, GUEST_LOW);
}

/* The line of IOAPIC_PIN goes up and down: one level-triggered interrupt. */
static void pulse_line(struct machine *m)
{
	for (int level = 1; level >= 0; level--) {
		struct kvm_irq_level line = { .irq = IOAPIC_PIN, .level = level };

		must(ioctl(m->vm, KVM_IRQ_LINE, &line), "KVM_IRQ_LINE");
	}
}

/* Answers one exit; true when the loop is done. */
static bool answer(struct machine *m, struct vcpu *cpu)
{
	struct kvm_interrupt irq = { .irq = VECTOR };

	switch (cpu->run->exit_reason) {
	case KVM_EXIT_IO:
		if (cpu->run->io.port == PORT_LINE)
			pulse_line(m);
		return cpu->run->io.port == PORT_DONE;
	case KVM_EXIT_MMIO:
		return false;
	case KVM_EXIT_HLT:
		must(ioctl(cpu->fd, KVM_INTERRUPT, &irq), "KVM_INTERRUPT");
		return false;
	default:
		errx(1, "exit %u, which no loop makes", cpu->run->exit_reason);
	}
}

void set_entry(struct vcpu *cpu, const char *code, uint64_t turns, uint64_t arg)
{
	struct kvm_regs r = {
		.rip = GUEST_CODE + (code - guest_start), .rflags = 2,
		.rsp = GUEST_STACK - cpu->id * 0x1000,
		.rdi = turns, .rsi = arg,
	};

	must(ioctl(cpu->fd, KVM_SET_REGS, &r), "KVM_SET_REGS");
}

void run_to_end(struct machine *m, struct vcpu *cpu)
{
	do {
		must(ioctl(cpu->fd, KVM_RUN, 0), "KVM_RUN");
	} while (!answer(m, cpu));
	/* The write to PORT_DONE completes when the vCPU is entered again. */
	cpu->run->immediate_exit = 1;
	if (ioctl(cpu->fd, KVM_RUN, 0) == 0 || errno != EINTR)
		err(1, "KVM_RUN with immediate_exit");
	cpu->run->immediate_exit = 0;
}

uint64_t guest_loop(struct machine *m, const char *code, uint64_t turns, uint64_t arg)
{
	struct kvm_regs r;

	set_entry(&m->cpu[0], code, turns, arg);
	run_to_end(m, &m->cpu[0]);
	must(ioctl(m->cpu[0].fd, KVM_GET_REGS, &r), "KVM_GET_REGS");
	return r.rax;
}

uint64_t cheapest(struct machine *m, const char *code, uint64_t arg)
{
	uint64_t best = ~0ull;

	for (int i = 0; i < BATCHES; i++) {
		uint64_t ticks = guest_loop(m, code, TURNS, arg);

		best = ticks < best ? ticks : best;
	}
	return best;
}

void operation(struct machine *m, const char *what, const char *code, uint64_t arg)
{
	print(what, (double)(cheapest(m, code, arg) - m->loop) / TURNS);
}
