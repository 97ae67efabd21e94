"""A stranger's archive is read in a process of its own that has nothing to lose: nobody's rights, an empty root, no
network, bounded memory and time. What it found comes back as JSON, the clean copy in a file that was opened for it.

`examine` is called by the agent. `main` is the child: it gives up its rights before it reads the first byte.
"""

import ctypes
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from containers_app.errors import ArchiveError

from . import foreign, process
from .rebuild import Here

NOBODY = 65534
MEMORY = 2 * 1024**3  # bytes of address space: a 128 MiB window of zstd, 64 MiB of images as Python's objects
SECONDS = 120  # for any archive, and
SPEED = 10 * 1024**2  # bytes a second that it must come on by, read and compressed anew
REPORT_LIMIT = 64 * 1024**2  # bytes of JSON
CHECKOUT = Path(__file__).resolve().parents[2]
CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from containers_app.runtime import sandbox; sandbox.main()"
CLONE_NEWNET, CLONE_NEWIPC = 0x40000000, 0x08000000  # unshare(2)
PR_SET_NO_NEW_PRIVS = 38  # prctl(2)
HEX = re.compile(r"[0-9a-f]{64}")


def examine(staged: Path, folder: Path, *, bounds, largest_file, policy, here, on_start, on_progress):
    """(Report, path of the clean draft) of the archive `staged`, worked on in `folder`, which must be private.

    It writes no file larger than `largest_file` bytes. `on_start(argv, pid)` is called once it is read,
    `on_progress(bytes)` as it goes. Raises ArchiveError when that takes more memory or time than it may.
    """
    draft, root = folder / "clean.tar.zst", folder / "empty"
    root.mkdir(mode=0o755)
    os.chmod(folder, 0o711)  # noqa: S103 - the child changes its root into `empty`
    seconds = SECONDS + bounds.unpacked_most(staged.stat().st_size) / SPEED
    asked = {
        "bounds": asdict(bounds),
        "policy": policy,
        "here": asdict(here),
        "root": str(root),
        "largest_file": largest_file,
        "seconds": int(seconds),
    }
    with (
        open(staged, "rb") as file, open(draft, "xb", opener=_private) as out,
        tempfile.TemporaryFile(dir=folder) as scratch, tempfile.TemporaryFile(dir=folder) as report,
        tempfile.TemporaryFile(dir=folder) as stderr,
    ):  # fmt: skip
        asked["draft"], asked["scratch"] = out.fileno(), scratch.fileno()
        argv = [sys.executable, "-I", "-c", CHILD, str(CHECKOUT), json.dumps(asked)]
        child = process.start(argv, stdin=file, stdout=report, stderr=stderr, pass_fds=(out.fileno(), scratch.fileno()))
        on_start([sys.executable, "-I", "runtime/sandbox.py", str(staged.name)], child.pid)
        _await(child, file, seconds, on_progress)
        return _report(child, report, stderr), draft


def _await(child, file, seconds, on_progress):
    """Until it ends, or is ended. How far it has come is the place in the file, which both processes share."""
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            try:
                child.wait(timeout=0.2)
                return
            except subprocess.TimeoutExpired:
                on_progress(os.lseek(file.fileno(), 0, os.SEEK_CUR))
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    raise ArchiveError(f"It was refused: reading it took longer than {seconds:.0f} s.")


def _report(child, report, stderr):
    report.seek(0)
    content = report.read(REPORT_LIMIT + 1)
    if child.returncode or len(content) > REPORT_LIMIT:
        last = process.tail(stderr).strip().rpartition("\n")[2]
        raise ArchiveError(f"It was refused: reading it took more than an archive may ({last or child.returncode}).")
    found = foreign.Report(**json.loads(content))
    if not found.refused and found.sha256 and not HEX.fullmatch(found.sha256):
        raise ArchiveError("It was refused: what read it gave no digest.")
    return found


def _private(path, flags):
    return os.open(path, flags, 0o600)


def main():
    """The child. Standard input is the archive, standard output takes the report."""
    asked = json.loads(sys.argv[2])
    draft, scratch = os.fdopen(asked["draft"], "wb"), os.fdopen(asked["scratch"], "w+b")
    file = open(0, "rb", closefd=False)  # noqa: SIM115 - as long as the process
    bounds = foreign.Bounds(**asked["bounds"])
    confine(asked["root"], seconds=asked["seconds"], largest_file=asked["largest_file"])
    report = foreign.examine(file, draft, scratch, bounds=bounds, policy=asked["policy"], here=Here(**asked["here"]))
    draft.flush()
    sys.stdout.write(json.dumps(report.as_json()))
    sys.stdout.flush()


def confine(root, *, seconds, largest_file):
    """Give up everything that reading needs not: rights, the file system, the network; and bound the rest."""
    "".encode("idna")  # loads what Python loads late: afterwards there is no file to load it from
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, 2 * seconds), (resource.RLIMIT_FSIZE, largest_file),
        (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 32),
    ):  # fmt: skip
        resource.setrlimit(kind, (most, most))
    if os.geteuid():
        return  # not root: there is nothing to give up, and nothing that could be taken
    libc = ctypes.CDLL(None, use_errno=True)
    libc.unshare(CLONE_NEWNET | CLONE_NEWIPC)
    os.chroot(root)
    os.chdir("/")
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
