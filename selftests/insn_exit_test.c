// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that leave the guest, or may: CPUID, RDTSC(P), RDPMC, INVLPG, INVD, WBINVD,
 * HLT, PAUSE, MONITOR, MWAIT, XSETBV, VMCALL and the VMX instructions, descriptor-table
 * instructions, SMSW and LMSW, CLTS, control and debug register moves. Each must behave
 * as the SDM has it for a CPU with the features the guest was given, in rings 0 and 3.
 */
#include "machine.h"

#define INSN(id, text) GUEST_CODE(id, 64, text "\n hlt\n")

INSN(i_cpuid, "xor %eax, %eax\n cpuid");
INSN(i_rdtsc, "rdtsc\n mov %eax, %esi\n mov %edx, %edi\n rdtsc");
INSN(i_rdtscp, "rdtscp");
INSN(i_rdpmc_bad, "mov $0x1234, %ecx\n rdpmc");
INSN(i_invlpg, "invlpg (%rbx)");
INSN(i_invlpg_nc, "movabs $0x0000800000000000, %rax\n invlpg (%rax)");
INSN(i_invd, "invd");
INSN(i_wbinvd, "wbinvd");
INSN(i_pause, "pause");
INSN(i_monitor, "lea 0x30000, %rax\n xor %ecx, %ecx\n xor %edx, %edx\n monitor");
INSN(i_mwait, "xor %eax, %eax\n xor %ecx, %ecx\n mwait");
INSN(i_vmcall, "mov $0x1234567, %eax\n vmcall");
INSN(i_vmlaunch, "vmlaunch");
INSN(i_vmresume, "vmresume");
INSN(i_vmxoff, "vmxoff");
INSN(i_vmread, "vmread %rax, %rcx");
INSN(i_vmwrite, "vmwrite %rax, %rcx");
INSN(i_vmxon, "vmxon (%rbx)");
INSN(i_vmptrld, "vmptrld (%rbx)");
INSN(i_vmptrst, "vmptrst (%rbx)");
INSN(i_vmclear, "vmclear (%rbx)");
INSN(i_invept, "invept (%rbx), %rax");
INSN(i_invvpid, "invvpid (%rbx), %rax");
INSN(i_vmfunc, ".byte 0x0f, 0x01, 0xd4");
INSN(i_getsec, ".byte 0x0f, 0x37");
INSN(i_rsm, "rsm");
INSN(i_hlt, "hlt");
INSN(i_sgdt, "sgdt (%rbx)");
INSN(i_sidt, "sidt (%rbx)");
INSN(i_sldt, "sldt %eax");
INSN(i_str, "str %eax");
INSN(i_smsw, "smsw %rax");
INSN(i_lgdt, "sgdt (%rbx)\n lgdt (%rbx)\n mov $" S(SEL_DATA) ", %eax\n mov %eax, %es");
INSN(i_lidt, "sidt (%rbx)\n lidt (%rbx)");
INSN(i_clts, "clts");
INSN(i_lmsw, "mov $0xb, %eax\n lmsw %ax");
INSN(i_mov_from_cr0, "mov %cr0, %rax");
INSN(i_mov_from_cr4, "mov %cr4, %rax");
INSN(i_mov_from_cr1, ".byte 0x0f, 0x20, 0xc8");
INSN(i_mov_dr, "mov %rbx, %dr0\n mov %dr0, %rax");
INSN(i_mov_dr4, "mov %dr4, %rax");
INSN(i_dr7_high, "mov $1, %eax\n shl $32, %rax\n mov %rax, %dr7");
INSN(i_swapgs, "swapgs\n swapgs");
INSN(i_rdmsr_bad, "mov $0x12345, %ecx\n rdmsr");
INSN(i_cli, "cli");
INSN(i_in, "in $0x10, %al");
INSN(i_sysenter, "sysenter");

