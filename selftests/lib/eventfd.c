// SPDX-License-Identifier: GPL-2.0-only
/* Eventfds and what is assigned to them. */
#include <sys/eventfd.h>

#include "guest.h"

int event_new(void)
{
	return CHECK_OK(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

void event_signal(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, 8) != 8 && errno != EAGAIN)
		test_fail(__FILE__, __LINE__, "signal: %s", strerror(errno));
}

uint64_t event_take(int fd)
{
	uint64_t n;

	return read(fd, &n, 8) == 8 ? n : 0;
}

int guest_irqfd_resample(struct guest *g, int fd, uint32_t gsi, uint32_t flags, int refd)
{
	struct kvm_irqfd a = { .fd = fd, .gsi = gsi, .flags = flags, .resamplefd = refd };

	return ioctl(g->fd, KVM_IRQFD, &a);
}

int guest_irqfd(struct guest *g, int fd, uint32_t gsi, uint32_t flags)
{
	return guest_irqfd_resample(g, fd, gsi, flags, 0);
}

int guest_ioeventfd(struct guest *g, int fd, uint64_t addr, uint32_t len, uint32_t flags,
		    uint64_t match)
{
	struct kvm_ioeventfd a = {
		.fd = fd, .addr = addr, .len = len, .flags = flags, .datamatch = match,
	};

	return ioctl(g->fd, KVM_IOEVENTFD, &a);
}

void guest_send_msi(struct guest *g, uint32_t dest, uint8_t vector)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000 | dest << 12, .data = vector };

	CHECK_OK(ioctl(g->fd, KVM_SIGNAL_MSI, &msi));
}
