// SPDX-License-Identifier: GPL-2.0-only
/*
 * What KVM_GET_SUPPORTED_CPUID and KVM_GET_EMULATED_CPUID offer on real CPUs, held against
 * the SDM (2A, CPUID; 1, chapter 13) and Documentation/virt/kvm/api.rst.
 */
#include "complaint.h"
#include "host_kernel.h"
#include "ktap.h"

/* --- what is offered, and what is wrong with it --- */

struct place {
	u32 leaf, sub;
	enum kvm_cpuid_reg reg;
	u32 bits;
};

#define P(leaf, sub, reg, bits)	{ leaf, sub, KVM_CPUID_##reg, bits }

static u32 given_of(const struct place *p)
{
	return given(p->leaf, p->sub, p->reg) & p->bits;
}

/* SDM 2A, CPUID: the leaves for which ECX matters. */
static bool ecx_matters(u32 leaf)
{
	static const u32 leaves[] = { 4, 7, 0xb, 0xd, 0xf, 0x10, 0x12, 0x14, 0x17, 0x18, 0x1b,
				      0x1d, 0x1e, 0x1f };
	int i;

	for (i = 0; i < ARRAY_SIZE(leaves); i++)
		if (leaves[i] == leaf)
			return true;
	return false;
}

/* The lists of leaves are whole, in order, and end where leaves 0, 80000000H and 40000000H say. */
static void leaves_are_there(void)
{
	static const u32 first[] = { 0, 0x40000000, 0x80000000 };
	u32 leaf;
	int i;

	for (i = 0; i < nent; i++) {
		const struct kvm_cpuid_entry2 *e = &ent[i];

		right(e->flags == (ecx_matters(e->function) ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0),
		      "leaf %x has flags %x", e->function, e->flags);
		right(!e->index || e->flags, "leaf %x has an index", e->function);
		right(entry(e->function, e->index) == e, "leaf %x is there twice", e->function);
		right(!i || e->function >= e[-1].function || first[2] == e->function ||
		      first[1] == e->function, "leaf %x is out of order", e->function);
		leaf = given(e->function & 0xc0000000, 0, KVM_CPUID_EAX);
		right(e->function <= leaf, "leaf %x is beyond %x", e->function, leaf);
		right(!e->padding[0] && !e->padding[1] && !e->padding[2], "padding");
	}
	for (i = 0; i < ARRAY_SIZE(first); i++)
		for (leaf = first[i]; leaf <= given(first[i], 0, KVM_CPUID_EAX); leaf++)
			right(entry(leaf, 0), "leaf %x is not there", leaf);
	right(given(0, 0, KVM_CPUID_EAX) <= raw(0, 0, KVM_CPUID_EAX) &&
	      given(0x80000000, 0, KVM_CPUID_EAX) <= raw(0x80000000, 0, KVM_CPUID_EAX),
	      "more leaves than the CPU has");
	for (i = 0; i <= (int)given(7, 0, KVM_CPUID_EAX); i++)
		right(entry(7, i), "leaf 7.%d is not there", i);
	right(!entry(7, i), "leaf 7.%d is beyond the last", i);
	for (i = 0; entry(4, i + 1); i++)
		right(given(4, i, KVM_CPUID_EAX) & 0x1f, "leaf 4 goes on behind its end");
	right(raw(0, 0, KVM_CPUID_EAX) < 4 || !(given(4, i, KVM_CPUID_EAX) & 0x1f),
	      "leaf 4 has no end");
}

/* Offered on any host: kvmx does them itself, or all they say is what kvmx does. */
static const struct place emulated[] = {
	P(1, 0, ECX, BIT(31) /* a hypervisor */ | BIT(21) /* x2APIC: the APIC is kvmx's */),
	P(6, 0, EAX, BIT(2) /* ARAT: the APIC timer is the host's */),
	P(7, 0, EBX, BIT(1) /* IA32_TSC_ADJUST */),
	P(7, 0, EDX, BIT(29) /* IA32_ARCH_CAPABILITIES: as far as kvmx knows the host's */),
};

