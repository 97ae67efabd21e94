"""What is inside a checkpoint, as plain facts, from what was gleaned of its archive on the way (gleaning.py).

Gives what JSON and every database can hold, each list capped at MOST with the number that was left out. What cannot be
read is named in `unreadable`; nothing is opened or unpacked, and no archive makes it raise. The values of environment
variables are secret: `environment` alone gives them, `inspect` their names.
"""

from containers_app.errors import ArchiveError

from . import descriptors, images, pagemaps, privileges, surroundings
from .gleaning import CONFIG_DUMP, FOLDER

MOST = 2000  # rows of one list
VARIABLES_MOST = 1000  # variables of one process
TEXT = 4096  # characters of one text
STATES = {1: "alive", 2: "dead", 3: "stopped", 6: "zombie"}  # criu/include/image.h, TASK_*
SECCOMP = {0: "none", 1: "strict", 2: "filter"}  # seccomp(2)
NAMESPACES = ("pid", "net", "ipc", "uts", "mnt", "user", "cgroup", "time")
# images/mnt.proto, fstype; of others the entry has the name itself
FILE_SYSTEMS = {
    1: "proc", 2: "sysfs", 3: "devtmpfs", 4: "binfmt_misc", 5: "tmpfs", 6: "devpts", 8: "pstore", 9: "securityfs",
    10: "fusectl", 11: "debugfs", 12: "cgroup", 13: "aufs", 14: "mqueue", 15: "fuse", 17: "overlay", 18: "autofs",
    19: "tracefs", 23: "cgroup2",
}  # fmt: skip
SECURITY_MODULES = {1: "selinux", 2: "apparmor"}  # images/inventory.proto, lsmtype
NETWORK_LOCKS = {0: "iptables", 1: "nftables", 2: "skip"}  # criu/include/cr_options.h, NETWORK_LOCK_METHOD
MOUNT_FLAGS = {1: "ro", 2: "nosuid", 4: "nodev", 8: "noexec", 1024: "noatime", 1 << 21: "relatime"}  # mount(2), MS_*
# criu/include/image.h, VMA_*: what a mapping is
HEAP, STACK, VDSO, VSYSCALL, VVAR = 1 << 5, 1 << 1, 1 << 3, 1 << 2, 1 << 12
FILE_MAPPED = 1 << 6 | 1 << 7
NAMED = {HEAP: "[heap]", STACK: "[stack]", VDSO: "[vdso]", VSYSCALL: "[vsyscall]", VVAR: "[vvar]"}
MAP_SHARED = 1  # mmap(2)


def engine_of(names, config):
    """`podman`, `cri-o`, `containerd`, or "" for an archive with these member names and this parsed `config.dump`."""
    if "status.dump" in names:
        return "containerd"
    if "bind.mounts" in names:
        return "cri-o"
    return "podman" if isinstance(config, dict) and "spec" in config and "rootfsImageID" in config else ""


def of_archive(facts):
    """(`inspect`, `environment`) of types.ArchiveFacts."""
    sizes = {member.name: member.size for member in facts.members}
    seen = inspect(facts.small, sizes, memory=facts.memory, changes=facts.changes)
    return seen, environment(facts.small, facts.memory)


