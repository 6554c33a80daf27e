// SPDX-License-Identifier: GPL-2.0-only
/* Devices whose interrupts an IOMMU posts, both played by fake_irq.ko. */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "fake_device.h"
#include "guest.h"

#define POSTS	"/sys/module/fake_irq/parameters/posts"

static char why_not[200];		/* the module could not be loaded */

static bool has_word(const char *path, const char *word)
{
	char line[8192];
	bool found = false;
	FILE *f = fopen(path, "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, word);
	if (f)
		fclose(f);
	return found;
}

const char *cannot_post(void)
{
	if (!has_word("/proc/cpuinfo", "posted_intr"))
		return "the CPU has no posted interrupts";
	if (!has_word("/sys/module/kvm/parameters/enable_apicv", "Y"))
		return "enable_apicv=0";
	return NULL;
}

void iommu_posts(bool yes)
{
	int fd = open(POSTS, O_WRONLY);

	CHECK(fd >= 0 && write(fd, yes ? "1" : "0", 1) == 1, POSTS);
	close(fd);
}

int fake_device(void)
{
	int fd;

	if (*why_not)
		test_skip("%s", why_not);
	fd = open("/dev/fake_irq", O_RDWR);
	CHECK(fd >= 0, "/dev/fake_irq: %s", strerror(errno));
	iommu_posts(true);
	return fd;
}

int posting_device(void)
{
	int fd = fake_device();

	if (cannot_post())
		test_skip("%s", cannot_post());
	return fd;
}

struct fake_irq_state device_state(int dev)
{
	struct fake_irq_state s;

	CHECK_OK(ioctl(dev, FAKE_IRQ_STATE, &s));
	return s;
}

void check_posted(int dev, int posted, int returned)
{
	struct fake_irq_state s = device_state(dev);

	CHECK_EQ(s.posted, posted);
	CHECK_EQ(s.returned, returned);
	CHECK_EQ(!s.descriptor, posted == returned);
	CHECK_EQ(s.descriptor % 64, 0);
}

void wait_control_(int dev, uint64_t mask, uint64_t want, int cpu)
{
	time_t end = time(NULL) + 8;
	struct fake_irq_state s;

	do {
		s = device_state(dev);
		if ((s.control & mask) == want && (cpu < 0 || s.cpu == cpu))
			return;
		sched_yield();
	} while (time(NULL) < end);
	test_fail(here_file, here_line, "control is 0x%llx, CPU %d; not 0x%llx, CPU %d",
		  (unsigned long long)s.control, s.cpu, (unsigned long long)want, cpu);
}

bool raise_irq(int dev, int fd)
{
	int posted = CHECK_OK(ioctl(dev, FAKE_IRQ_RAISE));

	if (!posted)
		event_signal(fd);
	return posted;
}

void fake_device_load(void)
{
	int fd = open_beside("fake_irq.ko");

	if (fd < 0)
		snprintf(why_not, sizeof(why_not), "no fake_irq.ko: make test-module");
	else if (syscall(__NR_finit_module, fd, "", 0))
		snprintf(why_not, sizeof(why_not), "fake_irq.ko: %s (irqbypass is not loaded?)",
			 strerror(errno));
	close(fd);
}

void fake_device_unload(void)
{
	if (!*why_not)
		syscall(__NR_delete_module, "fake_irq", O_NONBLOCK);
}
