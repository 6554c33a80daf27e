// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints: the fields that perf, trace-cmd and kvm_stat know, of the sizes they
 * know, and events of the interrupt controllers that say what has happened.
 */
#include <fcntl.h>

#include "agent.h"

#define TRACING "/sys/kernel/tracing/"
#define VEC 0x60
#define PIN 11

/* As Linux 6.1 and 6.12 have them: "name:bytes;". */
static const struct layout {
	const char *event, *fields;
} layouts[] = {
	{ "kvm_entry",
	  "vcpu_id:4;rip:8;immediate_exit:1;" },
	{ "kvm_exit",
	  "exit_reason:4;guest_rip:8;isa:4;info1:8;info2:8;intr_info:4;error_code:4;vcpu_id:4;" },
	{ "kvm_pio",
	  "rw:4;port:4;size:4;count:4;val:4;" },
	{ "kvm_mmio",
	  "type:4;len:4;gpa:8;val:8;" },
	{ "kvm_fast_mmio",
	  "gpa:8;" },
	{ "kvm_cpuid",
	  "function:4;index:4;rax:8;rbx:8;rcx:8;rdx:8;found:1;used_max_basic:1;" },
	{ "kvm_msr",
	  "write:4;ecx:4;data:8;exception:1;" },
	{ "kvm_cr",
	  "rw:4;cr:4;val:8;" },
	{ "kvm_page_fault",
	  "vcpu_id:4;guest_rip:8;fault_address:8;error_code:8;" },
	{ "kvm_inj_exception",
	  "exception:1;has_error:1;error_code:4;reinjected:1;" },
	{ "kvm_inj_virq",
	  "vector:4;soft:1;reinjected:1;" },
	{ "kvm_emulate_insn",
	  "rip:8;csbase:4;len:1;insn[15]:15;flags:1;failed:1;" },
	{ "kvm_userspace_exit",
	  "reason:4;errno:4;" },
	{ "kvm_hypercall",
	  "nr:8;a0:8;a1:8;a2:8;a3:8;" },
	{ "kvm_fpu",
	  "load:4;" },
	{ "kvm_vcpu_wakeup",
	  "ns:8;waited:1;valid:1;" },
	{ "kvm_halt_poll_ns",
	  "grow:1;vcpu_id:4;new:4;old:4;" },
	{ "kvm_set_irq",
	  "gsi:4;level:4;irq_source_id:4;" },
	{ "kvm_pic_set_irq",
	  "chip:1;pin:1;elcr:1;imr:1;coalesced:1;" },
	{ "kvm_ioapic_set_irq",
	  "e:8;pin:4;coalesced:1;" },
	{ "kvm_ioapic_delayed_eoi_inj",
	  "e:8;" },
	{ "kvm_msi_set_irq",
	  "address:8;data:8;" },
	{ "kvm_ack_irq",
	  "irqchip:4;pin:4;" },
	{ "kvm_apic",
	  "rw:4;reg:4;val:8;" },
	{ "kvm_apic_ipi",
	  "icr_low:4;dest_id:4;" },
	{ "kvm_apic_accept_irq",
	  "apicid:4;dm:2;tm:2;vec:1;" },
	{ "kvm_apicv_accept_irq",
	  "apicid:4;dm:2;tm:2;vec:1;" },
	{ "kvm_eoi",
	  "apicid:4;vector:4;" },
	{ "kvm_pv_eoi",
	  "apicid:4;vector:4;" },
	{ "kvm_apicv_inhibit_changed",
	  "reason:4;set:1;inhibits:8;" },
	{ "kvm_hv_timer_state",
	  "vcpu_id:4;hv_timer_in_use:4;" },
	{ "kvm_pi_irte_update",
	  "host_irq:4;vcpu_id:4;gsi:4;gvec:4;pi_desc_addr:8;set:1;" },
	{ "kvm_write_tsc_offset",
	  "vcpu_id:4;previous_tsc_offset:8;next_tsc_offset:8;" },
	{ "kvm_pvclock_update",
	  "vcpu_id:4;version:4;tsc_timestamp:8;system_time:8;"
	  "tsc_to_system_mul:4;tsc_shift:1;flags:1;" },
	{ "kvm_async_pf_not_present",
	  "token:8;gva:8;" },
	{ "kvm_async_pf_ready",
	  "token:8;gva:8;" },
	{ "kvm_try_async_get_page",
	  "gva:8;gfn:8;" },
	{ "kvm_async_pf_repeated_fault",
	  "gva:8;gfn:8;" },
	{ "kvm_async_pf_completed",
	  "address:8;gva:8;" },
};

static void read_file(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY);
	ssize_t n, have = 0;

	if (fd < 0)
		test_skip("%s: %s", path, strerror(errno));
	while ((n = read(fd, buf + have, len - 1 - have)) > 0)
		have += n;
	buf[have] = 0;
	close(fd);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0)
		test_skip("%s: %s", path, strerror(errno));
	CHECK_OK(write(fd, text, strlen(text)));
	close(fd);
}

