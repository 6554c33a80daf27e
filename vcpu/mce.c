// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine-check banks of a vCPU: registers that hold what user space
 * reports. SDM 3B, 15.3; Documentation/virt/kvm/api.rst, 4.104 to 4.106.
 */
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <asm/mce.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "events.h"
#include "kick.h"
#include "msr.h"
#include "regs.h"
#include "state.h"

#define CAP_SUPPORTED	(MCG_CTL_P | MCG_SER_P | MCG_CMCI_P)
/* Bank count and the number of extended state registers are user space's to choose. */
#define CAP_COUNTS	0xff00ffull
#define ALL_ON		(~0ull)
#define CTL2_BITS	(MCI_CTL2_CMCI_EN | MCI_CTL2_CMCI_THRESHOLD_MASK)
/* Of a status: a program or the machine cannot go on. */
#define STATUS_ACTION	(MCI_STATUS_PCC | MCI_STATUS_S | MCI_STATUS_AR)

enum { BANK_CTL, BANK_STATUS, BANK_ADDR, BANK_MISC, BANK_REGS };

static unsigned int nr_banks(const struct kvm_vcpu *vcpu)
{
	return vcpu->mce.cap & MCG_BANKCNT_MASK;
}

/**
 * kvm_mce_create - all banks, no optional registers
 * @vcpu: the new vCPU
 *
 * Return: 0 or -ENOMEM.
 */
int kvm_mce_create(struct kvm_vcpu *vcpu)
{
	vcpu->mce.banks = kcalloc(KVM_MCE_BANKS * (BANK_REGS + 1), sizeof(u64),
				  GFP_KERNEL_ACCOUNT);
	if (!vcpu->mce.banks)
		return -ENOMEM;
	vcpu->mce.ctl2 = vcpu->mce.banks + KVM_MCE_BANKS * BANK_REGS;
	vcpu->mce.cap = KVM_MCE_BANKS;
	return 0;
}

/** kvm_mce_destroy - undo kvm_mce_create() */
void kvm_mce_destroy(struct kvm_vcpu *vcpu)
{
	kfree(vcpu->mce.banks);
	vcpu->mce.banks = NULL;
}

/* The register of a bank this vCPU has, else NULL. */
static u64 *bank_reg(struct kvm_vcpu *vcpu, u32 index)
{
	u32 off = index - MSR_IA32_MC0_CTL, n = nr_banks(vcpu) * BANK_REGS;

	if (index < MSR_IA32_MC0_CTL || off >= n)
		return NULL;
	return &vcpu->mce.banks[array_index_nospec(off, n)];
}

/* What switches a bank's CMCI on (SDM 3B, 15.3.2.5), if the vCPU has the bank. */
static u64 *bank_ctl2(struct kvm_vcpu *vcpu, u32 index)
{
	u32 bank = index - MSR_IA32_MC0_CTL2, n = nr_banks(vcpu);

	if (index < MSR_IA32_MC0_CTL2 || bank >= n)
		return NULL;
	return &vcpu->mce.ctl2[array_index_nospec(bank, n)];
}

/* --- MSRs; user space may save and restore registers that the guest does not have --- */

static int get_mcg_ctl(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	if (!(vcpu->mce.cap & MCG_CTL_P) && !host)
		return 1;
	*val = vcpu->mce.ctl;
	return 0;
}

static int set_mcg_ctl(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	if (val && val != ALL_ON)
		return 1;
	if (!(vcpu->mce.cap & MCG_CTL_P) && (val || !host))
		return 1;
	vcpu->mce.ctl = val;
	return 0;
}

static int get_bank_ctl2(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	const u64 *reg = bank_ctl2(vcpu, index);

	if (!reg)
		return -ENOENT;
	if (!(vcpu->mce.cap & MCG_CMCI_P) && !host)
		return 1;
	*val = *reg;
	return 0;
}

static int set_bank_ctl2(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	u64 *reg = bank_ctl2(vcpu, index);

	if (!reg)
		return -ENOENT;
	if (!(vcpu->mce.cap & MCG_CMCI_P) && (val || !host))
		return 1;
	if (val & ~CTL2_BITS)
		return 1;
	*reg = val;
	return 0;
}

static int get_bank_reg(struct kvm_vcpu *vcpu, u32 index, u64 *val, bool host)
{
	const u64 *reg = bank_reg(vcpu, index);

	if (!reg)
		return -ENOENT;
	*val = *reg;
	return 0;
}

static int set_bank_reg(struct kvm_vcpu *vcpu, u32 index, u64 val, bool host)
{
	u64 *reg = bank_reg(vcpu, index);

	if (!reg)
		return -ENOENT;
	switch ((index - MSR_IA32_MC0_CTL) % BANK_REGS) {
	case BANK_CTL:
		/* All or nothing; bits 0 and 10 are what guests are known to leave out. */
		if (val && (val | BIT_ULL(10) | BIT_ULL(0)) != ALL_ON)
			return 1;
		break;
	case BANK_STATUS:
		/* SDM 3B, 15.3.2.2: software may only clear it. */
		if (!host && val)
			return 1;
		break;
	}
	*reg = val;
	return 0;
}

