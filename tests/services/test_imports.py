"""Bringing in an archive: staged, read in its own process, put away clean or refused with a reason; nothing stays."""

import hashlib
import io

import pytest

from containers_app.errors import BadInput, Conflict
from containers_app.models import AuditEvent, Checkpoint, Container, ImportReview, Operation, Team, Upload
from containers_app.runtime.rebuild import Here
from containers_app.services import agent, audit, imports, outside, reviews, uploads
from tests import hostile, stranger
from tests.builders import a_checkpoint, a_host, ago, an_admin, an_image, an_operator

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(settings, tmp_path, monkeypatch):
    settings.SPOOL_DIR, settings.STORE_DIR = tmp_path / "spool", tmp_path / "archives"
    settings.IMPORT_FROM = [tmp_path / "in"]
    (tmp_path / "in").mkdir()
    monkeypatch.setattr(imports, "here", lambda host: Here(podman_version="5.8.2"))
    return audit.Caller(user=an_admin("ada"))


def bring(by, path, **values):
    """The operation, once the agent has performed it."""
    operation = imports.request_import(by=by, host=a_host(), path=str(path), **values)
    agent.run(operation.pk)
    operation.refresh_from_db()
    return operation


def good(tmp_path, name="in/warm.tar", **changes):
    return stranger.archive(**changes)(tmp_path).rename(tmp_path / name)


def left(tmp_path):
    """Names of what lies in the store and in the spool."""
    store = sorted(entry.name for entry in (tmp_path / "archives").glob("*") if entry.name != "incoming")
    incoming = list((tmp_path / "archives" / "incoming").glob("*"))
    spool = list((tmp_path / "spool").glob("*"))
    return store, incoming + spool


def test_a_stranger_s_archive_awaits_an_approval_and_is_put_away_clean(by, tmp_path):
    an_image(image_id=stranger.IMAGE_ID, names=["localhost/looper:1"])
    operation = bring(by, good(tmp_path), name="warm", tags=["lab"])
    assert operation.state == "succeeded", operation.summary
    checkpoint = Checkpoint.objects.get(operation=operation)
    assert (checkpoint.provenance, checkpoint.barred != "") == ("awaiting", True)
    assert (checkpoint.name, checkpoint.container_name, checkpoint.image_name) == (
        "warm",
        "looper",
        "localhost/looper:1",
    )
    assert checkpoint.container.removed_at and checkpoint.container.container_id != stranger.ID
    assert list(checkpoint.tags.values_list("name", flat=True)) == ["lab"]
    assert checkpoint.facts["volumes"] == ["vol"] and checkpoint.facts["binds"] == []
    assert checkpoint.inspection.facts["processes"][0]["comm"] == "sh"
    assert left(tmp_path) == ([f"{checkpoint.archive_sha256}.tar.zst"], [])
    review = ImportReview.objects.get(checkpoint=checkpoint)
    assert review.digest == hashlib.sha256((tmp_path / "in" / "warm.tar").read_bytes()).hexdigest()
    assert AuditEvent.objects.get(action="archive.imported").checkpoint == checkpoint


def test_within_the_policy_it_needs_none(by, tmp_path):
    reviews.change_policy(by=by, **{**reviews.rules(reviews.policy()), "always_ask": False})
    checkpoint = Checkpoint.objects.get(operation=bring(by, good(tmp_path)))
    assert checkpoint.provenance == "within" and not checkpoint.barred


@pytest.mark.parametrize("name", ["a hook", "conmon's PID file", "a layer with a device", "not a tar", "a zstd bomb"])
def test_what_nobody_may_let_in_leaves_its_reasons_and_nothing_else(by, tmp_path, name):
    path = hostile.CORPUS[name].make(tmp_path).rename(tmp_path / "in" / "bad.tar")
    operation = bring(by, path)
    assert operation.state == "failed" and "nobody may approve" in operation.remedy
    assert not Checkpoint.objects.exists() and not Container.objects.exists()
    assert left(tmp_path) == ([], [])
    review = ImportReview.objects.get(operation=operation)
    assert review.verdict == "blocked" and review.findings[0]["level"] == "block"
    event = AuditEvent.objects.get(action="archive.refused")
    assert event.result == "refused" and event.details["reasons"][0] == review.findings[0]["words"]


