// SPDX-License-Identifier: GPL-2.0-only
/* The host's module, clocks and CPUs. */
#include <sched.h>
#include <time.h>

#include "machine.h"

bool is_kvmx(void)
{
	return !access("/sys/module/kvm/parameters/vmcs_check", F_OK);
}

uint64_t host_ns(int clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

bool pin_thread(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !pthread_setaffinity_np(thread, sizeof(set), &set);
}

void pin(int cpu)
{
	CHECK(pin_thread(pthread_self(), cpu), "cannot run on CPU %d", cpu);
}
