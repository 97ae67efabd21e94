"""Reading the memory in an archive as a stream: whose it is, where a pattern is in it, which pages two dumps share.

One pass over the compressed archive, a block of it in memory at a time. Members of pages that come before the pagemap
that says whose they are wait for a second pass. Patterns are searched with RE2: linear time, whatever the pattern and
the memory are. Nothing is written, nothing is unpacked to a path.
"""

import hashlib
import tarfile
import time
from bisect import bisect_right
from dataclasses import asdict, dataclass, field

import re2
import zstandard

from containers_app.errors import ArchiveError, BadInput

from . import images, pagemaps
from .gleaning import FOLDER, READ_AT_ONCE

BLOCK = 1024 * 1024  # bytes read at once
LONGEST = 4096  # bytes of one hit; a longer one is cut
AROUND = 64  # bytes shown before and after a hit
PATTERN_LONGEST = 1000  # characters
ENGINE_MEMORY = 16 * 1024 * 1024  # bytes that RE2 may take for a pattern
MAPS_LIMIT = 256 * 1024 * 1024  # bytes of images that say whose the pages are
DIGEST = 8  # bytes of a page's SHA-256 that stand for it: two different pages of a TiB collide once in 500 such dumps


@dataclass(frozen=True)
class Space:
    """Whose memory one member of pages is: the runs are in virtual addresses of process `pid`. Shared memory is told at
    the first process that maps it; `others` map it as well."""

    pid: int
    name: str
    runs: list
    others: list = field(default_factory=list)


@dataclass(frozen=True)
class Hit:
    """One place: in process `pid` at `address` (hex), which is `offset` in the archive's `member`."""

    pid: int
    name: str
    address: str
    member: str
    offset: int
    size: int
    before: str
    match: str
    after: str
    others: list = field(default_factory=list)

    def as_json(self):
        return asdict(self)


@dataclass
class Search:
    """What a search has found so far; `whole` is False when it ended at a limit."""

    hits: list = field(default_factory=list)
    searched: int = 0
    whole: bool = True
    unread: list = field(default_factory=list)


