// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's CPUID: answers are laid out when user space sets them, so that a
 * CPUID exit is a lookup. SDM 2A, CPUID.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sort.h>
#include <asm/processor-flags.h>
#include "cpuid.h"
#include "irqchip.h"
#include "state.h"
#include "trace.h"

#define DIRECT		32	/* leaves of each range that are found by index */

/* The bits of leaves 1 and 7 that change while the guest runs. */
#define MONITOR		(1u << 3)	/* ECX */
#define XSAVE		(1u << 26)
#define OSXSAVE		(1u << 27)
#define APIC		(1u << 9)	/* EDX */
#define PKU		(1u << 3)	/* leaf 7 ECX */
#define OSPKE		(1u << 4)

/*
 * One leaf. @leaf has @count answers, sorted by @index; without @index ECX does
 * not matter and there is one. @other answers what no index matches.
 */
struct kvm_cpuid_func {
	const struct kvm_cpuid_leaf *leaf;
	const u32 *index;
	const struct kvm_cpuid_leaf *other;
	u32 function;
	u16 count;
	bool found;		/* user space gave an entry */
	bool used_max_basic;	/* stands in for a leaf out of range */
	bool topology;		/* leaf 0xB or 0x1F */
};

struct kvm_cpuid_cache {
	struct kvm_cpuid_func basic[DIRECT];
	struct kvm_cpuid_func ext[DIRECT];
	struct kvm_cpuid_func beyond;	/* for leaves out of range */
	u32 max_basic, max_ext;
	int nfunc;
	struct kvm_cpuid_func *func;	/* all leaves user space gave, sorted */
	struct kvm_cpuid_leaf *leaf;
	u32 *index;
	/* The answers that change while the guest runs; NULL where there are none. */
	struct kvm_cpuid_leaf *leaf1, *leaf7, *leafd0, *leafd1;
	bool apic;		/* user space gave the guest a local APIC */
};

static const struct kvm_cpuid_leaf zero_leaf;
static const struct kvm_cpuid_func zero_func = {
	.leaf = &zero_leaf, .other = &zero_leaf, .count = 1,
};

/* --- lookup --- */

static const struct kvm_cpuid_func *find_func(const struct kvm_cpuid_cache *c, u32 function)
{
	int lo = 0, hi = c->nfunc;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (c->func[mid].function < function)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < c->nfunc && c->func[lo].function == function)
		return &c->func[lo];
	return NULL;
}

/* Is @function, for which there is no entry, within what its range announces? */
static bool announced(const struct kvm_cpuid_cache *c, u32 function)
{
	const struct kvm_cpuid_func *base;

	if (function < 0x40000000 || (function >= 0x50000000 && function < 0x80000000))
		return function <= c->max_basic;
	if (function >= 0x80000000 && function < 0xc0000000)
		return function <= c->max_ext;
	/* Each hypervisor interface has 256 leaves, the first of which tells the last. */
	base = find_func(c, function & (function < 0x80000000 ? ~0xffu : 0xc0000000));
	return base && function <= base->leaf->eax;
}

static noinline const struct kvm_cpuid_func *find_any(const struct kvm_cpuid_cache *c, u32 function)
{
	const struct kvm_cpuid_func *f = find_func(c, function);

	if (f)
		return f;
	return announced(c, function) ? &zero_func : &c->beyond;
}

static noinline const struct kvm_cpuid_leaf *find_sub(const struct kvm_cpuid_func *f, u32 index)
{
	int i;

	for (i = 0; i < f->count; i++)
		if (f->index[i] == index)
			return &f->leaf[i];
	return f->other;
}

/* The answer for @index if the indices count from 0 without a gap as far as that, else NULL. */
static inline const struct kvm_cpuid_leaf *pick_dense(const struct kvm_cpuid_func *f, u32 index)
{
	u32 i;

	if (!f->index)
		return f->leaf;
	if (index >= f->count)
		return NULL;
	i = array_index_nospec(index, f->count);
	return f->index[i] == index ? &f->leaf[i] : NULL;
}

static const struct kvm_cpuid_leaf *pick_leaf(const struct kvm_cpuid_func *f, u32 index)
{
	return pick_dense(f, index) ?: find_sub(f, index);
}

/* NULL for leaves that must be searched for. */
static inline const struct kvm_cpuid_func *pick_direct(const struct kvm_cpuid_cache *c,
						       u32 function)
{
	/* The masks change nothing but what the CPU may speculate on. */
	if (function < DIRECT)
		return &c->basic[function & (DIRECT - 1)];
	if (function - 0x80000000 < DIRECT)
		return &c->ext[function & (DIRECT - 1)];
	return NULL;
}

