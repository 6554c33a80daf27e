// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad input to every ioctl that does not need an in-kernel irqchip: pointers that lead
 * nowhere, unknown and mis-sized requests, arguments out of range, calls at the wrong
 * time. Each gives the documented error and leaves the machine as it was.
 */
#include <signal.h>

#include "machine.h"

#define MC_CAP_CTL (1ULL << 8)

/* Of a later header. */
#ifndef KVM_PRE_FAULT_MEMORY
struct kvm_pre_fault_memory {
	uint64_t gpa, size, flags, padding[5];
};

#define KVM_PRE_FAULT_MEMORY _IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#define KVM_CAP_PRE_FAULT_MEMORY 236
#endif

#ifndef KVM_CAP_VM_TYPES
#define KVM_CAP_VM_TYPES 235
#define VM_TYPES_ARE_LATER true
#else
#define VM_TYPES_ARE_LATER false
#endif

GUEST_CODE(nops, 64, "nop\n hlt\n");

enum fd_kind { SYSTEM, VM, VCPU };

static int fd_of(struct machine *m, enum fd_kind kind)
{
	return kind == SYSTEM ? m->vm->kvm_fd : kind == VM ? m->vm->fd : m->vcpu->fd;
}

static const char *const kind_names[] = { "system", "vm", "vcpu" };

/* Everything about the vCPU that a stray call could have changed. */
struct snapshot {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debug;
	struct kvm_xsave xsave;
};

static void take(struct machine *m, struct snapshot *s)
{
	memset(s, 0, sizeof(*s));
	s->regs = get_regs(m);
	s->sregs = get_sregs(m);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_VCPU_EVENTS, &s->events));
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_DEBUGREGS, &s->debug));
	CHECK_OK(ioctl(m->vcpu->fd, KVM_GET_XSAVE, &s->xsave));
}

static void still_works(struct machine *m, const struct snapshot *before)
{
	struct snapshot after;

	take(m, &after);
	CHECK(!memcmp(before, &after, sizeof(after)), "a refused call changed state");
	expect_hlt(m);
}

/* --- pointers -------------------------------------------------------------- */

#define P(kind, request) { #request, kind, request }
#define P_CAP(kind, request, cap) { #request, kind, request, cap }

static const struct pointer_case {
	const char *name;
	enum fd_kind kind;
	unsigned long request;
	int cap;		/* that offers the request, 0 if every kvm has it */
} pointers[] = {
	P(SYSTEM, KVM_GET_MSR_INDEX_LIST), P(SYSTEM, KVM_GET_MSR_FEATURE_INDEX_LIST),
	P(SYSTEM, KVM_GET_SUPPORTED_CPUID), P(SYSTEM, KVM_GET_EMULATED_CPUID),
	P(SYSTEM, KVM_GET_MSRS), P(SYSTEM, KVM_X86_GET_MCE_CAP_SUPPORTED),
	P(VM, KVM_SET_USER_MEMORY_REGION), P(VM, KVM_GET_DIRTY_LOG),
	P(VM, KVM_ENABLE_CAP),
	P(VM, KVM_REGISTER_COALESCED_MMIO), P(VM, KVM_UNREGISTER_COALESCED_MMIO),
	P(VCPU, KVM_GET_REGS), P(VCPU, KVM_SET_REGS),
	P(VCPU, KVM_GET_SREGS), P(VCPU, KVM_SET_SREGS),
	P(VCPU, KVM_GET_SREGS2), P(VCPU, KVM_SET_SREGS2),
	P(VCPU, KVM_TRANSLATE), P(VCPU, KVM_INTERRUPT),
	P(VCPU, KVM_GET_MSRS), P(VCPU, KVM_SET_MSRS),
	P(VCPU, KVM_SET_CPUID), P(VCPU, KVM_SET_CPUID2), P(VCPU, KVM_GET_CPUID2),
	P(VCPU, KVM_GET_FPU), P(VCPU, KVM_SET_FPU),
	P(VCPU, KVM_GET_XSAVE), P(VCPU, KVM_SET_XSAVE), P(VCPU, KVM_GET_XSAVE2),
	P(VCPU, KVM_GET_XCRS), P(VCPU, KVM_SET_XCRS),
	P(VCPU, KVM_GET_MP_STATE), P(VCPU, KVM_SET_MP_STATE),
	P(VCPU, KVM_GET_VCPU_EVENTS), P(VCPU, KVM_SET_VCPU_EVENTS),
	P(VCPU, KVM_GET_DEBUGREGS), P(VCPU, KVM_SET_DEBUGREGS),
	P(VCPU, KVM_SET_NESTED_STATE),
	P(VCPU, KVM_SET_GUEST_DEBUG), P(VCPU, KVM_X86_SETUP_MCE), P(VCPU, KVM_X86_SET_MCE),
	P_CAP(VCPU, KVM_TPR_ACCESS_REPORTING, KVM_CAP_VAPIC),
	P_CAP(VCPU, KVM_ENABLE_CAP, KVM_CAP_ENABLE_CAP),
	P_CAP(VCPU, KVM_PRE_FAULT_MEMORY, KVM_CAP_PRE_FAULT_MEMORY),
};

