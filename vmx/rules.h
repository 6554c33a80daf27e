/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RULE(name, section of the SDM's volume 3C, who may break it, what must be so, the same in C).
 * KVMX: no state that user space or the guest may set breaks it. USER: some does, and the entry
 * fails for that. Included by check.c, several times.
 */

/* --- 27.2.1.1: VM-execution controls --- */
RULE(pin_allowed, "27.2.1.1", KVMX, "the pin-based controls are allowed",
	allowed(F(PIN), s->lim->pin))
RULE(proc_allowed, "27.2.1.1", KVMX, "the primary processor-based controls are allowed",
	allowed(F(PROC), s->lim->proc))
RULE(proc2_allowed, "27.2.1.1", KVMX, "the secondary processor-based controls are allowed",
	!(F(PROC) & PROC_SECONDARY) || allowed(F(PROC2), s->lim->proc2))
RULE(cr3_targets, "27.2.1.1", KVMX, "at most 4 CR3 targets, or as many as the CPU has",
	F(CR3_TARGETS) <= ((s->lim->misc >> 16) & 0x1ff))
RULE(io_bitmaps, "27.2.1.1", KVMX, "the I/O bitmaps are pages",
	!(F(PROC) & PROC_IO_BITMAPS) || (is_page(s, F(IO_BITMAP_A)) && is_page(s, F(IO_BITMAP_B))))
RULE(msr_bitmap, "27.2.1.1", KVMX, "the MSR bitmap is a page",
	!(F(PROC) & PROC_MSR_BITMAPS) || is_page(s, F(MSR_BITMAP)))
RULE(virtual_apic_page, "27.2.1.1", KVMX, "the virtual-APIC page is a page",
	!(F(PROC) & PROC_TPR_SHADOW) || is_page(s, F(VIRT_APIC)))
RULE(tpr_threshold, "27.2.1.1", KVMX,
	"without virtual-interrupt delivery bits 31:4 of the TPR threshold are 0",
	!(F(PROC) & PROC_TPR_SHADOW) || (proc2(s) & PROC2_VIRTUAL_INT) || F(TPR_THRESHOLD) < 16)
RULE(tpr_threshold_vtpr, "27.2.1.1", KVMX,
	"without virtualized accesses and delivery the TPR threshold is not above the TPR",
	!(F(PROC) & PROC_TPR_SHADOW) || (proc2(s) & (PROC2_VIRTUAL_INT | PROC2_APIC_ACCESSES)) ||
	(F(TPR_THRESHOLD) & 15) <= s->vtpr >> 4)
RULE(apic_needs_tpr_shadow, "27.2.1.1", KVMX,
	"x2APIC mode, register virtualization, interrupt delivery: only with a TPR shadow",
	(F(PROC) & PROC_TPR_SHADOW) ||
	!(proc2(s) & (PROC2_X2APIC | PROC2_REGISTER_VIRT | PROC2_VIRTUAL_INT)))
RULE(virtual_nmis, "27.2.1.1", KVMX, "virtual NMIs only with NMI exiting",
	(F(PIN) & PIN_NMI) || !(F(PIN) & PIN_VIRTUAL_NMI))
RULE(nmi_window, "27.2.1.1", KVMX, "NMI-window exiting only with virtual NMIs",
	(F(PIN) & PIN_VIRTUAL_NMI) || !(F(PROC) & PROC_NMI_WINDOW))
RULE(apic_access_page, "27.2.1.1", KVMX, "the APIC-access page is a page",
	!(proc2(s) & PROC2_APIC_ACCESSES) || is_page(s, F(APIC_ACCESS)))
RULE(x2apic_or_accesses, "27.2.1.1", KVMX,
	"x2APIC mode and APIC accesses are not virtualized together",
	!(proc2(s) & PROC2_X2APIC) || !(proc2(s) & PROC2_APIC_ACCESSES))
RULE(virtual_interrupts, "27.2.1.1", KVMX,
	"virtual-interrupt delivery only with external-interrupt exiting",
	!(proc2(s) & PROC2_VIRTUAL_INT) || (F(PIN) & PIN_EXT_INT))
RULE(posted_controls, "27.2.1.1", KVMX,
	"posted interrupts only with virtual-interrupt delivery and acknowledging exits",
	!(F(PIN) & PIN_POSTED) || ((proc2(s) & PROC2_VIRTUAL_INT) && (F(EXIT) & EXIT_ACK_INT)))
RULE(posted_vector, "27.2.1.1", KVMX, "the notification vector has 8 bits",
	!(F(PIN) & PIN_POSTED) || F(POSTED_NV) < 256)
RULE(posted_descriptor, "27.2.1.1", KVMX,
	"the posted-interrupt descriptor is 64-byte aligned memory",
	!(F(PIN) & PIN_POSTED) || is_phys(s, F(POSTED_DESC), 63))
RULE(vpid, "27.2.1.1", KVMX, "the VPID is not 0",
	!(proc2(s) & PROC2_VPID) || F(VPID))
RULE(eptp, "27.2.1.1", KVMX, "memory type, walk length and address of the EPT pointer",
	!(proc2(s) & PROC2_EPT) || eptp_good(s, F(EPTP)))
RULE(needs_ept, "27.2.1.1", KVMX, "unrestricted guest, PML and mode-based execution only with EPT",
	(proc2(s) & PROC2_EPT) || !(proc2(s) & (PROC2_UNRESTRICTED | PROC2_PML | PROC2_MBEC)))
RULE(pml_page, "27.2.1.1", KVMX, "the page-modification log is a page",
	!(proc2(s) & PROC2_PML) || is_page(s, F(PML_ADDR)))
RULE(shadow_bitmaps, "27.2.1.1", KVMX, "the VMREAD and VMWRITE bitmaps are pages",
	!(proc2(s) & PROC2_VMCS_SHADOW) ||
	(is_page(s, F(VMREAD_BITMAP)) && is_page(s, F(VMWRITE_BITMAP))))

/* --- 27.2.1.2, 27.2.1.3: VM-exit and VM-entry controls --- */
RULE(exit_allowed, "27.2.1.2", KVMX, "the VM-exit controls are allowed",
	allowed(F(EXIT), s->lim->exit))
RULE(save_timer, "27.2.1.2", KVMX, "the preemption timer is saved only where it is active",
	(F(PIN) & PIN_PREEMPTION_TIMER) || !(F(EXIT) & EXIT_SAVE_TIMER))
RULE(exit_store_area, "27.2.1.2", KVMX, "the VM-exit MSR-store area is memory",
	area_good(s, F(EXIT_STORE_ADDR), F(EXIT_STORE_COUNT)))
RULE(exit_load_area, "27.2.1.2", KVMX, "the VM-exit MSR-load area is memory",
	area_good(s, F(EXIT_LOAD_ADDR), F(EXIT_LOAD_COUNT)))
RULE(entry_allowed, "27.2.1.3", KVMX, "the VM-entry controls are allowed",
	allowed(F(ENTRY), s->lim->entry))
RULE(event_type, "27.2.1.3", KVMX, "the event has a type that there is, and its vector",
	!event(s) || event_type_good(s))
RULE(event_error_code, "27.2.1.3", USER,
	"an error code comes with those exceptions that have one, in protected mode",
	!event(s) || event_error_good(s))
RULE(event_reserved, "27.2.1.3", KVMX, "bits 30:12 of the event are 0",
	!event(s) || !(F(ENTRY_INFO) & 0x7ffff000))
RULE(event_error_bits, "27.2.1.3", USER, "bits 31:16 of the error code are 0",
	!event(s) || !(F(ENTRY_INFO) & EVENT_ERROR) || F(ENTRY_ERROR) < 0x10000)
RULE(event_length, "27.2.1.3", KVMX, "the length of a software event's instruction",
	!event(s) || event_length_good(s))
RULE(entry_load_area, "27.2.1.3", KVMX, "the VM-entry MSR-load area is memory",
	area_good(s, F(ENTRY_LOAD_ADDR), F(ENTRY_LOAD_COUNT)))
RULE(not_smm, "27.2.1.3", KVMX, "entry to SMM and dual-monitor treatment are SMM's own",
	!(F(ENTRY) & (ENTRY_SMM | ENTRY_DUAL_MONITOR)))

/* --- 27.2.2: host control registers and MSRs --- */
RULE(host_cr0, "27.2.2", KVMX, "the host's CR0 has what VMX fixes",
	fixed(F(HOST_CR0), s->lim->cr0_fixed0, s->lim->cr0_fixed1))
RULE(host_cr4, "27.2.2", KVMX, "the host's CR4 has what VMX fixes",
	fixed(F(HOST_CR4), s->lim->cr4_fixed0, s->lim->cr4_fixed1))
RULE(host_cet, "27.2.2", KVMX, "the host's CR4.CET only with CR0.WP",
	!(F(HOST_CR4) & CR4_CET) || (F(HOST_CR0) & CR0_WP))
RULE(host_cr3, "27.2.2", KVMX, "the host's CR3 is within the CPU's physical addresses, but for LAM",
	!((F(HOST_CR3) & ~(3ull << 61)) >> s->lim->phys_bits))
RULE(host_sysenter, "27.2.2", KVMX, "the host's SYSENTER addresses are canonical",
	canonical(s, F(HOST_SYSENTER_ESP)) && canonical(s, F(HOST_SYSENTER_EIP)))
RULE(host_pat, "27.2.2", KVMX, "the host's PAT has memory types that there are",
	!(F(EXIT) & EXIT_LOAD_PAT) || pat_good(F(HOST_PAT)))
RULE(host_perf_ctrl, "27.2.2", KVMX, "the host's PERF_GLOBAL_CTRL has no reserved bit",
	!(F(EXIT) & EXIT_LOAD_PERF_CTRL) || !(F(HOST_PERF_CTRL) & ~s->lim->perf_ctrl))
RULE(host_efer, "27.2.2", KVMX,
	"the host's EFER has no reserved bit, and LMA and LME of a 64-bit host",
	!(F(EXIT) & EXIT_LOAD_EFER) ||
	(!(F(HOST_EFER) & ~EFER_BITS) && !(F(HOST_EFER) & EFER_A) == !(F(EXIT) & EXIT_HOST_64) &&
	 !(F(HOST_EFER) & EFER_E) == !(F(EXIT) & EXIT_HOST_64)))

/* --- 27.2.3, 27.2.4: host segments, address-space size --- */
RULE(host_selectors, "27.2.3", KVMX, "RPL and TI of the host's selectors are 0",
	!((F(HOST_ES_SEL) | F(HOST_CS_SEL) | F(HOST_SS_SEL) | F(HOST_DS_SEL) | F(HOST_FS_SEL) |
	F(HOST_GS_SEL) | F(HOST_TR_SEL)) & 7))
RULE(host_cs_tr, "27.2.3", KVMX, "the host's CS and TR are not null",
	F(HOST_CS_SEL) && F(HOST_TR_SEL))
RULE(host_ss, "27.2.3", KVMX, "the SS of a host that is not 64-bit is not null",
	(F(EXIT) & EXIT_HOST_64) || F(HOST_SS_SEL))
RULE(host_bases, "27.2.3", KVMX, "the host's bases are canonical",
	canonical(s, F(HOST_FS_BASE)) && canonical(s, F(HOST_GS_BASE)) &&
	canonical(s, F(HOST_TR_BASE)) && canonical(s, F(HOST_GDTR_BASE)) &&
	canonical(s, F(HOST_IDTR_BASE)))
RULE(host_64, "27.2.4", KVMX, "the host is 64-bit, as it is",
	F(EXIT) & EXIT_HOST_64)
RULE(host_pae, "27.2.4", KVMX, "a 64-bit host has CR4.PAE",
	!(F(EXIT) & EXIT_HOST_64) || (F(HOST_CR4) & CR4_PAE))
RULE(host_rip, "27.2.4", KVMX, "the host's RIP is canonical",
	canonical(s, F(HOST_RIP)))

/* --- 27.3.1.1: guest control registers, debug registers and MSRs --- */
RULE(cr0, "27.3.1.1", KVMX, "CR0 has what VMX fixes; PE and PG are free for an unrestricted guest",
	fixed(F(CR0), s->lim->cr0_fixed0 & ~(u64)(unrestricted(s) ? CR0_PE | CR0_PG : 0),
	   s->lim->cr0_fixed1))
RULE(cr0_paging, "27.3.1.1", USER, "paging only in protected mode",
	!(F(CR0) & CR0_PG) || (F(CR0) & CR0_PE))
RULE(cr4, "27.3.1.1", USER, "CR4 has what VMX fixes",
	fixed(F(CR4), s->lim->cr4_fixed0, s->lim->cr4_fixed1))
RULE(cet, "27.3.1.1", USER, "CR4.CET only with CR0.WP",
	!(F(CR4) & CR4_CET) || (F(CR0) & CR0_WP))
/* The host's rule, not the CPU's: without MCE a machine check in the guest is a shutdown. */
RULE(mce, "27.9", KVMX, "CR4.MCE is the host's, and the guest's own is in the shadow",
	!((F(CR4) ^ F(HOST_CR4)) & CR4_MCE) && (F(CR4_MASK) & CR4_MCE))
RULE(debugctl, "27.3.1.1", KVMX, "DEBUGCTL has no reserved bit",
	!(F(ENTRY) & ENTRY_DEBUG) || !(F(DEBUGCTL) & ~0xffc7ull))
RULE(long_mode, "27.3.1.1", USER, "an IA-32e mode guest has CR0.PG and CR4.PAE",
	!(F(ENTRY) & ENTRY_IA32E) || ((F(CR0) & CR0_PG) && (F(CR4) & CR4_PAE)))
RULE(pcid, "27.3.1.1", USER, "CR4.PCIDE only in IA-32e mode",
	(F(ENTRY) & ENTRY_IA32E) || !(F(CR4) & CR4_PCIDE))
RULE(cr3, "27.3.1.1", USER, "CR3 is within the CPU's physical addresses",
	!(F(CR3) >> s->lim->phys_bits))
RULE(dr7, "27.3.1.1", KVMX, "bits 63:32 of DR7 are 0",
	!(F(ENTRY) & ENTRY_DEBUG) || !(F(DR7) >> 32))
RULE(sysenter, "27.3.1.1", USER, "the SYSENTER addresses are canonical",
	canonical(s, F(SYSENTER_ESP)) && canonical(s, F(SYSENTER_EIP)))
RULE(pat, "27.3.1.1", KVMX, "the PAT has memory types that there are",
	!(F(ENTRY) & ENTRY_LOAD_PAT) || pat_good(F(PAT)))
RULE(perf_ctrl, "27.3.1.1", KVMX, "PERF_GLOBAL_CTRL has no reserved bit",
	!(F(ENTRY) & ENTRY_LOAD_PERF_CTRL) || !(F(PERF_CTRL) & ~s->lim->perf_ctrl))
RULE(efer, "27.3.1.1", USER,
	"EFER has no reserved bit, LMA as the entry has it, and LME with paging",
	!(F(ENTRY) & ENTRY_LOAD_EFER) ||
	(!(F(EFER) & ~EFER_BITS) && !(F(EFER) & EFER_A) == !(F(ENTRY) & ENTRY_IA32E) &&
	 (!(F(CR0) & CR0_PG) || !(F(EFER) & EFER_A) == !(F(EFER) & EFER_E))))

/* --- 27.3.1.2: guest segment registers --- */
RULE(tr_selector, "27.3.1.2", USER, "TI of TR is 0",
	!(F(TR_SEL) & 4))
RULE(ldtr_selector, "27.3.1.2", USER, "TI of a usable LDTR is 0",
	unusable(F(LDTR_AR)) || !(F(LDTR_SEL) & 4))
RULE(ss_rpl, "27.3.1.2", USER,
	"RPL of SS is that of CS, but in virtual-8086 mode and for unrestricted guests",
	vm86(s) || unrestricted(s) || !((F(SS_SEL) ^ F(CS_SEL)) & 3))
RULE(vm86_segments, "27.3.1.2", USER, "virtual-8086 mode: base, limit and access rights follow",
	!vm86(s) || (vm86_good(F(CS_SEL), F(CS_BASE), F(CS_LIMIT), F(CS_AR)) &&
		  vm86_good(F(SS_SEL), F(SS_BASE), F(SS_LIMIT), F(SS_AR)) &&
		  vm86_good(F(DS_SEL), F(DS_BASE), F(DS_LIMIT), F(DS_AR)) &&
		  vm86_good(F(ES_SEL), F(ES_BASE), F(ES_LIMIT), F(ES_AR)) &&
		  vm86_good(F(FS_SEL), F(FS_BASE), F(FS_LIMIT), F(FS_AR)) &&
		  vm86_good(F(GS_SEL), F(GS_BASE), F(GS_LIMIT), F(GS_AR))))
RULE(bases_canonical, "27.3.1.2", USER, "the bases of TR, FS, GS and a usable LDTR are canonical",
	canonical(s, F(TR_BASE)) && canonical(s, F(FS_BASE)) && canonical(s, F(GS_BASE)) &&
	(unusable(F(LDTR_AR)) || canonical(s, F(LDTR_BASE))))
RULE(bases_32, "27.3.1.2", USER, "the bases of CS and of usable SS, DS and ES have 32 bits",
	!(F(CS_BASE) >> 32) && (unusable(F(SS_AR)) || !(F(SS_BASE) >> 32)) &&
	(unusable(F(DS_AR)) || !(F(DS_BASE) >> 32)) && (unusable(F(ES_AR)) || !(F(ES_BASE) >> 32)))
RULE(cs_type, "27.3.1.2", USER, "CS is accessed code, or writable data of an unrestricted guest",
	vm86(s) || cs_type_good(s))
RULE(ss_type, "27.3.1.2", USER, "SS is accessed and writable",
	vm86(s) || unusable(F(SS_AR)) || AR_TYPE(F(SS_AR)) == 3 || AR_TYPE(F(SS_AR)) == 7)
RULE(data_types, "27.3.1.2", USER, "DS, ES, FS and GS are accessed, and readable",
	vm86(s) || (data_type_good(F(DS_AR)) && data_type_good(F(ES_AR)) &&
		 data_type_good(F(FS_AR)) && data_type_good(F(GS_AR))))
RULE(cs_dpl, "27.3.1.2", USER, "DPL of CS goes with its type and with that of SS",
	vm86(s) || cs_dpl_good(s))
RULE(ss_dpl, "27.3.1.2", USER,
	"DPL of SS is its RPL but for unrestricted guests, and 0 in real mode",
	vm86(s) || ss_dpl_good(s))
RULE(data_dpl, "27.3.1.2", USER,
	"DPL of DS, ES, FS and GS is at least the RPL, but for unrestricted guests",
	vm86(s) || unrestricted(s) ||
	(data_dpl_good(F(DS_AR), F(DS_SEL)) && data_dpl_good(F(ES_AR), F(ES_SEL)) &&
	 data_dpl_good(F(FS_AR), F(FS_SEL)) && data_dpl_good(F(GS_AR), F(GS_SEL))))
RULE(present, "27.3.1.2", USER,
	"CS, and what else is usable, is a present code or data segment without reserved bits",
	vm86(s) || (!unusable(F(CS_AR)) && present_good(F(CS_AR)) && present_good(F(SS_AR)) &&
		 present_good(F(DS_AR)) && present_good(F(ES_AR)) && present_good(F(FS_AR)) &&
		 present_good(F(GS_AR))))
RULE(cs_l_db, "27.3.1.2", USER, "CS.D is 0 in 64-bit mode",
	vm86(s) || !(F(ENTRY) & ENTRY_IA32E) || !(F(CS_AR) & AR_L) || !(F(CS_AR) & AR_DB))
RULE(granularity, "27.3.1.2", USER, "the granularity goes with the limit",
	vm86(s) || (limit_good(F(CS_AR), F(CS_LIMIT)) && limit_good(F(SS_AR), F(SS_LIMIT)) &&
		 limit_good(F(DS_AR), F(DS_LIMIT)) && limit_good(F(ES_AR), F(ES_LIMIT)) &&
		 limit_good(F(FS_AR), F(FS_LIMIT)) && limit_good(F(GS_AR), F(GS_LIMIT))))
RULE(tr, "27.3.1.2", USER, "TR is usable, and a busy TSS of the mode's kind",
	!unusable(F(TR_AR)) && !(F(TR_AR) & AR_S) && (F(TR_AR) & AR_P) &&
	!(F(TR_AR) & 0xfffe0f00) && limit_good(F(TR_AR), F(TR_LIMIT)) &&
	(AR_TYPE(F(TR_AR)) == 11 || (AR_TYPE(F(TR_AR)) == 3 && !(F(ENTRY) & ENTRY_IA32E))))
RULE(ldtr, "27.3.1.2", USER, "a usable LDTR is an LDT",
	unusable(F(LDTR_AR)) ||
	(AR_TYPE(F(LDTR_AR)) == 2 && !(F(LDTR_AR) & AR_S) && (F(LDTR_AR) & AR_P) &&
	 !(F(LDTR_AR) & 0xfffe0f00) && limit_good(F(LDTR_AR), F(LDTR_LIMIT))))

/* --- 27.3.1.3, 27.3.1.4: descriptor tables, RIP and RFLAGS --- */
RULE(table_bases, "27.3.1.3", USER, "the bases of GDTR and IDTR are canonical",
	canonical(s, F(GDTR_BASE)) && canonical(s, F(IDTR_BASE)))
RULE(table_limits, "27.3.1.3", KVMX, "the limits of GDTR and IDTR have 16 bits",
	F(GDTR_LIMIT) < 0x10000 && F(IDTR_LIMIT) < 0x10000)
RULE(rip, "27.3.1.4", USER,
	"RIP has 32 bits, in 64-bit mode it is canonical or as wide as the CPU's addresses",
	(F(ENTRY) & ENTRY_IA32E) && (F(CS_AR) & AR_L) ? rip_good(s) : !(F(RIP) >> 32))
RULE(rflags, "27.3.1.4", USER, "the reserved bits of RFLAGS have their values",
	!(F(RFLAGS) & ~0x3f7fd7ull) && (F(RFLAGS) & 2))
RULE(rflags_vm, "27.3.1.4", USER, "no virtual-8086 mode in IA-32e or real mode",
	!(F(RFLAGS) & FLAGS_VM) || (!(F(ENTRY) & ENTRY_IA32E) && (F(CR0) & CR0_PE)))
RULE(rflags_if, "27.3.1.4", KVMX, "IF is set for an external interrupt",
	!is_event(s, EVENT_EXTERNAL) || (F(RFLAGS) & FLAGS_IF))

/* --- 27.3.1.5: non-register state --- */
RULE(activity, "27.3.1.5", KVMX, "the activity state is one that the CPU has",
	F(ACTIVITY) == 0 || (F(ACTIVITY) <= 3 && (s->lim->misc >> (5 + F(ACTIVITY)) & 1)))
RULE(halted_ring, "27.3.1.5", USER, "HLT only with SS.DPL 0",
	F(ACTIVITY) != ACTIVITY_HLT || !AR_DPL(F(SS_AR)))
RULE(active_in_shadow, "27.3.1.5", KVMX, "active where STI or MOV SS blocks",
	F(ACTIVITY) == 0 || !(F(INTERRUPTIBILITY) & (BY_STI | BY_MOV_SS)))
RULE(event_wakes, "27.3.1.5", KVMX, "an event for a CPU that is not active wakes it",
	!event(s) || event_wakes_good(s))
RULE(interruptibility, "27.3.1.5", KVMX, "the reserved bits of the interruptibility state are 0",
	F(INTERRUPTIBILITY) < 0x20)
RULE(one_shadow, "27.3.1.5", KVMX, "STI and MOV SS do not both block",
	(F(INTERRUPTIBILITY) & (BY_STI | BY_MOV_SS)) != (BY_STI | BY_MOV_SS))
RULE(sti_if, "27.3.1.5", KVMX, "STI blocks only with IF",
	!(F(INTERRUPTIBILITY) & BY_STI) || (F(RFLAGS) & FLAGS_IF))
RULE(interrupt_blocked, "27.3.1.5", KVMX,
	"neither STI nor MOV SS blocks an external interrupt that comes",
	!is_event(s, EVENT_EXTERNAL) || !(F(INTERRUPTIBILITY) & (BY_STI | BY_MOV_SS)))
RULE(nmi_blocked, "27.3.1.5", KVMX, "neither STI nor MOV SS blocks an NMI that comes",
	!is_event(s, EVENT_NMI) || !(F(INTERRUPTIBILITY) & (BY_STI | BY_MOV_SS)))
RULE(smi_blocked, "27.3.1.5", KVMX, "outside SMM no SMI blocks",
	!(F(INTERRUPTIBILITY) & BY_SMI))
RULE(virtual_nmi_blocked, "27.3.1.5", KVMX, "an NMI that comes is not blocked by one",
	!is_event(s, EVENT_NMI) || !(F(PIN) & PIN_VIRTUAL_NMI) || !(F(INTERRUPTIBILITY) & BY_NMI))
RULE(enclave, "27.3.1.5", KVMX, "the interruption of an enclave is not with MOV SS",
	!(F(INTERRUPTIBILITY) & BY_ENCLAVE) || !(F(INTERRUPTIBILITY) & BY_MOV_SS))
RULE(pending_reserved, "27.3.1.5", KVMX, "the reserved bits of the pending debug exceptions are 0",
	!(F(PENDING_DBG) & ~(0x1500full | (s->lim->bus_lock_detect ? 0x800 : 0))))
RULE(pending_step, "27.3.1.5", KVMX,
	"blocked or halted, BS is pending exactly with TF and without BTF",
	!(F(INTERRUPTIBILITY) & (BY_STI | BY_MOV_SS)) && F(ACTIVITY) != ACTIVITY_HLT ? true :
	!(F(PENDING_DBG) & PENDING_BS) == !((F(RFLAGS) & FLAGS_TF) && !(F(DEBUGCTL) & BTF)))
RULE(pending_rtm, "27.3.1.5", KVMX,
	"a pending RTM comes with the enabled breakpoint alone, and not with MOV SS",
	!(F(PENDING_DBG) & PENDING_RTM) ||
	((F(PENDING_DBG) & 0xffff) == 0x1000 && !(F(INTERRUPTIBILITY) & BY_MOV_SS)))
RULE(link, "27.3.1.5", KVMX, "the VMCS link pointer is none, or a VMCS",
	F(LINK) == ~0ull || is_page(s, F(LINK)))

/* --- 27.3.1.6: PDPTEs --- */
RULE(pdptes, "27.3.1.6", USER, "a present PDPTE has no reserved bit",
	!pae_paging(s) || (pdpte_good(s, F(PDPTE0)) && pdpte_good(s, F(PDPTE1)) &&
			pdpte_good(s, F(PDPTE2)) && pdpte_good(s, F(PDPTE3))))

/* --- 27.4, 28.6: MSRs that the entry and the next exit load --- */
RULE(entry_msrs, "27.4", KVMX, "an entry may load the MSRs of the VM-entry MSR-load area",
	!s->areas || msrs_good(s->areas->entry, F(ENTRY_LOAD_COUNT)))
RULE(exit_msrs, "28.6", KVMX, "an exit may load the MSRs of the VM-exit MSR-load area",
	!s->areas || msrs_good(s->areas->exit, F(EXIT_LOAD_COUNT)))
