/* SPDX-License-Identifier: GPL-2.0-only */
/* Device accesses of the guest, and what waits for user space's answer. */
#ifndef KVMX_IO_H
#define KVMX_IO_H

#include <linux/kvm_types.h>
#include "emulate.h"

struct kvm_vcpu;

/* A device access of the instruction being emulated, see run/io.c. */
#define KVM_IO_LOG_MAX	EMU_MAX_ACCESSES

struct kvm_io_entry {
	u64 addr;
	u8 data[8];
	u16 len;		/* of port strings up to a page */
	bool write;
};

/* Where a page of linear addresses is, for as long as one instruction lasts. */
struct kvm_io_page {
	bool known;
	bool device;		/* the CPU found no memory there for such an access */
	u64 la_page;
	gpa_t gpa_page;
};

struct kvm_io_state {
	u8 done;		/* accesses in the log that are answered */
	u8 next;		/* the one the running emulation asks for next */
	bool deferred;		/* log[done] is a write, and the emulation went on */
	bool out;		/* kvm_run is filled */
	bool halt;		/* the instruction was a HLT */
	u32 pio_size;
	/* The last of reads and of writes; at first the exit's own. */
	struct kvm_io_page tr[2];
	u8 cpl;			/* at which they are good */
	struct kvm_io_entry log[KVM_IO_LOG_MAX];	/* accesses of this instruction, in order */
};

/* For the further reads, or writes, of this instruction: @la translates to @gpa. */
static inline void kvm_io_keep_page(struct kvm_io_state *io, u64 la, gpa_t gpa, bool write)
{
	struct kvm_io_page *tr = &io->tr[write];

	tr->known = true;
	tr->device = false;
	tr->la_page = la & PAGE_MASK;
	tr->gpa_page = gpa & PAGE_MASK;
}

/* Likewise, and the CPU has found no memory there for such an access. */
static inline void kvm_io_keep_device(struct kvm_io_state *io, u64 la, gpa_t gpa, bool write)
{
	kvm_io_keep_page(io, la, gpa, write);
	io->tr[write].device = true;
}

/* --- run/io.c --- */
void kvm_io_begin(struct kvm_vcpu *vcpu);
void kvm_io_refuse(struct kvm_vcpu *vcpu);
enum emu_status kvm_io_read(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len);
enum emu_status kvm_io_write(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, unsigned int len);
enum emu_status kvm_io_pio_in(struct kvm_vcpu *vcpu, u16 port, unsigned int size, void *buf,
			      unsigned int count);
enum emu_status kvm_io_pio_out(struct kvm_vcpu *vcpu, u16 port, unsigned int size, const void *buf,
			       unsigned int count);
int kvm_fast_pio(struct kvm_vcpu *vcpu, u16 port, unsigned int size, bool in);
/* For kvm_complete_later(), of the emulator. */
int kvm_complete_emulated_io(struct kvm_vcpu *vcpu);
void kvm_forget_translations(struct kvm_vcpu *vcpu);

#endif