/* IBPB by AMD's bit, for guests that look only there, where Intel's says so on the host. */
static bool bit_of_amd(u32 leaf, enum kvm_cpuid_reg reg, u32 bit)
{
	return leaf == 0x80000008 && reg == KVM_CPUID_EBX && bit == BIT(12) &&
	       (raw(7, 0, KVM_CPUID_EDX) & BIT(26));
}

static void host_has_what_is_offered(void)
{
	static const struct place flags[] = {
		P(1, 0, ECX, ~0u), P(1, 0, EDX, ~0u), P(6, 0, EAX, ~0u), P(7, 0, EBX, ~0u),
		P(7, 0, ECX, ~0u), P(7, 0, EDX, ~0u), P(7, 1, EAX, ~0u), P(7, 1, EBX, ~0u),
		P(7, 1, ECX, ~0u), P(7, 1, EDX, ~0u), P(7, 2, EDX, ~0u), P(0xd, 0, EAX, ~0u),
		P(0xd, 0, EDX, ~0u), P(0xd, 1, EAX, ~0u), P(0x80000001, 0, ECX, ~0u),
		P(0x80000001, 0, EDX, ~0u), P(0x80000007, 0, EDX, ~0u),
		P(0x80000008, 0, EBX, ~0u),
	};
	int i, j;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		const struct place *f = &flags[i];
		u32 more = given_of(f) & ~raw(f->leaf, f->sub, f->reg);

		for (j = 0; j < ARRAY_SIZE(emulated); j++)
			if (emulated[j].leaf == f->leaf && emulated[j].sub == f->sub &&
			    emulated[j].reg == f->reg)
				more &= ~emulated[j].bits;
		right(!more || bit_of_amd(f->leaf, f->reg, more),
		      "leaf %x.%x register %d: %x is not the host's", f->leaf, f->sub, f->reg,
		      more);
	}
	for (i = 0; i < ARRAY_SIZE(emulated); i++)
		right(given_of(&emulated[i]) == emulated[i].bits ||
		      raw(0, 0, KVM_CPUID_EAX) < emulated[i].leaf,
		      "leaf %x: what kvmx emulates is not there", emulated[i].leaf);
	/* api.rst: "TSC_DEADLINE is not reported"; OSXSAVE, OSPKE and MONITOR come later. */
	right(!(given(1, 0, KVM_CPUID_ECX) & (BIT(24) | BIT(27) | BIT(3))) &&
	      !(given(7, 0, KVM_CPUID_ECX) & BIT(4)), "a bit that user space sets, or the guest");
	right(!(given(1, 0, KVM_CPUID_EBX) >> 16), "a topology");
	right(given(1, 0, KVM_CPUID_EAX) == raw(1, 0, KVM_CPUID_EAX) &&
	      given(0, 0, KVM_CPUID_EBX) == raw(0, 0, KVM_CPUID_EBX), "another CPU's name");
}

