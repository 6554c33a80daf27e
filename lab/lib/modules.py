# SPDX-License-Identifier: GPL-2.0-only
"""Kernel modules: which ones a run loads, in which order, with what."""

import lzma
import os
import tempfile

from lib.config import BUILD, DEBUG_PARAMS, LabError, command_output, say

_DIST_KVM = ("irqbypass", "kvm", "kvm-intel")


class ModuleSet:
    """Modules of one kernel by name, with those they depend on before them."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.paths = {}
        for root, _, files in os.walk(kernel.modules):
            for name in files:
                base = name.removesuffix(".xz")
                if base.endswith(".ko"):
                    self.paths[self._name(base)] = os.path.join(root, name)
        with open(os.path.join(kernel.modules, "modules.builtin"), encoding="ascii") as f:
            self.builtin = {self._name(os.path.basename(line.strip())) for line in f}

    @staticmethod
    def _name(file):
        return file.removesuffix(".ko").replace("_", "-")

    def find(self, name):
        """The file of a module of the distribution."""
        path = self.paths.get(self._name(name))
        if not path:
            raise LabError(f"the {self.kernel.release} kernel has no module {name}")
        return path

    def ordered(self, names):
        """These modules and what they need, in load order; built-in ones need no loading."""
        order = []

        def visit(name):
            if self._name(name) in self.builtin:
                return
            path = self.find(name)
            if path in order:
                return
            for dep in modinfo(path, "depends").replace(",", " ").split():
                visit(dep)
            order.append(path)

        for name in names:
            visit(name)
        return order


def modinfo(path, field):
    """One field of a module's description."""
    return command_output(["/sbin/modinfo", "-F", field, path], "modinfo").strip()


def _say_if_old(built, paths):
    """make builds in a directory of links to the sources."""
    made = max(os.stat(p).st_mtime for p in paths)
    for root, _, names in os.walk(built):
        for name in names:
            path = os.path.join(root, name)
            if (os.path.islink(path) and os.path.exists(path) and
                    os.stat(path).st_mtime > made):
                say(f"the modules are older than {os.path.relpath(path, built)}: run make")
                return


def _kvm_modules(settings, module_set):
    if settings.kvm == "none":
        return []
    if settings.kvm == "dist":
        return [module_set.find(n) for n in _DIST_KVM]
    built = os.path.join(BUILD, settings.kernel.release)
    kvm = os.path.join(built, "kvm.ko")
    if not os.path.exists(kvm):
        raise LabError(f"{kvm} is not there: build it with make, or say LAB_KVM=dist")
    thin = os.path.join(built, "kvm-intel.ko")
    own = [kvm] + ([thin] if os.path.exists(thin) else [])
    _say_if_old(built, own)
    return [module_set.find(n)
            for n in modinfo(kvm, "depends").replace(",", " ").split()] + own


def files(settings, extra):
    """(file in the image, source) of the modules to load, in load order."""
    module_set = ModuleSet(settings.kernel)
    paths = module_set.ordered(extra)
    paths += [p for p in _kvm_modules(settings, module_set) if p not in paths]
    return [(os.path.basename(p).removesuffix(".xz"), p) for p in paths]


def parameters(settings, modules):
    """Which module each word of LAB_PARAMS belongs to: {file: words}."""
    out = {name: [] for name, _ in modules}

    def owners_of(key):
        return [name for name, path in modules
                if any(line.split(":")[0] == key
                       for line in modinfo(path, "parm").splitlines())]

    # Of two values a module takes the last.
    for word in DEBUG_PARAMS if settings.kvm == "kvmx" else ():
        for name in owners_of(word.split("=")[0])[:1]:
            out[name].append(word)
    for word in settings.params:
        key = word.split("=")[0]
        module, dot, _ = key.partition(".")
        if dot:
            name = module.replace("_", "-") + ".ko"
            if name not in out:
                raise LabError(f"LAB_PARAMS={word}: no module {module} is loaded")
            out[name].append(word[len(module) + 1:])
            continue
        owners = owners_of(key)
        if not owners and not settings.params_given:
            continue
        if not owners:
            raise LabError(f"LAB_PARAMS={word}: no module has this parameter")
        out[owners[0]].append(word)
    return out


def read(path):
    """A module as it is loaded: nothing that the emulator would read in vain.

    Out go compression, debugging information, and the signature: its check
    hashes the module, for keys that the lab's kernel does not load.
    """
    with open(path, "rb") as f:
        data = f.read()
    if path.endswith(".xz"):
        data = lzma.decompress(data)
    with tempfile.TemporaryDirectory() as work:
        whole, lean = os.path.join(work, "whole"), os.path.join(work, "lean")
        with open(whole, "wb") as f:
            f.write(data)
        command_output(["objcopy", "--strip-debug", whole, lean], "objcopy")
        with open(lean, "rb") as f:
            return f.read()