static void bad_pointer(const void *arg)
{
	const struct pointer_case *c = arg;
	struct machine *m = machine_new();
	uint8_t *edge = anon_mem(0x3000);
	struct snapshot before;

	if (c->cap && vm_check_cap(m->vm, c->cap) <= 0)
		test_skip("capability %d is not offered", c->cap);
	machine_start(m, MODE_LONG, nops);
	take(m, &before);
	CHECK_ERRNO(ioctl(fd_of(m, c->kind), c->request, NULL), EFAULT);
	CHECK_ERRNO(ioctl(fd_of(m, c->kind), c->request, (void *)-4096L), EFAULT);
	CHECK_ERRNO(ioctl(fd_of(m, c->kind), c->request, (void *)0xffff888000000000), EFAULT);
	/* A structure of which only the first half is there. */
	CHECK_OK(munmap(edge + 0x1000, 0x1000));
	if (_IOC_SIZE(c->request) >= 8)
		CHECK_ERRNO(ioctl(fd_of(m, c->kind), c->request,
				  edge + 0x1000 - _IOC_SIZE(c->request) / 2), EFAULT);
	still_works(m, &before);
}

/* --- unknown and mis-sized requests ---------------------------------------- */

static void check_unknown(struct machine *m, int fd, unsigned long request)
{
	static uint8_t buf[65536];
	int r = ioctl(fd, request, buf);

	if (r != -1 || (errno != ENOTTY && errno != EINVAL))
		test_fail(here_file, here_line, "request 0x%lx: %d, %s", request, r,
			  strerror(errno));
}

static void unknown_requests(const void *arg)
{
	enum fd_kind kind = *(const enum fd_kind *)arg;
	struct machine *m = machine_new();
	struct snapshot before;
	int fd = fd_of(m, kind), nr;

	machine_start(m, MODE_LONG, nops);
	take(m, &before);
	HERE();
	for (nr = 0xe8; nr <= 0xff; nr++)
		check_unknown(m, fd, _IO(KVMIO, nr));
	/* Right number, wrong size, direction or type. */
	check_unknown(m, fd, _IOC(_IOC_READ, KVMIO, 0x81, sizeof(struct kvm_regs) + 8));
	check_unknown(m, fd, _IOC(_IOC_WRITE, KVMIO, 0x81, sizeof(struct kvm_regs)));
	check_unknown(m, fd, _IOC(_IOC_READ, KVMIO + 1, 0x81, sizeof(struct kvm_regs)));
	check_unknown(m, fd, _IOC(_IOC_WRITE, KVMIO, 0x46, 16));
	check_unknown(m, fd, _IOC(_IOC_READ, KVMIO, 0x80, 0));
	check_unknown(m, fd, _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x00, 0x3fff));
	still_works(m, &before);
}

