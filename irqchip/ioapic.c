// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC, Intel 82093AA (order number 290566), with an EOI register as
 * later ones have. An edge on a masked input is lost, as the data sheet says; a
 * level is looked at again when the input is unmasked and when its interrupt
 * has ended. Polarity is stored and otherwise ignored: 1 is always active.
 */
#include <linux/bitops.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "bus.h"
#include "ioapic.h"
#include "lapic.h"
#include "trace_irq.h"

#define IOAPIC_BASE	0xfec00000
#define IOAPIC_SIZE	0x100
#define IOREGSEL	0x00
#define IOWIN		0x10
#define IOEOI		0x40

#define REG_ID		0
#define REG_VERSION	1
#define REG_ARB		2
#define REG_REDIR	0x10
#define VERSION		((KVM_IOAPIC_PINS - 1) << 16 | 0x11)
#define ID_MASK		0x0f000000

/* Redirection entry. */
#define REDIR_MODE_SHIFT	8
#define REDIR_MODE	(7 << REDIR_MODE_SHIFT)
#define REDIR_LOGICAL	BIT_ULL(11)
#define REDIR_STATUS	BIT_ULL(12)
#define REDIR_RIRR	BIT_ULL(14)
#define REDIR_LEVEL	BIT_ULL(15)
#define REDIR_MASKED	BIT_ULL(16)
#define REDIR_READONLY	(REDIR_STATUS | REDIR_RIRR)
#define REDIR_WRITABLE	0xff0000000001afffull

/*
 * An input that is up again at each EOI, this often, waits a while: its handler
 * has not been able to silence the device, and the rest of the guest shall go on.
 */
#define STORM_COUNT	5000
#define STORM_DELAY	msecs_to_jiffies(10)

struct kvm_ioapic {
	raw_spinlock_t lock;
	struct kvm *kvm;
	u64 redir[KVM_IOAPIC_PINS];
	u32 lines;			/* inputs that are up */
	u32 id;
	u8 regsel;
	u8 sources[KVM_IOAPIC_PINS];	/* who holds the input up */
	u16 ended[KVM_IOAPIC_PINS];	/* EOIs in a row at which it was still up */
	u32 delayed;			/* inputs that @storm_work delivers */
	bool stopped;
	struct delayed_work storm_work;
	struct kvm_io_device dev;
};

/* The other delivery modes are edges, whatever the entry says. */
static bool level_triggered(u64 e)
{
	return (e & REDIR_LEVEL) && (e & REDIR_MODE) <= KVM_DM_LOWEST << REDIR_MODE_SHIFT;
}

static void redir_msg(u64 e, struct kvm_apic_msg *msg)
{
	*msg = (struct kvm_apic_msg) {
		.vector = e & 0xff,
		.mode = (e & REDIR_MODE) >> REDIR_MODE_SHIFT,
		.logical = e & REDIR_LOGICAL,
		.assert = true,
		.level = level_triggered(e),
		.dest = e >> 56,
	};
}

/* Sends the interrupt of @pin, if it may; what KVM_IRQ_LINE_STATUS says. */
static int deliver(struct kvm_ioapic *io, unsigned int pin)
{
	struct kvm_apic_msg msg;
	int r;

	if (io->redir[pin] & REDIR_MASKED)
		return KVM_IRQ_NO_TARGET;
	redir_msg(io->redir[pin], &msg);
	if (msg.level && (io->redir[pin] & REDIR_RIRR))
		return KVM_IRQ_COALESCED;
	io->delayed &= ~BIT(pin);
	r = kvm_apic_deliver(io->kvm, NULL, &msg);
	if (msg.level && r >= 0)
		io->redir[pin] |= REDIR_RIRR;
	return r;
}

/* The line is up, and no processor has taken the interrupt yet. */
static void deliver_level(struct kvm_ioapic *io, unsigned int pin)
{
	if (level_triggered(io->redir[pin]) && (io->lines & BIT(pin)))
		deliver(io, pin);
}

