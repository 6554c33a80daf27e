// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine that the unit tests run instructions on.
 */
#include "emu_mach.h"

static struct mach *mach_of(struct emu_ctxt *c)
{
	return c->priv;
}

/* One device access; its answer is there if it has been asked for before. */
static enum emu_status device(struct mach *m, u8 kind, u64 addr, void *buf, unsigned int len)
{
	struct dev_access *a = &m->log[m->pos];

	if (m->pos == 64 || len > sizeof(a->data)) {
		m->broken = true;
		return EMU_FAIL;
	}
	if (m->pos < m->answered) {
		if (a->kind != kind || a->addr != addr || a->len != len ||
		    ((kind == DEV_WRITE || kind == DEV_OUT) && memcmp(a->data, buf, len)))
			m->broken = true;
		if (kind == DEV_READ || kind == DEV_IN)
			memcpy(buf, a->data, len);
		m->pos++;
		return EMU_OK;
	}
	a->kind = kind;
	a->addr = addr;
	a->len = len;
	if (kind == DEV_WRITE || kind == DEV_OUT)
		memcpy(a->data, buf, len);
	m->asked = true;
	return EMU_IO;
}

/* What was asked is done. */
static void answer(struct mach *m, struct dev_access *a)
{
	unsigned int i;

	switch (a->kind) {
	case DEV_READ:
		memcpy(a->data, m->mem + a->addr, a->len);
		break;
	case DEV_WRITE:
		memcpy(m->mem + a->addr, a->data, a->len);
		break;
	case DEV_IN:
		for (i = 0; i < a->len; i++)
			a->data[i] = m->port_next++;
		break;
	}
}

static void note(struct mach *m, const struct dev_access *a)
{
	if (m->nr_done < 64)
		m->done[m->nr_done] = *a;
	m->nr_done++;
}

static unsigned int pieces(u64 la, unsigned int len)
{
	unsigned int first = 4096 - la % 4096;

	if (len <= first)
		return (len + 7) / 8;
	return (first + 7) / 8 + (len - first + 7) / 8;
}

/* Counts an access; not EMU_OK if it is of a device and cannot be. */
static enum emu_status touch(struct mach *m, u64 la, unsigned int len)
{
	m->broken |= len > 64;
	m->touched += pieces(la, len);
	if (m->c.switching && (m->room || la + len > DEVICE_BASE))
		return EMU_FAIL;
	return m->room && m->touched > m->room ? EMU_IO : EMU_OK;
}

static enum emu_status use_device(struct mach *m, u8 kind, u64 addr, void *buf, unsigned int len)
{
	struct dev_access a = { .kind = kind, .addr = addr, .len = len };

	if (m->wait)
		return device(m, kind, addr, buf, len);
	if (len > sizeof(a.data)) {
		m->broken = true;
		return EMU_FAIL;
	}
	memcpy(a.data, buf, kind == DEV_WRITE || kind == DEV_OUT ? len : 0);
	answer(m, &a);
	if (kind == DEV_READ || kind == DEV_IN)
		memcpy(buf, a.data, len);
	note(m, &a);
	return EMU_OK;
}

static enum emu_status check_page(struct mach *m, u64 la, u32 acc)
{
	struct emu_ctxt *c = &m->c;
	bool user = c->cpl == 3 && !(acc & X86_ACC_SYSTEM), write = acc & X86_ACC_WRITE;
	bool absent = la >= MACH_BYTES || la / 4096 == m->absent / 4096;

	if (!absent && !(write && la / 4096 == m->read_only / 4096) && !(user && la < SUPER_END))
		return EMU_OK;
	c->fault = (struct x86_fault){
		.vector = VEC_PF, .has_error = true, .cr2 = la,
		.error_code = (absent ? 0 : 1) | write << 1 | user << 2 |
			      !!(acc & X86_ACC_FETCH) << 4,
	};
	return EMU_FAULT;
}

static enum emu_status check_range(struct mach *m, u64 la, unsigned int len, u32 acc)
{
	enum emu_status st = check_page(m, la, acc);

	if (st == EMU_OK && la / 4096 != (la + len - 1) / 4096)
		st = check_page(m, (la + len - 1) & ~4095ull, acc);
	return st;
}

