"""One host: the checklist with its remedies, versions, and when it was heard."""

from tests.builders import READINESS, a_host, ago

from .conftest import fragment, queries, words


def page(client, host):
    return client.get(f"/hosts/{host.pk}/")


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert page(stranger, a_host()).status_code == 302


def test_what_is_not_there_is_not_found(viewer):
    assert viewer.get("/hosts/12345/").status_code == 404


def test_a_viewer_sees_checklist_versions_and_limits(viewer):
    text = words(page(viewer, a_host()))
    for expected in (
        "Podman answers",
        "It can checkpoint and restore",
        "netavark",
        "--ulimit nofile=1024:1024",
        "host.local",
    ):
        assert expected in text


def test_what_is_in_the_way_comes_with_its_remedy(viewer):
    check = {**READINESS[1], "level": "block", "detail": "CRIU missing", "remedy": "Run <script/setup> as root."}
    response = page(viewer, a_host(readiness=[check]))
    assert "not ready" in words(response) and "&lt;script/setup&gt; as root." in response.content.decode()


def test_one_that_is_away_or_was_never_measured_says_so(viewer):
    assert "Its agent is away, last heard 5 min ago" in words(page(viewer, a_host(watcher_seen_at=ago(minutes=5))))
    assert "Nothing has been measured yet" in words(page(viewer, a_host("new", facts={}, readiness=[])))


def test_the_fragment_is_the_pages_content_alone(viewer):
    response = fragment(viewer, f"/hosts/{a_host().pk}/", "host_now")
    assert b"Podman answers" in response.content and b"<html" not in response.content


def test_it_takes_few_queries(viewer):
    assert queries(viewer, f"/hosts/{a_host().pk}/") <= 12
