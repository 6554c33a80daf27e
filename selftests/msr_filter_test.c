// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space may forbid or answer itself: MSRs by KVM_X86_SET_MSR_FILTER,
 * also those that are reached without an exit, MSR_PLATFORM_INFO, and the quirks of
 * MONITOR and MWAIT. And the attribute of /dev/kvm that says which XCR0 a guest may have.
 */
#include "machine.h"

#define UNKNOWN_MSR	0x12345678
#define BOTH		(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)

static int set_filter(struct machine *m, struct kvm_msr_filter *f)
{
	return ioctl(m->vm->fd, KVM_X86_SET_MSR_FILTER, f);
}

/* One MSR, of which @flags are denied and the rest is allowed. */
static void deny(struct machine *m, uint32_t index, uint32_t flags)
{
	static uint8_t none;
	struct kvm_msr_filter f = {
		.ranges[0] = { .flags = flags, .nmsrs = 1, .base = index, .bitmap = &none },
	};

	CHECK_OK(set_filter(m, &f));
}

static void no_filter(struct machine *m)
{
	struct kvm_msr_filter f = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW };

	CHECK_OK(set_filter(m, &f));
}

struct denied {
	const char *name;
	uint32_t index;
};

/* The last three are reached without an exit where no filter says otherwise. */
static const struct denied denied[] = {
	{ "misc_enable", MSR_IA32_MISC_ENABLE },
	{ "lstar", MSR_LSTAR },
	{ "fs_base", MSR_FS_BASE },
	{ "kernel_gs_base", MSR_KERNEL_GS_BASE },
	{ "sysenter_eip", MSR_IA32_SYSENTER_EIP },
};

/* Denied, it is #GP; asked for, it is an exit; without the filter it works again. */
static void deny_one(const void *arg)
{
	const struct denied *d = arg;
	struct machine *m = machine_new();
	uint64_t before = get_msr(m, d->index);

	deny(m, d->index, BOTH);
	start_rdmsr(m, d->index);
	expect_event(m, GP_VECTOR);
	start_wrmsr(m, d->index, 0x1000);
	expect_event(m, GP_VECTOR);

	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER));
	start_rdmsr(m, d->index);
	expect_exit(m, KVM_EXIT_X86_RDMSR);
	CHECK_EQ(m->run->msr.reason, KVM_MSR_EXIT_REASON_FILTER);
	CHECK_EQ(m->run->msr.index, d->index);
	m->run->msr.data = 0x1122334455667788;
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rax, 0x55667788);
	CHECK_EQ(get_regs(m).rdx, 0x11223344);
	start_wrmsr(m, d->index, 0x1000);
	expect_exit(m, KVM_EXIT_X86_WRMSR);
	CHECK_EQ(m->run->msr.reason, KVM_MSR_EXIT_REASON_FILTER);
	CHECK_EQ(m->run->msr.data, 0x1000);
	expect_hlt(m);

	no_filter(m);
	start_wrmsr(m, d->index, before);
	expect_hlt(m);
	start_rdmsr(m, d->index);
	if (d->index == MSR_FS_BASE)
		set_msr(m, d->index, before);
	expect_hlt(m);
	CHECK_EQ((uint32_t)get_regs(m).rax, (uint32_t)before);
}

/* If user space moves RIP at the exit, its answer for the RDMSR or WRMSR is dropped. */
static void moved_meanwhile(const void *arg)
{
	static const int exits[] = { KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR };
	struct machine *m = machine_new();
	struct kvm_regs r;
	int i;

	deny(m, MSR_LSTAR, BOTH);
	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER));
	for (i = 0; i < 4; i++) {
		if (i & 1)
			start_wrmsr(m, MSR_LSTAR, 0);
		else
			start_rdmsr(m, MSR_LSTAR);
		expect_exit(m, exits[i & 1]);
		m->run->msr.data = 0x1122334455667788;
		m->run->msr.error = i & 2;
		r = get_regs(m);
		r.rip += 2;		/* HLT */
		r.rax = 0x77;
		set_regs(m, &r);
		expect_hlt(m);
		CHECK_EQ(get_regs(m).rax, 0x77);
		CHECK_EQ(get_regs(m).rip, r.rip + 1);
	}
}

/* A filter for one direction leaves the other alone, and user space is never filtered. */
static void one_direction(const void *arg)
{
	struct machine *m = machine_new();

	deny(m, MSR_LSTAR, KVM_MSR_FILTER_WRITE);
	set_msr(m, MSR_LSTAR, 0x123000);
	start_rdmsr(m, MSR_LSTAR);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rax, 0x123000);
	start_wrmsr(m, MSR_LSTAR, 0x456000);
	expect_event(m, GP_VECTOR);
	CHECK_EQ(get_msr(m, MSR_LSTAR), 0x123000);
}

