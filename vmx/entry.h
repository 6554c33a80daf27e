/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by enter.c and entry.S. */
#ifndef KVMX_VMX_ENTRY_H
#define KVMX_VMX_ENTRY_H

/* Offsets in struct vmx_entry, checked in enter.c. */
#define VMX_ENTRY_HOST_RSP	0
#define VMX_ENTRY_HOST_SPEC	8
#define VMX_ENTRY_GUEST_SPEC	12
#define VMX_ENTRY_LAUNCHED	16
#define VMX_ENTRY_SPEC		18

/* Encoding of the host RSP field, SDM 3D appendix B. */
#define VMX_FIELD_HOST_RSP	0x6c14

#endif
