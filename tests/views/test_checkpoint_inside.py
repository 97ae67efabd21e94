"""What is inside a checkpoint, tab by tab; and an empty state for one that nobody has looked into."""

import pytest

from containers_app import insides
from containers_app.models import Inspection
from containers_app.views.inside import PARTS
from tests.builders import a_checkpoint, a_process, an_inspection

from .conftest import assert_same_queries, words


@pytest.fixture
def checkpoint(db):
    return a_checkpoint(name="warm")


def url(checkpoint, part=""):
    return f"/catalog/{checkpoint.pk}/inside/{part and part + '/'}"


@pytest.mark.parametrize("part", PARTS)
def test_a_stranger_is_asked_to_sign_in(stranger, checkpoint, part):
    assert stranger.get(url(checkpoint, part)).status_code == 302


def test_there_is_no_other_tab(viewer, checkpoint):
    assert viewer.get(url(checkpoint, "secrets")).status_code == 404


SAID = {
    "": ("redis-server &#x27;*:6379&#x27;", "sleep 60", "0:0", "chown, sys_admin", "seccomp filter", "uts"),
    "sockets": ("0.0.0.0:6379", "LISTEN", "7 B", "1 fd 6"),
    "files": ("/data/dump.rdb", "12", "2 KiB", "1 fd 3", "/etc/motd", "/etc/issue deleted", "5 B unread"),
    "mounts": ("/data", "tmpfs", "from the host", "vol", "KiB in the archive", "/srv/data"),
    "memory": ("[heap]", "rw-p", "16 KiB", "redis-server"),
    "configuration": (
        "localhost/redis:1",
        "more than usual: CAP_SYS_ADMIN and more",
        "sys_admin",
        "prestart",
        "10.0.0.2/24",
        "io.container.manager",
        "podman",
    ),
    "archive": ("frozen_time", "pages-1.img", "140 KiB"),
}


@pytest.mark.parametrize("part", SAID)
def test_a_tab_says_what_was_seen(viewer, checkpoint, part):
    an_inspection(checkpoint)
    text = words(viewer.get(url(checkpoint, part)))
    for said in (*SAID[part], "tty.img"):
        assert said in text, said


@pytest.mark.parametrize("part", PARTS)
def test_of_an_older_one_it_says_that_nobody_has_looked(viewer, checkpoint, part):
    assert "Nobody has looked inside" in words(viewer.get(url(checkpoint, part)))


@pytest.mark.parametrize("part", PARTS)
def test_of_one_that_was_looked_into_less_closely_it_shows_what_there_is(viewer, checkpoint, part):
    row = {"pid": 1, "ppid": 0, "comm": "old", "state": "alive", "threads": 1, "uid": 0, "mapped_bytes": 1}
    facts = {"engine": "podman", "processes": [row], "files": [], "sockets": [], "mounts": [], "unreadable": []}
    Inspection.objects.create(checkpoint=checkpoint, facts={**facts, "more": {}})
    assert viewer.get(url(checkpoint, part)).status_code == 200


def test_one_process_alone_can_be_asked_for(viewer, checkpoint):
    an_inspection(checkpoint)
    text = words(viewer.get(url(checkpoint, "files") + "?pid=9"))
    assert "/dev/null" in text and "/data/dump.rdb" not in text and "Of process 9 only" in text
    assert viewer.get(url(checkpoint, "memory") + "?pid=²").status_code == 200


def test_a_long_list_has_pages(viewer, checkpoint):
    an_inspection(checkpoint, processes=[a_process(pid, 0, f"p{pid}") for pid in range(1, 500)])
    assert "201–400 of 499" in words(viewer.get(url(checkpoint) + "?page=2"))


@pytest.mark.parametrize("part", PARTS)
def test_hostile_names_are_text(viewer, checkpoint, part):
    evil = "<script>x\u202e"
    an_inspection(
        checkpoint, processes=[a_process(1, 0, evil, command=[evil])],
        sockets=[{"type": evil, "state": evil, "source": evil, "target": evil, "held": []}],
        files=[{"type": evil, "path": evil, "held": [[1, evil, True]], "flags": [evil], "position": 0, "size": 1}],
        mounts=[{"mountpoint": evil, "source": evil, "root": evil, "options": evil, "flags": [evil]}],
        annotations=[[evil, evil]], engine=evil, statistics={evil: 1},
    )  # fmt: skip
    text = viewer.get(url(checkpoint, part)).content.decode()
    assert "<script>x" not in text and "\u202e" not in text


def test_a_tree_has_every_process_once_whatever_its_parents_are():
    rows = [a_process(1, 0), a_process(3, 2), a_process(2, 1), a_process(7, 99), a_process(5, 5)]
    rows += [a_process(8, 9), a_process(9, 8)]  # each other's parents
    tree = [(depth, process["pid"]) for depth, process in insides.process_tree(rows)]
    assert tree == [(0, 1), (1, 2), (2, 3), (0, 7), (0, 5), (0, 8), (0, 9)]


@pytest.mark.parametrize("part", PARTS)
def test_it_takes_as_many_queries_for_one_process_as_for_many(viewer, checkpoint, part):
    row = an_inspection(checkpoint)

    def more():
        row.facts["processes"] = [a_process(pid, 1) for pid in range(1, 200)]
        row.save()

    assert_same_queries(viewer, url(checkpoint, part), more)


def test_capabilities_have_names():
    assert insides.capability_names("0000000000200001") == "chown, sys_admin"
    assert insides.capability_names("000001ffffffffff") == "all" and insides.capability_names("0") == "none"
    assert insides.capability_names("<script>") == ""
