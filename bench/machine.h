/* SPDX-License-Identifier: GPL-2.0-only */
/* The bench's VM, on nothing but <linux/kvm.h>. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TURNS		50
#define BATCHES		24

struct vcpu {
	int id, fd;
	struct kvm_run *run;
	size_t run_size;
};

struct machine {
	int kvm, vm;
	bool irqchip;
	struct kvm_enable_cap *cap;	/* what the VM is to have, or NULL */
	struct vcpu cpu[2];		/* the second only where an operation needs one */
	uint8_t *low;
	uint64_t loop;			/* what an empty loop of TURNS costs */
	uint64_t pair;			/* what TURNS readings of the clock cost */
};

/* Ends the program when @ret is negative. */
long must(long ret, const char *what);
void print(const char *what, double ticks);

/* With interrupt controllers in the kernel or without; one vCPU, code and tables in place. */
void make_machine(struct machine *m, bool irqchip);
/* 64-bit mode, identity mapped; with interrupt controllers the APIC is in x2APIC mode. */
void make_vcpu(struct machine *m, int id);
/* Address space of @size bytes, aligned to 2 MiB, nothing in it; @advice says in which pages. */
uint8_t *reserve(size_t size, int advice);
/* KiB of this process in huge pages. */
unsigned long huge_kb(void);
void set_slot(struct machine *m, uint32_t slot, uint64_t gpa, size_t size, const uint8_t *p,
	      uint32_t flags);
/* Memory of the guest, present in the host; @advice says in which pages. */
uint8_t *memory(struct machine *m, uint32_t slot, uint64_t gpa, size_t size, int advice);
/* A vCPU is to begin at @code: RDI @turns, RSI @arg. */
void set_entry(struct vcpu *cpu, const char *code, uint64_t turns, uint64_t arg);
/* Runs a vCPU to the end of its loop. */
void run_to_end(struct machine *m, struct vcpu *cpu);
/* The same from @code on; RAX at its end, which is what the guest counted. */
uint64_t guest_loop(struct machine *m, const char *code, uint64_t turns, uint64_t arg);
/* The least of BATCHES times guest_loop() with TURNS. */
uint64_t cheapest(struct machine *m, const char *code, uint64_t arg);
/* Prints what one turn costs beyond the loop. */
void operation(struct machine *m, const char *what, const char *code, uint64_t arg);

/* Is there the capability? If not, says that there are no @rows for want of it. */
bool have(int cap, const char *name, const char *rows);
#define HAVE(cap, rows)	have(cap, #cap, rows)
/* Ends the VM: nothing of it is left in the kernel. */
void end_machine(struct machine *m);

/* interrupts.c: the rows of one vCPU, and those of two */
void interrupt_rows(void);
void ipi_rows(void);
/* tracking.c: who wrote which page; memory.c: slots, zaps, and what the kernel's side takes up */
void tracking_rows(void);
void pml_rows(void);
void memory_rows(void);

#endif
