"""The whole log as a text: streamed while the host's agent reads it."""

import pytest
from asgiref.sync import async_to_sync

from containers_app.errors import Unavailable
from containers_app.services import log_copies
from tests.builders import a_container, a_host, ago

from .conftest import words


@pytest.fixture
def agent(monkeypatch):
    """An agent that answers at once; returns what it was asked for."""
    asked = {}

    async def fetch(container, **values):
        asked.update(values, container=container)

        async def blocks():
            yield "one\n"
            yield "two\n"

        return blocks()

    monkeypatch.setattr(log_copies, "fetch", fetch)
    return asked


def text_of(response):
    async def collected():
        return b"".join([block async for block in response.streaming_content])

    return async_to_sync(collected)().decode()


def url(container):
    return f"/containers/{container.pk}/log/download/"


def test_a_viewer_keeps_the_log_as_a_file(viewer, agent):
    container = a_container(name="looper")
    response = viewer.get(url(container), {"since": "10m", "tail": "50", "q": "o", "timestamps": "on"})
    assert response["Content-Disposition"] == 'attachment; filename="looper.log"'
    assert text_of(response) == "one\ntwo\n"
    assert agent["tail"] == 50 and agent["q"] == "o" and agent["timestamps"] and agent["since"].startswith("20")


@pytest.mark.parametrize("name", ["a\r\nSet-Cookie: x=1", 'a"; filename="b.exe', "a\u202egpj"])
def test_no_name_steers_the_answer_or_the_files_name(viewer, agent, name):
    response = viewer.get(url(a_container(name=name)))
    assert response.status_code == 200 and "Set-Cookie" not in response.headers
    assert (
        response["Content-Disposition"].startswith("attachment; filename")
        and "\n" not in response["Content-Disposition"]
    )


def test_what_cannot_be_read_is_refused(viewer, agent):
    assert viewer.get(url(a_container()), {"since": "soon"}).status_code == 422
    assert not agent


def test_an_agent_that_does_not_answer_is_told(viewer, monkeypatch):
    async def fetch(container, **values):
        raise Unavailable("The agent of local does not send the log.")

    monkeypatch.setattr(log_copies, "fetch", fetch)
    response = viewer.get(url(a_container()))
    assert response.status_code == 503 and "does not send the log" in words(response)


def test_of_an_agent_that_is_away_and_of_a_removed_container_it_is_said_at_once(viewer):
    away = a_container(host=a_host("far", watcher_seen_at=ago(minutes=5)))
    assert "is away" in words(viewer.get(url(away)))
    gone = viewer.get(url(a_container(removed_at=ago(minutes=1))))
    assert gone.status_code == 409 and "its log with it" in words(gone)


def test_without_redis_it_says_so(viewer):
    assert viewer.get(url(a_container())).status_code == 503


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(url(a_container())).status_code == 302
