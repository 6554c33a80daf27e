// SPDX-License-Identifier: GPL-2.0-only
#include "mmio_compare.h"

struct result {
	struct kvm_regs regs;
	int vector;			/* -1: ran to its end */
	bool declined;
	int reads, writes;
	uint8_t operand[OPERAND_SIZE];
	uint8_t vec[64];
};

#define OPERAND_SLOT 5
#define MAX_EXITS 600

/* Operand bytes and registers are chosen to meet carries, signs, zeros and matches. */
static const struct start {
	uint64_t memory, rax, rcx, rdx, rflags;
} starts[] = {
	{ 0, 0, 0, 0, 2 },
	{ ~0ULL, 1, 1, 0, 2 | FLAG_CF },
	{ 0x7fffffffffffffff, 0x7fffffffffffffff, 0x21, 1, 2 },
	{ 0x8000000080008080, 0x8000000080008080, 7, 0x12345678, 2 | FLAG_CF | FLAG_ZF },
	{ 0x0123456789abcdef, 0x1122334455667788, 0x3f, 0x99aabbccddeeff00, 2 },
	{ 0x00000000fffffff0, 0x000000000000000f, 0x10, 0, 2 | FLAG_OF | FLAG_SF },
	{ 0x1122334455667788, 0x1122334455667788, 0xfffffffffffffff5, 3,
	  2 | FLAG_AF | FLAG_PF },
};

static void fill_operand(uint8_t *p, const struct start *s)
{
	int i;

	for (i = 0; i < OPERAND_SIZE; i++)
		p[i] = i * 7 + (i >> 8);
	memcpy(p + (OPERAND_AT - G_OPERAND), &s->memory, 8);
	memcpy(p + (OPERAND_AT - G_OPERAND) + 8, &s->rdx, 8);
}

static void load_registers(struct machine *m, const struct start *s)
{
	struct kvm_regs r = {
		.rax = s->rax, .rcx = s->rcx, .rdx = s->rdx, .rbx = OPERAND_AT,
		.rsi = OPERAND_AT, .rdi = 0x30100, .rbp = G_STACK + 0x100,
		.rsp = G_STACK, .r8 = 0x8888888888888888, .r9 = s->rax, .r10 = 10,
		.r11 = 0xb0b1b2b3b4b5b6b7, .r12 = OPERAND_AT, .r13 = 0x30100,
		.r14 = 3, .r15 = ~s->rax, .rip = G_CODE, .rflags = s->rflags,
	};
	int i;

	set_regs(m, &r);
	for (i = 0; i < 64; i++) {
		((uint8_t *)guest_mem(m, G_VEC_IN))[i] = 0xc0 + i;
		((uint8_t *)guest_mem(m, G_VEC_OUT))[i] = 0;
	}
	memset(guest_mem(m, 0x30000), 0x33, 0x1000);
	memset(guest_mem(m, G_STACK - 0x100), 0x44, 0x300);
}

static void serve_mmio(struct machine *m, struct result *out)
{
	uint64_t at = m->run->mmio.phys_addr - G_OPERAND;
	uint32_t len = m->run->mmio.len;

	CHECK(len <= 8 && at + len <= OPERAND_SIZE, "MMIO at 0x%llx length %u",
	      (unsigned long long)m->run->mmio.phys_addr, len);
	if (m->run->mmio.is_write) {
		memcpy(out->operand + at, m->run->mmio.data, len);
		out->writes += len;
	} else {
		memcpy(m->run->mmio.data, out->operand + at, len);
		out->reads += len;
	}
}

static void run_one(struct machine *m, const struct insn *insn, uint8_t *ram,
		    const struct start *s, struct result *out)
{
	struct event e;
	int i, reason;

	memset(out, 0, sizeof(*out));
	out->vector = -1;
	machine_load(m, G_CODE, insn->code, insn->end);
	load_registers(m, s);
	fill_operand(ram ? ram : out->operand, s);
	for (i = 0; (reason = run_vcpu(m->vcpu)) == KVM_EXIT_MMIO; i++) {
		CHECK(i < MAX_EXITS, "%s does not end", insn->text);
		serve_mmio(m, out);
	}
	if (reason == KVM_EXIT_INTERNAL_ERROR) {
		out->declined = true;
		return;
	}
	if (reason != KVM_EXIT_HLT) {
		char buf[600];

		describe_exit(m->vcpu, buf, sizeof(buf));
		test_fail(__FILE__, __LINE__, "%s: %s", insn->text, buf);
	}
	if (at_event(m, &e)) {
		out->vector = e.vector;
		return_to(m, &e, e.ip);
	}
	out->regs = get_regs(m);
	if (ram)
		memcpy(out->operand, ram, OPERAND_SIZE);
	memcpy(out->vec, guest_mem(m, G_VEC_OUT), sizeof(out->vec));
}

static bool quiet;

static bool differ(const char *what, uint64_t want, uint64_t got, const struct insn *insn,
		   int start)
{
	if (want == got)
		return false;
	if (!quiet)
		test_note("%s, start %d: %s is 0x%llx on the CPU, 0x%llx on MMIO", insn->name,
			  start, what, (unsigned long long)want, (unsigned long long)got);
	return true;
}

