/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the opcode maps share: how an entry is written. */
#ifndef KVMX_EMULATE_TABLES_H
#define KVMX_EMULATE_TABLES_H

#include "internal.h"

/* Operands by the SDM's names. */
enum {
	Eb = OP(E, B), Ew = OP(E, W), Ev = OP(E, V), Ez = OP(E, F), Ey = OP(E, Y), Er = OP(E, R),
	Gb = OP(G, B), Gw = OP(G, W), Gv = OP(G, V), Gy = OP(G, Y),
	Mb = OP(M, B), Mw = OP(M, W), Md = OP(M, D), Mq = OP(M, Q), Mv = OP(M, V), My = OP(M, Y),
	Mp = OP(M, P), Mx = OP(M, X), Mc = OP(M, C), Ms = OP(M, T), Rn = OP(R, N),
	Ry = OP(R, Y),
	Zb = OP(Z, B), Zv = OP(Z, V), AL = OP(ACC, B), AX = OP(ACC, W), eAX = OP(ACC, F),
	rAX = OP(ACC, V), rDX = OP(DX, V), CL = OP(CL, B), DX = OP(DX, W), One = OP(ONE, B),
	Ib = OP(I, B), Iw = OP(I, W), Iz = OP(I, F), Iv = OP(I, V), Ib2 = OP(I2, B),
	Jb = OP(J, B), Jz = OP(J, F), Ap = OP(AP, P), Ob = OP(O, B), Ov = OP(O, V),
	Sw = OP(S, W), Cn = OP(C, N), Dn = OP(D, N),
	Vx = OP(V, X), Vo = OP(V, O), Wx = OP(W, X), Wd = OP(W, D), Wq = OP(W, Q), Ho = OP(H, O),
	Wb = OP(W, B), Ww = OP(W, W), Wo = OP(W, O),
	Wx2 = OP(W, X2), Wx4 = OP(W, X4), Wx8 = OP(W, X8), Wxq = OP(W, XQ),
	Uo = OP(U, O), Ux = OP(U, X), Hx = OP(H, X), Mo = OP(M, O),
	Pq = OP(P, Q), Qq = OP(Q, Q), Nq = OP(N, Q), By = OP(B, Y),
	Gd = OP(G, D), Ed = OP(E, D), Erb = OP(E, RB), Erw = OP(E, RW),
	NB = OP(NONE, B), NV = OP(NONE, V), NF = OP(NONE, F),
};

#define I0(n, h, a, f)			{ .name = n, .exec = ex_##h, .kind = DESC_INSN, \
					  .aux = a, .flags = f }
#define I1(n, h, a, f, p)		{ .name = n, .exec = ex_##h, .kind = DESC_INSN, \
					  .aux = a, .flags = f, .op = { p } }
#define I2(n, h, a, f, p, q)		{ .name = n, .exec = ex_##h, .kind = DESC_INSN, \
					  .aux = a, .flags = f, .op = { p, q } }
#define I3(n, h, a, f, p, q, r)		{ .name = n, .exec = ex_##h, .kind = DESC_INSN, \
					  .aux = a, .flags = f, .op = { p, q, r } }
#define FAIL(n)				{ .name = n, .kind = DESC_FAIL }
#define GROUP(k, t)			{ .table = t, .kind = DESC_##k }

/* Properties of many: a locked read and write; loads and stores of vectors, and ... */
#define LRW	(D_RW | D_LOCK)
#define VLOAD	(D_SSE | D_VEX)
#define VSTORE	(D_SSE | D_VEX | D_W0)
/* ... to the place that the immediate says. */
#define VINSERT	(D_SSE | D_VEX | D_VEX0 | D_VVVV)

#endif
