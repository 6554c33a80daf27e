# SPDX-License-Identifier: GPL-2.0-only
"""Which shared libraries a program needs, and where they are."""

import os
import re
import subprocess

from lib.config import LabError

_DIRS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64", "usr/lib64",
         "lib", "usr/lib")
_NEEDED = re.compile(r"\(NEEDED\).*\[(.+)\]")
_INTERP = re.compile(r"program interpreter: (.+)\]")


def is_elf(path):
    """Is this a regular file in the ELF format?"""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def _readelf(path):
    return subprocess.run(["readelf", "-ldW", path], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False,
                          encoding="utf-8", errors="replace").stdout


def _find(name, roots):
    for root in roots:
        for d in _DIRS:
            path = os.path.join(root, d, name)
            if os.path.isfile(path):
                return path
    return None


def libraries(programs, roots):
    """Map place in the image to source file for all that programs need.

    roots are searched in this order, each as if it were "/".
    """
    found = {}
    todo = list(programs)
    while todo:
        path = todo.pop()
        text = _readelf(path)
        names = _NEEDED.findall(text)
        names += [os.path.basename(p) for p in _INTERP.findall(text)]
        for name in names:
            place = ("lib64/" if name.startswith("ld-linux") else
                     "lib/x86_64-linux-gnu/") + name
            if place in found:
                continue
            source = _find(name, roots)
            if not source:
                raise LabError(f"{path} needs {name}, which is nowhere in {' '.join(roots)}")
            found[place] = source
            todo.append(source)
    return found