def inspect(kept, sizes, *, memory=None, changes=None):
    """Everything that is shown of a checkpoint. `kept` is {member name: bytes}, `sizes` {member name: bytes of all
    members}, `memory` and `changes` are a gleaning.Gleaner's."""
    reader = _Reader(kept)
    config, spec = surroundings.a_dict(reader.json(CONFIG_DUMP)), surroundings.spec_of(kept.get("spec.dump", b""))
    sizes = sizes if isinstance(sizes, dict) else dict.fromkeys(sizes, 0)
    files = {entry.get("id"): entry for entry in reader.entries("files")}
    space = _AddressSpaces(reader, files)
    tasks = reader.entries("pstree")
    lists = {
        "processes": [_process(reader, entry, space, files, memory or {}) for entry in tasks[:MOST]],
        "memory": space.rows,
        **_open_things(reader, tasks, files),
        "mounts": [_mount(entry) for entry in reader.entries("mountpoints")],
        "deleted": surroundings.texts(reader.json("deleted.files")),
    }
    more = {name: len(rows) - MOST for name, rows in lists.items() if len(rows) > MOST}
    if space.left_out:
        more["memory"] = space.left_out
    if len(tasks) > MOST:
        more["processes"] = len(tasks) - MOST
    return _clean(
        {
            "engine": engine_of(sizes, config),
            **{name: rows[:MOST] for name, rows in lists.items()},
            "environment": {key: [name for name, _ in pairs] for key, pairs in environment(kept, memory or {}).items()},
            "changes": changes,
            "volumes": surroundings.volumes(config, sizes),
            "sizes": _sizes(sizes),
            "statistics": next(iter(reader.file("stats", "stats-dump")), {}).get("dump", {}),
            "namespaces": _namespaces(reader),
            "criu": _criu(reader),
            "network": surroundings.networks(reader.json("network.status")),
            "configuration": surroundings.configuration(config, spec),
            "privileges": privileges.read(config, spec),
            "annotations": surroundings.annotations(spec),
            "mounts_asked": surroundings.mounts_asked(spec, reader.json("bind.mounts")),
            "unreadable": sorted(reader.unreadable),
            "more": more,
        }
    )


def environment(kept, memory):
    """{process ID as text, or `config`: [[name, value]]}: the variables that each process has in its memory, and those
    that the container was created with."""
    spec = surroundings.spec_of(kept.get("spec.dump", b""))
    asked = surroundings.texts(surroundings.a_dict(spec.get("process")).get("env"))
    found = {"config": _pairs(asked)} if asked else {}
    for pid, seen in sorted(memory.items())[:MOST]:
        if seen.environment:
            found[str(pid)] = _pairs(_strings(seen.environment))
    return _clean(found)


def _pairs(variables):
    pairs = (text.partition("=") for text in variables[:VARIABLES_MOST])
    return [[name, value] for name, _, value in pairs if name]


def _strings(content):
    """The NUL-terminated strings of a process's own memory. What follows its last NUL was cut off."""
    return [part.decode("utf-8", "replace") for part in content.rstrip(b"\0").split(b"\0")]


class _Reader:
    """The kept members, read when they are asked for; what cannot be read is empty, and remembered."""

    def __init__(self, kept):
        self._raw = kept
        self._kept = {name.removeprefix(FOLDER): content for name, content in kept.items()}
        self.unreadable = set()

    def json(self, name):
        found = surroundings.parsed(self._raw.get(name, b"null"))
        if found is None and self._raw.get(name, b"null").strip() != b"null":
            self.unreadable.add(name)
        return found

    def one(self, kind, number):
        """The first message of `kind-number.img`; {} when there is none."""
        return next(iter(self.file(kind, f"{kind}-{number}.img", most=1)), {})

    def numbered(self, kind, number):
        return self.file(kind, f"{kind}-{number}.img")

    def entries(self, kind):
        """The messages of all images of that kind."""
        names = sorted(name for name in self._kept if images.kind_of(name) == kind)
        return [entry for name in names for entry in self.file(kind, name)]

    def runs(self, kind, number):
        """The memory that a pagemap tells of, sorted by address."""
        name = f"{kind}-{number}.img"
        try:
            return sorted(pagemaps.runs(self._kept[name])) if name in self._kept else []
        except ArchiveError:
            self.unreadable.add(name)
            return []

    def file(self, kind, name, most=None):
        try:
            return images.read(kind, self._kept[name], most=most) if name in self._kept else []
        except ArchiveError:
            self.unreadable.add(name)
            return []


