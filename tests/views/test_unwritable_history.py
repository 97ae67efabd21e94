"""When the history cannot be written: nothing is asked for, nobody is signed in, and people read why."""

import uuid

from containers_app.models import Operation
from tests.builders import a_container, a_user

from .conftest import send, words


def test_a_press_does_nothing_and_says_why(operator, unwritable_history):
    container = a_container(state="running")
    unwritable_history()
    for response in (
        send(operator, f"/containers/{container.pk}/kill/", request_key=uuid.uuid4()),
        operator.post(f"/containers/{container.pk}/kill/", {"request_key": uuid.uuid4()}),
    ):
        assert response.status_code == 503 and "The audit history cannot be written" in words(response)
    assert not Operation.objects.exists()


def test_nobody_is_signed_in_without_an_event(stranger, unwritable_history):
    a_user("mina")
    unwritable_history()
    assert stranger.post("/sign-in/", {"username": "mina", "password": "secret"}).status_code == 503
    assert stranger.get("/").status_code == 302


def test_signing_out_works_all_the_same(viewer, unwritable_history):
    unwritable_history()
    assert viewer.post("/sign-out/").status_code == 503
    assert viewer.get("/").status_code == 302
