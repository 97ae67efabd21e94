"""The hosts, and whether they can do it."""

from tests.builders import READINESS, a_container, a_host, ago

from .conftest import assert_same_queries, words

URL = "/hosts/"


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(URL).status_code == 302


def test_a_viewer_sees_states_versions_and_counts(viewer):
    a_container(host=a_host("local"))
    a_host("gone", watcher_seen_at=ago(hours=3))
    a_host("broken", readiness=[{**READINESS[0], "level": "block"}])
    text = words(viewer.get(URL))
    for expected in ("ready", "away", "not ready", "Podman 4.3.1", "runc 1.1.5", "3 h ago"):
        assert expected in text


def test_one_that_was_never_measured_can_be_shown(viewer):
    a_host("new", facts={}, readiness=[], watcher_seen_at=None, worker_seen_at=None)
    assert "never" in words(viewer.get(URL))


def test_without_a_host_it_says_how_one_comes(viewer):
    assert "No host yet" in words(viewer.get(URL))


def test_it_takes_as_many_queries_for_one_host_as_for_fifty(viewer):
    a_host()

    def more():
        for number in range(50):
            a_host(f"host-{number}")

    assert_same_queries(viewer, URL, more)