/* A request to the wrong kind of descriptor. */
static void wrong_descriptor(const void *arg)
{
	struct machine *m = machine_new();
	struct snapshot before;

	machine_start(m, MODE_LONG, nops);
	take(m, &before);
	HERE();
	check_unknown(m, m->vm->kvm_fd, KVM_RUN);
	check_unknown(m, m->vm->kvm_fd, KVM_CREATE_VCPU);
	check_unknown(m, m->vm->kvm_fd, KVM_SET_USER_MEMORY_REGION);
	check_unknown(m, m->vm->fd, KVM_CREATE_VM);
	check_unknown(m, m->vm->fd, KVM_RUN);
	check_unknown(m, m->vm->fd, KVM_GET_REGS);
	check_unknown(m, m->vcpu->fd, KVM_CREATE_VM);
	check_unknown(m, m->vcpu->fd, KVM_SET_USER_MEMORY_REGION);
	check_unknown(m, m->vcpu->fd, KVM_GET_DIRTY_LOG);
	still_works(m, &before);
}

/* --- system descriptor ----------------------------------------------------- */

static void system_calls(const void *arg)
{
	struct machine *m = machine_new();
	int kvm = m->vm->kvm_fd;
	uint64_t v;

	CHECK_EQ(ioctl(kvm, KVM_GET_API_VERSION, 0), 12);
	CHECK_ERRNO(ioctl(kvm, KVM_GET_API_VERSION, 1), EINVAL);
	CHECK(CHECK_OK(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0)) >= 3 * 4096, "too small");
	CHECK_ERRNO(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 1), EINVAL);
	CHECK_ERRNO(ioctl(kvm, KVM_CREATE_VM, 0x1000), EINVAL);
	CHECK_ERRNO(ioctl(kvm, KVM_CREATE_VM, -1L), EINVAL);
	CHECK_EQ(ioctl(kvm, KVM_CHECK_EXTENSION, 0x7fffffff), 0);
	CHECK_EQ(ioctl(kvm, KVM_CHECK_EXTENSION, -1L), 0);
	CHECK_OK(ioctl(kvm, KVM_X86_GET_MCE_CAP_SUPPORTED, &v));
	CHECK(v & MC_CAP_CTL, "0x%llx", (unsigned long long)v);
}

/* Exactly the announced types can be had. */
static void vm_types(const void *arg)
{
	struct machine *m = machine_new_novcpu();
	int kvm = m->vm->kvm_fd, types = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES);
	long type;

	if (!types && VM_TYPES_ARE_LATER)
		test_skip("this kvm does not announce KVM_CAP_VM_TYPES");
	CHECK(types & 1, "0x%x is without the default type", types);
	CHECK_EQ(ioctl(m->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES), types);
	for (type = 0; type < 40; type++) {
		if (type < 32 && types & 1u << type)
			close(CHECK_OK(ioctl(kvm, KVM_CREATE_VM, type)));
		else
			CHECK_ERRNO(ioctl(kvm, KVM_CREATE_VM, type), EINVAL);
	}
	CHECK_ERRNO(ioctl(kvm, KVM_CREATE_VM, 1L << 32), EINVAL);
}

