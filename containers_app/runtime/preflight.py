"""Will it work? The rules by which a checkpoint, or a restore, is judged before anything is stopped.

Pure: each rule takes what was found (CheckpointSight, RestoreSight) and gives Findings, which pass, warn or block. One
that blocks can be cured by an option of Podman's (`option`), or forced, where CRIU may succeed all the same; what would
lose a workload or change the host cannot be forced. Sources: the cases that were run on Podman 4.3 and 5.8.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from .types import CheckpointOptions, ContainerFacts, RestoreOptions

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

    `volumes` is [(name, bytes, whether that is all)], `runtime_able` says whether its OCI runtime can checkpoint.
    """

    found: ContainerFacts
    scan: dict
    options: CheckpointOptions
    readiness: list = field(default_factory=list)
    runtime_able: bool = True
    store_free: int = 0
    storage_free: int = 0
    volumes: list = field(default_factory=list)
    switches: dict = field(default_factory=dict)  # CRIU's own, as they are set on this host


@dataclass(frozen=True)
class RestoreSight:
    """What a restore is judged by. `then` are the facts kept at capture, `now` the host's, both as JSON.

    `members` is {name: bytes} of the archive; `image_here`, `archive_here` whether those are; `names`, `volumes`,
    `networks`, `addresses` what the host has taken; `ports` the asked ones that are not free; `missing_binds` the
    sources of bind mounts that the host lacks.
    """

    name: str
    in_place: bool
    options: RestoreOptions
    then: dict
    now: dict
    members: dict
    image_name: str = ""
    image_here: bool = True
    archive_here: bool = True
    runtime_able: bool = True
    name_taken: bool = False
    ports_taken: list = field(default_factory=list)
    volumes: frozenset = frozenset()
    networks: frozenset = frozenset()
    addresses: dict = field(default_factory=dict)
    missing_binds: list = field(default_factory=list)
    readiness: list = field(default_factory=list)
    free_memory: int = 0
    store_free: int = 0
    storage_free: int = 0


def of_checkpoint(sight: CheckpointSight):
    """[Finding] of a checkpoint, the gravest first."""
    return _graded(rule(sight) for rule in CHECKPOINT_RULES)


def of_restore(sight: RestoreSight):
    """[Finding] of a restore, the gravest first."""
    return _graded(rule(sight) for rule in (IN_PLACE_RULES if sight.in_place else RESTORE_RULES))


def blocks(findings, *, forced=False):
    """Those that stand in the way; with `forced` only those that nobody may force."""
    return [found for found in findings if found.level == BLOCK and not (forced and found.forceable)]


def _graded(rules):
    findings = [finding for found in rules for finding in found]
    return sorted(findings, key=lambda finding: (BLOCK, WARN, PASS).index(finding.level))


def _listed(scan, name):
    """`3: a, b, c`, with how many more there are."""
    rows, number = scan.get(name, []), scan.get("counts", {}).get(name, 0)
    more = f" and {number - 5} more" if number > 5 else ""
    return f"{', '.join(rows[:5])}{more}"


# ---- Before a checkpoint


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


