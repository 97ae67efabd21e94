"""What a container uses, and its processes, from the kernel's own files: control groups (v1 and v2) and /proc.

No Podman is started and no lock waited for, so this goes on while a container is exported. It knows no inventory.
"""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
MOST_PROCESSES = 100
MOST_WORDS = 300  # characters of a command line


@dataclass(frozen=True)
class Usage:
    """What a container has used since it began (`cpu_seconds`, bytes read, written, received, sent) and uses now.

    `memory_limit` is 0 where there is none. Memory is what the control group is charged with, files in the cache too,
    as `podman stats` counts it.
    """

    cpu_seconds: float
    memory_bytes: int
    memory_limit: int
    pids: int
    read_bytes: int
    written_bytes: int
    received_bytes: int
    sent_bytes: int


@dataclass(frozen=True)
class ProcessFacts:
    """A process as it sees itself in the container: its PID and its user's number are those that it knows."""

    pid: int
    user: int
    state: str
    cpu_seconds: float
    memory_bytes: int
    command: str


def usage(pid, container_id):
    """Usage of the container whose first process is `pid`; None when that is gone, or is another's by now."""
    try:
        folders = _folders(pid, container_id)
        received, sent = _network(pid)
        return Usage(*(_usage_v2(folders[""]) if _unified() else _usage_v1(folders)), received, sent)
    except (OSError, KeyError, ValueError, IndexError):
        return None


def processes(pid, container_id):
    """ProcessFacts of the container whose first process is `pid`, by PID; [] when it is gone."""
    found = [facts for number in pids(pid, container_id)[:MOST_PROCESSES] if (facts := _process(number))]
    return sorted(found, key=lambda facts: facts.pid)


def pids(pid, container_id):
    """This machine's numbers, as text, of the processes of the container whose first process is `pid`."""
    try:
        folders = _folders(pid, container_id)
        folder = folders[""] if _unified() else folders["pids"]
        return [line for file in folder.rglob("cgroup.procs") for line in file.read_text().split()]
    except (OSError, KeyError):
        return []


def frozen(pid, container_id):
    """True when the container's control group is frozen, or about to be."""
    file, _, thawed = _freezer(pid, container_id)
    try:
        return file is not None and file.read_text().strip() != thawed
    except OSError:
        return False


def thaw(pid, container_id):
    """Let the container's processes run again; True when they had been frozen.

    A dump that hangs leaves them so: only this frees them, and CRIU, which waits in the kernel for one of them.
    """
    was_frozen = frozen(pid, container_id)
    if was_frozen:
        file, thawed, _ = _freezer(pid, container_id)
        file.write_text(thawed)
    return was_frozen


def _freezer(pid, container_id):
    """(file, what thaws, what it says then) of the control group's freezer, v2 or v1; (None, "", "") without one."""
    try:
        folders = _folders(pid, container_id)
        if _unified():
            return folders[""] / "cgroup.freeze", "0", "0"
        return folders["freezer"] / "freezer.state", "THAWED", "THAWED"
    except (OSError, KeyError):
        return None, "", ""


def _unified():
    return (ROOT / "cgroup.controllers").exists()


def _folders(pid, container_id):
    """{controller: folder} of a process; "" is the unified one. KeyError when it is not in that container's group."""
    found = {}
    for line in (PROC / str(pid) / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if container_id not in path:
            continue
        for controller in controllers.split(","):
            found[controller] = ROOT / controller / path.lstrip("/")
    return found


def _usage_v1(folders):
    reads, writes = 0, 0
    for line in _text(folders["blkio"] / "blkio.throttle.io_service_bytes").splitlines():
        fields = line.split()
        reads += int(fields[2]) if fields[1] == "Read" else 0
        writes += int(fields[2]) if fields[1] == "Write" else 0
    limit = _number(folders["memory"] / "memory.limit_in_bytes")
    return (
        _number(folders["cpuacct"] / "cpuacct.usage") / 1e9,
        _number(folders["memory"] / "memory.usage_in_bytes"),
        limit if limit < 2**62 else 0,  # without a limit it says almost 2^63
        _number(folders["pids"] / "pids.current"),
        reads,
        writes,
    )


def _usage_v2(folder):
    cpu = dict(line.split() for line in (folder / "cpu.stat").read_text().splitlines())
    pairs = [pair.split("=") for line in _text(folder / "io.stat").splitlines() for pair in line.split()[1:]]
    limit = _text(folder / "memory.max").strip()
    return (
        int(cpu["usage_usec"]) / 1e6,
        _number(folder / "memory.current"),
        int(limit) if limit.isdigit() else 0,
        _number(folder / "pids.current"),
        sum(int(value) for name, value in pairs if name == "rbytes"),
        sum(int(value) for name, value in pairs if name == "wbytes"),
    )


def _network(pid):
    """(received, sent) bytes in the process's network namespace, without the loopback (proc(5), net/dev)."""
    rows = (PROC / str(pid) / "net" / "dev").read_text().splitlines()[2:]
    counts = [row.partition(":")[2].split() for row in rows if row.partition(":")[0].strip() != "lo"]
    return sum(int(row[0]) for row in counts), sum(int(row[8]) for row in counts)


def _process(number):
    folder = PROC / number
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
        words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None
    return ProcessFacts(
        pid=int(status.get("NSpid", number).split()[-1]),
        user=int(status["Uid"].split()[0]),
        state=fields[0],
        cpu_seconds=(int(fields[11]) + int(fields[12])) / TICKS,
        memory_bytes=int(status.get("VmRSS", "0").split()[0]) * 1024,
        command=words[:MOST_WORDS] or f"[{status['Name'].strip()}]",
    )


def _number(file):
    return int(file.read_text())


def _text(file):
    """The file's text; nothing where this kernel does not count it."""
    return file.read_text() if file.exists() else ""
