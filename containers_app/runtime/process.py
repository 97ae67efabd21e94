"""Starting commands: argument lists, a small environment, bounded output, and names for processes that survive reuse.

Everything that Freezeframe runs on a host starts here. It knows nothing of what the commands mean.
"""

import codecs
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
from contextlib import suppress
from pathlib import Path

from containers_app.errors import CommandFailed, Unavailable

from .types import CommandResult

OUTPUT_LIMIT = 32 * 1024 * 1024  # bytes of standard output that are read back; `podman inspect` of hundreds fits
STDERR_LIMIT = 64 * 1024  # bytes of standard error that are kept, from the end

TERMINAL = (50, 200)  # lines and columns: enough for a progress bar with its numbers

# What a command inherits: enough for Podman to find its storage and its helpers, none of our secrets.
_INHERITED = (
    "HOME", "PATH", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
    "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF", "REGISTRY_AUTH_FILE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
)  # fmt: skip


def environment(tools_dir=""):
    """The environment of every command: `tools_dir` first on the PATH, messages in English."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    path = kept.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    return {**kept, "PATH": f"{tools_dir}:{path}" if tools_dir else path, "LC_ALL": "C"}


def start(argv, *, tools_dir="", own_session=True, cwd="/", **streams):
    """Start `argv` in the folder `cwd` and return its Popen.

    In a session of its own, a signal to our process group (Ctrl-C, a supervisor's stop) does not reach it: the agent
    ends what it started itself. Raises Unavailable when the program is not there.
    """
    streams.setdefault("stdin", subprocess.DEVNULL)
    try:
        return subprocess.Popen(argv, env=environment(tools_dir), start_new_session=own_session, cwd=cwd, **streams)
    except (FileNotFoundError, PermissionError) as error:
        raise Unavailable(
            f"The program {argv[0]} cannot be started here.", remedy="Run script/setup on this host as root."
        ) from error


def run(argv, *, timeout, tools_dir="", stdin=None, on_start=None, cwd="/"):
    """Run `argv` to its end and return a CommandResult, whatever its exit code.

    `stdin` is bytes or None. `on_start(argv, pid)` is called once it runs. After `timeout` seconds it is killed and
    CommandFailed is raised with exit_code None.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        source = subprocess.PIPE if stdin is not None else subprocess.DEVNULL
        process = start(argv, tools_dir=tools_dir, cwd=cwd, stdin=source, stdout=stdout, stderr=stderr)
        try:
            if on_start:
                on_start(list(argv), process.pid)
            process.communicate(input=stdin, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.wait()
            raise CommandFailed(
                f"{Path(argv[0]).name} did not end within {timeout} s.", argv=argv, stderr=tail(stderr)
            ) from error
        except BaseException:
            process.kill()
            process.wait()
            raise
        stdout.seek(0)
        text = stdout.read(OUTPUT_LIMIT).decode(errors="replace")
        return CommandResult(list(argv), process.returncode, text, tail(stderr))


def run_bounded(argv, *, timeout, limit, tools_dir="", on_start=None):
    """Run `argv` and keep the last `limit` bytes of both its streams together, however much it writes.

    Returns a CommandResult with them as stdout. After `timeout` seconds it is killed and CommandFailed is raised with
    exit_code None and the output so far as stderr.
    """
    kept, deadline = b"", time.monotonic() + timeout
    process = start(argv, tools_dir=tools_dir, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        if on_start:
            on_start(list(argv), process.pid)
        while select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
            block = os.read(process.stdout.fileno(), 64 * 1024)
            if not block:
                exit_code = process.wait(timeout=max(1, deadline - time.monotonic()))
                return CommandResult(list(argv), exit_code, _printable(kept), "")
            kept = (kept + block)[-limit:]
    except subprocess.TimeoutExpired:
        pass  # it has closed its streams and goes on: that counts as not ended
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    raise CommandFailed(f"{Path(argv[0]).name} did not end within {timeout} s.", argv=argv, stderr=_printable(kept))


def run_on_terminal(argv, *, timeout, on_text, tools_dir="", on_start=None):
    """Run `argv` with a terminal as standard error, for programs that tell their progress only there.

    `on_text(text)` gets what is drawn. Returns a CommandResult with the standard output; its `stderr` is empty. After
    `timeout` seconds it is killed and CommandFailed is raised with exit_code None.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *TERMINAL, 0, 0))
    deadline = time.monotonic() + timeout
    with tempfile.TemporaryFile() as stdout, os.fdopen(ours, "rb", buffering=0) as drawn:
        try:
            process = start(argv, tools_dir=tools_dir, stdout=stdout, stderr=theirs)
        finally:
            os.close(theirs)
        try:
            if on_start:
                on_start(list(argv), process.pid)
            decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
            while select.select([drawn], [], [], max(0, deadline - time.monotonic()))[0]:
                block = _read_terminal(drawn)
                if not block:
                    exit_code = process.wait(timeout=max(1, deadline - time.monotonic()))
                    stdout.seek(0)
                    text = stdout.read(OUTPUT_LIMIT).decode(errors="replace")
                    return CommandResult(list(argv), exit_code, text, "")
                on_text(decode(block))
        except subprocess.TimeoutExpired:
            pass  # it has closed its terminal and goes on: that counts as not ended
        finally:
            process.kill()
            process.wait()
    raise CommandFailed(f"{Path(argv[0]).name} did not end within {timeout} s.", argv=argv)


def _read_terminal(terminal):
    """The next bytes; b"" at the end, which Linux tells as EIO once nobody has the other side open."""
    try:
        return os.read(terminal.fileno(), 64 * 1024)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""


def _printable(output):
    """Bytes as text that every database takes: without NUL."""
    return output.decode(errors="replace").replace("\0", "\ufffd")


def end_marked(mark):
    """Kill every process that has `mark` (NAME=value) in its environment, in whatever container; returns how many."""
    wanted, ended = mark.encode(), 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
                ended += 1
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return ended


def tail(file, limit=STDERR_LIMIT):
    """The last `limit` bytes of an open binary file, as text."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - limit))
    return file.read(limit).decode(errors="replace")


def identity(pid):
    """`{"pid": …, "started": …, "boot": …}`: a process's name that no later process can take; {} when it is gone.

    `started` is field 22 of /proc/PID/stat (clock ticks since boot, proc(5)).
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    fields = stat.rpartition(")")[2].split()
    return {"pid": int(pid), "started": int(fields[19]), "boot": boot} if fields[0] != "Z" else {}


def alive(process):
    """True when the process that `identity` named is still the one with that number."""
    return bool(process) and identity(process["pid"]) == process


def end(process):
    """Kill the process that `identity` named, unless it is gone already."""
    if alive(process):
        with suppress(ProcessLookupError):
            os.kill(process["pid"], signal.SIGKILL)


def running_with(*words):
    """PIDs of all processes whose argument list holds every one of `words` as part of some argument."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes().decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if all(word in arguments for word in words):
            found.append(int(entry.name))
    return found


def descendants(pid):
    """PIDs of all that `pid` has started, and they in turn (proc(5): children); without itself."""
    found, waiting = [], [pid]
    while waiting:
        with suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{waiting.pop()}/task").iterdir():
                children = [int(child) for child in (task / "children").read_text().split()]
                found += children
                waiting += children
    return found


def resident_bytes(pid):
    """Resident memory of `pid` and all its descendants, in bytes; 0 when they are gone (proc(5): statm, children)."""
    page = os.sysconf("SC_PAGE_SIZE")
    total, waiting = 0, [pid]
    while waiting:
        current = Path(f"/proc/{waiting.pop()}")
        try:
            total += int((current / "statm").read_text().split()[1]) * page
            for task in (current / "task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total
