/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files around the emulator share: emulate.c and emulate_*.c of this folder. */
#ifndef KVMX_EMULATE_OPS_H
#define KVMX_EMULATE_OPS_H

#include "emulate.h"
#include "vcpu.h"

/* In the two-byte map; instructions other than RDMSR and WRMSR reach MSRs without the filter. */
#define OPCODE_SYSCALL	0x05
#define OPCODE_SYSRET	0x07
#define OPCODE_WRMSR	0x30
#define OPCODE_RDMSR	0x32

static inline bool is_insn(const struct emu_ctxt *c, u8 opcode)
{
	return c->insn.map == 1 && c->insn.opcode == opcode;
}

static inline struct kvm_vcpu *vcpu_of(struct emu_ctxt *c)
{
	return c->priv;
}

/* --- emulate_ops.c --- */
extern const struct emu_ops kvm_emu_ops;

/* --- emulate.c --- */
/* The emulator's context gets the vCPU's registers and mode. */
void kvm_emu_set_up(struct kvm_vcpu *vcpu);
/* What the emulator has answered becomes the vCPU's. 1 go on, 0 to user space. */
int kvm_emu_finish(struct kvm_vcpu *vcpu, enum emu_status s);

/* The instruction that was decoded. Likewise. */
static inline int kvm_emu_execute(struct kvm_vcpu *vcpu)
{
	enum emu_status s = emu_execute(&vcpu->emu);

	vcpu->stat.insn_emulation++;
	return kvm_emu_finish(vcpu, s);
}

/* --- emulate_mem.c --- */
/* An access of up to 64 bytes lies in two pages at most; both translate before one is touched. */
struct emu_span {
	unsigned int n;
	struct { gpa_t gpa; unsigned int len; } part[2];
};

enum emu_status kvm_emu_span(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc,
			     struct emu_span *sp);
enum emu_status kvm_emu_fetch(struct emu_ctxt *c, u64 la, void *buf, unsigned int len);
enum emu_status kvm_emu_read(struct emu_ctxt *c, u64 la, void *buf, unsigned int len, u32 acc);
enum emu_status kvm_emu_write(struct emu_ctxt *c, u64 la, const void *buf, unsigned int len,
			      u32 acc);
enum emu_status kvm_emu_cmpxchg(struct emu_ctxt *c, u64 la, const void *old, const void *new,
				unsigned int len);
enum emu_status kvm_emu_probe(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc);

/* --- emulate_vec.c --- */
void kvm_emu_get_vec(struct emu_ctxt *c, int reg, void *buf, unsigned int len);
void kvm_emu_set_vec(struct emu_ctxt *c, int reg, const void *buf, unsigned int len);
void kvm_emu_fxsave(struct emu_ctxt *c, struct emu_fx *fx, bool wide);
void kvm_emu_fxrstor(struct emu_ctxt *c, const struct emu_fx *fx, bool wide);

#endif
