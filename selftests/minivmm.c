// SPDX-License-Identifier: GPL-2.0-only
/*
 * minivmm: a virtual machine monitor in one file, on nothing but <linux/kvm.h>.
 *
 *	minivmm IMAGE [-m MEGABYTES] [-t]
 *
 * IMAGE is a flat binary. It is loaded at guest physical address 0x10000 and started
 * there in 16-bit real mode, as CS:IP = 0x1000:0. The guest has one device, a console:
 *
 *	OUT of a byte to port 0x3f8	prints it
 *	IN of a byte from port 0x3f8	reads one, or 0xff at the end of the input
 *	IN of a byte from port 0x3fd	the line status: 0x60, ready to send
 *	OUT of a byte to port 0xf4	ends the machine with this exit status
 *	HLT				ends the machine with exit status 0
 *
 * With -t no image is needed: a small built-in one prints a greeting. Ends with status
 * 125 and a message if the machine cannot be made or stops for another reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOAD_ADDRESS	0x10000
#define CONSOLE		0x3f8
#define LINE_STATUS	0x3fd
#define LEAVE		0xf4
#define STATUS_BROKEN	125

struct vmm {
	int kvm;		/* /dev/kvm: the system */
	int vm;			/* one virtual machine */
	int vcpu;		/* one of its processors */
	struct kvm_run *run;	/* shared with the kernel: why the vCPU stopped */
	uint8_t *memory;
	size_t memory_size;
};

/*
 * What -t runs:
 *
 *	start:	mov $message, %si
 *	next:	lodsb %cs:(%si), %al
 *		test %al, %al
 *		jz done
 *		mov $0x3f8, %dx
 *		out %al, %dx
 *		jmp next
 *	done:	hlt
 *	message: .asciz "hello from a guest\n"
 */
static const uint8_t greeting[] = {
	0xbe, 0x10, 0x00,
	0x2e, 0xac,
	0x84, 0xc0,
	0x74, 0x06,
	0xba, 0xf8, 0x03,
	0xee,
	0xeb, 0xf4,
	0xf4,
	'h', 'e', 'l', 'l', 'o', ' ', 'f', 'r', 'o', 'm', ' ', 'a', ' ',
	'g', 'u', 'e', 's', 't', '\n', 0,
};

static void die(const char *what)
{
	fprintf(stderr, "minivmm: %s: %s\n", what, strerror(errno));
	exit(STATUS_BROKEN);
}

/* Step 1: open the device, check that it speaks the one stable version of the API. */
static void open_kvm(struct vmm *v)
{
	int version;

	v->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (v->kvm < 0)
		die("/dev/kvm");
	version = ioctl(v->kvm, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION) {
		fprintf(stderr, "minivmm: API version %d, not %d\n", version,
			KVM_API_VERSION);
		exit(STATUS_BROKEN);
	}
}

/* Step 2: a machine, and memory of ours that is the machine's memory from address 0. */
static void create_vm(struct vmm *v)
{
	struct kvm_userspace_memory_region region = {
		.slot = 0,
		.guest_phys_addr = 0,
		.memory_size = v->memory_size,
	};

	v->vm = ioctl(v->kvm, KVM_CREATE_VM, 0);
	if (v->vm < 0)
		die("KVM_CREATE_VM");
	v->memory = mmap(NULL, v->memory_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (v->memory == MAP_FAILED)
		die("guest memory");
	region.userspace_addr = (uintptr_t)v->memory;
	if (ioctl(v->vm, KVM_SET_USER_MEMORY_REGION, &region))
		die("KVM_SET_USER_MEMORY_REGION");
}

/* Step 3: a processor, and the page through which the kernel tells of its exits. */
static void create_vcpu(struct vmm *v)
{
	int size = ioctl(v->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (size < 0)
		die("KVM_GET_VCPU_MMAP_SIZE");
	v->vcpu = ioctl(v->vm, KVM_CREATE_VCPU, 0);
	if (v->vcpu < 0)
		die("KVM_CREATE_VCPU");
	v->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, v->vcpu, 0);
	if (v->run == MAP_FAILED)
		die("mapping the vCPU");
}

/* Step 4: what CPUID shows. Everything that is supported will do. */
static void set_cpuid(struct vmm *v)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[128];
	} cpuid = { .head.nent = 128 };

	if (ioctl(v->kvm, KVM_GET_SUPPORTED_CPUID, &cpuid))
		die("KVM_GET_SUPPORTED_CPUID");
	if (ioctl(v->vcpu, KVM_SET_CPUID2, &cpuid))
		die("KVM_SET_CPUID2");
}

