// SPDX-License-Identifier: GPL-2.0-only
/* Interrupt controllers as the guest and as user space reach them; see agent.h. */
#include <signal.h>

#include "agent.h"

uint32_t apic_read(struct cpu *c, uint32_t reg)
{
	if (c->x2apic)
		return cpu_rdmsr(c, MSR_X2APIC(reg));
	return cpu_read32(c, APIC_PAGE + reg);
}

void apic_write(struct cpu *c, uint32_t reg, uint32_t val)
{
	if (c->x2apic)
		cpu_wrmsr(c, MSR_X2APIC(reg), val);
	else
		cpu_write32(c, APIC_PAGE + reg, val);
}

void apic_eoi(struct cpu *c)
{
	apic_write(c, R_EOI, 0);
}

void apic_send(struct cpu *c, uint32_t dest, uint32_t icr)
{
	if (c->x2apic) {
		cpu_wrmsr(c, MSR_X2APIC(R_ICR), (uint64_t)dest << 32 | icr);
	} else {
		cpu_write32(c, APIC_PAGE + R_ICR2, dest << 24);
		cpu_write32(c, APIC_PAGE + R_ICR, icr);
	}
}

bool apic_bit(struct cpu *c, uint32_t reg, uint8_t vector)
{
	return apic_read(c, reg + vector / 32 * 16) >> (vector & 31) & 1;
}

void apic_to_x2(struct cpu *c)
{
	cpu_wrmsr(c, MSR_APICBASE, cpu_rdmsr(c, MSR_APICBASE) | APICBASE_EN | APICBASE_X2);
	c->x2apic = true;
}

uint32_t ioapic_read(struct cpu *c, uint8_t reg)
{
	cpu_write32(c, IOAPIC_PAGE, reg);
	return cpu_read32(c, IOAPIC_PAGE + 0x10);
}

void ioapic_write(struct cpu *c, uint8_t reg, uint32_t val)
{
	cpu_write32(c, IOAPIC_PAGE, reg);
	cpu_write32(c, IOAPIC_PAGE + 0x10, val);
}

void ioapic_route(struct cpu *c, int pin, uint8_t dest, uint32_t low)
{
	ioapic_write(c, 0x11 + 2 * pin, (uint32_t)dest << 24);
	ioapic_write(c, 0x10 + 2 * pin, low);
}

uint32_t ioapic_rte(struct cpu *c, int pin)
{
	return ioapic_read(c, 0x10 + 2 * pin);
}

void pic_init(struct cpu *c, uint8_t base)
{
	cpu_outb(c, 0x20, 0x11);
	cpu_outb(c, 0x21, base);
	cpu_outb(c, 0x21, 4);
	cpu_outb(c, 0x21, 1);
	cpu_outb(c, 0xa0, 0x11);
	cpu_outb(c, 0xa1, base + 8);
	cpu_outb(c, 0xa1, 2);
	cpu_outb(c, 0xa1, 1);
	cpu_outb(c, 0x21, 0);
	cpu_outb(c, 0xa1, 0);
}

int try_irq_line(struct pc *pc, uint32_t gsi, uint32_t level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	return ioctl(pc->vm_fd, KVM_IRQ_LINE, &l);
}

void irq_line(struct pc *pc, uint32_t gsi, uint32_t level)
{
	CHECK_OK(try_irq_line(pc, gsi, level));
}

int irq_line_status(struct pc *pc, uint32_t gsi, uint32_t level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	CHECK_OK(ioctl(pc->vm_fd, KVM_IRQ_LINE_STATUS, &l));
	return l.status;
}

int signal_msi(struct pc *pc, uint32_t dest, uint32_t data)
{
	struct kvm_msi msi = {
		.address_lo = APIC_PAGE | (dest & 0xff) << 12,
		.address_hi = dest & ~0xffu,
		.data = data,
	};

	return CHECK_OK(ioctl(pc->vm_fd, KVM_SIGNAL_MSI, &msi));
}

uint32_t mp_state(struct cpu *c)
{
	struct kvm_mp_state s;

	CHECK_OK(ioctl(c->vcpu->fd, KVM_GET_MP_STATE, &s));
	return s.mp_state;
}

