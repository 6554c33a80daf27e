// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of the interrupt controllers: when they may be called, what they refuse,
 * that what was set is what is read, and that refused calls change nothing.
 */
#include "agent.h"

static int create_pit2(int fd, uint32_t flags)
{
	struct kvm_pit_config config = { .flags = flags };

	return ioctl(fd, KVM_CREATE_PIT2, &config);
}

static struct kvm_irqchip get_chip(int fd, uint32_t id)
{
	struct kvm_irqchip chip = { .chip_id = id };

	CHECK_OK(ioctl(fd, KVM_GET_IRQCHIP, &chip));
	CHECK_EQ(chip.chip_id, id);
	return chip;
}

static void create(const void *arg)
{
	struct machine *m;

	need_irqchip();
	m = machine_new_novcpu();
	CHECK_OK(ioctl(m->vm->fd, KVM_CREATE_IRQCHIP, 0));
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_CREATE_IRQCHIP, 0), EEXIST);
	CHECK_ERRNO(enable_cap(m->vm->fd, KVM_CAP_SPLIT_IRQCHIP, 24), EEXIST);
	m = machine_new();
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_CREATE_IRQCHIP, 0), EINVAL);
	CHECK_ERRNO(enable_cap(m->vm->fd, KVM_CAP_SPLIT_IRQCHIP, 24), EEXIST);
	/* And the vCPU runs without a local APIC as before. */
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_IRQ_LINE, &(struct kvm_irq_level){ }), ENXIO);
}

static void create_split(const void *arg)
{
	struct machine *m;

	need_irqchip();
	need_cap(KVM_CAP_SPLIT_IRQCHIP, "KVM_CAP_SPLIT_IRQCHIP");
	m = machine_new_novcpu();
	CHECK_ERRNO(enable_cap(m->vm->fd, KVM_CAP_SPLIT_IRQCHIP, 4097), EINVAL);
	CHECK_ERRNO(enable_cap(m->vm->fd, KVM_CAP_SPLIT_IRQCHIP, ~0ull), EINVAL);
	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_SPLIT_IRQCHIP, 0));
	CHECK_ERRNO(enable_cap(m->vm->fd, KVM_CAP_SPLIT_IRQCHIP, 0), EEXIST);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_CREATE_IRQCHIP, 0), EEXIST);
}

/* Nothing but creation works without the chip it is about. */
static void missing_chip(const void *arg)
{
	struct kvm_irq_routing *table = calloc(1, sizeof(*table) + sizeof(table->entries[0]));
	struct kvm_reinject_control ctl = { };
	struct kvm_irq_level level = { };
	struct kvm_irqchip chip = { };
	struct kvm_pit_state pit = { };
	struct kvm_pit_state2 pit2 = { };
	struct kvm_lapic_state lapic = { };
	struct kvm_msi msi = { .address_lo = APIC_PAGE, .data = 0x30 };
	struct machine *m;
	int fd;

	need_irqchip();
	m = machine_new();
	fd = m->vm->fd;
	CHECK_ERRNO(ioctl(fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_SET_IRQCHIP, &chip), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_IRQ_LINE, &level), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_IRQ_LINE_STATUS, &level), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_GET_PIT, &pit), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_SET_PIT, &pit), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_GET_PIT2, &pit2), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_SET_PIT2, &pit2), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_REINJECT_CONTROL, &ctl), ENXIO);
	CHECK_ERRNO(ioctl(fd, KVM_SIGNAL_MSI, &msi), EINVAL);
	CHECK_ERRNO(ioctl(fd, KVM_SET_GSI_ROUTING, table), EINVAL);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_LAPIC, &lapic), EINVAL);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_LAPIC, &lapic), EINVAL);
}

/* A split irqchip has a local APIC and routes, and no chips. */
static void split_has_no_chips(const void *arg)
{
	struct pc *pc = pc_new(CHIPS_SPLIT, 1);
	struct kvm_irqchip chip = { };
	struct kvm_lapic_state lapic;

	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_SET_IRQCHIP, &chip), ENXIO);
	CHECK_OK(ioctl(pc->cpu[0].vcpu->fd, KVM_GET_LAPIC, &lapic));
	CHECK_OK(ioctl(pc->cpu[0].vcpu->fd, KVM_SET_LAPIC, &lapic));
	CHECK_EQ(signal_msi(pc, 0, 0x30), 1);
}

