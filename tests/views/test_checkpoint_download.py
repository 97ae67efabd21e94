"""The archive's download: by right, verified before the first byte, recorded, a block at a time."""

import hashlib

import pytest
from asgiref.sync import async_to_sync

from containers_app.models import AuditEvent
from containers_app.services import archive_copies, outside
from tests.builders import a_checkpoint, a_container
from tests.relay import relay

BYTES = b"archive" * 1000


@pytest.fixture
def checkpoint(db, settings, tmp_path, monkeypatch):
    """A checkpoint whose archive lies in a store of this test, which an agent sends from."""
    relay(monkeypatch)
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
    monkeypatch.setattr(archive_copies, "BLOCK", 2048)
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


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=5000-", 206, BYTES[5000:]),
        ("bytes=10-19", 206, BYTES[10:20]),
        ("bytes=0-99999", 206, BYTES),
        ("bytes=7000-", 416, b""),
        ("bytes=-5", 200, BYTES),
        ("bytes=20-10", 200, BYTES),
        ("lines=1-2", 200, BYTES),
    ],
)
def test_a_broken_download_goes_on_where_it_stopped(operator, checkpoint, asked, status, part):
    response = operator.post(url(checkpoint), headers={"Range": asked})
    assert response.status_code == status
    if status != 416:
        assert b"".join(async_to_sync(body)(response)) == part and response["Content-Length"] == str(len(part))
    assert (response.get("Content-Range") is not None) == (status != 200)


def test_a_range_of_another_archive_is_not_gone_on_with(operator, checkpoint):
    headers = {"Range": "bytes=10-", "If-Range": '"of another"'}
    assert operator.post(url(checkpoint), headers=headers).status_code == 200


def test_what_nobody_approved_is_not_handed_out(operator, checkpoint):
    checkpoint.provenance = "awaiting"
    checkpoint.save()
    response = operator.post(url(checkpoint))
    assert response.status_code == 409 and b"awaits an approval" in response.content
