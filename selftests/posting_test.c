// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of devices that the IOMMU posts to vCPUs. fake_irq.ko, which lies beside
 * this program, plays device and IOMMU: it is told a vCPU's descriptor as vfio's
 * interrupts are, posts to it, and sends the notification that the descriptor asks for.
 * An interrupt is raised when the one before has arrived, so none may be lost.
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>

#include "fake_device.h"
#include "guest.h"

#define VEC	0x60
#define VEC2	0x61
#define GSI	30

#define ON	(1ULL << 0)
#define SN	(1ULL << 1)
#define NV	(0xffULL << 16)
#define NOTIFY	(0xf2ULL << 16)		/* POSTED_INTR_VECTOR of the kernel */
#define WAKE_UP	(0xf1ULL << 16)

static volatile uint64_t count[256], ready, stop, spins, turns;
static volatile uint32_t seen_by[256];

/* --- guest ------------------------------------------------------------------ */

static void on_irq(struct guest_frame *f)
{
	seen_by[f->vector] = guest_apic_read(APIC_ID);
	guest_eoi();
	count[f->vector]++;
}

static void take_one(void)
{
	if (spins || (turns && (count[VEC] & 4))) {
		guest_sti();
		guest_pause();
		guest_cli();
	} else {
		guest_wait_irq();
	}
}

static void taker(uint64_t arg)
{
	guest_x2apic();
	if (arg)
		guest_sync(arg);
	ready++;
	while (!stop)
		take_one();
	guest_sync(0);
}

static void opens(uint64_t arg)
{
	guest_x2apic();
	guest_sync(1);
	guest_sti();
	guest_pause();
	guest_cli();
	guest_sync(2);
}

/* An xAPIC whose id is not its vCPU's: the CPU does not virtualize the VM's APICs. */
static void renames(uint64_t id)
{
	*(volatile uint32_t *)(0xfee00000 + APIC_ID) = id << 24;
	guest_sync(id);
}

/* --- host ------------------------------------------------------------------- */

static void need_two_cpus(void)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		test_skip("one CPU");
}

static void pin_vcpu(struct guest *g, int i, int cpu)
{
	CHECK(pin_thread(g->v[i].thread, cpu), "CPU %d", cpu);
}

static struct guest *prepare(int nr)
{
	struct guest *g = guest_new(nr, CHIP_FULL);
	struct kvm_irq_routing_entry e = msi_route(GSI, 0, VEC);

	need_cap(g, KVM_CAP_IRQFD);
	guest_handlers[VEC] = on_irq;
	guest_handlers[VEC2] = on_irq;
	guest_take_last_vector();
	CHECK_OK(guest_set_routes(g, &e, 1));
	return g;
}

static void start(struct guest *g)
{
	int i;

	for (i = 0; i < g->nr; i++) {
		guest_code(g, i, taker, 0);
		guest_start(g, i);
		thread_wait_for(&ready, i + 1);
	}
}

static void finish(struct guest *g)
{
	int i;

	stop = 1;
	for (i = 0; i < g->nr; i++) {
		guest_send_msi(g, i, VEC2);
		guest_join(g, i);
		CHECK_EQ(g->v[i].exits, 0);
	}
}

static void paced_(int dev, int fd, bool posted, int n)
{
	uint64_t before = count[VEC];
	int i;

	for (i = 1; i <= n; i++) {
		CHECK_EQ(raise_irq(dev, fd), posted);
		wait_for(&count[VEC], before + i);
	}
	CHECK_EQ(count[VEC], before + n);
}

#define paced(dev, fd, posted, n) (HERE(), paced_(dev, fd, posted, n))

/* --- devices and irqfds come together in any order ----------------------------- */

/* Where the CPU or the IOMMU cannot post, each interrupt signals the eventfd. */
static void unused(const void *iommu)
{
	int dev = fake_device(), fd = event_new();
	struct guest *g;

	if (*(const bool *)iommu && !cannot_post())
		test_skip("the CPU can post");
	iommu_posts(*(const bool *)iommu);
	g = prepare(1);
	CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	start(g);
	paced(dev, fd, false, 10);
	CHECK_OK(ioctl(dev, FAKE_IRQ_DETACH));
	CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
	paced(dev, fd, false, 10);
	CHECK_OK(guest_irqfd(g, fd, GSI, KVM_IRQFD_FLAG_DEASSIGN));
	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	paced(dev, fd, false, 10);
	check_posted(dev, 0, 0);
	finish(g);
}

