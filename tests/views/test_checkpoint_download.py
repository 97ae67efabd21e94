"""The archive's download: by right, verified before the first byte, recorded, a block at a time."""

import hashlib

import pytest
from asgiref.sync import async_to_sync

from containers_app.models import AuditEvent
from containers_app.services import outside, secrets
from tests.builders import a_checkpoint, a_container

BYTES = b"archive" * 1000


@pytest.fixture
def checkpoint(db, settings, tmp_path):
    """A checkpoint whose archive lies in a store of this test."""
    settings.STORE_DIR = tmp_path / "archives"
    digest = hashlib.sha256(BYTES).hexdigest()
    draft = tmp_path / "draft"
    draft.write_bytes(BYTES)
    store = outside.store()
    store.free_bytes()
    store.put(draft, digest)
    return a_checkpoint(
        name="warm cache / 2", container=a_container(name="looper"), store=store.name, archive_sha256=digest,
        archive_bytes=len(BYTES),
    )  # fmt: skip


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/download/"


async def body(response):
    return [part async for part in response]


def test_a_viewer_is_not_offered_it_and_refused(viewer, checkpoint):
    assert b"Download" not in viewer.get(f"/catalog/{checkpoint.pk}/").content
    assert viewer.post(url(checkpoint)).status_code == 403
    event = AuditEvent.objects.get(action="request.refused")
    assert event.sentence == "was refused: checkpoint download, warm cache / 2" and event.checkpoint == checkpoint


def test_the_archive_comes_whole_a_block_at_a_time_under_its_name(operator, checkpoint, monkeypatch):
    monkeypatch.setattr(secrets, "BLOCK", 2048)
    response = operator.post(url(checkpoint))
    parts = async_to_sync(body)(response)
    assert b"".join(parts) == BYTES and max(map(len, parts)) == 2048
    assert response["Content-Length"] == str(len(BYTES))
    assert response["Content-Disposition"] == 'attachment; filename="warm-cache-2.tar.zst"'
    event = AuditEvent.objects.get(action="archive.downloaded")
    assert event.actor_name == "olga" and event.details["sha256"] == checkpoint.archive_sha256


def test_a_damaged_archive_is_not_handed_out(operator, checkpoint, settings):
    path = outside.store().path(checkpoint.archive_sha256)
    path.write_bytes(BYTES[:-1] + b"!")
    response = operator.post(url(checkpoint))
    assert response.status_code == 422 and b"is damaged" in response.content
    assert not AuditEvent.objects.filter(action="archive.downloaded").exists()


def test_an_archive_that_is_missing_or_elsewhere_is_said(operator, checkpoint):
    outside.store().delete(checkpoint.archive_sha256)
    assert b"missing from the store" in operator.post(url(checkpoint)).content
    other = a_checkpoint(store="directory:elsewhere")
    assert operator.post(url(other)).status_code == 503


def test_without_a_recorded_event_nothing_is_handed_out(operator, checkpoint, unwritable_history):
    unwritable_history()
    assert operator.post(url(checkpoint)).status_code == 503
