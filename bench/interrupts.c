// SPDX-License-Identifier: GPL-2.0-only
/*
 * What interrupts and notifications cost that are delivered in the kernel: from
 * the guest's instruction to the first of its handler.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "guest.h"
#include "machine.h"

#define MSI_GSI		30
#define MSI_ADDRESS	0xfee00000u
#define FAR_DEADLINE	256		/* high half of a TSC that is not reached */
#define REDIRECTION_LEVEL	(1ull << 15)
/* The other vCPU is in its HLT, and the host has stopped polling for it. */
#define SLEEP_DELAY	100000

/* Sums of one batch. */
struct sums {
	uint64_t taken;			/* to the handler */
	uint64_t eoi;
};

static struct sums least(struct machine *m, const char *code, uint64_t turns, uint64_t arg)
{
	struct sums best = { ~0ull, ~0ull };

	for (int i = 0; i < BATCHES; i++) {
		struct kvm_regs r;
		uint64_t taken = guest_loop(m, code, turns, arg);

		must(ioctl(m->cpu[0].fd, KVM_GET_REGS, &r), "KVM_GET_REGS");
		best.taken = taken < best.taken ? taken : best.taken;
		best.eoi = r.r12 < best.eoi ? r.r12 : best.eoi;
	}
	return best;
}

/* An operation that ends in VECTOR_COUNT's handler. Returns what an EOI costs. */
static double to_handler(struct machine *m, const char *what, const char *code)
{
	struct sums s = least(m, code, TURNS, 0);

	if (what)
		print(what, (double)(s.taken - m->pair) / TURNS);
	return (double)(s.eoi - m->pair) / TURNS;
}

/* After the deadline: there is nothing but reading the clock to take off. */
static void after_deadline(struct machine *m, const char *what, const char *code)
{
	print(what, (double)least(m, code, TURNS, 0).taken / TURNS);
}

/* A write to PORT_IRQFD signals an eventfd, and that sends VECTOR_COUNT as an MSI. */
static void add_irqfd(struct machine *m)
{
	int fd = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
	struct kvm_ioeventfd e = {
		.addr = PORT_IRQFD, .len = 1, .fd = fd, .flags = KVM_IOEVENTFD_FLAG_PIO,
	};
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[2];
	} r = {
		.head.nr = 2,
		.entry = {
			{ .gsi = MSI_GSI, .type = KVM_IRQ_ROUTING_MSI,
			  .u.msi = { .address_lo = MSI_ADDRESS, .data = VECTOR_COUNT } },
			{ .gsi = IOAPIC_PIN, .type = KVM_IRQ_ROUTING_IRQCHIP,
			  .u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = IOAPIC_PIN } },
		},
	};
	struct kvm_irqfd i = { .fd = fd, .gsi = MSI_GSI };

	must(ioctl(m->vm, KVM_IOEVENTFD, &e), "KVM_IOEVENTFD");
	must(ioctl(m->vm, KVM_SET_GSI_ROUTING, &r), "KVM_SET_GSI_ROUTING");
	must(ioctl(m->vm, KVM_IRQFD, &i), "KVM_IRQFD");
}

static void set_ioapic(struct machine *m)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	must(ioctl(m->vm, KVM_GET_IRQCHIP, &chip), "KVM_GET_IRQCHIP");
	chip.chip.ioapic.redirtbl[IOAPIC_PIN].bits = VECTOR_COUNT | REDIRECTION_LEVEL;
	must(ioctl(m->vm, KVM_SET_IRQCHIP, &chip), "KVM_SET_IRQCHIP");
}

void interrupt_rows(void)
{
	struct machine m = { 0 };
	double eoi;

	if (!HAVE(KVM_CAP_IRQCHIP, "interrupts") || !HAVE(KVM_CAP_PIT2, "interrupts"))
		return;
	make_machine(&m, true);
	guest_loop(&m, guest_apic_on, 0, 0);
	operation(&m, "port write to the 8254", guest_out_pit, 0);
	eoi = to_handler(&m, "self-IPI to handler", guest_self_ipi);
	print("EOI", eoi);
	if (HAVE(KVM_CAP_TSC_DEADLINE_TIMER, "the TSC deadline")) {
		operation(&m, "TSC deadline, arming", guest_arm, FAR_DEADLINE);
		guest_loop(&m, guest_disarm, 0, 0);
		after_deadline(&m, "TSC deadline, from it to handler", guest_near);
		to_handler(&m, "TSC deadline in the past to handler", guest_past);
		after_deadline(&m, "TSC deadline to handler, in HLT", guest_halt_timer);
	}
	if (HAVE(KVM_CAP_IOEVENTFD, "irqfd") && HAVE(KVM_CAP_IRQFD, "irqfd")) {
		add_irqfd(&m);
		to_handler(&m, "port write to an eventfd, irqfd to handler", guest_irqfd);
	}
	set_ioapic(&m);
	print("EOI, level-triggered", to_handler(&m, NULL, guest_line));
}

/* --- two vCPUs --- */

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "sched_setaffinity to CPU %d", cpu);
}

static void *other_vcpu(void *arg)
{
	struct machine *m = arg;

	pin(1);
	run_to_end(m, &m->cpu[1]);
	return NULL;
}

/* The least time of one turn of @sender with the other vCPU in @target. */
static void between_two(struct machine *m, const char *what, const char *sender,
			const char *target, uint64_t delay)
{
	uint64_t best = ~0ull;

	for (int i = 0; i < BATCHES; i++) {
		pthread_t thread;
		uint64_t taken;

		memset(m->low + GUEST_SHARED, 0, 0x1000);
		set_entry(&m->cpu[1], target, 0, 0);
		errno = pthread_create(&thread, NULL, other_vcpu, m);
		if (errno)
			err(1, "pthread_create");
		taken = guest_loop(m, sender, TURNS, delay);
		best = taken < best ? taken : best;
		pthread_join(thread, NULL);
	}
	print(what, (double)(best - m->pair) / TURNS);
}

void ipi_rows(void)
{
	struct machine m = { 0 };

	if (!HAVE(KVM_CAP_IRQCHIP, "interrupts between vCPUs"))
		return;
	pin(0);
	make_machine(&m, true);
	make_vcpu(&m, 1);
	guest_loop(&m, guest_apic_on, 0, 0);
	between_two(&m, "IPI to a running vCPU", guest_send, guest_spin, 1000);
	between_two(&m, "IPI there and back", guest_send_and_wait, guest_spin, 1000);
	between_two(&m, "IPI to a halted vCPU", guest_send, guest_sleep, SLEEP_DELAY);
}
