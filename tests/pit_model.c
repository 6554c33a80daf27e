// SPDX-License-Identifier: GPL-2.0-only
/* A counter of the 8254 as the data sheet's words describe it, a pulse at a time. */
#include "pit_model.h"

static u32 even(u32 n)
{
	return n & ~1u;
}

void pit_model_program(struct pit_model *m, int mode, bool bcd)
{
	*m = (struct pit_model) { .mode = mode, .gate = m->gate, .bcd = bcd, .null = true };
	m->out = mode != 0;
}

static void begin(struct pit_model *m)
{
	m->null = false;
	m->running = true;
	m->armed = true;
	m->ce = m->cr;
	m->out = m->mode != 0 && m->mode != 1;
	if (m->mode == 3) {
		m->left = (m->cr + 1) / 2;
		m->ce = even(m->cr);
	}
}

void pit_model_count(struct pit_model *m, u32 n)
{
	m->cr = n;
	switch (m->mode) {
	case 0:
	case 4:
		begin(m);
		break;
	case 1:
	case 5:
		m->null = m->running;	/* it waits for a trigger */
		if (!m->running)
			m->ce = n;
		break;
	default:
		if (m->running && m->gate)
			m->null = true;	/* it waits for the end of the period */
		else
			begin(m);
	}
}

void pit_model_gate(struct pit_model *m, bool gate)
{
	bool rise = gate && !m->gate;

	m->gate = gate;
	if (!m->cr)
		return;
	if (m->mode == 2 || m->mode == 3) {
		if (rise)
			begin(m);
		m->out = true;
	} else if (rise && (m->mode == 1 || m->mode == 5)) {
		begin(m);
	}
}

static void square(struct pit_model *m)
{
	m->ce -= 2;
	if (--m->left)
		return;
	m->out = !m->out;
	m->null = false;
	m->left = m->out ? (m->cr + 1) / 2 : m->cr / 2;
	m->ce = even(m->cr);
}

void pit_model_pulse(struct pit_model *m)
{
	if (!m->running || (!m->gate && m->mode != 1 && m->mode != 5))
		return;
	if (m->mode == 3) {
		square(m);
		return;
	}
	if (m->mode == 2) {
		m->out = true;
		if (m->ce == 1) {
			m->ce = m->cr;
			m->null = false;
		} else if (--m->ce == 1) {
			m->out = false;
		}
		return;
	}
	m->ce = m->ce ? m->ce - 1 : m->bcd ? 9999 : 0xffff;
	if (m->mode >= 4) {
		m->out = m->ce || !m->armed;
		m->armed = m->armed && m->ce;
	} else if (!m->ce) {
		m->out = true;
	}
}

u16 pit_model_bcd(u32 v)
{
	return v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
}

u16 pit_model_read(const struct pit_model *m)
{
	return m->bcd ? pit_model_bcd(m->ce) : m->ce;
}
