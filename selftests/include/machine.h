/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small PC for the tests: one VM without an in-kernel irqchip, memory in two
 * slots, one vCPU, and the processor mode a test wants. It stands on libkvm's
 * lowest layer (vm_create_barebones() and __vm_vcpu_add()), which asks for nothing
 * but the VM and vCPU file descriptors.
 */
#ifndef KVMX_MACHINE_H
#define KVMX_MACHINE_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm_util.h"
#include "processor.h"
#include "kvmx_test.h"

/* Guest physical addresses. Slot 0 is 0..LOW_SIZE, slot 1 is HIGH_BASE.. . */
#define G_IVT		0x0
#define G_STUBS		0x1000		/* vector v lands at G_STUBS + v * 16 */
#define STUB_END(v)	(G_STUBS + (v) * 16 + 2)	/* RIP when it has halted there */
#define G_IDT		0x2000
#define G_GDT		0x3000
#define G_TSS		0x3800
#define G_PML4		0x4000
#define G_PDPT		0x5000
#define G_PD		0x6000		/* four of them: 4 GiB in 2 MiB pages */
#define G_PT		0xa000		/* the first 2 MiB in 4 KiB pages */
#define G_CODE		0x10000
#define G_DATA		0x20000		/* free for tests up to 0x7ffff */
#define G_STACK_BASE	0x80000		/* SS base in 16-bit modes */
#define G_STACK		0x8f000		/* initial flat stack pointer */
#define G_ISTACK	0x9f000		/* ring 0 stack for ring 3 tests */
#define LOW_SIZE	0xa0000
#define G_MMIO_LOW	0xb0000		/* reached from real mode as FS:0 */
#define HIGH_BASE	0x100000
#define HIGH_SIZE	0x300000
#define G_MMIO		0xd0000000

#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_CODE32	0x18
#define SEL_UCODE32	0x23
#define SEL_UDATA	0x2b
#define SEL_UCODE64	0x33
#define SEL_CODE16	0x38
#define SEL_DATA16	0x40
#define SEL_TSS		0x50		/* two entries in long mode */
#define SEL_FREE	0x60		/* first one for tests to fill */
#define GDT_ENTRIES	32

#define REAL_CODE_SEG	(G_CODE >> 4)
#define REAL_DATA_SEG	(G_DATA >> 4)
#define REAL_MMIO_SEG	(G_MMIO_LOW >> 4)

enum mode { MODE_REAL, MODE_PROT16, MODE_PROT32, MODE_LONG };

struct machine {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	struct kvm_run *run;
	uint8_t *low;			/* host address of slot 0 */
	uint8_t *high;			/* host address of slot 1 */
	enum mode mode;
};

/* Guest code as assembly text; name and name_end delimit the bytes. */
#define GUEST_CODE(name, bits, text)					\
	extern const uint8_t name[], name##_end[];			\
	asm(".pushsection .rodata\n.code" #bits "\n"			\
	    ".globl " #name "\n" #name ":\n" text "\n"			\
	    ".globl " #name "_end\n" #name "_end:\n"			\
	    ".byte 0xf4\n.code64\n.popsection\n")

/* A label inside a GUEST_CODE block, for its offset. */
#define GUEST_LABEL(name) extern const uint8_t name[]

#define S(x) S_(x)
#define S_(x) #x

/* An exception or interrupt that reached its stub. */
struct event {
	int vector;
	bool has_error;
	uint32_t error;
	uint64_t ip, cs, flags, sp, ss;
};

struct kvm_vm *bare_vm(void);
struct machine *machine_new(void);
struct machine *machine_new_novcpu(void);
void machine_add_vcpu(struct machine *m, const struct kvm_cpuid2 *cpuid);
void machine_free(struct machine *m);
void *guest_mem(struct machine *m, uint64_t gpa);
void set_slot(struct machine *m, uint32_t slot, uint32_t flags, uint64_t gpa,
	      uint64_t size, void *hva);
