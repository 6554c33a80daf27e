// SPDX-License-Identifier: GPL-2.0-only
/*
 * String port I/O: INS and OUTS, single and repeated, all sizes, both directions, across
 * pages, in real, 32-bit and long mode. kvm may hand over several elements in one exit
 * (kvm_run.io.count); whatever it chooses, each element is transferred exactly once and in
 * order, and the index and count registers agree at the end and at a fault on the way.
 */
#include "machine.h"

#define BUF		0x28000		/* inside the real-mode data segment too */
#define MAX_BYTES	0x3000
#define FILL		0xee

GUEST_CODE(insb16, 16, "rep insb\n hlt\n");
GUEST_CODE(insw16, 16, "rep insw\n hlt\n");
GUEST_CODE(insl16, 16, "rep insl\n hlt\n");
GUEST_CODE(outsb16, 16, "rep outsb\n hlt\n");
GUEST_CODE(outsw16, 16, "rep outsw\n hlt\n");
GUEST_CODE(outsl16, 16, "rep outsl\n hlt\n");
GUEST_CODE(insb64, 64, "rep insb\n hlt\n");
GUEST_CODE(insw64, 64, "rep insw\n hlt\n");
GUEST_CODE(insl64, 64, "rep insl\n hlt\n");
GUEST_CODE(outsb64, 64, "rep outsb\n hlt\n");
GUEST_CODE(outsw64, 64, "rep outsw\n hlt\n");
GUEST_CODE(outsl64, 64, "rep outsl\n hlt\n");
GUEST_CODE(insb1, 64, "insb\n hlt\n");
GUEST_CODE(insl1, 64, "insl\n hlt\n");
GUEST_CODE(outsb1, 64, "outsb\n hlt\n");
GUEST_CODE(outsl1, 64, "outsl\n hlt\n");

static const struct width_code {
	const uint8_t *ins16, *outs16, *ins64, *outs64;
	int size;
} widths[] = {
	{ insb16, outsb16, insb64, outsb64, 1 },
	{ insw16, outsw16, insw64, outsw64, 2 },
	{ insl16, outsl16, insl64, outsl64, 4 },
};

static const struct shape {
	const char *name;
	int offset;		/* first element, from the start of the second page */
	int count;
	bool down;
} shapes[] = {
	{ "one", 0, 1, false },
	{ "few_up", 0x10, 9, false },
	{ "few_down", 0x80, 9, true },
	{ "cross_up", -16, 40, false },
	{ "cross_down", 16, 40, true },
	{ "split_element_up", -3, 5, false },
	{ "split_element_down", 9, 5, true },
	{ "two_pages_up", -0x800, 600, false },
	{ "many_up", -0x1000, 2100, false },
	{ "many_down", 0xffc, 1100, true },
	{ "none", 0, 0, false },
};

/* What the device side saw. */
struct stream {
	uint8_t data[MAX_BYTES];
	int bytes;
	int exits;
};

static uint8_t device_byte(int i)
{
	return i * 13 + (i >> 8) * 5 + 1;
}

static void serve(struct machine *m, bool in, int size, struct stream *s)
{
	uint8_t *data = (uint8_t *)m->run + m->run->io.data_offset;
	int len = m->run->io.size * m->run->io.count, i;

	CHECK_EQ(m->run->io.direction, in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT);
	CHECK_EQ(m->run->io.size, size);
	CHECK_EQ(m->run->io.port, 0x3f8);
	CHECK(m->run->io.count >= 1 && len <= 4096, "count %u", m->run->io.count);
	CHECK(s->bytes + len <= MAX_BYTES, "more elements than asked for");
	for (i = 0; i < len; i++) {
		if (in)
			data[i] = device_byte(s->bytes + i);
		else
			s->data[s->bytes + i] = data[i];
	}
	s->bytes += len;
	s->exits++;
}

static void transfer(struct machine *m, bool in, int size, struct stream *s)
{
	memset(s, 0, sizeof(*s));
	HERE();
	while (run_vcpu(m->vcpu) == KVM_EXIT_IO)
		serve(m, in, size, s);
	CHECK(m->run->exit_reason == KVM_EXIT_HLT, "%s", exit_name(m->run->exit_reason));
}

