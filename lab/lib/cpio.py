# SPDX-License-Identifier: GPL-2.0-only
"""Initramfs archives: the "newc" cpio format, written without root."""

import os
import stat


class Archive:
    """A cpio archive being written to a file object.

    Parents are made as needed, everything belongs to root, and times are
    zero, so that the same contents give the same archive.
    """

    def __init__(self, out):
        self.out = out
        self.ino = 0
        self.seen = {""}

    def _header(self, name, mode, size, rdev=(0, 0)):
        self.ino += 1
        raw = name.encode() + b"\0"
        fields = (self.ino, mode, 0, 0, 2 if stat.S_ISDIR(mode) else 1, 0,
                  size, 0, 0, rdev[0], rdev[1], len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        self.out.write(head + b"\0" * (-len(head) % 4))

    def _parents(self, name):
        parent = os.path.dirname(name)
        if parent not in self.seen:
            self.directory(parent)

    def directory(self, name, mode=0o755):
        """Add a directory and its parents."""
        name = name.strip("/")
        if name in self.seen:
            return
        self._parents(name)
        self.seen.add(name)
        self._header(name, stat.S_IFDIR | mode, 0)

    def data(self, name, content, mode=0o644):
        """Add a regular file with the given bytes."""
        name = name.strip("/")
        self._parents(name)
        self._header(name, stat.S_IFREG | mode, len(content))
        self.out.write(content + b"\0" * (-len(content) % 4))

    def symlink(self, name, target):
        """Add a symbolic link."""
        name = name.strip("/")
        self._parents(name)
        raw = target.encode()
        self._header(name, stat.S_IFLNK | 0o777, len(raw))
        self.out.write(raw + b"\0" * (-len(raw) % 4))

    def node(self, name, mode, major, minor):
        """Add a character device."""
        name = name.strip("/")
        self._parents(name)
        self._header(name, stat.S_IFCHR | mode, 0, (major, minor))

    def file(self, name, source):
        """Add a copy of a file, following links."""
        mode = os.stat(source).st_mode & 0o777
        with open(source, "rb") as f:
            self.data(name, f.read(), mode)

    def tree(self, name, source):
        """Add a file, a link or a directory with all that is in it."""
        if os.path.islink(source):
            self.symlink(name, os.readlink(source))
        elif os.path.isdir(source):
            self.directory(name)
            for entry in sorted(os.listdir(source)):
                self.tree(f"{name}/{entry}", os.path.join(source, entry))
        else:
            self.file(name, source)

    def close(self):
        """Write the end mark and pad, so that archives can be joined."""
        self._header("TRAILER!!!", 0, 0)
        self.out.write(b"\0" * (-self.out.tell() % 512))
