"""Evidence that the history is whole: signed heads. What an event means is nothing to this module."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from containers_app.models import AuditEvent, AuditHead
from containers_app.runtime import chain
from containers_app.runtime.signing import SigningKey, send_away

from .audit import rfc3339

HEAD_EVENTS = 100  # a head is due after so many events,
HEAD_AGE = timedelta(minutes=10)  # and after so long, even when nothing happened: silence is signed too


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
