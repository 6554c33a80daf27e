# SPDX-License-Identifier: GPL-2.0-only
"""The emulator: what this Bochs can do, its configuration, its start."""

import json
import os
import re
import shutil
import subprocess
import tempfile

from lib.config import BUILD_LAB, LabError
from lib.image import fingerprint

_DISPLAYS = (("nogui", ""), ("rfb", ', options="timeout=0"'))
_DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL"]
_BIOS = "/usr/share/bochs/BIOS-bochs-latest"
_VGABIOS = "/usr/share/bochs/VGABIOS-lgpl-latest"


def _output(argv):
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=20, check=False,
                              encoding="utf-8", errors="replace").stdout
    except (OSError, subprocess.TimeoutExpired) as e:
        raise LabError(f"BOCHS={argv[0]} does not start: {e}") from None


def _find_display(binary):
    """The first display that this Bochs was built with.

    A configuration is read line by line and the first bad line is named, so
    one with a bad second line tells whether the first was taken.
    """
    for name, options in _DISPLAYS:
        with tempfile.NamedTemporaryFile("w", suffix=".bochsrc") as f:
            f.write(f"display_library: {name}\nno_such_directive: 1\n")
            f.flush()
            if "no_such_directive" in _output([binary, "-q", "-f", f.name]):
                return name + options
    names = " or ".join(n for n, _ in _DISPLAYS)
    raise LabError(f"BOCHS={binary} has no headless display ({names})")


def _isolates_network():
    """Can the emulator get a network of its own, away from everybody's ports?"""
    for prefix in (["unshare", "--net"], ["unshare", "--net", "--map-root-user"]):
        try:
            if subprocess.run(prefix + ["true"], stderr=subprocess.DEVNULL,
                              check=False).returncode == 0:
                return prefix
        except FileNotFoundError:
            break
    return []


class Bochs:
    """A Bochs binary and what is known about it."""

    def __init__(self, binary):
        self.binary = shutil.which(binary)
        if not self.binary:
            raise LabError(f"BOCHS={binary} is not there: run lab/setup, or set BOCHS")
        cache = os.path.join(BUILD_LAB, "bochs-" + fingerprint(self.binary))
        try:
            with open(cache, encoding="ascii") as f:
                known = json.load(f)
        except (FileNotFoundError, ValueError):
            known = self._probe()
            with open(f"{cache}.{os.getpid()}", "w", encoding="ascii") as f:
                json.dump(known, f)
            os.rename(f"{cache}.{os.getpid()}", cache)
        self.debugger = known["debugger"]
        self.display = known["display"]
        self.models = known["models"]

    def _probe(self):
        models = _output([self.binary, "--help", "cpu"]).partition("models:")[2]
        return {"debugger": "-rc filename" in _output([self.binary, "--help"]),
                "display": _find_display(self.binary),
                "models": re.findall(r"^(\w+)$", models, re.MULTILINE)}

    def configuration(self, settings, directory, iso, com1):
        """The text of the bochsrc."""
        if settings.cpu not in self.models:
            raise LabError(f"LAB_CPU={settings.cpu}: this Bochs has {' '.join(self.models)}")
        return "\n".join([
            f"display_library: {self.display}",
            f"romimage: file={_BIOS}",
            f"vgaromimage: file={_VGABIOS}",
            f"memory: guest={settings.mem}, host={settings.mem}",
            f"cpu: model={settings.cpu}, count={settings.cpus}, ips={settings.ips}, "
            f"reset_on_triple_fault=0, ignore_bad_msrs={settings.bad_msrs}",
            "clock: sync=none, time0=1700000000",
            "ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14",
            f"ata0-master: type=cdrom, path={iso}, status=inserted",
            "boot: cdrom",
            f"com1: enabled=1, {com1}",
            "port_e9_hack: enabled=1",
            f"log: {directory}/bochs.log",
            "panic: action=fatal",
            "error: action=ignore",
            "info: action=ignore",
            "debug: action=ignore",
            ""])

    def start(self, settings, directory, iso, com1):
        """Start the emulated machine; its standard output is a pipe."""
        rc = os.path.join(directory, "bochsrc")
        with open(rc, "w", encoding="ascii") as f:
            f.write(self.configuration(settings, directory, iso, com1))
        argv = [self.binary, "-q", "-f", rc]
        if self.debugger:
            go = os.path.join(directory, "debugger")
            with open(go, "w", encoding="ascii") as f:
                f.write("c\n")
            argv += ["-rc", go]
        if self.display.startswith("rfb"):
            argv = _isolates_network() + argv
        argv = _DIES_WITH_US + argv
        with open(os.path.join(directory, "bochs.err"), "wb") as err:
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, cwd=directory,
                                    stdout=subprocess.PIPE, stderr=err,
                                    start_new_session=True)
