// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operands of a decoded instruction: how large, which register, at which address.
 */
#include "internal.h"

static bool am_has_modrm(unsigned int am)
{
	switch (am) {
	case AM_E:
	case AM_M:
	case AM_R:
	case AM_G:
	case AM_S:
	case AM_C:
	case AM_D:
	case AM_V:
	case AM_W:
	case AM_P:
	case AM_Q:
	case AM_N:
	case AM_U:
		return true;
	}
	return false;
}

/**
 * emu_has_modrm - does an operand of this entry, or the entry itself, need a ModRM byte?
 * @d: entry of the decode tables
 *
 * Groups on the way to the entry may have one without it.
 */
bool emu_has_modrm(const struct emu_desc *d)
{
	return am_has_modrm(OP_AM(d->op[0])) || am_has_modrm(OP_AM(d->op[1])) ||
	       am_has_modrm(OP_AM(d->op[2]));
}

/**
 * emu_size - the size in bytes of an operand of the decoded instruction
 * @c: decoded context
 * @sz: enum emu_sz
 * @mem: the operand is in memory
 */
unsigned int emu_size(const struct emu_ctxt *c, unsigned int sz, bool mem)
{
	const struct emu_insn *in = &c->insn;

	switch (sz) {
	case SZ_B:
		return 1;
	case SZ_W:
		return 2;
	case SZ_D:
		return 4;
	case SZ_Q:
		return 8;
	case SZ_O:
		return 16;
	case SZ_V:
		return in->op_bytes;
	case SZ_F:
		return in->op_bytes == 2 ? 2 : 4;
	case SZ_Y:
		return in->op_bytes == 8 ? 8 : 4;
	case SZ_X:
		return in->vex_l ? 32 : 16;
	case SZ_N:
		return emu_is64(c) ? 8 : 4;
	case SZ_R:
		return mem ? 2 : in->op_bytes;
	case SZ_P:
		return in->op_bytes + 2;
	case SZ_T:
		return emu_is64(c) ? 10 : 6;
	case SZ_C:
		return in->op_bytes == 8 ? 16 : 8;
	case SZ_X2:
		return in->vex_l ? 16 : 8;
	case SZ_X4:
		return in->vex_l ? 8 : 4;
	case SZ_X8:
		return in->vex_l ? 4 : 2;
	case SZ_XQ:
		return in->vex_l ? 32 : 8;
	case SZ_RB:
		return mem ? 1 : 4;
	case SZ_RW:
		return mem ? 2 : 4;
	}
	return 0;
}

static u64 address16(const struct emu_ctxt *c, u8 *seg)
{
	static const u8 base[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
	const struct emu_insn *in = &c->insn;
	unsigned int rm = in->modrm & 7;
	u64 ea = in->disp;

	if (rm == 6 && in->modrm < 0x40)
		return ea;
	ea += c->gpr[base[rm]];
	if (rm < 4)
		ea += c->gpr[rm & 1 ? RDI : RSI];
	if (base[rm] == RBP)
		*seg = EMU_SEG_SS;
	return ea;
}

static u64 address32(const struct emu_ctxt *c, u8 *seg)
{
	const struct emu_insn *in = &c->insn;
	unsigned int rm = in->modrm & 7, base = rm, index;
	u64 ea = in->disp;

	if (in->rip_relative)
		return ea + c->rip + in->len;
	if (rm == 4) {
		base = in->sib & 7;
		index = ((in->sib >> 3) & 7) | (in->rex & 2) << 2;
		if (index != RSP)
			ea += c->gpr[index] << (in->sib >> 6);
	}
	if (base == 5 && in->modrm < 0x40)
		return ea;
	base |= (in->rex & 1) << 3;
	if (base == RSP || base == RBP)
		*seg = EMU_SEG_SS;
	return ea + c->gpr[base];
}

/**
 * emu_address - the offset and the segment of the ModRM memory operand
 * @c: decoded context
 * @seg: gets the segment
 */
u64 emu_address(const struct emu_ctxt *c, u8 *seg)
{
	u64 ea;

	*seg = EMU_SEG_DS;
	ea = c->insn.ad_bytes == 2 ? address16(c, seg) : address32(c, seg);
	if (c->insn.seg_override >= 0)
		*seg = c->insn.seg_override;
	return ea & emu_mask(c->insn.ad_bytes);
}

/**
 * emu_effective_address - the offset of the ModRM memory operand with the registers as they are
 * @c: decoded context
 */
u64 emu_effective_address(const struct emu_ctxt *c)
{
	u8 seg;

	return emu_address(c, &seg);
}

static enum emu_opnd_kind operand_kind(unsigned int am, bool mem)
{
	switch (am) {
	case AM_NONE:
		return OPND_NONE;
	case AM_E:
	case AM_M:
	case AM_R:
		return mem ? OPND_MEM : OPND_REG;
	case AM_W:
	case AM_U:
		return mem ? OPND_MEM : OPND_VEC;
	case AM_Q:
	case AM_N:
		return mem ? OPND_MEM : OPND_MMX;
	case AM_O:
		return OPND_MEM;
	case AM_ONE:
	case AM_I:
	case AM_I2:
	case AM_J:
	case AM_AP:
		return OPND_IMM;
	case AM_S:
		return OPND_SEG;
	case AM_C:
		return OPND_CR;
	case AM_D:
		return OPND_DR;
	case AM_V:
	case AM_H:
		return OPND_VEC;
	case AM_P:
		return OPND_MMX;
	}
	return OPND_REG;
}

/* Which register of its kind, or which of two immediates. */
static unsigned int operand_number(const struct emu_insn *in, unsigned int am)
{
	switch (am) {
	case AM_E:
	case AM_M:
	case AM_R:
	case AM_W:
	case AM_U:
		return (in->modrm & 7) | (in->rex & 1) << 3;
	case AM_Q:
	case AM_N:
		return in->modrm & 7;
	case AM_G:
	case AM_C:
	case AM_D:
	case AM_V:
		return ((in->modrm >> 3) & 7) | (in->rex & 4) << 1;
	case AM_S:
	case AM_P:
		return (in->modrm >> 3) & 7;
	case AM_Z:
		return (in->opcode & 7) | (in->rex & 1) << 3;
	case AM_H:
	case AM_B:
		return in->vex_vvvv;
	case AM_CL:
		return RCX;
	case AM_DX:
		return RDX;
	case AM_I2:
		return 1;
	}
	return 0;	/* RAX for AM_ACC */
}

static void resolve(struct emu_ctxt *c, const struct emu_desc *d, unsigned int i)
{
	struct emu_insn *in = &c->insn;
	unsigned int am = OP_AM(d->op[i]);
	bool mem = in->modrm < 0xc0 && !(d->flags & D_MOD3);
	struct emu_operand *o = &in->op[i];

	o->size = emu_size(c, OP_SZ(d->op[i]), mem);
	o->kind = operand_kind(am, mem);
	o->reg = operand_number(in, am);
	if (o->kind == OPND_REG && o->size == 1 && !in->rex && o->reg >= 4) {
		o->reg -= 4;
		o->high = true;
	}
	if (am == AM_ONE)
		in->imm = 1;
}

/**
 * emu_resolve - which registers, immediates or memory the operands of the instruction are
 * @c: context whose instruction's bytes have all been read
 */
void emu_resolve(struct emu_ctxt *c)
{
	const struct emu_desc *d = c->insn.desc;
	unsigned int i;

	/* Operands have no gaps in the table. */
	for (i = 0; i < 3 && d->op[i]; i++)
		resolve(c, d, i);
}