/* Where in memory byte @i of the transfer lies. */
static uint64_t byte_at(const struct shape *sh, int size, int i)
{
	int element = i / size, step = sh->down ? -size : size;

	return BUF + 0x1000 + sh->offset + element * step + i % size;
}

static void setup_memory(struct machine *m, bool in)
{
	uint8_t *p = guest_mem(m, BUF);
	int i;

	for (i = 0; i < 0x4000; i++)
		p[i] = in ? FILL : device_byte(i);
}

static void check_memory(struct machine *m, const struct shape *sh, int size, bool in,
			 const struct stream *s)
{
	uint8_t *p = guest_mem(m, 0), want[0x4000];
	int i;

	CHECK_EQ(s->bytes, sh->count * size);
	memset(want, FILL, sizeof(want));
	for (i = 0; i < s->bytes; i++) {
		uint64_t at = byte_at(sh, size, i);

		if (in)
			want[at - BUF] = device_byte(i);
		else
			CHECK(s->data[i] == p[at], "byte %d is 0x%x, not 0x%x", i,
			      s->data[i], p[at]);
	}
	for (i = 0; in && i < sizeof(want); i++)
		CHECK(p[BUF + i] == want[i], "memory at +0x%x is 0x%x, not 0x%x", i,
		      p[BUF + i], want[i]);
}

static void load_string_regs(struct machine *m, uint64_t at, uint64_t count, bool down)
{
	struct kvm_regs r = get_regs(m);

	r.rdx = 0x3f8;
	r.rcx = count;
	r.rsi = at;
	r.rdi = at;
	r.rflags = 2 | (down ? FLAG_DF : 0);
	set_regs(m, &r);
}

static void one_transfer(enum mode mode, const struct width_code *w, bool in,
			 const struct shape *sh, struct stream *s)
{
	struct machine *m = machine_new();
	const uint8_t *code = mode == MODE_REAL ? in ? w->ins16 : w->outs16 :
						  in ? w->ins64 : w->outs64;
	uint64_t start = BUF + 0x1000 + sh->offset, end;
	struct kvm_regs r;

	setup_memory(m, in);
	machine_load(m, G_CODE, code, code + 8);
	machine_mode(m, mode);
	if (mode == MODE_REAL)
		start -= G_DATA;
	load_string_regs(m, start, sh->count, sh->down);
	transfer(m, in, w->size, s);
	check_memory(m, sh, w->size, in, s);
	r = get_regs(m);
	end = start + sh->count * (sh->down ? -w->size : w->size);
	CHECK_EQ(r.rcx, 0);
	CHECK_EQ(r.rdi, in ? end : start);
	CHECK_EQ(r.rsi, in ? start : end);
	machine_free(m);
}

struct rep_case {
	enum mode mode;
	bool input;
};

static void rep(const void *arg)
{
	const struct rep_case *c = arg;
	struct stream *s = malloc(sizeof(*s));
	int w, sh;

	for (w = 0; w < ARRAY_LEN(widths); w++)
		for (sh = 0; sh < ARRAY_LEN(shapes); sh++) {
			/* The buffer is 0x4000 bytes around the boundary. */
			if (shapes[sh].count * widths[w].size > 0x2800)
				continue;
			if (shapes[sh].down && shapes[sh].count * widths[w].size >
			    0x1000 + shapes[sh].offset)
				continue;
			here_line = 0;
			one_transfer(c->mode, &widths[w], c->input, &shapes[sh], s);
		}
}

static void single(const void *arg)
{
	static const struct single_case {
		const uint8_t *code;
		int size;
		bool input;
	} variants[] = {
		{ insb1, 1, true }, { insl1, 4, true },
		{ outsb1, 1, false }, { outsl1, 4, false },
	};
	struct stream *s = malloc(sizeof(*s));
	int i;

	for (i = 0; i < ARRAY_LEN(variants); i++) {
		struct machine *m = machine_new();
		struct shape sh = { "single", 5, 1, false };

		setup_memory(m, variants[i].input);
		machine_load(m, G_CODE, variants[i].code, variants[i].code + 4);
		machine_mode(m, MODE_LONG);
		load_string_regs(m, BUF + 0x1005, 0x77, false);
		transfer(m, variants[i].input, variants[i].size, s);
		check_memory(m, &sh, variants[i].size, variants[i].input, s);
		CHECK_EQ(get_regs(m).rcx, 0x77);
		CHECK_EQ(variants[i].input ? get_regs(m).rdi : get_regs(m).rsi,
			 BUF + 0x1005 + variants[i].size);
		machine_free(m);
	}
}

