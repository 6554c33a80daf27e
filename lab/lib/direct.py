# SPDX-License-Identifier: GPL-2.0-only
"""A boot image whose kernel is unpacked already.

Debian's bzImage is taken apart: its real-mode part stays as it is but for the
size field, the compressed vmlinux is unpacked here, and lab/guest/direct.S
takes the place of the decompressor.
"""

import gzip
import lzma
import os
import struct
import subprocess

from lib.config import LAB, LabError

_LOAD = 0x100000
_PT_LOAD = 1

# Fields of the setup header (Documentation/arch/x86/boot.rst).
_SETUP_SECTS = 0x1f1
_SYSSIZE = 0x1f4
_CODE32_START = 0x214
_RELOCATABLE = 0x234
_PAYLOAD_OFFSET = 0x248
_PAYLOAD_LENGTH = 0x24c


def _pipe(argv, data):
    try:
        done = subprocess.run(argv, input=data, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed: run lab/setup") from None
    if done.returncode:
        raise LabError(f"{argv[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _unpack(payload):
    if payload[:2] == b"\x1f\x8b":
        return gzip.decompress(payload)
    body = payload[:-4]			# the size of the result follows
    if payload[:4] == b"\x28\xb5\x2f\xfd":
        return _pipe(["zstd", "-dc"], body)
    if payload[:4] == b"\x02\x21\x4c\x18":
        return _pipe(["lz4", "-dc"], body)
    if payload[:6] == b"\xfd7zXZ\0":
        return lzma.decompress(body)
    raise LabError("the kernel is compressed in a way that lab/lib/direct.py does not know")


def _flat(elf):
    """(physical address, entry, bytes) of what an ELF vmlinux loads."""
    entry, phoff = struct.unpack_from("<QQ", elf, 24)
    phentsize, phnum = struct.unpack_from("<HH", elf, 54)
    parts = []
    for i in range(phnum):
        kind, _, offset, _, paddr, size = struct.unpack_from("<IIQQQQ", elf,
                                                             phoff + i * phentsize)
        if kind == _PT_LOAD:
            parts.append((paddr, offset, size))
    low = min(p[0] for p in parts)
    image = bytearray(max(p[0] + p[2] for p in parts) - low)
    for paddr, offset, size in parts:
        image[paddr - low:paddr - low + size] = elf[offset:offset + size]
    image += b"\0" * (-len(image) % 16)
    return low, entry, image


def _stub(work, target, entry, size):
    out = os.path.join(work, "direct")
    values = {"LOAD": _LOAD, "TARGET": target, "ENTRY": entry, "IMAGE_SIZE": size}
    defines = [f"-D{k}={v}" for k, v in values.items()]
    source = os.path.join(LAB, "guest/direct.S")
    for argv in (["gcc", *defines, "-c", "-o", out + ".o", source],
                 ["ld", f"-Ttext={_LOAD:#x}", "-e", "start", "-o", out + ".elf", out + ".o"],
                 ["objcopy", "-O", "binary", "-j", ".text", out + ".elf", out + ".bin"]):
        _pipe(argv, b"")
    with open(out + ".bin", "rb") as f:
        return f.read()


def make(source, target, work):
    """Write the boot image of a bzImage."""
    with open(source, "rb") as f:
        bz = bytearray(f.read())
    protected = ((bz[_SETUP_SECTS] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", bz, _PAYLOAD_OFFSET)
    start = protected + offset
    address, entry, image = _flat(_unpack(bytes(bz[start:start + length])))
    if not _LOAD < address <= entry < address + len(image):
        raise LabError(f"{source}: the kernel is linked to an unexpected address")
    code = _stub(work, address, entry, len(image)) + image
    struct.pack_into("<I", bz, _SYSSIZE, len(code) // 16)
    struct.pack_into("<I", bz, _CODE32_START, _LOAD)
    bz[_RELOCATABLE] = 0
    with open(target + ".new", "wb") as f:
        f.write(bz[:protected])
        f.write(code)
    os.rename(target + ".new", target)
