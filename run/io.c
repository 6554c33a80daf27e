// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device accesses, which a device in the kernel answers or user space.
 *
 * The emulator runs an instruction from its start each time; what devices have
 * answered is kept in a log and played back in order, so each access happens
 * exactly once. The last write of an instruction needs no second run: it is
 * deferred, the instruction completes, and KVM_RUN returns with the write in
 * kvm_run.
 */
#include <linux/log2.h>
#include <linux/string.h>
#include "bus.h"
#include "io.h"
#include "irqchip.h"
#include "mmu.h"
#include "regs.h"
#include "run.h"
#include "trace.h"
#include "vcpu.h"

/**
 * kvm_io_begin - a new instruction: nothing is logged
 * @vcpu: loaded vCPU
 */
void kvm_io_begin(struct kvm_vcpu *vcpu)
{
	struct kvm_io_state *io = &vcpu->io;

	io->done = 0;
	io->next = 0;
	io->deferred = false;
	io->out = false;
	io->halt = false;
}

/**
 * kvm_io_refuse - the rest of the instruction finds the log full, and asks no device
 * @vcpu: loaded vCPU
 */
void kvm_io_refuse(struct kvm_vcpu *vcpu)
{
	vcpu->io.next = KVM_IO_LOG_MAX;
}

static bool same_access(const struct kvm_io_entry *e, u64 addr, u32 len, bool write)
{
	return e->addr == addr && e->len == len && e->write == write;
}

/*
 * The next access of the emulation. Returns its entry: an answered one below
 * io->done, or a fresh one; NULL if one is out already or the log is full.
 */
static struct kvm_io_entry *next_entry(struct kvm_vcpu *vcpu, u64 addr, u32 len, bool write,
				       bool *answered)
{
	struct kvm_io_state *io = &vcpu->io;
	struct kvm_io_entry *e;

	*answered = false;
	if (io->out || io->next >= KVM_IO_LOG_MAX)
		return NULL;
	e = &io->log[io->next];
	if (io->next < io->done) {
		/* The guest changed its registers' memory meanwhile: what follows is new. */
		if (same_access(e, addr, len, write)) {
			io->next++;
			*answered = true;
			return e;
		}
		io->done = io->next;
	}
	e->addr = addr;
	e->len = len;
	e->write = write;
	return e;
}

/* The entry that next_entry() gave is answered on the spot. */
static void answer(struct kvm_io_state *io)
{
	io->done = ++io->next;
}

/* The local APIC is on no bus: its window is this vCPU's own, and can move. */
static bool device_read(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len)
{
	if (vcpu->apic && !kvm_apic_mmio_read(vcpu, gpa, len, buf))
		return true;
	return is_power_of_2(len) && !kvm_bus_read(vcpu, KVM_MMIO_BUS, gpa, len, buf);
}

static bool device_write(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, unsigned int len)
{
	if (vcpu->apic && !kvm_apic_mmio_write(vcpu, gpa, len, buf))
		return true;
	return (is_power_of_2(len) && !kvm_bus_write(vcpu, KVM_MMIO_BUS, gpa, len, buf)) ||
	       kvm_coalesced_write(vcpu->kvm, gpa, len, buf, false);
}

static bool port_write(struct kvm_vcpu *vcpu, u16 port, unsigned int size, const void *buf)
{
	return !kvm_bus_write(vcpu, KVM_PIO_BUS, port, size, buf) ||
	       kvm_coalesced_write(vcpu->kvm, port, size, buf, true);
}

static void hand_out_mmio(struct kvm_vcpu *vcpu, const struct kvm_io_entry *e)
{
	struct kvm_run *run = vcpu->run;

	vcpu->stat.mmio_exits++;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = e->addr;
	run->mmio.len = e->len;
	run->mmio.is_write = e->write;
	if (e->write)
		memcpy(run->mmio.data, e->data, sizeof(run->mmio.data));
	vcpu->io.out = true;
}

static enum emu_status read_piece(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len)
{
	struct kvm_io_entry *e;
	bool answered;

	e = next_entry(vcpu, gpa, len, false, &answered);
	if (!e)
		return EMU_IO;
	if (answered) {
		memcpy(buf, e->data, len);
		return EMU_OK;
	}
	if (device_read(vcpu, gpa, e->data, len)) {
		trace_kvm_mmio(KVM_TRACE_MMIO_READ, len, gpa, e->data);
		memcpy(buf, e->data, len);
		answer(&vcpu->io);
		return EMU_OK;
	}
	trace_kvm_mmio(KVM_TRACE_MMIO_READ_UNSATISFIED, len, gpa, NULL);
	hand_out_mmio(vcpu, e);
	return EMU_IO;
}

