// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory that user space cannot reach: KVM_CREATE_GUEST_MEMFD, slots with it,
 * KVM_SET_MEMORY_ATTRIBUTES, and KVM_EXIT_MEMORY_FAULT, which says which access found nothing.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>

#include "machine.h"
#include "../include/uapi/kvm_guest_memfd.h"

#define SLOT	7
#define AT	0x800000
#define PAGE	0x1000ul

/* Stores RAX to [RBX], loads [RSI] into RCX. */
GUEST_CODE(touch, 64, "mov %rax, (%rbx)\n mov (%rsi), %rcx\n hlt\n");
/* Loads [RSI] into RCX. */
GUEST_CODE(load, 64, "mov (%rsi), %rcx\n hlt\n");

static void start(struct machine *m, uint64_t store, uint64_t value, uint64_t from)
{
	struct kvm_regs r = get_regs(m);

	r.rip = G_CODE;
	r.rbx = store;
	r.rax = value;
	r.rsi = from;
	r.rcx = 0;
	set_regs(m, &r);
}

/* KVM_RUN fails and says that the page of @gpa cannot be had. */
static void expect_fault_(struct machine *m, uint64_t gpa, uint64_t flags)
{
	const struct kvmx_memory_fault *f = kvmx_run_memory_fault(m->run);

	CHECK_EQ(try_run(m->vcpu), EFAULT);
	if (!is_kvmx() && m->run->exit_reason != KVM_EXIT_MEMORY_FAULT)
		test_skip("this kvm announces KVM_EXIT_MEMORY_FAULT and does not make it here");
	CHECK_EQ(m->run->exit_reason, KVM_EXIT_MEMORY_FAULT);
	CHECK_EQ(f->flags, flags);
	CHECK_EQ(f->gpa, gpa & -PAGE);
	CHECK_EQ(f->size, PAGE);
}

#define expect_fault(m, g, f) (HERE(), expect_fault_(m, g, f))

/* --- the exit ---------------------------------------------------------------- */

static void exit_of_a_hole(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *mem = anon_mem(3 * PAGE);

	if (ioctl(m->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_FAULT_INFO) <= 0)
		test_skip("this kvm has no KVM_CAP_MEMORY_FAULT_INFO");
	machine_start(m, MODE_LONG, touch);
	CHECK_OK(munmap(mem, 3 * PAGE));
	set_slot(m, SLOT, 0, AT, 3 * PAGE, mem);
	start(m, AT + PAGE + 0x7f8, 0x1234, AT + 2 * PAGE + 8);
	expect_fault(m, AT + PAGE, 0);
	/* Nothing has happened: the same again. */
	expect_fault(m, AT + PAGE, 0);
	CHECK_EQ(get_regs(m).rip, G_CODE);
	/* User space mends it, and the guest goes on to the next one. */
	CHECK(mmap(mem + PAGE / 8, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED, "mmap");
	expect_fault(m, AT + 2 * PAGE, 0);
	CHECK_EQ(mem[(PAGE + 0x7f8) / 8], 0x1234);
	CHECK(mmap(mem + 2 * PAGE / 8, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED, "mmap");
	mem[2 * PAGE / 8 + 1] = 0x5678;
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0x5678);
}

static void exit_of_a_write(const void *arg)
{
	struct machine *m = machine_new();
	uint64_t *mem = anon_mem(PAGE);

	if (ioctl(m->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_FAULT_INFO) <= 0)
		test_skip("this kvm has no KVM_CAP_MEMORY_FAULT_INFO");
	machine_start(m, MODE_LONG, touch);
	mem[0] = 0x77;
	CHECK_OK(mprotect(mem, PAGE, PROT_READ));
	set_slot(m, SLOT, 0, AT, PAGE, mem);
	start(m, AT, 0x1234, AT);
	expect_fault(m, AT, 0);
	CHECK_EQ(mem[0], 0x77);
	machine_start(m, MODE_LONG, load);
	start(m, 0, 0, AT);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0x77);
}

/* --- files ------------------------------------------------------------------- */

#define SHARED		0
#define PRIVATE		KVM_MEMORY_ATTRIBUTE_PRIVATE
#define HOLE		(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

