// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction decode, SDM vol. 2A chapter 2: prefixes, REX, VEX, opcode maps,
 * ModRM, SIB, displacement and immediates. What an opcode is comes from tables, what its
 * operands are from operands.c.
 */
#include "internal.h"

#define PAGE_BYTES	4096u

/* Makes the next @n bytes of the instruction available in insn.bytes. */
static enum emu_status fetch(struct emu_ctxt *c, unsigned int n)
{
	struct emu_insn *in = &c->insn;

	while (in->fetched < in->len + n) {
		u64 la = c->rip + in->fetched;
		u64 room = EMU_MAX_INSN - in->fetched;
		u8 bytes[EMU_MAX_INSN];
		struct x86_segment cs;
		enum emu_status st;

		if (!room)
			return emu_raise(c, VEC_GP, 0);
		if (emu_is64(c)) {
			if (!emu_canonical(c, la))
				return emu_raise(c, VEC_GP, 0);
		} else {
			c->ops->get_segment(c, X86_SEG_CS, &cs);
			la &= 0xffffffff;
			if (la > cs.limit)
				return emu_raise(c, VEC_GP, 0);
			if (room > (u64)cs.limit - la + 1)
				room = (u64)cs.limit - la + 1;
			la = (la + cs.base) & 0xffffffff;
		}
		if (room > PAGE_BYTES - la % PAGE_BYTES)
			room = PAGE_BYTES - la % PAGE_BYTES;
		st = c->ops->fetch(c, la, bytes, room);
		if (st != EMU_OK)
			return st;
		memcpy(in->bytes + in->fetched, bytes, room);
		in->fetched += room;
	}
	return EMU_OK;
}

/* Takes @n bytes, sign-extended. */
static enum emu_status take(struct emu_ctxt *c, unsigned int n, u64 *val)
{
	struct emu_insn *in = &c->insn;
	enum emu_status st = fetch(c, n);
	unsigned int i;

	if (st != EMU_OK)
		return st;
	*val = 0;
	for (i = 0; i < n; i++)
		*val |= (u64)in->bytes[in->len + i] << (8 * i);
	*val = emu_sext(*val, n);
	in->len += n;
	return EMU_OK;
}

static enum emu_status take_byte(struct emu_ctxt *c, u8 *b)
{
	enum emu_status st = fetch(c, 1);

	if (st == EMU_OK)
		*b = c->insn.bytes[c->insn.len++];
	return st;
}

/* Notes a legacy or REX prefix; false if @b is none. */
static bool prefix(struct emu_ctxt *c, u8 b)
{
	struct emu_insn *in = &c->insn;

	if (emu_is64(c) && (b & 0xf0) == 0x40) {
		in->rex = b;
		return true;
	}
	switch (b) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		if (!emu_is64(c))
			in->seg_override = (b >> 3) & 3;
		break;
	case 0x64:
	case 0x65:
		in->seg_override = b & 7;
		break;
	case 0x66:
		in->opsize_prefix = true;
		break;
	case 0x67:
		in->adsize_prefix = true;
		break;
	case 0xf0:
		in->lock = true;
		break;
	case 0xf2:
	case 0xf3:
		in->rep = b;
		break;
	default:
		return false;
	}
	in->rex = 0;
	return true;
}

static enum emu_status take_modrm(struct emu_ctxt *c)
{
	if (c->insn.has_modrm)
		return EMU_OK;
	c->insn.has_modrm = true;
	return take_byte(c, &c->insn.modrm);
}

/* The rest of a VEX prefix that began with @first. */
static enum emu_status take_vex(struct emu_ctxt *c, u8 first)
{
	struct emu_insn *in = &c->insn;
	u8 b1, b2 = 0;
	enum emu_status st = take_byte(c, &b1);

