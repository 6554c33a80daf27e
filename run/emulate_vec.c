// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vector registers for the emulator. During KVM_RUN the guest's are on the
 * CPU, or in the task's FPU image when something else used the FPU since.
 */
#include <linux/string.h>
#include <asm/fpu/api.h>
#include "emulate_ops.h"
#include "vcpu.h"

static void get_fpu(void)
{
	fpregs_lock();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
}

static void put_fpu(void)
{
	fpregs_unlock();
}

/* A register number is part of the instruction's encoding: one case each. */
#define GET(_n, _op, _reg)							\
	case _n:								\
		asm volatile(_op " %%" _reg #_n ", %0" : "=m" (*(v *)buf));	\
		break
#define SET(_n, _op, _reg)							\
	case _n:								\
		asm volatile(_op " %0, %%" _reg #_n : : "m" (*(const v *)buf));	\
		break
#define EACH8(_what, _op, _reg)							\
	_what(0, _op, _reg); _what(1, _op, _reg); _what(2, _op, _reg); _what(3, _op, _reg);	\
	_what(4, _op, _reg); _what(5, _op, _reg); _what(6, _op, _reg); _what(7, _op, _reg);
#define EACH16(_what, _op, _reg) EACH8(_what, _op, _reg)			\
	_what(8, _op, _reg); _what(9, _op, _reg); _what(10, _op, _reg); _what(11, _op, _reg);	\
	_what(12, _op, _reg); _what(13, _op, _reg); _what(14, _op, _reg); _what(15, _op, _reg);

static void read_xmm(int reg, u8 *buf)
{
	typedef struct { u8 b[16]; } v;

	switch (reg) {
	EACH16(GET, "movdqu", "xmm")
	}
}

static void write_xmm(int reg, const u8 *buf)
{
	typedef struct { u8 b[16]; } v;

	switch (reg) {
	EACH16(SET, "movdqu", "xmm")
	}
}

static void read_ymm(int reg, u8 *buf)
{
	typedef struct { u8 b[32]; } v;

	switch (reg) {
	EACH16(GET, "vmovdqu", "ymm")
	}
}

static void write_ymm(int reg, const u8 *buf)
{
	typedef struct { u8 b[32]; } v;

	switch (reg) {
	EACH16(SET, "vmovdqu", "ymm")
	}
}

void kvm_emu_get_vec(struct emu_ctxt *c, int reg, void *buf, unsigned int len)
{
	u8 full[32];

	get_fpu();
	if (len > 16)
		read_ymm(reg & 15, full);
	else
		read_xmm(reg & 15, full);
	put_fpu();
	memcpy(buf, full, len);
}

void kvm_emu_set_vec(struct emu_ctxt *c, int reg, const void *buf, unsigned int len)
{
	u8 full[32];

	get_fpu();
	if (len > 16) {
		memcpy(full, buf, 32);
		write_ymm(reg & 15, full);
	} else {
		if (len < 16)
			read_xmm(reg & 15, full);
		memcpy(full, buf, len);
		write_xmm(reg & 15, full);
	}
	put_fpu();
}

void kvm_emu_fxsave(struct emu_ctxt *c, struct emu_fx *fx, bool wide)
{
	get_fpu();
	if (wide)
		asm volatile("fxsave64 %0" : "=m" (*fx));
	else
		asm volatile("fxsave %0" : "=m" (*fx));
	put_fpu();
}

/* The emulator has checked MXCSR; nothing else in the image can fault. */
void kvm_emu_fxrstor(struct emu_ctxt *c, const struct emu_fx *fx, bool wide)
{
	get_fpu();
	if (wide)
		asm volatile("fxrstor64 %0" : : "m" (*fx));
	else
		asm volatile("fxrstor %0" : : "m" (*fx));
	put_fpu();
}
