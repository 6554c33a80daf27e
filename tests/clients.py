# SPDX-License-Identifier: GPL-2.0-only
"""tests/clients.list: what known clients demand when they start, held against the tables of
a module; what only a CPU or a VM can tell is for selftests/client_test.c."""

import re

FDS = ("dev", "vm", "vcpu")
ASKED = ("cap", "enable", "bare", "cpuid", "msr", "attr", "param")
MISSING = {"later": "not yet", "never": "refused on purpose"}
COMPARE = {
    None: ("more than 0", lambda have, want: have > 0),
    "=": ("equal to", lambda have, want: have == want),
    ">=": ("at least", lambda have, want: have >= want),
    "&": ("with all bits of", lambda have, want: have & want == want),
}
WORD = re.compile(r"^([\w.:]+?)(?:(=|>=|&)(\w+))?$")


def listed(path):
    """The words of each line of a list."""
    with open(path, encoding="utf-8") as f:
        return [line.split() for line in f if line.strip() and not line.startswith("#")]


class Demand:
    """One thing that a client asks for. @missing: of MISSING, @why: it is not there."""

    def __init__(self, client, verb, word, missing=None, why=None):
        match = WORD.match(word)
        if verb not in FDS + ASKED or not match:
            raise ValueError(f"tests/clients.list: {client}: {verb} {word}")
        self.client, self.verb, self.missing, self.why = client, verb, missing, why
        self.name, self.compare, want = match.groups()
        self.want = want if verb == "param" else int(want, 0) if want else 0

    def short(self):
        """The name as in the list, and what it is compared with."""
        if not self.compare:
            return self.name
        want = self.want if self.verb == "param" or self.want < 256 else hex(self.want)
        how = COMPARE[self.compare][0] if self.verb == "cap" else "="
        return f"{self.name} {how} {want}"

    def __str__(self):
        return {"cap": "KVM_CAP_", "enable": "KVM_CAP_"}.get(
            self.verb, "KVM_" if self.verb in FDS + ("bare",) else "") + self.short()

    def answers(self, contract):
        """What the tables say: {kernel: value or None}; {} where it is not in them."""
        name = f"KVM_{self.name}"
        if self.verb == "bare":
            return {k: None for k, m in contract.modules.items() if name in m.ioctls["vm"]}
        if self.verb in FDS:
            return {k: name for k, m in contract.modules.items() if name in m.ioctls[self.verb]}
        if self.verb in ("cap", "enable"):
            return contract.values(f"KVM_CAP_{self.name}")
        if self.verb == "param":
            module, name = self.name.split(".")
            return {k: None for k, m in contract.modules.items() if name in
                    (m.parameters_of_intel if module == "kvm_intel" else m.parameters)}
        return {k: None for k in contract.modules}

    def known(self, contract):
        """Can the tables tell?"""
        return None not in self.answers(contract).values()

    def met(self, contract):
        """Is it met on every kernel, as far as the tables can tell?"""
        answers = self.answers(contract)
        if set(answers) != set(contract.modules):
            return False
        test = COMPARE[self.compare][1] if self.verb == "cap" else lambda have, want: True
        return all(value is None or test(value, self.want) for value in answers.values())


def read(path):
    """The demands, and {client: what was read}."""
    demands, sources = [], {}
    for client, verb, *words in listed(path):
        if verb == "from":
            sources[client] = " ".join(words)
        elif verb in MISSING:
            colon = words.index(":")
            demands += [Demand(client, words[0], word, verb, " ".join(words[colon + 1:]))
                        for word in words[1:colon]]
        else:
            demands += [Demand(client, verb, word) for word in words]
    return demands, sources


