# SPDX-License-Identifier: GPL-2.0-only
"""The bootable image: kernel, initramfs archives and isolinux on an ISO.

Archives that are the same for every run (the base system, QEMU) are kept in
build/lab/image and remade when what they are made of is newer; one small
archive holds what a run brings along. The kernel joins them when it unpacks.
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile

from lib import direct, elf, modules
from lib.config import BUILD_LAB, LAB, LabError, command_output, say
from lib.cpio import Archive

IMAGE = os.path.join(BUILD_LAB, "image")
QEMU = os.path.join(BUILD_LAB, "qemu")

_AGENT_FLAGS = ["-static", "-Os", "-Wall", "-Wextra", "-D_GNU_SOURCE"]
_ISOLINUX = "/usr/lib/ISOLINUX/isolinux.bin"
_LDLINUX = "/usr/lib/syslinux/modules/bios/ldlinux.c32"
_QEMU_DATA = ("usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu")
_QEMU_SKIP = (".fd", ".dtb", "u-boot", "openbios", "skiboot", "slof", "hppa", "s390",
              "opensbi", "palcode", "npcm", "qemu_vga", ".svg", ".bmp", "vof", "edk2",
              "petalogix", "bamboo", "canyonlands", "icons", "applications", "trace-events")


class _Lock:
    """Two labs may start at once: one builds, the other waits for it."""

    def __enter__(self):
        os.makedirs(IMAGE, exist_ok=True)
        self.file = open(os.path.join(IMAGE, "lock"), "w", encoding="ascii")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self.file.close()


def _newer(target, sources):
    """Does target have to be made again?"""
    if not os.path.exists(target):
        return True
    made = os.stat(target).st_mtime
    return any(os.stat(s).st_mtime > made for s in sources)


def _cached(target, sources, build, what):
    """Make target by build(file object) unless it is up to date."""
    if not _newer(target, sources):
        return target
    say(f"building {what}")
    with open(target + ".new", "wb") as out:
        archive = Archive(out)
        build(archive)
        archive.close()
    os.rename(target + ".new", target)
    return target


def _agent():
    source = os.path.join(LAB, "guest/agent.c")
    target = os.path.join(IMAGE, "agent")
    if _newer(target, [source]):
        command_output(["gcc", *_AGENT_FLAGS, "-o", target, source], "building the agent")
    return target


def _base():
    agent = _agent()
    init = os.path.join(LAB, "guest/init")
    busybox = "/bin/busybox"
    if not os.path.exists(busybox):
        raise LabError("busybox is not installed: run lab/setup")

    def build(archive):
        for d in ("proc", "sys", "dev", "run", "tmp", "root", "lab", "sbin", "usr/bin",
                  "usr/sbin"):
            archive.directory(d)
        archive.node("dev/console", 0o600, 5, 1)
        archive.node("dev/null", 0o666, 1, 3)
        archive.file("bin/busybox", busybox)
        archive.file("bin/agent", agent)
        archive.file("init", init)
        archive.data("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        archive.data("etc/group", b"root:x:0:\nkvm:x:104:\n")
        archive.data("etc/hosts", b"127.0.0.1 localhost lab\n")

    return _cached(os.path.join(IMAGE, "base.cpio"),
                   [agent, init, busybox, __file__], build, "the base system")


def _kernel(kernel):
    stub = os.path.join(LAB, "guest/direct.S")
    target = os.path.join(IMAGE, "boot-" + kernel.release)
    if _newer(target, [kernel.image, stub, direct.__file__]):
        say(f"unpacking the {kernel.release} kernel")
        with tempfile.TemporaryDirectory(dir=IMAGE) as work:
            direct.make(kernel.image, target, work)
    return target


def for_guests(kernel):
    """(unpacked kernel, agent): what a guest of QEMU can use as well."""
    with _Lock():
        return _kernel(kernel), _agent()


def _qemu():
    stamp = os.path.join(QEMU, ".versions")
    if not os.path.exists(stamp):
        raise LabError("QEMU is not there: run lab/setup")

    def build(archive):
        program = os.path.join(QEMU, "usr/bin/qemu-system-x86_64")
        archive.file("usr/bin/qemu-system-x86_64", program)
        for place, source in sorted(elf.libraries([program], [QEMU]).items()):
            archive.file(place, source)
        for d in _QEMU_DATA:
            _add_firmware(archive, d)

    return _cached(os.path.join(IMAGE, "qemu.cpio"), [stamp, __file__], build, "QEMU")


def _add_firmware(archive, directory):
    top = os.path.join(QEMU, directory)
    for root, dirs, files in os.walk(top):
        dirs[:] = sorted(d for d in dirs if not any(s in d for s in _QEMU_SKIP))
        for name in sorted(files):
            path = os.path.join(root, name)
            if any(s in name for s in _QEMU_SKIP):
                continue
            place = os.path.relpath(path, QEMU)
            if os.path.islink(path):
                archive.symlink(place, os.readlink(path))
            else:
                archive.file(place, path)


class Job:
    """What one run brings along."""

    def __init__(self, command=None, add=(), get=(), modules=(), load=True, qemu=False):
        self.command = command
        self.add = list(add)
        self.get = list(get)
        self.modules = list(modules)
        self.load = load
        self.qemu = qemu
        self.variables = {}

    @property
    def script(self):
        """The command as a shell script: one word is one already."""
        if len(self.command) == 1:
            return self.command[0] + "\n"
        return shlex.join(self.command) + "\n"


def _add_files(archive, job):
    programs = []
    for source, place in job.add:
        archive.tree(place, source)
        if os.path.isdir(source):
            programs += [os.path.join(r, f) for r, _, fs in os.walk(source) for f in fs]
        else:
            programs.append(source)
    programs = [p for p in programs if elf.is_elf(p)]
    roots = ([QEMU] if job.qemu else []) + ["/"]
    for place, source in sorted(elf.libraries(programs, roots).items()):
        archive.file(place, source)


def _run_archive(path, settings, job):
    loaded = modules.files(settings, job.modules)
    words = modules.parameters(settings, loaded)
    lines = [" ".join([name] + words[name]) for name, _ in loaded] if job.load else []
    variables = {**job.variables,
                 "modules": "\n".join(lines),
                 "get": " ".join(shlex.quote(g.lstrip("/")) for g in job.get),
                 "shell": "" if job.command else "1"}
    with open(path, "wb") as out:
        archive = Archive(out)
        for name, source in loaded:
            archive.data("lab/modules/" + name, modules.read(source))
        text = "".join(f"{k}={shlex.quote(v)}\n" for k, v in variables.items())
        archive.data("lab/job", text.encode())
        if job.command:
            archive.data("lab/command", job.script.encode(), 0o755)
        _add_files(archive, job)
        archive.close()


# Start-up work of the kernel that costs a quarter of its boot and that nothing
# in the lab needs: a random-number self-test, keys that modules are signed with.
_NOT_NEEDED = "jent_mod_init,load_system_certificate_list"


def kernel_command_line(settings):
    """What the machine's kernel is told. Its TSC counts instructions; some models of the CPU
    name the rate of the real one in CPUID leaf 15h, and the kernel believes it, unless told."""
    words = ["console=ttyS0", "quiet", "cryptomgr.notests", "mitigations=off", "nokaslr",
             "tsc=reliable", f"tsc_early_khz={settings.ips // 1000}", "printk.devkmsg=on",
             "initcall_blacklist=" + _NOT_NEEDED, settings.append]
    return " ".join(w for w in words if w)


def parts(directory, settings, job):
    """(kernel, archives): what the machine of a run boots."""
    with _Lock():
        kernel = _kernel(settings.kernel)
        archives = [_base()] + ([_qemu()] if job.qemu else [])
    own = os.path.join(directory, "run.cpio")
    _run_archive(own, settings, job)
    return kernel, archives + [own]


def build(directory, settings, job):
    """Make the image of a run in its directory; returns the ISO's path."""
    return _iso(directory, settings, *parts(directory, settings, job))


