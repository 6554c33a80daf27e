// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID may say to a guest on this host: the host's own answers, cut down
 * to what kvmx can make work. SDM 2A, CPUID; Documentation/virt/kvm/x86/cpuid.rst.
 */
#include <linux/cpu.h>
#include <linux/kernel.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include <asm/kvm_para.h>
#include <asm/processor.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>
#include "cpuid.h"
#include "state.h"

#define F(name)			(1u << (X86_FEATURE_##name & 31))

/* Leaves above are not offered, whatever the host has. */
#define MAX_BASIC_LEAF		0x1f
#define MAX_EXTENDED_LEAF	0x80000008
/* EPT tables of four levels reach this far. */
#define EPT_ADDRESS_BITS	48

/* AVX_VNNI_INT8, AVX_NE_CONVERT, AVX_VNNI_INT16. */
#define AVX_7_1_EDX		(BIT(4) | BIT(5) | BIT(10))
/* SHA512, SM3, SM4, AVX_VNNI, AVX_IFMA. */
#define AVX_7_1_EAX		(BIT(0) | BIT(1) | BIT(2) | F(AVX_VNNI) | BIT(23))

enum feature_word {
	W_1_ECX, W_1_EDX, W_7_EBX, W_7_ECX, W_7_EDX, W_7_1_EAX, W_7_1_EDX, W_7_2_EDX, W_D_1_EAX,
	W_8_1_ECX, W_8_1_EDX, W_8_8_EBX,
	NR_WORDS,
};

#define NO_KERNEL_WORD		(-1)

/*
 * @mask: what kvmx can give if the host has it. @kernel: where the host kernel
 * keeps its own view.
 */