/* What an unmodified user of the interface asks for before anything else. */
static void capabilities(const void *arg)
{
	static const struct { int cap, at_least; } want[] = {
		{ KVM_CAP_USER_MEMORY, 1 }, { KVM_CAP_EXT_CPUID, 1 },
		{ KVM_CAP_SET_TSS_ADDR, 1 }, { KVM_CAP_MP_STATE, 1 },
		{ KVM_CAP_NR_VCPUS, 1 }, { KVM_CAP_MAX_VCPUS, 16 },
		{ KVM_CAP_MAX_VCPU_ID, 16 }, { KVM_CAP_NR_MEMSLOTS, 32764 },
		{ KVM_CAP_SYNC_MMU, 1 }, { KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1 },
		{ KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1 }, { KVM_CAP_USER_NMI, 1 },
		{ KVM_CAP_SET_GUEST_DEBUG, 1 }, { KVM_CAP_MCE, 1 },
		{ KVM_CAP_SET_IDENTITY_MAP_ADDR, 1 }, { KVM_CAP_VCPU_EVENTS, 1 },
		{ KVM_CAP_DEBUGREGS, 1 },
		{ KVM_CAP_XSAVE, 1 }, { KVM_CAP_XCRS, 1 }, { KVM_CAP_READONLY_MEM, 1 },
		{ KVM_CAP_CHECK_EXTENSION_VM, 1 }, { KVM_CAP_IMMEDIATE_EXIT, 1 },
		{ KVM_CAP_GET_TSC_KHZ, 1 }, { KVM_CAP_X86_ROBUST_SINGLESTEP, 1 },
		{ KVM_CAP_GET_MSR_FEATURES, 1 }, { KVM_CAP_SREGS2, 1 },
		{ KVM_CAP_MAX_VCPUS, 1 }, { KVM_CAP_EXT_EMUL_CPUID, 1 },
		{ KVM_CAP_HLT, 1 }, { KVM_CAP_INTERNAL_ERROR_DATA, 1 },
		{ KVM_CAP_CLOCKSOURCE, 1 }, { KVM_CAP_NOP_IO_DELAY, 1 },
		{ KVM_CAP_PCI_SEGMENT, 1 }, { KVM_CAP_LAST_CPU, 1 },
	};
	struct machine *m = machine_new();
	int i;

	for (i = 0; i < ARRAY_LEN(want); i++) {
		int sys = ioctl(m->vm->kvm_fd, KVM_CHECK_EXTENSION, want[i].cap);
		int vm = ioctl(m->vm->fd, KVM_CHECK_EXTENSION, want[i].cap);

		CHECK(sys >= want[i].at_least, "capability %d: %d", want[i].cap, sys);
		CHECK_EQ(vm, sys);
	}
}

/* --- VM descriptor --------------------------------------------------------- */

static void vcpu_creation(const void *arg)
{
	struct machine *m = machine_new_novcpu();
	int max_id = vm_check_cap(m->vm, KVM_CAP_MAX_VCPU_ID);

	CHECK_ERRNO(ioctl(m->vm->fd, KVM_CREATE_VCPU, (long)max_id), EINVAL);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_CREATE_VCPU, 0xffffffffL), EINVAL);
	machine_add_vcpu(m, kvm_get_supported_cpuid());
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_CREATE_VCPU, 0), EEXIST);
	CHECK_OK(ioctl(m->vm->fd, KVM_CREATE_VCPU, 1));
	CHECK_OK(ioctl(m->vm->fd, KVM_CREATE_VCPU, (long)max_id - 1));
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_CREATE_VCPU, 1), EEXIST);
	machine_start(m, MODE_LONG, nops);
	expect_hlt(m);
}

static void too_many_vcpus(const void *arg)
{
	struct machine *m = machine_new_novcpu();
	int max = vm_check_cap(m->vm, KVM_CAP_MAX_VCPUS), i;
	int max_id = vm_check_cap(m->vm, KVM_CAP_MAX_VCPU_ID);

	CHECK(max_id >= max, "ids %d, vCPUs %d", max_id, max);
	if (max > 1024)
		test_skip("%d vCPUs take too long in the lab", max);
	/* Closed at once: one descriptor each is beyond the usual limit. */
	for (i = 0; i < max; i++) {
		int fd = ioctl(m->vm->fd, KVM_CREATE_VCPU, (long)i);

		if (fd < 0 && errno == ENOMEM)
			test_skip("out of memory after %d of %d vCPUs", i, max);
		CHECK(fd >= 0, "vCPU %d: %s", i, strerror(errno));
		close(fd);
	}
	if (max_id > max)
		CHECK_ERRNO(ioctl(m->vm->fd, KVM_CREATE_VCPU, (long)max), EINVAL);
}

