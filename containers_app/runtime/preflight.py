"""Will it work? The rules by which a checkpoint is judged before anything is stopped (a restore: preflight_restore.py).

Pure: each rule takes what was found (a CheckpointSight) and gives Findings, which pass, warn or block. One that blocks
can be cured by an option of Podman's (`option`), or forced, where CRIU may succeed all the same; what would lose a
workload or change the host cannot be forced. Sources: the cases that were run on Podman 4.3 and 5.8.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from .types import CheckpointOptions, ContainerFacts

PASS, WARN, BLOCK = "pass", "warn", "block"
MIB = 1024 * 1024
ABLE = ("podman", "root", "oci-runtime", "criu", "network")  # of the host's checklist: what each dump and restore needs


@dataclass(frozen=True)
class Finding:
    """One line of the list. `option` is the field that cures it; `forceable` says that it may be tried all the same."""

    key: str
    title: str
    level: str = PASS
    detail: str = ""
    remedy: str = ""
    option: str = ""
    forceable: bool = True

    def as_json(self):
        return asdict(self)


@dataclass(frozen=True)
class CheckpointSight:
    """What a checkpoint is judged by: sizes in bytes; `readiness` is the host's checklist as JSON.

    `volumes` is [(name, bytes, whether that is all)], `changed` (bytes, whether that is all) of what it has changed of
    its image's files; `runtime_able` says whether its OCI runtime can checkpoint.
    """

    found: ContainerFacts
    scan: dict
    options: CheckpointOptions
    readiness: list = field(default_factory=list)
    runtime_able: bool = True
    store_free: int = 0
    storage_free: int = 0
    volumes: list = field(default_factory=list)
    changed: tuple = (0, True)
    switches: dict = field(default_factory=dict)  # CRIU's own, as they are set on this host

    @property
    def oci_runtime(self):
        return self.found.oci_runtime


def of_checkpoint(sight: CheckpointSight):
    """[Finding] of a checkpoint, the gravest first."""
    return graded(rule(sight) for rule in CHECKPOINT_RULES)


def blocks(findings, *, forced=False):
    """Those that stand in the way; with `forced` only those that nobody may force."""
    return [found for found in findings if found.level == BLOCK and not (forced and found.forceable)]


def graded(rules):
    """The Findings of all `rules` in one list, the gravest first."""
    findings = [finding for found in rules for finding in found]
    return sorted(findings, key=lambda finding: (BLOCK, WARN, PASS).index(finding.level))


def _listed(scan, name):
    """`3: a, b, c`, with how many more there are."""
    rows, number = scan.get(name, []), scan.get("counts", {}).get(name, 0)
    more = f" and {number - 5} more" if number > 5 else ""
    return f"{', '.join(rows[:5])}{more}"


def _can_come_back(sight: CheckpointSight) -> Iterator[Finding]:
    """What stops the container for good, or changes the host: never forced."""
    found = sight.found
    never = {"level": BLOCK, "forceable": False}
    if found.auto_remove:
        yield Finding(
            "auto-remove", "It removes itself",
            detail="It was created with --rm: should the export fail, Podman would remove it with all its memory.",
            remedy="Create it again without --rm.", **never,
        )  # fmt: skip
    if found.dependencies and not (found.pod and len(found.dependencies) == 1):  # a pod's own container is no obstacle
        yield Finding(
            "dependencies", "It depends on other containers",
            detail="Podman would stop it and then refuse the export.",
            remedy="Create it again without sharing another container's namespaces.", **never,
        )  # fmt: skip
    if found.ipc_mode == "host" or "ipc" in sight.scan["shared"]:
        yield Finding(
            "host-ipc", "It shares the host's /dev/shm",
            detail="A restore would roll that back for the whole host.",
            remedy="Create it again without --ipc=host.", **never,
        )  # fmt: skip
    if sight.scan["processes"] and "user" not in sight.scan["shared"]:
        yield Finding(
            "user-namespace", "It has a user namespace",
            detail="The dump would work and stop it; no restore can read the images then.",
            remedy="Create it again without --userns.", **never,
        )  # fmt: skip


def host_is_able(sight) -> Iterator[Finding]:
    """What of the host's own checklist stands in the way; `sight` is of a checkpoint or of a restore."""
    for check in sight.readiness:
        if check["level"] == BLOCK and check["key"] in ABLE:
            yield Finding(f"host-{check['key']}", check["title"], BLOCK, check["detail"], check["remedy"])
    if not sight.runtime_able:
        name = sight.oci_runtime or "an unknown runtime"
        yield Finding(
            "oci-runtime", "Its OCI runtime cannot checkpoint", BLOCK, f"It runs under {name}.",
            "Install that runtime with CRIU support, or create the container again under runc.",
        )  # fmt: skip