static enum emu_status write_piece(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf,
				   unsigned int len)
{
	struct kvm_io_state *io = &vcpu->io;
	struct kvm_io_entry *e;
	bool answered;

	e = next_entry(vcpu, gpa, len, true, &answered);
	if (!e)
		return EMU_IO;
	if (answered)
		return EMU_OK;
	memset(e->data, 0, sizeof(e->data));
	memcpy(e->data, buf, len);
	trace_kvm_mmio(KVM_TRACE_MMIO_WRITE, len, gpa, e->data);
	if (device_write(vcpu, gpa, e->data, len)) {
		answer(io);
		return EMU_OK;
	}
	hand_out_mmio(vcpu, e);
	io->deferred = true;
	return EMU_OK;
}

/**
 * kvm_io_read - read from a device at a guest physical address
 * @vcpu: loaded vCPU
 * @gpa: where; no memory slot is there
 * @buf: answer goes here
 * @len: 1 to 64 bytes, within a page
 *
 * Return: EMU_OK, or EMU_IO when user space must answer first.
 */
enum emu_status kvm_io_read(struct kvm_vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len)
{
	while (len) {
		unsigned int n = min(len, 8u);
		enum emu_status s = read_piece(vcpu, gpa, buf, n);

		if (s != EMU_OK)
			return s;
		gpa += n;
		buf += n;
		len -= n;
	}
	return EMU_OK;
}

/**
 * kvm_io_write - write to a device at a guest physical address
 * @vcpu: loaded vCPU
 * @gpa: where; no memory slot that can be written is there
 * @buf: what
 * @len: 1 to 64 bytes, within a page
 *
 * Return: EMU_OK, perhaps with the write deferred; EMU_IO when one is deferred already.
 */
enum emu_status kvm_io_write(struct kvm_vcpu *vcpu, gpa_t gpa, const void *buf, unsigned int len)
{
	while (len) {
		unsigned int n = min(len, 8u);
		enum emu_status s = write_piece(vcpu, gpa, buf, n);

		if (s != EMU_OK)
			return s;
		gpa += n;
		buf += n;
		len -= n;
	}
	return EMU_OK;
}

/* The elements of pio_data from @first on are user space's. */
static __always_inline void hand_out_pio(struct kvm_vcpu *vcpu, u16 port, unsigned int size,
					 unsigned int first, unsigned int count, bool in)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = count - first;
	run->io.data_offset = KVM_PIO_PAGE * PAGE_SIZE + first * size;
	vcpu->io.out = true;
}

/**
 * kvm_io_pio_in - string input for the emulator
 * @vcpu: loaded vCPU
 * @port: port number
 * @size: of an element, 1, 2 or 4 bytes
 * @buf: @size * @count bytes
 * @count: elements, at most a page of them
 */
enum emu_status kvm_io_pio_in(struct kvm_vcpu *vcpu, u16 port, unsigned int size, void *buf,
			      unsigned int count)
{
	struct kvm_io_entry *e;
	unsigned int i;
	bool answered;

	if (!count || (u64)size * count > PAGE_SIZE)
		return EMU_FAIL;
	/* A block's address in the log is beyond what MMIO can have. */
	e = next_entry(vcpu, BIT_ULL(63) | port, size * count, false, &answered);
	if (!e)
		return EMU_IO;
	for (i = 0; !answered && i < count; i++) {
		if (kvm_bus_read(vcpu, KVM_PIO_BUS, port, size, vcpu->user.pio_data + i * size)) {
			hand_out_pio(vcpu, port, size, i, count, true);
			return EMU_IO;
		}
	}
	if (!answered)
		answer(&vcpu->io);
	memcpy(buf, vcpu->user.pio_data, size * count);
	trace_kvm_pio(KVM_TRACE_PIO_IN, port, size, count, buf);
	return EMU_OK;
}

enum emu_status kvm_io_pio_out(struct kvm_vcpu *vcpu, u16 port, unsigned int size, const void *buf,
			       unsigned int count)
{
	struct kvm_io_state *io = &vcpu->io;
	struct kvm_io_entry *e;
	unsigned int i = 0;
	bool answered;

	if (!count || (u64)size * count > PAGE_SIZE)
		return EMU_FAIL;
	e = next_entry(vcpu, BIT_ULL(63) | port, size * count, true, &answered);
	if (!e)
		return EMU_IO;
	if (answered)
		return EMU_OK;
	trace_kvm_pio(KVM_TRACE_PIO_OUT, port, size, count, buf);
	while (i < count && port_write(vcpu, port, size, buf + i * size))
		i++;
	if (i == count) {
		answer(io);
		return EMU_OK;
	}
	memcpy(vcpu->user.pio_data, buf, size * count);
	hand_out_pio(vcpu, port, size, i, count, false);
	io->deferred = true;
	return EMU_OK;
}