static void addresses(const void *arg)
{
	struct machine *m = machine_new_novcpu();
	uint64_t at = 0xfffbc000;

	CHECK_OK(ioctl(m->vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &at));
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_SET_IDENTITY_MAP_ADDR, NULL), EFAULT);
	at = 0;
	CHECK_OK(ioctl(m->vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &at));
	CHECK_OK(ioctl(m->vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000));
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_SET_TSS_ADDR, 0xffffffffUL), EINVAL);
	machine_add_vcpu(m, kvm_get_supported_cpuid());
	/* Too late. */
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &at), EINVAL);
	machine_start(m, MODE_LONG, nops);
	expect_hlt(m);
}

static void boot_cpu_id(const void *arg)
{
	struct machine *m = machine_new_novcpu();
	struct kvm_vcpu *one;

	CHECK_OK(ioctl(m->vm->fd, KVM_SET_BOOT_CPU_ID, 1));
	machine_add_vcpu(m, kvm_get_supported_cpuid());
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_SET_BOOT_CPU_ID, 0), EBUSY);
	one = __vm_vcpu_add(m->vm, 1);
	/* The BSP flag of the APIC base tells which one it is. */
	CHECK_EQ(get_sregs(m).apic_base & 1 << 8, 0);
	m->vcpu = one;
	CHECK_EQ(get_sregs(m).apic_base & 1 << 8, 1 << 8);
}

/* The largest id and the boot CPU's are checked against each other in either order. */
static void boot_cpu_id_too_large(const void *arg)
{
	struct machine *m = machine_new_novcpu();
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MAX_VCPU_ID, .args = { 5 } };

	CHECK_OK(ioctl(m->vm->fd, KVM_SET_BOOT_CPU_ID, 6));
	if (!ioctl(m->vm->fd, KVM_ENABLE_CAP, &cap))
		test_skip("this kvm takes a maximum below the boot CPU's id");
	CHECK_EQ(errno, EINVAL);
	cap.args[0] = 7;
	CHECK_OK(ioctl(m->vm->fd, KVM_ENABLE_CAP, &cap));
	if (!ioctl(m->vm->fd, KVM_SET_BOOT_CPU_ID, 7))
		test_skip("this kvm takes a boot CPU that cannot be made");
	CHECK_EQ(errno, EINVAL);
	CHECK_OK(ioctl(m->vm->fd, KVM_CREATE_VCPU, 6));
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_CREATE_VCPU, 7), EINVAL);
}

static void bad_caps(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_enable_cap cap = { .cap = 0x7fffffff };
	struct snapshot before;

	machine_start(m, MODE_LONG, nops);
	take(m, &before);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.cap = KVM_CAP_EXCEPTION_PAYLOAD;
	cap.flags = 1;
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	still_works(m, &before);
}

/*
 * Without an in-kernel irqchip these have nothing to act on; a kvm that has no irqchip to
 * offer at all does not know them.
 */
static void no_irqchip(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_irq_level level = { .irq = 1, .level = 1 };
	struct kvm_irqchip chip = { .chip_id = 0 };
	bool chips = vm_check_cap(m->vm, KVM_CAP_IRQCHIP) > 0;
	struct kvm_lapic_state lapic;
	struct kvm_msi msi = { .address_lo = 0xfee00000 };
	struct snapshot before;

	machine_start(m, MODE_LONG, nops);
	take(m, &before);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_IRQ_LINE, &level), chips ? ENXIO : ENOTTY);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_GET_IRQCHIP, &chip), chips ? ENXIO : ENOTTY);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_SET_IRQCHIP, &chip), chips ? ENXIO : ENOTTY);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_SIGNAL_MSI, &msi), chips ? EINVAL : ENOTTY);
	memset(&lapic, 0, sizeof(lapic));
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_GET_LAPIC, &lapic), EINVAL);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_SET_LAPIC, &lapic), EINVAL);
	still_works(m, &before);
}

