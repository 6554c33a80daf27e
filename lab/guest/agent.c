// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lab's way out of the emulated machine. Bochs writes what arrives at port
 * 0xe9 to its standard output, one emulated instruction per byte, so all
 * output travels there as frames that lab/lib/frames.py takes apart:
 *
 *	0x01 'K' CHANNEL LENGTH-LOW LENGTH-HIGH PAYLOAD
 *
 *	agent send CHANNEL		standard input to a channel
 *	agent run OUT ERR COMMAND...	run a command, its output to two channels
 *	agent log CHANNEL		the kernel log, until a line ends in LOG_END
 *	agent port PORT VALUE		a byte to a port
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/io.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT		0xe9
#define PAYLOAD_MAX	4096
#define LOG_END		"lab: end of log\n"
#define EXIT_AGENT	125

static int lock_fd;

static void die(const char *what)
{
	fprintf(stderr, "agent: %s: %s\n", what, strerror(errno));
	exit(EXIT_AGENT);
}

static void port_write(const void *data, size_t len)
{
	asm volatile("rep outsb" : "+S"(data), "+c"(len) : "d"(PORT) : "memory");
}

/* Several agents may run at once: a frame goes out whole. */
static void send_frame(int channel, const void *data, size_t len)
{
	unsigned char frame[5 + PAYLOAD_MAX] = { 1, 'K', channel, len, len >> 8 };

	memcpy(frame + 5, data, len);
	flock(lock_fd, LOCK_EX);
	port_write(frame, len + 5);
	flock(lock_fd, LOCK_UN);
}

/* Returns 0 at the end of the input. */
static int forward(int fd, int channel)
{
	char buf[PAYLOAD_MAX];
	ssize_t len = read(fd, buf, sizeof(buf));

	if (len > 0)
		send_frame(channel, buf, len);
	return len > 0 || (len < 0 && (errno == EINTR || errno == EAGAIN));
}

static pid_t start(char **argv, int out, int err)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	setsid();
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/*
 * Both pipes are read until they end, or until the command is gone and they
 * are empty: a daemon that it left behind may hold them open. The third entry
 * of fds is the command itself.
 */
static void pump(struct pollfd *fds, const int *channel)
{
	int open_pipes = 2;

	while (open_pipes) {
		int n = poll(fds, 3, fds[2].fd < 0 ? 0 : -1);

		if (n == 0)
			break;
		for (int i = 0; n > 0 && i < 2; i++) {
			if (!fds[i].revents || forward(fds[i].fd, channel[i]))
				continue;
			fds[i].fd = -1;
			open_pipes--;
		}
		if (n > 0 && fds[2].revents)
			fds[2].fd = -1;
	}
}

static int run(int out_channel, int err_channel, char **argv)
{
	const int channel[2] = { out_channel, err_channel };
	int out[2], err[2], status;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		die("pipe");
	pid = start(argv, out[1], err[1]);
	close(out[1]);
	close(err[1]);

	struct pollfd fds[3] = {
		{ .fd = out[0], .events = POLLIN },
		{ .fd = err[0], .events = POLLIN },
		{ .fd = pidfd_open(pid, 0), .events = POLLIN },
	};

	if (fds[2].fd < 0)
		die("pidfd_open");
	pump(fds, channel);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A record of /dev/kmsg is "PRIORITY,SEQUENCE,USEC,FLAGS;TEXT\n ..." */
static void send_log_record(int channel, char *record)
{
	unsigned int prio;
	unsigned long long seq, usec;
	char line[PAYLOAD_MAX];
	char *text = strchr(record, ';');
	char *end;

	if (!text || sscanf(record, "%u,%llu,%llu", &prio, &seq, &usec) != 3)
		return;
	text++;
	end = strchr(text, '\n');
	if (end)
		*end = '\0';
	snprintf(line, sizeof(line), "<%u>[%5llu.%06llu] %.3900s\n", prio & 7,
		 usec / 1000000, usec % 1000000, text);
	send_frame(channel, line, strlen(line));
}

static int send_log(int channel)
{
	int fd = open("/dev/kmsg", O_RDONLY);
	char record[PAYLOAD_MAX * 2];
	ssize_t len;

	if (fd < 0)
		die("/dev/kmsg");
	for (;;) {
		len = read(fd, record, sizeof(record) - 1);
		if (len < 0 && (errno == EPIPE || errno == EINTR))
			continue;	/* records were overwritten: go on */
		if (len < 0)
			die("/dev/kmsg");
		record[len] = '\0';
		if (strstr(record, LOG_END))
			return 0;
		send_log_record(channel, record);
	}
}

static int write_port(unsigned int port, unsigned char value)
{
	if (ioperm(port, 1, 1))
		die("ioperm");
	outb(value, port);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "port"))
		return write_port(strtoul(argv[2], NULL, 0), strtoul(argv[3], NULL, 0));
	lock_fd = open("/run/agent.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock_fd < 0)
		die("/run/agent.lock");
	if (ioperm(PORT, 1, 1))
		die("ioperm");
	if (argc == 3 && !strcmp(argv[1], "send")) {
		while (forward(STDIN_FILENO, atoi(argv[2])))
			;
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "log"))
		return send_log(atoi(argv[2]));
	if (argc > 4 && !strcmp(argv[1], "run"))
		return run(atoi(argv[2]), atoi(argv[3]), argv + 4);
	fprintf(stderr, "usage: agent send CHANNEL | log CHANNEL | run OUT ERR COMMAND... |\n"
		"	port PORT VALUE\n");
	return EXIT_AGENT;
}
