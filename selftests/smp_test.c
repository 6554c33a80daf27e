// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several vCPUs, and vCPUs that move between CPUs. State that lives in the CPU while a
 * guest runs (general, vector, debug and model-specific registers) follows a vCPU from
 * CPU to CPU and does not leak into another one or into the host process.
 */
#include <sched.h>

#include "machine.h"

static int nr_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

/*
 * Checks what it finds against what it left, then changes everything: XMM0..3, x87 top,
 * DR0, KERNEL_GS_BASE, LSTAR, all by the round number in R15.
 */
GUEST_CODE(carry, 64,
	   "1: movq %xmm0, %rax\n cmp %r15, %rax\n jne bad\n"
	   "movq %xmm3, %rax\n cmp %r15, %rax\n jne bad\n"
	   "mov %dr0, %rax\n cmp %r15, %rax\n jne bad\n"
	   "mov $0xc0000102, %ecx\n rdmsr\n cmp %r15d, %eax\n jne bad\n"
	   "mov $0xc0000082, %ecx\n rdmsr\n cmp %r15d, %eax\n jne bad\n"
	   "mov $0xc0000100, %ecx\n rdmsr\n cmp %r15d, %eax\n jne bad\n"
	   "fistpl 0x30000\n cmp %r15d, 0x30000\n jne bad\n"
	   "inc %r15\n"
	   "movq %r15, %xmm0\n movq %r15, %xmm3\n mov %r15, %dr0\n"
	   "mov $0xc0000102, %ecx\n xor %edx, %edx\n mov %r15d, %eax\n wrmsr\n"
	   "mov $0xc0000082, %ecx\n wrmsr\n"
	   "mov $0xc0000100, %ecx\n wrmsr\n"
	   "mov %r15d, 0x30000\n fildl 0x30000\n"
	   "mov %r15d, %eax\n out %eax, $0x10\n"
	   "jmp 1b\n"
	   "bad: mov $0xbad, %eax\n out %eax, $0x10\n hlt\n");

/* Sets what the loop expects to find first: zero everywhere. */
GUEST_CODE(carry_start, 64,
	   "fninit\n fldz\n xor %eax, %eax\n mov %rax, %dr0\n jmp *%rbx\n");

static struct machine *carrier(uint32_t start)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	machine_load(m, 0x31000, carry, carry_end);
	machine_start(m, MODE_LONG, carry_start);
	r = get_regs(m);
	r.rbx = 0x31000;
	set_regs(m, &r);
	return m;
}

/* Dirties the host's own vector registers between runs. */
static void spoil_host_fpu(uint64_t v)
{
	asm volatile("movq %0, %%xmm0\n movq %0, %%xmm3\n" : : "r"(v) : "xmm0", "xmm3");
}

static void follows_the_vcpu(const void *arg)
{
	struct machine *m = carrier(0);
	int i;

	for (i = 1; i <= 60; i++) {
		pin(i % nr_cpus());
		spoil_host_fpu(0xdead0000 + i);
		expect_out(m, 0x10, 4, i);
	}
}

/* Two vCPUs of two VMs in turn on one CPU, with different contents. */
static void two_in_turn(const void *arg)
{
	struct machine *a = carrier(0), *b = carrier(0);
	int i, j = 0;

	for (i = 1; i <= 40; i++) {
		pin(i / 2 % nr_cpus());
		expect_out(a, 0x10, 4, i);
		if (i % 3)
			continue;
		j++;
		expect_out(b, 0x10, 4, j);
	}
}

/* The host process has its own registers back after each KVM_RUN. */
static void host_registers_survive(const void *arg)
{
	struct machine *m = carrier(0);
	int i;

	for (i = 1; i <= 20; i++) {
		uint64_t xmm = 0, fs, gs;
		uint32_t mxcsr = 0;
		uint16_t cw = 0;

		asm volatile("movq %0, %%xmm7" : : "r"(0x123456789abcdefULL) : "xmm7");
		expect_out(m, 0x10, 4, i);
		asm volatile("stmxcsr %0\n fnstcw %1" : "=m"(mxcsr), "=m"(cw));
		asm volatile("mov %%fs, %0\n" : "=r"(fs));
		asm volatile("mov %%gs, %0\n" : "=r"(gs));
		CHECK_EQ(mxcsr & ~0x3f, 0x1f80);
		CHECK_EQ(cw, 0x37f);
		/* Thread-local storage still works: errno lives there. */
		errno = 1234;
		CHECK_EQ(errno, 1234);
		(void)xmm;
	}
}

/* --- several vCPUs in one VM ----------------------------------------------- */

