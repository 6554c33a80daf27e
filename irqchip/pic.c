// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two 8259As (Intel order number 231468) and the edge/level control registers
 * of the chipset. Each chip is a struct kvm_pic_state, with these meanings:
 * last_irr the inputs, irr the requests, priority_add the input of the highest
 * priority, init_state the ICW that is awaited.
 *
 * An edge is a request until it is acknowledged, although the input falls again:
 * those who signal an edge do so with two calls, one after the other.
 */
#include <linux/bitops.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "bus.h"
#include "kick.h"
#include "pic.h"
#include "trace_irq.h"

/* Two ports each. */
#define PORT_MASTER	0x20
#define PORT_SLAVE	0xa0
#define PORT_ELCR	0x4d0

#define CASCADE		2	/* the master's input from the slave */
#define LOWEST		7	/* what a chip says that has nothing to say */

/* Command port: ICW1 has bit 4, OCW3 bit 3. */
#define ICW1		BIT(4)
#define ICW1_IC4	BIT(0)
#define OCW3		BIT(3)
#define OCW3_RR		BIT(1)	/* bit 0 says which: IRR or ISR */
#define OCW3_POLL	BIT(2)
#define OCW3_ESMM	BIT(6)	/* bit 5 is the special mask mode */
#define OCW3_SMM	BIT(5)
#define ICW4_AEOI	BIT(1)
#define ICW4_SFNM	BIT(4)

enum { MASTER, SLAVE };

struct kvm_pic {
	raw_spinlock_t lock;
	struct kvm *kvm;
	struct kvm_pic_state chip[2];
	u8 sources[KVM_PIC_PINS];	/* who holds the input up */
	bool output;			/* the master's INT */
	bool raised;			/* it has risen since the lock was taken */
	u16 acked;			/* pins acknowledged since the lock was taken */
	struct kvm_io_device dev;
};

/* Inputs that can be level-triggered: not the timer, keyboard, cascade, RTC and FPU. */
static const u8 elcr_masks[2] = { 0xf8, 0xde };

/* Position of the highest priority of @set, 0 the highest; 8 for none. */
static unsigned int priority(const struct kvm_pic_state *c, u8 set)
{
	u8 rotated = (set << 8 | set) >> c->priority_add;

	return rotated ? __ffs(rotated) : 8;
}

/* The input that would be acknowledged now, or -1. */
static int pending(const struct kvm_pic_state *c, bool master)
{
	unsigned int p = priority(c, c->irr & ~c->imr);
	u8 block = c->isr;

	if (p == 8)
		return -1;
	/* In special mask mode only what is masked in service lets others pass, all of them. */
	if (c->special_mask)
		block &= ~c->imr;
	/* The slave may interrupt its own handler with a higher one. */
	if (c->special_fully_nested_mode && master)
		block &= ~BIT(CASCADE);
	return p < priority(c, block) ? (p + c->priority_add) & 7 : -1;
}

/* @pin of chip @n has @level now. What KVM_IRQ_LINE_STATUS says. */
static int set_input(struct kvm_pic_state *c, unsigned int pin, bool level)
{
	u8 bit = BIT(pin), was = c->irr;

	if (c->elcr & bit)
		c->irr = level ? c->irr | bit : c->irr & ~bit;
	else if (level && !(c->last_irr & bit))
		c->irr |= bit;
	else if (level)
		was |= bit;
	c->last_irr = level ? c->last_irr | bit : c->last_irr & ~bit;
	if (c->imr & bit)
		return KVM_IRQ_NO_TARGET;
	return level && (was & bit) ? KVM_IRQ_COALESCED : KVM_IRQ_DELIVERED;
}

/* The outputs follow the chips' states. */
static void update(struct kvm_pic *pic)
{
	bool out;

	set_input(&pic->chip[MASTER], CASCADE, pending(&pic->chip[SLAVE], false) >= 0);
	out = pending(&pic->chip[MASTER], true) >= 0;
	if (out && !pic->output)
		pic->raised = true;
	WRITE_ONCE(pic->output, out);
}

