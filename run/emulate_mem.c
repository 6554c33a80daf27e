// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator's accesses to memory, by linear address: translated, and then made in guest memory
 * or, where there is none, on a device.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include "emulate_ops.h"
#include "io.h"
#include "mmu.h"
#include "regs.h"
#include "vcpu.h"

/*
 * An instruction that changes the privilege level reaches for the inner stack with
 * the new one, before the CPU has it. Not inlined: most accesses are known without a
 * walk, and its variables would cost each of them stack and saved registers.
 */
static noinline enum emu_status walk(struct emu_ctxt *c, u64 la, u32 acc, gpa_t *gpa)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);
	bool keep = c->cpl == vcpu->io.cpl && !(acc & ~X86_ACC_WRITE);
	enum emu_status s;

	if (c->cpl != vcpu->io.cpl && !(acc & X86_ACC_SYSTEM))
		acc |= c->cpl == 3 ? KVM_WALK_USER : X86_ACC_SYSTEM;
	/* A TSS or descriptor table on a device is nothing the architecture has. */
	if (c->switching)
		kvm_io_refuse(vcpu);
	s = kvm_walk_guest(vcpu, la, acc, gpa, &c->fault);
	if (s == EMU_OK && keep)
		kvm_io_keep_page(&vcpu->io, la, *gpa, acc & X86_ACC_WRITE);
	return s;
}

static enum emu_status translate(struct emu_ctxt *c, u64 la, u32 acc, gpa_t *gpa)
{
	const struct kvm_io_state *io = &vcpu_of(c)->io;
	const struct kvm_io_page *tr = &io->tr[!!(acc & X86_ACC_WRITE)];

	if (tr->known && (la & PAGE_MASK) == tr->la_page && !(acc & ~X86_ACC_WRITE) &&
	    c->cpl == io->cpl) {
		*gpa = tr->gpa_page | (la & ~PAGE_MASK);
		return EMU_OK;
	}
	return walk(c, la, acc, gpa);
}

/* No use looking for memory again where the CPU just found none. */
static bool known_device(const struct kvm_io_state *io, gpa_t gpa, bool write)
{
	return io->tr[write].known && io->tr[write].device &&
	       (gpa & PAGE_MASK) == io->tr[write].gpa_page;
}

enum emu_status kvm_emu_span(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc,
			     struct emu_span *sp)
{
	unsigned int first = min_t(unsigned int, len, PAGE_SIZE - (la & ~PAGE_MASK));
	enum emu_status s;

	sp->n = first == len ? 1 : 2;
	sp->part[0].len = first;
	sp->part[1].len = len - first;
	s = translate(c, la, acc, &sp->part[0].gpa);
	if (s != EMU_OK || sp->n == 1)
		return s;
	la += first;
	if (c->mode != EMU_MODE_PROT64)
		la = (u32)la;
	return translate(c, la, acc, &sp->part[1].gpa);
}

static enum emu_status read_page(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len)
{
	if (!known_device(&vcpu->io, gpa, false) && !kvm_read_guest(vcpu, gpa, buf, len))
		return EMU_OK;
	return kvm_io_read(vcpu, gpa, buf, len);
}

static enum emu_status write_page(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf,
				  unsigned int len)
{
	if (!known_device(&vcpu->io, gpa, true) && !kvm_write_guest(vcpu, gpa, buf, len))
		return EMU_OK;
	return kvm_io_write(vcpu, gpa, buf, len);
}

/* Either way, apart for what it has on the stack. */
static noinline enum emu_status access_span(struct emu_ctxt *c, u64 la, void *to, const void *from,
					    unsigned int len, u32 acc)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);
	unsigned int i, n, done = 0;
	struct emu_span sp;
	enum emu_status s = kvm_emu_span(c, la, len, acc, &sp);

	for (i = 0; s == EMU_OK && i < sp.n; i++, done += n) {
		n = sp.part[i].len;
		s = to ? read_page(vcpu, sp.part[i].gpa, to + done, n)
		       : write_page(vcpu, sp.part[i].gpa, from + done, n);
	}
	return s;
}

static bool in_one_page(u64 la, unsigned int len)
{
	return (la & ~PAGE_MASK) + len <= PAGE_SIZE;
}

enum emu_status kvm_emu_read(struct emu_ctxt *c, u64 la, void *buf, unsigned int len, u32 acc)
{
	enum emu_status s;
	gpa_t gpa;

	if (!in_one_page(la, len))
		return access_span(c, la, buf, NULL, len, acc);
	s = translate(c, la, acc, &gpa);
	return s == EMU_OK ? read_page(vcpu_of(c), gpa, buf, len) : s;
}

enum emu_status kvm_emu_write(struct emu_ctxt *c, u64 la, const void *buf, unsigned int len,
			      u32 acc)
{
	enum emu_status s;
	gpa_t gpa;

	acc |= X86_ACC_WRITE;
	if (!in_one_page(la, len))
		return access_span(c, la, NULL, buf, len, acc);
	s = translate(c, la, acc, &gpa);
	return s == EMU_OK ? write_page(vcpu_of(c), gpa, buf, len) : s;
}

enum emu_status kvm_emu_fetch(struct emu_ctxt *c, u64 la, void *buf, unsigned int len)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);
	struct emu_span sp;
	enum emu_status s = kvm_emu_span(c, la, len, X86_ACC_FETCH, &sp);
	/* @buf may be in the vCPU object, which is not for copies from user space. */
	u8 bytes[EMU_MAX_INSN], *to = bytes;
	unsigned int i;

	for (i = 0; s == EMU_OK && i < sp.n; i++) {
		/* Instructions are not fetched from devices. */
		if (kvm_read_guest(vcpu, sp.part[i].gpa, to, sp.part[i].len))
			s = EMU_FAIL;
		to += sp.part[i].len;
	}
	if (s == EMU_OK)
		memcpy(buf, bytes, len);
	return s;
}

enum emu_status kvm_emu_cmpxchg(struct emu_ctxt *c, u64 la, const void *old, const void *new,
				unsigned int len)
{
	struct kvm_vcpu *vcpu = vcpu_of(c);
	struct emu_span sp;
	enum emu_status s = kvm_emu_span(c, la, len, X86_ACC_WRITE, &sp);

	if (s != EMU_OK)
		return s;
	/* A device or a split lock: no other bus master is held off. */
	if (sp.n == 1 && !(la & (len - 1))) {
		switch (kvm_cmpxchg_guest(vcpu, sp.part[0].gpa, old, new, len)) {
		case 0:
			return EMU_OK;
		case -EAGAIN:
			return EMU_RETRY;
		}
	}
	return kvm_emu_write(c, la, new, len, 0);
}

enum emu_status kvm_emu_probe(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc)
{
	struct emu_span sp;
	enum emu_status s = kvm_emu_span(c, la, len, acc, &sp);

	if (s == EMU_OK)
		c->probed_device = !kvm_gpa_is_memory(vcpu_of(c), sp.part[0].gpa,
						      acc & X86_ACC_WRITE);
	return s;
}
