// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmu/ on a model of what surrounds it: vCPUs with TLBs (mmu_cpu.c), a host that takes pages
 * away (mmu_shim/host_mm.c), user space that changes slots and reads dirty logs. Beside it stands
 * a reference, arrays of what user space was told. All threads are drawn from one seed.
 *
 *	mmu_model [-s SEED] [-n SEEDS] [-o OPERATIONS] [-v]
 */
#include <stdarg.h>
#include <unistd.h>
#include "mmu_model.h"
#include "../ktap.h"
#include "mmu_ref.h"

#define VERBOSE_LAST	40

struct kvm model_kvm;
struct cpu model_cpu[CPUS];
struct vmx_caps vmx_caps;
static struct mm_struct the_mm;

static u64 seed, step, limit;
static bool verbose, allocs_fail, bus_device, apic_window;
static int nr_cpus;

static u64 below(u64 n)
{
	return rng_below(&fiber_rng, n);
}

static bool chance(unsigned int percent)
{
	return rng_chance(&fiber_rng, percent);
}

/* --- telling --- */

static char trace[VERBOSE_LAST][160];
static unsigned int traced;

void model_trace(const char *fmt, ...)
{
	char *line = trace[traced++ % VERBOSE_LAST];
	va_list args;
	int n;

	n = snprintf(line, sizeof(trace[0]), "%llu [%d] ", (unsigned long long)step,
		     fiber_current ? fiber_current->index : -1);
	va_start(args, fmt);
	vsnprintf(line + n, sizeof(trace[0]) - n, fmt, args);
	va_end(args);
	if (verbose)
		printf("# %s\n", line);
}

void model_fail(const char *file, int line, const char *fmt, ...)
{
	unsigned int i = traced > VERBOSE_LAST ? traced - VERBOSE_LAST : 0;
	va_list args;

	for (; i < traced; i++)
		printf("#   %s\n", trace[i % VERBOSE_LAST]);
	fiber_show();
	printf("# seed %llu, operation %llu, thread %d: ", (unsigned long long)seed,
	       (unsigned long long)step, fiber_current ? fiber_current->index : -1);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(" (%s:%d)\n", file, line);
	ktap_result(false, "model");
	fflush(stdout);
	_exit(1);
}

/* --- what mmu/ asks of other folders --- */

bool shim_being_killed(void)
{
	return chance(1) && chance(10);
}

bool kvm_async_pf_possible(struct kvm_vcpu *vcpu)
{
	return chance(20);
}

bool kvm_async_pf_start(struct kvm_vcpu *vcpu, u64 gpa, unsigned long hva, bool write)
{
	return chance(50) && !host_fault(host_index(hva), write);
}

static bool has_device(gfn_t gfn)
{
	return bus_device && (gfn % 16 == 3 || gfn % 512 == 3);
}

bool kvm_bus_has_page(struct kvm *kvm, enum kvm_bus_id bus, gpa_t addr)
{
	return bus == KVM_FAST_MMIO_BUS && has_device(addr >> PAGE_SHIFT);
}

bool vmx_apic_window_virtualized(struct kvm_vcpu *vcpu)
{
	return apic_window;
}

void vmx_cache_reg(struct kvm_vcpu *vcpu, int reg)
{
	SHIM_CHECK(false);
}

bool itlb_multihit_kvm_mitigation;

/* --- a vCPU --- */

static gfn_t pick_gfn(void)
{
	const struct ref_slot *s = &ref_slot[below(REF_SLOTS)];
	unsigned int i = host_pick();

	if (chance(2))
		return 0xfee00;
	/* A device far away: a table for each of its pages. */
	if (bus_device && chance(4))
		return below(1 << 12) * 512 + 3;
	if (!s->now.valid || chance(8))
		return below(9000);
	if (chance(70) && i >= s->now.page && i < s->now.page + s->now.npages)
		return s->now.gfn + i - s->now.page;
	return s->now.gfn + below(s->now.npages);
}

