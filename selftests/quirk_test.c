// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CAP_DISABLE_QUIRKS2: what it offers, what it takes, and what each quirk does on and off. */
#include "machine.h"

#ifdef KVM_X86_QUIRK_SLOT_ZAP_ALL
#define CALLS_ADD_UP		true
#else
#define CALLS_ADD_UP		false
#endif

/* Of a later header. */
#define SLOT_ZAP_ALL		(1 << 7)
#define STUFF_FEATURE_MSRS	(1 << 8)
#define IGNORE_GUEST_PAT	(1 << 9)
#define ALLOW_FREEZE_IN_SMM	(1 << 10)

static int try_turn_off(struct machine *m, uint32_t cap, uint64_t quirks)
{
	return enable_cap(m->vm->fd, cap, quirks);
}

static void turn_off(struct machine *m, uint64_t quirks)
{
	CHECK_OK(try_turn_off(m, KVM_CAP_DISABLE_QUIRKS2, quirks));
}

static uint64_t offered(struct machine *m)
{
	return vm_check_cap(m->vm, KVM_CAP_DISABLE_QUIRKS2);
}

GUEST_CODE(out_7e, 64, "1: out %al, $0x7e\n nop\n nop\n jmp 1b\n");

static struct machine *out_7e_machine(void)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, out_7e);
	return m;
}

/* RIP at the next OUT shows whether KVM_X86_QUIRK_OUT_7E_INC_RIP is off. */
static bool is_off(struct machine *m)
{
	expect_exit(m, KVM_EXIT_IO);
	return get_regs(m).rip == G_CODE;
}

/* Quirks that one call has turned off stay off after the next call; on 6.1 the last call counts. */
static void calls_add_up(const void *arg)
{
	const uint64_t hole = KVM_X86_QUIRK_LAPIC_MMIO_HOLE;
	static const uint32_t caps[] = { KVM_CAP_DISABLE_QUIRKS2, KVM_CAP_DISABLE_QUIRKS };
	struct machine *m;
	int i;

	for (i = 0; i < 8; i++) {
		m = out_7e_machine();
		CHECK(!is_off(m), "%d", i);
		CHECK_OK(try_turn_off(m, caps[i & 1], hole));
		CHECK(!is_off(m), "%d", i);
		CHECK_OK(try_turn_off(m, caps[i & 1], KVM_X86_QUIRK_OUT_7E_INC_RIP));
		CHECK(is_off(m), "%d", i);
		CHECK_OK(try_turn_off(m, caps[i >> 1 & 1], i >> 2 ? hole : 0));
		CHECK_EQ(is_off(m), CALLS_ADD_UP);
		machine_free(m);
	}
}

/* One that is not offered is an error, and nothing is turned off; the old call takes all. */
static void unknown_bits(const void *arg)
{
	struct machine *m = out_7e_machine();
	uint64_t known = offered(m);
	int i;

	CHECK_EQ(vm_check_cap(m->vm, KVM_CAP_DISABLE_QUIRKS), 1);
	for (i = 0; i < 64; i++) {
		if (known >> i & 1)
			continue;
		CHECK_ERRNO(try_turn_off(m, KVM_CAP_DISABLE_QUIRKS2,
					 1ULL << i | KVM_X86_QUIRK_OUT_7E_INC_RIP), EINVAL);
	}
	CHECK(!is_off(m), "by a call that failed");
	turn_off(m, known & ~KVM_X86_QUIRK_OUT_7E_INC_RIP);
	CHECK(!is_off(m), "by the other bits");
	CHECK_OK(try_turn_off(m, KVM_CAP_DISABLE_QUIRKS, ~0ULL));
	CHECK(is_off(m), "by no bit of all");
}

static void need(struct machine *m, uint64_t quirk)
{
	if (!(offered(m) & quirk))
		test_skip("cannot be turned off here");
}

/* The host's kernel knows CPUs that say it and cannot. */
static bool host_snoops(void)
{
	char line[8192];
	bool found = false;
	FILE *f = fopen("/proc/cpuinfo", "r");

	CHECK(f, "/proc/cpuinfo");
	while (!found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "flags", 5) && strstr(line, " ss ");
	fclose(f);
	return found;
}

/* All seven quirks of the first headers are offered, and all or none of the later ones. */
static void what_is_offered(const void *arg)
{
	const uint64_t first = 0x7f, later = SLOT_ZAP_ALL | STUFF_FEATURE_MSRS;
	struct machine *m = machine_new_novcpu();
	uint64_t quirks = offered(m);

	CHECK_EQ(ioctl(m->vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_DISABLE_QUIRKS2), quirks);
	CHECK_EQ(quirks & first, first);
	/* kvmx has them on every kernel; the guest's PAT counts only on a CPU with self-snoop. */
	if ((quirks & ~first) || is_kvmx()) {
		CHECK_EQ(quirks & later, later);
		CHECK_EQ(!!(quirks & IGNORE_GUEST_PAT), host_snoops());
	}
	CHECK_EQ(quirks & ~(first | later | IGNORE_GUEST_PAT | ALLOW_FREEZE_IN_SMM), 0);
}

GUEST_CODE(no_caches, 64,
	   "mov %cr0, %rax\n bts $30, %rax\n mov %rax, %cr0\n mov %cr0, %rbx\n"
	   "bts $29, %rax\n mov %rax, %cr0\n mov %cr0, %rcx\n"
	   "mov " S(G_DATA) ", %edx\n hlt\n");