def _iso(directory, settings, kernel, archives):
    iso = os.path.join(directory, "image.iso")
    boot = os.path.join(directory, "isolinux")
    os.makedirs(boot)
    for path in (_ISOLINUX, _LDLINUX):
        if not os.path.exists(path):
            raise LabError(f"{path} is not there: run lab/setup")
        shutil.copy(path, boot)
    names = [f"/initrd{i}" for i in range(len(archives))]
    with open(os.path.join(boot, "isolinux.cfg"), "w", encoding="ascii") as f:
        f.write("DEFAULT lab\nPROMPT 0\nLABEL lab\n KERNEL /vmlinuz\n"
                f" INITRD {','.join(names)}\n APPEND {kernel_command_line(settings)}\n")
    grafts = [f"/isolinux={boot}", f"/vmlinuz={kernel}"]
    grafts += [f"{n}={a}" for n, a in zip(names, archives)]
    command_output(["xorriso", "-as", "mkisofs", "-quiet", "-o", iso,
                    "-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat",
                    "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table",
                    "-graft-points", *grafts], "building the ISO")
    return iso


def discard(directory):
    """Remove what build() made; it is large and can be made again."""
    for name in ("image.iso", "run.cpio"):
        if os.path.exists(os.path.join(directory, name)):
            os.unlink(os.path.join(directory, name))
    shutil.rmtree(os.path.join(directory, "isolinux"), ignore_errors=True)


def fingerprint(path):
    """A short name for a file as it is now."""
    st = os.stat(path)
    text = f"{os.path.realpath(path)} {st.st_mtime_ns} {st.st_size}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
