"""The dialog for another name: what is wrong with it stands beside it, and nothing that was typed is lost."""

import uuid

from containers_app.models import Operation
from tests.builders import a_container

from .conftest import send, words


def url(container):
    return f"/containers/{container.pk}/rename/"


def rename(client, container, name, key=None):
    return send(client, url(container), name=name, request_key=key or uuid.uuid4())


def test_an_operator_renames_it_and_the_new_name_is_held_for_it(operator):
    container, key = a_container(name="looper"), uuid.uuid4()
    for _ in range(2):
        assert rename(operator, container, "cache", key)["HX-Redirect"] == f"/containers/{container.pk}/"
    operation = Operation.objects.get()
    assert (operation.kind, operation.target_name, operation.options) == ("rename", "cache", {"name": "cache"})
    assert operation.subject == "looper"


def test_a_name_that_cannot_be_is_refused_beside_its_field(operator):
    for name in ("-x", "a b", "../up"):
        response = rename(operator, a_container(), name)
        assert response.status_code == 422 and "id_name_error" in response.content.decode()
        assert f'value="{name}"' in response.content.decode()
    assert not Operation.objects.exists()


def test_a_taken_name_is_refused(operator):
    taken = a_container(name="taken")
    response = rename(operator, a_container(host=taken.host), "taken")
    assert response.status_code == 409 and "The name taken is taken" in words(response)


def test_a_viewer_may_not(viewer):
    assert viewer.get(url(a_container())).status_code == 403
    assert rename(viewer, a_container(), "cache").status_code == 403


def test_what_is_gone_cannot_be_renamed(operator):
    container = a_container(state="removed", removed_at="2026-11-23T12:00:00Z")
    assert operator.get(url(container)).status_code == 409
