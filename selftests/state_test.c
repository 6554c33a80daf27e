// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPU state through the ioctls: what is set is what is read, in the guest as well; what
 * is invalid is refused and changes nothing. General and special registers, both SREGS
 * forms, FPU and XSAVE images, XCR0, debug registers, MP state, nested state.
 */
#include "machine.h"

GUEST_CODE(nops, 64, "nop\n hlt\n");

static void regs_round_trip(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs in, out;
	int i;

	machine_start(m, MODE_LONG, nops);
	for (i = 0; i < 16; i++)
		(&in.rax)[i] = 0x0101010101010101ULL * (i + 1) ^ 0x8000000000000000ULL;
	in.rip = 0x7ffffffff000;
	in.rflags = 0x200ed7 & ~FLAG_TF;
	set_regs(m, &in);
	out = get_regs(m);
	CHECK(!memcmp(&in, &out, sizeof(in)), "registers differ");
	/* Bit 1 of RFLAGS is always one. */
	in.rflags = 0;
	set_regs(m, &in);
	CHECK_EQ(get_regs(m).rflags, 2);
}

GUEST_CODE(rotate, 64,
	   "xchg %rax, %rbx\n xchg %rcx, %rdx\n xchg %rsi, %rdi\n xchg %rbp, %r8\n"
	   "xchg %r9, %r10\n xchg %r11, %r12\n xchg %r13, %r14\n not %r15\n not %rsp\n hlt\n");

/* The guest sees all that is set here, and user space reads it back. */
static void regs_in_guest(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs in, out;
	int i;

	machine_start(m, MODE_LONG, rotate);
	in = get_regs(m);
	for (i = 0; i < 16; i++)
		(&in.rax)[i] = 0x1111111100000000ULL * (i % 15 + 1) + i;
	set_regs(m, &in);
	expect_hlt(m);
	out = get_regs(m);
	CHECK_EQ(out.rax, in.rbx);
	CHECK_EQ(out.rbx, in.rax);
	CHECK_EQ(out.rcx, in.rdx);
	CHECK_EQ(out.rdx, in.rcx);
	CHECK_EQ(out.rsi, in.rdi);
	CHECK_EQ(out.rdi, in.rsi);
	CHECK_EQ(out.rbp, in.r8);
	CHECK_EQ(out.r8, in.rbp);
	CHECK_EQ(out.r9, in.r10);
	CHECK_EQ(out.r10, in.r9);
	CHECK_EQ(out.r11, in.r12);
	CHECK_EQ(out.r12, in.r11);
	CHECK_EQ(out.r13, in.r14);
	CHECK_EQ(out.r14, in.r13);
	CHECK_EQ(out.r15, ~in.r15);
	CHECK_EQ(out.rsp, ~in.rsp);
}

static void check_segment(const struct kvm_segment *a, const struct kvm_segment *b)
{
	CHECK_EQ(a->base, b->base);
	CHECK_EQ(a->limit, b->limit);
	CHECK_EQ(a->selector, b->selector);
	CHECK_EQ(a->type, b->type);
	CHECK_EQ(a->present, b->present);
	CHECK_EQ(a->dpl, b->dpl);
	CHECK_EQ(a->db, b->db);
	CHECK_EQ(a->s, b->s);
	CHECK_EQ(a->l, b->l);
	CHECK_EQ(a->g, b->g);
	CHECK_EQ(a->avl, b->avl);
}

static void fill_sregs(struct kvm_sregs *s)
{
	s->ds = make_segment(0x61, 0x12345000, 0x7ffff, 0x50f1);
	s->es = make_segment(0x69, 0xfffff000, 0xfffff, 0x50b3);
	s->fs = make_segment(0x71, 0x7fff12345678, ~0U, ACC_DATA);
	s->gs = make_segment(0x79, 0xffff888000001000, ~0U, ACC_DATA);
	s->ldt = make_segment(0x80, 0xffffc90000002000, 0xfff, ACC_LDT);
	s->tr = make_segment(0x90, 0xffffc90000003000, 0x2067, ACC_TSS);
	s->gdt.base = 0xffffc90000004000;
	s->gdt.limit = 0x7f;
	s->idt.base = 0xffffc90000005000;
	s->idt.limit = 0xabc;
	s->cr2 = 0xffff800000001234;
	s->cr3 = G_PML4 | 0x18;
	s->cr4 |= X86_CR4_PGE | X86_CR4_TSD | X86_CR4_DE;
	s->cr0 |= CR0_TS | CR0_AM;
	s->cr8 = 7;
}

