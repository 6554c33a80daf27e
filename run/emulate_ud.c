// SPDX-License-Identifier: GPL-2.0-only
/* #UD of the guest: the forced-emulation prefix, and instructions of another kind of CPU. */
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/trapnr.h>
#include "emulate_ops.h"
#include "events.h"
#include "io.h"
#include "mmu.h"
#include "params.h"
#include "regs.h"
#include "run.h"
#include "vcpu.h"

#define FORCED_CLEARS_RF	2
#define FORCED_PREFIX_LEN	5

/* DR6 bits of the breakpoints on the instruction at RIP; *@debugger: they are its own. */
static u64 code_breakpoints(struct kvm_vcpu *vcpu, bool *debugger)
{
	const u64 *dr = vcpu->debug.dr;
	u64 la = kvm_linear_rip(vcpu), dr7 = vcpu->debug.dr7, hit = 0;
	int i;

	*debugger = vcpu->debug.flags & KVM_GUESTDBG_USE_HW_BP;
	if (*debugger) {
		dr = vcpu->debug.user_dr;
		dr7 = vcpu->debug.user_dr[7];
	}
	if (kvm_rflags_read(vcpu) & X86_EFLAGS_RF)
		return 0;
	for (i = 0; i < 4; i++)
		if ((dr7 >> 2 * i & 3) && !(dr7 >> (16 + 4 * i) & 15) && dr[i] == la)
			hit |= BIT_ULL(i);
	return hit;
}

/*
 * VMMCALL, by a guest that takes this for the other vendor's CPU: it becomes VMCALL, if the
 * guest may write there, and is executed again.
 */
static bool fix_hypercall(struct kvm_vcpu *vcpu)
{
	static const u8 vmmcall[] = { 0x0f, 0x01, 0xd9 };
	u64 la = kvm_linear_rip(vcpu);
	u8 bytes[sizeof(vmmcall)];
	const u8 vmcall = 0xc1;
	struct emu_span sp;

	if (kvm_quirk_off(vcpu->kvm, KVM_X86_QUIRK_FIX_HYPERCALL_INSN) ||
	    kvm_emu_fetch(&vcpu->emu, la, bytes, sizeof(bytes)) != EMU_OK ||
	    memcmp(bytes, vmmcall, sizeof(bytes)) ||
	    kvm_emu_span(&vcpu->emu, la, sizeof(bytes), X86_ACC_WRITE, &sp) != EMU_OK)
		return false;
	/* Only the last byte differs. */
	return !kvm_write_guest(vcpu, sp.part[sp.n - 1].gpa + sp.part[sp.n - 1].len - 1,
				&vmcall, 1);
}

static bool at_forced_prefix(struct kvm_vcpu *vcpu)
{
	static const u8 prefix[FORCED_PREFIX_LEN] = { 0x0f, 0x0b, 'k', 'v', 'm' };
	u64 la = kvm_linear_rip(vcpu);
	u8 bytes[EMU_MAX_INSN];

	if (!READ_ONCE(kvmx_force_emulation_prefix))
		return false;
	/* It may reach into the next page. */
	if (kvm_fetch_code(vcpu, la, bytes) < sizeof(prefix) &&
	    kvm_emu_fetch(&vcpu->emu, la, bytes, sizeof(prefix)) != EMU_OK)
		return false;
	return !memcmp(bytes, prefix, sizeof(prefix));
}

/* The exit has set RF, which hides breakpoints on what follows unless the parameter clears it. */
static int emulate_forced(struct kvm_vcpu *vcpu)
{
	u8 bytes[EMU_MAX_INSN];
	enum emu_status s;
	bool debugger;
	u64 hit, rip = kvm_rip_read(vcpu) + FORCED_PREFIX_LEN;

	kvm_rip_write(vcpu, vcpu->emu.mode == EMU_MODE_PROT64 ? rip : (u32)rip);
	if (READ_ONCE(kvmx_force_emulation_prefix) & FORCED_CLEARS_RF)
		vmx_set_rflags(vcpu, kvm_rflags_read(vcpu) & ~X86_EFLAGS_RF);
	hit = code_breakpoints(vcpu, &debugger);
	if (hit && debugger)
		return kvm_debug_exit(vcpu, DB_VECTOR, hit | DR6_RESET);
	if (hit) {
		kvm_queue_exception_p(vcpu, DB_VECTOR, hit);
		return 1;
	}
	kvm_io_begin(vcpu);
	/* The rest is as kvm_handle_ud() has set it up. */
	vcpu->emu.rip = kvm_rip_read(vcpu);
	vcpu->emu.rflags = kvm_rflags_read(vcpu);
	s = emu_decode(&vcpu->emu, bytes, kvm_fetch_code(vcpu, kvm_linear_rip(vcpu), bytes));
	if (s == EMU_FAIL) {
		kvm_queue_exception(vcpu, UD_VECTOR);
		return 1;
	}
	return s == EMU_OK ? kvm_emu_execute(vcpu) : kvm_emu_finish(vcpu, s);
}

/* SYSCALL or SYSRET outside of 64-bit mode, which the CPU that the guest sees has there. */
static bool is_other_vendors(struct kvm_vcpu *vcpu)
{
	u8 bytes[2];

	return vcpu->emu.vendor_amd && vcpu->emu.mode != EMU_MODE_PROT64 &&
	       kvm_emu_fetch(&vcpu->emu, kvm_linear_rip(vcpu), bytes, sizeof(bytes)) == EMU_OK &&
	       bytes[0] == 0x0f && (bytes[1] == OPCODE_SYSCALL || bytes[1] == OPCODE_SYSRET);
}

/**
 * kvm_handle_ud - #UD of the guest
 * @vcpu: loaded vCPU, kvm->srcu held
 *
 * It may be the forced-emulation prefix, UD2 and "kvm", or a hypercall or system call of
 * another kind of CPU. All else, and what the emulator does not do, is #UD.
 *
 * Return: 1 to go on, 0 to user space.
 */
int kvm_handle_ud(struct kvm_vcpu *vcpu)
{
	kvm_emu_set_up(vcpu);
	if (at_forced_prefix(vcpu))
		return emulate_forced(vcpu);
	if (is_other_vendors(vcpu))
		return kvm_emulate_instruction(vcpu, NULL, 0);
	if (!fix_hypercall(vcpu))
		kvm_queue_exception(vcpu, UD_VECTOR);
	return 1;
}
