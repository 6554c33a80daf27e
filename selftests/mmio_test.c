// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory-mapped I/O: addresses no slot covers end in KVM_EXIT_MMIO. Proves widths 1, 2,
 * 4 and 8 in both directions from every mode, what a load leaves in the wider register,
 * how accesses that cross pages (MMIO to MMIO, RAM to MMIO, MMIO to RAM) are split, that
 * page tables and segment bases lead to the right physical address, and when the
 * instruction completes.
 */
#include "machine.h"

/* Base register holds the address; offsets tell the accesses apart. */
#define MMIO_BODY32(seg, base)					\
	"movb $0x5a, " seg "1(" base ")\n"					\
	"movw $0xa55a, " seg "2(" base ")\n"					\
	"movl $0x89abcdef, " seg "4(" base ")\n"				\
	"mov %al, " seg "8(" base ")\n"					\
	"mov %ax, " seg "10(" base ")\n"					\
	"mov %eax, " seg "12(" base ")\n"					\
	"mov " seg "16(" base "), %al\n out %eax, $0x80\n"			\
	"mov " seg "18(" base "), %ax\n out %eax, $0x80\n"			\
	"mov " seg "20(" base "), %eax\n out %eax, $0x80\n"			\
	"movzbl " seg "24(" base "), %ecx\n"					\
	"movsbl " seg "25(" base "), %edx\n"					\
	"movzwl " seg "26(" base "), %esi\n"					\
	"movswl " seg "28(" base "), %ebp\n"					\
	"hlt\n"

GUEST_CODE(real_code, 16,
	   "movb $0x5a, %fs:1(%bx)\n"
	   "movw $0xa55a, %fs:2(%bx)\n"
	   "movl $0x89abcdef, %fs:4(%bx)\n"
	   "mov %al, %fs:8\n"
	   "mov %ax, %fs:10\n"
	   "mov %eax, %fs:12\n"
	   "mov %fs:16, %al\n out %eax, $0x80\n"
	   "mov %fs:18, %ax\n out %eax, $0x80\n"
	   "mov %fs:20, %eax\n out %eax, $0x80\n"
	   "movzbl %fs:24(%bx), %ecx\n"
	   "movsbl %fs:25(%bx), %edx\n"
	   "movzwl %fs:26(%bx), %esi\n"
	   "movswl %fs:28(%bx), %ebp\n"
	   "hlt\n");
GUEST_CODE(prot16_code, 16, MMIO_BODY32("%fs:", "%ebx"));
GUEST_CODE(prot32_code, 32, MMIO_BODY32("", "%ebx"));
GUEST_CODE(long_code, 64, MMIO_BODY32("", "%rbx"));

static const struct mmio_mode {
	const char *name;
	enum mode mode;
	const uint8_t *code, *end;
	uint64_t gpa, rbx;
} mmio_modes[] = {
	{ "real", MODE_REAL, real_code, real_code_end, G_MMIO_LOW, 0 },
	{ "prot16", MODE_PROT16, prot16_code, prot16_code_end, G_MMIO, G_MMIO },
	{ "prot32", MODE_PROT32, prot32_code, prot32_code_end, G_MMIO, G_MMIO },
	{ "long", MODE_LONG, long_code, long_code_end, G_MMIO, G_MMIO },
};

static void widths(const void *arg)
{
	const struct mmio_mode *p = arg;
	struct machine *m = machine_new();
	struct kvm_regs r;

	machine_load(m, G_CODE, p->code, p->end);
	machine_mode(m, p->mode);
	r = get_regs(m);
	r.rax = 0x11223344;
	r.rbx = p->rbx;
	set_regs(m, &r);

	expect_mmio_write(m, p->gpa + 1, 1, 0x5a);
	expect_mmio_write(m, p->gpa + 2, 2, 0xa55a);
	expect_mmio_write(m, p->gpa + 4, 4, 0x89abcdef);
	expect_mmio_write(m, p->gpa + 8, 1, 0x44);
	expect_mmio_write(m, p->gpa + 10, 2, 0x3344);
	expect_mmio_write(m, p->gpa + 12, 4, 0x11223344);
	expect_mmio_read(m, p->gpa + 16, 1, 0x99);
	expect_out(m, 0x80, 4, 0x11223399);
	expect_mmio_read(m, p->gpa + 18, 2, 0x7788);
	expect_out(m, 0x80, 4, 0x11227788);
	expect_mmio_read(m, p->gpa + 20, 4, 0xfedcba98);
	expect_out(m, 0x80, 4, 0xfedcba98);
	expect_mmio_read(m, p->gpa + 24, 1, 0x80);
	expect_mmio_read(m, p->gpa + 25, 1, 0x80);
	expect_mmio_read(m, p->gpa + 26, 2, 0x8001);
	expect_mmio_read(m, p->gpa + 28, 2, 0x8001);
	expect_hlt(m);
	r = get_regs(m);
	CHECK_EQ(r.rcx, 0x80);
	CHECK_EQ(r.rdx, 0xffffff80);
	CHECK_EQ(r.rsi, 0x8001);
	CHECK_EQ(r.rbp, 0xffff8001);
}

