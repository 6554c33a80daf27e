// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts by eventfd: MSI and pins, level with resample, what is in flight when an
 * irqfd goes, routes that change. Signals are counted exactly wherever the host waits
 * for one interrupt before it sends the next.
 */
#include <fcntl.h>
#include <poll.h>

#include "guest.h"

#define VEC 0x60
#define VEC2 0x61
#define VEC_MARK 0x31		/* of lower priority than the others */
#define GSI 30
#define GSI2 31
#define PIN 11
#define LEVEL (1 << 15)

static volatile uint64_t count[256], ready, stop;
static volatile uint32_t pin_entry;

static void on_irq(struct guest_frame *f)
{
	count[f->vector]++;
	guest_eoi();
}

/* Halts until @stop, taking interrupts. */
static void taker(uint64_t arg)
{
	guest_x2apic();
	if (pin_entry) {
		guest_mask_pics();
		guest_ioapic_pin(PIN, pin_entry, 0);
	}
	ready++;
	while (!stop)
		guest_wait_irq();
	guest_sync(0);
}

static struct guest *prepare(int nr, enum guest_chip chip)
{
	struct guest *g = guest_new(nr, chip);
	int i;

	need_cap(g, KVM_CAP_IRQFD);
	need_cap(g, KVM_CAP_IRQ_ROUTING);
	need_cap(g, KVM_CAP_SIGNAL_MSI);
	guest_handlers[VEC] = on_irq;
	guest_handlers[VEC2] = on_irq;
	guest_handlers[VEC_MARK] = on_irq;
	guest_take_last_vector();
	for (i = 0; i < nr; i++) {
		guest_code(g, i, taker, 0);
		guest_start(g, i);
		thread_wait_for(&ready, i + 1);
	}
	return g;
}

/* Everything of higher priority that was on its way has been handled. */
static void settle(struct guest *g)
{
	uint64_t n = count[VEC_MARK];

	guest_send_msi(g, 0, VEC_MARK);
	thread_wait_for(&count[VEC_MARK], n + 1);
}

static void finish(struct guest *g)
{
	int i;

	stop = 1;
	for (i = 0; i < g->nr; i++) {
		guest_send_msi(g, i, VEC_MARK);
		guest_join(g, i);
		CHECK_EQ(g->v[i].exits, 0);
	}
}

static void route_msi(struct guest *g, uint8_t vector)
{
	struct kvm_irq_routing_entry e[] = {
		msi_route(GSI, 0, vector), msi_route(GSI2, 0, VEC2),
		chip_route(PIN, KVM_IRQCHIP_IOAPIC, PIN),
	};
	bool full = ioctl(g->fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) > 0 &&
		    !ioctl(g->fd, KVM_GET_IRQCHIP, &(struct kvm_irqchip) { .chip_id = 2 });

	CHECK_OK(guest_set_routes(g, e, full ? 3 : 2));
}

/* @n signals, each waited for; then nothing more came. */
static void paced(struct guest *g, int fd, uint8_t vector, int n)
{
	uint64_t c = count[vector];
	int i;

	for (i = 1; i <= n; i++) {
		event_signal(fd);
		thread_wait_for(&count[vector], c + i);
	}
	settle(g);
	CHECK_EQ(count[vector], c + n);
}

static void msi(const void *arg)
{
	struct guest *g = prepare(1, *(const enum guest_chip *)arg);
	int fd = event_new(), fd2 = event_new();

	route_msi(g, VEC);
	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	CHECK_OK(guest_irqfd(g, fd2, GSI2, 0));
	paced(g, fd, VEC, 200);
	CHECK_EQ(count[VEC2], 0);
	paced(g, fd2, VEC2, 20);
	CHECK_EQ(count[VEC], 200);
	CHECK_OK(guest_irqfd(g, fd, GSI, KVM_IRQFD_FLAG_DEASSIGN));
	event_signal(fd);
	settle(g);
	CHECK_EQ(count[VEC], 200);
	finish(g);
}

