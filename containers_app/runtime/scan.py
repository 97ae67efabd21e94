"""What a running container holds that CRIU may not like: read from /proc in milliseconds, without touching it.

Its processes are those of its control group. Everything is bounded: a container with more than MOST processes, or a
process with more than MOST open files, is looked at in part. It decides nothing: the rules are in preflight.py.
"""

import ctypes
import os
import re
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from . import cgroup

PROC = cgroup.PROC
MOST = 2000  # processes, and open files of one process
SHOWN = 20  # entries of a list that are kept
# Character devices that every container has, and that CRIU knows (criu/files-ext.c, tty.c).
ORDINARY_DEVICES = re.compile(
    r"/dev/(?:null|zero|full|random|urandom|tty|ptmx|console|pts/.*|shm/.*|mqueue/.*|net/tun)"
)
UNSUPPORTED = {"[io_uring]": "io_uring", "[userfaultfd]": "userfaultfd", "[perf_event]": "perf_event"}
# Protocols of sockets that CRIU knows (criu/sk-inet.c, sockets.c), as the kernel calls them in /proc/net/protocols.
KNOWN_SOCKETS = {
    "TCP", "TCPv6", "UDP", "UDPv6", "UDP-Lite", "UDPLITEv6", "RAW", "RAWv6", "PING", "PINGv6", "UNIX", "UNIX-STREAM",
    "NETLINK", "PACKET",
}  # fmt: skip
WHOLE = ("user", "pid", "uts", "ipc", "cgroup")  # namespaces that all of a container must share (criu/namespaces.c)
GHOST_LIMIT = 1024 * 1024  # bytes of a deleted file that CRIU takes along (criu/include/files-reg.h)
ESTABLISHED, SYN_SENT, SYN_RECV, LISTEN = "01", "02", "03", "0A"  # include/net/tcp_states.h of Linux, as /proc/net/tcp
NAMESPACES = ("ipc", "user", "pid", "net", "uts")
CLONE_NEWNET = 0x40000000  # setns(2)
WALK = 0.15  # seconds for the sizes of folders


@dataclass
class Scan:
    """What was found. Lists hold SHOWN entries at the most, with the whole number beside them in `counts`."""

    shared: list = field(default_factory=list)  # ["ipc"]: namespaces that are this host's own
    processes: int = 0
    memory_bytes: int = 0
    stopped: list = field(default_factory=list)  # ["PID name"] in state T or t
    connections: list = field(default_factory=list)  # ["local > peer"] established
    half_open: list = field(default_factory=list)  # connections that are being made
    listening: list = field(default_factory=list)  # ["local"]
    datagrams: list = field(default_factory=list)  # ["local"] of UDP sockets with something that was not read yet
    locks: list = field(default_factory=list)  # ["PID name"] that hold a lock on a file
    inotify: list = field(default_factory=list)  # ["PID name"] that watch the image's own file system
    unsupported: list = field(default_factory=list)  # ["io_uring in PID name"]
    devices: list = field(default_factory=list)  # ["/dev/fuse in PID name"]
    deleted: list = field(default_factory=list)  # ["path (bytes)"] open, without a name, larger than GHOST_LIMIT
    external: list = field(default_factory=list)  # ["PID name"] with a Unix socket that leads out of the container
    counts: dict = field(default_factory=dict)

    def add(self, name, entry):
        rows = getattr(self, name)
        self.counts[name] = self.counts.get(name, 0) + 1
        if len(rows) < SHOWN:
            rows.append(entry)

    def as_json(self):
        return asdict(self)


def scan(pid, container_id):
    """Scan of the container whose first process is `pid`; an empty one when that is gone."""
    found, sockets = Scan(shared=[name for name in NAMESPACES if _is_ours(pid, name)]), {}
    root, namespaces = _device_of(PROC / str(pid) / "root"), _namespaces(PROC / str(pid))
    for number in cgroup.pids(pid, container_id)[:MOST]:
        with suppress(OSError):  # it has ended meanwhile
            _scan_process(found, number, root, namespaces, sockets)
    with suppress(OSError, ValueError):
        _scan_tcp(found, pid, sockets)
        _scan_udp(found, pid, sockets)
        _scan_unix(found, pid, sockets)
    return found


