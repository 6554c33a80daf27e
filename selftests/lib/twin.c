// SPDX-License-Identifier: GPL-2.0-only
/* Running an instruction on the CPU and in the emulator from the same state. */
#include "fep.h"
#include "twin.h"

#define MAX_EXITS	8
#define FLAG_NT		0x4000
#define FLAG_IOPL3	0x3000
#define FLAG_VM		0x20000

static const uint32_t msrs[] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_FS_BASE, MSR_GS_BASE,
	MSR_KERNEL_GS_BASE, MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP,
	MSR_IA32_SYSENTER_EIP, MSR_IA32_CR_PAT,
};

struct seen_exit {
	uint32_t reason;
	uint16_t port;
	uint8_t size, in;
	uint32_t count, data;
};

/* Everything there is. */
struct state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	struct kvm_xcrs xcrs;
	uint64_t msr[ARRAY_LEN(msrs)];
	struct seen_exit exits[MAX_EXITS];
	unsigned int nr_exits;
	uint8_t *mem;
};

/* --- the environments ------------------------------------------------------------ */

void twin_gate(struct machine *m, uint64_t at, uint16_t sel, uint64_t off, uint8_t type,
	       uint8_t params)
{
	uint64_t *g = guest_mem(m, at);

	g[0] = (off & 0xffff) | (uint64_t)sel << 16 | (uint64_t)params << 32 |
	       (uint64_t)type << 40 | (off >> 16 & 0xffff) << 48;
	if (m->mode == MODE_LONG)
		g[1] = off >> 32;
}

static void fill_descriptors(struct machine *m)
{
	uint64_t *gdt = guest_mem(m, G_GDT), *ldt = guest_mem(m, TW_LDT);
	bool is_long = m->mode == MODE_LONG;
	uint16_t code = is_long ? SEL_CODE64 : SEL_CODE32;
	uint16_t acc = is_long ? ACC_CODE64 : ACC_CODE32;
	uint16_t code1 = is_long ? SEL_CODE64 : SEL_CODE1;

	gdt[SEL_CONF / 8] = gdt_entry(0, ~0U, acc | 4);
	gdt[SEL_CODE1 / 8] = gdt_entry(0, ~0U, acc | 0x20);
	gdt[SEL_DATA1 / 8] = gdt_entry(0, ~0U, ACC_DATA | 0x20);
	gdt[SEL_NP_CODE / 8] = gdt_entry(0, ~0U, acc & ~0x80);
	gdt[SEL_NP_DATA / 8] = gdt_entry(0, ~0U, ACC_DATA & ~0x80);
	gdt[SEL_RO_DATA / 8] = gdt_entry(0, ~0U, 0xc090);
	gdt[SEL_LDT / 8] = gdt_entry(TW_LDT, 0x3f, ACC_LDT);
	gdt[SEL_TSS2 / 8] = gdt_entry(TW_TSS2, 0x67, 0x89);
	gdt[SEL_NP_TSS / 8] = gdt_entry(TW_TSS2, 0x67, 0x09);
	/* With RPL and DPL 3, so that ring 3 may use them. */
	twin_gate(m, G_GDT + SEL_GATE0, code, TW_TARGET, 0xec, 0);
	twin_gate(m, G_GDT + SEL_GATE1, code1, TW_TARGET, 0xec, is_long ? 0 : 2);
	twin_gate(m, G_GDT + SEL_GATE_CONF, SEL_CONF, TW_TARGET, 0xec, 0);
	twin_gate(m, G_GDT + SEL_GATE_NP, code, TW_TARGET, 0x6c, 0);
	if (!is_long)
		gdt[SEL_TASK_GATE / 8] = (uint64_t)SEL_TSS2 << 16 | 0xe5ULL << 40;
	ldt[0] = gdt_entry(0, ~0U, acc | ACC_DPL3);
	ldt[1] = gdt_entry(0, ~0U, ACC_DATA | ACC_DPL3);
}

