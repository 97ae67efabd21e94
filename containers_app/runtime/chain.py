#!/usr/bin/env -S python3 -I
"""The chain of the audit history: canonical form, digests, signatures, and the search for what was done to it.

One file, standard library only: `script/audit-verify` is this file, and runs alone wherever Python 3.11 does. It must
know nothing of Django, of the database or of Freezeframe's other modules. docs/audit.md describes the format.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

EVENTS, HEADS, SEALS, KEY = "events.jsonl", "heads.jsonl", "seals.jsonl", "public-key.txt"  # the files of a bundle
ZERO = "0" * 64  # what stands before the first event
HEAD_FORMAT, SEAL_FORMAT = "freezeframe-audit-head-1", "freezeframe-audit-seal-1"
UNREADABLE: dict = {}
GAP = 1000  # how many deleted events are recognised although the others were numbered anew

NOT_PROVEN = """What this does not prove:
- that an event is true: only that it is what was recorded, in that order;
- that everything was recorded: what happened past Freezeframe (Podman on the host itself) is not in here;
- anything about events that no signed head covers: they can be cut off or written anew without a trace;
- that nothing newer existed: compare with the heads that were sent away (--heads);
- anything about events that were sealed before: their own bundle does;
- anything against whoever holds the signing key, or has put another key into the bundle: give the one you know (--key).
"""

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_ascii = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode


def canonical(values: dict) -> bytes:
    """The one way to write `values` that digests and signatures are made of: sorted keys, no spaces, UTF-8."""
    return _canonical(values).encode()


def line(values: dict) -> str:
    """`values` as one line of a bundle: pure ASCII, so no text in it can end the line or steer a terminal."""
    return _ascii(values) + "\n"


def digest(event: dict) -> str:
    """What the event's `digest` must be: SHA-256 of `previous`, then of every other field but `digest` itself.

    "" where it cannot be written canonically, which no recorded event is.
    """
    body = {name: value for name, value in event.items() if name not in {"previous", "digest"}}
    try:
        return hashlib.sha256(str(event.get("previous")).encode() + canonical(body)).hexdigest()
    except (ValueError, RecursionError):
        return ""


def head_message(head: dict) -> bytes:
    """The bytes that a head's signature is made over."""
    fields = ("at", "digest", "key_id", "sequence")
    return canonical({"format": HEAD_FORMAT, **{name: head.get(name) for name in fields}})


def seal_message(seal: dict) -> bytes:
    """The bytes that a seal's signature is made over."""
    fields = ("at", "digest", "events_sha256", "key_id", "sequence")
    return canonical({"format": SEAL_FORMAT, **{name: seal.get(name) for name in fields}})