static const struct {
	u32 function, index;
	enum kvm_cpuid_reg reg;
	int kernel;
	u32 mask;
} words[NR_WORDS] = {
	[W_1_ECX] = { 1, 0, KVM_CPUID_ECX, CPUID_1_ECX,
		F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(PCID) | F(XMM4_1) |
		F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) | F(XSAVE) | F(AVX) | F(F16C) |
		F(RDRAND) },
	[W_1_EDX] = { 1, 0, KVM_CPUID_EDX, CPUID_1_EDX,
		F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) | F(MCE) | F(CX8) |
		F(APIC) | F(SEP) | F(MTRR) | F(PGE) | F(MCA) | F(CMOV) | F(PAT) | F(PSE36) |
		F(CLFLUSH) | F(MMX) | F(FXSR) | F(XMM) | F(XMM2) | F(SELFSNOOP) },
	[W_7_EBX] = { 7, 0, KVM_CPUID_EBX, CPUID_7_0_EBX,
		F(FSGSBASE) | F(BMI1) | F(HLE) | F(AVX2) | F(FDP_EXCPTN_ONLY) | F(SMEP) | F(BMI2) |
		F(ERMS) | F(INVPCID) | F(RTM) | F(ZERO_FCS_FDS) | F(AVX512F) | F(AVX512DQ) |
		F(RDSEED) | F(ADX) | F(SMAP) | F(AVX512IFMA) | F(CLFLUSHOPT) | F(CLWB) |
		F(AVX512PF) | F(AVX512ER) | F(AVX512CD) | F(SHA_NI) | F(AVX512BW) | F(AVX512VL) },
	[W_7_ECX] = { 7, 0, KVM_CPUID_ECX, CPUID_7_ECX,
		BIT(0) /* PREFETCHWT1 */ | F(AVX512VBMI) | F(UMIP) | F(PKU) | F(AVX512_VBMI2) |
		F(GFNI) | F(VAES) | F(VPCLMULQDQ) | F(AVX512_VNNI) | F(AVX512_BITALG) |
		F(AVX512_VPOPCNTDQ) | F(LA57) | F(RDPID) | F(CLDEMOTE) | F(MOVDIRI) |
		F(MOVDIR64B) },
	[W_7_EDX] = { 7, 0, KVM_CPUID_EDX, CPUID_7_EDX,
		F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(FSRM) | F(AVX512_VP2INTERSECT) |
		F(MD_CLEAR) | F(SERIALIZE) | F(TSXLDTRK) | F(AVX512_FP16) | F(SPEC_CTRL) |
		F(INTEL_STIBP) | F(FLUSH_L1D) | F(ARCH_CAPABILITIES) | F(SPEC_CTRL_SSBD) },
	[W_7_1_EAX] = { 7, 1, KVM_CPUID_EAX, CPUID_7_1_EAX,
		BIT(0) /* SHA512 */ | BIT(1) /* SM3 */ | BIT(2) /* SM4 */ | F(AVX_VNNI) |
		F(AVX512_BF16) | BIT(7) /* CMPCCXADD */ | BIT(10) /* FZRM */ | BIT(11) /* FSRS */ |
		BIT(12) /* FSRC */ | BIT(23) /* AVX_IFMA */ },
	[W_7_1_EDX] = { 7, 1, KVM_CPUID_EDX, NO_KERNEL_WORD,
		AVX_7_1_EDX | BIT(14) /* PREFETCHITI */ },
	[W_7_2_EDX] = { 7, 2, KVM_CPUID_EDX, NO_KERNEL_WORD,
		BIT(0) /* PSFD */ | BIT(1) /* IPRED_CTRL */ | BIT(2) /* RRSBA_CTRL */ |
		BIT(3) /* DDPD_U */ | BIT(4) /* BHI_CTRL */ | BIT(5) /* MCDT_NO */ },
	[W_D_1_EAX] = { 0xd, 1, KVM_CPUID_EAX, CPUID_D_1_EAX,
		F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1) | F(XSAVES) },
	[W_8_1_ECX] = { 0x80000001, 0, KVM_CPUID_ECX, CPUID_8000_0001_ECX,
		F(LAHF_LM) | F(ABM) | F(3DNOWPREFETCH) },
	[W_8_1_EDX] = { 0x80000001, 0, KVM_CPUID_EDX, CPUID_8000_0001_EDX,
		F(SYSCALL) | F(NX) | F(GBPAGES) | F(RDTSCP) | F(LM) },
	/* Found below: the host kernel's view of it is not in its CPUID word on Intel. */
	[W_8_8_EBX] = { 0x80000008, 0, KVM_CPUID_EBX, NO_KERNEL_WORD, 0 },
};

#define XSTATE_AVX512	(XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 | XFEATURE_MASK_Hi16_ZMM)

/*
 * State components that belong to a feature, and all that cannot be used without them (SDM 1,
 * 13.1 and 14): the host kernel can do without either. In order: AVX-512 needs AVX's.
 */
static const struct {
	u64 state, needs;
	enum feature_word owner;
	u32 feature;
	u32 users[NR_WORDS];
} xstate_features[] = {
	{ XFEATURE_MASK_YMM, XFEATURE_MASK_YMM, W_1_ECX, F(AVX), {
		[W_1_ECX] = F(AVX) | F(FMA) | F(F16C), [W_7_EBX] = F(AVX2),
		[W_7_ECX] = F(VAES) | F(VPCLMULQDQ) } },
	/* No component of its own. */
	{ 0, XFEATURE_MASK_YMM, W_7_EBX, F(AVX2), {
		[W_7_1_EAX] = AVX_7_1_EAX, [W_7_1_EDX] = AVX_7_1_EDX } },
	{ XSTATE_AVX512, XFEATURE_MASK_YMM | XSTATE_AVX512, W_7_EBX, F(AVX512F), {
		[W_7_EBX] = F(AVX512F) | F(AVX512DQ) | F(AVX512IFMA) | F(AVX512PF) | F(AVX512ER) |
			    F(AVX512CD) | F(AVX512BW) | F(AVX512VL),
		[W_7_ECX] = F(AVX512VBMI) | F(AVX512_VBMI2) | F(AVX512_VNNI) | F(AVX512_BITALG) |
			    F(AVX512_VPOPCNTDQ),
		[W_7_EDX] = F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(AVX512_VP2INTERSECT) |
			    F(AVX512_FP16),
		[W_7_1_EAX] = F(AVX512_BF16) } },
	{ XFEATURE_MASK_PKRU, XFEATURE_MASK_PKRU, W_7_ECX, F(PKU), { [W_7_ECX] = F(PKU) } },
};

