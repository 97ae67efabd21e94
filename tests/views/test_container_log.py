"""The log's fragment: lines that are at hand, and the checkpoints and restores that cut it."""

import pytest
from django.utils.dateparse import parse_datetime

from containers_app.services import doorbell
from tests.builders import a_checkpoint, a_container, an_operation

from .conftest import fragment, words


@pytest.fixture
def lines(monkeypatch):
    """What Redis holds of the log: there is none in these tests."""
    held = []
    monkeypatch.setattr(doorbell, "read_lines", lambda key: held)
    return held


def at(second):
    return f"2026-11-23T16:00:{second:02}.123456789Z"


def cut(container, second, kind="checkpoint", **values):
    moment = parse_datetime(at(second))
    operation = an_operation(container=container, kind=kind, state="succeeded", finished_at=moment, **values)
    if kind == "checkpoint":
        a_checkpoint(container=container, operation=operation, dumped_at=moment)
    return operation


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(f"/containers/{a_container().pk}/log/").status_code == 302


def test_a_viewer_may_read_it(viewer, lines):
    lines += [{"id": "1-0", "at": at(1), "text": "hello"}]
    assert "hello" in words(viewer.get(f"/containers/{a_container().pk}/log/"))


def test_checkpoints_and_restores_stand_between_the_lines(operator, lines):
    container = a_container()
    lines += [{"id": f"{second}-0", "at": at(second), "text": f"number {second}"} for second in (1, 2, 8)]
    cut(container, 3)
    phases = [{"name": "looking", "at": at(6)}, {"name": "restoring", "at": at(7)}]
    cut(container, 9, "restore", phases=phases, result={"statistics": {"podman_restore_duration": 310_000}})
    text = words(fragment(operator, f"/containers/{container.pk}/log/", "log_lines"))
    order = ["number 2", "checkpointed", "35 pages · frozen 72 ms", "restored", "in 0.31 s", "number 8"]
    assert sorted(order, key=text.index) == order


def test_of_the_cuts_before_the_first_line_only_the_last_is_shown(operator, lines):
    container = a_container()
    for second in range(5):
        cut(container, second)
    lines += [{"id": "9-0", "at": at(9), "text": "nine"}]
    response = fragment(operator, f"/containers/{container.pk}/log/", "log_lines")
    assert response.content.count(b'class="cut"') == 1


def test_hostile_lines_are_text(operator, lines):
    lines += [{"id": "1-0", "at": at(1), "text": "<script>x</script> \x1b[31mred\x1b[0m"}]
    text = fragment(operator, f"/containers/{a_container().pk}/log/", "log_lines").content.decode()
    assert "<script>x" not in text and r"\x1b[31mred" in text and "\x1b" not in text and "\x1b" not in text


def test_a_time_that_cannot_be_read_does_not_break_it(operator, lines):
    lines += [{"id": "1-0", "at": "Error:", "text": "no such container"}, {"id": "2-0", "at": at(1), "text": "one"}]
    text = words(operator.get(f"/containers/{a_container().pk}/log/"))
    assert "no such container" in text and "one" in text


def test_without_a_line_it_says_why(operator):
    assert "Nothing has been written yet" in words(operator.get(f"/containers/{a_container().pk}/log/"))