/* The page behind the boundary is missing: the fault leaves an exact count behind. */
static void fault_on_the_way(const void *arg)
{
	static const struct { const uint8_t *code; int size; bool input, down; } variants[] = {
		{ insb64, 1, true, false }, { insl64, 4, true, false },
		{ insw64, 2, true, true },
		{ outsb64, 1, false, false }, { outsl64, 4, false, true },
	};
	struct stream *s = malloc(sizeof(*s));
	int i;

	for (i = 0; i < ARRAY_LEN(variants); i++) {
		struct machine *m = machine_new();
		bool in = variants[i].input, down = variants[i].down;
		int size = variants[i].size, step = down ? -size : size;
		struct shape sh = { "fault", down ? 8 * size : -8 * size, 20, down };
		uint64_t hole = down ? BUF : BUF + 0x1000, at;
		struct stream part;
		struct event e;
		int done = 8 + down, left;

		setup_memory(m, in);
		machine_load(m, G_CODE, variants[i].code, variants[i].code + 8);
		machine_mode(m, MODE_LONG);
		*guest_pte(m, hole) &= ~PTE_P;
		at = BUF + 0x1000 + sh.offset;
		load_string_regs(m, at, sh.count, down);
		transfer(m, in, size, s);
		CHECK(at_event(m, &e) && e.vector == PF_VECTOR, "no #PF");
		CHECK_EQ(e.ip, G_CODE);
		CHECK_EQ(e.error, in ? 2 : 0);
		left = get_regs(m).rcx;
		if (in) {
			/* The device may have been asked ahead, and stores undone. */
			CHECK(s->bytes >= done * size && s->bytes <= 20 * size, "%d",
			      s->bytes);
			CHECK(left >= sh.count - done && left <= sh.count,
			      "case %d: %d left", i, left);
			done = sh.count - left;
		}
		CHECK_EQ(left, sh.count - done);
		if (!in)
			CHECK_EQ(s->bytes, done * size);
		CHECK_EQ(in ? get_regs(m).rdi : get_regs(m).rsi, at + done * step);
		CHECK_EQ(get_sregs(m).cr2 & ~0xfffULL, hole);

		/* Mapped again, it goes on where it stopped. */
		*guest_pte(m, hole) |= PTE_P;
		return_to(m, &e, e.ip);
		part = *s;
		part.bytes = done * size;
		HERE();
		while (run_vcpu(m->vcpu) == KVM_EXIT_IO)
			serve(m, in, size, &part);
		check_memory(m, &sh, size, in, &part);
		machine_free(m);
	}
}

GUEST_CODE(outs_fs, 64, "rep outsb %fs:(%rsi), (%dx)\n hlt\n");

static void segment_override(const void *arg)
{
	struct machine *m = machine_new();
	struct stream *s = malloc(sizeof(*s));
	struct kvm_sregs sr;
	int i;

	setup_memory(m, false);
	machine_start(m, MODE_LONG, outs_fs);
	sr = get_sregs(m);
	sr.fs.base = BUF;
	set_sregs(m, &sr);
	load_string_regs(m, 0x123, 10, false);
	transfer(m, false, 1, s);
	CHECK_EQ(s->bytes, 10);
	for (i = 0; i < 10; i++)
		CHECK_EQ(s->data[i], device_byte(0x123 + i));
}

