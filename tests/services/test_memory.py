"""Searching and comparing memory: by right, told in the history with the pattern, ended when asked, wiped in time."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from containers_app.errors import BadInput, Conflict, NotAllowed
from containers_app.models import AuditEvent, MemoryComparison, MemorySearch, Operation
from containers_app.runtime.store import DirectoryStore
from containers_app.services import agent, audit, memory, operations, outside
from tests.builders import a_checkpoint, a_user, an_admin, an_operator
from tests.runtime.test_memory import MEMBERS, PAGES, packed

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(tmp_path, monkeypatch):
    store = DirectoryStore(tmp_path, "directory:local")
    monkeypatch.setattr(outside, "store", lambda: store)
    return store


def stored(place, members=MEMBERS, **values):
    """A checkpoint whose archive has these members of memory."""
    checkpoint = a_checkpoint(**values)
    with packed(members)() as content:
        place.path(checkpoint.archive_sha256).write_bytes(content.read())
    return checkpoint


@pytest.fixture
def admin():
    return audit.Caller(user=an_admin())


def ended(operation):
    agent.run(operation.pk)
    operation.refresh_from_db()
    return operation


def test_what_is_found_is_kept_and_told_with_its_pattern(store, admin):
    checkpoint = stored(store)
    operation = ended(memory.request_search(by=admin, checkpoint=checkpoint, pattern="two"))
    assert operation.state == "succeeded" and operation.summary.startswith("Found 1 place in 1 process")
    search = MemorySearch.objects.get(operation=operation)
    (hit,) = memory.see_hits(by=admin, search=search)
    assert (hit["pid"], hit["address"], search.searched_bytes, search.whole) == (5, "2ffd", len(PAGES), True)
    for action in ("memory_search.requested", "memory_search.started", "memory.searched", "memory.viewed"):
        event = AuditEvent.objects.get(action=action)
        assert event.operation == operation and event.checkpoint == checkpoint
    asked = AuditEvent.objects.get(action="memory_search.requested")
    assert asked.details["pattern"] == "two" and "for two" in asked.sentence
    assert "three" not in json.dumps([list(event.details.values()) for event in AuditEvent.objects.all()])


def test_without_the_right_the_agent_reads_nothing(store):
    by = audit.Caller(user=an_operator())
    checkpoint = stored(store)
    operation = memory.request_search(by=by, checkpoint=checkpoint, pattern="two")
    store.path(checkpoint.archive_sha256).unlink()  # reading it would be another error
    assert ended(operation).failure == "not-allowed" and not MemorySearch.objects.exists()


def test_a_pattern_that_cannot_be_used_asks_for_nothing(store, admin):
    with pytest.raises(BadInput):
        memory.request_search(by=admin, checkpoint=stored(store), pattern="(", regular=True)
    assert not Operation.objects.filter(kind="memory_search").exists()


def test_it_ends_when_somebody_asks_for_it_and_keeps_nothing(store, admin):
    operation = memory.request_search(by=admin, checkpoint=stored(store), pattern="two")
    claim = operations.claim(operation.pk)
    operations.cancel(by=admin, operation=operation)
    with pytest.raises(operations.Cancelled):
        memory.perform_search(claim)
    claim.cancelled()
    operation.refresh_from_db()
    assert operation.state == "cancelled" and not MemorySearch.objects.exists()
    told = list(AuditEvent.objects.filter(operation=operation).order_by("pk").values_list("action", flat=True))
    assert told[-2:] == ["memory_search.cancel_requested", "memory_search.cancelled"]


def test_the_agent_records_that_it_was_ended(store, admin, monkeypatch):
    operation = memory.request_search(by=admin, checkpoint=stored(store), pattern="two")
    Operation.objects.filter(pk=operation.pk).update(cancel_asked_at=timezone.now())
    assert ended(operation).state == "cancelled" and "Nothing was kept" in operation.summary


def test_other_work_cannot_be_ended_once_it_has_begun(admin):
    operation = operations.request(
        by=admin, kind="checkpoint", host=a_checkpoint().host, checkpoint=a_checkpoint(), sentence="asked"
    )
    operations.claim(operation.pk)
    with pytest.raises(Conflict):
        operations.cancel(by=admin, operation=operation)


def test_what_was_found_is_wiped_after_a_day(store, admin):
    old, new = (
        ended(memory.request_search(by=admin, checkpoint=stored(store), pattern="two")).memory_search for _ in range(2)
    )
    MemorySearch.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(hours=25))
    memory.wipe_old()
    assert MemorySearch.objects.get(pk=old.pk).hits is None and MemorySearch.objects.get(pk=old.pk).found == 1
    assert MemorySearch.objects.get(pk=new.pk).hits


def test_two_checkpoints_are_compared_once_and_for_all(store, admin):
    first = stored(store)
    second = stored(store, {**MEMBERS, "pages-7.img": PAGES[:-4096] + b"x" * 4096})
    operation = ended(memory.request_compare(by=admin, first=first, second=second))
    found = MemoryComparison.objects.get(first=first, second=second)
    assert found.processes == [{"pid": 5, "same": 3, "changed": 1, "added": 0, "gone": 0}]
    assert operation.summary == "3 pages are the same, 1 changed, 0 came and 0 went."
    again = ended(memory.request_compare(by=admin, first=first, second=second))
    assert MemoryComparison.objects.get().operation == again


def test_whoever_may_not_touch_one_of_them_compares_nothing(store):
    first, second = stored(store), stored(store)
    operation = ended(memory.request_compare(by=audit.Caller(user=a_user()), first=first, second=second))
    assert operation.state == "failed" and not MemoryComparison.objects.exists()


def test_archives_in_different_stores_are_not_compared(store, admin):
    with pytest.raises(Conflict):
        memory.request_compare(by=admin, first=stored(store), second=stored(store, store="directory:other"))
    elsewhere = memory.request_search(by=admin, checkpoint=stored(store, store="directory:other"), pattern="two")
    assert "another store" in ended(elsewhere).summary


def test_an_archive_with_a_flaw_is_not_read(store, admin):
    with pytest.raises(Conflict):
        memory.request_search(by=admin, pattern="two", checkpoint=stored(store, flaw="damaged", flaw_at=timezone.now()))


def test_whoever_lost_the_right_gets_no_hits_from_the_page_either(client, store, admin):
    operation = ended(memory.request_search(by=admin, checkpoint=stored(store), pattern="two"))
    client.force_login(an_operator())
    assert client.get(f"/catalog/memory/{operation.pk}/").status_code == 403
    assert NotAllowed.status == 403 and not AuditEvent.objects.filter(action="memory.viewed").exists()
