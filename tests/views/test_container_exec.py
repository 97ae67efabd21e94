"""The dialog for one command in a running container: words become arguments, never a shell of ours."""

import uuid

import pytest

from containers_app.models import AuditEvent, Operation
from tests.builders import a_container

from .conftest import send, words


def url(container):
    return f"/containers/{container.pk}/exec/"


def run(client, container, **values):
    return send(client, url(container), **{"request_key": uuid.uuid4(), "seconds": 60, **values})


def test_an_operator_runs_a_command_and_the_history_has_its_words(operator):
    container = a_container(name="looper")
    response = run(operator, container, command="ls -l '/a b'", user="1000:1000", workdir="/tmp", seconds=5)
    operation = Operation.objects.get()
    assert response["HX-Redirect"] == f"/operations/{operation.pk}/"
    asked = {name: operation.options[name] for name in ("command", "user", "workdir", "seconds")}
    assert asked == {"command": ["ls", "-l", "/a b"], "user": "1000:1000", "workdir": "/tmp", "seconds": 5}
    event = AuditEvent.objects.get(action="exec.requested")
    assert event.details["command"] == ["ls", "-l", "/a b"] and "run ls in looper" in event.sentence


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("command", "echo 'open"), ("command", "  "), ("command", "''"), ("user", "--privileged"), ("user", "a b"),
        ("workdir", "relative"), ("seconds", "0"), ("seconds", "99999"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_beside_its_field(operator, field, value):
    response = run(operator, a_container(), **{"command": "true", field: value})
    assert response.status_code == 422 and f"id_{field}_error" in response.content.decode()
    assert not Operation.objects.exists()


def test_it_needs_a_running_container(operator):
    container = a_container(name="looper", state="exited")
    assert operator.get(url(container)).status_code == 409
    response = run(operator, container, command="true")
    assert response.status_code == 409 and "needs it running" in words(response)


def test_a_viewer_may_not(viewer):
    response = run(viewer, a_container(), command="true")
    assert response.status_code == 403 and "run commands in containers" in words(response)


def test_the_same_press_twice_is_one_command(operator):
    container, key = a_container(), uuid.uuid4()
    for _ in range(2):
        run(operator, container, command="true", request_key=key)
    assert Operation.objects.count() == 1
