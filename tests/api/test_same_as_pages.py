"""The same person, the same wish: a page and the API come to the same result, and leave the same operation behind."""

import uuid

import pytest
from django.test import Client

from containers_app.models import Operation
from tests.builders import a_checkpoint, a_container, a_host, a_person, a_team, a_token, a_user, an_image, an_operator

from .client import Caller

pytestmark = pytest.mark.django_db

PEOPLE = {
    "viewer": lambda: a_user("vera"),
    "operator": lambda: an_operator("olga"),
    "operator of another team": lambda: a_person("operator", "otto", team=a_team("others")),
}
# Wish: (what it is about, its page, the form, its address in the API, the body).
WISHES = {
    "start": (lambda: a_container(state="exited"), "/containers/{}/start/", {}, "/containers/{}/start", None),
    "stop": (a_container, "/containers/{}/stop/", {}, "/containers/{}/stop", None),
    "signal": (
        a_container, "/containers/{}/kill/", {"signal": "USR1"}, "/containers/{}/kill", {"signal": "USR1"},
    ),
    "rename": (a_container, "/containers/{}/rename/", {"name": "b"}, "/containers/{}/rename", {"name": "b"}),
    "a name that is taken": (
        lambda: (a_container(name="taken"), a_container())[1], "/containers/{}/rename/", {"name": "taken"},
        "/containers/{}/rename", {"name": "taken"},
    ),
    "start what runs": (a_container, "/containers/{}/start/", {}, "/containers/{}/start", None),
    "exec": (
        a_container, "/containers/{}/exec/", {"command": "ls -l", "seconds": 60}, "/containers/{}/exec",
        {"command": ["ls", "-l"]},
    ),
    "checkpoint": (
        a_container, "/containers/{}/checkpoint/", {"mode": "copy", "file_locks": "on", "tags": "warm"},
        "/containers/{}/checkpoint", {"mode": "copy", "file_locks": True, "tags": ["warm"]},
    ),
    "restore": (
        lambda: a_checkpoint(container=a_container(state="running")), "/catalog/{}/restore/",
        {"as_new": "on", "name": "second", "tcp_close": "on", "copies": 1}, "/checkpoints/{}/restore",
        {"name": "second", "tcp_close": True},
    ),
    "discard": (
        lambda: a_checkpoint(name="old"), "/catalog/{}/discard/", {"name": "old"}, "/checkpoints/{}/discard", None,
    ),
    "self-test": (a_host, "/hosts/{}/selftest/", {}, "/hosts/{}/selftest", None),
    "remove an image": (an_image, "/images/{}/remove/", {}, "/images/{}/remove", None),
}  # fmt: skip


def left():
    """What the last operation says of what is to be done; it is ended, so that nothing is busy with it."""
    operation = Operation.objects.order_by("-pk").filter(state="queued").first()
    if operation is None:
        return None
    told = operation.kind, operation.container_id, operation.checkpoint_id, operation.target_name, operation.team_id
    options = {name: value for name, value in operation.options.items() if name != "mark"}  # of each exec its own
    Operation.objects.filter(pk=operation.pk).update(state="cancelled", finished_at=operation.requested_at)
    return told, options


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("wish", WISHES)
def test_a_page_and_the_api_come_to_the_same(who, wish):
    make, page, form, path, body = WISHES[wish]
    person, row, client = PEOPLE[who](), make(), Client()
    client.force_login(person)
    pressed = client.post(page.format(row.pk), {**form, "request_key": uuid.uuid4()})
    by_page = left()
    called = Caller(*a_token(person)).post(path.format(row.pk), body)
    by_api = left()
    assert {302: 202}.get(pressed.status_code, pressed.status_code) == called.status_code
    assert by_page == by_api and (by_api is None) == (called.status_code != 202)


@pytest.mark.parametrize("who", PEOPLE)
def test_lists_hold_the_same(who):
    """The two teams' containers, checkpoints and operations, and whose are shown to whom."""
    person, client = PEOPLE[who](), Client()
    others = a_team("third")
    mine = person.teams.get()
    for team in (mine, others):
        a_checkpoint(container=a_container(team=team), team=team)
    client.force_login(person)
    caller = Caller(*a_token(person))
    for page, path in (("/", "/containers"), ("/catalog/", "/checkpoints"), ("/operations/", "/operations")):
        table = client.get(page).context["table"]
        shown = {row.pk for row in getattr(table, "rows", table)}
        assert {row["id"] for row in caller.get(path).json()["items"]} == shown and len(shown) >= 1