/* The fields behind those that all events have. */
static void fields_of(const char *format, char *out, size_t len)
{
	char *copy = strdup(format), *line, *save;
	size_t have = 0;

	out[0] = 0;
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *end = strchr(line, ';'), *size = strstr(line, "size:"), *name;

		if (!strstr(line, "field:") || !end || !size)
			continue;
		*end = 0;
		name = strrchr(line, ' ') + 1;
		if (strncmp(name, "common_", 7))
			have += snprintf(out + have, len - have, "%s:%d;", name, atoi(size + 5));
	}
	free(copy);
}

static void layout(const void *arg)
{
	const struct layout *l = arg;
	char path[128], format[8192], fields[512];

	read_file(TRACING "events/kvm/kvm_exit/format", format, sizeof(format));
	snprintf(path, sizeof(path), TRACING "events/kvm/%s/format", l->event);
	CHECK(!access(path, R_OK), "there is no event %s", l->event);
	read_file(path, format, sizeof(format));
	fields_of(format, fields, sizeof(fields));
	CHECK(!strcmp(fields, l->fields), "%s has %s, not %s", l->event, fields, l->fields);
}

static char seen[1 << 18];

static void trace_start(void)
{
	write_file(TRACING "trace", "");
	write_file(TRACING "events/kvm/enable", "1");
	write_file(TRACING "tracing_on", "1");
}

static void trace_stop(void)
{
	write_file(TRACING "events/kvm/enable", "0");
	read_file(TRACING "trace", seen, sizeof(seen));
	write_file(TRACING "trace", "");
}

/* One line has both. */
static bool traced(const char *event, const char *text)
{
	char name[64];
	const char *at = seen, *end;

	snprintf(name, sizeof(name), " %s: ", event);
	while ((at = strstr(at, name))) {
		end = strchr(at, '\n');
		if (memmem(at, end - at, text, strlen(text)))
			return true;
		at = end;
	}
	return false;
}

#define CHECK_TRACED(event, text) CHECK(traced(event, text), "no %s with %s", event, text)

static void serve(struct cpu *c, uint8_t vector)
{
	CHECK_EQ(cpu_window(c), vector);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
}

static void level_interrupt(const void *arg)
{
	struct pc *pc = pc_new(CHIPS_KERNEL, 1);
	struct cpu *c = &pc->cpu[0];

	cpu_outb(c, 0x21, 0xff);
	cpu_outb(c, 0xa1, 0xff);
	ioapic_route(c, PIN, 0, VEC | RTE_LEVEL);
	trace_start();
	irq_line(pc, PIN, 1);
	CHECK_EQ(cpu_window(c), VEC);
	irq_line(pc, PIN, 0);
	apic_eoi(c);
	CHECK_EQ(cpu_iret(c), CPU_DONE);
	trace_stop();
	CHECK_TRACED("kvm_set_irq", "gsi 11 level 1 source 0");
	CHECK_TRACED("kvm_set_irq", "gsi 11 level 0 source 0");
	CHECK_TRACED("kvm_ioapic_set_irq", "pin 11 dst 0 vec 96 (Fixed|physical|level)");
	CHECK_TRACED("kvm_pic_set_irq", "chip 1 pin 3 (edge|masked)");
	CHECK(traced("kvm_apic_accept_irq", "apicid 0 vec 96 (Fixed|level)") ||
	      traced("kvm_apicv_accept_irq", "apicid 0 vec 96 (Fixed|level)"), "not accepted");
	CHECK_TRACED("kvm_eoi", "apicid 0 vector 96");
	CHECK_TRACED("kvm_ack_irq", "irqchip IOAPIC pin 11");
}

static void message(const void *arg)
{
	struct pc *pc = pc_new(CHIPS_KERNEL, 1);

	trace_start();
	CHECK_EQ(signal_msi(pc, 0, VEC), 1);
	serve(&pc->cpu[0], VEC);
	trace_stop();
	CHECK_TRACED("kvm_msi_set_irq", "dst 0 vec 96 (Fixed|physical|edge)");
	CHECK(traced("kvm_apic_accept_irq", "apicid 0 vec 96 (Fixed|edge)") ||
	      traced("kvm_apicv_accept_irq", "apicid 0 vec 96 (Fixed|edge)"), "not accepted");
}

static void ipi(const void *arg)
{
	struct pc *pc = pc_new(CHIPS_KERNEL, 2);

	apic_to_x2(&pc->cpu[0]);
	trace_start();
	apic_send(&pc->cpu[0], 1, ICR_ASSERT | VEC);
	serve(&pc->cpu[1], VEC);
	trace_stop();
	CHECK_TRACED("kvm_apic_ipi", "dst 1 vec 96 (Fixed|physical|assert|edge|dst)");
}

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(layouts); i++)
		add_test(layout, &layouts[i], "layout of %s", layouts[i].event);
	TEST(level_interrupt);
	TEST(message);
	TEST(ipi);
	return run_tests(argc, argv);
}