/* Bit n of a range is its MSR n; what no range covers follows the default. */
static void ranges_and_default(const void *arg)
{
	uint8_t allow[2] = { 0, 1 << 2 };	/* base + 10 */
	struct kvm_msr_filter f = {
		.flags = KVM_MSR_FILTER_DEFAULT_DENY,
		.ranges[3] = { .flags = BOTH, .nmsrs = 11, .base = 0xc0000080 - 8,
			       .bitmap = allow },
	};
	struct machine *m = machine_new();

	CHECK_OK(set_filter(m, &f));
	start_rdmsr(m, MSR_LSTAR);		/* 0xc0000082 */
	expect_hlt(m);
	start_rdmsr(m, MSR_STAR);		/* in the range, bit clear */
	expect_event(m, GP_VECTOR);
	start_rdmsr(m, MSR_IA32_MISC_ENABLE);	/* in no range */
	expect_event(m, GP_VECTOR);
}

static void refused_filters(const void *arg)
{
	uint8_t bitmap[8] = { 0 };
	struct kvm_msr_filter good = {
		.ranges[0] = { .flags = BOTH, .nmsrs = 1, .base = MSR_LSTAR, .bitmap = bitmap },
	}, f;
	struct machine *m = machine_new();
	int i;

	for (i = 1; i < 32; i++) {
		f = good;
		f.flags = 1u << i;
		CHECK_ERRNO(set_filter(m, &f), EINVAL);
		f = good;
		f.ranges[0].flags = 1u << (i + (i == 1 ? 1 : 0));
		CHECK_ERRNO(set_filter(m, &f), EINVAL);
	}
	f = good;
	f.flags = KVM_MSR_FILTER_DEFAULT_DENY;
	f.ranges[0].nmsrs = 0;
	CHECK_ERRNO(set_filter(m, &f), EINVAL);
	f = good;
	f.ranges[0].nmsrs = 0x600 * 8 + 1;
	CHECK_ERRNO(set_filter(m, &f), EINVAL);
	f.ranges[0].nmsrs = ~0u;
	CHECK_ERRNO(set_filter(m, &f), EINVAL);
	f = good;
	f.ranges[0].bitmap = (uint8_t *)-4096L;
	CHECK_ERRNO(set_filter(m, &f), EFAULT);
	/* None of them is in force. */
	start_rdmsr(m, MSR_LSTAR);
	expect_hlt(m);
}

/* What the ioctl is for a 32-bit program: pointers of 4 bytes. */
static void compat_layout(const void *arg)
{
	struct {
		uint32_t flags;
		struct {
			uint32_t flags, nmsrs, base, bitmap;
		} ranges[KVM_MSR_FILTER_MAX_RANGES];
	} f = { .ranges[1] = { .flags = BOTH, .nmsrs = 1, .base = MSR_LSTAR } };
	void *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct machine *m = machine_new();

	CHECK(low != MAP_FAILED, "mmap");
	f.ranges[1].bitmap = (uintptr_t)low;
	CHECK_OK(ioctl(m->vm->fd, _IOW(KVMIO, 0xc6, f), &f));
	start_rdmsr(m, MSR_LSTAR);
	expect_event(m, GP_VECTOR);
	start_rdmsr(m, MSR_STAR);
	expect_hlt(m);
}

/* Each reason is asked for by itself. */
static void reasons(const void *arg)
{
	struct machine *m = machine_new();

	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_INVAL));
	start_rdmsr(m, UNKNOWN_MSR);
	expect_event(m, GP_VECTOR);
	start_wrmsr(m, MSR_IA32_CR_PAT, 2);
	expect_exit(m, KVM_EXIT_X86_WRMSR);
	CHECK_EQ(m->run->msr.reason, KVM_MSR_EXIT_REASON_INVAL);
	CHECK_EQ(m->run->msr.index, MSR_IA32_CR_PAT);
	m->run->msr.error = 1;
	expect_event(m, GP_VECTOR);
	start_wrmsr(m, MSR_IA32_CR_PAT, 2);
	expect_exit(m, KVM_EXIT_X86_WRMSR);
	m->run->msr.error = 0;
	expect_hlt(m);
}

static void bad_reasons(const void *arg)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_X86_USER_SPACE_MSR };
	struct machine *m = machine_new();
	int i;

	for (i = 3; i < 64; i++) {
		c.args[0] = 1ULL << i;
		CHECK_ERRNO(ioctl(m->vm->fd, KVM_ENABLE_CAP, &c), EINVAL);
	}
}

