// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checks of VM entry on controls, host state and guest state (SDM 3C 27.2, 27.3). The
 * rules are in rules.h, in words and in C; here is what they are written in.
 */
#include <linux/kernel.h>
#include "check.h"

#define F(name)		(s->f[VF_##name])

#define CR0_PE		0x1u
#define CR0_WP		0x10000u
#define CR0_PG		0x80000000u
#define CR4_PAE		0x20u
#define CR4_MCE		0x40u
#define CR4_PCIDE	0x20000u
#define CR4_CET		0x800000u
#define EFER_E		0x100u			/* LME, LMA */
#define EFER_A		0x400u
#define EFER_BITS	0xd01ull
#define FLAGS_TF	0x100u
#define FLAGS_IF	0x200u
#define FLAGS_VM	0x20000u

#define AR_TYPE(ar)	((ar) & 15)
#define AR_S		0x10u
#define AR_DPL(ar)	((ar) >> 5 & 3)
#define AR_P		0x80u
#define AR_L		0x2000u
#define AR_DB		0x4000u
#define AR_G		0x8000u
#define AR_UNUSABLE	0x10000u

/* VM-entry interruption information, SDM 3C table 25-18. */
#define EVENT_VALID	0x80000000u
#define EVENT_ERROR	0x800u
#define EVENT_VECTOR(i)	((i) & 0xff)
#define EVENT_TYPE(i)	((i) >> 8 & 7)
enum {
	EVENT_EXTERNAL, EVENT_RESERVED, EVENT_NMI, EVENT_EXCEPTION, EVENT_SOFT_INT,
	EVENT_PRIV_SOFT, EVENT_SOFT_EXC, EVENT_OTHER,
};

#define ACTIVITY_HLT		1
#define ACTIVITY_SHUTDOWN	2
#define BY_STI			0x1u
#define BY_MOV_SS		0x2u
#define BY_SMI			0x4u
#define BY_NMI			0x8u
#define BY_ENCLAVE		0x10u
#define PENDING_BS		0x4000u
#define PENDING_RTM		0x10000u
#define BTF			0x2u	/* of DEBUGCTL */

/* --- words of the rules --- */

static bool allowed(u32 controls, u64 msr)
{
	return !((u32)msr & ~controls) && !(controls & ~(u32)(msr >> 32));
}

static bool fixed(u64 val, u64 ones, u64 may)
{
	return !(ones & ~val) && !(val & ~may);
}

static u32 proc2(const struct vmx_state *s)
{
	return F(PROC) & PROC_SECONDARY ? F(PROC2) : 0;
}

static bool unrestricted(const struct vmx_state *s)
{
	return proc2(s) & PROC2_UNRESTRICTED;
}

static bool is_phys(const struct vmx_state *s, u64 pa, u64 low_bits)
{
	return !(pa & low_bits) && !(pa >> s->lim->phys_bits);
}

static bool is_page(const struct vmx_state *s, u64 pa)
{
	return is_phys(s, pa, 0xfff);
}

static bool canonical(const struct vmx_state *s, u64 la)
{
	int unused = 64 - s->lim->linear_bits;

	return (u64)((s64)(la << unused) >> unused) == la;
}

/* Sixteen bytes for each MSR. */
static bool area_good(const struct vmx_state *s, u64 pa, u32 count)
{
	return !count || (is_phys(s, pa, 15) && is_phys(s, pa + count * 16ull - 1, 0));
}

/*
 * MSRs that an entry or exit may not load (SDM 3C 27.4, 28.6): the bases of FS and GS, those of
 * SMM and of microcode, and the local APIC's in x2APIC mode.
 */
static bool msrs_good(const struct vmx_msr_slot *slot, u32 count)
{
	u32 i;

	if (count > VMX_MAX_SWITCHED)
		return false;
	for (i = 0; i < count; i++)
		if (slot[i].reserved || slot[i].index >> 8 == 8 || slot[i].index == 0x79 ||
		    slot[i].index == 0x9b || slot[i].index == 0xc0000100 ||
		    slot[i].index == 0xc0000101)
			return false;
	return true;
}

/* Its memory type, walk length, accessed and dirty flags as IA32_VMX_EPT_VPID_CAP has them. */
static bool eptp_good(const struct vmx_state *s, u64 eptp)
{
	u64 cap = s->lim->ept_vpid;
	u32 type = eptp & 7, levels = (eptp >> 3 & 7) + 1;

	if (!((type == 0 && (cap >> 8 & 1)) || (type == 6 && (cap >> 14 & 1))))
		return false;
	if (!((levels == 4 && (cap >> 6 & 1)) || (levels == 5 && (cap >> 7 & 1))))
		return false;
	if ((eptp >> 6 & 1) && !(cap >> 21 & 1))
		return false;
	return !(eptp & 0xf80) && is_phys(s, eptp, 0);
}

/* 0, 1, 4 to 7 are memory types. */
static bool pat_good(u64 pat)
{
	int i;

	for (i = 0; i < 64; i += 8)
		if (!((pat >> i & 0xff) < 8 && (0xf3 >> (pat >> i & 7) & 1)))
			return false;
	return true;
}

/* --- the event of the entry --- */

static bool event(const struct vmx_state *s)
{
	return F(ENTRY_INFO) & EVENT_VALID;
}

static bool is_event(const struct vmx_state *s, u32 type)
{
	return event(s) && EVENT_TYPE(F(ENTRY_INFO)) == type;
}