/* All other fields are 0: they are reserved, or say what a guest does not have. */
static void all_else_is_zero(void)
{
	static const struct { u32 leaf, eax, ebx, ecx, edx; } some[] = {
		{ 0, ~0u, ~0u, ~0u, ~0u }, { 1, ~0u, ~0u, ~0u, ~0u }, { 2, ~0u, ~0u, ~0u, ~0u },
		{ 4, ~0u, ~0u, ~0u, ~0u }, { 6, BIT(2), 0, 0, 0 }, { 7, ~0u, ~0u, ~0u, ~0u },
		{ 0xd, ~0u, ~0u, BIT(1) /* of a component; no IA32_XSS */, 0 },
		{ 0x40000000, ~0u, ~0u, ~0u, ~0u }, { 0x40000001, ~0u, 0, 0, 0 },
		{ 0x80000000, ~0u, 0, 0, 0 }, { 0x80000001, 0, 0, ~0u, ~0u },
		{ 0x80000002, ~0u, ~0u, ~0u, ~0u }, { 0x80000003, ~0u, ~0u, ~0u, ~0u },
		{ 0x80000004, ~0u, ~0u, ~0u, ~0u }, { 0x80000006, 0, 0, ~0u, 0 },
		{ 0x80000007, 0, 0, 0, BIT(8) }, { 0x80000008, 0xffffff, BIT(12), 0, 0 },
	};
	int i, j;

	for (i = 0; i < nent; i++) {
		const struct kvm_cpuid_entry2 *e = &ent[i];
		u32 more[] = { e->eax, e->ebx, e->ecx, e->edx };

		for (j = 0; j < ARRAY_SIZE(some); j++) {
			if (some[j].leaf != e->function)
				continue;
			more[0] &= ~some[j].eax;
			more[1] &= ~some[j].ebx;
			more[2] &= ~some[j].ecx;
			more[3] &= ~some[j].edx;
		}
		/* Leaf 0DH.0 has a size and more components there. */
		if (e->function == 0xd && !e->index)
			memset(&more[2], 0, 2 * sizeof(more[2]));
		right(!more[0] && !more[1] && !more[2] && !more[3], "leaf %x.%x: %x %x %x %x",
		      e->function, e->index, e->eax, e->ebx, e->ecx, e->edx);
	}
}

/* SDM 3C, 25.6.2, 25.7.1 and 25.8.1: what a guest cannot use, or not alone, without a control. */
static void controls_are_there(void)
{
	const struct { struct place p; u32 control; const char *name; } need[] = {
		{ P(0x80000001, 0, EDX, BIT(27)), vmx_caps.proc2 & BIT(3), "RDTSCP" },
		{ P(7, 0, ECX, BIT(22)), vmx_caps.proc2 & BIT(3), "RDPID" },
		{ P(7, 0, EBX, BIT(10)), vmx_caps.proc2 & BIT(12), "INVPCID" },
		{ P(0xd, 1, EAX, BIT(3)), vmx_caps.proc2 & BIT(20), "XSAVES" },
		{ P(7, 0, ECX, BIT(5)), vmx_caps.proc2 & BIT(26), "TPAUSE and UMWAIT" },
		{ P(7, 0, EDX, BIT(18)), vmx_caps.proc2 & BIT(27), "PCONFIG" },
		{ P(7, 0, EBX, BIT(2)), vmx_caps.proc2 & BIT(15), "SGX, without ENCLS exits" },
		{ P(7, 0, EBX, BIT(14)), vmx_caps.entry & BIT(16), "MPX: IA32_BNDCFGS" },
		{ P(7, 0, EBX, BIT(25)), vmx_caps.entry & BIT(18), "PT: IA32_RTIT_CTL" },
		{ P(7, 0, ECX, BIT(7)), vmx_caps.entry & BIT(20), "CET" },
		{ P(7, 0, EDX, BIT(20)), vmx_caps.entry & BIT(20), "CET" },
		{ P(7, 0, EDX, BIT(19)), vmx_caps.entry & BIT(21), "LBR: IA32_LBR_CTL" },
		{ P(7, 0, ECX, BIT(31)), vmx_caps.entry & BIT(22), "PKS: IA32_PKRS" },
		{ P(7, 0, EDX, BIT(5)), vmx_caps.entry & BIT(19), "UINTR: UINV" },
		/* Tertiary controls, which kvmx has not. */
		{ P(7, 0, ECX, BIT(23)), 0, "Key Locker" },
		{ P(7, 0, ECX, BIT(29)), 0, "ENQCMD" },
		{ P(7, 1, EAX, BIT(17)), 0, "FRED" },
		{ P(7, 1, EAX, BIT(26)), 0, "LAM" },
		{ P(0xa, 0, EAX, ~0u), 0, "performance monitoring" },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(need); i++)
		right(!given_of(&need[i].p) || need[i].control, "%s without its control",
		      need[i].name);
	right(!(kvm_supported_cr4() & ~cpu_msr(MSR_IA32_VMX_CR4_FIXED1)),
	      "CR4 bits %llx cannot be set in VMX operation",
	      (unsigned long long)(kvm_supported_cr4() & ~cpu_msr(MSR_IA32_VMX_CR4_FIXED1)));
	for (i = 0; i < KVM_NR_CR4_FEATURES; i++)
		right(kvm_host_offers(kvm_cr4_features[i].feature) ==
		      !!(kvm_supported_cr4() & kvm_cr4_features[i].bit), "CR4 and CPUID differ");
}

