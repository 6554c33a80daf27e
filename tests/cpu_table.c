// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints which real CPU gets which feature, for Documentation/cpus.rst. Ends with 4 where there
 * is no file of CPUs.
 */
#include "host_kernel.h"

#define MAX_FEATURES	40
#define CPU_WIDTH	36

/* In one column each: what vmx_feature_line() names, and these of what CPUID offers. */
static const struct {
	const char *name;
	u32 leaf, sub;
	enum kvm_cpuid_reg reg;
	u32 bit;
} offers[] = {
	{ "avx", 1, 0, KVM_CPUID_ECX, BIT(28) },
	{ "avx2", 7, 0, KVM_CPUID_EBX, BIT(5) },
	{ "avx512", 7, 0, KVM_CPUID_EBX, BIT(16) },
	{ "fsgsbase", 7, 0, KVM_CPUID_EBX, BIT(0) },
	{ "la57", 7, 0, KVM_CPUID_ECX, BIT(16) },
	{ "pku", 7, 0, KVM_CPUID_ECX, BIT(3) },
	{ "rtm", 7, 0, KVM_CPUID_EBX, BIT(11) },
	{ "sha", 7, 0, KVM_CPUID_EBX, BIT(29) },
	{ "smap", 7, 0, KVM_CPUID_EBX, BIT(20) },
	{ "spec_ctrl", 7, 0, KVM_CPUID_EDX, BIT(26) },
	{ "umip", 7, 0, KVM_CPUID_ECX, BIT(2) },
};

struct row {
	char name[CPU_WIDTH];		/* without the number of the dump */
	bool refused;
	char why[96];
	u32 phys, virt;
	u32 vmx, cpuid;			/* bits by column */
};

static struct row rows[512];
static char vmx_name[MAX_FEATURES][24];
static int nr_vmx;

static int column_of(const char *name)
{
	int i;

	for (i = 0; i < nr_vmx; i++)
		if (!strcmp(vmx_name[i], name))
			return i;
	SHIM_CHECK(nr_vmx < MAX_FEATURES);
	snprintf(vmx_name[nr_vmx], sizeof(vmx_name[0]), "%s", name);
	return nr_vmx++;
}

/* "uses A B C; without D E" */
static u32 features_in_use(void)
{
	char line[256], *word, *save, *rest;
	u32 used = 0;

	vmx_feature_line(line, sizeof(line));
	rest = strchr(line, ';');
	SHIM_CHECK(rest && !strncmp(line, "uses ", 5) && !strncmp(rest, "; without", 9));
	*rest = 0;
	for (word = strtok_r(line + 5, " ", &save); word; word = strtok_r(NULL, " ", &save))
		used |= 1u << column_of(word);
	for (word = strtok_r(rest + 9, " ", &save); word; word = strtok_r(NULL, " ", &save))
		column_of(word);
	return used;
}

/* Dumps of one model have names that end with another number. */
static void name_row(struct row *row, const struct cpu *c)
{
	char *end;

	snprintf(row->name, sizeof(row->name), "%s", c->name);
	end = row->name + strlen(row->name);
	while (end > row->name + 1 && strchr("0123456789", end[-1]))
		end--;
	if (end[-1] == '_')
		end--;
	*end = 0;
}

static void fill_row(struct row *row, const struct cpu *c)
{
	u32 eax;
	int i;

	memset(row, 0, sizeof(*row));
	name_row(row, c);
	row->refused = boot(c, NULL);
	if (row->refused) {
		snprintf(row->why, sizeof(row->why), "%.*s", (int)strcspn(said, "\n"), said);
		return;
	}
	row->vmx = features_in_use();
	build_list();
	eax = given(0x80000008, 0, KVM_CPUID_EAX);
	row->phys = eax & 0xff;
	row->virt = eax >> 8 & 0xff;
	for (i = 0; i < ARRAY_SIZE(offers); i++)
		if (given(offers[i].leaf, offers[i].sub, offers[i].reg) & offers[i].bit)
			row->cpuid |= 1u << i;
}

/* A name is literal: an underscore at its end would make it a link. */
#define NAME_WIDTH	(CPU_WIDTH - 1 + 4)

/* A simple table of reStructuredText: columns as wide as their headings, but for the first. */
static void print_edge(const char *const *heading)
{
	char line[200];

	memset(line, '=', sizeof(line));
	printf("%.*s", NAME_WIDTH, line);
	for (; *heading; heading++)
		printf(" %.*s", (int)strlen(*heading), line);
	printf("\n");
}

static void print_heading(const char *const *heading)
{
	const char *const *h;

	print_edge(heading);
	printf("%-*s", NAME_WIDTH, "CPU");
	for (h = heading; *h; h++)
		printf(" %s", *h);
	printf("\n");
	print_edge(heading);
}

/* @bits from bit 0 on; @first: the cells before those, as text. */
static void print_row(const char *name, const char *const *heading, const char *first, u32 bits)
{
	printf("``%s``%*s%s", name, CPU_WIDTH - 1 - (int)strlen(name), "", first);
	for (heading += *first ? 2 : 0; *heading; heading++, bits >>= 1)
		printf(" %-*s", heading[1] ? (int)strlen(*heading) : 0, bits & 1 ? "yes" : "no");
	printf("\n");
}

static bool same(const struct row *a, const struct row *b, bool vmx)
{
	if (strcmp(a->name, b->name) || a->refused != b->refused)
		return false;
	return vmx ? a->vmx == b->vmx :
		     a->cpuid == b->cpuid && a->phys == b->phys && a->virt == b->virt;
}

/* One line for all dumps of a model that get the same. */
static void print_table(const char *const *heading, bool vmx)
{
	char first[24] = "";
	int i, j;

	print_heading(heading);
	for (i = 0; i < nr_cpus; i++) {
		for (j = 0; j < i && !same(&rows[i], &rows[j], vmx); j++)
			;
		if (j < i || rows[i].refused)
			continue;
		if (!vmx)
			snprintf(first, sizeof(first), " %-8u %-6u", rows[i].phys, rows[i].virt);
		print_row(rows[i].name, heading, first, vmx ? rows[i].vmx : rows[i].cpuid);
	}
	print_edge(heading);
}

int main(void)
{
	const char *vmx[MAX_FEATURES + 1] = { }, *cpuid[ARRAY_SIZE(offers) + 3] = { };
	int i, refused = 0;

	if (!read_cpus()) {
		fprintf(stderr, "no file of CPUs, name one by CPUS=\n");
		return 4;
	}
	for (i = 0; i < nr_cpus; i++) {
		fill_row(&rows[i], &cpus[i]);
		refused += rows[i].refused;
	}
	for (i = 0; i < nr_vmx; i++)
		vmx[i] = vmx_name[i];
	cpuid[0] = "physical";
	cpuid[1] = "linear";
	for (i = 0; i < ARRAY_SIZE(offers); i++)
		cpuid[i + 2] = offers[i].name;

	printf("Of %d CPUs %d run guests.\n%s", nr_cpus, nr_cpus - refused, refused ? "\n" : "");
	for (i = 0; i < nr_cpus; i++)
		if (rows[i].refused)
			printf("- %s: %s\n", rows[i].name, rows[i].why);
	printf("\nWhat of VMX is in use:\n\n");
	print_table(vmx, true);
	printf("\nWhat CPUID offers, and the bits of addresses:\n\n");
	print_table(cpuid, false);
	return 0;
}
