// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host wants of a task before it enters a guest: schedule, signals,
 * task work. The kernel's helper for it writes down a signal in a vCPU of the
 * kernel's own layout, so it gets one, and nobody reads it.
 */
#include <linux/entry-kvm.h>
#include <linux/kvm_host.h>
#include "compat/host_work.h"

static struct kvm_run unread_run;
static struct kvm_vcpu unread_vcpu = { .run = &unread_run };

/**
 * kvmx_host_work - do what is pending for this task
 *
 * Context: process context, nothing held that may not be across schedule().
 * Return: 0, or -EINTR for a signal.
 */
int kvmx_host_work(void)
{
	return xfer_to_guest_mode_handle_work(&unread_vcpu);
}