static int finish_fast_in(struct kvm_vcpu *vcpu, u16 port, unsigned int size, u32 val)
{
	u64 rax = vcpu->regs.gpr[KVM_REG_RAX];

	trace_kvm_pio(KVM_TRACE_PIO_IN, port, size, 1, &val);
	/* A 32-bit result clears the upper half, a shorter one keeps the rest. */
	if (size == 4)
		rax = val;
	else
		rax = (rax & ~((1ull << 8 * size) - 1)) | val;
	vcpu->regs.gpr[KVM_REG_RAX] = rax;
	return kvm_skip_instruction(vcpu);
}

/*
 * User space sees RIP on the OUT while it has the write, and behind it for this one port: where
 * option ROMs write to have the two bytes before RIP replaced.
 */
#define PORT_RIP_BEHIND		0x7e

/* The OUT is over, and what the debugger is told of the step comes after it. */
static int report_step(struct kvm_vcpu *vcpu)
{
	return kvm_debug_exit(vcpu, DB_VECTOR, DR6_BS | DR6_RESET);
}

static void fast_out_to_user(struct kvm_vcpu *vcpu, u16 port, unsigned int size)
{
	/* No emulation follows: the log is left alone. All of EAX; kvm_run has the size. */
	*(u32 *)vcpu->user.pio_data = vcpu->regs.gpr[KVM_REG_RAX];
	if (port != PORT_RIP_BEHIND ||
	    kvm_quirk_off(vcpu->kvm, KVM_X86_QUIRK_OUT_7E_INC_RIP))
		kvm_complete_later(vcpu, kvm_skip_instruction);
	else if (!kvm_skip_instruction(vcpu))
		/* The step is in kvm_run, but the write is to come first. */
		kvm_complete_later(vcpu, report_step);
	hand_out_pio(vcpu, port, size, 0, 1, false);
}

static int complete_fast_in(struct kvm_vcpu *vcpu)
{
	u32 size = vcpu->io.pio_size, val = 0;

	memcpy(&val, vcpu->user.pio_data, size);
	return finish_fast_in(vcpu, vcpu->run->io.port, size, val);
}

/**
 * kvm_fast_pio - IN or OUT between a port and RAX, from what the exit says of it
 * @vcpu: loaded vCPU
 * @port: port number
 * @size: 1, 2 or 4 bytes
 * @in: direction
 *
 * Return: 1 to go on, 0 to user space.
 */
int kvm_fast_pio(struct kvm_vcpu *vcpu, u16 port, unsigned int size, bool in)
{
	u32 val = 0;

	if (in) {
		if (!kvm_bus_read(vcpu, KVM_PIO_BUS, port, size, &val))
			return finish_fast_in(vcpu, port, size, val);
		kvm_io_begin(vcpu);
		hand_out_pio(vcpu, port, size, 0, 1, true);
		vcpu->io.pio_size = size;
		kvm_complete_later(vcpu, complete_fast_in);
		return 0;
	}
	trace_kvm_pio(KVM_TRACE_PIO_OUT, port, size, 1, &vcpu->regs.gpr[KVM_REG_RAX]);
	if (port_write(vcpu, port, size, &vcpu->regs.gpr[KVM_REG_RAX]))
		return kvm_skip_instruction(vcpu);
	fast_out_to_user(vcpu, port, size);
	return 0;
}

/* User space has answered log[done], which the emulator waits for: it goes on. */
int kvm_complete_emulated_io(struct kvm_vcpu *vcpu)
{
	struct kvm_io_entry *e = &vcpu->io.log[vcpu->io.done];

	if (!e->write && !(e->addr & BIT_ULL(63))) {
		memcpy(e->data, vcpu->run->mmio.data, sizeof(e->data));
		trace_kvm_mmio(KVM_TRACE_MMIO_READ, e->len, e->addr, e->data);
	}
	vcpu->io.done++;
	return kvm_emulate_again(vcpu);
}

/* The next instruction finds its pages by itself. */
void kvm_forget_translations(struct kvm_vcpu *vcpu)
{
	vcpu->io.tr[0].known = false;
	vcpu->io.tr[1].known = false;
}
