// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8259s against their data sheet: its cases one by one, then random ones
 * against pic_model.c, state saved at any point, and whatever a guest may write.
 */
#include "../irqchip/pic.h"
#include "kick.h"
#include "chips.h"
#include "pic_model.h"

/* --- what surrounds the chips --- */

static bool accepts = true;
static u64 kicks;
static u64 acked[16];		/* acknowledgments, by pin */

bool kvm_apic_accepts_extint(struct kvm_vcpu *vcpu)
{
	return accepts;
}

void kvm_vcpu_kick(struct kvm_vcpu *vcpu)
{
	SHIM_CHECK(kvm_request_pending(vcpu));
	vcpu->kick.requests = 0;
	kicks++;
}

void kvm_notify_acked_irq(struct kvm *kvm, u32 chip, u32 pin)
{
	SHIM_CHECK(chip < 2 && pin < 8 && !shim_atomic);
	acked[chip * 8 + pin]++;
}

static struct kvm *pic_new(void)
{
	struct kvm *kvm = vm_new();
	struct kvm_vcpu *vcpu = calloc(1, sizeof(*vcpu));

	EXPECT(kvm_pic_create(kvm), 0);
	kvm->irq.mode = KVM_IRQCHIP_KERNEL;
	vcpu->apic = calloc(1, sizeof(*vcpu->apic));
	vcpu->kvm = kvm;
	kvm->vcpus.by_idx.slot[0] = vcpu;
	atomic_set(&kvm->vcpus.online, 1);
	memset(acked, 0, sizeof(acked));
	accepts = true;
	kicks = 0;
	return kvm;
}

static void pic_end(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu = kvm->vcpus.by_idx.slot[0];

	kvm_pic_unregister(kvm);
	kvm_pic_destroy(kvm);
	free(vcpu->apic);
	free(vcpu);
	vm_free(kvm);
}

static int line(struct kvm *kvm, int pin, int level)
{
	return kvm_pic_set_irq(kvm, pin, 0, level);
}

static void init(struct kvm *kvm, u8 base, u8 icw4)
{
	static const u16 ports[] = { 0x20, 0xa0 };
	int n;

	for (n = 0; n < 2; n++) {
		port_out(kvm, ports[n], 0x11);
		port_out(kvm, ports[n] + 1, base + n * 8);
		port_out(kvm, ports[n] + 1, n ? 2 : 4);
		port_out(kvm, ports[n] + 1, icw4);
		port_out(kvm, ports[n] + 1, 0);
	}
}

static struct kvm *pic_ready(u8 icw4)
{
	struct kvm *kvm = pic_new();

	init(kvm, 0x20, icw4);
	memset(acked, 0, sizeof(acked));
	return kvm;
}

static u8 irr(struct kvm *kvm, u16 port)
{
	port_out(kvm, port, 0x0a);
	return port_in(kvm, port);
}

static u8 isr(struct kvm *kvm, u16 port)
{
	port_out(kvm, port, 0x0b);
	return port_in(kvm, port);
}

/* --- cases --- */

static void priorities_and_nesting(void)
{
	struct kvm *kvm = pic_ready(1);

	EXPECT(kvm_pic_output(kvm), false);
	line(kvm, 5, 1);
	line(kvm, 9, 1);
	line(kvm, 1, 1);
	EXPECT(irr(kvm, 0x20), 0x26);
	EXPECT(kvm_pic_ack(kvm), 0x21);
	EXPECT(kvm_pic_output(kvm), false);
	line(kvm, 0, 1);
	EXPECT(kvm_pic_ack(kvm), 0x20);
	EXPECT(isr(kvm, 0x20), 3);
	port_out(kvm, 0x20, 0x20);
	EXPECT(acked[0], 1);
	EXPECT(isr(kvm, 0x20), 2);
	EXPECT(kvm_pic_output(kvm), false);
	port_out(kvm, 0x20, 0x20);
	EXPECT(kvm_pic_ack(kvm), 0x29);
	EXPECT(isr(kvm, 0x20), 4);
	EXPECT(isr(kvm, 0xa0), 2);
	/* In the slave a higher one waits: the master serves its cascade already. */
	line(kvm, 8, 1);
	EXPECT(kvm_pic_output(kvm), false);
	port_out(kvm, 0xa0, 0x20);
	EXPECT(acked[9], 1);
	port_out(kvm, 0x20, 0x20);
	EXPECT(acked[2], 1);
	EXPECT(kvm_pic_ack(kvm), 0x28);
	port_out(kvm, 0xa0, 0x60);
	port_out(kvm, 0x20, 0x62);
	EXPECT(kvm_pic_ack(kvm), 0x25);
	port_out(kvm, 0x20, 0x65);
	EXPECT(kvm_pic_output(kvm), false);
	pic_end(kvm);
}

