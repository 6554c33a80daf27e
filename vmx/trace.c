// SPDX-License-Identifier: GPL-2.0-only
/* What the VMCS says of an exit, for the event kvm_exit: read only when it is traced. */
#include "internal.h"
#include "trace.h"

/**
 * vmx_trace_exit - the details of the exit that has just happened
 * @vcpu: loaded vCPU
 * @info1: exit qualification
 * @info2: IDT-vectoring information
 * @intr_info: VM-exit interruption information
 * @error_code: that of the event being delivered, or of the one that made the exit
 */
void vmx_trace_exit(struct kvm_vcpu *vcpu, u64 *info1, u64 *info2, u32 *intr_info, u32 *error_code)
{
	*info1 = vmcs_readl(EXIT_QUALIFICATION);
	*info2 = vmcs_read32(IDT_VECTORING_INFO_FIELD);
	*intr_info = vmcs_read32(VM_EXIT_INTR_INFO);
	*error_code = 0;
	if ((*info2 & VECTORING_INFO_VALID_MASK) && (*info2 & VECTORING_INFO_DELIVER_CODE_MASK))
		*error_code = vmcs_read32(IDT_VECTORING_ERROR_CODE);
	else if ((*intr_info & INTR_INFO_VALID_MASK) && (*intr_info & INTR_INFO_DELIVER_CODE_MASK))
		*error_code = vmcs_read32(VM_EXIT_INTR_ERROR_CODE);
}
