"""Where uploads lie until the agent takes them: a folder that the unprivileged web process writes, its bytes in order.

Whoever reads from it as root trusts nothing in it: not what is in a file, and not that a name is a file.
"""

import fcntl
import os
import shutil
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from containers_app.errors import ArchiveError, Conflict, StoreError

BLOCK = 1024 * 1024  # bytes written at once
SPARE = 1024**3  # bytes of the disk that uploads leave free


@dataclass(frozen=True)
class Spool:
    """The folder, and how many bytes uploads may hold in it together."""

    root: Path
    quota: int

    def path(self, key):
        return self.root / str(key)

    def create(self, key):
        """An empty file of that name. Raises StoreError when the folder cannot be written."""
        with self._translated():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path(key), os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))

    def require_room(self, size, held):
        """Raise StoreError unless `size` bytes more than the `held` ones fit into the quota and onto the disk."""
        with self._translated():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            free = shutil.disk_usage(self.root).free
        if size + held > self.quota or size + SPARE > free:
            raise StoreError(
                "There is no room for so large an upload now.",
                remedy="Try again when other uploads have been taken in, or ask an administrator for more room.",
            )

    def append(self, key, offset, source, most):
        """Write what `source.read` gives at `offset`, `most` bytes at the most; returns how many.

        Raises Conflict when somebody else writes to it, ArchiveError when more than `most` come.
        """
        with self._translated(), self._locked(key) as file:
            file.seek(offset)
            count = 0
            while block := source.read(BLOCK):
                count += len(block)
                if count > most:
                    raise ArchiveError("More bytes came than were announced.")
                file.write(block)
            file.flush()
            return count

    def delete(self, key):
        with self._translated():
            self.path(key).unlink(missing_ok=True)

    def clear_strays(self, known, *, older_than):
        """Remove files that are none of the names `known` and were not written to for `older_than` seconds."""
        if not self.root.is_dir():
            return
        for entry in os.scandir(self.root):
            status = entry.stat(follow_symlinks=False)
            if entry.name not in known and time.time() - status.st_mtime > older_than:
                with suppress(IsADirectoryError, PermissionError, FileNotFoundError):
                    os.unlink(entry.path)

    def open(self, key):
        """The upload as an open file, whatever has been done to its name meanwhile. Raises ArchiveError."""
        return open_plain(self.path(key))

    @contextmanager
    def _locked(self, key):
        descriptor = os.open(self.path(key), os.O_WRONLY | os.O_NOFOLLOW)
        with open(descriptor, "wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Conflict("Another part of it is coming in at this moment.") from error
            yield file

    @contextmanager
    def _translated(self):
        try:
            yield
        except OSError as error:
            raise StoreError(f"The spool for uploads failed: {error.strerror or error}.") from error


def open_plain(path, dir_fd=None):
    """An ordinary file with one name, open for reading; no link is followed, and no pipe or device waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd)
    except OSError as error:
        raise ArchiveError(f"The archive cannot be opened: {error.strerror}.") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(descriptor)
        raise ArchiveError("That is not an ordinary file with one name: links, pipes and devices are not read.")
    return open(descriptor, "rb")


def open_beneath(roots, path):
    """The file at `path` on this host, if it lies below one of the folders `roots`; no link is followed on the way.

    Raises ArchiveError for a path that is not below them, is not there, or leads through a link.
    """
    wanted = PurePosixPath(path)
    for root in roots:
        if wanted.is_relative_to(root) and ".." not in wanted.parts and wanted != root:
            return _walk(root, wanted.relative_to(root).parts)
    raise ArchiveError(
        f"{path} does not lie in a folder from which archives may be brought in.",
        remedy="Put it into one of them, or have the folder added to FREEZEFRAME_IMPORT_FROM.",
    )


def _walk(root, parts):
    folder = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in [*root.parts[1:], *parts[:-1]]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return open_plain(parts[-1], dir_fd=folder)
    except OSError as error:
        raise ArchiveError(f"The archive cannot be opened: {error.strerror}.") from error
    finally:
        os.close(folder)
