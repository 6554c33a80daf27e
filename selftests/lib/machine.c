// SPDX-License-Identifier: GPL-2.0-only
/* Making a machine: VM, memory, vCPU, descriptor tables, processor mode. */
#include "machine.h"

#define STUB_REAL_SEG (G_STUBS >> 4)
#define LONG_MAP_PDS 4

struct kvm_vm *bare_vm(void)
{
	return vm_create_barebones();
}

void *anon_mem(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED, "mmap of %zu bytes: %s", size, strerror(errno));
	return p;
}

bool exceptions_get_lost(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

int try_slot(struct machine *m, uint32_t slot, uint32_t flags, uint64_t gpa,
	     uint64_t size, void *hva)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return ioctl(m->vm->fd, KVM_SET_USER_MEMORY_REGION, &r);
}

void set_slot(struct machine *m, uint32_t slot, uint32_t flags, uint64_t gpa,
	      uint64_t size, void *hva)
{
	CHECK_OK(try_slot(m, slot, flags, gpa, size, hva));
}

/*
 * NOP and HLT for each vector. The NOP is for Bochs with several CPUs, which gives the
 * wrong RIP for a HLT exit right after an exception was delivered.
 */
static void fill_stubs(uint8_t *p)
{
	int v;

	memset(p, 0xf4, 0x1000);
	for (v = 0; v < 256; v++)
		p[v * 16] = 0x90;
}

struct machine *machine_new_novcpu(void)
{
	struct machine *m = calloc(1, sizeof(*m));

	CHECK(m, "out of memory");
	m->vm = bare_vm();
	m->low = anon_mem(LOW_SIZE);
	m->high = anon_mem(HIGH_SIZE);
	set_slot(m, 0, 0, 0, LOW_SIZE, m->low);
	set_slot(m, 1, 0, HIGH_BASE, HIGH_SIZE, m->high);
	fill_stubs(m->low + G_STUBS);
	return m;
}

void machine_add_vcpu(struct machine *m, const struct kvm_cpuid2 *cpuid)
{
	m->vcpu = __vm_vcpu_add(m->vm, 0);
	m->run = m->vcpu->run;
	if (cpuid)
		vcpu_init_cpuid(m->vcpu, cpuid);
}

struct machine *machine_new(void)
{
	struct machine *m = machine_new_novcpu();

	machine_add_vcpu(m, kvm_get_supported_cpuid());
	return m;
}

void machine_free(struct machine *m)
{
	kvm_vm_free(m->vm);
	munmap(m->low, LOW_SIZE);
	munmap(m->high, HIGH_SIZE);
	free(m);
}

void *guest_mem(struct machine *m, uint64_t gpa)
{
	if (gpa < LOW_SIZE)
		return m->low + gpa;
	CHECK(gpa >= HIGH_BASE && gpa < HIGH_BASE + HIGH_SIZE,
	      "no memory at 0x%llx", (unsigned long long)gpa);
	return m->high + (gpa - HIGH_BASE);
}

void machine_load(struct machine *m, uint64_t gpa, const uint8_t *code,
		  const uint8_t *end)
{
	/* One byte more: the HLT behind every block. */
	memcpy(guest_mem(m, gpa), code, end - code + 1);
}

uint64_t gdt_entry(uint32_t base, uint32_t limit, uint16_t access)
{
	uint64_t l = (access & 0x8000) ? limit >> 12 : limit;

	return (l & 0xffff) | (uint64_t)(base & 0xffffff) << 16 |
	       (uint64_t)(access & 0xff) << 40 | (l >> 16 & 0xf) << 48 |
	       (uint64_t)(access >> 12 & 0xf) << 52 |
	       (uint64_t)(base >> 24) << 56;
}

