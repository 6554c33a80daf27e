// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: the lists the system offers, their size rules, what a vCPU takes and gives back,
 * and that what is offered can be used.
 */
#include "machine.h"

#define MAX_ENTRIES 256

struct list {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[MAX_ENTRIES];
};

static int ask(int fd, unsigned long request, struct list *l, uint32_t nent)
{
	memset(l, 0, sizeof(*l));
	l->head.nent = nent;
	return ioctl(fd, request, l);
}

struct which {
	const char *name;
	unsigned long request;
};

static const struct which lists[] = {
	{ "supported", KVM_GET_SUPPORTED_CPUID },
	{ "emulated", KVM_GET_EMULATED_CPUID },
};

/* Too small a list is E2BIG; the right size and more work and say how many there are. */
static void size_rules(const void *arg)
{
	const struct which *w = arg;
	struct machine *m = machine_new();
	struct list *l = calloc(1, sizeof(*l)), *k = calloc(1, sizeof(*k));
	int kvm = m->vm->kvm_fd;
	uint32_t n, i;

	CHECK_OK(ask(kvm, w->request, l, MAX_ENTRIES));
	n = l->head.nent;
	CHECK(n > 0 && n < MAX_ENTRIES, "%u entries", n);
	for (i = n; i < MAX_ENTRIES; i++)
		CHECK(!l->entries[i].function && !l->entries[i].eax, "entry %u written", i);
	/* The emulated list is let off with one entry of slack. */
	if (w->request == KVM_GET_EMULATED_CPUID)
		CHECK_OK(ask(kvm, w->request, k, n + 1));
	else
		CHECK_OK(ask(kvm, w->request, k, n));
	CHECK_EQ(k->head.nent, n);
	CHECK(!memcmp(l->entries, k->entries, n * sizeof(l->entries[0])), "lists differ");
	if (n > 1)
		CHECK_ERRNO(ask(kvm, w->request, k, n - 1), E2BIG);
	CHECK_ERRNO(ask(kvm, w->request, k, 0), E2BIG);
	CHECK_ERRNO(ioctl(kvm, w->request, NULL), EFAULT);
	CHECK_ERRNO(ioctl(kvm, w->request, (void *)-4096L), EFAULT);
}

/* Entries are unique, in a sensible order, and the maximum leaves cover them. */
static void supported_is_consistent(const void *arg)
{
	struct machine *m = machine_new();
	struct list *l = calloc(1, sizeof(*l));
	uint32_t max = 0, max_ext = 0;
	int i, j;

	CHECK_OK(ask(m->vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, l, MAX_ENTRIES));
	for (i = 0; i < l->head.nent; i++) {
		struct kvm_cpuid_entry2 *e = &l->entries[i];

		if (e->function == 0)
			max = e->eax;
		if (e->function == 0x80000000)
			max_ext = e->eax;
		for (j = 0; j < i; j++)
			CHECK(e->function != l->entries[j].function ||
			      e->index != l->entries[j].index, "leaf 0x%x.%x twice",
			      e->function, e->index);
		if (e->index)
			CHECK(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX, "leaf 0x%x.%x",
			      e->function, e->index);
	}
	CHECK(max >= 0xd, "maximum leaf 0x%x", max);
	CHECK(max_ext >= 0x80000008, "maximum extended leaf 0x%x", max_ext);
	for (i = 0; i < l->head.nent; i++) {
		uint32_t f = l->entries[i].function;

		if (f < 0x40000000)
			CHECK(f <= max, "leaf 0x%x above the maximum", f);
		else if (f >= 0x80000000 && f < 0x80860000)
			CHECK(f <= max_ext, "leaf 0x%x above the maximum", f);
	}
}

static const struct kvm_cpuid_entry2 *find(const struct list *l, uint32_t f, uint32_t index)
{
	int i;

	for (i = 0; i < l->head.nent; i++)
		if (l->entries[i].function == f && l->entries[i].index == index)
			return &l->entries[i];
	return NULL;
}

