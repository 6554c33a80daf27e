// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's own page tables, walked as the CPU does: SDM 3A chapter 4.
 *
 * A table outside of guest memory reads as an entry that is not present: there
 * is nothing a device could answer to a page walk.
 */
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/processor-flags.h>
#include "guest_memfd.h"
#include "internal.h"
#include "regs.h"
#include "vcpu.h"

#define PTE_PRESENT	BIT_ULL(0)
#define PTE_WRITE	BIT_ULL(1)
#define PTE_USER	BIT_ULL(2)
#define PTE_ACCESSED	BIT_ULL(5)
#define PTE_DIRTY	BIT_ULL(6)
#define PTE_LARGE	BIT_ULL(7)
#define PTE_NX		BIT_ULL(63)
#define PTE_ADDR	GENMASK_ULL(51, 12)
#define PTE_PKEY_SHIFT	59

#define ERR_PRESENT	BIT(0)
#define ERR_WRITE	BIT(1)
#define ERR_USER	BIT(2)
#define ERR_RESERVED	BIT(3)
#define ERR_FETCH	BIT(4)
#define ERR_PKEY	BIT(5)

#define WALK_MAX_LEVELS	5
/* Another CPU of the guest that changes the tables all the time ends the walk, not the host. */
#define WALK_MAX_RESTARTS	16

enum walk_mode { WALK_32, WALK_PAE, WALK_64 };

struct walk {
	struct kvm_vcpu *vcpu;
	u64 la;
	u32 acc;
	enum walk_mode mode;
	bool user;			/* a user-mode access */
	bool nx;			/* EFER.NXE, where entries are wide enough */
	u64 cr0, cr4;
	int level;			/* of the entry looked at; 1 is the page table */
	int top;
	u64 entry[WALK_MAX_LEVELS + 1];	/* by level, as read */
	gpa_t where[WALK_MAX_LEVELS + 1];
	bool writable, user_page, no_exec;	/* of the levels together */
};

static unsigned int entry_size(const struct walk *w)
{
	return w->mode == WALK_32 ? 4 : 8;
}

static unsigned int level_shift(const struct walk *w, int level)
{
	return 12 + (level - 1) * (w->mode == WALK_32 ? 10 : 9);
}

static gpa_t entry_gpa(const struct walk *w, gpa_t table)
{
	unsigned int bits = w->mode == WALK_32 ? 10 : 9;
	u64 index = (w->la >> level_shift(w, w->level)) & (BIT_ULL(bits) - 1);

	return table + index * entry_size(w);
}

static bool entry_is_leaf(const struct walk *w, u64 entry)
{
	if (w->level == 1)
		return true;
	if (!(entry & PTE_LARGE))
		return false;
	if (w->mode == WALK_32)
		return w->cr4 & X86_CR4_PSE;
	/* At levels above, the bit is reserved. */
	return w->level == 2 || (w->level == 3 && w->mode == WALK_64);
}

/* Reserved bits of a present entry: tables 4-5, 4-6, 4-9 ff. of SDM 3A. */
static u64 entry_reserved(const struct walk *w, u64 entry, bool leaf)
{
	u64 beyond = w->vcpu->cpuid.reserved_gpa_bits, mask;

	if (w->mode == WALK_32) {
		if (!leaf || w->level == 1)
			return 0;
		/* Bits 20:13 of a 4 MiB entry are address bits 39:32. */
		return entry & (BIT(21) | (((beyond >> 32) & 0xff) << 13));
	}
	mask = beyond & PTE_ADDR;
	if (w->mode == WALK_PAE)
		mask |= GENMASK_ULL(62, 52);
	if (!w->nx)
		mask |= PTE_NX;
	if (leaf && w->level > 1)
		mask |= GENMASK_ULL(level_shift(w, w->level) - 1, 13);
	if (leaf && w->level == 3 && !boot_cpu_has(X86_FEATURE_GBPAGES))
		mask |= PTE_LARGE;
	if (!leaf && w->level > 2)
		mask |= PTE_LARGE;
	return entry & mask;
}

static u32 error_code(const struct walk *w, u32 code)
{
	if (w->acc & X86_ACC_WRITE)
		code |= ERR_WRITE;
	if (w->user)
		code |= ERR_USER;
	if ((w->acc & X86_ACC_FETCH) && (w->nx || (w->cr4 & X86_CR4_SMEP)))
		code |= ERR_FETCH;
	return code;
}

