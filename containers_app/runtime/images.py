"""CRIU's image files to plain dictionaries: a magic number, then length-prefixed protobuf messages.

Our own reader of the protobuf wire format, with tables of those fields that we show. Field numbers and names are those
of CRIU's `images/*.proto`, each named at its table; magic numbers those of `criu/include/magic.h`. An image comes from
whoever wrote the archive: whatever is in it, the answer is entries or ArchiveError, in memory bounded by the input's
size and MOST_ENTRIES. Knows bytes only: not archives, not what the facts are for.
"""

import re
import struct
from dataclasses import dataclass

from containers_app.errors import ArchiveError

NUMBER = re.compile(r"[0-9]{1,19}")  # in the name of an image: a process, a file table, a namespace
COMMON_MAGIC = 0x54564319  # IMG_COMMON_MAGIC: before the image's own magic number in all but the inventory
SERVICE_MAGIC = 0x55105940  # IMG_SERVICE_MAGIC: statistics
MOST_ENTRIES = 200_000  # messages of one image, and fields of one message
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types; groups (3, 4) are in no image
U64, U32 = (1 << 64) - 1, (1 << 32) - 1


@dataclass(frozen=True)
class Field:
    """One field of a message. `kind` is uint, uint32, int32, sint, bool, text, bytes, or a nested table."""

    name: str
    kind: object = "uint"
    repeated: bool = False


def _uints(*names, start=1):
    return {number: Field(name) for number, name in enumerate(names, start)}


