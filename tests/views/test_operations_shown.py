"""How operations are shown: steps and progress, the line that says why, and the log that they cut."""

import pytest

from containers_app import operations_shown
from tests.builders import ago, an_operation

pytestmark = pytest.mark.django_db


def test_of_a_log_only_what_is_asked_for_is_chosen():
    at = ["2026-11-23T16:00:01Z", "2026-11-23T16:00:02Z", "2026-11-23T16:00:03Z"]
    lines = operations_shown.log_with_cuts([{"id": str(n), "at": at[n], "text": f"number {n}"} for n in range(3)], [])
    texts = lambda **how: [line["text"] for line in operations_shown.chosen_lines(lines, **how)]  # noqa: E731
    assert texts() == ["number 0", "number 1", "number 2"]
    assert texts(since=lines[1]["moment"]) == ["number 1", "number 2"]
    assert texts(tail=2) == texts(tail=2, q="NUMBER") == ["number 1", "number 2"]
    assert texts(q="0") == ["number 0"] and texts(tail=9, q="no such") == []


def test_phases_last_until_the_next_one_begins():
    times = [ago(seconds=10), ago(seconds=7)]
    named = [{"name": name, "at": at.isoformat()} for name, at in zip(("looking", "restoring"), times, strict=True)]
    operation = an_operation(state="succeeded", phases=named, finished_at=ago(seconds=5))
    assert [round(phase["seconds"]) for phase in operations_shown.phases(operation)] == [3, 2]
    assert [phase["status"] for phase in operations_shown.phases(operation)] == ["done", "done"]
    goes_on = an_operation(state="started", phases=named)
    assert [phase["status"] for phase in operations_shown.phases(goes_on)] == ["done", "now"]


def test_progress_is_told_only_while_bytes_go_by():
    phases = [{"name": "archiving", "at": ago(seconds=10).isoformat()}]
    values = dict(phases=phases, progress_bytes=250, expected_bytes=1000)
    goes_on = an_operation(state="started", **values)
    assert operations_shown.progress(goes_on) == {"done": 250, "total": 1000, "left": 30}
    assert operations_shown.progress(an_operation(state="succeeded", **values)) is None
    assert operations_shown.progress(an_operation(state="started", phases=phases, progress_bytes=5)) is None


def test_the_decisive_line_is_the_last_error_before_the_end():
    log = "\n".join([
        "(00.1) Error (criu/cr-service.c:1): rlimit: Can't setup RLIMIT_NOFILE for self",
        "(00.2) Error (criu/sk-inet.c:191): inet: Connected TCP socket",
        "(00.3) Error (criu/cr-dump.c:2111): Dumping FAILED.",
        "(00.4) Error (criu/later.c:1): a follow-up",
    ])  # fmt: skip
    assert "Connected TCP socket" in operations_shown.decisive_line(an_operation(state="failed", criu_log=log))
    assert operations_shown.decisive_line(an_operation(state="failed", criu_log="all is well")) == ""
