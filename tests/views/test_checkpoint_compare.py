"""Two checkpoints side by side: what came, went and changed; the memory by an operation; values by right."""

import pytest

from containers_app.models import AuditEvent, MemoryComparison, Operation, SeenEnvironment
from tests.builders import a_checkpoint, a_container, a_process, an_inspection, an_operation

from .conftest import assert_same_queries, words


@pytest.fixture
def pair(db):
    container = a_container(name="cache")
    first, second = (a_checkpoint(name=name, container=container) for name in ("cold", "warm"))
    an_inspection(first)
    socket = {"type": "TCP4", "state": "ESTABLISHED", "source": "10.0.0.2:6379", "target": "10.0.0.9:4711", "held": []}
    an_inspection(
        second,
        processes=[a_process(1, 0, "redis-server", command=["redis-server", "*:6379"], threads=5),
                   a_process(12, 1, "worker")],
        sockets=[socket], environment={"config": ["TOKEN", "ADDED"], "1": ["HOME"]},
        changes={"files": [{"path": "/etc/motd", "size": 99, "kind": "file"}], "count": 1, "bytes": 99, "whole": True},
        annotations=[["io.container.manager", "other"]],
        files=[{"type": "file", "path": "/data/dump.rdb", "position": 90, "size": 2048, "held": [[1, 3, True]]}],
    )  # fmt: skip
    for checkpoint, value in ((first, "before"), (second, "after")):
        SeenEnvironment.objects.create(checkpoint=checkpoint, values={"config": [["TOKEN", value]]})
    return first, second


def url(pair):
    return f"/catalog/{pair[0].pk}/compare/{pair[1].pk}/"


def test_a_stranger_is_asked_to_sign_in(stranger, pair):
    assert stranger.get(url(pair)).status_code == 302


def test_what_is_not_there_is_not_found(operator, pair):
    assert operator.get(f"/catalog/{pair[0].pk}/compare/99999/").status_code == 404


def test_it_tells_what_came_went_and_changed(viewer, pair):
    text = words(viewer.get(url(pair)))
    for said in (
        "came worker · process 12", "went sleep 60 · process 9",
        "changed redis-server &#x27;*:6379&#x27; · process 1 Threads: 1 → 5",
        "came TCP4 ESTABLISHED 10.0.0.2:6379 → 10.0.0.9:4711", "went TCP4 LISTEN 0.0.0.0:6379",
        "went file /dev/null · process 9, fd 0", "came ADDED", "Size: 5 → 99", "Position: 12 → 90", "libpod → other",
    ):  # fmt: skip
        assert said in text, said
    assert "before" not in text.partition("Environment")[2] and "Compare page by page" not in text


def test_who_may_touch_both_asks_for_the_memory_and_sees_it(operator, pair):
    assert operator.post(url(pair)).status_code == 302
    operation = Operation.objects.get(kind="memory_compare")
    assert "are being compared" in words(operator.get(url(pair)))
    rows = [{"pid": 1, "same": 9000, "changed": 450, "added": 7, "gone": 3}]
    MemoryComparison.objects.create(first=pair[0], second=pair[1], operation=operation, processes=rows)
    assert "9,000 pages the same, 450 changed, 7 came, 3 went" in words(operator.get(url(pair)))


def test_a_comparison_that_failed_says_why_and_can_be_asked_for_again(operator, pair):
    an_operation(
        kind="memory_compare", checkpoint=pair[0], container=None, host=pair[0].host, state="failed",
        options={"second": pair[1].pk}, summary="The archive is damaged.",
    )  # fmt: skip
    text = words(operator.get(url(pair)))
    assert "The archive is damaged." in text and "Compare page by page" in text


def test_who_may_only_look_asks_for_nothing(viewer, pair):
    assert viewer.post(url(pair)).status_code == 403
    assert viewer.post(url(pair), {"values": "1"}).status_code == 403
    assert not Operation.objects.filter(kind="memory_compare").exists()


def test_values_are_compared_by_right_and_it_is_told(operator, pair):
    text = operator.post(url(pair), {"values": "1"}).content.decode()
    assert "<code>before</code> → <code>after</code>" in text
    assert AuditEvent.objects.get(action="environment.viewed").details["names"] == ["TOKEN"]


def test_of_an_older_one_it_says_that_nobody_has_looked(viewer, pair):
    assert "Nobody has looked inside" in words(viewer.get(url((pair[0], a_checkpoint()))))


def test_it_takes_as_many_queries_for_one_process_as_for_many(operator, pair):
    def more():
        row = pair[1].inspection
        row.facts["processes"] = [a_process(pid, 1) for pid in range(1, 300)]
        row.save()

    assert_same_queries(operator, url(pair), more)


def test_hostile_words_are_text(operator, pair):
    row = pair[1].inspection
    row.facts |= {"processes": [a_process(66, 1, "<script>x")], "annotations": [["<b>", "<i>"]], "deleted": ["/<u>"]}
    row.save()
    text = operator.get(url(pair)).content.decode()
    assert "<script>x" not in text and "<i>" not in text and "/<u>" not in text
