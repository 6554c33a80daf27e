/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an instruction makes of a register, lib/uses.c: for the guest to call. Bits of control
 * registers and MSRs are answered in their places.
 */
#ifndef KVMX_USES_H
#define KVMX_USES_H

#include <stdint.h>

struct guest_frame;

/* A page of the guest's own, for those that touch memory. */
#define USE_AT	0x30000UL

/* Where SYSCALL may lead: each answers with its own address. */
extern const uint8_t entry_1[], entry_2[];
/* The handler of #DB that use_watch() needs. */
void use_on_db(struct guest_frame *f);

uint64_t use_fs(void);
uint64_t use_gs(void);
uint64_t use_kernel_gs(void);
uint64_t use_tsc_aux(void);
uint64_t use_lstar(void);
uint64_t use_osxsave(void);
uint64_t use_mwait(void);
uint64_t use_apic_on(void);
uint64_t use_avx_size(void);
uint64_t use_wp(void);
uint64_t use_nx(void);
uint64_t use_sce(void);
uint64_t use_de(void);
uint64_t use_fsgsbase(void);
uint64_t use_watch(void);
uint64_t use_tpr(void);

#endif
