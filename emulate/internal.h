/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the instruction emulator share: the shape of the decode
 * tables, the state of an instruction in execution, and the helpers.
 */
#ifndef KVMX_EMULATE_INTERNAL_H
#define KVMX_EMULATE_INTERNAL_H

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif
#include <emulate.h>

#define FL_CF		0x00000001ull
#define FL_FIXED	0x00000002ull
#define FL_PF		0x00000004ull
#define FL_AF		0x00000010ull
#define FL_ZF		0x00000040ull
#define FL_SF		0x00000080ull
#define FL_TF		0x00000100ull
#define FL_IF		0x00000200ull
#define FL_DF		0x00000400ull
#define FL_OF		0x00000800ull
#define FL_IOPL		0x00003000ull
#define FL_NT		0x00004000ull
#define FL_RF		0x00010000ull
#define FL_VM		0x00020000ull
#define FL_AC		0x00040000ull
#define FL_VIF		0x00080000ull
#define FL_VIP		0x00100000ull
#define FL_ID		0x00200000ull
#define FL_ARITH	(FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF)
#define FL_ALL		(FL_ARITH | FL_TF | FL_IF | FL_DF | FL_IOPL | FL_NT | FL_RF | FL_VM | \
			 FL_AC | FL_VIF | FL_VIP | FL_ID)

#define CR0_PE		0x00000001ull
#define CR0_MP		0x00000002ull
#define CR0_EM		0x00000004ull
#define CR0_TS		0x00000008ull
#define CR0_AM		0x00040000ull
#define CR4_VME		0x00000001ull
#define CR4_PVI		0x00000002ull
#define CR4_TSD		0x00000004ull
#define CR4_PCE		0x00000100ull
#define CR4_OSFXSR	0x00000200ull
#define CR4_UMIP	0x00000800ull
#define CR4_LA57	0x00001000ull
#define CR4_FSGSBASE	0x00010000ull
#define CR4_OSXSAVE	0x00040000ull
#define EFER_SCE	0x00000001ull
#define EFER_LMA	0x00000400ull

enum {
	VEC_DE = 0, VEC_DB = 1, VEC_BP = 3, VEC_OF = 4, VEC_BR = 5, VEC_UD = 6, VEC_NM = 7,
	VEC_DF = 8, VEC_TS = 10, VEC_NP = 11, VEC_SS = 12, VEC_GP = 13, VEC_PF = 14, VEC_MF = 16,
	VEC_AC = 17,
};

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

/* Where an operand is: mostly the letters of SDM vol. 2D, A.2.1. */
enum emu_am {
	AM_NONE,
	AM_E,		/* r/m: general register or memory */
	AM_M,		/* r/m: memory only */
	AM_R,		/* r/m: register only */
	AM_G,		/* reg: general register */
	AM_Z,		/* general register in the low bits of the opcode */
	AM_ACC,		/* AL, AX, EAX, RAX */
	AM_CL,
	AM_DX,
	AM_ONE,		/* the constant 1 */
	AM_I,		/* immediate, sign-extended */
	AM_I2,		/* second immediate, a byte */
	AM_J,		/* displacement of a branch */
	AM_AP,		/* immediate far pointer */
	AM_O,		/* memory at an immediate offset */
	AM_S,		/* reg: segment register */
	AM_C,		/* reg: control register */
	AM_D,		/* reg: debug register */
	AM_V,		/* reg: vector register */
	AM_W,		/* r/m: vector register or memory */
	AM_H,		/* VEX.vvvv: vector register */
	AM_P,		/* reg: MMX register */
	AM_Q,		/* r/m: MMX register or memory */
	AM_B,		/* VEX.vvvv: general register */
	AM_N,		/* r/m: MMX register only */
	AM_U,		/* r/m: vector register only */
};

/* How large it is. */
enum emu_sz {
	SZ_B = 1,	/* 1 byte */
	SZ_W,		/* 2 */
	SZ_D,		/* 4 */
	SZ_Q,		/* 8 */
	SZ_O,		/* 16 */
	SZ_V,		/* the operand size */
	SZ_F,		/* the operand size, at most 4 (the SDM's z) */
	SZ_Y,		/* 4, or 8 with REX.W or VEX.W */
	SZ_X,		/* 16, or 32 with VEX.L */
	SZ_N,		/* 8 in 64-bit mode, else 4 */
	SZ_R,		/* a register: the operand size; memory: 2 */
	SZ_P,		/* far pointer: 2 + operand size */
	SZ_T,		/* descriptor table register: 6, in 64-bit mode 10 */
	SZ_C,		/* 8, or 16 with REX.W */
	SZ_X2,		/* a half of SZ_X */
	SZ_X4,		/* a quarter */
	SZ_X8,		/* an eighth */
	SZ_XQ,		/* 8, or 32 with VEX.L */
	SZ_RB,		/* a register: 4; memory: 1 */
	SZ_RW,		/* a register: 4; memory: 2 */
};

