// SPDX-License-Identifier: GPL-2.0-only
/* Runs subtests in child processes and prints KTAP. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvmx_test.h"

#define MAX_TESTS 512
#define STATUS_FAIL 1
#define STATUS_SKIP 4

struct subtest {
	char *name;
	void (*fn)(const void *arg);
	const void *arg;
};

static struct subtest tests[MAX_TESTS];
static int nr_tests;

/* Written by the child, read by the parent. */
static struct shared {
	char skip_reason[200];
} *shared;

static pid_t subtest_pid;

const char *here_file = "?";
int here_line;

void add_test(void (*fn)(const void *arg), const void *arg, const char *fmt, ...)
{
	struct subtest *t = &tests[nr_tests];
	va_list ap;

	if (nr_tests == MAX_TESTS) {
		printf("Bail out! more than %d subtests\n", MAX_TESTS);
		exit(STATUS_FAIL);
	}
	va_start(ap, fmt);
	if (vasprintf(&t->name, fmt, ap) < 0)
		abort();
	va_end(ap);
	t->fn = fn;
	t->arg = arg;
	nr_tests++;
}

/* KTAP diagnostics: each line of the message begins with '#'. */
static void diag(const char *fmt, va_list ap)
{
	char buf[2000], *line, *save = NULL;

	vsnprintf(buf, sizeof(buf), fmt, ap);
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		printf("# %s\n", line);
	fflush(stdout);
}

void test_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag(fmt, ap);
	va_end(ap);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("# %s:%d:\n", file, line);
	va_start(ap, fmt);
	diag(fmt, ap);
	va_end(ap);
	_exit(STATUS_FAIL);
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(shared->skip_reason, sizeof(shared->skip_reason), fmt, ap);
	va_end(ap);
	_exit(STATUS_SKIP);
}

static bool selected(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strstr(name, argv[i]))
			return true;
	return argc <= 1;
}

static void child_main(const struct subtest *t)
{
	setpgid(0, 0);
	alarm(SUBTEST_TIMEOUT);
	t->fn(t->arg);
	fflush(stdout);
	_exit(0);
}

/* Returns the wait status of the subtest, having killed what it left behind. */
static int run_child(const struct subtest *t)
{
	int status;

	shared->skip_reason[0] = 0;
	fflush(stdout);
	subtest_pid = fork();
	if (subtest_pid < 0) {
		printf("Bail out! fork: %s\n", strerror(errno));
		exit(STATUS_FAIL);
	}
	if (!subtest_pid)
		child_main(t);
	while (waitpid(subtest_pid, &status, 0) < 0 && errno == EINTR)
		;
	kill(-subtest_pid, SIGKILL);
	return status;
}

/*
 * Prints the result line; returns STATUS_*, or 0 for a pass. What a pass has cost is in the
 * cycles of the time-stamp counter, in the lab instructions.
 */
static int report(int number, const struct subtest *t, int status, uint64_t cycles)
{
	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		printf("ok %d %s # %llu.%llu Mcycles\n", number, t->name,
		       cycles / 1000000ULL, cycles / 100000ULL % 10);
		return 0;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_SKIP &&
	    shared->skip_reason[0]) {
		printf("ok %d %s # SKIP %s\n", number, t->name, shared->skip_reason);
		return STATUS_SKIP;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		printf("# timed out after %d s\n", SUBTEST_TIMEOUT);
	else if (WIFSIGNALED(status))
		printf("# killed by signal %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status) != STATUS_FAIL)
		printf("# exited with status %d\n", WEXITSTATUS(status));
	printf("not ok %d %s\n", number, t->name);
	return STATUS_FAIL;
}

int run_tests(int argc, char **argv)
{
	int i, plan = 0, number = 0, failed = 0, skipped = 0;

	for (i = 0; i < nr_tests; i++)
		plan += selected(tests[i].name, argc, argv);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		printf("Bail out! mmap: %s\n", strerror(errno));
		return STATUS_FAIL;
	}
	printf("KTAP version 1\n1..%d\n", plan);
	for (i = 0; i < nr_tests; i++) {
		uint64_t start = __builtin_ia32_rdtsc();
		int r;

		if (!selected(tests[i].name, argc, argv))
			continue;
		r = run_child(&tests[i]);
		r = report(++number, &tests[i], r, __builtin_ia32_rdtsc() - start);
		failed += r == STATUS_FAIL;
		skipped += r == STATUS_SKIP;
	}
	printf("# passed:%d failed:%d skipped:%d\n",
	       number - failed - skipped, failed, skipped);
	fflush(stdout);
	if (failed)
		return STATUS_FAIL;
	return skipped && skipped == number ? STATUS_SKIP : 0;
}