static const struct kvm_msr_row rows[] = {
	{ MSR_IA32_MCG_STATUS, KVM_MSR_FIELD(mce.status), .write = KVM_MSR_WRITE_STORED,
	  .flags = KVM_MSR_SAVED },
	{ MSR_IA32_MCG_CTL, .get = get_mcg_ctl, .set = set_mcg_ctl, .flags = KVM_MSR_SAVED },
	{ MSR_IA32_MCG_CAP, KVM_MSR_FIELD(mce.cap) },
	{ MSR_IA32_P5_MC_ADDR, MSR_IA32_P5_MC_TYPE, .write = KVM_MSR_WRITE_NONE },
	/* Of the banks that the vCPU has. */
	{ MSR_IA32_MC0_CTL2, MSR_IA32_MC0_CTL2 + KVM_MCE_BANKS - 1,
	  get_bank_ctl2, set_bank_ctl2 },
	{ MSR_IA32_MC0_CTL, MSR_IA32_MC0_CTL + KVM_MCE_BANKS * BANK_REGS - 1,
	  get_bank_reg, set_bank_reg },
};

KVM_MSR_TABLE(kvm_msrs_mce, rows);

/** kvm_dev_ioctl_get_mce_cap - KVM_X86_GET_MCE_CAP_SUPPORTED */
long kvm_dev_ioctl_get_mce_cap(struct kvm_ioctl_args *a)
{
	*(u64 *)a->data = CAP_SUPPORTED;
	return 0;
}

static void record(u64 *bank, const struct kvm_x86_mce *mce)
{
	u64 overflow = bank[BANK_STATUS] & MCI_STATUS_VAL ? MCI_STATUS_OVER : 0;

	bank[BANK_STATUS] = mce->status | overflow;
	bank[BANK_ADDR] = mce->addr;
	bank[BANK_MISC] = mce->misc;
}

/* An error that software must handle: #MC, or a shutdown where it cannot be. */
static void uncorrected(struct kvm_vcpu *vcpu, u64 *bank, const struct kvm_x86_mce *mce)
{
	if ((vcpu->mce.status & MCG_STATUS_MCIP) || !(kvm_cr4_read(vcpu) & X86_CR4_MCE)) {
		kvm_make_request(vcpu, KVM_REQ_TRIPLE_FAULT);
		return;
	}
	record(bank, mce);
	vcpu->mce.status = mce->mcg_status;
	kvm_queue_exception(vcpu, X86_TRAP_MC);
}

/* An uncorrected error that asks for no action: SDM 3B, 15.6.3. */
static bool is_ucna(struct kvm_vcpu *vcpu, const struct kvm_x86_mce *mce)
{
	const u64 need = MCG_CMCI_P | MCG_SER_P;

	return (vcpu->mce.cap & need) == need && !mce->mcg_status && !(mce->status & STATUS_ACTION);
}

/**
 * kvm_mce_setup - the banks and registers that the vCPU is to have
 * @vcpu: the vCPU
 * @cap: IA32_MCG_CAP
 *
 * Return: 0, or -EINVAL for more than kvm_dev_ioctl_get_mce_cap() offers.
 */
int kvm_mce_setup(struct kvm_vcpu *vcpu, u64 cap)
{
	unsigned int i, banks = cap & MCG_BANKCNT_MASK;

	if (!banks || banks > KVM_MCE_BANKS || (cap & ~(CAP_SUPPORTED | CAP_COUNTS)))
		return -EINVAL;
	vcpu->mce.cap = cap;
	if (cap & MCG_CTL_P)
		vcpu->mce.ctl = ALL_ON;
	for (i = 0; i < banks; i++)
		vcpu->mce.banks[i * BANK_REGS + BANK_CTL] = ALL_ON;
	return 0;
}

/**
 * kvm_mce_report - user space reports an error
 * @vcpu: the vCPU, loaded
 * @mce: what its bank is to hold
 *
 * Return: 1 if a CMCI tells the guest, 0, or -EINVAL.
 */
int kvm_mce_report(struct kvm_vcpu *vcpu, const struct kvm_x86_mce *mce)
{
	unsigned int n = nr_banks(vcpu);
	u64 *bank;

	if (mce->bank >= n || !(mce->status & MCI_STATUS_VAL))
		return -EINVAL;
	bank = &vcpu->mce.banks[array_index_nospec(mce->bank, n) * BANK_REGS];

	if (mce->status & MCI_STATUS_UC) {
		/* Reporting may be switched off for the bank or for all of them. */
		if ((vcpu->mce.cap & MCG_CTL_P) && vcpu->mce.ctl != ALL_ON)
			return 0;
		if (bank[BANK_CTL] != ALL_ON)
			return 0;
		if (!is_ucna(vcpu, mce)) {
			uncorrected(vcpu, bank, mce);
			return 0;
		}
		record(bank, mce);
		return !!(vcpu->mce.ctl2[array_index_nospec(mce->bank, n)] & MCI_CTL2_CMCI_EN);
	}
	/* An uncorrected error in the bank is not overwritten by a corrected one. */
	if ((bank[BANK_STATUS] & MCI_STATUS_VAL) && (bank[BANK_STATUS] & MCI_STATUS_UC))
		bank[BANK_STATUS] |= MCI_STATUS_OVER;
	else
		record(bank, mce);
	return 0;
}