def key_id(public_key: bytes) -> str:
    """A short name for a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


# --- What was done to it -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """The first thing that is wrong: its kind, the events it is about by their place, and a sentence."""

    kind: str
    first: int
    last: int
    sentence: str

    def __str__(self):
        place = f"event {self.first}" if self.first == self.last else f"events {self.first} to {self.last}"
        return f"{self.kind}: {place}. {self.sentence}"


@dataclass(frozen=True)
class Report:
    """What a verification found: the last good event from the first on, the last one that a signed head covers.

    `seal` is where it begins when the events before were exported and taken out; None when it begins with event 1.
    """

    events: int
    covered: int
    heads: int
    finding: Finding | None
    seal: dict | None = None

    @property
    def not_covered(self):
        return self.events - self.covered

    def __str__(self):
        lines = [str(self.finding) if self.finding else "whole: every event is as it was recorded, in its order."]
        sealed = self.seal["sequence"] if self.seal else 0
        lines.append(f"Good: {self.events - sealed} events from the first on, {self.heads} signed heads.")
        if self.seal:
            lines.append(f"Sealed before: {_span(1, sealed)}, by a bundle whose {EVENTS} has the SHA-256")
            lines.append(f"{self.seal['events_sha256']}: verify that bundle too.")
        if self.not_covered > 0:
            lines.append(f"not covered: {_span(self.covered + 1, self.events)} stand after the last signed head.")
        return "\n".join(lines)


def verify(
    events: Callable[[], Iterable[dict]], heads: list[dict], away: list[dict], public_key: bytes, seals: Iterable = ()
) -> Report:
    """Read `events()` once, in bounded memory, and again only to name what is wrong.

    `heads` lie beside the events, `away` were kept elsewhere, `seals` tell where the events may begin; all are believed
    only with a signature by `public_key`.
    """
    key = PublicKey(public_key)
    seal = _begin(events, seals, key)
    begin = Begin(seal["sequence"], seal["digest"]) if seal else Begin(0, ZERO)
    heads, away = _after(begin, heads), _after(begin, away)
    good = [head for head in heads if key.signed(head)]
    good_away = [head for head in away if key.signed(head)]
    wanted = {head["sequence"] for head in good + good_away}
    (count, tip), seen = begin, {}
    broken = None
    for event in events():
        if event.get("sequence") != count + 1 or event.get("previous") != tip or event.get("digest") != digest(event):
            broken = _classify(events, count + 1, begin)
            break
        count, tip = count + 1, event["digest"]
        if count in wanted:
            seen[count] = tip
    finding = broken or _against_heads(good, good_away, seen, begin, count) or _unsigned(heads + away, good + good_away)
    agreed = [head["sequence"] for head in good + good_away if seen.get(head["sequence"]) == head["digest"]]
    return Report(count, max(agreed, default=begin.sequence), len(good) + len(good_away), finding, seal)


class Begin(NamedTuple):
    """What stands before the first event: nothing, or the last event that was sealed."""

    sequence: int
    digest: str


def _begin(events, seals, key):
    """The last signed seal before the first event, or the last of all when no event is left; None without any."""
    good = {seal["sequence"]: seal for seal in seals if key.sealed(seal)}
    first = next(iter(events()), {}).get("sequence")
    before = [sequence for sequence in good if not isinstance(first, int) or sequence < first]
    return good[max(before)] if before else None


def _after(begin, heads):
    """The heads without those that speak of what was sealed before."""
    return [
        head for head in heads if not (isinstance(head.get("sequence"), int) and head["sequence"] <= begin.sequence)
    ]


def _against_heads(own, away, seen, begin, count):
    """The chain holds together: does it hold what was signed? Whoever can write can also write all of it anew."""
    cut = "They were signed and are gone: the tail was cut."
    anew = "The chain holds together, but it is not the one that was signed: it was written anew."
    back = "Heads that were kept elsewhere know other or later events: an older copy was put back, or all was cut."
    return _compare(own, seen, begin, count, "truncated", cut, "rewritten", anew) or _compare(
        away, seen, begin, count, "rolled back", back, "rolled back", back
    )


def _compare(heads, seen, begin, count, beyond, beyond_words, other, other_words):
    agreed = begin.sequence
    ordered = sorted(heads, key=lambda head: head["sequence"])
    for head in ordered:
        if head["sequence"] > count:
            return Finding(beyond, count + 1, ordered[-1]["sequence"], beyond_words)
        if seen[head["sequence"]] != head["digest"]:
            return Finding(other, agreed + 1, head["sequence"], other_words)
        agreed = head["sequence"]
    return None


def _unsigned(heads, good):
    bad = [head for head in heads if head not in good]
    if not bad:
        return None
    place = bad[0].get("sequence") if isinstance(bad[0].get("sequence"), int) else 0
    return Finding("signature", place, place, "A head at this event is not signed by the key: it proves nothing.")


class _Row(NamedTuple):
    place: int
    sequence: int
    previous: str
    digest: str


def _row(place, event):
    sequence = event.get("sequence")
    return _Row(
        place, sequence if isinstance(sequence, int) else -1, str(event.get("previous")), str(event.get("digest"))
    )


class _Rows:
    """Every event's place and digests: `rows.at(place)`, and slices of what stands before and after a place."""

    def __init__(self, events, begin):
        self.begin = begin
        self._rows = [_row(number, event) for number, event in enumerate(events, begin.sequence + 1)]

    def at(self, place):
        return self._rows[place - self.begin.sequence - 1]

    def before(self, place):
        return self._rows[: place - self.begin.sequence - 1]

    def after(self, place):
        return self._rows[place - self.begin.sequence :]

    def __iter__(self):
        return iter(self._rows)