/*
 * Step 5: registers. A vCPU starts in the state of a processor after reset, in real mode;
 * only the code segment and the instruction pointer need to change.
 */
static void set_registers(struct vmm *v)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = {
		.rip = 0,
		.rsp = 0xfffe,
		.rflags = 2,		/* bit 1 is always set */
	};

	if (ioctl(v->vcpu, KVM_GET_SREGS, &sregs))
		die("KVM_GET_SREGS");
	sregs.cs.selector = LOAD_ADDRESS >> 4;
	sregs.cs.base = LOAD_ADDRESS;
	if (ioctl(v->vcpu, KVM_SET_SREGS, &sregs))
		die("KVM_SET_SREGS");
	if (ioctl(v->vcpu, KVM_SET_REGS, &regs))
		die("KVM_SET_REGS");
}

/* An access to a port. Data lies in the mapping too, @count elements of @size bytes. */
static void handle_io(struct vmm *v)
{
	struct kvm_run *run = v->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint32_t i;

	if (run->io.direction == KVM_EXIT_IO_OUT && run->io.port == LEAVE)
		exit(data[0]);
	for (i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_OUT) {
			if (run->io.port == CONSOLE)
				putchar(data[0]);
			continue;
		}
		memset(data, 0xff, run->io.size);
		if (run->io.port == CONSOLE) {
			int c = getchar();

			data[0] = c == EOF ? 0xff : c;
		} else if (run->io.port == LINE_STATUS) {
			data[0] = 0x60;
		}
	}
	fflush(stdout);
}

/* An access to memory that is not there reads as all ones and writes to nowhere. */
static void handle_mmio(struct vmm *v)
{
	if (!v->run->mmio.is_write)
		memset(v->run->mmio.data, 0xff, sizeof(v->run->mmio.data));
}

/* Step 6: run, and serve what the guest stops for, until it halts. */
static int run(struct vmm *v)
{
	for (;;) {
		if (ioctl(v->vcpu, KVM_RUN, 0)) {
			if (errno == EINTR)	/* a signal for us, not for the guest */
				continue;
			die("KVM_RUN");
		}
		switch (v->run->exit_reason) {
		case KVM_EXIT_IO:
			handle_io(v);
			break;
		case KVM_EXIT_MMIO:
			handle_mmio(v);
			break;
		case KVM_EXIT_HLT:
			return 0;
		default:
			fprintf(stderr, "minivmm: stopped with exit reason %u\n",
				v->run->exit_reason);
			return STATUS_BROKEN;
		}
	}
}

static void load_image(struct vmm *v, const char *path)
{
	size_t room = v->memory_size - LOAD_ADDRESS;
	FILE *f;

	if (!path) {
		memcpy(v->memory + LOAD_ADDRESS, greeting, sizeof(greeting));
		return;
	}
	f = fopen(path, "rb");
	if (!f)
		die(path);
	if (!fread(v->memory + LOAD_ADDRESS, 1, room, f) || ferror(f))
		die(path);
	if (fgetc(f) != EOF) {
		fprintf(stderr, "minivmm: %s does not fit\n", path);
		exit(STATUS_BROKEN);
	}
	fclose(f);
}

static void usage(void)
{
	fprintf(stderr, "usage: minivmm IMAGE [-m MEGABYTES] | minivmm -t\n");
	exit(STATUS_BROKEN);
}

int main(int argc, char **argv)
{
	struct vmm v = { .memory_size = 1 << 20 };
	const char *image = NULL;
	int opt, test = 0;

	while ((opt = getopt(argc, argv, "m:t")) != -1) {
		if (opt == 't')
			test = 1;
		else if (opt == 'm' && atoi(optarg) >= 1 && atoi(optarg) <= 2048)
			v.memory_size = (size_t)atoi(optarg) << 20;
		else
			usage();
	}
	if (optind < argc)
		image = argv[optind];
	if (!image && !test)
		usage();
	open_kvm(&v);
	create_vm(&v);
	load_image(&v, image);
	create_vcpu(&v);
	set_cpuid(&v);
	set_registers(&v);
	return run(&v);
}