static noinline void cpuid_slow(const struct kvm_cpuid_cache *c, u32 *eax, u32 *ebx, u32 *ecx,
				u32 *edx)
{
	const struct kvm_cpuid_func *f = &zero_func;
	u32 function = *eax, index = *ecx;
	const struct kvm_cpuid_leaf *l;

	if (c)
		f = pick_direct(c, function) ?: find_any(c, function);
	l = pick_leaf(f, index);
	*eax = l->eax;
	*ebx = l->ebx;
	*ecx = l->ecx;
	*edx = l->edx;
	/* Beyond the last level of topology the index and the x2APIC ID stay. */
	if (f->topology && l == f->other) {
		*ecx = index & 0xff;
		*edx = f->leaf->edx;
	}
	trace_kvm_cpuid(function, index, *eax, *ebx, *ecx, *edx, f->found, f->used_max_basic);
}

/**
 * kvm_cpuid - what CPUID answers
 * @vcpu: on this vCPU
 * @eax: leaf, then EAX
 * @ebx: EBX
 * @ecx: subleaf, then ECX
 * @edx: EDX
 *
 * What can be answered without a call is.
 */
void kvm_cpuid(struct kvm_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	const struct kvm_cpuid_cache *c = vcpu->cpuid.cache;
	const struct kvm_cpuid_func *f;
	const struct kvm_cpuid_leaf *l;

	if (unlikely(!c || trace_kvm_cpuid_enabled()))
		goto slow;
	f = pick_direct(c, *eax);
	if (unlikely(!f))
		goto slow;
	l = pick_dense(f, *ecx);
	if (unlikely(!l))
		goto slow;
	*eax = l->eax;
	*ebx = l->ebx;
	*ecx = l->ecx;
	*edx = l->edx;
	return;
slow:
	cpuid_slow(c, eax, ebx, ecx, edx);
}

/* --- answers that change --- */

static void put_bit(u32 *reg, u32 bit, bool on)
{
	*reg = on ? *reg | bit : *reg & ~bit;
}

/* MONITOR follows MISC_ENABLE where user space asked for that. */
static bool monitor_follows(const struct kvm_vcpu *vcpu)
{
	return kvm_quirk_off(vcpu->kvm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT);
}

/* Only the bits that change; @l is NULL where there is no such leaf. */
static void refresh_leaf(struct kvm_vcpu *vcpu, struct kvm_cpuid_leaf *l, u32 function, u32 index,
			 bool apic)
{
	const u32 compact = 1u << 1 | 1u << 3;	/* XSAVEC, XSAVES */
	u64 cr4 = vcpu->cr.cr4;

	if (!l)
		return;
	switch (function) {
	case 1:
		put_bit(&l->ecx, OSXSAVE, (l->ecx & XSAVE) && (cr4 & X86_CR4_OSXSAVE));
		put_bit(&l->edx, APIC, apic && (vcpu->msr.apic_base & X86_APIC_BASE_ENABLE));
		if (monitor_follows(vcpu))
			put_bit(&l->ecx, MONITOR,
				vcpu->msr.misc_enable & MSR_IA32_MISC_ENABLE_MWAIT);
		break;
	case 7:
		put_bit(&l->ecx, OSPKE, (l->ecx & PKU) && (cr4 & X86_CR4_PKE));
		break;
	case 0xd:
		if (index == 0)
			l->ebx = kvm_xstate_size(vcpu->fpu.xcr0, false);
		else if (index == 1 && (l->eax & compact))
			l->ebx = kvm_xstate_size(vcpu->fpu.xcr0 | vcpu->fpu.xss, true);
		break;
	}
}

/**
 * kvm_cpuid_current - an entry as the guest sees it at the moment
 * @vcpu: the vCPU
 * @e: the entry as user space set it
 */
void kvm_cpuid_current(struct kvm_vcpu *vcpu, struct kvm_cpuid_entry2 *e)
{
	struct kvm_cpuid_leaf l = { e->eax, e->ebx, e->ecx, e->edx };
	bool indexed = e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;

	if (e->function == 7 && indexed && e->index)
		return;
	refresh_leaf(vcpu, &l, e->function, indexed ? e->index : 0, e->edx & APIC);
	e->eax = l.eax;
	e->ebx = l.ebx;
	e->ecx = l.ecx;
	e->edx = l.edx;
}

/**
 * kvm_cpuid_refresh - CR4, XCR0, XSS, APIC_BASE or MISC_ENABLE changed
 * @vcpu: the vCPU; vcpu->cr4 must hold OSXSAVE and PKE as the guest has them
 */
