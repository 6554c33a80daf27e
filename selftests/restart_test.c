// SPDX-License-Identifier: GPL-2.0-only
/*
 * A string instruction that user space stops in the middle. At every exit the pending
 * transfer is completed with immediate_exit, in some variants the whole state is read out
 * and loaded into a vCPU of another VM, and the instruction goes on there. Each element
 * must cross the boundary exactly once, in order, and memory and registers must end as
 * if nothing had happened.
 */
#include "machine.h"

#define BUF 0x28ff0		/* crosses into the next page after 16 bytes */
#define COUNT 24
#define MAX_BYTES 256
#define BEFORE 256		/* what is compared: this much below BUF, */
#define WINDOW 512		/* and this much in all */

GUEST_CODE(ins8, 64, "rep insb\n hlt\n");
GUEST_CODE(ins32, 64, "rep insl\n hlt\n");
GUEST_CODE(outs8, 64, "rep outsb\n hlt\n");
GUEST_CODE(outs16, 64, "rep outsw\n hlt\n");
GUEST_CODE(movs8, 64, "rep movsb\n hlt\n");
GUEST_CODE(movs64, 64, "rep movsq\n hlt\n");
GUEST_CODE(stos32, 64, "rep stosl\n hlt\n");
GUEST_CODE(real_ins8, 16, "rep insb\n hlt\n");
GUEST_CODE(real_outs16, 16, "rep outsw\n hlt\n");
GUEST_CODE(real_movs8, 16, "rep movsb %fs:(%si), %es:(%di)\n hlt\n");

enum kind { PORT_IN, PORT_OUT, MMIO_READ, MMIO_WRITE };

static const struct restart_case {
	const char *name;
	enum mode mode;
	const uint8_t *code;
	enum kind kind;
	int size;
	bool down;
} cases[] = {
	{ "insb", MODE_LONG, ins8, PORT_IN, 1 },
	{ "insl", MODE_LONG, ins32, PORT_IN, 4 },
	{ "insb_down", MODE_LONG, ins8, PORT_IN, 1, true },
	{ "outsb", MODE_LONG, outs8, PORT_OUT, 1 },
	{ "outsw_down", MODE_LONG, outs16, PORT_OUT, 2, true },
	{ "movsb_from_mmio", MODE_LONG, movs8, MMIO_READ, 1 },
	{ "movsq_from_mmio", MODE_LONG, movs64, MMIO_READ, 8 },
	{ "movsb_to_mmio", MODE_LONG, movs8, MMIO_WRITE, 1 },
	{ "movsq_to_mmio_down", MODE_LONG, movs64, MMIO_WRITE, 8, true },
	{ "stosl_to_mmio", MODE_LONG, stos32, MMIO_WRITE, 4 },
	{ "real_insb", MODE_REAL, real_ins8, PORT_IN, 1 },
	{ "real_outsw", MODE_REAL, real_outs16, PORT_OUT, 2 },
	{ "real_movsb_from_mmio", MODE_REAL, real_movs8, MMIO_READ, 1 },
};

enum how { PLAIN, COMPLETE, MIGRATE };

/* What crossed the boundary, in order. */
struct log {
	uint8_t data[MAX_BYTES];
	int bytes, exits;
	uint64_t next_mmio;
};

static uint8_t source_byte(int i)
{
	return 0x40 + i * 5;
}

static void put(struct log *log, const void *data, int len)
{
	CHECK(log->bytes + len <= MAX_BYTES, "too many elements");
	memcpy(log->data + log->bytes, data, len);
	log->bytes += len;
}

static void serve_port(struct machine *m, const struct restart_case *c, struct log *log)
{
	uint8_t *data = (uint8_t *)m->run + m->run->io.data_offset;
	int len = m->run->io.count * m->run->io.size, i;

	CHECK_EQ(m->run->io.size, c->size);
	CHECK_EQ(m->run->io.direction, c->kind == PORT_OUT);
	if (c->kind == PORT_IN)
		for (i = 0; i < len; i++)
			data[i] = source_byte(log->bytes + i);
	put(log, data, len);
}