struct kvm_segment make_segment(uint16_t sel, uint64_t base, uint32_t limit,
				uint16_t access)
{
	return (struct kvm_segment) {
		.selector = sel,
		.base = base,
		.limit = limit,
		.type = access & 0xf,
		.s = access >> 4 & 1,
		.dpl = access >> 5 & 3,
		.present = access >> 7 & 1,
		.avl = access >> 12 & 1,
		.l = access >> 13 & 1,
		.db = access >> 14 & 1,
		.g = access >> 15 & 1,
	};
}

static void fill_gdt(uint64_t *gdt, enum mode mode)
{
	gdt[SEL_CODE64 / 8] = gdt_entry(0, ~0U, ACC_CODE64);
	gdt[SEL_DATA / 8] = gdt_entry(0, ~0U, ACC_DATA);
	gdt[SEL_CODE32 / 8] = gdt_entry(0, ~0U, ACC_CODE32);
	gdt[SEL_UCODE32 / 8] = gdt_entry(0, ~0U, ACC_CODE32 | ACC_DPL3);
	gdt[SEL_UDATA / 8] = gdt_entry(0, ~0U, ACC_DATA | ACC_DPL3);
	gdt[SEL_UCODE64 / 8] = gdt_entry(0, ~0U, ACC_CODE64 | ACC_DPL3);
	gdt[SEL_CODE16 / 8] = gdt_entry(G_CODE, 0xffff, ACC_CODE16);
	gdt[SEL_DATA16 / 8] = gdt_entry(G_DATA, 0xffff, ACC_DATA16);
	gdt[SEL_TSS / 8] = gdt_entry(G_TSS, 0x67, ACC_TSS);
	gdt[SEL_TSS / 8 + 1] = 0;
}

static void fill_idt(struct machine *m, enum mode mode)
{
	uint64_t *idt = guest_mem(m, G_IDT);
	uint32_t *ivt = guest_mem(m, G_IVT);
	int v;

	for (v = 0; v < 256; v++) {
		uint64_t ip = G_STUBS + v * 16;
		uint64_t sel = mode == MODE_LONG ? SEL_CODE64 : SEL_CODE32;
		uint64_t gate = ip | sel << 16 | 0x8eULL << 40;

		if (mode == MODE_REAL) {
			ivt[v] = STUB_REAL_SEG << 16 | v * 16;
		} else if (mode == MODE_LONG) {
			idt[2 * v] = gate;
			idt[2 * v + 1] = 0;
		} else {
			idt[v] = gate;
		}
	}
}

static void fill_tss(struct machine *m, enum mode mode)
{
	uint8_t *tss = guest_mem(m, G_TSS);
	uint64_t stack = G_ISTACK;

	memset(tss, 0, 0x68);
	if (mode == MODE_LONG) {
		memcpy(tss + 4, &stack, 8);		/* RSP0 */
	} else {
		memcpy(tss + 4, &stack, 4);		/* ESP0 */
		tss[8] = SEL_DATA;			/* SS0 */
	}
	tss[0x66] = 0x68;				/* no I/O bitmap */
}

static void fill_page_tables(struct machine *m)
{
	uint64_t *pml4 = guest_mem(m, G_PML4), *pdpt = guest_mem(m, G_PDPT);
	uint64_t *pd = guest_mem(m, G_PD), *pt = guest_mem(m, G_PT);
	uint64_t flags = PTE_P | PTE_W | PTE_U, i;

	memset(pml4, 0, 4096);
	memset(pdpt, 0, 4096);
	pml4[0] = G_PDPT | flags;
	for (i = 0; i < LONG_MAP_PDS; i++)
		pdpt[i] = (G_PD + i * 4096) | flags;
	for (i = 0; i < LONG_MAP_PDS * 512; i++)
		pd[i] = i << 21 | flags | PTE_PS;
	for (i = 0; i < 512; i++)
		pt[i] = i << 12 | flags;
	pd[0] = G_PT | flags;
}

/* The 4 KiB entry for @va in the first 2 MiB, the 2 MiB entry above. */
uint64_t *guest_pte(struct machine *m, uint64_t va)
{
	if (va < 2 << 20)
		return (uint64_t *)guest_mem(m, G_PT) + (va >> 12);
	return (uint64_t *)guest_mem(m, G_PD) + (va >> 21);
}