/* SDM 1, 13.1, 13.3 and 14: what a feature needs of XCR0, and another one that it extends. */
static void states_are_there(void)
{
	const u64 ymm = BIT(2), zmm = BIT(2) | BIT(5) | BIT(6) | BIT(7);
	const struct { struct place p; u64 state; struct place base; } need[] = {
		{ P(1, 0, ECX, BIT(28)), ymm, P(1, 0, ECX, BIT(26)) },
		{ P(1, 0, ECX, BIT(12) | BIT(29)), ymm, P(1, 0, ECX, BIT(28)) },
		{ P(7, 0, EBX, BIT(5)), ymm, P(1, 0, ECX, BIT(28)) },
		{ P(7, 0, ECX, BIT(9) | BIT(10)), ymm, P(1, 0, ECX, BIT(28)) },
		{ P(7, 1, EAX, BIT(0) | BIT(1) | BIT(2) | BIT(4) | BIT(23)), ymm,
		  P(7, 0, EBX, BIT(5)) },
		{ P(7, 1, EDX, BIT(4) | BIT(5) | BIT(10)), ymm, P(7, 0, EBX, BIT(5)) },
		{ P(7, 0, EBX, BIT(16)), zmm, P(1, 0, ECX, BIT(28)) },
		{ P(7, 0, EBX, BIT(17) | BIT(21) | 0xdc000000), zmm, P(7, 0, EBX, BIT(16)) },
		{ P(7, 0, ECX, BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14)), zmm,
		  P(7, 0, EBX, BIT(16)) },
		{ P(7, 0, EDX, BIT(2) | BIT(3) | BIT(8) | BIT(23)), zmm, P(7, 0, EBX, BIT(16)) },
		{ P(7, 1, EAX, BIT(5)), zmm, P(7, 0, EBX, BIT(16)) },
		{ P(7, 1, EDX, BIT(19)), zmm, P(7, 0, EBX, BIT(16)) },
		{ P(7, 0, EBX, BIT(14)), BIT(3) | BIT(4), P(1, 0, ECX, BIT(26)) },
		{ P(7, 0, ECX, BIT(3)), BIT(9), P(1, 0, ECX, BIT(26)) },
		{ P(7, 0, EDX, BIT(22) | BIT(24) | BIT(25)), BIT(17) | BIT(18),
		  P(0xd, 1, EAX, BIT(4)) },
		{ P(7, 1, EAX, BIT(21)), BIT(17) | BIT(18), P(7, 0, EDX, BIT(24)) },
		{ P(0xd, 1, EAX, ~0u), BIT(0) | BIT(1), P(1, 0, ECX, BIT(26)) },
	};
	u64 xcr0 = kvm_supported_xcr0();
	int i;

	for (i = 0; i < ARRAY_SIZE(need); i++) {
		const struct place *p = &need[i].p;

		right(!given_of(p) || ((xcr0 & need[i].state) == need[i].state &&
				       given_of(&need[i].base) == need[i].base.bits),
		      "leaf %x.%x register %d: %x without what it needs; XCR0 %llx", p->leaf,
		      p->sub, p->reg, given_of(p), (unsigned long long)xcr0);
	}
}

