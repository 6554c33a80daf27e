// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults. Some of the guest's memory is behind a userfaultfd, so a
 * page comes when the test says so, and not before the guest has shown that it runs on
 * meanwhile: a kvm that waits for the page fails. Proves tokens, flags and interrupt,
 * that one token is out at a time, when the guest is not to be told, and that faults in
 * flight outlive neither the MSR nor the VM. pv_msr_test has the MSRs themselves.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest.h"

#define MSR_EN		0x4b564d02
#define MSR_INT		0x4b564d06
#define MSR_ACK		0x4b564d07
#define EN		0x1
#define EN_ALWAYS	0x2
#define EN_BY_INT	0x8
#define EN_ALL		(EN | EN_ALWAYS | EN_BY_INT)
#define WAKE_ALL	0xffffffff

#define VEC		0x51
#define AT		0x80000000UL
#define SLOT		9
#define PAGES		16
#define LIMIT		64		/* pages under way for a VM */
#define EACH		40		/* that two vCPUs try to have */
#define PAGE		0x1000UL
#define WORK		50

static volatile struct {
	uint32_t flags, token;
	uint8_t pad[56];
	uint32_t enabled;
} area __attribute__((aligned(64)));

/* What the guest saw. */
static volatile uint64_t work, nr_missing, nr_ready, nr_wake_all;
static volatile uint32_t missing[PAGES], ready[PAGES];
/* What it is to do. */
static volatile bool halts, nests, disables, keeps, interrupts_off;
static volatile uint32_t enable_bits = EN_ALL;

static uint64_t value_of(int page)
{
	return 0x1234567800000000ULL + page;
}

/* --- guest ----------------------------------------------------------------- */

static void touch(int page)
{
	G_CHECK_EQ(*(volatile uint64_t *)(AT + page * PAGE + 8), value_of(page));
}

static bool has_come(uint32_t token)
{
	uint64_t i;

	for (i = 0; i < nr_ready; i++)
		if (ready[i] == token)
			return true;
	return false;
}

static void on_pf(struct guest_frame *f)
{
	uint64_t cr2, n = nr_missing;

	asm volatile("mov %%cr2, %0" : "=r"(cr2));
	G_CHECK_EQ(area.flags, 1);
	G_CHECK_EQ(f->error, 0);
	G_CHECK(cr2 && cr2 < WAKE_ALL);
	G_CHECK(f->flags & FLAG_IF);
	G_CHECK(n < PAGES);
	missing[n] = cr2;
	area.flags = 0;
	nr_missing = n + 1;
	if (nests && n + 1 < PAGES) {
		guest_sti();
		touch(n + 1);
		guest_cli();
	}
	if (disables) {
		guest_wrmsr(MSR_EN, 0);
		return;
	}
	while (!has_come(cr2)) {
		work++;
		if (halts) {
			guest_wait_irq();
		} else {
			guest_sti();
			guest_pause();
			guest_cli();
		}
	}
}

static void take_ready(void)
{
	uint32_t token = area.token;

	if (token == WAKE_ALL) {
		nr_wake_all++;
	} else {
		G_CHECK(token);
		G_CHECK(nr_ready < PAGES);
		ready[nr_ready] = token;
		nr_ready++;
	}
	area.token = 0;
	G_CHECK_EQ(guest_wrmsr(MSR_ACK, 1), 0);
}

static void on_ready(struct guest_frame *f)
{
	if (!keeps)
		take_ready();
	else
		work++;
	guest_eoi();
}

static void set_up(void)
{
	guest_x2apic();
	G_CHECK_EQ(guest_wrmsr(MSR_INT, VEC), 0);
	G_CHECK_EQ(guest_wrmsr(MSR_EN, (uintptr_t)&area | enable_bits), 0);
	/* kvm may announce with a wake-all that the MSR was enabled: take that first. */
	guest_sti();
	guest_pause();
	guest_cli();
}

static void toucher(uint64_t page)
{
	set_up();
	if (!interrupts_off)
		guest_sti();
	touch(page);
	guest_cli();
	guest_sync(page);
}

/* --- host ------------------------------------------------------------------ */

