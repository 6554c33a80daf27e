// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user-mode CPU around the emulator: the memory and segments that the child
 * process has, and none of the rest, since CPL 3 gets none.
 */
#include "emu_case.h"

u8 model_data[DATA_BYTES], model_ro[RO_BYTES];

static struct cpu_state *regs;
static u8 code[CODE_BYTES];
static bool strayed;

static struct x86_segment segs[NR_SELS];

static void get_segment(struct emu_ctxt *c, enum x86_seg seg, struct x86_segment *s)
{
	if (seg < NR_SELS)
		*s = segs[seg];
	else
		model_segment(seg, 0, s);
}

static void set_segment(struct emu_ctxt *c, enum x86_seg seg, const struct x86_segment *s)
{
	if (seg < NR_SELS)
		segs[seg] = *s;
	else
		strayed = true;
}

u64 model_linear(const struct emu_ctxt *c, unsigned int seg, u64 off)
{
	if (emu_is64(c))
		return seg == X86_SEG_FS || seg == X86_SEG_GS ? segs[seg].base + off : off;
	return (segs[seg].base + off) & 0xffffffff;
}

static void get_gdt(struct emu_ctxt *c, struct x86_table *t)
{
	*t = host.gdt;
}

static void get_idt(struct emu_ctxt *c, struct x86_table *t)
{
	*t = host.idt;
}

/* Where @la is in the model; NULL with @known if nothing is mapped there. */
static u8 *find(u64 la, bool write, bool *present, bool *known)
{
	static const struct {
		u64 base;
		u32 len;
		u8 *mem;
		bool writable;
	} map[] = {
		{ CODE_BASE, CODE_BYTES, code, false },
		{ DATA_BASE, DATA_BYTES, model_data, true },
		{ RO_BASE, RO_BYTES, model_ro, false },
	};
	unsigned int i;

	*present = false;
	*known = true;
	for (i = 0; i < 3; i++) {
		if (la - map[i].base < map[i].len) {
			*present = true;
			return write && !map[i].writable ? NULL : map[i].mem + (la - map[i].base);
		}
	}
	*known = la < 0x10000 || (la >= CODE_BASE && la < CODE_BASE + 0x10000) ||
		 (la >= DATA_BASE && la < SPACE_END);
	/* Linux reports the kernel's half as present. */
	if (la >= 0xffff800000000000 && la < 0xffffffff00000000) {
		*present = true;
		*known = true;
	}
	return NULL;
}

static enum emu_status access_memory(struct emu_ctxt *c, u64 la, void *buf, unsigned int len,
				     u32 acc, bool store)
{
	bool write = acc & X86_ACC_WRITE, present, known;
	unsigned int i;
	u8 *p;

	if (acc & X86_ACC_SYSTEM || !c->cpl) {
		p = system_memory(la);
		if (!p || !buf || len > 64 || system_memory(la + len - 1) != p + len - 1) {
			strayed = true;
			return EMU_FAIL;
		}
		if (store)
			memcpy(p, buf, len);
		else
			memcpy(buf, p, len);
		return EMU_OK;
	}
	for (i = 0; i < len; i++) {
		p = find(la + i, write, &present, &known);
		if (!known) {
			strayed = true;
			return EMU_FAIL;
		}
		if (!p) {
			c->fault = (struct x86_fault){
				.vector = VEC_PF, .has_error = true, .cr2 = la + i,
				.error_code = 4 | present | write << 1 |
					      !!(acc & X86_ACC_FETCH) << 4,
			};
			return EMU_FAULT;
		}
	}
	for (i = 0; buf && i < len; i++) {
		p = find(la + i, write, &present, &known);
		if (store)
			*p = ((const u8 *)buf)[i];
		else
			((u8 *)buf)[i] = *p;
	}
	return EMU_OK;
}

static enum emu_status do_fetch(struct emu_ctxt *c, u64 la, void *buf, unsigned int len)
{
	return access_memory(c, la, buf, len, X86_ACC_FETCH, false);
}