#define OP(am, sz)	(AM_##am << 5 | SZ_##sz)
#define OP_AM(op)	((op) >> 5)
#define OP_SZ(op)	((op) & 31)

/* Properties of a table entry. */
#define D_R0		(1u << 0)	/* the first operand is read */
#define D_W0		(1u << 1)	/* ... is written */
#define D_RW		(D_R0 | D_W0)
#define D_W1		(1u << 2)	/* the second is written, too */
#define D_LOCK		(1u << 3)	/* LOCK is allowed on memory */
#define D_XLOCK		(1u << 4)	/* locked on memory without being asked */
#define D_D64		(1u << 5)	/* operand size 8 is the default in 64-bit mode */
#define D_F64		(1u << 6)	/* ... and cannot be overridden */
#define D_NO64		(1u << 7)	/* undefined in 64-bit mode */
#define D_ONLY64	(1u << 8)	/* undefined elsewhere */
#define D_PROT		(1u << 9)	/* undefined in real and virtual-8086 mode */
#define D_PRIV		(1u << 10)	/* CPL 0 only */
#define D_REP		(1u << 11)	/* a string instruction */
#define D_ADDR		(1u << 12)	/* the handler reaches for memory itself */
#define D_MOD3		(1u << 14)	/* ModRM.mod is ignored: r/m is a register */
#define D_SSE		(1u << 15)	/* needs SSE switched on */
#define D_MMX		(1u << 16)	/* uses the MMX registers */
#define D_VEX		(1u << 17)	/* may be VEX-encoded */
#define D_VEX0		(1u << 18)	/* ... with VEX.L 0 only */
#define D_VEX1		(1u << 23)	/* ... with VEX.L 1 only */
#define D_VEXW0		(1u << 24)	/* ... with VEX.W 0 only */
#define D_HREG		(1u << 21)	/* VEX.vvvv is an operand between registers only */
#define D_VVVV		(1u << 25)	/* VEX.vvvv is an operand that has no place in the entry */
#define D_ONLYVEX	(1u << 22)	/* undefined without VEX */
#define D_ALIGN		(1u << 19)	/* the memory operand must be aligned to its size */
#define D_ALIGN_SSE	(1u << 26)	/* ... unless VEX-encoded */
#define D_UMIP		(1u << 20)	/* CPL 0 only if CR4.UMIP is set */
#define D_X87		(1u << 30)	/* needs x87 switched on */
#define D_WAIT		(1u << 31)	/* reports pending exceptions of x87 first, as MMX does */

enum emu_desc_kind {
	DESC_UNDEF,		/* #UD */
	DESC_INSN,
	DESC_FAIL,		/* defined, but not done here */
	DESC_REG,		/* table of 8 by ModRM.reg */
	DESC_MOD,		/* of 2: memory, register */
	DESC_RM,		/* of 8 by ModRM.rm */
	DESC_PFX,		/* of 4: no prefix, 66, F3, F2 */
	DESC_M64,		/* of 2: outside, inside 64-bit mode */
	DESC_VEX,		/* of 2: without, with VEX */
};

struct emu_exec;
typedef enum emu_status (*emu_exec_fn)(struct emu_exec *x);

/* An entry of the decode tables. */
struct emu_desc {
	const char *name;
	union {
		emu_exec_fn exec;
		const struct emu_desc *table;
	};
	u32 flags;
	u16 op[3];
	u8 kind;
	u8 aux;			/* handed to the handler: which operation of a family */
};

enum emu_opnd_kind { OPND_NONE, OPND_REG, OPND_MEM, OPND_IMM, OPND_SEG, OPND_CR, OPND_DR,
		     OPND_VEC, OPND_MMX };

/* An operand in execution; the first four as in struct emu_operand. */
struct emu_opnd {
	u8 kind;
	u8 reg;
	u8 size;
	bool high;
	u64 la;			/* linear address, unless D_ADDR */
	u64 val;
	u64 old;		/* what was read, for the locked store */
};

