// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's side of the model: the descriptor tables that instructions of
 * CPL 3 look at, and the gates through which they enter the kernel and come
 * back as a signal. The GDT is the running kernel's as far as LAR and LSL show
 * it; of the rest it matters only that CPL 3 may not use it.
 */
#include <sys/auxv.h>
#include "emu_case.h"

#define SYS_BASE	0xfffffe0000000000ull
#define GDT_AT		0x0000
#define LDT_AT		0x1000
#define IDT_AT		0x2000
#define TSS_AT		0x3000
#define STACK_AT	0x4000
#define SYS_BYTES	0x5000
#define GDT_BYTES	0x80
#define IDT_BYTES	0x1000
#define HANDLER(v)	(SYS_BASE + 0x100000 + (v) * 16)
#define KERNEL_CS	0x10

struct host host;

const struct x86_segment ldt_segments[NR_LDT] = {
	[LDT_CODE16] = { .type = 0xb, .base = CODE_BASE, .limit = CODE_BYTES - 1 },
	[LDT_DATA16] = { .type = 3, .base = DATA_BASE, .limit = 0xffff },
	[LDT_LIMITED] = { .type = 3, .base = DATA_BASE, .limit = 0x1fff, .db = true },
	[LDT_DOWN] = { .type = 7, .base = DATA_BASE, .limit = 0xfff, .db = true },
	[LDT_RO] = { .type = 1, .base = DATA_BASE, .limit = 0x2fff, .db = true },
	[LDT_STACK32] = { .type = 3, .base = DATA_BASE, .limit = 0xfffff, .db = true },
	[LDT_XONLY] = { .type = 9, .base = DATA_BASE, .limit = 0xffff, .db = true },
	[LDT_DOWN16] = { .type = 7, .base = DATA_BASE, .limit = 0x7ff },
	[LDT_PAGES] = { .type = 3, .base = DATA_BASE, .limit = 0x2fff, .db = true, .g = true },
	[LDT_CODE32] = { .type = 0xb, .base = CODE_BASE, .limit = 0x17ff, .db = true },
	[LDT_ABSENT] = { .type = 3, .base = DATA_BASE, .limit = 0xffff, .db = true },
	[LDT_ABSENT_CODE] = { .type = 0xb, .base = CODE_BASE, .limit = 0x1fff, .db = true },
	[LDT_ABSENT_CONF] = { .type = 0xf, .base = CODE_BASE, .limit = 0x1fff, .db = true },
};

static u8 memory[SYS_BYTES];

static bool selector_access(u16 sel, u32 *access, u32 *limit)
{
	bool ok;

	*access = 0;
	*limit = 0;
	asm volatile("lar %2, %0" : "+r" (*access), "=@ccz" (ok) : "r" ((u32)sel));
	if (ok)
		asm volatile("lsl %1, %0" : "+r" (*limit) : "r" ((u32)sel) : "cc");
	return ok;
}

/* Linux has UMIP on where the CPU has it: SGDT and SIDT then give a limit of 0. */
static void find_tables(void)
{
	struct { u16 limit; u64 base; } __attribute__((packed)) t;

	asm volatile("sgdt %0" : "=m" (t));
	host.umip = !t.limit;
	if (!host.umip)
		host.gdt = (struct x86_table){ .base = t.base, .limit = t.limit };
	asm volatile("sidt %0" : "=m" (t));
	if (!host.umip)
		host.idt = (struct x86_table){ .base = t.base, .limit = t.limit };
	asm volatile("smsw %q0" : "=r" (host.cr0));
}

static bool rdpmc_for_all(void)
{
	FILE *f = fopen("/sys/bus/event_source/devices/cpu/rdpmc", "r");
	int mode = f ? fgetc(f) : 0;

	if (f)
		fclose(f);
	return mode == '2';
}

void find_host(void)
{
	u32 r[4], eax, edx;
	unsigned int i;

	host_cpuid(0, 0, r);
	host.intel = !memcmp(&r[1], "Genu", 4);
	host.amd = !memcmp(&r[1], "Auth", 4) || !memcmp(&r[1], "Hygo", 4);
	host_cpuid(1, 0, r);
	host.osxsave = r[2] >> 27 & 1;
	if (host.osxsave && r[2] >> 28 & 1) {
		asm volatile("xgetbv" : "=a" (eax), "=d" (edx) : "c" (0));
		host.avx = (eax & 6) == 6;
	}
	host_cpuid(0x80000001, 0, r);
	if (r[3] >> 27 & 1)
		asm volatile("rdtscp" : "=a" (eax), "=d" (edx), "=c" (host.tsc_aux));
	/* AT_HWCAP2 */
	host.fsgsbase = getauxval(26) & 2;
	host.rdpmc = rdpmc_for_all();
	host.gdt = (struct x86_table){ .base = SYS_BASE + GDT_AT, .limit = GDT_BYTES - 1 };
	host.idt = (struct x86_table){ .base = SYS_BASE + IDT_AT, .limit = IDT_BYTES - 1 };
	find_tables();
	for (i = 0; i < ARRAY_SIZE(host.desc); i++)
		if (!selector_access(i * 8 | 3, &host.desc[i].access, &host.desc[i].limit))
			host.desc[i].access = 0;
	/* Present, code, not 64-bit. */
	host.compat = (host.desc[SEL_USER32 / 8].access & 0x209800) == 0x9800;
}

