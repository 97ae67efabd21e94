"""Will it work? The rules by which a restore is judged; what a Finding is, preflight.py says."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field

from .needs import NOTHING, Needs
from .preflight import BLOCK, MIB, WARN, Finding, full, graded, host_is_able
from .types import RestoreOptions


@dataclass(frozen=True)
class RestoreSight:
    """What a restore, or several copies of one, is judged by. `then` are the facts kept at capture, `now` the host's.

    `members` is {name: bytes} of the archive; `image_here`, `archive_here` whether those are, `image_kept` whether the
    store has it, `flaw` why the archive cannot be relied on; `names_taken`, `ports_taken` the asked ones that are not
    free; `volumes`, `networks` ({name: subnets}), `pods` and `addresses` ({address: container}) what the host has;
    `missing_binds` the sources of bind mounts that the host lacks, `other_binds` those that are a folder where it had a
    file, or the other way round, `changed_binds` those that were written to since; `cpu_refused` what CRIU says against
    this CPU, `cpus` the numbers of its CPUs; `id_taken` the container that has its ID. `needs` is what the inside of
    the checkpoint asks for, `unknown_profiles` what of that the security module here has not loaded, `lock_missing`
    whether the tool is missing that locked its network.
    """

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
    copies: int = 1
    cpu_refused: str = ""
    cpus: frozenset = frozenset()
    needs: Needs = NOTHING
    unknown_profiles: list = field(default_factory=list)
    lock_missing: bool = False
    id_taken: str = ""
    names_taken: list = field(default_factory=list)
    ports_taken: list = field(default_factory=list)
    volumes: frozenset = frozenset()
    networks: dict = field(default_factory=dict)
    pods: frozenset = frozenset()
    addresses: dict = field(default_factory=dict)
    missing_binds: list = field(default_factory=list)
    other_binds: list = field(default_factory=list)
    changed_binds: list = field(default_factory=list)
    readiness: list = field(default_factory=list)
    free_memory: int = 0
    store_free: int = 0
    storage_free: int = 0

    @property
    def oci_runtime(self):
        return self.then.get("oci_runtime", "")


REMEDIES = {
    "cgroup_version": "CRIU brings no mount of the one back as the other: restore on a host with the same one. Only "
    "what has none mounted (--tmpfs /sys/fs/cgroup) will do here.",
}


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
    if sight.cpu_refused or (missing and now.get("cpu_flags")):
        more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
        detail = f"{', '.join(missing[:8])}{more}." if missing else f"CRIU says: {sight.cpu_refused}"
        yield Finding(
            "cpu", "This CPU lacks features that it may use", BLOCK, detail,
            "Restore on a host with the same or a newer CPU.",
        )  # fmt: skip
    for key, title, level in (
        ("cgroup_manager", "Another cgroup manager", BLOCK),
        ("cgroup_version", "Another cgroup version", BLOCK),
        ("security_module", "Another security module", BLOCK),
    ):
        if key in then and key in now and then[key] != now[key]:
            detail = f"It was taken with {then[key] or 'none'}, this host has {now[key] or 'none'}."
            yield Finding(key.replace("_", "-"), title, level, detail, REMEDIES.get(key, ""))


def _security_profiles(sight: RestoreSight) -> Iterator[Finding]:
    """CRIU puts each process under the profile that it had; the module's own kind is compared in _same_machine."""
    needs, module = sight.needs, sight.now.get("security_module")
    told = "security_module" in sight.then or module is None or not needs.security_module
    if needs.profiles and not told and needs.security_module != module:
        detail = f"Its processes ran under {needs.security_module}, this host has {module or 'none'}."
        yield Finding("security-module", "Another security module", BLOCK, detail)
    if sight.unknown_profiles:
        remedy = "Install the policy that has it, such as container-selinux."
        if module == "apparmor":
            remedy = (
                "Load it with apparmor_parser. Podman loads its own (containers-default-…) when it starts a container, "
                "if it is of the same version."
            )
        yield Finding(
            "security-profile", "A security profile is not loaded here", BLOCK,
            f"Its processes ran under {', '.join(sight.unknown_profiles[:5])}.", remedy,
        )  # fmt: skip


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
    missing = sorted(set(sight.needs.plugins) - set(now.get("criu_plugins", sight.needs.plugins)))
    if missing:
        yield Finding(
            "plugin-missing", "CRIU lacks a plugin here", BLOCK, f"It was taken with {', '.join(missing[:5])}.",
            "Install the same plugins of CRIU, and the driver that they are for.",
        )  # fmt: skip
    if sight.lock_missing:
        yield Finding(
            "network-lock", "What locked its network is not here", WARN,
            "It was taken with iptables, which CRIU calls again at the restore.", "Install iptables.",
        )  # fmt: skip


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
    gone = sorted(set(sight.then.get("networks", [])) - set(sight.networks))
    if gone:
        yield Finding(
            "network-missing", "A network is not there", BLOCK, f"{', '.join(gone)}.", "Create it first.",
            forceable=False,
        )  # fmt: skip
    if secrets := sight.then.get("secrets"):
        yield Finding(
            "secret-mounted", "A secret is mounted in it", BLOCK,
            f"{', '.join(secrets[:5])}: Podman brings that mount back in place only, never from an archive.",
            "Give it to a new container by --secret type=env, or in a volume.",
        )  # fmt: skip
    if "checkpoint/parent" in sight.members and not any(name.startswith("pre-checkpoint/") for name in sight.members):
        yield Finding(
            "parent-missing", "Half of its memory is in another archive", BLOCK,
            "It was taken after a pre-checkpoint, whose archive is not in this one.",
            "Use a checkpoint that was taken here, or one without a pre-checkpoint.", forceable=False,
        )  # fmt: skip