def _no_process_is_held(sight: CheckpointSight) -> Iterator[Finding]:
    if sight.scan["stopped"]:
        yield Finding(
            "stopped-process", "A process is stopped or traced", BLOCK,
            f"CRIU waits for it without end: {_listed(sight.scan, 'stopped')}.",
            "Let it go on (SIGCONT), or end the debugger, then look again.",
        )  # fmt: skip


def _connections(sight: CheckpointSight) -> Iterator[Finding]:
    scan, number = sight.scan, sight.scan["counts"].get("connections", 0)
    if number and sight.found.network_mode == "none":
        yield Finding(
            "loopback-down", "It is connected to itself without a network", BLOCK,
            "A restore finds the loopback of a container with --network=none down, and fails.",
            "Create it again with a network.",
        )  # fmt: skip
    if number and not sight.options.tcp_established:
        yield Finding(
            "tcp-established", f"{number} open TCP connection{'' if number == 1 else 's'}", BLOCK,
            f"{_listed(scan, 'connections')}. CRIU refuses them without the option.",
            "Tick “Established TCP connections”: they are kept, as long as their peers wait.", "tcp_established",
        )  # fmt: skip
    elif number:
        yield Finding("tcp-established", f"{number} open TCP connections are kept", detail=_listed(scan, "connections"))
    if scan["half_open"] and "skip-in-flight" not in sight.switches:
        yield Finding(
            "half-open", "Connections are being made", WARN, f"{_listed(scan, 'half_open')}. CRIU fails on them.",
            "Look again in a moment, or set skip-in-flight among CRIU's switches of this host.",
        )  # fmt: skip
    if scan["datagrams"]:
        yield Finding(
            "datagrams", "Datagrams wait to be read", WARN,
            f"{_listed(scan, 'datagrams')}. What a UDP socket has not read yet is lost.", "Look again in a moment.",
        )  # fmt: skip
    if scan["listening"]:
        yield Finding("listening", "Listening sockets are kept", detail=_listed(scan, "listening"))


def _locks(sight: CheckpointSight) -> Iterator[Finding]:
    if sight.scan["locks"] and not sight.options.file_locks:
        yield Finding(
            "file-locks", "A process holds a lock on a file", BLOCK,
            f"{_listed(sight.scan, 'locks')}. CRIU refuses it without the option.",
            "Tick “File locks”, and again at the restore.", "file_locks",
        )  # fmt: skip
    elif sight.scan["locks"]:
        yield Finding("file-locks", "File locks are kept", detail=_listed(sight.scan, "locks"))


def _open_files(sight: CheckpointSight) -> Iterator[Finding]:
    scan = sight.scan
    for name, title, detail, remedy in (
        ("unsupported", "It uses what CRIU cannot save", "{}.", "Run the program without that, then look again."),
        ("devices", "A device is open", "{}. CRIU knows only the ordinary ones.", "Close it, then look again."),
        (
            "external", "A Unix socket leads out of the container", "{}. CRIU cannot save half of a connection.",
            "Close the connection to what is outside, or put both into one container.",
        ),
    ):  # fmt: skip
        if scan[name]:
            yield Finding(name, title, BLOCK, detail.format(_listed(scan, name)), remedy)
    if scan["inotify"] and "force-irmap" not in sight.switches:
        yield Finding(
            "inotify", "A process watches files of the image", BLOCK,
            f"{_listed(scan, 'inotify')}. CRIU cannot find such files again; on volumes it can.",
            "Watch a volume instead, or set force-irmap among CRIU's switches of this host.",
        )  # fmt: skip
    if scan["deleted"] and "ghost-limit" not in sight.switches:
        yield Finding(
            "ghost-file", "Large deleted files are open", BLOCK,
            f"{_listed(scan, 'deleted')}. CRIU takes 1 MiB of one at the most.",
            "Close them, or set ghost-limit among CRIU's switches of this host.",
        )  # fmt: skip


