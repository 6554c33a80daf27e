// SPDX-License-Identifier: GPL-2.0-only
/*
 * The child process that runs instructions on the CPU. It lives in a signal
 * handler: returning from it loads the registers of a case with TF set, and
 * the CPU comes back with SIGTRAP after one instruction, or with the signal of
 * its fault. Compiled without sanitizers.
 */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include "emu_case.h"

#define TIMEOUT_MS		20000
#define UC_STRICT_RESTORE_SS	4
#define XSAVE_HEADER		512
#define XSAVE_YMM		576
#define XMM_OFFSET		160
#define MXCSR_OFFSET		24
#define ST_OFFSET		32

static u8 *child_data;		/* seen by both */
static u8 *code_alias;		/* the code pages, writable */
static int to_child[2], from_child[2];
static pid_t child;

static struct batch *batch;
static unsigned int current;
static bool running;
static greg_t harness[NGREG];
static u16 entry_sel[NR_SELS];

static void set_data_segments(const u16 *sel)
{
	asm volatile("movw %0, %%ds" : : "r" (sel[X86_SEG_DS]));
	asm volatile("movw %0, %%es" : : "r" (sel[X86_SEG_ES]));
	asm volatile("movw %0, %%fs" : : "r" (sel[X86_SEG_FS]));
	asm volatile("movw %0, %%gs" : : "r" (sel[X86_SEG_GS]));
}

static void get_data_segments(u16 *sel)
{
	asm volatile("movw %%ds, %0" : "=r" (sel[X86_SEG_DS]));
	asm volatile("movw %%es, %0" : "=r" (sel[X86_SEG_ES]));
	asm volatile("movw %%fs, %0" : "=r" (sel[X86_SEG_FS]));
	asm volatile("movw %%gs, %0" : "=r" (sel[X86_SEG_GS]));
}

/* The C library's base of FS; a plain system call, which needs no errno. */
static void fs_base(unsigned long op, unsigned long arg)
{
	unsigned long ret;

	asm volatile("syscall" : "=a" (ret) : "0" (SYS_arch_prctl), "D" (op), "S" (arg)
		     : "rcx", "r11", "memory");
}

static unsigned long entry_fs_base;

static const u8 greg_of[16] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static void load_vectors(u8 *fp, const struct cpu_state *s)
{
	unsigned int i;

	for (i = 0; i < 16; i++) {
		memcpy(fp + XMM_OFFSET + 16 * i, s->vec[i], 16);
		if (host.avx)
			memcpy(fp + XSAVE_YMM + 16 * i, s->vec[i] + 16, 16);
	}
	memcpy(fp, s->fx, FX_USED);
	if (host.osxsave)
		*(u64 *)(fp + XSAVE_HEADER) |= host.avx ? 7 : 3;
}

/* What it is in if the CPU did not save it. */
static void reset_x87(u8 *fx)
{
	memset(fx, 0, MXCSR_OFFSET);
	memset(fx + ST_OFFSET, 0, FX_USED - ST_OFFSET);
	*(u16 *)fx = 0x37f;
}

static void save_vectors(const u8 *fp, struct cpu_state *s)
{
	u64 have = host.osxsave ? *(const u64 *)(fp + XSAVE_HEADER) : 3;
	unsigned int i;

	memset(s->vec, 0, sizeof(s->vec));
	memcpy(s->fx, fp, FX_USED);
	if (!(have & 1))
		reset_x87(s->fx);
	for (i = 0; i < 16; i++) {
		if (have & 2)
			memcpy(s->vec[i], fp + XMM_OFFSET + 16 * i, 16);
		if (have & 4)
			memcpy(s->vec[i] + 16, fp + XSAVE_YMM + 16 * i, 16);
	}
}

static u8 data_before[DATA_BYTES];