int try_set_mp_state(struct cpu *c, uint32_t state)
{
	struct kvm_mp_state s = { .mp_state = state };

	return ioctl(c->vcpu->fd, KVM_SET_MP_STATE, &s);
}

uint32_t lapic_reg(struct cpu *c, uint32_t reg)
{
	struct kvm_lapic_state s;
	uint32_t v;

	CHECK_OK(ioctl(c->vcpu->fd, KVM_GET_LAPIC, &s));
	memcpy(&v, s.regs + reg, sizeof(v));
	return v;
}

/* --- handlers in the guest ------------------------------------------------- */

#define COUNT	"lock incq 0x38000\n"						\
		"testl $0x200, 16(%rsp)\n jnz 1f\n incq " S(G_WITHOUT_IF) "\n 1:"

GUEST_CODE(count_xapic, 64, COUNT
	   "push %rax\n mov $0xfee000b0, %eax\n movl $0, (%rax)\n pop %rax\n iretq\n");
GUEST_CODE(count_x2apic, 64, COUNT
	   "push %rax\n push %rcx\n push %rdx\n"
	   "xor %eax, %eax\n xor %edx, %edx\n mov $0x80b, %ecx\n wrmsr\n"
	   "pop %rdx\n pop %rcx\n pop %rax\n iretq\n");

/* LOCK INCQ has its address at offset 5. */
void install_counter(struct pc *pc, uint8_t vector, bool x2apic)
{
	uint64_t *idt = guest_mem(pc->m, G_IDT), at = 0x39000 + vector * 64;
	uint32_t word = G_COUNT(vector);

	if (x2apic)
		machine_load(pc->m, at, count_x2apic, count_x2apic_end);
	else
		machine_load(pc->m, at, count_xapic, count_xapic_end);
	memcpy(guest_mem(pc->m, at + 5), &word, sizeof(word));
	idt[2 * vector] = (at & 0xffff) | (uint64_t)SEL_CODE64 << 16 | 0x8eULL << 40 |
			  at >> 16 << 48;
}

volatile uint64_t *count_of(struct pc *pc, uint8_t vector)
{
	return guest_mem(pc->m, G_COUNT(vector));
}

void need_if_respected(struct pc *pc)
{
	if (*(volatile uint64_t *)guest_mem(pc->m, G_WITHOUT_IF))
		test_skip(WITHOUT_IF);
}

/* --- threads --------------------------------------------------------------- */

static void wake_up(int sig)
{
}

static void *thread_main(void *arg)
{
	struct cpu_thread *t = arg;
	int err;

	do {
		err = try_run(t->c->vcpu);
	} while (!t->stop && (err == EINTR || err == EAGAIN));
	t->error = err;
	t->reason = t->c->run->exit_reason;
	return NULL;
}

void cpu_thread_start(struct cpu_thread *t, struct cpu *c)
{
	struct sigaction sa = { .sa_handler = wake_up };

	sigaction(SIGUSR1, &sa, NULL);
	memset(t, 0, sizeof(*t));
	t->c = c;
	CHECK(!pthread_create(&t->thread, NULL, thread_main, t), "pthread_create");
}

void cpu_thread_join(struct cpu_thread *t)
{
	pthread_join(t->thread, NULL);
	need_if_respected(t->c->pc);
	CHECK(!t->error, "vCPU %d: KVM_RUN: %s", t->c->vcpu->id, strerror(t->error));
}

/* immediate_exit is seen even by a KVM_RUN that begins after the signal. */
void cpu_thread_stop(struct cpu_thread *t)
{
	t->stop = true;
	t->c->run->immediate_exit = 1;
	pthread_kill(t->thread, SIGUSR1);
	pthread_join(t->thread, NULL);
	t->c->run->immediate_exit = 0;
	need_if_respected(t->c->pc);
	CHECK(t->error == EINTR || t->error == EAGAIN, "vCPU %d: KVM_RUN: %s, exit %s",
	      t->c->vcpu->id, strerror(t->error), exit_name(t->reason));
}