static void irq_line_arguments(const void *arg)
{
	struct pc *pc = pc_new(CHIPS_KERNEL, 1);
	struct kvm_interrupt irq = { .irq = 0x30 };

	/* A GSI that leads nowhere is no error, and says so in the status. */
	CHECK_OK(try_irq_line(pc, 24, 1));
	CHECK_OK(try_irq_line(pc, 4095, 1));
	CHECK_OK(try_irq_line(pc, 0xffffffff, 1));
	CHECK_EQ(irq_line_status(pc, 4096, 1), -1);
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_IRQ_LINE, NULL), EFAULT);
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_IRQ_LINE_STATUS, NULL), EFAULT);
	/* The 8259s are the kernel's: their interrupt is not user space's to give. */
	CHECK_ERRNO(ioctl(pc->cpu[0].vcpu->fd, KVM_INTERRUPT, &irq), ENXIO);
}

static void chip_ids(const void *arg)
{
	struct pc *pc = pc_new_bare(CHIPS_KERNEL);
	struct kvm_irqchip chip = { .chip_id = 3 };

	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_GET_IRQCHIP, &chip), EINVAL);
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_SET_IRQCHIP, &chip), EINVAL);
	chip.chip_id = ~0u;
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_GET_IRQCHIP, &chip), EINVAL);
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_GET_IRQCHIP, NULL), EFAULT);
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_SET_IRQCHIP, NULL), EFAULT);
}

static void pic_round_trip(const void *arg)
{
	struct pc *a = pc_new(CHIPS_KERNEL, 1), *b = pc_new(CHIPS_KERNEL, 1);
	struct cpu *c = &a->cpu[0];
	struct kvm_irqchip chip, back;
	uint32_t id;

	pic_init(c, 0x68);
	cpu_outb(c, 0x21, 0xa5);
	cpu_outb(c, 0xa1, 0x5a);
	cpu_outb(c, 0x4d1, 0x0c);
	irq_line(a, 4, 1);
	chip = get_chip(a->vm_fd, KVM_IRQCHIP_PIC_MASTER);
	CHECK_EQ(chip.chip.pic.irq_base, 0x68);
	CHECK_EQ(chip.chip.pic.imr, 0xa5);
	CHECK_EQ(chip.chip.pic.irr, 0x10);
	CHECK_EQ(chip.chip.pic.isr, 0);
	CHECK_EQ(chip.chip.pic.init4, 1);
	chip = get_chip(a->vm_fd, KVM_IRQCHIP_PIC_SLAVE);
	CHECK_EQ(chip.chip.pic.irq_base, 0x70);
	CHECK_EQ(chip.chip.pic.imr, 0x5a);
	CHECK_EQ(chip.chip.pic.elcr, 0x0c);
	for (id = KVM_IRQCHIP_PIC_MASTER; id <= KVM_IRQCHIP_PIC_SLAVE; id++) {
		chip = get_chip(a->vm_fd, id);
		CHECK_OK(ioctl(b->vm_fd, KVM_SET_IRQCHIP, &chip));
		back = get_chip(b->vm_fd, id);
		CHECK(!memcmp(&chip.chip.pic, &back.chip.pic, sizeof(chip.chip.pic)),
		      "chip %u is not what was set", id);
	}
	CHECK_EQ(cpu_inb(&b->cpu[0], 0x21), 0xa5);
}