GUEST_CODE(wide, 64,
	   "movabs $0x1122334455667788, %rax\n"
	   "mov %rax, (%rbx)\n"
	   "mov %r15, 8(%rbx)\n"
	   "mov 16(%rbx), %r9\n"
	   "movslq 24(%rbx), %r10\n"
	   "movsbq 32(%rbx), %r11\n"
	   "movswq 40(%rbx), %r12\n"
	   "mov 48(%rbx), %eax\n"		/* clears the upper half */
	   "movq $-2, 56(%rbx)\n"
	   "mov 64(%rbx), %ah\n"
	   "mov %sil, 72(%rbx)\n"
	   "movabs %eax, " S(G_MMIO) " + 80\n"
	   "movabs " S(G_MMIO) " + 88, %rax\n"
	   "hlt\n");

static void quadwords(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	machine_start(m, MODE_LONG, wide);
	r = get_regs(m);
	r.rbx = G_MMIO;
	r.r15 = 0xffeeddccbbaa9988;
	r.rsi = 0x1234;
	set_regs(m, &r);
	expect_mmio_write(m, G_MMIO, 8, 0x1122334455667788);
	expect_mmio_write(m, G_MMIO + 8, 8, 0xffeeddccbbaa9988);
	expect_mmio_read(m, G_MMIO + 16, 8, 0x0123456789abcdef);
	expect_mmio_read(m, G_MMIO + 24, 4, 0x80000000);
	expect_mmio_read(m, G_MMIO + 32, 1, 0x80);
	expect_mmio_read(m, G_MMIO + 40, 2, 0x8000);
	expect_mmio_read(m, G_MMIO + 48, 4, 0x76543210);
	expect_mmio_write(m, G_MMIO + 56, 8, -2ULL);
	expect_mmio_read(m, G_MMIO + 64, 1, 0xee);
	expect_mmio_write(m, G_MMIO + 72, 1, 0x34);
	expect_mmio_write(m, G_MMIO + 80, 4, 0x7654ee10);
	expect_mmio_read(m, G_MMIO + 88, 8, 0x8877665544332211);
	expect_hlt(m);
	r = get_regs(m);
	CHECK_EQ(r.r9, 0x0123456789abcdef);
	CHECK_EQ(r.r10, 0xffffffff80000000);
	CHECK_EQ(r.r11, 0xffffffffffffff80);
	CHECK_EQ(r.r12, 0xffffffffffff8000);
	CHECK_EQ(r.rax, 0x8877665544332211);
}

GUEST_CODE(store_load, 64, "mov %rax, (%rbx)\n mov (%rsi), %rcx\n hlt\n");

static struct machine *crossing_machine(uint64_t to, uint64_t from)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	machine_start(m, MODE_LONG, store_load);
	r = get_regs(m);
	r.rax = 0x8877665544332211;
	r.rbx = to;
	r.rsi = from;
	set_regs(m, &r);
	return m;
}

/* MMIO on both sides of a page boundary: one exit for each page. */
static void cross_mmio_mmio(const void *arg)
{
	uint64_t at = G_MMIO + 0x2000;
	struct machine *m = crossing_machine(at - 3, at - 5);

	expect_mmio_write(m, at - 3, 3, 0x332211);
	expect_mmio_write(m, at, 5, 0x8877665544);
	expect_mmio_read(m, at - 5, 5, 0x0504030201);
	expect_mmio_read(m, at, 3, 0x080706);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0x0807060504030201);
}

/* The last RAM page below an MMIO page. */
static void cross_ram_mmio(const void *arg)
{
	struct machine *m = crossing_machine(LOW_SIZE - 2, LOW_SIZE - 6);

	expect_mmio_write(m, LOW_SIZE, 6, 0x887766554433);
	expect_mmio_read(m, LOW_SIZE, 2, 0x0807);
	expect_hlt(m);
	CHECK_EQ(*(uint16_t *)guest_mem(m, LOW_SIZE - 2), 0x2211);
	CHECK_EQ(get_regs(m).rcx, 0x0807221100000000);
}