static enum emu_status walk_fault(const struct walk *w, struct x86_fault *f, u32 code)
{
	*f = (struct x86_fault) {
		.vector = 14,
		.has_error = true,
		.error_code = error_code(w, code),
		.cr2 = w->la,
	};
	return EMU_FAULT;
}

/* SDM 3A 4.6.2: does the key of a user page forbid this data access? */
static bool pkey_denies(const struct walk *w, u64 leaf)
{
	unsigned int rights;

	if (!(w->cr4 & X86_CR4_PKE) || w->mode != WALK_64 || !w->user_page ||
	    (w->acc & X86_ACC_FETCH))
		return false;
	rights = w->vcpu->fpu.pkru >> (2 * ((leaf >> PTE_PKEY_SHIFT) & 15));
	if (rights & 1)
		return true;
	return (rights & 2) && (w->acc & X86_ACC_WRITE) && (w->user || (w->cr0 & X86_CR0_WP));
}

/* SDM 3A 4.6.1, the rights of the translation for this access. */
static bool access_denied(const struct walk *w)
{
	bool write = w->acc & X86_ACC_WRITE;

	if (w->user && !w->user_page)
		return true;
	if (w->acc & X86_ACC_FETCH)
		return w->no_exec ||
		       (!w->user && w->user_page && (w->cr4 & X86_CR4_SMEP));
	/* RFLAGS.AC lifts SMAP from what an instruction at CPL < 3 does by itself. */
	if (!w->user && w->user_page && (w->cr4 & X86_CR4_SMAP) &&
	    ((w->acc & X86_ACC_SYSTEM) || !(kvm_rflags_read(w->vcpu) & X86_EFLAGS_AC)))
		return true;
	return write && !w->writable && (w->user || (w->cr0 & X86_CR0_WP));
}

/*
 * Sets what the CPU sets: accessed in every entry used, dirty in the last one
 * of a write. Memory that cannot be written keeps its bits, as ROM does.
 */
static int set_accessed(struct walk *w)
{
	int level;

	for (level = w->top; level >= w->level; level--) {
		u64 old = w->entry[level], new = old | PTE_ACCESSED;
		int r;

		if (level == w->level && (w->acc & X86_ACC_WRITE))
			new |= PTE_DIRTY;
		if (new == old)
			continue;
		r = kvm_cmpxchg_guest(w->vcpu, w->where[level], &old, &new, entry_size(w));
		if (r == -EAGAIN)
			return r;
	}
	return 0;
}

static gpa_t leaf_gpa(const struct walk *w, u64 entry)
{
	u64 offset = BIT_ULL(level_shift(w, w->level)) - 1;
	gpa_t base = entry & PTE_ADDR & ~offset;

	if (w->mode == WALK_32 && w->level == 2)
		base = (entry & GENMASK_ULL(31, 22)) | ((entry >> 13) & 0xff) << 32;
	return base | (w->la & offset);
}

/* The first table, and the level of its entries; false if a PDPTE is not present. */
static bool walk_begin(struct walk *w, gpa_t *table)
{
	struct kvm_vcpu *vcpu = w->vcpu;
	u64 pdpte;

	w->writable = true;
	w->user_page = true;
	w->no_exec = false;
	switch (w->mode) {
	case WALK_32:
		w->top = 2;
		*table = kvm_cr3_read(vcpu) & GENMASK_ULL(31, 12);
		break;
	case WALK_PAE:
		vmx_read_pdptrs(vcpu);
		pdpte = vcpu->cr.pdptrs[(w->la >> 30) & 3];
		if (!(pdpte & PTE_PRESENT))
			return false;
		w->top = 2;
		*table = pdpte & PTE_ADDR;
		break;
	case WALK_64:
		w->top = w->cr4 & X86_CR4_LA57 ? 5 : 4;
		*table = kvm_cr3_read(vcpu) & PTE_ADDR;
		break;
	}
	return true;
}

static enum emu_status walk_once(struct walk *w, gpa_t *gpa, struct x86_fault *f)
{
	gpa_t table;
	u64 entry;
	bool leaf;
	u32 code;

