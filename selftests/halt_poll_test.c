// SPDX-License-Identifier: GPL-2.0-only
/*
 * Polling before a halted vCPU gives its CPU away: KVM_CAP_HALT_POLL, the module's
 * parameters, and their effect as the vCPU's statistics tell it.
 */
#include <fcntl.h>

#include "agent.h"

#define VEC	0x60

static int set_limit(int fd, uint64_t ns)
{
	return enable_cap(fd, KVM_CAP_HALT_POLL, ns);
}

static void parameters(const void *arg)
{
	static const char *const names[] = {
		"halt_poll_ns", "halt_poll_ns_grow", "halt_poll_ns_grow_start",
		"halt_poll_ns_shrink",
	};
	char path[100], text[20], back[20];
	int i, fd;

	need_irqchip();
	for (i = 0; i < ARRAY_LEN(names); i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/sys/module/kvm/parameters/%s", names[i]);
		fd = open(path, O_RDWR);
		CHECK(fd >= 0, "%s: %s", path, strerror(errno));
		n = CHECK_OK(read(fd, text, sizeof(text)));
		CHECK(n > 0, "%s is empty", path);
		CHECK_EQ(pwrite(fd, "12345", 5, 0), 5);
		memset(back, 0, sizeof(back));
		CHECK(pread(fd, back, sizeof(back) - 1, 0) > 0 && atoi(back) == 12345,
		      "%s is %s", names[i], back);
		CHECK_EQ(pwrite(fd, text, n, 0), n);
		close(fd);
	}
}

static void capability(const void *arg)
{
	struct machine *m;

	need_irqchip();
	need_cap(KVM_CAP_HALT_POLL, "KVM_CAP_HALT_POLL");
	m = machine_new_novcpu();
	CHECK_OK(set_limit(m->vm->fd, 0));
	CHECK_OK(set_limit(m->vm->fd, 1000000));
	CHECK_OK(set_limit(m->vm->fd, 0xffffffff));
	CHECK_ERRNO(set_limit(m->vm->fd, 0x100000000), EINVAL);
	machine_add_vcpu(m, NULL);
	CHECK_OK(set_limit(m->vm->fd, 5000));
}

static uint64_t stat_of(struct cpu *c, const char *name)
{
	return vcpu_stat(c->vcpu, name);
}

/* Sleeps of @ns each, ended by the timer. */
static void sleeps(struct cpu *c, int nr, uint32_t ns)
{
	while (nr--) {
		apic_write(c, R_TMICT, ns);
		CHECK_EQ(cpu_halt(c), VEC);
		apic_eoi(c);
		CHECK_EQ(cpu_iret(c), CPU_DONE);
	}
}

static struct pc *make(void)
{
	struct pc *pc;

	need_irqchip();
	need_cap(KVM_CAP_HALT_POLL, "KVM_CAP_HALT_POLL");
	pc = pc_new(CHIPS_KERNEL, 1);
	apic_write(&pc->cpu[0], R_TDCR, 0xb);
	apic_write(&pc->cpu[0], R_LVTT, VEC);
	return pc;
}

static void limit_of_the_vm(const void *arg)
{
	struct pc *pc = make();
	struct cpu *c = &pc->cpu[0];
	uint64_t before;

	need_quick(c, QUICK_US);
	CHECK_OK(set_limit(pc->vm_fd, 0));
	sleeps(c, 20, 300000);
	CHECK_EQ(stat_of(c, "halt_attempted_poll"), 0);
	/* Short sleeps under a long limit: it learns that polling pays. */
	CHECK_OK(set_limit(pc->vm_fd, 4000000));
	sleeps(c, 40, 300000);
	before = stat_of(c, "halt_attempted_poll");
	CHECK(before > 20, "%llu polls", (unsigned long long)before);
	CHECK(stat_of(c, "halt_successful_poll") > 5, "%llu of %llu polls",
	      (unsigned long long)stat_of(c, "halt_successful_poll"),
	      (unsigned long long)before);
	CHECK(stat_of(c, "halt_poll_success_ns") > 0, "no time spent on it");
	/* And off again. */
	CHECK_OK(set_limit(pc->vm_fd, 0));
	sleeps(c, 2, 300000);
	before = stat_of(c, "halt_attempted_poll");
	sleeps(c, 20, 300000);
	CHECK_EQ(stat_of(c, "halt_attempted_poll"), before);
}

/* Every sleep ended by an interrupt counts as a wake-up, polled or not. */
static void wake_ups(const void *arg)
{
	struct pc *pc = make();
	struct cpu *c = &pc->cpu[0];

	need_quick(c, QUICK_US);
	CHECK_OK(set_limit(pc->vm_fd, 0));
	sleeps(c, 10, 1000000);
	CHECK(stat_of(c, "halt_wakeup") >= 10, "%llu",
	      (unsigned long long)stat_of(c, "halt_wakeup"));
	/* The exit and the way into the wait are not part of it. */
	CHECK(stat_of(c, "halt_wait_ns") >= 7500000, "%llu ns",
	      (unsigned long long)stat_of(c, "halt_wait_ns"));
}

int main(int argc, char **argv)
{
	TEST(parameters);
	TEST(capability);
	TEST(limit_of_the_vm);
	TEST(wake_ups);
	return run_tests(argc, argv);
}
