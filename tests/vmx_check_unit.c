// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of VM entry (vmx/rules.h): from a state in which all hold, a field or two are
 * changed, and exactly the rule that the SDM has for that is broken. Every rule has a case.
 */
#include <kernel.h>
#include <vmx/check.h>
#include <vmx/errata.h>
#include "ktap.h"

#define MUST(bits)	(0xffffffff00000000ull | (bits))

static const struct vmx_limits good_limits = {
	.pin = MUST(0x16), .proc = MUST(0x04006172), .proc2 = MUST(0), .exit = MUST(0x36dfb),
	.entry = MUST(0x11fb),
	.misc = 4 << 16 | 7 << 6, .ept_vpid = 1 << 6 | 1 << 14 | 1 << 21,
	.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
	.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0xfb27ff,
	.perf_ctrl = 3, .phys_bits = 39, .linear_bits = 48,
};

struct change {
	enum vmx_field field;
	u64 val;
};

#define HIGH_PAGE	(1ull << 39)
#define NOT_CANONICAL	0x800000000000ull
#define CODE64		0xa09bull
#define DATA		0xc093ull
#define UNUSABLE	0x10000ull
#define EVENT		0x80000000ull
#define PROC_BASE	0x94206172ull		/* MSR bitmaps, secondary, TPR shadow */
#define PROC2_BASE	0x000003a2ull		/* EPT, VPID, unrestricted, APICv */
#define NOT_UNRESTRICTED { VF_PROC2, PROC2_BASE & ~0x80ull }

static const struct change good_state[] = {
	{ VF_PIN, 0x16 | 0x29 | 0x80 }, { VF_PROC, PROC_BASE }, { VF_PROC2, PROC2_BASE },
	{ VF_EXIT, 0x36dfb | 0x200 | 0x8000 | 0x80000 | 0x200000 },
	{ VF_ENTRY, 0x11fb | 0x4 | 0x200 | 0x4000 | 0x8000 },
	{ VF_VPID, 1 }, { VF_EPTP, 0x505e }, { VF_MSR_BITMAP, 0x1000 }, { VF_VIRT_APIC, 0x2000 },
	{ VF_POSTED_NV, 0xf2 }, { VF_POSTED_DESC, 0x3040 },
	{ VF_HOST_CR0, 0x80050033 }, { VF_HOST_CR3, 0x6000 }, { VF_HOST_CR4, 0x26a0 },
	{ VF_HOST_PAT, 0x0407050600070106 }, { VF_HOST_EFER, 0xd01 }, { VF_HOST_CS_SEL, 0x10 },
	{ VF_HOST_TR_SEL, 0x40 }, { VF_HOST_RIP, 0xffffffff81000000 },
	{ VF_CR0, 0x80000031 }, { VF_CR3, 0x4000 }, { VF_CR4, 0x2020 },
	{ VF_CR4_MASK, ~0ull }, { VF_DR7, 0x400 },
	{ VF_PAT, 0x0007040600070406 }, { VF_EFER, 0x500 },
	{ VF_CS_SEL, 8 }, { VF_CS_AR, CODE64 }, { VF_CS_LIMIT, 0xffffffff },
	{ VF_SS_SEL, 16 }, { VF_SS_AR, DATA }, { VF_SS_LIMIT, 0xffffffff },
	{ VF_DS_AR, UNUSABLE }, { VF_ES_AR, UNUSABLE }, { VF_FS_AR, UNUSABLE },
	{ VF_GS_SEL, 16 }, { VF_GS_AR, DATA }, { VF_GS_LIMIT, 0xffffffff },
	{ VF_LDTR_SEL, 24 }, { VF_LDTR_AR, 0x82 }, { VF_LDTR_LIMIT, 0xffff },
	{ VF_TR_SEL, 32 }, { VF_TR_AR, 0x8b }, { VF_TR_LIMIT, 0x67 },
	{ VF_RIP, 0x1000 }, { VF_RFLAGS, 2 }, { VF_LINK, ~0ull },
};

struct test {
	const char *rule;		/* NULL: none */
	struct change set[6];
	void (*prepare)(struct vmx_state *s, struct vmx_limits *l);
	bool others;			/* cannot be broken alone */
};

static void no_delivery(struct vmx_state *s, struct vmx_limits *l)
{
	l->proc2 &= ~(1ull << (32 + 9));
}

static void tpr_2(struct vmx_state *s, struct vmx_limits *l)
{
	s->vtpr = 0x2f;
}

static void no_ept_ad(struct vmx_state *s, struct vmx_limits *l)
{
	l->ept_vpid &= ~(1ull << 21);
}

static void any_error_code(struct vmx_state *s, struct vmx_limits *l)
{
	l->any_error_code = true;
}

