/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PC with interrupt controllers in the kernel, whose vCPUs do what the test says, one
 * operation at a time. Each vCPU sits in a guest program that announces by an OUT that
 * it is ready; an operation sets registers and RIP and runs to the next announcement.
 * Every vector has a stub that announces itself in the same way, so whatever is
 * delivered comes back as the result of the operation it interrupted.
 *
 * Between operations RFLAGS.IF is 0: interrupts are only taken in cpu_window(),
 * cpu_halt(), cpu_spin(), cpu_wait_tsc() and, as IRET restores IF, cpu_iret().
 */
#ifndef KVMX_AGENT_H
#define KVMX_AGENT_H

#include "machine.h"

#define MAX_AGENTS	4
#define CPU_DONE	(-1)	/* the operation has ended, nothing was delivered */
#define CPU_EXIT	(-2)	/* an exit that is the test's: see run->exit_reason */

#define PORT_READY	0xe0
#define PORT_EVENT	0xe1

enum chips { CHIPS_KERNEL, CHIPS_SPLIT };

struct cpu {
	struct kvm_vcpu *vcpu;
	struct kvm_run *run;
	struct pc *pc;
	bool x2apic;		/* how apic_read() and apic_write() reach the registers */
};

struct pc {
	struct machine *m;
	int vm_fd;
	int nr;
	struct cpu cpu[MAX_AGENTS];
};

/* Ends the subtest as skipped on a kvm without interrupt controllers. */
void need_irqchip(void);
void need_cap(long cap, const char *name);
/*
 * Ends the subtest as skipped where an operation takes longer than @us microseconds: where
 * VT-x is itself emulated, what has to be done between two ticks of a timer may not fit.
 * It is some 90 on the emulator and some 1800 on the VT-x of the distribution's kvm there.
 */
#define QUICK_US	250
void need_quick(struct cpu *c, unsigned int us);
/* @nr vCPUs with ids from 0; all of them run, their APICs enabled by software. */
struct pc *pc_new(enum chips chips, int nr);
/*
 * With interrupt controllers in the kernel and local APICs in the mode that the subtest's
 * argument says, &in_x1 or &in_x2.
 */