static void serve_mmio(struct machine *m, const struct restart_case *c, struct log *log)
{
	int i;

	CHECK_EQ(m->run->mmio.is_write, c->kind == MMIO_WRITE);
	CHECK_EQ(m->run->mmio.len, c->size);
	CHECK_EQ(m->run->mmio.phys_addr, log->next_mmio);
	log->next_mmio += c->down ? -c->size : c->size;
	if (c->kind == MMIO_READ)
		for (i = 0; i < c->size; i++)
			m->run->mmio.data[i] = source_byte(log->bytes + i);
	put(log, m->run->mmio.data, m->run->mmio.len);
}

static void serve(struct machine *m, const struct restart_case *c, struct log *log)
{
	if (m->run->exit_reason == KVM_EXIT_IO)
		serve_port(m, c, log);
	else if (m->run->exit_reason == KVM_EXIT_MMIO)
		serve_mmio(m, c, log);
	else
		test_fail(__FILE__, __LINE__, "%s", exit_name(m->run->exit_reason));
	log->exits++;
}

/*
 * Completing one exit may bring up the next access of the same instruction; only EINTR
 * says that the state is consistent.
 */
static void complete(struct machine *m, const struct restart_case *c, struct log *log)
{
	int err;

	m->run->immediate_exit = 1;
	while (!(err = try_run(m->vcpu)))
		serve(m, c, log);
	m->run->immediate_exit = 0;
	CHECK_EQ(err, EINTR);
}

/* A second VM on the same memory takes over where the first one was stopped. */
static struct machine *migrate(struct machine *from)
{
	struct machine *to = calloc(1, sizeof(*to));
	struct kvm_vcpu_events events;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_fpu fpu;

