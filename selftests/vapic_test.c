// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_CAP_VAPIC, which there is where the CPU does not watch the xAPIC's window
 * (flexpriority=0): a copy of the task priority in guest memory, and reports of accesses
 * to the real one.
 */
#include "guest.h"

#define XAPIC	0xfee00000UL
#define VEC	0x45

/* Task priority, class in service, 0, highest request. */
static volatile struct {
	uint8_t tpr, isr, zero, irr;
} copy __attribute__((aligned(8)));

static volatile uint64_t taken, isr_seen;
extern const char tpr_read[], tpr_write[];

/* --- guest ------------------------------------------------------------------ */

static volatile uint32_t *reg(uint32_t offset)
{
	return (volatile uint32_t *)(XAPIC + offset);
}

static void on_irq(struct guest_frame *f)
{
	guest_sync(0x100);
	isr_seen = copy.isr;
	taken++;
	*reg(APIC_EOI) = 0;
}

static void priorities(uint64_t arg)
{
	*reg(APIC_SPIV) = APIC_SPIV_APIC_ENABLED | 0xff;
	*reg(APIC_TASKPRI) = 0x50;
	guest_sync(1);
	G_CHECK_EQ(copy.tpr, 0x50);
	/* Higher than the interrupt that waits. */
	copy.tpr = 0x60;
	guest_sync(2);
	G_CHECK_EQ(*reg(APIC_TASKPRI), 0x60);
	guest_sti();
	guest_sync(3);
	G_CHECK_EQ(copy.irr, VEC);
	G_CHECK_EQ(taken, 0);
	copy.tpr = 0x10;
	guest_sync(4);
	G_CHECK_EQ(taken, 1);
	G_CHECK_EQ(copy.isr, 0);
	guest_cli();
	guest_sync(5);
}

static void accesses(uint64_t arg)
{
	uint32_t val = 0x30;

	asm volatile(".globl tpr_write, tpr_read\n"
		     "tpr_write: movl %0, (%1)\n"
		     "tpr_read: movl (%1), %0\n"
		     : "+a"(val) : "d"(XAPIC + APIC_TASKPRI) : "memory");
	G_CHECK_EQ(val, 0x30);
	guest_sync(1);
}

/* --- host ------------------------------------------------------------------- */

static struct guest *prepare(void)
{
	struct guest *g = guest_new(1, CHIP_FULL);

	need_cap(g, KVM_CAP_VAPIC);
	guest_handlers[VEC] = on_irq;
	return g;
}

static int set_vapic(struct guest *g, uint64_t gpa)
{
	struct kvm_vapic_addr a = { .vapic_addr = gpa };

	return ioctl(g->v[0].vcpu->fd, KVM_SET_VAPIC_ADDR, &a);
}

static uint8_t real_tpr(struct guest *g)
{
	struct kvm_lapic_state s;

	CHECK_OK(ioctl(g->v[0].vcpu->fd, KVM_GET_LAPIC, &s));
	return s.regs[APIC_TASKPRI];
}

static void memory(const void *arg)
{
	struct guest *g = prepare();

	CHECK_OK(set_vapic(g, (uintptr_t)&copy));
	guest_code(g, 0, priorities, 0);
	CHECK_EQ(guest_run(g, 0), 1);
	CHECK_EQ(real_tpr(g), 0x50);
	CHECK_EQ(guest_run(g, 0), 2);
	CHECK_EQ(real_tpr(g), 0x60);
	guest_send_msi(g, 0, VEC);
	CHECK_EQ(guest_run(g, 0), 3);
	CHECK_EQ(guest_run(g, 0), 4);
	CHECK_EQ(guest_run(g, 0), 0x100);
	CHECK_EQ(real_tpr(g), 0x10);
	CHECK_EQ(guest_run(g, 0), 5);
	CHECK_EQ(isr_seen, VEC & 0xf0);
}

static void addresses(const void *arg)
{
	struct guest *g = prepare();

	CHECK_ERRNO(set_vapic(g, 0xd0000000), EINVAL);
	CHECK_OK(set_vapic(g, (uintptr_t)&copy));
	CHECK_OK(set_vapic(g, 0));
	copy.tpr = 7;
	guest_code(g, 0, accesses, 0);
	CHECK_EQ(guest_run(g, 0), 1);
	CHECK_EQ(copy.tpr, 7);
}

/* The access is done when it is reported. */
static void check_report(struct guest *g, const char *rip, bool is_write)
{
	struct kvm_run *run = g->v[0].vcpu->run;

	CHECK_EQ(try_run(g->v[0].vcpu), 0);
	CHECK_EQ(run->exit_reason, KVM_EXIT_TPR_ACCESS);
	CHECK_EQ(run->tpr_access.rip, (uintptr_t)rip);
	CHECK_EQ(run->tpr_access.is_write, is_write);
	CHECK_EQ(real_tpr(g), 0x30);
}

static void reports(const void *arg)
{
	struct kvm_tpr_access_ctl ctl = { .enabled = 1, .flags = 1 };
	struct guest *g = prepare();
	int fd = g->v[0].vcpu->fd;

	CHECK_ERRNO(ioctl(fd, KVM_TPR_ACCESS_REPORTING, &ctl), EINVAL);
	ctl.flags = 0;
	CHECK_OK(ioctl(fd, KVM_TPR_ACCESS_REPORTING, &ctl));
	guest_code(g, 0, accesses, 0);
	check_report(g, tpr_write, true);
	check_report(g, tpr_read, false);
	CHECK_EQ(guest_run(g, 0), 1);
	ctl.enabled = 0;
	CHECK_OK(ioctl(fd, KVM_TPR_ACCESS_REPORTING, &ctl));
	guest_code(g, 0, accesses, 0);
	CHECK_EQ(guest_run(g, 0), 1);
}

int main(int argc, char **argv)
{
	TEST(memory);
	TEST(addresses);
	TEST(reports);
	return run_tests(argc, argv);
}