def _host_is_able(sight) -> Iterator[Finding]:
    for check in sight.readiness:
        if check["level"] == BLOCK and check["key"] in ABLE:
            yield Finding(f"host-{check['key']}", check["title"], BLOCK, check["detail"], check["remedy"])
    if not sight.runtime_able:
        name = sight.found.oci_runtime if isinstance(sight, CheckpointSight) else sight.then.get("oci_runtime", "")
        yield Finding(
            "oci-runtime", "Its OCI runtime cannot checkpoint", BLOCK, f"It runs under {name or 'an unknown runtime'}.",
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
    if found.config.get("tty"):
        yield Finding(
            "terminal", "It has a terminal", WARN, "A shell that is attached to it can be in the way of the dump.",
            "Detach from it first.",
        )  # fmt: skip
    if sight.volumes:
        sizes = ", ".join(
            f"{name} {'' if whole else 'over '}{size // MIB:,} MiB" for name, size, whole in sight.volumes
        )
        words = "Named volumes stay behind" if sight.options.ignore_volumes else "Named volumes are taken along"
        yield Finding("volumes", words, WARN if sight.options.ignore_volumes else PASS, sizes)
    if found.pod:
        yield Finding("pod", "It is in a pod", WARN, "It can be restored only into a pod.")
    if "pid" in sight.scan["shared"]:
        yield Finding(
            "host-pid", "It shares the host's process numbers", WARN, "A restore needs the same numbers to be free."
        )


def _room(sight: CheckpointSight) -> Iterator[Finding]:
    memory = sight.scan["memory_bytes"]
    volumes = 0 if sight.options.ignore_volumes else sum(size for _, size, _ in sight.volumes)
    if sight.storage_free < memory:
        yield _full("storage-space", "Podman's storage", sight.storage_free, memory, "Free some space there.")
    if sight.store_free < memory + volumes:
        remedy = "Free some space in it, or move the store to a larger disk."
        yield _full("store-space", "The archive store", sight.store_free, memory + volumes, remedy)
    yield Finding(
        "memory", f"{memory // MIB:,} MiB of memory in {sight.scan['processes']} processes",
        detail=f"{sight.store_free // MIB:,} MiB are free in the archive store.",
    )  # fmt: skip


def _full(key, where, free, needed, remedy):
    detail = f"{free // MIB:,} MiB are free, up to {needed // MIB:,} MiB are needed."
    return Finding(key, f"{where} may be too full", BLOCK, detail, remedy)


CHECKPOINT_RULES = (
    _can_come_back, _host_is_able, _no_process_is_held, _connections, _locks, _open_files, _what_stays_behind, _room,
)  # fmt: skip


# ---- Before a restore


def _same_machine(sight: RestoreSight) -> Iterator[Finding]:
    then, now = sight.then, sight.now
    if then.get("architecture") and then["architecture"] != now.get("architecture"):
        yield Finding(
            "architecture", "Another architecture", BLOCK, f"It was taken on {then['architecture']}.", forceable=False
        )
    missing = sorted(set(then.get("cpu_flags") or []) - set(now.get("cpu_flags") or []))
    if missing and now.get("cpu_flags"):
        yield Finding(
            "cpu", "This CPU lacks features that it may use", BLOCK,
            f"{', '.join(missing[:8])}{'' if len(missing) < 9 else f' and {len(missing) - 8} more'}.",
            "Restore on a host with the same or a newer CPU.",
        )  # fmt: skip
    for key, title, level in (
        ("cgroup_manager", "Another cgroup manager", BLOCK),
        ("cgroup_version", "Another cgroup version", WARN),
        ("security_module", "Another security module", BLOCK),
    ):
        if key in then and key in now and then[key] != now[key]:
            detail = f"It was taken with {then[key] or 'none'}, this host has {now[key] or 'none'}."
            yield Finding(key.replace("_", "-"), title, level, detail)


def _same_tools(sight: RestoreSight) -> Iterator[Finding]:
    then, now = sight.then, sight.now
    before, here = _version(then.get("criu_version", "")), _version(now.get("criu_version", ""))
    if before and here and here < before:
        yield Finding(
            "criu-older", "CRIU is older here", BLOCK,
            f"It was taken with {then['criu_version']}, this host has {now['criu_version']}.", "Install a newer CRIU.",
        )  # fmt: skip
    elif not before or not here:
        yield Finding("criu-unknown", "CRIU's version is not known", WARN, "Nobody knows whether the versions fit.")
    kernel, kernel_here = _version(then.get("kernel", "")), _version(now.get("kernel", ""))
    if kernel and kernel_here and kernel_here < kernel:
        yield Finding(
            "kernel-older", "The kernel is older here", WARN, f"It was taken on {then['kernel']}: see that it works."
        )


def _version(text):
    """(major, minor) of a version such as `4.2.1` or `6.18.5-amd64`; () when it has none."""
    parts = text.split(".")
    return (int(parts[0]), int(parts[1])) if len(parts) > 1 and parts[0].isdigit() and parts[1].isdigit() else ()


def _what_it_needs(sight: RestoreSight) -> Iterator[Finding]:
    if not sight.archive_here:
        yield Finding(
            "archive-missing", "The archive is not in the store", BLOCK, remedy="Bring it back from a backup.",
            forceable=False,
        )  # fmt: skip
    if not sight.image_here:
        yield Finding(
            "image-missing", "Its image is not on this host", BLOCK,
            f"It needs the very image {sight.image_name or 'without a name'} that its container was made from; a newer "
            "one of the same name will not do.", "Pull that image, or bring it with podman save and podman load.",
            forceable=False,
        )  # fmt: skip
    gone = sorted(set(sight.then.get("networks", [])) - sight.networks)
    if gone:
        yield Finding(
            "network-missing", "A network is not there", BLOCK, f"{', '.join(gone)}.", "Create it first.",
            forceable=False,
        )  # fmt: skip
    if sight.missing_binds:
        yield Finding(
            "bind-missing", "A path that it mounts is not there", BLOCK, f"{', '.join(sight.missing_binds[:5])}.",
            "Make these paths on the host first.", forceable=False,
        )  # fmt: skip


def _what_is_taken(sight: RestoreSight) -> Iterator[Finding]:
    if sight.name_taken:
        yield Finding(
            "name-taken", "Its name is taken", BLOCK, f"A container here is called {sight.name}.",
            "Choose another name.", "name", forceable=False,
        )  # fmt: skip
    if sight.ports_taken:
        yield Finding(
            "port-taken", "A published port is taken", BLOCK, f"{', '.join(sight.ports_taken)}.",
            "Publish other ports, or free these.", "publish",
        )  # fmt: skip
    wanted = set(sight.then.get("static_addresses", []))
    if not sight.options.name:
        wanted |= set(sight.then.get("addresses", []))
    taken = sorted(wanted & set(sight.addresses))
    if taken and not sight.options.ignore_static_ip:
        who = ", ".join(f"{address} by {sight.addresses[address]}" for address in taken)
        yield Finding(
            "address-taken", "Its IP address is taken", BLOCK, f"{who}.", "Tick “Without its IP address”.",
            "ignore_static_ip",
        )  # fmt: skip
    in_the_way = sorted(set(sight.then.get("volumes", [])) & sight.volumes)
    if in_the_way and not sight.options.ignore_volumes:
        yield Finding(
            "volume-exists", "A volume of that name exists", BLOCK,
            f"{', '.join(in_the_way)}: Podman restores volumes only where they are not.",
            "Tick “Without named volumes” to use those that are here.", "ignore_volumes",
        )  # fmt: skip
    elif in_the_way:
        yield Finding("volume-kept", "Volumes stay as they are here", WARN, f"{', '.join(in_the_way)}.")


def _answers(sight: RestoreSight) -> Iterator[Finding]:
    """What was chosen at the checkpoint wants the same answer now."""
    names, options = sight.members, sight.options
    streams = sum(name.startswith("checkpoint/tcp-stream-") for name in names)
    if streams and not (options.tcp_established or options.tcp_close):
        yield Finding(
            "tcp-in-image", f"{streams} TCP connections are in it", BLOCK,
            "CRIU must be told what becomes of them.", "Tick “Established TCP connections”.", "tcp_established",
        )  # fmt: skip
    if "checkpoint/filelocks.img" in names and not options.file_locks:
        yield Finding(
            "locks-lost", "It held locks on files", WARN, "Without the option they are gone, and nobody is told.",
            "Tick “File locks”.", "file_locks",
        )  # fmt: skip


def _pod(sight: RestoreSight) -> Iterator[Finding]:
    if sight.then.get("pod") and not sight.options.pod:
        yield Finding(
            "pod", "It was in a pod", BLOCK, "Podman restores it only into one.", "Name a pod.", "pod", forceable=False
        )
    if sight.options.pod and "pod" in sight.then and not sight.then["pod"]:
        yield Finding(
            "pod", "It was in no pod", BLOCK, "Podman does not restore it into one.", "Leave the pod empty.", "pod",
            forceable=False,
        )  # fmt: skip


def _restore_room(sight: RestoreSight) -> Iterator[Finding]:
    memory = sum(size for name, size in sight.members.items() if name.startswith("checkpoint/pages-"))
    whole = sum(sight.members.values())
    if sight.free_memory < memory:
        yield _full(
            "free-memory", "The host's memory", sight.free_memory, memory, "End something, or take another host."
        )
    if sight.store_free < whole:
        yield _full("store-space", "The archive store", sight.store_free, whole, "Free some space in it.")
    if sight.storage_free < whole:
        yield _full("storage-space", "Podman's storage", sight.storage_free, whole, "Free some space there.")
    yield Finding(
        "memory", f"{memory // MIB:,} MiB of memory come back",
        detail=f"{sight.free_memory // MIB:,} MiB are free on this host.",
    )  # fmt: skip


IN_PLACE_RULES = (_host_is_able, _answers)
RESTORE_RULES = (
    _host_is_able, _same_machine, _same_tools, _what_it_needs, _what_is_taken, _answers, _pod, _restore_room,
)  # fmt: skip
