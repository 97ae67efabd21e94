"""What a container uses, and its processes, as a page and as the fragment that the container's page refreshes."""

import pytest

from containers_app.services import doorbell
from tests.builders import a_container, ago

from .conftest import fragment, words

USED = {
    "cpu_percent": 12.5, "cpu_seconds": 3.5, "memory_bytes": 1_048_576, "memory_limit": 0, "pids": 2, "read_bytes": 0,
    "written_bytes": 4096, "received_bytes": 0, "sent_bytes": 0,
    "processes": [
        {"pid": 1, "user": 0, "state": "S", "cpu_seconds": 0.1, "memory_bytes": 4096, "command": "<b>sh</b>"},
    ],
}  # fmt: skip


@pytest.fixture
def used(monkeypatch):
    """What Redis holds: there is none in these tests."""
    held = {}
    monkeypatch.setattr(doorbell, "read_usage", lambda hosts: held)
    return held


def url(container):
    return f"/containers/{container.pk}/stats/"


def test_it_shows_what_is_used_and_the_processes_to_a_viewer(viewer, used):
    container = a_container()
    used[container.pk] = USED
    text = words(viewer.get(url(container)))
    assert "12.5 %" in text and "1.0 MiB" in text and "no limit" in text and "&lt;b&gt;sh" in text
    part = fragment(viewer, url(container), "container_usage").content.decode()
    assert "<html" not in part and "12.5 %" in part


def test_the_list_has_a_column_of_memory(operator, used):
    container = a_container()
    used[container.pk] = USED
    assert "1.0 MiB" in words(operator.get("/"))


def test_the_containers_page_refreshes_it_when_a_sample_comes(operator, used):
    container = a_container()
    assert f'hx-trigger="sse:usage-{container.pk}' in operator.get(f"/containers/{container.pk}/").content.decode()


def test_without_a_sample_it_says_why(viewer, used):
    assert "first sample" in words(viewer.get(url(a_container())))
    assert "does not run" in words(viewer.get(url(a_container(state="exited"))))
    away = a_container()
    away.host.watcher_seen_at = ago(minutes=5)
    away.host.save()
    assert "is away" in words(viewer.get(url(away)))


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(url(a_container())).status_code == 302
