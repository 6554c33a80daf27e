/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests written in C, with several vCPUs and interrupt controllers in the kernel. The
 * test program itself is part of guest memory, at its own addresses: host and guest
 * see the same functions and the same global variables. A guest function is an ordinary
 * one that calls nothing of the C library; what it shares with the host is volatile.
 *
 * It stands on a machine (machine.h) in long mode, so low and high memory, page tables
 * (4 GiB, identical) and G_DATA are as described there; the local APIC and the I/O
 * APIC are where they always are.
 */
#ifndef KVMX_GUEST_H
#define KVMX_GUEST_H

#include "machine.h"
#include "apic.h"

#define GUEST_MAX_VCPUS 32
#define GUEST_PORT_SYNC 0x700		/* EAX is what guest_run() returns */
#define GUEST_PORT_FAIL 0x704		/* guest_failure says what went wrong */

enum guest_chip { CHIP_NONE, CHIP_SPLIT, CHIP_FULL };

struct guest_vcpu {
	struct kvm_vcpu *vcpu;
	struct guest *guest;
	pthread_t thread;
	bool started;
	volatile uint64_t exits;	/* to user space, guest_sync() not counted */
	volatile bool done;
	uint32_t value;			/* of the guest_sync() that ended it */
};

struct guest {
	struct machine *m;		/* m->vcpu is vCPU 0 */
	int fd;				/* of the VM */
	struct guest_vcpu v[GUEST_MAX_VCPUS];
	int nr;
	const struct kvm_cpuid2 *cpuid;	/* for vCPUs to come */
	/* Exits that are not guest_sync(): true to go on. NULL: they fail the test. */
	bool (*on_exit)(struct guest_vcpu *v);
};

/* What an interrupt or exception finds on the stack. */
struct guest_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error, ip, cs, flags, sp, ss;
};

/* --- host side --- */
/* A VM with @nr vCPUs, ids from 0. Skips the subtest if the kernel has no such chip. */
struct guest *guest_new(int nr, enum guest_chip chip);
/* The same without vCPUs, for what has to be done before the first. */
struct guest *guest_new_novcpu(enum guest_chip chip);
struct guest_vcpu *guest_add_vcpu(struct guest *g, uint32_t id);
/* vCPU @i is to call @fn(@arg) on its own stack, interrupts off. */
void guest_code(struct guest *g, int i, void (*fn)(uint64_t arg), uint64_t arg);
/* Runs vCPU @i in this thread up to its next guest_sync(). */
uint32_t guest_run_(struct guest *g, int i);
#define guest_run(g, i) (HERE(), guest_run_(g, i))
/* The same in a thread of its own. */
void guest_start(struct guest *g, int i);
uint32_t guest_join(struct guest *g, int i);
/*
 * vCPUs 0 to @nr - 1 in threads until each says guest_sync(0). By another value a guest on
 * few CPUs lets the others in, and goes on.
 */
void guest_start_race(struct guest *g, int nr);
void guest_join_race(struct guest *g, int nr);
/* Skips the subtest, with its name as the reason, without the capability. */
int need_cap_(struct guest *g, int cap, const char *name);
#define need_cap(g, cap) need_cap_(g, cap, #cap)
/* The paravirtual features that CPUID announces, bits KVM_FEATURE_*; 0 without that leaf. */
uint32_t pv_features(const struct kvm_cpuid2 *cpuid);
/* Skips the subtest, with its name as the reason, if the vCPUs do not get the feature. */
void need_feature_(const struct guest *g, int bit, const char *name);
#define need_feature(g, f) need_feature_(g, f, #f)
uint64_t vcpu_msr_get(struct kvm_vcpu *vcpu, uint32_t index);
/* 1, or 0 if the MSR or the value is refused. */
int vcpu_msr_set(struct kvm_vcpu *vcpu, uint32_t index, uint64_t value);
/* Routes: exactly the table that is given. */
int guest_set_routes(struct guest *g, const struct kvm_irq_routing_entry *e, int nr);
struct kvm_irq_routing_entry msi_route(uint32_t gsi, uint32_t dest, uint8_t vector);
struct kvm_irq_routing_entry chip_route(uint32_t gsi, uint32_t chip, uint32_t pin);

