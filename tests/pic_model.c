// SPDX-License-Identifier: GPL-2.0-only
/* The 8259s as their data sheet's rules, one after the other, without a thought of speed. */
#include "pic_model.h"

void pic_model_init(struct pic_model *m, int base)
{
	int n;

	*m = (struct pic_model) { };
	for (n = 0; n < 2; n++) {
		m->chip[n].lowest = 7;
		m->chip[n].base = base + n * 8;
		m->chip[n].icw4 = true;
	}
}

void pic_model_line(struct pic_model *m, int n, int pin, bool up)
{
	struct pic_model_chip *c = &m->chip[n];

	if (c->level[pin])
		c->request[pin] = up;
	else if (up && !c->line[pin])
		c->request[pin] = true;
	c->line[pin] = up;
}

void pic_model_update(struct pic_model *m)
{
	int pin;

	pic_model_line(m, 0, 2, pic_model_output(m, 1, &pin));
}

/* From the highest priority down: the first request, unless one in service comes before. */
bool pic_model_output(struct pic_model *m, int n, int *pin)
{
	struct pic_model_chip *c = &m->chip[n];
	int i;

	for (i = 1; i <= 8; i++) {
		int p = (c->lowest + i) % 8;
		bool service = c->service[p];

		if (c->sfnm && !n && p == 2 && c->request[p] && !c->masked[p]) {
			*pin = p;
			return true;
		}
		if (service && !(c->smm && c->masked[p]) && !(c->sfnm && !n && p == 2))
			return false;
		if (c->request[p] && !c->masked[p]) {
			*pin = p;
			return true;
		}
	}
	return false;
}

static int inta(struct pic_model *m, int n)
{
	struct pic_model_chip *c = &m->chip[n];
	int pin;

	if (!pic_model_output(m, n, &pin))
		return -1;
	if (!c->level[pin])
		c->request[pin] = false;
	if (c->aeoi && c->rotate)
		c->lowest = pin;
	c->service[pin] = !c->aeoi;
	if (n)
		pic_model_line(m, 0, 2, false);
	return pin;
}

int pic_model_ack(struct pic_model *m)
{
	int pin = inta(m, 0), n = 0;

	if (pin == 2) {
		n = 1;
		pin = inta(m, 1);
	}
	pic_model_update(m);
	return m->chip[n].base + (pin < 0 ? 7 : pin);
}

static void eoi(struct pic_model_chip *c, u8 val)
{
	int i, pin = val & 7;

	if (!(val & 0x60)) {
		c->rotate = val & 0x80;
		return;
	}
	if (!(val & 0x40)) {
		for (i = 1; i <= 8; i++) {
			pin = (c->lowest + i) % 8;
			if (c->service[pin] && !(c->smm && c->masked[pin]))
				break;
		}
		if (i > 8)
			return;
	}
	if (val & 0x20)
		c->service[pin] = false;
	if (val & 0x80)
		c->lowest = pin;
}

void pic_model_command(struct pic_model_chip *c, u8 val)
{
	int i;

	if (val & 0x10) {
		for (i = 0; i < 8; i++) {
			c->service[i] = c->masked[i] = false;
			c->request[i] = c->level[i] && c->line[i];
		}
		c->lowest = 7;
		c->smm = c->poll = c->read_isr = c->aeoi = c->sfnm = c->rotate = false;
		c->icw = 1;
		c->icw4 = val & 1;
	} else if (!(val & 8)) {
		eoi(c, val);
	} else {
		if (val & 4)
			c->poll = true;
		if (val & 2)
			c->read_isr = val & 1;
		if (val & 0x40)
			c->smm = val & 0x20;
	}
}

void pic_model_data(struct pic_model_chip *c, u8 val)
{
	int i;

	switch (c->icw) {
	case 0:
		for (i = 0; i < 8; i++)
			c->masked[i] = val >> i & 1;
		break;
	case 1:
		c->base = val & 0xf8;
		c->icw = 2;
		break;
	case 2:
		c->icw = c->icw4 ? 3 : 0;
		break;
	case 3:
		c->aeoi = val & 2;
		c->sfnm = val & 0x10;
		c->icw = 0;
	}
}

static u8 bits(const bool *b)
{
	int i, v = 0;

	for (i = 0; i < 8; i++)
		v |= b[i] << i;
	return v;
}

u8 pic_model_read(struct pic_model *m, int n, bool data)
{
	struct pic_model_chip *c = &m->chip[n];
	int pin;

	if (c->poll) {
		c->poll = false;
		pin = inta(m, n);
		return pin < 0 ? 7 : 0x80 | pin;
	}
	return bits(data ? c->masked : c->read_isr ? c->service : c->request);
}

void pic_model_elcr(struct pic_model_chip *c, u8 mask, u8 val)
{
	int i;

	for (i = 0; i < 8; i++) {
		bool level = (val & mask) >> i & 1;

		if (level)
			c->request[i] = c->line[i];
		else if (c->level[i])
			c->request[i] = false;
		c->level[i] = level;
	}
}