static void each_vcpu(const void *arg)
{
	struct guest *g = prepare(3, CHIP_FULL);
	int fd[3], i;
	struct kvm_irq_routing_entry e[3];

	for (i = 0; i < 3; i++)
		e[i] = msi_route(GSI + i, i, VEC + (i != 0));
	CHECK_OK(guest_set_routes(g, e, 3));
	for (i = 0; i < 3; i++) {
		fd[i] = event_new();
		CHECK_OK(guest_irqfd(g, fd[i], GSI + i, 0));
	}
	paced(g, fd[0], VEC, 20);
	CHECK_EQ(count[VEC2], 0);
	for (i = 1; i <= 20; i++) {
		event_signal(fd[1 + i % 2]);
		thread_wait_for(&count[VEC2], i);
	}
	CHECK_EQ(count[VEC], 20);
	finish(g);
}

static void pin_edge(const void *arg)
{
	struct guest *g;
	int fd = event_new();

	pin_entry = VEC;
	g = prepare(1, CHIP_FULL);
	CHECK_OK(guest_irqfd(g, fd, PIN, 0));
	paced(g, fd, VEC, 50);
	finish(g);
}

static struct guest *prepare_level(void)
{
	struct guest *g;

	pin_entry = VEC | LEVEL;
	g = prepare(1, CHIP_FULL);
	need_cap(g, KVM_CAP_IRQFD_RESAMPLE);
	return g;
}

static void wait_signalled(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK(poll(&p, 1, 5000) == 1, "no resample signal");
	CHECK(event_take(fd), "poll was wrong");
}

/* The line falls when the guest acknowledges, and the host is told. */
static void resample(const void *arg)
{
	struct guest *g = prepare_level();
	int fd = event_new(), refd = event_new(), i;

	CHECK_OK(guest_irqfd_resample(g, fd, PIN, KVM_IRQFD_FLAG_RESAMPLE, refd));
	settle(g);
	CHECK(!event_take(refd), "signalled before anything happened");
	for (i = 1; i <= 50; i++) {
		event_signal(fd);
		wait_signalled(refd);
		thread_wait_for(&count[VEC], i);
		settle(g);
		CHECK_EQ(count[VEC], i);
		CHECK(!event_take(refd), "signalled twice");
	}
	CHECK_OK(guest_irqfd_resample(g, fd, PIN, KVM_IRQFD_FLAG_DEASSIGN, 0));
	event_signal(fd);
	settle(g);
	CHECK_EQ(count[VEC], 50);
	finish(g);
}

/* Two devices on one line: one asserts, both are asked; one that still wants asserts again. */
static void resample_shared(const void *arg)
{
	struct guest *g = prepare_level();
	int fd[2] = { event_new(), event_new() }, refd[2] = { event_new(), event_new() }, i;

	for (i = 0; i < 2; i++)
		CHECK_OK(guest_irqfd_resample(g, fd[i], PIN, KVM_IRQFD_FLAG_RESAMPLE, refd[i]));
	for (i = 1; i <= 20; i++) {
		event_signal(fd[i & 1]);
		wait_signalled(refd[0]);
		wait_signalled(refd[1]);
		thread_wait_for(&count[VEC], i);
	}
	CHECK_OK(guest_irqfd(g, fd[1], PIN, KVM_IRQFD_FLAG_DEASSIGN));
	event_signal(fd[0]);
	wait_signalled(refd[0]);
	CHECK(!event_take(refd[1]), "signalled after it was taken away");
	settle(g);
	CHECK_EQ(count[VEC], 21);
	finish(g);
}