#define PLACE(_fn, _ix, _reg, _bit)	{ _fn, _ix, KVM_CPUID_##_reg, 1u << (_bit) }

const struct kvm_feature_place kvm_feature_places[KVM_NR_FEATURES] = {
	[KVM_F_SSE3]			= PLACE(1, 0, ECX, 0),
	[KVM_F_MONITOR]			= PLACE(1, 0, ECX, 3),
	[KVM_F_VMX]			= PLACE(1, 0, ECX, 5),
	[KVM_F_PDCM]			= PLACE(1, 0, ECX, 15),
	[KVM_F_PCID]			= PLACE(1, 0, ECX, 17),
	[KVM_F_X2APIC]			= PLACE(1, 0, ECX, 21),
	[KVM_F_TSC_DEADLINE]		= PLACE(1, 0, ECX, 24),
	[KVM_F_XSAVE]			= PLACE(1, 0, ECX, 26),
	[KVM_F_OSXSAVE_HINT]		= PLACE(1, 0, ECX, 27),
	[KVM_F_HYPERVISOR]		= PLACE(1, 0, ECX, 31),
	[KVM_F_MCE]			= PLACE(1, 0, EDX, 7),
	[KVM_F_MTRR]			= PLACE(1, 0, EDX, 12),
	[KVM_F_MCA]			= PLACE(1, 0, EDX, 14),
	[KVM_F_PAT]			= PLACE(1, 0, EDX, 16),
	[KVM_F_FSGSBASE]		= PLACE(7, 0, EBX, 0),
	[KVM_F_TSC_ADJUST]		= PLACE(7, 0, EBX, 1),
	[KVM_F_SMEP]			= PLACE(7, 0, EBX, 7),
	[KVM_F_INVPCID]			= PLACE(7, 0, EBX, 10),
	[KVM_F_RTM]			= PLACE(7, 0, EBX, 11),
	[KVM_F_SMAP]			= PLACE(7, 0, EBX, 20),
	[KVM_F_UMIP]			= PLACE(7, 0, ECX, 2),
	[KVM_F_PKU]			= PLACE(7, 0, ECX, 3),
	[KVM_F_LA57]			= PLACE(7, 0, ECX, 16),
	[KVM_F_RDPID]			= PLACE(7, 0, ECX, 22),
	[KVM_F_SPEC_CTRL]		= PLACE(7, 0, EDX, 26),
	[KVM_F_STIBP]			= PLACE(7, 0, EDX, 27),
	[KVM_F_FLUSH_L1D]		= PLACE(7, 0, EDX, 28),
	[KVM_F_ARCH_CAPABILITIES]	= PLACE(7, 0, EDX, 29),
	[KVM_F_SSBD]			= PLACE(7, 0, EDX, 31),
	[KVM_F_PSFD]			= PLACE(7, 2, EDX, 0),
	[KVM_F_IPRED_CTRL]		= PLACE(7, 2, EDX, 1),
	[KVM_F_RRSBA_CTRL]		= PLACE(7, 2, EDX, 2),
	[KVM_F_DDPD_U]			= PLACE(7, 2, EDX, 3),
	[KVM_F_BHI_CTRL]		= PLACE(7, 2, EDX, 4),
	[KVM_F_XSAVES]			= PLACE(0xd, 1, EAX, 3),
	[KVM_F_XFD]			= PLACE(0xd, 1, EAX, 4),
	[KVM_F_SYSCALL]			= PLACE(0x80000001, 0, EDX, 11),
	[KVM_F_NX]			= PLACE(0x80000001, 0, EDX, 20),
	[KVM_F_FXSR_OPT]		= PLACE(0x80000001, 0, EDX, 25),
	[KVM_F_GBPAGES]			= PLACE(0x80000001, 0, EDX, 26),
	[KVM_F_RDTSCP]			= PLACE(0x80000001, 0, EDX, 27),
	[KVM_F_LM]			= PLACE(0x80000001, 0, EDX, 29),
	[KVM_F_IBPB]			= PLACE(0x80000008, 0, EBX, 12),
};

