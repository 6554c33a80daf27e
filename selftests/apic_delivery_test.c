// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC as the guest sees it, in xAPIC and x2APIC mode: what is accepted, in
 * which order it is delivered, what the registers say meanwhile.
 */
#include "agent.h"

static void reset_values(const void *arg)
{
	struct pc *pc = pc_new_bare(CHIPS_KERNEL);
	struct cpu *c = &pc->cpu[0];
	uint32_t version;

	pc_add_cpus(pc, 1);
	cpu_prepare(c);
	CHECK_EQ(cpu_rdmsr(c, MSR_APICBASE), APIC_PAGE | APICBASE_EN | APICBASE_BSP);
	version = apic_read(c, R_VERSION);
	CHECK(version >> 16 >= 5 && (version & 0xf0) == 0x10, "0x%x", version);
	CHECK_EQ(apic_read(c, R_ID), 0);
	CHECK_EQ(apic_read(c, R_TPR), 0);
	CHECK_EQ(apic_read(c, R_SPIV), 0xff);
	CHECK_EQ(apic_read(c, R_DFR), 0xffffffff);
	CHECK_EQ(apic_read(c, R_LDR), 0);
	CHECK_EQ(apic_read(c, R_LVTT), LVT_MASKED);
	CHECK_EQ(apic_read(c, R_LVT1), LVT_MASKED);
	CHECK_EQ(apic_read(c, R_LVTERR), LVT_MASKED);
	CHECK_EQ(apic_read(c, R_TMICT), 0);
	CHECK_EQ(apic_read(c, R_TMCCT), 0);
}

static void self_ipi(const void *arg)
{
	struct pc *pc = pc_in_mode(arg, 1);
	struct cpu *c = &pc->cpu[0];
	int v;

	for (v = 0x20; v < 0x100; v += 0x0f) {
		apic_send(c, 0, ICR_SELF | v);
		CHECK(apic_bit(c, R_IRR, v), "0x%x not in IRR", v);
		CHECK(!apic_bit(c, R_ISR, v), "0x%x in ISR", v);
		CHECK_EQ(cpu_window(c), v);
		CHECK(!apic_bit(c, R_IRR, v), "0x%x still in IRR", v);
		CHECK(apic_bit(c, R_ISR, v), "0x%x not in ISR", v);
		CHECK(!apic_bit(c, R_TMR, v), "0x%x in TMR", v);
		CHECK_EQ(apic_read(c, R_PPR), v & 0xf0);
		apic_eoi(c);
		CHECK(!apic_bit(c, R_ISR, v), "0x%x in ISR after EOI", v);
		CHECK_EQ(apic_read(c, R_PPR), 0);
		CHECK_EQ(cpu_iret(c), CPU_DONE);
	}
	/* The same by its own id, and twice before it is taken: once. */
	apic_send(c, 0, 0x99);
	apic_send(c, 0, ICR_SELF | 0x99);
	CHECK_EQ(cpu_window(c), 0x99);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

static void self_ipi_msr(const void *arg)
{
	struct pc *pc = pc_in_mode(&in_x2, 1);
	struct cpu *c = &pc->cpu[0];
	uint64_t v;

	apic_write(c, R_SELF, 0x77);
	CHECK_EQ(cpu_window(c), 0x77);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	CHECK_EQ(cpu_try_rdmsr(c, MSR_X2APIC(R_SELF), &v), GP_VECTOR);
	CHECK_EQ(cpu_try_wrmsr(c, MSR_X2APIC(R_SELF), 0x100), GP_VECTOR);
}

/* Several at once: the highest first, the next one as soon as EOI and IF allow it. */
static void order(const void *arg)
{
	static const uint8_t sent[] = { 0x41, 0xe0, 0x33, 0x42, 0x90, 0x91 };
	static const uint8_t want[] = { 0xe0, 0x91, 0x90, 0x42, 0x41, 0x33 };
	struct pc *pc = pc_in_mode(arg, 1);
	struct cpu *c = &pc->cpu[0];
	int i, got;

	for (i = 0; i < ARRAY_LEN(sent); i++)
		apic_send(c, 0, ICR_SELF | sent[i]);
	got = cpu_window(c);
	for (i = 0; i < ARRAY_LEN(want); i++) {
		CHECK_EQ(got, want[i]);
		CHECK_EQ(apic_read(c, R_PPR), want[i] & 0xf0);
		apic_eoi(c);
		got = cpu_iret(c);
	}
	CHECK_EQ(got, CPU_DONE);
}

/* Without an EOI only a higher class gets through; EOI ends the highest in service. */
static void nesting(const void *arg)
{
	struct pc *pc = pc_in_mode(arg, 1);
	struct cpu *c = &pc->cpu[0];

	apic_send(c, 0, ICR_SELF | 0x55);
	CHECK_EQ(cpu_window(c), 0x55);
	apic_send(c, 0, ICR_SELF | 0x5f);
	apic_send(c, 0, ICR_SELF | 0x41);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	apic_send(c, 0, ICR_SELF | 0x60);
	CHECK_EQ(cpu_window(c), 0x60);
	CHECK(apic_bit(c, R_ISR, 0x55) && apic_bit(c, R_ISR, 0x60), "not both in service");
	CHECK_EQ(apic_read(c, R_PPR), 0x60);
	apic_eoi(c);
	CHECK(apic_bit(c, R_ISR, 0x55) && !apic_bit(c, R_ISR, 0x60), "wrong one ended");
	CHECK_EQ(apic_read(c, R_PPR), 0x50);
	CHECK_EQ(cpu_iret(c), CPU_DONE);	/* into the first handler's window */
	apic_eoi(c);
	CHECK_EQ(cpu_window(c), 0x5f);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), 0x41);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	apic_eoi(c);				/* nothing in service: no effect */
	CHECK_EQ(apic_read(c, R_PPR), 0);
}