/* A resample irqfd that goes while its line is up takes the line down with it. */
static void resample_goes_asserted(const void *arg)
{
	struct guest *g;
	int fd = event_new(), refd = event_new();
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	pin_entry = VEC | LEVEL | 1 << 16;
	g = prepare(1, CHIP_FULL);
	need_cap(g, KVM_CAP_IRQFD_RESAMPLE);
	CHECK_OK(guest_irqfd_resample(g, fd, PIN, KVM_IRQFD_FLAG_RESAMPLE, refd));
	event_signal(fd);
	usleep(20000);
	CHECK_OK(ioctl(g->fd, KVM_GET_IRQCHIP, &chip));
	CHECK(chip.chip.ioapic.irr & 1 << PIN, "not asserted");
	CHECK_OK(guest_irqfd(g, fd, PIN, KVM_IRQFD_FLAG_DEASSIGN));
	CHECK_OK(ioctl(g->fd, KVM_GET_IRQCHIP, &chip));
	CHECK(!(chip.chip.ioapic.irr & 1 << PIN), "still asserted");
	finish(g);
}

static volatile bool quit;

static void *hammer(void *arg)
{
	while (!quit) {
		event_signal(*(int *)arg);
		sched_yield();
	}
	return NULL;
}

/* When the call returns, no interrupt comes any more, however hard the eventfd is hit. */
static void deassign_waits(const void *arg)
{
	struct guest *g = prepare(1, CHIP_FULL);
	int fd = event_new(), i, j;
	pthread_t t;
	uint64_t n;

	route_msi(g, VEC);
	CHECK(!pthread_create(&t, NULL, hammer, &fd), "pthread_create");
	for (i = 0; i < 60; i++) {
		n = count[VEC];
		CHECK_OK(guest_irqfd(g, fd, GSI, 0));
		thread_wait_for(&count[VEC], n + 1);
		CHECK_OK(guest_irqfd(g, fd, GSI, KVM_IRQFD_FLAG_DEASSIGN));
		settle(g);
		n = count[VEC];
		for (j = 0; j < 5; j++)
			sched_yield();
		settle(g);
		CHECK_EQ(count[VEC], n);
	}
	quit = true;
	pthread_join(t, NULL);
	finish(g);
}

static void same_eventfd_twice(const void *arg)
{
	struct guest *g = prepare(1, CHIP_FULL);
	int fd = event_new(), twin = CHECK_OK(dup(fd));

	route_msi(g, VEC);
	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	CHECK_ERRNO(guest_irqfd(g, fd, GSI, 0), EBUSY);
	CHECK_ERRNO(guest_irqfd(g, twin, GSI2, 0), EBUSY);
	paced(g, fd, VEC, 10);
	CHECK_EQ(count[VEC2], 0);
	CHECK_OK(guest_irqfd(g, twin, GSI, KVM_IRQFD_FLAG_DEASSIGN));
	CHECK_OK(guest_irqfd(g, fd, GSI2, 0));
	paced(g, twin, VEC2, 10);
	finish(g);
}

/* Closing the last descriptor of an eventfd de-assigns its irqfd. */
static void close_while_assigned(const void *arg)
{
	struct guest *g = prepare(1, CHIP_FULL);
	int fd, i, keep;

	route_msi(g, VEC);
	for (i = 1; i <= 200; i++) {
		fd = event_new();
		CHECK_OK(guest_irqfd(g, fd, GSI, 0));
		event_signal(fd);
		thread_wait_for(&count[VEC], i);
		close(fd);
	}
	fd = event_new();
	keep = CHECK_OK(dup(fd));
	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	close(fd);
	paced(g, keep, VEC, 10);
	finish(g);
}

static void signal_before_assign(const void *arg)
{
	struct guest *g = prepare(1, CHIP_FULL);
	int fd = event_new(), i;

	route_msi(g, VEC);
	for (i = 0; i < 7; i++)
		event_signal(fd);
	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	thread_wait_for(&count[VEC], 1);
	settle(g);
	CHECK_EQ(count[VEC], 1);
	finish(g);
}

static void routes_change(const void *arg)
{
	struct guest *g = prepare(1, CHIP_FULL);
	int fd = event_new(), i;
	struct kvm_irq_routing_entry other = msi_route(GSI + 5, 0, VEC);

	CHECK_OK(guest_irqfd(g, fd, GSI, 0));		/* no route yet */
	for (i = 0; i < 20; i++) {
		route_msi(g, i & 1 ? VEC2 : VEC);
		paced(g, fd, i & 1 ? VEC2 : VEC, 5);
	}
	CHECK_OK(guest_set_routes(g, &other, 1));
	event_signal(fd);
	settle(g);
	CHECK_EQ(count[VEC] + count[VEC2], 100);
	finish(g);
}