def _paths(sight: RestoreSight) -> Iterator[Finding]:
    """Paths of the host that it mounts: its memory knows them as they were."""
    if sight.missing_binds:
        yield Finding(
            "bind-missing", "A path that it mounts is not there", BLOCK, f"{', '.join(sight.missing_binds[:5])}.",
            "Make these paths on the host first.", forceable=False,
        )  # fmt: skip
    if sight.other_binds:
        yield Finding(
            "bind-kind", "A path that it mounts is of another kind", BLOCK,
            f"{', '.join(sight.other_binds[:5])}: a folder where it had a file, or the other way round.",
            "Put back what was there.", forceable=False,
        )  # fmt: skip
    if sight.changed_binds:
        yield Finding(
            "bind-changed", "Paths that it mounts were written to since", WARN,
            f"{', '.join(sight.changed_binds[:5])}: what it has in memory of them may be older.",
        )  # fmt: skip


def _name(sight: RestoreSight) -> Iterator[Finding]:
    if sight.names_taken:
        yield Finding(
            "name-taken", "Its name is taken", BLOCK, f"A container here is called {', '.join(sight.names_taken[:5])}.",
            "Choose another name.", "name", forceable=False,
        )  # fmt: skip
    elif sight.id_taken:
        yield Finding(
            "id-taken", "Its ID is taken", BLOCK, f"{sight.id_taken} here is the same container, renamed.",
            "Restore it under a name of its own: then it gets a new ID.", "name", forceable=False,
        )  # fmt: skip
    if sight.options.name:
        yield Finding("host-name", "Its host name stays", detail="Inside, it is still called as the original is.")


def _ports(sight: RestoreSight) -> Iterator[Finding]:
    if sight.ports_taken:
        yield Finding(
            "port-taken", "A published port is taken", BLOCK, f"{', '.join(sight.ports_taken)}.",
            "Free it." if sight.in_place else "Publish other ports, or free these.",
            "" if sight.in_place else "publish",
        )  # fmt: skip