	if (st == EMU_OK && first == 0xc4)
		st = take_byte(c, &b2);
	if (st != EMU_OK)
		return st;
	if (in->opsize_prefix || in->rep || in->lock || in->rex)
		return emu_raise(c, VEC_UD, 0);
	in->map = 1;
	in->rex = 0x40 | (b1 & 0x80 ? 0 : 4);
	if (first == 0xc4) {
		in->map = b1 & 31;
		in->rex |= (~b1 >> 5) & 3;
		in->vex_w = b2 & 0x80;
		b1 = b2;
	}
	if (!in->map || in->map > 3)
		return emu_raise(c, VEC_UD, 0);
	in->rex |= in->vex_w << 3;
	in->vex_vvvv = (~b1 >> 3) & 15;
	in->vex_l = b1 & 4;
	in->vex_pp = b1 & 3;
	if (!emu_is64(c))
		in->rex = 0x40;
	in->vex = true;
	return take_byte(c, &in->opcode);
}

/*
 * C4, C5 and 62 are VEX and EVEX in 64-bit mode, and elsewhere in protected
 * mode where the ModRM byte of LES, LDS and BOUND would name a register.
 */
static enum emu_status is_vector_prefix(struct emu_ctxt *c, bool *yes)
{
	enum emu_status st = EMU_OK;

	*yes = emu_is64(c);
	if (!*yes && emu_protected(c)) {
		st = fetch(c, 1);
		*yes = st == EMU_OK && c->insn.bytes[c->insn.len] >= 0xc0;
	}
	return st;
}

static enum emu_status take_opcode(struct emu_ctxt *c)
{
	struct emu_insn *in = &c->insn;
	enum emu_status st;
	bool yes;
	u8 b;

	do {
		st = take_byte(c, &b);
		if (st != EMU_OK)
			return st;
	} while (prefix(c, b));

	in->opcode = b;
	if (b == 0xc4 || b == 0xc5 || b == 0x62) {
		st = is_vector_prefix(c, &yes);
		if (st != EMU_OK || !yes)
			return st;
		return b == 0x62 ? EMU_FAIL : take_vex(c, b);
	}
	if (b != 0x0f)
		return EMU_OK;
	in->map = 1;
	st = take_byte(c, &in->opcode);
	if (st != EMU_OK || (in->opcode != 0x38 && in->opcode != 0x3a))
		return st;
	in->map = in->opcode == 0x38 ? 2 : 3;
	return take_byte(c, &in->opcode);
}

static void set_sizes(struct emu_ctxt *c, u32 flags)
{
	struct emu_insn *in = &c->insn;
	bool small = c->mode != EMU_MODE_PROT32 && !emu_is64(c);
	struct x86_segment cs;

	/* Real-mode code has CS.D set between leaving protected mode and the next far jump. */
	if (c->mode == EMU_MODE_REAL) {
		c->ops->get_segment(c, X86_SEG_CS, &cs);
		small = !cs.db;
	}
	in->op_bytes = small != in->opsize_prefix ? 2 : 4;
	in->ad_bytes = small != in->adsize_prefix ? 2 : 4;
	if (!emu_is64(c))
		return;
	in->ad_bytes = in->adsize_prefix ? 4 : 8;
	if (in->rex & 8 || flags & D_F64 || (flags & D_D64 && !in->opsize_prefix))
		in->op_bytes = 8;
}

/* SIB and displacement. */
static enum emu_status take_address(struct emu_ctxt *c)
{
	struct emu_insn *in = &c->insn;
	unsigned int mod = in->modrm >> 6, rm = in->modrm & 7;
	unsigned int bytes = mod == 1 ? 1 : 0;
	enum emu_status st;
	u64 disp = 0;

	if (in->ad_bytes == 2) {
		if (mod == 2 || (mod == 0 && rm == 6))
			bytes = 2;
	} else {
		if (rm == 4) {
			st = take_byte(c, &in->sib);
			if (st != EMU_OK)
				return st;
			rm = in->sib & 7;
		} else if (mod == 0 && rm == 5) {
			in->rip_relative = emu_is64(c);
		}
		if (mod == 2 || (mod == 0 && rm == 5))
			bytes = 4;
	}
	if (bytes) {
		st = take(c, bytes, &disp);
		if (st != EMU_OK)
			return st;
	}
	in->disp = disp;
	return EMU_OK;
}

