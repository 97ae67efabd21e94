"""One pass over a checkpoint archive: what is in it, its digests, and a compressed copy of it.

An archive is a tar as `podman container checkpoint --export` writes it (libpod, exportCheckpoint). Nothing is ever
extracted to a path that an archive names. Knows archives only: not Podman, not where they are kept.
"""

import hashlib
import io
import os
import posixpath
import tarfile
from contextlib import contextmanager
from pathlib import Path

import zstandard

from containers_app.errors import ArchiveError, FreezeframeError

from .gleaning import CONFIG_DUMP, INVENTORY, Gleaner, list_changes
from .types import ArchiveFacts, Member

ROOTFS_DIFF = "rootfs-diff.tar"
BLOCK = 1024 * 1024  # bytes read and written at once
ZSTD_LEVEL = 3  # zstd's own default


class Recompressor:
    """Reads an uncompressed archive as a stream and writes it as .tar.zst, learning everything on the way.

    `rootfs-diff.tar` is held back in `folder` and written last, so that `complete` may add to it once the whole archive
    has gone by: until then nobody knows which files Podman left out.
    """

    def __init__(self, draft: Path, folder: Path):
        self._sink = _Counting(open(draft, "xb"))  # noqa: SIM115 - closed by finish or abandon
        self._packed = zstandard.ZstdCompressor(level=ZSTD_LEVEL, threads=2).stream_writer(self._sink, closefd=True)
        self._out = tarfile.TarFile(fileobj=self._packed, mode="w", format=tarfile.PAX_FORMAT, copybufsize=BLOCK)
        self._folder = folder
        self._rootfs_diff = None  # (TarInfo, path)
        self.members, self.unpacked_bytes = [], 0
        self._gleaner = Gleaner()

    def copy(self, stream):
        """Copy every member of the tar `stream` (an object with `read`). Raises ArchiveError when it is not whole."""
        try:
            with tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK) as source:
                for info in source:
                    self._copy_member(source, info)
        except tarfile.TarError as error:
            raise ArchiveError(f"Podman's export is not a whole tar archive: {error}.") from error

    def add(self, path: Path, folder):
        """Copy what is below `folder` in the uncompressed tar file `path`; raises ArchiveError when it is not whole."""
        try:
            with tarfile.open(path, mode="r:") as source:
                for info in source:
                    if info.name.startswith(f"{folder}/") or info.name == folder:
                        self._copy_member(source, info)
        except tarfile.TarError as error:
            raise ArchiveError(f"Podman's export of the memory beforehand is not whole: {error}.") from error

    def complete(self, add_missing):
        """Call `add_missing(path)` on the held back `rootfs-diff.tar` (made empty when there was none); it appends what
        is missing and returns the paths it added. Then write it out. Returns those paths."""
        path = self._rootfs_diff[1] if self._rootfs_diff else self._folder / ROOTFS_DIFF
        if not path.exists():
            tarfile.open(path, "w").close()
        added = add_missing(path)
        self._gleaner.changes = list_changes(path)
        if self._rootfs_diff or added:
            info = self._rootfs_diff[0] if self._rootfs_diff else _file_info(ROOTFS_DIFF)
            info.size = path.stat().st_size
            with open(path, "rb") as file:
                self._write(info, file)
        path.unlink()
        return added

    def finish(self, completed_paths):
        """Close the copy and return its ArchiveFacts. Raises ArchiveError when what Podman needs is not in it."""
        self._out.close()
        self._packed.close()
        names = {member.name for member in self.members}
        for needed in (CONFIG_DUMP, INVENTORY):
            if needed not in names:
                raise ArchiveError(f"Podman's export lacks {needed}.")
        return ArchiveFacts(
            sha256=self._sink.digest.hexdigest(),
            archive_bytes=self._sink.count,
            unpacked_bytes=self.unpacked_bytes,
            members=self.members,
            completed_paths=completed_paths,
            small=self._gleaner.kept,
            memory=self._gleaner.memory,
            changes=self._gleaner.changes,
        )

    def abandon(self):
        """Close what is open without finishing; the draft is the caller's to remove."""
        self._sink.close()

    def _copy_member(self, source, info):
        file = source.extractfile(info) if info.isreg() else None
        if info.name == ROOTFS_DIFF and file:
            path = self._folder / ROOTFS_DIFF
            with open(path, "xb") as held:
                while block := file.read(BLOCK):
                    held.write(block)
            self._rootfs_diff = (info, path)
        else:
            self._write(info, file)

    def _write(self, info, file):
        reader = _Hashing(file, self._gleaner.sink(info.name, info.size)) if file else None
        self._out.addfile(info, reader)
        if reader:
            reader.finish()
        self.members.append(Member(info.name, info.size, reader.digest.hexdigest() if reader else ""))
        self.unpacked_bytes += info.size