int kvm_ioapic_set_irq(struct kvm *kvm, unsigned int pin, int source, int level)
{
	struct kvm_ioapic *io = kvm->irq.ioapic;
	int r = KVM_IRQ_DELIVERED;
	unsigned long flags;
	bool up, was;

	raw_spin_lock_irqsave(&io->lock, flags);
	if (level)
		io->sources[pin] |= BIT(source);
	else
		io->sources[pin] &= ~BIT(source);
	up = io->sources[pin];
	was = io->lines & BIT(pin);
	if (!up) {
		io->lines &= ~BIT(pin);
		io->ended[pin] = 0;
	} else {
		io->lines |= BIT(pin);
		if (!was || (level_triggered(io->redir[pin]) && !(io->delayed & BIT(pin))))
			r = deliver(io, pin);
		else
			r = KVM_IRQ_COALESCED;
		trace_kvm_ioapic_set_irq(io->redir[pin], pin, !r);
	}
	raw_spin_unlock_irqrestore(&io->lock, flags);
	return r;
}

/* The interrupt of level input @pin has ended, and the device still asks. */
static void deliver_again(struct kvm_ioapic *io, unsigned int pin)
{
	if (++io->ended[pin] < STORM_COUNT) {
		deliver_level(io, pin);
		return;
	}
	io->ended[pin] = 0;
	io->delayed |= BIT(pin);
	if (!io->stopped)
		queue_delayed_work(system_wq, &io->storm_work, STORM_DELAY);
}

static void storm_is_over(struct work_struct *work)
{
	struct kvm_ioapic *io = container_of(work, struct kvm_ioapic, storm_work.work);
	unsigned long flags, delayed, pin;

	raw_spin_lock_irqsave(&io->lock, flags);
	delayed = io->delayed;
	io->delayed = 0;
	for_each_set_bit(pin, &delayed, KVM_IOAPIC_PINS) {
		trace_kvm_ioapic_delayed_eoi_inj(io->redir[pin]);
		deliver_level(io, pin);
	}
	raw_spin_unlock_irqrestore(&io->lock, flags);
}

/* Those who wait for the acknowledgment are asked first: they may take the level away. */
static void end_of_interrupt(struct kvm_ioapic *io, u8 vector)
{
	unsigned long flags, pins = 0, pin;

	raw_spin_lock_irqsave(&io->lock, flags);
	for (pin = 0; pin < KVM_IOAPIC_PINS; pin++)
		if ((u8)io->redir[pin] == vector)
			pins |= BIT(pin);
	raw_spin_unlock_irqrestore(&io->lock, flags);
	if (!pins)
		return;
	for_each_set_bit(pin, &pins, KVM_IOAPIC_PINS)
		kvm_notify_acked_irq(io->kvm, KVM_IRQCHIP_IOAPIC, pin);
	raw_spin_lock_irqsave(&io->lock, flags);
	for_each_set_bit(pin, &pins, KVM_IOAPIC_PINS) {
		if ((u8)io->redir[pin] != vector || !level_triggered(io->redir[pin]))
			continue;
		io->redir[pin] &= ~REDIR_RIRR;
		if ((io->lines & BIT(pin)) && !(io->redir[pin] & REDIR_MASKED))
			deliver_again(io, pin);
		else
			io->ended[pin] = 0;
	}
	raw_spin_unlock_irqrestore(&io->lock, flags);
}

void kvm_ioapic_eoi(struct kvm_vcpu *vcpu, u8 vector)
{
	end_of_interrupt(vcpu->kvm->irq.ioapic, vector);
}

bool kvm_ioapic_eoi_comes(struct kvm_vcpu *vcpu, const struct kvm_apic_msg *msg)
{
	struct kvm_lapic *apic = vcpu->apic;

	return kvm_apic_match(vcpu, NULL, 0, msg->dest, msg->logical) ||
	       lapic_test(apic, LAPIC_ISR, msg->vector) ||
	       lapic_test(apic, LAPIC_IRR, msg->vector) ||
	       test_bit(msg->vector, (unsigned long *)apic->pi_desc.pir);
}

