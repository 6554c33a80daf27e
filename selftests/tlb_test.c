// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translations that a CPU may keep over exits and entries. Each test reads through a window, so
 * that its translation is cached, makes an exit, changes the guest's page table behind it, and
 * then flushes by one of the ways there are: the next read must go to the new page. A machine
 * that keeps nothing over an exit passes whatever kvm does; kept_over_exit says which it is.
 */
#include <linux/kvm_para.h>
#include <sched.h>

#include "fep.h"
#include "guest.h"

#define G_WIN 0x60000			/* the window */
#define G_OLD 0x61000			/* where it leads at first, */
#define G_NEW 0x62000			/* and then */
#define G_WIN2 0x64000			/* another page of the same table, not read before */
#define G_PD32 0x30000			/* two-level paging: 4 MiB, identical */
#define G_PT32 0x31000
#define G_OTHER 0x32000			/* a copy of the top table, at another CR3 */
#define G_TABLE 0x33000			/* another last-level table */
#define G_STEAL 0x34000
#define G_TSS2 0x35000
#define SEL_TSS2 SEL_FREE
#define OLD 0x01d01d01
#define NEW 0x02e02e02

#define READ "mov " S(G_WIN) ", %eax\n"
#define WARM READ "out %eax, $0x10\n"
#define LOOK READ "out %eax, $0x11\n hlt\n"
#define WAY(name, bits, text) GUEST_CODE(name, bits, WARM text LOOK)
#define CR3_AGAIN "mov %cr3, %rcx\n mov %rcx, %cr3\n"
#define CR4_XOR(bit) "mov %cr4, %rcx\n xor $" #bit ", %rcx\n"
#define CR4_PGE_BIT 0x80
#define CR4_PCIDE_BIT 0x20000
#define CR4_SMEP_BIT 0x100000
#define INVPCID(type) "pushq $" S(G_WIN) "\n pushq $0\n mov $" #type ", %ecx\n"	\
	"invpcid (%rsp), %rcx\n"
#define CR0_PG_OFF "mov %cr0, %ecx\n and $0x7fffffff, %ecx\n"
#define CR0_PG_ON "or $0x80000000, %ecx\n"

WAY(none, 64, "");
WAY(invlpg, 64, "invlpg " S(G_WIN) "\n");
WAY(invlpg_fep, 64, FEP "invlpg " S(G_WIN) "\n");
WAY(invpcid_address, 64, INVPCID(0));
WAY(invpcid_context, 64, INVPCID(1));
WAY(invpcid_all_global, 64, INVPCID(2));
WAY(invpcid_all, 64, INVPCID(3));
WAY(mov_cr3, 64, CR3_AGAIN);
WAY(mov_cr3_fep, 64, "mov %cr3, %rcx\n" FEP "mov %rcx, %cr3\n");
WAY(cr4_pge, 64, CR4_XOR(0x80) "mov %rcx, %cr4\n");
WAY(cr4_pge_fep, 64, CR4_XOR(0x80) FEP "mov %rcx, %cr4\n");
WAY(cr4_pcide, 64, CR4_XOR(0x20000) "mov %rcx, %cr4\n");
WAY(cr4_pcide_fep, 64, CR4_XOR(0x20000) FEP "mov %rcx, %cr4\n");
WAY(cr4_smep, 64, CR4_XOR(0x100000) "mov %rcx, %cr4\n");
WAY(cr4_smep_fep, 64, CR4_XOR(0x100000) FEP "mov %rcx, %cr4\n");
/* There and back in one go, and with an exit on the way. */
WAY(cr0_pg, 32, CR0_PG_OFF "mov %ecx, %cr0\n" CR0_PG_ON "mov %ecx, %cr0\n");
WAY(cr0_pg_fep, 32, CR0_PG_OFF FEP "mov %ecx, %cr0\n" CR0_PG_ON FEP "mov %ecx, %cr0\n");
/* The second task begins right behind the jump. */
GUEST_CODE(task_switch, 32, WARM "ljmp $" S(SEL_TSS2) ", $0\n task: " LOOK);
GUEST_LABEL(task);
/* Another page of the table: only the entry above it can be cached. */
GUEST_CODE(upper_level, 64, WARM FEP "invlpg 0x200000\n"
	   "mov " S(G_WIN2) ", %eax\n out %eax, $0x11\n hlt\n");