def unpack(packed, target: Path, *, sha256, on_progress=None):
    """Write the uncompressed tar of `packed` (an open .tar.zst) to `target`; raise ArchiveError unless its bytes have
    this SHA-256. Whoever restores it must have called this first: Podman restores damaged memory without a word.
    """
    with opened(packed, sha256=sha256) as plain, open(target, "xb", opener=private) as out:
        while block := plain.read(BLOCK):
            out.write(block)
            if on_progress:
                on_progress(out.tell())


@contextmanager
def opened(packed, *, sha256):
    """A reader of what the open .tar.zst `packed` holds; at the block's end all of it has been read.

    Raises ArchiveError then unless its bytes have this SHA-256: only after the block may what was read be relied on.
    """
    source = _Counting(packed)
    try:
        plain = zstandard.ZstdDecompressor().stream_reader(source, read_size=BLOCK)
        yield plain
        while plain.read(BLOCK):
            pass
    except (FreezeframeError, OSError):
        raise
    except Exception as error:  # whatever bytes that are not the recorded ones lead to
        _require_digest(source, sha256, error)
        raise ArchiveError(f"The archive cannot be read ({error}). Nothing was done with it.") from error
    _require_digest(source, sha256)


def _require_digest(source, sha256, cause=None):
    while source.read(BLOCK):  # bytes after the frame belong to the digest too
        pass
    if source.digest.hexdigest() != sha256:
        raise _damaged("its SHA-256 is not the recorded one") from cause


def pack(plain, draft: Path):
    """Compress the open file `plain` into `draft`; returns (SHA-256 of the draft, its bytes, the bytes of `plain`)."""
    with _Counting(open(draft, "xb", opener=private)) as sink:
        read, _ = zstandard.ZstdCompressor(level=ZSTD_LEVEL).copy_stream(plain, sink, read_size=BLOCK)
        return sink.digest.hexdigest(), sink.count, read


def has_image(docker_archive: Path, image_id):
    """Whether that `podman save` holds the image of this ID: its configuration, whose digest the ID is."""
    try:
        with tarfile.open(docker_archive, "r:") as tar:
            config = tar.extractfile(f"{image_id}.json")
            return hashlib.file_digest(config, "sha256").hexdigest() == image_id
    except (KeyError, tarfile.TarError):
        return False


def verify(packed, sha256, *, on_block=None):
    """Read the open archive to its end; raise ArchiveError unless its bytes have this SHA-256.

    `on_block(count)` is called after each block with its bytes: it may wait, so that reading is gentle.
    """
    digest = hashlib.sha256()
    while block := packed.read(BLOCK):
        digest.update(block)
        if on_block:
            on_block(len(block))
    if digest.hexdigest() != sha256:
        raise _damaged("its SHA-256 is not the recorded one")


def _damaged(reason):
    return ArchiveError(
        f"The archive in the store is damaged: {reason}. Nothing was done with it.",
        remedy="Use another checkpoint, or bring the archive back from a copy of the store.",
    )


def missing_paths(rootfs_diff: Path, changed):
    """Those of `changed` (absolute paths that `podman diff` calls changed) that are not in the tar `rootfs_diff`."""
    with tarfile.open(rootfs_diff, "r:") as tar:
        present = {"/" + posixpath.normpath(name).lstrip("/") for name in tar.getnames()}
    return sorted(path for path in changed if path not in present)


@contextmanager
def appending(rootfs_diff: Path):
    """The tar open for appending members, in the format that Podman's reader understands (PAX)."""
    with tarfile.open(rootfs_diff, "a", format=tarfile.PAX_FORMAT) as tar:
        yield tar


def _file_info(name):
    info = tarfile.TarInfo(name)
    info.mode = 0o600
    return info


def private(path, flags):
    return os.open(path, flags, 0o600)


class _Hashing(io.RawIOBase):
    """A reader that hashes what goes through it, and hands it to `sink` (gleaning.Gleaner.sink) where there is one."""

    def __init__(self, file, sink):
        self._file, self._sink = file, sink
        self.digest = hashlib.sha256()

    def read(self, size=-1):
        block = self._file.read(size)
        self.digest.update(block)
        if self._sink:
            self._sink.write(block)
        return block

    def finish(self):
        if self._sink:
            self._sink.close()


class _Counting(io.RawIOBase):
    """A file that hashes and counts every byte read from or written to it."""

    def __init__(self, file):
        self._file = file
        self.digest = hashlib.sha256()
        self.count = 0

    def readable(self):
        return True

    def writable(self):
        return True

    def read(self, size=-1):
        return self._seen(self._file.read(size))

    def write(self, block):
        self._file.write(block)
        return len(self._seen(block))

    def _seen(self, block):
        self.digest.update(block)
        self.count += len(block)
        return block

    def close(self):
        if not self.closed:
            self._file.close()
        super().close()