static enum emu_status do_read(struct emu_ctxt *c, u64 la, void *buf, unsigned int len, u32 acc)
{
	return access_memory(c, la, buf, len, acc, false);
}

static enum emu_status do_write(struct emu_ctxt *c, u64 la, const void *buf, unsigned int len,
				u32 acc)
{
	return access_memory(c, la, (void *)buf, len, acc | X86_ACC_WRITE, true);
}

static enum emu_status do_cmpxchg(struct emu_ctxt *c, u64 la, const void *old, const void *new,
				  unsigned int len)
{
	u8 cur[16];
	enum emu_status st = do_read(c, la, cur, len, X86_ACC_WRITE);

	if (st != EMU_OK)
		return st;
	if (memcmp(cur, old, len))
		return EMU_RETRY;
	return do_write(c, la, new, len, X86_ACC_WRITE);
}

static enum emu_status do_probe(struct emu_ctxt *c, u64 la, unsigned int len, u32 acc)
{
	return access_memory(c, la, NULL, len, acc, false);
}

static u64 get_cr(struct emu_ctxt *c, int cr)
{
	switch (cr) {
	case 0:
		return host.umip ? 0x80050033 : host.cr0;
	case 4:
		return CR4_OSFXSR | (host.osxsave ? CR4_OSXSAVE : 0) |
		       (host.umip ? CR4_UMIP : 0) | (host.fsgsbase ? CR4_FSGSBASE : 0);
	}
	return 0;
}

static u64 get_xcr(struct emu_ctxt *c, u32 index)
{
	u32 lo, hi;

	asm volatile("xgetbv" : "=a" (lo), "=d" (hi) : "c" (0));
	return lo | (u64)hi << 32;
}

static u64 do_rdtsc(struct emu_ctxt *c, u32 *aux)
{
	*aux = host.tsc_aux;
	return 0;
}

static void do_cpuid(struct emu_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	asm volatile("cpuid" : "+a" (*eax), "=b" (*ebx), "+c" (*ecx), "=d" (*edx));
}

static u64 get_efer(struct emu_ctxt *c)
{
	return EFER_SCE | EFER_LMA;
}

static void get_vec(struct emu_ctxt *c, int reg, void *buf, unsigned int len)
{
	memcpy(buf, regs->vec[reg], len);
}

static void set_vec(struct emu_ctxt *c, int reg, const void *buf, unsigned int len)
{
	memcpy(regs->vec[reg], buf, len);
}

/*
 * Into this machine's registers and out again: reserved bits, and what else the CPU
 * does not take as it is. @in and @out are in the format of the instructions.
 */
#define ROUND_TRIP(in, restore, save, out) do {					\
	struct emu_fx own;							\
										\
	asm volatile("fxsave64 %0\n" restore " %2\n" save " %1\n fxrstor64 %0"	\
		     : "=m" (own), "=m" (out) : "m" (in));			\
} while (0)

static void fxsave(struct emu_ctxt *c, struct emu_fx *fx, bool wide)
{
	unsigned int i;

	memset(fx, 0, sizeof(*fx));
	memcpy(fx, regs->fx, FX_USED);
	for (i = 0; i < 16; i++)
		memcpy(fx->xmm[i], regs->vec[i], 16);
	if (!wide)
		ROUND_TRIP(*fx, "fxrstor64", "fxsave", *fx);
}

static void fxrstor(struct emu_ctxt *c, const struct emu_fx *in, bool wide)
{
	struct emu_fx fx = { 0 };
	unsigned int i;

	if (wide)
		ROUND_TRIP(*in, "fxrstor64", "fxsave64", fx);
	else
		ROUND_TRIP(*in, "fxrstor", "fxsave64", fx);
	memcpy(regs->fx, &fx, FX_USED);
	for (i = 0; i < 16; i++)
		memcpy(regs->vec[i], fx.xmm[i], 16);
}

void model_fx(u8 *fx)
{
	struct emu_fx full = { 0 };

	memcpy(&full, fx, FX_USED);
	ROUND_TRIP(full, "fxrstor64", "fxsave64", full);
	memcpy(fx, &full, FX_USED);
}