def _classify(events, place, begin):
    """Name what is wrong at `place`, the first event that does not follow. Holds every event's digests in memory."""
    rows = _Rows(events(), begin)
    bad = next(event for number, event in enumerate(events(), begin.sequence + 1) if number == place)
    row = rows.at(place)
    tip = rows.at(place - 1).digest if place > begin.sequence + 1 else begin.digest
    successor = next((other for other in rows.after(place) if other.previous == tip), None)
    if row.previous == tip:
        return _inserted(place, place) if successor else _changed_or_swapped(bad, row, rows)
    return _displaced(bad, row, rows, successor) if successor else _without_successor(bad, row, rows)


def _changed_or_swapped(bad, row, rows):
    """It stands where it says and its digest is wrong; perhaps its contents are those of another event."""
    for other in rows.after(row.place):
        if digest({**bad, "sequence": other.sequence, "previous": other.previous}) == other.digest:
            return _reordered(row.place, other.place)
    return _changed(row.place)


def _displaced(bad, row, rows, successor):
    """The event that belongs here comes later: this one was put before it, or has changed places with it."""
    start, tip = rows.begin
    parents = {tip: _Row(start, start, "", tip), **{other.digest: other for other in rows}}
    copies = sum(other.digest == row.digest for other in rows)
    parent = parents.get(row.previous)
    places = {
        row.sequence,
        successor.place,
        successor.sequence,
        *((parent.place + 1, parent.sequence + 1) if parent else ()),
    }
    genuine = parent and copies == 1 and any(_belongs_at(bad, place) for place in places)
    return _reordered(row.place, successor.place) if genuine else _inserted(row.place, successor.place - 1)


def _without_successor(bad, row, rows):
    """No event follows what stands before: that one is false, or the true one is gone, or this one was changed."""
    start, tip = rows.begin
    parents = {tip: start, **{other.digest: other.place for other in rows.before(row.place)}}
    parent = parents.get(row.previous)
    if parent is not None and _belongs_at(bad, parent + 1):
        return _inserted(parent + 1, row.place - 1)
    for place in (row.sequence, *range(row.place + 1, row.place + GAP)):
        if place > row.place and _belongs_at(bad, place):
            return Finding("deleted", row.place, place - 1, "Missing, while later events are there.")
    return _changed(row.place - 1 if row.place > start + 1 and _belongs_at(bad, row.place) else row.place)


def _belongs_at(event, place):
    return digest({**event, "sequence": place}) == event.get("digest")


def _changed(place):
    return Finding("changed", place, place, "What it says is not what was recorded.")


def _inserted(first, last):
    return Finding("inserted", first, last, "It was put there: the event before it was followed by another.")


def _reordered(first, second):
    return Finding("reordered", first, first, f"It has changed places with event {second}.")


def _span(first, last):
    return f"event {first}" if first == last else f"events {first} to {last}"


# --- Ed25519: verification alone, as RFC 8032, section 5.1.7 ---------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)  # extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z


def _add(a, b):
    left, right = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = right - left, d - c, d + c, right + left
    return e * f % P, g * h % P, f * g % P, e * h % P


