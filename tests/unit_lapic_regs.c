// SPDX-License-Identifier: GPL-2.0-only
/* Registers of the local APIC, and the way from IRR to EOI. SDM 3A chapter 11. */
#include "compat/apic.h"
#include "lapic_test.h"

static struct vm *one(struct kvm_vcpu **v)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);

	*v = vm_add(vm, 0);
	return vm;
}

/* SDM 3A 11.4.7.1 */
static void power_up(void)
{
	struct kvm_vcpu *v, *ap;
	struct vm *vm = one(&v);
	u32 reg;

	ap = vm_add(vm, 7);
	EXPECT_EQ(get(ap, LAPIC_ID), 7u << 24);
	EXPECT_EQ(get(v, LAPIC_VERSION), 0x50014);
	EXPECT_EQ(get(v, LAPIC_SVR), 0xff);
	EXPECT_EQ(get(v, LAPIC_DFR), 0xffffffff);
	EXPECT_EQ(get(v, LAPIC_LDR), 0);
	EXPECT_EQ(get(v, LAPIC_TPR), 0);
	for (reg = LAPIC_LVT_TIMER; reg <= LAPIC_LVT_ERROR; reg += 16)
		EXPECT_EQ(get(ap, reg), LVT_MASKED);
	/* The boot processor's LINT0 takes the 8259's interrupts. */
	EXPECT_EQ(get(v, LAPIC_LVT_LINT0), 0x700);
	EXPECT(kvm_apic_accepts_extint(v));
	EXPECT(!kvm_apic_accepts_extint(ap));
	vm->kvm.settings.disabled_quirks = KVM_X86_QUIRK_LINT0_REENABLED;
	kvm_apic_reset(v, false);
	EXPECT_EQ(get(v, LAPIC_LVT_LINT0), LVT_MASKED);
	vm_free(vm);
}

/* SDM 3A 11.4.7.3: INIT is power-up, but for the id. */
static void init_keeps_id(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);

	wr(v, LAPIC_ID, 5u << 24);
	soft_enable(v);
	wr(v, LAPIC_TPR, 0x40);
	kvm_apic_post(v, 0x80, false);
	kvm_apic_reset(v, true);
	EXPECT_EQ(get(v, LAPIC_ID), 5u << 24);
	EXPECT_EQ(get(v, LAPIC_TPR), 0);
	EXPECT_EQ(get(v, LAPIC_SVR), 0xff);
	EXPECT(!requested(v, 0x80));
	EXPECT(!kvm_apic_pir_pending(v));
	vm_free(vm);
}

/* SDM 3A 11.4.1: 32 bits every 16 bytes. */
static void window_accesses(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);
	u64 val;
	u32 w = 0x40;

	v->cpuid.reserved_gpa_bits = ~0ull << 40;
	EXPECT_EQ(kvm_apic_mmio_read(v, 0xfee00f00 + 0x100, 4, &val), -EOPNOTSUPP);
	EXPECT_EQ(kvm_apic_mmio_read(v, 0xfedffffc, 4, &val), -EOPNOTSUPP);
	EXPECT_EQ(kvm_apic_mmio_read(v, 0xfee00ffc, 8, &val), -EOPNOTSUPP);
	wr(v, LAPIC_ID, 0xab000000);
	val = 0;
	EXPECT_EQ(kvm_apic_mmio_read(v, 0xfee00023, 1, &val), 0);
	EXPECT_EQ(val, 0xab);
	val = ~0ull;
	EXPECT_EQ(kvm_apic_mmio_read(v, 0xfee00020, 8, &val), 0);
	EXPECT_EQ(val, 0xab000000);
	val = ~0ull;
	EXPECT_EQ(kvm_apic_mmio_read(v, 0xfee0002c, 8, &val), 0);
	EXPECT_EQ(val, 0);
	/* Writes of another size or place have no effect. */
	kvm_apic_mmio_write(v, 0xfee00080, 1, &w);
	kvm_apic_mmio_write(v, 0xfee00084, 4, &w);
	EXPECT_EQ(get(v, LAPIC_TPR), 0);
	kvm_apic_mmio_write(v, 0xfee00080, 4, &w);
	EXPECT_EQ(get(v, LAPIC_TPR), 0x40);
	/* Elsewhere. */
	v->msr.apic_base = 0xe0000000 | 0x900;
	kvm_apic_base_changed(v, 0xfee00900);
	EXPECT_EQ(kvm_apic_mmio_read(v, 0xfee00080, 4, &val), -EOPNOTSUPP);
	EXPECT_EQ(kvm_apic_mmio_read(v, 0xe0000080, 4, &val), 0);
	EXPECT(vm->kvm.irq.apicv_inhibits & BIT(KVM_APICV_APIC_BASE));
	/* Not there at all. */
	set_mode(v, false, false);
	EXPECT_EQ(kvm_apic_mmio_read(v, 0xe0000080, 4, &val), -EOPNOTSUPP);
	EXPECT_EQ(kvm_apic_mmio_write(v, 0xe0000080, 4, &w), -EOPNOTSUPP);
	vm_free(vm);
}

