"""Unmount by one press; never of what runs or is ready to: Podman would take its root from under it."""

import uuid

import pytest

from containers_app.models import Operation
from tests.builders import a_container


def url(container):
    return f"/containers/{container.pk}/unmount/"


def test_an_operator_presses_it(operator):
    container = a_container(state="exited", mount_point="/merged")
    assert operator.post(url(container), {"request_key": uuid.uuid4()}).url == f"/containers/{container.pk}/"
    assert Operation.objects.get().kind == "unmount"


def test_a_viewer_may_not_and_a_stranger_is_asked_to_sign_in(viewer, stranger):
    container = a_container(state="exited", mount_point="/merged")
    assert viewer.post(url(container)).status_code == 403 and stranger.post(url(container)).status_code == 302


@pytest.mark.parametrize(
    "values",
    [dict(state="exited"), dict(state="running", mount_point="/m"), dict(state="initialized", mount_point="/m")],
)
def test_what_is_not_mounted_or_needs_its_mount_cannot_be_unmounted(operator, values):
    assert operator.post(url(a_container(**values)), {"request_key": uuid.uuid4()}).status_code == 409
    assert not Operation.objects.exists()
