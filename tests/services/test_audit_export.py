"""The export and both verifications, by their commands: what is written here, the stand-alone verifier accepts."""

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from containers_app.migrations import _append_only
from containers_app.models import AuditHead
from containers_app.services import audit, bundles, evidence
from tests.builders import a_checkpoint, an_event, an_operator

pytestmark = pytest.mark.django_db

VERIFIER = Path(__file__).resolve().parents[2] / "script" / "audit-verify"
HOSTILE = [
    "two\nlines",
    '\r\n{"sequence":99}',
    "\x1b[2K\x1b]0;owned\x07",
    "\x9b31m red",
    "\u202egnp.exe",
    "\u2066isolated\u2069",
    "\u2028\u2029\x85\x0b\x0c",
    "nul\0byte",
    "half \ud800 pair",
    '","digest":"forged',
    "<script>alert(1)</script>",
    "x" * 65_536,
]


@pytest.fixture(autouse=True)
def key_file(settings, tmp_path):
    settings.AUDIT_KEY_FILE, settings.AUDIT_HEADS_FILE = tmp_path / "audit_key", None


def verified(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-I", "-S", VERIFIER, folder, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_exported_history_is_whole_for_the_stand_alone_verifier(tmp_path, capsys):
    by = audit.Caller(user=an_operator(), address="2001:db8::1", authenticated="password")
    for number in range(3):
        audit.record(by=by, action="x.done", sentence=f"did {number}", checkpoint=a_checkpoint(), details={"ü": 0.5})
    call_command("audit_export", tmp_path / "bundle")
    assert "3 events" in capsys.readouterr().out
    done = verified(tmp_path / "bundle")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Good: 3 events" in done.stdout


def test_an_export_ends_at_its_last_head_whatever_is_written_meanwhile(tmp_path, monkeypatch):
    an_event()
    sign = evidence.sign_head
    monkeypatch.setattr(evidence, "sign_head", lambda: (sign(), an_event())[0])
    assert bundles.export(tmp_path / "bundle") == 1
    assert verified(tmp_path / "bundle").returncode == 0


def test_a_folder_that_is_there_and_an_empty_history_are_refused(tmp_path):
    with pytest.raises(CommandError, match="empty"):
        call_command("audit_export", tmp_path / "bundle")
    an_event()
    with pytest.raises(CommandError, match="already there"):
        call_command("audit_export", tmp_path)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_cannot_forge_a_line_of_an_export(tmp_path, text):
    checkpoint = a_checkpoint(name=text.replace("\0", "").encode(errors="ignore").decode()[:100])
    audit.record(by=audit.Caller(), action="x.done", sentence=text, checkpoint=checkpoint, details={text: [text]})
    bundles.export(tmp_path / "bundle")
    written = (tmp_path / "bundle" / "events.jsonl").read_bytes()
    assert written.count(b"\n") == 1 and all(32 <= byte < 127 for byte in written[:-1])
    event = json.loads(written)
    kept = text.replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    assert (event["sequence"], event["sentence"], event["details"]) == (1, kept, {kept: [kept]})
    assert verified(tmp_path / "bundle").returncode == 0


def test_an_export_holds_few_events_in_memory_at_a_time(tmp_path, monkeypatch):
    for _ in range(300):
        an_event(sentence="x" * 10_000)
    monkeypatch.setattr(evidence, "CHUNK", 20)
    tracemalloc.start()
    try:
        bundles.export(tmp_path / "bundle")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "bundle" / "events.jsonl").stat().st_size > 3_000_000
    assert peak < 1_500_000


def test_the_database_is_verified_in_place(capsys):
    an_event()
    evidence.sign_head()
    call_command("audit_verify")
    assert capsys.readouterr().out.startswith("whole: ")


def test_a_history_that_is_not_whole_fails_the_command():
    an_event()
    head = evidence.sign_head()
    connection.check_constraints()
    _append_only.release(connection.schema_editor(), AuditHead._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE containers_app_audithead SET sequence = 2 WHERE id = %s", [head.pk])
    with pytest.raises(CommandError, match="signature: event 2"):
        call_command("audit_verify")