/* What @sel names, as the running kernel or modify_ldt() made it. */
void system_descriptor(u16 sel, struct x86_segment *s)
{
	unsigned int i = sel >> 3;

	memset(s, 0, sizeof(*s));
	s->selector = sel;
	if (sel & 4) {
		if (!host.ldt || i >= NR_LDT || !ldt_segments[i].type)
			return;
		*s = ldt_segments[i];
		s->selector = sel;
		s->s = true;
		s->dpl = 3;
		s->present = i < LDT_ABSENT;
		return;
	}
	if (i >= ARRAY_SIZE(host.desc) || !host.desc[i].access) {
		s->s = true;
		s->present = true;
		s->type = i == KERNEL_CS >> 3 ? 0xb : 3;
		s->l = i == KERNEL_CS >> 3;
		s->limit = 0xffffffff;
		s->g = true;
		return;
	}
	s->type = host.desc[i].access >> 8 & 15;
	s->s = host.desc[i].access >> 12 & 1;
	s->dpl = host.desc[i].access >> 13 & 3;
	s->present = host.desc[i].access >> 15 & 1;
	s->avl = host.desc[i].access >> 20 & 1;
	s->l = host.desc[i].access >> 21 & 1;
	s->db = host.desc[i].access >> 22 & 1;
	s->g = host.desc[i].access >> 23 & 1;
	s->limit = host.desc[i].limit;
}

static void put_descriptor(unsigned int at, u16 sel)
{
	struct x86_segment s;
	u64 d, limit;

	system_descriptor(sel, &s);
	limit = s.g ? s.limit >> 12 : s.limit;
	d = (limit & 0xffff) | (s.base & 0xffffff) << 16 | (u64)s.type << 40 | (u64)s.s << 44 |
	    (u64)s.dpl << 45 | (u64)s.present << 47 | (limit >> 16 & 15) << 48 |
	    (u64)s.avl << 52 | (u64)s.l << 53 | (u64)s.db << 54 | (u64)s.g << 55 |
	    (s.base >> 24 & 0xff) << 56;
	memcpy(memory + at, &d, 8);
}

void system_init(void)
{
	u64 stack = SYS_BASE + SYS_BYTES, gate[2];
	u16 no_bitmap = 0x8000;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(host.desc); i++)
		put_descriptor(GDT_AT + 8 * i, i * 8);
	for (i = 0; i < NR_LDT; i++)
		put_descriptor(LDT_AT + 8 * i, LDT_SEL(i));
	for (i = 0; i < 256; i++) {
		u64 dpl = i == VEC_BP || i == VEC_OF ? 3 : 0;

		gate[0] = (HANDLER(i) & 0xffff) | KERNEL_CS << 16 | (0x8e00 | dpl << 13) << 32 |
			  (HANDLER(i) >> 16 & 0xffff) << 48;
		gate[1] = HANDLER(i) >> 32;
		memcpy(memory + IDT_AT + 16 * i, gate, 16);
	}
	memcpy(memory + TSS_AT + 4, &stack, 8);
	memcpy(memory + TSS_AT + 102, &no_bitmap, 2);
}

/* Where @la is in the model's memory of the kernel, or NULL. */
u8 *system_memory(u64 la)
{
	if (la - host.gdt.base < GDT_BYTES)
		return memory + GDT_AT + (la - host.gdt.base);
	if (la - host.idt.base < IDT_BYTES)
		return memory + IDT_AT + (la - host.idt.base);
	return la - SYS_BASE < SYS_BYTES ? memory + (la - SYS_BASE) : NULL;
}

bool system_entered(const struct emu_ctxt *c)
{
	return !c->cpl && c->rip >= HANDLER(0) && c->rip < HANDLER(256);
}

/* What the kernel finds on its stack is what the signal handler is shown. */
void system_leave(struct emu_ctxt *c, struct tcase *t)
{
	u64 *frame = (u64 *)system_memory(c->gpr[RSP]);

	t->vector = (c->rip - HANDLER(0)) / 16;
	if (t->vector == VEC_DB)
		t->vector = COMPLETED;
	c->rip = frame[0];
	t->out.sel[X86_SEG_CS] = frame[1];
	c->rflags = frame[2];
	c->gpr[RSP] = frame[3];
	t->out.sel[X86_SEG_SS] = frame[4];
}

void model_segment(enum x86_seg seg, u16 sel, struct x86_segment *s)
{
	switch (seg) {
	case X86_SEG_TR:
		*s = (struct x86_segment){ .selector = 0x40, .type = 11, .present = true,
					   .limit = 0x67, .base = SYS_BASE + TSS_AT };
		break;
	case X86_SEG_LDTR:
		if (!host.ldt) {
			*s = (struct x86_segment){ .unusable = true };
			break;
		}
		*s = (struct x86_segment){ .selector = 0x50, .type = 2, .present = true,
					   .limit = NR_LDT * 8 - 1, .base = SYS_BASE + LDT_AT };
		break;
	default:
		if (sel & ~3) {
			system_descriptor(sel, s);
			break;
		}
		*s = (struct x86_segment){ .selector = sel, .unusable = true };
	}
}