#define NR 3
#define G_SHARED 0x30000

/* Each adds 1 to a shared counter RBX times with LOCK, then halts. */
GUEST_CODE(adder, 64,
	   "sti\n 1: lock incq " S(G_SHARED) "\n dec %rbx\n jnz 1b\n cli\n hlt\n");

static void *adder_main(void *arg)
{
	struct kvm_vcpu *v = arg;
	int err;

	while ((err = try_run(v)) == EINTR)
		;
	return (void *)(long)(err ? err : v->run->exit_reason == KVM_EXIT_HLT ? 0 : -1);
}

static void shared_counter(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_vcpu *v[NR];
	pthread_t t[NR];
	void *r;
	int i;

	machine_start(m, MODE_LONG, adder);
	v[0] = m->vcpu;
	for (i = 0; i < NR; i++) {
		struct kvm_regs regs;

		if (i) {
			v[i] = __vm_vcpu_add(m->vm, i);
			vcpu_init_cpuid(v[i], kvm_get_supported_cpuid());
			vcpu_mode(m, v[i], MODE_LONG);
		}
		CHECK_OK(ioctl(v[i]->fd, KVM_GET_REGS, &regs));
		regs.rbx = 200000;
		regs.rsp -= i * 0x1000;
		CHECK_OK(ioctl(v[i]->fd, KVM_SET_REGS, &regs));
	}
	for (i = 0; i < NR; i++)
		CHECK(!pthread_create(&t[i], NULL, adder_main, v[i]), "pthread_create");
	for (i = 0; i < NR; i++) {
		pthread_join(t[i], &r);
		CHECK(!r, "vCPU %d: %ld", i, (long)r);
	}
	CHECK_EQ(*(uint64_t *)guest_mem(m, G_SHARED), NR * 200000);
}

/*
 * One vCPU changes a page table entry, flushes its own TLB, and tells the other, which
 * flushes too and must then see the new page: translations are each vCPU's own.
 */
GUEST_CODE(mapper, 64,
	   "sti\n mov $1, %ecx\n"
	   "1: mov %rcx, %rax\n and $1, %eax\n shl $12, %rax\n add $0x60007, %rax\n"
	   "mov %rax, (%rdi)\n invlpg 0x70000\n"
	   "mov %rcx, " S(G_SHARED) "\n"
	   "2: pause\n cmp %rcx, " S(G_SHARED) " + 64\n jne 2b\n"
	   "inc %ecx\n cmp $200, %ecx\n jb 1b\n cli\n hlt\n");
GUEST_CODE(checker, 64,
	   "sti\n mov $1, %ecx\n"
	   "1: pause\n cmp %rcx, " S(G_SHARED) "\n jne 1b\n"
	   "invlpg 0x70000\n mov 0x70000, %rax\n"
	   "mov %rcx, %rdx\n and $1, %edx\n cmp %rdx, %rax\n je 2f\n"
	   "ud2\n"
	   "2: mov %rcx, " S(G_SHARED) " + 64\n"
	   "inc %ecx\n cmp $200, %ecx\n jb 1b\n cli\n hlt\n");

static void page_tables_between_vcpus(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_vcpu *second = __vm_vcpu_add(m->vm, 1);
	struct kvm_regs r;
	pthread_t t;
	void *ret;

	vcpu_init_cpuid(second, kvm_get_supported_cpuid());
	machine_start(m, MODE_LONG, mapper);
	machine_load(m, 0x40000, checker, checker_end);
	vcpu_mode(m, second, MODE_LONG);
	*(uint64_t *)guest_mem(m, 0x61000) = 1;
	*guest_pte(m, 0x70000) = 0x60007;
	r = get_regs(m);
	r.rdi = G_PT + 0x70 * 8;
	set_regs(m, &r);
	r.rip = 0x40000;
	r.rsp -= 0x1000;
	CHECK_OK(ioctl(second->fd, KVM_SET_REGS, &r));
	CHECK(!pthread_create(&t, NULL, adder_main, second), "pthread_create");
	ret = adder_main(m->vcpu);
	CHECK(!ret, "mapper: %ld", (long)ret);
	pthread_join(t, &ret);
	CHECK(!ret, "checker: %ld", (long)ret);
	CHECK_OK(ioctl(second->fd, KVM_GET_REGS, &r));
	CHECK_EQ(r.rcx, 200);
}

int main(int argc, char **argv)
{
	TEST(follows_the_vcpu);
	TEST(two_in_turn);
	TEST(host_registers_survive);
	TEST(shared_counter);
	TEST(page_tables_between_vcpus);
	return run_tests(argc, argv);
}
