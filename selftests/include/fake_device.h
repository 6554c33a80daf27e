/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device whose interrupts an IOMMU posts to vCPUs, both played by fake_irq.ko, which lies
 * beside the test program.
 */
#ifndef KVMX_FAKE_DEVICE_H
#define KVMX_FAKE_DEVICE_H

#include "kvmx_test.h"
#include "module/fake_irq.h"

/* Around run_tests(). Where the module cannot be loaded the tests are skipped and say why. */
void fake_device_load(void);
void fake_device_unload(void);

/* Why this kvm on this CPU cannot have interrupts posted; NULL: it can. */
const char *cannot_post(void);
/* A new device, whose IOMMU posts; the second form skips the test if the CPU cannot. */
int fake_device(void);
int posting_device(void);
/* Whether the IOMMU posts for devices that attach from now on. */
void iommu_posts(bool yes);

struct fake_irq_state device_state(int dev);
/* The interrupt was given to a vCPU @posted times, and taken back @returned times. */
void check_posted(int dev, int posted, int returned);
/* The descriptor says @want in the bits of @mask, and that @cpu (-1: any) is to be notified. */
void wait_control_(int dev, uint64_t mask, uint64_t want, int cpu);
#define wait_control(dev, mask, want, cpu) (HERE(), wait_control_(dev, mask, want, cpu))

/* The device has an interrupt: by the eventfd @fd unless it was posted. Whether it was. */
bool raise_irq(int dev, int fd);

#endif