/* The other way: a component of XCR0 has its feature, and those that go together do. */
static void components_are_used(void)
{
	static const struct { u64 state; struct place p; } owner[] = {
		{ BIT(0) | BIT(1), P(1, 0, ECX, BIT(26)) },
		{ BIT(2), P(1, 0, ECX, BIT(28)) },
		{ BIT(3) | BIT(4), P(7, 0, EBX, BIT(14)) },
		{ BIT(5) | BIT(6) | BIT(7), P(7, 0, EBX, BIT(16)) },
		{ BIT(9), P(7, 0, ECX, BIT(3)) },
		{ BIT(17) | BIT(18), P(7, 0, EDX, BIT(24)) },
	};
	u64 xcr0 = kvm_supported_xcr0(), known = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(owner); i++) {
		known |= owner[i].state;
		right((xcr0 & owner[i].state) == 0 || ((xcr0 & owner[i].state) == owner[i].state &&
						       given_of(&owner[i].p)),
		      "components %llx of XCR0 %llx without their feature",
		      (unsigned long long)owner[i].state, (unsigned long long)xcr0);
	}
	right(!(xcr0 & ~known), "components of XCR0 %llx without a feature",
	      (unsigned long long)xcr0);
	right(!(xcr0 & ~host_xcr0), "components that the host has not turned on");
	right(!xcr0 == !(given(1, 0, KVM_CPUID_ECX) & BIT(26)), "XCR0 and XSAVE differ");
}

/* SDM 1, 13.4.2 and 13.4.3: the area in the standard and in the compacted format. */
static void sizes_are_right(void)
{
	u64 xcr0 = kvm_supported_xcr0();
	u32 standard = xcr0 ? 576 : 0, compact = 576, i;

	right(given(0xd, 0, KVM_CPUID_EAX) == (u32)xcr0 &&
	      given(0xd, 0, KVM_CPUID_EDX) == xcr0 >> 32, "leaf d.0 is not XCR0");
	for (i = 2; i < 64; i++) {
		u32 size = raw(0xd, i, KVM_CPUID_EAX), at = raw(0xd, i, KVM_CPUID_EBX);
		u32 ecx = raw(0xd, i, KVM_CPUID_ECX);

		if (!(xcr0 & BIT_ULL(i))) {
			right(!entry(0xd, i), "leaf d.%x is there", i);
			continue;
		}
		right(size && at >= 576, "leaf d.%x: %x bytes at %x", i, size, at);
		right(given(0xd, i, KVM_CPUID_EAX) == size && given(0xd, i, KVM_CPUID_EBX) == at &&
		      given(0xd, i, KVM_CPUID_ECX) == (ecx & BIT(1)) &&
		      !given(0xd, i, KVM_CPUID_EDX), "leaf d.%x is not as the CPU's", i);
		standard = max(standard, at + size);
		compact = (ecx & BIT(1) ? (compact + 63) / 64 * 64 : compact) + size;
	}
	if (!(given(0xd, 1, KVM_CPUID_EAX) & (BIT(1) | BIT(3))))
		compact = 0;
	right(given(0xd, 0, KVM_CPUID_EBX) == standard && given(0xd, 0, KVM_CPUID_ECX) == standard,
	      "leaf d.0 says %x and %x bytes, not %x", given(0xd, 0, KVM_CPUID_EBX),
	      given(0xd, 0, KVM_CPUID_ECX), standard);
	right(given(0xd, 1, KVM_CPUID_EBX) == compact, "leaf d.1 says %x bytes, not %x",
	      given(0xd, 1, KVM_CPUID_EBX), compact);
}