static void platform_info(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t v = get_msr(m, MSR_PLATFORM_INFO);

	start_rdmsr(m, MSR_PLATFORM_INFO);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rax, (uint32_t)v);
	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_MSR_PLATFORM_INFO, 0));
	start_rdmsr(m, MSR_PLATFORM_INFO);
	expect_event(m, GP_VECTOR);
	CHECK_EQ(get_msr(m, MSR_PLATFORM_INFO), v);
	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_MSR_PLATFORM_INFO, 1));
	start_wrmsr(m, MSR_PLATFORM_INFO, v);
	expect_event(m, GP_VECTOR);
}

GUEST_CODE(idle_hints, 64, "lea idle_hints(%rip), %rax\n xor %ecx, %ecx\n xor %edx, %edx\n"
	   "monitor\n mwait\n hlt\n");
GUEST_CODE(has_monitor, 64, "mov $1, %eax\n cpuid\n shr $3, %ecx\n and $1, %ecx\n hlt\n");

static uint64_t guest_sees_monitor(struct machine *m)
{
	machine_start(m, MODE_LONG, has_monitor);
	expect_hlt(m);
	return get_regs(m).rcx;
}

/* No-ops without the feature; #UD when the quirk is off; MISC_ENABLE gives it back. */
static void mwait_quirks(const void *arg)
{
	const uint64_t never_ud = KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS;
	const uint64_t no_mwait = KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT;
	struct machine *m = machine_new();
	uint64_t misc = get_msr(m, MSR_IA32_MISC_ENABLE);

	CHECK_EQ(vm_check_cap(m->vm, KVM_CAP_DISABLE_QUIRKS2) & (never_ud | no_mwait),
		 never_ud | no_mwait);
	machine_start(m, MODE_LONG, idle_hints);
	expect_hlt(m);
	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_DISABLE_QUIRKS2, never_ud));
	machine_start(m, MODE_LONG, idle_hints);
	expect_event(m, UD_VECTOR);

	set_msr(m, MSR_IA32_MISC_ENABLE, misc | 1 << 18);
	CHECK_EQ(guest_sees_monitor(m), 0);
	CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_DISABLE_QUIRKS2, never_ud | no_mwait));
	set_msr(m, MSR_IA32_MISC_ENABLE, misc);
	set_msr(m, MSR_IA32_MISC_ENABLE, misc | 1 << 18);
	CHECK_EQ(guest_sees_monitor(m), 1);
	machine_start(m, MODE_LONG, idle_hints);
	expect_hlt(m);
	set_msr(m, MSR_IA32_MISC_ENABLE, misc);
	CHECK_EQ(guest_sees_monitor(m), 0);
}

static void bad_quirks(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t known = vm_check_cap(m->vm, KVM_CAP_DISABLE_QUIRKS2);

	CHECK_ERRNO(enable_cap(m->vm->fd, KVM_CAP_DISABLE_QUIRKS2, ~known), EINVAL);
}

/* The XCR0 that leaf 0xD offers. */
static void system_attribute(const void *arg)
{
	uint64_t xcr0 = ~0ULL;
	struct kvm_device_attr a = {
		.group = 0, .attr = KVM_X86_XCOMP_GUEST_SUPP, .addr = (uint64_t)&xcr0,
	};
	struct machine *m = machine_new();
	const struct kvm_cpuid_entry2 *e =
		get_cpuid_entry(kvm_get_supported_cpuid(), 0xd, 0);
	int kvm = m->vm->kvm_fd;

	CHECK_OK(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &a));
	CHECK_OK(ioctl(kvm, KVM_GET_DEVICE_ATTR, &a));
	CHECK_EQ(xcr0, e->eax | (uint64_t)e->edx << 32);
	a.addr = -4096L;
	CHECK_ERRNO(ioctl(kvm, KVM_GET_DEVICE_ATTR, &a), EFAULT);
	a.attr = 0x1234;
	CHECK_ERRNO(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &a), ENXIO);
	CHECK_ERRNO(ioctl(kvm, KVM_GET_DEVICE_ATTR, &a), ENXIO);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 0; i < ARRAY_LEN(denied); i++)
		add_test(deny_one, &denied[i], "deny_%s", denied[i].name);
	TEST(moved_meanwhile);
	TEST(one_direction);
	TEST(ranges_and_default);
	TEST(refused_filters);
	TEST(compat_layout);
	TEST(reasons);
	TEST(bad_reasons);
	TEST(platform_info);
	TEST(mwait_quirks);
	TEST(bad_quirks);
	TEST(system_attribute);
	return run_tests(argc, argv);
}