def _decode(data):
    """The point that 32 bytes stand for; raises ValueError when they stand for none."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if len(data) != 32 or y >= P:
        raise ValueError("not a point")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        raise ValueError("not a point")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def _encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _table(point):
    """Multiples of a point by 0…15 times each power of 16: every product is then 64 additions."""
    rows = []
    for _ in range(64):
        row = [NEUTRAL]
        for _ in range(16):
            row.append(_add(row[-1], point))
        point = row.pop()
        rows.append(row)
    return rows


def _times(table, number):
    total = NEUTRAL
    for row in table:
        if number & 15:
            total = _add(total, row[number & 15])
        number >>= 4
    return total


_BASE = _decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


class PublicKey:
    """One public key, with what speeds up the verification of its many signatures."""

    def __init__(self, data: bytes):
        self.data = data
        self.key_id = key_id(data)
        x, y, z, t = _decode(data)
        self._minus_key = _table((P - x, y, z, P - t))
        self._base = _table(_BASE)

    def verify(self, signature: bytes, message: bytes) -> bool:
        """True when `signature` is the key's own over `message`."""
        scalar = int.from_bytes(signature[32:], "little")
        if len(signature) != 64 or scalar >= L:
            return False
        challenge = hashlib.sha512(signature[:32] + self.data + message).digest()
        k = int.from_bytes(challenge, "little") % L
        return _encode(_add(_times(self._base, scalar), _times(self._minus_key, k))) == signature[:32]

    def signed(self, head: dict) -> bool:
        """True when the head has its form and is signed by this key."""
        return self._signed(head, head_message)

    def sealed(self, seal: dict) -> bool:
        """True when the seal has its form and is signed by this key."""
        return isinstance(seal.get("events_sha256"), str) and self._signed(seal, seal_message)

    def _signed(self, statement, message):
        try:
            form = isinstance(statement["sequence"], int) and isinstance(statement["digest"], str)
            signature = bytes.fromhex(statement["signature"])
            return form and statement["key_id"] == self.key_id and self.verify(signature, message(statement))
        except (KeyError, TypeError, ValueError, RecursionError):
            return False


# --- The command -----------------------------------------------------------------------------------------------------


def read_lines(path: Path) -> Iterator[dict]:
    """The objects of a JSON Lines file; one that is not written exactly as `line` writes it is UNREADABLE."""
    with open(path, "rb") as file:
        for raw in file:
            yield _parsed(raw)


def _parsed(raw):
    try:
        values = json.loads(raw)
        return values if isinstance(values, dict) and line(values).encode() == raw else UNREADABLE
    except (ValueError, RecursionError):
        return UNREADABLE


def read_key(text: str) -> bytes:
    """A public key: 64 hex digits, or the name of a file that holds them."""
    written = Path(text).read_text() if Path(text).is_file() else text
    return bytes.fromhex(written.strip())


def main(arguments: list[str] | None = None) -> int:
    """0: whole and covered to its end. 1: something is wrong. 2: it cannot be read. 3: whole, but not all covered."""
    parser = argparse.ArgumentParser(prog="script/audit-verify", description="Verify an exported audit history.")
    parser.add_argument("bundle", type=Path, help=f"folder with {EVENTS}, {HEADS}, {KEY} and, after a seal, {SEALS}")
    parser.add_argument("--key", help="the public key that you know, in hex or as a file; without it the bundle's own")
    parser.add_argument("--heads", type=Path, help="heads that were sent away: shows when an older copy was put back")
    options = parser.parse_args(arguments)
    try:
        public_key = read_key(options.key or str(options.bundle / KEY))
        away = list(read_lines(options.heads)) if options.heads else []
        heads = list(read_lines(options.bundle / HEADS))
        seals = list(read_lines(options.bundle / SEALS)) if (options.bundle / SEALS).exists() else []
        report = verify(lambda: read_lines(options.bundle / EVENTS), heads, away, public_key, seals)
    except (OSError, ValueError) as error:
        print(f"audit-verify: it cannot be read: {error}", file=sys.stderr)
        return 2
    print(report)
    print(f"Key {key_id(public_key)}, {'as you gave it' if options.key else 'as the bundle itself says'}.\n")
    print(NOT_PROVEN, end="")
    return 1 if report.finding else 3 if report.not_covered else 0


if __name__ == "__main__":
    sys.exit(main())