static bool event_type_good(const struct vmx_state *s)
{
	u32 vector = EVENT_VECTOR(F(ENTRY_INFO));

	switch (EVENT_TYPE(F(ENTRY_INFO))) {
	case EVENT_RESERVED:
		return false;
	case EVENT_NMI:
		return vector == 2;
	case EVENT_EXCEPTION:
		return vector < 32;
	case EVENT_OTHER:
		/* A pending monitor trap, where the CPU has that. */
		return !vector && (s->lim->proc >> (32 + 27) & 1);
	}
	return true;
}

static bool event_error_good(const struct vmx_state *s)
{
	const u32 with_error = 0x27d00;		/* 8, 10 to 14, 17 */
	u32 info = F(ENTRY_INFO), vector = EVENT_VECTOR(info);
	bool has = info & EVENT_ERROR, protected = !unrestricted(s) || (F(CR0) & CR0_PE);

	if (EVENT_TYPE(info) != EVENT_EXCEPTION || !protected)
		return !has;
	/* Such CPUs do not look at it. */
	if (s->lim->any_error_code)
		return true;
	return has == (vector < 32 && (with_error >> vector & 1));
}

static bool event_length_good(const struct vmx_state *s)
{
	u32 type = EVENT_TYPE(F(ENTRY_INFO));

	if (type < EVENT_SOFT_INT || type > EVENT_SOFT_EXC)
		return true;
	return F(ENTRY_LEN) <= 15 && (F(ENTRY_LEN) || (s->lim->misc >> 30 & 1));
}

static bool event_wakes_good(const struct vmx_state *s)
{
	u32 type = EVENT_TYPE(F(ENTRY_INFO)), vector = EVENT_VECTOR(F(ENTRY_INFO));

	switch (F(ACTIVITY)) {
	case 0:
		return true;
	case ACTIVITY_HLT:
		return type == EVENT_EXTERNAL || type == EVENT_NMI || type == EVENT_OTHER ||
		       (type == EVENT_EXCEPTION && (vector == 1 || vector == 18));
	case ACTIVITY_SHUTDOWN:
		return type == EVENT_NMI || (type == EVENT_EXCEPTION && vector == 18);
	}
	return false;
}

/* --- segments --- */

static bool vm86(const struct vmx_state *s)
{
	return F(RFLAGS) & FLAGS_VM;
}

static bool unusable(u32 ar)
{
	return ar & AR_UNUSABLE;
}

static bool vm86_good(u16 sel, u64 base, u32 limit, u32 ar)
{
	return base == (u64)sel << 4 && limit == 0xffff && ar == 0xf3;
}

static bool cs_type_good(const struct vmx_state *s)
{
	u32 type = AR_TYPE(F(CS_AR));

	return (type & 9) == 9 || (type == 3 && unrestricted(s));
}

static bool cs_dpl_good(const struct vmx_state *s)
{
	u32 type = AR_TYPE(F(CS_AR)), dpl = AR_DPL(F(CS_AR)), ss = AR_DPL(F(SS_AR));

	if (type == 3)
		return !dpl;
	return type & 4 ? dpl <= ss : dpl == ss;
}

static bool ss_dpl_good(const struct vmx_state *s)
{
	u32 dpl = AR_DPL(F(SS_AR));

	if (!unrestricted(s) && dpl != (F(SS_SEL) & 3))
		return false;
	return !dpl || (AR_TYPE(F(CS_AR)) != 3 && (F(CR0) & CR0_PE));
}

static bool data_type_good(u32 ar)
{
	return unusable(ar) || ((ar & 1) && (!(ar & 8) || (ar & 2)));
}

static bool data_dpl_good(u32 ar, u16 sel)
{
	return unusable(ar) || AR_TYPE(ar) > 11 || AR_DPL(ar) >= (sel & 3);
}

static bool present_good(u32 ar)
{
	return unusable(ar) || ((ar & AR_S) && (ar & AR_P) && !(ar & 0xfffe0f00));
}

static bool limit_good(u32 ar, u32 limit)
{
	if (unusable(ar))
		return true;
	return ar & AR_G ? (limit & 0xfff) == 0xfff : !(limit >> 20);
}

/* --- the rest --- */

static bool rip_good(const struct vmx_state *s)
{
	u64 high = F(RIP) >> s->lim->linear_bits;

	return !high || high == ~0ull >> s->lim->linear_bits;
}

static bool pae_paging(const struct vmx_state *s)
{
	return (F(CR0) & CR0_PG) && (F(CR4) & CR4_PAE) && !(F(ENTRY) & ENTRY_IA32E) &&
	       (proc2(s) & PROC2_EPT);
}

static bool pdpte_good(const struct vmx_state *s, u64 pdpte)
{
	return !(pdpte & 1) || (!(pdpte & 0x1e6) && is_phys(s, pdpte, 0));
}

/* --- the rules --- */

#define RULE(name, section, who, text, condition)				\
	static bool name##_holds(const struct vmx_state *s) { return condition; }
#include "rules.h"
#undef RULE

enum { KVMX, USER };

const struct vmx_rule vmx_rules[] = {
#define RULE(name, section, who, text, condition)				\
	{ #name, section, text, who, name##_holds },
#include "rules.h"
#undef RULE
};

const unsigned int vmx_nr_rules = ARRAY_SIZE(vmx_rules);

/**
 * vmx_broken_rule - look for a broken rule
 * @s: a copy of the fields
 * @from: the first rule to look at
 *
 * Return: its number, or vmx_nr_rules if the rest holds.
 */
unsigned int vmx_broken_rule(const struct vmx_state *s, unsigned int from)
{
	while (from < vmx_nr_rules && vmx_rules[from].holds(s))
		from++;
	return from;
}