# images/core.proto, task_kobj_ids_entry
IDS = _uints(
    "vm_id", "files_id", "fs_id", "sighand_id", "pid_ns_id", "net_ns_id", "ipc_ns_id", "uts_ns_id", "mnt_ns_id",
    "user_ns_id", "cgroup_ns_id", "time_ns_id",
)  # fmt: skip
# images/inventory.proto, inventory_entry
INVENTORY = {
    1: Field("img_version"), 2: Field("fdinfo_per_id", "bool"), 3: Field("root_ids", IDS),
    4: Field("ns_per_id", "bool"), 5: Field("root_cg_set"), 6: Field("lsmtype"), 8: Field("dump_uptime"),
    11: Field("network_lock_method"), 12: Field("plugins_entry", {12: Field("plugins", "text", repeated=True)}),
}  # fmt: skip
# images/pstree.proto, pstree_entry
PSTREE = {**_uints("pid", "ppid", "pgid", "sid"), 5: Field("threads", repeated=True)}
# images/creds.proto, creds_entry
CREDS = {
    **_uints("uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid"),
    9: Field("cap_inh", repeated=True), 10: Field("cap_prm", repeated=True), 11: Field("cap_eff", repeated=True),
    12: Field("cap_bnd", repeated=True), 13: Field("secbits"), 14: Field("groups", repeated=True),
    15: Field("lsm_profile", "text"), 18: Field("no_new_privs"), 19: Field("cap_amb", repeated=True),
}  # fmt: skip
# images/core.proto, core_entry with task_core_entry and thread_core_entry
TASK_CORE = {
    1: Field("task_state"), 2: Field("exit_code"), 6: Field("comm", "text"), 13: Field("loginuid"),
    14: Field("oom_score_adj", "int32"),
}  # fmt: skip
THREAD_CORE = {
    3: Field("sched_nice", "sint"), 10: Field("creds", CREDS), 11: Field("seccomp_mode"), 12: Field("seccomp_filter"),
    13: Field("comm", "text"),
}  # fmt: skip
CORE = {1: Field("mtype"), 3: Field("tc", TASK_CORE), 4: Field("ids", IDS), 5: Field("thread_core", THREAD_CORE)}
# images/vma.proto and mm.proto
VMA = {**_uints("start", "end", "pgoff", "shmid", "prot", "flags", "status"), 8: Field("fd", "sint")}
MM = {
    **_uints(
        "mm_start_code", "mm_end_code", "mm_start_data", "mm_end_data", "mm_start_stack", "mm_start_brk", "mm_brk",
        "mm_arg_start", "mm_arg_end", "mm_env_start", "mm_env_end", "exe_file_id",
    ),
    14: Field("vmas", VMA, repeated=True),
}  # fmt: skip
# images/pagemap.proto; the first message of a pagemap is its head
PAGEMAP_HEAD = {1: Field("pages_id")}
PAGEMAPS = ("pagemap", "pagemap-shmem")
PAGEMAP = {
    1: Field("vaddr"), 2: Field("compat_nr_pages"), 3: Field("in_parent", "bool"), 4: Field("flags"),
    5: Field("nr_pages"),
}  # fmt: skip
# images/fdinfo.proto, fdinfo_entry
FDINFO = _uints("id", "flags", "type", "fd")
# images/fs.proto and utsns.proto
FS = _uints("cwd_id", "root_id", "umask")
UTSNS = {1: Field("nodename", "text"), 2: Field("domainname", "text")}
# images/mnt.proto, mnt_entry
MOUNT = {
    **_uints("fstype", "mnt_id", "root_dev", "parent_mnt_id", "flags"),
    6: Field("root", "text"), 7: Field("mountpoint", "text"), 8: Field("source", "text"), 9: Field("options", "text"),
    10: Field("shared_id"), 11: Field("master_id"), 13: Field("ext_mount", "bool"), 14: Field("fsname", "text"),
    18: Field("ext_key", "text"),
}  # fmt: skip
# images/tcp-stream.proto, tcp_stream_entry
TCP_STREAM = {**_uints("inq_len", "inq_seq", "outq_len", "outq_seq"), 12: Field("unsq_len")}
# images/regfile.proto, sk-inet.proto, sk-unix.proto, sk-netlink.proto, pipe.proto, fifo.proto, eventfd.proto,
# eventpoll.proto, tty.proto: what files.img holds (fdinfo.proto, file_entry)
REG = {
    1: Field("id"), 2: Field("flags"), 3: Field("pos"), 6: Field("name", "text"), 7: Field("mnt_id", "sint"),
    8: Field("size"), 9: Field("ext", "bool"), 10: Field("mode"),
}  # fmt: skip
# images/sk-opts.proto, sk_opts_entry
SOCKET_OPTIONS = _uints("so_sndbuf", "so_rcvbuf")
INET_SOCKET = {
    **_uints("id", "ino", "family", "type", "proto", "state", "src_port", "dst_port", "flags", "backlog"),
    11: Field("src_addr", "uint32", repeated=True), 12: Field("dst_addr", "uint32", repeated=True),
    14: Field("opts", SOCKET_OPTIONS), 15: Field("v6only", "bool"), 17: Field("ifname", "text"), 18: Field("ns_id"),
}  # fmt: skip
UNIX_SOCKET = {
    **_uints("id", "ino", "type", "state", "flags", "uflags", "backlog", "peer"),
    10: Field("opts", SOCKET_OPTIONS), 11: Field("name", "bytes"), 14: Field("name_dir", "text"),
}  # fmt: skip
NETLINK_SOCKET = {
    **_uints("id", "ino", "protocol", "state"),
    6: Field("flags"),
    7: Field("portid"),
    12: Field("opts", SOCKET_OPTIONS),
}
PIPE = _uints("id", "pipe_id", "flags")
FIFO = _uints("id", "pipe_id", "regf_id")
EVENTFD = {1: Field("id"), 2: Field("flags"), 4: Field("counter")}
# images/memfd.proto: memory that has a descriptor; also what the kernel makes of shared anonymous memory
MEMFD = {1: Field("id"), 2: Field("flags"), 3: Field("pos"), 5: Field("inode_id")}
MEMFD_INODE = {1: Field("name", "text"), 4: Field("size"), 5: Field("shmid"), 7: Field("inode_id")}
EVENTPOLL_TARGET = _uints("id", "tfd", "events", "data")
EVENTPOLL = {1: Field("id"), 2: Field("flags"), 4: Field("tfd", EVENTPOLL_TARGET, repeated=True)}
TTY = _uints("id", "tty_info_id", "flags")
ID_ONLY = {1: Field("id")}
FILE = {
    1: Field("type"), 2: Field("id"), 3: Field("reg", REG), 4: Field("isk", INET_SOCKET), 5: Field("nsf", ID_ONLY),
    6: Field("psk", ID_ONLY), 7: Field("nlsk", NETLINK_SOCKET), 8: Field("efd", EVENTFD), 9: Field("epfd", EVENTPOLL),
    10: Field("sgfd", ID_ONLY), 12: Field("tfd", ID_ONLY), 13: Field("ify", ID_ONLY), 14: Field("ffy", ID_ONLY),
    15: Field("ext", ID_ONLY), 16: Field("usk", UNIX_SOCKET), 17: Field("fifo", FIFO), 18: Field("pipe", PIPE),
    19: Field("tty", TTY), 20: Field("memfd", MEMFD),
}  # fmt: skip

