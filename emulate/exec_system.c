// SPDX-License-Identifier: GPL-2.0-only
/*
 * System instructions: control, debug and model-specific registers, descriptor
 * tables, time stamps, and what asks about descriptors.
 */
#include "internal.h"

#define CR4_DE			0x00000008ull
#define CR4_SMAP		0x00200000ull
#define DR6_BD			0x00002000ull
#define DR7_GD			0x00002000ull
#define MSR_KERNEL_GS_BASE	0xc0000102u
#define XCR_XINUSE		1

enum emu_status ex_cpuid(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	u32 eax = c->gpr[RAX], ebx = 0, ecx = c->gpr[RCX], edx = 0;

	c->ops->cpuid(c, &eax, &ebx, &ecx, &edx);
	c->gpr[RAX] = eax;
	c->gpr[RBX] = ebx;
	c->gpr[RCX] = ecx;
	c->gpr[RDX] = edx;
	return EMU_OK;
}

static void set_edx_eax(struct emu_ctxt *c, u64 val)
{
	c->gpr[RAX] = (u32)val;
	c->gpr[RDX] = val >> 32;
}

static u64 edx_eax(const struct emu_ctxt *c)
{
	return (u32)c->gpr[RAX] | c->gpr[RDX] << 32;
}

/* RDTSC, and RDTSCP with aux 1. */
enum emu_status ex_rdtsc(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	u32 aux;

	if (c->cpl && c->ops->get_cr(c, 4) & CR4_TSD)
		return emu_raise(c, VEC_GP, 0);
	set_edx_eax(c, c->ops->rdtsc(c, &aux));
	if (x->d->aux)
		c->gpr[RCX] = aux;
	return EMU_OK;
}

enum emu_status ex_rdpmc(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	enum emu_status st;
	u64 val;

	if (c->cpl && !(c->ops->get_cr(c, 4) & CR4_PCE))
		return emu_raise(c, VEC_GP, 0);
	st = c->ops->rdpmc(c, c->gpr[RCX], &val);
	if (st == EMU_OK)
		set_edx_eax(c, val);
	return st;
}

enum emu_status ex_rdmsr(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	enum emu_status st;
	u64 val;

	st = c->ops->get_msr(c, c->gpr[RCX], &val);
	if (st == EMU_OK)
		set_edx_eax(c, val);
	return st;
}

enum emu_status ex_wrmsr(struct emu_exec *x)
{
	return x->c->ops->set_msr(x->c, x->c->gpr[RCX], edx_eax(x->c));
}

/* XGETBV, and XSETBV with aux 1. */
enum emu_status ex_xcr(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;

	if (!(c->ops->get_cr(c, 4) & CR4_OSXSAVE))
		return emu_raise(c, VEC_UD, 0);
	if (x->d->aux) {
		if (c->cpl)
			return emu_raise(c, VEC_GP, 0);
		return c->ops->set_xcr(c, c->gpr[RCX], edx_eax(c));
	}
	if (!c->ops->get_xcr || (u32)c->gpr[RCX] == XCR_XINUSE)
		return EMU_FAIL;
	if ((u32)c->gpr[RCX])
		return emu_raise(c, VEC_GP, 0);
	set_edx_eax(c, c->ops->get_xcr(c, 0));
	return EMU_OK;
}

enum emu_status ex_hlt(struct emu_exec *x)
{
	return x->c->ops->halt(x->c);
}

/* MONITOR: a read of the address, as far as faults go; nothing is watched. */
enum emu_status ex_monitor(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	int seg = x->in->seg_override >= 0 ? x->in->seg_override : X86_SEG_DS;
	enum emu_status st;
	u64 la;

	if (c->cpl)
		return emu_raise(c, VEC_UD, 0);
	if (c->gpr[RCX] & emu_mask(emu_is64(c) ? 8 : 4))
		return emu_raise(c, VEC_GP, 0);
	st = emu_linear(c, seg, c->gpr[RAX] & emu_mask(x->in->ad_bytes), 1, 0, &la);
	return st == EMU_OK ? c->ops->probe(c, la, 1, 0) : st;
}

