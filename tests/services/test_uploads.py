"""Uploads: piece by piece from where they stopped, within the quota, one owner, and nothing that rests for ever."""

import io
import os
import time
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from containers_app.errors import ArchiveError, BadInput, Conflict, StoreError
from containers_app.models import AuditEvent, Upload
from containers_app.services import audit, outside, uploads
from tests.builders import an_operator

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(settings, tmp_path):
    settings.SPOOL_DIR, settings.SPOOL_BYTES = tmp_path / "spool", 1000
    return audit.Caller(user=an_operator())


def send(upload, offset, content):
    return uploads.receive(upload=upload, offset=offset, source=io.BytesIO(content))


def test_pieces_become_the_file_in_order(by):
    upload = uploads.begin(by=by, file_name="C:\\temp\\warm.tar.zst", size=10)
    assert upload.file_name == "warm.tar.zst"
    assert send(upload, 0, b"12345") == 5 and send(upload, 5, b"67890") == 10
    uploads.finish(upload=upload)
    assert outside.spool().open(upload.key).read() == b"1234567890"
    assert outside.spool().path(upload.key).stat().st_mode & 0o777 == 0o600
    assert AuditEvent.objects.get(action="upload.begun").details["bytes"] == 10


def test_it_goes_on_from_where_it_stopped_and_from_nowhere_else(by):
    upload = uploads.begin(by=by, file_name="a", size=10)
    send(upload, 0, b"123")
    for wrong in (0, 2, 4):
        with pytest.raises(Conflict, match="wanted is 3"):
            send(upload, wrong, b"x")
    with pytest.raises(Conflict, match="7 bytes of a are still missing"):
        uploads.finish(upload=upload)
    assert send(upload, 3, b"4567890") == 10


def test_more_than_was_announced_is_refused(by):
    upload = uploads.begin(by=by, file_name="a", size=4)
    with pytest.raises(ArchiveError, match="More bytes"):
        send(upload, 0, b"12345")
    assert send(upload, 0, b"1234") == 4


@pytest.mark.parametrize("size", [0, -1, 1001])
def test_a_size_that_cannot_be_is_refused(by, size):
    with pytest.raises(BadInput):
        uploads.begin(by=by, file_name="a", size=size)


def test_all_uploads_together_stay_within_the_quota(by):
    uploads.begin(by=by, file_name="a", size=600)
    with pytest.raises(StoreError, match="no room"):
        uploads.begin(by=by, file_name="b", size=600)


def test_one_person_has_a_few_open_at_the_most(by):
    for _ in range(uploads.MOST_OPEN):
        uploads.begin(by=by, file_name="a", size=1)
    with pytest.raises(BadInput, match="coming in already"):
        uploads.begin(by=by, file_name="a", size=1)


def test_what_a_form_has_sent_is_an_upload_at_once_or_nothing(by):
    key, empty = uuid.uuid4(), uuid.uuid4()
    for name in (key, empty):
        outside.spool().create(name)
    outside.spool().append(key, 0, io.BytesIO(b"tar!"), 4)
    assert uploads.receive_whole(by=by, file_name="warm.tar", size=4, key=key).state == "received"
    with pytest.raises(BadInput, match="empty"):
        uploads.receive_whole(by=by, file_name="nothing", size=0, key=empty)
    assert [entry.name for entry in outside.spool().root.iterdir()] == [str(key)]


def test_what_is_abandoned_leaves_nothing(by):
    upload = uploads.begin(by=by, file_name="a", size=4)
    uploads.abandon(by=by, upload=upload)
    assert not list(outside.spool().root.iterdir()) and not Upload.objects.exists()
    assert AuditEvent.objects.filter(action="upload.abandoned").exists()


def test_what_rests_is_cleared_and_what_goes_on_is_not(by):
    old, new = (uploads.begin(by=by, file_name=name, size=4) for name in ("old", "new"))
    Upload.objects.filter(pk=old.pk).update(touched_at=timezone.now() - timedelta(hours=25))
    stray = outside.spool().path("stray")
    stray.write_bytes(b"x")
    os.utime(stray, (time.time() - 90_000,) * 2)
    uploads.clear_rested()
    assert [entry.name for entry in outside.spool().root.iterdir()] == [str(new.key)]
    assert AuditEvent.objects.get(action="upload.expired").sentence == "cleared the upload of old: it rested"


def test_the_agent_follows_no_link_and_waits_for_no_pipe(by, tmp_path):
    spool = outside.spool()
    upload = uploads.begin(by=by, file_name="a", size=4)
    secret = tmp_path / "secret"
    secret.write_bytes(b"root's")
    path = spool.path(upload.key)
    for swap in (lambda: path.symlink_to(secret), lambda: os.mkfifo(path), lambda: os.link(secret, path)):
        path.unlink()
        swap()
        with pytest.raises(ArchiveError):
            spool.open(upload.key)
