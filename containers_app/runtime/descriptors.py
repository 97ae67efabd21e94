"""What the processes of a checkpoint have open: files, pipes, sockets and the rest, with who holds each.

Takes the messages of CRIU's images as dictionaries (images.py) and gives plain rows. Knows no archive.
"""

import ipaddress
import struct
from contextlib import suppress

TYPES = {
    1: "file", 2: "pipe", 3: "FIFO", 4: "socket", 5: "Unix socket", 6: "eventfd", 7: "epoll", 8: "inotify",
    9: "signalfd", 10: "packet socket", 11: "terminal", 12: "fanotify", 13: "netlink socket", 14: "namespace",
    15: "tun", 16: "external", 17: "timerfd", 18: "memfd", 19: "BPF map", 20: "pidfd",
}  # fmt: skip
SOCKETS = {4: "isk", 5: "usk", 10: "psk", 13: "nlsk"}  # by type, the field of its entry (images/fdinfo.proto)
DETAILS = {1: "reg", 2: "pipe", 3: "fifo", 6: "efd", 7: "epfd", 11: "tty", 18: "memfd"}
# include/net/tcp_states.h of Linux
TCP_STATES = (
    "", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
    "LAST_ACK", "LISTEN", "CLOSING",
)  # fmt: skip
LISTEN = 10
FAMILIES = {2: "4", 10: "6"}
PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMP", 136: "UDP-Lite"}
SOCKET_TYPES = {1: "stream", 2: "datagram", 3: "raw", 5: "seqpacket"}  # socket(2)
NETLINK = {0: "route", 4: "sock_diag", 9: "audit", 10: "fib_lookup", 15: "kobject_uevent", 16: "generic"}  # netlink(7)
ACCESS = ("read", "write", "read and write", "")  # open(2), O_ACCMODE
# open(2) on x86_64 and arm64, as far as fcntl(F_GETFL) tells of them
OPEN_FLAGS = {0o2000: "append", 0o4000: "nonblocking", 0o10000: "dsync", 0o20000: "async", 0o10000000: "path"}
CLOEXEC = 1  # fcntl(2), FD_CLOEXEC
HELD_MOST = 20_000  # holders that are told of one checkpoint


def holders(processes):
    """{file ID: [[pid, fd, closed on exec]]} of `(pid, fdinfo messages)` pairs, HELD_MOST at the most."""
    found, left = {}, HELD_MOST
    for pid, entries in processes:
        for entry in entries[:left]:
            closed = bool(entry.get("flags", 0) & CLOEXEC)
            found.setdefault(entry.get("id"), []).append([pid, entry.get("fd"), closed])
        left -= min(left, len(entries))
    return found


def is_socket(entry):
    return entry.get("type") in SOCKETS


def file_row(entry, held, waiting):
    """One open file that is no socket. `waiting` is {pipe ID: bytes that nobody has read}."""
    kind = entry.get("type")
    detail = entry.get(DETAILS.get(kind), {})
    access = ACCESS[detail.get("flags", 0) & 3] if kind in (1, 2, 18) else ""
    return {
        "id": entry.get("id"),
        "type": TYPES.get(kind, str(kind)),
        "path": _described(kind, detail),
        "position": detail.get("pos", 0),
        "size": detail.get("size"),
        "access": access,
        "flags": [name for bit, name in OPEN_FLAGS.items() if detail.get("flags", 0) & bit],
        "waiting_bytes": waiting.get(detail.get("pipe_id"), 0) if kind in (2, 3) else 0,
        "held": held.get(entry.get("id"), []),
    }


def _described(kind, detail):
    if kind == 1:
        return detail.get("name", "")
    if kind in (2, 3):
        return f"{TYPES[kind]} {detail.get('pipe_id', '')}"
    if kind == 6:
        return f"counter {detail.get('counter', 0)}"
    if kind == 7:
        watched = [str(target.get("tfd", "")) for target in detail.get("tfd", [])]
        return f"watches {', '.join(watched[:50])}" if watched else "watches nothing"
    return f"terminal {detail.get('tty_info_id', '')}" if kind == 11 else ""


def socket_row(entry, held, names, streams, queues):
    """One socket. `names` is {file ID: Unix socket's name}, `streams(ino)` a TCP stream's message, `queues`
    {file ID: bytes in its receive queue}."""
    kind, number = entry.get("type"), entry.get("id")
    socket = entry.get(SOCKETS[kind], {})
    make = {4: _inet, 5: _unix, 13: _netlink}.get(kind)
    row = {"id": number, "type": TYPES[kind], "state": "", "source": "", "target": "", "send_bytes": 0}
    row |= {"receive_bytes": queues.get(number, 0), "backlog": socket.get("backlog", 0)}
    row |= {"flags": [name for bit, name in OPEN_FLAGS.items() if socket.get("flags", 0) & bit]}
    options = socket.get("opts", {})
    row |= {"receive_buffer": options.get("so_rcvbuf", 0), "send_buffer": options.get("so_sndbuf", 0)}
    row |= {"held": held.get(number, []), "interface": socket.get("ifname", "")}
    return {**row, **(make(socket, names, streams) if make else {})}


def _inet(socket, names, streams):
    state, protocol = socket.get("state", 0), socket.get("proto")
    found = {
        "type": PROTOCOLS.get(protocol, str(protocol)) + FAMILIES.get(socket.get("family"), ""),
        "state": TCP_STATES[state] if state < len(TCP_STATES) else str(state),
        "source": _address(socket.get("src_addr", []), socket.get("src_port", 0)),
        "target": _address(socket.get("dst_addr", []), socket.get("dst_port", 0)) if socket.get("dst_port") else "",
    }
    stream = streams(socket.get("ino", 0)) if protocol == 6 else {}
    if stream:
        found |= {"receive_bytes": stream.get("inq_len", 0), "send_bytes": stream.get("outq_len", 0)}
    return found


def _unix(socket, names, streams):
    peer, listens = socket.get("peer"), socket.get("state") == LISTEN
    return {
        "type": f"Unix {SOCKET_TYPES.get(socket.get('type'), '')}".strip(),
        "state": TCP_STATES[LISTEN] if listens else "CONNECTED" if peer else "",
        "source": unix_name(socket),
        "target": (names.get(peer) or f"#{peer}") if peer else "",
    }


def _netlink(socket, names, streams):
    protocol = socket.get("protocol", 0)
    return {"type": "netlink", "source": NETLINK.get(protocol, str(protocol)), "target": str(socket.get("portid", ""))}


def unix_name(socket):
    """The name that a Unix socket is bound to; an abstract one begins with `@`, as in ss(8)."""
    return socket.get("name", b"").rstrip(b"\0").decode("utf-8", "replace").replace("\0", "@")


def _address(words, port):
    """CRIU keeps an address as 32-bit words whose bytes lie in network order."""
    packed = b"".join(struct.pack("<I", word & 0xFFFFFFFF) for word in words[:4])
    with suppress(ValueError):
        found = ipaddress.ip_address(packed)
        return f"[{found}]:{port}" if found.version == 6 else f"{found}:{port}"
    return f":{port}"
