"""A checkpoint into an image: the dialog, what is asked for, and what is refused beside its field."""

import uuid

import pytest

from containers_app.models import Operation
from tests.builders import a_container, an_image

from .conftest import send, words


@pytest.fixture
def container(db):
    return a_container(name="looper")


def url(container):
    return f"/containers/{container.pk}/checkpoint-image/"


def filled(**values):
    return {"request_key": str(uuid.uuid4()), "mode": "stop", "image": "localhost/warm:1", **values}


def test_a_viewer_is_refused(viewer, container):
    assert viewer.get(url(container)).status_code == 403


def test_it_is_offered_on_a_running_container_alone(operator, container):
    assert "Checkpoint into an image" in words(operator.get(f"/containers/{container.pk}/"))
    assert operator.get(url(a_container(state="exited"))).status_code == 409


def test_the_press_asks_for_it(operator, container):
    response = operator.post(url(container), filled(mode="keep_running", tcp_established="on"))
    assert response.url == f"/containers/{container.pk}/"
    operation = Operation.objects.get()
    assert (operation.kind, operation.options["image"]) == ("checkpoint_image", "localhost/warm:1")
    assert operation.options["flags"]["tcp_established"] and operation.options["flags"]["leave_running"]


@pytest.mark.parametrize("image", ["", "two words", "-flag", "a" * 600, "x;rm"])
def test_what_is_no_image_name_is_refused_beside_its_field(operator, container, image):
    response = send(operator, url(container), **filled(image=image))
    assert response.status_code == 422 and not Operation.objects.exists()


def test_a_name_that_an_image_has_is_refused(operator, container):
    an_image(host=container.host, names=["localhost/warm:1"])
    response = send(operator, url(container), **filled())
    assert response.status_code == 409 and "Choose another name" in words(response)
