# SPDX-License-Identifier: GPL-2.0-only
"""Who defines and who uses the symbols of kvm.ko, from the objects it was linked of."""

import os
import subprocess

SOURCES = (".c", ".S")


class SymbolsError(Exception):
    """What cannot be read, and why."""


class Symbols:
    """Of one or several builds, build/<release> each, together.

    defined: {symbol: the files that define it}
    uses: {(file, symbol, the file that defines it)}, of symbols of another file
    files: all sources

    Files are named as in the tree: run/exit.c. What the kernel defines is left out.
    """

    def __init__(self, builds):
        self.defined, self.uses, self.files = {}, set(), set()
        for build in builds:
            self._read(os.path.realpath(build))

    def _read(self, build):
        objects = self._objects(build)
        ran = subprocess.run(["nm", "--print-file-name", *objects], capture_output=True,
                             text=True, check=False)
        if ran.returncode:
            raise SymbolsError(ran.stderr.strip())
        defined, needed = {}, set()
        for line in ran.stdout.splitlines():
            path, symbol = line.rsplit(":", 1)
            *_, kind, name = symbol.split()
            if kind in "Uwv":
                needed.add((objects[path], name))
            elif kind.isupper():
                defined[name] = objects[path]
        for name, file in defined.items():
            self.defined.setdefault(name, set()).add(file)
        self.uses |= {(user, name, defined[name]) for user, name in needed if name in defined}
        self.files |= set(objects.values())

    @staticmethod
    def _objects(build):
        """{object: its source}: kvm.mod, which Kbuild writes, lists them."""
        try:
            with open(os.path.join(build, "kvm.mod"), encoding="utf-8") as f:
                listed = [os.path.join(build, word) for word in f.read().split()]
        except OSError as e:
            raise SymbolsError(f"{build}: not built: {e.strerror}: kvm.mod") from e
        objects = {}
        for path in listed:
            stem = os.path.splitext(os.path.relpath(path, build))[0]
            source = [s for s in (stem + end for end in SOURCES)
                      if os.path.exists(os.path.join(build, s))]
            if not source:
                raise SymbolsError(f"{path}: no source beside it")
            objects[path] = source[0]
        return objects
