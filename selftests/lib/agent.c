// SPDX-License-Identifier: GPL-2.0-only
/* vCPUs that do what the test says; see agent.h. */
#include <time.h>

#include "agent.h"

/* Round trips to user space that need_quick() times. */
#define QUICK_ROUNDS	16

#define STACK_OF(i)	(0x8f000 - (i) * 0x2000)

GUEST_CODE(agent_code, 64,
	   "ag_next: out %al, $" S(PORT_READY) "\n jmp ag_next\n"
	   "ag_read: mov (%rdi), %eax\n jmp ag_next\n"
	   "ag_write: mov %eax, (%rdi)\n jmp ag_next\n"
	   "ag_rdmsr: rdmsr\n jmp ag_next\n"
	   "ag_wrmsr: wrmsr\n jmp ag_next\n"
	   "ag_in: in %dx, %al\n jmp ag_next\n"
	   "ag_out: out %al, %dx\n jmp ag_next\n"
	   "ag_rdtsc: rdtsc\n jmp ag_next\n"
	   "ag_cr8: mov %cr8, %rax\n jmp ag_next\n"
	   "ag_set_cr8: mov %rax, %cr8\n jmp ag_next\n"
	   "ag_window: sti\n nop\n nop\n cli\n jmp ag_next\n"
	   "ag_halt: sti\n hlt\n cli\n jmp ag_next\n"
	   "ag_spin: sti\n 1: pause\n dec %rcx\n jnz 1b\n cli\n jmp ag_next\n"
	   "ag_wait_tsc: sti\n 1: rdtsc\n shl $32, %rdx\n or %rdx, %rax\n cmp %rdi, %rax\n"
	   "	jb 1b\n cli\n jmp ag_next\n"
	   "ag_touch: push %rax\n pop %rax\n mov " S(G_IDT) ", %rax\n mov " S(G_GDT) ", %rax\n"
	   "	jmp ag_next\n"
	   "ag_iret: pop %rax\n iretq\n");
GUEST_LABEL(ag_next);
GUEST_LABEL(ag_read);
GUEST_LABEL(ag_write);
GUEST_LABEL(ag_rdmsr);
GUEST_LABEL(ag_wrmsr);
GUEST_LABEL(ag_in);
GUEST_LABEL(ag_out);
GUEST_LABEL(ag_rdtsc);
GUEST_LABEL(ag_cr8);
GUEST_LABEL(ag_set_cr8);
GUEST_LABEL(ag_window);
GUEST_LABEL(ag_halt);
GUEST_LABEL(ag_spin);
GUEST_LABEL(ag_wait_tsc);
GUEST_LABEL(ag_touch);
GUEST_LABEL(ag_iret);

void need_cap(long cap, const char *name)
{
	if (kvm_check_cap(cap) <= 0)
		test_skip("no %s", name);
}