def test_an_upload_is_taken_once_and_gone_afterwards(by, tmp_path):
    content = stranger.tar(*stranger.members().items())
    upload = uploads.begin(by=by, file_name="warm.tar", size=len(content))
    with pytest.raises(Conflict, match="not here as a whole"):
        imports.request_import(by=by, host=a_host(), upload=upload)
    uploads.receive(upload=upload, offset=0, source=io.BytesIO(content))
    operation = imports.request_import(by=by, host=a_host(), upload=uploads.finish(upload=upload))
    with pytest.raises(Conflict, match="brought in already"):
        imports.request_import(by=by, host=a_host(), upload=upload)
    agent.run(operation.pk)
    assert Checkpoint.objects.get().operation == operation
    assert not Upload.objects.exists() and left(tmp_path)[1] == []


def test_a_refused_upload_is_gone_as_well(by, tmp_path):
    upload = uploads.begin(by=by, file_name="x", size=4)
    uploads.receive(upload=upload, offset=0, source=io.BytesIO(b"evil"))
    agent.run(imports.request_import(by=by, host=a_host(), upload=uploads.finish(upload=upload)).pk)
    assert not Upload.objects.exists() and left(tmp_path) == ([], [])


def own(tmp_path, **values):
    """A checkpoint of this installation and its archive as it was downloaded."""
    path = good(tmp_path, "in/own.tar.zst")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    store = outside.store()
    return path, a_checkpoint(**{"store": store.name, "archive_sha256": digest, **values})


def test_an_archive_that_was_made_here_is_trusted_by_its_digest(by, tmp_path):
    path, checkpoint = own(tmp_path, flaw="missing", flaw_detail="gone")
    operation = bring(by, path)
    checkpoint.refresh_from_db()
    assert operation.state == "succeeded" and "needs no approval" in operation.summary
    assert checkpoint.flaw == "" and outside.store().path(checkpoint.archive_sha256).read_bytes() == path.read_bytes()
    assert not ImportReview.objects.exists()
    assert AuditEvent.objects.get(action="archive.brought_back").checkpoint == checkpoint
    assert "in the catalog already" in bring(by, path).summary


def test_one_of_another_store_gets_a_row_of_its_own(by, tmp_path):
    path, checkpoint = own(tmp_path, store="directory:elsewhere", name="warm")
    bring(by, path)
    twin = Checkpoint.objects.exclude(pk=checkpoint.pk).get()
    assert (twin.name, twin.provenance, twin.store) == ("warm", "trusted", outside.store().name)


def test_one_of_a_team_that_is_not_theirs_is_a_stranger_s(by, tmp_path):
    path, checkpoint = own(tmp_path, flaw="missing")
    checkpoint.team = Team.objects.create(name="others")
    checkpoint.save()
    operation = bring(audit.Caller(user=an_operator()), path)
    assert Checkpoint.objects.get(operation=operation).provenance == "awaiting"
    checkpoint.refresh_from_db()
    assert checkpoint.flaw == "missing"


def test_a_discarded_one_comes_back_to_the_catalog(by, tmp_path):
    path, checkpoint = own(tmp_path, discarded_at=ago(days=1))
    bring(by, path)
    checkpoint.refresh_from_db()
    assert checkpoint.discarded_at is None and checkpoint.provenance == "taken"


def test_one_that_nobody_approved_is_not_trusted_by_its_digest(by, tmp_path):
    path, _ = own(tmp_path, provenance="refused")
    operation = bring(by, path)
    assert Checkpoint.objects.get(operation=operation).provenance == "awaiting"


@pytest.mark.parametrize("path", ["/etc/passwd", "{in}/../secret", "{in}/nothing.tar"])
def test_a_path_that_is_not_allowed_is_refused_by_the_agent(by, tmp_path, path):
    (tmp_path / "secret").write_bytes(b"x")
    operation = bring(by, path.replace("{in}", str(tmp_path / "in")))
    assert operation.state == "failed" and left(tmp_path) == ([], [])


def test_a_full_store_is_said_and_is_no_fault_of_the_archive(by, tmp_path, monkeypatch):
    monkeypatch.setattr(imports, "SPARE", 1 << 60)
    operation = bring(by, good(tmp_path))
    assert operation.failure == "store" and not ImportReview.objects.exists() and left(tmp_path) == ([], [])


def test_an_agent_that_died_leaves_nothing(by, tmp_path, monkeypatch):
    monkeypatch.setattr(imports, "_record", lambda *args: (_ for _ in ()).throw(Conflict("died")))
    operation = bring(by, good(tmp_path))
    assert operation.state == "failed" and left(tmp_path) == ([], [])


@pytest.mark.parametrize("values", [{"name": "x" * 121}, {"path": ""}, {"path": "/" + "x" * 5000}])
def test_what_cannot_be_asked_for_is_said_beside_its_field(by, values):
    with pytest.raises(BadInput):
        imports.request_import(by=by, host=a_host(), **{"path": "/in/a.tar", **values})
    assert not Operation.objects.exists()
