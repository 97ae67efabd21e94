"""What proves the history: verifications, signed heads, where they were sent, what was sealed."""

from containers_app.models import AuditHead, AuditSeal, AuditSink, AuditVerification
from tests.builders import ago, an_event

from .conftest import assert_same_queries, fragment, words

URL = "/audit/evidence/"


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(URL).status_code == 302


def test_without_anything_it_says_what_is_missing(auditor):
    text = words(auditor.get(URL))
    assert "no head is signed yet" in text and "Nowhere: nobody can tell an older copy" in text
    assert "every event since the first is here" in text
    assert "that an event is true: only that it is what was recorded, in that order;" in text


def test_it_shows_all_that_proves_it(auditor):
    event = an_event()
    AuditHead.objects.create(
        sequence=event.pk, digest=event.digest, at=ago(minutes=2), key_id="ab12" * 4, signature="cd"
    )
    AuditSink.objects.create(name="syslog://log.example:514", error="syslog: Connection refused.")
    AuditSeal.objects.create(
        sequence=900, digest="ab", events_sha256="ef" * 32, at=ago(days=3), key_id="ab12" * 4, signature="cd"
    )
    AuditVerification.objects.create(
        asked_by_name="mina",
        asked_at=ago(minutes=5),
        finished_at=ago(minutes=5),
        kind="changed",
        report="changed: event 7.",
    )
    text = words(auditor.get(URL))
    for said in ("ab12ab12ab12ab12", "2 min ago", "Connection refused", "behind", "events up to 900", "ef" * 32):
        assert said in text
    assert "not whole: changed" in text and "asked for by mina" in text and "changed: event 7." in text


def test_only_who_may_have_it_verified_is_offered_it(reader, operator):
    assert "Verify now" not in words(reader.get(URL))
    assert "Verify now" in words(operator.get(URL))


def test_an_htmx_request_gets_the_proof_alone(auditor):
    assert b"<html" not in fragment(auditor, URL, "audit_proof").content


def test_it_takes_as_many_queries_for_one_verification_as_for_many(auditor):
    AuditVerification.objects.create(asked_at=ago(), finished_at=ago())

    def more():
        for number in range(60):
            AuditVerification.objects.create(asked_at=ago(), finished_at=ago())
            AuditSink.objects.create(name=f"/heads/{number}")

    assert_same_queries(auditor, URL, more)
