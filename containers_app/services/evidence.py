"""Evidence that the history is whole: signed heads, the export for an auditor, and the verification in place.

The rules are in `runtime/chain.py`, which an auditor runs alone. What an event means is nothing to this module.
"""

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from containers_app.errors import Conflict
from containers_app.models import AuditEvent, AuditHead
from containers_app.runtime import chain
from containers_app.runtime.signing import SigningKey, send_away

from .audit import FIELDS, as_written, rfc3339

HEAD_EVENTS = 100  # a head is due after so many events,
HEAD_AGE = timedelta(minutes=10)  # and after so long, even when nothing happened: silence is signed too
CHUNK = 2000  # rows in memory at a time


def sign_head_if_due():
    """Sign a head when HEAD_EVENTS events or HEAD_AGE have gone by since the last one; returns it, or None."""
    last = AuditHead.objects.order_by("-pk").first()
    if last and timezone.now() - last.at < HEAD_AGE and _newest().sequence - last.sequence < HEAD_EVENTS:
        return None
    return sign_head()


def sign_head():
    """Sign the newest event's digest, keep that as a head and send it away; None while there is no event.

    Raises Unavailable when there is no usable key, or (the head is kept then) when it could not be sent away.
    """
    newest = _newest()
    if newest is None:
        return None
    key = SigningKey(settings.AUDIT_KEY_FILE)
    head = AuditHead(sequence=newest.sequence, digest=newest.digest, at=timezone.now(), key_id=chain.key_id(key.public))
    head.signature = key.sign(chain.head_message(_written(head))).hex()
    head.save(force_insert=True)
    if settings.AUDIT_HEADS_FILE:
        send_away(settings.AUDIT_HEADS_FILE, chain.line(_written(head)))
    return head


def verify():
    """A chain.Report on the database as it is now, with the heads that were sent away where there are any."""
    away = settings.AUDIT_HEADS_FILE
    away = list(chain.read_lines(away)) if away and away.exists() else []
    heads = [_written(head) for head in AuditHead.objects.order_by("pk")]
    return chain.verify(events, heads, away, SigningKey(settings.AUDIT_KEY_FILE).public)


def events(until=None):
    """Every event in its order, up to the place `until`, as the chain has them; in bounded memory.

    A row that holds what its columns cannot (nobody but a forger writes one) is chain.UNREADABLE.
    """
    rows = AuditEvent.objects.order_by("pk").values(*FIELDS)
    if until is not None:
        rows = rows.filter(pk__lte=until)
    place = 0
    try:
        for row in rows.iterator(chunk_size=CHUNK):
            yield as_written(row)
            place = row["sequence"]
    except ValueError:  # of some row in the chunk
        yield from _one_by_one(rows.filter(pk__gt=place))


def _one_by_one(rows):
    for place in list(rows.values_list("pk", flat=True)):
        try:
            yield as_written(rows.get(pk=place))
        except ValueError:
            yield chain.UNREADABLE


def export(folder: Path):
    """Sign a head and write the history up to it into the new `folder`, in bounded memory; returns how many events.

    Raises Conflict when there is nothing to export or the folder is already there.
    """
    head = sign_head()
    if head is None:
        raise Conflict("The history is empty: there is nothing to export.")
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise Conflict(f"{folder.name} is already there.", remedy="Name a new folder.") from error
    heads = AuditHead.objects.filter(sequence__lte=head.sequence).order_by("pk")
    _write(folder / chain.EVENTS, events(until=head.sequence))
    _write(folder / chain.HEADS, map(_written, heads.iterator(chunk_size=CHUNK)))
    (folder / chain.KEY).write_text(SigningKey(settings.AUDIT_KEY_FILE).public.hex() + "\n")
    return head.sequence


def _write(path, objects):
    with open(path, "x", encoding="ascii", newline="\n") as file:
        file.writelines(map(chain.line, objects))


def _newest():
    return AuditEvent.objects.order_by("-pk").first()


def _written(head):
    return {
        "at": rfc3339(head.at),
        "digest": head.digest,
        "key_id": head.key_id,
        "sequence": head.sequence,
        "signature": head.signature,
    }