/* KVM_X86_QUIRK_LAPIC_MMIO_HOLE */
static void x2apic_window(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);
	u64 val = 0;
	u32 w = 0x40;

	set_mode(v, true, true);
	EXPECT_EQ(kvm_apic_mmio_read(v, 0xfee00080, 4, &val), 0);
	EXPECT_EQ(val, 0xffffffff);
	EXPECT_EQ(kvm_apic_mmio_write(v, 0xfee00080, 4, &w), 0);
	EXPECT_EQ(get(v, LAPIC_TPR), 0);
	vm->kvm.settings.disabled_quirks = KVM_X86_QUIRK_LAPIC_MMIO_HOLE;
	EXPECT_EQ(kvm_apic_mmio_read(v, 0xfee00080, 4, &val), -EOPNOTSUPP);
	EXPECT_EQ(kvm_apic_mmio_write(v, 0xfee00080, 4, &w), -EOPNOTSUPP);
	vm_free(vm);
}

/* SDM 3A table 11-6, by MSR: who may be read, and the bits that may be written. */
static bool x2_readable(u32 n)
{
	return n == 2 || n == 3 || n == 8 || n == 0xa || n == 0xd || n == 0xf ||
	       (n >= 0x10 && n <= 0x28) || n == 0x30 || (n >= 0x32 && n <= 0x39) || n == 0x3e;
}

static u64 x2_writable(u32 n, bool *any)
{
	*any = true;
	switch (n) {
	case 0x08: return 0xff;
	case 0x0b: return 0;
	case 0x0f: return 0x1ff;
	case 0x28: return 0;
	case 0x30: return ~(u64)KVMX_ICR_RESERVED;
	case 0x32: return 0x710ff;
	case 0x33: case 0x34: return 0x117ff;
	case 0x35: case 0x36: return 0x1f7ff;
	case 0x37: return 0x110ff;
	case 0x38: return 0xffffffff;
	case 0x3e: return 0xb;
	case 0x3f: return 0xff;
	}
	*any = false;
	return 0;
}

static void x2apic_registers(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);
	u64 val;
	u32 n;
	int bit;

	EXPECT_EQ(kvm_apic_msr_read(v, 0x802, &val, false), 1);
	EXPECT_EQ(kvm_apic_msr_write(v, 0x808, 0, false), 1);
	set_mode(v, true, true);
	for (n = 0; n < 0x100; n++) {
		bool any;
		u64 mask = x2_writable(n, &any);

		if (kvm_apic_msr_read(v, 0x800 + n, &val, false) != !x2_readable(n)) {
			printf("# MSR %#x\n", 0x800 + n);
			EXPECT(false);
		}
		if (kvm_apic_msr_write(v, 0x800 + n, 0, false) != !any) {
			printf("# MSR %#x\n", 0x800 + n);
			EXPECT(false);
		}
		for (bit = 0; any && bit < 64; bit++) {
			int r = kvm_apic_msr_write(v, 0x800 + n, BIT(bit), false);

			if (r != !(mask & BIT(bit))) {
				printf("# MSR %#x bit %d\n", 0x800 + n, bit);
				EXPECT(false);
			}
		}
	}
	vm_free(vm);
}

