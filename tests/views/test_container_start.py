"""The button that starts a container."""

import uuid

from containers_app.models import Operation
from tests.builders import a_container

from .conftest import words


def press(client, container, key=None):
    return client.post(f"/containers/{container.pk}/start/", {"request_key": key or uuid.uuid4()})


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert press(stranger, a_container(state="created")).status_code == 302
    assert not Operation.objects.exists()


def test_a_viewer_may_not(viewer):
    assert press(viewer, a_container(state="created")).status_code == 403
    assert not Operation.objects.exists()


def test_an_operator_starts_it(operator):
    container = a_container(state="created")
    response = press(operator, container)
    assert response.url == f"/containers/{container.pk}/"
    assert Operation.objects.get().kind == "start"


def test_it_is_a_press_and_never_a_link(operator):
    container = a_container(state="created")
    assert operator.get(f"/containers/{container.pk}/start/").status_code == 405


def test_the_same_press_twice_is_one_operation(operator):
    container, key = a_container(state="created"), uuid.uuid4()
    assert press(operator, container, key).status_code == press(operator, container, key).status_code == 302
    assert Operation.objects.count() == 1


def test_one_that_runs_is_refused_in_words(operator):
    response = press(operator, a_container(name="looper"))
    assert response.status_code == 409 and "looper is running: there is nothing to start" in words(response)


def test_a_press_without_a_key_is_refused(operator):
    response = operator.post(f"/containers/{a_container(state='created').pk}/start/")
    assert response.status_code == 422 and "Reload the page" in words(response)
