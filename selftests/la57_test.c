// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linear addresses of 57 bits: paging of five levels as the CPU walks it and as the
 * module does for a device access, which addresses are canonical, and CR4.LA57.
 */
#include "machine.h"

#define PML5		(G_DATA + 0x40000)
#define ALIAS		(1UL << 48)	/* the second entry of the table above */
#define RWU		0x7UL

static struct machine *five_levels(const uint8_t *code, const uint8_t *end)
{
	struct machine *m = machine_new();
	uint64_t *pml5 = guest_mem(m, PML5);
	struct kvm_sregs s;

	if (!cpu_has(m, X86_FEATURE_LA57))
		test_skip("the CPU has no LA57");
	machine_load(m, G_CODE, code, end);
	machine_mode(m, MODE_LONG);
	pml5[0] = G_PML4 | RWU;
	pml5[1] = G_PML4 | RWU;
	s = get_sregs(m);
	s.cr3 = PML5;
	s.cr4 |= X86_CR4_LA57;
	set_sregs(m, &s);
	return m;
}

#define FIVE_LEVELS(name) five_levels(name, name##_end)

GUEST_CODE(touch, 64,
	   "mov $1, %ebx\n shl $48, %rbx\n"
	   "movl $0x11223344, 0x20000(%rbx)\n"
	   "mov 0x20000, %eax\n out %eax, $0x80\n"
	   "mov $" S(G_MMIO) ", %ecx\n"
	   "mov %eax, (%rbx,%rcx)\n"
	   "mov (%rbx,%rcx), %eax\n out %eax, $0x80\n hlt\n");

/* Memory through the CPU's walk, a device through the module's. */
static void five_level_paging(const void *arg)
{
	struct machine *m = FIVE_LEVELS(touch);

	expect_out(m, 0x80, 4, 0x11223344);
	expect_mmio_write(m, G_MMIO, 4, 0x11223344);
	expect_mmio_read(m, G_MMIO, 4, 0x55667788);
	expect_out(m, 0x80, 4, 0x55667788);
	expect_hlt(m);
	CHECK_EQ(*(uint32_t *)guest_mem(m, 0x20000), 0x11223344);
}

/* KVM_TRANSLATE walks five levels, too. */
static void translate(const void *arg)
{
	struct machine *m = FIVE_LEVELS(touch);
	struct kvm_translation t = { .linear_address = ALIAS | 0x20123 };

	CHECK_OK(ioctl(m->vcpu->fd, KVM_TRANSLATE, &t));
	CHECK_EQ(t.valid, 1);
	CHECK_EQ(t.physical_address, 0x20123);
	t.linear_address = 2 * ALIAS;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_TRANSLATE, &t));
	CHECK_EQ(t.valid, 0);
}

GUEST_CODE(missing, 64, "mov $2, %ebx\n shl $48, %rbx\n mov (%rbx), %eax\n hlt\n");

static void not_present(const void *arg)
{
	struct machine *m = FIVE_LEVELS(missing);
	struct event e = expect_event(m, PF_VECTOR);

	CHECK_EQ(e.error, 0);
	CHECK_EQ(get_sregs(m).cr2, 2 * ALIAS);
}

GUEST_CODE(noncanonical, 64, "mov $1, %ebx\n shl $56, %rbx\n mov (%rbx), %eax\n hlt\n");

static void beyond_57_bits(const void *arg)
{
	expect_event(FIVE_LEVELS(noncanonical), GP_VECTOR);
}

GUEST_CODE(four_levels, 64, "mov $1, %ebx\n shl $48, %rbx\n mov (%rbx), %eax\n hlt\n");

static void beyond_48_bits(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, four_levels);
	expect_event(m, GP_VECTOR);
}

GUEST_CODE(turn_off, 64, "mov %cr4, %rax\n btr $12, %rax\n mov %rax, %cr4\n hlt\n");
GUEST_CODE(turn_on, 64, "mov %cr4, %rax\n bts $12, %rax\n mov %rax, %cr4\n hlt\n");

/* The depth of paging is not changed under running code. */
static void fixed_in_long_mode(const void *arg)
{
	struct machine *m = FIVE_LEVELS(turn_off);

	expect_event(m, GP_VECTOR);
	m = machine_new();
	machine_start(m, MODE_LONG, turn_on);
	expect_event(m, GP_VECTOR);
}

GUEST_CODE(wide_msr, 64,
	   "xor %eax, %eax\n mov $0x00010000, %edx\n mov $0xc0000082, %ecx\n"
	   "wrmsr\n rdmsr\n mov %edx, %eax\n out %eax, $0x80\n"
	   "xor %eax, %eax\n mov $0x01000000, %edx\n wrmsr\n hlt\n");

/* LSTAR takes what is canonical with 57 bits. */
static void addresses_in_msrs(const void *arg)
{
	struct machine *m = FIVE_LEVELS(wide_msr);

	expect_out(m, 0x80, 4, 0x00010000);
	expect_event(m, GP_VECTOR);
}

GUEST_CODE(claimed, 64,
	   "xor %eax, %eax\n mov $0x00ff0000, %edx\n mov $0xc0000082, %ecx\n wrmsr\n hlt\n");

/*
 * User space announces LA57 on a host without it. An address that the host's CPU refuses is #GP
 * for the guest, too: otherwise its LSTAR would not be loaded, and it would run with the host's.
 */
static void only_claimed(const void *arg)
{
	static const uint32_t msrs[] = {
		MSR_LSTAR, MSR_CSTAR, MSR_KERNEL_GS_BASE, MSR_FS_BASE, MSR_GS_BASE,
	};
	struct machine *m = machine_new();
	struct kvm_cpuid_entry2 *e;
	int i;

	if (cpu_has(m, X86_FEATURE_LA57))
		test_skip("the CPU has LA57");
	e = (struct kvm_cpuid_entry2 *)get_cpuid_entry(m->vcpu->cpuid, 7, 0);
	e->ecx |= 1 << 16;
	if (ioctl(m->vcpu->fd, KVM_SET_CPUID2, m->vcpu->cpuid))
		test_skip("LA57 is not taken in CPUID");
	for (i = 0; i < ARRAY_LEN(msrs); i++) {
		struct {
			struct kvm_msrs head;
			struct kvm_msr_entry entry;
		} one = { { .nmsrs = 1 }, { .index = msrs[i], .data = 0x00ff000000000000 } };

		CHECK_EQ(ioctl(m->vcpu->fd, KVM_SET_MSRS, &one), 0);
	}
	machine_start(m, MODE_LONG, claimed);
	expect_event(m, GP_VECTOR);
	machine_start(m, MODE_LONG, four_levels);
	expect_event(m, GP_VECTOR);
}

int main(int argc, char **argv)
{
	TEST(five_level_paging);
	TEST(translate);
	TEST(not_present);
	TEST(beyond_57_bits);
	TEST(beyond_48_bits);
	TEST(fixed_in_long_mode);
	TEST(addresses_in_msrs);
	TEST(only_claimed);
	return run_tests(argc, argv);
}