static void task_priority(const void *arg)
{
	struct pc *pc = pc_in_mode(arg, 1);
	struct cpu *c = &pc->cpu[0];

	apic_write(c, R_TPR, 0x50);
	CHECK_EQ(cpu_cr8(c), 5);
	CHECK_EQ(apic_read(c, R_PPR), 0x50);
	apic_send(c, 0, ICR_SELF | 0x5f);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	apic_send(c, 0, ICR_SELF | 0x60);
	CHECK_EQ(cpu_window(c), 0x60);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	cpu_set_cr8(c, 4);
	CHECK_EQ(apic_read(c, R_TPR), 0x40);
	CHECK_EQ(cpu_window(c), 0x5f);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	/* PPR is the higher of TPR and ISR; the low bits come with the one that wins. */
	apic_write(c, R_TPR, 0x37);
	CHECK_EQ(apic_read(c, R_PPR), 0x37);
	apic_send(c, 0, ICR_SELF | 0x81);
	CHECK_EQ(cpu_window(c), 0x81);
	CHECK_EQ(apic_read(c, R_PPR), 0x80);
	apic_write(c, R_TPR, 0x93);
	CHECK_EQ(apic_read(c, R_PPR), 0x93);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	/* Everything is held back at 15, and comes when it is lowered. */
	cpu_set_cr8(c, 15);
	apic_send(c, 0, ICR_SELF | 0xff);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	cpu_set_cr8(c, 14);
	CHECK_EQ(cpu_window(c), 0xff);
}