	CHECK(to, "out of memory");
	to->vm = bare_vm();
	to->low = from->low;
	to->high = from->high;
	to->mode = from->mode;
	set_slot(to, 0, 0, 0, LOW_SIZE, to->low);
	set_slot(to, 1, 0, HIGH_BASE, HIGH_SIZE, to->high);
	machine_add_vcpu(to, kvm_get_supported_cpuid());
	regs = get_regs(from);
	sregs = get_sregs(from);
	CHECK_OK(ioctl(from->vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	CHECK_OK(ioctl(from->vcpu->fd, KVM_GET_FPU, &fpu));
	set_sregs(to, &sregs);
	set_regs(to, &regs);
	CHECK_OK(ioctl(to->vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
	CHECK_OK(ioctl(to->vcpu->fd, KVM_SET_FPU, &fpu));
	kvm_vm_free(from->vm);
	free(from);
	return to;
}

static struct machine *start(const struct restart_case *c, struct log *log)
{
	struct machine *m = machine_new();
	uint64_t ram = BUF + (c->down ? 16 : 0), mmio = G_MMIO + 0x100;
	struct kvm_regs r;
	int i;

	for (i = 0; i < WINDOW; i++)
		*(uint8_t *)guest_mem(m, BUF - BEFORE + i) = 0x90 ^ i;
	machine_load(m, G_CODE, c->code, c->code + 8);
	machine_mode(m, c->mode);
	r = get_regs(m);
	if (c->mode == MODE_REAL) {
		ram -= G_DATA;
		mmio = 0x100;
	}
	r.rcx = COUNT;
	r.rdx = 0x60;
	r.rax = 0x0706050403020100;
	r.rflags = 2 | (c->down ? FLAG_DF : 0);
	r.rsi = c->kind == MMIO_READ ? mmio : ram;
	r.rdi = c->kind == MMIO_WRITE ? mmio : ram;
	set_regs(m, &r);
	memset(log, 0, sizeof(*log));
	log->next_mmio = c->mode == MODE_REAL ? G_MMIO_LOW + mmio : mmio;
	return m;
}

static void run_case(const struct restart_case *c, enum how how, struct log *log,
		     struct kvm_regs *regs, uint8_t *memory)
{
	struct machine *m = start(c, log);

	HERE();
	while (run_vcpu(m->vcpu) != KVM_EXIT_HLT) {
		serve(m, c, log);
		if (how != PLAIN)
			complete(m, c, log);
		if (how == MIGRATE)
			m = migrate(m);
	}
	*regs = get_regs(m);
	memcpy(memory, guest_mem(m, BUF - BEFORE), WINDOW);
}

/* What should have crossed and what should be in memory, worked out independently. */
static void expected(const struct restart_case *c, uint8_t *data, uint8_t *memory)
{
	int i, at = BEFORE + (c->down ? 16 : 0);
	uint64_t rax = 0x0706050403020100;

	for (i = 0; i < WINDOW; i++)
		memory[i] = 0x90 ^ i;
	for (i = 0; i < COUNT; i++, at += c->down ? -c->size : c->size) {
		uint8_t *element = data + i * c->size;
		int b;

		if (c->kind == PORT_IN || c->kind == MMIO_READ) {
			for (b = 0; b < c->size; b++)
				element[b] = source_byte(i * c->size + b);
			memcpy(memory + at, element, c->size);
		} else if (c->code == stos32) {
			memcpy(element, &rax, c->size);
		} else {
			memcpy(element, memory + at, c->size);
		}
	}
}

static void check_case(const struct restart_case *c, enum how how)
{
	uint8_t memory[WINDOW], want_data[MAX_BYTES], want_memory[WINDOW];
	int len = COUNT * c->size, moved = c->down ? -len : len;
	bool uses_si = c->kind != PORT_IN && c->code != stos32;
	bool uses_di = c->kind != PORT_OUT;
	uint64_t start_ram = BUF + (c->down ? 16 : 0);
	uint64_t start_mmio = c->mode == MODE_REAL ? 0x100 : G_MMIO + 0x100;
	struct kvm_regs r;
	struct log log;

	if (c->mode == MODE_REAL)
		start_ram -= G_DATA;
	run_case(c, how, &log, &r, memory);
	expected(c, want_data, want_memory);
	CHECK_EQ(log.bytes, len);
	CHECK(!memcmp(log.data, want_data, len), "wrong data crossed");
	CHECK(!memcmp(memory, want_memory, WINDOW), "wrong memory");
	CHECK_EQ(r.rcx, 0);
	CHECK_EQ(r.rsi, (c->kind == MMIO_READ ? start_mmio : start_ram) +
			(uses_si ? moved : 0));
	CHECK_EQ(r.rdi, (c->kind == MMIO_WRITE ? start_mmio : start_ram) +
			(uses_di ? moved : 0));
}

static void plain(const void *arg)
{
	check_case(arg, PLAIN);
}

static void completed(const void *arg)
{
	check_case(arg, COMPLETE);
}

static void migrated(const void *arg)
{
	check_case(arg, MIGRATE);
}

/* Takes elements, as many at a time as are offered, until there are @until of them. */
static int take_outs(struct machine *m, int done, int until)
{
	while (done < until) {
		const uint8_t *data;
		int i;

		expect_exit(m, KVM_EXIT_IO);
		data = (const uint8_t *)m->run + m->run->io.data_offset;
		for (i = 0; i < m->run->io.count; i++)
			CHECK_EQ(data[i], done + i);
		done += m->run->io.count;
	}
	return done;
}

/* An interrupt in the middle returns to the instruction, which then finishes. */
static void interrupt_in_the_middle(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_interrupt irq = { .irq = 0x55 };
	struct kvm_regs r;
	struct event e;
	int i, done;

	machine_start(m, MODE_LONG, outs8);
	for (i = 0; i < COUNT; i++)
		*(uint8_t *)guest_mem(m, BUF + i) = i;
	r = get_regs(m);
	r.rcx = COUNT;
	r.rsi = BUF;
	r.rdx = 0x60;
	r.rflags |= FLAG_IF;
	set_regs(m, &r);
	done = take_outs(m, 0, 10);
	complete_exit(m->vcpu);
	CHECK(m->run->ready_for_interrupt_injection, "not ready");
	CHECK_OK(ioctl(m->vcpu->fd, KVM_INTERRUPT, &irq));
	e = expect_event(m, 0x55);
	CHECK(done < COUNT ? e.ip == G_CODE : e.ip == G_CODE + 2, "0x%llx",
	      (unsigned long long)e.ip);
	CHECK_EQ(get_regs(m).rcx, COUNT - done);
	CHECK_EQ(get_regs(m).rsi, BUF + done);
	return_to(m, &e, e.ip);
	CHECK_EQ(take_outs(m, done, COUNT), COUNT);
	expect_hlt(m);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		add_test(plain, &cases[i], "%s_plain", cases[i].name);
		add_test(completed, &cases[i], "%s_completed", cases[i].name);
		add_test(migrated, &cases[i], "%s_migrated", cases[i].name);
	}
	TEST(interrupt_in_the_middle);
	return run_tests(argc, argv);
}
