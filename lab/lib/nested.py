# SPDX-License-Identifier: GPL-2.0-only
"""A machine in the machine: VT-x as the distribution's kvm emulates it.

The emulated machine loads the distribution's kvm with nested=1, and QEMU boots
in it what otherwise boots on the emulator. To the job the inner machine is the
lab; that there is an outer one shows only where it fails.
"""

import copy
import os
import shutil

from lib import image
from lib.config import EXIT_LAB
from lib.session import Session

# What the outer machine needs beside the inner one's memory, in MiB.
_OUTER_MEM = 1024
_KERNEL, _INITRD = "root/vmlinuz", "root/initrd"


class _Sink:
    """A file object: what the outer machine's command writes, QEMU's debug port."""

    def __init__(self, session):
        self.write = session.hear

    def flush(self):
        """Nothing is kept back."""


class NestedSession(Session):
    """A session whose machine is a guest of the distribution's kvm."""

    def __init__(self, settings, directory, out=None, err=None):
        super().__init__(settings, directory, out, err)
        self.outer = None

    def boot(self, job):
        """Build both machines and run the outer one."""
        settings = copy.copy(self.settings)
        settings.kvm, settings.params = "dist", ["kvm-intel.nested=1"]
        settings.cpus, settings.mem = 1, self.settings.mem + _OUTER_MEM
        settings.append = ""
        directory = self.path("outer")
        os.makedirs(directory)
        self.outer = Session(settings, directory, _Sink(self))
        kernel, archives = image.parts(self.directory, self.settings, job)
        initrd = self.path("initrd")
        with open(initrd, "wb") as out:
            for path in archives:
                with open(path, "rb") as archive:
                    shutil.copyfileobj(archive, out)
        outer_job = image.Job(self._command(), [(kernel, _KERNEL), (initrd, _INITRD)],
                              qemu=True)
        try:
            with self.open_files():
                self.outer.boot(outer_job)
        finally:
            os.unlink(initrd)
            image.discard(directory)

    def _command(self):
        return ["qemu-system-x86_64", "--enable-kvm", "-cpu", "host",
                "-smp", str(self.settings.cpus), "-m", str(self.settings.mem),
                "-nodefaults", "-no-reboot", "-display", "none",
                "-kernel", "/" + _KERNEL, "-initrd", "/" + _INITRD,
                "-append", image.kernel_command_line(self.settings) + " panic=-1",
                "-chardev", "serial,id=console,path=/dev/ttyS0", "-serial", "chardev:console",
                "-debugcon", "stdio"]

    def console(self):
        """Both machines write to the outer one's."""
        return self.outer.console()

    def verdict(self, check_log=True):
        """As of any session, and the outer machine has to end well, too."""
        self.timed_out, self.panicked = self.outer.timed_out, self.outer.panicked
        status, why = super().verdict(check_log)
        outer_status, outer_why = self.outer.verdict()
        if self.timed_out or not outer_status:
            return status, why
        outer_why = "the outer machine: " + (outer_why or f"QEMU's exit status {outer_status}")
        return EXIT_LAB, f"{why}; {outer_why}" if why else outer_why
