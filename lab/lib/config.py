# SPDX-License-Identifier: GPL-2.0-only
"""What the environment chooses, and where things are."""

import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAB = os.path.join(TOP, "lab")
BUILD = os.path.join(TOP, "build")
BUILD_LAB = os.path.join(BUILD, "lab")
DEBUG_BUILD = os.path.join(BUILD, "debug-kernel")

KERNELS = ("6.1", "6.12")
# Of the same sources, built by lab/debug-kernel to tell what goes wrong in them.
DEBUG = "-debug"
DEBUG_KERNELS = tuple(k + DEBUG for k in KERNELS)
KVM_CHOICES = ("kvmx", "dist", "none")

# What kvmx is loaded with in the lab where LAB_PARAMS does not say otherwise: what a
# real CPU would not forgive is to show here.
DEBUG_PARAMS = ("vmcs_poison=1", "vmcs_check=1")

# One more than a shell's own: the lab itself failed, not the command.
EXIT_LAB = 125
EXIT_TIMEOUT = 124
EXIT_LOG = 123


class LabError(Exception):
    """Something the user can act on; its text is the whole message."""


def say(text):
    """A progress line."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def command_output(argv, what):
    """Run a host tool; its failure is a lab error."""
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False, encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed: run lab/setup") from None
    if done.returncode:
        raise LabError(f"{what} failed: {done.stdout.strip()}")
    return done.stdout


def source_and_place(text):
    """--add SRC[:DST] as (source, place in the image)."""
    source, _, place = text.partition(":")
    source = source.rstrip("/") or "/"
    if not os.path.exists(source):
        raise LabError(f"--add {source}: no such file")
    return os.path.abspath(source), place or "root/" + os.path.basename(source)


class Kernel:
    """One of the kernels: unpacked by lab/setup, or built by lab/debug-kernel."""

    def __init__(self, version):
        if version not in KERNELS + DEBUG_KERNELS:
            raise LabError(f"LAB_KERNEL={version}: one of {', '.join(KERNELS + DEBUG_KERNELS)}")
        self.version = version
        self.series = version.removesuffix(DEBUG)
        self.debug = version != self.series
        if self.debug:
            self.dir, origin = os.path.join(DEBUG_BUILD, self.series), "lab/debug-kernel"
        else:
            self.dir = os.path.join(BUILD_LAB, "kernel_" + version.replace(".", "_"))
            origin = "lab/setup"
        try:
            with open(os.path.join(self.dir, "release"), encoding="ascii") as f:
                self.release = f.read().strip()
        except FileNotFoundError:
            raise LabError(f"the {version} kernel is not there: run {origin}") from None

    @property
    def guest(self):
        """What QEMU's guests boot: the distribution's kernel of the same series."""
        return Kernel(self.series) if self.debug else self

    @property
    def kdir(self):
        """Headers to build modules against."""
        return os.path.join(self.dir, "obj" if self.debug
                            else "usr/src/linux-headers-" + self.release)

    @property
    def image(self):
        """The bzImage."""
        return os.path.join(self.dir, "obj/arch/x86/boot/bzImage" if self.debug
                            else "boot/vmlinuz-" + self.release)

    @property
    def modules(self):
        """The directory with the kernel's own modules."""
        return os.path.join(self.dir, "lib/modules", self.release)


def _number(name, default):
    text = os.environ.get(name) or default
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value <= 0:
        raise LabError(f"{name}={text}: a number above zero is needed")
    return value


class Settings:
    """The LAB_* variables, checked."""

    def __init__(self, timeout="600"):
        env = os.environ
        self.kernel = Kernel(env.get("LAB_KERNEL") or "6.1")
        self.cpu = env.get("LAB_CPU") or "broadwell_ult"
        self.cpus = _number("LAB_CPUS", "1")
        self.mem = _number("LAB_MEM", "1024")
        self.ips = _number("LAB_IPS", "100000000")
        self.timeout = _number("LAB_TIMEOUT", timeout)
        self.kvm = env.get("LAB_KVM") or "kvmx"
        # The emulated CPU reports exits in the middle of a virtual interrupt's
        # delivery wrongly (Documentation/lab.rst).
        self.params_given = "LAB_PARAMS" in env
        self.params = env.get("LAB_PARAMS", "enable_apicv=0" if self.kvm == "kvmx"
                              else "").split()
        self.append = env.get("LAB_APPEND") or ""
        self.bochs = env.get("BOCHS") or "bochs"
        self.bad_msrs = env.get("LAB_IGNORE_BAD_MSRS") or "1"
        nested = env.get("LAB_NESTED") or "0"
        if self.kvm not in KVM_CHOICES:
            raise LabError(f"LAB_KVM={self.kvm}: one of {', '.join(KVM_CHOICES)}")
        if self.bad_msrs not in ("0", "1"):
            raise LabError(f"LAB_IGNORE_BAD_MSRS={self.bad_msrs}: 0 or 1")
        if nested not in ("0", "1"):
            raise LabError(f"LAB_NESTED={nested}: 0 or 1")
        self.nested = nested == "1"