static void special_fully_nested(void)
{
	struct kvm *kvm = pic_ready(0x11);

	line(kvm, 12, 1);
	EXPECT(kvm_pic_ack(kvm), 0x2c);
	line(kvm, 8, 1);
	EXPECT(kvm_pic_output(kvm), true);
	EXPECT(kvm_pic_ack(kvm), 0x28);
	line(kvm, 15, 1);
	EXPECT(kvm_pic_output(kvm), false);
	pic_end(kvm);
}

static void edges_and_levels(void)
{
	struct kvm *kvm = pic_ready(1);

	/* A short pulse is remembered; a line that stays high makes no second request. */
	EXPECT(line(kvm, 3, 1), 1);
	EXPECT(line(kvm, 3, 1), 0);
	line(kvm, 3, 0);
	EXPECT(line(kvm, 3, 1), 0);
	EXPECT(kvm_pic_ack(kvm), 0x23);
	port_out(kvm, 0x20, 0x20);
	EXPECT(kvm_pic_output(kvm), false);
	EXPECT(line(kvm, 3, 1), 0);
	EXPECT(kvm_pic_output(kvm), false);
	/* Masked: it waits. */
	port_out(kvm, 0x21, 0x10);
	EXPECT(line(kvm, 4, 1), -1ull);
	line(kvm, 4, 0);
	EXPECT(kvm_pic_output(kvm), false);
	port_out(kvm, 0x21, 0);
	EXPECT(kvm_pic_ack(kvm), 0x24);
	port_out(kvm, 0x20, 0x20);
	/* Level-triggered: requested again while the line is high, not once it is low. */
	port_out(kvm, 0x4d0, 0xff);
	port_out(kvm, 0x4d1, 0xff);
	EXPECT(bus_read(kvm, KVM_PIO_BUS, 0x4d0, 2), 0xdef8);
	EXPECT(kvm_pic_ack(kvm), 0x23);			/* line 3 is still up */
	line(kvm, 3, 0);
	port_out(kvm, 0x20, 0x20);
	EXPECT(kvm_pic_output(kvm), false);
	line(kvm, 10, 1);
	EXPECT(kvm_pic_ack(kvm), 0x2a);
	port_out(kvm, 0xa0, 0x20);
	port_out(kvm, 0x20, 0x20);
	EXPECT(kvm_pic_ack(kvm), 0x2a);
	line(kvm, 10, 0);
	port_out(kvm, 0xa0, 0x20);
	port_out(kvm, 0x20, 0x20);
	EXPECT(kvm_pic_output(kvm), false);
	/* Two sources of one line. */
	kvm_pic_set_irq(kvm, 11, 0, 1);
	kvm_pic_set_irq(kvm, 11, 1, 1);
	kvm_pic_set_irq(kvm, 11, 0, 0);
	EXPECT(irr(kvm, 0xa0), 8);
	kvm_pic_set_irq(kvm, 11, 1, 0);
	EXPECT(irr(kvm, 0xa0), 0);
	/* Pin 2 is the cascade: no device has a line to it. */
	EXPECT(line(kvm, 2, 1), -1ull);
	pic_end(kvm);
}

static void spurious(void)
{
	struct kvm *kvm = pic_ready(1);

	EXPECT(kvm_pic_ack(kvm), 0x27);
	EXPECT(isr(kvm, 0x20), 0);
	port_out(kvm, 0x4d0, 0x20);
	port_out(kvm, 0x4d1, 0x0c);
	line(kvm, 5, 1);
	line(kvm, 5, 0);
	EXPECT(kvm_pic_ack(kvm), 0x27);
	EXPECT(isr(kvm, 0x20), 0);
	/* The slave's request is withdrawn before INTA: the master serves pin 2, the slave none. */
	line(kvm, 10, 1);
	line(kvm, 10, 0);
	EXPECT(kvm_pic_ack(kvm), 0x2f);
	EXPECT(isr(kvm, 0x20), 4);
	EXPECT(isr(kvm, 0xa0), 0);
	port_out(kvm, 0x20, 0x20);
	EXPECT(kvm_pic_output(kvm), false);
	pic_end(kvm);
}

