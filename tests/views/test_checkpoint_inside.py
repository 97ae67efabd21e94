"""What is inside a checkpoint: its processes as a tree, sockets, files, mounts; and an empty state for an older one."""

import pytest

from containers_app import shown
from containers_app.models import Inspection
from tests.builders import a_checkpoint

from .conftest import assert_same_queries, words


def a_process(pid, ppid, comm="sh"):
    return {
        "pid": pid, "ppid": ppid, "comm": comm, "state": "alive", "threads": 1, "uid": 0, "mappings": 3,
        "mapped_bytes": 4096, "dumped_bytes": 4096,
    }  # fmt: skip


def seen(**values):
    empty = {name: [] for name in ("processes", "files", "sockets", "mounts", "unreadable")}
    return {"engine": "podman", "more": {}, **empty, **values}


@pytest.fixture
def checkpoint(db):
    return a_checkpoint(name="warm")


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/inside/"


def test_a_stranger_is_asked_to_sign_in(stranger, checkpoint):
    assert stranger.get(url(checkpoint)).status_code == 302


def test_all_of_it_is_shown(viewer, checkpoint):
    tcp = {"id": 1, "type": "TCP4", "state": "LISTEN", "source": "0.0.0.0:6379", "target": "", "receive_bytes": 7}
    facts = seen(
        processes=[a_process(1, 0, "redis-server"), a_process(9, 1, "sleep")], sockets=[tcp],
        files=[{"id": 2, "type": "file", "path": "/data/dump.rdb", "position": 12, "size": 2048}],
        mounts=[{"mountpoint": "/data", "source": "tmpfs", "root": "/", "options": "rw"}],
        unreadable=["tty.img"], more={"files": 12},
    )  # fmt: skip
    Inspection.objects.create(checkpoint=checkpoint, facts=facts)
    text = words(viewer.get(url(checkpoint)))
    for said in ("redis-server", "sleep", "0.0.0.0:6379", "LISTEN", "/data/dump.rdb", "tmpfs", "tty.img", "12 more"):
        assert said in text, said


def test_of_an_older_one_it_says_that_nobody_has_looked(viewer, checkpoint):
    assert "Nobody has looked inside" in words(viewer.get(url(checkpoint)))


def test_hostile_names_are_text(viewer, checkpoint):
    Inspection.objects.create(checkpoint=checkpoint, facts=seen(processes=[a_process(1, 0, "<script>x\u202e")]))
    text = viewer.get(url(checkpoint)).content.decode()
    assert "<script>x" not in text and "\u202e" not in text


def test_a_tree_has_every_process_once_whatever_its_parents_are():
    rows = [a_process(1, 0), a_process(3, 2), a_process(2, 1), a_process(7, 99), a_process(5, 5)]
    rows += [a_process(8, 9), a_process(9, 8)]  # each other's parents
    tree = [(depth, process["pid"]) for depth, process in shown.process_tree(rows)]
    assert tree == [(0, 1), (1, 2), (2, 3), (0, 7), (0, 5), (0, 8), (0, 9)]


def test_it_takes_as_many_queries_for_one_process_as_for_many(viewer, checkpoint):
    row = Inspection.objects.create(checkpoint=checkpoint, facts=seen(processes=[a_process(1, 0)]))

    def more():
        row.facts = seen(processes=[a_process(pid, 1) for pid in range(1, 200)])
        row.save()

    assert_same_queries(viewer, url(checkpoint), more)
