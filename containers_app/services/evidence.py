"""Evidence that the history is whole: signed heads, sent away to where nobody here can change them, and verifications.

The rules are in `runtime/chain.py`, which an auditor runs alone. What an event means is nothing to this module.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from containers_app.errors import Conflict, Unavailable
from containers_app.models import AuditEvent, AuditHead, AuditSeal, AuditSink, AuditVerification
from containers_app.runtime import chain
from containers_app.runtime.signing import SigningKey
from containers_app.runtime.sinks import sink

from . import audit, doorbell
from .audit import FIELDS, as_written, rfc3339

log = logging.getLogger(__name__)

HEAD_EVENTS = 100  # a head is due after so many events,
HEAD_AGE = timedelta(minutes=10)  # and after so long, even when nothing happened: silence is signed too
CHUNK = 2000  # rows in memory at a time
VERIFY_EVERY = timedelta(hours=1)
VERIFICATIONS_KEPT = 200


def keep():
    """One round on this agent's host: sign what is due, verify what is asked for or due, send what was signed.

    Only the host that holds the key does it. The first one to sign makes the key; agents of other hosts leave it to
    that one, unless they are given the same key file.
    """
    if holds_key():
        sign_head_if_due()
        verify_if_due()
        send_heads()


def holds_key():
    """True when this host's key is the one that signed the last head, or there is no head yet."""
    last = AuditHead.objects.first()
    if last is None:
        return True
    return settings.AUDIT_KEY_FILE.exists() and chain.key_id(_public_key()) == last.key_id


def sign_head_if_due():
    """Sign a head when HEAD_EVENTS events or HEAD_AGE have gone by since the last one; returns it, or None."""
    last = AuditHead.objects.first()
    if last and timezone.now() - last.at < HEAD_AGE and newest().sequence - last.sequence < HEAD_EVENTS:
        return None
    return sign_head()


def sign_head():
    """Sign the newest event's digest and keep that as a head; returns it, or None while there is no event.

    Raises Unavailable when there is no usable key.
    """
    last = newest()
    if last is None:
        return None
    head = _signed(last)
    head.save(force_insert=True)
    return head


def sign_head_at(sequence):
    """A head over the event at that place, as it is written: for a bundle that ends there."""
    return head_written(_signed(AuditEvent.objects.get(pk=sequence)))


def _signed(event):
    key = SigningKey(settings.AUDIT_KEY_FILE)
    head = AuditHead(sequence=event.sequence, digest=event.digest, at=timezone.now(), key_id=chain.key_id(key.public))
    head.signature = key.sign(chain.head_message(head_written(head))).hex()
    return head


def send_heads():
    """Send every head that it has not yet to each of the sinks, in order. One that fails is tried again next round."""
    for address in _sink_addresses():
        place = sink(address)
        row, _ = AuditSink.objects.get_or_create(name=place.name)
        for head in AuditHead.objects.filter(pk__gt=row.sent).order_by("pk"):
            try:
                place.send(f"{head.sequence:020}-{head.pk}", chain.line(head_written(head)))
            except Unavailable as error:
                _tell_of_failure(row, error)
                break
            AuditSink.objects.filter(pk=row.pk).update(sent=head.pk, sent_at=timezone.now(), error="")


def _tell_of_failure(row, error):
    if row.error != error.message:
        log.warning("audit heads do not reach %s: %s", row.name, error)
        AuditSink.objects.filter(pk=row.pk).update(error=error.message)
        doorbell.announce("audit", team=None)


def _sink_addresses():
    file = [str(settings.AUDIT_HEADS_FILE)] if settings.AUDIT_HEADS_FILE else []
    return file + settings.AUDIT_HEADS_TO


def verify():
    """A chain.Report on the database as it is now, with the heads that were sent away to a file where there is one."""
    away = settings.AUDIT_HEADS_FILE
    away = list(chain.read_lines(away)) if away and away.exists() else []
    heads = [head_written(head) for head in AuditHead.objects.order_by("pk")]
    seals = [seal_written(seal) for seal in AuditSeal.objects.order_by("pk")]
    return chain.verify(events, heads, away, _public_key(), seals)


def request_verification(*, by):
    """Ask the agent that holds the key to verify the history; returns the AuditVerification. It begins within seconds.

    Raises Conflict while one is under way.
    """
    with transaction.atomic():
        if AuditVerification.objects.filter(finished_at=None).exists():
            raise Conflict("A verification is under way.", remedy="Wait for what it finds.")
        asked = AuditVerification.objects.create(asked_by_name=by.name, asked_at=timezone.now())
        audit.record(
            by=by, action="audit.verification_requested", result="requested", sentence="asked to verify the history"
        )
        return asked


def verify_if_due():
    """Verify when somebody asked for it or the last one is older than VERIFY_EVERY; returns the AuditVerification."""
    asked = AuditVerification.objects.filter(finished_at=None).first()
    last = AuditVerification.objects.exclude(finished_at=None).first()
    if asked is None:
        if newest() is None or (last and timezone.now() - last.finished_at < VERIFY_EVERY):
            return None
        asked = AuditVerification.objects.create(asked_at=timezone.now())
    report = verify()
    asked.events, asked.covered, asked.report = report.events, report.covered, str(report)
    asked.kind, asked.finished_at = report.finding.kind if report.finding else "", timezone.now()
    asked.save()
    doorbell.announce("audit", team=None)
    _forget_old_verifications()
    if asked.asked_by_name or asked.kind:
        _record_verification(asked)
    return asked


def _record_verification(done):
    schedule = audit.Caller(source=AuditEvent.Source.SCHEDULE)
    found = done.report.splitlines()[0]
    if done.kind:
        log.error("the audit history is not whole: %s", found)
    audit.record(
        by=schedule, action="audit.verified", result="failed" if done.kind else "done",
        sentence=f"verified the history: {found}", details={"report": done.report},
    )  # fmt: skip


def _forget_old_verifications():
    kept = AuditVerification.objects.values_list("pk", flat=True)[VERIFICATIONS_KEPT - 1 : VERIFICATIONS_KEPT].first()
    if kept:
        AuditVerification.objects.filter(pk__lt=kept).delete()


def _public_key():
    return SigningKey(settings.AUDIT_KEY_FILE).public


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


def newest():
    """The last event; None while there is none."""
    return AuditEvent.objects.order_by("-pk").first()


def head_written(head):
    """A head as the chain, the export and the sinks have it."""
    return {"at": rfc3339(head.at), **_fields(head, "digest", "key_id", "sequence", "signature")}


def seal_written(seal):
    """A seal as the chain and the export have it."""
    return {"at": rfc3339(seal.at), **_fields(seal, "digest", "events_sha256", "key_id", "sequence", "signature")}


def _fields(row, *names):
    return {name: getattr(row, name) for name in names}