/* INT n of ring 3: 0x60 interrupt gate, 0x61 trap gate, 0x62 task gate, 0x63 absent, ... */
static void fill_gates(struct machine *m)
{
	unsigned int size = m->mode == MODE_LONG ? 16 : 8;
	uint16_t code = m->mode == MODE_LONG ? SEL_CODE64 : SEL_CODE32;
	static const uint8_t types[] = { 0xee, 0xef, 0xe5, 0x6e, 0xec, 0xe6, 0xee, 0xee };
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		uint16_t sel = types[i] == 0xe5 ? SEL_TSS2 : i == 6 ? SEL_CONF :
			       i == 7 ? SEL_UCODE32 : code;

		twin_gate(m, G_IDT + (0x60 + i) * size, sel, G_STUBS + (0x60 + i) * 16,
			  types[i], 0);
	}
	/* Ring 3 may execute INT3 and INTO. */
	((uint8_t *)guest_mem(m, G_IDT + 3 * size))[5] |= 0x60;
	((uint8_t *)guest_mem(m, G_IDT + 4 * size))[5] |= 0x60;
}

/* The second task, and the stacks in the first one's TSS. */
static void fill_tasks(struct machine *m)
{
	uint32_t *tss = guest_mem(m, G_TSS), *t2 = guest_mem(m, TW_TSS2);
	uint64_t stacks[2] = { TW_STACK0, TW_STACK1 };
	unsigned int i;

	if (m->mode == MODE_LONG) {
		memcpy(tss + 1, stacks, sizeof(stacks));
		return;
	}
	tss[1] = TW_STACK0;
	tss[2] = SEL_DATA;
	tss[3] = TW_STACK1;
	tss[4] = SEL_DATA1 | 1;
	t2[1] = TW_STACK0;
	t2[2] = SEL_DATA;
	t2[8] = TW_TARGET;
	t2[9] = 2;
	for (i = 10; i < 18; i++)
		t2[i] = 0x11111111 * i;
	t2[14] = TW_STACK0 - 0x100;
	for (i = 18; i < 24; i++)
		t2[i] = i == 19 ? SEL_CODE32 : SEL_DATA;
	t2[25] = 0x68 << 16;
}

/* The TLB is not flushed between the runs: everything has been accessed and written. */
static void fill_pages(struct machine *m)
{
	uint64_t *tables = guest_mem(m, G_PML4);
	unsigned int i;

	for (i = 0; i < (G_PT + 0x1000 - G_PML4) / 8; i++)
		if (tables[i] & PTE_P)
			tables[i] |= PTE_A | PTE_D;
	*guest_pte(m, TW_ABSENT) = 0;
	*guest_pte(m, TW_READONLY) &= ~PTE_W;
	*guest_pte(m, TW_SUPER) &= ~PTE_U;
	*guest_pte(m, TW_NOEXEC) |= PTE_NX;
}

/* The I/O permission bitmap opens ports 0x70 to 0x7f to ring 3. */
static void fill_bitmap(struct machine *m)
{
	uint8_t *tss = guest_mem(m, G_TSS);

	tss[0x66] = 0x68;
	memset(tss + 0x68, 0xff, 0x20);
	memset(tss + 0x68 + 0x70 / 8, 0, 2);
}

static const enum mode modes[] = {
	[TW_REAL] = MODE_REAL, [TW_VM86] = MODE_PROT32, [TW_PROT16] = MODE_PROT16,
	[TW_PROT32] = MODE_PROT32, [TW_LONG] = MODE_LONG, [TW_COMPAT] = MODE_LONG,
};

static struct kvm_segment v86_segment(uint16_t sel)
{
	return make_segment(sel, sel << 4, 0xffff, ACC_DATA16 | ACC_DPL3);
}