# images/sk-packet.proto and pipe-data.proto: each message is followed by as many bytes as its field says
SOCKET_QUEUE = _uints("id_for", "length")
PIPE_DATA = _uints("pipe_id", "bytes", "size")
PAYLOADS = {"sk-queues": "length", "pipes-data": "bytes", "fifo-data": "bytes"}
# images/stats.proto, dump_stats_entry
DUMP_STATS = _uints(
    "freezing_time", "frozen_time", "memdump_time", "memwrite_time", "pages_scanned", "pages_skipped_parent",
    "pages_written", "irmap_resolve", "pages_lazy", "page_pipes", "page_pipe_bufs", "shpages_scanned",
    "shpages_skipped_parent", "shpages_written",
)  # fmt: skip
STATS = {1: Field("dump", DUMP_STATS)}

# name of an image (before its number) -> (magic number, table of its messages)
IMAGES = {
    "inventory": (0x58313116, INVENTORY),
    "pstree": (0x50273030, PSTREE),
    "core": (0x55053847, CORE),
    "ids": (0x54432030, IDS),
    "mm": (0x57492820, MM),
    "pagemap": (0x56084025, PAGEMAP),
    "fdinfo": (0x56213732, FDINFO),
    "files": (0x56303138, FILE),
    "fs": (0x51403912, FS),
    "utsns": (0x54473203, UTSNS),
    "mountpoints": (0x55563928, MOUNT),
    "tcp-stream": (0x51465506, TCP_STREAM),
    "pagemap-shmem": (0x56084025, PAGEMAP),
    "sk-queues": (0x56264026, SOCKET_QUEUE),
    "pipes-data": (0x56453709, PIPE_DATA),
    "fifo-data": (0x59333054, PIPE_DATA),
    "stats": (0x57093306, STATS),
    "memfd": (0x48453499, MEMFD_INODE),
}


def kind_of(name):
    """The key in IMAGES of a file such as `core-12.img`; None for one that is not read here."""
    stem = name.removesuffix(".img")
    head, _, number = stem.rpartition("-")
    kind = head if head and (NUMBER.fullmatch(number) or head == "tcp-stream") else stem
    return kind if name.endswith(".img") and kind in IMAGES else None