static unsigned long pic_lock(struct kvm_pic *pic)
	__acquires(&pic->lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pic->lock, flags);
	pic->raised = false;
	pic->acked = 0;
	return flags;
}

/* Unlocks, then tells those concerned what has happened. */
static void pic_unlock(struct kvm_pic *pic, unsigned long flags)
	__releases(&pic->lock)
{
	unsigned long acked = pic->acked, pin, i;
	bool raised = pic->raised;
	struct kvm_vcpu *vcpu;

	raw_spin_unlock_irqrestore(&pic->lock, flags);
	for_each_set_bit(pin, &acked, KVM_PIC_PINS)
		kvm_notify_acked_irq(pic->kvm, pin / 8, pin % 8);
	if (!raised)
		return;
	kvm_for_each_vcpu(i, vcpu, pic->kvm) {
		if (vcpu->apic && kvm_apic_accepts_extint(vcpu)) {
			kvm_make_request(vcpu, KVM_REQ_EVENT);
			kvm_vcpu_kick(vcpu);
		}
	}
}

/* End of interrupt for @pins of chip @n. */
static void clear_isr(struct kvm_pic *pic, int n, u8 pins)
{
	pins &= pic->chip[n].isr;
	pic->chip[n].isr &= ~pins;
	pic->acked |= pins << 8 * n;
}

/* First INTA pulse: request becomes service. */
static void acknowledge(struct kvm_pic *pic, int n, unsigned int pin)
{
	struct kvm_pic_state *c = &pic->chip[n];

	c->isr |= BIT(pin);
	if (!(c->elcr & BIT(pin)))
		c->irr &= ~BIT(pin);
	/* INT falls, and rises again if there is more. */
	if (n == SLAVE)
		set_input(&pic->chip[MASTER], CASCADE, false);
	if (c->auto_eoi) {
		if (c->rotate_on_auto_eoi)
			c->priority_add = (pin + 1) & 7;
		clear_isr(pic, n, BIT(pin));
	}
}

/* INTA for chip @n: the input, the lowest one if the request has gone meanwhile. */
static unsigned int inta(struct kvm_pic *pic, int n)
{
	int pin = pending(&pic->chip[n], n == MASTER);

	if (pin < 0)
		return LOWEST;
	acknowledge(pic, n, pin);
	return pin;
}

int kvm_pic_ack(struct kvm *kvm)
{
	struct kvm_pic *pic = kvm->irq.pic;
	unsigned int pin, vector;
	unsigned long flags;
	int n = MASTER;

	flags = pic_lock(pic);
	pin = inta(pic, MASTER);
	if (pin == CASCADE) {
		n = SLAVE;
		pin = inta(pic, SLAVE);
	}
	vector = pic->chip[n].irq_base + pin;
	update(pic);
	/* The CPU has taken the interrupt; it has to be told of the next one anew. */
	pic->raised = pic->output;
	pic_unlock(pic, flags);
	return vector;
}

bool kvm_pic_output(struct kvm *kvm)
{
	return kvm_irqchip_full(kvm) && READ_ONCE(kvm->irq.pic->output);
}

int kvm_pic_set_irq(struct kvm *kvm, unsigned int pin, int source, int level)
{
	struct kvm_pic *pic = kvm->irq.pic;
	struct kvm_pic_state *c = &pic->chip[pin / 8];
	unsigned long flags;
	int r;

	if (pin == CASCADE)
		return KVM_IRQ_NO_TARGET;
	flags = pic_lock(pic);
	if (level)
		pic->sources[pin] |= BIT(source);
	else
		pic->sources[pin] &= ~BIT(source);
	r = set_input(c, pin % 8, pic->sources[pin]);
	trace_kvm_pic_set_irq(pin / 8, pin % 8, c->elcr, c->imr, !r);
	update(pic);
	pic_unlock(pic, flags);
	return r;
}