static enum emu_status do_fetch(struct emu_ctxt *c, u64 la, void *buf, unsigned int len)
{
	struct mach *m = mach_of(c);
	enum emu_status st = check_range(m, la, len, X86_ACC_FETCH);

	if (st == EMU_OK)
		memcpy(buf, m->mem + la, len);
	return st;
}

static enum emu_status do_read(struct emu_ctxt *c, u64 la, void *buf, unsigned int len, u32 acc)
{
	struct mach *m = mach_of(c);
	enum emu_status st = check_range(m, la, len, acc);

	if (st == EMU_OK)
		st = touch(m, la, len);
	if (st != EMU_OK)
		return st;
	m->write_reads += !!(acc & X86_ACC_WRITE);
	if (la >= DEVICE_BASE)
		return use_device(m, DEV_READ, la, buf, len);
	memcpy(buf, m->mem + la, len);
	return EMU_OK;
}

static enum emu_status do_write(struct emu_ctxt *c, u64 la, const void *buf, unsigned int len,
				u32 acc)
{
	struct mach *m = mach_of(c);
	enum emu_status st = check_range(m, la, len, acc | X86_ACC_WRITE);

	if (st == EMU_OK)
		st = touch(m, la, len);
	if (st != EMU_OK)
		return st;
	if (la >= DEVICE_BASE)
		return use_device(m, DEV_WRITE, la, (void *)buf, len);
	memcpy(m->mem + la, buf, len);
	return EMU_OK;
}

static enum emu_status do_cmpxchg(struct emu_ctxt *c, u64 la, const void *old, const void *new,
				  unsigned int len)
{
	struct mach *m = mach_of(c);

	m->cmpxchgs++;
	if (la < DEVICE_BASE && memcmp(m->mem + la, old, len))
		return EMU_RETRY;
	return do_write(c, la, new, len, X86_ACC_WRITE);
}

static enum emu_status do_probe(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc)
{
	struct mach *m = mach_of(c);

	if (la / 4096 != (la + len - 1) / 4096)
		m->broken = true;
	c->probed_device = m->room || la >= DEVICE_BASE;
	return check_range(m, la, len, acc);
}

static enum emu_status do_in(struct emu_ctxt *c, u16 port, unsigned int size, void *buf,
			     unsigned int count)
{
	if (count * size > 4096)
		mach_of(c)->broken = true;
	return use_device(mach_of(c), DEV_IN, port, buf, size * count);
}

static enum emu_status do_out(struct emu_ctxt *c, u16 port, unsigned int size, const void *buf,
			      unsigned int count)
{
	return use_device(mach_of(c), DEV_OUT, port, (void *)buf, size * count);
}

static void get_segment(struct emu_ctxt *c, enum x86_seg seg, struct x86_segment *s)
{
	*s = mach_of(c)->seg[seg];
}

static void set_segment(struct emu_ctxt *c, enum x86_seg seg, const struct x86_segment *s)
{
	mach_of(c)->seg[seg] = *s;
}

static void get_gdt(struct emu_ctxt *c, struct x86_table *t)
{
	*t = mach_of(c)->gdt;
}

static void set_gdt(struct emu_ctxt *c, const struct x86_table *t)
{
	mach_of(c)->gdt = *t;
}

static void get_idt(struct emu_ctxt *c, struct x86_table *t)
{
	*t = mach_of(c)->idt;
}

static void set_idt(struct emu_ctxt *c, const struct x86_table *t)
{
	mach_of(c)->idt = *t;
}

static u64 get_cr(struct emu_ctxt *c, int cr)
{
	return mach_of(c)->cr[cr];
}

static enum emu_status set_cr(struct emu_ctxt *c, int cr, u64 val)
{
	mach_of(c)->cr[cr] = val;
	return EMU_OK;
}

static u64 get_dr(struct emu_ctxt *c, int dr)
{
	return mach_of(c)->dr[dr];
}

static enum emu_status set_dr(struct emu_ctxt *c, int dr, u64 val)
{
	mach_of(c)->dr[dr] = val;
	return EMU_OK;
}

