/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Subtests, checks and KTAP output. Every subtest runs in a child process of its
 * own, so one that crashes, hangs or leaks takes nothing else with it.
 */
#ifndef KVMX_TEST_H
#define KVMX_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <errno.h>

#ifndef __printf
#define __printf(a, b) __attribute__((__format__(printf, a, b)))
#endif
#ifndef __noreturn
#define __noreturn __attribute__((__noreturn__))
#endif

/* Seconds a subtest may take before it counts as failed. */
#define SUBTEST_TIMEOUT 20

/**
 * add_test() - append a subtest to the list of this program
 * @arg: handed to @fn
 * @fn: the body; returning is passing
 * @fmt: printf format of the subtest's name
 */
void add_test(void (*fn)(const void *arg), const void *arg, const char *fmt, ...)
	__printf(3, 4);

/**
 * run_tests() - run what add_test() collected and print KTAP
 * @argc, @argv: of main(); arguments are parts of names that select subtests
 *
 * Return: the exit status for main(): 0, 1 if a subtest failed, 4 if all skipped.
 */
int run_tests(int argc, char **argv);

/* Opens a file that lies beside this program for reading; -1 if it does not. */
int open_beside(const char *name);

/* A whole program of subtests that take no argument. */
#define TEST(fn) add_test(fn, NULL, #fn)

/* Ends the subtest as failed or skipped. */
void test_fail(const char *file, int line, const char *fmt, ...)
	__printf(3, 4) __noreturn;
void test_skip(const char *fmt, ...)
	__printf(1, 2) __noreturn;
void test_note(const char *fmt, ...) __printf(1, 2);

/* Where the check that is being made was written; set by the macros below. */
extern const char *here_file;
extern int here_line;
#define HERE() (here_file = __FILE__, here_line = __LINE__)

#define CHECK(cond, fmt, ...)						\
	do {								\
		if (!(cond))						\
			test_fail(__FILE__, __LINE__, "%s: " fmt,	\
				  #cond, ##__VA_ARGS__);		\
	} while (0)

#define CHECK_EQ(a, b)							\
	do {								\
		uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b);	\
									\
		if (a_ != b_)						\
			test_fail(__FILE__, __LINE__,			\
				  "%s is 0x%llx, not 0x%llx (%s)", #a,	\
				  (unsigned long long)a_,		\
				  (unsigned long long)b_, #b);		\
	} while (0)

#define CHECK_OK(call)							\
	({								\
		long r_ = (call);					\
									\
		if (r_ < 0)						\
			test_fail(__FILE__, __LINE__, "%s: %s", #call,	\
				  strerror(errno));			\
		r_;							\
	})

#define CHECK_ERRNO(call, err)						\
	do {								\
		long r_ = (call);					\
		int e_ = errno;						\
									\
		if (r_ != -1)						\
			test_fail(__FILE__, __LINE__,			\
				  "%s succeeded (%ld), not " #err,	\
				  #call, r_);				\
		if (e_ != (err))					\
			test_fail(__FILE__, __LINE__,			\
				  "%s failed with %s, not " #err,	\
				  #call, strerror(e_));			\
	} while (0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