/* 1 go on, 0 give up. */
static int fault_done(struct cpu *c, const struct ref_moment *m, enum access a, int r)
{
	gfn_t gfn = m->gfn;

	switch (r) {
	case KVM_FAULT_FIXED:
		MODEL_CHECK(!fiber_current->broken || !ref_was_mapped(m, false),
			    "gfn %llx: memory is taken for broken", (unsigned long long)gfn);
		return !fiber_current->broken;
	case KVM_FAULT_MMIO:
		MODEL_CHECK(!ref_was_memory(m, a == ACCESS_WRITE),
			    "gfn %llx: memory is taken for a device", (unsigned long long)gfn);
		return 0;
	case -ENOMEM:
		MODEL_CHECK(allocs_fail, "gfn %llx: -ENOMEM", (unsigned long long)gfn);
		return 0;
	case -EFAULT:
		MODEL_CHECK(!ref_was_mapped(m, a == ACCESS_WRITE),
			    "gfn %llx: -EFAULT, and the host has it", (unsigned long long)gfn);
		MODEL_CHECK(c->run.exit_reason == KVM_EXIT_MEMORY_FAULT &&
			    kvmx_run_memory_fault(&c->run)->gpa == gfn << PAGE_SHIFT,
			    "gfn %llx: -EFAULT without a place", (unsigned long long)gfn);
		return 0;
	default:
		model_fail(__FILE__, __LINE__, "gfn %llx: fault ends with %d",
			   (unsigned long long)gfn, r);
	}
}

static int handle_exit(struct cpu *c, gfn_t gfn, enum access a, enum cpu_result why)
{
	static const u32 acc[] = { 0, X86_ACC_WRITE, X86_ACC_FETCH };
	struct ref_moment m;
	int r, idx = srcu_read_lock(&model_kvm.srcu);

	ref_begin(&m, gfn);
	fiber_current->broken = false;
	if (why == CPU_MISCONFIG) {
		MODEL_CHECK(has_device(gfn) && !ref_was_memory(&m, false),
			    "gfn %llx: memory is a misconfiguration", (unsigned long long)gfn);
		r = 0;
	} else {
		r = fault_done(c, &m, a, kvm_mmu_page_fault(&c->vcpu, gfn << PAGE_SHIFT, acc[a]));
	}
	srcu_read_unlock(&model_kvm.srcu, idx);
	return r;
}

/* Interrupts are off, and the mode still says that the vCPU is in the guest. */
static void log_cpu_writes(struct cpu *c)
{
	int idx;

	if (!c->pml_on)
		return;
	shim_atomic++;
	idx = srcu_read_lock(&model_kvm.srcu);
	kvm_log_cpu_writes(&c->vcpu);
	srcu_read_unlock(&model_kvm.srcu, idx);
	shim_atomic--;
}

/* From one entry to the exit, as in run/run.c; true if the access was made. */
static bool guest_mode(struct cpu *c, gfn_t gfn, enum access a, enum cpu_result *why)
{
	struct kvm_vcpu *v = &c->vcpu;
	bool done = false;
	u64 gen;

	fiber_preempt();
	*why = CPU_DONE;
	if (kvm_check_request(v, KVM_REQ_INTERCEPTS))
		c->pml_on = READ_ONCE(model_kvm.mmu.pml);
	c->entries++;
	v->kick.mode = IN_GUEST_MODE;
	fiber_preempt();
	if (kvm_request_pending(v)) {
		v->kick.mode = OUTSIDE_GUEST_MODE;
		return false;
	}
	gen = atomic64_read(&model_kvm.mmu.tlb_gen);
	if (v->mem.tlb_gen != gen) {
		v->mem.tlb_gen = gen;
		cpu_flush(c);
	}
	while (v->kick.mode == IN_GUEST_MODE && !done) {
		if (chance(10))
			cpu_speculate(c, pick_gfn());
		*why = cpu_access(c, gfn, a);
		if (*why != CPU_DONE)
			break;
		done = true;
		fiber_preempt();
	}
	log_cpu_writes(c);
	v->kick.mode = OUTSIDE_GUEST_MODE;
	return done;
}

static void guest_access(struct cpu *c, gfn_t gfn, enum access a)
{
	enum cpu_result why;
	int tries;

	c->writing = a == ACCESS_WRITE;
	c->target = gfn;
	for (tries = 0; ; tries++) {
		MODEL_CHECK(tries < 5000, "gfn %llx: a vCPU makes no progress",
			    (unsigned long long)gfn);
		if (c->writing)
			ref_attempt(gfn);
		if (guest_mode(c, gfn, a, &why))
			break;
		if (why != CPU_DONE && !handle_exit(c, gfn, a, why))
			break;
	}
	if (c->writing)
		ref_attempt(gfn);
	c->writing = false;
}