static int try_gmem(int vm, uint64_t size, uint64_t flags)
{
	struct kvm_create_guest_memfd arg = { .size = size, .flags = flags };

	return ioctl(vm, KVM_CREATE_GUEST_MEMFD, &arg);
}

static int gmem(struct machine *m, uint64_t size)
{
	return CHECK_OK(try_gmem(m->vm->fd, size, 0));
}

static int try_attributes(int vm, uint64_t gpa, uint64_t size, uint64_t attributes)
{
	struct kvm_memory_attributes arg = {
		.address = gpa,
		.size = size,
		.attributes = attributes,
	};

	return ioctl(vm, KVM_SET_MEMORY_ATTRIBUTES, &arg);
}

static void set_attributes(struct machine *m, uint64_t gpa, uint64_t size, uint64_t attributes)
{
	CHECK_OK(try_attributes(m->vm->fd, gpa, size, attributes));
}

static int try_slot2(struct machine *m, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size,
		     void *hva, int fd, uint64_t offset)
{
	struct {
		struct kvm_userspace_memory_region r;
		uint64_t offset;
		uint32_t fd, pad1;
		uint64_t pad2[14];
	} arg = {
		.r = {
			.slot = slot,
			.flags = flags,
			.guest_phys_addr = gpa,
			.memory_size = size,
			.userspace_addr = (uintptr_t)hva,
		},
		.offset = offset,
		.fd = fd,
	};

	return ioctl(m->vm->fd, _IOW(KVMIO, 0x49, arg), &arg);
}

/* A machine whose memory can be private, still without a vCPU. */
static struct machine *protected_novcpu(void)
{
	struct machine *m = machine_new_novcpu();
	int fd = ioctl(m->vm->kvm_fd, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);

	if (fd < 0 && errno == EINVAL && !is_kvmx())
		test_skip("this kvm has no KVM_X86_SW_PROTECTED_VM");
	CHECK_OK(fd);
	close(m->vm->fd);
	m->vm->fd = fd;
	set_slot(m, 0, 0, 0, LOW_SIZE, m->low);
	set_slot(m, 1, 0, HIGH_BASE, HIGH_SIZE, m->high);
	return m;
}

static struct machine *protected_machine(void)
{
	struct machine *m = protected_novcpu();

	machine_add_vcpu(m, kvm_get_supported_cpuid());
	machine_start(m, MODE_LONG, touch);
	return m;
}

static void capabilities(const void *arg)
{
	struct machine *m = machine_new_novcpu(), *p = protected_novcpu();
	int kvm = m->vm->kvm_fd;

	CHECK_EQ(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_ATTRIBUTES), PRIVATE);
	CHECK_EQ(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD), 1);
	CHECK_EQ(ioctl(p->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_ATTRIBUTES), PRIVATE);
	CHECK_EQ(ioctl(p->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD), 1);
	/* Of the default type: none can be private. */
	CHECK_EQ(ioctl(m->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MEMORY_ATTRIBUTES), 0);
	CHECK_EQ(ioctl(m->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD), 0);
	CHECK_ERRNO(try_attributes(m->vm->fd, 0, PAGE, PRIVATE), EINVAL);
	CHECK_OK(try_attributes(m->vm->fd, 0, PAGE, SHARED));
}

static void file(const void *arg)
{
	struct machine *m = protected_novcpu();
	int fd, i;
	struct stat st;
	char buf[8] = "";

	for (i = 0; i < 64; i++)
		CHECK_ERRNO(try_gmem(m->vm->fd, PAGE, 1ull << i), EINVAL);
	CHECK_ERRNO(try_gmem(m->vm->fd, 0, 0), EINVAL);
	CHECK_ERRNO(try_gmem(m->vm->fd, PAGE - 1, 0), EINVAL);
	CHECK_ERRNO(try_gmem(m->vm->fd, PAGE + 1, 0), EINVAL);
	CHECK_ERRNO(try_gmem(m->vm->fd, 1ull << 63, 0), EINVAL);
	close(CHECK_OK(try_gmem(m->vm->fd, (1ull << 63) - PAGE, 0)));

	fd = gmem(m, 4 * PAGE);
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 4 * PAGE);
	CHECK_EQ(st.st_blksize, PAGE);
	CHECK(S_ISREG(st.st_mode), "mode 0%o", st.st_mode);
	CHECK(read(fd, buf, 8) < 0 && pread(fd, buf, 8, 0) < 0, "it can be read");
	CHECK(write(fd, buf, 8) < 0 && pwrite(fd, buf, 8, 0) < 0, "it can be written");
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED, "it can be mapped");
	CHECK_ERRNO(ftruncate(fd, PAGE), EINVAL);
	CHECK_ERRNO(ftruncate(fd, 8 * PAGE), EINVAL);
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 4 * PAGE);
}

