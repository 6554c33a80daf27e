// SPDX-License-Identifier: GPL-2.0-only
/* Holds a VM until its standard input ends; says "held" when it has one. */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR);
	char c;

	if (kvm < 0)
		err(1, "/dev/kvm");
	if (ioctl(kvm, KVM_CREATE_VM, 0) < 0)
		err(1, "KVM_CREATE_VM");
	close(kvm);
	puts("held");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