static void end_of_interrupt(void)
{
	struct kvm *kvm = pic_ready(1);
	int i;

	/* Rotation on non-specific EOI: the pin that was served gets the lowest priority. */
	line(kvm, 3, 1);
	line(kvm, 6, 1);
	EXPECT(kvm_pic_ack(kvm), 0x23);
	line(kvm, 3, 0);
	line(kvm, 3, 1);
	port_out(kvm, 0x20, 0xa0);
	EXPECT(kvm_pic_ack(kvm), 0x26);
	port_out(kvm, 0x20, 0xa0);
	EXPECT(kvm_pic_ack(kvm), 0x23);
	/* Rotation on specific EOI; set priority without one. */
	port_out(kvm, 0x20, 0xe3);
	EXPECT(isr(kvm, 0x20), 0);
	port_out(kvm, 0x20, 0xc5);
	line(kvm, 5, 1);
	line(kvm, 7, 1);
	line(kvm, 6, 0);
	line(kvm, 6, 1);
	EXPECT(kvm_pic_ack(kvm), 0x26);
	port_out(kvm, 0x20, 0x20);
	EXPECT(kvm_pic_ack(kvm), 0x27);
	port_out(kvm, 0x20, 0x67);
	EXPECT(kvm_pic_ack(kvm), 0x25);
	port_out(kvm, 0x20, 0x40);		/* no operation */
	EXPECT(isr(kvm, 0x20), 0x20);
	port_out(kvm, 0x20, 0x20);
	port_out(kvm, 0x20, 0x20);		/* nothing in service */
	/* Automatic EOI, then with rotation. */
	init(kvm, 0x20, 3);
	memset(acked, 0, sizeof(acked));
	for (i = 0; i < 8; i++)
		line(kvm, i, 0);
	line(kvm, 1, 1);
	EXPECT(kvm_pic_ack(kvm), 0x21);
	EXPECT(isr(kvm, 0x20), 0);
	EXPECT(acked[1], 1);
	port_out(kvm, 0x20, 0x80);
	line(kvm, 1, 0);
	line(kvm, 1, 1);
	EXPECT(kvm_pic_ack(kvm), 0x21);
	line(kvm, 1, 0);
	line(kvm, 1, 1);
	line(kvm, 7, 1);
	EXPECT(kvm_pic_ack(kvm), 0x27);
	EXPECT(kvm_pic_ack(kvm), 0x21);
	port_out(kvm, 0x20, 0);
	line(kvm, 1, 0);
	line(kvm, 1, 1);
	EXPECT(kvm_pic_ack(kvm), 0x21);
	line(kvm, 0, 1);
	line(kvm, 1, 0);
	line(kvm, 1, 1);
	EXPECT(kvm_pic_ack(kvm), 0x20);
	pic_end(kvm);
}

static void special_mask(void)
{
	struct kvm *kvm = pic_ready(1);

	line(kvm, 3, 1);
	EXPECT(kvm_pic_ack(kvm), 0x23);
	line(kvm, 6, 1);
	EXPECT(kvm_pic_output(kvm), false);
	port_out(kvm, 0x21, 0x08);
	port_out(kvm, 0x20, 0x68);
	EXPECT(kvm_pic_ack(kvm), 0x26);
	/* In special mask mode a non-specific EOI leaves masked pins in service. */
	port_out(kvm, 0x20, 0x20);
	EXPECT(isr(kvm, 0x20), 0x08);
	port_out(kvm, 0x20, 0x20);
	EXPECT(isr(kvm, 0x20), 0x08);
	port_out(kvm, 0x20, 0x48);
	port_out(kvm, 0x20, 0x20);
	EXPECT(isr(kvm, 0x20), 0);
	pic_end(kvm);
}