def read(kind, content, *, most=None):
    """The messages of an image of `kind` (a key of IMAGES) as dictionaries of the fields that its table has; the first
    `most` of them where that is given.

    Repeated fields are always there, as lists; absent optional ones are absent. Raises ArchiveError for a wrong magic
    number, and for messages that are cut short or are no protobuf.
    """
    magic, table = IMAGES[kind]
    place = _after_magic(kind, content, magic)
    entries = []
    view = memoryview(content)
    while place < len(content) and len(entries) != most:
        if kind == "tcp-stream" and entries:
            break  # the queues' bytes follow its one message
        if len(entries) >= MOST_ENTRIES:
            raise ArchiveError(f"The CRIU image {kind} has more than {MOST_ENTRIES:,} entries.")
        if place + 4 > len(content):
            raise _broken(kind)
        (size,) = struct.unpack_from("<I", content, place)
        place += 4
        if place + size > len(content):
            raise _broken(kind)
        head = kind in PAGEMAPS and not entries
        entries.append(_message(kind, view[place : place + size], PAGEMAP_HEAD if head else table))
        place += size + (entries[-1].get(PAYLOADS[kind], 0) if kind in PAYLOADS else 0)
    return entries


def _after_magic(kind, content, magic):
    """Where the first message begins."""
    numbers = struct.unpack_from("<II", content.ljust(8, b"\0"))
    if numbers[0] in (COMMON_MAGIC, SERVICE_MAGIC) and numbers[1] == magic:
        return 8
    if kind == "inventory" and numbers[0] == magic:
        return 4
    raise ArchiveError(f"The CRIU image {kind} has a wrong magic number.")


def _broken(kind):
    return ArchiveError(f"The CRIU image {kind} is damaged: a message is cut short or is no protobuf.")


def _message(kind, view, table):
    """One message. Nesting is as deep as the tables are, whatever the bytes say."""
    found = {field.name: [] for field in table.values() if field.repeated}
    place = count = 0
    while place < len(view):
        count += 1
        key, place = _varint(kind, view, place)
        number, wire = key >> 3, key & 7
        value, place = _value(kind, view, place, wire)
        field = table.get(number)
        if count > MOST_ENTRIES or not number:
            raise _broken(kind)
        if field is None:
            continue
        if field.repeated:
            found[field.name] += _repeated(kind, field, wire, value)
        else:
            found[field.name] = _typed(kind, field, wire, value)
    return found


def _value(kind, view, place, wire):
    """(value, next place): an int, or a view of a field's bytes."""
    if wire == VARINT:
        return _varint(kind, view, place)
    if wire == BYTES:
        size, place = _varint(kind, view, place)
    elif wire in (FIXED64, FIXED32):
        size = 8 if wire == FIXED64 else 4
    else:
        raise _broken(kind)
    if place + size > len(view):
        raise _broken(kind)
    value = view[place : place + size]
    return (value if wire == BYTES else int.from_bytes(value, "little")), place + size


def _varint(kind, view, place):
    value = shift = 0
    while shift < 70:
        if place >= len(view):
            raise _broken(kind)
        byte = view[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & U64, place
        shift += 7
    raise _broken(kind)


def _repeated(kind, field, wire, value):
    """The values that one occurrence of a repeated field holds: several when numbers are packed."""
    if wire != BYTES or isinstance(field.kind, dict) or field.kind in ("text", "bytes"):
        return [_typed(kind, field, wire, value)]
    values, place = [], 0
    while place < len(value):
        if len(values) >= MOST_ENTRIES:
            raise _broken(kind)
        number, place = _varint(kind, value, place)
        values.append(_typed(kind, field, VARINT, number))
    return values


def _typed(kind, field, wire, value):
    """The value as its field's kind says; a wire type that cannot carry it is damage."""
    if isinstance(field.kind, dict) or field.kind in ("text", "bytes"):
        if wire != BYTES:
            raise _broken(kind)
        if isinstance(field.kind, dict):
            return _message(kind, value, field.kind)
        return bytes(value) if field.kind == "bytes" else bytes(value).decode("utf-8", "replace")
    if wire == BYTES:
        raise _broken(kind)
    if field.kind == "bool":
        return bool(value)
    if field.kind == "sint":
        return (value >> 1) ^ -(value & 1)
    if field.kind == "int32":
        return (value & U32) - (1 << 32 if value & (1 << 31) else 0)
    return value & U32 if field.kind == "uint32" else value