static void ioapic_round_trip(const void *arg)
{
	struct pc *a = pc_new(CHIPS_KERNEL, 1), *b = pc_new(CHIPS_KERNEL, 1);
	struct cpu *c = &a->cpu[0];
	struct kvm_irqchip chip = get_chip(a->vm_fd, KVM_IRQCHIP_IOAPIC), back;
	struct kvm_ioapic_state *s = &chip.chip.ioapic;

	CHECK_EQ(s->base_address, IOAPIC_PAGE);
	ioapic_route(c, 7, 0x12, 0x3a57);
	ioapic_route(c, 9, 0, RTE_LEVEL | 0x59);
	irq_line(a, 9, 1);
	cpu_write32(c, IOAPIC_PAGE, 0x22);
	chip = get_chip(a->vm_fd, KVM_IRQCHIP_IOAPIC);
	CHECK_EQ(s->ioregsel, 0x22);
	CHECK_EQ(s->redirtbl[7].bits, 0x12ull << 56 | 0x2a57);
	CHECK_EQ(s->redirtbl[9].bits, RTE_REMOTE_IRR | RTE_LEVEL | 0x59);
	CHECK_EQ(s->irr & 1u << 9, 1u << 9);
	s->id = 5;
	CHECK_OK(ioctl(b->vm_fd, KVM_SET_IRQCHIP, &chip));
	back = get_chip(b->vm_fd, KVM_IRQCHIP_IOAPIC);
	CHECK_EQ(back.chip.ioapic.id, 5);
	CHECK_EQ(back.chip.ioapic.ioregsel, 0x22);
	CHECK(!memcmp(back.chip.ioapic.redirtbl, s->redirtbl, sizeof(s->redirtbl)),
	      "redirections are not what was set");
	CHECK_EQ(ioapic_rte(&b->cpu[0], 7), 0x2a57);
	CHECK_EQ(ioapic_read(&b->cpu[0], 0) >> 24, 5);
}

static void lapic_round_trip(const void *arg)
{
	struct pc *a = pc_new(CHIPS_KERNEL, 2), *b = pc_new(CHIPS_KERNEL, 2);
	struct cpu *c = &a->cpu[1];
	struct kvm_lapic_state s, back;
	uint32_t id;

	apic_write(c, R_TPR, 0x25);
	apic_write(c, R_LDR, 0x04000000);
	apic_write(c, R_DFR, 0x0fffffff);
	apic_write(c, R_LVT1, M_NMI);
	apic_write(c, R_LVTT, LVT_PERIODIC | LVT_MASKED | 0x77);
	apic_write(c, R_TDCR, 3);
	apic_write(c, R_TMICT, 0x12345678);
	apic_send(c, 1, 0x99);
	CHECK_OK(ioctl(c->vcpu->fd, KVM_GET_LAPIC, &s));
	memcpy(&id, s.regs + R_ID, 4);
	CHECK_EQ(id, 1u << 24);
	CHECK_OK(ioctl(b->cpu[1].vcpu->fd, KVM_SET_LAPIC, &s));
	CHECK_OK(ioctl(b->cpu[1].vcpu->fd, KVM_GET_LAPIC, &back));
	/* The timer counts on. */
	memcpy(back.regs + R_TMCCT, s.regs + R_TMCCT, 4);
	CHECK(!memcmp(&s, &back, sizeof(s)), "the APIC is not what was set");
	c = &b->cpu[1];
	CHECK_EQ(apic_read(c, R_TPR), 0x25);
	CHECK_EQ(apic_read(c, R_LDR), 0x04000000);
	CHECK(apic_read(c, R_TMCCT) <= 0x12345678 && apic_read(c, R_TMCCT) > 0x12000000,
	      "count 0x%x", apic_read(c, R_TMCCT));
	CHECK_EQ(cpu_window(c), 0x99);
	CHECK_ERRNO(ioctl(c->vcpu->fd, KVM_GET_LAPIC, NULL), EFAULT);
	CHECK_ERRNO(ioctl(c->vcpu->fd, KVM_SET_LAPIC, NULL), EFAULT);
}