def _what_stays_behind(sight: CheckpointSight) -> Iterator[Finding]:
    found = sight.found
    if found.exec_ids:
        yield Finding(
            "exec", "Commands run in it from outside", WARN,
            f"{len(found.exec_ids)} exec session{'' if len(found.exec_ids) == 1 else 's'}: not in the checkpoint, and "
            "gone after a restore.", "Wait until they have ended, if they matter.",
        )  # fmt: skip
    binds = [mount["destination"] for mount in found.config.get("mounts", []) if mount["type"] == "bind"]
    if binds:
        yield Finding(
            "binds", "Paths of the host are mounted in it", WARN,
            f"{', '.join(binds[:5])}: their content is not in the checkpoint, and a restore needs the same paths.",
        )  # fmt: skip
    if found.secrets:
        yield Finding(
            "secret-mounted", "A secret is mounted in it", WARN,
            f"{', '.join(found.secrets[:5])}: Podman can restore it in place, as long as the container is not removed, "
            "and never from the archive.", "Give it by --secret type=env, or in a volume.",
        )  # fmt: skip
    if found.config.get("tty"):
        yield Finding(
            "terminal", "It has a terminal", WARN, "A shell that is attached to it can be in the way of the dump.",
            "Detach from it first.",
        )  # fmt: skip
    if found.pod:
        yield Finding("pod", "It is in a pod", WARN, "It can be restored only into a pod.")
    if "pid" in sight.scan["shared"]:
        yield Finding(
            "host-pid", "It shares the host's process numbers", WARN, "A restore needs the same numbers to be free."
        )


def _files(sight: CheckpointSight) -> Iterator[Finding]:
    """Files that it has changed, and its volumes: taken along, or left behind where that was asked for."""
    size, whole = sight.changed
    if size:
        words, detail = "Changed files are taken along", _about(size, whole)
        if sight.options.ignore_rootfs:
            words, detail = "Changed files stay behind", f"{detail}: a restore starts from the image's files."
        yield Finding("changed-files", words, WARN if sight.options.ignore_rootfs else PASS, detail)
    if sight.volumes:
        sizes = ", ".join(f"{name} {_about(size, whole)}" for name, size, whole in sight.volumes)
        words = "Named volumes stay behind" if sight.options.ignore_volumes else "Named volumes are taken along"
        yield Finding("volumes", words, WARN if sight.options.ignore_volumes else PASS, sizes)


def _about(size, whole):
    return f"{'' if whole else 'over '}{size / MIB:,.1f} MiB"


def _room(sight: CheckpointSight) -> Iterator[Finding]:
    memory, options = sight.scan["memory_bytes"], sight.options
    files = 0 if options.ignore_rootfs else sight.changed[0]
    files += 0 if options.ignore_volumes else sum(size for _, size, _ in sight.volumes)
    if sight.storage_free < memory + files:  # Podman makes its own copy of both there, before it exports
        yield full("storage-space", "Podman's storage", sight.storage_free, memory + files, "Free some space there.")
    if sight.store_free < memory + files:
        remedy = "Free some space in it, or move the store to a larger disk."
        yield full("store-space", "The archive store", sight.store_free, memory + files, remedy)
    yield Finding(
        "memory", f"{memory // MIB:,} MiB of memory in {sight.scan['processes']} processes",
        detail=f"{sight.store_free // MIB:,} MiB are free in the archive store.",
    )  # fmt: skip


def full(key, where, free, needed, remedy):
    """The Finding that `free` bytes are fewer than the `needed` ones."""
    detail = f"{free // MIB:,} MiB are free, up to {needed // MIB:,} MiB are needed."
    return Finding(key, f"{where} may be too full", BLOCK, detail, remedy)


CHECKPOINT_RULES = (
    _can_come_back, host_is_able, _no_process_is_held, _connections, _locks, _open_files, _what_stays_behind,
    _files, _room,
)  # fmt: skip