static const struct emu_ops ops = {
	.fetch = do_fetch, .read = do_read, .write = do_write, .cmpxchg = do_cmpxchg,
	.probe = do_probe, .get_segment = get_segment, .set_segment = set_segment,
	.get_gdt = get_gdt, .get_idt = get_idt, .get_cr = get_cr, .get_efer = get_efer,
	.get_xcr = get_xcr, .rdtsc = do_rdtsc, .cpuid = do_cpuid, .get_vec = get_vec,
	.set_vec = set_vec, .fxsave = fxsave, .fxrstor = fxrstor,
	.cpu_has = this_cpu_has,
};

static void copy_windows(u8 *to0, u8 *to1, const u8 *from0, const u8 *from1)
{
	memcpy(to0, from0, WIN0_BYTES);
	memcpy(to1, from1, WIN1_BYTES);
}

static u8 before[DATA_BYTES];

void model_undo(void)
{
	memcpy(model_data, before, sizeof(before));
}

static void set_up(struct tcase *t, struct emu_ctxt *c)
{
	static const u8 modes[NR_PLACES] = { EMU_MODE_PROT64, EMU_MODE_PROT32, EMU_MODE_PROT32,
					     EMU_MODE_PROT16 };
	unsigned int room = CODE_BASE + CODE_BYTES - t->code, i;

	t->out = t->in;
	regs = &t->out;
	strayed = false;
	memset(code, 0xcc, sizeof(code));
	memcpy(code + (t->code - CODE_BASE), t->bytes, room < 16 ? room : 16);
	for (i = 0; i < NR_SELS; i++)
		model_segment(i, t->in.sel[i], &segs[i]);

	memset(c, 0, sizeof(*c));
	c->ops = &ops;
	c->mode = modes[t->place];
	c->cpl = 3;
	c->long_mode_active = true;
	c->vendor_amd = host.amd;
	memcpy(c->gpr, t->in.gpr, sizeof(c->gpr));
	c->rip = t->in.rip;
	c->rflags = t->in.rflags;
}

enum emu_status model_decode(struct tcase *t, struct emu_ctxt *c)
{
	set_up(t, c);
	return emu_decode(c, NULL, 0);
}

/* What is left: of the instruction, or of the way into the kernel and back. */
static void take_results(struct tcase *t, struct emu_ctxt *c, enum emu_status st)
{
	unsigned int i;

	for (i = 0; i < NR_SELS; i++)
		t->out.sel[i] = segs[i].selector;
	t->out.fs_base = segs[X86_SEG_FS].base;
	t->out.gs_base = segs[X86_SEG_GS].base;
	t->vector = st == EMU_FAULT ? c->fault.vector : COMPLETED;
	t->error = 0;
	if (st == EMU_FAULT && c->fault.has_error)
		t->error = c->fault.error_code;
	t->cr2 = t->vector == VEC_PF ? c->fault.cr2 : 0;
	if (st == EMU_OK && system_entered(c))
		system_leave(c, t);
	/* No single step before the NOP that follows MOV SS. */
	if (st == EMU_OK && c->block_mov_ss)
		c->rip++;
	memcpy(t->out.gpr, c->gpr, sizeof(c->gpr));
	t->out.rip = c->rip;
	t->out.rflags = c->rflags;
}

bool model_run(struct tcase *t, enum emu_status *st, struct emu_ctxt *c)
{
	u8 *win0 = model_data + (WIN0 - DATA_BASE), *win1 = model_data + (WIN1 - DATA_BASE);

	memcpy(before, model_data, sizeof(before));
	copy_windows(win0, win1, t->win_in, t->win_in + WIN0_BYTES);
	*st = model_decode(t, c);
	if (*st == EMU_OK)
		*st = emu_execute(c);
	take_results(t, c, *st);
	copy_windows(t->win_out, t->win_out + WIN0_BYTES, win0, win1);
	/* What an instruction stored before it faulted is not compared. */
	if (*st != EMU_OK && *st != EMU_FAULT)
		strayed = true;
	if (strayed || *st == EMU_FAULT || t->undo)
		model_undo();
	return !strayed;
}
