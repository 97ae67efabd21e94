"""The dialog before a container is removed: it says exactly what is lost."""

import uuid

from django.utils import timezone

from containers_app.models import Operation
from tests.builders import a_checkpoint, a_container, ago

from .conftest import fragment, queries, send, words


def url(container):
    return f"/containers/{container.pk}/remove/"


def test_a_stranger_is_asked_to_sign_in(stranger):
    container = a_container(state="exited")
    assert stranger.get(url(container)).status_code == stranger.post(url(container)).status_code == 302
    assert not Operation.objects.exists()


def test_a_viewer_may_not(viewer):
    container = a_container(state="exited")
    assert viewer.get(url(container)).status_code == 403
    assert viewer.post(url(container), {"request_key": uuid.uuid4()}).status_code == 403
    assert not Operation.objects.exists()


def test_it_says_what_is_lost_and_what_is_kept(operator):
    container = a_container(name="looper", state="exited", checkpointed_at=ago(minutes=1))
    text = words(operator.get(url(container)))
    assert "Lost: every file" in text and "the dump that Podman still holds" in text
    assert "nothing can bring it back" in text
    a_checkpoint(container=container)
    assert "Kept: 1 checkpoint of it in the catalog; each can bring it back" in words(operator.get(url(container)))


def test_an_operator_does_it(operator):
    container = a_container(state="exited")
    response = operator.post(url(container), {"request_key": uuid.uuid4()})
    assert response.url == f"/containers/{container.pk}/"
    assert Operation.objects.get().kind == "remove"


def test_asking_alone_does_nothing(operator):
    operator.get(url(a_container(state="exited")))
    assert not Operation.objects.exists()


def test_the_dialog_is_a_page_too(operator):
    container = a_container(name="looper", state="exited")
    assert b"<html" in operator.get(url(container)).content
    dialog = fragment(operator, url(container), "dialog").content
    assert b"<html" not in dialog and b'id="dialog_title"' in dialog


def test_the_same_press_twice_is_one_operation(operator):
    container, key = a_container(state="exited"), uuid.uuid4()
    for _ in range(2):
        assert send(operator, url(container), request_key=key)["HX-Redirect"] == f"/containers/{container.pk}/"
    assert Operation.objects.count() == 1


def test_where_it_is_not_possible_it_says_why(operator):
    container = a_container(name="looper", state="removed", removed_at=timezone.now())
    for response in (operator.get(url(container)), send(operator, url(container), request_key=uuid.uuid4())):
        assert response.status_code == 409 and "looper is removed: there is nothing to remove" in words(response)


def test_what_runs_is_removed_only_by_force_and_it_says_what_that_costs(operator):
    container = a_container(name="looper", state="running")
    assert "what is in its memory is lost" in words(operator.get(url(container)))
    refused = send(operator, url(container), request_key=uuid.uuid4())
    assert refused.status_code == 422 and "only after it was killed" in words(refused)
    assert not Operation.objects.exists()
    send(operator, url(container), request_key=uuid.uuid4(), force="on", volumes="on")
    assert Operation.objects.get().options == {"force": True, "volumes": True}


def test_its_anonymous_volumes_stay_unless_they_are_ticked(operator):
    for values, options in (({}, {}), ({"volumes": "on"}, {"volumes": True})):
        send(operator, url(a_container(state="exited")), request_key=uuid.uuid4(), **values)
        assert Operation.objects.first().options == options


def test_a_sent_form_without_its_key_is_refused(operator):
    assert operator.post(url(a_container(state="exited")), {}).status_code == 422


def test_it_takes_few_queries(operator):
    assert queries(operator, url(a_container(state="exited"))) <= 12
