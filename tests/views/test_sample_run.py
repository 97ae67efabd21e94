"""The button of the first visit."""

import uuid

from containers_app.models import Operation
from tests.builders import a_host, ago

from .conftest import words

URL = "/containers/sample/"


def press(client, **values):
    return client.post(URL, {"request_key": uuid.uuid4(), **values})


def test_a_stranger_is_asked_to_sign_in(stranger):
    a_host()
    assert press(stranger).status_code == 302 and not Operation.objects.exists()


def test_a_viewer_may_not(viewer):
    a_host()
    assert press(viewer).status_code == 403 and not Operation.objects.exists()


def test_an_operator_runs_it_and_is_sent_to_watch(operator):
    host = a_host()
    response = press(operator)
    operation = Operation.objects.get()
    assert response.url == f"/operations/{operation.pk}/"
    assert (operation.kind, operation.host, operation.target_name) == ("sample", host, "looper")


def test_the_same_press_twice_is_one_operation(operator):
    a_host()
    key = uuid.uuid4()
    assert press(operator, request_key=key).url == press(operator, request_key=key).url
    assert Operation.objects.count() == 1


def test_it_runs_on_the_named_host_or_on_one_that_is_there(operator):
    away, present = a_host("a-away", worker_seen_at=ago(hours=1)), a_host("b-here")
    press(operator)
    assert Operation.objects.get().host == present
    press(operator, host=away.pk)
    assert Operation.objects.filter(host=away).exists()


def test_without_a_host_it_says_what_to_do(operator):
    response = press(operator)
    assert response.status_code == 503 and "Start the agent" in words(response)


def test_it_is_a_press_and_never_a_link(operator):
    assert operator.get(URL).status_code == 405
