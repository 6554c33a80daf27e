/* SPDX-License-Identifier: GPL-2.0-only */
/* The fields of exit qualifications, for FIELD_GET(), by exit reason. */
#ifndef KVMX_VMX_QUAL_H
#define KVMX_VMX_QUAL_H

#include <linux/bitfield.h>
#include <linux/bits.h>

/* Task switch, SDM 3C table 28-2. */
#define QUAL_TASK_TSS		GENMASK(15, 0)	/* selector of the new task's TSS */
#define QUAL_TASK_SOURCE	GENMASK(31, 30)

enum qual_task_source {
	QUAL_TASK_CALL,
	QUAL_TASK_IRET,
	QUAL_TASK_JMP,
	QUAL_TASK_GATE,			/* in the IDT */
};

/* Control registers, table 28-3. */
#define QUAL_CR_NUMBER		GENMASK(3, 0)
#define QUAL_CR_ACCESS		GENMASK(5, 4)
#define QUAL_CR_GPR		GENMASK(11, 8)
#define QUAL_CR_LMSW_DATA	GENMASK(31, 16)

enum qual_cr_access {
	QUAL_CR_MOV_TO,
	QUAL_CR_MOV_FROM,
	QUAL_CR_CLTS,
	QUAL_CR_LMSW,
};

/* Debug registers, table 28-4. */
#define QUAL_DR_NUMBER		GENMASK(2, 0)
#define QUAL_DR_MOV_FROM	BIT(4)		/* 0: MOV to the debug register */
#define QUAL_DR_GPR		GENMASK(11, 8)

/* I/O instructions, table 28-5. */
#define QUAL_IO_SIZE_1		GENMASK(2, 0)	/* bytes less 1 */
#define QUAL_IO_IN		BIT(3)
#define QUAL_IO_STRING		BIT(4)
#define QUAL_IO_PORT		GENMASK(31, 16)

static inline unsigned int qual_io_size(u64 qual)
{
	return FIELD_GET(QUAL_IO_SIZE_1, qual) + 1;
}

/* APIC write, and EOI that the CPU has virtualized, SDM 3C 30.4.3.3 and 30.1.4. */
#define QUAL_APIC_REGISTER	GENMASK(11, 4)	/* its offset is a multiple of 16 */
#define QUAL_EOI_VECTOR		GENMASK(7, 0)

/* EPT violations, table 28-7. */
#define QUAL_EPT_WRITE		BIT(1)
#define QUAL_EPT_FETCH		BIT(2)
#define QUAL_EPT_LINEAR		BIT(7)		/* there is a linear address */
#define QUAL_EPT_TRANSLATED	BIT(8)		/* the access was to what it translates to */
#define QUAL_EPT_UNBLOCKED_NMI	BIT(12)		/* an IRET had unblocked NMIs when it met this */

#endif
