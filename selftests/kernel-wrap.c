// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linked into the kernel's own selftests by --wrap=ioctl. libkvm creates an in-kernel
 * irqchip for every VM, whether the test needs one or not. With KVMX_NO_IRQCHIP in the
 * environment that request is taken as done, and the test runs without; otherwise
 * nothing changes.
 */
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == KVM_CREATE_IRQCHIP && getenv("KVMX_NO_IRQCHIP"))
		return 0;
	return __real_ioctl(fd, request, arg);
}