static void file_allocate(const void *arg)
{
	struct machine *m = protected_novcpu();
	int fd = gmem(m, 4 * PAGE);
	static const struct { long off, len; } bad[] = {
		{ 1, PAGE }, { 0, 1 }, { 0, PAGE - 1 }, { PAGE, PAGE + 1 }, { PAGE - 1, PAGE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK_ERRNO(fallocate(fd, HOLE, bad[i].off, bad[i].len), EINVAL);
		CHECK_ERRNO(fallocate(fd, FALLOC_FL_KEEP_SIZE, bad[i].off, bad[i].len), EINVAL);
	}
	CHECK_ERRNO(fallocate(fd, 0, 0, PAGE), EOPNOTSUPP);
	CHECK_ERRNO(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE, 0, PAGE), EOPNOTSUPP);
	CHECK_ERRNO(fallocate(fd, FALLOC_FL_KEEP_SIZE, 4 * PAGE, PAGE), EINVAL);
	CHECK_ERRNO(fallocate(fd, FALLOC_FL_KEEP_SIZE, 3 * PAGE, 2 * PAGE), EINVAL);
	CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4 * PAGE));
	CHECK_OK(fallocate(fd, HOLE, PAGE, PAGE));
	CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, PAGE, PAGE));
	CHECK_OK(fallocate(fd, HOLE, 3 * PAGE, 8 * PAGE));
	CHECK_OK(fallocate(fd, HOLE, 4 * PAGE, PAGE));
	CHECK_OK(fallocate(fd, HOLE, 9 * PAGE, PAGE));
}

/* --- slots ------------------------------------------------------------------- */

