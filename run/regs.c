// SPDX-License-Identifier: GPL-2.0-only
/* General, segment, control and debug registers to and from user space. */
#include <linux/string.h>
#include <linux/percpu.h>
#include <asm/debugreg.h>
#include <asm/trapnr.h>
#include "events.h"
#include "irqchip.h"
#include "kick.h"
#include "mmu.h"
#include "regs.h"
#include "run.h"
#include "state.h"
#include "vcpu.h"

static void get_regs(struct kvm_vcpu *vcpu, struct kvm_regs *r)
{
	kvm_rsp_read(vcpu);
	*r = (struct kvm_regs){
		.rax = vcpu->regs.gpr[KVM_REG_RAX], .rbx = vcpu->regs.gpr[KVM_REG_RBX],
		.rcx = vcpu->regs.gpr[KVM_REG_RCX], .rdx = vcpu->regs.gpr[KVM_REG_RDX],
		.rsi = vcpu->regs.gpr[KVM_REG_RSI], .rdi = vcpu->regs.gpr[KVM_REG_RDI],
		.rsp = vcpu->regs.gpr[KVM_REG_RSP], .rbp = vcpu->regs.gpr[KVM_REG_RBP],
		.r8 = vcpu->regs.gpr[KVM_REG_R8], .r9 = vcpu->regs.gpr[KVM_REG_R9],
		.r10 = vcpu->regs.gpr[KVM_REG_R10], .r11 = vcpu->regs.gpr[KVM_REG_R11],
		.r12 = vcpu->regs.gpr[KVM_REG_R12], .r13 = vcpu->regs.gpr[KVM_REG_R13],
		.r14 = vcpu->regs.gpr[KVM_REG_R14], .r15 = vcpu->regs.gpr[KVM_REG_R15],
		.rip = kvm_rip_read(vcpu), .rflags = kvm_rflags_read(vcpu),
	};
}

static void set_regs(struct kvm_vcpu *vcpu, const struct kvm_regs *r)
{
	const u64 gpr[KVM_NR_GPRS] = {
		r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi,
		r->r8, r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15,
	};

	kvm_note_place(vcpu);
	memcpy(vcpu->regs.gpr, gpr, sizeof(gpr));
	kvm_gpr_write(vcpu, KVM_REG_RSP, r->rsp);
	kvm_rip_write(vcpu, r->rip);
	vmx_set_rflags(vcpu, r->rflags);
	/* What was to be delivered to the old place is not meant for the new one. */
	vcpu->events.exc.pending = false;
	kvm_make_request(vcpu, KVM_REQ_EVENT);
}

static void segment_out(struct kvm_vcpu *vcpu, enum x86_seg seg, struct kvm_segment *out)
{
	struct x86_segment s;

	vmx_get_segment(vcpu, seg, &s);
	*out = (struct kvm_segment){
		.base = s.base, .limit = s.limit, .selector = s.selector, .type = s.type,
		.present = s.present, .dpl = s.dpl, .db = s.db, .s = s.s, .l = s.l, .g = s.g,
		.avl = s.avl, .unusable = s.unusable,
	};
}

static void segment_in(struct kvm_vcpu *vcpu, enum x86_seg seg, const struct kvm_segment *in)
{
	const struct x86_segment s = {
		.base = in->base, .limit = in->limit, .selector = in->selector,
		.type = in->type & 15, .present = in->present, .dpl = in->dpl & 3,
		.db = in->db, .s = in->s, .l = in->l, .g = in->g, .avl = in->avl,
		.unusable = in->unusable || !in->present,
	};

	vmx_set_segment(vcpu, seg, &s);
}

static const struct {
	enum x86_seg seg;
	u16 offset;
} segments[] = {
	{ X86_SEG_CS, offsetof(struct kvm_sregs, cs) },
	{ X86_SEG_DS, offsetof(struct kvm_sregs, ds) },
	{ X86_SEG_ES, offsetof(struct kvm_sregs, es) },
	{ X86_SEG_FS, offsetof(struct kvm_sregs, fs) },
	{ X86_SEG_GS, offsetof(struct kvm_sregs, gs) },
	{ X86_SEG_SS, offsetof(struct kvm_sregs, ss) },
	{ X86_SEG_TR, offsetof(struct kvm_sregs, tr) },
	{ X86_SEG_LDTR, offsetof(struct kvm_sregs, ldt) },
};