/* An MMIO page below a RAM page. */
static void cross_mmio_ram(const void *arg)
{
	struct machine *m = crossing_machine(HIGH_BASE - 2, HIGH_BASE - 4);

	expect_mmio_write(m, HIGH_BASE - 2, 2, 0x2211);
	expect_mmio_read(m, HIGH_BASE - 4, 4, 0x04030201);
	expect_hlt(m);
	CHECK_EQ(*(uint32_t *)guest_mem(m, HIGH_BASE), 0x66554433);
	CHECK_EQ(get_regs(m).rcx, 0x6655443304030201);
}

/* Two neighbouring virtual pages whose physical pages are far apart. */
static void cross_discontiguous(const void *arg)
{
	struct machine *m = crossing_machine(0x31000 - 4, 0x31000 - 4);
	uint64_t flags = PTE_P | PTE_W | PTE_U;

	*guest_pte(m, 0x30000) = G_MMIO | flags;
	*guest_pte(m, 0x31000) = (G_MMIO + 0x100000) | flags;
	expect_mmio_write(m, G_MMIO + 0xffc, 4, 0x44332211);
	expect_mmio_write(m, G_MMIO + 0x100000, 4, 0x88776655);
	expect_mmio_read(m, G_MMIO + 0xffc, 4, 0xaaaaaaaa);
	expect_mmio_read(m, G_MMIO + 0x100000, 4, 0xbbbbbbbb);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0xbbbbbbbbaaaaaaaa);
}

/* The second page is not present: #PF at its address, and nothing was written. */
static void cross_into_fault(const void *arg)
{
	struct machine *m = crossing_machine(0x31000 - 4, 0x31000 - 4);
	struct event e;

	*guest_pte(m, 0x30000) = G_MMIO | PTE_P | PTE_W | PTE_U;
	*guest_pte(m, 0x31000) = 0;
	e = expect_event(m, PF_VECTOR);
	CHECK_EQ(e.ip, G_CODE);
	CHECK_EQ(e.error, 2);
	CHECK_EQ(get_sregs(m).cr2, 0x31000);
}

/* A read-only mapping of an MMIO page faults before it exits. */
static void write_protected_mapping(const void *arg)
{
	struct machine *m = crossing_machine(0x30010, 0x30010);
	struct event e;

	*guest_pte(m, 0x30000) = G_MMIO | PTE_P | PTE_U;
	e = expect_event(m, PF_VECTOR);
	CHECK_EQ(e.error, 3);
	CHECK_EQ(get_sregs(m).cr2, 0x30010);
	return_to(m, &e, e.ip + 3);
	expect_mmio_read(m, G_MMIO + 0x10, 8, 5);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 5);
}

/* Accessed and dirty bits of the guest's own tables appear for MMIO pages too. */
static void accessed_dirty(const void *arg)
{
	struct machine *m = crossing_machine(0x30000, 0x32000);

	*guest_pte(m, 0x30000) = G_MMIO | PTE_P | PTE_W | PTE_U;
	*guest_pte(m, 0x32000) = (G_MMIO + 0x1000) | PTE_P | PTE_W | PTE_U;
	expect_mmio_write(m, G_MMIO, 8, 0x8877665544332211);
	expect_mmio_read(m, G_MMIO + 0x1000, 8, 0);
	expect_hlt(m);
	CHECK_EQ(*guest_pte(m, 0x30000) & (PTE_A | PTE_D), PTE_A | PTE_D);
	CHECK_EQ(*guest_pte(m, 0x32000) & (PTE_A | PTE_D), PTE_A);
}

GUEST_CODE(gs_code, 64, "mov %gs:0x10(%rbx), %eax\n mov %eax, %fs:(%ecx)\n hlt\n");

static void segment_base_in_long_mode(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;
	struct kvm_regs r;

	machine_start(m, MODE_LONG, gs_code);
	s = get_sregs(m);
	s.gs.base = G_MMIO;
	s.fs.base = G_MMIO + 0x5000;
	set_sregs(m, &s);
	r = get_regs(m);
	r.rbx = 0x2000;
	r.rcx = 0xffffffff00000008;	/* the 32-bit address size drops the top */
	set_regs(m, &r);
	expect_mmio_read(m, G_MMIO + 0x2010, 4, 0x31415926);
	expect_mmio_write(m, G_MMIO + 0x5008, 4, 0x31415926);
	expect_hlt(m);
}