/* One MSR exists, and those of system calls. */
static enum emu_status get_msr(struct emu_ctxt *c, u32 msr, u64 *val)
{
	if (msr >= 0x174 && msr <= 0x176) {
		*val = mach_of(c)->sysenter[msr - 0x174];
		return EMU_OK;
	}
	if (msr >= 0xc0000081 && msr <= 0xc0000084) {
		*val = mach_of(c)->star[msr - 0xc0000081];
		return EMU_OK;
	}
	if (msr != mach_of(c)->msr_index)
		return emu_raise(c, VEC_GP, 0);
	*val = mach_of(c)->msr_value;
	return EMU_OK;
}

static enum emu_status set_msr(struct emu_ctxt *c, u32 msr, u64 val)
{
	if (msr != mach_of(c)->msr_index)
		return emu_raise(c, VEC_GP, 0);
	mach_of(c)->msr_value = val;
	return EMU_OK;
}

static u64 get_efer(struct emu_ctxt *c)
{
	return mach_of(c)->efer;
}

static u64 get_xcr(struct emu_ctxt *c, u32 index)
{
	return mach_of(c)->xcr0;
}

static enum emu_status set_xcr(struct emu_ctxt *c, u32 index, u64 val)
{
	mach_of(c)->xcr_written = val;
	return EMU_OK;
}

static enum emu_status rdpmc(struct emu_ctxt *c, u32 index, u64 *val)
{
	*val = 0x100000002ull + index;
	return EMU_OK;
}

static u64 rdtsc(struct emu_ctxt *c, u32 *aux)
{
	*aux = 77;
	return 0x500000006ull;
}

static void cpuid(struct emu_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	*ebx = *eax + 1;
	*edx = *ecx + 2;
	*eax = 10;
	*ecx = 20;
}

static enum emu_status halt(struct emu_ctxt *c)
{
	mach_of(c)->halts++;
	return EMU_OK;
}

static enum emu_status invlpg(struct emu_ctxt *c, u64 la)
{
	mach_of(c)->invlpg = la;
	return EMU_OK;
}

static enum emu_status wbinvd(struct emu_ctxt *c)
{
	mach_of(c)->wbinvds++;
	return EMU_OK;
}

static enum emu_status hypercall(struct emu_ctxt *c)
{
	mach_of(c)->hypercalls++;
	c->gpr[RAX] = 1234;
	return EMU_OK;
}

static void get_vec(struct emu_ctxt *c, int reg, void *buf, unsigned int len)
{
	memcpy(buf, mach_of(c)->vec[reg], len);
}

static void set_vec(struct emu_ctxt *c, int reg, const void *buf, unsigned int len)
{
	memcpy(mach_of(c)->vec[reg], buf, len);
}

static void fxsave(struct emu_ctxt *c, struct emu_fx *fx, bool wide)
{
	*fx = mach_of(c)->fx;
}

static void fxrstor(struct emu_ctxt *c, const struct emu_fx *fx, bool wide)
{
	mach_of(c)->fx = *fx;
}

static const struct emu_ops ops = {
	.fetch = do_fetch, .read = do_read, .write = do_write, .cmpxchg = do_cmpxchg,
	.probe = do_probe, .pio_in = do_in, .pio_out = do_out,
	.get_segment = get_segment, .set_segment = set_segment,
	.get_gdt = get_gdt, .set_gdt = set_gdt, .get_idt = get_idt, .set_idt = set_idt,
	.get_cr = get_cr, .set_cr = set_cr, .get_dr = get_dr, .set_dr = set_dr,
	.get_msr = get_msr, .set_msr = set_msr, .get_efer = get_efer,
	.get_xcr = get_xcr, .set_xcr = set_xcr, .rdpmc = rdpmc, .rdtsc = rdtsc, .cpuid = cpuid,
	.halt = halt, .invlpg = invlpg, .wbinvd = wbinvd, .hypercall = hypercall,
	.get_vec = get_vec, .set_vec = set_vec, .fxsave = fxsave, .fxrstor = fxrstor,
};

u64 mach_get(struct mach *m, u64 la, unsigned int len)
{
	u64 val = 0;

	memcpy(&val, m->mem + la, len);
	return val;
}