static void sregs_round_trip(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs in, out;

	machine_start(m, MODE_LONG, nops);
	in = get_sregs(m);
	fill_sregs(&in);
	set_sregs(m, &in);
	out = get_sregs(m);
	check_segment(&out.cs, &in.cs);
	check_segment(&out.ds, &in.ds);
	check_segment(&out.es, &in.es);
	check_segment(&out.fs, &in.fs);
	check_segment(&out.gs, &in.gs);
	check_segment(&out.ss, &in.ss);
	check_segment(&out.ldt, &in.ldt);
	check_segment(&out.tr, &in.tr);
	CHECK(!memcmp(&in.gdt, &out.gdt, 10), "GDTR");
	CHECK(!memcmp(&in.idt, &out.idt, 10), "IDTR");
	CHECK_EQ(out.cr0, in.cr0);
	CHECK_EQ(out.cr2, in.cr2);
	CHECK_EQ(out.cr3, in.cr3);
	CHECK_EQ(out.cr4, in.cr4);
	CHECK_EQ(out.cr8, in.cr8);
	CHECK_EQ(out.efer, in.efer);
	CHECK_EQ(out.apic_base, in.apic_base);
}

static void unusable_segments(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;

	machine_start(m, MODE_LONG, nops);
	s = get_sregs(m);
	memset(&s.ds, 0, sizeof(s.ds));
	s.ds.unusable = 1;
	memset(&s.ldt, 0, sizeof(s.ldt));
	s.ldt.unusable = 1;
	set_sregs(m, &s);
	s = get_sregs(m);
	CHECK_EQ(s.ds.unusable, 1);
	CHECK_EQ(s.ds.present, 0);
	CHECK_EQ(s.ldt.unusable, 1);
	expect_hlt(m);
}

/* A bit in interrupt_bitmap is a queued interrupt. */
static void interrupt_bitmap(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;
	struct kvm_regs r;

	machine_start(m, MODE_LONG, nops);
	s = get_sregs(m);
	s.interrupt_bitmap[0x45 / 64] = 1ULL << 0x45 % 64;
	set_sregs(m, &s);
	CHECK_EQ(get_sregs(m).interrupt_bitmap[1], 1ULL << 5);
	r = get_regs(m);
	r.rflags |= FLAG_IF;
	set_regs(m, &r);
	expect_event(m, 0x45);
	CHECK_EQ(get_sregs(m).interrupt_bitmap[1], 0);
}

static void cr4_reserved(struct kvm_sregs *s)
{
	s->cr4 |= 1ULL << 30;
}

static void long_mode_without_pae(struct kvm_sregs *s)
{
	s->cr4 &= ~X86_CR4_PAE;
}

static void lma_without_paging(struct kvm_sregs *s)
{
	s->cr0 &= ~CR0_PG;
	s->cs.l = 1;
}

static void paging_lme_no_lma(struct kvm_sregs *s)
{
	s->efer &= ~EFER_LMA_BIT;
}

static void cr3_too_high(struct kvm_sregs *s)
{
	s->cr3 |= 1ULL << 52;
}

static const struct bad_sregs {
	const char *name;
	void (*spoil)(struct kvm_sregs *s);
} bad_sregs[] = {
	{ "cr4_reserved", cr4_reserved },
	{ "long_mode_without_pae", long_mode_without_pae },
	{ "lma_without_paging", lma_without_paging },
	{ "paging_with_lme_without_lma", paging_lme_no_lma },
	{ "cr3_beyond_maxphyaddr", cr3_too_high },
};

static void refused_sregs(const void *arg)
{
	const struct bad_sregs *c = arg;
	struct machine *m = machine_new();
	struct kvm_sregs before, bad, after;

	machine_start(m, MODE_LONG, nops);
	before = get_sregs(m);
	bad = before;
	c->spoil(&bad);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_SREGS, &bad), EINVAL);
	after = get_sregs(m);
	CHECK(!memcmp(&before, &after, sizeof(before)), "a refused call changed state");
	expect_hlt(m);
}

/* --- SREGS2 ---------------------------------------------------------------- */