/* CMCI where the machine-check banks have it; directed EOI where an I/O APIC in user space can. */
static void version(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);
	u64 val;

	set_mode(v, true, true);
	EXPECT(!rd(v, LAPIC_LVT_CMCI, &val));
	EXPECT(!wr(v, LAPIC_SVR, 0x1100));
	EXPECT(wr(v, LAPIC_SVR, 0xff));
	EXPECT_EQ(lapic_get(v->apic, LAPIC_LVT_CMCI), 0);
	v->mce.cap = BIT(10);
	kvm_apic_features_changed(v);
	EXPECT_EQ(get(v, LAPIC_VERSION), 0x60014);
	EXPECT_EQ(get(v, LAPIC_LVT_CMCI), 0x10000);
	EXPECT(wr(v, LAPIC_LVT_CMCI, 0x100f0));
	EXPECT_EQ(get(v, LAPIC_LVT_CMCI), 0x100f0);
	/* A second call leaves what the guest has written, also a 0. */
	EXPECT(wr(v, LAPIC_SVR, 0x1ff));
	EXPECT(wr(v, LAPIC_LVT_CMCI, 0));
	kvm_apic_features_changed(v);
	EXPECT_EQ(get(v, LAPIC_LVT_CMCI), 0);
	vm_free(vm);

	vm = vm_new(KVM_IRQCHIP_SPLIT);
	v = vm_add(vm, 0);
	EXPECT_EQ(get(v, LAPIC_VERSION), 0x1050014);
	wr(v, LAPIC_SVR, 0x11ff);
	EXPECT_EQ(get(v, LAPIC_SVR), 0x11ff);
	v->cpuid.features[KVM_F_X2APIC / 32] &= ~(1u << KVM_F_X2APIC % 32);
	kvm_apic_features_changed(v);
	EXPECT_EQ(get(v, LAPIC_VERSION), 0x50014);
	vm_free(vm);
}

/* SDM 3A 11.4.7.2 */
static void software_disable(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);
	u32 reg;

	/* Mask bits cannot be cleared. */
	wr(v, LAPIC_LVT_LINT1, 0x400);
	EXPECT_EQ(get(v, LAPIC_LVT_LINT1), 0x10400);
	soft_enable(v);
	for (reg = LAPIC_LVT_TIMER; reg <= LAPIC_LVT_ERROR; reg += 16) {
		wr(v, reg, 0x30);
		EXPECT_EQ(get(v, reg), 0x30);
	}
	kvm_apic_post(v, 0x50, false);
	EXPECT_EQ(kvm_apic_pending(v), 0x50);
	wr(v, LAPIC_SVR, 0xff);
	for (reg = LAPIC_LVT_TIMER; reg <= LAPIC_LVT_ERROR; reg += 16)
		EXPECT_EQ(get(v, reg), 0x10030);
	/* What was in IRR stays there and waits; nothing new is taken. */
	EXPECT_EQ(kvm_apic_pending(v), -1);
	EXPECT(!kvm_apic_post(v, 0x60, false));
	soft_enable(v);
	EXPECT_EQ(deliver_next(v), 0x50);
	EXPECT_EQ(deliver_next(v), -1);
	vm_free(vm);
}

