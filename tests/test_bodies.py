"""How large a request may be: a form's size for everybody, an archive's for who may bring one in, and nobody else."""

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from containers_app import bodies
from containers_app.bodies import MOST, WHOLE_FILES, BoundedBodies
from tests.builders import a_user, an_operator


async def app(scope, receive, send):
    """Reads all of the body and says how much it was, as Django would."""
    count, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            await send({"status": 400})
            return
        count, more = count + len(message["body"]), message["more_body"]
    await send({"status": 200, "count": count})


def answered(path, *, pieces=(b"",), length=None, cookie="", method="POST"):
    """The first thing that is sent for a request with these pieces of a body."""
    headers = [(b"cookie", cookie.encode())] + (
        [(b"content-length", str(length).encode())] if length is not None else []
    )
    messages = [
        {"type": "http.request", "body": piece, "more_body": place < len(pieces)}
        for place, piece in enumerate(pieces, 1)
    ]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    async_to_sync(BoundedBodies(app))(scope, receive, send)
    return sent[0]


def session_of(user):
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"


def test_a_form_passes_and_what_is_larger_does_not():
    assert answered("/catalog/", pieces=(b"a", b"bc"), length=3)["count"] == 3
    refused = answered("/catalog/", length=MOST + 1)
    assert refused["status"] == 413 and (b"x-content-type-options", b"nosniff") in refused["headers"]
    assert b"default-src 'none'" in dict(refused["headers"])[b"content-security-policy"]


@pytest.mark.django_db
def test_an_archive_passes_for_who_may_bring_it_in_and_only_there(settings):
    settings.SPOOL_BYTES = 10 * MOST
    olga, vera = session_of(an_operator("olga")), session_of(a_user("vera"))
    assert answered(WHOLE_FILES, length=5 * MOST, cookie=olga)["status"] == 200
    assert answered(WHOLE_FILES, length=12 * MOST, cookie=olga)["status"] == 413
    for path, cookie in (("/catalog/", olga), (WHOLE_FILES, vera), (WHOLE_FILES, ""), (WHOLE_FILES, "sessionid=guess")):
        assert answered(path, length=5 * MOST, cookie=cookie)["status"] == 413


@pytest.mark.django_db
def test_what_announces_nothing_is_counted(monkeypatch):
    monkeypatch.setattr(bodies, "MOST", 10)
    assert answered("/catalog/", pieces=(b"12345", b"67890"))["status"] == 200
    assert answered("/catalog/", pieces=(b"12345", b"678901"))["status"] == 400
    assert answered("/catalog/", pieces=(b"12345", b"678901"), length=5)["status"] == 400


def test_the_api_is_told_so_as_a_problem():
    told = answered("/api/v1/uploads", length=MOST + 1)
    assert told["status"] == 413 and (b"content-type", b"application/problem+json") in told["headers"]