/* Switched off by software: no fixed interrupts, masked LVTs, and what was there stays. */
static void software_disable(const void *arg)
{
	struct pc *pc = pc_in_mode(arg, 1);
	struct cpu *c = &pc->cpu[0];

	apic_write(c, R_LVT1, M_NMI);
	apic_write(c, R_LVTERR, 0x31);
	CHECK_EQ(apic_read(c, R_LVT1) & LVT_MASKED, 0);
	apic_write(c, R_SPIV, 0xff);
	CHECK_EQ(apic_read(c, R_LVT1), M_NMI | LVT_MASKED);
	CHECK_EQ(apic_read(c, R_LVTERR), 0x31 | LVT_MASKED);
	apic_write(c, R_LVTERR, 0x32);
	CHECK_EQ(apic_read(c, R_LVTERR), 0x32 | LVT_MASKED);
	CHECK_EQ(signal_msi(pc, 0, 0x66), 0);
	CHECK(!apic_bit(c, R_IRR, 0x66), "accepted while disabled");
	apic_write(c, R_SPIV, 0x1ff);
	CHECK_EQ(apic_read(c, R_LVTERR), 0x32 | LVT_MASKED);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	CHECK_EQ(signal_msi(pc, 0, 0x66), 1);
	CHECK_EQ(cpu_window(c), 0x66);
}

static void masked_lvt(const void *arg)
{
	struct pc *pc = pc_in_mode(arg, 1);
	struct cpu *c = &pc->cpu[0];

	apic_write(c, R_LVTT, LVT_MASKED | 0x40);
	apic_write(c, R_TDCR, 0xb);
	apic_write(c, R_TMICT, 1000);
	CHECK_EQ(cpu_spin(c, 200000), CPU_DONE);
	CHECK(!apic_bit(c, R_IRR, 0x40), "the masked timer was accepted");
}

static void messages(const void *arg)
{
	struct pc *pc = pc_in_mode(arg, 1);
	struct cpu *c = &pc->cpu[0];

	CHECK_EQ(signal_msi(pc, 0, 0x45), 1);
	signal_msi(pc, 0, 0x45);		/* coalesced */
	CHECK_EQ(cpu_window(c), 0x45);
	CHECK_EQ(signal_msi(pc, 0, 0x45), 1);	/* in service, again requested */
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), 0x45);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	/* NMI delivery ignores the vector and the software enable. */
	apic_write(c, R_SPIV, 0xff);
	CHECK_EQ(signal_msi(pc, 0, M_NMI | 0x45), 1);
	CHECK_EQ(cpu_window(c), NMI_VECTOR);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

