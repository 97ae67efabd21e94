"""The checklist of a host: can it checkpoint and restore, and if not, what makes it so.

Each line passes, warns or blocks; its remedy, done as it is written, makes it pass. What is there was measured before
(host.py): here it is only judged.
"""

import os
import re
import shutil
from dataclasses import dataclass, field

from containers_app.errors import FreezeframeError
from containers_app.runtime.store import DirectoryStore

from . import process
from .types import Check, HostFacts

SETUP = "Run script/setup on this host as root."
GIB = 1024**3
# The first CRIU that can dump on a kernel as new as this: (kernel, CRIU), the newest first. Kernel 6.16 has socket
# options, and 6.13 a vDSO, that older ones do not know.
NEEDED_CRIU = (((6, 16), (4, 2)), ((6, 13), (4, 1)))


@dataclass(frozen=True)
class Seen:
    """What the checklist judges. `usable` and `message` are of `criu check`; `unable` are OCI runtimes without CRIU."""

    facts: HostFacts
    usable: bool
    message: str
    store: DirectoryStore
    rootless: bool = False
    storage: str = "/"
    unable: list = field(default_factory=list)


def checks(seen: Seen):
    """[Check] in the order of the page."""
    facts = seen.facts
    return [
        Check("podman", "Podman answers", "ok", f"Podman {facts.podman_version}, {facts.storage_driver} storage"),
        _check(
            "root", "Podman runs as root", not seen.rootless,
            "CRIU dumps and restores as root" if not seen.rootless else "This Podman is rootless: CRIU needs root",
            "Start the agent as root.",
        ),
        _runtime(seen),
        _criu(seen),
        _limits(facts.ulimits),
        _network(facts),
        _cgroups(facts),
        Check("lsm", "A security module", "ok", facts.security_module or "None is active"),
        _dirty(facts),
        _space("storage", "Podman’s storage has room", seen.storage),
        store_check(seen.store),
    ]  # fmt: skip


def _check(key, title, passed, detail, remedy):
    return Check(key, title, "ok" if passed else "block", detail, "" if passed else remedy)


def _runtime(seen):
    facts, without = seen.facts, f"{', '.join(seen.unable)} here cannot: built without CRIU"
    able = f"{facts.oci_runtime} {facts.oci_runtime_version}".strip() if facts.oci_runtime else ""
    detail = f"{able}; {without}" if able and seen.unable else able or (without if seen.unable else "None is here")
    return _check("oci-runtime", "An OCI runtime can checkpoint", bool(able), detail, f"Install runc. {SETUP}")


def _criu(seen):
    title, version = "CRIU works on this kernel", _version(seen.facts.criu_version)
    kernel = _version(seen.facts.kernel)
    needed = next((criu for since, criu in NEEDED_CRIU if kernel >= since), ())
    if version and kernel and version < needed:
        wanted = ".".join(map(str, needed))
        words = f"CRIU {seen.facts.criu_version} is too old for kernel {seen.facts.kernel}, which needs {wanted}"
        return Check("criu", title, "block", words, f"Install a newer CRIU. {SETUP}")
    return _check("criu", title, seen.usable, f"CRIU {seen.facts.criu_version or 'missing'}: {seen.message}", SETUP)


def _version(text):
    match = re.match(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else ()


def _limits(ulimits):
    title = "Podman may set its resource limits"
    if not ulimits:
        return Check("limits", title, "ok", "As Podman sets them")
    detail = f"Root may not raise limits here; new containers get --ulimit {' --ulimit '.join(ulimits)}"
    return Check("limits", title, "ok", detail)


def _network(facts):
    title, path = "CRIU can lock the network", process.environment()["PATH"]
    iptables, nft = (shutil.which(name, path=path) for name in ("iptables", "nft"))
    if nft and not iptables and facts.criu_config.get("switches", {}).get("network-lock") != "nftables":
        words = "Only nft is here: a CRIU that was built for iptables does not use it by itself"
        return Check(
            "network",
            title,
            "warn",
            words,
            f"Set network-lock to nftables in CRIU’s switches, or install iptables. {SETUP}",
        )
    detail = f"{facts.network_backend or 'no'} backend" if iptables or nft else "Neither iptables nor nft is here"
    return _check("network", title, bool(iptables or nft), detail, f"Install iptables. {SETUP}")


def _cgroups(facts):
    detail = f"{facts.cgroup_version or 'unknown version'}, managed by {facts.cgroup_manager or 'nobody'}"
    return Check("cgroups", "Control groups", "ok", detail)


def _dirty(facts):
    detail = "It does" if facts.dirty_tracking else "It does not: each checkpoint takes all of the memory"
    return Check("dirty-tracking", "The kernel tracks changed memory", "ok", detail)


def _space(key, title, path):
    free = shutil.disk_usage(path).free if os.path.isdir(path) else 0
    level = "ok" if free >= GIB else "warn"
    return Check(key, title, level, f"{free // 1024**2:,} MiB free", "" if level == "ok" else "Free some space there.")


def store_check(store):
    """The archive store's line: writable, and how much is free."""
    try:
        free = store.free_bytes()
    except FreezeframeError as error:
        return Check("store", "The archive store takes archives", "block", str(error), error.remedy)
    level = "ok" if free >= GIB else "warn"
    remedy = "" if level == "ok" else "Free some space, or move the store to a larger disk."
    return Check("store", "The archive store takes archives", level, f"{free // 1024**2:,} MiB free", remedy)


def clock_check(skew):
    """The line on the clock: `skew` is its seconds before Redis's; None where that is not known."""
    title = "The clock agrees with the others"
    if skew is None:
        return Check("clock", title, "ok", "Nobody to compare with")
    if abs(skew) < 2:
        return Check("clock", title, "ok", f"{abs(skew) * 1000:.0f} ms apart")
    words = f"It is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}: times in the history would mislead"
    return Check("clock", title, "warn", words, "Let the host keep time, with chrony or systemd-timesyncd.")
