// SPDX-License-Identifier: GPL-2.0-only
/*
 * Port I/O: every width in both directions, immediate and DX forms, from real, 16-bit,
 * 32-bit and long mode; what IN leaves in the wider register; privilege checks. Proves
 * the KVM_EXIT_IO contract: direction, size, port, count, the data page, and that the
 * instruction completes on the next KVM_RUN and not before.
 */
#include "machine.h"

#define PIO_BODY							\
	"out %al, $0x10\n out %ax, $0x20\n out %eax, $0x30\n"		\
	"mov $0x1234, %dx\n"						\
	"out %al, %dx\n out %ax, %dx\n out %eax, %dx\n"			\
	"mov $0xffff, %dx\n out %al, %dx\n"				\
	"in $0x40, %al\n in $0x50, %ax\n in $0x60, %eax\n"		\
	"mov $0x5678, %dx\n"						\
	"in %dx, %al\n in %dx, %ax\n in %dx, %eax\n"			\
	"hlt\n"

GUEST_CODE(pio16, 16, PIO_BODY);
GUEST_CODE(pio32, 32, PIO_BODY);
GUEST_CODE(pio64, 64, PIO_BODY);

static const struct pio_mode {
	const char *name;
	enum mode mode;
	const uint8_t *code, *end;
} pio_modes[] = {
	{ "real", MODE_REAL, pio16, pio16_end },
	{ "prot16", MODE_PROT16, pio16, pio16_end },
	{ "prot32", MODE_PROT32, pio32, pio32_end },
	{ "long", MODE_LONG, pio64, pio64_end },
};

static struct machine *pio_machine(const struct pio_mode *p, uint64_t rax)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	machine_load(m, G_CODE, p->code, p->end);
	machine_mode(m, p->mode);
	r = get_regs(m);
	r.rax = rax;
	set_regs(m, &r);
	return m;
}

static uint64_t rax_now(struct machine *m)
{
	complete_exit(m->vcpu);
	return get_regs(m).rax;
}

static void widths(const void *arg)
{
	const struct pio_mode *p = arg;
	/* A 32-bit guest has nothing in the upper half. */
	uint64_t hi = p->mode == MODE_LONG ? 0xaabbccddULL << 32 : 0;
	struct machine *m = pio_machine(p, hi | 0x11223344);

	expect_out(m, 0x10, 1, 0x44);
	expect_out(m, 0x20, 2, 0x3344);
	expect_out(m, 0x30, 4, 0x11223344);
	expect_out(m, 0x1234, 1, 0x44);
	expect_out(m, 0x1234, 2, 0x3344);
	expect_out(m, 0x1234, 4, 0x11223344);
	expect_out(m, 0xffff, 1, 0x44);
	/* Narrow reads merge; a 32-bit read clears the upper half. */
	expect_in(m, 0x40, 1, 0xa5);
	CHECK_EQ(rax_now(m), hi | 0x112233a5);
	expect_in(m, 0x50, 2, 0xbeef);
	CHECK_EQ(rax_now(m), hi | 0x1122beef);
	expect_in(m, 0x60, 4, 0x80000001);
	CHECK_EQ(rax_now(m), 0x80000001);
	expect_in(m, 0x5678, 1, 0x7e);
	CHECK_EQ(rax_now(m), 0x8000007e);
	expect_in(m, 0x5678, 2, 0x8421);
	CHECK_EQ(rax_now(m), 0x80008421);
	expect_in(m, 0x5678, 4, 0xffffffff);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rax, 0xffffffff);
}

GUEST_CODE(one_in, 64, "in $0x40, %eax\n next_insn: hlt\n");
GUEST_LABEL(next_insn);

/*
 * The register takes the value at the next KVM_RUN, even one that does not enter the
 * guest, and then the instruction is over: RIP points behind it.
 */
static void completes_on_next_run(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, one_in);
	expect_in(m, 0x40, 4, 0x12345678);
	CHECK_EQ(get_regs(m).rax, 0);
	complete_exit(m->vcpu);
	CHECK_EQ(get_regs(m).rax, 0x12345678);
	CHECK_EQ(get_regs(m).rip, G_CODE + (next_insn - one_in));
	/* A second completion changes nothing. */
	complete_exit(m->vcpu);
	CHECK_EQ(get_regs(m).rax, 0x12345678);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rip, G_CODE + (next_insn - one_in) + 1);
}

/* The data lies inside the mapping of the vCPU, behind struct kvm_run. */
static void data_offset_inside_mapping(const void *arg)
{
	struct machine *m = machine_new();
	int size = CHECK_OK(ioctl(m->vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, NULL));

	machine_start(m, MODE_LONG, one_in);
	expect_in(m, 0x40, 4, 0);
	CHECK(m->run->io.data_offset >= sizeof(struct kvm_run), "%llu",
	      m->run->io.data_offset);
	CHECK(m->run->io.data_offset + 4 <= size, "%llu of %d", m->run->io.data_offset, size);
}

GUEST_CODE(user_out, 64, "out %al, $0x80\n hlt\n");

static struct machine *ring3_machine(void)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, user_out);
	machine_ring3(m);
	return m;
}

/* Ring 3 with IOPL 0 and no I/O bitmap: #GP before any exit. */
static void ring3_denied(const void *arg)
{
	struct machine *m = ring3_machine();
	struct event e = expect_event(m, GP_VECTOR);

	CHECK_EQ(e.ip, G_CODE);
	CHECK_EQ(e.error, 0);
	CHECK_EQ(e.cs, SEL_UCODE64);
}

static void ring3_iopl3(const void *arg)
{
	struct machine *m = ring3_machine();
	struct kvm_regs r = get_regs(m);

	r.rflags |= 3 << 12;
	r.rax = 0x42;
	set_regs(m, &r);
	expect_out(m, 0x80, 1, 0x42);
}

/* The I/O permission bitmap opens port 0x80 alone. */
static void ring3_bitmap(const void *arg)
{
	struct machine *m = ring3_machine();
	uint8_t *tss = guest_mem(m, G_TSS);
	struct kvm_sregs s = get_sregs(m);
	struct kvm_regs r;
	struct event e;

	memset(tss + 0x68, 0xff, 0x40);
	tss[0x68 + 0x80 / 8] = 0xfe;
	s.tr.limit = 0x68 + 0x3f;
	set_sregs(m, &s);
	r = get_regs(m);
	r.rax = 0x43;
	set_regs(m, &r);
	expect_out(m, 0x80, 1, 0x43);
	e = expect_event(m, GP_VECTOR);		/* the HLT behind it */
	CHECK_EQ(e.ip, G_CODE + 2);

	*(uint8_t *)guest_mem(m, G_CODE + 1) = 0x81;
	return_to(m, &e, G_CODE);
	expect_event(m, GP_VECTOR);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(pio_modes); i++)
		add_test(widths, &pio_modes[i], "widths_%s", pio_modes[i].name);
	TEST(completes_on_next_run);
	TEST(data_offset_inside_mapping);
	TEST(ring3_denied);
	TEST(ring3_iopl3);
	TEST(ring3_bitmap);
	return run_tests(argc, argv);
}
