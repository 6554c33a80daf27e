// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operands of a decoded instruction: how large, which register, at which address.
 */
#include "internal.h"

/* Where an operand takes its number from; a value below these is the number itself. */
enum { FROM_RM = 16, FROM_REG, FROM_OPCODE, FROM_VVVV };

/* What the addressing methods name: the kind of operand, for r/m that of a register. */
static const struct {
	u8 kind, number;
} methods[] = {
	[AM_E] = { OPND_REG, FROM_RM },
	[AM_M] = { OPND_MEM, FROM_RM },
	[AM_R] = { OPND_REG, FROM_RM },
	[AM_W] = { OPND_VEC, FROM_RM },
	[AM_U] = { OPND_VEC, FROM_RM },
	[AM_Q] = { OPND_MMX, FROM_RM },
	[AM_N] = { OPND_MMX, FROM_RM },
	[AM_G] = { OPND_REG, FROM_REG },
	[AM_S] = { OPND_SEG, FROM_REG },
	[AM_C] = { OPND_CR, FROM_REG },
	[AM_D] = { OPND_DR, FROM_REG },
	[AM_V] = { OPND_VEC, FROM_REG },
	[AM_P] = { OPND_MMX, FROM_REG },
	[AM_Z] = { OPND_REG, FROM_OPCODE },
	[AM_H] = { OPND_VEC, FROM_VVVV },
	[AM_B] = { OPND_REG, FROM_VVVV },
	[AM_ACC] = { OPND_REG, RAX },
	[AM_CL] = { OPND_REG, RCX },
	[AM_DX] = { OPND_REG, RDX },
	[AM_ONE] = { OPND_IMM, 0 },
	[AM_I] = { OPND_IMM, 0 },
	[AM_J] = { OPND_IMM, 0 },
	[AM_AP] = { OPND_IMM, 0 },
	[AM_I2] = { OPND_IMM, 1 },
	[AM_O] = { OPND_MEM, 0 },
};

/**
 * emu_has_modrm - does an operand of this entry need a ModRM byte?
 * @d: entry of the decode tables
 *
 * The groups on the way to an entry without operands may have one nevertheless.
 */
bool emu_has_modrm(const struct emu_desc *d)
{
	unsigned int i, from;

	for (i = 0; i < 3; i++) {
		from = methods[OP_AM(d->op[i])].number;
		if (from == FROM_RM || from == FROM_REG)
			return true;
	}
	return false;
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
		*seg = X86_SEG_SS;
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
		*seg = X86_SEG_SS;
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

	*seg = X86_SEG_DS;
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

static unsigned int number_of(const struct emu_insn *in, unsigned int from)
{
	switch (from) {
	case FROM_RM:
		return (in->modrm & 7) | (in->rex & 1) << 3;
	case FROM_REG:
		return ((in->modrm >> 3) & 7) | (in->rex & 4) << 1;
	case FROM_OPCODE:
		return (in->opcode & 7) | (in->rex & 1) << 3;
	case FROM_VVVV:
		return in->vex_vvvv;
	}
	return from;
}

static void resolve(struct emu_ctxt *c, const struct emu_desc *d, unsigned int i)
{
	struct emu_insn *in = &c->insn;
	unsigned int am = OP_AM(d->op[i]), from = methods[am].number;
	bool mem = in->modrm < 0xc0 && !(d->flags & D_MOD3);
	struct emu_operand *o = &in->op[i];

	o->size = emu_size(c, OP_SZ(d->op[i]), mem);
	o->kind = from == FROM_RM && mem ? OPND_MEM : methods[am].kind;
	o->reg = number_of(in, from);
	if (o->kind == OPND_MMX || o->kind == OPND_SEG)
		o->reg &= 7;
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