static void sregs2(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs2 s2, t;
	struct kvm_sregs s;

	if (vm_check_cap(m->vm, KVM_CAP_SREGS2) <= 0)
		test_fail(__FILE__, __LINE__, "KVM_CAP_SREGS2 is not there");
	machine_start(m, MODE_LONG, nops);
	s = get_sregs(m);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_SREGS2, &s2));
	CHECK_EQ(s2.cr3, s.cr3);
	CHECK_EQ(s2.efer, s.efer);
	check_segment(&s2.cs, &s.cs);
	CHECK_EQ(s2.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID, 0);
	s2.cr2 = 0x77;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_SREGS2, &s2));
	CHECK_EQ(get_sregs(m).cr2, 0x77);
	t = s2;
	t.flags = 0x80;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_SREGS2, &t), EINVAL);
	/* PDPTRs have no place in long mode. */
	t = s2;
	t.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_SREGS2, &t), EINVAL);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_SREGS2, NULL), EFAULT);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_SREGS2, NULL), EFAULT);
	expect_hlt(m);
}

GUEST_CODE(pae_code, 32, "mov 0x30000, %eax\n out %eax, $0x80\n hlt\n");

/* PAE page-directory pointers are state of their own: memory may hold others by now. */
static void sregs2_pdptrs(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *pdpt, *pd;
	struct kvm_sregs2 s2;
	struct kvm_sregs s;

	machine_start(m, MODE_PROT32, pae_code);
	pdpt = guest_mem(m, 0x40000);
	pd = guest_mem(m, 0x41000);
	pd[0] = 0x83;
	*(uint32_t *)guest_mem(m, 0x30000) = 0x12344321;
	pdpt[0] = 0x41001;
	s = get_sregs(m);
	s.cr3 = 0x40000;
	s.cr4 |= X86_CR4_PAE;
	s.cr0 |= CR0_PG;
	set_sregs(m, &s);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_SREGS2, &s2));
	CHECK_EQ(s2.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID, KVM_SREGS2_FLAGS_PDPTRS_VALID);
	CHECK_EQ(s2.pdptrs[0], 0x41001);
	pdpt[0] = 0;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_SREGS2, &s2));
	expect_out(m, 0x80, 4, 0x12344321);
	expect_hlt(m);
}

/* --- FPU, XSAVE, XCR0 ------------------------------------------------------ */

GUEST_CODE(fpu_code, 64,
	   "pcmpeqd %xmm3, %xmm3\n fld1\n hlt\n"	/* the first run: state is live */
	   "movdqu %xmm3, 0x30000\n movdqu %xmm15, 0x30010\n"
	   "fstcw 0x30020\n"
	   "pcmpeqd %xmm5, %xmm5\n fninit\n fld1\n hlt\n");

static void fpu_round_trip(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_fpu f = { .fcw = 0x27f }, g;
	int i;

	machine_start(m, MODE_LONG, fpu_code);
	expect_hlt(m);
	for (i = 0; i < 256; i++)
		((uint8_t *)f.xmm)[i] = i ^ 0x5a;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_FPU, &f));
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_FPU, &g));
	CHECK(!memcmp(f.xmm, g.xmm, sizeof(f.xmm)), "XMM registers differ");
	CHECK_EQ(g.fcw, 0x27f);
	expect_hlt(m);
	CHECK(!memcmp(guest_mem(m, 0x30000), f.xmm[3], 16), "XMM3 in the guest");
	CHECK(!memcmp(guest_mem(m, 0x30010), f.xmm[15], 16), "XMM15 in the guest");
	CHECK_EQ(*(uint16_t *)guest_mem(m, 0x30020), 0x27f);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_FPU, &g));
	memset(f.xmm[5], 0xff, 16);
	CHECK(!memcmp(f.xmm, g.xmm, sizeof(f.xmm)), "XMM registers after the guest");
	CHECK_EQ(g.fcw, 0x37f);
	CHECK_EQ(g.fsw >> 11 & 7, 7);
	/* 1.0 in the 80-bit format. */
	CHECK_EQ(*(uint64_t *)g.fpr[0], 0x8000000000000000ULL);
	CHECK_EQ(*(uint16_t *)&g.fpr[0][8], 0x3fff);
}

static uint64_t *xstate_bv(struct kvm_xsave *x)
{
	return (uint64_t *)((uint8_t *)x + 512);
}

/* 1.0 + 1.0 by x87, stored at 0x30000; then MXCSR at 0x30008, and an inexact division. */
GUEST_CODE(fresh_code, 64,
	   "fld1\n fld1\n faddp\n fstpl 0x30000\n stmxcsr 0x30008\n"
	   "mov $1, %eax\n cvtsi2ss %eax, %xmm0\n mov $3, %eax\n cvtsi2ss %eax, %xmm1\n"
	   "divss %xmm1, %xmm0\n movss %xmm0, 0x3000c\n hlt\n");

