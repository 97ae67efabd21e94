"""A strict reader of tar archives that strangers wrote: entry by entry, from a stream, in bounded memory.

It reads what Go's, Python's and GNU's tar write (ustar, PAX and GNU headers; POSIX.1-2017 pax, GNU tar's manual) and
refuses whatever is ambiguous, because two readers that disagree about a header are a way around every check. Nothing
is extracted. Knows bytes and names, not what an archive is for.
"""

from dataclasses import dataclass

from containers_app.errors import ArchiveError

BLOCK = 512
HEAD_LIMIT = 64 * 1024  # bytes of one extended header
NAME_LIMIT = 4096  # bytes of a name or a link's target: PATH_MAX
KINDS = {
    b"0": "file", b"\0": "file", b"1": "hard link", b"2": "link", b"3": "character device", b"4": "block device",
    b"5": "folder", b"6": "FIFO",
}  # fmt: skip
SPARSE = "sparse file"  # GNU's old form, as `tar --sparse` writes it; only read where it is allowed
CHECKSUM = slice(148, 156)


@dataclass(frozen=True)
class Entry:
    """One member. `size` is what is stored of it; `xattrs` are names of its extended attributes."""

    name: str
    kind: str
    size: int
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    link: str = ""
    device: tuple = (0, 0)
    xattrs: tuple = ()


class TarReader:
    """Iterate over it for its entries; `read` gives the bytes of the present one. Raises ArchiveError."""

    def __init__(self, stream, *, where="the archive", most, sparse=False):
        """`most` is how many entries it may have."""
        self._stream, self._where, self._most, self._sparse = stream, where, most, sparse
        self._left = self._padding = self.count = 0

    def __iter__(self):
        while (header := self._next_header()) is not None:
            extended, header = self._extended(header)
            entry = self._entry(header, extended)
            self.count += 1
            if self.count > self._most:
                raise self.refused(f"has more than {self._most:,} members")
            self._left, self._padding = entry.size, -entry.size % BLOCK
            yield entry
            self._skip()

    def read(self, size=1024 * 1024):
        """Up to `size` bytes of the present entry, b"" at its end."""
        block = self._exactly(min(size, self._left)) if self._left else b""
        self._left -= len(block)
        return block

    def refused(self, reason):
        return ArchiveError(f"It was refused: {self._where} {reason}.")

    def _skip(self):
        while self._left:
            self.read()
        self._exactly(self._padding)
        self._padding = 0

    def _next_header(self):
        """The next header block; None at the end: two blocks of zeros, or one before the stream's end."""
        header = self._block()
        if header.strip(b"\0"):
            return self._checked(header)
        second = self._stream.read(BLOCK)
        if second.strip(b"\0"):
            raise self.refused("goes on after its end")
        return None

    def _checked(self, header):
        stored = _octal(header[CHECKSUM])
        if stored != sum(header[:148]) + 8 * 32 + sum(header[156:]):
            raise self.refused("is no whole tar archive: a header's checksum is wrong")
        return header

    def _extended(self, header):
        """({key: value} of the extended headers before it, the real header)."""
        found, kind, heads = {}, header[156:157], 0
        while kind in b"xLKg" and kind:
            size = self._number(header[124:136])
            heads += 1
            if kind == b"g" or size > HEAD_LIMIT or heads > 4:
                raise self.refused("has a header of a form that no engine writes")
            content = self._exactly(size)
            self._exactly(-size % BLOCK)
            plain = {"path" if kind == b"L" else "linkpath": content.rstrip(b"\0")}
            fresh = self._pax(content) if kind == b"x" else plain
            if found.keys() & fresh.keys():
                raise self.refused("names a member twice in its headers")
            found |= fresh
            header = self._checked(self._block())
            kind = header[156:157]
        return found, header

    def _pax(self, content):
        """Records `length key=value\\n` (POSIX pax, "pax Header File Format")."""
        found = {}
        while content:
            digits, space, _ = content[:8].partition(b" ")
            length = int(digits) if space and digits.isdigit() else 0
            record, content = content[len(digits) + 1 : length], content[length:]
            key, equals, value = record.partition(b"=")
            if length < 5 or not equals or not value.endswith(b"\n") or key.decode("ascii", "replace") in found:
                raise self.refused("has a damaged extended header")
            found[key.decode("ascii", "replace")] = value[:-1]
        if any(key.startswith("GNU.sparse") for key in found):
            raise self.refused("has a sparse member")
        return found

    def _entry(self, header, extended):
        kind = KINDS.get(header[156:157], "")
        if header[156:157] == b"S" and self._sparse:
            kind = SPARSE
        if not kind:
            raise self.refused(f"has a member of the unknown type {header[156:157]!r}")
        name = extended.get("path") or self._plain_name(header)
        link = extended.get("linkpath") or header[157:257].split(b"\0")[0]
        size = int(self._decimal(extended["size"])) if "size" in extended else self._number(header[124:136])
        if kind == SPARSE:
            self._skip_sparse_map(header)
        elif kind != "file" and size:
            raise self.refused(f"has a {kind} with content")
        return Entry(
            self._text(name), kind, size, self._number(header[100:108]) & 0o7777,
            self._owner(extended, "uid", header[108:116]), self._owner(extended, "gid", header[116:124]),
            self._time(extended, header), self._text(link) if kind in {"link", "hard link"} else "",
            (self._number(header[329:337]), self._number(header[337:345])) if "device" in kind else (0, 0),
            tuple(sorted(key.removeprefix("SCHILY.xattr.") for key in extended if key.startswith("SCHILY.xattr."))),
        )  # fmt: skip

    def _plain_name(self, header):
        name, prefix = header[:100].split(b"\0")[0], header[345:500].split(b"\0")[0]
        return prefix + b"/" + name if header[257:263] == b"ustar\0" and prefix else name

    def _skip_sparse_map(self, header):
        """Further blocks of GNU's sparse map follow while the last one says so (tar.h, oldgnu_header)."""
        more = header[482]
        while more:
            more = self._block()[504]

    def _owner(self, extended, key, field):
        return int(self._decimal(extended[key])) if key in extended else self._number(field)

    def _time(self, extended, header):
        return int(float(self._decimal(extended["mtime"]))) if "mtime" in extended else self._number(header[136:148])

    def _decimal(self, value):
        text = value.decode("ascii", "replace")
        if len(text) > 32 or not text.removeprefix("-").replace(".", "", 1).isdigit():
            raise self.refused("has a damaged extended header")
        return text

    def _number(self, field):
        """An octal number, or GNU's big-endian one whose first bit is set."""
        if field[0] & 0x80:
            value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
            if field[0] & 0x40 or value >= 1 << 62:
                raise self.refused("has a header with an impossible number")
            return value
        value = _octal(field)
        if value is None:
            raise self.refused("has a header with an impossible number")
        return value

    def _text(self, name):
        if len(name) > NAME_LIMIT or not name:
            raise self.refused("has a name that is empty or too long")
        if b"\0" in name:
            raise self.refused("has a name with a NUL in it")
        try:
            return name.decode()
        except UnicodeDecodeError as error:
            raise self.refused(f"has a name that is not UTF-8: {name[:60]!r}") from error

    def _block(self):
        return self._exactly(BLOCK)

    def _exactly(self, size):
        content = self._stream.read(size) if size else b""
        while len(content) < size:
            more = self._stream.read(size - len(content))
            if not more:
                raise self.refused("is cut short")
            content += more
        return content


def _octal(field):
    """The number of an octal field; None when it is none. An empty one is 0."""
    text = field.strip(b" \0")
    try:
        return int(text, 8) if text else 0
    except ValueError:
        return None
