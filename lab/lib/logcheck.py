# SPDX-License-Identifier: GPL-2.0-only
"""Is a kernel log clean?"""

import re

# What a kernel that has been hurt says. A line counts wherever it comes from.
PATTERNS = (
    r"WARNING:", r"BUG:", r"\bBUG\b.*at ", r"kernel BUG", r"Call Trace", r"RIP: 0010",
    r"\bOops\b", r"general protection", r"unchecked MSR access", r"rcu: INFO", r"rcu_\w+ detected",
    r"Unable to handle", r"unable to handle", r"list_(add|del) corruption",
    r"Objects remaining", r"kmem_cache_destroy", r"refcount_t:", r"refcount warning",
    r"UBSAN", r"KASAN", r"KFENCE", r"slab error", r"Bad page", r"bad page state",
    r"page allocation failure", r"Kernel panic", r"double fault", r"stack guard page",
    r"possible recursive locking", r"inconsistent lock state", r"suspicious RCU",
    r"scheduling while atomic", r"sleeping function called", r"soft lockup", r"hard LOCKUP",
    r"blocked for more than", r"nobody cared", r"use-after-free", r"divide error",
    r"invalid opcode", r"stack-protector", r"memory leak", r"Modules linked in", r"cut here",
    # What kvmx says of itself with vmcs_check=1.
    r"VM-entry rule broken")
_DIRTY = re.compile("|".join(PATTERNS))

# What lab/guest/init says when the machine is up. What comes before is between
# the kernel and the emulated machine.
_START = "lab: start of the run"


def dirty_lines(text):
    """The lines of a kernel log, from the start mark on, that make it dirty."""
    _, _, run = text.rpartition(_START)
    return [line for line in run.splitlines() if _DIRTY.search(line)]