static void write_masks(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);

	soft_enable(v);
	wr(v, LAPIC_LDR, 0x12345678);
	EXPECT_EQ(get(v, LAPIC_LDR), 0x12000000);
	wr(v, LAPIC_DFR, 0);
	EXPECT_EQ(get(v, LAPIC_DFR), 0x0fffffff);
	wr(v, LAPIC_TPR, ~0u);
	EXPECT_EQ(get(v, LAPIC_TPR), 0xff);
	wr(v, LAPIC_TDCR, ~0u);
	EXPECT_EQ(get(v, LAPIC_TDCR), 0xb);
	wr(v, LAPIC_ICR2, ~0u);
	EXPECT_EQ(get(v, LAPIC_ICR2), 0xff000000);
	wr(v, LAPIC_VERSION, 0);
	EXPECT_EQ(get(v, LAPIC_VERSION), 0x50014);
	wr(v, LAPIC_LVT_TIMER, ~0u);
	EXPECT_EQ(get(v, LAPIC_LVT_TIMER), 0x500ff);
	v->cpuid.features[KVM_F_TSC_DEADLINE / 32] &= ~(1u << KVM_F_TSC_DEADLINE % 32);
	wr(v, LAPIC_LVT_TIMER, ~0u);
	EXPECT_EQ(get(v, LAPIC_LVT_TIMER), 0x300ff);
	wr(v, LAPIC_LVT_LINT0, ~0u);
	EXPECT_EQ(get(v, LAPIC_LVT_LINT0), 0x1a7ff);
	wr(v, LAPIC_LVT_ERROR, ~0u);
	EXPECT_EQ(get(v, LAPIC_LVT_ERROR), 0x100ff);
	vm_free(vm);
}

/* SDM 3A 11.5.3: errors show after a write; one interrupt until then. */
static void error_status(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);
	u64 val;

	soft_enable(v);
	wr(v, LAPIC_LVT_ERROR, 0xe1);
	EXPECT(rd(v, 0x40, &val));
	EXPECT_EQ(get(v, LAPIC_ESR), 0);
	EXPECT_EQ(deliver_next(v), 0xe1);
	wr(v, LAPIC_EOI, 0);
	wr(v, LAPIC_ICR, 0x40000 | 3);
	EXPECT_EQ(deliver_next(v), -1);
	wr(v, LAPIC_ESR, 0);
	EXPECT_EQ(get(v, LAPIC_ESR), ESR_ILLEGAL_REGISTER | ESR_SEND_ILLEGAL);
	EXPECT_EQ(get(v, LAPIC_ESR), ESR_ILLEGAL_REGISTER | ESR_SEND_ILLEGAL);
	wr(v, LAPIC_ESR, 0);
	EXPECT_EQ(get(v, LAPIC_ESR), 0);
	/* Received: from a device. */
	kvm_apic_post(v, 12, false);
	EXPECT_EQ(deliver_next(v), 0xe1);
	wr(v, LAPIC_EOI, 0);
	EXPECT_EQ(deliver_next(v), -1);
	EXPECT_EQ(get(v, LAPIC_IRR), 0);
	wr(v, LAPIC_ESR, 0);
	EXPECT_EQ(get(v, LAPIC_ESR), ESR_RECEIVE_ILLEGAL);
	/* A register of another mode, beyond the last, and of no bits. */
	wr(v, LAPIC_SELF_IPI, 0x40);
	wr(v, LAPIC_ESR, 0);
	EXPECT_EQ(get(v, LAPIC_ESR), ESR_ILLEGAL_REGISTER);
	rd(v, 0xff0, &val);
	wr(v, LAPIC_ESR, 0);
	EXPECT_EQ(get(v, LAPIC_ESR), ESR_ILLEGAL_REGISTER);
	vm_free(vm);
}