void guest_send_msi(struct guest *g, uint32_t dest, uint8_t vector);
/* Eventfds that do not block; event_take() gives the count and clears it. */
int event_new(void);
void event_signal(int fd);
uint64_t event_take(int fd);
int guest_irqfd(struct guest *g, int fd, uint32_t gsi, uint32_t flags);
int guest_irqfd_resample(struct guest *g, int fd, uint32_t gsi, uint32_t flags, int refd);
int guest_ioeventfd(struct guest *g, int fd, uint64_t addr, uint32_t len, uint32_t flags,
		    uint64_t match);

/* --- shared --- */
/* What guest_fail() was called with. */
struct guest_failure {
	const char *file, *what;
	uint64_t line, a, b;
};

extern volatile struct guest_failure guest_failure;
/* Vectors without a handler fail the test. */
extern void (*volatile guest_handlers[256])(struct guest_frame *f);

/* --- guest side --- */
void guest_fail(const char *file, int line, const char *what, uint64_t a, uint64_t b);

#define G_CHECK(cond)							\
	do {								\
		if (!(cond))						\
			guest_fail(__FILE__, __LINE__, #cond, 0, 0);	\
	} while (0)

#define G_CHECK_EQ(a, b)						\
	do {								\
		uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b);	\
									\
		if (a_ != b_)						\
			guest_fail(__FILE__, __LINE__, #a " == " #b, a_, b_); \
	} while (0)

static inline void guest_out(uint16_t port, uint32_t value)
{
	asm volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

/* Back to the host: guest_run() and guest_join() return @value. */
static inline void guest_sync(uint32_t value)
{
	guest_out(GUEST_PORT_SYNC, value);
}

static inline void guest_sti(void)
{
	asm volatile("sti\n nop" : : : "memory");
}

static inline void guest_cli(void)
{
	asm volatile("cli" : : : "memory");
}

/* Interrupts on and halt, with no gap; off again afterwards. */
static inline void guest_wait_irq(void)
{
	asm volatile("sti\n hlt\n cli" : : : "memory");
}

static inline void guest_pause(void)
{
	asm volatile("pause" : : : "memory");
}

/*
 * A fault at the instruction continues behind it with the vector in R11, which is 0 if all was
 * well; clobbers R10. The operand [magic] is "i"(GUEST_TRY_MAGIC).
 */
#define GUEST_TRY_MAGIC 0x6b766d7866697875ULL
#define GUEST_TRY(insn) "lea 1f(%%rip), %%r10\n mov %[magic], %%r11\n" insn "\n" \
			"xor %%r11d, %%r11d\n 1:"

/* MSR accesses that may fault: the vector, 0 if all was well. */
uint8_t guest_wrmsr(uint32_t msr, uint64_t value);
uint8_t guest_rdmsr(uint32_t msr, uint64_t *value);

static inline uint64_t guest_hypercall(uint64_t nr, uint64_t a, uint64_t b, uint64_t c,
				       uint64_t d)
{
	asm volatile("vmcall" : "+a"(nr) : "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	return nr;
}

/* What the delivery of an interrupt needs: it must not exit in the middle (lab.rst). */
void guest_touch(void);
/* x2APIC mode, switched on by software. */
void guest_x2apic(void);

static inline void guest_apic_write(uint32_t reg, uint64_t value)
{
	wrmsr(0x800 + (reg >> 4), value);
}

static inline uint64_t guest_apic_read(uint32_t reg)
{
	return rdmsr(0x800 + (reg >> 4));
}

/* Both 8259s masked: out of reset a pin of the I/O APIC is one of theirs too. */
static inline void guest_mask_pics(void)
{
	asm volatile("outb %b0, $0x21\n outb %b0, $0xa1" : : "a"(0xff));
}

/* @low as in the redirection table: vector, 1 << 15 level, 1 << 16 masked. */
static inline void guest_ioapic_pin(int pin, uint32_t low, uint8_t dest)
{
	volatile uint32_t *ioapic = (void *)0xfec00000;

	ioapic[0] = 0x10 + 2 * pin;
	ioapic[4] = 1 << 16;
	ioapic[0] = 0x11 + 2 * pin;
	ioapic[4] = (uint32_t)dest << 24;
	ioapic[0] = 0x10 + 2 * pin;
	ioapic[4] = low;
}

static inline void guest_eoi(void)
{
	guest_apic_write(APIC_EOI, 0);
}

/* Bochs takes a notification of an empty PIR for a request of vector 255 (lab.rst): EOI. */
void guest_take_last_vector(void);

#endif
