// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC of irqchip/ in a user program: what it calls is recorded here,
 * the tests are in unit_lapic_*.c.
 */
#include "lapic_test.h"
#include "mmu.h"
#include "params.h"
#include "state.h"

bool test_ok, test_apicv, test_posted;
struct kvmx_params kvmx_params = { .preemption_timer = true };

/* --- what the APIC calls --- */

static struct vm *vm_of(struct kvm *kvm)
{
	return container_of(kvm, struct vm, kvm);
}

struct seen *seen(struct kvm_vcpu *v)
{
	return &vm_of(v->kvm)->seen[v->vcpu_idx];
}

void clear_seen(struct vm *vm)
{
	memset(vm->seen, 0, sizeof(vm->seen));
	vm->apicv_requests = 0;
}

void kvm_vcpu_kick(struct kvm_vcpu *v)
{
	SHIM_CHECK(v->kick.requests);
	seen(v)->kicks++;
}

void kvm_queue_nmi(struct kvm_vcpu *v)
{
	seen(v)->nmis++;
	kvm_make_request(v, KVM_REQ_EVENT);
}

void kvm_vcpu_reset(struct kvm_vcpu *v, bool init_event)
{
	seen(v)->resets++;
	kvm_apic_reset(v, init_event);
}

void kvm_make_all_cpus_request(struct kvm *kvm, enum kvm_request req)
{
	vm_of(kvm)->apicv_requests += req == KVM_REQ_APICV;
}

void kvm_ioapic_eoi(struct kvm_vcpu *v, u8 vector)
{
	struct seen *s = seen(v);

	s->eoi[s->eois++ % ARRAY_SIZE(s->eoi)] = vector;
}

bool vmx_apicv_active(struct kvm_vcpu *v)
{
	return test_apicv;
}

bool vmx_notify_pir(struct kvm_vcpu *v)
{
	return test_posted;
}

void kvm_irqfd_targets_changed(struct kvm *kvm) { }
void lapic_report_tpr(struct kvm_vcpu *v, bool write) { }
bool vmx_apicv_update(struct kvm_vcpu *v) { return false; }
void vmx_set_interrupt_status(struct kvm_vcpu *v, int irr, int isr) { }
void vmx_set_tpr_threshold(struct kvm_vcpu *v, int irr, u8 tpr) { }
void kvm_mmu_zap_gfn_range(struct kvm *kvm, gfn_t start, gfn_t end) { }
void vmx_cache_reg(struct kvm_vcpu *v, int reg) { }

void vmx_get_segment(struct kvm_vcpu *v, enum x86_seg seg, struct x86_segment *s)
{
	*s = v->vmx.seg[seg];
}

void vmx_set_segment(struct kvm_vcpu *v, enum x86_seg seg, const struct x86_segment *s)
{
	v->vmx.seg[seg] = *s;
}

u64 kvm_read_guest_tsc(struct kvm_vcpu *v)
{
	return kvm_tsc_scale(rdtsc(), v->tsc.ratio) + v->tsc.offset;
}

/* run/reset.c: what INIT and SIPI do. */
#include "init-sipi.h"

/* TSC scaling: a guest tick is so many of the host's. */
u64 kvm_guest_ticks_to_host(const struct kvm_vcpu *v, u64 ticks)
{
	if (ticks >> (64 - KVM_TSC_FRACTION) >= v->tsc.ratio)
		return ~0ull;
	return mul_u64_u64_div_u64(ticks, KVM_TSC_RATIO_ONE, v->tsc.ratio);
}

/* --- a VM --- */

struct vm *vm_new(enum kvm_irqchip_mode mode)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	vm->kvm.irq.mode = mode;
	vm->kvm.irq.apic_bus_ns = KVM_APIC_BUS_NS;
	mutex_init(&vm->kvm.irq.map_lock);
	return vm;
}

void vm_free(struct vm *vm)
{
	int i;

	for (i = 0; i < vm->n; i++) {
		kvm_apic_destroy(vm->vcpu[i]);
		free(vm->vcpu[i]);
	}
	kvm_apic_map_free(&vm->kvm);
	free(vm);
	shim_reset();
}