/* Four levels of EPT reach 48 bits; a guest's own tables of five need a CPU with LA57. */
static void addresses_fit(void)
{
	u32 eax = given(0x80000008, 0, KVM_CPUID_EAX), host = raw(0x80000008, 0, KVM_CPUID_EAX);
	u32 phys = eax & 0xff, virt = eax >> 8 & 0xff, guest = eax >> 16 & 0xff;
	bool la57 = given(7, 0, KVM_CPUID_ECX) & BIT(16);

	right(phys == (host & 0xff) && phys >= 36 && phys <= 52, "%u physical address bits", phys);
	right((guest ? guest : phys) <= 48, "EPT cannot reach %u bits", guest ? guest : phys);
	right(virt == (la57 ? 57 : 48) && virt <= (host >> 8 & 0xff), "%u linear address bits",
	      virt);
	right(!la57 || (cpu_msr(MSR_IA32_VMX_CR4_FIXED1) & BIT(12)), "LA57, but not for guests");
}

/* SDM 2A, CPUID, and the speculation controls' documents: what says something only together. */
static void others_fit(void)
{
	u32 edx = given(7, 0, KVM_CPUID_EDX);
	bool lm = given(0x80000001, 0, KVM_CPUID_EDX) & BIT(29);

	right(!(given(7, 2, KVM_CPUID_EDX) & 0x1f) || (edx & BIT(26)),
	      "bits of IA32_SPEC_CTRL without the MSR");
	right(!(given(1, 0, KVM_CPUID_ECX) & BIT(17)) || lm, "PCID without long mode");
	right(!(given(0x80000001, 0, KVM_CPUID_EDX) & BIT(26)) || lm, "1-GByte pages without it");
	right(lm == !!(given(0x80000001, 0, KVM_CPUID_EDX) & BIT(11)), "long mode, but not SYSCALL");
	right(!(given(0x80000008, 0, KVM_CPUID_EBX) & BIT(12)) || (edx & BIT(26)),
	      "AMD's bit for IBPB without Intel's");
}

/* Builds the list on the host that is booted; false: something is wrong with it. */
static bool offers_what_works(void)
{
	wrong[0] = 0;
	build_list();
	right(nent > 0, "no entries: %d", nent);
	leaves_are_there();
	host_has_what_is_offered();
	all_else_is_zero();
	controls_are_there();
	states_are_there();
	components_are_used();
	sizes_are_right();
	addresses_fit();
	others_fit();
	return !wrong[0];
}

/* --- hosts that do not use all of their CPU --- */

static const struct {
	const char *name;
	u64 xcr0;		/* components, secondary controls and features that are not there */
	u32 proc2;
	u32 feature[2];
} hosts[] = {
	{ .name = "noxsave", .xcr0 = ~0ull, .feature = { X86_FEATURE_XSAVE } },
	{ .name = "clearcpuid=avx", .xcr0 = ~(BIT(0) | BIT(1) | BIT(9)),
	  .feature = { X86_FEATURE_AVX } },
	{ .name = "clearcpuid=avx2", .feature = { X86_FEATURE_AVX2 } },
	{ .name = "clearcpuid=avx512f", .feature = { X86_FEATURE_AVX512F } },
	{ .name = "XCR0 without YMM", .xcr0 = BIT(2) },
	{ .name = "XCR0 without opmasks", .xcr0 = BIT(5) },
	{ .name = "XCR0 without AVX-512", .xcr0 = BIT(5) | BIT(6) | BIT(7) },
	{ .name = "XCR0 without PKRU", .xcr0 = BIT(9) },
	{ .name = "nopku", .feature = { X86_FEATURE_OSPKE } },
	{ .name = "no5lvl", .feature = { X86_FEATURE_LA57 } },
	{ .name = "no speculation control",
	  .feature = { X86_FEATURE_SPEC_CTRL, X86_FEATURE_IBPB } },
	{ .name = "no control for RDTSCP", .proc2 = SECONDARY_EXEC_ENABLE_RDTSCP },
	{ .name = "no control for INVPCID", .proc2 = SECONDARY_EXEC_ENABLE_INVPCID },
	{ .name = "no control for XSAVES", .proc2 = VMX_XSAVES_CONTROL },
};