def _addresses(sight: RestoreSight) -> Iterator[Finding]:
    wanted = _wanted_addresses(sight)
    taken = sorted(wanted & set(sight.addresses))
    if taken and not sight.options.ignore_static_ip:
        who = ", ".join(f"{address} by {sight.addresses[address]}" for address in taken)
        yield _without_address("address-taken", "Its IP address is taken", f"{who}.", sight)
    subnets = [subnet for name in sight.then.get("networks", []) for subnet in sight.networks.get(name, [])]
    outside = sorted(address for address in wanted if subnets and not _in_one_of(subnets, address))
    if outside and not sight.options.ignore_static_ip:
        words = f"{', '.join(outside)} is in none of {', '.join(subnets)}: the network was made anew."
        yield _without_address("address-outside", "Its IP address is not of its network", words, sight)
    if sight.options.ignore_static_ip and not sight.options.ignore_static_mac and _before_4_4(sight.now):
        yield Finding("mac-dropped", "Its MAC address goes too", detail="Before Podman 4.4 one goes with the other.")


def _wanted_addresses(sight):
    """An import takes the addresses that it had; with a name of its own only those that were asked for by --ip."""
    wanted = set(sight.then.get("static_addresses", []))
    return wanted if sight.options.name else wanted | set(sight.then.get("addresses", []))


def _without_address(key, title, detail, sight):
    """In place, Podman has no option for it."""
    cure, option = "Tick “Without its IP address”.", "ignore_static_ip"
    if sight.in_place:
        cure, option = "Free it, or restore it as a new container.", ""
    return Finding(key, title, BLOCK, detail, cure, option)


def _in_one_of(subnets, address):
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(subnet) for subnet in subnets)


def _before_4_4(facts):
    return bool(version := _version(facts.get("podman_version", ""))) and version < (4, 4)


def _volumes(sight: RestoreSight) -> Iterator[Finding]:
    in_the_way = sorted(set(sight.then.get("volumes", [])) & sight.volumes)
    if in_the_way and not sight.options.ignore_volumes:
        yield Finding(
            "volume-exists", "A volume of that name exists", BLOCK,
            f"{', '.join(in_the_way)}: Podman restores volumes only where they are not.",
            "Tick “Without named volumes” to use those that are here.", "ignore_volumes",
        )  # fmt: skip
    elif in_the_way:
        yield Finding("volume-kept", "Volumes stay as they are here", WARN, f"{', '.join(in_the_way)}.")
    elif sight.copies > 1 and sight.then.get("volumes") and not sight.options.ignore_volumes:
        yield Finding(
            "volume-once", "Its volumes can come back only once", BLOCK,
            f"{', '.join(sight.then['volumes'])}: after the first copy they exist.",
            "Restore one first, then the others with “Without named volumes”.", forceable=False,
        )  # fmt: skip


