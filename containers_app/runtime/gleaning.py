"""What is kept of an archive while its members go by: small ones whole, and the slices of memory that hold command
lines and environments. All of it bounded, whatever the archive says.

A tar of CRI-O, containerd or Podman has its members in the order of their names, so `mm-N` and `pagemap-N` are known
when `pages-N` comes. In an archive of another order the slices are missing, and nothing else.
"""

import gzip
import io
import posixpath
import re
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from containers_app.errors import ArchiveError

from . import images, pagemaps

CONFIG_DUMP = "config.dump"
INVENTORY = "checkpoint/inventory.img"  # the one CRIU image whose presence Podman itself asks for
FOLDER = "checkpoint/"  # where an archive has CRIU's images

# Members that are kept because pages and later restores need what they say.
SMALL = {
    CONFIG_DUMP, "spec.dump", "network.status", "stats-dump", "deleted.files", "bind.mounts", "status.dump", INVENTORY,
}  # fmt: skip
SMALL_LIMIT = 4 * 1024 * 1024  # bytes; a larger one is passed on, not kept
IMAGES_LIMIT = 64 * 1024 * 1024  # bytes of CRIU's images that are kept of one archive, so that pages can show them
ARGUMENTS_LIMIT = 64 * 1024  # bytes of one process's command line
ENVIRONMENT_LIMIT = 256 * 1024  # bytes of one process's environment
MEMORY_LIMIT = 16 * 1024 * 1024  # bytes of both, of all processes
CHANGES_MOST = 2000  # names of changed files
CHANGES_COUNTED = 1_000_000  # changed files that are counted
UNPACKED_MOST = 4 * 1024**3  # bytes that are read of a compressed rootfs diff
READ_AT_ONCE = 16 * 1024 * 1024  # bytes; a tar header that is larger is an attack


PAGEMAP = re.compile(FOLDER + r"pagemap-([0-9]{1,9})\.img")


@dataclass
class Memory:
    """What the kernel keeps at the top of a process's stack, NUL-terminated strings (proc(5): cmdline, environ).

    None for what was not in the dump. Cut at its limit.
    """

    arguments: bytes | None = None
    environment: bytes | None = None


@dataclass
class Gleaner:
    """Ask `sink` for each regular member in turn; afterwards `kept`, `memory` and `changes` hold what was gleaned."""

    kept: dict[str, bytes] = field(default_factory=dict)
    memory: dict[int, Memory] = field(default_factory=dict)
    changes: dict | None = None  # `list_changes` of the rootfs diff
    _images_left: int = IMAGES_LIMIT
    _memory_left: int = MEMORY_LIMIT

    def sink(self, name, size):
        """An object whose `write` takes the member's bytes as they go by and whose `close` ends it; None when nothing
        of this member is wanted."""
        if self._keeps(name, size):
            return _Keeper(self.kept, name)
        stem = name.removeprefix(FOLDER)
        if name != stem and (number := pagemaps.pages_number(stem)) is not None:
            slices = self._slices(number)
            return _Slicer(slices) if slices else None
        return None

    def _keeps(self, name, size):
        if size > SMALL_LIMIT:
            return False
        if name in SMALL:
            return True
        stem = name.removeprefix(FOLDER)
        if name == stem or not images.kind_of(stem) or size > self._images_left:
            return False
        self._images_left -= size
        return True

    def _slices(self, number):
        """[(offset in pages-`number`, bytes, where they go)] of the processes whose memory that member is."""
        found = []
        for name, content in self.kept.items():
            match = PAGEMAP.fullmatch(name)
            mm = match and self.kept.get(f"{FOLDER}mm-{match[1]}.img")
            try:
                if not mm or pagemaps.pages_id(content) != number:
                    continue
                found += self._slices_of(int(match[1]), images.read("mm", mm)[0], pagemaps.runs(content))
            except (ArchiveError, IndexError):
                continue
        return sorted(found, key=lambda slice_: slice_[0])

    def _slices_of(self, pid, mm, runs):
        memory = self.memory.setdefault(pid, Memory())
        for name, limit in (("arguments", ARGUMENTS_LIMIT), ("environment", ENVIRONMENT_LIMIT)):
            start, end = (mm.get(f"mm_{name[:3]}_{edge}", 0) for edge in ("start", "end"))
            size = min(end - start, limit, self._memory_left)
            offset = pagemaps.offset_of(runs, start, size) if size > 0 else None
            if offset is not None:
                self._memory_left -= size
                yield offset, size, memory, name


class _Keeper:
    """A member that is kept whole."""

    def __init__(self, kept, name):
        self._kept, self._name, self._buffer = kept, name, io.BytesIO()

    def write(self, block):
        self._buffer.write(block)

    def close(self):
        self._kept[self._name] = self._buffer.getvalue()


class _Slicer:
    """Cuts known places out of a member that goes by."""

    def __init__(self, slices):
        self._slices = [(offset, size, memory, name, bytearray()) for offset, size, memory, name in slices]
        self._place = 0

    def write(self, block):
        begin, end = self._place, self._place + len(block)
        for offset, size, _, _, cut in self._slices:
            if offset < end and offset + size > begin:
                cut.extend(block[max(0, offset - begin) : offset + size - begin])
        self._place = end

    def close(self):
        for _, size, memory, name, cut in self._slices:
            if len(cut) == size:
                setattr(memory, name, bytes(cut))


def list_changes(rootfs_diff: Path):
    """{files, count, bytes, whole} of the tar at that path, packed with gzip or not at all; `files` has
    {path, size, kind} of the first CHANGES_MOST. `whole` is False where it is damaged or was not read to its end."""
    found = {"files": [], "count": 0, "bytes": 0, "whole": True}
    try:
        with open(rootfs_diff, "rb") as file, tarfile.TarFile(fileobj=_Bounded(file)) as tar:
            while info := tar.next():
                tar.members = []  # it would keep them all
                found["count"] += 1
                found["bytes"] += info.size
                if len(found["files"]) < CHANGES_MOST:
                    path = "/" + posixpath.normpath(info.name).lstrip("/")
                    found["files"].append({"path": path, "size": info.size, "kind": _kind_of(info)})
                if found["count"] >= CHANGES_COUNTED:
                    return {**found, "whole": False}
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error):
        found["whole"] = False
    return found


def _kind_of(info):
    kinds = {"isdir": "folder", "issym": "link", "islnk": "hard link", "isfile": "file"}
    return next((kind for asks, kind in kinds.items() if getattr(info, asks)()), "device")


class _Bounded:
    """A file, unpacked where it is packed with gzip, of which nobody can read very much at once or in all."""

    def __init__(self, file):
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        self._file = gzip.GzipFile(fileobj=file) if packed else file
        self._most = UNPACKED_MOST if packed else float("inf")
        self.tell = self._file.tell

    def read(self, size):
        if not 0 <= size <= READ_AT_ONCE:
            raise ValueError("a header of that size is an attack")
        return self._file.read(size)

    def seek(self, place):
        if place > self._most:
            raise ValueError("it unpacks to more than is read")
        return self._file.seek(place)
