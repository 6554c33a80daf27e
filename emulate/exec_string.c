// SPDX-License-Identifier: GPL-2.0-only
/*
 * String instructions with their REP forms, and port I/O.
 *
 * One call finishes at least one element and stops at the end of a page, so
 * interrupts get their turn. What stops an element other than the first ends
 * the call there; the element is tried anew by the next one. In a device each
 * element is a call: an answer must not wait for a call that starts later.
 */
#include "internal.h"

#define PAGE_BYTES	4096u
#define PIO_BATCH	1024u	/* bytes of port data on the stack */
#define COPY_CHUNK	64u	/* the longest access of the memory callbacks */

enum { USE_SI = 1, USE_DI = 2, COMPARES = 4 };

static u64 offset(struct emu_exec *x, unsigned int reg)
{
	return x->c->gpr[reg] & emu_mask(x->in->ad_bytes);
}

static enum emu_status source(struct emu_exec *x, unsigned int len, u64 *la)
{
	int seg = x->in->seg_override >= 0 ? x->in->seg_override : X86_SEG_DS;
	enum emu_status st = emu_linear(x->c, seg, offset(x, RSI), len, 0, la);

	return st == EMU_OK ? emu_align_check(x->c, *la, x->op[0].size) : st;
}

static enum emu_status destination(struct emu_exec *x, unsigned int len, u32 acc, u64 *la)
{
	enum emu_status st = emu_linear(x->c, X86_SEG_ES, offset(x, RDI), len, acc, la);

	return st == EMU_OK ? emu_align_check(x->c, *la, x->op[0].size) : st;
}

static void advance(struct emu_exec *x, unsigned int reg, unsigned int count)
{
	s64 step = (s64)count * x->op[0].size;

	if (x->flags & FL_DF)
		step = -step;
	emu_reg_set(x->c, reg, x->in->ad_bytes, x->c->gpr[reg] + step);
}

/* How many elements from @la on lie wholly in its page; one that crosses counts alone. */
static unsigned int page_room(u64 la, unsigned int size, bool down)
{
	unsigned int off = la % PAGE_BYTES;
	unsigned int n = down ? off / size + 1 : (PAGE_BYTES - off) / size;

	return n ? n : 1;
}

/* Between the parts of a repeated comparison, the flags are those from before it. */
static enum emu_status unfinished(struct emu_exec *x)
{
	x->flags = x->c->rflags;
	x->c->more = true;
	return EMU_OK;
}

/*
 * Runs @element, which leaves the linear addresses in op[0] (destination) and
 * op[1] (source), as often as REP says.
 */
static enum emu_status repeat(struct emu_exec *x, enum emu_status (*element)(struct emu_exec *x),
			      unsigned int use)
{
	struct emu_ctxt *c = x->c;
	unsigned int size = x->op[0].size, room = PAGE_BYTES / size, n;
	u64 left = x->in->rep ? offset(x, RCX) : 1, done = 0;
	bool down = x->flags & FL_DF, equal = x->in->rep == 0xf3;
	enum emu_status st;

	if (!left) {
		/* A 32-bit count of zero is written back, and clears the upper half. */
		emu_reg_set(c, RCX, x->in->ad_bytes, 0);
		return EMU_OK;
	}
	for (;;) {
		st = element(x);
		if (st != EMU_OK)
			break;
		if (use & USE_SI)
			advance(x, RSI, 1);
		if (use & USE_DI)
			advance(x, RDI, 1);
		if (!x->in->rep)
			return EMU_OK;
		emu_reg_set(c, RCX, x->in->ad_bytes, --left);
		if (!left)
			return EMU_OK;
		if (use & COMPARES && !(x->flags & FL_ZF) == equal)
			return EMU_OK;
		if (!done++) {
			if (use & USE_SI) {
				n = page_room(x->op[1].la, size, down);
				room = n < room ? n : room;
			}
			if (use & USE_DI) {
				n = page_room(x->op[0].la, size, down);
				room = n < room ? n : room;
			}
		}
		if (done >= room || x->flags & FL_TF || x->waited)
			return unfinished(x);
	}
	if (!done)
		return st;
	return unfinished(x);
}

