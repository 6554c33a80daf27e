// SPDX-License-Identifier: GPL-2.0-only
/*
 * L1 Terminal Fault: when the L1 data cache is flushed before VM entry. The parameter
 * vmentry_l1d_flush is changed under a running VM; the vCPU's statistic counts the flushes, and
 * the time-stamp counter tells what they cost.
 */
#include <fcntl.h>
#include <sys/eventfd.h>

#include "guest.h"

#define PARAM	"/sys/module/kvm_intel/parameters/vmentry_l1d_flush"
#define SYSFS	"/sys/devices/system/cpu/vulnerabilities/l1tf"
#define NR	200
#define PORT	0x1234

#define MSR_X2APIC_TPR		0x808
#define MSR_X2APIC_ICR		0x830
#define MSR_X2APIC_LVTT		0x832
#define MSR_X2APIC_TMICT	0x838

static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		test_skip("no %s", path);
	n = CHECK_OK(read(fd, text, size - 1));
	close(fd);
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

/* The mode is @mode, or the subtest is skipped: this CPU, or l1tf=, leaves no choice. */
static void set_mode(const char *mode)
{
	char text[100];

	read_text(PARAM, text, sizeof(text));
	if (write_text(PARAM, mode))
		CHECK_EQ(errno, EPERM);
	read_text(PARAM, text, sizeof(text));
	if (strcmp(text, mode))
		test_skip("the mode is %s and stays so", text);
}

/* Stricter than the distribution's kvm, which takes such exits for audited. */
static void need_kvmx(void)
{
	if (!is_kvmx())
		test_skip("this kvm does not take it for the host's data");
}

static void values(const void *arg)
{
	static const char *const bad[] = { "", "Cond", "cond ", "often", "1", "conditional" };
	char text[100];
	int i;

	set_mode("cond");
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		/* An empty write never gets as far as the module. */
		if (*bad[i])
			CHECK_ERRNO(write_text(PARAM, bad[i]), EINVAL);
		read_text(PARAM, text, sizeof(text));
		CHECK(!strcmp(text, "cond"), "'%s' made it %s", bad[i], text);
	}
	CHECK_OK(write_text(PARAM, "always\n"));
	read_text(PARAM, text, sizeof(text));
	CHECK(!strcmp(text, "always"), "it is %s", text);
}

/* What the kernel says of this machine is what is done. */
static void told(const void *arg)
{
	static const char *const modes[][2] = {
		{ "never", "VMX: vulnerable" },
		{ "cond", "VMX: conditional cache flushes" },
		{ "always", "VMX: cache flushes" },
	};
	char text[200];
	int i;

	for (i = 0; i < ARRAY_LEN(modes); i++) {
		set_mode(modes[i][0]);
		read_text(SYSFS, text, sizeof(text));
		CHECK(strstr(text, modes[i][1]), "%s: %s", modes[i][0], text);
	}
}

GUEST_CODE(many_cpuids, 64,
	   "mov $" S(NR) ", %esi\n"
	   "1: xor %eax, %eax\n"
	   "cpuid\n"
	   "dec %esi\n"
	   "jnz 1b\n");

GUEST_CODE(many_outs, 64,
	   "mov $" S(NR) ", %esi\n"
	   "mov $" S(PORT) ", %edx\n"
	   "1: out %al, (%dx)\n"
	   "dec %esi\n"
	   "jnz 1b\n");

GUEST_CODE(many_rdmsrs, 64,
	   "mov $" S(NR) ", %esi\n"
	   "mov $0x8b, %ecx\n"
	   "1: rdmsr\n"
	   "dec %esi\n"
	   "jnz 1b\n");

/* Flushes while the guest runs its code up to its HLT; the ticks as well. */
static uint64_t flushes(struct machine *m, bool outs, uint64_t *ticks)
{
	struct kvm_regs regs = { .rflags = 2, .rip = G_CODE, .rsp = G_STACK };
	uint64_t before, tsc;
	int i;

	set_regs(m, &regs);
	before = vcpu_stat(m->vcpu, "l1d_flush");
	tsc = rdtsc();
	for (i = 0; outs && i < NR; i++)
		expect_out(m, PORT, 1, 0);
	expect_hlt(m);
	if (ticks)
		*ticks = rdtsc() - tsc;
	return vcpu_stat(m->vcpu, "l1d_flush") - before;
}

static void always(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t n;

	set_mode("always");
	machine_start(m, MODE_LONG, many_cpuids);
	n = flushes(m, false, NULL);
	CHECK(n >= NR, "%d exits, %llu flushes", NR, (unsigned long long)n);
}

static void never(const void *arg)
{
	struct machine *m = machine_new();

	set_mode("never");
	machine_start(m, MODE_LONG, many_outs);
	CHECK_EQ(flushes(m, true, NULL), 0);
}

