"""Where archives lie. A store holds whole archives only, each under the SHA-256 of its bytes.

Drafts are made under `incoming/<owner>/`, so that what a dead agent left behind has a name and can be cleared.
"""

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from containers_app.errors import StoreError

SUFFIX = ".tar.zst"


@dataclass(frozen=True)
class DirectoryStore:
    """A folder that only root can read: archives hold the memory of processes, and so their secrets."""

    root: Path
    name: str = "directory"

    @property
    def images(self):
        """The images that checkpoints need, in a folder of their own."""
        return DirectoryStore(self.root / "images", f"{self.name}/images")

    def path(self, sha256):
        """Where the archive with that digest lies, there or not."""
        return self.root / f"{sha256}{SUFFIX}"

    def size(self, sha256):
        """Bytes of the archive with that digest; None when it is not there."""
        try:
            return self.path(sha256).stat().st_size
        except OSError:
            return None

    def free_bytes(self):
        """Bytes that can still be written. Raises StoreError when the folder is missing or may not be written."""
        self._prepare()
        if not os.access(self.root, os.W_OK):
            raise StoreError(f"The archive store {self.root} cannot be written.", remedy="Give the agent that folder.")
        return shutil.disk_usage(self.root).free

    @contextmanager
    def incoming(self, owner):
        """A private folder for drafts of `owner` (an operation's id), removed at the end whatever happened."""
        self._prepare()
        folder = self.root / "incoming" / str(owner)
        with _translated(self.root):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700, parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def incoming_owners(self):
        """Owners of the drafts that are there now."""
        folder = self.root / "incoming"
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    def incoming_folder(self, owner):
        return self.root / "incoming" / str(owner)

    def clear_incoming(self, owner):
        """Remove what `owner` left half done."""
        shutil.rmtree(self.incoming_folder(owner), ignore_errors=True)

    def put(self, draft: Path, sha256):
        """Move a finished draft into the store, whole or not at all: data first, then the name, both on disk."""
        self._prepare()
        with _translated(self.root):
            with open(draft, "rb") as file:
                os.fsync(file.fileno())
            os.chmod(draft, 0o600)
            os.replace(draft, self.path(sha256))
            descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def open(self, sha256):
        """The archive's bytes as an open file. Raises StoreError when it is not there."""
        with _translated(self.root):
            return open(self.path(sha256), "rb")

    def delete(self, sha256):
        """Remove an archive; nothing happens when it is not there."""
        with _translated(self.root):
            self.path(sha256).unlink(missing_ok=True)

    def _prepare(self):
        with _translated(self.root):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def _translated(root):
    """OSError to StoreError, in words."""
    try:
        yield
    except FileNotFoundError as error:
        raise StoreError(f"An archive is missing from the store: {error.filename}") from error
    except OSError as error:
        raise store_error(error, root) from error


def store_error(error, root):
    """The StoreError that says what an OSError on the store means."""
    remedy = "Free some space in it, or move the store to a larger disk." if error.errno == 28 else ""
    return StoreError(f"The archive store {root} failed: {error.strerror or error}.", remedy=remedy)