static void mmu_pages(const void *arg)
{
	struct machine *m = machine_new();
	/* Deprecated, and gone from later kernels: asking may be refused. */
	long n = ioctl(m->vm->fd, KVM_GET_NR_MMU_PAGES, 0);

	if (vm_check_cap(m->vm, KVM_CAP_MMU_SHADOW_CACHE_CONTROL) <= 0)
		test_skip("KVM_CAP_MMU_SHADOW_CACHE_CONTROL is not offered");
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_SET_NR_MMU_PAGES, 1), EINVAL);
	if (n >= 0)
		CHECK_EQ(ioctl(m->vm->fd, KVM_GET_NR_MMU_PAGES, 0), n);
	CHECK_OK(ioctl(m->vm->fd, KVM_SET_NR_MMU_PAGES, 4096));
	if (n >= 0)
		CHECK_EQ(ioctl(m->vm->fd, KVM_GET_NR_MMU_PAGES, 0), 4096);
	machine_start(m, MODE_LONG, nops);
	expect_hlt(m);
}

static void coalesced_zones(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_coalesced_mmio_zone z = { .addr = G_MMIO, .size = 0x1000 };

	CHECK(vm_check_cap(m->vm, KVM_CAP_COALESCED_MMIO) > 0, "no coalesced MMIO");
	CHECK_OK(ioctl(m->vm->fd, KVM_REGISTER_COALESCED_MMIO, &z));
	z.pio = 2;
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_REGISTER_COALESCED_MMIO, &z), EINVAL);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_UNREGISTER_COALESCED_MMIO, &z), EINVAL);
	z.pio = 0;
	CHECK_OK(ioctl(m->vm->fd, KVM_UNREGISTER_COALESCED_MMIO, &z));
}

static void device_creation(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_create_device d = { .type = 0x7fffffff };

	if (vm_check_cap(m->vm, KVM_CAP_DEVICE_CTRL) <= 0)
		test_skip("KVM_CAP_DEVICE_CTRL is not offered");
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_CREATE_DEVICE, &d), ENODEV);
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_CREATE_DEVICE, NULL), EFAULT);
}

static void ioeventfd(const void *arg)
{
	static const struct { uint32_t len, flags; uint64_t addr; int fd, error; } bad[] = {
		{ 3, 0, G_MMIO, -1, EINVAL }, { 16, 0, G_MMIO, -1, EINVAL },
		{ 4, 0x8000, G_MMIO, -1, EINVAL },
		{ 4, 0, 0xfffffffffffffffe, -1, EINVAL },
		{ 0, KVM_IOEVENTFD_FLAG_DATAMATCH, G_MMIO, -1, EINVAL },
		{ 4, 0, G_MMIO, -1, EBADF },
	};
	struct machine *m = machine_new();
	int i;

	if (vm_check_cap(m->vm, KVM_CAP_IOEVENTFD) <= 0)
		test_skip("KVM_CAP_IOEVENTFD is not offered");
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		struct kvm_ioeventfd e = {
			.len = bad[i].len, .flags = bad[i].flags, .addr = bad[i].addr,
			.fd = bad[i].fd,
		};

		CHECK_ERRNO(ioctl(m->vm->fd, KVM_IOEVENTFD, &e), bad[i].error);
	}
	CHECK_ERRNO(ioctl(m->vm->fd, KVM_IOEVENTFD, NULL), EFAULT);
}

/* --- vCPU descriptor ------------------------------------------------------- */

static void run_argument(const void *arg)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, nops);
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_RUN, 1), EINVAL);
	CHECK_EQ(get_regs(m).rip, G_CODE);
	expect_hlt(m);
}

/* --- memory ahead of its use ----------------------------------------------- */