static void orders(const void *arg)
{
	int dev = posting_device(), fd = event_new(), i;
	struct guest *g = prepare(1);

	start(g);
	for (i = 0; i < 4; i++) {
		if (i & 1)
			CHECK_OK(guest_irqfd(g, fd, GSI, 0));
		CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
		if (!(i & 1))
			CHECK_OK(guest_irqfd(g, fd, GSI, 0));
		check_posted(dev, i + 1, i);
		CHECK_EQ(device_state(dev).vector, VEC);
		paced(dev, fd, true, 10);
		if (i & 2) {
			CHECK_OK(ioctl(dev, FAKE_IRQ_DETACH));
			check_posted(dev, i + 1, i + 1);
			paced(dev, fd, false, 10);
			CHECK_OK(guest_irqfd(g, fd, GSI, KVM_IRQFD_FLAG_DEASSIGN));
		} else {
			CHECK_OK(guest_irqfd(g, fd, GSI, KVM_IRQFD_FLAG_DEASSIGN));
			check_posted(dev, i + 1, i + 1);
			CHECK_OK(ioctl(dev, FAKE_IRQ_DETACH));
		}
		check_posted(dev, i + 1, i + 1);
	}
	finish(g);
}

/* The process that has the VM goes, the device stays; or the other way round. */
static void vm_goes_first(const void *arg)
{
	int dev = posting_device(), fd = event_new(), status;
	pid_t child = fork();

	CHECK(child >= 0, "fork");
	if (!child) {
		struct guest *g = prepare(1);

		CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
		CHECK_OK(guest_irqfd(g, fd, GSI, 0));
		start(g);
		paced(dev, fd, true, 10);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && !status, "the child failed");
	check_posted(dev, 1, 1);
	CHECK_EQ(ioctl(dev, FAKE_IRQ_RAISE), 0);
}

static void device_goes_first(const void *arg)
{
	int dev = posting_device(), fd = event_new();
	struct guest *g = prepare(1);

	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
	start(g);
	paced(dev, fd, true, 10);
	close(dev);
	dev = posting_device();
	paced(dev, fd, false, 10);
	CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
	paced(dev, fd, true, 10);
	finish(g);
}

/* An interrupt that is not behind an IOMMU. */
static void refused(const void *arg)
{
	int dev = posting_device(), fd = event_new(), yes = 1, no = 0;
	struct kvm_irq_routing_entry e = msi_route(GSI, 1, VEC);
	struct guest *g = prepare(2);

	CHECK_OK(ioctl(dev, FAKE_IRQ_REFUSE, &yes));
	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
	start(g);
	paced(dev, fd, false, 10);
	check_posted(dev, 0, 0);
	CHECK_OK(ioctl(dev, FAKE_IRQ_REFUSE, &no));
	CHECK_OK(guest_set_routes(g, &e, 1));
	check_posted(dev, 1, 0);
	/* It must not stay with the old vCPU. */
	CHECK_OK(ioctl(dev, FAKE_IRQ_REFUSE, &yes));
	e = msi_route(GSI, 0, VEC);
	CHECK_OK(guest_set_routes(g, &e, 1));
	check_posted(dev, 1, 1);
	paced(dev, fd, false, 10);
	finish(g);
}

/* --- which routes are posted ---------------------------------------------------- */