struct pager {
	int fd;
	uint8_t *mem;
};

static struct pager pager_with(struct guest *g, int pages)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg;
	struct pager p;

	p.fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p.fd < 0)
		test_skip("userfaultfd: %s", strerror(errno));
	CHECK_OK(ioctl(p.fd, UFFDIO_API, &api));
	p.mem = anon_mem(pages * PAGE);
	reg = (struct uffdio_register) {
		.range = { (uintptr_t)p.mem, pages * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	CHECK_OK(ioctl(p.fd, UFFDIO_REGISTER, &reg));
	set_slot(g->m, SLOT, 0, AT, pages * PAGE, p.mem);
	return p;
}

static struct pager pager_new(struct guest *g)
{
	return pager_with(g, PAGES);
}

/* The next page at which kvm or a thread waits in the userfaultfd. */
static int pager_wait(const struct pager *p)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	struct uffd_msg msg;

	CHECK(poll(&pfd, 1, 15000) == 1, "no fault");
	CHECK(read(p->fd, &msg, sizeof(msg)) == sizeof(msg), "userfaultfd");
	CHECK_EQ(msg.event, UFFD_EVENT_PAGEFAULT);
	return (msg.arg.pagefault.address - (uintptr_t)p->mem) / PAGE;
}

static void pager_bring(const struct pager *p, int page)
{
	static uint64_t from[PAGE / 8] __attribute__((aligned(4096)));
	struct uffdio_copy copy = {
		.dst = (uintptr_t)p->mem + page * PAGE, .src = (uintptr_t)from, .len = PAGE,
	};

	from[1] = value_of(page);
	CHECK_OK(ioctl(p->fd, UFFDIO_COPY, &copy));
}

static struct guest *apf_guests(int nr)
{
	struct guest *g = guest_new(nr, CHIP_FULL);

	need_cap(g, KVM_CAP_ASYNC_PF);
	need_cap(g, KVM_CAP_ASYNC_PF_INT);
	guest_handlers[PF_VECTOR] = on_pf;
	guest_handlers[VEC] = on_ready;
	return g;
}

static struct guest *apf_guest(void)
{
	return apf_guests(1);
}

static void check_none(void)
{
	CHECK_EQ(nr_missing, 0);
	CHECK_EQ(nr_ready, 0);
}

static void one_page(const void *arg)
{
	struct guest *g = apf_guest();
	struct pager p = pager_new(g);

	halts = *(const bool *)arg;
	guest_code(g, 0, toucher, 3);
	guest_start(g, 0);
	CHECK_EQ(pager_wait(&p), 3);
	thread_wait_for(&work, halts ? 1 : WORK);
	CHECK_EQ(nr_missing, 1);
	CHECK_EQ(nr_ready, 0);
	pager_bring(&p, 3);
	CHECK_EQ(guest_join(g, 0), 3);
	CHECK_EQ(nr_missing, 1);
	CHECK_EQ(nr_ready, 1);
	CHECK_EQ(ready[0], missing[0]);
	CHECK_EQ(area.flags, 0);
	CHECK_EQ(area.token, 0);
}

/* Each fault's handler touches the next page; they come in another order. */
static void many_pages(const void *arg)
{
	struct guest *g = apf_guest();
	struct pager p = pager_new(g);
	int i, k, pages[PAGES];

	nests = true;
	guest_code(g, 0, toucher, 0);
	guest_start(g, 0);
	for (i = 0; i < PAGES; i++)
		pages[i] = pager_wait(&p);
	thread_wait_for(&work, WORK);
	CHECK_EQ(nr_missing, PAGES);
	CHECK_EQ(nr_ready, 0);
	for (i = 0; i < PAGES; i++)
		pager_bring(&p, pages[(i * 5 + 3) % PAGES]);
	CHECK_EQ(guest_join(g, 0), 0);
	CHECK_EQ(nr_missing, PAGES);
	CHECK_EQ(nr_ready, PAGES);
	for (i = 0; i < PAGES; i++) {
		CHECK(has_come(missing[i]), "token 0x%x", missing[i]);
		for (k = 0; k < i; k++)
			CHECK(missing[k] != missing[i], "token 0x%x twice", missing[i]);
	}
}