def _answers(sight: RestoreSight) -> Iterator[Finding]:
    """What was chosen at the checkpoint wants the same answer now."""
    names, options = sight.members, sight.options
    streams = sum(name.startswith("checkpoint/tcp-stream-") for name in names)
    if streams and not (options.tcp_established or options.tcp_close):
        yield Finding(
            "tcp-in-image", f"{streams} TCP connections are in it", BLOCK,
            "CRIU must be told what becomes of them.", "Tick “Established TCP connections”.", "tcp_established",
        )  # fmt: skip
    kept = set() if options.ignore_static_ip else _wanted_addresses(sight)
    lost = sorted(sight.needs.bound & set(sight.then.get("addresses", [])) - kept)
    if lost and options.tcp_established and not sight.in_place:
        yield Finding(
            "tcp-address", "Its connections are bound to an address that it loses", BLOCK,
            f"{', '.join(lost)}: under another name, or without its IP address, it gets a new one.",
            "Restore it under its own name and with its IP address.", "name",
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
    if sight.options.pod and sight.options.pod not in sight.pods:
        yield Finding(
            "pod-missing", "That pod is not here", BLOCK, f"There is no {sight.options.pod}.", "Name another pod, or "
            "make it first.", "pod", forceable=False,
        )  # fmt: skip
    if sight.options.pod and "pod" in sight.then and not sight.then["pod"]:
        yield Finding(
            "pod", "It was in no pod", BLOCK, "Podman does not restore it into one.", "Leave the pod empty.", "pod",
            forceable=False,
        )  # fmt: skip


def _limits(sight: RestoreSight) -> Iterator[Finding]:
    """What the container is held to, against what comes back and what this host has.

    Memory that processes have in common since a fork is in the dump once for each, and is shared again by CRIU: ten
    with 20 MiB in common came back within 64 MiB, with 240 MiB in the dump (measured). So only the largest one blocks.
    """
    needs, memory = sight.needs, _memory(sight)
    limit = needs.memory_limit
    if limit and needs.largest_process > limit:
        yield Finding(
            "memory-limit", "Its memory limit is too small for it", BLOCK,
            f"It is held to {limit // MIB:,} MiB, and one process alone has {needs.largest_process // MIB:,} MiB.",
            "No restore raises the limit: take it again of a container that has a larger one.",
        )  # fmt: skip
    elif limit and memory > limit:
        yield Finding(
            "memory-limit", "Its memory limit may be too small for it", WARN,
            f"It is held to {limit // MIB:,} MiB, {memory // MIB:,} MiB come back: it works where its processes have "
            "most of that in common.",
        )  # fmt: skip
    missing = sorted(needs.cpus - sight.cpus) if sight.cpus else []
    if missing:
        yield Finding(
            "cpu-set", "It is bound to CPUs that are not here", BLOCK,
            f"{', '.join(map(str, missing[:8]))}: this host has {len(sight.cpus)}.",
            "Restore on a host that has these CPUs (--cpuset-cpus).",
        )  # fmt: skip


def _namespaces(sight: RestoreSight) -> Iterator[Finding]:
    if "ipc" in sight.needs.shares:
        yield Finding(
            "host-ipc", "It shares the host's /dev/shm", BLOCK, "A restore would roll that back for the whole host.",
            "Create it again without --ipc=host.", forceable=False,
        )  # fmt: skip
    if "user" in sight.needs.shares:
        yield Finding(
            "user-namespace", "It has a user namespace", BLOCK, "CRIU cannot read the images as its user.",
            "Create it again without --userns.",
        )  # fmt: skip
    if "pid" in sight.needs.shares:
        yield Finding(
            "host-pid", "It shares the host's process numbers", WARN, "Its own must be free here, every one of them."
        )


def _alike(sight: RestoreSight) -> Iterator[Finding]:
    if sight.copies > 1:
        yield Finding(
            "copies-alike", "The copies know the same", WARN,
            "Random numbers, session keys and tokens that are in its memory will be the same in each.",
            "Let each be given new ones, where that matters.",
        )  # fmt: skip


def _memory(sight):
    """Bytes of memory in the dump."""
    pages = ("checkpoint/pages-", "pre-checkpoint/pages-")
    return sum(size for name, size in sight.members.items() if name.startswith(pages))


def _restore_room(sight: RestoreSight) -> Iterator[Finding]:
    memory = sight.copies * _memory(sight)
    whole = sight.copies * sum(sight.members.values())
    if sight.free_memory < memory:
        yield full(
            "free-memory", "The host's memory", sight.free_memory, memory, "End something, or take another host."
        )
    if not sight.in_place and sight.store_free < whole:
        yield full("store-space", "The archive store", sight.store_free, whole, "Free some space in it.")
    if not sight.in_place and sight.storage_free < whole:
        yield full("storage-space", "Podman's storage", sight.storage_free, whole, "Free some space there.")
    if not memory:
        return  # a checkpoint image tells only how large it is as a whole
    yield Finding(
        "memory", f"{memory // MIB:,} MiB of memory come back",
        detail=f"{sight.free_memory // MIB:,} MiB are free on this host.",
    )  # fmt: skip


IN_PLACE_RULES = (host_is_able, _security_profiles, _paths, _ports, _addresses, _answers, _limits, _restore_room)
RESTORE_RULES = (
    host_is_able, _same_machine, _security_profiles, _same_tools, _what_it_needs, _paths, _name, _ports, _addresses,
    _volumes, _answers, _pod, _limits, _namespaces, _alike, _restore_room,
)  # fmt: skip