	if (!walk_begin(w, &table))
		return walk_fault(w, f, 0);
	for (w->level = w->top; ; w->level--) {
		w->where[w->level] = entry_gpa(w, table);
		entry = 0;
		if (kvm_read_guest(w->vcpu, w->where[w->level], &entry, entry_size(w)) ||
		    !(entry & PTE_PRESENT))
			return walk_fault(w, f, 0);
		w->entry[w->level] = entry;
		leaf = entry_is_leaf(w, entry);
		if (entry_reserved(w, entry, leaf))
			return walk_fault(w, f, ERR_PRESENT | ERR_RESERVED);
		w->writable &= !!(entry & PTE_WRITE);
		w->user_page &= !!(entry & PTE_USER);
		w->no_exec |= w->nx && (entry & PTE_NX);
		if (leaf)
			break;
		table = entry & PTE_ADDR;
	}
	*gpa = leaf_gpa(w, entry);
	if (w->acc & KVM_WALK_NO_AD)
		return EMU_OK;
	code = pkey_denies(w, entry) ? ERR_PKEY : 0;
	if (code || access_denied(w))
		return walk_fault(w, f, code | ERR_PRESENT);
	return set_accessed(w) ? EMU_RETRY : EMU_OK;
}

/* @w has what the access is; the answer, and the entries it came from, are left in it. */
static enum emu_status walk(struct walk *w, gpa_t *gpa, struct x86_fault *f)
{
	struct kvm_vcpu *vcpu = w->vcpu;
	enum emu_status status = EMU_RETRY;
	int i;

	w->cr0 = kvm_cr0_read(vcpu);
	w->cr4 = kvm_cr4_read(vcpu);
	if (!(w->cr0 & X86_CR0_PG)) {
		*gpa = w->la;
		return EMU_OK;
	}
	if (vcpu->cr.efer & EFER_LMA)
		w->mode = WALK_64;
	else
		w->mode = w->cr4 & X86_CR4_PAE ? WALK_PAE : WALK_32;
	w->nx = w->mode != WALK_32 && (vcpu->cr.efer & EFER_NX);
	w->user = (w->acc & KVM_WALK_USER) || (!(w->acc & X86_ACC_SYSTEM) && vmx_cpl(vcpu) == 3);
	for (i = 0; i < WALK_MAX_RESTARTS && status == EMU_RETRY; i++)
		status = walk_once(w, gpa, f);
	return status;
}

/**
 * kvm_walk_guest - guest linear to guest physical address
 * @vcpu: the vCPU, loaded; kvm->srcu held
 * @la: linear address, canonical
 * @acc: X86_ACC_* and KVM_WALK_*
 * @gpa: the answer
 * @f: the page fault, on EMU_FAULT
 *
 * Return: EMU_OK, EMU_FAULT, or EMU_RETRY if the tables do not stand still.
 */
enum emu_status kvm_walk_guest(struct kvm_vcpu *vcpu, u64 la, u32 acc, gpa_t *gpa,
			       struct x86_fault *f)
{
	struct walk w;

	w.vcpu = vcpu;
	w.la = la;
	w.acc = acc;
	return walk(&w, gpa, f);
}

/* What a walk depends on but for the tables. */
static bool same_rules(struct kvm_vcpu *vcpu, const struct kvm_fetch_walk *c)
{
	return c->cr3 == kvm_cr3_read(vcpu) && c->cr0 == kvm_cr0_read(vcpu) &&
	       c->cr4 == kvm_cr4_read(vcpu) && c->efer == vcpu->cr.efer &&
	       c->user == (vmx_cpl(vcpu) == 3) &&
	       c->slots_gen == READ_ONCE(vcpu->kvm->slots.gen);
}

/*
 * Reads what stands at @off in the page, if the entries that lead there are as
 * they were. Addresses in slots have been checked with the slots.
 */
static bool read_same(const struct kvm_fetch_walk *c, unsigned int off, u8 *buf, unsigned int len)
{
	const u8 __user *code = (const u8 __user *)c->code + off;
	unsigned int i;
	u64 entry;

	if (!user_read_access_begin(code, len))
		return false;
	for (i = 0; i < c->levels; i++) {
		unsafe_get_user(entry, (u64 __user *)c->hva[i], out);
		if (entry != c->entry[i])
			goto out;
	}
	/* Two reads that overlap, unless the page has less. */
	if (len == EMU_MAX_INSN) {
		unsafe_get_user(*(u64 *)buf, (u64 __user *)code, out);
		unsafe_get_user(*(u64 *)(buf + len - 8), (u64 __user *)(code + len - 8), out);
	} else {
		for (i = 0; i < len; i++)
			unsafe_get_user(buf[i], code + i, out);
	}
	user_read_access_end();
	return true;
out:
	user_read_access_end();
	return false;
}