/* What every 64-bit guest needs must be there. */
static void baseline_features(const void *arg)
{
	struct machine *m = machine_new();
	struct list *l = calloc(1, sizeof(*l));
	const struct kvm_cpuid_entry2 *e;
	uint32_t edx1 = 1 << 0 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 |
			1 << 11 | 1 << 13 | 1 << 15 | 1 << 16 | 1 << 24 | 1 << 25 | 1 << 26;

	CHECK_OK(ask(m->vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, l, MAX_ENTRIES));
	e = find(l, 0, 0);
	CHECK(e, "leaf 0");
	CHECK(!memcmp(&e->ebx, "Genu", 4) && !memcmp(&e->edx, "ineI", 4) &&
	      !memcmp(&e->ecx, "ntel", 4), "vendor");
	e = find(l, 1, 0);
	CHECK(e, "leaf 1");
	CHECK_EQ(e->edx & edx1, edx1);
	e = find(l, 0x80000001, 0);
	CHECK(e, "leaf 0x80000001");
	CHECK(e->edx & 1 << 29 && e->edx & 1 << 20 && e->edx & 1 << 11,
	      "LM, NX or SYSCALL missing: 0x%x", e->edx);
	e = find(l, 0x80000008, 0);
	CHECK(e, "leaf 0x80000008");
	CHECK((e->eax & 0xff) >= 36 && (e->eax & 0xff) <= 52, "MAXPHYADDR %u", e->eax & 0xff);
	CHECK((e->eax >> 8 & 0xff) >= 48, "linear address bits %u", e->eax >> 8 & 0xff);
}

/* What needs state that XSAVE keeps is offered with its components, SDM 1, 13.1; they with it. */
static void features_and_xsave(const void *arg)
{
	static const struct { uint32_t leaf, reg, bits, xcr0; } need[] = {
		{ 1, 2, 1u << 12 | 1u << 28 | 1u << 29, 1u << 2 },	/* FMA, AVX, F16C */
		{ 7, 1, 1u << 5, 1u << 2 },	/* AVX2 */
		{ 7, 1, 1u << 16 | 1u << 17 | 3u << 30, 7u << 5 },	/* AVX-512 */
		{ 7, 2, 1u << 9 | 1u << 10, 1u << 2 },	/* VAES, VPCLMULQDQ */
		{ 7, 2, 1u << 3, 1u << 9 },	/* PKU */
	};
	static const struct { uint32_t xcr0, leaf, reg, bit; } owner[] = {
		{ 3, 1, 2, 1u << 26 }, { 1u << 2, 1, 2, 1u << 28 }, { 7u << 5, 7, 1, 1u << 16 },
		{ 1u << 9, 7, 2, 1u << 3 },
	};
	struct machine *m = machine_new();
	struct list *l = calloc(1, sizeof(*l));
	const struct kvm_cpuid_entry2 *e;
	uint32_t xcr0;
	unsigned int i;

	CHECK_OK(ask(m->vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, l, MAX_ENTRIES));
	e = find(l, 0xd, 0);
	xcr0 = e ? e->eax : 0;
	for (i = 0; i < ARRAY_SIZE(need); i++) {
		e = find(l, need[i].leaf, 0);
		CHECK(!e || !((&e->eax)[need[i].reg] & need[i].bits) ||
		      (xcr0 & need[i].xcr0) == need[i].xcr0, "leaf %u: 0x%x, XCR0 0x%x",
		      need[i].leaf, (&e->eax)[need[i].reg] & need[i].bits, xcr0);
	}
	for (i = 0; i < ARRAY_SIZE(owner); i++) {
		e = find(l, owner[i].leaf, 0);
		CHECK(!(xcr0 & owner[i].xcr0) || (e && (&e->eax)[owner[i].reg] & owner[i].bit),
		      "XCR0 0x%x without the feature of 0x%x", xcr0, owner[i].xcr0);
	}
}

/* The hypervisor leaves say who it is, in the interface's own words. */
static void hypervisor_leaf(const void *arg)
{
	struct machine *m = machine_new();
	struct list *l = calloc(1, sizeof(*l));
	const struct kvm_cpuid_entry2 *e;

	CHECK_OK(ask(m->vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, l, MAX_ENTRIES));
	e = find(l, 0x40000000, 0);
	CHECK(e, "leaf 0x40000000");
	CHECK(!memcmp(&e->ebx, "KVMKVMKVM\0\0\0", 12), "signature");
	CHECK(find(l, 0x40000001, 0), "leaf 0x40000001");
}

/* --- a vCPU's own list ----------------------------------------------------- */

/*
 * How many entries a vCPU has: the smallest size that is not too small. The count that
 * comes back with success may be the caller's own.
 */
static int own_list(struct machine *m, struct list *l)
{
	uint32_t n;

	for (n = 0; n <= MAX_ENTRIES; n++) {
		if (!ask(m->vcpu->fd, KVM_GET_CPUID2, l, n)) {
			CHECK_EQ(l->head.nent, n);
			return n;
		}
		CHECK_EQ(errno, E2BIG);
	}
	test_fail(__FILE__, __LINE__, "more than %d entries", MAX_ENTRIES);
}

