"""The dialog before a container is killed: it says exactly what is lost."""

import uuid

from containers_app.models import AuditEvent, Operation
from tests.builders import a_checkpoint, a_container

from .conftest import fragment, queries, send, words


def url(container):
    return f"/containers/{container.pk}/kill/"


def test_a_stranger_is_asked_to_sign_in(stranger):
    container = a_container(state="running")
    assert stranger.get(url(container)).status_code == stranger.post(url(container)).status_code == 302
    assert not Operation.objects.exists()


def test_a_viewer_may_not(viewer):
    container = a_container(state="running")
    assert viewer.get(url(container)).status_code == 403
    assert viewer.post(url(container), {"request_key": uuid.uuid4()}).status_code == 403
    assert not Operation.objects.exists()


def test_it_says_what_is_lost_and_what_is_kept(operator):
    container = a_container(name="looper", state="running")
    text = words(operator.get(url(container)))
    assert "Lost: what is in their memory" in text and "The catalog has no checkpoint of it" in text
    a_checkpoint(container=container)
    assert "Kept: 1 checkpoint of it in the catalog" in words(operator.get(url(container)))


def test_an_operator_does_it(operator):
    container = a_container(state="running")
    response = operator.post(url(container), {"request_key": uuid.uuid4()})
    assert response.url == f"/containers/{container.pk}/"
    assert Operation.objects.get().kind == "kill"


def test_another_signal_is_sent_when_it_is_chosen(operator):
    container = a_container(state="running")
    assert send(operator, url(container), request_key=uuid.uuid4(), signal="9; rm").status_code == 422
    send(operator, url(container), request_key=uuid.uuid4(), signal="USR1")
    assert Operation.objects.get().options == {"signal": "USR1"}
    assert "kill" in AuditEvent.objects.get(action="kill.requested").sentence


def test_asking_alone_does_nothing(operator):
    operator.get(url(a_container(state="running")))
    assert not Operation.objects.exists()


def test_the_dialog_is_a_page_too(operator):
    container = a_container(name="looper", state="running")
    assert b"<html" in operator.get(url(container)).content
    dialog = fragment(operator, url(container), "dialog").content
    assert b"<html" not in dialog and b'id="dialog_title"' in dialog


def test_the_same_press_twice_is_one_operation(operator):
    container, key = a_container(state="running"), uuid.uuid4()
    for _ in range(2):
        assert send(operator, url(container), request_key=key)["HX-Redirect"] == f"/containers/{container.pk}/"
    assert Operation.objects.count() == 1


def test_where_it_is_not_possible_it_says_why(operator):
    container = a_container(name="looper", state="created")
    for response in (operator.get(url(container)), send(operator, url(container), request_key=uuid.uuid4())):
        assert response.status_code == 409 and "looper is created: there is nothing to kill" in words(response)


def test_a_sent_form_without_its_key_is_refused(operator):
    assert operator.post(url(a_container(state="running")), {}).status_code == 422


def test_it_takes_few_queries(operator):
    assert queries(operator, url(a_container(state="running"))) <= 12
