"""Initialize by one press: everything is ready for the first process, which does not run yet."""

import uuid

import pytest

from containers_app.models import Operation
from tests.builders import a_container


def url(container):
    return f"/containers/{container.pk}/init/"


def test_an_operator_presses_it(operator):
    container = a_container(state="created")
    assert operator.post(url(container), {"request_key": uuid.uuid4()}).url == f"/containers/{container.pk}/"
    assert Operation.objects.get().kind == "init"


def test_a_viewer_may_not_and_a_stranger_is_asked_to_sign_in(viewer, stranger):
    container = a_container(state="created")
    assert viewer.post(url(container)).status_code == 403 and stranger.post(url(container)).status_code == 302


def test_asking_alone_does_nothing(operator):
    assert operator.get(url(a_container(state="created"))).status_code == 405


@pytest.mark.parametrize("state", ["running", "paused", "initialized"])
def test_what_is_ready_or_runs_cannot_be_initialized(operator, state):
    assert operator.post(url(a_container(state=state)), {"request_key": uuid.uuid4()}).status_code == 409
    assert not Operation.objects.exists()
