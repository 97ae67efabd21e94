"""A stranger's archive, read once from its first byte to its last: checked, and written anew.

Takes an open file and gives a Report; the clean copy goes to an open draft. Meant to run where a mistake in it costs
little (runtime/sandbox.py): it opens no path, starts nothing, and stops at the first member that has no place in an
archive of Podman, CRI-O or containerd. What nobody may let in ends it; what a person may approve is in the Report.
"""

import errno
import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import zlib
from dataclasses import asdict, dataclass, field

import zstandard

from containers_app.errors import ArchiveError

from . import images, inner, inspection, privileges, rebuild, review, review_images
from .archive import BLOCK, ZSTD_LEVEL
from .gleaning import Gleaner, list_changes
from .tarreader import TarReader

JSON_LIMIT = 4 * 1024 * 1024  # bytes of one JSON file
IMAGES_LIMIT = 64 * 1024 * 1024  # bytes of CRIU's images that are kept to be looked at
MOST_MEMBERS = 20_000  # processes × images each, and room
MOST_TMPFS = 512 * 1024 * 1024  # unpacked bytes of the tmpfs file systems, which CRIU unpacks by itself
EASY = 64 * 1024 * 1024  # unpacked bytes that any ratio may have
RATIO = 1000  # unpacked to packed bytes: memory that is mostly alike comes to some hundred

IMAGE = re.compile(r"checkpoint/[A-Za-z0-9._-]{1,120}\.img")
VOLUME = re.compile(r"volumes/([a-zA-Z0-9][a-zA-Z0-9_.-]{0,127})\.tar")
PARSED = {"config.dump", "spec.dump", "deleted.files"}
TARS = {"rootfs-diff.tar", "devshm-checkpoint.tar"}
# Of Podman and of the others; a restore needs none of them.
LEFT_OUT = re.compile(
    r"artifacts/[A-Za-z0-9._-]{1,120}|ctr\.log|dump\.log|network\.status|stats-dump|bind\.mounts|status\.dump|status"
    r"|container\.log|io\.kubernetes\.cri-o\.LogPath"
)
FOLDERS = {"checkpoint", "volumes", "artifacts"}
PLUGINS = re.compile(r"checkpoint/(amdgpu|cuda|nvidia)[A-Za-z0-9._-]*\.img")
KEPT_TOO = {"stats-dump"}  # left out of the copy, and looked at
MAGIC = {b"\x1f\x8b": "tar.gz", b"\x28\xb5\x2f\xfd": "tar.zst"}


@dataclass(frozen=True)
class Bounds:
    """How large a thing may be: bytes of the file as it came, and of what is in it."""

    packed: int
    unpacked: int

    def unpacked_most(self, packed):
        """Unpacked bytes that a file of so many packed ones may come to."""
        return min(self.unpacked, max(EASY, RATIO * packed))


@dataclass
class Report:
    """What was found. `refused` is why it ends here, in words; else the draft is whole and these are its facts.

    `refused_key` is `form` for what is wrong with the archive, `space` where this host had no room to read it.
    """

    refused: str = ""
    refused_key: str = ""
    form: str = ""
    engine: str = ""
    findings: list = field(default_factory=list)
    privileges: list = field(default_factory=list)
    facts: dict = field(default_factory=dict)
    inspection: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)
    members: list = field(default_factory=list)
    sha256: str = ""
    archive_bytes: int = 0
    unpacked_bytes: int = 0

    def as_json(self):
        return asdict(self)


def examine(file, draft, scratch, *, bounds, policy, here):
    """The Report on the archive `file`; its clean copy is written to `draft`. `scratch` is a file to write into."""
    report = Report()
    try:
        _Examiner(file, draft, scratch, bounds, report).run(policy, here)
    except ArchiveError as error:
        report.refused, report.refused_key = error.message, "form"
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        report.refused_key = "space" if full else "form"
        report.refused = f"It was refused: it cannot be unpacked ({error})."
    except (EOFError, zlib.error, zstandard.ZstdError) as error:
        report.refused, report.refused_key = f"It was refused: it cannot be unpacked ({error}).", "form"
    except (MemoryError, RecursionError):
        report.refused, report.refused_key = "It was refused: it takes more memory to read than an archive may.", "form"
    return report


