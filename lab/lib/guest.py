# SPDX-License-Identifier: GPL-2.0-only
"""What QEMU boots inside the emulated machine: kernel, initramfs, disk."""

import contextlib
import os

from lib import grub
from lib.config import LAB, LabError
from lib.cpio import Archive

KERNEL_PLACE = "root/vmlinuz"
INITRD_PLACE = "root/initrd"
DISK_PLACE = "root/disk.img"

MACHINES = ("pc", "q35")
BOOTS = ("kernel", "disk")
DISKS = ("virtio", "ide")
IRQCHIPS = ("on", "split", "off")

APPEND = ("console=ttyS0 quiet cryptomgr.notests mitigations=off panic=-1 "
          "random.trust_cpu=on")


@contextlib.contextmanager
def user_space(path, init, busybox="/bin/busybox"):
    """A guest's initramfs at path: busybox and lab/guest's init, and what is added to it."""
    with open(path, "wb") as out:
        archive = Archive(out)
        for d in ("proc", "sys", "dev"):
            archive.directory(d)
        archive.node("dev/console", 0o600, 5, 1)
        archive.file("bin/busybox", busybox)
        archive.file("init", os.path.join(LAB, "guest", init))
        yield archive
        archive.close()


def initramfs(path, mark):
    """Write the demo's initramfs, with the mark to print."""
    with user_space(path, "demo-init") as archive:
        archive.data("mark", mark.encode() + b"\n")


class Guest:
    """The DEMO_* variables, checked, and what they amount to."""

    def __init__(self, env):
        self.machine = env.get("DEMO_MACHINE") or "pc"
        self.boot = env.get("DEMO_BOOT") or "kernel"
        self.disk = env.get("DEMO_DISK") or "virtio"
        self.smp = env.get("DEMO_SMP") or "2"
        self.irqchip = env.get("DEMO_IRQCHIP") or "on"
        self.mem = env.get("DEMO_MEM") or "256"
        self.append = env.get("DEMO_APPEND") or ""
        self.qemu_args = (env.get("DEMO_QEMU_ARGS") or "").split()
        for name, value, choices in (("DEMO_MACHINE", self.machine, MACHINES),
                                     ("DEMO_BOOT", self.boot, BOOTS),
                                     ("DEMO_DISK", self.disk, DISKS),
                                     ("DEMO_IRQCHIP", self.irqchip, IRQCHIPS)):
            if value not in choices:
                raise LabError(f"{name}={value}: one of {', '.join(choices)}")
        for name, value in (("DEMO_SMP", self.smp), ("DEMO_MEM", self.mem)):
            if not value.isdigit() or value == "0":
                raise LabError(f"{name}={value}: a number above zero is needed")

    @property
    def kernel_append(self):
        """The guest kernel's command line."""
        return f"{APPEND} {self.append}".strip()

    def files(self, directory, kernel, mark):
        """Make what QEMU boots; returns [(source, place)]."""
        initrd = os.path.join(directory, "guest.cpio")
        initramfs(initrd, mark)
        if self.boot == "kernel":
            return [(kernel.image, KERNEL_PLACE), (initrd, INITRD_PLACE)]
        disk = os.path.join(directory, "disk.img")
        grub.make_disk(disk, kernel.image, initrd, self.kernel_append)
        return [(disk, DISK_PLACE)]

    def command(self):
        """QEMU's command line."""
        argv = ["qemu-system-x86_64", "--enable-kvm", "-cpu", "host",
                "-machine", f"{self.machine},kernel_irqchip={self.irqchip}",
                "-smp", self.smp, "-m", self.mem, "-nographic", "-no-reboot",
                "-nic", "none", "-vga", "none"]
        if self.boot == "kernel":
            argv += ["-kernel", "/" + KERNEL_PLACE, "-initrd", "/" + INITRD_PLACE,
                     "-append", self.kernel_append]
        else:
            argv += ["-drive", f"file=/{DISK_PLACE},format=raw,if={self.disk}"]
        return argv + self.qemu_args