/* kvm_sregs2 has the same fields up to apic_base. */
static_assert(offsetof(struct kvm_sregs, apic_base) == offsetof(struct kvm_sregs2, apic_base));

static void get_sregs_common(struct kvm_vcpu *vcpu, struct kvm_sregs *out)
{
	struct x86_table dt;
	int i;

	for (i = 0; i < ARRAY_SIZE(segments); i++)
		segment_out(vcpu, segments[i].seg, (void *)out + segments[i].offset);
	vmx_get_idt(vcpu, &dt);
	out->idt = (struct kvm_dtable){ .base = dt.base, .limit = dt.limit };
	vmx_get_gdt(vcpu, &dt);
	out->gdt = (struct kvm_dtable){ .base = dt.base, .limit = dt.limit };
	out->cr0 = kvm_cr0_read(vcpu);
	out->cr2 = vcpu->cr.cr2;
	out->cr3 = kvm_cr3_read(vcpu);
	out->cr4 = kvm_cr4_read(vcpu);
	out->cr8 = kvm_get_cr8(vcpu);
	out->efer = vcpu->cr.efer;
	out->apic_base = vcpu->msr.apic_base;
}

static void get_sregs(struct kvm_vcpu *vcpu, struct kvm_sregs *out)
{
	const struct kvm_events *e = &vcpu->events;

	get_sregs_common(vcpu, out);
	memset(out->interrupt_bitmap, 0, sizeof(out->interrupt_bitmap));
	if (e->intr.injected && !e->intr.soft)
		set_bit(e->intr.vector, (unsigned long *)out->interrupt_bitmap);
	else if (e->extint >= 0)
		set_bit(e->extint, (unsigned long *)out->interrupt_bitmap);
}

/* All but the PDPTEs and pending interrupts. */
static int set_sregs_common(struct kvm_vcpu *vcpu, const struct kvm_sregs *in)
{
	struct x86_table dt;
	int i;

	if (!kvm_sregs_valid(vcpu, in))
		return -EINVAL;
	if (kvm_set_apic_base(vcpu, in->apic_base, true))
		return -EINVAL;
	kvm_note_place(vcpu);
	dt = (struct x86_table){ .base = in->idt.base, .limit = in->idt.limit };
	vmx_set_idt(vcpu, &dt);
	dt = (struct x86_table){ .base = in->gdt.base, .limit = in->gdt.limit };
	vmx_set_gdt(vcpu, &dt);
	vcpu->cr.cr2 = in->cr2;
	kvm_set_cr8(vcpu, in->cr8);
	/* The next KVM_RUN takes CR8 from here. */
	vcpu->run->cr8 = in->cr8;
	vmx_set_efer(vcpu, in->efer);
	if (((in->cr0 ^ kvm_cr0_read(vcpu)) & X86_CR0_CD) && kvm_mmu_cd_counts(vcpu->kvm))
		kvm_mmu_zap_all(vcpu->kvm);
	vmx_set_cr0(vcpu, in->cr0);
	vmx_set_cr4(vcpu, in->cr4);
	vmx_set_cr3(vcpu, in->cr3);
	for (i = 0; i < ARRAY_SIZE(segments); i++)
		segment_in(vcpu, segments[i].seg, (const void *)in + segments[i].offset);
	kvm_cpuid_refresh(vcpu);
	vmx_flush_guest_tlb(vcpu);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	return 0;
}

static void load_pdptrs_of_cr3(struct kvm_vcpu *vcpu)
{
	int idx;

	if (!kvm_in_pae_paging(vcpu))
		return;
	/* User space may set registers before the memory they point to: no error here. */
	idx = srcu_read_lock(&vcpu->kvm->srcu);
	if (kvm_load_pdptrs(vcpu, kvm_cr3_read(vcpu)))
		vmx_write_pdptrs(vcpu);
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
}

static int set_sregs(struct kvm_vcpu *vcpu, const struct kvm_sregs *in)
{
	unsigned int vector;
	int r = set_sregs_common(vcpu, in);

	if (r)
		return r;
	load_pdptrs_of_cr3(vcpu);
	vector = find_first_bit((const unsigned long *)in->interrupt_bitmap, KVM_NR_INTERRUPTS);
	if (vector < KVM_NR_INTERRUPTS) {
		vcpu->events.intr.injected = true;
		vcpu->events.intr.soft = false;
		vcpu->events.intr.vector = vector;
	}
	return 0;
}