static enum emu_status read_source(struct emu_exec *x, u64 *val)
{
	unsigned int size = x->op[0].size;
	enum emu_status st = source(x, size, &x->op[1].la);

	return st == EMU_OK ? x->c->ops->read(x->c, x->op[1].la, val, size, 0) : st;
}

static enum emu_status read_destination(struct emu_exec *x, u64 *val)
{
	unsigned int size = x->op[0].size;
	enum emu_status st = destination(x, size, 0, &x->op[0].la);

	return st == EMU_OK ? x->c->ops->read(x->c, x->op[0].la, val, size, 0) : st;
}

static enum emu_status one_movs(struct emu_exec *x)
{
	unsigned int size = x->op[0].size;
	u64 val = 0;
	enum emu_status st = read_source(x, &val);

	if (st == EMU_OK)
		st = destination(x, size, X86_ACC_WRITE, &x->op[0].la);
	if (st == EMU_OK)
		st = x->c->ops->write(x->c, x->op[0].la, &val, size, X86_ACC_WRITE);
	return st;
}

static enum emu_status one_stos(struct emu_exec *x)
{
	unsigned int size = x->op[0].size;
	u64 val = x->c->gpr[RAX];
	enum emu_status st;

	st = destination(x, size, X86_ACC_WRITE, &x->op[0].la);
	if (st == EMU_OK)
		st = x->c->ops->write(x->c, x->op[0].la, &val, size, X86_ACC_WRITE);
	return st;
}

static enum emu_status one_lods(struct emu_exec *x)
{
	unsigned int size = x->op[0].size;
	u64 val = 0;
	enum emu_status st = read_source(x, &val);

	if (st == EMU_OK)
		emu_reg_set(x->c, RAX, size, val);
	return st;
}

static enum emu_status one_cmps(struct emu_exec *x)
{
	unsigned int size = x->op[0].size;
	u64 a = 0, b = 0;
	enum emu_status st;

	/* CPUs look at the second operand first, as their faults show. */
	st = read_destination(x, &b);
	if (st == EMU_OK)
		st = read_source(x, &a);
	if (st == EMU_OK)
		x->flags = emu_compare(x->flags, a, b, size);
	return st;
}

static enum emu_status one_scas(struct emu_exec *x)
{
	unsigned int size = x->op[0].size;
	u64 b = 0;
	enum emu_status st = read_destination(x, &b);

	if (st == EMU_OK)
		x->flags = emu_compare(x->flags, emu_reg_get(x->c, RAX, size), b, size);
	return st;
}

enum emu_status ex_movs(struct emu_exec *x)
{
	return repeat(x, one_movs, USE_SI | USE_DI);
}

enum emu_status ex_stos(struct emu_exec *x)
{
	return repeat(x, one_stos, USE_DI);
}

enum emu_status ex_lods(struct emu_exec *x)
{
	return repeat(x, one_lods, USE_SI);
}

enum emu_status ex_cmps(struct emu_exec *x)
{
	return repeat(x, one_cmps, USE_SI | USE_DI | COMPARES);
}

enum emu_status ex_scas(struct emu_exec *x)
{
	return repeat(x, one_scas, USE_DI | COMPARES);
}

/*
 * How many elements of INS or OUTS go in one batch, @la being the address of the
 * first: upwards only, in one page of memory, inside the segment, without wrapping.
 */