GUEST_CODE(sib_code, 64,
	   "mov 0x40(%rbx,%rcx,8), %eax\n"
	   "lea 1f(%rip), %rdx\n"
	   "1: mov -0x80(%r8,%r9,2), %dx\n"
	   "mov (%rsp), %esi\n"
	   "mov (%r13), %edi\n"
	   "hlt\n");

static void addressing_forms(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	machine_start(m, MODE_LONG, sib_code);
	r = get_regs(m);
	r.rbx = G_MMIO;
	r.rcx = 0x100;
	r.r8 = G_MMIO + 0x1000;
	r.r9 = -0x10LL;
	r.rsp = G_MMIO + 0x3000;
	r.r13 = G_MMIO + 0x4000;
	set_regs(m, &r);
	expect_mmio_read(m, G_MMIO + 0x840, 4, 1);
	expect_mmio_read(m, G_MMIO + 0x1000 - 0x20 - 0x80, 2, 2);
	expect_mmio_read(m, G_MMIO + 0x3000, 4, 3);
	expect_mmio_read(m, G_MMIO + 0x4000, 4, 4);
	expect_hlt(m);
	r = get_regs(m);
	CHECK_EQ(r.rax, 1);
	CHECK_EQ(r.rdx & 0xffff, 2);
	CHECK_EQ(r.rsi, 3);
	CHECK_EQ(r.rdi, 4);
}

/* A load takes its value at the next KVM_RUN, which need not enter the guest. */
static void completes_on_next_run(const void *arg)
{
	struct machine *m = crossing_machine(G_MMIO, G_MMIO);

	expect_mmio_write(m, G_MMIO, 8, 0x8877665544332211);
	expect_mmio_read(m, G_MMIO, 8, 77);
	CHECK_EQ(get_regs(m).rcx, 0);
	complete_exit(m->vcpu);
	CHECK_EQ(get_regs(m).rcx, 77);
	CHECK_EQ(get_regs(m).rip, G_CODE + 6);
	expect_hlt(m);
}

/* Addresses near the top of the physical address space are MMIO as well. */
static void high_physical_address(const void *arg)
{
	struct machine *m = crossing_machine(0x30000, 0x30008);
	uint64_t top = (1ULL << m->vm->pa_bits) - 4096;

	*guest_pte(m, 0x30000) = top | PTE_P | PTE_W | PTE_U;
	expect_mmio_write(m, top, 8, 0x8877665544332211);
	expect_mmio_read(m, top + 8, 8, 9);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 9);
}

GUEST_CODE(rep_lods, 64, "rep lodsl\n out %eax, $0x80\n");

/*
 * The I/O APIC in the kernel answers the first elements at once, user space those behind
 * it: each is asked for once, although a REP may be cut at any of them.
 */
static void rep_from_two_devices(const void *arg)
{
	const uint64_t ioapic = 0xfec00000, at = 0x30000;
	struct machine *m = machine_new_novcpu();
	struct kvm_regs r;

	if (ioctl(m->vm->fd, KVM_CREATE_IRQCHIP, 0))
		test_skip("no interrupt controllers in the kernel");
	machine_add_vcpu(m, kvm_get_supported_cpuid());
	machine_start(m, MODE_LONG, rep_lods);
	*guest_pte(m, at) = ioapic | PTE_P | PTE_W;
	r = get_regs(m);
	r.rsi = at + 0xf8;
	r.rcx = 4;
	set_regs(m, &r);
	expect_mmio_read(m, ioapic + 0x100, 4, 0x1001);
	expect_mmio_read(m, ioapic + 0x104, 4, 0x1002);
	expect_out(m, 0x80, 4, 0x1002);
	CHECK_EQ(get_regs(m).rcx, 0);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(mmio_modes); i++)
		add_test(widths, &mmio_modes[i], "widths_%s", mmio_modes[i].name);
	TEST(quadwords);
	TEST(cross_mmio_mmio);
	TEST(cross_ram_mmio);
	TEST(cross_mmio_ram);
	TEST(cross_discontiguous);
	TEST(cross_into_fault);
	TEST(write_protected_mapping);
	TEST(accessed_dirty);
	TEST(segment_base_in_long_mode);
	TEST(addressing_forms);
	TEST(completes_on_next_run);
	TEST(high_physical_address);
	TEST(rep_from_two_devices);
	return run_tests(argc, argv);
}
