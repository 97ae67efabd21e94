"""The dialog before a container is asked to stop: it says exactly what is lost."""

import uuid

from containers_app.models import Operation
from tests.builders import a_container

from .conftest import words


def url(container):
    return f"/containers/{container.pk}/stop/"


def test_a_viewer_may_not(viewer):
    container = a_container(state="running")
    assert viewer.post(url(container), {"request_key": uuid.uuid4()}).status_code == 403
    assert not Operation.objects.exists()


def test_it_says_that_the_memory_is_lost(operator):
    assert "Lost: what is in their memory" in words(operator.get(url(a_container(state="running"))))


def test_an_operator_does_it(operator):
    container = a_container(state="running")
    assert operator.post(url(container), {"request_key": uuid.uuid4()}).url == f"/containers/{container.pk}/"
    assert Operation.objects.get().kind == "stop"


def test_where_it_is_not_possible_it_says_why(operator):
    assert "nothing to stop" in words(operator.get(url(a_container(state="exited"))))
