// SPDX-License-Identifier: GPL-2.0-only
/* Running a machine and checking how it stops. */
#include "machine.h"

static const char *const exit_names[] = {
	[KVM_EXIT_UNKNOWN] = "UNKNOWN", [KVM_EXIT_EXCEPTION] = "EXCEPTION",
	[KVM_EXIT_IO] = "IO", [KVM_EXIT_HYPERCALL] = "HYPERCALL",
	[KVM_EXIT_DEBUG] = "DEBUG", [KVM_EXIT_HLT] = "HLT",
	[KVM_EXIT_MMIO] = "MMIO", [KVM_EXIT_IRQ_WINDOW_OPEN] = "IRQ_WINDOW_OPEN",
	[KVM_EXIT_SHUTDOWN] = "SHUTDOWN", [KVM_EXIT_FAIL_ENTRY] = "FAIL_ENTRY",
	[KVM_EXIT_INTR] = "INTR", [KVM_EXIT_SET_TPR] = "SET_TPR",
	[KVM_EXIT_INTERNAL_ERROR] = "INTERNAL_ERROR",
	[KVM_EXIT_IOAPIC_EOI] = "IOAPIC_EOI",
	[KVM_EXIT_SYSTEM_EVENT] = "SYSTEM_EVENT",
	[KVM_EXIT_X86_RDMSR] = "X86_RDMSR", [KVM_EXIT_X86_WRMSR] = "X86_WRMSR",
};

const char *exit_name(uint32_t reason)
{
	static char buf[20];

	if (reason < ARRAY_LEN(exit_names) && exit_names[reason])
		return exit_names[reason];
	snprintf(buf, sizeof(buf), "%u", reason);
	return buf;
}

static int describe_detail(const struct kvm_run *run, char *buf, size_t len)
{
	const uint8_t *data = (const uint8_t *)run + run->io.data_offset;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		return snprintf(buf, len, " %s port 0x%x size %u count %u first byte 0x%x",
				run->io.direction ? "out" : "in", run->io.port,
				run->io.size, run->io.count, data[0]);
	case KVM_EXIT_MMIO:
		return snprintf(buf, len, " %s 0x%llx len %u data 0x%llx",
				run->mmio.is_write ? "write" : "read",
				run->mmio.phys_addr, run->mmio.len,
				*(unsigned long long *)run->mmio.data);
	case KVM_EXIT_INTERNAL_ERROR:
		return snprintf(buf, len, " suberror %u ndata %u data 0x%llx 0x%llx 0x%llx",
				run->internal.suberror, run->internal.ndata,
				run->internal.data[0], run->internal.data[1],
				run->internal.data[2]);
	case KVM_EXIT_FAIL_ENTRY:
		return snprintf(buf, len, " reason 0x%llx",
				run->fail_entry.hardware_entry_failure_reason);
	}
	return 0;
}

void describe_exit(struct kvm_vcpu *vcpu, char *buf, size_t len)
{
	struct kvm_regs r = { 0 };
	struct kvm_sregs s = { 0 };
	int n;

	ioctl(vcpu->fd, KVM_GET_REGS, &r);
	ioctl(vcpu->fd, KVM_GET_SREGS, &s);
	n = snprintf(buf, len, "KVM_EXIT_%s", exit_name(vcpu->run->exit_reason));
	n += describe_detail(vcpu->run, buf + n, len - n);
	snprintf(buf + n, len - n,
		 "\ncs:rip %x:%llx rsp %llx flags %llx rax %llx rbx %llx rcx %llx rdx %llx rsi %llx rdi %llx cr0 %llx cr2 %llx cr4 %llx efer %llx",
		 s.cs.selector, r.rip, r.rsp, r.rflags, r.rax, r.rbx, r.rcx, r.rdx,
		 r.rsi, r.rdi, s.cr0, s.cr2, s.cr4, s.efer);
}

static void __noreturn wrong_exit(struct machine *m, const char *wanted)
{
	char buf[600];
	struct event e;

	describe_exit(m->vcpu, buf, sizeof(buf));
	if (m->run->exit_reason == KVM_EXIT_HLT && at_event(m, &e))
		test_note("stopped by vector %d error 0x%x at %llx:0x%llx", e.vector,
			  e.error, (unsigned long long)e.cs, (unsigned long long)e.ip);
	test_fail(here_file, here_line, "wanted %s, got %s", wanted, buf);
}