/* Segments of 64 KiB at the code, the data and the stack. */
static void small_segments(enum twin_env env, struct kvm_regs *r, struct kvm_sregs *s)
{
	if (env == TW_PROT16) {
		s->cs.base = TW_CODE;
		s->ss.base = TW_DATA;
	} else if (env == TW_REAL) {
		s->ss = s->ds;
	} else {
		s->cs = v86_segment(TW_CODE >> 4);
		s->ds = v86_segment(TW_DATA >> 4);
		s->es = s->ds;
		s->fs = s->ds;
		s->gs = s->ds;
		s->ss = s->ds;
		r->rflags |= FLAG_VM;
	}
	r->rsp = TW_STACK - TW_DATA;
	r->rbx = 0;
	r->rip = TW_INSN - TW_CODE;
}

static void ring3(enum twin_env env, struct kvm_sregs *s)
{
	uint16_t code = env == TW_LONG ? SEL_UCODE64 : SEL_UCODE32;

	s->cs = make_segment(code, 0, ~0U, (env == TW_LONG ? ACC_CODE64 : ACC_CODE32) | ACC_DPL3);
	s->ss = make_segment(SEL_UDATA, 0, ~0U, ACC_DATA | ACC_DPL3);
	s->ds = s->ss;
	s->es = s->ss;
}

static void set_flags(uint32_t f, struct kvm_regs *r, struct kvm_sregs *s)
{
	r->rflags |= (f & TW_IOPL ? FLAG_IOPL3 : 0) | (f & TW_TF ? FLAG_TF : 0) |
		     (f & TW_NT ? FLAG_NT : 0) | (f & TW_AC ? FLAG_AC : 0) |
		     (f & TW_OF ? FLAG_OF : 0);
	s->cr0 |= f & TW_AC ? CR0_AM : 0;
	s->cr4 |= f & TW_VME ? X86_CR4_VME | X86_CR4_PVI : 0;
}

static void put_stack(struct machine *m, const struct twin *t, enum twin_env env,
		      const struct kvm_regs *r, const struct kvm_sregs *s)
{
	unsigned int word = t->word, i;

	if (!word)
		word = env == TW_LONG ? 8 : env == TW_PROT32 || env == TW_COMPAT ? 4 : 2;
	for (i = 0; i < ARRAY_LEN(t->stack); i++)
		memcpy((uint8_t *)guest_mem(m, s->ss.base + r->rsp) + i * word, &t->stack[i],
		       word);
}

/* The state that a case starts from, RIP at the instruction. */
static void prepare(struct machine *m, const struct twin *t, enum twin_env env, uint32_t flags,
		    struct kvm_regs *r, struct kvm_sregs *s)
{
	static const uint8_t prefix[] = { 0x0f, 0x0b, 'k', 'v', 'm' };

	memcpy(guest_mem(m, TW_CODE), prefix, sizeof(prefix));
	memcpy(guest_mem(m, TW_INSN), t->code, t->len);
	if (env < TW_PROT32)
		small_segments(env, r, s);
	if (env == TW_COMPAT)
		s->cs = make_segment(SEL_CODE32, 0, ~0U, ACC_CODE32);
	if (flags & TW_R3)
		ring3(env, s);
	set_flags(flags, r, s);
	r->rax = t->ax;
	r->rcx = t->cx;
	r->rdx = t->dx;
	r->rbx = t->bx ?: r->rbx;
	r->rsp = t->sp ?: r->rsp;
	memcpy(guest_mem(m, TW_DATA), t->data, sizeof(t->data));
	if (!t->sp)
		put_stack(m, t, env, r, s);
	if (t->prep)
		t->prep(m, r, s);
}

/* --- running ------------------------------------------------------------------------ */

/* The machine's memory of which a copy is @mem. */
static struct machine *make_machine(enum twin_env env, struct kvm_regs *r, struct kvm_sregs *s)
{
	struct machine *m = machine_new();

	machine_mode(m, modes[env]);
	memset(guest_mem(m, TW_CODE), 0xf4, 0x8000);
	if (env != TW_REAL) {
		fill_descriptors(m);
		fill_gates(m);
		fill_tasks(m);
		fill_bitmap(m);
	}
	if (m->mode == MODE_LONG)
		fill_pages(m);
	*r = get_regs(m);
	*s = get_sregs(m);
	if (env != TW_REAL)
		s->tr.limit = 0x87;
	s->ldt = make_segment(SEL_LDT, TW_LDT, 0x3f, ACC_LDT);
	r->rsp = TW_STACK;
	r->rbx = TW_DATA;
	r->rip = TW_INSN;
	return m;
}