/* ICW1: all but the inputs and their kind starts anew. */
static void icw1(struct kvm_pic *pic, int n, u8 val)
{
	struct kvm_pic_state *c = &pic->chip[n];
	u8 was = c->irr;

	clear_isr(pic, n, 0xff);
	c->irr &= c->elcr;
	pic->acked |= (was & ~c->irr) << 8 * n;
	c->imr = 0;
	c->priority_add = 0;
	c->special_mask = 0;
	c->read_reg_select = 0;
	c->poll = 0;
	c->init_state = 1;
	c->init4 = val & ICW1_IC4;
	/* An ICW4 that does not come is 0. */
	c->special_fully_nested_mode = 0;
	c->auto_eoi = 0;
	c->rotate_on_auto_eoi = 0;
}

static void ocw2(struct kvm_pic *pic, int n, u8 val)
{
	struct kvm_pic_state *c = &pic->chip[n];
	/* In special mask mode the end of what is masked has to be specific. */
	unsigned int p = priority(c, c->special_mask ? c->isr & ~c->imr : c->isr);
	unsigned int pin = val & 7;
	bool specific = val & BIT(6), rotate = val & BIT(7), eoi = val & BIT(5);

	if (!eoi && !specific) {
		c->rotate_on_auto_eoi = rotate;
		return;
	}
	if (eoi && !specific) {
		if (p == 8)
			return;
		pin = (p + c->priority_add) & 7;
	}
	if (eoi)
		clear_isr(pic, n, BIT(pin));
	if (rotate)
		c->priority_add = (pin + 1) & 7;
}

static void write_command(struct kvm_pic *pic, int n, u8 val)
{
	struct kvm_pic_state *c = &pic->chip[n];

	if (val & ICW1) {
		icw1(pic, n, val);
		return;
	}
	if (!(val & OCW3)) {
		ocw2(pic, n, val);
		return;
	}
	if (val & OCW3_POLL)
		c->poll = 1;
	if (val & OCW3_RR)
		c->read_reg_select = val & 1;
	if (val & OCW3_ESMM)
		c->special_mask = !!(val & OCW3_SMM);
}

static void write_data(struct kvm_pic_state *c, u8 val)
{
	switch (c->init_state) {
	case 0:
		c->imr = val;
		return;
	case 1:
		c->irq_base = val & 0xf8;
		c->init_state = 2;
		return;
	case 2:	/* ICW3: how they are connected is not up to software */
		c->init_state = c->init4 ? 3 : 0;
		return;
	default:
		c->special_fully_nested_mode = !!(val & ICW4_SFNM);
		c->auto_eoi = !!(val & ICW4_AEOI);
		c->init_state = 0;
	}
}

/* A read after the poll command is the INTA. */
static u8 read_poll(struct kvm_pic *pic, int n)
{
	int pin = pending(&pic->chip[n], n == MASTER);

	pic->chip[n].poll = 0;
	if (pin < 0)
		return LOWEST;
	acknowledge(pic, n, pin);
	return 0x80 | pin;
}

static u8 read_port(struct kvm_pic *pic, int n, bool data)
{
	const struct kvm_pic_state *c = &pic->chip[n];

	if (c->poll)
		return read_poll(pic, n);
	if (data)
		return c->imr;
	return c->read_reg_select ? c->isr : c->irr;
}

/* The kind of inputs is changed: a level is a request at once, an edge is yet to come. */
static void write_elcr(struct kvm_pic_state *c, u8 mask, u8 val)
{
	u8 old = c->elcr;

	c->elcr = val & mask;
	c->irr = (c->irr & ~(old | c->elcr)) | (c->last_irr & c->elcr);
}

static u8 read_byte(struct kvm_pic *pic, u16 port)
{
	if (port >= PORT_ELCR)
		return pic->chip[port & 1].elcr;
	return read_port(pic, port >= PORT_SLAVE, port & 1);
}

static void write_byte(struct kvm_pic *pic, u16 port, u8 val)
{
	int n = port >= PORT_SLAVE;

	if (port >= PORT_ELCR)
		write_elcr(&pic->chip[port & 1], elcr_masks[port & 1], val);
	else if (port & 1)
		write_data(&pic->chip[n], val);
	else
		write_command(pic, n, val);
}

/* A wide access is one to each of the bytes. */
static int pic_read(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		    void *val)
{
	struct kvm_pic *pic = container_of(dev, struct kvm_pic, dev);
	unsigned long flags = pic_lock(pic);
	int i;

	for (i = 0; i < len; i++)
		((u8 *)val)[i] = read_byte(pic, addr + i);
	update(pic);
	pic_unlock(pic, flags);
	return 0;
}