static void no_activities(struct vmx_state *s, struct vmx_limits *l)
{
	l->misc &= ~0x1c0ull;
}

static void bus_lock(struct vmx_state *s, struct vmx_limits *l)
{
	l->bus_lock_detect = true;
}

static void two_fixed_counters(struct vmx_state *s, struct vmx_limits *l)
{
	l->perf_ctrl |= 3ull << 32;
}

static struct vmx_msr_areas areas;

static void entry_loads_fs_base(struct vmx_state *s, struct vmx_limits *l)
{
	areas.entry[0] = (struct vmx_msr_slot) { .index = 0x38f, .value = 3 };
	areas.entry[1] = (struct vmx_msr_slot) { .index = 0xc0000100 };
	s->areas = &areas;
}

static void exit_loads_reserved(struct vmx_state *s, struct vmx_limits *l)
{
	areas.exit[0] = (struct vmx_msr_slot) { .index = 0x38f, .reserved = 1 };
	s->areas = &areas;
}

static void exit_loads_x2apic(struct vmx_state *s, struct vmx_limits *l)
{
	areas.exit[0] = (struct vmx_msr_slot) { .index = 0x80b };
	s->areas = &areas;
}

static const struct test cases[] = {
#include "vmx_check_cases.h"
};

static void apply(struct vmx_state *s, const struct change *c, unsigned int n)
{
	/* What is left out of a case is all zeros; the pin-based controls never are. */
	for (; n; n--, c++)
		if (c->field || c->val)
			s->f[c->field] = c->val;
}

static bool run(const struct test *t)
{
	struct vmx_limits l = good_limits;
	struct vmx_state s = { .lim = &l };
	bool found = !t->rule, good = true;
	unsigned int i;

	apply(&s, good_state, ARRAY_SIZE(good_state));
	apply(&s, t->set, ARRAY_SIZE(t->set));
	if (t->prepare)
		t->prepare(&s, &l);
	for (i = vmx_broken_rule(&s, 0); i < vmx_nr_rules; i = vmx_broken_rule(&s, i + 1)) {
		if (t->rule && !strcmp(vmx_rules[i].name, t->rule)) {
			found = true;
		} else if (!t->others) {
			printf("# %s broken\n", vmx_rules[i].name);
			good = false;
		}
	}
	return found && good;
}

/* Each rule is broken by some case, and names a section. */
static bool complete(void)
{
	unsigned int i, j;
	bool good = true;

	for (i = 0; i < vmx_nr_rules; i++) {
		for (j = 0; j < ARRAY_SIZE(cases); j++)
			if (cases[j].rule && !strcmp(cases[j].rule, vmx_rules[i].name))
				break;
		if (j == ARRAY_SIZE(cases) ||
		    (strncmp(vmx_rules[i].section, "27.", 3) &&
		     strcmp(vmx_rules[i].section, "28.6"))) {
			printf("# %s has no case\n", vmx_rules[i].name);
			good = false;
		}
	}
	return good;
}

/* Each stepping whose timer is wrong, with any reserved bits set; and some where it is right. */
static bool broken_timers(void)
{
	return vmx_preemption_timer_broken(0x20652) && vmx_preemption_timer_broken(0x306a8) &&
	       vmx_preemption_timer_broken(0xf001c6e5) &&
	       !vmx_preemption_timer_broken(0x306a9) && !vmx_preemption_timer_broken(0x206f2) &&
	       !vmx_preemption_timer_broken(0x306d4);
}

/* Never 0 before the deadline, never late, and never so large that it may end at once. */
static bool timer_values(void)
{
	return vmx_preemption_ticks(0, 5) == 1 && vmx_preemption_ticks(32, 5) == 2 &&
	       vmx_preemption_ticks(31, 5) == 1 && vmx_preemption_ticks(1000, 0) == 1001 &&
	       vmx_preemption_ticks(1ull << 30, 5) == 1u << 25 &&
	       vmx_preemption_ticks(0xe0003bf7ull << 5, 5) == 1u << 25 &&
	       vmx_preemption_ticks(~0ull, 0) == 1u << 25;
}

int main(void)
{
	char name[100];
	unsigned int i;

	ktap_start(ARRAY_SIZE(cases) + 3);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *rule = cases[i].rule;

		snprintf(name, sizeof(name), "%s, case %u", rule ? rule : "no rule broken", i);
		ktap_result(run(&cases[i]), name);
	}
	ktap_result(complete(), "every rule has a case");
	ktap_result(broken_timers(), "CPUs with a broken preemption timer");
	ktap_result(timer_values(), "values of the preemption timer");
	return ktap_end();
}