static void routes(const void *arg)
{
	int dev = posting_device(), fd = event_new(), i, posted = 1, returned = 0;
	struct guest *g = prepare(2);
	uint64_t to0;
	struct {
		uint32_t addr, data;
		bool posts;
	} r[] = {
		{ 0xfee01000, VEC, true },
		{ 0xfee01000, VEC | 1 << 8, true },	/* lowest priority */
		{ 0xfee01004, VEC, true },		/* logical: vCPU 0 */
		{ 0xfee03004, VEC, false },		/* both */
		{ 0xfee0300c, VEC | 1 << 8, false },	/* one of both */
		{ 0xfee01000, VEC, true },
		{ 0xfee01000, VEC | 1 << 15, false },	/* level */
		{ 0xfee01000, VEC | 4 << 8, false },	/* NMI */
		{ 0xfee01000, 8, false },		/* no vector of an interrupt */
		{ 0xfeeff000, VEC, false },		/* broadcast */
		{ 0xfee77000, VEC, false },		/* no vCPU has this ID */
		{ 0xfee00000, VEC, true },
	};

	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
	start(g);
	check_posted(dev, 1, 0);
	to0 = device_state(dev).descriptor;
	for (i = 0; i < ARRAY_LEN(r); i++) {
		struct kvm_irq_routing_entry e = msi_route(GSI, 0, 0);
		uint64_t before = device_state(dev).descriptor, now;

		e.u.msi.address_lo = r[i].addr;
		e.u.msi.data = r[i].data;
		CHECK_OK(guest_set_routes(g, &e, 1));
		now = device_state(dev).descriptor;
		CHECK_EQ(!!now, r[i].posts);
		posted += now && now != before;
		returned += !now && before;
		/* A table that is the same changes nothing. */
		CHECK_OK(guest_set_routes(g, &e, 1));
		CHECK_EQ(device_state(dev).posted, posted);
		CHECK_EQ(device_state(dev).returned, returned);
		if (!r[i].posts)
			continue;
		paced(dev, fd, true, 5);
		CHECK_EQ(seen_by[VEC], now != to0);
		CHECK_EQ(now != to0, r[i].addr == 0xfee01000);
	}
	/* A pin is no message. */
	CHECK_OK(guest_set_routes(g, &(struct kvm_irq_routing_entry) {
		.gsi = GSI, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { KVM_IRQCHIP_IOAPIC, 20 } }, 1));
	CHECK_EQ(device_state(dev).descriptor, 0);
	finish(g);
}

static void new_vector(const void *arg)
{
	int dev = posting_device(), fd = event_new();
	struct kvm_irq_routing_entry e = msi_route(GSI, 0, VEC2);
	struct guest *g = prepare(1);

	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
	start(g);
	paced(dev, fd, true, 5);
	CHECK_OK(guest_set_routes(g, &e, 1));
	check_posted(dev, 2, 0);
	CHECK_EQ(device_state(dev).vector, VEC2);
	CHECK(raise_irq(dev, fd), "posted");
	thread_wait_for(&count[VEC2], 1);
	CHECK_EQ(count[VEC], 5);
	finish(g);
}

/* The route names a vCPU that is created later. */
static void late_vcpu(const void *arg)
{
	int dev = posting_device(), fd = event_new();
	struct kvm_irq_routing_entry e = msi_route(GSI, 1, VEC);
	struct guest *g = prepare(1);

	CHECK_OK(guest_set_routes(g, &e, 1));
	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
	check_posted(dev, 0, 0);
	guest_add_vcpu(g, 1);
	check_posted(dev, 1, 0);
	start(g);
	paced(dev, fd, true, 10);
	CHECK_EQ(seen_by[VEC], 1);
	finish(g);
}

/* --- what the vCPU is doing ------------------------------------------------------ */

static struct guest *posted_guest(int dev, int fd, int nr)
{
	struct guest *g = prepare(nr);

	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
	check_posted(dev, 1, 0);
	return g;
}

/* In user space a vCPU is not notified; KVM_GET_LAPIC shows what was posted. */
static void in_user_space(const void *arg)
{
	int dev = posting_device(), fd = event_new();
	struct guest *g = posted_guest(dev, fd, 1);
	struct kvm_lapic_state lapic;

	guest_code(g, 0, taker, 5);
	CHECK_EQ(guest_run(g, 0), 5);
	CHECK_EQ(device_state(dev).control & (SN | ON), SN);
	CHECK(raise_irq(dev, fd), "posted");
	CHECK_EQ(device_state(dev).control & (SN | ON), SN);
	CHECK_OK(ioctl(g->v[0].vcpu->fd, KVM_GET_LAPIC, &lapic));
	CHECK_EQ(*(uint32_t *)&lapic.regs[APIC_IRR + VEC / 32 * 16], 1u << VEC % 32);
	guest_start(g, 0);
	thread_wait_for(&count[VEC], 1);
	paced(dev, fd, true, 10);
	CHECK_EQ(count[VEC], 11);
	finish(g);
}

