"""What a stranger's CRIU images would bring to life, compared with what its configuration says; and its deleted files.

CRIU gives processes the credentials, filters, mounts and files that its images name, whatever `spec.dump` says: so they
must say no more. Pure: parsed images in, findings out.
"""

import re

from containers_app.errors import ArchiveError

from . import images, privileges, review
from .privileges import texts, value
from .review import finding

NEEDED = ("core", "files", "mountpoints", "pstree", "inventory")  # checked, so they must be readable
MOST_DELETED = 100_000
SAFE_DELETING = (5, 8, 2)  # Podman that deletes within the container alone (containers/podman, issue 27977)
# capability(7), in the order of their numbers
CAPABILITIES = (  # noqa: SIM905 - a wall of quotes otherwise
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()
# criu/include/mount.h and images/mnt.proto, enum fstype: what CRIU mounts by itself in a container
OWN_FILE_SYSTEMS = {1: "proc", 2: "sysfs", 5: "tmpfs", 6: "devpts", 12: "cgroup", 13: "cgroup2", 14: "mqueue"}
CGROUP_TRAPS = (b"release_agent", b"../", b"/..", b"core_pattern")


def judge(kept, config, spec, policy, devices):
    """Findings of the images `kept` ({member name: bytes}); `devices` are those that its tmpfs file systems have."""
    read, found = {}, []
    for name, content in sorted(kept.items()):
        short = name.removeprefix("checkpoint/")
        kind = images.kind_of(short)
        try:
            if kind in NEEDED:
                read.setdefault(kind, []).extend(images.read(kind, content))
        except ArchiveError:
            found.append(finding("unreadable", short))
    found += _credentials(read.get("core", []), spec, policy)
    found += _mounts(read.get("mountpoints", []), config, spec)
    found += _open_files(read.get("files", []), read.get("mountpoints", []))
    found += _devices(devices, spec)
    traps = [trap.decode() for trap in CGROUP_TRAPS if trap in kept.get("checkpoint/cgroup.img", b"")]
    if traps:
        found.append(finding("cgroup_image", traps))
    return found


def capability_names(words):
    """Names of the bits in CRIU's 32-bit words."""
    bits = sum((word & 0xFFFFFFFF) << (32 * place) for place, word in enumerate(words[:2]))
    known = [f"CAP_{name}" for number, name in enumerate(CAPABILITIES) if bits >> number & 1]
    return known + [f"CAP_{number}" for number in range(len(CAPABILITIES), 64) if bits >> number & 1]


def _credentials(cores, spec, policy):
    threads = [core.get("thread_core", {}) for core in cores]
    held = set()
    for thread in threads:
        creds = thread.get("creds", {})
        for kind in ("cap_inh", "cap_prm", "cap_eff", "cap_bnd"):
            held |= set(capability_names(creds.get(kind, [])))
    beyond_spec = sorted(held - privileges.capabilities(spec))
    if beyond_spec:
        yield finding("processes_more", beyond_spec)
    elif review.beyond(held, policy):
        yield finding("processes", review.beyond(held, policy))
    filtered = bool(value(spec, "linux", "seccomp", default={}))
    if filtered and any(not thread.get("seccomp_mode") for thread in threads if thread):
        yield finding("processes_unfiltered")


def _mounts(mounts, config, spec):
    """Each mount is the root, one that the OCI runtime brings by its target, or of a kind that reaches nothing."""
    known = {value(mount, "destination", default="") for mount in privileges.dictionaries(spec, "mounts")}
    masked = {*texts(spec, "linux", "maskedPaths"), *texts(spec, "linux", "readonlyPaths")}
    for mount in mounts:
        target, key = mount.get("mountpoint", ""), mount.get("ext_key", "")
        if target == "/" or target in known or (target in masked and key in {"", "/dev/null"}):
            if key and key not in {*known, *masked, "/dev/null"} and not _is_cgroup(mount):
                yield finding("mounts_more", f"{key} at {target}")
            elif not key and target != "/" and mount.get("fstype", 0) not in OWN_FILE_SYSTEMS:
                yield finding("mounts_more", f"{mount.get('source', '?')} at {target}")
        elif not (_is_cgroup(mount) or (not key and mount.get("fstype", 0) in OWN_FILE_SYSTEMS)):
            yield finding("mounts_more", f"{key or mount.get('source', '?')} at {target}")


def _is_cgroup(mount):
    return mount.get("fstype", 0) in {12, 13} and mount.get("mountpoint", "").startswith("/sys/fs/cgroup")


def _open_files(files, mounts):
    numbers = {mount.get("mnt_id") for mount in mounts}
    for entry in files:
        regular = entry.get("reg")
        if not regular:
            continue
        name, number = regular.get("name", ""), regular.get("mnt_id", -1)
        if ".." in name.split("/") or regular.get("ext") or (number > 0 and number not in numbers):
            yield finding("open_outside", name or "a file without a name")


def _devices(devices, spec):
    """Devices that a tmpfs of it holds beyond the usual ones must be those that its configuration was given."""
    rows = privileges.dictionaries(spec, "linux", "devices")
    declared = {(value(row, "major", default=0), value(row, "minor", default=0)) for row in rows}
    extra = sorted(device for device in devices if device not in declared)
    if extra:
        yield finding("tmpfs_devices", [f"{major}:{minor}" for major, minor in extra])


def deleted(paths, links, podman_version):
    """Findings of `deleted.files` (None when there is none): clean paths, through no link of the changed files."""
    if paths is None or paths == []:
        return []
    if not isinstance(paths, list) or len(paths) > MOST_DELETED:
        return [finding("deleted", "it is no list of paths")]
    bad = [path for path in paths if not review.is_clean(path) or path == "/" or _through(path, links)]
    if bad:
        return [finding("deleted", bad)]
    version = tuple(int(number) for number in re.findall(r"\d+", podman_version)[:3])
    if version < SAFE_DELETING:
        return [finding("deleted_old_podman", podman_version or "of unknown version")]
    return []


def _through(path, links):
    parts = path[1:].split("/")
    return any("/".join(parts[:length]) in links for length in range(1, len(parts) + 1))


def rows(config, spec, engine, members):
    """privileges.read's rows and how much memory it brings; of another engine what its specification says."""
    memory = sum(member["size"] for member in members if member["name"].startswith("checkpoint/pages-"))
    brought = {
        "key": "memory",
        "title": "Memory",
        "words": f"{memory / 1024**2:,.1f} MiB of its processes",
        "more": False,
    }
    return [*privileges.read(config if engine == "podman" else {}, spec), brought]