/* SDM 3A 11.4.3, 11.12.5: what each change of mode does to ids. */
static void mode_changes(void)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_KERNEL);
	struct kvm_vcpu *v = vm_add(vm, 0x123);

	EXPECT_EQ(get(v, LAPIC_ID), 0x23000000);
	wr(v, LAPIC_ID, 0x99000000);
	EXPECT(vm->kvm.irq.apicv_inhibits & BIT(KVM_APICV_APIC_ID));
	EXPECT(vm->apicv_requests);
	soft_enable(v);
	wr(v, LAPIC_TPR, 0x30);
	set_mode(v, true, true);
	EXPECT_EQ(get(v, LAPIC_ID), 0x123);
	EXPECT_EQ(get(v, LAPIC_LDR), 0x120008);
	EXPECT_EQ(get(v, LAPIC_TPR), 0x30);
	EXPECT_EQ(get(v, LAPIC_SVR), 0x1ff);
	EXPECT(!(vm->kvm.irq.apicv_inhibits & BIT(KVM_APICV_APIC_ID)));
	kvm_apic_post(v, 0x60, false);
	set_mode(v, false, false);
	EXPECT(!requested(v, 0x60));
	EXPECT(kvm_apic_accepts_extint(v));
	set_mode(v, true, false);
	EXPECT_EQ(get(v, LAPIC_ID), 0x23000000);
	EXPECT_EQ(get(v, LAPIC_LDR), 0);
	EXPECT_EQ(get(v, LAPIC_SVR), 0xff);
	EXPECT(!kvm_apic_accepts_extint(v));
	/* User space may go from x2APIC to xAPIC directly. */
	set_mode(v, true, true);
	set_mode(v, true, false);
	EXPECT_EQ(get(v, LAPIC_ID), 0x23000000);
	vm_free(vm);
}

/* SDM 3A 11.8 by brute force. */
struct oracle {
	bool irr[256], isr[256], level[256];
	u8 tpr;
};

static int top(const bool *set)
{
	int i;

	for (i = 255; i >= 0 && !set[i]; i--)
		;
	return i;
}

static u8 oracle_ppr(const struct oracle *o)
{
	int isr = top(o->isr);

	return isr < 0 || isr / 16 <= o->tpr / 16 ? o->tpr : isr & 0xf0;
}

static int oracle_pending(const struct oracle *o)
{
	int irr = top(o->irr);

	return irr >= 0 && irr / 16 > oracle_ppr(o) / 16 ? irr : -1;
}

static void priorities(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);
	struct rng r = { 1 };
	struct oracle o = { 0 };
	int i, vector, before;

	soft_enable(v);
	for (i = 0; i < 200000 && test_ok; i++) {
		switch (rng_below(&r, 6)) {
		case 0:
		case 1:
			vector = 16 + rng_below(&r, 240);
			before = o.irr[vector];
			o.level[vector] = rng_chance(&r, 30);
			EXPECT_EQ(kvm_apic_post(v, vector, o.level[vector]), !before);
			o.irr[vector] = true;
			break;
		case 2:
			o.tpr = rng_chance(&r, 50) ? 0 : rng_next(&r);
			wr(v, LAPIC_TPR, o.tpr);
			break;
		case 3:
			vector = oracle_pending(&o);
			EXPECT_EQ(deliver_next(v), vector);
			if (vector >= 0) {
				o.irr[vector] = false;
				o.isr[vector] = true;
			}
			break;
		case 4:
			vector = top(o.isr);
			clear_seen(vm);
			/* The level that counts is that of the last request taken. */
			kvm_apic_take_pir(v);
			wr(v, LAPIC_EOI, 0);
			if (vector >= 0) {
				o.isr[vector] = false;
				EXPECT_EQ(seen(v)->eois, o.level[vector]);
				if (o.level[vector])
					EXPECT_EQ(seen(v)->eoi[0], vector);
			} else {
				EXPECT_EQ(seen(v)->eois, 0);
			}
			break;
		case 5:
			EXPECT_EQ(get(v, LAPIC_PPR), oracle_ppr(&o));
			EXPECT_EQ(kvm_apic_pending(v), oracle_pending(&o));
			EXPECT_EQ(kvm_get_cr8(v), o.tpr >> 4);
			break;
		}
	}
	vm_free(vm);
}

