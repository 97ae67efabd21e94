"""What programs learn of the inside of checkpoints: differences, searches of memory, families; and imports by path."""

import pytest

from containers_app.models import AuditEvent, MemoryComparison, MemorySearch, Operation
from tests.builders import a_checkpoint, a_container, a_host, a_token, a_user, ago, an_inspection, an_operation

from .client import Caller, problem

pytestmark = pytest.mark.django_db

HIT = {
    "pid": 7, "name": "redis", "address": "7f00", "member": "checkpoint/pages-1.img", "offset": 4, "size": 6,
    "before": "a", "match": "needle", "after": "b", "others": [9],
}  # fmt: skip


def searched(checkpoint, hits, **values):
    operation = an_operation(
        kind="memory_search", container=None, checkpoint=checkpoint, state="succeeded", team=checkpoint.team,
        options={"pattern": "needle", "regular": False, "ignore_case": True}, finished_at=ago(minutes=1),
    )  # fmt: skip
    MemorySearch.objects.create(
        operation=operation, checkpoint=checkpoint, finished_at=ago(minutes=1), found=1, hits=hits, searched_bytes=8
    )
    return operation


def test_what_came_went_and_changed_between_two_has_one_shape(operator):
    first, second = a_checkpoint(), a_checkpoint()
    path = f"/checkpoints/{first.pk}/differences"
    unseen = operator.get(path, other=second.pk).json()
    assert (unseen["seen"], unseen["processes"], unseen["pages"]) == (False, None, None)
    an_inspection(first, processes=[{"pid": 1, "comm": "a", "uid": 0, "dumped_bytes": 5}, {"pid": 2, "comm": "b"}])
    an_inspection(second, processes=[{"pid": 1, "comm": "a", "uid": 9, "dumped_bytes": 8}])
    found = operator.get(path, other=second.pk).json()
    assert found["first"]["id"] == first.pk and found["second"]["id"] == second.pk
    assert [row["comm"] for row in found["processes"]["went"]] == ["b"] and found["processes"]["came"] == []
    (changed,) = found["processes"]["changed"]
    assert changed["row"]["pid"] == 1 and changed["changes"] == [{"name": "uid", "before": 0, "after": 9}]
    assert found["memory"][0] == {"pid": 1, "comm": "a", "before": 5, "after": 8}
    problem(operator.get(path, other=999999), 404, "not-found")
    problem(operator.get(path), 422, "bad-input")


def test_memory_is_compared_page_by_page_when_it_is_asked_for(operator):
    first, second = a_checkpoint(), a_checkpoint()
    asked = operator.post(f"/checkpoints/{first.pk}/compare-memory", {"other": second.pk}, key="once")
    again = operator.post(f"/checkpoints/{first.pk}/compare-memory", {"other": second.pk}, key="once")
    operation = Operation.objects.get(kind="memory_compare")
    assert asked.json()["id"] == again.json()["id"] == operation.pk and operation.options == {"second": second.pk}
    rows = [{"pid": 1, "same": 9, "changed": 1, "added": 0, "gone": 0}]
    MemoryComparison.objects.create(first=first, second=second, operation=operation, processes=rows)
    assert operator.get(f"/checkpoints/{first.pk}/differences", other=second.pk).json()["pages"] == rows
    problem(operator.post(f"/checkpoints/{first.pk}/compare-memory", {"other": 999999}), 404, "not-found")


def test_a_search_of_memory_is_asked_for_listed_and_its_hits_are_an_event(admin):
    checkpoint = a_checkpoint()
    path = f"/checkpoints/{checkpoint.pk}/memory-searches"
    asked = admin.post(path, {"pattern": "needle", "ignore_case": True})
    running = Operation.objects.get(pk=asked.json()["id"])
    assert running.options == {"pattern": "needle", "regular": False, "ignore_case": True}
    problem(admin.get(f"/operations/{running.pk}/hits"), 409, "conflict")
    problem(admin.post(path, {"pattern": "(", "regular": True}), 422, "bad-input")
    done = searched(checkpoint, [HIT])
    newest, older = admin.get(path).json()["items"]
    assert (newest["id"], newest["found"], newest["whole"], newest["pattern"]) == (done.pk, 1, True, "needle")
    assert (older["state"], older["found"], older["searched_bytes"]) == ("queued", None, None) and "hits" not in newest
    assert admin.get(f"/operations/{done.pk}/hits").json() == {"operation": done.pk, "hits": [HIT]}
    assert AuditEvent.objects.filter(action="memory.viewed", operation=done).count() == 1
    MemorySearch.objects.update(hits=None)
    assert admin.get(f"/operations/{done.pk}/hits").json()["hits"] is None


def test_who_may_not_search_memory_learns_nothing_of_hits():
    done, viewer = searched(a_checkpoint(), [HIT]), Caller(*a_token(a_user("vera")))
    problem(viewer.get(f"/operations/{done.pk}/hits"), 403, "not-allowed")


def test_a_family_is_a_list_in_which_each_comes_after_what_it_came_from(operator):
    first = a_container(name="cache")
    warm = a_checkpoint(container=first, name="warm")
    copies = [a_container(name=f"copy-{number}", came_from=warm) for number in (1, 2)]
    found = operator.get(f"/containers/{copies[0].pk}/lineage").json()
    told = [(row["kind"], row["id"], row["parent"], row["here"]) for row in found["items"]]
    assert told == [
        ("container", first.pk, None, False), ("checkpoint", warm.pk, 0, False),
        ("container", copies[0].pk, 1, True), ("container", copies[1].pk, 1, False),
    ]  # fmt: skip
    of_checkpoint = operator.get(f"/checkpoints/{warm.pk}/lineage").json()["items"]
    assert [row["id"] for row in of_checkpoint if row["here"]] == [warm.pk] and found["left_out"] == 0


def test_a_family_that_is_too_large_is_cut_and_says_so(operator, monkeypatch):
    monkeypatch.setattr("containers_app.api.lineages.MOST", 2)
    warm = a_checkpoint()
    for number in range(3):
        a_container(name=f"copy-{number}", came_from=warm)
    found = operator.get(f"/checkpoints/{warm.pk}/lineage").json()
    assert len(found["items"]) == 2 and found["left_out"] == 3


def test_a_file_on_the_host_is_brought_in_by_its_path(admin):
    host = a_host()
    asked = admin.post("/checkpoints", {"host": host.pk, "path": "/srv/archives/looper.tar.zst"})
    operation = Operation.objects.get(pk=asked.json()["id"])
    assert operation.options["path"] == "/srv/archives/looper.tar.zst" and operation.host == host
    problem(admin.post("/checkpoints", {"host": host.pk}), 422, "bad-input")