struct kvm_vcpu *vm_add(struct vm *vm, u32 id)
{
	struct kvm_vcpu *v = calloc(1, sizeof(*v));

	SHIM_CHECK(vm->n < MAX_VCPUS);
	v->kvm = &vm->kvm;
	v->vcpu_id = id;
	v->vcpu_idx = vm->n;
	v->tsc.khz = shim_tsc_khz;
	v->tsc.ratio = KVM_TSC_RATIO_ONE;
	v->msr.apic_base = 0xfee00800 | (id == vm->kvm.settings.boot_cpu_id ? 0x100 : 0);
	v->cpuid.features[KVM_F_X2APIC / 32] |= 1u << KVM_F_X2APIC % 32;
	v->cpuid.features[KVM_F_TSC_DEADLINE / 32] |= 1u << KVM_F_TSC_DEADLINE % 32;
	SHIM_CHECK(!kvm_apic_create(v));
	kvm_apic_reset(v, false);
	vm->vcpu[vm->n++] = v;
	vm->kvm.vcpus.by_idx.slot[v->vcpu_idx] = v;
	atomic_inc(&vm->kvm.vcpus.online);
	kvm_apic_map_changed(&vm->kvm);
	return v;
}

void set_mode(struct kvm_vcpu *v, bool on, bool x2apic)
{
	u64 old = v->msr.apic_base;

	v->msr.apic_base = (old & ~0xc00ull) | (on ? 0x800 : 0) | (x2apic ? 0x400 : 0);
	kvm_apic_base_changed(v, old);
}

bool wr(struct kvm_vcpu *v, u32 reg, u64 val)
{
	u32 low = val;

	if (kvm_apic_x2apic(v))
		return !kvm_apic_msr_write(v, 0x800 + reg / 16, val, false);
	return !kvm_apic_mmio_write(v, 0xfee00000 + reg, 4, &low);
}

bool rd(struct kvm_vcpu *v, u32 reg, u64 *val)
{
	*val = 0;
	if (kvm_apic_x2apic(v))
		return !kvm_apic_msr_read(v, 0x800 + reg / 16, val, false);
	return !kvm_apic_mmio_read(v, 0xfee00000 + reg, 4, val);
}

u64 get(struct kvm_vcpu *v, u32 reg)
{
	u64 val;

	SHIM_CHECK(rd(v, reg, &val));
	return val;
}

void soft_enable(struct kvm_vcpu *v)
{
	SHIM_CHECK(wr(v, LAPIC_SVR, 0x1ff));
}

int deliver_next(struct kvm_vcpu *v)
{
	int vector = kvm_apic_pending(v);

	if (vector >= 0)
		kvm_apic_ack(v, vector);
	return vector;
}

bool requested(struct kvm_vcpu *v, u8 vector)
{
	return test_bit(vector, v->apic->pi_desc.pir) || lapic_test(v->apic, LAPIC_IRR, vector);
}

long get_lapic(struct kvm_vcpu *v, struct kvm_lapic_state *s)
{
	struct kvm_ioctl_args a = { .kvm = v->kvm, .vcpu = v, .data = s };

	return kvm_vcpu_ioctl_get_lapic(&a);
}

long set_lapic(struct kvm_vcpu *v, const struct kvm_lapic_state *s)
{
	struct kvm_ioctl_args a = { .kvm = v->kvm, .vcpu = v, .data = (void *)s };

	return kvm_vcpu_ioctl_set_lapic(&a);
}

u32 state_reg(const struct kvm_lapic_state *s, u32 reg)
{
	u32 val;

	memcpy(&val, s->regs + reg, 4);
	return val;
}

static unsigned int count(const struct test *t)
{
	unsigned int n = 0;

	while (t[n].name)
		n++;
	return n;
}

int main(void)
{
	const struct test *all[] = { regs_tests, msg_tests, timer_tests, state_tests };
	unsigned int i, j, n = 0;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		n += count(all[i]);
	ktap_start(n);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		for (j = 0; all[i][j].name; j++) {
			test_ok = true;
			test_apicv = test_posted = false;
			shim_reset();
			all[i][j].fn();
			ktap_result(test_ok, all[i][j].name);
		}
	}
	return ktap_end();
}
