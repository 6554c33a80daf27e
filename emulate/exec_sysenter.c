// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fast system calls and returns, SDM vol. 3A 5.8.7 and 5.8.8: segments that no
 * descriptor is read for, so what a descriptor would have refused is refused here.
 *
 * On CPUs of AMD's, SYSCALL and SYSRET are there outside of 64-bit mode as well: AMD64
 * Architecture Programmer's Manual, vol. 2, 6.1.
 */
#include "internal.h"

#define MSR_SYSENTER_CS		0x174u
#define MSR_SYSENTER_ESP	0x175u
#define MSR_SYSENTER_EIP	0x176u
#define MSR_STAR		0xc0000081u
#define MSR_LSTAR		0xc0000082u
#define MSR_CSTAR		0xc0000083u
#define MSR_FMASK		0xc0000084u
#define SYSRET_FLAGS		0x3c7fd7ull

/* Flat code at @off and flat data for the stack, of privilege @cpl. */
static void enter_flat(struct emu_exec *x, u16 cs, u16 ss, bool wide, u64 off, u8 cpl)
{
	struct x86_segment s = {
		.selector = (ss & ~3) | cpl, .type = 3, .dpl = cpl, .s = true, .present = true,
		.db = true, .g = true, .limit = 0xffffffff,
	};

	x->c->ops->set_segment(x->c, X86_SEG_SS, &s);
	s.selector = cs;
	s.type = 11;
	s.l = wide;
	s.db = !wide;
	emu_enter_code(x, &s, off, cpl);
}

static bool have_syscall(const struct emu_exec *x)
{
	return x->c->ops->get_efer(x->c) & EFER_SCE && (emu_is64(x->c) || x->c->vendor_amd);
}

/* From 32-bit code outside of long mode: STAR has target and selectors. */
static enum emu_status syscall_legacy(struct emu_exec *x, u64 star)
{
	x->c->gpr[RCX] = (u32)x->next_rip;
	x->flags &= ~(FL_RF | FL_VM | FL_IF);
	enter_flat(x, star >> 32, (star >> 32) + 8, false, (u32)star, 0);
	return EMU_OK;
}

enum emu_status ex_syscall(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	enum emu_status st;
	u64 star, target, mask;

	if (!have_syscall(x))
		return emu_raise(c, VEC_UD, 0);
	st = c->ops->get_msr(c, MSR_STAR, &star);
	if (st == EMU_OK && !c->long_mode_active)
		return syscall_legacy(x, star);
	if (st == EMU_OK)
		st = c->ops->get_msr(c, emu_is64(c) ? MSR_LSTAR : MSR_CSTAR, &target);
	if (st == EMU_OK)
		st = c->ops->get_msr(c, MSR_FMASK, &mask);
	if (st != EMU_OK)
		return st;
	x->flags &= ~FL_RF;
	c->gpr[RCX] = x->next_rip;
	c->gpr[11] = x->flags;
	x->flags = (x->flags & ~mask) | FL_FIXED;
	enter_flat(x, star >> 32, (star >> 32) + 8, true, target, 0);
	return EMU_OK;
}

/* A return address that is not canonical faults here, before the privilege is given up. */
enum emu_status ex_sysret(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	bool wide = x->in->op_bytes == 8;
	u64 star, target = c->gpr[RCX];
	enum emu_status st;
	u16 cs;

	if (!have_syscall(x))
		return emu_raise(c, VEC_UD, 0);
	if (c->cpl || (wide && !emu_canonical(c, target)))
		return emu_raise(c, VEC_GP, 0);
	st = c->ops->get_msr(c, MSR_STAR, &star);
	if (st != EMU_OK)
		return st;
	if (c->long_mode_active)
		x->flags = (c->gpr[11] & SYSRET_FLAGS) | FL_FIXED;
	else
		x->flags |= FL_IF;
	cs = star >> 48;
	enter_flat(x, wide ? cs + 16 : cs, cs + 8, wide, wide ? target : (u32)target, 3);
	return EMU_OK;
}

static enum emu_status get_sysenter_cs(struct emu_exec *x, u16 *cs)
{
	struct emu_ctxt *c = x->c;
	enum emu_status st;
	u64 val;

	if (c->mode == EMU_MODE_REAL)
		return emu_raise(c, VEC_GP, 0);
	st = c->ops->get_msr(c, MSR_SYSENTER_CS, &val);
	if (st != EMU_OK)
		return st;
	*cs = val & ~3ull;
	return *cs ? EMU_OK : emu_raise(c, VEC_GP, 0);
}

enum emu_status ex_sysenter(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	bool wide = c->long_mode_active;
	enum emu_status st;
	u64 sp, target;
	u16 cs;

	st = get_sysenter_cs(x, &cs);
	if (st == EMU_OK)
		st = c->ops->get_msr(c, MSR_SYSENTER_ESP, &sp);
	if (st == EMU_OK)
		st = c->ops->get_msr(c, MSR_SYSENTER_EIP, &target);
	if (st != EMU_OK)
		return st;
	x->flags &= ~(FL_VM | FL_IF);
	c->gpr[RSP] = wide ? sp : (u32)sp;
	enter_flat(x, cs, cs + 8, wide, wide ? target : (u32)target, 0);
	return EMU_OK;
}

enum emu_status ex_sysexit(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	u64 sp = c->gpr[RCX], target = c->gpr[RDX];
	bool wide = x->in->op_bytes == 8;
	enum emu_status st;
	u16 cs;

	st = get_sysenter_cs(x, &cs);
	if (st != EMU_OK)
		return st;
	if (wide && (!emu_canonical(c, sp) || !emu_canonical(c, target)))
		return emu_raise(c, VEC_GP, 0);
	cs += wide ? 32 : 16;
	c->gpr[RSP] = wide ? sp : (u32)sp;
	enter_flat(x, cs, cs + 8, wide, wide ? target : (u32)target, 3);
	return EMU_OK;
}