/* CR4 bits that turn a feature on, and exist only with it. */
const struct kvm_cr4_feature kvm_cr4_features[KVM_NR_CR4_FEATURES] = {
	{ KVM_F_UMIP, X86_CR4_UMIP },
	{ KVM_F_LA57, X86_CR4_LA57 },
	{ KVM_F_FSGSBASE, X86_CR4_FSGSBASE },
	{ KVM_F_PCID, X86_CR4_PCIDE },
	{ KVM_F_XSAVE, X86_CR4_OSXSAVE },
	{ KVM_F_SMEP, X86_CR4_SMEP },
	{ KVM_F_SMAP, X86_CR4_SMAP },
	{ KVM_F_PKU, X86_CR4_PKE },
};

static u32 offered[NR_WORDS] __ro_after_init;
static u64 supported_xcr0 __ro_after_init;
static u64 supported_cr4 __ro_after_init;

#define MAX_XSTATE		63

static struct {
	u32 size, offset;
	bool align;
} xstate[MAX_XSTATE] __ro_after_init;

static u32 leaf_reg(const struct kvm_cpuid_leaf *l, enum kvm_cpuid_reg reg)
{
	switch (reg) {
	case KVM_CPUID_EAX:
		return l->eax;
	case KVM_CPUID_EBX:
		return l->ebx;
	case KVM_CPUID_ECX:
		return l->ecx;
	default:
		return l->edx;
	}
}

/* A leaf beyond the highest one repeats another leaf: it has nothing to say here. */
static struct kvm_cpuid_leaf host_leaf(u32 function, u32 index)
{
	struct kvm_cpuid_leaf l = { };

	if (cpuid_eax(function & 0x80000000) >= function)
		cpuid_count(function, index, &l.eax, &l.ebx, &l.ecx, &l.edx);
	return l;
}

/* Features a guest can have although the host kernel chose to do without. */
static u32 __init unused_by_host(enum feature_word w)
{
	return w == W_7_ECX ? F(LA57) : 0;
}

static u32 __init host_word(enum feature_word w)
{
	struct kvm_cpuid_leaf l = host_leaf(words[w].function, words[w].index);
	u32 bits;

	if (words[w].function == 7 && words[w].index > host_leaf(7, 0).eax)
		return 0;
	bits = leaf_reg(&l, words[w].reg);
	if (words[w].kernel != NO_KERNEL_WORD)
		bits &= boot_cpu_data.x86_capability[words[w].kernel] | unused_by_host(w);
	return bits & words[w].mask;
}

/* Not every kind of core may have what the host kernel does not keep a view of. */
static void __init cut_to_this_cpu(void *unused)
{
	int w;

	for (w = 0; w < NR_WORDS; w++)
		offered[w] &= host_word(w);
}

