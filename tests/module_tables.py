# SPDX-License-Identifier: GPL-2.0-only
"""The tables of a built kvm.ko: what KVM_CHECK_EXTENSION answers, which ioctls and which MSRs
there are.

An ELF file of type REL: every pointer of a table is a relocation. The layouts are those of
struct kvm_cap and struct kvm_ioctl in include/ioctl.h, of struct kvm_msr_row in include/msr.h.
"""

import collections
import struct

KINDS = ("dev", "vm", "vcpu", "device")
KVMIO = 0xAE
SHT_SYMTAB, SHT_RELA = 2, 4
MSR_ROW = 56
MSR_SAVED, MSR_HOST_ONLY, MSR_HIDDEN, MSR_UNFILTERED = 1, 2, 4, 8
MSR_WRITE_STORED, MSR_WRITE_HOST = 4, 5

# kept: a write can change what is read. needs: is there a CPUID bit that a guest must have?
Msr = collections.namedtuple("Msr", "first last table kept flags feature needs")


class Elf:
    """The sections, symbols and relocations of one file."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path}: not a 64-bit little-endian ELF file")
        (shoff,) = struct.unpack_from("<Q", self.data, 0x28)
        size, number, names = struct.unpack_from("<HHH", self.data, 0x3A)
        # Of each: name, type, offset, size, link, info
        fields = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + n * size)
                  for n in range(number)]
        self.sections = [(f[0], f[1], f[4], f[5], f[6], f[7]) for f in fields]
        self.names = self.sections[names][2]
        self.symbols = []
        self.relocations = {}
        for _, kind, offset, length, link, info in self.sections:
            if kind == SHT_SYMTAB:
                strings = self.sections[link][2]
                for at in range(offset, offset + length, 24):
                    name, _, _, section, value, size = struct.unpack_from("<IBBHQQ",
                                                                          self.data, at)
                    self.symbols.append((self.string(strings + name), section, value, size))
            elif kind == SHT_RELA:
                for at in range(offset, offset + length, 24):
                    where, about, addend = struct.unpack_from("<QQq", self.data, at)
                    self.relocations[info, where] = (about >> 32, addend)

    def string(self, offset):
        """The string at an offset of the file."""
        return self.data[offset:self.data.index(b"\0", offset)].decode()

    def section(self, name):
        """The bytes of a section."""
        for at, _, offset, length, _, _ in self.sections:
            if self.string(self.names + at) == name:
                return self.data[offset:offset + length]
        return b""

    def symbol(self, name):
        """Where an object is, section and offset, and how long."""
        found = [s[1:] for s in self.symbols if s[0] == name]
        if len(found) != 1:
            raise ValueError(f"{len(found)} objects are called {name}")
        return found[0]

    def pointer(self, section, offset):
        """Where the pointer at this place points to; None: nowhere."""
        if (section, offset) not in self.relocations:
            return None
        symbol, addend = self.relocations[section, offset]
        _, target, value, _ = self.symbols[symbol]
        return target, value + addend

    def read(self, layout, section, offset):
        """The numbers at this place."""
        return struct.unpack_from(layout, self.data, self.sections[section][2] + offset)


class Module:
    """caps: the value by number, None where a function answers. ioctls: for each kind of
    file descriptor the number of the capability that announces it, 0 for none, by name. msrs:
    the rows, in their order. unlinked: tables that nothing refers to."""

    def __init__(self, path):
        elf = Elf(path)
        self.caps = {}
        self.unlinked = []
        linked = set()
        section, start, length = elf.symbol("cap_tables")
        for at in range(start, start + length, 8):
            table = elf.pointer(section, at)
            linked.add(table)
            self._capabilities(elf, table)
        section, start, length = elf.symbol("kvm_msr_tables")
        names = {(s[1], s[2]): s[0] for s in elf.symbols if s[0].startswith("kvm_msrs_")}
        self.msrs = []
        for at in range(start, start + length, 8):
            table = elf.pointer(section, at)
            linked.add(table)
            self.msrs += self._msrs(elf, table, names[table].removeprefix("kvm_msrs_"))
        for name, section, value, _ in elf.symbols:
            if name.startswith(("kvm_caps_", "kvm_msrs_")) and (section, value) not in linked:
                self.unlinked.append(name)
        self.ioctls = {kind: self._ioctls(elf, *elf.symbol(f"{kind}_ioctls"))
                       for kind in KINDS}
        self.parameters = parameters(elf)

    def _capabilities(self, elf, table):
        section, offset = table
        entry = elf.pointer(section, offset)
        (count,) = elf.read("<I", section, offset + 8)
        for n in range(count):
            cap, value = elf.read("<Ii", entry[0], entry[1] + 16 * n)
            if cap in self.caps:
                raise ValueError(f"capability {cap} is in two tables")
            called = elf.pointer(entry[0], entry[1] + 16 * n + 8)
            self.caps[cap] = None if called else value

    @staticmethod
    def _msrs(elf, table, name):
        section, offset = table
        rows, start = elf.pointer(section, offset)
        (count,) = elf.read("<I", section, offset + 8)
        for at in range(start, start + count * MSR_ROW, MSR_ROW):
            first, last, *needs, ways, flags, feature = elf.read("<II42x6B", rows, at)
            kept = elf.pointer(rows, at + 16) or ways >> 4 in (MSR_WRITE_STORED, MSR_WRITE_HOST)
            yield Msr(first, last or first, name, bool(kept), flags, feature, any(needs))

    @staticmethod
    def _ioctls(elf, section, start, length):
        found = {}
        for at in range(start, start + length, 32):
            cmd, _, cap = elf.read("<II8xI", section, at)
            text, offset = elf.pointer(section, at + 24)
            if cmd >> 8 & 0xFF != KVMIO:
                raise ValueError(f"{cmd:#x} is not an ioctl of KVM's")
            found[elf.string(elf.sections[text][2] + offset)] = cap
        return found


def parameters(elf):
    """The names of a module's parameters."""
    entries = elf.section(".modinfo").split(b"\0")
    return {e[5:].split(b":")[0].decode() for e in entries if e.startswith(b"parm=")}


def parameters_of(path):
    """The same, of another module."""
    return parameters(Elf(path))
