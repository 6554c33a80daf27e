// SPDX-License-Identifier: GPL-2.0-only
/* Files that lie beside the test program, modules for the lab. */
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <unistd.h>

#include "kvmx_test.h"

int open_beside(const char *name)
{
	char program[256], path[512];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	CHECK(n > 0, "/proc/self/exe");
	program[n] = 0;
	snprintf(path, sizeof(path), "%s/%s", dirname(program), name);
	return open(path, O_RDONLY);
}