/* --- two vCPUs that go past each page they are told of --- */

static volatile struct {
	uint32_t flags, token;
	uint8_t pad[56];
} areas[2] __attribute__((aligned(64)));
static volatile uint64_t told[2];

static void on_pf_past(struct guest_frame *f)
{
	uint64_t me = guest_apic_read(APIC_ID);

	G_CHECK_EQ(areas[me].flags, 1);
	areas[me].flags = 0;
	told[me]++;
	f->ip = f->r10;
}

static void on_ready_past(struct guest_frame *f)
{
	areas[guest_apic_read(APIC_ID)].token = 0;
	G_CHECK_EQ(guest_wrmsr(MSR_ACK, 1), 0);
	guest_eoi();
}

static void goes_past(uint64_t me)
{
	uint64_t at;
	int i;

	guest_x2apic();
	G_CHECK_EQ(guest_wrmsr(MSR_INT, VEC), 0);
	G_CHECK_EQ(guest_wrmsr(MSR_EN, (uintptr_t)&areas[me] | EN_ALL), 0);
	guest_sti();
	for (i = 0; i < EACH; i++) {
		at = AT + (me * EACH + i) * PAGE;
		asm volatile("lea 1f(%%rip), %%r10\n"
			     "movb (%0), %%al\n"
			     "1:" : : "r"(at) : "r10", "rax", "memory");
	}
	guest_cli();
	guest_sync(me + 1);
}

/* All vCPUs of a VM share its limit of pages under way: beyond it a vCPU itself waits. */
static void limit(const void *arg)
{
	struct guest *g = apf_guests(2);
	struct pager p = pager_with(g, 2 * EACH);
	int i;

	guest_handlers[PF_VECTOR] = on_pf_past;
	guest_handlers[VEC] = on_ready_past;
	guest_code(g, 0, goes_past, 0);
	guest_code(g, 1, goes_past, 1);
	CHECK_EQ(guest_run(g, 0), 1);
	CHECK_EQ(told[0], EACH);
	guest_start(g, 1);
	for (i = 0; i < LIMIT + 1; i++)
		pager_wait(&p);
	usleep(20000);
	if (told[1] > LIMIT - EACH)
		test_skip("this kvm limits a vCPU, not a VM");
	CHECK_EQ(told[1], LIMIT - EACH);
	for (i = 0; i < 2 * EACH; i++)
		pager_bring(&p, i);
	CHECK_EQ(guest_join(g, 1), 2);
}

/* --- VMs that have all they can get, for ever --- */

#define HOGS	4

/* Says in @out how many pages its guest was told of, and keeps them. */
static void hog(int out)
{
	struct guest *g = apf_guests(2);
	struct pager p = pager_with(g, 2 * EACH);
	uint64_t all;
	int i;

	guest_handlers[PF_VECTOR] = on_pf_past;
	guest_handlers[VEC] = on_ready_past;
	guest_code(g, 0, goes_past, 0);
	guest_code(g, 1, goes_past, 1);
	guest_run(g, 0);
	guest_start(g, 1);
	for (i = 0; i < LIMIT + 1; i++)
		pager_wait(&p);
	usleep(20000);
	all = told[0] + told[1];
	CHECK_EQ(write(out, &all, sizeof(all)), sizeof(all));
	pause();
}

static void end(const pid_t *pids, int nr)
{
	while (nr--) {
		kill(pids[nr], SIGKILL);
		waitpid(pids[nr], NULL, 0);
	}
}

/* VMs that use up their share of the workers leave enough for one that is created later. */
static void share(const void *arg)
{
	pid_t pids[HOGS];
	uint64_t got;
	int i, fd[2];

	CHECK_OK(pipe2(fd, O_CLOEXEC));
	for (i = 0; i < HOGS; i++) {
		pids[i] = CHECK_OK(fork());
		if (!pids[i]) {
			CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
			hog(fd[1]);
		}
		CHECK_EQ(read(fd[0], &got, sizeof(got)), sizeof(got));
		if (got > LIMIT) {
			end(pids, i + 1);
			test_skip("this kvm limits a vCPU, not a VM");
		}
		CHECK_EQ(got, LIMIT);
	}
	many_pages(NULL);
	end(pids, HOGS);
}

