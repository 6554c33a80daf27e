// SPDX-License-Identifier: GPL-2.0-only
/* Real CPUs out of a file, and vmx/caps.c on them. */
#include "host_cpu.h"

struct cpu cpus[512];
int nr_cpus;
const struct cpu *cpu;
char said[256];

u64 cpu_msr(u32 msr)
{
	if (msr == MSR_IA32_FEAT_CTL)
		return FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;
	return cpu->msr[msr - MSR_IA32_VMX_BASIC];
}

static const struct cpuid_regs *line_of(const struct cpu *c, u32 leaf, u32 sub)
{
	int i;

	for (i = 0; i < c->nr_cpuid; i++)
		if (c->cpuid[i].leaf == leaf && c->cpuid[i].sub == sub)
			return &c->cpuid[i];
	return NULL;
}

/* These are as they are for any subleaf. */
static bool has_subleaves(u32 leaf)
{
	return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd ||
	       (leaf >= 0xf && leaf < 0x15) ||
	       (leaf >= 0x17 && leaf < 0x29 && leaf != 0x19);
}

struct cpuid_regs cpu_cpuid(u32 leaf, u32 sub)
{
	const struct cpuid_regs *r = line_of(cpu, leaf & 0x80000000, 0);

	if (!r || leaf > r->eax)
		leaf = line_of(cpu, 0, 0)->eax;
	r = line_of(cpu, leaf, has_subleaves(leaf) ? sub : 0);
	return r ? *r : (struct cpuid_regs) { .leaf = leaf, .sub = sub };
}

#undef pr_err
#define pr_err(...)		snprintf(said, sizeof(said), __VA_ARGS__)
#define rdmsrl(msr, val)	((val) = cpu_msr(msr))
#define rdmsr(msr, low, high)	((low) = (u32)cpu_msr(msr), (high) = cpu_msr(msr) >> 32)
#define cpuid_eax(leaf)		(cpu_cpuid(leaf, 0).eax)
#define cpuid_ecx(leaf)		(cpu_cpuid(leaf, 0).ecx)
#define cpuid_edx(leaf)		(cpu_cpuid(leaf, 0).edx)
#define this_cpu_has(feature)	1
#define __read_cr4()		0ul
#ifndef X86_CR4_VMXE
#define X86_CR4_VMXE		BIT(13)
#endif
#ifndef scnprintf
#define scnprintf		snprintf
#endif
#define KVMX_VMX_INTERNAL_H	/* the instructions are not needed here */
#include <params.h>
#include "../vmx/caps.c"

struct kvmx_params kvmx_params;

int kvmx_params_check(void)
{
	return 0;
}

int load(const struct cpu *c)
{
	cpu = c;
	said[0] = 0;
	kvmx_params = (struct kvmx_params) {
		.ept = true, .unrestricted_guest = true, .vnmi = true, .vpid = true, .eptad = true,
		.pml = true, .flexpriority = true, .enable_apicv = true, .preemption_timer = true,
		.ple_gap = 128, .ple_window = 4096,
	};
	return vmx_setup();
}

static struct cpu *find(const char *name)
{
	int i;

	for (i = 0; i < nr_cpus; i++)
		if (!strcmp(cpus[i].name, name))
			return &cpus[i];
	if (nr_cpus == ARRAY_SIZE(cpus))
		return NULL;
	snprintf(cpus[nr_cpus].name, sizeof(cpus[0].name), "%s", name);
	return &cpus[nr_cpus++];
}

static void add_cpuid(struct cpu *c, struct cpuid_regs r)
{
	const struct cpuid_regs *line;

	/* Firmware hides VMX when it is off; the MSRs are of the CPU. */
	if (r.leaf == 1)
		r.ecx |= BIT(5);
	/* SYSCALL is shown in 64-bit mode only; dumps come from 32-bit programs. */
	if (r.leaf == 0x80000001 && (r.edx & BIT(29)))
		r.edx |= BIT(11);
	/* Some dumps do not number the subleaves; of leaf 0DH they leave out an empty one. */
	line = line_of(c, r.leaf, r.sub);
	if (line && !r.sub && (r.leaf == 4 || r.leaf == 0xd) && memcmp(line, &r, sizeof(r)))
		for (r.sub = r.leaf == 4 ? 1 : 2; line_of(c, r.leaf, r.sub); r.sub++)
			;
	else if (line)
		return;
	SHIM_CHECK(c->nr_cpuid < ARRAY_SIZE(c->cpuid));
	c->cpuid[c->nr_cpuid++] = r;
}

bool read_cpus(void)
{
	const char *file = getenv("CPUS");
	FILE *f = fopen(file ? file : "../../shared/cpus.tsv", "r");
	unsigned long long val;
	struct cpuid_regs r;
	unsigned int msr;
	char line[256], name[48];
	struct cpu *c;

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (*line == '#' || sscanf(line, "%47s", name) != 1)
			continue;
		c = find(name);
		if (!c)
			break;
		if (sscanf(line, "%*s cpuid %x %x %x %x %x %x", &r.leaf, &r.sub, &r.eax, &r.ebx,
			   &r.ecx, &r.edx) == 6)
			add_cpuid(c, r);
		else if (sscanf(line, "%*s msr %x %llx", &msr, &val) == 2 &&
			 msr >= MSR_IA32_VMX_BASIC && msr <= LAST_MSR)
			c->msr[msr - MSR_IA32_VMX_BASIC] = val;
	}
	fclose(f);
	return nr_cpus;
}