void need_irqchip(void)
{
	need_cap(KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP");
}

/* The quickest of some round trips: others may include what else the host did meanwhile. */
void need_quick(struct cpu *c, unsigned int us)
{
	struct timespec t0, t1;
	uint64_t ns, best = UINT64_MAX;
	int i;

	for (i = 0; i < QUICK_ROUNDS; i++) {
		clock_gettime(CLOCK_MONOTONIC, &t0);
		cpu_rdtsc(c);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		ns = (t1.tv_sec - t0.tv_sec) * 1000000000ULL + t1.tv_nsec - t0.tv_nsec;
		if (ns < best)
			best = ns;
	}
	if (best > us * 1000ULL)
		test_skip("slow exits: back in user space after %u us, and not %u at most",
			  (unsigned int)(best / 1000), us);
}

/* push %rax; mov $v, %al; out %al, $PORT_EVENT; then where ag_iret is reached by RIP. */
static void event_stubs(struct machine *m)
{
	uint8_t *p = guest_mem(m, G_STUBS);
	int v;

	for (v = 0; v < 256; v++) {
		const uint8_t stub[] = { 0x50, 0xb0, v, 0xe6, PORT_EVENT, 0x58, 0x48, 0xcf };

		memcpy(p + v * 16, stub, sizeof(stub));
	}
}

struct pc *pc_new_bare(enum chips chips)
{
	struct pc *pc = calloc(1, sizeof(*pc));

	need_irqchip();
	CHECK(pc, "out of memory");
	pc->m = machine_new_novcpu();
	pc->m->mode = MODE_LONG;
	pc->vm_fd = pc->m->vm->fd;
	if (chips == CHIPS_KERNEL) {
		CHECK_OK(ioctl(pc->vm_fd, KVM_CREATE_IRQCHIP, 0));
	} else {
		need_cap(KVM_CAP_SPLIT_IRQCHIP, "KVM_CAP_SPLIT_IRQCHIP");
		CHECK_OK(enable_cap(pc->vm_fd, KVM_CAP_SPLIT_IRQCHIP, 24));
	}
	machine_tables(pc->m, MODE_LONG);
	event_stubs(pc->m);
	machine_load(pc->m, G_CODE, agent_code, agent_code_end);
	return pc;
}

/* As supported, with the features of the APIC that user space has to add. */
void cpu_init_cpuid(struct kvm_vcpu *vcpu, bool x2apic)
{
	const struct kvm_cpuid2 *all = kvm_get_supported_cpuid();
	struct kvm_cpuid_entry2 *e;

	vcpu_init_cpuid(vcpu, all);
	e = vcpu_get_cpuid_entry(vcpu, 1);
	e->ecx &= ~(1u << 21 | 1u << 24);
	if (x2apic)
		e->ecx |= 1u << 21;
	if (kvm_check_cap(KVM_CAP_TSC_DEADLINE_TIMER) > 0)
		e->ecx |= 1u << 24;
	e->ebx = (e->ebx & 0xffffff) | vcpu->id << 24;
	vcpu_set_cpuid(vcpu);
}

struct cpu *pc_add_cpu(struct pc *pc, uint32_t id)
{
	struct cpu *c = &pc->cpu[pc->nr++];

	CHECK(pc->nr <= MAX_AGENTS, "no room for vCPU %u", id);
	c->pc = pc;
	c->vcpu = __vm_vcpu_add(pc->m->vm, id);
	c->run = c->vcpu->run;
	cpu_init_cpuid(c->vcpu, true);
	return c;
}

void pc_add_cpus(struct pc *pc, int nr)
{
	while (nr--)
		pc_add_cpu(pc, pc->nr);
	pc->m->vcpu = pc->cpu[0].vcpu;
	pc->m->run = pc->cpu[0].run;
}

struct pc *pc_new(enum chips chips, int nr)
{
	struct pc *pc = pc_new_bare(chips);
	int i;

	pc_add_cpus(pc, nr);
	for (i = 0; i < nr; i++) {
		cpu_prepare(&pc->cpu[i]);
		apic_write(&pc->cpu[i], R_SPIV, 0x1ff);
	}
	return pc;
}

void pc_free(struct pc *pc)
{
	machine_free(pc->m);
	free(pc);
}

struct kvm_regs cpu_regs(struct cpu *c)
{
	struct kvm_regs r;

	CHECK_OK(ioctl(c->vcpu->fd, KVM_GET_REGS, &r));
	return r;
}

void cpu_set_regs(struct cpu *c, const struct kvm_regs *r)
{
	CHECK_OK(ioctl(c->vcpu->fd, KVM_SET_REGS, r));
}

void cpu_goto(struct cpu *c, uint64_t gpa, uint64_t rbx)
{
	struct kvm_regs r = { .rflags = 2, .rip = gpa, .rbx = rbx };

	r.rsp = STACK_OF(c - c->pc->cpu);
	cpu_set_regs(c, &r);
}

/* In a stub, RAX is on top of the frame. An entry with such an injection fails: only a CPU can. */
static void look_at_frame(struct cpu *c)
{
	uint64_t sp = cpu_regs(c).rsp;

	if (sp < LOW_SIZE - 32 && !(*(uint64_t *)guest_mem(c->pc->m, sp + 24) & FLAG_IF))
		test_skip(WITHOUT_IF);
}

/* --- one operation --------------------------------------------------------- */

int cpu_resume_(struct cpu *c)
{
	int err, result = CPU_EXIT;

	do {
		err = try_run(c->vcpu);
	} while (err == EAGAIN);
	if (err)
		test_fail(here_file, here_line, "KVM_RUN: %s", strerror(err));
	if (c->run->exit_reason != KVM_EXIT_IO)
		return CPU_EXIT;
	if (c->run->io.port == PORT_READY)
		result = CPU_DONE;
	else if (c->run->io.port == PORT_EVENT)
		result = *((const uint8_t *)c->run + c->run->io.data_offset);
	if (result != CPU_EXIT)
		complete_exit(c->vcpu);
	if (result >= 32)
		look_at_frame(c);
	return result;
}

static int operation(struct cpu *c, const uint8_t *label, struct kvm_regs *r)
{
	int result;

	r->rip = G_CODE + (label - agent_code);
	r->rflags = 2;
	cpu_set_regs(c, r);
	result = cpu_resume_(c);
	*r = cpu_regs(c);
	return result;
}

/* An operation with interrupts disabled; only an exception can come between. */
static int quiet(struct cpu *c, const uint8_t *label, struct kvm_regs *r)
{
	uint64_t sp = r->rsp;
	int result = operation(c, label, r);

	if (result >= 0) {
		r->rsp = sp;
		cpu_set_regs(c, r);
	}
	return result;
}

static void must_end(struct cpu *c, const uint8_t *label, struct kvm_regs *r)
{
	int result = quiet(c, label, r);
	char buf[600];

	if (result == CPU_DONE)
		return;
	describe_exit(c->vcpu, buf, sizeof(buf));
	if (result >= 0)
		test_fail(here_file, here_line, "vCPU %d: vector %d came while IF was 0, rdi %llx rcx %llx",
			  c->vcpu->id, result, r->rdi, r->rcx);
	test_fail(here_file, here_line, "vCPU %d: unexpected exit: %s", c->vcpu->id, buf);
}

void cpu_touch(struct cpu *c)
{
	struct kvm_regs before = cpu_regs(c), r = before;

	must_end(c, ag_touch, &r);
	cpu_set_regs(c, &before);
}

void cpu_prepare(struct cpu *c)
{
	struct kvm_regs r;

	CHECK_OK(try_set_mp_state(c, KVM_MP_STATE_RUNNABLE));
	vcpu_mode(c->pc->m, c->vcpu, MODE_LONG);
	r = cpu_regs(c);
	r.rsp = STACK_OF(c - c->pc->cpu);
	cpu_set_regs(c, &r);
	cpu_touch(c);
}

int cpu_window_(struct cpu *c)
{
	struct kvm_regs r = cpu_regs(c);

	return operation(c, ag_window, &r);
}

int cpu_halt_(struct cpu *c)
{
	struct kvm_regs r = cpu_regs(c);

	return operation(c, ag_halt, &r);
}

int cpu_spin_(struct cpu *c, uint64_t turns)
{
	struct kvm_regs r = cpu_regs(c);

	r.rcx = turns;
	return operation(c, ag_spin, &r);
}

int cpu_wait_tsc_(struct cpu *c, uint64_t tsc)
{
	struct kvm_regs r = cpu_regs(c);

	r.rdi = tsc;
	return operation(c, ag_wait_tsc, &r);
}

/* The registers an interrupted cpu_spin() or cpu_wait_tsc() needs come back with it. */
int cpu_iret_(struct cpu *c)
{
	struct kvm_regs r = cpu_regs(c);

	return operation(c, ag_iret, &r);
}

uint32_t cpu_read32(struct cpu *c, uint64_t gpa)
{
	struct kvm_regs r = cpu_regs(c);

	r.rdi = gpa;
	must_end(c, ag_read, &r);
	return r.rax;
}

int cpu_try_write32(struct cpu *c, uint64_t gpa, uint32_t val)
{
	struct kvm_regs r = cpu_regs(c);

	r.rdi = gpa;
	r.rax = val;
	return quiet(c, ag_write, &r);
}

void cpu_write32(struct cpu *c, uint64_t gpa, uint32_t val)
{
	struct kvm_regs r = cpu_regs(c);

	r.rdi = gpa;
	r.rax = val;
	must_end(c, ag_write, &r);
}

uint8_t cpu_inb(struct cpu *c, uint16_t port)
{
	struct kvm_regs r = cpu_regs(c);

	r.rdx = port;
	must_end(c, ag_in, &r);
	return r.rax;
}

int cpu_try_outb(struct cpu *c, uint16_t port, uint8_t val)
{
	struct kvm_regs r = cpu_regs(c);

	r.rdx = port;
	r.rax = val;
	return quiet(c, ag_out, &r);
}

void cpu_outb(struct cpu *c, uint16_t port, uint8_t val)
{
	struct kvm_regs r = cpu_regs(c);

	r.rdx = port;
	r.rax = val;
	must_end(c, ag_out, &r);
}

int cpu_try_rdmsr(struct cpu *c, uint32_t msr, uint64_t *val)
{
	struct kvm_regs r = cpu_regs(c);
	int result;

	r.rcx = msr;
	result = quiet(c, ag_rdmsr, &r);
	*val = r.rdx << 32 | (uint32_t)r.rax;
	return result;
}

int cpu_try_wrmsr(struct cpu *c, uint32_t msr, uint64_t val)
{
	struct kvm_regs r = cpu_regs(c);

	r.rcx = msr;
	r.rax = (uint32_t)val;
	r.rdx = val >> 32;
	return quiet(c, ag_wrmsr, &r);
}

uint64_t cpu_rdmsr(struct cpu *c, uint32_t msr)
{
	uint64_t val;
	int result = cpu_try_rdmsr(c, msr, &val);

	CHECK(result == CPU_DONE, "RDMSR 0x%x: %d", msr, result);
	return val;
}

void cpu_wrmsr(struct cpu *c, uint32_t msr, uint64_t val)
{
	int result = cpu_try_wrmsr(c, msr, val);

	CHECK(result == CPU_DONE, "WRMSR 0x%x 0x%llx: %d", msr, (unsigned long long)val, result);
}

uint64_t cpu_rdtsc(struct cpu *c)
{
	struct kvm_regs r = cpu_regs(c);

	must_end(c, ag_rdtsc, &r);
	return r.rdx << 32 | (uint32_t)r.rax;
}

uint64_t cpu_cr8(struct cpu *c)
{
	struct kvm_regs r = cpu_regs(c);

	must_end(c, ag_cr8, &r);
	return r.rax;
}

void cpu_set_cr8(struct cpu *c, uint64_t val)
{
	struct kvm_regs r = cpu_regs(c);

	r.rax = val;
	must_end(c, ag_set_cr8, &r);
}

const bool in_x1, in_x2 = true;

struct pc *pc_in_mode(const void *arg, int nr)
{
	struct pc *pc = pc_new(CHIPS_KERNEL, nr);
	int i;

	for (i = 0; *(const bool *)arg && i < nr; i++)
		apic_to_x2(&pc->cpu[i]);
	return pc;
}