static void bind(const void *arg)
{
	struct machine *m = protected_novcpu(), *other = protected_novcpu();
	int fd = gmem(m, 8 * PAGE), others = gmem(other, 8 * PAGE), i;
	void *mem = anon_mem(8 * PAGE);
	const uint32_t bad[] = {
		KVM_MEM_GUEST_MEMFD | KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_GUEST_MEMFD | 1 << 3,
		KVM_MEM_GUEST_MEMFD | KVM_MEM_READONLY,
	};

	CHECK_ERRNO(try_slot(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, PAGE, mem), EINVAL);
	for (i = 0; i < 3; i++)
		CHECK_ERRNO(try_slot2(m, SLOT, bad[i], AT, PAGE, mem, fd, 0), EINVAL);
	CHECK_ERRNO(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, PAGE, mem, 999, 0), EBADF);
	CHECK_ERRNO(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, PAGE, mem, m->vm->fd, 0), EINVAL);
	CHECK_ERRNO(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, PAGE, mem, others, 0), EINVAL);
	CHECK_ERRNO(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, PAGE, mem, fd, 1), EINVAL);
	CHECK_ERRNO(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, PAGE, mem, fd, -PAGE), EINVAL);
	CHECK_ERRNO(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, PAGE, mem, fd, 8 * PAGE), EINVAL);
	CHECK_ERRNO(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, 2 * PAGE, mem, fd, 7 * PAGE),
		    EINVAL);
	/* A page belongs to one slot. */
	CHECK_OK(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, 2 * PAGE, mem, fd, 2 * PAGE));
	for (i = 0; i < 3; i++)
		CHECK_ERRNO(try_slot2(m, SLOT + 1, KVM_MEM_GUEST_MEMFD, AT + 16 * PAGE, 2 * PAGE,
				      mem, fd, (i + 1) * PAGE), EEXIST);
	CHECK_OK(try_slot2(m, SLOT + 1, KVM_MEM_GUEST_MEMFD, AT + 16 * PAGE, 2 * PAGE, mem, fd,
			   4 * PAGE));
	CHECK_OK(try_slot2(m, SLOT + 2, KVM_MEM_GUEST_MEMFD, AT + 32 * PAGE, 2 * PAGE, mem, fd, 0));
	/* It can only be deleted. */
	CHECK_ERRNO(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT + 8 * PAGE, 2 * PAGE, mem, fd,
			      2 * PAGE), EINVAL);
	CHECK_ERRNO(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, 2 * PAGE, mem, fd, 2 * PAGE),
		    EINVAL);
	CHECK_ERRNO(try_slot(m, SLOT, 0, AT, 2 * PAGE, mem), EINVAL);
	CHECK_ERRNO(try_slot(m, SLOT, KVM_MEM_LOG_DIRTY_PAGES, AT, 2 * PAGE, mem), EINVAL);
	CHECK_OK(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, 0, mem, -1, 0));
	CHECK_OK(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT + 8 * PAGE, 2 * PAGE, mem, fd,
			   2 * PAGE));
	/* An ordinary slot does not become one. */
	set_slot(m, SLOT + 3, 0, AT + 64 * PAGE, PAGE, mem);
	CHECK_ERRNO(try_slot2(m, SLOT + 3, KVM_MEM_GUEST_MEMFD, AT + 64 * PAGE, PAGE, mem, fd,
			      7 * PAGE), EINVAL);
	/* A call that fails has left the file as it was: page 7 is free. */
	CHECK_ERRNO(try_slot2(m, SLOT + 4, KVM_MEM_GUEST_MEMFD, AT + 64 * PAGE, PAGE, mem, fd,
			      7 * PAGE), EEXIST);
	CHECK_OK(try_slot2(m, SLOT + 4, KVM_MEM_GUEST_MEMFD, AT + 65 * PAGE, PAGE, mem, fd,
			   7 * PAGE));
}

static void attributes(const void *arg)
{
	struct machine *m = protected_novcpu();
	struct kvm_memory_attributes a = { .address = AT, .size = PAGE, .flags = 1 };
	int vm = m->vm->fd, i;

	CHECK_ERRNO(ioctl(vm, KVM_SET_MEMORY_ATTRIBUTES, &a), EINVAL);
	for (i = 0; i < 64; i++)
		if (1ull << i != PRIVATE)
			CHECK_ERRNO(try_attributes(vm, AT, PAGE, 1ull << i), EINVAL);
	CHECK_ERRNO(try_attributes(vm, AT, 0, PRIVATE), EINVAL);
	CHECK_ERRNO(try_attributes(vm, AT + 1, PAGE, PRIVATE), EINVAL);
	CHECK_ERRNO(try_attributes(vm, AT, PAGE + 1, PRIVATE), EINVAL);
	CHECK_ERRNO(try_attributes(vm, -PAGE, PAGE, PRIVATE), EINVAL);
	CHECK_ERRNO(try_attributes(vm, AT, -PAGE, PRIVATE), EINVAL);
	CHECK_ERRNO(ioctl(vm, KVM_SET_MEMORY_ATTRIBUTES, NULL), EFAULT);
	CHECK_ERRNO(ioctl(vm, KVM_CREATE_GUEST_MEMFD, NULL), EFAULT);
	CHECK_OK(try_attributes(vm, 0, -PAGE, PRIVATE));
	CHECK_OK(try_attributes(vm, 0, -PAGE, SHARED));
}

/* --- the guest --------------------------------------------------------------- */

#define PAGES	8

/* A slot of PAGES pages at AT with a file; what user space has there. */
static uint64_t *both(struct machine *m, int *fd)
{
	uint64_t *mem = anon_mem(PAGES * PAGE);

	*fd = gmem(m, 2 * PAGES * PAGE);
	CHECK_OK(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, PAGES * PAGE, mem, *fd, PAGES * PAGE));
	return mem;
}

