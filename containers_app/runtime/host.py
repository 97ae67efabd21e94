"""What this host can do: versions, limits, which OCI runtime can checkpoint. The checklist of it is readiness.py's.

Measures by asking the tools themselves; assumes nothing from version numbers.
"""

import os
import platform
import re
import resource
import shutil
from pathlib import Path

from containers_app.errors import CommandFailed, FreezeframeError, Unavailable

from . import criu, criu_config, needs, process, readiness, registries
from .types import Check, HostFacts

TCP_CLOSE = "--tcp-close"
CAP_SYS_RESOURCE = 24  # linux/capability.h

# Podman asks for more than these when nothing else is said. The largest values that it can hand on without
# CAP_SYS_RESOURCE: it raises its own open files no further, and lowers its own processes to 32768 (measured on 4.3.1:
# /proc/PID/limits of conmon; 32769 fails with `error setting rlimit type 6`).
PODMAN_LIMITS = {"nofile": (resource.RLIMIT_NOFILE, 1048576), "nproc": (resource.RLIMIT_NPROC, 32768)}


def measure(podman, *, store, wanted_runtime="", criu_switches=None):
    """(HostFacts, [Check]) of this host. Does not raise for what is missing: that is what the checks say.

    Raises CommandFailed only when Podman outlasts its time: `podman info` waits while a container is exported.
    """
    try:
        info, version = podman.info(), podman.version()
    except FreezeframeError as error:
        if isinstance(error, CommandFailed) and error.exit_code is None:
            raise
        missing = Check("podman", "Podman answers", "block", str(error), error.remedy or readiness.SETUP)
        return HostFacts(), [missing]
    host = info["host"]
    runtime, runtime_version = choose_runtime(wanted_runtime, host["ociRuntime"]["name"], tools_dir=podman.tools_dir)
    usable, message = criu.check(podman.tools_dir)
    facts = HostFacts(
        podman_version=version,
        oci_runtime=runtime,
        oci_runtime_version=runtime_version,
        criu_version=criu.version(podman.tools_dir),
        criu_path=shutil.which("criu", path=process.environment(podman.tools_dir)["PATH"]) or "",
        kernel=platform.release(),
        architecture=platform.machine(),
        distribution=" ".join(filter(None, (host["distribution"].get(key) for key in ("distribution", "version")))),
        cgroup_version=host.get("cgroupVersion", ""),
        cgroup_manager=host.get("cgroupManager", ""),
        storage_driver=info["store"].get("graphDriverName", ""),
        network_backend=host.get("networkBackend", ""),
        ulimits=lower_ulimits(),
        pids_limit=pids_limit(host),
        flags=flags(podman, runtime),
        registries=registries.short_names(),
        cpu_flags=cpu_flags(),
        cpu_image=criu.cpu_image(podman.tools_dir),
        security_module=security_module(host.get("security", {})),
        criu_config=criu_config.read(criu_switches) if criu_switches else {},
        criu_plugins=criu.plugins(),
        dirty_tracking=criu.has_feature("mem_dirty_track", tools_dir=podman.tools_dir),
    )
    rootless, storage = host.get("security", {}).get("rootless", False), info["store"].get("graphRoot", "/")
    unable = [name for name in ("crun", "runc") if shutil.which(name) and not can_checkpoint(name)]
    seen = readiness.Seen(facts, usable, message, store, rootless=rootless, storage=storage, unable=unable)
    return facts, readiness.checks(seen)


def cpu_flags():
    """The CPU's features, sorted, as /proc/cpuinfo names them (`flags` on x86, `Features` on arm64)."""
    text = Path("/proc/cpuinfo").read_text()
    match = re.search(r"^(?:flags|Features)\s*: (.*)$", text, re.MULTILINE)
    return sorted(match[1].split()) if match else []


def cpus():
    """The numbers of the CPUs that are online, such as {0, 1}."""
    return needs.cpu_set(Path("/sys/devices/system/cpu/online").read_text())


def security_module(security):
    """`selinux`, `apparmor` or "", from `podman info`'s host.security: what CRIU compares at a restore."""
    return "selinux" if security.get("selinuxEnabled") else "apparmor" if security.get("apparmorEnabled") else ""


def choose_runtime(wanted, default, *, tools_dir=""):
    """(name, version) of the OCI runtime for new containers: the wanted, Podman's default, runc or crun: the first that
    can checkpoint. ("", "") when none can."""
    for name in dict.fromkeys(filter(None, (wanted, default, "runc", "crun"))):
        if can_checkpoint(name, tools_dir=tools_dir):
            return name, _runtime_version(name, tools_dir)
    return "", ""


def can_checkpoint(runtime, *, tools_dir=""):
    """True when this OCI runtime can checkpoint: runc has the verb; crun says +CRIU when it was built with it."""
    try:
        if "crun" in Path(runtime).name:
            return "+CRIU" in process.run([runtime, "--version"], timeout=20, tools_dir=tools_dir).stdout
        return process.run([runtime, "checkpoint", "--help"], timeout=20, tools_dir=tools_dir).exit_code == 0
    except (CommandFailed, Unavailable):
        return False


def flags(podman, runtime):
    """Flags of `podman container checkpoint`, `restore` and `create`: `{"checkpoint": ["--all", …], …}`.

    Podman hands `--tcp-close` on to the OCI runtime, which may not know it: Podman 5.8 has it, runc 1.3 answers `flag
    provided but not defined: -tcp-close`. Then it is as if Podman lacked it.
    """
    found = {verb: podman.flags(verb) for verb in ("checkpoint", "restore", "create")}
    if TCP_CLOSE in found["restore"] and not (runtime and _runtime_has(runtime, TCP_CLOSE, podman.tools_dir)):
        found["restore"].remove(TCP_CLOSE)
    return found


def _runtime_has(runtime, flag, tools_dir):
    help_text = process.run([runtime, "restore", "--help"], timeout=20, tools_dir=tools_dir)
    return flag in help_text.stdout + help_text.stderr


def _runtime_version(runtime, tools_dir):
    text = process.run([runtime, "--version"], timeout=20, tools_dir=tools_dir).stdout.splitlines()
    return text[0].rpartition(" ")[2] if text else ""


def lower_ulimits():
    """`--ulimit` values for new containers: empty where root may raise limits, else what Podman can hand on.

    Without CAP_SYS_RESOURCE a runtime that asks for more than the hard limit fails with `error setting rlimit`.
    """
    if may_raise_limits():
        return []
    found = []
    for name, (limit, highest) in PODMAN_LIMITS.items():
        hard = resource.getrlimit(limit)[1]
        value = highest if hard == resource.RLIM_INFINITY else min(hard, highest)
        found.append(f"{name}={value}:{value}")
    return found


def pids_limit(info):
    """`--pids-limit` of new containers: "0" (none) where the cgroup has no `pids` controller, else "", Podman's own.

    `info` is `podman info`'s host. Podman's own default of 2048 then fails: runc 1.3 finds no `pids.max` (Podman 5.8).
    """
    return "" if "pids" in (info.get("cgroupControllers", ["pids"]) or []) else "0"


def may_raise_limits():
    """True when this process holds CAP_SYS_RESOURCE (CapEff of /proc/self/status, proc(5))."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> CAP_SYS_RESOURCE & 1)
    return os.geteuid() == 0