/* INS into MMIO: port reads may come several at once, each is stored exactly once. */
static void port_to_mmio(const void *arg)
{
	struct machine *m = machine_new();
	struct stream *s = calloc(1, sizeof(*s));
	int stored = 0, i;

	machine_load(m, G_CODE, insw64, insw64 + 8);
	machine_mode(m, MODE_LONG);
	load_string_regs(m, G_MMIO + 0x10, 3, false);
	HERE();
	while (run_vcpu(m->vcpu) != KVM_EXIT_HLT) {
		if (m->run->exit_reason == KVM_EXIT_IO) {
			serve(m, true, 2, s);
			continue;
		}
		CHECK_EQ(m->run->exit_reason, KVM_EXIT_MMIO);
		CHECK_EQ(m->run->mmio.phys_addr, G_MMIO + 0x10 + stored);
		CHECK_EQ(m->run->mmio.is_write, 1);
		CHECK(m->run->mmio.len % 2 == 0, "length %u", m->run->mmio.len);
		for (i = 0; i < m->run->mmio.len; i++)
			CHECK_EQ(m->run->mmio.data[i], device_byte(stored++));
	}
	CHECK_EQ(stored, 6);
	CHECK_EQ(s->bytes, 6);
	CHECK_EQ(get_regs(m).rdi, G_MMIO + 0x16);
	CHECK_EQ(get_regs(m).rcx, 0);
}

/* OUTS from MMIO: a load and a port write for each element. */
static void mmio_to_port(const void *arg)
{
	struct machine *m = machine_new();
	int i;

	machine_load(m, G_CODE, outsl64, outsl64 + 8);
	machine_mode(m, MODE_LONG);
	load_string_regs(m, G_MMIO + 0x10, 3, true);
	for (i = 0; i < 3; i++) {
		expect_mmio_read(m, G_MMIO + 0x10 - 4 * i, 4, 0x22000000 + i);
		expect_out(m, 0x3f8, 4, 0x22000000 + i);
	}
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0);
}

/* A 16-bit index register wraps at 64 KiB. */
static void index_wraps(const void *arg)
{
	struct machine *m = machine_new();
	struct stream *s = malloc(sizeof(*s));
	uint8_t *seg = guest_mem(m, G_DATA);
	int i;

	for (i = 0; i < 4; i++) {
		seg[0xfffc + i] = 0xa0 + i;
		seg[i] = 0xb0 + i;
	}
	machine_load(m, G_CODE, outsb16, outsb16 + 8);
	machine_mode(m, MODE_REAL);
	load_string_regs(m, 0xfffc, 8, false);
	transfer(m, false, 1, s);
	CHECK_EQ(s->bytes, 8);
	for (i = 0; i < 8; i++)
		CHECK_EQ(s->data[i], i < 4 ? 0xa0 + i : 0xb0 + i - 4);
	CHECK_EQ(get_regs(m).rsi, 4);
}

GUEST_CODE(ins_a32, 64, "addr32 rep insb\n hlt\n");

/* With a 32-bit address size only ECX counts, and the registers stay 32 bits wide. */
static void address_size_32(const void *arg)
{
	struct machine *m = machine_new();
	struct stream *s = malloc(sizeof(*s));

	setup_memory(m, true);
	machine_start(m, MODE_LONG, ins_a32);
	load_string_regs(m, 0x1100000000ULL + BUF, 0xff00000003ULL, false);
	transfer(m, true, 1, s);
	CHECK_EQ(s->bytes, 3);
	CHECK_EQ(get_regs(m).rdi & 0xffffffff, BUF + 3);
	CHECK_EQ(get_regs(m).rcx & 0xffffffff, 0);
	CHECK_EQ(*(uint8_t *)guest_mem(m, BUF + 2), device_byte(2));
	CHECK_EQ(*(uint8_t *)guest_mem(m, BUF + 3), FILL);
}

int main(int argc, char **argv)
{
	static const struct rep_case variants[] = {
		{ MODE_REAL, true }, { MODE_REAL, false },
		{ MODE_PROT32, true }, { MODE_PROT32, false },
		{ MODE_LONG, true }, { MODE_LONG, false },
	};
	static const char *const modes[] = { "real", "prot16", "prot32", "long" };
	int i;

	for (i = 0; i < ARRAY_LEN(variants); i++)
		add_test(rep, &variants[i], "rep_%s_%s", variants[i].input ? "ins" : "outs",
			 modes[variants[i].mode]);
	TEST(single);
	TEST(fault_on_the_way);
	TEST(segment_override);
	TEST(port_to_mmio);
	TEST(mmio_to_port);
	TEST(index_wraps);
	TEST(address_size_32);
	return run_tests(argc, argv);
}