class _Examiner:
    def __init__(self, file, draft, scratch, bounds, report):
        self._file, self._scratch, self._bounds, self.report = file, scratch, bounds, report
        self._gleaner = Gleaner()
        self._copy = _Copy(draft, self._gleaner)
        self._kept, self._parsed, self._names, self._left_out = {}, {}, set(), []
        self._set_id, self._links, self._devices, self._room = [], set(), set(), IMAGES_LIMIT

    def run(self, policy, here):
        head = self._file.read(4)
        self._file.seek(0)
        self.report.form = next((form for magic, form in MAGIC.items() if head.startswith(magic)), "tar")
        reader = TarReader(_Bounded(self._file, self.report.form, self._bounds), most=MOST_MEMBERS)
        for entry in reader:
            self._member(reader, entry)
        self._require_whole(reader)
        self._judge(policy, here)
        if review.worst(self.report.findings) != review.BLOCK:
            self._finish(here)
        self.report.findings = [row.as_json() for row in review.in_order(self.report.findings)]

    def _member(self, reader, entry):
        name = entry.name.removesuffix("/")
        parts = inner.clean(entry.name)
        if parts is None or "/".join(parts) != name:
            raise reader.refused(f"has a member whose name is no clean path in it: “{entry.name[:120]}”")
        if name in self._names:
            raise reader.refused(f"has two members of the name “{name[:120]}”")
        self._names.add(name)
        if entry.kind == "link" and name == "checkpoint/parent":
            raise reader.refused("needs an earlier archive of its memory (--with-previous), which cannot be brought in")
        if entry.kind not in {"file", "folder"}:
            raise reader.refused(f"has a {entry.kind} where only files may be: “{name[:120]}”")
        if entry.mode & 0o6000 and entry.kind == "file":
            raise reader.refused(f"has a member that is setuid or setgid: “{name[:120]}”")
        if entry.kind == "folder":
            if name not in FOLDERS:
                raise reader.refused(f"has a folder that no engine writes: “{name[:120]}”")
            return
        self._file_member(reader, entry, name)

    def _file_member(self, reader, entry, name):
        if name == "checkpoint/apparmor.img":
            self._find("apparmor")
        elif PLUGINS.fullmatch(name):
            self._find("plugin", name)
        elif name in PARSED:
            self._parsed[name] = self._json(reader, entry)
        elif name in TARS or VOLUME.fullmatch(name):
            self._inner(reader, name)
        elif name == "checkpoint/descriptors.json":
            found = self._json(reader, entry)
            if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
                raise reader.refused("has a list of descriptors that is none")
            self._copy.bytes(name, json.dumps(found).encode())
        elif IMAGE.fullmatch(name):
            self._image(reader, entry, name)
        elif LEFT_OUT.fullmatch(name):
            self._left_out.append(name)
            _glean(reader, self._gleaner.sink(name, entry.size))
        else:
            raise reader.refused(f"has a member that no engine writes: “{name[:120]}”")

    def _json(self, reader, entry):
        if entry.size > JSON_LIMIT:
            raise reader.refused(f"has a {entry.name} of {entry.size:,} bytes")
        content = _all(reader)
        try:
            return json.loads(content.decode(), parse_constant=_no_constant, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise reader.refused(f"has a {entry.name} that is no plain JSON") from error

    def _inner(self, reader, name):
        self._scratch.seek(0)
        self._scratch.truncate()
        seen = inner.rewrite(_unpacked(reader, self._bounds), self._scratch, where=name)
        size = self._scratch.seek(0, io.SEEK_END)
        self._scratch.seek(0)
        if name == "rootfs-diff.tar":
            self._gleaner.changes = list_changes(os.dup(self._scratch.fileno()))
            self._scratch.seek(0)
        self._copy.file(name, size, self._scratch)
        self._set_id += [f"{name.removesuffix('.tar')}: {path}" for path in seen.privileged]
        if name == "rootfs-diff.tar":
            self._links = seen.links

    def _image(self, reader, entry, name):
        short = name.removeprefix("checkpoint/")
        if re.fullmatch(r"tmpfs-dev-[0-9]+\.tar\.gz\.img", short):
            content = _all(reader, limit=MOST_TMPFS)
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as unpacked:
                seen = inner.check(_Limited(unpacked, MOST_TMPFS), where=name)
            self._devices |= seen.devices
            self._set_id += [f"{short}: {path}" for path in seen.privileged]
            self._copy.bytes(name, content)
        elif (images.kind_of(short) or short == "cgroup.img") and entry.size <= self._room:
            self._room -= entry.size
            self._kept[name] = _all(reader)
            self._copy.bytes(name, self._kept[name])
        elif images.kind_of(short) in review_images.NEEDED:
            raise reader.refused(f"has a {short} of {entry.size:,} bytes, too large to be checked")
        else:
            self._copy.file(name, entry.size, _Member(reader))

    def _require_whole(self, reader):
        for needed in ("config.dump", "spec.dump", "checkpoint/inventory.img"):
            if needed not in self._names:
                raise reader.refused(f"has no {needed}: it is no checkpoint of a container")
        for name in ("config.dump", "spec.dump"):
            if not isinstance(self._parsed[name], dict):
                raise reader.refused(f"has a {name} that is no object")

    def _judge(self, policy, here):
        report, config, spec = self.report, self._parsed["config.dump"], self._parsed["spec.dump"]
        report.engine = inspection.engine_of(self._names, config)
        if not report.engine:
            raise ArchiveError("It was refused: its config.dump is none of Podman, CRI-O or containerd.")
        self._inspect()
        if report.engine == "podman":
            report.findings += review.judge(config, spec, policy)
            report.findings += review_images.judge(self._kept, config, spec, policy, self._devices)
            report.findings += review_images.deleted(
                self._parsed.get("deleted.files"), self._links, here.podman_version
            )
            report.findings += self._volumes(config)
        else:
            self._find("engine", report.engine)
        if self._set_id:
            self._find("set_id", self._set_id)
        if self._left_out:
            self._find("left_out", sorted(self._left_out))
        report.privileges = review_images.rows(config, spec, report.engine, self._copy.members)
        report.facts = {**_facts(config, report.engine), **_surroundings(config, spec)}

    def _inspect(self):
        """What pages show of what is inside: of its own two files, not of those that are made anew."""
        gleaned, sizes = self._gleaner, {member["name"]: member["size"] for member in self._copy.members}
        kept = {**gleaned.kept, **{name: json.dumps(parsed).encode() for name, parsed in self._parsed.items()}}
        names = {**dict.fromkeys(self._names, 0), **sizes}
        self.report.inspection = inspection.inspect(kept, names, memory=gleaned.memory, changes=gleaned.changes)
        self.report.environment = inspection.environment(kept, gleaned.memory)

    def _volumes(self, config):
        named = {review.value(row, "volumeName", default="") for row in review.dictionaries(config, "namedVolumes")}
        brought = {match[1] for name in self._names if (match := VOLUME.fullmatch(name))}
        return [review.finding("volume", sorted(brought - named))] if brought - named else []

    def _finish(self, here):
        config, spec = self._parsed["config.dump"], self._parsed["spec.dump"]
        if self.report.engine == "podman":
            config, spec = rebuild.rebuild(config, spec, here)
        for name, made in (
            ("config.dump", config),
            ("spec.dump", spec),
            ("deleted.files", self._parsed.get("deleted.files")),
        ):
            if made is not None:
                self._copy.bytes(name, json.dumps(made).encode())
        self._copy.finish(self.report)

    def _find(self, key, *details):
        self.report.findings.append(review.finding(key, *details))


def _glean(reader, sink):
    while sink and (block := reader.read(BLOCK)):
        sink.write(block)
    if sink:
        sink.close()


def _unpacked(reader, bounds):
    """The present member, unpacked where it is packed: containerd's rootfs-diff.tar is a layer, with gzip."""
    member = io.BufferedReader(_Member(reader), BLOCK)
    if member.peek(2)[:2] != b"\x1f\x8b":
        return member
    return _Limited(gzip.GzipFile(fileobj=member), bounds.unpacked)


def _facts(config, engine):
    """What the catalog says of it."""
    text = {
        key: review.value(config, key, default="")
        for key in ("id", "name", "rootfsImageID", "rootfsImageName", "runtime")
    }
    if engine != "podman":
        text["rootfsImageID"] = review.value(config, "rootfsImageRef", default="").rpartition(":")[2]
    return {key: item[:255] for key, item in text.items()}


def _surroundings(config, spec):
    """What of a host a restore needs: volumes that must not be there, folders that must be."""
    own = privileges.own_destinations(config)
    binds = [mount for mount in privileges.binds(spec) if review.value(mount, "destination", default="") not in own]
    volumes = [review.value(row, "volumeName", default="") for row in review.dictionaries(config, "namedVolumes")]
    return {"volumes": sorted(volumes), "binds": sorted(review.value(row, "source", default="") for row in binds)}


def _once(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(name):
    raise ValueError(f"{name} is no JSON")


def _all(reader, limit=IMAGES_LIMIT):
    content = bytearray()
    while block := reader.read(BLOCK):
        content += block
        if len(content) > limit:
            raise reader.refused("has a member that is too large to be checked")
    return bytes(content)


class _Bounded(io.RawIOBase):
    """The unpacked bytes of a packed file, ended when there are more than there may be."""

    def __init__(self, file, form, bounds):
        self._packed, self._bounds, self._count = _Counted(file), bounds, 0
        if form == "tar.gz":
            self._plain = gzip.GzipFile(fileobj=self._packed)
        elif form == "tar.zst":
            window = zstandard.ZstdDecompressor(max_window_size=128 * 1024**2)
            self._plain = window.stream_reader(self._packed, read_size=BLOCK, read_across_frames=True)
        else:
            self._plain = self._packed

    def read(self, size=-1):
        block = self._plain.read(size)
        self._count += len(block)
        if self._count > self._bounds.unpacked:
            raise ArchiveError(f"It was refused: it holds more than {self._bounds.unpacked // 1024**2:,} MiB unpacked.")
        if self._count > EASY and self._count > RATIO * self._packed.count:
            raise ArchiveError(f"It was refused: it unpacks to more than {RATIO:,} times its size.")
        return block


class _Counted(io.RawIOBase):
    def __init__(self, file):
        self._file, self.count = file, 0

    def readable(self):
        return True

    def read(self, size=-1):
        block = self._file.read(size)
        self.count += len(block)
        return block


class _Limited(io.RawIOBase):
    def __init__(self, file, limit):
        self._file, self._left = file, limit

    def read(self, size=-1):
        block = self._file.read(size)
        self._left -= len(block)
        if self._left < 0:
            raise ArchiveError("It was refused: a tmpfs in it is too large.")
        return block


class _Member(io.RawIOBase):
    """The present member as a file."""

    def __init__(self, reader):
        self._reader = reader

    def readable(self):
        return True

    def readinto(self, buffer):
        block = self._reader.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


class _Copy:
    """The clean archive: .tar.zst as the store has it, its members hashed on the way."""

    def __init__(self, draft, gleaner):
        self._sink, self._gleaner = _Sink(draft), gleaner
        self._packed = zstandard.ZstdCompressor(level=ZSTD_LEVEL, threads=2).stream_writer(self._sink, closefd=False)
        self._tar = tarfile.TarFile(fileobj=self._packed, mode="w", format=tarfile.PAX_FORMAT, copybufsize=BLOCK)
        self.members = []

    def bytes(self, name, content):
        self.file(name, len(content), io.BytesIO(content))

    def file(self, name, size, source):
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        hashed = _Hashed(source, self._gleaner.sink(name, size))
        self._tar.addfile(info, hashed)
        hashed.finish()
        self._tar.members.clear()
        self.members.append({"name": name, "size": size, "sha256": hashed.digest.hexdigest()})

    def finish(self, report):
        self._tar.close()
        self._packed.close()
        report.members, report.sha256, report.archive_bytes = (
            self.members,
            self._sink.digest.hexdigest(),
            self._sink.count,
        )
        report.unpacked_bytes = sum(member["size"] for member in self.members)


class _Hashed(io.RawIOBase):
    def __init__(self, source, sink):
        self._source, self._sink, self.digest = source, sink, hashlib.sha256()

    def read(self, size=-1):
        block = self._source.read(size)
        self.digest.update(block)
        if self._sink:
            self._sink.write(block)
        return block

    def finish(self):
        if self._sink:
            self._sink.close()


class _Sink(io.RawIOBase):
    def __init__(self, file):
        self._file, self.digest, self.count = file, hashlib.sha256(), 0

    def writable(self):
        return True

    def write(self, block):
        self._file.write(block)
        self.digest.update(block)
        self.count += len(block)
        return len(block)
