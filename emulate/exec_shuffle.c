// SPDX-License-Identifier: GPL-2.0-only
/*
 * Elements of vector registers that go elsewhere: duplicated, widened, extracted,
 * inserted, moved to and from memory where a mask says so.
 */
#include "internal.h"

/*
 * MOVSLDUP MOVSHDUP MOVDDUP: of each pair of elements, one in both places. aux: bytes of an
 * element; bit 4: it is the upper one.
 */
enum emu_status ex_movdup(struct emu_exec *x)
{
	unsigned int size = x->d->aux & 15, upper = x->d->aux & 16 ? size : 0, i;
	u8 src[VEC_BYTES], buf[VEC_BYTES] = { 0 };
	enum emu_status st;

	st = emu_vec_get(x, &x->op[1], src, x->op[1].size);
	for (i = 0; st == EMU_OK && i < x->op[0].size; i += size)
		memcpy(buf + i, src + (i & ~(2 * size - 1)) + upper, size);
	return st == EMU_OK ? emu_vec_put(x, &x->op[0], buf, x->op[0].size) : st;
}

/* An element of aux bytes in all places. */
enum emu_status ex_broadcast(struct emu_exec *x)
{
	unsigned int size = x->d->aux, i;
	u8 src[VEC_BYTES], buf[VEC_BYTES] = { 0 };
	enum emu_status st;

	st = emu_vec_get(x, &x->op[1], src, size);
	for (i = 0; st == EMU_OK && i < x->op[0].size; i += size)
		memcpy(buf + i, src, size);
	return st == EMU_OK ? emu_vec_put(x, &x->op[0], buf, x->op[0].size) : st;
}

/* PMOVSX and PMOVZX; the table says what is in aux. */
enum emu_status ex_pmovx(struct emu_exec *x)
{
	unsigned int from = x->d->aux & 7, to = x->d->aux >> 3 & 15, n = x->op[0].size / to, i;
	u8 src[VEC_BYTES], buf[VEC_BYTES] = { 0 };
	enum emu_status st;

	st = emu_vec_get(x, &x->op[1], src, x->op[1].size);
	for (i = 0; st == EMU_OK && i < n; i++) {
		u64 val = 0;

		memcpy(&val, src + i * from, from);
		if (x->d->aux & 0x80)
			val = emu_sext(val, from);
		memcpy(buf + i * to, &val, to);
	}
	return st == EMU_OK ? emu_vec_put(x, &x->op[0], buf, x->op[0].size) : st;
}

/* Where in a register of @width bytes is the element of @size that the immediate names? */
static unsigned int place(const struct emu_exec *x, unsigned int width, unsigned int size)
{
	return (x->op[2].val & (width / size - 1)) * size;
}

/* PEXTRB PEXTRW PEXTRD PEXTRQ EXTRACTPS VEXTRACTF128 VEXTRACTI128; aux: bytes, or the operand's. */
enum emu_status ex_pextr(struct emu_exec *x)
{
	unsigned int size = x->d->aux ? x->d->aux : x->op[0].size;
	u8 reg[VEC_BYTES], buf[VEC_BYTES] = { 0 };
	enum emu_status st;

	st = emu_vec_get(x, &x->op[1], reg, x->op[1].size);
	if (st != EMU_OK)
		return st;
	memcpy(buf, reg + place(x, x->op[1].size, size), size);
	return emu_vec_put(x, &x->op[0], buf, size);
}

/* What the destination has before something is inserted. */
static enum emu_status get_rest(struct emu_exec *x, u8 *buf)
{
	struct emu_opnd from = x->op[0];

	if (x->in->vex)
		from.reg = x->in->vex_vvvv;
	return emu_vec_get(x, &from, buf, from.size);
}

/* PINSRB PINSRW PINSRD PINSRQ VINSERTF128 VINSERTI128; aux as above. */
enum emu_status ex_pinsr(struct emu_exec *x)
{
	unsigned int size = x->d->aux ? x->d->aux : x->op[1].size;
	u8 src[VEC_BYTES], buf[VEC_BYTES] = { 0 };
	enum emu_status st;

	st = emu_vec_get(x, &x->op[1], src, size);
	if (st == EMU_OK)
		st = get_rest(x, buf);
	if (st != EMU_OK)
		return st;
	memcpy(buf + place(x, x->op[0].size, size), src, size);
	return emu_vec_put(x, &x->op[0], buf, x->op[0].size);
}

/* From a register the element of bits 7:6; to that of bits 5:4; bits 3:0 clear elements. */
enum emu_status ex_insertps(struct emu_exec *x)
{
	bool reg = x->op[1].kind == OPND_VEC;
	u8 src[VEC_BYTES], buf[VEC_BYTES] = { 0 };
	unsigned int imm = x->op[2].val, i;
	enum emu_status st;