/* The id is 8 bits at the top, or 32 bits where KVM_X2APIC_API_USE_32BIT_IDS asks. */
static void x2apic_api(const void *arg)
{
	struct pc *pc = pc_new_bare(CHIPS_KERNEL);
	struct kvm_lapic_state s;
	uint32_t id;
	int all;

	need_cap(KVM_CAP_X2APIC_API, "KVM_CAP_X2APIC_API");
	all = kvm_check_cap(KVM_CAP_X2APIC_API);
	CHECK_EQ(all & 3, 3);
	CHECK_ERRNO(enable_cap(pc->vm_fd, KVM_CAP_X2APIC_API, 1ull << 63), EINVAL);
	CHECK_ERRNO(enable_cap(pc->vm_fd, KVM_CAP_X2APIC_API, ~(uint64_t)all), EINVAL);
	pc_add_cpus(pc, 2);
	cpu_prepare(&pc->cpu[1]);
	apic_to_x2(&pc->cpu[1]);
	CHECK_EQ(lapic_reg(&pc->cpu[1], R_ID), 1u << 24);
	CHECK_OK(enable_cap(pc->vm_fd, KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS));
	CHECK_EQ(lapic_reg(&pc->cpu[1], R_ID), 1);
	CHECK_OK(ioctl(pc->cpu[1].vcpu->fd, KVM_GET_LAPIC, &s));
	CHECK_OK(ioctl(pc->cpu[1].vcpu->fd, KVM_SET_LAPIC, &s));
	id = 2;				/* not this vCPU's */
	memcpy(s.regs + R_ID, &id, 4);
	CHECK_ERRNO(ioctl(pc->cpu[1].vcpu->fd, KVM_SET_LAPIC, &s), EINVAL);
	CHECK_EQ(lapic_reg(&pc->cpu[1], R_ID), 1);
}

static void msi_arguments(const void *arg)
{
	struct pc *pc = pc_new(CHIPS_KERNEL, 1);
	struct kvm_msi msi = { .address_lo = APIC_PAGE, .data = 0x40, .flags = 0x100 };

	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_SIGNAL_MSI, &msi), EINVAL);
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_SIGNAL_MSI, NULL), EFAULT);
	msi.flags = 0;
	CHECK_EQ(CHECK_OK(ioctl(pc->vm_fd, KVM_SIGNAL_MSI, &msi)), 1);
	CHECK_EQ(cpu_window(&pc->cpu[0]), 0x40);
	if (kvm_check_cap(KVM_CAP_X2APIC_API) <= 0)
		return;
	CHECK_OK(enable_cap(pc->vm_fd, KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS));
	msi.address_hi = 1;
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_SIGNAL_MSI, &msi), EINVAL);
}

/* --- 8254 ------------------------------------------------------------------ */

static void pit_creation(const void *arg)
{
	struct pc *pc = pc_new_bare(CHIPS_KERNEL);

	need_cap(KVM_CAP_PIT2, "KVM_CAP_PIT2");
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_CREATE_PIT2, NULL), EFAULT);
	CHECK_OK(create_pit2(pc->vm_fd, KVM_PIT_SPEAKER_DUMMY));
	CHECK_ERRNO(create_pit2(pc->vm_fd, 0), EEXIST);
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_CREATE_PIT, 0), EEXIST);
	pc = pc_new_bare(CHIPS_KERNEL);
	CHECK_OK(ioctl(pc->vm_fd, KVM_CREATE_PIT, 0));
	CHECK_ERRNO(create_pit2(pc->vm_fd, 0), EEXIST);
}

static void pit_without_8259(const void *arg)
{
	struct machine *m;

	need_irqchip();
	need_cap(KVM_CAP_PIT2, "KVM_CAP_PIT2");
	m = machine_new_novcpu();
	if (!create_pit2(m->vm->fd, 0))
		test_skip("this kvm makes an 8254 without an 8259");
	CHECK(errno == ENXIO || errno == ENOENT || errno == EINVAL, "%s", strerror(errno));
}

