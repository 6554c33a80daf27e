// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a user process cannot run on the CPU, against expectations taken from
 * the SDM: real mode, privilege, far transfers, tasks, I/O.
 */
#include "emu_mach.h"

#define TESTS	54

int main(void)
{
	find_leaves(false);
	ktap_start(TESTS);
	unit_real();
	unit_io();
	unit_far();
	unit_system();
	unit_task();
	return ktap_end();
}
