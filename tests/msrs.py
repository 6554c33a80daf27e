# SPDX-License-Identifier: GPL-2.0-only
"""The module's MSRs against selftests/two_doors_test.c and Documentation/msrs.rst."""

import glob
import os
import re

from module_tables import MSR_HIDDEN, MSR_HOST_ONLY, MSR_SAVED, MSR_UNFILTERED

HEADERS = ("arch/x86/include/asm/msr-index.h", "arch/x86/include/asm/apicdef.h",
           "arch/x86/include/uapi/asm/kvm_para.h", "arch/x86/include/uapi/asm/mtrr.h")
NAME = r"^#define\s+(MSR_\w+|APIC_BASE_MSR|MTRRphysBase_MSR\(reg\))\s+\(?(0x[0-9a-fA-F]+)\b"
# The lists of two_doors_test.c: the rows of its table, and what is not there, with the reason.
IN_TABLE = re.compile(r'\{ "\w+", MSR, (\w+),[^}]*?(?:\.last = (\w+), \.step = (\w+) )?\}')
LEFT_OUT = re.compile(r"^\t\{ (\w+)(?:, (\w+)(?:, (\w+))?)? \},(?:\t+/\* (.+) \*/)?$", re.MULTILINE)
OWN_NAME = re.compile(r"^#define (\w+)\s+(0x[0-9a-f]+)$", re.MULTILINE)
ARRAYS = ("elsewhere", "one_door")
# The section of the page that lists all, and those that name what there is not.
LISTED = "Which there are"
WITHOUT = ("MSRs", "What differs from the kernel's kvm, and why")
NUMBER = re.compile(r"\b([0-9A-F]+)h(?: to ([0-9A-F]+)h)?")


def names(trees):
    """What the kernels' headers call an MSR: {name: number}"""
    found = {}
    for path in (os.path.join(tree, h) for tree in trees for h in HEADERS):
        with open(path, encoding="utf-8") as f:
            found.update((name, int(number, 16))
                         for name, number in re.findall(NAME, f.read(), re.MULTILINE))
    return found


def numbers(first, last=None, step=None):
    """All that a row is about."""
    return set(range(first, (last or first) + 1, step or 1))


class Both:
    """two_doors_test.c. table, left: numbers; odd: what is wrong with a line that leaves out."""

    def __init__(self, path, number_of):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        number_of = number_of | {name: int(value, 0) for name, value in OWN_NAME.findall(text)}

        def number(word):
            return word and (number_of[word] if word in number_of else int(word, 0))

        tests = {os.path.basename(p)[:-2] for p in
                 glob.glob(os.path.join(os.path.dirname(path), "*.c"))}
        self.table, self.left, self.odd = set(), set(), []
        for words in IN_TABLE.findall(text):
            self.table |= numbers(*map(number, words))
        for name in ARRAYS:
            body = re.search(rf"\b{name}\[\] = \{{\n(.*?)^\}};", text, re.MULTILINE | re.DOTALL)
            for *words, why in LEFT_OUT.findall(body[1]):
                self.left |= numbers(*map(number, words))
                if not tests & set(re.findall(r"\w+", why)):
                    self.odd.append(f"{words[0]}: no reason with the name of a test")


def on_page(path):
    """What msrs.rst names, by section: {title: [(first, last)]}"""
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines()
    section, found = "", {}
    for before, line in zip([""] + lines, lines):
        if re.fullmatch(r"=+", line) and before and not before.startswith("="):
            section = before
        found.setdefault(section, []).extend(
            (int(a, 16), int(b or a, 16)) for a, b in NUMBER.findall(line))
    return found


def hexes(found):
    """For a message."""
    return [f"{n:x}h" for n in sorted(found)]


def findings(modules, number_of, top):
    """What is wrong, a list of texts for each test."""
    rows, others = (m.msrs for m in modules.values())
    there = set().union(*(numbers(r.first, r.last) for r in rows))
    kept = set().union(*(numbers(r.first, r.last) for r in rows if r.kept))
    both = Both(os.path.join(top, "selftests", "two_doors_test.c"), number_of)
    page = on_page(os.path.join(top, "Documentation", "msrs.rst"))
    listed = page.get(LISTED, [])
    named = set().union(*(numbers(*r) for s, found in page.items() if s not in WITHOUT
                          for r in found))
    return (("both kernels have the same MSRs", hexes({r.first for r in set(rows) ^ set(others)})),
            ("an MSR that keeps what is written is in two_doors_test, or left out there",
             hexes(kept - both.table - both.left)),
            ("two_doors_test has such MSRs alone, and none twice",
             hexes((both.table | both.left) - kept) + hexes(both.table & both.left)),
            ("what two_doors_test leaves out has a reason and a test", both.odd),
            ("msrs.rst lists each row", hexes({r.first for r in rows
                                               if (r.first, r.last) not in listed})),
            ("what msrs.rst names has a row", hexes(named - there)))


def page_part(msrs, number_of, top):
    """A line of a table for each row, by number: what it is called in the sources, the table
    that has it, and what user space hears of it."""
    sources = ""
    for path in sorted(glob.glob(os.path.join(top, "[a-z]*", "*.c"))):
        if not os.path.relpath(path, top).startswith(("tests/", "selftests/", "bench/")):
            with open(path, encoding="utf-8") as f:
                sources += f.read()
    used = set(re.findall(r"\w+", sources))
    names_of = {number: name for name, number in number_of.items() if name.split("(")[0] in used}
    words = ((MSR_SAVED, "saved"), (MSR_HOST_ONLY, "not the guest's"),
             (MSR_HIDDEN, "not the guest's"), (MSR_UNFILTERED, "not filtered"))
    lines = []
    for r in sorted(msrs):
        heard = [word for flag, word in words if r.flags & flag] + ["feature"] * bool(r.feature)
        cells = (f"{r.first:X}h" + (f" to {r.last:X}h" if r.last > r.first else ""),
                 names_of.get(r.first, ""), r.table, ", ".join(heard))
        lines.append(f"{cells[0]:22} {cells[1]:28} {cells[2]:8} {cells[3]}".rstrip())
    border = f"{'=' * 22} {'=' * 28} {'=' * 8} {'=' * 24}"
    heads = f"{'MSR':22} {'name':28} {'table':8} user space"
    return "\n".join([border, heads, border, *lines, border]) + "\n"