static void pit_round_trip(const void *arg)
{
	struct pc *a = pc_new(CHIPS_KERNEL, 1), *b = pc_new(CHIPS_KERNEL, 1);
	struct kvm_pit_state2 s, back;
	struct kvm_pit_state old;
	int i;

	need_cap(KVM_CAP_PIT_STATE2, "KVM_CAP_PIT_STATE2");
	CHECK_OK(create_pit2(a->vm_fd, KVM_PIT_SPEAKER_DUMMY));
	CHECK_OK(create_pit2(b->vm_fd, KVM_PIT_SPEAKER_DUMMY));
	for (i = 0; i < 3; i++) {
		cpu_outb(&a->cpu[0], 0x43, i << 6 | 0x34);
		cpu_outb(&a->cpu[0], 0x40 + i, 0x10 * (i + 1));
		cpu_outb(&a->cpu[0], 0x40 + i, 0x30 + i);
	}
	cpu_outb(&a->cpu[0], 0x43, 0xc0 | 0x20 | 2);	/* status of channel 0 latched */
	CHECK_OK(ioctl(a->vm_fd, KVM_GET_PIT2, &s));
	for (i = 0; i < 3; i++) {
		CHECK_EQ(s.channels[i].count, (0x30 + i) << 8 | 0x10 * (i + 1));
		CHECK_EQ(s.channels[i].mode, 2);
		CHECK_EQ(s.channels[i].rw_mode, 3);
		CHECK_EQ(s.channels[i].bcd, 0);
	}
	CHECK_OK(ioctl(a->vm_fd, KVM_GET_PIT, &old));
	CHECK_EQ(old.channels[1].count, s.channels[1].count);
	s.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	CHECK_OK(ioctl(b->vm_fd, KVM_SET_PIT2, &s));
	CHECK_OK(ioctl(b->vm_fd, KVM_GET_PIT2, &back));
	CHECK_EQ(back.flags & KVM_PIT_FLAGS_HPET_LEGACY, KVM_PIT_FLAGS_HPET_LEGACY);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(back.channels[i].count, s.channels[i].count);
		CHECK_EQ(back.channels[i].mode, s.channels[i].mode);
		CHECK_EQ(back.channels[i].status_latched, s.channels[i].status_latched);
		CHECK_EQ(back.channels[i].gate, s.channels[i].gate);
	}
	CHECK_OK(ioctl(b->vm_fd, KVM_SET_PIT, &old));
	CHECK_ERRNO(ioctl(b->vm_fd, KVM_SET_PIT2, NULL), EFAULT);
	CHECK_ERRNO(ioctl(b->vm_fd, KVM_GET_PIT2, NULL), EFAULT);
}

/* --- routes ---------------------------------------------------------------- */

#define MAX_ROUTES	4096

static struct kvm_irq_routing *routes(int nr)
{
	struct kvm_irq_routing *t;

	t = calloc(1, sizeof(*t) + (nr + 1) * sizeof(t->entries[0]));
	CHECK(t, "out of memory");
	t->nr = nr;
	return t;
}

static void msi_entry(struct kvm_irq_routing_entry *e, uint32_t gsi, uint32_t data)
{
	*e = (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = APIC_PAGE, .data = data },
	};
}

static void chip_entry(struct kvm_irq_routing_entry *e, uint32_t gsi, uint32_t chip, uint32_t pin)
{
	*e = (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

static void most_routes(const void *arg)
{
	struct pc *pc = pc_new(CHIPS_KERNEL, 1);
	struct kvm_irq_routing *t = routes(MAX_ROUTES);
	struct cpu *c = &pc->cpu[0];
	int i;

	CHECK(kvm_check_cap(KVM_CAP_IRQ_ROUTING) >= MAX_ROUTES, "%d",
	      kvm_check_cap(KVM_CAP_IRQ_ROUTING));
	for (i = 0; i < MAX_ROUTES; i++)
		msi_entry(&t->entries[i], i, 0x20 + i % 0xe0);
	CHECK_OK(ioctl(pc->vm_fd, KVM_SET_GSI_ROUTING, t));
	for (i = 0; i < MAX_ROUTES; i += 273) {
		irq_line(pc, i, 1);
		CHECK_EQ(cpu_window(c), 0x20 + i % 0xe0);
		apic_eoi(c);
		CHECK_EQ(cpu_iret(c), CPU_DONE);
	}
	t->nr = MAX_ROUTES + 1;
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_SET_GSI_ROUTING, t), EINVAL);
	/* No routes at all is a table too. */
	t->nr = 0;
	CHECK_OK(ioctl(pc->vm_fd, KVM_SET_GSI_ROUTING, t));
	CHECK_EQ(irq_line_status(pc, 5, 1), -1);
}