static void set_and_get(const void *arg)
{
	struct machine *m = machine_new();
	struct list *l = calloc(1, sizeof(*l)), *k = calloc(1, sizeof(*k));
	int i;

	CHECK_OK(ask(m->vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, l, MAX_ENTRIES));
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_CPUID2, l));
	CHECK_EQ(own_list(m, k), l->head.nent);
	for (i = 0; i < l->head.nent; i++) {
		struct kvm_cpuid_entry2 *a = &l->entries[i], *b = &k->entries[i];

		CHECK(a->function == b->function && a->index == b->index, "entry %d", i);
		/* Run-time bits aside: OSXSAVE, MWAIT, APIC, OSPKE and sizes of 0xd. */
		if (a->function == 1 || a->function == 7 || a->function == 0xd)
			continue;
		CHECK(!memcmp(&a->eax, &b->eax, 16), "leaf 0x%x.%x", a->function, a->index);
	}
	CHECK_ERRNO(ask(m->vcpu->fd, KVM_GET_CPUID2, k, l->head.nent - 1), E2BIG);
	CHECK_OK(ask(m->vcpu->fd, KVM_GET_CPUID2, k, MAX_ENTRIES));
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_CPUID2, NULL), EFAULT);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_CPUID2, NULL), EFAULT);
}

static void own_values(const void *arg)
{
	struct machine *m = machine_new_novcpu();
	struct list *l = calloc(1, sizeof(*l)), *k = calloc(1, sizeof(*k));

	machine_add_vcpu(m, NULL);
	/* A new vCPU has no CPUID entries. */
	CHECK_EQ(own_list(m, k), 0);
	l->head.nent = 3;
	l->entries[0] = (struct kvm_cpuid_entry2){ .function = 0, .eax = 1, .ebx = 0x1234 };
	l->entries[1] = (struct kvm_cpuid_entry2){ .function = 1, .eax = 0x306d4 };
	l->entries[2] = (struct kvm_cpuid_entry2){ .function = 0x40000000, .eax = 0x99 };
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_CPUID2, l));
	/* Before the first KVM_RUN it may be changed as often as one likes. */
	l->entries[0].ebx = 0x4321;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_CPUID2, l));
	CHECK_EQ(own_list(m, k), 3);
	CHECK_EQ(k->entries[0].ebx, 0x4321);
	CHECK_EQ(k->entries[2].eax, 0x99);
}

GUEST_CODE(cpuid_code, 64, "cpuid\n hlt\n");

/* A leaf above the maximum gives what the highest basic leaf gives, or zero. */
static void beyond_the_maximum(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs r, top;
	uint32_t max = get_cpuid_entry(m->vcpu->cpuid, 0, 0)->eax;

	machine_start(m, MODE_LONG, cpuid_code);
	r = get_regs(m);
	r.rax = 0x3fffffff;
	r.rcx = 0;
	set_regs(m, &r);
	expect_hlt(m);
	r = get_regs(m);
	top = r;
	top.rip = G_CODE;
	top.rax = max;
	top.rcx = 0;
	set_regs(m, &top);
	expect_hlt(m);
	top = get_regs(m);
	CHECK((!r.rax && !r.rbx && !r.rcx && !r.rdx) ||
	      (r.rax == top.rax && r.rbx == top.rbx && r.rcx == top.rcx && r.rdx == top.rdx),
	      "%llx %llx %llx %llx", r.rax, r.rbx, r.rcx, r.rdx);
	CHECK(!(r.rax >> 32) && !(r.rbx >> 32), "upper halves not cleared");
}

static void too_many(const void *arg)
{
	struct machine *m = machine_new();
	struct list *l = calloc(1, sizeof(*l)), *before = calloc(1, sizeof(*l));

	CHECK_OK(ask(m->vcpu->fd, KVM_GET_CPUID2, before, MAX_ENTRIES));
	l->head.nent = MAX_ENTRIES + 1;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_CPUID2, l), E2BIG);
	l->head.nent = 0xffffffff;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_CPUID2, l), E2BIG);
	CHECK_OK(ask(m->vcpu->fd, KVM_GET_CPUID2, l, MAX_ENTRIES));
	CHECK(!memcmp(l, before, sizeof(*l)), "a refused call changed the list");
}

/* Linear address widths a CPU cannot have are refused. */
static void bad_address_width(const void *arg)
{
	struct machine *m = machine_new();
	struct list *l = calloc(1, sizeof(*l));
	struct kvm_cpuid_entry2 *e;

	CHECK_OK(ask(m->vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, l, MAX_ENTRIES));
	e = (struct kvm_cpuid_entry2 *)find(l, 0x80000008, 0);
	CHECK(e, "leaf 0x80000008");
	e->eax = (e->eax & ~0xff00U) | 40 << 8;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_CPUID2, l), EINVAL);
}

