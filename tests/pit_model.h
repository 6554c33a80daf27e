/* SPDX-License-Identifier: GPL-2.0-only */
/* A model of one counter of the 8254 that the tests compare with that of irqchip/. */
#ifndef KVMX_TEST_PIT_MODEL_H
#define KVMX_TEST_PIT_MODEL_H

#include "ktap.h"

struct pit_model {
	int mode;
	bool gate, out, null, running, armed;
	bool bcd;
	u32 cr;			/* the count written last, in pulses */
	u32 ce;			/* the counting element */
	u32 left;		/* pulses to the end of this half of a square wave */
};

/* A control word, a count, a level of GATE, a pulse of CLK. */
void pit_model_program(struct pit_model *m, int mode, bool bcd);
void pit_model_count(struct pit_model *m, u32 n);
void pit_model_gate(struct pit_model *m, bool gate);
void pit_model_pulse(struct pit_model *m);
/* The counting element as it is read. */
u16 pit_model_read(const struct pit_model *m);
/* The four digits of @v in BCD. */
u16 pit_model_bcd(u32 v);

#endif
