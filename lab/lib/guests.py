# SPDX-License-Identifier: GPL-2.0-only
"""Debian's own guests: which files they are, and where they are put."""

import glob
import os

from lib.config import BUILD_LAB, LabError
from lib.guest import user_space

PLACE = "root/guests"
# Of the machine, in MiB: the largest of them and their files fit.
MEM = 1800
_AMD64 = os.path.join(BUILD_LAB, "guests")
_I386 = os.path.join(BUILD_LAB, "guests_i386")

# By name: files in PLACE and where they come from, and the busybox of a user space.
_FILES = {
    "memtest": ({"memtest": (_AMD64, "boot/memtest86+x64.bin")}, None),
    "memtest32": ({"memtest": (_AMD64, "boot/memtest86+ia32.bin")}, None),
    "ipxe": ({"ipxe": (_AMD64, "boot/ipxe.lkrn"),
              "memtest": (_AMD64, "boot/memtest86+ia32.bin")}, None),
    "pxe": ({"memtest": (_AMD64, "boot/memtest86+ia32.bin")}, None),
    "grub": ({"grub.iso": (_AMD64, "usr/lib/grub-rescue/grub-rescue-cdrom.iso")}, None),
    "ovmf": ({"ovmf.fd": (_AMD64, "usr/share/ovmf/OVMF.fd")}, None),
    "686": ({"686": (_I386, "boot/vmlinuz-*[0-9]-686")}, (_I386, "bin/busybox")),
    "686pae": ({"686pae": (_I386, "boot/vmlinuz-*-686-pae")}, (_I386, "bin/busybox")),
    "xen": ({"xen": (_AMD64, "boot/xen-*-amd64"), "dom0": (_AMD64, "boot/vmlinuz-*-amd64")},
            ("/", "bin/busybox")),
}

ALL = ("guest,memtest,pc", "guest,memtest32,q35", "guest,ipxe,pc", "guest,pxe,pc",
       "guest,pxe,q35", "guest,grub,pc", "guest,grub,q35", "guest,ovmf,pc", "guest,ovmf,q35",
       "guest,686,pc", "guest,686pae,q35", "guest,686,microvm", "guest,xen,pc", "guest,xen,q35")
# Those that take seconds.
QUICK = ("guest,memtest,pc", "guest,pxe,pc", "guest,grub,q35", "guest,686,pc")


def expand(cases):
    """The words `guests` and `guests-quick` stand for cases."""
    names = {"guests": ALL, "guests-quick": QUICK}
    return [c for case in cases for c in names.get(case, (case,))]


def _find(top, pattern):
    found = sorted(glob.glob(os.path.join(top, pattern)))
    if not found:
        raise LabError(f"{top}/{pattern} is not there: run lab/setup guests")
    return found[-1]


def files(directory, cases):
    """[(source, place)] of what these cases boot; initramfs archives are made here."""
    out = {}
    for case in cases:
        words = case.split(",")
        if words[0] != "guest":
            continue
        if len(words) != 3 or words[1] not in _FILES:
            raise LabError(f"{case}: guest,NAME,MACHINE with one of {' '.join(_FILES)}")
        sources, busybox = _FILES[words[1]]
        for name, where in sources.items():
            out[f"{PLACE}/{name}"] = _find(*where)
        if busybox:
            initrd = os.path.join(directory, words[1] + ".cpio")
            with user_space(initrd, "guests-init", _find(*busybox)):
                pass
            out[f"{PLACE}/{words[1]}.cpio"] = initrd
    return [(source, place) for place, source in out.items()]
