// SPDX-License-Identifier: GPL-2.0-only
/* A host kernel on a real CPU, and vcpu/cpuid_table.c and the ioctls in front of it there. */
#include "host_kernel.h"

static struct { u32 x86_capability[NR_CPUID_WORDS]; } boot_cpu_data;
u64 host_xcr0;
static const struct cpu *other_cpu;

#define boot_cpu_has(f)	(boot_cpu_data.x86_capability[(f) / 32] >> ((f) % 32) & 1)
#define xgetbv(which)	host_xcr0

static inline u32 cpuid_eax(u32 leaf)
{
	return cpu_cpuid(leaf, 0).eax;
}

static inline void cpuid_count(u32 leaf, u32 sub, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	struct cpuid_regs r = cpu_cpuid(leaf, sub);

	*eax = r.eax;
	*ebx = r.ebx;
	*ecx = r.ecx;
	*edx = r.edx;
}

/* One core of each kind. */
#define for_each_online_cpu(n)	for ((n) = 0; (n) < (other_cpu ? 2 : 1); (n)++)
#define cpus_read_lock()	((void)0)
#define cpus_read_unlock()	((void)0)

static void smp_call_function_single(int n, void (*fn)(void *), void *arg, int wait)
{
	const struct cpu *first = cpu;

	cpu = n ? other_cpu : first;
	fn(arg);
	cpu = first;
}

#define __ro_after_init
#include "../vcpu/cpuid_table.c"

u32 kvm_pv_features(void)
{
	return 0x123;
}

/* Not called: they are of the ioctls with a vCPU. */
int kvm_cpuid_set(struct kvm_vcpu *vcpu, struct kvm_cpuid_entry2 *ent, int nent)
{
	return -EINVAL;
}

void kvm_cpuid_current(struct kvm_vcpu *vcpu, struct kvm_cpuid_entry2 *e)
{
}

void kvm_pv_trim_cpuid(struct kvm *kvm, struct kvm_cpuid_entry2 *ent, int nent)
{
}

void kvm_pv_cpuid_changed(struct kvm_vcpu *vcpu)
{
}

void kvm_apic_features_changed(struct kvm_vcpu *vcpu)
{
}

#include "../vm/cpuid_ioctl.c"

static u32 reg_of(const struct cpuid_regs *r, enum kvm_cpuid_reg reg)
{
	const u32 regs[] = {
		[KVM_CPUID_EAX] = r->eax, [KVM_CPUID_EBX] = r->ebx,
		[KVM_CPUID_ECX] = r->ecx, [KVM_CPUID_EDX] = r->edx,
	};

	return regs[reg];
}

u32 raw(u32 leaf, u32 sub, enum kvm_cpuid_reg reg)
{
	struct cpuid_regs r = { };

	if (cpuid_eax(leaf & 0x80000000) >= leaf && (leaf != 7 || sub <= cpuid_eax(7)))
		r = cpu_cpuid(leaf, sub);
	return reg_of(&r, reg);
}

/* X86_FEATURE_XMM3 is 0, and nothing hangs on it. */
void forget(u32 feature)
{
	boot_cpu_data.x86_capability[feature / 32] &= ~(1u << feature % 32);
}

/* What a kernel takes up of CPUID; of two kinds of core what both have. */
static void kernel_looks_at(void *unused)
{
	static const struct { u32 leaf, sub; enum kvm_cpuid_reg reg; } places[] = {
		[CPUID_1_ECX] = { 1, 0, KVM_CPUID_ECX },
		[CPUID_1_EDX] = { 1, 0, KVM_CPUID_EDX },
		[CPUID_7_0_EBX] = { 7, 0, KVM_CPUID_EBX },
		[CPUID_7_ECX] = { 7, 0, KVM_CPUID_ECX },
		[CPUID_7_EDX] = { 7, 0, KVM_CPUID_EDX },
		[CPUID_7_1_EAX] = { 7, 1, KVM_CPUID_EAX },
		[CPUID_D_1_EAX] = { 0xd, 1, KVM_CPUID_EAX },
		[CPUID_8000_0001_ECX] = { 0x80000001, 0, KVM_CPUID_ECX },
		[CPUID_8000_0001_EDX] = { 0x80000001, 0, KVM_CPUID_EDX },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		boot_cpu_data.x86_capability[i] &= raw(places[i].leaf, places[i].sub,
						       places[i].reg);
}

/* A kernel boots on @c, and on cores of another kind as well if @other is not NULL. */
int boot(const struct cpu *c, const struct cpu *other)
{
	u32 *cap = boot_cpu_data.x86_capability;
	int r = load(c), n;

	other_cpu = other;
	memset(cap, 0xff, sizeof(boot_cpu_data));
	for_each_online_cpu(n)
		smp_call_function_single(n, kernel_looks_at, NULL, 1);
	/* Debian's kernels turn protection keys, LA57 and the speculation controls on. */
	cap[CPUID_7_ECX] &= ~F(OSPKE);
	if (boot_cpu_has(X86_FEATURE_PKU))
		cap[CPUID_7_ECX] |= F(OSPKE);
	cap[CPUID_OF_KERNEL] = boot_cpu_has(X86_FEATURE_SPEC_CTRL);
	host_xcr0 = boot_cpu_has(X86_FEATURE_XSAVE) ? raw(0xd, 0, KVM_CPUID_EAX) : 0;
	memset(xstate, 0, sizeof(xstate));
	memset(offered, 0, sizeof(offered));
	supported_xcr0 = 0;
	return r;
}

/* --- the list --- */

struct kvm_cpuid_entry2 ent[MAX_ENT];
int nent;

void build_list(void)
{
	kvm_cpuid_module_init();
	memset(ent, 0xff, sizeof(ent));
	nent = kvm_cpuid_supported(ent, MAX_ENT, kvm_pv_features());
}

const struct kvm_cpuid_entry2 *entry(u32 leaf, u32 sub)
{
	int i;

	for (i = 0; i < nent; i++)
		if (ent[i].function == leaf && ent[i].index == sub)
			return &ent[i];
	return NULL;
}

u32 given(u32 leaf, u32 sub, enum kvm_cpuid_reg reg)
{
	const struct kvm_cpuid_entry2 *e = entry(leaf, sub);

	if (!e)
		return 0;
	return reg_of(&(struct cpuid_regs) { .eax = e->eax, .ebx = e->ebx, .ecx = e->ecx,
					     .edx = e->edx }, reg);
}
