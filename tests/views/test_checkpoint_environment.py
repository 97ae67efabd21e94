"""The environment in a checkpoint: names for everybody who sees it, values by right, and each look an event."""

import pytest

from containers_app.models import AuditEvent, SeenEnvironment
from tests.builders import a_checkpoint, an_inspection

from .conftest import words


@pytest.fixture
def checkpoint(db):
    checkpoint = a_checkpoint(name="warm")
    an_inspection(checkpoint)
    values = {"config": [["TOKEN", "s3cret<b>"]], "1": [["HOME", "/hidden"]]}
    SeenEnvironment.objects.create(checkpoint=checkpoint, values=values)
    return checkpoint


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/environment/"


def test_a_stranger_is_asked_to_sign_in(stranger, checkpoint):
    assert stranger.get(url(checkpoint)).status_code == 302


def test_names_are_shown_and_values_are_not(viewer, operator, checkpoint):
    for client in (viewer, operator):
        text = words(client.get(url(checkpoint)))
        assert "TOKEN" in text and "HOME" in text and "redis-server · process 1" in text
        assert "s3cret" not in text and "/hidden" not in text
    assert not AuditEvent.objects.filter(action="environment.viewed").exists()


def test_who_holds_the_right_sees_the_values_and_it_is_told(operator, checkpoint):
    response = operator.post(url(checkpoint))
    text = response.content.decode()
    assert "s3cret&lt;b&gt;" in text and "/hidden" in text and response["Cache-Control"] == "no-store"
    event = AuditEvent.objects.get(action="environment.viewed")
    assert event.details == {"names": ["HOME", "TOKEN"]} and event.checkpoint == checkpoint
    assert "s3cret" not in str(event.details) + event.sentence


def test_who_does_not_is_refused(viewer, checkpoint):
    response = viewer.post(url(checkpoint))
    assert response.status_code == 403 and b"s3cret" not in response.content


def test_of_an_older_one_it_says_that_nobody_has_looked(viewer, db):
    assert "Nobody has looked inside" in words(viewer.get(url(a_checkpoint())))