/* The instruction in execution. */
struct emu_exec {
	struct emu_ctxt *c;
	const struct emu_insn *in;
	const struct emu_desc *d;
	struct emu_opnd op[3];
	u64 next_rip;
	u64 flags;
	bool lock;
	bool waited;		/* the last attempt ended with EMU_IO */
	bool keep_rf;		/* RF is as the handler set it */
};

static inline u64 emu_low_bits(unsigned int n)
{
	return (1ull << n) - 1;
}

static inline u64 emu_mask(unsigned int size)
{
	return size >= 8 ? ~0ull : emu_low_bits(size * 8);
}

static inline s64 emu_sext(u64 val, unsigned int size)
{
	unsigned int shift = 64 - size * 8;

	return (s64)(val << shift) >> shift;
}

static inline bool emu_protected(const struct emu_ctxt *c)
{
	return c->mode != EMU_MODE_REAL && c->mode != EMU_MODE_VM86;
}

static inline bool emu_is64(const struct emu_ctxt *c)
{
	return c->mode == EMU_MODE_PROT64;
}

static inline unsigned int emu_iopl(const struct emu_ctxt *c)
{
	return (c->rflags & FL_IOPL) >> 12;
}

static inline void emu_clear_results(struct emu_ctxt *c)
{
	memset(&c->fault, 0, sizeof(c->fault));
	c->block_sti = false;
	c->block_mov_ss = false;
	c->more = false;
	c->unblock_nmi = false;
	c->switching = false;	/* iret_task() may have left it */
}

/* --- tables.c --- */
extern const struct emu_desc emu_map_1[256];

/* --- tables_0f.c --- */
extern const struct emu_desc emu_map_0f[256];

/* --- tables_0f38.c --- */
extern const struct emu_desc emu_map_0f38[256], emu_map_0f3a[256];

/* --- operands.c --- */
bool emu_has_modrm(const struct emu_desc *d);
unsigned int emu_size(const struct emu_ctxt *c, unsigned int sz, bool mem);
u64 emu_address(const struct emu_ctxt *c, u8 *seg);
u64 emu_effective_address(const struct emu_ctxt *c);
void emu_resolve(struct emu_ctxt *c);

/* --- access.c: faults, registers, memory, stack --- */
enum emu_status emu_raise(struct emu_ctxt *c, u8 vector, u32 error_code);
enum emu_status emu_linear(struct emu_ctxt *c, int seg, u64 off, unsigned int len, u32 acc,
			   u64 *la);
bool emu_canonical(struct emu_ctxt *c, u64 la);
bool emu_in_limit(const struct x86_segment *s, u64 off, unsigned int len);
enum emu_status emu_align_check(struct emu_ctxt *c, u64 la, unsigned int size);
u64 emu_reg_get(const struct emu_ctxt *c, unsigned int reg, unsigned int size);
void emu_reg_set(struct emu_ctxt *c, unsigned int reg, unsigned int size, u64 val);
enum emu_status emu_mem_read(struct emu_ctxt *c, int seg, u64 off, u64 *val, unsigned int size);
enum emu_status emu_mem_write(struct emu_ctxt *c, int seg, u64 off, u64 val, unsigned int size);
enum emu_status emu_sys_read(struct emu_ctxt *c, u64 la, void *buf, unsigned int len);
enum emu_status emu_sys_write(struct emu_ctxt *c, u64 la, const void *buf, unsigned int len);
enum emu_status emu_probe(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc);
enum emu_status emu_probe_stack(struct emu_ctxt *c, s64 delta, unsigned int size);
unsigned int emu_stack_bytes(struct emu_ctxt *c);
enum emu_status emu_push(struct emu_ctxt *c, u64 val, unsigned int size);
enum emu_status emu_pop(struct emu_ctxt *c, u64 *val, unsigned int size);
enum emu_status emu_pop_selector(struct emu_ctxt *c, u64 *sel, unsigned int size);
void emu_move_sp(struct emu_ctxt *c, s64 delta);
enum emu_status emu_branch(struct emu_exec *x, u64 target, unsigned int size);
bool emu_condition(u64 flags, unsigned int cc);
enum emu_status emu_io_allowed(struct emu_ctxt *c, u16 port, unsigned int size);

/* --- segment.c --- */
enum emu_seg_use { USE_DATA, USE_STACK, USE_LDT, USE_TSS };
#define EMU_DESC_ACCESSED	1

struct emu_raw_desc {
	u32 lo, hi, base_hi, zero;
};

