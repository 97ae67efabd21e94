"""The form for an image of a container's files."""

import uuid

from containers_app.models import Operation
from tests.builders import a_container, an_image

from .conftest import send, words


def url(container):
    return f"/containers/{container.pk}/commit/"


def commit(client, container, image, key=None, **values):
    return send(client, url(container), image=image, request_key=key or uuid.uuid4(), **values)


def test_an_operator_asks_once(operator):
    container, key = a_container(), uuid.uuid4()
    assert "without its memory" in words(operator.get(url(container)))
    for _ in range(2):
        commit(operator, container, "localhost/files:1", key, pause="on")
    operation = Operation.objects.get()
    assert (operation.kind, operation.container) == ("commit", container)
    assert operation.options == {"image": "localhost/files:1", "pause": True}


def test_a_name_that_is_none_or_taken_is_refused_and_nothing_is_lost(operator):
    container = a_container()
    an_image(names=["localhost/taken:latest"], host=container.host)
    assert commit(operator, container, "--squash").status_code == 422
    response = commit(operator, container, "taken")
    assert response.status_code == 409 and 'value="taken"' in response.content.decode()
    assert not Operation.objects.exists()


def test_it_is_offered_for_what_is_there_alone_and_a_viewer_may_not(operator, viewer):
    gone = a_container(state="removed", removed_at="2026-11-23T12:00:00Z")
    assert operator.get(url(gone)).status_code == commit(operator, gone, "localhost/x:1").status_code == 409
    assert viewer.get(url(a_container())).status_code == commit(viewer, a_container(), "localhost/x:1").status_code