void kvm_cpuid_refresh(struct kvm_vcpu *vcpu)
{
	struct kvm_cpuid_cache *c = vcpu->cpuid.cache;
	u32 bit = 1u << (KVM_F_MONITOR % 32), *word = &vcpu->cpuid.features[KVM_F_MONITOR / 32];

	if (!c)
		return;
	refresh_leaf(vcpu, c->leaf1, 1, 0, c->apic);
	refresh_leaf(vcpu, c->leaf7, 7, 0, c->apic);
	refresh_leaf(vcpu, c->leafd0, 0xd, 0, c->apic);
	refresh_leaf(vcpu, c->leafd1, 0xd, 1, c->apic);
	if (c->leaf1)
		put_bit(word, bit, c->leaf1->ecx & MONITOR);
}

/* --- building --- */

static int cmp_entries(const void *a, const void *b)
{
	const struct kvm_cpuid_entry2 *x = *(const struct kvm_cpuid_entry2 **)a;
	const struct kvm_cpuid_entry2 *y = *(const struct kvm_cpuid_entry2 **)b;

	if (x->function != y->function)
		return x->function < y->function ? -1 : 1;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	/* sort() is not stable; of two alike the first one given counts. */
	return x < y ? -1 : 1;
}

/*
 * Lays out the entries of one leaf, @n from @e, sorted by index. The first
 * entry given that says that ECX does not matter answers what is left.
 */
