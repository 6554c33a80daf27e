# SPDX-License-Identifier: GPL-2.0-only
"""A disk image that GRUB boots, made without root."""


def make_disk(path, kernel, initrd, append):
    """Write a disk image with GRUB, this kernel and this initramfs."""