int try_run(struct kvm_vcpu *vcpu)
{
	return ioctl(vcpu->fd, KVM_RUN, NULL) ? errno : 0;
}

int run_vcpu(struct kvm_vcpu *vcpu)
{
	int err = try_run(vcpu);

	if (err)
		test_fail(here_file, here_line, "KVM_RUN: %s", strerror(err));
	return vcpu->run->exit_reason;
}

void complete_exit(struct kvm_vcpu *vcpu)
{
	int err;

	vcpu->run->immediate_exit = 1;
	err = try_run(vcpu);
	vcpu->run->immediate_exit = 0;
	if (err != EINTR)
		test_fail(here_file, here_line, "KVM_RUN with immediate_exit: %s",
			  err ? strerror(err) : "entered the guest");
}

void expect_exit_(struct machine *m, int reason)
{
	if (run_vcpu(m->vcpu) != reason)
		wrong_exit(m, exit_name(reason));
}

void expect_shutdown_(struct machine *m)
{
	expect_exit_(m, KVM_EXIT_SHUTDOWN);
}

void expect_hlt_(struct machine *m)
{
	struct event e;

	if (run_vcpu(m->vcpu) != KVM_EXIT_HLT || at_event(m, &e))
		wrong_exit(m, "the HLT at the end of the code");
}

void expect_out_(struct machine *m, uint16_t port, int size, uint32_t value)
{
	char want[60];
	uint32_t got = 0;

	snprintf(want, sizeof(want), "OUT port 0x%x size %d value 0x%x", port, size,
		 value);
	if (run_vcpu(m->vcpu) != KVM_EXIT_IO || m->run->io.direction != KVM_EXIT_IO_OUT ||
	    m->run->io.port != port || m->run->io.size != size || m->run->io.count != 1)
		wrong_exit(m, want);
	memcpy(&got, (uint8_t *)m->run + m->run->io.data_offset, size);
	if (got != value)
		wrong_exit(m, want);
}

void expect_in_(struct machine *m, uint16_t port, int size, uint32_t value)
{
	char want[60];

	snprintf(want, sizeof(want), "IN port 0x%x size %d", port, size);
	if (run_vcpu(m->vcpu) != KVM_EXIT_IO || m->run->io.direction != KVM_EXIT_IO_IN ||
	    m->run->io.port != port || m->run->io.size != size || m->run->io.count != 1)
		wrong_exit(m, want);
	memcpy((uint8_t *)m->run + m->run->io.data_offset, &value, size);
}

static void expect_mmio(struct machine *m, uint64_t gpa, int len, bool write,
			const char *want)
{
	if (run_vcpu(m->vcpu) != KVM_EXIT_MMIO || m->run->mmio.is_write != write ||
	    m->run->mmio.phys_addr != gpa || m->run->mmio.len != len)
		wrong_exit(m, want);
}

void expect_mmio_write_(struct machine *m, uint64_t gpa, int len, uint64_t value)
{
	char want[80];
	uint64_t got = 0;

	snprintf(want, sizeof(want), "MMIO write 0x%llx len %d value 0x%llx",
		 (unsigned long long)gpa, len, (unsigned long long)value);
	expect_mmio(m, gpa, len, true, want);
	memcpy(&got, m->run->mmio.data, len);
	if (got != value)
		wrong_exit(m, want);
}

void expect_mmio_read_(struct machine *m, uint64_t gpa, int len, uint64_t value)
{
	char want[80];

	snprintf(want, sizeof(want), "MMIO read 0x%llx len %d", (unsigned long long)gpa,
		 len);
	expect_mmio(m, gpa, len, false, want);
	memcpy(m->run->mmio.data, &value, len);
}

static bool vector_has_error(struct machine *m, int v)
{
	return m->mode != MODE_REAL &&
	       (v == DF_VECTOR || (v >= TS_VECTOR && v <= PF_VECTOR) ||
		v == AC_VECTOR || v == 21);
}

static uint64_t pop(const uint8_t **sp, int size)
{
	uint64_t v = 0;

	memcpy(&v, *sp, size);
	*sp += size;
	return v;
}

