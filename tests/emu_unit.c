// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a user process cannot run on the CPU, against expectations taken from
 * the SDM: real mode, privilege, far transfers, tasks, I/O.
 */
#include "emu_mach.h"

#define TESTS	22

int main(void)
{
	find_leaves(false);
	ktap_start(TESTS);
	unit_real();
	unit_io();
	return ktap_end();
}
