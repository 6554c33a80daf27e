/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 8254. Its time is the number of the CLK pulse, counted from the host's boot.
 */
#ifndef KVMX_PIT_H
#define KVMX_PIT_H

#include "irqchip.h"

#define KVM_PIT_HZ	1193182

#define PIT_MODE_NONE	0xff	/* no control word yet */

/* Which byte comes next; the first three are the control word's RW field as well. */
enum { RW_LSB = 1, RW_MSB, RW_WORD, RW_WORD_HIGH };

struct pit_counter {
	u64 start;		/* pulse at which it was loaded, or triggered */
	u64 held;		/* pulses counted when the gate closed */
	u64 next_at;		/* when @next takes over, in modes 2 and 3 */
	u32 count;		/* as written, 0x10000 for 0; 0 none since the control word */
	u32 next;		/* written while it counts; 0 none */
	u16 latch;
	u8 count_latched;	/* RW_*: what of @latch is to be read; 0 not latched */
	bool status_latched;
	u8 status;
	u8 read_state, write_state, write_latch, rw_mode;
	u8 mode;
	bool bcd, gate;
	bool triggered;		/* modes 1 and 5 */
};

/* --- pit_counter.c: now is never before what another call was told --- */
u64 pit_ns_to_pulse(u64 ns);
/* The first nanosecond of a pulse, so that there and back is the same. */
u64 pit_pulse_to_ns(u64 pulse);
/* Pulses of a written count. */
u32 pit_pulses(const struct pit_counter *c, u32 raw);
/* Before all that follow: a count that waited is in force if its time has come. */
void pit_settle(struct pit_counter *c, u64 now);
bool pit_out(const struct pit_counter *c, u64 now);
void pit_program(struct pit_counter *c, u8 control);
void pit_write_count(struct pit_counter *c, u8 val, u64 now);
u8 pit_read_count(struct pit_counter *c, u64 now);
void pit_latch_count(struct pit_counter *c, u64 now);
void pit_latch_status(struct pit_counter *c, u64 now);
void pit_set_gate(struct pit_counter *c, bool gate, u64 now);
/* Pulses between interrupts where OUT has a period of @n. */
u32 pit_period(u32 n);
/* The first pulse after @now at which OUT rises and an interrupt may come, 0 if none. */
u64 pit_next_rise(const struct pit_counter *c, u64 now);
void pit_save_counter(const struct pit_counter *c, struct kvm_pit_channel_state *s, u64 now);
bool pit_state_valid(const struct kvm_pit_channel_state *s);
/* @next is the count that waits, or 0. */
void pit_restore_counter(struct pit_counter *c, const struct kvm_pit_channel_state *s, u32 next,
			 u64 now);

/* --- pit.c --- */
/* Its timer is off for good; may sleep. */
void kvm_pit_stop(struct kvm *kvm);
/* On no bus any more. */
void kvm_pit_destroy(struct kvm *kvm);

#endif
