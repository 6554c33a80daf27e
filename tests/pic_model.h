/* SPDX-License-Identifier: GPL-2.0-only */
/* A model of the two 8259s that the tests compare with the chips of irqchip/. */
#ifndef KVMX_TEST_PIC_MODEL_H
#define KVMX_TEST_PIC_MODEL_H

#include "ktap.h"

struct pic_model_chip {
	bool line[8], request[8], masked[8], service[8], level[8];
	int lowest;		/* the pin of the lowest priority */
	int base, icw;		/* first vector; the initialization word that is due, or 0 */
	bool icw4, aeoi, rotate, sfnm, smm, poll, read_isr;
};

/* The master and the slave, which is at the master's pin 2. */
struct pic_model {
	struct pic_model_chip chip[2];
};

/* As after ICW1 to ICW4 with the vectors of chip n beginning at @base + 8 * n. */
void pic_model_init(struct pic_model *m, int base);
/* A change at pin @pin of chip @n; pic_model_update() hands it on to the master. */
void pic_model_line(struct pic_model *m, int n, int pin, bool up);
void pic_model_update(struct pic_model *m);
/* Whether chip @n requests an interrupt, and of which pin. */
bool pic_model_output(struct pic_model *m, int n, int *pin);
/* Both INTA cycles; the vector. */
int pic_model_ack(struct pic_model *m);
/* Writes of the port with A0 = 0, of that with A0 = 1 and of ELCR, whose bits of @mask exist. */
void pic_model_command(struct pic_model_chip *c, u8 val);
void pic_model_data(struct pic_model_chip *c, u8 val);
void pic_model_elcr(struct pic_model_chip *c, u8 mask, u8 val);
u8 pic_model_read(struct pic_model *m, int n, bool data);

#endif