static bool differ_bytes(const char *what, const uint8_t *want, const uint8_t *got,
			 int len, const struct insn *insn, int start)
{
	int i;

	for (i = 0; i < len; i++)
		if (want[i] != got[i]) {
			if (!quiet)
				test_note("%s at +0x%x:", what, i);
			return differ(what, want[i], got[i], insn, start);
		}
	return false;
}

static bool compare_one(const struct insn *insn, int start, const struct result *cpu,
			const struct result *mmio)
{
	static const char *const names[] = {
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9",
		"r10", "r11", "r12", "r13", "r14", "r15", "rip",
	};
	const __u64 *a = &cpu->regs.rax, *b = &mmio->regs.rax;
	bool bad = differ("vector", cpu->vector, mmio->vector, insn, start);
	int i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		bad |= differ(names[i], a[i], b[i], insn, start);
	/* With those that the SDM leaves undefined: they are the CPU's either way. */
	bad |= differ("rflags", cpu->regs.rflags & ~FLAG_RF, mmio->regs.rflags & ~FLAG_RF, insn,
		      start);
	bad |= differ_bytes("memory", cpu->operand, mmio->operand, OPERAND_SIZE, insn,
			    start);
	bad |= differ_bytes("vector register", cpu->vec, mmio->vec, sizeof(cpu->vec), insn,
			    start);
	if (insn->reads >= 0 && mmio->vector < 0)
		bad |= differ("bytes read", insn->reads, mmio->reads, insn, start);
	if (insn->writes >= 0 && mmio->vector < 0)
		bad |= differ("bytes written", insn->writes, mmio->writes, insn, start);
	return bad;
}

/* Were some of the instruction's accesses made before it was declined? */
static bool halfway(const struct insn *insn, const struct result *mmio)
{
	if ((!mmio->reads || mmio->reads == insn->reads || insn->reads < 0) &&
	    (!mmio->writes || mmio->writes == insn->writes || insn->writes < 0))
		return false;
	test_note("%s: declined after %d bytes were read and %d written", insn->name,
		  mmio->reads, mmio->writes);
	return true;
}

/* Where exceptions get lost, a difference counts when it is seen twice. */
static bool differs_again(struct machine *m, const struct insn *insn, int start, uint8_t *ram)
{
	static struct result cpu, mmio;

	quiet = false;
	set_slot(m, OPERAND_SLOT, 0, G_OPERAND, OPERAND_SIZE, ram);
	run_one(m, insn, ram, &starts[start], &cpu);
	set_slot(m, OPERAND_SLOT, 0, G_OPERAND, 0, ram);
	run_one(m, insn, NULL, &starts[start], &mmio);
	return compare_one(insn, start, &cpu, &mmio);
}

static bool compare_once_or_twice(struct machine *m, const struct insn *insn, int start,
				  uint8_t *ram, const struct result *cpu,
				  const struct result *mmio)
{
	quiet = exceptions_get_lost();
	return compare_one(insn, start, cpu, mmio) &&
	       (!quiet || differs_again(m, insn, start, ram));
}

static void enable_avx(struct machine *m)
{
	struct kvm_sregs s = get_sregs(m);
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs[0] = { .xcr = 0, .value = 7 } };

	if (!cpu_has(m, X86_FEATURE_XSAVE))
		return;
	s.cr4 |= X86_CR4_OSXSAVE;
	set_sregs(m, &s);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_XCRS, &x));
}

static void compare_insns(const void *arg)
{
	const struct insn_list *list = arg;
	struct machine *m = machine_new();
	uint8_t *ram = anon_mem(OPERAND_SIZE);
	struct result *cpu, *mmio;
	int nr_starts = list->nr_starts ?: ARRAY_LEN(starts);
	int i, j, bad = 0, declined = 0, n = list->nr * nr_starts;

	cpu = calloc(n, sizeof(*cpu));
	mmio = calloc(1, sizeof(*mmio));
	CHECK(cpu && mmio, "out of memory");
	machine_mode(m, MODE_LONG);
	enable_avx(m);
	set_slot(m, OPERAND_SLOT, 0, G_OPERAND, OPERAND_SIZE, ram);
	for (i = 0; i < n; i++)
		run_one(m, &list->insns[i / nr_starts], ram, &starts[i % nr_starts], &cpu[i]);
	set_slot(m, OPERAND_SLOT, 0, G_OPERAND, 0, ram);
	for (i = 0; i < list->nr; i++) {
		for (j = 0; j < nr_starts; j++) {
			struct result *want = &cpu[i * nr_starts + j];

			if (want->vector == UD_VECTOR) {
				test_note("%s: not on this CPU", list->insns[i].name);
				break;
			}
			run_one(m, &list->insns[i], NULL, &starts[j], mmio);
			if (mmio->declined) {
				declined++;
				test_note("%s: declined", list->insns[i].name);
				bad += halfway(&list->insns[i], mmio);
				break;
			}
			bad += compare_once_or_twice(m, &list->insns[i], j, ram, want, mmio);
		}
	}
	CHECK(!declined || list->may_decline, "%d instructions declined", declined);
	CHECK(!bad, "%d differences", bad);
}

int compare_lists(const struct insn_list *lists, int nr, int argc, char **argv)
{
	int i;

	for (i = 0; i < nr; i++)
		add_test(compare_insns, &lists[i], "%s", lists[i].name);
	return run_tests(argc, argv);
}