/* A request while one is in service: pending again; a second one is coalesced. */
static void pir(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);

	soft_enable(v);
	clear_seen(vm);
	v->kick.requests = 0;
	EXPECT(kvm_apic_post(v, 0x41, false));
	EXPECT_EQ(seen(v)->kicks, 1);
	EXPECT(v->kick.requests & BIT(KVM_REQ_EVENT));
	EXPECT(!kvm_apic_post(v, 0x41, false));
	EXPECT(kvm_apic_post(v, 0x42, false));
	/* ON was set already: its setter has notified the vCPU, so no second kick. */
	EXPECT_EQ(seen(v)->kicks, 1);
	EXPECT(kvm_apic_take_pir(v));
	EXPECT(!kvm_apic_take_pir(v));
	EXPECT(!kvm_apic_post(v, 0x41, false));
	EXPECT_EQ(deliver_next(v), 0x42);
	EXPECT(kvm_apic_post(v, 0x42, false));
	EXPECT_EQ(deliver_next(v), -1);
	wr(v, LAPIC_EOI, 0);
	EXPECT_EQ(deliver_next(v), 0x42);
	/* The CPU is told by itself. */
	test_posted = true;
	clear_seen(vm);
	kvm_apic_take_pir(v);
	v->kick.requests = 0;
	EXPECT(kvm_apic_post(v, 0x43, false));
	EXPECT_EQ(seen(v)->kicks, 0);
	EXPECT_EQ(v->kick.requests, 0);
	vm_free(vm);
}

/* What a vCPU sends itself needs no kick, and with virtual-interrupt delivery no request. */
static void to_itself(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);

	set_mode(v, true, true);
	soft_enable(v);
	wr(v, LAPIC_LVT_TIMER, LVT_TIMER_DEADLINE | 0x70);
	clear_seen(vm);
	v->kick.requests = 0;
	wr(v, LAPIC_SELF_IPI, 0x50);
	EXPECT_EQ(v->kick.requests, BIT(KVM_REQ_EVENT));
	EXPECT_EQ(deliver_next(v), 0x50);
	test_apicv = true;
	v->kick.requests = 0;
	wr(v, LAPIC_ICR, 0x60);
	shim_run_to(1000);
	kvm_apic_set_tsc_deadline(v, 1);
	EXPECT(kvm_apic_pir_pending(v));
	EXPECT_EQ(v->kick.requests, 0);
	EXPECT_EQ(seen(v)->kicks, 0);
	kvm_apic_take_pir(v);
	EXPECT_EQ(kvm_apic_highest_irr(v), 0x70);
	EXPECT(lapic_test(v->apic, LAPIC_IRR, 0x60));
	vm_free(vm);
}

/* SDM 3A 11.8.5, KVM_EXIT_IOAPIC_EOI */
static void eoi_broadcast(void)
{
	struct vm *vm = vm_new(KVM_IRQCHIP_SPLIT);
	struct kvm_vcpu *v = vm_add(vm, 0);

	soft_enable(v);
	__set_bit(0x51, v->apic->eoi_vectors);
	__set_bit(0x52, v->apic->eoi_vectors);
	kvm_apic_post(v, 0x50, true);
	deliver_next(v);
	v->kick.requests = 0;
	wr(v, LAPIC_EOI, 0);
	EXPECT(!(v->kick.requests & BIT(KVM_REQ_IOAPIC_EOI_EXIT)));
	kvm_apic_post(v, 0x51, true);
	deliver_next(v);
	wr(v, LAPIC_EOI, 0);
	EXPECT(v->kick.requests & BIT(KVM_REQ_IOAPIC_EOI_EXIT));
	EXPECT_EQ(v->apic->eoi_exit_vector, 0x51);
	/* Directed EOI: the guest tells the I/O APIC itself. */
	wr(v, LAPIC_SVR, 0x11ff);
	v->kick.requests = 0;
	kvm_apic_post(v, 0x52, true);
	deliver_next(v);
	wr(v, LAPIC_EOI, 0);
	EXPECT(!(v->kick.requests & BIT(KVM_REQ_IOAPIC_EOI_EXIT)));
	wr(v, LAPIC_SVR, 0x1ff);
	/* The CPU did it. */
	kvm_apic_post(v, 0x52, true);
	kvm_apic_eoi_virtualized(v, 0x52);
	EXPECT_EQ(v->apic->eoi_exit_vector, 0x52);
	EXPECT(v->kick.requests & BIT(KVM_REQ_IOAPIC_EOI_EXIT));
	vm_free(vm);
}

