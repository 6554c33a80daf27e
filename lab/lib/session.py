# SPDX-License-Identifier: GPL-2.0-only
"""One run of the lab: start the machine, carry its output, judge its end."""

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time

from lib import frames, image, logcheck
from lib.bochs import Bochs
from lib.config import BUILD_LAB, EXIT_LAB, EXIT_LOG, EXIT_TIMEOUT

RUNS = os.path.join(BUILD_LAB, "runs")

_KEEP_FAILED = 10
# A machine that panicked gets this many seconds to say so.
_PANIC_DRAIN = 2
# From closing its standard output to the end of Bochs.
_POWER_OFF = 10

_FILES = {frames.LOG: "dmesg", frames.FILES: "files.tar", frames.OUT: "stdout",
          frames.ERR: "stderr"}


def new_directory():
    """A directory of this run alone, named after the time and the process."""
    name = time.strftime("%Y%m%d-%H%M%S", time.gmtime()) + f"-{os.getpid()}"
    path = os.path.join(RUNS, name)
    os.makedirs(path)
    return path


def prune():
    """Of the runs that are over, keep the last few."""
    over = [d for d in sorted(os.listdir(RUNS)) if not _alive(d)]
    for name in over[:-_KEEP_FAILED]:
        shutil.rmtree(os.path.join(RUNS, name), ignore_errors=True)


def _alive(name):
    try:
        os.kill(int(name.rsplit("-", 1)[1]), 0)
    except (ProcessLookupError, ValueError, IndexError):
        return False
    except PermissionError:
        pass
    return True


class Session:
    """Boots an image and listens to it until it is off.

    out and err take what the command writes; status, notes and the kernel log
    are there when run() returns.
    """

    def __init__(self, settings, directory, out=None, err=None):
        self.settings = settings
        self.directory = directory
        self.out = out
        self.err = err
        self.status = None
        self.notes = []
        self.panicked = None
        self.timed_out = False
        self.parser = frames.Parser()
        self.files = {}
        self.selector = selectors.DefaultSelector()

    def path(self, name):
        """A file of this run."""
        return os.path.join(self.directory, name)

    def boot(self, job):
        """Build what the job needs and run the machine."""
        self.run(image.build(self.directory, self.settings, job))

    def run(self, iso, com1=None):
        """Run the machine to its end or to the time-out."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        bochs = Bochs(self.settings.bochs)
        com1 = com1 or f"mode=file, dev={self.path('console')}"
        deadline = time.monotonic() + self.settings.timeout
        proc = bochs.start(self.settings, self.directory, iso, com1)
        try:
            with self.open_files():
                self._listen(proc, deadline)
        finally:
            self.selector.close()
            self._stop(proc)

    @contextlib.contextmanager
    def open_files(self):
        """What the machine says is kept while this lasts."""
        with contextlib.ExitStack() as stack:
            for channel, name in _FILES.items():
                self.files[channel] = stack.enter_context(open(self.path(name), "wb"))
            yield

    def watch(self, fd, function):
        """Call function when fd can be read, until it returns false."""
        self.selector.register(fd, selectors.EVENT_READ, function)

    def _listen(self, proc, deadline):
        machine = proc.stdout.fileno()
        self.watch(machine, lambda: self._machine_output(machine))
        while machine in self.selector.get_map():
            if self.panicked and time.monotonic() > self.panicked + _PANIC_DRAIN:
                return
            if time.monotonic() > deadline:
                self.timed_out = True
                return
            ready = self.selector.select(0.5)
            if not ready:
                self._look_for_panic()
            for key, _ in ready:
                if not key.data():
                    self.selector.unregister(key.fd)

    def _machine_output(self, fd):
        data = os.read(fd, 65536)
        self.hear(data)
        return data

    def hear(self, data):
        """Take what the machine wrote to its port."""
        for channel, payload in self.parser.feed(data):
            self._take(channel, payload)

    def _take(self, channel, payload):
        if channel == frames.NOTE:
            self._note(payload.decode(errors="replace").strip())
            return
        self.files[channel].write(payload)
        self.files[channel].flush()
        sink = {frames.OUT: self.out, frames.ERR: self.err}.get(channel)
        if sink:
            sink.write(payload)
            sink.flush()

    def _note(self, text):
        word, _, rest = text.partition(" ")
        if word == "status":
            self.status = int(rest)
        else:
            self.notes.append((word, rest))

    def _look_for_panic(self):
        if self.panicked is None and b"Kernel panic" in self.console():
            self.panicked = time.monotonic()

    def console(self):
        """What was printed there so far."""
        try:
            with open(self.path("console"), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def _stop(self, proc):
        if not self.timed_out and not self.panicked and self.status is not None:
            try:
                proc.wait(_POWER_OFF)
            except subprocess.TimeoutExpired:
                pass
        if proc.poll() is None:
            os.killpg(proc.pid, signal.SIGKILL)
        proc.wait()
        proc.stdout.close()

    def log(self):
        """The kernel log, and what only the console has seen of it."""
        with open(self.path("dmesg"), encoding="utf-8", errors="replace") as f:
            text = f.read()
        if self.status is None:
            text += self.console().decode(errors="replace")
        return text

    def verdict(self, check_log=True):
        """(exit status, why) once the machine is off; why is None if all is well."""
        notes = dict(reversed(self.notes))  # the first of each kind
        dirty = logcheck.dirty_lines(self.log())
        if self.timed_out:
            return EXIT_TIMEOUT, (f"timed out after {self.settings.timeout} s "
                                  "(--timeout or LAB_TIMEOUT sets it)")
        if self.panicked:
            return EXIT_LAB, f"the kernel panicked: {dirty[0] if dirty else 'see console'}"
        if "load" in notes:
            return EXIT_LAB, f"module not loaded: {notes['load']}"
        if self.status is None:
            return EXIT_LAB, f"the machine stopped early: {self._last_words()}"
        if check_log and "unload" in notes:
            return EXIT_LOG, f"module not unloaded: {notes['unload']}"
        if check_log and dirty:
            return EXIT_LOG, f"the kernel log is not clean: {dirty[0].strip()}"
        if "get" in notes and not self.status:
            return EXIT_LAB, f"--get: {notes['get']}"
        return self.status, None

    def _last_words(self):
        for name in ("bochs.log", "bochs.err", "console"):
            try:
                with open(self.path(name), encoding="utf-8", errors="replace") as f:
                    lines = [line for line in f.read().splitlines()
                             if "PANIC" in line and "soft power off" not in line]
            except FileNotFoundError:
                continue
            if lines:
                return lines[-1].strip()
        return "see console and bochs.log"