class _AddressSpaces:
    """The mappings of all processes, as rows, and what each process has of them."""

    def __init__(self, reader, files):
        self._reader, self._files, self._shared = reader, files, {}
        self._inodes = {entry.get("inode_id"): entry for entry in reader.entries("memfd")}
        self.rows, self.left_out = [], 0

    def of(self, pid, mm):
        """Add the rows of one process and return its sums: {mappings, mapped_bytes, dumped_bytes, shared_bytes}."""
        runs, vmas = self._reader.runs("pagemap", pid), mm.get("vmas", [])
        rows = [self._row(pid, vma, runs) for vma in vmas]
        room = max(0, MOST - len(self.rows))
        self.rows += rows[:room]
        self.left_out += max(0, len(rows) - room)
        return {
            "mappings": len(vmas),
            "mapped_bytes": sum(row["size"] for row in rows),
            "dumped_bytes": sum(run.size for run in runs),
            "shared_bytes": sum(row["dumped"] for row in rows if row["shared"]),
        }

    def _row(self, pid, vma, runs):
        start, end = vma.get("start", 0), vma.get("end", 0)
        prot, shared = vma.get("prot", 0), bool(vma.get("flags", 0) & MAP_SHARED)
        letters = "".join(letter if prot & bit else "-" for bit, letter in ((1, "r"), (2, "w"), (4, "x")))
        dumped = pagemaps.bytes_between(runs, start, end)
        region = pagemaps.shared_memory(vma, self._files, self._inodes)
        if region is not None:
            inside = vma.get("pgoff", 0)
            dumped = pagemaps.bytes_between(self._region(region), inside, inside + end - start)
        return {
            "pid": pid, "start": f"{start:x}", "end": f"{end:x}", "size": max(0, end - start),
            "prot": letters + ("s" if shared else "p"), "shared": shared, "name": self._name(vma, region),
            "dumped": dumped,
        }  # fmt: skip

    def _region(self, shmid):
        if shmid not in self._shared:
            self._shared[shmid] = self._reader.runs("pagemap-shmem", shmid)
        return self._shared[shmid]

    def _name(self, vma, region):
        if region is not None:
            return f"shared memory {region}"
        status = vma.get("status", 0)
        if status & FILE_MAPPED:
            return self._files.get(vma.get("shmid"), {}).get("reg", {}).get("name", "")
        return next((name for bit, name in NAMED.items() if status & bit), "")


def _process(reader, entry, space, files, memory):
    pid = entry.get("pid", 0)
    core, mm, fs = reader.one("core", pid), reader.one("mm", pid), reader.one("fs", pid)
    task, thread, seen = core.get("tc", {}), core.get("thread_core", {}), memory.get(pid)
    creds = thread.get("creds", {})
    path = lambda number: files.get(number, {}).get("reg", {}).get("name", "")  # noqa: E731
    return {
        "pid": pid, "ppid": entry.get("ppid", 0), "pgid": entry.get("pgid", 0), "sid": entry.get("sid", 0),
        "comm": task.get("comm", ""),
        "command": _strings(seen.arguments)[:MOST] if seen and seen.arguments else [],
        "state": STATES.get(task.get("task_state"), str(task.get("task_state", ""))),
        "exit_code": task.get("exit_code", 0),
        "threads": len(entry["threads"]), "thread_names": _thread_names(reader, entry, task),
        **{name: creds.get(name) for name in ("uid", "gid", "euid", "egid")},
        "groups": creds.get("groups", [])[:100],
        "capabilities": {name: _mask(creds.get(f"cap_{name}", [])) for name in ("eff", "prm", "inh", "bnd", "amb")},
        "no_new_privileges": bool(creds.get("no_new_privs", 0)),
        "seccomp": SECCOMP.get(thread.get("seccomp_mode", 0), str(thread.get("seccomp_mode"))),
        "lsm": creds.get("lsm_profile", ""), "nice": thread.get("sched_nice", 0),
        "oom_score": task.get("oom_score_adj", 0),
        "folder": path(fs.get("cwd_id")), "root": path(fs.get("root_id")), "umask": f"{fs.get('umask', 0):04o}",
        "program": path(mm.get("exe_file_id")),
        **space.of(pid, mm),
    }  # fmt: skip


def _thread_names(reader, entry, task):
    """[[thread ID, name]] where the threads are several."""
    if len(entry["threads"]) < 2:
        return []
    names = ((tid, reader.one("core", tid).get("thread_core", {}).get("comm", "")) for tid in entry["threads"][:100])
    return [[tid, name or task.get("comm", "")] for tid, name in names]


