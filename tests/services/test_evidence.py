"""Signed heads: when they are due, that the key is nobody else's, and that they leave the machine."""

import json
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from containers_app.errors import Unavailable
from containers_app.models import AuditEvent, AuditHead, AuditSink
from containers_app.runtime.signing import SigningKey
from containers_app.services import evidence
from tests.builders import ago, an_event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def key_file(settings, tmp_path):
    settings.AUDIT_KEY_FILE, settings.AUDIT_HEADS_FILE = tmp_path / "data" / "audit_key", tmp_path / "heads.jsonl"
    return settings.AUDIT_KEY_FILE


def a_head(**values):
    defaults = dict(sequence=1, digest="ab" * 32, at=ago(seconds=1), key_id="cd" * 8, signature="ef" * 64)
    return AuditHead.objects.create(**{**defaults, **values})


def test_the_key_is_made_once_and_only_its_owner_can_read_it(key_file):
    public = SigningKey(key_file).public
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert [entry.name for entry in key_file.parent.iterdir()] == ["audit_key"]
    assert SigningKey(key_file).public == public


def test_a_key_that_others_can_read_or_that_is_none_is_refused(key_file):
    SigningKey(key_file)
    key_file.chmod(0o640)
    with pytest.raises(Unavailable, match="read by others"):
        SigningKey(key_file)
    key_file.chmod(0o600)
    key_file.write_text("not a key")
    with pytest.raises(Unavailable, match="cannot be used"):
        SigningKey(key_file)


def test_a_head_is_signed_over_the_newest_event_and_sent_away(key_file, settings):
    event = [an_event(), an_event()][-1]
    head = evidence.sign_head()
    evidence.send_heads()
    assert (head.sequence, head.digest) == (2, event.digest)
    (sent,) = map(json.loads, settings.AUDIT_HEADS_FILE.read_text().splitlines())
    signature = bytes.fromhex(sent.pop("signature"))
    message = json.dumps({**sent, "format": "freezeframe-audit-head-1"}, sort_keys=True, separators=(",", ":"))
    Ed25519PublicKey.from_public_bytes(SigningKey(key_file).public).verify(signature, message.encode())
    assert sent["digest"] == event.digest


def test_heads_that_were_sent_away_stay_when_more_follow(settings):
    an_event()
    for _ in range(3):
        evidence.sign_head()
        evidence.send_heads()
    assert len(settings.AUDIT_HEADS_FILE.read_text().splitlines()) == AuditHead.objects.count() == 3


def test_a_head_that_cannot_be_sent_away_is_sent_once_it_can_be_and_meanwhile_it_is_said(settings, tmp_path):
    settings.AUDIT_HEADS_FILE = tmp_path / "away" / "heads.jsonl"
    an_event()
    for _ in range(2):
        evidence.sign_head()
        evidence.send_heads()
    sink = AuditSink.objects.get()
    assert "No such file" in sink.error and not sink.sent_at
    settings.AUDIT_HEADS_FILE.parent.mkdir()
    evidence.send_heads()
    sink.refresh_from_db()
    assert not sink.error and len(settings.AUDIT_HEADS_FILE.read_text().splitlines()) == 2


def test_one_place_that_is_away_does_not_keep_heads_from_another(settings, tmp_path):
    settings.AUDIT_HEADS_FILE = tmp_path / "away" / "heads.jsonl"
    settings.AUDIT_HEADS_TO = [str(tmp_path / "other.jsonl")]
    an_event()
    evidence.sign_head()
    evidence.send_heads()
    assert len((tmp_path / "other.jsonl").read_text().splitlines()) == 1


def test_nothing_is_signed_while_nothing_has_happened():
    assert evidence.sign_head_if_due() is None and AuditHead.objects.count() == 0


def test_a_head_is_due_after_so_many_events(monkeypatch):
    monkeypatch.setattr(evidence, "HEAD_EVENTS", 3)
    an_event()
    assert evidence.sign_head_if_due().sequence == 1
    for due in (False, False, True, False):
        an_event()
        assert bool(evidence.sign_head_if_due()) == due


def test_a_head_is_due_after_so_long_even_when_nothing_happens():
    sequence = an_event().sequence
    a_head(sequence=sequence, at=ago(seconds=evidence.HEAD_AGE.total_seconds() - 5))
    assert evidence.sign_head_if_due() is None
    a_head(sequence=sequence, at=ago(seconds=evidence.HEAD_AGE.total_seconds()))
    assert evidence.sign_head_if_due().sequence == sequence
    assert AuditEvent.objects.count() == 1


def test_the_host_that_holds_the_key_signs_and_no_other(settings, tmp_path):
    an_event()
    evidence.keep()
    assert AuditHead.objects.count() == 1
    settings.AUDIT_KEY_FILE = tmp_path / "other_key"
    an_event()
    assert not evidence.holds_key() and not settings.AUDIT_KEY_FILE.exists()
    SigningKey(settings.AUDIT_KEY_FILE)
    assert not evidence.holds_key()


def test_a_head_is_never_changed_and_never_deleted():
    head = a_head()
    for attempt in (head.save, head.delete, AuditHead.objects.all().delete, lambda: AuditHead.objects.update(at=ago())):
        with pytest.raises(TypeError):
            attempt()