/* The host's timer may come some times. */
static void conditional_cpuid(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t n;

	set_mode("cond");
	machine_start(m, MODE_LONG, many_cpuids);
	n = flushes(m, false, NULL);
	CHECK(n >= 1, "the first entry comes from user space");
	CHECK(n < NR / 4, "%d CPUIDs, %llu flushes", NR, (unsigned long long)n);
}

static void conditional_user(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t n;

	set_mode("cond");
	machine_start(m, MODE_LONG, many_outs);
	n = flushes(m, true, NULL);
	CHECK(n >= NR, "%d turns in user space, %llu flushes", NR, (unsigned long long)n);
}

/* A thread that waits for the eventfd may wake: its data is the host's. */
static void conditional_eventfd(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_ioeventfd e = {
		.addr = PORT, .len = 1, .flags = KVM_IOEVENTFD_FLAG_PIO, .fd = eventfd(0, 0),
	};
	uint64_t n;

	need_kvmx();
	CHECK(e.fd >= 0, "eventfd: %s", strerror(errno));
	CHECK_OK(ioctl(m->vm->fd, KVM_IOEVENTFD, &e));
	set_mode("cond");
	machine_start(m, MODE_LONG, many_outs);
	n = flushes(m, false, NULL);
	CHECK(n >= NR, "%d eventfds, %llu flushes", NR, (unsigned long long)n);
}

static void conditional_msr(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t n;

	need_kvmx();
	set_mode("cond");
	machine_start(m, MODE_LONG, many_rdmsrs);
	n = flushes(m, false, NULL);
	CHECK(n >= NR, "%d RDMSRs, %llu flushes", NR, (unsigned long long)n);
}

/* One register of the guest's own x2APIC, many times. */
static void apic_writes(uint64_t msr)
{
	int i;

	guest_x2apic();
	wrmsr(MSR_X2APIC_LVTT, 0x10000);
	guest_sync(0);
	for (i = 0; i < NR; i++)
		wrmsr(msr, msr == MSR_X2APIC_TMICT ? 0x80000000 + i : 0x60);
	guest_sync(0);
}

static uint64_t apic_flushes(uint32_t msr)
{
	struct guest *g = guest_new(1, CHIP_FULL);
	uint64_t before;

	set_mode("cond");
	guest_code(g, 0, apic_writes, msr);
	guest_run(g, 0);
	before = vcpu_stat(g->v[0].vcpu, "l1d_flush");
	guest_run(g, 0);
	return vcpu_stat(g->v[0].vcpu, "l1d_flush") - before;
}

static void conditional_apic(const void *arg)
{
	uint64_t n = apic_flushes(MSR_X2APIC_TPR);

	CHECK(n < NR / 4, "%d writes of TPR, %llu flushes", NR, (unsigned long long)n);
}

/* The receiver of an IPI is another thread, and the timer is one of the host's. */
static void conditional_apic_host(const void *arg)
{
	uint64_t n;

	need_kvmx();
	n = apic_flushes(MSR_X2APIC_ICR);
	CHECK(n >= NR, "%d IPIs, %llu flushes", NR, (unsigned long long)n);
	n = apic_flushes(MSR_X2APIC_TMICT);
	CHECK(n >= NR, "%d timers, %llu flushes", NR, (unsigned long long)n);
}

/* 64 KiB by lines of 64 bytes are 1024 loads; the CPU's own command takes as long. */
static void cost(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t without, with;

	set_mode("never");
	machine_start(m, MODE_LONG, many_cpuids);
	flushes(m, false, NULL);
	flushes(m, false, &without);
	set_mode("always");
	flushes(m, false, &with);
	test_note("%llu ticks for an exit, %llu with a flush", (unsigned long long)without / NR,
		  (unsigned long long)with / NR);
	CHECK(with > without + NR * 1000ull, "%llu ticks without, %llu with",
	      (unsigned long long)without, (unsigned long long)with);
}

int main(int argc, char **argv)
{
	char before[20] = "";
	int fd = open(PARAM, O_RDONLY);
	int ret;

	if (fd >= 0 && read(fd, before, sizeof(before) - 1) < 0)
		before[0] = 0;
	TEST(values);
	TEST(told);
	TEST(always);
	TEST(never);
	TEST(conditional_cpuid);
	TEST(conditional_user);
	TEST(conditional_eventfd);
	TEST(conditional_msr);
	TEST(conditional_apic);
	TEST(conditional_apic_host);
	TEST(cost);
	ret = run_tests(argc, argv);
	if (fd >= 0)
		close(fd);
	if (*before && write_text(PARAM, before))
		ret = 1;
	return ret;
}