GUEST_CODE(fault_read, 64, WARM FEP "mov " S(G_WIN) ", %ebx\n faulted_read: " LOOK);
GUEST_CODE(fault_write, 64, WARM FEP "mov %ebx, " S(G_WIN) "\n faulted_write: " LOOK);
GUEST_LABEL(faulted_read);
GUEST_LABEL(faulted_write);
GUEST_CODE(elsewhere, 64, WARM CR3_AGAIN READ "out %eax, $0x12\n" LOOK);

static uint32_t *word(struct machine *m, uint64_t gpa)
{
	return guest_mem(m, gpa);
}

/* Nothing below sets special registers between the two reads but where that is the way. */
static struct machine *window(enum mode mode, const uint8_t *code, const uint8_t *end)
{
	struct machine *m = machine_new();
	int i;

	machine_load(m, G_CODE, code, end);
	machine_mode(m, mode);
	*word(m, G_OLD) = OLD;
	*word(m, G_NEW) = NEW;
	*word(m, G_WIN2) = OLD;
	if (mode == MODE_LONG) {
		*guest_pte(m, G_WIN) = G_OLD | PTE_P | PTE_W | PTE_U;
		memcpy(guest_mem(m, G_OTHER), guest_mem(m, G_PML4), 4096);
		return m;
	}
	for (i = 0; i < 1024; i++)
		word(m, G_PT32)[i] = i << 12 | PTE_P | PTE_W;
	word(m, G_PT32)[G_WIN >> 12] = G_OLD | PTE_P | PTE_W;
	*word(m, G_PD32) = G_PT32 | PTE_P | PTE_W;
	*word(m, G_OTHER) = G_PT32 | PTE_P | PTE_W;
	return m;
}

static void cr_bits(struct machine *m, uint64_t cr3, uint64_t cr4, uint64_t cr0)
{
	struct kvm_sregs s = get_sregs(m);

	if (cr3)
		s.cr3 = cr3;
	s.cr4 |= cr4;
	s.cr0 |= cr0;
	set_sregs(m, &s);
}

#define WINDOW(mode, name) window(mode, name, name##_end)

static void remap(struct machine *m)
{
	*guest_pte(m, G_WIN) = (*guest_pte(m, G_WIN) & 0xfff) | G_NEW;
}

/* --- what the machine keeps ------------------------------------------------ */

static void kept_over_exit(const void *arg)
{
	struct machine *m = WINDOW(MODE_LONG, none);

	expect_out(m, 0x10, 4, OLD);
	remap(m);
	CHECK_EQ(run_vcpu(m->vcpu), KVM_EXIT_IO);
	test_note("this machine %s translations over an exit",
		  *(uint32_t *)((uint8_t *)m->run + m->run->io.data_offset) == OLD ?
		  "keeps" : "does not keep");
}

/* --- instructions ---------------------------------------------------------- */

static const struct way {
	const char *name;
	const uint8_t *code, *end;
	bool fep, global;
	enum { ANY_CPU, HAS_INVPCID, HAS_PCID, HAS_SMEP } cpu;
	uint64_t cr4, cr3;
} ways[] = {
#define W(n, ...) { .name = #n, .code = n, .end = n##_end, ##__VA_ARGS__ }
	W(invlpg, .global = true, .cr4 = CR4_PGE_BIT),
	W(invlpg_fep, .fep = true, .global = true, .cr4 = CR4_PGE_BIT),
	W(invpcid_address, .cpu = HAS_INVPCID),
	W(invpcid_context, .cpu = HAS_INVPCID),
	W(invpcid_all_global, .cpu = HAS_INVPCID, .global = true, .cr4 = CR4_PGE_BIT),
	W(invpcid_all, .cpu = HAS_INVPCID),
	W(mov_cr3),
	W(mov_cr3_fep, .fep = true),
	W(cr4_pge, .global = true, .cr4 = CR4_PGE_BIT),
	W(cr4_pge_fep, .fep = true, .global = true, .cr4 = CR4_PGE_BIT),
	W(cr4_pcide, .cpu = HAS_PCID, .cr4 = CR4_PCIDE_BIT),
	W(cr4_pcide_fep, .fep = true, .cpu = HAS_PCID, .cr4 = CR4_PCIDE_BIT),
	W(cr4_smep, .cpu = HAS_SMEP),
	W(cr4_smep_fep, .fep = true, .cpu = HAS_SMEP),
#undef W
};