static unsigned int batch(struct emu_exec *x, unsigned int reg, int seg, u32 acc, u64 la)
{
	unsigned int size = x->op[0].size, n = PIO_BATCH / size, room;
	u64 off = offset(x, reg), left = offset(x, RCX), end;

	if (!x->in->rep || x->flags & (FL_DF | FL_TF) || x->c->probed_device)
		return 1;
	room = page_room(la, size, false);
	n = room < n ? room : n;
	n = left < n ? left : n;
	end = (emu_mask(x->in->ad_bytes) - off) / size;
	if (end < n)
		n = end ? end : 1;
	if (n > 1 && emu_linear(x->c, seg, off, n * size, acc, &la) != EMU_OK)
		n = 1;
	return n;
}

static void finish_batch(struct emu_exec *x, unsigned int reg, unsigned int n)
{
	advance(x, reg, n);
	if (!x->in->rep)
		return;
	emu_reg_set(x->c, RCX, x->in->ad_bytes, x->c->gpr[RCX] - n);
	x->c->more = offset(x, RCX);
}

enum emu_status ex_ins(struct emu_exec *x)
{
	struct emu_ctxt *c = x->c;
	unsigned int size = x->op[0].size, n, done, len;
	u16 port = c->gpr[RDX];
	u8 buf[PIO_BATCH];
	enum emu_status st;
	u64 la;

	st = emu_io_allowed(c, port, size);
	if (st != EMU_OK || (x->in->rep && !offset(x, RCX)))
		return st;
	st = destination(x, size, X86_ACC_WRITE, &la);
	if (st != EMU_OK)
		return st;
	/* Input that cannot be stored would be lost. */
	st = emu_probe(c, la, size, X86_ACC_WRITE);
	if (st != EMU_OK)
		return st;
	n = batch(x, RDI, X86_SEG_ES, X86_ACC_WRITE, la);
	st = c->ops->pio_in(c, port, size, buf, n);
	for (done = 0; st == EMU_OK && done < n * size; done += len) {
		len = n * size - done < COPY_CHUNK ? n * size - done : COPY_CHUNK;
		st = c->ops->write(c, la + done, buf + done, len, X86_ACC_WRITE);
	}
	if (st == EMU_OK)
		finish_batch(x, RDI, n);
	return st;
}

enum emu_status ex_outs(struct emu_exec *x)
{
	int seg = x->in->seg_override >= 0 ? x->in->seg_override : X86_SEG_DS;
	struct emu_ctxt *c = x->c;
	unsigned int size = x->op[0].size, n, done, len;
	u16 port = c->gpr[RDX];
	u8 buf[PIO_BATCH];
	enum emu_status st;
	u64 la;

	st = emu_io_allowed(c, port, size);
	if (st != EMU_OK || (x->in->rep && !offset(x, RCX)))
		return st;
	st = source(x, size, &la);
	if (st == EMU_OK)
		st = emu_probe(c, la, size, 0);
	if (st != EMU_OK)
		return st;
	n = batch(x, RSI, seg, 0, la);
	for (done = 0; st == EMU_OK && done < n * size; done += len) {
		len = n * size - done < COPY_CHUNK ? n * size - done : COPY_CHUNK;
		st = c->ops->read(c, la + done, buf + done, len, 0);
	}
	if (st == EMU_OK)
		st = c->ops->pio_out(c, port, size, buf, n);
	if (st == EMU_OK)
		finish_batch(x, RSI, n);
	return st;
}

static u16 port_of(const struct emu_opnd *o)
{
	return o->kind == OPND_IMM ? o->val & 0xff : o->val;
}

enum emu_status ex_in(struct emu_exec *x)
{
	u16 port = port_of(&x->op[1]);
	enum emu_status st = emu_io_allowed(x->c, port, x->op[0].size);

	x->op[0].val = 0;
	return st == EMU_OK ? x->c->ops->pio_in(x->c, port, x->op[0].size, &x->op[0].val, 1) : st;
}

enum emu_status ex_out(struct emu_exec *x)
{
	u16 port = port_of(&x->op[0]);
	enum emu_status st = emu_io_allowed(x->c, port, x->op[1].size);

	return st == EMU_OK ? x->c->ops->pio_out(x->c, port, x->op[1].size, &x->op[1].val, 1) : st;
}
