# SPDX-License-Identifier: GPL-2.0-only
"""A disk image that GRUB boots, made without root.

The layout is the one that grub-install makes on a BIOS machine with an MBR:
boot.img in the first sector, core.img behind it, and one ext2 partition with
the kernel, the initramfs and grub.cfg.
"""

import os
import shutil
import struct
import subprocess

from lib.config import BUILD_LAB, LabError

_GRUB = os.path.join(BUILD_LAB, "grub")
_IMAGES = os.path.join(_GRUB, "usr/lib/grub/i386-pc")
_MODULES = ("biosdisk", "part_msdos", "ext2", "normal", "linux", "serial", "echo")

_SECTOR = 512
_FIRST = 2048			# first sector of the partition
_BOOT_CODE = 440		# boot.img up to the disk signature
_TYPE_LINUX = 0x83
_ACTIVE = 0x80

_CONFIG = """\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=0
menuentry "Debian" {{
	echo "grub: booting from the disk"
	linux /boot/vmlinuz {append}
	initrd /boot/initrd
}}
"""


def _tool(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, encoding="utf-8", errors="replace")
    if done.returncode:
        raise LabError(f"{os.path.basename(argv[0])} failed: {done.stdout.strip()}")


def _core(path):
    mkimage = os.path.join(_GRUB, "usr/bin/grub-mkimage")
    if not os.path.exists(mkimage):
        raise LabError("GRUB is not there: run lab/setup")
    _tool([mkimage, "-d", _IMAGES, "-O", "i386-pc", "-o", path,
           "-p", "(hd0,msdos1)/boot/grub", *_MODULES])


def _partition(path, kernel, initrd, append):
    files = path + ".files"
    boot = os.path.join(files, "boot")
    os.makedirs(os.path.join(boot, "grub"))
    shutil.copy(kernel, os.path.join(boot, "vmlinuz"))
    shutil.copy(initrd, os.path.join(boot, "initrd"))
    with open(os.path.join(boot, "grub/grub.cfg"), "w", encoding="ascii") as f:
        f.write(_CONFIG.format(append=append))
    used = os.path.getsize(kernel) + os.path.getsize(initrd)
    _tool(["/sbin/mke2fs", "-q", "-t", "ext2", "-b", "4096", "-m", "0", "-d", files, path,
           f"{used // 2**20 + 4}M"])


def _mbr(sectors):
    with open(os.path.join(_IMAGES, "boot.img"), "rb") as f:
        code = f.read(_BOOT_CODE)
    # CHS addresses are the customary "beyond what they can say".
    chs = b"\xfe\xff\xff"
    entry = (bytes([_ACTIVE]) + chs + bytes([_TYPE_LINUX]) + chs +
             struct.pack("<II", _FIRST, sectors))
    return code + b"\0" * 6 + entry + b"\0" * 48 + b"\x55\xaa"


def make_disk(path, kernel, initrd, append):
    """Write a disk image with GRUB, this kernel and this initramfs."""
    core, part = path + ".core", path + ".part"
    _core(core)
    _partition(part, kernel, initrd, append)
    if os.path.getsize(core) > (_FIRST - 1) * _SECTOR:
        raise LabError("GRUB's core image does not fit before the partition")
    with open(path, "wb") as disk, open(core, "rb") as c, open(part, "rb") as p:
        disk.write(_mbr(os.path.getsize(part) // _SECTOR))
        shutil.copyfileobj(c, disk)
        disk.seek(_FIRST * _SECTOR)
        shutil.copyfileobj(p, disk)
