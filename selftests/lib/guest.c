// SPDX-License-Identifier: GPL-2.0-only
/* Guests written in C: host side. */
#include <linux/kvm_para.h>

#include "guest.h"

#define CODE_BASE 0x400000ULL
#define CODE_SLOT 2
#define STACKS (HIGH_BASE + 0x100000)
#define STACK_SIZE 0x8000

extern const uint8_t guest_vectors[];
extern char _end[];

static void create_chip(struct guest *g, enum guest_chip chip)
{
	if (chip == CHIP_FULL) {
		need_cap(g, KVM_CAP_IRQCHIP);
		CHECK_OK(ioctl(g->fd, KVM_CREATE_IRQCHIP, 0));
	} else if (chip == CHIP_SPLIT) {
		need_cap(g, KVM_CAP_SPLIT_IRQCHIP);
		CHECK_OK(enable_cap(g->fd, KVM_CAP_SPLIT_IRQCHIP, 24));
	}
}

/* All vectors lead to guest_dispatch(): a HLT would wait in the kernel. */
static void fill_gates(struct machine *m)
{
	uint64_t *idt = guest_mem(m, G_IDT);
	int v;

	for (v = 0; v < 256; v++) {
		uint64_t ip = (uintptr_t)guest_vectors + v * 16;

		idt[2 * v] = (ip & 0xffff) | SEL_CODE64 << 16 | 0x8eULL << 40 |
			     ip >> 16 << 48;
		idt[2 * v + 1] = ip >> 32;
	}
}

struct guest *guest_new_novcpu(enum guest_chip chip)
{
	struct guest *g = calloc(1, sizeof(*g));
	uint64_t size = ((uintptr_t)_end + 0xfff - CODE_BASE) & ~0xfffULL;

	CHECK(g, "out of memory");
	g->m = machine_new_novcpu();
	g->fd = g->m->vm->fd;
	g->m->mode = MODE_LONG;
	g->cpuid = kvm_get_supported_cpuid();
	machine_tables(g->m, MODE_LONG);
	fill_gates(g->m);
	set_slot(g->m, CODE_SLOT, 0, CODE_BASE, size, (void *)CODE_BASE);
	create_chip(g, chip);
	return g;
}

struct guest_vcpu *guest_add_vcpu(struct guest *g, uint32_t id)
{
	struct kvm_mp_state run = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct guest_vcpu *v = &g->v[g->nr];

	CHECK(g->nr < GUEST_MAX_VCPUS, "%d vCPUs", g->nr);
	v->vcpu = __vm_vcpu_add(g->m->vm, id);
	v->guest = g;
	vcpu_init_cpuid(v->vcpu, g->cpuid);
	CHECK_OK(ioctl(v->vcpu->fd, KVM_SET_MP_STATE, &run));
	if (!g->nr++) {
		g->m->vcpu = v->vcpu;
		g->m->run = v->vcpu->run;
	}
	return v;
}

struct guest *guest_new(int nr, enum guest_chip chip)
{
	struct guest *g = guest_new_novcpu(chip);
	int i;

	for (i = 0; i < nr; i++)
		guest_add_vcpu(g, i);
	return g;
}

void guest_code(struct guest *g, int i, void (*fn)(uint64_t arg), uint64_t arg)
{
	struct kvm_regs r;

	vcpu_mode(g->m, g->v[i].vcpu, MODE_LONG);
	CHECK_OK(ioctl(g->v[i].vcpu->fd, KVM_GET_REGS, &r));
	r.rip = (uintptr_t)fn;
	r.rdi = arg;
	/* As after a CALL: the ABI wants RSP + 8 to be a multiple of 16. */
	r.rsp = STACKS + (i + 1) * STACK_SIZE - 0x108;
	CHECK_OK(ioctl(g->v[i].vcpu->fd, KVM_SET_REGS, &r));
	g->v[i].done = false;
}

static bool is_out(const struct kvm_run *run, uint16_t port)
{
	return run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT &&
	       run->io.port == port && run->io.size == 4;
}

static void __noreturn guest_failed(void)
{
	test_fail(guest_failure.file, guest_failure.line,
		  "in the guest: %s (0x%llx, 0x%llx)", guest_failure.what,
		  (unsigned long long)guest_failure.a, (unsigned long long)guest_failure.b);
}

