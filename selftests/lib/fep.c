// SPDX-License-Identifier: GPL-2.0-only
/* The module parameter force_emulation_prefix. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fep.h"
#include "kvmx_test.h"

#define PARAM "/sys/module/kvm/parameters/force_emulation_prefix"

bool fep_set(const char *val)
{
	int fd = open(PARAM, O_WRONLY);
	bool ok = fd >= 0 && write(fd, val, strlen(val)) == (ssize_t)strlen(val);

	if (fd >= 0)
		close(fd);
	return ok;
}

void need_fep(const char *val)
{
	if (!fep_set(val))
		test_skip("this module's force_emulation_prefix cannot be set");
}

int fep_run_tests(int argc, char **argv)
{
	int status, fd = open(PARAM, O_RDONLY);
	char before[16] = "";

	if (fd >= 0) {
		if (read(fd, before, sizeof(before) - 1) < 0)
			before[0] = 0;
		close(fd);
	}
	status = run_tests(argc, argv);
	fep_set(before);
	return status;
}