/* On an Intel CPU the guest reads CD and NW as it wrote them, with the quirk or without. */
static void cd_nw(const void *arg)
{
	const uint64_t both = CR0_CD | CR0_NW;
	struct kvm_sregs s;
	struct kvm_regs r;
	struct machine *m;
	int off;

	for (off = 0; off < 2; off++) {
		m = machine_new_novcpu();
		if (off)
			turn_off(m, KVM_X86_QUIRK_CD_NW_CLEARED);
		machine_add_vcpu(m, kvm_get_supported_cpuid());
		CHECK_EQ(get_sregs(m).cr0, both | CR0_ET);
		machine_start(m, MODE_LONG, no_caches);
		*(uint32_t *)guest_mem(m, G_DATA) = 0x12345678;
		s = get_sregs(m);
		CHECK_EQ(s.cr0 & both, 0);
		expect_hlt(m);
		r = get_regs(m);
		CHECK_EQ(r.rbx & both, CR0_CD);
		CHECK_EQ(r.rcx & both, both);
		CHECK_EQ(r.rdx, 0x12345678);
		CHECK_EQ(get_sregs(m).cr0 & both, both);
		s.cr0 |= CR0_CD;
		set_sregs(m, &s);
		CHECK_EQ(get_sregs(m).cr0 & both, CR0_CD);
		machine_free(m);
	}
}

GUEST_CODE(touch, 64, "mov " S(G_DATA) ", %eax\n hlt\n jmp touch\n");

/* Faults for memory that is there, in one more turn of the guest. */
static uint64_t faults_again(struct machine *m)
{
	uint64_t before = vcpu_stat(m->vcpu, "pf_fixed");

	expect_hlt(m);
	return vcpu_stat(m->vcpu, "pf_fixed") - before;
}

/* What other slots have is mapped anew when a slot goes or moves, as long as it is on. */
static void slot_zap_all(const void *arg)
{
	const uint64_t there = 0x40000000, elsewhere = 0x50000000;
	struct machine *m;
	void *mem = anon_mem(0x4000);
	int off;

	for (off = 0; off < 2; off++) {
		m = machine_new();
		machine_start(m, MODE_LONG, touch);
		if (off) {
			need(m, SLOT_ZAP_ALL);
			turn_off(m, SLOT_ZAP_ALL);
		}
		set_slot(m, 5, 0, there, 0x4000, mem);
		expect_hlt(m);
		CHECK_EQ(faults_again(m), 0);
		set_slot(m, 5, 0, elsewhere, 0x4000, mem);
		CHECK_EQ(!!faults_again(m), !off);
		CHECK_EQ(faults_again(m), 0);
		set_slot(m, 5, 0, elsewhere, 0, mem);
		CHECK_EQ(!!faults_again(m), !off);
		/* A new one takes nothing away. */
		set_slot(m, 5, 0, there, 0x4000, mem);
		CHECK_EQ(faults_again(m), 0);
		machine_free(m);
	}
}

#define MSR_UCODE_REV		0x8b
#define MSR_PLATFORM		0xce
#define MSR_ARCH_CAP		0x10a
#define MSR_PERF_CAP		0x345

/* A vCPU begins with what there is, or with nothing: then user space says what it has. */
static void stuff_feature_msrs(const void *arg)
{
	struct machine *m = machine_new_novcpu();
	struct { struct kvm_msrs h; struct kvm_msr_entry e; } max = {
		.h.nmsrs = 1, .e.index = MSR_ARCH_CAP,
	};

	CHECK_EQ(CHECK_OK(ioctl(m->vm->kvm_fd, KVM_GET_MSRS, &max)), 1);
	machine_add_vcpu(m, kvm_get_supported_cpuid());
	CHECK_EQ(get_msr(m, MSR_ARCH_CAP), max.e.data);
	CHECK(get_msr(m, MSR_UCODE_REV), "no microcode");
	CHECK(get_msr(m, MSR_PLATFORM), "no CPUID faulting");
	machine_free(m);

	m = machine_new_novcpu();
	need(m, STUFF_FEATURE_MSRS);
	turn_off(m, STUFF_FEATURE_MSRS);
	machine_add_vcpu(m, kvm_get_supported_cpuid());
	CHECK_EQ(get_msr(m, MSR_ARCH_CAP), 0);
	CHECK_EQ(get_msr(m, MSR_PERF_CAP), 0);
	CHECK_EQ(get_msr(m, MSR_UCODE_REV), 0);
	CHECK_EQ(get_msr(m, MSR_PLATFORM), 0);
	set_msr(m, MSR_ARCH_CAP, max.e.data);
	CHECK_EQ(get_msr(m, MSR_ARCH_CAP), max.e.data);
}

/* The guest goes on as before, and what is mapped is mapped anew with its types. */
static void ignore_guest_pat(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	need(m, IGNORE_GUEST_PAT);
	machine_start(m, MODE_LONG, touch);
	*(uint32_t *)guest_mem(m, G_DATA) = 0x600d;
	expect_hlt(m);
	CHECK_EQ(faults_again(m), 0);
	turn_off(m, IGNORE_GUEST_PAT);
	*guest_pte(m, G_DATA) |= 1 << 3 | 1 << 4;	/* PWT and PCD: uncached */
	r = get_regs(m);
	r.rax = 0;
	set_regs(m, &r);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rax, 0x600d);
}

int main(int argc, char **argv)
{
	TEST(calls_add_up);
	TEST(unknown_bits);
	TEST(what_is_offered);
	TEST(cd_nw);
	TEST(slot_zap_all);
	TEST(stuff_feature_msrs);
	TEST(ignore_guest_pat);
	return run_tests(argc, argv);
}