static void halted(const void *arg)
{
	int dev = posting_device(), fd = event_new(), i;
	struct guest *g = posted_guest(dev, fd, 1);

	start(g);
	for (i = 1; i <= 100; i++) {
		wait_control(dev, NV | SN | ON, WAKE_UP, -1);
		paced(dev, fd, true, 1);
	}
	finish(g);
}

/* The device comes when the vCPU sleeps already. */
static void halted_before(const void *arg)
{
	int dev = posting_device(), fd = event_new();
	struct guest *g = prepare(1);

	CHECK_OK(guest_irqfd(g, fd, GSI, 0));
	start(g);
	usleep(100000);
	CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
	wait_control(dev, NV | SN | ON, WAKE_UP, -1);
	paced(dev, fd, true, 10);
	finish(g);
}

/* The test has the CPU that the vCPU wants. */
static void preempted(const void *arg)
{
	int dev = posting_device(), fd = event_new(), i;
	struct guest *g = posted_guest(dev, fd, 1);

	spins = 1;
	start(g);
	pin(0);
	pin_vcpu(g, 0, 0);
	for (i = 1; i <= 20; i++) {
		wait_control(dev, NV | SN, NOTIFY | SN, 0);
		paced(dev, fd, true, 1);
	}
	finish(g);
}

/* How often the host itself has been notified. */
static uint64_t host_notified(void)
{
	char line[400], *p, *end;
	uint64_t n = 0;
	FILE *f = fopen("/proc/interrupts", "r");

	CHECK(f, "/proc/interrupts");
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, "PIN:"))
			continue;
		for (p = strchr(line, ':') + 1; ; p = end) {
			n += strtoull(p, &end, 10);
			if (end == p)
				break;
		}
	}
	fclose(f);
	return n;
}

/* The notification reaches the CPU in the guest, and not the host. */
static void running(const void *arg)
{
	int dev = posting_device(), fd = event_new();
	struct guest *g;
	uint64_t n;

	need_two_cpus();
	g = posted_guest(dev, fd, 1);
	spins = 1;
	start(g);
	pin(0);
	pin_vcpu(g, 0, 1);
	wait_control(dev, NV | SN, NOTIFY, 1);
	n = host_notified();
	paced(dev, fd, true, 200);
	n = host_notified() - n;
	CHECK(n < 100, "%llu of 200 reached the host", (unsigned long long)n);
	finish(g);
}

static void moved(const void *arg)
{
	int dev = posting_device(), fd = event_new(), i;
	struct guest *g;

	need_two_cpus();
	g = posted_guest(dev, fd, 1);
	turns = *(const bool *)arg;
	spins = !turns;
	start(g);
	for (i = 1; i <= 40; i++) {
		pin_vcpu(g, 0, i & 1);
		paced(dev, fd, true, 3);
		wait_control(dev, 0, 0, i & 1);
	}
	finish(g);
}

/* While APICv is inhibited for the VM, a posted interrupt wakes the vCPU by the wake-up vector. */
static void inhibited(const void *arg)
{
	int dev = posting_device(), fd = event_new();
	struct guest *g = posted_guest(dev, fd, 2);

	turns = *(const bool *)arg;
	spins = !turns;
	guest_code(g, 1, renames, 77);
	CHECK_EQ(guest_run(g, 1), 77);
	guest_code(g, 0, taker, 0);
	guest_start(g, 0);
	thread_wait_for(&ready, 1);
	wait_control(dev, NV | SN, WAKE_UP, -1);
	paced(dev, fd, true, 50);
	guest_code(g, 1, renames, 1);
	CHECK_EQ(guest_run(g, 1), 1);
	spins = 1;
	paced(dev, fd, true, 1);
	wait_control(dev, NV, NOTIFY, -1);
	paced(dev, fd, true, 50);
	g->nr = 1;
	finish(g);
}

