// SPDX-License-Identifier: GPL-2.0-only
/* Everything that KVM_GET_* says of a vCPU. */
#include <stdarg.h>
#include <stddef.h>

#include "state_dump.h"

#define XSAVE_MAX 0x4000

static void __printf(3, 4) add(struct state *s, uint64_t value, const char *fmt, ...)
{
	struct state_item *i = &s->item[s->nr++];
	va_list ap;

	CHECK(s->nr <= STATE_MAX, "more than %d items", STATE_MAX);
	va_start(ap, fmt);
	vsnprintf(i->name, sizeof(i->name), fmt, ap);
	va_end(ap);
	i->value = value;
}

static void add_words(struct state *s, const char *name, const void *from, size_t size)
{
	const uint8_t *p = from;
	uint64_t word;
	size_t i;

	for (i = 0; i < size; i += sizeof(word)) {
		memcpy(&word, p + i, size - i < sizeof(word) ? size - i : sizeof(word));
		add(s, word, "%s+%03zx", name, i);
	}
}

static void dump_regs(int fd, struct state *s)
{
	static const char *const names[] = {
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10",
		"r11", "r12", "r13", "r14", "r15", "rip", "rflags",
	};
	struct kvm_regs r;
	int i;

	CHECK_OK(ioctl(fd, KVM_GET_REGS, &r));
	for (i = 0; i < ARRAY_LEN(names); i++)
		add(s, (&r.rax)[i], "%s", names[i]);
}

/* The access rights as in a VMCS: bit 16 is "unusable". */
static void add_segment(struct state *s, const char *name, const struct kvm_segment *g)
{
	add(s, g->selector, "%s.sel", name);
	add(s, g->base, "%s.base", name);
	add(s, g->limit, "%s.limit", name);
	add(s, g->type | g->s << 4 | g->dpl << 5 | g->present << 7 | g->avl << 12 | g->l << 13 |
	    g->db << 14 | g->g << 15 | g->unusable << 16, "%s.ar", name);
}

static void dump_sregs(int fd, struct state *s)
{
	struct kvm_sregs2 r2;
	struct kvm_sregs r;

	CHECK_OK(ioctl(fd, KVM_GET_SREGS, &r));
	add_segment(s, "cs", &r.cs);
	add_segment(s, "ds", &r.ds);
	add_segment(s, "es", &r.es);
	add_segment(s, "fs", &r.fs);
	add_segment(s, "gs", &r.gs);
	add_segment(s, "ss", &r.ss);
	add_segment(s, "tr", &r.tr);
	add_segment(s, "ldt", &r.ldt);
	add(s, r.gdt.base, "gdt.base");
	add(s, r.gdt.limit, "gdt.limit");
	add(s, r.idt.base, "idt.base");
	add(s, r.idt.limit, "idt.limit");
	add(s, r.cr0, "cr0");
	add(s, r.cr2, "cr2");
	add(s, r.cr3, "cr3");
	add(s, r.cr4, "cr4");
	add(s, r.cr8, "cr8");
	add(s, r.efer, "efer");
	add(s, r.apic_base, "apic_base");
	add_words(s, "interrupts", r.interrupt_bitmap, sizeof(r.interrupt_bitmap));
	if (kvm_check_cap(KVM_CAP_SREGS2) <= 0)
		return;
	CHECK_OK(ioctl(fd, KVM_GET_SREGS2, &r2));
	CHECK(!memcmp(&r, &r2, offsetof(struct kvm_sregs2, flags)), "SREGS and SREGS2 differ");
	add(s, r2.flags, "sregs2.flags");
	add_words(s, "pdptrs", r2.pdptrs, sizeof(r2.pdptrs));
}

static void dump_fpu(int fd, struct state *s)
{
	static uint64_t image[XSAVE_MAX / 8], image2[XSAVE_MAX / 8];
	struct kvm_xcrs x;
	struct kvm_fpu f;
	int i, size;

	CHECK_OK(ioctl(fd, KVM_GET_FPU, &f));
	add(s, f.fcw, "fpu.fcw");
	add(s, f.fsw, "fpu.fsw");
	add(s, f.ftwx, "fpu.ftwx");
	add(s, f.mxcsr, "fpu.mxcsr");
	add(s, f.last_opcode, "fpu.opcode");
	add(s, f.last_ip, "fpu.ip");
	add(s, f.last_dp, "fpu.dp");
	add_words(s, "fpu.st", f.fpr, sizeof(f.fpr));
	add_words(s, "fpu.xmm", f.xmm, sizeof(f.xmm));
	if (kvm_check_cap(KVM_CAP_XSAVE) > 0) {
		memset(image, 0, sizeof(image));
		CHECK_OK(ioctl(fd, KVM_GET_XSAVE, image));
		add_words(s, "xsave", image, sizeof(struct kvm_xsave));
	}
	size = kvm_check_cap(KVM_CAP_XSAVE2);
	if (size >= (int)sizeof(struct kvm_xsave)) {
		CHECK(size <= XSAVE_MAX, "XSAVE2 has %d bytes", size);
		CHECK_OK(ioctl(fd, KVM_GET_XSAVE2, image2));
		CHECK(!memcmp(image, image2, sizeof(struct kvm_xsave)), "XSAVE2 differs");
	}
	if (kvm_check_cap(KVM_CAP_XCRS) <= 0)
		return;
	CHECK_OK(ioctl(fd, KVM_GET_XCRS, &x));
	for (i = 0; i < x.nr_xcrs; i++)
		add(s, x.xcrs[i].value, "xcr%u", x.xcrs[i].xcr);
}

