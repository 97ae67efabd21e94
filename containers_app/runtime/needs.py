"""What a checkpoint asks of the host where it comes back: limits, a security profile, plugins, addresses.

Pure: from what was seen inside it (inspection.inspect's form, as it is kept). What was taken before something was
looked for does not tell of it, and asks for nothing then. A stranger's archive may have said anything: numbers that are
none, and sets of CPUs without end, count as nothing.
"""

import re
from dataclasses import dataclass, field

OWN_CGROUP_CPUS = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")  # one part of cpuset.cpus: cpuset(7), list format
NOWHERE = {"0.0.0.0", "127.0.0.1"}  # noqa: S104 (the addresses that every network namespace has)
CONNECTED = {"ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "LAST_ACK", "CLOSING"}


@dataclass(frozen=True)
class Needs:
    """Sizes in bytes. `largest_process` is what the largest one has in memory by itself; `profiles` are AppArmor's
    profiles or SELinux's labels; `bound` the IPv4 addresses to which open TCP connections are bound."""

    memory_limit: int = 0
    largest_process: int = 0
    cpus: frozenset = frozenset()
    security_module: str = ""
    profiles: tuple = ()
    plugins: tuple = ()
    network_lock: str = ""
    bound: frozenset = frozenset()
    shares: frozenset = field(default_factory=frozenset)  # "ipc", "pid": namespaces of the host; "user": has its own


NOTHING = Needs()


def of(seen, members=()):
    """The Needs of a checkpoint with these inspection facts ({} where nobody looked) and names of members."""
    configuration, criu = seen.get("configuration", {}), seen.get("criu", {})
    limits = dict(configuration.get("limits", []))
    processes = seen.get("processes", [])
    plugins = {*criu.get("plugins", []), *("amdgpu_plugin" for name in members if "checkpoint/amdgpu-" in name)}
    profiles = {process.get("lsm", "") for process in processes} - {"", "unconfined"}
    if "checkpoint/apparmor.img" in members:
        profiles = set()  # CRIU loads them itself, into a namespace of AppArmor's
    return Needs(
        memory_limit=_number(limits.get("memory limit", "")),
        largest_process=max((process.get("dumped_bytes", 0) for process in processes), default=0),
        cpus=cpu_set(limits.get("cpu cpus", "")),
        security_module=criu.get("security_module", ""),
        profiles=tuple(sorted(profiles)),
        plugins=tuple(sorted(plugins)),
        network_lock=criu.get("network_lock", ""),
        bound=frozenset(filter(None, (_bound(row) for row in seen.get("sockets", [])))),
        shares=_shares([row.get("type") for row in configuration.get("namespaces", [])]),
    )


def of_facts(then):
    """The Needs that the facts kept at capture tell of, where nobody has looked inside: of a checkpoint image."""
    return Needs(
        cpus=cpu_set(then.get("cpus", "")),
        profiles=tuple({then.get("security_profile", "")} - {"", "unconfined"}),
    )


def cpu_set(text):
    """The numbers in a list of CPUs such as `0-3,7`; an empty set for what is none."""
    found = set()
    for part in filter(None, text.strip().split(",")):
        match = OWN_CGROUP_CPUS.fullmatch(part)
        if not match:
            return frozenset()
        found |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    return frozenset(found)


def _number(text):
    return int(text) if text.isdecimal() and len(text) < 20 else 0


def _bound(row):
    """The address that an open TCP connection is bound to, where it is IPv4 and no other host's loopback."""
    if row.get("state") not in CONNECTED or not row.get("type", "").startswith("TCP"):
        return ""
    address = row.get("source", "").rpartition(":")[0].removeprefix("[::ffff:").removesuffix("]")
    return "" if ":" in address or address in NOWHERE or address.startswith("127.") else address


def _shares(namespaces):
    if not namespaces:
        return frozenset()
    return frozenset({"ipc", "pid"} - set(namespaces)) | ({"user"} & set(namespaces))