def compiled(pattern, *, regular=False, ignore_case=False):
    """The pattern for `search`. It is bytes: text is searched as UTF-8. Raises BadInput for one that cannot be used."""
    if not pattern or len(pattern) > PATTERN_LONGEST:
        raise BadInput(f"A pattern has 1 to {PATTERN_LONGEST} characters.", field="pattern")
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes, whatever they mean
    options.literal, options.case_sensitive = not regular, not ignore_case
    options.log_errors, options.max_mem = False, ENGINE_MEMORY
    try:
        found = re2.compile(pattern.encode(), options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it is none"
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
        raise BadInput(f"That is no regular expression of RE2: {reason}.", field="pattern") from error
    if found.search(b"") is not None:
        raise BadInput("That pattern matches nothing at all, so it is everywhere.", field="pattern")
    return found


def search(open_packed, pattern, *, most, seconds, on_bytes):
    """Search all memory of the archive that `open_packed()` opens; returns Search with `most` hits at the most.

    Ends after `seconds`. `on_bytes(count)` is told of the uncompressed bytes that have gone by, and ends the search by
    raising. Raises ArchiveError for an archive that cannot be read.
    """
    found, deadline = Search(), time.monotonic() + seconds
    for space, member, stream in _spaces(open_packed, on_bytes, found.unread):
        for run in space.runs:
            for address, before, match, after in _matches(pattern, run, stream, deadline):
                offset = run.offset + address - run.address
                found.hits.append(
                    Hit(
                        space.pid, space.name, f"{address:x}", member, offset, len(match), shown(before),
                        shown(match[:LONGEST]), shown(after), space.others,
                    )
                )  # fmt: skip
                if len(found.hits) >= most:
                    found.whole = False
                    return found
            if time.monotonic() > deadline:
                found.whole = False
                return found
            found.searched += run.size
    return found


def _matches(pattern, run, stream, deadline):
    """(address, bytes before, match, bytes after) in one run, read from the stream at its place."""
    buffer, base, begin, left = b"", run.address, 0, run.size
    while left and time.monotonic() < deadline:
        block = stream.read(min(BLOCK, left))
        if not block:
            raise ArchiveError("The archive ends in the middle of a process's memory.")
        left -= len(block)
        buffer += block
        limit = len(buffer) - (LONGEST + AROUND if left else 0)
        while begin < limit and (match := pattern.search(buffer, begin)) and match.start() < limit:
            start, end = match.span()
            yield base + start, buffer[max(0, start - AROUND) : start], match.group(), buffer[end : end + AROUND]
            begin = max(end, start + 1)
        begin = max(begin, limit, 0)
        cut = max(0, begin - AROUND)
        buffer, base, begin = buffer[cut:], base + cut, begin - cut
    stream.skip(left)


def shown(content):
    """Bytes as a person reads them: text as it is, the rest as dots."""
    text = content.decode("utf-8", "replace").replace("\ufffd", "·")
    return "".join(letter if letter.isprintable() else "·" for letter in text)


def digests(open_packed, *, on_bytes):
    """{pid: PageDigests} of all memory in the archive. Raises as `search` does."""
    found = {}
    for space, _, stream in _spaces(open_packed, on_bytes, []):
        theirs = found.setdefault(space.pid, PageDigests())
        for run in space.runs:
            theirs.add(run.address, run.size)
            for page in _pages(run, stream):
                theirs.digests += _digest(page)
    for theirs in found.values():
        theirs.sort()
    return found


def compare(open_packed, first, *, on_bytes):
    """[{pid, same, changed, added, gone}] in pages: the archive against the `digests` of an earlier one."""
    none = {"same": 0, "changed": 0, "added": 0, "gone": 0}
    rows = {pid: {"pid": pid, **none, "gone": theirs.pages} for pid, theirs in first.items()}
    for space, _, stream in _spaces(open_packed, on_bytes, []):
        row = rows.setdefault(space.pid, {"pid": space.pid, **none})
        theirs = first.get(space.pid) or PageDigests()
        for run in space.runs:
            address = run.address
            for page in _pages(run, stream):
                before = theirs.at(address)
                if before is None:
                    row["added"] += 1
                else:
                    row["same" if before == _digest(page) else "changed"] += 1
                    row["gone"] -= 1
                address += pagemaps.PAGE
    return [rows[pid] for pid in sorted(rows)]


class PageDigests:
    """The digests of one process's pages: eight bytes each, found by address."""

    def __init__(self):
        self.digests, self._runs, self._starts = bytearray(), [], []

    @property
    def pages(self):
        return len(self.digests) // DIGEST

    def add(self, address, size):
        """A run whose pages' digests are appended next."""
        self._runs.append((address, size, len(self.digests)))

    def sort(self):
        self._runs.sort()
        self._starts = [address for address, _, _ in self._runs]

    def at(self, address):
        place = bisect_right(self._starts, address) - 1
        if place < 0:
            return None
        start, size, offset = self._runs[place]
        if address >= start + size:
            return None
        offset += (address - start) // pagemaps.PAGE * DIGEST
        return self.digests[offset : offset + DIGEST]


def _digest(page):
    return hashlib.sha256(page).digest()[:DIGEST]


def _pages(run, stream):
    left = run.size
    while left:
        block = memoryview(stream.read(min(BLOCK, left)))
        if not block or len(block) % pagemaps.PAGE:
            raise ArchiveError("The archive ends in the middle of a process's memory.")
        for place in range(0, len(block), pagemaps.PAGE):
            yield block[place : place + pagemaps.PAGE]
        left -= len(block)


def _spaces(open_packed, on_bytes, unread):
    """(Space, member's name, stream) of every member of pages, each to be read in the order of its runs.

    Names of members whose owner nobody tells are added to `unread`.
    """
    maps, late = _Maps(), set()
    yield from _pass(open_packed, maps, on_bytes, late, None)
    if late:
        again, never = set(late), set()
        yield from _pass(open_packed, maps, on_bytes, never, again)
        unread += [f"pages-{number}.img" for number in sorted(never)]
    unread += sorted(maps.unreadable)


def _pass(open_packed, maps, on_bytes, late, only):
    """One pass; members of pages whose owner is not known yet are added to `late`. `only` are those that are wanted."""
    with open_packed() as packed:
        counted = _Counted(zstandard.ZstdDecompressor().stream_reader(packed, read_size=BLOCK), on_bytes)
        try:
            with tarfile.open(fileobj=counted, mode="r|", bufsize=BLOCK) as tar:
                for info in tar:
                    tar.members = []  # it would keep them all
                    name = info.name.removeprefix(FOLDER)
                    if not info.isreg() or name == info.name:
                        continue
                    number = pagemaps.pages_number(name)
                    if number is None:
                        maps.keep(name, info, tar)
                    elif only is None or number in only:
                        space = maps.space(number)
                        if space is None:
                            late.add(number)
                        else:
                            yield space, name, _Member(tar.extractfile(info))
        except (tarfile.TarError, zstandard.ZstdError, EOFError) as error:
            raise ArchiveError(f"The archive cannot be read: {error}.") from error


class _Counted:
    """What tarfile reads from, telling how far it is. Nothing reads very much at once."""

    def __init__(self, file, on_bytes):
        self._file, self._on_bytes, self._count = file, on_bytes, 0

    def read(self, size):
        if not 0 <= size <= READ_AT_ONCE:
            raise ArchiveError("The archive has a header that is too large to be one.")
        block = self._file.read(size)
        self._count += len(block)
        self._on_bytes(self._count)
        return block


class _Member:
    """A member that is read from its begin to its end."""

    def __init__(self, file):
        self._file = file

    def read(self, size):
        """Exactly `size` bytes unless it ends before."""
        block = self._file.read(size)
        while len(block) < size and (more := self._file.read(size - len(block))):
            block += more
        return block

    def skip(self, size):
        while size and (block := self._file.read(min(BLOCK, size))):
            size -= len(block)


class _Maps:
    """The images that say whose memory a member of pages is, as far as they have gone by."""

    KINDS = ("pagemap", "pagemap-shmem", "mm", "core", "files", "memfd")

    def __init__(self):
        self._kept, self._left = {}, MAPS_LIMIT
        self.unreadable = set()

    def keep(self, name, info, tar):
        if images.kind_of(name) in self.KINDS and name not in self._kept and info.size <= self._left:
            self._left -= info.size
            self._kept[name] = tar.extractfile(info).read()

    def space(self, number):
        """The Space of `pages-number`; None while no pagemap names it."""
        for name, content in self._kept.items():
            kind = images.kind_of(name)
            if kind not in images.PAGEMAPS:
                continue
            try:
                if pagemaps.pages_id(content) == number:
                    owner = int(name.rpartition("-")[2].removesuffix(".img"))
                    runs = pagemaps.runs(content)
                    return Space(owner, self._comm(owner), runs) if kind == "pagemap" else self._shared(owner, runs)
            except ArchiveError:
                self.unreadable.add(name)
        return None

    def _shared(self, shmid, runs):
        """Shared memory: its runs count from its own begin, so they are moved to where the first process has it."""
        files, inodes = self._by("files", "id"), self._by("memfd", "inode_id")
        holders = []
        for name, content in self._kept.items():
            if images.kind_of(name) != "mm":
                continue
            for vma in next(iter(images.read("mm", content, most=1)), {}).get("vmas", []):
                if pagemaps.shared_memory(vma, files, inodes) == shmid:
                    base = vma.get("start", 0) - vma.get("pgoff", 0)
                    holders.append((int(name[3:].removesuffix(".img")), base))
                    break
        pid, base = min(holders, default=(0, 0))
        moved = [pagemaps.Run(run.address + base, run.size, run.offset) for run in runs]
        return Space(pid, self._comm(pid), moved, sorted(holder for holder, _ in holders)[1:])

    def _by(self, kind, key):
        content = self._kept.get(f"{kind}.img")
        return {entry.get(key): entry for entry in images.read(kind, content)} if content else {}

    def _comm(self, pid):
        try:
            entries = images.read("core", self._kept.get(f"core-{pid}.img", b""), most=1)
            return entries[0].get("tc", {}).get("comm", "").replace("\0", "\ufffd")
        except (ArchiveError, IndexError):
            return ""