/* How long an immediate is that even the undefined members of a group have. */
static unsigned int undefined_immediate(const struct emu_ctxt *c)
{
	const struct emu_insn *in = &c->insn;

	if (!in->map && in->opcode == 0xc7)
		return in->op_bytes == 2 ? 2 : 4;
	return (!in->map && in->opcode == 0xc6) || (in->map == 1 && in->opcode == 0xba) ||
	       in->map == 3;
}

/* An undefined opcode: #UD comes after what its map or group has in common has been fetched. */
static enum emu_status undefined(struct emu_ctxt *c)
{
	struct emu_insn *in = &c->insn;
	enum emu_status st = EMU_OK;
	u64 ignored;

	set_sizes(c, 0);
	if (in->map > 1)
		st = take_modrm(c);
	if (st == EMU_OK && in->has_modrm && in->modrm < 0xc0)
		st = take_address(c);
	if (st == EMU_OK && undefined_immediate(c))
		st = take(c, undefined_immediate(c), &ignored);
	return st == EMU_OK ? emu_raise(c, VEC_UD, 0) : st;
}

/* Walks from the opcode through the groups to the entry of the instruction. */
static enum emu_status lookup(struct emu_ctxt *c)
{
	static const struct emu_desc *const maps[] = {
		emu_map_1, emu_map_0f, emu_map_0f38, emu_map_0f3a
	};
	struct emu_insn *in = &c->insn;
	const struct emu_desc *d = &maps[in->map][in->opcode];
	enum emu_status st;

	for (;;) {
		if (d->kind == DESC_REG || d->kind == DESC_MOD || d->kind == DESC_RM) {
			st = take_modrm(c);
			if (st != EMU_OK)
				return st;
		}
		switch (d->kind) {
		case DESC_REG:
			d = &d->table[(in->modrm >> 3) & 7];
			break;
		case DESC_MOD:
			d = &d->table[in->modrm >= 0xc0];
			break;
		case DESC_RM:
			d = &d->table[in->modrm & 7];
			break;
		case DESC_PFX:
			if (in->vex)
				d = &d->table[in->vex_pp];
			else if (in->rep)
				d = &d->table[in->rep == 0xf3 ? 2 : 3];
			else
				d = &d->table[in->opsize_prefix];
			break;
		case DESC_M64:
			d = &d->table[emu_is64(c)];
			break;
		case DESC_VEX:
			d = &d->table[in->vex];
			break;
		case DESC_FAIL:
			return EMU_FAIL;
		case DESC_UNDEF:
			return undefined(c);
		default:
			in->desc = d;
			return EMU_OK;
		}
	}
}

static enum emu_status take_immediates(struct emu_ctxt *c, const struct emu_desc *d)
{
	struct emu_insn *in = &c->insn;
	enum emu_status st = EMU_OK;
	unsigned int i;

	for (i = 0; i < 3 && st == EMU_OK; i++) {
		unsigned int size = emu_size(c, OP_SZ(d->op[i]), false);

		switch (OP_AM(d->op[i])) {
		case AM_I:
		case AM_J:
			st = take(c, size, &in->imm);
			break;
		case AM_I2:
			st = take(c, 1, &in->imm2);
			in->imm2 &= 0xff;
			break;
		case AM_AP:
			size = emu_size(c, SZ_F, false);
			st = take(c, size, &in->imm);
			if (st == EMU_OK)
				st = take(c, 2, &in->imm2);
			in->imm &= emu_mask(size);
			in->imm2 &= 0xffff;
			break;
		case AM_O:
			st = take(c, in->ad_bytes, &in->mem_off);
			in->mem_off &= emu_mask(in->ad_bytes);
			in->mem_seg = in->seg_override >= 0 ? in->seg_override : X86_SEG_DS;
			break;
		}
	}
	return st;
}

