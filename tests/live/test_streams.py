"""The event stream of the running site: signals of what changes, the lines of a log, and nothing for strangers."""

import http.client
import json

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from tests.live.conftest import numbers

pytestmark = pytest.mark.live


def session_of(user):
    """A session cookie of `user`, as signing in makes it."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


@pytest.fixture
def stream(site, operator):
    """Opens event streams: `stream(path)` gives an iterator of (event, data)."""
    connections = []

    def opened(path, cookie=None):
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
        connections.append(connection)
        connection.request(
            "GET", path, headers={"Cookie": cookie if cookie is not None else session_of(operator.by.user)}
        )
        return connection.getresponse()

    yield opened
    for connection in connections:
        connection.close()


def events(response):
    name = ""
    for line in response:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, value


def until(found, wanted):
    """Read on to the event that `wanted(name, data)` says yes to; the connection's time-out bounds it."""
    return next((name, data) for name, data in found if wanted(name, data))


def test_a_stranger_gets_no_stream(stream):
    assert stream("/events/", cookie="").status == 302


def test_a_change_is_signalled_to_an_open_page(stream, operator):
    looper = operator.create("looper")
    found = events(stream("/events/"))
    until(found, lambda name, data: name == "connected")
    operator.kill(looper)
    until(found, lambda name, data: name == f"container-{looper.pk}")


def test_a_log_is_followed_while_somebody_looks_and_goes_on_after_a_restore(stream, operator, site):
    looper = operator.create("looper")
    numbers(site, "looper", at_least=2)
    found = events(stream(f"/events/?log={looper.pk}"))
    lines = (int(json.loads(data)["text"]) for name, data in found if name == "log")
    assert [next(lines) for _ in range(4)] == [0, 1, 2, 3]
    operator.restore(operator.checkpoint(looper))
    last = len(site.logs("looper")) + 2
    seen = [4]
    while seen[-1] < last:
        number = next(lines)
        assert number in {seen[-1], seen[-1] + 1}
        seen.append(number)


def test_a_log_of_no_container_is_not_found(stream):
    assert stream("/events/?log=999999").status == 404
