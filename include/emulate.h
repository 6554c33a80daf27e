/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruction emulator: decode and execution of one x86 instruction on a
 * register context, with everything outside the registers behind callbacks.
 * Knows nothing of VMX or of the kernel; builds as a user-space library too.
 */
#ifndef KVMX_EMULATE_H
#define KVMX_EMULATE_H

#include "x86.h"

/* What a callback answers, and what emu_execute() answers. */
enum emu_status {
	EMU_OK,		/* done */
	EMU_FAULT,	/* an exception: ctxt->fault says which */
	EMU_IO,		/* a device access waits for user space; execute again later */
	EMU_RETRY,	/* the world moved under the access; run the guest again */
	EMU_FAIL,	/* not something this emulator does */
};

enum emu_mode {
	EMU_MODE_REAL,
	EMU_MODE_VM86,
	EMU_MODE_PROT16,
	EMU_MODE_PROT32,	/* also compatibility mode with CS.D set */
	EMU_MODE_PROT64,
};

/* The image of FXSAVE, SDM vol. 1, 10.5.1; pointers as with REX.W. */
struct emu_fx_reg {
	u64 mant;
	u16 se;			/* sign and exponent */
	u16 reserved[3];
};

struct emu_fx {
	u16 cw, sw;
	u8 tags, reserved;	/* a bit for each register, not in the order of the stack */
	u16 op;
	u64 ip, dp;
	u32 mxcsr, mxcsr_mask;
	struct emu_fx_reg st[8];
	u8 xmm[16][16];
	u8 software[96];
} __attribute__((aligned(16)));

/* Instructions that not every CPU has. */
enum emu_feature { EMU_BMI1, EMU_BMI2 };

struct emu_ctxt;

/*
 * Addresses are linear. A length is 1 to 64 bytes and may cross a page. On
 * EMU_FAULT the callback has filled ctxt->fault; all but a page fault of the
 * memory callbacks means the instruction is abandoned with that exception.
 *
 * A device access that user space must answer makes a callback return EMU_IO.
 * emu_execute() then returns EMU_IO with the context unchanged, and is called
 * again on the same instruction when the answer is there; the owner of the
 * callbacks replays what was already answered, in order.  So the emulator
 * touches devices in an order that depends on nothing but the context and what
 * it read, and writes RAM and registers after the last device read. A REP string
 * instruction does no further element after one that had to wait. A task switch cannot
 * wait: while ctxt->switching is set, callbacks refuse devices.
 */
struct emu_ops {
	enum emu_status (*fetch)(struct emu_ctxt *c, u64 la, void *buf, unsigned int len);
	enum emu_status (*read)(struct emu_ctxt *c, u64 la, void *buf, unsigned int len, u32 acc);
	enum emu_status (*write)(struct emu_ctxt *c, u64 la, const void *buf, unsigned int len,
				 u32 acc);
	/* Stores @new if memory still holds @old, atomically; EMU_RETRY if not. */
	enum emu_status (*cmpxchg)(struct emu_ctxt *c, u64 la, const void *old, const void *new,
				   unsigned int len);
	/*
	 * Faults if @len bytes, in one page, may not be accessed so; touches nothing.
	 * Says in ctxt->probed_device whether they are something other than memory.
	 */
	enum emu_status (*probe)(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc);
	/* @count elements of @size bytes, at most 4096 bytes together. */
	enum emu_status (*pio_in)(struct emu_ctxt *c, u16 port, unsigned int size, void *buf,
				  unsigned int count);
	enum emu_status (*pio_out)(struct emu_ctxt *c, u16 port, unsigned int size, const void *buf,
				   unsigned int count);

	void (*get_segment)(struct emu_ctxt *c, enum x86_seg seg, struct x86_segment *s);
	void (*set_segment)(struct emu_ctxt *c, enum x86_seg seg, const struct x86_segment *s);
	void (*get_gdt)(struct emu_ctxt *c, struct x86_table *t);
	void (*set_gdt)(struct emu_ctxt *c, const struct x86_table *t);
	void (*get_idt)(struct emu_ctxt *c, struct x86_table *t);
	void (*set_idt)(struct emu_ctxt *c, const struct x86_table *t);

