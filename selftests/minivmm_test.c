// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs minivmm, the stand-alone VMM, as a user would: its built-in guest, a guest from a
 * file, its console in both directions, its exit status.
 */
#include <sys/wait.h>

#include "machine.h"

static char minivmm[4096];

struct outcome {
	int status;
	char out[512];
};

/* Runs it with @args, feeding @input, collecting what it prints. */
static struct outcome vmm(const char *args, const char *input)
{
	struct outcome o = { 0 };
	char command[8192];
	size_t n = 0, r;
	FILE *p;

	snprintf(command, sizeof(command), "printf '%s' | %s %s 2>&1", input, minivmm, args);
	p = popen(command, "r");
	CHECK(p, "popen");
	while (n < sizeof(o.out) - 1 && (r = fread(o.out + n, 1, sizeof(o.out) - 1 - n, p)))
		n += r;
	o.status = WEXITSTATUS(pclose(p));
	return o;
}

static void write_image(const char *path, const uint8_t *code, const uint8_t *end)
{
	FILE *f = fopen(path, "wb");

	CHECK(f, "%s: %s", path, strerror(errno));
	CHECK_EQ(fwrite(code, 1, end - code, f), end - code);
	CHECK_EQ(fclose(f), 0);
}

static void greeting(const void *arg)
{
	struct outcome o = vmm("-t", "");

	CHECK_EQ(o.status, 0);
	CHECK(!strcmp(o.out, "hello from a guest\n"), "\"%s\"", o.out);
}

/* Echoes its input in upper case, then leaves with the number of letters. */
GUEST_CODE(upper, 16,
	   "xor %bx, %bx\n"
	   "1: mov $0x3f8, %dx\n in %dx, %al\n"
	   "cmp $0xff, %al\n je 3f\n"
	   "cmp $'a', %al\n jb 2f\n cmp $'z', %al\n ja 2f\n"
	   "sub $0x20, %al\n inc %bx\n"
	   "2: out %al, %dx\n jmp 1b\n"
	   "3: mov %bl, %al\n out %al, $0xf4\n hlt\n");

static void image_from_file(const void *arg)
{
	char path[] = "/tmp/minivmm-image-XXXXXX";
	struct outcome o;
	int fd = CHECK_OK(mkstemp(path));

	close(fd);
	write_image(path, upper, upper_end);
	o = vmm(path, "kvm on vt-x!");
	unlink(path);
	CHECK_EQ(o.status, 8);
	CHECK(!strcmp(o.out, "KVM ON VT-X!"), "\"%s\"", o.out);
}

static void missing_image(const void *arg)
{
	struct outcome o = vmm("/nonexistent", "");

	CHECK_EQ(o.status, 125);
	CHECK(strstr(o.out, "/nonexistent"), "\"%s\"", o.out);
}

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", minivmm, sizeof(minivmm) - 16);
	char *slash;

	if (n < 0)
		return 1;
	minivmm[n] = 0;
	slash = strrchr(minivmm, '/');
	strcpy(slash + 1, "minivmm");
	TEST(greeting);
	TEST(image_from_file);
	TEST(missing_image);
	return run_tests(argc, argv);
}