static void errors(const void *arg)
{
	struct guest *g = guest_new(1, CHIP_FULL), *bare, *split;
	int fd = event_new(), file, refd = event_new();

	need_cap(g, KVM_CAP_IRQFD);
	need_cap(g, KVM_CAP_IRQFD_RESAMPLE);
	file = CHECK_OK(open("/proc/self/exe", O_RDONLY));
	CHECK_ERRNO(guest_irqfd(g, -1, GSI, 0), EBADF);
	CHECK_ERRNO(guest_irqfd(g, file, GSI, 0), EINVAL);
	CHECK_ERRNO(guest_irqfd(g, g->fd, GSI, 0), EINVAL);
	CHECK_ERRNO(guest_irqfd(g, fd, GSI, 4), EINVAL);
	CHECK_ERRNO(guest_irqfd(g, fd, GSI, 1u << 31), EINVAL);
	CHECK_ERRNO(guest_irqfd_resample(g, fd, PIN, KVM_IRQFD_FLAG_RESAMPLE, -1), EBADF);
	CHECK_ERRNO(guest_irqfd_resample(g, fd, PIN, KVM_IRQFD_FLAG_RESAMPLE, file), EINVAL);
	CHECK_ERRNO(guest_irqfd(g, -1, GSI, KVM_IRQFD_FLAG_DEASSIGN), EBADF);
	CHECK_ERRNO(guest_irqfd(g, file, GSI, KVM_IRQFD_FLAG_DEASSIGN), EINVAL);
	CHECK_ERRNO(ioctl(g->fd, KVM_IRQFD, (void *)8), EFAULT);
	/* What failed left nothing behind. */
	CHECK_OK(guest_irqfd_resample(g, fd, PIN, KVM_IRQFD_FLAG_RESAMPLE, refd));
	CHECK_OK(guest_irqfd(g, fd, PIN, KVM_IRQFD_FLAG_DEASSIGN));
	/* Nothing to take away is no error. */
	CHECK_OK(guest_irqfd(g, fd, PIN, KVM_IRQFD_FLAG_DEASSIGN));
	bare = guest_new(1, CHIP_NONE);
	CHECK_ERRNO(guest_irqfd(bare, fd, GSI, 0), EINVAL);
	split = guest_new(1, CHIP_SPLIT);
	CHECK_OK(guest_irqfd(split, fd, GSI, 0));
	CHECK_ERRNO(guest_irqfd_resample(split, refd, PIN, KVM_IRQFD_FLAG_RESAMPLE, event_new()),
		    EINVAL);
}

/* The VM goes while its irqfds are being signalled. */
static void vm_goes(const void *arg)
{
	static int fd;
	pthread_t t;
	int i;

	fd = event_new();
	CHECK(!pthread_create(&t, NULL, hammer, &fd), "pthread_create");
	for (i = 0; i < 10; i++) {
		struct guest *g = guest_new(1, CHIP_FULL);

		need_cap(g, KVM_CAP_IRQFD);
		need_cap(g, KVM_CAP_IRQ_ROUTING);
		route_msi(g, VEC);
		CHECK_OK(guest_irqfd(g, fd, GSI, 0));
		usleep(2000);
		kvm_vm_free(g->m->vm);
	}
	quit = true;
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	static const enum guest_chip full = CHIP_FULL, split = CHIP_SPLIT;

	add_test(msi, &full, "msi");
	add_test(msi, &split, "msi, split irqchip");
	TEST(each_vcpu);
	TEST(pin_edge);
	TEST(resample);
	TEST(resample_shared);
	TEST(resample_goes_asserted);
	TEST(deassign_waits);
	TEST(same_eventfd_twice);
	TEST(close_while_assigned);
	TEST(signal_before_assign);
	TEST(routes_change);
	TEST(errors);
	TEST(vm_goes);
	return run_tests(argc, argv);
}