static void set_msrs(struct machine *m)
{
	static const uint64_t values[ARRAY_LEN(msrs)] = {
		(uint64_t)(SEL_DATA + 0x0b) << 48 | (uint64_t)SEL_CODE64 << 32, TW_TARGET,
		TW_TARGET + 0x100, 0x4700, 0, 0, 0x12345678, SEL_CODE64, TW_STACK0, TW_TARGET,
		0x0007040600070406,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(msrs); i++)
		if (msrs[i] != MSR_FS_BASE && msrs[i] != MSR_GS_BASE)
			set_msr(m, msrs[i], values[i]);
}

static void set_all(struct machine *m, const struct kvm_regs *r, const struct kvm_sregs *s)
{
	struct kvm_debugregs d = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };
	struct kvm_vcpu_events ev;
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = 1 } } };

	vcpu_events_get(m->vcpu, &ev);
	memset(&ev, 0, sizeof(ev));
	ev.flags = KVM_VCPUEVENT_VALID_SHADOW;
	vcpu_events_set(m->vcpu, &ev);
	set_sregs(m, s);
	set_regs(m, r);
	vcpu_debugregs_set(m->vcpu, &d);
	ioctl(m->vcpu->fd, KVM_SET_XCRS, &x);
	set_msrs(m);
}

/* Answers what leaves for user space until the guest halts. */
static void run_to_end(struct machine *m, struct state *st)
{
	uint32_t answer = 0x5aa5c33c;

	for (st->nr_exits = 0; st->nr_exits < MAX_EXITS;) {
		struct seen_exit *e = &st->exits[st->nr_exits++];
		uint8_t *data;

		e->reason = run_vcpu(m->vcpu);
		if (e->reason != KVM_EXIT_IO)
			return;
		data = (uint8_t *)m->run + m->run->io.data_offset;
		e->port = m->run->io.port;
		e->size = m->run->io.size;
		e->count = m->run->io.count;
		e->in = m->run->io.direction == KVM_EXIT_IO_IN;
		if (e->in)
			memcpy(data, &answer, e->size);
		else
			memcpy(&e->data, data, e->size);
	}
}

static void get_all(struct machine *m, struct state *st)
{
	unsigned int i;

	st->regs = get_regs(m);
	st->sregs = get_sregs(m);
	vcpu_debugregs_get(m->vcpu, &st->debug);
	ioctl(m->vcpu->fd, KVM_GET_XCRS, &st->xcrs);
	for (i = 0; i < ARRAY_LEN(msrs); i++)
		st->msr[i] = get_msr(m, msrs[i]);
	memcpy(st->mem, m->low, TWIN_BYTES);
}

/* --- comparison ------------------------------------------------------------------------ */

static unsigned int differences;
static bool quiet;

static void differs(const struct twin *t, uint32_t flags, const char *what, uint64_t cpu,
		    uint64_t emu)
{
	if (differences++ < 30 && !quiet)
		test_note("%s (%s%s): %s: CPU %#llx, emulator %#llx", t->name,
			  flags & TW_R3 ? "ring 3" : "ring 0", flags & TW_TF ? ", TF" : "", what,
			  (unsigned long long)cpu, (unsigned long long)emu);
}

#define SAME(what, x) do {						\
	if ((uint64_t)(a->x) != (uint64_t)(b->x))			\
		differs(t, flags, what, a->x, b->x);			\
} while (0)

