// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CAP_DISABLE_QUIRKS2: what it offers, what it takes, and what each quirk does on and off. */
#include "machine.h"

/* Of a later header. */
#define SLOT_ZAP_ALL		(1 << 7)

static int try_turn_off(struct machine *m, uint32_t cap, uint64_t quirks)
{
	struct kvm_enable_cap c = { .cap = cap, .args[0] = quirks };

	return ioctl(m->vm->fd, KVM_ENABLE_CAP, &c);
}

static void turn_off(struct machine *m, uint64_t quirks)
{
	CHECK_OK(try_turn_off(m, KVM_CAP_DISABLE_QUIRKS2, quirks));
}

GUEST_CODE(out_7e, 64, "1: out %al, $0x7e\n nop\n nop\n jmp 1b\n");

static struct machine *out_7e_machine(void)
{
	struct machine *m = machine_new();

	machine_start(m, MODE_LONG, out_7e);
	return m;
}

/* RIP at the next OUT shows whether KVM_X86_QUIRK_OUT_7E_INC_RIP is off. */
static bool is_off(struct machine *m)
{
	expect_exit(m, KVM_EXIT_IO);
	return get_regs(m).rip == G_CODE;
}

/* What one call has turned off stays off, whatever the next one names; once, it did not. */
static void calls_add_up(const void *arg)
{
	const uint64_t hole = KVM_X86_QUIRK_LAPIC_MMIO_HOLE;
	static const uint32_t caps[] = { KVM_CAP_DISABLE_QUIRKS2, KVM_CAP_DISABLE_QUIRKS };
	struct machine *m;
	bool off;
	int i;

	for (i = 0; i < 8; i++) {
		m = out_7e_machine();
		CHECK(!is_off(m), "%d", i);
		CHECK_OK(try_turn_off(m, caps[i & 1], hole));
		CHECK(!is_off(m), "%d", i);
		CHECK_OK(try_turn_off(m, caps[i & 1], KVM_X86_QUIRK_OUT_7E_INC_RIP));
		CHECK(is_off(m), "%d", i);
		CHECK_OK(try_turn_off(m, caps[i >> 1 & 1], i >> 2 ? hole : 0));
		off = is_off(m);
		if (!off && !(vm_check_cap(m->vm, KVM_CAP_DISABLE_QUIRKS2) & SLOT_ZAP_ALL))
			test_skip("calls replace each other");
		CHECK(off, "%d", i);
		machine_free(m);
	}
}

/* One that is not offered is an error, and nothing is turned off; the old call takes all. */
static void unknown_bits(const void *arg)
{
	struct machine *m = out_7e_machine();
	uint64_t offered = vm_check_cap(m->vm, KVM_CAP_DISABLE_QUIRKS2);
	int i;

	CHECK_EQ(vm_check_cap(m->vm, KVM_CAP_DISABLE_QUIRKS), 1);
	CHECK(offered & KVM_X86_QUIRK_OUT_7E_INC_RIP, "0x%llx", (unsigned long long)offered);
	for (i = 0; i < 64; i++) {
		if (offered >> i & 1)
			continue;
		CHECK_ERRNO(try_turn_off(m, KVM_CAP_DISABLE_QUIRKS2,
					 1ULL << i | KVM_X86_QUIRK_OUT_7E_INC_RIP), EINVAL);
	}
	CHECK(!is_off(m), "by a call that failed");
	turn_off(m, offered & ~KVM_X86_QUIRK_OUT_7E_INC_RIP);
	CHECK(!is_off(m), "by the other bits");
	CHECK_OK(try_turn_off(m, KVM_CAP_DISABLE_QUIRKS, ~0ULL));
	CHECK(is_off(m), "by no bit of all");
}

int main(int argc, char **argv)
{
	TEST(calls_add_up);
	TEST(unknown_bits);
	return run_tests(argc, argv);
}