	/* CR0, 2, 3, 4, 8.  set_*: EMU_FAULT where the CPU would fault. */
	u64 (*get_cr)(struct emu_ctxt *c, int cr);
	enum emu_status (*set_cr)(struct emu_ctxt *c, int cr, u64 val);
	u64 (*get_dr)(struct emu_ctxt *c, int dr);
	enum emu_status (*set_dr)(struct emu_ctxt *c, int dr, u64 val);
	enum emu_status (*get_msr)(struct emu_ctxt *c, u32 msr, u64 *val);
	enum emu_status (*set_msr)(struct emu_ctxt *c, u32 msr, u64 val);
	u64 (*get_efer)(struct emu_ctxt *c);
	u64 (*get_xcr)(struct emu_ctxt *c, u32 index);	/* may be NULL: all is enabled */
	enum emu_status (*set_xcr)(struct emu_ctxt *c, u32 index, u64 val);
	enum emu_status (*rdpmc)(struct emu_ctxt *c, u32 index, u64 *val);
	u64 (*rdtsc)(struct emu_ctxt *c, u32 *aux);
	void (*cpuid)(struct emu_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
	enum emu_status (*halt)(struct emu_ctxt *c);
	enum emu_status (*invlpg)(struct emu_ctxt *c, u64 la);
	enum emu_status (*wbinvd)(struct emu_ctxt *c);
	enum emu_status (*hypercall)(struct emu_ctxt *c);
	/* Can the CPU that this runs on execute them? May be NULL: it cannot. */
	bool (*cpu_has)(struct emu_ctxt *c, enum emu_feature f);

	/* Vector registers: 0-15, @len 8, 16 or 32 (the upper half as the guest has it). */
	void (*get_vec)(struct emu_ctxt *c, int reg, void *buf, unsigned int len);
	void (*set_vec)(struct emu_ctxt *c, int reg, const void *buf, unsigned int len);
	/*
	 * The image of FXSAVE, with 64-bit pointers if @wide: x87, MMX and MXCSR.
	 * fxrstor() gets no reserved bit of MXCSR. Of the vector registers it holds,
	 * those that the mode does not have come as fxsave() gave them.
	 */
	void (*fxsave)(struct emu_ctxt *c, struct emu_fx *fx, bool wide);
	void (*fxrstor)(struct emu_ctxt *c, const struct emu_fx *fx, bool wide);
};

#define EMU_MAX_INSN	15

/*
 * The most accesses that an instruction makes, in pieces of 8 bytes at most which lie in
 * one page: a far call through a gate with 31 parameters, all of it across pages. REP ends
 * a call where no more are possible; the number is even, so an element is never cut in two.
 */
#define EMU_MAX_ACCESSES 82

/* An operand as far as the encoding says. */
struct emu_operand {
	u8 kind;		/* register, memory, immediate, ... */
	u8 reg;			/* which register, or of two immediates */
	u8 size;
	bool high;		/* AH, CH, DH, BH */
};

struct emu_insn {
	u8 bytes[EMU_MAX_INSN];
	u8 fetched;		/* bytes valid in bytes[] */
	u8 len;			/* length of the decoded instruction */
	u8 map;			/* 0: one-byte, 1: 0F, 2: 0F38, 3: 0F3A */
	u8 opcode;
	u8 modrm, sib;
	bool has_modrm;
	u8 rex;			/* 0 if none */
	bool vex, vex_l, vex_w;
	u8 vex_vvvv, vex_pp;
	bool opsize_prefix, adsize_prefix, lock;
	u8 rep;			/* 0, 0xf2 or 0xf3 */
	s8 seg_override;	/* enum x86_seg or -1 */
	u8 op_bytes;		/* 2, 4 or 8; byte forms are in the table's flags */
	u8 ad_bytes;
	u8 mem_seg;		/* the segment of the memory operand */
	bool rip_relative;
	u64 mem_off;		/* its effective address, before the segment base */
	s64 disp;
	u64 imm, imm2;
	struct emu_operand op[3];
	u8 mode;		/* enum emu_mode that it was decoded in */
	bool complete;		/* emu_decode() answered EMU_OK */
	const void *desc;	/* the decode table's entry */
};

struct emu_ctxt {
	/* Set up by the caller. */
	const struct emu_ops *ops;
	void *priv;
	enum emu_mode mode;
	u8 cpl;
	bool long_mode_active;	/* EFER.LMA: 64-bit or compatibility mode */
	bool vendor_amd;		/* what CPUID tells the guest: SYSCALL differs */
	/*
	 * The guest's registers, updated when emu_execute() returns EMU_OK. A far
	 * transfer updates mode and cpl as well; a write of CR0 leaves that to
	 * the caller.
	 */
	u64 gpr[16];
	u64 rip;
	u64 rflags;
	/* Results. */
	struct x86_fault fault;
	bool block_sti;		/* the instruction leaves an STI shadow */
	bool block_mov_ss;	/* ... a MOV SS/POP SS shadow */
	bool more;		/* EMU_OK, but the REP instruction is not finished: rip unchanged */
	bool unblock_nmi;	/* an IRET was executed */
	bool waited;		/* the last emu_execute() answered EMU_IO */
	bool probed_device;	/* set by the probe callback */
	bool switching;		/* a task switch: memory only */
	/* Decode state. */
	struct emu_insn insn;
};

/* --- emulate/decode.c --- */
/**
 * emu_decode - decode the instruction at cs:rip
 * @c: context with ops, mode, cpl, registers set
 * @bytes: instruction bytes already at hand (VMX instruction information), or NULL
 * @len: how many
 *
 * Fetches from no page that the instruction does not reach into, and never more
 * than 15 bytes. If @bytes begin with what @c holds decoded already, that is used.
 * Return: EMU_OK; EMU_FAULT (#UD, #GP for length, #PF of a fetch); EMU_RETRY;
 * EMU_FAIL for a defined instruction the emulator does not do.
 */
enum emu_status emu_decode(struct emu_ctxt *c, const u8 *bytes, unsigned int len);

/* --- emulate/exec.c --- */
/**
 * emu_execute - execute the instruction that emu_decode() left in the context
 * @c: decoded context
 *
 * A REP string instruction advances at least one element, at most 4096 bytes
 * and never past a page of either operand; c->more says that it goes on.
 *
 * Return: see enum emu_status. Except for EMU_OK the guest's registers are
 * unchanged. EMU_OK with fault.trap set: an exception is to be delivered after
 * the instruction.
 */
enum emu_status emu_execute(struct emu_ctxt *c);

/* --- emulate/task.c --- */
/**
 * emu_task_switch - hardware task switch, SDM 3A 8.3
 * @c: context with ops, mode, cpl, registers set
 * @selector: selector of the new task's TSS (of the task gate's TSS)
 * @idt_vector: vector of the INT n, INT3 or INTO whose task gate it was, or -1
 * @reason: 0 CALL, 1 IRET, 2 JMP, 3 task gate in the IDT (the exit qualification's coding)
 * @has_error: push @error_code on the new task's stack
 * @error_code: that error code
 *
 * Return: EMU_OK with the new task's registers in @c and behind the callbacks; if
 * fault.trap is set, that exception (of loading its segments, or the debug trap
 * of the TSS's T bit) is to be delivered in the new task. EMU_FAULT: an exception
 * of the old task.
 */
enum emu_status emu_task_switch(struct emu_ctxt *c, u16 selector, int idt_vector, int reason,
				bool has_error, u32 error_code);

/* --- emulate/exec_int.c --- */
/**
 * emu_inject_real - deliver an interrupt or exception in real mode through the IVT
 * @c: context in EMU_MODE_REAL
 * @vector: 0 to 255
 * @next_rip: the address to push
 *
 * Return: EMU_OK with rip, rflags and RSP changed; else nothing is.
 */
enum emu_status emu_inject_real(struct emu_ctxt *c, u8 vector, u64 next_rip);

#endif
