"""Will it work? The rules by which a restore is judged; what a Finding is, preflight.py says."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .preflight import BLOCK, MIB, WARN, Finding, full, graded, host_is_able
from .types import RestoreOptions


@dataclass(frozen=True)
class RestoreSight:
    """What a restore is judged by. `then` are the facts kept at capture, `now` the host's, both as JSON.

    `members` is {name: bytes} of the archive; `image_here`, `archive_here` whether those are, `image_kept` whether the
    store has it, `flaw` what a reading of the archive found wrong; `names`, `volumes`, `networks`, `addresses` what the
    host has taken; `ports` the asked ones that are not free; `missing_binds` the sources of bind mounts that it lacks.
    """

    name: str
    in_place: bool
    options: RestoreOptions
    then: dict
    now: dict
    members: dict
    image_name: str = ""
    image_here: bool = True
    image_kept: bool = False
    archive_here: bool = True
    flaw: str = ""
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

    @property
    def oci_runtime(self):
        return self.then.get("oci_runtime", "")


def of_restore(sight: RestoreSight):
    """[Finding] of a restore, the gravest first."""
    return graded(rule(sight) for rule in (IN_PLACE_RULES if sight.in_place else RESTORE_RULES))


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
    elif sight.flaw:
        yield Finding(
            "archive-flawed", "The archive cannot be relied on", BLOCK, sight.flaw,
            "Use another checkpoint, or bring the archive back from a copy of the store and read it again.",
            forceable=False,
        )  # fmt: skip
    if not sight.image_here and sight.image_kept:
        detail = f"{sight.image_name or 'It has no name'}: it was kept beside the checkpoint, and is loaded first."
        yield Finding("image-brought", "Its image will be brought", detail=detail)
    elif not sight.image_here:
        yield Finding(
            "image-missing", "Its image is not on this host", BLOCK,
            f"It needs the very image {sight.image_name or 'without a name'} that its container was made from; a newer "
            "one of the same name will not do, and none was kept.",
            "Pull it, or bring it with podman save and podman load.", forceable=False,
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
        yield full(
            "free-memory", "The host's memory", sight.free_memory, memory, "End something, or take another host."
        )
    if sight.store_free < whole:
        yield full("store-space", "The archive store", sight.store_free, whole, "Free some space in it.")
    if sight.storage_free < whole:
        yield full("storage-space", "Podman's storage", sight.storage_free, whole, "Free some space there.")
    yield Finding(
        "memory", f"{memory // MIB:,} MiB of memory come back",
        detail=f"{sight.free_memory // MIB:,} MiB are free on this host.",
    )  # fmt: skip


IN_PLACE_RULES = (host_is_able, _answers)
RESTORE_RULES = (
    host_is_able, _same_machine, _same_tools, _what_it_needs, _what_is_taken, _answers, _pod, _restore_room,
)  # fmt: skip