static void __init find_features(void)
{
	int w, cpu;

	for (w = 0; w < NR_WORDS; w++)
		offered[w] = words[w].mask;
	/* One after the other: they cut the same words. */
	cpus_read_lock();
	for_each_online_cpu(cpu)
		smp_call_function_single(cpu, cut_to_this_cpu, NULL, 1);
	cpus_read_unlock();

	/* These need the CPU's consent in a VMCS, or the host kernel's. */
	if (!(vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_RDTSCP)) {
		offered[W_8_1_EDX] &= ~F(RDTSCP);
		offered[W_7_ECX] &= ~F(RDPID);
	}
	if (!(vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_INVPCID))
		offered[W_7_EBX] &= ~F(INVPCID);
	if (!vmx_caps.xsaves)
		offered[W_D_1_EAX] &= ~F(XSAVES);
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		offered[W_7_ECX] &= ~F(PKU);
	if (!(offered[W_1_ECX] & F(XSAVE)))
		offered[W_D_1_EAX] = 0;
	if (!(offered[W_7_EDX] & F(SPEC_CTRL)))
		offered[W_7_2_EDX] &= BIT(5);

	/* These kvmx makes itself. */
	/* The local APIC in the kernel has its x2APIC mode on any host. */
	offered[W_1_ECX] |= F(HYPERVISOR) | F(X2APIC);
	offered[W_7_EBX] |= F(TSC_ADJUST);
	/* What is safe here is told to every guest, whatever model it takes this CPU for. */
	offered[W_7_EDX] |= F(ARCH_CAPABILITIES);
	if (boot_cpu_has(X86_FEATURE_IBPB))
		offered[W_8_8_EBX] |= kvm_feature_places[KVM_F_IBPB].mask;
}

/* A feature goes with its state components, and they with it. */
static void __init match_xcr0_and_features(void)
{
	int i, w;

	for (i = 0; i < ARRAY_SIZE(xstate_features); i++) {
		if ((offered[xstate_features[i].owner] & xstate_features[i].feature) &&
		    (supported_xcr0 & xstate_features[i].needs) == xstate_features[i].needs)
			continue;
		supported_xcr0 &= ~xstate_features[i].state;
		for (w = 0; w < NR_WORDS; w++)
			offered[w] &= ~xstate_features[i].users[w];
	}
}

static void __init find_xcr0(void)
{
	int i;

	supported_xcr0 = 0;
	if (offered[W_1_ECX] & F(XSAVE))
		supported_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK) &
			(XFEATURE_MASK_FP | XFEATURE_MASK_SSE | XFEATURE_MASK_YMM | XSTATE_AVX512 |
			 XFEATURE_MASK_PKRU);
	match_xcr0_and_features();
	for (i = 2; i < MAX_XSTATE; i++) {
		struct kvm_cpuid_leaf l;

		if (!(supported_xcr0 & BIT_ULL(i)))
			continue;
		l = host_leaf(0xd, i);
		xstate[i].size = l.eax;
		xstate[i].offset = l.ebx;
		xstate[i].align = l.ecx & BIT(1);
	}
}

static void __init find_cr4(void)
{
	int i;

	supported_cr4 = X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE |
		X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR |
		X86_CR4_OSXMMEXCPT;
	for (i = 0; i < ARRAY_SIZE(kvm_cr4_features); i++)
		if (kvm_host_offers(kvm_cr4_features[i].feature))
			supported_cr4 |= kvm_cr4_features[i].bit;
}

/**
 * kvm_cpuid_module_init - find what this host lets kvmx offer; after vmx_setup()
 *
 * Return: 0.
 */
int __init kvm_cpuid_module_init(void)
{
	find_features();
	find_xcr0();
	find_cr4();
	return 0;
}

/**
 * kvm_host_offers - can a guest be given this feature on this host
 * @f: the feature
 */
bool kvm_host_offers(enum kvm_cpuid_feature f)
{
	const struct kvm_feature_place *p = &kvm_feature_places[f];
	int w;

	for (w = 0; w < NR_WORDS; w++)
		if (words[w].function == p->function && words[w].index == p->index &&
		    words[w].reg == p->reg)
			return offered[w] & p->mask;
	return false;
}

/** kvm_supported_cr4 - CR4 bits some guest on this host may set */
u64 kvm_supported_cr4(void)
{
	return supported_cr4;
}

/** kvm_supported_xcr0 - XCR0 bits some guest on this host may set; 0 without XSAVE */
u64 kvm_supported_xcr0(void)
{
	return supported_xcr0;
}

/**
 * kvm_xstate_size - size of an XSAVE area, SDM 1, 13.4
 * @features: state components, user (XCR0) and supervisor (XSS)
 * @compact: in the compacted format
 */