static void build_func(struct kvm_cpuid_cache *c, struct kvm_cpuid_func *f, int *used,
		       const struct kvm_cpuid_entry2 **e, int n)
{
	const struct kvm_cpuid_entry2 *any = NULL;
	int i, first = *used;

	for (i = 0; i < n; i++)
		if (!(e[i]->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) && (!any || e[i] < any))
			any = e[i];
	for (i = 0; i < n; i++) {
		if (!(e[i]->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || (any && e[i] > any))
			continue;
		/* Of two for the same index the first one given counts. */
		if (*used > first && c->index[*used - 1] == e[i]->index)
			continue;
		c->index[*used] = e[i]->index;
		c->leaf[(*used)++] = (struct kvm_cpuid_leaf) {
			e[i]->eax, e[i]->ebx, e[i]->ecx, e[i]->edx };
	}
	*f = (struct kvm_cpuid_func) {
		.leaf = &c->leaf[first], .index = &c->index[first], .other = &zero_leaf,
		.count = *used - first, .function = e[0]->function, .found = true,
		.topology = e[0]->function == 0xb || e[0]->function == 0x1f,
	};
	if (!any)
		return;
	c->leaf[*used] = (struct kvm_cpuid_leaf) { any->eax, any->ebx, any->ecx, any->edx };
	f->other = &c->leaf[(*used)++];
	f->topology = false;
	if (f->count)
		return;
	f->index = NULL;
	f->count = 1;
}

static bool intel_like(const struct kvm_cpuid_cache *c)
{
	const struct kvm_cpuid_func *f = find_func(c, 0);
	const struct kvm_cpuid_leaf *l = f ? f->leaf : &zero_leaf;

	/* AuthenticAMD and HygonGenuine answer zeros out of range. */
	return !(l->ebx == 0x68747541 && l->edx == 0x69746e65 && l->ecx == 0x444d4163) &&
	       !(l->ebx == 0x6f677948 && l->edx == 0x6e65476e && l->ecx == 0x656e6975);
}

/* Intel CPUs answer a leaf out of range as they do the highest basic leaf. */
static void build_ranges(struct kvm_cpuid_cache *c)
{
	const struct kvm_cpuid_func *f;
	u32 i;

	f = find_func(c, 0);
	c->max_basic = f ? f->leaf->eax : 0;
	f = find_func(c, 0x80000000);
	c->max_ext = f ? f->leaf->eax : 0;
	f = find_func(c, c->max_basic);
	c->beyond = intel_like(c) && f ? *f : zero_func;
	c->beyond.found = false;
	c->beyond.used_max_basic = c->beyond.leaf != &zero_leaf;

	for (i = 0; i < DIRECT; i++) {
		c->basic[i] = *find_any(c, i);
		c->ext[i] = *find_any(c, 0x80000000 + i);
	}
}

static struct kvm_cpuid_leaf *changing(struct kvm_cpuid_cache *c, u32 function, u32 index)
{
	const struct kvm_cpuid_func *f = find_func(c, function);
	const struct kvm_cpuid_leaf *l = f ? pick_leaf(f, index) : &zero_leaf;

	return l == &zero_leaf ? NULL : &c->leaf[l - c->leaf];
}

static struct kvm_cpuid_cache *build_cache(const struct kvm_cpuid_entry2 *ent, int nent)
{
	const struct kvm_cpuid_entry2 **order;
	struct kvm_cpuid_cache *c;
	int i, n, used = 0;

	c = kvzalloc(sizeof(*c) + nent * (sizeof(*c->func) + sizeof(*c->leaf) + sizeof(*c->index)),
		     GFP_KERNEL_ACCOUNT);
	order = kvmalloc_array(nent + 1, sizeof(*order), GFP_KERNEL);
	if (!c || !order) {
		kvfree(order);
		kvfree(c);
		return NULL;
	}
	c->func = (void *)(c + 1);
	c->leaf = (void *)(c->func + nent);
	c->index = (void *)(c->leaf + nent);

	for (i = 0; i < nent; i++)
		order[i] = &ent[i];
	sort(order, nent, sizeof(*order), cmp_entries, NULL);
	for (i = 0; i < nent; i += n) {
		for (n = 1; i + n < nent && order[i + n]->function == order[i]->function; n++)
			;
		build_func(c, &c->func[c->nfunc++], &used, &order[i], n);
	}
	kvfree(order);
	build_ranges(c);
	c->leaf1 = changing(c, 1, 0);
	c->leaf7 = changing(c, 7, 0);
	c->leafd0 = changing(c, 0xd, 0);
	c->leafd1 = changing(c, 0xd, 1);
	if (c->leafd1 == c->leafd0)
		c->leafd1 = NULL;
	c->apic = c->leaf1 && (c->leaf1->edx & APIC);
	return c;
}

/* --- what follows from it --- */

/* The entry itself, not what stands in for it. */
static const struct kvm_cpuid_leaf *entry_of(const struct kvm_cpuid_cache *c, u32 function,
					     u32 index)
{
	const struct kvm_cpuid_func *f = find_func(c, function);

	return f ? pick_leaf(f, index) : &zero_leaf;
}

u32 kvm_cpuid_signature(const struct kvm_vcpu *vcpu)
{
	const struct kvm_cpuid_cache *c = vcpu->cpuid.cache;

	return c ? entry_of(c, 1, 0)->eax : 0;
}

static void derive_features(struct kvm_vcpu *vcpu, const struct kvm_cpuid_cache *c)
{
	int f;

	memset(vcpu->cpuid.features, 0, sizeof(vcpu->cpuid.features));
	for (f = 0; f < KVM_NR_FEATURES; f++) {
		const struct kvm_feature_place *p = &kvm_feature_places[f];
		const struct kvm_cpuid_leaf *l = entry_of(c, p->function, p->index);
		const u32 reg[] = {
			[KVM_CPUID_EAX] = l->eax, [KVM_CPUID_EBX] = l->ebx,
			[KVM_CPUID_ECX] = l->ecx, [KVM_CPUID_EDX] = l->edx,
		};

		if (reg[p->reg] & p->mask)
			vcpu->cpuid.features[f / 32] |= 1u << (f % 32);
	}
}

static void derive_cr4(struct kvm_vcpu *vcpu)
{
	int i;

	vcpu->cpuid.cr4_reserved = ~kvm_supported_cr4();
	for (i = 0; i < ARRAY_SIZE(kvm_cr4_features); i++)
		if (!kvm_guest_has(vcpu, kvm_cr4_features[i].feature))
			vcpu->cpuid.cr4_reserved |= kvm_cr4_features[i].bit;
}

static u8 guest_maxphyaddr(const struct kvm_cpuid_cache *c)
{
	u32 bits = 0;

	if (c->max_ext >= 0x80000008)
		bits = entry_of(c, 0x80000008, 0)->eax & 0xff;
	/* SDM 3A, 4.1.4: 36 where CPUID does not tell; an entry has room for 52. */
	return bits ? clamp(bits, 32u, 52u) : 36;
}

/* AMD, and Hygon, whose CPUs are the same in this. */
static bool is_amd(const struct kvm_cpuid_leaf *d)
{
	return (d->ebx == 0x68747541 && d->edx == 0x69746e65 && d->ecx == 0x444d4163) ||
	       (d->ebx == 0x6f677948 && d->edx == 0x6e65476e && d->ecx == 0x656e6975);
}

static void derive(struct kvm_vcpu *vcpu)
{
	const struct kvm_cpuid_cache *c = vcpu->cpuid.cache;
	const struct kvm_cpuid_leaf *d0 = entry_of(c, 0xd, 0);

	derive_features(vcpu, c);
	derive_cr4(vcpu);
	vcpu->emu.vendor_amd = is_amd(entry_of(c, 0, 0));
	vcpu->cpuid.maxphyaddr = guest_maxphyaddr(c);
	vcpu->cpuid.reserved_gpa_bits = GENMASK_ULL(63, vcpu->cpuid.maxphyaddr);
	vcpu->cpuid.xcr0_supported = 0;
	if (kvm_guest_has(vcpu, KVM_F_XSAVE))
		vcpu->cpuid.xcr0_supported = (d0->eax | (u64)d0->edx << 32) & kvm_supported_xcr0();
}

/* --- for user space --- */

/* Takes away what changes while the guest runs, so that two settings compare. */
static struct kvm_cpuid_entry2 steady(const struct kvm_vcpu *vcpu, struct kvm_cpuid_entry2 e)
{
	switch (e.function) {
	case 1:
		e.ecx &= ~OSXSAVE;
		e.edx &= ~APIC;
		if (monitor_follows(vcpu))
			e.ecx &= ~MONITOR;
		break;
	case 7:
		if (!e.index)
			e.ecx &= ~OSPKE;
		break;
	case 0xd:
		if (e.index < 2)
			e.ebx = 0;
		break;
	}
	return e;
}

static bool same_cpuid(const struct kvm_vcpu *vcpu, const struct kvm_cpuid_entry2 *ent, int nent)
{
	int i;

	if (nent != vcpu->cpuid.nent)
		return false;
	for (i = 0; i < nent; i++) {
		struct kvm_cpuid_entry2 x = steady(vcpu, vcpu->cpuid.entry[i]);
		struct kvm_cpuid_entry2 y = steady(vcpu, ent[i]);

		if (x.function != y.function || x.index != y.index || x.flags != y.flags ||
		    x.eax != y.eax || x.ebx != y.ebx || x.ecx != y.ecx || x.edx != y.edx)
			return false;
	}
	return true;
}

/* Linear addresses have 48 or 57 bits; no other width can be made of any CPU. */
static bool valid_cpuid(const struct kvm_cpuid_entry2 *ent, int nent)
{
	int i;

	for (i = 0; i < nent; i++) {
		u32 bits = (ent[i].eax >> 8) & 0xff;

		if (ent[i].function == 0x80000008)
			return bits == 0 || bits == 48 || bits == 57;
	}
	return true;
}

/**
 * kvm_cpuid_set - a vCPU gets a new CPUID
 * @vcpu: the vCPU, loaded
 * @ent: its entries, from kvmalloc(); the vCPU's unless this fails
 * @nent: how many
 *
 * Return: 1 it is another now, 0 it is the one it had, -EINVAL (also for a change after
 * KVM_RUN), -ENOMEM.
 */
int kvm_cpuid_set(struct kvm_vcpu *vcpu, struct kvm_cpuid_entry2 *ent, int nent)
{
	struct kvm_cpuid_cache *c;

	if (vcpu->load.ran_once) {
		if (!same_cpuid(vcpu, ent, nent))
			return -EINVAL;
		kvfree(ent);
		return 0;
	}
	if (!valid_cpuid(ent, nent))
		return -EINVAL;
	c = build_cache(ent, nent);
	if (!c)
		return -ENOMEM;

	kvm_cpuid_free(vcpu);
	vcpu->cpuid.entry = ent;
	vcpu->cpuid.nent = nent;
	vcpu->cpuid.cache = c;
	derive(vcpu);
	kvm_cpuid_refresh(vcpu);
	vmx_cpuid_changed(vcpu);
	return 1;
}

/**
 * kvm_cpuid_init_vcpu - before user space has set anything
 * @vcpu: the new vCPU
 */
void kvm_cpuid_init_vcpu(struct kvm_vcpu *vcpu)
{
	vcpu->cpuid.maxphyaddr = 36;
	vcpu->cpuid.reserved_gpa_bits = GENMASK_ULL(63, 36);
	vcpu->cpuid.cr4_reserved = ~kvm_supported_cr4();
	vcpu->cpuid.xcr0_supported = 0;
}

/**
 * kvm_cpuid_free - undo kvm_cpuid_set()
 * @vcpu: the vCPU
 */
void kvm_cpuid_free(struct kvm_vcpu *vcpu)
{
	kvfree(vcpu->cpuid.cache);
	kvfree(vcpu->cpuid.entry);
	vcpu->cpuid.cache = NULL;
	vcpu->cpuid.entry = NULL;
	vcpu->cpuid.nent = 0;
}