/* The module reads or writes guest memory for an instruction that it emulates. */
static void emulated_access(struct cpu *c, gfn_t gfn)
{
	u64 old = 0, val = ++host_stamp;
	gpa_t gpa = gfn << PAGE_SHIFT;
	int r, idx, what = below(4);

	c->writing = what != 0;
	c->target = gfn;
	ref_attempt(gfn);
	idx = srcu_read_lock(&model_kvm.srcu);
	switch (what) {
	case 0:
		r = kvm_read_guest(&c->vcpu, gpa, &old, 8);
		break;
	case 1:
		r = kvm_write_guest(&c->vcpu, gpa, &val, 8);
		break;
	case 2:
		if (kvm_read_guest(&c->vcpu, gpa, &old, 8))
			r = -EFAULT;
		else
			r = kvm_cmpxchg_guest(&c->vcpu, gpa, &old, &val, 8);
		break;
	default:
		kvm_mmu_prefetch(&c->vcpu, gpa, true);
		r = -EAGAIN;
	}
	if (!r && what)
		ref_wrote(gfn, fiber_current->stamp, fiber_current->wrote);
	srcu_read_unlock(&model_kvm.srcu, idx);
	ref_attempt(gfn);
	c->writing = false;
}

static void pre_fault(struct cpu *c, gfn_t gfn)
{
	struct kvm_pre_fault_memory range = {
		.gpa = gfn << PAGE_SHIFT, .size = (1 + below(chance(10) ? 300 : 20)) << PAGE_SHIFT,
	};
	struct kvm_ioctl_args a = { .kvm = &model_kvm, .vcpu = &c->vcpu, .data = &range };
	u64 end = range.gpa + range.size;
	long r = kvm_vcpu_ioctl_pre_fault_memory(&a);

	MODEL_CHECK(range.gpa + range.size == end && (r || range.gpa > gfn << PAGE_SHIFT),
		    "pre-fault says that %llx of %llx is done", (unsigned long long)range.gpa,
		    (unsigned long long)end);
}

static void vcpu_thread(struct fiber *f)
{
	struct cpu *c = &model_cpu[f->index];

	while (fiber_between()) {
		unsigned int what = below(100);
		gfn_t gfn = pick_gfn();
		static const char * const name[] = { "reads", "writes", "executes" };
		int n;

		ref_count_step();
		if (what < 80) {
			enum access a = what < 35 ? ACCESS_READ : what < 72 ? ACCESS_WRITE :
									      ACCESS_FETCH;

			f->doing = name[a];
			model_trace("%s %llx", f->doing, (unsigned long long)gfn);
			guest_access(c, gfn, a);
			/* And more of it, with what the TLB has. */
			for (n = below(4); n; n--)
				guest_access(c, gfn, chance(50) ? ACCESS_READ : ACCESS_WRITE);
		} else if (what < 95) {
			f->doing = "emulates an access";
			model_trace("%s to %llx", f->doing, (unsigned long long)gfn);
			emulated_access(c, gfn);
		} else {
			f->doing = "has pages made ready";
			model_trace("%s from %llx", f->doing, (unsigned long long)gfn);
			pre_fault(c, gfn);
		}
		f->doing = "";
	}
}

static void host_thread(struct fiber *f)
{
	f->doing = "is the host";
	while (fiber_between()) {
		ref_count_step();
		host_do_something();
	}
}

/* --- user space --- */

static void set_pages_limit(void)
{
	struct kvm_ioctl_args a = { .kvm = &model_kvm, .raw = chance(20) ? below(64) :
									 64 + below(200) };
	unsigned long was = kvm_vm_ioctl_get_nr_mmu_pages(&a);
	long r;

	model_trace("NR_MMU_PAGES %lu", a.raw);
	r = kvm_vm_ioctl_set_nr_mmu_pages(&a);
	MODEL_CHECK(r == (a.raw < 64 ? -EINVAL : 0) &&
		    kvm_vm_ioctl_get_nr_mmu_pages(&a) == (r ? was : a.raw), "NR_MMU_PAGES");
}