/* Two pages come while the first token is not acknowledged: the second waits. */
static void unacknowledged(uint64_t arg)
{
	set_up();
	keeps = true;
	nests = true;
	guest_sti();
	touch(PAGES - 2);
	guest_cli();
	guest_sync(1);
}

static void on_pf_keep(struct guest_frame *f)
{
	uint64_t cr2, seen;
	int i;

	asm volatile("mov %%cr2, %0" : "=r"(cr2));
	G_CHECK_EQ(area.flags, 1);
	missing[nr_missing] = cr2;
	area.flags = 0;
	nr_missing++;
	guest_sti();
	if (nr_missing == 1) {
		touch(PAGES - 1);
	} else {
		while (!work)
			guest_pause();
		/* Both pages are there. */
		guest_sync(0);
		seen = work;
		for (i = 0; i < 1000; i++)
			guest_pause();
		G_CHECK_EQ(work, seen);
		guest_cli();
		take_ready();
		guest_sti();
		while (work == seen)
			guest_pause();
		guest_cli();
		take_ready();
		keeps = false;
	}
	guest_cli();
}

static void one_at_a_time(const void *arg)
{
	struct guest *g = apf_guest();
	struct pager p = pager_new(g);
	int i, page[2];

	guest_handlers[PF_VECTOR] = on_pf_keep;
	guest_code(g, 0, unacknowledged, 0);
	guest_start(g, 0);
	for (i = 0; i < 2; i++)
		page[i] = pager_wait(&p);
	for (i = 0; i < 2; i++)
		pager_bring(&p, page[i]);
	CHECK_EQ(guest_join(g, 0), 0);
	usleep(20000);
	CHECK_EQ(guest_run(g, 0), 1);
	CHECK_EQ(nr_ready, 2);
	CHECK(has_come(missing[0]) && has_come(missing[1]), "other tokens");
}

/* The guest is not told: its vCPU waits in the kernel until the page is there. */
static void not_told(const void *arg)
{
	const char *why = arg;
	struct guest *g = apf_guest();
	struct pager p = pager_new(g);

	if (!strcmp(why, "if_0"))
		interrupts_off = true;
	else if (!strcmp(why, "cpl_0"))
		enable_bits = EN | EN_BY_INT;
	else if (!strcmp(why, "no_interrupt"))
		enable_bits = EN | EN_ALWAYS;
	else
		enable_bits = 0;
	guest_code(g, 0, toucher, 1);
	guest_start(g, 0);
	CHECK_EQ(pager_wait(&p), 1);
	usleep(20000);
	check_none();
	pager_bring(&p, 1);
	CHECK_EQ(guest_join(g, 0), 1);
	check_none();
}

/* The guest switches the MSR off with a page in flight: no "page ready" is sent for it. */
static void disabler(uint64_t page)
{
	int i;

	set_up();
	disables = true;
	guest_sti();
	touch(page);
	for (i = 0; i < 1000; i++)
		guest_pause();
	guest_cli();
	disables = false;
	G_CHECK_EQ(nr_ready, 0);
	/* Switched on again: a wake-all tells tasks of the guest that wait for a lost page. */
	nr_wake_all = 0;
	G_CHECK_EQ(guest_wrmsr(MSR_EN, (uintptr_t)&area | EN_ALL), 0);
	guest_sti();
	while (!nr_wake_all)
		guest_pause();
	guest_cli();
	guest_sync(page);
}

static void switched_off(const void *arg)
{
	struct guest *g = apf_guest();
	struct pager p = pager_new(g);

	guest_code(g, 0, disabler, 2);
	guest_start(g, 0);
	CHECK_EQ(pager_wait(&p), 2);
	thread_wait_for(&nr_missing, 1);
	usleep(20000);
	pager_bring(&p, 2);
	CHECK_EQ(guest_join(g, 0), 2);
	CHECK_EQ(nr_missing, 1);
	CHECK_EQ(nr_ready, 0);
}