/* What happens: 0 ends at the HLT behind, else the vector. */
static const struct insn_case {
	const char *name;
	const uint8_t *code;
	int ring0, ring3;
} cases[] = {
	{ "cpuid", i_cpuid, 0, 0 },
	{ "rdtsc", i_rdtsc, 0, 0 },
	{ "rdpmc_no_counter", i_rdpmc_bad, GP_VECTOR, GP_VECTOR },
	{ "invlpg", i_invlpg, 0, GP_VECTOR },
	{ "invlpg_non_canonical", i_invlpg_nc, 0, GP_VECTOR },
	{ "invd", i_invd, 0, GP_VECTOR },
	{ "wbinvd", i_wbinvd, 0, GP_VECTOR },
	{ "pause", i_pause, 0, 0 },
	{ "vmlaunch", i_vmlaunch, UD_VECTOR, UD_VECTOR },
	{ "vmresume", i_vmresume, UD_VECTOR, UD_VECTOR },
	{ "vmxoff", i_vmxoff, UD_VECTOR, UD_VECTOR },
	{ "vmread", i_vmread, UD_VECTOR, UD_VECTOR },
	{ "vmwrite", i_vmwrite, UD_VECTOR, UD_VECTOR },
	{ "vmxon", i_vmxon, UD_VECTOR, UD_VECTOR },
	{ "vmptrld", i_vmptrld, UD_VECTOR, UD_VECTOR },
	{ "vmptrst", i_vmptrst, UD_VECTOR, UD_VECTOR },
	{ "vmclear", i_vmclear, UD_VECTOR, UD_VECTOR },
	{ "invept", i_invept, UD_VECTOR, UD_VECTOR },
	{ "invvpid", i_invvpid, UD_VECTOR, UD_VECTOR },
	{ "vmfunc", i_vmfunc, UD_VECTOR, UD_VECTOR },
	{ "getsec", i_getsec, UD_VECTOR, UD_VECTOR },
	{ "rsm", i_rsm, UD_VECTOR, UD_VECTOR },
	{ "hlt", i_hlt, 0, GP_VECTOR },
	{ "sgdt", i_sgdt, 0, 0 },
	{ "sidt", i_sidt, 0, 0 },
	{ "sldt", i_sldt, 0, 0 },
	{ "str", i_str, 0, 0 },
	{ "smsw", i_smsw, 0, 0 },
	{ "lgdt", i_lgdt, 0, GP_VECTOR },
	{ "lidt", i_lidt, 0, GP_VECTOR },
	{ "clts", i_clts, 0, GP_VECTOR },
	{ "lmsw", i_lmsw, 0, GP_VECTOR },
	{ "mov_from_cr0", i_mov_from_cr0, 0, GP_VECTOR },
	{ "mov_from_cr4", i_mov_from_cr4, 0, GP_VECTOR },
	{ "mov_from_cr1", i_mov_from_cr1, UD_VECTOR, UD_VECTOR },
	{ "mov_dr", i_mov_dr, 0, GP_VECTOR },
	{ "mov_dr4", i_mov_dr4, 0, GP_VECTOR },
	{ "dr7_upper_half", i_dr7_high, GP_VECTOR, GP_VECTOR },
	{ "swapgs", i_swapgs, 0, GP_VECTOR },
	{ "rdmsr_unknown", i_rdmsr_bad, GP_VECTOR, GP_VECTOR },
	{ "cli", i_cli, 0, GP_VECTOR },
	{ "in", i_in, -KVM_EXIT_IO, GP_VECTOR },
	{ "sysenter_no_cs", i_sysenter, GP_VECTOR, GP_VECTOR },
};

static struct machine *insn_machine(const uint8_t *code, bool ring3)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	machine_load(m, G_CODE, code, code + 48);
	machine_mode(m, MODE_LONG);
	r = get_regs(m);
	r.rbx = 0x30000;
	set_regs(m, &r);
	if (ring3)
		machine_ring3(m);
	return m;
}

static void check_outcome(struct machine *m, int want, bool ring3)
{
	struct event e;
	int reason;

	HERE();
	reason = run_vcpu(m->vcpu);
	if (want < 0) {
		CHECK_EQ(reason, -want);
		return;
	}
	CHECK(reason == KVM_EXIT_HLT, "ring %d: exit %s", ring3 ? 3 : 0, exit_name(reason));
	if (!at_event(m, &e)) {
		CHECK(!want && !ring3, "no exception");
		return;
	}
	/* Ring 3 ends in the #GP of its HLT. */
	if (!want && ring3) {
		CHECK_EQ(e.vector, GP_VECTOR);
		CHECK(*(uint8_t *)guest_mem(m, e.ip) == 0xf4, "#GP at 0x%llx",
		      (unsigned long long)e.ip);
		return;
	}
	CHECK(e.vector == want, "ring %d: vector %d, not %d", ring3 ? 3 : 0, e.vector, want);
	CHECK_EQ(e.error, 0);
	CHECK(*(uint8_t *)guest_mem(m, e.ip) != 0xf4 || want != GP_VECTOR || e.ip == G_CODE,
	      "the instruction itself went through");
}

static void outcome(const void *arg)
{
	const struct insn_case *c = arg;

	check_outcome(insn_machine(c->code, false), c->ring0, false);
	check_outcome(insn_machine(c->code, true), c->ring3, true);
}

/* --- results --------------------------------------------------------------- */

static void tsc_advances(const void *arg)
{
	struct machine *m = insn_machine(i_rdtsc, false);
	struct kvm_regs r;

	expect_hlt(m);
	r = get_regs(m);
	CHECK((r.rdx << 32 | r.rax) > (r.rdi << 32 | r.rsi), "TSC stands still");
}

static void tsc_and_offset(const void *arg)
{
	struct machine *m = insn_machine(i_rdtsc, false);
	struct kvm_regs r;
	uint64_t far = 0x123456789abcdefULL, now;

	set_msr(m, MSR_IA32_TSC, far);
	expect_hlt(m);
	r = get_regs(m);
	now = r.rdi << 32 | r.rsi;
	CHECK(now >= far && now - far < 1ULL << 36, "TSC 0x%llx after setting 0x%llx",
	      (unsigned long long)now, (unsigned long long)far);
	CHECK(get_msr(m, MSR_IA32_TSC) >= now, "the MSR is behind the guest");
}

