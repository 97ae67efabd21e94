"""The tars inside of a stranger's archive: checked entry by entry, and written anew with nothing but what was checked.

What Podman unpacks into a container's file system, its volumes and /dev/shm is written by us (`rewrite`), so that no
reader sees anything that ours has not. A tmpfs that CRIU has GNU's tar unpack is checked and passed on (`check`).
"""

import io
import tarfile
from dataclasses import dataclass, field

from containers_app.errors import ArchiveError

from .tarreader import SPARSE, Entry, TarReader

MOST = 200_000  # entries of one tar
# The devices that an OCI runtime makes in every container's /dev (OCI runtime specification, "Default Devices").
DEFAULT_DEVICES = {(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, 0)}
TYPES = {
    "file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE,
    "FIFO": tarfile.FIFOTYPE,
}  # fmt: skip


@dataclass
class Seen:
    """What the entries so far were: whatever comes later is checked against it."""

    links: set = field(default_factory=set)
    files: set = field(default_factory=set)
    names: set = field(default_factory=set)
    devices: set = field(default_factory=set)  # (major, minor) beyond the usual ones, where devices may be
    privileged: list = field(default_factory=list)  # paths that are setuid, setgid, or carry capabilities


def rewrite(stream, out, *, where):
    """Write the tar `stream` anew to the file `out`; returns Seen. Raises ArchiveError for what nobody may let in."""
    seen, reader = Seen(), TarReader(stream, where=where, most=MOST)
    with tarfile.TarFile(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in reader:
            path = _checked(reader, entry, seen, devices=False)
            tar.addfile(_info(entry, path), _Content(reader) if entry.kind == "file" else None)
            tar.members.clear()  # it would keep every one of them
    return seen


def check(stream, *, where):
    """Check a tar that is passed on as it is; returns Seen, with the devices in it that not every container has."""
    seen, reader = Seen(), TarReader(stream, where=where, most=MOST, sparse=True)
    for entry in reader:
        _checked(reader, entry, seen, devices=True)
    return seen


def clean(name):
    """The parts of a relative name without "."; None for one that is absolute or leads up."""
    if name.startswith("/"):
        return None
    parts = [part for part in name.split("/") if part not in {"", "."}]
    return None if ".." in parts else parts


def _checked(reader, entry: Entry, seen, *, devices):
    """The entry's clean path. Raises ArchiveError for an entry that no engine needs and attacks do."""
    parts = clean(entry.name)
    shown = f"“{entry.name[:120]}”"
    if parts is None:
        raise reader.refused(f"has a path that leads out of it: {shown}")
    path = "/".join(parts)
    if any("/".join(parts[:length]) in seen.links for length in range(1, len(parts))):
        raise reader.refused(f"has a path that goes through one of its own links: {shown}")
    if path in seen.links or (path in seen.names and entry.kind != "folder"):
        raise reader.refused(f"has two members of the name {shown}")
    if "device" in entry.kind and not devices:
        raise reader.refused(f"has a {entry.kind}: {shown}")
    if entry.kind == "hard link" and "/".join(clean(entry.link) or ["?"]) not in seen.files:
        raise reader.refused(f"has a hard link to what is not in it: {shown} to “{entry.link[:120]}”")
    _remember(entry, path, seen)
    return path


def _remember(entry, path, seen):
    seen.names.add(path)
    if entry.kind == "link":
        seen.links.add(path)
    if entry.kind in {"file", SPARSE, "hard link"}:
        seen.files.add(path)
    if "device" in entry.kind and not (entry.kind == "character device" and entry.device in DEFAULT_DEVICES):
        seen.devices.add(entry.device)
    set_id = entry.kind in {"file", SPARSE} and entry.mode & 0o6000
    if (set_id or "security.capability" in entry.xattrs) and len(seen.privileged) < 100:
        seen.privileged.append("/" + path)


def _info(entry, path):
    """Of the checked facts alone: extended attributes, names of users and times below a second are left out."""
    info = tarfile.TarInfo(path or ".")
    info.type, info.size, info.mode = TYPES[entry.kind], entry.size, entry.mode
    info.uid, info.gid, info.mtime = entry.uid, entry.gid, max(0, entry.mtime)
    info.linkname = "/".join(clean(entry.link)) if entry.kind == "hard link" else entry.link
    return info


class _Content(io.RawIOBase):
    """The present entry's bytes, for tarfile."""

    def __init__(self, reader):
        self._reader = reader

    def read(self, size=-1):
        block = self._reader.read(size)
        if size > len(block):
            raise ArchiveError("It was refused: an archive inside of it is cut short.")
        return block