/* The same in an address space with a number. */
static const struct way pcid_ways[] = {
	{ "mov_cr3_pcid", mov_cr3, mov_cr3_end, .cpu = HAS_PCID,
	  .cr4 = CR4_PCIDE_BIT, .cr3 = G_PML4 | 5 },
	{ "mov_cr3_pcid_fep", mov_cr3_fep, mov_cr3_fep_end, .fep = true,
	  .cpu = HAS_PCID, .cr4 = CR4_PCIDE_BIT, .cr3 = G_PML4 | 5 },
	{ "invlpg_pcid_fep", invlpg_fep, invlpg_fep_end, .fep = true,
	  .cpu = HAS_PCID, .cr4 = CR4_PCIDE_BIT, .cr3 = G_PML4 | 5 },
};

static void need_cpu(struct machine *m, const struct way *w)
{
	if ((w->cpu == HAS_INVPCID && !cpu_has(m, X86_FEATURE_INVPCID)) ||
	    (w->cpu == HAS_PCID && !cpu_has(m, X86_FEATURE_PCID)) ||
	    (w->cpu == HAS_SMEP && !cpu_has(m, X86_FEATURE_SMEP)))
		test_skip("this CPU does not have it");
}

static void by_instruction(const void *arg)
{
	const struct way *w = arg;
	struct machine *m;

	if (w->fep)
		need_fep("1");
	m = window(MODE_LONG, w->code, w->end);
	need_cpu(m, w);
	if (w->cr4 & CR4_PCIDE_BIT)
		cr_bits(m, G_PML4, w->cr4, 0);
	if (w->cr4 || w->cr3)
		cr_bits(m, w->cr3, w->cr4, 0);
	if (w->global)
		*guest_pte(m, G_WIN) |= PTE_G;
	/* With SMEP ring 0 does not execute user pages. */
	*guest_pte(m, G_CODE) &= ~PTE_U;
	expect_out(m, 0x10, 4, OLD);
	remap(m);
	expect_out(m, 0x11, 4, NEW);
	expect_hlt(m);
}

/* INVLPG drops the upper levels of every address (SDM 3A 4.10.4.1), which tables rely on. */
static void invlpg_upper_levels(const void *arg)
{
	struct machine *m;
	uint64_t *table;

	need_fep("1");
	m = WINDOW(MODE_LONG, upper_level);
	table = guest_mem(m, G_TABLE);
	memcpy(table, guest_mem(m, G_PT), 4096);
	table[G_WIN2 >> 12] = G_NEW | PTE_P | PTE_W | PTE_U;
	expect_out(m, 0x10, 4, OLD);
	*(uint64_t *)guest_mem(m, G_PD) = G_TABLE | PTE_P | PTE_W | PTE_U;
	expect_out(m, 0x11, 4, NEW);
	expect_hlt(m);
}

static void cr0_paging(const void *arg)
{
	const struct way *w = arg;
	struct machine *m;

	if (w->fep)
		need_fep("1");
	m = window(MODE_PROT32, w->code, w->end);
	cr_bits(m, G_PD32, CR4_PGE_BIT, CR0_PG);
	word(m, G_PT32)[G_WIN >> 12] |= PTE_G;
	expect_out(m, 0x10, 4, OLD);
	word(m, G_PT32)[G_WIN >> 12] = G_NEW | PTE_P | PTE_W | PTE_G;
	expect_out(m, 0x11, 4, NEW);
	expect_hlt(m);
}

static void by_task_switch(const void *arg)
{
	struct machine *m = WINDOW(MODE_PROT32, task_switch);
	uint64_t *gdt = guest_mem(m, G_GDT);
	uint32_t *tss = guest_mem(m, G_TSS2);
	int i;

	gdt[SEL_TSS2 / 8] = gdt_entry(G_TSS2, 0x67, 0x89);
	memset(tss, 0, 0x68);
	tss[7] = G_OTHER;			/* CR3 */
	tss[8] = G_CODE + (task - task_switch);
	tss[9] = 2;
	tss[14] = G_STACK;
	for (i = 18; i <= 23; i++)
		tss[i] = i == 19 ? SEL_CODE32 : SEL_DATA;
	cr_bits(m, G_PD32, 0, CR0_PG);
	expect_out(m, 0x10, 4, OLD);
	word(m, G_PT32)[G_WIN >> 12] = G_NEW | PTE_P | PTE_W;
	expect_out(m, 0x11, 4, NEW);
	expect_hlt(m);
}