static void rdtscp_aux(const void *arg)
{
	struct machine *m = insn_machine(i_rdtscp, false);

	if (!cpu_has(m, X86_FEATURE_RDTSCP)) {
		check_outcome(m, UD_VECTOR, false);
		return;
	}
	set_msr(m, MSR_TSC_AUX, 0x5a5a1234);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0x5a5a1234);
}

GUEST_CODE(i_set_aux, 64,
	   "mov $0xc0000103, %ecx\n xor %edx, %edx\n mov $0x1234, %eax\n wrmsr\n"
	   "rdtscp\n mov %ecx, %ebx\n"
	   "mov $0xc0000103, %ecx\n xor %edx, %edx\n mov $0x4321, %eax\n wrmsr\n"
	   "rdtscp\n hlt\n");

/* The guest's own WRMSR of TSC_AUX shows in the next RDTSCP. */
static void rdtscp_aux_by_guest(const void *arg)
{
	struct machine *m = insn_machine(i_set_aux, false);

	if (!cpu_has(m, X86_FEATURE_RDTSCP))
		test_skip("no RDTSCP in the supported CPUID");
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rbx, 0x1234);
	CHECK_EQ(get_regs(m).rcx, 0x4321);
	CHECK_EQ(get_msr(m, MSR_TSC_AUX), 0x4321);
}

/* CR4.TSD keeps RDTSC from ring 3, not from ring 0. */
static void tsc_disable(const void *arg)
{
	struct machine *m = insn_machine(i_rdtsc, true);
	struct kvm_sregs s = get_sregs(m);

	s.cr4 |= X86_CR4_TSD;
	set_sregs(m, &s);
	expect_event(m, GP_VECTOR);
	m = insn_machine(i_rdtsc, false);
	s = get_sregs(m);
	s.cr4 |= X86_CR4_TSD;
	set_sregs(m, &s);
	expect_hlt(m);
}

/*
 * VMCALL with an unknown number. Without paravirtual features it is -ENOSYS in RAX by
 * kvm's own convention, and #GP or an error for ring 3, never an exit.
 */
static void vmcall(const void *arg)
{
	struct machine *m = insn_machine(i_vmcall, false);

	expect_hlt(m);
	CHECK_EQ(get_regs(m).rax, -1000LL);
	m = insn_machine(i_vmcall, true);
	HERE();
	CHECK_EQ(run_vcpu(m->vcpu), KVM_EXIT_HLT);
	CHECK_EQ(get_regs(m).rax, -1LL);
}

/* Without the CPUID bit they are #UD, or, tolerated, no operation. */
static void monitor_mwait(const void *arg)
{
	static const uint8_t *const codes[] = { i_monitor, i_mwait };
	int i;

	for (i = 0; i < 2; i++) {
		struct machine *m = insn_machine(codes[i], false);
		struct event e;

		HERE();
		CHECK_EQ(run_vcpu(m->vcpu), KVM_EXIT_HLT);
		CHECK(!at_event(m, &e) || e.vector == UD_VECTOR, "vector %d", e.vector);
	}
}

static void descriptor_tables(const void *arg)
{
	struct machine *m = insn_machine(i_sgdt, false);
	struct kvm_sregs s = get_sregs(m);
	uint64_t base;

	s.gdt.base = 0xfffff80012345678;
	s.gdt.limit = 0x1234;
	set_sregs(m, &s);
	expect_hlt(m);
	CHECK_EQ(*(uint16_t *)guest_mem(m, 0x30000), 0x1234);
	memcpy(&base, guest_mem(m, 0x30002), 8);
	CHECK_EQ(base, 0xfffff80012345678);

	m = insn_machine(i_sidt, false);
	expect_hlt(m);
	CHECK_EQ(*(uint16_t *)guest_mem(m, 0x30000), 0xfff);
	memcpy(&base, guest_mem(m, 0x30002), 8);
	CHECK_EQ(base, G_IDT);

	m = insn_machine(i_str, false);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rax, SEL_TSS);
}

/* UMIP keeps the store instructions from ring 3; SMSW stays open where it is emulated. */
static void umip(const void *arg)
{
	static const uint8_t *const codes[] = { i_sgdt, i_sidt, i_sldt, i_str };
	int i;

	for (i = 0; i < ARRAY_LEN(codes); i++) {
		struct machine *m = insn_machine(codes[i], true);
		struct kvm_sregs s = get_sregs(m);
		struct event e;

		if (!cpu_has(m, X86_FEATURE_UMIP))
			test_skip("no UMIP in the supported CPUID");
		s.cr4 |= X86_CR4_UMIP;
		set_sregs(m, &s);
		e = expect_event(m, GP_VECTOR);
		CHECK_EQ(e.ip, G_CODE);
		machine_free(m);
	}
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(cases); i++)
		add_test(outcome, &cases[i], "%s", cases[i].name);
	TEST(tsc_advances);
	TEST(tsc_and_offset);
	TEST(rdtscp_aux);
	TEST(rdtscp_aux_by_guest);
	TEST(tsc_disable);
	TEST(vmcall);
	TEST(monitor_mwait);
	TEST(descriptor_tables);
	TEST(umip);
	return run_tests(argc, argv);
}