static void poll(void)
{
	struct kvm *kvm = pic_ready(1);

	port_out(kvm, 0x20, 0x0c);
	EXPECT(port_in(kvm, 0x20) & 0x80, 0);
	line(kvm, 4, 1);
	port_out(kvm, 0x20, 0x0c);
	EXPECT(port_in(kvm, 0x20), 0x84);
	EXPECT(isr(kvm, 0x20), 0x10);
	EXPECT(kvm_pic_output(kvm), false);
	/* The slave by itself. */
	line(kvm, 14, 1);
	port_out(kvm, 0xa0, 0x0c);
	EXPECT(port_in(kvm, 0xa1), 0x86);
	EXPECT(isr(kvm, 0xa0), 0x40);
	pic_end(kvm);
}

static void initialization(void)
{
	struct kvm *kvm = pic_new();

	/* A single ICW1 without ICW4. */
	port_out(kvm, 0x20, 0x10);
	port_out(kvm, 0x21, 0x4f);
	port_out(kvm, 0x21, 0x04);
	port_out(kvm, 0x21, 0xfe);
	EXPECT(port_in(kvm, 0x21), 0xfe);
	line(kvm, 0, 1);
	EXPECT(kvm_pic_ack(kvm), 0x48);
	/* ICW1 drops edges, with their acknowledgment notifiers, and keeps levels. */
	line(kvm, 1, 1);
	port_out(kvm, 0x4d0, 0x20);
	line(kvm, 5, 1);
	memset(acked, 0, sizeof(acked));
	port_out(kvm, 0x20, 0x11);
	EXPECT(port_in(kvm, 0x20), 0x20);
	EXPECT(port_in(kvm, 0x21), 0);
	EXPECT(acked[0], 1);
	EXPECT(acked[1], 1);
	EXPECT(acked[5], 0);
	/* In one access of two bytes: ICW1 and ICW2. */
	bus_write(kvm, KVM_PIO_BUS, 0x20, 2, 0x3011);
	port_out(kvm, 0x21, 4);
	port_out(kvm, 0x21, 1);
	EXPECT(kvm_pic_ack(kvm), 0x35);
	EXPECT(bus_read(kvm, KVM_PIO_BUS, 0x21, 2), ~0ull);
	pic_end(kvm);
}

static void kicked(void)
{
	struct kvm *kvm = pic_ready(1);
	struct kvm_pic_state s;

	line(kvm, 4, 1);
	EXPECT(kicks, 1);
	line(kvm, 3, 1);
	EXPECT(kicks, 1);
	kvm_pic_ack(kvm);
	port_out(kvm, 0x20, 0x20);
	EXPECT(kicks, 2);
	kvm_pic_ack(kvm);
	accepts = false;
	port_out(kvm, 0x20, 0x20);
	line(kvm, 4, 0);
	line(kvm, 4, 1);
	EXPECT(kicks, 2);
	EXPECT(kvm_pic_output(kvm), true);
	/* The vCPU is kicked when another request is left after INTA, or came with the state. */
	accepts = true;
	init(kvm, 0x20, 3);
	line(kvm, 5, 1);
	line(kvm, 6, 1);
	kicks = 0;
	kvm_pic_ack(kvm);
	EXPECT(kicks, 1);
	kvm_pic_get_state(kvm, 0, &s);
	kvm_pic_set_state(kvm, 0, &s);
	EXPECT(kicks, 2);
	kvm_pic_ack(kvm);
	EXPECT(kicks, 2);
	pic_end(kvm);
}

/* --- against the model --- */

static void random_step(struct rng *r, struct kvm *kvm, struct pic_model *m)
{
	static const u16 ports[] = { 0x20, 0xa0 };
	int n = rng_below(r, 2), pin = rng_below(r, 16);
	u8 val = rng_next(r);
	bool up = val & 1;

	switch (rng_below(r, 12)) {
	case 0 ... 3:
		if (pin != 2)
			pic_model_line(m, pin / 8, pin % 8, up);
		line(kvm, pin, up);
		break;
	case 4:
		EXPECT(port_in(kvm, ports[n]), pic_model_read(m, n, false));
		break;
	case 5:
		EXPECT(port_in(kvm, ports[n] + 1), pic_model_read(m, n, true));
		break;
	case 6:
		if (rng_chance(r, 20)) {
			port_out(kvm, 0x4d0 + n, val);
			pic_model_elcr(&m->chip[n], n ? 0xde : 0xf8, val);
			break;
		}
		/* fallthrough */
	case 7:
		if (rng_chance(r, 60))
			val &= rng_next(r);
		port_out(kvm, ports[n] + 1, val);
		pic_model_data(&m->chip[n], val);
		break;
	case 8:
	case 9:
		if (rng_chance(r, 90))
			val &= ~0x10;
		if (rng_chance(r, 60))
			val = 0x20;
		port_out(kvm, ports[n], val);
		pic_model_command(&m->chip[n], val);
		break;
	default:
		if (kvm_pic_output(kvm) || rng_chance(r, 5))
			EXPECT(kvm_pic_ack(kvm), pic_model_ack(m));
	}
	pic_model_update(m);
}

