"""What is inside a checkpoint, as plain facts, from the members of its archive that were kept on the way.

Takes bytes by member name and gives what JSON can hold, each list capped at MOST with the number that was left out.
What cannot be read is named in `unreadable`; nothing is opened or unpacked. Knows no Podman and no store.
"""

import ipaddress
import json
import struct
from contextlib import suppress

from containers_app.errors import ArchiveError

from . import images, pagemaps

MOST = 2000  # rows of one list
STATES = {1: "alive", 2: "dead", 3: "stopped", 6: "zombie"}  # criu/include/image.h, TASK_*
TYPES = {
    1: "file", 2: "pipe", 3: "FIFO", 4: "socket", 5: "Unix socket", 6: "eventfd", 7: "epoll", 8: "inotify",
    9: "signalfd", 10: "packet socket", 11: "terminal", 12: "fanotify", 13: "netlink socket", 14: "namespace",
    15: "tun", 16: "external", 17: "timerfd", 18: "memfd",
}  # fmt: skip
# include/net/tcp_states.h of Linux
TCP_STATES = (
    "", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
    "LAST_ACK", "LISTEN", "CLOSING",
)  # fmt: skip
FAMILIES = {2: "4", 10: "6"}
PROTOCOLS = {6: "TCP", 17: "UDP"}


def engine_of(names, config):
    """`podman`, `cri-o`, `containerd`, or "" for an archive with these member names and this parsed `config.dump`."""
    if "status.dump" in names:
        return "containerd"
    if "bind.mounts" in names:
        return "cri-o"
    return "podman" if isinstance(config, dict) and "spec" in config and "rootfsImageID" in config else ""


def inspect(kept, names):
    """{engine, processes, files, sockets, mounts, unreadable, more}. `kept` is {member name: bytes}."""
    reader = _Reader(kept)
    files = {entry.get("id"): entry for entry in reader.entries("files")}
    config = _json(kept.get("config.dump", b"null"))
    lists = {
        "processes": [_process(reader, entry) for entry in reader.entries("pstree")],
        "files": [_file(entry) for entry in files.values() if entry.get("type") not in (4, 5)],
        "sockets": [_socket(reader, entry) for entry in files.values() if entry.get("type") in (4, 5)],
        "mounts": [_mount(entry) for entry in reader.entries("mountpoints")],
    }
    more = {name: len(rows) - MOST for name, rows in lists.items() if len(rows) > MOST}
    rows = {name: rows[:MOST] for name, rows in lists.items()}
    return {"engine": engine_of(names, config), **rows, "unreadable": sorted(reader.unreadable), "more": more}


class _Reader:
    """The kept images, read when they are asked for; what cannot be read is empty, and remembered."""

    def __init__(self, kept):
        self._kept = {name.removeprefix("checkpoint/"): content for name, content in kept.items()}
        self.unreadable = set()

    def one(self, kind, number):
        """The first message of `kind-number.img`; {} when there is none."""
        return next(iter(self._read(kind, f"{kind}-{number}.img")), {})

    def numbered(self, kind, number):
        return self._read(kind, f"{kind}-{number}.img")

    def entries(self, kind):
        """The messages of all images of that kind."""
        names = sorted(name for name in self._kept if images.kind_of(name) == kind)
        return [entry for name in names for entry in self._read(kind, name)]

    def _read(self, kind, name):
        try:
            return images.read(kind, self._kept[name]) if name in self._kept else []
        except ArchiveError:
            self.unreadable.add(name)
            return []


def _process(reader, entry):
    pid = entry.get("pid", 0)
    core, mm = reader.one("core", pid), reader.one("mm", pid)
    task, thread = core.get("tc", {}), core.get("thread_core", {})
    pagemap = reader.numbered("pagemap", pid)[1:]
    vmas = mm.get("vmas", [])
    return {
        "pid": pid,
        "ppid": entry.get("ppid", 0),
        "comm": task.get("comm", ""),
        "state": STATES.get(task.get("task_state"), str(task.get("task_state", ""))),
        "threads": len(entry["threads"]),
        "uid": thread.get("creds", {}).get("uid"),
        "mappings": len(vmas),
        "mapped_bytes": sum(max(0, vma.get("end", 0) - vma.get("start", 0)) for vma in vmas),
        "dumped_bytes": sum(pagemaps.page_count(row) for row in pagemap) * pagemaps.PAGE,
    }


def _file(entry):
    kind = entry.get("type")
    regular = entry.get("reg", {})
    return {
        "id": entry.get("id"),
        "type": TYPES.get(kind, str(kind)),
        "path": regular.get("name", ""),
        "position": regular.get("pos", 0),
        "size": regular.get("size"),
    }


def _socket(reader, entry):
    if "usk" in entry:
        socket = entry["usk"]
        name = socket.get("name", b"").decode("utf-8", "replace").rstrip("\0").replace("\0", "@")
        state = TCP_STATES[10] if socket.get("state") == 10 else "CONNECTED" if socket.get("peer") else ""
        return {"id": entry.get("id"), "type": "Unix", "state": state, "source": name, "target": ""}
    socket = entry.get("isk", {})
    state = socket.get("state", 0)
    stream = reader.one("tcp-stream", f"{socket.get('ino', 0):x}")
    return {
        "id": entry.get("id"),
        "type": PROTOCOLS.get(socket.get("proto"), str(socket.get("proto"))) + FAMILIES.get(socket.get("family"), ""),
        "state": TCP_STATES[state] if state < len(TCP_STATES) else str(state),
        "source": _address(socket.get("src_addr", []), socket.get("src_port", 0)),
        "target": _address(socket.get("dst_addr", []), socket.get("dst_port", 0)) if socket.get("dst_port") else "",
        "receive_bytes": stream.get("inq_len", 0),
        "send_bytes": stream.get("outq_len", 0),
    }


def _address(words, port):
    """CRIU keeps an address as 32-bit words whose bytes lie in network order."""
    packed = b"".join(struct.pack("<I", word & 0xFFFFFFFF) for word in words[:4])
    with suppress(ValueError):
        found = ipaddress.ip_address(packed)
        return f"[{found}]:{port}" if found.version == 6 else f"{found}:{port}"
    return f":{port}"


def _mount(entry):
    names = ("mountpoint", "source", "root", "options", "fsname", "ext_key")
    return {name: entry.get(name, "") for name in names}


def _json(content):
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