static void bad_routes(const void *arg)
{
	struct pc *pc = pc_new(CHIPS_KERNEL, 1);
	struct kvm_irq_routing *t = routes(2);
	struct kvm_irq_routing_entry *e = t->entries, good;
	struct cpu *c = &pc->cpu[0];
	void *edge = anon_mem(8192);

	msi_entry(&good, 30, 0x66);
	e[0] = good;
	t->nr = 1;
	CHECK_OK(ioctl(pc->vm_fd, KVM_SET_GSI_ROUTING, t));
	t->nr = 2;
#define BAD() CHECK_ERRNO(ioctl(pc->vm_fd, KVM_SET_GSI_ROUTING, t), EINVAL)
	e[1] = good;					/* an MSI has its GSI to itself */
	BAD();
	chip_entry(&e[1], 30, KVM_IRQCHIP_IOAPIC, 3);
	BAD();
	chip_entry(&e[1], 31, KVM_IRQCHIP_IOAPIC, 24);
	BAD();
	chip_entry(&e[1], 31, KVM_IRQCHIP_PIC_MASTER, 8);
	BAD();
	chip_entry(&e[1], 31, 3, 0);
	BAD();
	chip_entry(&e[1], 31, ~0u, 0);
	BAD();
	msi_entry(&e[1], MAX_ROUTES, 0x67);
	BAD();
	msi_entry(&e[1], ~0u, 0x67);
	BAD();
	msi_entry(&e[1], 31, 0x67);
	e[1].flags = 0x80;
	BAD();
	msi_entry(&e[1], 31, 0x67);
	e[1].type = 99;
	BAD();
	e[1].type = 0;
	BAD();
	msi_entry(&e[1], 31, 0x67);
	t->flags = 1;
	BAD();
	t->flags = 0;
	chip_entry(&e[0], 31, KVM_IRQCHIP_IOAPIC, 3);
	chip_entry(&e[1], 31, KVM_IRQCHIP_IOAPIC, 4);	/* one pin of a chip for a GSI */
	BAD();
	CHECK_OK(mprotect(edge + 4096, 4096, PROT_NONE));
	memcpy(edge + 4096 - sizeof(*t), t, sizeof(*t));
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_SET_GSI_ROUTING, edge + 4096 - sizeof(*t)), EFAULT);
	CHECK_ERRNO(ioctl(pc->vm_fd, KVM_SET_GSI_ROUTING, NULL), EFAULT);
	/* The first table is still there. */
	irq_line(pc, 30, 1);
	CHECK_EQ(cpu_window(c), 0x66);
}

/* One GSI to both kinds of chip, at pins of the table's choice. */
static void rerouted(const void *arg)
{
	struct pc *pc = pc_new(CHIPS_KERNEL, 1);
	struct kvm_irq_routing *t = routes(3);
	struct cpu *c = &pc->cpu[0];

	pic_init(c, 0x20);
	apic_write(c, R_LVT0, M_EXTINT);
	ioapic_route(c, 2, 0, 0x50);
	chip_entry(&t->entries[0], 100, KVM_IRQCHIP_PIC_MASTER, 0);
	chip_entry(&t->entries[1], 100, KVM_IRQCHIP_IOAPIC, 2);
	chip_entry(&t->entries[2], 101, KVM_IRQCHIP_PIC_SLAVE, 3);
	CHECK_OK(ioctl(pc->vm_fd, KVM_SET_GSI_ROUTING, t));
	irq_line(pc, 100, 1);
	CHECK_EQ(cpu_window(c), 0x20);
	CHECK_EQ(cpu_window(c), 0x50);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	cpu_outb(c, 0x20, 0x20);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	irq_line(pc, 101, 1);
	CHECK_EQ(cpu_window(c), 0x2b);
}

int main(int argc, char **argv)
{
	TEST(create);
	TEST(create_split);
	TEST(missing_chip);
	TEST(split_has_no_chips);
	TEST(irq_line_arguments);
	TEST(chip_ids);
	TEST(pic_round_trip);
	TEST(ioapic_round_trip);
	TEST(lapic_round_trip);
	TEST(x2apic_api);
	TEST(msi_arguments);
	TEST(pit_creation);
	TEST(pit_without_8259);
	TEST(pit_round_trip);
	TEST(most_routes);
	TEST(bad_routes);
	TEST(rerouted);
	return run_tests(argc, argv);
}