/* --- faults ---------------------------------------------------------------- */

static const struct fault {
	const char *name;
	const uint8_t *code, *end, *faulted;
	uint64_t warm, at_fault;	/* of the entry */
	uint32_t error;
} faults[] = {
	{ "fault_not_present", fault_read, fault_read_end, faulted_read, PTE_P, 0, 0 },
	{ "fault_read_only", fault_write, fault_write_end, faulted_write, PTE_P, PTE_P, 3 },
};

/*
 * A page fault drops what was cached of its address (SDM 3A 4.10.4.1), so who handles one only
 * writes the entry; also one that kvm finds and delivers.
 */
static void by_fault(const void *arg)
{
	const struct fault *f = arg;
	struct machine *m;
	struct kvm_regs r;
	struct event e;

	need_fep("1");
	m = window(MODE_LONG, f->code, f->end);
	*guest_pte(m, G_WIN) = G_OLD | f->warm;
	expect_out(m, 0x10, 4, OLD);
	*guest_pte(m, G_WIN) = G_OLD | f->at_fault;
	e = expect_event(m, PF_VECTOR);
	CHECK_EQ(e.error, f->error);
	*guest_pte(m, G_WIN) = G_NEW | PTE_P | PTE_W;
	r = get_regs(m);
	r.rip = G_CODE + (f->faulted - f->code);
	set_regs(m, &r);
	expect_out(m, 0x11, 4, NEW);
	expect_hlt(m);
}

/* --- user space and kvm ---------------------------------------------------- */

static void by_sregs(struct machine *m)
{
	cr_bits(m, G_OTHER, 0, 0);
}

static void by_sregs2(struct machine *m)
{
	struct kvm_sregs2 s;

	if (vm_check_cap(m->vm, KVM_CAP_SREGS2) <= 0)
		test_skip("KVM_CAP_SREGS2 is not offered");
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_SREGS2, &s));
	s.cr3 = G_OTHER;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_SREGS2, &s));
}

static void by_sync_regs(struct machine *m)
{
	if (!(vm_check_cap(m->vm, KVM_CAP_SYNC_REGS) & KVM_SYNC_X86_SREGS))
		test_skip("KVM_CAP_SYNC_REGS without special registers");
	m->run->s.regs.sregs = get_sregs(m);
	m->run->s.regs.sregs.cr3 = G_OTHER;
	m->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
}

static const struct host_way {
	const char *name;
	void (*fn)(struct machine *m);
} host_ways[] = {
	{ "set_sregs", by_sregs }, { "set_sregs2", by_sregs2 }, { "sync_regs", by_sync_regs },
};

static void by_host(const void *arg)
{
	const struct host_way *w = arg;
	struct machine *m = WINDOW(MODE_LONG, none);

	expect_out(m, 0x10, 4, OLD);
	remap(m);
	w->fn(m);
	expect_out(m, 0x11, 4, NEW);
	expect_hlt(m);
}

static bool has_pv(const struct kvm_cpuid2 *cpuid, int bit)
{
	int i;

	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == KVM_CPUID_FEATURES)
			return cpuid->entries[i].eax >> bit & 1;
	return false;
}

/* Another vCPU would set the flag while this one does not run. */
static void by_steal_time(const void *arg)
{
	const struct kvm_cpuid2 *cpuid = kvm_get_supported_cpuid();
	struct machine *m = WINDOW(MODE_LONG, none);
	volatile struct kvm_steal_time *st = guest_mem(m, G_STEAL);

	if (!has_pv(cpuid, KVM_FEATURE_STEAL_TIME) || !has_pv(cpuid, KVM_FEATURE_PV_TLB_FLUSH))
		test_skip("this kvm does not flush by the flag of steal time");
	set_msr(m, MSR_KVM_STEAL_TIME, G_STEAL | KVM_MSR_ENABLED);
	expect_out(m, 0x10, 4, OLD);
	remap(m);
	/* A kvm may set the flag at every exit to user space or only when the vCPU is preempted. */
	st->preempted = KVM_VCPU_PREEMPTED | KVM_VCPU_FLUSH_TLB;
	expect_out(m, 0x11, 4, NEW);
	CHECK(!(st->preempted & KVM_VCPU_FLUSH_TLB), "the request is still there");
	expect_hlt(m);
}

