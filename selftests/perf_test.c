// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that the host's perf wants switched: fake_perf.ko, which lies beside this program, makes
 * perf name one that the guest reads without an exit. Branch records, traces and what else
 * the host monitors by are not the guest's to read.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"
#include "module/fake_perf.h"

#define KERNEL_GS_BASE	0xc0000102
#define OWN		0x42000

/* --- guest ------------------------------------------------------------------ */

static void exit_in_the_kernel(void)
{
	uint32_t eax = 0, ecx = 0;

	asm volatile("cpuid" : "+a"(eax), "+c"(ecx) : : "ebx", "edx");
}

static void reader(uint64_t arg)
{
	for (;;) {
		wrmsr(KERNEL_GS_BASE, OWN);
		exit_in_the_kernel();
		guest_sync(rdmsr(KERNEL_GS_BASE));
		guest_sync(rdmsr(KERNEL_GS_BASE));
	}
}

/* What an MSR of these may not be: anything but #GP or 0. */
static const struct {
	uint32_t first, last;
} monitors[] = {
	{ 0x1c8, 0x1c9 },		/* LBR_SELECT, LASTBRANCH_TOS */
	{ 0x1d9, 0x1d9 },		/* IA32_DEBUGCTL */
	{ 0x1db, 0x1de },		/* LASTBRANCH and LASTINT, FROM and TO */
	{ 0x38f, 0x38f },		/* IA32_PERF_GLOBAL_CTRL */
	{ 0x3f1, 0x3f2 },		/* IA32_PEBS_ENABLE, PEBS_DATA_CFG */
	{ 0x560, 0x561 }, { 0x570, 0x572 }, { 0x580, 0x587 },	/* IA32_RTIT_* */
	{ 0x600, 0x600 },		/* IA32_DS_AREA */
	{ 0x680, 0x69f }, { 0x6c0, 0x6df }, { 0xdc0, 0xddf },	/* LASTBRANCH_* */
	{ 0x14ce, 0x14cf }, { 0x1200, 0x121f }, { 0x1500, 0x151f }, { 0x1600, 0x161f },
};

static void peeper(uint64_t arg)
{
	uint64_t val;
	uint32_t msr;
	int i;

	for (i = 0; i < ARRAY_SIZE(monitors); i++)
		for (msr = monitors[i].first; msr <= monitors[i].last; msr++)
			if (!guest_rdmsr(msr, &val) && val)
				guest_sync(msr);
	guest_sync(0);
}

/* --- host ------------------------------------------------------------------- */

static void load_module(void)
{
	int fd = open_beside("fake_perf.ko"), r;

	if (fd < 0)
		test_skip("no fake_perf.ko: make test-module");
	r = syscall(__NR_finit_module, fd, "", 0);
	CHECK(!r, "fake_perf.ko: %s", strerror(errno));
	close(fd);
}

static void event_ends(void)
{
	int fd = open("/sys/module/fake_perf/parameters/event", O_WRONLY);

	CHECK(fd >= 0 && write(fd, "0", 1) == 1, "event=0");
	close(fd);
}

static uint64_t of_vcpu(struct guest *g)
{
	return vcpu_msr_get(g->m->vcpu, KERNEL_GS_BASE);
}

/* Each entry loads what is the guest's, each exit what is the host's, while there is an event. */
static void switched(const void *arg)
{
	struct guest *g = guest_new(1, CHIP_NONE);

	guest_code(g, 0, reader, 0);
	CHECK_EQ(guest_run(g, 0), OWN);
	CHECK_EQ(of_vcpu(g), OWN);
	CHECK_EQ(guest_run(g, 0), OWN);
	load_module();
	CHECK_EQ(guest_run(g, 0), FAKE_PERF_GUEST);
	CHECK_EQ(of_vcpu(g), FAKE_PERF_HOST);
	CHECK_EQ(guest_run(g, 0), FAKE_PERF_GUEST);
	event_ends();
	CHECK_EQ(guest_run(g, 0), OWN);
	CHECK_EQ(guest_run(g, 0), OWN);
	CHECK_EQ(of_vcpu(g), OWN);
}

static void hidden(const void *arg)
{
	struct guest *g = guest_new(1, CHIP_NONE);

	guest_code(g, 0, peeper, 0);
	CHECK_EQ(guest_run(g, 0), 0);
}

int main(int argc, char **argv)
{
	int r;

	TEST(switched);
	TEST(hidden);
	r = run_tests(argc, argv);
	syscall(__NR_delete_module, "fake_perf", O_NONBLOCK);
	return r;
}