static void lint1_and_nmi(const void *arg)
{
	struct pc *pc = pc_in_mode(arg, 1);
	struct cpu *c = &pc->cpu[0];

	CHECK_OK(ioctl(c->vcpu->fd, KVM_NMI, NULL));
	CHECK_EQ(cpu_window(c), NMI_VECTOR);
	/* A second one waits for IRET. */
	CHECK_OK(ioctl(c->vcpu->fd, KVM_NMI, NULL));
	CHECK_EQ(cpu_window(c), CPU_DONE);
	CHECK_EQ(cpu_iret(c), NMI_VECTOR);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

/* Vectors below 16 cannot be sent or received, SDM 3A 11.5.3. */
static void errors(const void *arg)
{
	struct pc *pc = pc_in_mode(arg, 1);
	struct cpu *c = &pc->cpu[0];
	uint32_t esr;

	apic_write(c, R_ESR, 0);
	apic_send(c, 0, ICR_SELF | 0x0e);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	apic_write(c, R_ESR, 0);
	esr = apic_read(c, R_ESR);
	if (!esr)
		test_skip("this kvm does not detect APIC errors");
	CHECK(esr & 0x20 && !(esr & ~0x60u), "ESR is 0x%x", esr);
	apic_write(c, R_ESR, 0);
	CHECK_EQ(apic_read(c, R_ESR), 0);
	apic_write(c, R_LVTERR, 0xe1);
	apic_send(c, 0, ICR_SELF | 0x0e);
	CHECK_EQ(cpu_window(c), 0xe1);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

/* The modes and the ways between them, SDM 3A 11.12.5. */
static void mode_changes(const void *arg)
{
	struct pc *pc = pc_in_mode(&in_x1, 1);
	struct cpu *c = &pc->cpu[0];
	uint64_t base = APIC_PAGE | APICBASE_BSP, v;

	CHECK_EQ(cpu_try_rdmsr(c, MSR_X2APIC(R_TPR), &v), GP_VECTOR);
	CHECK_EQ(cpu_try_wrmsr(c, MSR_APICBASE, base | APICBASE_X2), GP_VECTOR);
	CHECK_EQ(cpu_try_wrmsr(c, MSR_APICBASE, base | APICBASE_EN | 1), GP_VECTOR);
	apic_write(c, R_TPR, 0x20);
	apic_to_x2(c);
	CHECK_EQ(apic_read(c, R_TPR), 0x20);
	CHECK_EQ(cpu_try_wrmsr(c, MSR_APICBASE, base | APICBASE_EN), GP_VECTOR);
	CHECK_EQ(cpu_rdmsr(c, MSR_APICBASE), base | APICBASE_EN | APICBASE_X2);
	/* In x2APIC mode the page is ordinary address space, but for a quirk. */
	CHECK_EQ(cpu_try_write32(c, APIC_PAGE + R_TPR, 0), CPU_DONE);
	CHECK_EQ(apic_read(c, R_TPR), 0x20);
	CHECK_OK(enable_cap(pc->vm_fd, KVM_CAP_DISABLE_QUIRKS, KVM_X86_QUIRK_LAPIC_MMIO_HOLE));
	CHECK_EQ(cpu_try_write32(c, APIC_PAGE + R_TPR, 0), CPU_EXIT);
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_MMIO);
	CHECK_EQ(c->run->mmio.phys_addr, APIC_PAGE + R_TPR);
	CHECK_EQ(cpu_resume(c), CPU_DONE);
	cpu_wrmsr(c, MSR_APICBASE, base);
	CHECK_EQ(cpu_try_rdmsr(c, MSR_X2APIC(R_TPR), &v), GP_VECTOR);
	CHECK_EQ(cpu_try_wrmsr(c, MSR_APICBASE, base | APICBASE_EN | APICBASE_X2), GP_VECTOR);
	CHECK_EQ(cpu_try_write32(c, APIC_PAGE + R_TPR, 0), CPU_EXIT);
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_MMIO);
	CHECK_EQ(cpu_resume(c), CPU_DONE);
	cpu_wrmsr(c, MSR_APICBASE, base | APICBASE_EN);
	c->x2apic = false;
	CHECK_EQ(apic_read(c, R_ID), 0);
	apic_write(c, R_SPIV, 0x1ff);
	apic_write(c, R_TPR, 0);
	apic_send(c, 0, ICR_SELF | 0x88);
	CHECK_EQ(cpu_window(c), 0x88);
}

/* Switched off by IA32_APIC_BASE: CPUID says so, nothing is accepted. */
static void hardware_disable(const void *arg)
{
	struct pc *pc = pc_in_mode(&in_x1, 1);
	struct cpu *c = &pc->cpu[0];

	cpu_wrmsr(c, MSR_APICBASE, APIC_PAGE | APICBASE_BSP);
	CHECK_EQ(signal_msi(pc, 0, 0x66), 0);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	cpu_wrmsr(c, MSR_APICBASE, APIC_PAGE | APICBASE_BSP | APICBASE_EN);
	apic_write(c, R_SPIV, 0x1ff);
	CHECK_EQ(cpu_window(c), CPU_DONE);
	CHECK_EQ(signal_msi(pc, 0, 0x66), 1);
	CHECK_EQ(cpu_window(c), 0x66);
}

