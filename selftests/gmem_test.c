// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory that user space cannot reach: where KVM_RUN says that an access found nothing
 * (KVM_EXIT_MEMORY_FAULT).
 */
#include "machine.h"
#include "../include/uapi/kvm_guest_memfd.h"

#define SLOT	7
#define AT	0x800000
#define PAGE	0x1000ul

/* Stores RAX to [RBX], loads [RSI] into RCX. */
GUEST_CODE(touch, 64, "mov %rax, (%rbx)\n mov (%rsi), %rcx\n hlt\n");
/* Loads [RSI] into RCX. */
GUEST_CODE(load, 64, "mov (%rsi), %rcx\n hlt\n");

static void start(struct machine *m, uint64_t store, uint64_t value, uint64_t from)
{
	struct kvm_regs r = get_regs(m);

	r.rip = G_CODE;
	r.rbx = store;
	r.rax = value;
	r.rsi = from;
	r.rcx = 0;
	set_regs(m, &r);
}

/* KVM_RUN fails and says that the page of @gpa cannot be had. */
static void expect_fault_(struct machine *m, uint64_t gpa, uint64_t flags)
{
	const struct kvmx_memory_fault *f = kvmx_run_memory_fault(m->run);

	CHECK_EQ(try_run(m->vcpu), EFAULT);
	if (!is_kvmx() && m->run->exit_reason != KVM_EXIT_MEMORY_FAULT)
		test_skip("this kvm announces KVM_EXIT_MEMORY_FAULT and does not make it here");
	CHECK_EQ(m->run->exit_reason, KVM_EXIT_MEMORY_FAULT);
	CHECK_EQ(f->flags, flags);
	CHECK_EQ(f->gpa, gpa & -PAGE);
	CHECK_EQ(f->size, PAGE);
}

#define expect_fault(m, g, f) (HERE(), expect_fault_(m, g, f))

/* --- the exit ---------------------------------------------------------------- */

static void exit_of_a_hole(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *mem = anon_mem(3 * PAGE);

	if (ioctl(m->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_FAULT_INFO) <= 0)
		test_skip("this kvm has no KVM_CAP_MEMORY_FAULT_INFO");
	machine_start(m, MODE_LONG, touch);
	CHECK_OK(munmap(mem, 3 * PAGE));
	set_slot(m, SLOT, 0, AT, 3 * PAGE, mem);
	start(m, AT + PAGE + 0x7f8, 0x1234, AT + 2 * PAGE + 8);
	expect_fault(m, AT + PAGE, 0);
	/* Nothing has happened: the same again. */
	expect_fault(m, AT + PAGE, 0);
	CHECK_EQ(get_regs(m).rip, G_CODE);
	/* User space mends it, and the guest goes on to the next one. */
	CHECK(mmap(mem + PAGE / 8, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED, "mmap");
	expect_fault(m, AT + 2 * PAGE, 0);
	CHECK_EQ(mem[(PAGE + 0x7f8) / 8], 0x1234);
	CHECK(mmap(mem + 2 * PAGE / 8, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED, "mmap");
	mem[2 * PAGE / 8 + 1] = 0x5678;
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0x5678);
}

static void exit_of_a_write(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *mem = anon_mem(PAGE);

	if (ioctl(m->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_FAULT_INFO) <= 0)
		test_skip("this kvm has no KVM_CAP_MEMORY_FAULT_INFO");
	machine_start(m, MODE_LONG, touch);
	mem[0] = 0x77;
	CHECK_OK(mprotect(mem, PAGE, PROT_READ));
	set_slot(m, SLOT, 0, AT, PAGE, mem);
	start(m, AT, 0x1234, AT);
	expect_fault(m, AT, 0);
	CHECK_EQ(mem[0], 0x77);
	machine_start(m, MODE_LONG, load);
	start(m, 0, 0, AT);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0x77);
}

int main(int argc, char **argv)
{
	TEST(exit_of_a_hole);
	TEST(exit_of_a_write);
	return run_tests(argc, argv);
}