enum emu_status emu_read_desc(struct emu_ctxt *c, u16 sel, struct emu_raw_desc *r, u8 vector);
void emu_unpack_desc(u16 sel, const struct emu_raw_desc *r, struct x86_segment *s);
enum emu_status emu_desc_set_type(struct emu_ctxt *c, u16 sel, struct emu_raw_desc *r, u32 set,
				  u32 clear);
enum emu_status emu_check_segment(struct emu_ctxt *c, int seg, u16 sel, u8 cpl, u8 vector,
				  struct x86_segment *s);
void emu_real_segment(struct emu_ctxt *c, int seg, u16 sel, struct x86_segment *s);
enum emu_status emu_load_segment(struct emu_ctxt *c, int seg, u16 sel);

/* --- exec_far.c --- */
/* A stack that is not the current one yet. */
struct emu_stack {
	struct x86_segment ss;
	u64 sp;
	unsigned int width;
	u8 cpl;
};

enum emu_status emu_inner_stack(struct emu_ctxt *c, u8 dpl, unsigned int ist, struct emu_stack *k);
enum emu_status emu_stack_push(struct emu_ctxt *c, struct emu_stack *k, u64 val, unsigned int size);
void emu_enter_stack(struct emu_ctxt *c, const struct emu_stack *k);
enum emu_status emu_read_code(struct emu_ctxt *c, u16 sel, struct emu_raw_desc *r,
			      struct x86_segment *cs);
enum emu_status emu_check_code(struct emu_ctxt *c, u16 sel, struct emu_raw_desc *r,
			       struct x86_segment *cs, u64 off);
void emu_set_code(struct emu_ctxt *c, const struct x86_segment *cs, u8 cpl);
void emu_enter_code(struct emu_exec *x, struct x86_segment *cs, u64 off, u8 cpl);
enum emu_status emu_far_return(struct emu_exec *x, u16 sel, u64 off, bool stack, u16 release);
enum emu_status ex_lds(struct emu_exec *x);
enum emu_status ex_jmpf(struct emu_exec *x);
enum emu_status ex_callf(struct emu_exec *x);
enum emu_status ex_retf(struct emu_exec *x);

/* --- task.c --- */
enum emu_status emu_switch_in_exec(struct emu_exec *x, u16 sel, int vector, int reason);

/* --- native.c --- */
/* The first eight as ModRM.reg of group 2 has them, BT and its kin as in group 8. */
enum emu_native_op {
	EMU_ROL, EMU_ROR, EMU_RCL, EMU_RCR, EMU_SHL, EMU_SHR, EMU_SAL, EMU_SAR,
	EMU_OR, EMU_AND, EMU_XOR, EMU_TEST, EMU_SHLD, EMU_SHRD, EMU_MUL, EMU_IMUL1, EMU_DIV,
	EMU_IDIV, EMU_IMUL, EMU_BT, EMU_BTS, EMU_BTR, EMU_BTC, EMU_BSF, EMU_BSR, EMU_TZCNT,
	EMU_LZCNT, EMU_ANDN, EMU_BEXTR, EMU_BZHI, EMU_BLSR, EMU_BLSMSK, EMU_BLSI, EMU_BSWAP,
};

/*
 * Operands: a is read and written, b and c are read; c is the count of shifts. For MUL, IMUL
 * of one operand, DIV and IDIV a is RAX, b is RDX, both written, and c is the operand.
 */
struct emu_native {
	u64 a, b, c, flags;
};

/* DIV and IDIV must have been checked, and what is not on every CPU be there. */
void emu_native(enum emu_native_op op, unsigned int size, struct emu_native *n);

/* --- exec_alu.c --- */
u64 emu_compare(u64 flags, u64 a, u64 b, unsigned int size);
enum emu_status ex_alu(struct emu_exec *x);
enum emu_status ex_test(struct emu_exec *x);
enum emu_status ex_not(struct emu_exec *x);
enum emu_status ex_neg(struct emu_exec *x);
enum emu_status ex_inc(struct emu_exec *x);
enum emu_status ex_dec(struct emu_exec *x);
enum emu_status ex_shift(struct emu_exec *x);
enum emu_status ex_shld(struct emu_exec *x);
enum emu_status ex_mul(struct emu_exec *x);
enum emu_status ex_imul1(struct emu_exec *x);
enum emu_status ex_imul(struct emu_exec *x);
enum emu_status ex_div(struct emu_exec *x);
enum emu_status ex_idiv(struct emu_exec *x);
enum emu_status ex_xchg(struct emu_exec *x);
enum emu_status ex_xadd(struct emu_exec *x);
enum emu_status ex_cmpxchg(struct emu_exec *x);
enum emu_status ex_cmpxchg8b(struct emu_exec *x);
enum emu_status ex_bt(struct emu_exec *x);
enum emu_status ex_scan(struct emu_exec *x);
enum emu_status ex_popcnt(struct emu_exec *x);
enum emu_status ex_bcd(struct emu_exec *x);
enum emu_status ex_aam(struct emu_exec *x);
enum emu_status ex_aad(struct emu_exec *x);
enum emu_status ex_bswap(struct emu_exec *x);

