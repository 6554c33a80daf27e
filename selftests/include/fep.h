/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The forced-emulation prefix: UD2 and the letters "kvm" send the instruction behind them to
 * the emulator while the module parameter force_emulation_prefix is set.
 */
#ifndef KVMX_FEP_H
#define KVMX_FEP_H

#include <stdbool.h>

#define FEP	".byte 0x0f, 0x0b, 0x6b, 0x76, 0x6d\n"
#define FEP_LEN	5

/* Sets the parameter; false if this module's cannot be written. */
bool fep_set(const char *val);

/* The same, or the subtest ends as skipped. */
void need_fep(const char *val);

/* run_tests(); afterwards the parameter is what it was. */
int fep_run_tests(int argc, char **argv);

#endif
