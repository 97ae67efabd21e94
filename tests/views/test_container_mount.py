"""Mount by one press: the container's files can be looked at on its host."""

import uuid

import pytest

from containers_app.models import Operation
from tests.builders import a_container


def url(container):
    return f"/containers/{container.pk}/mount/"


def test_an_operator_presses_it(operator):
    container = a_container(state="created")
    assert operator.post(url(container), {"request_key": uuid.uuid4()}).url == f"/containers/{container.pk}/"
    assert Operation.objects.get().kind == "mount"


def test_a_viewer_may_not_and_a_stranger_is_asked_to_sign_in(viewer, stranger):
    container = a_container(state="created")
    assert viewer.post(url(container)).status_code == 403 and stranger.post(url(container)).status_code == 302


@pytest.mark.parametrize(
    "values", [dict(state="created", mount_point="/merged"), dict(state="running", mount_point="/merged")]
)
def test_what_is_mounted_already_cannot_be_mounted(operator, values):
    assert operator.post(url(a_container(**values)), {"request_key": uuid.uuid4()}).status_code == 409
    assert not Operation.objects.exists()