static void check_host(int h)
{
	bool ok = true;
	int i;

	for (i = 0; i < nr_cpus && ok; i++) {
		if (boot(&cpus[i], NULL))
			continue;
		host_xcr0 &= ~hosts[h].xcr0;
		vmx_caps.proc2 &= ~hosts[h].proc2;
		vmx_caps.xsaves = vmx_caps.proc2 & VMX_XSAVES_CONTROL;
		forget(hosts[h].feature[0]);
		forget(hosts[h].feature[1]);
		ok = offers_what_works();
		if (!ok)
			printf("# %s on %s: %s\n", hosts[h].name, cpus[i].name, wrong);
	}
	ktap_result(ok, hosts[h].name);
}

static void check_one(const struct cpu *c)
{
	bool ok;

	if (boot(c, NULL)) {
		ktap_skip(c->name, "refused, see caps_unit");
		return;
	}
	ok = offers_what_works();
	if (!ok)
		printf("# %s: %s\n", c->name, wrong);
	ktap_result(ok, c->name);
}

/* --- the cores of a hybrid CPU --- */

/* Leaves that describe a core, its caches and its name, and promise nothing. */
static bool describes(u32 leaf)
{
	return leaf == 2 || leaf == 4 || (leaf >= 0x80000002 && leaf <= 0x80000006);
}

/* A list built on @one in a machine that has @other as well: right for both, and the same there. */
static bool right_for_both(const struct cpu *one, const struct cpu *other)
{
	static struct kvm_cpuid_entry2 first[MAX_ENT];
	int i, n;

	boot(one, other);
	if (!offers_what_works())
		return false;
	n = nent;
	memcpy(first, ent, sizeof(first));
	cpu = other;
	host_has_what_is_offered();
	if (wrong[0])
		return false;
	boot(other, one);
	if (!offers_what_works())
		return false;
	right(n == nent, "%d entries or %d", n, nent);
	for (i = 0; i < n; i++) {
		const struct kvm_cpuid_entry2 *e = entry(first[i].function, first[i].index);

		right(e && (describes(e->function) || !memcmp(e, &first[i], sizeof(*e))),
		      "leaf %x.%x differs", first[i].function, first[i].index);
	}
	return !wrong[0];
}

/*
 * Firmware that encrypts memory takes address bits for it, on all cores: those that differ in
 * that are not of one machine.
 */
static bool may_be_of_one_machine(const struct cpu *one, const struct cpu *other)
{
	u32 bits[2];

	/* Names begin with the signature. */
	if (strncmp(one->name, other->name, 7) || load(one))
		return false;
	bits[0] = raw(0x80000008, 0, KVM_CPUID_EAX);
	if (load(other))
		return false;
	bits[1] = raw(0x80000008, 0, KVM_CPUID_EAX);
	return bits[0] == bits[1];
}

/* Two CPUs of one signature may be the cores of a hybrid one. */
static void check_alike(void)
{
	bool ok = true;
	int i, j;

	for (i = 0; i < nr_cpus; i++) {
		for (j = 0; j < i; j++) {
			if (!may_be_of_one_machine(&cpus[i], &cpus[j]) ||
			    right_for_both(&cpus[i], &cpus[j]))
				continue;
			printf("# %s beside %s: %s\n", cpus[i].name, cpus[j].name, wrong);
			ok = false;
		}
	}
	ktap_result(ok, "two kinds of core");
}

