"""A discard on the agent: the archive first, then the row; and what is found after an agent that died in between."""

import pytest
from django.utils import timezone

from containers_app.errors import StoreError
from containers_app.models import AuditEvent, MemorySearch, Operation, SeenEnvironment
from containers_app.runtime.store import DirectoryStore
from containers_app.services import agent, catalog, operations, outside
from containers_app.services.audit import Caller
from tests.builders import a_checkpoint, an_admin, an_operation

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(tmp_path, monkeypatch):
    store = DirectoryStore(root=tmp_path, name="directory:local")
    monkeypatch.setattr(outside, "store", lambda: store)
    return store


@pytest.fixture
def checkpoint(store):
    checkpoint = a_checkpoint(name="warm")
    store.path(checkpoint.archive_sha256).write_bytes(b"archive")
    return checkpoint


def discarded(checkpoint):
    operation = catalog.request_discard(by=Caller(an_admin()), checkpoint=checkpoint)
    agent.run(operation.pk)
    operation.refresh_from_db()
    checkpoint.refresh_from_db()
    return operation


def test_the_archive_goes_and_the_row_stays_for_the_history(store, checkpoint):
    operation = discarded(checkpoint)
    assert operation.state == "succeeded" and "are free again" in operation.summary
    assert not store.path(checkpoint.archive_sha256).exists() and checkpoint.discarded_at
    event = AuditEvent.objects.get(action="checkpoint.discarded")
    assert event.checkpoint == checkpoint and event.before["sha256"] == checkpoint.archive_sha256


def test_what_was_secret_in_it_goes_with_it(store, checkpoint):
    SeenEnvironment.objects.create(checkpoint=checkpoint, values={"config": [["TOKEN", "s3cret"]]})
    operation = an_operation(kind="memory_search", checkpoint=checkpoint, container=None, state="succeeded")
    search = MemorySearch.objects.create(
        operation=operation, checkpoint=checkpoint, finished_at=timezone.now(), found=1, hits=[{"match": "s3cret"}]
    )
    discarded(checkpoint)
    search.refresh_from_db()
    assert search.hits is None and not SeenEnvironment.objects.filter(checkpoint=checkpoint).exists()


def test_the_same_archive_may_come_again(store, checkpoint):
    discarded(checkpoint)
    assert a_checkpoint(archive_sha256=checkpoint.archive_sha256).discarded_at is None


def test_what_was_pinned_meanwhile_stays(store, checkpoint):
    operation = catalog.request_discard(by=Caller(an_admin()), checkpoint=checkpoint)
    catalog.pin(by=Caller(an_admin()), checkpoint=checkpoint, pinned=True)
    agent.run(operation.pk)
    operation.refresh_from_db()
    checkpoint.refresh_from_db()
    assert operation.state == "failed" and "is pinned" in operation.summary
    assert store.path(checkpoint.archive_sha256).exists() and checkpoint.discarded_at is None


def test_what_cannot_be_removed_stays_in_the_catalog(store, checkpoint, monkeypatch):
    def refuse(*_):
        raise StoreError("The archive store is read-only.")

    monkeypatch.setattr(DirectoryStore, "delete", refuse)
    operation = discarded(checkpoint)
    assert operation.state == "failed" and "still in the catalog" in operation.summary
    assert checkpoint.discarded_at is None


def test_an_archive_of_another_store_is_left_to_its_host(store, checkpoint):
    checkpoint.store = "directory:elsewhere"
    checkpoint.save(update_fields=["store"])
    assert discarded(checkpoint).state == "failed" and store.path(checkpoint.archive_sha256).exists()


@pytest.mark.parametrize("archive_is_there", [True, False])
def test_after_an_agent_that_died_it_is_as_it_is_found(store, checkpoint, archive_is_there):
    operation = an_operation(
        kind="discard", container=None, checkpoint=checkpoint, host=checkpoint.host, state="started",
        result={"removing": True}, lease_owner="00000000.1.1",
    )  # fmt: skip
    if not archive_is_there:
        store.delete(checkpoint.archive_sha256)
    claim = operations.take_over(operation)
    found = catalog.settle_discard(claim)
    checkpoint.refresh_from_db()
    assert found.achieved is (not archive_is_there) and bool(checkpoint.discarded_at) is (not archive_is_there)


def test_whoever_lost_the_right_meanwhile_discards_nothing(store, checkpoint):
    admin = an_admin()
    operation = catalog.request_discard(by=Caller(admin), checkpoint=checkpoint)
    admin.memberships.all().delete()
    type(admin).objects.filter(pk=admin.pk).update(is_superuser=False)
    agent.run(operation.pk)
    assert Operation.objects.get(pk=operation.pk).state == "failed" and store.path(checkpoint.archive_sha256).exists()