def findings(read_list, contract):
    """Who would be refused, and who is no longer, though expected to be."""
    demands, sources = read_list
    refused, past, unknown = [], [], []
    for d in demands:
        name = f"KVM_{'CAP_' if d.verb in ('cap', 'enable') else ''}{d.name}"
        if d.verb in FDS + ("cap", "enable", "bare") and name not in contract.kernels:
            unknown.append(f"{d.client}: no header has {name}")
        elif d.missing:
            print(f"# expected to fail: {d.client}: {d}: {MISSING[d.missing]}: {d.why}")
            if d.met(contract) and d.known(contract) or not d.why:
                past.append(f"{d.client}: {d}")
        elif not d.met(contract):
            refused.append(f"{d.client} is refused: {d} ({answer_text(d.answers(contract))})")
    unknown += [f"{client}: what was read is not said" for client in
                sorted({d.client for d in demands} - set(sources))]
    return (("every client finds what it demands", refused),
            ("what is expected to fail does", past),
            ("the list is of names that there are", unknown))


def answer_text(answers):
    """What the module answers, where it is by kernel for each."""
    def one(value):
        if value is None:
            return "by the CPU or the VM"
        return str(value) if not isinstance(value, int) or value < 4096 else hex(value)

    values = {k: one(v) for k, v in sorted(answers.items())}
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return ", ".join(f"{k}: {v}" for k, v in values.items()) or "not there"


HEADS = {
    "cap": "KVM_CAP\\_: ",
    "enable": "KVM_ENABLE_CAP, not asked before: ",
    "dev": "ioctls of /dev/kvm: ",
    "vm": "ioctls of a VM: ",
    "vcpu": "ioctls of a vCPU: ",
    "bare": "ioctls of a VM with nothing in it: ",
    "cpuid": "entries of CPUID: ",
    "msr": "MSRs: ",
    "attr": "attributes of a vCPU (group:attribute): ",
    "param": "parameters of modules: ",
}


def page(read_list, contract, table):
    """The rows: what is alike stands together."""
    demands, sources = read_list
    rows = []
    for client in sources:
        first = f"{client}: {sources[client]}"
        groups = {}
        for d in (d for d in demands if d.client == client):
            if d.missing:
                answer = f"{MISSING[d.missing]}: {d.why}"
            elif d.verb in ("cpuid", "msr", "attr", "param"):
                answer = "asked in the lab"
            elif d.verb == "cap" and d.compare:
                answer = answer_text(d.answers(contract))
            else:
                answer = "there"
            groups.setdefault((d.verb, answer), []).append(d.short())
        for (verb, answer), texts in groups.items():
            text = ", ".join(texts) if verb in ("cpuid", "msr", "attr") else \
                f"``{'``, ``'.join(texts)}``"
            rows.append((first, HEADS[verb] + text, answer))
            first = "\\"
    return table(("client", "demands", "kvmx"), rows)


def as_c(read_list):
    """Initializers of struct demand; what a header does not have yet is not in it."""
    verbs = {"cap": "CAP", "enable": "ENABLE", "cpuid": "CPUID", "msr": "MSR", "attr": "ATTR",
             "param": "PARAM", "bare": "BARE"}
    compares = {None: "MORE", "=": "EQUAL", ">=": "LEAST", "&": "BITS"}
    demands, sources = read_list
    text = ""
    for d in (d for client in sources for d in demands if d.client == client):
        if d.verb in FDS:
            continue
        number, index, value = d.name, 0, d.want
        state = (d.missing or "there").upper()
        if d.verb in ("cap", "enable"):
            number = f"KVM_CAP_{d.name}"
            text += f"#ifdef {number}\n"
        elif d.verb == "bare":
            number = f"KVM_{d.name}"
        elif d.verb == "cpuid":
            number, _, index = d.name.partition(".")
        elif d.verb == "attr":
            number, index = d.name.split(":")
        elif d.verb == "param":
            number, value = 0, 0
        parameter = f'"{d.name.replace(".", "/parameters/")}", "{d.want}"' \
            if d.verb == "param" else "NULL, NULL"
        text += (f'{{ "{d.client}", "{d.verb}: {d}", {verbs[d.verb]}, {number}, {index or 0}, '
                 f"{compares[d.compare]}, {value}ull, {state}, "
                 f"{parameter} }},\n")
        text += "#endif\n" if d.verb in ("cap", "enable") else ""
    return text