int try_slot(struct machine *m, uint32_t slot, uint32_t flags, uint64_t gpa,
	     uint64_t size, void *hva);
void *anon_mem(size_t size);
/*
 * In a machine of two CPUs, Bochs forgets where an exception has led if an exit for the host
 * comes at once (lab.rst).
 */
bool exceptions_get_lost(void);

void machine_load(struct machine *m, uint64_t gpa, const uint8_t *code,
		  const uint8_t *end);
void machine_mode(struct machine *m, enum mode mode);
void vcpu_mode(struct machine *m, struct kvm_vcpu *vcpu, enum mode mode);
void machine_tables(struct machine *m, enum mode mode);
#define machine_start(m, mode, name)					\
	do {								\
		machine_load(m, G_CODE, name, name##_end);		\
		machine_mode(m, mode);					\
	} while (0)
/* Code, stack and data segments of ring 3, in long mode. */
void machine_ring3(struct machine *m);
/* In long mode; an RDMSR or WRMSR and a HLT, to be run next. Upper halves hold what is ignored. */
void start_rdmsr(struct machine *m, uint32_t index);
void start_wrmsr(struct machine *m, uint32_t index, uint64_t value);
uint64_t gdt_entry(uint32_t base, uint32_t limit, uint16_t access);
struct kvm_segment make_segment(uint16_t sel, uint64_t base, uint32_t limit,
				uint16_t access);
uint64_t *guest_pte(struct machine *m, uint64_t va);

/* Access bytes: type, S, DPL, P as in a descriptor; bits 12..15 AVL, L, D, G. */
#define ACC_CODE64	0xa09b
#define ACC_CODE32	0xc09b
#define ACC_CODE16	0x009b
#define ACC_DATA	0xc093
#define ACC_DATA16	0x0093
#define ACC_TSS		0x008b
#define ACC_LDT		0x0082
#define ACC_DPL3	0x0060

struct kvm_regs get_regs(struct machine *m);
void set_regs(struct machine *m, const struct kvm_regs *regs);
struct kvm_sregs get_sregs(struct machine *m);
void set_sregs(struct machine *m, const struct kvm_sregs *sregs);
uint64_t get_msr(struct machine *m, uint32_t index);
int try_set_msr(struct machine *m, uint32_t index, uint64_t value);
void set_msr(struct machine *m, uint32_t index, uint64_t value);
/* In long mode: writes one byte (5Ah, AL) each RDX bytes, RCX times, from RBX on, and halts. */
extern const uint8_t page_writer[], page_writer_end[];
/* What is at G_CODE, page_writer or another, is run next with these in RBX, RCX, RDX; and runs. */
void prepare_writes(struct machine *m, uint64_t at, uint64_t count, uint64_t step);
void touch_pages(struct machine *m, uint64_t at, uint64_t count, uint64_t step);

/* KVM_ENABLE_CAP with one argument, of a VM or a vCPU. */
int enable_cap(int fd, uint32_t cap, uint64_t arg);
bool cpu_has(struct machine *m, struct kvm_x86_cpu_feature f);

/* KVM_RUN; the exit reason, and a failed subtest if the call fails. */
int run_vcpu(struct kvm_vcpu *vcpu);
/* KVM_RUN that may fail: 0 or an errno. */
int try_run(struct kvm_vcpu *vcpu);
/* Completes the pending exit without entering the guest. */
void complete_exit(struct kvm_vcpu *vcpu);
const char *exit_name(uint32_t reason);
void describe_exit(struct kvm_vcpu *vcpu, char *buf, size_t len);

/* One of the vCPU's or the VM's statistics; the subtest is skipped where it is not there. */
uint64_t vcpu_stat(struct kvm_vcpu *vcpu, const char *name);
uint64_t vm_stat(struct kvm_vm *vm, const char *name);

void expect_exit_(struct machine *m, int reason);
void expect_hlt_(struct machine *m);
struct event expect_event_(struct machine *m, int vector);
void expect_out_(struct machine *m, uint16_t port, int size, uint32_t value);
void expect_in_(struct machine *m, uint16_t port, int size, uint32_t value);
void expect_mmio_write_(struct machine *m, uint64_t gpa, int len, uint64_t value);
void expect_mmio_read_(struct machine *m, uint64_t gpa, int len, uint64_t value);
void expect_shutdown_(struct machine *m);
bool at_event(struct machine *m, struct event *e);

#define expect_exit(m, r) (HERE(), expect_exit_(m, r))
#define expect_hlt(m) (HERE(), expect_hlt_(m))
#define expect_event(m, v) (HERE(), expect_event_(m, v))
#define expect_out(m, p, s, v) (HERE(), expect_out_(m, p, s, v))
#define expect_in(m, p, s, v) (HERE(), expect_in_(m, p, s, v))
#define expect_mmio_write(m, g, l, v) (HERE(), expect_mmio_write_(m, g, l, v))
#define expect_mmio_read(m, g, l, v) (HERE(), expect_mmio_read_(m, g, l, v))
#define expect_shutdown(m) (HERE(), expect_shutdown_(m))

/* Runs the vCPU in a thread until it halts or @on_exit returns false. */
struct vcpu_thread {
	pthread_t thread;
	struct machine *m;
	bool (*on_exit)(struct machine *m);
	int error;			/* what ended KVM_RUN, 0 for an exit */
	volatile bool done;
};

void thread_start(struct vcpu_thread *t, struct machine *m,
		  bool (*on_exit)(struct machine *m));
/* Waits for the end; a failed KVM_RUN fails the subtest. */
void thread_join(struct vcpu_thread *t);
/* Waits until *@p is at least @value, failing after some seconds. */
void wait_for(const volatile uint64_t *p, uint64_t value);
#define thread_wait_for(p, v) (HERE(), wait_for(p, v))

/* True on kvmx, for where the two modules differ on purpose; false on another kvm. */
bool is_kvmx(void);
/* Nanoseconds of the host's @clock, CLOCK_MONOTONIC and so on. */
uint64_t host_ns(int clock);
/* @thread runs on this CPU of the host only; false if there is none of that number. */
bool pin_thread(pthread_t thread, int cpu);
/* The same with this thread; the CPU must be there. */
void pin(int cpu);

/* Leaves an event's stub as IRET would, but continues at @ip. */
void return_to(struct machine *m, const struct event *e, uint64_t ip);

#define FLAG_CF 0x1
#define FLAG_PF 0x4
#define FLAG_AF 0x10
#define FLAG_ZF 0x40
#define FLAG_SF 0x80
#define FLAG_TF 0x100
#define FLAG_IF 0x200
#define FLAG_DF 0x400
#define FLAG_OF 0x800
#define FLAG_RF 0x10000
#define FLAG_AC 0x40000

#define CR0_PE 0x1UL
#define CR0_MP 0x2UL
#define CR0_EM 0x4UL
#define CR0_TS 0x8UL
#define CR0_ET 0x10UL
#define CR0_NE 0x20UL
#define CR0_WP 0x10000UL
#define CR0_AM 0x40000UL
#define CR0_NW 0x20000000UL
#define CR0_CD 0x40000000UL
#define CR0_PG 0x80000000UL

#define EFER_SCE_BIT 0x1UL
#define EFER_LME_BIT 0x100UL
#define EFER_LMA_BIT 0x400UL
#define EFER_NX_BIT 0x800UL

#define PTE_P 0x1UL
#define PTE_W 0x2UL
#define PTE_U 0x4UL
#define PTE_A 0x20UL
#define PTE_D 0x40UL
#define PTE_PS 0x80UL
#define PTE_G 0x100UL
#define PTE_NX (1UL << 63)

#endif