static void user_thread(struct fiber *f)
{
	bool failing;

	while (fiber_between()) {
		unsigned int what = below(100);

		ref_count_step();
		f->doing = "is user space";
		/* For all threads, as a host without memory would be. */
		failing = allocs_fail && chance(20);
		if (failing)
			shim_fail_alloc = 1 + below(4);
		if (what < 25 && model_kvm.settings.manual_log) {
			ref_clear_log();
		} else if (what < 45) {
			ref_get_log();
		} else if (what < 90) {
			ref_change_slot(allocs_fail);
		} else if (what < 93 && f->index == nr_cpus) {
			set_pages_limit();
		} else if (what < 95 && f->index == nr_cpus) {
			kvm_mmu_noncoherent_dma(&model_kvm, model_kvm.mmu.noncoherent ? -1 : 1);
		} else if (what < 96) {
			kvm_mmu_zap_all(&model_kvm);
		} else {
			int n;

			for (n = below(20); n; n--)
				fiber_preempt();
		}
		if (failing)
			shim_fail_alloc = 0;
	}
}

/* --- checks where nothing is under way --- */

static void leaf_right(gfn_t gfn, u64 e, int level, void *arg)
{
	gfn_t i, n = ept_pages(level);
	const char *wrong;

	if ((e & (EPT_RWX | BIT_ULL(54))) == EPT_MMIO) {
		MODEL_CHECK(!ref_is_memory(gfn), "gfn %llx: memory is a misconfiguration",
			    (unsigned long long)gfn);
		return;
	}
	for (i = 0; i < n; i++) {
		wrong = model_mapping_wrong(gfn + i, ept_pfn(e) + i, e & EPT_WRITE, false);
		MODEL_CHECK(!wrong, "EPT entry %llx of gfn %llx, level %d: %s",
			    (unsigned long long)e, (unsigned long long)gfn + i, level, wrong);
	}
}

/* A vCPU that would not flush when it enters. */
static void tlb_right(const struct cpu *c)
{
	int i;

	for (i = 0; i < TLB_ENTRIES; i++) {
		const struct tlb_entry *e = &c->tlb[i];
		const char *wrong;
		gfn_t k;

		for (k = 0; e->valid && k < ept_pages(e->level); k++) {
			wrong = model_mapping_wrong(e->base + k, e->pfn + k, e->rights & EPT_WRITE,
						    e->dirty);
			MODEL_CHECK(!wrong, "TLB entry of gfn %llx, level %d: %s",
				    (unsigned long long)e->base + k, e->level, wrong);
		}
	}
}

static void all_right(void)
{
	int i, n;

	n = ept_look(0, 1ULL << EPT_GFN_BITS, leaf_right, NULL);
	MODEL_CHECK(n == host_live_tables, "%d tables are in the tree, and %d in memory", n,
		    host_live_tables);
	MODEL_CHECK(n == atomic_long_read(&model_kvm.mmu.pages), "%d tables, and %ld counted", n,
		    atomic_long_read(&model_kvm.mmu.pages));
	/* Each thread may be one table over the limit. */
	MODEL_CHECK(!model_kvm.mmu.pages_limit ||
		    n <= (int)max(model_kvm.mmu.pages_limit, 64ul * nr_cpus) + FIBERS_MAX,
		    "%d tables, and %lu allowed", n, model_kvm.mmu.pages_limit);
	for (i = 0; i < nr_cpus; i++)
		if (model_cpu[i].vcpu.mem.tlb_gen == (u64)atomic64_read(&model_kvm.mmu.tlb_gen))
			tlb_right(&model_cpu[i]);
	ref_check_idle();
}

static void count_young(gfn_t gfn, u64 e, int level, void *arg)
{
	if ((e & EPT_READ) && (!vmx_caps.ept_ad || (e & EPT_ACCESSED)))
		*(bool *)arg = true;
}

/* By the tables, which a thread in the middle of a change of slots may still have to clean. */
static bool young(unsigned long start, unsigned long end)
{
	struct interval_tree_node *node = model_kvm.mmu.hva_tree.first;
	bool any = false;

	for (; node; node = node->next) {
		struct kvm_memslot *s = container_of(node, struct kvm_memslot, hva_node);
		unsigned long from = max(start, s->hva), to = min(end, s->hva + s->npages * 4096);

		if (from < to)
			ept_look(s->base_gfn + (from - s->hva) / 4096,
				 s->base_gfn + (to - s->hva) / 4096, count_young, &any);
	}
	return any;
}

