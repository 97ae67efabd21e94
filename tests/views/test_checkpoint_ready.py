"""When a checkpoint counts as ready: kept with it, changed with what was and is in the history."""

import uuid

import pytest

from containers_app.models import AuditEvent, Checkpoint
from tests.builders import a_checkpoint

from .conftest import send, words

pytestmark = pytest.mark.django_db


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/ready/"


def filled(**values):
    usual = {"kind": "alive", "command": "", "port": "", "path": "/", "seconds": "60"}
    return {"request_key": str(uuid.uuid4()), **usual, **values}


def test_a_viewer_may_not(viewer):
    checkpoint = a_checkpoint()
    assert viewer.get(url(checkpoint)).status_code == viewer.post(url(checkpoint), filled()).status_code == 403


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"kind": "tcp", "port": "6379"}, {"kind": "tcp", "port": 6379, "seconds": 60}),
        (
            {"kind": "http", "port": "80", "path": "/up", "seconds": "9"},
            {"kind": "http", "port": 80, "path": "/up", "seconds": 9},
        ),
        (
            {"kind": "command", "command": "sh -c 'test -e /up'"},
            {"kind": "command", "command": ["sh", "-c", "test -e /up"], "seconds": 60},
        ),
        ({"kind": "alive"}, {}),
    ],
)
def test_what_was_typed_is_kept_and_shown_again(operator, values, kept):
    checkpoint = a_checkpoint(ready_when={"kind": "tcp", "port": 1, "seconds": 5})
    assert operator.post(url(checkpoint), filled(**values)).url == f"/catalog/{checkpoint.pk}/"
    assert Checkpoint.objects.get(pk=checkpoint.pk).ready_when == kept
    event = AuditEvent.objects.get(action="checkpoint.edited")
    assert event.after == {"ready_when": kept} and event.before["ready_when"]["port"] == 1
    assert operator.get(url(checkpoint)).context["form"]["kind"].value() == values["kind"]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("port", {"kind": "tcp"}),
        ("port", {"kind": "tcp", "port": "99999"}),
        ("path", {"kind": "http", "port": "80", "path": "up"}),
        ("command", {"kind": "command"}),
        ("command", {"kind": "command", "command": "sh -c '"}),
        ("seconds", {"seconds": "0"}),
        ("kind", {"kind": "magic"}),
    ],
)
def test_what_cannot_be_a_check_is_said_beside_its_field(operator, field, values):
    checkpoint = a_checkpoint()
    response = send(operator, url(checkpoint), **filled(**values))
    assert response.status_code == 422 and response.context["form"].errors[field]
    assert Checkpoint.objects.get(pk=checkpoint.pk).ready_when == {}


def test_the_same_again_is_no_event(operator):
    checkpoint = a_checkpoint()
    operator.post(url(checkpoint), filled())
    assert not AuditEvent.objects.filter(action="checkpoint.edited").exists()
    assert "its process is alive" in words(operator.get(f"/catalog/{checkpoint.pk}/"))
