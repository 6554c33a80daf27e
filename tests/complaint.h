/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests that hold many things against one rule each, and name the first that is wrong. */
#ifndef KVMX_COMPLAINT_H
#define KVMX_COMPLAINT_H

#include <kernel.h>
#include <stdarg.h>

/* The first complaint, "" if there is none; a test empties it when it begins. */
static char wrong[200];

static __printf(2, 3) void right(bool cond, const char *fmt, ...)
{
	va_list args;

	if (cond || wrong[0])
		return;
	va_start(args, fmt);
	vsnprintf(wrong, sizeof(wrong), fmt, args);
	va_end(args);
}

#endif