static uint32_t run_to_sync(struct guest_vcpu *v)
{
	struct kvm_run *run = v->vcpu->run;
	char buf[600];
	int err;

	for (;;) {
		err = try_run(v->vcpu);
		if (err == EINTR)
			continue;
		if (err)
			test_fail(here_file, here_line, "KVM_RUN: %s", strerror(err));
		if (is_out(run, GUEST_PORT_SYNC))
			return *(uint32_t *)((uint8_t *)run + run->io.data_offset);
		if (is_out(run, GUEST_PORT_FAIL))
			guest_failed();
		v->exits++;
		if (v->guest->on_exit && v->guest->on_exit(v))
			continue;
		describe_exit(v->vcpu, buf, sizeof(buf));
		test_fail(here_file, here_line, "unexpected %s", buf);
	}
}

uint32_t guest_run_(struct guest *g, int i)
{
	return run_to_sync(&g->v[i]);
}

static void *thread_main(void *arg)
{
	struct guest_vcpu *v = arg;

	v->value = run_to_sync(v);
	v->done = true;
	return NULL;
}

void guest_start(struct guest *g, int i)
{
	g->v[i].done = false;
	CHECK(!pthread_create(&g->v[i].thread, NULL, thread_main, &g->v[i]),
	      "pthread_create");
}

uint32_t guest_join(struct guest *g, int i)
{
	pthread_join(g->v[i].thread, NULL);
	return g->v[i].value;
}

static void *race_main(void *arg)
{
	struct guest_vcpu *v = arg;

	while (run_to_sync(v))
		;
	return NULL;
}

void guest_start_race(struct guest *g, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		CHECK(!pthread_create(&g->v[i].thread, NULL, race_main, &g->v[i]),
		      "pthread_create");
}

void guest_join_race(struct guest *g, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		pthread_join(g->v[i].thread, NULL);
}

uint32_t pv_features(const struct kvm_cpuid2 *cpuid)
{
	int i;

	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == KVM_CPUID_FEATURES)
			return cpuid->entries[i].eax;
	return 0;
}

void need_feature_(const struct guest *g, int bit, const char *name)
{
	if (!(pv_features(g->cpuid) & 1u << bit))
		test_skip("this kvm does not have %s", name);
}

int need_cap_(struct guest *g, int cap, const char *name)
{
	int r = ioctl(g->fd, KVM_CHECK_EXTENSION, cap);

	if (r <= 0)
		test_skip("this kvm does not have %s", name);
	return r;
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

uint64_t vcpu_msr_get(struct kvm_vcpu *vcpu, uint32_t index)
{
	struct one_msr msr = { .head.nmsrs = 1, .entry.index = index };
	int n = CHECK_OK(ioctl(vcpu->fd, KVM_GET_MSRS, &msr));

	CHECK(n == 1, "MSR 0x%x cannot be read", index);
	return msr.entry.data;
}

int vcpu_msr_set(struct kvm_vcpu *vcpu, uint32_t index, uint64_t value)
{
	struct one_msr msr = {
		.head.nmsrs = 1, .entry.index = index, .entry.data = value,
	};

	return CHECK_OK(ioctl(vcpu->fd, KVM_SET_MSRS, &msr));
}

int guest_set_routes(struct guest *g, const struct kvm_irq_routing_entry *e, int nr)
{
	struct kvm_irq_routing *t = calloc(1, sizeof(*t) + nr * sizeof(*e));
	int r;

	CHECK(t, "out of memory");
	t->nr = nr;
	memcpy(t->entries, e, nr * sizeof(*e));
	r = ioctl(g->fd, KVM_SET_GSI_ROUTING, t);
	free(t);
	return r;
}

struct kvm_irq_routing_entry msi_route(uint32_t gsi, uint32_t dest, uint8_t vector)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi.address_lo = 0xfee00000 | dest << 12,
		.u.msi.data = vector,
	};
}

struct kvm_irq_routing_entry chip_route(uint32_t gsi, uint32_t chip, uint32_t pin)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip.irqchip = chip,
		.u.irqchip.pin = pin,
	};
}