/* User space writes the MSR, as after migration: the guest gets a wake-all. */
static void sleeper(uint64_t arg)
{
	guest_x2apic();
	G_CHECK_EQ(guest_wrmsr(MSR_INT, VEC), 0);
	guest_sync(0);
	while (!nr_wake_all)
		guest_wait_irq();
	guest_sync(1);
}

static void wake_all(const void *arg)
{
	struct guest *g = apf_guest();

	guest_code(g, 0, sleeper, 0);
	CHECK_EQ(guest_run(g, 0), 0);
	CHECK_EQ(vcpu_msr_set(g->v[0].vcpu, MSR_EN, (uintptr_t)&area | EN_ALL), 1);
	CHECK_EQ(guest_run(g, 0), 1);
	CHECK_EQ(nr_wake_all, 1);
}

/* A page that the host has is mapped at once, without an asynchronous page fault. */
static void page_present(const void *arg)
{
	struct guest *g = apf_guest();
	struct pager p = pager_new(g);

	pager_bring(&p, 5);
	guest_code(g, 0, toucher, 5);
	CHECK_EQ(guest_run(g, 0), 5);
	check_none();
}

/* --- pages in flight when the VM ends or the slot goes --------------------- */

static struct guest *in_flight(struct pager *p)
{
	struct guest *g = apf_guest();
	int i;

	*p = pager_new(g);
	nests = true;
	guest_code(g, 0, toucher, 0);
	guest_start(g, 0);
	for (i = 0; i < PAGES; i++)
		pager_wait(p);
	thread_wait_for(&work, WORK);
	return g;
}

/* The pages never come: the process exits with all of them in flight. */
static void exit_in_flight(const void *arg)
{
	struct pager p;

	in_flight(&p);
}

static void exit_by_kill(const void *arg)
{
	struct pager p;
	pid_t pid = fork();
	int status;

	CHECK_OK(pid);
	if (!pid) {
		in_flight(&p);
		kill(getpid(), SIGKILL);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status 0x%x", status);
}

static bool answers(struct guest_vcpu *v)
{
	uint64_t value = value_of((v->vcpu->run->mmio.phys_addr - AT) / PAGE);

	if (v->vcpu->run->exit_reason != KVM_EXIT_MMIO)
		return false;
	memcpy(v->vcpu->run->mmio.data, &value, sizeof(value));
	return true;
}

/*
 * Only the pages of a slot that goes are taken out of EPT, where this kvm has that choice: an
 * interrupt that the CPU delivers by itself meets no EPT violation then (Documentation/lab.rst).
 */
#define SLOT_ZAP_ALL	(1 << 7)

static void keep_other_slots(struct machine *m)
{
	if (vm_check_cap(m->vm, KVM_CAP_DISABLE_QUIRKS2) & SLOT_ZAP_ALL)
		CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_DISABLE_QUIRKS2, SLOT_ZAP_ALL));
}

/* The slot goes, then the pages come: the guest hears of them and finds a device. */
static void slot_deleted(const void *arg)
{
	struct pager p;
	struct guest *g = in_flight(&p);
	int i;

	keep_other_slots(g->m);
	g->on_exit = answers;
	set_slot(g->m, SLOT, 0, AT, 0, p.mem);
	for (i = 0; i < PAGES; i++)
		pager_bring(&p, i);
	CHECK_EQ(guest_join(g, 0), 0);
	CHECK_EQ(nr_ready, PAGES);
}

int main(int argc, char **argv)
{
	static const bool yes = true, no;

	add_test(one_page, &no, "one_page");
	add_test(one_page, &yes, "one_page_halted");
	TEST(many_pages);
	TEST(limit);
	TEST(share);
	TEST(one_at_a_time);
	TEST(page_present);
	add_test(not_told, "if_0", "not_told_if_0");
	add_test(not_told, "cpl_0", "not_told_cpl_0");
	add_test(not_told, "no_interrupt", "not_told_no_interrupt");
	add_test(not_told, "off", "not_told_off");
	TEST(switched_off);
	TEST(wake_all);
	TEST(exit_in_flight);
	TEST(exit_by_kill);
	TEST(slot_deleted);
	return run_tests(argc, argv);
}
