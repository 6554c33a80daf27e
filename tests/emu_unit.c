// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a user process cannot run on the CPU, against expectations taken from
 * the SDM: real mode, privilege, far transfers, tasks, I/O.
 */
#include "emu_mach.h"

#define TESTS	126

void count_success(const void *desc)
{
	unsigned int i;

	for (i = 0; i < nr_leaves; i++)
		leaves[i].cases += leaves[i].desc == desc;
}

/* An operand code that the decoder and the executor know. */
static bool operand_is_known(u16 op)
{
	unsigned int am = OP_AM(op), sz = OP_SZ(op);

	return am <= AM_U && sz <= SZ_RW && (!op || sz);
}

static bool tables_are_well_formed(void)
{
	unsigned int i, j;
	bool ok = true;

	CHECK(nr_leaves > 500);
	for (i = 0; i < nr_leaves; i++) {
		const struct emu_desc *d = leaves[i].desc;

		CHECK(d->kind == DESC_INSN && d->exec && d->name && *d->name);
		for (j = 0; j < 3; j++)
			CHECK(operand_is_known(d->op[j]));
		/* An entry that stores needs an operand to store to. */
		CHECK(!(d->flags & D_W0) || OP_AM(d->op[0]));
		CHECK(!(d->flags & D_W1) || OP_AM(d->op[1]));
		CHECK(!(d->flags & D_LOCK) || OP_AM(d->op[0]) == AM_E || OP_AM(d->op[0]) == AM_M);
		CHECK(!(d->flags & D_VEX) || d->flags & (D_SSE | D_ONLYVEX));
		CHECK(!(d->flags & D_NO64) || !(d->flags & D_ONLY64));
		if (!ok) {
			printf("# %s\n", leaf_name(&leaves[i]));
			break;
		}
	}
	return ok;
}

static bool every_entry_has_succeeded(void)
{
	bool ok = true;
	unsigned int i;

	for (i = 0; i < nr_leaves; i++) {
		if (leaves[i].cases)
			continue;
		printf("# never: %s\n", leaf_name(&leaves[i]));
		ok = false;
	}
	return ok;
}

int main(void)
{
	find_leaves(false);
	ktap_start(TESTS);
	RUN(tables_are_well_formed);
	unit_real();
	unit_io();
	unit_far();
	unit_system();
	unit_task();
	unit_privilege();
	unit_flaws();
	unit_vec();
	unit_footprint();
	unit_native();
	RUN(every_entry_has_succeeded);
	return ktap_end();
}