static struct kvm *save_and_restore(struct rng *r, struct kvm *kvm)
{
	struct kvm *copy = pic_new();
	struct kvm_pic_state s[2], again;
	int i, first = rng_below(r, 2);

	for (i = 0; i < 2; i++)
		kvm_pic_get_state(kvm, i, &s[i]);
	for (i = 0; i < 2; i++)
		kvm_pic_set_state(copy, i ^ first, &s[i ^ first]);
	for (i = 0; i < 2; i++) {
		kvm_pic_get_state(copy, i, &again);
		EXPECT(memcmp(&s[i], &again, sizeof(again)), 0);
	}
	pic_end(kvm);
	return copy;
}

static void against_model(bool restore)
{
	u64 seed, step;

	for (seed = 1; seed <= 300 && !test_failed; seed++) {
		struct kvm *kvm = pic_ready(1);
		struct rng r = { seed };
		struct pic_model m;

		pic_model_init(&m, 0x20);
		for (step = 0; step < 400 && !test_failed; step++) {
			int pin;

			random_step(&r, kvm, &m);
			EXPECT(kvm_pic_output(kvm), pic_model_output(&m, 0, &pin));
			if (restore && rng_chance(&r, 10))
				kvm = save_and_restore(&r, kvm);
		}
		if (test_failed)
			printf("# seed %llu, step %llu\n", (unsigned long long)seed,
			       (unsigned long long)step);
		pic_end(kvm);
	}
}

static void rules(void)
{
	against_model(false);
}

static void state_at_any_point(void)
{
	against_model(true);
}

static void fuzz(void)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	u64 seed, step;

	for (seed = 1; seed <= 100; seed++) {
		struct kvm *kvm = pic_new();
		struct rng r = { seed };

		for (step = 0; step < 1000; step++) {
			u16 port = ports[rng_below(&r, ARRAY_SIZE(ports))];
			struct kvm_pic_state s;
			u32 i;

			switch (rng_below(&r, 8)) {
			case 0:
				kvm_pic_set_irq(kvm, rng_below(&r, 16), rng_below(&r, 3),
						rng_below(&r, 2));
				break;
			case 1:
				bus_read(kvm, KVM_PIO_BUS, port, 1 << rng_below(&r, 4));
				break;
			case 2:
				EXPECT(kvm_pic_ack(kvm) < 256, true);
				break;
			case 3:
				for (i = 0; i < sizeof(s); i++)
					((u8 *)&s)[i] = rng_next(&r);
				kvm_pic_set_state(kvm, rng_below(&r, 2), &s);
				break;
			default:
				bus_write(kvm, KVM_PIO_BUS, port, 1 << rng_below(&r, 4),
					  rng_next(&r));
			}
		}
		pic_end(kvm);
	}
}

static void no_memory(void)
{
	struct kvm *kvm = vm_new();

	shim_fail_alloc = 1;
	EXPECT(kvm_pic_create(kvm), -ENOMEM);
	EXPECT(bus_read(kvm, KVM_PIO_BUS, 0x20, 1), ~0ull);
	EXPECT(kvm_pic_output(kvm), false);
	vm_free(kvm);
}

int main(void)
{
	ktap_start(13);
	RUN(priorities_and_nesting);
	RUN(special_fully_nested);
	RUN(edges_and_levels);
	RUN(spurious);
	RUN(end_of_interrupt);
	RUN(special_mask);
	RUN(poll);
	RUN(initialization);
	RUN(kicked);
	RUN(rules);
	RUN(state_at_any_point);
	RUN(fuzz);
	RUN(no_memory);
	return ktap_end();
}