static void remember(struct kvm_fetch_walk *c, const struct walk *w, gpa_t gpa)
{
	const struct kvm_memslot *slot = kvm_vcpu_memslot(w->vcpu, gpa >> PAGE_SHIFT);
	int level;

	if (!slot || kvm_gfn_is_private(w->vcpu->kvm, gpa >> PAGE_SHIFT))
		return;
	c->code = kvm_slot_hva(slot, gpa >> PAGE_SHIFT);
	c->levels = 0;
	for (level = w->top; level >= w->level; level--) {
		gfn_t gfn = w->where[level] >> PAGE_SHIFT;

		slot = kvm_vcpu_memslot(w->vcpu, gfn);
		if (!slot || kvm_gfn_is_private(w->vcpu->kvm, gfn))
			return;
		c->hva[c->levels] = kvm_slot_hva(slot, gfn) + offset_in_page(w->where[level]);
		/* The walk saw to it that the accessed bits are set. */
		c->entry[c->levels++] = w->entry[level] | PTE_ACCESSED;
	}
	c->cr0 = w->cr0;
	c->cr3 = kvm_cr3_read(w->vcpu);
	c->cr4 = w->cr4;
	c->efer = w->vcpu->cr.efer;
	c->user = w->user;
	c->la_page = w->la & PAGE_MASK;
	c->valid = true;
}

/* Apart, for what it has on the stack. */
static noinline unsigned int fetch_by_walk(struct kvm_vcpu *vcpu, u64 la, u8 *buf,
					   unsigned int len)
{
	struct kvm_fetch_walk *c = &vcpu->mem.fetch_walk;
	struct x86_fault f;
	struct walk w;
	gpa_t gpa;

	c->valid = false;
	c->slots_gen = READ_ONCE(vcpu->kvm->slots.gen);
	w.vcpu = vcpu;
	w.la = la;
	w.acc = X86_ACC_FETCH;
	if (walk(&w, &gpa, &f) != EMU_OK || kvm_read_guest(vcpu, gpa, buf, len))
		return 0;
	if ((w.cr0 & X86_CR0_PG) && w.mode == WALK_64)
		remember(c, &w, gpa);
	return len;
}

/**
 * kvm_fetch_code - the bytes of an instruction as far as its page has them, quick where
 * the last one was in the same page
 * @vcpu: the vCPU, loaded; kvm->srcu held
 * @la: linear address, canonical
 * @buf: EMU_MAX_INSN bytes
 *
 * The entries of the last walk are read again and compared, so the answer is
 * what a walk would find now.
 *
 * Return: how many bytes, 0 if there is a fault or no memory.
 */
unsigned int kvm_fetch_code(struct kvm_vcpu *vcpu, u64 la, u8 *buf)
{
	const struct kvm_fetch_walk *c = &vcpu->mem.fetch_walk;
	unsigned int len = min_t(unsigned int, EMU_MAX_INSN, PAGE_SIZE - offset_in_page(la));

	if (c->valid && c->la_page == (la & PAGE_MASK) && same_rules(vcpu, c) &&
	    read_same(c, offset_in_page(la), buf, len))
		return len;
	return fetch_by_walk(vcpu, la, buf, len);
}

/**
 * kvm_load_pdptrs - take over the page-directory-pointer table of PAE paging
 * @vcpu: the vCPU; kvm->srcu held
 * @cr3: where it is
 *
 * Return: false, and nothing changed, if a present entry has reserved bits set
 * or the table is not in memory; SDM 3A 4.4.1.
 */
bool kvm_load_pdptrs(struct kvm_vcpu *vcpu, u64 cr3)
{
	const u64 reserved = GENMASK_ULL(2, 1) | GENMASK_ULL(8, 5) | GENMASK_ULL(63, 52) |
			     (vcpu->cpuid.reserved_gpa_bits & PTE_ADDR);
	gpa_t table = cr3 & GENMASK_ULL(31, 5);
	u64 pdptrs[4];
	int i;

	for (i = 0; i < 4; i++) {
		if (kvm_read_guest(vcpu, table + i * 8, &pdptrs[i], 8) ||
		    ((pdptrs[i] & PTE_PRESENT) && (pdptrs[i] & reserved)))
			return false;
	}
	memcpy(vcpu->cr.pdptrs, pdptrs, sizeof(pdptrs));
	return true;
}