/* MWAIT may end at any time, so it ends at once. */
enum emu_status ex_mwait(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;

	if (c->cpl)
		return emu_raise(c, VEC_UD, 0);
	return (u32)c->gpr[RCX] > 1 ? emu_raise(c, VEC_GP, 0) : EMU_OK;
}

enum emu_status ex_wbinvd(struct emu_exec *x)
{
	return x->c->ops->wbinvd(x->c);
}

enum emu_status ex_vmcall(struct emu_exec *x)
{
	return x->c->ops->hypercall(x->c);
}

enum emu_status ex_clts(struct emu_exec *x)
{
	return x->c->ops->set_cr(x->c, 0, x->c->ops->get_cr(x->c, 0) & ~CR0_TS);
}

enum emu_status ex_smsw(struct emu_exec *x)
{
	x->op[0].val = x->c->ops->get_cr(x->c, 0);
	return EMU_OK;
}

/* LMSW sets PE, but does not clear it. */
enum emu_status ex_lmsw(struct emu_exec *x)
{
	u64 cr0 = x->c->ops->get_cr(x->c, 0);
	u64 msw = x->op[0].val & (CR0_PE | CR0_MP | CR0_EM | CR0_TS);

	cr0 &= ~(CR0_MP | CR0_EM | CR0_TS);
	return x->c->ops->set_cr(x->c, 0, cr0 | msw);
}

enum emu_status ex_mov_from_cr(struct emu_exec *x)
{
	x->op[0].val = x->c->ops->get_cr(x->c, x->op[1].reg);
	return EMU_OK;
}

enum emu_status ex_mov_to_cr(struct emu_exec *x)
{
	return x->c->ops->set_cr(x->c, x->op[0].reg, x->op[1].val);
}

/* DR4 and DR5 are DR6 and DR7, unless CR4.DE makes them undefined. */
static enum emu_status debug_register(struct emu_exec *x, int *reg)
{
	struct emu_ctxt *c = x->c;

	if (*reg == 4 || *reg == 5) {
		if (c->ops->get_cr(c, 4) & CR4_DE)
			return emu_raise(c, VEC_UD, 0);
		*reg += 2;
	}
	if (c->ops->get_dr(c, 7) & DR7_GD) {
		enum emu_status st = emu_raise(c, VEC_DB, 0);

		c->fault.cr2 = DR6_BD;
		return st;
	}
	return EMU_OK;
}

enum emu_status ex_mov_from_dr(struct emu_exec *x)
{
	int reg = x->op[1].reg;
	enum emu_status st = debug_register(x, &reg);

	if (st == EMU_OK)
		x->op[0].val = x->c->ops->get_dr(x->c, reg);
	return st;
}

enum emu_status ex_mov_to_dr(struct emu_exec *x)
{
	int reg = x->op[0].reg;
	enum emu_status st = debug_register(x, &reg);

	return st == EMU_OK ? x->c->ops->set_dr(x->c, reg, x->op[1].val) : st;
}

/* A non-canonical address has no translation: INVLPG does nothing, and does not fault. */
enum emu_status ex_invlpg(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	struct x86_segment s;
	u64 la = x->in->mem_off;

	c->ops->get_segment(c, x->in->mem_seg, &s);
	if (!emu_is64(c))
		return c->ops->invlpg(c, (la + s.base) & 0xffffffff);
	if (x->in->mem_seg >= X86_SEG_FS)
		la += s.base;
	return emu_canonical(c, la) ? c->ops->invlpg(c, la) : EMU_OK;
}

/* CLFLUSH, CLFLUSHOPT, CLWB: a read of the address, as far as faults go. */
enum emu_status ex_clflush(struct emu_exec *x)
{
	enum emu_status st;
	u64 la;

	st = emu_linear(x->c, x->in->mem_seg, x->in->mem_off, 1, 0, &la);
	return st == EMU_OK ? x->c->ops->probe(x->c, la, 1, 0) : st;
}

/* CLAC, and STAC with aux 1. */
enum emu_status ex_stac(struct emu_exec *x)
{
	if (x->c->cpl || !(x->c->ops->get_cr(x->c, 4) & CR4_SMAP))
		return emu_raise(x->c, VEC_UD, 0);
	x->flags = x->d->aux ? x->flags | FL_AC : x->flags & ~FL_AC;
	return EMU_OK;
}