/* --- other CPUs, other vCPUs ----------------------------------------------- */

/* The guest flushes on the second CPU: what the first one has cached is stale afterwards. */
static void moved_and_back(const void *arg)
{
	struct machine *m = WINDOW(MODE_LONG, elsewhere);

	if (!pin_thread(pthread_self(), 1))
		test_skip("there is one CPU");
	pin(0);
	expect_out(m, 0x10, 4, OLD);
	remap(m);
	pin(1);
	expect_out(m, 0x12, 4, NEW);
	pin(0);
	expect_out(m, 0x11, 4, NEW);
	expect_hlt(m);
}

/*
 * A vCPU gets what those of VMs before it had: the number that tags translations, and now and
 * then the pages of their tables. Another VM keeps VMX on, which begins with nothing.
 */
static void used_again(const void *arg)
{
	struct machine *m;
	int i;

	machine_new_novcpu();
	for (i = 0; i < 20; i++) {
		m = WINDOW(MODE_LONG, none);
		*word(m, G_OLD) = i;
		expect_out(m, 0x10, 4, i);
		expect_out(m, 0x11, 4, i);
		machine_free(m);
	}
}

#define XAPIC 0xfee00000UL

static void xapic_user(uint64_t i)
{
	volatile uint32_t *version = (void *)(XAPIC + APIC_LVR);
	uint64_t base;

	if (i) {
		guest_x2apic();
		guest_sync(0);
		guest_sync(*version & 0xff);
		base = rdmsr(MSR_IA32_APICBASE);
		wrmsr(MSR_IA32_APICBASE, base & ~(MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE));
		wrmsr(MSR_IA32_APICBASE, (base & ~X2APIC_ENABLE) | MSR_IA32_APICBASE_ENABLE);
	}
	guest_sync(*version & 0xff);
}

/*
 * A vCPU in x2APIC mode reads the page of the xAPIC, then changes to xAPIC mode. The CPU may have
 * cached the translation, and must virtualize accesses to the page all the same (SDM 3C 30.4.5).
 */
static void xapic_appears(const void *arg)
{
	struct guest *g = guest_new(2, CHIP_FULL);

	guest_code(g, 0, xapic_user, 0);
	guest_code(g, 1, xapic_user, 1);
	guest_run(g, 1);
	CHECK_EQ(guest_run(g, 0), 0x14);
	guest_run(g, 1);
	CHECK_EQ(guest_run(g, 1), 0x14);
}

int main(int argc, char **argv)
{
	static const struct way pg = { .code = cr0_pg, .end = cr0_pg_end };
	static const struct way pg_fep = { .code = cr0_pg_fep, .end = cr0_pg_fep_end, .fep = true };
	int i;

	TEST(kept_over_exit);
	for (i = 0; i < ARRAY_LEN(ways); i++)
		add_test(by_instruction, &ways[i], "%s", ways[i].name);
	for (i = 0; i < ARRAY_LEN(pcid_ways); i++)
		add_test(by_instruction, &pcid_ways[i], "%s", pcid_ways[i].name);
	TEST(invlpg_upper_levels);
	add_test(cr0_paging, &pg, "cr0_pg");
	add_test(cr0_paging, &pg_fep, "cr0_pg_fep");
	add_test(by_task_switch, NULL, "task_switch");
	for (i = 0; i < ARRAY_LEN(faults); i++)
		add_test(by_fault, &faults[i], "%s", faults[i].name);
	for (i = 0; i < ARRAY_LEN(host_ways); i++)
		add_test(by_host, &host_ways[i], "%s", host_ways[i].name);
	add_test(by_steal_time, NULL, "steal_time");
	TEST(moved_and_back);
	TEST(used_again);
	TEST(xapic_appears);
	return fep_run_tests(argc, argv);
}