static bool set_online(int cpu, bool on)
{
	char path[80];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	fd = open(path, O_WRONLY);
	ok = fd >= 0 && write(fd, on ? "1" : "0", 1) == 1;
	close(fd);
	return ok;
}

/* A halted vCPU is notified elsewhere when its CPU goes. */
static void cpu_goes(const void *arg)
{
	int dev = posting_device(), fd = event_new(), i;
	struct guest *g;

	need_two_cpus();
	g = posted_guest(dev, fd, 1);
	start(g);
	for (i = 0; i < 3; i++) {
		pin_vcpu(g, 0, 1);
		paced(dev, fd, true, 1);
		wait_control(dev, NV | SN | ON, WAKE_UP, 1);
		if (!set_online(1, false))
			test_skip("a CPU cannot be taken off");
		wait_control(dev, NV | SN | ON, WAKE_UP, 0);
		paced(dev, fd, true, 5);
		CHECK(set_online(1, true), "CPU 1 does not come back");
	}
	finish(g);
}

/* Routes, irqfd and device change all the time, and no interrupt is lost. */
static void storm(const void *arg)
{
	int dev = posting_device(), fd = event_new(), i, posted = 0;
	struct guest *g = posted_guest(dev, fd, 2);

	turns = 1;
	start(g);
	for (i = 1; i <= 300; i++) {
		struct kvm_irq_routing_entry e = msi_route(GSI, i / 7 % 2, VEC);

		if (i % 7 == 0)
			CHECK_OK(guest_set_routes(g, &e, 1));
		if (i % 50 == 0) {
			CHECK_OK(guest_irqfd(g, fd, GSI, KVM_IRQFD_FLAG_DEASSIGN));
			CHECK_OK(guest_irqfd(g, fd, GSI, 0));
		}
		if (i % 60 == 0)
			CHECK_OK(ioctl(dev, FAKE_IRQ_DETACH));
		if (i % 60 == 10 && i > 60)
			CHECK_OK(ioctl(dev, FAKE_IRQ_ATTACH, &fd));
		posted += raise_irq(dev, fd);
		thread_wait_for(&count[VEC], i);
	}
	CHECK(posted > 200, "%d posted", posted);
	finish(g);
}

/* User space reads IRR, with a request that was sent meanwhile; the guest still gets it. */
static void read_by_user(const void *arg)
{
	struct guest *g = guest_new(1, CHIP_FULL);

	guest_handlers[VEC] = on_irq;
	count[VEC] = 0;
	guest_code(g, 0, opens, 0);
	CHECK_EQ(guest_run(g, 0), 1);
	guest_send_msi(g, 0, VEC);
	CHECK_EQ(vcpu_msr_get(g->m->vcpu, 0x800 + APIC_IRR / 16 + VEC / 32), 1 << VEC % 32);
	CHECK_EQ(guest_run(g, 0), 2);
	CHECK_EQ(count[VEC], 1);
}

int main(int argc, char **argv)
{
	static const bool yes = true, no;
	int r;

	add_test(unused, &no, "unused_without_iommu");
	add_test(unused, &yes, "unused_without_cpu");
	TEST(orders);
	TEST(vm_goes_first);
	TEST(device_goes_first);
	TEST(refused);
	TEST(routes);
	TEST(new_vector);
	TEST(late_vcpu);
	TEST(in_user_space);
	TEST(halted);
	TEST(halted_before);
	TEST(preempted);
	TEST(running);
	add_test(moved, &no, "moved_running");
	add_test(moved, &yes, "moved_halting");
	add_test(inhibited, &no, "inhibited_running");
	add_test(inhibited, &yes, "inhibited_halting");
	TEST(cpu_goes);
	TEST(storm);
	TEST(read_by_user);
	fake_device_load();
	r = run_tests(argc, argv);
	fake_device_unload();
	return r;
}
