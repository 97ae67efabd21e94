"""Verify now: asked for by a person, done by the agent that holds the key, and both are in the history."""

import pytest

from containers_app.models import AuditEvent, AuditVerification
from containers_app.services import evidence
from tests.builders import ago, an_event

from .conftest import words

URL = "/audit/verify/"


@pytest.fixture(autouse=True)
def key_file(settings, tmp_path):
    settings.AUDIT_KEY_FILE, settings.AUDIT_HEADS_FILE = tmp_path / "key", None


def test_a_viewer_may_not_have_it_verified(viewer):
    assert viewer.post(URL).status_code == 403
    assert not AuditVerification.objects.exists()


def test_it_is_asked_for_and_then_found_whole(operator):
    an_event()
    assert operator.post(URL).url == "/audit/evidence/"
    asked = AuditVerification.objects.get()
    assert asked.asked_by_name == "olga" and asked.finished_at is None
    evidence.keep()
    asked.refresh_from_db()
    assert asked.finished_at and asked.kind == "" and asked.report.startswith("whole")
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))[-2:] == [
        "audit.verification_requested",
        "audit.verified",
    ]


def test_a_second_press_while_one_is_under_way_is_refused(operator):
    assert [operator.post(URL).status_code for _ in range(2)] == [302, 409]
    assert AuditVerification.objects.count() == 1


def test_the_schedule_verifies_by_itself_and_says_nothing_while_it_is_whole(db):
    an_event()
    evidence.keep()
    evidence.keep()
    done = AuditVerification.objects.get()
    assert done.asked_by_name == "" and done.kind == ""
    assert not AuditEvent.objects.filter(action="audit.verified").exists()


def test_what_the_schedule_finds_wrong_is_told_and_recorded(db, monkeypatch):
    from containers_app.runtime import chain

    an_event()
    finding = chain.Finding("changed", 1, 1, "It is not what was recorded.")
    monkeypatch.setattr(evidence, "verify", lambda: chain.Report(0, 0, 0, finding))
    evidence.keep()
    event = AuditEvent.objects.get(action="audit.verified")
    assert event.result == "failed" and event.source == "schedule" and "changed: event 1" in event.sentence


def test_a_history_that_is_not_whole_is_said_on_every_page(viewer):
    said = "The audit history is not what was recorded."
    assert said not in words(viewer.get("/"))
    AuditVerification.objects.create(asked_at=ago(minutes=1), finished_at=ago(minutes=1), kind="changed")
    assert all(said in words(viewer.get(url)) for url in ("/", "/catalog/", "/audit/", "/hosts/"))
    AuditVerification.objects.create(asked_at=ago(), finished_at=ago())
    assert said not in words(viewer.get("/"))


def test_old_verifications_are_forgotten(db, monkeypatch):
    monkeypatch.setattr(evidence, "VERIFICATIONS_KEPT", 3)
    monkeypatch.setattr(evidence, "VERIFY_EVERY", evidence.timedelta(0))
    an_event()
    for _ in range(6):
        evidence.verify_if_due()
    assert AuditVerification.objects.count() == 3