void machine_tables(struct machine *m, enum mode mode)
{
	if (mode != MODE_REAL)
		fill_gdt(guest_mem(m, G_GDT), mode);
	fill_idt(m, mode);
	fill_tss(m, mode);
	if (mode == MODE_LONG)
		fill_page_tables(m);
}

static struct kvm_segment real_segment(uint16_t sel, uint16_t access)
{
	return make_segment(sel, (uint32_t)sel << 4, 0xffff, access);
}

static void sregs_real(struct kvm_sregs *s)
{
	s->cs = real_segment(REAL_CODE_SEG, ACC_CODE16);
	s->ds = real_segment(REAL_DATA_SEG, ACC_DATA16);
	s->es = s->ds;
	s->ss = real_segment(G_STACK_BASE >> 4, ACC_DATA16);
	s->fs = real_segment(REAL_MMIO_SEG, ACC_DATA16);
	s->gs = real_segment(0, ACC_DATA16);
	s->idt.base = G_IVT;
	s->idt.limit = 0x3ff;
}

static void sregs_prot16(struct kvm_sregs *s)
{
	s->cr0 |= CR0_PE;
	s->cs = make_segment(SEL_CODE16, G_CODE, 0xffff, ACC_CODE16);
	s->ds = make_segment(SEL_DATA16, G_DATA, 0xffff, ACC_DATA16);
	s->es = s->ds;
	s->ss = make_segment(SEL_DATA16, G_STACK_BASE, 0xffff, ACC_DATA16);
	s->fs = make_segment(SEL_DATA, 0, ~0U, ACC_DATA);
	s->gs = s->fs;
}

static void sregs_flat(struct kvm_sregs *s, bool is_long)
{
	s->cr0 |= CR0_PE;
	s->cs = is_long ? make_segment(SEL_CODE64, 0, ~0U, ACC_CODE64) :
			  make_segment(SEL_CODE32, 0, ~0U, ACC_CODE32);
	s->ds = make_segment(SEL_DATA, 0, ~0U, ACC_DATA);
	s->es = s->ds;
	s->ss = s->ds;
	s->fs = s->ds;
	s->gs = s->ds;
	if (!is_long)
		return;
	s->cr3 = G_PML4;
	s->cr4 |= X86_CR4_PAE | X86_CR4_OSFXSR;
	s->efer |= EFER_LME_BIT | EFER_LMA_BIT | EFER_NX_BIT | EFER_SCE_BIT;
	s->cr0 |= CR0_PG | CR0_WP | CR0_NE | CR0_MP;
}

void vcpu_mode(struct machine *m, struct kvm_vcpu *vcpu, enum mode mode)
{
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs s;

	CHECK_OK(ioctl(vcpu->fd, KVM_GET_SREGS, &s));
	s.cr0 = CR0_ET | (s.cr0 & (CR0_NW | CR0_CD));
	s.cr0 &= ~(CR0_NW | CR0_CD);
	s.cr4 = 0;
	s.efer = 0;
	s.idt.base = G_IDT;
	s.idt.limit = 0xfff;
	s.gdt.base = G_GDT;
	s.gdt.limit = GDT_ENTRIES * 8 - 1;
	s.ldt = make_segment(0, 0, 0xffff, ACC_LDT);
	s.tr = make_segment(SEL_TSS, G_TSS, 0x67, ACC_TSS);
	if (mode == MODE_REAL)
		sregs_real(&s);
	else if (mode == MODE_PROT16)
		sregs_prot16(&s);
	else
		sregs_flat(&s, mode == MODE_LONG);
	CHECK_OK(ioctl(vcpu->fd, KVM_SET_SREGS, &s));
	if (mode == MODE_REAL || mode == MODE_PROT16) {
		regs.rsp = G_STACK - G_STACK_BASE;
	} else {
		regs.rip = G_CODE;
		regs.rsp = G_STACK;
	}
	CHECK_OK(ioctl(vcpu->fd, KVM_SET_REGS, &regs));
}