static void load_case(ucontext_t *uc, const struct tcase *t)
{
	greg_t *g = uc->uc_mcontext.gregs;
	unsigned int room = CODE_BASE + CODE_BYTES - t->code, i;

	memcpy(data_before, child_data, DATA_BYTES);
	memcpy(code_alias + (t->code - CODE_BASE), t->bytes, room < 16 ? room : 16);
	memcpy(child_data + (WIN0 - DATA_BASE), t->win_in, WIN0_BYTES);
	memcpy(child_data + (WIN1 - DATA_BASE), t->win_in + WIN0_BYTES, WIN1_BYTES);
	for (i = 0; i < 16; i++)
		g[greg_of[i]] = t->in.gpr[i];
	g[REG_RIP] = t->in.rip;
	g[REG_EFL] = t->in.rflags;
	g[REG_CSGSFS] = t->in.sel[X86_SEG_CS] | (u64)t->in.sel[X86_SEG_SS] << 48;
	uc->uc_flags |= UC_STRICT_RESTORE_SS;
	if (t->vec)
		load_vectors((u8 *)uc->uc_mcontext.fpregs, &t->in);
	set_data_segments(t->in.sel);
}

static void save_case(const ucontext_t *uc, struct tcase *t)
{
	const greg_t *g = uc->uc_mcontext.gregs;
	unsigned int i;

	for (i = 0; i < 16; i++)
		t->out.gpr[i] = g[greg_of[i]];
	t->out.rip = g[REG_RIP];
	t->out.rflags = g[REG_EFL];
	get_data_segments(t->out.sel);
	t->out.sel[X86_SEG_CS] = g[REG_CSGSFS];
	t->out.sel[X86_SEG_SS] = (u64)g[REG_CSGSFS] >> 48;
	if (host.fsgsbase) {
		asm volatile("rdfsbase %0" : "=r" (t->out.fs_base));
		asm volatile("rdgsbase %0" : "=r" (t->out.gs_base));
	}
	t->vector = g[REG_TRAPNO] == VEC_DB ? COMPLETED : g[REG_TRAPNO];
	t->error = t->vector == COMPLETED ? 0 : g[REG_ERR];
	t->cr2 = t->vector == VEC_PF ? g[REG_CR2] : 0;
	if (t->vec)
		save_vectors((const u8 *)uc->uc_mcontext.fpregs, &t->out);
	memcpy(t->win_out, child_data + (WIN0 - DATA_BASE), WIN0_BYTES);
	memcpy(t->win_out + WIN0_BYTES, child_data + (WIN1 - DATA_BASE), WIN1_BYTES);
	if (t->vector != COMPLETED || t->undo)
		memcpy(child_data, data_before, DATA_BYTES);
	memset(code_alias + (t->code - CODE_BASE) / 4096 * 4096, 0xcc, 4096);
	memset(code_alias + CODE_BYTES - 4096, 0xcc, 4096);
}

__attribute__((used)) void native_handler(int sig, siginfo_t *si, ucontext_t *uc);

void native_handler(int sig, siginfo_t *si, ucontext_t *uc)
{
	if (!running) {
		memcpy(harness, uc->uc_mcontext.gregs, sizeof(harness));
		running = true;
	} else {
		save_case(uc, &batch->c[current]);
		batch->done = ++current;
	}
	if (current < batch->n) {
		load_case(uc, &batch->c[current]);
		return;
	}
	running = false;
	memcpy(uc->uc_mcontext.gregs, harness, sizeof(harness));
	set_data_segments(entry_sel);
	fs_base(ARCH_SET_FS, entry_fs_base);
}

/* AC, NT and ID of a case are still in the flags when the handler is entered. */
asm(".text\n"
	"native_entry:\n"
	"	pushq $0x202\n"
	"	popfq\n"
	"	jmp native_handler\n");
void native_entry(int sig, siginfo_t *si, void *uc);

bool native_without_ldt(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_modify_ldt, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),	/* 0 */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_SIZE(filter), filter };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* Asks the CPU: on some machines modify_ldt() says yes and the table is not loaded. */
static bool ldt_loads(void)
{
	u32 access;
	bool ok;

	asm volatile("lar %2, %0" : "=r" (access), "=@ccz" (ok) : "r" (LDT_SEL(LDT_DATA16)));
	return ok;
}

