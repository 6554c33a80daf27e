/* SPDX-License-Identifier: GPL-2.0-only */
/* A host kernel on a real CPU (host_cpu.h), and what KVM_GET_SUPPORTED_CPUID offers there. */
#ifndef KVMX_HOST_KERNEL_H
#define KVMX_HOST_KERNEL_H

#include "host_cpu.h"
#include "cpuid_features.h"
#include "cpuid.h"
#include "state.h"

/* As much as the ioctl has room for. */
#define MAX_ENT		256

extern u64 host_xcr0;			/* XCR0 as the kernel has it */

/*
 * A kernel boots on @c, and on cores of another kind as well if @other is not NULL, and the
 * module is loaded as far as vmx_setup(), which this returns. @host_xcr0, forget() and vmx_caps
 * may take from it before build_list().
 */
int boot(const struct cpu *c, const struct cpu *other);
/* The kernel does without this feature, an X86_FEATURE_*. */
void forget(u32 feature);
/* What the CPU says; 0 where it has no such leaf. */
u32 raw(u32 leaf, u32 sub, enum kvm_cpuid_reg reg);

extern struct kvm_cpuid_entry2 ent[];
extern int nent;			/* how many, or the error */

void build_list(void);
/* Of the list: NULL, and 0, where it has no such leaf. */
const struct kvm_cpuid_entry2 *entry(u32 leaf, u32 sub);
u32 given(u32 leaf, u32 sub, enum kvm_cpuid_reg reg);

#endif