/* SDM 3C 30.4.3.3: the CPU has written, and the meaning follows. */
static void written_by_cpu(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);

	soft_enable(v);
	lapic_set(v->apic, LAPIC_LDR, 0x08ffffff);
	kvm_apic_written(v, LAPIC_LDR);
	EXPECT_EQ(get(v, LAPIC_LDR), 0x08000000);
	EXPECT(kvm_apic_match(v, NULL, 0, 8, true));
	lapic_set(v->apic, LAPIC_ICR, 0x40000 | ICR_BUSY | 0x77);
	kvm_apic_written(v, LAPIC_ICR);
	EXPECT(requested(v, 0x77));
	EXPECT_EQ(get(v, LAPIC_ICR), 0x40077);
	deliver_next(v);
	lapic_set(v->apic, LAPIC_EOI, 1);
	kvm_apic_written(v, LAPIC_EOI);
	EXPECT_EQ(kvm_apic_highest_isr(v), -1);
	lapic_set(v->apic, LAPIC_SVR, 0xff);
	kvm_apic_written(v, LAPIC_SVR);
	EXPECT(!kvm_apic_post(v, 0x40, false));
	kvm_apic_written(v, 0xff0);
	set_mode(v, true, true);
	soft_enable(v);
	lapic_set(v->apic, LAPIC_SELF_IPI, 0x66);
	kvm_apic_written(v, LAPIC_SELF_IPI);
	EXPECT(requested(v, 0x66));
	vm_free(vm);
}

/* The fast path does what the slow one does, or says no and does nothing. */
static void fast_path(void)
{
	struct kvm_vcpu *v;
	struct vm *vm = one(&v);

	EXPECT(!kvm_apic_msr_write_fast(v, 0x808, 0));
	set_mode(v, true, true);
	soft_enable(v);
	local_irq_disable();
	EXPECT(kvm_apic_msr_write_fast(v, 0x808, 0x20));
	EXPECT_EQ(get(v, LAPIC_TPR), 0x20);
	EXPECT(!kvm_apic_msr_write_fast(v, 0x808, 0x120));
	EXPECT(kvm_apic_msr_write_fast(v, 0x83f, 0x99));
	EXPECT_EQ(deliver_next(v), 0x99);
	EXPECT(kvm_apic_msr_write_fast(v, 0x80b, 0));
	EXPECT_EQ(kvm_apic_highest_isr(v), -1);
	EXPECT(kvm_apic_msr_write_fast(v, 0x830, 0x9a));
	EXPECT_EQ(deliver_next(v), 0x9a);
	EXPECT(kvm_apic_msr_write_fast(v, 0x80b, 0));
	EXPECT(!kvm_apic_msr_write_fast(v, 0x830, 0x8009a));
	kvm_apic_post(v, 0x90, true);
	EXPECT_EQ(deliver_next(v), 0x90);
	/* An EOI that the I/O APIC hears takes its lock. */
	EXPECT(!kvm_apic_msr_write_fast(v, 0x80b, 0));
	EXPECT_EQ(kvm_apic_highest_isr(v), 0x90);
	EXPECT(!kvm_apic_msr_write_fast(v, 0x80f, 0xff));
	EXPECT(!kvm_apic_msr_write_fast(v, 0x10, 0));
	local_irq_enable();
	vm_free(vm);
}

const struct test regs_tests[] = {
	{ "power_up", power_up },
	{ "init_keeps_id", init_keeps_id },
	{ "window_accesses", window_accesses },
	{ "x2apic_window", x2apic_window },
	{ "x2apic_registers", x2apic_registers },
	{ "version", version },
	{ "software_disable", software_disable },
	{ "write_masks", write_masks },
	{ "error_status", error_status },
	{ "mode_changes", mode_changes },
	{ "priorities", priorities },
	{ "pir", pir },
	{ "to_itself", to_itself },
	{ "eoi_broadcast", eoi_broadcast },
	{ "written_by_cpu", written_by_cpu },
	{ "fast_path", fast_path },
	{ }
};
