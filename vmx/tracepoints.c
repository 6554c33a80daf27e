// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints themselves; what they record is in include/trace*.h. */
#define CREATE_TRACE_POINTS
#include "trace.h"
#include "trace_irq.h"
#include "trace_pv.h"