long kvm_vcpu_ioctl_get_regs(struct kvm_ioctl_args *a)
{
	get_regs(a->vcpu, a->data);
	return 0;
}

long kvm_vcpu_ioctl_set_regs(struct kvm_ioctl_args *a)
{
	set_regs(a->vcpu, a->data);
	return 0;
}

long kvm_vcpu_ioctl_get_sregs(struct kvm_ioctl_args *a)
{
	get_sregs(a->vcpu, a->data);
	return 0;
}

long kvm_vcpu_ioctl_set_sregs(struct kvm_ioctl_args *a)
{
	return set_sregs(a->vcpu, a->data);
}

static void sregs2_to_sregs(const struct kvm_sregs2 *in, struct kvm_sregs *out)
{
	memcpy(out, in, offsetofend(struct kvm_sregs, apic_base));
	memset(out->interrupt_bitmap, 0, sizeof(out->interrupt_bitmap));
}

long kvm_vcpu_ioctl_get_sregs2(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	struct kvm_sregs2 *out = a->data;
	struct kvm_sregs s;

	get_sregs_common(vcpu, &s);
	memset(out, 0, sizeof(*out));
	memcpy(out, &s, offsetofend(struct kvm_sregs, apic_base));
	if (kvm_in_pae_paging(vcpu)) {
		vmx_read_pdptrs(vcpu);
		memcpy(out->pdptrs, vcpu->cr.pdptrs, sizeof(out->pdptrs));
		out->flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	}
	return 0;
}

long kvm_vcpu_ioctl_set_sregs2(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	const struct kvm_sregs2 *in = a->data;
	bool given = in->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID;
	bool pae = (in->cr0 & X86_CR0_PG) && (in->cr4 & X86_CR4_PAE) && !(in->efer & EFER_LMA);
	struct kvm_sregs s;
	int r;

	if ((in->flags & ~(u64)KVM_SREGS2_FLAGS_PDPTRS_VALID) || (given && !pae))
		return -EINVAL;
	sregs2_to_sregs(in, &s);
	r = set_sregs_common(vcpu, &s);
	if (r)
		return r;
	if (given) {
		memcpy(vcpu->cr.pdptrs, in->pdptrs, sizeof(in->pdptrs));
		vmx_write_pdptrs(vcpu);
	} else {
		load_pdptrs_of_cr3(vcpu);
	}
	return 0;
}

long kvm_vcpu_ioctl_get_debugregs(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	struct kvm_debugregs *out = a->data;

	memset(out, 0, sizeof(*out));
	memcpy(out->db, vcpu->debug.dr, sizeof(out->db));
	out->dr6 = vcpu->debug.dr6;
	out->dr7 = vcpu->debug.dr7;
	return 0;
}

long kvm_vcpu_ioctl_set_debugregs(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	const struct kvm_debugregs *in = a->data;

	if (in->flags || in->dr6 >> 32 || in->dr7 >> 32)
		return -EINVAL;
	memcpy(vcpu->debug.dr, in->db, sizeof(in->db));
	vcpu->debug.dr6 = in->dr6;
	vcpu->debug.dr7 = in->dr7;
	vmx_set_dr7(vcpu);
	return 0;
}

/* A CPU that delivers interrupts by itself cannot hold them back for a debugger. */
static void inhibit_apicv_for_debug(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	bool blocked = false;
	unsigned long i;

	mutex_lock(&kvm->lock);
	kvm_for_each_vcpu(i, vcpu, kvm)
		blocked |= READ_ONCE(vcpu->debug.flags) & KVM_GUESTDBG_BLOCKIRQ;
	kvm_apicv_inhibit(kvm, KVM_APICV_DEBUG, blocked);
	mutex_unlock(&kvm->lock);
}