struct pc *pc_in_mode(const void *arg, int nr);
extern const bool in_x1, in_x2;
#define TEST_IN_BOTH_MODES(fn)					\
	do {							\
		add_test(fn, &in_x1, #fn "_xapic");		\
		add_test(fn, &in_x2, #fn "_x2apic");		\
	} while (0)
/* The chips alone; vCPUs follow with pc_add_cpus(). */
struct pc *pc_new_bare(enum chips chips);
void pc_add_cpus(struct pc *pc, int nr);
struct cpu *pc_add_cpu(struct pc *pc, uint32_t id);
/* Long mode, at rest; for vCPUs that come from elsewhere, e.g. after INIT. */
void cpu_prepare(struct cpu *c);
/*
 * Reaches the pages that the delivery of an interrupt needs: when a virtual interrupt exits
 * in the middle, Bochs says the vector of the last injection in its place (lab.rst).
 */
void cpu_touch(struct cpu *c);
void cpu_init_cpuid(struct kvm_vcpu *vcpu, bool x2apic);
void pc_free(struct pc *pc);

/*
 * Operations. What is delivered meanwhile must be asked for: those without a result of
 * their own return the vector, CPU_DONE or CPU_EXIT.
 */
int cpu_window_(struct cpu *c);		/* IF is 1 for two instructions */
int cpu_halt_(struct cpu *c);		/* STI; HLT: sleeps until something is delivered */
int cpu_spin_(struct cpu *c, uint64_t turns);
int cpu_wait_tsc_(struct cpu *c, uint64_t tsc);
int cpu_iret_(struct cpu *c);		/* leaves the stub */
int cpu_resume_(struct cpu *c);		/* after CPU_EXIT */
#define cpu_window(c)		(HERE(), cpu_window_(c))
#define cpu_halt(c)		(HERE(), cpu_halt_(c))
#define cpu_spin(c, n)		(HERE(), cpu_spin_(c, n))
#define cpu_wait_tsc(c, t)	(HERE(), cpu_wait_tsc_(c, t))
#define cpu_iret(c)		(HERE(), cpu_iret_(c))
#define cpu_resume(c)		(HERE(), cpu_resume_(c))

uint32_t cpu_read32(struct cpu *c, uint64_t gpa);
void cpu_write32(struct cpu *c, uint64_t gpa, uint32_t val);
int cpu_try_write32(struct cpu *c, uint64_t gpa, uint32_t val);
uint8_t cpu_inb(struct cpu *c, uint16_t port);
void cpu_outb(struct cpu *c, uint16_t port, uint8_t val);
int cpu_try_outb(struct cpu *c, uint16_t port, uint8_t val);
uint64_t cpu_rdmsr(struct cpu *c, uint32_t msr);
void cpu_wrmsr(struct cpu *c, uint32_t msr, uint64_t val);
/* The exception's vector, or CPU_DONE. */
int cpu_try_rdmsr(struct cpu *c, uint32_t msr, uint64_t *val);
int cpu_try_wrmsr(struct cpu *c, uint32_t msr, uint64_t val);
uint64_t cpu_rdtsc(struct cpu *c);
uint64_t cpu_cr8(struct cpu *c);
void cpu_set_cr8(struct cpu *c, uint64_t val);

/* --- local APIC, registers by their xAPIC offsets --- */
#define APIC_PAGE	0xfee00000
#define R_ID		0x20
#define R_VERSION	0x30
#define R_TPR		0x80
#define R_PPR		0xa0
#define R_EOI		0xb0
#define R_LDR		0xd0
#define R_DFR		0xe0
#define R_SPIV		0xf0
#define R_ISR		0x100
#define R_TMR		0x180
#define R_IRR		0x200
#define R_ESR		0x280
#define R_ICR		0x300
#define R_ICR2		0x310
#define R_LVTT		0x320
#define R_LVT0		0x350
#define R_LVT1		0x360
#define R_LVTERR	0x370
#define R_TMICT		0x380
#define R_TMCCT		0x390
#define R_TDCR		0x3e0
#define R_SELF		0x3f0

#define M_FIXED		0x000
#define M_LOWEST	0x100
#define M_NMI		0x400
#define M_INIT		0x500
#define M_SIPI		0x600
#define M_EXTINT	0x700
#define ICR_LOGICAL	0x800
#define ICR_ASSERT	0x4000
#define ICR_LEVEL	0x8000
#define ICR_SELF	0x40000
#define ICR_ALL		0x80000
#define ICR_OTHERS	0xc0000
#define LVT_MASKED	0x10000
#define LVT_PERIODIC	0x20000
#define LVT_DEADLINE	0x40000

#define MSR_APICBASE	0x1b
#define MSR_DEADLINE	0x6e0
#define MSR_X2APIC(reg)	(0x800 + (reg) / 16)
#define APICBASE_BSP	0x100
#define APICBASE_X2	0x400
#define APICBASE_EN	0x800

uint32_t apic_read(struct cpu *c, uint32_t reg);
void apic_write(struct cpu *c, uint32_t reg, uint32_t val);
void apic_eoi(struct cpu *c);
/* The ICR; @dest is an id, in xAPIC mode 8 bits of it. */
void apic_send(struct cpu *c, uint32_t dest, uint32_t icr);
/* Bit @vector of the 256 at @reg (R_ISR, R_TMR, R_IRR). */
bool apic_bit(struct cpu *c, uint32_t reg, uint8_t vector);
void apic_to_x2(struct cpu *c);

/* --- I/O APIC and 8259s, by @c --- */
#define IOAPIC_PAGE	0xfec00000
#define RTE_REMOTE_IRR	0x4000
#define RTE_LEVEL	0x8000
#define RTE_MASKED	0x10000

uint32_t ioapic_read(struct cpu *c, uint8_t reg);
void ioapic_write(struct cpu *c, uint8_t reg, uint32_t val);
void ioapic_route(struct cpu *c, int pin, uint8_t dest, uint32_t low);
uint32_t ioapic_rte(struct cpu *c, int pin);
/* Both 8259s: vectors from @base and @base + 8, nothing masked. */
void pic_init(struct cpu *c, uint8_t base);

/* --- from outside --- */
int try_irq_line(struct pc *pc, uint32_t gsi, uint32_t level);
void irq_line(struct pc *pc, uint32_t gsi, uint32_t level);
int irq_line_status(struct pc *pc, uint32_t gsi, uint32_t level);
int signal_msi(struct pc *pc, uint32_t dest, uint32_t data);
uint32_t mp_state(struct cpu *c);
int try_set_mp_state(struct cpu *c, uint32_t state);
uint32_t lapic_reg(struct cpu *c, uint32_t reg);	/* by KVM_GET_LAPIC */

/* A handler that runs in the guest alone: counts in 8 bytes at G_COUNT(v), EOI, IRET. */
#define G_COUNT(v)	(0x38000 + (v) * 8)
void install_counter(struct pc *pc, uint8_t vector, bool x2apic);
/* Bochs takes a notification of an empty PIR for a request of this vector (lab.rst). */
#define LAST_VECTOR	255
volatile uint64_t *count_of(struct pc *pc, uint8_t vector);

/*
 * Virtual interrupts that Bochs delivers with IF 0 (lab.rst). No kvm can do that: the entry
 * with such an injection fails. The handlers count them in 8 bytes, the stubs' are looked at.
 */
#define G_WITHOUT_IF	0x38ff8
#define WITHOUT_IF	"this CPU delivers a virtual interrupt while IF is 0"
void need_if_respected(struct pc *pc);

/* Runs a vCPU in a thread; see struct vcpu_thread. */
struct cpu_thread {
	pthread_t thread;
	struct cpu *c;
	volatile bool stop;
	int error, reason;
};

/* Until an exit, or cpu_thread_stop(). */
void cpu_thread_start(struct cpu_thread *t, struct cpu *c);
void cpu_thread_join(struct cpu_thread *t);
void cpu_thread_stop(struct cpu_thread *t);

/* Puts @c at guest code loaded at @gpa, in long mode, IF 0. */
void cpu_goto(struct cpu *c, uint64_t gpa, uint64_t rbx);
struct kvm_regs cpu_regs(struct cpu *c);
void cpu_set_regs(struct cpu *c, const struct kvm_regs *r);

#endif
