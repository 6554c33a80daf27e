// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CREATE_DEVICE, the VFIO device, and attributes of devices, VMs and the system. */
#include <fcntl.h>

#include "guest.h"

static int create(struct guest *g, uint32_t type, uint32_t flags, int *fd)
{
	struct kvm_create_device d = { .type = type, .flags = flags, .fd = -1 };
	int r = ioctl(g->fd, KVM_CREATE_DEVICE, &d);

	if (fd)
		*fd = d.fd;
	return r;
}

static int attr(int fd, unsigned long op, uint32_t flags, uint32_t group, uint64_t a,
		void *addr)
{
	struct kvm_device_attr d = {
		.flags = flags, .group = group, .attr = a, .addr = (uintptr_t)addr,
	};

	return ioctl(fd, op, &d);
}

static struct guest *prepare(void)
{
	struct guest *g = guest_new_novcpu(CHIP_NONE);

	/* On x86 no capability announces KVM_CREATE_DEVICE. */
	if (create(g, 0, KVM_CREATE_DEVICE_TEST, NULL) && errno == ENOTTY)
		test_skip("this kvm does not have KVM_CREATE_DEVICE");
	return g;
}

static void types(const void *arg)
{
	struct guest *g = prepare();
	static const uint32_t bad[] = { 0, 1, 2, 3, 5, 6, 7, 1000, ~0U };
	int i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK_ERRNO(create(g, bad[i], 0, NULL), ENODEV);
		CHECK_ERRNO(create(g, bad[i], KVM_CREATE_DEVICE_TEST, NULL), ENODEV);
	}
	CHECK_ERRNO(ioctl(g->fd, KVM_CREATE_DEVICE, (void *)8), EFAULT);
}

/* The test flag says what there is and makes nothing. */
static void vfio(const void *arg)
{
	struct guest *g = prepare();
	int fd = -2, i, n;

	if (create(g, KVM_DEV_TYPE_VFIO, KVM_CREATE_DEVICE_TEST, &fd))
		test_skip("this kvm does not have KVM_DEV_TYPE_VFIO");
	CHECK_EQ(fd, -1);
	CHECK_OK(create(g, KVM_DEV_TYPE_VFIO, KVM_CREATE_DEVICE_TEST, &fd));
	CHECK_OK(create(g, KVM_DEV_TYPE_VFIO, 0, &fd));
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC, "no file, or inherited by exec");
	/* One for each VM, also when its file is closed. */
	CHECK(create(g, KVM_DEV_TYPE_VFIO, 0, NULL) && (errno == EBUSY || errno == EEXIST),
	      "a second one: %s", strerror(errno));
	CHECK_OK(create(g, KVM_DEV_TYPE_VFIO, KVM_CREATE_DEVICE_TEST, NULL));
	close(fd);
	n = create(g, KVM_DEV_TYPE_VFIO, 0, &fd);
	CHECK(!n || errno == EBUSY, "after close: %s", strerror(errno));
	for (i = 0; i < 50; i++) {
		g = prepare();
		CHECK_OK(create(g, KVM_DEV_TYPE_VFIO, 0, &fd));
		/* VM and device are closed in either order. */
		if (i & 1)
			close(fd);
		kvm_vm_free(g->m->vm);
		if (!(i & 1))
			close(fd);
	}
}

static void vfio_attributes(const void *arg)
{
	struct guest *g = prepare();
	int32_t group = -1;
	int fd, file = CHECK_OK(open("/proc/self/exe", O_RDONLY));
	int ev = event_new();

	if (create(g, KVM_DEV_TYPE_VFIO, 0, &fd))
		test_skip("this kvm does not have KVM_DEV_TYPE_VFIO");
	CHECK_OK(attr(fd, KVM_HAS_DEVICE_ATTR, 0, KVM_DEV_VFIO_GROUP,
		      KVM_DEV_VFIO_GROUP_ADD, NULL));
	CHECK_OK(attr(fd, KVM_HAS_DEVICE_ATTR, 0, KVM_DEV_VFIO_GROUP,
		      KVM_DEV_VFIO_GROUP_DEL, NULL));
	CHECK_ERRNO(attr(fd, KVM_HAS_DEVICE_ATTR, 0, KVM_DEV_VFIO_GROUP, 99, NULL), ENXIO);
	CHECK_ERRNO(attr(fd, KVM_HAS_DEVICE_ATTR, 0, 99, 1, NULL), ENXIO);
	CHECK_ERRNO(attr(fd, KVM_SET_DEVICE_ATTR, 0, KVM_DEV_VFIO_GROUP, 99, &group), ENXIO);
	CHECK_ERRNO(attr(fd, KVM_SET_DEVICE_ATTR, 0, 99, 1, &group), ENXIO);
	CHECK_ERRNO(attr(fd, KVM_SET_DEVICE_ATTR, 0, KVM_DEV_VFIO_GROUP,
			 KVM_DEV_VFIO_GROUP_ADD, (void *)8), EFAULT);
	CHECK_ERRNO(attr(fd, KVM_SET_DEVICE_ATTR, 0, KVM_DEV_VFIO_GROUP,
			 KVM_DEV_VFIO_GROUP_ADD, &group), EBADF);
	group = file;
	CHECK_ERRNO(attr(fd, KVM_SET_DEVICE_ATTR, 0, KVM_DEV_VFIO_GROUP,
			 KVM_DEV_VFIO_GROUP_ADD, &group), EINVAL);
	group = ev;
	CHECK_ERRNO(attr(fd, KVM_SET_DEVICE_ATTR, 0, KVM_DEV_VFIO_GROUP,
			 KVM_DEV_VFIO_GROUP_ADD, &group), EINVAL);
	CHECK_ERRNO(attr(fd, KVM_SET_DEVICE_ATTR, 0, KVM_DEV_VFIO_GROUP,
			 KVM_DEV_VFIO_GROUP_DEL, &group), ENOENT);
	/* No attribute of the VFIO device can be read. */
	CHECK_ERRNO(attr(fd, KVM_GET_DEVICE_ATTR, 0, KVM_DEV_VFIO_GROUP, 1, &group), EPERM);
	CHECK_ERRNO(ioctl(fd, KVM_SET_DEVICE_ATTR, (void *)8), EFAULT);
	CHECK_ERRNO(ioctl(fd, KVM_HAS_DEVICE_ATTR, (void *)8), EFAULT);
	CHECK_ERRNO(ioctl(fd, KVM_GET_CLOCK, &group), ENOTTY);
}

/* Files that have attributes and are no devices. */
static void others(const void *arg)
{
	struct guest *g = guest_new(1, CHIP_NONE);
	uint64_t v = 0;
	int cpu = g->v[0].vcpu->fd;

	CHECK_ERRNO(attr(cpu, KVM_HAS_DEVICE_ATTR, 0, 50, 0, &v), ENXIO);
	CHECK_ERRNO(attr(cpu, KVM_GET_DEVICE_ATTR, 0, 50, 0, &v), ENXIO);
	CHECK_ERRNO(attr(cpu, KVM_SET_DEVICE_ATTR, 0, 50, 0, &v), ENXIO);
}

int main(int argc, char **argv)
{
	TEST(types);
	TEST(vfio);
	TEST(vfio_attributes);
	TEST(others);
	return run_tests(argc, argv);
}