void machine_mode(struct machine *m, enum mode mode)
{
	m->mode = mode;
	machine_tables(m, mode);
	vcpu_mode(m, m->vcpu, mode);
}

static uint64_t read_stat(struct kvm_vm *vm, int of, const char *name)
{
	struct kvm_stats_header h;
	struct kvm_stats_desc *d;
	uint64_t value;
	int fd, i;

	if (ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_BINARY_STATS_FD) <= 0)
		test_skip("no KVM_CAP_BINARY_STATS_FD");
	fd = CHECK_OK(ioctl(of, KVM_GET_STATS_FD, NULL));
	CHECK_EQ(pread(fd, &h, sizeof(h), 0), sizeof(h));
	d = malloc(sizeof(*d) + h.name_size);
	CHECK(d, "out of memory");
	for (i = 0; i < h.num_desc; i++) {
		size_t size = sizeof(*d) + h.name_size;

		CHECK_EQ(pread(fd, d, size, h.desc_offset + i * size), size);
		if (strcmp(d->name, name))
			continue;
		CHECK_EQ(pread(fd, &value, 8, h.data_offset + d->offset), 8);
		close(fd);
		free(d);
		return value;
	}
	test_skip("no statistic %s", name);
}

GUEST_CODE(page_writer, 64,
	   "1: mov %al, (%rbx)\n add %rdx, %rbx\n loop 1b\n hlt\n");

void prepare_writes(struct machine *m, uint64_t at, uint64_t count, uint64_t step)
{
	struct kvm_regs r = get_regs(m);

	r.rip = G_CODE;
	r.rbx = at;
	r.rcx = count;
	r.rdx = step;
	r.rax = 0x5a;
	set_regs(m, &r);
}

void touch_pages(struct machine *m, uint64_t at, uint64_t count, uint64_t step)
{
	prepare_writes(m, at, count, step);
	expect_hlt(m);
}

uint64_t vcpu_stat(struct kvm_vcpu *vcpu, const char *name)
{
	return read_stat(vcpu->vm, vcpu->fd, name);
}

uint64_t vm_stat(struct kvm_vm *vm, const char *name)
{
	return read_stat(vm, vm->fd, name);
}

void machine_ring3(struct machine *m)
{
	struct kvm_sregs s = get_sregs(m);

	s.cs = make_segment(SEL_UCODE64, 0, ~0U, ACC_CODE64 | ACC_DPL3);
	s.ss = make_segment(SEL_UDATA, 0, ~0U, ACC_DATA | ACC_DPL3);
	s.ds = s.ss;
	s.es = s.ss;
	set_sregs(m, &s);
}

GUEST_CODE(rdmsr_code, 64, "rdmsr\n hlt\n");
GUEST_CODE(wrmsr_code, 64, "wrmsr\n hlt\n");

static void start_msr_access(struct machine *m, const uint8_t *code, uint32_t index, uint64_t val)
{
	struct kvm_regs r;

	machine_load(m, G_CODE, code, code + 3);
	machine_mode(m, MODE_LONG);
	r = get_regs(m);
	r.rcx = index | 0xdeadbeefULL << 32;
	r.rax = (uint32_t)val | 0xdeadbeefULL << 32;
	r.rdx = val >> 32 | 0xdeadbeefULL << 32;
	set_regs(m, &r);
}

void start_rdmsr(struct machine *m, uint32_t index)
{
	start_msr_access(m, rdmsr_code, index, 0);
}

void start_wrmsr(struct machine *m, uint32_t index, uint64_t value)
{
	start_msr_access(m, wrmsr_code, index, value);
}

int enable_cap(int fd, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap c = { .cap = cap, .args[0] = arg };

	return ioctl(fd, KVM_ENABLE_CAP, &c);
}