u32 kvm_xstate_size(u64 features, bool compact)
{
	u32 size = FXSAVE_SIZE + XSAVE_HDR_SIZE;
	int i;

	for (i = 2; i < MAX_XSTATE; i++) {
		if (!(features & supported_xcr0 & BIT_ULL(i)))
			continue;
		if (compact) {
			if (xstate[i].align)
				size = ALIGN(size, 64);
			size += xstate[i].size;
		} else {
			size = max(size, xstate[i].offset + xstate[i].size);
		}
	}
	return size;
}

/* --- the list KVM_GET_SUPPORTED_CPUID gives --- */

struct fill {
	struct kvm_cpuid_entry2 *ent;
	int n, max;
};

static int add(struct fill *f, u32 function, u32 index, bool indexed, struct kvm_cpuid_leaf l)
{
	if (f->n >= f->max)
		return -E2BIG;
	f->ent[f->n++] = (struct kvm_cpuid_entry2) {
		.function = function,
		.index = index,
		.flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
		.eax = l.eax, .ebx = l.ebx, .ecx = l.ecx, .edx = l.edx,
	};
	return 0;
}

static int add_caches(struct fill *f)
{
	u32 i;
	int r = 0;

	/* The first subleaf of cache type 0 ends the list and belongs to it. */
	for (i = 0; i < 32 && !r; i++) {
		struct kvm_cpuid_leaf l = host_leaf(4, i);

		r = add(f, 4, i, true, l);
		if (!(l.eax & 0x1f))
			break;
	}
	return r;
}

static int add_features7(struct fill *f)
{
	u32 last = offered[W_7_2_EDX] ? 2 : (offered[W_7_1_EAX] || offered[W_7_1_EDX]);
	int r;

	r = add(f, 7, 0, true, (struct kvm_cpuid_leaf) {
		.eax = last, .ebx = offered[W_7_EBX], .ecx = offered[W_7_ECX],
		.edx = offered[W_7_EDX] });
	if (!r && last >= 1)
		r = add(f, 7, 1, true, (struct kvm_cpuid_leaf) {
			.eax = offered[W_7_1_EAX], .edx = offered[W_7_1_EDX] });
	if (!r && last >= 2)
		r = add(f, 7, 2, true, (struct kvm_cpuid_leaf) { .edx = offered[W_7_2_EDX] });
	return r;
}

static int add_xsave(struct fill *f)
{
	u32 size = kvm_xstate_size(supported_xcr0, false), i;
	bool compact = offered[W_D_1_EAX] & (F(XSAVEC) | F(XSAVES));
	int r;

	if (!supported_xcr0)
		return add(f, 0xd, 0, true, (struct kvm_cpuid_leaf) { });
	r = add(f, 0xd, 0, true, (struct kvm_cpuid_leaf) {
		.eax = supported_xcr0, .ebx = size, .ecx = size, .edx = supported_xcr0 >> 32 });
	if (!r)
		r = add(f, 0xd, 1, true, (struct kvm_cpuid_leaf) {
			.eax = offered[W_D_1_EAX],
			.ebx = compact ? kvm_xstate_size(supported_xcr0, true) : 0 });
	for (i = 2; i < MAX_XSTATE && !r; i++)
		if (supported_xcr0 & BIT_ULL(i))
			r = add(f, 0xd, i, true, (struct kvm_cpuid_leaf) {
				.eax = xstate[i].size, .ebx = xstate[i].offset,
				.ecx = xstate[i].align ? BIT(1) : 0 });
	return r;
}