/* A core of @c, and one that lacks bits of which the host kernel keeps no view. */
static void check_lesser(const struct cpu *c)
{
	static struct cpu lesser;
	u32 i, edx1, edx2;
	bool ok;

	lesser = *c;
	for (i = 0; i < lesser.nr_cpuid; i++)
		if (lesser.cpuid[i].leaf == 7 && lesser.cpuid[i].sub)
			lesser.cpuid[i].edx = 0;
	boot(c, NULL);
	ok = offers_what_works();
	edx1 = given(7, 1, KVM_CPUID_EDX);
	edx2 = given(7, 2, KVM_CPUID_EDX);
	ok = ok && edx1 && edx2 && right_for_both(c, &lesser) && !given(7, 1, KVM_CPUID_EDX) &&
	     !given(7, 2, KVM_CPUID_EDX);
	if (!ok)
		printf("# %s: leaf 7.1 EDX %x, 7.2 EDX %x; %s\n", c->name, edx1, edx2, wrong);
	ktap_result(ok, "a core that lacks bits of leaves 7.1 and 7.2");
}

/* --- the ioctls --- */

static long get_cpuid(long (*ioctl)(struct kvm_ioctl_args *), u32 room, u32 *n)
{
	struct kvm_cpuid2 head = { .nent = room };
	struct kvm_ioctl_args a = { .data = &head, .tail = ent };
	long r;

	memset(ent, 0xff, MAX_ENT * sizeof(*ent));
	r = ioctl(&a);
	*n = nent = head.nent;
	return r;
}

/* Too little room tells how much is needed, and writes nothing (api.rst 4.46, 4.88). */
static void check_ioctls(const struct cpu *c)
{
	u32 n, again;
	bool ok;
	int i;

	boot(c, NULL);
	kvm_cpuid_module_init();
	ok = get_cpuid(kvm_dev_ioctl_get_supported_cpuid, 0, &n) == -E2BIG && n > 20 &&
	     get_cpuid(kvm_dev_ioctl_get_supported_cpuid, n - 1, &again) == -E2BIG && again == n &&
	     ent[0].function == ~0u &&
	     get_cpuid(kvm_dev_ioctl_get_supported_cpuid, n, &again) == 0 && again == n &&
	     ent[n - 1].function == 0x80000008 && ent[n].function == ~0u;
	for (i = 0; i < (int)n; i++)
		ok = ok && kvm_cpuid_supported(ent, i, kvm_pv_features()) == -E2BIG;
	ktap_result(ok, "KVM_GET_SUPPORTED_CPUID");

	ok = get_cpuid(kvm_dev_ioctl_get_emulated_cpuid, 0, &n) == -E2BIG &&
	     get_cpuid(kvm_dev_ioctl_get_emulated_cpuid, n, &again) == 0 && again == n &&
	     given(0, 0, KVM_CPUID_EAX) == 7;
	/* Nothing that the CPU lacks is emulated, and what is not there cannot be offered. */
	for (i = 0; i < nent; i++)
		ok = ok && !ent[i].ebx && !ent[i].ecx && !ent[i].edx &&
		     ent[i].function <= 7 && (!ent[i].function || !ent[i].eax) &&
		     ent[i].flags == (ecx_matters(ent[i].function) ?
				      KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0);
	ktap_result(ok, "KVM_GET_EMULATED_CPUID");
}

int main(void)
{
	const struct cpu *newest = NULL;
	int i;

	if (!read_cpus())
		return ktap_skip_all("real CPUs", "no file of CPUs, name one by CPUS=");
	for (i = 0; i < nr_cpus; i++)
		if (!boot(&cpus[i], NULL) && offers_what_works() && given(7, 1, KVM_CPUID_EDX) &&
		    given(7, 2, KVM_CPUID_EDX))
			newest = &cpus[i];
	ktap_start(nr_cpus + ARRAY_SIZE(hosts) + 1 + (newest ? 3 : 0));
	for (i = 0; i < nr_cpus; i++)
		check_one(&cpus[i]);
	for (i = 0; i < ARRAY_SIZE(hosts); i++)
		check_host(i);
	check_alike();
	if (newest) {
		check_lesser(newest);
		check_ioctls(newest);
	}
	return ktap_end();
}
