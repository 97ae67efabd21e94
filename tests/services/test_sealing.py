"""Retention: what is old leaves the database only into a bundle that was verified, and the history stays provable."""

import hashlib
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from containers_app import history
from containers_app.errors import Conflict
from containers_app.migrations import _append_only
from containers_app.models import AuditEvent, AuditSeal
from containers_app.services import audit, bundles, evidence
from tests.builders import ago, an_admin, an_event

pytestmark = pytest.mark.django_db

VERIFIER = Path(__file__).resolve().parents[2] / "script" / "audit-verify"
OLD, NEW = 6, 3


@pytest.fixture(autouse=True)
def old_and_new(settings, tmp_path):
    """OLD events of last year and NEW ones of today."""
    settings.AUDIT_KEY_FILE, settings.AUDIT_HEADS_FILE = tmp_path / "key", tmp_path / "heads.jsonl"
    for number in range(OLD):
        an_event(at=ago(days=400 - number), sentence=f"old {number}")
    for number in range(NEW):
        an_event(sentence=f"new {number}")
    evidence.sign_head()
    evidence.send_heads()


def sealed(folder):
    return bundles.seal(by=audit.Caller(), before=timezone.now() - timedelta(days=30), folder=folder)


def checked(folder):
    command = [sys.executable, "-I", VERIFIER, folder]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def sql(statement):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_what_was_sealed_is_gone_and_the_rest_is_still_whole(tmp_path):
    seal = sealed(tmp_path / "bundle")
    assert seal.sequence == OLD
    assert list(AuditEvent.objects.order_by("pk").values_list("pk", flat=True)) == [7, 8, 9, 10]
    assert AuditEvent.objects.get(pk=10).action == "audit.sealed"
    report = evidence.verify()
    assert report.finding is None and report.events == 10 and "Sealed before: events 1 to 6" in str(report)


def test_the_bundle_of_what_was_sealed_is_whole_by_itself(tmp_path):
    seal = sealed(tmp_path / "bundle")
    done = checked(tmp_path / "bundle")
    assert (done.returncode, done.stderr) == (0, "") and "Good: 6 events" in done.stdout
    written = (tmp_path / "bundle" / "events.jsonl").read_bytes()
    assert hashlib.sha256(written).hexdigest() == seal.events_sha256
    assert [json.loads(line)["sentence"] for line in written.splitlines()] == [f"old {n}" for n in range(OLD)]


def test_an_export_after_a_seal_says_where_it_begins(tmp_path):
    seal = sealed(tmp_path / "bundle")
    bundles.export(tmp_path / "later")
    done = checked(tmp_path / "later")
    assert done.returncode == 0 and "Good: 4 events" in done.stdout and seal.events_sha256 in done.stdout


def test_a_second_seal_follows_the_first(tmp_path):
    sealed(tmp_path / "first")
    seal = bundles.seal(by=audit.Caller(), before=timezone.now() + timedelta(days=1), folder=tmp_path / "second")
    assert seal.sequence == 10 and [event.pk for event in AuditEvent.objects.all()] == [11]
    assert checked(tmp_path / "second").returncode == 0
    assert evidence.verify().finding is None


def test_words_of_what_was_taken_out_are_not_found(tmp_path):
    sealed(tmp_path / "bundle")
    assert not history.page(history.events(an_admin(), q="old")).events
    assert len(history.page(history.events(an_admin(), q="new")).events) == NEW


def test_a_history_that_is_not_whole_is_not_sealed(tmp_path):
    connection.check_constraints()
    _append_only.release(connection.schema_editor(), "containers_app_auditevent")
    sql("UPDATE containers_app_auditevent SET sentence = 'other' WHERE sequence = 2")
    with pytest.raises(Conflict, match=r"not whole. changed: event 2"):
        sealed(tmp_path / "bundle")
    assert AuditEvent.objects.count() == OLD + NEW and not AuditSeal.objects.exists()


def test_nothing_old_and_a_folder_that_is_there_are_refused(tmp_path):
    with pytest.raises(CommandError, match="No event is older"):
        call_command("audit_seal", tmp_path / "bundle", "--before", "2001-01-01")
    with pytest.raises(CommandError, match="already there"):
        call_command("audit_seal", tmp_path, "--before", f"{timezone.now():%Y-%m-%d}")
    assert AuditEvent.objects.count() == OLD + NEW


def test_the_database_lets_go_of_what_is_sealed_and_of_nothing_else(tmp_path):
    sealed(tmp_path / "bundle")
    with pytest.raises(IntegrityError, match="append-only"):
        sql("DELETE FROM containers_app_auditevent WHERE sequence = 7")
    with pytest.raises(IntegrityError, match="append-only"):
        sql("DELETE FROM containers_app_auditseal")


def test_a_forged_seal_does_not_hide_what_was_deleted():
    newest = AuditEvent.objects.get(pk=4)
    AuditSeal(
        sequence=4, digest=newest.digest, events_sha256="ab" * 32, at=ago(), key_id="cd" * 8, signature="ef" * 64
    ).save(force_insert=True)
    sql("DELETE FROM containers_app_auditevent WHERE sequence <= 4")
    finding = evidence.verify().finding
    assert (finding.kind, finding.first, finding.last) == ("deleted", 1, 4)


def test_what_is_deleted_after_a_seal_is_found(tmp_path):
    sealed(tmp_path / "bundle")
    connection.check_constraints()
    _append_only.release(connection.schema_editor(), "containers_app_auditevent")
    sql("DELETE FROM containers_app_auditevent WHERE sequence IN (7, 8)")
    finding = evidence.verify().finding
    assert (finding.kind, finding.first, finding.last) == ("deleted", 7, 8)


def test_one_changed_event_after_a_seal_is_found(tmp_path):
    sealed(tmp_path / "bundle")
    connection.check_constraints()
    _append_only.release(connection.schema_editor(), "containers_app_auditevent")
    sql("UPDATE containers_app_auditevent SET sentence = 'other' WHERE sequence = 8")
    finding = evidence.verify().finding
    assert (finding.kind, finding.first, finding.last) == ("changed", 8, 8)