void mach_put(struct mach *m, u64 la, u64 val, unsigned int len)
{
	memcpy(m->mem + la, &val, len);
}

void mach_desc(struct mach *m, u16 sel, u64 base, u32 limit, u8 access, u8 flags)
{
	u64 la = GDT_BASE + (sel & ~7);

	mach_put(m, la, (limit & 0xffff) | (base & 0xffff) << 16, 4);
	mach_put(m, la + 4, (base >> 16 & 0xff) | access << 8 | (limit & 0xf0000) | flags << 20 |
		 (base & 0xff000000), 4);
	if (!(access & 0x10) && m->c.long_mode_active)
		mach_put(m, la + 8, base >> 32, 8);
}

void mach_gate(struct mach *m, bool idt, u16 at, u16 sel, u64 off, u8 access, u8 count)
{
	u64 la = (idt ? IDT_BASE : GDT_BASE) + at;

	mach_put(m, la, (off & 0xffff) | (u32)sel << 16, 4);
	mach_put(m, la + 4, (off & 0xffff0000) | access << 8 | count, 4);
	if (m->c.long_mode_active)
		mach_put(m, la + 8, off >> 32, 8);
}

void mach_load(struct mach *m, enum x86_seg seg, u16 sel)
{
	struct emu_raw_desc r = { 0 };

	memcpy(&r, m->mem + GDT_BASE + (sel & ~7), m->c.long_mode_active ? 16 : 8);
	emu_unpack_desc(sel, &r, &m->seg[seg]);
	if (m->seg[seg].s)
		m->seg[seg].type |= 1;
	if (seg == X86_SEG_SS)
		m->c.cpl = sel & 3;
}

static void set_up_protected(struct mach *m)
{
	bool is64 = m->c.mode == EMU_MODE_PROT64, is16 = m->c.mode == EMU_MODE_PROT16;
	u8 code = is64 ? 0xa : is16 ? 0 : 0xc, data = is16 ? 0 : 0xc;
	u32 limit = is16 ? 0xffff : 0xfffff;
	unsigned int i;

	m->c.long_mode_active = is64;
	m->cr[0] = 0x80000031;
	m->cr[4] = CR4_OSFXSR | CR4_OSXSAVE | CR4_FSGSBASE;
	m->efer = is64 ? 0xd01 : 0;
	mach_desc(m, SEL_CODE0, 0, limit, 0x9b, code);
	mach_desc(m, SEL_DATA0, 0, limit, 0x93, data);
	mach_desc(m, SEL_CODE3, 0, limit, 0xfb, code);
	mach_desc(m, SEL_DATA3, 0, limit, 0xf3, data);
	mach_desc(m, SEL_CONF, 0, limit, 0x9f, code);
	mach_desc(m, SEL_ABSENT, 0, limit, 0x73, data);
	mach_desc(m, SEL_RO, 0, limit, 0xf1, data);
	mach_desc(m, SEL_CODE16, 0, 0xffff, 0x9b, 0);
	mach_desc(m, SEL_TSS, TSS_BASE, 0xfff, 0x8b, 0);
	mach_desc(m, SEL_TSS2, TSS2_BASE, 0xfff, 0x89, 0);
	mach_desc(m, SEL_LDT, LDT_BASE, 0xff, 0x82, 0);
	for (i = 0; i < 6; i++)
		mach_load(m, i, i == X86_SEG_CS ? SEL_CODE0 : SEL_DATA0);
	mach_load(m, X86_SEG_TR, SEL_TSS);
	if (is64) {
		mach_put(m, TSS_BASE + 4, STACK0, 8);
	} else {
		mach_put(m, TSS_BASE + 4, STACK0, 4);
		mach_put(m, TSS_BASE + 8, SEL_DATA0, 4);
	}
	mach_put(m, TSS_BASE + 102, 0xffff, 2);
}

struct mach *mach_new(enum emu_mode mode)
{
	static struct mach m;
	unsigned int i;