static void check_fresh(struct machine *m)
{
	CHECK_EQ(*(uint64_t *)guest_mem(m, 0x30000), 0x4000000000000000ULL);
	CHECK_EQ(*(uint32_t *)guest_mem(m, 0x30008), 0x1f80);
	CHECK_EQ(*(uint32_t *)guest_mem(m, 0x3000c), 0x3eaaaaab);
}

/* A vCPU for which KVM_SET_FPU and KVM_SET_XSAVE were never called. */
static void fpu_at_creation(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_xsave x;
	struct kvm_fpu f;

	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_FPU, &f));
	CHECK_EQ(f.fcw, 0x37f);
	CHECK_EQ(f.fsw, 0);
	CHECK_EQ(f.ftwx, 0);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_XSAVE, &x));
	if (cpu_has(m, X86_FEATURE_XSAVE))
		CHECK_EQ(*xstate_bv(&x), 0);
	machine_start(m, MODE_LONG, fresh_code);
	expect_hlt(m);
	check_fresh(m);
}

/* KVM_SET_FPU does not set MXCSR: after one of zeros exceptions are still masked. */
static void fpu_mxcsr(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_fpu f = { .fcw = 0x37f };

	machine_start(m, MODE_LONG, fresh_code);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_FPU, &f));
	expect_hlt(m);
	check_fresh(m);
	f.mxcsr = 0xffffffff;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_FPU, &f));
	machine_start(m, MODE_LONG, fresh_code);
	expect_hlt(m);
	CHECK_EQ(*(uint32_t *)guest_mem(m, 0x30008) & ~0x3f, 0x1f80);
}

static void xsave_round_trip(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_xsave x, y;
	struct kvm_fpu f;
	int i;

	if (!cpu_has(m, X86_FEATURE_XSAVE))
		test_skip("no XSAVE in the supported CPUID");
	machine_start(m, MODE_LONG, nops);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_XSAVE, &x));
	for (i = 0; i < 256; i++) {
		((uint8_t *)&x)[160 + i] = i + 3;		/* XMM */
		((uint8_t *)&x)[576 + i] = i * 3;		/* YMM, upper halves */
	}
	*xstate_bv(&x) = 7;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_XSAVE, &x));
	expect_hlt(m);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_XSAVE, &y));
	CHECK_EQ(*xstate_bv(&y) & 6, 6);
	CHECK(!memcmp((uint8_t *)&x + 160, (uint8_t *)&y + 160, 256), "XMM");
	CHECK(!memcmp((uint8_t *)&x + 576, (uint8_t *)&y + 576, 256), "YMM");
	/* The same registers in the other view. */
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_FPU, &f));
	CHECK(!memcmp(f.xmm, (uint8_t *)&y + 160, 256), "KVM_GET_FPU");
	/* A component that is not in the image is in its initial state. */
	*xstate_bv(&x) = 3;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_XSAVE, &x));
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_XSAVE, &y));
	for (i = 0; i < 256; i++)
		CHECK(!((uint8_t *)&y)[576 + i] || !(*xstate_bv(&y) & 4), "YMM byte %d", i);
}

static void xsave_refused(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_xsave x, y, z;

	if (!cpu_has(m, X86_FEATURE_XSAVE))
		test_skip("no XSAVE in the supported CPUID");
	machine_start(m, MODE_LONG, nops);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_XSAVE, &x));
	y = x;
	*xstate_bv(&y) |= 1ULL << 62;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_XSAVE, &y), EINVAL);
	y = x;
	*(uint32_t *)((uint8_t *)&y + 24) = 0xffffffff;	/* reserved MXCSR bits */
	*xstate_bv(&y) |= 3;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_XSAVE, &y), EINVAL);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_XSAVE, NULL), EFAULT);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_XSAVE, NULL), EFAULT);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_XSAVE, &z));
	CHECK(!memcmp(&x, &z, sizeof(x)), "a refused call changed state");
}