void kvm_ioapic_scan(struct kvm_vcpu *vcpu, u64 bitmap[4])
{
	struct kvm_ioapic *io = vcpu->kvm->irq.ioapic;
	u64 redir[KVM_IOAPIC_PINS];
	struct kvm_apic_msg msg;
	unsigned long flags;
	unsigned int pin;

	raw_spin_lock_irqsave(&io->lock, flags);
	memcpy(redir, io->redir, sizeof(redir));
	raw_spin_unlock_irqrestore(&io->lock, flags);
	for (pin = 0; pin < KVM_IOAPIC_PINS; pin++) {
		redir_msg(redir[pin], &msg);
		if (!msg.level && !kvm_irq_has_notifier(vcpu->kvm, KVM_IRQCHIP_IOAPIC, pin))
			continue;
		/* One in service may have another destination than the entry has now. */
		if (kvm_ioapic_eoi_comes(vcpu, &msg))
			bitmap[msg.vector / 64] |= BIT_ULL(msg.vector % 64);
	}
}

static u32 read_window(const struct kvm_ioapic *io)
{
	unsigned int i = io->regsel - REG_REDIR;

	switch (io->regsel) {
	case REG_ID:
	case REG_ARB:
		return io->id;
	case REG_VERSION:
		return VERSION;
	}
	if (i / 2 >= KVM_IOAPIC_PINS)
		return 0;
	return io->redir[array_index_nospec(i / 2, KVM_IOAPIC_PINS)] >> (i & 1) * 32;
}

/* Half a redirection entry; true if it is another now. */
static bool write_redir(struct kvm_ioapic *io, unsigned int pin, bool high, u32 val)
{
	u64 old = io->redir[pin], e;

	e = high ? (u32)old | (u64)val << 32 : (old & ~0xffffffffull) | val;
	e = (e & REDIR_WRITABLE) | (old & REDIR_READONLY);
	if (!level_triggered(e))
		e &= ~REDIR_RIRR;
	io->redir[pin] = e;
	return e != old;
}

/* True if a redirection entry is another now. */
static bool write_window(struct kvm_ioapic *io, u32 val)
{
	unsigned int i = io->regsel - REG_REDIR;

	if (io->regsel == REG_ID)
		io->id = val & ID_MASK;
	if (io->regsel < REG_REDIR || i / 2 >= KVM_IOAPIC_PINS)
		return false;
	return write_redir(io, array_index_nospec(i / 2, KVM_IOAPIC_PINS), i & 1, val);
}

/*
 * Redirection entries have changed. The vCPUs learn first whose EOI is wanted, then come
 * the levels that waited. All of that is one step with the change, under the lock: an
 * interrupt by the new entry whose vCPU has not heard of it could end without an exit, and
 * its EOI would be lost.
 */
static void entries_changed(struct kvm_ioapic *io)
{
	unsigned int pin;

	kvm_make_scan_ioapic_request(io->kvm);
	for (pin = 0; pin < KVM_IOAPIC_PINS; pin++)
		if (!(io->delayed & BIT(pin)))
			deliver_level(io, pin);
}

/* Registers are 32 bits wide and 16 bytes apart; what is beside them reads as 0. */
static int ioapic_read(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		       void *val)
{
	struct kvm_ioapic *io = container_of(dev, struct kvm_ioapic, dev);
	unsigned int reg = addr & (IOAPIC_SIZE - 1);
	unsigned long flags;
	u64 data = 0;

	raw_spin_lock_irqsave(&io->lock, flags);
	if (reg == IOREGSEL)
		data = io->regsel;
	else if (reg == IOWIN)
		data = read_window(io);
	raw_spin_unlock_irqrestore(&io->lock, flags);
	memcpy(val, &data, len);
	return 0;
}