/* KVM_SET_GUEST_DEBUG: a debugger outside the guest. */
long kvm_vcpu_ioctl_set_guest_debug(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	const struct kvm_guest_debug *in = a->data;
	u64 rflags = kvm_rflags_read(vcpu);

	if (in->control & ~KVM_GUESTDBG_KNOWN)
		return -EINVAL;
	if (in->control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
		if (vcpu->events.exc.pending)
			return -EBUSY;
		kvm_queue_exception(vcpu, in->control & KVM_GUESTDBG_INJECT_DB ? DB_VECTOR :
				    BP_VECTOR);
	}
	vcpu->debug.flags = in->control & KVM_GUESTDBG_ENABLE ? in->control : 0;
	kvm_set_entry_needs(vcpu, KVM_ENTRY_DEBUG, vcpu->debug.flags);
	if (vcpu->debug.flags & KVM_GUESTDBG_USE_HW_BP) {
		memcpy(vcpu->debug.user_dr, in->arch.debugreg, sizeof(vcpu->debug.user_dr));
		/* DR_CONTROL_RESERVED counts GD in, which is the host kernel's view. */
		vcpu->debug.user_dr[7] = (in->arch.debugreg[7] &
					   (~(u64)DR_CONTROL_RESERVED | DR7_GD)) | DR7_RESET;
	}
	vmx_set_dr7(vcpu);
	/* With the single step's TF, or without it any more. */
	vmx_set_rflags(vcpu, rflags);
	vmx_set_interrupt_shadow(vcpu, vmx_interrupt_shadow(vcpu));
	vmx_update_exception_bitmap(vcpu);
	kvm_make_request(vcpu, KVM_REQ_EVENT);
	if (vcpu->apic)
		inhibit_apicv_for_debug(vcpu->kvm);
	return 0;
}

long kvm_vcpu_ioctl_translate(struct kvm_ioctl_args *a)
{
	struct kvm_vcpu *vcpu = a->vcpu;
	struct kvm_translation *t = a->data;
	struct x86_fault f;
	gpa_t gpa;
	int idx = srcu_read_lock(&vcpu->kvm->srcu);

	t->valid = kvm_walk_guest(vcpu, t->linear_address, X86_ACC_SYSTEM | KVM_WALK_NO_AD, &gpa,
				  &f) == EMU_OK;
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	t->physical_address = t->valid ? gpa : ~0ull;
	t->writeable = 1;
	t->usermode = 0;
	return 0;
}

/* KVM_CAP_SYNC_REGS: the same through the kvm_run page; read once, user space may change it. */
int kvm_sync_regs_in(struct kvm_vcpu *vcpu)
{
	struct kvm_sync_regs *s = &vcpu->run->s.regs;
	u64 dirty = READ_ONCE(vcpu->run->kvm_dirty_regs);
	union {
		struct kvm_regs regs;
		struct kvm_sregs sregs;
		struct kvm_vcpu_events events;
	} copy;

	if (dirty & KVM_SYNC_X86_REGS) {
		memcpy(&copy.regs, &s->regs, sizeof(copy.regs));
		set_regs(vcpu, &copy.regs);
		vcpu->run->kvm_dirty_regs &= ~KVM_SYNC_X86_REGS;
	}
	if (dirty & KVM_SYNC_X86_SREGS) {
		memcpy(&copy.sregs, &s->sregs, sizeof(copy.sregs));
		if (set_sregs(vcpu, &copy.sregs))
			return -EINVAL;
		vcpu->run->kvm_dirty_regs &= ~KVM_SYNC_X86_SREGS;
	}
	if (dirty & KVM_SYNC_X86_EVENTS) {
		struct kvm_ioctl_args a = { .kvm = vcpu->kvm, .vcpu = vcpu, .data = &copy.events };

		memcpy(&copy.events, &s->events, sizeof(copy.events));
		if (kvm_vcpu_ioctl_set_vcpu_events(&a))
			return -EINVAL;
		vcpu->run->kvm_dirty_regs &= ~KVM_SYNC_X86_EVENTS;
	}
	return 0;
}

void kvm_sync_regs_out(struct kvm_vcpu *vcpu)
{
	struct kvm_sync_regs *s = &vcpu->run->s.regs;
	u64 valid = READ_ONCE(vcpu->run->kvm_valid_regs);

	if (valid & KVM_SYNC_X86_REGS)
		get_regs(vcpu, &s->regs);
	if (valid & KVM_SYNC_X86_SREGS)
		get_sregs(vcpu, &s->sregs);
	if (valid & KVM_SYNC_X86_EVENTS) {
		struct kvm_ioctl_args a = { .kvm = vcpu->kvm, .vcpu = vcpu, .data = &s->events };

		kvm_vcpu_ioctl_get_vcpu_events(&a);
	}
}