def _is_ours(pid, namespace):
    """True when a process is in the same namespace as this agent. Podman's inspect is wrong of --ipc=host (4.3.1)."""
    try:
        return os.path.samefile(PROC / str(pid) / "ns" / namespace, PROC / "self" / "ns" / namespace)
    except OSError:
        return False


def _namespaces(process):
    """{name: which one} of WHOLE, as the links in /proc/PID/ns say."""
    found = {}
    for name in WHOLE:
        with suppress(OSError):
            found[name] = os.readlink(process / "ns" / name)
    return found


def _scan_process(found, number, root, namespaces, sockets):
    folder = PROC / number
    status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line)
    who = f"{status['NSpid'].split()[-1]} {status['Name']}"
    found.processes += 1
    found.memory_bytes += 1024 * sum(int(status.get(name, "0").split()[0]) for name in ("RssAnon", "RssShmem"))
    if status["State"][0] in "Tt" or status.get("TracerPid", "0").strip() != "0":
        found.add("stopped", who)
    for name, own in _namespaces(folder).items():
        if own != namespaces.get(name, own):
            found.add("unsupported", f"a {name} namespace of its own in {who}")
    for entry in os.listdir(folder / "fd")[:MOST]:
        with suppress(OSError):
            _scan_file(found, folder, entry, who, root, sockets)


def _scan_file(found, folder, entry, who, root, sockets):
    target = os.readlink(folder / "fd" / entry)
    if target.startswith("socket:["):
        sockets[int(target[8:-1])] = who
        protocol = os.getxattr(folder / "fd" / entry, "system.sockprotoname").rstrip(b"\0").decode()
        if protocol not in KNOWN_SOCKETS:
            found.add("unsupported", f"a socket of {protocol.removeprefix('AF_')} in {who}")
        return
    if target.startswith("anon_inode:"):
        kind = target.removeprefix("anon_inode:")
        if kind in UNSUPPORTED or kind.startswith("bpf"):
            found.add("unsupported", f"{UNSUPPORTED.get(kind, 'eBPF')} in {who}")
        elif kind == "inotify" and root in _watched(folder / "fdinfo" / entry):
            found.add("inotify", who)
        return
    if target.startswith("/dev/") and not ORDINARY_DEVICES.fullmatch(target):
        found.add("devices", f"{target} in {who}")
    if target.endswith(" (deleted)") and target.startswith("/") and not target.startswith(("/memfd:", "/SYSV")):
        size = os.stat(folder / "fd" / entry).st_size
        if size > GHOST_LIMIT:
            found.add("deleted", f"{target.removesuffix(' (deleted)')} ({size:,} bytes)")
    if target.startswith("/") and "\nlock:" in (folder / "fdinfo" / entry).read_text():
        found.add("locks", who)


def _watched(info):
    """The devices that an inotify watches, from fdinfo's `inotify wd:1 ino:… sdev:2f …` (proc(5))."""
    numbers = [int(match, 16) for match in re.findall(r"^inotify .*?sdev:([0-9a-f]+)", info.read_text(), re.MULTILINE)]
    return {(number >> 20, number & 0xFFFFF) for number in numbers}  # the kernel's own MAJOR and MINOR


def _device_of(path):
    with suppress(OSError):
        device = os.stat(f"{path}/").st_dev
        return os.major(device), os.minor(device)
    return None


def _scan_tcp(found, pid, sockets):
    for fields in _net_rows(pid, "tcp", "tcp6"):
        half_open = fields[3] in {SYN_SENT, SYN_RECV}
        if int(fields[9]) not in sockets and not half_open:
            continue  # another container's, where they share a network
        local, peer = _address(fields[1]), _address(fields[2])
        if fields[3] == ESTABLISHED:
            found.add("connections", f"{local} > {peer}")
        elif fields[3] == LISTEN:
            found.add("listening", local)
            if waiting := int(fields[4].partition(":")[2], 16):  # of a listening socket: connections, not bytes
                found.add("half_open", f"{local} has {waiting} that it has not accepted yet")
        elif half_open:
            found.add("half_open", f"{local} > {peer}")