static void pre_fault(const void *arg)
{
	static const struct kvm_pre_fault_memory bad[] = {
		{ .gpa = 0x1000, .size = 0 },
		{ .gpa = 0x1000, .size = 0x800 },
		{ .gpa = 0x1800, .size = 0x1000 },
		{ .gpa = -0x1000ull, .size = 0x2000 },
		{ .gpa = 0x1000, .size = 0x1000, .flags = 1 },
	};
	struct machine *m = machine_new();
	struct kvm_pre_fault_memory r;
	int i;

	if (vm_check_cap(m->vm, KVM_CAP_PRE_FAULT_MEMORY) <= 0)
		test_skip("KVM_CAP_PRE_FAULT_MEMORY is not offered");
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		r = bad[i];
		CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_PRE_FAULT_MEMORY, &r), EINVAL);
		CHECK(!memcmp(&r, &bad[i], sizeof(r)), "a refused call changed its argument");
	}
	r = (struct kvm_pre_fault_memory){ .gpa = 0x1000, .size = 0x4000 };
	while (r.size)
		CHECK_OK(ioctl(m->vcpu->fd, KVM_PRE_FAULT_MEMORY, &r));
	CHECK_EQ(r.gpa, 0x5000);
	r = (struct kvm_pre_fault_memory){ .gpa = G_MMIO, .size = 0x1000 };
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_PRE_FAULT_MEMORY, &r), ENOENT);
	machine_start(m, MODE_LONG, nops);
	expect_hlt(m);
}

static volatile int sigbus;

static void on_sigbus(int sig)
{
	sigbus++;
}

/* KVM_PRE_FAULT_MEMORY of a poisoned page fails with EHWPOISON and sends no SIGBUS. */
static void pre_fault_poisoned(const void *arg)
{
	const uint64_t at = 0x10000000;
	struct machine *m = machine_new();
	struct kvm_pre_fault_memory r = { .gpa = at, .size = 0x3000 };
	uint8_t *mem = anon_mem(0x3000);

	if (vm_check_cap(m->vm, KVM_CAP_PRE_FAULT_MEMORY) <= 0)
		test_skip("KVM_CAP_PRE_FAULT_MEMORY is not offered");
	memset(mem, 1, 0x3000);
	set_slot(m, 7, 0, at, 0x3000, mem);
	/* MADV_HWPOISON itself may raise SIGBUS. */
	signal(SIGBUS, on_sigbus);
	if (madvise(mem + 0x1000, 0x1000, MADV_HWPOISON))
		test_skip("MADV_HWPOISON: %s", strerror(errno));
	sigbus = 0;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_PRE_FAULT_MEMORY, &r));
	CHECK_EQ(r.gpa, at + 0x1000);
	CHECK_EQ(r.size, 0x2000);
	errno = 0;
	CHECK_EQ(ioctl(m->vcpu->fd, KVM_PRE_FAULT_MEMORY, &r), -1);
	if (errno == EINTR && sigbus)
		test_skip("this kvm raises SIGBUS for it");
	CHECK(errno == EHWPOISON, "%s", strerror(errno));
	CHECK_EQ(r.gpa, at + 0x1000);
	r = (struct kvm_pre_fault_memory){ .gpa = at + 0x2000, .size = 0x1000 };
	CHECK_OK(ioctl(m->vcpu->fd, KVM_PRE_FAULT_MEMORY, &r));
	CHECK_EQ(r.size, 0);
	CHECK_EQ(sigbus, 0);
}

/* --- machine checks -------------------------------------------------------- */

#define MC_STATUS_VALID (1ULL << 63)
#define MC_STATUS_UC (1ULL << 61)

