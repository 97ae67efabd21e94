"""A checkpoint on its way from Podman into the store: the FIFO, the pass over the archive, the files Podman forgot.

The container's memory goes through once: hashed, compressed and inspected while Podman writes it. When our side fails
(a full disk), the rest is read and thrown away, so that Podman ends in good order and the workload can be brought back.
"""

import fcntl
import os
import select
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from containers_app.errors import CommandFailed

from . import archive, podman, process, rootfs, store
from .types import ArchiveFacts, CommandResult

POLL = 0.2  # seconds between looks at a writer that says nothing
PRE_CHECKPOINT = "pre-checkpoint"  # the folder of a dump beforehand (libpod/container_internal.go)
LIMIT = 3600  # seconds for one dump and export


@dataclass(frozen=True)
class Captured:
    """A finished draft: its facts, the command that made it, and where it lies until the store takes it."""

    facts: ArchiveFacts
    command: CommandResult
    draft: Path


class FifoReader:
    """Reads a FIFO until its writer, a process that we started, has closed it or ended.

    Opened before the writer starts and without blocking: a writer that dies before it opens the FIFO is noticed.
    """

    def __init__(self, path: Path, *, on_bytes, patience):
        """`patience` is how many seconds the first byte may take; all of it may take LIMIT."""
        self._descriptor = _open_fifo(path)
        self._on_bytes, self._begun, self._patience = on_bytes, time.monotonic(), patience
        self._writer = None
        self.count = 0

    def follow(self, writer: subprocess.Popen):
        self._writer = writer

    def read(self, size):
        """Up to `size` bytes, b"" at the end. Raises TimeoutError past the deadline."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        while True:
            ended = self._writer.poll() is not None
            events = poll.poll(POLL * 1000)
            if events and events[0][1] & select.POLLIN:
                block = os.read(self._descriptor, size)
                self.count += len(block)
                self._on_bytes(self.count)
                return block
            if ended or (events and events[0][1] & select.POLLHUP):
                return b""
            if time.monotonic() - self._begun > (LIMIT if self.count else self._patience):
                raise TimeoutError

    def drain(self):
        """Read and throw away until the writer is done."""
        while self.read(archive.BLOCK):
            pass

    def close(self):
        os.close(self._descriptor)


def capture(runner: podman.Podman, container, options, folder: Path, *, patience, on_start, on_bytes, on_phase):
    """Checkpoint `container` with an export into `folder`; returns Captured.

    `patience` is how many seconds the dump may take, until the first byte of the archive comes. `on_start(argv, pid)`
    is called once Podman runs, `on_bytes(count)` as the archive goes by, `on_phase(name)` at each step. Raises
    CommandFailed when Podman fails (exit_code None when its time was up), StoreError when the draft cannot be written,
    ArchiveError when the export is not whole. Whatever it raises, Podman has ended by then.
    """
    fifo, draft, before = folder / "export.tar", folder / "draft.tar.zst", None
    if options.pre_checkpoint:
        before = _take_memory_before(runner, container, options, folder, patience, on_start, on_phase)
        options = replace(options, pre_checkpoint=False, with_previous=True)
    os.mkfifo(fifo, 0o600)
    reader = FifoReader(fifo, on_bytes=on_bytes, patience=patience)
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        argv, writer = runner.start_checkpoint(container, options, export=fifo, stdout=stdout, stderr=stderr)
        reader.follow(writer)
        try:
            on_start(argv, writer.pid)
            recompressor, failure = _receive(reader, draft, folder, before)
            result = _finish(writer, argv, stdout, stderr)
        except TimeoutError as error:
            raise _outlasted(reader, patience, argv) from error
        finally:
            _end(writer)
            reader.close()
    if failure and result.exit_code == 0:
        raise failure
    podman.raise_for(result)
    if options.ignore_rootfs:
        return Captured(recompressor.finish([]), result, draft)
    return Captured(_complete(recompressor, runner, container, folder, on_phase), result, draft)


def _take_memory_before(runner, container, options, folder, patience, on_start, on_phase):
    """Where the memory lies that was dumped while the container went on: the dump that follows has only what changed.

    What it has becomes a part of the one archive, below `pre-checkpoint/`, where CRIU's link `checkpoint/parent` leads
    and Podman's import puts it: so the archive is whole, and nobody has to keep two of them together.
    """
    on_phase("dumping memory beforehand")
    before = folder / "before.tar"
    runner.pre_checkpoint(container, options, export=before, timeout=patience, on_start=on_start)
    on_phase("dumping memory")
    return before


def _outlasted(reader, patience, argv):
    if reader.count:
        return CommandFailed(f"podman did not end within {LIMIT} s.", argv=argv)
    return CommandFailed(
        f"CRIU did not finish the dump within {patience:.0f} s: it was ended.", argv=argv,
        remedy="Look for processes that are stopped or traced; a larger memory gets more time by itself.",
    )  # fmt: skip


def drain_abandoned(folder: Path, *, seconds):
    """Let a Podman whose reader has died finish its export: read its FIFO in `folder` and throw the bytes away.

    Podman holds the FIFO open for reading too, so without a reader it would wait for ever. Returns after `seconds` at
    the latest, or when nobody writes.
    """
    fifo = folder / "export.tar"
    if not fifo.is_fifo():
        return
    descriptor = _open_fifo(fifo)
    try:
        deadline = time.monotonic() + seconds
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while time.monotonic() < deadline:
            events = poll.poll(POLL * 1000)
            if events and events[0][1] & select.POLLIN:
                os.read(descriptor, archive.BLOCK)
            elif not process.running_with("checkpoint", str(fifo)):
                break
    finally:
        os.close(descriptor)


def _open_fifo(path):
    """The FIFO open for reading, without waiting for a writer, with room for a whole block."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with suppress(PermissionError):  # more than /proc/sys/fs/pipe-max-size without CAP_SYS_RESOURCE
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, archive.BLOCK)
    return descriptor


def _receive(reader, draft, folder, before):
    """(Recompressor, None), or (None, our failure) once the writer is done; a failure does not stop the writer."""
    recompressor = None
    try:
        recompressor = archive.Recompressor(draft, folder)
        recompressor.copy(reader)
        reader.drain()
        if before:
            recompressor.add(before, PRE_CHECKPOINT)
            before.unlink()
        return recompressor, None
    except OSError as error:
        if isinstance(error, TimeoutError):
            raise
        failure = store.store_error(error, folder.parent.parent)
        failure.__cause__ = error
    except archive.ArchiveError as error:
        failure = error
    if recompressor:
        recompressor.abandon()
    reader.drain()
    return None, failure


def _finish(writer, argv, stdout, stderr):
    writer.wait(timeout=LIMIT)
    stdout.seek(0)
    return CommandResult(argv, writer.returncode, stdout.read(process.OUTPUT_LIMIT).decode(), process.tail(stderr))


def _complete(recompressor, runner, container, folder, on_phase):
    """Add what the export lost, close the draft; the container still has its file system, running or not."""
    on_phase("completing")
    try:
        changed = (runner.diff(container) or {}).get("changed") or []
        root = runner.mount(container)
        try:
            added = recompressor.complete(lambda path: rootfs.add_missing(path, root=root, changed=changed))
        finally:
            runner.unmount(container)
        return recompressor.finish(added)
    except OSError as error:
        recompressor.abandon()
        raise store.store_error(error, folder.parent.parent) from error
    except BaseException:
        recompressor.abandon()
        raise


def _end(writer):
    """End a writer that is still there: only after its time is up, or when we are told to stop."""
    if writer.poll() is None:
        writer.kill()
        writer.wait()
