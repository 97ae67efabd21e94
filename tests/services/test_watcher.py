"""However often Podman tells a line of a log, it is sent once; and what is no line of it is not sent at all."""

from containers_app.services import doorbell
from containers_app.services.watcher import Sent, _split

ONE, TWO, ALSO_TWO, THREE = (
    ("2026-11-23T12:00:01Z", "a"),
    ("2026-11-23T12:00:02.1Z", "b"),
    ("2026-11-23T12:00:02.1Z", "c"),
    ("2026-11-23T12:00:03Z", "a"),
)


def test_what_was_sent_before_is_not_sent_again():
    sent = Sent()
    assert sent.fresh([ONE, TWO]) == [ONE, TWO]
    assert sent.fresh([ONE, TWO, THREE]) == [THREE]
    assert sent.last_at == THREE[0]


def test_a_new_line_of_the_same_moment_is_not_lost():
    sent = Sent()
    sent.fresh([TWO])
    assert sent.fresh([TWO, ALSO_TWO]) == [ALSO_TWO]


def test_it_remembers_as_many_lines_as_are_kept_and_no_more():
    sent = Sent()
    sent.fresh([ONE])
    sent.fresh([(f"2026-11-23T13:{number:06}Z", "x") for number in range(doorbell.LOG_LINES)])
    assert sent.fresh([ONE]) == [ONE]


def test_a_line_without_a_time_is_podmans_own_and_no_line_of_the_log():
    assert _split(b"Error: no container with name or ID looper found") is None
    assert _split(b"2026-11-23T12:00:01.5Z \xff tail\r") == ("2026-11-23T12:00:01.5Z", "\ufffd tail")