	st = emu_vec_get(x, &x->op[1], src, reg ? 16 : 4);
	if (st == EMU_OK)
		st = get_rest(x, buf);
	if (st != EMU_OK)
		return st;
	memcpy(buf + (imm >> 4 & 3) * 4, src + (reg ? (imm >> 6 & 3) * 4 : 0), 4);
	for (i = 0; i < 4; i++)
		if (imm >> i & 1)
			memset(buf + i * 4, 0, 4);
	return emu_vec_put(x, &x->op[0], buf, 16);
}

/* The sign bits of the elements of @size bytes of register @o. */
static u32 signs(struct emu_exec *x, const struct emu_opnd *o, unsigned int size)
{
	u8 buf[VEC_BYTES] = { 0 };
	unsigned int i;
	u32 mask = 0;

	emu_vec_get(x, o, buf, o->size);
	for (i = 0; i < o->size / size; i++)
		mask |= (u32)(buf[(i + 1) * size - 1] >> 7) << i;
	return mask;
}

/* PMOVMSKB MOVMSKPS MOVMSKPD; aux: bytes of an element. */
enum emu_status ex_movmsk(struct emu_exec *x)
{
	u32 mask = signs(x, &x->op[1], x->d->aux);

	return emu_vec_put(x, &x->op[0], &mask, sizeof(mask));
}

/*
 * Moves the elements of @size bytes that @mask selects between @data and memory. The others'
 * places may be anything, and nothing is moved unless all can be.
 */
static enum emu_status move_masked(struct emu_exec *x, int seg, u64 off, u8 *data, u32 mask,
				   unsigned int size, u32 acc)
{
	enum { SEGMENT, PAGE, MOVE, NR_STEPS } step;
	enum emu_status st = EMU_OK;
	struct emu_ctxt *c = x->c;
	unsigned int i;
	u64 la[16];

	for (step = SEGMENT; step < NR_STEPS; step++) {
		for (i = 0; i < 16 && st == EMU_OK; i++) {
			if (!(mask >> i & 1))
				continue;
			if (step == SEGMENT)
				st = emu_linear(c, seg, off + i * size, size, acc, &la[i]);
			else if (step == PAGE)
				st = emu_probe(c, la[i], size, acc);
			else if (acc & X86_ACC_WRITE)
				st = c->ops->write(c, la[i], data + i * size, size, acc);
			else
				st = c->ops->read(c, la[i], data + i * size, size, acc);
		}
	}
	return st;
}

/* VMASKMOVPS VMASKMOVPD VPMASKMOVD VPMASKMOVQ; aux: bytes of an element, or VEX.W says. */
enum emu_status ex_vmaskmov(struct emu_exec *x)
{
	unsigned int size = x->d->aux ? x->d->aux : x->in->vex_w ? 8 : 4;
	u32 acc = x->op[0].kind == OPND_MEM ? X86_ACC_WRITE : 0;
	u32 mask = signs(x, &x->op[1], size);
	u8 data[VEC_BYTES] = { 0 };
	enum emu_status st;

	if (acc)
		emu_vec_get(x, &x->op[2], data, x->op[2].size);
	st = move_masked(x, x->in->mem_seg, x->in->mem_off, data, mask, size, acc);
	return st == EMU_OK && !acc ? emu_vec_put(x, &x->op[0], data, x->op[0].size) : st;
}

/*
 * MASKMOVQ MASKMOVDQU: bytes to where (E/R)DI points. To CPUs these are stores of quadwords, the
 * upper one first, which fault whatever the mask is.
 */
enum emu_status ex_maskmov(struct emu_exec *x)
{
	int seg = x->in->seg_override >= 0 ? x->in->seg_override : X86_SEG_DS;
	unsigned int quads = x->op[0].size / 8, i;
	u32 mask = signs(x, &x->op[1], 1);
	u64 di = x->c->gpr[RDI], off[2], la;
	enum emu_status st = EMU_OK;
	u8 data[VEC_BYTES];

	for (i = quads; i-- > 0 && st == EMU_OK;) {
		off[i] = (di + i * 8) & emu_mask(x->in->ad_bytes);
		st = emu_linear(x->c, seg, off[i], 8, X86_ACC_WRITE, &la);
		if (st == EMU_OK)
			st = emu_align_check(x->c, la, 8);
		if (st == EMU_OK)
			st = emu_probe(x->c, la, 8, X86_ACC_WRITE);
	}
	emu_vec_get(x, &x->op[0], data, x->op[0].size);
	for (i = 0; i < quads && st == EMU_OK; i++)
		st = move_masked(x, seg, off[i], data + i * 8, mask >> i * 8 & 0xff, 1,
				 X86_ACC_WRITE);
	return st;
}

/* VZEROUPPER, and VZEROALL with VEX.L. */
enum emu_status ex_vzero(struct emu_exec *x)
{
	unsigned int regs = emu_is64(x->c) ? 16 : 8, i;
	u8 buf[VEC_BYTES] = { 0 };

	for (i = 0; i < regs; i++) {
		if (!x->in->vex_l)
			x->c->ops->get_vec(x->c, i, buf, 16);
		x->c->ops->set_vec(x->c, i, buf, VEC_BYTES);
	}
	return EMU_OK;
}