/* --- exec_bits.c --- */
enum emu_status ex_andn(struct emu_exec *x);
enum emu_status ex_bextr(struct emu_exec *x);
enum emu_status ex_bzhi(struct emu_exec *x);
enum emu_status ex_bls(struct emu_exec *x);
enum emu_status ex_pdep(struct emu_exec *x);
enum emu_status ex_pext(struct emu_exec *x);
enum emu_status ex_shiftx(struct emu_exec *x);
enum emu_status ex_mulx(struct emu_exec *x);
enum emu_status ex_adx(struct emu_exec *x);
enum emu_status ex_crc32(struct emu_exec *x);
enum emu_status ex_salc(struct emu_exec *x);

/* --- exec_sysenter.c --- */
enum emu_status ex_syscall(struct emu_exec *x);
enum emu_status ex_sysret(struct emu_exec *x);
enum emu_status ex_sysenter(struct emu_exec *x);
enum emu_status ex_sysexit(struct emu_exec *x);

/* --- exec_move.c --- */
enum emu_status ex_mov(struct emu_exec *x);
enum emu_status ex_movsx(struct emu_exec *x);
enum emu_status ex_cmov(struct emu_exec *x);
enum emu_status ex_setcc(struct emu_exec *x);
enum emu_status ex_lea(struct emu_exec *x);
enum emu_status ex_movbe(struct emu_exec *x);
enum emu_status ex_cbw(struct emu_exec *x);
enum emu_status ex_cwd(struct emu_exec *x);
enum emu_status ex_xlat(struct emu_exec *x);
enum emu_status ex_lahf(struct emu_exec *x);
enum emu_status ex_sahf(struct emu_exec *x);
enum emu_status ex_flag(struct emu_exec *x);
enum emu_status ex_cli(struct emu_exec *x);
enum emu_status ex_sti(struct emu_exec *x);
enum emu_status ex_nop(struct emu_exec *x);
enum emu_status ex_nop_xchg(struct emu_exec *x);
enum emu_status ex_push(struct emu_exec *x);
enum emu_status ex_push_seg(struct emu_exec *x);
enum emu_status ex_pop(struct emu_exec *x);
enum emu_status ex_pop_seg(struct emu_exec *x);
enum emu_status ex_mov_from_seg(struct emu_exec *x);
enum emu_status ex_mov_to_seg(struct emu_exec *x);
enum emu_status ex_pusha(struct emu_exec *x);
enum emu_status ex_popa(struct emu_exec *x);
enum emu_status ex_pushf(struct emu_exec *x);
enum emu_status ex_popf(struct emu_exec *x);
enum emu_status ex_enter(struct emu_exec *x);
enum emu_status ex_leave(struct emu_exec *x);

/* --- exec_string.c --- */
enum emu_status ex_movs(struct emu_exec *x);
enum emu_status ex_stos(struct emu_exec *x);
enum emu_status ex_lods(struct emu_exec *x);
enum emu_status ex_cmps(struct emu_exec *x);
enum emu_status ex_scas(struct emu_exec *x);
enum emu_status ex_ins(struct emu_exec *x);
enum emu_status ex_outs(struct emu_exec *x);
enum emu_status ex_in(struct emu_exec *x);
enum emu_status ex_out(struct emu_exec *x);

/* --- exec_branch.c --- */
enum emu_status ex_jcc(struct emu_exec *x);
enum emu_status ex_jmp(struct emu_exec *x);
enum emu_status ex_jmp_ind(struct emu_exec *x);
enum emu_status ex_call(struct emu_exec *x);
enum emu_status ex_call_ind(struct emu_exec *x);
enum emu_status ex_ret(struct emu_exec *x);
enum emu_status ex_loop(struct emu_exec *x);
enum emu_status ex_jcxz(struct emu_exec *x);
enum emu_status ex_bound(struct emu_exec *x);

