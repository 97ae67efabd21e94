"""The history as a bundle of files for an auditor, and the retention: what was sealed into one leaves the database.

Nothing leaves before its bundle lies on the disk, verified from there, and a signed seal says so.
"""

import hashlib
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from containers_app.errors import Conflict
from containers_app.models import AuditEvent, AuditHead, AuditSeal
from containers_app.runtime import chain
from containers_app.runtime.signing import SigningKey, write_durably

from . import audit, evidence
from .evidence import head_written, seal_written


def export(folder: Path):
    """Sign a head and write the history up to it into the new `folder`, in bounded memory; returns how many events.

    Raises Conflict when there is nothing to export or the folder is already there.
    """
    head = evidence.sign_head()
    if head is None:
        raise Conflict("The history is empty: there is nothing to export.")
    return _write_bundle(folder, until=head.sequence)


def seal(*, by, before, folder: Path):
    """Take the events before the moment `before` out of the database, into a bundle in the new `folder`.

    Verifies the whole history first and the bundle from the disk afterwards; then, in one transaction, the signed seal,
    its event, and the removal. Returns the AuditSeal. Raises Conflict when there is nothing so old, or when the history
    or the bundle is not as it was recorded: then nothing is taken out.
    """
    last = AuditEvent.objects.filter(at__lt=before).order_by("-pk").first()
    if last is None:
        raise Conflict(f"No event is older than {before:%Y-%m-%d}.")
    evidence.sign_head()
    _require_whole(evidence.verify())
    count = _write_bundle(folder, until=last.sequence)
    _require_whole(_verified(folder))
    with transaction.atomic():
        sealed = _sign_seal(last, folder)
        audit.record(
            by=by,
            action="audit.sealed",
            sentence=f"took {count} events, up to number {last.sequence}, out of the database into {folder.name}",
            details={"sequence": last.sequence, "events_sha256": sealed.events_sha256, "events": count},
        )
        AuditEvent.objects.filter(pk__lte=last.pk).take_out()
    return sealed


def _sign_seal(last, folder):
    key = SigningKey(settings.AUDIT_KEY_FILE)
    with open(folder / chain.EVENTS, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    sealed = AuditSeal(
        sequence=last.sequence,
        digest=last.digest,
        events_sha256=sha256,
        at=timezone.now(),
        key_id=chain.key_id(key.public),
    )
    sealed.signature = key.sign(chain.seal_message(seal_written(sealed))).hex()
    sealed.save(force_insert=True)
    return sealed


def _verified(folder):
    """The bundle as it lies on the disk, by the rules that an auditor has."""
    heads, seals = (list(chain.read_lines(folder / name)) for name in (chain.HEADS, chain.SEALS))
    key = chain.read_key(str(folder / chain.KEY))
    return chain.verify(lambda: chain.read_lines(folder / chain.EVENTS), heads, [], key, seals)


def _require_whole(report):
    if report.finding:
        raise Conflict(
            f"Nothing was taken out: the history is not whole. {report.finding}",
            remedy="Keep the database as it is, and find out who changed it.",
        )


def _write_bundle(folder, *, until):
    """Events up to the place `until`, with a head that covers the last of them; how many there are."""
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise Conflict(f"{folder.name} is already there.", remedy="Name a new folder.") from error
    heads = AuditHead.objects.filter(sequence__lte=until).order_by("pk")
    seals = AuditSeal.objects.filter(sequence__lt=until).order_by("pk")
    count = write_durably(folder / chain.EVENTS, map(chain.line, evidence.events(until=until)))
    covering = [] if heads.filter(sequence=until).exists() else [evidence.sign_head_at(until)]
    rows = [*map(head_written, heads.iterator(chunk_size=evidence.CHUNK)), *covering]
    write_durably(folder / chain.HEADS, map(chain.line, rows))
    write_durably(folder / chain.SEALS, map(chain.line, map(seal_written, seals)))
    write_durably(folder / chain.KEY, [SigningKey(settings.AUDIT_KEY_FILE).public.hex() + "\n"])
    return count