/* KVM_GET_XSAVE2 is as long as KVM_CAP_XSAVE2 says, and begins like KVM_GET_XSAVE. */
static void xsave2(const void *arg)
{
	struct machine *m = machine_new();
	int size = vm_check_cap(m->vm, KVM_CAP_XSAVE2);
	struct kvm_xsave x;
	uint8_t *p;

	if (size <= 0)
		test_skip("KVM_CAP_XSAVE2 is not offered");
	CHECK(size >= sizeof(x), "%d", size);
	machine_start(m, MODE_LONG, nops);
	p = anon_mem(0x10000);
	memset(p, 0xa5, 0x10000);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_XSAVE2, p));
	CHECK_EQ(p[size], 0xa5);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_XSAVE, &x));
	CHECK(!memcmp(p, &x, sizeof(x)), "the two differ");
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_XSAVE, p));
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_XSAVE2, NULL), EFAULT);
}

static void xcrs(const void *arg)
{
	static const struct { uint32_t nr, flags, index; uint64_t value; } bad[] = {
		{ 1, 0, 0, 0 }, { 1, 0, 0, 2 }, { 1, 0, 0, 5 }, { 1, 0, 0, 1 | 1ULL << 61 },
		{ KVM_MAX_XCRS + 1, 0, 0, 1 }, { 1, 1, 0, 1 },
	};
	struct machine *m = machine_new();
	struct kvm_xcrs x = { 0 };
	int i;

	if (!cpu_has(m, X86_FEATURE_XSAVE))
		test_skip("no XSAVE in the supported CPUID");
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_XCRS, &x));
	CHECK_EQ(x.nr_xcrs, 1);
	CHECK_EQ(x.xcrs[0].value, 1);
	x.xcrs[0].value = 7;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_XCRS, &x));
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		struct kvm_xcrs y = { .nr_xcrs = bad[i].nr, .flags = bad[i].flags };

		y.xcrs[0].xcr = bad[i].index;
		y.xcrs[0].value = bad[i].value;
		CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_XCRS, &y), EINVAL);
	}
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_XCRS, &x));
	CHECK_EQ(x.xcrs[0].value, 7);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_XCRS, NULL), EFAULT);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_XCRS, NULL), EFAULT);
}

/* --- debug registers, MP state --------------------------------------------- */

GUEST_CODE(read_dr, 64,
	   "mov %dr0, %rax\n mov %dr3, %rbx\n mov %dr6, %rcx\n mov %dr7, %rdx\n hlt\n");

static void debugregs(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_debugregs d, e;
	struct kvm_regs r;

	machine_start(m, MODE_LONG, read_dr);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_DEBUGREGS, &d));
	CHECK_EQ(d.dr6, 0xffff0ff0);
	CHECK_EQ(d.dr7, 0x400);
	d.db[0] = 0xffff800000001000;
	d.db[3] = 0x7fff00002000;
	d.dr6 = 0xffff4ff0;
	d.dr7 = 0x700;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_DEBUGREGS, &d));
	expect_hlt(m);
	r = get_regs(m);
	CHECK_EQ(r.rax, 0xffff800000001000);
	CHECK_EQ(r.rbx, 0x7fff00002000);
	CHECK_EQ(r.rcx, 0xffff4ff0);
	CHECK_EQ(r.rdx, 0x700);
	e = d;
	e.dr6 = 1ULL << 32;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_DEBUGREGS, &e), EINVAL);
	e = d;
	e.dr7 = 1ULL << 32 | 0x400;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_DEBUGREGS, &e), EINVAL);
	e = d;
	e.flags = 1;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_DEBUGREGS, &e), EINVAL);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_DEBUGREGS, NULL), EFAULT);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_DEBUGREGS, NULL), EFAULT);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_DEBUGREGS, &e));
	CHECK(!memcmp(&d, &e, sizeof(d)), "a refused call changed state");
}

/* Without an in-kernel irqchip a vCPU stays KVM_MP_STATE_RUNNABLE. */
static void mp_state(const void *arg)
{
	static const uint32_t bad[] = {
		KVM_MP_STATE_INIT_RECEIVED, KVM_MP_STATE_SIPI_RECEIVED, KVM_MP_STATE_STOPPED,
		KVM_MP_STATE_CHECK_STOP, 1000,
	};
	struct machine *m = machine_new();
	struct kvm_mp_state s = { .mp_state = 77 };
	int i;

	machine_start(m, MODE_LONG, nops);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_MP_STATE, &s));
	CHECK_EQ(s.mp_state, KVM_MP_STATE_RUNNABLE);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_MP_STATE, &s));
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		s.mp_state = bad[i];
		CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_MP_STATE, &s), EINVAL);
	}
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_MP_STATE, &s));
	CHECK_EQ(s.mp_state, KVM_MP_STATE_RUNNABLE);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_MP_STATE, NULL), EFAULT);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_MP_STATE, NULL), EFAULT);
	expect_hlt(m);
}