void ref_count_step(void)
{
	if (++step == limit)
		fiber_stop = true;
	else if (step % 256 == 0)
		fiber_gather();
}

/* --- one VM from its creation to its end --- */

static void vm_begin(struct fiber *f)
{
	int i;

	SHIM_CHECK(!kvm_memslots_init(&model_kvm));
	SHIM_CHECK(!kvm_mmu_init_vm(&model_kvm));
	for (i = 0; i < nr_cpus; i++) {
		model_cpu[i].vcpu.kvm = &model_kvm;
		model_cpu[i].vcpu.run = &model_cpu[i].run;
	}
	atomic_set(&model_kvm.vcpus.online, nr_cpus);
}

static void vm_end(struct fiber *f)
{
	allocs_fail = false;
	f->doing = "touches all";
	ref_touch(guest_access);
	all_right();
	f->doing = "takes it apart";
	ref_delete_all();
	all_right();
	MODEL_CHECK(kvm_quirk_off(&model_kvm, KVM_X86_QUIRK_SLOT_ZAP_ALL) || apic_window ||
		    bus_device || host_live_tables == 1,
		    "%d tables without a slot", host_live_tables);
	kvm_mmu_release_vm(&model_kvm);
	MODEL_CHECK(host_live_tables == 1, "%d tables at the end", host_live_tables);
	kvm_mmu_destroy_vm(&model_kvm);
	kvm_memslots_free(&model_kvm);
}

static void nothing(void)
{
}

static void one(void (*fn)(struct fiber *f))
{
	fiber_start(fn);
	fiber_run(nothing);
}

static void run_seed(u64 operations)
{
	int i;

	fiber_rng = (struct rng) { seed };
	memset(&model_kvm, 0, sizeof(model_kvm));
	memset(model_cpu, 0, sizeof(model_cpu));
	step = 0;
	traced = 0;
	limit = operations;
	shim_fail_alloc = 0;
	fiber_stop = false;
	fiber_grain = 2 << below(7);
	nr_cpus = 1 + below(CPUS);
	allocs_fail = chance(25);
	bus_device = chance(30);
	apic_window = chance(30);
	vmx_caps.ept_ad = seed & 1;
	vmx_caps.pml = vmx_caps.ept_ad && chance(50);
	vmx_caps.ept_2m = !(seed & 2);
	nx_huge_pages = chance(30);
	if (seed & 4)
		model_kvm.settings.disabled_quirks = KVM_X86_QUIRK_SLOT_ZAP_ALL;
	if (chance(50))
		model_kvm.settings.manual_log = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
			(chance(50) ? KVM_DIRTY_LOG_INITIALLY_SET : 0);
	model_kvm.mm = &the_mm;
	model_kvm.irq.access_page = pfn_to_page(APIC_PFN);
	host_young = young;
	host_init();
	ref_init();
	one(vm_begin);
	for (i = 0; i < nr_cpus; i++)
		fiber_start(vcpu_thread);
	fiber_start(user_thread);
	fiber_start(user_thread);
	fiber_start(host_thread);
	fiber_start(host_thread);
	fiber_run(all_right);
	one(vm_end);
	host_exit();
}

static void run_kind(unsigned int kind, u64 seeds, u64 operations)
{
	char name[80];

	for (; seeds; seeds--, seed += 8)
		run_seed(operations);
	snprintf(name, sizeof(name), "%s accessed and dirty bits, %s pages, %s", kind & 1 ? "with" :
		 "without", kind & 2 ? "small" : "large", kind & 4 ? "slots zapped alone" :
		 "slots zapped with all");
	ktap_result(true, name);
}

int main(int argc, char **argv)
{
	u64 seeds = 4, operations = 6000, first = 0;
	unsigned int kind;
	int opt;

	while ((opt = getopt(argc, argv, "s:n:o:v")) != -1) {
		switch (opt) {
		case 's':
			first = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			seeds = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			operations = strtoull(optarg, NULL, 0);
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return 2;
		}
	}
	if (first) {
		ktap_start(1);
		for (seed = first; seeds; seeds--, seed++)
			run_seed(operations);
		ktap_result(true, "seeds");
		return ktap_end();
	}
	ktap_start(8);
	for (kind = 0; kind < 8; kind++) {
		seed = 8 + kind;
		run_kind(kind, seeds, operations);
	}
	return ktap_end();
}