enum emu_status ex_swapgs(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	struct x86_segment gs;
	enum emu_status st;
	u64 kernel, user;

	c->ops->get_segment(c, X86_SEG_GS, &gs);
	st = c->ops->get_msr(c, MSR_KERNEL_GS_BASE, &kernel);
	if (st != EMU_OK)
		return st;
	user = gs.base;
	gs.base = kernel;
	st = c->ops->set_msr(c, MSR_KERNEL_GS_BASE, user);
	if (st == EMU_OK)
		c->ops->set_segment(c, X86_SEG_GS, &gs);
	return st;
}

/* RDFSBASE RDGSBASE, and WRFSBASE WRGSBASE with aux 1; bit 0 of ModRM.reg is GS. */
enum emu_status ex_fsgsbase(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	int seg = x->in->modrm & 8 ? X86_SEG_GS : X86_SEG_FS;
	struct x86_segment s;

	if (!(c->ops->get_cr(c, 4) & CR4_FSGSBASE))
		return emu_raise(c, VEC_UD, 0);
	c->ops->get_segment(c, seg, &s);
	if (!x->d->aux) {
		x->op[0].val = s.base;
		return EMU_OK;
	}
	if (!emu_canonical(c, x->op[0].val))
		return emu_raise(c, VEC_GP, 0);
	s.base = x->op[0].val;
	c->ops->set_segment(c, seg, &s);
	return EMU_OK;
}

/* SGDT, and SIDT with aux 1. */
enum emu_status ex_sgdt(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	struct x86_table t;
	enum emu_status st;

	if (x->d->aux)
		c->ops->get_idt(c, &t);
	else
		c->ops->get_gdt(c, &t);
	st = emu_mem_write(c, x->in->mem_seg, x->in->mem_off, t.limit, 2);
	if (st != EMU_OK)
		return st;
	return emu_mem_write(c, x->in->mem_seg, x->in->mem_off + 2, t.base, x->op[0].size - 2);
}

/* LGDT, and LIDT with aux 1. With a 16-bit operand the base has 24 bits. */
enum emu_status ex_lgdt(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	struct x86_table t;
	enum emu_status st;
	u64 limit, base;

	st = emu_mem_read(c, x->in->mem_seg, x->in->mem_off, &limit, 2);
	if (st == EMU_OK)
		st = emu_mem_read(c, x->in->mem_seg, x->in->mem_off + 2, &base,
				  x->op[0].size - 2);
	if (st != EMU_OK)
		return st;
	if (emu_is64(c)) {
		if (!emu_canonical(c, base))
			return emu_raise(c, VEC_GP, 0);
	} else if (x->in->op_bytes == 2) {
		base &= 0xffffff;
	}
	t.base = base;
	t.limit = limit;
	if (x->d->aux)
		c->ops->set_idt(c, &t);
	else
		c->ops->set_gdt(c, &t);
	return EMU_OK;
}

/* SLDT and STR: the table says which register. */
enum emu_status ex_sldt(struct emu_exec *x)
{
	struct x86_segment s;

	x->c->ops->get_segment(x->c, x->d->aux, &s);
	x->op[0].val = s.selector;
	return EMU_OK;
}

/* LLDT and LTR. */
enum emu_status ex_lldt(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	int seg = x->d->aux;
	u16 sel = x->op[0].val;
	struct x86_segment s = { .selector = sel, .unusable = true };
	struct emu_raw_desc r;
	enum emu_status st;
	bool good;

	if (!(sel & ~3)) {
		if (seg == X86_SEG_TR)
			return emu_raise(c, VEC_GP, 0);
		c->ops->set_segment(c, seg, &s);
		return EMU_OK;
	}
	if (sel & 4)
		return emu_raise(c, VEC_GP, sel & ~3);
	st = emu_read_desc(c, sel, &r, VEC_GP);
	if (st != EMU_OK)
		return st;
	emu_unpack_desc(sel, &r, &s);
	if (seg == X86_SEG_LDTR)
		good = s.type == 2;
	else
		good = s.type == 9 || (s.type == 1 && !c->long_mode_active);
	if (s.s || !good || (c->long_mode_active && r.zero & 0x1f00))
		return emu_raise(c, VEC_GP, sel & ~3);
	if (!s.present)
		return emu_raise(c, VEC_NP, sel & ~3);
	if (c->long_mode_active && !emu_canonical(c, s.base))
		return emu_raise(c, VEC_GP, sel & ~3);
	if (seg == X86_SEG_TR) {
		s.type |= 2;
		st = emu_desc_set_type(c, sel, &r, 2, 0);
	}
	if (st == EMU_OK)
		c->ops->set_segment(c, seg, &s);
	return st;
}