/* Stores @value at page @i's start; gives what is at page @from's. */
static uint64_t store_load_(struct machine *m, int i, uint64_t value, int from)
{
	start(m, AT + i * PAGE, value, AT + from * PAGE);
	expect_hlt_(m);
	return get_regs(m).rcx;
}

#define store_load(m, i, v, f) (HERE(), store_load_(m, i, v, f))
#define AT_PAGE(mem, i) ((mem)[(i) * PAGE / 8])

static void private_is_apart(const void *arg)
{
	struct machine *m = protected_machine();
	uint64_t *mem;
	int fd;

	mem = both(m, &fd);
	CHECK_EQ(store_load(m, 1, 0x11, 1), 0x11);
	CHECK_EQ(AT_PAGE(mem, 1), 0x11);
	set_attributes(m, AT + PAGE, 2 * PAGE, PRIVATE);
	/* Zeros at first, and what the guest writes there stays there. */
	CHECK_EQ(store_load(m, 2, 0x22, 1), 0);
	CHECK_EQ(store_load(m, 1, 0x33, 2), 0x22);
	CHECK_EQ(AT_PAGE(mem, 1), 0x11);
	CHECK_EQ(AT_PAGE(mem, 2), 0);
	/* Beside it all is shared. */
	CHECK_EQ(store_load(m, 0, 0x44, 3), 0);
	CHECK_EQ(AT_PAGE(mem, 0), 0x44);
	CHECK_EQ(store_load(m, 3, 0x55, 0), 0x44);
	CHECK_EQ(AT_PAGE(mem, 3), 0x55);
	/* One page back: the other is still what it was, and the private one is kept. */
	set_attributes(m, AT + PAGE, PAGE, SHARED);
	CHECK_EQ(store_load(m, 3, 0x55, 1), 0x11);
	CHECK_EQ(store_load(m, 3, 0x55, 2), 0x22);
	set_attributes(m, AT + PAGE, PAGE, PRIVATE);
	CHECK_EQ(store_load(m, 3, 0x55, 1), 0x33);
	/* A hole is zeros, under the guest's hand. */
	CHECK_OK(fallocate(fd, HOLE, (PAGES + 1) * PAGE, PAGE));
	CHECK_EQ(store_load(m, 3, 0x55, 1), 0);
	CHECK_EQ(store_load(m, 3, 0x55, 2), 0x22);
	CHECK_OK(fallocate(fd, HOLE, 0, 2 * PAGES * PAGE));
	CHECK_EQ(store_load(m, 3, 0x55, 2), 0);
	CHECK_EQ(AT_PAGE(mem, 1), 0x11);
}

/* Every third of many pages, in and out again: what is between does not change. */
static void private_in_pieces(const void *arg)
{
	struct machine *m = protected_machine();
	uint64_t *mem;
	int fd, i;

	mem = both(m, &fd);
	for (i = 0; i < PAGES; i++)
		AT_PAGE(mem, i) = 0x100 + i;
	for (i = 1; i < PAGES; i += 3)
		set_attributes(m, AT + i * PAGE, PAGE, PRIVATE);
	for (i = 0; i < PAGES; i++)
		CHECK_EQ(store_load(m, 0, 0x100, i), i % 3 == 1 ? 0 : 0x100 + i);
	/* Ranges that touch and overlap. */
	set_attributes(m, AT + 2 * PAGE, PAGE, PRIVATE);
	set_attributes(m, AT + 4 * PAGE, 2 * PAGE, PRIVATE);
	for (i = 0; i < PAGES; i++)
		CHECK_EQ(store_load(m, 0, 0x100, i), i && i != 3 && i != 6 ? 0 : 0x100 + i);
	set_attributes(m, AT + 2 * PAGE, 3 * PAGE, SHARED);
	for (i = 0; i < PAGES; i++)
		CHECK_EQ(store_load(m, 0, 0x100, i),
			 i == 1 || i == 5 || i == 7 ? 0 : 0x100 + i);
	set_attributes(m, 0, 1ull << 40, SHARED);
	for (i = 0; i < PAGES; i++)
		CHECK_EQ(store_load(m, 0, 0x100, i), 0x100 + i);
}

