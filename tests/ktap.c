// SPDX-License-Identifier: GPL-2.0-only
/*
 * KTAP output of the test programs.
 */
#include <stdio.h>
#include "ktap.h"

unsigned int ktap_count, ktap_failed;
static unsigned int skipped, planned;

void ktap_start(unsigned int plan)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	planned = plan;
	printf("KTAP version 1\n1..%u\n", plan);
}

void ktap_result(bool ok, const char *name)
{
	printf("%sok %u %s\n", ok ? "" : "not ", ++ktap_count, name);
	ktap_failed += !ok;
}

void ktap_skip(const char *name, const char *reason)
{
	printf("ok %u %s # SKIP %s\n", ++ktap_count, name, reason);
	skipped++;
}

int ktap_end(void)
{
	printf("# Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:0\n",
	       ktap_count - ktap_failed - skipped, ktap_failed, skipped);
	if (ktap_count != planned)
		printf("# %u tests planned, %u run\n", planned, ktap_count);
	return ktap_failed || ktap_count != planned;
}

int ktap_skip_all(const char *name, const char *reason)
{
	ktap_start(1);
	ktap_skip(name, reason);
	return ktap_end();
}