static int ioapic_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
			const void *val)
{
	struct kvm_ioapic *io = container_of(dev, struct kvm_ioapic, dev);
	unsigned int reg = addr & (IOAPIC_SIZE - 1);
	unsigned long flags;
	u64 data = 0;

	memcpy(&data, val, len);
	if (reg == IOEOI) {
		end_of_interrupt(io, data);
		return 0;
	}
	raw_spin_lock_irqsave(&io->lock, flags);
	if (reg == IOREGSEL)
		io->regsel = data;
	else if (reg == IOWIN && write_window(io, data))
		entries_changed(io);
	raw_spin_unlock_irqrestore(&io->lock, flags);
	return 0;
}

static const struct kvm_io_ops ioapic_ops = { .read = ioapic_read, .write = ioapic_write };

void kvm_ioapic_get_state(struct kvm *kvm, struct kvm_ioapic_state *s)
{
	struct kvm_ioapic *io = kvm->irq.ioapic;
	unsigned long flags;
	unsigned int pin;

	raw_spin_lock_irqsave(&io->lock, flags);
	*s = (struct kvm_ioapic_state) {
		.base_address = IOAPIC_BASE,
		.ioregsel = io->regsel,
		.id = io->id >> 24,
		.irr = io->lines,
	};
	for (pin = 0; pin < KVM_IOAPIC_PINS; pin++)
		s->redirtbl[pin].bits = io->redir[pin];
	raw_spin_unlock_irqrestore(&io->lock, flags);
}

void kvm_ioapic_set_state(struct kvm *kvm, const struct kvm_ioapic_state *s)
{
	struct kvm_ioapic *io = kvm->irq.ioapic;
	unsigned long flags;
	unsigned int pin;

	raw_spin_lock_irqsave(&io->lock, flags);
	io->regsel = s->ioregsel;
	io->id = s->id << 24 & ID_MASK;
	io->lines = s->irr & GENMASK(KVM_IOAPIC_PINS - 1, 0);
	io->delayed = 0;
	for (pin = 0; pin < KVM_IOAPIC_PINS; pin++) {
		u64 e = s->redirtbl[pin].bits & (REDIR_WRITABLE | REDIR_RIRR);

		io->redir[pin] = level_triggered(e) ? e : e & ~REDIR_RIRR;
		io->ended[pin] = 0;
	}
	entries_changed(io);
	raw_spin_unlock_irqrestore(&io->lock, flags);
}

int kvm_ioapic_create(struct kvm *kvm)
{
	struct kvm_ioapic *io = kzalloc(sizeof(*io), GFP_KERNEL_ACCOUNT);
	unsigned int pin;
	int r;

	if (!io)
		return -ENOMEM;
	raw_spin_lock_init(&io->lock);
	INIT_DELAYED_WORK(&io->storm_work, storm_is_over);
	io->kvm = kvm;
	io->dev.ops = &ioapic_ops;
	for (pin = 0; pin < KVM_IOAPIC_PINS; pin++)
		io->redir[pin] = REDIR_MASKED;
	mutex_lock(&kvm->slots_lock);
	r = kvm_bus_register(kvm, KVM_MMIO_BUS, IOAPIC_BASE, IOAPIC_SIZE, &io->dev);
	mutex_unlock(&kvm->slots_lock);
	if (r)
		kfree(io);
	else
		kvm->irq.ioapic = io;
	return r;
}

void kvm_ioapic_unregister(struct kvm *kvm)
{
	mutex_lock(&kvm->slots_lock);
	kvm_bus_unregister(kvm, KVM_MMIO_BUS, &kvm->irq.ioapic->dev);
	mutex_unlock(&kvm->slots_lock);
}

void kvm_ioapic_stop(struct kvm *kvm)
{
	struct kvm_ioapic *io = kvm->irq.ioapic;
	unsigned long flags;

	raw_spin_lock_irqsave(&io->lock, flags);
	io->stopped = true;
	raw_spin_unlock_irqrestore(&io->lock, flags);
	cancel_delayed_work_sync(&io->storm_work);
}

void kvm_ioapic_destroy(struct kvm *kvm)
{
	kfree(kvm->irq.ioapic);
	kvm->irq.ioapic = NULL;
}