/* --- exec_int.c --- */
enum emu_status ex_int(struct emu_exec *x);
enum emu_status ex_int3(struct emu_exec *x);
enum emu_status ex_into(struct emu_exec *x);
enum emu_status ex_iret(struct emu_exec *x);

/* --- exec_system.c --- */
enum emu_status ex_cpuid(struct emu_exec *x);
enum emu_status ex_rdtsc(struct emu_exec *x);
enum emu_status ex_rdpmc(struct emu_exec *x);
enum emu_status ex_rdmsr(struct emu_exec *x);
enum emu_status ex_wrmsr(struct emu_exec *x);
enum emu_status ex_xcr(struct emu_exec *x);
enum emu_status ex_hlt(struct emu_exec *x);
enum emu_status ex_monitor(struct emu_exec *x);
enum emu_status ex_mwait(struct emu_exec *x);
enum emu_status ex_wbinvd(struct emu_exec *x);
enum emu_status ex_vmcall(struct emu_exec *x);
enum emu_status ex_clts(struct emu_exec *x);
enum emu_status ex_smsw(struct emu_exec *x);
enum emu_status ex_lmsw(struct emu_exec *x);
enum emu_status ex_mov_from_cr(struct emu_exec *x);
enum emu_status ex_mov_to_cr(struct emu_exec *x);
enum emu_status ex_mov_from_dr(struct emu_exec *x);
enum emu_status ex_mov_to_dr(struct emu_exec *x);
enum emu_status ex_invlpg(struct emu_exec *x);
enum emu_status ex_clflush(struct emu_exec *x);
enum emu_status ex_stac(struct emu_exec *x);
enum emu_status ex_swapgs(struct emu_exec *x);
enum emu_status ex_fsgsbase(struct emu_exec *x);
enum emu_status ex_sgdt(struct emu_exec *x);
enum emu_status ex_lgdt(struct emu_exec *x);
enum emu_status ex_sldt(struct emu_exec *x);
enum emu_status ex_lldt(struct emu_exec *x);
enum emu_status ex_lar(struct emu_exec *x);
enum emu_status ex_verr(struct emu_exec *x);
enum emu_status ex_arpl(struct emu_exec *x);
enum emu_status ex_int1(struct emu_exec *x);

/* --- exec_fpu.c --- */
enum emu_status emu_fpu_wait(struct emu_ctxt *c);
u64 emu_mmx_get(struct emu_ctxt *c, unsigned int reg);
void emu_mmx_set(struct emu_ctxt *c, unsigned int reg, u64 val);
void emu_mmx_done(struct emu_exec *x);
enum emu_status ex_fld(struct emu_exec *x);
enum emu_status ex_fst(struct emu_exec *x);
enum emu_status ex_fnstcw(struct emu_exec *x);
enum emu_status ex_fldcw(struct emu_exec *x);
enum emu_status ex_fnclex(struct emu_exec *x);
enum emu_status ex_fninit(struct emu_exec *x);
enum emu_status ex_fwait(struct emu_exec *x);
enum emu_status ex_emms(struct emu_exec *x);

/* --- exec_vec.c --- */
#define VEC_BYTES	32

enum emu_status emu_vec_get(struct emu_exec *x, const struct emu_opnd *o, void *buf,
			    unsigned int len);
enum emu_status emu_vec_put(struct emu_exec *x, const struct emu_opnd *o, const void *buf,
			    unsigned int len);
enum emu_status ex_movv(struct emu_exec *x);
enum emu_status ex_movs_scalar(struct emu_exec *x);
enum emu_status ex_movh_load(struct emu_exec *x);
enum emu_status ex_movh_store(struct emu_exec *x);
enum emu_status ex_mxcsr(struct emu_exec *x);
enum emu_status ex_fxsave(struct emu_exec *x);
enum emu_status ex_fxrstor(struct emu_exec *x);

/* --- exec_shuffle.c --- */
enum emu_status ex_movdup(struct emu_exec *x);
enum emu_status ex_broadcast(struct emu_exec *x);
enum emu_status ex_pmovx(struct emu_exec *x);
enum emu_status ex_pextr(struct emu_exec *x);
enum emu_status ex_pinsr(struct emu_exec *x);
enum emu_status ex_insertps(struct emu_exec *x);
enum emu_status ex_movmsk(struct emu_exec *x);
enum emu_status ex_vmaskmov(struct emu_exec *x);
enum emu_status ex_maskmov(struct emu_exec *x);
enum emu_status ex_vzero(struct emu_exec *x);

#endif
