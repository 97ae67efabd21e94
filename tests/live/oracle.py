"""What others say of a dump: CRIU's own pycriu, message by message, and checkpointctl, as a person sees it.

Both come from the lab's tree (tests/lab/build) and run there or with its loader: Debian's packages of the suite that
has this CRIU. `assert_same` holds what Freezeframe saw while an archive went by against both.
"""

import base64
import ipaddress
import json
import quopri
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path

import zstandard

from containers_app.models import Inspection, SeenEnvironment
from tests.live.site import CHECKOUT

STATES = {1: "alive", 2: "dead", 3: "stopped", 6: "zombie"}
TCP = {1: "ESTABLISHED", 7: "CLOSE", 10: "LISTEN"}
LEFT_OUT = ("pages-", "tmpfs-dev-", "ghost-file-")  # not decoded: bytes of others, and large
# Runs in the lab's tree: {name: base64 of an image} in, {name: its messages} out.
DECODE = """
import base64, io, json, sys
from pycriu import images
found = {}
for name, content in json.load(sys.stdin).items():
    try:
        found[name] = images.load(io.BytesIO(base64.b64decode(content)), no_payload=True)["entries"]
    except Exception as error:
        found[name] = str(error)
print(json.dumps(found, default=repr))
"""


@cache
def tree():
    done = subprocess.run(["tests/lab/build"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return Path(done.stdout.split()[0])


class Dump:
    """One archive as the others see it."""

    def __init__(self, path):
        self._folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.tar = Path(self._folder.name) / "dump.tar"
        with open(path, "rb") as packed, open(self.tar, "wb") as out:
            zstandard.ZstdDecompressor().copy_stream(packed, out)
        with tarfile.open(self.tar) as tar:
            names = [info for info in tar if info.isreg() and info.name.endswith(".img")]
            wanted = [info for info in names if not Path(info.name).name.startswith(LEFT_OUT)]
            self._raw = {Path(info.name).stem: tar.extractfile(info).read() for info in wanted}
        self.images = self._decoded()

    def close(self):
        self._folder.cleanup()

    def _decoded(self):
        packed = json.dumps({name: base64.b64encode(content).decode() for name, content in self._raw.items()})
        command = ["chroot", str(tree()), "python3", "-c", DECODE]
        done = subprocess.run(command, input=packed, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def of(self, kind, number):
        return self.images.get(f"{kind}-{number}", [])

    def checkpointctl(self):
        """What `checkpointctl inspect --all` shows of it."""
        root = tree()
        loader = next(root.glob("usr/lib*/ld-linux-x86-64.so.2"))
        command = [loader, "--library-path", root / "usr/lib/x86_64-linux-gnu", root / "usr/bin/checkpointctl"]
        command += ["inspect", "--all", "--format", "json", self.tar]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)[0]


def assert_same(site, checkpoint):
    """Field by field; returns how many fields were held against each other."""
    seen = Inspection.objects.get(checkpoint=checkpoint).facts
    dump = Dump(site.store / f"{checkpoint.archive_sha256}.tar.zst")
    try:
        assert seen["unreadable"] == []
        pairs = [*_processes(seen, dump), *_memory(seen, dump), *_files(seen, dump), *_sockets(seen, dump)]
        pairs += [*_inventory(seen, dump), *_mounts(seen, dump), *_told(seen, dump.checkpointctl(), checkpoint)]
        different = [row for row in pairs if row[1] != row[2]]
        assert not different, different
        return len(pairs)
    finally:
        dump.close()


def _inventory(seen, dump):
    (entry,) = dump.images["inventory"]
    modules = {"NO_LSM": "", "SELINUX": "selinux", "APPARMOR": "apparmor"}
    yield "security module", seen["criu"]["security_module"], modules[entry.get("lsmtype", "NO_LSM")]
    yield "plugins", seen["criu"]["plugins"], entry.get("plugins_entry", {}).get("plugins", [])
    yield "network lock", seen["criu"]["network_lock"], ("iptables", "nftables", "skip")[entry["network_lock_method"]]


def _processes(seen, dump):
    (tasks,) = [rows for name, rows in dump.images.items() if name == "pstree"]
    ours = {row["pid"]: row for row in seen["processes"]}
    yield "pids", sorted(ours), sorted(task["pid"] for task in tasks)
    for task in tasks:
        row, pid = ours[task["pid"]], task["pid"]
        (core,) = dump.of("core", pid)
        creds, thread = core["thread_core"]["creds"], core["thread_core"]
        for name in ("ppid", "pgid", "sid"):
            yield f"{pid} {name}", row[name], task[name]
        yield f"{pid} threads", row["threads"], len(task["threads"])
        names = [core["tc"]["comm"] if tid == pid else dump.of("core", tid)[0]["thread_core"]["comm"]
                 for tid in task["threads"]]  # fmt: skip
        yield f"{pid} thread names", [name for _, name in row["thread_names"]], names if len(names) > 1 else []
        yield f"{pid} comm", row["comm"], core["tc"]["comm"]
        yield f"{pid} state", row["state"], STATES[core["tc"]["task_state"]]
        yield f"{pid} exit code", row["exit_code"], core["tc"]["exit_code"]
        yield f"{pid} oom", row["oom_score"], core["tc"].get("oom_score_adj", 0)
        for name in ("uid", "gid", "euid", "egid"):
            yield f"{pid} {name}", row[name], creds[name]
        yield f"{pid} groups", row["groups"], creds.get("groups", [])
        for name in ("eff", "prm", "inh", "bnd"):
            low, high = creds[f"cap_{name}"]
            yield f"{pid} cap_{name}", row["capabilities"][name], f"{high << 32 | low:016x}"
        filtered = thread.get("seccomp_mode", "disabled") != "disabled"
        yield f"{pid} seccomp", row["seccomp"], "filter" if filtered else "none"
        yield f"{pid} no_new_privs", row["no_new_privileges"], bool(creds.get("no_new_privs"))


def _memory(seen, dump):
    files, inodes = _by(dump, "files", "id"), _by(dump, "memfd", "inode_id")
    for process in seen["processes"]:
        pid = process["pid"]
        vmas = dump.of("mm", pid)[0]["vmas"]
        ours = [row for row in seen["memory"] if row["pid"] == pid]
        yield f"{pid} mappings", process["mappings"], len(vmas)
        yield f"{pid} mapped", process["mapped_bytes"], sum(vma["end"] - vma["start"] for vma in vmas)
        pages = _pages(dump.of("pagemap", pid))
        yield f"{pid} dumped", process["dumped_bytes"], len(pages) * 4096
        (exe,) = dump.of("mm", pid)
        yield f"{pid} program", process["program"], files[exe["exe_file_id"]]["reg"]["name"]
        yield f"{pid} folder", process["folder"], files[dump.of("fs", pid)[0]["cwd_id"]]["reg"]["name"]
        for row, vma in zip(ours, vmas, strict=True):
            key = f"{pid} {vma['start']:x}"
            yield key, (row["start"], row["end"]), (f"{vma['start']:x}", f"{vma['end']:x}")
            prot = "".join(letter if vma["prot"] & bit else "-" for bit, letter in ((1, "r"), (2, "w"), (4, "x")))
            yield f"{key} prot", row["prot"], prot + ("s" if vma["flags"] & 1 else "p")
            shared = _shared(vma, files, inodes)
            there = _pages(dump.of("pagemap-shmem", shared)) if shared is not None else pages
            moved = vma["pgoff"] - vma["start"] if shared is not None else 0
            inside = {page for page in there if vma["start"] <= page - moved < vma["end"]}
            yield f"{key} dumped", row["dumped"], len(inside) * 4096
            if vma["status"] & (1 << 6 | 1 << 7) and shared is None:
                yield f"{key} file", row["name"], files[vma["shmid"]]["reg"]["name"]


def _by(dump, name, key):
    return {entry[key]: entry for entry in dump.images.get(name, [])}


def _pages(entries):
    """Addresses of the pages that are in this dump."""
    return {
        entry["vaddr"] + place * 4096
        for entry in entries[1:]
        if entry.get("flags", 4) & 4
        for place in range(entry.get("nr_pages") or entry["compat_nr_pages"])
    }


def _shared(vma, files, inodes):
    if vma["status"] & 1 << 14:
        return inodes[files[vma["shmid"]]["memfd"]["inode_id"]]["shmid"]
    return vma["shmid"] if vma["status"] & (1 << 8 | 1 << 10) else None


def _held(dump):
    """{file ID: {(pid, fd, closed on exec)}}."""
    found = {}
    for task in dump.images["pstree"]:
        (core,) = dump.of("core", task["pid"])
        number = (core.get("ids") or dump.of("ids", task["pid"])[0])["files_id"]
        for entry in dump.of("fdinfo", number):
            found.setdefault(entry["id"], set()).add((task["pid"], entry["fd"], bool(entry["flags"] & 1)))
    return found


def _files(seen, dump):
    held = _held(dump)
    ours = {row["id"]: row for row in (*seen["files"], *seen["sockets"])}
    theirs = _by(dump, "files", "id")
    yield "file IDs", sorted(ours), sorted(theirs)
    for number, entry in theirs.items():
        yield f"holders of {number}", {tuple(row) for row in ours[number]["held"]}, held.get(number, set())
        if "reg" in entry:
            row = ours[number]
            regular = entry["reg"]
            yield f"file {number}", (row["path"], row["position"], row["size"]), (
                regular["name"], regular["pos"], regular.get("size"),
            )  # fmt: skip
            access = ("read", "write", "read and write")[regular["flags"] & 3]
            yield f"access {number}", row["access"], access
            yield f"append {number}", "append" in row["flags"], bool(regular["flags"] & 0o2000)
        elif "pipe" in entry:
            yield f"pipe {number}", ours[number]["path"], f"pipe {entry['pipe']['pipe_id']}"
        elif "efd" in entry:
            yield f"eventfd {number}", ours[number]["path"], f"counter {entry['efd']['counter']}"
    waiting = {}
    for entry in dump.images.get("pipes-data", []):
        waiting[entry["pipe_id"]] = waiting.get(entry["pipe_id"], 0) + entry["bytes"]
    for number, entry in theirs.items():
        if "pipe" in entry:
            yield f"unread in {number}", ours[number]["waiting_bytes"], waiting.get(entry["pipe"]["pipe_id"], 0)


def _sockets(seen, dump):
    ours = {row["id"]: row for row in seen["sockets"]}
    for number, entry in _by(dump, "files", "id").items():
        if "isk" in entry:
            socket, row = entry["isk"], ours[number]
            protocol = {6: "TCP", 17: "UDP"}[socket["proto"]] + {2: "4", 10: "6"}[socket["family"]]
            yield f"socket {number}", (row["type"], row["state"]), (protocol, TCP[socket["state"]])
            yield f"source of {number}", row["source"], _address(socket["src_addr"], socket["src_port"])
            peer = _address(socket["dst_addr"], socket["dst_port"]) if socket["dst_port"] else ""
            yield f"peer of {number}", row["target"], peer
            yield f"backlog of {number}", row["backlog"], socket["backlog"]
            options = socket["opts"]
            buffers = (options["so_sndbuf"], options["so_rcvbuf"])
            yield f"buffers of {number}", (row["send_buffer"], row["receive_buffer"]), buffers
        elif "usk" in entry:
            socket, row = entry["usk"], ours[number]
            text = quopri.decodestring(socket["name"]).decode()  # as pycriu shows this one
            name = text.rstrip("\0").replace("\0", "@")
            yield f"Unix socket {number}", row["source"], name
            yield f"listens {number}", row["state"] == "LISTEN", socket["state"] == 10


def _address(words, port):
    if len(words) == 4:
        packed = b"".join(word.to_bytes(4, "little") for word in words)
        return f"[{ipaddress.IPv6Address(packed)}]:{port}"
    return f"{ipaddress.IPv4Address(words[0].to_bytes(4, 'little'))}:{port}"


def _mounts(seen, dump):
    (entries,) = [rows for name, rows in dump.images.items() if name.startswith("mountpoints-")]
    ours = {row["id"]: row for row in seen["mounts"]}
    yield "mounts", sorted(ours), sorted(entry["mnt_id"] for entry in entries)
    for entry in entries:
        row, number = ours[entry["mnt_id"]], entry["mnt_id"]
        for name in ("mountpoint", "source", "root", "options"):
            yield f"mount {number} {name}", row[name], entry.get(name, "")
        yield f"mount {number} parent", row["parent"], entry["parent_mnt_id"]
        flags = entry["flags"] | entry.get("sb_flags", 0)
        yield f"mount {number} ro", "ro" in row["flags"], bool(flags & 1)
    (names,) = [rows for name, rows in dump.images.items() if name.startswith("utsns-")]
    ours = next(row["detail"] for row in seen["namespaces"] if row["kind"] == "uts")
    yield "host name", ours, names[0]["nodename"]


def _told(seen, told, checkpoint):
    """What checkpointctl shows to people."""
    configuration = seen["configuration"]
    for ours, theirs in (("id", "id"), ("name", "container_name"), ("image", "image"), ("runtime", "runtime")):
        yield f"checkpointctl's {ours}", configuration[ours], told[theirs]
    yield "engine", seen["engine"], told["engine"].lower()
    yield "memory pages", seen["sizes"]["memory"], told["checkpoint_size"]["memory_pages_size"]
    yield "rootfs diff", seen["sizes"]["rootfs_diff"], told["checkpoint_size"].get("root_fs_diff_size", 0)
    for name, value in told["statistics"].items():
        yield name, seen["statistics"][name], value
    ours = {row["pid"]: row for row in seen["processes"]}
    for node in _nodes(told["process_tree"]):
        mine = " ".join(ours[node["pid"]]["command"]).strip()
        if node.get("cmdline", "").strip():
            yield f"command line of {node['pid']}", mine, node["cmdline"].strip()
        yield f"command of {node['pid']}", ours[node["pid"]]["comm"], node["command"]
    values = SeenEnvironment.objects.get(checkpoint=checkpoint).values
    for node in _nodes(told["process_tree"]):
        theirs = {name: value for name, value in (node.get("environment_variables") or {}).items() if name}
        if theirs:
            yield f"environment of {node['pid']}", dict(values[str(node["pid"])]), theirs
    mounts = {(row["destination"], row["type"], row["source"]) for row in seen["mounts_asked"]}
    yield "mounts asked for", mounts, {(row["destination"], row["type"], row["source"]) for row in told["mounts"]}


def _nodes(node):
    yield node
    for child in node.get("children") or []:
        yield from _nodes(child)