static int pic_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, gpa_t addr, int len,
		     const void *val)
{
	struct kvm_pic *pic = container_of(dev, struct kvm_pic, dev);
	unsigned long flags = pic_lock(pic);
	int i;

	for (i = 0; i < len; i++)
		write_byte(pic, addr + i, ((const u8 *)val)[i]);
	update(pic);
	pic_unlock(pic, flags);
	return 0;
}

static const struct kvm_io_ops pic_ops = { .read = pic_read, .write = pic_write };

void kvm_pic_get_state(struct kvm *kvm, unsigned int chip, struct kvm_pic_state *s)
{
	struct kvm_pic *pic = kvm->irq.pic;
	unsigned long flags = pic_lock(pic);

	*s = pic->chip[chip];
	pic_unlock(pic, flags);
}

void kvm_pic_set_state(struct kvm *kvm, unsigned int chip, const struct kvm_pic_state *s)
{
	struct kvm_pic *pic = kvm->irq.pic;
	struct kvm_pic_state c = {
		.last_irr = s->last_irr,
		.irr = s->irr,
		.imr = s->imr,
		.isr = s->isr,
		.priority_add = s->priority_add & 7,
		.irq_base = s->irq_base & 0xf8,
		.read_reg_select = s->read_reg_select & 1,
		.poll = !!s->poll,
		.special_mask = !!s->special_mask,
		.init_state = s->init_state & 3,
		.auto_eoi = !!s->auto_eoi,
		.rotate_on_auto_eoi = !!s->rotate_on_auto_eoi,
		.special_fully_nested_mode = !!s->special_fully_nested_mode,
		.init4 = !!s->init4,
		.elcr = s->elcr & elcr_masks[chip],
		.elcr_mask = elcr_masks[chip],
	};
	unsigned long flags = pic_lock(pic);

	pic->chip[chip] = c;
	/* The master comes with its view of the slave's output, the slave is often set later. */
	if (chip == SLAVE)
		update(pic);
	WRITE_ONCE(pic->output, pending(&pic->chip[MASTER], true) >= 0);
	pic->raised = pic->output;
	pic_unlock(pic, flags);
}

void kvm_pic_unregister(struct kvm *kvm)
{
	mutex_lock(&kvm->slots_lock);
	kvm_bus_unregister(kvm, KVM_PIO_BUS, &kvm->irq.pic->dev);
	mutex_unlock(&kvm->slots_lock);
}

static int register_ports(struct kvm *kvm, struct kvm_io_device *dev)
{
	int r;

	mutex_lock(&kvm->slots_lock);
	r = kvm_bus_register(kvm, KVM_PIO_BUS, PORT_MASTER, 2, dev);
	if (!r)
		r = kvm_bus_register(kvm, KVM_PIO_BUS, PORT_SLAVE, 2, dev);
	if (!r)
		r = kvm_bus_register(kvm, KVM_PIO_BUS, PORT_ELCR, 2, dev);
	if (r)
		kvm_bus_unregister(kvm, KVM_PIO_BUS, dev);
	mutex_unlock(&kvm->slots_lock);
	return r;
}

int kvm_pic_create(struct kvm *kvm)
{
	struct kvm_pic *pic = kzalloc(sizeof(*pic), GFP_KERNEL_ACCOUNT);
	int r;

	if (!pic)
		return -ENOMEM;
	raw_spin_lock_init(&pic->lock);
	pic->kvm = kvm;
	pic->chip[MASTER].elcr_mask = elcr_masks[MASTER];
	pic->chip[SLAVE].elcr_mask = elcr_masks[SLAVE];
	pic->dev.ops = &pic_ops;
	r = register_ports(kvm, &pic->dev);
	if (r)
		kfree(pic);
	else
		kvm->irq.pic = pic;
	return r;
}

void kvm_pic_destroy(struct kvm *kvm)
{
	kfree(kvm->irq.pic);
	kvm->irq.pic = NULL;
}