/* The older call, whose entries have no index. */
static void old_interface(const void *arg)
{
	struct machine *m = machine_new_novcpu();
	struct {
		struct kvm_cpuid head;
		struct kvm_cpuid_entry entries[2];
	} old = { .head.nent = 2 };
	struct list *k = calloc(1, sizeof(*k));

	machine_add_vcpu(m, NULL);
	old.entries[0] = (struct kvm_cpuid_entry){ .function = 0, .eax = 1 };
	old.entries[1] = (struct kvm_cpuid_entry){ .function = 1, .ebx = 0x55 };
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_CPUID, &old));
	CHECK_EQ(own_list(m, k), 2);
	CHECK_EQ(k->entries[1].ebx, 0x55);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_CPUID, NULL), EFAULT);
	old.head.nent = MAX_ENTRIES + 1;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_CPUID, &old), E2BIG);
}

GUEST_CODE(syscall32, 32, "syscall\n");

/* A program in compatibility mode that makes a system call, on a CPU of this vendor's. */
static struct machine *syscall_machine(const char *vendor)
{
	struct machine *m = machine_new_novcpu();
	struct kvm_cpuid2 *cpuid = allocate_kvm_cpuid2(200);
	struct kvm_sregs s;
	struct kvm_regs r;
	uint32_t i;

	memcpy(cpuid, kvm_get_supported_cpuid(), kvm_cpuid2_size(200));
	for (i = 0; i < cpuid->nent; i++) {
		if (cpuid->entries[i].function)
			continue;
		memcpy(&cpuid->entries[i].ebx, vendor, 4);
		memcpy(&cpuid->entries[i].edx, vendor + 4, 4);
		memcpy(&cpuid->entries[i].ecx, vendor + 8, 4);
	}
	machine_add_vcpu(m, cpuid);
	free(cpuid);
	machine_start(m, MODE_LONG, syscall32);
	*(uint8_t *)guest_mem(m, 0x30000) = 0xf4;
	s = get_sregs(m);
	s.efer |= EFER_SCE;
	s.cs = make_segment(SEL_UCODE32, 0, ~0U, ACC_CODE32 | ACC_DPL3);
	s.ss = make_segment(SEL_UDATA, 0, ~0U, ACC_DATA | ACC_DPL3);
	set_sregs(m, &s);
	set_msr(m, MSR_STAR, (uint64_t)SEL_CODE64 << 32);
	set_msr(m, MSR_CSTAR, 0x30000);
	set_msr(m, MSR_SYSCALL_MASK, FLAG_CF);
	r = get_regs(m);
	r.rflags |= FLAG_CF | FLAG_ZF;
	set_regs(m, &r);
	return m;
}

/* Code of 32 bits has SYSCALL on CPUs of AMD's, and its kernels use it. */
static void compat_syscall_amd(const void *arg)
{
	struct machine *m = syscall_machine("AuthenticAMD");
	struct kvm_regs r;

	expect_hlt(m);
	r = get_regs(m);
	CHECK_EQ(r.rip, 0x30001);
	CHECK_EQ(r.rcx, G_CODE + 2);
	CHECK_EQ(r.r11 & (FLAG_CF | FLAG_ZF), FLAG_CF | FLAG_ZF);
	CHECK_EQ(r.rflags & (FLAG_CF | FLAG_ZF), FLAG_ZF);
	CHECK_EQ(get_sregs(m).cs.selector, SEL_CODE64);
	CHECK_EQ(get_sregs(m).cs.l, 1);
	CHECK_EQ(get_sregs(m).cs.dpl, 0);
}

static void compat_syscall_intel(const void *arg)
{
	CHECK_EQ(expect_event(syscall_machine("GenuineIntel"), UD_VECTOR).ip, G_CODE);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(lists); i++)
		add_test(size_rules, &lists[i], "size_rules_%s", lists[i].name);
	TEST(supported_is_consistent);
	TEST(baseline_features);
	TEST(features_and_xsave);
	TEST(hypervisor_leaf);
	TEST(set_and_get);
	TEST(own_values);
	TEST(beyond_the_maximum);
	TEST(too_many);
	TEST(bad_address_width);
	TEST(old_interface);
	TEST(compat_syscall_amd);
	TEST(compat_syscall_intel);
	return run_tests(argc, argv);
}