static void dump_apic(int fd, struct state *s)
{
	struct kvm_lapic_state l;
	uint32_t reg;
	int i;

	CHECK_OK(ioctl(fd, KVM_GET_LAPIC, &l));
	for (i = 0; i < sizeof(l); i += 16) {
		memcpy(&reg, l.regs + i, sizeof(reg));
		add(s, reg, "apic.%03x", i);
	}
}

static void dump_events(int fd, struct state *s)
{
	struct kvm_vcpu_events e;

	CHECK_OK(ioctl(fd, KVM_GET_VCPU_EVENTS, &e));
	/* Fields that no flag and no "injected" makes valid may hold anything. */
	add(s, e.exception.injected, "exception.injected");
	add(s, e.exception.pending, "exception.pending");
	add(s, e.interrupt.injected, "interrupt.injected");
	add(s, e.interrupt.soft, "interrupt.soft");
	add(s, e.interrupt.shadow, "interrupt.shadow");
	add(s, e.nmi.injected, "nmi.injected");
	add(s, e.nmi.pending, "nmi.pending");
	add(s, e.nmi.masked, "nmi.masked");
	add(s, e.sipi_vector, "sipi_vector");
	/* Not every kvm offers SMM. */
	add(s, e.flags & ~KVM_VCPUEVENT_VALID_SMM, "events.flags");
	add(s, e.smi.smm, "smi.smm");
	add(s, e.smi.pending, "smi.pending");
	add(s, e.smi.smm_inside_nmi, "smi.smm_inside_nmi");
	add(s, e.smi.latched_init, "smi.latched_init");
	add(s, e.exception_has_payload, "exception.has_payload");
	add(s, e.exception_payload, "exception.payload");
}

static void dump_debugregs(int fd, struct state *s)
{
	struct kvm_debugregs d;
	int i;

	CHECK_OK(ioctl(fd, KVM_GET_DEBUGREGS, &d));
	for (i = 0; i < 4; i++)
		add(s, d.db[i], "dr%d", i);
	add(s, d.dr6, "dr6");
	add(s, d.dr7, "dr7");
	add(s, d.flags, "debugregs.flags");
}

int state_msrs(uint32_t *msrs, int max)
{
	/* What there is that need not be in the list of what there is to save. */
	static const struct { uint32_t first, last; } more[] = {
		{ 0x1b, 0x1b }, { 0xfe, 0xfe }, { 0x179, 0x17b }, { 0x1d9, 0x1d9 },
		{ 0x1db, 0x1de }, { 0x200, 0x20f }, { 0x250, 0x250 }, { 0x258, 0x259 },
		{ 0x268, 0x26f }, { 0x277, 0x277 }, { 0x2ff, 0x2ff }, { 0x400, 0x407 },
	};
	const struct kvm_msr_list *l = kvm_get_msr_index_list();
	uint32_t m;
	int i, j, n = 0;

	/* Those of VMX are there for a CPUID that has it, and no guest writes them. */
	for (i = 0; i < l->nmsrs && n < max; i++)
		if (l->indices[i] < 0x480 || l->indices[i] > 0x491)
			msrs[n++] = l->indices[i];
	for (i = 0; i < ARRAY_LEN(more); i++) {
		for (m = more[i].first; m <= more[i].last; m++) {
			for (j = 0; j < n && msrs[j] != m; j++)
				;
			if (j == n && n < max)
				msrs[n++] = m;
		}
	}
	CHECK(n < max, "%d MSRs", n);
	return n;
}

static void dump_msrs(int fd, struct state *s)
{
	uint32_t msrs[STATE_MAX_MSRS];
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = { .head.nmsrs = 1 };
	int i, n = state_msrs(msrs, STATE_MAX_MSRS);

	for (i = 0; i < n; i++) {
		msr.entry.index = msrs[i];
		CHECK(ioctl(fd, KVM_GET_MSRS, &msr) == 1, "MSR 0x%x cannot be read", msrs[i]);
		add(s, msr.entry.data, "msr.%x", msrs[i]);
	}
	add(s, CHECK_OK(ioctl(fd, KVM_GET_TSC_KHZ, 0)), "tsc_khz");
}

void state_dump(struct kvm_vcpu *vcpu, bool apic, struct state *s)
{
	struct kvm_mp_state mp;

	s->nr = 0;
	CHECK_OK(ioctl(vcpu->fd, KVM_GET_MP_STATE, &mp));
	add(s, mp.mp_state, "mp_state");
	dump_regs(vcpu->fd, s);
	dump_sregs(vcpu->fd, s);
	dump_fpu(vcpu->fd, s);
	if (apic)
		dump_apic(vcpu->fd, s);
	dump_events(vcpu->fd, s);
	dump_debugregs(vcpu->fd, s);
	dump_msrs(vcpu->fd, s);
}

uint64_t state_get(const struct state *s, const char *name)
{
	int i;

	for (i = 0; i < s->nr; i++)
		if (!strcmp(s->item[i].name, name))
			return s->item[i].value;
	CHECK(0, "no item %s", name);
	return 0;
}
