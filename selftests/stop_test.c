// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ways a guest comes to an end it did not ask for: triple fault, guest state the CPU
 * refuses to enter with, an instruction that cannot be emulated. Proves the exit reason
 * and its details, that the state in question can be read, and that the vCPU works again
 * once user space has put its state right.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/klog.h>

#include "machine.h"

GUEST_CODE(nops16, 16, "nop\n hlt\n");
GUEST_CODE(nops32, 32, "nop\n hlt\n");
GUEST_CODE(nops64, 64, "nop\n hlt\n");
GUEST_CODE(ud16, 16, "nop\n ud2\n");

static void load_mode(struct machine *m, enum mode mode)
{
	machine_load(m, G_CODE, mode == MODE_LONG ? nops64 : mode == MODE_PROT32 ? nops32 :
		     nops16, mode == MODE_LONG ? nops64_end : mode == MODE_PROT32 ?
		     nops32_end : nops16_end);
	machine_mode(m, mode);
}

/* No usable vector table: the first exception shuts the machine down. */
static void triple_fault(const void *arg)
{
	enum mode mode = *(const enum mode *)arg;
	struct machine *m = machine_new();
	struct kvm_sregs s;

	load_mode(m, mode);
	machine_load(m, G_CODE, ud16, ud16_end);
	s = get_sregs(m);
	s.idt.limit = 0;
	set_sregs(m, &s);
	expect_shutdown(m);
	CHECK_EQ(get_regs(m).rip + (mode <= MODE_PROT16 ? G_CODE : 0), G_CODE + 1);
	/* Put right again, it runs. */
	load_mode(m, mode);
	expect_hlt(m);
}

/* --- failed entry ---------------------------------------------------------- */

static void tr_unusable(struct kvm_sregs *s)
{
	s->tr.unusable = 1;
}

static void tr_type_3(struct kvm_sregs *s)
{
	s->tr.type = 3;
}

static void tr_limit_g(struct kvm_sregs *s)
{
	s->tr.limit = 0x100000;
	s->tr.g = 0;
}

static void cs_not_code(struct kvm_sregs *s)
{
	s->cs.type = 5;
}

static void cs_l_and_db(struct kvm_sregs *s)
{
	s->cs.db = 1;
}

static void ldt_type(struct kvm_sregs *s)
{
	s->ldt.type = 5;
	s->ldt.present = 1;
	s->ldt.unusable = 0;
}

static void ds_limit(struct kvm_sregs *s)
{
	s->ds.limit = 0xfffff000;	/* low bits must be ones when G is set */
}

static const struct invalid {
	const char *name;
	void (*spoil)(struct kvm_sregs *s);
} invalids[] = {
	{ "tr_unusable", tr_unusable },
	{ "tr_not_busy_64_bit", tr_type_3 },
	{ "tr_limit", tr_limit_g },
	{ "cs_data_segment", cs_not_code },
	{ "cs_l_and_db", cs_l_and_db },
	{ "ldt_type", ldt_type },
	{ "ds_limit", ds_limit },
};

static void failed_entry(const void *arg)
{
	const struct invalid *c = arg;
	struct machine *m = machine_new();
	struct kvm_sregs good, bad;
	int i;

	load_mode(m, MODE_LONG);
	good = get_sregs(m);
	bad = good;
	c->spoil(&bad);
	set_sregs(m, &bad);
	for (i = 0; i < 2; i++) {
		expect_exit(m, KVM_EXIT_FAIL_ENTRY);
		/* SDM: basic reason 33, invalid guest state, with the entry-failure bit. */
		CHECK_EQ(m->run->fail_entry.hardware_entry_failure_reason, 0x80000021);
		CHECK(m->run->fail_entry.cpu < sysconf(_SC_NPROCESSORS_CONF), "cpu %u",
		      m->run->fail_entry.cpu);
		CHECK_EQ(get_regs(m).rip, G_CODE);
	}
	set_sregs(m, &good);
	expect_hlt(m);
}

/* What the kernel's log says after a mark. */
static bool logged(const char *mark, const char *text)
{
	static char log[1 << 20];
	int n = klogctl(3, log, sizeof(log) - 1);
	char *from;

	CHECK(n > 0, "klogctl: %s", strerror(errno));
	log[n] = 0;
	from = strstr(log, mark);
	return from && strstr(from, text);
}

/* The rule that was broken is named, with the fields. */
static void failed_entry_log(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_sregs s;
	char mark[64];
	int fd;

	if (!is_kvmx())
		test_skip("this kvm does not explain failed entries");
	load_mode(m, MODE_LONG);
	s = get_sregs(m);
	tr_unusable(&s);
	set_sregs(m, &s);
	/* One in ten seconds is explained. */
	sleep(11);
	snprintf(mark, sizeof(mark), "stop_test %d: fails", getpid());
	fd = open("/dev/kmsg", O_WRONLY);
	CHECK(fd >= 0 && write(fd, mark, strlen(mark)) > 0, "/dev/kmsg: %s", strerror(errno));
	close(fd);
	expect_exit(m, KVM_EXIT_FAIL_ENTRY);
	CHECK(logged(mark, "VM entry failed, 0x80000021"), "no word of the failure");
	CHECK(logged(mark, "SDM 27.3.1.2: TR is usable"), "no word of the rule");
	CHECK(logged(mark, "TR_AR=10000 "), "no fields");
}