/* A vCPU outside of VMX operation: a header, whether nested VMX is there or not. */
static void nested_state(const void *arg)
{
	static const struct { unsigned int offset, size; uint64_t value; } wrong[] = {
#define WRONG(field, value) { offsetof(struct kvm_nested_state, field), \
			      sizeof(((struct kvm_nested_state *)0)->field), value }
		WRONG(size, 0), WRONG(size, sizeof(struct kvm_nested_state) - 1),
		WRONG(format, KVM_STATE_NESTED_FORMAT_SVM), WRONG(format, 2),
		WRONG(flags, KVM_STATE_NESTED_GUEST_MODE), WRONG(flags, 1 << 15),
		WRONG(flags, KVM_STATE_NESTED_RUN_PENDING), WRONG(flags, KVM_STATE_NESTED_EVMCS),
		WRONG(hdr.vmx.vmcs12_pa, 0), WRONG(hdr.vmx.vmcs12_pa, 0x1000),
		WRONG(hdr.vmx.vmxon_pa, 0x1001), WRONG(hdr.vmx.vmxon_pa, 1ULL << 60),
		WRONG(hdr.vmx.smm.flags, 1), WRONG(hdr.vmx.smm.flags, 4),
		WRONG(hdr.vmx.flags, 2), WRONG(hdr.vmx.flags, 1u << 31),
	};
	struct machine *m = machine_new();
	union {
		struct kvm_nested_state s;
		uint8_t bytes[256];
	} u, bad;
	int i;

	/* The header, a VMCS and its shadow, whether guests have VMX or not. */
	CHECK_EQ(vm_check_cap(m->vm, KVM_CAP_NESTED_STATE), sizeof(u.s) + 2 * 4096);
	for (i = 0; i < (int)sizeof(u.s); i += 31) {
		memset(&u, 0xcc, sizeof(u));
		u.s.size = i;
		CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_NESTED_STATE, &u), E2BIG);
		CHECK_EQ(u.s.size, sizeof(u.s));
		CHECK_EQ(u.s.flags, 0xcccc);
	}
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_NESTED_STATE, NULL), EFAULT);
	u.s.size = sizeof(u);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_NESTED_STATE, &u));
	CHECK_EQ(u.s.size, sizeof(u.s));
	CHECK_EQ(u.s.flags, 0);
	CHECK_EQ(u.s.format, KVM_STATE_NESTED_FORMAT_VMX);
	CHECK_EQ(u.s.hdr.vmx.vmxon_pa, ~0ULL);
	CHECK_EQ(u.s.hdr.vmx.vmcs12_pa, ~0ULL);
	CHECK_EQ(u.s.hdr.vmx.flags, 0);
	CHECK_EQ(u.s.hdr.vmx.smm.flags, 0);
	CHECK_EQ(u.bytes[sizeof(u.s) - 1], 0);
	CHECK_EQ(u.bytes[sizeof(u.s)], 0xcc);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_NESTED_STATE, &u));
	for (i = 0; i < ARRAY_LEN(wrong); i++) {
		bad = u;
		memcpy(bad.bytes + wrong[i].offset, &wrong[i].value, wrong[i].size);
		CHECK(ioctl(m->vcpu->fd, KVM_SET_NESTED_STATE, &bad) == -1 && errno == EINVAL,
		      "0x%llx at %u", (long long)wrong[i].value, wrong[i].offset);
	}
}

int main(int argc, char **argv)
{
	int i;

	TEST(regs_round_trip);
	TEST(regs_in_guest);
	TEST(sregs_round_trip);
	TEST(unusable_segments);
	TEST(interrupt_bitmap);
	for (i = 0; i < ARRAY_LEN(bad_sregs); i++)
		add_test(refused_sregs, &bad_sregs[i], "refused_%s", bad_sregs[i].name);
	TEST(sregs2);
	TEST(sregs2_pdptrs);
	TEST(fpu_round_trip);
	TEST(fpu_at_creation);
	TEST(fpu_mxcsr);
	TEST(xsave_round_trip);
	TEST(xsave_refused);
	TEST(xsave2);
	TEST(xcrs);
	TEST(debugregs);
	TEST(mp_state);
	TEST(nested_state);
	return run_tests(argc, argv);
}