	memset(&m, 0, sizeof(m));
	m.c.ops = &ops;
	m.c.priv = &m;
	m.c.mode = mode;
	m.c.rflags = FL_FIXED;
	m.c.rip = CODE;
	m.c.gpr[RSP] = STACK;
	m.gdt = (struct x86_table){ GDT_BASE, 0xfff };
	m.idt = (struct x86_table){ IDT_BASE, 0xfff };
	m.absent = ~0ull;
	m.read_only = ~0ull;
	m.xcr0 = 7;
	m.seg[X86_SEG_LDTR].unusable = true;
	for (i = 0; i < 6; i++)
		m.seg[i] = (struct x86_segment){ .type = 3, .s = true, .present = true,
						 .limit = 0xffff };
	if (mode == EMU_MODE_REAL || mode == EMU_MODE_VM86) {
		m.cr[0] = mode == EMU_MODE_REAL ? 0x10 : 0x80000031;
		m.c.rip = 0x100;
		m.seg[X86_SEG_CS].selector = CODE >> 4;
		m.seg[X86_SEG_CS].base = CODE;
		m.seg[X86_SEG_DS].selector = DATA >> 4;
		m.seg[X86_SEG_DS].base = DATA;
		m.seg[X86_SEG_SS].selector = 0x2000;
		m.seg[X86_SEG_SS].base = 0x20000;
		m.c.gpr[RSP] = 0xff00;
		m.idt = (struct x86_table){ 0, 0x3ff };
	} else {
		set_up_protected(&m);
	}
	if (mode == EMU_MODE_PROT16)
		m.c.rip = 0x4000;
	return &m;
}

struct mach *mach_at_cpl_3(enum emu_mode mode)
{
	struct mach *m = mach_new(mode);
	unsigned int i;

	for (i = 0; i < 6; i++)
		mach_load(m, i, i == X86_SEG_CS ? SEL_CODE3 : SEL_DATA3);
	m->c.cpl = 3;
	return m;
}

/* After EMU_OK the instruction must have used all answers and wait for none. */
static void retire(struct mach *m)
{
	unsigned int i;

	for (i = 0; i < m->answered; i++)
		note(m, &m->log[i]);
	m->broken |= m->pos != m->answered || m->asked;
	m->answered = 0;
}

static enum emu_status execute(struct mach *m)
{
	struct emu_ctxt before;
	enum emu_status st;

	for (;;) {
		m->pos = 0;
		m->asked = false;
		m->touched = 0;
		before = m->c;
		st = emu_execute(&m->c);
		if (st != EMU_IO || !m->asked)
			break;
		if (memcmp(before.gpr, m->c.gpr, sizeof(before.gpr)) || before.rip != m->c.rip ||
		    before.rflags != m->c.rflags || before.cpl != m->c.cpl)
			m->broken = true;
		m->waits++;
		answer(m, &m->log[m->answered++]);
	}
	if (st == EMU_OK) {
		retire(m);
		count_success(m->c.insn.desc);
	}
	return st;
}

enum emu_status mach_exec(struct mach *m, const void *code, unsigned int len)
{
	u64 la = m->seg[X86_SEG_CS].base + m->c.rip;
	enum emu_status st;

	if (la > MACH_BYTES - len)
		return EMU_FAIL;
	memcpy(m->mem + la, code, len);
	st = emu_decode(&m->c, NULL, 0);
	return st == EMU_OK ? execute(m) : st;
}

enum emu_status mach_finish(struct mach *m, const void *code, unsigned int len,
			    unsigned int *calls)
{
	enum emu_status st;

	*calls = 0;
	do {
		st = mach_exec(m, code, len);
		++*calls;
	} while (st == EMU_OK && m->c.more && *calls < 100000);
	return st;
}

bool mach_trap(struct mach *m, enum emu_status st, u8 vector, u32 error)
{
	return st == EMU_OK && m->c.fault.trap && mach_fault(m, EMU_FAULT, vector, error);
}

bool mach_fault(struct mach *m, enum emu_status st, u8 vector, u32 error)
{
	if (st == EMU_FAULT && m->c.fault.vector == vector && m->c.fault.error_code == error)
		return true;
	printf("# status %d vector %u error %#x, not vector %u error %#x\n", st,
	       m->c.fault.vector, m->c.fault.error_code, vector, error);
	return false;
}
