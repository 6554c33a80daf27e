// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU that runs beside the test. */
#include <sched.h>
#include <time.h>

#include "machine.h"

#define WAIT_SECONDS 8

static void *thread_main(void *arg)
{
	struct vcpu_thread *t = arg;
	int err;

	for (;;) {
		err = try_run(t->m->vcpu);
		if (err == EINTR)
			continue;
		if (err || t->m->run->exit_reason == KVM_EXIT_HLT)
			break;
		if (!t->on_exit || !t->on_exit(t->m))
			break;
	}
	t->error = err;
	t->done = true;
	return NULL;
}

void thread_start(struct vcpu_thread *t, struct machine *m,
		  bool (*on_exit)(struct machine *m))
{
	memset(t, 0, sizeof(*t));
	t->m = m;
	t->on_exit = on_exit;
	CHECK(!pthread_create(&t->thread, NULL, thread_main, t), "pthread_create");
}

void thread_join(struct vcpu_thread *t)
{
	pthread_join(t->thread, NULL);
	CHECK(!t->error, "KVM_RUN: %s", strerror(t->error));
}

void wait_for(const volatile uint64_t *p, uint64_t value)
{
	struct timespec t0, t;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	while (*p < value) {
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &t);
		if (t.tv_sec - t0.tv_sec > WAIT_SECONDS)
			test_fail(here_file, here_line, "waited for %llu, still at %llu",
				  (unsigned long long)value, (unsigned long long)*p);
	}
}