/* What makes a defined opcode undefined: the mode, a prefix, the kind of operand. */
static bool misused(const struct emu_ctxt *c, const struct emu_desc *d)
{
	const struct emu_insn *in = &c->insn;
	bool mod3 = in->has_modrm && in->modrm >= 0xc0;
	bool vvvv = d->flags & D_VVVV;
	unsigned int i;

	if (d->flags & (emu_is64(c) ? D_NO64 : D_ONLY64))
		return true;
	if (d->flags & D_PROT && !emu_protected(c))
		return true;
	if (in->lock && (!(d->flags & D_LOCK) || mod3))
		return true;
	for (i = 0; i < 3; i++) {
		unsigned int am = OP_AM(d->op[i]), reg = (in->modrm >> 3) & 7;

		if (am == AM_M && mod3)
			return true;
		if ((am == AM_R || am == AM_N || am == AM_U) && !mod3 && !(d->flags & D_MOD3))
			return true;
		if (am == AM_S && (reg > X86_SEG_GS || (reg == X86_SEG_CS && i == 0)))
			return true;
		/* CR0, 2, 3, 4 and 8 exist. */
		if (am == AM_C && !(0x11d >> (reg | (in->rex & 4) << 1) & 1))
			return true;
		if (am == AM_D && in->rex & 4)
			return true;
		vvvv |= am == AM_B || (am == AM_H && (mod3 || !(d->flags & D_HREG)));
	}
	if (!in->vex)
		return d->flags & D_ONLYVEX;
	if (d->flags & (in->vex_l ? D_VEX0 : D_VEX1) || (d->flags & D_VEXW0 && in->vex_w))
		return true;
	return !vvvv && in->vex_vvvv;
}

static bool has_address(const struct emu_insn *in, const struct emu_desc *d)
{
	return in->has_modrm && in->modrm < 0xc0 && !(d->flags & D_MOD3);
}

/*
 * Do @bytes begin with the instruction that @c holds decoded, in the same mode? In real mode the
 * meaning depends on CS.D as well, so there it is decoded again.
 */
static bool decoded_already(const struct emu_ctxt *c, const u8 *bytes, unsigned int len)
{
	const struct emu_insn *in = &c->insn;
	unsigned int i;

	if (!in->complete || len < in->len || in->mode != c->mode || c->mode == EMU_MODE_REAL)
		return false;
	for (i = 0; i < in->len; i++)
		if (bytes[i] != in->bytes[i])
			return false;
	return true;
}

static enum emu_status decode_all(struct emu_ctxt *c)
{
	struct emu_insn *in = &c->insn;
	const struct emu_desc *d;
	enum emu_status st;

	st = take_opcode(c);
	if (st == EMU_OK)
		st = lookup(c);
	if (st != EMU_OK)
		return st;

	d = in->desc;
	if (in->vex && !(d->flags & D_VEX))
		return EMU_FAIL;
	set_sizes(c, d->flags);
	if (emu_has_modrm(d))
		st = take_modrm(c);
	if (st == EMU_OK && has_address(in, d))
		st = take_address(c);
	if (st == EMU_OK)
		st = take_immediates(c, d);
	if (st != EMU_OK)
		return st;
	if (misused(c, d))
		return emu_raise(c, VEC_UD, 0);
	if (!emu_is64(c))
		in->vex_vvvv &= 7;
	emu_resolve(c);
	in->mode = c->mode;
	in->complete = true;
	return EMU_OK;
}

enum emu_status emu_decode(struct emu_ctxt *c, const u8 *bytes, unsigned int len)
{
	struct emu_insn *in = &c->insn;
	enum emu_status st = EMU_OK;

	if (bytes && decoded_already(c, bytes, len)) {
		in->fetched = in->len;
	} else {
		emu_clear_results(c);
		memset(in, 0, sizeof(*in));
		in->seg_override = -1;
		if (bytes) {
			in->fetched = len < EMU_MAX_INSN ? len : EMU_MAX_INSN;
			memcpy(in->bytes, bytes, in->fetched);
		}
		st = decode_all(c);
	}
	if (st == EMU_OK && has_address(in, in->desc))
		in->mem_off = emu_address(c, &in->mem_seg);
	return st;
}