static int add_basic(struct fill *f, u32 function)
{
	struct kvm_cpuid_leaf l = host_leaf(function, 0), none = { };

	switch (function) {
	case 0:
		l.eax = min_t(u32, l.eax, MAX_BASIC_LEAF);
		return add(f, 0, 0, false, l);
	case 1:
		/* Of EBX the brand index and the CLFLUSH size; topology is user space's. */
		l.ebx &= 0xffff;
		l.ecx = offered[W_1_ECX];
		l.edx = offered[W_1_EDX];
		return add(f, 1, 0, false, l);
	case 2:
		return add(f, 2, 0, false, l);
	case 4:
		return add_caches(f);
	case 6:
		/* ARAT: a guest's APIC timer never stops. */
		return add(f, 6, 0, false, (struct kvm_cpuid_leaf) { .eax = BIT(2) });
	case 7:
		return add_features7(f);
	case 0xd:
		return add_xsave(f);
	case 0xb:
	case 0xf:
	case 0x10:
	case 0x12:
	case 0x14:
	case 0x17:
	case 0x18:
	case 0x1b:
	case 0x1d ... 0x1f:
		/* Topology is user space's; RDT, SGX, PT, PCONFIG, AMX are not there. */
		return add(f, function, 0, true, none);
	default:
		/* Nor are MONITOR, PMU, TSC ratio, Key Locker, ... */
		return add(f, function, 0, false, none);
	}
}

static int add_extended(struct fill *f, u32 function)
{
	struct kvm_cpuid_leaf l = host_leaf(function, 0);
	u32 phys = l.eax & 0xff, virt = (l.eax >> 8) & 0xff;

	switch (function) {
	case 0x80000000:
		l = (struct kvm_cpuid_leaf) { .eax = min_t(u32, l.eax, MAX_EXTENDED_LEAF) };
		break;
	case 0x80000001:
		l = (struct kvm_cpuid_leaf) {
			.ecx = offered[W_8_1_ECX], .edx = offered[W_8_1_EDX] };
		break;
	case 0x80000002 ... 0x80000004:
	case 0x80000006:
		break;
	case 0x80000007:
		/* Invariant TSC: the guest's ticks with the host's. */
		l = (struct kvm_cpuid_leaf) { .edx = l.edx & BIT(8) };
		break;
	case 0x80000008:
		if (!kvm_host_offers(KVM_F_LA57))
			virt = min_t(u32, virt, 48);
		l = (struct kvm_cpuid_leaf) {
			.eax = phys | virt << 8, .ebx = offered[W_8_8_EBX] };
		if (phys > EPT_ADDRESS_BITS)
			l.eax |= EPT_ADDRESS_BITS << 16;
		break;
	default:
		l = (struct kvm_cpuid_leaf) { };
	}
	return add(f, function, 0, false, l);
}

static int add_hypervisor(struct fill *f, u32 pv_features)
{
	struct kvm_cpuid_leaf l = { .eax = KVM_CPUID_FEATURES };
	char name[12] = "KVMKVMKVM";
	int r;

	memcpy(&l.ebx, name, 4);
	memcpy(&l.ecx, name + 4, 4);
	memcpy(&l.edx, name + 8, 4);
	r = add(f, KVM_CPUID_SIGNATURE, 0, false, l);
	if (!r)
		r = add(f, KVM_CPUID_FEATURES, 0, false,
			(struct kvm_cpuid_leaf) { .eax = pv_features });
	return r;
}

/**
 * kvm_cpuid_supported - the entries a guest may have at most
 * @ent: receives them
 * @max: room in @ent
 * @pv_features: EAX of KVM_CPUID_FEATURES
 *
 * Return: how many, or -E2BIG.
 */
int kvm_cpuid_supported(struct kvm_cpuid_entry2 *ent, int max, u32 pv_features)
{
	struct fill f = { .ent = ent, .max = max };
	u32 limit, fn;
	int r = 0;

	limit = min_t(u32, cpuid_eax(0), MAX_BASIC_LEAF);
	for (fn = 0; fn <= limit && !r; fn++)
		r = add_basic(&f, fn);
	if (!r)
		r = add_hypervisor(&f, pv_features);
	limit = min_t(u32, cpuid_eax(0x80000000), MAX_EXTENDED_LEAF);
	for (fn = 0x80000000; fn <= limit && !r; fn++)
		r = add_extended(&f, fn);
	return r ? r : f.n;
}