static void same_segment(const struct twin *t, uint32_t flags, const char *name,
			 const struct kvm_segment *a, const struct kvm_segment *b)
{
	char what[40];
	unsigned int i;
	const uint8_t *pa = (const uint8_t *)&a->selector, *pb = (const uint8_t *)&b->selector;

	if (a->selector != b->selector)
		differs(t, flags, name, a->selector, b->selector);
	snprintf(what, sizeof(what), "%s unusable", name);
	if (a->unusable != b->unusable)
		differs(t, flags, what, a->unusable, b->unusable);
	if (a->unusable || b->unusable)
		return;
	snprintf(what, sizeof(what), "%s base", name);
	if (a->base != b->base)
		differs(t, flags, what, a->base, b->base);
	snprintf(what, sizeof(what), "%s limit", name);
	if (a->limit != b->limit)
		differs(t, flags, what, a->limit, b->limit);
	/* Selector, type, present, dpl, db, s, l, g, avl. */
	for (i = 2; i < 10; i++) {
		snprintf(what, sizeof(what), "%s attribute %u", name, i - 2);
		if (pa[i] != pb[i])
			differs(t, flags, what, pa[i], pb[i]);
	}
}

static void same_sregs(const struct twin *t, uint32_t flags, const struct kvm_sregs *a,
		       const struct kvm_sregs *b)
{
	same_segment(t, flags, "CS", &a->cs, &b->cs);
	same_segment(t, flags, "SS", &a->ss, &b->ss);
	same_segment(t, flags, "DS", &a->ds, &b->ds);
	same_segment(t, flags, "ES", &a->es, &b->es);
	same_segment(t, flags, "FS", &a->fs, &b->fs);
	same_segment(t, flags, "GS", &a->gs, &b->gs);
	same_segment(t, flags, "TR", &a->tr, &b->tr);
	same_segment(t, flags, "LDTR", &a->ldt, &b->ldt);
	SAME("GDT base", gdt.base);
	SAME("GDT limit", gdt.limit);
	SAME("IDT base", idt.base);
	SAME("IDT limit", idt.limit);
	SAME("CR0", cr0);
	SAME("CR2", cr2);
	SAME("CR3", cr3);
	SAME("CR4", cr4);
	SAME("CR8", cr8);
	SAME("EFER", efer);
}

static void same_regs(const struct twin *t, uint32_t flags, const struct kvm_regs *a,
		      const struct kvm_regs *b)
{
	if (!(flags & TW_NO_AX)) {
		SAME("RAX", rax);
		SAME("RDX", rdx);
	}
	SAME("RBX", rbx);
	SAME("RCX", rcx);
	SAME("RSI", rsi);
	SAME("RDI", rdi);
	SAME("RSP", rsp);
	SAME("RBP", rbp);
	SAME("R11", r11);
	SAME("RIP", rip);
	SAME("RFLAGS", rflags);
}

static bool is_segment_base(uint32_t msr)
{
	return msr == MSR_FS_BASE || msr == MSR_GS_BASE;
}

static void page_differs(const struct twin *t, uint32_t flags, unsigned int at,
			 const uint8_t *a, const uint8_t *b)
{
	char what[40];
	unsigned int i;

	for (i = at; i < at + 4096; i += 4) {
		uint32_t va, vb;

		memcpy(&va, a + i, 4);
		memcpy(&vb, b + i, 4);
		snprintf(what, sizeof(what), "memory at %#x", i);
		if (va != vb)
			differs(t, flags, what, va, vb);
	}
}

static void same_state(const struct twin *t, uint32_t flags, const struct state *a,
		       const struct state *b)
{
	unsigned int i;
	char what[40];

	for (i = 0; i < MAX_EXITS && (i < a->nr_exits || i < b->nr_exits); i++) {
		SAME("exit", exits[i].reason);
		SAME("port", exits[i].port);
		SAME("port size", exits[i].size);
		SAME("port direction", exits[i].in);
		SAME("port data", exits[i].data);
	}
	same_regs(t, flags, &a->regs, &b->regs);
	same_sregs(t, flags, &a->sregs, &b->sregs);
	for (i = 0; i < 4; i++)
		SAME("DR0 to 3", debug.db[i]);
	SAME("DR6", debug.dr6);
	SAME("DR7", debug.dr7);
	SAME("XCR0", xcrs.xcrs[0].value);
	for (i = 0; i < ARRAY_LEN(msrs); i++) {
		/* A null segment has no base, but in long mode. */
		if (is_segment_base(msrs[i]) && !(a->sregs.efer & EFER_LMA_BIT))
			continue;
		snprintf(what, sizeof(what), "MSR %#x", msrs[i]);
		SAME(what, msr[i]);
	}
	for (i = 0; i < TWIN_BYTES / 4096; i++)
		if (memcmp(a->mem + i * 4096, b->mem + i * 4096, 4096))
			page_differs(t, flags, i * 4096, a->mem, b->mem);
}