/* --- emulation that cannot be done ----------------------------------------- */

#define FEATURE_AES KVM_X86_CPU_FEATURE(0x1, 0, ECX, 25)

GUEST_CODE(aes, 64, "nop\n aesenc (%rbx), %xmm0\n hlt\n");

static struct machine *aes_machine(bool ring3, bool enable_exit)
{
	struct machine *m = machine_new();
	struct kvm_regs r;

	if (enable_exit)
		CHECK_OK(enable_cap(m->vm->fd, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1));
	machine_start(m, MODE_LONG, aes);
	r = get_regs(m);
	r.rbx = G_MMIO;
	set_regs(m, &r);
	if (ring3)
		machine_ring3(m);
	return m;
}

static void check_failure(struct machine *m)
{
	int len = aes_end - aes - 2;

	CHECK_EQ(m->run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(m->run->emulation_failure.suberror, KVM_INTERNAL_ERROR_EMULATION);
	CHECK(m->run->emulation_failure.ndata >= 1 + 2, "ndata %u",
	      m->run->emulation_failure.ndata);
	CHECK(m->run->emulation_failure.flags &
	      KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES, "no bytes");
	CHECK(m->run->emulation_failure.insn_size >= len &&
	      m->run->emulation_failure.insn_size <= 15, "size %u",
	      m->run->emulation_failure.insn_size);
	CHECK(!memcmp(m->run->emulation_failure.insn_bytes, aes + 1, len), "other bytes");
	CHECK_EQ(get_regs(m).rip, G_CODE + 1);
}

/* The exit carries the bytes at RIP, and RIP stays at the instruction. */
static void emulation_failure(const void *arg)
{
	struct machine *m = aes_machine(false, false);
	struct kvm_regs r;

	if (!cpu_has(m, FEATURE_AES))
		test_skip("no AES instructions on this CPU");
	HERE();
	run_vcpu(m->vcpu);
	check_failure(m);
	/* User space may step over it and go on. */
	r = get_regs(m);
	r.rip += aes_end - aes - 2;
	set_regs(m, &r);
	expect_hlt(m);
}

/* From ring 3 it may be #UD instead, so that a process cannot stop its kernel. */
static void emulation_failure_ring3(const void *arg)
{
	struct machine *m = aes_machine(true, false);
	struct event e;

	if (!cpu_has(m, FEATURE_AES))
		test_skip("no AES instructions on this CPU");
	HERE();
	if (run_vcpu(m->vcpu) == KVM_EXIT_HLT) {
		CHECK(at_event(m, &e), "not in a stub");
		CHECK_EQ(e.vector, UD_VECTOR);
		CHECK_EQ(e.ip, G_CODE + 1);
	} else {
		check_failure(m);
	}
}

static void emulation_failure_capability(const void *arg)
{
	struct machine *m = machine_new_novcpu();

	if (vm_check_cap(m->vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE) <= 0)
		test_skip("KVM_CAP_EXIT_ON_EMULATION_FAILURE is not offered");
	m = aes_machine(true, true);
	if (!cpu_has(m, FEATURE_AES))
		test_skip("no AES instructions on this CPU");
	HERE();
	run_vcpu(m->vcpu);
	check_failure(m);
}

/* Execution that runs off the end of memory. */
static void fetch_from_mmio(const void *arg)
{
	struct machine *m = machine_new();
	struct kvm_regs r;
	int reason;

	load_mode(m, MODE_LONG);
	r = get_regs(m);
	r.rip = G_MMIO + 0x10;
	set_regs(m, &r);
	HERE();
	reason = run_vcpu(m->vcpu);
	CHECK(reason == KVM_EXIT_INTERNAL_ERROR, "%s", exit_name(reason));
	CHECK_EQ(m->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
	CHECK_EQ(get_regs(m).rip, G_MMIO + 0x10);
	load_mode(m, MODE_LONG);
	expect_hlt(m);
}

int main(int argc, char **argv)
{
	static const enum mode modes[] = {
		MODE_REAL, MODE_PROT16, MODE_PROT32, MODE_LONG,
	};
	static const char *const names[] = { "real", "prot16", "prot32", "long" };
	int i;

	for (i = 0; i < ARRAY_LEN(modes); i++)
		add_test(triple_fault, &modes[i], "triple_fault_%s", names[i]);
	for (i = 0; i < ARRAY_LEN(invalids); i++)
		add_test(failed_entry, &invalids[i], "failed_entry_%s", invalids[i].name);
	TEST(failed_entry_log);
	TEST(emulation_failure);
	TEST(emulation_failure_ring3);
	TEST(emulation_failure_capability);
	TEST(fetch_from_mmio);
	return run_tests(argc, argv);
}