/* SDM 3A table 11-6: which MSRs there are, what may be written, reserved bits. */
static void x2apic_faults(const void *arg)
{
	static const uint32_t read_only[] = { R_ID, R_VERSION, R_PPR, R_LDR, R_ISR, R_TMR, R_IRR,
					      R_TMCCT };
	static const uint32_t absent[] = { R_DFR, R_ICR2, 0x40, 0x90, 0xc0, 0x3a0, 0x3c0 };
	struct pc *pc = pc_in_mode(&in_x2, 1);
	struct cpu *c = &pc->cpu[0];
	uint64_t v;
	int i;

	for (i = 0; i < ARRAY_LEN(read_only); i++) {
		CHECK_EQ(cpu_try_rdmsr(c, MSR_X2APIC(read_only[i]), &v), CPU_DONE);
		CHECK(cpu_try_wrmsr(c, MSR_X2APIC(read_only[i]), 0) == GP_VECTOR,
		      "register 0x%x can be written", read_only[i]);
	}
	for (i = 0; i < ARRAY_LEN(absent); i++) {
		CHECK(cpu_try_rdmsr(c, MSR_X2APIC(absent[i]), &v) == GP_VECTOR,
		      "register 0x%x can be read", absent[i]);
		CHECK(cpu_try_wrmsr(c, MSR_X2APIC(absent[i]), 0) == GP_VECTOR,
		      "register 0x%x can be written", absent[i]);
	}
	CHECK_EQ(cpu_try_rdmsr(c, MSR_X2APIC(R_EOI), &v), GP_VECTOR);
	CHECK_EQ(cpu_try_wrmsr(c, MSR_X2APIC(R_ESR), 1), GP_VECTOR);
	CHECK_EQ(cpu_try_wrmsr(c, MSR_X2APIC(R_TPR), 1ull << 32), GP_VECTOR);
	CHECK_EQ(cpu_rdmsr(c, MSR_X2APIC(R_LDR)), 1);
	cpu_wrmsr(c, MSR_X2APIC(R_ICR), 0x123ull << 32 | 0x44);
	CHECK_EQ(cpu_rdmsr(c, MSR_X2APIC(R_ICR)) & ~0x1000ull, 0x123ull << 32 | 0x44);
}

/* The EOI register takes nothing but 0, SDM 3A 11.12.1.2. */
static void x2apic_eoi_value(const void *arg)
{
	struct pc *pc = pc_in_mode(&in_x2, 1);
	struct cpu *c = &pc->cpu[0];
	int result;

	apic_send(c, 0, ICR_SELF | 0x50);
	CHECK_EQ(cpu_window(c), 0x50);
	result = cpu_try_wrmsr(c, MSR_X2APIC(R_EOI), 1);
	if (result == CPU_DONE)
		test_skip("this kvm takes any value for an EOI");
	CHECK_EQ(result, GP_VECTOR);
	CHECK(apic_bit(c, R_ISR, 0x50), "EOI in spite of #GP");
}

/* xAPIC accesses that are not 32 bits wide and aligned have no effect worth having. */
static void window_edges(const void *arg)
{
	struct pc *pc = pc_in_mode(&in_x1, 1);
	struct cpu *c = &pc->cpu[0];

	CHECK_EQ(cpu_try_write32(c, APIC_PAGE + 0x1000, 1), CPU_EXIT);
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_MMIO);
	CHECK_EQ(c->run->mmio.phys_addr, APIC_PAGE + 0x1000);
	CHECK_EQ(cpu_resume(c), CPU_DONE);
	apic_write(c, R_VERSION, 0);
	CHECK(apic_read(c, R_VERSION), "the version can be written");
	apic_write(c, R_ISR, 0xffffffff);
	CHECK_EQ(apic_read(c, R_ISR), 0);
	apic_write(c, R_TPR, 0x12345670);
	CHECK_EQ(apic_read(c, R_TPR), 0x70);
}

int main(int argc, char **argv)
{
	TEST(reset_values);
	TEST_IN_BOTH_MODES(self_ipi);
	TEST(self_ipi_msr);
	TEST_IN_BOTH_MODES(order);
	TEST_IN_BOTH_MODES(nesting);
	TEST_IN_BOTH_MODES(task_priority);
	TEST_IN_BOTH_MODES(software_disable);
	TEST_IN_BOTH_MODES(masked_lvt);
	TEST_IN_BOTH_MODES(messages);
	TEST_IN_BOTH_MODES(lint1_and_nmi);
	TEST_IN_BOTH_MODES(errors);
	TEST(mode_changes);
	TEST(hardware_disable);
	TEST(x2apic_faults);
	TEST(x2apic_eoi_value);
	TEST(window_edges);
	return run_tests(argc, argv);
}