def _scan_udp(found, pid, sockets):
    for fields in _net_rows(pid, "udp", "udp6"):
        if int(fields[4].partition(":")[2], 16) and int(fields[9]) in sockets:
            found.add("datagrams", _address(fields[1]))


def _net_rows(pid, *names):
    """The rows of these tables of the container's network, each in its fields (proc(5), /proc/net/tcp)."""
    for name in names:
        path = PROC / str(pid) / "net" / name
        yield from (line.split() for line in (path.read_text().splitlines()[1:] if path.exists() else ()))


def _address(text):
    """`0100007F:1F90` to `127.0.0.1:8080`: words of four bytes in the machine's own order (proc(5), net/tcp)."""
    number, port = text.split(":")
    raw = b"".join(struct.pack("=I", int(number[start : start + 8], 16)) for start in range(0, len(number), 8))
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    name = socket.inet_ntop(family, raw).removeprefix("::ffff:")
    return f"[{name}]:{int(port, 16)}" if ":" in name else f"{name}:{int(port, 16)}"


def _scan_unix(found, pid, sockets):
    """Unix sockets whose other end no process of the container holds."""
    for inode, peer in _in_network_of(pid, _unix_peers):
        if inode in sockets and peer and peer not in sockets:
            found.add("external", sockets[inode])


def _in_network_of(pid, look):
    """What `look()` returns in the network namespace of `pid`: in a thread of its own, for setns(2) is a thread's."""
    answers = []

    def enter():
        with suppress(OSError), open(PROC / str(pid) / "ns" / "net", "rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) == 0:
                answers.extend(look())

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return answers


def _unix_peers():
    """[(inode, its peer's inode)] of the connected Unix sockets of this network namespace (sock_diag(7))."""
    request = struct.pack("=IHHII", 16 + 24, 20, 0x301, 1, 0)  # SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP
    request += struct.pack("=BBHIIIQ", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, 0x4, 0)  # every state, UDIAG_SHOW_PEER
    found = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as link:  # NETLINK_SOCK_DIAG
        link.settimeout(1)
        link.sendto(request, (0, 0))
        while True:
            block = link.recv(1 << 20)
            while block:
                length, kind = struct.unpack_from("=IH", block)
                if kind != 20:  # NLMSG_DONE, NLMSG_ERROR
                    return found
                found += _peer(block[16:length])
                block = block[(length + 3) & ~3 :]


def _peer(message):
    """[(inode, peer)] of one unix_diag_msg; [] when it tells of no peer (attribute 2, UNIX_DIAG_PEER)."""
    inode, rest = struct.unpack_from("=I", message, 4)[0], message[16:]
    while len(rest) >= 4:
        length, kind = struct.unpack_from("=HH", rest)
        if kind == 2 and length == 8:
            return [(inode, struct.unpack_from("=I", rest, 4)[0])]
        rest = rest[max(4, (length + 3) & ~3) :]
    return []


class Walk:
    """Looks at folders for `seconds` together, however many they are; no link is followed."""

    def __init__(self, seconds=WALK):
        self._deadline = time.monotonic() + seconds

    def bytes_below(self, path):
        """(bytes of the files below `path`, whether that is all)."""
        total = 0
        for status in self._below(path):
            if status is None:
                return total, False
            total += status.st_size
        return total, True

    def newer_below(self, path, moment):
        """True when a file below `path`, or that itself, was written after `moment` (seconds since 1970)."""
        return any(status and status.st_mtime > moment for status in self._below(path))

    def _below(self, path):
        """stat of each file; None, as the last one, when the time is over."""
        waiting = [path]
        if not os.path.isdir(path):
            with suppress(OSError):
                yield os.stat(path)
            return
        while waiting:
            if time.monotonic() > self._deadline:
                yield None
                return
            with suppress(OSError), os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        yield entry.stat(follow_symlinks=False)


def free_memory():
    """Bytes that can be used without swapping (MemAvailable of /proc/meminfo, proc(5))."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB", (PROC / "meminfo").read_text(), re.MULTILINE)
    return int(match[1]) * 1024 if match else 0