static void run_twice(struct machine *m, const struct twin *t, enum twin_env env, uint32_t flags,
		      struct kvm_regs r, struct kvm_sregs s, const uint8_t *empty)
{
	static struct state cpu, emu;
	static uint8_t *start;
	static bool warm;
	struct kvm_regs at_prefix;
	int i;

	if (!start) {
		start = anon_mem(TWIN_BYTES);
		cpu.mem = anon_mem(TWIN_BYTES);
		emu.mem = anon_mem(TWIN_BYTES);
	}
	memcpy(m->low, empty, TWIN_BYTES);
	prepare(m, t, env, flags, &r, &s);
	memcpy(start, m->low, TWIN_BYTES);
	memset(cpu.exits, 0, sizeof(cpu.exits));
	memset(emu.exits, 0, sizeof(emu.exits));

	/*
	 * The first time, EPT violations show the guest an RF that is not its own. In a new
	 * machine Bochs 2.7 also keeps a single step pending from them, for the time after.
	 */
	for (i = warm ? 1 : 0; i < 3; i++) {
		memcpy(m->low, start, TWIN_BYTES);
		set_all(m, &r, &s);
		run_to_end(m, &cpu);
	}
	warm = true;
	get_all(m, &cpu);

	memcpy(m->low, start, TWIN_BYTES);
	at_prefix = r;
	at_prefix.rip -= TW_INSN - TW_CODE;
	set_all(m, &at_prefix, &s);
	run_to_end(m, &emu);
	get_all(m, &emu);
	same_state(t, flags, &cpu, &emu);
}

/* Where exceptions get lost, a difference counts when it is seen twice. */
static unsigned int compare(struct machine *m, const struct twin *t, enum twin_env env,
			    uint32_t flags, const struct kvm_regs *r, const struct kvm_sregs *s,
			    const uint8_t *empty)
{
	unsigned int before = differences;

	quiet = exceptions_get_lost();
	run_twice(m, t, env, flags, *r, *s, empty);
	if (!quiet || differences == before)
		return 0;
	quiet = false;
	differences = before;
	run_twice(m, t, env, flags, *r, *s, empty);
	return differences == before;
}

static void run_group(const void *arg)
{
	const struct twin_group *g = arg;
	struct kvm_sregs s;
	struct kvm_regs r;
	uint8_t *empty = anon_mem(TWIN_BYTES);
	unsigned int i, runs = 0, once = 0;
	struct machine *m;

	/* And RF, which the exit at the prefix has set, is cleared again. */
	need_fep("3");
	m = make_machine(g->env, &r, &s);
	memcpy(empty, m->low, TWIN_BYTES);
	for (i = 0; i < g->nr; i++) {
		const struct twin *t = &g->cases[i];
		uint32_t flags = t->flags | g->flags;

		once += compare(m, t, g->env, flags, &r, &s, empty);
		runs++;
		if (flags & TW_BOTH && !(flags & TW_R0)) {
			once += compare(m, t, g->env, flags | TW_R3, &r, &s, empty);
			runs++;
		}
	}
	test_note("%u cases, %u differed once and not again", runs, once);
	CHECK(!differences, "%u differences", differences);
}

int twin_main(int argc, char **argv, const struct twin_group *groups, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		add_test(run_group, &groups[i], "%s", groups[i].name);
	return fep_run_tests(argc, argv);
}