static void mismatch_exits(const void *arg)
{
	struct machine *m = protected_machine();
	uint64_t *mem;
	int fd;

	mem = both(m, &fd);
	/* Private, and no slot. */
	set_attributes(m, AT + PAGES * PAGE, 2 * PAGE, PRIVATE);
	start(m, AT + PAGES * PAGE + 8, 1, AT);
	expect_fault(m, AT + PAGES * PAGE, PRIVATE);
	/* A slot without a file. */
	set_slot(m, SLOT + 1, 0, AT + PAGES * PAGE, PAGE, anon_mem(PAGE));
	expect_fault(m, AT + PAGES * PAGE, PRIVATE);
	set_attributes(m, AT + PAGES * PAGE, PAGE, SHARED);
	expect_hlt(m);
	/* Shared, and nothing behind it; the private page needs nothing there. */
	CHECK_OK(munmap(mem, PAGES * PAGE));
	set_attributes(m, AT, PAGE, PRIVATE);
	start(m, AT, 2, AT + PAGE);
	expect_fault(m, AT + PAGE, 0);
	set_attributes(m, AT + PAGE, PAGE, PRIVATE);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0);
	CHECK_EQ(store_load(m, 1, 7, 0), 2);
}

/* --- ends -------------------------------------------------------------------- */

static void file_closed_first(const void *arg)
{
	struct machine *m = protected_machine();
	uint64_t *mem;
	int fd, copy;

	mem = both(m, &fd);
	set_attributes(m, AT, PAGE, PRIVATE);
	CHECK_EQ(store_load(m, 0, 0x11, 0), 0x11);
	copy = CHECK_OK(dup(fd));
	close(fd);
	CHECK_EQ(store_load(m, 1, 1, 0), 0x11);
	close(copy);
	/* The memory is gone, the slot is not. */
	start(m, AT, 1, AT);
	expect_fault(m, AT, PRIVATE);
	CHECK_EQ(store_load(m, 1, 0x22, 1), 0x22);
	CHECK_EQ(AT_PAGE(mem, 1), 0x22);
	CHECK_OK(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, 0, NULL, -1, 0));
	start(m, AT, 1, AT);
	expect_fault(m, AT, PRIVATE);
	mem = both(m, &fd);
	CHECK_EQ(store_load(m, 1, 1, 0), 0);
}

static void slot_deleted_first(const void *arg)
{
	struct machine *m = protected_machine();
	uint64_t *mem;
	int fd;

	mem = both(m, &fd);
	set_attributes(m, AT, PAGE, PRIVATE);
	CHECK_EQ(store_load(m, 0, 0x11, 0), 0x11);
	CHECK_OK(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, 0, NULL, -1, 0));
	start(m, AT, 1, AT);
	expect_fault(m, AT, PRIVATE);
	/* The file has kept it, and shows it elsewhere. */
	set_attributes(m, AT + 16 * PAGE, PAGE, PRIVATE);
	CHECK_OK(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT + 16 * PAGE, PAGE, mem, fd,
			   PAGES * PAGE));
	start(m, AT + 16 * PAGE + 8, 1, AT + 16 * PAGE);
	expect_hlt(m);
	CHECK_EQ(get_regs(m).rcx, 0x11);
}

static void vm_closed_first(const void *arg)
{
	struct machine *m = protected_machine();
	int fd;

	both(m, &fd);
	set_attributes(m, AT, PAGE, PRIVATE);
	CHECK_EQ(store_load(m, 0, 0x11, 0), 0x11);
	machine_free(m);
	CHECK_OK(fallocate(fd, HOLE, 0, 2 * PAGES * PAGE));
	CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 * PAGES * PAGE));
	close(fd);
}

/* --- large pages ------------------------------------------------------------- */

#define LARGE	0x200000ul