/* True when the vCPU halted in a stub; @e then says what brought it there. */
bool at_event(struct machine *m, struct event *e)
{
	struct kvm_regs r = get_regs(m);
	struct kvm_sregs s = get_sregs(m);
	uint64_t ip = r.rip - 1 + s.cs.base, sp = r.rsp;
	int size = m->mode == MODE_LONG ? 8 : m->mode == MODE_REAL ? 2 : 4;
	const uint8_t *p;

	if (ip < G_STUBS || ip >= G_STUBS + 0x1000)
		return false;
	memset(e, 0, sizeof(*e));
	e->vector = (ip - G_STUBS) / 16;
	e->has_error = vector_has_error(m, e->vector);
	if (!s.ss.db && m->mode != MODE_LONG)
		sp &= 0xffff;
	p = guest_mem(m, sp + (m->mode == MODE_LONG ? 0 : s.ss.base));
	if (e->has_error)
		e->error = pop(&p, size);
	e->ip = pop(&p, size);
	e->cs = pop(&p, size) & 0xffff;
	e->flags = pop(&p, size);
	if (m->mode == MODE_LONG || (m->mode != MODE_REAL && (e->cs & 3) != s.cs.dpl)) {
		e->sp = pop(&p, size);
		e->ss = pop(&p, size) & 0xffff;
	} else {
		e->sp = r.rsp + size * (3 + e->has_error);
		e->ss = s.ss.selector;
	}
	return true;
}

struct event expect_event_(struct machine *m, int vector)
{
	struct event e;
	char want[40];

	snprintf(want, sizeof(want), "vector %d", vector);
	if (run_vcpu(m->vcpu) != KVM_EXIT_HLT || !at_event(m, &e) || e.vector != vector)
		wrong_exit(m, want);
	return e;
}

void return_to(struct machine *m, const struct event *e, uint64_t ip)
{
	struct kvm_sregs s = get_sregs(m);
	struct kvm_regs r = get_regs(m);

	r.rip = ip;
	r.rsp = e->sp;
	r.rflags = e->flags;
	set_regs(m, &r);
	if (m->mode == MODE_REAL) {
		s.cs = make_segment(e->cs, e->cs << 4, 0xffff, ACC_CODE16);
	} else if (e->cs == SEL_CODE16) {
		s.cs = make_segment(SEL_CODE16, G_CODE, 0xffff, ACC_CODE16);
	} else if ((e->cs & 3) == 3) {
		s.cs = make_segment(e->cs, 0, ~0U, ACC_DPL3 |
				    (e->cs == SEL_UCODE64 ? ACC_CODE64 : ACC_CODE32));
		s.ss = make_segment(e->ss, 0, ~0U, ACC_DPL3 | ACC_DATA);
	}
	set_sregs(m, &s);
}

struct kvm_regs get_regs(struct machine *m)
{
	struct kvm_regs r;

	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_REGS, &r));
	return r;
}

void set_regs(struct machine *m, const struct kvm_regs *regs)
{
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_REGS, regs));
}

struct kvm_sregs get_sregs(struct machine *m)
{
	struct kvm_sregs s;

	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_SREGS, &s));
	return s;
}

void set_sregs(struct machine *m, const struct kvm_sregs *sregs)
{
	CHECK_OK(ioctl(m->vcpu->fd, KVM_SET_SREGS, sregs));
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

uint64_t get_msr(struct machine *m, uint32_t index)
{
	struct one_msr msr = { .head.nmsrs = 1, .entry.index = index };
	int n = CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_MSRS, &msr));

	CHECK(n == 1, "MSR 0x%x cannot be read", index);
	return msr.entry.data;
}

int try_set_msr(struct machine *m, uint32_t index, uint64_t value)
{
	struct one_msr msr = {
		.head.nmsrs = 1, .entry.index = index, .entry.data = value,
	};

	return ioctl(m->vcpu->fd, KVM_SET_MSRS, &msr);
}

void set_msr(struct machine *m, uint32_t index, uint64_t value)
{
	int n = CHECK_OK(try_set_msr(m, index, value));

	CHECK(n == 1, "MSR 0x%x cannot be set to 0x%llx", index,
	      (unsigned long long)value);
}

bool cpu_has(struct machine *m, struct kvm_x86_cpu_feature f)
{
	return kvm_cpuid_has(m->vcpu->cpuid, f);
}