static void machine_checks(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_x86_mce mce = { 0 };
	uint64_t supported, cap;
	struct kvm_sregs s;
	struct event e;

	CHECK_OK(ioctl(m->vm->kvm_fd, KVM_X86_GET_MCE_CAP_SUPPORTED, &supported));
	cap = MC_CAP_CTL | 4;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_X86_SETUP_MCE, &cap));
	CHECK_EQ(get_msr(m, MSR_IA32_MCG_CAP), cap);
	cap = MC_CAP_CTL | 33;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = 0;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = (~supported & 1ULL << 40) | 4;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	CHECK_EQ(get_msr(m, MSR_IA32_MCG_CAP), MC_CAP_CTL | 4);

	mce.bank = 4;
	mce.status = MC_STATUS_VALID | MC_STATUS_UC;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_X86_SET_MCE, &mce), EINVAL);
	mce.bank = 1;
	mce.status = MC_STATUS_UC;
	CHECK_ERRNO(ioctl(m->vcpu->fd, KVM_X86_SET_MCE, &mce), EINVAL);

	/* A corrected error is only recorded. */
	machine_start(m, MODE_LONG, nops);
	set_msr(m, MSR_IA32_MCG_CTL, ~0ULL);
	set_msr(m, MSR_IA32_MC0_CTL + 4, ~0ULL);
	mce.status = MC_STATUS_VALID | 0x150;
	mce.addr = 0x1234000;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_X86_SET_MCE, &mce));
	CHECK_EQ(get_msr(m, MSR_IA32_MC0_STATUS + 4), mce.status);
	CHECK_EQ(get_msr(m, MSR_IA32_MC0_ADDR + 4), mce.addr);
	expect_hlt(m);

	/* An uncorrected one is #MC, if the guest is ready for it. */
	machine_start(m, MODE_LONG, nops);
	s = get_sregs(m);
	s.cr4 |= X86_CR4_MCE;
	set_sregs(m, &s);
	mce.status = MC_STATUS_VALID | MC_STATUS_UC;
	mce.mcg_status = 5;
	CHECK_OK(ioctl(m->vcpu->fd, KVM_X86_SET_MCE, &mce));
	e = expect_event(m, MC_VECTOR);
	CHECK_EQ(e.ip, G_CODE);
	CHECK_EQ(get_msr(m, MSR_IA32_MCG_STATUS), 5);
}

/* With CR4.MCE clear an uncorrected error shuts the machine down. */
static void machine_check_shutdown(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t cap = MC_CAP_CTL | 4;
	struct kvm_x86_mce mce = {
		.bank = 1, .status = MC_STATUS_VALID | MC_STATUS_UC, .mcg_status = 5,
	};

	CHECK_OK(ioctl(m->vcpu->fd, KVM_X86_SETUP_MCE, &cap));
	set_msr(m, MSR_IA32_MCG_CTL, ~0ULL);
	set_msr(m, MSR_IA32_MC0_CTL + 4, ~0ULL);
	machine_start(m, MODE_LONG, nops);
	CHECK_OK(ioctl(m->vcpu->fd, KVM_X86_SET_MCE, &mce));
	expect_shutdown(m);
}

int main(int argc, char **argv)
{
	static const enum fd_kind kinds[] = { SYSTEM, VM, VCPU };
	int i;

	for (i = 0; i < ARRAY_LEN(pointers); i++)
		add_test(bad_pointer, &pointers[i], "pointer_%s_%s",
			 kind_names[pointers[i].kind], pointers[i].name);
	for (i = 0; i < ARRAY_LEN(kinds); i++)
		add_test(unknown_requests, &kinds[i], "unknown_requests_%s", kind_names[i]);
	TEST(wrong_descriptor);
	TEST(system_calls);
	TEST(vm_types);
	TEST(capabilities);
	TEST(vcpu_creation);
	TEST(too_many_vcpus);
	TEST(addresses);
	TEST(boot_cpu_id);
	TEST(boot_cpu_id_too_large);
	add_test(bad_caps, NULL, "enable_cap");
	TEST(no_irqchip);
	TEST(mmu_pages);
	TEST(coalesced_zones);
	TEST(device_creation);
	TEST(ioeventfd);
	TEST(run_argument);
	TEST(pre_fault);
	TEST(pre_fault_poisoned);
	TEST(machine_checks);
	TEST(machine_check_shutdown);
	return run_tests(argc, argv);
}