/* One private page in the middle of a large one: the guest has each where it belongs. */
static void private_in_large(const void *arg)
{
	struct machine *m = protected_machine();
	uint8_t *area = anon_mem(2 * LARGE), *mem;
	int fd = gmem(m, LARGE);
	const int mid = 77;

	mem = (uint8_t *)(((uintptr_t)area + LARGE - 1) & -LARGE);
	madvise(mem, LARGE, MADV_HUGEPAGE);
	memset(mem, 0x5a, LARGE);
	CHECK_OK(try_slot2(m, SLOT, KVM_MEM_GUEST_MEMFD, AT, LARGE, mem, fd, 0));
	CHECK_EQ(store_load(m, 0, 1, mid), 0x5a5a5a5a5a5a5a5a);
	set_attributes(m, AT + mid * PAGE, PAGE, PRIVATE);
	CHECK_EQ(store_load(m, mid - 1, 2, mid), 0);
	CHECK_EQ(store_load(m, mid, 3, mid - 1), 2);
	CHECK_EQ(store_load(m, mid + 1, 4, mid), 3);
	CHECK_EQ(*(uint64_t *)(mem + mid * PAGE), 0x5a5a5a5a5a5a5a5a);
	CHECK_EQ(*(uint64_t *)(mem + (mid + 1) * PAGE), 4);
	set_attributes(m, AT + mid * PAGE, PAGE, SHARED);
	CHECK_EQ(store_load(m, 0, 1, mid), 0x5a5a5a5a5a5a5a5a);
	CHECK_EQ(store_load(m, 0, 1, mid + 1), 4);
}

/* --- a guest that runs ------------------------------------------------------- */

#define ROUNDS	100

/*
 * In each page is its own address, or nothing. RBX: first page, RSI: where the host says stop
 * and the guest counts; RDX tells that something else was found.
 */
GUEST_CODE(storm_code, 64,
	   "1: mov %rbx, %rdi\n"
	   "mov $8, %ecx\n"
	   "2: mov (%rdi), %rax\n"
	   "test %rax, %rax\n"
	   "jz 3f\n"
	   "cmp %rdi, %rax\n"
	   "jne 4f\n"
	   "3: mov %rdi, (%rdi)\n"
	   "add $0x1000, %rdi\n"
	   "loop 2b\n"
	   "incq 8(%rsi)\n"
	   "cmpl $0, (%rsi)\n"
	   "je 1b\n"
	   "hlt\n"
	   "4: mov %rdi, %rdx\n"
	   "hlt\n");

static void storm(const void *arg)
{
	struct machine *m = protected_machine();
	volatile uint64_t *shared = guest_mem(m, G_DATA);
	struct vcpu_thread t = { };
	struct kvm_regs r;
	uint64_t *mem;
	int fd, i;

	mem = both(m, &fd);
	set_attributes(m, AT, PAGE, PRIVATE);
	machine_start(m, MODE_LONG, storm_code);
	r = get_regs(m);
	r.rbx = AT;
	r.rsi = G_DATA;
	r.rdx = 0;
	r.rflags = FLAG_IF | 2;
	set_regs(m, &r);
	thread_start(&t, m, NULL);
	for (i = 0; i < ROUNDS; i++) {
		int page = 1 + i % (PAGES - 2);

		set_attributes(m, AT + page * PAGE, 2 * PAGE, i / 5 & 1 ? SHARED : PRIVATE);
		CHECK_OK(fallocate(fd, HOLE, (PAGES + i % 3 * page) * PAGE, PAGE));
		if (i % 7 == 0)
			thread_wait_for(shared + 1, shared[1] + 1);
	}
	shared[0] = 1;
	thread_join(&t);
	CHECK_EQ(get_regs(m).rdx, 0);
	/* The first page never was shared, the others hold what the guest wrote. */
	CHECK_EQ(AT_PAGE(mem, 0), 0);
	for (i = 1; i < PAGES; i++)
		CHECK(!AT_PAGE(mem, i) || AT_PAGE(mem, i) == AT + i * PAGE, "page %d has %lx", i,
		      AT_PAGE(mem, i));
}

int main(int argc, char **argv)
{
	TEST(exit_of_a_hole);
	TEST(exit_of_a_write);
	TEST(capabilities);
	TEST(file);
	TEST(file_allocate);
	TEST(bind);
	TEST(attributes);
	TEST(private_is_apart);
	TEST(private_in_pieces);
	TEST(mismatch_exits);
	TEST(file_closed_first);
	TEST(slot_deleted_first);
	TEST(vm_closed_first);
	TEST(private_in_large);
	TEST(storm);
	return run_tests(argc, argv);
}