/* Can code at CPL, through @sel, see the descriptor @s? Conforming code always. */
static bool visible(const struct emu_ctxt *c, u16 sel, const struct x86_segment *s)
{
	if (s->s && (s->type & 12) == 12)
		return true;
	return c->cpl <= s->dpl && (sel & 3) <= s->dpl;
}

/* Reads the descriptor for LAR, LSL, VERR, VERW, to which a bad selector is no fault. */
static enum emu_status inspect(struct emu_exec *x, u16 sel, struct emu_raw_desc *r,
			       struct x86_segment *s, bool *ok)
{
	struct emu_ctxt *c = x->c;
	enum emu_status st;

	*ok = false;
	if (!(sel & ~3))
		return EMU_OK;
	st = emu_read_desc(c, sel, r, VEC_GP);
	if (st == EMU_FAULT && c->fault.vector == VEC_GP)
		return EMU_OK;
	if (st != EMU_OK)
		return st;
	emu_unpack_desc(sel, r, s);
	*ok = visible(c, sel, s);
	return EMU_OK;
}

static void set_zf(struct emu_exec *x, bool set)
{
	x->flags = (x->flags & ~FL_ZF) | (set ? FL_ZF : 0);
}

/* LAR, and LSL with aux 1. System types by bit: which of them answer. */
enum emu_status ex_lar(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	u16 lar = c->long_mode_active ? 0x1a04 : 0x1a3e;
	u16 lsl = c->long_mode_active ? 0x0a04 : 0x0a0e;
	struct emu_raw_desc r;
	struct x86_segment s;
	enum emu_status st;
	bool ok;

	st = inspect(x, x->op[1].val, &r, &s, &ok);
	if (st != EMU_OK)
		return st;
	if (ok && !s.s)
		ok = (x->d->aux ? lsl : lar) >> s.type & 1;
	set_zf(x, ok);
	if (ok)
		emu_reg_set(c, x->op[0].reg, x->op[0].size,
			    x->d->aux ? s.limit : r.hi & 0x00ffff00);
	return EMU_OK;
}

/* VERR, and VERW with aux 1. */
enum emu_status ex_verr(struct emu_exec *x)
{
	struct emu_raw_desc r;
	struct x86_segment s;
	enum emu_status st;
	bool ok;

	st = inspect(x, x->op[0].val, &r, &s, &ok);
	if (st != EMU_OK)
		return st;
	if (ok)
		ok = s.s && (x->d->aux ? (s.type & 10) == 2 : (s.type & 10) != 8);
	set_zf(x, ok);
	return EMU_OK;
}

/* Memory is written only if the RPL has to be raised. */
enum emu_status ex_arpl(struct emu_exec *x)
{
	bool raise = (x->op[0].val & 3) < (x->op[1].val & 3);

	u64 val = (x->op[0].val & ~3ull) | (x->op[1].val & 3);

	set_zf(x, raise);
	if (!raise)
		return EMU_OK;
	if (x->op[0].kind == OPND_MEM)
		return emu_mem_write(x->c, x->in->mem_seg, x->in->mem_off, val, 2);
	emu_reg_set(x->c, x->op[0].reg, 2, val);
	return EMU_OK;
}

/* INT1: a #DB that is a trap and sets no bit of DR6. */
enum emu_status ex_int1(struct emu_exec *x)
{
	emu_raise(x->c, VEC_DB, 0);
	x->c->fault.trap = true;
	return EMU_OK;
}