static bool install_ldt(void)
{
	unsigned int i;

	for (i = 0; i < NR_LDT; i++) {
		const struct x86_segment *s = &ldt_segments[i];
		struct user_desc d = {
			.entry_number = i, .base_addr = s->base, .seg_32bit = s->db,
			.limit = s->g ? s->limit >> 12 : s->limit, .contents = s->type >> 2,
			.read_exec_only = !(s->type & 2), .limit_in_pages = s->g,
			.seg_not_present = i >= LDT_ABSENT,
		};

		if (s->type && syscall(SYS_modify_ldt, 0x11, &d, sizeof(d)))
			return false;
	}
	return ldt_loads();
}

static const char *prepare_child(const u8 *ro)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGUSR1 };
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK };
	/* Beside the frame, which is as large as this CPU's registers, the handler's own. */
	stack_t ss = { .ss_size = getauxval(AT_MINSIGSTKSZ) + (1 << 16) };
	unsigned int i;

	if (mmap((void *)RO_BASE, RO_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)RO_BASE)
		return "the read-only page could not be mapped";
	memcpy((void *)RO_BASE, ro, RO_BYTES);
	mprotect((void *)RO_BASE, RO_BYTES, PROT_READ);
	host.ldt = install_ldt();
	ss.ss_sp = mmap(NULL, ss.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	if (ss.ss_sp == MAP_FAILED || sigaltstack(&ss, NULL))
		return "no signal stack";
	sigfillset(&sa.sa_mask);
	sa.sa_sigaction = native_entry;
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
	get_data_segments(entry_sel);
	fs_base(ARCH_GET_FS, (unsigned long)&entry_fs_base);
	return NULL;
}

/* What the child tells when it is ready: why it is not, and what it found. */
struct hello {
	const char *why;
	bool ldt;
};

static void child_main(const u8 *ro)
{
	struct hello hello = { 0 };
	char b;

	hello.why = prepare_child(ro);
	hello.ldt = host.ldt;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(from_child[1], &hello, sizeof(hello)) != sizeof(hello) || hello.why)
		_exit(1);
	while (read(to_child[0], &b, 1) == 1) {
		current = 0;
		batch->done = 0;
		raise(SIGUSR1);
		if (write(from_child[1], &b, 1) != 1)
			break;
	}
	_exit(0);
}

static bool wait_child(void *buf, size_t len)
{
	struct pollfd p = { .fd = from_child[0], .events = POLLIN };

	return poll(&p, 1, TIMEOUT_MS) == 1 && read(from_child[0], buf, len) == (ssize_t)len;
}

/* Both processes see data and code; only the child runs there. */
static bool map_shared(void)
{
	int fd = memfd_create("code", 0);
	void *p;

	if (child_data)
		return true;
	p = mmap((void *)DATA_BASE, DATA_BYTES, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (p != (void *)DATA_BASE || fd < 0 || ftruncate(fd, CODE_BYTES))
		return false;
	child_data = p;
	p = mmap((void *)CODE_BASE, CODE_BYTES, PROT_READ | PROT_EXEC,
		 MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	code_alias = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p == (void *)CODE_BASE && code_alias != MAP_FAILED;
}

const char *native_start(struct batch *b, const u8 *data, const u8 *ro)
{
	struct hello hello;

	batch = b;
	if (!map_shared())
		return "the address space of the cases could not be mapped";
	memcpy(child_data, data, DATA_BYTES);
	memset(code_alias, 0xcc, CODE_BYTES);
	if (pipe(to_child) || pipe(from_child))
		return "no pipe";
	child = fork();
	if (child < 0)
		return "no child process";
	if (!child) {
		close(to_child[1]);
		close(from_child[0]);
		child_main(ro);
	}
	close(to_child[0]);
	close(from_child[1]);
	if (!wait_child(&hello, sizeof(hello)))
		return "the child process died at start";
	host.ldt = hello.ldt;
	return hello.why;
}

bool native_run(struct batch *b)
{
	char byte = 0;

	if (write(to_child[1], &byte, 1) != 1)
		return false;
	return wait_child(&byte, 1) && b->done == b->n;
}

void native_stop(void)
{
	close(to_child[1]);
	close(from_child[0]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

const u8 *native_data(void)
{
	return child_data;
}
