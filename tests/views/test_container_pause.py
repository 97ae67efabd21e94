"""The button that asks to pause a container: nothing is lost, so nothing is asked again."""

import uuid

from containers_app.models import Operation
from tests.builders import a_container


def url(container):
    return f"/containers/{container.pk}/pause/"


def test_a_viewer_may_not(viewer):
    container = a_container(state="running")
    assert viewer.post(url(container), {"request_key": uuid.uuid4()}).status_code == 403
    assert not Operation.objects.exists()


def test_an_operator_does_it(operator):
    container = a_container(state="running")
    assert operator.post(url(container), {"request_key": uuid.uuid4()}).url == f"/containers/{container.pk}/"
    assert Operation.objects.get().kind == "pause"


def test_where_it_is_not_possible_nothing_is_queued(operator):
    container = a_container(state="exited")
    assert operator.post(url(container), {"request_key": uuid.uuid4()}).status_code == 409
    assert not Operation.objects.exists()
