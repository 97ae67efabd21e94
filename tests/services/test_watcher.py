"""Lines of a log that Podman sends again are passed over, and no other."""

from containers_app.services.watcher import _split, unseen

ONE, TWO, ALSO_TWO, THREE = (
    ("2026-11-23T12:00:01Z", "a"),
    ("2026-11-23T12:00:02.1Z", "b"),
    ("2026-11-23T12:00:02.1Z", "c"),
    ("2026-11-23T12:00:03Z", "a"),
)


def test_what_was_sent_before_is_passed_over():
    assert unseen([TWO, THREE], [TWO]) == [THREE]


def test_a_new_line_of_the_same_moment_is_not_lost():
    assert unseen([TWO, ALSO_TWO, THREE], [TWO]) == [ALSO_TWO, THREE]


def test_older_lines_are_passed_over_too():
    assert unseen([ONE, TWO], [TWO]) == []


def test_a_line_without_a_time_is_podmans_own_and_no_line_of_the_log():
    assert _split(b"Error: no container with name or ID looper found") is None
    assert _split(b"2026-11-23T12:00:01.5Z \xff tail\r") == ("2026-11-23T12:00:01.5Z", "� tail")