def _mask(words):
    """Capability sets are lists of 32-bit words, the low one first; here as in /proc/PID/status, in hex."""
    return f"{sum((word & images.U32) << 32 * place for place, word in enumerate(words[:2])):016x}"


def _open_things(reader, tasks, files):
    """{files, sockets}: all that is open, with who holds it."""
    held = descriptors.holders(
        (task.get("pid", 0), reader.numbered("fdinfo", _files_id(reader, task.get("pid", 0)))) for task in tasks
    )
    names = {number: descriptors.unix_name(entry["usk"]) for number, entry in files.items() if "usk" in entry}
    waiting = _summed(reader.entries("pipes-data") + reader.entries("fifo-data"), "pipe_id", "bytes")
    queues = _summed(reader.entries("sk-queues"), "id_for", "length")
    stream = lambda number: reader.one("tcp-stream", f"{number:x}")  # noqa: E731
    rows = {"files": [], "sockets": []}
    for entry in files.values():
        if descriptors.is_socket(entry):
            rows["sockets"].append(descriptors.socket_row(entry, held, names, stream, queues))
        else:
            rows["files"].append(descriptors.file_row(entry, held, waiting))
    return rows


def _files_id(reader, pid):
    """The number of a process's table of descriptors: in its core since CRIU 1, beside it before."""
    ids = reader.one("core", pid).get("ids") or reader.one("ids", pid)
    return ids.get("files_id", pid)


def _summed(entries, key, count):
    found = {}
    for entry in entries:
        found[entry.get(key)] = found.get(entry.get(key), 0) + entry.get(count, 0)
    return found


def _mount(entry):
    flags = entry.get("flags", 0) | entry.get("sb_flags", 0)
    names = ("mountpoint", "source", "root", "options", "ext_key")
    kind = FILE_SYSTEMS.get(entry.get("fstype"), "") or entry.get("fsname", "")
    return {
        **{name: entry.get(name, "") for name in names},
        "type": kind,
        "flags": [name for bit, name in MOUNT_FLAGS.items() if flags & bit],
        "id": entry.get("mnt_id"),
        "parent": entry.get("parent_mnt_id"),
        "shared": bool(entry.get("shared_id")),
        "slave": bool(entry.get("master_id")),
        "external": bool(entry.get("ext_mount")) or bool(entry.get("ext_key")),
    }


def _namespaces(reader):
    """[{kind, id, host_name}] of the first process, and what the UTS namespaces call the host."""
    ids = next(iter(reader.entries("ids")), {})
    names = next(iter(reader.entries("utsns")), {})
    found = [{"kind": kind, "id": ids[f"{kind}_ns_id"]} for kind in NAMESPACES if f"{kind}_ns_id" in ids]
    for row in found:
        row["detail"] = names.get("nodename", "") if row["kind"] == "uts" else ""
    return found


def _criu(reader):
    """What CRIU compares with the host where it restores: {security_module, network_lock, plugins}; {} of no dump."""
    inventory = next(iter(reader.entries("inventory")), {})
    if not inventory:
        return {}
    return {
        "security_module": SECURITY_MODULES.get(inventory.get("lsmtype"), ""),
        "network_lock": NETWORK_LOCKS.get(inventory.get("network_lock_method", 0), ""),
        "plugins": inventory.get("plugins_entry", {}).get("plugins", [])[:100],
    }


def _sizes(sizes):
    """Bytes of each part of the archive."""
    total = lambda chosen: sum(size for name, size in sizes.items() if chosen(name))  # noqa: E731
    return {
        "memory": total(lambda name: name.startswith(FOLDER + "pages-")),
        "images": total(lambda name: name.startswith(FOLDER) and not name.startswith(FOLDER + "pages-")),
        "rootfs_diff": sizes.get("rootfs-diff.tar", 0),
        "shared_memory_files": sizes.get("devshm-checkpoint.tar", 0),
        "volumes": total(lambda name: name.startswith("volumes/")),
    }


def _clean(value):
    """The same without what a database refuses: NUL, half a surrogate pair, text without end."""
    if isinstance(value, str):
        return value[:TEXT].encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value
